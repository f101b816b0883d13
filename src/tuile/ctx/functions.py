"""What is done with the current context: asking for it, taking it along, leaving something for its end.

Floor 2, one request. What must live here: the functions that need nothing but the current context. What
must not: the contexts themselves (`context`).
"""

from __future__ import annotations

import typing as t
from functools import update_wrapper

from .app_context import AppContext, current

if t.TYPE_CHECKING:
    from .request_context import RequestContext

F = t.TypeVar("F", bound=t.Callable[..., t.Any])


def has_app_context() -> bool:
    """Answer whether an app is current, so that `current_app` and `g` can be used."""
    value = current.get(None)
    # A request may outlive the app context it was entered in; every other value has one.
    return value is not None and getattr(value, "app_context_is_left", False) is False


def has_request_context() -> bool:
    """Answer whether a request is current, so that `request` and `session` can be used."""
    value = current.get(None)
    return value is not None and value.request is not None


def _request_context_for(name: str) -> RequestContext:
    value = current.get(None)
    if value is None or value.request is None:
        message = f"'{name}' can only be used when a request context is active, such as in a view function."
        raise RuntimeError(message)
    context: RequestContext = value.request_context
    return context


def after_this_request(f: F) -> F:
    """Run `f` with the response of this request, before the `after_request` functions, and send what it returns.

    Raises:
        RuntimeError: no request is active.
    """
    _request_context_for("after_this_request")._after_request_functions.append(f)
    return f


def copy_current_request_context(f: F) -> F:
    """Return `f` wrapped so that it runs with the request that is current now, for greenlets and threads.

    Raises:
        RuntimeError: no request is active.
    """
    context = _request_context_for("copy_current_request_context").copy()

    def with_request(*args: t.Any, **kwargs: t.Any) -> t.Any:
        with context:
            return context.app.ensure_sync(f)(*args, **kwargs)

    return t.cast("F", update_wrapper(with_request, f))


@t.overload
def stream_with_context(generator_or_function: t.Iterator[t.AnyStr]) -> t.Iterator[t.AnyStr]: ...


@t.overload
def stream_with_context(
    generator_or_function: t.Callable[..., t.Iterator[t.AnyStr]],
) -> t.Callable[[t.Iterator[t.AnyStr]], t.Iterator[t.AnyStr]]: ...


def stream_with_context(generator_or_function: t.Any) -> t.Any:
    """Keep the current request active while a streamed response is generated.

    Takes an iterator, or decorates a generator function that is called within the request.

    Raises:
        RuntimeError: no request is active when the stream is made.
    """
    try:
        chunks = iter(generator_or_function)
    except TypeError:

        def make_stream(*args: t.Any, **kwargs: t.Any) -> t.Any:
            return stream_with_context(generator_or_function(*args, **kwargs))

        return update_wrapper(make_stream, generator_or_function)

    _request_context_for("stream_with_context")
    value = current.get()
    return _stream(chunks, value.app_context, value.request_context)


def _stream(chunks: t.Iterator[t.Any], app_context: AppContext, request_context: RequestContext) -> t.Iterator[t.Any]:
    with app_context, request_context:
        try:
            yield from chunks
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
