"""Run coroutine functions from synchronous code as asgiref does, but with event loops and threads that are used again.

asgiref's `AsyncToSync` starts a thread and an event loop for each call and closes both at its end; here they come from
`event_loops`. A call from ordinary code waits with a lock; one from code that handles an error, or that was itself
called by asgiref, is made with asgiref's own parts.

This module needs asgiref, so only `async_to_sync` imports it.
"""

from __future__ import annotations

import _thread
import asyncio
import contextvars
import sys
import typing as t
from inspect import CO_COROUTINE
from types import BuiltinFunctionType, FunctionType, MethodType

from asgiref import sync
from asgiref.current_thread_executor import CurrentThreadExecutor
from asgiref.sync import AsyncToSync, SyncToAsync

from .calling_thread import EXECUTOR_VARIABLE, PlainCall
from .event_loops import take_worker

if t.TYPE_CHECKING:
    from concurrent.futures import Future

_Function = t.Callable[..., t.Coroutine[object, object, object]]


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


async def _probe() -> None: ...


_stock = (*_used()[:-1], BuiltinFunctionType)
# Whether the constructor sets nothing but these for a coroutine function.
_is_made_plainly = vars(AsyncToSync(_probe)) == {"awaitable": _probe, "force_new_loop": False}
_absent: t.Final = object()
_EXECUTOR_VARIABLE, _STORAGE = (None, None) if EXECUTOR_VARIABLE is None else EXECUTOR_VARIABLE


def synchronous(function: _Function) -> t.Callable[..., object]:
    """Return a function that runs a coroutine function to completion."""
    if _used() != _stock:
        return sync.async_to_sync(function)
    kind = type(function)
    plain = t.cast("MethodType", function).__func__ if kind is MethodType else function
    if _is_made_plainly and type(plain) is FunctionType and plain.__code__.co_flags & CO_COROUTINE:
        # What the constructor does, without the warning about other functions.
        made: _Sync = _Sync.__new__(_Sync)
        made.awaitable, made.force_new_loop = function, False
        if kind is MethodType:
            vars(made)["__self__"] = t.cast("MethodType", function).__self__
        return made
    return _Sync(function)


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
        context = contextvars.copy_context()
        if (
            _EXECUTOR_VARIABLE is None
            or _EXECUTOR_VARIABLE in context
            # Another of asgiref's variables that belong to one thread.
            or (_STORAGE is not None and _STORAGE in map(type, context.values()))
            or SyncToAsync.thread_sensitive_context.get(None) is not None
            or getattr(SyncToAsync.threadlocal, "task_context", None) is not None
            or sys.exc_info()[1] is not None
        ):
            try:
                return context.run(self._call_by_asgiref, args, kwargs)
            finally:
                _take_over(context)
        result = _Result()
        call = PlainCall(_run_into(result, self.awaitable(*args, **kwargs)), context)
        take_worker().calls.put(call)
        try:
            call.wait()
            if call.error is not None:
                result.set_exception(call.error)
                call.error = None
        finally:
            if result.context is not None:
                _take_over(result.context)
        return result.result()

    def _call_by_asgiref(self, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        """Call the function with asgiref's wrapper of a coroutine and its executor."""
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
            take_worker().calls.put(call)
            # Functions that `sync_to_async` is given run in this thread meanwhile.
            executor.run_until_future(t.cast("Future[object]", call))
            if call.error is not None:
                result.set_exception(call.error)
                call.error = None
        finally:
            sync._restore_context(context[0])
            self.executors.current = around
        return result.result()


async def _run_into(result: _Result, awaitable: t.Awaitable[object]) -> None:
    """Await a coroutine, and keep what it returns or raises and the variables that it has set."""
    try:
        result.set_result(await awaitable)
    except BaseException as error:  # noqa: BLE001 - for the calling thread
        result.set_exception(error)
    finally:
        result.context = contextvars.copy_context()


def _take_over(context: contextvars.Context) -> None:
    """Set the variables that differ in the context of a coroutine, as asgiref does, except that of its executor."""
    for variable, value in context.items():
        if variable.get(_absent) is not value and variable is not _EXECUTOR_VARIABLE:
            if _STORAGE is not None and type(value) is _STORAGE:
                # It has to belong to this thread.
                kept = contextvars.Context()
                kept.run(variable.set, value)
                sync._restore_context(kept)
            else:
                variable.set(value)


class _Result:
    """What a coroutine returned or raised: as much of a future as `main_wrap` needs.

    Attributes:
        context: The variables at the coroutine's end.
    """

    __slots__ = ("_error", "_value", "context")

    def __init__(self) -> None:
        self._value: object = None
        self._error: BaseException | None = None
        self.context: contextvars.Context | None = None

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
    """A call for a worker: as much of a future as `CurrentThreadExecutor` needs. See `calling_thread.Call`."""

    __slots__ = ("_is_done", "_lock", "_tell", "context", "coroutine", "error", "executor")

    def __init__(self, coroutine: t.Coroutine[object, object, None], executor: CurrentThreadExecutor) -> None:
        self.coroutine: t.Coroutine[object, object, None] | None = coroutine
        # `main_wrap` sets the variables.
        self.context: contextvars.Context | None = contextvars.Context()
        self.executor: CurrentThreadExecutor | None = executor
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
