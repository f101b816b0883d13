"""Env files: who writes to one decides what the application runs, so one of somebody else's is refused."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tuile.cli import load_dotenv

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners and modes are those of POSIX")
NAME = "TUILE_TEST_OF_ENV_FILES"


@pytest.fixture(autouse=True)
def clean_environment() -> Iterator[None]:
    os.environ.pop(NAME, None)
    yield
    os.environ.pop(NAME, None)


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ".env"
    path.write_text(f"{NAME}=loaded\n", encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664, 0o660, 0o400])
def test_a_file_of_ones_own_is_read(env_file: Path, mode: int, capsys: pytest.CaptureFixture[str]) -> None:
    env_file.chmod(mode)
    assert load_dotenv() is True
    assert os.environ[NAME] == "loaded"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("mode", [0o666, 0o602, 0o777, 0o646])
@pytest.mark.parametrize("given", [True, False])
def test_a_file_that_all_may_write_to_is_refused(
    env_file: Path, mode: int, given: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    env_file.chmod(mode)
    assert load_dotenv(env_file if given else None, load_defaults=not given) is False
    assert NAME not in os.environ
    told = capsys.readouterr().err
    assert f"Refused to read {env_file}" in told
    assert "every user may write to it" in told
    assert "loaded" not in told


class Owned:
    """What `os.fstat` or `os.lstat` answers for a file of somebody."""

    def __init__(self, found: os.stat_result, uid: int) -> None:
        self.found, self.st_uid = found, uid

    def __getattr__(self, name: str) -> Any:
        return getattr(self.found, name)


@pytest.mark.parametrize("what", ["fstat", "lstat"])
@pytest.mark.parametrize(("owner", "process", "read"), [(7, 8, False), (7, 0, False), (0, 8, True), (8, 8, True)])
def test_a_file_of_another_user_is_refused_and_one_of_roots_is_read(
    env_file: Path,
    what: str,
    owner: int,
    process: int,
    read: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    actual = {name: getattr(os, name) for name in ("fstat", "lstat")}
    monkeypatch.setattr(os, "geteuid", lambda: process)
    for name, function in actual.items():
        uid = owner if name == what else process
        monkeypatch.setattr(os, name, lambda path, f=function, uid=uid: Owned(f(path), uid))
    loaded = load_dotenv(env_file, load_defaults=False)
    monkeypatch.undo()
    assert loaded is read
    assert (NAME in os.environ) is read
    assert ("belongs to another user (uid 7)" in capsys.readouterr().err) is not read


def test_the_other_files_are_still_read(env_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    env_file.chmod(0o666)
    (tmp_path / ".flaskenv").write_text(f"{NAME}=from the other\n", encoding="utf-8")
    assert load_dotenv() is True
    assert os.environ[NAME] == "from the other"
    assert capsys.readouterr().err.count("Refused") == 1


def test_a_link_to_a_file_of_ones_own_is_followed(env_file: Path, tmp_path: Path) -> None:
    link = tmp_path / "linked.env"
    link.symlink_to(env_file)
    assert load_dotenv(link, load_defaults=False) is True


def test_an_unreadable_link_or_folder_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dangling.env").symlink_to(tmp_path / "nothing")
    assert load_dotenv("dangling.env", load_defaults=False) is False
    assert load_dotenv(tmp_path, load_defaults=False) is False
