"""`make dist`: build the source distribution and the wheel into dist/, and check both.

The wheel is built from the source distribution. It is installed into an environment of its own (.dist, made anew) with
what the tests import. The tests come from the unpacked source distribution, whose `src` is removed first, so that they
can only find the installed package. Arguments go to pytest, in the place of the chosen test files.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
FOLDER = ROOT / ".dist"
# What only the repository needs begins with a dot.
NOT_PUBLISHED = "."
NOT_EXTRAS = {"Provides-Extra: dev", "Provides-Extra: docs", "Provides-Extra: test"}
# A bit of everything: the interface, the fast path, cookies, sessions, the command line, the shim, ASGI.
CHOSEN = (
    "tests/asgi/test_requests.py",
    "tests/test_app.py",
    "tests/test_cli.py",
    "tests/test_cookie_declared.py",
    "tests/test_fast_path.py",
    "tests/test_interface.py",
    "tests/test_new.py",
    "tests/test_session_encryption.py",
    "tests/test_sessions.py",
    "tests/test_templating.py",
    "tests/test_testing.py",
)


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a command, and end with its exit code if it fails."""
    print("$", *command, flush=True)
    code = subprocess.run(command, cwd=cwd, check=False).returncode
    if code:
        sys.exit(code)


def tracked_files() -> set[str]:
    """Return the files of the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return {name for name in listed if (ROOT / name).exists()}


def check_sdist(sdist: Path, tracked: set[str]) -> list[str]:
    """Return what a source distribution lacks, or has too much."""
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {name for name in tracked if not name.startswith(NOT_PUBLISHED)}
    return [
        *(f"{sdist.name} lacks {name}" for name in sorted(wanted - names)),
        *(f"{sdist.name} has {name}" for name in sorted(names - wanted - {"PKG-INFO"})),
    ]


def check_wheel(wheel: Path, tracked: set[str]) -> list[str]:
    """Return what a wheel lacks, or has too much."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata_name = next(name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = archive.read(metadata_name).decode()
    info = metadata_name.rpartition("/")[0]
    wanted = {name.removeprefix("src/") for name in tracked if name.startswith("src/tuile/")}
    wanted |= {f"{info}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")}
    headers = metadata.partition("\n\n")[0].splitlines()
    return [
        *(f"{wheel.name} lacks {name}" for name in sorted(wanted - names)),
        *(f"{wheel.name} has {name}" for name in sorted(names - wanted)),
        *(f"{wheel.name} publishes {line}" for line in headers if line in NOT_EXTRAS),
    ]


def build() -> tuple[Path, Path]:
    """Build a source distribution, and a wheel from it."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", DIST, ROOT)
    (sdist,) = DIST.glob("*.tar.gz")
    (wheel,) = DIST.glob("*.whl")
    return sdist, wheel


def unpack_without_source(sdist: Path, folder: Path) -> Path:
    """Unpack a source distribution, remove its `src`, and return its folder."""
    with tarfile.open(sdist) as archive:
        # Debian's Python 3.11.2 has no filters yet.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(folder)  # noqa: S202 - our own archive
    (unpacked,) = folder.iterdir()
    shutil.rmtree(unpacked / "src")
    return unpacked


def main(arguments: list[str]) -> None:
    """Build, check and test."""
    sdist, wheel = build()
    tracked = tracked_files()
    wrong = check_sdist(sdist, tracked) + check_wheel(wheel, tracked)
    if wrong:
        sys.exit("\n".join(wrong))
    shutil.rmtree(FOLDER, ignore_errors=True)
    venv.create(FOLDER / "venv", with_pip=True)
    python = FOLDER / "venv" / "bin" / "python"
    pip: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check", "-qq", "install"]
    where = unpack_without_source(sdist, FOLDER / "unpacked")
    run(*pip, "pip>=25.1")
    run(*pip, wheel)
    run(python, "-c", "import tuile; print(tuile.__file__); assert 'site-packages' in tuile.__file__", cwd=where)
    run(*pip, "--group", f"{where / 'pyproject.toml'}:test")
    run(FOLDER / "venv" / "bin" / "tuile", "new", FOLDER / "shop", cwd=where)
    run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=FOLDER / "shop")
    run(python, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", *(arguments or CHOSEN), cwd=where)
    # pip finds the wheel here before there is a release.
    os.environ["PIP_FIND_LINKS"] = str(DIST)
    # Not below the checkout: pytest would find its settings.
    with tempfile.TemporaryDirectory() as folder:
        run(sys.executable, ROOT / "tools" / "follow_tutorial.py", folder, cwd=where)
    run(sys.executable, ROOT / "tools" / "check_types.py", FOLDER / "types", wheel)


if __name__ == "__main__":
    main(sys.argv[1:])
