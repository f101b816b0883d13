"""Where the code of an import name is on disk.

Floor 3 (what a view reaches for): it knows nothing of the other rooms.

Lives here: the root folder of a package or module, and the prefix it is installed under.
Does not live here: what is done with the folder (scaffold, app).
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from typing import cast


def get_root_path(import_name: str) -> str:
    """The folder a package is, or a module is in; the working directory if unknown.

    Raises RuntimeError for a namespace package, which has no one folder.
    """
    path: str | None = getattr(sys.modules.get(import_name), "__file__", None)
    if path is None:
        try:
            spec = importlib.util.find_spec(import_name)
        except (ImportError, ValueError):
            # ValueError: an interactive __main__ has no spec.
            spec = None
        loader = None if spec is None else spec.loader
        if loader is None:
            return os.getcwd()
        if hasattr(loader, "get_filename"):
            path = loader.get_filename(import_name)
        else:
            path = getattr(importlib.import_module(import_name), "__file__", None)
    if path is None:
        raise RuntimeError(
            f"No root path can be found for the provided module {import_name!r}. This can"
            " happen because the module came from an import hook that does not provide file"
            " name information or because it's a namespace package. In this case the root"
            " path needs to be explicitly provided."
        )
    return os.path.dirname(os.path.abspath(path))


def _is_inside(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or lies in it, by their names alone."""
    path, folder = (os.path.normcase(os.path.normpath(part)) for part in (path, folder))
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _find_package_path(import_name: str) -> str:
    """The folder on `sys.path` that the package or module is imported from."""
    try:
        root = importlib.util.find_spec(import_name.partition(".")[0])
    except (ImportError, ValueError):
        root = None
    if root is None:
        return os.getcwd()
    portions = root.submodule_search_locations
    if not portions:
        # Neither built in nor frozen: those are no place for an application to be.
        return os.path.dirname(cast("str", root.origin))
    if root.origin is not None and root.origin != "namespace":
        return os.path.dirname(os.path.dirname(root.origin))
    # A namespace package is spread over several folders: the one that holds this part counts.
    package = importlib.util.find_spec(import_name)
    if package is None or not package.submodule_search_locations:
        return os.path.dirname(portions[0])
    place = os.path.commonpath(package.submodule_search_locations)
    return os.path.dirname(next(portion for portion in portions if _is_inside(place, portion)))


def find_package(import_name: str) -> tuple[str | None, str]:
    """The prefix a package is installed under, and the folder it is imported from.

    The prefix is the directory that holds `lib` and its kin: the interpreter's or that of
    another environment. It is None for a package that is not installed.
    """
    path = _find_package_path(import_name)
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
