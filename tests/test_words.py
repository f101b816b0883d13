"""The style of docstrings and comments in the source: Google sections, and no private metaphors."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src" / "tuile"
MODULES = sorted(SOURCE.rglob("*.py"))

OLD_SECTIONS = re.compile(r"^\s*(Parameters:|:(param|raises?|returns?|rtype|type)\b[^:\n]*:)", re.MULTILINE)
LAYER_NUMBERS = re.compile(r"\bfloor \d", re.IGNORECASE)
OLD_HEADERS = re.compile(r"\b(must live here|must not live here|(lives|live) here)\b", re.IGNORECASE)
FIRST_WORDS = re.compile(r'"""Answer whether\b')
METAPHORS = re.compile(
    r"\b(rooms?|staircase|stand-in|front of the house|told of|tells nobody|the very|somebody|anybody|everybody"
    r"|in the place of|from birth|doorman)\b",
    re.IGNORECASE,
)
STILTED = re.compile(
    r"\b(whoever|what raises|(takes?|taken) for granted|as it stands|for ever|at the most|goe?s? unnoticed"
    r"|in small letters|in its own name)\b",
    re.IGNORECASE,
)
BANNED = (OLD_SECTIONS, LAYER_NUMBERS, OLD_HEADERS, FIRST_WORDS, METAPHORS, STILTED)


def prose_of(source: str) -> str:
    """Return the comments and strings of a module, so that names and numbers in code do not count."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    kinds = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    return "\n".join(token.string for token in tokens if token.type in kinds)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_is_written_in_plain_words(path: Path) -> None:
    prose = prose_of(path.read_text(encoding="utf-8"))
    assert [found[0].strip() for pattern in BANNED for found in pattern.finditer(prose)] == []


@pytest.mark.parametrize(
    "source",
    [
        '"""Do it.\n\n    Parameters:\n        a: one.\n"""',
        '"""Do it.\n\n    :param a: one.\n"""',
        '"""Do it.\n\n    :raises ValueError: it is wrong.\n"""',
        '"""The cookies. Floor 2, one request."""',
        '"""The cookies. What must live here: cookies."""',
        '"""Answer whether it is so."""',
        "a = 1  # what a room calls it",
        '"It can be read by anybody."',
        'f"{a} stands in the place of {b}"',
        "# what raises shows its variables",
        '"""What may be taken for granted about an app."""',
        "# a change that goes unnoticed",
    ],
)
def test_the_old_style_is_found(source: str) -> None:
    assert any(pattern.search(prose_of(source)) for pattern in BANNED)


def test_names_in_code_do_not_count() -> None:
    assert not any(pattern.search(prose_of("room = floor(2)\n")) for pattern in BANNED)
