"""End sessions that are in cookies: all of one user.

A session in a cookie cannot be taken away, so each user has an epoch, a number that only rises. A login puts the
user's epoch into the session, and a session with an older one is refused. The time at which a cookie was signed would
not do: a request that is under way signs the old session again.

Only epochs that were raised are in the store, for as long as a cookie from before can be valid.
"""

from __future__ import annotations

import re
import time
import typing as t
import weakref
from hashlib import sha256

from ..keys.tokens import encode_base64
from .changes import Change, Changes
from .operations import Apply, Create, Load
from .record import Clocks, Record
from .settings import seconds, store_and_policy
from .stores import StoreUnavailable, drive

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from ..app import Flask
    from .lifecycle import Procedure
    from .operations import Applied, Loaded

#: The key under which a session has the epoch of its user. A session without it has the epoch 0.
EPOCH_KEY: t.Final = "_epoch"

# How many users a process knows the epochs of.
_MOST_KNOWN = 10_000
# An epoch can expire between two steps.
_MOST_ATTEMPTS = 10

# What is escaped, and what would look like it.
_ESCAPED = re.compile(r"[\0\ud800-\udfff]|\\(?:x00|ud|#|\\)")
#: A longer name of a user, in characters, is kept as its beginning and a hash.
LONGEST_USER: t.Final = 250
_SHOWN_OF_USER = 60

_known: weakref.WeakKeyDictionary[Flask, dict[str, tuple[int, float]]] = weakref.WeakKeyDictionary()


def is_refused(app: Flask, user: str | None, session: Mapping[str, object]) -> bool:
    """Return whether all sessions of a user were ended after the login of this one.

    Raises:
        StoreUnavailable: If the store cannot be asked.
    """
    return user is not None and _epoch_in(session) < epoch_of(app, user)


def epoch_of(app: Flask, user: str, *, is_fresh: bool = False) -> int:
    """Return the epoch of a user; 0 if it was never raised.

    Args:
        app: The application.
        user: The user, as stores keep it.
        is_fresh: Whether to ask the store, even if this process has asked less than `SESSION_EPOCH_AGE` ago.
    """
    setting = seconds("SESSION_EPOCH_AGE", app.config.get("SESSION_EPOCH_AGE"), least=0.0)
    age_s = 5.0 if setting is None else setting
    known = _known.setdefault(app, {})
    now = time.monotonic()
    epoch, asked = known.get(user, (0, float("-inf")))
    if is_fresh or now - asked >= age_s:
        epoch = drive(_reading(user, _clocks(app)), store_and_policy(app).store)
        if len(known) >= _MOST_KNOWN:
            known.clear()
        known[user] = epoch, now
    return epoch


def raise_epoch(app: Flask, user: str) -> int:
    """Raise the epoch of a user, so that all sessions in cookies so far are refused, and return it."""
    _known.get(app, {}).pop(user, None)
    return drive(_raising(user, _clocks(app)), store_and_policy(app).store)


def as_user(user: object) -> str:
    """Return the name of a user as stores keep it: its text, another one for each other text."""
    text = str(user)
    if len(text) <= LONGEST_USER and _ESCAPED.search(text) is None:
        return text
    if len(text) > LONGEST_USER:  # more than an index of PostgreSQL takes
        digest = sha256(text.encode(errors="surrogatepass")).hexdigest()
        return f"{as_user(text[:_SHOWN_OF_USER])}\\#{digest}"
    # Not every store can keep NUL, or half of a surrogate pair.
    text = text.replace("\\", "\\\\").encode(errors="backslashreplace").decode()
    return text.replace("\0", "\\x00")


def _epoch_in(session: Mapping[str, object]) -> int:
    epoch = session.get(EPOCH_KEY)
    return max(epoch, 0) if type(epoch) is int else 0


def _clocks(app: Flask) -> Clocks:
    return Clocks(app.permanent_session_lifetime.total_seconds())


def _name_of(user: str) -> str:
    # No cookie can name it.
    return f"epoch.{encode_base64(sha256(user.encode()).digest()[:16])}"


def _reading(user: str, clocks: Clocks) -> Procedure[int]:
    loaded: Loaded | None = yield Load(_name_of(user), clocks)
    return 0 if loaded is None else _number(loaded.record.data.get("epoch"))


def _raising(user: str, clocks: Clocks) -> Procedure[int]:
    # The time, so that it is higher than one that has been forgotten.
    first = str(int(time.time() * 1000))

    def higher(text: str | None) -> str:
        return str(max(_number(text) + 1, int(first)))

    for _ in range(_MOST_ATTEMPTS):
        created: Loaded | None = yield Create(Record(_name_of(user), "", {"epoch": first}), clocks)
        if created is not None:
            return int(first)
        changes = Changes(by_key={"epoch": Change(higher, None, first)})
        applied: Applied | None = yield Apply(_name_of(user), 1, changes, clocks)
        if applied is not None:
            epoch: int = yield from _reading(user, clocks)
            return epoch
    message = "The epoch of a user could not be raised: it neither exists nor can be created."
    raise StoreUnavailable(message)


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 20 else 0
