"""Log that a session is in a store and cannot be read: it is an empty one then, and nobody would know why."""

from __future__ import annotations

import logging
import typing as t

from ..ctx.app_context import current_value

#: What is wrong with an entry that no store of this version writes, and what to do.
FOREIGN: t.Final = (
    "Its entry in the store was not written by this version of Tuile, or was damaged. If another version or another"
    " program writes to this store, give one of them a store, or a SESSION_KEY_PREFIX, of its own."
)
# After how many sessions no more are reported: all of them may be unreadable, at each request.
_MOST_REPORTED: t.Final = 100
# The handles of those that were reported by this process.
_reported: set[str] = set()


def report_unreadable(handle: str, expires: object = None, now: float = 0.0, *, why: str = FOREIGN) -> None:
    """Log once per process that a session cannot be read, with the app's logger if there is a context.

    Args:
        handle: Its name, which is no secret.
        expires: When it ends, as far as that can be read: of one that has ended, nothing is lost.
        now: The time by the clock of the store.
        why: What is wrong, and what to do about it.
    """
    has_ended = isinstance(expires, (int, float)) and expires <= now
    if has_ended or handle in _reported or len(_reported) >= _MOST_REPORTED:
        return
    _reported.add(handle)
    here = current_value(None)
    logger = logging.getLogger("tuile.sessions") if here is None else here.app.logger
    logger.warning(
        "The session %s cannot be read, so it is treated as empty. It stays in the store until it ends. %s%s",
        handle,
        why,
        " No more of them are reported until this process is restarted." if len(_reported) == _MOST_REPORTED else "",
    )
