"""A session that is in a store and cannot be read is an empty one, and the log says so."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.stores.servers import MissingError, postgres_server, redis_server
from tests.stores.site import Site
from tuile import session
from tuile.sessions import unreadable
from tuile.sessions.operations import Load
from tuile.sessions.record import Clocks
from tuile.sessions.stores.postgres import PostgresStore
from tuile.sessions.stores.redis import RedisStore
from tuile.sessions.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tuile.sessions.stores import Store

SECRET = "what nobody may see"
# What another program, or another version, may have written, by the column or field: none of it is what stores write.
CONTENTS = ["", "no lines", '{"a": 1}', f'{{"secret": "{SECRET}"}}', " \n"]
STATES = ["", "no JSON", "[]", "[1, 2]", '{"verifier": "v", "unknown": 1}', f'"{SECRET}"', "[" * 100_000]


@pytest.fixture(autouse=True)
def nothing_was_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unreadable, "_reported", set())


class Damaged:
    """A store, and how something else writes into it."""

    def __init__(self, store: Store, write: Callable[[str, str, str], None]) -> None:
        self.store = store
        self.write = write


@pytest.fixture
def in_sqlite(tmp_path: Path) -> Damaged:
    path = tmp_path / "sessions.db"

    def write(handle: str, column: str, text: str) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(f"UPDATE tuile_sessions SET {column} = ? WHERE handle = ?", (text, handle))  # noqa: S608

    return Damaged(SQLiteStore(path), write)


@pytest.fixture
def in_redis(tmp_path: Path) -> Iterator[Damaged]:
    redis = pytest.importorskip("redis")
    try:
        with redis_server(str(tmp_path)) as url, redis.from_url(url) as client:

            def write(handle: str, column: str, text: str) -> None:
                client.hset(f"session:s:{handle}", {"data": "c", "state": "m", "head": "t"}[column], text)

            yield Damaged(RedisStore(url), write)
    except MissingError as error:
        pytest.skip(str(error))


@pytest.fixture
def in_postgres() -> Iterator[Damaged]:
    psycopg = pytest.importorskip("psycopg")
    try:
        with postgres_server() as url:

            def write(handle: str, column: str, text: str) -> None:
                with psycopg.connect(url) as connection:
                    statement = f"UPDATE tuile_sessions SET {column} = %s WHERE handle = %s"  # noqa: S608
                    connection.execute(statement, (text, f"session:{handle}"))

            yield Damaged(PostgresStore(url), write)
    except MissingError as error:
        pytest.skip(str(error))


@pytest.fixture(params=["sqlite", "redis", "postgres"])
def damaged(request: pytest.FixtureRequest) -> Damaged:
    found: Damaged = request.getfixturevalue(f"in_{request.param}")
    return found


def handle_of(cookie: str) -> str:
    return cookie.partition(".")[0]


def reports_of(handle: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if f"The session {handle} cannot be read" in one.getMessage()]


def test_what_stores_do_not_write_is_reported_once(damaged: Damaged, caplog: pytest.LogCaptureFixture) -> None:
    site = Site(damaged.store)
    for column, texts in (("data", CONTENTS), ("state", STATES)):
        for text in texts:
            cookie = site.begin(x=SECRET)
            damaged.write(handle_of(cookie), column, text)
            for _ in range(3):
                assert site.content(cookie) == {}
            (message,) = reports_of(handle_of(cookie), caplog)
            assert "another version" in message
            assert caplog.records[-1].name == site.app.name
            assert caplog.records[-1].levelname == "WARNING"
            assert cookie.partition(".")[2] not in message
    assert SECRET not in caplog.text


def test_a_new_session_leaves_the_old_one_alone(damaged: Damaged, caplog: pytest.LogCaptureFixture) -> None:
    site = Site(damaged.store)
    cookie = site.begin(x=1)
    damaged.write(handle_of(cookie), "data", "no lines")
    new = site.ask(lambda: session.update(y=2), cookie).cookie
    assert new is not None
    assert handle_of(new) != handle_of(cookie)
    assert site.content(new) == {"y": 2}
    damaged.write(handle_of(cookie), "data", '\n"x":1\n')
    assert site.content(cookie) == {"x": 1}
    assert len(reports_of(handle_of(cookie), caplog)) == 1


def test_what_is_not_there_or_can_be_read_is_not_reported(damaged: Damaged, caplog: pytest.LogCaptureFixture) -> None:
    site = Site(damaged.store)
    cookie = site.begin(x=1)
    assert site.content(cookie) == {"x": 1}
    assert site.content("h" * 22 + "." + cookie.partition(".")[2]) == {}
    site.ask(lambda: session.end(), cookie)  # noqa: PLW0108 - the proxy is bound in the view
    assert site.content(cookie) == {}
    assert "cannot be read" not in caplog.text


def test_without_a_context_it_is_reported_too(damaged: Damaged, caplog: pytest.LogCaptureFixture) -> None:
    cookie = Site(damaged.store).begin(x=1)
    damaged.write(handle_of(cookie), "state", "no JSON")
    assert damaged.store.ask(Load(handle_of(cookie), Clocks(60.0))) is None
    assert len(reports_of(handle_of(cookie), caplog)) == 1
    assert caplog.records[-1].name == "tuile.sessions"


def test_it_is_reported_when_it_is_awaited(damaged: Damaged, caplog: pytest.LogCaptureFixture) -> None:
    cookie = Site(damaged.store).begin(x=1)
    damaged.write(handle_of(cookie), "data", "no lines")

    async def load() -> Any:
        try:
            return await damaged.store.ask_async(Load(handle_of(cookie), Clocks(60.0)))
        finally:
            if isinstance(damaged.store, (RedisStore, PostgresStore)):
                await damaged.store.close_async()

    assert asyncio.run(load()) is None
    assert len(reports_of(handle_of(cookie), caplog)) == 1


def test_only_so_many_are_reported(in_sqlite: Damaged, caplog: pytest.LogCaptureFixture) -> None:
    site = Site(in_sqlite.store)
    cookies = [site.begin(x=1) for _ in range(unreadable._MOST_REPORTED + 50)]
    for cookie in cookies:
        in_sqlite.write(handle_of(cookie), "data", "no lines")
        assert site.content(cookie) == {}
    messages = [one.getMessage() for one in caplog.records if "cannot be read" in one.getMessage()]
    assert len(messages) == unreadable._MOST_REPORTED
    assert ["No more of them are reported" in message for message in messages] == [False] * 99 + [True]


def test_one_that_has_ended_is_not_reported(in_sqlite: Damaged, caplog: pytest.LogCaptureFixture) -> None:
    site = Site(in_sqlite.store)
    cookie = site.begin(x=1)
    in_sqlite.write(handle_of(cookie), "data", "no lines")
    in_sqlite.write(handle_of(cookie), "expires", "1.5")
    assert site.content(cookie) == {}
    assert "cannot be read" not in caplog.text


def test_a_part_that_is_missing_is_reported(in_redis: Damaged, caplog: pytest.LogCaptureFixture) -> None:
    redis: Any = pytest.importorskip("redis")
    site = Site(in_redis.store)
    for field in "tmc":
        cookie = site.begin(x=1)
        with redis.from_url(f"redis://{in_redis.store.describe().split(',')[1].strip()}") as client:
            assert client.hdel(f"session:s:{handle_of(cookie)}", field) == 1
        assert site.content(cookie) == {}
        assert len(reports_of(handle_of(cookie), caplog)) == 1


def test_it_says_why_it_cannot_be_decrypted(in_sqlite: Damaged, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("cryptography")
    cookie = Site(in_sqlite.store, SECRET_KEY="k" * 40, SESSION_ENCRYPT=True).begin(x=1)
    for settings in ({"SESSION_ENCRYPT": True}, {}):
        unreadable._reported.clear()
        caplog.clear()
        other = Site(in_sqlite.store, SECRET_KEY="o" * 40, **settings)
        for _ in range(3):
            assert other.content(cookie) == {}
        (message,) = reports_of(handle_of(cookie), caplog)
        assert "SECRET_KEY_FALLBACKS" in message


def test_it_says_why_its_values_cannot_be_read(in_sqlite: Damaged, caplog: pytest.LogCaptureFixture) -> None:
    site = Site(in_sqlite.store)
    cookie = site.begin(x=1)
    in_sqlite.write(handle_of(cookie), "data", f'\n"x":{json.dumps(SECRET)[:-1]}\n')
    for _ in range(3):
        assert site.content(cookie) == {}
    (message,) = reports_of(handle_of(cookie), caplog)
    assert "JSON provider" in message
    assert SECRET not in caplog.text
