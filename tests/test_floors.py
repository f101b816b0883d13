"""What the design promises about every room, beyond what ruff, mypy and the floors contract see."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import tomli

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "tuile"
MODULES = sorted(SOURCE.rglob("*.py"))
ROOMS = {path.stem if path.name != "__init__.py" else path.parent.name for path in MODULES}
LINES_OF_A_ROOM = 400
LINES_OF_A_FUNCTION = 50
# Flask's whole public surface is one class, and it stays one file.
MAY_BE_LONGER = {"app.py"}

every_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))


def floor_of(path: Path) -> int:
    """The floor a module's docstring says it is on."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    floors = {int(number) for number in re.findall(r"^.*?\bFloor ([1-6])\b", docstring, re.MULTILINE)}
    assert len(floors) == 1, f"{path.name}: the docstring must say once which floor it is on, as in 'Floor 2'"
    return floors.pop()


def layers() -> list[list[str]]:
    """The rooms of each line of the floors contract, from the top down."""
    settings: dict[str, Any] = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (entry for entry in settings["tool"]["importlinter"]["contracts"] if entry["id"] == "floors")
    return [re.findall(r"\w+", line) for line in contract["layers"]]


def module_of(room: str) -> Path:
    """The file that speaks for a room: the module, or the package's own."""
    module = SOURCE / f"{room}.py"
    return module if module.exists() else SOURCE / room / "__init__.py"


@every_module
def test_a_module_says_its_floor(path: Path) -> None:
    if path != SOURCE / "__init__.py":  # the front of the house is no room
        floor_of(path)


def test_the_contract_has_the_rooms_on_the_floors_their_docstrings_name() -> None:
    floors = [[floor_of(module_of(room)) for room in line] for line in layers()]
    assert all(len(set(line)) == 1 for line in floors), "rooms of one line of the contract are on one floor"
    order = [line[0] for line in floors]
    assert order == sorted(order, reverse=True)


@every_module
def test_a_room_is_short(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines < LINES_OF_A_ROOM or path.name in MAY_BE_LONGER, f"{lines} lines"


@every_module
def test_a_function_is_short(path: Path) -> None:
    functions = (
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    lengths = {function.name: lines_of_work(function) for function in functions}
    assert {name: lines for name, lines in lengths.items() if lines >= LINES_OF_A_FUNCTION} == {}


@every_module
def test_no_room_imports_the_front_of_the_house(path: Path) -> None:
    if path == SOURCE / "__init__.py":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert "tuile" not in {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and front_of_the_house(node, path):
            assert {alias.name for alias in node.names} <= ROOMS


def lines_of_work(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many lines a function's body has, without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def front_of_the_house(node: ast.ImportFrom, path: Path) -> bool:
    """Whether this is `from tuile import ...`, spelled out or with dots."""
    depth = len(path.relative_to(SOURCE).parts)
    return node.module == "tuile" if node.level == 0 else node.module is None and node.level == depth
