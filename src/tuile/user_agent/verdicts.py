"""What a browser did with a Set-Cookie line, in words.

Floor 1, text and bytes. What must live here: the stored cookie, the verdict, and how both are told. What must not: how
a verdict is reached (`jar_rules`, `jar`).
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .set_cookie import LAYERED

if t.TYPE_CHECKING:
    from datetime import datetime

LONGEST_NAME_SHOWN = 40


@dataclass(frozen=True)
class StoredCookie:
    """A cookie as a browser keeps it (section 5.7). Text is as it was received."""

    name: str
    value: str
    domain: str
    path: str
    host_only: bool
    secure: bool
    httponly: bool
    samesite: t.Literal["Strict", "Lax", "None", "Default"]
    created: datetime
    expires: datetime | None  # None: with the session
    priority: t.Literal["Low", "Medium", "High"] = "Medium"
    partition: tuple[str, bool] | None = None  # the site in the address bar, and whether another one is in between

    @property
    def key(self) -> tuple[str, str, bool, str, tuple[str, bool] | None]:
        """What makes it this cookie and not another (section 5.7, step 23)."""
        return self.name, self.domain, self.host_only, self.path, self.partition


class Note(t.NamedTuple):
    """Something to say about a line: where the rule is, what happens, and what to write instead."""

    rule: str
    reason: str
    cure: str

    def __str__(self) -> str:
        where = self.rule if self.rule.startswith((LAYERED, "http")) else f"rfc6265bis {self.rule}"
        said = f"{self.reason} ({where})."
        return f"{said} {self.cure[0].upper()}{self.cure[1:]}." if self.cure else said


@dataclass(frozen=True)
class Verdict:
    """What a browser did with one Set-Cookie line, why, and what to write instead.

    :ivar line: the Set-Cookie line.
    :ivar name: the cookie's name.
    :ivar kept: whether the browser has the cookie now.
    :ivar deleted: whether the line took away the cookie it is about, because its time is over.
    :ivar rule: the section that decides, of `STANDARD` where no other document is named.
    :ivar reason: one sentence.
    :ivar cure: what to write to have it kept; empty when nothing is wrong.
    :ivar notes: what else is remarkable, such as an attribute that was ignored.
    :ivar cookie: what is kept.
    """

    line: str
    name: str
    kept: bool
    rule: str
    reason: str
    cure: str = ""
    deleted: bool = False
    notes: tuple[Note, ...] = ()
    cookie: StoredCookie | None = None

    def __str__(self) -> str:
        return " ".join(map(str, (Note(self.rule, self.reason, self.cure), *self.notes)))


def shown(name: str) -> str:
    """A cookie's name for a sentence."""
    if not name:
        return "the cookie without a name"
    return f"the cookie {name[:LONGEST_NAME_SHOWN] + ('...' if len(name) > LONGEST_NAME_SHOWN else '')!r}"


def told(cookie: StoredCookie) -> str:
    """Where a kept cookie goes, and for how long."""
    where = f"{cookie.domain} alone" if cookie.host_only else f"{cookie.domain} and the hosts under it"
    path = "every path" if cookie.path == "/" else f"paths under {cookie.path}"
    until = "the browser is closed" if cookie.expires is None else f"{cookie.expires:%Y-%m-%d %H:%M:%S} UTC"
    return f"keeps {shown(cookie.name)} for {where}, {path}, until {until}"
