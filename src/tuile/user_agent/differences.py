"""List how browsers differ from the cookie standard, setting by setting. `browsers` has the settings.

Each row has its source, and the day on which it was compared with that. Chromium and Firefox are compared by
tests/browser as well; Safari's rows are from sources only.
"""

from __future__ import annotations

import re
import typing as t

from .dates import read_chromium_date
from .firefox_dates import read_firefox_date

DAY_S = 86_400


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
_DATES = "mozilla-firefox/firefox nsprpub/pr/src/misc/prtime.c (PR_ParseTimeString)"
_BY_TEST = "Firefox ESR 153, by tests/browser/compare.py"
_SEEN, _READ = "2026-11-20", "2026-11-28"

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
        (10_240, 10_240),
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
    Difference(
        "chromium",
        "prefixes_first",
        True,
        "over http, it is the prefix that is said to be wrong, not Secure",
        "Chromium 156, by tests/browser/compare.py",
        _READ,
    ),
    Difference(
        "chromium",
        "keeps_nameless_with_equals",
        False,
        "a cookie without a name and with an equals sign in its value is dropped",
        "Chromium 156, by tests/browser/compare.py (Chromium 147 kept it, as the standard does)",
        _READ,
    ),
    Difference(
        "chromium",
        "keeps_lone_surrogates",
        True,
        "half a surrogate pair from a script is sent as three octets",
        "Chromium 156, by tests/browser/compare.py",
        _READ,
    ),
    Difference(
        "chromium",
        "hides_undecodable",
        True,
        "document.cookie is empty if it would contain octets that are not UTF-8",
        "Chromium 156, by tests/browser/compare.py",
        _READ,
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
    Difference(
        "firefox", "read_date", read_firefox_date, "dates are read leniently, with time zones and PM", _DATES, _READ
    ),
    Difference("firefox", "lone_text_is_name", True, "a line a is a cookie a= with an empty value", _BY_TEST, _READ),
    Difference("firefox", "keeps_nameless", False, "a cookie without a name is dropped", _BY_TEST, _READ),
    Difference(
        "firefox",
        "keeps_tabs_in_paths",
        False,
        "a tab within a path drops the cookie",
        f"{_FIREFOX}CookieValidation.cpp (eRejectedInvalidPath)",
        _READ,
    ),
    Difference(
        "firefox",
        "flags_of_any_length",
        True,
        "a flag counts, and a SameSite is unknown, however long its value is",
        f"{_FIREFOX}CookieParser.cpp (ParseAttributes)",
        _READ,
    ),
    Difference(
        "firefox",
        "host_prefix_needs_path",
        False,
        "__Host- without Path is kept if the folder of the URL is /",
        f"{_FIREFOX}CookiePrefixes.cpp",
        _READ,
    ),
    Difference(
        "firefox",
        "secure_protects_host_only",
        False,
        "a Secure cookie of one host does not protect its name on hosts below it",
        f"{_FIREFOX}CookieStorage.cpp (FindSecureCookie)",
        _READ,
    ),
    Difference(
        "firefox",
        "counts_redirects",
        True,
        "a redirect by another site withholds Strict cookies, and Lax ones from all but links",
        f"{_FIREFOX}CookieCommons.cpp (IsSameSiteForeign)",
        _READ,
    ),
    Difference(
        "firefox",
        "per_partition_octets",
        (12_288, 10_240),
        "more than twelve kilobytes of one site in one partition are cut to ten",
        f"{_FIREFOX}CookieStorage.cpp (kChipsHardLimitFactor)",
        _READ,
    ),
    Difference(
        "firefox",
        "partitions_like_others",
        True,
        "more than 180 cookies of one site in a partition are cut to 150",
        f"{_FIREFOX}CookieStorage.cpp (AddCookie)",
        _READ,
    ),
    Difference(
        "firefox",
        "insecure_never_evicts_secure",
        True,
        "if all cookies of a site are Secure, a new one without Secure is dropped",
        f"{_FIREFOX}CookieStorage.cpp (FindStaleCookies)",
        _READ,
    ),
    Difference(
        "firefox",
        "expired_count",
        True,
        "expired cookies count for the limits, and are evicted first",
        f"{_FIREFOX}CookieStorage.cpp (CountCookiesFromHost, FindStaleCookies)",
        _READ,
    ),
    Difference(
        "firefox",
        "prefixes_first",
        True,
        "over http, it is the prefix that is said to be wrong, not Secure",
        f"{_FIREFOX}CookieValidation.cpp (ValidateForHostInternal)",
        _READ,
    ),
    Difference(
        "firefox",
        "replaces_undecodable",
        True,
        "octets of a value that are not UTF-8 become U+FFFD, in UTF-8",
        _BY_TEST,
        _READ,
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
