"""Drive an application as an ASGI server does for one WebSocket, and check every message that it sends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tuile.asgi.protocol import Message, Scope

DENIAL: dict[str, dict[str, str]] = {"websocket.http.response": {}}


def make_scope(
    path: str = "/ws",
    *,
    headers: Iterable[tuple[bytes, bytes]] = (),
    subprotocols: Sequence[str] = (),
    can_deny: bool = True,
    **more: Any,
) -> Scope:
    """Return the scope of a WebSocket, as uvicorn makes it."""
    headers = list(headers)
    if not any(name == b"host" for name, _ in headers):
        headers.insert(0, (b"host", b"localhost"))
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": None,
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
        "subprotocols": list(subprotocols),
        "extensions": dict(DENIAL) if can_deny else {},
        **more,
    }


class Client:
    """One WebSocket, as its server and its client see it. Enter it with `async with`.

    Args:
        app: The application.
        scope: The scope.
        is_raising: Whether the server tells by an OSError that the client has left.
    """

    def __init__(self, app: Any, scope: Scope | None = None, *, is_raising: bool = False, **kwargs: Any) -> None:
        self.app = app
        self.scope = make_scope(**kwargs) if scope is None else scope
        self.is_raising = is_raising
        self.incoming: asyncio.Queue[Message] = asyncio.Queue()
        self.outgoing: asyncio.Queue[Message] = asyncio.Queue()
        self.accepted: Message | None = None
        self.closed: Message | None = None
        self.denial: Message | None = None
        self.body = b""
        self.is_denied = self.has_left = self.is_receiving = False
        self.receives = 0
        self.task: asyncio.Task[None] | None = None
        self.blocks_sends: asyncio.Event | None = None

    # What the server gives to the application

    async def _receive(self) -> Message:
        assert not self.is_receiving, "receive is called twice at the same time"
        self.is_receiving = True
        self.receives += 1
        try:
            return await self.incoming.get()
        finally:
            self.is_receiving = False

    async def _send(self, message: Message) -> None:
        self._check(message)
        if self.blocks_sends is not None:
            await self.blocks_sends.wait()
        if self.has_left and self.is_raising:
            raise ConnectionResetError
        self.outgoing.put_nowait(message)

    def _check(self, message: Message) -> None:
        assert type(message) is dict
        assert self.closed is None, f"{message} after the close"
        assert not self.is_denied, f"{message} after the response"
        kind = message["type"].removeprefix("websocket.")
        getattr(self, f"_check_{kind.replace('.', '_')}")(message)

    def _check_accept(self, message: Message) -> None:
        assert self.accepted is None, "accepted twice"
        assert self.denial is None
        assert set(message) == {"type", "subprotocol", "headers"}
        assert message["subprotocol"] is None or message["subprotocol"] in self.scope["subprotocols"]
        self._check_headers(message["headers"])
        assert b"sec-websocket-protocol" not in dict(message["headers"])
        self.accepted = message

    def _check_headers(self, headers: Any) -> None:
        assert type(headers) is list
        for name, value in headers:
            assert type(name) is bytes
            assert type(value) is bytes
            assert name
            assert name == name.lower()
            assert not any(octet in name for octet in b" :\r\n\0")
            assert not any(octet in value for octet in b"\r\n\0")

    def _check_send(self, message: Message) -> None:
        assert self.accepted is not None, "sent before the handshake was accepted"
        assert len(message) == 2
        if "text" in message:
            assert type(message["text"]) is str
            message["text"].encode()
        else:
            assert type(message["bytes"]) is bytes

    def _check_close(self, message: Message) -> None:
        assert set(message) == {"type", "code", "reason"}
        code = message["code"]
        assert type(code) is int
        assert 1000 <= code <= 4999
        assert code not in {1004, 1005, 1006, 1015}
        assert len(message["reason"].encode()) <= 123
        assert self.denial is None
        self.closed = message

    def _check_http_response_start(self, message: Message) -> None:
        assert "websocket.http.response" in self.scope["extensions"], "the server cannot answer with a response"
        assert self.accepted is None
        assert self.denial is None
        assert set(message) == {"type", "status", "headers"}
        assert type(message["status"]) is int
        self._check_headers(message["headers"])
        self.denial = message

    def _check_http_response_body(self, message: Message) -> None:
        assert self.denial is not None
        assert set(message) == {"type", "body", "more_body"}
        assert type(message["body"]) is bytes
        assert type(message["more_body"]) is bool
        self.body += message["body"]
        self.is_denied = not message["more_body"]
        lengths = [int(value) for name, value in self.denial["headers"] if name == b"content-length"]
        if self.is_denied and lengths:
            assert lengths == [len(self.body)]

    # What the client does

    async def __aenter__(self) -> Client:  # noqa: PYI034 - Self needs 3.11
        self.incoming.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.get_running_loop().create_task(self.app(self.scope, self._receive, self._send))
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        assert self.task is not None
        if kind is not None:
            self.task.cancel()
            await asyncio.wait([self.task])
            return
        if not self.has_left:
            self.leave()
        await self.task
        assert not self.is_receiving
        assert self.closed or self.is_denied or self.has_left, "no end"

    def send(self, data: str | bytes) -> None:
        """Send a message."""
        kind = "text" if isinstance(data, str) else "bytes"
        self.incoming.put_nowait({"type": "websocket.receive", kind: data})

    def leave(self, code: int = 1005, reason: str = "") -> None:
        """Close the connection."""
        self.has_left = True
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})

    async def receive(self) -> Any:
        """Return the next message of the application; what it accepts is left out."""
        while True:
            message = await asyncio.wait_for(self._next(), 100)
            if message["type"] == "websocket.send":
                return message.get("text", message.get("bytes"))
            if message["type"] != "websocket.accept":
                return message

    async def _next(self) -> Message:
        assert self.task is not None
        getting = asyncio.ensure_future(self.outgoing.get())
        done, _ = await asyncio.wait([getting, self.task], return_when=asyncio.FIRST_COMPLETED)
        if getting in done:
            return getting.result()
        if not self.outgoing.empty():
            return await getting
        getting.cancel()
        await asyncio.wait([getting])
        self.task.result()
        raise AssertionError("The application has returned.")

    async def until_closed(self) -> tuple[int, str]:
        """Wait for the close frame, and return the code and the reason."""
        while True:
            message = await self.receive()
            if isinstance(message, dict) and message["type"] == "websocket.close":
                return message["code"], message["reason"]

    async def until_accepted(self) -> Message:
        """Wait for the handshake."""
        message = await asyncio.wait_for(self._next(), 100)
        assert message["type"] == "websocket.accept", message
        return message

    async def until_denied(self) -> int:
        """Wait for a response to the handshake, and return its status."""
        assert self.task is not None
        await asyncio.wait_for(self.task, 100)
        assert self.is_denied
        assert self.denial is not None
        status: int = self.denial["status"]
        return status
