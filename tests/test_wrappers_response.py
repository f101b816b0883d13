"""A response sends what Flask's sends, whatever is done to it: status, headers, body, and the WSGI call."""

from __future__ import annotations

import copy
import inspect
import io
import pickle
import re
import time
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from unittest import mock

import flask
import pytest
import werkzeug.sansio.response
import werkzeug.wrappers.response
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from werkzeug.datastructures import ContentRange, Headers, WWWAuthenticate
from werkzeug.test import create_environ
from werkzeug.wrappers import Response as WerkzeugResponse

import tuile
from tests.beside_flask import Answer, Environ, assigned_in, make_app, make_environ, outcome, same, send
from tuile.http.cookies import cookie_identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Operation = tuple[str, "Callable[[Any], Any]"]

LONG_AGO = datetime(2020, 2, 29, 12, 30, tzinfo=timezone.utc)

# How a response can be made: the constructor's arguments, each time new, since a body may be used up.
CONSTRUCTIONS: dict[str, Callable[[], tuple[tuple[Any, ...], dict[str, Any]]]] = {
    "nothing": lambda: ((), {}),
    "text": lambda: (("hello",), {}),
    "empty text": lambda: (("",), {}),
    "text that is not ASCII": lambda: (("grüße ☃",), {}),
    "escaped text": lambda: ((Markup("<b>"),), {}),
    "bytes": lambda: ((b"hello",), {}),
    "a bytearray": lambda: ((bytearray(b"hello"),), {}),
    "a list of bytes": lambda: (([b"a", b"bc"],), {}),
    "a list of one": lambda: (([b"abc"],), {}),
    "a list of text": lambda: ((["a", "ü"],), {}),
    "a list of one text": lambda: ((["ü"],), {}),
    "an empty list": lambda: (([],), {}),
    "a tuple": lambda: (((b"a", "b"),), {}),
    "a generator": lambda: (((part for part in ("a", b"b")),), {}),
    "a file": lambda: ((io.BytesIO(b"one\ntwo\n"),), {}),
    "a file passed through": lambda: ((io.BytesIO(b"one\ntwo\n"),), {"direct_passthrough": True}),
    "a list passed through": lambda: (([b"abc"],), {"direct_passthrough": True}),
    "bytes passed through": lambda: ((b"abc",), {"direct_passthrough": True}),
    "a status": lambda: (("hello", 404), {}),
    "a status of its own": lambda: (("hello", "418 TEAPOT"), {}),
    "a status as a member": lambda: (("hello", HTTPStatus.CREATED), {}),
    "a status without a number": lambda: (("hello", "wow"), {}),
    "a number as text": lambda: (("hello", "201"), {}),
    "no content": lambda: (("hello", 204), {}),
    "not modified": lambda: (("hello", 304), {}),
    "an interim status": lambda: (("hello", 102), {}),
    "a status nobody knows": lambda: (("hello", 599), {}),
    "headers of a dict": lambda: (("hello", 200, {"X-A": "1"}), {}),
    "headers of a dict of lists": lambda: (("hello", 200, {"X-A": ["1", "2"]}), {}),
    "headers of pairs": lambda: (("hello", 200, [("X-A", "1"), ("content-type", "text/x")]), {}),
    "headers of Headers": lambda: (("hello",), {"headers": Headers([("X-A", "1")])}),
    "empty Headers": lambda: (("hello",), {"headers": Headers()}),
    "headers of an iterator": lambda: (("hello", 200, iter([("X-A", "1")])), {}),
    "no headers": lambda: (("hello",), {"headers": []}),
    "a length of its own": lambda: (("hello", 200, {"Content-Length": "99"}), {}),
    "a length in small letters": lambda: ((["hello"], 200, [("content-length", "5")]), {}),
    "two lengths": lambda: (("hello", 200, [("content-length", "1"), ("Content-Length", "2")]), {}),
    "a MIME type": lambda: (("hello",), {"mimetype": "text/plain"}),
    "a MIME type without a charset": lambda: (("hello",), {"mimetype": "image/png"}),
    "JSON": lambda: (("{}",), {"mimetype": "application/json"}),
    "an empty MIME type": lambda: (("hello",), {"mimetype": ""}),
    "a content type": lambda: (("hello",), {"content_type": "text/x; charset=latin1"}),
    "an empty content type": lambda: (("hello",), {"content_type": ""}),
    "both types": lambda: (("hello",), {"mimetype": "text/plain", "content_type": "text/x"}),
    "a MIME type against headers": lambda: (("hello", 200, {"Content-Type": "a/b"}), {"mimetype": "text/plain"}),
    "a content type against headers": lambda: (("hello", 200, {"Content-Type": "a/b"}), {"content_type": "text/x"}),
}

ENVIRONS: dict[str, Environ] = {
    "GET": make_environ("/there/page", QUERY_STRING="a=1"),
    "HEAD": make_environ(REQUEST_METHOD="HEAD"),
    "POST": make_environ(REQUEST_METHOD="POST", SCRIPT_NAME="/app"),
    "conditional GET": make_environ(HTTP_IF_NONE_MATCH='"tag"', HTTP_RANGE="bytes=1-2"),
}


def construct(lib: Any, name: str) -> Any:
    arguments, named = CONSTRUCTIONS[name]()
    return lib.Response(*arguments, **named)


def normalise(answer: Answer) -> Answer:
    """Return an answer without what differs legitimately: earlier cookies of a name, and times."""
    last = {
        value.partition("=")[0]: position
        for position, (name, value) in enumerate(answer.headers)
        if name == "Set-Cookie"
    }
    headers = [
        (name, "today" if name == "Date" else re.sub(r"Expires=[^;]*(?=; Max-Age=60)", "Expires=soon", value))
        for position, (name, value) in enumerate(answer.headers)
        if name != "Set-Cookie" or last[value.partition("=")[0]] == position
    ]
    return answer._replace(headers=headers)


def send_everywhere(response: Any) -> list[Any]:
    """Return what a response sends to one request of each kind, one after another."""

    def answer(environ: Environ) -> Answer:
        return normalise(send(response, environ.copy()))

    return [outcome(answer, environ) for environ in ENVIRONS.values()]


def look(value: Any) -> Any:
    """Return part of an attribute's value that can be compared."""
    if isinstance(value, (str, bytes, int, list, tuple, type(None))):
        return value
    if isinstance(value, io.BytesIO):
        return value.getvalue()
    return type(value).__name__, str(value) if not repr(value).endswith(">") else ""


def read_everything(response: Any) -> dict[str, Any]:
    names = [name for name in dir(flask.Response) if not name.startswith("_") and name != "json_module"]
    values = {name: outcome(getattr, response, name) for name in names}
    return {
        name: (how, look(value[0])) if how == "returned" else (how, *value)
        for name, (how, *value) in values.items()
        if how == "raised" or not inspect.ismethod(value[0])
    }


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
def test_every_attribute_reads_right_after_construction_as_on_flask(construction: str) -> None:
    def read(lib: Any) -> Any:
        response = construct(lib, construction)
        return read_everything(response), list(response.headers), vars(response).keys()

    attributes, _, _ = same(read)
    assert {"status", "data", "mimetype", "cache_control", "is_streamed"} <= set(attributes)


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
def test_every_method_that_only_asks_answers_as_on_flask(construction: str) -> None:
    def ask(lib: Any) -> Any:
        answers = []
        questions: list[tuple[Any, ...]] = [
            ("__repr__",),
            ("get_data",),
            ("get_data", True),
            ("calculate_content_length",),
            ("get_etag",),
            ("get_json",),
            ("get_json", True, True),
            ("get_wsgi_headers", ENVIRONS["GET"]),
            ("get_wsgi_headers", ENVIRONS["HEAD"]),
        ]
        for method, *arguments in questions:
            response = construct(lib, construction)
            how, *value = outcome(getattr(response, method), *arguments)
            answers.append((method, how, *[list(it) if isinstance(it, Headers) else it for it in value]))
        for environ in ENVIRONS.values():
            parts, status, headers = construct(lib, construction).get_wsgi_response(environ)
            answers.append(("get_wsgi_response", b"".join(parts), status, headers))
        return answers

    same(ask)


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
def test_a_response_is_sent_as_on_flask_and_more_than_once(construction: str) -> None:
    def send_twice(lib: Any) -> Any:
        response = construct(lib, construction)
        return send_everywhere(response) + send_everywhere(response), list(response.headers)

    same(send_twice)


@pytest.mark.parametrize("hundred", range(100, 600, 100))
def test_every_status_is_sent_as_on_flask(hundred: int) -> None:
    same(lambda lib: [send_everywhere(lib.Response("body", status)) for status in range(hundred, hundred + 100)])


@pytest.mark.parametrize("status", ["", " ", "200", "200 ", "abc", "99", "-1", "1000 X", "204 Gone", "٣ digits", 0, -5])
def test_an_odd_status_is_taken_or_refused_as_on_flask(status: Any) -> None:
    def make(lib: Any) -> Any:
        def assign() -> Any:
            response = lib.Response("body")
            response.status = status
            return send_everywhere(response)

        return outcome(lambda: send_everywhere(lib.Response("body", status))), outcome(assign)

    same(make)


def test_the_short_way_gives_a_response_what_werkzeugs_constructors_give() -> None:
    names = assigned_in(werkzeug.sansio.response.Response.__init__)
    names |= assigned_in(werkzeug.wrappers.response.Response.__init__)
    # An attribute that a Werkzeug release adds must be set in the constructor of tuile.Response.
    assert names == {"headers", "status", "direct_passthrough", "_on_close", "response"}
    response = tuile.Response(b"body")
    assert [name for name in names if not hasattr(response, name)] == []
    assert vars(response).keys() == vars(WerkzeugResponse(b"body")).keys()


# What can be done to a response. Each operation is tried alone on every kind of body, and in sequences.


def name_value(value: Any) -> str:
    """Return the part of a test's name for a value, the same in every run."""
    return repr(value) if isinstance(value, (str, bytes, int, list, type(None))) else type(value).__name__


def assign(name: str, value: Any) -> Operation:
    def write(response: Any) -> None:
        # A value that keeps state, such as a generator, has to be new each time.
        setattr(response, name, value() if callable(value) else value)

    return f"{name} = {name_value(value)}", write


def call(path: str, /, *arguments: Any, **named: Any) -> Operation:
    def run(response: Any) -> Any:
        owner = response
        *owners, method = path.split(".")
        for attribute in owners:
            owner = getattr(owner, attribute)
        result = getattr(owner, method)(*arguments, **named)
        return None if result is response else look(result)

    return f"{path}({', '.join(map(name_value, arguments))})", run


def keep_last_call(response: Any) -> None:
    response.call_on_close(lambda: response.headers.set("X-Closed", "yes"))


def write_items(response: Any) -> None:
    response.headers["X-Item"] = "1"
    response.headers["x-item"] = "2"
    response.cache_control.max_age = 5
    response.cache_control.no_store = True
    response.vary.add("Cookie")
    response.allow.update(["GET", "POST"])
    response.mimetype_params["charset"] = "latin1"
    response.content_range.set("bytes", 0, 4, 10)
    response.content_security_policy.default_src = "'self'"
    response.www_authenticate.realm = "here"


def remove_items(response: Any) -> None:
    del response.headers["Content-Type"]
    response.headers.pop("Content-Length", None)


def set_default(response: Any) -> Any:
    return response.headers.setdefault("Content-Length", "77")


def own_headers_list(response: Any) -> None:
    response.headers._list.append(("X-Raw", "1"))


def drop_a_header(response: Any) -> None:
    response.headers.clear()


def slice_the_headers(response: Any) -> None:
    response.headers[0] = ("X-First", "1")


OPERATIONS: list[Operation] = [
    assign("status", "404 Gone Fishing"),
    assign("status", 204),
    assign("status", "wow"),
    assign("status", "100"),
    assign("status", HTTPStatus.NOT_MODIFIED),
    assign("status_code", 304),
    assign("status_code", 503),
    assign("status_code", 777),
    assign("data", "new"),
    assign("data", b""),
    assign("response", lambda: [b"one", b"two"]),
    assign("response", lambda: ["text"]),
    assign("response", lambda: ("a", b"b")),
    assign("response", lambda: iter([b"x", "y"])),
    assign("response", list),
    assign("response", lambda: io.BytesIO(b"file")),
    assign("response", lambda: [bytearray(b"array")]),
    assign("mimetype", "text/css"),
    assign("mimetype", "image/gif"),
    assign("content_type", "text/calendar"),
    assign("content_type", "application/json"),
    assign("content_length", 3),
    assign("content_length", None),
    assign("content_encoding", "gzip"),
    assign("content_location", "/ünï"),
    assign("content_md5", "abc"),
    assign("location", "relative/path"),
    assign("location", "/absolute?q=ü"),
    assign("location", "/plain/path?q=1&r=2"),
    call("headers.add", "Location", "/another"),
    call("headers.add", "location", "/lower"),
    assign("status_code", 303),
    assign("location", "https://example.org/ü ü"),
    assign("location", None),
    assign("autocorrect_location_header", True),
    assign("automatically_set_content_length", False),
    assign("automatically_set_content_length", True),
    assign("implicit_sequence_conversion", False),
    assign("direct_passthrough", True),
    assign("direct_passthrough", False),
    assign("date", LONG_AGO),
    assign("expires", LONG_AGO),
    assign("last_modified", LONG_AGO),
    assign("age", timedelta(seconds=9)),
    assign("retry_after", 5),
    assign("vary", ["Accept", "Cookie"]),
    assign("allow", "GET"),
    assign("content_language", ["de", "en"]),
    assign("content_range", ContentRange("bytes", 0, 5, 10)),
    assign("accept_ranges", "bytes"),
    assign("www_authenticate", lambda: WWWAuthenticate("digest", {"realm": "x"})),
    assign("www_authenticate", lambda: [WWWAuthenticate("basic"), WWWAuthenticate("bearer")]),
    assign("content_security_policy", "default-src 'none'"),
    assign("content_security_policy_report_only", "default-src 'none'"),
    assign("access_control_allow_origin", "*"),
    assign("access_control_allow_credentials", True),
    assign("access_control_allow_headers", ["X-A"]),
    assign("access_control_allow_methods", ["GET"]),
    assign("access_control_expose_headers", ["X-A"]),
    assign("access_control_max_age", 60),
    assign("cross_origin_opener_policy", werkzeug.http.COOP.SAME_ORIGIN),
    assign("headers", lambda: Headers([("X-Only", "1")])),
    assign("headers", lambda: Headers([("Content-Length", "4"), ("Content-Type", "a/b")])),
    call("set_data", "grüße"),
    call("set_data", b"bytes"),
    call("get_data"),
    call("get_data", as_text=True),
    call("make_sequence"),
    call("freeze"),
    call("calculate_content_length"),
    call("headers.add", "X-Added", "a", filename="b c"),
    call("headers.add", "Content-Length", "8"),
    call("headers.add", "X-Bad", "line\r\nbreak"),
    call("headers.set", "Content-Type", "x/y"),
    call("headers.set", "content-length", "6"),
    call("headers.remove", "Content-Length"),
    call("headers.pop", "Content-Type", None),
    call("headers.extend", {"X-E": ["1", "2"]}),
    call("headers.extend", [("Set-Cookie", "raw=1")]),
    call("headers.update", {"Content-Type": "u/v"}),
    call("headers.setlist", "X-List", ["1", "2"]),
    call("set_etag", "tag"),
    call("set_etag", "tag", weak=True),
    call("add_etag"),
    call("add_etag", overwrite=True),
    call("make_conditional", ENVIRONS["GET"]),
    call("make_conditional", ENVIRONS["conditional GET"]),
    call("make_conditional", ENVIRONS["conditional GET"], accept_ranges=True, complete_length=5),
    call("make_conditional", ENVIRONS["POST"]),
    call("set_cookie", "a", "1", max_age=60, secure=True, httponly=True, samesite="Lax"),
    call("set_cookie", "b", "two words", expires=LONG_AGO, path="/x", domain="example.org"),
    call("delete_cookie", "c"),
    call("stream.write", b"streamed"),
    call("stream.writelines", [b"1", b"2"]),
    call("stream.tell"),
    call("stream.close"),
    call("close"),
    call("get_json", silent=True, force=True),
    ("call_on_close", keep_last_call),
    ("write items", write_items),
    ("remove items", remove_items),
    ("headers.setdefault", set_default),
    ("headers._list.append", own_headers_list),
    ("headers.clear", drop_a_header),
    ("headers[0] = ", slice_the_headers),
]
BODIES = ["nothing", "text", "a list of bytes", "a generator", "a file passed through", "no content", "JSON"]


def apply(response: Any, operations: list[Operation]) -> list[Any]:
    return [(name, outcome(operation, response)) for name, operation in operations]


def run_operations(lib: Any, construction: str, operations: list[Operation]) -> Any:
    response = construct(lib, construction)
    done = apply(response, operations)
    return done, send_everywhere(response), [pair for pair in response.headers if pair[0] not in {"Date", "Set-Cookie"}]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation[0])
def test_one_operation_changes_what_is_sent_as_on_flask(operation: Operation) -> None:
    for construction in BODIES:
        same(run_operations, construction, [operation])


def test_every_attribute_that_can_be_written_is_written_by_some_operation() -> None:
    writable = {
        name
        for name in dir(WerkzeugResponse)
        for value in [inspect.getattr_static(WerkzeugResponse, name)]
        if not name.startswith("_") and isinstance(value, (property, werkzeug.utils.header_property))
        if getattr(value, "fset", True) and not getattr(value, "read_only", False)
    }
    written = {name.partition(" = ")[0] for name, _ in OPERATIONS}
    assert writable - written == {"cross_origin_embedder_policy"}


@settings(derandomize=True, deadline=None, max_examples=250)
@given(st.sampled_from(sorted(CONSTRUCTIONS)), st.lists(st.sampled_from(OPERATIONS), min_size=2, max_size=6))
def test_any_sequence_of_operations_changes_what_is_sent_as_on_flask(
    construction: str, operations: list[Operation]
) -> None:
    same(run_operations, construction, operations)


# Subclasses, which may change anything.


def keep_keywords_only(lib: Any) -> Any:
    class Own(lib.Response):  # type: ignore[misc] # a class of either framework
        def __init__(self, body: Any = "default", *, lang: str = "en", **named: Any) -> None:
            super().__init__(body, **named)
            self.headers["Content-Language"] = lang

    return Own


def add_header(self: Any, environ: Environ) -> Headers:
    headers: Headers = super(type(self), self).get_wsgi_headers(environ)
    headers["X-Sent"] = "yes"
    return headers


def shout(self: Any) -> Iterator[bytes]:
    for part in super(type(self), self).iter_encoded():
        yield part.upper()


def replace_parts(self: Any, environ: Environ) -> list[bytes]:
    return [b"replaced"]


def close_loudly(self: Any) -> None:
    self.headers["X-Closed"] = "yes"
    super(type(self), self).close()


def set_reversed(self: Any, value: Any) -> None:
    super(type(self), self).set_data(value[::-1])


def send_own(self: Any, environ: Environ, start_response: Any) -> Any:
    start_response("299 Own", [("X-Own", "1")])
    return [b"own"]


def own_response(self: Any, environ: Environ) -> Any:
    return [b"own"], "298 Own", [("X-Own", "1")]


def clean(self: Any, value: Any) -> tuple[str, int]:
    return f"{value} CLEANED", 200


OVERRIDES: dict[str, dict[str, Any]] = {
    "get_wsgi_headers": {"get_wsgi_headers": add_header},
    "iter_encoded": {"iter_encoded": shout},
    "get_app_iter": {"get_app_iter": replace_parts},
    "close": {"close": close_loudly},
    "set_data": {"set_data": set_reversed},
    "get_wsgi_response": {"get_wsgi_response": own_response},
    "__call__": {"__call__": send_own},
    "status": {"status": property(lambda self: "297 Own", lambda self, value: self.__dict__.update(_status_code=297))},
    "status_code": {"status_code": property(lambda self: 204, lambda self, value: None)},
    "_clean_status": {"_clean_status": clean},
    "data": {"data": property(lambda self: b"?", lambda self, value: None)},
    "is_sequence": {"is_sequence": False},
    "default_status": {"default_status": 201},
    "default_status as text": {"default_status": "202 Later"},
    "default_mimetype": {"default_mimetype": "application/json"},
    "default_mimetype None": {"default_mimetype": None},
    "default_mimetype empty": {"default_mimetype": ""},
    "automatically_set_content_length": {"automatically_set_content_length": False},
    "autocorrect_location_header": {"autocorrect_location_header": True},
    "implicit_sequence_conversion": {"implicit_sequence_conversion": False},
    "max_cookie_size": {"max_cookie_size": 0},
    "__slots__": {"__slots__": ("extra",)},
    "nothing": {},
}
STEPS: list[list[Operation]] = [
    [],
    [assign("data", "set later")],
    [assign("location", "ü"), assign("status", 302)],
    [assign("location", "/plain"), assign("status", 302)],
    [call("set_cookie", "a", "1"), call("headers.add", "X-A", "b")],
    [assign("response", lambda: iter(["it", b"er"]))],
    [call("freeze")],
]


@pytest.mark.parametrize("override", OVERRIDES)
@pytest.mark.parametrize("construction", ["nothing", "text", "bytes", "a status", "a generator", "headers of pairs"])
def test_a_subclass_may_override(override: str, construction: str) -> None:
    def build(lib: Any) -> Any:
        own = type("Own", (lib.Response,), dict(OVERRIDES[override]))
        grandchild = type("Grandchild", (own,), {})
        observed = []
        # super(type(self), self) recurses endlessly in a subclass of the subclass.
        endless = override in {"get_wsgi_headers", "iter_encoded", "close", "set_data"}
        for cls in (own,) if endless else (own, grandchild):
            for steps in STEPS:
                arguments, named = CONSTRUCTIONS[construction]()
                response = cls(*arguments, **named)
                observed.append((apply(response, steps), send_everywhere(response), list(response.headers)))
        return [(done, sent, [pair for pair in headers if pair[0] != "Set-Cookie"]) for done, sent, headers in observed]

    same(build)


@pytest.mark.parametrize("override", ["get_wsgi_headers", "iter_encoded", "get_app_iter", "close", "status_code"])
def test_a_mixin_before_the_class_may_override(override: str) -> None:
    def build(lib: Any) -> Any:
        if override in {"get_wsgi_headers", "iter_encoded", "close"}:
            own = type("Own", (type("Mixin", (), {}), lib.Response), dict(OVERRIDES[override]))
        else:
            own = type("Own", (type("Mixin", (), dict(OVERRIDES[override])), lib.Response), {})
        return send_everywhere(own("text"))

    same(build)


LOCATIONS = st.text(st.sampled_from("/?#=&;:.~-_%+@ aZ09é\n\\'"), max_size=8).map("/".__add__)


@settings(derandomize=True, database=None, deadline=None, max_examples=1000)
@given(st.one_of(LOCATIONS, st.text(max_size=8), st.just("http://example.org").map(str)), st.booleans(), st.booleans())
def test_a_location_is_sent_as_flask_sends_it(location: str, corrected: bool, twice: bool) -> None:
    def build(lib: Any) -> Any:
        response = lib.Response("moved", 302)
        response.autocorrect_location_header = corrected
        set_it = outcome(response.headers.add, "Location", location)
        if twice:
            response.headers.add("Location", "/other")
        return set_it, send_everywhere(response)

    same(build)


def test_a_plain_location_is_sent_by_the_short_way() -> None:
    environ = make_environ()
    with mock.patch.object(WerkzeugResponse, "__call__", side_effect=AssertionError("the long way")):
        for location in ("/", "/a", "/a/b.c~d_e-f/", "/?a=b", "/a?b=c&d=1/2"):
            answer = send(tuile.redirect(location, Response=tuile.Response), environ)
            assert ("Location", location) in answer.headers
        for location in ("/a#b", "/a%20b", "http://example.org/", "https://a.example:8000?b=c", "/a(b)?c=/d?e"):
            answer = send(tuile.redirect(location, Response=tuile.Response), environ)
            assert ("Location", location) in answer.headers
        for location, sent in (
            ("/a b", "/a%20b"),
            ("/é?ü#ß", "/%C3%A9?%C3%BC#%C3%9F"),
            ("/a?", "/a"),
            ("/a\\b", "/a%5Cb"),
            ("//a", "//a"),
            ("http://EXAMPLE.org/", "http://example.org/"),
            ("http://a:080/", "http://a:80/"),
        ):
            answer = send(tuile.redirect(location, Response=tuile.Response), environ)
            assert ("Location", sent) in answer.headers
        for location in (
            "a:b",
            "http:///a",
            "http://[::1",
            "http://a..b/",
            "http://u:p@a/",
            "mailto:x",
            "/a\tb",
            " ",
        ):
            with pytest.raises(AssertionError, match="the long way"):
                send(tuile.redirect(location, Response=tuile.Response), environ)


def test_a_subclass_with_its_own_constructor_is_made_of_what_a_view_returns() -> None:
    def build(lib: Any) -> Any:
        app = make_app(lib)
        app.response_class = keep_keywords_only(lib)
        views: dict[str, Callable[[], Any]] = {
            "text": lambda: "text",
            "tuple": lambda: ("text", 201, {"X-A": "1"}),
            "json": lambda: {"a": 1},
            "stream": lambda: iter(["a", "b"]),
            "foreign": lambda: WerkzeugResponse("foreign", 202),
            "empty": lambda: lib.make_response(),  # noqa: PLW0108 - beside the others
            "moved": lambda: lib.redirect("/text"),
            "abort": lambda: lib.abort(418),
        }
        for name, view in views.items():
            app.add_url_rule(f"/{name}", name, view)
        return [
            send(app, make_environ(f"/{path}", REQUEST_METHOD=method))
            for path in (*views, "nowhere")
            for method in ("GET", "HEAD")
        ]

    same(build)


def test_the_status_and_the_headers_are_given_to_the_constructor_by_name() -> None:
    def build(lib: Any) -> Any:
        class Own(lib.Response):  # type: ignore[misc] # a class of either framework
            def __init__(self, response: Any, **named: Any) -> None:
                named.setdefault("mimetype", "application/xml")
                super().__init__(response, **named)

        app = make_app(lib)
        app.response_class = Own
        app.route("/")(lambda: ("<a/>", 201))
        return send(app), send(app, make_environ("/nowhere"))

    assert ("Content-Type", "application/xml; charset=utf-8") in same(build)[0].headers


def test_a_subclass_may_ask_for_no_content_type_at_all() -> None:
    def build(lib: Any) -> Any:
        own = type("Own", (lib.Response,), {"default_mimetype": None})
        return send(own("x")), send(own(b"x", mimetype="text/plain")), send(own())

    assert "Content-Type" not in dict(same(build)[0].headers)


@pytest.mark.parametrize("name", ["get_wsgi_headers", "get_app_iter", "iter_encoded", "close"])
def test_an_override_on_one_response_counts(name: str) -> None:
    def build(lib: Any) -> Any:
        response = lib.Response("text")
        original = getattr(response, name)
        calls = []

        def wrapper(*arguments: Any) -> Any:
            calls.append(name)
            return original(*arguments)

        setattr(response, name, wrapper)
        return send_everywhere(response), calls

    assert same(build)[1]


@pytest.mark.parametrize("name", ["get_wsgi_headers", "get_app_iter", "iter_encoded", "close", "get_wsgi_response"])
def test_an_override_on_the_class_after_it_was_used_counts(name: str) -> None:
    def build(lib: Any) -> Any:
        send(lib.Response("text"))
        calls = []
        original = getattr(lib.Response, name)

        def wrapper(*arguments: Any) -> Any:
            calls.append(name)
            return original(*arguments)

        with mock.patch.object(lib.Response, name, wrapper):
            answer = send(lib.Response("text"))
        return answer, calls

    assert same(build)[1]


@pytest.mark.parametrize("name", ["get_wsgi_headers", "iter_encoded", "close"])
def test_an_override_on_one_response_of_an_overriding_class_counts_beside_it(name: str) -> None:
    def build(lib: Any) -> Any:
        calls: list[str] = []

        def of_class(self: Any, *arguments: Any) -> Any:
            calls.append("class")
            return getattr(super(own, self), name)(*arguments)

        own: Any = type("Own", (lib.Response,), {name: of_class})
        response = own("text")
        with mock.patch.object(response, name, wraps=getattr(response, name)) as wrapper:
            answer = send(response)
        first = (answer, wrapper.call_count, calls.copy())
        original = getattr(response, name)

        def of_instance(*arguments: Any) -> Any:
            calls.append("instance")
            return original(*arguments)

        setattr(response, name, of_instance)
        return first, send(response), calls

    assert same(build)[2][-2:] == ["instance", "class"]


# Other classes, other requests.


def test_a_response_becomes_one_of_another_class_and_back() -> None:
    def build(lib: Any) -> Any:
        observed = []
        for construct_arguments in CONSTRUCTIONS.values():
            for source, target in [(lib.Response, WerkzeugResponse), (WerkzeugResponse, lib.Response)]:
                arguments, named = construct_arguments()
                original = source(*arguments, **named)
                forced = target.force_type(original)
                observed.append((forced is original, isinstance(forced, target), send_everywhere(forced)))
        return observed

    same(build)


def test_a_subclass_is_forced_on_a_response_that_was_made_the_short_way() -> None:
    def build(lib: Any) -> Any:
        own: Any = type("Own", (lib.Response,), {"get_wsgi_headers": add_header, "default_status": 201})
        response = own.force_type(lib.Response("text"))
        return send_everywhere(response), send_everywhere(lib.Response.force_type(own("text")))

    assert ("X-Sent", "yes") in same(build)[0][0][1].headers


def test_a_wsgi_callable_becomes_a_response() -> None:
    def application(environ: Environ, start_response: Any) -> Any:
        write = start_response("203 Yes", [("X-A", "1"), ("Content-Type", "a/b")])
        write(b"first ")
        return [b"second"]

    def build(lib: Any) -> Any:
        response = lib.Response.force_type(application, make_environ())
        made = lib.Response.from_app(application, make_environ())
        return send_everywhere(response), send_everywhere(made), outcome(lib.Response.force_type, application)

    same(build)


def test_the_list_given_to_the_server_is_never_the_responses_own() -> None:
    # `send` writes into the list that it is given, as some servers do.
    for response in (tuile.Response("a"), tuile.Response("a", 204), tuile.Response(iter("ab")), tuile.Response()):
        before = list(response.headers)
        send_everywhere(response)
        send_everywhere(response)
        assert list(response.headers) == before


def test_the_body_given_to_the_server_is_never_the_responses_own() -> None:
    def build(lib: Any) -> Any:
        response = lib.Response("a")

        def middleware(environ: Environ, start_response: Any) -> Any:
            parts = response(environ, start_response)
            if isinstance(parts, list):
                parts.append(b" and what a middleware adds")
            return parts

        send(middleware)
        return response.get_data(), send(response).body

    assert same(build) == (b"a", b"a")


def test_one_response_answers_several_requests() -> None:
    def build(lib: Any) -> Any:
        app = make_app(lib)
        response = lib.Response("always")
        app.route("/")(lambda: response)

        @app.after_request
        def count(response: Any) -> Any:
            response.headers["X-Count"] = str(int(response.headers.get("X-Count", 0)) + 1)
            return response

        return [send(app) for _ in range(3)]

    assert same(build)[2].headers[-1] == ("X-Count", "3")


@pytest.mark.parametrize("construction", ["text", "a list of text", "a status of its own", "headers of pairs"])
def test_a_response_survives_copying_and_pickling(construction: str) -> None:
    def build(lib: Any) -> Any:
        response = construct(lib, construction)
        copies = [copy.copy(response), copy.deepcopy(response)]
        response.freeze()
        copies.append(pickle.loads(pickle.dumps(response)))  # noqa: S301 - pickled one line above
        return [send_everywhere(it) for it in copies]

    same(build)


def test_the_environ_may_be_empty_but_for_the_method() -> None:
    same(lambda lib: [outcome(send, lib.Response("x"), environ) for environ in ({}, {"REQUEST_METHOD": "GET"})])


def test_closing_happens_once_and_closes_the_body() -> None:
    def build(lib: Any) -> Any:
        closed: list[str] = []
        observed: list[Any] = []
        for environ in ENVIRONS.values():
            body = mock.Mock(spec=["close", "__iter__"])
            body.__iter__ = lambda self: iter([b"x"])
            body.close = lambda: closed.append("body")
            for response in (lib.Response(body), lib.Response("text"), lib.Response("text", 204)):
                response.call_on_close(lambda: closed.append("callback"))
                observed.append(send(response, environ.copy()))
                observed.append(tuple(closed))
                closed.clear()
        with lib.Response("x") as response:
            response.call_on_close(lambda: closed.append("with"))
        return observed, closed

    assert same(build)[1] == ["with"]


def test_the_size_of_cookies_is_the_apps() -> None:
    def build(lib: Any) -> Any:
        app = make_app(lib)
        app.config["MAX_COOKIE_SIZE"] = 10
        outside = lib.Response().max_cookie_size
        with app.app_context():
            response = lib.Response()
            with pytest.warns(UserWarning, match="cookie is too large") as caught:
                response.set_cookie("name", "more than ten")
            return outside, response.max_cookie_size, len(caught), outcome(setattr, response, "max_cookie_size", 3)[0]

    assert same(build) == (4093, 10, 1, "raised")


def test_a_body_that_cannot_be_sent_is_refused_as_on_flask() -> None:
    def build(lib: Any) -> Any:
        bodies: list[Any] = ["\ud800", 5, object, [1], {"a": 1}, None]
        return [outcome(lambda body=body: send(lib.Response(body))) for body in bodies]

    same(build)


@pytest.mark.parametrize("body", ["text", b"", ["a", "b"], iter(["a"]), None])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_calling_a_response_returns_can_be_closed(body: Any, method: str) -> None:
    def build(lib: Any) -> Any:
        closed: list[str] = []
        response = lib.Response(iter(["a"]) if hasattr(body, "__next__") else body)
        parts = response(make_environ(REQUEST_METHOD=method), lambda *_: None)
        # As middleware may, before it closes what it was given.
        response.call_on_close(lambda: closed.append("response"))
        sent = list(parts)
        parts.close()
        return type(parts).__name__, sent, closed

    assert same(build)[2] == ["response"]


# --- many cookies -----------------------------------------------------------------------------------------------------


def _plain_put(pairs: list[tuple[str, str]], line: str) -> None:
    """What setting a cookie comes to, whatever was done to the headers before."""
    identity = cookie_identity(line)
    pairs[:] = [p for p in pairs if p[0].lower() != "set-cookie" or cookie_identity(p[1]) != identity]
    pairs.append(("Set-Cookie", line))


# What others may do to the headers.
CHANGES: dict[str, Callable[[list[tuple[str, str]], str], Any]] = {
    "added": lambda pairs, line: pairs.append(("Set-Cookie", line)),
    "in another spelling": lambda pairs, line: pairs.append(("sEt-cOOkie", line)),
    "replaced": lambda pairs, line: pairs.__setitem__(0, ("Set-Cookie", line)),
    "removed": lambda pairs, line: pairs.__delitem__(slice(1, 2)),
    "reversed": lambda pairs, line: pairs.reverse(),
    "other headers": lambda pairs, line: None,
    "copied": lambda pairs, line: None,
}


HEADER_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["set", "set", "set", "delete", *CHANGES]), st.sampled_from("abc"), st.sampled_from(["/", "/x"])
    ),
    max_size=14,
)


@settings(derandomize=True, deadline=None, database=None, max_examples=300)
@given(HEADER_STEPS)
def test_cookies_are_set_once_whatever_else_is_done_to_the_headers(steps: list[tuple[str, str, str]]) -> None:
    change_headers(tuile.Response("x"), steps)


@settings(derandomize=True, deadline=None, database=None, max_examples=100)
@given(HEADER_STEPS)
def test_so_are_cookies_among_hundreds_of_others(steps: list[tuple[str, str, str]]) -> None:
    response = tuile.Response("x")
    for number in range(200):
        response.set_cookie(f"n{number}", "v")
    # What is put in the place of another line is noticed later.
    change_headers(response, [step for step in steps if step[0] != "replaced"])
    for number in range(200):
        response.set_cookie(f"n{number}", "again")
    assert sum(value.startswith("n") for _, value in response.headers._list) == 200


def change_headers(response: tuile.Response, steps: list[tuple[str, str, str]]) -> None:
    """Set cookies and do what others may do to the headers, and compare them with what is expected after each step."""
    expected = response.headers._list.copy()
    for number, (step, name, path) in enumerate(steps):
        if step in {"set", "delete"}:
            value = str(number)
            if step == "set":
                response.set_cookie(name, value, path=path)
            else:
                response.delete_cookie(name, path=path)
            _plain_put(expected, response.headers._list[-1][1])
        else:
            line = f"{name}={number}; Path={path}"
            CHANGES[step](response.headers._list, line)
            CHANGES[step](expected, line)
            if step == "other headers":
                response.headers = Headers(response.headers._list)
            elif step == "copied":
                response = copy.copy(response)
        assert response.headers._list == expected


_DATES = [
    datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=timezone.utc),
    datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=5.5))),
    datetime(2026, 1, 2, 3, 4, 5),  # noqa: DTZ001 - in UTC, for Werkzeug
    datetime(1, 1, 1, tzinfo=timezone.utc).date(), 0, 1e9, -5.5, None, "x", True, time.gmtime(86400), 10**20,
]  # fmt: skip
_HEADERS = [
    "", "Fri, 02 Jan 2026 03:04:05 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Thu, 01 Jan 1970 00:00:00 +0200",
    "yesterday", "max-age=60, public", 'no-cache="Set-Cookie", max-age=x', "private,,no-store", "max-age", "7", "-7",
    "a, b", "ü", "x" * 5000, "unsafe-none", "same-origin", "bytes",
]  # fmt: skip
_PROPERTIES = [
    "accept_ranges", "access_control_allow_headers", "access_control_allow_methods", "access_control_allow_origin",
    "access_control_expose_headers", "access_control_max_age", "age", "allow", "cache_control", "content_encoding",
    "content_language", "content_length", "content_location", "content_md5", "content_range", "content_security_policy",
    "content_type", "cross_origin_embedder_policy", "cross_origin_opener_policy", "date", "expires", "last_modified",
    "location", "mimetype", "mimetype_params", "vary", "www_authenticate",
]  # fmt: skip
_FIELDS = {"content_md5": "Content-MD5", "mimetype": "Content-Type", "mimetype_params": "Content-Type"}


class _PlainText(tuile.Response):
    default_mimetype = "text/plain"


def _outcome_of(function: Callable[..., Any], *arguments: object) -> tuple[object, ...]:
    try:
        found = function(*arguments)
    except AttributeError:
        # Its text names the class.
        return (AttributeError,)
    except Exception as error:  # noqa: BLE001 - compared
        return type(error), str(error)
    return type(found), str(found), getattr(found, "provided", None)


@pytest.mark.parametrize("name", _PROPERTIES)
def test_properties_for_headers_do_what_werkzeugs_do(name: str) -> None:
    field = _FIELDS.get(name, "-".join(map(str.capitalize, name.split("_"))))
    for value in [*_HEADERS, None]:
        made = [
            kind("text", headers=None if value is None else {field: value}) for kind in (_PlainText, WerkzeugResponse)
        ]
        if value is None:
            for response in made:
                response.headers.pop("Content-Type")
        ours, theirs = made
        assert _outcome_of(getattr, ours, name) == _outcome_of(getattr, theirs, name)
        for assigned in [*_DATES, *_HEADERS, ["a", "b"], 5]:
            outcomes = [_outcome_of(setattr, response, name, assigned) for response in made]
            assert outcomes[0] == outcomes[1]
            assert list(ours.headers) == list(theirs.headers)
            assert _outcome_of(getattr, ours, name) == _outcome_of(getattr, theirs, name)
        outcomes = [_outcome_of(delattr, response, name) for response in made]
        assert outcomes[0][0] == outcomes[1][0]
        assert list(ours.headers) == list(theirs.headers)


def test_what_a_property_returns_changes_the_header() -> None:
    for text in ("", "max-age=60, public", 'no-cache="Set-Cookie"', "private, x=1"):
        made = [
            kind("text", headers={"Cache-Control": text} if text else {}) for kind in (_PlainText, WerkzeugResponse)
        ]
        for change in (
            lambda it: setattr(it, "max_age", 5), lambda it: setattr(it, "public", True),
            lambda it: setattr(it, "no_cache", "a, b"), lambda it: it.pop("public"),
            lambda it: it.update({"s-maxage": "7"}), lambda it: it.clear(),
        ):  # fmt: skip
            for response in made:
                change(response.cache_control)
            assert list(made[0].headers) == list(made[1].headers)


LOCATIONS = st.one_of(
    st.text("/a.;?#%&=:@+,é \\\t[]-~!*'()$", max_size=10),
    st.lists(st.sampled_from(["/", "a", ".", "..", ";", "?", "#", "%2F", "%", "b=c", ":", "//h", "é"]), max_size=6).map(
        "".join
    ),
    st.sampled_from(["/", "/a", "/a/b.c?d=e", "/.a", "/a/./b", "/a//b", "?a", "#a", "http://x/a", "//x/a", "a:b", ""]),
)
REQUEST_HOSTS = st.sampled_from(
    [
        *(
            "localhost",
            "a.b.example",
            "Example.org",
            "localhost:80",
            "localhost:8000",
            "h:443",
            *(
                "h:1",
                "h:0",
                "h:080",
                "h:8080",
                "127.0.0.1:65535",
                "h:65536",
                "h:59999",
                "h:60000",
                "h:",
                "h:8a",
                "h:+80",
                "h:\u0661",
            ),
            "xn--bcher-kva.example",
        ),
        *("é.x", "[::1]", "a..b", ".a", "1.2.3.4", "a_b", "x" * 64, "user@h", "", "a.xn--n3h", "-a-"),
    ]
)


@settings(max_examples=500, deadline=None)
@given(LOCATIONS, REQUEST_HOSTS, st.sampled_from(["http", "https", "ws"]), st.sampled_from(["", "/app"]), st.booleans())
@example("/a", "a_b", "http", "", False)
def test_a_location_is_made_absolute_as_by_werkzeug(
    location: str, host: str, scheme: str, root: str, has_other: bool
) -> None:
    def sent(kind: Any) -> Any:
        response = kind("text", mimetype="text/plain")
        response.autocorrect_location_header = True
        response.headers["location" if has_other else "Location"] = location
        response.headers["Content-Location"] = location
        environ = create_environ("/at/this", "http://localhost/")
        environ.update({"HTTP_HOST": host, "wsgi.url_scheme": scheme, "SCRIPT_NAME": root})
        started: list[Any] = []
        response(environ, lambda *given: started.append(given))
        return started

    assert outcome(sent, tuile.Response) == outcome(sent, WerkzeugResponse)


@pytest.mark.parametrize("range_", ["bytes=0-1", "bytes=2-", "bytes=-1", "bytes=9-", "bytes=0-0,2-3", "x", ""])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("date", [None, ("Date", "now"), ("date", "now")])
def test_a_range_of_a_text_is_answered_as_by_werkzeug(range_: str, method: str, date: tuple[str, str] | None) -> None:
    def answered(kind: Any) -> Any:
        response = kind("text", mimetype="text/plain")
        if date is not None:
            response.headers.add(*date)
        environ = create_environ("/", method=method, headers={"Range": range_})
        error = outcome(lambda: response.make_conditional(environ, accept_ranges=True, complete_length=4).status)
        pairs = [(name, "now" if name == "Date" else value) for name, value in response.headers]
        return error, response.status, pairs, b"".join(response.iter_encoded())

    assert answered(tuile.Response) == answered(WerkzeugResponse)
