#!/usr/bin/env python3
"""What a framework costs before and beside its requests: time to import, resident memory, time to the first answer.

    .venv/bin/python benchmarks/memory_and_import.py
    .venv/bin/python benchmarks/memory_and_import.py --markdown docs/performance.md

Every figure comes from a fresh process; rounds are interleaved, and ratios are taken within a round.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

# Started as a file, Python looks for modules beside it; these are modules of the project.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.measuring import environment, report
from benchmarks.measuring.rounds import Spread
from benchmarks.measuring.workload import PEERS

FRESH = Path(__file__).resolve().parent / "measuring" / "fresh.py"
# What an application imports to have the framework. `bare` is a module that the interpreter has anyway.
MODULES = {
    "bare": "sys",
    "Tuile": "tuile",
    "Flask": "flask",
    "Werkzeug alone": "werkzeug",
    "Falcon": "falcon",
    "Bottle": "bottle",
    "Django": "django.core.handlers.wsgi",
    "Quart": "quart",
    "Starlette": "starlette.applications",
    "FastAPI": "fastapi",
    "Litestar": "litestar",
    "BlackSheep": "blacksheep",
}
# Imported by Flask and by Tuile, and so the least that either takes; it has no application to ask.
LIBRARIES = frozenset({"Werkzeug alone"})
REQUESTS = 10_000
ROUTES = 1_000

EXPLANATION = f"""\
Every figure is the median of fresh processes. *import* is `import` of the framework in an interpreter that has imported
nothing else. Flask and Tuile import Werkzeug, so what it takes alone is the least that they can. *memory* is resident
memory, after that import and after {REQUESTS:,} requests for "hello"; *bare* is the interpreter. *first answer* is the
time from making an application to its first answer with {ROUTES:,} routes, imports not counted."""


@dataclass(frozen=True)
class Figure:
    """One of the things that are measured: what the fresh process is told, and what to take from its answer."""

    name: str
    mode: str
    count: int
    key: str
    factor: float
    at_most_of_flask: float | None = None

    def of(self, peer: str) -> float | None:
        """The figure from one fresh process, None where the peer has none."""
        if self.mode != "import" and peer in LIBRARIES:
            return None
        told = [MODULES[peer]] if self.mode == "import" else _as_told(peer, self.count)
        command = [sys.executable, str(FRESH), self.mode, *told]
        answer = subprocess.run(command, check=True, capture_output=True, text=True, cwd=environment.ROOT)
        figures = json.loads(answer.stdout)
        return float(figures[self.key]) * self.factor if figures else None


def _as_told(name: str, count: int) -> list[str]:
    """A peer as the fresh process takes it."""
    peer = next(one for one in PEERS if one.name == name)
    return [peer.module, peer.door, str(count), peer.given or "-"]


FIGURES = (
    Figure("import, ms", "import", 0, "seconds", 1e3, at_most_of_flask=0.65),
    Figure("memory after import, MB", "import", 0, "resident_kb", 1 / 1024, at_most_of_flask=0.8),
    Figure(f"memory after {REQUESTS:,} requests, MB", "requests", REQUESTS, "resident_kb", 1 / 1024, 0.8),
    Figure(f"first answer with {ROUTES:,} routes, ms", "routes", ROUTES, "seconds", 1e3),
)


@dataclass
class Measured:
    """One figure of every peer, round by round."""

    figure: Figure
    values: dict[str, list[float]] = field(default_factory=dict)

    def shown(self, peer: str) -> str:
        """The median, or a dash."""
        return report.number(Spread.of(self.values[peer]).median) if self.values.get(peer) else report.NOTHING

    def beside_flask(self, peer: str) -> Spread | None:
        """The multiple of Flask's figure."""
        own, flask = self.values.get(peer), self.values.get("Flask")
        if not own or not flask:
            return None
        return Spread.of([one / other for one, other in zip(own, flask, strict=True)])


def main() -> int:
    """Measure what the command line asks for and print it."""
    options = _options()
    environment.enter()
    report.warn_if_busy()
    peers = [name for name in MODULES if not options.peers or name in options.peers]
    known = {peer.name for peer in PEERS}
    assert (known | LIBRARIES).issuperset(peers)
    measured = [_measure(figure, peers, options.rounds) for figure in FIGURES]
    for one in measured:
        print(one.figure.name)
        for peer in one.values:
            print(f"    {peer:<12}{one.shown(peer):>10}   of Flask's: {report.spread(one.beside_flask(peer))}")
    _save(measured, peers, options)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peers", nargs="+", metavar="NAME", choices=list(MODULES))
    parser.add_argument("--rounds", type=int, default=9, help="fresh processes per figure, default: %(default)s")
    parser.add_argument("--json", type=Path, default=environment.FOLDER / "memory_and_import.json")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the table into this document")
    return parser.parse_args()


def _measure(figure: Figure, peers: list[str], rounds: int) -> Measured:
    """One figure of every peer in interleaved rounds, after one that only fills the caches of files."""
    measured = Measured(figure)
    for number in range(-1, rounds):
        shift = number % len(peers)
        for peer in peers[shift:] + peers[:shift]:
            value = figure.of(peer)
            if number >= 0 and value is not None:
                measured.values.setdefault(peer, []).append(value)
    return measured


def _save(measured: list[Measured], peers: list[str], options: argparse.Namespace) -> None:
    """Write the figures where the command line wants them."""
    versions = report.versions(peer.distribution for peer in PEERS if peer.name in peers and peer.distribution)
    content = {
        "command": report.command(),
        "machine": report.machine(),
        "versions": versions,
        "figures": [{"name": one.figure.name, "values": one.values} for one in measured],
    }
    report.write_json(options.json, content)
    if options.markdown is None:
        return
    rows = [[peer, *(one.shown(peer) for one in measured)] for peer in peers]
    goals = []
    for one in measured:
        ratio, wanted = one.beside_flask("Tuile"), one.figure.at_most_of_flask
        if ratio is not None and wanted is not None:
            met = "yes" if ratio.median <= wanted else "**no**"
            goals.append([one.figure.name, f"≤ {wanted:g} of Flask's", report.spread(ratio), met])
    section = [
        "## Import, memory, first answer",
        EXPLANATION,
        report.provenance(versions),
        report.table(["what", "goal", "reached", "met"], goals),
        report.table(["", *(one.figure.name for one in measured)], rows),
    ]
    report.write_section(options.markdown, "memory and import", "\n\n".join(section))


if __name__ == "__main__":
    raise SystemExit(main())
