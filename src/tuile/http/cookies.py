"""Write Set-Cookie lines, and parse Cookie headers by `cookie_header`.

All parsing of a `Cookie` header and all writing of a `Set-Cookie` line happens in these two modules; usual lines are
put together by `wrappers.setting_cookies` from what was written here before. Section numbers are those of `STANDARD`.
Header text has one character (latin-1) per octet, as in PEP 3333.
"""

from __future__ import annotations

import typing as t
import warnings
from datetime import timedelta
from functools import lru_cache
from math import floor
from urllib.parse import quote

from ..hints import add_hint
from ..lazy import late_modules, lazy_pattern
from ..remember import LONGEST
from .cookie_header import BLANKS as _BLANKS
from .cookie_header import cookie_values as cookie_values  # noqa: PLC0414 - handed on
from .cookie_header import parse_cookie as parse_cookie  # noqa: PLC0414 - handed on
from .dates import http_date

if t.TYPE_CHECKING:
    import re
    import time
    from datetime import date, datetime

    from .. import exceptions
else:
    (exceptions,) = late_modules(__name__, "..exceptions")


SameSite: t.TypeAlias = t.Literal["Strict", "Lax", "None"]
STANDARD = "draft-ietf-httpbis-rfc6265bis-22"  # approved 2025-12-02, no RFC number yet


# --- Set-Cookie lines (section 4.1) -----------------------------------------------------------------------------------


class CookieAttributes(t.NamedTuple):
    """The attributes of a cookie, apart from its lifetime: where it is sent, and who may see it.

    The names and defaults are those of `Response.set_cookie`; `dump_cookie` describes them.
    """

    path: str | None = "/"
    domain: str | t.Literal[False] | None = None
    secure: bool = False
    httponly: bool = False
    samesite: SameSite | None = None
    partitioned: bool = False

    def on_the_wire(self) -> tuple[str, str]:
        """Return the text before and after the lifetime.

        Raises:
            CookieSyntaxError: If text would end its attribute, or `samesite` is none of its values.
            TypeError: If a type is wrong.
        """
        last = []
        if self.secure or self.partitioned:
            last.append("Secure")
        if self.httponly:
            last.append("HttpOnly")
        if self.path is not None:
            last.append(f"Path={_path_on_the_wire(self.path)}")
        if self.samesite is not None:
            samesite = _checked("samesite", self.samesite).title()
            if samesite not in t.get_args(SameSite):
                error = exceptions.CookieSyntaxError("SameSite must be 'Strict', 'Lax', or 'None'.")
                add_hint(error, f"It was {self.samesite!r}. Write: samesite='{_nearest_samesite(samesite)}'")
                raise error
            last.append(f"SameSite={samesite}")
        if self.partitioned:
            last.append("Partitioned")
        # Older settings have False for "no domain".
        first = "" if self.domain is None or self.domain is False else f"; Domain={_domain_on_the_wire(self.domain)}"
        return first, "".join(f"; {attribute}" for attribute in last)


def dump_cookie(
    key: str,
    value: str = "",
    max_age: timedelta | float | None = None,
    expires: str | datetime | date | float | time.struct_time | None = None,
    path: str | None = "/",
    domain: str | None = None,
    secure: bool = False,
    httponly: bool = False,
    sync_expires: bool = True,
    max_size: int = 4093,
    samesite: SameSite | None = None,
    partitioned: bool = False,
    *,
    now: float,
    stacklevel: int = 3,
    is_plain: bool = False,
) -> str:
    r"""Return the value of a Set-Cookie field, one character per octet.

    Args:
        key: The name: no control characters, ``;`` or ``=``, and no space at either end. Characters beyond ASCII are
            sent as UTF-8.
        value: The text. Text that a cookie cannot hold (section 4.1.1: controls, blanks, ``"``, ``,``, ``;``, ``\``
            and everything beyond ASCII) is quoted and escaped, for `parse_cookie` to read.
        max_age: The lifetime in seconds; fractions are cut off. Zero or less deletes the cookie. None keeps it until
            the browser is closed. Browsers limit it to 400 days (section 5.5).
        expires: The end of the lifetime: seconds since 1970, a date (its midnight in UTC), a datetime (UTC if it has
            no time zone), or the finished text.
        path: The cookie is sent for URLs below this path, which is percent-encoded if necessary. None: the browser
            decides.
        domain: The cookie is sent to this host and those below it. None: only to the host that sets it. A port and
            leading dots are removed; characters beyond ASCII are encoded by IDNA 2003.
        secure: Send the cookie over HTTPS only.
        httponly: Hide the cookie from scripts.
        sync_expires: Write a matching ``Expires`` next to ``Max-Age`` if `expires` is not given.
        max_size: Warn if the line is longer, in octets. 0: never.
        samesite: ``Strict``, ``Lax`` or ``None``, in any case.
        partitioned: Store the cookie separately for each embedding site. Implies `secure`.
        now: The time in seconds since 1970. Used only with `max_age`.
        stacklevel: The frame that the warning refers to, as in `warnings.warn`; 3 is the caller of the method that
            calls this function.
        is_plain: Whether the value is known to need no quotes, as a token in base64.

    Raises:
        CookieSyntaxError: If text would end its attribute or cannot be sent.
        TypeError: If a type is wrong.
    """
    name = key if type(key) is str and key in _plain_names else _name_on_the_wire(key)
    if type(value) is not str:
        value = _checked("value", value)
    if (
        not is_plain
        and not (len(value) < SHORT and value.isascii() and (value.isalnum() or value.isidentifier()))
        and not plain_value.fullmatch(value)
    ):
        value = quoted(value)
    known: tuple[str, str] | None
    try:
        known = _remembered_attributes[path, domain, not secure, not httponly, samesite, not partitioned]
    except (KeyError, TypeError):  # it is new, or cannot be hashed
        known = None
    # Not in the handler, whose error would be shown before the one that this may raise.
    first, last = known or _attributes(path, domain, secure, httponly, samesite, partitioned)
    if max_age is None and expires is None:
        line = f"{name}={value}{first}{last}" if first else f"{name}={value}{last}"
    elif expires is None and type(max_age) is int and sync_expires:
        # The result of _lifetime, inlined for the most common arguments.
        moment = _date_of_second(floor(now) + max_age)
        line = f"{name}={value}{first}; Expires={moment}; Max-Age={max_age}{last}"
    elif max_age == 0 and expires == 0 and type(max_age) is int and type(expires) is int:
        # A cookie that is deleted.
        line = f"{name}={value}{first}{_DELETED}{last}"
    else:
        line = f"{name}={value}{first}{_lifetime(max_age, expires, sync_expires, now)}{last}"
    size = len(line)
    if max_size and size > max_size:
        warnings.warn(size_warning(key, len(value), size, max_size), stacklevel=stacklevel)
    return line


def size_warning(key: str, value_size: int, size: int, limit: int) -> str:
    """Return Werkzeug's warning about a Set-Cookie line of this size, all sizes in octets."""
    return (
        f"The '{key}' cookie is too large: the value was {value_size} bytes but the header required"
        f" {size - value_size} extra bytes. The final size was {size} bytes but the limit is {limit} bytes."
        " Browsers may silently ignore cookies larger than this."
    )


#: Below this length, looking for letters, digits and underscores first is faster than the pattern.
SHORT = 48
_DELETED = "; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0"


# What follows the pair of a cookie for all paths of one host, as `dump_cookie` writes it.
_USUAL_ENDS = frozenset({" Path=/", " HttpOnly; Path=/", " Secure; HttpOnly; Path=/", " Path=/; SameSite=Lax"})


def cookie_identity(line: str) -> tuple[str, str, str]:
    """Return the name, domain and path of a Set-Cookie line, which identify its cookie (section 5.7, step 23).

    A response must not have two lines with the same identity (section 4.1.1). Domain and path are "" if the line
    leaves them to the browser.
    """
    pair, _, rest = line.partition(";")
    name, equals, _ = pair.partition("=")
    if rest in _USUAL_ENDS and equals:
        return name.strip(_BLANKS), "", "/"
    attributes = rest.split(";")
    domain = path = ""
    for attribute in attributes:
        which, _, value = attribute.partition("=")
        which = which.strip(_BLANKS).lower()
        if which == "domain":
            domain = value.strip(_BLANKS).lower().removeprefix(".")
        elif which == "path":
            path = value.strip(_BLANKS)
            path = path if path.startswith("/") else ""
    return name.strip(_BLANKS) if equals else "", domain, path


#: A value of these characters (cookie-octet) needs no quotes.
plain_value = lazy_pattern(r"[!#-+\--:<-\[\]-~]*")

# Maps octets to their escapes between quotes. A space needs no escape.
_ESCAPES = {octet: rf"\{octet:03o}" for octet in range(256) if not 0x20 <= octet <= 0x7E or octet in b'",;\\'}
_ESCAPES |= {ord('"'): r"\"", ord("\\"): r"\\"}


def quoted(value: str) -> str:
    """Return the value in quotes, with escapes for what a cookie cannot hold."""
    if value.isascii() and value.isprintable():
        # Most values, such as JSON. Of these characters, `_ESCAPES` has only four.
        text = value.replace("\\", r"\\").replace('"', r"\"").replace(",", r"\054").replace(";", r"\073")
        return f'"{text}"'
    return f'"{_octets("value", value).decode("latin-1").translate(_ESCAPES)}"'


_name_refused = lazy_pattern(r"[\x00-\x1f\x7f;=]|\A | \Z")


# Applications use few names and combinations of attributes. Texts longer than `LONGEST`, which may come from a client,
# are not remembered.
_MOST_REMEMBERED = 512
_plain_names: set[str] = set()  # that are sent as they are
# With the opposites of flags: what is given for one may change, or have no hash.
_remembered_attributes: dict[tuple[object, ...], tuple[str, str]] = {}
#: What follows a pair, by what `Response.set_cookie` is given, and the second of which it is; 0 if it is of any.
kept_ends: dict[tuple[object, ...], tuple[int, str]] = {}
#: The names of which `Response.set_cookie` writes lines itself; the inspector replaces it by none.
quick_names: t.Collection[str] = _plain_names


def _name_on_the_wire(key: str) -> str:
    """Return the name with one character per octet."""
    name = _checked("name", key, _name_refused)
    if not name:
        raise exceptions.CookieSyntaxError(
            "A cookie needs a name, and '' was given: browsers would store a value without one."
        )
    octets = _octets("name", name).decode("latin-1")
    if octets == key and type(key) is str and len(key) <= LONGEST:
        if len(_plain_names) >= _MOST_REMEMBERED:
            _plain_names.clear()
        _plain_names.add(key)
    return octets


def _attributes(
    path: str | None,
    domain: str | t.Literal[False] | None,
    secure: bool,
    httponly: bool,
    samesite: SameSite | None,
    partitioned: bool,
) -> tuple[str, str]:
    """Return the attributes before and after the lifetime."""
    written = CookieAttributes(path, domain, secure, httponly, samesite, partitioned).on_the_wire()
    if all(text is None or (type(text) is str and len(text) <= LONGEST) for text in (path, domain, samesite)):
        if len(_remembered_attributes) >= _MOST_REMEMBERED:
            _remembered_attributes.clear()
        _remembered_attributes[path, domain, not secure, not httponly, samesite, not partitioned] = written
    return written


def keep_end(given: tuple[object, ...] | None, second: int, line: str) -> None:
    """Keep what a line has after its pair, if its attributes are remembered."""
    if given is not None and given[2:] in _remembered_attributes:
        if len(kept_ends) >= _MOST_REMEMBERED:
            kept_ends.clear()
        _, semicolon, rest = line.partition(";")
        kept_ends[given] = second, f"{semicolon}{rest}"


_attribute_refused = lazy_pattern(r"[\x00-\x1f\x7f;]")


def _path_on_the_wire(path: str) -> str:
    """Percent-encode what a URL cannot hold, and leave alone what is encoded already."""
    path = _checked("path", path, _attribute_refused)
    return quote(_octets("path", path), safe="%!$&'()*+,/:=@")


def _domain_on_the_wire(domain: str) -> str:
    """Return the domain as browsers compare it: without port and leading dots, in ASCII."""
    domain = _checked("domain", domain, _attribute_refused)
    try:
        name = domain.partition(":")[0].lstrip(".").encode("idna").decode("ascii")
    except UnicodeError as error:
        raise exceptions.CookieSyntaxError(
            f"The cookie's domain {domain!r} is not a host name ({error}). Use a name such as 'example.com'."
        ) from None
    # Checked again, because IDNA maps characters: U+FF1B, a fullwidth semicolon, becomes a plain one.
    return _checked("domain in ASCII", name, _attribute_refused)


_date_refused = lazy_pattern(r"[^\x20-\x3a\x3c-\x7e]")


def _lifetime(
    max_age: timedelta | float | None,
    expires: str | datetime | date | float | time.struct_time | None,
    sync_expires: bool,
    now: float,
) -> str:
    """Return the attributes for the lifetime of the cookie."""
    seconds = max_age if max_age is None or type(max_age) is int else _whole_seconds(max_age)
    if isinstance(expires, str):
        moment = _checked("expires", expires, _date_refused)
    elif isinstance(expires, int) and not isinstance(expires, bool):
        moment = _date_of_second(expires)  # a cookie that is deleted has 0
    elif expires is not None:
        moment = _date(expires)
    elif seconds is not None and sync_expires:
        moment = _date_of_second(floor(now) + seconds)
    else:
        return f"; Max-Age={seconds}"
    return f"; Expires={moment}" if seconds is None else f"; Expires={moment}; Max-Age={seconds}"


def _whole_seconds(max_age: object) -> int:
    """Convert a `max_age` that is not an int."""
    if isinstance(max_age, timedelta):
        return int(max_age.total_seconds())
    if isinstance(max_age, (int, float)) and not isinstance(max_age, bool):
        try:
            return int(max_age)
        except (ValueError, OverflowError) as error:  # nan, inf
            add_hint(error, f"A cookie's max_age must be a number of seconds, not {max_age}.")
            raise
    raise TypeError(
        f"A cookie's max_age must be a number of seconds or a timedelta, not {type(max_age).__name__}: {max_age!r}."
    )


def _date(moment: datetime | date | float | time.struct_time) -> str:
    try:
        return http_date(moment)
    except ValueError as error:
        raise exceptions.CookieSyntaxError(str(error)) from None


# Cookies with the same lifetime that are set within a second share the date.
_date_of_second: t.Callable[[int], str] = lru_cache(maxsize=64)(_date)


# --- validation -------------------------------------------------------------------------------------------------------


def _checked(what: str, text: str, refused: re.Pattern[str] | None = None) -> str:
    """Return the text as exactly a str, since a subclass may format itself differently; reject invalid text."""
    if not isinstance(text, str):
        cure = _cure_for(text) if what == "value" else "Convert it with str()."
        raise TypeError(f"A cookie's {what} must be a str, not {type(text).__name__}: {text!r}. {cure}")
    found = None if refused is None else refused.search(text)
    if found is not None:
        raise _refusal(what, text, found.start(), _REASONS.get(found[0], "browsers do not accept it there"))
    return str.__str__(text)


def _cure_for(value: object) -> str:
    """Return what to write for a value that is no str."""
    if value is None:
        return "Delete the cookie, with delete(name) or delete_cookie(name), or leave it as it is."
    if isinstance(value, (dict, list, tuple)):
        return "Write it as JSON: json.dumps(value); and read it with json.loads. Or use the session."
    if isinstance(value, (bytes, bytearray)):
        return "Decode it: value.decode()."
    return f"Convert it with str(): {str(value)!r}." if isinstance(value, (int, float)) else "Convert it with str()."


def _nearest_samesite(given: str) -> str:
    return next((value for value in ("Strict", "None") if given[:1] == value[:1]), "Lax")


def _octets(what: str, text: str) -> bytes:
    """Encode the text as UTF-8."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise _refusal(what, text, error.start, "half of a surrogate pair is no character") from None


_REASONS = {
    " ": "browsers drop a space at either end, and the cookie comes back under another name",
    ";": "it ends this part of the cookie, and what follows becomes an attribute",
    "=": "it ends the name, and what follows becomes part of the value",
}


def _refusal(what: str, text: str, position: int, why: str) -> exceptions.CookieSyntaxError:
    """Return the error for one character in a part of a cookie."""
    return exceptions.CookieSyntaxError(
        f"The cookie's {what} {text!r} has {text[position]!r} at position {position} (counted from 0): {why}."
        " Leave it out, or encode it, for example with urllib.parse.quote()."
    )
