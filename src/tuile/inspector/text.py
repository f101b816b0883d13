"""Write the tables as plain text, for a terminal and for the report of a failed test."""

from __future__ import annotations

import typing as t
from textwrap import wrap

from .costs import summarise
from .records import KINDS

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .records import Recording
    from .set_cookie_lines import LineReport
    from .stories import Story
    from .tables import Row, Sheet

_WIDTH = 110


def write_sheet(sheet: Sheet) -> str:
    """Return one request as text."""
    parts = [f"Request {sheet.id}: {clean(sheet.title)}"]
    parts += [f"  {name + ':':<16}{clean(text)}" for name, text in sheet.facts]
    parts += ["", write_table(("Step", "Action", "Detail", "Line"), [_step(row) for row in sheet.rows])]
    if sheet.left_out:
        parts.append(f"({sheet.left_out} more events were not recorded)")
    steps, rows = sheet.tracker
    parts += ["", "Variables", write_table(("Variable", *steps), [(name, *values) for name, values in rows])]
    for line in sheet.lines:
        parts += ["", *_write_line(line)]
    for name, text, cure, chrome in sheet.missing:
        parts += ["", f"Cookie {clean(name)}: {clean(text)}"]
        parts += [f"  What to do: {clean(cure)}"] if cure else []
        parts += [f"  Chrome says: {clean(chrome)}"] if chrome else []
    times = ", ".join(f"{kind} {ms:.2f} ms" for kind, ms, _ in sheet.times)
    parts += ["", f"Time: {times}"]
    parts += [f"No fast path: {clean(reason)}" for reason in sheet.slow_reasons]
    return "\n".join(parts) + "\n"


def _step(row: Row) -> tuple[str, ...]:
    return str(row.number), row.action, row.detail, row.where


def _write_line(line: LineReport) -> list[str]:
    parts = [f"Set-Cookie: {clean(line.line)}"]
    parts += [f"   {clean(line.agreement)}"] if line.agreement else []
    for verdict in () if line.agreement else line.verdicts:
        mark = "*" if verdict.is_own else " "
        parts.append(f" {mark} {verdict.browser:<13}{verdict.word}: {clean(verdict.reason)} ({verdict.rule})")
        parts += [f"     {clean(note)}" for note in verdict.notes if verdict.is_own]
    parts += [f"   Chrome says: {clean(line.chrome_says)}"] if line.chrome_says else []
    parts += [f"   Chrome's issue: {clean(line.chrome_issue)}"] if line.chrome_issue else []
    parts += [f"   What to do: {clean(line.cure)}"] if line.cure else []
    return [*parts, f"   Afterwards: {clean(line.outcome)}"]


def write_story(story: Story) -> str:
    """Return the story of a cookie as text."""
    headings = (
        "Step",
        "Action",
        "Request Cookies",
        f"Read Cookie {story.name!r}",
        f"Set Cookie {story.name!r}",
        "Response Content",
    )
    steps = [tuple(map(str, step[:6])) for step in story.steps]
    after = ("Variable", "Start", *(f"After Step {step.number}" for step in story.steps))
    variables = [(name, *values) for name, values in story.variables]
    return f"{write_table(headings, steps)}\n\n{write_table(after, variables)}\n"


def write_costs(recordings: Iterable[Recording]) -> str:
    """Return what each endpoint spends its time on, as text."""
    costs = summarise(recordings)
    if not costs:
        return "No requests were recorded yet.\n"
    rows = [
        (
            cost.endpoint,
            str(cost.requests),
            *(f"{cost.times_us[kind] / 1000:.2f}" for kind in KINDS),
            f"{cost.total_us / 1000:.2f}",
        )
        for cost in costs
    ]
    table = write_table(("Endpoint", "Requests", *(f"{kind} ms" for kind in KINDS), "total ms"), rows)
    reasons = [
        f"{clean(cost.endpoint)}: {'; '.join(map(clean, cost.reasons)) or 'answered by the fast path'}"
        for cost in costs
    ]
    return f"{table}\n\nWhy there is no fast path, without the inspector:\n" + "\n".join(reasons) + "\n"


def write_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose columns are as wide as needed, with cells that are wrapped."""
    cells = [[clean(cell) for cell in row] for row in (headings, *rows)]
    most = max(12, (_WIDTH - 2 * len(headings)) // max(1, len(headings) - 1))
    widths = [min(most, max(len(row[column]) for row in cells)) for column in range(len(headings))]
    lines: list[str] = []
    for number, row in enumerate(cells):
        wrapped = [wrap(cell, width, break_on_hyphens=False) or [""] for cell, width in zip(row, widths, strict=True)]
        for line in range(max(map(len, wrapped))):
            parts = [
                (cell[line] if line < len(cell) else "").ljust(width)
                for cell, width in zip(wrapped, widths, strict=True)
            ]
            lines.append("  ".join(parts).rstrip())
        if number == 0:
            lines.append("  ".join("-" * width for width in widths))
    return "\n".join(lines)


def clean(text: str) -> str:
    """Return a text without characters that a terminal would act on."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
