"""Requests through ASGI: whole in one worker thread, with their bodies, streams, errors and clients that leave."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import json
import sqlite3
import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.exceptions import ClientDisconnected

from tests.asgi.driver import Server, ask, make_scope, run, send, until
from tests.fresh import observe
from tuile import Flask, Response, g, request, send_file, session, stream_with_context
from tuile.asgi.service import service_of

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="unset")


def make_app(**settings: Any) -> Flask:
    app = Flask("asgi_app", static_folder=None)
    app.config.update(SECRET_KEY="key", **settings)
    return app


def test_importing_tuile_loads_no_asyncio() -> None:
    assert observe("import sys, tuile; tuile.Flask('x').test_client(); seen = 'asyncio' in sys.modules") is False


# --- one object -------------------------------------------------------------------------------------------------------


def test_the_number_of_arguments_tells_the_protocol() -> None:
    app = make_app()
    app.get("/")(lambda: "hello")

    async def main() -> list[str]:
        first, second = Server(make_scope()), Server(make_scope())
        await app(first.scope, first.receive, first.send)
        # As in ASGI 2.
        await app(second.scope)(second.receive, second.send)
        return [b"".join(server.bodies).decode() for server in (first, second)]

    assert run(main) == ["hello", "hello"]
    assert app.test_client().get("/").text == "hello"


def test_a_wsgi_environ_alone_is_refused_with_an_explanation() -> None:
    app = make_app()
    for arguments in ({"PATH_INFO": "/"},), ({"PATH_INFO": "/"}, None), ():
        with pytest.raises(TypeError):
            app(*arguments)


def test_other_scopes_are_refused_as_the_specification_says() -> None:
    app = make_app()

    async def main() -> None:
        server = Server(make_scope())
        with pytest.raises(ValueError, match="'telnet'"):
            await app({"type": "telnet"}, server.receive, server.send)

    run(main)


class Subclass(Flask):
    """An app that changes the environ."""

    def __call__(self, environ: Any, start_response: Any) -> Any:  # type: ignore[override] # as people write it
        environ["HTTP_X_SEEN"] = f"{environ.get('HTTP_X_SEEN', '')}subclass "
        return super().__call__(environ, start_response)


class Mixin:
    def __call__(self, environ: Any, start_response: Any) -> Any:
        environ["HTTP_X_SEEN"] = f"{environ.get('HTTP_X_SEEN', '')}mixin "
        return super().__call__(environ, start_response)  # type: ignore[misc] # beside Flask


class WithMixin(Mixin, Flask):  # type: ignore[misc] # as people write it
    pass


class WithBoth(WithMixin, Subclass):  # type: ignore[misc] # as people write it
    pass


@pytest.mark.parametrize(
    ("kind", "seen"), [(Subclass, "subclass "), (WithMixin, "mixin "), (WithBoth, "mixin subclass ")]
)
def test_an_overridden_call_of_two_arguments_serves_both(kind: type[Flask], seen: str) -> None:
    app = kind("asgi_app", static_folder=None)
    app.get("/")(lambda: request.headers["X-Seen"])
    assert app.test_client().get("/").text == seen
    assert send(app).text == seen


def test_an_agent_that_patches_the_class_sees_requests_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Flask.__call__
    seen: list[str] = []

    def patched(self: Any, environ: Any, start_response: Any) -> Any:
        seen.append(environ["PATH_INFO"])
        return before(self, environ, start_response)

    app = make_app()
    app.get("/<name>")(lambda name: name)
    with monkeypatch.context() as patch:
        patch.setattr(Flask, "__call__", patched)
        assert Flask.__call__ is patched
        assert app.test_client().get("/wsgi").text == "wsgi"
        assert send(app, "/asgi").text == "asgi"
    assert Flask.__call__ is before
    assert vars(Flask).get("__call__", before) is before
    assert send(app, "/asgi").text == "asgi"
    assert seen == ["/wsgi", "/asgi"]


def test_middleware_of_both_protocols_is_called() -> None:
    app = make_app()
    app.get("/")(lambda: request.headers["X-Wsgi"] + request.headers["X-Asgi"])
    wsgi_app, asgi_app = app.wsgi_app, app.asgi_app

    def wsgi_middleware(environ: Any, start_response: Any) -> Any:
        return wsgi_app({**environ, "HTTP_X_WSGI": "w"}, start_response)

    async def asgi_middleware(scope: Any, receive: Any, send: Any) -> None:
        await asgi_app({**scope, "headers": [*scope["headers"], (b"x-asgi", b"a")]}, receive, send)

    app.wsgi_app = wsgi_middleware  # type: ignore[method-assign] # as people do
    app.asgi_app = asgi_middleware  # type: ignore[method-assign]
    assert send(app).text == "wa"


# --- one thread and one context ---------------------------------------------------------------------------------------


def test_a_request_runs_whole_in_one_thread_and_one_context() -> None:
    app = make_app(ASGI_WORKERS=4)
    local, failures = threading.local(), list[object]()

    def check(where: str) -> None:
        number = request.args["n"]
        try:
            assert local.number == VARIABLE.get() == number
            assert g.connection.execute("SELECT ?", (number,)).fetchone() == (number,)
        except Exception as error:  # noqa: BLE001 - the subject
            failures.append((where, error))

    @app.before_request
    def begin() -> None:
        if VARIABLE.get() != "unset":
            failures.append(("begin", VARIABLE.get()))
        local.number = request.args["n"]
        VARIABLE.set(local.number)
        g.connection = sqlite3.connect(":memory:")

    @app.after_request
    def close_at_end(response: Response) -> Response:
        connection = g.connection

        def close() -> None:
            try:
                connection.close()
            except sqlite3.Error as error:
                failures.append(("close", error))

        response.call_on_close(close)
        return response

    @app.route("/")
    def view() -> str:
        check("view")
        return ""

    @app.route("/stream")
    def stream() -> Response:
        def pieces() -> Iterator[str]:
            for number in range(3):
                check(f"piece {number}")
                yield "x"

        # As on Flask, the functions for the end run before the stream.
        return Response(stream_with_context(pieces()))

    @app.after_request
    def after(response: Response) -> Response:
        check("after")
        return response

    @app.teardown_request
    def end(_: object) -> None:
        check("teardown")

    async def main() -> None:
        for _ in range(10):
            paths = ["/stream" if number % 3 == 0 else "/" for number in range(40)]
            answers = [ask(app, path, query=f"n={number}".encode()) for number, path in enumerate(paths)]
            assert {answer.status for answer in await asyncio.gather(*answers)} == {200}

    run(main)
    assert failures == []


def test_context_variables_come_from_around_the_app_and_go_back_there() -> None:
    app = make_app()
    seen = []

    @app.get("/")
    def view() -> str:
        seen.append(VARIABLE.get())
        VARIABLE.set("by the view")
        return ""

    async def main() -> None:
        VARIABLE.set("by a middleware")
        await ask(app)
        seen.append(VARIABLE.get())

    run(main)
    assert seen == ["by a middleware", "by the view"]
    assert VARIABLE.get() == "unset"


def test_as_many_views_run_at_the_same_time_as_there_are_workers() -> None:
    app = make_app(ASGI_WORKERS=5)
    together = threading.Barrier(5, timeout=120)
    app.get("/")(lambda: str(together.wait()))

    async def main() -> list[str]:
        return sorted([answer.text for answer in await asyncio.gather(*(ask(app) for _ in range(15)))])

    assert run(main) == sorted("01234" * 3)


def test_no_more_threads_are_started_than_needed() -> None:
    app = make_app(ASGI_WORKERS=3)
    app.get("/")(lambda: "x")

    async def main() -> None:
        workers = service_of(app).workers
        for _ in range(3):
            await ask(app)
        assert workers.size == 1
        await asyncio.gather(*(ask(app) for _ in range(50)))
        assert workers.size <= 3
        assert (workers.busy, workers.lent, workers.jobs) == (0, 0, set())

    run(main)


def test_a_request_is_freed_at_its_end() -> None:
    app = make_app()
    requests: list[weakref.ref[Any]] = []

    @app.get("/")
    def view() -> str:
        requests.append(weakref.ref(request._get_current_object()))  # type: ignore[attr-defined] # of the proxy
        return "x"

    async def main() -> None:
        gc.disable()
        try:
            for _ in range(3):
                await ask(app)
            # A thread lets go of its last job after it has told of its end.
            end = time.monotonic() + 60
            while any(reference() for reference in requests):
                assert time.monotonic() < end
                await asyncio.sleep(0.001)
        finally:
            gc.enable()

    run(main)


# --- bodies -----------------------------------------------------------------------------------------------------------


def make_reader(**settings: Any) -> Flask:
    app = make_app(**settings)

    @app.post("/whole")
    def whole() -> bytes:
        return request.get_data()

    @app.post("/lines")
    def lines() -> list[str]:
        return [line.decode() for line in request.stream]

    @app.post("/count")
    def count() -> str:
        total = 0
        while piece := request.stream.read(64 * 1024):
            total += len(piece)
        return str(total)

    @app.post("/unread")
    def unread() -> str:
        return "not read"

    @app.post("/limited/<int:limit>")
    def limited(limit: int) -> bytes:
        request.max_content_length = limit
        return request.get_data()

    return app


@pytest.mark.parametrize(
    "pieces", [[], [b"abc"], [b"a", b"", b"b\nc"], [b"x" * 70_000, b"y" * 70_000, b"z"], [b"q"] * 50]
)
@pytest.mark.parametrize("announced", [True, False, None])
def test_a_body_is_read_whole_however_it_comes(pieces: list[bytes], announced: bool | None) -> None:
    body = b"".join(pieces)
    headers = []
    if announced is not None:
        length = str(len(body)).encode()
        headers = [(b"content-length", length) if announced else (b"transfer-encoding", b"chunked")]

    async def main() -> None:
        app = make_reader()
        answer = await Server(make_scope("/whole", "POST", headers=headers), pieces).ask(app)
        assert answer.body == body
        answer = await Server(make_scope("/lines", "POST", headers=headers), pieces).ask(app)
        assert json.loads(answer.body) == [line.decode() for line in body.splitlines(keepends=True)]
        answer = await Server(make_scope("/count", "POST", headers=headers), pieces).ask(app)
        assert answer.text == str(len(body))

    run(main)


def test_a_body_over_the_limit_is_refused_before_it_is_read() -> None:
    async def main() -> None:
        app = make_reader(MAX_CONTENT_LENGTH=10)
        server = Server(make_scope("/whole", "POST", headers=[(b"content-length", b"11")]), [b"x" * 11])
        assert (await server.ask(app)).status == 413
        assert server.received == 0

    run(main)


def test_a_chunked_body_over_the_limit_is_refused_after_it() -> None:
    async def main() -> None:
        app = make_reader(MAX_CONTENT_LENGTH=200_000)
        headers = [(b"transfer-encoding", b"chunked")]
        server = Server(make_scope("/whole", "POST", headers=headers), [b"x" * 1000] * 1000)
        assert (await server.ask(app)).status == 413
        assert server.received <= 200 + 2 * 66

    run(main)


@pytest.mark.parametrize(("limit", "status"), [(10, 413), (11, 200), (100, 200)])
@pytest.mark.parametrize("header", [(b"content-length", b"11"), (b"transfer-encoding", b"chunked")])
def test_a_view_can_set_the_limit_of_its_request(limit: int, status: int, header: tuple[bytes, bytes]) -> None:
    async def main() -> None:
        app = make_reader(MAX_CONTENT_LENGTH=5)
        scope = make_scope(f"/limited/{limit}", "POST", headers=[header])
        assert (await Server(scope, [b"x" * 11]).ask(app)).status == status

    run(main)


def test_a_body_that_nobody_reads_is_not_received() -> None:
    async def main() -> None:
        headers = [(b"content-length", b"10000000")]
        server = Server(make_scope("/unread", "POST", headers=headers), [b"x" * 10_000] * 1000)
        assert (await server.ask(make_reader())).text == "not read"
        assert server.received * 10_000 <= 128 * 1024

    run(main)


def test_a_large_upload_is_never_in_memory() -> None:
    app = make_reader()
    most_ahead = 0

    async def main() -> None:
        nonlocal most_ahead
        count, taken = 4096, 0
        piece = bytes(64 * 1024)
        server = Server(make_scope("/count", "POST", headers=[(b"content-length", b"%d" % (count * len(piece)))]))
        workers = service_of(app).workers

        async def receive() -> Any:
            nonlocal taken, most_ahead
            for job in workers.jobs:
                most_ahead = max(most_ahead, job.fed - job.taken)  # type: ignore[attr-defined] # an exchange
            taken += 1
            return {"type": "http.request", "body": piece, "more_body": taken < count}

        server.receive = receive  # type: ignore[method-assign] # endless patience
        assert (await server.ask(app)).text == str(256 * 1024 * 1024)

    run(main)
    assert most_ahead <= 128 * 1024


def test_a_client_that_does_not_want_to_send_in_vain_is_not_asked_to() -> None:
    async def main() -> None:
        headers = [(b"content-length", b"10000000"), (b"expect", b"100-continue")]
        server = Server(make_scope("/unread", "POST", headers=headers), [b"x" * 10_000])
        await server.ask(make_reader())
        assert server.received == 0

    run(main)


@pytest.mark.parametrize("header", [(b"content-length", b"300000"), (b"transfer-encoding", b"chunked")])
@pytest.mark.parametrize(
    ("settings", "size", "status"),
    [
        ({}, 300_000, 200),
        ({"MAX_CONTENT_LENGTH": 300_000}, 300_000, 200),
        ({"MAX_CONTENT_LENGTH": 299_999}, 300_000, 413),
        ({"ASGI_SPOOL": 150_000}, 300_000, 413),
    ],
)
def test_a_coroutine_function_reads_a_body_that_is_not_there_yet(
    header: tuple[bytes, bytes], settings: Any, size: int, status: int
) -> None:
    app = make_app(**settings)

    @app.before_request
    async def first() -> None:
        await asyncio.sleep(0)

    @app.post("/whole")
    async def whole() -> bytes:
        start = request.stream.read(10)
        await asyncio.sleep(0)
        return start + request.stream.read()

    @app.post("/then")
    def then() -> bytes:
        return request.get_data()

    async def main() -> None:
        pieces = [bytes([number % 256]) * 1000 for number in range(size // 1000)]
        for path in ("/whole", "/then"):
            # A synchronous view waits in its own thread for what was not put aside.
            status_there = 200 if path == "/then" and "ASGI_SPOOL" in settings else status
            answer = await Server(make_scope(path, "POST", headers=[header]), pieces).ask(app)
            assert answer.status == status_there
            if status_there == 200:
                assert answer.body == b"".join(pieces)

    run(main)


def test_a_coroutine_function_does_not_wait_for_a_client_that_left() -> None:
    app = make_app()
    raised: list[str] = []

    @app.post("/")
    async def view() -> bytes:
        try:
            return request.get_data()
        except ClientDisconnected as error:
            raised.append(type(error).__name__)
            raise

    async def main() -> None:
        scope = make_scope("/", "POST", headers=[(b"content-length", b"200000")])
        server = Server(scope, [b"x" * 70_000], is_complete=False)
        asyncio.get_running_loop().call_later(0.05, server.left.set)
        await app(scope, server.receive, server.send)

    run(main)
    assert raised == ["ClientDisconnected"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_body_of_http_2_needs_no_announcement(method: str) -> None:
    app = make_app()

    @app.route("/", methods=["GET", "POST"])
    def echo() -> bytes:
        return request.get_data()

    @app.route("/async", methods=["GET", "POST"])
    async def echo_async() -> bytes:
        return request.get_data()

    async def main() -> None:
        for path in ("/", "/async"):
            server = Server(make_scope(path, method, http_version="2"), [b"abc", b"x" * 100_000])
            assert (await server.ask(app)).body == b"abc" + b"x" * 100_000

    run(main)


def test_what_is_read_like_a_file_is_not_read_after_its_announced_length() -> None:
    app = Flask("file", static_folder=None)

    class Socket:
        """Has no end, as the connection to another server that is kept open."""

        pieces = iter([b"one", b"two"])

        def read(self, size: int) -> bytes:
            piece = next(self.pieces, None)
            assert piece is not None, "it would wait here"
            return piece

    @app.get("/")
    def view() -> Any:
        file: Any = Socket()
        response = send_file(file, "text/plain")
        response.content_length = 6
        return response

    assert send(app).body == b"onetwo"


def test_files_are_sent_in_large_pieces(tmp_path: Any) -> None:
    app = make_app()
    path = tmp_path / "file.bin"
    path.write_bytes(bytes(range(256)) * 1000)
    app.get("/")(lambda: send_file(path, download_name="file.bin"))
    answer = send(app)
    assert answer.body == path.read_bytes()
    assert len(answer.pieces) <= 5


def test_no_wake_up_is_lost() -> None:
    app = make_reader(ASGI_WORKERS=3)

    @app.post("/echo")
    def echo() -> Response:
        return Response(stream_with_context(iter(lambda: request.stream.read(3000), b"")))

    async def one(number: int) -> None:
        pieces = [bytes([number, piece]) * (1 + 700 * (number + piece) % 9000) for piece in range(number % 12)]
        scope = make_scope("/echo", "POST", headers=[(b"transfer-encoding", b"chunked")])
        if number % 4 == 0:
            await Server(scope, pieces, leaves_after=1 + number % 3).ask(app)
        else:
            assert (await Server(scope, pieces).ask(app)).body == b"".join(pieces)

    async def main() -> None:
        for _ in range(5):
            await asyncio.gather(*(one(number) for number in range(60)))
        workers = service_of(app).workers
        assert (workers.busy, workers.lent, workers.jobs) == (0, 0, set())

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        run(main)
    finally:
        sys.setswitchinterval(before)


# --- clients that leave -----------------------------------------------------------------------------------------------


def test_a_client_that_leaves_before_its_request_is_complete_costs_nothing() -> None:
    app = make_reader()
    calls = []
    app.before_request(lambda: calls.append(1))

    async def main() -> None:
        scope = make_scope("/whole", "POST", headers=[(b"content-length", b"10")])
        server = Server(scope, [b"abc"], is_complete=False)
        server.left.set()
        await app(scope, server.receive, server.send)
        assert server.start is None

    run(main)
    assert calls == []


def test_a_client_that_leaves_while_its_body_is_read_is_no_error_of_the_server(caplog: Any) -> None:
    app = make_reader()
    errors: list[BaseException | None] = []
    app.teardown_request(errors.append)
    raised: list[str] = []

    @app.errorhandler(ClientDisconnected)
    def left(error: ClientDisconnected) -> str:
        raised.append(type(error).__name__)
        return "left"

    async def main() -> None:
        scope = make_scope("/whole", "POST", headers=[(b"content-length", b"200000")])
        server = Server(scope, [b"x" * 70_000], is_complete=False)
        asyncio.get_running_loop().call_later(0.05, server.left.set)
        await app(scope, server.receive, server.send)

    run(main)
    assert raised == ["ClientDisconnected"]
    assert errors == [None]
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_wsgi_middleware_that_reads_when_the_client_left_does_not_fail() -> None:
    app = make_reader()
    inner = app.wsgi_app

    def middleware(environ: Any, start_response: Any) -> Any:
        environ["wsgi.input"].read()
        return inner(environ, start_response)

    app.wsgi_app = middleware  # type: ignore[method-assign] # as people do

    async def main() -> None:
        scope = make_scope("/whole", "POST", headers=[(b"content-length", b"200000")])
        server = Server(scope, [b"x" * 70_000], is_complete=False)
        asyncio.get_running_loop().call_later(0.05, server.left.set)
        await app(scope, server.receive, server.send)

    run(main)


def make_streams(**settings: Any) -> tuple[Flask, list[Any]]:
    app = make_app(**settings)
    seen: list[Any] = []

    @app.get("/endless")
    def endless() -> Response:
        thread = threading.get_ident()

        def pieces() -> Iterator[str]:
            try:
                while True:
                    yield "x" * 1000
            finally:
                seen.append((threading.get_ident() == thread, request.path))

        response = Response(stream_with_context(pieces()))
        response.call_on_close(lambda: seen.append("closed"))
        return response

    @app.get("/sized")
    def sized() -> Response:
        def pieces() -> Iterator[str]:
            for _ in range(100):
                yield "y" * 1000
            seen.append("end")

        return Response(pieces(), headers={"Content-Length": request.args.get("length", "100000")})

    @app.get("/fails")
    def fails() -> Response:
        def pieces() -> Iterator[str]:
            yield "x"
            raise ValueError("in the middle")

        return Response(pieces())

    @app.get("/small")
    def small() -> str:
        return "small"

    return app, seen


@pytest.mark.parametrize("leaves_after", [1, 3])
def test_an_endless_stream_is_closed_in_its_thread_when_the_client_leaves(leaves_after: int) -> None:
    app, seen = make_streams()

    async def main() -> None:
        await Server(make_scope("/endless"), leaves_after=leaves_after).ask(app)

    run(main)
    assert seen == [(True, "/endless"), "closed"]


def test_clients_that_leave_give_their_threads_back() -> None:
    app, seen = make_streams(ASGI_WORKERS=4)

    async def main() -> None:
        await asyncio.gather(*(Server(make_scope("/endless"), leaves_after=2).ask(app) for _ in range(100)))
        workers = service_of(app).workers
        assert (workers.busy, workers.lent, workers.jobs) == (0, 0, set())
        assert (await ask(app, "/small")).text == "small"
        assert workers.size <= 4

    run(main)
    assert seen.count((True, "/endless")) == 100


def test_a_slow_client_stops_a_stream_within_its_bounds() -> None:
    app = make_app()
    count = 0

    @app.get("/")
    def view() -> Any:
        def pieces() -> Iterator[bytes]:
            nonlocal count
            while True:
                count += 1
                yield bytes(1000)

        return pieces()

    async def main() -> None:
        server = Server(make_scope())
        may_go_on = asyncio.Event()
        accepted = 0

        async def slow(message: Any) -> None:
            nonlocal accepted
            if message["type"] == "http.response.body":
                accepted += len(message["body"])
                if accepted > 10_000:
                    await may_go_on.wait()

        task = asyncio.ensure_future(app(server.scope, server.receive, slow))
        before = -1
        while count != before or not accepted:
            before = count
            await asyncio.sleep(0.05)
        assert count * 1000 - accepted <= 2 * 64 * 1024 + 1000
        server.left.set()
        may_go_on.set()
        await task

    run(main)


def test_streams_leave_the_workers_to_other_requests() -> None:
    app, _ = make_streams(ASGI_WORKERS=1)

    async def main() -> None:
        servers = [Server(make_scope("/endless"), takes=0.001) for _ in range(5)]
        tasks = [asyncio.ensure_future(server.ask(app)) for server in servers]
        await until(lambda: all(server.bodies for server in servers))
        assert (await ask(app, "/small")).text == "small"
        for server in servers:
            server.left.set()
        await asyncio.gather(*tasks)

    run(main)


def test_too_many_streams_are_told_to_come_again() -> None:
    app, _ = make_streams(ASGI_WORKERS=2, ASGI_STREAM_WORKERS=1)

    async def main() -> None:
        first = Server(make_scope("/endless"), takes=0.001)
        task = asyncio.ensure_future(first.ask(app))
        await until(lambda: first.bodies)
        second = await ask(app, "/endless")
        assert second.status == 503
        assert second.header(b"retry-after") is not None
        assert (await ask(app, "/small")).text == "small"
        first.left.set()
        await task

    run(main)


def test_a_cancelled_request_ends_its_stream() -> None:
    app, seen = make_streams()

    async def main() -> None:
        server = Server(make_scope("/endless"), takes=0.001)
        task = asyncio.ensure_future(server.ask(app))
        await until(lambda: server.bodies)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: "closed" in seen)

    run(main)


def test_the_stream_is_closed_after_the_piece_that_is_being_made() -> None:
    app = make_app()
    events: list[str] = []
    is_making, may_go_on = threading.Event(), threading.Event()

    @app.get("/")
    def view() -> Any:
        def pieces() -> Iterator[str]:
            try:
                yield "first"
                is_making.set()
                may_go_on.wait(100)
                events.append("made")
                yield "second"
            finally:
                events.append("closed")

        return pieces()

    async def main() -> None:
        server = Server(make_scope(), leaves_after=1)
        task = asyncio.ensure_future(server.ask(app))
        await until(is_making.is_set)
        await asyncio.sleep(0.01)
        may_go_on.set()
        await task
        assert server.bodies == [b"first"]

    run(main)
    assert events == ["made", "closed"]


# --- responses --------------------------------------------------------------------------------------------------------


def test_a_response_has_as_many_bytes_as_it_announces() -> None:
    app, seen = make_streams()
    assert len(send(app, "/sized").body) == 100_000
    assert seen == ["end"]
    assert len(send(app, "/sized", query=b"length=1500").body) == 1500

    async def short() -> None:
        server = Server(make_scope("/sized", query=b"length=100001"))
        with pytest.raises(RuntimeError, match="1 bytes before its Content-Length"):
            await app(server.scope, server.receive, server.send)
        assert not server.is_complete

    run(short)


def test_an_error_in_a_stream_cuts_it_off() -> None:
    app, _ = make_streams()

    async def main() -> None:
        server = Server(make_scope("/fails"))
        with pytest.raises(ValueError, match="in the middle"):
            await app(server.scope, server.receive, server.send)
        assert server.bodies in ([b"x"], [])
        assert not server.is_complete

    run(main)


@pytest.mark.parametrize("path", ["/endless", "/sized", "/fails", "/small"])
def test_head_has_no_body_and_closes_the_response(path: str) -> None:
    app, seen = make_streams()
    answer = send(app, path, "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    if path == "/endless":
        assert seen[-1] == "closed"


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_has_none(status: int) -> None:
    app = make_app()
    app.get("/text", endpoint="text")(lambda: ("text", status))
    app.get("/stream", endpoint="stream")(lambda: (iter(["text"]), status))

    @app.get("/raw")
    def raw() -> Any:
        def call(environ: Any, start_response: Any) -> Any:
            start_response(f"{status} X", [])
            return [b"text"]

        return call

    for path in ("/text", "/stream", "/raw"):
        answer = send(app, path)
        assert (answer.status, answer.body) == (status, b"")


def test_functions_that_run_at_the_end_do_not_delay_the_response() -> None:
    app = make_app()
    may_go_on = threading.Event()

    @app.get("/")
    def view() -> Response:
        response = Response("x")
        response.call_on_close(lambda: may_go_on.wait(100))
        return response

    async def main() -> None:
        server = Server(make_scope())
        task = asyncio.ensure_future(server.ask(app))
        await until(lambda: server.is_complete)
        assert not task.done()
        may_go_on.set()
        await task

    run(main)


def raw_app(name: str) -> Any:
    """Return a WSGI application that keeps to PEP 3333 in an unusual way, or does not."""

    def call(environ: Any, start_response: Any) -> Any:
        if name == "write":
            write = start_response("200 OK", [("Content-Length", "6")])
            write(b"abc")
            return [b"def"]
        if name == "late":

            def pieces() -> Iterator[bytes]:
                start_response("200 OK", [])
                yield b""
                yield b"late"

            return pieces()
        if name == "error page":
            start_response("200 OK", [])
            try:
                raise ValueError("on purpose")
            except ValueError:
                start_response("500 X", [], sys.exc_info())
            return [b"page"]
        if name == "error page too late":
            write = start_response("200 OK", [])
            write(b"x")
            try:
                raise ValueError("on purpose")
            except ValueError:
                start_response("500 X", [], sys.exc_info())
        if name == "twice":
            start_response("200 OK", [])
            start_response("200 OK", [])
        if name == "text":
            start_response("200 OK", [])
            return ["text"]
        if name == "header":
            start_response("200 OK", [("X", "a\r\nb: c")])
        if name == "array":
            start_response("200 OK", [])
            return [bytearray(b"ar"), memoryview(b"ray")]
        if name == "exit":
            raise SystemExit(1)
        return [b"x"]

    return call


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("write", (200, b"abcdef")),
        ("late", (200, b"late")),
        ("error page", (500, b"page")),
        ("array", (200, b"array")),
        ("error page too late", ValueError),
        ("twice", RuntimeError),
        ("text", TypeError),
        ("header", ValueError),
        ("exit", RuntimeError),
        ("never started", RuntimeError),
    ],
)
def test_wsgi_applications_in_the_place_of_wsgi_app(name: str, expected: Any) -> None:
    app = make_app()
    app.wsgi_app = raw_app(name)  # type: ignore[method-assign] # as people do
    if isinstance(expected, tuple):
        answer = send(app)
        assert (answer.status, answer.body) == expected
    else:
        with pytest.raises(expected):
            send(app)
    # The worker has survived.
    app.wsgi_app = raw_app("write")  # type: ignore[method-assign]
    assert send(app).body == b"abcdef"


# --- coroutine functions ----------------------------------------------------------------------------------------------


def test_coroutine_functions_run_on_the_servers_loop_and_see_the_request() -> None:
    app = make_app()
    loops: list[Any] = []

    def tell(where: str) -> None:
        loops.append(asyncio.get_running_loop())
        g.setdefault("seen", []).append((where, request.path, VARIABLE.get()))

    @app.before_request
    async def begin() -> None:
        tell("before")
        VARIABLE.set("by a hook")
        await asyncio.sleep(0)

    @app.before_request
    def middle() -> None:
        g.seen.append(("sync", request.path, VARIABLE.get()))

    @app.get("/")
    async def view() -> str:
        await asyncio.sleep(0.001)
        tell("view")
        session["seen"] = True
        return "x"

    @app.get("/fails")
    async def fails() -> str:
        raise LookupError("on purpose")

    @app.errorhandler(LookupError)
    async def handle(error: LookupError) -> str:
        tell("handler")
        return str(error)

    told: list[Any] = []

    @app.teardown_request
    async def end(error: object) -> None:
        tell("teardown")
        told.append(g.seen)

    async def main() -> None:
        answer = await ask(app)
        assert answer.text == "x"
        assert (answer.header(b"set-cookie") or b"").startswith(b"session=")
        assert (await ask(app, "/fails")).text == "on purpose"
        assert set(loops) == {asyncio.get_running_loop()}

    run(main)
    expected = [("before", "/", "unset"), ("sync", "/", "by a hook"), ("view", "/", "by a hook")]
    assert told[0] == [*expected, ("teardown", "/", "by a hook")]
    assert told[1][2] == ("handler", "/fails", "by a hook")
    assert VARIABLE.get() == "unset"


def test_what_was_made_in_one_request_lives_in_the_next() -> None:
    app = make_app()
    queue: asyncio.Queue[str] | None = None

    @app.get("/<text>")
    async def view(text: str) -> str:
        nonlocal queue
        if queue is None:
            queue = asyncio.Queue()
        await queue.put(text)
        return await queue.get()

    async def main() -> None:
        for number in range(100):
            assert (await ask(app, f"/{number}")).text == str(number)

    run(main)


def test_views_that_wait_do_not_hold_the_workers() -> None:
    app = make_app(ASGI_WORKERS=2)
    waiting = 0
    everyone: asyncio.Event | None = None

    def login_required(view: Any) -> Any:
        def checked() -> Any:
            # As flask-login does it.
            return app.ensure_sync(view)()

        return checked

    @app.get("/")
    @login_required
    async def view() -> str:
        nonlocal waiting
        assert everyone is not None
        waiting += 1
        if waiting == 40:
            everyone.set()
        await everyone.wait()
        return "x"

    async def main() -> None:
        nonlocal everyone
        everyone = asyncio.Event()
        answers = await asyncio.gather(*(ask(app) for _ in range(40)))
        assert {answer.text for answer in answers} == {"x"}
        workers = service_of(app).workers
        assert (workers.busy, workers.lent) == (0, 0)
        await ask(app)
        assert workers.size <= 2

    run(main)


def test_one_app_serves_several_loops() -> None:
    # With a name of its own, because other tests' threads may not have ended yet.
    app = Flask("several_loops", static_folder=None)
    app.get("/")(lambda: "x")
    for _ in range(5):
        assert send(app).text == "x"
    assert len([thread for thread in threading.enumerate() if thread.name.startswith("several_loops-worker")]) <= 20
    services = app.__dict__["_services"]
    assert len(services) == 1


def test_the_threads_of_an_app_end_with_it() -> None:
    app = Flask("short_lived", static_folder=None)
    app.get("/")(lambda: "x")
    send(app)
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("short_lived-worker")]
    assert threads
    del app
    # A thread may still be about to let go of the request, and with it of the app.
    end = time.monotonic() + 60
    while any(thread.is_alive() for thread in threads):
        assert time.monotonic() < end
        gc.collect()
        time.sleep(0.01)
