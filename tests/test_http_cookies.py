"""The text of cookies: parsing Cookie headers, writing Set-Cookie lines, and rejecting what browsers would drop."""

from __future__ import annotations

import re
import string
import sys
import time
import warnings
from datetime import date, datetime, timedelta, timezone
from enum import Enum
from itertools import product
from typing import Any
from unittest import mock

import pytest
import werkzeug.http
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.costs import assert_time_is_linear
from tuile.exceptions import CookieSyntaxError
from tuile.http import cookies as cookie_syntax
from tuile.http.cookie_header import only_value
from tuile.http.cookies import cookie_identity, cookie_values, dump_cookie, parse_cookie
from tuile.http.dates import dump_date, http_date, load_date

NOW = 1_700_000_000.25

# --- reading ----------------------------------------------------------------------------------------------------------


def read_by_werkzeug(header: str) -> list[tuple[str, str]]:
    pairs: Any = werkzeug.http.parse_cookie(header, cls=list)  # type: ignore[arg-type]  # a MultiDict would sort them
    return list(pairs)


def octets(text: str) -> str:
    """Encode text as a WSGI server does."""
    return text.encode().decode("latin-1")


@settings(derandomize=True, deadline=None, database=None, max_examples=1500)
@given(
    st.one_of(
        st.lists(
            st.sampled_from(["a", "ab", "=", "; ", ";", " ", "\t", '"', "\\", "\xe9", "1", "\xa0", "\x00", ","]),
            max_size=14,
        ).map("".join),
        st.text(max_size=20),
    ),
    st.sampled_from(["a", "ab", "b", "1", "", "\xe9", "=", "; "]),
)
@example("", "")
@example("a=1; ab=2", "a")
@example("a =1; b=2", "a")
@example('x="; a=1; y="', "a")
@example("a=1;ab", "ab")
def test_a_value_that_is_found_without_parsing_is_the_first_that_is_parsed(header: str, name: str) -> None:
    found = only_value(header, name)
    if found is not None:
        assert [value for one, value in parse_cookie(header) if one == name] == [found]


def test_a_cookie_as_browsers_send_it_is_found_without_parsing() -> None:
    for header in ("session=a.b-c", "theme=dark; session=a.b-c", "session=a.b-c; lang=de", "a=1; session=a.b-c; b=2"):
        assert only_value(header, "session") == "a.b-c"


@pytest.mark.parametrize(
    ("header", "pairs"),
    [
        ("", []),
        ("a=1", [("a", "1")]),
        ("a=1; b=2", [("a", "1"), ("b", "2")]),
        ("a=1;b=2", [("a", "1"), ("b", "2")]),
        ("a=1; a=2", [("a", "1"), ("a", "2")]),
        (" \ta \t=\t 1 \t;b=", [("a", "1"), ("b", "")]),
        ("a=1=2==", [("a", "1=2==")]),
        ("flag; b=2", [("flag", ""), ("b", "2")]),
        ("=nothing; ==; ; ;;b=2;", [("b", "2")]),
        ('a="1"', [("a", "1")]),
        ('a = "1" ; b=2', [("a", "1"), ("b", "2")]),
        (r'a="\"\\\054\303\251\x"', [("a", '"\\,éx')]),
        (r'a="\999\400\3"', [("a", "9994003")]),
        (r'a="\377"', [("a", "\ufffd")]),
        (octets("fö=fö"), [("fö", "fö")]),
        (octets('a="é\\303\\251"'), [("a", "éé")]),
    ],
)
def test_what_is_well_formed_is_read_as_werkzeug_reads_it(header: str, pairs: list[tuple[str, str]]) -> None:
    assert parse_cookie(header) == pairs
    assert read_by_werkzeug(header) == pairs


@pytest.mark.parametrize(
    ("header", "pairs"),
    [
        ('a={"k":"v, w"}; b=2', [("a", '{"k":"v, w"}'), ("b", "2")]),
        ('b=2; a={"k": 1}', [("b", "2"), ("a", '{"k": 1}')]),
        ("chocolate type=dark milk; b=2", [("chocolate type", "dark milk"), ("b", "2")]),
        ('a="x"y"; b=2', [("a", '"x"y"'), ("b", "2")]),
        ('a="x" y; b=2', [("a", '"x" y'), ("b", "2")]),
        ('a="; b=2', [("a", '"'), ("b", "2")]),
        ('a="x; b=2', [("a", '"x'), ("b", "2")]),
        ('a="x\\"; b=2', [("a", '"x\\"'), ("b", "2")]),
        ('a=x"; b="2"', [("a", 'x"'), ("b", "2")]),
        ('"a"=1; b=2', [('"a"', "1"), ("b", "2")]),
        ('flag";b="2"', [('flag"', ""), ("b", "2")]),
        ('flag; "b=2"', [("flag", ""), ('"b', '2"')]),
        ("a=\xff; b=2", [("a", "\ufffd"), ("b", "2")]),
        ("a=\xc3; b=2", [("a", "\ufffd"), ("b", "2")]),
        ("a=\x00\x01\x7f; b=2", [("a", "\x00\x01\x7f"), ("b", "2")]),
        ("a=\u20ac; b=2", [("a", "\u20ac"), ("b", "2")]),
        ("a=\ud800; b=2", [("a", "?"), ("b", "2")]),
        ("a=\xa01\xa0".encode().decode("latin-1"), [("a", "\xa01\xa0")]),
    ],
)
def test_one_odd_cookie_keeps_its_text_and_costs_no_other_one(header: str, pairs: list[tuple[str, str]]) -> None:
    assert parse_cookie(header) == pairs


def test_no_header_is_no_cookies() -> None:
    assert parse_cookie(None) == []


cookie_octets = "!#$%&'()*+-./:<=>?@[]^_`{|}~" + string.ascii_letters + string.digits
names = st.text(cookie_octets.replace("=", ""), min_size=1, max_size=8)
pieces = st.sampled_from([r"\"", r"\\", r"\054", r"\073", r"\303\251", "a", "é", " ", ",", "=", "b=c"])
dquoted = st.lists(pieces, max_size=6).map(lambda parts: f'"{"".join(parts)}"')
blanks = st.text(" \t", max_size=2)


@st.composite
def well_formed_headers(draw: st.DrawFn) -> str:
    """Generate headers that Werkzeug parses without dropping anything."""
    pairs = []
    for _ in range(draw(st.integers(0, 5))):
        name, value = draw(names), draw(st.text(cookie_octets + "é", max_size=8) | dquoted | st.none())
        edges = [draw(blanks) for _ in range(4)]
        given_value = "" if value is None else f"={edges[2]}{value}"
        pairs.append(f"{edges[0]}{name}{edges[1]}{given_value}{edges[3]}")
    return octets(";".join(pairs))


@given(header=well_formed_headers())
def test_every_well_formed_header_is_read_as_werkzeug_reads_it(header: str) -> None:
    assert parse_cookie(header) == read_by_werkzeug(header)


awkward = st.text(st.sampled_from('";\\= \t,a0é\xff\x00\ud800\u20ac') | st.characters())


@given(header=awkward)
def test_no_header_raises_and_no_name_is_empty_or_has_outer_blanks(header: str) -> None:
    for name, value in parse_cookie(header):
        assert name
        assert name.strip(" \t") == name
        assert ";" not in name
        assert "=" not in name
        (name + value).encode()  # no lone surrogates, whatever came in


@pytest.mark.parametrize(
    ("header", "pairs"),
    [
        ('a="1;2"; b=3', [("a", '"1'), ('2"', ""), ("b", "3")]),
        (r'a="\";"; b=2', [("a", r'"\"'), ('"', ""), ("b", "2")]),
        ('lang="; session=SECRET; z="', [("lang", '"'), ("session", "SECRET"), ("z", '"')]),
        ('lang="en; __Host-id=SECRET; z=de"', [("lang", '"en'), ("__Host-id", "SECRET"), ("z", 'de"')]),
        (r'lang="\\; session=SECRET; z="', [("lang", r'"\\'), ("session", "SECRET"), ("z", '"')]),
        ('lang=";session=SECRET;"', [("lang", '"'), ("session", "SECRET"), ('"', "")]),
        (r'lang="en\073de"; b=2', [("lang", "en;de"), ("b", "2")]),
    ],
)
def test_quotes_never_reach_into_another_pair(header: str, pairs: list[tuple[str, str]]) -> None:
    assert parse_cookie(header) == pairs


@given(header=awkward)
def test_names_and_values_are_those_of_each_pair_alone(header: str) -> None:
    """As RFC 6265bis (5.8.3) and other frameworks have it: first the pairs, then what is in one."""
    alone = [found for pair in header.split(";") for found in parse_cookie(pair)]
    assert parse_cookie(header) == alone
    by_hand = [pair.partition("=")[0].strip(" \t") for pair in header.split(";")]
    assert len(alone) == len([name for name in by_hand if name])


@given(opening=awkward, secret=names, closing=awkward)
def test_no_two_cookies_around_a_third_one_get_to_its_value(opening: str, secret: str, closing: str) -> None:
    secret = f"s3cret-{secret}"
    pairs = parse_cookie(f"lang={opening.replace('=', '')}; session={secret}; z={closing}")
    assert ("session", secret) in pairs
    assert [name for name, value in pairs if secret in value] == ["session"]


@given(header=awkward, others=st.lists(names, min_size=1, max_size=3))
def test_no_text_between_two_cookies_hides_them(header: str, others: list[str]) -> None:
    first, last = f"first-{others[0]}=1", f"last-{others[-1]}=2"
    pairs = parse_cookie(f"{first};{header};{last}")
    assert pairs[0] == (f"first-{others[0]}", "1")
    assert pairs[-1] == (f"last-{others[-1]}", "2")


MANY = 1_000_000


@pytest.mark.parametrize(
    "header",
    [
        '"' * MANY,
        'a="' + "\\" * MANY,
        'a="' + '\\"' * (MANY // 2),
        ";" * MANY,
        "=" * MANY,
        " " * MANY,
        "a" + " " * MANY + "b",
        "a" + " " * MANY + "=" + " " * MANY + "b",
        'a="' * (MANY // 3),
        'a=";' * (MANY // 4),
        'a="\\";' * (MANY // 6),
        'a="x" ' * (MANY // 6),
        'a="x"' + " " * MANY + "y",
        'a="' + ";" * MANY,
        'a="' + "; a=" * (MANY // 4),
        '="" ' * (MANY // 4),
        '=;"' * (MANY // 3),
        "é" * (MANY // 2) + '="',
        "\ud800" * MANY,
    ],
    ids=lambda header: f"{header[:8]!r}…{header[-4:]!r}",
)
def test_a_hostile_header_takes_no_more_than_time_for_reading_it(header: str) -> None:
    # The beginning may be read in another way than the rest.
    assert_time_is_linear(lambda n: parse_cookie(header[: n // 4] + header[-(n - n // 4) :]))


# --- writing: as Werkzeug does ----------------------------------------------------------------------------------------


def written_by_werkzeug(*args: Any, now: float = NOW, **kwargs: Any) -> str:
    """Return the line that Werkzeug writes, with its clock stopped."""
    if kwargs.get("expires") is not None:
        return werkzeug.http.dump_cookie(*args, **kwargs)
    clock = mock.Mock(wraps=datetime)
    clock.now.side_effect = lambda tz: datetime.fromtimestamp(now, tz)
    with mock.patch.object(werkzeug.http, "datetime", clock):
        return werkzeug.http.dump_cookie(*args, **kwargs)


# 0x1A to 0x1F are left out here: Werkzeug sends them as they are, and browsers drop the cookie.
values = st.text(cookie_octets) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x1a\x1b\x1c\x1d\x1e\x1f")
)
any_names = (
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=';="'), min_size=1, max_size=8)
    .map(lambda name: name.strip(" "))
    .filter(bool)
)
moments = (
    st.integers(-(10**10), 10**11)
    | st.floats(-1e10, 1e11)
    | st.datetimes(timezones=st.none() | st.timezones())
    | st.dates()
    | st.integers(0, 2**31 - 1).map(time.localtime)
)
attributes = st.fixed_dictionaries(
    {},
    optional={
        "max_age": st.integers(-(10**9), 10**9) | st.timedeltas(timedelta(-(10**4)), timedelta(10**4)),
        "expires": st.none() | st.sampled_from(["Thu, 01 Jan 1970 00:00:00 GMT", "0", ""]) | moments,
        "path": st.none() | st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=";")),
        "domain": st.sampled_from(
            [None, "", ".", "example.com", ".example.com", "example.com:80", "localhost", "☃.com", "Bücher.example"]
        ),
        "secure": st.booleans(),
        "httponly": st.booleans(),
        "sync_expires": st.booleans(),
        "samesite": st.sampled_from([None, "strict", "LAX", "None", "Lax"]),
        "partitioned": st.booleans(),
    },
)


def outcome(call: Any, *args: Any, **kwargs: Any) -> Any:
    try:
        return call(*args, **kwargs)
    except (ValueError, OverflowError):  # moments before the year 1 in UTC
        return ValueError


@given(name=any_names, value=values, kwargs=attributes, now=st.integers(0, 2**31).map(lambda ms: ms + 0.25))
@example(name="a", value='"\\;, \x00\x7fé', kwargs={}, now=NOW)
def test_a_line_is_werkzeugs_byte_for_byte(name: str, value: str, kwargs: dict[str, Any], now: float) -> None:
    ours = outcome(dump_cookie, name, value, max_size=0, now=now, **kwargs)
    assert ours == outcome(written_by_werkzeug, name, value, max_size=0, now=now, **kwargs)


@given(moment=moments | st.integers(-62135596801, 253402300800) | st.datetimes(timezones=st.just(timezone.utc)))
@example(moment=-62135596801)
@example(moment=253402300800)
@example(moment=True)
def test_a_date_is_werkzeugs_byte_for_byte(moment: Any) -> None:
    assert outcome(http_date, moment) == outcome(werkzeug.http.http_date, moment)


@given(
    st.integers(-62135596800, 253402300799).map(http_date)
    | st.tuples(
        st.sampled_from(["Mon,", "Fri,", "Fry,", "Fri"]),
        st.sampled_from(["01", "1", "29", "31", "32", "00", "+1", "\u0661\u0662"]),
        st.sampled_from(["Jan", "Feb", "jan", "Foo"]),
        st.sampled_from(["2026", "26", "0050", "1000", "9999", "10000", "+202"]),
        st.sampled_from(["00:00:00", "23:59:60", "24:00:00", "1:02:03", "01:02", "12:345:6", "+1:02:03", "010203"])
        | st.sampled_from(["24:00:01", "2a:00:00", "0\uff11:02:03", "01:02:3 ", "01-02-03", "01:02:03", "99:99:99"]),
        st.sampled_from(["GMT", "UTC", "+0100", "gmt", "-0000"]),
    ).map(" ".join)
    | st.text("0123456789:, GMTFriJan+", max_size=30)
)
@example("Sunday, 06-Nov-94 08:49:37 GMT")
@settings(max_examples=800)
def test_a_date_is_read_as_werkzeug_reads_it(text: str) -> None:
    found, expected = outcome(load_date, text), outcome(werkzeug.http.parse_date, text)
    assert found == expected
    if isinstance(found, datetime):
        assert found.tzinfo == expected.tzinfo


@given(st.datetimes() | st.dates() | st.datetimes(timezones=st.timezones()))
def test_a_date_is_written_as_werkzeug_writes_it(moment: date) -> None:
    assert outcome(dump_date, moment) == outcome(werkzeug.http.http_date, moment)


@given(st.datetimes(timezones=st.just(timezone.utc)).filter(lambda moment: moment.year >= 1000))
def test_a_date_is_read_as_it_is_written(moment: datetime) -> None:
    assert load_date(http_date(moment)) == moment.replace(microsecond=0)


@pytest.mark.parametrize(
    ("kwargs", "line"),
    [
        ({}, "a=1; Path=/"),
        ({"path": None}, "a=1"),
        ({"max_age": 60}, "a=1; Expires=Tue, 14 Nov 2023 22:14:20 GMT; Max-Age=60; Path=/"),
        ({"max_age": 60, "sync_expires": False}, "a=1; Max-Age=60; Path=/"),
        ({"max_age": 0, "expires": 0}, "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/"),
        (
            {
                "domain": "example.com",
                "secure": True,
                "httponly": True,
                "samesite": "lax",
                "partitioned": True,
                "expires": datetime(2020, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=1))),
            },
            (
                "a=1; Domain=example.com; Expires=Mon, 03 Feb 2020 03:05:06 GMT; Secure; HttpOnly; Path=/;"
                " SameSite=Lax; Partitioned"
            ),
        ),
        ({"partitioned": True}, "a=1; Secure; Path=/; Partitioned"),
        ({"expires": date(2020, 2, 3)}, "a=1; Expires=Mon, 03 Feb 2020 00:00:00 GMT; Path=/"),
        ({"path": "/a b/é%20"}, "a=1; Path=/a%20b/%C3%A9%20"),
        ({"domain": False}, "a=1; Path=/"),
    ],
)
def test_attributes_come_in_one_order(kwargs: dict[str, Any], line: str) -> None:
    assert dump_cookie("a", "1", now=NOW, **kwargs) == line
    assert written_by_werkzeug("a", "1", **kwargs) == line


def test_flags_are_taken_by_their_truth() -> None:
    assert dump_cookie("a", "1", secure=1, httponly="", now=NOW) == "a=1; Secure; Path=/"  # type: ignore[arg-type]  # the subject


def test_a_max_age_loses_its_parts_of_a_second() -> None:
    line = dump_cookie("a", "1", max_age=1.9, path=None, now=NOW)
    assert line == "a=1; Expires=Tue, 14 Nov 2023 22:13:21 GMT; Max-Age=1"
    assert dump_cookie("a", "1", max_age=timedelta(milliseconds=1900), path=None, now=NOW) == line


@pytest.mark.parametrize("length", [4093, 4094])
def test_a_long_line_warns_in_flasks_words_and_points_at_who_set_the_cookie(length: int) -> None:
    value = "x" * (length - len("name=; Path=/"))

    def set_cookie() -> str:
        return dump_cookie("name", value, now=NOW)

    with warnings.catch_warnings(record=True) as ours:
        warnings.simplefilter("always")
        called_on, line = sys._getframe().f_lineno, set_cookie()
    with warnings.catch_warnings(record=True) as theirs:
        warnings.simplefilter("always")
        assert werkzeug.http.dump_cookie("name", value) == line
    assert [str(warning.message) for warning in ours] == [str(warning.message) for warning in theirs]
    assert len(ours) == (length > 4093)
    for warning in ours:
        assert warning.category is UserWarning
        assert warning.filename == __file__
        assert warning.lineno == called_on
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert dump_cookie("name", value, max_size=0, now=NOW) == line


# --- writing: what comes back -----------------------------------------------------------------------------------------


def sent_back(line: str) -> str:
    """Return the Cookie header that a browser sends for a line."""
    name, _, value = line.partition(";")[0].partition("=")
    return f"{name.strip(' ')}={value.strip(' ')}"


@given(name=any_names, value=st.text(st.characters(exclude_categories=["Cs"])))
@example(name="chocolate type", value=' "a;b\\" ')
@example(name="a", value="\x1a\x1f")
def test_any_text_comes_back_as_it_was_set(name: str, value: str) -> None:
    line = dump_cookie(name, value, max_size=0, now=NOW)
    assert parse_cookie(sent_back(line)) == [(name, value)]
    assert parse_cookie(f"x=1; {sent_back(line)}; y=2") == [("x", "1"), (name, value), ("y", "2")]


nasty = st.text(st.sampled_from('a;=,"\\ \t\r\n\x00\x1f\x7f./:é\uff1b\uff1d\ud800') | st.characters(), max_size=6)
ATTRIBUTE = re.compile(
    r"Domain=.*|Expires=.*|Max-Age=-?\d+|Secure|HttpOnly|Path=.*|SameSite=(Strict|Lax|None)|Partitioned"
)


@given(
    name=nasty,
    value=nasty,
    kwargs=st.fixed_dictionaries({}, optional=dict.fromkeys(("path", "domain", "expires", "samesite"), nasty)),
)
@example(name="a", value="", kwargs={"domain": "example.com\uff1bSecure"})
def test_no_input_makes_a_line_with_anything_that_was_not_asked_for(
    name: str, value: str, kwargs: dict[str, str]
) -> None:
    try:
        line = dump_cookie(name, value, now=NOW, **kwargs)  # type: ignore[arg-type]  # each is text here
    except CookieSyntaxError:
        return
    assert not re.search(r"[\x00-\x1f\x7f]", line)
    line.encode("latin-1")
    found = [attribute.strip() for attribute in line.split(";")[1:]]
    assert all(ATTRIBUTE.fullmatch(attribute) for attribute in found)
    asked = {
        "Path",
        *({"path": "Path", "domain": "Domain", "expires": "Expires", "samesite": "SameSite"}[k] for k in kwargs),
    }
    assert [attribute.partition("=")[0] for attribute in found] == [
        attribute for attribute in ("Domain", "Expires", "Path", "SameSite") if attribute in asked
    ]


# --- writing: what is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "character", "position"),
    [
        ("a;b", ";", 1),
        ("a=b", "=", 1),
        ("ab\r\nSet-Cookie: c", "\r", 2),
        ("a\nb", "\n", 1),
        ("a\x00", "\x00", 1),
        ("\x7fa", "\x7f", 0),
        ("a\tb", "\t", 1),
        (" a", " ", 0),
        ("a ", " ", 1),
        ("  ", " ", 0),
        ("é\ud800", "\ud800", 1),
    ],
)
def test_a_name_that_would_not_arrive_is_refused_with_character_and_position(
    name: str, character: str, position: int
) -> None:
    with pytest.raises(CookieSyntaxError) as caught:
        dump_cookie(name, "1", now=NOW)
    assert f"The cookie's name {name!r} has {character!r} at position {position} (counted from 0): " in str(
        caught.value
    )
    assert "Leave it out, or encode it" in str(caught.value)


def test_a_cookie_needs_a_name() -> None:
    with pytest.raises(CookieSyntaxError, match="A cookie needs a name, and '' was given"):
        dump_cookie("", "1", now=NOW)


@pytest.mark.parametrize("part", ["path", "domain", "expires"])
@pytest.mark.parametrize("character", [";", "\r", "\n", "\x00", "\x1f", "\x7f", "\t"])
def test_text_that_would_break_out_of_its_attribute_is_refused(part: str, character: str) -> None:
    text = f"/x{character} Secure"
    kwargs: dict[str, Any] = {part: text}
    with pytest.raises(CookieSyntaxError) as caught:
        dump_cookie("a", "1", now=NOW, **kwargs)
    assert f"The cookie's {part} {text!r} has {character!r} at position 2 (counted from 0): " in str(caught.value)


def test_a_semicolon_that_idna_makes_of_a_wide_one_is_refused() -> None:
    with pytest.raises(CookieSyntaxError, match=r"domain in ASCII 'example\.com;secure' has ';' at position 11"):
        dump_cookie("a", "1", domain="example.com\uff1bSecure", now=NOW)


@pytest.mark.parametrize("domain", ["a..b", "x" * 64 + ".com", "\ud800.com"])
def test_a_domain_that_is_no_host_name_is_refused(domain: str) -> None:
    with pytest.raises(CookieSyntaxError, match="is not a host name"):
        dump_cookie("a", "1", domain=domain, now=NOW)


@pytest.mark.parametrize("part", ["value", "path"])
def test_half_a_surrogate_pair_is_refused(part: str) -> None:
    kwargs: dict[str, Any] = {part: "/é\udc00"}
    with pytest.raises(CookieSyntaxError, match=rf"The cookie's {part} .* at position 2 \(counted from 0\)"):
        dump_cookie("a", now=NOW, **kwargs)


@pytest.mark.parametrize("samesite", ["", "lax;", "Lax; Secure", "yes"])
def test_another_samesite_is_refused_in_werkzeugs_words(samesite: str) -> None:
    with pytest.raises(ValueError, match="SameSite") as ours:
        dump_cookie("a", samesite=samesite, now=NOW)  # type: ignore[arg-type] # the subject
    with pytest.raises(ValueError, match="SameSite") as theirs:
        werkzeug.http.dump_cookie("a", samesite=samesite)
    assert str(ours.value) == str(theirs.value) == "SameSite must be 'Strict', 'Lax', or 'None'."


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"key": b"a"}, "A cookie's name must be a str, not bytes: b'a'"),
        ({"value": 1}, "A cookie's value must be a str, not int: 1"),
        ({"value": None}, "A cookie's value must be a str, not NoneType: None"),
        ({"value": b"1"}, "A cookie's value must be a str, not bytes: b'1'"),
        ({"path": 1}, "A cookie's path must be a str, not int: 1"),
        ({"domain": True}, "A cookie's domain must be a str, not bool: True"),
        ({"samesite": True}, "A cookie's samesite must be a str, not bool: True"),
        ({"max_age": True}, "A cookie's max_age must be a number of seconds or a timedelta, not bool: True"),
        ({"max_age": "60"}, "A cookie's max_age must be a number of seconds or a timedelta, not str: '60'"),
        ({"expires": []}, "A moment is a datetime, a date or a number of seconds, not list: []"),
    ],
)
def test_a_wrong_type_is_an_error_that_names_it(kwargs: dict[str, Any], words: str) -> None:
    with pytest.raises(TypeError, match=re.escape(words)):
        dump_cookie(kwargs.pop("key", "a"), now=NOW, **kwargs)


@pytest.mark.parametrize("kwargs", [{"max_age": 10**15}, {"max_age": 10**400}, {"expires": 1e15}, {"expires": -1e15}])
def test_a_moment_no_calendar_has_is_refused(kwargs: dict[str, Any]) -> None:
    with pytest.raises(CookieSyntaxError, match="is not within the years 1 to 9999"):
        dump_cookie("a", "1", now=NOW, **kwargs)


def test_a_str_that_formats_itself_otherwise_is_sent_as_what_it_is() -> None:
    class Choice(str, Enum):
        DARK = "dark"

        def __format__(self, _: str) -> str:
            return "; Secure"

    line = dump_cookie(Choice.DARK, Choice.DARK, path=Choice.DARK, samesite=None, expires=Choice.DARK, now=NOW)
    assert line == "dark=dark; Expires=dark; Path=dark"


# --- which cookie a line is about -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "identity"),
    [
        ("a=1", ("a", "", "")),
        ("a=1; Path=/", ("a", "", "/")),
        (" a = 1 ;DOMAIN=.Example.COM ; path = /x ; Secure", ("a", "example.com", "/x")),
        ("a=1; Path=/x; Path=/y; Domain=a; Domain=", ("a", "", "/y")),
        ("a=1; Path=x", ("a", "", "")),
        ("nameless; Path=/", ("", "", "/")),
        ("a=path=/x", ("a", "", "")),
    ],
)
def test_a_cookie_is_its_name_domain_and_path(line: str, identity: tuple[str, str, str]) -> None:
    assert cookie_identity(line) == identity


def test_the_standard_is_cited_in_one_place() -> None:
    assert cookie_syntax.STANDARD == "draft-ietf-httpbis-rfc6265bis-22"


@given(
    st.lists(
        st.sampled_from(
            ["a", "b", "=", ";", "; ", " ;", "  ", "\t", '"', "\\", "x y", "\u00e9", "\u20ac", "\0", ",", "a=1; "]
        ),
        max_size=12,
    ).map("".join)
    | st.text(max_size=8)
    | st.tuples(
        st.lists(
            st.sampled_from(
                [
                    "a=1",
                    "b=",
                    "=c",
                    "d",
                    "e=f=g",
                    "",
                    "g;h=i",
                    " j=k",
                    "l\t=m",
                    'n="o"',
                    "p=\u00e9",
                    "q=1;r s=2",
                    "t=;u =",
                ]
            )
        ),
        st.integers(25, 60),
        st.booleans(),
    ).map(lambda given: "; ".join(sorted([*given[0], *(f"n{place}=v" for place in range(given[1]))], reverse=given[2])))
)
@settings(max_examples=800)
def test_values_by_name_are_those_of_the_pairs(header: str) -> None:
    expected: dict[str, list[str]] = {}
    for name, value in parse_cookie(header):
        expected.setdefault(name, []).append(value)
    assert list(cookie_values(header).items()) == list(expected.items())


def test_what_is_remembered_of_names_and_attributes_changes_no_line() -> None:
    names = ["theme", "__Host-id", "x" * 300, "naïve", "a b"]
    flags: list[Any] = [True, False, 1, 0, "yes", ""]
    lines: dict[Any, str] = {}
    for _ in range(2):
        for name, path, domain, secure, httponly, samesite in product(
            names, ["/", "/a b", "", None], [None, "example.com", False], flags, flags, [None, "lax", "Lax"]
        ):
            given: dict[str, Any] = {"domain": domain, "secure": secure, "httponly": httponly, "samesite": samesite}
            line = dump_cookie(name, "dark", path=path, now=0.0, **given)
            known = lines.setdefault((name, path, domain, bool(secure), bool(httponly), samesite and "Lax"), line)
            assert line == known
    with pytest.raises(TypeError):
        dump_cookie("theme", "dark", domain=0, now=0.0)  # type: ignore[arg-type] # equal to False, which is none
    with pytest.raises(TypeError):
        dump_cookie("theme", "dark", path=["/"], now=0.0)  # type: ignore[arg-type]


def test_an_error_of_an_attribute_has_no_other_error_before_it() -> None:
    for refused in ("yes", ["Lax"]):
        with pytest.raises((CookieSyntaxError, TypeError)) as raised:
            dump_cookie("theme", "dark", samesite=refused, now=0.0)  # type: ignore[arg-type] # the subject
        assert raised.value.__context__ is None


def test_few_names_and_attributes_are_remembered() -> None:
    for number in range(1500):
        line = dump_cookie(f"name-{number}", "dark", path=f"/{number}", now=0.0)
        assert line == f"name-{number}=dark; Path=/{number}"
        assert f"name-{number}" in cookie_syntax.quick_names
    assert len(cookie_syntax._plain_names) <= 512 >= len(cookie_syntax._remembered_attributes)


def test_every_pair_of_characters_is_quoted_as_by_werkzeug() -> None:
    # Werkzeug sends some control characters as they are.
    some = [*map(chr, [*range(0x1A), *range(0x20, 0x102)]), "\N{EURO SIGN}", "\N{GRINNING FACE}"]
    for first in some:
        for second in [*'",;\\ a=~\x7f\n0', "\N{LATIN SMALL LETTER E WITH ACUTE}"]:
            for value in (first + second, f"{second}{first}x"):
                assert dump_cookie("a", value, now=0) == werkzeug.http.dump_cookie("a", value)
