"""Compare the conditions that a client sent with the entity tag and the date of a response (RFC 9110, section 13).

The forms that browsers and caches send are compared at once; everything else is for Werkzeug to compare.
"""

from __future__ import annotations

import typing as t

from werkzeug.http import is_resource_modified

from ..lazy import lazy_pattern
from .received import read_sent_date

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# One entity tag, weak or strong, with a text.
_one_tag = lazy_pattern(r'(?:[Ww]/)?"([^"]+)"')


def is_unmodified(environ: WSGIEnvironment, etag: str | None, last_modified: str | None) -> bool:
    """Return whether a client has what a response would send, for a request without a range.

    Args:
        environ: The WSGI environ of the request.
        etag: The ETag header of the response.
        last_modified: Its Last-Modified header.

    Raises:
        OverflowError: A date is beyond all calendars.
    """
    tags, since = environ.get("HTTP_IF_NONE_MATCH"), environ.get("HTTP_IF_MODIFIED_SINCE")
    if "HTTP_IF_MATCH" not in environ:
        if tags is None and since is None:
            return False
        if etag and tags is not None and etag[0] == etag[-1] == '"' and (found := _one_tag.fullmatch(tags)) is not None:
            # It takes precedence over the date; of the latter, only one that Werkzeug refuses matters.
            if since is not None and read_sent_date(since) is None:
                return not is_resource_modified(environ, etag, last_modified=last_modified)
            return found[1] == etag[1:-1]
        if tags is None and since is not None and last_modified is not None:
            # An entity tag counts only with a condition on it.
            sent, own = read_sent_date(since), read_sent_date(last_modified)
            if sent is not None and own is not None:
                return own <= sent
    return not is_resource_modified(environ, etag, last_modified=last_modified)
