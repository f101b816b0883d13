"""Play cookie cases in real browsers, and on the jar, and compare what they keep, send and say.

A case has the form of `tests.conformance.cases`, with a `kind` and without expectations: what is right is what the
browser does. Both browsers are driven by the same few actions, those of `Tab`.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from tests.browser.cookie_server import Answer
from tests.conformance.cases import context_of, expand
from tuile.user_agent.jar import Jar
from tuile.user_agent.verdicts import decode_octets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.browser.cookie_server import CookieServer
    from tests.conformance.cases import Case
    from tuile.user_agent.verdicts import StoredCookie

HOPS = 15  # browsers follow 20 redirects
PATIENCE_S = 100.0
EXPIRES_WITHIN_S = 5.0

BATCH = 40

#: What a browser says about a cookie: the host of the page (empty if unknown), its line or a text about it, reasons.
Said = tuple[str, str, tuple[str, ...]]
#: What a browser knows about a stored cookie: domain, path, Secure, HttpOnly, SameSite, expires, partition.
Facts = tuple[str, str, bool, bool, str, "float | None", "tuple[str, bool] | None"]


class Tab(Protocol):
    """The actions that a browser must offer."""

    profile: str
    version: str
    #: Whether nothing is said about cookies of a response that redirects.
    is_silent_about_redirects: bool

    def goto(self, url: str) -> None:
        """Open a URL as if it was typed."""

    def run(self, script: str, *arguments: object, frame: tuple[int, ...] = ()) -> Any:
        """Run the body of an async function in a frame, with `args`, and return what it returns."""

    def clear(self) -> None:
        """Delete all cookies, and forget what was said about cookies."""

    def stored(self) -> list[Facts]:
        """Return the facts about all cookies."""

    def refused(self) -> list[Said]:
        """Return what the browser says about cookies that it refused, since the last `clear`."""

    def withheld(self) -> list[tuple[str, tuple[str, ...]]] | None:
        """Return the names of cookies that were not sent with the browser's reasons; None if it gives none."""

    def stop(self) -> None:
        """Quit."""


@dataclass
class Outcome:
    """What became of a case."""

    sent: list[str] = field(default_factory=list)
    stored: list[Facts] = field(default_factory=list)
    refused: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    withheld: list[tuple[str, tuple[str, ...]]] | None = None
    at: list[float] = field(default_factory=list)  # the time of each op


def octets(text: str) -> bytes:
    """Encode text as it is sent: one octet per character, or UTF-8 if a character is not an octet."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def octets_as_text(line: str) -> str:
    """Return a line as a browser that takes it for UTF-8 or Latin-1 shows it."""
    return octets(expand(line)).decode("latin-1")


def can_play(case: Case) -> bool:
    """Return whether the case does not depend on time and a page can cause everything in it."""
    return all(
        ("set" in op or "get" in op)
        and op.get("method", "GET") in {"GET", "POST"}
        and op.get("status", 200) >= 200
        and not any(character in line for line in op.get("lines", ()) for character in "\0\r\n")
        for op in case["ops"]
    )


# Firefox shows a page what its script has set until another process has refused it.
_SET_AND_READ = """
for (const line of args[0]) document.cookie = line;
if (args[0].length) await new Promise(done => setTimeout(done, 50));
return document.cookie;
"""


def to_data(case: Case, outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as JSON data, with what was played."""
    return {"ops": case["ops"], **asdict(outcome)}


def from_data(data: dict[str, Any]) -> Outcome:
    """Return an outcome from JSON data."""
    pairs = {
        name: None if data[name] is None else [(text, tuple(reasons)) for text, reasons in data[name]]
        for name in ("refused", "withheld")
    }
    stored = [(*facts[:6], None if facts[6] is None else tuple(facts[6])) for facts in data["stored"]]
    return Outcome(data["sent"], stored, pairs["refused"] or [], pairs["withheld"], data["at"])


# --- in a browser -----------------------------------------------------------------------------------------------------


class Player:
    """Plays cases in a tab of a browser, which asks a server of ours."""

    def __init__(self, tab: Tab, server: CookieServer) -> None:
        self.tab = tab
        self.server = server
        self.failed: list[tuple[str, str]] = []  # cases that could not be played, with the error

    def play(self, case: Case) -> Outcome:
        """Play a case in a browser without cookies."""
        self.tab.clear()
        outcome = Outcome()
        for group in self._groups(case["ops"]):
            if len(group) > 1 or _is_plain(group[0]):
                self._visit(group, outcome)
            else:
                self._do(group[0], outcome)
        outcome.stored = self.tab.stored()
        outcome.refused = [(line, reasons) for _, line, reasons in self.tab.refused()]
        outcome.withheld = self.tab.withheld()
        return outcome

    def play_all(self, cases: Sequence[Case]) -> Iterator[tuple[Case, Outcome]]:
        """Play cases; those that have a site of their own many at a time."""
        alone = [case for case in cases if "site" not in case]
        together = [case for case in cases if "site" in case]
        for first in range(0, len(together), BATCH):
            batch = together[first : first + BATCH]
            try:
                outcomes = self._play_together(batch)
            except Exception:  # noqa: BLE001 - whatever a browser may raise
                alone += batch
            else:
                yield from outcomes
        for case in alone:
            try:
                outcome = self.play(case)
            except Exception as error:  # noqa: BLE001 - whatever a browser may raise
                self.failed.append((case["id"], repr(error)[:200]))
                self.tab.goto("about:blank")
            else:
                yield case, outcome

    def _play_together(self, cases: Sequence[Case]) -> list[tuple[Case, Outcome]]:
        self.tab.clear()
        outcomes = [Outcome() for _ in cases]
        for case, outcome in zip(cases, outcomes, strict=True):
            for group in self._groups(case["ops"]):
                self._visit(group, outcome)
        stored, refused = self.tab.stored(), self.tab.refused()
        for case, outcome in zip(cases, outcomes, strict=True):
            site = case["site"]
            outcome.stored = [facts for facts in stored if f".{facts[0]}".endswith(f".{site}")]
            outcome.refused = [
                (line, reasons)
                for host, line, reasons in refused
                if f".{host}".endswith(f".{site}") or (not host and line == octets_as_text(case["ops"][0]["lines"][0]))
            ]
        return list(zip(cases, outcomes, strict=True))

    def _groups(self, ops: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
        """Yield ops that one navigation covers: plain visits of one site, by redirects."""
        group: list[dict[str, Any]] = []
        for op in ops:
            fits = group and len(group) < HOPS and _is_plain(op) and _is_plain(group[-1])
            fits = fits and _site(op) == _site(group[-1])
            if group and not (fits and not (self.tab.is_silent_about_redirects and "set" in group[-1])):
                yield group
                group = []
            group.append(op)
        if group:
            yield group

    def _visit(self, ops: list[dict[str, Any]], outcome: Outcome) -> None:
        """Visit URLs of one site by one navigation with redirects."""
        answers = [Answer(lines=tuple(octets(expand(line)) for line in op.get("lines", ()))) for op in ops]
        urls = [
            self.server.add(expand(op.get("set") or op["get"]), answer) for op, answer in zip(ops, answers, strict=True)
        ]
        for answer, following in zip(answers, urls[1:], strict=False):
            answer.status, answer.location = 302, following
        self.tab.goto(urls[0])
        for op, answer in zip(ops, answers, strict=True):
            assert answer.cookie is not None, op
            outcome.at.append(answer.at_s)
            if "get" in op:
                outcome.sent.append(answer.cookie)

    def _do(self, op: dict[str, Any], outcome: Outcome) -> None:
        script = op.get("api") == "script"
        lines = [expand(line) for line in op.get("lines", ())]
        url = expand(op.get("set") or op["get"])
        answer = Answer(lines=() if script else tuple(map(octets, lines)), status=op.get("status", 200))
        if answer.status == 302:
            answer.location = self.server.at(url)
        address = self.server.add(url, answer)
        context = op.get("context", {})
        for redirect in reversed(context.get("redirects", ())):
            address = self.server.add(redirect, Answer(status=302, location=address))
        frame: tuple[int, ...] = ()
        method = op.get("method", "GET")
        if "top_level_site" in context:
            frame = self._within(context, address, method, script=script)
        else:
            self._navigate(context, address, answer, method)
        if script:
            seen = self.tab.run(_SET_AND_READ, lines, frame=frame)
        else:
            self._wait(lambda: answer.cookie is not None, op)
            seen = answer.cookie
        outcome.at.append(answer.at_s or time.time())
        if "get" in op:
            outcome.sent.append(seen)

    def _navigate(self, context: dict[str, Any], address: str, answer: Answer, method: str) -> None:
        """Navigate the address bar, as if typed or from the open page."""
        if "initiator" not in context:
            self.tab.goto(address)
            return
        initiator = context["initiator"]
        page = "data:text/html,page" if initiator == "null" else self.server.at(initiator)
        self.tab.goto(page)
        here = self.tab.run("return location.href")
        self.tab.run(
            """
            const [address, method] = args;
            setTimeout(() => {
                if (method === "GET") { location.href = address; return; }
                const form = document.createElement("form");
                form.action = address; form.method = method;
                document.body.append(form); form.submit();
            }, 0);
            """,
            address,
            method,
        )

        def is_there() -> bool:
            if answer.cookie is None:
                return False
            try:
                where, state = self.tab.run("return [location.href, document.readyState]")
            except Exception:  # noqa: BLE001 - while the page changes, browsers raise this or that
                return False
            return bool(where != here and state == "complete")

        self._wait(is_there, address)

    def _within(self, context: dict[str, Any], address: str, method: str, *, script: bool) -> tuple[int, ...]:
        """Send a request from within a page, by a fetch or a frame, and return the path of the frame."""
        self.tab.goto(self.server.at(context["top_level_site"]))
        frame: tuple[int, ...] = ()
        if "initiator" in context and context["initiator"] != context["top_level_site"]:
            frame = self._frame(frame, self.server.at(context["initiator"]))
        if context.get("cross_site_ancestor") and "initiator" not in context:
            # A page over http, with a frame over https, may not have one over http below that.
            scheme = urlsplit(context["top_level_site"]).scheme
            frame = self._frame(frame, self.server.at(f"{scheme}://between.test/"))
        if context.get("cross_site_ancestor") or script:
            return self._frame(frame, address)
        self.tab.run(
            "await fetch(args[0], {method: args[1], mode: 'no-cors', credentials: 'include'}).catch(() => 0);",
            address,
            method,
            frame=frame,
        )
        return frame

    def _frame(self, parent: tuple[int, ...], address: str) -> tuple[int, ...]:
        self.tab.run(
            """
            await new Promise(done => {
                const frame = document.createElement("iframe");
                frame.onload = done; frame.src = args[0]; document.body.append(frame);
            });
            """,
            address,
            frame=parent,
        )
        return (*parent, 0)

    def _wait(self, is_so: Any, what: object) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < deadline, what
            time.sleep(0.01)


def _is_plain(op: dict[str, Any]) -> bool:
    return not set(op) & {"api", "context", "method", "status"}


def _site(op: dict[str, Any]) -> str:
    host = urlsplit(expand(op.get("set") or op["get"])).hostname or ""
    return ".".join(host.split(".")[-2:])


# --- on the jar -------------------------------------------------------------------------------------------------------


def play_on_jar(case: Case, profile: str, at: list[float]) -> tuple[Outcome, list[str]]:
    """Play a case on a jar, at the times at which a browser played it; return the rules of all verdicts as well."""
    jar, outcome, rules = Jar(profile), Outcome(withheld=[], at=at), []
    assert outcome.withheld is not None
    now = datetime.now(timezone.utc)
    for op, at_s in zip(case["ops"], at, strict=True):
        now = datetime.fromtimestamp(at_s, timezone.utc)
        url, api, context = expand(op.get("set") or op["get"]), op.get("api", "http"), context_of(op)
        # A redirect with 302 turns POST into GET.
        method = "GET" if context.redirects else op.get("method", "GET")
        for withheld in jar.withheld(url, now=now, api=api, method=method, context=context):
            outcome.withheld.append((withheld.name, tuple(reason.name for reason in withheld.reasons)))
        header = jar.cookie_header(url, now=now, api=api, method=method, context=context)
        if "get" in op:
            outcome.sent.append(header)
            continue
        lines = [expand(line) if api == "script" else octets(expand(line)) for line in op["lines"]]
        for verdict in jar.receive(url, lines, now=now, api=api, context=context, status=op.get("status", 200)):
            rules.append(verdict.rule)
            if not verdict.kept and verdict.rule not in {"5.7", "3.1"}:
                outcome.refused.append((verdict.line, (verdict.rule,)))
    outcome.stored = [facts_of(cookie) for cookie in jar.cookies(now)]
    return outcome, rules


def facts_of(cookie: StoredCookie) -> Facts:
    """Return what the jar knows about a cookie."""
    domain = cookie.domain if cookie.host_only else f".{cookie.domain}"
    domain = f"[{domain}]" if ":" in domain else domain
    expires = None if cookie.expires is None else cookie.expires.timestamp()
    return (
        domain,
        decode_octets(cookie.path),
        cookie.secure,
        cookie.httponly,
        cookie.samesite,
        expires,
        cookie.partition,
    )


def same_facts(ours: list[Facts], theirs: list[Facts]) -> bool:
    """Return whether two lists of facts are the same, up to their order and some seconds."""
    if len(ours) != len(theirs):
        return False

    def key(facts: Facts) -> str:
        return repr((facts[:5], facts[5] is None, facts[6]))

    for mine, other in zip(sorted(ours, key=key), sorted(theirs, key=key), strict=True):
        if key(mine) != key(other):
            return False
        if mine[5] is not None and other[5] is not None and abs(mine[5] - other[5]) > EXPIRES_WITHIN_S:
            return False
    return True
