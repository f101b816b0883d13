"""Names for the types of what a view returns and of what can be registered.

Floor 1, text and bytes.

Only aliases live here. Nothing here is imported for its behaviour, and the names that a type checker alone needs
are imported for the type checker alone.
"""

from __future__ import annotations

import typing as t
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator, Mapping, Sequence

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from werkzeug.datastructures import Headers
    from werkzeug.sansio.response import Response

# `t.Union` and not `|` where a member is a string: on Python 3.10 to 3.13 a string has no `|`.

# What a view may return without saying more: the body, or a whole response.
ResponseValue = t.Union[
    "Response",
    str,
    bytes,
    list[t.Any],
    # At run time a dict; written as Mapping so that a TypedDict is accepted too.
    Mapping[str, t.Any],
    Iterator[str],
    Iterator[bytes],
    AsyncIterable[str],
    AsyncIterable[bytes],
]

HeaderValue = str | list[str] | tuple[str, ...]

HeadersValue = t.Union["Headers", Mapping[str, HeaderValue], Sequence[tuple[str, HeaderValue]]]

# The same together with the tuple forms that add a status, headers or both.
ResponseReturnValue = t.Union[
    ResponseValue,
    tuple[ResponseValue, HeadersValue],
    tuple[ResponseValue, int],
    tuple[ResponseValue, int, HeadersValue],
    "WSGIApplication",
]

# A variable and not the class: a callback may be annotated with any subclass, and must return the one it was given.
ResponseClass = t.TypeVar("ResponseClass", bound="Response")

# The registries' key: a blueprint's name, or None for the application.
AppOrBlueprintKey: t.TypeAlias = str | None

BeforeFirstRequestCallable = Callable[[], None] | Callable[[], Awaitable[None]]
BeforeRequestCallable = Callable[[], ResponseReturnValue | None] | Callable[[], Awaitable[ResponseReturnValue | None]]
AfterRequestCallable = Callable[[ResponseClass], ResponseClass] | Callable[[ResponseClass], Awaitable[ResponseClass]]
TeardownCallable = Callable[[BaseException | None], None] | Callable[[BaseException | None], Awaitable[None]]
ShellContextProcessorCallable = Callable[[], dict[str, t.Any]]
TemplateContextProcessorCallable = Callable[[], dict[str, t.Any]] | Callable[[], Awaitable[dict[str, t.Any]]]
TemplateFilterCallable = Callable[..., t.Any]
TemplateGlobalCallable = Callable[..., t.Any]
TemplateTestCallable = Callable[..., bool]
URLDefaultCallable = Callable[[str, dict[str, t.Any]], None]
URLValuePreprocessorCallable = Callable[[str | None, dict[str, t.Any] | None], None]

# The argument is Any: with Exception, a handler annotated with a narrower exception would not type-check, and one
# function could not be registered for several exceptions.
ErrorHandlerCallable = Callable[[t.Any], ResponseReturnValue] | Callable[[t.Any], Awaitable[ResponseReturnValue]]

RouteCallable = Callable[..., ResponseReturnValue] | Callable[..., Awaitable[ResponseReturnValue]]
