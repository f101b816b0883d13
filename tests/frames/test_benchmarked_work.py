"""The number of Python functions that each benchmarked request or call enters.

test_frames.py has the budgets of the headline requests; these keep the other rows of docs/performance.md from growing.
Functions of Werkzeug, Jinja and the standard library are counted too.
"""

from __future__ import annotations

import sys
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.measuring.doors import Direct
from benchmarks.measuring.workload import PEERS, enter
from benchmarks.workloads import WORKLOADS
from tests.frames.test_frames import WARM_UP_REQUESTS, Client, check_budget

if TYPE_CHECKING:
    from benchmarks.measuring.workload import Workload

TUILE = next(peer for peer in PEERS if peer.name == "Tuile")
# The client's `start_response` is one of them, and so is the benchmark's function around a call.
BUDGETS = {
    "hello": 6,
    "dynamic route, JSON": 10,
    "one cookie of three read, one set": 16,
    "request with 50 cookies, one read": 10,
    "50 cookies parsed (call)": 5,
    "signed session read": 23,
    "signed session read and written": 39,
    "404": 31,
    "405": 91,
    "redirect": 16,
    "url_for, static (call)": 4,
    "url_for, arguments (call)": 6,
    "url_for, external (call)": 10,
    "request.method through the proxy (call)": 2,
    "render_template, small page": 110,
    "render_template_string, same source again": 117,
    "form POST": 75,
    "JSON POST": 36,
    "1 MB multipart upload": 363,
    "3 before and 3 after hooks": 21,
    "blueprint route": 9,
    "10 routes": 13,
    "1,000 routes": 13,
    "streamed response, 20 pieces": 123,
    "static file": 205,
}
# It takes a second to build, and is asked what the smaller ones are asked.
LEFT_OUT = {"10,000 routes"}


class Caller(Client):
    """Call a function instead of sending a request."""

    def get(self, environ: dict[str, Any]) -> bytes:
        self.app()
        return b""


def entered_by(work: Workload) -> list[str]:
    """Return the functions that the work enters once it is warm."""
    entrant = enter(TUILE, work)
    assert entrant is not None
    door: Any = entrant.door
    is_call = isinstance(door, Direct)
    client = Caller(door.call.function) if is_call else Client(door.app)
    with closing(door), door.call.context() if is_call else nullcontext():
        for _ in range(WARM_UP_REQUESTS):
            client.get(entrant.ask.environ())
        return client.functions_entered(entrant.ask.environ())


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the standard library enters other functions on others")
@pytest.mark.parametrize("work", [work for work in WORKLOADS if work.name not in LEFT_OUT], ids=lambda work: work.name)
def test_work_stays_within_its_budget_of_functions_entered(work: Workload) -> None:
    check_budget(work.name, BUDGETS[work.name], entered_by(work))


def test_there_is_a_budget_for_every_kind_of_work() -> None:
    assert BUDGETS.keys() == {work.name for work in WORKLOADS} - LEFT_OUT
