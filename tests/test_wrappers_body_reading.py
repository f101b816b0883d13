"""Bodies are read as Werkzeug reads them, of any sort, read in any order, and with anything replaced."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse
from werkzeug.wrappers import Response as WerkzeugResponse

import tuile
from tests.beside_flask import outcome, same

PIECES = st.lists(st.sampled_from(["a", "\u00e9", "\ud800", b"b", b"\xff", b"", bytearray(b"c"), 5, None]), max_size=3)
STEPS = st.lists(
    st.sampled_from(["get_data", "text", "data", "iter", "set", "length", "tag", "list", "close"]),
    min_size=1,
    max_size=4,
)
KINDS = st.sampled_from(["list", "tuple", "generator", "iterator", "text", "bytes", "none"])


def _body(kind: str, pieces: list[Any]) -> Any:
    makers: dict[str, Any] = {
        "list": lambda: list(pieces),
        "tuple": lambda: tuple(pieces),
        "generator": lambda: (piece for piece in pieces),
        "iterator": lambda: iter(pieces),
        "text": lambda: "text \u00e9",
        "bytes": lambda: b"bytes",
        "none": lambda: None,
    }
    return makers[kind]()


def _take(response: Any, step: str) -> Any:
    taken = {
        "get_data": response.get_data,
        "text": lambda: response.get_data(as_text=True),
        "data": lambda: response.data,
        "iter": lambda: list(response.iter_encoded()),
        "set": lambda: setattr(response, "data", "set"),
        "length": response.calculate_content_length,
        "tag": lambda: (response.add_etag(), response.headers.get("ETag")),
        "list": lambda: response.response if isinstance(response.response, (list, tuple)) else "streamed",
        "close": response.close,
    }
    return outcome(taken[step])


@settings(max_examples=400, deadline=None)
@given(KINDS, PIECES, STEPS, st.booleans(), st.booleans())
def test_a_body_of_any_sort_is_read_as_on_flask(
    kind: str, pieces: list[Any], steps: list[str], passed_through: bool, converts: bool
) -> None:
    def program(lib: Any) -> Any:
        response = lib.Response(_body(kind, pieces), direct_passthrough=passed_through)
        if not converts:
            response.implicit_sequence_conversion = False
        return [_take(response, step) for step in steps], list(response.headers)

    same(program)


@settings(max_examples=150, deadline=None)
@given(KINDS, st.lists(st.sampled_from(["a", "\u00e9", b"b", b"\xff"]), max_size=3), STEPS, st.booleans())
def test_the_body_of_a_test_response_is_read_as_on_flask(
    kind: str, pieces: list[Any], steps: list[str], buffered: bool
) -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("app")
        closed: list[str] = []

        def view() -> Any:
            response = lib.Response(_body(kind, pieces))
            response.call_on_close(lambda: closed.append("closed"))
            return response

        app.add_url_rule("/", "view", view)
        response = app.test_client().get("/", buffered=buffered)
        found = [(_take(response, step), list(closed)) for step in steps]
        response.close()
        shown = {name: getattr(response, name) for name in ("status", "status_code", "history", "direct_passthrough")}
        return found, shown, closed, sorted(vars(response)), response._compat_tuple[1], list(response.headers)

    same(program)


@pytest.mark.parametrize("name", ["iter_encoded", "_ensure_sequence", "make_sequence", "get_data", "call_on_close"])
@pytest.mark.parametrize("where", ["werkzeug", "class", "object"])
@pytest.mark.parametrize("kind", ["list", "generator", "text"])
def test_a_replaced_method_is_called(name: str, where: str, kind: str) -> None:
    def program(lib: Any) -> Any:
        called: list[str] = []
        app = lib.Flask("app")
        app.response_class = type("Own", (lib.Response,), {})
        app.add_url_rule("/", "view", lambda: lib.Response(_body(kind, ["a", "b"])))
        response = app.test_client().get("/")
        target: Any = {"werkzeug": WerkzeugResponse, "class": type(response), "object": response}[where]
        stock = getattr(target, name)

        def replaced(*args: Any, **kwargs: Any) -> Any:
            called.append(name)
            return stock(*args, **kwargs)

        with mock.patch.object(target, name, replaced):
            found = response.get_data(as_text=True), response.data, response.text
        return found, called

    same(program)


@pytest.mark.parametrize("where", ["werkzeug", "class", "beside"])
def test_a_replaced_property_reads_and_sets_the_body(where: str) -> None:
    def program(lib: Any) -> Any:
        beside = type("Beside", (WerkzeugResponse,), {})
        own = type("Own", (lib.Response, beside), {})
        target = {"werkzeug": WerkzeugResponse, "class": own, "beside": beside}[where]
        stock: Any = WerkzeugResponse.data
        other = property(lambda self: b"got " + stock.fget(self), lambda self, body: stock.fset(self, b"set " + body))
        response = own("text")
        with mock.patch.object(target, "data", other):
            found = [response.data]
            response.data = b"other"
        response.headers["X-Length"] = str(response.content_length)
        found += [response.data, response.get_data()]
        response.data = "more"
        return found, response.data, list(response.headers), lib.Response("text").data

    same(program)


def test_a_subclass_before_werkzeugs_class_keeps_its_method() -> None:
    class Beside(WerkzeugResponse):
        def get_data(self, as_text: bool = False) -> Any:
            return "beside"

        @property
        def data(self) -> Any:
            return b"data beside"

    def program(lib: Any) -> Any:
        response = type("Mine", (lib.Response, Beside), {})("text")
        return response.get_data(), response.data

    same(program)


@pytest.mark.parametrize("status", [200, 404, "200 OK", "299 Mine", "600 "])
@pytest.mark.parametrize("own", ["none", "constructor", "mimetype", "werkzeug"])
def test_a_test_response_is_made_by_the_constructors_that_flask_calls(status: Any, own: str) -> None:
    def program(lib: Any) -> Any:
        made: list[Any] = []
        app = lib.Flask("app")

        class Own(lib.Response):  # type: ignore[misc]
            if own == "constructor":

                def __init__(self, *args: Any, **kwargs: Any) -> None:
                    made.append((len(args), sorted(kwargs)))
                    super().__init__(*args, **kwargs)

            if own == "mimetype":
                default_mimetype = "text/x-own"

        app.response_class = Own
        app.add_url_rule("/", "view", lambda: ("text", status))
        client = app.test_client()
        stock = TestResponse.__init__

        def patched(self: Any, *args: Any, **kwargs: Any) -> None:
            made.append("patched")
            stock(self, *args, **kwargs)

        with mock.patch.object(TestResponse, "__init__", patched if own == "werkzeug" else stock):
            response = client.get("/?a=1", headers={"X-One": "1"})
        request = response.request
        asked = {name: value for name, value in vars(request).items() if name not in {"environ", "headers"}}
        return made, response.status, list(response.headers), response.text, asked, list(request.headers), request.url

    same(program)


def test_the_own_methods_look_like_werkzeugs() -> None:
    assert tuile.Response.get_data.__doc__ == WerkzeugResponse.get_data.__doc__
    assert tuile.Response.data.__doc__ == WerkzeugResponse.data.__doc__
