"""Drive an application as an ASGI server does, and check every message that it sends."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence

    from tuile.asgi.protocol import AsgiApp, Message, Scope


class Answer(NamedTuple):
    """The response to a request."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    pieces: list[bytes]

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def header(self, name: bytes) -> bytes | None:
        """Return the value of a header; None if there is none."""
        return dict(self.headers).get(name)


def make_scope(
    path: str = "/",
    method: str = "GET",
    *,
    headers: Iterable[tuple[bytes, bytes]] = (),
    query: bytes = b"",
    **more: Any,
) -> Scope:
    """Return the scope of a request, as uvicorn makes it."""
    headers = list(headers)
    if not any(name == b"host" for name, _ in headers):
        headers.insert(0, (b"host", b"localhost"))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": None,
        "query_string": query,
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
        **more,
    }


class Server:
    """One request as a server sees it.

    Args:
        scope: The scope.
        pieces: The pieces of the body.
        leaves_after: How many messages of a body the client gets before it leaves; None if it stays.
        takes: How long the client takes for each piece, in seconds.
    """

    def __init__(
        self,
        scope: Scope,
        pieces: Sequence[bytes] = (),
        *,
        leaves_after: int | None = None,
        takes: float | None = None,
        is_complete: bool = True,
    ) -> None:
        self.scope = scope
        self.incoming: deque[Message] = deque(
            {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
        )
        if is_complete:
            self.incoming.append({"type": "http.request", "body": b"", "more_body": False})
        self.leaves_after = leaves_after
        self.takes = takes
        self.left = asyncio.Event()
        self.received = 0
        self.start: Message | None = None
        self.bodies: list[bytes] = []
        self.is_complete = False
        self.is_receiving = False

    async def receive(self) -> Message:
        """Give the application the next message."""
        assert not self.is_receiving, "receive is called twice at the same time"
        self.is_receiving = True
        try:
            if self.incoming and not self.left.is_set():
                self.received += 1
                return self.incoming.popleft()
            await self.left.wait()
            return {"type": "http.disconnect"}
        finally:
            self.is_receiving = False

    async def send(self, message: Message) -> None:
        """Take a message, and check it by the specification."""
        assert type(message) is dict
        if self.takes is not None:
            await asyncio.sleep(self.takes)
        if message["type"] == "http.response.start":
            self._check_start(message)
            self.start = message
            return
        assert message["type"] == "http.response.body", message
        assert self.start is not None, "a body before the start"
        assert not self.is_complete, "a message after the last one"
        assert set(message) <= {"type", "body", "more_body"}
        assert type(message["body"]) is bytes
        assert type(message["more_body"]) is bool
        assert message["body"] or not message["more_body"], "an empty piece in the middle"
        self.bodies.append(message["body"])
        self.is_complete = not message["more_body"]
        if self.is_complete:
            self._check_length()
        if self.leaves_after is not None and len(self.bodies) >= self.leaves_after:
            self.left.set()

    def _check_start(self, message: Message) -> None:
        assert self.start is None, "a second start"
        assert set(message) <= {"type", "status", "headers", "trailers"}
        assert type(message["status"]) is int
        assert 200 <= message["status"] <= 999
        for name, value in message["headers"]:
            assert type(name) is bytes
            assert type(value) is bytes
            assert name == name.lower()
            assert name
            assert not any(octet in name for octet in b" :\r\n\0")
            assert not any(octet in value for octet in b"\r\n\0")
            assert name != b"transfer-encoding"

    def _check_length(self) -> None:
        assert self.start is not None
        lengths = [int(value) for name, value in self.start["headers"] if name == b"content-length"]
        assert len(lengths) <= 1
        if self.scope["method"] == "HEAD" or self.start["status"] in {204, 304}:
            assert b"".join(self.bodies) == b""
        elif lengths:
            assert sum(map(len, self.bodies)) == lengths[0]

    async def ask(self, app: AsgiApp) -> Answer:
        """Call the application, and return its response."""
        await app(self.scope, self.receive, self.send)
        assert not self.is_receiving, "the application returned while it was receiving"
        assert self.start is not None, "no response"
        assert self.is_complete or self.left.is_set(), "the response has no end"
        return Answer(self.start["status"], list(self.start["headers"]), b"".join(self.bodies), self.bodies)


class CancelledAt:
    """Awaits a coroutine, and cancels the task where it waits for the nth time."""

    def __init__(self, coroutine: Any, place: int) -> None:
        self.coroutine = coroutine
        self.place = place
        self.waits = 0

    def __await__(self) -> Generator[Any, Any, None]:
        go_on: Callable[[Any], Any] = self.coroutine.send
        value: Any = None
        while True:
            try:
                waited_for = go_on(value)
            except StopIteration:
                return
            self.waits += 1
            task = asyncio.current_task()
            if self.waits == self.place and task is not None:
                task.get_loop().call_soon(task.cancel)
            try:
                value = yield waited_for
                go_on = self.coroutine.send
            except BaseException as error:  # noqa: BLE001 - the coroutine gets it
                go_on, value = self.coroutine.throw, error


async def ask(app: Any, path: str = "/", method: str = "GET", body: bytes | None = None, **kwargs: Any) -> Answer:
    """Send a request with or without a body."""
    headers = list(kwargs.pop("headers", ()))
    if body is not None:
        headers.append((b"content-length", str(len(body)).encode()))
    scope = make_scope(path, method, headers=headers, **kwargs)
    return await Server(scope, [body] if body else []).ask(app)


async def until(condition: Callable[[], object]) -> None:
    """Wait for what other threads and tasks do."""
    while not condition():  # noqa: ASYNC110 - threads set no event of the loop
        await asyncio.sleep(0.001)


def run(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine function in an event loop of its own, and fail on tasks that it leaves."""

    async def checked() -> Any:
        loop = asyncio.get_running_loop()
        failures: list[Any] = []
        loop.set_exception_handler(lambda _, context: failures.append(context))
        # A task of its own, which `wait_for` makes only before CPython 3.12.
        result = await asyncio.wait_for(asyncio.create_task(main()), 200)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert left == set()
        assert failures == []
        return result

    return asyncio.run(checked())


def send(app: Any, *args: Any, **kwargs: Any) -> Answer:
    """Send one request, in an event loop of its own."""

    async def main() -> Answer:
        return await ask(app, *args, **kwargs)

    answer: Answer = run(main)
    return answer
