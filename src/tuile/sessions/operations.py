"""What a store is asked to do, and what each operation does to one record, without any I/O.

Each operation is atomic. A store finds the record, calls `perform`, and keeps what that returns; one that can do the
same in fewer steps does so.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from .changes import merge

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from .changes import Changes
    from .record import Clocks, Record


class Loaded(t.NamedTuple):
    """A record, and the time by the clock of the store."""

    record: Record
    now: float


class Applied(t.NamedTuple):
    """The keys in conflict, and whether the changes were saved; they are not for a conflict with `strict`."""

    conflicts: tuple[str, ...] = ()
    is_saved: bool = True


@dataclass(frozen=True, slots=True)
class Load:
    """Find a session, and note that it was seen. The answer is `Loaded` or None."""

    handle: str
    clocks: Clocks


@dataclass(frozen=True, slots=True)
class Create:
    """Store a new session. The answer is `Loaded`, or None if there is one with this handle.

    Attributes:
        record: The session; the store sets its times.
        clocks: How long it lasts.
        limit: How many sessions its user may have; those that were seen longest ago are ended. None for no limit.
    """

    record: Record
    clocks: Clocks
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Apply:
    """Save what a request changed. The answer is `Applied`, or None if the session has ended.

    Attributes:
        handle: The session.
        generation: The generation that the request has read.
        changes: What the request changed.
        clocks: How long the session lasts.
        strict: Whether to save nothing if there is a conflict.
    """

    handle: str
    generation: int
    changes: Changes
    clocks: Clocks
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Renew:
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


@dataclass(frozen=True, slots=True)
class Confirm:
    """Make the next secret the current one, because it was seen. The answer is `Loaded` or None.

    Attributes:
        handle: The session.
        pending: The next secret, as a hash.
        grace: How long the former secret stays good, in seconds.
    """

    handle: str
    pending: str
    grace: float


@dataclass(frozen=True, slots=True)
class Retire:
    """Make a session a husk for some seconds. The answer is its content, or None if it has ended."""

    handle: str
    grace: float


@dataclass(frozen=True, slots=True)
class End:
    """End a session. The answer is whether there was one."""

    handle: str


@dataclass(frozen=True, slots=True)
class OfUser:
    """Find the sessions of a user. The answer is a list of `Loaded`, without content, the last seen first."""

    user: str


@dataclass(frozen=True, slots=True)
class EndOfUser:
    """End the sessions of a user, but for one that is kept. The answer is how many there were."""

    user: str
    keep: str | None = None


@dataclass(frozen=True, slots=True)
class Sweep:
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
    if isinstance(operation, Load):
        record = record.seen_at(operation.clocks, now)
        return record, Loaded(record, now)
    if isinstance(operation, Apply):
        return _applied(record, operation, now)
    if isinstance(operation, Renew):
        return _renewed(record, operation, now)
    if isinstance(operation, Confirm):
        return _confirmed(record, operation, now)
    if isinstance(operation, Retire):
        until = min(record.expires, now + operation.grace)
        return replace(record, is_husk=True, user=None, pending=None, expires=until), record.data
    return None, True


def _applied(record: Record, operation: Apply, now: float) -> tuple[Record, Applied | None]:
    if record.is_husk or record.generation != operation.generation:
        return record, None
    data, conflicts = merge(record.data, operation.changes)
    if conflicts and operation.strict:
        return record, Applied(conflicts, is_saved=False)
    generation = record.generation + 1 if operation.changes.cleared else record.generation
    expires = operation.clocks.end(record.created, now)
    return replace(record, data=data, generation=generation, seen=now, expires=expires), Applied(conflicts)


def _renewed(record: Record, operation: Renew, now: float) -> tuple[Record, bool]:
    is_waiting = record.pending is not None and now - record.pending_since < operation.patience
    if record.is_husk or record.verifier != operation.verifier or is_waiting:
        return record, False
    return replace(record, pending=operation.pending, pending_since=now), True


def _confirmed(record: Record, operation: Confirm, now: float) -> tuple[Record, Loaded | None]:
    if record.verifier == operation.pending:  # another request was faster
        return record, Loaded(record, now)
    if record.pending != operation.pending:
        return record, None
    record = replace(
        record,
        verifier=operation.pending,
        renewed=now,
        pending=None,
        pending_since=0.0,
        previous=record.verifier,
        previous_until=now + operation.grace,
    )
    return record, Loaded(record, now)


def without_content(record: Record, content: Mapping[str, str] | None = None) -> Record:
    """Return a record for a list, which does not show what is in the session."""
    return replace(record, data=content or {})
