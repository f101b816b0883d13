"""What a call costs, in measures that do not depend on how fast the machine is."""

from __future__ import annotations

import gc
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tuile.signals import heard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType


@contextmanager
def as_in_a_new_process() -> Iterator[None]:
    """Count as if no signal had ever had a receiver, which other tests may have connected and let go."""
    before = heard.copy()
    heard.clear()
    try:
        yield
    finally:
        heard.update(before)


def steps(call: Callable[[], object]) -> int:
    """Count the lines and calls, those of built-in functions too, that a call comes to."""
    count = 0

    def count_lines(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal count
        count += 1
        return count_lines

    def count_calls(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += 1

    before = sys.gettrace(), sys.getprofile()
    sys.settrace(count_lines)
    sys.setprofile(count_calls)
    try:
        call()
    finally:
        sys.setprofile(before[1])
        sys.settrace(before[0])
    return count


def entered(call: Callable[[], object]) -> list[CodeType]:
    """Return the code of the functions of Python that a function calls, and those that they call, in their order.

    Garbage is collected before and not meanwhile: that would enter finalisers, and what others want to hear of it.
    """
    found: list[CodeType] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            found.append(frame.f_code)

    gc.collect()
    gc.disable()
    before = sys.getprofile()
    with as_in_a_new_process():
        sys.setprofile(note)
        try:
            call()
        finally:
            sys.setprofile(before)
            gc.enable()
    return found[1:]  # the first is the function itself


def assert_time_is_linear(run: Callable[[int], object], size: int = 10_000) -> None:
    """Assert that four times the input takes less than twelve times the time of this thread.

    For what is one step of Python, such as a search with a regular expression. What is quadratic takes sixteen times.
    Both are measured in one process, several times over, so that the machine's speed and load do not count.
    """

    def cost_s(n: int) -> float:
        started = time.thread_time()
        run(n)
        return time.thread_time() - started

    ratio = 0.0
    for _ in range(8):
        few, many = min(cost_s(size) for _ in range(3)), min(cost_s(4 * size) for _ in range(3))
        ratio = many / max(few, 1e-5)
        if ratio < 12:
            return
    raise AssertionError(f"{ratio:.1f} times the time for four times the input")
