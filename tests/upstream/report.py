"""docs/compatibility.md: what a full run of the suites found, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.upstream.sources import ROOT

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


def write_report(comparisons: list[Comparison], python: str) -> None:
    """Write the page anew."""
    text = HEAD.format(python=python)
    for comparison in comparisons:
        suite = comparison.suite
        passed_original = comparison.passed(comparison.original)
        passed_tuile = comparison.passed(comparison.tuile)
        text += f"| {suite.name} | {suite.sdist.version} | {passed_original} | {passed_tuile} |"
        text += f" {len(comparison.worse) or 'none'} |\n"
    text += differences_part(comparisons) + without_part(comparisons)
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
