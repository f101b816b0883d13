"""Fresh interpreters: for tests of what happens before, or instead of, an import of Flask.

The test process itself has the real Flask, which other tests compare with, so nothing can stand in for it here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

STAND_IN = "import tuile.shim; tuile.shim.install()\n"
# As far as a tool's own machinery is concerned, every warning is an error here as well.
STRICT = ("-W", "error")


def clean_environment(**changes: str) -> dict[str, str]:
    """This process's environment without what would change what a program does, and with some changes."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FLASK_", "PYTEST_", "PYTHON", "TUILE_", "WERKZEUG_"))
    }
    return {**kept, **changes}


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    check: bool = True,
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; when it fails and should not have, its output is the error's text."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=clean_environment(**environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    if check and done.returncode != 0:
        raise AssertionError(f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def observe(program: str, *, stand_in: bool = True, cwd: Path | None = None) -> Any:
    """Run a program in a fresh interpreter and return what it left in its variable `seen`, as JSON carries it."""
    lines = [STAND_IN if stand_in else "", dedent(program), "\nimport json; print('\\n' + json.dumps(seen))"]
    done = run([sys.executable, *STRICT, "-c", "".join(lines)], cwd=cwd)
    return json.loads(done.stdout.splitlines()[-1])


def observe_both(program: str) -> Any:
    """Observe a program on Flask and on Tuile and return what was seen, which must be equal."""
    theirs, ours = observe(program, stand_in=False), observe(program)
    assert ours == theirs, f"on Flask: {theirs!r}\non Tuile: {ours!r}"
    return ours
