"""The half of a request that is on the event loop: it receives and sends for a worker."""

from __future__ import annotations

import typing as t
from asyncio import sleep
from contextlib import suppress

from werkzeug.exceptions import ClientDisconnected

from ..ctx.app_context import current
from .calls import carry
from .exchange import MESSAGES_IN_A_TURN, MOST_WAITING
from .listening import settle
from .refusals import refuse
from .waiter import Waiter

if t.TYPE_CHECKING:
    from asyncio import Future, Task

    from .exchange import Exchange
    from .protocol import HeaderPairs, Receive, Send
    from .workers import Workers


class Conversation:
    """The messages of one request of HTTP."""

    __slots__ = (
        "client_left",
        "exchange",
        "is_finished",
        "is_started",
        "listener",
        "messages",
        "receive",
        "send",
        "space",
        "workers",
    )

    def __init__(self, exchange: Exchange, workers: Workers, receive: Receive, send: Send) -> None:
        self.exchange = exchange
        self.workers = workers
        self.receive = receive
        self.send = send
        self.is_started = self.is_finished = False
        # How many were received of the body.
        self.messages = 0
        #: Whether the client had left when the worker was done.
        self.client_left = False
        self.listener: Task[None] | None = None
        self.space: Future[None] | None = None

    async def read_ahead(self, count: int) -> bool:
        """Receive the body of the request until its end or until there are `count` bytes.

        Returns:
            Whether the client is still there.
        """
        exchange = self.exchange
        while exchange.fed < count and not exchange.inbox_complete:
            await self._receive_piece()
            if exchange.left:
                return False
        return True

    async def carry_on(self) -> None:
        """Pass on what a worker sends until it has ended."""
        exchange = self.exchange
        try:
            while True:
                exchange.has_news = False
                # Read before what it has sent: nothing comes after the end.
                ended = exchange.has_ended()
                if exchange.begun:
                    is_whole = ended and exchange.complete and not self.is_started and len(exchange.pieces) <= 1
                    await (self._send_whole() if is_whole else self._send_news())
                if ended:
                    self.client_left = exchange.left
                    self.workers.settle(exchange)
                    return
                if exchange.wants_to_hear and not exchange.is_heard:
                    await self._begin_to_listen()
                if exchange.wants:
                    exchange.wants = False
                    await self._fill_inbox()
                    continue
                if self.is_started and not exchange.complete:
                    self._stream()
                if exchange.has_news:
                    # A worker may be as quick as this loop, and some servers' `send` never pauses: let others run.
                    await sleep(0)
                else:
                    exchange.waiter = Waiter(self.workers.loop)
                    await exchange.waiter
                    exchange.waiter = None
        finally:
            # If this is cancelled, the worker goes on without a reader.
            exchange.leave()
            if self.listener is not None:
                await self._stop_listening(self.listener)

    async def _send_whole(self) -> None:
        """Send a response that is complete, in two messages."""
        exchange = self.exchange
        if exchange.left:
            return
        self.is_started = self.is_finished = True
        status, headers = t.cast("tuple[int, HeaderPairs]", exchange.head)
        body = exchange.pieces.popleft() if exchange.pieces else b""
        try:
            await self.send({"type": "http.response.start", "status": status, "headers": headers})
            if exchange.left:
                return
            await self.send({"type": "http.response.body", "body": body, "more_body": False})
        except OSError:
            # Some servers tell by it that the client left.
            exchange.leave()

    async def _send_news(self) -> None:
        exchange, is_long = self.exchange, False
        while exchange.begun and not exchange.left and not self.is_finished:
            # Read before the pieces: after it there are no more.
            complete = exchange.complete
            body = exchange.take_pieces()
            is_last = complete and not exchange.pieces
            if not body and not is_last:
                return
            try:
                if not self.is_started:
                    await self._start(is_stream=not complete)
                    if exchange.left:
                        return
                await self.send({"type": "http.response.body", "body": body, "more_body": not is_last})
            except OSError:
                # Some servers tell by it that the client left.
                exchange.leave()
                return
            self.is_finished = is_last
            exchange.sent += len(body)
            exchange.wake_worker()
            if is_last:
                return
            if is_long:
                # It may go on like this.
                self._stream()
            is_long = True
            # Some servers' `send` never pauses: let others run, and let the server notice that the client left.
            await sleep(0)

    async def _start(self, *, is_stream: bool) -> None:
        self.is_started = True
        exchange = self.exchange
        if is_stream and not (exchange.is_lent or exchange.ended or self.workers.lend(exchange)):
            exchange.leave()
            text = "Too many responses are being streamed."
            await refuse(503, "Service Unavailable", text, exchange.method, self.send)
            return
        status, headers = t.cast("tuple[int, HeaderPairs]", exchange.head)
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    def _stream(self) -> None:
        """Treat the response as a stream: lend its thread, and notice when the client leaves."""
        self.workers.lend(self.exchange)
        self._listen_from_now_on()

    def _listen_from_now_on(self) -> None:
        if self.listener is None:
            self.listener = self.workers.loop.create_task(self._listen())

    async def _begin_to_listen(self) -> None:
        """Listen for a view that asks whether the client is still there, and tell it when that is so."""
        self._listen_from_now_on()
        # For the rest of the request, and for what the server knows already.
        await sleep(0)
        await sleep(0)
        self.exchange.is_heard = True

    async def _fill_inbox(self) -> None:
        """Get the worker the piece of the request's body that it waits for."""
        exchange = self.exchange
        if self.listener is not None:
            if self.space is not None and not self.space.done():
                self.space.set_result(None)
            return
        fed = exchange.fed
        while exchange.fed == fed and not exchange.inbox_complete and not exchange.left:
            await self._receive_piece()

    async def _listen(self) -> None:
        """Receive until the client leaves, but not more of the body than the worker reads."""
        exchange = self.exchange
        while not exchange.left:
            while exchange.fed - exchange.taken >= MOST_WAITING:
                self.space = self.workers.loop.create_future()
                await self.space
            await self._receive_piece()

    async def _receive_piece(self) -> None:
        try:
            message = await self.receive()
        except OSError:
            self.exchange.leave()
            return
        if message["type"] == "http.disconnect":
            self.exchange.leave()
        else:
            self.exchange.feed(message.get("body", b""), more=message.get("more_body", False))
            self.messages += 1
            if not self.messages % MESSAGES_IN_A_TURN:
                await sleep(0)

    async def _stop_listening(self, listener: Task[None]) -> None:
        listener.cancel()
        await settle(listener)
        if not listener.cancelled():
            # What `receive` raised concerns nobody any more.
            with suppress(Exception):
                listener.result()


async def converse(exchange: Exchange, conversation: Conversation, *, is_begun: bool = False) -> None:
    """Let a worker answer a request, and raise what it raises.

    Args:
        exchange: The request and its response.
        conversation: Its messages.
        is_begun: Whether the worker has it already.
    """
    error: BaseException | None = None
    if not is_begun:
        conversation.workers.submit(exchange)
    try:
        await conversation.carry_on()
        carry(exchange.context, without=current)
        error = exchange.error
        if error is not None and not (conversation.client_left and isinstance(error, ClientDisconnected)):
            if isinstance(error, Exception):
                raise error
            # It would end the server.
            raise RuntimeError(f"The application raised {error!r}.") from error
    finally:
        # The error's traceback refers to this frame.
        del error, exchange, conversation
