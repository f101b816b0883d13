"""Coroutine functions that a worker thread calls: they run on the event loop, and the thread waits."""

from __future__ import annotations

import threading
import typing as t
from asyncio import CancelledError
from contextvars import Context, copy_context

if t.TYPE_CHECKING:
    from ..dispatch.awaiting import CoroutineFunction
    from .workers import Job, Workers

_UNSET: object = object()


class CurrentJob:
    """The job that a thread does at the moment."""

    def __init__(self, workers: Workers) -> None:
        self.workers = workers
        self.job: Job | None = None

    def run_coroutine(self, function: CoroutineFunction, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        """Run a coroutine function on the loop for the job, and return its result. The thread is lent meanwhile.

        Context variables are those of the calling thread, and what the coroutine sets is seen there afterwards.
        """
        job = t.cast("Job", self.job)
        job.before_coroutine()
        call = _Call(self.workers, job, function, args, kwargs)
        self.workers.loop.call_soon_threadsafe(call.begin)
        call.is_done.acquire()
        if call.context is not None:
            carry(call.context)
        if call.error is not None:
            try:
                raise call.error
            finally:
                # The error's traceback refers to this frame.
                del call
        return call.result


class _Call:
    """A coroutine function that a worker waits for."""

    def __init__(
        self,
        workers: Workers,
        job: Job,
        function: CoroutineFunction,
        args: tuple[object, ...],
        kwargs: dict[str, object],
    ) -> None:
        self.workers, self.job = workers, job
        self.function, self.args, self.kwargs = function, args, kwargs
        self.result: object = None
        self.error: BaseException | None = None
        self.context: Context | None = None
        self.is_done = threading.Lock()
        self.is_done.acquire()
        # The loop itself keeps only weak references to tasks.
        self.task: object = None

    def begin(self) -> None:
        """Start the coroutine: called on the loop, in a copy of the worker's context."""
        self.task = self.workers.loop.create_task(self._await())

    async def _await(self) -> None:
        is_lent = self.workers.lend(self.job)
        try:
            self.result = await self.function(*self.args, **self.kwargs)
        except CancelledError as error:
            self.error = error
            raise
        except BaseException as error:  # noqa: BLE001 - the worker raises it
            self.error = error
        finally:
            self.context = copy_context()
            if is_lent:
                self.workers.take_back(self.job)
            self.is_done.release()


def carry(context: Context, without: object = None) -> None:
    """Set the variables of the current context as another context has them.

    Args:
        context: The other context.
        without: A variable that stays as it is.
    """
    for variable, value in context.items():
        if variable is not without and variable.get(_UNSET) is not value:
            variable.set(value)
