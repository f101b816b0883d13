"""`request.is_disconnected`: views of all kinds learn that the client has left, and nobody else listens for it."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from tests.asgi.driver import Server, ask, make_scope, run
from tests.beside_flask import make_environ
from tests.beside_flask import send as send_by_wsgi
from tuile import Flask, Response, abort, after_this_request, g, request, stream_with_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

GIVE_UP_S = 100


class Held:
    """What a view keeps in `g`."""


told: list[Any] = []
asked = threading.Event()


def wait_until_left() -> bool:
    """Ask until the client has left, which it does once that is asked."""
    asked.set()
    give_up = time.monotonic() + GIVE_UP_S
    while not request.is_disconnected() and time.monotonic() < give_up:
        time.sleep(0.001)
    return bool(request.is_disconnected())


async def wait_until_left_on_loop() -> bool:
    """Ask until the client has left, which it does once that is asked."""
    asked.set()
    give_up = time.monotonic() + GIVE_UP_S
    while not await request.is_disconnected() and time.monotonic() < give_up:  # noqa: ASYNC110 - it sets no event
        await asyncio.sleep(0.001)
    return bool(await request.is_disconnected())


def make_app(**config: Any) -> Flask:
    app = Flask("disconnected", static_folder=None)
    app.config.update(config)

    @app.route("/sync", methods=["GET", "POST"])
    def sync() -> str:
        told.append([request.is_disconnected(), wait_until_left()])
        return "for nobody"

    @app.route("/async", methods=["GET", "POST"])
    async def on_loop() -> str:
        told.append([await request.is_disconnected(), await wait_until_left_on_loop()])
        return "for nobody"

    @app.get("/thread")
    async def in_a_thread() -> str:
        told.append([False, await asyncio.to_thread(wait_until_left)])
        return "for nobody"

    @app.get("/stream")
    def stream() -> Response:
        def pieces() -> Iterator[str]:
            yield "first"
            told.append([False, wait_until_left()])
            yield "for nobody"

        return Response(stream_with_context(pieces()))

    @app.get("/stays/sync")
    def stays() -> str:
        return str(request.is_disconnected())

    @app.get("/stays/async")
    async def stays_on_loop() -> str:
        return f"{await request.is_disconnected()} {await request.is_disconnected()}"

    @app.get("/stays/stream")
    async def stays_and_reads() -> Response:
        asked = await request.is_disconnected()

        async def pieces() -> AsyncIterator[str]:
            yield f"{asked} "
            yield str(await request.is_disconnected())

        return Response(stream_with_context(pieces()))

    @app.get("/stays/pieces")
    async def stays_and_reads_pieces() -> Response:
        asked = await request.is_disconnected()

        def pieces() -> Iterator[str]:
            yield f"{asked} "
            yield str(request.is_disconnected())

        return Response(stream_with_context(pieces()))

    return app


def leave(path: str, method: str = "GET", body: bytes | None = None, app: Flask | None = None) -> Any:
    """Ask, and leave while the view asks whether the client is there; return what the view was told."""
    app = make_app() if app is None else app
    told.clear()
    asked.clear()

    async def main() -> None:
        await ask(app, "/stays/sync")
        headers = [] if body is None else [(b"content-length", str(len(body)).encode())]
        server = Server(make_scope(path, method, headers=headers), [body] if body else [])

        async def leave_once_asked() -> None:
            while not asked.is_set():  # noqa: ASYNC110 - threads set it, too
                await asyncio.sleep(0.001)
            server.left.set()

        await asyncio.gather(app(server.scope, server.receive, server.send), leave_once_asked())
        assert not server.is_receiving

    run(main)
    return told


@pytest.mark.parametrize("path", ["/sync", "/async", "/thread", "/stream"])
def test_a_view_learns_that_the_client_has_left(path: str) -> None:
    assert leave(path) == [[False, True]]


@pytest.mark.parametrize("path", ["/sync", "/async"])
@pytest.mark.parametrize("size", [0, 5, 40_000])
def test_also_while_the_body_is_not_read(path: str, size: int) -> None:
    assert leave(path, "POST", b"x" * size) == [[False, True]]


def test_also_where_coroutine_functions_run_for_a_worker() -> None:
    app = make_app()
    app.before_request(lambda: None)
    app.after_request(lambda response: response)
    assert leave("/async", app=app) == [[False, True]]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/stays/sync", "False"),
        ("/stays/async", "False False"),
        ("/stays/stream", "False False"),
        ("/stays/pieces", "False False"),
    ],
)
def test_a_client_that_stays_gets_the_response(path: str, text: str) -> None:
    app = make_app()

    async def main() -> list[str]:
        # The first request of an app takes a worker.
        return [(await ask(app, path)).text for _ in range(3)]

    assert run(main) == [text] * 3


def test_a_view_that_fails_leaves_no_listener() -> None:
    app = make_app()

    @app.get("/fails")
    async def fails() -> str:
        await request.is_disconnected()
        raise ValueError("on purpose")

    async def main() -> list[int]:
        return [(await ask(app, "/fails")).status for _ in range(3)]

    assert run(main) == [500] * 3


@pytest.mark.parametrize("path", ["/stays/sync", "/stays/async"])
def test_wsgi_servers_do_not_tell(path: str) -> None:
    assert send_by_wsgi(make_app(), make_environ(path))[2] in {b"False", b"False False"}


def test_several_threads_may_ask() -> None:
    app = make_app()
    answers: list[bool] = []

    @app.get("/threads")
    def in_threads() -> str:
        asks = request.is_disconnected
        threads = [threading.Thread(target=lambda: answers.append(asks())) for _ in range(4)]
        for thread in threads:
            thread.start()
        answers.append(asks())
        for thread in threads:
            thread.join(GIVE_UP_S)
        return "done"

    async def main() -> str:
        text: str = (await ask(app, "/threads")).text
        return text

    assert (run(main), answers) == ("done", [False] * 5)


def test_nobody_listens_for_a_view_that_does_not_ask() -> None:
    app = make_app()
    app.get("/plain")(lambda: "plain")
    received = []

    async def main() -> None:
        await ask(app, "/plain")
        server = Server(make_scope("/plain"))
        await server.ask(app)
        received.append(server.received)

    run(main)
    assert received == [0]


@pytest.mark.parametrize("is_awaited", [False, True])
def test_a_server_that_tells_by_an_error_that_the_client_left_gets_none_back(is_awaited: bool) -> None:
    app = Flask("left", static_folder=None)
    app.logger.disabled = True
    answers: dict[str, Callable[[], Any]] = {
        "text": lambda: "text",
        "response": lambda: Response("text"),
        "pieces": lambda: Response(["one", "two"]),
        "stream": lambda: Response(iter(["one", "two"])),
        "abort": lambda: abort(404),
        "error": lambda: 1 / 0,
        "after": lambda: ("text", after_this_request(lambda response: response))[0],
    }
    for name, answer in answers.items():

        async def awaited(answer: Callable[[], Any] = answer) -> Any:
            return answer()

        app.add_url_rule(f"/{name}", name, awaited if is_awaited else answer)

    async def main() -> None:
        await ask(app, "/text")
        for path in (*answers, "nowhere"):
            for failing in (1, 2):
                server, sent = Server(make_scope(f"/{path}")), 0

                async def send(message: Any) -> None:
                    nonlocal sent
                    sent += 1
                    if sent >= failing:  # noqa: B023 - called in this turn of the loop
                        raise ConnectionResetError

                await app(server.scope, server.receive, send)
                assert sent == failing, (path, "goes on")

    run(main)


def test_a_request_that_has_asked_is_freed_at_its_end() -> None:
    app = Flask("freed", static_folder=None)
    held: list[weakref.ref[Any]] = []

    @app.post("/")
    async def asks() -> str:
        g.held = Held()
        held.append(weakref.ref(g.held))
        return str(await request.is_disconnected())

    async def main() -> None:
        await ask(app)
        gc.disable()
        try:
            assert (await ask(app, method="POST", body=b"x")).text == "False"
            # The last references are those of the loop to what it has just called.
            for _ in range(3):
                await asyncio.sleep(0)
            assert [one() for one in held] == [None]
        finally:
            gc.enable()

    run(main)
