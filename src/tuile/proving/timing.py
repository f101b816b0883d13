"""Medians and spreads of times, and their ratios."""

from __future__ import annotations

import typing as t
from statistics import median

if t.TYPE_CHECKING:
    from collections.abc import Sequence


class Spread(t.NamedTuple):
    """A median with the least and the greatest of the values."""

    median: float
    least: float
    greatest: float
    values: int

    def seconds(self) -> str:
        """Return the times as text."""
        unit, factor = _unit(self.median)
        return (
            f"{_figure(self.median * factor)} {unit}"
            f" ({_figure(self.least * factor)} to {_figure(self.greatest * factor)})"
        )

    def number(self) -> str:
        """Return the ratios as text."""
        return f"{_figure(self.median)} ({_figure(self.least)} to {_figure(self.greatest)})"

    def data(self) -> dict[str, float]:
        """Return the values as JSON data."""
        return self._asdict()


def spread(values: Sequence[float]) -> Spread:
    """Return the spread of at least one value."""
    return Spread(median(values), min(values), max(values), len(values))


def ratios(flask: Sequence[float], tuile: Sequence[float]) -> Spread | None:
    """Return how many times as long Flask took, pair by pair; None if no pair can be divided."""
    found = [one / other for one, other in zip(flask, tuile, strict=False) if other > 0]
    return spread(found) if found else None


def judged(ratio: Spread | None) -> str:
    """Return whether a ratio is a gain, in a word: only if all pairs agree."""
    if ratio is None:
        return ""
    if ratio.least > 1:
        return "faster"
    return "slower" if ratio.greatest < 1 else "no difference"


def _unit(seconds: float) -> tuple[str, float]:
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 1:
            return unit, factor
    return "µs", 1e6


def _figure(value: float) -> str:
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
