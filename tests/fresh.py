"""Run programs in fresh interpreters, to test what happens before or instead of an import of Flask.

The test process has imported the real Flask, with which other tests compare, so the shim cannot be tested in it.
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

INSTALL_SHIM = "import tuile.shim; tuile.shim.install()\n"
# As far as a tool's own machinery is concerned, every warning is an error here as well.
STRICT = ("-W", "error")


def clean_environment(**changes: str) -> dict[str, str]:
    """Return the environment of this process, without variables that affect programs, and with changes."""
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
    timeout_s: int = 200,  # a machine may be slow
) -> subprocess.CompletedProcess[str]:
    """Run a command. If it fails and `check` is true, raise an error with its output."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=clean_environment(**environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    if check and done.returncode != 0:
        raise AssertionError(f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def observe(program: str, *, shim: bool = True, cwd: Path | None = None) -> Any:
    """Run a program in a fresh interpreter and return its variable `seen`, passed as JSON."""
    lines = [INSTALL_SHIM if shim else "", dedent(program), "\nimport json; print('\\n' + json.dumps(seen))"]
    done = run([sys.executable, *STRICT, "-c", "".join(lines)], cwd=cwd)
    return json.loads(done.stdout.splitlines()[-1])


def observe_both(program: str) -> Any:
    """Observe a program on Flask and on Tuile, assert that the results are equal, and return them."""
    theirs, ours = observe(program, shim=False), observe(program)
    assert ours == theirs, f"on Flask: {theirs!r}\non Tuile: {ours!r}"
    return ours
