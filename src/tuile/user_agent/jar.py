"""The cookies that a browser keeps and sends (sections 5.6 to 5.8, and what browsers do differently).

Floor 1, text and bytes: no clock, no socket; the time is an argument. What must live here: the store, what is put in
and taken out, and the verdict on each line. What must not: the single rules (`jar_rules`, `eviction`), and how a test
client visits pages (`testing`).
"""

from __future__ import annotations

import typing as t
from dataclasses import replace
from datetime import timedelta
from operator import itemgetter

from .browsers import PROFILES, Profile
from .eviction import Slot, too_many_in_all, too_many_of_a_domain, too_many_of_a_partition
from .rules import Api, Refused, Request, ignored, judge, request_of
from .set_cookie import split_set_cookie
from .sites import (
    TYPED,
    Context,
    PublicSuffix,
    Sites,
    domain_matches,
    listed_suffix,
    path_matches,
)
from .verdicts import Note, StoredCookie, Verdict, shown, told

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

_Key: t.TypeAlias = "tuple[str, str, bool, str, tuple[str, bool] | None]"

_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))


class Jar:
    """A browser's cookies.

    :param profile: whose: ``chromium``, ``firefox``, ``safari``, or ``rfc6265bis`` for the text of the standard.
    :param public_suffixes: the public suffix of a host, as a function. None: by the list that browsers use, which
        ``pip install "tuile[testing]"`` brings.
    :raises ValueError: there is no such profile.
    :raises ImportError: the list is asked for and not installed.
    """

    def __init__(self, profile: str | Profile = "chromium", public_suffixes: PublicSuffix | None = None) -> None:
        if isinstance(profile, str):
            if profile not in PROFILES:
                raise ValueError(f"There is no profile {profile!r}. Give one of {', '.join(map(repr, PROFILES))}.")
            profile = PROFILES[profile]
        self.profile = profile
        self.sites = Sites(listed_suffix() if public_suffixes is None else public_suffixes)
        # By registrable domain: only these can matter to one request, and browsers count by it.
        self._shelves: dict[str, dict[_Key, Slot]] = {}
        self._size = 0
        self._created = 0
        self._spared_until: datetime | None = None  # before that, no cookie is idle for long enough to be dropped

    def __len__(self) -> int:
        return self._size

    def __repr__(self) -> str:
        return f"<Jar {self.profile.name} with {self._size} cookies>"

    # --- putting in (sections 5.6 and 5.7) ----------------------------------------------------------------------------

    def receive(
        self,
        url: str,
        set_cookie_lines: Iterable[str | bytes],
        *,
        now: datetime,
        api: Api = "http",
        context: Context = TYPED,
        status: int = 200,
    ) -> list[Verdict]:
        """Take what a response or a script sets, and say of each line what became of it and why.

        :param url: the address that answered, or the page that the script is in.
        :param set_cookie_lines: the values of the Set-Cookie fields, one character per octet, or bytes; the values
            given to `document.cookie` as text.
        :param now: with a zone.
        :param api: ``http``, or ``script`` for `document.cookie`.
        :param context: from where the request was made.
        :param status: the response's; what comes with 1xx is not processed (section 5.3).
        :raises ValueError: the URL is no address of a page, or `now` has no zone.
        """
        if isinstance(set_cookie_lines, (str, bytes)):
            raise TypeError(f"A list of Set-Cookie lines is wanted, not one line. Write: [{set_cookie_lines!r}].")
        request = self._request(url, now, api, context)
        verdicts = []
        for given in set_cookie_lines:
            line = given.decode("latin-1") if isinstance(given, bytes) else given
            if api == "script":
                line = _octets(line)
            if 100 <= status < 200:
                name = split_set_cookie(line).name
                note = Note("5.3", f"it comes with the status {status}", "set it on the final response")
                verdicts.append(self._ignored(line, name, note))
            else:
                verdicts.append(self._receive(line, request))
        return verdicts

    def _receive(self, line: str, request: Request) -> Verdict:
        try:
            cookie, notes = judge(line, request)
            self._drop_expired(request)
            old = self._replaced(cookie, request)
        except Refused as refused:
            return self._ignored(line, split_set_cookie(line).name, refused.note)
        if cookie.expires is not None and cookie.expires <= request.now:
            return self._delete(line, cookie, old, tuple(notes))
        cookie = self._put(cookie, old, request)
        dropped = self._drop_excess(cookie, request)
        if dropped:
            what = f"{self.profile.called} drops {dropped} other cookies: there are too many"
            notes.append(Note("5.7", what, "set fewer, and put together what belongs together"))
        reason = f"{self.profile.called} {told(cookie)}"
        return Verdict(
            line, cookie.name, kept=True, rule="5.7 step 24", reason=reason, notes=tuple(notes), cookie=cookie
        )

    def _ignored(self, line: str, name: str, note: Note) -> Verdict:
        rule, reason, cure = ignored(note, name, self.profile)
        return Verdict(line, name, kept=False, rule=rule, reason=reason, cure=cure)

    def _replaced(self, cookie: StoredCookie, request: Request) -> Slot | None:
        """The stored cookie whose place the new one takes.

        :raises Refused: one that is there must not be touched (section 5.7, steps 16 and 23.2).
        """
        shelf = self._shelf(cookie.domain)
        if not request.secure:
            for slot in shelf.values():
                if _overlays(cookie, slot.cookie):
                    reason = f"a Secure cookie of this name is there, and {request.address} is not a secure connection"
                    raise Refused("5.7 step 16", reason, "serve the site over https, or take another name")
        old = shelf.get(cookie.key)
        if old is not None and old.cookie.httponly and request.script:
            reason = "a cookie of this name is there that is HttpOnly, and a script sets it"
            raise Refused("5.7 step 23.2", reason, "set it on the server, or take another name")
        return old

    def _put(self, cookie: StoredCookie, old: Slot | None, request: Request) -> StoredCookie:
        shelf = self._shelves.setdefault(self.sites.registrable(cookie.domain), {})
        if old is not None and not (self.profile.new_value_is_new and old.cookie.value != cookie.value):
            cookie = replace(cookie, created=old.cookie.created)
            shelf[cookie.key] = Slot(cookie, request.now, old.order)
            return cookie
        self._created += 1
        self._size += old is None
        shelf[cookie.key] = Slot(cookie, request.now, self._created)
        return cookie

    def _delete(self, line: str, cookie: StoredCookie, old: Slot | None, notes: tuple[Note, ...]) -> Verdict:
        """Take the cookie away, or say why there is none to take away (sections 3.1 and 5.7, step 23)."""
        if old is not None:
            self._take([old])
            reason = f"{self.profile.called} deletes {shown(cookie.name)}: its time is over"
            return Verdict(line, cookie.name, kept=False, rule="5.7", reason=reason, deleted=True, notes=notes)
        others = [slot.cookie for slot in self._shelf(cookie.domain).values() if slot.cookie.name == cookie.name]
        reason = f"{self.profile.called} has nothing to delete: {shown(cookie.name)} is not there"
        cure = ""
        if others:
            scope = f"path={others[0].path!r}" + ("" if others[0].host_only else f", domain={others[0].domain!r}")
            reason += f" for this domain and path, but for {scope}"
            cure = f"write: response.delete_cookie({cookie.name[:40]!r}, {scope})"
        return Verdict(line, cookie.name, kept=False, rule="3.1", reason=reason, cure=cure, notes=notes)

    # --- taking out (section 5.8) -------------------------------------------------------------------------------------

    def cookie_header(
        self,
        url: str,
        *,
        now: datetime,
        api: Api = "http",
        method: str = "GET",
        context: Context = TYPED,
    ) -> str:
        """The Cookie field of a request, or what `document.cookie` gives; empty when there is none.

        :param url: the address that is asked, or the page that the script is in.
        :param now: with a zone.
        :param api: ``http``, or ``script`` for `document.cookie`, which is text, not octets.
        :param method: of the request.
        :param context: from where the request is made.
        :raises ValueError: the URL is no address of a page, or `now` has no zone.
        """
        sent = self._sent(self._request(url, now, api, context), method)
        header = "; ".join(f"{cookie.name}={cookie.value}" if cookie.name else cookie.value for cookie in sent)
        return _text(header) if api == "script" else header

    def _sent(self, request: Request, method: str) -> list[StoredCookie]:
        self._drop_expired(request)
        host, path = request.address.host, request.address.path
        safe = method.upper() in _SAFE_METHODS
        found = []
        for slot in self._shelf(host).values():
            cookie = slot.cookie
            at_home = host == cookie.domain if cookie.host_only else domain_matches(host, cookie.domain)
            if at_home and path_matches(path, cookie.path) and _is_sent(cookie, request, safe_method=safe):
                slot.used = request.now
                found.append((-len(cookie.path), slot.order, cookie))
        found.sort(key=itemgetter(0, 1))
        return [cookie for _, _, cookie in found]

    # --- looking after the store --------------------------------------------------------------------------------------

    def cookies(self, now: datetime) -> list[StoredCookie]:
        """All cookies whose time is not over, in the order of their creation."""
        self._purge(_aware(now))
        return [slot.cookie for slot in sorted(self._slots(), key=lambda slot: slot.order)]

    def end_session(self) -> None:
        """Close the browser: what has no lifetime goes (section 5.7, "the current session is over")."""
        self._take([slot for slot in self._slots() if slot.cookie.expires is None])

    def clear(self) -> None:
        """Delete all cookies."""
        self._shelves.clear()
        self._size = 0

    def _purge(self, now: datetime) -> None:
        self._take([slot for slot in self._slots() if _is_over(slot.cookie, now)])

    def _shelf(self, host: str) -> dict[_Key, Slot]:
        return self._shelves.get(self.sites.registrable(host), {})

    def _slots(self) -> Iterator[Slot]:
        return (slot for shelf in self._shelves.values() for slot in shelf.values())

    def _take(self, slots: Iterable[Slot]) -> None:
        for slot in list(slots):
            domain = self.sites.registrable(slot.cookie.domain)
            shelf = self._shelves[domain]
            del shelf[slot.cookie.key]
            self._size -= 1
            if not shelf:
                del self._shelves[domain]

    def _drop_expired(self, request: Request) -> None:
        shelf = self._shelf(request.address.host)
        over = [slot for slot in shelf.values() if _is_over(slot.cookie, request.now)]
        if over:
            self._take(over)

    def _drop_excess(self, cookie: StoredCookie, request: Request) -> int:
        """Drop what is too many, and say how many that were."""
        slots = [slot for slot in self._shelf(cookie.domain).values() if slot.cookie.partition == cookie.partition]
        if not self.profile.counts_by_site:
            slots = [slot for slot in slots if slot.cookie.domain == cookie.domain]
        too_many = too_many_of_a_domain if cookie.partition is None else too_many_of_a_partition
        excess = too_many(slots, self.profile)
        self._take(excess)
        return len(excess) + self._drop_excess_in_all(request.now)

    def _drop_excess_in_all(self, now: datetime) -> int:
        if self._size <= self.profile.total[0] or (self._spared_until is not None and now < self._spared_until):
            return 0
        self._purge(now)
        excess = too_many_in_all(list(self._slots()), self.profile, now)
        self._take(excess)
        # Where nothing was idle for long enough, looking again is worth it only when the least recently used one is.
        idle = timedelta(seconds=self.profile.total_spares_s)
        self._spared_until = (
            None if excess or not idle else min((slot.used for slot in self._slots()), default=now) + idle
        )
        return len(excess)

    def _request(self, url: str, now: datetime, api: Api, context: Context) -> Request:
        return request_of(url, now=_aware(now), api=api, context=context, sites=self.sites, profile=self.profile)


def _aware(now: datetime) -> datetime:
    if now.tzinfo is None:
        raise ValueError(f"The moment {now!r} has no zone. Write: datetime.now(timezone.utc).")
    return now


def _is_over(cookie: StoredCookie, now: datetime) -> bool:
    return cookie.expires is not None and cookie.expires <= now


def _overlays(new: StoredCookie, old: StoredCookie) -> bool:
    """Whether a cookie that is not Secure would hide or replace a Secure one (section 5.7, step 16)."""
    if not old.secure or old.name != new.name or old.partition != new.partition:
        return False
    if not (domain_matches(new.domain, old.domain) or domain_matches(old.domain, new.domain)):
        return False
    return path_matches(new.path, old.path)


def _is_sent(cookie: StoredCookie, request: Request, *, safe_method: bool) -> bool:
    """Whether the cookie, which is for this host and path, goes with the request."""
    if cookie.secure and not request.secure:
        return False
    if cookie.httponly and request.script:
        return False
    if cookie.partition is None:
        if request.third_party and request.profile.third_party != "kept":
            return False
    elif cookie.partition != request.partition:
        return False
    return request.relation == "same-site" or _is_sent_across(cookie, request, safe_method=safe_method)


def _is_sent_across(cookie: StoredCookie, request: Request, *, safe_method: bool) -> bool:
    profile = request.profile
    samesite = profile.samesite_by_default if cookie.samesite == "Default" else cookie.samesite
    if samesite == "None":
        return True
    if samesite == "Strict" or request.relation == "cross-site" or request.script:
        return False
    if safe_method:
        return True
    young = timedelta(seconds=profile.lax_allows_unsafe_s)
    return cookie.samesite == "Default" and bool(young) and request.now - cookie.created <= young


def _octets(text: str) -> str:
    """What a script writes, as it goes over the wire."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.encode().decode("latin-1")


def _text(octets: str) -> str:
    """What came over the wire, as a script reads it."""
    try:
        return octets.encode("latin-1").decode(errors="replace")
    except UnicodeEncodeError:
        return octets
