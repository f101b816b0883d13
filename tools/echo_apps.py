"""Two applications that send every message of a WebSocket back: Tuile's, and one that is written by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuile import Flask, websocket

if TYPE_CHECKING:
    from tuile.asgi.protocol import Receive, Scope, Send

app = Flask(__name__, static_folder=None)
# The largest messages of the test suite have 16 MiB.
app.config["WEBSOCKET_MAX_SIZE"] = 32 * 1024 * 1024


@app.websocket("/")
async def echo() -> None:
    """Send every message back."""
    async for message in websocket:
        await websocket.send(message)


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    """Send every message back, without a framework."""
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text")
        await send({"type": "websocket.send", **({"bytes": message["bytes"]} if text is None else {"text": text})})
