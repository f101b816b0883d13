"""Explain the cookies of one or more responses, in the order in which they arrived."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

from tuile.cookie.findings import RequestDetails, Scopes, find
from tuile.user_agent.comparing import BROWSERS, Browsers
from tuile.user_agent.rules import make_request
from tuile.user_agent.sites import Context
from tuile.user_agent.tables import called, describe, folded, outcome, printable, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuile.user_agent.comparing import Comparison

#: How many Set-Cookie lines are explained, how long one may be, and all together. Chromium takes 256 KB of headers.
MOST_LINES, LONGEST_LINE, MOST_OCTETS = 200, 65_536, 262_144


class Unreadable(Exception):
    """The input cannot be explained. The message says why."""


class Exchange(NamedTuple):
    """A request and its response, as far as they matter to cookies. Header text has one character per octet."""

    url: str
    method: str
    status: int
    set_cookie: tuple[str, ...]
    cookies: str | None = None  # the Cookie field; None if the request is not known
    origin: str = "null"
    date: datetime | None = None
    redirected: bool = False  # whether the response before sent the client here
    is_assumed: bool = False  # whether nothing says the URL


class _Budget:
    """How much is still explained."""

    def __init__(self) -> None:
        self._lines, self._octets = MOST_LINES, MOST_OCTETS

    def takes(self, line: str) -> bool:
        """Return whether a line is explained, and count it."""
        fits = self._lines > 0 and len(line) <= min(LONGEST_LINE, self._octets)
        if fits:
            self._lines -= 1
            self._octets -= len(line)
        return fits


class Responses:
    """The explanation of responses.

    Args:
        exchanges: The requests and responses, in order.
        top_level: The page in the address bar, if the requests are not top-level navigations.
        initiator: The page that made the requests.
        date: When the responses arrived. None: when they say, or now.
        sources: Whether to name the source of each difference between browsers.
    """

    def __init__(
        self,
        exchanges: list[Exchange],
        *,
        top_level: str | None = None,
        initiator: str | None = None,
        date: datetime | None = None,
        sources: bool = False,
    ) -> None:
        self._sources = sources
        self._browsers = Browsers()
        self._scopes: Scopes = {}
        self._told: list[_Told] = []
        self._left_out = 0
        budget, redirects = _Budget(), tuple[str, ...]()
        for number, exchange in enumerate(exchanges):
            redirects = (*redirects, exchanges[number - 1].url) if exchange.redirected and number else ()
            context = Context(initiator, top_level, redirects=redirects)
            now = date or exchange.date or datetime.now(timezone.utc)
            lines = tuple(filter(budget.takes, exchange.set_cookie))
            self._left_out += len(exchange.set_cookie) - len(lines)
            self._told.append(self._tell(exchange._replace(set_cookie=lines), context, now))

    def _tell(self, exchange: Exchange, context: Context, now: datetime) -> _Told:
        try:
            sent = {
                name: jar.cookie_header(exchange.url, now=now, method=exchange.method, context=context)
                for name, jar in self._browsers.jars.items()
            }
            withheld = {
                name: tuple(map(str, jar.withheld(exchange.url, now=now, method=exchange.method, context=context)))
                for name, jar in self._browsers.jars.items()
            }
            comparisons = self._browsers.receive(
                exchange.url, exchange.set_cookie, now=now, context=context, status=exchange.status
            )
            others = self._others(exchange, context, now, comparisons)
        except ValueError as error:
            raise Unreadable(str(error)) from None
        return _Told(exchange, context, now, sent, withheld, comparisons, others)

    def _others(
        self, exchange: Exchange, context: Context, now: datetime, comparisons: list[Comparison]
    ) -> tuple[str, ...]:
        """Return what the checks find in the lines besides what browsers do with each."""
        jar = self._browsers.jars["chromium"]
        circumstances = make_request(
            exchange.url, now=now, api="http", context=context, sites=jar.sites, profile=jar.profile
        )
        details = RequestDetails(exchange.method, exchange.cookies or "", exchange.origin, is_safari=False)
        found = find(list(exchange.set_cookie), circumstances, details, self._scopes)
        told = {
            (verdict.name, rule)
            for comparison in comparisons
            for verdict in comparison.verdicts.values()
            for rule in (verdict.rule, *(note.rule for note in verdict.notes))
        }
        return tuple(dict.fromkeys(str(note) for name, note in found if (name, note.rule) not in told))

    def text(self) -> str:
        """Return the explanation for a terminal."""
        return "\n".join(self._lines()).rstrip()

    def _lines(self) -> Iterator[str]:
        for told in self._told:
            yield from told.lines(first=told is self._told[0], sources=self._sources)
        if self._left_out:
            yield f"{self._left_out} more Set-Cookie lines are left out: they are too many, or too long."
        if not self._browsers.knows_public_suffixes:
            yield (
                "The public suffix list is not installed, so the last label of a host counts as its public suffix."
                ' Run: pip install "tuile[testing]".'
            )

    def data(self) -> object:
        """Return the explanation as JSON data."""
        return {"responses": [told.data() for told in self._told], "lines_left_out": self._left_out}


class _Told(NamedTuple):
    """One exchange, with what is to be said about it."""

    exchange: Exchange
    context: Context
    now: datetime
    sent: dict[str, str]
    withheld: dict[str, tuple[str, ...]]
    comparisons: list[Comparison]
    others: tuple[str, ...]

    def lines(self, *, first: bool, sources: bool) -> Iterator[str]:
        """Yield the lines for a terminal."""
        exchange = self.exchange
        what = f"{printable(exchange.method)} {shortened(exchange.url)}, status {exchange.status}"
        if exchange.is_assumed:
            what = f"As if {shortened(exchange.url)} had sent it (--url takes another)"
        yield f"{what}, {self.now:%Y-%m-%d %H:%M:%S} UTC, {self._origin()}"
        if not first:
            yield from self._cookies_sent()
        yield ""
        if not self.comparisons:
            yield "There are no cookies to explain in this response."
            yield ""
        said: set[str] = set()
        for comparison in self.comparisons:
            yield from describe(comparison, sources=sources, said=said)
        for other in self.others:
            yield from folded(f"Also: {printable(other)}")
            yield ""

    def _origin(self) -> str:
        top, initiator = self.context.top_level_site, self.context.initiator
        if top is not None:
            return f"within a page of {shortened(top)}"
        return "from the address bar" if initiator is None else f"from {shortened(initiator)}"

    def _cookies_sent(self) -> Iterator[str]:
        """Yield which of the cookies that were set before each browser sends with this request."""
        groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for name in BROWSERS:
            reasons = tuple(text.partition(" does not send ")[2] for text in self.withheld[name])
            groups.setdefault((self.sent[name], reasons), []).append(name)
        for (header, reasons), names in groups.items():
            if header or reasons:
                yield f"  Sent by {called(names)}: {shortened(header) if header else 'no cookie'}"
                for reason in reasons:
                    yield from folded(f"Not sent: {printable(reason)}", "    ")

    def data(self) -> dict[str, object]:
        """Return the exchange and what is said about it as JSON data."""
        exchange = self.exchange
        return {
            "url": exchange.url,
            "method": exchange.method,
            "status": exchange.status,
            "date": self.now.isoformat(),
            "sent_before": {
                name: {"cookie": self.sent[name], "withheld": list(self.withheld[name])} for name in BROWSERS
            },
            "cookies": [_comparison_data(comparison) for comparison in self.comparisons],
            "findings": list(self.others),
        }


def _comparison_data(comparison: Comparison) -> dict[str, object]:
    return {
        "line": comparison.line,
        "name": comparison.name,
        "browsers": {
            name: {
                "outcome": outcome(verdict),
                "kept": verdict.kept,
                "deleted": verdict.deleted,
                "rule": verdict.rule,
                "reason": verdict.reason,
                "cure": verdict.cure,
                "notes": list(map(str, verdict.notes)),
                "sent": {
                    occasion.text: [reason.name for reason in found[name]]
                    for occasion, found in comparison.sent.items()
                    if name in found
                },
                "differs": [row.says for row in comparison.differences.get(name, ())],
            }
            for name, verdict in comparison.verdicts.items()
        },
    }
