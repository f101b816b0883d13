"""Handle exceptions of a request: call error handlers, respond with an HTTP exception or a 500, or raise again."""

from __future__ import annotations

import sys
import typing as t

from markupsafe import escape
from werkzeug.exceptions import BadRequestKeyError, HTTPException, InternalServerError, MethodNotAllowed
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.routing import RequestRedirect, RoutingException
from werkzeug.wrappers import Response as WerkzeugResponse
from werkzeug.wsgi import ClosingIterator

from .. import invalidation
from ..ctx.app_context import current, value_with_request
from ..http.response_headers import Headers
from ..invalidation import Watched
from ..lazy import late_modules
from ..real_flask import hint_about
from ..sansio.app import App
from ..signals import got_request_exception, request_finished, send_signal
from ..wrappers.plain_response import STATUS_LINES
from ..wrappers.response import Response as OwnResponse

if t.TYPE_CHECKING:
    from collections.abc import Callable
    from functools import cached_property
    from logging import Logger
    from types import TracebackType

    from _typeshed.wsgi import WSGIEnvironment

    from .. import mistakes
    from .. import typing as ft
    from ..config import Config
    from ..http import locations
    from ..wrappers.request import Request
    from ..wrappers.response import Response
    from . import shared_responses
    from .plan import Plan
else:
    locations, mistakes, shared_responses = late_modules(
        __name__, "..http.locations", "..mistakes", ".shared_responses"
    )

_new = object.__new__
_HTML: t.Final = ("Content-Type", "text/html; charset=utf-8")
# The methods that build an error page, inlined as long as none is replaced.
_NOTHING_OF_ITS_OWN = {"response": None}
_get_body, _get_description = HTTPException.get_body, HTTPException.get_description
_get_headers, _name = HTTPException.get_headers, HTTPException.name
_get_headers_of_405 = MethodNotAllowed.get_headers
_key_error_description = vars(BadRequestKeyError)["description"]
_get_redirect = RequestRedirect.get_response
_get_response, _call, _getattribute = HTTPException.get_response, HTTPException.__call__, HTTPException.__getattribute__
# The pages of Werkzeug's HTTP exceptions, by everything that they depend on.
_error_pages: dict[tuple[object, ...], str] = {}
# The same pages of errors that have nothing of their own but a description, by class: what its methods were, the
# status, the body, and what stands before the description.
_usual_pages: dict[type, tuple[tuple[object, ...], str, int, bytes, str]] = {}


def _facts_of(kind: type[HTTPException]) -> tuple[object, ...]:
    """Return what the page of an error without attributes of its own depends on."""
    return (
        kind.get_response,
        kind.__call__,
        kind.__getattribute__,
        kind.get_body,
        kind.get_description,
        kind.get_headers,
        HTTPException.get_headers,
        kind.name,
        kind.description if kind is not BadRequestKeyError else _description_of_key_errors(),
        kind.code,
    )


def _description_of_key_errors() -> object:
    """Return the description of `BadRequestKeyError` without the name of the key, which only debug mode shows."""
    kind = BadRequestKeyError
    shown = vars(kind)["description"]
    return kind._description if shown is _key_error_description and not kind.show_exception else shown


def usual_page(error: HTTPException) -> tuple[str, int, list[tuple[str, str]], bytes] | None:
    """Return the page of one of Werkzeug's errors that was written before; None if it may differ.

    Returns:
        The status line, the code, the headers and the body.
    """
    kind, own = type(error), vars(error)
    kept = _usual_pages.get(kind)
    if kept is None or kept[0] != _facts_of(kind):
        return None
    _, status, code, body, before = kept
    if own == _NOTHING_OF_ITS_OWN:
        return status, code, [_HTML, ("Content-Length", str(len(body)))], body
    text = _description_of(own)
    if text is not None:
        body = f"{before}{_paragraph(text)}".encode()
        return status, code, [_HTML, ("Content-Length", str(len(body)))], body
    allow = _allow_header(own) if kind is MethodNotAllowed else None
    return None if allow is None else (status, code, [_HTML, allow, ("Content-Length", str(len(body)))], body)


def _description_of(own: dict[str, object]) -> str | None:
    """Return the description of an error that has nothing else of its own, from its attributes; None if it has."""
    text = own.get("description")
    if type(text) is str and text.isprintable() and own == {"response": None, "description": text}:
        return text
    return None


def _paragraph(text: str) -> str:
    """Return the end of a page, with a description in it."""
    return f"<p>{escape(text)}</p>\n"


def _body_of(error: HTTPException, environ: WSGIEnvironment) -> str:
    """Return the page of an error of Werkzeug's that has nothing of its own, which is written once."""
    kind = type(error)
    key = (kind, kind.__dict__.get("description"), kind.code)
    body = _error_pages.get(key)
    if body is None:
        body = error.get_body(environ, None)
        if isinstance(key[1], str):
            _error_pages[key] = body
    return body


def _keep_page(error: HTTPException, body: str) -> None:
    """Keep the page of an error of Werkzeug's that has nothing of its own but a description, for those of its class."""
    kind = type(error)
    text = kind.description if kind is not BadRequestKeyError else _description_of_key_errors()
    end = _paragraph(t.cast("str", error.description))
    if type(text) is str and text.isprintable() and kind.code in STATUS_LINES and body.endswith(end):
        before = body[: -len(end)]
        page = f"{before}{_paragraph(text)}".encode()
        _usual_pages[kind] = (_facts_of(kind), STATUS_LINES[kind.code], kind.code, page, before)


def _usual_response(error: HTTPException, plan: Plan) -> Response | None:
    """Return the response for `usual_page`, as its constructor would create it."""
    if plan.text_start is None or plan.response_class is not OwnResponse:
        return None
    page = usual_page(error)
    if page is None:
        return None
    response: Response = _new(plan.response_class)
    response._status, response._status_code, pairs, body = page
    response.headers = headers = _new(Headers)
    headers._list = pairs
    response.direct_passthrough = False
    response._on_close = []
    response.response = [body]
    return response


def redirect_parts(error: HTTPException) -> tuple[str, str, int] | None:
    """Return the page, location and code of a redirect of the URL map; None to let Werkzeug make the response."""
    own, code = vars(error), error.code
    location = locations.uri_of(own["new_url"]) if type(own.get("new_url")) is str else None
    if (
        location is None
        or type(code) is not int
        or code not in HTTP_STATUS_CODES
        or RequestRedirect.get_response is not _get_redirect
        or RequestRedirect.__call__ is not _call
        or RequestRedirect.__getattribute__ is not _getattribute
        or "get_response" in own
    ):
        return None
    return locations.redirect_page(own["new_url"]), location, code


def _allow_header(own: dict[str, object]) -> tuple[str, str] | None:
    """Return the header for the attributes of a 405; None if it has others than the methods."""
    methods = own.get("valid_methods")
    if type(methods) is not list or not methods or own != {"response": None, "valid_methods": methods}:
        return None
    for method in methods:
        if type(method) is not str or not method.isprintable():
            return None
    return "Allow", ", ".join(methods)


class ErrorHandling(App, metaclass=Watched):
    """The steps of a request that follow an exception."""

    # What the steps use of the application.
    config: Config
    response_class: type[Response]
    ensure_sync: Callable[[Callable[..., object]], Callable[..., t.Any]]
    _current_plan: Callable[[], Plan]
    _plan: Plan
    _synchronous: dict[int, Callable[..., object]]
    finalize_request: Callable[..., Response]

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
        if isinstance(e, HTTPException) and not self.trap_http_exception(e):
            return self.handle_http_exception(e)
        handler = self._find_error_handler(e, value_with_request().request.blueprints)
        if handler is None:
            raise  # noqa: PLE0704 - called while `e` is handled
        answer: ft.ResponseReturnValue = self._handled_by(handler, e)
        return answer

    def handle_http_exception(self, e: HTTPException) -> HTTPException | ft.ResponseReturnValue:
        """Call the error handler for an HTTP exception. Without one, the exception itself is the response."""
        # An exception without a code only contains a response; a routing exception is not an error.
        if e.code is None or isinstance(e, RoutingException):
            return e
        handler = self._find_error_handler(e, value_with_request().request.blueprints)
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
        handler = self._find_error_handler(server_error, value_with_request().request.blueprints)
        if handler is not None:
            answer = self._handled_by(handler, server_error)
        return self.finalize_request(answer, from_error_handler=True)

    def _explain(self, error: Exception) -> None:
        """Add what to write instead, if the error comes from a frequent mistake."""
        value = current.get(None)
        request = None if value is None else value.request
        mistakes.explain(error, self, None if request is None else request.url_rule)

    def log_exception(self, exc_info: tuple[type, BaseException, TracebackType] | tuple[None, None, None]) -> None:
        """Log an exception that becomes a 500, with the request it came from."""
        request = value_with_request().request
        self.logger.error("Exception on %s [%s]", request.path, request.method, exc_info=exc_info)

    def _error_page(self, error: HTTPException, environ: WSGIEnvironment) -> Response | None:
        """Return an HTTP exception as the response that Werkzeug makes of it.

        None if calling the exception may give another result. This reads no attributes of the exception, whose
        constructor may not have called Werkzeug's.
        """
        kind, own, plan = type(error), vars(error), self._current_plan()
        usual = _usual_response(error, plan)
        if usual is not None:
            return self._as_page(usual, environ, plan)
        if kind is RequestRedirect:
            return self._redirect_page(error, environ, plan)
        given = own.get("response")
        if given is not None and self._is_sent_as_it_is(kind, own, given, plan):
            return shared_responses.claim(self, given)
        if (
            # An overridden response class may convert Werkzeug's response in its own way.
            plan.text_start is None
            or "get_response" in own
            or "get_headers" in own
            or own.get("response", kind) is not None
            or kind.get_response is not _get_response
            or kind.__call__ is not _call
            or kind.__getattribute__ is not _getattribute
            or hasattr(kind, "response")
            # Other headers may contain a content type.
            or getattr(kind.get_headers, "__module__", None) != HTTPException.__module__
            or HTTPException.get_headers is not _get_headers
        ):
            return None
        # Written once where nothing in it can differ: Werkzeug's own class, with nothing of the error's own.
        allow = _allow_header(own) if kind is MethodNotAllowed else None
        is_described = _description_of(own) is not None
        fixed = (
            kind.__module__ == HTTPException.__module__
            and (own == _NOTHING_OF_ITS_OWN or allow is not None or is_described)
            and kind.get_body is _get_body
            and kind.get_description is _get_description
            and kind.get_headers is (_get_headers if allow is None else _get_headers_of_405)
            and kind.name is _name
        )
        body = _body_of(error, environ) if fixed and not is_described else error.get_body(environ, None)
        if fixed:
            _keep_page(error, body)
        # Werkzeug's response has this status where there is none, whatever ours has.
        code = WerkzeugResponse.default_status if error.code is None else error.code
        if fixed:
            response = OwnResponse(body, code, content_type="text/html; charset=utf-8")
            if allow is not None:
                response.headers._list.insert(1, allow)
        else:
            response = OwnResponse(body, code, error.get_headers(environ, None))
        return self._as_page(response, environ, plan)

    def _is_sent_as_it_is(self, kind: type[HTTPException], own: dict[str, object], given: object, plan: Plan) -> bool:
        """Return whether the response that an error was given needs no conversion, because no user code sees it."""
        return (
            type(given) is self.response_class
            and plan.text_start is not None
            and given._sends_plainly
            and not given.direct_passthrough
            and kind.get_response is _get_response
            and kind.__call__ is _call
            and kind.__getattribute__ is _getattribute
            and "get_response" not in own
            and self._is_unseen(plan)
        )

    def _is_unseen(self, plan: Plan) -> bool:
        """Return whether no user code sees the response of the current request."""
        return (
            plan.quiet
            and plan.dispatches
            and not self.after_request_funcs
            and not request_finished.receivers
            and not getattr(current.get(None), "_is_touched", True)
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
            response.response = ClosingIterator(pieces)
        if self.response_class is OwnResponse:
            return response
        return self.response_class.force_type(response, environ)
