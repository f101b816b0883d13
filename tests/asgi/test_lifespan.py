"""What runs when a server starts and stops."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.asgi.driver import ask, run, until
from tuile import Flask, current_app
from tuile.asgi.service import service_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


class Lifespan:
    """The lifespan as a server drives it."""

    def __init__(self, app: Any) -> None:
        self.incoming: asyncio.Queue[Any] = asyncio.Queue()
        self.sent: list[Any] = []
        self.task = asyncio.ensure_future(app({"type": "lifespan"}, self.incoming.get, self.send))

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def startup(self) -> Any:
        """Start, and return the answer."""
        return await self._told("lifespan.startup")

    async def shutdown(self) -> Any:
        """Stop, and return the answer."""
        answer = await self._told("lifespan.shutdown")
        await self.task
        return answer

    async def _told(self, kind: str) -> Any:
        self.incoming.put_nowait({"type": kind})
        await until(lambda: self.sent or self.task.done())
        return self.sent.pop(0)


def make_app() -> tuple[Flask, list[str]]:
    app = Flask("serving", static_folder=None)
    app.get("/")(lambda: "x")
    events: list[str] = []

    def tell(name: str) -> None:
        assert current_app.name == "serving"
        is_loop = threading.current_thread() is threading.main_thread()
        events.append(f"{name} {'loop' if is_loop else 'worker'}")

    @app.before_serving
    async def before() -> None:
        await asyncio.sleep(0)
        tell("before")

    @app.before_serving
    def before_in_worker() -> None:
        tell("before")

    @app.while_serving
    async def around() -> AsyncIterator[None]:
        tell("start 1")
        yield
        tell("end 1")

    @app.while_serving
    def around_in_worker() -> Iterator[None]:
        tell("start 2")
        yield
        tell("end 2")

    @app.after_serving
    def after_in_worker() -> None:
        tell("after")

    @app.after_serving
    async def after() -> None:
        tell("after")

    return app, events


STARTED = ["before loop", "before worker", "start 1 loop", "start 2 worker"]


def test_functions_run_before_and_after_serving_and_generators_do_both() -> None:
    app, events = make_app()

    async def main() -> None:
        for _ in range(2):
            events.clear()
            lifespan = Lifespan(app)
            assert await lifespan.startup() == {"type": "lifespan.startup.complete"}
            assert events == STARTED
            assert (await ask(app)).text == "x"
            threads = service_of(app).workers.threads
            assert await lifespan.shutdown() == {"type": "lifespan.shutdown.complete"}
            assert events == [*STARTED, "after worker", "after loop", "end 2 worker", "end 1 loop"]
            assert [thread for thread in threads if thread.is_alive()] == []
            assert (await ask(app)).status == 503

    run(main)


def test_without_a_lifespan_the_first_request_starts_once() -> None:
    app, events = make_app()

    async def main() -> None:
        answers = await asyncio.gather(*(ask(app) for _ in range(10)))
        assert {answer.text for answer in answers} == {"x"}
        assert events == STARTED

    run(main)


def test_a_start_that_fails_ends_what_had_begun(caplog: Any) -> None:
    app, events = make_app()

    @app.while_serving
    async def fails() -> AsyncIterator[None]:
        raise ValueError("no database")
        yield

    async def main() -> None:
        answer = await Lifespan(app).startup()
        assert answer == {"type": "lifespan.startup.failed", "message": "ValueError: no database"}
        assert events == [*STARTED, "end 2 worker", "end 1 loop"]

    run(main)
    assert "no database" in caplog.text


def test_everything_is_stopped_although_something_fails(caplog: Any) -> None:
    app, events = make_app()

    @app.after_serving
    def fails() -> None:
        raise ValueError("on purpose")

    @app.while_serving
    async def yields_twice() -> AsyncIterator[None]:
        yield
        yield

    async def main() -> None:
        lifespan = Lifespan(app)
        await lifespan.startup()
        answer = await lifespan.shutdown()
        assert answer == {"type": "lifespan.shutdown.failed", "message": "ValueError: on purpose"}
        assert events[-2:] == ["end 2 worker", "end 1 loop"]

    run(main)
    assert "has to yield once" in caplog.text


def test_a_stop_does_not_wait_for_views_without_end(caplog: Any) -> None:
    app = Flask("serving", static_folder=None)
    app.config["ASGI_SHUTDOWN_TIMEOUT"] = 0.05
    may_end, has_begun = threading.Event(), threading.Event()

    @app.get("/")
    def view() -> str:
        has_begun.set()
        may_end.wait(100)
        return "x"

    async def main() -> None:
        lifespan = Lifespan(app)
        await lifespan.startup()
        request = asyncio.ensure_future(ask(app))
        await until(has_begun.is_set)
        assert await lifespan.shutdown() == {"type": "lifespan.shutdown.complete"}
        may_end.set()
        with pytest.raises(AssertionError, match="no response"):
            await request

    run(main)
    assert "have not ended" in caplog.text


@pytest.mark.parametrize("setting", [{"ASGI_WORKERS": 0}, {"ASGI_WORKERS": "8"}, {"ASGI_STREAM_WORKERS": -1}])
def test_a_wrong_number_of_threads_is_an_error_that_names_the_setting(setting: dict[str, Any]) -> None:
    app, _ = make_app()
    app.config.update(setting)

    async def main() -> None:
        with pytest.raises(ValueError, match=f"{next(iter(setting))} is a number of threads"):
            await ask(app)

    run(main)


def test_a_configuration_without_the_defaults_of_tuile_has_them_all_the_same() -> None:
    class Own(Flask):
        default_config = {name: value for name, value in Flask.default_config.items() if not name.startswith("ASGI_")}

    app = Own("own", static_folder=None)
    app.get("/")(lambda: "x")

    async def main() -> None:
        lifespan = Lifespan(app)
        await lifespan.startup()
        assert (await ask(app)).text == "x"
        await lifespan.shutdown()

    run(main)


def test_functions_for_serving_are_registered_before_the_first_request() -> None:
    app, _ = make_app()
    app.test_client().get("/")
    with pytest.raises(AssertionError, match="before_serving"):
        app.before_serving(lambda: None)
