"""Coroutine functions as views run on the server's loop, and do there what they do in a worker and under WSGI."""

from __future__ import annotations

import asyncio
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tuile
from tests.asgi.test_both_protocols import CONFIG, by_asgi, by_wsgi
from tests.test_fast_path import ANSWERS, DOES, PARTS, REQUESTS, Program
from tuile.asgi.on_loop import OnLoop

if TYPE_CHECKING:
    from collections.abc import Callable


class Awaiting(Program):
    """A generated application with coroutine functions: its view, and the functions of these parts."""

    def __init__(self, *args: Any, awaited: frozenset[str]) -> None:
        self.awaited = awaited
        super().__init__(*args)

    def seen(self, word: str, result: Any = None) -> Callable[..., Any]:
        """A function that notes its call, which may be a coroutine function."""
        function = super().seen(word, result)
        if word not in self.awaited:
            return function

        async def awaited(*arguments: Any, **named: Any) -> Any:
            await asyncio.sleep(0)
            return function(*arguments, **named)

        return awaited

    async def view(self, **arguments: Any) -> Any:
        """Wait, and do what the other program's does."""
        await asyncio.sleep(0)
        return super().view(**arguments)


class Worker(tuile.Flask):
    """Its requests take a worker whole, because a step is overridden."""

    def dispatch_request(self) -> Any:
        """Do the same."""
        return super().dispatch_request()


Worker.__name__ = "Flask"
#: Those that `ensure_sync` is called with.
AWAITABLE = [part for part in PARTS if part.startswith(("before", "after", "teardown", "handler"))] + ["after this"]


@settings(deadline=None, max_examples=150)
@given(
    parts=st.frozensets(st.sampled_from(PARTS), max_size=4),
    awaited=st.frozensets(st.sampled_from(AWAITABLE)),
    does=st.sampled_from(DOES),
    answer=st.sampled_from(sorted(ANSWERS)),
    config=CONFIG,
    requests=st.lists(REQUESTS, min_size=1, max_size=3),
)
def test_generated_applications_do_the_same_each_way(
    parts: frozenset[str], awaited: frozenset[str], does: str, answer: str, config: dict[str, Any], requests: Any
) -> None:
    observed = []
    # The first request of an app takes a worker.
    requests = [{"path": "/missing"}, *requests]
    with mock.patch("time.time", return_value=1_700_000_000.0):
        for ask, kind in ((by_wsgi, tuile.Flask), (by_asgi, Worker), (by_asgi, tuile.Flask)):
            program = Awaiting(tuile, kind, parts, does, answer, config, awaited=awaited)
            with mock.patch("tests.test_fast_path.send", ask):
                observed.append(program.run(parts, requests))
    assert observed[1] == observed[0]
    assert observed[2] == observed[0]


@pytest.mark.parametrize(
    ("parts", "awaited"),
    [
        ((), ()),
        (("before",), ()),
        (("before",), ("before",)),
        (("after", "teardown"), ()),
        (("before", "after"), ("before", "after")),
        (("before", "teardown"), ("before",)),
        (("handler of ValueError",), ()),
    ],
)
def test_these_run_on_the_loop(parts: tuple[str, ...], awaited: tuple[str, ...]) -> None:
    program = Awaiting(tuile, tuile.Flask, frozenset(parts), "nothing", "text", {}, awaited=frozenset(awaited))
    assert iscoroutinefunction(program.view)
    answered = []
    answer = OnLoop.answer

    async def counted(self: OnLoop, receive: Any, send: Any) -> None:
        answered.append(self.begun.endpoint)
        await answer(self, receive, send)

    with mock.patch.object(OnLoop, "answer", counted), mock.patch("tests.test_fast_path.send", by_asgi):
        program.run(frozenset(), [{"path": "/missing"}, {"path": "/it"}, {"path": "/of/7/x"}, {"path": "/blue/it"}])
    assert answered == ["it", "of", "blue.it"]
