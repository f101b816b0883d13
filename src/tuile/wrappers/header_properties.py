"""The properties of a response that stand for one header each, in fewer steps than Werkzeug's."""

from __future__ import annotations

import re
import typing as t

from werkzeug.datastructures import HeaderSet, ResponseCacheControl
from werkzeug.http import http_date, parse_cache_control_header, parse_date
from werkzeug.sansio.response import Response as SansioResponse
from werkzeug.utils import header_property

from ..http.headers import directives_in
from ..http.response_headers import HEADERS_CLASSES, Headers
from ..invalidation import Stock, as_defined
from ..lazy import late_modules, lazy_pattern

if t.TYPE_CHECKING:
    from datetime import datetime

    from werkzeug.datastructures.cache_control import _CacheControl

    from ..http import dates
    from .response import Response
else:
    (dates,) = late_modules(__name__, "..http.dates")

_MISSING: t.Final = object()
_to_header = as_defined(ResponseCacheControl, "to_header")


def _dump_date(moment: datetime) -> str:
    return dates.dump_date(moment)


def _load_date(text: str) -> datetime | None:
    return dates.load_date(text)


# Functions of a module that is imported late.
_FASTER: dict[object, object] = {http_date: _dump_date, parse_date: _load_date}


class _HeaderProperty(header_property[object]):
    """A header, converted by Werkzeug's functions or by ones that do the same."""

    def __init__(self, stock: header_property[object]) -> None:
        vars(self).update(vars(stock))
        for name in ("load_func", "dump_func"):
            function = getattr(stock, name)
            setattr(self, name, _FASTER.get(function, function))

    # For type checkers, they are Werkzeug's.
    if not t.TYPE_CHECKING:

        def __get__(self, response: Response | None, owner: type) -> object:
            # Those of a test client's response are Werkzeug's own.
            if response is None or type(response.headers) not in HEADERS_CLASSES:
                return super().__get__(response, owner)
            value = response.headers.get(self.name, _MISSING)
            if value is _MISSING:
                return self.default
            if self.load_func is None:
                return value
            try:
                return self.load_func(value)
            except (ValueError, TypeError):
                return self.default

        def __set__(self, response: Response, value: object) -> None:
            response.headers[self.name] = value if self.dump_func is None else self.dump_func(value)


# Werkzeug shows the name of the class.
_HeaderProperty.__name__ = _HeaderProperty.__qualname__ = header_property.__name__


_controlled = Stock(ResponseCacheControl, "__init__", "__new__", "__setattr__", "to_header")


def _cache_control(response: Response) -> ResponseCacheControl:
    def on_update(directives: _CacheControl) -> None:
        if directives:
            response.headers["Cache-Control"] = _header_of(directives)
        elif "cache-control" in response.headers:
            del response.headers["cache-control"]

    text = response.headers.get("cache-control")
    if not _controlled.is_in(ResponseCacheControl) or not (text is None or type(text) is str):
        return parse_cache_control_header(text, on_update, ResponseCacheControl)
    # What the constructors do.
    made = dict.__new__(ResponseCacheControl)
    if text:
        dict.update(made, directives_in(text))
    made.on_update = on_update
    made.provided = True
    return made


def _header_of(directives: _CacheControl) -> str:
    """Return the header with directives, without a call for each."""
    items = []
    for key, value in directives.items():
        if value is not None and not (type(value) is str and value.isdecimal() and value.isascii()):
            return directives.to_header()
        items.append(key if value is None else f"{key}={value}")
    return ", ".join(items) if type(directives).to_header is _to_header else directives.to_header()


# Names with commas between them, none of which is quoted.
_names = lazy_pattern(r"[\w!#$%&'*+.^`|~-]+(?:, ?[\w!#$%&'*+.^`|~-]+)*", re.ASCII)
_sets = Stock(HeaderSet, "__bool__", "__init__", "__new__", "__setattr__", "to_header", "update")


def _set_property(name: str) -> property:
    """Return a property for a header that is a set of names: `vary`, `allow` or `content_language`."""
    attribute = name.lower().replace("-", "_")
    stock = vars(SansioResponse)[attribute]

    def read(response: Response) -> HeaderSet:
        def on_update(names: HeaderSet) -> None:
            if names:
                response.headers[name] = names.to_header() if text is None else _written(names)
            elif name in response.headers:
                del response.headers[name]

        headers = response.headers
        text = headers.get(name)
        if text is None:
            return HeaderSet(None, on_update)
        if (
            type(text) is not str
            or type(headers) is not Headers
            or not _names.fullmatch(text)
            or not _sets.is_in(HeaderSet)
        ):
            found: HeaderSet = stock.fget(response)
            return found
        # What the constructor does.
        made = object.__new__(HeaderSet)
        made._headers = text.replace(" ", "").split(",")
        made._set = {one.lower() for one in made._headers}
        made.on_update = on_update
        return made

    return property(read, stock.fset, doc=stock.__doc__)


def _written(names: HeaderSet) -> str:
    """Return the header with some names."""
    found = names._headers
    if set(map(type, found)) == {str}:
        text = ", ".join(found)
        if text.count(",") == len(found) - 1 and _names.fullmatch(text):
            # There is nothing to quote, as nearly always.
            return text
    return names.to_header()


def set_faster_properties(kind: type[Response]) -> None:
    """Set the properties that replace Werkzeug's on the class of responses."""
    for name, stock in vars(SansioResponse).items():
        if type(stock) is header_property:
            setattr(kind, name, _HeaderProperty(stock))
    for name in ("Allow", "Content-Language", "Vary"):
        setattr(kind, name.lower().replace("-", "_"), _set_property(name))
    name = "cache_control"  # declared as read-only
    setattr(kind, name, property(_cache_control, doc=SansioResponse.cache_control.__doc__))
