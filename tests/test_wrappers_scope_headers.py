"""`request.headers` of a coroutine function is what it would be if the environ was made first."""

from __future__ import annotations

import asyncio
import copy
import gc
import weakref
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tuile
from tests.asgi.driver import Server, make_scope
from tests.asgi.test_headers_on_loop import NAMES, VALUES
from tests.beside_flask import outcome
from tuile.http.request_headers import EnvironHeaders
from tuile.wrappers.scope_headers import ScopeHeaders

KEYS = [
    *("Accept", "accept", "ACCEPT", "Cookie", "X-Own", "x_own", "X-Missing", "Content-Type", "Content_Length", "Host"),
    *("x own", "x-\xe9", "", "-", "Te", "Transfer-Encoding", "Http-Cookie", "X-Forwarded-For", "Upgrade", "\u017f"),
    *("Coo\u212aie", "Ho\u017ft", "\u0130f-Match"),
]
#: What is done with `request.headers`; the second argument is the request.
DOES: dict[str, Any] = {
    **{f"get {key}": lambda headers, request, key=key: headers.get(key) for key in KEYS},
    **{f"[{key}]": lambda headers, request, key=key: headers[key] for key in KEYS},
    **{f"{key} in": lambda headers, request, key=key: key in headers for key in KEYS},
    "get int": lambda headers, request: headers.get("Content-Length", type=int),
    "get int default": lambda headers, request: headers.get("X-Own", 7, int),
    "get default": lambda headers, request: headers.get("X-Missing", "default"),
    "get bytes": lambda headers, request: headers.get(b"accept"),
    "[0]": lambda headers, request: headers[0],
    "[None]": lambda headers, request: headers[None],
    "None in": lambda headers, request: None in headers,
    "getlist": lambda headers, request: headers.getlist("Accept"),
    "get_all": lambda headers, request: headers.get_all("X-Own"),
    "list": lambda headers, request: sorted(headers),
    "dict": lambda headers, request: sorted(dict(headers).items()),
    "keys": lambda headers, request: sorted(headers.keys(lower=True)),
    "len": lambda headers, request: len(headers),
    "repr": lambda headers, request: (type(headers).__name__, type(headers).__module__),
    "isinstance": lambda headers, request: isinstance(headers, EnvironHeaders),
    "set": lambda headers, request: headers.__setitem__("X-Own", "1"),
    "copy": lambda headers, request: copy.copy(headers),
    "hash": lambda headers, request: hash(headers),
    "environ": lambda headers, request: headers.environ is request.environ,
    "touched": lambda headers, request: bool(request.environ),
    "changed": lambda headers, request: request.environ.update(HTTP_X_OWN="changed", HTTP_ACCEPT="changed"),
    "equal": lambda headers, request: headers == request.headers,
    "user agent": lambda headers, request: request.user_agent.string,
    "cookies": lambda headers, request: list(request.cookies.items(multi=True)),
    "host": lambda headers, request: request.host,
    "other": lambda headers, request: setattr(request, "headers", {"Cookie": "x=y", "Host": "other"}),
    "deleted": lambda headers, request: delattr(request, "headers"),
    "replaced": lambda headers, request: setattr(headers, "environ", {"HTTP_X_OWN": "replaced"}),
}


def make_app(order: list[str], *, early: bool = False) -> Any:
    """An application that tells what comes of these, with the environ made first if that is wanted."""
    app = tuile.Flask("headers", static_folder=None)

    @app.get("/it")
    async def view() -> Any:
        request = tuile.request._get_current_object()  # type: ignore[attr-defined]
        if early:
            assert request.environ
        headers = request.headers
        return repr([outcome(DOES[name], headers, request) for name in order])

    return app


async def answers_of(app: Any, requests: list[list[tuple[bytes, bytes]]]) -> list[Any]:
    """Send requests with these headers, after one that makes the app ready."""
    await Server(make_scope("/it")).ask(app)
    return [await Server(make_scope("/it", headers=headers)).ask(app) for headers in requests]


REQUESTS = st.lists(
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=6), min_size=1, max_size=5
)


@settings(deadline=None, max_examples=200)
@given(requests=REQUESTS, order=st.lists(st.sampled_from(sorted(DOES)), min_size=1, max_size=6))
def test_they_are_those_of_the_environ(requests: Any, order: list[str]) -> None:
    expected = asyncio.run(answers_of(make_app(order, early=True), requests))
    assert asyncio.run(answers_of(make_app(order), requests)) == expected


def test_each_alone() -> None:
    requests = [[(name, value), (b"x-own", b"1")] for name in NAMES for value in VALUES[::3]]
    for name in DOES:
        expected = asyncio.run(answers_of(make_app([name], early=True), requests))
        assert asyncio.run(answers_of(make_app([name]), requests)) == expected, name


@pytest.mark.parametrize("first", ["other", "deleted", "replaced", "cookies", "get Accept"])
def test_what_was_kept_sees_a_changed_environ(first: str) -> None:
    order = [first, "changed", "get Accept", "[X-Own]", "Accept in", "list"]
    requests = [[(b"accept", b"a/b"), (b"x-own", b"1"), (b"cookie", b"a=b")]] * 2
    expected = asyncio.run(answers_of(make_app(order, early=True), requests))
    assert asyncio.run(answers_of(make_app(order), requests)) == expected


def keep(kept: list[Any], function: Any = None) -> Any:
    """An application whose view keeps its request's headers, after doing something with them."""
    app = tuile.Flask("kept", static_folder=None)

    @app.get("/it")
    async def view() -> str:
        headers = tuile.request.headers
        kept.append(headers)
        return str(function(headers) if function else None)

    return app


def test_they_can_be_kept_longer_than_the_request() -> None:
    kept: list[Any] = []
    asyncio.run(answers_of(keep(kept), [[(b"x-own", b"1"), (b"x-own", b"2")]]))
    headers = kept[-1]
    gc.collect()
    assert type(headers) is ScopeHeaders
    assert (headers["X-Own"], headers.get("X-Missing")) == ("1,2", None)
    assert sorted(headers) == [("Host", "localhost"), ("X-Own", "1,2")]
    assert type(headers) is EnvironHeaders
    assert headers.environ["HTTP_X_OWN"] == "1,2"


def test_no_environ_is_made_and_there_is_no_cycle() -> None:
    requests: list[Any] = []

    def look(headers: Any) -> str:
        request = tuile.request._get_current_object()  # type: ignore[attr-defined]
        requests.append(weakref.ref(request))
        seen = headers.get("X-Own"), headers["Host"], "X-Own" in headers, request.host, list(request.cookies)
        return f"{seen} {'environ' in vars(request)}"

    kept: list[Any] = []
    app = keep(kept, look)
    gc.disable()
    try:
        answers = asyncio.run(answers_of(app, [[(b"x-own", b"1"), (b"cookie", b"a=b")]]))
        kept.clear()
        assert requests[-1]() is None
    finally:
        gc.enable()
    assert answers[0].text == "('1', 'localhost', True, 'localhost', ['a']) False"


def test_whoever_replaces_a_method_is_called() -> None:
    for name in ("get", "__getitem__", "__contains__"):
        kept: list[Any] = []
        seen: list[Any] = []
        stock = getattr(EnvironHeaders, name)

        def replaced(self: Any, key: Any, stock: Any = stock, seen: Any = seen) -> Any:
            seen.append(key)
            return stock(self, key)

        app = keep(kept, lambda headers: [headers.get("Host"), headers["Host"], "Host" in headers])
        with mock.patch.object(EnvironHeaders, name, replaced):
            asyncio.run(answers_of(app, [[]]))
        # The first request takes a worker.
        assert seen == ["Host", "Host"], name
