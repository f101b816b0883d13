"""Finished responses: refusals and redirects of the URL map, OPTIONS, and what a view returns as a tuple.

The steps make the same responses, by an exception or a response object. The fast path asks for these where nothing but
the steps would see them.
"""

from __future__ import annotations

import typing as t
from http import HTTPStatus
from itertools import chain, islice
from sys import getrefcount
from types import GeneratorType

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, SecurityError
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response as WerkzeugResponse

from .. import invalidation
from ..ctx.references import REFERENCES_PASSED
from ..ctx.states import PLAIN
from ..http.headers import PREPARED, plain_pairs
from ..http.response_headers import Headers
from ..invalidation import as_defined
from ..lazy import late_modules
from ..signals import request_finished, request_started
from ..wrappers.plain_response import (
    CODES,
    STATUS_LINES,
    WERKZEUGS_CLOSE,
    WERKZEUGS_ITER_ENCODED,
    Closing,
    StreamParts,
    encoded,
)
from .error_pages import redirect_parts, usual_page
from .errors import page_response
from .inlined import WRITTEN, is_unobserved, is_untouched
from .inlined_response import encode_answer, length_header, new

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from werkzeug.routing import Rule

    from ..app import Flask
    from ..ctx.request_context import RequestContext
    from ..http import locations
    from ..routing import answers
    from ..wrappers.response import Response
    from . import shared_responses
    from .plan import Plan
    from .return_values import Body, Parts
else:
    answers, locations, shared_responses = late_modules(
        __name__, "..routing.answers", "..http.locations", ".shared_responses"
    )

# The statuses of tuples that need no response object: 304 has fewer headers.
_PLAIN_STATUSES = frozenset(code for code in STATUS_LINES if code >= 200 and code != 304)
_NO_CONTENT = 204
# Iterators whose pieces are sent as they come. Neither they nor their classes can have attributes of their own.
_STREAMED: frozenset[type] = frozenset({GeneratorType, map, filter, zip, chain, islice, type(iter([])), type(iter(()))})
_force_type = as_defined(WerkzeugResponse, "force_type")
_REFUSALS = frozenset({NotFound, MethodNotAllowed, SecurityError})
_HTML: t.Final = ("Content-Type", "text/html; charset=utf-8")


class Page:
    """A finished response that is sent once; it is called as a WSGI application."""

    __slots__ = ("body", "pairs", "status")

    def __init__(self, status: str, pairs: list[tuple[str, str]], body: list[bytes]) -> None:
        self.status = status
        self.pairs = pairs
        self.body = body

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send it."""
        start_response(self.status, self.pairs)
        return () if environ["REQUEST_METHOD"] == "HEAD" else self.body


class StreamPage:
    """A response whose body is an iterator; it is called as a WSGI application."""

    __slots__ = ("pair", "pieces", "status")

    def __init__(self, status: str, pair: tuple[str, str], pieces: Body) -> None:
        self.status = status
        self.pair = pair
        self.pieces = pieces

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send it, piece by piece."""
        pieces = self.pieces
        start_response(self.status, [self.pair])
        close = pieces.close if type(pieces) is GeneratorType else None
        if environ["REQUEST_METHOD"] == "HEAD":
            return Closing((), *(() if close is None else (close,)))
        return StreamParts(encoded(pieces), close)


def parts_without_view(
    app: Flask, plan: Plan, context: RequestContext, environ: WSGIEnvironment, rule: Rule | None, method: str
) -> Parts | None:
    """Return the parts of the response to a request that no view answers; None if the steps have to make it.

    Args:
        app: The app.
        plan: Its plan, by which these steps are not overridden.
        context: The context of the request, which was matched.
        environ: The WSGI environ of the request.
        rule: The rule that was found, if one was.
        method: The method of the request.
    """
    error = context.request.routing_exception
    if (
        (error is None and (rule is None or method != "OPTIONS"))
        or plan.epoch is not invalidation.epoch
        or context._state is not PLAIN
        or request_started.receivers
        or app.config.get("CSRF") is not None
        or "HTTP_UPGRADE" in environ
    ):
        return None
    if app.before_request_funcs or app.after_request_funcs or app.url_value_preprocessors:
        return None if error is None else (None, _response_by_functions(app, plan, context, error), None)
    if (
        context._is_touched
        or request_finished.receivers
        or (environ.get("HTTP_COOKIE") is not None and app.session_interface.is_due(app, environ["HTTP_COOKIE"]))
    ):
        return None
    if error is None:
        page = _options_page(app, plan, environ, rule)
    elif app.error_handler_spec and type(error) in _REFUSALS and _is_handled(app, error):
        return _parts_by_handler(app, plan, context, environ, error)
    else:
        page = _error_page(app, error)
    return None if page is None else (None, page, None)


def _response_by_functions(app: Flask, plan: Plan, context: RequestContext, error: HTTPException) -> Response:
    """Return the response to an error of the URL map with the functions around it, as `full_dispatch_request` does."""
    try:
        answer: Body = app.preprocess_request()
        if answer is None:
            if (
                plan.epoch is invalidation.epoch
                and context.request.routing_exception is error
                and type(error) in _REFUSALS
                and not (
                    app.error_handler_spec
                    or app.config["TRAP_HTTP_EXCEPTIONS"]
                    or app.config["TRAP_BAD_REQUEST_ERRORS"]
                )
            ):
                # No function handles it, so it need not be raised.
                answer = error
            else:
                answer = app.dispatch_request()
    except Exception as raised:  # noqa: BLE001 - handlers may be registered for any exception
        answer = app.handle_user_exception(raised)
    finally:
        # The error's traceback may refer to this frame.
        del context, error
    return app.finalize_request(answer)


def _parts_by_handler(
    app: Flask, plan: Plan, context: RequestContext, environ: WSGIEnvironment, error: HTTPException
) -> Parts:
    """Return the parts of the response that an error handler makes for an error of the URL map."""
    try:
        # A handler may ask what is raised.
        raise error
    except HTTPException as raised:
        answer: Body = app.handle_user_exception(raised)
    finally:
        # The error's traceback refers to this frame.
        del error
    if is_unobserved(app, plan, context) and is_untouched(app, plan, context, environ.get("HTTP_COOKIE")):
        start, body = encode_answer(plan, answer)
        if start is not None:
            return start, body, None
        page = page_of(app, plan, answer)
        if page is not None:
            return None, page, None
    return None, app.finalize_request(answer), None


def page_of(app: Flask, plan: Plan, answer: Body) -> Page | StreamPage | Response | None:
    """Return the response to a tuple, an iterator or an HTTP error; None if the steps have to make it.

    Args:
        app: The app.
        plan: Its plan, which says that no user code sees the response.
        answer: What a view or a handler returned, or the error that no handler is registered for.
    """
    if type(answer) is tuple:
        return page_of_tuple(app, plan, answer)
    if type(answer) is WerkzeugResponse and plan.text_start is not None:
        if vars(WerkzeugResponse)["force_type"] is not _force_type or getrefcount(answer) > REFERENCES_PASSED:
            return None
        # What that method does. Nothing else refers to the response.
        answer.__class__ = plan.response_class
        return t.cast("Response", answer)
    if type(answer) in _STREAMED:
        start = plan.text_start
        if (
            start is None
            or WerkzeugResponse.close is not WERKZEUGS_CLOSE
            or WerkzeugResponse.iter_encoded is not WERKZEUGS_ITER_ENCODED
        ):
            return None
        return StreamPage(start[1], start[0], answer)
    if not (plan.answers_alone and isinstance(answer, HTTPException)):
        return None
    page = usual_page(answer)
    return app._response_given_to(answer) if page is None else Page(page[0], page[2], [page[3]])


def page_of_tuple(app: Flask, plan: Plan, answer: tuple[Body, ...]) -> Page | Response | None:
    """Return the response to a tuple, of which no user code sees it; None if the steps have to make it."""
    if answer and type(answer[0]) is plan.response_class:
        return shared_responses.claim(app, answer[0]) if _complete(plan, answer) else None
    parts = _parts_of_tuple(plan, answer)
    if parts is None:
        return None
    code, pairs, body = parts
    if code == _NO_CONTENT:
        return Page(STATUS_LINES[_NO_CONTENT], [pair for pair in pairs if pair[0] != "Content-Length"], [])
    return Page(STATUS_LINES[code], pairs, [body])


def response_of_tuple(plan: Plan, answer: Body) -> Response | None:
    """Return the response to a tuple, as its constructor would create it; None if the steps have to make it."""
    if answer and type(answer[0]) is plan.response_class:
        return answer[0] if _complete(plan, answer) else None
    parts = _parts_of_tuple(plan, answer)
    if parts is None:
        return None
    response: Response = new(plan.response_class)
    response._status_code, pairs, body = parts
    response._status = STATUS_LINES[parts[0]]
    response.headers = headers = new(Headers)
    headers._list = pairs
    response.direct_passthrough = False
    response._on_close = []
    response.response = [body]
    return response


def response_without_code(app: Flask, plan: Plan, environ: WSGIEnvironment, answer: Body) -> Response | None:
    """Return the response to an answer for this request; None if user code may be called to make it."""
    if plan.answers_alone and isinstance(answer, HTTPException):
        page = page_response(answer, environ["REQUEST_METHOD"])
        if page is not None:
            return page
    body = answer[0] if type(answer) is tuple and answer else answer
    kind = type(body)
    if kind is not plan.response_class and kind not in WRITTEN and kind.__module__ != HTTPException.__module__:
        return None
    response = app.make_response(answer)
    return shared_responses.claim(app, response) if response is body else response


def _split(answer: tuple[Body, ...]) -> tuple[int | None, list[tuple[str, str]]] | None:
    """Return the status and the headers of a tuple; None if they have to be converted or refused."""
    count = len(answer)
    if count == 2:
        status, headers = answer[1], None
        if type(status) is dict or type(status) is list:
            status, headers = None, status
            if not headers:
                return None
    elif count == 3:
        _, status, headers = answer
    else:
        return None
    if status is not None and type(status) is not int:
        status = CODES.get(status) if type(status) is str else int(status) if type(status) is HTTPStatus else None
        if status is None:
            return None
    pairs = [] if headers is None else plain_pairs(headers)
    return None if pairs is None else (status, pairs)


def _complete(plan: Plan, answer: tuple[Body, ...]) -> bool:
    """Set the status and the headers of a tuple on the response in it; return False if the steps have to set them."""
    found, response = _split(answer), answer[0]
    if found is None or plan.text_start is None:
        return False
    status, pairs = found
    if status is not None:
        if status not in STATUS_LINES:
            return False
        response._status, response._status_code = STATUS_LINES[status], status
    for name, value in pairs:
        response.headers[name] = value
    return True


def _parts_of_tuple(plan: Plan, answer: tuple[Body, ...]) -> tuple[int, list[tuple[str, str]], bytes] | None:
    """Return the status, the headers and the body of the response to text or JSON with a status, headers or both."""
    if len(answer) == 2 and type(answer[1]) is int:
        # Most are like this.
        code: int = answer[1]
        start, text = encode_answer(plan, answer[0]) if code in _PLAIN_STATUSES else (None, b"")
        return None if start is None else (code, [start[0], length_header(text)], text)
    found = _split(answer)
    if found is None:
        return None
    status, pairs = found
    body = answer[0]
    kind = type(body)
    is_text = kind is str or kind is bytes
    start = plan.text_start if is_text else plan.json_start
    if start is None or (status is not None and status not in _PLAIN_STATUSES):
        return None
    header = start[0]
    given, names = None, set()
    for pair in pairs:
        name = pair[0].lower()
        if (name in names and not (is_text and name == "set-cookie")) or (
            name in PREPARED and not _is_sent_as_it_is(plan, pair)
        ):
            return None
        if name == "content-type":
            given = pair
        names.add(name)
    if is_text:
        text = body if kind is bytes else body.encode()
        pairs += [] if given else [header]
        pairs.append(("Content-Length", str(len(text))))
    elif (kind is dict or kind is list) and plan.write_json is not None:
        text = f"{plan.write_json(body)}\n".encode()
        # It replaces the one that goes with JSON.
        pairs = [given or header, ("Content-Length", str(len(text))), *(pair for pair in pairs if pair is not given)]
    else:
        return None
    return start[2] if status is None else status, pairs, text


def _is_sent_as_it_is(plan: Plan, pair: tuple[str, str]) -> bool:
    """Return whether a header is a Location that needs no change before it is sent."""
    return (
        pair[0] == "Location"
        and locations.is_plain_location(pair[1])
        and not plan.response_class.autocorrect_location_header
    )


def _is_handled(app: Flask, error: HTTPException) -> bool:
    """Return whether the app has a handler for an error of the URL map, as `_find_error_handler` looks for it."""
    kind, registered = type(error), app.error_handler_spec.get(None)
    if registered:
        for code in (kind.code, None):
            handlers = registered.get(code)
            if handlers:
                for cls in kind.__mro__:
                    if cls in handlers:
                        return True
    return False


def _error_page(app: Flask, error: HTTPException) -> Page | None:
    """Return the page for an error of the URL map that no handler is registered for."""
    if app.config["TRAP_HTTP_EXCEPTIONS"]:
        return None
    kind = type(error)
    if kind is RequestRedirect:
        parts = redirect_parts(error)
        if parts is None or parts[2] not in STATUS_LINES or (app.config["DEBUG"] and parts[2] not in {307, 308}):
            return None
        text, location, code = parts
        body = text.encode()
        pairs = [_HTML, ("Content-Length", str(len(body))), ("Location", location)]
        return Page(STATUS_LINES[code], pairs, [body])
    if kind not in _REFUSALS or (kind is SecurityError and app.config["TRAP_BAD_REQUEST_ERRORS"]):
        return None
    page = usual_page(error)
    return None if page is None else Page(page[0], page[2], [page[3]])


def _options_page(app: Flask, plan: Plan, environ: WSGIEnvironment, rule: Rule | None) -> Page | None:
    """Return the response to OPTIONS with the methods that the URL allows."""
    if not getattr(rule, "provide_automatic_options", False) or plan.text_start is None:
        return None
    methods = None if plan.matches_hosts else answers.methods_for(app.url_map, environ.get("PATH_INFO"))
    if not methods or not answers.is_plain_list(methods):
        return None
    header, status = plan.text_start[:2]
    return Page(status, [header, ("Allow", ", ".join(methods)), ("Content-Length", "0")], [])
