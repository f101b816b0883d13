"""Kill processes while they save, and look at what is there: nothing that was acknowledged is lost, nothing is torn.

    python tests/stores/killing.py [--rounds 1000] [sqlite redis postgres]

Each round forks a process that saves for ever and tells each time that it has; it is killed after some saves, at a
moment of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.stores.servers import postgres_server, redis_server  # noqa: E402 - found by the line above
from tuile.sessions.changes import Add, Append, Changes, Put  # noqa: E402
from tuile.sessions.operations import Apply, Create, End, Load  # noqa: E402
from tuile.sessions.record import Clocks, Record  # noqa: E402
from tuile.sessions.stores.postgres import PostgresStore  # noqa: E402
from tuile.sessions.stores.redis import RedisStore  # noqa: E402
from tuile.sessions.stores.sqlite import SQLiteStore  # noqa: E402

if TYPE_CHECKING:
    from tuile.sessions.stores import Store

CLOCKS = Clocks(idle=3600.0)


def store_of(kind: str, where: str) -> Any:
    """Return a store of a kind, with time for a machine that is busy."""
    if kind == "sqlite":
        return SQLiteStore(where, timeout=30)
    return RedisStore(where, timeout=30) if kind == "redis" else PostgresStore(where, timeout=30)


def killed(store: Store, chance: random.Random) -> int:
    """Kill a process after some saves, and return how many it has acknowledged.

    Raises:
        AssertionError: If one of them is not there, or only in part.
    """
    store.ask(End("h"))
    assert store.ask(Create(Record("h", "v", {"n": "0", "l": "[]", "last": "0"}), CLOCKS)) is not None
    told, tell = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            save_for_ever(store, tell)
        finally:
            os._exit(1)
    os.close(tell)
    acknowledged = sum(len(os.read(told, 1)) for _ in range(chance.randrange(1, 20)))
    time.sleep(chance.uniform(0, 0.002))
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    while more := os.read(told, 4096):
        acknowledged += len(more)
    os.close(told)
    data = store.ask(Load("h", CLOCKS)).record.data
    saved = int(data["n"])
    assert acknowledged <= saved <= acknowledged + 1, (acknowledged, data)
    assert len(json.loads(data["l"])) == saved == int(data["last"])
    return acknowledged


def save_for_ever(store: Store, tell: int) -> None:
    """Save, and tell that it was done; of what was read and of what is there in turn."""
    turn = 0
    while True:
        loaded = store.ask(Load("h", CLOCKS))
        turn += 1
        changes = Changes(
            by_key={
                "n": Add(1, str(turn)),
                "l": Append(('"%s"' % ("x" * 500),), "[]"),
                "last": Put(str(turn), loaded.record.data["last"]),
            }
        )
        base = loaded.record if turn % 2 else None
        assert store.ask(Apply("h", 1, changes, CLOCKS, base=base, now=loaded.now)) is not None
        os.write(tell, b"s")


def main() -> None:
    """Kill as many processes as is asked for, at each store."""
    parser = argparse.ArgumentParser(description="Kill processes while they save sessions.")
    parser.add_argument("kinds", nargs="*", default=["sqlite", "redis", "postgres"])
    parser.add_argument("--rounds", type=int, default=1000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        for kind in given.kinds:
            if kind == "sqlite":
                where = f"{folder}/sessions.db"
            else:
                where = servers.enter_context(redis_server(folder) if kind == "redis" else postgres_server())
            store, began = store_of(kind, where), time.perf_counter()
            saves = sum(killed(store, random.Random(turn)) for turn in range(given.rounds))
            store.close()
            took = time.perf_counter() - began
            print(
                f"{kind}: {given.rounds} killed, {saves} saves acknowledged, none lost or torn; {took:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
