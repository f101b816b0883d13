"""The last steps of a request: its teardown functions and those of its app context."""

from __future__ import annotations

import sys
import typing as t

from .. import invalidation
from ..ctx.app_context import _sentinel, value_with_request
from ..signals import appcontext_tearing_down, request_tearing_down
from .errors import ErrorHandling

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .. import typing as ft


class Teardown(ErrorHandling):
    """The steps after the response was sent to the server."""

    teardown_appcontext_funcs: list[ft.TeardownCallable]
    _synchronous: dict[int, Callable[..., object]]
    if t.TYPE_CHECKING:

        def _run(self, function: Callable[..., object], /, *args: object, **kwargs: object) -> object: ...

    def do_teardown_request(self, exc: BaseException | None = _sentinel) -> None:
        """Run the `teardown_request` functions, those of blueprints first, and send the signal.

        All of them run; the first error is raised afterwards.
        """
        if exc is _sentinel:
            exc = sys.exc_info()[1]
        failure: Exception | None = None
        if self.teardown_request_funcs:
            epoch, known = self._known_functions()
            for scope in (*value_with_request().request.blueprints, None):
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
            request_tearing_down.send(self, _async_wrapper=self.ensure_sync, exc=exc)
        if failure is not None:
            raise failure

    def do_teardown_appcontext(self, exc: BaseException | None = _sentinel) -> None:
        """Run the `teardown_appcontext` functions and send the signal.

        All of them run; the first error is raised afterwards.
        """
        if exc is _sentinel:
            exc = sys.exc_info()[1]
        failure: Exception | None = None
        epoch, known = self._known_functions() if self.teardown_appcontext_funcs else (None, {})
        for function in reversed(self.teardown_appcontext_funcs):
            try:
                if epoch is invalidation.epoch and id(function) in known:
                    function(exc)
                else:
                    self._run(function, exc)
            except Exception as error:  # noqa: BLE001 - the others are to run all the same
                failure = self._teardown_failed(error, failure)
        if appcontext_tearing_down.receivers:
            appcontext_tearing_down.send(self, _async_wrapper=self.ensure_sync, exc=exc)
        if failure is not None:
            raise failure

    def _known_functions(self) -> tuple[object, Mapping[int, object]]:
        """Return the epoch, and the functions that may be called without `ensure_sync` while it stays."""
        plan = self._current_plan()
        return plan.epoch, self._synchronous if plan.calls_directly else {}

    def _teardown_failed(self, error: Exception, first: Exception | None) -> Exception:
        """Return the error to raise when all teardown functions have run: the first one. Log any other."""
        if first is None:
            return error
        self.logger.error("A teardown function failed after another one had failed", exc_info=error)
        return first
