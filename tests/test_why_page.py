"""docs/why-is-my-cookie-not-there.md: what it quotes is what `tuile explain` says, and its cures are in its programs.

The programs themselves are run by test_docs.py.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from tools.doc_blocks import FENCE, text_of
from tuile.cli import cli

PAGE = Path(__file__).resolve().parent.parent / "docs" / "why-is-my-cookie-not-there.md"


class Section(NamedTuple):
    """A symptom."""

    title: str
    blocks: list[tuple[str, str, str]]  # language, mark, code

    def of(self, language: str, mark: str = "") -> list[str]:
        """Return the code of the blocks of a kind."""
        return [code for found, marked, code in self.blocks if (found, marked.strip()) == (language, mark)]


def sections() -> list[Section]:
    _, *parts = re.split(r"^## ", text_of(PAGE), flags=re.MULTILINE)
    return [Section(part.partition("\n")[0], FENCE.findall(part)) for part in parts]


every_section = pytest.mark.parametrize("section", sections(), ids=lambda one: one.title)


def explained(command: str) -> str:
    """Return what a command of the page prints; what comes before its pipe is run by a shell."""
    before, _, last = command.rpartition(" | ")
    words = shlex.split(last)
    assert words[:2] == ["tuile", "explain"]
    piped = subprocess.run(["sh", "-c", before], capture_output=True, check=True).stdout if before else None
    result = CliRunner().invoke(cli, words[1:], input=piped)
    assert result.exit_code == 0, result.output
    return result.output


def flat(text: str) -> str:
    return " ".join(text.split())


@every_section
def test_what_the_page_quotes_is_what_the_command_says(section: Section) -> None:
    commands, quotes = section.of("sh"), section.of("text")
    assert len(commands) == len(quotes)
    for command, quote in zip(commands, quotes, strict=True):
        said = explained(command.strip())
        # Each sentence is there as it is; the page may fold it elsewhere, and leave out others between.
        for sentence in re.split(r"(?<=\.)\n|\n(?=- |Not sent|Safari|Chromium)", quote.strip()):
            assert flat(sentence) in flat(said), said


@every_section
def test_a_section_ends_with_the_line_to_write_which_is_in_its_program(section: Section) -> None:
    (program,), (line,) = section.of("python", "run"), section.of("python")
    assert section.blocks[-1] == ("python", "", line)
    assert line.strip() in [one.strip() for one in program.splitlines()]


def test_most_symptoms_are_explained_by_the_command() -> None:
    found = sections()
    assert len(found) >= 12
    assert sum(bool(section.of("sh")) for section in found) >= 10
