"""Starting a server on the loopback, asking it once, loading it with wrk, and always stopping it.

What must live here: processes, ports, what wrk prints. What must not: which cells are measured, or tables.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from benchmarks.measuring import environment
from benchmarks.measuring.asking import Answer, Ask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.measuring.workload import Peer, Workload

HOST = "127.0.0.1"
APP = "benchmarks.measuring.served_app:app"
# The server has the first core for itself and the load generator the second.
SERVER_CORE, LOAD_CORE = "0", "1"
START_LIMIT_S = 30
STOP_LIMIT_S = 5
_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


@dataclass(frozen=True)
class Server:
    """One way of serving: the interface it speaks and its command, to which the port is added."""

    name: str
    door: Literal["wsgi", "asgi"]
    arguments: tuple[str, ...]

    def command(self, port: int) -> list[str]:
        """The whole command, run by this interpreter."""
        where = ["--bind", f"{HOST}:{port}"] if "gunicorn" in self.arguments else ["--host", HOST, "--port", str(port)]
        return ["taskset", "-c", SERVER_CORE, sys.executable, "-m", *self.arguments, *where, APP]


_GRANIAN = ("granian", "--workers", "1", "--no-ws", "--log-level", "error")
SERVERS = (
    Server("granian WSGI", "wsgi", (*_GRANIAN, "--interface", "wsgi", "--blocking-threads", "1")),
    Server(
        "gunicorn gthread",
        "wsgi",
        ("gunicorn", "--workers", "1", "--worker-class", "gthread", "--threads", "4", "--log-level", "error"),
    ),
    Server("uvicorn", "asgi", ("uvicorn", "--workers", "1", "--no-access-log", "--log-level", "error")),
    Server("granian ASGI", "asgi", (*_GRANIAN, "--interface", "asgi")),
)


@dataclass(frozen=True)
class Load:
    """What wrk measured, and the processor time that the server took per request, which other processes hardly move."""

    requests_per_s: float
    p99_ms: float
    cpu_us: float


@dataclass(frozen=True)
class Serving:
    """A server that is running: its port, and the process group it and its workers are in."""

    port: int
    group: int


class ServingFailed(RuntimeError):
    """A server did not start, gave a wrong answer, or wrk saw errors."""


@contextlib.contextmanager
def served(server: Server, peer: Peer, workload: Workload) -> Iterator[Serving]:
    """Serve a peer's application while the block runs. No process is left behind, whatever happens."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = int(free.getsockname()[1])
    own = {"BENCH_PEER": peer.name, "BENCH_WORK": workload.name, "PYTHONPATH": str(environment.ROOT)}
    # What an application keeps in files goes with the folder, however its server ends.
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            server.command(port),
            cwd=environment.ROOT,
            env={**os.environ, **own, "TMPDIR": folder},
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # its workers are in its group, and are stopped with it
        )
        try:
            if not _answers(process, port):
                errors.seek(0)
                raise ServingFailed(f"{server.name} did not start: {errors.read().decode(errors='replace')[-500:]}")
            yield Serving(port, process.pid)
        finally:
            _stop(process)


def ask(serving: Serving, request: Ask) -> Answer:
    """One request through the server."""
    connection = http.client.HTTPConnection(HOST, serving.port, timeout=10)
    with contextlib.closing(connection):
        connection.request(request.method, request.path, request.body or None, headers=dict(request.headers))
        response = connection.getresponse()
        return Answer(response.status, response.getheaders(), response.read())


def load(serving: Serving, request: Ask, seconds: int, connections: int) -> Load:
    """Requests for some seconds over kept-alive connections."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_lua(request))
        script.flush()
        return _load(serving, request, ["-s", script.name], seconds, connections)


def _lua(request: Ask) -> str:
    """The request in wrk's words. JSON's way to write a text is Lua's too, for what is ASCII."""
    lines = [f"wrk.method = {json.dumps(request.method)}"]
    lines += [f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in request.headers]
    if request.body:
        lines.append(f"wrk.body = {json.dumps(request.body.decode('ascii'))}")
    return "\n".join(lines) + "\n"


def _load(serving: Serving, request: Ask, options: list[str], seconds: int, connections: int) -> Load:
    wrk = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *options]
    command = ["taskset", "-c", LOAD_CORE, *wrk]
    url = f"http://{HOST}:{serving.port}{request.path}"
    before_s = _cpu_s(serving.group)
    printed = subprocess.run([*command, url], check=True, capture_output=True, text=True, timeout=seconds + 30).stdout
    cpu_s = _cpu_s(serving.group) - before_s
    errors = re.findall(r"Socket errors: .*|Non-2xx or 3xx responses: \d+", printed)
    if errors:
        raise ServingFailed("; ".join(errors))
    rate = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s|m)\b", printed)
    count = re.search(r"(\d+) requests in", printed)
    if rate is None or p99 is None or count is None:
        raise ServingFailed(f"wrk printed something unexpected: {printed[-500:]}")
    return Load(float(rate[1]), float(p99[1]) * _MS[p99[2]], cpu_s / int(count[1]) * 1e6)


def _cpu_s(group: int) -> float:
    """The processor time of all processes of a group so far."""
    ticks = 0
    for process in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError), open(f"/proc/{int(process)}/stat", encoding="utf-8") as stat:
            fields = stat.read().rpartition(")")[2].split()  # the name before it may hold anything
            if int(fields[2]) == group:
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _answers(process: subprocess.Popen[Any], port: int) -> bool:
    """Whether the server accepts a connection before it ends or the limit has passed."""
    limit = time.monotonic() + START_LIMIT_S
    while time.monotonic() < limit and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return True
        time.sleep(0.05)
    return False


def _stop(process: subprocess.Popen[Any]) -> None:
    """End the server and everything it started: politely, then not."""
    for signal_, limit in ((signal.SIGTERM, STOP_LIMIT_S), (signal.SIGKILL, STOP_LIMIT_S)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal_)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(limit)
            break
    with contextlib.suppress(ProcessLookupError):  # a worker that outlived its server
        os.killpg(process.pid, signal.SIGKILL)
