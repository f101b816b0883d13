"""Functions for the current context: test for it, copy it, stream with it, or run a function at its end."""

from __future__ import annotations

import sys
import typing as t
from contextvars import copy_context
from functools import partial, update_wrapper
from inspect import iscoroutinefunction

from ..lazy import late_modules
from ..signals import is_end_heard
from .app_context import AppContext, current_value, reset_current, set_current
from .entering_quietly import enter_quietly, leave_quietly
from .request_context import RequestContext
from .states import PLAIN
from .values import NO_APP_MESSAGE, Entered

if t.TYPE_CHECKING:
    from ..app import Flask
    from . import late_writes
else:
    (late_writes,) = late_modules(__name__, ".late_writes")

F = t.TypeVar("F", bound=t.Callable[..., t.Any])


def has_app_context() -> bool:
    """Return whether an app context is active, so that `current_app` and `g` can be used."""
    value = current_value(None)
    # A request may outlive its app context; every other value has one.
    return value is not None and (type(value) is not Entered or value._own_app_ctx is not None)


def has_request_context() -> bool:
    """Return whether a request context is active, so that `request` and `session` can be used."""
    value = current_value(None)
    return type(value) is RequestContext or (value is not None and value._request_ctx is not None)


def has_websocket_context() -> bool:
    """Return whether a WebSocket is served, so that `websocket` can be used. Then there is a request context, too."""
    value = current_value(None)
    return value is not None and getattr(value.request, "is_websocket", False)


def _request_context_for(name: str) -> RequestContext:
    value = current_value(None)
    context = None if value is None else value._request_ctx
    if context is None:
        message = f"'{name}' can only be used when a request context is active, such as in a view function."
        raise RuntimeError(message)
    return context


def after_this_request(f: F) -> F:
    """Run `f` with the response of this request, before the `after_request` functions, and send what it returns.

    Raises:
        RuntimeError: no request is active.
    """
    value = current_value(None)
    context = value if type(value) is RequestContext else _request_context_for("after_this_request")
    functions = context._after_functions
    if functions is None:
        functions = context._after_request_functions
    functions.append(f)
    # Nothing is too late before the response, and this attribute of the object is read faster.
    if context._state is not PLAIN and context._is_watched:
        late_writes.tell(f"after_this_request was given {f!r}")
    return f


def copy_current_request_context(f: F) -> F:
    """Return `f` wrapped so that it runs with the request that is current now, for greenlets and threads.

    Raises:
        RuntimeError: no request is active.
    """
    context = _request_context_for("copy_current_request_context").copy()

    def wrapper(*args: object, **kwargs: object) -> object:
        with context:
            return context.app.ensure_sync(f)(*args, **kwargs)

    return t.cast("F", update_wrapper(wrapper, f))


def copy_current_websocket_context(f: F) -> F:
    """Return `f`, which may be a coroutine function, wrapped so that it runs with the WebSocket that is current now.

    Threads need it. Tasks do not: they have the context in which they were created.

    Raises:
        RuntimeError: If no WebSocket is served.
    """
    value = current_value(None)
    if value is None or not has_websocket_context():
        message = "'copy_current_websocket_context' can only be used when a WebSocket is served, such as in its view."
        raise RuntimeError(message)

    def with_websocket(*args: object, **kwargs: object) -> object:
        token = set_current(value)
        try:
            return f(*args, **kwargs)
        finally:
            reset_current(token)

    async def await_with_websocket(*args: object, **kwargs: object) -> object:
        token = set_current(value)
        try:
            return await f(*args, **kwargs)
        finally:
            reset_current(token)

    wrapper = await_with_websocket if iscoroutinefunction(f) else with_websocket
    return t.cast("F", update_wrapper(wrapper, f))


@t.overload
def stream_with_context(generator_or_function: t.Iterator[t.AnyStr]) -> t.Iterator[t.AnyStr]: ...


@t.overload
def stream_with_context(generator_or_function: t.AsyncIterator[t.AnyStr]) -> t.AsyncIterator[t.AnyStr]: ...


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
    is_async = hasattr(type(generator_or_function), "__anext__")
    try:
        chunks = generator_or_function if is_async else iter(generator_or_function)
    except TypeError:

        def make_stream(*args: object, **kwargs: object) -> object:
            return stream_with_context(generator_or_function(*args, **kwargs))

        return update_wrapper(make_stream, generator_or_function)

    value = current_value(None)
    if type(value) is RequestContext:
        # Its app context becomes an object only if one is needed.
        return (_stream_async if is_async else _stream)(chunks, None, value)
    request_context = _request_context_for("stream_with_context")
    app_context = None if value is None else value._app_ctx
    if app_context is None:
        # Only the request is still active.
        raise LookupError(NO_APP_MESSAGE)
    return (_stream_async if is_async else _stream)(chunks, app_context, request_context)


def _stream(  # noqa: C901 - calls for parts would be made for each chunk
    chunks: t.Iterator[object], app_context: AppContext | None, request_context: RequestContext
) -> t.Generator[object, object, None]:
    """Yield the chunks, with the request current while each is generated, and leave the request at the end.

    A server may stop reading at any time, and may read from another thread. So the contexts are entered in a separate
    `contextvars.Context`, which is active only while a chunk is generated: between two chunks the request is current
    nowhere. The contexts are left when the stream ends, is closed, or is garbage collected.
    """
    context = copy_context()
    run: t.Callable[..., object] = context.run
    close = getattr(chunks, "close", None)
    app_context = context.run(_enter, app_context, request_context)
    try:
        # What generates the next chunk, and what is given to it.
        advance: t.Callable[..., object] = next
        argument: object = chunks
        while True:
            try:
                chunk = run(advance, argument)
            except StopIteration:
                break
            try:
                given = yield chunk
            except GeneratorExit:
                raise
            except BaseException as error:
                throw = getattr(chunks, "throw", None)
                if throw is None:
                    raise
                advance, argument = throw, error
            else:
                if given is not None and (send := getattr(chunks, "send", None)) is not None:
                    advance, argument = send, given
                elif advance is not next:
                    advance, argument = next, chunks
    except BaseException as error:
        run(_leave, app_context, request_context, close, error)
        raise
    run(_leave, app_context, request_context, close, None)


# As Flask's generator is called, which its repr tells.
_stream.__name__, _stream.__qualname__ = "generator", "stream_with_context.<locals>.generator"


async def _stream_async(
    chunks: t.AsyncIterator[object], app_context: AppContext | None, request_context: RequestContext
) -> t.AsyncGenerator[object, None]:
    """Yield the chunks of an asynchronous iterator, as `_stream` does."""
    context = copy_context()
    run: t.Callable[..., object] = context.run
    close = getattr(chunks, "aclose", None)
    app_context = context.run(_enter, app_context, request_context)
    error: BaseException | None = None
    try:
        while True:
            try:
                chunk = await _InContext(chunks.__anext__(), run)
            except StopAsyncIteration:
                break
            yield chunk
    except BaseException as raised:
        error = raised
        raise
    finally:
        try:
            if close is not None:
                await _InContext(close(), run)
        finally:
            leave = partial(run, _leave, app_context, request_context, None, error)
            try:
                if _calls_at_end(request_context.app):
                    # They may block, and coroutine functions among them cannot be awaited by what calls them here.
                    from asyncio import to_thread  # noqa: PLC0415 - `import tuile` does not load asyncio

                    await to_thread(leave)
                else:
                    leave()
            finally:
                del error, leave


def _calls_at_end(app: Flask) -> bool:
    """Return whether leaving a context of the app may call any function."""
    return bool(app.teardown_request_funcs or app.teardown_appcontext_funcs or is_end_heard())


class _InContext:
    """An awaitable that is advanced in another context; its task stays the same."""

    def __init__(self, awaitable: t.Awaitable[object], run: t.Callable[..., object]) -> None:
        self._steps = awaitable.__await__()
        self._run = run

    def __await__(self) -> t.Generator[object, object, object]:
        steps = self._steps
        step: t.Callable[[], object] = partial(next, steps)
        while True:
            try:
                waits_for = self._run(step)
            except StopIteration as end:
                return end.value
            try:
                given = yield waits_for
            except BaseException as error:  # noqa: BLE001 - for the awaitable to handle
                step = partial(steps.throw, error)
            else:
                step = partial(next, steps) if given is None else partial(steps.send, given)


def _enter(app_context: AppContext | None, request_context: RequestContext) -> AppContext | None:
    """Enter the contexts of a stream.

    Args:
        app_context: The app context; None for the one of the request.
        request_context: The request.

    Returns:
        The app context that was entered; None if the request has brought it along.
    """
    late_writes.making_chunk.set(True)
    if app_context is None:
        if enter_quietly(request_context):
            late_writes.watch(request_context)
            return None
        app_context = request_context._app_ctx
    app_context.__enter__()
    try:
        request_context.__enter__()
    except BaseException:
        app_context.__exit__(*sys.exc_info())
        raise
    late_writes.watch(request_context)
    return app_context


def _leave(
    app_context: AppContext | None,
    request_context: RequestContext,
    close: t.Callable[[], object] | None,
    error: BaseException | None,
) -> None:
    """Close a stream and leave its contexts, each of them with the error that was last raised."""
    try:
        try:
            try:
                if close is not None:
                    close()
            finally:
                late_writes.compare(request_context)
        except BaseException as raised:
            error = raised
            raise
        finally:
            # One that was entered quietly is left so, if possible.
            if app_context is not None or not leave_quietly(request_context):
                request_context.__exit__(None if error is None else type(error), error, None)
    except BaseException as raised:
        error = raised
        raise
    finally:
        if app_context is not None:
            app_context.__exit__(None if error is None else type(error), error, None)
        del error
