"""Asynchronous generators as bodies of responses: on the server's loop, in worker threads, and under WSGI."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from tests.asgi.driver import Server, ask, make_scope, run, until
from tests.beside_flask import make_environ
from tests.beside_flask import send as send_by_wsgi
from tuile import Flask, Response, has_request_context, request, sse, stream_with_context
from tuile.asgi.workers import Workers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def make_app() -> Flask:
    app = Flask("streams", static_folder=None)
    app.get("/first")(lambda: "x")
    return app


def add_views(app: Flask, seen: list[Any]) -> None:
    """Add views that stream, with and without `async`."""

    async def pieces() -> AsyncIterator[str]:
        try:
            for number in range(3):
                await asyncio.sleep(0)
                seen.append((threading.get_ident(), has_request_context()))
                yield f"{number};"
        finally:
            seen.append("closed")

    @app.get("/awaited")
    async def awaited() -> Any:
        return pieces()

    @app.get("/awaited/response")
    async def awaited_response() -> Any:
        return Response(pieces(), 201, mimetype="text/plain")

    @app.get("/awaited/tuple")
    async def awaited_tuple() -> Any:
        return pieces(), 202

    @app.get("/plain")
    def plain() -> Any:
        return pieces()

    @app.get("/plain/response")
    def plain_response() -> Any:
        return Response(pieces(), 201, mimetype="text/plain")


PATHS = ["/awaited", "/awaited/response", "/awaited/tuple", "/plain", "/plain/response"]


def test_an_app_without_any_coroutine_function_streams_them_by_wsgi() -> None:
    program = """
from tuile import Flask, Response
app = Flask("app")

async def pieces():
    yield "a"
    yield "b"

app.get("/")(lambda: Response(pieces()))
app.get("/bare")(pieces)
print([app.test_client().get(path).text for path in ("/", "/bare")])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "['ab', 'ab']\n"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_pieces_are_the_same_by_both_protocols(path: str, method: str) -> None:
    seen: list[Any] = []
    app = make_app()
    add_views(app, seen)
    by_wsgi = send_by_wsgi(app, make_environ(path, REQUEST_METHOD=method))
    expected = by_wsgi.body, int(by_wsgi.status[:3])
    assert by_wsgi.body == (b"0;1;2;" if method == "GET" else b"")
    seen.clear()

    async def main() -> None:
        await ask(app, "/first")
        answer = await ask(app, path, method)
        assert (answer.body, answer.status) == expected
        mine = (threading.get_ident(), False)
        assert seen == ([mine, mine, mine, "closed"] if method == "GET" else [])
        assert [piece for piece in answer.pieces if piece] == ([b"0;", b"1;", b"2;"] if method == "GET" else [])

    run(main)


@pytest.mark.parametrize("hooked", [False, True])
def test_a_stream_with_context_knows_its_request_while_a_piece_is_made(hooked: bool) -> None:
    app = make_app()
    seen: list[Any] = []
    if hooked:
        app.after_request(lambda response: response)
        app.teardown_request(lambda error: seen.append(("teardown", request.path, type(error))))

    @app.get("/<name>")
    async def view(name: str) -> Any:
        async def pieces() -> AsyncIterator[str]:
            try:
                for _ in range(3):
                    await asyncio.sleep(0)
                    yield request.path
            finally:
                await asyncio.sleep(0)
                seen.append(request.path)

        return stream_with_context(pieces())

    async def main() -> None:
        await ask(app, "/first")
        seen.clear()
        answers = await asyncio.gather(*(ask(app, f"/{name}") for name in "abcdef"))
        assert [answer.text for answer in answers] == [f"/{name}" * 3 for name in "abcdef"]
        assert not has_request_context()

    run(main)
    assert sorted(path for path in seen if isinstance(path, str)) == [f"/{name}" for name in "abcdef"]
    # As with other generators, functions for the end run when the request ends and when the stream does.
    assert len(seen) == (18 if hooked else 6)


@pytest.mark.parametrize("leaves_after", [1, 3])
@pytest.mark.parametrize("waits", [True, False])
def test_a_generator_is_closed_when_the_client_leaves(leaves_after: int, waits: bool) -> None:
    app = make_app()
    seen: list[Any] = []

    @app.get("/")
    async def view() -> Any:
        tasks = [asyncio.current_task()]

        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x"
                    if waits and len(seen) >= leaves_after - 1:
                        await asyncio.Event().wait()
                    seen.append("piece")
            finally:
                await asyncio.sleep(0)
                seen.append(asyncio.current_task() in tasks)

        return pieces()

    async def main() -> None:
        await ask(app, "/first")
        await Server(make_scope(), leaves_after=leaves_after).ask(app)
        # Before the call has returned, and in the task of the request.
        assert seen[-1] is True

    run(main)


def test_a_generator_that_never_waits_leaves_the_loop_to_others() -> None:
    app = make_app()

    @app.get("/")
    async def view() -> Any:
        async def pieces() -> AsyncIterator[bytes]:
            while True:
                yield b"x"

        return pieces()

    async def main() -> None:
        await ask(app, "/first")
        endless = Server(make_scope())
        task = asyncio.ensure_future(endless.ask(app))
        await until(lambda: len(endless.bodies) > 100)
        assert (await ask(app, "/first")).text == "x"
        endless.left.set()
        await task

    run(main)


@pytest.mark.parametrize(("octets", "takes_s", "most"), [(64 * 1024, 0.0, 1), (16 * 1024, 0.0, 4), (1, 0.001, 1)])
def test_others_get_a_turn_after_many_bytes_and_after_a_long_time(octets: int, takes_s: float, most: int) -> None:
    app = make_app()
    made: list[int] = []

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(50):
            ends = time.monotonic() + takes_s
            while time.monotonic() < ends:
                pass
            made.append(number)
            yield b"x" * octets

    @app.get("/")
    async def view() -> Any:
        return pieces()

    async def main() -> None:
        await ask(app, "/first")
        in_turns: list[int] = []

        async def take_turns() -> None:
            while True:
                in_turns.append(len(made))
                await asyncio.sleep(0)

        others = asyncio.create_task(take_turns())
        answer = await ask(app)
        others.cancel()
        await asyncio.wait([others])
        assert len(answer.body) == 50 * octets
        # The clock may give them more turns.
        steps = [later - earlier for earlier, later in itertools.pairwise(in_turns)]
        assert max(steps) <= most + 1

    run(main)


def test_an_error_cuts_the_stream_off_and_closes_it() -> None:
    app = make_app()
    seen: list[str] = []

    @app.get("/")
    async def view() -> Any:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                yield b"x"
                raise LookupError("on purpose")
            finally:
                seen.append("closed")

        return pieces()

    async def main() -> None:
        await ask(app, "/first")
        server = Server(make_scope())
        with pytest.raises(LookupError, match="on purpose"):
            await server.ask(app)
        assert server.bodies == [b"x"]
        assert not server.is_complete

    run(main)
    assert seen == ["closed"]


def test_a_cancelled_request_closes_its_generator() -> None:
    app = make_app()
    seen: list[Any] = []

    @app.get("/")
    async def view() -> Any:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                yield b"x"
                await asyncio.Event().wait()
            except BaseException as error:
                seen.append(type(error))
                raise

        return pieces()

    async def main() -> None:
        await ask(app, "/first")
        server = Server(make_scope())
        task = asyncio.ensure_future(server.ask(app))
        await until(lambda: server.bodies)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)
    assert seen == [asyncio.CancelledError]


def test_a_server_that_tells_by_an_error_that_the_client_left_gets_no_error_back() -> None:
    app = make_app()
    seen: list[str] = []

    @app.get("/")
    async def view() -> Any:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x"
            finally:
                seen.append("closed")

        return pieces()

    class Failing(Server):
        async def send(self, message: Any) -> None:
            if len(self.bodies) == 2:
                self.left.set()
                raise ConnectionResetError
            await super().send(message)

    async def main() -> None:
        await ask(app, "/first")
        await Failing(make_scope()).ask(app)

    run(main)
    assert seen == ["closed"]


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("kind", ["teardown_request", "teardown_appcontext"])
def test_the_end_of_a_stream_with_context_calls_its_teardown_functions_off_the_loop(kind: str, is_async: bool) -> None:
    app = make_app()
    add_views(app, [])
    ended: list[str] = []

    @app.get("/with/context")
    async def with_context() -> Any:
        async def pieces() -> AsyncIterator[str]:
            yield "piece "
            await asyncio.sleep(0)
            yield request.path

        return stream_with_context(pieces())

    def blocks(error: BaseException | None) -> None:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        ended.append(request.path if has_request_context() else "app")

    async def waits(error: BaseException | None) -> None:
        await asyncio.sleep(0)
        ended.append("awaited")

    getattr(app, kind)(waits if is_async else blocks)

    async def main() -> list[str]:
        await ask(app, "/first")
        return [(await ask(app, "/with/context")).text for _ in range(2)]

    assert run(main) == ["piece /with/context"] * 2
    # Twice for each, as on Flask: after the request, and after its stream.
    assert len(ended) == 5


@pytest.mark.parametrize("waits", [False, True])
def test_nobody_listens_while_a_generator_does_not_let_the_loop_have_a_turn(waits: bool) -> None:
    app = Flask("short", static_folder=None)

    @app.get("/")
    async def view() -> Any:
        async def pieces() -> Any:
            for piece in ("a", "b"):
                if waits:
                    await asyncio.sleep(0)
                yield piece

        return Response(pieces())

    async def main() -> None:
        await ask(app)
        server = Server(make_scope())
        received = []

        async def receive() -> Any:
            received.append(1)
            return await server.receive()

        served: Any = app
        await served(server.scope, receive, server.send)
        assert b"".join(server.bodies) == b"ab"
        assert bool(received) == waits

    run(main)


@pytest.mark.parametrize("kind", ["stream", "events", "registered", "overridden", "replaced", "by the generator"])
def test_only_functions_that_are_called_at_the_end_of_a_stream_get_a_worker(kind: str) -> None:
    app = Flask("ends", static_folder=None)
    ended: list[bool] = []

    class Own(Response):
        def close(self) -> None:
            note()
            super().close()

    def note() -> None:
        ended.append(asyncio._get_running_loop() is not None)

    async def pieces() -> AsyncIterator[str]:
        yield "a"
        if kind == "by the generator":
            made[-1].call_on_close(note)
        await asyncio.sleep(0)
        yield "b"

    makers: dict[str, Any] = {"events": sse, "overridden": Own}
    made: list[Any] = []

    @app.get("/")
    async def view() -> Any:
        response = makers.get(kind, Response)(pieces())
        made.append(response)
        if kind == "registered":
            response.call_on_close(note)
        if kind == "replaced":
            close = response.close

            def note_and_close() -> None:
                note()
                close()

            response.close = note_and_close
        return response

    async def main() -> None:
        await ask(app)
        assert (await ask(app)).status == 200
        ended.clear()
        with mock.patch.object(Workers, "submit", autospec=True, side_effect=Workers.submit) as asked:
            assert (await ask(app)).body.replace(b"data: ", b"").replace(b"\n", b"") in {b"ab", b":ab"}
        assert asked.called is (kind not in {"stream", "events"})

    run(main)
    assert ended == ([] if kind in {"stream", "events"} else [False])
