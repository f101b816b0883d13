"""WSGI applications that views return are called and sent as on Flask, whatever they do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Headers

import tuile
from tests.beside_flask import make_app, make_environ, outcome, same, send

if TYPE_CHECKING:
    from collections.abc import Iterator

STATUSES: list[Any] = ["200 OK", "404 Not Found", "204 No Content", "304 Not Modified", "0 none", "200", "", " ", "own"]
STATUSES += [200, None, b"200 OK"]
HEADERS: list[Any] = [
    [("Content-Type", "text/plain")],
    [("content-type", "text/plain"), ("X-Own", "1"), ("X-Own", "2")],
    [("Content-Type", "text/plain"), ("Content-Length", "2")],
    [("Content-Type", "text/plain"), ("Location", "/\xfc")],
    [("Content-Type", "text/plain"), ("Set-Cookie", "a=1")],
    [("X-Own", "1")],
    [],
    [("Content-Type", "a\nb")],
    [("Content-Type", 7)],
    [["Content-Type", "text/plain"]],
    [("Content-Type",)],
    {"Content-Type": "text/plain"},
    (("Content-Type", "text/plain"),),
    Headers([("Content-Type", "text/plain")]),
    None,
]
BODIES = ["list", "no part", "tuple", "text", "bytes", "generator", "late", "never", "closing", "write", "twice"]
BODIES += ["error", "exc_info", "generator with write", "iterator", "None"]


class Closing:
    """An iterable that notes that it was closed."""

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"a", b"b"])

    def close(self) -> None:
        self._notes.append("closed")


@given(
    status=st.sampled_from(STATUSES),
    headers=st.sampled_from(HEADERS),
    body=st.sampled_from(BODIES),
    method=st.sampled_from(["GET", "HEAD"]),
    change=st.sampled_from(["", "after", "own class", "session", "tuple"]),
)
@settings(
    derandomize=True, deadline=None, database=None, max_examples=600, suppress_health_check=[HealthCheck.too_slow]
)
def test_a_wsgi_application_is_sent_as_on_flask(  # noqa: C901 - each body does something else
    status: Any, headers: Any, body: str, method: str, change: str
) -> None:
    def program(lib: Any) -> Any:  # noqa: C901 - as above
        notes: list[Any] = []

        def inner(environ: Any, start_response: Any) -> Any:  # noqa: C901 - as above
            notes.append(environ.get("PATH_INFO"))
            environ["PATH_INFO"] = "/changed"
            if body == "error":
                raise KeyError("inner")
            if body == "never":
                return [b"a"]
            if body == "late":

                def late() -> Any:
                    yield b"first"
                    start_response(status, headers)
                    yield b"second"
                    yield b"third"

                return late()
            write = start_response(status, headers)
            if body == "write":
                write(b"written")
                return [b"a"]
            if body == "twice":
                start_response("201 Created", [("Content-Type", "text/own")])
            if body == "exc_info":
                try:
                    raise ValueError("late")
                except ValueError:
                    start_response("500 Error", [], sys.exc_info())
            if body == "generator with write":

                def writing() -> Any:
                    write(b"w")
                    yield b"a"

                return writing()
            found: dict[str, Any] = {
                "no part": [],
                "tuple": (b"a", b"b"),
                "text": "text",
                "bytes": b"bytes",
                "generator": (part for part in [b"a", b"b"]),
                "iterator": iter([b"a"]),
                "closing": Closing(notes),
                "None": None,
            }
            return found.get(body, [b"a", b"b"])

        app: Any = make_app(lib, SECRET_KEY="k", PROPAGATE_EXCEPTIONS=True)
        app.logger.disabled = True
        if change == "own class":
            app.response_class = type("Own", (lib.Response,), {"default_mimetype": "text/own", "kind": "own"})
        if change == "after":

            def note(response: Any) -> Any:
                notes.append((type(response).__name__, response.status, response.is_sequence, list(response.headers)))
                return response

            app.after_request(note)

        def index() -> Any:
            if change == "session":
                lib.session["a"] = 1
            return (inner, 203, {"X-More": "1"}) if change == "tuple" else inner

        app.add_url_rule("/", "index", index)
        app.add_url_rule("/warm", "warm", lambda: "warm")
        send(app, make_environ("/warm"))
        return [outcome(send, app, make_environ(REQUEST_METHOD=method)) for _ in range(2)], notes

    same(program)


def test_werkzeugs_client_is_not_asked_for_a_wsgi_application() -> None:
    app = make_app(tuile)

    def inner(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"inner"]

    app.add_url_rule("/", "index", lambda: inner)
    send(app)
    entered: set[str] = set()
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, arg: entered.add(frame.f_code.co_name))
    try:
        send(app)
    finally:
        sys.setprofile(before)
    assert "response_of_application" in entered
    assert "run_wsgi_app" not in entered
