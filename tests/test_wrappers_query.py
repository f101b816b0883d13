"""`request.args` reads as on Flask, whatever was sent, set before, and overridden."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import CombinedMultiDict, ImmutableMultiDict, MultiDict

import tuile
from tests.beside_flask import make_app, make_environ, outcome, same, send
from tuile.http import request_headers

queries = st.one_of(
    st.lists(st.sampled_from(["a=1", "a=ü", "b", "=x", "", "a=%C3%BC", "%61=+", "a=%26", "a==", "é"]), max_size=4).map(
        "&".join
    ),
    st.text(max_size=8),
)
# What a view does before, between and after it reads the query.
STEPS: dict[str, Any] = {
    "args": lambda request: list(request.args.items(multi=True)),
    "type": lambda request: type(request.args).__name__,
    "same": lambda request: request.args is request.args,
    "get": lambda request: (request.args.get("a"), request.args.get("a", type=int), request.args.getlist("a")),
    "values": lambda request: list(request.values.items(multi=True)),
    "query_string": lambda request: request.query_string,
    "method": lambda request: (request.method, request.path, request.scheme, request.root_path, request.remote_addr),
    "full_path": lambda request: request.full_path,
    "set query_string": lambda request: setattr(request, "query_string", b"a=set&c=%FF"),
    "set args": lambda request: setattr(request, "args", MultiDict({"a": "assigned"})),
    "delete args": lambda request: vars(request._get_current_object()).pop("args", None),
    "set a class": lambda request: setattr(request, "parameter_storage_class", MultiDict),
    "set the usual class": lambda request: setattr(request, "parameter_storage_class", ImmutableMultiDict),
    "copy": lambda request: list(request.__class__(request.environ, False).args.items(multi=True)),
}


def _in_view(lib: Any, query: str, names: list[str], kind: Any = None, **changes: object) -> Any:
    app = make_app(lib)
    if kind is not None:
        app.request_class = kind(lib)

    @app.get("/")
    def view() -> Any:
        found.extend((name, outcome(STEPS[name], lib.request)) for name in names)
        return "ok"

    found: list[Any] = []
    return found, send(app, make_environ("/", QUERY_STRING=query.encode().decode("latin-1"), **changes))


@given(query=queries, names=st.lists(st.sampled_from(list(STEPS)), max_size=6))
@settings(max_examples=150, deadline=None)
def test_the_query_is_read_in_any_order_as_on_flask(query: str, names: list[str]) -> None:
    same(_in_view, query, names)


def _with_storage(lib: Any) -> Any:
    return type("Stored", (lib.Request,), {"parameter_storage_class": MultiDict})


def _with_query(lib: Any) -> Any:
    return type("Queried", (lib.Request,), {"query_string": b"a=of-the-class"})


def _asking_above(lib: Any) -> Any:
    class Above(lib.Request):  # type: ignore[misc]
        @property
        def args(self) -> Any:
            return CombinedMultiDict([MultiDict({"z": "above"}), super().args])

        @property
        def endpoint(self) -> Any:
            return super().endpoint.upper()

    return Above


def _with_getattribute(lib: Any) -> Any:
    class Asked(lib.Request):  # type: ignore[misc]
        def __getattribute__(self, name: str) -> Any:
            return b"a=asked" if name == "query_string" else super().__getattribute__(name)

    return Asked


@pytest.mark.parametrize("kind", [_with_storage, _with_query, _asking_above, _with_getattribute])
@pytest.mark.parametrize(
    "names", [["args", "type", "get"], ["query_string", "args"], ["same", "values", "method", "copy"]]
)
@pytest.mark.parametrize("query", ["", "a=1&a=2&b", "é=%FF"])
def test_the_query_of_a_class_of_ones_own_is_read_as_on_flask(kind: Any, names: list[str], query: str) -> None:
    same(_in_view, query, names, kind)


def test_a_class_may_be_patched_between_requests() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.request_class = kind = type("Mine", (lib.Request,), {})

        @app.get("/")
        def view() -> Any:
            return f"{type(lib.request.args).__name__} {lib.request.args!r} {lib.request.query_string!r}"

        def ask() -> Any:
            return send(app, make_environ("/", QUERY_STRING="a=1"))

        found = [ask(), ask()]
        other = property(lambda self: b"b=2", lambda self, value: None)
        for name, value in (("parameter_storage_class", MultiDict), ("query_string", other)):
            setattr(kind, name, value)
            found += [ask(), ask()]
            delattr(kind, name)
            found += [ask()]
        return found

    same(program)


def test_a_query_is_that_of_its_request_when_the_server_reuses_the_environ() -> None:
    def program(lib: Any) -> Any:
        app, kept = make_app(lib), []

        @app.get("/")
        def view() -> str:
            kept.append(lib.request._get_current_object())
            return "ok"

        environ = make_environ("/", QUERY_STRING="a=1")
        list(app.wsgi_app(environ, lambda *_: print))
        environ.update(QUERY_STRING="a=2", REQUEST_METHOD="PUT")
        return [(one.args.get("a"), one.method, one.query_string) for one in kept]

    same(program)


def test_the_keys_of_names_that_clients_choose_are_not_all_kept() -> None:
    headers = request_headers.EnvironHeaders({"HTTP_X_7": "seven"})
    for number in range(2000):
        assert headers.get(f"X-{number}") == ("seven" if number == 7 else None)
    assert f"x-{'y' * 10_000}" not in headers
    assert len(request_headers._KEYS) <= request_headers._MOST_NAMES
    assert max(map(len, request_headers._KEYS)) < request_headers._LONGEST_NAME


def test_a_query_of_a_request_without_a_context_is_read() -> None:
    request = tuile.Request(make_environ("/", QUERY_STRING="a=1&a=2"))
    assert request.args.getlist("a") == ["1", "2"]
    del request.args
    assert request.args["a"] == "1"
