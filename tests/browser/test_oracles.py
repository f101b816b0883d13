"""Some of the cookie cases, in Firefox; `make browsers` plays all of them in Chromium and Firefox."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.browser.compare import Agreement, compare
from tests.browser.exceptions import EXCEPTIONS
from tests.browser.make_cases import FOLDER, KINDS, load
from tests.browser.marionette import MISSING
from tests.browser.oracles import can_play

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conformance.cases import Case

#: One of how many cases is played here, by kind; of the others, one of ten.
STEPS = {"dates": 12, "mixed": 16, "conformance": 16, "hand-picked": 16, "pairs": 20, "too-many": 3, "sizes": 4}


def chosen() -> list[Case]:
    """Return some cases of each kind."""
    seen: dict[str, int] = {}
    found = []
    for case in filter(can_play, load()):
        number = seen[case["kind"]] = seen.get(case["kind"], -1) + 1
        if number % STEPS.get(case["kind"], 10) == 0:
            found.append(case)
    return found


def test_the_files_of_cases_are_what_is_generated() -> None:
    written = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in FOLDER.glob("*.json")}
    assert written == json.loads(json.dumps(KINDS)), "run: python -m tests.browser.make_cases"


def test_there_are_a_thousand_cases_with_ids_of_their_own() -> None:
    ids = [case["id"] for case in load() if can_play(case)]
    assert len(ids) == len(set(ids)) >= 1000


def test_each_exception_is_about_a_case() -> None:
    ids = [case["id"] for case in load()]
    assert all(
        any(exception.matches(profile, id_) for id_ in ids)
        for exception in EXCEPTIONS
        for profile in exception.profiles
    )


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Agreement:
    """Return how Firefox and the jar agree about some cases. Without a Firefox, skip, or fail in CI."""
    folder: Path = tmp_path_factory.mktemp("firefox")
    agreement = compare("firefox", chosen(), folder)
    if agreement is None:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    return agreement


def test_firefox_keeps_and_sends_what_the_jar_does(firefox: Agreement) -> None:
    assert sum(firefox.cases.values()) > 100
    assert firefox.failed == []
    assert firefox.unexplained() == []


def test_firefox_gives_the_reasons_that_the_jar_gives(firefox: Agreement) -> None:
    assert firefox.refused > 5
    assert firefox.refused_otherwise == []
