"""Read malformed request headers for which Werkzeug would raise one of Python's errors.

Werkzeug itself reads everything that is well-formed.
"""

from __future__ import annotations

import re
import typing as t

from werkzeug.datastructures import Authorization, IfRange
from werkzeug.http import parse_if_range_header
from werkzeug.sansio.utils import get_current_url
from werkzeug.urls import _unquote_query

from ..lazy import late_modules, lazy_pattern
from ..remember import remembers_short

if t.TYPE_CHECKING:
    from datetime import datetime

    from _typeshed.wsgi import WSGIEnvironment

    from . import dates
else:
    (dates,) = late_modules(__name__, ".dates")

#: The methods that change nothing (RFC 9110 section 9.2.1), without TRACE, which is refused.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# A placeholder for the host while Werkzeug builds the rest of a URL. It never appears in a URL.
_ANY_HOST = "host.invalid"


def read_date(text: str | None) -> datetime | None:
    """Return the date in a header; None if it is missing or invalid, such as one in the year 9999999999."""
    try:
        # The first knows only the form that nearly all have.
        return None if text is None else dates.load_date(text)
    except OverflowError:
        return None


#: The same of a text that comes again: of a file that browsers have, or of what was changed last.
read_sent_date = remembers_short(256)(read_date)


def read_if_range(text: str | None) -> IfRange:
    """Return the date or entity tag in an If-Range header; for a malformed one, an entity tag that no response has.

    Then the client gets the whole content instead of a range (RFC 9110 section 13.1.5).
    """
    try:
        found = parse_if_range_header(text)
    except OverflowError:
        found = IfRange(text)
    if found.etag is not None and '"' in found.etag:
        found.etag = found.etag.replace('"', "\ufffd")
    return found


def read_authorization(text: str | None) -> Authorization | None:
    """Return the credentials in an Authorization header; None if it is missing or malformed."""
    scheme, _, rest = (text or "").partition(" ")
    # The base64 of `Basic` has no quotation marks; what is refused for them is left to Werkzeug.
    if '="' in rest and scheme.lower() != "basic" and vars(Authorization)["from_header"] is _from_header:
        parameters = parameters_in(rest)
        if parameters is not None:
            return Authorization(scheme.lower(), parameters, None)
    try:
        return Authorization.from_header(text)
    except ValueError:
        # Base64 with characters beyond ASCII.
        return None


# Names and values of parameters, such as those of `Digest`, in forms that all versions of Werkzeug read alike.
_parameter = r"""[ \t]*([\w.-]+)=(?:"([^"\\]*)"|([\w.~!$&'()*+/:;@%-]*))[ \t]*"""
_parameters = lazy_pattern(f"(?:{_parameter},)*{_parameter}", re.ASCII)
_each_parameter = lazy_pattern(_parameter, re.ASCII)
_from_header = vars(Authorization)["from_header"]


def parameters_in(text: str) -> dict[str, str | None] | None:
    """Return what `parse_dict_header` of Werkzeug does for plain parameters; None for any other text."""
    if _parameters.fullmatch(text) is None:
        return None
    # One of the two is empty.
    return {name: quoted or token for name, quoted, token in _each_parameter.findall(text)}


# A host and a port, and what follows it where nothing is quoted.
_host = lazy_pattern(r"[A-Za-z0-9.:\[\]-]+")
_plain_rest = lazy_pattern(r"/[\w.~!$&'()*+,/:;=@-]*(?:\?[\w.~!$&'()*+,/:;=?@-]+)?", re.ASCII)
_SCHEMES = frozenset({"http", "https"})


@remembers_short(256)
def _shown_host(host: str) -> str | None:
    """Return a host with its port as it is shown, in Unicode and lower case; None if Werkzeug cannot show it."""
    if not _host.fullmatch(host):
        return None
    try:
        return get_current_url("http", host)[len("http://") : -1]
    except ValueError:
        return None


def plain_url(scheme: str, host: str, rest: str) -> str | None:
    """Return a URL as it is shown where only its host may be shown in another way; None to let Werkzeug write it.

    Args:
        scheme: such as `https`.
        host: with its port, if it has one.
        rest: the path and the query.
    """
    if scheme not in _SCHEMES or not (rest == "/" or _plain_rest.fullmatch(rest)):
        return None
    shown = _shown_host(host)
    return None if shown is None else f"{scheme}://{shown}{rest}"


def _plain_path(path: str) -> str | None:
    """Return a path as it is shown; None if there may be more to quote than spaces."""
    if not path.startswith("/") or not path.isprintable() or "%" in path or "?" in path or "#" in path:
        return None
    return path.replace(" ", "%20")


def _plain_query(query: str) -> str | None:
    """Return a query as it is shown, decoded where that is unambiguous; None if there is something to quote."""
    if not (query.isascii() and query.isprintable()) or " " in query or "#" in query:
        return None
    return _unquote_query(query) if "%" in query else query


def show_url(
    scheme: str, host: str, root_path: str | None = None, path: str | None = None, query: bytes | None = None
) -> str:
    """Return the URL of a request as it is shown to people, in Unicode where possible.

    Args:
        scheme: such as `https`.
        host: with its port, if it has one.
        root_path: the prefix that the app is mounted under. None to end after the host.
        path: None to end after the prefix.
        query: as it was sent.
    """
    rest = "/" if root_path is None else f"{root_path.rstrip('/')}/"
    if path is not None:
        rest += path.lstrip("/")
    shown_path = _plain_path(rest)
    shown_query = _plain_query(query.decode("latin-1")) if query and path is not None else ""
    if scheme in _SCHEMES and shown_path is not None and shown_query is not None:
        shown_host = _shown_host(host)
        if shown_host is not None:
            return f"{scheme}://{shown_host}{shown_path}{shown_query and '?'}{shown_query}"
    try:
        return get_current_url(scheme, host, root_path, path, query)
    except ValueError:
        return join_url(scheme, host, root_path or "", path, query)


def join_url(scheme: str, host: str, root_path: str, path: str | None = None, query: bytes | None = None) -> str:
    """Return the URL of a request whose host Werkzeug cannot show in Unicode: with the host as the client sent it.

    Names that IDNA 2003 does not have, such as that of `straße.example`, are among these hosts.

    Args:
        scheme: The scheme, such as `https`.
        host: The host, with its port if it has one.
        root_path: The prefix that the app is mounted under. It gets a slash at the start, without which its text would
            extend the host.
        path: The path; None to end after the prefix.
        query: The query as sent.
    """
    root_path = f"/{root_path.lstrip('/')}"
    url = get_current_url(scheme, _ANY_HOST, root_path, path, query)
    return url.replace(_ANY_HOST, host, 1)


def without_bad_dates(environ: WSGIEnvironment) -> WSGIEnvironment:
    """Return an environ without conditions that are malformed dates, which RFC 9110 section 13.1 says to ignore."""
    kept = dict(environ)
    for key in ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE"):
        if read_date(kept.get(key)) is None:
            kept.pop(key, None)
    if read_if_range(kept.get("HTTP_IF_RANGE")).date is None and '"' not in kept.get("HTTP_IF_RANGE", '"'):
        # A condition that is never met, so the whole content is sent.
        kept.pop("HTTP_IF_RANGE", None)
        kept.pop("HTTP_RANGE", None)
    return kept


def as_printed(text: str) -> str:
    """Return what a client has sent as it can be written into a log, or on a terminal: without control characters.

    A line break would begin a line of its own, and other control characters change what a terminal shows.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)
