"""Answer requests whose views are coroutine functions: on the event loop, with what may block in a worker."""

from __future__ import annotations

import typing as t
from asyncio import CancelledError
from contextvars import copy_context
from functools import partial

from ..ctx.app_context import current_value, reset_current, set_current
from ..dispatch.division import blocks_after_view, functions_around
from ..dispatch.inlined_on_loop import end_on_loop, may_end_on_loop
from ..dispatch.pages import PAGES, Page
from ..dispatch.registered import has_functions_before
from ..dispatch.teardown import leave
from ..dispatch.without_view import may_be_handled, parts_without_view
from ..wrappers.async_body import AsyncParts
from ..wrappers.environ import brief_environ_of
from ..wrappers.response import CALL, SEND
from .awaited_steps import await_before, finalize, may_await_after, may_be_awaited
from .conversation import Conversation, converse
from .event_stream import stream_of
from .exchange import BODILESS, Exchange
from .listening import Listener
from .matched import Awaited
from .prepared_responses import prepared_of
from .scopes import announced_length, sent_headers, sent_length, status_code
from .workers import call_in_worker

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextvars import Token

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from werkzeug.routing import Rule

    from .. import typing as ft
    from ..app import Flask
    from ..ctx.app_context import Current
    from ..ctx.request_context import RequestContext
    from ..dispatch.plan import Plan
    from ..dispatch.return_values import AwaitedView
    from ..wrappers.response import Response
    from .protocol import HeaderPairs, Receive, Scope, Send
    from .service import Service


def page_without_view(app: Flask, plan: Plan, context: RequestContext, rule: Rule | None, method: str) -> Page | None:
    """Return the response to a refused URL or to OPTIONS, if no function of the application has a part in it."""
    if (
        not plan.answers_alone
        or (app.error_handler_spec and may_be_handled(app, context))
        or ((app.before_request_funcs or app.url_value_preprocessors) and has_functions_before(app, plan, context))
        or not may_end_on_loop(app, plan, context)
    ):
        return None
    finished = parts_without_view(app, plan, context, brief_environ_of(context.request), rule, method)
    page: object = None if finished is None else finished[1]
    return page if type(page) is Page else None


class MoreSteps:
    """The steps of a request around its view, if there are any, in a worker if they may block.

    Args:
        service: The service of the app.
        plan: The plan of the app.
        context: The context of the request.
        scope: Its scope.
    """

    __slots__ = (
        "app",
        "awaits_after",
        "awaits_before",
        "context",
        "has_functions_before",
        "headers",
        "opens_session",
        "parts",
        "plan",
        "scope",
        "service",
        "status",
        "workers",
    )

    def __init__(self, service: Service, plan: Plan, context: RequestContext, scope: Scope) -> None:
        self.service = service = service.here()
        self.app = service.app
        self.workers = service.workers
        self.plan = plan
        self.context = context
        self.scope = scope
        #: Whether functions run before the view, and whether to open the session before, because it is in a store.
        self.has_functions_before = self.opens_session = False
        # Whether those functions, and the ones after the view, are coroutine functions.
        self.awaits_before = self.awaits_after = False
        # The response, once it is made by the steps.
        self.status = ""
        self.headers: list[tuple[str, str]] = []
        self.parts: Iterable[bytes] = ()

    # --- before the view ----------------------------------------------------------------------------------------------

    def around(
        self, sent_cookies: str | None, view: AwaitedView, arguments: dict[str, object]
    ) -> tuple[AwaitedView | None, dict[str, object]]:
        """Return the view and its arguments, with what is to be done before; None if one worker has to do it all.

        Args:
            sent_cookies: The Cookie header of the request.
            view: The view.
            arguments: Its arguments.
        """
        functions = functions_around(self.app, self.plan, self.context.request)
        if functions.need_one_thread:
            return None, arguments
        self.has_functions_before = functions.before
        self.awaits_before = functions.before and not functions.before_blocks
        # A request without a cookie has no session that would be read from the store.
        if (
            self.app.config.get("SESSION_STORE") is not None
            and sent_cookies
            and self.context.request.endpoint in self.service.session_endpoints
        ):
            self.opens_session = True
        return (self.call_view, {}) if functions.before or self.opens_session else (view, arguments)

    async def call_view(self) -> object:
        """Run the steps before the view, in a worker if they may block, and call the view."""
        if self.awaits_before and not self.opens_session:
            hooked = await await_before(self.app, self.plan, self.workers, self.context.request)
        else:
            hooked = await call_in_worker(self.workers, self._do_steps_before)
        if hooked is not None:
            return hooked
        opened, request = self.context._opened_session, self.context.request
        # As `dispatch_request` reads them: functions may have changed them.
        rule = request.url_rule
        view = None if rule is None else self.app.view_functions.get(rule.endpoint)
        if view is None or request.routing_exception is not None or not may_be_awaited(self.plan, view):
            return await call_in_worker(self.workers, self.app.dispatch_request)
        try:
            return await t.cast("Callable[..., t.Awaitable[object]]", view)(**(request.view_args or {}))
        finally:
            if self.opens_session and opened is not None and opened is self.context._opened_session:
                self._forget_untouched_session()

    def _do_steps_before(self) -> object:
        if self.opens_session:
            self.context._session  # noqa: B018 - reading it opens it
        return self.app.preprocess_request() if self.has_functions_before else None

    def _forget_untouched_session(self) -> None:
        """Let a session that was opened in advance, and that nobody has read, count as not opened."""
        context, session = self.context, self.context._opened_session
        if session is not None and not session.accessed:
            context._opened_session = None
            context._is_touched = context._cookies is not None or bool(context._after_functions)

    # --- after the view -----------------------------------------------------------------------------------------------

    def for_worker(self, answer: object, error: BaseException | None) -> Awaited | None:
        """Return what a worker is to answer the request with; None if `finish` has to decide."""
        context = self.context
        if (
            not (error is None or isinstance(error, Exception))
            # A context inside it can only be left where it was entered.
            or context._nested
            or context._token is None
            or current_value(None) is not context
            or not (error is not None or blocks_after_view(self.app, self.plan, context))
        ):
            return None
        self.awaits_after = error is None and may_await_after(self.app, self.plan, context)
        if self.awaits_after:
            return None
        self._remember_session()
        return Awaited(answer, error)

    async def finish(
        self,
        answer: ft.ResponseReturnValue,
        error: BaseException | None,
        is_finished: bool,
        receive: Receive,
        send: Send,
    ) -> None:
        """Do the steps after the view, in a worker if they may block, and send the response.

        Args:
            answer: What the view returned.
            error: What was raised.
            is_finished: Whether it was raised by `finalize_request`, and not by the view.
            receive: Of the server.
            send: Of the server.
        """
        app, context = self.app, self.context
        self._remember_session()
        if self.awaits_after and error is None:
            error = await self._await_after(answer, receive, send)
            if error is None:
                return
            is_finished = True
        dispatch: Callable[[], Response] = (
            partial(_raise, error)
            if error is not None and is_finished
            else partial(app._dispatch_awaited, answer, error)
        )
        # Not one of `Exception`: the task is cancelled, or the loop ends.
        is_ended = error is not None and not isinstance(error, Exception)
        if isinstance(error, GeneratorExit) or current_value(None) is not context:
            # Nothing can be awaited any more; or there are contexts that can only be left where they were entered.
            blocks = False
        else:
            blocks = (error is not None and not is_ended) or blocks_after_view(app, self.plan, context)
            if not blocks and not is_ended:
                try:
                    dispatch = partial(_same, app.finalize_request(answer))
                except Exception as failure:  # noqa: BLE001 - it is raised where it can be handled
                    dispatch, blocks = partial(_raise, failure), True
        steps = partial(self._do_steps_after, dispatch)
        try:
            if blocks:
                moved = in_worker(context, steps)
                leave_on_loop(context)
                await call_in_worker(self.workers, moved)
            else:
                steps()
        except (KeyboardInterrupt, SystemExit) as failure:
            await self._stop_listening()
            # It would end the server.
            raise RuntimeError(f"The application raised {failure!r}.") from failure
        except (Exception, CancelledError):
            await self._stop_listening()
            raise
        await self._send(receive, send)

    async def _await_after(self, answer: ft.ResponseReturnValue, receive: Receive, send: Send) -> BaseException | None:
        """Await the functions for the response, and send it; return what they have raised."""
        app, context, plan = self.app, self.context, self.plan
        try:
            response = await finalize(app, plan, self.workers, context, answer)
        except BaseException as error:  # noqa: BLE001 - it is raised again where it is handled
            return error
        has_client = context.request._client is not None
        prepared = None if has_client else prepared_of(plan, response, self.scope["method"], self.scope)
        if prepared is None:
            await self.send_response(response, receive, send)
        else:
            leave(app, context, brief_environ_of(context.request), None)
            await _send_messages(*prepared, send)
        return None

    def _remember_session(self) -> None:
        """Let the next request for the endpoint open the session in a worker, if this one has used one in a store."""
        context = self.context
        if (
            context._opened_session is not None
            and context.request.endpoint is not None
            and self.app.config.get("SESSION_STORE") is not None
        ):
            self.service.session_endpoints.add(context.request.endpoint)

    async def send_response(self, response: Response, receive: Receive, send: Send) -> None:
        """Leave the context, because nothing else has to be done, and send the response."""
        app, context, plan = self.app, self.context, self.plan
        if type(response) in PAGES:
            environ = {"REQUEST_METHOD": self.scope["method"]}
        elif plan.quiet and type(response) is plan.response_class:
            environ = brief_environ_of(context.request)
        else:
            # Its methods may read anything.
            environ = context.request.environ
        try:
            keep = t.cast("StartResponse", self._keep)
            is_ours = type(response).__call__ is CALL
            self.parts = SEND(response, environ, keep) if is_ours else response(environ, keep)
        finally:
            if may_end_on_loop(app, plan, context):
                end_on_loop(context)
            else:
                leave(app, context, brief_environ_of(context.request), None)
        await self._send(receive, send)

    def _do_steps_after(self, dispatch: Callable[[], Response]) -> None:
        """Do the steps after the view, leave the context, and keep the response."""
        start_response = t.cast("StartResponse", self._keep)
        self.parts = self.app._serve_by_steps(self.context.request.environ, start_response, self.context, dispatch)

    def _keep(self, status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        self.status, self.headers = status, headers

    async def _send(self, receive: Receive, send: Send) -> None:
        parts, request = self.parts, self.context.request
        try:
            await self._stop_listening()
        except CancelledError:
            close: Callable[[], object] | None = getattr(parts, "close", None)
            if close is not None:
                await call_in_worker(self.workers, close)
            raise
        if isinstance(parts, AsyncParts):
            stream = request._client = stream_of(parts.body, self.scope, self.headers, receive, send)
            try:
                await stream.carry_on(self.status, self.headers, parts.body)
            finally:
                request._client = None
                if not parts.close_quietly():
                    await call_in_worker(self.workers, parts.close)
        elif not (type(parts) is list or type(parts) is tuple) or not await self._send_whole(parts, send):
            exchange = Exchange(self._start, self.context.request.environ, copy_context(), self.workers)
            exchange.inbox_complete = True
            request._client = exchange
            try:
                await converse(exchange, Conversation(exchange, self.workers, receive, send))
            finally:
                request._client = None

    async def _stop_listening(self) -> None:
        client = self.context.request._client
        if isinstance(client, Listener):
            await client.stop()

    async def _send_whole(self, parts: Iterable[bytes], send: Send) -> bool:
        """Send a response that is not streamed; return whether it is one that can be sent as it is."""
        body, code = b"".join(parts), status_code(self.status)
        wire = sent_headers(self.headers, self.scope["http_version"])
        if self.scope["method"] == "HEAD" or code in BODILESS:
            body = b""
        elif sent_length(len(body)) not in wire and announced_length(self.headers) not in {None, len(body)}:
            return False
        await _send_messages(code, wire, body, send)
        return True

    def _start(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer with the response that is made, as a WSGI application: in a worker."""
        start_response(self.status, self.headers)
        return self.parts


async def _send_messages(code: int, wire: HeaderPairs, body: bytes, send: Send) -> None:
    try:
        await send({"type": "http.response.start", "status": code, "headers": wire})
        await send({"type": "http.response.body", "body": body, "more_body": False})
    except OSError:
        # Some servers tell by it that the client left.
        pass


def _same(response: Response) -> Response:
    return response


def _raise(error: BaseException) -> t.NoReturn:
    try:
        raise error
    finally:
        # The error's traceback refers to this frame.
        del error


# --- moving a context from the loop to a worker -----------------------------------------------------------------------


def in_worker(context: RequestContext, steps: Callable[[], object]) -> Callable[[], object]:
    """Return a function that enters a context, which was entered on the loop, in its own place and does steps there."""
    token = _token_of(context)

    def enter_and_go_on() -> object:
        # The token of the loop can only be used there.
        set_current(None)
        own = set_current(context)
        if context._token is token:
            context._token = own
        else:
            context._nested = [(own if push[0] is token else push[0], *push[1:]) for push in context._nested or ()]
        return steps()

    return enter_and_go_on


def _token_of(context: RequestContext) -> Token[Current | None] | None:
    if context._token is not None:
        return context._token
    return next((token for token, value, _ in context._nested or () if value is context), None)


def leave_on_loop(context: RequestContext) -> None:
    """Leave a context on the loop that a worker goes on with."""
    token = _token_of(context)
    if token is not None and current_value(None) is context:
        reset_current(token)
