"""The headers of a request answer as Werkzeug's do, whatever an environ has in it."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import EnvironHeaders as WerkzeugEnvironHeaders
from werkzeug.datastructures import ImmutableMultiDict as WerkzeugImmutableMultiDict

from tests.beside_flask import outcome
from tuile.http.parameters import ImmutableMultiDict
from tuile.http.request_headers import EnvironHeaders

KEYS = st.sampled_from(
    [
        *("CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "HTTP_HOST", "HTTP_COOKIE"),
        *("HTTP_X_TOKEN", "HTTP_", "HTTP__", "HTTPS", "HTTP_A1B", "HTTP_\u00df", "HTTP_x_lower", "HTTP_" + "X" * 300),
        *("wsgi.input", "PATH_INFO", "REMOTE_USER", "own.key", "", "HTTP_X__Y"),
    ]
)
ENVIRONS = st.dictionaries(KEYS, st.sampled_from(["", "text", "1", "\xff", "a, b"]), max_size=8)
NAMES = st.sampled_from(
    [
        *(
            "Content-Type",
            "content_length",
            "HOST",
            "x-token",
            "X_Token",
            "X-Lower",
            "",
            "-",
            "\u017f",
            "\u00df",
            "A1b",
        ),
        *("A1b", "Missing", "http-content-type", "Cookie", "X--Y"),
    ]
)


@given(ENVIRONS, NAMES)
@settings(max_examples=500)
def test_headers_are_read_as_by_werkzeug(environ: dict[str, str], name: str) -> None:
    def described(headers: Any) -> list[Any]:
        return [
            outcome(lambda: headers[name]),
            *(headers.get(name), headers.get(name, "x"), headers.get(name, type=int), headers.get(name, 5, int)),
            *(name in headers, headers.getlist(name), headers.getlist(name, int), headers.get_all(name)),
            *(list(headers), len(headers), list(headers.items()), list(headers.items(lower=True)), bool(headers)),
            *(list(headers.keys()), list(headers.keys(lower=True)), list(headers.values()), outcome(dict, headers)),
            *(headers.to_wsgi_list(), str(headers), repr(headers)),
        ]

    assert described(EnvironHeaders(environ)) == described(WerkzeugEnvironHeaders(environ))
    assert EnvironHeaders(environ) == WerkzeugEnvironHeaders(environ)


@pytest.mark.parametrize("key", [0, None, b"Host", 1.5, slice(2)], ids=repr)
def test_other_keys_than_texts_are_refused_as_by_werkzeug(key: Any) -> None:
    for ask in (lambda headers: headers[key], lambda headers: headers.get(key), lambda headers: key in headers):
        environ = {"HTTP_HOST": "x"}
        assert outcome(ask, EnvironHeaders(environ)) == outcome(ask, WerkzeugEnvironHeaders(environ))


@pytest.mark.parametrize(
    "change",
    [
        lambda headers: headers.set("A", "b"),
        lambda headers: headers.__setitem__("A", "b"),
        lambda headers: headers.pop("Host"),
        lambda headers: headers.copy(),
        hash,
    ],
    ids=range(5),
)
def test_headers_cannot_be_changed(change: Any) -> None:
    environ = {"HTTP_HOST": "x"}
    assert outcome(change, EnvironHeaders(environ)) == outcome(change, WerkzeugEnvironHeaders(environ))


PAIRS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "", "\u00e9"]), st.sampled_from(["1", "x", "", " 2"])), max_size=6
)


@given(PAIRS, st.sampled_from(["a", "b", "", "missing"]))
@settings(max_examples=300)
def test_fields_are_read_as_by_werkzeug(pairs: list[tuple[str, str]], name: str) -> None:
    def described(fields: Any) -> list[Any]:
        copied = pickle.loads(pickle.dumps(fields))  # noqa: S301 - its own
        return [
            outcome(lambda: fields[name]),
            *(fields.get(name), fields.get(name, "x"), fields.get(name, type=int), fields.get(name, 5, int)),
            *(fields.getlist(name), fields.getlist(name, type=int), fields.getlist("a") is fields.getlist("a")),
            *(list(fields), list(fields.items()), list(fields.items(multi=True)), list(fields.lists())),
            *(list(fields.values()), list(fields.listvalues()), fields.to_dict(), fields.to_dict(flat=False)),
            *(dict(fields), repr(fields), str(fields), hash(fields), len(fields), fields.copy(), type(fields.copy())),
            *(copied, type(copied), fields.deepcopy(), fields | {"a": "3"}, fields.__copy__() is fields),
            *(outcome(lambda: fields.add("a", "b")), outcome(lambda: fields[[]]), outcome(fields.get, [])),
        ]

    made = described(ImmutableMultiDict(pairs))
    assert made == described(WerkzeugImmutableMultiDict(pairs))
    assert ImmutableMultiDict(pairs) == WerkzeugImmutableMultiDict(pairs)
