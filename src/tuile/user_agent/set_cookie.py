"""Parse Set-Cookie lines as browsers do, and describe one cookie as a value.

`split_set_cookie` is the lenient parser that browsers use (section 5.6). `Cookie` is the strict description of one
cookie for programs (section 4.1). Section numbers are those of `STANDARD`. Header text has one character per octet, as
in PEP 3333.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import KW_ONLY, dataclass
from datetime import datetime, timedelta

from ..exceptions import CookieSyntaxError
from ..http.cookies import CookieAttributes, SameSite, _path_on_the_wire, dump_cookie, parse_cookie
from ..http.dates import http_date
from .dates import read_cookie_date
from .sites import canonicalize_host

MAX_PAIR = 4096  # octets of name and value together (section 5.6, step 5)
MAX_ATTRIBUTE = 1024  # octets of an attribute's value (section 5.6, step 6 of the attributes)
LAYERED = "layered-cookies"  # draft-ietf-httpbis-layered-cookies-02, 2026-05-21: two more prefixes and partitions

_BLANKS = " \t"


def count_octets(text: str) -> int:
    """Return the length of the text in octets.

    Text whose characters are all octets counts one per character; any other text counts as UTF-8.
    """
    if text.isascii():
        return len(text)
    try:
        return len(text.encode("latin-1"))
    except UnicodeEncodeError:
        return len(text.encode("utf-8", "surrogatepass"))


# --- how browsers split a line (section 5.6) --------------------------------------------------------------------------


class SetCookieLine(t.NamedTuple):
    """The parts of a Set-Cookie line, split but not validated."""

    name: str
    value: str
    attributes: tuple[tuple[str, str], ...]  # in order, with repetitions; names in lower case

    def last(self, attribute: str, *, of_any_length: bool = False) -> str | None:
        """Return the last value of the attribute, ignoring values of more than 1024 octets; None if there is none."""
        for name, value in reversed(self.attributes):
            if name == attribute and (of_any_length or count_octets(value) <= MAX_ATTRIBUTE):
                return value
        return None

    def has(self, attribute: str, *, of_any_length: bool = False) -> bool:
        """Return whether the line has the attribute."""
        return self.last(attribute, of_any_length=of_any_length) is not None


def split_set_cookie(line: str, *, lone_text_is_name: bool = False) -> SetCookieLine:
    """Split a line into name, value and attributes, as every browser does. Accepts any text.

    Args:
        line: The line.
        lone_text_is_name: Whether a pair without an equals sign is a name with an empty value.
    """
    pair, *rest = line.split(";")
    name, equals, value = pair.partition("=")
    if not equals and not lone_text_is_name:
        name, value = "", pair
    attributes = []
    for attribute in rest:
        which, _, setting = attribute.partition("=")
        attributes.append((which.strip(_BLANKS).lower(), setting.strip(_BLANKS)))
    return SetCookieLine(name.strip(_BLANKS), value.strip(_BLANKS), tuple(attributes))


class Prefix(t.NamedTuple):
    """A name prefix and the attributes that it requires. All prefixes require Secure."""

    text: str
    host: bool  # Path=/ and no Domain
    http: bool  # HttpOnly
    rule: str

    def faults(self, secure: bool, httponly: bool, domain: bool, path: str | None) -> str:
        """Return which attributes break the promise of the prefix; empty if none does."""
        faults = [] if secure else ["Secure is missing"]
        if self.http and not httponly:
            faults.append("HttpOnly is missing")
        if self.host and domain:
            faults.append("Domain is set")
        if self.host and path != "/":
            faults.append("Path is missing" if path is None else f"Path is {path} instead of /")
        return ", ".join(faults)

    def arguments(self) -> dict[str, object]:
        """Return the arguments with which a cookie of such a name can be set."""
        http: dict[str, object] = {"httponly": True} if self.http else {}
        host: dict[str, object] = {"path": "/", "domain": None} if self.host else {}
        return {"secure": True, **http, **host}


# A prefix that begins with another one comes before it.
PREFIXES = (
    Prefix("__Host-Http-", host=True, http=True, rule=f"{LAYERED} 5.4.3"),
    Prefix("__Host-", host=True, http=False, rule="5.7 step 21"),
    Prefix("__Http-", host=False, http=True, rule=f"{LAYERED} 5.4.3"),
    Prefix("__Secure-", host=False, http=False, rule="5.7 step 20"),
)


def find_prefix(name: str, *, any_case: bool = True) -> Prefix | None:
    """Return the prefix of the name, or None.

    Browsers ignore the case of a prefix (section 5.4); servers write it exactly as it is spelled.
    """
    if not name.startswith("__"):
        return None
    text = name.lower() if any_case else name
    for prefix in PREFIXES:
        if text.startswith(prefix.text.lower() if any_case else prefix.text):
            return prefix
    return None


# --- a cookie as a value (section 4.1) --------------------------------------------------------------------------------

Priority: t.TypeAlias = t.Literal["Low", "Medium", "High"]


@dataclass(frozen=True)
class Cookie:
    """One cookie to set. Instances are immutable and hashable.

    A cookie that no browser would keep raises an error that names the rule and says what to write instead.

    Args:
        name: The name, as `dump_cookie` takes it.
        value: The text. What a cookie cannot hold is escaped when it is written.
        max_age: The lifetime in seconds, or as a timedelta; 0 deletes the cookie. None: until `expires`, or until the
            browser is closed.
        expires: When the cookie expires: a datetime (UTC if it has no time zone), a date, or seconds since 1970.
            Stored as a datetime in UTC, in whole seconds.
        path: The path under which the cookie is sent. None: browsers use the folder of the URL that sets the cookie.
        domain: The domain that gets the cookie, with all hosts below it. None: only the host that sets it.
        secure: Send the cookie over secure connections only.
        httponly: Hide the cookie from scripts.
        samesite: ``Strict``, ``Lax`` or ``None``, in any case. None: the browser's default, mostly Lax.
        partitioned: Store the cookie separately for each site in the address bar.
        priority: ``Low``, ``Medium`` or ``High``: Chromium evicts cookies of low priority first.
        extensions: Further attributes as pairs of a name and a value, or of a name and None for a name alone.

    Raises:
        CookieSyntaxError: If the fields break a rule.
        TypeError: If a field has the wrong type.
    """

    name: str
    value: str = ""
    _: KW_ONLY
    max_age: int | None = None
    expires: datetime | None = None
    path: str | None = "/"
    domain: str | None = None
    secure: bool = False
    httponly: bool = False
    samesite: SameSite | None = None
    partitioned: bool = False
    priority: Priority | None = None
    extensions: tuple[tuple[str, str | None], ...] = ()

    def __post_init__(self) -> None:
        for field, settle in _SETTLE.items():
            given = getattr(self, field)
            if given is not None:
                object.__setattr__(self, field, settle(given))
        self._keep_the_rules()

    def _keep_the_rules(self) -> None:
        # The limit does not count the equals sign.
        size = len(self._written(path=None)) - 1
        if size > MAX_PAIR:
            raise invalid(
                f"name and value have {size} octets, and {MAX_PAIR} is the limit", RULE_FOR_SIZE, CURE_FOR_SIZE
            )
        if self.samesite == "None" and not self.secure:
            raise invalid("SameSite=None needs Secure", "4.1.2.7", "write: samesite='None', secure=True")
        if self.partitioned and not self.secure:
            raise invalid("Partitioned needs Secure", LAYERED, "write: partitioned=True, secure=True")
        prefix = find_prefix(self.name)
        if prefix is not None:
            faults = prefix.faults(self.secure, self.httponly, self.domain is not None, self.path)
            if faults:
                needed = ", ".join(f"{argument}={value!r}" for argument, value in prefix.arguments().items())
                raise invalid(f"the name {self.name!r} promises more: {faults}", prefix.rule, f"write: {needed}")

    @property
    def attributes(self) -> CookieAttributes:
        """The attributes apart from the lifetime."""
        return CookieAttributes(self.path, self.domain, self.secure, self.httponly, self.samesite, self.partitioned)

    def line(self) -> str:
        """Return the value of a Set-Cookie field, one character per octet, with the given attributes only."""
        line = self._written(
            max_age=self.max_age,
            expires=self.expires,
            **self.attributes._asdict(),
        )
        more = self.extensions if self.priority is None else (("Priority", self.priority), *self.extensions)
        return line + "".join(f"; {name}" if value is None else f"; {name}={value}" for name, value in more)

    __str__ = line

    def _written(self, **attributes: t.Any) -> str:
        return dump_cookie(self.name, self.value, sync_expires=False, max_size=0, now=0.0, **attributes)

    @classmethod
    def read(cls, line: str) -> Cookie:
        """Parse a Set-Cookie line that follows the rules for servers.

        Raises:
            CookieSyntaxError: If section 4.1 does not allow the line, for example because of a repeated attribute.
                `tuile.user_agent.jar` tells what a browser makes of such a line.
        """
        pair, *attributes = line.split(";")
        # Parsed as in a request, which removes quotes and escapes from the value.
        pairs = parse_cookie(pair) if "=" in pair else []
        if not pairs:
            raise invalid("the cookie has no name", "4.1.1", "write: NAME=VALUE")
        fields: dict[str, t.Any] = {}
        extensions: dict[str, tuple[str, str | None]] = {}
        for attribute in attributes:
            which, equals, setting = (part.strip(_BLANKS) for part in attribute.partition("="))
            if which.lower() in fields or which.lower() in extensions:
                raise invalid(f"the attribute {which!r} is given twice", "4.1.1", "leave one of the two out")
            if which.lower() in _READ:
                fields[which.lower()] = _READ[which.lower()](setting)
            elif which or equals:
                extensions[which.lower()] = (which, setting if equals else None)
        named = {which.replace("max-age", "max_age"): setting for which, setting in fields.items()}
        return cls(*pairs[0], **{"path": None, **named}, extensions=tuple(extensions.values()))


# --- validation and normalization of the fields -----------------------------------------------------------------------

RULE_FOR_SIZE: t.Final = "5.6 step 5"
CURE_FOR_SIZE = "keep the data on the server and put an id of it into the cookie"


def invalid(what: str, rule: str, cure: str) -> CookieSyntaxError:
    """Return the error for a cookie that breaks a rule."""
    where = rule if rule.startswith(LAYERED) else f"rfc6265bis {rule}"
    return CookieSyntaxError(f"{what[0].upper()}{what[1:]} ({where}). {cure[0].upper()}{cure[1:]}.")


def _settled_seconds(given: object) -> int:
    if isinstance(given, timedelta):
        given = given.total_seconds()
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise TypeError(f"A cookie's max_age must be a number of seconds or a timedelta, not {type(given).__name__}.")
    return max(0, int(given))


def _settled_moment(given: t.Any) -> datetime:
    try:
        moment = read_cookie_date(http_date(given))
    except ValueError as error:
        raise CookieSyntaxError(str(error)) from None
    if moment is None:
        raise invalid(f"expires={given!r} is before 1601", "5.1.1", "write: max_age=0, to delete a cookie")
    return moment


def meant_path(text: str) -> str:
    """Return the path that is meant by a text without a slash at its beginning, such as `shop` or a URL."""
    return "/" + re.sub(r"^\w+://[^/]*/?", "", text)


def _settled_path(given: str) -> str:
    path = _path_on_the_wire(given)
    if not path.startswith("/"):
        raise invalid(f"the path {given!r} does not begin with a slash", "5.6.4", f"write: path='{meant_path(path)}'")
    return _short_enough("path", path)


def _settled_domain(given: str) -> str:
    # Browsers drop a cookie whose domain is only dots, or keep it for one host.
    if not isinstance(given, str):
        raise TypeError(f"A cookie's domain must be a str, not {type(given).__name__}: {given!r}.")
    domain = canonicalize_host(given.removeprefix("."))
    if domain is None or not _is_domain(domain):
        fault = f"the domain {given!r} is not a host name"
        raise invalid(fault, "4.1.2.3", "write: domain='example.com', or leave it out")
    return _short_enough("domain", domain)


_is_domain = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*").fullmatch


def _short_enough(what: str, text: str) -> str:
    if len(text) > MAX_ATTRIBUTE:
        fault = f"the {what} is {len(text)} octets, and browsers ignore one of more than {MAX_ATTRIBUTE}"
        raise invalid(fault, "5.6 step 6 of the attributes", f"write a shorter {what}")
    return text


def _one_of(what: str, names: tuple[str, ...], rule: str) -> t.Callable[[str], str]:
    def settled(given: str) -> str:
        if given.title() not in names:
            raise invalid(f"{what}={given!r} is none of {', '.join(names)}", rule, f"write: {what}={names[1]!r}")
        return given.title()

    return settled


_attribute_text = re.compile(r"(?![ ])[ -:<-~]*(?<! )").fullmatch
_attribute_name = re.compile(r"(?![ ])[ -:<>-~]+(?<! )").fullmatch


def _settled_extensions(given: t.Iterable[tuple[str, str | None]]) -> tuple[tuple[str, str | None], ...]:
    pairs = tuple((name, value) for name, value in given)
    seen = set(_READ)
    for name, value in pairs:
        if name.lower() in seen:
            raise invalid(
                f"the attribute {name!r} is given twice or has a field", "4.1.1", "give it once, as its field"
            )
        seen.add(name.lower())
        if not _attribute_name(name) or not (value is None or _attribute_text(value)):
            fault = f"the attribute {name!r}: {value!r} holds what ends an attribute, or a blank at an end"
            raise invalid(fault, "4.1.1", "leave it out, or encode it, for example with urllib.parse.quote()")
    return pairs


_SETTLE: dict[str, t.Callable[[t.Any], object]] = {
    "max_age": _settled_seconds,
    "expires": _settled_moment,
    "path": _settled_path,
    "domain": _settled_domain,
    "samesite": _one_of("samesite", t.get_args(SameSite), "4.1.2.7"),
    "priority": _one_of("priority", t.get_args(Priority), "draft-west-cookie-priority"),
    "extensions": _settled_extensions,
}


# --- parsing of single attributes -------------------------------------------------------------------------------------


def _read_seconds(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise invalid(f"Max-Age={text} is not a number of seconds", "4.1.2.2", "write digits only, as in Max-Age=3600")
    return int(text)


def _read_date(text: str) -> datetime:
    moment = read_cookie_date(text)
    if moment is None:
        raise invalid(f"Expires={text} is not a date", "4.1.1", "write it as in Expires=Sun, 06 Nov 1994 08:49:37 GMT")
    return moment


def _read_flag(text: str) -> bool:
    if text:
        raise invalid(
            f"the flag has the value {text!r}, and browsers do not look at it", "4.1.1", "leave it out to unset"
        )
    return True


_READ: dict[str, t.Callable[[str], object]] = {
    "max-age": _read_seconds,
    "expires": _read_date,
    "path": str,
    "domain": str,
    "secure": _read_flag,
    "httponly": _read_flag,
    "partitioned": _read_flag,
    "samesite": str,
    "priority": str,
}
