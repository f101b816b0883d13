"""One clock for all that counts functions."""

from __future__ import annotations

from functools import partial

import pytest


@pytest.fixture(autouse=True)
def one_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first cookie of a second writes the date in which others of that second end as well."""
    monkeypatch.setattr("time.time", partial(float, 1_700_000_000.0))  # no function of Python
