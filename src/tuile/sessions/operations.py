"""What a store is asked to do, and what each operation does to one record, without any I/O.

Each operation is atomic. A store finds the record, calls `perform`, and keeps what that returns; one that can do the
same in fewer steps does so.
"""

from __future__ import annotations

import typing as t

from .changes import merge
from .record import Record

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from .changes import Changes
    from .record import Clocks


class Loaded(t.NamedTuple):
    """A record, and the time by the clock of the store."""

    record: Record
    now: float


class Applied(t.NamedTuple):
    """The keys in conflict, and whether the changes were saved; they are not for a conflict with `strict`."""

    conflicts: tuple[str, ...] = ()
    is_saved: bool = True


#: The answer to most saves.
SAVED: t.Final = Applied()


class Load(t.NamedTuple):
    """Find a session, and note that it was seen. The answer is `Loaded` or None."""

    handle: str
    clocks: Clocks


class Create(t.NamedTuple):
    """Store a new session. The answer is `Loaded`, or None if there is one with this handle.

    Attributes:
        record: The session; the store sets its times.
        clocks: How long it lasts.
        limit: How many sessions its user may have; those that were seen longest ago are ended. None for no limit.
    """

    record: Record
    clocks: Clocks
    limit: int | None = None


class Apply(t.NamedTuple):
    """Save what a request changed. The answer is `Applied`, or None if the session has ended.

    Attributes:
        handle: The session.
        generation: The generation that the request has read.
        changes: What the request changed.
        clocks: How long the session lasts.
        strict: Whether to save nothing if there is a conflict.
        base: What the request has read. If its version is still that of the session, a store need not read it again.
        now: The time when it was read, by the clock of the store.
    """

    handle: str
    generation: int
    changes: Changes
    clocks: Clocks
    strict: bool = False
    base: Record | None = None
    now: float = 0.0


class Renew(t.NamedTuple):
    """Note the next secret of a session. The answer is whether it was noted.

    Attributes:
        handle: The session.
        verifier: The current secret that the request has, as a hash.
        pending: The next one.
        patience: How long another next secret may take to be seen, in seconds.
    """

    handle: str
    verifier: str
    pending: str
    patience: float


class Confirm(t.NamedTuple):
    """Make the next secret the current one, because it was seen. The answer is `Loaded` or None.

    Attributes:
        handle: The session.
        pending: The next secret, as a hash.
        grace: How long the former secret stays good, in seconds.
    """

    handle: str
    pending: str
    grace: float


class Retire(t.NamedTuple):
    """Make a session a husk for some seconds. The answer is its content, or None if it has ended."""

    handle: str
    grace: float


class End(t.NamedTuple):
    """End a session. The answer is whether there was one."""

    handle: str


class OfUser(t.NamedTuple):
    """Find the sessions of a user. The answer is a list of `Loaded`, without content, the last seen first."""

    user: str


class EndOfUser(t.NamedTuple):
    """End the sessions of a user, but for one that is kept. The answer is how many there were."""

    user: str
    keep: str | None = None


class Sweep(t.NamedTuple):
    """Remove sessions that have ended by themselves. The answer is how many: `limit` if there may be more."""

    limit: int = 500


OfOne: t.TypeAlias = Load | Apply | Renew | Confirm | Retire | End
Operation: t.TypeAlias = OfOne | Create | OfUser | EndOfUser | Sweep


def perform(record: Record | None, operation: OfOne, now: float) -> tuple[Record | None, object]:
    """Return the record after an operation, the same object if it does not change; and the answer.

    Args:
        record: The record of the operation's handle; None if there is none.
        operation: What to do.
        now: The time by the clock of the store.
    """
    if record is None or record.expires <= now:
        return None, False if isinstance(operation, (Renew, End)) else None
    if type(operation) is Load:
        record = record.seen_at(operation.clocks, now)
        return record, tuple.__new__(Loaded, (record, now))
    if type(operation) is Apply:
        return _applied(record, operation, now)
    if isinstance(operation, Renew):
        return _renewed(record, operation, now)
    if isinstance(operation, Confirm):
        return _confirmed(record, operation, now)
    if isinstance(operation, Retire):
        until = min(record.expires, now + operation.grace)
        husk = record._replace(is_husk=True, user=None, pending=None, expires=until, version=record.version + 1)
        return husk, record.data
    return None, True


def _applied(record: Record, operation: Apply, now: float) -> tuple[Record, Applied | None]:
    if record.is_husk or record.generation != operation.generation:
        return record, None
    changes = operation.changes
    data, conflicts = merge(record.data, changes)
    if conflicts and operation.strict:
        return record, Applied(conflicts, is_saved=False)
    record = record.seen_at(operation.clocks, now)
    generation = record.generation + 1 if changes.cleared else record.generation
    # What `_replace` does, without its calls.
    (
        handle, verifier, _, user, created, seen, expires, renewed, _, pending, since, previous, until, is_husk,
        agent, address, version, former,
    ) = record  # fmt: skip
    record = tuple.__new__(Record, (
        handle, verifier, data, user, created, seen, expires, renewed, generation, pending, since, previous, until,
        is_husk, agent, address, version + 1, former,
    ))  # fmt: skip
    return record, Applied(conflicts) if conflicts else SAVED


def _renewed(record: Record, operation: Renew, now: float) -> tuple[Record, bool]:
    is_waiting = record.pending is not None and now - record.pending_since < operation.patience
    if record.is_husk or record.verifier != operation.verifier or is_waiting:
        return record, False
    return record._replace(pending=operation.pending, pending_since=now, version=record.version + 1), True


def _confirmed(record: Record, operation: Confirm, now: float) -> tuple[Record, Loaded | None]:
    if record.verifier == operation.pending:  # another request was faster
        return record, Loaded(record, now)
    if record.pending != operation.pending:
        return record, None
    record = record._replace(
        verifier=operation.pending,
        renewed=now,
        pending=None,
        pending_since=0.0,
        previous=record.verifier,
        previous_until=now + operation.grace,
        version=record.version + 1,
    )
    return record, Loaded(record, now)


def without_content(record: Record, content: Mapping[str, str] | None = None) -> Record:
    """Return a record for a list, which does not show what is in the session."""
    return record._replace(data=content or {})
