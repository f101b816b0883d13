"""One object for WSGI and for ASGI servers, which the number of arguments tells apart."""

from __future__ import annotations

import typing as t
from functools import partial

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from ..asgi.protocol import Scope

    class _AsgiApp(t.Protocol):
        @property
        def asgi_app(self) -> Callable[..., object]: ...


def enter_asgi(app: _AsgiApp, scope: Scope, receive: object = None, send: object = None) -> object:
    """Call an app as ASGI servers do, with all three arguments, or with the scope alone as in ASGI 2.

    Raises:
        TypeError: If it is a WSGI environ without `start_response`.
    """
    if send is not None:
        return app.asgi_app(scope, receive, send)
    if "type" not in scope:
        raise TypeError(
            "A Flask app is called with (environ, start_response) by WSGI servers,"
            " and with (scope, receive, send) or (scope) by ASGI servers."
        )
    return partial(app.asgi_app, scope)


class WsgiCall:
    """An overridden `__call__` of a class of apps, for WSGI servers; ASGI servers get `asgi_app`.

    Subclasses and monitoring agents replace `__call__` by a function of `environ` and `start_response`. It stays the
    class's attribute for everyone who reads it there, and requests from ASGI servers run through it as well.

    Args:
        own: What the class has; None for what it inherits from a class that is no app.
        owner: The class.
    """

    def __init__(self, own: Callable[..., object] | None, owner: type) -> None:
        self.own = own
        self.owner = owner

    def __get__(self, instance: _AsgiApp | None, owner: type | None = None) -> object:
        found = self.own
        if found is None:
            found = next(vars(kind)["__call__"] for kind in self.owner.__mro__[1:] if "__call__" in vars(kind))
        # As Python binds methods; what cannot be bound is called without the app.
        bind = getattr(type(found), "__get__", None)
        bound = found if bind is None else bind(found, instance, type(instance) if owner is None else owner)
        return bound if instance is None else _BoundCall(bound, instance)

    @classmethod
    def put_on(cls, app_class: type, stock: object) -> None:
        """Let an overridden `__call__` of a class of apps stand beside ASGI.

        Args:
            app_class: The class.
            stock: The method that serves both.
        """
        kind = next(kind for kind in app_class.__mro__ if "__call__" in vars(kind))
        found = vars(kind)["__call__"]
        if found is not stock and type(found) is not cls:
            type.__setattr__(app_class, "__call__", cls(found if kind is app_class else None, app_class))


class _BoundCall:
    """An overridden `__call__` of an app."""

    def __init__(self, bound: Callable[..., object], app: _AsgiApp) -> None:
        self.__wrapped__ = bound
        self.__self__ = app

    def __getattr__(self, name: str) -> object:
        return getattr(self.__wrapped__, name)

    def __call__(self, *args: object, **kwargs: object) -> object:
        """Call the method, or `asgi_app` with other than two arguments."""
        if kwargs or len(args) not in {1, 3}:
            return self.__wrapped__(*args, **kwargs)
        return enter_asgi(self.__self__, t.cast("Scope", args[0]), *args[1:])
