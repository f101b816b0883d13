"""Cut the values that are recorded, and hide those that are secrets behind their length and a hash."""

from __future__ import annotations

import re
import reprlib
import typing as t
from hashlib import blake2b
from secrets import token_bytes

#: How many characters of a value are kept.
LONGEST = 160
#: How many characters of a name are kept.
LONGEST_NAME = 100
#: Texts of fewer characters are kept as they are, unless their name is that of a secret.
SHORT: t.Final = 40

_Key = t.TypeVar("_Key")
_Value = t.TypeVar("_Value")

# Another one in each process, so that a hash tells nothing about a short secret elsewhere.
_KEY = token_bytes(32)
# Names of cookies, session keys and form fields whose values are not shown.
_secret_name = re.compile(
    r"passw|pwd|secret|token|csrf|xsrf|auth|credential|api[_-]?key|private|session|^sid$|[_-]sid$|^otp$|cvv|ssn",
    re.IGNORECASE,
).search
# Names that match by accident.
_HARMLESS = frozenset({"author", "authors", "token_type", "session_seen"})
# Tokens of Tuile, of itsdangerous and others: long, without blanks, and with digits.
_token_value = re.compile(r"(?=[^.]*\d|.*\.)[A-Za-z0-9_.~+/=-]{40,}").fullmatch


class Shown(t.NamedTuple):
    """A value as it is shown.

    Attributes:
        text: The value, its beginning, or what stands for a secret.
        is_whole: Whether it is the value itself.
    """

    text: str
    is_whole: bool = True

    def __str__(self) -> str:
        return self.text


NONE: t.Final = Shown("None")


# Whether names are those of secrets, and how values that were hidden lately are shown, by their length and by the hash
# that Python keeps of them: a session cookie is hidden when it is set and when it comes back.
_known_names: dict[str, bool] = {}
_known_values: dict[tuple[int, int], Shown] = {}
_MOST_KNOWN = 256


def is_secret_name(name: str) -> bool:
    """Return whether a cookie, a key or a field is named like a secret."""
    known = _known_names.get(name)
    if known is None:
        known = bool(_secret_name(name)) and name.lower() not in _HARMLESS
        if len(name) <= LONGEST_NAME:
            _keep_known(_known_names, name, known)
    return known


def _keep_known(known: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    if len(known) >= _MOST_KNOWN:
        known.clear()
    known[key] = value


def show(value: str, *, is_secret: bool = False) -> Shown:
    """Return a text as it is shown: whole, cut, or hidden."""
    if is_secret or (len(value) >= SHORT and _token_value(value)):
        return hide(value)
    if len(value) > LONGEST:
        return Shown(f"{value[:LONGEST]}… ({len(value)} characters)", is_whole=False)
    return Shown(value)


def hide(value: str) -> Shown:
    """Return the length and the hash of a secret."""
    if not value:
        return Shown("")
    key = len(value), hash(value)
    shown = _known_values.get(key)
    if shown is None:
        digest = blake2b(value.encode("utf-8", "surrogatepass"), digest_size=4, key=_KEY).hexdigest()
        shown = Shown(f"({len(value)} characters, hash {digest})", is_whole=False)
        _keep_known(_known_values, key, shown)
    return shown


def show_object(value: object, *, is_secret: bool = False) -> Shown:
    """Return a value of a session as it is shown, as Python writes it."""
    if type(value) is str and not is_secret:
        shown = show(value)
        return Shown(repr(shown.text)) if shown.is_whole else shown
    text = value if type(value) is str else _brief.repr(value)
    return hide(text) if is_secret and value not in (None, True, False) else Shown(text[: 2 * LONGEST])


def keep_object(value: object) -> object:
    """Return a value of a session, which is not a secret, as it is kept until `show_kept` shows it.

    That is the value itself if it is short and cannot change.
    """
    if type(value) is str:
        if len(value) < SHORT:
            return value
    elif type(value) is int:
        if -_LARGE < value < _LARGE:
            return value
    elif type(value) is bool or type(value) is float:
        return value
    return show_object(value)


def show_kept(value: object) -> Shown:
    """Return what `keep_object` has returned as it is shown."""
    return value if type(value) is Shown else show_object(value)


def cut(text: str, most: int = LONGEST) -> str:
    """Return the beginning of a text."""
    return text if len(text) <= most else f"{text[:most]}…"


def decoded(text: str, most: int = LONGEST) -> str:
    """Return the beginning of a header's text, decoded: WSGI has one character for each octet."""
    text = cut(text, most)
    if text.isascii():
        return text
    try:
        return text.removesuffix("…").encode("latin-1").decode("utf-8", "replace") + "…" * text.endswith("…")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()


_LARGE = 2**64
_brief = reprlib.Repr()
_brief.maxstring = _brief.maxother = LONGEST
_brief.maxdict = _brief.maxlist = _brief.maxtuple = _brief.maxset = 20
