"""Tuples that views return are sent as Flask sends them, in every combination of body, status and headers."""

from __future__ import annotations

import copy
import http
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response as WerkzeugResponse

import tuile
from tests.beside_flask import make_app, make_environ, outcome, same, send

if TYPE_CHECKING:
    from collections.abc import Callable


class Text(str):
    __slots__ = ()


BODIES: dict[str, Callable[[Any], Any]] = {
    "text": lambda lib: "text",
    "no text": lambda lib: "",
    "umlaut": lambda lib: "\xfc",
    "text of its own kind": lambda lib: Text("own"),
    "bytes": lambda lib: b"bytes",
    "bytearray": lambda lib: bytearray(b"bytes"),
    "dict": lambda lib: {"b": 1, "a": "\xfc"},
    "list": lambda lib: [1],
    "no JSON": lambda lib: {"a": object()},
    "response": lambda lib: lib.Response("own", 202),
    "redirect": lambda lib: lib.redirect("/there"),
    "JSON": lambda lib: lib.jsonify(a=1),
    "Werkzeug's": lambda lib: WerkzeugResponse("own", 202),
    "iterator": lambda lib: iter(["a"]),
    "None": lambda lib: None,
    "number": lambda lib: 7,
    "tuple": lambda lib: ("text", 201),
    "error": lambda lib: lib.abort,
}
STATUSES: list[Any] = [
    None,
    200,
    201,
    204,
    304,
    100,
    404,
    418,
    299,
    600,
    999,
    -1,
    0,
    True,
    False,
    "201",
    "201 Own",
    "201 CREATED",
    "",
]
STATUSES += [http.HTTPStatus.CREATED, 201.0, b"201", "no number", [], (), {}]
NAMES = ["X-Own", "x-own", "Content-Type", "content-type", "Content-Length", "Location", "Content-Location", "ETag", ""]
NAMES += ["Set-Cookie", "X\n", "Allow", "Date", "Transfer-Encoding"]
VALUES: list[Any] = [
    "1",
    "",
    "a\nb",
    "a\r\nb",
    "/\xfc",
    "/plain",
    "http://example.com/a?b=c",
    "/a b",
    "//x",
    7,
    None,
    ["1", "2"],
    b"1",
    Text("own"),
    "text/plain",
]
PAIRS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=3)
HEADERS = st.one_of(
    PAIRS,
    PAIRS.map(dict),
    PAIRS.map(tuple),
    st.builds(lambda: Headers([("X-Own", "1"), ("X-Own", "2")])),
    st.lists(st.tuples(st.sampled_from(NAMES[:9]), st.sampled_from(["1", "/plain", "text/plain"])), max_size=3).map(
        Headers
    ),
    st.sampled_from([None, "X-Own: 1", 7, [("a",)], [["X-Own", "1"]], [("X-Own", "1", "2")]]),
)
ANSWERS = st.one_of(
    st.tuples(st.sampled_from(sorted(BODIES)), st.sampled_from(STATUSES)),
    st.tuples(st.sampled_from(sorted(BODIES)), HEADERS),
    st.tuples(st.sampled_from(sorted(BODIES)), st.sampled_from(STATUSES), HEADERS),
    st.tuples(st.just("shared"), st.sampled_from(STATUSES), HEADERS),
    st.sampled_from([("text",), ("text", 200, {}, 1)]),
)
thorough = settings(
    derandomize=True, deadline=None, database=None, max_examples=600, suppress_health_check=[HealthCheck.too_slow]
)


@thorough
@given(
    ANSWERS,
    st.sampled_from(["GET", "HEAD", "POST"]),
    st.sampled_from(["", "after", "own class", "own make_response", "session", "finished", "late after"]),
    st.booleans(),
)
def test_a_tuple_is_sent_as_on_flask(answer: Any, method: str, change: str, debug: bool) -> None:  # noqa: C901 - changes
    def program(lib: Any) -> Any:
        app: Any = make_app(lib, SECRET_KEY="k", DEBUG=debug, COOKIE_CHECKS="off")
        app.logger.disabled = True
        if change == "own class":
            app.response_class = type("Own", (lib.Response,), {"default_mimetype": "text/plain", "default_status": 203})
        if change == "own make_response":
            make = app.make_response
            app.make_response = lambda rv: make(rv if type(rv) is not tuple else ("own", 599))
        seen: list[Any] = []
        shared = lib.Response("shared")
        bodies: dict[str, Callable[[Any], Any]] = {**BODIES, "shared": lambda lib: shared}

        def note(response: Any) -> Any:
            seen.append((response.status, list(response.headers), response.is_sequence))
            return response

        if change == "after":
            app.after_request(note)
        if change == "finished":
            lib.request_finished.connect(lambda _, response: note(response), app, weak=False)

        def index() -> Any:
            # What was put on a shared response for another visitor is left out, unlike on Flask.
            if change == "session" and answer[0] != "shared":
                lib.session["a"] = 1
            if change == "late after":
                app.after_request_funcs.setdefault(None, [note])
            body, *rest = answer
            # An object of its own each time: the session changes headers.
            return (bodies[body](lib) if body in bodies else body, *copy.deepcopy(rest))

        app.add_url_rule("/", "index", index, methods=["GET", "POST"])
        app.add_url_rule("/warm", "warm", lambda: "warm")
        send(app, make_environ("/warm"))
        return [outcome(send, app, make_environ(REQUEST_METHOD=method)) for _ in range(3)], seen

    same(program)


def test_no_response_object_is_made_where_nobody_looks() -> None:
    app = make_app(tuile)
    answers: list[Any] = [
        ("text", 201),
        ("text", {"X-Own": "1"}),
        ({"a": 1}, 404),
        ([1], 201, [("X-Own", "1")]),
        (b"x", 403),
        (tuile.Response("text"), 201),
        (tuile.Response("text"), 201, {"X-Own": "1"}),
        ("text", "201 CREATED"),
        ("text", http.HTTPStatus.CREATED),
    ]
    app.add_url_rule("/<int:number>", "index", lambda number: answers[number])
    for number in [0, *range(len(answers))]:
        send(app, make_environ(f"/{number}"))
    entered: set[str] = set()
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, arg: entered.add(frame.f_code.co_name))
    try:
        for number in range(len(answers)):
            send(app, make_environ(f"/{number}"))
    finally:
        sys.setprofile(before)
    assert "page_of_tuple" in entered
    assert "finalize_request" not in entered


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("kept", ["nothing", "the tuple", "the headers"])
@pytest.mark.parametrize("hook", [None, "before_request", "after_request"])
def test_headers_that_are_kept_are_those_of_the_response(kept: str, count: int, hook: str | None) -> None:
    assert same(answers_with_headers, kept, count, hook)


def answers_with_headers(lib: Any, kept: str, count: int, hook: str | None) -> Any:
    """Return the answers to three requests; what one of them adds to headers that are kept is in the next."""
    app = make_app(lib)
    first = tuple_with_headers(count)

    @app.route("/")
    def view() -> Any:
        if kept == "the tuple":
            return first
        return tuple_with_headers(count) if kept == "nothing" else (*first[:-1], first[-1])

    if hook == "before_request":
        app.before_request(lambda: None)
    elif hook == "after_request":
        app.after_request(added)
    if kept == "the tuple":
        # Nothing else refers to the headers.
        return [send(app) for _ in range(3)], list(first[-1])
    return [(send(app), list(first[-1])) for _ in range(3)]


def tuple_with_headers(count: int) -> tuple[Any, ...]:
    return ("text", Headers({"A": "b"})) if count == 2 else ("text", 203, Headers({"A": "b"}))


def added(response: Any) -> Any:
    response.headers.add("X-Added", "1")
    return response
