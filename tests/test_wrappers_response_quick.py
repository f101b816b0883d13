"""Responses with headers, conditions and bodies of any sort are made and sent as Werkzeug makes and sends them."""

from __future__ import annotations

import io
from http import HTTPStatus
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from werkzeug.datastructures import Headers, MultiDict
from werkzeug.wrappers import Response as WerkzeugResponse

import tuile
from tests.beside_flask import make_environ, outcome, send


class Text(str):
    __slots__ = ()


class PlainHtml(WerkzeugResponse):
    """Werkzeug's response with the defaults of a framework."""

    default_mimetype = "text/html"


NAMES = st.sampled_from(
    [
        *("X-A", "x-a", "Content-Type", "content-type", "Content-Length", "content-length", "Location", "LOCATION"),
        *("Content-Location", "Set-Cookie", "ETag", "Date", "Last-Modified", "Cache-Control", "Allow", "Expires"),
        *("Content-Encoding", "Vary", "X-\u00e9"),
    ]
)
VALUES = st.sampled_from(
    [
        *(
            "a",
            "",
            "7",
            "text/plain",
            "/path?x=1",
            "/\u00e9 b",
            "http://host/",
            "a\nb",
            "a\rb",
            "a;b",
            '"tag"',
            "\u20ac",
        ),
        *(1, None, True, 1.5, b"bytes", Text("own"), ["x", "y"], ("z",), []),
    ]
)
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=4)
HEADERS = st.one_of(
    st.none(),
    PAIRS,
    PAIRS.map(dict),
    PAIRS.map(tuple),
    PAIRS.map(lambda pairs: [list(pair) for pair in pairs]),
    PAIRS.map(MultiDict),
    st.lists(st.tuples(NAMES, st.sampled_from(["a", "/b", "text/css"])), max_size=4).map(Headers),
    st.sampled_from([[("X-A",)], [("X-A", "b", "c")], ["ab"], {1: "a"}, 5, "ab", [(Text("X-A"), "b")]]),
)
STATUSES = st.sampled_from(
    [
        None,
        200,
        201,
        204,
        304,
        404,
        100,
        199,
        600,
        0,
        -1,
        "202 Fine",
        "204",
        "text",
        "",
        HTTPStatus.CREATED,
        True,
        1.5,
        "é",
    ]
)
BODIES = st.sampled_from(
    [
        *(
            "text",
            "",
            "\u00e9",
            b"bytes",
            b"",
            bytearray(b"array"),
            memoryview(b"view"),
            "\ud800",
            Text("own"),
            Markup("<b>"),
            None,
        ),
        *([], ["a", b"b"], ("a", "b"), [b"one"], ["\u00e9"], [b""], {"k": 1}, 5),
    ]
)
KINDS = st.sampled_from(
    [
        *(None, "text/plain", "text/html", "application/json", "a/b", "image/svg+xml", "", "a\nb", "a\rb", 5),
        *(
            "application/x-ndjson",
            "application/javascript",
            "text/x-own; charset=latin-1",
            "x" * 300,
            Text("text/own"),
            ["a"],
        ),
    ]
)


def made(kind: type, body: Any, status: Any, headers: Any, mimetype: Any, content_type: Any, direct: bool) -> Any:
    """Return what a response of a class is, and what it sends."""
    given = headers.copy() if isinstance(headers, (Headers, dict, list)) else headers
    response = kind(body, status, given, mimetype, content_type, direct)
    described = [list(response.headers), response.status, response.status_code, response.response]
    described += [response.direct_passthrough, response.is_sequence, given]
    if isinstance(given, Headers):
        described.append(response.headers is given)
    for method in ("GET", "HEAD"):
        described.append(outcome(send, response, make_environ(REQUEST_METHOD=method)))
    described.append(list(response.headers))
    return described


@given(st.tuples(BODIES, STATUSES, HEADERS, KINDS, KINDS, st.booleans()))
@settings(max_examples=1000)
def test_any_arguments_make_the_response_that_werkzeug_makes(arguments: Any) -> None:
    assert outcome(made, tuile.Response, *arguments) == outcome(made, PlainHtml, *arguments)


def changed(kind: type, changes: list[tuple[str, Any]], method: str, environ: dict[str, Any]) -> Any:
    """Return what a response sends after some changes, and what closes it."""
    closed: list[str] = []
    response = kind("body", headers={"X-A": "b"})
    for name, value in changes:
        if name == "close":
            response.call_on_close(lambda: closed.append("called"))
        elif name == "file":
            response.response, response.direct_passthrough = io.BytesIO(value), True
        elif name == "etag":
            response.set_etag(value)
        elif name == "conditional":
            response.headers["Date"] = "now"
            response.make_conditional({**environ, "REQUEST_METHOD": method}, **value)
        elif name == "pair":
            response.headers.add(*value)
        else:
            setattr(response, name, list(value) if name == "response" else value)
    answer = send(response, make_environ(REQUEST_METHOD=method))
    return answer, closed, list(response.headers), response.status


CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("response"), st.sampled_from([[], ["a"], [b"a", "b"], ["\u20ac", b""]])),
        st.tuples(st.just("status_code"), st.sampled_from([200, 204, 304, 100, 404, 199])),
        st.tuples(st.just("close"), st.none()),
        st.tuples(st.just("file"), st.sampled_from([b"", b"line\nline"])),
        st.tuples(st.just("etag"), st.sampled_from(["a", "b", ""])),
        st.tuples(st.just("last_modified"), st.sampled_from([0, 1_700_000_000])),
        st.tuples(st.just("automatically_set_content_length"), st.booleans()),
        st.tuples(st.just("autocorrect_location_header"), st.booleans()),
        st.tuples(st.just("direct_passthrough"), st.booleans()),
        st.tuples(st.just("pair"), st.tuples(NAMES, st.sampled_from(["a", "/\u00e9", "/b", "c d"]))),
        st.tuples(
            st.just("conditional"),
            st.sampled_from(
                [
                    {},
                    {"accept_ranges": True, "complete_length": 4},
                    {"accept_ranges": "none"},
                    {"accept_ranges": "a\nb"},
                ]
            ),
        ),
    ),
    max_size=6,
)
ENVIRONS = st.fixed_dictionaries(
    {},
    optional={
        "HTTP_IF_NONE_MATCH": st.sampled_from(['"a"', "*", '"x"']),
        "HTTP_IF_MATCH": st.sampled_from(['"a"', '"x"']),
        "HTTP_IF_MODIFIED_SINCE": st.sampled_from(["Tue, 14 Nov 2023 22:13:20 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"]),
        "HTTP_RANGE": st.sampled_from(["bytes=0-1", "bytes=9-"]),
    },
)


@given(CHANGES, st.sampled_from(["GET", "HEAD", "POST"]), ENVIRONS)
@settings(max_examples=800)
def test_any_changes_send_what_werkzeug_sends(changes: Any, method: str, environ: dict[str, Any]) -> None:
    class Own(PlainHtml):
        autocorrect_location_header = False

    assert outcome(changed, tuile.Response, changes, method, environ) == outcome(changed, Own, changes, method, environ)


# Each is asked by Werkzeug's constructor, by its conditions or when a response is sent.
OWN: dict[str, Any] = {
    "_clean_status": lambda self, value: ("299 OWN", 299),
    "status_code": property(lambda self: 418, lambda self, value: None),
    "set_data": lambda self, value: setattr(self, "response", [b"own"]),
    "get_wsgi_headers": lambda self, environ: Headers({"X-Own": "1"}),
    "get_app_iter": lambda self, environ: [b"own"],
    "get_wsgi_response": lambda self, environ: ([b"own"], "299 OWN", [("X-Own", "1")]),
    "iter_encoded": lambda self: iter([b"own"]),
    "_process_range_request": lambda self, *args: True,
    "default_status": 203,
    "default_mimetype": "a/b",
    "automatically_set_content_length": False,
}


def answered(kind: type) -> Any:
    found = []
    for body, code in (("text", 200), (["a", "b"], 201), (None, 204), ("x", 304)):
        response = kind(body, code, {"X-A": "b", "ETag": '"a"'})
        response.headers["Date"] = "now"
        response.make_conditional(make_environ(HTTP_IF_NONE_MATCH='"a"'))
        found.append((send(response), response.status, list(response.headers)))
    return found


@pytest.mark.parametrize("name", OWN)
def test_what_a_class_overrides_is_asked(name: str) -> None:
    expected = outcome(answered, type("Own", (PlainHtml,), {name: OWN[name]}))
    assert outcome(answered, type("Own", (tuile.Response,), {name: OWN[name]})) == expected
    plain = answered(tuile.Response)
    with mock.patch.object(tuile.Response, name, OWN[name]):
        assert outcome(answered, tuile.Response) == expected
    assert answered(tuile.Response) == plain == answered(PlainHtml)


@pytest.mark.parametrize("name", ["close", "get_app_iter", "get_wsgi_headers", "get_wsgi_response", "iter_encoded"])
def test_what_is_set_on_one_response_is_asked(name: str) -> None:
    def sent(kind: type) -> Any:
        called: list[str] = []
        response = kind(["a", "b"], 201, {"X-A": "b"})
        own = OWN.get(name, lambda self: None)

        def method(*args: Any) -> Any:
            called.append(name)
            return own(response, *args)

        setattr(response, name, method)
        return send(response), called

    assert sent(tuile.Response) == sent(PlainHtml)


def test_defaults_that_a_constructor_sets_on_a_response_count() -> None:
    class Own(tuile.Response):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            self.default_mimetype, self.default_status = "text/plain", 202
            self.automatically_set_content_length = False
            super().__init__(*arguments, **named)

    several: list[dict[str, Any]] = [{}, {"status": 201}, {"mimetype": "text/css"}, {"headers": {"X-A": "b"}}]
    for arguments in several:
        response, plain = Own("text", **arguments), WerkzeugResponse("text", **{"mimetype": "text/plain", **arguments})
        del plain.headers["Content-Length"]
        assert list(response.headers) == list(plain.headers)
        assert response.status_code == arguments.get("status", 202)


def test_defaults_that_are_changed_on_the_class_count_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("default_mimetype", "text/plain"), ("default_status", 202), ("default_mimetype", None)):
        with monkeypatch.context() as patch:
            patch.setattr(tuile.Response, name, value)
            patch.setattr(PlainHtml, name, value)
            assert made(tuile.Response, "a", None, None, None, None, False) == made(
                PlainHtml, "a", None, None, None, None, False
            )
        assert tuile.Response("a").mimetype == "text/html"
