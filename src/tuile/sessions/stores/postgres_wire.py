"""The connections of the PostgreSQL store, by psycopg."""

from __future__ import annotations

import inspect
import time
import typing as t
from importlib import import_module

from . import StoreUnavailable
from .connections import BrokenConnectionError

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from . import Answer, Row


class Statement(t.NamedTuple):
    """A statement, its values, and whether the reply is the rows that it returns, or how many it has changed."""

    text: str
    values: Sequence[object] = ()
    has_rows: bool = False


class Settings(t.NamedTuple):
    """How to connect.

    Attributes:
        url: The database.
        where: What to call it in messages.
        timeout: How long a statement may take, in seconds.
        durable: Whether to wait for the disk of the server.
    """

    url: str
    where: str
    timeout: float
    durable: bool

    def options(self) -> dict[str, Answer]:
        """Return the arguments of psycopg's `connect`."""
        wait_ms = max(int(self.timeout * 1000), 1)
        return {
            "autocommit": True,
            "connect_timeout": max(int(self.timeout), 1),
            "tcp_user_timeout": wait_ms,
            "options": f"-c statement_timeout={wait_ms} -c synchronous_commit={'on' if self.durable else 'off'}",
        }


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
CREATE INDEX IF NOT EXISTS tuile_sessions_owner ON tuile_sessions (owner) WHERE owner IS NOT NULL;
CREATE INDEX IF NOT EXISTS tuile_sessions_expires ON tuile_sessions (expires);
"""
# Two processes that create a table at the same time get in each other's way.
_SCHEMA_LOCK = 7_823_615_204
_IS_REPLICA = Statement("SELECT pg_is_in_recovery()", has_rows=True)
# In the order in which they are sent; the table is made if the last one returns nothing.
_BEFORE_THE_TABLE = (
    Statement("BEGIN"),
    Statement(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})", has_rows=True),
    Statement("SELECT to_regclass('tuile_sessions')", has_rows=True),
)


def _refuse_replica(settings: Settings, rows: Sequence[Row]) -> None:
    if rows == [(True,)]:
        message = f"The session store ({settings.where}) is a replica, which cannot be written. Name the primary."
        raise StoreUnavailable(message)


class _Cursor(t.Protocol):
    """What is used of a cursor of psycopg."""

    rowcount: int

    def execute(self, text: str, values: Sequence[object]) -> object: ...
    def fetchall(self) -> list[Row]: ...


class BlockingConnection:
    """A connection that blocks.

    Raises:
        StoreUnavailable: If the server is a replica.
    """

    def __init__(self, settings: Settings) -> None:
        self.used = time.monotonic()
        self._broken = import_module("psycopg").OperationalError
        self._connection = _connection_class(settings.timeout).connect(settings.url, **settings.options())
        # One for all statements: to make one takes a fifth of the time of a short statement.
        self._cursor: _Cursor = self._connection.cursor()
        try:
            _refuse_replica(settings, self.exchange(_IS_REPLICA))
            *_, found = [self.exchange(statement) for statement in _BEFORE_THE_TABLE]
            if found == [(None,)]:
                self._connection.execute(_SCHEMA)
            self.exchange(Statement("COMMIT"))
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        """Return the number of its socket."""
        number: int = self._connection.fileno()
        return number

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    def exchange(self, request: Statement) -> Answer:
        """Execute a statement, and return its rows, or how many it has changed."""
        text, values, has_rows = request
        try:
            cursor = self._cursor
            cursor.execute(text, values)
            return cursor.fetchall() if has_rows else cursor.rowcount
        except self._broken as error:
            if self._connection.closed:
                raise BrokenConnectionError(str(error)) from error
            raise


class AwaitedConnection:
    """A connection in an event loop, made by `connected`."""

    def __init__(self, connection: Answer) -> None:
        self._broken = import_module("psycopg").OperationalError
        self._connection = connection
        self._cursor = connection.cursor()

    async def close(self) -> None:
        """Close it."""
        await self._connection.close()

    async def exchange(self, request: Statement) -> Answer:
        """Execute a statement, and return its rows, or how many it has changed."""
        text, values, has_rows = request
        try:
            cursor = self._cursor
            await cursor.execute(text, values)
            return await cursor.fetchall() if has_rows else cursor.rowcount
        except self._broken as error:
            if self._connection.closed:
                raise BrokenConnectionError(str(error)) from error
            raise


async def connected(settings: Settings) -> AwaitedConnection:
    """Return a connection for an event loop.

    Raises:
        StoreUnavailable: If the server is a replica.
    """
    opened = await import_module("psycopg").AsyncConnection.connect(settings.url, **settings.options())
    connection = AwaitedConnection(opened)
    try:
        _refuse_replica(settings, await connection.exchange(_IS_REPLICA))
        *_, found = [await connection.exchange(statement) for statement in _BEFORE_THE_TABLE]
        if found == [(None,)]:
            await opened.execute(_SCHEMA)
        await connection.exchange(Statement("COMMIT"))
    except BaseException:
        await connection.close()
        raise
    return connection


def _connection_class(timeout: float) -> Answer:
    """Return psycopg's class of connections, with an end to waiting where it can have one.

    The server ends a statement that takes too long, but not if it does not run itself.
    """
    stock = import_module("psycopg").Connection
    if "timeout" not in inspect.signature(stock.wait).parameters:
        return stock

    def wait(connection: object, *args: object, **kwargs: object) -> object:
        return stock.wait(connection, *args, **{"timeout": timeout, **kwargs})

    return type("Connection", (stock,), {"wait": wait})
