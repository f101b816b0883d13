"""The thread that waits for a coroutine function: how it is woken, and how it runs functions meanwhile.

asgiref's `sync_to_async` gives functions to it. This module needs asgiref, so only `event_loops` and `async_calls`
import it.
"""

from __future__ import annotations

import _thread
import contextvars
import threading
import typing as t
from collections import deque

from asgiref.current_thread_executor import CurrentThreadExecutor, _WorkItem
from asgiref.sync import AsyncToSync


def _executor_variable() -> tuple[contextvars.ContextVar[object], type | None] | None:
    """Return the context variable of asgiref's current executor, and the class of its values if each has a thread.

    None if it is not what this module knows.
    """
    context = contextvars.Context()
    context.run(setattr, AsyncToSync.executors, "current", None)
    found = list(context.items())
    known = {"_work_thread", "_work_ready", "_work_items", "_broken", "_old_executor"}
    if len(found) != 1 or vars(CurrentThreadExecutor(None)).keys() != known:
        return None
    return found[0][0], None if found[0][1] is None else type(found[0][1])


#: See `_executor_variable`.
EXECUTOR_VARIABLE = _executor_variable()


class Call(t.Protocol):
    """What a worker is given.

    Attributes:
        coroutine: What to run.
        context: Where to run it.
        executor: Runs functions in the thread that waits for the call; None for the one of the worker.
        error: What ended the event loop; the coroutine's own error is in its result.
    """

    coroutine: t.Coroutine[object, object, None] | None
    context: contextvars.Context | None
    executor: CurrentThreadExecutor | None
    error: BaseException | None

    def finish(self) -> None:
        """Let the waiting thread go on."""
        ...


class PlainCall:
    """A call for which the calling thread waits with nothing but a lock, until a function is to run in that thread.

    It has the part of a `threading.Condition` that executors use.
    """

    __slots__ = ("_lock", "_wake", "context", "coroutine", "error", "executor", "is_done", "items", "thread")

    def __init__(self, coroutine: t.Coroutine[object, object, None], context: contextvars.Context) -> None:
        self.coroutine: t.Coroutine[object, object, None] | None = coroutine
        self.context: contextvars.Context | None = context
        self.executor: CurrentThreadExecutor | None = None
        self.error: BaseException | None = None
        self.thread = threading.current_thread()
        #: The functions to run in the waiting thread.
        self.items: deque[_WorkItem] = deque()
        self.is_done = False
        self._lock = _thread.allocate_lock()
        self._wake = _thread.allocate_lock()
        self._wake.acquire()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def notify(self) -> None:
        """Wake the waiting thread. The lock is held."""
        if self._wake.locked():
            self._wake.release()

    def finish(self) -> None:
        """Let the waiting thread go on."""
        # The executor keeps this call until the next one.
        self.coroutine = self.context = None
        with self._lock:
            executor = self.executor
            if executor is not None:
                executor._broken = True
            self.is_done = True
            self.notify()

    def wait(self) -> None:
        """Run what is to run in this thread until the call is finished."""
        wait, items = self._wake.acquire, self.items
        while True:
            wait()
            while items:
                items.popleft().run()
            if self.is_done:
                return


class CallingExecutor(CurrentThreadExecutor):
    """An executor that is used again: for one call after another, each of which may come from another thread."""

    def __init__(self) -> None:
        self._old_executor = None
        self._broken = True

    def serve(self, call: PlainCall) -> None:
        """Run functions in the thread that waits for a call, from now on."""
        self._work_thread = call.thread
        self._work_ready = t.cast("threading.Condition", call)
        self._work_items = call.items
        self._broken = False
        call.executor = self
