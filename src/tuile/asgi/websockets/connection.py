"""The messages of one WebSocket, on the event loop.

`receive` calls the server's `receive` directly as long as the view calls it again soon. While the view does something
else, a listener receives for it, so that it is noticed when the client leaves: at most `_MOST_AHEAD` messages, or
`_MOST_BYTES_AHEAD` bytes, beyond which nothing is read until the view takes them.
"""

from __future__ import annotations

import asyncio
import sys
import typing as t
from collections import deque
from threading import get_ident
from types import BuiltinMethodType

from ...exceptions import WebSocketDisconnect
from .states import CONNECTING, GOING_AWAY, LEFT, LOST, OPEN, TOO_BIG, Machine, check_close, is_larger
from .threads import CalledByThreads
from .turns import Turns

if t.TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future, Task
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from ..protocol import HeaderPairs, Message, Receive, Send

_MOST_AHEAD = 64
_MOST_BYTES_AHEAD = 256 * 1024
# After so many messages, others get a turn: some servers' `send` never pauses.
_SENDS_IN_A_ROW = 64
_LEAVES = "websocket.disconnect"


class Connection(CalledByThreads):
    """One WebSocket.

    Args:
        receive: The server's.
        send: The server's.
        loop: The event loop.
        machine: Its state.
        requested: The subprotocols that the client offers.
        most_bytes: The largest message that is received; None for no limit.
        headers_at_accept: Returns what the application adds to the headers of the handshake, or what to await for it.
        on_end: Called once, when the client leaves or `end` is called.
    """

    # The tasks that wait until the handshake has been accepted, or could not be; None if no task accepts it.
    _accepting: list[Future[None]] | None = None
    _ending: Task[None] | None = None
    #: Whether the view has taken a message, and whether it waits for one.
    has_received = is_receiving = False
    _inbox_bytes = 0
    _waiter: Future[str | bytes | None] | None = None
    _space: Future[None] | None = None

    def __init__(
        self,
        receive: Receive,
        send: Send,
        loop: AbstractEventLoop,
        machine: Machine,
        requested: Sequence[str],
        most_bytes: int | None,
        headers_at_accept: Callable[[], HeaderPairs | Awaitable[HeaderPairs]],
        on_end: Callable[[], None],
    ) -> None:
        self.loop = loop
        self.thread = get_ident()
        self.requested = requested
        self.machine = machine
        self._server_receive = receive
        self._server_send = send
        # granian loses the message that comes to a cancelled `receive`, which is not a function of Python there.
        self._listens_always = isinstance(receive, BuiltinMethodType)
        self._most_bytes = most_bytes
        # Text of so many characters need not be measured in bytes.
        self._most_characters = sys.maxsize if most_bytes is None else most_bytes // 4
        self._headers_at_accept: Callable[[], HeaderPairs | Awaitable[HeaderPairs]] | None = headers_at_accept
        self._on_end: Callable[[], None] | None = on_end
        self._blocked = set()
        # Each message reads these, which are found faster here than on the class.
        self._inbox: deque[str | bytes] = deque()
        self._listener: Task[None] | None = None
        self._turns: Turns | None = None  # if several tasks receive
        self._sends_left = _SENDS_IN_A_ROW

    # The handshake

    async def accept(self, headers: HeaderPairs | None = None, subprotocol: str | None = None) -> None:
        """Accept the handshake, unless that was done before.

        Raises:
            RuntimeError: If that was done before, and there are headers or a subprotocol.
            WebSocketDisconnect: If the client has left.
        """
        machine = self.machine
        if self._accepting is None and machine.state == CONNECTING:
            waiting: list[Future[None]] = []
            self._accepting = waiting
            try:
                added = [] if self._headers_at_accept is None else self._headers_at_accept()
                if not isinstance(added, list):
                    added = await added
                if machine.state == CONNECTING:
                    message = machine.accept([*headers, *added] if headers else added, subprotocol, self.requested)
                    try:
                        await self._server_send(message)
                    except OSError:
                        self._leave(LOST, "")
                    if self._listens_always:
                        self.listen()
            finally:
                # If that has failed, it can be tried again, or refused.
                self._accepting = None
                for accepted in waiting:
                    if not accepted.done():
                        accepted.set_result(None)
        else:
            await self._accept_again(headers, subprotocol)
        if self.machine.state == LEFT:
            raise machine.ended()

    async def _accept_again(self, headers: HeaderPairs | None, subprotocol: str | None) -> None:
        """Wait for the task that accepts the handshake; do nothing if that was done before."""
        if headers or subprotocol is not None:
            raise RuntimeError(
                "The handshake is over, so its headers and its subprotocol cannot be set any more."
                " Call accept() before the first message is sent or received."
            )
        if self._accepting is not None:
            accepted: Future[None] = self.loop.create_future()
            self._accepting.append(accepted)
            await accepted
            if self.machine.state == CONNECTING:
                # The other task could not.
                await self.accept()

    async def refuse(self, status: int, headers: HeaderPairs, pieces: Sequence[bytes]) -> None:
        """Answer the handshake with a response."""
        for message in self.machine.refuse(status, headers, pieces):
            await self._to_server(message)

    # Receiving

    async def receive(self) -> str | bytes:
        """Return the next message; the first call accepts the handshake.

        Raises:
            WebSocketDisconnect: If the WebSocket has ended.
        """
        if self.machine.state == CONNECTING:
            await self.accept()
        while self.is_receiving:
            self._turns = self._turns or Turns(self.loop)
            await self._turns.wait()
        self.is_receiving = True
        data: str | bytes | None
        try:
            if self._listener is None and not self._inbox and self.machine.state == OPEN:
                message = await self._server_receive()
                data = message.get("text")
                if data is None or len(data) > self._most_characters:
                    data = await self._data_of(message)
            else:
                data = await self._next()
        except OSError:
            self._leave(LOST, "")
            raise self.machine.ended() from None
        finally:
            self.is_receiving = False
            if self._turns is not None:
                self._turns.pass_on()
        self.has_received = True
        return data

    async def messages(self) -> AsyncIterator[str | bytes]:
        """Yield the messages until the WebSocket ends: what `receive` does, in one frame for each."""
        receive, machine, most = self._server_receive, self.machine, self._most_characters
        if machine.state == CONNECTING:
            try:
                await self.accept()
            except WebSocketDisconnect:
                return
        while True:
            data: str | bytes | None = None
            if self.is_receiving or self._listener is not None or self._inbox or machine.state != OPEN:
                data = await self._receive_unless_over()
            else:
                self.is_receiving = True
                try:
                    message = await receive()
                    data = message.get("text")
                    if data is None or len(data) > most:
                        data = await self._data_unless_over(message)
                except OSError:
                    self._leave(LOST, "")
                    return
                finally:
                    self.is_receiving = False
                    if self._turns is not None:
                        self._turns.pass_on()
            if data is None:
                return
            self.has_received = True
            yield data

    async def _receive_unless_over(self) -> str | bytes | None:
        """Return the next message; None if the WebSocket has ended."""
        try:
            return await self.receive()
        except WebSocketDisconnect:
            return None

    async def _next(self) -> str | bytes:
        if self._inbox and not self.was_closed:
            data = self._inbox.popleft()
            self._inbox_bytes -= len(data)
            if self._space is not None and not self._space.done():
                self._space.set_result(None)
            return data
        if self.machine.state != OPEN:
            raise self.machine.ended()
        if self._listener is None:
            return await self._data_of(await self._server_receive())
        waiter = self._waiter = self.loop.create_future()
        try:
            received: str | bytes | None = await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and (given := waiter.result()) is not None:
                # It came at the same time, and is for the next call.
                self._to_inbox(given, first=True)
            raise
        finally:
            self._waiter = None
        if received is None:
            raise self.machine.ended()
        return received

    async def _data_of(self, message: Message) -> str | bytes:
        """Return what a message has.

        Raises:
            WebSocketDisconnect: If the client has left, or if the message is too large.
        """
        if message["type"] == _LEAVES:
            self._left_by(message)
            raise self.machine.ended()
        text: str | None = message.get("text")
        data: str | bytes = message.get("bytes") or b"" if text is None else text
        most = self._most_bytes
        if most is not None and is_larger(data, most):
            await self.close_at_end(TOO_BIG, f"A message has at most {most} bytes.")
            self._notify()
            raise self.machine.ended()
        return data

    async def _data_unless_over(self, message: Message) -> str | bytes | None:
        """Return what a message has; None if the WebSocket has ended."""
        if message["type"] == _LEAVES:
            self._left_by(message)
            return None
        try:
            return await self._data_of(message)
        except WebSocketDisconnect:
            return None

    def _to_inbox(self, data: str | bytes, *, first: bool = False) -> None:
        self._inbox_bytes += len(data)
        if first:
            self._inbox.appendleft(data)
        else:
            self._inbox.append(data)

    # Noticing that the client leaves

    def listen(self) -> None:
        """Receive for a view that does not: called now and then."""
        if self._listener is None and not self.is_receiving and self.machine.state == OPEN:
            self._listener = self.loop.create_task(self._listen())

    async def _listen(self) -> None:
        try:
            while True:
                while len(self._inbox) >= _MOST_AHEAD or self._inbox_bytes >= _MOST_BYTES_AHEAD:
                    self._space = self.loop.create_future()
                    await self._space
                data = await self._data_of(await self._server_receive())
                waiter = self._waiter
                if waiter is not None and not waiter.done():
                    waiter.set_result(data)
                    if not self._listens_always:
                        # The view waits here, so it receives for itself from now on.
                        return
                else:
                    self._to_inbox(data)
        except Exception:  # noqa: BLE001 - the machine knows why it has ended
            self._leave(LOST, "")
        finally:
            self._listener = None
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(None)

    def _left_by(self, message: Message) -> None:
        self._leave(message.get("code") or LOST, message.get("reason") or "")

    def _leave(self, code: int, reason: str) -> None:
        self.machine.leave(code, reason)
        if self._on_end is not None:
            self._notify()

    def _notify(self) -> None:
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end()

    # Sending

    async def send(self, data: str | bytes) -> None:
        """Send a message; the first call accepts the handshake.

        Raises:
            WebSocketDisconnect: If the WebSocket has ended.
        """
        machine = self.machine
        if machine.state == OPEN and type(data) is str and data.isascii():
            # What `machine.send` returns, too.
            message: Message = {"type": "websocket.send", "text": data}
        else:
            if machine.state == CONNECTING:
                await self.accept()
            message = machine.send(data)
        try:
            await self._server_send(message)
        except OSError:
            # Some servers tell by it that the client left.
            self._leave(LOST, "")
            raise machine.ended() from None
        self._sends_left -= 1
        if not self._sends_left:
            self._sends_left = _SENDS_IN_A_ROW
            await asyncio.sleep(0)

    async def close(self, code: int, reason: str) -> None:
        """Close the WebSocket. A handshake is accepted before, because browsers do not get the code otherwise."""
        check_close(code, reason)
        if self.machine.state == CONNECTING:
            await self.accept()
        await self.close_at_end(code, reason)

    async def close_at_end(self, code: int, reason: str) -> None:
        """Close the WebSocket if that was not done."""
        message = self.machine.close(code, reason)
        if message is None:
            return
        listener = self._listener
        if listener is not None and listener is not asyncio.current_task():
            # granian sends no close frame while its `receive` waits.
            listener.cancel()
            await asyncio.wait([listener])
        await self._to_server(message)

    async def _to_server(self, message: Message) -> None:
        try:
            await self._server_send(message)
        except OSError:
            # Some servers tell by it that the client left.
            self._leave(LOST, "")

    # Ending it from outside

    def end(self, code: int, reason: str) -> None:
        """Close the WebSocket, whatever the view does."""
        if self._ending is None and self.machine.state == OPEN:
            self._ending = self.loop.create_task(self._end(code, reason))

    async def _end(self, code: int, reason: str) -> None:
        await self.close_at_end(code, reason)
        self._notify()

    def release(self) -> None:
        """Tell threads that wait here that nobody is there any more."""
        self._leave(GOING_AWAY, "")
        self._release_threads()

    async def finish(self) -> None:
        """Wait for the tasks of this connection, at its end."""
        if self._listener is not None:
            self._listener.cancel()
        if tasks := [task for task in (self._listener, self._ending) if task is not None]:
            await asyncio.wait(tasks)

    async def has_ended(self) -> bool:
        """Return whether nothing can be sent any more."""
        self.listen()
        # For what the server knows already.
        await asyncio.sleep(0)
        return self.is_over
