"""Many cookies on one response: each line is Flask's, and of each cookie there is one line, whoever else adds some."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import tuile
from tests.beside_flask import make_app, outcome, same
from tuile.http.cookies import cookie_identity

NAMES = [*"abc", "a-b", "a.b", "A", "a1", "1a", "_", "a" * 600, "\xe9", "", " a", "a=", "a;", "\n", "class", "\u4e2d"]
VALUES = [
    "",
    "1",
    "a_b",
    "a-b",
    "a b",
    '"',
    "a,b",
    "a;b",
    "\\",
    "\xe9",
    "\u2603",
    "x" * 4000,
    "\ud800",
    "\x7f",
    "\xaa",
    "\u0661",
]
WHERE: list[dict[str, Any]] = [
    {},
    {},
    {},
    {"path": "/a"},
    {"path": None},
    {"domain": "example.com"},
    {"path": "/\xe9 b"},
]
HOW: list[dict[str, Any]] = [
    *({}, {}, {}, {"secure": True}, {"httponly": 1}, {"samesite": "lax"}, {"samesite": ""}, {"partitioned": True}),
    *({"max_age": 0}, {"expires": 0}, {"max_age": 0, "expires": 0}, {"max_age": 0.0, "expires": False}),
    *({"max_age": False, "expires": 0}, {"max_age": 10}, {"expires": "Thu, 01 Jan 2099 00:00:00 GMT"}),
]
thorough = settings(derandomize=True, deadline=None, database=None, max_examples=400)


@thorough
@given(st.sampled_from(NAMES), st.sampled_from(VALUES), st.sampled_from(WHERE), st.sampled_from(HOW), st.booleans())
def test_a_line_is_the_one_of_dump_cookie(name: str, value: str, where: Any, how: Any, deletes: bool) -> None:
    def lines(others: bool) -> Any:
        app = make_app(tuile, MAX_COOKIE_SIZE=0)
        with app.test_request_context():
            response = tuile.Response("x")
            if others:
                # Not one of the default attributes: the long way.
                response.set_cookie("first", "1", secure=True)
            options = where | how
            if deletes:
                options = {key: option for key, option in options.items() if key not in {"max_age", "expires"}}
                found = outcome(response.delete_cookie, name, **options)
            else:
                found = outcome(response.set_cookie, name, value, **options)
            return found, [line for line in response.headers.getlist("Set-Cookie") if not line.startswith("first=")]

    from tuile.http.cookies import dump_cookie  # noqa: PLC0415

    alone = lines(others=False)
    assert alone == lines(others=True)
    if alone[1] and not deletes:
        assert alone[1] == [dump_cookie(name, value, **({"now": 0.0} | where | how))] or "max_age" in how


@thorough
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("set"), st.sampled_from(NAMES[:8]), st.sampled_from(WHERE)),
            st.tuples(st.just("delete"), st.sampled_from(NAMES[:8]), st.sampled_from(WHERE)),
            st.tuples(
                st.just("add"), st.sampled_from(["a=by hand", " a =1; Path=/", "b=2; path=/; domain=.EXAMPLE.com", "c"])
            ),
            st.tuples(st.just("header"), st.sampled_from(["X-Own", "Vary", "ETag"])),
            st.tuples(st.just("lose"), st.integers(0, 9)),
            st.tuples(st.just("many"), st.integers(1, 80)),
        ),
        max_size=14,
    )
)
def test_of_each_cookie_there_is_one_line(steps: list[Any]) -> None:  # noqa: C901 - a step of each kind
    response = tuile.Response("x")
    expected = list(response.headers)

    def add(line: str) -> None:
        for pair in [
            pair for pair in expected if pair[0] == "Set-Cookie" and cookie_identity(pair[1]) == cookie_identity(line)
        ]:
            expected.remove(pair)
        expected.append(("Set-Cookie", line))

    for kind, *rest in steps:
        if kind in {"set", "delete"}:
            name, where = rest
            alone = tuile.Response("x")
            for one in (alone, response):
                if kind == "set":
                    one.set_cookie(name, f"v{len(expected)}", **where)
                else:
                    one.delete_cookie(name, **where)
            add(alone.headers["Set-Cookie"])
        elif kind == "add":
            response.headers.add("Set-Cookie", rest[0])
            expected.append(("Set-Cookie", rest[0]))
        elif kind == "header":
            response.headers.add(rest[0], "1")
            expected.append((rest[0], "1"))
        elif kind == "lose":
            if rest[0] < len(expected):
                del expected[rest[0]], response.headers[rest[0]]
        else:
            for number in range(rest[0]):
                response.set_cookie(f"many_{number}", "1")
                add(f"many_{number}=1; Path=/")
    assert list(response.headers) == expected


def test_many_cookies_are_those_of_flask() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)

        @app.get("/")
        def index() -> Any:
            response = lib.make_response("many")
            for number in range(100):
                response.set_cookie(f"set_{number}", f"value {number}" if number % 3 else f"value_{number}")
                response.delete_cookie(f"deleted_{number}", path="/a" if number % 2 else "/", secure=number % 5 == 0)
            return response

        return app.test_client().get("/").headers.getlist("Set-Cookie")

    lines = same(program)
    assert len(lines) == 200


def test_a_cookie_that_is_too_large_is_told_by_the_default_way_too() -> None:
    def program(lib: Any) -> Any:
        import warnings  # noqa: PLC0415

        app = make_app(lib, MAX_COOKIE_SIZE=20)
        with app.test_request_context(), warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            response = lib.Response("x")
            response.set_cookie("short", "1")
            response.set_cookie("long", "1234567890")
            return [str(one.message) for one in told], response.headers.getlist("Set-Cookie")

    same(program)
