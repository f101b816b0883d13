"""What a coroutine waits for in the place of a future: a task cannot tell them apart, and nothing is lost."""

from __future__ import annotations

import asyncio
import sys
import threading
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tuile
from tests.asgi.driver import CancelledAt, ask, make_scope, run
from tuile.asgi.waiter import Waiter
from tuile.asgi.workers import Workers, call_in_worker

if TYPE_CHECKING:
    from collections.abc import Callable

variable: ContextVar[str] = ContextVar("variable", default="")
TASKS: list[type] = [asyncio.Task, asyncio.tasks._PyTask]  # type: ignore[attr-defined] # CPython's two


async def outcome(make: Callable[[Any], Any], wake: Callable[[Any], None], kind: type, acts: list[str]) -> list[Any]:
    """Return what a task sees that waits, while acts follow each other in turns of the loop."""
    loop, seen = asyncio.get_running_loop(), []
    waiter = make(loop)

    async def wait() -> str:
        variable.set("of the task")
        try:
            seen.append(await waiter)
        except BaseException as error:
            seen.append(repr(error))
            raise
        finally:
            seen.append(variable.get())
            await asyncio.sleep(0)
        return "returned"

    task = kind(wait(), loop=loop)
    for act in acts:
        if act == "wake":
            loop.call_soon(wake, waiter)
        elif act == "cancel":
            loop.call_soon(task.cancel)
        elif act == "cancel with a text":
            loop.call_soon(task.cancel, "why")
        else:
            await asyncio.sleep(0)
    loop.call_soon(wake, waiter)
    await asyncio.wait([task], timeout=100)
    try:
        seen.append(task.result())
    except asyncio.CancelledError as error:
        seen.append(repr(error))
    return seen


def _wake_future(future: Any) -> None:
    if not future.done():
        future.set_result(None)


@settings(derandomize=True, deadline=None, database=None, max_examples=150)
@given(
    st.sampled_from(TASKS),
    st.lists(st.sampled_from(["wake", "cancel", "cancel with a text", "turn", "turn"]), max_size=6),
)
def test_a_task_sees_what_it_would_see_of_a_future(kind: type, acts: list[str]) -> None:
    def both() -> Any:
        async def main() -> Any:
            by_waiter = await outcome(Waiter, Waiter.wake, kind, acts)
            return by_waiter, await outcome(lambda loop: loop.create_future(), _wake_future, kind, acts)

        return run(main)

    by_waiter, by_future = both()
    if acts.count("cancel") + acts.count("cancel with a text") == 0 or "wake" not in acts:
        assert by_waiter == by_future
    else:
        # A task that was woken is on its way one turn earlier, so a cancellation may find it elsewhere.
        assert by_waiter[0] in {None, *map(repr, (asyncio.CancelledError(), asyncio.CancelledError("why")))}


def test_a_woken_task_has_its_own_variables_and_is_the_current_one() -> None:
    async def main() -> None:
        loop, waiter, seen = asyncio.get_running_loop(), Waiter(asyncio.get_running_loop()), []

        async def wait() -> None:
            variable.set("inside")
            await waiter
            seen.append((variable.get(), asyncio.current_task() is task))

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        loop.call_soon(waiter.wake)
        await task
        assert seen == [("inside", True)]
        assert variable.get() == ""
        assert asyncio.isfuture(waiter)
        # What was woken before it is awaited, or twice, does not wait.
        waiter.wake()
        await waiter

    run(main)


def test_a_task_that_ends_the_loop_keeps_no_other_from_being_woken() -> None:
    """`KeyboardInterrupt` and `SystemExit` of a task leave the loop, which may be run again."""
    loop = asyncio.new_event_loop()
    workers, go_on = Workers(loop, 4, 4, "test"), threading.Event()
    answers: list[int] = []

    async def one(number: int) -> None:
        await call_in_worker(workers, go_on.wait)
        if number == 0:
            raise SystemExit(3)
        answers.append(number)

    async def until_all() -> None:
        while len(answers) < 3:  # noqa: ASYNC110 - threads set no event of the loop
            await asyncio.sleep(0.001)

    tasks = [loop.create_task(one(number)) for number in range(4)]
    loop.call_later(0.05, go_on.set)
    with pytest.raises(SystemExit):
        loop.run_until_complete(asyncio.wait(tasks))
    loop.run_until_complete(asyncio.wait_for(until_all(), 100))
    with pytest.raises(SystemExit):
        tasks[0].result()
    workers.close()
    assert workers.join(100)
    loop.close()
    assert sorted(answers) == [1, 2, 3]


def test_other_callbacks_have_their_turn_while_tasks_ask_again() -> None:
    """A task that goes on may give its worker the next job, which may have ended before the others have gone on."""
    seen: list[int] = []

    class Again:
        """A job that has news again as soon as it is woken."""

        ended = left = is_lent = False
        wakes = 0

        def __init__(self, workers: Workers) -> None:
            self.workers = workers

        def wake(self) -> None:
            self.wakes += 1
            if self.wakes < 1000:
                self.workers.report(self)  # type: ignore[arg-type] # it has what is asked of it here

    async def main() -> None:
        loop = asyncio.get_running_loop()
        job = Again(Workers(loop, 1, 1, "test"))
        job.workers.report(job)  # type: ignore[arg-type]
        while job.wakes < 1000:
            seen.append(job.wakes)
            await asyncio.sleep(0)

    run(main)
    assert len(seen) > 300


def test_an_asynchronous_request_is_answered_while_others_keep_the_workers_busy() -> None:
    app = make_app()

    @app.get("/at-once")
    async def at_once() -> str:
        return "at once"

    async def main() -> None:
        is_over = False

        async def again() -> None:
            while not is_over:
                await ask(app, "/short")

        await ask(app, "/first")
        tasks = [asyncio.create_task(again()) for _ in range(500)]
        for _ in range(5):
            await asyncio.sleep(0)
            assert (await ask(app, "/at-once")).text == "at once"
        is_over = True
        await asyncio.gather(*tasks)

    run(main)


class Odd(BaseException):
    """No exception that anything catches."""


def make_app() -> tuile.Flask:
    app = tuile.Flask("waiting", static_folder=None)
    app.config["ASGI_WORKERS"] = 3
    app.extensions["ended"] = ended = []
    app.extensions["go_on"] = go_on = threading.Event()

    @app.teardown_request
    def end(error: BaseException | None) -> None:
        ended.append(repr(error))

    @app.get("/<kind>")
    def view(kind: str) -> Any:
        variable.set(kind)
        if kind == "raises":
            raise Odd
        if kind == "waits":
            go_on.wait()
        if kind == "streams":
            return iter(["a", "b"])
        return kind

    return app


@pytest.mark.parametrize("kind", ["short", "streams", "waits"])
def test_a_request_may_be_cancelled_at_each_of_its_turns(kind: str) -> None:
    """Before, while and after the worker answers."""
    for place in range(1, 6):
        app = make_app()

        async def main(app: tuile.Flask = app, place: int = place) -> None:
            assert (await ask(app, "/first")).text == "first"
            asyncio.get_running_loop().call_later(0.02, app.extensions["go_on"].set)

            async def request() -> None:
                await CancelledAt(ask(app, f"/{kind}"), place)

            task = asyncio.create_task(request())
            await asyncio.wait([task])
            assert task.cancelled() or task.exception() is None
            assert (await ask(app, "/last")).text == "last"
            while len(app.extensions["ended"]) < 3:  # noqa: ASYNC110 - threads set no event of the loop
                await asyncio.sleep(0.001)

        run(main)
        assert app.extensions["ended"] == ["None"] * 3


def test_a_thousand_at_once_on_two_loops_are_all_answered() -> None:
    app, before = make_app(), sys.getswitchinterval()
    found: list[list[str]] = []

    async def main() -> list[str]:
        answers = await asyncio.gather(*(ask(app, f"/{number}") for number in range(1000)))
        return [answer.text for answer in answers]

    threads = [threading.Thread(target=lambda: found.append(run(main))) for _ in range(2)]
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert found == [[str(number) for number in range(1000)]] * 2


def test_a_loop_may_be_closed_before_the_answer() -> None:
    app = make_app()
    loop = asyncio.new_event_loop()

    async def nothing(message: Any = None) -> Any:
        await asyncio.Event().wait()

    served: Any = app
    loop.run_until_complete(ask(app, "/first"))
    task = loop.create_task(served(make_scope("/waits"), nothing, nothing))
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()
    app.extensions["go_on"].set()
    # A loop that comes later serves the same application, and the thread has done its work.
    assert run(partial(ask, app, "/last")).text == "last"
    for _ in range(1000):
        if len(app.extensions["ended"]) == 3:
            break
        threading.Event().wait(0.01)
    assert app.extensions["ended"] == ["None"] * 3
    # It never ends, as on any loop that is closed.
    task._log_destroy_pending = False  # type: ignore[attr-defined]


def test_what_no_handler_catches_becomes_an_error_of_the_server() -> None:
    app = make_app()

    async def main() -> None:
        for _ in range(3):
            with pytest.raises(RuntimeError, match="Odd"):
                await ask(app, "/raises")
        assert (await ask(app, "/last")).text == "last"

    run(main)
