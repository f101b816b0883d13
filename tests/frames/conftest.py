"""A fixed clock for all tests that count functions."""

from __future__ import annotations

from functools import partial

import pytest


@pytest.fixture(autouse=True)
def one_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fix the time: the first cookie of a second formats a date that later ones of that second reuse."""
    monkeypatch.setattr("time.time", partial(float, 1_700_000_000.0))  # no function of Python


@pytest.fixture(autouse=True)
def _counts_with_plans(plans_at_once: None) -> None:
    """Count the functions that an app enters which has its plan."""
