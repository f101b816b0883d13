"""WebSockets on Werkzeug's development server, with the reloader and the debugger that it has.

The server gives the socket of a request to the application. The package `websockets` reads and writes the protocol on
it, in the thread of the request, and the application is called by ASGI on the event loop of the process.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import typing as t
from contextlib import suppress

from werkzeug.exceptions import HTTPException

from ...process_loop import process_loop

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from websockets.frames import Frame
    from websockets.http11 import Request

    from ...app import Flask
    from ..protocol import Message, Scope

# How many messages may wait for the application before no more are read.
_MOST_WAITING = 16
# How long the other side may take to close, in seconds.
_CLOSING_S = 3.0


def with_websockets(app: Flask) -> WSGIApplication:
    """Return a WSGI application for Werkzeug's server that serves the WebSockets of an application as well."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if _is_handshake(app, environ):
            return _Bridge(app, environ).serve(start_response)
        return app(environ, start_response)

    return answer


def _is_handshake(app: Flask, environ: WSGIEnvironment) -> bool:
    """Return whether a request opens a WebSocket for one of the app's views. Extensions may serve others."""
    if environ.get("HTTP_UPGRADE", "").lower() != "websocket" or "werkzeug.socket" not in environ:
        return False
    try:
        with app.request_context(environ) as context:
            adapter = context.url_adapter
            endpoint = "" if adapter is None else t.cast("tuple[str, object]", adapter.match())[0]
    except HTTPException:
        return False
    return endpoint in app._websocket_endpoints


class _Bridge:
    """One WebSocket, between the socket of the server and the application."""

    def __init__(self, app: Flask, environ: WSGIEnvironment) -> None:
        from websockets.server import ServerProtocol  # noqa: PLC0415 - it need not be installed

        self.app = app
        self.socket: socket.socket = environ["werkzeug.socket"]
        self.scope = _scope_of(environ)
        self.protocol = ServerProtocol(max_size=None)
        self.protocol.receive_data(_request_of(environ))
        self.request = t.cast("Request", self.protocol.events_received()[0])
        self.loop = process_loop()
        self.inbox: asyncio.Queue[Message] = asyncio.Queue()
        self.space = threading.Semaphore(_MOST_WAITING)
        self.writing = threading.Lock()
        self.handshake_is_over = threading.Event()
        self.is_accepted = False
        self.denial: list[Message] = []
        self.parts: list[bytes] = []

    def serve(self, start_response: StartResponse) -> Iterable[bytes]:
        """Serve it to its end, in the thread of the request."""
        self.inbox.put_nowait({"type": "websocket.connect"})
        serving = asyncio.run_coroutine_threadsafe(self._call(), self.loop)
        self.handshake_is_over.wait()
        if self.is_accepted:
            self._read_all()
        # An error has been logged.
        with suppress(Exception):
            serving.result()
        if not self.is_accepted:
            start: Message = self.denial[0] if self.denial else {"status": 403, "headers": []}
            headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
            start_response(f"{start['status']} Refused", headers)
            return [b"".join(message.get("body", b"") for message in self.denial[1:])]
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        # The server finds the connection closed, and only logs this.
        start_response("101 Switching Protocols", [])
        return []

    async def _call(self) -> None:
        try:
            await self.app.asgi_app(self.scope, self._receive, self._send)
        finally:
            if self.is_accepted:
                # Wakes the thread if the other side does not close as well.
                self.loop.call_later(_CLOSING_S, self._stop_reading)
            self.handshake_is_over.set()

    def _stop_reading(self) -> None:
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RD)

    async def _receive(self) -> Message:
        message = await self.inbox.get()
        self.space.release()
        return message

    async def _send(self, message: Message) -> None:
        await self.loop.run_in_executor(None, self._write, message)

    def _write(self, message: Message) -> None:
        kind, protocol = message["type"], self.protocol
        with self.writing:
            if kind == "websocket.accept":
                response = protocol.accept(self.request)
                for name, value in message.get("headers", ()):
                    response.headers[name.decode("latin-1")] = value.decode("latin-1")
                if message.get("subprotocol") is not None:
                    response.headers["Sec-WebSocket-Protocol"] = message["subprotocol"]
                protocol.send_response(response)
                self.is_accepted = True
            elif kind == "websocket.send":
                text = message.get("text")
                if text is not None:
                    protocol.send_text(text.encode())
                else:
                    protocol.send_binary(message["bytes"])
            elif kind == "websocket.close" and self.is_accepted:
                protocol.send_close(message.get("code", 1000), message.get("reason") or "")
            elif kind != "websocket.close":
                self.denial.append(message)
            self._flush()
        if kind == "websocket.accept":
            self.handshake_is_over.set()

    def _flush(self) -> None:
        for data in self.protocol.data_to_send():
            if data:
                self.socket.sendall(data)
            else:
                self.socket.shutdown(socket.SHUT_WR)

    def _read_all(self) -> None:
        """Read what the other side sends until it has closed."""
        with suppress(OSError):
            while data := self.socket.recv(65536):
                with self.writing:
                    self.protocol.receive_data(data)
                    events = self.protocol.events_received()
                    self._flush()
                for event in events:
                    self._take(t.cast("Frame", event))
                if self.protocol.close_rcvd is not None or self.protocol.parser_exc is not None:
                    break
        closed = self.protocol.close_rcvd
        code, reason = (1006, "") if closed is None else (closed.code, closed.reason)
        self.loop.call_soon_threadsafe(
            self.inbox.put_nowait, {"type": "websocket.disconnect", "code": code, "reason": reason}
        )

    def _take(self, frame: Frame) -> None:
        """Give the application a message, once its last frame is there."""
        if frame.opcode.name not in {"TEXT", "BINARY", "CONT"}:
            return
        if frame.opcode.name != "CONT":
            self.parts, self.is_text = [], frame.opcode.name == "TEXT"
        self.parts.append(bytes(frame.data))
        if not frame.fin:
            return
        data = b"".join(self.parts)
        message: Message = {"type": "websocket.receive"}
        try:
            message["text" if self.is_text else "bytes"] = data.decode() if self.is_text else data
        except UnicodeDecodeError:
            with self.writing, suppress(OSError):
                self.protocol.fail(1007, "Text has to be UTF-8.")
                self._flush()
            return
        self.space.acquire()
        self.loop.call_soon_threadsafe(self.inbox.put_nowait, message)


def _headers_of(environ: WSGIEnvironment) -> list[tuple[bytes, bytes]]:
    return [
        (key[5:].replace("_", "-").lower().encode("latin-1"), value.encode("latin-1"))
        for key, value in environ.items()
        if key.startswith("HTTP_")
    ]


def _request_of(environ: WSGIEnvironment) -> bytes:
    """Return the lines of the request, as the client has sent them."""
    # No extension is offered: the messages are not compressed.
    sent = [(name, value) for name, value in _headers_of(environ) if name != b"sec-websocket-extensions"]
    lines = [b"%s: %s" % pair for pair in sent]
    return b"\r\n".join([b"GET / HTTP/1.1", *lines, b"", b""])


def _scope_of(environ: WSGIEnvironment) -> Scope:
    """Return the scope of ASGI for the handshake in an environ."""
    root = environ.get("SCRIPT_NAME", "")
    path = (root + environ.get("PATH_INFO", "")).encode("latin-1")
    subprotocols = environ.get("HTTP_SEC_WEBSOCKET_PROTOCOL", "")
    port = environ.get("REMOTE_PORT")
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "wss" if environ["wsgi.url_scheme"] == "https" else "ws",
        "path": path.decode("utf-8", "replace"),
        "raw_path": environ.get("RAW_URI", "").partition("?")[0].encode("latin-1"),
        "root_path": root.encode("latin-1").decode("utf-8", "replace"),
        "query_string": environ.get("QUERY_STRING", "").encode("latin-1"),
        "headers": _headers_of(environ),
        "server": (environ["SERVER_NAME"], int(environ["SERVER_PORT"])),
        "client": (environ.get("REMOTE_ADDR", ""), int(port or 0)),
        "subprotocols": [part.strip() for part in subprotocols.split(",") if part.strip()],
        "extensions": {"websocket.http.response": {}},
        "state": {},
    }
