"""Find mistakes in the Set-Cookie lines of one response, besides cookies that browsers drop.

Sections are those of RFC 6265bis; P-numbers those of its requirements for servers. What browsers drop is decided in
`user_agent.rules`, and `checks` reports the notes.
"""

from __future__ import annotations

import typing as t
from threading import Lock

from ..http.cookies import parse_cookie
from ..remember import LONGEST
from ..user_agent.browsers import PROFILES
from ..user_agent.cures import RESPONSE, Correction, Cure, Refused
from ..user_agent.rules import deletes, judge
from ..user_agent.sending import SAFE_METHODS
from ..user_agent.set_cookie import CURE_FOR_SIZE, SetCookieLine, count_octets, split_set_cookie
from ..user_agent.sites import domain_matches, path_matches
from ..user_agent.verdicts import Note, describe_name

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from ..user_agent.cures import Call
    from ..user_agent.rules import Request as Circumstances
    from ..user_agent.verdicts import StoredCookie

#: Proxies reject a Cookie field of 8192 octets; warn well before that (P15).
FULL_AT, REFUSED_AT = 6144, 8192
#: How many cookies, and scopes of each, are remembered to detect deletions that match none.
_NAMES, _SCOPES = 512, 16
#: A hint for cookies that are dropped because of Secure.
LOCALHOST = "http://localhost alone will do: Chromium and Firefox take it for secure, Safari does not"


#: The attributes without a value, in lower case and as they are written.
FLAGS = {"secure": "Secure", "httponly": "HttpOnly", "partitioned": "Partitioned"}
_ATTRIBUTES = {
    "expires": "Expires",
    "max-age": "Max-Age",
    "domain": "Domain",
    "path": "Path",
    "samesite": "SameSite",
    **FLAGS,
}
# Spelled without blanks, hyphens and underscores, to recognize misspelled attributes.
_MISSPELT = {name.replace("-", ""): right for name, right in _ATTRIBUTES.items()}
_unhyphened = str.maketrans("", "", "-_ \t")

#: The domain, whether it is this host only, the path, and whether the cookie is partitioned.
Scope: t.TypeAlias = "tuple[str, bool, str, bool]"
Scopes: t.TypeAlias = "dict[str, dict[Scope, None]]"


class RequestDetails(t.NamedTuple):
    """What the checks need to know about a request besides its circumstances."""

    method: str
    cookies: str  # the Cookie field, "" without one
    origin: str  # the Origin field, "null" without one
    is_safari: bool


def find(
    lines: list[str],
    circumstances: Circumstances,
    details: RequestDetails,
    known: Scopes,
    written_by: Callable[[str], Call] = lambda _: RESPONSE,
) -> list[tuple[str, Note]]:
    """Return the notes on the lines of one response, each with the name of its cookie.

    Args:
        lines: The Set-Cookie lines.
        circumstances: The circumstances of the request.
        details: The method and some headers of the request.
        known: The scopes in which cookies were set before. Those of these lines are added.
        written_by: A function that returns the call that wrote a line, in whose words the cures are.
    """
    notes: list[tuple[str, Note]] = []
    kept: list[StoredCookie] = []
    corrections: dict[StoredCookie, Correction] = {}
    from_elsewhere = circumstances.relation == "navigation" and details.method not in SAFE_METHODS
    for line in lines:
        correction = correction_of(line, circumstances, written_by(line))
        found, cookie = _check_line(line, correction, circumstances, details)
        if cookie is not None:
            kept.append(cookie)
            corrections[cookie] = correction
            if from_elsewhere:
                found.extend(_check_replacing(cookie, correction, circumstances, details))
        if found:
            name = split_set_cookie(line).name
            notes.extend((name, note) for note in found)
    if len(kept) > 1:
        notes.extend(_check_duplicates(kept, circumstances))
    notes.extend(_check_deletions(known, corrections, circumstances))
    notes.extend(_check_size(details.cookies, kept, circumstances))
    return notes


# --- one line ---------------------------------------------------------------------------------------------------------


def correction_of(line: str, circumstances: Circumstances, call: Call) -> Correction:
    """Return the correction of a line that a call wrote."""
    parts = split_set_cookie(line)
    return Correction(parts, lambda other: judge(other, circumstances), call, deletion=deletes(parts, circumstances))


def _check_line(
    line: str, correction: Correction, circumstances: Circumstances, details: RequestDetails
) -> tuple[list[Note], StoredCookie | None]:
    """Return the notes on one line, and the cookie that it sets."""
    parts = correction.parts
    name = parts.name
    try:
        cookie, remarks = judge(line, circumstances)
    except Refused as refused:
        note = correction.explain(refused, circumstances.profile)
        if note.rule == "5.7 step 13":
            note = note._replace(cure=f"{note.cure} ({LOCALHOST})")
        return [note], None
    found = [_with_subject(name, correction.note(remark)) for remark in remarks]
    found.extend(_with_subject(name, note) for note in _check_grammar(parts))
    if details.is_safari:
        safari = PROFILES["safari"]
        there = circumstances._replace(profile=safari, secure=circumstances.address.scheme == "https")
        try:
            judge(line, there)
        except Refused as refused:
            found.append(correction_of(line, there, correction.call).explain(refused, safari))
    return found, cookie


def _with_subject(name: str, note: Note) -> Note:
    """Turn a note into a sentence that names the cookie."""
    subject = describe_name(name)
    return note._replace(reason=f"{subject[0].upper()}{subject[1:]}: {note.reason}")


def _check_grammar(parts: SetCookieLine) -> list[Note]:
    """Return notes on attributes that browsers misread because section 4.1.1 does not allow them (P1, P3, P4, P6)."""
    notes = []
    if not parts.name:
        reason = "browsers keep it, and send its value alone, without an equals sign"
        notes.append(Note("4.1.1", reason, "write: NAME=VALUE"))
    seen = set()
    for name, value in parts.attributes:
        if name in seen and name:
            reason = f"{_ATTRIBUTES.get(name, name)} is given twice, and browsers take the last one"
            notes.append(Note("4.1.1", reason, "leave one of the two out"))
        seen.add(name)
        if name in FLAGS:
            if value:
                flag = FLAGS[name]
                reason = f"{flag}={value[:20]} is {flag}: browsers do not look at the value of a flag"
                notes.append(Note("4.1.1", reason, f"leave {flag} out, to not have it"))
        elif name not in _ATTRIBUTES:
            right = _MISSPELT.get(name.translate(_unhyphened))
            if right is not None:
                reason = f"the attribute {name[:20]!r} is unknown to browsers and ignored"
                notes.append(Note("4.1.1", reason, f"write: {right}"))
        elif name == "path" and ", " in value and "=" in value:
            reason = f"Path={value[:40]} looks like a second cookie, but browsers take all of it as the path"
            notes.append(Note("3", reason, "send a Set-Cookie field for each cookie: headers.add('Set-Cookie', ...)"))
    return notes


def _check_replacing(
    cookie: StoredCookie, correction: Correction, circumstances: Circumstances, details: RequestDetails
) -> list[Note]:
    """Return a note if the response to a form of another site replaces a cookie that was not sent."""
    if cookie.samesite == "None" or cookie.is_expired(circumstances.now):
        return []
    if cookie.name in dict(parse_cookie(details.cookies)):
        return []
    samesite = "a cookie without SameSite" if cookie.samesite == "Default" else f"SameSite={cookie.samesite}"
    called = circumstances.profile.called
    asker = "another site" if details.origin == "null" else details.origin
    reason = (
        f"{called} replaces {describe_name(cookie.name)}, which it may have stored and did not send:"
        f" {details.method} {circumstances.address} comes from {asker}, and {samesite} is not sent with that"
    )
    redirect = "answer with a redirect (303) and set it where that leads"
    cure = Cure({"samesite": "None", "secure": True}, redirect, f"{redirect}, or ")
    return [Note("5.8.3", reason, correction.write(cure))]


# --- all lines together -----------------------------------------------------------------------------------------------


def _check_duplicates(kept: list[StoredCookie], circumstances: Circumstances) -> list[tuple[str, Note]]:
    """Return notes on names that are set twice (P5). Deleting the cookie in another scope is allowed."""
    notes, seen = [], dict[str, "StoredCookie"]()
    for cookie in kept:
        is_expired = cookie.is_expired(circumstances.now)
        if is_expired and not any(cookie.key == other.key for other in kept if other != cookie):
            continue
        before = seen.setdefault(cookie.name, cookie)
        if before is cookie:
            continue
        same = before.key == cookie.key
        what = "the last one counts" if same else "browsers then keep two, and a server cannot tell which is which"
        reason = f"{describe_name(cookie.name)} is set twice in one response: {what}"
        notes.append((cookie.name, Note("4.1.1", reason[0].upper() + reason[1:], "set it once")))
    return notes


def _check_deletions(
    known: Scopes, kept: dict[StoredCookie, Correction], circumstances: Circumstances
) -> list[tuple[str, Note]]:
    """Return notes on deletions of a cookie that was never set in this scope, but in another one (P18)."""
    here: dict[str, set[Scope]] = {}
    for cookie in kept:
        scope = (cookie.domain, cookie.host_only, cookie.path, cookie.partition is not None)
        here.setdefault(cookie.name, set()).add(scope)
    notes = []
    for cookie, correction in kept.items():
        scope = (cookie.domain, cookie.host_only, cookie.path, cookie.partition is not None)
        scopes = known.get(cookie.name)
        if not cookie.is_expired(circumstances.now):
            # Longer names and paths may come from a client.
            if len(cookie.name) <= LONGEST and len(cookie.path) <= LONGEST:
                _remember(known, cookie.name, scope)
        elif scopes and scope not in scopes and not here[cookie.name].intersection(scopes):
            meant = next((other for other in scopes if _is_meant(other, cookie, circumstances)), None)
            if meant is not None:
                notes.append((cookie.name, _not_deleted(cookie, meant, correction, circumstances)))
    return notes


def _remember(known: Scopes, name: str, scope: Scope) -> None:
    """Remember that a cookie was set in a scope; the names that were set least recently are forgotten first."""
    with _lock:
        scopes = known.pop(name, None) or {}
        known[name] = scopes
        # Not changed in location, because other threads look at it.
        if scope not in scopes:
            known[name] = dict.fromkeys([*scopes, scope][-_SCOPES:])
        while len(known) > _NAMES:
            del known[next(iter(known))]


_lock = Lock()


def _is_meant(scope: Scope, deleted: StoredCookie, circumstances: Circumstances) -> bool:
    """Return whether a deletion may refer to the cookie of this scope: it is sent here, or no path was given."""
    domain, host_only, path, _ = scope
    host, request_path = circumstances.address.host, circumstances.address.path
    if not (host == domain if host_only else domain_matches(host, domain)):
        return False
    return deleted.path == "/" or path_matches(request_path, path)


def _not_deleted(cookie: StoredCookie, scope: Scope, correction: Correction, circumstances: Circumstances) -> Note:
    """Return the note for a deletion that leaves the cookie of another scope."""

    def described(domain: str, host_only: bool, path: str, partitioned: bool) -> str:
        which = "" if host_only else f" and Domain={domain}"
        return f"Path={path}{which}{' and Partitioned' if partitioned else ''}"

    domain, host_only, path, partitioned = scope
    own = described(cookie.domain, cookie.host_only, cookie.path, cookie.partition is not None)
    reason = (
        f"{circumstances.profile.called} keeps {describe_name(cookie.name)}: it was set with {described(*scope)},"
        f" and the deletion is for {own}"
    )
    arguments: dict[str, object] = {"path": path, "domain": None if host_only else domain}
    arguments |= {"secure": True, "partitioned": True} if partitioned else {}
    return Note("3.1", reason, correction.write(Cure(arguments, "delete it where it was set")))


def _check_size(received: str, kept: list[StoredCookie], circumstances: Circumstances) -> list[tuple[str, Note]]:
    """Return a note if the Cookie field of the next request will be too long for servers and proxies (P15)."""
    added = sum(len(cookie.name) + len(cookie.value) + 3 for cookie in kept)
    if len(received) + added <= FULL_AT:
        return []
    sizes = {name: count_octets(name + value) + 3 for name, value in parse_cookie(received)}
    for cookie in kept:
        is_expired = cookie.is_expired(circumstances.now)
        sizes[cookie.name] = 0 if is_expired else count_octets(cookie.name + cookie.value) + 3
    size = sum(sizes.values())
    largest = max(sizes, key=sizes.__getitem__)
    if size <= FULL_AT or not any(sizes[cookie.name] for cookie in kept):
        return []
    reason = (
        f"The next request carries {size} octets of cookies, most of them in {describe_name(largest)}:"
        f" servers answer 400 or 431 at about {REFUSED_AT}"
    )
    return [(largest, Note("4.2.1", reason, CURE_FOR_SIZE))]
