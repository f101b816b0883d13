"""A process with one framework and one subject: it answers, times and counts when the driver says so.

    python benchmarks/breadth/worker.py SUBJECT              commands on standard input, one JSON document a line
    python benchmarks/breadth/worker.py SUBJECT,... TEXT     what valgrind runs: the works with a text in their names;
                                                             writes a line for each to standard output

The framework is named by the environment (`framework.VARIABLE`).
"""

from __future__ import annotations

import base64
import gc
import importlib
import json
import logging
import os
import re
import sys
import time
import traceback
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

# Started as a file, Python looks for modules beside it; these are modules of the project.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.measuring.doors import Door
from benchmarks.measuring.workload import cookie_header

if TYPE_CHECKING:
    from benchmarks.breadth.registry import Work
    from benchmarks.measuring.asking import Answer, Ask

WARM_UP = 40
BLOCKS = 2


@dataclass
class Ready:
    """A work whose application is made and whose cookies are known."""

    work: Work
    door: Door
    ask: Ask

    @classmethod
    def of(cls, work: Work) -> Ready:
        """Make the application of a work and log in where the work wants it."""
        door, asked = work.open(), work.ask
        if work.login is not None:
            asked = asked.with_cookies(cookie_header(door.ask(work.login)))
        return cls(work, door, asked)

    def answer(self) -> list[Any]:
        """Return the answer in a form to compare: its status, its headers, and its body in base64."""
        found: Answer = self.door.ask(self.ask)
        body, headers = found.body, [[name, _stable(name, value)] for name, value in found.headers]
        if self.work.varies is not None:
            body = re.sub(self.work.varies.encode(), b"...", body)
            headers = [[name, re.sub(self.work.varies, "...", value)] for name, value in headers]
            headers = [pair for pair in headers if pair[0] != "Content-Length"]
        return [found.status, headers, base64.b64encode(body).decode()]


def _stable(name: str, value: str) -> str:
    """Return a header's value; the methods of Allow come from a set and are sorted."""
    return ", ".join(sorted(value.split(", "))) if name == "Allow" else value


def works_of(subject: str, wanted: str = "") -> list[Work]:
    """Return the works of a subject whose names have a text in them; none if a distribution is not installed."""
    importlib.import_module("benchmarks.breadth.framework")  # first, so that `flask` means it for the extensions
    try:
        module = importlib.import_module(f"benchmarks.breadth.subjects.{subject}")
    except ModuleNotFoundError as error:
        print(f"{subject} is left out: {error}. `make venv` installs what it needs.", file=sys.stderr)
        return []
    return [work for work in module.SUBJECT.works if wanted.lower() in work.name.lower()]


class Worker:
    """Does what the driver says, work by work. One application is kept at a time."""

    def __init__(self, subject: str) -> None:
        self.works = {work.name: work for work in works_of(subject)}
        self.ready: Ready | None = None

    def names(self) -> list[str]:
        """Return the names of all works."""
        return list(self.works)

    def open(self, name: str, now: float) -> list[Any]:
        """Make the application of a work, and return its second answer; the first may do what others need not."""
        self.ready = None
        with mock.patch("time.time", partial(float, now)):
            self.ready = Ready.of(self.works[name])
            self.ready.answer()
            return self.ready.answer()

    def calibrate(self, slice_s: float) -> int:
        """Return how many times the work is done in a slice; it warms up as well."""
        count, seconds = 1, self._time(1)
        while seconds < slice_s / 4:
            count *= 4
            seconds = self._time(count)
        gc.collect()
        gc.freeze()
        return max(1, round(count * slice_s / seconds))

    def time(self, count: int) -> float:
        """Return the processor seconds of one time that the work is done, out of so many."""
        return self._time(count) / count

    def _time(self, count: int) -> float:
        assert self.ready is not None
        return self.ready.door.time(self.ready.ask, count)


def _serve(subject: str) -> None:
    """Answer the driver's commands: each is the name of a method of `Worker` and its arguments."""
    Door.clock = staticmethod(time.process_time)
    worker: Worker | None = None
    for line in sys.stdin:
        method, *arguments = json.loads(line)
        try:
            if worker is None:
                worker = Worker(subject)
            result = {"result": getattr(worker, method)(*arguments)}
        except Exception:  # noqa: BLE001 - the driver reports it and goes on
            result = {"error": traceback.format_exc(limit=-2)}
        print(json.dumps(result), file=sys.__stdout__, flush=True)


def _count(subjects: list[str], wanted: str) -> None:
    """Count each work in a process of its own, forked when the subjects are imported.

    What a work takes moves by up to 17 % with the applications that the process has served before.
    """
    gc.disable()
    Door.clock = staticmethod(os.getppid)
    for work in [work for subject in subjects for work in works_of(subject, wanted)]:
        child = os.fork()
        if not child:
            try:
                _count_one(work)
            except BaseException:  # noqa: BLE001 - what is forked must not go on as its parent
                traceback.print_exc(limit=-2)
            finally:
                os._exit(0)
        os.waitpid(child, 0)


def _count_one(work: Work) -> None:
    """Do a work in blocks between calls of `os.getppid`, which end a block for callgrind, and write how it was done.

    A door reads its clock where it begins and where it ends, so that the context around a call is in no block.
    """
    ready = Ready.of(work)
    door, asked = ready.door, ready.ask
    door.time(asked, min(WARM_UP, 4 * work.per_block))
    # The first block is left out: it has what a first pause leaves behind.
    for _ in range(BLOCKS + 1):
        door.time(asked, work.per_block)
    print(json.dumps([work.name, os.getpid(), work.per_block]), file=sys.__stdout__, flush=True)


def main() -> None:
    """Serve or count."""
    logging.disable(logging.CRITICAL)  # an error page is a work, not news
    if len(sys.argv) > 2:
        _count(sys.argv[1].split(","), sys.argv[2])
    else:
        _serve(sys.argv[1])


if __name__ == "__main__":
    main()
