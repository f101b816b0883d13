"""Fill a SQLite file with a million sessions, and measure its size, the list of a user, and saving while it is swept.

A write waits for the disk now and then. So what the disk itself takes is measured beside, in another file.

Usage: `python benchmarks/sessions_at_rest.py [--sessions 1000000]`
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tuile.sessions.changes import Add, Changes
from tuile.sessions.identity import new_identity
from tuile.sessions.operations import Apply, Create, OfUser, Sweep
from tuile.sessions.record import Clocks, Record
from tuile.sessions.stores.sqlite import _INSERT, SQLiteStore, _values

if TYPE_CHECKING:
    from collections.abc import Iterator
    from sqlite3 import Connection

CLOCKS = Clocks(idle=31 * 86400.0)
DATA = {"csrf": '"0123456789abcdef0123456789abcdef"', "theme": '"dark"', "n": "5", "basket": "[1,2,3]"}
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36"
#: How many sessions a user has.
EACH = 4


def records(count: int, now: float) -> Iterator[Record]:
    """Yield new sessions; every tenth has ended."""
    for number in range(count):
        identity = new_identity()
        user = f"user-{number // EACH}"
        made = Record(identity.handle, identity.verifier, DATA, user=user, agent=AGENT, address="203.0.113.195")
        yield made.begun(CLOCKS, now - (40 * 86400 if number % 10 == 0 else number % 86400))


class Timed(SQLiteStore):
    """A store that notes how long it keeps others from writing: of the clock, and of the processor."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.held: list[tuple[float, float]] = []

    @contextmanager
    def _locked(self, connection: Connection) -> Iterator[None]:
        with super()._locked(connection):
            began, worked = time.perf_counter(), time.process_time()
            yield
        self.held.append(((time.perf_counter() - began) * 1000, (time.process_time() - worked) * 1000))


class Disk(threading.Thread):
    """Writes a page to a file of its own and waits for the disk, again and again.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        super().__init__(daemon=True)
        self.path = path
        self.is_over = False
        self.times: list[float] = []

    def run(self) -> None:
        """Measure until it is told to end."""
        with open(self.path, "wb", buffering=0) as file:
            while not self.is_over:
                began = time.perf_counter()
                file.seek(0)
                file.write(bytes(4096))
                os.fdatasync(file.fileno())
                self.times.append((time.perf_counter() - began) * 1000)
                time.sleep(0.02)


def described(times: list[float]) -> str:
    """Return the median and the longest of some times."""
    times = sorted(times)
    late = times[int(len(times) * 0.999)]
    return f"median {statistics.median(times):.2f} ms, 99.9 % {late:.1f}, longest {times[-1]:.1f}"


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description="Measure a SQLite file with many sessions.")
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--sweep", metavar="FILE", help="only sweep this file")
    given = parser.parse_args()
    if given.sweep is not None:
        store = Timed(given.sweep)
        swept = 0
        while (some := store.ask(Sweep(500))) > 0:
            swept += some
        longest, worked = max(store.held)[0], max(worked for _, worked in store.held)
        steps = f"{swept:,} sessions in {len(store.held):,} steps"
        print(f"the sweep: {steps}, the longest held the file for {longest:.1f} ms; {worked:.1f} ms of the processor")
        return
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/sessions.db"
        store = SQLiteStore(file)
        store.ask(OfUser("nobody"))
        now = time.time()
        connection = store._idle[-1]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(_INSERT, map(_values, records(given.sessions, now)))
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = os.path.getsize(file)
        data = len(_values(Record("h", "v", DATA))[2])
        print(f"{given.sessions:,} sessions: {size / given.sessions:.0f} octets each, {data} of them the content")
        times = []
        for number in range(0, given.sessions // EACH, max(given.sessions // EACH // 2000, 1)):
            began = time.perf_counter()
            store.ask(OfUser(f"user-{number}"))
            times.append((time.perf_counter() - began) * 1000)
        print(f"of(user): median {statistics.median(times):.2f} ms, longest {max(times):.2f} ms")
        store.ask(Create(Record("saved", "v", {"n": "0"}), CLOCKS))
        save = Apply("saved", 1, Changes(by_key={"n": Add(1, "1")}), CLOCKS)
        for sweeps in (False, True):
            times, command = [], [sys.executable, __file__, "--sweep", file]
            disk = Disk(f"{folder}/disk")
            disk.start()
            sweeper = subprocess.Popen(command) if sweeps else None
            until = time.monotonic() + 10
            while sweeper.poll() is None if sweeper else time.monotonic() < until:
                began = time.perf_counter()
                store.ask(save)
                times.append((time.perf_counter() - began) * 1000)
                time.sleep(0.002)
            disk.is_over = True
            disk.join()
            print(f"a save {'while it is swept' if sweeps else 'alone'}: {described(times)}")
            print(f"meanwhile, to wait for the disk: {described(disk.times)}")
        store.close()


if __name__ == "__main__":
    main()
