"""The sources: what the loaded modules want of Flask that Tuile lacks. Floor 6, the edges.

Here lives the reading of source files: a name that a module imports or reads from Flask is looked for in
the stand-in, wherever in the file it stands, so that a failure in a branch that is rarely taken is told
beforehand. Names that Flask has for its own use are taken from the sources of the installed Flask, which
is read and not imported.
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

_HOUSE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Errors that code expects when it asks for a name that may be missing.
_EXPECTED = frozenset({"AttributeError", "BaseException", "Exception", "ImportError", "ModuleNotFoundError"})


class Wish(NamedTuple):
    """A name that a source file wants of one of Flask's modules, or of an object of Flask's."""

    line: int
    #: "flask.globals", or nothing for an attribute of an unknown object.
    module: str
    name: str


def examine_sources() -> Iterator[Finding]:
    """Yield the names that loaded modules want and do not get, each with its place."""
    inner = inner_names()
    for module, file in files_to_read():
        try:
            with open(file, encoding="utf-8") as source:
                text = source.read()
            tree = ast.parse(text) if "flask" in text else None
        except (OSError, SyntaxError, ValueError):
            continue
        if tree is not None:
            for wish in find_wishes(tree, inner):
                yield _finding(module, file, wish)


def find_wishes(tree: ast.Module, inner: frozenset[str] = frozenset()) -> list[Wish]:
    """Return what a module's source wants of Flask and does not get from the stand-in.

    Parameters:
        inner: attributes of Flask's objects that Tuile's do not have.
    """
    reader = _Reader(inner)
    reader.visit(tree)
    return sorted(set(reader.wishes))


def inner_names() -> frozenset[str]:
    """Return the private attributes that objects of the installed Flask have and Tuile's do not."""
    try:
        files = importlib.metadata.files("flask") or ()
    except importlib.metadata.PackageNotFoundError:
        return frozenset()
    theirs = _private_attributes(str(file.locate()) for file in files if str(file).endswith(".py"))
    own = (os.path.join(folder, name) for folder, _, names in os.walk(_HOUSE) for name in names if name.endswith(".py"))
    return theirs - _private_attributes(own)


class _Reader(ast.NodeVisitor):
    """Walks a source file and keeps the names that it wants of Flask."""

    def __init__(self, inner: frozenset[str]) -> None:
        self.wishes: list[Wish] = []
        self._inner = inner
        # What a name of this file stands for: {"flask": "flask", "ctx": "flask.ctx"}.
        self._modules: dict[str, str] = {}
        self._own: set[str] = set()

    def visit_Module(self, node: ast.Module) -> None:
        self._own = _assigned_attributes(node)
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name.partition(".")[0] != "flask":
                continue
            if alias.name not in shim.ROOMS:
                package, _, name = alias.name.rpartition(".")
                self.wishes.append(Wish(node.lineno, package, name))
            elif alias.asname:
                self._modules[alias.asname] = alias.name
            else:
                self._modules["flask"] = "flask"

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if node.level or module.partition(".")[0] != "flask":
            return
        for alias in node.names:
            if f"{module}.{alias.name}" in shim.ROOMS:
                self._modules[alias.asname or alias.name] = f"{module}.{alias.name}"
            elif alias.name != "*":
                self._want(node.lineno, module, alias.name)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        module = self._module(node.value)
        if module is not None:
            if f"{module}.{node.attr}" not in shim.ROOMS and isinstance(node.ctx, ast.Load):
                self._want(node.lineno, module, node.attr)
        elif node.attr in self._inner and node.attr not in self._own:
            self.wishes.append(Wish(node.lineno, "", node.attr))
        self.generic_visit(node)

    def visit_Try(self, node: ast.Try) -> None:
        # What is tried with an answer for its failure is not missed.
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
        """Return the module of Flask that an expression stands for."""
        if isinstance(node, ast.Name):
            return self._modules.get(node.id)
        if isinstance(node, ast.Attribute):
            package = self._module(node.value)
            if package is not None and f"{package}.{node.attr}" in shim.ROOMS:
                return f"{package}.{node.attr}"
        return None

    def _want(self, line: int, module: str, name: str) -> None:
        if name.startswith("__"):
            return
        try:
            shim.look_up(module, name)
        except AttributeError:
            self.wishes.append(Wish(line, module, name))


def _expects_absence(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    return any(isinstance(node, ast.Name) and node.id in _EXPECTED for node in ast.walk(handler.type))


def _finding(module: str, file: str, wish: Wish) -> Finding:
    if wish.module:
        reason = f"wants {wish.name!r} of {wish.module}, which Tuile does not have"
        if not _flask_has(wish.module, wish.name):
            reason = f"wants {wish.name!r} of {wish.module}, which neither Tuile nor Flask {shim.INTERFACE} has"
    else:
        reason = f"reads {wish.name!r}; objects of Flask have one for their own use, and Tuile's do not"
    return Finding(DOUBTFUL, module, reason, f"{file}:{wish.line}")


def _flask_has(module: str, name: str) -> bool:
    """Answer whether the installed Flask defines or imports a name at the top of one of its modules."""
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
    """Return the names that are assigned to as attributes, and those that classes define."""
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
    """Yield the loaded modules that may want something of Flask, with their source files."""
    # Python's own never do, and Tuile's are no question.
    places = sysconfig.get_paths()
    packages = (places["purelib"], places["platlib"])
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if not file.endswith(".py") or file.startswith(_HOUSE + os.sep):
            continue
        if file.startswith(places["stdlib"] + os.sep) and not file.startswith(packages):
            continue
        yield name, file
