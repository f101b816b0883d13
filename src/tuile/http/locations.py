"""Redirects: the address in a Location header, and the page that goes with it."""

from __future__ import annotations

import re
import typing as t
from functools import cache

from markupsafe import escape
from werkzeug.urls import iri_to_uri
from werkzeug.utils import redirect

from ..lazy import QuotedOctets, lazy_pattern
from ..remember import remembers_short
from .response_headers import HEADERS_CLASSES

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.wrappers import Response

Made = t.TypeVar("Made", bound="Response")

# What `iri_to_uri` leaves unchanged in a path, a query and a fragment (WHATWG URL), beside letters, digits and `_.-~`.
_KEPT = "%!$&'()*+,/:;=@"
_KEPT_IN_QUERY, _KEPT_IN_FRAGMENT = f"{_KEPT}?", f"{_KEPT}?#"
_PLACES = (_KEPT, _KEPT_IN_QUERY, _KEPT_IN_FRAGMENT)
_TABLES = tuple(map(QuotedOctets, _PLACES))
# Names of hosts that are sent as they are, with a port.
_HOST = (
    r"https?://(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}"
    r"(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}))?(?![^/?#])"
)
_host = lazy_pattern(_HOST)
# Others, such as IPv6 addresses and names in Unicode, without a user.
_any_host = lazy_pattern(r"(?:https?:)?//[^/?#@\\]+(?![^/?#])")
_plain_location = lazy_pattern(
    rf"(?:{_HOST}(?:/[\w.~{_KEPT}-]*)?|/(?!/)[\w.~{_KEPT}-]*|[\w.~%!$&'()*+,;=@-]*(?:(?<!^)/[\w.~{_KEPT}-]*)?)"
    rf"(?:\?[\w.~{_KEPT_IN_QUERY}-]+)?(?:#[\w.~{_KEPT_IN_FRAGMENT}-]+)?",
    re.ASCII,
)
# A host as it is in any URL, with a port that is no default, and a path and query that are joined with it as they are.
_own_host = lazy_pattern(
    r"(?!.*xn--)(?:[a-z0-9-]{1,63}\.)*[a-z0-9-]{1,63}(?::(?!80$|443$)(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}))?"
)
_own_path = lazy_pattern(r"/|(?:/[\w~%@:+-][\w.~%@:+-]*)+/?(?:\?[\w.~%=&+,/:@-]+)?", re.ASCII)
_escaped = lazy_pattern("[&<>'\"]")
# Stands for the location when the page is taken apart.
_PLACE = "PLACE"


def is_plain_location(location: str) -> bool:
    """Return whether a location is sent unchanged: an address or a path of this host, with nothing to quote."""
    return _plain_location.fullmatch(location) is not None


def absolute_uri(environ: WSGIEnvironment, uri: str) -> str | None:
    """Return a URI that is a path with the scheme and the host of a request; None if one of them is not plain."""
    scheme, host = environ.get("wsgi.url_scheme"), environ.get("HTTP_HOST")
    if scheme not in {"http", "https"} or type(host) is not str or _own_host.fullmatch(host) is None:
        return None
    return None if _own_path.fullmatch(uri) is None else f"{scheme}://{host}{uri}"


@remembers_short(256)
def uri_of(location: str) -> str | None:
    """Return a location as it is sent, which is Werkzeug's `iri_to_uri`; None if that is not certain."""
    if _plain_location.fullmatch(location) is not None:
        return location
    if not location.isprintable():
        # Tabs and ends of lines are left out.
        return None
    start: str | None = ""
    host = _host.match(location)
    if host is not None:
        start = host[0]
    elif (host := _any_host.match(location)) is not None:
        start = _sent_host(host[0])
    elif location[:1] != "/" or location[1:2] == "/":
        return None
    if start is None:
        return None
    rest = location if host is None else location[host.end() :]
    rest, _, fragment = rest.partition("#")
    path, _, query = rest.partition("?")
    try:
        uri = start + _quoted(path, 0)
        if query:
            uri = f"{uri}?{_quoted(query, 1)}"
        return f"{uri}#{_quoted(fragment, 2)}" if fragment else uri
    except UnicodeError:
        return None


@remembers_short(256)
def _sent_host(address: str) -> str | None:
    """Return a scheme and a host as they are sent; None if Werkzeug has to say what is wrong with them."""
    try:
        return iri_to_uri(f"{address}/")[:-1]
    except ValueError:
        return None


def _quoted(text: str, place: int) -> str:
    # An octet of UTF-8 is a character of Latin-1.
    return (text if text.isascii() else text.encode().decode("latin1")).translate(_TABLES[place])


@cache
def _page() -> tuple[str, str, str]:
    """Return the parts of Werkzeug's page around the location, which is in it twice."""
    before, between, after = redirect(_PLACE).get_data(as_text=True).split(_PLACE)
    return before, between, after


def redirect_page(location: str) -> str:
    """Return the page of a redirect."""
    # Most have nothing to escape.
    escaped = str(escape(location)) if _escaped.search(location) else location
    before, between, after = _page()
    return f"{before}{escaped}{between}{escaped}{after}"


def redirection(location: str, code: int, cls: type[Made]) -> Made:
    """Return Werkzeug's response of a class that redirects to a location."""
    if type(location) is not str or "\n" in location or "\r" in location:
        return t.cast("Made", redirect(location, code, cls))
    response = cls(redirect_page(location), code, mimetype="text/html")
    headers = response.headers
    pairs = headers._list if type(headers) in HEADERS_CLASSES else []
    if len(pairs) == 2 and pairs[0][0] == "Content-Type" and pairs[1][0] == "Content-Length":
        pairs.append(("Location", location))
    else:
        headers["Location"] = location
    return response
