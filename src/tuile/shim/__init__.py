"""`import flask` gives Tuile: an app and its extensions run on it as they are. Floor 6, the edges.

What must live here: putting the stand-in in place, in this process and in those it starts. What must
not: behaviour; every name is the same object as in its room. The rooms beside this one are the `table`
of where each name is, and the `modules` made of it; `start/` is what an interpreter runs first when it
was started by `tuile exec`.

    import tuile.shim
    tuile.shim.install()

Each of Flask's modules becomes a module of its own, with its own spec, whose names are those of the rooms
in the table. Writing a name on it writes it in the room as well, so that a tool that replaces
`flask.cli.run_simple` replaces what the command line calls.
"""

from __future__ import annotations

import os
import sys
import typing as t

from .modules import Finder, FlaskModule, Portion, look_up
from .table import IMPORTS, INTERFACE, RENAMED, ROOMS

if t.TYPE_CHECKING:
    from collections.abc import MutableMapping
    from types import ModuleType

__all__ = [
    "IMPORTS",
    "INTERFACE",
    "RENAMED",
    "ROOMS",
    "START",
    "Finder",
    "holders",
    "install",
    "is_installed",
    "look_up",
    "reach_children",
    "real_flask",
]

#: The folder whose `sitecustomize` puts the stand-in in place as an interpreter starts.
START = os.path.join(os.path.dirname(os.path.abspath(__file__)), "start")


def install(*, children: bool = False) -> None:
    """Make `import flask` and its submodules mean Tuile, from now on, in this process. It may be called again.

    Parameters:
        children: whether it shall be so in the Python processes that this one starts, too.

    Raises:
        RuntimeError: the real Flask was imported before; the message says by whom.
    """
    if children:
        reach_children(os.environ)
    early = real_flask()
    if early is not None:
        raise RuntimeError(
            f"Flask itself was imported before Tuile could stand in for it: {_who_imported(early)}."
            " Call tuile.shim.install() before that import, or start the program with 'tuile exec'."
        )
    for index, finder in enumerate(sys.meta_path):
        if isinstance(finder, Finder):
            return
        if _stands_in(finder):
            # The one of `start/`, which only keeps the place for this one.
            sys.meta_path[index] = Finder()
            break
    else:
        sys.meta_path.insert(0, Finder())
    sys.path_hooks.append(Portion)


def is_installed() -> bool:
    """Answer whether `import flask` means Tuile in this process."""
    return any(_stands_in(finder) for finder in sys.meta_path)


def reach_children(environ: MutableMapping[str, str]) -> None:
    """Write into an environment that Python processes started with it have the stand-in from their first line."""
    path = environ.get("PYTHONPATH")
    others = [entry for entry in path.split(os.pathsep) if entry != START] if path else []
    environ["PYTHONPATH"] = os.pathsep.join([START, *others])


def real_flask() -> ModuleType | None:
    """Return the real Flask's package if this process has imported it."""
    flask = sys.modules.get("flask")
    return None if isinstance(flask, FlaskModule) else flask


def holders() -> list[str]:
    """Return the modules that have the real Flask, or something that it defines, among their names."""
    return [
        name
        for name in list(sys.modules)
        if name.partition(".")[0] not in {"flask", "tuile"} and _holds(sys.modules.get(name))
    ]


def _stands_in(finder: object) -> bool:
    return getattr(finder, "stands_in_for_flask", False) is True


def _who_imported(flask: ModuleType) -> str:
    """Say where the real Flask is and which module imported it first."""
    names = list(sys.modules)
    found = holders()
    where = f"it comes from {getattr(flask, '__file__', None)}"
    if not found:
        return where
    # Modules are listed from the start of their import on, so the last holder that was being imported when
    # Flask's turn came is the one whose line it was.
    earlier = [name for name in found if names.index(name) < names.index("flask")]
    first = earlier[-1] if earlier else found[0]
    others = f" (and {len(found) - 1} more hold something of it)" if found[1:] else ""
    file = getattr(sys.modules[first], "__file__", None)
    return f"{where}, and the module that imported it is {first!r}{f' ({file})' if file else ''}{others}"


def _holds(module: ModuleType | None) -> bool:
    """Answer whether a module has the real Flask, or something that Flask defines, among its names."""
    for value in list(vars(module).values()) if module is not None else ():
        name = value.__name__ if isinstance(value, type(sys)) else _defined_in(value)
        if name.partition(".")[0] == "flask":
            return True
    return False


def _defined_in(value: object) -> str:
    kind = type(value)
    # A proxy outside a request would refuse to answer, so it is recognised and not asked.
    if kind.__name__ == "LocalProxy":
        own = vars(sys.modules.get("flask.globals", sys)).values()
        return "flask.globals" if any(value is proxy for proxy in own) else ""
    asked = value if kind.__name__ in {"type", "ABCMeta", "function"} else kind
    return str(getattr(asked, "__module__", ""))
