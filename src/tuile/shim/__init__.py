"""Make `import flask` mean Tuile, so that an app and its extensions run on it unchanged.

`import tuile` installs the shim, unless `TUILE_SHIM=0` is set or Flask itself was imported before. An application that
never imports `tuile` installs it explicitly:

    import tuile.shim
    tuile.shim.install()

Each of Flask's modules becomes a module with its own spec (`modules`), whose names are looked up in Tuile's modules by
`table`. Setting a name on it also sets the name in Tuile's module, so that a tool that replaces `flask.cli.run_simple`
replaces what the command line calls. An interpreter that `tuile exec` starts runs `start/sitecustomize.py` first. Every
`import tuile` imports this module, so it does as little as possible until Flask is imported.
"""

from __future__ import annotations

import os
import sys
import typing as t

from ..real_flask import VARIABLE, holders, real_flask, shim_is_wanted, warn_if_flask_is_imported, who_imported

if t.TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from .modules import look_up
    from .table import IMPORTS, INTERFACE, RENAMED, TUILE_MODULES

__all__ = [
    "IMPORTS",
    "INTERFACE",
    "RENAMED",
    "START",
    "TUILE_MODULES",
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

#: The folder whose `sitecustomize` installs the shim as an interpreter starts.
START = os.path.join(os.path.dirname(os.path.abspath(__file__)), "start")

# Names from the heavier modules, imported on first use.
_LATER = {"IMPORTS": "table", "INTERFACE": "table", "RENAMED": "table", "TUILE_MODULES": "table", "look_up": "modules"}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - not before it is needed

    return getattr(import_module(f".{_LATER[name]}", __name__), name)


class Finder:
    """Find Flask's modules in the table, before Python's own finders search `sys.path`."""

    #: Marks a finder of the shim; that of `start/sitecustomize.py`, which cannot import this module, has it too.
    is_tuile_shim = True

    def __init__(self, *, is_explicit: bool) -> None:
        #: Whether it was installed explicitly, for an unmodified program that was written for Flask.
        self.is_explicit = is_explicit
        #: The module that imported Flask first, and whether one that is not Tuile's had imported Tuile by then.
        self.first_import: tuple[str, bool] | None = None

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of one of Flask's modules; None for every other name."""
        if fullname.partition(".")[0] != "flask":
            return None
        from .modules import find_first_import, find_spec  # noqa: PLC0415 - not before Flask is wanted

        if self.first_import is None and fullname == "flask" and fullname not in sys.modules:
            self.first_import = find_first_import()
        return find_spec(fullname)

    def invalidate_caches(self) -> None:
        """Do nothing: nothing is cached."""


def install(*, children: bool = False) -> None:
    """Make `import flask` and its submodules mean Tuile in this process from now on. It may be called again.

    Args:
        children: Install it in the Python processes that this one starts, too.

    Raises:
        RuntimeError: If the real Flask was imported before; the message says by which module.
    """
    if children:
        reach_children(os.environ)
    early = real_flask()
    if early is not None:
        raise RuntimeError(
            f"Flask itself was imported before the shim was installed: {who_imported(early)}."
            " Call tuile.shim.install() before that import, or start the program with 'tuile exec'."
        )
    for index, finder in enumerate(sys.meta_path):
        if isinstance(finder, Finder):
            finder.is_explicit = True
            return
        if _is_shim(finder):
            # The finder of `start/sitecustomize.py`, which only reserves the position for this one.
            sys.meta_path[index] = Finder(is_explicit=True)
            return
    sys.meta_path.insert(0, Finder(is_explicit=True))


def install_by_default() -> None:
    """Install the shim on `import tuile`, or warn that Flask was already imported."""
    if is_installed() or not shim_is_wanted():
        return
    if real_flask() is None:
        sys.meta_path.insert(0, Finder(is_explicit=False))
    else:
        # This function and the package; Python leaves out the frames of the import system.
        warn_if_flask_is_imported(stacklevel=3)


def installed_finder() -> Finder | None:
    """Return the finder that is installed in this process."""
    return next((finder for finder in sys.meta_path if isinstance(finder, Finder)), None)


def is_installed() -> bool:
    """Return whether `import flask` means Tuile in this process."""
    return any(_is_shim(finder) for finder in sys.meta_path)


def reach_children(environ: MutableMapping[str, str]) -> None:
    """Change an environment so that Python processes started with it have the shim from their first line."""
    path = environ.get("PYTHONPATH")
    others = [entry for entry in path.split(os.pathsep) if entry != START] if path else []
    environ["PYTHONPATH"] = os.pathsep.join([START, *others])


def _is_shim(finder: object) -> bool:
    return getattr(finder, "is_tuile_shim", False) is True
