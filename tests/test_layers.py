"""Limits for every module, beyond what ruff, mypy and the import contracts check."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "tuile"
MODULES = sorted(SOURCE.rglob("*.py"))
MODULE_NAMES = {path.stem if path.name != "__init__.py" else path.parent.name for path in MODULES}
LINES_OF_A_MODULE = 400
LINES_OF_A_FUNCTION = 50
# The whole public interface of Flask is one class in one file.
MAY_BE_LONGER = {"app.py", "config.py", "steps.py"}
# Its sources are short.
GENERATED = {"_generated.py"}

every_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))


@every_module
def test_a_module_is_short(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines < LINES_OF_A_MODULE or path.name in MAY_BE_LONGER | GENERATED, f"{lines} lines"


@every_module
def test_a_function_is_short(path: Path) -> None:
    functions = (
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    lengths = {function.name: lines_of_work(function) for function in functions}
    long = {name: lines for name, lines in lengths.items() if lines >= LINES_OF_A_FUNCTION}
    assert long == {} or path.name in GENERATED


@every_module
def test_no_module_imports_the_package_itself(path: Path) -> None:
    if path == SOURCE / "__init__.py":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert "tuile" not in {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and imports_the_package(node, path):
            assert {alias.name for alias in node.names} <= MODULE_NAMES


def lines_of_work(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the number of lines in the body of a function, without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def imports_the_package(node: ast.ImportFrom, path: Path) -> bool:
    """Return whether this is `from tuile import ...`, absolute or relative."""
    depth = len(path.relative_to(SOURCE).parts)
    return node.module == "tuile" if node.level == 0 else node.module is None and node.level == depth
