"""Finished responses to requests without a view: refusals and redirects of the URL map, and OPTIONS.

The steps make the same responses, by an exception or a response object. The fast path asks for these where nothing but
the steps would see them.
"""

from __future__ import annotations

import typing as t

from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect

from .. import invalidation
from ..ctx.states import PLAIN
from ..lazy import late_modules
from ..signals import request_finished, request_started
from ..wrappers.plain_response import STATUS_LINES
from .errors import redirect_parts, usual_page

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from werkzeug.exceptions import HTTPException
    from werkzeug.routing import Rule

    from ..app import Flask
    from ..ctx.request_context import RequestContext
    from ..routing import answers
    from .plan import Plan
else:
    (answers,) = late_modules(__name__, "..routing.answers")

_REFUSALS = frozenset({NotFound, MethodNotAllowed})
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


def page_without_view(
    app: Flask, plan: Plan, context: RequestContext, environ: WSGIEnvironment, rule: Rule | None, method: str
) -> Page | None:
    """Return the response to a request that no view answers; None if the steps have to make it.

    Args:
        app: The app.
        plan: Its plan.
        context: The context of the request, which was matched.
        environ: The WSGI environ of the request.
        rule: The rule that was found, if one was.
        method: The method of the request.
    """
    request = context.request
    error = request.routing_exception
    if (
        not plan.answers_alone
        or (error is None and (rule is None or method != "OPTIONS"))
        or plan.epoch is not invalidation.epoch
        or context._state is not PLAIN
        or context._is_touched
        or request_started.receivers
        or request_finished.receivers
        or app.before_request_funcs
        or app.url_value_preprocessors
        or app.after_request_funcs
        or app.config.get("CSRF") is not None
        or "HTTP_UPGRADE" in environ
        or (environ.get("HTTP_COOKIE") is not None and app.session_interface.is_due(app, environ["HTTP_COOKIE"]))
    ):
        return None
    if error is None:
        return _options_page(app, plan, environ, rule)
    return _error_page(app, error)


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
    if kind not in _REFUSALS or (app.error_handler_spec and app._find_error_handler(error, []) is not None):
        return None
    page = usual_page(error)
    return None if page is None else Page(page[0], page[2], [page[3]])


def _options_page(app: Flask, plan: Plan, environ: WSGIEnvironment, rule: Rule | None) -> Page | None:
    """Return the response to OPTIONS with the methods that the URL allows."""
    if not getattr(rule, "provide_automatic_options", False) or plan.text_start is None:
        return None
    methods = answers.methods_for(app.url_map, environ.get("PATH_INFO"))
    if not methods or not answers.is_plain_list(methods):
        return None
    header, status, _ = plan.text_start
    return Page(status, [header, ("Allow", ", ".join(methods)), ("Content-Length", "0")], [])
