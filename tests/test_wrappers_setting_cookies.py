"""`Response.set_cookie` writes what `dump_cookie` does, whatever was kept of cookies before."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import product
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuile import Flask, Response
from tuile.http import cookies
from tuile.http.cookies import dump_cookie

if TYPE_CHECKING:
    from collections.abc import Callable

MOMENT = datetime(2027, 1, 2, tzinfo=timezone.utc)


class Text(str):
    __slots__ = ()

    def __format__(self, spec: str) -> str:
        return "changed; Secure"


names = st.sampled_from(
    ["theme", "__Host-id", "naïve", "x" * 300, "a b", "", " a", "a;b", Text("theme"), b"theme", ["a"], 5]
)
values = st.one_of(
    st.sampled_from(
        ["", "dark", "a b", "Müller", "x" * 47, "x" * 48, "1", "a-b.c", "é", "\udc80", '"', Text("dark"), None, 5]
    ),
    st.text(max_size=60),
)
lifetimes = st.sampled_from([None, 0, 1, 3600, -1, True, 1.0, 0.0, timedelta(hours=1), "3600", float("nan"), [1]])
ends = st.sampled_from([None, 0, 1, False, 0.0, MOMENT, "Sat, 02 Jan 2027 00:00:00 GMT", "a;b", [1]])
paths = st.sampled_from(["/", "/a b", "", None, "/;", Text("/"), ["/"], 0])
domains = st.sampled_from([None, False, 0, "", "example.com", ".example.com:80", "a;b", ["a"]])
flags = st.sampled_from([False, True, 1, 0, "yes", "", 1.0, None])
samesites = st.sampled_from([None, "Lax", "lax", "NONE", "", "no", ["Lax"], 0])
arguments = st.tuples(names, values, lifetimes, ends, paths, domains, flags, flags, samesites, flags)


def line_or_error(write: Callable[..., str], *given: Any, **keywords: Any) -> object:
    try:
        return write(*given, **keywords)
    except Exception as error:  # noqa: BLE001 - whatever it is, it has to be the same
        return type(error), str(error), error.__context__ is None


def line_set(*given: Any) -> str:
    response = Response()
    response.set_cookie(*given)
    (line,) = response.headers.getlist("Set-Cookie")
    return line


@given(st.lists(arguments, min_size=1, max_size=4), st.lists(st.integers(0, 2), min_size=1, max_size=4))
@settings(max_examples=600)
def test_lines_are_those_of_dump_cookie_whatever_was_written_before(
    several: list[tuple[Any, ...]], seconds: list[int]
) -> None:
    for second, one in product(seconds, several):
        now = 1_800_000_000.25 + second
        expected = line_or_error(dump_cookie, *one[:8], True, 0, *one[8:], now=now)
        with mock.patch("time.time", return_value=now):
            assert line_or_error(line_set, *one) == expected


class Switch:
    """A flag that may be switched."""

    def __init__(self, is_on: bool) -> None:
        self.is_on = is_on

    def __bool__(self) -> bool:
        return self.is_on


class UnlikeItself(Switch):
    """One that equals any other, and cannot be remembered."""

    __hash__ = None  # type: ignore[assignment] # as of any class with `__eq__`

    def __eq__(self, other: object) -> bool:
        return True


FLAGS: list[Any] = [True, False, None, "yes", "", [], ["yes"], 1.0, Switch(True), UnlikeItself(False)]


@pytest.mark.parametrize("name", ["secure", "httponly", "partitioned"])
def test_flags_are_of_any_kind_and_may_change(name: str) -> None:
    response, switch = Response(), Switch(False)
    flag: Any
    for number, flag in enumerate([*FLAGS, switch, *FLAGS]):
        response.set_cookie(f"n{number}", "1", **{name: flag})
    for number in range(4):
        flag, switch.is_on = switch, not switch.is_on
        response.set_cookie(f"s{number}", "1", **{name: flag})
    found = [name in line.lower() for line in response.headers.getlist("Set-Cookie")]
    assert found == [*map(bool, [*FLAGS, False, *FLAGS]), True, False, True, False]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["1", "a b", ""]), st.booleans()), max_size=8))
def test_a_cookie_that_is_set_again_replaces_the_line(steps: list[tuple[str, str, bool]]) -> None:
    response, expected = Response(), dict[str, str]()
    for name, value, is_lax in steps:
        samesite: Any = "Lax" if is_lax else None
        response.set_cookie(name, value, samesite=samesite)
        expected.pop(name, None)
        expected[name] = dump_cookie(name, value, samesite=samesite, now=0.0)
    assert response.headers.getlist("Set-Cookie") == [*expected.values()]


def test_settings_are_read_for_each_cookie() -> None:
    app = Flask(__name__)
    with app.test_request_context(base_url="https://localhost"):
        response = Response()
        response.set_cookie("theme", "dark")
        app.config["COOKIE_DEFAULTS"] = "secure"
        response.set_cookie("theme", "dark")
        app.config["COOKIE_DEFAULTS"] = None
        response.set_cookie("lang", "de")
    assert response.headers.getlist("Set-Cookie") == ["theme=dark; Secure; Path=/; SameSite=Lax", "lang=de; Path=/"]


def test_little_is_kept() -> None:
    response = Response()
    for number in range(1500):
        response.set_cookie("theme", "dark", max_age=number, path=f"/{'a' * (number % 400)}")
    assert 0 < len(cookies.kept_ends) <= 512
    assert all(len(str(given[2])) <= 256 for given in cookies.kept_ends)


def test_the_method_is_shown_as_one_of_the_class() -> None:
    assert Response.set_cookie.__qualname__ == "Response.set_cookie"
