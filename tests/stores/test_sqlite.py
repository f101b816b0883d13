"""What the SQLite store does beside what every store does."""

from __future__ import annotations

import itertools
import os
import sqlite3
import stat
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tuile.sessions.changes import Add, Change, Changes, Put
from tuile.sessions.operations import Applied, Apply, Create, Load, Sweep
from tuile.sessions.record import Clocks, Record
from tuile.sessions.stores import StoreUnavailable
from tuile.sessions.stores.sqlite import _ENDED, SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tuile.sessions.operations import Operation

CLOCKS = Clocks(idle=3600.0)
ADD = Apply("h", 1, Changes(by_key={"n": Add(1, "1")}), CLOCKS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "instance" / "sessions.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    made = SQLiteStore(path, timeout=1)
    yield made
    made.close()


def number(store: SQLiteStore) -> str:
    found = store.ask(Load("h", CLOCKS))
    return str(found.record.data["n"])


def test_nothing_is_created_before_it_is_needed(store: SQLiteStore, path: Path) -> None:
    assert not path.parent.exists()
    store.ask(Load("h", CLOCKS))
    assert path.exists()


def test_the_files_are_only_for_their_owner(store: SQLiteStore, path: Path) -> None:
    store.ask(Create(Record("h", "v"), CLOCKS))
    modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {0o600}


def test_another_store_finds_what_was_saved(store: SQLiteStore, path: Path) -> None:
    store.ask(Create(Record("h", "v"), CLOCKS))
    store.ask(ADD)
    other = SQLiteStore(path, durable=True)
    other.ask(ADD)
    other.close()
    assert number(store) == "2"


def test_reading_does_not_wait_for_a_writer(store: SQLiteStore, path: Path) -> None:
    store.ask(Create(Record("h", "v", {"n": "1"}), CLOCKS))
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    assert number(store) == "1"
    with pytest.raises(StoreUnavailable, match="database is locked"):
        store.ask(ADD)
    writer.execute("ROLLBACK")
    writer.close()
    store.ask(ADD)
    assert number(store) == "2"


def test_a_read_that_cannot_store_that_it_was_seen_is_a_read(
    store: SQLiteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 4_000_000_000.0)
    store.ask(Create(Record("h", "v", {"n": "1"}), CLOCKS))
    monkeypatch.setattr("time.time", lambda: 4_000_000_100.0)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    assert store.ask(Load("h", CLOCKS)).record.data == {"n": "1"}
    writer.close()


def statements(store: SQLiteStore, operation: Operation) -> tuple[list[str], Any]:
    """Return the words that the statements of an operation begin with, and its answer."""
    seen: list[str] = []
    store._idle[-1].set_trace_callback(lambda text: seen.append(text.split()[0]))
    answer = store.ask(operation)
    store._idle[-1].set_trace_callback(None)
    return seen, answer


def test_a_save_is_one_statement_if_no_other_request_has_saved(store: SQLiteStore) -> None:
    store.ask(Create(Record("h", "v", {"n": "1"}), CLOCKS))
    assert statements(store, Load("h", CLOCKS))[0] == ["SELECT"]
    base, now = store.ask(Load("h", CLOCKS))
    add = ADD._replace(base=base, now=now)
    assert statements(store, add) == (["UPDATE"], Applied())
    # What the request has read is old now.
    assert statements(store, add) == (["UPDATE", "SELECT", "UPDATE"], Applied())
    assert number(store) == "3"


def test_a_save_that_others_are_faster_than_waits_for_its_turn(store: SQLiteStore, path: Path) -> None:
    store.ask(Create(Record("h", "v", {"n": "1"}), CLOCKS))
    other = SQLiteStore(path)
    calls: list[str | None] = []

    def change(text: str | None) -> str:
        # Another request saves each time, as long as it can.
        if len(calls) < 10 and not store._idle:
            calls.append(text)
            if len(calls) < 5:
                other.ask(ADD)
        return str(10 * int(text or 0))

    store.ask(Load("h", CLOCKS))
    changes = Changes(by_key={"n": Change(change, "1", "10")})
    other.ask(ADD)
    assert statements(store, Apply("h", 1, changes, CLOCKS))[0][-4:] == ["BEGIN", "SELECT", "UPDATE", "COMMIT"]
    assert number(store) == str(10 * int(calls[-1] or 0))
    other.close()


def test_a_table_of_an_older_version_is_replaced(path: Path) -> None:
    path.parent.mkdir()
    old = sqlite3.connect(path)
    old.executescript("CREATE TABLE tuile_sessions (handle TEXT, state TEXT); PRAGMA user_version = 1")
    old.close()
    store = SQLiteStore(path)
    assert store.ask(Load("h", CLOCKS)) is None
    assert store.ask(Create(Record("h", "v"), CLOCKS)) is not None
    store.close()


def test_a_table_of_a_newer_version_is_left_alone(store: SQLiteStore, path: Path) -> None:
    store.ask(Create(Record("h", "v", {"n": "1"}), CLOCKS))
    store.close()
    newer = sqlite3.connect(path, isolation_level=None)
    newer.execute("PRAGMA user_version = 1000")
    with pytest.raises(StoreUnavailable, match=r"SQLite, .*sessions\.db\) was made by a newer version of Tuile"):
        store.ask(Load("h", CLOCKS))
    assert newer.execute("SELECT count(*) FROM tuile_sessions").fetchone() == (1,)
    newer.close()


@pytest.mark.parametrize("version", [1, 2, 7])
def test_the_database_of_something_else_stays_as_it_is(tmp_path: Path, version: int) -> None:
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as other:
        other.executescript(f"CREATE TABLE users (name TEXT); PRAGMA user_version = {version}")
    store = SQLiteStore(path)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="a database of something else"):
            store.ask(Load("h", CLOCKS))
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA user_version").fetchone() == (version,)
        assert other.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert other.execute("SELECT count(*) FROM sqlite_master").fetchone() == (1,)


@pytest.mark.parametrize("pragma", ["query_only = 1", "max_page_count = 1"])
def test_a_file_that_cannot_be_written_is_unavailable_for_saves_only(store: SQLiteStore, pragma: str) -> None:
    store.ask(Create(Record("h", "v", {"n": "1"}), CLOCKS))
    store._idle[-1].execute(f"PRAGMA {pragma}")
    assert number(store) == "1"
    large = Apply("h", 1, Changes(by_key={"n": Put('"%s"' % ("x" * 1_000_000), "1")}), CLOCKS)
    with pytest.raises(StoreUnavailable, match=r"readonly database|database or disk is full"):
        store.ask(large)
    # The next one has a new connection.
    store.ask(ADD)
    assert number(store) == "2"


def test_others_write_while_many_sessions_are_swept(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(350):
        store.ask(Create(Record(f"old {index}", "v"), Clocks(idle=60)))
    store.ask(Create(Record("h", "v", {"n": "1"}), CLOCKS))
    later = time.time() + 60
    monkeypatch.setattr("time.time", lambda: later)
    monkeypatch.setattr("time.sleep", lambda seconds: SQLiteStore(store.path).ask(ADD))
    assert store.ask(Sweep(1000)) == 350
    assert int(number(store)) > 1


@pytest.mark.parametrize(("took", "at_once"), [(0.0, 50), (0.0006, 4), (0.2, 1)])
def test_a_sweep_removes_as_many_at_once_as_it_can_without_holding_others(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch, took: float, at_once: int
) -> None:
    for index in range(200):
        store.ask(Create(Record(f"old {index}", "v"), Clocks(idle=60)))
    later, moments = time.time() + 60, iter(range(10_000))
    monkeypatch.setattr("time.time", lambda: later)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    # Read after each session.
    monkeypatch.setattr("time.monotonic", lambda: next(moments) * took)
    told: list[str] = []
    store._idle[-1].set_trace_callback(told.append)
    assert store.ask(Sweep(1000)) == 200
    steps = "\n".join(told).split("BEGIN IMMEDIATE")[1:]
    assert {step.count("DELETE") for step in steps} == {at_once}


def test_nothing_is_read_from_the_disk_while_a_sweep_keeps_others_from_writing(store: SQLiteStore) -> None:
    for index in range(120):
        store.ask(Create(Record(f"old {index}", "v", user="ada" if index % 2 else None), Clocks(idle=60)))
    with sqlite3.connect(store.path) as connection:
        connection.execute("UPDATE tuile_sessions SET expires = 1")
    connection.close()
    told: list[str] = []
    sweeping = store._idle[-1]
    sweeping.set_trace_callback(told.append)
    assert store.ask(Sweep(500)) == 120
    sweeping.set_trace_callback(None)
    for step in "\n".join(told).split("BEGIN IMMEDIATE")[1:]:
        held = step.partition("COMMIT")[0].strip().splitlines()
        assert all(one.startswith("DELETE FROM tuile_sessions WHERE id = ") for one in held)
    # What is read before is read from each index that the removal changes.
    plan = sweeping.execute(f"EXPLAIN QUERY PLAN {_ENDED}", (1.0, 50)).fetchall()
    for column in ("handle", "user", "expires"):
        assert sum(f"tuile_sessions_{column} " in row[3] for row in plan) == 1


def test_the_log_is_copied_into_the_file_now_and_then(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr("tuile.sessions.stores.sqlite._SWEEPING_S", float("inf"))  # however slow the machine is
    store.ask(Create(Record("h", "v"), CLOCKS))
    with sqlite3.connect(store.path) as connection:
        columns = "verifier, data, created, seen, expires, agent, address, version"
        connection.executemany(
            f"INSERT INTO tuile_sessions (handle, {columns}) VALUES (?, 'v', '{{}}', 1, 1, 1, '', '', 0)",  # noqa: S608
            [(f"old {number}",) for number in range(620)],
        )
    connection.close()
    told: list[str] = []
    store._idle[-1].set_trace_callback(told.append)
    assert store.ask(Sweep(1000)) == 620
    parts = "\n".join(told).split("PRAGMA wal_checkpoint")
    assert [part.count("DELETE") for part in parts] == [250, 250, 120, 0]


def test_a_session_that_goes_on_meanwhile_is_not_swept(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(3):
        store.ask(Create(Record(f"old {index}", "v"), CLOCKS))
    with sqlite3.connect(store.path, isolation_level=None) as other:
        other.execute("UPDATE tuile_sessions SET expires = 1")

        def renew(statement: str) -> None:
            if statement == "BEGIN IMMEDIATE":
                other.execute("UPDATE tuile_sessions SET expires = 1e12 WHERE handle = 'old 1'")

        store._idle[-1].set_trace_callback(renew)
        assert store.ask(Sweep(1000)) == 2
        assert other.execute("SELECT handle FROM tuile_sessions").fetchall() == [("old 1",)]
    other.close()


@pytest.mark.parametrize("took", [0.0, 0.2])
@pytest.mark.parametrize("limit", [500, 10_000])
def test_a_sweep_holds_the_file_for_few_sessions_at_a_time_and_lets_others_write_in_between(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch, took: float, limit: int
) -> None:
    store.ask(Create(Record("h", "v"), CLOCKS))
    with sqlite3.connect(store.path) as connection:
        old = [(f"old {number}",) for number in range(1200)]
        columns = "verifier, data, created, seen, expires, agent, address, version"
        connection.executemany(
            f"INSERT INTO tuile_sessions (handle, {columns}) VALUES (?, 'v', '{{}}', 1, 1, 1, '', '', 0)",  # noqa: S608
            old,
        )
    connection.close()
    moments = iter(range(10_000))
    monkeypatch.setattr("time.monotonic", lambda: next(moments) * took)
    steps: list[object] = []
    monkeypatch.setattr("time.sleep", lambda seconds: steps.append("others"))
    sweeping = store._idle[-1]
    begun = 0

    def note(statement: str) -> None:
        nonlocal begun
        if statement.startswith("BEGIN"):
            begun = sweeping.total_changes
        elif statement.startswith("COMMIT"):
            steps.append(sweeping.total_changes - begun)

    sweeping.set_trace_callback(note)
    assert store.ask(Sweep(limit)) == min(limit, 1200)
    sweeping.set_trace_callback(None)
    rows = [step for step in steps if isinstance(step, int)]
    assert sum(rows) == min(limit, 1200)
    assert max(rows) == (50 if took == 0.0 else 1)
    # After each transaction others may write, and nothing is held meanwhile.
    assert all(after == "others" for step, after in itertools.pairwise(steps) if isinstance(step, int))


@pytest.mark.parametrize("kind", ["a folder", "no database"])
def test_a_file_that_cannot_be_used_is_unavailable(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "sessions.db"
    if kind == "a folder":
        path.mkdir()
    else:
        path.write_text("something else" * 100)
    store = SQLiteStore(path, timeout=0.1)
    with pytest.raises(StoreUnavailable, match=r"The session store \(SQLite, .*sessions\.db\) is not available"):
        store.ask(Load("h", CLOCKS))


def test_a_store_goes_on_after_its_file_was_away(store: SQLiteStore, path: Path) -> None:
    store.ask(Create(Record("h", "v", {"n": "1"}), CLOCKS))
    store.close()
    away = path.with_suffix(".away")
    path.rename(away)
    path.mkdir()
    with pytest.raises(StoreUnavailable):
        store.ask(ADD)
    path.rmdir()
    away.rename(path)
    store.ask(ADD)
    assert number(store) == "2"


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be removed")
@pytest.mark.parametrize("is_replaced", [False, True])
def test_what_is_saved_after_the_file_was_removed_is_in_the_file_that_is_there(
    store: SQLiteStore, path: Path, is_replaced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.ask(Create(Record("h", "v", {"n": "1"}), CLOCKS))
    other = SQLiteStore(path)
    assert number(other) == "1"
    for file in path.parent.iterdir():
        file.unlink()
    if is_replaced:
        SQLiteStore(path).ask(Create(Record("h", "v", {"n": "5"}), CLOCKS))
    now = time.monotonic() + 2
    monkeypatch.setattr(time, "monotonic", lambda: now)
    if not is_replaced:
        assert store.ask(Load("h", CLOCKS)) is None
        store.ask(Create(Record("h", "v", {"n": "4"}), CLOCKS))
    store.ask(ADD)
    assert number(store) == number(other) == number(SQLiteStore(path)) == ("6" if is_replaced else "5")
    other.close()


def test_forked_processes_use_connections_of_their_own(store: SQLiteStore) -> None:
    store.ask(Create(Record("h", "v"), CLOCKS))
    store.ask(ADD)
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                for _ in range(25):
                    store.ask(ADD)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    for _ in range(25):
        store.ask(ADD)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert number(store) == "126"
