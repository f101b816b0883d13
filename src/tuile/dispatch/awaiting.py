"""How a thread runs a coroutine function: workers for ASGI servers send it to the event loop that they work for."""

from __future__ import annotations

import threading
import typing as t
from functools import wraps

if t.TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Coroutine

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
