"""Each store, behind both drivers, with a clock that tests set."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from tests.stores.servers import MissingError, postgres_server, redis_server
from tuile.sessions.stores import drive, drive_async
from tuile.sessions.stores.memory import MemoryStore
from tuile.sessions.stores.postgres import PostgresStore
from tuile.sessions.stores.postgres_wire import Statement
from tuile.sessions.stores.redis import RedisStore
from tuile.sessions.stores.redis_wire import Request, pack
from tuile.sessions.stores.remote import RemoteStore
from tuile.sessions.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tuile.sessions.lifecycle import Procedure
    from tuile.sessions.operations import Operation
    from tuile.sessions.stores import Store

T = TypeVar("T")
NOW = 1_700_000_000.0


class Clock:
    """The time, which only passes when a test says so."""

    def __init__(self) -> None:
        self._now = NOW
        self.told: list[Callable[[float], Any]] = []
        self.ended: list[Callable[[], None]] = []

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
        self.loop = asyncio.new_event_loop() if is_async else None
        self.asked: list[Operation] = []

    @property
    def is_async(self) -> bool:
        return self.loop is not None

    def close(self) -> None:
        if self.loop is not None:
            if isinstance(self.store, RemoteStore):
                self.loop.run_until_complete(self.store.close_async())
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()

    def run(self, procedure: Procedure[T]) -> T:
        noted = self._noting(procedure)
        if self.loop is None:
            return drive(noted, self.store)
        # One loop for a test: to make one and to connect anew takes longer than most operations.
        return self.loop.run_until_complete(drive_async(noted, self.store))

    def ask(self, operation: Operation) -> Any:
        def procedure() -> Procedure[Any]:
            answer = yield operation
            return answer

        return self.run(procedure())

    def _noting(self, procedure: Procedure[T]) -> Procedure[T]:
        answer = None
        while True:
            try:
                operation = procedure.send(answer)
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


def command(store: RedisStore, *arguments: str | bytes) -> Any:
    """Send a command to the server of a store, over another connection."""
    return store._command(*arguments)


class ClockedRedisStore(RedisStore):
    """A store whose time is in a key of the database, for a test to set."""

    _clock = "local now = tonumber(redis.call('GET', 'clock'))"
    # The server removes nothing by this clock.
    _before_saves = f"""{_clock}
if tonumber(string.match(redis.call('HGET', KEYS[1], 't') or ' 0', '[^ ]+$')) <= now then return 0 end
"""
    _time = pack("MGET", "clock", "microseconds")


@contextmanager
def available() -> Iterator[None]:
    """Skip the tests of a store whose server is not there; fail when CI=true."""
    try:
        yield
    except MissingError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Redis that is started for these tests."""
    with available(), redis_server(str(tmp_path_factory.mktemp("redis"))) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a PostgreSQL that is started for these tests."""
    with available(), postgres_server() as url:
        yield url


class ClockedPostgresStore(PostgresStore):
    """A store whose time is in a table of the database, for a test to set."""

    _now = "(SELECT now FROM clock)"


def _set_up_clock(store: PostgresStore, clock: Clock) -> None:
    connection = store._connect()
    connection.exchange(Statement("CREATE TABLE IF NOT EXISTS clock (now double precision)"))
    connection.exchange(Statement("TRUNCATE clock, tuile_sessions"))
    connection.exchange(Statement("INSERT INTO clock VALUES (%s)", [clock.now]))
    clock.told.append(lambda now: connection.exchange(Statement("UPDATE clock SET now = %s", [now])))
    clock.ended.append(connection.close)


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
        connection = made._connect()
        connection.exchange(Request(pack("FLUSHDB")))
        connection.exchange(Request(pack("MSET", "clock", repr(clock.now), "microseconds", "0")))
        clock.told.append(lambda now: connection.exchange(Request(pack("SET", "clock", repr(now)))))
        clock.ended.append(connection.close)
    yield made
    getattr(made, "close", int)()
    for end in clock.ended:
        end()


@pytest.fixture(params=["blocking", "awaited"])
def driven(request: pytest.FixtureRequest, store: Store) -> Iterator[Driven]:
    driven = Driven(store, request.param == "awaited")
    yield driven
    driven.close()
