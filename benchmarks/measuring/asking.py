"""A request as both doors take it, and an answer as both doors give it.

What must live here: the environ and the scope of a browser's request behind a real server. What must not: timing.
"""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, unquote_to_bytes
from wsgiref.util import FileWrapper

BROWSER = (
    ("Host", "127.0.0.1:8000"),
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36",
    ),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
    ("Accept-Language", "en-GB,en;q=0.9,de;q=0.8"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Connection", "keep-alive"),
    ("Upgrade-Insecure-Requests", "1"),
)
# Servers hand a body over in pieces of about this size.
PIECE_BYTES = 64 * 1024


@dataclass(frozen=True)
class Ask:
    """One request: what a browser sends, besides the headers that it always sends.

    The path is percent-encoded and may have a query.
    """

    method: str = "GET"
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def with_cookies(self, cookies: str) -> Ask:
        """The same request with this Cookie header."""
        return Ask(self.method, self.path, (*self.headers, ("Cookie", cookies)), self.body)

    def all_headers(self) -> tuple[tuple[str, str], ...]:
        """The browser's headers, this request's own and the body's length."""
        length = (("Content-Length", str(len(self.body))),) if self.body else ()
        return (*BROWSER, *self.headers, *length)

    def environ(self) -> dict[str, Any]:
        """The request as gunicorn hands it to a WSGI callable."""
        path, _, query = self.path.partition("?")
        environ: dict[str, Any] = {
            "wsgi.errors": sys.stderr,
            "wsgi.version": (1, 0),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": FileWrapper,
            "wsgi.input_terminated": True,
            "SERVER_SOFTWARE": "gunicorn/27.0.1",
            "wsgi.input": io.BytesIO(self.body),
            "gunicorn.socket": None,
            "REQUEST_METHOD": self.method,
            "QUERY_STRING": query,
            "RAW_URI": self.path,
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "http",
            "REMOTE_ADDR": "127.0.0.1",
            "REMOTE_PORT": "51234",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "SCRIPT_NAME": "",
        }
        for name, value in self.all_headers():
            key = name.upper().replace("-", "_")
            environ[key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"] = value
        return environ

    def scope(self) -> dict[str, Any]:
        """The request as uvicorn hands it to an ASGI callable."""
        path, _, query = self.path.partition("?")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": ("127.0.0.1", 8000),
            "client": ("127.0.0.1", 51234),
            "scheme": "http",
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in self.all_headers()],
            "state": {},
            "method": self.method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
        }

    def messages(self) -> list[dict[str, Any]]:
        """The body as `http.request` messages, the last one first."""
        starts = range(0, max(len(self.body), 1), PIECE_BYTES)
        pieces = [self.body[start : start + PIECE_BYTES] for start in starts]
        last = len(pieces) - 1
        messages = [
            {"type": "http.request", "body": piece, "more_body": number < last} for number, piece in enumerate(pieces)
        ]
        return messages[::-1]


@dataclass
class Answer:
    """What came back: enough to tell whether two peers did the same work."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first header of this name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def set_cookies(self) -> list[str]:
        """The Set-Cookie lines, in their order."""
        return [value for key, value in self.headers if key.lower() == "set-cookie"]
