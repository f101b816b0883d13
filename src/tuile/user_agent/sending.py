"""Decide whether a stored cookie is sent with a request, and say why it is not (section 5.8.3).

The reasons have Chromium's names where it has one (`Network.CookieBlockedReason` of its DevTools protocol, in
content/browser/devtools/protocol/network_handler.cc; read on 2026-11-28).
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from datetime import timedelta

from .cures import OVER_HTTPS
from .set_cookie import LAYERED
from .sites import domain_matches, path_matches
from .verdicts import Note, describe_name

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from .rules import Request
    from .verdicts import StoredCookie

#: The methods of requests that change nothing (RFC 9110 section 9.2.1), with which cross-site navigations send Lax
#: cookies.
SAFE_METHODS: t.Final = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))

ReasonName: t.TypeAlias = t.Literal[
    # Chromium's
    "DomainMismatch",
    "NotOnPath",
    "SecureOnly",
    "SameSiteStrict",
    "SameSiteLax",
    "SameSiteUnspecifiedTreatedAsLax",
    "SchemefulSameSiteStrict",
    "SchemefulSameSiteLax",
    "SchemefulSameSiteUnspecifiedTreatedAsLax",
    # where it has none
    "HttpOnly",
    "PartitionMismatch",
    "ThirdParty",
    "NoCredentials",
]


class Reason(t.NamedTuple):
    """One reason why a cookie is not sent.

    Attributes:
        name: A short name: Chromium's, where it has one.
        rule: The section that decides.
        text: The reason, which completes a sentence that begins with "it".
        cure: What to do to have the cookie sent. Empty if it is as it should be.
    """

    name: ReasonName
    rule: str
    text: str
    cure: str = ""


# The fetch standard, "Credentials".
WITHOUT_CREDENTIALS = Reason(
    "NoCredentials",
    "https://fetch.spec.whatwg.org/#credentials",
    "fetch() to another origin sends no cookies by default",
    "write: fetch(url, credentials='include')",
)


@dataclass(frozen=True)
class Withheld:
    """A stored cookie that is not sent with a request, and why.

    Attributes:
        cookie: The cookie.
        reasons: All reasons, in the order in which browsers look at them.
        called: How the browser is called in a sentence.
    """

    cookie: StoredCookie
    reasons: tuple[Reason, ...]
    called: str = "A browser"

    @property
    def name(self) -> str:
        """The name of the cookie."""
        return self.cookie.name

    @property
    def reason(self) -> ReasonName:
        """The name of the first reason."""
        return self.reasons[0].name

    def __str__(self) -> str:
        first = self.reasons[0]
        subject = f"{self.called} does not send {describe_name(self.cookie.name)}"
        said = "; ".join(dict.fromkeys(reason.text for reason in self.reasons))
        return str(Note(first.rule, f"{subject}: {said}", first.cure))


def is_sent(cookie: StoredCookie, request: Request, method: str) -> bool:
    """Return whether the cookie is sent with a request."""
    return next(reasons_to_withhold(cookie, request, method), None) is None


def reasons_to_withhold(cookie: StoredCookie, request: Request, method: str) -> Iterator[Reason]:
    """Yield the reasons why a cookie is not sent with a request; none if it is sent.

    Args:
        cookie: The cookie, which has not expired.
        request: The circumstances of the request.
        method: Its method.
    """
    address = request.address
    if cookie.httponly and request.script:
        yield Reason("HttpOnly", "5.8.3", "it is HttpOnly, and a script asks for it")
    if not (address.host == cookie.domain if cookie.host_only else domain_matches(address.host, cookie.domain)):
        below = "" if cookie.host_only else " and the hosts below it"
        text = f"it is for {cookie.domain}{below}, not for {address.host}"
        yield Reason("DomainMismatch", "5.8.3", text)
    if not path_matches(address.path, cookie.path):
        text = f"it is for paths below {cookie.path}, not for {address.path[:80]}"
        yield Reason("NotOnPath", "5.8.3", text, "set it with path='/', if it is for all pages")
    if cookie.secure and not request.secure:
        yield Reason("SecureOnly", "5.8.3", f"it is Secure, and {address} is not a secure connection", OVER_HTTPS)
    yield from _samesite(cookie, request, method)
    yield from _partition(cookie, request)


def _partition(cookie: StoredCookie, request: Request) -> Iterator[Reason]:
    here = request.address.host
    if cookie.partition is None:
        if request.third_party and request.profile.third_party != "kept":
            text = f"{here} is a third party here, and has only the cookies that it has set for {request.partition[0]}"
            yield Reason("ThirdParty", "7.1", text, "set it in the frame, with partitioned=True")
    elif cookie.partition != request.partition:
        text = f"it was set for {_told(cookie.partition)}, and this is {_told(request.partition)}"
        yield Reason("PartitionMismatch", LAYERED, text)


def _told(partition: tuple[str, bool]) -> str:
    site, between = partition
    return f"a page of {site}{' with another site in between' if between else ''}"


def _samesite(cookie: StoredCookie, request: Request, method: str) -> Iterator[Reason]:
    profile = request.profile
    explicit = cookie.samesite != "Default"
    samesite = cookie.samesite if explicit else profile.samesite_by_default
    if request.relation == "same-site" or samesite == "None":
        return
    which: ReasonName
    if samesite == "Strict":
        which, text = "SameSiteStrict", "it is SameSite=Strict"
    elif request.relation == "navigation" and not request.script and _passes_lax(cookie, request, method):
        return
    elif explicit:
        which, text = "SameSiteLax", "it is SameSite=Lax"
    else:
        which, text = "SameSiteUnspecifiedTreatedAsLax", "without SameSite it counts as Lax"
    told = f"{text}, and the request comes from another site"
    if request.by_redirect:
        told += ": a redirect on its way was one"
    elif request.by_scheme:
        which = t.cast("ReasonName", f"Schemeful{which}")
        told += ": http and https are two"
    elif request.relation == "navigation" and samesite != "Strict":
        told += f" with {method}"
    yield Reason(which, "5.8.3", told, _CURES[samesite == "Strict"])


_CURES = (
    "for requests from other sites, set it with samesite='None', secure=True",
    "for links from other sites, set it with samesite='Lax'; for all else, with samesite='None', secure=True",
)


def _passes_lax(cookie: StoredCookie, request: Request, method: str) -> bool:
    """Return whether a cookie that is or counts as Lax is sent when the address bar is filled."""
    if method.upper() in SAFE_METHODS:
        return True
    young = timedelta(seconds=request.profile.lax_allows_unsafe_s)
    return cookie.samesite == "Default" and bool(young) and request.now - cookie.created <= young
