"""The findings of the doctor command."""

from __future__ import annotations

from typing import NamedTuple

FAILS = "fails"
DOUBTFUL = "doubtful"
SLOW = "slow"
NOTE = "note"

#: The kinds in the order they are printed, each with its heading.
HEADINGS = {
    FAILS: "Does not work",
    DOUBTFUL: "May not work",
    SLOW: "Works, but slowly",
    NOTE: "Good to know",
}


class Finding(NamedTuple):
    """A finding about an application or its process."""

    kind: str
    #: A class, a setting or a module.
    subject: str
    #: What this means for the application, and why.
    reason: str
    #: A file and a line, if known.
    where: str = ""
