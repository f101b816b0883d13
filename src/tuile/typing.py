"""Type aliases for the return values of views and for what can be registered."""

from __future__ import annotations

import typing as t
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator, Mapping, Sequence

from .flask_names import offer_flasks_names

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from werkzeug.datastructures import Headers
    from werkzeug.sansio.response import Response

# `t.Union` because some members are strings, which do not support `|` on Python 3.10 to 3.13.

# A return value without status and headers: the body, or a whole response.
ResponseValue = t.Union[
    "Response",
    str,
    bytes,
    list[t.Any],
    # A dict at run time. Mapping accepts a TypedDict too.
    Mapping[str, object],
    Iterator[str],
    Iterator[bytes],
    AsyncIterable[str],
    AsyncIterable[bytes],
]

HeaderValue = str | list[str] | tuple[str, ...]

HeadersValue = t.Union["Headers", Mapping[str, HeaderValue], Sequence[tuple[str, HeaderValue]]]

# The tuples add a status, headers or both.
ResponseReturnValue = t.Union[
    ResponseValue,
    tuple[ResponseValue, HeadersValue],
    tuple[ResponseValue, int],
    tuple[ResponseValue, int, HeadersValue],
    "WSGIApplication",
]

# A type variable, so that a callback can be annotated with a subclass and returns what it was given.
ResponseClass = t.TypeVar("ResponseClass", bound="Response")

# The key of the registries: the name of a blueprint, or None for the application.
AppOrBlueprintKey: t.TypeAlias = str | None

BeforeFirstRequestCallable = Callable[[], None] | Callable[[], Awaitable[None]]
BeforeRequestCallable = Callable[[], ResponseReturnValue | None] | Callable[[], Awaitable[ResponseReturnValue | None]]
AfterRequestCallable = Callable[[ResponseClass], ResponseClass] | Callable[[ResponseClass], Awaitable[ResponseClass]]
TeardownCallable = Callable[[BaseException | None], None] | Callable[[BaseException | None], Awaitable[None]]
ShellContextProcessorCallable = Callable[[], dict[str, t.Any]]
TemplateContextProcessorCallable = Callable[[], dict[str, t.Any]] | Callable[[], Awaitable[dict[str, t.Any]]]
TemplateFilterCallable = Callable[..., object]
TemplateGlobalCallable = Callable[..., object]
TemplateTestCallable = Callable[..., bool]
URLDefaultCallable = Callable[[str, dict[str, t.Any]], None]
URLValuePreprocessorCallable = Callable[[str | None, dict[str, t.Any] | None], None]

# The argument is Any: with Exception, a handler for a narrower exception would not type-check, and no function could
# be registered for several exceptions.
ErrorHandlerCallable = Callable[[t.Any], ResponseReturnValue] | Callable[[t.Any], Awaitable[ResponseReturnValue]]

RouteCallable = Callable[..., ResponseReturnValue] | Callable[..., Awaitable[ResponseReturnValue]]

offer_flasks_names(__name__)
