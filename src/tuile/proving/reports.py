"""A report as text, HTML and JSON."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from markupsafe import escape

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Verdict: t.TypeAlias = t.Literal["same", "differs"]
_LONGEST = 2000
_SHOWN = 100


class Difference(t.NamedTuple):
    """One thing that differs: what it is about, and what each side has."""

    subject: str
    what: str
    flask: str
    tuile: str


class Table(t.NamedTuple):
    """A table of texts."""

    title: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass
class Report:
    """What a comparison has found.

    Attributes:
        title: What was compared.
        command: The command that makes the report.
        facts: What was compared, and where.
        summary: The result in a sentence.
        differences: What differs.
        tables: Figures.
        remarks: How the figures were made, and what was left out.
        data: The figures for programs.
    """

    title: str
    command: str
    facts: dict[str, str]
    summary: str = ""
    differences: list[Difference] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    data: dict[str, object] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """Whether anything differs."""
        return "differs" if self.differences else "same"


def as_data(report: Report) -> dict[str, object]:
    """Return a report as JSON data."""
    return {
        "title": report.title,
        "command": report.command,
        "facts": report.facts,
        "verdict": report.verdict,
        "summary": report.summary,
        "differences": [difference._asdict() for difference in report.differences],
        "remarks": report.remarks,
        **report.data,
    }


# --- text -------------------------------------------------------------------------------------------------------------


def as_text(report: Report) -> str:
    """Return a report for a terminal."""
    return "\n".join(_text_lines(report)).rstrip() + "\n"


def _text_lines(report: Report) -> Iterator[str]:
    yield report.title
    yield f"  made by: {report.command}"
    width = max(map(len, report.facts), default=0) + 2
    yield from (f"  {name + ':':<{width}} {plain(text)}" for name, text in report.facts.items())
    yield ""
    yield report.summary
    yield ""
    for difference in report.differences[:_SHOWN]:
        yield f"{plain(difference.subject)}: {plain(difference.what)}"
        yield from _indented("Flask", difference.flask)
        yield from _indented("Tuile", difference.tuile)
        yield ""
    if len(report.differences) > _SHOWN:
        yield f"{len(report.differences) - _SHOWN} more differences are in the JSON and the HTML report."
        yield ""
    for table in report.tables:
        yield table.title
        yield from _text_table(table)
        yield ""
    yield from (f"- {plain(remark)}" for remark in report.remarks)


def _text_table(table: Table) -> Iterator[str]:
    rows = [table.headings, *(tuple(map(plain, row)) for row in table.rows)]
    widths = [max(map(len, column)) + 2 for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _indented(side: str, text: str) -> Iterator[str]:
    first, *rest = plain(cut(text), newlines=True).split("\n")
    yield f"  {side}:  {first}"
    yield from (f"          {line}" for line in rest)


def cut(text: str, longest: int = _LONGEST) -> str:
    """Return a text, without its end if it is long."""
    return text if len(text) <= longest else f"{text[:longest]}[... {len(text) - longest} more]"


def plain(text: str, *, newlines: bool = False) -> str:
    """Return a text without control characters, which could change a terminal."""
    if text.isprintable():
        return text
    kept = "\n" if newlines else ""
    return "".join(c if c.isprintable() or c in kept else repr(c)[1:-1] for c in text)


# --- HTML -------------------------------------------------------------------------------------------------------------

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #222; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse; display: block; overflow-x: auto } td, th { padding: .3rem .8rem; text-align: left;
border-bottom: 1px solid #ddd; vertical-align: top } pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0;
background: #f5f5f5; padding: .5rem } .same { color: #14632a } .differs { color: #a11 } code { overflow-wrap: anywhere }
@media (prefers-color-scheme: dark) { body { background: #16181a; color: #ddd } pre { background: #23262a }
td, th { border-color: #444 } .same { color: #7ed491 } .differs { color: #ff8f8f } }
"""  # noqa: E501 - a style sheet


def as_html(report: Report) -> str:
    """Return a report as a page that needs no other file and runs no script."""
    return "\n".join(_html_lines(report)) + "\n"


def _html_lines(report: Report) -> Iterator[str]:
    yield '<!doctype html><html lang="en"><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(report.title)}</title><style>{_STYLE}</style>"
    yield f'<h1>{escape(report.title)}</h1><p class="{report.verdict}"><strong>{escape(report.summary)}</strong></p>'
    yield f"<p>Made by <code>{escape(report.command)}</code></p>"
    yield from _html_table(Table("", (), [(name, text) for name, text in report.facts.items()]))
    if report.differences:
        yield "<h2>What differs</h2>"
    for difference in report.differences:
        yield f"<h3>{escape(difference.subject)}</h3><p>{escape(difference.what)}</p><table>"
        yield f"<tr><th>Flask<td><pre>{escape(cut(difference.flask))}</pre>"
        yield f"<tr><th>Tuile<td><pre>{escape(cut(difference.tuile))}</pre></table>"
    for table in report.tables:
        yield f"<h2>{escape(table.title)}</h2>"
        yield from _html_table(table)
    if report.remarks:
        yield "<h2>How it was made</h2><ul>"
        yield from (f"<li>{escape(remark)}" for remark in report.remarks)
        yield "</ul>"
    yield "</html>"


def _html_table(table: Table) -> Iterator[str]:
    yield "<table>"
    if table.headings:
        yield "<tr>" + "".join(f"<th>{escape(heading)}" for heading in table.headings)
    yield from ("<tr>" + "".join(f"<td>{escape(cell)}" for cell in row) for row in table.rows)
    yield "</table>"
