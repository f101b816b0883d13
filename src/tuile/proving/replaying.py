"""Replay recorded requests on Flask and on Tuile, in turns, and compare answers and times."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import typing as t
from collections import Counter

from .exchanges import compare, varying
from .har import read_har
from .reports import Report, Table
from .sides import CALLED, FLASK, SIDES, TUILE, CannotCompare, environment, find_facts
from .timing import judged, ratios, spread
from .turns import NOT_ASKED, Replay, Seen, Turn
from .workers import Worker

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from .exchanges import Answer
    from .har import Recording

_SETUP_S = 600


def prove_requests(replay: Replay, *, made_by: str, tell: Callable[[str], None]) -> Report:
    """Return the report about recorded requests.

    Args:
        replay: What is replayed, and how.
        made_by: The command line of the report.
        tell: A function that is told what is being done.

    Raises:
        CannotCompare: If there is nothing to compare.
    """
    recording = read_har(replay.har, replay.host)
    facts = find_facts(sys.executable)
    seen = {side: Seen() for side in SIDES}
    failed: set[int] = set()
    workers = {side: Worker(side, replay.app, replay.timeout_s) for side in SIDES}
    try:
        for number in range(replay.repeats + 1):
            what = f"turn {number} of {replay.repeats}" if number else "first turn, whose times do not count,"
            # Alternating, so that neither side has always the warmer caches.
            for side in SIDES if number % 2 == 0 else tuple(reversed(SIDES)):
                tell(f"{what} on {CALLED[side]}")
                _set_up(replay.setup, side)
                Turn(workers[side], recording, replay, seen[side], failed, is_first=number == 0).play()
    finally:
        for worker in workers.values():
            worker.close()
    title = f"Requests to {recording.host} on Flask and on Tuile: {os.path.basename(replay.har)}"
    report = Report(title, made_by, facts.lines())
    _compare(report, recording, seen)
    _measure(report, recording, seen)
    _explain(report, recording, replay)
    return report


def _set_up(command: str | None, side: str) -> None:
    """Run the command that prepares the data of a turn.

    Raises:
        CannotCompare: If it fails.
    """
    if command is None:
        return
    try:
        words = shlex.split(command)
        result = subprocess.run(  # noqa: S603 - the user's own command
            words,
            env={**environment(side, None), "PATH": _path_with_scripts()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SETUP_S,
            check=False,
        )
    except (OSError, ValueError, IndexError, subprocess.SubprocessError) as error:
        raise CannotCompare(f"The command of --setup cannot be run: {error}") from None
    if result.returncode:
        printed = result.stdout[-2000:].decode("utf-8", "replace")
        raise CannotCompare(f"The command of --setup ended with exit code {result.returncode}.\n{printed}")


def _path_with_scripts() -> str:
    """Return the PATH, with the programs of this environment first."""
    return os.pathsep.join((os.path.dirname(sys.executable), os.environ.get("PATH", "")))


# --- results ----------------------------------------------------------------------------------------------------------


def _compare(report: Report, recording: Recording, seen: dict[str, Seen]) -> None:
    without: Counter[str] = Counter()
    unsteady: list[str] = []
    same = as_recorded = 0
    for number, recorded in enumerate(recording.requests):
        subject = f"{recorded.method} {recorded.url}"
        first = {side: seen[side].answers[0][number] for side in SIDES}
        compared = compare(subject, first[FLASK], first[TUILE])
        varies = varying([answers[number] for answers in seen[FLASK].answers if not _is_skipped(answers[number])])
        differences = [one for one in compared.differences if one.what not in varies]
        if len(differences) < len(compared.differences):
            unsteady.append(f"{subject} ({', '.join(sorted(varies))})")
        report.differences.extend(differences)
        same += not differences
        without.update(compared.without)
        as_recorded += bool(recorded.status) and first[FLASK].status.startswith(str(recorded.status))
    count = len(recording.requests)
    report.summary = f"{count} requests: {same} are answered the same on both, {count - same} are not."
    if without:
        told = ", ".join(f"{called} ({number} requests)" for called, number in sorted(without.items()))
        report.remarks.append(f"Not compared, because they differ from run to run: {told}.")
    if unsteady:
        report.remarks.append(
            "Not compared, because Flask's own answers differ from turn to turn: " + "; ".join(unsteady[:20])
        )
    known = sum(1 for recorded in recording.requests if recorded.status)
    report.remarks.append(f"{as_recorded} of {known} answers of Flask have the status that was recorded.")
    report.data["requests"] = count
    report.data["as_recorded"] = as_recorded


def _is_skipped(answer: Answer) -> bool:
    return answer.failure == NOT_ASKED


def _measure(report: Report, recording: Recording, seen: dict[str, Seen]) -> None:
    """Add the times of each endpoint: in each turn, the median of its calls."""
    endpoints: dict[str, list[int]] = {}
    for number in range(len(recording.requests)):
        if number in seen[FLASK].endpoints and number in seen[TUILE].endpoints:
            endpoints.setdefault(seen[FLASK].endpoints[number], []).append(number)
    rows, data = [], {}
    for endpoint, numbers in endpoints.items():
        turns = {side: _turns(seen[side], numbers) for side in SIDES}
        if not (turns[FLASK] and turns[TUILE]):
            continue
        ratio = ratios(turns[FLASK], turns[TUILE])
        found = {side: spread(turns[side]) for side in SIDES}
        data[endpoint] = {
            "requests": len(numbers),
            **{side: found[side].data() for side in SIDES},
            "ratio": ratio and ratio.data(),
        }
        cells = (found[FLASK].seconds(), found[TUILE].seconds(), ratio.number() if ratio else "", judged(ratio))
        rows.append((endpoint, str(len(numbers)), *cells))
    report.data["endpoints"] = data
    if rows:
        turns_count = len(seen[FLASK].times)
        headings = ("endpoint", "requests", "Flask", "Tuile", "Flask : Tuile", "Tuile is")
        title = f"Time per endpoint: median of {turns_count} turns of each side (least to greatest)"
        report.tables.append(Table(title, headings, rows))


def _turns(seen: Seen, numbers: list[int]) -> list[float]:
    """Return for each turn the mean over the requests of an endpoint, of the median of the calls of each."""
    found = []
    for times in seen.times:
        medians = [spread(times[number]).median for number in numbers if times.get(number)]
        if medians:
            found.append(sum(medians) / len(medians))
    return found


def _explain(report: Report, recording: Recording, replay: Replay) -> None:
    report.remarks.extend(f"{count} requests were left out: {why}." for why, count in recording.left_out.items())
    report.remarks.append(
        "Requests are calls of the WSGI application in one process for each side, without a server and a network. The"
        f" first turn is compared, and {replay.repeats} more are timed, the sides alternating on one machine. GET, HEAD"
        f" and OPTIONS are called {replay.times} times in a turn, and other methods once. A ratio above 1 means that"
        " Flask took longer; 'no difference' means that the turns do not agree."
    )
    report.remarks.append(
        "Compared are the status, all header fields without regard to the order of their names, and the body. Cookies"
        " are sent as Chromium does: those that the application has set in this turn, and otherwise the recorded ones."
        " Hidden fields, such as tokens against CSRF, are sent as the replayed pages had them."
    )
    if replay.setup is None:
        report.remarks.append(
            "Both sides had the data of one application. If requests change data, give a command that makes it anew:"
            " --setup 'flask --app APP init-db'."
        )
