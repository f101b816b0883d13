"""Bringing what a suite needs: its source distribution, checked and unpacked, and a virtual environment.

Everything lies under .upstream/, which git ignores, and is kept for the next run.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import tomli

if TYPE_CHECKING:
    from tests.upstream.suites import Sdist

ROOT = Path(__file__).resolve().parents[2]
UPSTREAM = ROOT / ".upstream"


def download(sdist: Sdist) -> Path:
    """The sdist's .tar.gz; what does not have the pinned hash is an error."""
    folder = UPSTREAM / "sdists" / f"{sdist.name}-{sdist.version}"
    if not list(folder.glob("*.tar.gz")):
        folder.mkdir(parents=True, exist_ok=True)
        pin = folder / "requirement.txt"
        pin.write_text(f"{sdist.name}=={sdist.version} --hash=sha256:{sdist.sha256}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check", "--no-deps"]
        command += ["--no-binary", ":all:", "--require-hashes", "--dest", str(folder), "--requirement", str(pin)]
        subprocess.run(command, check=True)
    (archive,) = folder.glob("*.tar.gz")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != sdist.sha256:
        archive.unlink()
        sys.exit(f"{archive.name} has the hash {digest}, not the pinned {sdist.sha256}. It was removed; try again.")
    return archive


def unpack(sdist: Sdist) -> Path:
    """The folder of the sdist's unpacked source."""
    folder = UPSTREAM / "source" / f"{sdist.name}-{sdist.version}"
    if sdist.repository:
        clone(sdist, folder)
    elif not folder.exists():
        archive = download(sdist)
        unpacking = folder.with_name(folder.name + ".unpacking")
        # Its hash is pinned, so it need not be unpacked with a filter, which Debian's CPython 3.11.2 does not have yet.
        shutil.unpack_archive(archive, unpacking)
        (top,) = unpacking.iterdir()
        top.rename(folder)
        unpacking.rmdir()
    # A suite without a pytest configuration of its own would find ours further up the tree. This one is nearer.
    (UPSTREAM / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    return folder


class UnavailableError(Exception):
    """The source of a suite cannot be fetched from here."""


def clone(sdist: Sdist, folder: Path) -> None:
    """Check out the pinned commit, whose name is a hash of all its content.

    Raises:
        UnavailableError: If the repository cannot be reached.
    """
    if not (folder / ".git").exists():
        command = ["git", "clone", "--quiet", "--no-checkout", sdist.repository, str(folder)]
        if subprocess.run(command, check=False).returncode:
            message = f"{sdist.repository} cannot be reached, and the package on PyPI has no tests"
            raise UnavailableError(message)
    subprocess.run(["git", "-C", str(folder), "checkout", "--quiet", "--detach", sdist.commit], check=True)


def make_environment(name: str, requirements: list[str]) -> Path:
    """The folder of a virtual environment that holds Tuile (editable) and exactly these requirements."""
    folder = UPSTREAM / "environments" / name
    stamp = folder / "installed.txt"
    ours: list[str] = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    wanted = "\n".join([*requirements, *ours])
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        print(f"{name}: making its environment ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        command = [str(folder / "bin" / "pip"), "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*command, *requirements, "--editable", str(ROOT)], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return folder
