"""One request in a worker thread: what the worker and the event loop tell each other.

The worker calls the WSGI application whole: middleware, hooks, view, body, `close` and teardown run in one thread and
one context. Each attribute is written by one side only, and read by the other after it was woken:

- The worker writes `head`, `begun`, `pieces`, `complete`, `ended`, `error`, `pushed`, `taken`, and sets `wants` and
  `wants_to_hear`.
- The loop writes `inbox`, `inbox_complete`, `fed`, `sent`, `left`, `is_heard` and clears `wants`.
"""

from __future__ import annotations

import io
import typing as t
from asyncio import _get_running_loop, sleep, wait
from collections import deque
from contextlib import suppress
from queue import SimpleQueue
from tempfile import SpooledTemporaryFile
from time import sleep as sleep_s

from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from .files import FileWrapper, with_short_file_read
from .scopes import sent_headers, status_code

if t.TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable, Iterable
    from contextvars import Context
    from types import TracebackType

    from _typeshed import WriteableBuffer
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

    from ..wrappers.client import Told
    from .protocol import HeaderPairs
    from .waiter import Waiter
    from .workers import Workers

    ExcInfo: t.TypeAlias = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]

#: How many bytes of a response may wait to be sent before the worker waits, and of a request before the loop does.
MOST_WAITING = 64 * 1024
#: A longer body that is received for a coroutine function is put into a file.
MOST_IN_MEMORY = 1024 * 1024
#: A server's `receive` need not pause: others get their turn after so many messages.
MESSAGES_IN_A_TURN = 16
# How many turns of the loop a coroutine waits for another one that begins to listen.
_TURNS = 8
# How long threads wait for it at a time.
_PAUSE_S = 0.0005
#: The statuses of responses that have no body.
BODILESS = frozenset({204, 304})


class Exchange:
    """A request and its response, on their way between the loop and a worker.

    Args:
        app: The WSGI application.
        environ: The environ of the request. `body_stream` returns its `wsgi.input`.
        context: The context that the application runs in.
        workers: Their `report` wakes the loop; `wake` of this exchange is called there soon.
    """

    # Of the worker.
    head: tuple[int, HeaderPairs] | None = None
    # How many bytes the response may still have; None without a Content-Length.
    remaining: int | None = None
    begun = complete = ended = False
    error: BaseException | None = None
    pushed = taken = 0
    wants = wants_to_hear = waits = False
    wakes: SimpleQueue[None] | None = None
    # How much of the body is put aside before a coroutine runs, and what was.
    most_spooled = 0
    spool: t.IO[bytes] | None = None
    # Of the loop. `is_heard` is whether it notices when the client leaves.
    sent = fed = 0
    inbox_complete = left = is_heard = False
    # Of the loop alone.
    waiter: Waiter | None = None
    # What a coroutine waits for that reads the body.
    arrival: Future[None] | None = None
    has_news = is_lent = False
    # The protocol and the method of the request.
    http_version = "1.1"
    method = "GET"

    def __init__(self, app: WSGIApplication, environ: WSGIEnvironment, context: Context, workers: Workers) -> None:
        self.app = app
        self.environ = environ
        self.context = context
        self.workers = workers
        self.report = workers.report
        protocol: str = environ["SERVER_PROTOCOL"]
        self.http_version = protocol.partition("/")[2]
        self.method = environ["REQUEST_METHOD"]
        self.pieces: deque[bytes] = deque()
        self.inbox: deque[bytes] = deque()

    # In the worker

    def run(self) -> None:
        """Call the application and pass its response on. It raises nothing: `error` has what was raised."""
        try:
            self.context.run(self._answer)
        except BaseException as error:  # noqa: BLE001 - the loop raises it where the server sees it
            self.error = error
        # The environ refers to this exchange, by the body: without the cycle all is freed now.
        self.environ = {}
        if self.spool is not None:
            self.spool.close()
        self.ended = True
        self.report(self)

    def _answer(self) -> None:
        self._pass_on(self.app(self.environ, self._start_response))

    def _pass_on(self, parts: Iterable[bytes]) -> None:
        """Add the body of a response to what is to be sent, and close it."""
        if self.head is not None:
            parts = with_short_file_read(parts, self.head[1])
        try:
            if (type(parts) is list or type(parts) is tuple) and self.head is not None:
                self._push(parts[0] if len(parts) == 1 else b"".join(parts))
            else:
                self._push_each(parts)
            self._finish()
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                # Sent before, as servers do: functions that run when a response is closed may take their time.
                if self.begun and type(parts) is not FileWrapper:
                    self.report(self)
                close()

    def _push_each(self, parts: Iterable[bytes]) -> None:
        self.workers.iterate(self)
        for piece in parts:
            is_sent = self._push(piece)
            if self.left or not is_sent:
                break
            if self.remaining == 0 and type(parts) is FileWrapper:
                # Its last piece is reported with its end. What is only read like a file may wait for more.
                break
            if piece:
                self.report(self)
                if self.pushed - self.sent > MOST_WAITING:
                    self._wait(self._has_space)

    def _push(self, piece: bytes) -> bool:
        """Add a piece to what is to be sent; return whether more would be sent, unless the client leaves."""
        if type(piece) is not bytes:
            if not isinstance(piece, (bytes, bytearray, memoryview)):
                raise TypeError(f"The body of a response consists of bytes, not of {type(piece).__name__}.")
            piece = bytes(piece)
        if not piece:
            return True
        self._begin()
        if self.remaining is not None:
            # Servers refuse what is longer than announced, or worse, send it.
            piece = piece[: self.remaining]
            self.remaining -= len(piece)
            if not piece:
                return False
        self.pieces.append(piece)
        self.pushed += len(piece)
        return True

    def _begin(self) -> None:
        """Commit the status and the headers."""
        if self.begun:
            return
        if self.head is None:
            raise RuntimeError("The application did not call start_response.")
        status, headers = self.head
        if self.method == "HEAD" or status in BODILESS:
            self.remaining = 0
        else:
            for name, value in headers:
                if name == b"content-length" and value.isdigit():
                    self.remaining = int(value)
        self.begun = True

    def _finish(self) -> None:
        self._begin()
        if self.remaining and not self.left:
            raise RuntimeError(f"The response ended {self.remaining} bytes before its Content-Length.")
        self.complete = True

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None, /
    ) -> Callable[[bytes], None]:
        if exc_info is not None:
            try:
                if self.begun and exc_info[1] is not None:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self.head is not None:
            raise RuntimeError("The application called start_response twice.")
        self.head = (status_code(status), sent_headers(headers, self.http_version))
        return self._write

    def _write(self, data: bytes, /) -> None:
        self._push(data)
        if self.begun:
            self.report(self)
            self._wait(self._has_space)

    def _has_space(self) -> bool:
        return self.left or self.pushed - self.sent <= MOST_WAITING

    def _wait(self, is_over: Callable[[], bool]) -> None:
        """Wait in the worker until the loop has changed what `is_over` returns."""
        if self.wakes is None:
            self.wakes = SimpleQueue()
        # Set before the look: a change after it finds the mark and wakes this thread. One in between leaves a token
        # too many, with which a later wait looks once more.
        self.waits = True
        while not is_over():
            self.wakes.get()
            self.waits = True

    def next_piece(self) -> bytes:
        """Return the next piece of the request's body; empty at its end.

        Raises:
            ClientDisconnected: If the client left before the end.
            RequestEntityTooLarge: If a coroutine would have to wait for it, with the event loop that is to receive it.
        """
        if self.spool is not None and (piece := self.spool.read(MOST_WAITING)):
            return piece
        if not self.inbox and not self.inbox_complete and not self.left:
            if _get_running_loop() is not None:
                raise RequestEntityTooLarge(f"A coroutine function can read {self.most_spooled} bytes of a body.")
            self.wants = True
            self.report(self)
            self._wait(self._has_piece)
        if self.inbox:
            piece = self.inbox.popleft()
            self.taken += len(piece)
            return piece
        if self.inbox_complete:
            return b""
        raise ClientDisconnected

    async def next_piece_awaited(self) -> bytes:
        """Do the same for a coroutine on the loop, while the worker waits for it."""
        if self.spool is not None and (piece := self.spool.read(MOST_WAITING)):
            return piece
        while not self._has_piece():
            if self.arrival is None or self.arrival.done():
                self.arrival = self.workers.loop.create_future()
            self.wants = True
            # Not here, where a task runs.
            self.workers.loop.call_soon(self.wake)
            # A task that is cancelled does not cancel it for others.
            await wait([self.arrival])
        return self.next_piece()

    def before_coroutine(self) -> None:
        """Receive the rest of the body, because a coroutine that reads it must not wait for its own event loop."""
        if self.inbox_complete or self.spool is not None or not self.most_spooled:
            return
        spool = t.cast("t.IO[bytes]", SpooledTemporaryFile(MOST_IN_MEMORY))  # noqa: SIM115 - closed with the exchange
        # It is found again when the body is read.
        with suppress(ClientDisconnected):
            while spool.tell() <= self.most_spooled and (piece := self.next_piece()):
                spool.write(piece)
        spool.seek(0)
        self.spool = spool

    def is_disconnected(self) -> Told:
        """Return whether the client has left: something to await on an event loop."""
        if not (self.is_heard or self.left or self.wants_to_hear):
            self.wants_to_hear = True
            self.report(self)
        if _get_running_loop() is not None:
            return self._look()
        while not (self._knows() or self.ended):
            # Not by `_wait`, which is for one thread.
            sleep_s(_PAUSE_S)
        return self.left

    async def _look(self) -> bool:
        for _ in range(_TURNS):
            if self._knows():
                break
            await sleep(0)
        return self.left

    def _knows(self) -> bool:
        return self.is_heard or self.left

    def _has_piece(self) -> bool:
        return bool(self.inbox) or self.inbox_complete or self.left

    # On the loop

    def feed(self, piece: bytes, *, more: bool) -> None:
        """Add a piece of the request's body."""
        if piece:
            self.inbox.append(piece)
            self.fed += len(piece)
        if not more:
            self.inbox_complete = True
        self.wake_worker()

    def leave(self) -> None:
        """Tell the worker that nobody is there any more: no piece will come, and none will be sent."""
        self.left = True
        if self.begun:
            self.pieces.clear()
        self.wake_worker()

    def wake_worker(self) -> None:
        """Wake the worker if it waits, or the coroutine that does in its place."""
        if self.arrival is not None and not self.arrival.done():
            self.arrival.set_result(None)
        if self.waits:
            self.waits = False
            t.cast("SimpleQueue[None]", self.wakes).put(None)

    def wake(self) -> None:
        """Wake the coroutine that serves this request: called by the loop, where no task runs."""
        self.has_news = True
        waiter = self.waiter
        if waiter is not None:
            waiter.wake()

    def has_ended(self) -> bool:
        """Return whether the worker is done, so that there will be no more pieces."""
        return self.ended

    def take_pieces(self) -> bytes:
        """Return what is to be sent now, in one piece."""
        pieces = self.pieces
        if not pieces:
            return b""
        first = pieces.popleft()
        if not pieces:
            return first
        gathered, length = [first], len(first)
        while pieces and length < MOST_WAITING:
            piece = pieces.popleft()
            gathered.append(piece)
            length += len(piece)
        return b"".join(gathered)


class _RawBody(io.RawIOBase):
    """The body of a request as it comes, for a worker to read."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self._exchange = exchange
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill the buffer with what there is, waiting for at least one byte; return 0 at the end."""
        if not self._rest:
            self._rest = memoryview(self._exchange.next_piece())
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def body_stream(exchange: Exchange) -> t.IO[bytes]:
    """Return `wsgi.input` for a request."""
    # What is taken from the inbox may be put aside.
    if exchange.inbox_complete and not exchange.taken:
        return io.BytesIO(b"".join(exchange.inbox))
    return io.BufferedReader(_RawBody(exchange), MOST_WAITING)
