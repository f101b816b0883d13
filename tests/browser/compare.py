"""Play all cases in browsers and on the jar: `make browsers`. Prints agreement, and writes docs/browsers.md.

`python -m tests.browser.compare [--browsers chromium,firefox] [--kinds dates,scopes] [--show 20] [--write] [--again]`
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.browser.conftest import CHROMIUM_NAMES, find_executable
from tests.browser.cookie_server import CookieServer
from tests.browser.exceptions import exception_for
from tests.browser.make_cases import load
from tests.browser.marionette import FIREFOX_NAMES
from tests.browser.oracles import Player, can_play, from_data, play_on_jar, same_facts, to_data
from tests.browser.reasons import agrees, without_scheme

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.oracles import Outcome, Tab
    from tests.conformance.cases import Case

PAGE = Path(__file__).parents[2] / "docs" / "browsers.md"
#: What the browsers did the last time, for `--again`.
RECORDS = Path(__file__).parents[2] / ".browsers"
#: Reasons for which Chromium has no name, so that it does not list the cookie.
_NOT_LISTED = {"HttpOnly", "PartitionMismatch", "ThirdParty"}


#: Firefox cuts what it says about long names, so that the reason is missing.
_CUT_AT = 1000


@dataclass
class Agreement:
    """How one browser and the jar agree."""

    profile: str
    version: str
    cases: Counter[str] = field(default_factory=Counter)  # by kind
    different: list[tuple[str, str, str, str]] = field(default_factory=list)  # kind, id, ours, theirs
    refused: int = 0  # lines with a reason of the browser
    refused_otherwise: list[tuple[str, str, str]] = field(default_factory=list)
    withheld: int = 0  # cookies with a reason of the browser
    withheld_otherwise: list[tuple[str, str, str]] = field(default_factory=list)

    failed: list[tuple[str, str]] = field(default_factory=list)  # cases that could not be played

    def add(self, case: Case, theirs: Outcome) -> None:
        """Compare a case that the browser has played."""
        ours, _ = play_on_jar(case, self.profile, theirs.at)
        self.cases[case["kind"]] += 1
        if ours.sent != theirs.sent:
            self.different.append((case["kind"], case["id"], str(ours.sent), str(theirs.sent)))
        elif not same_facts(ours.stored, theirs.stored):
            self.different.append((case["kind"], case["id"], str(ours.stored), str(theirs.stored)))
        self._add_refused(case, ours, theirs)
        self._add_withheld(case, ours, theirs)

    def _add_refused(self, case: Case, ours: Outcome, theirs: Outcome) -> None:
        said: dict[str, tuple[str, ...]] = {}
        if self.profile == "chromium":
            said = dict(theirs.refused)
        elif len(ours.refused) == 1:  # Firefox names cookies, not lines
            texts = (text for text, _ in theirs.refused if "soon be" not in text and len(text) < _CUT_AT)
            said = {ours.refused[0][0]: tuple(texts)}
        for line, (rule,) in ours.refused:
            reasons = said.get(line) or ()
            if reasons:
                self.refused += 1
                if not agrees(self.profile, rule, reasons):
                    self.refused_otherwise.append((case["id"], rule, str(reasons)))

    def _add_withheld(self, case: Case, ours: Outcome, theirs: Outcome) -> None:
        if theirs.withheld is None:
            return
        listed = {(name, frozenset(map(without_scheme, reasons))) for name, reasons in theirs.withheld}
        for name, reasons in dict.fromkeys(ours.withheld or ()):
            mine = frozenset(map(without_scheme, reasons))
            if mine & _NOT_LISTED:
                continue
            self.withheld += 1
            if (name, mine) not in listed:
                others = [set(reasons) for other, reasons in theirs.withheld if other == name]
                self.withheld_otherwise.append((case["id"], f"{name} {set(mine)}", str(others)))

    def unexplained(self) -> list[tuple[str, str, str, str]]:
        """Return the differences that no exception explains."""
        return [one for one in self.different if exception_for(self.profile, one[1]) is None]


def open_tab(browser: str, folder: Path, server: CookieServer) -> Tab | None:
    """Start a browser; return None if there is none on this machine."""
    profile = folder / browser
    profile.mkdir()
    if browser == "chromium":
        from tests.browser.chromium import ChromiumTab  # noqa: PLC0415 - needs playwright

        executable = find_executable(CHROMIUM_NAMES)
        return ChromiumTab(executable, profile) if executable else None
    from tests.browser.firefox import FirefoxTab  # noqa: PLC0415 - as the other one

    executable = find_executable(FIREFOX_NAMES)
    return FirefoxTab(executable, profile, server) if executable else None


def compare(browser: str, cases: list[Case], folder: Path, record: dict[str, Any] | None = None) -> Agreement | None:
    """Play cases in a browser and compare; return None if there is no such browser.

    Args:
        browser: The browser.
        cases: The cases.
        folder: An empty folder.
        record: What was played before, by id: those cases are not played again. What is played now is added.
    """
    record = {} if record is None else record
    known = record.setdefault("outcomes", {})
    left = [case for case in cases if known.get(case["id"], {}).get("ops") != json.loads(json.dumps(case["ops"]))]
    server = CookieServer(folder)
    try:
        tab = open_tab(browser, folder, server)
        if tab is None:
            return None
        try:
            record["version"] = tab.version
            player = Player(tab, server)
            for case, outcome in player.play_all(left):
                known[case["id"]] = to_data(case, outcome)
        finally:
            tab.stop()
    finally:
        server.stop()
    agreement = Agreement(browser, record["version"], failed=player.failed)
    failed = dict(player.failed)
    for case in cases:
        if case["id"] not in failed:
            agreement.add(case, from_data(known[case["id"]]))
    return agreement


# --- what is told -----------------------------------------------------------------------------------------------------


def percent(number: int, of: int) -> str:
    """Return a share in percent."""
    return f"{100 * number / of:.1f} %" if of else "none"


def summary(agreement: Agreement) -> Iterator[str]:
    """Yield lines that say how many cases agree, by kind."""
    bad = Counter(kind for kind, *_ in agreement.different)
    for kind, number in sorted(agreement.cases.items()):
        yield f"  {kind:14}{number - bad[kind]:6} of {number}"
    total = sum(agreement.cases.values())
    good = total - len(agreement.different)
    yield f"  {'all':14}{good:6} of {total}  {percent(good, total)}"
    refused = agreement.refused - len(agreement.refused_otherwise)
    yield f"  reasons why a line is refused: {refused} of {agreement.refused}  {percent(refused, agreement.refused)}"
    withheld = agreement.withheld - len(agreement.withheld_otherwise)
    if agreement.withheld:
        share = percent(withheld, agreement.withheld)
        yield f"  reasons why a cookie is not sent: {withheld} of {agreement.withheld}  {share}"


def page(agreements: list[Agreement]) -> str:
    """Return docs/browsers.md."""
    today = datetime.now(timezone.utc).date()
    lines = [
        "# Browsers compared",
        "",
        "Written by `make browsers`, which plays the cases of `tests/browser/cases` and of",
        "`tests/conformance/user_agent` in headless browsers and on the jar (`tuile.user_agent.jar`), and compares",
        "what is stored, what is sent, and the reasons that a browser gives. How browsers differ is in",
        "`src/tuile/user_agent/differences.py`, each setting with its source. Safari's settings are from sources only:",
        "no Safari runs on Linux.",
        "",
        "| browser | version | date | cases | agree | reasons for refusing | reasons for not sending |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for agreement in agreements:
        total, refused, withheld = sum(agreement.cases.values()), agreement.refused, agreement.withheld
        cells = [
            agreement.profile.title(),
            agreement.version,
            str(today),
            str(total),
            f"{total - len(agreement.different)} ({percent(total - len(agreement.different), total)})",
            f"{refused - len(agreement.refused_otherwise)} of {refused}",
            f"{withheld - len(agreement.withheld_otherwise)} of {withheld}" if withheld else "gives none",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "## By kind", "", f"| kind | {' | '.join(one.profile.title() for one in agreements)} |"]
    lines.append(f"| --- |{' --- |' * len(agreements)}")
    for kind in sorted({kind for one in agreements for kind in one.cases}):
        cells = []
        for one in agreements:
            bad = sum(kind == other for other, *_ in one.different)
            cells.append(f"{one.cases[kind] - bad} of {one.cases[kind]}")
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    lines += ["", "## What differs", ""]
    for one in agreements:
        found = Counter[str]()
        for _, id_, *_ in one.different:
            found[exception_for(one.profile, id_) or f"not explained: `{id_[:70]}`"] += 1
        lines += [f"{one.profile.title()}:", ""] if found else [f"{one.profile.title()}: nothing.", ""]
        lines += [f"- {number} × {reason}" for reason, number in found.most_common()]
        lines += [""] if found else []
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--browsers", default="chromium,firefox")
    parser.add_argument("--kinds", default="")
    parser.add_argument("--again", action="store_true", help="do not play what was played before, but compare it")
    parser.add_argument("--show", type=int, default=20, help="how many differences are shown")
    parser.add_argument("--write", action="store_true", help="write docs/browsers.md")
    options = parser.parse_args()
    kinds = set(filter(None, options.kinds.split(",")))
    cases = [case for case in load() if can_play(case) and (not kinds or case["kind"] in kinds)]
    agreements = []
    for browser in options.browsers.split(","):
        file = RECORDS / f"{browser}.json"
        record: dict[str, Any] = json.loads(file.read_text()) if options.again and file.exists() else {}
        try:
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                agreement = compare(browser, cases, Path(folder), record)
        finally:
            RECORDS.mkdir(exist_ok=True)
            file.write_text(json.dumps(record))
        if agreement is None:
            print(f"NO {browser.upper()} ON THIS MACHINE: it is not compared.", file=sys.stderr)
            continue
        agreements.append(agreement)
        print(f"{browser} {agreement.version}")
        print("\n".join(summary(agreement)))
        for _, *told in agreement.unexplained()[: options.show]:
            print("  different: {}\n    jar     {}\n    browser {}".format(*(text[:300] for text in told)))
        for id_, error in agreement.failed:
            print(f"  not played: {id_}: {error}")
        for one in [*agreement.refused_otherwise, *agreement.withheld_otherwise][: options.show]:
            print("  another reason: {}\n    jar     {}\n    browser {}".format(*(text[:200] for text in one)))
    if options.write and agreements:
        PAGE.write_text(page(agreements), encoding="utf-8")
    return 1 if not agreements or any(one.unexplained() or one.failed for one in agreements) else 0


if __name__ == "__main__":
    sys.exit(main())
