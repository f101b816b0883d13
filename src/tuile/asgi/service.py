"""Serve one application on one event loop: each kind of scope, and what its requests share.

A request of HTTP goes to a worker thread as a whole. The coroutine here passes its messages on: it is the only place
that calls `receive` and `send` for it.
"""

from __future__ import annotations

import os
import typing as t
import weakref
from asyncio import get_running_loop
from contextvars import copy_context

from werkzeug.exceptions import ClientDisconnected

from ..ctx.app_context import current
from .conversation import Conversation
from .exchange import MOST_WAITING, Exchange, body_stream
from .refusals import refuse
from .scopes import BadScope, content_length, environ_of
from .workers import Workers, carry

if t.TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from _typeshed.wsgi import WSGIEnvironment

    from ..app import Flask
    from .protocol import Receive, Scope, Send


class Service:
    """What the requests of an application on one event loop share: above all its worker threads."""

    def __init__(self, app: Flask, loop: AbstractEventLoop) -> None:
        self.app = app
        self.loop = loop
        self.process = os.getpid()
        count = app.config["ASGI_WORKERS"] or min(32, (os.cpu_count() or 1) + 4)
        self.workers = Workers(loop, count, app.config["ASGI_STREAM_WORKERS"], f"{app.name}-worker")
        # Where the server does not tell when it stops, the threads end with the app or the process.
        weakref.finalize(self, self.workers.close)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope.

        Raises:
            ValueError: If it is of a kind that the application does not know, as the ASGI specification demands.
        """
        kind = scope["type"]
        if kind == "http":
            await self._serve_http(scope, receive, send)
        elif kind == "websocket":
            # Refused before the handshake, which servers answer with 403.
            await receive()
            await send({"type": "websocket.close", "code": 1000, "reason": ""})
        elif kind == "lifespan":
            await self._serve_lifespan(receive, send)
        else:
            raise ValueError(f"Scopes of type {kind!r} are not served, only http, websocket and lifespan.")

    async def _serve_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            environ = environ_of(scope)
        except BadScope as reason:
            await refuse(400, "Bad Request", str(reason), send)
            return
        if self.workers.is_closed:
            await refuse(503, "Service Unavailable", "The server is shutting down.", send)
            return
        context = copy_context()
        exchange = Exchange(self.app, environ, context, self.workers.report)
        conversation = Conversation(exchange, self.workers, receive, send)
        if self._is_read_ahead(environ) and not await conversation.read_ahead(MOST_WAITING):
            # The client left before its request was complete.
            return
        environ["wsgi.input"] = body_stream(exchange)
        error: BaseException | None = None
        try:
            await conversation.carry_on()
            carry(context, without=current)
            error = exchange.error
            if error is not None and not (conversation.client_left and isinstance(error, ClientDisconnected)):
                raise error if isinstance(error, Exception) else RuntimeError(f"The application ended by {error!r}.")
        finally:
            # The error's traceback refers to this frame.
            del error, exchange, conversation, context, environ

    def _is_read_ahead(self, environ: WSGIEnvironment) -> bool:
        """Return whether the start of the body is read before a worker is taken, so that slow clients hold none."""
        length = content_length(environ)
        if length is None:
            # Without either header, only HTTP/2 and later have a body; and GET hardly ever has one.
            return "HTTP_TRANSFER_ENCODING" in environ
        limit = self.app.config["MAX_CONTENT_LENGTH"]
        if limit is not None and length > limit:
            return False
        # With `Expect`, reading tells the client to send the body: it is the view that may refuse it before.
        return length > 0 and not (length > MOST_WAITING and "HTTP_EXPECT" in environ)

    async def _serve_lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.workers.close()
        await self.loop.run_in_executor(None, self.workers.join, self.app.config["ASGI_SHUTDOWN_TIMEOUT"])
        await send({"type": "lifespan.shutdown.complete"})


def service_of(app: Flask) -> Service:
    """Return the service of an app on the running event loop; made at the first call, and anew after a fork."""
    loop = get_running_loop()
    services: dict[AbstractEventLoop, Service] = app.__dict__.setdefault("_services", {})
    service = services.get(loop)
    if service is None or service.process != os.getpid():
        for other in [other for other in services if other.is_closed()]:
            services.pop(other, None)
        service = services[loop] = Service(app, loop)
    return service
