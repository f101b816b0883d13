"""Serve one WebSocket: its steps in workers if they may block, its view on the event loop or in the worker as well.

The steps run in one context. A coroutine is awaited in the task of the server, whose variables are set as that context
has them, and what it changes is taken over. While a coroutine runs, no thread is held.
"""

from __future__ import annotations

import io
import typing as t
from asyncio import CancelledError, current_task, run_coroutine_threadsafe, shield, sleep, wait
from contextvars import Context, copy_context

from ...ctx.app_context import current
from ...sessions.watcher import watcher_of
from ..calls import carry
from ..scopes import BadScope, environ_of, sent_headers
from ..workers import call_in_worker
from .connection import Connection
from .context import make_context
from .states import INTERNAL_ERROR, POLICY_VIOLATION
from .steps import Ending, Steps, may_block

if t.TYPE_CHECKING:
    from asyncio import Future, Task, TimerHandle
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from _typeshed.wsgi import WSGIEnvironment

    from ...sessions.watching import SessionWatch
    from ..protocol import HeaderPairs, Receive, Scope, Send
    from ..service import Service
    from .context import WebSocketContext
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
        #: The task, as long as it awaits the view.
        self.awaiting: Task[object] | None = None
        self.timer: TimerHandle | None = None
        #: Whether the view was cancelled because the WebSocket has ended.
        self.is_cancelled = False
        self.saving: Task[object] | None = None
        self.job: _Job | None = None

    async def refuse(self, status: int, text: str) -> None:
        """Answer the handshake before it gets to the application."""
        body = f"{text}\n".encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
        await self.connection.refuse(status, headers, [body])

    async def serve(self, environ: WSGIEnvironment) -> None:
        """Serve it to its end."""
        connection, ending = self.connection, Ending(INTERNAL_ERROR)
        variables = copy_context()
        try:
            context = self.context = variables.run(make_context, self.app, environ, connection, self.scope)
            ending = await self._run(variables, context)
        finally:
            if self._ends_at_once(ending):
                await self._finish(ending)
            else:
                await shield(self.service.loop.create_task(self._finish(ending)))
        carry(variables, without=current)
        if ending.error is not None:
            raise ending.error

    async def _run(self, variables: Context, context: WebSocketContext) -> Ending:
        steps = Steps(self.app, context, self.connection, self._lend)
        if self._may_block():
            job = self.job = _Job(self)
            try:
                view = await job.run_in(variables, steps.begin)
            except CancelledError as cancelled:
                if job.result is not None:
                    # The view was not called.
                    await self._end(steps, variables, None, cancelled)
                raise
            finally:
                self.job = None
        else:
            view = variables.run(steps.begin)
        if view is None:
            return steps.ending
        answer, error = await self._await(variables, t.cast("Awaited", view))
        await self._end(steps, variables, answer, error)
        if isinstance(error, CancelledError) and not self.is_cancelled:
            return steps.ending._replace(error=steps.ending.error or error)
        return steps.ending

    async def _await(self, variables: Context, view: Awaited) -> tuple[object, BaseException | None]:
        """Await a coroutine, and return its result or its error."""
        if self.connection.is_over and not self.connection.has_received:
            self.is_cancelled = True
            return None, CancelledError()
        answer: object = None
        error: BaseException | None = None
        task = self.awaiting = t.cast("Task[object]", current_task())
        cancellations, token = _cancellations(task), current.set(None)
        carry(variables)
        try:
            if self.connection.is_over:
                self._on_end()
            answer = await self._call(view)
        except BaseException as raised:  # noqa: BLE001 - it becomes an answer, or is raised again
            error = raised
        finally:
            self.awaiting = None
            if self.timer is not None:
                self.timer.cancel()
            variables.run(carry, copy_context(), current)
            current.reset(token)
        if self.is_cancelled:
            try:
                # If it has returned before it was told.
                await sleep(0)
            except CancelledError as cancelled:
                error = error or cancelled
            getattr(task, "uncancel", int)()
        elif _cancellations(task) > cancellations:
            # The server stops.
            self.connection.release()
            error = error if isinstance(error, CancelledError) else CancelledError()
        return answer if error is None else None, error

    async def _end(self, steps: Steps, variables: Context, answer: object, error: BaseException | None) -> None:
        if not self._may_block():
            variables.run(steps.end, answer, error)
            return
        ending = _Job(self).run_in(variables, lambda: steps.end(answer, error))
        await shield(self.service.loop.create_task(ending))

    def _lend(self) -> bool:
        """Count the thread of a view as one of those that wait, if it has one; called in it."""
        return self.job is not None and self.job.lend()

    def _may_block(self) -> bool:
        """Return whether the steps around the view need a worker."""
        plan = self.service.plan_for_loop()
        return plan is None or may_block(self.app, self.service.websocket_endpoints(plan))

    async def _call(self, view: Awaited) -> object:
        """Await the view, or send what its asynchronous generator yields."""
        made = view() if callable(view) else view
        if hasattr(made, "__anext__"):
            await self._send_each(t.cast("AsyncIterator[object]", made))
            return None
        return await t.cast("Awaitable[object]", made)

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
            # Saving the session may take its time, and goes on if the view is cancelled meanwhile.
            if self.saving is None or self.saving.done():
                saving = call_in_worker(self.workers, context.headers_at_accept)
                self.saving = self.service.loop.create_task(saving)
            lines = t.cast("list[tuple[str, str]]", await shield(self.saving))
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
        if self.awaiting is None or self.timer is not None:
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
        if self.awaiting is not None:
            self.is_cancelled = True
            self.awaiting.cancel()

    def _ends_at_once(self, ending: Ending) -> bool:
        """Return whether there is at most a close frame to send, and nothing to wait for."""
        connection = self.connection
        return (
            ending.refusal is None
            and self.saving is None
            and not (connection.is_connecting or connection.tasks)
            and not watcher_of(self.service.loop).is_looking
        )

    async def _finish(self, ending: Ending) -> None:
        connection = self.connection
        if self.saving is not None:
            await wait([self.saving])
        await watcher_of(self.service.loop).remove(self)
        if ending.refusal is not None:
            await connection.refuse(*ending.refusal)
        elif connection.is_connecting:
            await self.refuse(500 if ending.code == INTERNAL_ERROR else 403, "The handshake was refused.")
        await connection.close_at_end(ending.code, ending.reason)
        await connection.finish()


def _cancellations(task: Task[object]) -> int:
    """Return how often a task was told to end; always 0 before Python 3.11."""
    found: int = getattr(task, "cancelling", int)()
    return found


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
