# ruff: noqa: INP001 - a folder for PYTHONPATH and not a package
"""Prepare an interpreter started by `tuile exec` to import Tuile for `import flask`.

This runs in every Python process below a `tuile exec`, and most of them never import Flask, so it imports nothing
heavy. Tuile cannot be imported while the interpreter starts: a finder waits for the first `import flask`. Then the
`sitecustomize` that would have run without this one is run.
"""

from __future__ import annotations

import os
import sys

# Instead of `typing.TYPE_CHECKING`: importing typing takes as long as all the rest.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

HERE = os.path.dirname(os.path.abspath(__file__))
OLDEST = (3, 10)


class LateFinder:
    """A finder that installs the shim when Flask is first imported."""

    is_tuile_shim = True
    is_explicit = True

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the shim's spec of one of Flask's modules; None for every other name."""
        if fullname.partition(".")[0] != "flask":
            return None
        if sys.version_info < OLDEST:
            raise ImportError(
                f"'tuile exec' cannot use Tuile with {sys.executable}: it is Python {sys.version.split()[0]},"
                f" and Tuile needs {OLDEST[0]}.{OLDEST[1]} or newer."
            )
        try:
            from tuile import shim  # noqa: PLC0415 - not before Flask is wanted
        except ModuleNotFoundError as error:
            if error.name != "tuile":
                raise
            import_tuile_from(os.path.dirname(os.path.dirname(HERE)))
            from tuile import shim  # noqa: PLC0415 - as above
        shim.install()
        finder = shim.installed_finder()
        return None if finder is None else finder.find_spec(fullname, path, target)


def import_tuile_from(folder: str) -> None:
    """Import the package that this file belongs to, for an interpreter of another environment.

    Its own folder is not put on `sys.path`: the packages beside it belong to the other environment.
    """
    from importlib.util import module_from_spec, spec_from_file_location  # noqa: PLC0415 - rarely needed

    spec = spec_from_file_location("tuile", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder])
    if spec is None or spec.loader is None:
        raise ImportError(f"There is no Tuile in {folder}.", name="tuile")
    module = sys.modules["tuile"] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules["tuile"]
        raise


def run_next_sitecustomize() -> None:
    """Import the `sitecustomize` that comes after this one on `sys.path`, if there is one."""
    index = next((index for index, entry in enumerate(sys.path) if os.path.abspath(entry) == HERE), None)
    if index is None:
        return
    entry = sys.path.pop(index)
    this = sys.modules.pop("sitecustomize", None)
    try:
        __import__("sitecustomize")
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        # Inserted rather than restored from a copy, because the other one may have changed the path.
        sys.path.insert(index, entry)
        if this is not None:
            sys.modules.setdefault("sitecustomize", this)


def stay_first_after_exec(name: str) -> None:
    """Wrap `os.execv` or `os.execve` so that the interpreter it starts comes to this folder first.

    The start commands of monitoring agents (`tuile exec AGENT-RUN program`) put their own folder in front of PYTHONPATH
    and then execute the program, and not every `sitecustomize` runs the next one, as this one does.
    """
    execute = getattr(os, name)

    def execute_with_this_folder_first(path: object, arguments: object, *environments: dict[str, str]) -> object:
        environ = environments[0] if environments else os.environ
        entries = environ.get("PYTHONPATH", "").split(os.pathsep)
        if HERE in entries[1:]:
            entries = [HERE, *(entry for entry in entries if entry != HERE)]
            if environments:
                environments = ({**environ, "PYTHONPATH": os.pathsep.join(entries)},)
            else:
                environ["PYTHONPATH"] = os.pathsep.join(entries)
        return execute(path, arguments, *environments)

    execute_with_this_folder_first.__name__ = execute.__name__
    execute_with_this_folder_first.__doc__ = execute.__doc__
    setattr(os, name, execute_with_this_folder_first)


if not any(getattr(finder, "is_tuile_shim", False) for finder in sys.meta_path):
    sys.meta_path.insert(0, LateFinder())
    for _name in ("execv", "execve"):
        stay_first_after_exec(_name)
run_next_sitecustomize()
