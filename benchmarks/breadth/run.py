#!/usr/bin/env python3
"""Hundreds of everyday works on Flask and on Tuile, their answers compared before anything is measured.

    python benchmarks/breadth/run.py                       processor time and instructions of all works
    python benchmarks/breadth/run.py "cookies: 20"         of the works with this text in their names
    python benchmarks/breadth/run.py --quick               processor time alone, in short slices
    python benchmarks/breadth/run.py --check               instructions alone, against the floors
    python benchmarks/breadth/run.py --raise-floors        the same, and writes the floors that went up

Times are processor time: slices of both frameworks in turn, each in its own process, and the median of the rounds'
ratios. Instructions are counted by valgrind's callgrind; what Flask takes is kept in `.bench/breadth` until a work or a
version changes.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

# Started as a file, Python looks for modules beside it; these are modules of the project.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.breadth.floors import Floors
from benchmarks.breadth.measuring import (
    FRAMEWORKS,
    HERE,
    Row,
    WorkFailed,
    count,
    geometric_mean,
    in_parallel,
    time_subject,
)
from benchmarks.breadth.subjects import SUBJECTS
from benchmarks.measuring import report

FLOORS = HERE / "floors.json"


def main() -> int:
    """Measure what the command line asks for and print it; 1 when answers differ or a floor is missed."""
    options = _options()
    started = time.monotonic()
    checking = options.check or options.raise_floors
    rows = _timed(options, rounds=0 if checking or options.instructions else options.rounds)
    if not (options.quick or options.no_instructions) or checking:
        try:
            _count(rows, options)
        except WorkFailed as error:
            print(error, file=sys.stderr)
            return 2
    rows.sort(key=_worst_first)
    _print(rows, options)
    failed = _faults(rows)
    if checking:
        failed += _check(rows, options)
    print("\n".join(failed))
    print(f"{len(rows)} works in {time.monotonic() - started:.0f} s")
    if options.markdown is not None:
        report.write_section(options.markdown, "breadth", _markdown(rows))
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("filter", nargs="?", default="", help="a text in the names of the works to measure")
    parser.add_argument("--subject", action="append", choices=SUBJECTS, help="a subject to measure; all by default")
    parser.add_argument("--quick", action="store_true", help="three short rounds, no instructions")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--slice-ms", type=float, default=20, help="processor time of one framework in one round")
    parser.add_argument("--no-instructions", action="store_true", help="times alone")
    parser.add_argument("--instructions", action="store_true", help="instructions alone")
    parser.add_argument("--check", action="store_true", help="compare the instructions with the floors")
    parser.add_argument("--raise-floors", action="store_true", help="the same, and write the floors that went up")
    parser.add_argument("--rows", type=int, default=0, metavar="COUNT", help="print so many rows; all by default")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the table into this document")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.slice_ms = 3, 6
    return options


def _timed(options: argparse.Namespace, rounds: int) -> list[Row]:
    """Compare and time the works."""
    rows = []
    for subject in options.subject or SUBJECTS:
        found = list(time_subject(subject, options.filter, rounds, options.slice_ms / 1000))
        rows += found
        if found and sys.stderr.isatty():
            print(f"{subject}: {len(found)}", file=sys.stderr)
    return rows


def _count(rows: list[Row], options: argparse.Namespace) -> None:
    """Count the instructions of the works, of both frameworks at once."""
    subjects = [subject for subject in options.subject or SUBJECTS if any(_is_of(row, subject) for row in rows)]
    if not subjects:
        return
    jobs = [(framework, subjects, options.filter) for framework in FRAMEWORKS]
    counted = dict(zip(FRAMEWORKS, in_parallel(count, jobs, len(jobs)), strict=True))
    for row in rows:
        row.instructions = {name: figures[row.name] for name, figures in counted.items() if row.name in figures}


def _is_of(row: Row, subject: str) -> bool:
    return row.name.startswith(f"{subject}: ")


def _worst_first(row: Row) -> float:
    ratios = [ratio for ratio in (row.time_ratio, row.instruction_ratio) if ratio is not None]
    return min(ratios) if ratios else 0.0


def _print(rows: list[Row], options: argparse.Namespace) -> None:
    """Print the table, the worst rows first, and what they come to."""
    print(f"{'µs':>31}{'instructions':>28}")
    print(f"{'Flask':>8}{'Tuile':>9}{'ratio':>8}{'Flask':>14}{'Tuile':>12}{'ratio':>8}  work")
    for row in rows[: options.rows or None]:
        print(_line(row))
    for kind, ratios in _ratios(rows).items():
        if ratios:
            print(
                f"{kind}: geometric mean {geometric_mean(ratios):.2f}, {sum(ratio < 1 for ratio in ratios)} under 1,"
                f" {sum(ratio < 3 for ratio in ratios)} under 3, of {len(ratios)}"
            )


def _line(row: Row) -> str:
    if row.fault:
        return f"{'left out':>59}  {row.name}"
    times, ratio = _medians(row), row.time_ratio
    line = f"{times[0]:>8.1f}{times[1]:>9.1f}{ratio:>8.2f}" if ratio is not None else " " * 25
    counted, ratio = row.instructions, row.instruction_ratio
    line += f"{counted['flask']:>14,}{counted['tuile']:>12,}{ratio:>8.2f}" if ratio is not None else " " * 34
    return f"{line}  {row.name}"


def _medians(row: Row) -> list[float]:
    times = [sorted(row.times_us[framework]) for framework in FRAMEWORKS]
    return [one[len(one) // 2] if one else 0.0 for one in times]


def _ratios(rows: list[Row]) -> dict[str, list[float]]:
    return {
        "processor time": [row.time_ratio for row in rows if row.time_ratio is not None],
        "instructions": [row.instruction_ratio for row in rows if row.instruction_ratio is not None],
    }


def _faults(rows: list[Row]) -> list[str]:
    return [f"{row.name}: {row.fault}" for row in rows if row.fault]


def _check(rows: list[Row], options: argparse.Namespace) -> list[str]:
    """Compare the ratios with the floors; raise these first where that is asked for."""
    floors = Floors.read(FLOORS)
    measured = {row.name: row.instruction_ratio for row in rows if row.instruction_ratio is not None}
    whole = not (options.filter or options.subject)
    if options.raise_floors:
        if not whole or _faults(rows):
            return ["Floors are raised by all works together, when their answers are the same."]
        for name, (old, new) in floors.raised(measured).items():
            print(f"raised from {old:.2f} to {new:.2f}: {name}")
        floors.write(FLOORS)
    return floors.faults(measured, whole=whole)


def _markdown(rows: list[Row]) -> str:
    body = []
    for row in rows:
        times = _medians(row)
        counted = row.instructions
        body.append(
            [
                row.name,
                *(report.number(time) for time in times),
                report.NOTHING if row.time_ratio is None else report.number(row.time_ratio),
                *(f"{counted[name]:,}" if name in counted else report.NOTHING for name in FRAMEWORKS),
                report.NOTHING if row.instruction_ratio is None else report.number(row.instruction_ratio),
            ]
        )
    header = ["work", "Flask, µs", "Tuile, µs", "ratio", "Flask, instructions", "Tuile, instructions", "ratio"]
    means = [
        f"- {kind}: geometric mean {geometric_mean(ratios):.2f} of {len(ratios)} works,"
        f" {sum(ratio < 1 for ratio in ratios)} under 1, {sum(ratio < 3 for ratio in ratios)} under 3"
        for kind, ratios in _ratios(rows).items()
        if ratios
    ]
    parts = [report.provenance(report.versions(["flask", "werkzeug", "jinja2"])), "\n".join(means)]
    return "\n\n".join(["## Breadth", *parts, report.table(header, body)])


if __name__ == "__main__":
    raise SystemExit(main())
