"""What was measured through servers, cell by cell, as tables: figures, goals, each framework at its best, the blog.

What must live here: `Cell`, and what is computed from cells. What must not: serving, asking, loading.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.measuring import report
from benchmarks.measuring.rounds import Spread
from benchmarks.workloads import BLOG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.measuring.asking import Answer
    from benchmarks.measuring.serving import Load, Server
    from benchmarks.measuring.workload import Peer, Workload

WORK = ("hello", "one cookie of three read, one set")
# The blog is there for Flask and for Tuile, and is served by one server; it is Tuile's for the other tables too.
MAIN_SERVER = "granian WSGI"
# How much of the bare callable's requests per second Tuile wants to keep: server, work, share.
GOALS = (
    (MAIN_SERVER, WORK[0], 0.80),
    (MAIN_SERVER, WORK[1], 0.70),
    ("gunicorn gthread", WORK[0], 0.90),
    ("gunicorn gthread", WORK[1], 0.90),
)
BARE = {"wsgi": "bare", "asgi": "bare ASGI"}


@dataclass
class Cell:
    """One peer on one server with one work, round by round."""

    server: Server
    peer: Peer
    workload: Workload
    loads: list[Load] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    fault: str = ""

    @property
    def name(self) -> str:
        """What the terminal shows."""
        return f"{self.server.name}, {self.workload.name}, {self.peer.name}"

    @property
    def rate(self) -> float:
        """The median of the rounds' requests per second."""
        return Spread.of(self.rates()).median

    def rates(self) -> list[float]:
        """Requests per second of every round."""
        return [one.requests_per_s for one in self.loads]


def blog_table(cells: Sequence[Cell]) -> str:
    """What a real application gains: for each page both frameworks' figures, and the ratio."""
    rows = []
    for cell in cells:
        flask = _other(cell, "Flask", cells)
        ratio = _over(cell, flask)
        if cell.workload not in BLOG or cell.peer.name != "Tuile" or flask is None or ratio is None:
            continue
        shown = []
        for figure in ("requests_per_s", "p99_ms", "cpu_us"):
            for one in (flask, cell):
                median = Spread.of([getattr(each, figure) for each in one.loads]).median
                shown.append(f"{median:,.0f}" if figure == "requests_per_s" else report.number(median))
        rows.append([cell.workload.name, *shown, report.spread(ratio)])
    figures = [f"{figure}, {name}" for figure in ("requests/s", "P99 ms", "CPU µs") for name in ("Flask", "Tuile")]
    return report.table(["page", *figures, "requests/s, Tuile / Flask"], rows)


def _other(cell: Cell, peer: str, cells: Sequence[Cell]) -> Cell | None:
    """Another peer's cell, on the same server with the same work."""
    wanted = (cell.server, cell.workload, peer)
    return next((other for other in cells if (other.server, other.workload, other.peer.name) == wanted), None)


def _over(cell: Cell, other: Cell | None) -> Spread | None:
    """The one's requests per second as a multiple of the other's, round by round; None where a round is missing."""
    if other is None or not cell.loads or len(other.loads) != len(cell.loads):
        return None
    return Spread.of([a / b for a, b in zip(cell.rates(), other.rates(), strict=True)])


def _of_bare(cell: Cell, cells: Sequence[Cell]) -> Spread | None:
    """The cell's requests per second as a share of the bare callable's on the same server with the same work."""
    return _over(cell, _other(cell, BARE[cell.server.door], cells))


def figures(cells: Sequence[Cell]) -> str:
    """A line per cell."""
    rows = []
    for cell in cells:
        if cell.workload in BLOG:
            continue
        if cell.loads:
            rate, p99 = Spread.of(cell.rates()), Spread.of([one.p99_ms for one in cell.loads])
            cpu = Spread.of([one.cpu_us for one in cell.loads])
            shown = [f"{rate.median:,.0f}", report.spread(_of_bare(cell, cells)), f"{p99.median:.2f}"]
            shown.append(report.number(cpu.median))
        else:
            shown = [report.NOTHING] * 4
        rows.append([f"{cell.server.name}, {cell.workload.name}", cell.peer.name, *shown])
    return report.table(["server, work", "framework", "requests/s", "of bare", "P99, ms", "CPU µs per request"], rows)


def goals(cells: Sequence[Cell]) -> str:
    """Each goal beside what was reached."""
    rows = []
    for cell in cells:
        if cell.peer.name != "Tuile":
            continue
        name = f"{cell.server.name}, {cell.workload.name}"
        wanted = next((share for server, work, share in GOALS if f"{server}, {work}" == name), None)
        share, falcon = _of_bare(cell, cells), _over(cell, _other(cell, "Falcon", cells))
        if wanted is not None and share is not None:
            rows.append([name, f"≥ {wanted:g} of bare", report.spread(share), _met(share.median >= wanted)])
        if falcon is not None:
            rows.append([name, "ahead of Falcon", report.spread(falcon), _met(falcon.median > 1)])
    rows.extend(_ahead_of_everyone(cells))
    return report.table(["server, work", "goal", "reached", "met"], rows)


def best_servers(cells: Sequence[Cell]) -> str:
    """Tuile on one server beside each framework on the server that suits it best."""
    works = [work for work in WORK if any(cell.workload.name == work for cell in cells)]
    rows: dict[str, list[str]] = {}
    for work in works:
        for rival, ratio in _rivals(work, cells):
            shown = [rival.server.name, f"{rival.rate:,.0f}", report.spread(ratio)]
            rows.setdefault(rival.peer.name, []).extend(shown)
    columns = [f"{work}: {column}" for work in works for column in ("its best server", "requests/s", "Tuile / it")]
    return report.table(["framework", *columns], [[name, *row] for name, row in rows.items()])


def _rivals(work: str, cells: Sequence[Cell]) -> list[tuple[Cell, Spread]]:
    """Each other framework's fastest cell of a work, with Tuile's requests per second as a multiple of it."""
    of_work = [cell for cell in cells if cell.workload.name == work and cell.loads]
    ours = next((cell for cell in of_work if (cell.peer.name, cell.server.name) == ("Tuile", MAIN_SERVER)), None)
    best: dict[str, Cell] = {}
    for cell in of_work:
        name = cell.peer.name
        if name not in {"Tuile", *BARE.values()} and (name not in best or cell.rate > best[name].rate):
            best[name] = cell
    if ours is None:
        return []
    return [(rival, ratio) for rival in best.values() if (ratio := _over(ours, rival)) is not None]


def _ahead_of_everyone(cells: Sequence[Cell]) -> list[list[str]]:
    """For each work the framework that comes nearest to Tuile, on its own best server."""
    rows = []
    for work in WORK:
        rivals = _rivals(work, cells)
        if rivals:
            rival, ratio = min(rivals, key=lambda pair: pair[1].median)
            reached = f"{report.spread(ratio)}, {rival.peer.name} on {rival.server.name}"
            goal = "ahead of every framework on its best server"
            rows.append([f"{MAIN_SERVER}, {work}", goal, reached, _met(ratio.median > 1)])
    return rows


def _met(met: bool) -> str:
    return "yes" if met else "**no**"
