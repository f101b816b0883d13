"""Keep sessions in a SQLite file: for any number of processes on one machine.

The file is in WAL mode, so reading waits for nobody. A change is made of what was read and written if the version is
still the same, in one statement: no lock is held while Python runs, unless others were faster several times. The first
statement of a transaction is a write, because one that began as a reader could not always become a writer. Connections
are never used in a process that was forked after they were opened.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import sys
import time
import typing as t
from contextlib import contextmanager, suppress

from ..content import NO_LINES, content_in, lines_of
from ..operations import Apply, Create, EndOfUser, Load, Loaded, OfUser, Sweep, perform
from ..record import Record
from ..unreadable import report_unreadable
from . import Answer, Row, Store, StoreUnavailable

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..operations import OfOne, Operation

# A table with row ids: what is looked up by a handle is then small, and what is large is written one after the other.
_SCHEMA = """
DROP TABLE IF EXISTS tuile_sessions;
CREATE TABLE tuile_sessions (
    id INTEGER PRIMARY KEY,
    handle TEXT NOT NULL,
    verifier TEXT NOT NULL,
    data TEXT NOT NULL,
    user TEXT,
    created REAL NOT NULL,
    seen REAL NOT NULL,
    expires REAL NOT NULL,
    state TEXT,
    agent TEXT NOT NULL,
    address TEXT NOT NULL,
    version INTEGER NOT NULL
);
CREATE UNIQUE INDEX tuile_sessions_handle ON tuile_sessions (handle);
CREATE INDEX tuile_sessions_user ON tuile_sessions (user) WHERE user IS NOT NULL;
CREATE INDEX tuile_sessions_expires ON tuile_sessions (expires);
"""
_SCHEMA_VERSION = 3
_COLUMNS = "handle, verifier, data, user, created, seen, expires, state, agent, address, version"
_FIND = f"SELECT {_COLUMNS} FROM tuile_sessions WHERE handle = ?"  # noqa: S608 - our own text
_INSERT = f"INSERT OR IGNORE INTO tuile_sessions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_SAVE = "UPDATE tuile_sessions SET data = ?, version = ? WHERE handle = ? AND version = ? AND expires > ?"
_SEEN = "UPDATE tuile_sessions SET seen = ?, expires = ? WHERE handle = ? AND version = ?"
_UPDATE = """
UPDATE tuile_sessions SET verifier = ?, data = ?, user = ?, created = ?, seen = ?, expires = ?, state = ?, agent = ?,
    address = ?, version = ?
WHERE handle = ? AND version = ?"""
_DELETE = "DELETE FROM tuile_sessions WHERE handle = ? AND version = ?"
_OF_USER = f"SELECT {_COLUMNS} FROM tuile_sessions WHERE user = ? AND expires > ? ORDER BY seen DESC"  # noqa: S608
_END_OF_USER = "DELETE FROM tuile_sessions WHERE user = ? AND expires > ? AND handle IS NOT ?"
_LIMIT = """
DELETE FROM tuile_sessions WHERE id IN (
    SELECT id FROM tuile_sessions WHERE user = ? AND handle != ? AND expires > ? ORDER BY seen DESC LIMIT -1 OFFSET ?
)"""
_SWEEP = "DELETE FROM tuile_sessions WHERE id IN (SELECT id FROM tuile_sessions WHERE expires <= ? LIMIT ?)"
# Sessions that have ended. The subqueries read the pages of the indexes that removing them needs.
_ENDED = """
SELECT id, (SELECT id FROM tuile_sessions WHERE handle = old.handle),
    (SELECT id FROM tuile_sessions WHERE user = old.user)
FROM tuile_sessions AS old WHERE expires <= ? LIMIT ?"""
_CHECKPOINT = "PRAGMA wal_checkpoint(PASSIVE)"
_REMOVE = "DELETE FROM tuile_sessions WHERE id = ? AND expires <= ?"
# How many sessions that have ended are removed when one is created: more than one, so that they become fewer.
_SWEPT_PER_CREATION = 2
# How many are removed at most without letting others write in between, and for how many seconds.
_SWEPT_AT_ONCE, _SWEEPING_S = 50, 0.002
# After how many the log is copied into the file, before it is so long that a request would have to do it.
_SWEPT_PER_CHECKPOINT = 250
# For how many times as long as that took the disk is then left to requests.
_RESTS = 4
# How many connections wait for the next request.
_MOST_IDLE = 16
# How often it is looked whether the file is still the one that is open, in seconds.
_LOOKS_EVERY_S = 1.0
# How often a change is made anew because others were faster, before they have to wait.
_ATTEMPTS = 4
# How long a write that waits for another sleeps at most, in seconds: first, and in the end.
_FIRST_SLEEP_S, _LONGEST_SLEEP_S = 0.0005, 0.01

_written: Callable[[object], str] = json.JSONEncoder(separators=(",", ":")).encode
# The attributes of a record that have columns of their own.
_IN_COLUMNS = {"verifier", "created", "agent", "address"}


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
        # The file that is open, by its numbers in the file system, and when that was looked at.
        self._file: tuple[int, int] | None = None
        self._looked = 0.0
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
        if self._process != os.getpid():
            self._of_other_processes.append(self._idle)
            self._idle, self._process = [], os.getpid()
        if (now := time.monotonic()) - self._looked > _LOOKS_EVERY_S:
            self._looked = now
            self._look()
        idle = self._idle
        try:
            try:
                connection = idle.pop()
            except IndexError:
                connection = self._connect()
            try:
                answer = self._answer(connection, operation)
            except BaseException:
                connection.close()
                raise
        except (sqlite3.Error, OSError) as error:
            message = f"The session store ({self.describe()}) is not available: {error}."
            raise StoreUnavailable(message) from error
        if len(idle) < _MOST_IDLE and idle is self._idle:
            idle.append(connection)
        else:
            connection.close()
        return answer

    def _look(self) -> None:
        """Close the connections if the file was removed or replaced: nobody would find what they save."""
        try:
            found = os.stat(self.path)
        except OSError:
            self._begin_file(None)
        else:
            self._begin_file((found.st_dev, found.st_ino))

    def _begin_file(self, file: tuple[int, int] | None) -> None:
        if file != self._file and self._file is not None:
            stale, self._idle = self._idle, []
            while stale:
                stale.pop().close()
        self._file = file

    def _answer(self, connection: sqlite3.Connection, operation: Operation) -> Answer:
        kind = type(operation)
        if kind is Load or kind is Apply:
            return self._perform(connection, t.cast("OfOne", operation))
        now = time.time()
        if isinstance(operation, OfUser):
            rows = connection.execute(_OF_USER, (operation.user, now)).fetchall()
            found = [_record((*row[:2], NO_LINES, *row[3:])) for row in rows]
            return [Loaded(record, now) for record in found if record is not None]
        if isinstance(operation, EndOfUser):
            return self._execute(connection, _END_OF_USER, (operation.user, now, operation.keep)).rowcount
        if isinstance(operation, Sweep):
            return self._sweep(connection, operation.limit, now)
        if isinstance(operation, Create):
            with self._locked(connection):
                return _create(connection, operation, time.time())
        return self._perform(connection, operation)

    def _perform(self, connection: sqlite3.Connection, operation: OfOne) -> object:
        """Do something to one session, anew as long as others are faster."""
        # What a request has read is tried first. If it is not the latest version, nothing is written.
        read = operation.base if type(operation) is Apply else None
        for _ in range(_ATTEMPTS):
            if read is None:
                row = connection.execute(_FIND, (operation.handle,)).fetchone()
                read = None if row is None else _record(row)
            now = time.time()
            after, answer = perform(read, operation, now)
            if after is read:
                if type(operation) is not Apply or read is not operation.base:
                    return answer
            elif self._write(connection, operation, read, after, now):
                return answer
            read = None
        with self._locked(connection):
            row = connection.execute(_FIND, (operation.handle,)).fetchone()
            read, now = None if row is None else _record(row), time.time()
            after, answer = perform(read, operation, now)
            if after is not read:
                self._write(connection, operation, read, after, now)
        return answer

    def _write(
        self, connection: sqlite3.Connection, operation: OfOne, before: Record | None, after: Record | None, now: float
    ) -> bool:
        """Write a record, and return whether it was still the one that was read."""
        if before is None:
            return True
        values: Row
        if after is None:
            statement, values = _DELETE, (before.handle, before.version)
        elif type(operation) is Load:
            # To be seen is worth neither an error nor to wait.
            with suppress(sqlite3.OperationalError):
                connection.execute(_SEEN, (after.seen, after.expires, before.handle, before.version))
            return True
        elif type(operation) is Apply and after.seen == before.seen and after.generation == before.generation:
            statement = _SAVE
            values = (lines_of(after.data), after.version, before.handle, before.version, now)
        else:
            statement, values = _UPDATE, (*_values(after)[1:], before.handle, before.version)
        return self._execute(connection, statement, values).rowcount == 1

    def _execute(self, connection: sqlite3.Connection, statement: str, values: Row = ()) -> sqlite3.Cursor:
        """Execute a statement that writes, as soon as no other connection does."""
        # SQLite's own waiting sleeps up to 100 ms, after which many others have been faster again.
        longest, until = _FIRST_SLEEP_S, 0.0
        while True:
            try:
                return connection.execute(statement, values)
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
                until = until or time.monotonic() + self.timeout
                if time.monotonic() > until:
                    raise
            time.sleep(random.uniform(0, longest))  # noqa: S311 - not for security
            longest = min(2 * longest, _LONGEST_SLEEP_S)

    @contextmanager
    def _locked(self, connection: sqlite3.Connection) -> Iterator[None]:
        """Keep others from writing."""
        self._execute(connection, "BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _sweep(self, connection: sqlite3.Connection, limit: int, now: float) -> int:
        """Remove sessions that have ended, a few at a time, so that others can write in between."""
        swept = in_log = 0
        while swept < limit:
            # Nobody is kept from writing while this is read from the disk.
            ended = connection.execute(_ENDED, (now, min(limit - swept, _SWEPT_AT_ONCE))).fetchall()
            if not ended:
                break
            with self._locked(connection):
                began = time.monotonic()
                for number, *_ in ended:
                    removed = connection.execute(_REMOVE, (number, now)).rowcount
                    swept, in_log = swept + removed, in_log + removed
                    if time.monotonic() - began > _SWEEPING_S:
                        break
            # Not after each step: the next write begins the log anew, for which it waits for the disk.
            if in_log >= _SWEPT_PER_CHECKPOINT:
                began = time.monotonic()
                connection.execute(_CHECKPOINT)
                in_log = 0
                time.sleep(_RESTS * (time.monotonic() - began))
            # For those that wait to write.
            time.sleep(_LONGEST_SLEEP_S)
        if in_log:
            connection.execute(_CHECKPOINT)
        return swept

    def _connect(self) -> sqlite3.Connection:
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        # Only for its owner; SQLite gives its other files the same permissions.
        opened = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            found = os.fstat(opened)
        finally:
            os.close(opened)
        self._begin_file((found.st_dev, found.st_ino))
        connection = sqlite3.connect(self.path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            self._execute(connection, f"PRAGMA synchronous = {'FULL' if self.durable else 'NORMAL'}")
            if self._is_of_others(connection):
                message = (
                    f"{self.path} has a version number (PRAGMA user_version) and no sessions, so it is a database of"
                    " something else, which would not find its number any more. Name a file with nothing else in it."
                )
                raise StoreUnavailable(message)
            self._execute(connection, "PRAGMA journal_mode = WAL")
            if _schema_version(connection) > _SCHEMA_VERSION:
                message = (
                    f"The session store ({self.describe()}) was made by a newer version of Tuile. Use that version, or"
                    " another file."
                )
                raise StoreUnavailable(message)
            if _schema_version(connection) != _SCHEMA_VERSION:
                with self._locked(connection):
                    # Another process may have been faster.
                    if _schema_version(connection) < _SCHEMA_VERSION:
                        for statement in f"{_SCHEMA} PRAGMA user_version = {_SCHEMA_VERSION}".split(";"):
                            connection.execute(statement)
        except BaseException:
            connection.close()
            raise
        return connection

    def _is_of_others(self, connection: sqlite3.Connection) -> bool:
        # Before the file is in WAL mode, others that write keep it from being read.
        version: int = self._execute(connection, "PRAGMA user_version").fetchone()[0]
        if version in {0, _SCHEMA_VERSION}:
            return False
        its_table = "SELECT 1 FROM sqlite_master WHERE name = 'tuile_sessions'"
        return self._execute(connection, its_table).fetchone() is None


def _schema_version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _create(connection: sqlite3.Connection, operation: Create, now: float) -> Loaded | None:
    record = operation.record.begun(operation.clocks, now)
    if connection.execute(_INSERT, _values(record)).rowcount == 0:
        return None
    connection.execute(_SWEEP, (now, _SWEPT_PER_CREATION))
    if record.user is not None and operation.limit is not None:
        connection.execute(_LIMIT, (record.user, record.handle, now, max(operation.limit - 1, 0)))
    return Loaded(record, now)


def _values(record: Record) -> Row:
    """Return the columns of a record."""
    state = {key: value for key, value in record.state().items() if key not in _IN_COLUMNS}
    if record.renewed == record.created:
        state.pop("renewed", None)
    return (
        record.handle,
        record.verifier,
        lines_of(record.data),
        record.user,
        record.created,
        record.seen,
        record.expires,
        _written(state) if state else None,
        record.agent,
        record.address,
        record.version,
    )


def _record(row: Row) -> Record | None:
    """Return the record in a row; None, with a message in the log, if it was not written by this store."""
    handle, verifier, data, user, created, seen, expires, state, agent, address, version = row
    content = content_in(data)
    if content is None:
        report_unreadable(handle, expires, time.time())
        return None
    try:
        record = tuple.__new__(Record, (
            handle, verifier, content, user, created, seen, expires, created, 1, None, 0.0, None, 0.0, False, agent,
            address, version, None,
        ))  # fmt: skip
        return record if state is None else record._replace(**json.loads(state))
    except (TypeError, ValueError, RecursionError):
        report_unreadable(handle, expires, time.time())
        return None
