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

BUDGETS = {
    "hello": 28_100,
    "JSON": 66_200,
    "cookie": 84_000,
    "session read": 131_000,
    "session read and write": 230_000,
    "404": 95_700,
    "hooks 3+3": 66_300,
    "url_for": 62_500,
    "session key, no cookie": 27_900,
    "hello by a step of its own": 51_000,
    "hello with TRUSTED_HOSTS": 54_700,
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
