"""`import flask` gives Tuile: an app and its extensions run on it as they are.

Floor 6, edges. What must live here: the one table from Flask's module paths to the rooms whose names they
have, and the finder that makes modules of it. What must not: behaviour; a name here is the same object as
in its room.

    import tuile.stand_in
    tuile.stand_in.install()

Each of Flask's modules becomes a module of its own, with its own spec, whose names are those of the rooms
in the table. Writing a name on it writes it in the room as well, so that a tool that replaces
`flask.cli.run_simple` replaces what the command line calls.
"""

from __future__ import annotations

import sys
import typing as t
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

if t.TYPE_CHECKING:
    from collections.abc import Sequence

#: Flask's modules, and the rooms that answer for their names, first come first served.
ROOMS: dict[str, tuple[str, ...]] = {
    "flask": ("tuile",),
    "flask.app": ("tuile.app", "tuile.dispatch", "tuile.proxies", "tuile.signals", "tuile.sessions", "tuile.flashing"),
    "flask.blueprints": ("tuile.blueprints", "tuile.scaffold"),
    "flask.cli": ("tuile.cli",),
    "flask.config": ("tuile.config",),
    "flask.ctx": ("tuile.context", "tuile.carrying", "tuile.namespace", "tuile.proxies"),
    "flask.debughelpers": ("tuile.debugging",),
    "flask.globals": ("tuile.proxies",),
    "flask.helpers": (
        "tuile.answers",
        "tuile.carrying",
        "tuile.environment",
        "tuile.files",
        "tuile.flashing",
        "tuile.packages",
        "tuile.proxies",
        "tuile.templating",
        "tuile.urls",
    ),
    "flask.json": ("tuile.json",),
    "flask.json.provider": ("tuile.json.provider",),
    "flask.json.tag": ("tuile.json.tag",),
    "flask.logging": ("tuile.logging",),
    "flask.sansio": (),
    "flask.sansio.app": ("tuile.app", "tuile.scaffold"),
    "flask.sansio.blueprints": ("tuile.blueprints", "tuile.scaffold"),
    "flask.sansio.scaffold": ("tuile.scaffold", "tuile.packages", "tuile.templating"),
    "flask.sessions": ("tuile.sessions", "tuile.sessions.interface", "tuile.sessions.signed"),
    "flask.signals": ("tuile.signals",),
    "flask.templating": ("tuile.templating", "tuile.jinja", "tuile.proxies"),
    "flask.testing": ("tuile.testing", "tuile.testing.client", "tuile.testing.runner"),
    "flask.typing": ("tuile.typing",),
    "flask.views": ("tuile.views", "tuile.proxies"),
    "flask.wrappers": ("tuile.request", "tuile.response"),
}

#: Names that Flask has and the rooms call otherwise.
RENAMED: dict[tuple[str, str], tuple[str, str]] = {
    ("flask.helpers", "_split_blueprint_path"): ("tuile.request", "split_blueprint_path"),
    ("flask.sansio.app", "App"): ("tuile.app", "Flask"),
    ("flask.wrappers", "RequestBase"): ("werkzeug.wrappers", "Request"),
    ("flask.wrappers", "ResponseBase"): ("werkzeug.wrappers", "Response"),
}

_PACKAGES = frozenset(name.rpartition(".")[0] for name in ROOMS)


class FlaskModule(ModuleType):
    """One of Flask's modules as Tuile has it: it reads from its rooms and writes to them."""

    def __getattr__(self, name: str) -> t.Any:
        room, own_name = _find(self.__name__, name)
        if room is None:
            message = f"module {self.__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        return getattr(room, own_name)

    def __setattr__(self, name: str, value: t.Any) -> None:
        super().__setattr__(name, value)
        # What the import system itself writes concerns this module and not the room.
        if not name.startswith("__") and not isinstance(value, FlaskModule):
            room, own_name = _find(self.__name__, name)
            if room is not None:
                setattr(room, own_name, value)

    def __delattr__(self, name: str) -> None:
        if name in self.__dict__:
            super().__delattr__(name)
        room, own_name = _find(self.__name__, name)
        if room is not None and own_name in vars(room):
            delattr(room, own_name)

    def __dir__(self) -> list[str]:
        names = set(super().__dir__())
        for room in ROOMS[self.__name__]:
            names.update(dir(import_module(room)))
        return sorted(names)


class _Loader(Loader):
    """Fills one of Flask's modules with the names of its rooms."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return FlaskModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        for room_name in reversed(ROOMS[module.__name__]):
            room = import_module(room_name)
            module.__dict__.update({name: value for name, value in vars(room).items() if not name.startswith("__")})
            module.__dict__["__file__"] = room.__file__
            module.__doc__ = room.__doc__
        for (name, flask_name), (room_name, own_name) in RENAMED.items():
            if name == module.__name__:
                module.__dict__[flask_name] = getattr(import_module(room_name), own_name)


class Finder(MetaPathFinder):
    """Finds Flask's modules in the table, before anyone looks on the disk."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of one of Flask's modules; None for every other name."""
        if fullname not in ROOMS:
            return None
        return ModuleSpec(fullname, _Loader(), origin="tuile.stand_in", is_package=fullname in _PACKAGES)


def install() -> None:
    """Make `import flask` and its submodules mean Tuile, from now on, in this process. It may be called again.

    Raises:
        RuntimeError: the real Flask was imported before.
    """
    if is_installed():
        return
    early = sys.modules.get("flask")
    if early is not None and not isinstance(early, FlaskModule):
        message = (
            f"Flask itself was imported before Tuile could stand in for it: {_who_imported(early)}."
            " Call tuile.stand_in.install() before that import, or start the program with 'tuile exec'."
        )
        raise RuntimeError(message)
    sys.meta_path.insert(0, Finder())


def is_installed() -> bool:
    """Answer whether `import flask` means Tuile in this process."""
    return any(isinstance(finder, Finder) for finder in sys.meta_path)


def _find(module: str, name: str) -> tuple[ModuleType | None, str]:
    """Return the room that has a name of one of Flask's modules, and what the room calls it."""
    renamed = RENAMED.get((module, name))
    if renamed is not None:
        return import_module(renamed[0]), renamed[1]
    for room_name in ROOMS.get(module, ()):
        room = import_module(room_name)
        if hasattr(room, name):
            return room, name
    return None, name


def _who_imported(flask: ModuleType) -> str:
    """Say which modules hold the real Flask or something from it, the first to be imported first."""
    holders = [
        name
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] != "flask"
        and any(
            value is flask or str(getattr(value, "__module__", "")).partition(".")[0] == "flask"
            for value in list(vars(module).values())
        )
    ]
    where = f"it comes from {getattr(flask, '__file__', None)}"
    if not holders:
        return where
    others = f" (and {len(holders) - 1} more modules)" if holders[1:] else ""
    return f"{where}, and the module that imported it is {holders[0]!r}{others}"
