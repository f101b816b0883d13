"""Requests that a server cancels, wherever they wait: what has begun is ended, once, and nothing is left."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Any

import pytest

import tuile
from tests.asgi.driver import CancelledAt, Server, ask, make_scope, run, until
from tuile import Flask, Response, request, session
from tuile.ctx.app_context import current_value

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


class _File(io.BytesIO):
    def __init__(self, log: list[str]) -> None:
        super().__init__(b"file")
        self.log = log

    def close(self) -> None:
        if not self.closed:
            self.log.append("closed")
        super().close()


def _answers(log: list[str]) -> dict[str, Callable[[], Any]]:
    """Return functions that answer, and log `opened` where `closed` has to follow."""

    def closing() -> Response:
        log.append("opened")
        response = Response("text")
        response.call_on_close(lambda: log.append("closed"))
        return response

    def stream() -> Response:
        def pieces() -> Iterator[str]:
            log.append("opened")
            try:
                yield from "ab"
            finally:
                log.append("closed")

        return Response(pieces())

    def async_stream() -> Response:
        async def pieces() -> AsyncIterator[str]:
            log.append("opened")
            try:
                yield "a"
                yield "b"
            finally:
                log.append("closed")

        return Response(pieces())

    def file() -> Response:
        log.append("opened")
        return tuile.send_file(_File(log), "text/plain")

    def change_session() -> str:
        session["name"] = "ada"
        return "text"

    return {
        "text": lambda: "text",
        "session": change_session,
        "error": lambda: 1 / 0,
        "abort": lambda: tuile.abort(404),
        "closing": closing,
        "stream": stream,
        "async_stream": async_stream,
        "file": file,
    }


def _make_app(functions: str, log: list[str], *, asks: bool) -> Flask:
    app = Flask("cancelled", static_folder=None)
    app.secret_key = "6a1f0c9e5b7d4e2f8a3b05d7c1e94b26"
    app.logger.disabled = True
    if "before" in functions:
        app.before_request(lambda: log.append("before"))
    if "awaited" in functions:

        @app.before_request
        async def before() -> None:
            log.append("before")

    if "after" in functions:

        @app.after_request
        def after(response: Response) -> Response:
            log.append("after")
            return response

    if "teardown" in functions:
        app.teardown_request(lambda error: log.append("torn down"))
        app.teardown_appcontext(lambda error: log.append("app torn down"))
    for name, answer in _answers(log).items():

        async def awaited(answer: Callable[[], Any] = answer) -> Any:
            log.append("view")
            if asks:
                await request.is_disconnected()
            log.append("answered")
            return answer()

        def view(answer: Callable[[], Any] = answer) -> Any:
            log.append("view")
            if asks:
                request.is_disconnected()
            log.append("answered")
            return answer()

        app.add_url_rule(f"/awaited/{name}", f"awaited_{name}", awaited)
        app.add_url_rule(f"/{name}", name, view)
    return app


async def _cancel(app: Flask, path: str, place: int) -> bool:
    """Send a request that is cancelled where it waits for the nth time; return whether it was."""
    server = Server(make_scope(path))

    async def send(message: Any) -> None:
        await asyncio.sleep(0)
        await server.send(message)

    cancelled_at = CancelledAt(app(server.scope, server.receive, send), place)

    async def serve() -> object:
        try:
            await cancelled_at
        except asyncio.CancelledError:
            assert cancelled_at.waits >= place
        return current_value(None)

    assert await asyncio.create_task(serve()) is None
    service = app._asgi_service
    assert service is not None
    workers = service.workers
    await until(lambda: not workers.jobs)
    assert (workers.busy, workers.lent) == (0, 0)
    # Tasks that are cancelled end in the next turn.
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 2, "the request has left tasks"
    return cancelled_at.waits >= place


@pytest.mark.parametrize("asks", [False, True])
@pytest.mark.parametrize("functions", ["", "before", "after", "teardown", "before after teardown", "awaited teardown"])
def test_whatever_a_cancelled_request_has_begun_is_ended_once(functions: str, asks: bool) -> None:
    log: list[str] = []
    app = _make_app(functions, log, asks=asks)

    async def main() -> None:
        await ask(app, "/text")
        for name in _answers(log):
            for path in (f"/awaited/{name}", f"/{name}"):
                is_cancelled, place = True, 0
                while is_cancelled:
                    log.clear()
                    place += 1
                    is_cancelled = await _cancel(app, path, place)
                    told = path, place, log
                    assert log.count("closed") == log.count("opened"), told
                    if "teardown" in functions and log:
                        assert (log.count("torn down"), log.count("app torn down")) == (1, 1), told
                    if "after" in functions and "answered" in log:
                        assert log.count("after") == 1, told

    run(main)
