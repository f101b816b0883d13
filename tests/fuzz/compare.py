"""A program run on both frameworks, and where they differ first."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import flask

import tuile
from tests.fuzz.steps import run_step
from tests.fuzz.world import run_program

if TYPE_CHECKING:
    from tests.fuzz.world import Program, Step

FIELDS = ("outcome", "events", "status", "headers", "body", "started", "context")


@dataclass(frozen=True)
class Difference:
    """Where two runs of a program differ first."""

    at: int
    field: str
    theirs: Any
    ours: Any
    after: Any = None
    #: What the step came to, on Flask and on Tuile.
    outcomes: tuple[Any, Any] = (None, None)

    @property
    def kind(self) -> str:
        """What a difference has in common with another of the same cause, most likely."""
        return f"{self.field}: {_shape(self.theirs)} / {_shape(self.ours)}"

    def __str__(self) -> str:
        where = f" after {self.after!r}" if self.after is not None else ""
        return f"step {self.at}, {self.field}{where}\n  on Flask: {self.theirs!r}\n  on Tuile: {self.ours!r}"


def _shape(value: Any) -> str:
    """The words of an observation without its values."""
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):
        inner = value[1]
        if isinstance(inner, (list, tuple)) and inner and inner[0] in ("raised", "returned"):
            return f"{value[0]} {' '.join(map(str, inner[:2])) if inner[0] == 'raised' else 'returned'}"
        return value[0]
    if isinstance(value, (list, tuple)):
        return " ".join(_shape(item) if isinstance(item, (list, tuple)) else str(item)[:30] for item in value[:2])
    return str(value)[:20]


def first_difference(theirs: list[Step], ours: list[Step]) -> Difference | None:
    """Where two runs of a program differ first, or None."""
    for at, (one, other) in enumerate(zip(theirs, ours, strict=True)):
        if one == other:
            continue
        outcomes = one.get("outcome"), other.get("outcome")
        if one["events"] != other["events"]:
            return replace(_of_events(at, one["events"], other["events"]), outcomes=outcomes)
        for field in FIELDS:
            if one.get(field) != other.get(field):
                return replace(_of_field(at, field, one[field], other[field]), outcomes=outcomes)
    return None


def _of_events(at: int, theirs: list[Any], ours: list[Any]) -> Difference:
    number = next(
        (n for n, (a, b) in enumerate(zip(theirs, ours, strict=False)) if a != b), min(len(theirs), len(ours))
    )
    before = theirs[number - 1] if number else None
    return Difference(
        at,
        "events",
        theirs[number] if number < len(theirs) else None,
        ours[number] if number < len(ours) else None,
        before,
    )


def _of_field(at: int, field: str, theirs: Any, ours: Any) -> Difference:
    if field == "headers":
        # Those that are on one side alone.
        one, other = Counter(theirs), Counter(ours)
        return Difference(at, field, sorted((one - other).elements()), sorted((other - one).elements()))
    return Difference(at, field, theirs, ours)


def compare(program: Program) -> Difference | None:
    """Run a program on both frameworks; where they differ first, or None."""
    now = time.time()
    theirs, ours = (run_program(lib, program, run_step, now) for lib in (flask, tuile))
    return first_difference(theirs, ours)
