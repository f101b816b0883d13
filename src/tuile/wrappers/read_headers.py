"""The properties of a request that are read from one header each, in fewer steps than Werkzeug's."""

from __future__ import annotations

import typing as t
from functools import lru_cache

from werkzeug.datastructures import (
    Accept,
    Authorization,
    CharsetAccept,
    ETags,
    IfRange,
    LanguageAccept,
    MIMEAccept,
    Range,
    RequestCacheControl,
)
from werkzeug.http import (
    parse_etags,
    parse_list_header,
    parse_options_header,
    parse_range_header,
)
from werkzeug.sansio.request import Request as SansioRequest
from werkzeug.sansio.utils import get_content_length
from werkzeug.utils import header_property
from werkzeug.wrappers import Request as WerkzeugRequest

from ..http.headers import directives_in
from ..http.received import read_authorization, read_date, read_if_range, read_sent_date
from ..lazy import late_modules, lazy_pattern
from .environ import Kept
from .scope_headers import header_in

if t.TYPE_CHECKING:
    from datetime import datetime

    from werkzeug.user_agent import UserAgent

    from ..http import accepted
    from .request import Request
else:
    (accepted,) = late_modules(__name__, "..http.accepted")

# Values of Content-Type that come again and have no boundary, of which each is another.
_LONGEST_TYPE: t.Final = 48
# One entity tag, weak or strong, with a text.
_one_tag = lazy_pattern(r'([Ww]/)?"([^"]+)"')
_remembered_options = lru_cache(maxsize=128)(parse_options_header)


def header_of(request: Request, key: str, name: str) -> str | None:
    """Return a header as `request.headers.get` does, without making the headers.

    Args:
        request: The request.
        key: The header's key in the environ.
        name: Its name.
    """
    own = request.__dict__
    if "headers" not in own and request._has_headers_of_environ:
        if "environ" in own:
            value: str | None = own["environ"].get(key)
            # If another thread answered the request meanwhile, the server may have reused the environ.
            if "_environ_at_end" not in own:
                return value
        elif (scope := request._scope) is not None and scope["type"] == "http":
            # The handshake of a WebSocket has headers that not every server passes on.
            return header_in(scope, name.lower().encode())
    return request.headers.get(name)


class _HeaderProperty(header_property[object]):
    """A header, converted by the function that Werkzeug's property has."""

    def __init__(self, stock: header_property[object]) -> None:
        vars(self).update(vars(stock))
        key = self.name.upper().replace("-", "_")
        self._key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
        if self.name == "Date":
            self.load_func = read_date
            self.__doc__ = "The date at which the client sent the request, with a time zone."

    # For type checkers, they are Werkzeug's.
    if not t.TYPE_CHECKING:

        def __get__(self, request: Request | None, owner: type) -> object:
            if request is None:
                return self
            value = header_of(request, self._key, self.name)
            if value is None:
                return self.default
            if self.load_func is None:
                return value
            try:
                return self.load_func(value)
            except (ValueError, TypeError):
                return self.default


# Werkzeug shows the name of the class.
_HeaderProperty.__name__ = _HeaderProperty.__qualname__ = header_property.__name__


def accept_mimetypes(request: Request) -> MIMEAccept:
    """The media types that the client accepts."""
    return accepted.read_accept(header_of(request, "HTTP_ACCEPT", "Accept"), MIMEAccept)


def accept_encodings(request: Request) -> Accept:
    """The content codings that the client accepts, such as gzip."""
    return accepted.read_accept(header_of(request, "HTTP_ACCEPT_ENCODING", "Accept-Encoding"), Accept)


def accept_languages(request: Request) -> LanguageAccept:
    """The languages that the client accepts."""
    return accepted.read_accept(header_of(request, "HTTP_ACCEPT_LANGUAGE", "Accept-Language"), LanguageAccept)


def accept_charsets(request: Request) -> CharsetAccept:
    """The character sets that the client accepts."""
    # Looking up a codec whose name has a NUL fails; a space may replace it (RFC 9110 section 5.5).
    text = (header_of(request, "HTTP_ACCEPT_CHARSET", "Accept-Charset") or "").replace("\0", " ")
    return accepted.read_accept(text, CharsetAccept)


def authorization(request: Request) -> Authorization | None:
    """The credentials that the client sent; None if they are missing or malformed."""
    return read_authorization(header_of(request, "HTTP_AUTHORIZATION", "Authorization"))


def if_modified_since(request: Request) -> datetime | None:
    """The date of the If-Modified-Since header, with a time zone."""
    text = header_of(request, "HTTP_IF_MODIFIED_SINCE", "If-Modified-Since")
    return None if text is None else read_sent_date(text)


def if_unmodified_since(request: Request) -> datetime | None:
    """The date of the If-Unmodified-Since header, with a time zone."""
    text = header_of(request, "HTTP_IF_UNMODIFIED_SINCE", "If-Unmodified-Since")
    return None if text is None else read_sent_date(text)


def if_range(request: Request) -> IfRange:
    """The entity tag or the date of the If-Range header."""
    return read_if_range(header_of(request, "HTTP_IF_RANGE", "If-Range"))


def if_match(request: Request) -> ETags:
    """The entity tags of the If-Match header."""
    return _etags(header_of(request, "HTTP_IF_MATCH", "If-Match"))


def if_none_match(request: Request) -> ETags:
    """The entity tags of the If-None-Match header."""
    return _etags(header_of(request, "HTTP_IF_NONE_MATCH", "If-None-Match"))


def _etags(text: str | None) -> ETags:
    found = None if text is None else _one_tag.fullmatch(text)
    if found is None:
        return parse_etags(text)
    return ETags(None, [found[2]]) if found[1] else ETags([found[2]])


def range_header(request: Request) -> Range | None:
    """The Range header; None if it is missing or malformed."""
    text = header_of(request, "HTTP_RANGE", "Range")
    return None if text is None else parse_range_header(text)


def cache_control(request: Request) -> RequestCacheControl:
    """The directives of the Cache-Control header."""
    text = header_of(request, "HTTP_CACHE_CONTROL", "Cache-Control")
    if not text:
        return RequestCacheControl((), None)
    return RequestCacheControl(directives_in(text), None)


def user_agent(request: Request) -> UserAgent:
    """The user agent: an object of `user_agent_class`, whose `string` is the header."""
    sent = header_of(request, "HTTP_USER_AGENT", "User-Agent")
    return request.user_agent_class("" if sent is None else sent)


def content_length(request: Request) -> int | None:
    """The length of the body in bytes; None if it is chunked or has none."""
    coding = header_of(request, "HTTP_TRANSFER_ENCODING", "Transfer-Encoding")
    return get_content_length(header_of(request, "CONTENT_LENGTH", "Content-Length"), coding)


def access_route(request: Request) -> list[str]:
    """The addresses from the client to the last proxy, as X-Forwarded-For says; without it, that of the client."""
    text = header_of(request, "HTTP_X_FORWARDED_FOR", "X-Forwarded-For")
    route: list[str]
    if text is not None:
        if '"' in text:
            route = parse_list_header(text)
        else:
            route = [item for piece in text.split(",") if (item := piece.strip(" \t"))]
    else:
        address = request.remote_addr
        route = [] if address is None else [address]
    return request.list_storage_class(route)


def _parse_content_type(self: Request) -> None:
    """Parse the Content-Type header, unless it was parsed before."""
    if "_parsed_content_type" in self.__dict__:
        return
    text = header_of(self, "CONTENT_TYPE", "Content-Type") or ""
    if len(text) > _LONGEST_TYPE:
        self._parsed_content_type = parse_options_header(text)
    else:
        mimetype, options = _remembered_options(text)
        self._parsed_content_type = mimetype, options.copy()


def faster_properties() -> dict[str, object]:
    """Return the attributes that replace Werkzeug's, by their names."""
    found: dict[str, object] = {
        name: _HeaderProperty(stock) for name, stock in vars(SansioRequest).items() if type(stock) is header_property
    }
    functions: tuple[t.Callable[[Request], object], ...] = (
        *(accept_mimetypes, accept_encodings, accept_languages, accept_charsets, authorization, if_modified_since),
        *(if_unmodified_since, if_range, if_match, if_none_match, cache_control, user_agent, content_length),
        access_route,
    )
    found.update((function.__name__, Kept(function)) for function in functions)
    # Werkzeug's own functions, kept in fewer steps.
    found.update((name, Kept(vars(WerkzeugRequest)[name].fget, name)) for name in ("data", "url_root", "values"))
    return {**found, "range": Kept(range_header, "range"), "_parse_content_type": _parse_content_type}
