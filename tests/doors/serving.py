"""Start a server for the duration of a test, and send requests to it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.fresh import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SITE = Path(__file__).with_name("site")
BIN = Path(sys.executable).parent
START_S = 100


class Answer(NamedTuple):
    """The response of a server."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


class Server(NamedTuple):
    """A running server."""

    port: int
    process: subprocess.Popen[str]
    log: Path

    def ask(self, path: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send one request on a new connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()


@contextmanager
def serve(command: Sequence[str], log: Path, cwd: Path = SITE) -> Iterator[Server]:
    """Run a server during the block. `{port}` in the command becomes a free port; the output goes to `log`."""
    port = _free_port()
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [part.format(port=port) for part in command],
            cwd=cwd,
            env=clean_environment(PATH=f"{BIN}{os.pathsep}{os.environ['PATH']}", PYTHONDONTWRITEBYTECODE="1"),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # so that its workers end with it
        )
        try:
            _wait_until_it_listens(process, port, log)
            yield Server(port, process, log)
        finally:
            process.terminate()
            try:
                process.wait(100)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(100)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_listens(process: subprocess.Popen[str], port: int, log: Path) -> None:
    give_up = time.monotonic() + START_S
    while time.monotonic() < give_up and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"{process.args!r} does not listen:\n{log.read_text(encoding='utf-8')}")
