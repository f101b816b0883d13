"""Interleaved rounds: every peer is timed once per round, in rotating order, and a ratio is taken within each round.

A machine's speed drifts by more than frameworks differ; two slices a fraction of a second apart see the same machine.
What must live here: the order of timing, the collector's part in it, medians and spreads. What must not: printing.
"""

from __future__ import annotations

import gc
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.measuring.workload import Entrant, enter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.measuring.workload import Peer, Workload


@dataclass(frozen=True)
class Spread:
    """A median, and the quartiles around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        """The median and quartiles of some values; one or two values are their own spread."""
        if len(values) < 3:
            return cls(statistics.median(values), min(values), max(values))
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)


@dataclass(frozen=True)
class Row:
    """What one workload took: for each peer the microseconds per request of every round.

    `faults` says who could not take part, and why: its answer was not the right one, or it raised.
    """

    workload: Workload
    times_us: dict[str, list[float]]
    faults: dict[str, str]

    def time_us(self, peer: str) -> Spread | None:
        """A peer's microseconds per request."""
        times = self.times_us.get(peer)
        return Spread.of(times) if times else None

    def ratio(self, peer: str, reference: str) -> Spread | None:
        """How many times as long as the reference a peer took, round by round."""
        times, references = self.times_us.get(peer), self.times_us.get(reference)
        if not times or not references:
            return None
        return Spread.of([time / other for time, other in zip(times, references, strict=True)])


def measure(workload: Workload, peers: Iterable[Peer], rounds: int, slice_s: float) -> Row:
    """Ask every peer for a workload, check the answers, then time them in interleaved rounds."""
    entrants = []
    faults = {}
    for peer in peers:
        try:
            entrant = enter(peer, workload)
        except Exception as error:  # noqa: BLE001 - whatever a peer raises, the others are still worth measuring
            faults[peer.name] = f"{type(error).__name__}: {error}"
            continue
        if entrant is not None:
            entrants.append(entrant)
    try:
        for entrant in entrants:
            entrant.count = _calibrate(entrant, slice_s)
        _interleave(entrants, rounds)
    finally:
        for entrant in entrants:
            entrant.door.close()
    return Row(workload, {entrant.peer.name: entrant.times_us for entrant in entrants}, faults)


def _calibrate(entrant: Entrant, slice_s: float) -> int:
    """How many requests of this peer fill a slice. Asking warms its caches up as well."""
    count = 1
    while (seconds := entrant.door.time(entrant.ask, count)) < slice_s / 4:
        count *= 4
    return max(1, round(count * slice_s / seconds))


def _interleave(entrants: list[Entrant], rounds: int) -> None:
    """Time each entrant once per round; who begins changes from round to round."""
    # What exists by now (eleven frameworks) is not the request's garbage: frozen, the collector does not walk it. It
    # stays switched on, because a framework that makes cycles has to pay for them.
    gc.collect()
    gc.freeze()
    try:
        for number in range(rounds):
            shift = number % len(entrants) if entrants else 0
            for entrant in entrants[shift:] + entrants[:shift]:
                gc.collect()
                seconds = entrant.door.time(entrant.ask, entrant.count)
                entrant.times_us.append(seconds / entrant.count * 1e6)
    finally:
        gc.unfreeze()
