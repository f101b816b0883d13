"""Results as text for a terminal, as JSON, and as sections of a Markdown document.

What must live here: formatting, and the machine's description. What must not: measuring.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import shlex
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.measuring.rounds import Row, Spread
    from benchmarks.measuring.workload import Goal

NOTHING = "–"  # noqa: RUF001 - the dash of an empty cell
TIMES = "×"  # noqa: RUF001 - the sign of a ratio


def number(value: float) -> str:
    """A figure with three significant digits, and no more than it means."""
    if value >= 1000:
        return f"{value:,.0f}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def spread(value: Spread | None) -> str:
    """A median with its quartiles."""
    return NOTHING if value is None else f"{number(value.median)} ({number(value.low)}-{number(value.high)})"


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    return {
        "date": dt.datetime.now(tz=dt.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "processor": f"{model}, {os.cpu_count()} cores",
        "system": platform.platform(),
        "load": os.getloadavg()[0],
    }


def warn_if_busy() -> None:
    """Say so when other processes will share the processor with what is measured."""
    busy = os.getloadavg()[0]
    if busy > 0.5:
        print(f"The machine is busy (load {busy:.1f}): the figures will be noisy.", file=sys.stderr)


def command() -> str:
    """The command that was given, as it can be given again from the project's root."""
    script = Path(sys.argv[0]).resolve()
    root = Path(__file__).resolve().parents[2]
    name = str(script.relative_to(root)) if script.is_relative_to(root) else script.name
    return f".venv/bin/python {name} {shlex.join(sys.argv[1:])}".strip()


def versions(distributions: Iterable[str]) -> dict[str, str]:
    """The versions that took part."""
    return {name: version(name) for name in distributions}


def text_row(row: Row, reference: str) -> str:
    """One workload as lines for a terminal: each peer's time, and its ratio to the reference with quartiles."""
    lines = [row.workload.name]
    for peer in row.times_us:
        time = row.time_us(peer)
        assert time is not None
        ratio = row.ratio(peer, reference)
        shown = "" if ratio is None or peer == reference else f"{spread(ratio):>24}"
        lines.append(f"    {peer:<12}{number(time.median):>10} µs{shown}")
    lines.extend(f"  ! {peer} left out: {fault}" for peer, fault in row.faults.items())
    return "\n".join(lines)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, with everything but the first column to the right."""
    lines = [f"| {' | '.join(header)} |", f"|{'|'.join(['---', *['---:'] * (len(header) - 1)])}|"]
    lines.extend(f"| {' | '.join(cells)} |" for cells in rows)
    return "\n".join(lines)


def times_table(rows: Sequence[Row], peers: Sequence[str]) -> str:
    """Microseconds per request: a line for each workload, a column for each peer."""
    body = []
    for row in rows:
        times = [row.time_us(peer) for peer in peers]
        body.append([row.workload.name, *(NOTHING if time is None else number(time.median) for time in times)])
    return table(["µs per request", *peers], body)


def ratios_table(rows: Sequence[Row], peers: Sequence[str], reference: str) -> str:
    """How many times as long as the reference each peer takes: median of the rounds' ratios, with quartiles."""
    others = [peer for peer in peers if peer != reference]
    body = [[row.workload.name, *(spread(row.ratio(peer, reference)) for peer in others)] for row in rows]
    return table([f"time, as a multiple of {reference}'s", *others], body)


def goals_table(rows: Sequence[Row]) -> str:
    """Each goal beside what was reached, missed ones too."""
    body = []
    for row in rows:
        for goal in row.workload.goals:
            reached = _reached(goal, row, rows)
            if reached is not None:
                wanted, got, met = reached
                body.append([row.workload.name, wanted, got, "yes" if met else "**no**"])
    return table(["work", "goal", "reached", "met"], body)


def _reached(goal: Goal, row: Row, rows: Sequence[Row]) -> tuple[str, str, bool] | None:
    """A goal in words, the figure that was reached and whether that is enough; None where it was not measured."""
    tuile, other = row.time_us("Tuile"), row.time_us(goal.peer)
    if tuile is None or other is None:
        return None
    if goal.times is not None:
        ratio = row.ratio(goal.peer, "Tuile")
        assert ratio is not None
        return f"{goal.peer} takes ≥ {goal.times:g} {TIMES} as long", spread(ratio), ratio.median >= goal.times
    if goal.extra_us is not None:
        extra = tuile.median - other.median
        return f"≤ {goal.extra_us:g} µs more than {goal.peer}", f"{extra:.2f} µs", extra <= goal.extra_us
    if goal.at_most_us is not None:
        return f"≤ {goal.at_most_us:g} µs", f"{number(tuile.median)} µs", tuile.median <= goal.at_most_us
    base = next((one.time_us("Tuile") for one in rows if one.workload.name == goal.of), None)
    if base is None or goal.at_most_times is None:
        return None
    times = tuile.median / base.median
    return f"≤ {goal.at_most_times:g} {TIMES} {goal.of}", f"{times:.2f}", times <= goal.at_most_times


def write_json(path: Path, content: dict[str, Any]) -> None:
    """The figures for programs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_section(path: Path, name: str, content: str) -> None:
    """Put a section between its two marks in a Markdown file, replacing what was there; other text stays as it is."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    section = f"{begin}\n\n{content.strip()}\n\n{end}\n"
    old = path.read_text(encoding="utf-8") if path.exists() else "# Performance\n"
    before, found, rest = old.partition(begin)
    after = rest.partition(f"{end}\n")[2] if found else ""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{before.rstrip()}\n\n{section}{after}", encoding="utf-8")


def provenance(made_from: dict[str, str]) -> str:
    """Where figures come from: command, date, machine and versions, as a Markdown list."""
    on = machine()
    listed = ", ".join(f"{name} {one}" for name, one in made_from.items())
    return "\n".join(
        [
            f"- Command: `{command()}`",
            f"- Date: {on['date']}",
            f"- Machine: {on['processor']}; {on['system']}; load at the end {on['load']:.2f}",
            f"- Python: {on['python']}",
            f"- Versions: {listed}",
        ]
    )
