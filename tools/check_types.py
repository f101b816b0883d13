"""Check the types of `src`, and those of the built wheel as a user's editor and pipeline do.

Usage: python tools/check_types.py [FOLDER [WHEEL]]

Builds the wheel unless it is named, and installs it into a virtual environment of its own (FOLDER, `.typing` by
default). pyright checks `src`, as mypy does in `make check`. With the wheel, mypy and pyright check `typing_tests/`
strictly and every Python block of README and docs/ without strictness, as those have no annotations; and pyright's
language server is asked for completions. pyright comes from PyPI and fetches its npm package at the first run.
"""

from __future__ import annotations

import ast
import builtins
import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.completions import missing_completions  # noqa: E402 - the folder is a package only from the root
from tools.doc_blocks import Example, programs  # noqa: E402

NEEDED = ["mypy==2.4.1", "pyright==1.1.414"]
# Programs of the documentation are short: they use what may be None without asking.
DOCS_SETTINGS = {
    "include": ["docs"],
    "pythonVersion": "3.11",
    "typeCheckingMode": "basic",
    "reportMissingImports": False,
    "reportMissingModuleSource": False,
    "reportOptionalIterable": False,
    "reportOptionalMemberAccess": False,
    "reportOptionalSubscript": False,
}
MYPY = ["--config-file=", "--show-error-codes"]
# To wrap `app.wsgi_app` is Flask's documented way to add a middleware, which is an assignment to a method.
MYPY_DOCS = [
    "--python-version=3.11",
    "--check-untyped-defs",
    "--no-strict-optional",
    "--scripts-are-modules",
    "--disable-error-code=method-assign",
]


def run(*command: str | Path, cwd: Path = ROOT) -> int:
    """Run a command and return its exit code."""
    return subprocess.run([str(part) for part in command], cwd=cwd, check=False).returncode


def install(folder: Path, wheel: Path | None) -> int:
    """Make the environment; return an exit code."""
    if not (folder / "bin" / "pip").exists():
        venv.create(folder, with_pip=True)
    pip: list[str | Path] = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "-qq"]
    if wheel is None:
        wheels = folder / "wheels"
        shutil.rmtree(wheels, ignore_errors=True)
        failed = run(*pip, "wheel", "--no-deps", "--wheel-dir", wheels, ROOT)
        if failed:
            return failed
        (wheel,) = wheels.glob("*.whl")
    return run(*pip, "install", "--force-reinstall", "--no-deps", wheel) or run(*pip, "install", wheel, *NEEDED)


def completed(program: Example) -> str:
    """Return a program of the documentation; a fragment with declarations of the names that it takes from elsewhere."""
    if program.mark:
        return program.code
    names = [node for node in ast.walk(ast.parse(program.code)) if isinstance(node, ast.Name)]
    defined = {node.id for node in names if not isinstance(node.ctx, ast.Load)} | set(dir(builtins))
    for node in ast.walk(ast.parse(program.code)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            defined.add(node.name)
        elif isinstance(node, ast.arg):
            defined.add(node.arg)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            defined |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    exported = exported_names()
    lines = ["import asyncio", "from typing import Any", "import tuile"]
    for name in sorted({node.id for node in names} - defined - {"asyncio"}):
        if name == "app":
            lines.append("app = tuile.Flask('page')")
        else:
            lines.append(f"from tuile import {name}" if name in exported else f"{name}: Any = ...")
    return "\n".join([*lines, program.code])


def exported_names() -> set[str]:
    """Return the names that `tuile` exports, as `import ... as` writes them."""
    tree = ast.parse((ROOT / "src" / "tuile" / "__init__.py").read_text(encoding="utf-8"))
    aliases = [
        alias for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names
    ]
    return {alias.name for alias in aliases if alias.name == alias.asname}


def write_docs(folder: Path) -> Path:
    """Write each program of the documentation to a file."""
    shutil.rmtree(folder / "docs", ignore_errors=True)
    (folder / "docs").mkdir()
    for program in programs():
        name = "_".join(program.page.relative_to(ROOT).with_suffix("").parts).replace("-", "_")
        (folder / "docs" / f"{name}_line_{program.line}.py").write_text(completed(program), encoding="utf-8")
    (folder / "pyrightconfig.json").write_text(json.dumps(DOCS_SETTINGS), encoding="utf-8")
    return folder / "docs"


def main(folder: Path, wheel: Path | None = None) -> int:
    """Return 0 when both checkers accept everything and the completions are there."""
    failed = install(folder, wheel)
    if failed:
        return failed
    # From elsewhere, so that neither `src` nor this repository's settings are found.
    where = folder / "run"
    where.mkdir(exist_ok=True)
    binaries, cache = folder / "bin", where / "cache"
    mypy: list[str | Path] = [binaries / "mypy", *MYPY, "--cache-dir", cache]
    pyright: list[str | Path] = [binaries / "pyright", "--pythonpath", binaries / "python", "-p"]
    settings = ROOT / "typing_tests" / "pyrightconfig.json"
    results = [
        # The source, with the packages of this interpreter: those of all extras.
        run(binaries / "pyright", "--pythonpath", sys.executable, "-p", ROOT),
        run(*mypy, "--strict", "--python-version=3.10", ROOT / "typing_tests", cwd=where),
        run(*pyright, settings, cwd=where),
        run(*mypy, *MYPY_DOCS, "--ignore-missing-imports", write_docs(where), cwd=where),
        run(*pyright, where, cwd=where),
    ]
    editor = folder / "editor"
    editor.mkdir(exist_ok=True)
    wrong = missing_completions([str(binaries / "pyright-langserver"), "--stdio"], binaries / "python", editor)
    print("\n".join(wrong) or "The editor completes all that it should.")
    return int(any(results) or bool(wrong))


if __name__ == "__main__":
    given = [Path(argument).resolve() for argument in sys.argv[1:]]
    sys.exit(main(given[0] if given else ROOT / ".typing", *given[1:]))
