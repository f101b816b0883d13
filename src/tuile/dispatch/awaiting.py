"""How a thread runs coroutine functions and asynchronous generators.

Workers for ASGI servers send them to the event loop that they work for.
"""

from __future__ import annotations

import _thread
import threading
import typing as t
from functools import wraps
from types import BuiltinFunctionType

if t.TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Iterator

    CoroutineFunction: t.TypeAlias = Callable[..., Coroutine[object, object, object]]


class _Worker(threading.local):
    #: Runs a coroutine function with these arguments; None in threads that work for no event loop.
    run_coroutine: Callable[[CoroutineFunction, tuple[object, ...], dict[str, object]], object] | None = None
    #: The event loop that the thread works for; None as well.
    loop: AbstractEventLoop | None = None


#: What the current thread is.
worker = _Worker()


def runs_on_loop(function: CoroutineFunction) -> Callable[..., object] | None:
    """Return a function that runs a coroutine function on the loop that this thread works for; None without one."""
    run = worker.run_coroutine
    if run is None:
        return None
    runner = run

    @wraps(function)
    def call(*args: object, **kwargs: object) -> object:
        return runner(function, args, kwargs)

    return call


_END: t.Final = object()


async def _next(iterator: AsyncIterator[object]) -> object:
    return await anext(iterator, _END)


async def close_async(iterator: object) -> None:
    """Close an asynchronous generator; other iterators have nothing to close."""
    close = getattr(iterator, "aclose", None)
    if close is not None:
        await close()


def iterate(pieces: AsyncIterable[object]) -> Iterator[object]:
    """Yield the pieces of an asynchronous iterable in a thread, and close it at the end.

    It is advanced on the loop that this thread works for, or on that of the process.
    """
    run = worker.run_coroutine
    if run is None:
        if not isinstance(_thread.start_new_thread, BuiltinFunctionType):
            # Threads are greenlets.
            yield from _iterate_on_own_loop(pieces)
            return
        run = _run_on_process_loop
    iterator = aiter(pieces)
    try:
        while (piece := run(_next, (iterator,), {})) is not _END:
            yield piece
    finally:
        run(close_async, (iterator,), {})


def _run_on_process_loop(function: CoroutineFunction, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
    from asyncio import run_coroutine_threadsafe  # noqa: PLC0415 - only for asynchronous generators under WSGI

    from ..process_loop import process_loop  # noqa: PLC0415 - it needs asyncio

    return run_coroutine_threadsafe(function(*args, **kwargs), process_loop()).result()


def _iterate_on_own_loop(pieces: AsyncIterable[object]) -> Iterator[object]:
    """Yield the pieces in a greenlet, beside which no loop of the process can run."""
    from asyncio import new_event_loop  # noqa: PLC0415 - the same

    loop = new_event_loop()
    iterator = aiter(pieces)
    try:
        while (piece := loop.run_until_complete(_next(iterator))) is not _END:
            yield piece
    finally:
        try:
            loop.run_until_complete(close_async(iterator))
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()
