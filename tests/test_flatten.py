"""The tool that writes the fast path without calls."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

import tuile
from tests.beside_flask import make_app, send
from tests.costs import as_in_a_new_process
from tools import flatten
from tuile.dispatch import _generated
from tuile.signals import heard, request_started

if TYPE_CHECKING:
    from pathlib import Path

DISPATCH = flatten.DISPATCH / "_generated.py"


def flat(source: str, name: str = "driver") -> str:
    """A function of this source without the calls of the others."""
    known = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    return ast.unparse(flatten.Flattener(known).flat(known[name]))


def run(source: str, *arguments: Any) -> tuple[Any, Any]:
    """What a function returns as it stands, and flattened."""
    results = []
    for text in (source, flat(source)):
        namespace: dict[str, Any] = {}
        exec(text, namespace)  # noqa: S102 - the source above
        results.append(namespace["driver"](*arguments))
    return results[0], results[1]


@pytest.mark.parametrize("path", flatten.GENERATED, ids=lambda path: path.parent.name)
def test_the_generated_file_is_what_its_sources_say(path: Path) -> None:
    written, generated = path.read_text(encoding="utf-8"), flatten.generated(path)
    if sys.version_info >= (3, 11):
        assert generated == written
    # CPython 3.10 writes tuples with parentheses.
    assert ast.dump(ast.parse(generated)) == ast.dump(ast.parse(written))


def test_the_generated_functions_have_no_call_of_a_decision_left() -> None:
    names = ("serve_wsgi", "serve_plainly", "finish_by_functions")
    called = {
        node.func.id
        for name in names
        for node in ast.walk(flatten.flatten(name, flatten.GENERATED[DISPATCH][name]))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    others = {"serve", "begin_awaited", "finish_in_worker", "prepared_page", "prepared_response", "start_again"}
    assert called & flatten.functions().keys() == flatten.LEFT_AS_CALLS - others


BRANCHES = """
def choose(x, y):
    if x > 2:
        if y:
            return 'both', y
        return 'x', x
    if y:
        y = y + 1
        return 'y', y
    return 'none', None

def is_big(x):
    return x > 10

def driver(x, y):
    kind, value = choose(x, y)
    if is_big(x):
        kind = kind + '!'
    return kind, value
"""


@pytest.mark.parametrize("x", [0, 3, 11])
@pytest.mark.parametrize("y", [0, 1])
def test_a_return_becomes_an_assignment_and_what_follows_its_else(x: int, y: int) -> None:
    called, flattened = run(BRANCHES, x, y)
    assert called == flattened


def test_a_branch_that_returns_only_sometimes_goes_on_with_what_follows() -> None:
    source = """
def some(x):
    if x > 1:
        if x > 2:
            return 'big'
        x = 10
    return x

def driver(x):
    found = some(x)
    return found
"""
    for x in (1, 2, 3):
        called, flattened = run(source, x)
        assert called == flattened


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("    for y in x:\n        return y\n    return 0", "loop"),
        ("    try:\n        return x\n    finally:\n        pass", "try"),
        ("    return x\n    x = 1", "behind a return"),
        ("    other = x\n    return other", "both have other"),
    ],
)
def test_what_cannot_be_flattened_is_refused(body: str, says: str) -> None:
    source = f"def f(x):\n{body}\n\ndef driver(x):\n    other = 2\n    found = f(x)\n    return found, other\n"
    with pytest.raises(flatten.RefusedError, match=says):
        flat(source)


def test_an_argument_has_to_be_a_name() -> None:
    with pytest.raises(flatten.RefusedError, match="not a name"):
        flat("def f(x):\n    y = x\n    return y\n\ndef driver(x):\n    found = f(x + 1)\n    return found\n")


def test_the_generated_function_is_the_one_that_serves() -> None:
    app = make_app(tuile)
    app.add_url_rule("/", "index", lambda: sys._getframe(1).f_code.co_name)
    with as_in_a_new_process():
        assert [send(app).body for _ in range(2)][1] == _generated.serve_plainly.__name__.encode()


def test_what_is_assumed_is_not_asked() -> None:
    source = """
def driver(plan, x):
    if not plan.a or x:
        return 'first'
    if plan.a and plan.b is not None:
        return 'second' if plan.a or plan.c else 'never'
    return 'third'
"""
    (function,) = ast.parse(source).body
    folded = flatten._Folder(frozenset({"plan.a", "plan.b is not None"})).visit(function)
    assert ast.unparse(folded).split("\n") == [
        "def driver(plan, x):",
        "    if x:",
        "        return 'first'",
        "    return 'second'",
        "    return 'third'",
    ]


def test_all_that_is_assumed_of_a_plain_plan_is_so() -> None:
    app = make_app(tuile)
    with as_in_a_new_process():
        assert app.plan.is_plain
        for expression in flatten.ASSUMED["serve_plainly"]:
            assert eval(expression, {"plan": app.plan, "heard": heard}) is True, expression  # noqa: S307 - of the tool
        # One flag less, and the plan is not plain.
        steps = ("ensure_sync", "process_response", "do_teardown_request", "create_url_adapter", "preprocess_request")
        for name in steps:
            with mock.patch.object(app, name, getattr(app, name)):
                assert app.plan.fast
                assert not app.plan.is_plain
            assert app.plan.is_plain
        with request_started.connected_to(lambda sender: None, app):
            assert app.plan.fast
            assert not app.plan.is_plain
