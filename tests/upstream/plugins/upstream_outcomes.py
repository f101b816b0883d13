"""A pytest plugin: writes each test's outcome to a JSON file, for run.py to compare.

`{"tests/test_a.py::test_b": {"outcome": "failed", "text": "..."}}`. A test counts by its worst phase: passed, skipped,
xfailed, xpassed, failed, error (in setup or teardown, or while its file was collected).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

GRAVITY = ("passed", "xpassed", "xfailed", "skipped", "failed", "error")
outcomes: dict[str, dict[str, str]] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--outcomes FILE`."""
    parser.addoption("--outcomes", type=Path, required=True)


def outcome_of(report: pytest.TestReport) -> str:
    """One word for one phase of one test."""
    if hasattr(report, "wasxfail"):
        return "xpassed" if report.passed else "xfailed"
    if report.failed and report.when != "call":
        return "error"
    return report.outcome


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep the gravest of setup, call and teardown."""
    outcome = outcome_of(report)
    known = outcomes.get(report.nodeid)
    if known is None or GRAVITY.index(outcome) > GRAVITY.index(known["outcome"]):
        outcomes[report.nodeid] = {"outcome": outcome, "text": report.longreprtext if report.failed else ""}


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A file that cannot be imported is told under its own name: its tests are simply missing."""
    if report.failed:
        outcomes[report.nodeid] = {"outcome": "error", "text": report.longreprtext}


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the file."""
    path: Path = session.config.getoption("outcomes")
    path.write_text(json.dumps(outcomes, indent=1, sort_keys=True), encoding="utf-8")
