"""What a store keeps of one session. The time is an argument: seconds since 1970, by the clock of the store."""

from __future__ import annotations

import typing as t
from types import MappingProxyType

if t.TYPE_CHECKING:
    from collections.abc import Mapping

_NOTHING: Mapping[str, str] = MappingProxyType({})


class Clocks(t.NamedTuple):
    """How long a session lasts, in seconds.

    Attributes:
        idle: It ends this long after it was last seen.
        absolute: It ends this long after its beginning; None for no such end.
        seen_every: That it was seen is stored at most this often.
    """

    idle: float
    absolute: float | None = None
    seen_every: float = 60.0

    def end(self, created: float, now: float) -> float:
        """Return when a session ends that is seen now."""
        return now + self.idle if self.absolute is None else min(now + self.idle, created + self.absolute)


class Record(t.NamedTuple):
    """A session at rest.

    Attributes:
        handle: Its name, which is no secret.
        verifier: The hash of the current secret.
        data: The content, a text for each key.
        user: Whose session it is; None before a login.
        created: When it began.
        seen: When it was last seen.
        expires: When it ends.
        renewed: When the current secret was made.
        generation: Raised when the session is cleared, so that requests that began before are not saved.
        pending: The hash of the next secret, which was sent but not seen yet.
        pending_since: When that was made.
        previous: The hash of the secret before the current one.
        previous_until: When that is no longer good.
        is_husk: Whether this is what was there before a login: it can be read for a moment, and not changed.
        agent: The User-Agent header of the request that created it.
        address: The address of the client that created it.
        version: The number of saves.
        former: The id that the session had in Flask-Session; None if it did not come from there.
    """

    handle: str
    verifier: str
    data: Mapping[str, str] = _NOTHING
    user: str | None = None
    created: float = 0.0
    seen: float = 0.0
    expires: float = 0.0
    renewed: float = 0.0
    generation: int = 1
    pending: str | None = None
    pending_since: float = 0.0
    previous: str | None = None
    previous_until: float = 0.0
    is_husk: bool = False
    agent: str = ""
    address: str = ""
    version: int = 0
    former: str | None = None

    def begun(self, clocks: Clocks, now: float) -> Record:
        """Return the record of a session that begins now."""
        return self._replace(created=now, seen=now, renewed=now, expires=clocks.end(now, now))

    def seen_at(self, clocks: Clocks, now: float) -> Record:
        """Return the record of a session that is seen now; the same one if that is not worth storing."""
        # A tenth of a short idle time, so that the session of an active user never ends early.
        if self.is_husk or now - self.seen < min(clocks.seen_every, clocks.idle / 10):
            return self
        return self._replace(seen=now, expires=clocks.end(self.created, now))

    def state(self) -> dict[str, object]:
        """Return what a store need not search for: all but the defaults, without the content."""
        return {one: value for one, value in self._asdict().items() if one not in _APART and value != _DEFAULTS[one]}


_APART = {"handle", "data", "user", "seen", "expires", "version"}
_DEFAULTS: dict[str, object] = {"verifier": None, **Record._field_defaults}
