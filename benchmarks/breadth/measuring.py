"""The driver's side: two processes for each subject, one with Flask and one with Tuile, asked in turn."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.breadth.worker import BLOCKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORKER = HERE / "worker.py"
KEPT = ROOT / ".bench" / "breadth"
FRAMEWORKS = ("flask", "tuile")
# Whose versions make an answer of Flask's cost what it costs.
_LIBRARIES = ("flask", "werkzeug", "jinja2", "markupsafe", "itsdangerous", "click", "blinker", "asgiref")


class WorkFailed(RuntimeError):
    """A process could not do a work."""


@dataclass
class Row:
    """What one work cost on both frameworks.

    Attributes:
        name: The work.
        times_us: Processor time of one time, by framework, in each round.
        instructions: Instructions of one time, by framework.
        fault: Why there are no figures.
    """

    name: str
    times_us: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in FRAMEWORKS})
    instructions: dict[str, int] = field(default_factory=dict)
    fault: str = ""

    @property
    def time_ratio(self) -> float | None:
        """How many times as long Flask takes: the median of the rounds."""
        pairs = list(zip(self.times_us["flask"], self.times_us["tuile"], strict=True))
        return statistics.median(theirs / ours for theirs, ours in pairs) if pairs else None

    @property
    def instruction_ratio(self) -> float | None:
        """How many times as many instructions Flask takes."""
        counted = self.instructions
        return counted["flask"] / counted["tuile"] if len(counted) == 2 else None


def environment_of(framework: str) -> dict[str, str]:
    """Return the environment of a process with a framework."""
    return {
        **os.environ,
        "BREADTH_FRAMEWORK": framework,
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": str(ROOT / "src"),
        "PYTHONWARNINGS": "ignore",
        "TUILE_SHIM": "1",  # the project's own tests turn it off
    }


class Process:
    """A worker that takes commands."""

    def __init__(self, framework: str, subject: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(WORKER), subject],
            env=environment_of(framework), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __call__(self, *command: object) -> Any:
        """Give a command and return its result.

        Raises:
            WorkFailed: It raised, or the process ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise WorkFailed("the process ended")
        result = json.loads(line)
        if "error" in result:
            raise WorkFailed(result["error"])
        return result["result"]

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


@contextlib.contextmanager
def _pair(subject: str) -> Iterator[dict[str, Process]]:
    processes = {name: Process(name, subject) for name in FRAMEWORKS}
    try:
        yield processes
    finally:
        for process in processes.values():
            process.close()


def time_subject(subject: str, wanted: str, rounds: int, slice_s: float) -> Iterator[Row]:
    """Yield the works of a subject whose names have a text in them, compared and timed.

    Args:
        subject: The name of a module in `subjects/`.
        wanted: The text.
        rounds: How many times each framework is timed, in turn; 0 only compares.
        slice_s: The processor time of one framework in one round.
    """
    with _pair(subject) as processes:
        try:
            names = processes["tuile"]("names")
        except WorkFailed as error:
            yield Row(f"{subject}: all", fault=str(error))
            return
        for name in names:
            if wanted.lower() not in name.lower():
                continue
            row = Row(name)
            try:
                row.fault = _compare(name, processes)
                if not row.fault:
                    _interleave(row, processes, rounds, slice_s)
            except WorkFailed as error:
                row.fault = str(error)
            yield row


def _compare(name: str, processes: dict[str, Process]) -> str:
    """Return in what the answers of the two frameworks differ; an empty text if in nothing."""
    now = time.time()
    theirs, ours = (processes[framework]("open", name, now) for framework in FRAMEWORKS)
    for part, one, other in zip(("status", "headers", "body"), theirs, ours, strict=True):
        if one != other:
            shown = (base64.b64decode(one)[:300], base64.b64decode(other)[:300]) if part == "body" else (one, other)
            return f"{part} on Flask: {shown[0]!r}, on Tuile: {shown[1]!r}"
    return ""


def _interleave(row: Row, processes: dict[str, Process], rounds: int, slice_s: float) -> None:
    if not rounds:
        return
    counts = {framework: processes[framework]("calibrate", slice_s) for framework in FRAMEWORKS}
    for number in range(rounds):
        for framework in FRAMEWORKS if number % 2 else FRAMEWORKS[::-1]:
            row.times_us[framework].append(processes[framework]("time", counts[framework]) * 1e6)


# --- instructions -----------------------------------------------------------------------------------------------------


def count(framework: str, subjects: Sequence[str], wanted: str = "") -> dict[str, int]:
    """Return the instructions of each work of some subjects.

    What Flask takes changes only with the works and the versions, and is kept in `.bench`.

    Raises:
        WorkFailed: valgrind is not installed, or a subject could not be imported.
    """
    if wanted:
        return _count(framework, subjects, wanted)
    figures: dict[str, int] = {}
    for subject in subjects:
        figures.update(_kept(subject) if framework == "flask" else _count(framework, [subject]))
    return figures


def _kept(subject: str) -> dict[str, int]:
    file = KEPT / f"{subject}-{_fingerprint(subject)}.json"
    if not file.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(_count("flask", [subject]), indent=1), encoding="utf-8")
    figures: dict[str, int] = json.loads(file.read_text(encoding="utf-8"))
    return figures


def _fingerprint(subject: str) -> str:
    sources = [
        HERE / "subjects" / f"{subject}.py",
        HERE / "registry.py",
        WORKER,
        HERE.parent / "measuring" / "doors.py",
    ]
    parts = [platform.python_version(), *(file.read_text(encoding="utf-8") for file in sources)]
    parts += [f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _count(framework: str, subjects: Sequence[str], wanted: str = "") -> dict[str, int]:
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise WorkFailed("valgrind is not installed")
    with tempfile.TemporaryDirectory(prefix="breadth-") as folder:
        tool = ["-q", "--tool=callgrind", "--dump-before=os_getppid", f"--callgrind-out-file={folder}/%p"]
        worker = [sys.executable, str(WORKER), ",".join(subjects), wanted]
        done = subprocess.run(
            [valgrind, *tool, *worker],
            env=environment_of(framework), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise WorkFailed(done.stderr[-2000:])
        works = [json.loads(line) for line in done.stdout.splitlines()]
        return {name: round(_block(Path(folder), process) / times) for name, process, times in works}


def _block(folder: Path, process: int) -> int:
    """Return the instructions of a block of the work that a process did.

    Raises:
        WorkFailed: There are not as many dumps as the work has blocks.
    """
    # A dump has what was executed since the one before. Every second one is a block; the warm-up and the first are left
    # out.
    totals, expected = _totals(folder, process), 2 * (BLOCKS + 2)
    if len(totals) < expected:
        raise WorkFailed(f"valgrind wrote {len(totals)} dumps, not {expected}: it cannot see os_getppid")
    return min(totals[5:expected:2])


def _totals(folder: Path, process: int) -> list[int]:
    """Return the instructions of each dump of a process, in their order."""
    found = {}
    for file in folder.iterdir():
        number = re.fullmatch(rf"{process}\.(\d+)", file.name)
        if number:
            with file.open("rb") as dump:
                dump.seek(max(0, file.stat().st_size - 200))
                total = re.search(rb"^totals: (\d+)", dump.read(), re.MULTILINE)
            found[int(number[1])] = int(total[1]) if total else 0
    return [found[number] for number in sorted(found)]


def geometric_mean(values: list[float]) -> float:
    """Return the geometric mean; 0 of nothing."""
    return statistics.geometric_mean(values) if values else 0.0


def in_parallel(function: Callable[..., Any], jobs: list[tuple[Any, ...]], at_once: int) -> list[Any]:
    """Return the results of a function that waits for processes, several of which run at once."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - for counting only

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda job: function(*job), jobs))
