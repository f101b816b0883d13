"""Queries and forms are split as `parse_qsl` splits them for Werkzeug, whatever a client sends."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.costs import assert_time_is_linear
from tuile.http.urlencoded import parse_urlencoded

# Pieces that end a name or a value, that are escapes of those, or that are no escapes at all.
PIECES = (
    *("a", "b", "&", "&&", "=", "==", "+", ";", "%", "%2", "%zz", "%26", "%3D", "%3d", "%25", "%2B", "%2b", "%41"),
    *("%C3", "%A9", "%c3%a9", "%E2%82", "%E2%82%AC", "%f0", "%ff", "%00", "%0d%0a", "é", "\ufffd", "€", "\0", " ", "4"),
)

# What would be an escape in Python's literals, beside what is one in a query.
ESCAPES = (
    *(
        "%41",
        "%e2%82%ac",
        "%C3",
        "%5c",
        "%5Cx41",
        "%25",
        "%2B",
        "%3d",
        "%26",
        "%",
        "%%",
        "%x",
        "%x4",
        "%\\",
        "%4",
        "%u20ac",
    ),
    *("\\", "\\\\", "\\x41", "\\n", "\\\n", "\\1", "\\'", "\\u0041", "\\N{DIGIT ONE}", "x41", "\n", "'", '"', "b'"),
)


def expected(text: str) -> list[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, errors="werkzeug.url_quote"):
        found.setdefault(name, []).append(value)
    return list(found.items())


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=2).filter(lambda text: text.isascii()), max_size=16))
@settings(max_examples=400)
@example(["a=%26", "&", "b=%4", "1"])
@example(["%C3", "=", "%A9"])
def test_any_text_gives_what_parse_qsl_gives(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert list(parse_urlencoded(text).items()) == expected(text)
    for long in (f"{text}&a={'b+c' * 700}{text}", f"{'&'.join([text] * 10)}{'x' * 2000}"):
        assert list(parse_urlencoded(long).items()) == expected(long)


@given(st.lists(st.sampled_from(ESCAPES) | st.characters(max_codepoint=255), max_size=30), st.sampled_from([1, 200]))
@settings(max_examples=400)
def test_escapes_are_resolved_as_parse_qsl_resolves_them(pieces: list[str], times: int) -> None:
    text = "".join(pieces) * times
    assert list(parse_urlencoded(text).items()) == expected(text)


@pytest.mark.parametrize("first", "\\%&=+\n\r\"'\0ax7uUN{é")
def test_each_pair_of_characters_is_resolved_as_parse_qsl_resolves_it(first: str) -> None:
    for code in [*range(256), 0x20AC, 0x1F600]:
        for before in ("", "%41", "\\", "\\\\", "%", "%5C", "\\x", "a="):
            text = f"{before}{first}{chr(code)}%4a"
            assert list(parse_urlencoded(text).items()) == expected(text)


@given(st.binary(max_size=40))
def test_any_octets_give_what_parse_qsl_gives(octets: bytes) -> None:
    text = octets.decode(errors="replace")
    assert list(parse_urlencoded(text).items()) == expected(text)


PAIRS = st.sampled_from(["a=1", "b=", "=c", "=", "d", "", "e=f=g", "a=2", "h=i+j", "k=%41", "%6c=m", "n=%26", "é=%C3"])


@given(st.lists(PAIRS, max_size=4), st.integers(0, 3), st.lists(PAIRS, max_size=4))
@settings(max_examples=300)
def test_many_fields_give_what_parse_qsl_gives(before: list[str], repeats: int, after: list[str]) -> None:
    for count in (7, 8, 9, 60, 300):
        many = [f"name{number // (repeats or 1)}=value {number}" for number in range(count)]
        text = "&".join([*before, *many, *after])
        assert list(parse_urlencoded(text).items()) == expected(text)


@pytest.mark.parametrize(
    "piece",
    [
        "a=1&",
        "&",
        "=",
        "%",
        "%41",
        "%C3",
        "%25&",
        "a%26=%3D&",
        "+",
        "a=&a=&",
        ";",
        "%ff",
        "%4",
        "\\",
        "\\%41",
        "a=1&b=2&",
    ],
    ids=repr,
)
def test_floods_take_linear_time(piece: str) -> None:
    assert_time_is_linear(lambda size: parse_urlencoded(piece * size))
