"""`make fuzz`: random programs on Flask and on Tuile, compared.

    python tests/fuzz/run.py                              20,000 requests, seed 0
    python tests/fuzz/run.py --requests 200000 --seed 7   as many, from another seed
    python tests/fuzz/run.py --first 120                  begin at the 120th program of the seed
    python tests/fuzz/run.py --program found.json         one program again, with all that was observed

Each program is an application, what is changed of it, and requests in between: generate.py makes it of its number and
the seed. A program that comes out differently is made as small as possible and printed, unless accepted.toml has the
reason why the difference is right. The exit code is 1 when there is one that is not listed, or one of faults.toml.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import pprint
import signal
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # started as a file, it would not find its siblings
os.environ.setdefault("TUILE_SHIM", "0")  # both are wanted

import flask

import tuile
from tests.fuzz.accepted import Accepted, read_accepted, read_faults
from tests.fuzz.compare import Difference, compare
from tests.fuzz.generate import generate
from tests.fuzz.minimise import minimise
from tests.fuzz.steps import run_step
from tests.fuzz.world import run_program

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fuzz.world import Program

REQUESTS_PER_PROGRAM = 20
# Further differences of one kind are counted, not minimised.
MOST_OF_A_KIND = 3
# After a difference that is right the program goes on without the step that showed it.
MOST_ROUNDS = 4


class Run:
    """What a run has found so far."""

    def __init__(self, accepted: list[Accepted], comparing: Callable[[Program], Difference | None] = compare) -> None:
        self.accepted = accepted
        self.comparing = comparing
        self.requests = 0
        self.found: dict[str, tuple[str, Program, Difference]] = {}
        self.counted: Counter[str] = Counter()
        self.right: Counter[str] = Counter()

    def look_at(self, seed: str, program: Program) -> None:
        """Compare a program; remember what it shows."""
        self.requests += sum(step["step"] == "request" for step in program)
        for _ in range(MOST_ROUNDS):
            try:
                difference = self.comparing(program)
            except Exception as error:  # noqa: BLE001 - the other programs are worth as much
                self._keep(f"the program itself raised {error!r}", seed, program, Difference(0, "crash", None, error))
                return
            if difference is None or not self._shown_again(program, difference):
                return
            self.counted[difference.kind] += 1
            if self.counted[difference.kind] > MOST_OF_A_KIND and difference.kind in self.found:
                return
            smallest, shown, entry = self._minimised(program, difference)
            if entry is None:
                self._keep(shown.kind, seed, smallest, shown)
                self.found.setdefault(difference.kind, (seed, smallest, shown))
                return
            self.counted[difference.kind] -= 1
            self.right[entry.heading] += 1
            program = program[: difference.at] + program[difference.at + 1 :]

    def _minimised(self, program: Program, difference: Difference) -> tuple[Program, Difference, Accepted | None]:
        """Make a program small; the difference that it still shows, and the entry that lists it, if one does."""
        still = partial(self._shown_again, difference=difference)
        # What is listed is recognised by its steps, and is not worth the many runs that more takes.
        for within in (False, True):
            program = minimise(program, still, within=within)
            difference = self.comparing(program) or difference
            entry = next((entry for entry in self.accepted if entry.matches(difference, program)), None)
            if entry is not None:
                return program, difference, entry
        return program, difference, None

    def _keep(self, kind: str, seed: str, program: Program, difference: Difference) -> None:
        """Print a difference, unless there was one of its kind: whoever waits can mend it meanwhile."""
        if kind not in self.found:
            self.found[kind] = (seed, program, difference)
            print(f"\n# {kind}   (program {seed})\n{render(program)}\n# {difference}", flush=True)

    def _shown_again(self, program: Program, difference: Difference) -> bool:
        """Whether a program shows a difference of the same kind: a second may have passed in between at first."""
        try:
            again = self.comparing(program)
        except Exception:  # noqa: BLE001 - a part was left out that cannot be
            return False
        return again is not None and again.kind == difference.kind


def render(program: Program) -> str:
    """A Python program that shows a difference again."""
    steps = pprint.pformat(program, width=116, sort_dicts=False)
    return f"from tests.fuzz.run import show\n\nshow({steps})"


def show(program: Program) -> None:
    """Run a program and print what was observed on both frameworks, and where that differs first."""
    for name, lib in (("Flask", flask), ("Tuile", tuile)):
        print(f"--- {name}")
        for number, seen in enumerate(run_program(lib, program, run_step, time.time())):
            print(
                number,
                [*program, {"step": "end"}][number]["step"],
                {key: value for key, value in seen.items() if key != "events"},
            )
            for event in seen["events"]:
                print("     ", event)
    print("---", compare(program) or "no difference")


def report(run: Run, seconds: float) -> None:
    """Print how much was compared, and how often what is listed came up."""
    print(
        f"\n{run.requests} requests in {seconds:.0f} s ({60 * run.requests / max(seconds, 0.001):,.0f} a minute);",
        end=" ",
    )
    print(
        f"{len({id(program) for _, program, _ in run.found.values()})} differences that are not listed; those that are:"
    )
    for heading, count in run.right.most_common():
        print(f"  {count:6} {heading}")


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description="Random programs on Flask and on Tuile.")
    parser.add_argument("--requests", type=int, default=20_000, help="how many requests in all")
    parser.add_argument("--seed", default="0")
    parser.add_argument("--first", type=int, default=0, help="the number of the first program")
    parser.add_argument("--program", type=Path, help="a file with one program as JSON, to be shown")
    options = parser.parse_args()
    if options.program:
        show(json.loads(options.program.read_text(encoding="utf-8")))
        return
    run = Run([*read_accepted(), *read_faults()])
    # What was found until then is worth as much; an exception could come up, and be lost, anywhere in a program.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: setattr(options, "requests", 0))
    # Looked through by each full collection otherwise, and some programs end with one.
    gc.collect()
    gc.freeze()
    begun = time.perf_counter()
    number = options.first
    while run.requests < options.requests:
        seed = f"{options.seed}:{number}"
        run.look_at(seed, generate(seed, REQUESTS_PER_PROGRAM))
        number += 1
        if number % 100 == 0:
            seconds = time.perf_counter() - begun
            print(f"{run.requests} requests, {seconds:.0f} s, {len(run.found)} kinds", file=sys.stderr, flush=True)
    report(run, time.perf_counter() - begun)
    sys.exit(1 if run.found or any(heading.startswith("FAULT") for heading in run.right) else 0)


if __name__ == "__main__":
    main()
