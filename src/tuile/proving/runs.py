"""Run a command of one side to its end, or until its time is up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import typing as t
from contextlib import suppress

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TAIL = 4000


class Run(t.NamedTuple):
    """How a command ended.

    Attributes:
        code: Its exit code; negative for a signal; None if it was stopped because its time was up.
        wall_s: How long it took.
        cpu_s: How long it and its children kept processors busy; None where this is not known.
        tail: The end of what it printed.
    """

    code: int | None
    wall_s: float
    cpu_s: float | None
    tail: str

    def ending(self) -> str:
        """Return how it ended, as text."""
        if self.code is None:
            return f"was stopped after {self.wall_s:.0f} s (--timeout)"
        if self.code < 0:
            try:
                return f"was ended by {signal.Signals(-self.code).name}"
            except ValueError:
                return f"was ended by signal {-self.code}"
        return f"ended with exit code {self.code}"


def run(command: Sequence[str], environ: Mapping[str, str], timeout_s: float, output: str) -> Run:
    """Run a command.

    Args:
        command: The program and its arguments.
        environ: Its environment.
        timeout_s: After how many seconds it is stopped, with the processes that it started.
        output: The path of a file for what it prints.

    Raises:
        OSError: If it cannot be started.
    """
    with open(output, "wb") as file:
        before, start = _children_s(), time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - the user's own command
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=os.name != "nt",
        )
        code: int | None
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            code = None
        except BaseException:
            stop(process)
            raise
        wall_s = time.perf_counter() - start
        # Also what an ended command leaves behind, such as a server that a test has started.
        stop(process)
        after = _children_s()
    cpu_s = None if before is None or after is None or code is None else after - before
    return Run(code, wall_s, cpu_s, _tail(output))


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a session, and its children."""
    if os.name == "nt":
        process.kill()
    else:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _children_s() -> float | None:
    """Return the time of the processors that ended children took."""
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415 - not on Windows

    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _tail(path: str) -> str:
    with open(path, "rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - _TAIL))
        return file.read().decode("utf-8", "replace").strip()
