"""List how browsers differ from the cookie standard.

A profile is the standard with the differences of one browser applied. Each difference has its source and the date it
was checked.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace

from .dates import DateReader, read_chromium_date, read_cookie_date

DAY_S = 86_400


@dataclass(frozen=True)
class Profile:
    """How one browser treats cookies. The defaults are those of the standard, where it has any."""

    name: str
    called: str  # in a sentence

    # reading a line (section 5.6)
    keeps_tabs: bool = True  # HTAB within a name, value or attribute
    read_date: DateReader = read_cookie_date
    max_age_form: re.Pattern[str] = re.compile(r"-?[0-9]+")
    last_lifetime_counts: bool = False  # a malformed Max-Age or Expires cancels a valid one before it
    unicode_domains: bool = False  # a Domain beyond ASCII is mapped to A-labels, not refused
    lone_dot_is_no_domain: bool = True  # Domain=. is the same as none

    # keeping a cookie (section 5.7)
    loopback_is_secure: bool = False  # http://localhost may set and read Secure cookies
    none_needs_secure: bool = True
    partitioned_needs_secure: bool = False
    prefixes_in_any_case: bool = True
    http_prefixes: bool = True  # __Http- and __Host-Http-
    host_prefix_bars_domain: bool = False  # even one that equals the host
    longest_life_s: int = 400 * DAY_S
    longest_script_life_s: int = 400 * DAY_S
    new_value_is_new: bool = False  # an update with another value gets a new creation time

    # where requests come from (sections 5.2, 5.6.7, 7.1)
    samesite_by_default: t.Literal["Lax", "None"] = "Lax"
    lax_allows_unsafe_s: int = 0  # how long cross-site forms send a new cookie without SameSite
    schemeful: bool = True  # http and https of one domain are different sites
    counts_redirects: bool = False  # a redirect through another site makes a request cross-site
    third_party: t.Literal["kept", "partitioned", "refused"] = "kept"  # cookies without Partitioned

    # limits (sections 5.7 and 6.1): the most cookies, and how many are left after eviction
    per_domain: tuple[int, int] = (50, 50)
    total: tuple[int, int] = (3000, 3000)
    per_partition_octets: int = 0  # of names and values, per domain in a partition; 0: no limit
    counts_by_site: bool = False  # the limit is per registrable domain, not per Domain
    total_spares_s: int = 0  # cookies used within this time are not evicted for the total limit
    evicts_by_priority: bool = False


class Difference(t.NamedTuple):
    """One setting in which a browser differs from the standard."""

    profile: str
    setting: str
    value: t.Any
    says: str
    source: str
    checked: str  # the day, as YYYY-MM-DD


_CHROMIUM = "Chromium 156, by tests/browser/test_jar_against_chromium.py"
_FIREFOX = "mozilla-firefox/firefox netwerk/cookie/"
_BCD = "https://github.com/mdn/browser-compat-data http.headers.Set-Cookie"
_SEEN = "2026-11-20"

DIFFERENCES: tuple[Difference, ...] = (
    # --- Chromium -----------------------------------------------------------------------------------------------------
    Difference(
        "chromium",
        "keeps_tabs",
        False,
        "a tab within a name, a value or an attribute drops the cookie",
        _CHROMIUM,
        _SEEN,
    ),
    Difference(
        "chromium",
        "read_date",
        read_chromium_date,
        "a date before 1601 is in the past; digits with a suffix, as in 10th, are not a field",
        _CHROMIUM,
        _SEEN,
    ),
    Difference("chromium", "max_age_form", re.compile(r"[+-]?[0-9]+"), "Max-Age=+5 is 5", _CHROMIUM, _SEEN),
    Difference(
        "chromium",
        "last_lifetime_counts",
        True,
        "the last Max-Age counts, then the last Expires; a malformed one is ignored",
        _CHROMIUM,
        _SEEN,
    ),
    Difference("chromium", "unicode_domains", True, "a Domain in UTF-8 is mapped to A-labels", _CHROMIUM, _SEEN),
    Difference("chromium", "lone_dot_is_no_domain", False, "Domain=. drops the cookie", _CHROMIUM, _SEEN),
    Difference(
        "chromium", "loopback_is_secure", True, "localhost, *.localhost and 127.0.0.0/8 are secure", _CHROMIUM, _SEEN
    ),
    Difference(
        "chromium", "partitioned_needs_secure", True, "Partitioned without Secure drops the cookie", _CHROMIUM, _SEEN
    ),
    Difference(
        "chromium",
        "host_prefix_bars_domain",
        True,
        "__Host- with Domain=localhost on localhost drops the cookie; an IP address may be named",
        _CHROMIUM,
        _SEEN,
    ),
    Difference(
        "chromium",
        "new_value_is_new",
        True,
        "only an update with the same value keeps the creation time",
        _CHROMIUM,
        _SEEN,
    ),
    Difference(
        "chromium",
        "lax_allows_unsafe_s",
        120,
        "for two minutes, a cookie without SameSite is sent with cross-site POSTs that navigate the address bar",
        "https://www.chromium.org/updates/same-site/faq, and net/cookies/canonical_cookie.cc",
        _SEEN,
    ),
    Difference(
        "chromium", "per_domain", (180, 150), "more than 180 cookies of one site are cut to 150", _CHROMIUM, _SEEN
    ),
    Difference("chromium", "counts_by_site", True, "the limit is per registrable domain", _CHROMIUM, _SEEN),
    Difference(
        "chromium", "evicts_by_priority", True, "Low goes first, and each priority has a quota", _CHROMIUM, _SEEN
    ),
    Difference(
        "chromium",
        "per_partition_octets",
        10_240,
        "at most ten kilobytes of one site in one partition",
        "https://github.com/privacycg/CHIPS/pull/59, and the test against Chromium",
        _SEEN,
    ),
    Difference(
        "chromium", "total", (3300, 3000), "more than 3300 are cut to 3000", "net/cookies/cookie_monster.cc", _SEEN
    ),
    Difference(
        "chromium",
        "total_spares_s",
        30 * DAY_S,
        "cookies used within 30 days are spared",
        "net/cookies/cookie_monster.cc",
        _SEEN,
    ),
    # --- Firefox ------------------------------------------------------------------------------------------------------
    Difference(
        "firefox",
        "samesite_by_default",
        "None",
        "a cookie without SameSite is sent everywhere",
        f"{_BCD}.SameSite.Lax_default (a preference, off)",
        _SEEN,
    ),
    Difference("firefox", "schemeful", False, "http and https are one site", f"{_BCD}.SameSite.schemeful", _SEEN),
    Difference(
        "firefox",
        "third_party",
        "partitioned",
        "third parties get separate cookies for each site in the address bar (Total Cookie Protection)",
        "https://blog.mozilla.org/en/products/firefox/firefox-rolls-out-total-cookie-protection-by-default-to-all-users-worldwide/",
        _SEEN,
    ),
    Difference(
        "firefox",
        "loopback_is_secure",
        True,
        "localhost, *.localhost and 127.0.0.0/8 are secure",
        f"{_FIREFOX}CookieValidation.cpp (potentially trustworthy)",
        _SEEN,
    ),
    Difference(
        "firefox",
        "partitioned_needs_secure",
        True,
        "Partitioned without Secure drops the cookie",
        f"{_FIREFOX}CookieValidation.cpp (from 141 on)",
        _SEEN,
    ),
    Difference(
        "firefox",
        "max_age_form",
        re.compile(r"-.*|[0-9]+"),
        "anything that begins with a minus sign deletes",
        f"{_FIREFOX}CookieParser.cpp",
        _SEEN,
    ),
    Difference(
        "firefox",
        "last_lifetime_counts",
        True,
        "the last Max-Age counts, then the last Expires; a malformed one is ignored",
        f"{_FIREFOX}CookieParser.cpp",
        _SEEN,
    ),
    Difference(
        "firefox",
        "lone_dot_is_no_domain",
        False,
        "Domain=. drops the cookie",
        f"{_FIREFOX}CookieParser.cpp",
        _SEEN,
    ),
    Difference(
        "firefox",
        "per_domain",
        (180, 150),
        "more than 180 cookies of one site are cut to 150",
        "modules/libpref/init/all.js (network.cookie.maxPerHost, network.cookie.quotaPerHost)",
        _SEEN,
    ),
    Difference(
        "firefox",
        "counts_by_site",
        True,
        "the limit is per registrable domain",
        f"{_FIREFOX}CookieStorage.cpp",
        _SEEN,
    ),
    Difference(
        "firefox",
        "total",
        (3300, 3000),
        "more than 3300 are cut to 3000",
        f"{_FIREFOX}CookieStorage.cpp (network.cookie.maxNumber)",
        _SEEN,
    ),
    Difference(
        "firefox",
        "total_spares_s",
        30 * DAY_S,
        "cookies used within 30 days are spared",
        f"{_FIREFOX}CookieStorage.cpp (network.cookie.purgeAge)",
        _SEEN,
    ),
    # --- Safari -------------------------------------------------------------------------------------------------------
    Difference(
        "safari",
        "samesite_by_default",
        "None",
        "a cookie without SameSite counts as None",
        f"{_BCD}.SameSite.Lax_default",
        _SEEN,
    ),
    Difference(
        "safari",
        "none_needs_secure",
        False,
        "SameSite=None is kept without Secure",
        f"{_BCD}.SameSite.none_requires_secure",
        _SEEN,
    ),
    Difference("safari", "schemeful", False, "http and https are one site", f"{_BCD}.SameSite.schemeful", _SEEN),
    Difference(
        "safari",
        "counts_redirects",
        True,
        "a redirect by another site withholds Strict cookies",
        "https://github.com/httpwg/http-extensions/issues/889 (WebKit's tests)",
        _SEEN,
    ),
    Difference(
        "safari",
        "third_party",
        "refused",
        "third parties have no cookies except Partitioned ones (from 26.2 on)",
        f"https://webkit.org/blog/10218/full-third-party-cookie-blocking-and-more/, {_BCD}.Partitioned",
        _SEEN,
    ),
    Difference(
        "safari",
        "prefixes_in_any_case",
        False,
        "__host- and __SECURE- are ordinary names",
        "https://github.com/WebKit/WebKit/pull/72339 (open on 2026-08-24)",
        _SEEN,
    ),
    Difference(
        "safari",
        "http_prefixes",
        False,
        "__Http- and __Host-Http- are ordinary names",
        "https://github.com/WebKit/WebKit/pull/72339 (open on 2026-08-24)",
        _SEEN,
    ),
    Difference(
        "safari",
        "longest_script_life_s",
        7 * DAY_S,
        "cookies set by scripts live for seven days at most",
        "https://webkit.org/blog/8613/intelligent-tracking-prevention-2-1/",
        _SEEN,
    ),
)


def _profile(name: str, called: str) -> Profile:
    rows = {row.setting: row.value for row in DIFFERENCES if row.profile == name}
    return replace(Profile(name, called), **rows)


PROFILES: dict[str, Profile] = {
    name: _profile(name, called)
    for name, called in (
        ("rfc6265bis", "A browser"),
        ("chromium", "Chromium"),
        ("firefox", "Firefox"),
        ("safari", "Safari"),
    )
}
