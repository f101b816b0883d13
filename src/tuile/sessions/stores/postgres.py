"""Keep sessions in PostgreSQL, in a table of its own: for any number of machines.

Reading is one statement, and so is a save, which makes its change of what the request has read and writes it if the
version is still the same. If it is not, the save locks the row of its session, merges, and writes it, in one short
transaction; no lock is held while a view runs. The connections are the store's own, so an application's transactions
are left alone.
"""

from __future__ import annotations

import json
import typing as t
from importlib import import_module
from types import GeneratorType
from urllib.parse import urlsplit

from ...json.provider import scan
from ..content import content_in, lines_of
from ..operations import Apply, Create, EndOfUser, Load, Loaded, OfUser, Sweep, perform
from ..record import Record
from ..unreadable import report_unreadable
from .connections import BrokenConnectionError, exchanged
from .postgres_wire import AwaitedConnection, BlockingConnection, Settings, Statement, connected
from .remote import RemoteStore

if t.TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from ..operations import OfOne, Operation
    from . import Answer, Row
    from .connections import Connection, Steps

T = t.TypeVar("T")
_Steps: t.TypeAlias = "Generator[Statement, Answer, T]"

_FIND = "SELECT owner, created, seen, expires, state, data, version, {now} FROM tuile_sessions WHERE handle = %s"
_INSERT = """
INSERT INTO tuile_sessions (handle, owner, created, seen, expires, state, data, version)
SELECT %s, %s, now, now, now + %s, %s, %s, 0 FROM (SELECT {now} AS now) AS clock
ON CONFLICT DO NOTHING RETURNING seen, expires"""
_SAVE = """
UPDATE tuile_sessions SET data = %s, version = %s WHERE handle = %s AND version = %s AND expires > {now}"""
_UPDATE = """
UPDATE tuile_sessions SET owner = %s, seen = %s, expires = %s, state = %s, data = %s, version = %s WHERE handle = %s"""
_SEEN = "UPDATE tuile_sessions SET seen = %s, expires = %s WHERE handle = %s AND version = %s"
_DELETE = "DELETE FROM tuile_sessions WHERE handle = %s"
_OF_USER = """
SELECT handle, owner, created, seen, expires, state, E'\\n', version, {now} FROM tuile_sessions
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
_BEGIN, _COMMIT = Statement("BEGIN"), Statement("COMMIT")
# How many sessions that have ended are removed when one is created: more than one, so that they become fewer.
_SWEPT_PER_CREATION = 2

_written = json.JSONEncoder(separators=(",", ":")).encode


class PostgresStore(RemoteStore):
    """Sessions in PostgreSQL.

    Args:
        url: `postgresql://...`, as libpq reads it.
        prefix: What the names of this app's sessions begin with.
        durable: Whether a saved session also survives a server that stops; each save then waits for its disk.
        timeout: How many seconds to wait for a connection, and for a statement.
        connections: How many connections a process, or an event loop, has at most.

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
            psycopg = import_module("psycopg")  # an extra
        except ImportError:
            message = "Sessions in PostgreSQL need psycopg. Install it: pip install 'tuile[postgres]'."
            raise RuntimeError(message) from None
        parts = urlsplit(url)
        where = f"PostgreSQL, {parts.hostname or 'localhost'}:{parts.port or 5432}, names {prefix}*"
        self._prefix = prefix
        self._settings = Settings(url, where, timeout, durable)
        self._errors = (BrokenConnectionError, OSError, psycopg.Error)
        texts = (_FIND, _INSERT, _SAVE, _OF_USER, _END_OF_USER, _LIMIT, _SWEEP)
        statements = [text.format(now=self._now) for text in texts]
        self._find, self._insert, self._save, self._listed, self._end_of_user, self._limit, self._sweep = statements
        super().__init__(where, timeout=timeout, connections=connections)

    def _connect(self) -> BlockingConnection:
        return BlockingConnection(self._settings)

    async def _connect_async(self) -> AwaitedConnection:
        return await connected(self._settings)

    def _can_repeat(self, operation: Operation) -> bool:
        return isinstance(operation, (Load, OfUser))

    def _name(self, name: str) -> str:
        return f"{self._prefix}{name}"

    # Each operation

    def _steps(self, operation: Operation) -> Steps:
        if type(operation) is Load:
            return self._loading(operation)
        if type(operation) is Apply:
            return self._saving(operation)
        if isinstance(operation, Create):
            return self._creating(operation)
        if isinstance(operation, OfUser):
            return self._listing(operation)
        if isinstance(operation, EndOfUser):
            keep = None if operation.keep is None else self._name(operation.keep)
            return _one(Statement(self._end_of_user, [self._name(operation.user), keep]))
        if isinstance(operation, Sweep):
            return _one(Statement(self._sweep, [operation.limit]))
        return self._performing(operation)

    def _answered(self, connection: Connection, operation: Operation) -> Answer:
        if type(operation) is not Load:
            return super()._answered(connection, operation)
        # What is done for most requests is one exchange.
        answer = self._found(operation, connection.exchange(self._reading(operation.handle)))
        return exchanged(connection, answer) if type(answer) is GeneratorType else answer

    def _reading(self, handle: str) -> Statement:
        return tuple.__new__(Statement, (self._find, (f"{self._prefix}{handle}",), True))

    def _loading(self, operation: Load) -> Steps:
        found = self._found(operation, (yield self._reading(operation.handle)))
        return (yield from found) if isinstance(found, GeneratorType) else found

    def _found(self, operation: Load, rows: list[Row]) -> Loaded | _Steps[Loaded | None] | None:
        """Return the session in the rows that were read; or steps, if it is to be stored that it was seen."""
        handle, clocks = operation
        loaded = self._loaded(handle, rows[0]) if rows else None
        if loaded is None:
            return None
        record, now = loaded
        since = now - record.seen
        if since < clocks.seen_every and since < clocks.idle / 10 and record.expires > now:
            return loaded
        return self._seen_now(operation, loaded)

    def _seen_now(self, operation: Load, loaded: Loaded) -> _Steps[Loaded | None]:
        """Store that a session was seen, unless it has ended."""
        after, answer = perform(loaded.record, operation, loaded.now)
        if after is not None and after is not loaded.record:
            values = [after.seen, after.expires, self._name(operation.handle), after.version]
            if not (yield Statement(_SEEN, values)):  # it was changed meanwhile, or has ended
                answer = yield from self._performing(operation)
        return t.cast("Loaded | None", answer)

    def _listing(self, operation: OfUser) -> _Steps[list[Loaded]]:
        rows: list[Row] = yield Statement(self._listed, [self._name(operation.user)], has_rows=True)
        found = [self._loaded(row[0].removeprefix(self._prefix), row[1:]) for row in rows]
        return [one for one in found if one is not None]

    def _creating(self, operation: Create) -> _Steps[Loaded | None]:
        record, clocks = operation.record, operation.clocks
        name, owner = self._name(record.handle), None if record.user is None else self._name(record.user)
        values = [name, owner, clocks.end(0.0, 0.0), _written_state(record), lines_of(record.data)]
        yield _BEGIN
        begun: list[Row] = yield Statement(self._insert, values, has_rows=True)
        if begun:
            yield Statement(self._sweep, [_SWEPT_PER_CREATION])
            if owner is not None and operation.limit is not None:
                yield Statement(self._limit, [owner, name, max(operation.limit - 1, 0)])
        yield _COMMIT
        if not begun:
            return None
        now, expires = begun[0]
        return Loaded(record._replace(created=now, seen=now, renewed=now, expires=expires), now)

    def _saving(self, operation: Apply) -> _Steps[Answer]:
        base = operation.base
        if base is not None:
            after, answer = perform(base, operation, operation.now)
            if after is not None and after.version != base.version and after.seen == base.seen:
                is_whole = after.generation == base.generation
                values = [lines_of(after.data), after.version, self._name(base.handle), base.version]
                if is_whole and (yield Statement(self._save, values)):
                    return answer
        return (yield from self._performing(operation))

    def _performing(self, operation: OfOne) -> _Steps[Answer]:
        name = self._name(operation.handle)
        yield _BEGIN
        rows = yield Statement(f"{self._find} FOR UPDATE", [name], has_rows=True)
        loaded = self._loaded(operation.handle, rows[0]) if rows else None
        if loaded is None:
            yield _COMMIT
            return perform(None, operation, 0.0)[1]
        after, answer = perform(loaded.record, operation, loaded.now)
        if after is None:
            yield Statement(_DELETE, [name])
        elif after is not loaded.record:
            owner = None if after.user is None else self._name(after.user)
            state, data = _written_state(after), lines_of(after.data)
            yield Statement(_UPDATE, [owner, after.seen, after.expires, state, data, after.version, name])
        yield _COMMIT
        return answer

    def _loaded(self, handle: str, row: Sequence[Answer]) -> Loaded | None:
        """Return the session in a row; None, with a message in the log, if it was not written by this store."""
        owner, created, seen, expires, state, data, version, now = row
        content = content_in(data)
        if content is None:
            report_unreadable(handle, expires, now)
            return None
        try:
            found: Answer = scan(state, 0)
            others, end = found
            take = others.pop
            user = None if owner is None else owner.removeprefix(self._prefix)
            record = tuple.__new__(Record, (
                handle, take("verifier"), content, user, created, seen, expires, take("renewed", created), 1, None,
                0.0, None, 0.0, False, take("agent", ""), take("address", ""), version, None,
            ))  # fmt: skip
            if end == len(state):
                return tuple.__new__(Loaded, (record._replace(**others) if others else record, now))
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError, StopIteration):
            pass
        report_unreadable(handle, expires, now)
        return None


def _one(statement: Statement) -> _Steps[int]:
    """Execute one statement, and return how many rows it has changed."""
    changed: int = yield statement
    return changed


def _written_state(record: Record) -> str:
    # What has a column of its own is not in the state.
    return _written({key: value for key, value in record.state().items() if key != "created"})
