"""The floors: for each work the least ratio of instructions, Flask's to Tuile's, that the check accepts.

They are in `floors.json`, with a reason for each below 3, and only go up.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: A work moves by 1 or 2 % between runs: addresses decide where dictionaries and caches of the interpreter collide.
TOLERANCE = 0.96
#: Every floor below this has its reason in the file.
EXPLAINED_BELOW = 3


@dataclass
class Floors:
    """What is in the file.

    Attributes:
        ratios: The floor of each work.
        reasons: Why a floor is below 3.
    """

    ratios: dict[str, float]
    reasons: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> Floors:
        """Read the file; there are no floors without it."""
        content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return cls(content.get("floors", {}), content.get("reasons", {}))

    def write(self, path: Path) -> None:
        """Write the file, the floors by their works' names, and no reason for a floor that needs none."""
        reasons = {
            name: why for name, why in sorted(self.reasons.items()) if self.ratios.get(name, 3) < EXPLAINED_BELOW
        }
        content = {"reasons": reasons, "floors": dict(sorted(self.ratios.items()))}
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def raised(self, measured: dict[str, float]) -> dict[str, tuple[float, float]]:
        """Raise the floors to what was measured, less the tolerance, and return each one's old and new value.

        A floor is never lowered. Those of works that are no longer there are forgotten.
        """
        changed = {}
        for name, ratio in measured.items():
            old, new = self.ratios.get(name, 0.0), math.floor(ratio * TOLERANCE * 100) / 100
            if new > old:
                changed[name] = (old, new)
        self.ratios = {name: changed.get(name, (0, self.ratios.get(name, 0.0)))[1] for name in measured}
        return changed

    def faults(self, measured: dict[str, float], *, whole: bool) -> list[str]:
        """Return what is wrong with some ratios, one sentence each.

        Args:
            measured: The ratio of each work.
            whole: Whether these are all works, so that a floor without a work is wrong too.
        """
        found = []
        for name, ratio in measured.items():
            floor = self.ratios.get(name)
            if floor is None:
                found.append(f"{name}: {ratio:.2f}, and has no floor yet")
            elif ratio < floor:
                found.append(f"{name}: {ratio:.2f}, below its floor of {floor:.2f}")
            elif floor < EXPLAINED_BELOW and name not in self.reasons:
                found.append(f"{name}: its floor of {floor:.2f} is below {EXPLAINED_BELOW} without a reason")
        if whole:
            found += [f"{name}: has a floor, and is no work" for name in self.ratios if name not in measured]
        return found
