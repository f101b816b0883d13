"""Run an application's own tests on Flask and on Tuile, and compare them test by test."""

from __future__ import annotations

import os
import shlex
import tempfile
import typing as t
from itertools import pairwise

from .junit import Case, comparable, read_junit
from .reports import Difference, Report, Table
from .runs import Run, run
from .sides import (
    CALLED,
    FLASK,
    SIDES,
    TUILE,
    CannotCompare,
    check_witnesses,
    environment,
    find_facts,
    interpreter_of,
)
from .timing import judged, ratios, spread

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PLACE = "{junit}"
_NO_TESTS = 5  # pytest's exit code
_SHOWN = 15
#: Tests that take less than this are not listed, in seconds: the clock of a runner has milliseconds.
_LEAST_S = 0.005


class _Round(t.NamedTuple):
    """One run of one side."""

    run: Run
    cases: dict[str, Case]


def prove_suite(
    command: Sequence[str], *, called: str, repeats: int, timeout_s: float, made_by: str, tell: Callable[[str], None]
) -> Report:
    """Return the report about a test command.

    Args:
        command: The program, with its path, and its arguments.
        called: The command as it was given.
        repeats: How often each side runs, alternating.
        timeout_s: How long one run may take.
        made_by: The command line of the report.
        tell: A function that is told what is being done.

    Raises:
        CannotCompare: If there is nothing to compare.
    """
    facts = find_facts(interpreter_of(command))
    rounds: dict[str, list[_Round]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory(prefix="tuile-prove-") as folder:
        witnesses = {side: os.path.join(folder, f"witness-{side}") for side in SIDES}
        for path in witnesses.values():
            os.mkdir(path)
        for number in range(repeats):
            # Alternating, so that neither side has always the warmer caches.
            for side in SIDES if number % 2 == 0 else reversed(SIDES):
                tell(f"run {number + 1} of {repeats} on {CALLED[side]}")
                rounds[side].append(_run(side, command, timeout_s, folder, witnesses[side]))
            if number == 0:
                _check_first(rounds, witnesses)
                if any(rounds[side][0].run.code is None for side in SIDES):
                    break  # it would hang again
    report = Report(f"Tests on Flask and on Tuile: {called}", made_by, facts.lines())
    _compare(report, rounds)
    _measure(report, rounds)
    return report


def _run(side: str, command: Sequence[str], timeout_s: float, folder: str, witness: str) -> _Round:
    junit = os.path.join(folder, "junit.xml")
    if os.path.exists(junit):
        os.remove(junit)
    try:
        done = run(with_junit(command, junit), environment(side, witness), timeout_s, os.path.join(folder, "output"))
    except OSError as error:
        raise CannotCompare(f"{command[0]} cannot be started: {error.strerror}.") from None
    try:
        return _Round(done, read_junit(junit))
    except CannotCompare as error:
        return _Round(done._replace(tail=f"{error}\n{done.tail}"), {})


def with_junit(command: Sequence[str], junit: str) -> list[str]:
    """Return the command with the option that makes it write JUnit XML.

    Raises:
        CannotCompare: If it is not known how.
    """
    if any(_PLACE in word for word in command):
        return [word.replace(_PLACE, junit) for word in command]
    if _is_pytest(command):
        return [*command, f"--junitxml={junit}"]
    raise CannotCompare(
        f"How does {os.path.basename(command[0])} write JUnit XML? Put {_PLACE} where its file is named, for example:"
        f" tuile prove -- {shlex.join(command)} --junit-xml {_PLACE}"
    )


def _is_pytest(command: Sequence[str]) -> bool:
    names = [os.path.basename(word).removesuffix(".exe") for word in command]
    if names[0] in {"pytest", "py.test"}:
        return True
    return any(pair == ("-m", "pytest") for pair in pairwise(command))


def _check_first(rounds: dict[str, list[_Round]], witnesses: dict[str, str]) -> None:
    """Check that the first run of each side has compared something.

    Raises:
        CannotCompare: If it has not.
    """
    first = {side: rounds[side][0] for side in SIDES}
    if not any(one.cases for one in first.values()):
        if all(one.run.code in {0, _NO_TESTS} for one in first.values()):
            raise CannotCompare(f"No tests ran.\n{first[FLASK].run.tail}")
        told = "\n\n".join(f"On {CALLED[side]} it {one.run.ending()}:\n{one.run.tail}" for side, one in first.items())
        raise CannotCompare(f"The command has no results on either side. {told}")
    if all(one.cases for one in first.values()):
        check_witnesses(witnesses)


# --- results ----------------------------------------------------------------------------------------------------------


def _compare(report: Report, rounds: dict[str, list[_Round]]) -> None:
    for number, (one, other) in enumerate(zip(rounds[FLASK], rounds[TUILE], strict=True), 1):
        if one.run.code != other.run.code:
            texts = [f"{done.run.ending()}\n{done.run.tail}" for done in (one, other)]
            report.differences.append(Difference(f"run {number}", "the command ends differently", *texts))
            break
    names = list(dict.fromkeys(name for side in SIDES for done in rounds[side] for name in done.cases))
    same, unsteady = 0, 0
    for name in names:
        seen = {side: _seen(rounds[side], name) for side in SIDES}
        if seen[FLASK] == seen[TUILE]:
            same += 1
            unsteady += len(seen[FLASK]) > 1
        else:
            report.differences.append(Difference(name, _what(seen), *(_told(seen[side]) for side in SIDES)))
    count = len(names)
    report.summary = f"{count} tests: {same} end the same on both, {count - same} do not."
    if unsteady:
        report.remarks.append(
            f"{unsteady} tests end in different ways from run to run, in the same ways on both sides."
        )
    outcomes = {
        side: _counted(case.outcome for case in rounds[side][0].cases.values()) if rounds[side] else ""
        for side in SIDES
    }
    report.tables.append(
        Table("Outcomes of the first run", ("side", "outcomes"), [(CALLED[side], outcomes[side]) for side in SIDES])
    )


def _seen(rounds: list[_Round], name: str) -> frozenset[tuple[str, str]]:
    """Return how a test ended in the runs of a side."""
    found = (done.cases.get(name) for done in rounds)
    return frozenset(
        ("did not run", "") if case is None else (case.outcome, comparable(case.message)) for case in found
    )


def _what(seen: dict[str, frozenset[tuple[str, str]]]) -> str:
    outcomes = {side: {outcome for outcome, _ in seen[side]} for side in SIDES}
    if outcomes[FLASK] == outcomes[TUILE]:
        return f"{' or '.join(sorted(outcomes[FLASK]))} on both, with another message"
    return ", ".join(f"{' or '.join(sorted(outcomes[side]))} on {CALLED[side]}" for side in SIDES)


def _told(seen: frozenset[tuple[str, str]]) -> str:
    return "\n".join(f"{outcome}: {message}" if message else outcome for outcome, message in sorted(seen))


def _counted(outcomes: t.Iterable[str]) -> str:
    counts: dict[str, int] = {}
    for outcome in outcomes:
        counts[outcome] = counts.get(outcome, 0) + 1
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())) or "none"


# --- times ------------------------------------------------------------------------------------------------------------


def _measure(report: Report, rounds: dict[str, list[_Round]]) -> None:
    kinds: dict[str, dict[str, list[float]]] = {
        "the command, from start to end": {side: [done.run.wall_s for done in rounds[side]] for side in SIDES},
        "the tests, by their runner": {
            side: [sum(case.time_s for case in done.cases.values()) for done in rounds[side]] for side in SIDES
        },
        "processors (user and system)": {
            side: [done.run.cpu_s for done in rounds[side] if done.run.cpu_s is not None] for side in SIDES
        },
    }
    rows, data = [], {}
    for kind, times in kinds.items():
        if not (times[FLASK] and times[TUILE]) or not any(times[FLASK]):
            continue
        ratio = ratios(times[FLASK], times[TUILE])
        found = {side: spread(times[side]) for side in SIDES}
        told = "" if ratio is None else ratio.number()
        rows.append((kind, found[FLASK].seconds(), found[TUILE].seconds(), told, judged(ratio)))
        data[kind] = {**{side: found[side].data() for side in SIDES}, "ratio": ratio and ratio.data(), "runs": times}
    count = len(rounds[FLASK])
    headings = ("time of", "Flask", "Tuile", "Flask : Tuile", "Tuile is")
    report.tables.append(Table(f"Time: median of {count} runs of each side (least to greatest)", headings, rows))
    report.tables.extend(_by_test(rounds))
    report.data["times"] = data
    report.data["tests"] = {
        name: {side: [done.cases[name]._asdict() for done in rounds[side] if name in done.cases] for side in SIDES}
        for name in dict.fromkeys(name for side in SIDES for done in rounds[side] for name in done.cases)
    }
    report.remarks.append(
        f"Each side ran {count} times in processes of its own, alternating on one machine. A ratio above 1 means that"
        " Flask took longer; it is the median of the pairs of runs. 'no difference' means that the pairs do not agree."
    )
    report.remarks.append(
        "Most of the time of a test is often not the framework's: starting Python, imports, fixtures, a database."
    )


def _by_test(rounds: dict[str, list[_Round]]) -> t.Iterator[Table]:
    """Yield a table of the tests in whose time the sides differ most."""
    found = []
    for name in rounds[FLASK][0].cases:
        times = {side: [done.cases[name].time_s for done in rounds[side] if name in done.cases] for side in SIDES}
        if times[FLASK] and times[TUILE]:
            medians = {side: spread(times[side]) for side in SIDES}
            gain = medians[FLASK].median - medians[TUILE].median
            if max(medians[side].median for side in SIDES) >= _LEAST_S:
                found.append((gain, name, medians, ratios(times[FLASK], times[TUILE])))
    found.sort(key=lambda row: -abs(row[0]))
    rows = [
        (name, medians[FLASK].seconds(), medians[TUILE].seconds(), ratio.number() if ratio else "", judged(ratio))
        for _, name, medians, ratio in found[:_SHOWN]
    ]
    if rows:
        headings = ("test", "Flask", "Tuile", "Flask : Tuile", "Tuile is")
        yield Table(f"The {len(rows)} tests with the greatest difference in time", headings, rows)
