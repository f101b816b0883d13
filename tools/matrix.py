"""`make matrix`: the tests on every CPython from 3.10 on that this machine has.

Pythons are looked for on PATH (python3.10, python3.11, ...) and among pyenv's. Each gets its own virtual environment
under .matrix/, kept for the next time. The browser tests and the upstream suites are left out: they test the same code
on one Python, and take long. Arguments go to pytest.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 10)
NEWEST_TRIED = (3, 19)
PARALLEL = ("-n", "auto", "--dist", "worksteal")

TELL = """
import platform, sys
print(platform.python_implementation(), sys.version_info[0], sys.version_info[1], platform.python_version())
"""


def candidates() -> list[Path]:
    """Every executable that may be a CPython we want."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = sorted(pyenv.glob("versions/*/bin/python"))
    for minor in range(OLDEST[1], NEWEST_TRIED[1] + 1):
        on_path = shutil.which(f"python3.{minor}")
        if on_path:
            found.append(Path(on_path))
    return found


def tell_version(python: Path) -> tuple[tuple[int, int], str] | None:
    """((3, 11), "3.11.7") for a CPython that starts, else None."""
    answer = subprocess.run([python, "-c", TELL], capture_output=True, text=True, check=False)
    if answer.returncode != 0:  # one of pyenv's shims for a version that is not switched on
        return None
    implementation, major, minor, full = answer.stdout.split()
    return ((int(major), int(minor)), full) if implementation == "CPython" else None


def find_pythons() -> dict[tuple[int, int], tuple[Path, str]]:
    """One CPython per minor version, oldest first."""
    found: dict[tuple[int, int], tuple[Path, str]] = {}
    for python in candidates():
        told = tell_version(python)
        if told is not None and told[0] >= OLDEST:
            found.setdefault(told[0], (python, told[1]))
    return dict(sorted(found.items()))


def run_tests(python: Path, folder: Path, arguments: list[str]) -> str:
    """Install and test on one Python; pytest's closing line, or what went wrong."""
    stamp = folder / ".installed"
    pyproject = ROOT / "pyproject.toml"
    if not stamp.exists() or stamp.stat().st_mtime < pyproject.stat().st_mtime:
        if subprocess.run([ROOT / "tools" / "make-venv", python, folder, "test"], cwd=ROOT, check=False).returncode:
            return "FAILED to install"
        stamp.touch()
    command = [str(folder / "bin" / "python"), "-m", "pytest", "-q", *PARALLEL, "--ignore=tests/browser", *arguments]
    print("$", *command, flush=True)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        last = ""
        for line in process.stdout or ():
            print(line, end="", flush=True)
            last = line.strip().strip("= ") or last
    return f"ok: {last}" if process.returncode == 0 else f"FAILED: {last}"


def main() -> None:
    """Run on each, print the table, fail if any failed."""
    pythons = find_pythons()
    if not pythons:
        sys.exit("No CPython 3.10 or newer on PATH or under ~/.pyenv/versions.")
    outcomes: dict[str, str] = {}
    for (major, minor), (python, full) in pythons.items():
        print(f"\n--- CPython {full} ({python})", flush=True)
        outcomes[full] = run_tests(python, ROOT / ".matrix" / f"{major}.{minor}", sys.argv[1:])
    print("\nCPython   outcome")
    for full, outcome in outcomes.items():
        print(f"{full:<9} {outcome}")
    if not all(outcome.startswith("ok") for outcome in outcomes.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
