"""docs/compatibility.md: what a full run of the suites found, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.upstream.sources import ROOT
from tests.upstream.suites import read_toml

if TYPE_CHECKING:
    from tests.upstream.run import Comparison

HEAD = """\
# Compatibility

Tuile runs other projects' own tests, unmodified, from their source distributions on PyPI, and compares each test's
outcome with what it is on the original: Flask 3.1.3, Werkzeug 3.1.9 or Jinja 3.1.6. This page is written by that
run, `make upstream`, the last time on CPython {python}. How each suite is run is in `tests/upstream/suites.toml`.

| suite | version | passed on the original | passed on Tuile | differences |
| --- | --- | ---: | ---: | ---: |
"""

ONCE = """
## Run once

These suites are not part of that run. They were run once, by hand, in the same way: on Flask 3.1.3 and on Tuile, in the
same environment, at the commit given. Every test had the same outcome on both, also those that fail on both. Of large
applications the tests of their web side were run. `tests/upstream/once.toml` has the date and the repositories.

| suite | commit | passed on both | failed on both |
| --- | --- | ---: | ---: |
"""


def write_report(comparisons: list[Comparison], python: str) -> None:
    """Write the page anew."""
    text = HEAD.format(python=python)
    for comparison in comparisons:
        suite = comparison.suite
        passed_original = comparison.passed(comparison.original)
        passed_tuile = comparison.passed(comparison.tuile)
        text += f"| {suite.name} | {suite.sdist.version} | {passed_original} | {passed_tuile} |"
        text += f" {len(comparison.worse) or 'none'} |\n"
    text += differences_part(comparisons) + without_part(comparisons) + once_part()
    path = ROOT / "docs" / "compatibility.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"Written: {path.relative_to(ROOT)}")


def differences_part(comparisons: list[Comparison]) -> str:
    """Every test that differs, with its reason."""
    lines = [
        f"- {comparison.suite.name}, `{test}`: {reason}"
        for comparison in comparisons
        for test, reason in comparison.reasons.items()
    ]
    return "\n## Differences and their reasons\n\n" + ("\n".join(lines) if lines else "None.") + "\n"


def without_part(comparisons: list[Comparison]) -> str:
    """Every test that is run on neither side, with its reason."""
    lines = [
        f"- {comparison.suite.name}, `{entry['test']}`: {entry['reason']}"
        for comparison in comparisons
        for entry in comparison.suite.without
    ]
    return "\n## Left out on both sides\n\n" + "\n".join(lines) + "\n" if lines else ""


def once_part() -> str:
    """The suites that are not part of the run."""
    suites = read_toml("once.toml")["suites"]
    return ONCE + "".join("| {name} | {commit} | {passed} | {failed} |\n".format(**suite) for suite in suites)
