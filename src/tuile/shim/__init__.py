"""`import flask` gives Tuile: an app and its extensions run on it as they are.

What must live here: putting the shim in place, in this process and in those it starts, with as little work as there
can be until Flask is asked for: every `import tuile` comes by. What must not: behaviour; every name is the same object
as in Tuile's module. The modules beside this one are the `table` of where each name is, and the `modules` made of it;
`start/` is what an interpreter runs first when it was started by `tuile exec`.

`import tuile` installs the shim, unless `TUILE_SHIM=0` says otherwise or Flask itself was imported before. Where an
application never says `tuile`:

    import tuile.shim
    tuile.shim.install()

Each of Flask's modules becomes a module of its own, with its own spec, whose names are those of Tuile's modules in the
table. Writing a name on it writes it in Tuile's module as well, so that a tool that replaces `flask.cli.run_simple`
replaces what the command line calls.
"""

from __future__ import annotations

import os
import sys
import typing as t

from ..real_flask import VARIABLE, holders, real_flask, shim_is_wanted, warn_of_both, who_imported

if t.TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from .modules import look_up
    from .table import IMPORTS, INTERFACE, RENAMED, ROOMS

__all__ = [
    "IMPORTS",
    "INTERFACE",
    "RENAMED",
    "ROOMS",
    "START",
    "VARIABLE",
    "Finder",
    "holders",
    "install",
    "install_by_default",
    "is_installed",
    "look_up",
    "reach_children",
    "real_flask",
]

#: The folder whose `sitecustomize` puts the shim in place as an interpreter starts.
START = os.path.join(os.path.dirname(os.path.abspath(__file__)), "start")

# What is in the heavier modules.
_LATER = {"IMPORTS": "table", "INTERFACE": "table", "RENAMED": "table", "ROOMS": "table", "look_up": "modules"}


def __getattr__(name: str) -> t.Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - not before it is needed

    return getattr(import_module(f".{_LATER[name]}", __name__), name)


class Finder:
    """Finds Flask's modules in the table, before anyone looks on the disk."""

    #: By this an interpreter's `sitecustomize`, which cannot import this module, says that it is one of us.
    stands_in_for_flask = True

    def __init__(self, *, asked_for: bool) -> None:
        #: Whether somebody asked for it: then the program was written for Flask, and runs on Tuile as it is.
        self.asked_for = asked_for
        #: The module that imported Flask first, and whether one that is not Tuile's had imported Tuile by then.
        self.first_import: tuple[str, bool] | None = None

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of one of Flask's modules; None for every other name."""
        if fullname.partition(".")[0] != "flask":
            return None
        from .modules import find_spec, who_imports  # noqa: PLC0415 - not before Flask is wanted

        if self.first_import is None and fullname == "flask" and fullname not in sys.modules:
            self.first_import = who_imports()
        return find_spec(fullname)

    def invalidate_caches(self) -> None:
        """Do nothing: nothing is cached."""


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
            f"Flask itself was imported before Tuile could stand in for it: {who_imported(early)}."
            " Call tuile.shim.install() before that import, or start the program with 'tuile exec'."
        )
    for index, finder in enumerate(sys.meta_path):
        if isinstance(finder, Finder):
            finder.asked_for = True
            return
        if _stands_in(finder):
            # The one of `start/`, which only keeps the place for this one.
            sys.meta_path[index] = Finder(asked_for=True)
            return
    sys.meta_path.insert(0, Finder(asked_for=True))


def install_by_default() -> None:
    """Do what `import tuile` does: have a later `import flask` mean Tuile, or warn that it is too late for that."""
    if is_installed() or not shim_is_wanted():
        return
    if real_flask() is None:
        sys.meta_path.insert(0, Finder(asked_for=False))
    else:
        # This function, the package, and the import system's own frames, which Python leaves out.
        warn_of_both(stacklevel=3)


def installed_finder() -> Finder | None:
    """Return the finder that is in place in this process."""
    return next((finder for finder in sys.meta_path if isinstance(finder, Finder)), None)


def is_installed() -> bool:
    """Answer whether `import flask` means Tuile in this process."""
    return any(_stands_in(finder) for finder in sys.meta_path)


def reach_children(environ: MutableMapping[str, str]) -> None:
    """Write into an environment that Python processes started with it have the shim from their first line."""
    path = environ.get("PYTHONPATH")
    others = [entry for entry in path.split(os.pathsep) if entry != START] if path else []
    environ["PYTHONPATH"] = os.pathsep.join([START, *others])


def _stands_in(finder: object) -> bool:
    return getattr(finder, "stands_in_for_flask", False) is True
