"""List how browsers differ from the cookie standard.

A profile is the standard with the differences of one browser applied. Each difference has its source and the date it
was checked.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace

from .dates import DateReader, read_cookie_date
from .differences import DAY_S, DIFFERENCES


@dataclass(frozen=True)
class Profile:
    """How one browser treats cookies. The defaults are those of the standard, where it has any."""

    name: str
    called: str  # in a sentence

    # reading a line (section 5.6)
    keeps_tabs: bool = True  # HTAB within a name, value or attribute
    keeps_tabs_in_paths: bool = True
    lone_text_is_name: bool = False  # a line without an equals sign is a name, not a value
    keeps_nameless: bool = True
    keeps_nameless_with_equals: bool = True
    replaces_undecodable: bool = False  # octets of a value that are not UTF-8 become U+FFFD
    keeps_lone_surrogates: bool = False  # half a surrogate pair from a script becomes three octets
    hides_undecodable: bool = False  # a script reads nothing if a cookie is not UTF-8
    flags_of_any_length: bool = False  # the limit for attributes does not apply to flags and SameSite
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
    prefixes_first: bool = False  # the rules for prefixes are applied before that for Secure
    host_prefix_needs_path: bool = True  # even if the folder of the URL is /
    secure_protects_host_only: bool = True  # a Secure cookie of one host from insecure ones of a host below it
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
    per_partition_octets: tuple[int, int] = (0, 0)  # of names and values, per domain in a partition; 0: no limit
    partitions_like_others: bool = False  # the limit of cookies of a domain, and how many are left, within a partition
    insecure_never_evicts_secure: bool = False  # a new cookie without Secure is dropped instead
    expired_count: bool = False  # expired cookies count until they are evicted
    counts_by_site: bool = False  # the limit is per registrable domain, not per Domain
    total_spares_s: int = 0  # cookies used within this time are not evicted for the total limit
    evicts_by_priority: bool = False


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
