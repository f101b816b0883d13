#!/usr/bin/env python3
"""How many requests a second a real server answers with Tuile and with other frameworks, in one run.

    .venv/bin/python benchmarks/served.py                          everything, about a quarter of an hour
    .venv/bin/python benchmarks/served.py --servers "granian WSGI" --peers bare Tuile Falcon --rounds 3
    .venv/bin/python benchmarks/served.py --only-blog              what a real application gains, Flask and Tuile
    .venv/bin/python benchmarks/served.py --markdown docs/performance.md

One worker pinned to the first core, wrk on the second, loopback only. Each round measures every cell once, and
within a server and a work in rotating order; ratios are taken within a round. Each answer is checked through the server before it is loaded.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

# Started as a file, Python looks for modules beside it; these are modules of the project.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.measuring import environment, report, served_tables
from benchmarks.measuring.served_tables import MAIN_SERVER, WORK, Cell
from benchmarks.measuring.serving import SERVERS, ServingFailed, ask, load, served
from benchmarks.measuring.workload import PEERS, cookie_header
from benchmarks.workloads import BLOG, WORKLOADS

if TYPE_CHECKING:
    from benchmarks.measuring.asking import Answer

BLOG_WORK = tuple(one.name for one in BLOG)

EXPLANATION = """\
One worker process pinned to one core, wrk on another (one thread, {connections} kept-alive connections), {seconds} s
per cell and round, {rounds} interleaved rounds; medians, quartiles in brackets. *CPU µs* is the processor time of the
server's processes per request, the server's own part included."""

OF_BARE = """\
*of bare* is the share of the requests per second that the same server answers with a callable and no framework, in the
same round. Through granian WSGI, on one core, it does not tell apart what differs by less than about 8 µs: a bare
callable that waits 4 µs was seen to take no more processor time per request than one that returns at once, with half as
many context switches or fewer. So a share may be above 1, and a slower framework ahead of a faster one.
What the framework itself costs is in the section "One request in process"."""

BLOG_EXPLANATION = """\
The blog of `benchmarks/peers/blog.py` through granian WSGI, one file that both run: accounts, signed sessions, forms,
flashed messages, blueprints, templates, SQLite (a connection for each request, twenty notes by three writers). Both
send the same answers, apart from Date and the time and signature in the session cookie: that is compared. The database,
the templates and the server are most of the work; writing a note waits for the disk."""


def main() -> int:
    """Measure what the command line asks for and print it."""
    options = _options()
    environment.enter()
    missing = [tool for tool in ("wrk", "taskset") if shutil.which(tool) is None]
    if missing or (os.cpu_count() or 1) < 2:
        print(f"This needs two cores, wrk and taskset; missing: {', '.join(missing) or 'a core'}.", file=sys.stderr)
        return 2
    # Ended from outside, the servers are still stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    report.warn_if_busy()
    cells = _cells(options)
    for number in range(options.rounds):
        for cell in _in_turn(cells, number):
            _measure(cell, options)
    _compare_blogs(cells)
    for _, content in _sections(cells, options):
        print(f"\n{content}")
    _save(cells, options)
    return 1 if any(cell.fault for cell in cells) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--servers", nargs="+", metavar="NAME", choices=[server.name for server in SERVERS])
    parser.add_argument("--peers", nargs="+", metavar="NAME", choices=[peer.name for peer in PEERS])
    parser.add_argument("--work", nargs="+", metavar="NAME", choices=[*WORK, *BLOG_WORK], default=[*WORK, *BLOG_WORK])
    blog = parser.add_mutually_exclusive_group()
    blog.add_argument("--only-blog", action="store_const", dest="work", const=BLOG_WORK)
    blog.add_argument("--no-blog", action="store_const", dest="work", const=WORK)
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--seconds", type=int, default=3, help="per cell and round, default: %(default)s")
    parser.add_argument("--connections", type=int, default=16, help="default: %(default)s")
    parser.add_argument("--json", type=Path, default=environment.FOLDER / "served.json")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the tables into this document")
    return parser.parse_args()


def _cells(options: argparse.Namespace) -> list[Cell]:
    """Every chosen peer on every chosen server that speaks its interface, work by work."""
    workloads = [one for one in (*WORKLOADS, *BLOG) if one.name in options.work]
    servers = [one for one in SERVERS if not options.servers or one.name in options.servers]
    peers = [one for one in PEERS if not options.peers or one.name in options.peers]
    return [
        Cell(server, peer, workload)
        for workload in workloads
        for server in servers
        for peer in peers
        if peer.door == server.door and peer.factory(workload) is not None
        if workload not in BLOG or server.name == MAIN_SERVER
    ]


def _in_turn(cells: list[Cell], number: int) -> list[Cell]:
    """The cells in a round's order: who is first on a server with a work rotates, and what is compared stays together."""
    ordered: list[Cell] = []
    for _, group in itertools.groupby(cells, key=lambda cell: (cell.workload.name, cell.server.name)):
        together = list(group)
        shift = number % len(together)
        ordered += together[shift:] + together[:shift]
    return ordered


def _measure(cell: Cell, options: argparse.Namespace) -> None:
    """Serve one cell, check its answer, warm it up, load it."""
    if cell.fault:
        return
    try:
        with served(cell.server, cell.peer, cell.workload) as serving:
            request, cell.answers = cell.workload.ask, []
            if cell.workload.login is not None:
                cell.answers.append(ask(serving, cell.workload.login))
                request = request.with_cookies(cookie_header(cell.answers[0]))
            answer = ask(serving, request)
            cell.answers.append(answer)
            faults = cell.workload.faults(answer)
            if faults:
                raise ServingFailed("; ".join(faults))
            load(serving, request, 1, options.connections)
            cell.loads.append(load(serving, request, options.seconds, options.connections))
    except (ServingFailed, OSError) as error:
        cell.fault = str(error)
        print(f"  ! {cell.name}: {cell.fault}", file=sys.stderr)
        return
    last = cell.loads[-1]
    print(
        f"{cell.name}: {last.requests_per_s:,.0f} requests/s, P99 {last.p99_ms:.2f} ms, {last.cpu_us:.1f} µs CPU",
        flush=True,
    )


def _compare_blogs(cells: list[Cell]) -> None:
    """Note a fault where an answer of the blog is not the same from both."""
    for cell in cells:
        for other in cells:
            if cell.workload not in BLOG or other.workload != cell.workload or cell.fault or other.fault:
                continue
            if [_comparable(one) for one in cell.answers] != [_comparable(one) for one in other.answers]:
                cell.fault = f"its answer is not the one of {other.peer.name}"
                print(f"  ! {cell.name}: {cell.fault}", file=sys.stderr)


def _comparable(answer: Answer) -> tuple[int, list[tuple[str, str]], bytes]:
    """An answer without what differs from one moment to the next: Date, and the session cookie's time and signature."""
    headers = [
        (name.lower(), re.sub(r"^(session=[^.;]+)\.[^;]*", r"\1", value))
        for name, value in answer.headers
        if name.lower() != "date"
    ]
    return answer.status, sorted(headers), answer.body


def _save(cells: list[Cell], options: argparse.Namespace) -> None:
    """Write the figures where the command line wants them."""
    distributions = {cell.peer.distribution for cell in cells if cell.peer.distribution}
    versions = report.versions([*sorted(distributions), "granian", "gunicorn", "uvicorn", "uvloop", "httptools"])
    content = {
        "command": report.command(),
        "machine": report.machine(),
        "versions": versions,
        "cells": [
            {
                "server": cell.server.name,
                "work": cell.workload.name,
                "peer": cell.peer.name,
                "requests_per_s": cell.rates(),
                "p99_ms": [one.p99_ms for one in cell.loads],
                "cpu_us": [one.cpu_us for one in cell.loads],
                "fault": cell.fault,
            }
            for cell in cells
        ],
    }
    report.write_json(options.json, content)
    if options.markdown is None:
        return
    for name, content in _sections(cells, options):
        heading, _, rest = content.partition("\n\n")
        report.write_section(options.markdown, name, f"{heading}\n\n{report.provenance(versions)}\n\n{rest}")


def _sections(cells: list[Cell], options: argparse.Namespace) -> list[tuple[str, str]]:
    """What was measured, as the sections of a document: each one's name and text."""
    how = EXPLANATION.format(connections=options.connections, seconds=options.seconds, rounds=options.rounds)
    sections = []
    if any(cell.workload not in BLOG for cell in cells):
        parts = ["## Served", f"{how} {OF_BARE}", "### Goals, served", served_tables.goals(cells)]
        parts += ["### Tuile on granian WSGI, each framework on its best server", served_tables.best_servers(cells)]
        parts += ["### Each server", served_tables.figures(cells)]
        sections.append(("served", "\n\n".join(parts)))
    if any(cell.workload in BLOG for cell in cells):
        parts = ["## What a real application gains", BLOG_EXPLANATION, how, served_tables.blog_table(cells)]
        sections.append(("real application", "\n\n".join(parts)))
    return sections


if __name__ == "__main__":
    raise SystemExit(main())
