"""Each store, behind both drivers, with a clock that tests set."""

from __future__ import annotations

import asyncio
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
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from tuile.sessions.stores import drive, drive_async
from tuile.sessions.stores.memory import MemoryStore
from tuile.sessions.stores.postgres import PostgresStore
from tuile.sessions.stores.redis import RedisStore
from tuile.sessions.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tuile.sessions.operations import Operation
    from tuile.sessions.plans import Plan
    from tuile.sessions.stores import Store

T = TypeVar("T")
NOW = 1_700_000_000.0


class Clock:
    """The time, which only passes when a test says so."""

    def __init__(self) -> None:
        self._now = NOW
        self.told: list[Callable[[float], Any]] = []

    @property
    def now(self) -> float:
        return self._now

    @now.setter
    def now(self, now: float) -> None:
        self._now = now
        for tell in self.told:
            tell(now)

    def __call__(self) -> float:
        return self._now

    def forward(self, seconds: float) -> None:
        self.now += seconds


class Driven:
    """A store behind one of the drivers."""

    def __init__(self, store: Store, is_async: bool) -> None:
        self.store = store
        self.is_async = is_async
        self.asked: list[Operation] = []

    def run(self, plan: Plan[T]) -> T:
        noted = self._noting(plan)
        return asyncio.run(drive_async(noted, self.store)) if self.is_async else drive(noted, self.store)

    def ask(self, operation: Operation) -> Any:
        def plan() -> Plan[Any]:
            answer = yield operation
            return answer

        return self.run(plan())

    def _noting(self, plan: Plan[T]) -> Plan[T]:
        answer = None
        while True:
            try:
                operation = plan.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result
            self.asked.append(operation)
            answer = yield operation


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


class ClockedRedisStore(RedisStore):
    """A store whose time is in a key of the database, for a test to set."""

    _clock = "local now = tonumber(redis.call('GET', 'clock'))"


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Redis that is started for these tests."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None or importlib.util.find_spec("redis") is None:
        reason = "NO REDIS: `make services` installs redis-server, and `make venv` redis-py"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with subprocess.Popen([program, *options], stdout=subprocess.DEVNULL) as server:
        try:
            url = f"redis://127.0.0.1:{port}"
            _wait_for(url)
            yield url
        finally:
            server.terminate()


class ClockedPostgresStore(PostgresStore):
    """A store whose time is in a table of the database, for a test to set."""

    _now = "(SELECT now FROM clock)"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a PostgreSQL that is started for these tests."""
    folders = [*os.environ.get("PATH", "").split(os.pathsep), *glob.glob("/usr/lib/postgresql/*/bin")]
    program = shutil.which("initdb", path=os.pathsep.join(folders))
    # It does not run as root.
    user = "postgres" if os.getuid() == 0 else None
    if program is None or importlib.util.find_spec("psycopg") is None:
        reason = "NO POSTGRESQL: `make services` installs it, and `make venv` psycopg"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    # Not a folder of pytest's, which nobody but its user may enter.
    folder = tempfile.mkdtemp(prefix="tuile-postgres-")
    if user is not None:
        shutil.chown(folder, user)
    try:
        made = [program, "-D", folder, "-A", "trust", "-U", "tuile", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL, user=user, cwd="/")
        command = [os.path.join(os.path.dirname(os.path.realpath(program)), "postgres"), "-D", folder, "-p", str(port)]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, user=user, cwd="/") as server:
            try:
                url = f"postgresql://tuile@127.0.0.1:{port}/postgres"
                _wait_for_postgres(url)
                yield url
            finally:
                server.send_signal(signal.SIGINT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for_postgres(url: str) -> None:
    psycopg = importlib.import_module("psycopg")
    for _ in range(600):
        with suppress(psycopg.Error):
            psycopg.connect(url).close()
            return
        time.sleep(0.1)
    pytest.fail("PostgreSQL does not answer.")


def _wait_for(url: str) -> None:
    client = importlib.import_module("redis").Redis.from_url(url)
    for _ in range(600):
        with suppress(OSError, Exception):
            client.ping()
            client.close()
            return
        time.sleep(0.1)
    pytest.fail("Redis does not answer.")


def _set_up_clock(store: PostgresStore, clock: Clock) -> None:
    def tell(now: float) -> None:
        with store._connection() as connection:
            connection.execute("UPDATE clock SET now = %s", [now])

    with store._connection() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS clock (now double precision)")
        connection.execute("TRUNCATE clock, tuile_sessions")
        connection.execute("INSERT INTO clock VALUES (%s)", [clock.now])
    clock.told.append(tell)


@pytest.fixture(params=["memory", "sqlite", "redis", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Store]:
    made: Any
    if request.param == "memory":
        made = MemoryStore()
    elif request.param == "sqlite":
        made = SQLiteStore(tmp_path / "folder" / "sessions.db")
    elif request.param == "postgres":
        made = ClockedPostgresStore(request.getfixturevalue("postgres_url"), timeout=30)
        _set_up_clock(made, clock)
    else:
        # With time for a machine that is busy.
        made = ClockedRedisStore(request.getfixturevalue("redis_url"), timeout=30)
        made._client.flushdb()
        made._client.set("clock", repr(clock.now))
        clock.told.append(lambda now: made._client.set("clock", repr(now)))
    yield made
    getattr(made, "close", int)()


@pytest.fixture(params=["blocking", "awaited"])
def driven(request: pytest.FixtureRequest, store: Store) -> Driven:
    return Driven(store, request.param == "awaited")
