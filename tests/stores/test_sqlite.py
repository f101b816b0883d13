"""What the SQLite store does beside what every store does."""

from __future__ import annotations

import os
import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest

from tuile.sessions.changes import Add, Changes
from tuile.sessions.operations import Apply, Create, Load
from tuile.sessions.record import Clocks, Record
from tuile.sessions.stores import StoreUnavailable
from tuile.sessions.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
