"""`make autobahn`: the cases of Autobahn's test suite, for an echo in Tuile and for one without a framework.

    .venv/bin/python tools/autobahn.py                              all servers, without the cases of compression
    .venv/bin/python tools/autobahn.py --servers granian --cases "1.*" "7.*"

Most cases judge the server, so no case may end worse with Tuile than with the bare application on the same server.
The suite runs on CPython 2.7 only, which is looked for in $AUTOBAHN_PYTHON, on the PATH and among pyenv's. It is
installed into .autobahn, kept for the next time, with the reports.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # started as a file, it would not find its siblings

from tests.doors.serving import BIN, serve

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".autobahn"
PACKAGE = "autobahntestsuite==25.10.1"
UVICORN = ["uvicorn", "--port", "{port}", "--log-level", "critical", "--ws"]
#: {name: command}, to which the application is added.
SERVERS = {
    "uvicorn, websockets": [*UVICORN, "websockets"],
    "uvicorn, websockets-sansio": [*UVICORN, "websockets-sansio"],
    "uvicorn, wsproto": [*UVICORN, "wsproto"],
    "granian": ["granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", "{port}", "--no-log"],
    "hypercorn": ["hypercorn", "--bind", "127.0.0.1:{port}", "--log-level", "critical"],
}
APPLICATIONS = {"Tuile": "tools.echo_apps:app", "bare": "tools.echo_apps:bare"}
#: From good to bad. What is informational is no matter of right and wrong.
RANKS = {"OK": 0, "INFORMATIONAL": 0, "NON-STRICT": 1, "UNIMPLEMENTED": 2, "WRONG CODE": 3, "UNCLEAN": 3, "FAILED": 4}
# The cases of compression take an hour, and compression is the server's affair alone.
LEFT_OUT = ["12.*", "13.*"]
# Whether the echo of a message comes before the next one fails the connection is a matter of time. So cases that ended
# worse are asked again, and only those that do each time are worse.
AGAIN = 3


def find_python() -> str | None:
    """Return a CPython 2.7; None if there is none."""
    candidates = [os.environ.get("AUTOBAHN_PYTHON"), shutil.which("python2.7")]
    candidates += map(str, sorted(Path.home().glob(".pyenv/versions/2.7.*/bin/python")))
    for candidate in filter(None, candidates):
        asked = subprocess.run([candidate, "-V"], capture_output=True, text=True, check=False)
        # It is told on stderr by CPython 2.7.
        if not asked.returncode and "2.7." in asked.stdout + asked.stderr:
            return candidate
    return None


def install(python: str) -> None:
    """Install the suite, unless it is there."""
    if not (FOLDER / "packages" / "bin" / "wstest").exists():
        print(f"Installing {PACKAGE} for {python}", flush=True)
        pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, "--target", str(FOLDER / "packages"), PACKAGE], check=True, stderr=subprocess.DEVNULL)


def run_cases(python: str, agents: dict[str, int], cases: list[str], left_out: list[str]) -> dict[str, Any]:
    """Let the fuzzing client ask the servers on some ports, and return its results by agent and by case."""
    reports = FOLDER / "reports"
    shutil.rmtree(reports, ignore_errors=True)
    spec = {
        "outdir": str(reports),
        "servers": [{"agent": name, "url": f"ws://127.0.0.1:{port}/"} for name, port in agents.items()],
        "cases": cases,
        "exclude-cases": left_out,
        "exclude-agent-cases": {},
    }
    path = FOLDER / "spec.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    # A folder of packages has namespace packages too if it is added in this way.
    start = "import site, sys; site.addsitedir(sys.argv.pop(1)); from autobahntestsuite.wstest import run; run()"
    command = [python, "-c", start, str(FOLDER / "packages"), "--mode", "fuzzingclient", "--spec", str(path)]
    log = FOLDER / "wstest.log"
    with log.open("w", encoding="utf-8") as output:
        subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=True)
    results: dict[str, Any] = json.loads((reports / "index.json").read_text(encoding="utf-8"))
    return results


def worse_cases(ours: dict[str, Any], bare: dict[str, Any]) -> dict[str, str]:
    """Return the cases that ended worse than those of the bare application, with how they ended."""
    found = {}
    for case, result in ours.items():
        for part in ("behavior", "behaviorClose"):
            mine, other = result[part], bare[case][part]
            if RANKS.get(mine, 4) > RANKS.get(other, 4):
                found[case] = f"{part} is {mine}, and {other} of the bare application"
    return found


def counts(results: dict[str, Any]) -> str:
    """Return how many cases ended in which way."""
    ways = [result["behavior"] for result in results.values()]
    return ", ".join(f"{ways.count(way)} {way}" for way in RANKS if way in ways)


def compare(python: str, name: str, cases: list[str], left_out: list[str]) -> bool:
    """Run the cases on one server, print how they ended, and return whether any was worse each time."""
    with ExitStack() as stack:
        ports = {}
        for kind, target in APPLICATIONS.items():
            # Without the prefix hypercorn takes the WSGI side.
            prefix = "asgi:" if name == "hypercorn" else ""
            command = [str(BIN / SERVERS[name][0]), *SERVERS[name][1:], prefix + target]
            log = FOLDER / f"{name.replace(', ', '-')}-{kind}.log"
            ports[kind] = stack.enter_context(serve(command, log, ROOT)).port
        results = run_cases(python, ports, cases, left_out)
        worse = worse_cases(results["Tuile"], results["bare"])
        for _ in range(AGAIN):
            if worse:
                again = run_cases(python, ports, sorted(worse), [])
                worse = worse_cases(again["Tuile"], again["bare"])
    print(f"{name}: {len(results['Tuile'])} cases", flush=True)
    for kind in APPLICATIONS:
        print(f"  {kind}: {counts(results[kind])}", flush=True)
    for case, reason in worse.items():
        print(f"  WORSE {case}: {reason}", flush=True)
    return bool(worse)


def main() -> int:
    """Run the cases, and say which ended worse."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--servers", nargs="+", metavar="NAME", choices=SERVERS, default=list(SERVERS))
    parser.add_argument("--cases", nargs="+", default=["*"], help="default: all but compression")
    parser.add_argument("--all", action="store_true", help="with compression, which takes an hour")
    options = parser.parse_args()
    python = find_python()
    if python is None:
        print("SKIPPED: Autobahn's test suite needs CPython 2.7, and there is none. Set AUTOBAHN_PYTHON to it.")
        return 0
    FOLDER.mkdir(exist_ok=True)
    install(python)
    left_out = [] if options.all else LEFT_OUT
    worse = [name for name in options.servers if compare(python, name, options.cases, left_out)]
    return int(bool(worse))


if __name__ == "__main__":
    sys.exit(main())
