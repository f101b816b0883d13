"""The WebSockets of the test client, for tests without a server and without asyncio of their own.

Applications are called by ASGI on an event loop in a thread, which all open WebSockets of an application share. It ends
with the last of them.
"""

from __future__ import annotations

import asyncio
import json
import queue
import threading
import time
import typing as t
import weakref

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Request

from ..exceptions import WebSocketDisconnect
from .client_cookies import host_and_path

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future
    from types import TracebackType

    from _typeshed.wsgi import WSGIEnvironment
    from typing_extensions import Self
    from werkzeug.test import TestResponse

    from ..app import Flask
    from ..asgi.protocol import HeaderPairs, Message, Scope
    from .client import FlaskClient

_MOST_WAITING = 256
# How long an application may take to end, in seconds.
_MOST_AT_END_S = 30.0
_NO_STATUS = 1005
_LOST = 1006
_END: Message = {"type": "end"}


class WebSocketRefused(Exception):
    """The application has refused a handshake.

    Attributes:
        response: Its response; 403 without a body if it has closed the WebSocket instead.
    """

    def __init__(self, response: TestResponse) -> None:
        super().__init__(f"The handshake was answered with {response.status}.")
        self.response = response

    @property
    def status_code(self) -> int:
        """The status of the response."""
        return self.response.status_code


class _Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self.users = 0
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="tuile-test-client", daemon=True)
        self._thread.start()

    def stop(self, app: Flask, timeout: float) -> None:
        """Let the application stop serving on this loop, and end the loop."""
        service = app.__dict__.get("_services", {}).pop(self.loop, None)
        app._asgi_service = None
        try:
            if service is not None:
                asyncio.run_coroutine_threadsafe(service._stop(), self.loop).result(timeout)
        finally:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(timeout)
            if not self._thread.is_alive():
                self.loop.run_until_complete(self.loop.shutdown_default_executor())
                self.loop.close()


_loops: weakref.WeakKeyDictionary[Flask, _Loop] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


class ClientWebSocket:
    """A WebSocket of a test client. Enter it with `with`; its end closes it.

    Args:
        client: The client, whose cookies are sent.
        path: The path, or a whole URL.
        subprotocols: The subprotocols that are offered.
        timeout: How many seconds to wait for the application each time.
        options: As for `client.get`, such as `headers` and `query_string`. The Origin is that of a page of the
            application, unless `headers` has another.
    """

    def __init__(
        self,
        client: FlaskClient,
        path: str,
        *,
        subprotocols: Sequence[str] = (),
        timeout: float = 10.0,
        **options: object,
    ) -> None:
        self._client = client
        self._app: Flask = client.application
        self._timeout = timeout
        request = client._request_from_builder_args((path,), options)
        environ: WSGIEnvironment = request.environ
        # Browsers send it with every handshake.
        environ.setdefault("HTTP_ORIGIN", request.host_url.removesuffix("/"))
        self._environ = environ
        self._subprotocols = list(subprotocols)
        self._outgoing: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._running: Future[None] | None = None
        self._has_left = False
        #: The headers of the handshake, and the subprotocol that the application has chosen.
        self.headers: Headers = _headers([])
        self.subprotocol: str | None = None
        #: How the application has closed it; None before.
        self.close_code: int | None = None
        self.close_reason: str | None = None

    # The handshake

    def __enter__(self) -> Self:
        with _lock:
            thread = _loops.get(self._app)
            if thread is None:
                thread = _loops[self._app] = _Loop()
            thread.users += 1
        self._thread, self._loop = thread, thread.loop
        try:
            self._open()
        except BaseException:
            self._finish()
            raise
        return self

    def _open(self) -> None:
        self._client._add_cookies_to_wsgi(self._environ)
        scope = _scope_of(self._environ, self._subprotocols)
        self._incoming: asyncio.Queue[Message] = asyncio.run_coroutine_threadsafe(_new_queue(), self._loop).result()
        self._put({"type": "websocket.connect"})
        self._running = asyncio.run_coroutine_threadsafe(self._call(scope), self._loop)
        self._running.add_done_callback(lambda _: self._outgoing.put(_END))
        message = self._next()
        if message["type"] == "websocket.accept":
            self.subprotocol = message.get("subprotocol")
            self.headers = _headers(message.get("headers") or [])
            self._keep_cookies(self.headers)
            return
        status, headers, body = 403, _headers([]), b""
        if message["type"] == "websocket.http.response.start":
            status, headers = message["status"], _headers(message["headers"])
            while (message := self._next()).get("more_body"):
                body += message["body"]
            body += message["body"]
        # If the application fails, its error is what a test wants to see.
        self._result()
        self._keep_cookies(headers)
        response_class = self._client.response_wrapper
        raise WebSocketRefused(response_class(iter([body]), f"{status}", headers, Request(self._environ)))

    async def _call(self, scope: Scope) -> None:
        await self._app(scope, self._incoming.get, self._take)

    async def _take(self, message: Message) -> None:
        while self._outgoing.qsize() >= _MOST_WAITING and not self._has_left:  # noqa: ASYNC110 - a thread takes them
            await asyncio.sleep(0.001)
        self._outgoing.put(message)

    def _keep_cookies(self, headers: Headers) -> None:
        client, lines = self._client, headers.getlist("Set-Cookie")
        if client._jar is not None:
            client._jar.receive(self._environ, headers)
        elif lines:
            client._update_cookies_from_response(*host_and_path(self._environ), lines)

    # Messages

    def send(self, data: str | bytes) -> None:
        """Send a message: str as text, bytes as binary.

        Raises:
            WebSocketDisconnect: If the application has closed the WebSocket.
        """
        if self.close_code is not None:
            raise WebSocketDisconnect(self.close_code, self.close_reason or "")
        if not isinstance(data, (str, bytes)):
            raise TypeError(f"A message is str or bytes, not {type(data).__name__}.")
        self._put({"type": "websocket.receive", "text" if isinstance(data, str) else "bytes": data})

    def send_json(self, value: object) -> None:
        """Send a value as JSON."""
        self.send(self._app.json.dumps(value))

    def receive(self) -> str | bytes:
        """Wait for the next message, and return it.

        Raises:
            WebSocketDisconnect: If the application has closed the WebSocket.
            TimeoutError: If there is none in time.
            Exception: What the application raises, if errors are propagated (`TESTING`).
        """
        if self.close_code is not None:
            raise WebSocketDisconnect(self.close_code, self.close_reason or "")
        message = self._next()
        if message["type"] == "websocket.close":
            code: int = message.get("code", 1000)
            reason: str = message.get("reason") or ""
            self.close_code, self.close_reason = code, reason
            self._leave(code)
            # An error of the view is raised after it has closed the WebSocket.
            self._result()
            raise WebSocketDisconnect(code, reason)
        text: str | bytes | None = message.get("text")
        return t.cast("bytes", message["bytes"]) if text is None else text

    def receive_json(self) -> object:
        """Wait for the next message, and return what its JSON means."""
        return json.loads(self.receive())

    def __iter__(self) -> Iterator[str | bytes]:
        while True:
            try:
                yield self.receive()
            except WebSocketDisconnect:
                return

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the WebSocket, and wait until the application has noticed it."""
        self._leave(code, reason)
        self._result()

    def _put(self, message: Message) -> None:
        self._loop.call_soon_threadsafe(self._incoming.put_nowait, message)

    def _next(self) -> Message:
        try:
            message = self._outgoing.get(timeout=self._timeout)
        except queue.Empty:
            raise TimeoutError(f"The application has sent nothing within {self._timeout} seconds.") from None
        if message is _END:
            self._outgoing.put(_END)
            self._result()
            raise WebSocketDisconnect(_LOST)
        return message

    def _leave(self, code: int, reason: str = "") -> None:
        if not self._has_left:
            self._has_left = True
            self._put({"type": "websocket.disconnect", "code": code, "reason": reason})

    def _result(self) -> None:
        """Wait for the application to return, and raise what it raises, once."""
        running, self._running = self._running, None
        if running is not None:
            running.result(self._timeout)

    # The end

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._leave(_NO_STATUS)
            if error is None:
                self._result()
        finally:
            self._finish()

    def _finish(self) -> None:
        running = self._running
        if running is not None:
            give_up = time.monotonic() + _MOST_AT_END_S
            while not running.done() and time.monotonic() < give_up:
                time.sleep(0.001)
            running.cancel()
        with _lock:
            self._thread.users -= 1
            is_last = self._thread.users == 0
            if is_last:
                del _loops[self._app]
        if is_last:
            self._thread.stop(self._app, _MOST_AT_END_S)


async def _new_queue() -> asyncio.Queue[Message]:
    return asyncio.Queue()


def _headers(pairs: HeaderPairs) -> Headers:
    return Headers([(name.decode("latin-1").title(), value.decode("latin-1")) for name, value in pairs])


def _scope_of(environ: WSGIEnvironment, subprotocols: list[str]) -> Scope:
    """Return the scope of a handshake for the environ of a request."""
    headers = [(b"connection", b"Upgrade"), (b"upgrade", b"websocket"), (b"sec-websocket-version", b"13")]
    for key, value in environ.items():
        if key.startswith("HTTP_") and isinstance(value, str):
            headers.append((key[5:].replace("_", "-").lower().encode("latin-1"), value.encode("latin-1")))
    if subprotocols:
        headers.append((b"sec-websocket-protocol", ", ".join(subprotocols).encode("latin-1")))
    root = str(environ.get("SCRIPT_NAME", "")).encode("latin-1").decode(errors="replace").rstrip("/")
    path = str(environ.get("PATH_INFO", "")).encode("latin-1").decode(errors="replace")
    address = environ.get("REMOTE_ADDR")
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "wss" if environ["wsgi.url_scheme"] == "https" else "ws",
        "path": root + path,
        "raw_path": None,
        "query_string": environ.get("QUERY_STRING", "").encode("latin-1"),
        "root_path": root,
        "headers": headers,
        "client": None if address is None else (address, int(environ.get("REMOTE_PORT") or 0)),
        "server": (environ["SERVER_NAME"], int(environ["SERVER_PORT"])),
        "subprotocols": subprotocols,
        "extensions": {"websocket.http.response": {}},
    }
