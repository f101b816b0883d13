"""What a request says of its headers is what Werkzeug's request says, whatever a client sends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Accept, CharsetAccept, Headers, LanguageAccept, MIMEAccept
from werkzeug.http import parse_accept_header
from werkzeug.wrappers import Request as WerkzeugRequest

import tuile
from tests.beside_flask import make_environ, outcome
from tuile.http.accepted import _best_place, read_accept
from tuile.remember import LONGEST

PIECES = st.sampled_from(
    [
        *("a", "W/", "w/", '"', '"tag"', '""', "*", ",", ", ", ";", "=", "q=0.5", "no-cache", "max-age=5", "max-age=x"),
        *("bytes=", "0-1", "-5", "5-", " ", "\t", "\\", "\xff", "\0", "1.2.3.4", "::1", "text/html", "charset=utf-8"),
        *("application/json", "application/x+json", "boundary=b", "12", "-1", "1" * 30, "x" * 300, "Basic ", "YTpi"),
    ]
)
KEYS = (
    *("CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING", "HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_RANGE"),
    *("HTTP_CACHE_CONTROL", "HTTP_X_FORWARDED_FOR", "HTTP_USER_AGENT", "HTTP_REFERER", "HTTP_ORIGIN", "HTTP_PRAGMA"),
    *("HTTP_MAX_FORWARDS", "HTTP_CONTENT_ENCODING", "HTTP_CONTENT_MD5", "HTTP_ACCESS_CONTROL_REQUEST_METHOD"),
    *("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "HTTP_AUTHORIZATION"),
)
ENVIRONS = st.dictionaries(st.sampled_from(KEYS), st.lists(PIECES, max_size=5).map("".join), max_size=5)


def described(request: Any) -> list[Any]:
    def tags(found: Any) -> Any:
        return found.as_set(), found.as_set(include_weak=True), found.star_tag, found.to_header(), found.contains("tag")

    def ranges(found: Any) -> Any:
        return None if found is None else (found.units, found.ranges, found.to_header())

    def control(found: Any) -> Any:
        return dict(found), found.no_cache, found.max_age, found.to_header(), type(found)

    asked = [
        *(lambda: tags(request.if_match), lambda: tags(request.if_none_match), lambda: ranges(request.range)),
        *(lambda: control(request.cache_control), lambda: (request.access_route, type(request.access_route))),
        *(lambda: request.user_agent.string, lambda: request.referrer, lambda: request.origin),
        *(lambda: sorted(request.pragma), lambda: request.max_forwards, lambda: request.content_encoding),
        *(lambda: request.content_md5, lambda: request.access_control_request_method, lambda: request.content_type),
        *(lambda: str(request.access_control_request_headers), lambda: request.content_length),
        *(lambda: request.mimetype, lambda: request.mimetype_params, lambda: request.is_json),
    ]
    return [outcome(one) for one in asked]


@given(ENVIRONS)
@settings(max_examples=400)
def test_headers_are_understood_as_by_werkzeug(environ: dict[str, str]) -> None:
    made = make_environ(REMOTE_ADDR="127.0.0.1", **environ)
    expected = described(WerkzeugRequest(made.copy()))
    request = tuile.Request(made.copy())
    assert described(request) == expected
    # Asked again, and after the headers were made.
    assert described(request) == expected
    other = tuile.Request(made.copy())
    list(other.headers)
    assert described(other) == expected


@given(ENVIRONS)
@settings(max_examples=100)
def test_headers_that_were_replaced_are_read(environ: dict[str, str]) -> None:
    found = []
    for kind in (WerkzeugRequest, tuile.Request):
        request = kind(make_environ(REMOTE_ADDR="127.0.0.1"))
        request.headers = Headers([(key.removeprefix("HTTP_").replace("_", "-"), environ[key]) for key in environ])
        found.append(described(request))
    assert found[0] == found[1]


def test_what_a_view_changes_of_one_request_is_not_in_another() -> None:
    environ = make_environ(CONTENT_TYPE="text/html; charset=utf-8")
    first = tuile.Request(environ.copy())
    first.mimetype_params["charset"] = "changed"
    assert tuile.Request(environ.copy()).mimetype_params == {"charset": "utf-8"}


CHOICES = st.lists(
    st.sampled_from(
        ["text/html", "application/json", "text/*", "en", "en-GB", "de", "utf-8", "latin1", "gzip", "*", "br"]
    ),
    max_size=5,
)
ACCEPTED = st.lists(
    st.sampled_from(["text/html", "*/*", "text/*;q=0.3", "en", "en-US;q=0.7", "de;q=0", "*", "gzip", "utf8", "br;q=1"]),
    max_size=5,
).map(",".join)


@given(ACCEPTED, CHOICES, st.sampled_from([Accept, CharsetAccept, LanguageAccept, MIMEAccept]), st.booleans())
@settings(max_examples=500)
def test_the_best_choice_is_werkzeugs(text: str, choices: list[str], kind: type[Accept], is_tuple: bool) -> None:
    def answers(accept: Any) -> list[Any]:
        given = tuple(choices) if is_tuple else choices
        return [
            *(outcome(accept.best_match, given), outcome(accept.best_match, given, "default")),
            outcome(lambda: accept.best_match(choice for choice in choices)),
            *(outcome(accept.quality, choice) for choice in choices),
            *(outcome(lambda choice=choice: choice in accept) for choice in choices),
            *(outcome(lambda choice=choice: accept[choice]) for choice in choices),
            *(accept.best, accept.to_header(), str(accept), repr(accept), list(accept.values())),
        ]

    expected = answers(parse_accept_header(text, kind))
    for _ in range(2):
        assert answers(read_accept(text, kind)) == expected


def test_choices_are_remembered_within_bounds() -> None:
    accept = read_accept("text/html,*/*;q=0.5", MIMEAccept)
    for number in range(1000):
        accept.best_match([f"text/{number}"])
    info = _best_place.cache_info()
    assert info.currsize <= (info.maxsize or 0) <= 512
    accept.best_match(["text/" + "x" * LONGEST])
    assert _best_place.cache_info() == info


@pytest.mark.parametrize("choice", [None, 5, b"text/html", ["text/html"]], ids=repr)
def test_other_choices_than_texts_are_werkzeugs(choice: Any) -> None:
    for ask in (lambda accept: accept.best_match([choice]), lambda accept: accept.quality(choice)):
        expected = outcome(ask, parse_accept_header("text/html", MIMEAccept))
        assert outcome(ask, read_accept("text/html", MIMEAccept)) == expected
