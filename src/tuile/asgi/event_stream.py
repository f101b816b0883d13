"""Send server-sent events of an asynchronous iterable: in the task of their request, with comments between them."""

from __future__ import annotations

import logging
import typing as t
from asyncio import CancelledError, create_task, get_running_loop, sleep

from .listening import settle
from .scopes import announced_length
from .streams import LONGEST_TURN_S, MOST_BYTES_IN_A_TURN, Stream

if t.TYPE_CHECKING:
    from asyncio import Task, TimerHandle
    from collections.abc import AsyncIterable, AsyncIterator

    from .protocol import Receive, Scope, Send

_logger = logging.getLogger("tuile.sse")


class Events(t.Protocol):
    """A body of events, as `event_streams` has it."""

    #: After how many seconds without an event a comment is sent; None for never.
    keep_alive: float | None
    #: The comment.
    comment: bytes

    def encode(self, event: object, /) -> bytes:
        """Return an event as it is sent."""
        ...

    def begin(self, stop: t.Callable[[], None]) -> AsyncIterator[object]:
        """Return an iterator of the events. What is given is called when their session is ended."""
        ...

    async def end(self) -> None:
        """Watch the session no longer."""


class EventStream(Stream):
    """A response with events. The generator of the events runs in the task that sends them.

    Only comments, which are due while it waits, are sent by tasks of their own.

    Args:
        events: The body.
        method: The method of the request.
        http_version: Its version of HTTP.
        receive: Of the server.
        send: Of the server.
    """

    def __init__(self, events: Events, method: str, http_version: str, receive: Receive, send: Send) -> None:
        super().__init__(method, http_version, receive, send)
        self.events = events
        self.is_stopped = False
        self._task: Task[object] | None = None
        # Since when the generator is waited for; None while something is sent.
        self._waits_since: float | None = None
        self._timer: TimerHandle | None = None
        self._commenting: Task[None] | None = None
        # Why a comment could not be sent, if it is not that the client has left.
        self._failure: Exception | None = None

    async def carry_on(self, status: str, headers: list[tuple[str, str]], pieces: AsyncIterable[object]) -> None:
        """Send the response, and close its generator whatever happens."""
        try:
            await super().carry_on(status, headers, pieces)
        finally:
            if self._timer is not None:
                self._timer.cancel()
            await self.events.end()

    def _begin(self, pieces: AsyncIterable[object], task: Task[object] | None) -> AsyncIterator[object]:
        self._task = task
        return self.events.begin(self._stop)

    async def _send_pieces(  # noqa: C901 - each event in one frame
        self, iterator: AsyncIterator[object], remaining: int | None
    ) -> int | None:
        """Send the events, each of them at once."""
        send, encode, time = self.send, self.events.encode, get_running_loop().time
        # Browsers should know at once that they are connected.
        await self._comment()
        if self.is_stopped:
            return remaining
        octets, now = 0, time()
        turn_ends = now + LONGEST_TURN_S
        self._waits_since = now
        if self.events.keep_alive is not None:
            self._call_later(self.events.keep_alive)
        try:
            async for event in iterator:
                body = encode(event)
                self._waits_since = None
                if self._commenting is not None:
                    await settle(self._commenting)
                if self.has_left or self.is_stopped:
                    break
                try:
                    await send({"type": "http.response.body", "body": body, "more_body": True})
                except OSError:
                    self.has_left = True
                    break
                octets, now = octets + len(body), time()
                if octets >= MOST_BYTES_IN_A_TURN or now >= turn_ends:
                    await sleep(0)
                    octets, now = 0, time()
                    turn_ends = now + LONGEST_TURN_S
                if self.is_stopped:
                    break
                self._waits_since = now
        except BaseException as error:
            if self._commenting is not None and not self.is_stopped:
                self._commenting.cancel()
            if not self._is_told_to_nobody(error):
                raise
        finally:
            self._waits_since = None
            if self._commenting is not None:
                await self._settle_comment(self._commenting)
            self._raise_failure()
        return remaining

    async def _close(self, iterator: AsyncIterator[object]) -> None:
        try:
            await super()._close(iterator)
        except Exception as error:
            if not self._is_told_to_nobody(error):
                raise

    def _is_told_to_nobody(self, error: BaseException) -> bool:
        """Log what the generator has raised when nobody waits for its events any more; return whether it is so."""
        if not isinstance(error, Exception) or not (self.has_left or self.is_stopped):
            return False
        why = "client had left" if self.has_left else "session had been ended"
        _logger.error("A generator of events failed when its %s", why, exc_info=error)
        return True

    async def _comment(self) -> None:
        try:
            await self.send({"type": "http.response.body", "body": self.events.comment, "more_body": True})
        except OSError:
            self.has_left = True
            raise

    async def _comment_meanwhile(self) -> None:
        """Send a comment while the generator is waited for."""
        try:
            await self._comment()
        except OSError:
            self._cancel(self._task)
        except Exception as error:  # noqa: BLE001 - the task of the request raises it
            self._failure = error
            self._cancel(self._task)
        finally:
            self._commenting = None

    async def _settle_comment(self, commenting: Task[None]) -> None:
        """Wait for the last comment, which must not be left to itself."""
        try:
            await settle(commenting)
        except CancelledError:
            commenting.cancel()
            await settle(commenting)
            raise

    def _raise_failure(self) -> None:
        error, self._failure = self._failure, None
        if error is None:
            return
        try:
            raise error
        finally:
            # The error's traceback refers to this frame.
            del error

    def _call_later(self, delay: float) -> None:
        self._timer = get_running_loop().call_later(delay, self._look)

    def _look(self) -> None:
        """Send a comment if it is time. A timer for each event would cost more than the event."""
        keep_alive = t.cast("float", self.events.keep_alive)
        now = since = get_running_loop().time()
        if self._waits_since is not None and self._commenting is None:
            if now >= self._waits_since + keep_alive:
                self._waits_since = now
                self._commenting = create_task(self._comment_meanwhile())
            since = self._waits_since
        self._call_later(since + keep_alive - now)

    def _stop(self) -> None:
        """Let there be no more events: their session has been ended."""
        self.is_stopped = True
        # What is being sent is sent.
        if self._waits_since is not None:
            self._cancel(self._task)


def stream_of(body: object, scope: Scope, headers: list[tuple[str, str]], receive: Receive, send: Send) -> Stream:
    """Return what sends an asynchronous body as the response with these headers."""
    method, http_version = scope["method"], scope["http_version"]
    if getattr(type(body), "is_of_events", False) and announced_length(headers) is None:
        return EventStream(t.cast("Events", body), method, http_version, receive, send)
    return Stream(method, http_version, receive, send)
