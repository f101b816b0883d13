"""Background tasks: functions that go on after the response, in threads of their own or on an event loop.

At a graceful end they are waited for: by the lifespan of an ASGI server, and otherwise when the process ends.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import time
import typing as t
import weakref
from collections import deque
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from inspect import isawaitable, iscoroutine, iscoroutinefunction

from ..config import DEFAULT_CONFIG
from ..ctx.app_context import current
from ..dispatch.awaiting import worker
from ..process_loop import process_loop
from ..startup import duration

if t.TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from ..app import Flask
    from .service import Service

    _Function: t.TypeAlias = Callable[..., object]

# How long a thread without work waits for more, in seconds.
_IDLE = 10.0
# How long coroutines that were cancelled have to end, in seconds.
_AFTER_CANCELLING = 1.0
# The tasks of all apps, for the end of the process.
_all: weakref.WeakSet[BackgroundTasks] = weakref.WeakSet()


class _Task:
    """A task that has not ended."""

    def __init__(self, function: _Function) -> None:
        self.name: str = getattr(function, "__qualname__", None) or repr(function)
        #: How to cancel it; None for what runs in a thread.
        self.cancel: Callable[[], object] | None = None


class BackgroundTasks:
    """The background tasks of an application in this process.

    Args:
        app: The application.
    """

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._process = os.getpid()
        self._renew()
        _all.add(self)

    def _renew(self) -> None:
        self._running: set[_Task] = set()
        self._changed = threading.Condition()
        most: object = self.app.config.get("BACKGROUND_TASK_THREADS")
        if most is None:
            most = DEFAULT_CONFIG["BACKGROUND_TASK_THREADS"]
        if type(most) is not int or most < 1:
            raise ValueError(f"BACKGROUND_TASK_THREADS is a number of threads, at least 1, not {most!r}.")
        self._threads = _Threads(most, f"{self.app.name}-background")

    def start(self, function: _Function, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        """Start a task with the context variables of the caller, except for the request.

        Raises:
            TypeError: If `function` cannot be called.
        """
        if not callable(function):
            called = " Give it without calling it: add_background_task(function, argument)."
            raise TypeError(
                f"A background task is a function, not {function!r}.{called if isawaitable(function) else ''}"
            )
        if self._process != os.getpid():
            # The tasks of another process, which has forked this one.
            self._process = os.getpid()
            self._renew()
        task = _Task(function)
        with self._changed:
            self._running.add(task)
        context = copy_context()
        context.run(current.set, None)
        try:
            if iscoroutinefunction(function) or iscoroutinefunction(getattr(function, "__call__", None)):  # noqa: B004 - the method, not whether there is one
                loop = self._loop()
                self._send(loop, context.run, self._begin, loop, task, partial(function, *args, **kwargs))
            else:
                self._threads.submit(partial(context.run, self._run, task, partial(function, *args, **kwargs)))
        except BaseException:
            self._end(task)
            raise

    def _loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop of the server; that of the process if it has none."""
        services: dict[asyncio.AbstractEventLoop, Service] = self.app.__dict__.get("_services", {})
        with suppress(RuntimeError):
            # Another loop ends with the coroutine that runs on it.
            if (loop := asyncio.get_running_loop()) in services:
                return loop
        if worker.loop is not None:
            return worker.loop
        serving = [loop for loop, of in tuple(services.items()) if of.process == os.getpid() and loop.is_running()]
        return serving[0] if len(serving) == 1 else process_loop()

    def _send(self, loop: asyncio.AbstractEventLoop, function: _Function, *args: object) -> None:
        loop.call_soon_threadsafe(partial(function, *args))

    def _begin(self, loop: asyncio.AbstractEventLoop, task: _Task, function: _Function) -> None:
        running = loop.create_task(self._await(task, function))
        task.cancel = partial(self._send, loop, running.cancel)

    async def _await(self, task: _Task, function: _Function) -> None:
        try:
            with self.app.app_context():
                await t.cast("Coroutine[object, object, object]", function())
        except Exception:
            self.app.logger.exception("The background task %s failed", task.name)
        finally:
            self._end(task)

    def _run(self, task: _Task, function: _Function) -> None:
        try:
            with self.app.app_context():
                result = function()
                if iscoroutine(result):
                    # A function without `async` that returns what one with `async` does.
                    asyncio.run_coroutine_threadsafe(result, self._loop()).result()
        except Exception:
            self.app.logger.exception("The background task %s failed", task.name)
        except BaseException:
            self.app.logger.exception("The background task %s was ended", task.name)
            raise
        finally:
            self._end(task)

    def _end(self, task: _Task) -> None:
        with self._changed:
            self._running.discard(task)
            self._changed.notify_all()

    def wait(self, timeout: float) -> bool:
        """Wait until all tasks have ended; return whether they have.

        Args:
            timeout: For how many seconds to wait at most.
        """
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, timeout)

    def finish(self) -> None:
        """Wait for all tasks, cancel coroutines that take too long, and log what has not ended. It may block."""
        if self._process != os.getpid() or not self._running:
            return
        timeout = duration(self.app, "BACKGROUND_TASK_SHUTDOWN_TIMEOUT")
        if self.wait(timeout):
            return
        with self._changed:
            left = list(self._running)
        for task in left:
            if task.cancel is not None:
                with suppress(RuntimeError):  # its loop is closed
                    task.cancel()
        end = time.monotonic() + _AFTER_CANCELLING
        with self._changed:
            while any(task.cancel is not None for task in self._running) and time.monotonic() < end:
                self._changed.wait(end - time.monotonic())
        names = ", ".join(sorted(task.name for task in left))
        self.app.logger.warning("Background tasks have not ended within %s seconds: %s", timeout, names)


class _Threads:
    """Threads that are started when they are needed, and end when they are not. They do not keep the process alive."""

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._ready = threading.Condition()
        self._jobs: deque[Callable[[], object]] = deque()
        self._idle = self._size = 0

    def submit(self, job: Callable[..., object]) -> None:
        """Run a job in one of the threads, when one is free."""
        with self._ready:
            self._jobs.append(job)
            if self._idle >= len(self._jobs):
                self._ready.notify()
            elif self._size < self._most:
                threading.Thread(target=self._work, name=f"{self._name}-{self._size + 1}", daemon=True).start()
                self._size += 1

    def _work(self) -> None:
        while True:
            with self._ready:
                while not self._jobs:
                    self._idle += 1
                    is_woken = self._ready.wait(_IDLE)
                    self._idle -= 1
                    if not is_woken and not self._jobs:
                        self._size -= 1
                        return
                job = self._jobs.popleft()
            try:
                job()
            finally:
                # It refers to what the task was given.
                del job


def _finish_all() -> None:
    """Wait for the tasks of all apps, at the end of the process."""
    for tasks in list(_all):
        tasks.finish()


# Processes that multiprocessing has forked end without `atexit`, but not without this.
_at_end_of_threads: Callable[..., None] | None = getattr(threading, "_register_atexit", None)
if _at_end_of_threads is not None:
    with suppress(RuntimeError):  # the process is ending
        _at_end_of_threads(_finish_all)
atexit.register(_finish_all)
