"""Compare hosts, paths and sites as browsers do, and classify requests as same-site or cross-site (section 5.2).

Host names beyond ASCII are mapped by UTS 46, not transitional. Python's `idna` codec does not serve: it implements
IDNA 2003, which turns `straße` into `strasse` and knows no character that is newer than 2002.
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

from ..remember import remembers_short

# --- hosts (section 5.1.2) --------------------------------------------------------------------------------------------


@remembers_short(1024)
def canonicalize_host(host: str) -> str | None:
    """Return the host in the form used for comparison; None if it is not a valid host.

    That form is lower case and ASCII, with one spelling for each IP address (section 5.1.2).

    Args:
        host: A host as in a URL or a `Domain`. An IPv6 address may have brackets.
    """
    text = host.lower() if host.isascii() else _mapped(host)
    if ":" in text:
        return _v6(text[1:-1] if text.startswith("[") and text.endswith("]") else text)
    if "xn--" not in text and text.isascii():
        return text if _is_host(text) else None
    labels = [_a_label(label) for label in text.split(".")]
    canonical = ".".join(label or "" for label in labels)
    return canonical if None not in labels and _is_host(canonical) else None


# The characters that a host may have, without percent-encoding, and no empty labels.
_is_host = re.compile(
    r"[^\x00-\x20\x7f\"#%/:<>?@\[\\\]^`{|}.]+(?:\.[^\x00-\x20\x7f\"#%/:<>?@\[\\\]^`{|}.]+)*\.?"
).fullmatch

# UTS 46 keeps these four characters, which case folding would lose, and removes invisible ones.
_KEPT = "\u00df\u03c2\u200c\u200d"
_DOTS = str.maketrans(dict.fromkeys("\u3002\uff0e\uff61", "."))
_shapeless = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2064\u206a-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0100-\U000e01ef]"
).sub


def _mapped(host: str) -> str:
    """Map the characters of a host by UTS 46."""
    text = _shapeless("", host.translate(_DOTS))
    return unicodedata.normalize("NFC", "".join(c if c in _KEPT else _folded(c) for c in text))


def _folded(character: str) -> str:
    if character == "\u1e9e":  # the capital sharp s
        return "\u00df"
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", character.casefold()).casefold())


def _a_label(label: str) -> str | None:
    """Return the label in ASCII; None for an `xn--` label that is not valid (section 5.1.2)."""
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


# Control characters, surrogates, private-use characters and spaces.
_NO_LETTERS = frozenset(("Cc", "Cs", "Co", "Zs", "Zl", "Zp"))


def _v6(address: str) -> str | None:
    try:
        return str(IPv6Address(address.partition("%")[0]))
    except AddressValueError:
        return None


def is_ip(host: str) -> bool:
    """Return whether a canonical host is an IP address."""
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
    """Return whether a canonical host is the local machine, by name or by address."""
    if host == "localhost" or host.endswith(".localhost") or host == "::1":
        return True
    return host.startswith("127.") and is_ip(host)


def domain_matches(host: str, domain: str) -> bool:
    """Return whether a canonical host is a canonical domain or below it (section 5.1.3)."""
    return host == domain or (host.endswith(f".{domain}") and not is_ip(host))


# --- paths (section 5.1.4) --------------------------------------------------------------------------------------------


def default_path(path: str) -> str:
    """Return the path of a cookie that gives none: the folder of the URL's path (section 5.1.4)."""
    return path[: path.rfind("/")] or "/"


def path_matches(request_path: str, cookie_path: str) -> bool:
    """Return whether the request's path equals the cookie's path or is below it, without decoding percent-encoding."""
    if not request_path.startswith(cookie_path):
        return False
    return len(request_path) == len(cookie_path) or cookie_path.endswith("/") or request_path[len(cookie_path)] == "/"


# --- addresses --------------------------------------------------------------------------------------------------------

_SCHEMES = {"http": "http", "ws": "http", "https": "https", "wss": "https"}  # what a scheme counts as


class Address(t.NamedTuple):
    """The parts of a URL that matter to cookies. The port does not."""

    scheme: str  # http or https; ws and wss count as them
    host: str  # canonical
    path: str  # begins with a slash

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{self.path}"


@remembers_short(1024)
def parse_address(url: str) -> Address:
    """Parse a URL.

    Raises:
        ValueError: If it is not an absolute http, https, ws or wss URL.
    """
    try:
        parts = urlsplit(url)
        scheme, host = _SCHEMES[parts.scheme], canonicalize_host(parts.hostname or "")
    except (KeyError, ValueError):
        raise _no_address(url) from None
    if host is None:
        raise _no_address(url)
    return Address(scheme, host, _beyond_ascii(_percent_encoded, parts.path) or "/")


def _no_address(url: str) -> ValueError:
    return ValueError(f"{url!r} is not an absolute URL. Use one such as 'https://example.com/'.")


_beyond_ascii = re.compile(r"[^\x00-\x7f]+").sub


def _percent_encoded(found: re.Match[str]) -> str:
    return quote(found[0], errors="replace")


# --- sites ------------------------------------------------------------------------------------------------------------

# Returns the public suffix of a canonical host: "co.uk" for "www.example.co.uk", and for "co.uk" itself.
PublicSuffix: t.TypeAlias = Callable[[str], str]


def last_label(host: str) -> str:
    """Return the last label of a host as its public suffix, the rule that needs no list.

    Browsers use a list, by which `co.uk` and `github.io` are public suffixes as well.
    """
    return host.rpartition(".")[2]


@lru_cache(maxsize=1)
def load_public_suffixes() -> PublicSuffix:
    """Return a function that looks up public suffixes in the list that browsers use (https://publicsuffix.org).

    Raises:
        ImportError: If the package `publicsuffixlist` is not installed.
    """
    try:
        from publicsuffixlist import PublicSuffixList  # noqa: PLC0415  an extra, and 30 ms to read
    except ImportError:
        raise ImportError(
            'The public suffix list is not installed. Run: pip install "tuile[testing]", or pass public_suffixes='
            "tuile.user_agent.sites.last_label, which treats the last label of a host as its public suffix."
        ) from None
    suffix = PublicSuffixList().publicsuffix
    return lambda host: suffix(host) or host


class Site(t.NamedTuple):
    """A scheme and a registrable domain, which browsers treat as one party."""

    scheme: str
    domain: str

    def __str__(self) -> str:
        return f"{self.scheme}://{f'[{self.domain}]' if ':' in self.domain else self.domain}"


class Sites:
    """Compute sites from a function that returns public suffixes."""

    def __init__(self, public_suffix: PublicSuffix) -> None:
        self._suffix = remembers_short(1024)(public_suffix)

    def is_public_suffix(self, domain: str) -> bool:
        """Return whether anyone may register names below this canonical domain."""
        if is_ip(domain):
            return False
        name = domain.removesuffix(".")
        return self._suffix(name) == name

    def registrable(self, host: str) -> str:
        """Return the registrable domain of a canonical host, or the host itself if it has none."""
        if is_ip(host) or self.is_public_suffix(host):
            return host
        name = host.removesuffix(".")
        above = name[: -len(self._suffix(name)) - 1]
        return host[above.rfind(".") + 1 :]

    def site(self, address: Address) -> Site:
        """Return the site of an address."""
        return Site(address.scheme, self.registrable(address.host))

    def same(self, address: Address, url: str, *, schemeful: bool) -> bool:
        """Return whether a URL has the same site as an address. An opaque origin, written ``null``, never has."""
        if url == "null":
            return False
        ours, theirs = self.site(address), self.site(parse_address(url))
        return ours == theirs if schemeful else ours.domain == theirs.domain


# --- where a request comes from (section 5.2) -------------------------------------------------------------------------

Relation: t.TypeAlias = t.Literal["same-site", "navigation", "cross-site"]


@dataclass(frozen=True)
class Context:
    """Where a request comes from. By default, from a user who typed the address.

    A click on a link of another site is ``Context(initiator="https://other.example/")``; an image or a frame in a page
    of another site is ``Context(top_level_site="https://other.example/")``. Only the sites of the URLs matter. A
    reload has the context of the visit that it repeats.

    Args:
        initiator: The page that makes the request; ``null`` for a page with an opaque origin (a sandboxed frame, a
            `data:` URL). None: the user, or, within a page, that page.
        top_level_site: The page in the address bar during the request. None: the request is a top-level navigation.
        cross_site_ancestor: Whether a frame of another site is between the two, as when a page of A frames B, which
            frames A.
        redirects: The URLs that redirected to this one, in order.
    """

    initiator: str | None = None
    top_level_site: str | None = None
    cross_site_ancestor: bool = False
    redirects: tuple[str, ...] = ()

    def relation(
        self, address: Address, sites: Sites, *, script: bool, schemeful: bool, count_redirects: bool
    ) -> Relation:
        """Return how the request relates to the site that it comes from.

        ``navigation`` is a cross-site request that fills the address bar. For a script, only the page that runs it
        counts, not what made the browser load that page.
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
        """Return whether the address belongs to another party than the page in the address bar."""
        if self.top_level_site is None:
            return False
        if self.cross_site_ancestor or not sites.same(address, self.top_level_site, schemeful=False):
            return True
        # The request of a foreign frame within a page of its own.
        return self.initiator is not None and not sites.same(address, self.initiator, schemeful=False)

    def partition(self, address: Address, sites: Sites) -> tuple[str, bool]:
        """Return the partition key: the site in the address bar, and whether another site is in between."""
        if self.top_level_site is None:
            return str(sites.site(address)), False
        if self.top_level_site == "null":
            return "null", True
        top = sites.site(parse_address(self.top_level_site))
        foreign = self.initiator == "null" or (
            self.initiator is not None and sites.site(parse_address(self.initiator)) != top
        )
        return str(top), self.cross_site_ancestor or foreign or top != sites.site(address)


TYPED = Context()  # the user typed the address
