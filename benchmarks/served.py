#!/usr/bin/env python3
"""How many requests a second a real server answers with Tuile and with other frameworks, in one run.

    .venv/bin/python benchmarks/served.py                          everything, about a quarter of an hour
    .venv/bin/python benchmarks/served.py --servers "granian WSGI" --peers bare Tuile Falcon --rounds 3
    .venv/bin/python benchmarks/served.py --markdown docs/performance.md

One worker pinned to the first core, wrk on the second, loopback only. Each round measures every cell once, in rotating
order; ratios are taken within a round. Each answer is checked through the server before it is loaded.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

# Started as a file, Python looks for modules beside it; these are modules of the project.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.measuring import environment, report
from benchmarks.measuring.rounds import Spread
from benchmarks.measuring.serving import SERVERS, Load, Server, ServingFailed, ask, load, served
from benchmarks.measuring.workload import PEERS, SERVED_PEERS, Peer, Workload, cookie_header
from benchmarks.workloads import BLOG, WORKLOADS

WORK = ("hello", "one cookie of three read, one set")
BLOG_WORK = tuple(one.name for one in BLOG)
# The blog is there for Flask and for Tuile, and is served by one server.
BLOG_SERVER = "granian WSGI"
# How much of the bare callable's requests per second Tuile wants to keep: server, work, share.
GOALS = (
    ("granian WSGI", WORK[0], 0.80),
    ("granian WSGI", WORK[1], 0.70),
    ("gunicorn gthread", WORK[0], 0.90),
    ("gunicorn gthread", WORK[1], 0.90),
)
BARE = {"wsgi": "bare", "asgi": "bare ASGI"}

EXPLANATION = """\
One worker process pinned to one core, wrk on another (one thread, {connections} kept-alive connections), {seconds} s
per cell and round, {rounds} interleaved rounds. *of bare* is the share of the requests per second that the same server
answers with a callable and no framework, in the same round. *CPU µs* is the processor time of the server's
processes per request, the server's own part included. Through granian the
shares of one cell may differ by half from round to round: those near 1 are not told apart."""


BLOG_EXPLANATION = """\
The blog of `benchmarks/peers/blog.py`, one file that both run: accounts, signed sessions, forms, templates, SQLite (a
connection for each request, twenty notes by three writers). Both send the same pages; the database, the templates and
the server are most of the work."""


@dataclass
class Cell:
    """One peer on one server with one work, round by round."""

    server: Server
    peer: Peer
    workload: Workload
    loads: list[Load] = field(default_factory=list)
    body: bytes = b""
    fault: str = ""

    @property
    def name(self) -> str:
        """What the terminal shows."""
        return f"{self.server.name}, {self.workload.name}, {self.peer.name}"

    def rates(self) -> list[float]:
        """Requests per second of every round."""
        return [one.requests_per_s for one in self.loads]


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
        shift = number % len(cells)
        for cell in cells[shift:] + cells[:shift]:
            _measure(cell, options)
    _compare_blogs(cells)
    print(_table(cells))
    print(_goals(cells))
    print(_blog_table(cells))
    _save(cells, options)
    return 1 if any(cell.fault for cell in cells) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--servers", nargs="+", metavar="NAME", choices=[server.name for server in SERVERS])
    parser.add_argument("--peers", nargs="+", metavar="NAME", choices=[peer.name for peer in (*PEERS, *SERVED_PEERS)])
    parser.add_argument("--work", nargs="+", metavar="NAME", choices=[*WORK, *BLOG_WORK], default=[*WORK, *BLOG_WORK])
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
    peers = [one for one in (*PEERS, *SERVED_PEERS) if not options.peers or one.name in options.peers]
    return [
        Cell(server, peer, workload)
        for workload in workloads
        for server in servers
        for peer in peers
        if peer.door == server.door and peer.factory(workload) is not None
        if workload not in BLOG or server.name == BLOG_SERVER
    ]


def _measure(cell: Cell, options: argparse.Namespace) -> None:
    """Serve one cell, check its answer, warm it up, load it."""
    if cell.fault:
        return
    try:
        with served(cell.server, cell.peer, cell.workload) as serving:
            request = cell.workload.ask
            if cell.workload.login is not None:
                request = request.with_cookies(cookie_header(ask(serving, cell.workload.login)))
            answer = ask(serving, request)
            cell.body = answer.body
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
    """Note a fault where a page of the blog is not the same from both."""
    for cell in cells:
        for other in cells:
            if cell.workload in BLOG and other.workload == cell.workload and other.body != cell.body and not cell.fault:
                cell.fault = f"its page is not the one of {other.peer.name}"
                print(f"  ! {cell.name}: {cell.fault}", file=sys.stderr)


def _blog_table(cells: list[Cell]) -> str:
    """What a real application gains: for each page both frameworks' figures, and the ratio."""
    rows = []
    for cell in cells:
        beside = _beside(cell, "Flask", cells)
        flask = next((one for one in cells if one.workload == cell.workload and one.peer.name == "Flask"), None)
        if cell.workload not in BLOG or cell.peer.name != "Tuile" or beside is None or flask is None:
            continue
        shown = []
        for figure in ("requests_per_s", "p99_ms", "cpu_us"):
            for one in (flask, cell):
                median = Spread.of([getattr(each, figure) for each in one.loads]).median
                shown.append(f"{median:,.0f}" if figure == "requests_per_s" else report.number(median))
        rows.append([cell.workload.name, *shown, report.spread(beside)])
    figures = [f"{figure}, {name}" for figure in ("requests/s", "P99 ms", "CPU µs") for name in ("Flask", "Tuile")]
    return report.table(["page", *figures, "requests/s, Tuile / Flask"], rows)


def _of_bare(cell: Cell, cells: list[Cell]) -> Spread | None:
    """The cell's requests per second as a share of the bare callable's on the same server with the same work."""
    return _beside(cell, BARE[cell.server.door], cells)


def _cpu_of_bare(cell: Cell, cells: list[Cell]) -> Spread | None:
    """The cell's processor time per request as a multiple of the bare callable's, round by round."""
    for other in cells:
        if (other.server, other.workload, other.peer.name) == (cell.server, cell.workload, BARE[cell.server.door]):
            if len(other.loads) == len(cell.loads) and other.loads:
                return Spread.of([a.cpu_us / b.cpu_us for a, b in zip(cell.loads, other.loads, strict=True)])
            return None
    return None


def _beside(cell: Cell, peer: str, cells: list[Cell]) -> Spread | None:
    """The cell's requests per second as a multiple of another peer's, round by round."""
    for other in cells:
        if (other.server, other.workload, other.peer.name) == (cell.server, cell.workload, peer):
            if len(other.loads) == len(cell.loads) and other.loads:
                return Spread.of([a / b for a, b in zip(cell.rates(), other.rates(), strict=True)])
            return None
    return None


def _table(cells: list[Cell]) -> str:
    """A line per cell."""
    rows = []
    for cell in cells:
        if cell.workload in BLOG:
            continue
        if cell.loads:
            rate, p99 = Spread.of(cell.rates()), Spread.of([one.p99_ms for one in cell.loads])
            cpu = Spread.of([one.cpu_us for one in cell.loads])
            shown = [f"{rate.median:,.0f}", report.spread(_of_bare(cell, cells)), f"{p99.median:.2f}"]
            shown += [report.number(cpu.median), report.spread(_cpu_of_bare(cell, cells))]
        else:
            shown = [report.NOTHING] * 5
        rows.append([f"{cell.server.name}, {cell.workload.name}", cell.peer.name, *shown])
    return report.table(
        ["server, work", "framework", "requests/s", "of bare", "P99, ms", "CPU µs per request", "CPU of bare"], rows
    )


def _goals(cells: list[Cell]) -> str:
    """Each goal beside what was reached."""
    rows = []
    for cell in cells:
        if cell.peer.name != "Tuile":
            continue
        name = f"{cell.server.name}, {cell.workload.name}"
        wanted = next((share for server, work, share in GOALS if f"{server}, {work}" == name), None)
        share, falcon = _of_bare(cell, cells), _beside(cell, "Falcon", cells)
        if wanted is not None and share is not None:
            rows.append([name, f"≥ {wanted:g} of bare", report.spread(share), _met(share.median >= wanted)])
        if falcon is not None:
            rows.append([name, "ahead of Falcon", report.spread(falcon), _met(falcon.median > 1)])
    rows.extend(_ahead_of_everyone(cells))
    return report.table(["server, work", "goal", "reached", "met"], rows)


def _ahead_of_everyone(cells: list[Cell]) -> list[list[str]]:
    """For each work Tuile on its best server beside the fastest other framework on its own best server."""
    rows = []
    for work in WORK:
        of_work = [cell for cell in cells if cell.workload.name == work and cell.loads]
        ours = [cell for cell in of_work if cell.peer.name == "Tuile"]
        others = [cell for cell in of_work if cell.peer.name not in {"Tuile", *BARE.values()}]
        if not ours or not others:
            continue
        best, rival = (max(group, key=lambda cell: Spread.of(cell.rates()).median) for group in (ours, others))
        ratio = Spread.of(best.rates()).median / Spread.of(rival.rates()).median
        goal = "ahead of every framework on its best server"
        reached = f"{ratio:.2f} ({rival.peer.name}, {rival.server.name})"
        rows.append([f"{best.server.name}, {work}", goal, reached, _met(ratio > 1)])
    return rows


def _met(met: bool) -> str:
    return "yes" if met else "**no**"


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
    explanation = EXPLANATION.format(connections=options.connections, seconds=options.seconds, rounds=options.rounds)
    section = ["## Served", explanation, report.provenance(versions), _goals(cells), _table(cells)]
    section += ["### What a real application gains", BLOG_EXPLANATION, _blog_table(cells)]
    report.write_section(options.markdown, "served", "\n\n".join(section))


if __name__ == "__main__":
    raise SystemExit(main())
