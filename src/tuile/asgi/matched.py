"""A request without a body that was matched on the event loop, on its way to a worker and back."""

from __future__ import annotations

import typing as t
from collections import deque

from .exchange import Exchange
from .scopes import sent_headers, sent_length

if t.TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from ..dispatch.return_values import Parts
    from ..wrappers.response import TextStart
    from .exchange import ExcInfo
    from .protocol import Scope
    from .workers import Workers

    Short: t.TypeAlias = tuple[TextStart, bytes, list[tuple[str, str]] | None]


class MatchedExchange(Exchange):
    """A request without a body that was matched on the loop: the worker goes on with its view.

    A short response to text or JSON is not made of pieces: it is in `short` when the request has ended.

    Args:
        answer: Answers the request, as `loop_path.answer_matched` does.
        matched: Its arguments but the last one.
        context: The context of variables that it runs in.
        workers: As for any exchange.
        scope: The scope of the request.
    """

    inbox_complete = True
    #: The start of the response, its body, and more headers.
    short: Short | None = None

    def __init__(
        self,
        answer: Callable[..., Parts],
        matched: tuple[object, ...],
        context: Context,
        workers: Workers,
        scope: Scope,
    ) -> None:
        self.answer = answer
        self.matched = matched
        self.context = context
        self.workers = workers
        self.report = workers.report
        self.scope = scope

    def run(self) -> None:
        """Answer the request."""
        try:
            self.context.run(self._answer)
        except BaseException as error:  # noqa: BLE001 - the loop raises it where the server sees it
            self.error = error
        # They refer to the request, which refers to this exchange.
        self.matched = ()
        self.ended = True
        self.report(self)

    def _answer(self) -> None:
        start, body, more = self.answer(*self.matched, self._start_response)
        if start is None:
            self._pass_on(body)
        else:
            self.short = start, body, more

    def has_ended(self) -> bool:
        """Return whether the worker is done, and make an ordinary response of a short one."""
        ended = self.ended
        if ended and self.short is not None:
            self._prepare()
            start, body, more = self.short
            self.head = start[2], [start[3], sent_length(len(body)), *sent_headers(more or (), self.http_version)]
            self.pieces = deque([body] if body and self.method != "HEAD" else ())
            self.begun = self.complete = True
        return ended

    def _prepare(self) -> None:
        """Set what only a response that is not short needs."""
        self.method, self.http_version = self.scope["method"], self.scope["http_version"]
        self.pieces, self.inbox = deque(), deque()

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None, /
    ) -> Callable[[bytes], None]:
        self._prepare()
        return super()._start_response(status, headers, exc_info)
