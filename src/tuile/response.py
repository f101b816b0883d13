"""Status, headers, body, and the WSGI call that sends them.

Floor 2, one request. What must live here: how `Response` differs from Werkzeug's, which it is a
subclass of, and the two short ways through it: building from text, and sending a finished body. What
must not: writing a Set-Cookie line (`cookie_syntax` does), deciding what a view's answer means.

Every attribute is real from birth. The short ways are taken only while a class leaves alone what they
stand for; that is looked at once, when the class is made.
"""

from __future__ import annotations

import time
import typing as t

from werkzeug.datastructures import Headers
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.utils import get_content_type
from werkzeug.wrappers import Response as WerkzeugResponse

from . import json
from .context import current
from .cookie_syntax import cookie_identity, dump_cookie
from .headers import clean_headers, ready_for_wsgi

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, timedelta
    from http import HTTPStatus

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# What the constructor, and what the WSGI call, use of the class; a subclass with its own goes the long way.
_BUILDING = ("_clean_status", "data", "headers", "response", "set_data", "status", "status_code")
_SENDING = (
    "close",
    "get_app_iter",
    "get_wsgi_headers",
    "get_wsgi_response",
    "headers",
    "iter_encoded",
    "response",
    "status",
    "status_code",
)
_STATUS_LINES = {code: f"{code} {reason.upper()}" for code, reason in HTTP_STATUS_CODES.items()}
_CONTENT_TYPES = {
    mimetype: get_content_type(mimetype, "utf-8")
    for mimetype in ("text/html", "text/plain", "application/json", "text/css", "application/xml")
}


class Response(WerkzeugResponse):
    """The response that a view's answer becomes, HTML unless told otherwise."""

    default_mimetype: str | None = "text/html"
    json_module = json
    autocorrect_location_header = False

    _builds_plainly: t.ClassVar[bool] = True
    _sends_plainly: t.ClassVar[bool] = True

    def __init_subclass__(cls, **kwargs: t.Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._builds_plainly = _has_stock(cls, _BUILDING)
        cls._sends_plainly = _has_stock(cls, _SENDING)

    def __init__(
        self,
        response: Iterable[bytes] | bytes | Iterable[str] | str | None = None,
        status: int | str | HTTPStatus | None = None,
        headers: Mapping[str, str | Iterable[str]] | Iterable[tuple[str, str]] | None = None,
        mimetype: str | None = None,
        content_type: str | None = None,
        direct_passthrough: bool = False,
    ) -> None:
        if status is None:
            status = self.default_status
        line = _STATUS_LINES.get(status) if type(status) is int else None
        if content_type is None:
            content_type = _CONTENT_TYPES.get(mimetype or self.default_mimetype)  # type: ignore[arg-type] # None is no key
            if headers and mimetype is None:
                content_type = None
        if type(response) is str:
            response = response.encode()
        if (
            line is None
            or content_type is None
            or headers
            or isinstance(headers, Headers)
            or type(response) is not bytes
            or not self._builds_plainly
        ):
            super().__init__(response, status, headers, mimetype, content_type, direct_passthrough)
            return
        pairs = [("Content-Type", content_type)]
        if self.automatically_set_content_length:
            pairs.append(("Content-Length", str(len(response))))
        self.headers = clean_headers(pairs)
        self._status = line
        self._status_code = status  # type: ignore[assignment] # an int, or there would be no line for it
        self.direct_passthrough = direct_passthrough
        self._on_close = []
        self.response = [response]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send this response: call `start_response` and return the body's parts."""
        body = self.response
        code = self._status_code
        headers = self.headers
        if (
            type(body) is list
            and len(body) == 1
            and type(body[0]) is bytes
            and code >= 200  # noqa: PLR2004 - below are the interim answers
            and code not in {204, 304}
            and not self._on_close
            and type(headers) is Headers
            and self._sends_plainly
            and ready_for_wsgi(headers._list)
        ):
            start_response(self._status, headers._list[:])
            return [] if environ["REQUEST_METHOD"] == "HEAD" else body
        return super().__call__(environ, start_response)

    @property
    def max_cookie_size(self) -> int:  # type: ignore[override] # Werkzeug has it as a number on the class
        """The size in bytes above which setting a cookie warns: the app's `MAX_COOKIE_SIZE`."""
        context = current.get(None)
        if context is None:
            return WerkzeugResponse.max_cookie_size
        size: int = context.app.config["MAX_COOKIE_SIZE"]
        return size

    def set_cookie(
        self,
        key: str,
        value: str = "",
        max_age: timedelta | int | None = None,
        expires: str | datetime | float | None = None,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: str | None = None,
        partitioned: bool = False,
    ) -> None:
        """Set a cookie, in the place of one that this response already sets with that name, domain and path."""
        line = dump_cookie(
            key,
            value=value,
            max_age=max_age,
            expires=expires,
            path=path,
            domain=domain,
            secure=secure,
            httponly=httponly,
            max_size=self.max_cookie_size,
            samesite=samesite,
            partitioned=partitioned,
            now=time.time(),
        )
        put_cookie(self.headers, line)


def put_cookie(headers: Headers, line: str) -> None:
    """Add a Set-Cookie line, after removing one for the same cookie (RFC 6265bis section 4.1.1)."""
    pairs = headers._list
    if any(name == "Set-Cookie" for name, _ in pairs):
        identity = cookie_identity(line)
        pairs[:] = [
            pair for pair in pairs if pair[0] != "Set-Cookie" or cookie_identity(pair[1]) != identity
        ]
    headers.add("Set-Cookie", line)


def _has_stock(cls: type[Response], names: tuple[str, ...]) -> bool:
    return all(getattr(cls, name, None) is getattr(Response, name, None) for name in names)
