#!/usr/bin/env python3
"""How long one request takes within the process, for Tuile and for other frameworks, in one run.

    .venv/bin/python benchmarks/in_process.py                                everything, a few minutes
    .venv/bin/python benchmarks/in_process.py --only hello --peers Tuile Flask Falcon
    .venv/bin/python benchmarks/in_process.py --markdown docs/performance.md

Every peer is asked for the same work and its answer is checked before it is timed. WSGI peers are called as a WSGI
server calls them, ASGI peers from within a running event loop. Each round times every peer once, in rotating order; the
ratios are taken within a round, and their median and quartiles over the rounds are what is printed.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from pathlib import Path

# Started as a file, Python looks for modules beside it; these are modules of the project.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.measuring import environment, report
from benchmarks.measuring.doors import Door
from benchmarks.measuring.rounds import Row, measure
from benchmarks.measuring.workload import PEERS
from benchmarks.workloads import WORKLOADS

EXPLANATION = """\
One request through the application's WSGI or ASGI callable, in one process, without a server: what the framework itself
costs. *bare* is the callable that the server could call with no framework, written by hand for each work. A dash means
that the framework does not do this work, or not in a comparable way. Answers are compared before anything is timed; for
404, 405 and redirects each framework sends its own page. "(call)" is a function call in a request, not a request."""


def main() -> int:
    """Measure what the command line asks for and print it; 1 when a peer gave a wrong answer."""
    options = _options()
    environment.enter()
    logging.disable(logging.WARNING)  # a 404 is not news; for every peer alike
    peers = [peer for peer in PEERS if not options.peers or peer.name in options.peers]
    chosen = [one for one in WORKLOADS if not options.only or any(part in one.name for part in options.only)]
    if not peers or not chosen:
        print("Nothing to measure: no peer or no workload of that name.", file=sys.stderr)
        return 2
    report.warn_if_busy()
    if options.clock == "cpu":
        Door.clock = staticmethod(time.process_time)
    rows: list[Row] = []
    for workload in chosen:
        row = measure(workload, peers, options.rounds, options.slice_ms / 1000)
        reference = "Tuile" if "Tuile" in row.times_us else "Flask"
        print(report.text_row(row, reference), flush=True)
        rows.append(row)
    print()
    print(report.goals_table(rows))
    _save(rows, options)
    return 1 if any(row.faults for row in rows) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="TEXT", help="workloads with one of these texts in their name")
    parser.add_argument("--peers", nargs="+", metavar="NAME", help=f"of: {', '.join(peer.name for peer in PEERS)}")
    parser.add_argument("--rounds", type=int, default=11, help="default: %(default)s")
    parser.add_argument(
        "--slice-ms", type=float, default=40, help="time for one peer in one round, default: %(default)s"
    )
    parser.add_argument(
        "--clock",
        choices=["wall", "cpu"],
        default="wall",
        help="cpu for a machine that others use, default: %(default)s",
    )
    parser.add_argument(
        "--json", type=Path, default=environment.FOLDER / "in_process.json", help="default: %(default)s"
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the tables into this document")
    return parser.parse_args()


def _save(rows: list[Row], options: argparse.Namespace) -> None:
    """Write the figures where the command line wants them."""
    taking_part = [peer for peer in PEERS if any(peer.name in row.times_us for row in rows)]
    versions = report.versions(peer.distribution for peer in taking_part if peer.distribution)
    content = {
        "command": report.command(),
        "machine": report.machine(),
        "versions": versions,
        "rows": [{"work": row.workload.name, "times_us": row.times_us} for row in rows],
    }
    report.write_json(options.json, content)
    if options.markdown is None:
        return
    names = [peer.name for peer in taking_part]
    notes = "\n".join(f"- *{row.workload.name}*: {row.workload.note}" for row in rows if row.workload.note)
    section = [
        "## One request in process",
        EXPLANATION,
        report.provenance(versions),
        notes,
        "### Goals",
        report.goals_table(rows),
        "### Time",
        report.times_table(rows, names),
        f"### Ratios (median of {options.rounds} interleaved rounds, quartiles in brackets)",
        report.ratios_table(rows, names, "Tuile" if "Tuile" in names else "Flask"),
    ]
    report.write_section(options.markdown, "in process", "\n\n".join(part for part in section if part))


if __name__ == "__main__":
    raise SystemExit(main())
