"""The start of a request's body, received on the event loop before its view is called.

A client that sends slowly holds no worker that way, and a request is matched on the loop, whatever body it has.
"""

from __future__ import annotations

import typing as t
from io import BytesIO

from ..dispatch.inlined_on_loop import may_run_on_loop
from ..http.received import SAFE_METHODS
from .exchange import MOST_WAITING

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from ..dispatch.plan import Plan
    from ..wrappers.environ import Received
    from ..wrappers.request import Request
    from .protocol import Message, Receive, Scope, Send
    from .service import Service

#: Instead of a Content-Length: the body is sent in chunks. It is compared by identity.
CHUNKED = b"in chunks"
#: The methods that have no body in HTTP/1 unless one is announced.
METHODS_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})


class ReceivedAhead:
    """What was received of a body.

    Args:
        receive: Of the server.
    """

    __slots__ = ("_is_to_be_given", "_receive", "body", "has_left", "is_begun", "is_complete", "is_too_long")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._is_to_be_given = False
        #: What has come; all of the body, if it `is_complete`.
        self.body = b""
        self.is_complete = self.is_begun = False
        #: Whether more is announced than the app accepts, so that nothing is received.
        self.is_too_long = False
        #: Whether the client left before its end.
        self.has_left = False

    async def fill(self) -> None:
        """Receive the body until its end, or until there is as much as may wait."""
        self.is_begun = True
        # One piece is not copied. Several are put into one buffer, because a client may send any number of them.
        received: bytes | bytearray = b""
        while len(received) < MOST_WAITING and not self.is_complete:
            try:
                message = await self._receive()
            except OSError:
                self.has_left = True
                return
            if message["type"] == "http.disconnect":
                self.has_left = True
                return
            piece: bytes = message.get("body", b"")
            if not received:
                received = piece
            else:
                if not isinstance(received, bytearray):
                    received = bytearray(received)
                received += piece
            self.is_complete = not message.get("more_body", False)
        self.body, self._is_to_be_given = bytes(received), True

    async def again(self) -> Message:
        """Receive everything from the start, as the server's `receive`: for who does not take the `body`."""
        if not self._is_to_be_given:
            return await self._receive()
        self._is_to_be_given = False
        return {"type": "http.request", "body": self.body, "more_body": not self.is_complete}


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
            ahead.is_too_long = limit is not None and announced is not CHUNKED and int(announced) > limit
            # Too long a one is refused when it is read, unless the view has another limit.
            if ahead.is_too_long or await _fill(ahead, service, plan):
                return ahead
    if not ahead.has_left:
        await service.here().serve_http(scope, ahead.again, send)
    return None


async def receive_for_view(ahead: ReceivedAhead, service: Service, plan: Plan, scope: Scope, send: Send) -> bool:
    """Receive a body that need not be announced, for a coroutine function: it cannot wait for it.

    Returns:
        Whether it is there, and nothing was changed meanwhile. Otherwise the request was served in another way, or the
        client has left.
    """
    if not ahead.is_begun and not ahead.is_too_long and await _fill(ahead, service, plan) and ahead.is_complete:
        return True
    if not ahead.has_left:
        await service.here().serve_http(scope, ahead.again, send)
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
    return not ahead.has_left and service.plan_for_loop() is plan and may_run_on_loop(service.app)


def is_length(text: bytes) -> bool:
    """Return whether a Content-Length is a number. Longer ones are absurd, and refused where the body is read."""
    return text.isdigit() and len(text) <= 18
