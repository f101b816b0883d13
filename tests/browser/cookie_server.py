"""A server that sends exactly the given octets over http and https, to test what a browser makes of them.

It answers every host and path, and it is a proxy through which each of its hosts can be reached. The parameter `op` in
the query selects the response: the number of an `Answer` that was added before. WSGI servers cannot be used: they
reject the lines that these tests are about.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path

_op = re.compile(r"[?&]op=(\d+)")
_REASONS = {200: "OK", 302: "Found"}


@dataclass
class Answer:
    """A response to send, and then the request that it was sent to."""

    lines: tuple[bytes, ...] = ()
    status: int = 200
    location: str = ""
    cookie: str | None = None  # the Cookie field it came with, one character per octet; None while it did not come
    at_s: float = 0.0  # when, in seconds since 1970


class CookieServer:
    """A server for http and https on free ports of 127.0.0.1, in a thread."""

    def __init__(self, folder: Path) -> None:
        self.answers: list[Answer] = []
        self.ports: dict[str, int] = {}
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(throw_away_certificate(folder))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._talks: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(100)

    def add(self, url: str, answer: Answer) -> str:
        """Add a response and return the URL that requests it."""
        self.answers.append(answer)
        parts = urlsplit(self.at(url))
        query = f"{parts.query}&op={len(self.answers) - 1}" if parts.query else f"op={len(self.answers) - 1}"
        return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))

    def at(self, url: str) -> str:
        """Return the URL with the port of this server."""
        parts = urlsplit(url)
        host = re.sub(r":\d+$", "", parts.netloc)
        return urlunsplit((parts.scheme, f"{host}:{self.ports[parts.scheme]}", parts.path or "/", parts.query, ""))

    def stop(self) -> None:
        assert self._loop is not None
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(100)
        assert not self._thread.is_alive()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        servers = []
        for scheme, tls in (("http", None), ("https", self._tls)):
            servers.append(await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=tls))
            self.ports[scheme] = servers[-1].sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        for server in servers:
            server.close()
        while self._talks:
            for talk in self._talks:
                talk.cancel()
            await asyncio.gather(*self._talks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Not a coroutine, so that the task is ours: asyncio reports the cancelling of its own as an error.
        talk = asyncio.ensure_future(self._talk(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)
        # Not in the task, which may be cancelled before it has begun.
        talk.add_done_callback(lambda _: writer.transport.abort())

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                if head.startswith("CONNECT "):
                    await self._tunnel(reader, writer)
                    return
                request, *fields = head.rstrip("\r\n").split("\r\n")
                length = re.search(r"(?i)\ncontent-length: *(\d+)", head)
                if length:
                    await reader.readexactly(int(length[1]))
                writer.write(self._answer(request.split()[1], fields))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect a client of the proxy with the https port, whatever host it asks for."""
        there, back = await asyncio.open_connection("127.0.0.1", self.ports["https"])
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        try:
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        finally:
            back.transport.abort()

    def _answer(self, target: str, fields: list[str]) -> bytes:
        found = _op.search(target)
        answer = self.answers[int(found[1])] if found else Answer()
        answer.at_s = time.time()
        pairs = [field.partition(":")[::2] for field in fields]
        answer.cookie = "; ".join(value.strip(" ") for name, value in pairs if name.lower() == "cookie")
        head = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Other')}".encode()]
        head += [b"Set-Cookie: " + line for line in answer.lines]
        if answer.location:
            head.append(b"Location: " + answer.location.encode())
        head += [b"Content-Type: text/html", b"Cache-Control: no-store", b"Content-Length: 22"]
        return b"\r\n".join(head) + b"\r\n\r\n<!doctype html><p>page"


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while octets := await source.read(1 << 16):
        target.write(octets)
        await target.drain()
    target.transport.abort()


def throw_away_certificate(folder: Path) -> Path:
    """Create a self-signed certificate, valid for a day, and return the path of the file with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "throw-away")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "throw-away.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    return file
