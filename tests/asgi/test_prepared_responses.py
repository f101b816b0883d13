"""Responses of coroutine functions that are sent as they are: the same messages as by all steps."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Headers as WerkzeugHeaders

from tests.asgi.driver import make_scope, run
from tuile import Flask, Response, after_this_request, jsonify, make_response, redirect, request, send_file, session
from tuile.asgi import _generated
from tuile.asgi.on_loop import MoreSteps
from tuile.wrappers.read_file import ReadFile

if TYPE_CHECKING:
    from collections.abc import Callable

quick = settings(derandomize=True, deadline=None, database=None, max_examples=300)


class Text(str):
    """Text of another type."""

    __slots__ = ()


class Own(Response):
    """A response with a step of its own."""

    def get_wsgi_headers(self, environ: Any) -> Any:
        headers = super().get_wsgi_headers(environ)
        headers["X-Own"] = "1"
        return headers


NAMES = ["Content-Type", "content-type", "Content-Length", "content-length", "Location", "Content-Location", "ETag"]
NAMES += ["X-Own", "Set-Cookie", "Transfer-Encoding", "Connection", "Vary", "Cache-Control", "Bad Name"]
VALUES = ["", "0", "3", "03", "5", "text/plain", "/here", "ä", "€", "a\tb", "a\nb", "a\0b", Text("3")]
BODIES: list[Callable[[], Any]] = [
    lambda: b"",
    lambda: b"abc",
    lambda: "abc",
    lambda: [b"abc"],
    lambda: [b"ab", b"c"],
    lambda: ["abc"],
    lambda: [bytearray(b"abc")],
    lambda: (b"abc",),
    lambda: iter([b"abc"]),
    lambda: ReadFile(b"abc", None),
    lambda: None,
]
CHANGES: list[Callable[[Any], object]] = [
    lambda response: None,
    lambda response: response.call_on_close(lambda: None),
    lambda response: setattr(response, "headers", WerkzeugHeaders(list(response.headers))),
    lambda response: setattr(response, "headers", type("More", (WerkzeugHeaders,), {})(list(response.headers))),
    lambda response: setattr(response, "direct_passthrough", True),
    lambda response: setattr(response, "autocorrect_location_header", True),
    lambda response: setattr(response, "automatically_set_content_length", False),
    lambda response: response.headers.pop("Content-Length", None),
    lambda response: response.set_cookie("a", "b", max_age=3),
    lambda response: after_this_request(lambda found: found),
    lambda response: session.update(a=1),
    lambda response: setattr(response, "_status", "weird"),
    lambda response: setattr(response, "_status", "304 NOT MODIFIED"),
    lambda response: setattr(response, "_status_code", 204),
]


def messages_of(app: Flask, method: str = "GET") -> tuple[list[Any], str]:
    """Return the messages that answer a request, and the error."""
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    async def main() -> str:
        served: Any = app
        for path in ("/first", "/"):
            messages.clear()
            try:
                await served(make_scope(path, method), asyncio.Event().wait, send)
            except Exception as error:  # noqa: BLE001 - compared
                return repr(error)
        return ""

    error = run(main)
    # How an iterator is cut into pieces depends on threads.
    body = b"".join(message["body"] for message in messages[1:])
    return [*messages[:1], *([body] if messages[1:] else [])], error


def app_of(view: Callable[[], Any]) -> Flask:
    app = Flask("app", static_folder=None)
    app.secret_key = "6a1f0c9e5b7d4e2f8a3b05d7c1e94b26"
    app.get("/first")(lambda: "x")

    @app.get("/")
    async def awaited() -> Any:
        return view()

    return app


def same(make: Callable[[], Flask], method: str = "GET") -> tuple[list[Any], str]:
    """Return the messages by the short way, after a comparison with those by all steps."""
    # Cookies and signatures say when they were made.
    with mock.patch("time.time", return_value=1_700_000_000.0):
        short = messages_of(make(), method)
        with (
            mock.patch.object(_generated, "prepared_response", return_value=None),
            mock.patch.object(_generated, "prepared_page", return_value=None),
        ):
            by_steps = messages_of(make(), method)
    assert short == by_steps
    return short


@quick
@given(
    st.sampled_from(["GET", "HEAD"]),
    st.sampled_from([200, 201, 204, 301, 304, 404, 500, "299 Odd", "099 Low"]),
    st.sampled_from(BODIES),
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=3),
    st.sampled_from(CHANGES),
    st.booleans(),
)
def test_the_messages_are_the_same(
    method: str, status: Any, body: Any, headers: list[tuple[str, str]], change: Any, is_own: bool
) -> None:
    def view() -> Any:
        response = (Own if is_own and len(headers) == 1 else Response)(body(), status)
        # As code that is not careful does.
        response.headers._list += headers
        change(response)
        return response

    same(lambda: app_of(view), method)


VIEWS: list[Callable[[], Any]] = [
    lambda: Response("a"),
    lambda: make_response("a", 404),
    lambda: jsonify(a=1),
    lambda: Response("a", headers={"Vary": "Accept"}),
    lambda: Response("a", headers={"X-Own": "1", "x-own": "2"}),
    lambda: redirect("/x"),
    lambda: ("a", 201, {"X-Own": "1"}),
    lambda: ({"a": 1}, 422),
    lambda: ("", 204),
    lambda: Response("", 304, {"ETag": "a", "Content-Language": "en"}),
    lambda: send_file(__file__, conditional=False),
]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_short_way_is_taken(view: Callable[[], Any], method: str) -> None:
    with mock.patch.object(MoreSteps, "send_response", side_effect=AssertionError):
        short = messages_of(app_of(view), method)
    assert short == same(lambda: app_of(view), method)
    assert len(short[0]) == 2


@pytest.mark.parametrize("view", [lambda: redirect("/\u00e4"), lambda: Response([b"a", b"b"]), lambda: Own("a")])
def test_others_take_all_steps(view: Callable[[], Any]) -> None:
    app = app_of(view)
    with mock.patch.object(MoreSteps, "send_response", side_effect=ZeroDivisionError):
        assert messages_of(app)[1] == "ZeroDivisionError()"
    same(lambda: app_of(view))


def test_what_is_patched_meanwhile_and_registered_late_counts() -> None:
    for patch in ("get_wsgi_headers", "__call__", "iter_encoded"):
        seen: list[str] = []
        stock = getattr(Response, patch)

        def patched(self: Any, *args: Any, stock: Any = stock, seen: list[str] = seen) -> Any:
            seen.append("patched")
            return stock(self, *args)

        app = app_of(lambda: Response("a"))
        assert messages_of(app)[1] == ""
        with mock.patch.object(Response, patch, patched):
            messages_of(app)
        assert seen
    torn: list[str] = []

    def view() -> Any:
        app.teardown_request_funcs.setdefault(None, []).append(lambda error: torn.append("down"))
        return Response("a")

    app = app_of(view)
    assert messages_of(app)[0][1] == b"a"
    assert torn == ["down"]


def test_a_view_that_has_asked_for_its_client_ends_its_listener() -> None:
    app = Flask("app", static_folder=None)
    app.get("/first")(lambda: "x")

    @app.get("/")
    async def view() -> Any:
        return Response(str(await request.is_disconnected()))

    # `run` finds tasks that are left.
    messages, error = messages_of(app)
    assert (messages[1], error) == (b"False", "")
