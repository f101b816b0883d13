"""A process is killed while it saves: what it was told is saved stays, and nothing is half of anything."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tuile.sessions.operations import Create, End, Load
from tuile.sessions.record import Clocks, Record
from tuile.sessions.stores.redis import RedisStore
from tuile.sessions.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from tuile.sessions.stores import Store

ROUNDS = 5
CLOCKS = Clocks(idle=3600.0)
ROOT = Path(__file__).resolve().parents[2]
# Saves for ever, and says each time that it has.
PROGRAM = """
import sys
from tuile.sessions.changes import Add, Append, Changes
from tuile.sessions.operations import Apply
from tuile.sessions.record import Clocks
from tuile.sessions.stores.redis import RedisStore
from tuile.sessions.stores.sqlite import SQLiteStore
kind, where = sys.argv[1:]
store = SQLiteStore(where) if kind == "sqlite" else RedisStore(where, timeout=30)
changes = Changes(by_key={"n": Add(1, "1"), "l": Append(('"%s"' % ("x" * 500),), "")})
while True:
    assert store.ask(Apply("h", 1, changes, Clocks(3600.0))) is not None
    print("saved", flush=True)
"""


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
@pytest.mark.timeout(300)
def test_what_was_saved_survives_a_process_that_is_killed(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    where = str(tmp_path / "sessions.db") if kind == "sqlite" else request.getfixturevalue("redis_url")
    store: Any = SQLiteStore(where) if kind == "sqlite" else RedisStore(where, timeout=30)
    for turn in range(ROUNDS):
        killed(kind, where, store, random.Random(turn).randrange(1, 60))
    store.close()


def killed(kind: str, where: str, store: Store, after: int) -> None:
    """Kill a process after so many saves, and look at what is there."""
    begin(store)
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, kind, where],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(ROOT / "src")},
    ) as process:
        assert process.stdout is not None
        for _ in range(after):
            assert process.stdout.readline() == "saved\n"
        process.kill()
        told = after + process.stdout.read().count("saved\n")
    data = store.ask(Load("h", CLOCKS)).record.data
    assert told <= int(data["n"]) <= told + 1
    assert len(json.loads(data["l"])) == int(data["n"])


def begin(store: Store) -> None:
    store.ask(End("h"))
    assert store.ask(Create(Record("h", "v", {"n": "0", "l": "[]"}), CLOCKS)) is not None
