"""Addresses, hosts and sites as browsers compare them, and from where a request comes.

Floor 1, text and bytes: no socket; the public suffix list is an argument. What must live here: canonical hosts and
their matching (sections 5.1.2 and 5.1.3), paths (5.1.4), registrable domains and sites, and what makes a request
same-site or cross-site (5.2). What must not: cookies.

Host names beyond ASCII are mapped as browsers map them (UTS 46, not transitional): with the `unicodedata` of Python,
because its `idna` codec is IDNA 2003, which makes `strasse` of `straße` and knows no character younger than 2002.
"""

from __future__ import annotations

import re
import typing as t
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote, urlsplit

# --- hosts (section 5.1.2) --------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def canonical_host(host: str) -> str | None:
    """The host as it is compared: lower case, in ASCII, IP addresses in one spelling. None when it is no host.

    :param host: as a URL or a `Domain` has it, a v6 address with or without brackets.
    """
    text = host.lower() if host.isascii() else _mapped(host)
    if ":" in text:
        return _v6(text[1:-1] if text.startswith("[") and text.endswith("]") else text)
    if "xn--" not in text and text.isascii():
        return text if _is_host(text) else None
    labels = [_a_label(label) for label in text.split(".")]
    canonical = ".".join(label or "" for label in labels)
    return canonical if None not in labels and _is_host(canonical) else None


# What stands in a URL's host, percent-encoding apart, and between dots that are not at the beginning or doubled.
_is_host = re.compile(
    r"[^\x00-\x20\x7f\"#%/:<>?@\[\\\]^`{|}.]+(?:\.[^\x00-\x20\x7f\"#%/:<>?@\[\\\]^`{|}.]+)*\.?"
).fullmatch

# UTS 46 keeps these four where Unicode's case folding would lose them, and removes what has no shape of its own.
_KEPT = "\u00df\u03c2\u200c\u200d"
_DOTS = str.maketrans(dict.fromkeys("\u3002\uff0e\uff61", "."))
_shapeless = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2064\u206a-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0100-\U000e01ef]"
).sub


def _mapped(host: str) -> str:
    """The host's characters mapped as UTS 46 maps them."""
    text = _shapeless("", host.translate(_DOTS))
    return unicodedata.normalize("NFC", "".join(c if c in _KEPT else _folded(c) for c in text))


def _folded(character: str) -> str:
    if character == "\u1e9e":  # the capital sharp s
        return "\u00df"
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", character.casefold()).casefold())


def _a_label(label: str) -> str | None:
    """The label in ASCII, None when it says that it stands for Unicode text and does not (section 5.1.2)."""
    try:
        if label.startswith("xn--"):
            text = label[4:].encode("ascii").decode("punycode")
            if text.isascii() or _mapped(text) != text:
                return None
        else:
            text = label
        if text.isascii():
            return text
        written = f"xn--{text.encode('punycode').decode('ascii')}"
    except (UnicodeError, OverflowError):
        return None
    if _NO_LETTERS.intersection(map(unicodedata.category, text)) or label not in {text, written}:
        return None
    return written


# Controls, surrogates, private characters and blanks.
_NO_LETTERS = frozenset(("Cc", "Cs", "Co", "Zs", "Zl", "Zp"))


def _v6(address: str) -> str | None:
    try:
        return str(IPv6Address(address.partition("%")[0]))
    except AddressValueError:
        return None


def is_ip(host: str) -> bool:
    """Whether a canonical host is an IP address."""
    if ":" in host:
        return True
    if not host[-1:].isdigit():
        return False
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a canonical host is this very machine, by its name or its address."""
    if host == "localhost" or host.endswith(".localhost") or host == "::1":
        return True
    return host.startswith("127.") and is_ip(host)


def domain_matches(host: str, domain: str) -> bool:
    """Whether a canonical host is within a canonical domain (section 5.1.3)."""
    return host == domain or (host.endswith(f".{domain}") and not is_ip(host))


# --- paths (section 5.1.4) --------------------------------------------------------------------------------------------


def default_path(path: str) -> str:
    """The folder of a URL's path: the path of a cookie that has none of its own."""
    return path[: path.rfind("/")] or "/"


def path_matches(request_path: str, cookie_path: str) -> bool:
    """Whether a request's path is the cookie's or under it. Percent-encoding is text like any other."""
    if not request_path.startswith(cookie_path):
        return False
    return len(request_path) == len(cookie_path) or cookie_path.endswith("/") or request_path[len(cookie_path)] == "/"


# --- addresses --------------------------------------------------------------------------------------------------------

_SCHEMES = {"http": "http", "ws": "http", "https": "https", "wss": "https"}  # what a scheme counts as


class Address(t.NamedTuple):
    """What of a URL matters to cookies. The port does not."""

    scheme: str  # http or https; ws and wss count as them
    host: str  # canonical
    path: str  # begins with a slash

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{self.path}"


@lru_cache(maxsize=1024)
def address_of(url: str) -> Address:
    """The address that a URL stands for.

    :raises ValueError: it is no absolute http, https, ws or wss URL.
    """
    try:
        parts = urlsplit(url)
        scheme, host = _SCHEMES[parts.scheme], canonical_host(parts.hostname or "")
    except (KeyError, ValueError):
        raise _no_address(url) from None
    if host is None:
        raise _no_address(url)
    return Address(scheme, host, _beyond_ascii(_percent_encoded, parts.path) or "/")


def _no_address(url: str) -> ValueError:
    return ValueError(f"{url!r} is no address of a page. Give an absolute URL such as 'https://example.com/'.")


_beyond_ascii = re.compile(r"[^\x00-\x7f]+").sub


def _percent_encoded(found: re.Match[str]) -> str:
    return quote(found[0], errors="replace")


# --- sites ------------------------------------------------------------------------------------------------------------

# The public suffix of a canonical host: "co.uk" of "www.example.co.uk", and of "co.uk" too.
PublicSuffix: t.TypeAlias = Callable[[str], str]


def last_label(host: str) -> str:
    """The public suffix of a host by the one rule that needs no list: its last label.

    Browsers know better: for them `co.uk` and `github.io` are public suffixes as well.
    """
    return host.rpartition(".")[2]


@lru_cache(maxsize=1)
def listed_suffix() -> PublicSuffix:
    """The public suffix by the list that browsers use (https://publicsuffix.org), as `publicsuffixlist` bundles it.

    :raises ImportError: the package is not there.
    """
    try:
        from publicsuffixlist import PublicSuffixList  # noqa: PLC0415  an extra, and 30 ms to read
    except ImportError:
        raise ImportError(
            'The public suffix list is not installed. Write: pip install "tuile[testing]", or give public_suffixes='
            "tuile.user_agent.sites.last_label, which takes the last label of a host for its public suffix."
        ) from None
    suffix = PublicSuffixList().publicsuffix
    return lambda host: suffix(host) or host


class Site(t.NamedTuple):
    """What browsers take for one party: a scheme and a registrable domain."""

    scheme: str
    domain: str

    def __str__(self) -> str:
        return f"{self.scheme}://{f'[{self.domain}]' if ':' in self.domain else self.domain}"


class Sites:
    """Sites by one public suffix list."""

    def __init__(self, public_suffix: PublicSuffix) -> None:
        self._suffix = lru_cache(maxsize=1024)(public_suffix)

    def is_public_suffix(self, domain: str) -> bool:
        """Whether anybody may register names under this canonical domain."""
        if is_ip(domain):
            return False
        name = domain.removesuffix(".")
        return self._suffix(name) == name

    def registrable(self, host: str) -> str:
        """The registrable domain of a canonical host; the host itself where it has none."""
        if is_ip(host) or self.is_public_suffix(host):
            return host
        name = host.removesuffix(".")
        above = name[: -len(self._suffix(name)) - 1]
        return host[above.rfind(".") + 1 :]

    def site(self, address: Address) -> Site:
        """The site of an address."""
        return Site(address.scheme, self.registrable(address.host))

    def same(self, address: Address, url: str, *, schemeful: bool) -> bool:
        """Whether a URL is of the same site as an address; never of an opaque origin, written ``null``."""
        if url == "null":
            return False
        ours, theirs = self.site(address), self.site(address_of(url))
        return ours == theirs if schemeful else ours.domain == theirs.domain


# --- from where a request comes (section 5.2) -------------------------------------------------------------------------

Relation: t.TypeAlias = t.Literal["same-site", "navigation", "cross-site"]


@dataclass(frozen=True)
class Context:
    """From where a request is made. With nothing said: by the user, who typed the address.

    A click on another site's link is ``Context(initiator="https://other.example/")``, an image or a frame in another
    site's page ``Context(top_level_site="https://other.example/")``. Only the sites of the URLs are looked at. A
    reload has the context of the visit that it repeats.

    :param initiator: the page that makes the request, ``null`` for one without an origin of its own (a sandboxed
        frame, a `data:` URL). None: the user; within a page, that page itself.
    :param top_level_site: the page in the address bar while the request is made. None: the request fills the address
        bar itself, so it is a top-level navigation.
    :param cross_site_ancestor: a frame of another site is between the two, as in a page of A that frames B that
        frames A.
    :param redirects: the URLs that answered with a redirect to this one, the first first.
    """

    initiator: str | None = None
    top_level_site: str | None = None
    cross_site_ancestor: bool = False
    redirects: tuple[str, ...] = ()

    def relation(
        self, address: Address, sites: Sites, *, script: bool, schemeful: bool, count_redirects: bool
    ) -> Relation:
        """How the request to an address relates to the site it comes from.

        ``navigation`` is a cross-site one that fills the address bar. A script asks from the page it is in: who made
        the browser load that page does not matter.
        """

        def ours(url: str) -> bool:
            return sites.same(address, url, schemeful=schemeful)

        if self.top_level_site is None:
            if script or ((self.initiator is None or ours(self.initiator)) and self._straight(ours, count_redirects)):
                return "same-site"
            return "navigation"
        if self.cross_site_ancestor or not ours(self.top_level_site):
            return "cross-site"
        if script or ((self.initiator is None or ours(self.initiator)) and self._straight(ours, count_redirects)):
            return "same-site"
        return "cross-site"

    def _straight(self, ours: Callable[[str], bool], count_redirects: bool) -> bool:
        return not count_redirects or all(map(ours, self.redirects))

    def is_third_party(self, address: Address, sites: Sites) -> bool:
        """Whether the address is of another party than the page in the address bar."""
        if self.top_level_site is None:
            return False
        return self.cross_site_ancestor or not sites.same(address, self.top_level_site, schemeful=False)

    def partition(self, address: Address, sites: Sites) -> tuple[str, bool]:
        """The key of what is kept apart here: the site in the address bar, and whether another site is in between."""
        if self.top_level_site is None:
            return str(sites.site(address)), False
        if self.top_level_site == "null":
            return "null", True
        top = sites.site(address_of(self.top_level_site))
        return str(top), self.cross_site_ancestor or top != sites.site(address)


TYPED = Context()  # the user typed the address: what holds where nothing is said
