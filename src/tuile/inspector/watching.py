"""The recording of the current request, and what every replaced method does with it."""

from __future__ import annotations

import logging
import typing as t
from contextvars import ContextVar

from .hidden import Shown, is_secret_name, show
from .places import place_of

if t.TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from .records import Recording

P = t.ParamSpec("P")
#: A method that is replaced, of any signature.
Method: t.TypeAlias = "Callable[..., t.Any]"

#: The recording of the current request.
recording: ContextVar[Recording | None] = ContextVar("tuile.inspector", default=None)

_logger = logging.getLogger("tuile.inspector")
_reported: set[str] = set()


def guarded(function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """Call a function of the recorder; log the first error at each place."""
    try:
        function(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - it must not reach the application
        report(function, error)


def report(function: object, error: Exception) -> None:
    """Log the first error of each kind of a function of the recorder."""
    where = f"{getattr(function, '__qualname__', function)}: {type(error).__name__}"
    if where not in _reported and len(_reported) < 100:
        _reported.add(where)
        _logger.warning("The inspector could not record something (%s). Requests are not affected.", where)


def note_read(
    found: Recording, where: str, name: object, value: object, frame: FrameType | None, note: str = ""
) -> None:
    """Record that the user's code has read something, unless it was Tuile for itself."""
    is_users, place = place_of(frame)
    if is_users:
        found.add("read", where, name, None, value, place, note)


def show_cookie(found: Recording, name: str, value: str) -> Shown:
    """Return the value of a cookie as it is shown."""
    return show(value, is_secret=name in found.session_names or is_secret_name(name))
