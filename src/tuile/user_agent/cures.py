"""Say what to write instead of a Set-Cookie line, in the words of the call that wrote it.

A cure that is a call has been tried: its line was judged where the refused one was, and is kept there. If no arguments
help in that place (over http nothing can be Secure), the cure says what does.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..http.cookies import CookieAttributes, SameSite, _name_on_the_wire
from .verdicts import Note, decode_octets, describe_name

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .browsers import Profile
    from .set_cookie import SetCookieLine

    Keeps: t.TypeAlias = Callable[[str], object]

#: Longer names are cut in a call. They may come from a client.
_LONGEST_NAME = 256
#: How many rules one line may break, one after the other.
_MOST_RULES = 8

OVER_HTTPS = "serve the site over https"


@dataclass(frozen=True)
class Call:
    """The calls that set and delete a cookie, as the author of the application writes them.

    Attributes:
        setting: The call that sets it.
        deleting: The call that deletes it.
        name: The name as it is given to the call; None: the name of the cookie.
        is_declaration: Whether the call declares the cookie, with the same arguments for all requests.
    """

    setting: str = "response.set_cookie"
    deleting: str = "response.delete_cookie"
    name: str | None = None
    is_declaration: bool = False

    def write(self, name: str, arguments: Mapping[str, object], *, deletion: bool) -> str:
        """Return the call with these arguments; the others stay as they are."""
        shown = (decode_octets(name)[:_LONGEST_NAME] if self.name is None else self.name) or "NAME"
        if deletion and not self.is_declaration:
            arguments = {name: value for name, value in arguments.items() if value is not None or name == "path"}
            given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
            return f"{self.deleting}({shown!r}, {given})"
        given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        return f"{self.setting}({shown!r}, ..., {given})"


RESPONSE = Call()
COOKIES = Call("cookies.set", "cookies.delete")


class _IsSecure:
    """The argument `request.is_secure`, in a request where it is false."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "request.is_secure"


IS_SECURE = _IsSecure()


class Cure(t.NamedTuple):
    """What to write instead.

    Attributes:
        arguments: The arguments of the call that lead to a cookie that is kept.
        instead: The cure if they do not, in this place.
        before: What else may be done, before the call.
        after: What the call means.
    """

    arguments: Mapping[str, object]
    instead: str
    before: str = ""
    after: str = ""


class Remark(t.NamedTuple):
    """What happens to a line, by which rule, and its cure, which is not tried yet."""

    rule: str
    reason: str
    cure: str | Cure


class Refused(Exception):
    """The browser ignores the cookie. The reason completes a sentence that begins with "it"."""

    def __init__(self, rule: str, reason: str, cure: str | Cure) -> None:
        super().__init__(reason)
        self.remark = Remark(rule, reason, cure)


class Correction:
    """One line that is to be corrected.

    Args:
        parts: The line.
        keeps: A function that raises `Refused` for a line that the browser would not keep in the same place.
        call: The call that wrote the line.
        deletion: Whether the line deletes a cookie.
    """

    def __init__(self, parts: SetCookieLine, keeps: Keeps, call: Call = RESPONSE, *, deletion: bool = False) -> None:
        self.parts = parts
        self.keeps = keeps
        self.call = call
        self.deletion = deletion

    def explain(self, refused: Refused, profile: Profile) -> Note:
        """Return a complete sentence about the refusal, with its cure."""
        rule, reason, cure = refused.remark
        return Note(rule, f"{profile.called} ignores {describe_name(self.parts.name)}: {reason}", self.write(cure))

    def note(self, remark: Remark) -> Note:
        """Return the remark with its cure as text."""
        return Note(remark.rule, remark.reason, self.write(remark.cure))

    def write(self, cure: str | Cure) -> str:
        """Return the cure as text."""
        if isinstance(cure, str):
            return cure
        arguments = self.arguments(cure.arguments)
        if arguments is None:
            return cure.instead
        call = self.call.write(self.parts.name, arguments, deletion=self.deletion)
        name = "" if self.parts.name else "give it a name, and "
        return f"{cure.before}{name}write: {call}{cure.after}"

    def arguments(self, wanted: Mapping[str, object]) -> dict[str, object] | None:
        """Return these arguments, with others that they need here; None if the cookie is not kept with them."""
        if self.call.is_declaration and any(value is IS_SECURE for value in wanted.values()):
            return None
        given = self._given()
        found = self._completed(given, wanted)
        if found is None:
            return None
        alone = {name: given[name] for name in ("path", "domain")} if self.deletion else {}
        # The other arguments may be left to their defaults, so these must do without them, too.
        without = self._completed({"path": "/", **alone}, {**_not_default(alone), **found})
        return without if without is not None and self._completed(given, without) == without else found

    def _given(self) -> dict[str, object]:
        """Return the arguments that would have written the line."""
        last, has = self.parts.last, self.parts.has
        samesite = last("samesite")
        return {
            "path": last("path"),
            "domain": decode_octets(last("domain") or "") or None,
            "secure": has("secure"),
            "httponly": has("httponly"),
            "samesite": samesite if (samesite or "").title() in t.get_args(SameSite) else None,
            "partitioned": has("partitioned"),
        }

    def _completed(self, given: dict[str, object], wanted: Mapping[str, object]) -> dict[str, object] | None:
        arguments = dict(wanted)
        for _ in range(_MOST_RULES):
            line = self._line({**given, **arguments})
            if line is None:
                return None
            try:
                self.keeps(line)
            except Refused as refused:
                further = refused.remark.cure.arguments if isinstance(refused.remark.cure, Cure) else {}
                missing = {name: value for name, value in further.items() if name not in arguments}
                if not missing or any(arguments[name] != further[name] for name in further.keys() - missing.keys()):
                    return None
                arguments.update(missing)
            else:
                return arguments
        return None

    def _line(self, arguments: dict[str, t.Any]) -> str | None:
        """Return the line that the call writes; None if it raises an error."""
        try:
            _name_on_the_wire(decode_octets(self.parts.name) or "NAME")
            first, last = CookieAttributes(**arguments).on_the_wire()
        except (TypeError, ValueError):
            return None
        lifetime = "; Max-Age=0" if self.deletion else ""
        return f"{self.parts.name or 'NAME'}={'' if self.deletion else self.parts.value}{first}{lifetime}{last}"


def _not_default(arguments: Mapping[str, object]) -> dict[str, object]:
    defaults = CookieAttributes()._asdict()
    return {name: value for name, value in arguments.items() if value != defaults[name]}
