"""Run coroutine functions from synchronous code as asgiref does, but with event loops and threads that are used again.

asgiref's `AsyncToSync` starts a thread and an event loop for each call and closes both at its end. Most calls leave the
loop as it was made: then the thread and its loop wait here for the next call. A call that leaves something behind (a
task, a timer, a connection, an asynchronous generator) or uses other threads ends its loop as `asyncio.run` does.

This module needs asgiref, so only `async_to_sync` imports it.
"""

from __future__ import annotations

import _thread
import asyncio
import atexit
import contextvars
import os
import sys
import threading
import typing as t
from collections import deque
from queue import SimpleQueue
from selectors import BaseSelector
from types import BuiltinFunctionType

from asgiref import sync
from asgiref.current_thread_executor import CurrentThreadExecutor
from asgiref.sync import AsyncToSync, SyncToAsync

if t.TYPE_CHECKING:
    from concurrent.futures import Executor, Future

Value = t.TypeVar("Value")
_Function = t.Callable[..., t.Coroutine[object, object, object]]
_Convert = t.Callable[[_Function], t.Callable[..., object]]


def _used() -> tuple[object, ...]:
    """Return what `_Sync` replaces or relies on, as it is now. If another program replaces it, asgiref is asked."""
    return (
        sync.async_to_sync,
        sync.AsyncToSync,
        AsyncToSync.__init__,
        AsyncToSync.__call__,
        AsyncToSync.main_wrap,
        asyncio.run,
        asyncio.new_event_loop,
        # In a patched process (gevent, eventlet) a thread is a greenlet, and all of them share one running loop.
        type(_thread.start_new_thread),
    )


_stock = (*_used()[:-1], BuiltinFunctionType)
_policy: t.Callable[[], object]
_policy = getattr(asyncio.events, "_get_event_loop_policy", None) or asyncio.get_event_loop_policy
#: How many threads with a loop wait for calls.
MOST_IDLE = 16


def synchronous(async_to_sync: _Convert, function: _Function) -> t.Callable[..., object]:
    """Return a function that runs a coroutine function to completion.

    Args:
        async_to_sync: asgiref's function, as it is now.
        function: The coroutine function.
    """
    if async_to_sync is _stock[0] and _used() == _stock:
        return _Sync(function)
    return async_to_sync(function)


class _Sync(AsyncToSync[..., object]):
    """asgiref's callable, with a loop that is used again where asgiref would make one."""

    def __call__(self, *args: object, **kwargs: object) -> object:
        if (
            self.force_new_loop
            # Set where the object was made in a loop, in older versions.
            or getattr(self, "main_event_loop", None) is not None
            # Called by `sync_to_async`: the loop that waits for it runs the coroutine. The variable is never deleted.
            or ((waiting := getattr(SyncToAsync.threadlocal, "main_event_loop", None)) and not waiting.is_closed())
            or self.async_single_thread_context.get(None)
            or asyncio._get_running_loop() is not None  # an error
        ):
            return super().__call__(*args, **kwargs)
        result = _Result()
        around = getattr(self.executors, "current", None)
        executor = CurrentThreadExecutor(around)
        self.executors.current = executor
        # `main_wrap` runs the coroutine in this context, and puts that of the coroutine's end here.
        context = [contextvars.copy_context()]
        try:
            task_context = getattr(SyncToAsync.threadlocal, "task_context", None)
            coroutine = self.main_wrap(
                t.cast("Future[object]", result),
                sys.exc_info(),
                task_context,
                context,
                self.awaitable(*args, **kwargs),
            )
            call = _Call(coroutine, executor)
            _take_worker().calls.put(call)
            # Functions that `sync_to_async` is given run in this thread meanwhile.
            executor.run_until_future(t.cast("Future[object]", call))
            if call.error is not None:
                result.set_exception(call.error)
                call.error = None
        finally:
            sync._restore_context(context[0])
            self.executors.current = around
        return result.result()


class _Result:
    """What a coroutine returned or raised: as much of a future as `main_wrap` needs."""

    __slots__ = ("_error", "_value")

    def __init__(self) -> None:
        self._value: object = None
        self._error: BaseException | None = None

    def set_result(self, value: object) -> None:
        self._value = value

    def set_exception(self, error: BaseException) -> None:
        self._error = error

    def result(self) -> object:
        """Return or raise it."""
        error = self._error
        if error is None:
            return self._value
        self._error = None
        try:
            raise error
        finally:
            # The traceback refers to this frame.
            del error


class _Call:
    """A call for a worker: as much of a future as `CurrentThreadExecutor` needs.

    Attributes:
        coroutine: What to run.
        executor: Runs functions in the thread that waits for the call.
        error: What ended the event loop; the coroutine's own error is in its result.
    """

    __slots__ = ("_is_done", "_lock", "_tell", "coroutine", "error", "executor")

    def __init__(self, coroutine: t.Coroutine[object, object, None], executor: CurrentThreadExecutor) -> None:
        self.coroutine = coroutine
        self.executor = executor
        self.error: BaseException | None = None
        self._lock = _thread.allocate_lock()
        self._is_done = False
        self._tell: t.Callable[[_Call], object] | None = None

    def add_done_callback(self, tell: t.Callable[[_Call], object]) -> None:
        with self._lock:
            if not self._is_done:
                self._tell = tell
                return
        tell(self)

    def finish(self) -> None:
        """Let the waiting thread go on."""
        with self._lock:
            self._is_done = True
            tell = self._tell
        if tell is not None:
            tell(self)


# The workers without a call, the last used one last; all workers; and those that a fork has left without their thread.
_idle: deque[_Worker] = deque()
_alive: set[_Worker] = set()
_forked: list[_Worker] = []


def _take_worker() -> _Worker:
    try:
        return _idle.pop()
    except IndexError:
        return _Worker()


class _Worker:
    """A thread that runs one call after another in its event loop."""

    def __init__(self) -> None:
        self.calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._loop: _Loop | None = None
        # In a context of its own: no call may find the variables of the one that started the thread.
        self._thread = threading.Thread(
            target=contextvars.Context().run, args=(self._work,), name="tuile-event-loop", daemon=True
        )
        self._thread.start()
        _alive.add(self)

    def _work(self) -> None:
        try:
            while True:
                call = self.calls.get()
                if call is None:
                    break
                self._run(call)
                del call
        finally:
            if self._loop is not None:
                self._loop.close()
            _alive.discard(self)

    def _run(self, call: _Call) -> None:
        loop = self._loop
        if loop is not None and loop.policy is not _policy():
            loop.close()
            loop = None
        try:
            if loop is None:
                loop = _Loop()
            self._loop = loop if loop.runs_and_is_as_new(call) else None
        except BaseException as raised:  # noqa: BLE001 - for the thread that waits
            self._loop, call.error = None, raised
        stays = len(_idle) < MOST_IDLE
        if stays:
            # Before the waiting thread goes on: it may call again at once.
            _idle.append(self)
        else:
            self.calls.put(None)
        call.finish()

    def stop(self) -> None:
        """End the thread after its call, and wait for that."""
        self.calls.put(None)
        self._thread.join()


class _Loop:
    """An event loop that knows whether it is still as it was made."""

    def __init__(self) -> None:
        self.loop = loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        self.policy = _policy()
        self._has_used_threads = False
        # Only of a loop whose state is in its attributes one can tell.
        self._is_known = type(loop) is asyncio.SelectorEventLoop
        if self._is_known:
            vars(loop)["run_in_executor"] = self._run_in_executor
        attributes = vars(loop) if self._is_known else {}
        self._attributes = dict(attributes)
        self._empty = [value for value in attributes.values() if hasattr(value, "__len__") and not len(value)]
        self._selector = next((value for value in attributes.values() if isinstance(value, BaseSelector)), None)
        self._selected = 0 if self._selector is None else len(self._selector.get_map())

    def _run_in_executor(
        self, executor: Executor | None, function: t.Callable[..., Value], *args: object
    ) -> asyncio.Future[Value]:
        """Run a function as the loop does, and remember that its thread may refer to the loop: asgiref's threads do."""
        self._has_used_threads = True
        loop = t.cast("asyncio.SelectorEventLoop", self.loop)
        return asyncio.SelectorEventLoop.run_in_executor(loop, executor, function, *args)

    def runs_and_is_as_new(self, call: _Call) -> bool:
        """Run a call; return whether the loop can be used again, and close it otherwise.

        Raises:
            BaseException: What a callback raised that ends the loop. It is closed.
        """
        loop, executors = self.loop, AsyncToSync.loop_thread_executors
        executors[loop] = call.executor
        is_as_new = False
        try:
            loop.run_until_complete(call.coroutine)
            is_as_new = self._is_as_new() or self._is_as_new_after_one_turn()
        finally:
            # Tasks may still use the executor while they are cancelled.
            try:
                if not is_as_new:
                    self.close()
            finally:
                executors.pop(loop, None)
        return is_as_new

    def _is_as_new(self) -> bool:
        return (
            self._is_known
            and not self._has_used_threads
            and vars(self.loop) == self._attributes
            and not any(self._empty)
            and (self._selector is None or len(self._selector.get_map()) == self._selected)
            and not asyncio.all_tasks(self.loop)
        )

    def _is_as_new_after_one_turn(self) -> bool:
        """Let the loop do what is due, such as to forget timers that were cancelled."""
        if not self._is_known or self._has_used_threads or asyncio.all_tasks(self.loop):
            return False
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()
        return self._is_as_new()

    def close(self) -> None:
        """Cancel the tasks, end generators and the executor, and close the loop, as `asyncio.run` does."""
        loop = self.loop
        if loop.is_closed():
            return
        try:
            tasks = asyncio.all_tasks(loop)
            if tasks:
                _cancel(loop, tasks)
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def _cancel(loop: asyncio.AbstractEventLoop, tasks: set[asyncio.Task[object]]) -> None:
    """Cancel the tasks of a loop and report what they raise."""
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    for task in tasks:
        if not task.cancelled() and task.exception() is not None:
            loop.call_exception_handler(
                {
                    "message": "unhandled exception during asyncio.run() shutdown",
                    "exception": task.exception(),
                    "task": task,
                }
            )


def close_idle() -> None:
    """Close the loops that wait for calls, and end their threads."""
    while _idle:
        try:
            worker = _idle.pop()
        except IndexError:
            return
        worker.stop()


def _close_all() -> None:
    """Close all loops when the interpreter ends, and wait for those that run, as it does for asgiref's threads."""
    close_idle()
    for worker in list(_alive):
        worker.stop()


def _forget() -> None:
    """Forget, in a forked process, the workers whose threads are in the other one."""
    # Kept, because a loop that is collected would take its file descriptor from the other process's selector.
    _forked.extend(_alive)
    _alive.clear()
    _idle.clear()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=close_idle, after_in_child=_forget)
