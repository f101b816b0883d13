"""Call the ASGI side of an application from a thread, as a server would: the test clients send requests through it."""

from __future__ import annotations

import asyncio
import typing as t
from contextlib import suppress
from http import HTTPStatus
from queue import SimpleQueue

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from tuile.asgi.protocol import AsgiApp, HeaderPairs, Message, Scope

_NOT_HEADERS = {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"}
# How long an application has to end when the client left, in seconds.
_MOST_AFTER_LEAVING = 30.0


class AsgiServed:
    """The ASGI side of an application as a WSGI application, which has to be called in another thread than its loop's.

    Args:
        app: The application.
        loop: The event loop, which runs in another thread.
    """

    def __init__(self, app: AsgiApp, loop: asyncio.AbstractEventLoop) -> None:
        self.app = app
        self.loop = loop

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> _Call:
        """Send one request. The response can be iterated over, and closed before its end by a client that leaves."""
        call = _Call(self.app, environ, self.loop)
        status, headers = call.begin()
        phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "UNKNOWN"
        start_response(
            f"{status} {phrase}", [(name.decode("latin-1").title(), value.decode("latin-1")) for name, value in headers]
        )
        return call


class _Call:
    """One request."""

    def __init__(self, app: AsgiApp, environ: WSGIEnvironment, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._scope = scope_of(environ)
        self._body: bytes | None = environ["wsgi.input"].read()
        self._loop = loop
        self._news: SimpleQueue[Message | bytes | None] = SimpleQueue()
        self._is_over = False
        self._left: asyncio.Event
        self._goes_on: asyncio.Event
        self._serving = asyncio.run_coroutine_threadsafe(self._serve(), loop)

    # On the loop

    async def _serve(self) -> None:
        self._left, self._goes_on = asyncio.Event(), asyncio.Event()
        try:
            await self._app(self._scope, self._receive, self._send)
        finally:
            self._news.put(None)

    async def _receive(self) -> Message:
        if self._body is not None and not self._left.is_set():
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._left.is_set():
            return
        if message["type"] == "http.response.start":
            self._news.put(message)
        elif body := message.get("body", b""):
            self._goes_on.clear()
            self._news.put(body)
            if message.get("more_body", False):
                # As servers do when the client is slow: an endless response would fill the memory.
                await self._goes_on.wait()

    def _leave(self) -> None:
        self._left.set()
        self._goes_on.set()

    # In the thread of the client

    def begin(self) -> tuple[int, HeaderPairs]:
        """Wait for the status and the headers.

        Raises:
            RuntimeError: If the application sent none.
        """
        start = self._news.get()
        if isinstance(start, (bytes, type(None))):
            self._is_over = True
            self._serving.result()
            raise RuntimeError("The application sent no response.")  # noqa: TRY004 - no argument has a wrong type
        return start["status"], start["headers"]

    def __iter__(self) -> Iterator[bytes]:
        while not self._is_over:
            piece = self._news.get()
            if not isinstance(piece, bytes):
                self._is_over = True
                # Raises what the application raised.
                self._serving.result()
                return
            self._loop.call_soon_threadsafe(self._goes_on.set)
            yield piece

    def close(self) -> None:
        """Leave, if the response has not ended, and wait for the application.

        Raises:
            TimeoutError: If it does not end.
        """
        if self._is_over:
            return
        self._is_over = True
        self._loop.call_soon_threadsafe(self._leave)
        try:
            with suppress(Exception):
                self._serving.result(_MOST_AFTER_LEAVING)
        finally:
            if not self._serving.done():
                raise TimeoutError(f"The response has not ended {_MOST_AFTER_LEAVING} seconds after the client left.")


def scope_of(environ: WSGIEnvironment) -> Scope:
    """Return the ASGI scope of a request that a test client sends."""
    root, path = (environ[name].encode("latin-1").decode("utf-8", "replace") for name in ("SCRIPT_NAME", "PATH_INFO"))
    headers = [
        (key.removeprefix("HTTP_").replace("_", "-").lower().encode("latin-1"), value.encode("latin-1"))
        for key, value in environ.items()
        if (key.startswith("HTTP_") and key not in _NOT_HEADERS)
        or (key in {"CONTENT_TYPE", "CONTENT_LENGTH"} and value)
    ]
    raw_path = environ.get("REQUEST_URI", "").partition("?")[0]
    port = environ["SERVER_PORT"]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": environ["SERVER_PROTOCOL"].partition("/")[2],
        "method": environ["REQUEST_METHOD"],
        "scheme": environ["wsgi.url_scheme"],
        "path": root + path,
        "raw_path": raw_path.encode("latin-1") if raw_path.startswith("/") else None,
        "query_string": environ["QUERY_STRING"].encode("latin-1"),
        "root_path": root,
        "headers": headers,
        "client": (environ.get("REMOTE_ADDR", "127.0.0.1"), int(environ.get("REMOTE_PORT", 0))),
        "server": (environ["SERVER_NAME"], int(port) if port else None),
        "extensions": {},
    }


class ServerLifespan:
    """The lifespan of an ASGI application, as a server runs it. Used on one event loop."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._stops = asyncio.Event()
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self._is_begun = False
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Run what is to run before the first request.

        Raises:
            RuntimeError: If it fails.
        """
        self._serving = asyncio.get_running_loop().create_task(self._serve())
        await self._expect("startup")

    async def stop(self) -> None:
        """Run what is to run after the last request.

        Raises:
            RuntimeError: If it fails.
        """
        self._stops.set()
        try:
            await self._expect("shutdown")
        finally:
            if self._serving is not None:
                await self._serving

    async def _serve(self) -> None:
        await self._app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, self._receive, self._send)

    async def _send(self, message: Message) -> None:
        self._messages.put_nowait(message)

    async def _receive(self) -> Message:
        if not self._is_begun:
            self._is_begun = True
            return {"type": "lifespan.startup"}
        await self._stops.wait()
        return {"type": "lifespan.shutdown"}

    async def _expect(self, phase: str) -> None:
        message = await self._messages.get()
        if message["type"] != f"lifespan.{phase}.complete":
            raise RuntimeError(f"The {phase} of the application failed: {message.get('message', '')}")
