"""`make lower-bounds`: the tests with the oldest release of each dependency that pyproject.toml admits.

The environment is .lower-bounds, kept for the next time. Besides the lower bounds it has what the tests import. Tests
in the browser, on servers and of the documentation are left out: they test the same code. Arguments go to pytest.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".lower-bounds"
# The extras with packages that the tests import, but for a list that is only data.
EXTRAS = ("async", "crypto", "dotenv")
LEFT_OUT = ("tests/browser", "tests/doors", "tests/test_docs.py", "tests/test_compare.py", "tests/test_upstream.py")

_requirement = re.compile(r"([A-Za-z0-9_.-]+)(?:\[[^]]*\])?\s*>=\s*([0-9][0-9a-z.]*)").match


def lower_bounds(pyproject: Path, extras: tuple[str, ...] | None = None) -> dict[str, str]:
    """Return the oldest version of each dependency that is admitted, and of those of extras; None for all of them."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    wanted = optional if extras is None else extras
    lines = [*project["dependencies"], *(line for extra in wanted for line in optional[extra])]
    found = {}
    for line in lines:
        match = _requirement(line)
        if match is None:
            message = f"{line!r} in pyproject.toml has no lower bound."
            raise ValueError(message)
        found[match[1].lower()] = match[2]
    return found


def test_requirements(pyproject: Path, bounds: dict[str, str]) -> list[str]:
    """Return what the tests import besides, as pyproject.toml pins it."""
    lines: list[str] = tomllib.loads(pyproject.read_text(encoding="utf-8"))["dependency-groups"]["test"]
    return [line for line in lines if line.partition("==")[0].lower() not in bounds]


def main() -> int:
    """Make the environment, say what is in it, and run the tests."""
    pyproject = ROOT / "pyproject.toml"
    python, stamp = FOLDER / "bin" / "python", FOLDER / ".installed"
    bounds = lower_bounds(pyproject, EXTRAS)
    if not stamp.exists() or stamp.stat().st_mtime < pyproject.stat().st_mtime:
        pins = [f"{name}=={version}" for name, version in bounds.items()]
        print("Installing", *pins, flush=True)
        subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
        pip: list[str | Path] = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*pip, "--editable", ROOT, *pins, *test_requirements(pyproject, bounds)], check=True)
        stamp.touch()
    ignored = [f"--ignore={path}" for path in LEFT_OUT]
    pytest: list[str | Path] = [python, "-m", "pytest", "-p", "no:cacheprovider", *ignored, *sys.argv[1:]]
    return subprocess.run(pytest, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
