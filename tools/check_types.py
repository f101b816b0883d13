"""Check `typing_tests/` with mypy and pyright against the built wheel, with nothing of `src` on the path.

Usage: python tools/check_types.py [FOLDER [WHEEL]]

Builds the wheel unless it is named, installs it into a virtual environment of its own (FOLDER, `.typing` by default)
and runs both checkers there. pyright comes from PyPI and fetches its npm package at the first run.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHECKERS = ["mypy==2.4.1", "pyright==1.1.414"]


def run(*command: str | Path, cwd: Path = ROOT) -> int:
    """Run a command and return its exit code."""
    return subprocess.run([str(part) for part in command], cwd=cwd, check=False).returncode


def main(folder: Path, wheel: Path | None = None) -> int:
    """Return 0 when both checkers accept every file of `typing_tests/`."""
    if not (folder / "bin" / "pip").exists():
        venv.create(folder, with_pip=True)
    pip: list[str | Path] = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "-qq"]
    if wheel is None:
        wheels = folder / "wheels"
        for old in wheels.glob("*.whl"):
            old.unlink()
        failed = run(*pip, "wheel", "--no-deps", "--wheel-dir", wheels, ROOT)
        if failed:
            return failed
        (wheel,) = wheels.glob("*.whl")
    failed = (
        run(*pip, "install", *CHECKERS)
        or run(*pip, "install", "--force-reinstall", "--no-deps", wheel)
        or run(*pip, "install", wheel)
    )
    if failed:
        return failed
    # From elsewhere, so that neither `src` nor this repository's settings are found.
    where = folder / "run"
    where.mkdir(exist_ok=True)
    mypy = run(
        folder / "bin" / "mypy",
        "--strict",
        "--python-version=3.10",
        "--config-file=",
        "--cache-dir",
        where / "cache",
        ROOT / "typing_tests",
        cwd=where,
    )
    settings = ROOT / "typing_tests" / "pyrightconfig.json"
    pyright = run(folder / "bin" / "pyright", "--pythonpath", folder / "bin" / "python", "-p", settings, cwd=where)
    return mypy or pyright


if __name__ == "__main__":
    given = [Path(argument).resolve() for argument in sys.argv[1:]]
    sys.exit(main(given[0] if given else ROOT / ".typing", *given[1:]))
