"""Redis and PostgreSQL for tests and measurements: started on free ports, stopped by their processes."""

from __future__ import annotations

import atexit
import glob
import importlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class MissingError(Exception):
    """A server, or the library that speaks to it, is not on this machine."""


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def redis_server(folder: str, port: int | None = None, *, durable: bool = False) -> Iterator[str]:
    """Start Redis or Valkey, and give its URL.

    Args:
        folder: Where its files are.
        port: Where it listens; None for a free port.
        durable: Whether it keeps what it has, and waits for the disk.

    Raises:
        MissingError: If it, or redis-py, is not there.
    """
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None or importlib.util.find_spec("redis") is None:
        raise MissingError("NO REDIS: `make services` installs redis-server, and `make venv` redis-py")
    port = port or _free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
    options += ["--appendonly", "yes", "--appendfsync", "always"] if durable else []
    with subprocess.Popen([program, *options], stdout=subprocess.DEVNULL) as server:
        try:
            redis = importlib.import_module("redis")
            url = f"redis://127.0.0.1:{port}"
            client = redis.Redis.from_url(url)
            for _ in range(600):
                try:
                    client.ping()
                    break
                except redis.RedisError:
                    time.sleep(0.1)
            client.close()
            yield url
        finally:
            server.terminate()


def _redis_program() -> str:
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None or importlib.util.find_spec("redis") is None:
        raise MissingError("NO REDIS: `make services` installs redis-server, and `make venv` redis-py")
    return program


def _until(is_so: Callable[[], object]) -> None:
    """Wait until something is so, or has not been so for a minute."""
    for _ in range(600):
        with suppress(Exception):
            if is_so():
                return
        time.sleep(0.1)


@contextmanager
def _redis_servers(*options: list[str]) -> Iterator[list[int]]:
    """Start several servers with options, of which {port} is replaced, and give their ports."""
    redis, program = importlib.import_module("redis"), _redis_program()
    with ExitStack() as running, tempfile.TemporaryDirectory() as folder:
        ports: list[int] = []
        while len(ports) < len(options):
            # The nodes of a cluster also listen at the port 10,000 above.
            if (port := _free_port()) < 55_000 and port not in ports:
                ports.append(port)
        for port, given in zip(ports, options, strict=True):
            own = os.path.join(folder, str(port))
            os.mkdir(own)
            configuration = os.path.join(own, "server.conf")
            lines = [f"port {port}", "bind 127.0.0.1", "save ''", f"dir {own}", *(one.format(*ports) for one in given)]
            # Else a replica waits five seconds for others.
            lines += [] if "--sentinel" in given else ["repl-diskless-sync-delay 0"]
            with open(configuration, "w", encoding="utf-8") as file:
                file.write("\n".join(line for line in lines if not line.startswith("--")) + "\n")
            flags = [line for line in given if line.startswith("--")]
            server = subprocess.Popen([program, configuration, *flags], stdout=subprocess.DEVNULL)
            running.callback(server.wait)
            running.callback(server.kill)
            client = redis.Redis(port=port)
            running.callback(client.close)
            _until(client.ping)
        yield ports


@contextmanager
def redis_sentinel() -> Iterator[list[int]]:
    """Start a master, a replica and a Sentinel, and give their ports. The service is called `sessions`.

    Raises:
        MissingError: If Redis, or redis-py, is not there.
    """
    watch = [
        "--sentinel",
        "sentinel monitor sessions 127.0.0.1 {0} 1",
        "sentinel down-after-milliseconds sessions 60000",
    ]
    with _redis_servers([], ["replicaof 127.0.0.1 {0}"], watch) as ports:
        redis = importlib.import_module("redis")
        client = redis.Redis(port=ports[2], decode_responses=True)
        _until(lambda: client.sentinel_slaves("sessions")[0]["master-link-status"] == "ok")
        client.close()
        yield ports


@contextmanager
def redis_cluster() -> Iterator[list[int]]:
    """Start a cluster of three masters, and give their ports.

    Raises:
        MissingError: If Redis, or redis-py, is not there.
    """
    of_cluster = ["cluster-enabled yes"]
    with _redis_servers(of_cluster, of_cluster, of_cluster) as ports, ExitStack() as open_clients:
        redis, slots = importlib.import_module("redis"), (0, 5461, 10923, 16384)
        clients = [redis.Redis(port=port, decode_responses=True) for port in ports]
        for number, client in enumerate(clients):
            open_clients.callback(client.close)
            client.execute_command("CLUSTER ADDSLOTSRANGE", slots[number], slots[number + 1] - 1)
            client.execute_command("CLUSTER MEET", "127.0.0.1", ports[0])
        _until(lambda: all(one.cluster("INFO")["cluster_state"] == "ok" for one in clients))
        _until(lambda: all(one.cluster("INFO")["cluster_known_nodes"] == "3" for one in clients))
        yield ports


@contextmanager
def postgres_folder() -> Iterator[str]:
    """Give a folder for PostgreSQL, which does not run as root."""
    # Not a folder of pytest's, which nobody but its user may enter.
    folder = tempfile.mkdtemp(prefix="tuile-postgres-")
    try:
        if (user := _postgres_user()) is not None:
            shutil.chown(folder, user)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@lru_cache(maxsize=1)
def _cluster(initdb: str) -> str:
    """Return a folder with the files of a new PostgreSQL, to be copied: to make them takes much longer."""
    keep = ExitStack()
    atexit.register(keep.close)
    folder = keep.enter_context(postgres_folder())
    made_by = [initdb, "-D", folder, "-A", "trust", "-U", "tuile", "-E", "UTF8", "--locale=C", "--no-sync"]
    subprocess.run(made_by, check=True, stdout=subprocess.DEVNULL, user=_postgres_user(), cwd="/")
    return folder


def _postgres_user() -> str | None:
    return "postgres" if os.getuid() == 0 else None


@contextmanager
def postgres_server(folder: str | None = None, port: int | None = None, *, fsync: bool = False) -> Iterator[str]:
    """Start PostgreSQL, and give its URL.

    Args:
        folder: Where its files are, from `postgres_folder`; None for one of its own.
        port: Where it listens; None for a free port.
        fsync: Whether it waits for the disk.

    Raises:
        MissingError: If it, or psycopg, is not there.
    """
    if folder is None:
        with postgres_folder() as made, postgres_server(made, port, fsync=fsync) as url:
            yield url
        return
    folders = [*os.environ.get("PATH", "").split(os.pathsep), *glob.glob("/usr/lib/postgresql/*/bin")]
    program = shutil.which("initdb", path=os.pathsep.join(folders))
    if program is None or importlib.util.find_spec("psycopg") is None:
        raise MissingError("NO POSTGRESQL: `make services` installs it, and `make venv` psycopg")
    user, port = _postgres_user(), port or _free_port()
    if not os.listdir(folder):
        subprocess.run(["cp", "-a", f"{_cluster(program)}/.", folder], check=True, user=user, cwd="/")
    command = [os.path.join(os.path.dirname(os.path.realpath(program)), "postgres"), "-D", folder, "-p", str(port)]
    command += ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
    command += ["-c", f"fsync={'on' if fsync else 'off'}"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, user=user, cwd="/") as server:
        try:
            url = f"postgresql://tuile@127.0.0.1:{port}/postgres"
            psycopg = importlib.import_module("psycopg")
            for _ in range(600):
                try:
                    psycopg.connect(url).close()
                    break
                except psycopg.Error:
                    time.sleep(0.1)
            yield url
        finally:
            server.send_signal(signal.SIGINT)


class Restartable:
    """A server that a test stops and starts again, at the same place and with what it has kept.

    Args:
        kind: "redis" or "postgres".
        folder: Where its files are.
    """

    def __init__(self, kind: str, folder: str) -> None:
        self._kind = kind
        self._folder = folder
        self._running: ExitStack | None = None
        self.url = ""

    def start(self) -> None:
        """Start it; its `url` is known then."""
        with ExitStack() as running:
            port = int(self.url.rpartition(":")[2].partition("/")[0]) if self.url else None
            serve = redis_server if self._kind == "redis" else postgres_server
            self.url = running.enter_context(serve(self._folder, port, **_LASTING[self._kind]))
            self._running = running.pop_all()

    def stop(self) -> None:
        """Stop it, and wait until it has."""
        if self._running is not None:
            self._running.close()
            self._running = None


_LASTING = {"redis": {"durable": True}, "postgres": {"fsync": True}}


@contextmanager
def restartable_server(kind: str) -> Iterator[Restartable]:
    """Start a server of a kind that can be restarted.

    Raises:
        MissingError: If it is not there.
    """
    with postgres_folder() if kind == "postgres" else tempfile.TemporaryDirectory() as folder:
        server = Restartable(kind, folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()
