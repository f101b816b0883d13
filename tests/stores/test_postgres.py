"""What the PostgreSQL store does beside what every store does."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

import tuile
from tuile import session
from tuile.sessions.changes import Add, Changes, Put
from tuile.sessions.operations import Applied, Apply, Confirm, Create, Load, OfUser, Renew, Retire
from tuile.sessions.record import Clocks, Record
from tuile.sessions.settings import store_and_policy
from tuile.sessions.stores import StoreUnavailable
from tuile.sessions.stores.postgres import PostgresStore
from tuile.sessions.stores.postgres_wire import Statement

if TYPE_CHECKING:
    from collections.abc import Iterator

CLOCKS = Clocks(idle=3600.0)
ADD = Apply("h", 1, Changes(by_key={"n": Add(1, "1")}), CLOCKS)
needs_psycopg = pytest.mark.skipif(
    importlib.util.find_spec("psycopg") is None and os.environ.get("CI") != "true",
    reason="NO PSYCOPG: `make venv` installs it",
)


def execute(store: PostgresStore, text: str, *values: object, has_rows: bool = False) -> Any:
    """Execute a statement at the server of a store, over another connection."""
    connection = store._connect()
    reply = connection.exchange(Statement(text, values, has_rows))
    connection.close()
    return reply


@pytest.fixture
def real(postgres_url: str) -> Iterator[PostgresStore]:
    """A store with the clock of the server."""
    made = PostgresStore(postgres_url, timeout=30)
    execute(made, "TRUNCATE tuile_sessions")
    yield made
    made.close()


def test_the_clock_of_the_server_counts(real: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 7.0)
    created = real.ask(Create(Record("h", "v"), CLOCKS)).record
    assert created.created > 1_700_000_000
    assert created.expires == created.created + 3600


def test_another_user_of_the_connection_is_never_involved(real: PostgresStore, postgres_url: str) -> None:
    real.ask(Create(Record("h", "v"), CLOCKS))
    application = importlib.import_module("psycopg").connect(postgres_url)
    application.execute("CREATE TABLE IF NOT EXISTS orders (id int)")
    application.execute("INSERT INTO orders VALUES (1)")
    assert real.ask(ADD) == Applied()
    application.rollback()
    assert real.ask(Load("h", CLOCKS)).record.data == {"n": "1"}
    application.close()


def test_two_apps_do_not_see_each_other(real: PostgresStore, postgres_url: str) -> None:
    real.ask(Create(Record("h", "v", user="ada"), CLOCKS))
    other = PostgresStore(postgres_url, prefix="session:2:", timeout=30)
    assert other.ask(Load("h", CLOCKS)) is None
    assert other.ask(OfUser("ada")) == []
    assert [one.record.handle for one in real.ask(OfUser("ada"))] == ["h"]
    other.close()


def test_there_are_never_more_connections_than_allowed(postgres_url: str) -> None:
    store = PostgresStore(postgres_url, timeout=30, connections=2)
    taken = [store._free_connection(), store._free_connection()]
    store._timeout = 0.1
    with pytest.raises(StoreUnavailable, match=r"All 2 connections to the session store .* are in use"):
        store.ask(Load("h", CLOCKS))
    for connection in taken:
        store._drop(connection)
    store._timeout = 30
    assert store.ask(Load("nothing", CLOCKS)) is None
    store.close()


def test_broken_connections_are_replaced(real: PostgresStore) -> None:
    real.ask(Create(Record("h", "v"), CLOCKS))
    others = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid() AND usename = 'tuile'"
    )
    execute(real, others, has_rows=True)
    assert real.ask(Load("h", CLOCKS)) is not None


@pytest.mark.parametrize("column", ["state", "data"])
@pytest.mark.parametrize("planted", ["\\x80\x04.", "[]", "7", "{", '{"x": 1}'])
def test_what_was_planted_reads_as_empty(real: PostgresStore, column: str, planted: str) -> None:
    real.ask(Create(Record("h", "v", {"a": "1"}), CLOCKS))
    execute(real, f"UPDATE tuile_sessions SET {column} = %s", planted)  # noqa: S608 - ours
    assert real.ask(Load("h", CLOCKS)) is None
    assert real.ask(Apply("h", 1, Changes(by_key={"a": Put("2")}), CLOCKS)) is None


def test_what_others_have_stored_of_a_session_is_read(real: PostgresStore) -> None:
    clocks = Clocks(idle=100.0, absolute=1000.0)
    asked = Create(Record("h", "v", {"a": "1"}, user="ada", agent="Firefox", address="203.0.113.1"), clocks)
    created = real.ask(asked)
    assert real.ask(Load("h", clocks)).record == created.record
    # With a secret that is under way, so that most attributes have other values than a new session.
    assert real.ask(Renew("h", "v", "next", 10.0))
    found = real.ask(Load("h", clocks)).record
    assert (found.pending, found.renewed, found.agent, found.version) == ("next", created.record.renewed, "Firefox", 1)
    assert real.ask(Confirm("h", "next", 10.0)) is not None
    found = real.ask(Load("h", clocks)).record
    assert (found.verifier, found.previous, found.user, found.address) == ("next", "v", "ada", "203.0.113.1")
    assert found.renewed >= created.record.renewed
    real.ask(Retire("h", 5.0))
    found = real.ask(Load("h", clocks)).record
    assert (found.is_husk, found.user, found.agent) == (True, None, "Firefox")


@pytest.mark.parametrize(("durable", "expected"), [(False, "off"), (True, "on")])
def test_what_a_save_survives_is_a_setting(postgres_url: str, durable: bool, expected: str) -> None:
    store = PostgresStore(postgres_url, durable=durable, timeout=30)
    assert execute(store, "SHOW synchronous_commit", has_rows=True) == [(expected,)]


@needs_psycopg
def test_a_server_that_is_away_is_unavailable_and_no_password_is_shown() -> None:
    store = PostgresStore("postgresql://user:geheim@127.0.0.1:1/name")
    with pytest.raises(StoreUnavailable, match=r"PostgreSQL, 127\.0\.0\.1:1, names session:\*") as caught:
        store.ask(Load("h", CLOCKS))
    assert "geheim" not in str(caught.value)


@needs_psycopg
def test_the_settings_of_an_app() -> None:
    app = tuile.Flask("app", static_folder=None)
    app.config.update(SESSION_STORE="postgresql://h/name", SESSION_TIMEOUT=2, SESSION_POOL=3, SESSION_DURABLE="machine")
    store: Any = store_and_policy(app).store
    assert isinstance(store, PostgresStore)
    assert (store._prefix, store._timeout, store._connections, store._settings.durable) == ("session:app:", 2, 3, True)


def test_without_psycopg_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(RuntimeError, match=r"pip install 'tuile\[postgres\]'"):
        PostgresStore("postgresql://h/name")


def test_an_app_keeps_its_sessions_there(postgres_url: str) -> None:
    app = tuile.Flask("app", static_folder=None)
    app.config.update(SESSION_STORE=postgres_url, SESSION_TIMEOUT=30)
    app.add_url_rule("/", "view", lambda: str(session.add("n")))
    client = app.test_client()
    assert [client.get("/").text for _ in range(3)] == ["1", "2", "3"]
    store_and_policy(app).store.close()  # type: ignore[attr-defined] # a PostgreSQL store
