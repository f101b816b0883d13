"""The cookies that a client sent, parsed when they are first read."""

from __future__ import annotations

import typing as t

from werkzeug.datastructures import ImmutableMultiDict

from ..http import parameters
from ..http.request_headers import EnvironHeaders
from ..lazy import late_modules
from .environ import cookie_header_of
from .scope_headers import ScopeHeaders

if t.TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

    from ..http import cookie_header
    from .request import Request
else:
    (cookie_header,) = late_modules(__name__, "..http.cookie_header")

_new_multidict = ImmutableMultiDict.__new__
#: The classes of received cookies that only this module makes.
RECEIVED: t.Final[frozenset[object]] = frozenset({ImmutableMultiDict, parameters.ImmutableMultiDict})
_fill: t.Callable[[MultiDict[str, str], dict[str, list[str]]], None] = dict.update
# What a request has in its `__dict__` where its cookies are not simply those of its environ.
_CHANGING = frozenset({"_environ_at_end", "dict_storage_class", "headers"})


class ReceivedCookies:
    """The cookies that the client sent. Of several with the same name, the first counts."""

    def __get__(self, request: Request | None, owner: type | None = None) -> t.Any:
        if request is None:
            return self
        own = request.__dict__
        # Names that are asked for one by one take half the steps of a set.
        if (
            request._has_plain_cookies
            and "headers" not in own
            and "_environ_at_end" not in own
            and "dict_storage_class" not in own
            and ("environ" in own or request._scope is not None)
        ):
            cookies: MultiDict[str, str]
            if "environ" in own:
                sent = own["environ"].get("HTTP_COOKIE")
            else:
                sent = request._sent_cookies
                if sent is ...:
                    sent = cookie_header_of(request)
            if sent:
                cookies = _new_multidict(ImmutableMultiDict)
                _fill(cookies, cookie_header.cookie_values(sent))
            else:
                # Whatever is read is missing. In Werkzeug's class that takes ten times as long.
                cookies = _new_multidict(parameters.ImmutableMultiDict)
            if "_environ_at_end" not in own:
                own["cookies"] = cookies
                return cookies
        return _parsed(request)


def _parsed(request: Request) -> t.Any:
    """Return the cookies of any request, parsed again."""
    headers = request.__dict__.get("headers")
    if headers is None and not request._has_headers_of_environ:
        headers = request.headers
    kept = request._environ_at_end
    if headers is None:
        sent = cookie_header_of(request) if kept is None else kept.get("HTTP_COOKIE")
    elif type(headers) is ScopeHeaders and headers.is_of(request):
        sent = cookie_header_of(request)
    elif type(headers) is EnvironHeaders:
        sent = headers.environ.get("HTTP_COOKIE")
    else:
        # The headers were replaced.
        sent = ";".join(headers.getlist("Cookie"))
    kind = request.dict_storage_class
    if kind is ImmutableMultiDict:
        # The result of the constructor, in one call.
        cookies: MultiDict[str, str] = _new_multidict(ImmutableMultiDict)
        if sent:
            _fill(cookies, cookie_header.cookie_values(sent))
    else:
        cookies = kind(cookie_header.parse_cookie(sent))
    if request._environ_at_end is not kept:
        # Another thread answered the request meanwhile.
        return _parsed(request)
    # Assigning the attribute would fail if a subclass has a read-only property of that name.
    request.__dict__["cookies"] = cookies
    return cookies


def is_sent_once(request: Request, name: str) -> bool:
    """Return whether it is certain that there are no two cookies with a name. They are not parsed for it."""
    own = request.__dict__
    if not getattr(request, "_has_plain_cookies", False) or not _CHANGING.isdisjoint(own):
        return False
    if "cookies" in own:
        cookies = own["cookies"]
        values = dict.get(cookies, name) if type(cookies) is ImmutableMultiDict else None
        return values is not None and len(values) == 1
    header = (own["environ"].get("HTTP_COOKIE") if "environ" in own else cookie_header_of(request)) or ""
    return header.isascii() and header.count(name) == 1


def first_cookie(request: Request, name: str) -> str | None:
    """Return what `request.cookies.get(name)` does. The cookies are not parsed if this one is easy to find."""
    own = request.__dict__
    if request._has_plain_cookies and _CHANGING.isdisjoint(own) and "cookies" not in own:
        header = own["environ"].get("HTTP_COOKIE") if "environ" in own else cookie_header_of(request)
        if not header:
            return None
        value = cookie_header.only_value(header, name)
        if value is not None:
            return value
        if name not in header and header.isascii():
            # No escape and no octets can become it.
            return None
    cookies = request.cookies
    if type(cookies) is ImmutableMultiDict:
        values = dict.get(cookies, name)
        return values[0] if values else None
    return cookies.get(name)
