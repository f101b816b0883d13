"""Making a program that shows a difference as small as it can be and still show it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fuzz.world import Program

# Runs of a program that one difference is worth.
MOST_RUNS = 600
# What a part may be replaced by where it cannot be left out.
PLAIN_ANSWER = {"is": "value", "value": "text"}


class _Enough(Exception):
    """There were as many runs as there may be."""


def minimise(
    program: Program, still: Callable[[Program], bool], *, most_runs: int = MOST_RUNS, within: bool = True
) -> Program:
    """Return the smallest program found for which `still` is true.

    Args:
        program: One for which it is true; left as it is.
        still: Whether a program still shows what is looked for.
        most_runs: How many programs to try.
        within: Whether to leave out parts of the steps too, and not only whole steps.
    """
    best = copy.deepcopy(program)
    runs = 0

    def try_it(candidate: Program) -> bool:
        nonlocal best, runs
        runs += 1
        if runs > most_runs:
            raise _Enough
        if not still(copy.deepcopy(candidate)):
            return False
        best = candidate
        return True

    try:
        _remove_steps(lambda: best, try_it)
        while within and _simplify(lambda: best, try_it):
            _remove_steps(lambda: best, try_it)
    except _Enough:
        pass
    return best


def _remove_steps(best: Callable[[], Program], try_it: Callable[[Program], bool]) -> None:
    """Leave out runs of steps, half of them at first, single ones at last."""
    size = max(1, len(best()) // 2)
    while True:
        at = 0
        while at < len(best()):
            program = best()
            candidate = program[:at] + program[at + size :]
            if not candidate or not try_it(candidate):
                at += size
        if size == 1:
            return
        size = max(1, size // 2)


def _simplify(best: Callable[[], Program], try_it: Callable[[Program], bool]) -> bool:
    """Leave out, within the steps, what can be left out; True if anything could."""
    found = False
    tried: set[str] = set()
    while True:
        for path, replacement in _smaller(best()):
            mark = f"{path} {replacement!r}"
            if mark not in tried:
                tried.add(mark)
                if try_it(_with(best(), path, replacement)):
                    found = True
                    break
        else:
            return found


_GONE: Any = object()


def _smaller(part: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every part that could be left out or replaced, the larger ones first."""
    items = part.items() if isinstance(part, dict) else enumerate(part)
    for key, value in items:
        here = (*path, key)
        if len(here) > 1 and key not in {"step", "do", "is", "how", "kind", "name", "what"}:
            yield here, _GONE
        if key in {"answer", "body"} and isinstance(value, dict) and value != PLAIN_ANSWER:
            yield here, PLAIN_ANSWER
        if key == "does" or isinstance(value, (dict, list)):
            yield from _smaller(value, here)


def _with(program: Program, path: tuple[Any, ...], replacement: Any) -> Program:
    changed = copy.deepcopy(program)
    part: Any = changed
    for key in path[:-1]:
        part = part[key]
    if replacement is _GONE:
        del part[path[-1]]
    else:
        part[path[-1]] = copy.deepcopy(replacement)
    return changed
