"""What extensions can see of Tuile behind the shim is what they see of Flask, but for the listed differences.

`surface.py` asks, in a process for each of the two; `surface_differences.toml` is the list.
"""

from __future__ import annotations

import json
import re
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tests.fresh import run

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).parent
LIST = HERE / "surface_differences.toml"
ABSENT = "absent"
# The reason that `make surface` gives to what is new.
UNJUDGED = "To be judged."


def listed_differences() -> list[Any]:
    found: list[Any] = tomllib.loads(LIST.read_text())["difference"]
    return found


def asked(tmp_path: Path, *options: str) -> dict[str, Any]:
    file = tmp_path / f"facts{'-'.join(options)}.json"
    environment = {"PYTHONHASHSEED": "0", "TUILE_SHIM": "0"}
    run([sys.executable, "-W", "ignore", HERE / "surface.py", *options, file], environment=environment, timeout_s=120)
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def is_of_an_own_name(question: str, theirs: dict[str, Any], ours: dict[str, Any]) -> bool:
    """Whether a question is about a name that Flask has not and that is told once, or begins with an underscore."""
    names = re.findall(r"(?: has |\.)(\w+)", question)
    if names and names[-1].startswith("_"):
        return True
    owner = re.match(r"(.*\.\w+) (?!is$)", question)
    if owner is None:
        return False
    known = f"{owner[1]} is"
    return (known in ours and known not in theirs) or question.endswith(
        (" asked", " patched", " restored", " autospec")
    )


def find_differences(theirs: dict[str, Any], ours: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {
        question: (theirs.get(question, ABSENT), ours.get(question, ABSENT))
        for question in sorted(theirs.keys() | ours.keys())
        if theirs.get(question, ABSENT) != ours.get(question, ABSENT)
        and not (question not in theirs and is_of_an_own_name(question, theirs, ours))
    }


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the list is that of CPython 3.11: others have other names")
@pytest.mark.timeout(300)
def test_what_differs_is_listed_and_what_is_listed_differs(tmp_path: Path) -> None:
    differences = find_differences(asked(tmp_path), asked(tmp_path, "--tuile"))
    patterns = [pattern for entry in listed_differences() for pattern in entry["questions"]]
    unlisted = {
        question: found
        for question, found in differences.items()
        if not any(fnmatchcase(question, pattern) for pattern in patterns)
    }
    assert unlisted == {}
    gone = [pattern for pattern in patterns if not any(fnmatchcase(question, pattern) for question in differences)]
    assert gone == []


def test_every_listed_difference_has_a_reason() -> None:
    listed = listed_differences()
    assert [entry for entry in listed if entry["reason"] == UNJUDGED] == []
    assert [entry for entry in listed if len(entry["reason"]) < 20 or not entry["questions"]] == []


def test_an_update_keeps_the_reasons_drops_what_is_gone_and_marks_what_is_new() -> None:
    from tests.surface_update import updated, written  # noqa: PLC0415 - it imports this module

    before: Any = [
        {"reason": "one of ours", "questions": ["b", "a *", "gone"]},
        {"reason": "what is gone", "questions": ["gone too"]},
        {"reason": UNJUDGED, "questions": ["c", "gone as well"]},
    ]
    after = updated(before, ["a 1", "a 2", "b", "c", "d"])
    assert after == [
        {"reason": "one of ours", "questions": ["a *", "b"]},
        {"reason": UNJUDGED, "questions": ["c", "d"]},
    ]
    text = written(after, {"c": ("x", "y"), "d": ('"', "two\nlines")})
    assert tomllib.loads(text)["difference"] == after
    assert '"c",  # x | y' in text
