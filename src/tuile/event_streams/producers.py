"""Make events in another thread or task than the one that sends them, one ahead of it."""

from __future__ import annotations

import asyncio
import logging
import threading
import typing as t
from contextlib import suppress
from contextvars import copy_context
from queue import SimpleQueue

from ..http.server_sent_events import COMMENT

if t.TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator

    Encode: t.TypeAlias = Callable[[object], bytes]

_logger = logging.getLogger("tuile.sse")


class Producer(t.Protocol):
    """Makes the pieces of a body."""

    #: The pieces, and None after the last one.
    pieces: SimpleQueue[bytes | None]

    def make_next(self) -> None:
        """Let the producer make another piece: called when one was taken."""

    def leave(self) -> None:
        """Tell the producer to end."""

    def raise_error(self) -> None:
        """Raise what ended the producer, if it was an error."""


class _Ending:
    """What a producer keeps of its end."""

    error: BaseException | None = None
    is_left = False

    def raise_error(self) -> None:
        """Raise what ended the producer, if it was an error."""
        error, self.error = self.error, None
        if error is None:
            return
        try:
            raise error
        finally:
            # The error's traceback refers to this frame.
            del error

    def _fail(self, error: BaseException) -> None:
        if self.is_left:
            _logger.error("A generator of events failed when its client had left", exc_info=error)
        else:
            self.error = error


class ThreadProducer(_Ending):
    """Makes events in a thread of its own, which closes their generator as well."""

    def __init__(self, events: Iterator[object], encode: Encode) -> None:
        self.pieces: SimpleQueue[bytes | None] = SimpleQueue()
        self._goes_on: SimpleQueue[bool] = SimpleQueue()
        self._events = events
        self._encode = encode
        # A daemon, because a generator that waits for an event may never end.
        threading.Thread(target=copy_context().run, args=(self._work,), name="tuile-events", daemon=True).start()

    def make_next(self) -> None:
        """Let the thread make another piece."""
        self._goes_on.put(True)

    def leave(self) -> None:
        """Tell the thread to close the generator, after the event that it is making."""
        self.is_left = True
        self._goes_on.put(False)

    def _work(self) -> None:
        try:
            try:
                for event in self._events:
                    if self.is_left:
                        break
                    self.pieces.put(self._encode(event))
                    if not self._goes_on.get():
                        break
            finally:
                close = getattr(self._events, "close", None)
                if close is not None:
                    close()
        except BaseException as error:  # noqa: BLE001 - the thread that sends raises it
            self._fail(error)
        finally:
            self.pieces.put(None)


class TaskProducer(_Ending):
    """Makes events in a task on an event loop, for another thread."""

    def __init__(self, events: AsyncIterable[object], encode: Encode) -> None:
        self.pieces: SimpleQueue[bytes | None] = SimpleQueue()
        self._events = events
        self._encode = encode
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop
        self._taken: asyncio.Event

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the task: called in the other thread, with its context variables."""
        self._loop = loop
        loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        if self.is_left:
            self.pieces.put(None)
            return
        self._taken = asyncio.Event()
        self._task = self._loop.create_task(self._work())
        self._task.add_done_callback(self._finish)

    async def _work(self) -> None:
        iterator = aiter(self._events)
        try:
            async for event in iterator:
                if self.is_left:
                    # The generator has gone on after it was cancelled.
                    break
                self.pieces.put(self._encode(event))
                await self._taken.wait()
                self._taken.clear()
        finally:
            await _close(iterator)

    def _finish(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)
        elif task.cancelled() and not self.is_left:
            self.error = asyncio.CancelledError()
        self.pieces.put(None)

    def make_next(self) -> None:
        """Let the task make another piece."""
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._taken.set)

    def leave(self) -> None:
        """Cancel the task, which closes the generator."""
        if not self.is_left:
            self.is_left = True
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


class AwaitedProducer(_Ending):
    """Makes events in a task, for another task on the same event loop.

    The generator runs in a task of its own, because a comment may have to be sent while it waits.
    """

    def __init__(self, events: AsyncIterable[object], encode: Encode) -> None:
        self.loop = asyncio.get_running_loop()
        self._piece: bytes | None = None
        self._is_stopped = False
        #: Of the task that sends, and of the one that makes events.
        self._waiter: asyncio.Future[None] | None = None
        self._space: asyncio.Future[None] | None = None
        # One timer for all comments, and since when the task that sends waits.
        self._timer: asyncio.TimerHandle | None = None
        self._waits_since = 0.0
        self._task = self.loop.create_task(self._work(events, encode))
        self._task.add_done_callback(self._wake)

    async def _work(self, events: AsyncIterable[object], encode: Encode) -> None:
        try:
            iterator = aiter(events)
            try:
                async for event in iterator:
                    if self.is_left:
                        # The generator has gone on after it was cancelled.
                        break
                    self._piece = encode(event)
                    self._wake()
                    self._space = self.loop.create_future()
                    await self._space
            finally:
                await _close(iterator)
        except Exception as error:  # noqa: BLE001 - what sends raises it, which may see that the task is done at once
            self._fail(error)

    def _wake(self, _: object = None) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def next_piece(self, keep_alive: float | None) -> bytes | None:
        """Return the next piece; a comment if there is none for `keep_alive` seconds; None after the last one."""
        if self._piece is None and not self._task.done() and not self._is_stopped:
            self._waiter = self.loop.create_future()
            if keep_alive is not None:
                self._waits_since = self.loop.time()
                if self._timer is None:
                    self._timer = self.loop.call_later(keep_alive, self._look, keep_alive)
            try:
                await self._waiter
            finally:
                self._waiter = None
        piece, self._piece = self._piece, None
        if self._is_stopped:
            return None
        if piece is None:
            return None if self._task.done() else COMMENT
        if self._space is not None and not self._space.done():
            self._space.set_result(None)
        return piece

    def _look(self, keep_alive: float) -> None:
        """Let a comment be sent if it is time. A timer for each piece would cost more than the piece."""
        self._timer = None
        if self._waiter is None:
            # The next wait begins another one.
            return
        due = self._waits_since + keep_alive
        if self.loop.time() < due:
            self._timer = self.loop.call_at(due, self._look, keep_alive)
        else:
            self._wake()

    def stop(self) -> None:
        """Let there be no more pieces."""
        self._is_stopped = True
        self._wake()

    async def end(self) -> None:
        """Cancel the task, which closes the generator, and wait for it."""
        self.is_left = True
        if self._timer is not None:
            self._timer.cancel()
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])


async def _close(iterator: AsyncIterator[object]) -> None:
    """Close a generator of events, in the task that made them."""
    close = getattr(iterator, "aclose", None)
    if close is not None:
        await close()
