"""`WebSocket`: the handshake as a request, and the methods that send and receive."""

from __future__ import annotations

import typing as t
from threading import get_ident

from ...csrf import check_origin_of_websocket
from ...exceptions import BadMessage, CSRFError, WebSocketDisconnect
from ...wrappers.environ import FromEnviron
from ...wrappers.request import Request
from ...wrappers.sent_cookies import ReceivedCookies
from ..scopes import sent_headers

if t.TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.datastructures import Authorization

    from ...app import Flask
    from ...wrappers.client import Result
    from ..protocol import Scope
    from .connection import Connection

    Headers: t.TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]


class _CheckedCookies(ReceivedCookies):
    """The cookies of a handshake, which another site must not make a browser send."""

    def __get__(self, request: Request | None, owner: type | None = None) -> Result:
        if isinstance(request, WebSocket):
            request.check_origin()
        return super().__get__(request, owner)


def _read_scheme(environ: WSGIEnvironment) -> str:
    """The URL scheme, `ws` or `wss`."""
    return "wss" if environ.get("wsgi.url_scheme") == "https" else "ws"


class WebSocket(Request):
    """The WebSocket that a view reads as `websocket`; `request` is the same object there.

    It has the attributes of the request that opened it, and methods to send and receive. Coroutine functions await
    these methods. Other functions call them without `await`, and wait in their thread.
    """

    is_websocket = True
    #: The scope of ASGI.
    scope: Scope
    _connection: Connection
    _app: Flask
    _is_checked = False
    # Its host and its path, where the environ is made when it is read.
    _handshake: tuple[str, str] | None = None

    scheme = FromEnviron(_read_scheme, is_in_brief=True)
    if not t.TYPE_CHECKING:
        cookies = _CheckedCookies()

    @property
    def authorization(self) -> Authorization | None:
        """The credentials that the client sent; None if they are missing or malformed."""
        # Browsers send passwords that they remember with handshakes from any site.
        self.check_origin()
        found: Authorization | None = vars(Request)["authorization"].fget(self)
        return found

    @property
    def requested_subprotocols(self) -> list[str]:
        """The subprotocols that the client offers, the one that it likes best first."""
        return list(self._connection.requested)

    def check_origin(self) -> None:
        """Refuse the WebSocket if a browser sends cookies or a password with it for another site.

        Reading the session or the cookies calls it.

        Raises:
            CSRFError: If it comes from another site.
        """
        environ = self.environ
        if not self._is_checked and ("HTTP_COOKIE" in environ or "HTTP_AUTHORIZATION" in environ):
            check_origin_of_websocket(self._app, self)
            self._is_checked = True

    @property
    def is_same_origin(self) -> bool:
        """Whether `check_origin` accepts the handshake."""
        try:
            self.check_origin()
        except CSRFError:
            return False
        return True

    def is_disconnected(self) -> Result:
        """Return whether the WebSocket has ended. Coroutine functions await it."""
        return self._connection.run(self._connection.has_ended())

    def accept(self, headers: Headers | None = None, subprotocol: str | None = None) -> Result:
        """Accept the handshake. Sending and receiving do it, too, but without headers and subprotocol.

        The cookies that were set so far and the session are sent with it.

        Args:
            headers: Headers of the response, besides those.
            subprotocol: One of `requested_subprotocols`.

        Raises:
            ValueError: If a header would end its line, or the client did not ask for the subprotocol.
            RuntimeError: If there are headers or a subprotocol, and the handshake is over.
        """
        given: Result = headers
        if hasattr(headers, "items"):
            given = t.cast("Mapping[str, str]", headers).items()
        pairs = sent_headers(given or (), self.scope.get("http_version", "1.1"))
        return self._connection.run(self._connection.accept(pairs, subprotocol))

    def receive(self) -> Result:
        """Wait for the next message, and return it: text as str, other messages as bytes.

        Raises:
            WebSocketDisconnect: If the WebSocket has ended.
        """
        connection = self._connection
        coroutine = connection.receive()
        # This is what most calls need of `run`, which asks the system on CPython 3.11 which loop runs.
        return coroutine if get_ident() == connection.thread else connection.run(coroutine)

    def receive_json(self) -> Result:
        """Wait for the next message, and return what its JSON means.

        Raises:
            BadMessage: If it is not JSON. If that is not caught, it ends the WebSocket with the code 1007.
            WebSocketDisconnect: If the WebSocket has ended.
        """
        return self._connection.run(self._receive_json())

    async def _receive_json(self) -> object:
        data = await self._connection.receive()
        try:
            return self.json_module.loads(data)
        except (ValueError, RecursionError) as error:
            raise BadMessage("The message is not JSON.") from error

    def send(self, data: str | bytes) -> Result:
        """Send a message: str as text, bytes as binary. It waits for slow clients as the server does.

        Raises:
            TypeError: If it is neither.
            WebSocketDisconnect: If the WebSocket has ended.
        """
        connection = self._connection
        coroutine = connection.send(data)
        return coroutine if get_ident() == connection.thread else connection.run(coroutine)

    def send_json(self, *args: object, **kwargs: object) -> Result:
        """Send a value as JSON. The arguments are those of `jsonify`.

        Raises:
            TypeError: If there are positional and keyword arguments, or if a value has no form in JSON.
            WebSocketDisconnect: If the WebSocket has ended.
        """
        if args and kwargs:
            raise TypeError("send_json() takes positional or keyword arguments, not both.")
        value: object = args[0] if len(args) == 1 else args or kwargs
        return self._connection.run(self._connection.send(self.json_module.dumps(value)))

    def close(self, code: int = 1000, reason: str = "") -> Result:
        """Close the WebSocket. Nothing happens if it has ended.

        A handshake that is not over is accepted first, because browsers show no code otherwise. To answer it with an
        HTTP error instead, call `abort`.

        Args:
            code: 1000, or what went wrong. From 4000 to 4999 applications choose the meaning.
            reason: At most 123 bytes of text for the client.

        Raises:
            ValueError: If no close frame may have them.
        """
        return self._connection.run(self._connection.close(code, reason))

    def __aiter__(self) -> AsyncIterator[Result]:
        return self._connection.messages()

    def __iter__(self) -> Iterator[Result]:
        while True:
            try:
                data = self._connection.run(self._connection.receive())
            except WebSocketDisconnect:
                return
            yield data


#: The classes of WebSockets that were asked for, by those of requests.
WEBSOCKET_CLASSES: dict[type[Request], type[WebSocket]] = {Request: WebSocket}


def websocket_class_of(request_class: type[Request]) -> type[WebSocket]:
    """Return the class of an app's WebSockets: with what its class of requests adds to `Request`."""
    found = WEBSOCKET_CLASSES.get(request_class)
    if found is None:
        found = t.cast("type[WebSocket]", type("WebSocket", (WebSocket, request_class), {"__module__": __name__}))
        WEBSOCKET_CLASSES[request_class] = found
    return found
