"""Read headers, and change those of a response directly in the list that Werkzeug's `Headers` hold.

Changing them skips Werkzeug's checks. Use it only for text that cannot contain line breaks; set everything else on
`Headers` itself.
"""

from __future__ import annotations

import typing as t

from werkzeug.http import parse_dict_header, parse_set_header

from ..lazy import late_modules
from ..remember import remembers_short

if t.TYPE_CHECKING:
    from werkzeug.datastructures import Headers
    from werkzeug.wrappers import Response

    from . import cookies
else:
    (cookies,) = late_modules(__name__, ".cookies")

#: The headers whose values are URLs, which are sent as URIs.
URLS = frozenset({"Location", "Content-Location"})
#: The header names that Werkzeug's response handles when it prepares headers for WSGI, in lower case.
PREPARED = frozenset({"location", "content-location", "content-length"})
#: Common names that it passes on unchanged; listed so that they need not be converted to lower case.
PASSED = frozenset(
    {
        "Accept-Ranges",
        "Access-Control-Allow-Credentials",
        "Access-Control-Allow-Headers",
        "Access-Control-Allow-Methods",
        "Access-Control-Allow-Origin",
        "Access-Control-Expose-Headers",
        "Access-Control-Max-Age",
        "Allow",
        "Cache-Control",
        "Content-Disposition",
        "Content-Encoding",
        "Content-Language",
        "Content-Range",
        "Content-Security-Policy",
        "Content-Type",
        "Date",
        "ETag",
        "Expires",
        "Last-Modified",
        "Link",
        "Permissions-Policy",
        "Pragma",
        "Referrer-Policy",
        "Retry-After",
        "Set-Cookie",
        "Strict-Transport-Security",
        "Vary",
        "WWW-Authenticate",
        "X-Content-Type-Options",
        "X-Frame-Options",
        "X-XSS-Protection",
    }
)
#: Common names other than Set-Cookie.
OTHER_THAN_COOKIES = PASSED - {"Set-Cookie"} | {"Content-Length", "Location"}


#: Up to this many headers are all compared whenever a cookie is added. Longer lists are compared only after they have
# grown by a quarter, so that the cost per cookie stays constant.
COMPARED = 128
_OTHER_THAN_VARY = PASSED - {"Vary"} | {"Content-Length", "Location"}


# The name of a cookie for all paths of one host, or the name, the domain and the path of another one.
_Identity = str | tuple[str, str, str]


def _identity(line: str) -> _Identity:
    """Return what identifies the cookie of a Set-Cookie line."""
    name, domain, path = found = cookies.cookie_identity(line)
    return name if path == "/" and not domain else found


@t.final
class CookieLines:
    """The Set-Cookie lines among the headers of one response, indexed by the cookie that they set.

    Other code may change the headers at any time, so they are compared with their last known state, and only new lines
    are parsed. With more than `COMPARED` headers, additions and removals are detected at once, replacements later.

    Args:
        pairs: The headers.
        first: Of the first cookie, if it was set alone: its header, how many headers there were with it, and its name
            if it is for all paths of one host.
    """

    __slots__ = ("_due", "by_cookie", "seen")

    def __init__(
        self, pairs: list[tuple[str, str]], first: tuple[tuple[str, str], int, str | None] | None = None
    ) -> None:
        self.seen: list[tuple[str, str]] = []
        self.by_cookie: dict[_Identity, tuple[str, str] | list[tuple[str, str]]] = {}
        # The length of the list from which all headers are compared again.
        self._due = 0
        if first is not None and len(pairs) == first[1] and pairs[-1] is first[0]:
            # It is the last header, and the only cookie.
            self.seen = pairs.copy()
            self.by_cookie[_identity(first[0][1]) if first[2] is None else first[2]] = first[0]

    def put(self, headers: Headers, line: str, name: str | None = None) -> None:
        """Add a finished line to headers, replacing those for the same cookie (RFC 6265bis section 4.1.1).

        Args:
            headers: The headers.
            line: The value of the field.
            name: The name of the cookie, if it is one for all paths of one host.
        """
        pairs, seen, by_cookie = headers._list, self.seen, self.by_cookie
        identity = _identity(line) if name is None else name
        if len(pairs) > COMPARED:
            # As `_update` compares them where it does not compare all.
            is_seen = len(pairs) == len(seen) < self._due and pairs[-1] is seen[-1]
        else:
            is_seen = pairs == seen
        if identity in by_cookie or not is_seen:
            self._update(pairs, exactly=identity in by_cookie)
            earlier = by_cookie.pop(identity, [])
            for one in earlier if isinstance(earlier, list) else [earlier]:
                place = pairs.index(one)
                del pairs[place], seen[place]
        pair = ("Set-Cookie", line)
        pairs.append(pair)
        seen.append(pair)
        by_cookie[identity] = pair

    def _update(self, pairs: list[tuple[str, str]], *, exactly: bool) -> None:
        """Update the index if other code changed the headers.

        Args:
            pairs: The headers.
            exactly: Whether to compare all of them, however many there are.
        """
        seen = self.seen
        count = len(seen)
        if exactly or len(pairs) >= self._due:
            self._due = len(pairs) + len(pairs) // 4 if len(pairs) > COMPARED else 0
            is_prefix = pairs == seen or pairs[:count] == seen
        else:
            is_prefix = len(pairs) >= count and pairs[count - 1] is seen[-1]
        known: dict[str, _Identity] = {}
        if not is_prefix:
            for identity, earlier in self.by_cookie.items():
                known.update((one[1], identity) for one in (earlier if isinstance(earlier, list) else [earlier]))
            seen.clear()
            self.by_cookie.clear()
            count = 0
        if len(pairs) == count:
            return
        added = pairs[count:]
        seen += added
        for pair in added:
            if pair[0] not in OTHER_THAN_COOKIES and pair[0].lower() == "set-cookie":
                identity = known.get(pair[1]) or _identity(pair[1])
                earlier = self.by_cookie.get(identity, [])
                self.by_cookie[identity] = [*(earlier if isinstance(earlier, list) else [earlier]), pair]


def sets_cookies(headers: Headers) -> bool:
    """Return whether there is a Set-Cookie header, or may be one."""
    pairs: list[tuple[str, str]] | None = getattr(headers, "_list", None)
    if pairs is None:
        # Some applications assign a plain dictionary to a response's headers.
        return True
    for name, _ in pairs:  # noqa: SIM110 - `any` with a generator would be one more function call
        if name not in OTHER_THAN_COOKIES and name.lower() == "set-cookie":
            return True
    return False


def vary_by_cookie(response: Response) -> None:
    """Add `Cookie` to `Vary`, unless it is there already (RFC 9110 section 12.5.5)."""
    if getattr(response, "_has_own_vary", True):
        # Of a class that is not Tuile's, or has something else in place of the property.
        response.vary.add("Cookie")
        return
    headers = response.headers
    pairs: list[tuple[str, str]] | None = getattr(headers, "_list", None)
    if pairs is None:
        # Some applications assign a plain dictionary to a response's headers.
        before = headers.get("Vary")
        headers["Vary"] = f"{before}, Cookie" if before else "Cookie"
        return
    for index, (name, value) in enumerate(pairs):
        if name not in _OTHER_THAN_VARY and name.lower() == "vary":
            # In most cases one name, which need not be parsed.
            if value.replace("-", "").isalnum() and value.isascii():
                if value.lower() != "cookie":
                    pairs[index] = ("Vary", f"{value}, Cookie")
                return
            names = parse_set_header(value)
            if "Cookie" not in names:
                names.add("Cookie")
                # Written as Werkzeug's property does. Other lines of it, which that removes, are kept.
                pairs[index] = ("Vary", names.to_header())
            return
    pairs.append(("Vary", "Cookie"))


def is_one_line(value: str) -> bool:
    """Return whether a value may be that of a header: Werkzeug refuses line breaks."""
    return "\n" not in value and "\r" not in value


def plain_pairs(headers: object) -> list[tuple[str, str]] | None:
    """Return headers that are given as a dict or a list as pairs; None if Werkzeug has to convert or refuse them."""
    if type(headers) is dict:
        pairs = list(headers.items())
    elif type(headers) is list:
        pairs = headers.copy()
    else:
        return None
    for index, pair in enumerate(pairs):
        if type(pair) is not tuple or len(pair) != 2:
            return None
        name, value = pair
        if type(value) is int:
            value = str(value)
            pairs[index] = name, value
        if type(name) is not str or type(value) is not str or "\n" in value or "\r" in value:
            return None
    return pairs


def sent_pairs(
    pairs: list[tuple[str, str]], left_out: frozenset[str]
) -> tuple[list[tuple[str, str]], dict[str, str], str | None] | None:
    """Return the headers that are sent of a response, the values of `URLS` among them, and that of Content-Length.

    Args:
        pairs: The headers of the response.
        left_out: The names that are not sent, in lower case.

    Returns:
        None if a value has to be converted first.
    """
    length, urls = None, {}
    for name, value in pairs:
        if type(value) is not str or type(name) is not str:
            return None
        if name == "Content-Length":
            length = value
        elif name not in PASSED:
            lowered = name.lower()
            if lowered == "content-length":
                length = value
            elif name in URLS and name not in urls:
                urls[name] = value
            elif lowered in PREPARED:
                return None
    sent = [pair for pair in pairs if pair[0].lower() not in left_out] if left_out else pairs.copy()
    return sent, urls, length


@remembers_short(256)
def directives_in(text: str) -> tuple[tuple[str, str | None], ...]:
    """Return the directives of a Cache-Control header."""
    return tuple(parse_dict_header(text).items())
