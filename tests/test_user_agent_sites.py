"""Comparing hosts, addresses and sites as browsers do."""

from __future__ import annotations

import re
import sys
from importlib import resources
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.costs import steps
from tuile.user_agent import sites as module
from tuile.user_agent.sites import (
    Address,
    Context,
    Site,
    Sites,
    canonicalize_host,
    default_path,
    domain_matches,
    is_ip,
    is_loopback,
    last_label,
    load_public_suffixes,
    parse_address,
    path_matches,
)

# --- hosts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "canonical"),
    [
        ("example.com", "example.com"),
        ("EXAMPLE.Com", "example.com"),
        ("example.com.", "example.com."),
        ("a_b-c.example", "a_b-c.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("bu\u0308cher.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("STRAẞE.example", "xn--strae-oqa.example"),
        ("βόλος.example", "xn--nxasmm1c.example"),
        ("日本語。jp", "xn--wgv71a119e.jp"),
        ("☃.net", "xn--n3h.net"),
        ("👩\u200d🍳.example", "xn--1ug4025pbva.example"),
        ("ｅｘａｍｐｌｅ.com", "example.com"),
        ("exa\u00admple.com", "example.com"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("[0:0:0::1]", "::1"),
        ("2001:DB8::1", "2001:db8::1"),
    ],
)
def test_a_host_has_one_spelling(host: str, canonical: str) -> None:
    assert canonicalize_host(host) == canonical
    assert canonicalize_host(canonical) == canonical


@pytest.mark.parametrize(
    "host",
    [
        "",
        ".",
        "..",
        ".example.com",
        "a..b",
        "a b",
        "a/b",
        "a:80",
        "a%62",
        "a@b",
        'a"b',
        "[::1",
        "::g",
        "xn--a",
        "xn--",
        "xn--a-b",
        "xn--bcher-KVA-ü",
        "\x00",
        "a\x7f",
        "xn--" + "9" * 70,
    ],
)
def test_what_is_no_host_is_none(host: str) -> None:
    assert canonicalize_host(host) is None


@pytest.mark.parametrize(
    ("host", "ip", "loopback"),
    [
        ("127.0.0.1", True, True),
        ("127.255.0.9", True, True),
        ("::1", True, True),
        ("::2", True, False),
        ("10.0.0.1", True, False),
        ("localhost", False, True),
        ("a.b.localhost", False, True),
        ("localhost.example", False, False),
        ("127.example", False, False),
        ("1.2.3", False, False),
        ("example.com", False, False),
    ],
)
def test_addresses_and_loopback(host: str, ip: bool, loopback: bool) -> None:
    assert (is_ip(host), is_loopback(host)) == (ip, loopback)


@pytest.mark.parametrize(
    ("host", "domain", "matches"),
    [
        ("a.example", "a.example", True),
        ("b.a.example", "a.example", True),
        ("ba.example", "a.example", False),
        ("a.example", "b.a.example", False),
        ("1.2.3.4", "3.4", False),
        ("1.2.3.4", "1.2.3.4", True),
    ],
)
def test_a_domain_covers_what_is_under_it(host: str, domain: str, matches: bool) -> None:
    assert domain_matches(host, domain) is matches


hostish = st.text(st.sampled_from("aA1-._:%xn\u00fc\u00df\u3002\u200d☃ ") | st.characters(), max_size=20)


@given(host=hostish)
def test_no_host_raises_and_a_canonical_one_stays(host: str) -> None:
    canonical = canonicalize_host(host)
    if canonical is not None:
        assert canonical.isascii()
        assert canonicalize_host(canonical) == canonical


@given(host=st.text(st.characters(categories=["Ll", "Lu", "Lo", "Nd"]), min_size=1, max_size=8))
def test_upper_and_lower_case_are_one_host(host: str) -> None:
    # Not all: U+0130 and U+1E9E, and letters whose capitals are several.
    folded = [c for c in host if c.upper().lower() == c and len(c.upper()) == 1 and c.casefold() == c]
    text = "".join(folded)
    assert canonicalize_host(f"{text}.x") == canonicalize_host(f"{text.upper()}.x")


@pytest.mark.parametrize("piece", ["a.", "xn--a.", "\u00fc", "\u00fc.", "[", ":", "9", "\u0308"])
def test_what_a_host_costs_does_not_explode(piece: str) -> None:
    # Punycode is quadratic in the labels that it is for; DNS has 63 octets for one, and browsers 1024 for a Domain.
    assert steps(lambda: canonicalize_host(piece * (1024 // len(piece)))) < 1_000_000


# --- paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "folder"),
    [("/", "/"), ("/a", "/"), ("/a/", "/a"), ("/a/b", "/a"), ("/a/b/", "/a/b"), ("", "/"), ("x", "/")],
)
def test_the_default_path_is_the_folder(path: str, folder: str) -> None:
    assert default_path(path) == folder


@pytest.mark.parametrize(
    ("request_path", "cookie_path", "matches"),
    [
        ("/a", "/a", True),
        ("/a/b", "/a", True),
        ("/a/b", "/a/", True),
        ("/ab", "/a", False),
        ("/", "/a", False),
        ("/x", "/", True),
    ],
)
def test_a_path_covers_what_is_under_it(request_path: str, cookie_path: str, matches: bool) -> None:
    assert path_matches(request_path, cookie_path) is matches


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://Example.com", ("http", "example.com", "/")),
        ("https://user:secret@example.com:8443/a/b?c#d", ("https", "example.com", "/a/b")),
        ("wss://example.com/chat", ("https", "example.com", "/chat")),
        ("ws://[::1]:5000/", ("http", "::1", "/")),
        ("http://example.com/é/%41", ("http", "example.com", "/%C3%A9/%41")),
        ("http://example.com/\ud800", ("http", "example.com", "/%3F")),
    ],
)
def test_a_url_has_an_address(url: str, address: tuple[str, str, str]) -> None:
    assert parse_address(url) == address


@pytest.mark.parametrize(
    "url", ["", "/path", "example.com", "ftp://example.com/", "http://", "http:///x", "http://[x/", "null"]
)
def test_what_is_no_url_of_a_page_is_an_error_that_says_so(url: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{url!r} is not an absolute URL. Use one such as")):
        parse_address(url)


def test_an_address_is_written_as_a_url() -> None:
    assert str(Address("http", "example.com", "/x")) == "http://example.com/x"
    assert str(Address("https", "::1", "/")) == "https://[::1]/"
    assert str(Site("https", "::1")) == "https://[::1]"


# --- the public suffix list -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def listed() -> Sites:
    return Sites(load_public_suffixes())


def list_vectors() -> list[tuple[str, str | None]]:
    """Return the test vectors of https://publicsuffix.org/list/, which the package bundles."""
    text = (resources.files("publicsuffixlist") / "test_psl.txt").read_text(encoding="utf-8")
    calls = re.findall(r"^checkPublicSuffix\('([^']*)', (?:'([^']*)'|null)\);", text, re.MULTILINE)
    return [(host, registrable or None) for host, registrable in calls]


def test_the_list_passes_its_own_vectors(listed: Sites) -> None:
    vectors = list_vectors()
    assert len(vectors) > 70
    wrong = []
    for host, expected in vectors:
        canonical = canonicalize_host(host)
        # A name with a dot in front is no host, and the vectors say that it has no registrable domain.
        found = None if canonical is None or listed.is_public_suffix(canonical) else listed.registrable(canonical)
        if found != (None if expected is None else canonicalize_host(expected)):
            wrong.append((host, expected, found))
    assert wrong == []


@pytest.mark.parametrize(
    ("host", "registrable"),
    [
        ("www.example.co.uk", "example.co.uk"),
        ("co.uk", "co.uk"),
        ("me.github.io", "me.github.io"),
        ("a.me.github.io", "me.github.io"),
        ("localhost", "localhost"),
        ("a.b.localhost", "b.localhost"),
        ("www.example.com.", "example.com."),
        ("10.0.0.1", "10.0.0.1"),
        ("::1", "::1"),
    ],
)
def test_a_host_has_a_registrable_domain(listed: Sites, host: str, registrable: str) -> None:
    assert listed.registrable(host) == registrable


def test_without_the_list_the_last_label_is_the_suffix() -> None:
    sites = Sites(last_label)
    assert sites.registrable("www.example.co.uk") == "co.uk"
    assert sites.is_public_suffix("uk")
    assert not sites.is_public_suffix("co.uk")


def test_a_missing_list_is_an_error_that_says_how_to_get_it() -> None:
    module.load_public_suffixes.cache_clear()
    with mock.patch.dict(sys.modules, {"publicsuffixlist": None}):
        with pytest.raises(ImportError, match=r'pip install "tuile\[testing\]"'):
            load_public_suffixes()
    assert load_public_suffixes()("www.example.co.uk") == "co.uk"


# --- from where a request comes ---------------------------------------------------------------------------------------

HERE = parse_address("https://www.shop.example/")
SHOP, EVIL = "https://shop.example/", "https://evil.example/"


@pytest.mark.parametrize(
    ("context", "relation"),
    [
        (Context(), "same-site"),
        (Context(initiator=SHOP), "same-site"),
        (Context(initiator=EVIL), "navigation"),
        (Context(initiator="http://shop.example/"), "navigation"),
        (Context(initiator="null"), "navigation"),
        (Context(top_level_site=SHOP), "same-site"),
        (Context(top_level_site=EVIL), "cross-site"),
        (Context(top_level_site="http://shop.example/"), "cross-site"),
        (Context(top_level_site=SHOP, initiator=EVIL), "cross-site"),
        (Context(top_level_site=SHOP, cross_site_ancestor=True), "cross-site"),
        (Context(initiator=SHOP, redirects=(EVIL,)), "same-site"),
    ],
)
def test_a_request_relates_to_the_site_it_comes_from(listed: Sites, context: Context, relation: str) -> None:
    assert context.relation(HERE, listed, script=False, schemeful=True, count_redirects=False) == relation


def test_what_some_browsers_look_at_and_others_do_not(listed: Sites) -> None:
    plain, redirected = Context(initiator="http://shop.example/"), Context(initiator=SHOP, redirects=(SHOP, EVIL))
    assert plain.relation(HERE, listed, script=False, schemeful=False, count_redirects=False) == "same-site"
    assert redirected.relation(HERE, listed, script=False, schemeful=True, count_redirects=True) == "navigation"


def test_a_script_is_where_its_page_is(listed: Sites) -> None:
    visited, framed = Context(initiator=EVIL), Context(initiator=EVIL, top_level_site=SHOP)
    assert visited.relation(HERE, listed, script=True, schemeful=True, count_redirects=True) == "same-site"
    assert framed.relation(HERE, listed, script=True, schemeful=True, count_redirects=True) == "same-site"


def test_a_partition_is_the_site_in_the_address_bar(listed: Sites) -> None:
    assert Context().partition(HERE, listed) == ("https://shop.example", False)
    assert Context(top_level_site=SHOP).partition(HERE, listed) == ("https://shop.example", False)
    assert Context(top_level_site=EVIL).partition(HERE, listed) == ("https://evil.example", True)
    assert Context(top_level_site=SHOP, cross_site_ancestor=True).partition(HERE, listed) == (
        "https://shop.example",
        True,
    )
    assert Context(top_level_site="null").partition(HERE, listed) == ("null", True)
