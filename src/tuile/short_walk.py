"""The staircase without calls from step to step, for an app that has replaced none of them.

Floor 5, the application. It does what `Staircase.wsgi_app` and the steps beneath it do when a rule matches, its view
answers and nobody wants to see the response; whatever else happens on the way is handed to the steps themselves. What
must live here: that walk, and the end of a request, which both walks share. What must not: anything that the
steps do not do too (`dispatch` is the definition), and the conditions that can be noted beforehand (`shortcuts`).
"""

from __future__ import annotations

import sys
import typing as t

from .context import current
from .request_context import RequestContext
from .response import CONTENT_TYPE_HEADERS
from .signals import (
    appcontext_popped,
    appcontext_tearing_down,
    request_finished,
    request_started,
    request_tearing_down,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from .dispatch import Staircase
    from .request import Request

_new = object.__new__


def walk(
    app: Staircase, request_class: type[Request], environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Answer one request as `Staircase.wsgi_app` does, for an app that `walks_short` while nothing else is current."""
    request = _new(request_class)
    request.environ = environ
    request.json_module = app.json
    environ["werkzeug.request"] = request
    context = _new(RequestContext)
    context.app = app  # type: ignore[assignment] # every staircase is a Flask
    context.request = request
    context.is_plain = True
    context.is_touched = False
    context._token = token = current.set(context)
    error: BaseException | None = None
    try:
        try:
            answer = _answer(app, context, request, environ)
        except Exception as raised:  # noqa: BLE001 - everything a view may raise becomes an answer
            error = raised
            answer = app.handle_exception(raised)
        except BaseException:
            error = sys.exc_info()[1]
            raise
        if type(answer) is not tuple:
            return type(answer).__call__(answer, environ, start_response)  # type: ignore[no-any-return] # of a response
        # What the response would send that was not made, because nobody would have seen it.
        status, content_type, body = answer
        start_response(status, [content_type, ("Content-Length", str(len(body)))])
        return () if environ["REQUEST_METHOD"] == "HEAD" else [body]
    finally:
        if (
            error is None
            and request.closes_nothing
            and context._token is token
            and current.get(None) is context
            and app.walks_short
            and not app.teardown_request_funcs
            and not app.teardown_appcontext_funcs
            and not request_tearing_down.receivers
            and not appcontext_tearing_down.receivers
            and not appcontext_popped.receivers
            and "werkzeug.debug.preserve_context" not in environ
        ):
            context._token = None
            context.is_plain = False
            current.reset(token)
            request.environ["werkzeug.request"] = None
        else:
            leave(app, context, environ, error)


def _answer(app: Staircase, context: RequestContext, request: Request, environ: WSGIEnvironment) -> t.Any:
    """Return the response, or in the place of one that nobody would see its status, its content type and its body."""
    found = app.url_map.find(environ)
    if (
        found is None
        or found[0] is None
        or app.before_request_funcs
        or app.url_value_preprocessors
        or request_started.receivers
        or environ["REQUEST_METHOD"] == "OPTIONS"
    ):
        context.take(found)
        return app.full_dispatch_request()
    rule, arguments = found
    request.url_rule = rule
    request.view_args = arguments
    try:
        view = app.view_functions[rule.endpoint]
        if id(view) in app._synchronous:
            answer: t.Any = view(**arguments) if arguments else view()
        else:
            answer = app._run(view, **arguments)
    except Exception as raised:  # noqa: BLE001 - handlers may be registered for any exception
        answer = app.handle_user_exception(raised)
    start = app.text_start
    sent = environ.get("HTTP_COOKIE")
    if (
        start is not None
        and app.walks_short
        and current.get(None) is context
        and not context.is_touched
        and not app.after_request_funcs
        and not request_finished.receivers
        and app.cookie_checks is None
        # A session that came along may have to be renewed.
        and (sent is None or ((name := app.config["SESSION_COOKIE_NAME"]) not in sent and name.isascii()))
    ):
        kind = type(answer)
        if kind is str:
            return start[1], start[0], answer.encode()
        if kind is app.response_class:
            return answer
        if kind is dict or kind is list:
            return _json(app, start[1], answer) or app.finalize_request(answer)
    return app.finalize_request(answer)


def _json(app: Staircase, status: str, answer: t.Any) -> tuple[str, tuple[str, str], bytes] | None:
    """Return status, content type and body for an answer that becomes JSON; None where a response has to say it."""
    provider = app.plain_json
    if provider is None or not provider.responds_plainly:
        return None
    content_type = CONTENT_TYPE_HEADERS.get(provider.mimetype)
    return None if content_type is None else (status, content_type, provider._text(answer).encode())


def leave(app: Staircase, context: RequestContext, environ: WSGIEnvironment, error: BaseException | None) -> None:
    """Leave the context of a request at its end, after it was given to a debugger or a test that wants it."""
    if "werkzeug.debug.preserve_context" in environ:
        keep, kept = environ["werkzeug.debug.preserve_context"], current.get()
        keep(kept.app_context)
        keep(kept.request_context)
    if error is not None and app.should_ignore_error(error):
        error = None
    context.pop(error)
