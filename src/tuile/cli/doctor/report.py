"""The findings of the doctor command."""

from __future__ import annotations

import re
from typing import NamedTuple

FAILS = "fails"
UNSAFE = "unsafe"
DOUBTFUL = "doubtful"
ADVICE = "advice"
SLOW = "slow"
NOTE = "note"

#: The kinds in the order they are printed, each with its heading.
HEADINGS = {
    FAILS: "Does not work",
    UNSAFE: "Not safe to deploy",
    DOUBTFUL: "May not work",
    ADVICE: "Better before it is deployed",
    SLOW: "Works, but slowly",
    NOTE: "Good to know",
}


#: The kinds that have to be mended: the exit code is 1 if there is one.
TO_BE_MENDED = frozenset({FAILS, UNSAFE})
_NOT_IN_ID = re.compile(r"[^a-z0-9.]+")


class Finding(NamedTuple):
    """A finding about an application or its process."""

    kind: str
    #: A class, a setting or a module.
    subject: str
    #: What this means for the application, and why.
    reason: str
    #: A file and a line, if known.
    where: str = ""
    #: What it is silenced by; made of the subject if it is "".
    id: str = ""

    def with_id(self) -> Finding:
        """Return this finding, with an id."""
        return self if self.id else self._replace(id=_NOT_IN_ID.sub("-", self.subject.lower()).strip("-"))
