"""Decide whether a browser keeps the cookie of a Set-Cookie line, by the rules of sections 5.6 and 5.7.

`judge` applies the rules in order. A rule that is broken raises `Refused` with an explanation. Rules that need the
stored cookies are in `jar`, differences between browsers in `browsers`.
"""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timedelta

from .cures import IS_SECURE, OVER_HTTPS, Cure, Refused, Remark
from .dates import EARLIEST, LATEST
from .set_cookie import (
    CURE_FOR_SIZE,
    LAYERED,
    MAX_ATTRIBUTE,
    MAX_PAIR,
    PREFIXES,
    RULE_FOR_SIZE,
    SetCookieLine,
    count_octets,
    find_prefix,
    meant_path,
    split_set_cookie,
)
from .sites import canonicalize_host, default_path, domain_matches, is_ip, is_loopback, parse_address
from .verdicts import StoredCookie, decode_octets, replace_undecodable

if t.TYPE_CHECKING:
    from .browsers import Profile
    from .sites import Address, Context, Relation, Sites


Api: t.TypeAlias = t.Literal["http", "script"]


class Request(t.NamedTuple):
    """The circumstances of a response that sets cookies, or of a request that sends them."""

    address: Address
    now: datetime
    script: bool  # by document.cookie, not by HTTP
    secure: bool  # by a connection that may carry Secure cookies
    relation: Relation
    by_redirect: bool  # whether only a redirect makes it cross-site,
    by_scheme: bool  # or only the scheme
    third_party: bool
    partition: tuple[str, bool]
    sites: Sites
    profile: Profile


def make_request(url: str, *, now: datetime, api: Api, context: Context, sites: Sites, profile: Profile) -> Request:
    """Return the circumstances of a request, a response or a script at a URL.

    Raises:
        ValueError: If the URL is not absolute.
    """
    address = parse_address(url)
    script = api == "script"

    def relation(*, schemeful: bool, redirects: bool) -> Relation:
        return context.relation(address, sites, script=script, schemeful=schemeful, count_redirects=redirects)

    found = relation(schemeful=profile.schemeful, redirects=profile.counts_redirects)
    crosses = found != "same-site"
    return Request(
        address,
        now,
        script,
        address.scheme == "https" or (profile.loopback_is_secure and is_loopback(address.host)),
        found,
        crosses and relation(schemeful=profile.schemeful, redirects=False) == "same-site",
        crosses and relation(schemeful=False, redirects=profile.counts_redirects) == "same-site",
        context.is_third_party(address, sites),
        context.partition(address, sites),
        sites,
        profile,
    )


def split(line: str, profile: Profile) -> SetCookieLine:
    """Split a line as a browser does."""
    return split_set_cookie(line, lone_text_is_name=profile.lone_text_is_name)


def judge(line: str, request: Request) -> tuple[StoredCookie, list[Remark]]:
    """Return the cookie that a browser would store for the line, and remarks about what it ignored in the line.

    Raises:
        Refused: If the browser would not store the cookie.
    """
    notes: list[Remark] = []
    parts = split(line, request.profile)
    _refuse_text(line, parts, request)
    _note_attributes(parts, notes)
    domain, host_only = _domain(parts, request)
    cookie = StoredCookie(
        name=parts.name,
        value=replace_undecodable(parts.value) if request.profile.replaces_undecodable else parts.value,
        domain=domain,
        path=_path(parts, request, notes),
        host_only=host_only,
        secure=_has(parts, "secure", request),
        httponly=_has(parts, "httponly", request),
        samesite=_samesite(parts, request, notes),
        created=request.now,
        expires=_expires(parts, request, notes),
        priority=_PRIORITIES.get((parts.last("priority") or "").lower(), "Medium"),
        partition=_partition(parts, request),
    )
    if request.profile.prefixes_first:
        _refuse_prefix(cookie, parts, request)
    _refuse_insecure(cookie, request)
    _refuse_script(cookie, request)
    _refuse_samesite(cookie, request)
    _refuse_prefix(cookie, parts, request)
    _refuse_partition(cookie, parts, request)
    return cookie, notes


def deletes(parts: SetCookieLine, request: Request) -> bool:
    """Return whether the lifetime of a line has ended, so that it deletes a cookie."""
    end = _expires(parts, request, [])
    return end is not None and end <= request.now


# --- syntax (section 5.6) ---------------------------------------------------------------------------------------------

_ENCODE = "leave it out, or encode it, for example with urllib.parse.quote()"
_control = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search


def _refuse_text(line: str, parts: SetCookieLine, request: Request) -> None:
    found = _control(line)
    if found:
        reason = f"the line has the control character {found[0]!r}"
        raise Refused("5.6 step 1", reason, _ENCODE)
    if not request.profile.keeps_tabs and "\t" in line and _has_inner_tab(parts):
        reason = "it has a tab within its name, its value or an attribute"
        raise Refused("5.6 step 1", reason, _ENCODE)
    if not request.profile.keeps_tabs_in_paths and "\t" in (parts.last("path") or ""):
        raise Refused("5.6 step 1", "it has a tab within its path", _ENCODE)
    size = count_octets(parts.name + parts.value)
    if size > MAX_PAIR:
        raise Refused(RULE_FOR_SIZE, f"name and value have {size} octets, and {MAX_PAIR} is the limit", CURE_FOR_SIZE)
    if size == 0:
        raise Refused("5.7 step 2", "it has neither a name nor a value", "write: NAME=VALUE")
    if not parts.name:
        _refuse_nameless(parts, request.profile)


def _refuse_nameless(parts: SetCookieLine, profile: Profile) -> None:
    if not profile.keeps_nameless:
        raise Refused("4.1.1", "it has no name", "write: NAME=VALUE")
    hidden = find_prefix(parts.value)
    if hidden is not None:
        reason = f"it has no name, and its value would be sent back as a name that begins with {hidden.text}"
        raise Refused("5.7 step 22", reason, "write: NAME=VALUE")
    if "=" in parts.value and not profile.keeps_nameless_with_equals:
        raise Refused("4.1.1", "it has no name, and an equals sign in its value", "write: NAME=VALUE")


def _has_inner_tab(parts: SetCookieLine) -> bool:
    texts = (parts.name, parts.value, *(text for attribute in parts.attributes for text in attribute))
    return any("\t" in text for text in texts)


def _note_attributes(parts: SetCookieLine, notes: list[Remark]) -> None:
    for name, value in parts.attributes:
        if len(value) > MAX_ATTRIBUTE // 4 and count_octets(value) > MAX_ATTRIBUTE:
            reason = f"The attribute {name[:20]!r} is ignored: it is {count_octets(value)} octets"
            notes.append(Remark("5.6 step 6 of the attributes", reason, f"write at most {MAX_ATTRIBUTE}"))
    if parts.name == "" and "=" in parts.value:
        reason = "A cookie without a name comes back as its value alone, here with '=' as if it had one"
        notes.append(Remark("5.8.3", reason, "give it a name: Chromium and Firefox drop it"))


# --- lifetime (sections 5.5, 5.6.1, 5.6.2 and 5.7 step 6) -------------------------------------------------------------


def _expires(parts: SetCookieLine, request: Request, notes: list[Remark]) -> datetime | None:
    """Return when the cookie expires; None if it lasts until the browser is closed."""
    profile = request.profile
    end = _last_good(parts, "max-age", lambda text: _after(text, request), profile, notes)
    if end is None:
        end = _last_good(parts, "expires", profile.read_date, profile, notes)
    if end is None:
        return None
    longest_s = profile.longest_script_life_s if request.script else profile.longest_life_s
    try:
        latest = request.now + timedelta(seconds=longest_s)
    except OverflowError:
        return end
    if end <= latest:
        return end
    if end - latest > timedelta(minutes=1):
        reason = f"{profile.called} limits its lifetime to {longest_s // 86_400} days"
        notes.append(Remark("5.5", reason, f"write: max_age={longest_s} at most, and set it again on later visits"))
    return latest


def _after(text: str, request: Request) -> datetime | None:
    """Return the time that a Max-Age stands for; None if it is malformed."""
    if not request.profile.max_age_form.fullmatch(text):
        return None
    digits = text.lstrip("+0")
    if text.startswith("-") or not digits:
        return EARLIEST
    # The caller cuts long lifetimes, so the exact value of a huge number does not matter.
    seconds = int(digits) if len(digits) < 12 else 10**11
    try:
        return request.now + timedelta(seconds=seconds)
    except OverflowError:
        return LATEST


def _last_good(
    parts: SetCookieLine,
    attribute: str,
    read: t.Callable[[str], datetime | None],
    profile: Profile,
    notes: list[Remark],
) -> datetime | None:
    """Return the time that the last usable attribute of this name gives."""
    for name, text in reversed(parts.attributes):
        if name == attribute and count_octets(text) <= MAX_ATTRIBUTE:
            moment = read(text)
            if moment is not None:
                return moment
            notes.append(_LIFETIME_NOTES[attribute](text))
            if profile.last_lifetime_counts:
                return None
    return None


_LIFETIME_NOTES: dict[str, t.Callable[[str], Remark]] = {
    "max-age": lambda text: Remark(
        "5.6.2", f"Max-Age={text[:40]} is ignored: it is not a number of seconds", "write: max_age=3600"
    ),
    "expires": lambda text: Remark(
        "5.6.1", f"Expires={text[:40]} is ignored: it is not a date", "write: max_age=3600, which needs none"
    ),
}


# --- domain and path (sections 5.6.3 and 5.7 steps 7 to 11) -----------------------------------------------------------


def _domain(parts: SetCookieLine, request: Request) -> tuple[str, bool]:
    """Return the domain of the cookie, and whether the cookie is for that host only."""
    given = parts.last("domain")
    host = request.address.host
    if not given or (given == "." and request.profile.lone_dot_is_no_domain):
        return host, True
    without = f"leave out Domain, so that it is for {host} only"
    if not given.isascii() and not request.profile.unicode_domains:
        raise Refused("5.7 step 8", f"Domain={given[:60]} is not ASCII", f"write its A-labels (xn--...), or {without}")
    # An IPv6 address has brackets, as in the URL.
    bare = ":" in given and not given.startswith("[")
    text = decode_octets(given.removeprefix("."))
    # Octets that are not UTF-8 come back unchanged.
    domain = None if bare or (text in given and not text.isascii()) else canonicalize_host(text)
    if domain is not None and domain == host and is_ip(host):
        return host, True
    if domain is not None and request.sites.is_public_suffix(domain):
        if domain == host:
            return host, True
        reason = f"Domain={domain} is a public suffix: it would reach all sites below it"
        if domain in {"http", "https"}:
            reason = f"Domain={domain} is what is left of a URL, and a domain is a host name"
        raise Refused("5.7 step 9", reason, _cure_for_domain(request))
    if domain is None or not domain_matches(host, domain):
        reason = f"Domain={given[:60]} does not cover {host}, which sets it"
        raise Refused("5.7 step 10", reason, _cure_for_domain(request))
    return domain, False


def _cure_for_domain(request: Request) -> str | Cure:
    host = request.address.host
    registrable = request.sites.registrable(host)
    cure = f"leave out domain, so that it is for {host} only"
    if is_ip(host) or request.sites.is_public_suffix(registrable):
        return cure
    return Cure({"domain": registrable}, cure, f"{cure}, or ", f", which covers {registrable} and all hosts below it")


def _path(parts: SetCookieLine, request: Request, notes: list[Remark]) -> str:
    """Return the path under which the cookie is sent (section 5.6.4; section 5.7, step 11)."""
    given = parts.last("path")
    if given is not None and given.startswith("/"):
        return given
    path = default_path(request.address.path)
    if given:
        reason = f"Path={given[:40]} is ignored, as it does not begin with a slash: the cookie is for {path}"
        cure = Cure({"path": meant_path(decode_octets(given)[:40])}, "write a path that begins with a slash")
        notes.append(Remark("5.6.4", reason, cure))
    return path


# --- security attributes ----------------------------------------------------------------------------------------------

_SAMESITES: dict[str, t.Literal["Strict", "Lax", "None"]] = {"strict": "Strict", "lax": "Lax", "none": "None"}
_UNRESTRICTED: dict[str, object] = {"samesite": "None", "secure": True}
_PRIORITIES: dict[str, t.Literal["Low", "Medium", "High"]] = {"low": "Low", "medium": "Medium", "high": "High"}


def _has(parts: SetCookieLine, flag: str, request: Request) -> bool:
    return parts.has(flag, of_any_length=request.profile.flags_of_any_length)


def _samesite(
    parts: SetCookieLine, request: Request, notes: list[Remark]
) -> t.Literal["Strict", "Lax", "None", "Default"]:
    given = parts.last("samesite", of_any_length=request.profile.flags_of_any_length)
    if given is None:
        return "Default"
    known = _SAMESITES.get(given.lower())
    if known is None:
        reason = f"SameSite={given[:20]} is ignored: it is not one of Strict, Lax and None"
        wanted = _UNRESTRICTED if request.relation == "cross-site" else {"samesite": "Lax"}
        notes.append(Remark("5.6.7", reason, Cure(wanted, "write one of the three, or leave SameSite out")))
    return known or "Default"


_NONE = "SameSite=None"


def _refuse_insecure(cookie: StoredCookie, request: Request) -> None:
    if cookie.secure and not request.secure:
        reason = f"it is Secure, and {request.address} is not a secure connection"
        if is_loopback(request.address.host):
            reason += ", although Chromium and Firefox trust the local machine"
        raise Refused("5.7 step 13", reason, Cure({"secure": IS_SECURE}, OVER_HTTPS, f"{OVER_HTTPS}, or "))


def _refuse_script(cookie: StoredCookie, request: Request) -> None:
    if cookie.httponly and request.script:
        reason = "it is HttpOnly, and a script sets it"
        raise Refused("5.7 step 15", reason, "set it on the server, or leave HttpOnly out")


def _refuse_samesite(cookie: StoredCookie, request: Request) -> None:
    explicit = cookie.samesite != "Default"
    samesite = cookie.samesite if explicit else request.profile.samesite_by_default
    if samesite != "None" and request.relation == "cross-site" and not request.by_redirect:
        which = f"it is SameSite={samesite}" if explicit else f"without SameSite it counts as {samesite}"
        reason = (
            f"{which}, and {request.address} answers a request from another site that is not a top-level navigation"
        )
        raise Refused("5.7 step 18", reason, Cure(_UNRESTRICTED, f"{OVER_HTTPS}: only Secure cookies can be {_NONE}"))
    if cookie.samesite == "None" and not cookie.secure and request.profile.none_needs_secure:
        reason = "it is SameSite=None and not Secure"
        raise Refused("5.7 step 19", reason, Cure(_UNRESTRICTED, f"{OVER_HTTPS}, or leave {_NONE} out"))


def _refuse_prefix(cookie: StoredCookie, parts: SetCookieLine, request: Request) -> None:
    profile = request.profile
    prefix = find_prefix(cookie.name, any_case=profile.prefixes_in_any_case)
    if prefix is not None and prefix.http and not profile.http_prefixes:
        # A browser that does not know the HTTP prefixes treats __Host-Http- as __Host-.
        prefix = PREFIXES[1] if prefix.host else None
    if prefix is None:
        return
    domain = parts.last("domain")
    has_domain = not cookie.host_only
    if profile.host_prefix_bars_domain and domain:
        has_domain = not is_ip(cookie.domain) or domain not in {cookie.domain, f"[{cookie.domain}]"}
    path = cookie.path if parts.last("path") or not profile.host_prefix_needs_path else None
    faults = prefix.faults(cookie.secure, cookie.httponly, has_domain, path)
    if not faults and not request.secure:
        faults = f"{request.address} is not a secure connection"
    if faults:
        reason = f"its name begins with {cookie.name[: len(prefix.text)]}, and {faults}"
        instead = f"{OVER_HTTPS}, or give it a name without this prefix"
        raise Refused(prefix.rule, reason, Cure(prefix.arguments(), instead))


# --- partitions and third parties (layered-cookies, section 7.1) ------------------------------------------------------


def _partition(parts: SetCookieLine, request: Request) -> tuple[str, bool] | None:
    apart = _has(parts, "partitioned", request) or (
        request.third_party and request.profile.third_party == "partitioned"
    )
    return request.partition if apart else None


def _refuse_partition(cookie: StoredCookie, parts: SetCookieLine, request: Request) -> None:
    partitioned = _has(parts, "partitioned", request)
    if partitioned and not cookie.secure and request.profile.partitioned_needs_secure:
        cure = Cure({"partitioned": True, "secure": True}, f"{OVER_HTTPS}, or leave Partitioned out")
        raise Refused(LAYERED, "it is Partitioned and not Secure", cure)
    if request.third_party and not partitioned and request.profile.third_party == "refused":
        reason = f"{request.address.host} is a third party here, and third parties may only have Partitioned cookies"
        instead = f"{OVER_HTTPS}: only Secure cookies can be Partitioned"
        raise Refused("7.1", reason, Cure({**_UNRESTRICTED, "partitioned": True}, instead))
