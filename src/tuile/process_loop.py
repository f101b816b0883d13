"""The event loop of a process whose server has none: a thread that runs what has to go on after a request.

It is made at its first use, once in each process.
"""

from __future__ import annotations

import _thread
import asyncio
import os
import threading
from contextvars import Context
from types import BuiltinFunctionType

_loop: asyncio.AbstractEventLoop | None = None
_process = 0
# Loops whose threads are in the process that this one was forked from. Kept, because a loop that is collected would
# take its file descriptors from the other process's selector.
_forked: list[asyncio.AbstractEventLoop] = []
_lock = threading.Lock()


def process_loop() -> asyncio.AbstractEventLoop:
    """Return the event loop of this process, which runs in a thread of its own.

    Raises:
        RuntimeError: If threads are greenlets: one of them may not run an event loop while others run.
    """
    global _loop, _process
    if not isinstance(_thread.start_new_thread, BuiltinFunctionType):
        raise RuntimeError(  # noqa: TRY004 - no argument has a wrong type
            "Coroutine functions and asynchronous generators cannot run beside the requests of gevent or eventlet."
            " Use a function or a generator without `async`, or an ASGI server."
        )
    with _lock:
        if _loop is None or _process != os.getpid():
            if _loop is not None:
                _forked.append(_loop)
            _loop, _process = asyncio.new_event_loop(), os.getpid()
            # A daemon, and in a context of its own: no task may find the variables of the one that started it.
            threading.Thread(target=Context().run, args=(_run, _loop), name="tuile-process-loop", daemon=True).start()
        return _loop


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()


def _renew_lock() -> None:
    """Make a lock for a forked process: another thread may have held the old one."""
    global _lock  # noqa: PLW0603 - one for the process
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)
