"""Build Flask's modules from Tuile's, as a finder and a loader for Python's import system.

Tuile's modules are imported by their names in `table`, each when the module of Flask that needs it is imported.
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
from types import ModuleType

from ..real_flask import module_name, names_in
from . import replaced
from .naming import DEFINED, rename_as_in_flask
from .table import IMPORTS, INTERFACE, LOADED_LATER, RENAMED, SPLIT_MODULES, TUILE_MODULES, VALUES

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_PACKAGES = frozenset(name.rpartition(".")[0] for name in TUILE_MODULES)
# The prefix of the entries of a package's `__path__`, by which our path hook recognises them. They are no real paths.
_PATH_PREFIX = "tuile.shim:"
_MODULE = "import"
# The values that Tuile's modules had before a name was set on one of Flask's modules: {(module, name): value}. The
# dictionary itself is also the marker for a missing value.
_originals: dict[tuple[str, str], object] = {}


def _parse(imports: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Return {name: (module, its name there)} of one row of `IMPORTS`; for a module itself, ("import", its name)."""
    targets = {}
    for source, names in imports.items():
        for item in names.split(","):
            own_name, _, alias = item.strip().partition(" as ")
            targets[alias or own_name] = (source, own_name)
    return targets


_TARGETS = {module: {**_parse(IMPORTS.get(module, {})), **RENAMED.get(module, {})} for module in TUILE_MODULES}


def _defined(module: str) -> frozenset[str]:
    """Return the names that a module of Flask defines."""
    classes = DEFINED.get(module, {})
    values = VALUES.get(module, "").replace(",", " ").split()
    return frozenset({"annotations", *classes, *classes.get("", "").split(), *values}) - {""}


_DEFINED = {module: _defined(module) for module in TUILE_MODULES}


def tuile_modules_of(module: str) -> list[ModuleType]:
    """Return Tuile's modules that have the names which a module of Flask defines."""
    return [import_module(ours) for ours in TUILE_MODULES.get(module, ())]


def look_up(module: str, name: str) -> object:
    """Return the object that a name of one of Flask's modules stands for.

    Raises:
        AttributeError: Flask's module has no such name, or Tuile has nothing for it.
    """
    target = _TARGETS.get(module, {}).get(name)
    if target is not None:
        source, own_name = target
        if source == _MODULE:
            return import_module(own_name)
        return look_up(source, own_name) if source in TUILE_MODULES else getattr(import_module(source), own_name)
    # Tuile's modules have more names than Flask's.
    if name in _DEFINED.get(module, ()) and module != "flask":
        for ours in tuile_modules_of(module):
            value = vars(ours).get(name, _originals)
            if value is _originals:
                value = _look_up_lazily(ours, name)
            if value is not _originals and not isinstance(value, ModuleType):
                return value
    raise AttributeError(f"module {module!r} has no attribute {name!r}")


class FlaskModule(ModuleType):
    """One of Flask's modules: names are read from Tuile's modules and set on them."""

    def __init__(self, name: str, doc: str | None = None) -> None:
        super().__init__(name, doc)
        # A function of the module (PEP 562) and no method of the class: then Python reads the names that there are,
        # such as `flask.request` in a view, without looking for methods.
        self.__dict__["__getattr__"] = self._find_missing

    def _find_missing(self, name: str) -> object:
        """Return what a name that was not read before stands for."""
        full_name = f"{self.__name__}.{name}"
        if full_name in TUILE_MODULES and full_name not in replaced.deleted:
            return import_module(full_name)
        if name.startswith("__") or full_name in replaced.deleted:
            if name == "__version__" and self.__name__ == "flask":
                return _version()
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        try:
            value = look_up(self.__name__, name)
        except AttributeError:
            if self.__name__ == "flask":
                # With Flask's own message.
                raise AttributeError(name) from None
            raise
        self.__dict__[name] = value
        return value

    def __setattr__(self, name: str, value: object) -> None:
        full_name = f"{self.__name__}.{name}"
        if full_name not in replaced.stock and self._has_name(name):
            replaced.stock[full_name] = getattr(self, name, None)
        super().__setattr__(name, value)
        replaced.deleted.discard(full_name)
        if full_name not in replaced.stock:
            # A name of a user's own: one of our modules may have something else under it.
            return
        replaced.note(self.__name__, name, value)
        if replaced.is_sent(self.__name__, name):
            return
        if value is replaced.stock[full_name]:
            # What Tuile's modules had may be another object, such as a faster class.
            for ours, own_name in self._holders(name):
                if (ours.__name__, own_name) in _originals:
                    setattr(ours, own_name, _originals.pop((ours.__name__, own_name)))
        # What the import system itself sets concerns this module and not Tuile's.
        elif not name.startswith("__") and not issubclass(type(value), FlaskModule):
            for ours, own_name in self._holders(name):
                _originals.setdefault((ours.__name__, own_name), vars(ours).get(own_name))
                setattr(ours, own_name, value)

    def __delattr__(self, name: str) -> None:
        full_name = f"{self.__name__}.{name}"
        if name.startswith("__") or not (self._has_name(name) or full_name in TUILE_MODULES):
            super().__delattr__(name)
            return
        replaced.stock.setdefault(full_name, getattr(self, name))
        replaced.deleted.add(full_name)
        self.__dict__.pop(name, None)
        if replaced.is_sent(self.__name__, name):
            return
        for ours, own_name in self._holders(name):
            if own_name in vars(ours):
                _originals.setdefault((ours.__name__, own_name), vars(ours)[own_name])
                delattr(ours, own_name)

    def __dir__(self) -> list[str]:
        # Some of Tuile's modules import what few need when it is read.
        offered = {name for ours in tuile_modules_of(self.__name__) for name in getattr(ours, "__all__", ())}
        late = _DEFINED.get(self.__name__, frozenset()) & offered
        names = {*self.__dict__, *_TARGETS[self.__name__], *_children(self.__name__), *late}
        # Of Flask's modules, only the first one has such a function.
        return sorted(names if self.__name__ == "flask" else names - {"__getattr__"})

    def _has_name(self, name: str) -> bool:
        """Return whether Flask's module has a name."""
        return name in _DEFINED[self.__name__] or name in _TARGETS[self.__name__]

    def _holders(self, name: str) -> list[tuple[ModuleType, str]]:
        """Return Tuile's modules that use a name of this module, each with its own name for it."""
        renamed = RENAMED.get(self.__name__, {}).get(name)
        if renamed is not None:
            return [(import_module(renamed[0]), renamed[1])]
        modules = tuile_modules_of(self.__name__)
        return [(ours, name) for ours in modules if name in vars(ours) or (ours.__name__, name) in _originals]


class Loader(InspectLoader):
    """Fill one of Flask's modules with its names."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return an empty module for a spec of `Finder`."""
        return FlaskModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Fill a module; one that is reloaded forgets what was set on it, as Flask's would."""
        name = module.__name__
        _undo(module)
        names = module.__dict__
        for ours in tuile_modules_of(name):
            module.__doc__ = module.__doc__ or ours.__doc__
            for defined in _DEFINED[name] & vars(ours).keys() if name != "flask" else ():
                names.setdefault(defined, vars(ours)[defined])
        for key, (source, own_name) in _TARGETS[name].items():
            # The others, and those of libraries that are not imported yet, are looked up on first use.
            if source in TUILE_MODULES or source in sys.modules:
                with suppress(AttributeError):
                    names[key] = look_up(name, key)
            elif source == _MODULE and own_name not in TUILE_MODULES and own_name in sys.modules:
                names[key] = sys.modules[own_name]
        rename_as_in_flask(name, lambda key: _find(name, key), _line_offsets(name))
        if name == "flask":
            for other in TUILE_MODULES:
                if other not in LOADED_LATER:
                    _import_unless_importing(other)

    def is_package(self, fullname: str) -> bool:
        """Return whether a module of Flask has submodules."""
        return fullname in _PACKAGES

    def get_filename(self, fullname: str) -> str:
        """Return the file of the first of Tuile's modules for a module.

        Raises:
            ImportError: If there is none.
        """
        origin = _origin(fullname)
        if origin is None:
            raise ImportError(f"{fullname} has no source file: Tuile has no module for it.", name=fullname)
        return origin

    def get_source(self, fullname: str) -> str | None:
        """Return the sources of Tuile's modules for a module, joined, or None if there are none."""
        return "".join(map(_source, SPLIT_MODULES.get(fullname) or TUILE_MODULES.get(fullname, ()))) or None


def find_spec(fullname: str) -> ModuleSpec | None:
    """Return the spec of one of Flask's modules; None for a name that Flask does not have."""
    if fullname not in TUILE_MODULES:
        return None
    if PathEntryFinder not in sys.path_hooks:
        sys.path_hooks.append(PathEntryFinder)
    origin = _origin(fullname)
    spec = ModuleSpec(fullname, Loader(), origin=origin, is_package=fullname in _PACKAGES)
    spec.has_location = origin is not None
    if spec.submodule_search_locations is not None:
        spec.submodule_search_locations.append(f"{_PATH_PREFIX}{fullname}")
    return spec


def find_first_import() -> tuple[str, bool]:
    """Return which module is importing Flask now, and whether a module that is not Tuile's has imported Tuile."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _is_import_machinery(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    importer = "" if frame is None else frame.f_globals.get("__name__", "")
    own = {id(value) for name, value in vars(sys.modules["tuile"]).items() if not name.startswith("_")}
    return importer, any(
        id(value) in own or module_name(value).partition(".")[0] == "tuile"
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] != "tuile" and not _is_tuiles_script(module)
        for value in list(names_in(module).values())
    )


def _is_import_machinery(name: str) -> bool:
    return name.partition(".")[0] in {"importlib", "tuile", "_frozen_importlib", "_frozen_importlib_external"}


def _is_tuiles_script(module: object) -> bool:
    """Return whether a module is the command `tuile` running as `__main__`, or our `sitecustomize`."""
    path = names_in(module).get("__file__")
    return type(path) is str and os.path.basename(path) in {"tuile", "tuile.exe", "__main__.py"}


class PathEntryFinder:
    """List the modules of `flask.__path__` for `pkgutil`. `Finder` imports them."""

    def __init__(self, entry: str) -> None:
        if not entry.startswith(_PATH_PREFIX):
            raise ImportError(f"{entry!r} is not a package of Flask", path=entry)
        self.package = entry.removeprefix(_PATH_PREFIX)

    def find_spec(self, fullname: str, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return None: `Finder` comes earlier and finds everything there is."""
        return None

    def iter_modules(self, prefix: str = "") -> Iterator[tuple[str, bool]]:
        """Yield the names of the package's modules, each with whether it is a package."""
        for name in _children(self.package):
            yield f"{prefix}{name}", f"{self.package}.{name}" in _PACKAGES


def _children(package: str) -> list[str]:
    """Return the names of the modules directly below one of Flask's, without its own name."""
    return [name.rpartition(".")[2] for name in TUILE_MODULES if name.rpartition(".")[0] == package]


def _import_unless_importing(module: str) -> None:
    """Import a module of Flask that its package loads as well, unless another thread is importing it."""
    try:
        import_module(module)
    except RuntimeError as error:
        # Another thread is importing it and waits for the package, which this thread is importing.
        if type(error).__name__ != "_DeadlockError":
            raise


def _undo(module: ModuleType) -> None:
    """Restore what Tuile's modules had before names were set on a module of Flask, and let it forget them."""
    for full_name in [key for key in replaced.stock if key.rpartition(".")[0] == module.__name__]:
        name = full_name.rpartition(".")[2]
        replaced.note(module.__name__, name, replaced.stock[full_name])
        del replaced.stock[full_name]
        vars(module).pop(name, None)
        replaced.deleted.discard(full_name)
    for ours, name in [key for key in _originals if key[0] in TUILE_MODULES[module.__name__]]:
        setattr(sys.modules[ours], name, _originals.pop((ours, name)))


def _origin(module: str) -> str | None:
    """Return the file of Tuile's module for one of Flask's, without importing it.

    If its classes are in several of Tuile's modules, this is the name of a file that does not exist. Then `inspect`
    asks the loader for the source, which is that of all these modules, and finds each class in it.
    """
    if not TUILE_MODULES.get(module):
        return None
    if module in SPLIT_MODULES:
        return os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), f"{module[6:]}.py")
    spec = importlib.util.find_spec(TUILE_MODULES[module][0])
    return None if spec is None else spec.origin


def _source(ours: str) -> str:
    spec = importlib.util.find_spec(ours)
    loader = None if spec is None else spec.loader
    return (loader.get_source(ours) or "") if isinstance(loader, InspectLoader) else ""


def _line_offsets(module: str) -> dict[str, int]:
    """Return where the source of each of Tuile's modules begins in the joined source of a module, in lines."""
    lines: dict[str, int] = {}
    if module in SPLIT_MODULES and sys.version_info >= (3, 13):
        # Earlier versions of `inspect` look for classes by name.
        total = 0
        for ours in SPLIT_MODULES[module]:
            lines[ours] = total
            total += _source(ours).count("\n")
    return lines


def offered(module: str, flasks: str, name: str) -> object:
    """Return the object for a name of Flask's module that Tuile's module of the same name does not have.

    Raises:
        AttributeError: If Flask's module has no such name, or it was deleted.
    """
    if (module, name) in _originals:
        raise AttributeError(name)
    if f"{flasks}.{name}" in TUILE_MODULES:
        return import_module(f"{module}.{name}")
    return look_up(flasks, name)


def _look_up_lazily(ours: ModuleType, name: str) -> object:
    """Return the result of our module's own `__getattr__` for a name, or `_originals` if it has none."""
    find = vars(ours).get("__getattr__")
    find = getattr(find, "own", find)
    if find is not None:
        with suppress(AttributeError):
            return find(name)
    return _originals


def _find(module: str, name: str) -> object:
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
