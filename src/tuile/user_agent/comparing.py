"""Compare what browsers and the standard do with the Set-Cookie lines of one response, and why they differ.

Each browser has its own jar, so what one response sets can be looked for in the next request.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from .browsers import PROFILES, Profile
from .differences import DIFFERENCES, Difference
from .jar import Jar
from .rules import make_request
from .sending import Reason, reasons_to_withhold
from .sites import TYPED, Context, PublicSuffix, last_label, load_public_suffixes, parse_address

if t.TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from .verdicts import StoredCookie, Verdict

#: The browsers in the order in which people look for them, and the standard.
BROWSERS = ("chromium", "firefox", "safari", "rfc6265bis")
_ELSEWHERE = "https://elsewhere.example/"


class Occasion(t.NamedTuple):
    """A kind of request with which a cookie may be sent back.

    Attributes:
        text: What makes the request.
        method: Its method.
        context: Where it comes from.
        script: Whether a script of the page reads `document.cookie` instead.
        scheme: The scheme of the request; None: that of the response which set the cookie.
    """

    text: str
    method: str = "GET"
    context: Context = TYPED
    script: bool = False
    scheme: str | None = None


OCCASIONS = (
    Occasion("a page, form or fetch of this site"),
    Occasion("a link on another site", context=Context(initiator=_ELSEWHERE)),
    Occasion("a form that another site posts", "POST", Context(initiator=_ELSEWHERE)),
    Occasion("a frame or image in another site", context=Context(top_level_site=_ELSEWHERE)),
    Occasion("document.cookie in a script of this site", script=True),
    Occasion("a page of this host over http", scheme="http"),
)


@dataclass(frozen=True)
class Comparison:
    """What each browser does with one Set-Cookie line.

    Attributes:
        line: The line, one character per octet.
        verdicts: The verdict of each browser, by the name of its profile.
        sent: For each occasion, the reasons for which each browser that keeps the cookie does not send it back.
        differences: The differences from the standard that matter for this line, by the name of the profile.
    """

    line: str
    verdicts: dict[str, Verdict]
    sent: dict[Occasion, dict[str, tuple[Reason, ...]]]
    differences: dict[str, tuple[Difference, ...]]

    @property
    def name(self) -> str:
        """The name of the cookie, as the standard reads it."""
        return self.verdicts["rfc6265bis"].name


class Browsers:
    """The browsers that are compared, each with its cookies.

    Args:
        public_suffix: A function that returns the public suffix of a host. By default the list that browsers use, or
            the last label of a host if `publicsuffixlist` is not installed.
    """

    def __init__(self, public_suffix: PublicSuffix | None = None) -> None:
        #: Whether public suffixes of more than one label are known.
        self.knows_public_suffixes = True
        if public_suffix is None:
            try:
                public_suffix = load_public_suffixes()
            except ImportError:
                public_suffix, self.knows_public_suffixes = last_label, False
        self._public_suffix = public_suffix
        self.jars = {name: Jar(name, public_suffix) for name in BROWSERS}

    def receive(
        self, url: str, lines: Iterable[str], *, now: datetime, context: Context = TYPED, status: int = 200
    ) -> list[Comparison]:
        """Process the Set-Cookie lines of a response in every browser, and compare the results.

        Args:
            url: The URL of the response.
            lines: The values of its Set-Cookie fields, one character per octet.
            now: The current time, with a time zone.
            context: Where the request came from.
            status: The status of the response.

        Raises:
            ValueError: If the URL is not absolute.
        """
        return [self._compare(url, line, now, context, status) for line in lines]

    def _compare(self, url: str, line: str, now: datetime, context: Context, status: int) -> Comparison:
        verdicts = {
            name: jar.receive(url, [line], now=now, context=context, status=status)[0]
            for name, jar in self.jars.items()
        }
        sent: dict[Occasion, dict[str, tuple[Reason, ...]]] = {}
        again = (Occasion("the same frame or request again", context=context),) if context.top_level_site else ()
        for occasion in (*again, *OCCASIONS):
            if occasion.scheme is not None and occasion.scheme == parse_address(url).scheme:
                continue
            found = {
                name: self._withheld(verdict.cookie, url, occasion, now, self.jars[name].profile)
                for name, verdict in verdicts.items()
                if verdict.cookie is not None
            }
            if found:
                sent[occasion] = found
        differences = {
            name: tuple(self._differences(url, line, now, context, PROFILES[name])) for name in BROWSERS[:-1]
        }
        return Comparison(line, verdicts, sent, differences)

    def _withheld(
        self, cookie: StoredCookie, url: str, occasion: Occasion, now: datetime, profile: Profile
    ) -> tuple[Reason, ...]:
        """Return why a request to the place of the cookie does not send it; empty if it does."""
        scheme = occasion.scheme or parse_address(url).scheme
        host = f"[{cookie.domain}]" if ":" in cookie.domain else cookie.domain
        request = make_request(
            f"{scheme}://{host}/",
            now=now,
            api="script" if occasion.script else "http",
            context=occasion.context,
            sites=self.jars[profile.name].sites,
            profile=profile,
        )
        # The request is to where the cookie is for: other paths and hosts are no question of the occasion.
        there = request._replace(address=request.address._replace(path=cookie.path))
        return tuple(reasons_to_withhold(cookie, there, occasion.method))

    # --- why browsers differ ------------------------------------------------------------------------------------------

    def _differences(
        self, url: str, line: str, now: datetime, context: Context, profile: Profile
    ) -> Iterable[Difference]:
        """Yield the settings of a browser without which it would treat the line in another way."""
        outcome = self._outcome(url, line, now, context, profile)
        if outcome == self._outcome(url, line, now, context, PROFILES["rfc6265bis"]):
            return
        for row in DIFFERENCES:
            if row.profile == profile.name:
                changed = replace(profile, **{row.setting: getattr(PROFILES["rfc6265bis"], row.setting)})
                if self._outcome(url, line, now, context, changed) != outcome:
                    yield row

    def _outcome(self, url: str, line: str, now: datetime, context: Context, profile: Profile) -> object:
        """Return what a browser without cookies does with a line, as a value to compare."""
        jar = Jar(profile, self._public_suffix)
        verdict = jar.receive(url, [line], now=now, context=context)[0]
        cookie = verdict.cookie
        if cookie is None:
            return verdict.rule, verdict.deleted, verdict.kept
        sent = tuple(
            tuple(reason.name for reason in self._withheld(cookie, url, occasion, now, profile))
            for occasion in OCCASIONS
        )
        return cookie, sent
