"""Event loops for coroutine functions that synchronous code calls (`async_calls`), in threads that are used again.

Most calls leave the loop as it was made: then the thread and its loop wait here for the next call. A call that leaves
something behind (a task, a timer, a connection, an asynchronous generator) or uses other threads ends its loop as
`asyncio.run` does.

This module needs asgiref, so only `async_calls` imports it.
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
from weakref import WeakSet

from asgiref.sync import AsyncToSync

from .calling_thread import EXECUTOR_VARIABLE, CallingExecutor, PlainCall

if t.TYPE_CHECKING:
    from concurrent.futures import Executor

    from asgiref.current_thread_executor import CurrentThreadExecutor

    from .calling_thread import Call

Value = t.TypeVar("Value")
_policy: t.Callable[[], object]
_policy = getattr(asyncio.events, "_get_event_loop_policy", None) or asyncio.get_event_loop_policy
# All tasks of all loops that are not collected yet, where Python has them in a set: until 3.13.
_tasks = vars(asyncio.tasks).get("_scheduled_tasks", vars(asyncio.tasks).get("_all_tasks"))
_known_tasks: object = getattr(_tasks, "data", None) if sys.version_info < (3, 14) else None
_NO_TASKS: set[object] = set()
# What `_Loop._run_soon` uses of a loop.
_NEEDED = frozenset({"_asyncgens", "_ready", "_scheduled", "_stopping", "_task_factory", "_thread_id"})
#: How many threads with a loop wait for calls.
MOST_IDLE = 16
# How many turns of a loop are taken without asking for events.
_TURNS = 3


# The workers without a call, the last used one last; all workers; and those that a fork has left without their thread.
_idle: deque[_Worker] = deque()
_alive: set[_Worker] = set()
_forked: list[_Worker] = []


def take_worker() -> _Worker:
    """Return a worker that has no call."""
    try:
        return _idle.pop()
    except IndexError:
        return _Worker()


class _Worker:
    """A thread that runs one call after another in its event loop."""

    def __init__(self) -> None:
        self.calls: SimpleQueue[Call | None] = SimpleQueue()
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

    def _run(self, call: Call) -> None:
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
        self._empty = [
            getattr(value, "data", value) if type(value) is WeakSet else value
            for value in attributes.values()
            if hasattr(value, "__len__") and not len(value)
        ]
        selector = next((value for value in attributes.values() if isinstance(value, BaseSelector)), None)
        # The files that it waits for, without making a view of them each time.
        self._files: t.Sized = () if selector is None else getattr(selector, "_fd_to_key", None) or selector.get_map()
        self._selected = len(self._files)
        self._may_hurry = self._is_known and attributes.keys() >= _NEEDED and not loop.get_debug()
        self._executor = CallingExecutor() if EXECUTOR_VARIABLE is not None else None
        context = contextvars.Context()
        context.run(setattr, AsyncToSync.executors, "current", self._executor)
        if self._may_hurry:
            # As while it runs; no other loop runs in this thread.
            hooks = "_asyncgen_firstiter_hook", "_asyncgen_finalizer_hook"
            sys.set_asyncgen_hooks(*[getattr(loop, name) for name in hooks])
        self._executor_value = None if EXECUTOR_VARIABLE is None else context[EXECUTOR_VARIABLE[0]]

    def _run_in_executor(
        self, executor: Executor | None, function: t.Callable[..., Value], *args: object
    ) -> asyncio.Future[Value]:
        """Run a function as the loop does, and remember that its thread may refer to the loop: asgiref's threads do."""
        self._has_used_threads = True
        loop = t.cast("asyncio.SelectorEventLoop", self.loop)
        return asyncio.SelectorEventLoop.run_in_executor(loop, executor, function, *args)

    def runs_and_is_as_new(self, call: Call) -> bool:
        """Run a call; return whether the loop can be used again, and close it otherwise.

        Raises:
            BaseException: What a callback raised that ends the loop. It is closed.
        """
        loop, executors = self.loop, AsyncToSync.loop_thread_executors
        coroutine, context = call.coroutine, call.context
        if coroutine is None or context is None:
            raise RuntimeError("The call is finished.")
        if type(call) is PlainCall and EXECUTOR_VARIABLE is not None and self._executor is not None:
            self._executor.serve(call)
            # For the functions that the coroutine gives to the thread that waits.
            context.run(EXECUTOR_VARIABLE[0].set, self._executor_value)
        executors[loop] = t.cast("CurrentThreadExecutor", call.executor)
        is_as_new = False
        try:
            # Another thread may have kept the loop.
            if self._may_hurry and vars(loop) == self._attributes:
                self._run_soon(context.run(self._make_task, coroutine))
            else:
                context.run(loop.run_until_complete, coroutine)
            is_as_new = self._is_as_new() or self._is_as_new_after_one_turn()
        finally:
            # Tasks may still use the executor while they are cancelled.
            try:
                if not is_as_new:
                    self.close()
            finally:
                executors.pop(loop, None)
        return is_as_new

    def _make_task(self, coroutine: t.Coroutine[object, object, None]) -> asyncio.Task[None]:
        return asyncio.Task(coroutine, loop=self.loop)

    def _run_soon(self, task: asyncio.Task[None]) -> None:
        """Run a task to its end, at first without asking for events, which most tasks do not wait for.

        The order is that of `run_until_complete`, which takes over as soon as there is a timer or a file to watch.
        """
        loop: t.Any = self.loop
        ready = loop._ready
        is_stopping = False
        loop._thread_id = _thread.get_ident()
        asyncio._set_running_loop(loop)
        try:
            for _ in range(_TURNS):
                for _ in range(len(ready)):
                    handle = ready.popleft()
                    if not handle._cancelled:
                        handle._run()
                is_stopping = loop._stopping
                if is_stopping or not ready or loop._scheduled or len(self._files) != self._selected or task.done():
                    break
        finally:
            loop._thread_id = None
            asyncio._set_running_loop(None)
        if is_stopping:
            loop._stopping = False
            if not task.done():
                raise RuntimeError("Event loop stopped before Future completed.")
        elif ready or not task.done():
            loop.run_until_complete(task)

    def _is_as_new(self) -> bool:
        return (
            self._is_known
            and not self._has_used_threads
            and vars(self.loop) == self._attributes
            and not any(self._empty)
            and len(self._files) == self._selected
            # The set is empty if no other loop of the process has a task either.
            and (_known_tasks == _NO_TASKS or not asyncio.all_tasks(self.loop))
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
            sys.set_asyncgen_hooks(None, None)
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
