"""The steps of one WebSocket around its view, in a worker: matching, hooks, errors, and what the end is.

They are those of a request (`dispatch.steps`), with other hooks. Coroutine functions among the hooks run on the event
loop, as in any worker.
"""

from __future__ import annotations

import typing as t
from asyncio import CancelledError
from functools import partial
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, isasyncgenfunction, isawaitable, iscoroutinefunction
from types import FunctionType

from werkzeug.exceptions import InternalServerError, ServiceUnavailable
from werkzeug.http import HTTP_STATUS_CODES

from ... import invalidation
from ...csrf import check_csrf
from ...exceptions import WebSocketDisconnect
from ...http.received import as_printed
from ...signals import (
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    got_websocket_exception,
    heard,
    send_signal,
    websocket_finished,
    websocket_started,
    websocket_tearing_down,
)
from ..scopes import sent_headers, status_code
from .as_socket import give_socket
from .states import INTERNAL_ERROR, NORMAL, code_for

if t.TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from _typeshed.wsgi import WSGIEnvironment

    from ... import typing as ft
    from ...app import Flask
    from ...dispatch.plan import Plan
    from ...wrappers.response import Response
    from ..protocol import HeaderPairs
    from ..service import Service
    from .connection import Connection
    from .context import WebSocketContext

Function: t.TypeAlias = "Callable[..., object]"
#: What is to be awaited on the event loop: the view, or what it has returned.
Awaited: t.TypeAlias = "Function | Awaitable[object]"
_Registry: t.TypeAlias = "dict[str | None, list[Function]]"


_IS_AWAITED = CO_COROUTINE | CO_ASYNC_GENERATOR
# Those whose receivers are called in the steps.
_SIGNALS = (
    *(websocket_started, websocket_finished, websocket_tearing_down, got_websocket_exception),
    *(appcontext_pushed, appcontext_tearing_down, appcontext_popped),
)


def may_block(service: Service) -> bool:
    """Return whether a step of a WebSocket around its view may block the event loop, so that it needs a worker."""
    app, plan = service.app, service.ready_plan
    if plan is None or plan is not app._plan or plan.epoch is not invalidation.epoch:
        plan = service.plan_for_loop()
    if (
        plan is None
        or not app._got_first_request
        or app.config.get("CSRF") is not None
        or app.config.get("SESSION_STORE") is not None
        # Functions for a WebSocket or its context.
        or app.before_websocket_funcs
        or app.after_websocket_funcs
        or app.teardown_websocket_funcs
        or app.url_value_preprocessors
        or app.teardown_appcontext_funcs
        or (heard and any(signal.receivers for signal in _SIGNALS))
    ):
        return True
    known, awaited = service.awaited_websockets
    if known is plan:
        for endpoint, view in awaited.items():
            if app.view_functions.get(endpoint) is not view:
                break
        else:
            return False
    return _has_view_in_thread(service, plan)


def ends_plainly(service: Service, answer: object, error: BaseException | None) -> bool:
    """Return whether nothing is to be done with what the view has returned, or at the end, that may block.

    It is asked where `may_block` was false before the view, and the view may have changed something.
    """
    app, plan = service.app, service.ready_plan
    return (
        answer is None
        and error is None
        and plan is not None
        and plan is app._plan
        and plan.epoch is invalidation.epoch
        and not app.after_websocket_funcs
        and not app.teardown_websocket_funcs
        and not app.teardown_appcontext_funcs
        and not heard
    ) or not (
        # The handlers of errors, also of one in what becomes of the answer.
        (app.error_handler_spec and (answer is not None or error is not None)) or may_block(service)
    )


def _has_view_in_thread(service: Service, plan: Plan) -> bool:
    """Return whether a rule for WebSockets leads to a view that waits in its thread; remember that none does."""
    app, endpoints = service.app, service.websocket_endpoints(plan)
    views = {endpoint: app.view_functions.get(endpoint) for endpoint in endpoints}
    if not endpoints <= app._websocket_endpoints or not all(map(is_awaited, views.values())):
        return True
    service.awaited_websockets = plan, dict(views)
    return False


def is_awaited(view: object) -> bool:
    """Return whether a view is a coroutine function or an asynchronous generator function."""
    # Faster for most of them.
    if type(view) is FunctionType and view.__code__.co_flags & _IS_AWAITED:
        return True
    return iscoroutinefunction(view) or isasyncgenfunction(view)


class Ending(t.NamedTuple):
    """How a WebSocket ends.

    Attributes:
        code: The code of the close frame.
        reason: The reason in it.
        refusal: The response to a handshake that is not over: status, headers, and the pieces of its body; None to
            close it without one.
        error: What the server is to raise.
    """

    code: int = NORMAL
    reason: str = ""
    refusal: tuple[int, HeaderPairs, list[bytes]] | None = None
    error: BaseException | None = None


#: How it ends if the view has returned nothing, and if something went wrong.
ENDED_WELL, FAILED = Ending(), Ending(INTERNAL_ERROR)


class Steps:
    """The steps of one WebSocket.

    Args:
        app: The application.
        context: The context of the WebSocket.
        connection: Its messages.
        lend: Called in a worker before a view that waits there; returns whether there are threads left.
    """

    def __init__(self, app: Flask, context: WebSocketContext, connection: Connection, lend: Callable[[], bool]) -> None:
        self.app = app
        self.context = context
        self.connection = connection
        self.lend = lend
        #: How it ends, once that is known.
        self.ending = FAILED
        self._answer: object = None
        self._code: int | None = None
        self._error: Exception | None = None
        #: What was raised before the view, if it is to be handled in a worker.
        self.raised: Exception | CancelledError | None = None

    def begin(self, *, is_on_loop: bool = False) -> Awaited | None:
        """Enter the context, run the hooks, and return the coroutine function to await; None if all is done.

        Args:
            is_on_loop: Whether it is called on the event loop, where no handler of an error is to be called.
        """
        try:
            view = self._enter()
        except (Exception, CancelledError) as error:  # noqa: BLE001 - handlers may be registered for any exception
            if is_on_loop and self.app.error_handler_spec and self.context.is_pushed:
                self.raised = error
            else:
                self.end(None, error)
            return None
        if view is None:
            self.end(self._answer, None)
        return view

    def _enter(self) -> Awaited | None:
        app, context = self.app, self.context
        if not app._got_first_request:
            app._check_settings()
            app._got_first_request = True
        context.push()
        if websocket_started.receivers:
            send_signal(websocket_started, app, app.ensure_sync)
        if app.config.get("CSRF") is not None:
            check_csrf(app)
        self._answer = self._run_hooks()
        return self._call_view() if self._answer is None else None

    def _call_view(self) -> Awaited | None:
        """Return what is to be awaited on the event loop; or call the view here, and keep its answer."""
        request = self.context.websocket
        if request.routing_exception is not None:
            raise request.routing_exception
        rule = request.url_rule
        view: Function = self.app.view_functions["" if rule is None else rule.endpoint]
        arguments = request.view_args or {}
        if is_awaited(view):
            if self.app.config.get("SESSION_STORE") is not None:
                self.context.read_session()
            return partial(view, **arguments) if arguments else view
        if not self.lend():
            raise ServiceUnavailable("Too many WebSockets are open in threads.")
        bridge = None
        if request.endpoint not in self.app._websocket_endpoints:
            # A rule of `add_url_rule`, whose view expects the socket of a WSGI server.
            bridge = give_socket(request.environ, self.connection)
        try:
            answer = self.app.ensure_sync(view)(**arguments)
        finally:
            if bridge is not None:
                bridge.close()
        if isawaitable(answer):
            return answer
        self._answer = answer
        return None

    def end(self, answer: object, error: BaseException | None) -> None:
        """Handle what the view has returned or raised, and leave the context."""
        context = self.context
        if (
            context._token is not None
            and answer is None
            and error is None
            and not (heard or vars(self.app).get("after_websocket_funcs"))
        ):
            # Nothing of what follows would do anything.
            self.ending = ENDED_WELL
            context.pop(None)
            return
        if not context.is_pushed:
            # The settings are wrong, or the host is refused before anything is entered.
            self.ending = Ending(INTERNAL_ERROR, error=error)
            return
        try:
            response = self._finalize(self._handled(answer, error))
            self.ending = self._ending_of(response)
        except Exception as raised:  # noqa: BLE001 - it becomes an answer
            self._error = raised
            self.ending = self._unhandled(raised)
        finally:
            context.pop(self._error)

    # Before the view

    def _run_hooks(self) -> object:
        app = self.app
        registered: _Registry = vars(app).get("before_websocket_funcs", {})
        if not (registered or app.url_value_preprocessors):
            return None
        request = self.context.websocket
        scopes = (None, *reversed(request.blueprints))
        for scope in scopes:
            for prepare in app.url_value_preprocessors.get(scope, ()):
                prepare(request.endpoint, request.view_args)
        for scope in scopes:
            for function in registered.get(scope, ()):
                answer = app.ensure_sync(function)()
                if answer is not None:
                    found: object = answer
                    return found
        return None

    # After the view

    def _handled(self, answer: object, error: BaseException | None) -> object:
        """Return the answer, or what the handler of an error returns."""
        if error is None:
            return answer
        try:
            raise error
        except CancelledError:
            # Its client has left, the session has been ended, or the server stops.
            return None if self.connection.is_over else InternalServerError("The view was cancelled.")
        except WebSocketDisconnect as disconnect:
            if self.app._find_error_handler(disconnect, self.context.request.blueprints) is None:
                return None
            return self.app.handle_user_exception(disconnect)
        except Exception as raised:  # noqa: BLE001 - as above
            return self.app.handle_user_exception(raised)

    def _finalize(self, answer: object, *, is_error: bool = False) -> Response | None:
        app = self.app
        self._code = getattr(answer, "websocket_code", None)
        response = None if answer is None else app.make_response(t.cast("ft.ResponseReturnValue", answer))
        try:
            registered: _Registry = vars(app).get("after_websocket_funcs", {})
            if registered:
                for scope in (*self.context.request.blueprints, None):
                    for function in reversed(registered.get(scope, ())):
                        response = app.ensure_sync(function)(response)
            if websocket_finished.receivers:
                send_signal(websocket_finished, app, app.ensure_sync, response=response)
        except Exception:
            if not is_error:
                raise
            app.logger.exception("WebSocket finalizing failed with an error while handling an error")
        return response

    def _unhandled(self, error: Exception) -> Ending:
        """Return the end after an exception that no handler is registered for."""
        app = self.app
        if got_websocket_exception.receivers:
            send_signal(got_websocket_exception, app, app.ensure_sync, exception=error)
        propagates = app.config["PROPAGATE_EXCEPTIONS"]
        if propagates is None:
            propagates = app.testing or app.debug
        server_error = InternalServerError(original_exception=error)
        if propagates:
            ending = self._ending_of(app.make_response(t.cast("ft.ResponseReturnValue", server_error)))
            return ending._replace(error=error)
        app.logger.error("Exception on websocket %s", as_printed(self.context.request.path), exc_info=error)
        try:
            handler = app._find_error_handler(server_error, self.context.request.blueprints)
            answer = server_error if handler is None else app.ensure_sync(handler)(server_error)
            ending = self._ending_of(self._finalize(answer, is_error=True))
        except Exception:
            app.logger.exception("The handler of an error failed")
            return FAILED
        return ending if ending.code != NORMAL else ending._replace(code=INTERNAL_ERROR)

    def _ending_of(self, response: Response | None) -> Ending:
        if response is None:
            return ENDED_WELL
        status, reason = response.status_code, ""
        code = self._code or code_for(status)
        if code != NORMAL:
            reason = HTTP_STATUS_CODES.get(status, "")
        refusal = None
        if self.connection.is_connecting:
            self.app._keep_state(self.context, None, response)
            refusal = _as_sent(response, self.context.request.environ)
        return Ending(code, reason, refusal)


def _as_sent(response: Response, environ: WSGIEnvironment) -> tuple[int, HeaderPairs, list[bytes]]:
    """Return the status, the headers and the body of a response."""
    start: list[tuple[int, HeaderPairs]] = []
    protocol: str = environ["SERVER_PROTOCOL"]

    def start_response(status: str, headers: list[tuple[str, str]], _: object = None, /) -> Callable[[bytes], object]:
        start[:] = [(status_code(status), sent_headers(headers, protocol.partition("/")[2]))]
        return pieces.append

    pieces: list[bytes] = []
    parts = response(environ, start_response)
    try:
        pieces += parts
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
    return (*start[0], pieces)
