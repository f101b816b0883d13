"""`make upstream`: other projects' own tests, on the original and on Tuile, compared test by test.

    python tests/upstream/run.py                 all suites; writes docs/compatibility.md
    python tests/upstream/run.py flask werkzeug  these only
    python tests/upstream/run.py --quick         those that suites.toml calls quick
    python tests/upstream/run.py --reuse flask   the original's outcomes of an earlier run are good enough
    python tests/upstream/run.py --asgi flask    on Tuile, each request goes through the application's ASGI side
    python tests/upstream/run.py --asgi-loop flask  the same, and is answered on the event loop wherever possible
    python tests/upstream/run.py flask -- -k json   what follows -- goes to pytest, on both sides

The tests are never copied in: each suite's source distribution is downloaded from PyPI, checked against the pinned
hash, and unpacked under .upstream/. It runs twice in the same environment, the second time with a plugin that puts
Tuile in the place of the original. It fails when a test's outcome got worse and differences.toml does not say why,
and when differences.toml lists a test that is as good as on the original.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # started as a file, it would not find its siblings

from tests.upstream.report import write_report
from tests.upstream.sources import ROOT, UPSTREAM, UnavailableError, make_environment, unpack
from tests.upstream.suites import Suite, read_differences, read_suites

if TYPE_CHECKING:
    from collections.abc import Iterator

Outcomes = dict[str, dict[str, str]]
ORIGINAL, TUILE = "original", "Tuile"
#: pytest's options for the ASGI side.
ASGI = ("-p", "upstream_asgi")
ASGI_LOOP = (*ASGI, "-p", "upstream_asgi_loop")
FINE = ("passed", "skipped", "xfailed", "xpassed")
LINES_PER_FAILURE = 12


@dataclass(frozen=True)
class Comparison:
    """What one suite's two runs say."""

    suite: Suite
    original: Outcomes
    tuile: Outcomes
    reasons: dict[str, str]

    @property
    def worse(self) -> list[str]:
        """Tests that were fine on the original and have another outcome, or none, on Tuile."""
        return [
            test
            for test, result in self.original.items()
            if result["outcome"] in FINE and self.tuile.get(test, {}).get("outcome") != result["outcome"]
        ]

    def complaints(self) -> Iterator[str]:
        """Everything that makes the run fail, in sentences."""
        if not self.tuile:
            yield "nothing ran on Tuile"
            return
        for test, result in self.tuile.items():
            if result["outcome"] == "error" and test not in self.original:
                yield f"{test}: cannot be collected on Tuile{excerpt(result)}"
        worse = self.worse
        unexplained = [test for test in worse if test not in self.reasons]
        for test in unexplained:
            if test in self.tuile:
                then, result = self.original[test]["outcome"], self.tuile[test]
                yield f"{test}: {then} on the original, {result['outcome']} on Tuile{excerpt(result)}"
        missing = Counter(test.partition("::")[0] for test in unexplained if test not in self.tuile)
        for file, count in missing.items():
            yield f"{file}: {count} tests did not run on Tuile"
        for test in self.reasons:
            if test not in worse:
                yield f"{test}: listed in differences.toml, but as good as on the original"

    def passed(self, outcomes: Outcomes) -> int:
        """How many tests passed."""
        return Counter(result["outcome"] for result in outcomes.values())["passed"]


def excerpt(result: dict[str, str]) -> str:
    """The last lines of a failure's text, indented."""
    lines = result.get("text", "").splitlines()[-LINES_PER_FAILURE:]
    return "".join(f"\n    | {line}" for line in lines)


def run_suite(suite: Suite, side: str, arguments: list[str], *, asgi: tuple[str, ...] = ()) -> Outcomes:
    """Run a suite on one side; each test's outcome."""
    source = unpack(suite.sdist)
    # Of a part of a suite under another name: --reuse must not take it for the whole.
    result = UPSTREAM / "outcomes" / f"{suite.name}-{side}{'-part' if arguments else ''}.json"
    result.parent.mkdir(parents=True, exist_ok=True)
    result.unlink(missing_ok=True)
    command = [str(UPSTREAM / "environments" / suite.environment_name / "bin" / "pytest")]
    if side == TUILE:
        command += ["-p", f"upstream_{suite.put_in}", *asgi]
    command += ["-p", "upstream_outcomes", "--outcomes", str(result), f"--rootdir={source / suite.folder}"]
    command += ["--timeout=60", "-q", "--tb=short", *suite.tests]
    command += [leave_out(entry["test"]) for entry in suite.without] + arguments
    log = result.with_suffix(".log")
    print(f"{suite.name} on {side} ...", end=" ", flush=True)
    with log.open("w", encoding="utf-8") as output:
        try:
            subprocess.run(
                command,
                cwd=source / suite.folder,
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=suite.timeout_s,
                check=False,  # failing tests are what we came to count
            )
        except subprocess.TimeoutExpired:
            print(f"stopped after {suite.timeout_s} s", end=" ")
    lines = log.read_text(encoding="utf-8").splitlines() or ["no output"]
    if not result.exists():
        print("\n".join(lines[-40:]))
        print(f"{suite.name} on {side}: pytest wrote no outcomes. Its output: {log.relative_to(ROOT)}")
        return {}
    print(lines[-1].strip("= "), flush=True)
    outcomes: Outcomes = json.loads(result.read_text(encoding="utf-8"))
    return outcomes


def leave_out(test: str) -> str:
    """pytest's option not to run a test, or not to look at a file."""
    return f"--deselect={test}" if "::" in test else f"--ignore={test}"


def clean_environment() -> dict[str, str]:
    """This process's environment without what would change a suite's outcome, with our plugins to be found."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name != "CI" and not name.startswith(("FLASK_", "PYTEST_", "TUILE_", "WERKZEUG_"))
    }
    return {**kept, "PYTHONPATH": str(Path(__file__).parent / "plugins")}


def original_outcomes(suite: Suite, arguments: list[str], *, reuse: bool) -> Outcomes:
    """The original's side, from an earlier run if that will do."""
    earlier = UPSTREAM / "outcomes" / f"{suite.name}-{ORIGINAL}.json"
    if reuse and not arguments and earlier.exists():
        outcomes: Outcomes = json.loads(earlier.read_text(encoding="utf-8"))
        return outcomes
    return run_suite(suite, ORIGINAL, arguments)


def compare(
    suite: Suite, reasons: dict[str, str], arguments: list[str], *, reuse: bool, asgi: tuple[str, ...]
) -> tuple[Comparison, bool]:
    """Run both sides and print what differs; (the comparison, whether all is well)."""
    original = original_outcomes(suite, arguments, reuse=reuse)
    ours = run_suite(suite, TUILE, arguments, asgi=asgi)
    comparison = Comparison(suite, original, ours, reasons if not arguments else {})
    complaints = list(comparison.complaints())
    passed = comparison.passed(original)
    if not arguments and passed < suite.passes:
        complaints.append(f"only {passed} tests pass on the original; suites.toml expects {suite.passes}")
    for complaint in complaints:
        print(f"  {complaint}")
    print(f"{suite.name}: {passed} pass on the original, {comparison.passed(comparison.tuile)} on Tuile", end="; ")
    print(f"{len(comparison.worse)} differ, {len(complaints)} complaints\n")
    return comparison, not complaints


def choose(suites: list[Suite], names: list[str], *, quick: bool) -> list[Suite]:
    """The suites asked for, in the order of suites.toml."""
    known = {suite.name for suite in suites}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"No suite is called {', '.join(unknown)}. There are: {', '.join(sorted(known))}.")
    return [suite for suite in suites if (suite.name in names or not names) and (suite.quick or not quick)]


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description="Other projects' tests on Tuile.")
    parser.add_argument("names", nargs="*", help="suites; none means all")
    parser.add_argument("--quick", action="store_true", help="only those that suites.toml calls quick")
    parser.add_argument("--reuse", action="store_true", help="take the original's outcomes from an earlier run")
    parser.add_argument("--asgi", action="store_true", help="send requests to Tuile as an ASGI server does")
    parser.add_argument("--asgi-loop", action="store_true", help="the same, as if every view was a coroutine function")
    words = sys.argv[1:]
    ours = words.index("--") if "--" in words else len(words)
    options, arguments = parser.parse_args(words[:ours]), words[ours + 1 :]

    asgi = ASGI if options.asgi else ASGI_LOOP if options.asgi_loop else ()
    suites, environments = read_suites()
    chosen = choose(suites, options.names, quick=options.quick)
    missing = sorted({command for suite in chosen for command in suite.commands if not shutil.which(command)})
    if missing:
        sys.exit(f"Not on this machine: {', '.join(missing)}. Install (Debian's package has that name) and try again.")
    differences = read_differences()
    comparisons, well = [], True
    for suite in chosen:
        make_environment(suite.environment_name, environments[suite.environment_name])
        reasons = differences.get(suite.name, {})
        try:
            comparison, fine = compare(suite, reasons, arguments, reuse=options.reuse, asgi=asgi)
        except UnavailableError as error:
            print(f"*** {suite.name} WAS NOT RUN: {error}. ***\n")
            continue
        comparisons.append(comparison)
        well = well and fine
    if well and len(comparisons) == len(suites) and not arguments and not asgi:
        write_report(comparisons, python=platform.python_version())
    if not well:
        sys.exit("Something differs that differences.toml does not explain.")


if __name__ == "__main__":
    main()
