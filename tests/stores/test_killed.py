"""A process is killed while it saves: what it was told is saved stays, and nothing is half of anything."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from tests.stores.killing import killed, store_of

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 10  # tests/stores/killing.py does a thousand


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("kind", ["sqlite", "redis", "postgres"])
@pytest.mark.timeout(300)
def test_what_was_saved_survives_a_process_that_is_killed(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    where = str(tmp_path / "sessions.db") if kind == "sqlite" else request.getfixturevalue(f"{kind}_url")
    store = store_of(kind, where)
    for turn in range(ROUNDS):
        assert killed(store, random.Random(turn)) > 0
    store.close()
