"""The life cycle of a session on the server, as generators that yield operations and receive the answers. No I/O.

    nothing --first change--> live --login--> a new session; the old one becomes a husk for a moment, then ends
    live --renewal--> live with a second secret --it is seen--> live; the first secret is good for a moment
    live --ended, idle, too old, revoked, or a former secret is replayed--> gone

The functions in `stores` run such a procedure against a store: `drive` blocks, `drive_async` awaits.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from hmac import compare_digest

from .changes import Changes, Put, merge
from .identity import is_same_verifier, new_identity, new_secret, verifier_of
from .operations import Apply, Confirm, Create, End, Load, Renew, Retire

if t.TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from .identity import Identity
    from .operations import Loaded, Operation
    from .record import Clocks, Record
    from .stores import Answer

T = t.TypeVar("T")
Procedure: t.TypeAlias = "Generator[Operation, Answer, T]"


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings for sessions that are kept on the server, apart from the store.

    Attributes:
        clocks: How long they last.
        grace: How long a former secret or session can still be read, in seconds.
        renew: After how many seconds a session gets a new secret; None for never.
        limit: How many sessions a user may have; None for any number.
        strict: Whether a conflict keeps changes from being saved.
        ends_replayed: Whether a session ends when a former secret is used after the grace.
    """

    clocks: Clocks
    grace: float = 30.0
    renew: float | None = None
    limit: int | None = None
    strict: bool = False
    ends_replayed: bool = True


class Opened(t.NamedTuple):
    """A session that a request has opened.

    Attributes:
        identity: The parts of its cookie.
        record: The session as it was read.
        now: The time by the clock of the store.
        is_current: Whether the cookie has the current secret, and not the one before.
        is_replayed: Whether it has the one before, after the grace. There is no session then, unless the settings say
            to go on.
    """

    identity: Identity
    record: Record
    now: float
    is_current: bool = True
    is_replayed: bool = False


def opening(identity: Identity, policy: Policy) -> Procedure[Opened | None]:
    """Open the session of a cookie; None if there is none, or if the secret is wrong."""
    found: Loaded | None = yield Load(identity.handle, policy.clocks)
    if found is None:
        return None
    return recognized(identity, found) or (yield from opening_otherwise(identity, found, policy))


def recognized(identity: Identity, found: Loaded) -> Opened | None:
    """Return the session that was found for a cookie; None if the cookie does not have its current secret."""
    record, now = found
    if not compare_digest(verifier_of(identity.secret), record.verifier):
        return None
    return tuple.__new__(Opened, (identity, record, now, True, False))


def opening_otherwise(identity: Identity, found: Loaded, policy: Policy) -> Procedure[Opened | None]:
    """Open the session that was found for a cookie which does not have its current secret."""
    record, now = found
    verifier = verifier_of(identity.secret)
    # Both are compared, so that the time does not tell which of them there are.
    is_next, is_former = is_same_verifier(verifier, record.pending), is_same_verifier(verifier, record.previous)
    if is_next:
        confirmed: Loaded | None = yield Confirm(identity.handle, verifier, policy.grace)
        return None if confirmed is None else Opened(identity, *confirmed)
    if not is_former:
        return None
    if now < record.previous_until:
        return Opened(identity, record, now, is_current=False)
    if policy.ends_replayed:
        yield End(identity.handle)
    return Opened(identity, record, now, is_current=False, is_replayed=True)


def creating(record: Record, policy: Policy, *, is_login: bool = True) -> Procedure[Opened]:
    """Store a new session.

    Args:
        record: Its content, user and device; the rest is set.
        policy: The settings.
        is_login: Whether its user has one session more by this, so that another may have to end.
    """
    limit = policy.limit if is_login else None
    while True:
        identity = new_identity()
        new = record._replace(handle=identity.handle, verifier=identity.verifier)
        found: Loaded | None = yield Create(new, policy.clocks, limit)
        if found is not None:
            return Opened(identity, *found)


def saving(opened: Opened, changes: Changes, policy: Policy) -> Apply:
    """Return the operation that saves what a request changed."""
    identity, record, now, _, _ = opened
    values = (identity.handle, record.generation, changes, policy.clocks, policy.strict, record, now)
    return tuple.__new__(Apply, values)


def replacing(opened: Opened, record: Record, changes: Changes | None, policy: Policy) -> Procedure[Opened | None]:
    """Begin a new session in place of one that was opened, for a login; None if that has ended meanwhile.

    The new one is created first: should the process stop in between, the old one has nothing of the login. If its user
    has been logged out meanwhile, the same user does not come back by this.

    Args:
        opened: The old session. If it is nobody's, it can be read for some seconds; otherwise it ends at once.
        record: The new one; see `creating`.
        changes: What the request changed, so that what other requests have saved meanwhile is taken along; None if
            nothing of the old session is.
        policy: The settings.
    """
    # A session that goes on under another name must not end the one whose place it takes, nor any other.
    begun = yield from creating(record, policy, is_login=record.user != opened.record.user)
    handle = opened.identity.handle
    if opened.record.user is not None or opened.record.is_husk:
        was_there: bool = yield End(handle)
        if not was_there and record.user is not None and record.user == opened.record.user:
            yield End(begun.identity.handle)
            return None
        return begun
    now: Mapping[str, str] | None = yield Retire(handle, policy.grace)
    if now is not None and changes is not None and now != opened.record.data:
        missed = _missed(begun.record.data, merge(now, changes).data)
        if missed:
            yield Apply(begun.identity.handle, begun.record.generation, missed, policy.clocks)
    return begun


def _missed(ours: Mapping[str, str], merged: Mapping[str, str]) -> Changes:
    """Return the changes that make the content of a new session what it should be."""
    return Changes(by_key={key: Put(text, ours.get(key)) for key, text in merged.items() if ours.get(key) != text})


def renewing(opened: Opened, policy: Policy) -> Procedure[Identity | None]:
    """Give a session a new secret if it is time; None if it is not, or another request has done so."""
    record = opened.record
    if policy.renew is None or not opened.is_current or record.is_husk or opened.now - record.renewed < policy.renew:
        return None
    identity = opened.identity._replace(secret=new_secret())
    is_noted: bool = yield Renew(identity.handle, record.verifier, identity.verifier, policy.grace)
    return identity if is_noted else None


def ending(opened: Opened) -> Procedure[bool]:
    """End a session."""
    answer: bool = yield End(opened.identity.handle)
    return answer
