"""Send a response whose body is an asynchronous iterable: on the event loop, in the task of its request."""

from __future__ import annotations

import typing as t
from asyncio import CancelledError, _get_running_loop, create_task, current_task, get_running_loop, sleep
from time import monotonic

from ..dispatch.awaiting import close_async
from .exchange import BODILESS
from .listening import settle
from .scopes import announced_length, sent_headers, status_code

if t.TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import AsyncIterable, AsyncIterator

    from ..wrappers.client import Told
    from .protocol import Receive, Send

#: A server's `send` need not pause, and neither need a generator: others get their turn after so long, and the server
#: gets one to send what it has after so many bytes.
LONGEST_TURN_S = 0.0005
MOST_BYTES_IN_A_TURN = 64 * 1024


class Stream:
    """A response that is sent piece by piece.

    When the client leaves, the task is cancelled where it waits, so that the generator is closed at once and in its own
    task and context.

    Args:
        method: The method of the request.
        http_version: Its version of HTTP.
        receive: Of the server.
        send: Of the server.
    """

    def __init__(self, method: str, http_version: str, receive: Receive, send: Send) -> None:
        self.method = method
        self.http_version = http_version
        self.receive = receive
        self.send = send
        self.has_left = self.is_over = self.is_cancelled = False
        self.listener: Task[None] | None = None

    def is_disconnected(self) -> Told:
        """Return whether the client has left: something to await on an event loop."""
        return self.has_left if _get_running_loop() is None else self._has_left()

    async def _has_left(self) -> bool:
        return self.has_left

    async def carry_on(self, status: str, headers: list[tuple[str, str]], pieces: AsyncIterable[object]) -> None:
        """Send the response, and close its generator whatever happens."""
        code = status_code(status)
        has_body = self.method != "HEAD" and code not in BODILESS
        remaining = announced_length(headers) if has_body else 0
        task = current_task()
        iterator = self._begin(pieces, task)
        # Only once the loop has a turn: a generator that never waits may be at its end by then.
        listening = get_running_loop().call_soon(self._begin_to_listen, task)
        try:
            try:
                await self.send(
                    {"type": "http.response.start", "status": code, "headers": sent_headers(headers, self.http_version)}
                )
                remaining = await self._send_pieces(iterator, remaining) if has_body else 0
            except CancelledError:
                if not self.is_cancelled:
                    raise
            except OSError:
                # Some servers tell by it that the client left; anything else is an error of the generator.
                if not self.has_left:
                    raise
            finally:
                self.is_over = True
                if self.is_cancelled:
                    _uncancel()
                await self._close(iterator)
            if self.has_left:
                return
            if remaining:
                raise RuntimeError(f"The response ended {remaining} bytes before its Content-Length.")
            await self.send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            listening.cancel()
            if self.listener is not None:
                self.listener.cancel()
                await settle(self.listener)

    def _begin(self, pieces: AsyncIterable[object], task: Task[object] | None) -> AsyncIterator[object]:
        """Return an iterator of what is to be sent in a task."""
        return aiter(pieces)

    async def _close(self, iterator: AsyncIterator[object]) -> None:
        await close_async(iterator)

    async def _send_pieces(self, iterator: AsyncIterator[object], remaining: int | None) -> int | None:
        """Send the pieces, and return how many of the announced bytes are missing."""
        send, octets, turn_ends = self.send, 0, monotonic() + LONGEST_TURN_S
        async for item in iterator:
            body = item if type(item) is bytes else item.encode() if type(item) is str else _octets_of(item)
            if remaining is not None:
                body = body[:remaining]
                remaining -= len(body)
            if self.has_left:
                break
            if body:
                try:
                    await send({"type": "http.response.body", "body": body, "more_body": True})
                except OSError:
                    self.has_left = True
                    raise
            elif remaining == 0:
                break
            octets += len(body)
            if octets >= MOST_BYTES_IN_A_TURN or monotonic() >= turn_ends:
                await sleep(0)
                octets, turn_ends = 0, monotonic() + LONGEST_TURN_S
        return remaining

    def _begin_to_listen(self, task: Task[object] | None) -> None:
        self.listener = create_task(self._listen(task))

    async def _listen(self, task: Task[object] | None) -> None:
        try:
            while (await self.receive())["type"] != "http.disconnect":
                pass
        except OSError:
            pass
        self.has_left = True
        self._cancel(task)

    def _cancel(self, task: Task[object] | None) -> None:
        """Cancel the task where it waits, but once: a generator that cleans up is not to be cancelled in it."""
        if task is not None and not (self.is_over or self.is_cancelled):
            self.is_cancelled = True
            task.cancel()


def _octets_of(item: object) -> bytes:
    """Return a piece of a body as bytes."""
    piece = item.encode() if isinstance(item, str) else item
    if not isinstance(piece, (bytes, bytearray, memoryview)):
        raise TypeError(f"The body of a response consists of str or bytes, not of {type(item).__name__}.")
    return bytes(piece)


def _uncancel() -> None:
    """Take back the cancellation of the current task, on Pythons that count them."""
    take_back = getattr(current_task(), "uncancel", None)
    if take_back is not None:
        take_back()
