"""URLs and what a client accepts are read as Werkzeug reads them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Accept, CharsetAccept, LanguageAccept, MIMEAccept
from werkzeug.http import parse_accept_header
from werkzeug.sansio.utils import get_current_url

from tests.beside_flask import outcome
from tuile.http.accepted import _remembered_accept, read_accept
from tuile.http.received import show_url
from tuile.remember import LONGEST

HOSTS = st.sampled_from(
    [
        *("localhost", "localhost:80", "example.org:8000", "example.org:0", "example.org:08", "a.b:65535", "a.b:59999"),
        *("a.b:65536", "a.b:99999", "a.b:", "EXAMPLE.org", "xn--n3h.net", "a.xn--n3h", "xn--", "-a", "[::1]:5", "::1"),
        *(
            "user@host",
            "user:pw@host",
            "a..b",
            ".a",
            "a.",
            "",
            "a/b",
            "a?b",
            "a#b",
            "a b",
            "caf\u00e9.fr",
            "a_b",
            "1.2.3.4",
        ),
        "a" * 99 + ".b",
    ]
)
PATHS = st.lists(
    st.sampled_from(
        [
            "/",
            "//",
            "a",
            "B",
            "%20",
            "%",
            "%C3%A9",
            "%c3",
            "%26",
            "%2525",
            "\u00e9",
            "?",
            "#",
            ";",
            "=",
            "&",
            "+",
            " ",
            "..",
            "[",
            "|",
            "\n",
            "~",
        ]
    ),
    max_size=6,
).map("".join) | st.text("ab/?", max_size=6)


@given(
    st.sampled_from(["http", "https", "ws", "HTTP", ""]),
    HOSTS,
    st.none() | PATHS,
    st.none() | PATHS,
    st.none() | PATHS.map(lambda text: text.encode()) | st.binary(max_size=3),
)
@settings(max_examples=1500)
@example("http", "example.org", "/app/", "/a", b"x=1?")
@example("http", "example.org", "/app/", "/a?b", b"")
@example("http", "example.org", "/app?/", "/a", b"x")
@example("http", "example.org", "/app?", None, None)
@example("http", "example.org", "/", "/a b", b"q=%C3%A9%26+%20%7F%2525&filter[x]=1")
def test_a_url_is_shown_as_werkzeug_shows_it(
    scheme: str, host: str, root: str | None, path: str | None, query: bytes | None
) -> None:
    if root is None:
        path = None
    expected = outcome(get_current_url, scheme, host, root, path, query)
    if expected[0] == "returned":
        assert show_url(scheme, host, root, path, query) == expected[1]
    else:
        # Which is why it is not left to Werkzeug alone.
        assert expected[1] in {"ValueError", "UnicodeError", "UnicodeDecodeError", "UnicodeEncodeError"}


ACCEPTED = st.lists(
    st.sampled_from(
        [
            *("text/html", "application/json", "*/*", "text/*", "*", "en-GB", "de", "utf-8", "gzip", "br", "x"),
            *(";q=0.5", ";q=1", ";q=2", ";q=-1", ";q=a", ";level=1", '"quoted, text"', '"', ",", " ", ";", "\u00e9"),
        ]
    ),
    max_size=8,
).map("".join)


def described(found: Any) -> Any:
    values = ["text/html", "application/json"] if isinstance(found, MIMEAccept) else ["en", "de", "gzip", "utf-8"]
    return type(found).__name__, list(found), found.provided, found.best, found.to_header(), found.best_match(values)


@given(st.none() | ACCEPTED, st.sampled_from([Accept, CharsetAccept, LanguageAccept, MIMEAccept]))
@settings(max_examples=500)
def test_what_is_accepted_is_read_as_by_werkzeug(text: str | None, kind: type[Accept]) -> None:
    expected = described(parse_accept_header(text, kind))
    for _ in range(2):
        assert described(read_accept(text, kind)) == expected


@pytest.mark.parametrize("kind", [Accept, MIMEAccept])
def test_each_request_gets_an_object_of_its_own(kind: type[Accept]) -> None:
    first = read_accept("text/html", kind)
    first.provided = False
    second = read_accept("text/html", kind)
    assert second is not first
    assert second.provided


def test_what_clients_send_is_remembered_within_bounds() -> None:
    for number in range(2000):
        read_accept(f"text/{number}", MIMEAccept)
        read_accept(f"{number}" * LONGEST, MIMEAccept)
    info = _remembered_accept.cache_info()
    assert info.currsize <= (info.maxsize or 0) <= 256
