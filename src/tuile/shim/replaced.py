"""Which names of Flask's modules were set or deleted since, and what follows for code that does not look them up."""

from __future__ import annotations

from importlib import import_module

from .. import patched
from .table import IMPORTS

#: What Flask's modules had under the names, by their full names.
stock: dict[str, object] = {}
#: The names that were deleted, and were not set again.
deleted: set[str] = set()

# Applications that tests replace, and what asks Tuile's context for them instead: modules and names.
_ASKED = {
    "flask.helpers.current_app": (("tuile.helpers", "current_value"), ("tuile.urls", "current_for_function")),
    "flask.json.current_app": (("tuile.json", "current_value"),),
}
_contexts: dict[tuple[str, str], object] = {}
# The modules of Flask that send signals, and which.
_SENDERS = {
    module: IMPORTS[module]["flask.signals"].split(", ")
    for module in ("flask.app", "flask.ctx", "flask.helpers", "flask.templating")
}


def is_sent(module: str, name: str) -> bool:
    """Return whether code of a module of Flask sends a signal by a name: Tuile asks the signal itself who hears it."""
    return module in _SENDERS and name in _SENDERS[module]


def note(module: str, name: str, value: object) -> None:
    """Let a name of Flask's modules have an effect where it is not looked up in one of Tuile's modules.

    Args:
        module: The module of Flask.
        name: The name, which is among `stock`.
        value: What it is set to.
    """
    full_name = f"{module}.{name}"
    patched.note(full_name, value, stock[full_name])
    for ours, own_name in _ASKED.get(full_name, ()):
        _ask_context(ours, own_name, is_replaced=full_name in patched.names)
    if is_sent(module, name):
        signals = import_module("tuile.signals")
        signals.send_instead(signals._signals[name.replace("_", "-")], value)


def _ask_context(module: str, name: str, *, is_replaced: bool) -> None:
    """Let functions find no active context while the application that they would call on Flask is another one."""
    ours, none = import_module(module), patched.NOTHING_ACTIVE
    own = _contexts.setdefault((module, name), vars(ours)[name])
    instead = none if hasattr(own, "get") else none.get
    setattr(ours, name, instead if is_replaced else own)
