"""Keep sessions in PostgreSQL, in a table of its own: for any number of machines.

Reading is one statement. A save locks the row of its session, merges, and writes it, in one short transaction; no lock
is held while a view runs. The connections are the store's own, so an application's transactions are left alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import typing as t
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from urllib.parse import urlsplit

from ..operations import Create, EndOfUser, Load, Loaded, OfUser, Sweep, perform
from ..record import Record
from . import Answer, Row, Store, StoreUnavailable

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..operations import OfOne, Operation

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tuile_sessions (
    handle text PRIMARY KEY,
    owner text,
    created double precision NOT NULL,
    seen double precision NOT NULL,
    expires double precision NOT NULL,
    state text NOT NULL,
    data text NOT NULL,
    version bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS tuile_sessions_owner ON tuile_sessions (owner, seen) WHERE owner IS NOT NULL;
CREATE INDEX IF NOT EXISTS tuile_sessions_expires ON tuile_sessions (expires);
"""
# Two processes that create a table at the same time get in each other's way.
_SCHEMA_LOCK = 7_823_615_204
_FIND = "SELECT owner, created, seen, expires, state, data, version, {now} FROM tuile_sessions WHERE handle = %s"
_INSERT = """
INSERT INTO tuile_sessions (handle, owner, created, seen, expires, state, data, version)
SELECT %s, %s, now, now, now + %s, %s, %s, 0 FROM (SELECT {now} AS now) AS clock
ON CONFLICT DO NOTHING RETURNING seen, expires"""
_UPDATE = """
UPDATE tuile_sessions SET owner = %s, seen = %s, expires = %s, state = %s, data = %s, version = %s WHERE handle = %s"""
_DELETE = "DELETE FROM tuile_sessions WHERE handle = %s"
_OF_USER = """
SELECT handle, owner, created, seen, expires, state, '{{}}', version, {now} FROM tuile_sessions
WHERE owner = %s AND expires > {now} ORDER BY seen DESC"""
_END_OF_USER = "DELETE FROM tuile_sessions WHERE owner = %s AND expires > {now} AND handle IS DISTINCT FROM %s"
_LIMIT = """
DELETE FROM tuile_sessions WHERE handle IN (
    SELECT handle FROM tuile_sessions WHERE owner = %s AND handle != %s AND expires > {now} ORDER BY seen DESC OFFSET %s
)"""
_SWEEP = """
DELETE FROM tuile_sessions WHERE handle IN (
    SELECT handle FROM tuile_sessions WHERE expires <= {now} LIMIT %s FOR UPDATE SKIP LOCKED
)"""
# How many sessions that have ended are removed when one is created: more than one, so that they become fewer.
_SWEPT_PER_CREATION = 2


class _Cursor(t.Protocol):
    """What is used of a cursor of psycopg."""

    rowcount: int

    def fetchone(self) -> Row | None: ...
    def fetchall(self) -> list[Row]: ...


class _Connection(t.Protocol):
    """What is used of a connection of psycopg."""

    def execute(self, statement: str, values: Sequence[object] | None = None) -> _Cursor: ...
    def transaction(self) -> AbstractContextManager[object]: ...
    def close(self) -> None: ...


class PostgresStore(Store):
    """Sessions in PostgreSQL.

    Args:
        url: `postgresql://...`, as libpq reads it.
        prefix: What the names of this app's sessions begin with.
        durable: Whether a saved session also survives a server that stops; each save then waits for its disk.
        timeout: How many seconds to wait for a connection, and for a statement.
        connections: How many connections a process has at most.

    Raises:
        RuntimeError: If psycopg is not installed.
    """

    # SQL for the time; tests have another one.
    _now = "extract(epoch FROM clock_timestamp())::double precision"

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "session:",
        durable: bool = False,
        timeout: float = 1.0,
        connections: int = 16,
    ) -> None:
        try:
            self._psycopg = import_module("psycopg")  # an extra
        except ImportError:
            message = "Sessions in PostgreSQL need psycopg. Install it: pip install 'tuile[postgres]'."
            raise RuntimeError(message) from None
        parts = urlsplit(url)
        self._where = f"PostgreSQL, {parts.hostname or 'localhost'}:{parts.port or 5432}, names {prefix}*"
        self._url = url
        self._prefix = prefix
        self._durable = durable
        self._timeout = timeout
        self._connections = connections
        self._of_other_processes: list[object] = []
        self._begin_process()

    def _begin_process(self) -> None:
        self._process = os.getpid()
        self._idle: list[_Connection] = []
        self._free = threading.BoundedSemaphore(self._connections)

    def describe(self) -> str:
        """Return what and where this store is, without a password."""
        return self._where

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
        with self._connection() as connection:
            if isinstance(operation, OfUser):
                rows = connection.execute(self._sql(_OF_USER), [self._name(operation.user)]).fetchall()
                found = [self._loaded(row[0].removeprefix(self._prefix), row[1:]) for row in rows]
                return [one for one in found if one is not None]
            with connection.transaction():
                if isinstance(operation, Create):
                    return self._create(connection, operation)
                if isinstance(operation, EndOfUser):
                    keep = None if operation.keep is None else self._name(operation.keep)
                    return connection.execute(self._sql(_END_OF_USER), [self._name(operation.user), keep]).rowcount
                if isinstance(operation, Sweep):
                    return connection.execute(self._sql(_SWEEP), [operation.limit]).rowcount
                return self._perform(connection, operation)

    async def ask_async(self, operation: Operation) -> Answer:
        """Answer an operation, in a thread."""
        return await asyncio.to_thread(self.ask, operation)

    def _sql(self, statement: str) -> str:
        return statement.format(now=self._now)

    def _name(self, name: str) -> str:
        return f"{self._prefix}{name}"

    def _load(self, operation: Load) -> Loaded | None:
        with self._connection() as connection:
            row = connection.execute(self._sql(_FIND), [self._name(operation.handle)]).fetchone()
            loaded = None if row is None else self._loaded(operation.handle, row)
            if loaded is None:
                return None
            after, answer = perform(loaded.record, operation, loaded.now)
            if after is not None and after is not loaded.record:
                with connection.transaction():
                    answer = self._perform(connection, operation)
            return t.cast("Loaded | None", answer)

    def _create(self, connection: _Connection, operation: Create) -> Loaded | None:
        record, clocks = operation.record, operation.clocks
        owner = None if record.user is None else self._name(record.user)
        values = [self._name(record.handle), owner, clocks.end(0.0, 0.0), *_texts(record)]
        begun = connection.execute(self._sql(_INSERT), values).fetchone()
        if begun is None:
            return None
        now, expires = begun
        connection.execute(self._sql(_SWEEP), [_SWEPT_PER_CREATION])
        if owner is not None and operation.limit is not None:
            connection.execute(self._sql(_LIMIT), [owner, values[0], max(operation.limit - 1, 0)])
        return Loaded(record._replace(created=now, seen=now, renewed=now, expires=expires), now)

    def _perform(self, connection: _Connection, operation: OfOne) -> Answer:
        name = self._name(operation.handle)
        row = connection.execute(self._sql(_FIND) + " FOR UPDATE", [name]).fetchone()
        loaded = None if row is None else self._loaded(operation.handle, row)
        if loaded is None:
            return perform(None, operation, 0.0)[1]
        after, answer = perform(loaded.record, operation, loaded.now)
        if after is None:
            connection.execute(_DELETE, [name])
        elif after is not loaded.record:
            owner = None if after.user is None else self._name(after.user)
            connection.execute(_UPDATE, [owner, after.seen, after.expires, *_texts(after), after.version, name])
        return answer

    def _loaded(self, handle: str, row: Row) -> Loaded | None:
        """Return the session in a row; None if it was not written by this store."""
        owner, created, seen, expires, state, data, version, now = row
        try:
            content = json.loads(data)
            if type(content) is not dict or not all(type(text) is str for text in content.values()):
                return None
            times = {"created": created, "seen": seen, "expires": expires, "version": version}
            user = None if owner is None else owner.removeprefix(self._prefix)
            found = {"renewed": created, **json.loads(state), **times, "user": user}
            return Loaded(Record(handle=handle, data=content, **found), now)
        except (TypeError, ValueError, RecursionError):
            return None

    @contextmanager
    def _connection(self) -> Iterator[_Connection]:
        if self._process != os.getpid():
            # Not closed: that would end the session of the process that opened them.
            self._of_other_processes.append(self._idle)
            self._begin_process()
        free = self._free
        if not free.acquire(timeout=self._timeout):
            message = f"All {self._connections} connections to the session store ({self._where}) are in use."
            raise StoreUnavailable(message)
        try:
            connection = self._idle.pop() if self._idle else self._connect()
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            self._idle.append(connection)
        except self._psycopg.Error as error:
            # The others may be broken in the same way, as after a restart of the server.
            self.close()
            message = f"The session store ({self._where}) is not available: {error}."
            raise StoreUnavailable(message) from error
        finally:
            free.release()

    def _connect(self) -> _Connection:
        wait_ms = max(int(self._timeout * 1000), 1)
        connection: _Connection = self._psycopg.connect(
            self._url,
            autocommit=True,
            connect_timeout=max(int(self._timeout), 1),
            options=f"-c statement_timeout={wait_ms} -c synchronous_commit={'on' if self._durable else 'off'}",
        )
        try:
            if connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,):
                message = f"The session store ({self._where}) is a replica, which cannot be written. Name the primary."
                raise StoreUnavailable(message)
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(%s)", [_SCHEMA_LOCK])
                if connection.execute("SELECT to_regclass('tuile_sessions')").fetchone() == (None,):
                    connection.execute(_SCHEMA)
        except BaseException:
            connection.close()
            raise
        return connection


def _texts(record: Record) -> tuple[str, str]:
    # What has a column of its own is not in the state.
    state = {key: value for key, value in record.state().items() if key not in {"created", "user"}}
    return json.dumps(state, separators=(",", ":")), json.dumps(dict(record.data), separators=(",", ":"))
