"""The Python programs that README and docs/ show: those that tests run, and all of them for the type checkers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    """A program that a page shows."""

    page: Path
    line: int
    code: str
    mark: str


def text_of(page: Path) -> str:
    """Return all of a page."""
    return page.read_text(encoding="utf-8")


def programs() -> list[Example]:
    """Return the Python programs of all pages, each block with the `continue` blocks after it."""
    found: list[Example] = []
    for page in PAGES:
        text = text_of(page)
        for block in FENCE.finditer(text):
            language, mark, code = block[1], block[2].strip(), block[3]
            if language != "python":
                continue
            if mark not in {"", "run", "continue"}:
                message = f"{page.name}: a Python block is marked {mark!r}"
                raise ValueError(message)
            if mark == "continue":
                found[-1] = found[-1]._replace(code=found[-1].code + code)
            else:
                found.append(Example(page, text.count("\n", 0, block.start(3)) + 1, code, mark))
    return found


def examples() -> list[Example]:
    """Return the programs that are marked to be run."""
    return [program for program in programs() if program.mark == "run"]
