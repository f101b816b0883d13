"""Write the list of what extensions see otherwise than on Flask anew, keeping the reasons: `make surface`.

What no longer differs goes from `surface_differences.toml`. What differs and is not listed comes at its end, marked as
to be judged; `test_surface.py` fails until it has been mended, or moved to an entry that says why it may differ.
"""

from __future__ import annotations

import sys
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests import test_surface

UNJUDGED = test_surface.UNJUDGED
HEADER = (
    "# What extensions see otherwise than on Flask 3.1.3: questions of surface.py (on CPython 3.11; * as in file names)"
    ", and the reason.\n# `make surface` writes it anew.\n"
)


class Entry(TypedDict):
    """Some differences that have one reason."""

    reason: str
    questions: list[str]


def updated(listed: list[Entry], differences: Collection[str]) -> list[Entry]:
    """Return the entries without what no longer differs, and with what is new, to be judged."""
    kept: list[Entry] = []
    known: set[str] = set()
    for entry in listed:
        questions = []
        for pattern in sorted(entry["questions"]):
            matched = {question for question in differences if fnmatchcase(question, pattern)}
            if matched and entry["reason"] != UNJUDGED and not matched <= known:
                questions.append(pattern)
                known |= matched
        if questions:
            kept.append({"reason": entry["reason"], "questions": questions})
    new = sorted(set(differences) - known)
    return [*kept, {"reason": UNJUDGED, "questions": new}] if new else kept


def written(entries: list[Entry], differences: Mapping[str, tuple[Any, Any]]) -> str:
    """Return the entries as TOML; beside what is to be judged, what Flask and Tuile answer."""
    lines = [HEADER]
    for entry in entries:
        lines += ["[[difference]]", f"reason = {_quoted(entry['reason'])}", "questions = ["]
        for question in entry["questions"]:
            comment = ""
            if entry["reason"] == UNJUDGED:
                theirs, ours = (str(answer)[:60] for answer in differences[question])
                comment = f"  # {theirs} | {ours}".replace("\n", " ")
            lines.append(f"    {_quoted(question)},{comment}")
        lines += ["]", ""]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def main() -> None:
    """Ask both, and write the list."""
    if sys.version_info[:2] != (3, 11):
        sys.exit("The list is that of CPython 3.11.")
    with tempfile.TemporaryDirectory() as folder:
        theirs, ours = (test_surface.asked(Path(folder), *options) for options in ((), ("--tuile",)))
    differences = test_surface.find_differences(theirs, ours)
    entries = updated(test_surface.listed_differences(), differences)
    test_surface.LIST.write_text(written(entries, differences), encoding="utf-8")
    unjudged = sum(len(entry["questions"]) for entry in entries if entry["reason"] == UNJUDGED)
    sys.stdout.write(f"{len(differences)} differences, {unjudged} of them to be judged\n")


if __name__ == "__main__":
    main()
