"""Record a WebSocket: its handshake, how many messages were exchanged, and how it was closed."""

from __future__ import annotations

import typing as t

from .facts import note_request, note_start
from .watching import guarded, recording

if t.TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..asgi.protocol import Message, Receive, Scope, Send
    from .records import Recording


async def record_websocket(
    found: Recording,
    serve: Callable[..., Awaitable[None]],
    scope: Scope,
    receive: Receive,
    send: Send,
    end: Callable[[Recording], None],
) -> None:
    """Serve a WebSocket, and record it meanwhile.

    Args:
        found: Its recording.
        serve: The application.
        scope: Its scope.
        receive: As of ASGI.
        send: As of ASGI.
        end: Called with the recording when the WebSocket has ended.
    """
    guarded(_note_scope, found, scope)

    async def received() -> Message:
        message = await receive()
        guarded(_note_received, found, message)
        return message

    async def sent(message: Message) -> None:
        guarded(_note_sent, found, message)
        await send(message)

    token = recording.set(found)
    try:
        await serve(scope, received, sent)
    finally:
        recording.reset(token)
        end(found)


def _note_scope(found: Recording, scope: Scope) -> None:
    environ: dict[str, str] = {
        "REQUEST_METHOD": "GET",
        "wsgi.url_scheme": "https" if scope.get("scheme") == "wss" else "http",
        "PATH_INFO": scope.get("path", "").encode("utf-8", "replace").decode("latin-1"),
        "QUERY_STRING": (scope.get("query_string") or b"").decode("latin-1"),
        "REMOTE_ADDR": str((scope.get("client") or ("",))[0]),
    }
    for name, value in scope.get("headers", ()):
        key = f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}"
        joined = f"{environ[key]}; " if key == "HTTP_COOKIE" and key in environ else ""
        environ[key] = joined + value.decode("latin-1")
    note_request(found, environ)


def _note_received(found: Recording, message: Message) -> None:
    if message["type"] == "websocket.receive":
        found.messages_received += 1
    elif message["type"] == "websocket.disconnect":
        found.close_code = message.get("code")


def _note_sent(found: Recording, message: Message) -> None:
    kind = message["type"]
    if kind == "websocket.accept":
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message.get("headers", ())]
        note_start(found, "101", headers)
    elif kind == "websocket.send":
        found.messages_sent += 1
    elif kind == "websocket.http.response.start":
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message.get("headers", ())]
        note_start(found, str(message.get("status", 403)), headers)
    elif kind == "websocket.close":
        found.close_code = message.get("code", 1000)
        found.status = found.status or 403
