"""The context of one WebSocket: that of a request, whose response is the handshake."""

from __future__ import annotations

import typing as t

from werkzeug.exceptions import HTTPException

from ... import invalidation
from ...ctx.cookie_defaults import PREFIX
from ...ctx.late_writes import watch
from ...ctx.request_context import RequestContext
from ...ctx.states import LEFT, PLAIN
from ...ctx.values import Entered
from ...dispatch.inlined_response import new
from ...routing.websockets import find_by_path, find_websocket
from ...sessions.watching import SessionWatch, watch_session
from ...signals import send_signal, websocket_tearing_down
from ...wrappers.environ import brief_environ_of
from ..scopes import handshake_environ_of
from .wrapper import WEBSOCKET_CLASSES, websocket_class_of

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from ...app import Flask
    from ..protocol import Scope
    from .connection import Connection
    from .wrapper import WebSocket


def make_context(
    app: Flask,
    handshake: tuple[str, str] | None,
    environ: WSGIEnvironment | None,
    connection: Connection,
    scope: Scope,
) -> WebSocketContext:
    """Return the context of one WebSocket.

    Args:
        app: The application.
        handshake: What `handshake_of` returns.
        environ: The environ of the handshake, which is of this WebSocket alone; None to make it when it is read.
        connection: Its messages.
        scope: Its scope.
    """
    plan = app._plan
    if plan.epoch is not invalidation.epoch:
        plan = app._planner.current(app)
    kind = WEBSOCKET_CLASSES.get(app.request_class) or websocket_class_of(app.request_class)
    is_plain = plan.begins_plainly and app.config["TRUSTED_HOSTS"] is None
    websocket: WebSocket = new(kind) if is_plain else kind(environ or handshake_environ_of(scope))
    websocket.json_module = app.json
    websocket._connection, websocket._app, websocket.scope = connection, app, scope
    if not is_plain:
        return WebSocketContext(app, websocket)
    # What the constructors do, but without a copy of the environ, and without an adapter before it is needed.
    if environ is None:
        websocket._scope, websocket._handshake = scope, handshake
    else:
        websocket.environ = environ
        environ["werkzeug.request"] = websocket
    context: WebSocketContext = new(WebSocketContext)
    context.app = app
    context.websocket = context._request = websocket
    context._state = PLAIN
    return context


class WebSocketContext(RequestContext):
    """The context of one WebSocket.

    Args:
        app: The application.
        websocket: The WebSocket.
    """

    websocket: WebSocket
    #: Tells whether the session that the handshake has read was ended.
    session_watch: SessionWatch | None = None

    def __init__(self, app: Flask, websocket: WebSocket) -> None:
        self.websocket = websocket
        super().__init__(app, websocket.environ, websocket)

    def _match_by_map(self) -> None:
        app, url_map = self.app, self.app.url_map
        if app.subdomain_matching or url_map.host_matching:
            self._match_by_adapter()
            return
        websocket, name = self.websocket, app.config["SERVER_NAME"]
        # An environ that was made may have been changed. The scheme of a handshake is one that the map accepts.
        handshake = None if websocket._scope is None else websocket._handshake
        if handshake is not None and handshake[0] in url_map._plain_hosts and name is None:
            found = find_by_path(url_map, handshake[1])
        else:
            found = find_websocket(url_map, brief_environ_of(websocket), name)
        if found is None or found[0] is None:
            self._take(found)
        else:
            websocket.url_rule, websocket.view_args = found

    @property
    def is_pushed(self) -> bool:
        """Whether it is entered."""
        return self._token is not None or bool(self._nested)

    def headers_at_accept(self) -> list[tuple[str, str]]:
        """Save the session, and return the headers with its cookie and the others that were set.

        What is written from now on is too late.

        Raises:
            HTTPException: If the session cannot be saved. Its response is the one to send.
        """
        app = self.app
        lines: list[str] = []
        if self._is_touched:
            response = app.response_class()
            app._keep_state(self, None, response)
            if response.status_code >= 400:
                # The store cannot be asked.
                raise HTTPException(response=response)
            if app._current_plan().checks_cookies:
                app._check_cookies(response)
            self.session_watch = watch_session()
            lines = response.headers.getlist("Set-Cookie")
        self._state = LEFT
        watch(self)
        return [("set-cookie", line) for line in lines] if lines else []

    def read_session(self) -> None:
        """Open a session that is kept on the server: a coroutine should not wait for the store."""
        app, environ = self.app, self.websocket.environ
        if "HTTP_COOKIE" not in environ:
            return
        # The name without a prefix, if it has one.
        name = app.session_interface.get_cookie_name(app).removeprefix(PREFIX)
        if name in environ["HTTP_COOKIE"] and self.websocket.is_same_origin:
            self._session  # noqa: B018 - reading it opens it

    def _tear_down(self, exc: BaseException | None) -> None:
        app, failure = self.app, None
        functions = vars(app).get("teardown_websocket_funcs", {})
        for scope in (*self.websocket.blueprints, None) if functions else ():
            for function in reversed(functions.get(scope, ())):
                try:
                    app.ensure_sync(function)(exc)
                except Exception as error:  # noqa: BLE001 - the others are to run all the same
                    failure = app._teardown_failed(error, failure)
        if websocket_tearing_down.receivers:
            send_signal(websocket_tearing_down, app, app.ensure_sync, exc=exc)
        if failure is not None:
            raise failure


Entered.read_from(WebSocketContext)
