"""The runner of other projects' test suites: what it considers a difference, and whether its data is valid."""

from __future__ import annotations

import pytest

from tests.upstream.report import once_part
from tests.upstream.run import Comparison, choose
from tests.upstream.sources import ROOT
from tests.upstream.suites import read_differences, read_suites

SUITES, ENVIRONMENTS = read_suites()


def outcomes(**tests: str) -> dict[str, dict[str, str]]:
    """Return results as the plugin writes them."""
    return {
        test: {"outcome": outcome, "text": "the reason" if outcome == "failed" else ""}
        for test, outcome in tests.items()
    }


def complaints(original: dict[str, dict[str, str]], tuile: dict[str, dict[str, str]], **reasons: str) -> list[str]:
    """Return what the comparison of two runs reports."""
    return list(Comparison(SUITES[0], original, tuile, reasons).complaints())


def test_the_same_outcomes_are_no_difference() -> None:
    both = outcomes(a="passed", b="skipped", c="failed")
    assert complaints(both, both) == []


@pytest.mark.parametrize("now", ["failed", "error", "skipped"])
def test_a_test_that_no_longer_passes_is_a_difference(now: str) -> None:
    (said,) = complaints(outcomes(a="passed"), outcomes(a=now))
    assert said.startswith(f"a: passed on the original, {now} on Tuile")


def test_a_test_that_did_not_run_is_a_difference() -> None:
    assert complaints(outcomes(a="passed", b="passed"), outcomes(b="passed")) == ["a: 1 tests did not run on Tuile"]


def test_a_run_without_outcomes_is_a_difference() -> None:
    assert complaints(outcomes(a="passed"), {}) == ["nothing ran on Tuile"]


def test_a_file_that_cannot_be_imported_is_a_difference() -> None:
    (said,) = complaints(outcomes(a="passed"), outcomes(a="passed", file="error"))
    assert said.startswith("file: cannot be collected on Tuile")


def test_what_fails_on_the_original_may_do_anything() -> None:
    assert complaints(outcomes(a="failed", b="error"), outcomes(a="passed", b="failed")) == []


def test_a_listed_difference_is_none() -> None:
    assert complaints(outcomes(a="passed"), outcomes(a="failed"), a="for a reason") == []


def test_a_listed_difference_that_is_gone_is_an_error() -> None:
    (said,) = complaints(outcomes(a="passed"), outcomes(a="passed"), a="for a reason")
    assert "as good as on the original" in said


def test_every_listed_difference_belongs_to_a_suite() -> None:
    assert set(read_differences()) <= {suite.name for suite in SUITES}


def test_everything_installed_is_pinned() -> None:
    loose = [requirement for wanted in ENVIRONMENTS.values() for requirement in wanted if "==" not in requirement]
    assert loose == []


def test_suites_are_chosen_by_name_and_by_being_quick() -> None:
    assert choose(SUITES, [], quick=False) == SUITES
    assert [suite.name for suite in choose(SUITES, ["werkzeug", "flask"], quick=False)] == ["flask", "werkzeug"]
    assert all(suite.quick for suite in choose(SUITES, [], quick=True))
    with pytest.raises(SystemExit, match="No suite is called nonsense"):
        choose(SUITES, ["nonsense"], quick=False)


def test_the_page_has_the_suites_that_were_run_once() -> None:
    page = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")
    assert page.endswith(once_part())
