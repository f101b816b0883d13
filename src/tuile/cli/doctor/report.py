"""One finding of the doctor. Floor 6, the edges.

Here lives what a finding is made of and which kinds there are. Nothing is found here.
"""

from __future__ import annotations

from typing import NamedTuple

FAILS = "fails"
DOUBTFUL = "doubtful"
SLOW = "slow"
NOTE = "note"

#: The kinds in the order they are told, each with its heading.
HEADINGS = {
    FAILS: "Does not work",
    DOUBTFUL: "May not work",
    SLOW: "Works, and goes the slow way",
    NOTE: "Good to know",
}


class Finding(NamedTuple):
    """Something about an application or its process."""

    kind: str
    #: What it is about: a class, a setting, a module.
    subject: str
    #: What it means for the application, and why.
    reason: str
    #: A file and a line, where there is one.
    where: str = ""
