"""Attributes of a request that are computed from its WSGI environ on first read."""

from __future__ import annotations

import typing as t
from io import BytesIO
from types import MethodType

from werkzeug._internal import _wsgi_decoding_dance
from werkzeug.utils import cached_property

from ..ctx.app_context import environ_of
from ..http.request_headers import EnvironHeaders
from ..invalidation import attribute
from .scope_headers import ScopeHeaders, header_in, may_be_looked_up

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from ..asgi.protocol import Scope
    from .request import Request

    #: The body of a request; or what adds a stream of it to an environ, if it is received when it is read.
    Received: t.TypeAlias = bytes | t.Callable[[WSGIEnvironment], None]

Value = t.TypeVar("Value")


class FromEnviron(t.Generic[Value]):
    """An attribute that is computed from the environ on first read, with the result as of when the request was handled.

    Werkzeug's constructor computes it at once. A server may reuse its environ for another request as soon as this one
    is answered. If the request is still referenced then, a copy is made, and later reads use it.
    """

    def __init__(
        self,
        compute: t.Callable[[WSGIEnvironment], Value],
        copy: str = "_environ_at_start",
        *,
        is_in_brief: bool = False,
        of_scope: t.Callable[[Request, Scope], Value] | None = None,
    ) -> None:
        self.compute = compute
        # Computes it for a request whose environ is not made.
        self.of_scope = of_scope
        # Whether the keys that it is computed from are in what `brief_environ_of` returns.
        self.is_in_brief = is_in_brief
        # The name of the attribute with the copy of the environ; the copy is None until it is made.
        self.copy = copy
        self.name = ""
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    if t.TYPE_CHECKING:

        def __set__(self, instance: Request, value: Value) -> None: ...

    @t.overload
    def __get__(self, instance: None, owner: type) -> FromEnviron[Value]: ...

    @t.overload
    def __get__(self, instance: Request, owner: type | None = None) -> Value: ...

    def __get__(self, instance: Request | None, owner: type | None = None) -> FromEnviron[Value] | Value:
        if instance is None:
            return self
        own = instance.__dict__
        while True:
            if "environ" in own and self.copy not in own:
                # Most requests: they have the environ of the server, and no copy.
                value = self.compute(own["environ"])
                if self.copy not in own:
                    break
            copy = getattr(instance, self.copy)
            value = self._compute_by(instance, copy)
            # If another thread answered the request meanwhile, the server may have reused the environ: compute again.
            if getattr(instance, self.copy) is copy:
                break
        # Not assigned: a subclass may have a property of that name that calls this one by `super()`.
        own[self.name] = value
        return value

    def _compute_by(self, instance: Request, copy: WSGIEnvironment | None) -> Value:
        """Compute the attribute from a copy of the environ, or from the scope of a request that has none."""
        scope = instance._scope if copy is None else None
        if scope is not None and self.of_scope is not None:
            return self.of_scope(instance, scope)
        is_brief = scope is not None and self.is_in_brief
        return self.compute(brief_environ_of(instance) if is_brief else instance.environ if copy is None else copy)


# What Werkzeug's constructor computes from the environ; it assigns `environ` and `shallow` as well.
_ASSIGNED = ("method", "scheme", "server", "root_path", "path", "query_string", "headers", "remote_addr")


def own_of_constructor(cls: type) -> list[str]:
    """Return the attributes of Werkzeug's constructor for which a class has a setter, a slot or a default of its own.

    They have to be assigned: a setter or a slot expects it, and a default would be found instead. A property without
    a setter is left as it is.
    """
    names = [name for name in _ASSIGNED if not _is_read_late(attribute(cls, name))]
    if attribute(cls, "shallow") is not False:
        names.append("shallow")
    if not isinstance(attribute(cls, "environ"), EnvironAtFirstRead):
        names.append("environ")
    return names if attribute(cls, "__setattr__") is object.__setattr__ else ["__setattr__", *names]


def _is_read_late(found: object) -> bool:
    return isinstance(found, FromEnviron) or (type(found) is property and found.fset is None)


if t.TYPE_CHECKING:
    Kept = cached_property
else:

    class _SeenAsProperty(type):
        """A class with the methods that `inspect` looks for in a property, but whose objects are not called by them."""

        __set__ = cached_property.__set__
        __delete__ = cached_property.__delete__

    class Kept(metaclass=_SeenAsProperty):
        """Werkzeug's `cached_property` for objects that have a `__dict__`: what is kept there is found without a call.

        So its class has no `__set__` and no `__delete__`: an object that has them is called for each read.
        """

        # For `isinstance`.
        __class__ = cached_property
        fset = fdel = None

        def __init__(self, fget: t.Callable[..., object], name: str | None = None, doc: str | None = None) -> None:
            self.fget = fget
            self.__name__ = name or fget.__name__
            self.__module__ = fget.__module__
            self.__doc__ = fget.__doc__ if doc is None else doc
            # For subclasses whose properties call these.
            self.__set__ = MethodType(cached_property.__set__, self)
            self.__delete__ = MethodType(cached_property.__delete__, self)

        def __get__(self, instance: object, owner: type | None = None) -> object:
            if instance is None:
                return self
            own = instance.__dict__
            name = self.__name__
            if name in own:
                # A property of that name calls this one by `super()`.
                return own[name]
            value = own[name] = self.fget(instance)
            return value

    Kept.__name__ = Kept.__qualname__ = cached_property.__name__
    Kept.__module__ = cached_property.__module__


#: Makes the environ of a scope, one with those of its keys that are often read, and one with those that say how to
#: send a file.
_make: t.Callable[[Scope, Received], WSGIEnvironment] | None = None
_make_brief: t.Callable[[Scope], WSGIEnvironment] | None = None
_make_for_file: t.Callable[[Scope], WSGIEnvironment] | None = None


def make_environ_by(
    make: t.Callable[[Scope, Received], WSGIEnvironment],
    make_brief: t.Callable[[Scope], WSGIEnvironment],
    make_for_file: t.Callable[[Scope], WSGIEnvironment],
) -> None:
    """Set what makes the environ of a request that has a scope of ASGI instead: a layer above this one knows.

    Args:
        make: Makes the whole environ, with a body or a stream of it.
        make_brief: Makes one with the method, the URL and the cookies.
        make_for_file: Makes one with the method, the conditions, the ranges and the server's wrapper of files.
    """
    global _make, _make_brief, _make_for_file
    _make, _make_brief, _make_for_file = make, make_brief, make_for_file


# The headers that say how to read a body. A request whose environ is not made has each of them once.
_OF_BODIES: t.Final = {
    b"content-type": "CONTENT_TYPE",
    b"content-length": "CONTENT_LENGTH",
    b"transfer-encoding": "HTTP_TRANSFER_ENCODING",
}


class EnvironAtFirstRead:
    """The environ of a request that did not come with one: it is made when it is first read.

    A request of an ASGI server has a scope. All other requests have their environ in their `__dict__`, which is looked
    at before this.
    """

    def __get__(self, instance: Request | None, owner: type) -> WSGIEnvironment:
        scope = None if instance is None else instance._scope
        if instance is None or scope is None or _make is None:
            raise AttributeError(f"{owner.__name__!r} object has no attribute 'environ'")
        environ = _make(scope, instance._received)
        vars(instance)["environ"] = environ
        environ["werkzeug.request"] = instance
        # From now on the environ counts, because it may be changed.
        instance._scope = None
        headers = instance._scope_headers
        if type(headers) is ScopeHeaders:
            headers.become(environ)
        return environ


def cookie_header_of(request: Request) -> str | None:
    """Return the Cookie header of the environ of a request, without making it."""
    scope = request._scope
    if scope is None:
        header: str | None = request.environ.get("HTTP_COOKIE")
        return header
    sent = request._sent_cookies
    return header_in(scope, b"cookie") if sent is ... else sent


def brief_environ_of(request: Request) -> WSGIEnvironment:
    """Return an environ of a request, or the copy that was kept, with at least the method, the URL and the cookies."""
    scope = request._scope
    if scope is None or _make_brief is None:
        return environ_of(request)
    brief = request._brief_environ
    if brief is None:
        brief = request._brief_environ = _make_brief(scope)
    return brief


def body_environ_of(request: Request) -> WSGIEnvironment:
    """Return an environ of a request with at least its body, and with what says how to read that."""
    scope, received = request._scope, request._received
    if scope is None or scope["type"] != "http":
        return request.environ
    if isinstance(received, _Body):
        return received.environ
    if not isinstance(received, bytes):
        return request.environ
    environ: WSGIEnvironment = {"wsgi.input": BytesIO(received), "wsgi.input_terminated": True}
    for name, value in scope["headers"]:
        if name in _OF_BODIES:
            environ[_OF_BODIES[name]] = value.decode("latin-1")
    request._received = _Body(environ)
    return environ


class _Body:
    """A body of which something may have been read: the whole environ gets the stream of the brief one."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.environ = environ

    def __call__(self, environ: WSGIEnvironment) -> None:
        environ["wsgi.input"] = self.environ["wsgi.input"]


def file_environ_of(request: Request) -> WSGIEnvironment:
    """Return an environ of a request with at least what says how to send a file."""
    # It may be of any class.
    scope = getattr(request, "_scope", None)
    return request.environ if scope is None or _make_for_file is None else _make_for_file(scope)


def read_method(environ: WSGIEnvironment) -> str:
    """The HTTP method, in upper case."""
    return str(environ.get("REQUEST_METHOD", "GET")).upper()


def read_scheme(environ: WSGIEnvironment) -> str:
    """The URL scheme of the protocol the request used, such as `https` or `wss`."""
    return str(environ.get("wsgi.url_scheme", "http"))


def read_root_path(environ: WSGIEnvironment) -> str:
    """The prefix that the app is mounted under, without a slash at the end."""
    prefix: str = environ.get("SCRIPT_NAME") or ""
    return _wsgi_decoding_dance(prefix).rstrip("/") if prefix else prefix


def read_path(environ: WSGIEnvironment) -> str:
    """The path part of the URL below `root_path`, decoded, with one slash at the start."""
    path: str = environ.get("PATH_INFO") or ""
    if path.isascii():
        return path if path[:1] == "/" and path[1:2] != "/" else "/" + path.lstrip("/")
    return "/" + _wsgi_decoding_dance(path).lstrip("/")


def read_query_string(environ: WSGIEnvironment) -> bytes:
    """The part of the URL after the `?`, as it was sent."""
    query: str = environ.get("QUERY_STRING", "")
    return query.encode("latin1")


def read_headers(environ: WSGIEnvironment) -> EnvironHeaders:
    """The headers received with the request."""
    # As the constructor does, which calls the inherited one.
    headers = object.__new__(EnvironHeaders)
    headers._list = []
    headers.environ = environ
    return headers


def method_of_scope(request: Request, scope: Scope) -> str:
    """Return the method of a request whose environ is not made."""
    # Handshakes have no method.
    return read_method({"REQUEST_METHOD": scope["method"]} if scope["type"] == "http" else brief_environ_of(request))


def path_of_scope(request: Request, scope: Scope) -> str:
    """Return the path of a request whose environ is not made."""
    path: str = scope["path"]
    is_whole = not scope.get("root_path") and path.isascii()
    return read_path({"PATH_INFO": path} if is_whole else brief_environ_of(request))


def headers_of_scope(request: Request, scope: Scope) -> EnvironHeaders:
    """Return the headers of a request whose environ is not made, and need not be made for them."""
    if _make is None or not may_be_looked_up(scope):
        return read_headers(request.environ)
    # The attribute `headers` may be set or deleted, and these be kept.
    request._scope_headers = headers = ScopeHeaders(request, scope, _make)
    return headers


def read_remote_addr(environ: WSGIEnvironment) -> str | None:
    """The address of the client that sent the request."""
    address: str | None = environ.get("REMOTE_ADDR")
    return address
