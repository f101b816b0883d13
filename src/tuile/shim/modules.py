"""Flask's modules, made of Tuile's rooms, and the finder that gives them. Floor 6, the edges.

What must live here: how a name is looked up by the table, what writing one means, and what Python's
import system wants of a finder and a loader. What must not: which name is where (`table`), and when the
finder is put in place (`__init__`).

Rooms are imported by their names in the table, each when the module of Flask that needs it is imported.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import sys
import typing as t
import warnings
from contextlib import suppress
from importlib import import_module
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec
from types import FunctionType, ModuleType

from .naming import name_as_flask_does
from .table import IMPORTS, INTERFACE, LOADED_LATER, RENAMED, ROOMS, SPREAD

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_PACKAGES = frozenset(name.rpartition(".")[0] for name in ROOMS)
# What a package has as its `__path__`: nothing on the disk, but something that our path hook knows.
_PORTION = "tuile.shim:"
_MODULE = "import"
# What a room had before somebody wrote on one of Flask's modules: {(room, name): value}.
_before: dict[tuple[str, str], t.Any] = {}


def _parse(imports: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Return {name: (module, its name there)} of one row of `IMPORTS`; for a module itself, ("import", its name)."""
    targets = {}
    for source, names in imports.items():
        for item in names.split(","):
            own_name, _, alias = item.strip().partition(" as ")
            targets[alias or own_name] = (source, own_name)
    return targets


_TARGETS = {module: {**_parse(IMPORTS.get(module, {})), **RENAMED.get(module, {})} for module in ROOMS}


def rooms_of(module: str) -> list[ModuleType]:
    """Return the rooms that have what a module of Flask defines."""
    return [import_module(room) for room in ROOMS.get(module, ())]


def look_up(module: str, name: str) -> t.Any:
    """Return what a name of one of Flask's modules stands for.

    Raises:
        AttributeError: Flask's module has no such name, or Tuile has nothing for it.
    """
    target = _TARGETS.get(module, {}).get(name)
    if target is not None:
        source, own_name = target
        if source == _MODULE:
            return import_module(own_name)
        return look_up(source, own_name) if source in ROOMS else getattr(import_module(source), own_name)
    # The rooms of the package itself are the front of the house, with more than Flask has there.
    if module != "flask":
        for room in rooms_of(module):
            value = vars(room).get(name, _before)
            if value is _before:
                value = _found_later(room, name)
            if value is not _before and not isinstance(value, ModuleType):
                return value
    raise AttributeError(f"module {module!r} has no attribute {name!r}")


class FlaskModule(ModuleType):
    """One of Flask's modules as Tuile has it: it reads from its rooms and writes to them."""

    def __getattr__(self, name: str) -> t.Any:
        if f"{self.__name__}.{name}" in ROOMS:
            return import_module(f"{self.__name__}.{name}")
        if name.startswith("__"):
            if name == "__version__" and self.__name__ == "flask":
                return _version()
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        try:
            value = look_up(self.__name__, name)
        except AttributeError:
            if self.__name__ == "flask":
                # In the words of Flask's own.
                raise AttributeError(name) from None
            raise
        self.__dict__[name] = value
        return value

    def __setattr__(self, name: str, value: t.Any) -> None:
        super().__setattr__(name, value)
        # What the import system itself writes concerns this module and not the room.
        if not name.startswith("__") and not isinstance(value, FlaskModule):
            for room, own_name in self._holders(name):
                _before.setdefault((room.__name__, own_name), vars(room).get(own_name))
                setattr(room, own_name, value)

    def __delattr__(self, name: str) -> None:
        known = name in self.__dict__
        if known:
            super().__delattr__(name)
        for room, own_name in self._holders(name):
            if own_name in vars(room):
                known = True
                _before.setdefault((room.__name__, own_name), vars(room)[own_name])
                delattr(room, own_name)
        if not known:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *_TARGETS[self.__name__], *_children(self.__name__)})

    def _holders(self, name: str) -> list[tuple[ModuleType, str]]:
        """Return the rooms whose work a name of this module steers, each with what it calls it."""
        renamed = RENAMED.get(self.__name__, {}).get(name)
        if renamed is not None:
            return [(import_module(renamed[0]), renamed[1])]
        rooms = rooms_of(self.__name__)
        return [(room, name) for room in rooms if name in vars(room) or (room.__name__, name) in _before]


class Loader(InspectLoader):
    """Fills one of Flask's modules with its names."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return an empty module for a spec of `Finder`."""
        return FlaskModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Fill a module; one that is reloaded forgets what was written on it, as Flask's would."""
        name = module.__name__
        _undo(name)
        names = module.__dict__
        for room in rooms_of(name):
            module.__doc__ = module.__doc__ or room.__doc__
            if name != "flask":
                names.update(_handed_out(room, (name, *ROOMS[name])))
        for key, (source, own_name) in _TARGETS[name].items():
            # The others, and other libraries' that nothing has needed so far, when they are asked for.
            if source in ROOMS or source in sys.modules:
                with suppress(AttributeError):
                    names[key] = look_up(name, key)
            elif source == _MODULE and own_name not in ROOMS and own_name in sys.modules:
                names[key] = sys.modules[own_name]
        name_as_flask_does(name, lambda key: _found(name, key), _first_lines(name))
        if name == "flask":
            for other in ROOMS:
                if other not in LOADED_LATER:
                    _import_unless_under_way(other)

    def is_package(self, fullname: str) -> bool:
        """Answer whether a module of Flask has modules below it."""
        return fullname in _PACKAGES

    def get_filename(self, fullname: str) -> str:
        """Return the file of the first of a module's rooms.

        Raises:
            ImportError: it has none.
        """
        origin = _origin(fullname)
        if origin is None:
            raise ImportError(f"{fullname} has no room of its own", name=fullname)
        return origin

    def get_source(self, fullname: str) -> str | None:
        """Return the source of a module's rooms, one after the other, or None without one."""
        return "".join(map(_source, SPREAD.get(fullname) or ROOMS.get(fullname, ()))) or None


def find_spec(fullname: str) -> ModuleSpec | None:
    """Return the spec of one of Flask's modules; None for a name that Flask does not have."""
    if fullname not in ROOMS:
        return None
    if Portion not in sys.path_hooks:
        sys.path_hooks.append(Portion)
    origin = _origin(fullname)
    spec = ModuleSpec(fullname, Loader(), origin=origin, is_package=fullname in _PACKAGES)
    spec.has_location = origin is not None
    if spec.submodule_search_locations is not None:
        spec.submodule_search_locations.append(f"{_PORTION}{fullname}")
    return spec


def who_imports() -> tuple[str, bool]:
    """Return which module is importing Flask now, and whether a module that is not Tuile's has imported Tuile."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _belongs_to_imports(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    importer = "" if frame is None else frame.f_globals.get("__name__", "")
    own = {id(value) for name, value in vars(sys.modules["tuile"]).items() if not name.startswith("_")}
    return importer, any(
        id(value) in own or _is_module_of_tuile(value)
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] != "tuile" and not _is_tuiles_script(module)
        for value in list(getattr(module, "__dict__", {}).values())
    )


def _belongs_to_imports(name: str) -> bool:
    return name.partition(".")[0] in {"importlib", "tuile", "_frozen_importlib", "_frozen_importlib_external"}


def _is_module_of_tuile(value: object) -> bool:
    return isinstance(value, ModuleType) and value.__name__.partition(".")[0] == "tuile"


def _is_tuiles_script(module: ModuleType) -> bool:
    """Answer whether it is `__main__`, started as the command `tuile`, or what an interpreter runs first."""
    return os.path.basename(getattr(module, "__file__", None) or "") in {"tuile", "tuile.exe", "__main__.py"}


class Portion:
    """What `pkgutil` asks for the modules of `flask.__path__`. Importing them is `Finder`'s work."""

    def __init__(self, entry: str) -> None:
        if not entry.startswith(_PORTION):
            raise ImportError(f"{entry!r} is no package of Flask's", path=entry)
        self.package = entry.removeprefix(_PORTION)

    def find_spec(self, fullname: str, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return None: what there is, the finder before has found."""
        return None

    def iter_modules(self, prefix: str = "") -> Iterator[tuple[str, bool]]:
        """Yield the package's modules, and for each whether it is a package."""
        for name in _children(self.package):
            yield f"{prefix}{name}", f"{self.package}.{name}" in _PACKAGES


def _children(package: str) -> list[str]:
    """Return the modules directly below one of Flask's, without its name."""
    return [name.rpartition(".")[2] for name in ROOMS if name.rpartition(".")[0] == package]


def _import_unless_under_way(module: str) -> None:
    """Import a module of Flask that its package loads as well, for those who wait for that import."""
    try:
        import_module(module)
    except RuntimeError as error:
        # Another thread is importing it and waits for the package, which this thread is importing.
        if type(error).__name__ != "_DeadlockError":
            raise


def _handed_out(room: ModuleType, homes: tuple[str, ...]) -> dict[str, t.Any]:
    # A room's modules are Tuile's; what Flask has in their place, the table says. So it is with classes and functions
    # that a room has from elsewhere.
    return {
        name: value
        for name, value in vars(room).items()
        if not name.startswith("__")
        and not isinstance(value, ModuleType)
        and not (isinstance(value, (type, FunctionType)) and not str(value.__module__).startswith(homes))
    }


def _undo(module: str) -> None:
    """Give the rooms of a module back what they had before somebody wrote on it."""
    for room, name in [key for key in _before if key[0] in ROOMS[module]]:
        setattr(sys.modules[room], name, _before.pop((room, name)))


def _origin(module: str) -> str | None:
    """Return the file of a module's room, without importing it.

    Where the classes of a module are in several rooms its file is one that does not exist, with the source of all of
    them: so `inspect` asks the loader for it, and finds each class.
    """
    if not ROOMS.get(module):
        return None
    if module in SPREAD:
        return os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), f"{module[6:]}.py")
    spec = importlib.util.find_spec(ROOMS[module][0])
    return None if spec is None else spec.origin


def _source(room: str) -> str:
    spec = importlib.util.find_spec(room)
    loader = None if spec is None else spec.loader
    return (loader.get_source(room) or "") if isinstance(loader, InspectLoader) else ""


def _first_lines(module: str) -> dict[str, int]:
    """Return after how many lines the source of each room begins in that of a module."""
    lines: dict[str, int] = {}
    if module in SPREAD and sys.version_info >= (3, 13):
        # Before, classes were looked for by their names.
        total = 0
        for room in SPREAD[module]:
            lines[room] = total
            total += _source(room).count("\n")
    return lines


def offered(module: str, flasks: str, name: str) -> t.Any:
    """Return what a name of Flask's module stands for, for Tuile's module of the same name that does not have it.

    Raises:
        AttributeError: Flask's module has none, or somebody has deleted it.
    """
    if (module, name) in _before:
        raise AttributeError(name)
    return look_up(flasks, name)


def _found_later(room: ModuleType, name: str) -> t.Any:
    """Return what a room makes of a name when it is asked for, or `_before`; not what it asks us for."""
    find = vars(room).get("__getattr__")
    find = getattr(find, "own", find)
    if find is not None:
        with suppress(AttributeError):
            return find(name)
    return _before


def _found(module: str, name: str) -> t.Any:
    try:
        return look_up(module, name)
    except AttributeError:
        return None


def _version() -> str:
    warnings.warn(
        "The '__version__' attribute is deprecated and will be removed in Flask 3.2. Use feature detection or"
        " 'importlib.metadata.version(\"flask\")' instead.",
        DeprecationWarning,
        stacklevel=3,
    )
    try:
        return importlib.metadata.version("flask")
    except importlib.metadata.PackageNotFoundError:
        return INTERFACE
