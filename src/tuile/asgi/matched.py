"""A request that was matched on the event loop, on its way to a worker and back."""

from __future__ import annotations

import typing as t
from collections import deque

from .exchange import BODILESS, Exchange, body_stream
from .files import with_short_file_read
from .scopes import sent_headers, sent_length

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextvars import Context

    from _typeshed.wsgi import WSGIEnvironment

    from ..dispatch.return_values import Body
    from ..wrappers.response import TextStart
    from .ahead import ReceivedAhead
    from .exchange import ExcInfo
    from .prepared_responses import Prepared
    from .protocol import HeaderPairs, Scope
    from .workers import Workers

    #: What `worker_path.answer_matched` returns.
    Answer: t.TypeAlias = tuple[TextStart | None, Body, list[tuple[str, str]] | None, Prepared | None]


class Awaited(t.NamedTuple):
    """What a view that was awaited has returned or raised."""

    answer: object
    error: Exception | None

    def result(self) -> object:
        """Return it, or raise it."""
        if self.error is not None:
            try:
                raise self.error
            finally:
                # The error's traceback refers to this frame.
                del self
        return self.answer


class MatchedExchange(Exchange):
    """A request that was matched on the loop, where a worker goes on from there.

    Its body is there, unless the exchange is to `expect` it.

    A response that is one piece of the announced length is not passed on as pieces are: it is in `whole` when the
    request has ended.

    Args:
        answer: Answers the request, as `worker_path.answer_matched` does.
        matched: Its arguments but the last one.
        context: The context of variables that it runs in.
        workers: As for any exchange.
        scope: The scope of the request.
    """

    inbox_complete = True
    #: The status of the response, its headers and its body.
    whole: tuple[int, HeaderPairs, bytes] | None = None

    def __init__(
        self,
        answer: Callable[..., Answer],
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
        if self.spool is not None:
            self.spool.close()
        self.ended = True
        self.report(self)

    def expect(self, ahead: ReceivedAhead, limit: int | None, most_spooled: int) -> None:
        """Receive the rest of a body when it is read.

        Args:
            ahead: Its start.
            limit: The longest body that the app accepts.
            most_spooled: How much a coroutine function may read, if there is no limit.
        """
        self.inbox_complete, self.inbox = False, deque([ahead.body] if ahead.body else ())
        self.fed = len(ahead.body)
        if not ahead.is_too_long:
            self.most_spooled = most_spooled if limit is None else limit

    def add_body(self, environ: WSGIEnvironment) -> None:
        """Add the stream of such a body to the environ of its request."""
        environ["wsgi.input"], environ["tuile.exchange"] = body_stream(self), self

    def _answer(self) -> None:
        start, body, more, prepared = self.answer(*self.matched, self._start_response)
        if start is not None:
            headers = [start[3], sent_length(len(body))]
            if more is not None:
                headers += sent_headers(more, self.scope["http_version"])
            self.whole = start[2], headers, b"" if self.scope["method"] == "HEAD" else body
        elif prepared is not None:
            self.whole = prepared
        else:
            parts = body if self.head is None else with_short_file_read(body, self.head[1])
            if not self._keep_whole(parts):
                self._pass_on(parts)

    def _keep_whole(self, parts: Iterable[bytes]) -> bool:
        """Keep a response that has all of its announced body in one piece; return whether it is one."""
        # Nothing else of these types is to be closed.
        if self.head is None or self.begun or not (type(parts) is list or type(parts) is tuple) or len(parts) > 1:
            return False
        body = parts[0] if parts else b""
        status, headers = self.head
        if type(body) is not bytes:
            return False
        if self.method == "HEAD" or status in BODILESS:
            if body:
                return False
        elif [value for name, value in headers if name == b"content-length"] != [b"%d" % len(body)]:
            return False
        self.whole = status, headers, body
        return True

    def has_ended(self) -> bool:
        """Return whether the worker is done, and make an ordinary response of a whole one."""
        ended = self.ended
        if ended and self.whole is not None:
            self._prepare()
            status, headers, body = self.whole
            self.head = status, headers
            self.pieces = deque([body] if body else ())
            self.begun = self.complete = True
        return ended

    def _prepare(self) -> None:
        """Set what only a response that calls `start_response` needs."""
        self.method, self.http_version = self.scope["method"], self.scope["http_version"]
        self.pieces = deque()
        if not hasattr(self, "inbox"):
            self.inbox = deque()

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None, /
    ) -> Callable[[bytes], None]:
        if self.head is None:
            self._prepare()
        return super()._start_response(status, headers, exc_info)
