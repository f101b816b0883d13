"""Serve one WebSocket: its steps in workers if they may block, its view on the event loop or in the worker as well.

Steps that cannot block run in the task of the server, as the view does. Otherwise they run in a context of their own. A
coroutine is awaited in the task of the server then, whose variables are set as that context has them, and what it
changes is taken over. While a coroutine runs, no thread is held.
"""

from __future__ import annotations

import typing as t
from asyncio import CancelledError, current_task, run_coroutine_threadsafe, shield, sleep, wait
from contextvars import Context, copy_context
from functools import partial
from time import monotonic
from types import CoroutineType

from ...ctx.app_context import current, current_value, set_current
from ...sessions.watcher import watcher_of
from ...startup import duration
from ..calls import carry
from ..on_loop import in_worker, leave_on_loop
from ..scopes import BadScope, handshake_environ_of, handshake_of, sent_headers
from ..workers import call_in_worker
from .connection import Connection
from .context import make_context
from .states import CONNECTING, INTERNAL_ERROR, OPEN, POLICY_VIOLATION, Machine
from .steps import FAILED, Steps, ends_plainly, may_block

if t.TYPE_CHECKING:
    from asyncio import Future, Task
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from _typeshed.wsgi import WSGIEnvironment

    from ...ctx.app_context import Current
    from ...sessions.watching import SessionWatch
    from ...wrappers.client import Result
    from ..protocol import HeaderPairs, Receive, Scope, Send
    from ..service import Service
    from .context import WebSocketContext
    from .steps import Awaited, Ending


async def serve_websocket(service: Service, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one scope of the type `websocket`."""
    if (await receive())["type"] != "websocket.connect":
        return
    served = _Served(service, scope, receive, send)
    # Most views read little more of it.
    handshake, environ = handshake_of(scope), None
    try:
        if handshake is None:
            environ = handshake_environ_of(scope)
    except BadScope as reason:
        await served.refuse(400, str(reason))
        return
    if service.workers.is_closed:
        await served.refuse(503, "The server is shutting down.")
        return
    if not service.is_started:
        await service._start()
    await served.serve(handshake, environ)


def requested_subprotocols(scope: Scope) -> list[str]:
    """Return the subprotocols that a client offers."""
    # Some servers do not split the header.
    return [part.strip() for offered in scope["subprotocols"] for part in offered.split(",") if part.strip()]


class _Served:
    """One WebSocket that is served."""

    #: The task, as long as it awaits the view.
    awaiting: Task[object] | None = None
    #: When the view is cancelled, because the WebSocket has ended.
    cancels_at: float | None = None
    #: Whether it was.
    is_cancelled = False
    saving: Task[object] | None = None
    job: _Job | None = None

    def __init__(self, service: Service, scope: Scope, receive: Receive, send: Send) -> None:
        self.service = service
        self.app = service.app
        self.workers = service.workers
        self.watcher = service.watcher = service.watcher or watcher_of(service.loop)
        self.scope = scope
        self.http_version: str = scope.get("http_version", "1.1")
        machine = Machine()
        extensions = scope.get("extensions")
        if extensions:
            machine.can_deny = "websocket.http.response" in extensions
        self.connection = Connection(
            # By position: keywords double what making an object takes.
            receive,
            send,
            service.loop,
            machine,
            requested_subprotocols(scope) if scope.get("subprotocols") else (),
            self.app.config.get("WEBSOCKET_MAX_SIZE", 1024 * 1024),
            self._headers_at_accept,
            self._on_end,
        )
        self.context: WebSocketContext | None = None

    async def refuse(self, status: int, text: str) -> None:
        """Answer the handshake before it gets to the application."""
        body = f"{text}\n".encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
        await self.connection.refuse(status, headers, [body])

    async def serve(self, handshake: tuple[str, str] | None, environ: WSGIEnvironment | None) -> None:
        """Serve it to its end."""
        connection, ending = self.connection, FAILED
        variables = copy_context() if may_block(self.service) else None
        try:
            if variables is None:
                context = make_context(self.app, handshake, environ, connection, self.scope)
            else:
                context = variables.run(make_context, self.app, handshake, environ, connection, self.scope)
            self.context = context
            ending = await self._run(variables, context)
        finally:
            if self._ends_at_once(ending):
                self.watcher.forget(self)
                if connection.machine.state == OPEN:
                    await connection.close_at_end(ending.code, ending.reason)
            else:
                await shield(self.service.loop.create_task(self._finish(ending)))
            # They refer to this object, which refers to the connection.
            connection._on_end = connection._headers_at_accept = None
        if variables is not None:
            carry(variables, without=current)
        if ending.error is not None:
            raise ending.error

    async def _run(self, variables: Context | None, context: WebSocketContext) -> Ending:
        steps = Steps(self.app, context, self.connection, self._lend)
        if variables is None:
            view = steps.begin(is_on_loop=True)
            if steps.raised is not None:
                raised, steps.raised = steps.raised, None
                await self._end(steps, None, None, raised)
        else:
            job = self.job = _Job(self)
            try:
                view = t.cast("Awaited | None", await job.run_in(variables, steps.begin))
            except CancelledError as cancelled:
                if job.result is not None:
                    # The view was not called.
                    await self._end(steps, variables, None, cancelled)
                raise
            finally:
                self.job = None
        if view is None:
            return steps.ending
        answer, error = await self._await(variables, view)
        if variables is None and isinstance(error, GeneratorExit):
            # Nothing can be awaited any more, and the context can only be left where it was entered.
            raise error
        if variables is None and ends_plainly(self.service, answer, error):
            steps.end(answer, error)
        else:
            await self._end(steps, variables, answer, error)
        if isinstance(error, CancelledError) and not self.is_cancelled:
            return steps.ending._replace(error=steps.ending.error or error)
        return steps.ending

    async def _await(self, variables: Context | None, view: Awaited) -> tuple[object, BaseException | None]:
        """Await a coroutine, and return its result or its error."""
        is_over = self.connection.is_over
        if is_over and not self.connection.has_received:
            self.is_cancelled = True
            return None, CancelledError()
        answer: object = None
        error: BaseException | None = None
        # Without the loop, it would ask the system which one runs.
        task: Result = current_task(self.service.loop)
        self.awaiting = task
        # They are counted since Python 3.11.
        cancelling: Callable[[], int] = getattr(task, "cancelling", int)
        cancellations, before = cancelling(), current_value(None)
        if variables is not None:
            carry(variables)
        try:
            if is_over:
                self._on_end()
            made: Result = view() if callable(view) else view
            is_coroutine = type(made) is CoroutineType
            answer = await (made if is_coroutine or not hasattr(made, "__anext__") else self._send_each(made))
        except BaseException as raised:  # noqa: BLE001 - it becomes an answer, or is raised again
            error = raised
        finally:
            self.awaiting = None
            # A coroutine that nobody awaits to its end may be closed anywhere.
            is_here = type(error) is not GeneratorExit
            if is_here and (variables is not None or current_value(None) is not before):
                _carry_back(variables, before)
        if self.is_cancelled:
            try:
                # If it has returned before it was told.
                await sleep(0)
            except CancelledError as cancelled:
                error = error or cancelled
            getattr(task, "uncancel", int)()
        elif cancelling() > cancellations:
            # The server stops.
            self.connection.release()
            error = error if isinstance(error, CancelledError) else CancelledError()
        return answer if error is None else None, error

    async def _end(self, steps: Steps, variables: Context | None, answer: object, error: BaseException | None) -> None:
        end: Callable[[], object] = partial(steps.end, answer, error)
        is_on_loop = variables is None
        if variables is None:
            # An error is to be handled, or a function was registered meanwhile.
            end = in_worker(steps.context, end)
            leave_on_loop(steps.context)
            variables = copy_context()
        await shield(self.service.loop.create_task(_Job(self).run_in(variables, end)))
        if is_on_loop:
            carry(variables, without=current)

    def _lend(self) -> bool:
        """Count the thread of a view as one of those that wait, if it has one; called in it."""
        return self.job is not None and self.job.lend()

    async def _send_each(self, messages: AsyncIterator[object]) -> None:
        try:
            async for message in messages:
                data = message if isinstance(message, (str, bytes)) else self.app.json.dumps(message)
                await self.connection.send(data)
        finally:
            await t.cast("AsyncGenerator[object, None]", messages).aclose()

    def _headers_at_accept(self) -> HeaderPairs | Awaitable[HeaderPairs]:
        context = self.context
        if context is not None and context._is_touched:
            return self._saved_headers(context)
        if context is not None:
            context.headers_at_accept()
        self.watcher.add(self)
        return []

    async def _saved_headers(self, context: WebSocketContext) -> HeaderPairs:
        # Saving the session may take its time, and goes on if the view is cancelled meanwhile.
        if self.saving is None or self.saving.done():
            saving = call_in_worker(self.workers, context.headers_at_accept)
            self.saving = self.service.loop.create_task(saving)
        lines = t.cast("list[tuple[str, str]]", await shield(self.saving))
        self.watcher.add(self)
        return sent_headers(lines, self.http_version)

    @property
    def session_watch(self) -> SessionWatch | None:
        """The watch for the session that the handshake has read."""
        return None if self.context is None else self.context.session_watch

    def look(self) -> None:
        """Notice when the client leaves, and end a view that has gone on for long after that."""
        if self.cancels_at is None:
            self.connection.listen()
        elif monotonic() >= self.cancels_at and not self.is_cancelled:
            # Once, so that the view can wait while it cleans up.
            self._cancel()

    def end_session(self) -> None:
        """Close it: the session has been ended."""
        self.connection.end(POLICY_VIOLATION, "The session has ended.")

    def _on_end(self) -> None:
        """Let the view end: called when the client has left, or when the WebSocket has been closed for it."""
        if self.awaiting is None or self.cancels_at is not None:
            return
        connection = self.connection
        if connection.has_received or connection.is_receiving:
            # It is busy with a message, or is told by `receive`.
            # `look` cancels it: since the handshake was accepted, the watcher calls that.
            self.cancels_at = monotonic() + duration(self.app, "WEBSOCKET_GRACE")
        else:
            self._cancel()

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
            and connection.machine.state != CONNECTING
            and connection._listener is None
            and connection._ending is None
            and not self.watcher.is_looking
        )

    async def _finish(self, ending: Ending) -> None:
        connection = self.connection
        if self.saving is not None:
            await wait([self.saving])
        await self.watcher.remove(self)
        if ending.refusal is not None:
            await connection.refuse(*ending.refusal)
        elif connection.is_connecting:
            await self.refuse(500 if ending.code == INTERNAL_ERROR else 403, "The handshake was refused.")
        await connection.close_at_end(ending.code, ending.reason)
        await connection.finish()


def _carry_back(variables: Context | None, before: Current | None) -> None:
    """Let steps have the variables that a view has set, and enter again what was entered before it."""
    if variables is not None:
        variables.run(carry, copy_context(), current)
    set_current(before)


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
            await wait([self.future], timeout=duration(self.served.app, "ASGI_SHUTDOWN_TIMEOUT"))
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
