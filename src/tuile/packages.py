"""Find where an import name is on disk, and which version of a distribution is installed."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec


class NotAsked:
    """Says that a spec was not looked for."""


NOT_ASKED = NotAsked()


def installed_version(distribution: str) -> str | None:
    """Return the version of an installed distribution; None if it is not installed."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - slow to import

    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def get_root_path(import_name: str) -> str:
    """Return the directory of a package or module; the working directory if it is not known.

    Raises:
        RuntimeError: If the name is a namespace package, which has no single directory.
    """
    return locate(import_name)[0]


def locate(import_name: str) -> tuple[str, ModuleSpec | NotAsked | None]:
    """Return what `get_root_path` does, and the spec of the package or module, if it was looked for.

    Looking for a name that cannot be imported takes longer than all else that makes an app.
    """
    path: str | None = getattr(sys.modules.get(import_name), "__file__", None)
    asked: ModuleSpec | NotAsked | None = NOT_ASKED
    if path is None:
        try:
            spec = importlib.util.find_spec(import_name)
        except (ImportError, ValueError):
            # ValueError: an interactive __main__ has no spec.
            spec = None
        loader = None if spec is None else spec.loader
        # `find_package` looks for the first part of a name.
        asked = NOT_ASKED if "." in import_name else spec
        if loader is None:
            return os.getcwd(), asked
        get_filename: Callable[[str], str] | None = getattr(loader, "get_filename", None)
        if get_filename is not None:
            path = get_filename(import_name)
        else:
            path, asked = getattr(importlib.import_module(import_name), "__file__", None), NOT_ASKED
    if path is None:
        raise RuntimeError(
            f"No root path can be found for the provided module {import_name!r}. This can"
            " happen because the module came from an import hook that does not provide file"
            " name information or because it's a namespace package. In this case the root"
            " path needs to be explicitly provided."
        )
    return os.path.dirname(os.path.abspath(path)), asked


def _is_inside(path: str, folder: str) -> bool:
    """Return whether `path` is `folder` or below it, by comparing names only."""
    path, folder = (os.path.normcase(os.path.normpath(part)) for part in (path, folder))
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _find_package_path(import_name: str) -> str:
    """Return the directory on `sys.path` that contains the package or module."""
    return _path_of_located(import_name, NOT_ASKED)


def _path_of_located(import_name: str, root: ModuleSpec | NotAsked | None) -> str:
    """Return the same, with the spec that `locate` has just found."""
    if isinstance(root, NotAsked):
        try:
            root = importlib.util.find_spec(import_name.partition(".")[0])
        except (ImportError, ValueError):
            root = None
    if root is None:
        return os.getcwd()
    portions = root.submodule_search_locations
    if not portions:
        # Built-in and frozen modules have no directory.
        return os.path.dirname(cast("str", root.origin))
    if root.origin is not None and root.origin != "namespace":
        return os.path.dirname(os.path.dirname(root.origin))
    # A namespace package has several directories: find the one with this part.
    package = importlib.util.find_spec(import_name)
    if package is None or not package.submodule_search_locations:
        return os.path.dirname(portions[0])
    place = os.path.commonpath(package.submodule_search_locations)
    return os.path.dirname(next(portion for portion in portions if _is_inside(place, portion)))


def find_package(import_name: str) -> tuple[str | None, str]:
    """Return the prefix under which a package is installed, and the directory it is imported from.

    The prefix is the directory of an environment, which contains `lib`. It is None for a package that is not installed.
    """
    return find_located(import_name, NOT_ASKED)


def find_located(import_name: str, spec: ModuleSpec | NotAsked | None) -> tuple[str | None, str]:
    """Return what `find_package` does, with the spec that `locate` has just found."""
    path = _find_package_path(import_name) if isinstance(spec, NotAsked) else _path_of_located(import_name, spec)
    prefix = os.path.abspath(sys.prefix)
    if _is_inside(path, prefix):
        return prefix, path
    parent, folder = os.path.split(path)
    if folder.lower() != "site-packages":
        return None, path
    above, parent_name = os.path.split(parent)
    if parent_name.lower() == "lib":  # Windows: prefix/Lib/site-packages
        return above, path
    if os.path.basename(above).lower() == "lib":  # POSIX: prefix/lib/pythonX.Y/site-packages
        return os.path.dirname(above), path
    return parent, path
