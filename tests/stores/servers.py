"""Redis and PostgreSQL for tests and measurements: started on free ports, stopped by their processes."""

from __future__ import annotations

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
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


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


@contextmanager
def postgres_server(*, fsync: bool = False) -> Iterator[str]:
    """Start PostgreSQL with an empty database, and give its URL.

    Args:
        fsync: Whether it waits for the disk.

    Raises:
        MissingError: If it, or psycopg, is not there.
    """
    folders = [*os.environ.get("PATH", "").split(os.pathsep), *glob.glob("/usr/lib/postgresql/*/bin")]
    program = shutil.which("initdb", path=os.pathsep.join(folders))
    if program is None or importlib.util.find_spec("psycopg") is None:
        raise MissingError("NO POSTGRESQL: `make services` installs it, and `make venv` psycopg")
    # It does not run as root.
    user = "postgres" if os.getuid() == 0 else None
    port = _free_port()
    # Not a folder of pytest's, which nobody but its user may enter.
    folder = tempfile.mkdtemp(prefix="tuile-postgres-")
    if user is not None:
        shutil.chown(folder, user)
    try:
        made = [program, "-D", folder, "-A", "trust", "-U", "tuile", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL, user=user, cwd="/")
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
    finally:
        shutil.rmtree(folder, ignore_errors=True)
