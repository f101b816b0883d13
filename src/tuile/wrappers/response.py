"""`Response`, a subclass of Werkzeug's with fast paths for building it from text and for sending a finished body.

The constructor sets every attribute; none is computed later. The fast paths apply as long as a class overrides none of
the methods that they replace. This is checked when the class is created and whenever it changes.
"""

from __future__ import annotations

import typing as t
from types import GeneratorType

from werkzeug.wrappers import Response as WerkzeugResponse

from .. import json
from ..ctx.app_context import current_value
from ..http.headers import PASSED, PREPARED, CookieLines
from ..http.received import without_bad_dates
from ..http.response_headers import HEADERS_CLASSES, LENGTHS, SHORT, Headers, new_length
from ..invalidation import Replaceable, Watched, as_defined, attributes, still_has, unwatched
from ..lazy import late_modules
from .body_reading import set_faster_reading
from .header_properties import set_faster_properties
from .plain_response import (
    CONTENT_TYPE_HEADERS,
    FINISHED,
    PLAIN_BODIES,
    STATUS_LINES,
    Closing,
    PageBody,
    add_date,
    given_pairs,
    init_plainly,
    make_conditional_plainly,
    make_plain,
    other_type,
    send_plainly,
    stream_parts,
)
from .read_file import ReadFile
from .setting_cookies import set_cookie as _set_cookie

if t.TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable, Mapping
    from datetime import datetime, timedelta
    from http import HTTPStatus

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from typing_extensions import Self
    from werkzeug.wrappers import Request

    from ..ctx import cookie_defaults, warning_places
    from ..http import cookies, locations
    from . import async_body
    from .plain_response import Given
else:
    cookie_defaults, warning_places, cookies, locations, async_body = late_modules(
        __name__, "..ctx.cookie_defaults", "..ctx.warning_places", "..http.cookies", "..http.locations", ".async_body"
    )

# The attributes of a class that the constructor and the WSGI call use; a class that overrides one has no fast path.
_USED = ("headers", "response", "status", "status_code")
_BUILDING = attributes(WerkzeugResponse, (*_USED, "_clean_status", "set_data"))
_SENDING = attributes(
    WerkzeugResponse,
    (*_USED, "close", "get_app_iter", "get_wsgi_headers", "get_wsgi_response", "is_sequence", "iter_encoded"),
)
_CONDITIONAL = attributes(
    WerkzeugResponse, ("headers", "status", "status_code", "_clean_status", "_process_range_request")
)
# Filled after the definition of the class, which has faster ones than Werkzeug's.
_SENDING_FILES: dict[str, object] = {}
#: For detecting patches.
werkzeugs_make_conditional = as_defined(WerkzeugResponse, "make_conditional")
# The methods that the fast paths replace.
_INHERITED = attributes(WerkzeugResponse, ("__call__", "__init__"))
# The default property for the maximum length of a line, to compare with; filled after the definition of the class.
_LIMITING: dict[str, object] = {}
_VARYING: dict[str, object] = {}
# How a response is made, for a file without the constructor; and what is called for one.
_CONSTRUCTING: dict[str, object] = {}
_MAKING: dict[str, object] = {}
_new = object.__new__
# A Content-Type header, a status line, a status code, the header as ASGI has it.
TextStart = tuple[tuple[str, str], str, int, tuple[bytes, bytes]]


class Response(WerkzeugResponse, metaclass=Watched):
    """The response that is built from a view's return value; HTML by default."""

    default_mimetype: str | None = "text/html"
    json_module = json
    autocorrect_location_header = False

    # Whether the fast paths may be used: set per class, and False on a response with a replaced method.
    _builds_plainly = False
    _sends_plainly = False
    # Whether conditions are compared as Werkzeug compares them.
    _has_plain_conditions = False
    # Whether the headers of a file are set as Werkzeug sets them.
    _sends_files_plainly = False
    # Whether `max_cookie_size` is the property defined here, which reads the app's setting.
    _asks_config = False
    # Whether `vary` is not the property defined here.
    _has_own_vary = False
    # The index of the Set-Cookie lines, created for the second one. For the first one: this header, how many headers
    # there were with it, its name if it is for all paths of one host.
    _cookie_lines: CookieLines | tuple[tuple[str, str], int, str | None] | None = None
    # The Set-Cookie lines about whose size `set_cookie` has warned.
    _large_lines: tuple[str, ...] = ()
    # Whether the response allowed shared caches to store it before a cookie was set.
    _was_public = False
    # The headers before cookies were added for a request, and the claim of that request.
    _headers_before: tuple[list[tuple[str, str]], object] | None = None
    # The headers of a response made from text alone.
    _text_start: TextStart | None = None
    # The same where the constructor begins with it: nothing was set on the response before.
    _quick_start: TextStart | None = None

    if not t.TYPE_CHECKING:
        close = Replaceable(WerkzeugResponse, "_sends_plainly")
        get_app_iter = Replaceable(WerkzeugResponse, "_sends_plainly")
        get_wsgi_headers = Replaceable(WerkzeugResponse, "_sends_plainly")
        get_wsgi_response = Replaceable(WerkzeugResponse, "_sends_plainly")
        iter_encoded = Replaceable(WerkzeugResponse, "_sends_plainly")

    @classmethod
    def _set_flags(cls) -> None:
        """Set the flags for what the class has not overridden."""
        # Patches of Werkzeug's classes are not detected, so they are compared. Other unwatched classes: no fast path.
        certain = still_has(WerkzeugResponse, _INHERITED) and not unwatched(cls, "werkzeug")
        builds_plainly = certain and still_has(cls, _BUILDING)
        cls.set_flag("_builds_plainly", builds_plainly)
        cls.set_flag("_sends_plainly", certain and still_has(cls, _SENDING))
        cls.set_flag("_has_plain_conditions", certain and still_has(cls, _CONDITIONAL))
        sends_files = builds_plainly and still_has(cls, _SENDING_FILES) and still_has(cls, _CONSTRUCTING)
        cls.set_flag("_sends_files_plainly", sends_files)
        cls.set_flag("_asks_config", still_has(cls, _LIMITING))
        cls.set_flag("_has_own_vary", bool(_VARYING) and not still_has(cls, _VARYING))
        header = CONTENT_TYPE_HEADERS.get(cls.default_mimetype or "")
        line = STATUS_LINES.get(cls.default_status) if type(cls.default_status) is int else None
        start = None
        if builds_plainly and cls.automatically_set_content_length and header is not None and line is not None:
            start = (header, line, cls.default_status, (b"content-type", header[1].encode()))
        cls.set_flag("_text_start", start)
        cls.set_flag("_quick_start", start if still_has(cls, _MAKING) else None)

    def __init__(
        self,
        response: Iterable[bytes]
        | bytes
        | Iterable[str]
        | str
        | AsyncIterable[bytes]
        | AsyncIterable[str]
        | None = None,
        status: int | str | HTTPStatus | None = None,
        headers: Mapping[str, str | Iterable[str]] | Iterable[tuple[str, str]] | None = None,
        mimetype: str | None = None,
        content_type: str | None = None,
        direct_passthrough: bool = False,
    ) -> None:
        start = self._quick_start
        if start is not None:
            header: tuple[str, str] | None
            line: str | None
            code: Given
            header, line, code, _ = start
            if status is not None:
                code = status
                line = STATUS_LINES.get(code) if type(code) is int else None
            if content_type is not None:
                known = type(content_type) is str and FINISHED.get(content_type)  # others may have no hash
                header = known or other_type(content_type, is_whole=True)
            elif mimetype is not None:
                known = type(mimetype) is str and CONTENT_TYPE_HEADERS.get(mimetype)
                header = known or other_type(mimetype, is_whole=False)
            pairs, kind = [] if headers is None else given_pairs(headers), type(response)
            if kind in PLAIN_BODIES and line is not None and header is not None and pairs is not None:
                body: Given = response
                if kind is str:
                    body, kind = body.encode(), bytes
                if kind is bytes:
                    pair = (LENGTHS[length] if (length := len(body)) < SHORT else None) or new_length(length)
                    pairs = [*pairs, header, pair] if pairs else [header, pair]
                    self.response = [body]
                else:
                    pairs.append(header)
                    self.response = [] if body is None else body
                self.headers = own = _new(Headers)
                own._list = pairs
                self._status, self._status_code = line, code
                self.direct_passthrough = direct_passthrough
                self._on_close = []
                return
        if not (self._builds_plainly and init_plainly(self, response, status, headers, mimetype, content_type)):
            body = t.cast("Iterable[bytes]", response)
            super().__init__(body, status, headers, mimetype, content_type, direct_passthrough)
            return
        self.direct_passthrough = direct_passthrough
        self._on_close = []

    def make_conditional(
        self,
        request_or_environ: WSGIEnvironment | Request,
        accept_ranges: bool | str = False,
        complete_length: int | None = None,
    ) -> Response:
        """Answer with 304, 412, 206 or 416 where the conditions and ranges that a client sent ask for it.

        Args:
            request_or_environ: The request or its environ. Malformed dates are ignored.
            accept_ranges: Whether ranges of the content may be sent, or the unit of ranges.
            complete_length: The length of the content in bytes, required for ranges.

        Raises:
            RequestedRangeNotSatisfiable: If no part of the content is in the range.
        """
        environ: t.Any = getattr(request_or_environ, "environ", request_or_environ)
        try:
            if (
                self._has_plain_conditions
                and type(environ) is dict
                and type(self.headers) in HEADERS_CLASSES
                and WerkzeugResponse.make_conditional is werkzeugs_make_conditional
            ):
                if "HTTP_RANGE" in environ:
                    add_date(self, environ)
                elif make_conditional_plainly(self, environ, accept_ranges):
                    return self
            super().make_conditional(request_or_environ, accept_ranges, complete_length)
        except OverflowError:
            # Raised for a date that Python cannot represent, before anything was changed.
            super().make_conditional(without_bad_dates(environ), accept_ranges, complete_length)
        return self

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send this response: call `start_response` and return the body's parts, which can be closed."""
        parts = self._send(environ, start_response)
        # Werkzeug does not close what it passes through.
        if hasattr(parts, "close") or (getattr(self, "direct_passthrough", False) and parts != ()):
            return parts
        return Closing(parts, self.close)

    def _send(  # noqa: C901 - one look at each header, without calls
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Send this response, as the application does itself: where there is nothing to close, the parts are a list."""
        is_stream, whole = False, None
        if (
            self._sends_plainly
            and (type(headers := self.headers) is Headers or type(headers) in HEADERS_CLASSES)
            and ((code := self._status_code) == 200 or (code >= 200 and code not in {204, 304}))
            and (
                (
                    type(body := self.response) is list
                    and len(body) == 1
                    and type(body[0]) is bytes
                    and not self._on_close
                )
                or ((is_stream := type(body) is GeneratorType) and not self.direct_passthrough)
                or (type(body) is ReadFile and self.direct_passthrough and (whole := body.whole) is not None)
                or (type(body) is PageBody and not self._on_close and (whole := body.whole) is not None)
            )
        ):
            pairs = headers._list
            length_is_known = is_stream
            location = None
            for name, value in pairs:
                if type(value) is not str:
                    break
                if name in PASSED:
                    continue
                if name == "Content-Length":
                    length_is_known = True
                elif name == "Location" and location is None and not self.autocorrect_location_header:
                    location = value
                elif name.lower() in PREPARED:
                    break
            else:
                uri = None if location is None else locations.uri_of(location)
                if length_is_known and (location is None or uri is not None):
                    if uri is not None and uri is not location:
                        pairs = [(name, value if name != "Location" else uri) for name, value in pairs]
                    # Copies: middleware may change the lists, and this response may be sent again.
                    start_response(self._status, [*pairs])
                    if is_stream:
                        return stream_parts(self, environ)
                    if environ["REQUEST_METHOD"] == "HEAD":
                        return Closing((), self.close) if self._on_close else ()
                    return [*body] if whole is None else whole()
        if self._sends_plainly and type(self.headers) in HEADERS_CLASSES:
            parts = send_plainly(self, environ, start_response)
            if parts is not None:
                return parts
        return self._send_converted(environ, start_response)

    def _send_converted(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send this response by Werkzeug's method, with headers of no other type than str."""
        make_plain(self.headers)
        async_body.prepare(self)
        return super().__call__(environ, start_response)

    if t.TYPE_CHECKING:

        @classmethod
        def force_type(
            cls, response: WerkzeugResponse | Callable[..., object], environ: WSGIEnvironment | None = None
        ) -> Self:
            """Return a response of this class; Werkzeug declares it as one of its own."""
            ...

    @property
    def max_cookie_size(self) -> int:  # type: ignore[override] # Werkzeug has it as a number on the class
        """The size in bytes above which setting a cookie warns: the app's `MAX_COOKIE_SIZE`."""
        context = current_value(None)
        if context is None:
            return WerkzeugResponse.max_cookie_size
        size: int = context.app.config["MAX_COOKIE_SIZE"]
        return size

    if t.TYPE_CHECKING:
        # Declared again, because pyright gives a method that is assigned the types of Werkzeug's.
        def set_cookie(  # type: ignore[override] # Werkzeug's takes any text for `samesite`
            self,
            key: str,
            value: str = "",
            max_age: timedelta | int | None = None,
            expires: str | datetime | float | None = None,
            path: str | None = "/",
            domain: str | None = None,
            secure: bool = False,
            httponly: bool = False,
            samesite: cookies.SameSite | None = None,
            partitioned: bool = False,
        ) -> None:
            """Set a cookie, replacing one that this response already sets with the same name, domain and path."""
            ...

    else:
        set_cookie = _set_cookie


set_faster_properties(Response)
set_faster_reading(Response)
_CONDITIONAL.update(attributes(Response, ("accept_ranges",)))
_SENDING_FILES.update(attributes(Response, ("cache_control", "content_length", "expires", "last_modified", "set_etag")))
_CONSTRUCTING.update(attributes(Response, ("__init__", "__new__", "__setattr__", "make_conditional")))
_MAKING.update(attributes(Response, ("__init__", "__new__", "__setattr__")))
_LIMITING.update(attributes(Response, ("max_cookie_size",)))
_VARYING.update(attributes(Response, ("vary",)))
Response._set_flags()
#: The method by which any WSGI server or middleware sends a response, and the one that the application calls for it as
#: long as the first has not been replaced.
CALL, SEND = Response.__call__, Response._send
