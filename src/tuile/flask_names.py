"""The names of Flask's modules that Tuile's modules of the same name do not have themselves.

What must live here: how they are found, so that any import of Flask's works with `tuile` in place of `flask`. What must
not: which they are (`shim.table` lists them).
"""

from __future__ import annotations

import sys
import typing as t
from importlib import import_module


def offer_flasks_names(module: str) -> None:
    """Let a module of Tuile have all names of Flask's module of the same name, found when they are asked for.

    Call it in the module itself. It is not written as `__getattr__` there: type checkers would believe in any name.
    """
    flasks = f"flask{module.removeprefix('tuile')}"

    def find(name: str) -> t.Any:
        if not name.startswith("__"):
            try:
                # By its name: nothing below the edges imports it, and most never come here.
                return import_module("tuile.shim.modules").offered(module, flasks, name)
            except AttributeError:
                pass
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    own = vars(sys.modules[module])
    find_first = own.get("__getattr__")

    def find_name(name: str) -> t.Any:
        if find_first is not None:
            try:
                return find_first(name)
            except AttributeError:
                pass
        return find(name)

    find_name.own = find_first  # type: ignore[attr-defined] # what `look_up` may ask
    own["__getattr__"] = find_name
