"""The fields of the query, parsed when they are first read."""

from __future__ import annotations

import typing as t
from urllib.parse import parse_qsl

from werkzeug.datastructures import ImmutableMultiDict as WerkzeugImmutableMultiDict

from ..http.parameters import ImmutableMultiDict
from ..lazy import late_modules
from .environ import Kept

if t.TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

    from ..http import urlencoded
    from .request import Request
else:
    (urlencoded,) = late_modules(__name__, "..http.urlencoded")

_new = ImmutableMultiDict.__new__
_fill: t.Callable[[t.Any, dict[str, list[str]]], None] = dict.update


def args(self: Request) -> MultiDict[str, str]:
    """The parsed query. Bytes that are not UTF-8 become U+FFFD; percent-encoded ones stay percent-encoded."""
    own, query = self.__dict__, None
    if "query_string" not in own and self._has_query_of_environ and self._scope is not None:
        # The attribute is what this makes of it.
        query = (self._scope.get("query_string") or b"").decode("latin-1")
    if query is None or not query.isascii() or self._environ_at_start is not None:
        query = self.query_string.decode(errors="replace")
    kind = self.parameter_storage_class
    if kind is WerkzeugImmutableMultiDict:
        # As the constructor does with pairs, but in one call.
        fields: ImmutableMultiDict[str] = _new(ImmutableMultiDict)
        _fill(fields, urlencoded.parse_urlencoded(query))
        return fields
    return t.cast("MultiDict[str, str]", kind(parse_qsl(query, keep_blank_values=True, errors="werkzeug.url_quote")))


if t.TYPE_CHECKING:
    Args = Kept
else:

    class Args(Kept):
        """The property `args`: that of a request which has the environ of the server takes fewer calls."""

        def __get__(self, request: Request | None, owner: type | None = None) -> object:
            if request is None:
                return self
            own = request.__dict__
            if (
                "environ" in own
                and request._has_query_of_environ
                and "query_string" not in own
                and "parameter_storage_class" not in own
                and "args" not in own
            ):
                query = own["environ"].get("QUERY_STRING", "")
                # If another thread answered the request meanwhile, the server may have reused the environ.
                if "_environ_at_start" not in own and query.isascii():
                    fields = own["args"] = _new(ImmutableMultiDict)
                    if query:
                        _fill(fields, urlencoded.parse_urlencoded(query))
                    return fields
            return super().__get__(request, owner)

    Args.__name__ = Args.__qualname__ = Kept.__name__
    Args.__module__ = Kept.__module__
