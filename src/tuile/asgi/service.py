"""Serve one application on one event loop: each kind of scope, and what its requests share.

A request of HTTP whose view is a coroutine function runs on the loop, if nothing demands a thread for it as a whole.
All others go to a worker thread, and a coroutine passes its messages on.
"""

from __future__ import annotations

import os
import typing as t
import weakref
from asyncio import _get_running_loop, get_running_loop, shield
from contextvars import copy_context

from .. import invalidation
from ..config import DEFAULT_CONFIG
from ..ctx.app_context import current_value
from ..dispatch.division import begin_on_loop
from ..dispatch.plan import is_stock
from ..lazy import late_modules
from ..startup import duration
from ..wrappers.client import find_client_by
from ..wrappers.environ import make_environ_by
from ._generated import answer_awaited, serve_scope
from .ahead import METHODS_WITHOUT_BODY, Allowance, add_body
from .conversation import Conversation, converse
from .exchange import MOST_WAITING, Exchange, body_stream
from .files import FileWrapper
from .lifespan import Lifespan
from .listening import Listener
from .long_bodies import MOST_TOGETHER, answer_long
from .loop_path import has_steps_before
from .on_loop import MoreSteps
from .refusals import refuse
from .scopes import BadScope, brief_environ_of, content_length, environ_of, file_environ_of, handshake_environ_of
from .workers import Workers

if t.TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task
    from collections.abc import Awaitable, Callable

    from _typeshed.wsgi import WSGIEnvironment

    from ..app import Flask
    from ..dispatch.plan import Plan
    from ..dispatch.return_values import AwaitedView
    from ..sessions.watcher import Watcher
    from ..wrappers.client import Client
    from ..wrappers.environ import Received
    from ..wrappers.request import Request
    from .protocol import Receive, Scope, Send
    from .websockets import serving
else:
    # Most applications have none.
    (serving,) = late_modules(__name__, ".websockets.serving")


# The services of all apps.
_all: weakref.WeakSet[Service] = weakref.WeakSet()
# How many hosts are remembered.
_MOST_HOSTS = 64


class Service:
    """What the requests of an application on one event loop share: above all its worker threads."""

    answer_long = answer_long

    def __init__(self, app: Flask, loop: AbstractEventLoop) -> None:
        #: Serves a scope: what `asgi_app` does.
        self.enter: Callable[..., Awaitable[None]] = serve_scope
        self.app = app
        self.loop = loop
        self.process = os.getpid()
        self.workers = self._make_workers()
        hooks = app._serving_hooks
        self.lifespan = Lifespan(app, hooks)
        self.is_started = not (hooks.before or hooks.around)
        self._starting: Task[None] | None = None
        #: The endpoints of coroutine functions that have used a session in a store.
        self.session_endpoints: set[str] = set()
        #: Whether a request whose view is a coroutine function needs this service and not that of another loop. Asking
        #: which loop runs is a call of the system on CPython 3.11.
        self.is_for_one_loop = bool(hooks.before or hooks.around)
        #: The plan of the app with which requests may be answered on the loop, as long as that is so.
        self.ready_plan: Plan | None = None
        #: Its epoch if `asgi_app` need not be called, because it is not wrapped.
        self.entry_epoch: object = None
        #: The text of hosts that do not affect which rule matches.
        self.hosts: dict[bytes, str] = {}
        #: What is left of the memory for long bodies.
        self.memory = Allowance(MOST_TOGETHER)
        #: Looks after long responses, once there is one.
        self.watcher: Watcher | None = None
        # The endpoints of rules for WebSockets, and the plan with which they were looked up.
        self._websocket_endpoints: tuple[Plan | None, frozenset[str]] = None, frozenset()
        #: The views of WebSockets that are known to be awaited, by endpoint, and the plan of that time.
        self.awaited_websockets: tuple[Plan | None, dict[str, object]] = None, {}
        _all.add(self)

    def _make_workers(self) -> Workers:
        count: int | None = self.setting("ASGI_WORKERS")
        if count is None:
            count = min(32, (os.cpu_count() or 1) + 4)
        most_lent = self.setting("ASGI_STREAM_WORKERS")
        for name, value, least in (("ASGI_WORKERS", count, 1), ("ASGI_STREAM_WORKERS", most_lent, 0)):
            if type(value) is not int or value < least:
                raise ValueError(f"{name} is a number of threads, at least {least}, not {value!r}.")
        workers = Workers(self.loop, count, most_lent, f"{self.app.name}-worker")
        # Where the server does not tell when it stops, the threads end with the app or the process.
        weakref.finalize(self, workers.close)
        return workers

    def setting(self, name: str) -> int:
        """Return a number of the configuration."""
        # An app may have a configuration without Tuile's defaults.
        return t.cast("int", self.app.config.get(name, DEFAULT_CONFIG[name]))

    def here(self) -> Service:
        """Return the service of the app on the running loop: this one, as a rule."""
        running = _get_running_loop()
        # Nothing runs where a coroutine is closed that nobody has awaited to its end.
        return self if running is self.loop or running is None else service_of(self.app)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope.

        Raises:
            ValueError: If it is of a kind that the application does not know, as the ASGI specification demands.
        """
        kind = scope["type"]
        if self.loop is not get_running_loop():
            # It was used last, and there is another one now. After a fork the app has none.
            await serve_scope(self.app, service_of(self.app), scope, receive, send)
        elif kind == "http":
            await self.serve_http(scope, receive, send)
        elif kind == "websocket":
            await serving.serve_websocket(self, scope, receive, send)
        elif kind == "lifespan":
            await self._serve_lifespan(receive, send)
        else:
            raise ValueError(f"Scopes of type {kind!r} are not served, only http, websocket and lifespan.")

    def is_ready(self, plan: Plan) -> bool:
        """Return whether requests may be answered on the loop at the moment, and remember it of the plan."""
        if (
            plan.to_workers
            or type(self.app) is not plan.app_type
            or plan.epoch is not invalidation.epoch
            or not self.is_started
            or self.workers.is_closed
        ):
            return False
        self.ready_plan = plan
        self.entry_epoch = plan.epoch if is_stock(self.app, "asgi_app") else None
        return True

    def text_of_host(self, plan: Plan, octets: bytes) -> str:
        """Return a Host header as text, and remember it if it is one of the hosts of the plan."""
        text = octets.decode("latin-1")
        if text in plan.hosts and len(self.hosts) < _MOST_HOSTS:
            self.hosts[octets] = text
        return text

    def websocket_endpoints(self, plan: Plan) -> frozenset[str]:
        """Return the endpoints of the rules for WebSockets. Each change of the rules makes another plan."""
        known, endpoints = self._websocket_endpoints
        if known is not plan:
            endpoints = frozenset(rule.endpoint for rule in self.app.url_map._rules if rule.websocket)
            self._websocket_endpoints = plan, endpoints
        return endpoints

    def plan_for_loop(self) -> Plan | None:
        """Return the plan of the app if requests may be answered on the loop at the moment."""
        app = self.app
        plan = app._plan
        if plan.epoch is not invalidation.epoch:
            plan = app._planner.for_request(app)
        return plan if plan is self.ready_plan or self.is_ready(plan) else None

    async def serve_http(self, scope: Scope, receive: Receive, send: Send, *, in_worker: bool = False) -> None:
        """Answer a request, on the loop if its view is a coroutine function and `in_worker` is not true."""
        try:
            environ = environ_of(scope)
        except BadScope as reason:
            await refuse(400, "Bad Request", str(reason), scope["method"], send)
            return
        if self.workers.is_closed:
            await refuse(503, "Service Unavailable", "The server is shutting down.", scope["method"], send)
            return
        if not self.is_started:
            # The server has no lifespan, or does not wait for it.
            await self._start()
        exchange = Exchange(self.app, environ, copy_context(), self.workers)
        conversation = Conversation(exchange, self.workers, receive, send)
        if self._prepare_body(exchange) and not await conversation.read_ahead(MOST_WAITING):
            # The client left before its request was complete.
            return
        environ["wsgi.input"] = body_stream(exchange)
        environ["wsgi.file_wrapper"] = FileWrapper
        plan = self.plan_for_loop() if exchange.inbox_complete and not in_worker else None
        begun = None if plan is None else begin_on_loop(self.app, plan, environ)
        if plan is not None and begun is not None:
            context, view, arguments = begun
            context.request._receive = receive
            sent_cookies: str | None = environ.get("HTTP_COOKIE")
            if has_steps_before(self.app, self, plan, context):
                around = MoreSteps(self, plan, context, scope).around(sent_cookies, view, arguments)
                view, arguments = t.cast("tuple[AwaitedView, dict[str, object]]", around)
            await answer_awaited(
                self.app, self, plan, context, sent_cookies, view, arguments, scope["method"], scope, receive, send
            )
            return
        environ["tuile.exchange"] = exchange
        try:
            await converse(exchange, conversation)
        finally:
            # The traceback of what it raises refers to this frame.
            del exchange, conversation, environ

    async def serve_in_worker(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request in a worker."""
        await self.serve_http(scope, receive, send, in_worker=True)

    def _prepare_body(self, exchange: Exchange) -> bool:
        """Decide how the body is received.

        Returns:
            Whether its start is received before a worker is taken, so that slow clients hold none.
        """
        environ = exchange.environ
        length = content_length(environ) if "CONTENT_LENGTH" in environ else None
        if length is None:
            if "HTTP_TRANSFER_ENCODING" not in environ and environ["REQUEST_METHOD"] in METHODS_WITHOUT_BODY:
                # Only HTTP/2 and later would announce none.
                exchange.inbox_complete = environ["SERVER_PROTOCOL"].startswith("HTTP/1")
                if exchange.inbox_complete:
                    return False
        elif length == 0:
            exchange.inbox_complete = True
            return False
        limit = self.app.config["MAX_CONTENT_LENGTH"]
        if limit is not None and length is not None and length > limit:
            # It is refused when it is read, unless the view has another limit.
            return False
        exchange.most_spooled = self.setting("ASGI_SPOOL") if limit is None else limit
        # With `Expect`, reading tells the client to send the body: it is the view that may refuse it before.
        return not ("HTTP_EXPECT" in environ and (length is None or length > MOST_WAITING)) and (
            length is not None or "HTTP_TRANSFER_ENCODING" in environ
        )

    async def _serve_lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        if self.workers.is_closed:
            # Started again on the same loop, as tests do.
            self.workers, self.is_started, self.ready_plan = self._make_workers(), False, None
        try:
            await self._start()
        except Exception as error:
            self.app.logger.exception("The application could not be started")
            self._close()
            await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        try:
            await self._stop()
        except Exception as error:
            self.app.logger.exception("The application did not stop as it should")
            await send({"type": "lifespan.shutdown.failed", "message": f"{type(error).__name__}: {error}"})
            return
        await send({"type": "lifespan.shutdown.complete"})

    async def _start(self) -> None:
        """Run what is to run before the first request, once. After a failure, the next call tries again."""
        if self.is_started:
            return
        if self._starting is None:
            self._starting = self.loop.create_task(self.lifespan.start(self.workers))
        starting = self._starting
        try:
            # A request that is cancelled does not cancel the start that others wait for.
            await shield(starting)
            self.is_started = True
        finally:
            if starting.done() and self._starting is starting:
                self._starting = None

    def _close(self) -> None:
        """Take no more requests."""
        self.ready_plan = None
        self.workers.close()

    async def _stop(self) -> None:
        """Run what is to run after the last request, and wait for the workers."""
        tasks = vars(self.app).get("_background_tasks")
        try:
            if tasks is not None:
                # In a thread: they may need this loop to end.
                await self.loop.run_in_executor(None, tasks.finish)
            await self.lifespan.stop(self.workers)
        finally:
            self._close()
            timeout = duration(self.app, "ASGI_SHUTDOWN_TIMEOUT")
            if not await self.loop.run_in_executor(None, self.workers.join, timeout):
                self.app.logger.warning("Some requests have not ended within %s seconds", timeout)


def _whole_environ(scope: Scope, body: Received) -> WSGIEnvironment:
    """Return the environ of a request that was matched on the loop, or of the handshake of a WebSocket."""
    if scope["type"] == "websocket":
        return handshake_environ_of(scope)
    environ = environ_of(scope)
    add_body(environ, body)
    environ["wsgi.file_wrapper"] = FileWrapper
    return environ


def _environ_for_file(scope: Scope) -> WSGIEnvironment:
    """Return an environ with what says how to send a file, of a request that `brief_headers` accepts."""
    environ = file_environ_of(scope)
    environ["wsgi.file_wrapper"] = FileWrapper
    return environ


def _client_of(request: Request) -> Client | None:
    """Return what knows whether the client of a request has left; None if its server does not tell."""
    if request._receive is None:
        return t.cast("Client | None", request.environ.get("tuile.exchange"))
    # The listener is to be stopped at the end of the request.
    vars(request)["closes_nothing"] = False
    context = current_value(None)
    service = None if context is None else context.app._asgi_service
    running = _get_running_loop()
    return Listener(request._receive, get_running_loop() if service is None else running or service.loop)


make_environ_by(_whole_environ, brief_environ_of, _environ_for_file)
find_client_by(_client_of)


def service_of(app: Flask) -> Service:
    """Return the service of an app on the running event loop; made at the first call, and anew after a fork."""
    loop = get_running_loop()
    services: dict[AbstractEventLoop, Service] = app.__dict__.setdefault("_services", {})
    if any(each.app is not app for each in tuple(services.values())):
        # The app is a copy of another, and has its attributes.
        services = app.__dict__["_services"] = {}
    service = services.get(loop)
    if service is None or service.process != os.getpid():
        for other in [other for other in services if other.is_closed()]:
            services.pop(other, None)
        service = services[loop] = Service(app, loop)
        if len(services) > 1:
            for each in services.values():
                each.is_for_one_loop = True
    app._asgi_service = service
    return service


def _retire_all() -> None:
    """Let no request of a forked process begin with a service of the process that it was forked from."""
    for service in tuple(_all):
        service.app._asgi_service = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_retire_all)
