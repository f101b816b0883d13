"""Where warnings about cookies point to: the user's line on the stack, or the view that answered."""

from __future__ import annotations

import sys
import typing as t
import warnings
from inspect import unwrap

from ..http.cookies import size_warning
from ..http.received import as_printed
from .app_context import current_value

if t.TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from ..app import Flask
    from ..wrappers.request import Request

# How many warnings of a kind are remembered for each module, so as not to be shown again.
_KEPT = 100
# The packages whose frames are skipped, and those that call hooks and views for a request.
_SKIPPED = frozenset({"tuile", "werkzeug", "contextlib"})
_DISPATCHING = ("tuile.dispatch.", "tuile.asgi.")

Registry: t.TypeAlias = "dict[str | tuple[str, type[Warning], int], int]"


class Place(t.NamedTuple):
    """A line of the user's, and the request as it is described at the end of a warning."""

    text: str
    file: str
    line: int
    module: str
    registry: Registry


def warn_of_size(name: str, line: str, limit: int) -> None:
    """Warn about a Set-Cookie line that is too long, in Werkzeug's words, at the line of the user's that led to it.

    Args:
        name: The name of the cookie.
        line: The Set-Cookie line, which is longer than the limit.
        limit: The limit in bytes.
    """
    value = line.partition(";")[0].partition("=")[2]
    place = _place_of_call() or _current_view()
    text = size_warning(name, len(value), len(line), limit)
    if place is None:
        warnings.warn(text, stacklevel=3)
    else:
        warn_at(place, text, UserWarning, lambda kept: "cookie is too large" in kept)


def warn_at(place: Place, text: str, category: type[Warning], is_ours: Callable[[str], bool] = bool) -> None:
    """Warn at a place.

    Args:
        place: The place.
        text: The text of the warning.
        category: Its class.
        is_ours: Whether a text that the registry keeps is of this kind. Texts contain what clients choose, so those of
            a kind are limited in number.
    """
    registry = place.registry
    warnings.warn_explicit(text, category, place.file, place.line, place.module, registry)
    kept = [key for key in list(registry) if isinstance(key, tuple) and key[1] is category and is_ours(key[0])]
    for key in kept[:-_KEPT]:
        registry.pop(key, None)


def place_of_view(app: Flask, request: Request) -> Place:
    """Return the view that answered a request; without one, the module of the application."""
    what = f"{request.method} {as_printed(request.path)}"
    view = unwrap(app.view_functions.get(request.endpoint or "", _no_view))
    of_class = getattr(view, "view_class", None)
    if of_class is not None:
        view = unwrap(getattr(of_class, request.method.lower(), of_class.dispatch_request))
    code = getattr(view, "__code__", None)
    if code is None or view is _no_view:
        module = sys.modules.get(app.import_name)
        file = getattr(module, "__file__", None) or app.import_name
        registry = {} if module is None else vars(module).setdefault("__warningregistry__", {})
        return Place(f"[{what}]", file, 1, app.import_name, registry)
    text = f"[{what}, answered by {view.__qualname__} in {view.__module__}, line {code.co_firstlineno}]"
    registry = view.__globals__.setdefault("__warningregistry__", {})
    return Place(text, code.co_filename, code.co_firstlineno, view.__module__, registry)


def _place_of_call() -> Place | None:
    """Return the innermost line that is not a library's; None if the request itself is what called, after the view."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        names = frame.f_globals
        module = str(names.get("__name__") or "<sys>")
        if module.startswith(_DISPATCHING):
            return None
        if module.partition(".")[0] not in _SKIPPED:
            registry = names.setdefault("__warningregistry__", {})
            return Place("", frame.f_code.co_filename, frame.f_lineno, module, registry)
        frame = frame.f_back
    return None


def _current_view() -> Place | None:
    context = current_value(None)
    request = None if context is None else context.request
    return None if context is None or request is None else place_of_view(context.app, request)


def _no_view() -> None:
    """Do nothing: the placeholder for the view if no rule matched."""
