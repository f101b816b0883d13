"""The works of `make bench-breadth`: the same answers on both frameworks, and floors that only go up."""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING

import pytest

from benchmarks.breadth.floors import Floors
from benchmarks.breadth.measuring import HERE, time_subject
from benchmarks.breadth.subjects import SUBJECTS

if TYPE_CHECKING:
    from pathlib import Path


def test_each_module_of_works_is_listed() -> None:
    modules = {file.stem for file in (HERE / "subjects").glob("*.py")} - {"__init__"}
    assert modules == set(SUBJECTS)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_answers_of_a_subjects_works_are_the_same_on_both_frameworks(subject: str) -> None:
    if subject == "extensions" and importlib.util.find_spec("flask_wtf") is None:
        pytest.skip("the extensions are not installed")
    rows = list(time_subject(subject, "", rounds=0, slice_s=0))
    assert rows
    assert {row.name: row.fault for row in rows if row.fault} == {}
    names = [row.name for row in rows]
    assert len(set(names)) == len(names)
    assert all(name.startswith(f"{subject}: ") for name in names)


def test_a_floor_is_raised_and_never_lowered() -> None:
    floors = Floors({"a: up": 2.0, "a: down": 5.0, "a: gone": 9.0}, {})
    assert floors.raised({"a: up": 4.0, "a: down": 3.0, "a: new": 10.0}) == {
        "a: up": (2.0, 3.84),
        "a: new": (0.0, 9.6),
    }
    assert floors.ratios == {"a: up": 3.84, "a: down": 5.0, "a: new": 9.6}


def test_a_missed_floor_a_missing_one_and_an_unexplained_one_are_faults() -> None:
    floors = Floors({"a: met": 4.0, "a: missed": 5.0, "a: low": 2.0, "a: explained": 2.0}, {"a: explained": "Jinja"})
    measured = {"a: met": 4.0, "a: missed": 4.9, "a: low": 2.5, "a: explained": 2.5, "a: new": 1.0}
    assert floors.faults(measured, whole=True) == [
        "a: missed: 4.90, below its floor of 5.00",
        "a: low: its floor of 2.00 is below 3 without a reason",
        "a: new: 1.00, and has no floor yet",
    ]
    assert floors.faults({"a: met": 4.0}, whole=False) == []
    assert len(floors.faults({"a: met": 4.0}, whole=True)) == 3


def test_floors_are_written_as_they_are_read(tmp_path: Path) -> None:
    file = tmp_path / "floors.json"
    Floors({"b": 2.5, "a": 4.0}, {"b": "why", "a": "needs none any more"}).write(file)
    assert Floors.read(file) == Floors({"a": 4.0, "b": 2.5}, {"b": "why"})


def test_an_answer_that_differs_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The name of the framework is what an answer may never have in it.
    subject = HERE / "subjects" / "differing_for_a_test.py"
    subject.write_text(
        "from benchmarks.breadth.registry import Subject, f\n"
        'SUBJECT = Subject("differing_for_a_test")\n'
        'SUBJECT.view("name")(lambda: f.__name__)\n'
    )
    try:
        rows = list(time_subject("differing_for_a_test", "", rounds=0, slice_s=0))
    finally:
        os.unlink(subject)
    assert [row.name for row in rows] == ["differing_for_a_test: name"]
    assert rows[0].fault.startswith("headers on Flask") or rows[0].fault.startswith("body on Flask")
