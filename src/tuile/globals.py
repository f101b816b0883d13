"""The proxies for the current request and app: `request`, `session`, `g`, `current_app` and `cookies`.

They are proxies of `local`, with the most frequent operations of each in a single call. Flask's two context variables
are here as well, as views of `ctx`'s single one.
"""

from __future__ import annotations

import typing as t

from werkzeug.local import LocalProxy as WerkzeugLocalProxy

from .ctx.app_context import (
    NO_REQUEST_MESSAGE,
    NOT_OPENED_MESSAGE,
    AppContext,
    _cv_app,  # noqa: F401 - Flask's globals have it
    _cv_request,  # noqa: F401 - as well
    current_request,
    current_value,
)
from .ctx.namespace import _AppCtxGlobals, _dict_of, lacks
from .ctx.request_context import RequestContext
from .ctx.values import NO_APP_MESSAGE
from .flask_names import offer_flasks_names
from .local import _OWN_NAMES, LocalProxy, _note_missing, _of_unbound, _own

if t.TYPE_CHECKING:
    from .app import Flask
    from .asgi.websockets.wrapper import WebSocket
    from .ctx.cookies import Cookies
    from .sessions import SessionMixin
    from .wrappers.request import Request

    class OfWebSocket(t.Protocol):
        """A value of `current` that has a WebSocket."""

        websocket: WebSocket


# For WebSockets: any other value lacks an attribute.
_websocket_value = t.cast("t.Callable[[None], OfWebSocket]", current_value)
_NO_WEBSOCKET_MESSAGE = (
    "Working outside of the context of a WebSocket: `websocket` can be used in views and hooks of WebSockets only."
)
# Names that `g` lacked when they were read. It is asked for these first, because the error takes longer than the rest.
_missed: set[str] = set()
_MOST_MISSED = 1000


def _find_app() -> Flask:
    value = current_value(None)
    if value is None:
        raise RuntimeError(NO_APP_MESSAGE)
    context = value._own_app_ctx
    return value.app if context is None else context.app


def _find_g() -> _AppCtxGlobals:
    value = current_value(None)
    if value is None:
        raise RuntimeError(NO_APP_MESSAGE)
    context = value._own_app_ctx
    if context is None:
        return value._g
    namespace = context._namespace
    return context.g if namespace is None else namespace


def _find_app_context() -> AppContext:
    value = current_value(None)
    if value is None:
        raise RuntimeError(NO_APP_MESSAGE)
    context = value._own_app_ctx
    if context is None and (context := value._app_ctx) is None:
        raise RuntimeError(NO_APP_MESSAGE)
    return context


def _find_session() -> SessionMixin | None:
    value = current_value(None)
    # A request context has a request, which need not be made to know that; likewise below.
    if value is None or (value._request is None and type(value) is not RequestContext and value.request is None):
        raise RuntimeError(NO_REQUEST_MESSAGE)
    session = value._opened_session
    if session is None:
        return value.session
    session.accessed = True
    return session


def _find_websocket() -> WebSocket:
    try:
        # The context of a WebSocket alone has it, a context inside passes it on, and reading `request` is a call.
        return _websocket_value(None).websocket
    except AttributeError:
        raise RuntimeError(_NO_WEBSOCKET_MESSAGE) from None


def _find_cookies() -> Cookies:
    value = current_value(None)
    if value is None or (value._request is None and value._make_request() is None):
        raise RuntimeError(NO_REQUEST_MESSAGE)
    return value._request_cookies


def _find_request_context() -> RequestContext:
    value = current_value(None)
    # Without asking the property of a request on its own, which is a call.
    context = value if value is None or type(value) is RequestContext else value._request_ctx
    if context is None:
        raise RuntimeError(NO_REQUEST_MESSAGE)
    return context


def _read_of_request(name: str) -> object:
    if name in _OWN_NAMES:
        return current_request if name == "_get_current_object" else _own(_request, name)
    value = current_value(None)
    if value is None or ((request := value._request) is None and (request := value._make_request()) is None):
        return _of_unbound(_request, name, NO_REQUEST_MESSAGE)
    # The traceback of an error refers to this frame, and must not keep the context and its `g`.
    del value
    try:
        return getattr(request, name)
    except AttributeError as error:
        _note_missing(_request, name, error)
        raise


def _read_of_app(name: str) -> object:
    if name in _OWN_NAMES:
        return _find_app if name == "_get_current_object" else _own(_current_app, name)
    value = current_value(None)
    if value is None:
        return _of_unbound(_current_app, name, NO_APP_MESSAGE)
    context = value._own_app_ctx
    try:
        app = value.app if context is None else context.app
    except RuntimeError:
        # The app context was left before the request.
        return _of_unbound(_current_app, name, NO_APP_MESSAGE)
    try:
        return getattr(app, name)
    except AttributeError as error:
        _note_missing(_current_app, name, error)
        raise


def _read_of_g(name: str) -> object:
    if name in _OWN_NAMES:
        return _find_g if name == "_get_current_object" else _own(_g, name)
    value = current_value(None)
    if value is None:
        return _of_unbound(_g, name, NO_APP_MESSAGE)
    context = value._own_app_ctx
    try:
        namespace = value._g if context is None else context._namespace
        if namespace is None:
            namespace = _find_g()
    except RuntimeError:
        return _of_unbound(_g, name, NO_APP_MESSAGE)
    if name in _missed and type(namespace) is _AppCtxGlobals and name not in _dict_of(namespace):
        # `__getattr__` looks it up.
        raise AttributeError
    try:
        return getattr(namespace, name)
    except AttributeError as error:
        if not lacks(namespace, name):
            _note_missing(_g, name, error)
        elif len(_missed) < _MOST_MISSED:
            _missed.add(name)
        raise


class _NamespaceProxy(LocalProxy):
    """The proxy of `g`: it sets an attribute with a single call."""

    __slots__ = ()
    __doc__ = WerkzeugLocalProxy.__dict__["__doc__"]

    def __getattr__(self, name: str) -> object:
        namespace = _find_g()
        if lacks(namespace, name):
            error = AttributeError(name)
            # Not given to the constructor, which takes keywords slowly.
            error.name, error.obj = name, namespace
            try:
                raise error from None
            finally:
                del error, namespace
        found: object = super().__getattr__(name)
        return found

    def __contains__(self, item: object) -> bool:
        value = current_value(None)
        if value is None:
            raise RuntimeError(NO_APP_MESSAGE)
        context = value._own_app_ctx
        if context is None:
            return item in value._g
        namespace = context._namespace
        return item in (context.g if namespace is None else namespace)

    def __setattr__(self, name: str, item: object) -> None:
        value = current_value(None)
        if value is None:
            raise RuntimeError(NO_APP_MESSAGE)
        context = value._own_app_ctx
        namespace = value._g if context is None else context._namespace
        setattr(_find_g() if namespace is None else namespace, name, item)


def _read_of_session(name: str) -> object:
    if name in _OWN_NAMES:
        return _find_session if name == "_get_current_object" else _own(_session, name)
    value = current_value(None)
    if value is None or (value._request is None and type(value) is not RequestContext and value.request is None):
        return _of_unbound(_session, name, NO_REQUEST_MESSAGE)
    session = value._opened_session
    if session is None and (session := value._session) is None:
        raise AssertionError(NOT_OPENED_MESSAGE)
    session.accessed = True
    try:
        return getattr(session, name)
    except AttributeError as error:
        _note_missing(_session, name, error)
        raise


class _SessionProxy(LocalProxy):
    """The proxy of a dictionary: it reads a key with a single call."""

    __slots__ = ()
    __doc__ = WerkzeugLocalProxy.__dict__["__doc__"]

    def __getitem__(self, key: str) -> object:
        value = current_value(None)
        if value is None or (value._request is None and type(value) is not RequestContext and value.request is None):
            raise RuntimeError(NO_REQUEST_MESSAGE)
        session = value._opened_session
        if session is None and (session := value._session) is None:
            raise AssertionError(NOT_OPENED_MESSAGE)
        session.accessed = True
        del value  # as in the proxy of the request
        return session[key]

    def __setitem__(self, key: str, item: object) -> None:
        value = current_value(None)
        if value is None or (value._request is None and type(value) is not RequestContext and value.request is None):
            raise RuntimeError(NO_REQUEST_MESSAGE)
        session = value._opened_session
        if session is None and (session := value._session) is None:
            raise AssertionError(NOT_OPENED_MESSAGE)
        session.accessed = True
        del value  # as in the proxy of the request
        session[key] = item

    def __contains__(self, item: object) -> bool:
        value = current_value(None)
        if value is None or (value._request is None and type(value) is not RequestContext and value.request is None):
            raise RuntimeError(NO_REQUEST_MESSAGE)
        session = value._opened_session
        if session is None and (session := value._session) is None:
            raise AssertionError(NOT_OPENED_MESSAGE)
        session.accessed = True
        del value  # as in the proxy of the request
        return item in session


def _read_of_request_context(name: str) -> object:
    if name in _OWN_NAMES:
        return _find_request_context if name == "_get_current_object" else _own(_request_ctx, name)
    value = current_value(None)
    context = value if value is None or type(value) is RequestContext else value._request_ctx
    if context is None:
        return _of_unbound(_request_ctx, name, NO_REQUEST_MESSAGE)
    try:
        return getattr(context, name)
    except AttributeError as error:
        _note_missing(_request_ctx, name, error)
        raise


def _read_of_app_context(name: str) -> object:
    if name in _OWN_NAMES:
        return _find_app_context if name == "_get_current_object" else _own(_app_ctx, name)
    value = current_value(None)
    if value is None:
        return _of_unbound(_app_ctx, name, NO_APP_MESSAGE)
    context = value._own_app_ctx
    if context is None and (context := value._app_ctx) is None:
        return _of_unbound(_app_ctx, name, NO_APP_MESSAGE)
    del value  # as in the proxy of the request
    try:
        return getattr(context, name)
    except AttributeError as error:
        _note_missing(_app_ctx, name, error)
        raise


class _WebSocketProxy(LocalProxy):
    """The proxy of a WebSocket, for `async for` as well."""

    __slots__ = ()
    __doc__ = WerkzeugLocalProxy.__dict__["__doc__"]

    def __getattribute__(self, name: str) -> object:
        if name in _OWN_NAMES:
            return _find_websocket if name == "_get_current_object" else _own(self, name)
        try:
            # As above.
            found = _websocket_value(None).websocket
        except AttributeError:
            return _of_unbound(self, name, _NO_WEBSOCKET_MESSAGE)
        try:
            return getattr(found, name)
        except AttributeError as error:
            _note_missing(self, name, error)
            raise

    def __aiter__(self) -> t.AsyncIterator[object]:
        return _find_websocket().__aiter__()


# The repr of an unbound proxy shows the class's name, which is this one in Werkzeug.
for _class in (LocalProxy, _NamespaceProxy, _SessionProxy, _WebSocketProxy):
    _class.__name__ = _class.__qualname__ = "LocalProxy"
    # Some libraries recognise Werkzeug's request by its name in the repr of the type.
    _class.__module__ = WerkzeugLocalProxy.__module__


# What Werkzeug's class does itself, for classes that derive from that of a proxy.
_Derived = type(
    LocalProxy.__name__,
    (WerkzeugLocalProxy,),
    {
        **{name: item for name, item in vars(WerkzeugLocalProxy).items() if name in vars(LocalProxy)},
        "__slots__": (),
        "__module__": LocalProxy.__module__,
        "__getattribute__": _own,
    },
)


def _only_proxy(kind: type[LocalProxy], find: t.Callable[[], object], read: t.Callable[[str], object]) -> LocalProxy:
    """Return the only proxy of a class of its own, whose attributes are read by a function of their names.

    It needs no `self`, so it is a static method: Python makes no bound method for each read, which takes a sixth less.
    """
    own = {"__slots__": (), "__doc__": vars(kind)["__doc__"], "__module__": kind.__module__}
    only: type[LocalProxy] = type(kind.__name__, (kind,), {**own, "__getattribute__": staticmethod(read)})
    made = only(find)

    # For code that takes the class of this one.
    def make_another(cls: type[LocalProxy], *_: object, **__: object) -> object:
        return object.__new__(derived if cls is only else cls)

    def derive(cls: type[LocalProxy], /, **options: object) -> None:
        super(LocalProxy, cls).__init_subclass__(**options)
        if only in cls.__bases__:
            # Before the class, so that `super()` finds methods that are not of the one proxy.
            at = cls.__bases__.index(only)
            cls.__bases__ = (*cls.__bases__[:at], _Derived, *cls.__bases__[at:])

    type.__setattr__(only, "__new__", staticmethod(make_another))
    type.__setattr__(only, "__init_subclass__", classmethod(derive))
    derived = type(kind.__name__, (only,), own)
    return made


# What the functions above read. The public names may be patched.
_app_ctx = _only_proxy(LocalProxy, _find_app_context, _read_of_app_context)
_request_ctx = _only_proxy(LocalProxy, _find_request_context, _read_of_request_context)
_current_app = _only_proxy(LocalProxy, _find_app, _read_of_app)
_g = _only_proxy(_NamespaceProxy, _find_g, _read_of_g)
_request = _only_proxy(LocalProxy, current_request, _read_of_request)
_session = _only_proxy(_SessionProxy, _find_session, _read_of_session)

app_ctx = t.cast("AppContext", _app_ctx)
request_ctx = t.cast("RequestContext", _request_ctx)
#: The application that handles this request, or whose context is active.
current_app = t.cast("Flask", _current_app)
#: A namespace that lives as long as the app context: keep there what functions of one request share.
g = t.cast("_AppCtxGlobals", _g)
#: The current request.
request = t.cast("Request", _request)
#: The WebSocket that is served. `request` is the same object there.
websocket = t.cast("WebSocket", _WebSocketProxy(_find_websocket))
#: The session of the current request.
session = t.cast("SessionMixin", _session)
#: The cookies of the current request; they can be set and deleted before there is a response.
cookies = t.cast("Cookies", LocalProxy(_find_cookies))

offer_flasks_names(__name__)
