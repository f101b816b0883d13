"""The differences that are known: accepted.toml and faults.toml, read and matched."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import tomli

if TYPE_CHECKING:
    from tests.fuzz.compare import Difference
    from tests.fuzz.world import Program

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Accepted:
    """One difference and its reason; the fields are explained in accepted.toml."""

    heading: str
    reason: str
    where: str
    theirs: str
    ours: str
    program: list[str] = field(default_factory=list)
    outcomes: str = ".*"

    def matches(self, difference: Difference, program: Program) -> bool:
        """Whether this is the difference that a minimised program shows."""
        return (
            re.fullmatch(self.where, difference.field) is not None
            and re.fullmatch(self.theirs, repr(difference.theirs), re.DOTALL) is not None
            and re.fullmatch(self.ours, repr(difference.ours), re.DOTALL) is not None
            and re.fullmatch(self.outcomes, repr(difference.outcomes), re.DOTALL) is not None
            and all(re.search(pattern, json.dumps(program, default=repr)) for pattern in self.program)
        )


def read_accepted() -> list[Accepted]:
    """The differences that are right."""
    text = (HERE / "accepted.toml").read_text(encoding="utf-8")
    return [Accepted(**entry) for entry in tomli.loads(text).get("accepted", [])]


def read_faults() -> list[Accepted]:
    """The faults that are known; what they are stands where a heading would."""
    entries = tomli.loads((HERE / "faults.toml").read_text(encoding="utf-8")).get("faults", [])
    return [Accepted(heading=f"FAULT: {entry.pop('what')}", reason="not mended yet", **entry) for entry in entries]
