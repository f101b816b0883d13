"""Background tasks under both protocols: where they run, with what, and how they end."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import threading
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.asgi.driver import ask, run, until
from tests.fresh import clean_environment
from tuile import Flask, current_app, g, has_request_context

if TYPE_CHECKING:
    from collections.abc import Callable

variable: ContextVar[str] = ContextVar("variable", default="unset")


def observed() -> tuple[object, ...]:
    return current_app.name, has_request_context(), "seen" in g, variable.get()


def make_app(task: Callable[[], object]) -> Flask:
    app = Flask("shop")

    @app.get("/")
    def view() -> str:
        g.seen = True
        variable.set("set by the view")
        app.add_background_task(task)
        return "answered"

    return app


def ask_by(app: Flask, protocol: str, is_over: Callable[[], object]) -> str:
    if protocol == "WSGI":
        text = app.test_client().get("/").text
        assert app._background_tasks.wait(100)
        return text

    async def main() -> str:
        answer = await ask(app)
        await until(is_over)
        await asyncio.to_thread(app._background_tasks.wait, 30)
        return answer.text

    return str(run(main))


@pytest.mark.parametrize("protocol", ["WSGI", "ASGI"])
@pytest.mark.parametrize("is_async", [False, True])
def test_a_task_has_the_app_and_the_variables_of_the_request_but_not_the_request(protocol: str, is_async: bool) -> None:
    seen: list[object] = []

    def task() -> None:
        seen.append(observed())

    async def async_task() -> None:
        await asyncio.sleep(0)
        seen.append(observed())

    assert ask_by(make_app(async_task if is_async else task), protocol, lambda: seen) == "answered"
    assert seen == [("shop", False, False, "set by the view")]


def test_a_coroutine_function_runs_on_the_loop_of_the_server() -> None:
    loops: list[object] = []

    async def task() -> None:
        loops.append(asyncio.get_running_loop())

    app = make_app(task)

    @app.get("/async")
    async def async_view() -> str:
        app.add_background_task(task)
        return ""

    async def main() -> object:
        await ask(app)
        await ask(app, "/async")
        threading.Thread(target=app.add_background_task, args=[task]).start()
        await until(lambda: len(loops) == 3)
        return asyncio.get_running_loop()

    assert set(loops) <= {run(main)}


def test_coroutine_functions_share_one_loop_under_wsgi() -> None:
    loops: list[object] = []

    async def task() -> None:
        loops.append(asyncio.get_running_loop())

    app = make_app(task)

    @app.get("/async")
    async def async_view() -> str:
        app.add_background_task(task)
        return ""

    client = app.test_client()
    for path in ("/", "/async", "/"):
        client.get(path)
    assert app._background_tasks.wait(100)
    assert len(loops) == 3
    assert len(set(loops)) == 1


@pytest.mark.parametrize("is_async", [False, True])
def test_an_error_is_logged(is_async: bool, caplog: pytest.LogCaptureFixture) -> None:
    def failing() -> None:
        raise ZeroDivisionError

    async def failing_async() -> None:
        raise ZeroDivisionError

    app = make_app(failing_async if is_async else failing)
    app.test_client().get("/")
    assert app._background_tasks.wait(100)
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "failing" in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


def test_arguments_are_passed_on() -> None:
    app, got = Flask(__name__), []

    def task(*args: object, **kwargs: object) -> None:
        got.append((args, kwargs))

    async def async_task(*args: object, **kwargs: object) -> None:
        got.append((args, kwargs))

    def returning(*args: object, **kwargs: object) -> object:
        return async_task(*args, **kwargs)

    class WithCall:
        async def __call__(self, *args: object, **kwargs: object) -> None:
            got.append((args, kwargs))

    for function in (task, async_task, WithCall(), partial(async_task), returning):
        app.add_background_task(function, 1, b=2)
    assert app._background_tasks.wait(100)
    assert got == [((1,), {"b": 2})] * 5


def test_what_is_no_function_is_refused() -> None:
    app = Flask(__name__)

    async def task() -> None:
        pass

    coroutine = task()
    with pytest.raises(TypeError, match="without calling it"):
        app.add_background_task(coroutine)  # type: ignore[arg-type]
    coroutine.close()
    with pytest.raises(TypeError, match="a function, not 5"):
        app.add_background_task(5)  # type: ignore[arg-type]
    assert app._background_tasks.wait(0)


def test_many_waiting_tasks_delay_no_view() -> None:
    released = threading.Event()
    app = make_app(lambda: released.wait(100))
    app.config["ASGI_WORKERS"] = 2

    async def main() -> None:
        assert {(await ask(app)).text for _ in range(100)} == {"answered"}
        released.set()
        assert await asyncio.to_thread(app._background_tasks.wait, 30)

    run(main)


def test_there_are_as_many_threads_as_the_setting_says() -> None:
    app, barrier, names = Flask(__name__), threading.Event(), set()
    app.config["BACKGROUND_TASK_THREADS"] = 3

    def task() -> None:
        names.add(threading.current_thread().name)
        barrier.wait(100)

    for _ in range(10):
        app.add_background_task(task)
    barrier.set()
    assert app._background_tasks.wait(100)
    assert 1 <= len(names) <= 3


@pytest.mark.parametrize("number", [0, -1, "3", True])
def test_the_number_of_threads_is_checked(number: Any) -> None:
    app = Flask(__name__)
    app.config["BACKGROUND_TASK_THREADS"] = number
    with pytest.raises(ValueError, match="at least 1"):
        app.add_background_task(print)


class Lifespan:
    """The lifespan of a server, whose end a test decides."""

    def __init__(self) -> None:
        self.stops = asyncio.Event()
        self.sent: list[str] = []
        self._is_begun = False

    async def receive(self) -> dict[str, str]:
        if not self._is_begun:
            self._is_begun = True
            return {"type": "lifespan.startup"}
        await self.stops.wait()
        return {"type": "lifespan.shutdown"}

    async def send(self, message: Any) -> None:
        self.sent.append(message["type"])


@pytest.mark.parametrize("is_async", [False, True])
def test_a_server_that_stops_waits_for_tasks_before_its_last_functions(is_async: bool) -> None:
    steps: list[str] = []
    released = threading.Event()

    def task() -> None:
        released.wait(100)
        steps.append("task")

    async def async_task() -> None:
        await until(released.is_set)
        steps.append("task")

    app = make_app(async_task if is_async else task)

    @app.after_serving
    def after() -> None:
        steps.append("after_serving")

    async def main() -> None:
        lifespan = Lifespan()
        serving = asyncio.ensure_future(app({"type": "lifespan"}, lifespan.receive, lifespan.send))
        await until(lambda: lifespan.sent)
        await ask(app)
        lifespan.stops.set()
        await asyncio.sleep(0.01)
        assert steps == []
        released.set()
        await serving

    run(main)
    assert steps == ["task", "after_serving"]


def test_a_coroutine_that_takes_too_long_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    steps: list[str] = []

    async def endless() -> None:
        try:
            steps.append("begun")
            await asyncio.sleep(1000)
        finally:
            steps.append("cancelled")

    app = make_app(endless)
    app.config["BACKGROUND_TASK_SHUTDOWN_TIMEOUT"] = 0.01

    async def main() -> None:
        lifespan = Lifespan()
        serving = asyncio.ensure_future(app({"type": "lifespan"}, lifespan.receive, lifespan.send))
        await until(lambda: lifespan.sent)
        await ask(app)
        await until(lambda: steps)
        lifespan.stops.set()
        await serving

    run(main)
    assert steps == ["begun", "cancelled"]
    assert "have not ended within 0.01 seconds" in caplog.text
    assert "endless" in caplog.text


def test_a_thread_that_takes_too_long_is_left(caplog: pytest.LogCaptureFixture) -> None:
    released = threading.Event()
    app = make_app(lambda: released.wait(100))
    app.config["BACKGROUND_TASK_SHUTDOWN_TIMEOUT"] = 0.01
    app.test_client().get("/")
    app._background_tasks.finish()
    assert "have not ended within 0.01 seconds" in caplog.text
    released.set()


PROGRAM = """
import asyncio, {how}, os, sys, time
from tuile import Flask

app = Flask(__name__)

def task():
    time.sleep(0.1)
    os.write(1, b"thread ")

async def async_task():
    await asyncio.sleep(0.1)
    os.write(1, b"loop ")

def main():
    app.add_background_task(task)
    app.add_background_task(async_task)

if __name__ == "__main__":
    {run}
"""


@pytest.mark.parametrize(
    ("how", "call"),
    [
        ("os", "main()"),
        ("multiprocessing", 'multiprocessing.get_context("fork").Process(target=main).start()'),
        ("multiprocessing", 'multiprocessing.get_context("spawn").Process(target=main).start()'),
    ],
)
def test_a_process_that_ends_waits_for_its_tasks(how: str, call: str, tmp_path: Any) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(how=how, run=call))
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, check=False, env=clean_environment(), timeout=200
    )
    assert (sorted(done.stdout.split()), done.stderr) == (["loop", "thread"], "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_does_not_wait_for_the_tasks_of_the_other(tmp_path: Any) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys, threading\nfrom tuile import Flask\napp = Flask(__name__)\ngo = threading.Event()\n"
        "app.add_background_task(go.wait)\n"
        "if os.fork() == 0:\n    app.add_background_task(os.write, 1, b'child ')\n    sys.exit()\n"
        "os.wait()\ngo.set()\nprint('parent')\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", program],
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(),
        timeout=200,
    )
    assert (done.stdout.split(), done.stderr) == (["child", "parent"], "")
