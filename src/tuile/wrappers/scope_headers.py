"""The headers of a request of an ASGI server whose environ is not made: they are looked up in its scope."""

from __future__ import annotations

import typing as t
import weakref

from ..http.request_headers import EnvironHeaders

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed.wsgi import WSGIEnvironment

    from ..asgi.protocol import Scope
    from .environ import Received
    from .request import Request

# What `EnvironHeaders` had at first; None for a method that it leaves to Werkzeug's class.
_CONTAINS, _ITEM, _GET = (vars(EnvironHeaders).get(name) for name in ("__contains__", "__getitem__", "get"))


def header_in(scope: Scope, name: bytes) -> str | None:
    """Return a header of a request whose environ is not made, as that would have it.

    Args:
        scope: The scope of the request. Such a request has names in lower case, and a host once.
        name: The name of the header, in lower case.
    """
    found: bytes | None = None
    for its_name, value in scope["headers"]:
        if its_name == name:
            # HTTP/2 may send the parts of one Cookie header apart.
            found = value if found is None else b"%b%b%b" % (found, b"; " if name == b"cookie" else b",", value)
    return None if found is None else found.decode("latin-1")


def may_be_looked_up(scope: Scope) -> bool:
    """Return whether the headers of a scope are those of its environ, and nobody has replaced what looks them up."""
    # The handshake of a WebSocket has headers that not every server passes on.
    return (
        scope["type"] == "http"
        and EnvironHeaders.get is _GET
        and EnvironHeaders.__getitem__ is _ITEM
        and EnvironHeaders.__contains__ is _CONTAINS
    )


class ScopeHeaders(EnvironHeaders):
    """The headers of a request until its environ is made. From then on they are `EnvironHeaders`.

    Args:
        request: The request, which refers to its headers: without a cycle both are freed at its end.
        scope: Its scope.
        make_environ: Makes the environ of the scope, if the headers are kept longer than the request.
    """

    def __init__(
        self, request: Request, scope: Scope, make_environ: Callable[[Scope, Received], WSGIEnvironment]
    ) -> None:
        self._list = []
        self._request = weakref.ref(request)
        self._scope = scope
        self._make_environ = make_environ

    def is_of(self, request: Request) -> bool:
        """Return whether they are the headers of a request."""
        return self._request() is request

    def become(self, environ: WSGIEnvironment) -> None:
        """Be the headers of an environ."""
        # Set before the class is: other threads may read it.
        vars(self)["environ"] = environ
        object.__setattr__(self, "__class__", EnvironHeaders)

    # For type checkers, the attributes and methods are Werkzeug's.
    if not t.TYPE_CHECKING:

        @property
        def environ(self) -> WSGIEnvironment:
            """The environ of the request, which is made now."""
            request = self._request()
            self.become(self._make_environ(self._scope, b"") if request is None else request.environ)
            return vars(self)["environ"]

        @environ.setter
        def environ(self, environ: WSGIEnvironment) -> None:
            self.become(environ)

        def __getitem__(self, key: str) -> str:
            name = _name_of(key)
            found = None if name is None else header_in(self._scope, name)
            # What is missing is an error of the environ's.
            return super().__getitem__(key) if found is None else found

        def __contains__(self, key: object) -> bool:
            name = _name_of(key)
            return super().__contains__(key) if name is None else header_in(self._scope, name) is not None

        def get(self, key: str, default: object = None, type: Callable[[str], object] | None = None) -> object:
            """Return the value of a header, converted if that is wanted, or a default."""
            name = _name_of(key)
            if name is None:
                return super().get(key, default, type)
            found = header_in(self._scope, name)
            if found is None:
                return default
            if type is None:
                return found
            try:
                return type(found)
            except ValueError:
                return default


def are_of(headers: object, request: Request, environ: WSGIEnvironment) -> bool:
    """Return whether headers are those that a request has if nobody sets others."""
    if type(headers) is ScopeHeaders:
        return headers.is_of(request)
    return type(headers) is EnvironHeaders and headers.environ is environ


def _name_of(key: object) -> bytes | None:
    """Return the name of a header as scopes have it; None if only the environ tells whether there is one."""
    # Before it is in lower case: some other letters become those of ASCII.
    if type(key) is not str or not key.isascii():
        return None
    name = key.lower().replace("_", "-")
    # What is no name of a header is not in the environ.
    return name.encode() if name.replace("-", "").isalnum() else None


# As Werkzeug shows them.
ScopeHeaders.__name__ = ScopeHeaders.__qualname__ = EnvironHeaders.__name__
ScopeHeaders.__module__ = EnvironHeaders.__module__
