"""Serve one WebSocket: its steps in workers, its view as a task on the event loop or in the worker as well.

All of it runs in one context: the steps in the context itself, a coroutine in a copy, whose changes are taken over.
While a coroutine runs, no thread is held.
"""

from __future__ import annotations

import io
import typing as t
from asyncio import CancelledError, run_coroutine_threadsafe, shield, wait
from contextvars import Context, copy_context

from ...ctx.app_context import current
from ...sessions.watcher import watcher_of
from ..calls import carry
from ..scopes import BadScope, environ_of, sent_headers
from ..workers import call_in_worker
from .connection import Connection
from .context import WebSocketContext
from .states import INTERNAL_ERROR, POLICY_VIOLATION
from .steps import Ending, Steps, may_block
from .wrapper import websocket_class_of

if t.TYPE_CHECKING:
    from asyncio import Future, Task, TimerHandle
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from _typeshed.wsgi import WSGIEnvironment

    from ...sessions.watching import SessionWatch
    from ..protocol import HeaderPairs, Receive, Scope, Send
    from ..service import Service
    from .steps import Awaited

_CLOSED: t.Final = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


async def serve_websocket(service: Service, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one scope of the type `websocket`."""
    if (await receive())["type"] != "websocket.connect":
        return
    served = _Served(service, scope, receive, send)
    try:
        environ = handshake_environ(scope)
    except BadScope as reason:
        await served.refuse(400, str(reason))
        return
    if service.workers.is_closed:
        await served.refuse(503, "The server is shutting down.")
        return
    if not service.is_started:
        await service._start()
    await served.serve(environ)


def handshake_environ(scope: Scope) -> WSGIEnvironment:
    """Return the WSGI environ for the handshake of a WebSocket.

    Raises:
        BadScope: If headers contradict each other, or if the path is not text.
    """
    scheme = _CLOSED.get(scope.get("scheme") or "ws", "http")
    environ = environ_of({**scope, "method": "GET", "scheme": scheme})
    # Not every server passes these on, and HTTP/2 has neither (RFC 8441).
    environ.update({"HTTP_CONNECTION": "Upgrade", "HTTP_UPGRADE": "websocket"})
    environ.update({"asgi.scope": scope, "wsgi.input": io.BytesIO()})
    return environ


def requested_subprotocols(scope: Scope) -> list[str]:
    """Return the subprotocols that a client offers."""
    # Some servers do not split the header.
    return [part.strip() for offered in scope.get("subprotocols") or () for part in offered.split(",") if part.strip()]


class _Served:
    """One WebSocket that is served."""

    def __init__(self, service: Service, scope: Scope, receive: Receive, send: Send) -> None:
        self.service = service
        self.app = service.app
        self.workers = service.workers
        self.scope = scope
        self.http_version: str = scope.get("http_version", "1.1")
        self.connection = Connection(
            receive,
            send,
            service.loop,
            can_deny="websocket.http.response" in (scope.get("extensions") or {}),
            requested=requested_subprotocols(scope),
            most_bytes=self.app.config.get("WEBSOCKET_MAX_SIZE", 1024 * 1024),
            headers_at_accept=self._headers_at_accept,
            on_end=self._on_end,
        )
        self.context: WebSocketContext | None = None
        self.view: Task[tuple[object, Context]] | None = None
        self.timer: TimerHandle | None = None
        self.is_cancelled = False

    async def refuse(self, status: int, text: str) -> None:
        """Answer the handshake before it gets to the application."""
        body = f"{text}\n".encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
        await self.connection.refuse(status, headers, [body])

    async def serve(self, environ: WSGIEnvironment) -> None:
        """Serve it to its end."""
        connection, app = self.connection, self.app
        websocket = websocket_class_of(app.request_class)(environ)
        websocket.json_module = app.json
        websocket._connection, websocket._app, websocket.scope = connection, app, self.scope
        ending = Ending(INTERNAL_ERROR)
        variables = copy_context()
        try:
            context = self.context = variables.run(WebSocketContext, app, websocket)
            ending = await self._run(variables, context)
        finally:
            await shield(self.service.loop.create_task(self._finish(ending)))
        carry(variables, without=current)
        if ending.error is not None:
            raise ending.error

    async def _run(self, variables: Context, context: WebSocketContext) -> Ending:
        job = _Job(self)
        steps = Steps(self.app, context, self.connection, job.lend)
        try:
            if self._may_block():
                view = await job.run_in(variables, steps.begin)
            else:
                view = variables.run(steps.begin)
        except CancelledError as cancelled:
            if job.result is not None:
                # The view was not called.
                await self._end(steps, variables, None, cancelled)
            raise
        if view is None:
            return steps.ending
        answer, error = await self._await(variables, t.cast("Awaited", view))
        await self._end(steps, variables, answer, error)
        if isinstance(error, CancelledError) and not self.is_cancelled:
            return steps.ending._replace(error=steps.ending.error or error)
        return steps.ending

    async def _await(self, variables: Context, view: Awaited) -> tuple[object, BaseException | None]:
        """Run a coroutine as a task, and return its result or its error."""
        task = self.view = variables.run(self.service.loop.create_task, self._call(view))
        if self.connection.is_over:
            self._on_end()
        try:
            await wait([task])
        except CancelledError as cancelled:
            # The server stops.
            self.view = None
            self.connection.release()
            task.cancel()
            await wait([task])
            return None, cancelled
        finally:
            self.view = None
            if self.timer is not None:
                self.timer.cancel()
        if task.cancelled():
            return None, CancelledError()
        if task.exception() is not None:
            return None, task.exception()
        answer, changed = task.result()
        variables.run(carry, changed, current)
        return answer, None

    async def _end(self, steps: Steps, variables: Context, answer: object, error: BaseException | None) -> None:
        if not self._may_block():
            variables.run(steps.end, answer, error)
            return
        ending = _Job(self).run_in(variables, lambda: steps.end(answer, error))
        await shield(self.service.loop.create_task(ending))

    def _may_block(self) -> bool:
        """Return whether the steps around the view need a worker."""
        plan = self.service.plan_for_loop()
        return plan is None or may_block(self.app, self.service.websocket_endpoints(plan))

    async def _call(self, view: Awaited) -> tuple[object, Context]:
        """Await the view, or send what its asynchronous generator yields."""
        made = view() if callable(view) else view
        if hasattr(made, "__anext__"):
            await self._send_each(t.cast("AsyncIterator[object]", made))
            return None, copy_context()
        return await t.cast("Awaitable[object]", made), copy_context()

    async def _send_each(self, messages: AsyncIterator[object]) -> None:
        try:
            async for message in messages:
                data = message if isinstance(message, (str, bytes)) else self.app.json.dumps(message)
                await self.connection.send(data)
        finally:
            await t.cast("AsyncGenerator[object, None]", messages).aclose()

    async def _headers_at_accept(self) -> HeaderPairs:
        context = t.cast("WebSocketContext", self.context)
        if context._is_touched:
            # Saving the session may take its time.
            lines = t.cast("list[tuple[str, str]]", await call_in_worker(self.workers, context.headers_at_accept))
        else:
            lines = context.headers_at_accept()
        watcher_of(self.service.loop).add(self)
        return sent_headers(lines, self.http_version)

    @property
    def session_watch(self) -> SessionWatch | None:
        """The watch for the session that the handshake has read."""
        return None if self.context is None else self.context.session_watch

    def look(self) -> None:
        """Notice when the client leaves."""
        self.connection.listen()

    def end_session(self) -> None:
        """Close it: the session has been ended."""
        self.connection.end(POLICY_VIOLATION, "The session has ended.")

    def _on_end(self) -> None:
        """Let the view end: called when the client has left, or when the WebSocket has been closed for it."""
        if self.view is None or self.timer is not None:
            return
        connection = self.connection
        if connection.has_received or connection.is_receiving:
            # It is busy with a message, or is told by `receive`.
            self.timer = self.service.loop.call_later(self._grace_s(), self._cancel)
        else:
            self._cancel()

    def _grace_s(self) -> float:
        setting: float = self.app.config.get("WEBSOCKET_GRACE", 5)
        return setting

    def _cancel(self) -> None:
        if self.view is not None:
            self.is_cancelled = True
            self.view.cancel()

    async def _finish(self, ending: Ending) -> None:
        connection = self.connection
        await watcher_of(self.service.loop).remove(self)
        if ending.refusal is not None:
            await connection.refuse(*ending.refusal)
        elif connection.is_connecting:
            await self.refuse(500 if ending.code == INTERNAL_ERROR else 403, "The handshake was refused.")
        await connection.close_at_end(ending.code, ending.reason)
        await connection.finish()


class _Job:
    """A step in a worker."""

    def __init__(self, served: _Served) -> None:
        self.served = served
        self.workers = served.workers
        self.ended = self.left = self.is_lent = False
        self.result: object = None
        self.error: BaseException | None = None
        self.future: Future[None] = served.workers.loop.create_future()

    async def run_in(self, variables: Context, function: Callable[[], object]) -> object:
        """Call a function in a worker, in these context variables, and return its result."""
        self.variables, self.function = variables, function
        self.workers.submit(self)
        try:
            await shield(self.future)
        except CancelledError:
            # The server stops. A thread that waits for messages is told so, and its context is left properly.
            self.served.connection.release()
            await wait([self.future], timeout=self.served.service._setting("ASGI_SHUTDOWN_TIMEOUT"))
            raise
        if self.error is not None:
            raise self.error
        return self.result

    def lend(self) -> bool:
        """Count the thread as one of those that wait; called in it."""

        async def lend() -> bool:
            return self.workers.lend(self)

        return run_coroutine_threadsafe(lend(), self.workers.loop).result()

    def run(self) -> None:
        """Call the function."""
        try:
            self.result = self.variables.run(self.function)
        except BaseException as error:  # noqa: BLE001 - it is raised on the loop
            self.error = error
        self.ended = True
        self.workers.report(self)

    def wake(self) -> None:
        """Wake the coroutine that waits."""
        if self.ended and not self.future.done():
            self.future.set_result(None)

    def before_coroutine(self) -> None:
        """Do nothing: there is no body."""

    def leave(self) -> None:
        """Tell a view that waits for messages that nobody is there any more."""
        self.served.connection.release()
