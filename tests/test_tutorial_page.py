"""docs/tutorial.md is followed to the letter; `make dist` does it from an empty folder, with the wheel."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tools.follow_tutorial import DifferentError, Step, follow, is_as_shown, write_file

MISSING = [program for program in ("bash", "curl", "grep") if shutil.which(program) is None]


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")
def test_what_the_tutorial_says_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert follow(tmp_path, installed=True) > 25


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")
def test_a_tutorial_that_is_wrong_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```sh\necho one\n```\n\n```text\ntwo\n```\n", encoding="utf-8")
    with pytest.raises(DifferentError, match="line 6: shown\ntwo\n"):
        follow(tmp_path, installed=True, page=page)
    page.write_text("```sh\nfalse\n```\n", encoding="utf-8")
    with pytest.raises(DifferentError, match="line 2: false"):
        follow(tmp_path, installed=True, page=page)


@pytest.mark.parametrize(
    ("printed", "shown", "same"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\nb\n", "a\n", False),
        ("a\nx\ny\nb\n", "a\n...\nb\n", True),
        ("a\nx\ny\n", "a\n...\n", True),
        ("a\nb\n", "a\n...\nb\n", True),
        ("a\nb\n" * 1000, "a\n...\nc\n...\nd\n", False),
        ("3 passed in 0.1s\n", "3 passed in ...\n", True),
        ("2 passed in 0.1s\n", "3 passed in ...\n", False),
        ("a.b\n", "axb\n", False),
    ],
)
def test_what_is_printed_is_compared_with_what_is_shown(printed: str, shown: str, same: bool) -> None:
    assert is_as_shown(printed, shown) is same


def test_a_line_that_is_to_be_replaced_must_be_there_once(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\nx = 1\n", encoding="utf-8")
    with pytest.raises(DifferentError, match="2 times"):
        write_file(tmp_path, Step(1, "python", "# a.py, after x = 1\ny = 2\n"))
