"""Handlers of errors beside a WebSocket on the event loop: only an error takes a worker."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.asgi.driver import ask, run
from tests.asgi.websocket_driver import Client
from tuile import Flask, abort, g, websocket
from tuile.asgi.service import service_of
from tuile.asgi.workers import Workers

if TYPE_CHECKING:
    from tuile.asgi.workers import Job


class Mine(Exception):
    """An error of the application."""


def make_app(seen: list[str]) -> Flask:
    app = Flask("errors", static_folder=None)
    app.logger.disabled = True
    app.get("/text")(lambda: "x")

    @app.errorhandler(404)
    @app.errorhandler(403)
    @app.errorhandler(500)
    @app.errorhandler(Mine)
    def handle(error: Exception) -> Any:
        is_main = threading.current_thread() is threading.main_thread()
        seen.append(f"{type(error).__name__} {is_main} {websocket.path} {g.get('noted')}")
        return "handled", 418

    @app.websocket("/echo")
    async def echo() -> None:
        async for message in websocket:
            await websocket.send(message)

    @app.websocket("/fails/<kind>")
    async def fails(kind: str) -> Any:
        g.noted = kind
        if kind == "later":
            await websocket.send("a")
        if kind == "abort":
            abort(403)
        if kind == "answer":
            return "an answer", 404
        if kind == "wrong":
            return object()
        raise Mine(kind) if kind != "other" else KeyError(kind)

    return app


def test_a_websocket_without_an_error_takes_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    app, jobs = make_app([]), []
    submit = Workers.submit

    def noted(workers: Workers, job: Job) -> None:
        jobs.append(job)
        submit(workers, job)

    async def main() -> None:
        await ask(app, "/text")
        monkeypatch.setattr(Workers, "submit", noted)
        async with Client(app, path="/echo") as client:
            client.send("a")
            assert await client.receive() == "a"
        assert jobs == []

    run(main)


@pytest.mark.parametrize(
    "path", ["/none", *(f"/fails/{kind}" for kind in ("at once", "later", "abort", "answer", "wrong", "other"))]
)
def test_an_error_is_handled_in_a_worker_as_beside_other_functions(path: str) -> None:
    found: list[Any] = []
    for blocks in (False, True):
        seen: list[str] = []
        app = make_app(seen)
        if blocks:
            # All of its steps take a worker.
            app.teardown_appcontext(lambda error: None)

        async def main(app: Flask = app) -> list[Any]:
            await ask(app, "/text")
            client = Client(app, path=path)
            client.incoming.put_nowait({"type": "websocket.connect"})
            messages: list[Any] = []

            async def send(message: Any) -> None:
                messages.append(message)

            await app(client.scope, client.incoming.get, send)
            assert not service_of(app).workers.jobs
            return messages

        found.append((run(main), seen))
        assert not any(" True " in line for line in seen)
    assert found[0] == found[1]
