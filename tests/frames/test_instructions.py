"""How many machine instructions a warm request takes: budgets, for CPython 3.11 and where valgrind is installed.

They are what `make bench-instructions` counted when they were written, and 4 % more: a row moves by about 2 % between
runs, because what CPython specialises depends on what ran before.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys

import pytest

from benchmarks.instructions import measure

# With room for 2 %, by which the counts of one program vary with where its files and its memory are.
BUDGETS = {
    "hello": 24_500,
    "JSON": 53_000,
    "cookie": 82_100,
    "session read": 126_300,
    "session read and write": 203_700,
    "404": 98_600,
    "hooks 3+3": 60_500,
    "url_for": 52_200,
    "session key, no cookie": 24_000,
    "hello by a step of its own": 48_500,
    "hello with TRUSTED_HOSTS": 50_300,
}
SOURCE = os.path.join(os.path.dirname(__file__), "..", "..", "src")


@pytest.mark.timeout(1800)  # valgrind takes its time, and on a busy machine more of it
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11) or platform.python_implementation() != "CPython" or platform.machine() != "x86_64",
    reason="the budgets are those of CPython 3.11 on x86-64",
)
def test_a_warm_request_stays_within_its_budget_of_instructions() -> None:
    try:
        counted = measure(os.path.abspath(SOURCE))
    except RuntimeError as error:
        pytest.skip(str(error))
    assert counted.keys() == BUDGETS.keys()
    assert {name: count for name, count in counted.items() if count > BUDGETS[name]} == {}
