"""Keep sessions in a SQLite file: for any number of processes on one machine.

The file is in WAL mode, so reading waits for nobody. The first statement of each write is a write: a transaction that
began as a reader could not always become a writer. Connections are never used in a process that was forked after they
were opened.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
import typing as t
from contextlib import contextmanager, suppress

from ..operations import Create, EndOfUser, Load, Loaded, OfUser, Sweep, perform
from ..record import Record
from . import Answer, Row, Store, StoreUnavailable

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..operations import OfOne, Operation

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tuile_sessions (
    handle TEXT PRIMARY KEY NOT NULL,
    user TEXT,
    seen REAL NOT NULL,
    expires REAL NOT NULL,
    state TEXT NOT NULL,
    data TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tuile_sessions_user ON tuile_sessions (user, seen) WHERE user IS NOT NULL;
CREATE INDEX IF NOT EXISTS tuile_sessions_expires ON tuile_sessions (expires);
"""
_FIND = "SELECT user, seen, expires, state, data FROM tuile_sessions WHERE handle = ?"
_INSERT = "INSERT OR IGNORE INTO tuile_sessions VALUES (?, ?, ?, ?, ?, ?)"
_UPDATE = "UPDATE tuile_sessions SET user = ?, seen = ?, expires = ?, state = ?, data = ? WHERE handle = ?"
_DELETE = "DELETE FROM tuile_sessions WHERE handle = ?"
_OF_USER = "SELECT handle, seen, expires, state FROM tuile_sessions WHERE user = ? AND expires > ? ORDER BY seen DESC"
_END_OF_USER = "DELETE FROM tuile_sessions WHERE user = ? AND expires > ? AND handle IS NOT ?"
_LIMIT = """
DELETE FROM tuile_sessions WHERE handle IN (
    SELECT handle FROM tuile_sessions WHERE user = ? AND handle != ? AND expires > ?
    ORDER BY seen DESC LIMIT -1 OFFSET ?
)"""
_SWEEP = """
DELETE FROM tuile_sessions WHERE handle IN (SELECT handle FROM tuile_sessions WHERE expires <= ? LIMIT ?)"""
# How many sessions that have ended are removed when one is created: more than one, so that they become fewer.
_SWEPT_PER_CREATION = 2
# How many connections wait for the next request.
_MOST_IDLE = 16


class SQLiteStore(Store):
    """Sessions in a SQLite file.

    Args:
        path: The file; it and its folder are created when the first session is.
        durable: Whether a saved session also survives a machine that stops, and not only a process: each save then
            waits for the disk.
        timeout: How many seconds a write waits for others.
    """

    def __init__(self, path: str | os.PathLike[str], *, durable: bool = False, timeout: float = 5.0) -> None:
        self.path = os.path.abspath(path)
        self.durable = durable
        self.timeout = timeout
        self._idle: list[sqlite3.Connection] = []
        self._process = os.getpid()
        # Not closed: that would release the locks of the process that opened them.
        self._of_other_processes: list[list[sqlite3.Connection]] = []

    def describe(self) -> str:
        """Return what and where this store is."""
        return f"SQLite, {self.path}"

    def close(self) -> None:
        """Close the connections that are not in use."""
        while self._idle:
            self._idle.pop().close()

    # At the end of the interpreter the modules are gone, and what is open is closed anyway.
    def __del__(self, is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        if not is_finalizing() and getattr(self, "_process", 0) == os.getpid():
            self.close()

    def ask(self, operation: Operation) -> Answer:
        """Answer an operation."""
        if isinstance(operation, Load):
            return self._load(operation)
        if isinstance(operation, OfUser):
            with self._connection() as connection:
                now = time.time()
                rows = connection.execute(_OF_USER, (operation.user, now)).fetchall()
                found = [_record(row[0], (operation.user, *row[1:], "{}")) for row in rows]
                return [Loaded(record, now) for record in found if record is not None]
        with self._writing() as connection:
            now = time.time()
            if isinstance(operation, Create):
                return _create(connection, operation, now)
            if isinstance(operation, EndOfUser):
                return connection.execute(_END_OF_USER, (operation.user, now, operation.keep)).rowcount
            if isinstance(operation, Sweep):
                return connection.execute(_SWEEP, (now, operation.limit)).rowcount
            return _perform(connection, operation, now)

    def _load(self, operation: Load) -> Loaded | None:
        with self._connection() as connection:
            row = connection.execute(_FIND, (operation.handle,)).fetchone()
        now = time.time()
        record = None if row is None else _record(operation.handle, row)
        after, answer = perform(record, operation, now)
        if after is not None and after is not record:
            # To be seen is not worth an error.
            with suppress(StoreUnavailable), self._writing() as connection:
                return t.cast("Loaded | None", _perform(connection, operation, now))
        return t.cast("Loaded | None", answer)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection within a transaction that writes."""
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        if self._process != os.getpid():
            self._of_other_processes.append(self._idle)
            self._idle, self._process = [], os.getpid()
        try:
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._connect()
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
        except (sqlite3.Error, OSError) as error:
            message = f"The session store ({self.describe()}) is not available: {error}."
            raise StoreUnavailable(message) from error
        if len(self._idle) < _MOST_IDLE:
            self._idle.append(connection)
        else:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        # Only for its owner; SQLite gives its other files the same permissions.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(self.path, timeout=self.timeout, isolation_level=None, check_same_thread=False)
        try:
            _set_up(connection, self.durable, self.timeout)
        except BaseException:
            connection.close()
            raise
        return connection


def _set_up(connection: sqlite3.Connection, durable: bool, timeout: float) -> None:
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    until = time.monotonic() + timeout
    while True:
        try:
            # Two processes that do it at the same time are told that it is locked, without waiting.
            connection.execute("PRAGMA journal_mode = WAL")
            if not connection.execute("PRAGMA user_version").fetchone()[0]:
                connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = 1; COMMIT;")
            return
        except sqlite3.OperationalError:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def _create(connection: sqlite3.Connection, operation: Create, now: float) -> Loaded | None:
    record = operation.record.begun(operation.clocks, now)
    values = _values(record)
    if connection.execute(_INSERT, (record.handle, *values)).rowcount == 0:
        return None
    connection.execute(_SWEEP, (now, _SWEPT_PER_CREATION))
    if record.user is not None and operation.limit is not None:
        connection.execute(_LIMIT, (record.user, record.handle, now, max(operation.limit - 1, 0)))
    return Loaded(record, now)


def _perform(connection: sqlite3.Connection, operation: OfOne, now: float) -> object:
    row = connection.execute(_FIND, (operation.handle,)).fetchone()
    before = None if row is None else _record(operation.handle, row)
    after, answer = perform(before, operation, now)
    if after is None:
        if before is not None:
            connection.execute(_DELETE, (operation.handle,))
    elif after is not before:
        connection.execute(_UPDATE, (*_values(after), operation.handle))
    return answer


def _values(record: Record) -> tuple[object, ...]:
    state = json.dumps(record.state(), separators=(",", ":"))
    data = json.dumps(record.data, separators=(",", ":"))
    return (record.user, record.seen, record.expires, state, data)


def _record(handle: str, row: Row) -> Record | None:
    """Return the record in a row; None if it was not written by this store."""
    user, seen, expires, state, data = row
    try:
        content = json.loads(data)
        if type(content) is not dict or not all(type(text) is str for text in content.values()):
            return None
        return Record(handle=handle, user=user, seen=seen, expires=expires, data=content, **json.loads(state))
    except (TypeError, ValueError, RecursionError):
        return None
