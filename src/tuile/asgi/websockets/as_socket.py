"""A WebSocket of an ASGI server as the socket that extensions for WSGI servers expect in the environ.

Flask-Sock, by simple-websocket, takes the socket of its connection and speaks the protocol there (RFC 6455). It gets
one end of a pair of sockets. At the other end, frames become messages for the server, and the other way round.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import typing as t
from contextlib import suppress

from ...exceptions import WebSocketDisconnect
from .states import LOST, NORMAL

if t.TYPE_CHECKING:
    from concurrent.futures import Future

    from _typeshed.wsgi import WSGIEnvironment

    from .connection import Connection

_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_FINAL = 0x80
_READ = 64 * 1024
# A close frame without a code is told as this one, which none can have.
_NO_CODE = 1005


class Frames:
    """Frames in what a server sends: bytes go in, and whole messages come out."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._parts: list[bytes] = []
        self._kind = _TEXT
        #: The lines of the answer to the handshake, once they are there.
        self.head: list[str] | None = None

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Add bytes, and return the messages that are complete: their opcodes and what they have."""
        self._received += data
        if self.head is None:
            head, end, rest = bytes(self._received).partition(b"\r\n\r\n")
            if not end:
                return []
            self.head, self._received = head.decode("latin-1").split("\r\n"), bytearray(rest)
        messages = []
        while (frame := self._next()) is not None:
            first, content = frame
            opcode = first & 0xF
            if opcode >= _CLOSE:
                messages.append((opcode, content))
                continue
            if opcode != _CONTINUATION:
                self._kind = opcode
            self._parts.append(content)
            if first & _FINAL:
                messages.append((self._kind, b"".join(self._parts)))
                self._parts.clear()
        return messages

    def _next(self) -> tuple[int, bytes] | None:
        """Take a frame off: its first byte and its content, which a server does not mask."""
        received = self._received
        if len(received) < 2:
            return None
        length, start = received[1] & 0x7F, 2
        if length >= 126:
            start = 4 if length == 126 else 10
            length = int.from_bytes(received[2:start], "big")
        if len(received) < start or len(received) < start + length:
            return None
        frame = received[0], bytes(received[start : start + length])
        del received[: start + length]
        return frame

    def header(self, name: str) -> str | None:
        """Return a header of the answer to the handshake."""
        for line in self.head or ():
            sent, _, value = line.partition(":")
            if sent.strip().lower() == name:
                return value.strip()
        return None


def frame_of(opcode: int, content: bytes) -> bytes:
    """Return the frame that a client sends. It is masked with zeros, which change nothing."""
    length = len(content)
    if length < 126:
        head = bytes((_FINAL | opcode, 0x80 | length))
    elif length < 1 << 16:
        head = bytes((_FINAL | opcode, 0x80 | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((_FINAL | opcode, 0x80 | 127)) + length.to_bytes(8, "big")
    return head + bytes(4) + content


def give_socket(environ: WSGIEnvironment, connection: Connection) -> Bridge:
    """Put a socket for a WebSocket into the environ of its handshake: called in a worker."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    # Extensions of the protocol are between the server and its client.
    environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
    environ["HTTP_SEC_WEBSOCKET_VERSION"] = "13"
    environ.setdefault("HTTP_SEC_WEBSOCKET_KEY", base64.b64encode(bytes(16)).decode())
    environ["werkzeug.socket"] = theirs
    return Bridge(connection, ours, theirs)


class Bridge:
    """What connects a WebSocket with a socket.

    Args:
        connection: The WebSocket.
        ours: The end of the pair that is served here.
        theirs: The other one, for the extension.
    """

    def __init__(self, connection: Connection, ours: socket.socket, theirs: socket.socket) -> None:
        self.connection = connection
        self.loop = connection.loop
        self.ours, self.theirs = ours, theirs
        self.frames = Frames()
        self.outward: Future[object] = asyncio.run_coroutine_threadsafe(self._from_socket(), self.loop)
        # A server that stops cancels it.
        connection._blocked.add(self.outward)

    def close(self) -> None:
        """Let what is in the socket be sent, and close it: called in the worker, when the view has ended."""
        with suppress(OSError):
            self.theirs.shutdown(socket.SHUT_WR)
        with suppress(Exception, asyncio.CancelledError):
            self.outward.result()
        self.connection._blocked.discard(self.outward)
        self.theirs.close()

    async def _from_socket(self) -> None:
        """Send what the extension writes, until it closes the socket."""
        inward: asyncio.Task[None] | None = None
        try:
            while data := await self._read():
                had_head = self.frames.head is not None
                messages = self.frames.feed(data)
                if self.frames.head is not None and not had_head:
                    await self.connection.accept(None, self.frames.header("sec-websocket-protocol"))
                    inward = self.loop.create_task(self._to_socket())
                for opcode, content in messages:
                    await self._pass_on(opcode, content)
        except WebSocketDisconnect:
            # The extension is told by the other task.
            pass
        finally:
            if inward is not None:
                inward.cancel()
                await asyncio.wait([inward])
            self.ours.close()

    async def _pass_on(self, opcode: int, content: bytes) -> None:
        if opcode == _TEXT:
            await self.connection.send(content.decode("utf-8", "replace"))
        elif opcode == _BINARY:
            await self.connection.send(content)
        elif opcode == _PING:
            # The server looks after its client by itself.
            await self._write(frame_of(_PONG, content))
        elif opcode == _CLOSE and not self.connection.is_over:
            code = int.from_bytes(content[:2], "big") if len(content) >= 2 else NORMAL
            await self.connection.close(code, content[2:].decode("utf-8", "replace"))

    async def _to_socket(self) -> None:
        """Write what the client sends, until it leaves."""
        try:
            while True:
                message = await self.connection.receive()
                is_text = isinstance(message, str)
                content = message.encode() if isinstance(message, str) else message
                await self._write(frame_of(_TEXT if is_text else _BINARY, content))
        except WebSocketDisconnect as left:
            if left.code == LOST:
                with suppress(OSError):
                    self.ours.shutdown(socket.SHUT_WR)
                return
            code = b"" if left.code == _NO_CODE else left.code.to_bytes(2, "big") + (left.reason or "").encode()
            await self._write(frame_of(_CLOSE, code))

    async def _read(self) -> bytes:
        try:
            return await self.loop.sock_recv(self.ours, _READ)
        except OSError:
            return b""

    async def _write(self, data: bytes) -> None:
        # The extension may have closed its end.
        with suppress(OSError):
            await self.loop.sock_sendall(self.ours, data)
