#!/usr/bin/env python3
"""Count the machine instructions of one warm request of an ASGI server, with valgrind's callgrind.

Of streams and WebSockets, it is those of one piece or message. The works are those of `asgi.py`, asked one after the
other in one event loop, without a server. The loop and the messages are counted with them, so the bare callable is the
least that can be had.

Usage: `python benchmarks/asgi_instructions.py [--here] [--peers Tuile] [--works async]`; with `--here` in the
environment of the tests instead of that of the benchmarks.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.asgi import LACKS, PARTS, PEERS, TITLES, WORKS, ask, is_right, make_apps
from benchmarks.measuring import environment

REQUESTS = 50
# Of works that consist of many parts.
LONG_REQUESTS = 2
BLOCKS = 4
WARM_UP_REQUESTS = 300
LONG_WARM_UP_REQUESTS = 3


def requests_of(work: str) -> int:
    """Return how many requests are counted together."""
    return LONG_REQUESTS if work in PARTS else REQUESTS


async def run(peer: str, works: list[str]) -> None:
    """Send the requests: what valgrind runs. A block ends where `os.getppid` is called."""
    app = make_apps([peer])[peer]
    if peer == "BlackSheep":
        await app.start()
    for work in works:
        if not is_right(work, await ask(app, f"/{work}")):
            raise SystemExit(f"{peer} gives a wrong answer to {work!r}")
        for _ in range(LONG_WARM_UP_REQUESTS if work in PARTS else WARM_UP_REQUESTS):
            await ask(app, f"/{work}")
    gc.disable()
    for work in works:
        for _ in range(BLOCKS):
            os.getppid()
            for _ in range(requests_of(work)):
                await ask(app, f"/{work}")
        os.getppid()


def count(peer: str, works: list[str]) -> dict[str, int]:
    """Return the instructions of one warm request by work."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", "--dump-before=os_getppid", f"--callgrind-out-file={folder}/out"]
        program = [sys.executable, str(Path(__file__).resolve()), "--run", "--peers", peer, "--works", *works]
        done = subprocess.run(
            [*command, *program],
            env={**os.environ, "PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        totals = {}
        for path in Path(folder).iterdir():
            number = re.fullmatch(r"out\.(\d+)", path.name)
            if number:
                text = path.read_text(encoding="utf-8", errors="replace")
                found = re.search(r"^(?:summary|totals): (\d+)", text, re.MULTILINE)
                totals[int(number[1])] = int(found[1]) if found else 0
    blocks = [totals[number] for number in sorted(totals)]
    each = BLOCKS + 1
    return {
        work: round(
            statistics.median(blocks[row * each + 1 : (row + 1) * each]) / requests_of(work) / PARTS.get(work, 1)
        )
        for row, work in enumerate(works)
    }


def main() -> int:
    """Count and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--here", action="store_true", help="count with what is installed here")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=["bare", "Tuile", "Starlette", "BlackSheep"])
    parser.add_argument("--works", nargs="+", choices=WORKS, default=["async", "json", "cookie"])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--run", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        logging.disable(logging.WARNING)
        asyncio.run(run(options.peers[0], options.works))
        return 0
    if not options.here:
        environment.enter()
    if shutil.which("valgrind") is None:
        print("This needs valgrind.", file=sys.stderr)
        return 2
    found = {
        peer: count(peer, [work for work in options.works if work not in LACKS.get(peer, ())]) for peer in options.peers
    }
    if options.json:
        print(json.dumps(found))
        return 0
    print(f"| | {' | '.join(found)} |\n| --- |{' ---: |' * len(found)}")
    for work in options.works:
        cells = [f"{counts[work]:,}" if work in counts else "-" for counts in found.values()]
        print(f"| {TITLES[work]} | {' | '.join(cells)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
