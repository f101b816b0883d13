"""The bodies of responses with events: iterables of bytes that can be closed.

A body begins with a comment, because servers send the headers with the first piece of the body, and browsers should
know at once that they are connected.
"""

from __future__ import annotations

import typing as t
from asyncio import get_running_loop
from queue import Empty

from ..dispatch.awaiting import worker
from ..http.server_sent_events import COMMENT
from ..process_loop import process_loop
from ..sessions.watcher import watcher_of
from .producers import AwaitedProducer, TaskProducer, ThreadProducer
from .watched import StreamSession

if t.TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator

    from ..sessions.watcher import Watcher
    from ..sessions.watching import SessionWatch
    from .producers import Producer

    Encode: t.TypeAlias = Callable[[object], bytes]

# How often a thread looks whether the client left or the session was ended, in seconds.
_LOOK = 0.5


class InlineEventBody:
    """Events that are made in the thread that sends them."""

    def __init__(self, events: Iterable[object], encode: Encode) -> None:
        self._events = iter(events)
        self._encode = encode
        self._session = StreamSession()

    def __iter__(self) -> Iterator[bytes]:
        self._session.begin()
        yield COMMENT
        for event in self._events:
            if self._session.has_ended():
                break
            yield self._encode(event)

    def close(self) -> None:
        """Close the iterator of events."""
        close = getattr(self._events, "close", None)
        if close is not None:
            close()


class EventBody:
    """Events that are made in a thread of their own, with comments between them.

    Args:
        events: The events.
        encode: Returns the bytes of an event.
        keep_alive: After how many seconds a comment is sent; None for never.
    """

    def __init__(
        self, events: Iterable[object] | AsyncIterable[object], encode: Encode, keep_alive: float | None
    ) -> None:
        self.events = events
        self.encode = encode
        self.keep_alive = keep_alive
        self._session = StreamSession()
        self._producer: Producer | None = None
        self._is_closed = False

    def _start(self) -> Producer:
        return ThreadProducer(iter(t.cast("Iterable[object]", self.events)), self.encode)

    def __iter__(self) -> Iterator[bytes]:
        self._session.begin()
        yield COMMENT
        if self._is_closed:
            return
        self._producer = producer = self._start()
        try:
            yield from self._receive(producer)
        finally:
            # Nothing to do for a producer that has ended.
            producer.leave()

    def _receive(self, producer: Producer) -> Iterator[bytes]:
        keep_alive, silent, session = self.keep_alive, 0.0, self._session
        # Only this project's own threads know, without sending anything, that the client left.
        is_told = worker.run_coroutine is not None
        while True:
            step = min(_LOOK, keep_alive or _LOOK) if is_told or session.may_end else keep_alive
            try:
                piece = producer.pieces.get(timeout=step)
            except Empty:
                if session.has_ended():
                    return
                silent += step or 0.0
                if keep_alive is not None and silent >= keep_alive:
                    silent = 0.0
                    yield COMMENT
                elif is_told:
                    yield b""
                continue
            silent = 0.0
            if piece is None:
                producer.raise_error()
                return
            if session.has_ended():
                return
            producer.make_next()
            yield piece

    def close(self) -> None:
        """Tell the producer to close the events after the one that it is making."""
        self._is_closed = True
        if self._producer is not None:
            self._producer.leave()
        else:
            # It has not begun, so no code of the generator runs.
            close = getattr(self.events, "close", None)
            if close is not None:
                close()


class AsyncEventBody(EventBody):
    """Events of an asynchronous iterable, made on the event loop of the server, or of the process.

    It is an asynchronous iterable as well, for code that sends a response on an event loop. The project's own sends the
    events without that: it awaits them in its own task, after `begin` and until `end`.
    """

    is_of_events = True
    comment = COMMENT
    _watcher: Watcher | None = None
    #: Lets there be no more events, as told by what sends them.
    _stop: Callable[[], None] | None = None

    def _start(self) -> Producer:
        loop = worker.loop or process_loop()
        producer = TaskProducer(t.cast("AsyncIterable[object]", self.events), self.encode)
        producer.start(loop)
        return producer

    def close(self) -> None:
        """Cancel what makes the events, which closes the generator."""
        self._is_closed = True
        if self._producer is not None:
            self._producer.leave()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._session.begin()
        yield COMMENT
        producer = AwaitedProducer(t.cast("AsyncIterable[object]", self.events), self.encode)
        self._watch(producer.stop)
        try:
            while True:
                piece = await producer.next_piece(self.keep_alive)
                if piece is None:
                    producer.raise_error()
                    return
                yield piece
        finally:
            await self.end()
            await producer.end()

    def begin(self, stop: Callable[[], None]) -> AsyncIterator[object]:
        """Return an iterator of the events. What is given is called when their session is ended."""
        self._session.begin()
        self._watch(stop)
        return aiter(t.cast("AsyncIterable[object]", self.events))

    def _watch(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        if self._session.may_end:
            self._watcher = watcher_of(get_running_loop())
            self._watcher.add(self)

    async def end(self) -> None:
        """Watch the session no longer."""
        # What sends the events refers to this.
        self._stop = None
        if self._watcher is not None:
            await self._watcher.remove(self)

    @property
    def session_watch(self) -> SessionWatch | None:
        """The watch for the session; None if there is nothing to watch, or not yet."""
        return self._session.watch

    def look(self) -> None:
        """Do nothing: what sends the response notices that the client left."""

    def end_session(self) -> None:
        """End the stream: the session has been ended."""
        if self._stop is not None:
            self._stop()
