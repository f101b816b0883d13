"""Say what each browser does with a Set-Cookie line, why, and what to write instead."""

from __future__ import annotations

import typing as t

from ..user_agent.browsers import PROFILES
from ..user_agent.comparing import BROWSERS
from ..user_agent.devtools import issue_when_set, said_when_set
from .hidden import cut

if t.TYPE_CHECKING:
    from ..user_agent.verdicts import Verdict
    from .conversations import Fate

#: How the profiles are called in tables.
CALLED: t.Final = {"chromium": "Chromium", "firefox": "Firefox", "safari": "Safari", "rfc6265bis": "the standard"}
#: The longest value in a cell of a table of variables, or in a line.
LONGEST_CELL = 80


class BrowserVerdict(t.NamedTuple):
    """What one browser does with a Set-Cookie line."""

    browser: str
    is_own: bool
    word: str
    reason: str
    rule: str
    notes: tuple[str, ...]


class LineReport(t.NamedTuple):
    """Everything about one Set-Cookie line.

    Attributes:
        name: The name of the cookie.
        line: The line, with its value as it is shown.
        verdicts: What each browser does.
        chrome_says: What the developer tools of Chrome say; empty if nothing.
        chrome_issue: The title of Chrome's issue; empty if there is none.
        cure: What to write instead; empty if nothing is wrong.
        outcome: What the next requests brought back.
        is_lost: Whether the cookie was dropped or did not come back.
        agreement: What all browsers do, if they agree; empty otherwise.
    """

    name: str
    line: str
    verdicts: list[BrowserVerdict]
    chrome_says: str
    chrome_issue: str
    cure: str
    outcome: str
    is_lost: bool
    agreement: str


def report_of(fate: Fate, profile: str) -> LineReport:
    """Return everything about one Set-Cookie line, for a client that is a browser of this profile."""
    own = fate.verdicts.get(profile)
    chromium = fate.verdicts.get("chromium")
    is_blocked = chromium is not None and not chromium.kept and not fate.deletes("chromium")
    rule = chromium.rule if chromium is not None and is_blocked else ""
    order = [profile, *(name for name in BROWSERS if name != profile)]
    is_lost = own is not None and not own.kept and not fate.deletes(profile)
    return LineReport(
        name=fate.line.name,
        line=f"{cut(fate.line.name)}={_brief(fate.line.value.text)}{cut(fate.line.attributes, 500)}",
        verdicts=[_of_browser(name, fate.verdicts[name], profile) for name in order if name in fate.verdicts],
        chrome_says=said_when_set(fate.line.line(), rule) if rule else "",
        chrome_issue=issue_when_set(rule) if rule else "",
        cure=own.cure if own is not None else "",
        outcome=fate.outcome,
        is_lost=is_lost,
        agreement=_agreement(fate, profile),
    )


def _brief(value: str) -> str:
    """Return a value with its middle left out if it is long."""
    return value if len(value) <= LONGEST_CELL else f"{value[:40]}…{value[-24:]}"


def _agreement(fate: Fate, profile: str) -> str:
    words = {word_of(verdict) for verdict in fate.verdicts.values()}
    if len(words) != 1 or any(verdict.notes for verdict in fate.verdicts.values()):
        return ""
    reason = fate.verdicts[profile].reason.removeprefix(f"{PROFILES[profile].called} ")
    return f"Chromium, Firefox, Safari and the standard agree: each {reason}"


def _of_browser(name: str, verdict: Verdict, profile: str) -> BrowserVerdict:
    rule = verdict.rule if verdict.rule.startswith(("http", "layered")) else f"rfc6265bis {verdict.rule}"
    word = word_of(verdict).partition(" ")[0] if verdict.rule != "3.1" else "nothing to delete"
    return BrowserVerdict(CALLED[name], name == profile, word, verdict.reason, rule, tuple(map(str, verdict.notes)))


def word_of(verdict: Verdict) -> str:
    """Return what a browser does with a line, as a verb."""
    if verdict.kept:
        return "stores"
    if verdict.deleted:
        return "deletes"
    return "has nothing to delete:" if verdict.rule == "3.1" else "drops"
