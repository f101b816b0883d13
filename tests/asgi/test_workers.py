"""The worker threads: when they and the loop are woken, and that no job and no news is lost."""

from __future__ import annotations

import asyncio
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tuile
from tests.asgi.driver import ask, run
from tuile.asgi.workers import Workers, call_in_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def often() -> Iterator[None]:
    """Let the interpreter switch threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


async def with_workers(count: int, use: Callable[[Workers], Any]) -> Any:
    workers = Workers(asyncio.get_running_loop(), count, 10, "test")
    try:
        return await use(workers)
    finally:
        workers.close()
        assert await asyncio.to_thread(workers.join, 30)
        assert not workers.jobs
        assert workers.busy == workers.lent == 0


def test_a_row_of_short_jobs_wakes_few_threads_and_the_loop_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that is awake takes all of them, because none of them blocks."""
    waked, called = [], []

    async def use(workers: Workers) -> None:
        await asyncio.gather(*(call_in_worker(workers, lambda: None) for _ in range(8)))
        wake, call = workers._wake_one, workers.loop.call_soon_threadsafe

        def counted_wake() -> None:
            waked.append(len(workers._idle))
            wake()

        def counted_call(*args: Any, **named: Any) -> Any:
            called.append(1)
            return call(*args, **named)

        monkeypatch.setattr(workers, "_wake_one", counted_wake)
        monkeypatch.setattr(workers.loop, "call_soon_threadsafe", counted_call)
        await asyncio.gather(*(call_in_worker(workers, lambda: None) for _ in range(64)))
        monkeypatch.undo()

    # Threads switch when they like, so a few more are nothing to fail for; each job would need 64 of both.
    run(partial(with_workers, 4, use))
    assert sum(count > 0 for count in waked) < 24
    assert len(called) < 24


def test_a_job_that_blocks_holds_up_no_other_and_no_answer() -> None:
    go_on, answers = threading.Event(), []

    async def use(workers: Workers) -> None:
        async def one(number: int, function: Callable[[], object]) -> None:
            await call_in_worker(workers, function)
            answers.append(number)

        blocked = asyncio.ensure_future(one(-1, go_on.wait))
        quick = [one(number, lambda: None) for number in range(20)]
        await asyncio.wait_for(asyncio.gather(*quick), 100)
        assert len(answers) == 20
        go_on.set()
        await blocked

    run(partial(with_workers, 2, use))


def test_an_answer_does_not_wait_for_the_next_job_of_its_thread() -> None:
    """The news of a job are fetched although the job behind it in the queue never ends before."""
    go_on = threading.Event()

    async def use(workers: Workers) -> None:
        first = [asyncio.ensure_future(call_in_worker(workers, lambda: None)) for _ in range(3)]
        blocked = asyncio.ensure_future(call_in_worker(workers, go_on.wait))
        await asyncio.wait_for(asyncio.gather(*first), 100)
        go_on.set()
        await blocked

    for count in (1, 2, 3):
        run(partial(with_workers, count, use))
        go_on.clear()


@settings(deadline=None, max_examples=40)
@given(
    count=st.integers(1, 4),
    batches=st.lists(st.lists(st.sampled_from(["nothing", "work", "wait", "again"]), max_size=12), max_size=6),
)
def test_every_job_is_done_and_told(count: int, batches: list[list[str]]) -> None:
    before = sys.getswitchinterval()
    done: list[int] = []

    async def use(workers: Workers) -> None:
        async def one(kind: str) -> None:
            event = threading.Event()
            work: dict[str, Callable[[], object]] = {
                "nothing": lambda: None,
                "work": lambda: sum(range(2000)),
                "wait": lambda: event.wait(0.001),
                "again": lambda: None,
            }
            await call_in_worker(workers, work[kind])
            if kind == "again":
                await asyncio.sleep(0)
                await call_in_worker(workers, work["wait"])
            done.append(1)

        for batch in batches:
            await asyncio.wait_for(asyncio.gather(*map(one, batch)), 100)

    sys.setswitchinterval(1e-6)
    try:
        run(partial(with_workers, count, use))
    finally:
        sys.setswitchinterval(before)
    assert len(done) == sum(map(len, batches))


@pytest.mark.usefixtures("often")
def test_many_requests_at_once_are_all_answered() -> None:
    app = tuile.Flask("many", static_folder=None)
    app.config["ASGI_WORKERS"] = 3
    app.add_url_rule("/<int:number>", "view", lambda number: f"{number}")

    async def main() -> list[str]:
        async def several(number: int) -> list[str]:
            return [(await ask(app, f"/{number}")).text for _ in range(20)]

        return [text for texts in await asyncio.gather(*map(several, range(32))) for text in texts]

    assert run(main) == [str(number) for number in range(32) for _ in range(20)]


def test_a_context_variable_of_a_synchronous_view_is_seen_by_middleware() -> None:
    """Each way of a request through a worker takes them over: short responses and others."""
    from contextvars import ContextVar  # noqa: PLC0415 - of this test alone

    variable: ContextVar[str] = ContextVar("of_view")
    app = tuile.Flask("variables", static_folder=None)

    @app.get("/<kind>")
    def view(kind: str) -> Any:
        variable.set(kind)
        return kind if kind == "short" else iter([kind])

    seen = []
    stock = app.asgi_app

    async def middleware(scope: Any, receive: Any, send: Any) -> None:
        await stock(scope, receive, send)
        seen.append(variable.get(None))

    async def main() -> None:
        for kind in ("short", "stream"):
            for _ in range(3):
                await asyncio.create_task(ask(app, f"/{kind}"))

    app.asgi_app = middleware  # type: ignore[method-assign]
    run(main)
    assert seen == ["short"] * 3 + ["stream"] * 3


@pytest.mark.parametrize("kind", ["generator", "function", "events"])
@pytest.mark.parametrize("comes_first", [True, False])
def test_streams_that_block_before_their_first_piece_hold_up_no_request(kind: str, comes_first: bool) -> None:
    """Their threads are lent when another request needs one."""
    go_on, running = threading.Event(), threading.Semaphore(0)
    app = tuile.Flask("slow", static_folder=None)
    app.config["ASGI_WORKERS"] = 2

    def pieces() -> Iterator[str]:
        running.release()
        go_on.wait()
        yield "late"

    def wait(piece: str) -> str:
        go_on.wait()
        return piece

    @app.get("/slow")
    def slow() -> Any:
        if kind == "events":
            return tuile.sse(pieces())
        return pieces() if kind == "generator" else tuile.Response(map(wait, ["late"]))

    app.add_url_rule("/quick", "quick", lambda: "quick")

    async def main() -> list[str]:
        for _ in range(3):
            await ask(app, "/quick")
        slow_ones = [asyncio.ensure_future(ask(app, "/slow")) for _ in range(5)]
        if not comes_first and kind != "function":
            for _ in slow_ones[:2]:
                await asyncio.to_thread(running.acquire)
        quick = [await asyncio.wait_for(ask(app, "/quick"), 100) for _ in range(3)]
        go_on.set()
        late = [await answer for answer in slow_ones]
        return [answer.text for answer in quick + late]

    texts = run(main)
    assert texts[:3] == ["quick"] * 3
    assert all("late" in text for text in texts[3:])


def test_threads_are_lent_to_streams_only_if_others_need_them() -> None:
    app = tuile.Flask("few", static_folder=None)
    app.config["ASGI_WORKERS"] = 2
    app.add_url_rule("/", "view", lambda: iter(["a"]))

    async def main() -> int:
        for _ in range(20):
            assert (await ask(app, "/")).text == "a"
        return app._asgi_service.workers._started  # type: ignore[union-attr]

    assert run(main) <= 3
