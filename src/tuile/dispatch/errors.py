"""Handle exceptions of a request: call error handlers, respond with an HTTP exception or a 500, or raise again."""

from __future__ import annotations

import sys
import typing as t

from werkzeug.exceptions import BadRequest, BadRequestKeyError, HTTPException, InternalServerError
from werkzeug.routing import RequestRedirect, RoutingException
from werkzeug.wrappers import Response as WerkzeugResponse

from .. import invalidation
from ..ctx.app_context import current_request, current_value
from ..http.headers import PREPARED, plain_pairs
from ..http.response_headers import Headers
from ..invalidation import Watched
from ..lazy import late_modules
from ..real_flask import hint_about
from ..sansio.app import App
from ..signals import got_request_exception, request_finished, send_signal
from ..wrappers.environ import cookie_header_of
from ..wrappers.plain_response import STATUS_LINES, PageBody
from ..wrappers.response import Response as OwnResponse
from .error_pages import (
    call,
    get_body,
    get_headers,
    get_response,
    getattribute,
    keep_page,
    redirect_parts,
    usual_page,
)

if t.TYPE_CHECKING:
    from collections.abc import Callable
    from functools import cached_property
    from logging import Logger
    from types import TracebackType

    from _typeshed.wsgi import WSGIEnvironment

    from .. import mistakes
    from .. import typing as ft
    from ..config import Config
    from ..wrappers.request import Request
    from ..wrappers.response import Response
    from . import return_values, shared_responses
    from .plan import Plan
    from .return_values import Body
else:
    mistakes, return_values, shared_responses = late_modules(
        __name__, "..mistakes", ".return_values", ".shared_responses"
    )

_new = object.__new__
_WITHOUT_BODY = (204, 304)


def page_response(error: HTTPException, method: str | None = None) -> OwnResponse | None:
    """Return the response for `usual_page`, as its constructor would create it.

    Args:
        error: The exception.
        method: The method of the request if user code may see the response. As with Werkzeug, its body is streamed
            then, and empty for HEAD.
    """
    page = usual_page(error)
    if page is None:
        return None
    response = _new(OwnResponse)
    response._status, response._status_code, pairs, body = page
    response.headers = headers = _new(Headers)
    headers._list = pairs
    response.direct_passthrough = False
    response._on_close = []
    response.response = [body] if method is None else PageBody(() if method == "HEAD" else [body])
    return response


class ErrorHandling(App, metaclass=Watched):
    """The steps of a request that follow an exception."""

    # What the steps use of the application.
    config: Config
    response_class: type[Response]
    ensure_sync: Callable[[Callable[..., object]], Callable[..., t.Any]]
    _current_plan: Callable[[], Plan]
    _plan_if_made: Callable[[], Plan]
    _plan: Plan
    _synchronous: dict[int, Callable[..., object]]
    finalize_request: Callable[..., Response]
    log_exception: Callable[[tuple[type, BaseException, TracebackType] | tuple[None, None, None]], None]
    _log_failed_finalizing: Callable[[Exception], None]

    if t.TYPE_CHECKING:

        @cached_property
        def logger(self) -> Logger:
            """The app's logger."""
            ...

        def _run(self, function: Callable[..., object], /, *args: object, **kwargs: object) -> object: ...

    def raise_routing_exception(self, request: Request) -> t.NoReturn:
        """Raise the routing error; in debug mode, explain a redirect that would lose form data."""
        error = request.routing_exception
        if (
            isinstance(error, RequestRedirect)
            and self.debug
            and error.code not in {307, 308}
            and request.method not in {"GET", "HEAD", "OPTIONS"}
        ):
            from ..debughelpers import FormDataRoutingRedirect  # noqa: PLC0415 - only in debug mode

            raise FormDataRoutingRedirect(request)
        # The traceback of the error refers to this frame, and the request to the error: avoid a reference cycle.
        del request
        raise error  # type: ignore[misc] # it is only called where there is one

    def handle_user_exception(self, e: Exception) -> HTTPException | ft.ResponseReturnValue:
        """Call the error handler for an exception of a hook or a view, or raise the exception again."""
        if isinstance(e, BadRequestKeyError) and (self.debug or self.config["TRAP_BAD_REQUEST_ERRORS"]):
            e.show_exception = True
        plan, page = self._plan, e if isinstance(e, HTTPException) else None
        if page is not None:
            is_stock = plan.handles_errors and plan.epoch is invalidation.epoch
            # The method that is not overridden traps only bad requests, or all.
            may_trap = not is_stock or self.config["TRAP_HTTP_EXCEPTIONS"] or isinstance(e, BadRequest)
            if may_trap and self.trap_http_exception(e):
                page = None
            elif not is_stock:
                return self.handle_http_exception(page)
            elif page.code is None or isinstance(e, RoutingException):
                # As in `handle_http_exception`, which does the rest as well.
                return page
        handler = None if self._has_no_handlers() else self._find_error_handler(e, current_request().blueprints)
        if handler is None:
            if page is not None:
                return page
            raise  # noqa: PLE0704 - called while `e` is handled
        answer: ft.ResponseReturnValue = self._handled_by(handler, e)
        return answer

    def handle_http_exception(self, e: HTTPException) -> HTTPException | ft.ResponseReturnValue:
        """Call the error handler for an HTTP exception. Without one, the exception itself is the response."""
        # An exception without a code only contains a response; a routing exception is not an error.
        if e.code is None or isinstance(e, RoutingException):
            return e
        handler = self._find_error_handler(e, current_request().blueprints)
        if handler is None:
            return e
        answer: ft.ResponseReturnValue = self._handled_by(handler, e)
        return answer

    def _handled_by(self, handler: Callable[..., object], error: Exception) -> t.Any:
        """Return what an error handler returns, without asking `ensure_sync` again."""
        plan = self._plan
        if plan.epoch is invalidation.epoch and plan.calls_directly and id(handler) in self._synchronous:
            return handler(error)
        return self._run(handler, error)

    def handle_exception(self, e: Exception) -> Response:
        """Return a 500 response for an unhandled exception, or raise it again in debug mode and in tests."""
        exc_info = sys.exc_info()
        if type(e) is RuntimeError and (hint := hint_about(e)):
            e.args = (f"{e}\n\n{hint}",)
        self._explain(e)
        if got_request_exception.receivers:
            send_signal(got_request_exception, self, self.ensure_sync, exception=e)
        propagate = self.config["PROPAGATE_EXCEPTIONS"]
        if propagate is None:
            propagate = self.testing or self.debug
        if propagate:
            if exc_info[1] is e:
                raise  # noqa: PLE0704 - called while `e` is handled
            raise e
        self.log_exception(exc_info)
        server_error = InternalServerError(original_exception=e)
        answer: object = server_error
        if self._has_no_handlers():
            page = self._page_of_unseen(server_error)
            if page is not None:
                return page
        else:
            handler = self._find_error_handler(server_error, current_request().blueprints)
            if handler is not None:
                answer = self._handled_by(handler, server_error)
        return self.finalize_request(answer, from_error_handler=True)

    def _has_no_handlers(self) -> bool:
        """Return whether there is no error handler to look for; most apps have none."""
        plan = self._plan
        return not self.error_handler_spec and plan.handles_errors and plan.epoch is invalidation.epoch

    def _page_of_unseen(self, error: HTTPException) -> Response | None:
        """Return the page of an exception if no user code sees it and nothing is added to it; None to finalize it."""
        plan = self._plan
        if not (plan.answers_alone and plan.epoch is invalidation.epoch and self._is_unseen(plan)):
            return None
        return page_response(error) if cookie_header_of(current_request()) is None else None

    def _explain(self, error: Exception) -> None:
        """Add what to write instead, if the error comes from a frequent mistake."""
        value = current_value(None)
        request = None if value is None else value.request
        mistakes.explain(error, self, None if request is None else request.url_rule)

    def _error_page(self, error: HTTPException, environ: WSGIEnvironment) -> Response | None:
        """Return an HTTP exception as the response that Werkzeug makes of it.

        None if calling the exception may give another result. This reads no attributes of the exception, whose
        constructor may not have called Werkzeug's.
        """
        kind, own, plan = type(error), vars(error), self._current_plan()
        usual = None if plan.text_start is None else page_response(error)
        if usual is not None:
            return self._as_page(usual, environ, plan)
        if kind is RequestRedirect:
            return self._redirect_page(error, environ, plan)
        given = self._response_given_to(error)
        if given is not None:
            return given
        if (
            # An overridden response class may convert Werkzeug's response in its own way.
            plan.text_start is None
            or own.get("response", kind) is not None
            or kind.__call__ is not call
            or kind.__getattribute__ is not getattribute
            or hasattr(kind, "response")
        ):
            return None
        if "get_response" in own or kind.get_response is not get_response:
            return self._converted(error.get_response(environ.copy()), environ, plan)
        if error.code in _WITHOUT_BODY:
            # Werkzeug's conversion leaves out headers.
            return None
        if (
            not {"get_body", "get_headers"}.isdisjoint(own)
            or kind.get_body is not get_body
            or getattr(kind.get_headers, "__module__", None) != HTTPException.__module__
            or HTTPException.get_headers is not get_headers
        ):
            return self._page_by_own_methods(error, environ, plan)
        body = error.get_body(environ, None)
        if keep_page(error, body) and (usual := page_response(error)) is not None:
            return self._as_page(usual, environ, plan)
        # Werkzeug's response has this status where there is none, whatever ours has.
        code = WerkzeugResponse.default_status if error.code is None else error.code
        return self._as_page(OwnResponse(body, code, error.get_headers(environ, None)), environ, plan)

    def _page_by_own_methods(self, error: HTTPException, environ: WSGIEnvironment, plan: Plan) -> Response:
        """Return the response of an exception whose body or headers are made by methods that are not Werkzeug's."""
        # In this order, with an environ of their own, as Werkzeug calls them.
        environ = environ.copy()
        headers: Body = error.get_headers(environ, None)
        body: Body = error.get_body(environ, None)
        code, pairs = error.code, plain_pairs(headers)
        names = [] if pairs is None else [name.lower() for name, _ in pairs]
        if (
            pairs is None
            or type(code) is not int
            or code not in STATUS_LINES
            or not (code == 200 or 300 <= code != 304)
            or type(body) not in {str, bytes}
            or names.count("content-type") != 1
            or not PREPARED.isdisjoint(names)
        ):
            return self._converted(WerkzeugResponse(body, code, headers), environ, plan)
        return self._as_page(OwnResponse(body, code, pairs), environ, plan)

    def _converted(self, response: Body, environ: WSGIEnvironment, plan: Plan) -> Response:
        """Return what an exception made as a response of the app's class."""
        if self._is_sent_as_it_is(response, plan):
            return shared_responses.claim(self, response)
        return return_values.response_of_application(plan.response_class, response, environ)

    def _response_given_to(self, error: HTTPException) -> Response | None:
        """Return the response that an error was given, if it needs no conversion, because no user code sees it."""
        kind, own, plan = type(error), vars(error), self._plan
        given: Response | None = own.get("response")
        if (
            given is not None
            and kind.get_response is get_response
            and kind.__call__ is call
            and kind.__getattribute__ is getattribute
            and "get_response" not in own
            and self._is_sent_as_it_is(given, plan)
        ):
            return shared_responses.claim(self, given)
        return None

    def _is_sent_as_it_is(self, response: Response, plan: Plan) -> bool:
        """Return whether the response that an exception gives needs no conversion, because no user code sees it."""
        return (
            type(response) is self.response_class
            and plan.text_start is not None
            and response._sends_plainly
            and not response.direct_passthrough
            and self._is_unseen(plan)
        )

    def _is_unseen(self, plan: Plan) -> bool:
        """Return whether no user code sees the response of the current request."""
        return (
            plan.quiet
            and plan.dispatches
            and not self.after_request_funcs
            and not request_finished.receivers
            and not getattr(current_value(None), "_is_touched", True)
        )

    def _redirect_page(self, error: HTTPException, environ: WSGIEnvironment, plan: Plan) -> Response | None:
        """Return a redirect of the URL map as the response that Werkzeug makes of it; None as for `_error_page`."""
        parts = None if plan.text_start is None else redirect_parts(error)
        if parts is None:
            return None
        page, location, code = parts
        response = OwnResponse(page, code, content_type="text/html; charset=utf-8")
        response.headers._list.append(("Location", location))
        return self._as_page(response, environ, plan)

    def _as_page(self, response: OwnResponse, environ: WSGIEnvironment, plan: Plan) -> Response:
        """Return a page as a response of the app's class, streamed where user code may see it."""
        if not self._is_unseen(plan):
            # User code may see it. As with Werkzeug, the body is streamed, and empty for HEAD.
            pieces: t.Any = () if environ["REQUEST_METHOD"] == "HEAD" else response.response
            response.response = PageBody(pieces)
        if self.response_class is OwnResponse:
            return response
        return self.response_class.force_type(response, environ)
