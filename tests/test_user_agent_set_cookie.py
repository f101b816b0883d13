"""Cookies as values: writing, parsing, comparing, and rejecting invalid ones."""

from __future__ import annotations

import re
import warnings
from dataclasses import FrozenInstanceError, replace
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuile.exceptions import CookieSyntaxError
from tuile.http.cookies import dump_cookie, parse_cookie
from tuile.user_agent.set_cookie import Cookie, count_octets, find_prefix, split_set_cookie

NOW = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)

# --- writing and reading back -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cookie", "line"),
    [
        (Cookie("a"), "a=; Path=/"),
        (Cookie("a", "b", path=None), "a=b"),
        (Cookie("a", "b c", path="/x y"), 'a="b c"; Path=/x%20y'),
        (Cookie("chocolate type", "dark"), "chocolate type=dark; Path=/"),
        (Cookie("a", "b", max_age=60), "a=b; Max-Age=60; Path=/"),
        (Cookie("a", "b", max_age=-60), "a=b; Max-Age=0; Path=/"),
        (Cookie("a", "b", expires=NOW), "a=b; Expires=Fri, 20 Nov 2026 12:00:00 GMT; Path=/"),
        (Cookie("a", "b", domain=".Example.com", secure=True), "a=b; Domain=example.com; Secure; Path=/"),
        (Cookie("a", "b", domain="straße.example"), "a=b; Domain=xn--strae-oqa.example; Path=/"),
        (Cookie("a", "b", httponly=True, samesite="Lax"), "a=b; HttpOnly; Path=/; SameSite=Lax"),
        (
            Cookie("__Host-a", "b", secure=True, samesite="None", partitioned=True, priority="High"),
            "__Host-a=b; Secure; Path=/; SameSite=None; Partitioned; Priority=High",
        ),
        (Cookie("a", "b", extensions=(("Foo", "b=c d"), ("Bar", None))), "a=b; Path=/; Foo=b=c d; Bar"),
    ],
)
def test_a_cookie_is_written_and_read_back(cookie: Cookie, line: str) -> None:
    assert cookie.line() == str(cookie) == line
    assert Cookie.read(line) == cookie
    assert hash(Cookie.read(line)) == hash(cookie)


def test_equal_descriptions_are_one_cookie() -> None:
    spoken: Any = {"samesite": "lax", "priority": "HIGH", "max_age": timedelta(minutes=1)}
    assert Cookie("a", **spoken) == Cookie("a", samesite="Lax", priority="High", max_age=60)
    assert len({Cookie("a"), Cookie("a"), Cookie("a", "b")}) == 2


@pytest.mark.parametrize(
    "moment",
    [
        NOW,
        NOW.replace(microsecond=999),
        NOW.replace(tzinfo=None),
        NOW.astimezone(timezone(timedelta(hours=5))),
        NOW.timestamp(),
        int(NOW.timestamp()),
    ],
)
def test_one_moment_is_one_expiry(moment: Any) -> None:
    assert Cookie("a", expires=moment).expires == NOW


def test_a_date_is_its_midnight() -> None:
    day: Any = date(2026, 11, 20)
    assert Cookie("a", expires=day).expires == datetime(2026, 11, 20, tzinfo=timezone.utc)


def test_a_cookie_does_not_change_and_can_be_varied() -> None:
    cookie = Cookie("a", "b", secure=True)
    with pytest.raises(FrozenInstanceError):
        cookie.value = "c"  # type: ignore[misc]  # that is the test
    assert replace(cookie, value="c").line() == "a=c; Secure; Path=/"
    with pytest.raises(CookieSyntaxError):
        replace(cookie, secure=False, samesite="None")


def test_what_other_servers_write_is_read() -> None:
    line = 'session="a\\054b"; expires=Wed, 09-Jun-2027 10:18:14 GMT; path=/; domain=.example.com; secure; httponly;'
    assert Cookie.read(line) == Cookie(
        "session",
        "a,b",
        expires=datetime(2027, 6, 9, 10, 18, 14, tzinfo=timezone.utc),
        domain="example.com",
        secure=True,
        httponly=True,
    )


names = st.text(min_size=1, max_size=8).filter(
    lambda name: not re.search(r"[\x00-\x1f\x7f;=]|\A | \Z|[\ud800-\udfff]", name)
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
attribute_names = st.from_regex(r"[!-:<>-~]([ -:<>-~]{0,6}[!-:<>-~])?", fullmatch=True)
attribute_values = st.none() | st.from_regex(r"([!-:<-~]([ -:<-~]{0,6}[!-:<-~])?)?", fullmatch=True)
KNOWN = {"expires", "max-age", "domain", "path", "secure", "httponly", "samesite", "partitioned", "priority"}


@st.composite
def cookies(draw: st.DrawFn) -> Cookie:
    fields: dict[str, Any] = {
        "max_age": draw(st.none() | st.integers(-(10**9), 10**12)),
        "expires": draw(st.none() | st.datetimes(datetime(1601, 1, 1))),  # noqa: DTZ001  naive: UTC
        "path": draw(
            st.none()
            | st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=";")).map("/{}".format)
        ),
        "domain": draw(
            st.none() | st.from_regex(r"\.?[a-zA-Z0-9][a-zA-Z0-9-]{0,5}(\.[a-zA-Z]{1,5}){0,2}", fullmatch=True)
        ),
        "secure": draw(st.booleans()),
        "httponly": draw(st.booleans()),
        "samesite": draw(st.sampled_from([None, "Strict", "lax", "NONE"])),
        "partitioned": draw(st.booleans()),
        "priority": draw(st.sampled_from([None, "low", "Medium", "HIGH"])),
    }
    pairs = draw(
        st.lists(st.tuples(attribute_names, attribute_values), max_size=3, unique_by=lambda pair: pair[0].lower())
    )
    fields["extensions"] = [pair for pair in pairs if pair[0].lower() not in KNOWN]
    if fields["samesite"] == "NONE" or fields["partitioned"]:
        fields["secure"] = True
    try:
        return Cookie(draw(names), draw(texts), **fields)
    except CookieSyntaxError:  # a path of more than 1024 octets, a name that begins with __Host-, ...
        return Cookie("a", draw(texts))


@given(cookie=cookies())
def test_write_then_read_is_the_identity(cookie: Cookie) -> None:
    line = cookie.line()
    assert all(ord(character) <= 0xFF for character in line)
    assert Cookie.read(line) == cookie


@given(cookie=cookies())
def test_a_line_has_the_attributes_that_were_asked_for_and_no_others(cookie: Cookie) -> None:
    asked = {name.lower() for name, _ in cookie.extensions}
    given = {name: getattr(cookie, name.replace("-", "_")) for name in KNOWN}
    asked |= {name for name, setting in given.items() if setting is not None and setting is not False}
    attributes = [name for name, _ in split_set_cookie(cookie.line()).attributes]
    assert sorted(attributes) == sorted(asked)


anything = st.none() | st.text(
    st.sampled_from('a;=, \t\r\n\0"\\/.:%é\x7f\u20ac\uff1b\ud800') | st.characters(), max_size=12
)


@given(
    key=anything.filter(bool),
    value=anything,
    path=anything,
    domain=anything,
    expires=anything | st.integers(-(10**12), 10**12),
    samesite=anything | st.sampled_from(["lax", "Strict", "NONE"]),
    max_age=st.none() | st.integers() | st.timedeltas(),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_no_input_to_set_cookie_adds_an_attribute(
    key: Any,
    value: Any,
    path: Any,
    domain: Any,
    expires: Any,
    samesite: Any,
    max_age: Any,
    flags: tuple[bool, bool, bool],
) -> None:
    secure, httponly, partitioned = flags
    asked = {"path": path is not None, "domain": domain is not None, "samesite": samesite is not None}
    asked |= {"secure": secure or partitioned, "httponly": httponly, "partitioned": partitioned}
    asked |= {"max-age": max_age is not None, "expires": expires is not None or max_age is not None}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a cookie is large
            line = dump_cookie(
                key,
                value or "",
                max_age,
                expires,
                path,
                domain,
                secure,
                httponly,
                True,
                4093,
                samesite,
                partitioned,
                now=0.0,
            )
    except CookieSyntaxError:
        return
    parts = split_set_cookie(line)
    assert [name for name, _ in parts.attributes].count("secure") <= 1
    assert {name for name, _ in parts.attributes} == {name for name, wanted in asked.items() if wanted}
    assert not re.search(r"[\x00-\x1f\x7f]", line)
    assert parse_cookie(f"{parts.name}={parts.value}") == [(key, value or "")]


# --- what is wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "a", "path": "x"}, "The path 'x' does not begin with a slash (rfc6265bis 5.6.4). Write: path='/x'."),
        (
            {"name": "a", "domain": "a b"},
            "The domain 'a b' is not a host name (rfc6265bis 4.1.2.3). Write: domain='example.com', or leave it out.",
        ),
        (
            {"name": "a", "samesite": "foo"},
            "Samesite='foo' is none of Strict, Lax, None (rfc6265bis 4.1.2.7). Write: samesite='Lax'.",
        ),
        (
            {"name": "a", "partitioned": True},
            "Partitioned needs Secure (layered-cookies). Write: partitioned=True, secure=True.",
        ),
        (
            {"name": "__Http-a", "secure": True},
            (
                "The name '__Http-a' promises more: HttpOnly is missing (layered-cookies 5.4.3)."
                " Write: secure=True, httponly=True."
            ),
        ),
        (
            {"name": "a", "value": "x" * 5000},
            (
                "Name and value have 5001 octets, and 4096 is the limit (rfc6265bis 5.6 step 5)."
                " Keep the data on the server and put an id of it into the cookie."
            ),
        ),
        (
            {"name": "a", "expires": datetime(1500, 1, 1, tzinfo=timezone.utc)},
            "is before 1601 (rfc6265bis 5.1.1). Write: max_age=0, to delete a cookie.",
        ),
        (
            {"name": "a", "extensions": (("x;y", None),)},
            "The attribute 'x;y': None holds what ends an attribute, or a blank at an end (rfc6265bis 4.1.1).",
        ),
        ({"name": "a", "extensions": (("PATH", "/"),)}, "The attribute 'PATH' is given twice or has a field"),
        ({"name": "a", "extensions": (("x", "1"), ("X", "2"))}, "The attribute 'X' is given twice or has a field"),
        ({"name": "a;b"}, "The cookie's name 'a;b' has ';' at position 1"),
        ({"name": "a", "expires": 10**20}, "is not within the years 1 to 9999"),
    ],
)
def test_what_breaks_a_rule_is_an_error_that_names_it(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(CookieSyntaxError, match=re.escape(message)):
        Cookie(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": 1},
        {"name": "a", "value": b"b"},
        {"name": "a", "max_age": "60"},
        {"name": "a", "max_age": True},
        {"name": "a", "domain": 1},
        {"name": "a", "path": 1},
        {"name": "a", "expires": []},
    ],
)
def test_another_type_is_an_error_that_names_it(fields: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"not (int|bytes|str|bool|list)"):
        Cookie(**fields)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "The cookie has no name (rfc6265bis 4.1.1). Write: NAME=VALUE."),
        ("a", "The cookie has no name"),
        ("=a", "The cookie has no name"),
        ("a=b; Path=/; PATH=/", "The attribute 'PATH' is given twice (rfc6265bis 4.1.1). Leave one of the two out."),
        ("a=b; foo; Foo=1", "The attribute 'Foo' is given twice"),
        ("a=b; Secure=no", "The flag has the value 'no', and browsers do not look at it (rfc6265bis 4.1.1)."),
        ("a=b; Max-Age=1h", "Max-Age=1h is not a number of seconds (rfc6265bis 4.1.2.2). Write digits only"),
        ("a=b; Max-Age=\u0661", "is not a number of seconds"),
        ("a=b; Expires=soon", "Expires=soon is not a date (rfc6265bis 4.1.1). Write it as in Expires=Sun, 06 Nov 1994"),
        ("a=b; Path=x", "The path 'x' does not begin with a slash"),
        ("a=b; Path", "The path '' does not begin with a slash"),
        ("a=b; Domain=", "The domain '' is not a host name"),
        ("a=b; SameSite=", "Samesite='' is none of Strict, Lax, None"),
        ("__Host-a=b; Secure", "The name '__Host-a' promises more: Path is missing"),
    ],
)
def test_a_line_that_no_server_may_send_is_an_error_that_says_why(line: str, message: str) -> None:
    with pytest.raises(CookieSyntaxError, match=re.escape(message)):
        Cookie.read(line)


@given(
    line=st.text(st.sampled_from('a=;, \t"\\/0é\x00') | st.characters())
    | st.from_regex(r"a=b; (Path|Domain|Expires)=.*")
)
def test_reading_raises_nothing_else(line: str) -> None:
    try:
        cookie = Cookie.read(line)
    except CookieSyntaxError:
        return
    assert Cookie.read(cookie.line()) == cookie


# --- taking a line apart ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "name", "value", "attributes"),
    [
        ("", "", "", ()),
        ("a", "", "a", ()),
        ("a=b", "a", "b", ()),
        (" \ta\t = \tb=c \t; X", "a", "b=c", (("x", ""),)),
        ("=", "", "", ()),
        ("a=b;;PATH = /x ; = y;", "a", "b", (("", ""), ("path", "/x"), ("", "y"), ("", ""))),
        ("\xa0a\xa0=b", "\xa0a\xa0", "b", ()),
    ],
)
def test_a_line_is_taken_apart(line: str, name: str, value: str, attributes: tuple[tuple[str, str], ...]) -> None:
    assert split_set_cookie(line) == (name, value, attributes)


def test_the_last_attribute_of_a_name_counts_and_long_ones_do_not() -> None:
    parts = split_set_cookie(f"a=b; path=/x; Path=/y; path={'z' * 1025}")
    assert parts.last("path") == "/y"
    assert parts.last("domain") is None
    assert parts.has("path")


@pytest.mark.parametrize(
    ("text", "octets"), [("", 0), ("abc", 3), ("\xff", 1), ("\u20ac", 3), ("\ud800", 3), ("\xff\u20ac", 5)]
)
def test_octets_are_counted_as_they_go_over_the_wire(text: str, octets: int) -> None:
    assert count_octets(text) == octets


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("__Secure-a", "__Secure-"),
        ("__HOST-a", "__Host-"),
        ("__host-http-a", "__Host-Http-"),
        ("__Http-", "__Http-"),
        ("__Host", None),
        ("Host-a", None),
    ],
)
def test_a_name_has_a_prefix_in_any_case(name: str, prefix: str | None) -> None:
    found = find_prefix(name)
    assert (None if found is None else found.text) == prefix


def test_some_look_at_the_case_of_a_prefix() -> None:
    assert find_prefix("__SECURE-a", any_case=False) is None
    assert find_prefix("__Secure-a", any_case=False) is not None
