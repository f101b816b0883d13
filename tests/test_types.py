"""The exceptions to precise types in the source: their number may only go down."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src" / "tuile"
LINES = [
    (f"{path.relative_to(SOURCE)}:{number}", line)
    for path in sorted(SOURCE.rglob("*.py"))
    if path.name != "_generated.py"  # it repeats the lines of its sources
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
]
# Lower these when there are fewer. Use `object`, a protocol or a type variable instead of `Any`.
MOST_LINES_WITH_ANY = 207
MOST_IGNORES = 28
MOST_IGNORES_OF_PYRIGHT = 10

ANY = re.compile(r"\bAny\b")
IGNORE = re.compile(r"# type: ignore")
IGNORE_OF_PYRIGHT = re.compile(r"# pyright:")
EXPLAINED_IGNORE = re.compile(r"# (type|pyright): ignore\[[A-Za-z-]+(, ?[A-Za-z-]+)*\]\s+# [\w`]")


def matching(pattern: re.Pattern[str]) -> list[str]:
    """Return the places of the lines that match, with the lines."""
    return [f"{place}: {line.strip()}" for place, line in LINES if pattern.search(line)]


@pytest.mark.parametrize(
    ("pattern", "most"),
    [(ANY, MOST_LINES_WITH_ANY), (IGNORE, MOST_IGNORES), (IGNORE_OF_PYRIGHT, MOST_IGNORES_OF_PYRIGHT)],
)
def test_there_are_no_more_exceptions_than_before(pattern: re.Pattern[str], most: int) -> None:
    found = matching(pattern)
    assert len(found) <= most, "\n".join(found)


@pytest.mark.parametrize("pattern", [IGNORE, IGNORE_OF_PYRIGHT])
def test_every_ignored_error_has_a_code_and_a_reason(pattern: re.Pattern[str]) -> None:
    assert [found for found in matching(pattern) if not EXPLAINED_IGNORE.search(found)] == []


@pytest.mark.parametrize("line", ["x = 1  # {}: ignore", "x = 1  # {}: ignore[misc]", "x = 1  # {}: ignore[misc] #"])
@pytest.mark.parametrize(("checker", "pattern"), [("type", IGNORE), ("pyright", IGNORE_OF_PYRIGHT)])
def test_an_ignored_error_without_a_code_or_a_reason_is_found(
    line: str, checker: str, pattern: re.Pattern[str]
) -> None:
    line = line.format(checker)
    assert pattern.search(line)
    assert not EXPLAINED_IGNORE.search(line)


def parameters(path: str) -> str:
    """Return the parameters and the result of `set_cookie` as a module declares them."""
    tree = ast.parse((SOURCE / path).read_text(encoding="utf-8"))
    (found,) = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "set_cookie")
    for parameter in found.args.args:
        if parameter.arg == "self":
            parameter.annotation = None
    return f"{ast.unparse(found.args)} -> {ast.unparse(found.returns or ast.Constant(None))}".replace("cookies.", "")


def test_checkers_see_the_parameters_that_setting_a_cookie_has() -> None:
    assert parameters("wrappers/response.py") == parameters("wrappers/setting_cookies.py")
