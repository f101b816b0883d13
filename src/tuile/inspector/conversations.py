"""Follow the cookies of each client through the recorded requests: what came, what was kept, what came back.

A jar for each browser is given the recorded Set-Cookie lines in their order. What it would send with the next request
is compared with what came. Nothing here is called while a request runs.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field
from datetime import datetime, timezone
from urllib.parse import quote

from ..cookie.calls import SessionSettings
from ..cookie.checks import _context_of
from ..http.cookie_header import parse_cookie
from ..user_agent.browsers import PROFILES
from ..user_agent.cures import COOKIES, RESPONSE
from ..user_agent.jar import Jar
from ..user_agent.sending import reasons_to_withhold
from ..user_agent.sites import last_label, load_public_suffixes

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..user_agent.cures import Call
    from ..user_agent.sending import Reason
    from ..user_agent.sites import Context
    from ..user_agent.verdicts import StoredCookie, Verdict
    from .hidden import Shown
    from .records import Recording, SetCookie

_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
# For how many requests a cookie that does not come back is mentioned.
_TOLD_FOR = 20
_as_profile = re.compile(r"tuile\.testing\.Browser, as (\w+)").search


class Received(t.NamedTuple):
    """A cookie that came: whether it counts, and where it is from.

    Attributes:
        name: Its name.
        value: Its value.
        counts: Whether it is the one that `request.cookies` returns.
        note: Which one of several counts, and why; or which request has set it.
    """

    name: str
    value: Shown
    counts: bool
    note: str


class Missing(t.NamedTuple):
    """A cookie that was set earlier and did not come.

    Attributes:
        name: Its name.
        set_by: The id of the request that has set it.
        text: Since when, and why.
        cure: What to write instead; empty if all is as it should be.
        reason_name: The short name of the reason, as Chromium has it; empty if it was dropped.
    """

    name: str
    set_by: int
    text: str
    cure: str = ""
    reason_name: str = ""


@dataclass
class Fate:
    """What browsers do with a Set-Cookie line, and what became of it.

    Attributes:
        line: The line.
        verdicts: The verdict of each browser, by the name of its profile. Empty if no browser sends such a URL.
        outcome: What the next requests of the client brought back.
        came_back: Whether it came back; None as long as no request has followed.
    """

    line: SetCookie
    verdicts: dict[str, Verdict]
    outcome: str = "no request of this client has followed yet"
    came_back: bool | None = None

    def stored(self, profile: str) -> bool:
        """Return whether a browser keeps the cookie."""
        return profile in self.verdicts and self.verdicts[profile].kept

    def deletes(self, profile: str) -> bool:
        """Return whether the line is a deletion, that had something to delete or not."""
        verdict = self.verdicts.get(profile)
        return verdict is not None and (verdict.deleted or verdict.rule == "3.1")


@dataclass
class Chapter:
    """What there is to say about one request beyond its recording.

    Attributes:
        found: The recording.
        client: The number of its client, from 1 on.
        number: Which request of this client it is, from 1 on.
        profile: The browser that the client is, or is taken for.
        previous: The id of the client's request before it.
        following: The id of the one after it.
    """

    found: Recording
    client: int
    number: int
    profile: str
    previous: int | None = None
    following: int | None = None
    received: list[Received] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    fates: list[Fate] = field(default_factory=list)


def tell(recordings: Iterable[Recording], config: Mapping[str, object] | None = None) -> dict[int, Chapter]:
    """Return what there is to say about each request, by its id.

    Args:
        recordings: The requests, in their order.
        config: The settings of the application, for the cures of the session's cookie.
    """
    clients: dict[tuple[str, str], _Client] = {}
    chapters: dict[int, Chapter] = {}
    for found in recordings:
        key = (found.address, found.agent)
        client = clients.get(key)
        if client is None:
            client = clients[key] = _Client(len(clients) + 1, profile_of(found.agent), config or {})
        chapters[found.id] = client.add(found)
    return chapters


def profile_of(agent: str) -> str:
    """Return the profile of a browser by its User-Agent header; Chromium's for everything unknown."""
    named = _as_profile(agent)
    if named and named[1] in PROFILES:
        return named[1]
    if "Firefox/" in agent:
        return "firefox"
    return "safari" if "Safari/" in agent and "Chrom" not in agent else "chromium"


def url_of(found: Recording) -> str:
    """Return the URL that a client requested, believing headers of proxies: it is for display only."""
    scheme = (
        "https" if found.origin_headers.get("HTTP_X_FORWARDED_PROTO", "").strip().endswith("https") else found.scheme
    )
    host = found.origin_headers.get("HTTP_X_FORWARDED_HOST", found.host).rpartition(",")[2].strip()
    path = quote(found.path, safe="/%:@!$&'()*+,;=~-._")
    return f"{scheme}://{host}{path if path.startswith('/') else '/' + path}"


def whole_url(found: Recording) -> str:
    """Return the URL with its query, as ASCII."""
    query = quote(found.query, safe="/%:@!$&'()*+,;=~-._?[]")
    return url_of(found) + (f"?{query}" if query else "")


def real_value(cookie: SetCookie) -> str:
    """Return the value of a Set-Cookie line as the next request has it, without quotes."""
    if not cookie.value.is_whole:
        return cookie.value.text
    return next((value for _, value in parse_cookie(f"n={cookie.value.text}")), "")


@dataclass
class _Pending:
    """A cookie that was set and has not come back yet."""

    fate: Fate
    set_by: int
    number: int


class _Client:
    """One client, with a jar for each browser that it might be."""

    def __init__(self, number: int, profile: str, config: Mapping[str, object]) -> None:
        self.number = number
        self.profile = profile
        self.config = config
        suffixes = _public_suffixes()
        self.jars = {name: Jar(name, suffixes) for name in PROFILES}
        self.chapters: list[Chapter] = []
        self.pending: dict[str, _Pending] = {}

    def add(self, found: Recording) -> Chapter:
        """Return what there is to say about the client's next request."""
        chapter = Chapter(found, self.number, len(self.chapters) + 1, self.profile)
        if self.chapters:
            chapter.previous = self.chapters[-1].found.id
            self.chapters[-1].following = found.id
        self.chapters.append(chapter)
        url, now = url_of(found), datetime.fromtimestamp(found.started, timezone.utc)
        context = _context_of({**found.origin_headers, "HTTP_HOST": found.host})
        try:
            kept = self._kept(url, now, context, found.method)
        except ValueError:
            kept = []  # no browser sends such a URL
        chapter.received = self._received(found, kept)
        self._follow(chapter, kept, now)
        chapter.fates = [self._fate(found, line, url, now, context) for line in found.set_cookies]
        for fate in chapter.fates:
            self.pending[fate.line.name] = _Pending(fate, found.id, chapter.number)
        return chapter

    def _kept(
        self, url: str, now: datetime, context: Context, method: str
    ) -> list[tuple[StoredCookie, tuple[Reason, ...]]]:
        """Return the cookies of the client's jar for a site, each with the reasons why it is not sent to a URL.

        They are in the order in which they are sent: those with longer paths first, then older ones.
        """
        jar = self.jars[self.profile]
        request = jar._request(url, now, "http", context)
        slots = [slot for slot in jar._group(request.address.host).values() if not slot.cookie.is_expired(now)]
        slots.sort(key=lambda slot: (-len(slot.cookie.path), slot.order))
        return [(slot.cookie, tuple(reasons_to_withhold(slot.cookie, request, method))) for slot in slots]

    def _received(self, found: Recording, kept: list[tuple[StoredCookie, tuple[Reason, ...]]]) -> list[Received]:
        counts = {cookie.name: sum(one.name == cookie.name for one in found.cookies) for cookie in found.cookies}
        seen: dict[str, int] = {}
        received = []
        for cookie in found.cookies:
            place = seen[cookie.name] = seen.get(cookie.name, 0) + 1
            paths = [stored.path for stored, reasons in kept if stored.name == cookie.name and not reasons]
            note = ""
            if counts[cookie.name] > 1:
                where = f" (it is for {paths[place - 1]})" if len(paths) == counts[cookie.name] else ""
                note = (
                    f"it counts: the first of {counts[cookie.name]} with this name{where}"
                    if place == 1
                    else (f"does not count: the first one of this name does{where}")
                )
                if place == 1:
                    note += ". Browsers send the one with the longest path first, then the oldest"
            elif (pending := self.pending.get(cookie.name)) is not None:
                note = f"set by request {pending.set_by}"
            received.append(Received(cookie.name, cookie.value, place == 1, note))
        return received

    def _follow(self, chapter: Chapter, kept: list[tuple[StoredCookie, tuple[Reason, ...]]], now: datetime) -> None:
        """Compare what came with what was set earlier."""
        came: dict[str, list[str]] = {}
        for cookie in chapter.found.cookies:
            came.setdefault(cookie.name, []).append(cookie.value.text)
        for name, pending in self.pending.items():
            fate = pending.fate
            is_told = chapter.number - pending.number > _TOLD_FOR
            if fate.came_back or not fate.verdicts or (is_told and fate.came_back is False):
                continue
            if fate.deletes(self.profile):
                if fate.came_back is None:
                    is_gone = name not in came
                    fate.outcome = (
                        f"request {chapter.found.id} came without it"
                        if is_gone
                        else (f"request {chapter.found.id} still brought it: {fate.verdicts[self.profile].reason}")
                    )
                    fate.came_back = not is_gone
                continue
            if real_value(fate.line) in came.get(name, ()):
                self._note_back(chapter, pending)
                continue
            missing = self._missing(chapter, name, pending, kept, now)
            fate.came_back, fate.outcome = False, missing.text
            chapter.missing.append(missing)

    def _note_back(self, chapter: Chapter, pending: _Pending) -> None:
        fate = pending.fate
        fate.came_back = True
        following = " (the next one)" if chapter.number == pending.number + 1 else ""
        fate.outcome = f"came back with request {chapter.found.id}{following}"
        if not fate.stored(self.profile):
            called = PROFILES[self.profile].called
            fate.outcome += f", although {called} would drop it: this client is not {called}, or has had it before"

    def _missing(
        self,
        chapter: Chapter,
        name: str,
        pending: _Pending,
        kept: list[tuple[StoredCookie, tuple[Reason, ...]]],
        now: datetime,
    ) -> Missing:
        ago = chapter.number - pending.number
        since = f"set {_WORDS[ago] if ago < len(_WORDS) else ago} request{'' if ago == 1 else 's'} ago"
        verdict = pending.fate.verdicts[self.profile]
        if not verdict.kept:
            text = f"{since}, never came back: dropped because {_because(verdict.reason)}"
            return Missing(name, pending.set_by, text, verdict.cure)
        stored = verdict.cookie
        if stored is not None and stored.is_expired(now):
            seconds = int((now - stored.expires).total_seconds()) if stored.expires is not None else 0
            return Missing(name, pending.set_by, f"{since}, not sent: it expired {seconds} s before this request")
        for cookie, reasons in kept:
            if stored is not None and cookie.key == stored.key and reasons:
                first = reasons[0]
                text = f"{since}, kept, but not sent here: {first.text}"
                return Missing(name, pending.set_by, text, first.cure, first.name)
        what = "another value came" if any(one.name == name for one in chapter.found.cookies) else "it did not come"
        text = (
            f"{since}, kept as far as the rules of {PROFILES[self.profile].called} tell, but {what}: a script or the"
            " user has changed it, or it is another client with the same address"
        )
        return Missing(name, pending.set_by, text)

    def _fate(self, found: Recording, line: SetCookie, url: str, now: datetime, context: Context) -> Fate:
        verdicts: dict[str, Verdict] = {}
        call = self._call(found, line.name)
        for name, jar in self.jars.items():
            try:
                (verdict,) = jar.receive(
                    url, [line.line()], now=now, context=context, status=_status(found), written_by=lambda _: call
                )
            except ValueError:
                continue
            verdicts[name] = verdict
        return Fate(line, verdicts)

    def _call(self, found: Recording, name: str) -> Call:
        """Return the call that has written a cookie, in whose words its cure is."""
        if name in found.session_names:
            return SessionSettings(config=self.config)
        by_cookies = any(event.name == name and event.where.startswith("cookies") for event in found.events)
        return COOKIES if by_cookies else RESPONSE


def _status(found: Recording) -> int:
    # The handshake of a WebSocket may set cookies.
    return 200 if found.status == 101 else found.status or 200


def _because(reason: str) -> str:
    """Return the part of a verdict's reason that says why."""
    return reason.partition(": ")[2] or reason


def _public_suffixes() -> t.Callable[[str], str]:
    try:
        return load_public_suffixes()
    except ImportError:  # then public suffixes of more than one label are not recognised
        return last_label
