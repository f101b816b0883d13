"""Store and send cookies as a browser does (sections 5.6 to 5.8).

The module has no clock and opens no connections: callers pass the time and the URL. The rules for a single cookie are
in `rules`; the differences between browsers are in `browsers`.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace
from datetime import timedelta
from operator import itemgetter

from .browsers import PROFILES, Profile
from .cures import RESPONSE, Call, Correction, Cure, Refused
from .eviction import Slot, select_excess_in_total, select_excess_of_domain, select_excess_of_partition
from .rules import Api, Request, deletes, judge, make_request, split
from .sending import Withheld, is_sent, reasons_to_withhold
from .sites import (
    TYPED,
    Context,
    PublicSuffix,
    Sites,
    domain_matches,
    load_public_suffixes,
    path_matches,
)
from .verdicts import (
    Note,
    StoredCookie,
    Verdict,
    decode_for_script,
    describe_kept,
    describe_name,
    encode_text,
)

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

_Key: t.TypeAlias = "tuple[str, str, bool, str, tuple[str, bool] | None]"


class Jar:
    """The cookies of one browser.

    Args:
        profile: The browser to imitate: ``chromium``, ``firefox``, ``safari``, or ``rfc6265bis`` for the text of the
            standard.
        public_suffixes: A function that returns the public suffix of a host. By default the list that browsers use,
            which ``pip install "tuile[testing]"`` installs.

    Raises:
        ValueError: If there is no such profile.
        ImportError: If the public suffix list is needed and not installed.
    """

    def __init__(self, profile: str | Profile = "chromium", public_suffixes: PublicSuffix | None = None) -> None:
        if isinstance(profile, str):
            if profile not in PROFILES:
                raise ValueError(f"Unknown profile {profile!r}. Use one of {', '.join(map(repr, PROFILES))}.")
            profile = PROFILES[profile]
        self.profile = profile
        self.sites = Sites(load_public_suffixes() if public_suffixes is None else public_suffixes)
        # By registrable domain: a request needs the cookies of one only, and browsers count by it.
        self._groups: dict[str, dict[_Key, Slot]] = {}
        self._size = 0
        self._created = 0
        self._spared_until: datetime | None = None  # until then, no cookie is idle enough to be evicted

    def __len__(self) -> int:
        return self._size

    def __repr__(self) -> str:
        return f"<Jar {self.profile.name} with {self._size} cookies>"

    # --- storing cookies (sections 5.6 and 5.7) -----------------------------------------------------------------------

    def receive(
        self,
        url: str,
        set_cookie_lines: Iterable[str | bytes],
        *,
        now: datetime,
        api: Api = "http",
        context: Context = TYPED,
        status: int = 200,
        written_by: Callable[[str], Call] = lambda _: RESPONSE,
    ) -> list[Verdict]:
        """Process the Set-Cookie lines of a response, or the assignments of a script, and return a verdict on each.

        Args:
            url: The URL of the response, or of the page that runs the script.
            set_cookie_lines: The values of the Set-Cookie fields, as bytes or as text with one character per octet;
                for a script, the text assigned to `document.cookie`.
            now: The current time, with a time zone.
            api: ``http``, or ``script`` for `document.cookie`.
            context: Where the request came from.
            status: The status of the response. Cookies of a 1xx response are ignored (section 5.3).
            written_by: A function that returns the call that wrote a line, in whose words the cures are.

        Raises:
            ValueError: If the URL is not absolute, or `now` has no time zone.
        """
        if isinstance(set_cookie_lines, (str, bytes)):
            raise TypeError(f"A list of Set-Cookie lines is wanted, not one line. Write: [{set_cookie_lines!r}].")
        request = self._request(url, now, api, context)
        verdicts = []
        for given in set_cookie_lines:
            line = given.decode("latin-1") if isinstance(given, bytes) else given
            if api == "script":
                line = encode_text(line, self.profile)
            if 100 <= status < 200:
                early = Refused("5.3", f"it comes with the status {status}", "set it on the final response")
                correction = Correction(split(line, self.profile), lambda _: None)
                verdicts.append(self._ignored(line, correction, early))
            else:
                verdicts.append(self._receive(line, request, written_by(line)))
        return verdicts

    def _receive(self, line: str, request: Request, call: Call) -> Verdict:
        parts = split(line, self.profile)

        def keeps(line: str) -> None:
            self._replaced(judge(line, request)[0], request)

        try:
            cookie, remarks = judge(line, request)
            self._drop_expired(request)
            old = self._replaced(cookie, request)
        except Refused as refused:
            correction = Correction(parts, keeps, call, deletion=deletes(parts, request))
            return self._ignored(line, correction, refused)
        correction = Correction(parts, keeps, call, deletion=cookie.is_expired(request.now))
        notes = [correction.note(remark) for remark in remarks]
        if correction.deletion:
            return self._delete(line, cookie, old, tuple(notes), self._deletion(correction, cookie, request))
        cookie = self._put(cookie, old, request)
        dropped = self._drop_excess(cookie, request)
        if cookie.key not in self._group(cookie.domain):
            reason = "there are too many cookies of this site, all Secure, and it is not"
            return self._ignored(line, correction, Refused("5.7", reason, "set fewer cookies, or make it Secure"))
        if dropped:
            what = f"{self.profile.called} evicts {dropped} other cookies because there are too many"
            notes.append(Note("5.7", what, "set fewer cookies, and combine related values"))
        reason = f"{self.profile.called} {describe_kept(cookie)}"
        return Verdict(
            line, cookie.name, kept=True, rule="5.7 step 24", reason=reason, notes=tuple(notes), cookie=cookie
        )

    def _ignored(self, line: str, correction: Correction, refused: Refused) -> Verdict:
        rule, reason, cure = correction.explain(refused, self.profile)
        return Verdict(line, correction.parts.name, kept=False, rule=rule, reason=reason, cure=cure)

    def _replaced(self, cookie: StoredCookie, request: Request) -> Slot | None:
        """Return the stored cookie that the new one replaces, if any.

        Raises:
            Refused: If the stored cookie is protected (section 5.7, steps 16 and 23.2).
        """
        group = self._group(cookie.domain)
        if not request.secure:
            for slot in group.values():
                if not slot.cookie.is_expired(request.now) and _overlays(cookie, slot.cookie, self.profile):
                    reason = f"a Secure cookie of this name exists, and {request.address} is not a secure connection"
                    raise Refused("5.7 step 16", reason, "serve the site over https, or use another name")
        old = group.get(cookie.key)
        if old is not None and old.cookie.is_expired(request.now):
            self._take([old])
            return None
        if old is not None and old.cookie.httponly and request.script:
            reason = "an HttpOnly cookie of this name exists, and a script sets it"
            raise Refused("5.7 step 23.2", reason, "set it on the server, or use another name")
        return old

    def _put(self, cookie: StoredCookie, old: Slot | None, request: Request) -> StoredCookie:
        group = self._groups.setdefault(self.sites.registrable(cookie.domain), {})
        if old is not None and not (self.profile.new_value_is_new and old.cookie.value != cookie.value):
            cookie = replace(cookie, created=old.cookie.created)
            group[cookie.key] = Slot(cookie, request.now, old.order)
            return cookie
        self._created += 1
        self._size += old is None
        group[cookie.key] = Slot(cookie, request.now, self._created)
        return cookie

    def _delete(
        self,
        line: str,
        cookie: StoredCookie,
        old: Slot | None,
        notes: tuple[Note, ...],
        meant: tuple[StoredCookie, str] | None,
    ) -> Verdict:
        """Delete the stored cookie, or explain why there is none to delete (section 3.1; section 5.7, step 23)."""
        if old is not None:
            self._take([old])
            reason = f"{self.profile.called} deletes {describe_name(cookie.name)}: it has expired"
            return Verdict(line, cookie.name, kept=False, rule="5.7", reason=reason, deleted=True, notes=notes)
        reason = f"{self.profile.called} has nothing to delete: {describe_name(cookie.name)} does not exist"
        cure = ""
        if meant is not None:
            other, cure = meant
            reason += f" for this domain and path, but for {_scope(other)}"
        return Verdict(line, cookie.name, kept=False, rule="3.1", reason=reason, cure=cure, notes=notes)

    def _deletion(
        self, correction: Correction, cookie: StoredCookie, request: Request
    ) -> tuple[StoredCookie, str] | None:
        """Return a stored cookie of this name that the line may have meant, and how to delete it."""
        meant: tuple[StoredCookie, str] | None = None
        for slot in self._group(cookie.domain).values():
            other = slot.cookie
            if other.name != cookie.name:
                continue

            def hits(line: str, key: _Key = other.key) -> None:
                found = judge(line, request)[0]
                self._replaced(found, request)
                if found.key != key:
                    raise Refused("3.1", "it is another cookie", "")

            scope: dict[str, object] = {"path": other.path, "domain": None if other.host_only else other.domain}
            apart = {} if other.partition is None else {"secure": True, "partitioned": True}
            instead = f"delete it with {_scope(other)}, from where it can be set"
            cure = Correction(correction.parts, hits, correction.call, deletion=True).write(
                Cure({**scope, **apart}, instead)
            )
            if meant is None or cure != instead:
                meant = other, cure
            if cure != instead:
                break
        return meant

    # --- sending cookies (section 5.8) --------------------------------------------------------------------------------

    def cookie_header(
        self,
        url: str,
        *,
        now: datetime,
        api: Api = "http",
        method: str = "GET",
        context: Context = TYPED,
    ) -> str:
        """Return the Cookie field of a request, or the value of `document.cookie`; empty if there are no cookies.

        Args:
            url: The URL that is requested, or of the page that runs the script.
            now: The current time, with a time zone.
            api: ``http``, or ``script`` for `document.cookie`, which is text rather than octets.
            method: The method of the request.
            context: Where the request comes from.

        Raises:
            ValueError: If the URL is not absolute, or `now` has no time zone.
        """
        sent = self._sent(self._request(url, now, api, context), method)
        header = "; ".join(f"{cookie.name}={cookie.value}" if cookie.name else cookie.value for cookie in sent)
        return decode_for_script(header, self.profile) if api == "script" else header

    def withheld(
        self,
        url: str,
        *,
        now: datetime,
        api: Api = "http",
        method: str = "GET",
        context: Context = TYPED,
    ) -> list[Withheld]:
        """Return the stored cookies of the site that a request does not send, with the reasons.

        The arguments are those of `cookie_header`. Print the list's items for sentences; ``reason`` is a short name,
        which is Chromium's where it has one.

        Raises:
            ValueError: If the URL is not absolute, or `now` has no time zone.
        """
        request = self._request(url, now, api, context)
        self._drop_expired(request)
        found = []
        for slot in sorted(self._group(request.address.host).values(), key=lambda slot: slot.order):
            if slot.cookie.is_expired(now):
                continue
            reasons = tuple(reasons_to_withhold(slot.cookie, request, method))
            if reasons:
                found.append(Withheld(slot.cookie, reasons, self.profile.called))
        return found

    def _sent(self, request: Request, method: str) -> list[StoredCookie]:
        self._drop_expired(request)
        found = []
        for slot in self._group(request.address.host).values():
            if not slot.cookie.is_expired(request.now) and is_sent(slot.cookie, request, method):
                slot.used = request.now
                found.append((-len(slot.cookie.path), slot.order, slot.cookie))
        found.sort(key=itemgetter(0, 1))
        return [cookie for _, _, cookie in found]

    # --- maintaining the store ----------------------------------------------------------------------------------------

    def cookies(self, now: datetime) -> list[StoredCookie]:
        """Return all cookies that have not expired, in the order of their creation."""
        _aware(now)
        if not self.profile.expired_count:
            self._purge(now)
        slots = sorted(self._slots(), key=lambda slot: slot.order)
        return [slot.cookie for slot in slots if not slot.cookie.is_expired(now)]

    def end_session(self) -> None:
        """Close the browser: delete all cookies without a lifetime (section 5.7, "the current session is over")."""
        self._take([slot for slot in self._slots() if slot.cookie.expires is None])

    def clear(self) -> None:
        """Delete all cookies."""
        self._groups.clear()
        self._size = 0

    def _purge(self, now: datetime) -> None:
        self._take([slot for slot in self._slots() if slot.cookie.is_expired(now)])

    def _group(self, host: str) -> dict[_Key, Slot]:
        return self._groups.get(self.sites.registrable(host), {})

    def _slots(self) -> Iterator[Slot]:
        return (slot for group in self._groups.values() for slot in group.values())

    def _take(self, slots: Iterable[Slot]) -> None:
        for slot in list(slots):
            domain = self.sites.registrable(slot.cookie.domain)
            group = self._groups[domain]
            del group[slot.cookie.key]
            self._size -= 1
            if not group:
                del self._groups[domain]

    def _drop_expired(self, request: Request) -> None:
        group = self._group(request.address.host)
        expired = [slot for slot in group.values() if slot.cookie.is_expired(request.now)]
        if expired and not self.profile.expired_count:
            self._take(expired)

    def _drop_excess(self, cookie: StoredCookie, request: Request) -> int:
        """Evict cookies that exceed a limit and return how many were evicted."""
        slots = [slot for slot in self._group(cookie.domain).values() if slot.cookie.partition == cookie.partition]
        if not self.profile.counts_by_site:
            slots = [slot for slot in slots if slot.cookie.domain == cookie.domain]
        if cookie.partition is None:
            excess = select_excess_of_domain(slots, self.profile, request.now)
        else:
            excess = select_excess_of_partition(slots, self.profile, request.now)
        self._take(excess)
        return len(excess) + self._drop_excess_in_all(request.now)

    def _drop_excess_in_all(self, now: datetime) -> int:
        if self._size <= self.profile.total[0] or (self._spared_until is not None and now < self._spared_until):
            return 0
        self._purge(now)
        excess = select_excess_in_total(list(self._slots()), self.profile, now)
        self._take(excess)
        # If no cookie was idle for long enough, do not search again before the least recently used one is.
        idle = timedelta(seconds=self.profile.total_spares_s)
        self._spared_until = (
            None if excess or not idle else min((slot.used for slot in self._slots()), default=now) + idle
        )
        return len(excess)

    def _request(self, url: str, now: datetime, api: Api, context: Context) -> Request:
        return make_request(url, now=_aware(now), api=api, context=context, sites=self.sites, profile=self.profile)


def _aware(now: datetime) -> datetime:
    if now.tzinfo is None:
        raise ValueError(f"The time {now!r} has no time zone. Use datetime.now(timezone.utc).")
    return now


def _scope(cookie: StoredCookie) -> str:
    return f"path={cookie.path!r}" + ("" if cookie.host_only else f", domain={cookie.domain!r}")


def _overlays(new: StoredCookie, old: StoredCookie, profile: Profile) -> bool:
    """Return whether an insecure cookie would hide or replace a Secure one (section 5.7, step 16)."""
    if not old.secure or old.name != new.name or old.partition != new.partition:
        return False
    if not profile.secure_protects_host_only and new.domain != old.domain:
        above = old if domain_matches(new.domain, old.domain) else new
        if above.host_only:
            return False
    if not (domain_matches(new.domain, old.domain) or domain_matches(old.domain, new.domain)):
        return False
    return path_matches(new.path, old.path)
