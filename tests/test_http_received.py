"""URLs and what a client accepts are read as Werkzeug reads them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Accept, Authorization, CharsetAccept, LanguageAccept, MIMEAccept
from werkzeug.http import parse_accept_header
from werkzeug.sansio.utils import get_current_url

from tests.beside_flask import outcome
from tuile.http.accepted import _remembered_accept, read_accept
from tuile.http.received import parameters_in, read_authorization, show_url
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


PARAMETERS = st.lists(
    st.builds(
        "{}{}{}{}{}{}".format,
        st.sampled_from(["", " ", "\t", "\n", ","]),
        st.sampled_from(["username", "a", "a*", "A-b.c", "", "é", "a b", '"a"', "nc"]),
        st.sampled_from(["=", "=", "=", " =", "= ", "", "=="]),
        st.sampled_from(
            ['"x"', '"x, y=z"', '""', "token", "", "a=b", "a==", '"é"', '"a\\"b"', '"a\\\\b"', '"open', 'b"c"',
             "UTF-8''%e4", '"line\nbreak"', "/a?b", "'x'", "00000001", "\u0661", '"a" "b"']
        ),
        st.sampled_from(["", " ", "\t", "\x0b", " \n"]),
        st.sampled_from([",", ",", ",", ";", "", ",,"]),
    ),
    max_size=4,
).map("".join)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(["Digest ", "DIGEST  ", "Basic ", "", " ", "Bearer ", "x\t", "Digest\u00a0", 'a="b", ']), PARAMETERS
)
@example("Digest ", 'username="ada", realm="x", nonce="n", uri="/", response="r"')
@example("Digest ", 'a="1",')
@example("Digest ", 'a="1", a="2", b=3')
@example("Basic ", 'a="1"')
@example('a="1" ', "b=")
def test_credentials_are_read_as_by_werkzeug(scheme: str, parameters: str) -> None:
    for text in (f"{scheme}{parameters}", f"{scheme}{parameters.rstrip(',; ')}"):
        ours = read_authorization(text)
        try:
            theirs = Authorization.from_header(text)
        except ValueError:
            # As the differences say.
            theirs = None
        assert (ours is None) == (theirs is None)
        if ours is not None and theirs is not None:
            assert type(ours) is type(theirs)
            assert list(vars(ours).items()) == list(vars(theirs).items())
            assert list(ours.parameters.items()) == list(theirs.parameters.items())


def test_plain_parameters_are_read_without_werkzeug() -> None:
    found = parameters_in('username="ada", realm="a, b=c", nonce="", qop=auth, nc=00000001')
    assert found == {"username": "ada", "realm": "a, b=c", "nonce": "", "qop": "auth", "nc": "00000001"}


def test_a_reader_of_credentials_that_replaces_werkzeugs_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Authorization, "from_header", classmethod(lambda cls, text: cls("own", token=text)))
    found = read_authorization('Digest a="b"')
    assert found is not None
    assert found.type == "own"


def test_long_parameters_are_refused_in_linear_time() -> None:
    for text in ('a="b", ' * 20_000, 'a="b",' * 20_000 + "=", "a=" + "b" * 200_000 + '"', 'a="' + "b" * 200_000):
        assert parameters_in(text) is None
