"""Write the fast path without the calls of its functions: `dispatch/_generated.py`.

A Python call costs a few hundred instructions, and the fast path would make a dozen for each request. So its source,
`dispatch/fast_path.py`, is written to be read, and this tool replaces the calls of its own functions and of those of
`dispatch/inlined.py` by their bodies.

- `x = f(...)`, `return f(...)` and `f(...)` become the body of `f`; a `return` in it becomes the assignment, and what
  follows an `if` that returns becomes its `else`.
- A function that is one `return` is put in the place of the call as an expression, wherever the call stands.
- An argument has to be a name, and takes the place of the parameter.

It refuses a `return` in a loop or a `try`, and a local name of a function that its caller has too, unless the call
assigns it.

Usage: `python tools/flatten.py [--check]`; with `--check` it fails if the file is not what it would write.
"""

from __future__ import annotations

import ast
import copy
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

if t.TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent
DISPATCH = ROOT / "src" / "tuile" / "dispatch"
SOURCES = (DISPATCH / "inlined.py", DISPATCH / "fast_path.py")
GENERATED = DISPATCH / "_generated.py"
#: What is called as it is: it is long, or rare.
LEFT_AS_CALLS = frozenset(
    {
        "has_session_alone",
        "is_trusted",
        "leave",
        "open_session",
        "parts_at_end",
        "remember",
        "serve",
        "begin_awaited",
        "serve_awaited",
        "session_headers",
    }
)
Function = ast.FunctionDef | ast.AsyncFunctionDef

HEADER = '''"""The fast path as it is run. Generated from `fast_path.py` and `inlined.py` by `make generated`.

Edit those; `make check` compares. A comment names the function whose body follows.
"""
'''


class RefusedError(Exception):
    """A function is written in a way that cannot be flattened."""


def functions() -> dict[str, Function]:
    """Return the functions of the source modules by name."""
    found: dict[str, Function] = {}
    for path in SOURCES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                found[node.name] = node
    return found


def flatten(name: str, as_name: str) -> ast.Module:
    """Return a function without calls of the others.

    Args:
        name: The function, such as `serve`. One for an event loop is an `async` function.
        as_name: What it is called in the result.
    """
    known = functions()
    result = Flattener({key: value for key, value in known.items() if key not in LEFT_AS_CALLS}).flat(known[name])
    result.name = as_name
    return ast.fix_missing_locations(ast.Module(body=[result], type_ignores=[]))


class Flattener:
    """Puts the bodies of functions in the place of their calls."""

    def __init__(self, known: Mapping[str, Function]) -> None:
        self.known = known

    def flat(self, function: Function) -> Function:
        """Return a copy of a function without calls of the known ones."""
        function = copy.deepcopy(function)
        own = _bound(function.body)
        function.body = self._block(function.body, own)
        return function

    def _block(self, body: list[ast.stmt], own: set[str]) -> list[ast.stmt]:
        result: list[ast.stmt] = []
        for statement in body:
            result += self._statement(statement, own)
        return result

    def _statement(self, statement: ast.stmt, own: set[str]) -> list[ast.stmt]:
        call: t.Any = getattr(statement, "value", None)
        function = self._called(call)
        if function is not None and not _is_expression(function):
            if isinstance(statement, ast.Assign):
                return self._inlined(function, call, statement.targets[0], own)
            if isinstance(statement, ast.Expr):
                return self._inlined(function, call, None, own)
            if isinstance(statement, ast.Return):
                return self._inlined(function, call, statement, own)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(statement, name, None)
            if block:
                setattr(statement, name, self._block(block, own))
        for handler in getattr(statement, "handlers", ()):
            handler.body = self._block(handler.body, own)
        return [_Expressions(self).visit(statement)]

    def _called(self, node: ast.AST | None) -> Function | None:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self.known.get(node.func.id)
        return None

    def _inlined(
        self, function: Function, call: ast.Call, target: ast.expr | ast.Return | None, own: set[str]
    ) -> list[ast.stmt]:
        """Return the body of a function with its arguments in place, and its results where they go."""
        flat = self.flat(function)
        names = _arguments(flat, call)
        assigned = set() if target is None else {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}
        clash = (_bound(flat.body) & own) - assigned - names.keys()
        if clash:
            raise RefusedError(f"{function.name} and its caller both have {', '.join(sorted(clash))}")
        body = [_Renamed(names).visit(statement) for statement in _without_docstring(flat.body)]
        marker = ast.Expr(ast.Constant(f"# {function.name}: {_first_line(function)}"))
        return [marker, *(body if isinstance(target, ast.Return) else _returning_to(body, target, function.name))]


class _Expressions(ast.NodeTransformer):
    """Puts functions of one `return` in the place of their calls, in the expressions of one statement."""

    def __init__(self, flattener: Flattener) -> None:
        self.flattener = flattener

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        function = self.flattener._called(node)
        if function is None:
            return node
        if not _is_expression(function):
            raise RefusedError(f"{function.name} is called within an expression")
        (statement,) = _without_docstring(copy.deepcopy(function.body))
        return _Renamed(_arguments(function, node)).visit(statement.value)  # type: ignore[attr-defined,no-any-return]


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self.names.get(node.id, node.id)
        return node


def _arguments(function: Function, call: ast.Call) -> dict[str, str]:
    """Return the name that a call gives for each parameter."""
    parameters = [argument.arg for argument in function.args.args]
    if call.keywords or len(call.args) != len(parameters) or not all(isinstance(a, ast.Name) for a in call.args):
        raise RefusedError(f"{function.name} is called with something that is not a name for each parameter")
    return {name: argument.id for name, argument in zip(parameters, call.args, strict=True)}  # type: ignore[attr-defined]


def _is_expression(function: Function) -> bool:
    body = _without_docstring(function.body)
    return len(body) == 1 and isinstance(body[0], ast.Return) and not isinstance(function, ast.AsyncFunctionDef)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    return body[1:] if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) else body


def _first_line(function: Function) -> str:
    return (ast.get_docstring(function) or "").partition("\n")[0].rstrip(".")


def _bound(body: list[ast.stmt]) -> set[str]:
    """Return the names that a function's body binds."""
    names = set()
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            elif isinstance(node, ast.ExceptHandler) and node.name:
                names.add(node.name)
    return names


def _returns(statement: ast.stmt) -> bool:
    return any(isinstance(node, ast.Return) for node in ast.walk(statement))


def _returning_to(body: list[ast.stmt], target: ast.expr | None, name: str) -> list[ast.stmt]:
    """Return a body whose returns are assignments; what follows one that returns becomes its `else`."""
    result: list[ast.stmt] = []
    for position, statement in enumerate(body):
        rest = body[position + 1 :]
        if isinstance(statement, ast.Return):
            if rest:
                raise RefusedError(f"{name} goes on behind a return")
            return result + _assigned(target, statement.value)
        if isinstance(statement, ast.If) and _returns(statement):
            if _ends(statement.body):
                statement.orelse = _returning_to(statement.orelse + rest, target, name)
                statement.body = _returning_to(statement.body, target, name)
            else:
                # It returns from a branch further in: what follows it is what follows that too.
                following = copy.deepcopy(rest)
                statement.orelse = _returning_to(statement.orelse + rest, target, name)
                statement.body = _returning_to(statement.body + following, target, name)
            return [*result, statement]
        if _returns(statement):
            raise RefusedError(f"{name} returns from within a loop, a try or a with")
        result.append(statement)
    return result


def _ends(body: list[ast.stmt]) -> bool:
    """Return whether a block certainly returns."""
    last = body[-1]
    if isinstance(last, ast.If):
        return bool(last.orelse) and _ends(last.body) and _ends(last.orelse)
    return isinstance(last, ast.Return)


def _assigned(target: ast.expr | None, value: ast.expr | None) -> list[ast.stmt]:
    """Return the statements that assign a result."""
    if target is None:
        return []
    value = value or ast.Constant(None)
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = [(a, b) for a, b in zip(target.elts, value.elts, strict=True) if ast.unparse(a) != ast.unparse(b)]
        first = {node.id for a, _ in pairs[:1] for node in ast.walk(a) if isinstance(node, ast.Name)}
        later = {node.id for _, b in pairs[1:] for node in ast.walk(b) if isinstance(node, ast.Name)}
        if not first & later:
            return [ast.Assign([copy.deepcopy(a)], b, lineno=0) for a, b in pairs]
    elif ast.unparse(target) == ast.unparse(value):
        return []
    return [ast.Assign([copy.deepcopy(target)], value, lineno=0)]


def _imports(used: set[str]) -> str:
    """Return the imports of the source modules that a text with these names needs."""
    running: dict[str, None] = {}
    typing: dict[str, None] = {}
    for path in SOURCES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            for statement in node.body if isinstance(node, ast.If) else [node]:
                if not isinstance(statement, (ast.Import, ast.ImportFrom)):
                    continue
                if isinstance(statement, ast.ImportFrom) and statement.module in {"__future__", "inlined"}:
                    continue
                for alias in statement.names:
                    if (alias.asname or alias.name) in used:
                        line = ast.unparse(type(statement)(**{**vars(statement), "names": [alias]}))
                        (typing if isinstance(node, ast.If) else running)[line] = None
    own = ", ".join(sorted(used & {*LEFT_AS_CALLS, "LENGTHS", "REFERENCES_TO_BOTH", "SHORT", "new"}))
    types = "".join(f"    {line}\n" for line in typing if line not in running)
    lines = ["from __future__ import annotations", "import typing as t", *running, f"from .inlined import {own}"]
    return "\n".join(lines) + f"\nif t.TYPE_CHECKING:\n{types}\n"


def text_of(*modules: ast.Module) -> str:
    """Return the source of flattened functions, with a comment where the body of another begins."""
    module = ast.Module(body=[function for each in modules for function in each.body], type_ignores=[])
    text = ast.unparse(module)
    text = re.sub(r"^( *)['\"](# .*)['\"]$", r"\1\2", text, flags=re.MULTILINE)
    used = {node.id for node in ast.walk(module) if isinstance(node, ast.Name)}
    text = f"{_imports(used)}\n{text}\n"
    return HEADER + text


def formatted(text: str) -> str:
    """Return Python as ruff writes it."""
    ruff = os.path.join(os.path.dirname(sys.executable), "ruff")
    for command in (["check", "--fix-only", "--quiet", "--select", "I,F401,TC"], ["format", "--quiet"]):
        done = subprocess.run(
            [ruff, *command, "--stdin-filename", str(GENERATED), "-"],
            input=text, capture_output=True, text=True, check=True, cwd=ROOT,
        )  # fmt: skip
        text = done.stdout
    return text


def generated() -> str:
    """Return the text of the generated file."""
    return formatted(
        text_of(
            flatten("serve", "serve_wsgi"),
            flatten("begin_awaited", "begin_awaited"),
            flatten("serve_awaited", "serve_awaited"),
            flatten("quick_response", "quick_response"),
        )
    )


def main() -> int:
    """Write the file, or compare."""
    text = generated()
    if "--check" not in sys.argv[1:]:
        GENERATED.write_text(text, encoding="utf-8")
    elif GENERATED.read_text(encoding="utf-8") != text:
        print(
            f"{GENERATED.relative_to(ROOT)} is not what its sources say: run python tools/flatten.py", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
