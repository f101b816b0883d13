"""What a coroutine waits for that a worker is to wake.

A future calls back in a turn of the loop of its own. The call by which a worker wakes the loop is such a turn already,
so the task goes on in it: a request in a worker takes one turn less, and no handle of the loop.
"""

from __future__ import annotations

import typing as t
from asyncio import CancelledError

if t.TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Generator
    from contextvars import Context


class Waiter:
    """Something that one task awaits, once.

    It has what `asyncio.Task` asks of anything that is like a future.

    Args:
        loop: The event loop.
    """

    __slots__ = ("_asyncio_future_blocking", "_callback", "_context", "_error", "_loop", "is_over")

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        #: Whether it was woken or cancelled.
        self.is_over = self._asyncio_future_blocking = False
        self._error: CancelledError | None = None
        self._callback: Callable[[Waiter], object] | None = None
        self._context: Context | None = None

    def __await__(self) -> Generator[Waiter, None, None]:
        """Wait until it is woken."""
        if not self.is_over:
            self._asyncio_future_blocking = True
            yield self

    def wake(self) -> None:
        """Let the task go on now. To be called by the loop itself, where no task runs."""
        if self.is_over:
            return
        self.is_over = True
        callback, context = self._callback, self._context
        # They refer to the task.
        self._callback = self._context = None
        if callback is not None and context is not None:
            context.run(callback, self)

    # For the task

    def add_done_callback(self, callback: Callable[[Waiter], object], *, context: Context) -> None:
        """Let the task be called when it is woken."""
        self._callback, self._context = callback, context

    def cancel(self, msg: object = None) -> bool:
        """Let the task be cancelled soon; return False if it was woken before."""
        if self.is_over:
            return False
        self.is_over, self._error = True, CancelledError() if msg is None else CancelledError(msg)
        callback, context = self._callback, self._context
        self._callback = self._context = None
        if callback is not None:
            self._loop.call_soon(callback, self, context=context)
        return True

    def result(self) -> None:
        """Raise the error of a cancelled one."""
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                # The error's traceback refers to this frame.
                del error
