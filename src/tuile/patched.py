"""What stands in a module of Flask in place of what it had: `mock.patch("flask.app.RequestContext")`.

On Flask the code of the module looks each name up where the patch has set it. Tuile has that code in other modules, or
imports what it needs later. So the shim notes here what was set, and code that calls such a function or class asks
`in_place_of`, where that happens seldom; a plan asks once. There is nothing here in a process that patches nothing.
"""

from __future__ import annotations

import typing as t
from contextvars import ContextVar

from .invalidation import Watched, invalidate, move_classes, set_flags_again

T = t.TypeVar("T")

#: The class that signs sessions.
SERIALIZER = "flask.sessions.URLSafeTimedSerializer"
#: The application whose methods the functions of `flask.helpers` call.
APP_OF_HELPERS = "flask.helpers.current_app"
#: What was set, by its full name in Flask.
names: dict[str, t.Any] = {}
#: The context variable for functions that a test gives another application: none is active.
NOTHING_ACTIVE: ContextVar[object] = ContextVar("nothing active", default=None)
_NO_STEPS, _APP_CONTEXT = frozenset[str](), frozenset({"app_context"})
# The classes whose flags depend on a name.
_classes: dict[str, list[Watched]] = {}
# While one of them is replaced, contexts and requests are made by their constructors only.
_OF_CONTEXTS = ("flask.app.AppContext", "flask.app.RequestContext")


def in_place_of(name: str, stock: T) -> T:
    """Return what is used under a name of Flask: `stock`, or what was set in its place."""
    found: T = names.get(name, stock)
    return found


def note(name: str, value: object, stock: object) -> None:
    """Note that a name was set.

    Args:
        name: The full name, such as `flask.app.RequestContext`.
        value: What it was set to.
        stock: What it was before anything was set.
    """
    if value is not stock:
        names[name] = value
    elif names.pop(name, stock) is stock:
        return
    for kind in _classes.get(name, ()):
        set_flags_again(kind)
    move_classes()
    invalidate()


def flags_depend(name: str, kind: Watched) -> None:
    """Let the flags of a class be set again when a name is set."""
    _classes.setdefault(name, []).append(kind)


def replaced_steps() -> frozenset[str]:
    """Return the names of the steps of an app that count as overridden, because what they make was replaced."""
    return _APP_CONTEXT if names and "flask.app.AppContext" in names else _NO_STEPS


def refusals() -> list[str]:
    """Return the reasons why contexts and requests must be made by their constructors."""
    return [f"{name} is replaced" for name in _OF_CONTEXTS if name in names] if names else []
