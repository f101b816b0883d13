"""The imports that run when a module is imported: no circles, and no module that needs another one imported first."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.util import resolve_name
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).resolve().parent.parent / "src"
PATHS = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((SOURCE / "tuile").rglob("*.py"))
    # Python's own name for a file that it runs at start, on a path of its own; the program itself.
    if path.name not in {"sitecustomize.py", "__main__.py"}
}

# Forks once for each module, from a process that has everything else they need.
IMPORT_EACH_ALONE = """
import os, sys, traceback, types
names = sys.stdin.read().split()
for name in names:
    __import__(name)
for name in [name for name in sys.modules if name.partition(".")[0] == "tuile"]:
    del sys.modules[name]
# Without what the package itself imports, which is everything, in the right order.
sys.modules["tuile"] = package = types.ModuleType("tuile")
package.__path__ = [sys.argv[1]]
failed = []
for name in sys.stdin.read().split():
    child = os.fork()
    if not child:
        try:
            __import__(name)
        except BaseException:
            print("importing", name)
            traceback.print_exc(file=sys.stdout)
            sys.stdout.flush()
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        failed.append(name)
sys.exit(" ".join(failed) or 0)
"""


def test_no_modules_import_each_other_in_a_circle() -> None:
    imported = {name: imports_of(name, path.read_text(encoding="utf-8")) for name, path in PATHS.items()}
    assert "tuile.dispatch.steps" in imported["tuile.app"]
    circles = circle_in(imported)
    assert circles is None


def test_a_circle_is_found_and_an_import_within_a_function_is_none() -> None:
    one = "if t.TYPE_CHECKING:\n    from . import c\nelse:\n    from . import b\ndef f():\n    from . import d"
    graph = {
        "p.a": imports_of("p.a", one, {"p.a", "p.b", "p.c", "p.d"}),
        "p.b": {"p.e"},
        "p.d": {"p.a"},
        "p.e": set[str](),
    }
    assert graph["p.a"] == {"p.b"}
    assert circle_in(graph) is None
    late = imports_of("p.b", 'e, x = late_modules(__name__, ".e", "json")', {"p.b", "p.e"})
    assert late == {"p.e"}
    graph["p.e"] = {"p.a"}
    assert circle_in(graph) == ["p.a", "p.b", "p.e", "p.a"]


def test_each_module_can_be_imported_alone() -> None:
    command = [sys.executable, "-W", "error", "-c", IMPORT_EACH_ALONE, str(SOURCE / "tuile")]
    done = subprocess.run(command, input="\n".join(PATHS), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def imports_of(module: str, source: str, modules: set[str] | None = None) -> set[str]:
    """Return the modules of this package that importing a module imports by a statement of its own."""
    known = set(PATHS) if modules is None else modules
    package = module if module in PATHS and PATHS[module].name == "__init__.py" else module.rpartition(".")[0]
    found = set[str]()
    for node in statements(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & known
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            submodules = {f"{base}.{alias.name}" for alias in node.names} & known
            # The package of a submodule is imported with it, and is no import of what the package has.
            found |= submodules or {base} & known
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "late_modules":
            # Imported later, and no less below: the import contracts do not see them.
            found |= {resolve_name(ast.literal_eval(name).split()[0], package) for name in node.args[1:]} & known
    return found - {module}


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements that run when a module is imported: none of functions, none for type checkers."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from statements(ast.Module(body=child.orelse, type_ignores=[]))
            continue
        yield child
        yield from statements(child)


def circle_in(graph: dict[str, set[str]]) -> list[str] | None:
    """Return modules of which each imports the next, from one back to itself; None without such a circle."""
    done = set[str]()

    def search(path: list[str]) -> list[str] | None:
        for name in sorted(graph.get(path[-1], ())):
            if name in path:
                return [*path[path.index(name) :], name]
            if name not in done and (circle := search([*path, name])) is not None:
                return circle
        done.add(path[-1])
        return None

    for name in sorted(graph):
        if name not in done and (circle := search([name])) is not None:
            return circle
    return None
