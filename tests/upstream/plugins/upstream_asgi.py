"""A pytest plugin: after one that means Tuile by `flask`, each request of a test takes the way of an ASGI server.

The environ that a test client makes becomes a scope, and what the application sends becomes a call of `start_response`.
What a scope has no place for is put into the environ that is made of it: what the test gave to the environ, and the
client's function that preserves contexts. The reason phrase of a status is lost, as it is for every ASGI application.

`Flask.__call__` is replaced for it, and counts as Flask's own. So requests whose view is a coroutine function are
answered on the event loop, and others in a worker, as on a server.
"""

from __future__ import annotations

import asyncio
import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from werkzeug.http import HTTP_STATUS_CODES

from tuile.app import Flask
from tuile.asgi import _generated, scopes, service
from tuile.dispatch.plan import take_stock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_loop = asyncio.new_event_loop()
threading.Thread(target=_loop.run_forever, name="asgi-server", daemon=True).start()
_by_wsgi = Flask.__call__
#: How many requests took this way.
requests = 0


def _by_asgi(self: Any, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if "asgi.scope" in environ:
        # In the worker.
        return _by_wsgi(self, environ, start_response)
    global requests  # noqa: PLW0603 - a count
    requests += 1
    exchange = _Exchange(environ)
    is_done, failure = threading.Event(), list[BaseException]()

    async def main() -> None:
        try:
            await self(exchange.scope, exchange.receive, exchange.send)
        except BaseException as error:  # noqa: BLE001 - raised in the thread of the test
            failure.append(error)
        finally:
            is_done.set()

    tasks = []
    _loop.call_soon_threadsafe(lambda: tasks.append(_loop.create_task(main())), context=copy_context())
    is_done.wait()
    if not (failure or exchange.scope["state"]["entered"]):
        raise RuntimeError("The application is not entered by the function of this plugin.")
    exchange.rewind()
    if failure:
        error = failure.pop()
        try:
            # What is no `Exception` would end the server.
            raise error if error.__cause__ is None or isinstance(error.__cause__, Exception) else error.__cause__
        finally:
            del error
    status = exchange.start["status"]
    start_response(f"{status} {HTTP_STATUS_CODES.get(status, 'Unknown').upper()}", exchange.headers)
    return exchange.pieces


class _Exchange:
    """A request as a server has it."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self.environ = environ
        self.is_read = False
        stream = environ["wsgi.input"]
        self.begin = stream.tell() if hasattr(stream, "seekable") and stream.seekable() else None
        self.start: Any = None
        self.pieces: list[bytes] = []
        root = environ.get("SCRIPT_NAME", "").encode("latin-1")
        path = environ.get("PATH_INFO", "").encode("latin-1")
        headers = [(key[5:], value) for key, value in environ.items() if key.startswith("HTTP_")]
        headers += [(key, environ[key]) for key in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(key)]
        self.scope = {
            "type": "http",
            "http_version": environ.get("SERVER_PROTOCOL", "HTTP/1.1").partition("/")[2],
            "method": environ["REQUEST_METHOD"],
            "scheme": environ["wsgi.url_scheme"],
            "path": (root + path).decode("utf-8", "replace"),
            "raw_path": b"".join(b"%%%02X" % octet for octet in root + path),
            "root_path": root.decode("utf-8", "replace"),
            "query_string": environ.get("QUERY_STRING", "").encode("latin-1"),
            "headers": [
                (name.replace("_", "-").lower().encode(), str(value).encode("latin-1")) for name, value in headers
            ],
            "server": (environ["SERVER_NAME"], int(environ["SERVER_PORT"])),
            "client": (environ["REMOTE_ADDR"], 50000) if environ.get("REMOTE_ADDR") else None,
            "state": {"environ": environ, "entered": False},
        }

    async def receive(self) -> Any:
        """The body in one piece, and then nothing."""
        if self.is_read:
            await asyncio.Event().wait()
        self.is_read = True
        stream, length = self.environ["wsgi.input"], self.environ.get("CONTENT_LENGTH")
        body = stream.read() if self.environ.get("wsgi.input_terminated") or not length else stream.read(int(length))
        return {"type": "http.request", "body": body, "more_body": False}

    def rewind(self) -> None:
        """Let a client that follows a redirect send the body again: it may have been read before a view wanted it."""
        if self.is_read and self.begin is not None and not self.environ["wsgi.input"].closed:
            self.environ["wsgi.input"].seek(self.begin)

    async def send(self, message: Any) -> None:
        """Keep a message."""
        if message["type"] == "http.response.start":
            self.start = message
        elif message["body"]:
            self.pieces.append(message["body"])

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers for `start_response`."""
        return [(name.decode().title(), value.decode("latin-1")) for name, value in self.start["headers"]]


def _environ_of(scope: Any) -> dict[str, Any]:
    environ = scopes.environ_of(scope)
    if "environ" in scope.get("state", {}):
        given = scope["state"]["environ"]
        for key in given.keys() - environ.keys():
            if key != "wsgi.input":
                environ[key] = given[key]
        environ["wsgi.errors"] = given["wsgi.errors"]
    return environ


async def _serve(app: Any, serving: Any, scope: Any, receive: Any, send: Any) -> None:
    # What the test has put into the environ is in no brief one.
    state = scope.get("state", {})
    state["entered"] = True
    given = state.get("environ", {}).keys()
    if given <= scopes.environ_of(scope).keys() | {"werkzeug.request", "wsgi.input"}:
        await _generated.serve_scope(app, serving, scope, receive, send)
    else:
        await serving.serve(scope, receive, send)


vars(service)["environ_of"] = _environ_of
vars(service)["serve_scope"] = _serve
Flask.__call__ = _by_asgi  # type: ignore[method-assign,assignment] # the subject
take_stock(Flask)
