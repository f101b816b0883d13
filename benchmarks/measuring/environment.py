"""The environment in which the benchmarks run: an own virtualenv with pinned peers, and Tuile from the working tree.

What must live here: making `.bench/venv`, continuing in it. What must not: anything that is measured.
Nothing outside the standard library is imported, because any Python may start a benchmark.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".bench"
VENV = FOLDER / "venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "benchmarks" / "requirements.txt"


def enter() -> None:
    """Continue this very command in the benchmarks' environment, making it first where it is missing or stale.

    There `import flask` means Flask itself, even in a process that has imported Tuile, and modules are compiled once.
    """
    os.environ["TUILE_SHIM"] = "0"
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if Path(sys.prefix).resolve() == VENV.resolve():
        return
    make()
    os.execv(PYTHON, [str(PYTHON), *sys.argv])


def make() -> None:
    """Install what `requirements.txt` pins and Tuile itself (editable), unless that is done already."""
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two benchmarks started together make it once
        _make_if_stale(FOLDER / "made-from", _fingerprint())


def _make_if_stale(stamp: Path, wanted: str) -> None:
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"Making {VENV.relative_to(ROOT)} with the pinned peers (once, about a minute) ...", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
    pip: list[str | Path] = [PYTHON, "-m", "pip", "--disable-pip-version-check", "-qq", "install"]
    subprocess.run([*pip, "--requirement", REQUIREMENTS], check=True)
    subprocess.run([*pip, "--editable", ROOT], check=True)
    stamp.write_text(wanted)


def _fingerprint() -> str:
    """A text that changes when another environment would be made: another Python, other pins, other dependencies."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    dependencies = re.search(r"^dependencies = \[.*?^\]", project, re.MULTILINE | re.DOTALL)
    parts = [sys.version, REQUIREMENTS.read_text(encoding="utf-8"), dependencies[0] if dependencies else project]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
