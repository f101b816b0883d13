"""Bodies that are received before the view is known: views see them as on the whole way."""

from __future__ import annotations

import asyncio
import io
import tracemalloc
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.routing import Map

from tests.asgi.driver import Server, ask, make_scope, run, until
from tuile import Flask, Response, g, request, session
from tuile.asgi.ahead import ReceivedAhead, is_length
from tuile.asgi.exchange import MOST_WAITING
from tuile.asgi.matched import MatchedExchange

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

# With it, only the whole environ tells the view of a request.
_WHOLE = [(b"X-Whole", b"1")]
_BOUNDARY = b"multipart/form-data; boundary=b"
_FORM = (
    b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nhello\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nfile\r\n--b--\r\n'
)
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "QUERY", "post"]


def _read_twice() -> str:
    return f"{request.stream.read(2)!r} {request.get_data()!r} {request.form} {request.get_json(silent=True)}"


def _limited() -> str:
    request.max_content_length = 4
    return repr(request.get_data())


def _stored() -> str:
    session["user"] = request.form.get("a", "")
    g.user = session["user"]
    return str(g.user)


READING: dict[str, Callable[[], Any]] = {
    "json": lambda: request.json,
    "silent": lambda: repr(request.get_json(force=True, silent=True)),
    "json_then_data": lambda: f"{request.get_json(silent=True)} {request.get_data()!r} {request.is_json}",
    "form": lambda: f"{request.form} {request.files.get('file', io.BytesIO()).read()!r} {request.values}",
    "key": lambda: request.form["a"],
    "data": lambda: f"{request.data!r} {request.content_length} {request.content_type} {request.mimetype}",
    "stream": lambda: repr(request.stream.read()),
    "input": lambda: repr(request.environ["wsgi.input"].read()),
    "twice": _read_twice,
    "limited": _limited,
    "stored": _stored,
    "echo": lambda: Response(iter([request.get_data()])),
    "unread": lambda: f"{request.method} {request.headers.get('Content-Length')} {request.headers.get('Content-Type')}",
}


def make_app(change: Callable[[Flask], object] = lambda app: None, *, awaits: bool = False) -> Flask:
    """Return an app with a view for each way of reading a body, for all methods but two."""
    app = Flask("ahead", static_folder=None)
    app.secret_key = "6a1f0c9e5b7d4e2f8a3b05d7c1e94b26"
    app.logger.disabled = True
    for name, view in READING.items():
        app.add_url_rule(f"/{name}", name, _awaited(view) if awaits else view, methods=["GET", "POST", "PUT", "DELETE"])
    app.add_url_rule("/options", "options", READING["data"], methods=["OPTIONS", "POST"])
    app.get("/text")(lambda: "x")
    change(app)
    return app


def _awaited(view: Callable[[], Any]) -> Callable[[], Coroutine[Any, Any, Any]]:
    async def call() -> Any:
        return view()

    return call


def _by_hooks(app: Flask) -> None:
    app.before_request(lambda: setattr(g, "seen", request.get_json(silent=True)))

    @app.after_request
    def after(response: Response) -> Response:
        response.headers["X-Seen"] = f"{g.seen}"[:20].replace("\r", "").replace("\n", "")
        return response


CHANGES: list[Callable[[Flask], object]] = [
    lambda app: None,
    _by_hooks,
    lambda app: app.config.update(MAX_CONTENT_LENGTH=10),
    lambda app: app.config.update(CSRF="fetch"),
    lambda app: app.register_error_handler(400, lambda error: (f"bad {error.code}", 400)),
    lambda app: app.teardown_appcontext(lambda error: None),
    lambda app: app.before_request(lambda: "early" if request.content_length == 3 else None),
    lambda app: app.config.update(TRUSTED_HOSTS=["localhost"]),
]


async def _answer(app: Flask, scope: Any, pieces: list[bytes]) -> list[Any]:
    server = Server(scope, pieces)
    try:
        answer = await server.ask(app)
    except Exception as error:  # noqa: BLE001 - compared
        return [repr(error)]
    headers = [(name, b"..." if name == b"allow" else value) for name, value in answer.headers]
    return [answer.status, headers, answer.body]


_APPS = [(make_app(change), make_app(change, awaits=True)) for change in CHANGES]
_BODIES = st.one_of(
    st.sampled_from([b"", b'{"a": 1}', b"a=1&b=2", _FORM, b"[1]", b"{", b"\xff", b"abc", b"x" * 70_000]),
    st.binary(max_size=30),
)


@given(
    name=st.sampled_from([*READING, "options", "none"]),
    method=st.sampled_from(_METHODS),
    body=_BODIES,
    cuts=st.lists(st.integers(0, 70_000), max_size=3),
    content_type=st.sampled_from([None, b"application/json", b"application/x-www-form-urlencoded", _BOUNDARY, b"\xff"]),
    announced=st.sampled_from(["right", "none", "chunked", "both", "wrong", b"x", b"", b"-1", b"+3", b"9" * 30]),
    version=st.sampled_from(["1.1", "1.0", "2", "3"]),
    change=st.integers(0, len(CHANGES) - 1),
)
def test_each_body_is_read_as_on_the_whole_way(
    name: str,
    method: str,
    body: bytes,
    cuts: list[int],
    content_type: bytes | None,
    announced: str | bytes,
    version: str,
    change: int,
) -> None:
    headers = [] if content_type is None else [(b"content-type", content_type)]
    if announced in {"chunked", "both"}:
        headers.append((b"transfer-encoding", b"chunked"))
        announced = "none" if announced == "chunked" else "right"
    if announced != "none":
        lengths = {"right": len(body), "wrong": len(body) + 1}
        length = announced if isinstance(announced, bytes) else str(lengths[announced]).encode()
        headers.append((b"content-length", length))
    ends = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    pieces = [body[start:end] for start, end in pairwise(ends)]

    async def main() -> list[list[Any]]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("time.time", lambda: 1_700_000_000.0)
            found = []
            for app in _APPS[change]:
                await ask(app, "/text")
                for more in ([], _WHOLE):
                    scope = make_scope(f"/{name}", method, headers=[*headers, *more], http_version=version)
                    found.append(await _answer(app, scope, pieces))
            return found

    found = run(main)
    assert found[0] == found[1]
    assert found[2] == found[3]


class _OwnMap(Map):
    """A map that is asked with an environ."""

    def bind_to_environ(self, *args: Any, **kwargs: Any) -> Any:
        return super().bind_to_environ(*args, **kwargs)


_WithOwnMap = type("_WithOwnMap", (Flask,), {"url_map_class": _OwnMap})


@pytest.mark.parametrize("kind", [Flask, _WithOwnMap])
@pytest.mark.parametrize("trusted", [None, ["localhost"]])
@pytest.mark.parametrize("awaits", [False, True])
@pytest.mark.parametrize("version", ["1.1", "2"])
@pytest.mark.parametrize("is_announced", [False, True])
@pytest.mark.parametrize("length", [3, 70_000])
def test_a_body_is_read_whatever_was_needed_to_find_its_view(
    kind: type[Flask], trusted: list[str] | None, awaits: bool, version: str, is_announced: bool, length: int
) -> None:
    app = kind("found", static_folder=None)
    app.config["TRUSTED_HOSTS"] = trusted
    app.get("/text")(lambda: "x")

    def read() -> bytes:
        return request.get_data()

    app.post("/read")(_awaited(read) if awaits else read)
    headers = [(b"content-length", str(length).encode())] if is_announced else []
    scope = make_scope("/read", "POST", headers=headers, http_version=version)

    async def main() -> bytes:
        await ask(app, "/text")
        return (await Server(scope, [b"x" * length]).ask(app)).body

    assert run(main) == b"x" * length


def test_a_request_with_a_body_is_matched_on_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    matched = []
    run_matched = MatchedExchange.run

    def counted(exchange: MatchedExchange) -> None:
        matched.append(exchange)
        run_matched(exchange)

    monkeypatch.setattr(MatchedExchange, "run", counted)
    app = make_app()

    async def main() -> None:
        await ask(app, "/text")
        for method in ("POST", "PUT", "DELETE"):
            matched.clear()
            answer = await ask(app, "/data", method, b"abc")
            assert answer.text.startswith("b'abc' 3")
            assert len(matched) == 1

    run(main)


@pytest.mark.parametrize("by_error", [False, True])
@pytest.mark.parametrize("pieces", [[], [b"a"], [b"a", b"b"]])
def test_a_client_that_leaves_before_the_end_of_its_body_gets_no_answer(pieces: list[bytes], by_error: bool) -> None:
    called: list[object] = []
    app = make_app(lambda app: app.before_request(lambda: called.append(1)))

    async def main() -> None:
        await ask(app, "/text")
        called.clear()
        server = Server(make_scope("/data", "POST", headers=[(b"content-length", b"9")]), pieces, is_complete=False)

        async def receive() -> Any:
            if server.incoming:
                return server.incoming.popleft()
            if by_error:
                raise OSError("gone")
            return {"type": "http.disconnect"}

        served: Any = app
        await served(server.scope, receive, server.send)
        assert server.start is None
        assert not called

    run(main)


def test_a_slow_client_holds_no_worker_and_what_changes_meanwhile_counts() -> None:
    app = make_app()
    app.config["ASGI_WORKERS"] = 1

    async def main() -> None:
        await ask(app, "/text")
        server, arrived = Server(make_scope("/data", "POST", headers=[(b"content-length", b"3")])), asyncio.Event()

        async def receive() -> Any:
            await arrived.wait()
            return {"type": "http.request", "body": b"abc", "more_body": False}

        served: Any = app
        request_task = asyncio.create_task(served(server.scope, receive, server.send))
        await asyncio.sleep(0)
        assert (await ask(app, "/text")).text == "x"
        app.wsgi_app = lambda environ, start_response: Response(environ["wsgi.input"].read() + b"!")(  # type: ignore[method-assign]
            environ, start_response
        )
        arrived.set()
        await request_task
        assert b"".join(server.bodies) == b"abc!"

    run(main)


def test_a_request_that_is_cancelled_while_its_body_comes_is_not_begun() -> None:
    called: list[object] = []
    app = make_app(lambda app: app.teardown_request(called.append))

    async def main() -> None:
        await ask(app, "/text")
        called.clear()
        server = Server(make_scope("/data", "POST", headers=[(b"content-length", b"3")]), [b"a"], is_complete=False)
        served: Any = app
        request_task = asyncio.create_task(served(server.scope, server.receive, server.send))
        await until(lambda: server.received == 1)
        request_task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request_task
        assert server.start is None
        assert not called

    run(main)


_LONG = (b"content-length", b"9000000")
_EXPECT = (b"expect", b"100-continue")


@pytest.mark.parametrize(
    ("method", "headers", "version", "awaits"),
    [
        ("POST", [], "1.1", False),
        ("DELETE", [], "1.0", False),
        ("POST", [], "2", False),
        ("POST", [_EXPECT, _LONG], "1.1", False),
        ("POST", [_LONG, _EXPECT], "1.1", False),
        ("POST", [(b"content-length", b"0")], "1.1", False),
        ("POST", [(b"content-length", b"0")], "1.1", True),
        ("OPTIONS", [], "1.1", False),
    ],
)
def test_a_view_that_reads_no_body_waits_for_none_that_is_not_announced_or_that_it_may_refuse(
    method: str, headers: list[tuple[bytes, bytes]], version: str, awaits: bool
) -> None:
    app = make_app(awaits=awaits)

    async def main() -> None:
        await ask(app, "/text")
        server = Server(make_scope("/unread", method, headers=headers, http_version=version), is_complete=False)
        answer = await asyncio.wait_for(server.ask(app), 100)
        assert answer.status == 200
        assert server.received == 0

    run(main)


def test_what_was_received_is_received_again() -> None:
    async def main() -> None:
        messages = [
            *({"type": "http.request", "body": b"", "more_body": True} for _ in range(3)),
            {"type": "http.request", "body": b"x" * MOST_WAITING, "more_body": True},
            {"type": "http.request", "body": b"end", "more_body": False},
        ]

        async def receive() -> Any:
            return messages.pop(0)

        ahead = ReceivedAhead(receive)
        await ahead.fill()
        assert not ahead.is_complete
        assert not ahead.has_left
        assert [message["body"] for message in [await ahead.again(), await ahead.again()]] == [
            b"x" * MOST_WAITING,
            b"end",
        ]

    run(main)


def test_a_body_in_many_pieces_takes_no_more_memory_than_one_in_one() -> None:
    app = make_app()
    count = MOST_WAITING - 1

    async def main() -> None:
        await ask(app, "/text")
        server = Server(make_scope("/data", "POST", headers=[(b"content-length", b"%d" % count)]))
        left, held = count, 0

        async def receive() -> Any:
            nonlocal left, held
            left -= 1
            if not left:
                held = tracemalloc.get_traced_memory()[0]
            return {"type": "http.request", "body": b"x", "more_body": left > 0}

        served: Any = app
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            await served(server.scope, receive, server.send)
        finally:
            tracemalloc.stop()
        assert b"".join(server.bodies).startswith(b"b'" + b"x" * count)
        assert held - before < 4 * MOST_WAITING

    run(main)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"0", True),
        (b"1048576", True),
        (b"000001", True),
        (b"9" * 18, True),
        (b"9" * 19, False),
        (b"", False),
        (b"-1", False),
        (b"1_0", False),
        (b"chunked", False),
        ("\u0661".encode(), False),
    ],
)
def test_a_length_is_a_number(text: bytes, expected: bool) -> None:
    assert is_length(text) is expected
