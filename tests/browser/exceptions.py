"""The cases in which the jar and a browser differ, with the reason of each."""

from __future__ import annotations

import re
from typing import NamedTuple


class Difference(NamedTuple):
    """Cases that differ, by a pattern of their ids, and why."""

    profiles: tuple[str, ...]
    pattern: str
    why: str

    def matches(self, profile: str, id_: str) -> bool:
        """Return whether the exception is about this case in this browser."""
        return profile in self.profiles and re.search(self.pattern, id_) is not None


EXCEPTIONS: list[Difference] = [
    Difference(
        ("chromium",),
        r"^scopes \d+: a=b; Path=/\xe9$",
        "a path that is not UTF-8: what is sent agrees, but the DevTools protocol shows the path as `/`",
    ),
    Difference(
        ("firefox",),
        r"^scopes \d+: a=b; Path=/\xe9$",
        "a path that is not UTF-8: what is sent agrees, but Firefox shows U+FFFD in the path",
    ),
    Difference(
        ("firefox",),
        r"^stores \d+: a=1; HttpOnly then a=2 by a script$",
        "a page goes on reading what its script set in place of an HttpOnly cookie, although it is not sent",
    ),
]


def exception_for(profile: str, id_: str) -> str | None:
    """Return why a case differs in a browser; None if nothing explains it."""
    return next((exception.why for exception in EXCEPTIONS if exception.matches(profile, id_)), None)
