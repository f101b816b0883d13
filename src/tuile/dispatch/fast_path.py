"""The staircase without calls from step to step, for an app that has replaced none of them.

Floor 5, the application. It does what `Staircase.wsgi_app` and the steps beneath it do when a rule matches, its view
answers and nobody wants to see the response; whatever else happens on the way is handed to the steps themselves. What
must live here: that walk, and the end of a request, which both walks share. What must not: anything that the
steps do not do too (`dispatch` is the definition), and the conditions that can be noted beforehand (`shortcuts`).
"""

from __future__ import annotations

import sys
import typing as t

from ..ctx.app_context import current
from ..ctx.request_context import RequestContext
from ..signals import (
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    request_finished,
    request_started,
    request_tearing_down,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from ..wrappers.request import Request
    from ..wrappers.response import TextStart
    from .steps import Staircase

_new = object.__new__


def walk(app: Staircase, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request of an app that `walks_short`, as its steps would."""
    # Read once: it may be taken back meanwhile.
    request_class = app.plain_request_class
    if current.get(None) is not None or appcontext_pushed.receivers or request_class is None:
        return app._walk_steps(environ, start_response)
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
            start, answer = _answer(app, context, request, environ)
        except Exception as raised:  # noqa: BLE001 - everything a view may raise becomes an answer
            error = raised
            start, answer = None, app.handle_exception(raised)
        except BaseException:
            error = sys.exc_info()[1]
            raise
        if start is None:
            return type(answer).__call__(answer, environ, start_response)  # type: ignore[no-any-return] # of a response
        start_response(start[1], [start[0], ("Content-Length", str(len(answer)))])
        return () if environ["REQUEST_METHOD"] == "HEAD" else [answer]
    finally:
        if (
            error is None
            and context.is_plain
            and request.closes_nothing
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


def _answer(
    app: Staircase, context: RequestContext, request: Request, environ: WSGIEnvironment
) -> tuple[TextStart | None, t.Any]:
    """Return None and the response; or what one that nobody would see would begin with, and its body."""
    found = app.url_map.find(environ, app.config["SERVER_NAME"])
    if found is None or found[0] is None or request_started.receivers or environ["REQUEST_METHOD"] == "OPTIONS":
        context.take(found)
        return None, app.full_dispatch_request()
    rule, arguments = found
    request.url_rule = rule
    request.view_args = arguments
    try:
        if app.before_request_funcs or app.url_value_preprocessors:
            # What it would be when it is read, which `dispatch_request` does.
            request.method = environ["REQUEST_METHOD"]
            hooked = app.preprocess_request()
            answer: t.Any = app.dispatch_request() if hooked is None else hooked
        else:
            view = app.view_functions[rule.endpoint]
            if id(view) in app._synchronous:
                answer = view(**arguments) if arguments else view()
            else:
                answer = app._run(view, **arguments)
    except Exception as raised:  # noqa: BLE001 - handlers may be registered for any exception
        answer = app.handle_user_exception(raised)
    start = app.text_start
    sent = environ.get("HTTP_COOKIE")
    if (
        start is not None
        and app.walks_short
        and context.is_plain
        and not context.is_touched
        and not app.after_request_funcs
        and not request_finished.receivers
        and app.cookie_checks is None
        # A session that came along may have to be renewed.
        and (sent is None or ((name := app.config["SESSION_COOKIE_NAME"]) not in sent and name.isascii()))
    ):
        kind = type(answer)
        if kind is str:
            return start, answer.encode()
        if kind is app.response_class:
            return None, answer
        start, write = app.json_start, app.write_json
        if (kind is dict or kind is list) and start is not None and write is not None:
            return start, f"{write(answer)}\n".encode()
    return None, app.finalize_request(answer)


def leave(app: Staircase, context: RequestContext, environ: WSGIEnvironment, error: BaseException | None) -> None:
    """Leave the context of a request at its end, after it was given to a debugger or a test that wants it."""
    if "werkzeug.debug.preserve_context" in environ:
        keep, kept = environ["werkzeug.debug.preserve_context"], current.get()
        keep(kept.app_context)
        keep(kept.request_context)
    if error is not None and app.should_ignore_error(error):
        error = None
    context.pop(error)
