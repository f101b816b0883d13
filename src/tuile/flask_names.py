"""Let Tuile's modules offer the names of Flask's modules that they do not define themselves.

So every import from Flask works with `tuile` in place of `flask`. `shim.table` lists the names.
"""

from __future__ import annotations

import sys
from importlib import import_module


def offer_flasks_names(module: str) -> None:
    """Give a module of Tuile all names of Flask's module of the same name, looked up on first use.

    Call it in the module itself. The module does not define `__getattr__`: type checkers would accept any name.
    """
    flasks = f"flask{module.removeprefix('tuile')}"

    def find(name: str) -> object:
        if not name.startswith("__"):
            try:
                # Imported by name, because the shim is in a higher layer, and rarely needed.
                return import_module("tuile.shim.modules").offered(module, flasks, name)
            except AttributeError:
                pass
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    own = vars(sys.modules[module])
    find_first = own.get("__getattr__")

    def find_name(name: str) -> object:
        if find_first is not None:
            try:
                return find_first(name)
            except AttributeError:
                pass
        return find(name)

    vars(find_name)["own"] = find_first  # for `shim.modules.look_up`
    own["__getattr__"] = find_name
