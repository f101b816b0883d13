"""The last steps of a request: its teardown functions and those of its app context."""

from __future__ import annotations

import sys
import typing as t
from sys import getrefcount

from .. import invalidation
from ..ctx.app_context import _cv_app, _sentinel, current_request, current_value, keep_environ
from ..ctx.references import REFERENCES, REFERENCES_PASSED
from ..ctx.request_context import RequestContext
from ..ctx.states import LEFT, PRESERVED
from ..signals import appcontext_tearing_down, request_tearing_down, send_signal
from ..wrappers.plain_response import Closing
from ..wrappers.response import CALL, Response
from .errors import ErrorHandling

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from _typeshed.wsgi import WSGIEnvironment

    from .. import typing as ft

# The scopes of functions for an endpoint that is in no blueprint.
APP_ALONE = (None,)
# The functions that do not need `ensure_sync`, for an app that overrides it.
NONE_KNOWN: dict[int, Callable[..., object]] = {}


class Teardown(ErrorHandling):
    """The steps after the response was sent to the server."""

    teardown_appcontext_funcs: list[ft.TeardownCallable]

    def do_teardown_request(  # noqa: C901 - calls of its own would cost as much as what they would do
        self, exc: BaseException | None = _sentinel
    ) -> None:
        """Run the `teardown_request` functions, those of blueprints first, and send the signal.

        All of them run; the first error is raised afterwards.
        """
        if exc is _sentinel:
            exc = sys.exc_info()[1]
        failure: Exception | None = None
        if self.teardown_request_funcs:
            plan = self._plan
            if plan.epoch is not invalidation.epoch:
                plan = self._current_plan()
            epoch, known = plan.epoch, self._synchronous if plan.calls_directly else NONE_KNOWN
            for scope in _scopes(self.teardown_request_funcs):
                for function in reversed(self.teardown_request_funcs.get(scope, ())):
                    try:
                        # A function before this one may have replaced `ensure_sync`.
                        if epoch is invalidation.epoch and id(function) in known:
                            function(exc)
                        else:
                            self._run(function, exc)
                    except Exception as error:  # noqa: BLE001 - the others are to run all the same
                        failure = self._teardown_failed(error, failure)
        if request_tearing_down.receivers:
            send_signal(request_tearing_down, self, self.ensure_sync, exc=exc)
        if failure is not None:
            raise failure

    def do_teardown_appcontext(self, exc: BaseException | None = _sentinel) -> None:
        """Run the `teardown_appcontext` functions and send the signal.

        All of them run; the first error is raised afterwards.
        """
        if exc is _sentinel:
            exc = sys.exc_info()[1]
        failure: Exception | None = None
        if self.teardown_appcontext_funcs:
            plan = self._plan
            if plan.epoch is not invalidation.epoch:
                plan = self._plan_if_made()
            epoch, known = plan.epoch, self._synchronous if plan.calls_directly else NONE_KNOWN
            for function in reversed(self.teardown_appcontext_funcs):
                try:
                    if epoch is invalidation.epoch and id(function) in known:
                        function(exc)
                    else:
                        self._run(function, exc)
                except Exception as error:  # noqa: BLE001 - the others are to run all the same
                    failure = self._teardown_failed(error, failure)
        if appcontext_tearing_down.receivers:
            send_signal(appcontext_tearing_down, self, self.ensure_sync, exc=exc)
        if failure is not None:
            raise failure

    def _teardown_failed(self, error: Exception, first: Exception | None) -> Exception:
        """Return the error to raise when all teardown functions have run: the first one. Log any other."""
        if first is None:
            return error
        self.logger.error("A teardown function failed after another one had failed", exc_info=error)
        return first


def _scopes(functions: Mapping[str | None, object]) -> Iterable[str | None]:
    """Return the scopes of the functions that run for the current request: its blueprints, and the app.

    Raises:
        RuntimeError: If no request is active.
    """
    context = current_value(None)
    # The request need not be made for functions of the app alone.
    if len(functions) == 1 and None in functions and type(context) is RequestContext:
        kind = None if context._plan is None else context._plan.request_class
        if getattr(kind if context._request is None else context._request, "_has_endpoint_of_rule", False):
            return APP_ALONE
    blueprints = current_request().blueprints
    return (*blueprints, None) if blueprints else APP_ALONE


def leave(
    app: ErrorHandling, context: RequestContext, environ: WSGIEnvironment, error: BaseException | None, names: int = 0
) -> None:
    """Leave the context of a request, and let a debugger or a test preserve it first.

    Args:
        app: The application.
        context: The context.
        environ: The environ of the request.
        error: What was raised.
        names: How many local variables of the caller refer to the request.
    """
    if "werkzeug.debug.preserve_context" in environ:
        keep, kept = environ["werkzeug.debug.preserve_context"], current_value(None)
        if kept is None:
            # It could not be entered.
            raise LookupError(_cv_app)
        keep(kept._app_ctx)
        keep(kept._request_ctx)
        context._state = PRESERVED
    else:
        context._state = LEFT
    if error is not None and app.should_ignore_error(error):
        error = None
    try:
        context.pop(error)
    finally:
        # Local variables of this function and its caller refer to the context, and the context to the request.
        request, is_held = context._request, getrefcount(context) > REFERENCES_PASSED
        if request is None and context._plan is None:
            request = context._make_request()
        elif request is None and is_held:
            # It may be asked for its request later.
            request = context._make_request()
            request.environ["werkzeug.request"] = None
        if is_held or (request is not None and getrefcount(request) > REFERENCES + 1 + names):
            keep_environ(request)


def parts_at_end(response: t.Any, whole: object, parts: t.Any) -> Iterable[bytes]:
    """Return the parts of a body with the changes that teardown functions made to it or its response.

    Args:
        response: The response.
        whole: The body as of before the teardown functions ran, which may have changed this list.
        parts: The parts for the server without these changes.
    """
    # What is passed through is sent as it is, whatever it is.
    if type(parts) is list and type(whole) is list and parts is not whole:
        parts = [part.encode() if isinstance(part, str) else part for part in whole]
    # Nor is it closed.
    is_closed = getattr(response, "_on_close", None) and not getattr(response, "direct_passthrough", False)
    return Closing(parts, response.close) if is_closed else parts


def body_sent(response: object) -> object:
    """Return the body of a response that was sent by `Response`'s own methods; None for any other."""
    # Nothing on it is certain to be there: its class may have a constructor of its own.
    is_ours = isinstance(response, Response) and type(response).__call__ is CALL and response._sends_plainly
    return getattr(response, "response", None) if is_ours else None
