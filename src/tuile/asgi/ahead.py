"""The start of a request's body, received on the event loop before its view is called.

A client that sends slowly holds no worker that way, and a request is matched on the loop, whatever body it has.
"""

from __future__ import annotations

import typing as t
from asyncio import sleep
from io import BytesIO

from ..dispatch.inlined_on_loop import may_run_on_loop
from ..http.received import SAFE_METHODS
from .exchange import MESSAGES_IN_A_TURN, MOST_WAITING

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from ..ctx.request_context import RequestContext
    from ..dispatch.plan import Plan
    from ..dispatch.return_values import AwaitedView
    from ..wrappers.environ import Received
    from ..wrappers.request import Request
    from .protocol import Message, Receive, Scope, Send
    from .service import Service

#: Instead of a Content-Length: the body is sent in chunks. It is compared by identity.
CHUNKED = b"in chunks"
#: The methods that have no body in HTTP/1 unless one is announced.
METHODS_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})
# How many bytes of a piece are more than what keeping it takes besides.
_SMALL = 4 * 1024


class Allowance:
    """How much memory the bodies of all requests of an event loop may still take, beside the start of each.

    Args:
        left: That is, in bytes.
    """

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left


class ReceivedAhead:
    """What was received of a body.

    Args:
        receive: Of the server.
    """

    __slots__ = (
        "_body",
        "_is_to_be_given",
        "_pieces",
        "_small",
        "announced",
        "has_left",
        "is_begun",
        "is_complete",
        "is_too_long",
        "length",
        "receive",
        "taken",
    )

    def __init__(self, receive: Receive) -> None:
        #: The server's `receive`.
        self.receive = receive
        self._is_to_be_given = False
        # What has come, if it is one piece, or was joined; otherwise its pieces, and what joins the last ones.
        self._body = b""
        self._pieces: list[bytes] | None = None
        self._small: BytesIO | None = None
        self.is_complete = self.is_begun = False
        #: How long what has come is, and the body, as far as that was announced.
        self.length = self.announced = 0
        #: Whether more is announced than the app accepts, so that nothing is received.
        self.is_too_long = False
        #: Whether the client left before its end.
        self.has_left = False
        #: How much of the memory for bodies it takes.
        self.taken = 0

    @property
    def body(self) -> bytes:
        """What has come; all of the body, if it `is_complete`."""
        if self._pieces is not None:
            self._close_small(self._pieces)
            self._body, self._pieces = b"".join(self._pieces), None
        return self._body

    async def fill(self) -> None:
        """Receive the body until its end, or until there is as much as may wait."""
        self.is_begun = True
        length = count = 0
        while length < MOST_WAITING and not self.is_complete:
            try:
                message = await self.receive()
            except OSError:
                self.has_left = True
                return
            if message["type"] == "http.disconnect":
                self.has_left = True
                return
            piece: bytes = message.get("body", b"")
            if not length:
                self._body = bytes(piece)
            else:
                self._add(piece)
            length += len(piece)
            self.is_complete = not message.get("more_body", False)
            count += 1
            if not count % MESSAGES_IN_A_TURN:
                # A server's `receive` need not pause.
                await sleep(0)
        self.length, self._is_to_be_given = length, True

    async def fill_up(self, most: int, memory: Allowance) -> None:
        """Receive the rest as well, unless that is more than `most` bytes together, or than there is memory for."""
        count = 0
        while self.length <= most and memory.left > 0 and not self.is_complete:
            try:
                message = await self.receive()
            except OSError:
                self.has_left = True
                break
            if message["type"] == "http.disconnect":
                self.has_left = True
                break
            piece: bytes = message.get("body", b"")
            memory.left -= len(piece)
            self.taken += len(piece)
            self.length += len(piece)
            self._add(piece)
            self.is_complete = not message.get("more_body", False)
            count += 1
            if not count % MESSAGES_IN_A_TURN:
                await sleep(0)

    def _add(self, piece: bytes) -> None:
        """Keep a piece, to be joined with the others. Small ones are joined at once: there may be many of them."""
        pieces = self._pieces
        if pieces is None:
            pieces = self._pieces = [self._body]
            self._body = b""
        if len(piece) >= _SMALL:
            self._close_small(pieces)
            pieces.append(piece)
        else:
            if self._small is None:
                self._small = BytesIO()
            self._small.write(piece)

    def _close_small(self, pieces: list[bytes]) -> None:
        if self._small is not None:
            pieces.append(self._small.getvalue())
            self._small = None

    async def again(self) -> Message:
        """Receive everything from the start, as the server's `receive`: for who does not take the `body`."""
        if self._is_to_be_given:
            self._is_to_be_given = False
            return {"type": "http.request", "body": self.body, "more_body": not self.is_complete}
        return {"type": "http.disconnect"} if self.has_left else await self.receive()


async def receive_ahead(
    service: Service, plan: Plan, scope: Scope, announced: bytes | None, receive: Receive, send: Send
) -> ReceivedAhead | None:
    """Receive the start of a body that is announced, before its request is matched on the loop.

    Args:
        service: The service of the app.
        plan: The plan of the app.
        scope: The scope of a request.
        announced: Its Content-Length, or `CHUNKED`. If it is None, nothing is received: a view may answer before there
            is a body.
        receive: Of the server.
        send: Of the server.

    Returns:
        What was received; None if the request was served otherwise or the client has left.
    """
    config, ahead = service.app.config, ReceivedAhead(receive)
    # The check of where a request comes from may read the body.
    if scope["method"] in SAFE_METHODS or config.get("CSRF") is None:
        if announced is None or announced == b"0":
            # HTTP/2 and later need not announce one, with any method.
            ahead.is_complete = announced is not None or (
                scope["method"] in METHODS_WITHOUT_BODY and scope["http_version"].startswith("1")
            )
            return ahead
        if announced is CHUNKED or is_length(announced):
            limit: int | None = config["MAX_CONTENT_LENGTH"]
            if announced is not CHUNKED:
                ahead.announced = int(announced)
                ahead.is_too_long = limit is not None and ahead.announced > limit
            # Too long a one is refused when it is read, unless the view has another limit.
            if ahead.is_too_long or await _fill(ahead, service, plan):
                return ahead
    if not ahead.has_left:
        await service.here().serve_http(scope, ahead.again, send)
    return None


async def receive_for_view(
    ahead: ReceivedAhead,
    service: Service,
    plan: Plan,
    context: RequestContext,
    sent_cookies: str | None,
    view: AwaitedView,
    arguments: dict[str, object],
    scope: Scope,
    send: Send,
) -> bool:
    """Receive the body for a coroutine function, which cannot wait for it.

    Returns:
        Whether it is there, and nothing was changed meanwhile. Otherwise the request was served in another way, or the
        client has left.
    """
    if not ahead.is_begun and not ahead.is_too_long:
        # It need not be announced.
        is_same = await _fill(ahead, service, plan)
        if ahead.has_left or (is_same and ahead.is_complete):
            return is_same
        if not is_same:
            await service.here().serve_http(scope, ahead.again, send)
            return False
    await service.answer_long(plan, context, sent_cookies, view, arguments, scope, ahead, send)
    return False


def give_body(request: Request, received: Received) -> None:
    """Give a request its body, once it is known where it comes from."""
    request._received = received
    if request._scope is None:
        # Matching has made the environ: only the checks of hosts and some maps need it.
        add_body(request.environ, received)


def add_body(environ: WSGIEnvironment, received: Received) -> None:
    """Add the stream of a body to an environ."""
    if isinstance(received, bytes):
        environ["wsgi.input"] = BytesIO(received)
    else:
        received(environ)


async def _fill(ahead: ReceivedAhead, service: Service, plan: Plan) -> bool:
    """Receive the start of a body; return whether the client is there and nothing was changed meanwhile."""
    await ahead.fill()
    return not ahead.has_left and is_same_plan(service, plan)


def is_same_plan(service: Service, plan: Plan) -> bool:
    """Return whether a request that was begun with a plan may still go on with it, after something was awaited."""
    return service.plan_for_loop() is plan and may_run_on_loop(service.app)


def is_length(text: bytes) -> bool:
    """Return whether a Content-Length is a number. Longer ones are absurd, and refused where the body is read."""
    return text.isdigit() and len(text) <= 18
