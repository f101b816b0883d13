"""Read what a client sent where Werkzeug raises an error of Python's for malformed text.

Everything well-formed is read by Werkzeug itself.
"""

from __future__ import annotations

import typing as t

from werkzeug.datastructures import Authorization, IfRange
from werkzeug.http import parse_date, parse_if_range_header
from werkzeug.sansio.utils import get_current_url

if t.TYPE_CHECKING:
    from datetime import datetime

    from _typeshed.wsgi import WSGIEnvironment

# Takes the place of a host while a URL is made of the rest. It never appears in one.
_ANY_HOST = "host.invalid"


def read_date(text: str | None) -> datetime | None:
    """Return the date in a header; None if it is missing or no date, such as one in the year 9999999999."""
    try:
        return parse_date(text)
    except OverflowError:
        return None


def read_if_range(text: str | None) -> IfRange:
    """Return what an If-Range header names; if it is malformed, an entity tag that no response has.

    So a range is not sent to a client that may have something else (RFC 9110 section 13.1.5).
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
    try:
        return Authorization.from_header(text)
    except ValueError:
        # Base64 with characters beyond ASCII.
        return None


def join_url(scheme: str, host: str, root_path: str, path: str | None = None, query: bytes | None = None) -> str:
    """Return the URL of a request whose host Werkzeug cannot show in Unicode: with the host as the client sent it.

    Names that IDNA 2003 does not have, such as that of `straße.example`, are among these hosts.

    Args:
        scheme: such as `https`.
        host: with its port, if it has one.
        root_path: the prefix that the app is mounted under. It begins at a slash, whatever the server says: text
            without one would be a part of the host.
        path: None to end after the prefix.
        query: as it was sent.
    """
    root_path = f"/{root_path.lstrip('/')}"
    url = get_current_url(scheme, _ANY_HOST, root_path, path, query)
    return url.replace(_ANY_HOST, host, 1)


def without_bad_dates(environ: WSGIEnvironment) -> WSGIEnvironment:
    """Return an environ without conditions that are malformed dates: they are ignored (RFC 9110 section 13.1)."""
    kept = dict(environ)
    for key in ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE"):
        if read_date(kept.get(key)) is None:
            kept.pop(key, None)
    if read_if_range(kept.get("HTTP_IF_RANGE")).date is None and '"' not in kept.get("HTTP_IF_RANGE", '"'):
        # A condition that is not met: all of the content is sent.
        kept.pop("HTTP_IF_RANGE", None)
        kept.pop("HTTP_RANGE", None)
    return kept
