"""Quoting what stands in the URLs that are built."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.routing import BaseConverter, Map

from tuile.routing import quoting

_to_url = BaseConverter(Map()).to_url
#: Whatever may be part of a URL, with much of what is special there.
TEXTS = st.text(st.sampled_from(" aZ09-_.~/?&=+%#:;,@!$'()*\"<>\\^`{|}[]\x00\r\n\x7f\x80\xffé漢😀")) | st.text()


def _in_query(value: Any) -> str:
    return urlencode([("", value)], safe="!$'()*,/:;?@")[1:]


def _in_fragment(value: Any) -> str:
    return quote(value, safe="%!#$&'()*+,/:;=?@")


PLACES = [(quoting.path_text, _to_url), (quoting.query_text, _in_query), (quoting.fragment_text, _in_fragment)]


def _outcome(function: Any, value: object) -> object:
    try:
        return function(value)
    except UnicodeEncodeError as error:
        return error.args


@given(TEXTS)
def test_texts_are_quoted_as_by_werkzeug_once_and_again(text: str) -> None:
    for ours, theirs in PLACES:
        expected = _outcome(theirs, text)
        assert _outcome(ours, text) == expected
        assert _outcome(ours, text) == expected


@given(st.text(st.characters(categories=["Cs", "L"]), min_size=1, max_size=5))
def test_half_of_a_surrogate_pair_is_the_same_error(text: str) -> None:
    for ours, theirs in PLACES:
        assert _outcome(ours, text) == _outcome(theirs, text)


@pytest.mark.parametrize(
    "kept", [quoting.path_texts, quoting.query_texts, quoting.fragment_texts], ids=["path", "query", "fragment"]
)
def test_what_clients_choose_is_kept_within_limits(kept: dict[str, str]) -> None:
    for number in range(2_000):
        for ours, _ in PLACES:
            ours(f"é {number} {'x' * (number % 200)}")
            ours(chr(0x4E00 + number) + "é" * 1_000)
    assert 0 < len(kept) <= 512
    assert all(len(text) <= 128 for text in kept)
    for table in (quoting._PATH, quoting._QUERY, quoting._FRAGMENT):
        assert 0 < len(table) <= 2048
