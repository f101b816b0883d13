"""The files and the commands of an application and of a blueprint."""

from __future__ import annotations

from datetime import timedelta
from typing import IO, TYPE_CHECKING, Any

import pytest

from tuile import Blueprint, Flask

if TYPE_CHECKING:
    from pathlib import Path

Owner = Flask | Blueprint


@pytest.fixture(params=["app", "blueprint"])
def owner(request: pytest.FixtureRequest, tmp_path: Path) -> Owner:
    root = str(tmp_path)
    if request.param == "app":
        return Flask("shop", root_path=root, static_folder=None)
    return Blueprint("shop", "shop", root_path=root)


def test_without_a_static_folder_there_are_no_static_files(owner: Owner) -> None:
    with pytest.raises(RuntimeError, match="'static_folder' must be set to serve static_files"):
        owner.send_static_file("x.txt")


@pytest.mark.parametrize(("setting", "seconds"), [(None, None), (300, 300), (timedelta(minutes=2), 120)])
def test_the_setting_says_how_long_a_file_may_be_kept(owner: Owner, setting: Any, seconds: int | None) -> None:
    app = Flask(__name__)
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = setting
    with app.app_context():
        assert owner.get_send_file_max_age("x.txt") == seconds


def test_a_resource_opens_for_reading_below_the_root_path(owner: Owner, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_bytes("süß".encode())
    binary: IO[bytes] = owner.open_resource("note.txt")
    with binary:
        assert binary.read() == "süß".encode()
    for mode in ("r", "rt"):
        with owner.open_resource("note.txt", mode, encoding="utf-8") as text:
            assert text.read() == "süß"
    with owner.open_resource("note.txt", "r", encoding="latin-1") as text:
        assert text.read() == "sÃ¼Ã\x9f"


@pytest.mark.parametrize("mode", ["w", "a", "r+", "wb", "x", "rw"])
def test_a_resource_does_not_open_for_writing(owner: Owner, tmp_path: Path, mode: str) -> None:
    with pytest.raises(ValueError, match=r"Resources can only be opened for reading\."):
        owner.open_resource("note.txt", mode)
    assert not (tmp_path / "note.txt").exists()


def test_the_command_group_is_made_once_and_named_after_its_owner(owner: Owner) -> None:
    assert "cli" not in vars(owner)
    group = owner.cli
    assert group.name == "shop"
    assert group is owner.cli


def test_the_command_group_can_be_replaced(owner: Owner) -> None:
    replacement: Any = object()
    owner.cli = replacement
    assert owner.cli is replacement
