"""The application that `tuile new` makes: its own tests pass, and nothing is overwritten."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tuile.cli import cli
from tuile.keys.weakness import weakness

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    ".gitignore",
    "README.md",
    "app.py",
    "instance/config.py",
    "pyproject.toml",
    "requirements.txt",
    "static/style.css",
    "templates/index.html",
    "tests/test_app.py",
}


def new(name: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["new", str(name)])
    return result.exit_code, result.output


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("FLASK_")}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def key(folder: Path) -> str:
    found = re.search(r'SECRET_KEY = "(.*)"', (folder / "instance" / "config.py").read_text(encoding="utf-8"))
    assert found
    return found[1]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    code, output = new(tmp_path / "shop")
    assert code == 0, output
    return tmp_path / "shop"


def test_its_own_tests_pass(shop: Path) -> None:
    done = run(shop, sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider")
    assert re.search(r"^[6-9] passed", done.stdout, re.MULTILINE)


def test_its_own_tests_pass_in_a_clone_without_the_key(shop: Path) -> None:
    shutil.rmtree(shop / "instance")
    run(shop, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")


def test_the_commands_of_its_readme_find_the_application(shop: Path) -> None:
    assert "add_note" in run(shop, sys.executable, "-m", "tuile", "routes").stdout
    assert "Remembers the colours" in run(shop, sys.executable, "-m", "tuile", "cookies").stdout
    run(shop, sys.executable, "-m", "tuile", "doctor")


def test_all_files_are_made_and_named(tmp_path: Path) -> None:
    code, output = new(tmp_path / "shop")
    assert code == 0
    assert files(tmp_path / "shop") == FILES
    assert all(re.search(rf"^    {re.escape(name)}$", output, re.MULTILINE) for name in FILES)


def test_each_application_has_its_own_strong_key(shop: Path, tmp_path: Path) -> None:
    new(tmp_path / "other")
    assert key(shop) != key(tmp_path / "other")
    assert weakness(key(shop)) is None
    assert key(shop) not in "".join(
        path.read_text(encoding="utf-8") for path in shop.rglob("*") if path.is_file() and path.name != "config.py"
    )


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_only_the_owner_can_read_the_key(shop: Path) -> None:
    assert (shop / "instance" / "config.py").stat().st_mode & 0o077 == 0


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_ignores_the_key(shop: Path) -> None:
    run(shop, "git", "init", "-q")
    listed = run(shop, "git", "ls-files", "--others", "--exclude-standard").stdout.split()
    assert set(listed) == FILES - {"instance/config.py"}


def test_what_is_made_is_well_formed(shop: Path) -> None:
    run(shop, sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", "E,F,W,I,B,UP", ".")
    run(
        shop, sys.executable, "-m", "ruff", "format", "--isolated", "--no-cache", "--check", "--line-length", "120", "."
    )


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "app.py").write_text("mine", encoding="utf-8")
    code, output = new(folder)
    assert code == 1
    assert "is not an empty folder. Nothing was changed." in output
    assert files(folder) == {"app.py"}
    assert (folder / "app.py").read_text(encoding="utf-8") == "mine"


def test_a_file_of_the_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("mine", encoding="utf-8")
    assert new(tmp_path / "shop")[0] == 1
    assert (tmp_path / "shop").read_text(encoding="utf-8") == "mine"


def test_an_empty_folder_is_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop").mkdir()
    monkeypatch.chdir(tmp_path / "shop")
    code, output = new(".")
    assert code == 0
    assert files(tmp_path / "shop") == FILES
    assert "cd " not in output


@pytest.mark.parametrize("name", ["my shop", "1shop", "-shop", "shöp", 'a"b', "a{{b}}", "a\nb", "/", "$name"])
def test_a_name_that_would_break_something_is_refused(name: str, tmp_path: Path) -> None:
    code, output = new(tmp_path / name if name != "/" else name)
    assert code == 2
    assert "cannot be the name of an application" in output
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    code, output = new(tmp_path / "file" / "shop")
    assert code == 1
    assert output.startswith("Error: Cannot write ")
    assert "Traceback" not in output
