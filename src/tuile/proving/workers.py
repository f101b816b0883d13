"""Start and end the processes that answer requests, one for each side."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import typing as t
from contextlib import suppress
from multiprocessing.connection import Listener

from .runs import stop
from .sides import CALLED, TUILE, CannotCompare, environment

if t.TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from .worker import Question, Reply

    Pipe: t.TypeAlias = Connection[object, object]

_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "worker.py")
_START_S = 120
_TAIL = 3000


class NoAnswer(Exception):
    """A worker gave no answer. The message says what happened."""

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        #: What the process has printed, or the traceback.
        self.detail = detail


class Worker:
    """The process of one side.

    Args:
        side: The side.
        app: The application, as for `flask run`; None: found as there.
        timeout_s: How long an answer may take.
    """

    def __init__(self, side: str, app: str | None, timeout_s: float) -> None:
        self.side = side
        self._app, self._timeout_s = app, timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Pipe | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`

    def ask(self, message: Question) -> Reply:
        """Return the answer to a message. The process is started if there is none.

        Raises:
            NoAnswer: If there is none in time, the process ended, or the application raised an error.
            CannotCompare: If the application cannot be loaded.
        """
        if self._connection is None:
            self._start()
        assert self._connection is not None  # noqa: S101 - for the type checker
        try:
            self._connection.send(message)
            if not self._connection.poll(self._timeout_s * max(1, message["times"] ** 0.5)):
                self.end(kill=True)
                raise NoAnswer(f"no answer within {self._timeout_s:g} s (--timeout)")
            found = t.cast("dict[str, object]", self._connection.recv())
        except (EOFError, OSError):
            self.end(kill=True)
            raise NoAnswer("the process ended", self._printed()) from None
        if "error" in found:
            text = str(found["error"]).strip()
            raise NoAnswer(f"the application raised {text.splitlines()[-1]}", text)
        return t.cast("Reply", found)

    def _start(self) -> None:
        key = secrets.token_bytes(32)
        environ = environment(self.side, None)
        with Listener(authkey=key) as listener:
            environ |= {
                "TUILE_PROVE_ADDRESS": str(listener.address),
                "TUILE_PROVE_KEY": key.hex(),
                "TUILE_PROVE_APP": self._app or "",
            }
            self._process = subprocess.Popen(  # noqa: S603 - a module of this package
                [sys.executable, _PROGRAM],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                start_new_session=os.name != "nt",
            )
            self._connection = _accept(listener, self._process)
        if self._connection is None or not self._connection.poll(_START_S):
            self.end(kill=True)
            raise CannotCompare(f"The process on the side of {CALLED[self.side]} did not start.\n{self._printed()}")
        try:
            found = t.cast("dict[str, object]", self._connection.recv())
        except (EOFError, OSError):
            found = {"error": self._printed()}
        if "error" in found:
            self.end(kill=True)
            raise CannotCompare(f"On {CALLED[self.side]} the application cannot be loaded.\n{found['error']}")
        if found["is_tuile"] != (self.side == TUILE):
            raise CannotCompare(
                f"On the side of {CALLED[self.side]} the application has imported the other one. Does it install"
                " tuile.shim by itself?"
            )

    def _printed(self) -> str:
        """Return the end of what the process has printed."""
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - _TAIL))
        return self._log.read().decode("utf-8", "replace").strip()

    def end(self, *, kill: bool = False) -> None:
        """End the process. The next message starts another one."""
        connection, process = self._connection, self._process
        self._connection = self._process = None
        if connection is not None:
            connection.close()
        if process is not None:
            if not kill:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(10)
            stop(process)

    def close(self) -> None:
        """End the process for good."""
        self.end()
        self._log.close()


def _accept(listener: Listener, process: subprocess.Popen[bytes]) -> Pipe | None:
    """Return the connection of a process; None if it ends before it connects."""
    import threading  # noqa: PLC0415 - only where a process is started

    found: list[Pipe] = []

    def accept() -> None:
        with suppress(OSError, EOFError):
            found.append(listener.accept())

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    waited = 0.0
    while thread.is_alive() and waited < _START_S:
        thread.join(0.2)
        waited += 0.2
        if process.poll() is not None:
            thread.join(1)
            break
    return found[0] if found else None
