"""Find names that loaded modules use from Flask and that Tuile lacks, by parsing their sources.

Parsing finds names in branches that rarely run. Names that Flask keeps for its own use are taken from the sources of
the installed Flask, which is parsed and never imported.
"""

from __future__ import annotations

import ast
import importlib.metadata
import os
import sys
import sysconfig
from typing import TYPE_CHECKING, NamedTuple

from tuile import shim

from .report import DOUBTFUL, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: The directory of the package `tuile`.
TUILE_DIR = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Exceptions that code catches when it reads a name that may be missing.
_EXPECTED = frozenset({"AttributeError", "BaseException", "Exception", "ImportError", "ModuleNotFoundError"})


class MissingName(NamedTuple):
    """A name that a source file uses from a Flask module, or reads from an object of Flask."""

    line: int
    #: The module, such as "flask.globals"; empty for an attribute of an unknown object.
    module: str
    name: str


def examine_sources() -> Iterator[Finding]:
    """Yield the names that loaded modules use and that do not exist."""
    inner = inner_names()
    for module, file in files_to_read():
        try:
            with open(file, encoding="utf-8") as source:
                text = source.read()
            tree = ast.parse(text) if "flask" in text else None
        except (OSError, SyntaxError, ValueError):
            continue
        if tree is not None:
            for missing in find_missing_names(tree, inner):
                yield _finding(module, file, missing)


def find_missing_names(tree: ast.Module, inner: frozenset[str] = frozenset()) -> list[MissingName]:
    """Return the names that a module uses from Flask and that the shim lacks.

    Args:
        tree: The parsed module.
        inner: Attributes of Flask's objects that Tuile's objects do not have.
    """
    reader = _Reader(inner)
    reader.visit(tree)
    return sorted(set(reader.missing))


def inner_names() -> frozenset[str]:
    """Return the private attributes that objects of the installed Flask have and Tuile's do not."""
    try:
        files = importlib.metadata.files("flask") or ()
    except importlib.metadata.PackageNotFoundError:
        return frozenset()
    theirs = _private_attributes(str(file.locate()) for file in files if str(file).endswith(".py"))
    own = (
        os.path.join(folder, name) for folder, _, names in os.walk(TUILE_DIR) for name in names if name.endswith(".py")
    )
    return theirs - _private_attributes(own)


class _Reader(ast.NodeVisitor):
    """Collect the missing names of one source file."""

    def __init__(self, inner: frozenset[str]) -> None:
        self.missing: list[MissingName] = []
        self._inner = inner
        # The modules that names in this file refer to: {"flask": "flask", "ctx": "flask.ctx"}.
        self._modules: dict[str, str] = {}
        self._own: set[str] = set()

    def visit_Module(self, node: ast.Module) -> None:
        self._own = _assigned_attributes(node)
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name.partition(".")[0] != "flask":
                continue
            if alias.name not in shim.TUILE_MODULES:
                package, _, name = alias.name.rpartition(".")
                self.missing.append(MissingName(node.lineno, package, name))
            elif alias.asname:
                self._modules[alias.asname] = alias.name
            else:
                self._modules["flask"] = "flask"

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if node.level or module.partition(".")[0] != "flask":
            return
        for alias in node.names:
            if f"{module}.{alias.name}" in shim.TUILE_MODULES:
                self._modules[alias.asname or alias.name] = f"{module}.{alias.name}"
            elif alias.name != "*":
                self._want(node.lineno, module, alias.name)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        module = self._module(node.value)
        if module is not None:
            if f"{module}.{node.attr}" not in shim.TUILE_MODULES and isinstance(node.ctx, ast.Load):
                self._want(node.lineno, module, node.attr)
        elif node.attr in self._inner and node.attr not in self._own:
            self.missing.append(MissingName(node.lineno, "", node.attr))
        self.generic_visit(node)

    def visit_Try(self, node: ast.Try) -> None:
        # A name read in a `try` that handles its absence is not missing.
        parts: list[ast.AST] = [*node.handlers, *node.orelse, *node.finalbody]
        if not any(_expects_absence(handler) for handler in node.handlers):
            parts = [*node.body, *parts]
        for part in parts:
            self.visit(part)

    def visit_If(self, node: ast.If) -> None:
        if "TYPE_CHECKING" in ast.unparse(node.test):
            for part in node.orelse:
                self.visit(part)
        else:
            self.generic_visit(node)

    def _module(self, node: ast.expr) -> str | None:
        """Return the module of Flask that an expression refers to, or None."""
        if isinstance(node, ast.Name):
            return self._modules.get(node.id)
        if isinstance(node, ast.Attribute):
            package = self._module(node.value)
            if package is not None and f"{package}.{node.attr}" in shim.TUILE_MODULES:
                return f"{package}.{node.attr}"
        return None

    def _want(self, line: int, module: str, name: str) -> None:
        if name.startswith("__"):
            return
        try:
            shim.look_up(module, name)
        except AttributeError:
            self.missing.append(MissingName(line, module, name))


def _expects_absence(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    return any(isinstance(node, ast.Name) and node.id in _EXPECTED for node in ast.walk(handler.type))


def _finding(module: str, file: str, missing: MissingName) -> Finding:
    if missing.module:
        reason = f"uses {missing.name!r} of {missing.module}, which Tuile does not have"
        if not _flask_has(missing.module, missing.name):
            reason = f"uses {missing.name!r} of {missing.module}, which neither Tuile nor Flask {shim.INTERFACE} has"
    else:
        reason = f"reads {missing.name!r}, a private attribute that Flask's objects have and Tuile's do not"
    return Finding(DOUBTFUL, module, reason, f"{file}:{missing.line}")


def _flask_has(module: str, name: str) -> bool:
    """Return whether the installed Flask defines or imports a name at the top level of one of its modules."""
    path = module.replace(".", "/")
    try:
        files = importlib.metadata.files("flask") or ()
    except importlib.metadata.PackageNotFoundError:
        return False
    for file in files:
        if str(file) in {f"{path}.py", f"{path}/__init__.py"}:
            tree = ast.parse(file.read_text(encoding="utf-8"))
            return any(name in _bound_names(node) for node in ast.walk(tree))
    return False


def _bound_names(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    return {node.id} if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else set()


def _private_attributes(files: Iterable[str]) -> frozenset[str]:
    """Return the private names that classes in source files define, or that are assigned to `self`."""
    names: set[str] = set()
    for file in files:
        with open(file, encoding="utf-8") as source:
            tree = ast.parse(source.read())
        names |= _assigned_attributes(tree)
    return frozenset(name for name in names if name.startswith("_") and not name.startswith("__"))


def _assigned_attributes(tree: ast.Module) -> set[str]:
    """Return the names that are assigned as attributes or defined by classes."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                names |= {inner.name} if isinstance(inner, ast.AsyncFunctionDef) else _bound_names(inner)
                if isinstance(inner, ast.Assign | ast.AnnAssign):
                    targets = inner.targets if isinstance(inner, ast.Assign) else [inner.target]
                    names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def files_to_read() -> Iterator[tuple[str, str]]:
    """Yield the loaded modules that may use Flask, with the paths of their sources."""
    # Skip the standard library and Tuile's own modules.
    places = sysconfig.get_paths()
    packages = (places["purelib"], places["platlib"])
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if not file.endswith(".py") or file.startswith(TUILE_DIR + os.sep):
            continue
        if file.startswith(places["stdlib"] + os.sep) and not file.startswith(packages):
            continue
        yield name, file
