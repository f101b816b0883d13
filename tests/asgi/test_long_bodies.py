"""Bodies of more than 64 KiB that a coroutine function reads: on the event loop, as through a worker."""

from __future__ import annotations

import asyncio
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.exceptions import ClientDisconnected

from tests.asgi.driver import CancelledAt, Server, ask, make_scope, run
from tests.asgi.test_ahead import READING, make_app
from tuile import Flask, Response, request
from tuile.asgi.exchange import MESSAGES_IN_A_TURN, MOST_IN_MEMORY
from tuile.asgi.long_bodies import MOST_TOGETHER
from tuile.asgi.service import service_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_CHUNKED = (b"transfer-encoding", b"chunked")
# Only the whole environ tells the view of such a request, and a worker answers it.
_WHOLE = [(b"X-Whole", b"1")]
_PART = b'--b\r\nContent-Disposition: form-data; name="%s"; filename="a.txt"\r\n\r\n%s\r\n'


def loop_app(**config: Any) -> tuple[Flask, list[bool]]:
    """Return an app whose view returns the body, and a list: whether no thread waited for the view, for each call."""
    app, alone = Flask("long", static_folder=None), []
    app.config.update(config)
    app.get("/text")(lambda: "x")

    @app.post("/")
    async def view() -> bytes:
        alone.append(not service_of(app).workers.jobs)
        return request.get_data()

    return app, alone


def scope_of(size: int, announced: str = "length", **more: Any) -> Any:
    """Return the scope of a request with such a body."""
    headers = {"length": [(b"content-length", b"%d" % size)], "chunked": [_CHUNKED], "none": []}[announced]
    return make_scope(
        "/", "POST", headers=[*headers, *more.pop("headers", ())], http_version="2" if announced == "none" else "1.1"
    )


def cut(body: bytes, size: int) -> list[bytes]:
    """Cut a body into pieces."""
    return [body[start : start + size] for start in range(0, len(body), size)]


@pytest.mark.parametrize("announced", ["length", "chunked", "none"])
@pytest.mark.parametrize("piece", [1_000, 65_536, 70_001])
@pytest.mark.parametrize(
    ("size", "config", "is_alone"),
    [
        (65_537, {}, True),
        (300_000, {}, True),
        (300_000, {"MAX_CONTENT_LENGTH": 300_000}, True),
        (300_000, {"ASGI_SPOOL": 300_000}, True),
        (MOST_IN_MEMORY, {}, True),
        (MOST_IN_MEMORY + 1, {}, False),
        (3_000_000, {}, False),
    ],
)
def test_a_long_body_is_received_on_the_loop_up_to_a_limit(
    announced: str, piece: int, size: int, config: dict[str, Any], is_alone: bool
) -> None:
    app, alone = loop_app(**config)
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)

    async def main() -> None:
        await ask(app, "/text")
        memory = service_of(app).memory
        before = memory.left
        answer = await Server(scope_of(size, announced), cut(body, piece)).ask(app)
        assert answer.status == 200
        assert answer.body == body
        assert alone == [is_alone]
        assert memory.left == before == MOST_TOGETHER

    run(main)


@pytest.mark.parametrize("announced", ["length", "chunked", "none"])
@pytest.mark.parametrize("piece", [1_000, 65_536, 150_000])
@pytest.mark.parametrize("config", [{"MAX_CONTENT_LENGTH": 299_999}, {"ASGI_SPOOL": 160_000}, {"ASGI_SPOOL": 0}])
def test_a_longer_one_than_the_app_accepts_is_refused(announced: str, piece: int, config: dict[str, Any]) -> None:
    app, _ = loop_app(**config)

    async def main() -> None:
        await ask(app, "/text")
        server = Server(scope_of(600_000, announced), cut(b"x" * 600_000, piece))
        assert (await server.ask(app)).status == 413
        if announced == "length" and "MAX_CONTENT_LENGTH" in config:
            assert server.received == 0
        assert service_of(app).memory.left == MOST_TOGETHER

    run(main)


_LONG_BODIES = [
    b'{"a": ["' + b"x" * 100_000 + b'"]}',
    b"[" + b"1," * 60_000 + b"1]",
    b"a=1&b=" + b"y" * 200_000,
    _PART % (b"file", b"z" * 300_000) + _PART % (b"a", b"1") + b"--b--\r\n",
    b"\xff" * 66_000,
]
_TYPES = [None, b"application/json", b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=b"]


@pytest.mark.parametrize("name", READING)
@pytest.mark.parametrize("limit", [None, 90_000, 1_000_000])
def test_each_way_of_reading_it_gives_the_same(name: str, limit: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.0)
    app = make_app(lambda app: app.config.update(MAX_CONTENT_LENGTH=limit), awaits=True)

    async def main() -> None:
        await ask(app, "/text")
        for body in _LONG_BODIES:
            # Of a form with files that is too long, the files would be left to the garbage collector.
            for its_type in _TYPES[: 3 if limit == 90_000 else 4]:
                for announced in (_CHUNKED, (b"content-length", b"%d" % len(body))):
                    headers = [announced] if its_type is None else [announced, (b"content-type", its_type)]
                    found = []
                    for more in ([], _WHOLE):
                        scope = make_scope(f"/{name}", "POST", headers=[*headers, *more])
                        answer = await Server(scope, cut(body, 65_536)).ask(app)
                        found.append((answer.status, answer.headers, answer.body))
                    assert found[0] == found[1]

    run(main)


def test_beyond_the_memory_for_all_requests_a_worker_receives_it() -> None:
    app, on_loop = Flask("together", static_folder=None), []
    app.get("/text")(lambda: "x")

    @app.post("/")
    async def view() -> bytes:
        # A thread waits for it.
        on_loop.append(not service_of(app).workers.lent)
        return request.get_data()

    async def main() -> None:
        await ask(app, "/text")
        memory = service_of(app).memory
        memory.left = before = 500_000
        go_on, least = asyncio.Event(), before
        body = bytes(300_000)

        async def one() -> None:
            nonlocal least
            server = Server(scope_of(len(body)), cut(body, 50_000))

            async def receive() -> Any:
                nonlocal least
                least = min(least, memory.left)
                if len(server.incoming) == 1:
                    await go_on.wait()
                return await server.receive()

            served: Any = app
            await served(server.scope, receive, server.send)
            assert b"".join(server.bodies) == body

        requests = [asyncio.create_task(one()) for _ in range(20)]
        for _ in range(50):
            await asyncio.sleep(0.001)
        go_on.set()
        await asyncio.gather(*requests)
        assert memory.left == before
        assert least > -50_000
        assert len(on_loop) == 20

    run(main)


@pytest.mark.parametrize("by_error", [False, True])
@pytest.mark.parametrize("announced", ["length", "chunked", "none"])
def test_a_client_that_leaves_in_the_middle_is_told_to_the_view(announced: str, by_error: bool) -> None:
    app, raised = Flask("left", static_folder=None), []
    app.get("/text")(lambda: "x")

    @app.post("/")
    async def view() -> bytes:
        try:
            return request.get_data()
        except ClientDisconnected:
            raised.append(await request.is_disconnected())
            raise

    async def main() -> None:
        await ask(app, "/text")
        server = Server(scope_of(300_000, announced), [b"x" * 50_000] * 4, is_complete=False)
        memory, before = service_of(app).memory, service_of(app).memory.left

        async def receive() -> Any:
            if server.incoming:
                return server.incoming.popleft()
            assert memory.left == before - 100_000 or raised == [True]
            if by_error:
                raise OSError("gone")
            return {"type": "http.disconnect"}

        served: Any = app
        await served(server.scope, receive, server.send)
        assert server.start is None or not server.is_complete
        assert raised == [True]
        assert memory.left == before

    run(main)


@pytest.mark.parametrize("place", range(1, 8))
def test_a_request_that_is_cancelled_gives_its_room_back(place: int) -> None:
    app = Flask("cancelled", static_folder=None)
    app.get("/text")(lambda: "x")

    @app.post("/")
    async def view() -> str:
        request.get_data()
        await asyncio.sleep(0)
        return "x"

    async def main() -> None:
        await ask(app, "/text")
        server = Server(scope_of(300_000), [b"x" * 60_000] * 5)
        memory, before = service_of(app).memory, service_of(app).memory.left

        async def receive() -> Any:
            await asyncio.sleep(0)
            return await server.receive()

        served: Any = app
        request_task = asyncio.create_task(_awaited(CancelledAt(served(server.scope, receive, server.send), place)))
        await asyncio.wait([request_task])
        assert request_task.cancelled() is (server.start is None)
        assert memory.left == before

    run(main)


async def _awaited(awaitable: Any) -> None:
    await awaitable


def test_a_view_that_fails_gives_its_room_back() -> None:
    app = Flask("failing", static_folder=None)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.get("/text")(lambda: "x")

    @app.post("/")
    async def view() -> str:
        raise KeyError(len(request.get_data()))

    async def main() -> None:
        await ask(app, "/text")
        memory, before = service_of(app).memory, service_of(app).memory.left
        with pytest.raises(KeyError, match="300000"):
            await Server(scope_of(300_000), [b"x" * 60_000] * 5).ask(app)
        assert memory.left == before

    run(main)


def _refuse(app: Flask) -> None:
    app.before_request(lambda: ("no", 401))


def _refuse_and_end(app: Flask) -> None:
    _refuse(app)
    app.teardown_request(lambda error: None)


@pytest.mark.parametrize("change", [_refuse, _refuse_and_end])
def test_a_function_before_the_view_may_refuse_it_before_it_is_there(change: Callable[[Flask], None]) -> None:
    app, on_loop = loop_app()
    change(app)

    async def main() -> None:
        await ask(app, "/text")
        server = Server(scope_of(1_000_000), [b"x" * 10_000] * 100)
        assert (await server.ask(app)).status == 401
        assert server.received <= 14
        assert not on_loop

    run(main)


@pytest.mark.parametrize("blocks", [False, True])
def test_functions_around_the_view_run_as_with_a_short_body(blocks: bool) -> None:
    app, seen = Flask("around", static_folder=None), []

    async def before() -> None:
        seen.append(("before", len(request.get_data())))

    def after(response: Response) -> Response:
        seen.append(("after", threading.current_thread() is threading.main_thread()))
        return response

    async def awaited(response: Response) -> Response:
        return after(response)

    app.before_request(before)
    app.after_request(after if blocks else awaited)
    app.get("/text")(lambda: "x")

    @app.post("/")
    async def view() -> bytes:
        return request.get_data()

    async def main() -> None:
        await ask(app, "/text")
        seen.clear()
        assert len((await Server(scope_of(200_000), [b"x" * 50_000] * 4).ask(app)).body) == 200_000
        assert seen == [("before", 200_000), ("after", not blocks)]

    run(main)


def test_what_is_changed_while_it_comes_counts() -> None:
    app, _ = loop_app()

    async def main() -> None:
        await ask(app, "/text")
        server = Server(scope_of(300_000), [b"x" * 60_000] * 5)

        async def receive() -> Any:
            if len(server.incoming) == 2:
                app.wsgi_app = lambda environ, start_response: Response(environ["wsgi.input"].read() + b"!")(  # type: ignore[method-assign]
                    environ, start_response
                )
            return await server.receive()

        served: Any = app
        await served(server.scope, receive, server.send)
        assert b"".join(server.bodies) == b"x" * 300_000 + b"!"

    run(main)


@pytest.mark.parametrize("whole", [[], _WHOLE])
@pytest.mark.parametrize("awaits", [False, True])
@pytest.mark.parametrize(("count", "piece"), [(20_000, b"x"), (4_000, b"x" * 100), (2_000, b"")])
def test_many_small_messages_do_not_hold_the_loop(awaits: bool, count: int, piece: bytes, whole: Any) -> None:
    app = make_app(awaits=awaits)

    async def main() -> None:
        await ask(app, "/text")
        server = Server(make_scope("/data", "POST", headers=[_CHUNKED, *whole]), [piece] * count)
        turns, is_over = 0, False

        async def others() -> None:
            nonlocal turns
            while not is_over:
                turns += 1
                await asyncio.sleep(0)

        other = asyncio.create_task(others())
        assert (await server.ask(app)).status == 200
        is_over = True
        await other
        assert turns >= count / MESSAGES_IN_A_TURN

    run(main)


def test_a_body_in_many_pieces_takes_little_more_memory_than_it_has() -> None:
    app, _ = loop_app()

    async def main(pieces: Sequence[bytes]) -> int:
        await ask(app, "/text")
        server = Server(scope_of(120_000))
        left, held = list(pieces), 0

        async def receive() -> Any:
            nonlocal held
            piece = left.pop()
            if not left:
                held = tracemalloc.get_traced_memory()[0]
            return {"type": "http.request", "body": piece, "more_body": bool(left)}

        served: Any = app
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            await served(server.scope, receive, server.send)
        finally:
            tracemalloc.stop()
        assert b"".join(server.bodies) == b"xyzzy" * 24_000
        return held - before

    assert run(lambda: main([b"xyzzy"] * 24_000)) < 300_000
