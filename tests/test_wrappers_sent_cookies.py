"""`request.cookies` reads as Werkzeug's does, whatever was sent and however it is asked."""

from __future__ import annotations

import pickle
from copy import copy, deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import ImmutableMultiDict

import tuile
from tests.beside_flask import make_app, make_environ, outcome, same, send

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "5f1b0c9d7e3a48c2b6d4917f20ea63c8"
READING: dict[str, Callable[[Any], object]] = {
    "[]": lambda cookies: cookies["a"],
    "get": lambda cookies: cookies.get("a"),
    "get with a default": lambda cookies: cookies.get("a", "none"),
    "get with a type": lambda cookies: cookies.get("a", -1, type=int),
    "getlist": lambda cookies: cookies.getlist("a"),
    "getlist with a type": lambda cookies: cookies.getlist("a", type=int),
    "in": lambda cookies: "a" in cookies,
    "names": list,
    "items": lambda cookies: list(cookies.items()),
    "items, all": lambda cookies: list(cookies.items(multi=True)),
    "lists": lambda cookies: list(cookies.lists()),
    "listvalues": lambda cookies: list(cookies.listvalues()),
    "values": lambda cookies: list(cookies.values()),
    "dict": dict,
    "to_dict": lambda cookies: cookies.to_dict(),
    "to_dict, all": lambda cookies: cookies.to_dict(flat=False),
    "repr": repr,
    "length": lambda cookies: (len(cookies), bool(cookies)),
    "equal": lambda cookies: cookies == ImmutableMultiDict(list(cookies.items(multi=True))),
    "copies": lambda cookies: [repr(cookies.copy()), repr(copy(cookies)), repr(deepcopy(cookies))],
    "pickle": lambda cookies: repr(pickle.loads(pickle.dumps(cookies))),  # noqa: S301 - made here
    "set": lambda cookies: cookies.update(a=1),
    "add": lambda cookies: cookies.add("a", "1"),
    "hash": lambda cookies: hash(cookies) == hash(ImmutableMultiDict(list(cookies.items(multi=True)))),
    "union": lambda cookies: cookies | {"c": "d"},
}
# What is parsed as Werkzeug parses it.
headers = st.lists(st.sampled_from(["a=1", "a=x", "b=2", "a=", 'a="q\\054"']), max_size=4).map("; ".join)


def _shown(read: Callable[[Any], object], cookies: Any) -> str:
    try:
        return repr(read(cookies))
    except Exception as error:  # noqa: BLE001 - whatever it is
        return f"{type(error).__name__}: {error}"


@given(header=headers)
@settings(max_examples=80, deadline=None)
def test_each_way_of_reading_cookies_gives_what_werkzeugs_gives(header: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)

        @app.get("/")
        def view() -> Any:
            return {name: _shown(read, lib.request.cookies) for name, read in READING.items()}

        return send(app, make_environ("/", HTTP_COOKIE=header)).text

    same(program)


@pytest.mark.parametrize("header", ["session=abc.def", "session=abc.def; session=x.y.z", "theme=dark; session=", "x=1"])
def test_a_session_that_is_not_valid_is_empty_when_the_cookies_were_read_before(header: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, SECRET_KEY=KEY)

        @app.get("/")
        def view() -> str:
            return f"{lib.request.cookies.get('session')} {dict(lib.session)}"

        return send(app, make_environ("/", HTTP_COOKIE=header)).text

    same(program)


def test_a_good_session_after_one_that_is_not_valid_is_found_when_the_cookies_were_read_before() -> None:
    app = make_app(tuile, SECRET_KEY=KEY)

    @app.get("/login")
    def login() -> str:
        tuile.session["user"] = "ada"
        return ""

    @app.get("/")
    def view() -> str:
        return f"{len(tuile.request.cookies)} {dict(tuile.session)}"

    sent = dict(send(app, make_environ("/login")).headers)["Set-Cookie"].partition(";")[0]
    assert send(app, make_environ("/", HTTP_COOKIE=f"session=a.b.c; {sent}")).text == "1 {'user': 'ada'}"


@pytest.mark.parametrize("header", [None, "", "a=1"])
def test_received_cookies_are_of_werkzeugs_class(header: str | None) -> None:
    app = make_app(tuile)

    @app.get("/")
    def view() -> Any:
        cookies = tuile.request.cookies
        return [isinstance(cookies, ImmutableMultiDict), type(cookies) is ImmutableMultiDict or not cookies]

    sent = {} if header is None else {"HTTP_COOKIE": header}
    assert send(app, make_environ("/", **sent)).text == "[true,true]\n"


@pytest.mark.parametrize("header", ["", "a=1", "a=1; b=2; a=3", 'a="x\\054y"; b; =c; d=e=f'])
@pytest.mark.parametrize("what", ["cookies", "args"])
def test_received_values_are_read_in_every_way_as_on_flask(header: str, what: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        given = {"HTTP_COOKIE": header} if what == "cookies" else {"QUERY_STRING": header.replace("; ", "&")}
        with app.request_context(make_environ("/", **given)):
            values = getattr(lib.request, what)
            copied = values.copy()
            copied.add("a", "new")
            copied.setlist("z", [1, 2])
            found: list[Any] = [repr(one) for one in (values, copied, type(copied), copy(values) is values)]
            found += [repr(deepcopy(values)), repr(pickle.loads(pickle.dumps(values))), dict(values)]  # noqa: S301
            found += [list(values), list(values.items()), list(values.items(multi=True)), list(values.lists())]
            found += [list(values.values()), list(values.listvalues()), values.to_dict(), values.to_dict(flat=False)]
            found += [len(values), "a" in values, values == copied, values == values.copy(), hash(values) is not None]
            for name in ("a", "b", "nope"):
                found += [values.get(name), values.get(name, type=int), values.get(name, 5, type=int)]
                found += [values.getlist(name), values.getlist(name, type=int), outcome(values.__getitem__, name)]
            found += [outcome(values.add, "a", 1), outcome(values.pop, "a"), outcome(values.__setitem__, "a", 1)]
        return found

    same(program)
