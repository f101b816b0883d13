"""Describe what a browser did with a Set-Cookie line, as data and as a sentence."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .set_cookie import LAYERED

if t.TYPE_CHECKING:
    from datetime import datetime

    from .browsers import Profile

LONGEST_NAME_SHOWN = 40


@dataclass(frozen=True)
class StoredCookie:
    """A cookie as a browser stores it (section 5.7). Text is kept as it was received."""

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
        """The identity of the cookie: a new cookie with the same key replaces it (section 5.7, step 23)."""
        return self.name, self.domain, self.host_only, self.path, self.partition

    def is_expired(self, now: datetime) -> bool:
        """Return whether the lifetime of the cookie has ended."""
        return self.expires is not None and self.expires <= now


class Note(t.NamedTuple):
    """A remark about a Set-Cookie line: the rule, what happens, and what to write instead."""

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

    Attributes:
        line: The Set-Cookie line.
        name: The name of the cookie.
        kept: Whether the browser stores the cookie.
        rule: The section that decides, of `STANDARD` unless another document is named.
        reason: One sentence that explains the decision.
        cure: What to write to have the cookie kept. Empty if nothing is wrong.
        deleted: Whether the line deleted a stored cookie because it has expired.
        notes: Further remarks, such as an attribute that was ignored.
        cookie: The cookie that is stored, if it is kept.
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


def describe_name(name: str) -> str:
    """Return how a sentence refers to the cookie of this name."""
    if not name:
        return "the cookie without a name"
    return f"the cookie {name[:LONGEST_NAME_SHOWN] + ('...' if len(name) > LONGEST_NAME_SHOWN else '')!r}"


def describe_kept(cookie: StoredCookie) -> str:
    """Return a sentence that says where a stored cookie is sent, and for how long."""
    where = f"{cookie.domain} only" if cookie.host_only else f"{cookie.domain} and the hosts below it"
    path = "every path" if cookie.path == "/" else f"paths below {cookie.path}"
    until = "the browser is closed" if cookie.expires is None else f"{cookie.expires:%Y-%m-%d %H:%M:%S} UTC"
    return f"keeps {describe_name(cookie.name)} for {where}, {path}, until {until}"


def decode_octets(octets: str) -> str:
    """Decode octets of UTF-8; return them unchanged if they are something else."""
    if octets.isascii():
        return octets
    try:
        return octets.encode("latin-1").decode()
    except UnicodeError:
        return octets


def replace_undecodable(octets: str) -> str:
    """Replace octets that are not UTF-8 by U+FFFD, in UTF-8."""
    if octets.isascii():
        return octets
    try:
        return octets.encode("latin-1").decode(errors="replace").encode().decode("latin-1")
    except UnicodeEncodeError:
        return octets


def encode_text(text: str, profile: Profile) -> str:
    """Encode text from a script as octets."""
    if profile.keeps_lone_surrogates:
        return text.encode("utf-8", "surrogatepass").decode("latin-1")
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.encode().decode("latin-1")


def decode_for_script(octets: str, profile: Profile) -> str:
    """Decode octets into the text that a script reads."""
    try:
        sent = octets.encode("latin-1")
    except UnicodeEncodeError:
        return octets
    try:
        return sent.decode()
    except UnicodeDecodeError:
        return "" if profile.hides_undecodable else sent.decode(errors="replace")
