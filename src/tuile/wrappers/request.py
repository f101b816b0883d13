"""`Request`, a subclass of Werkzeug's whose attributes are computed from the WSGI environ on first use.

Limits come from the context of the request, not from `current_app`.
"""

from __future__ import annotations

import typing as t

from werkzeug.datastructures import EnvironHeaders as WerkzeugEnvironHeaders
from werkzeug.datastructures import FileStorage
from werkzeug.datastructures import ImmutableMultiDict as WerkzeugImmutableMultiDict
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wsgi import _get_server

from .. import json
from ..ctx.app_context import current_value
from ..http.parameters import ImmutableMultiDict
from ..invalidation import Replaceable, Watched, as_defined, attributes, still_has, unwatched
from ..lazy import late_modules
from ..routing.rule import blueprints_of
from ..routing.rule import split_blueprint_path as split_blueprint_path  # noqa: PLC0414 - handed on
from .client import client_of
from .environ import (
    EnvironAtFirstRead,
    FromEnviron,
    brief_environ_of,
    headers_of_scope,
    method_of_scope,
    own_of_constructor,
    path_of_scope,
    read_headers,
    read_method,
    read_path,
    read_query_string,
    read_remote_addr,
    read_root_path,
    read_scheme,
)
from .form_properties import BodyStream, Files, Form, explain_missing_files, limit_of
from .forms import READING_FORMS, READING_JSON, load_form
from .pieces import pieces_of
from .query import Args, args
from .read_headers import faster_properties
from .scope_headers import are_of
from .sent_cookies import ReceivedCookies, first_cookie
from .shown_url import MAKING_URLS, SHOWN

if t.TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import EllipsisType

    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.datastructures import Headers
    from werkzeug.routing import Rule
    from werkzeug.utils import cached_property

    from ..asgi.protocol import Receive, Scope
    from ..http import bodies, hosts
    from . import json_body
    from .client import Client, Result
    from .environ import Received
else:
    from .environ import Kept as cached_property  # noqa: N813 - what type checkers read

    bodies, hosts, json_body = late_modules(__name__, "..http.bodies", "..http.hosts", ".json_body")


_werkzeugs_init, _werkzeugs_get_json, _werkzeugs_get_data = (
    as_defined(WerkzeugRequest, name) for name in ("__init__", "get_json", "get_data")
)
# The value for files that were not parsed.
_NO_FILES: ImmutableMultiDict[FileStorage] = ImmutableMultiDict()
_PLAIN_FILES: t.Final = frozenset({ImmutableMultiDict, WerkzeugImmutableMultiDict})
# The attributes that a class must not have overridden, by the flag that says so.
_FLAGS: dict[str, tuple[str, ...]] = {
    "_has_endpoint_of_rule": ("blueprint", "blueprints", "endpoint", "url_rule"),
    "_has_headers_of_environ": ("headers",),
    "_has_host_of_environ": ("__getattribute__", "environ", "headers", "scheme", "server"),
    "_has_query_of_environ": ("__getattribute__", "environ", "parameter_storage_class", "query_string"),
    "_has_plain_cookies": ("__getattribute__", "cookies", "dict_storage_class", "environ", "headers"),
    "_has_plain_url": MAKING_URLS,
    "_has_plain_forms": READING_FORMS,
    "_has_plain_form": (
        *("_load_form_data", "_max_content_length", "files", "form", "max_content_length"),
        *READING_FORMS,
    ),
    "_has_plain_json": READING_JSON,
    "closes_nothing": ("_load_form_data",),
}
# Their stock values; filled after the definition of the class.
_STOCK: dict[str, dict[str, object]] = {flag: {} for flag in _FLAGS}
_STOCK["closes_nothing"] = attributes(WerkzeugRequest, ("close",))


class Request(WerkzeugRequest, metaclass=Watched):
    """The request that a view reads as `request`.

    Everything that Werkzeug's constructor computes from the environ is computed on first use. All attributes can be
    assigned, as with Werkzeug.
    """

    json_module: t.Any = json
    if not t.TYPE_CHECKING:
        environ = EnvironAtFirstRead()

    #: The rule that matched the URL; None before matching and if no rule matched.
    url_rule: Rule | None = None
    #: The arguments that the rule found in the URL.
    view_args: dict[str, t.Any] | None = None
    #: The error if matching failed; it is raised when the request is dispatched.
    routing_exception: HTTPException | None = None

    _max_content_length: int | None = None
    _max_form_memory_size: int | None = None
    _max_form_parts: int | None = None

    if t.TYPE_CHECKING:
        max_form_parts: int | None  # type: ignore[assignment] # of Werkzeug's, a number
    else:
        max_content_length = limit_of("MAX_CONTENT_LENGTH", WerkzeugRequest.max_content_length)
        max_form_memory_size = limit_of("MAX_FORM_MEMORY_SIZE", WerkzeugRequest.max_form_memory_size)
        max_form_parts = limit_of("MAX_FORM_PARTS", WerkzeugRequest.max_form_parts)

    # Whether `close` need not be called, because no files were sent and the method is not overridden.
    closes_nothing = False
    # Whether the cookies are read as Werkzeug reads them.
    _has_plain_cookies = False
    # Whether the headers come from the environ as long as no others are set.
    _has_headers_of_environ = False
    # Whether the host comes from the environ as long as no other headers and no scheme are set.
    _has_host_of_environ = False
    # Whether the query comes from the environ, and is kept in Werkzeug's class, as long as no other is set.
    _has_query_of_environ = False
    # Whether the URL is made of parts that are not overridden.
    _has_plain_url = False
    # Whether forms are read as Werkzeug reads them.
    _has_plain_forms = False
    # Whether `form` is what is read as Werkzeug reads it.
    _has_plain_form = False
    # Whether JSON and data are read as Werkzeug reads them.
    _has_plain_json = False
    # Whether the endpoint and the blueprints come from the rule.
    _has_endpoint_of_rule = False
    # Whether the constructor assigns everything at once.
    _assigns_at_once = False
    if not t.TYPE_CHECKING:
        close = Replaceable(WerkzeugRequest, "closes_nothing")
        files = Files(vars(WerkzeugRequest)["files"].fget)
    shallow = False
    # A copy of the environ that is made before the server may reuse it, and one that the constructor makes, because the
    # server may change the environ.
    _environ_at_end: WSGIEnvironment | None = None
    _environ_at_start: WSGIEnvironment | None = None
    # The scope of an ASGI server, as long as the environ is not made, the body, and some of the environ's keys.
    _scope: Scope | None = None
    _received: Received = b""
    _brief_environ: WSGIEnvironment | None = None
    # The headers that were looked up in the scope, which become those of the environ.
    _scope_headers: Headers | None = None
    # Its Cookie header, if that is known.
    _sent_cookies: str | EllipsisType | None = ...
    # What an ASGI server calls when the client leaves, if the view runs on the event loop, and who was asked about it.
    _receive: Receive | None = None
    _client: Client | None = None

    @BodyStream
    def stream(self) -> t.IO[bytes]:
        """The body as a stream that ends where the body does; it can be read once.

        Raises:
            BadRequest: If the Content-Length is not a number.
            LengthRequired: If there is none, and the server does not say where a chunked body ends.
            RequestEntityTooLarge: If the body is longer than `max_content_length`; for a chunked body that is only
                detected while it is read.
        """
        if "_unmade" in self.__dict__:
            return bodies.make_stream(*self.__dict__.pop("_unmade"))
        if self.shallow:
            # Raises the error.
            refused: t.IO[bytes] = vars(WerkzeugRequest)["stream"].fget(self)
            return refused
        return bodies.input_stream(self.environ, self.max_content_length)

    if not t.TYPE_CHECKING:

        def get_data(self, cache: bool = True, as_text: bool = False, parse_form_data: bool = False) -> bytes | str:
            """Read the whole body: what Werkzeug's method does, in fewer calls."""
            if not (cache and self._has_plain_json and WerkzeugRequest.get_data is _werkzeugs_get_data):
                # What has replaced Werkzeug's method may know no parameters.
                given = (cache, as_text, parse_form_data)
                return super().get_data() if given == (True, False, False) else super().get_data(*given)
            own = self.__dict__
            data = own.get("_cached_data")
            if data is None:
                if parse_form_data:
                    self._load_form_data()
                data = own["_cached_data"] = json_body.read_data(self)
            return data.decode(errors="replace") if as_text else data

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> t.Any:
        """Parse the body as JSON: what Werkzeug's method does, in fewer calls."""
        if (
            cache
            and self._has_plain_json
            and WerkzeugRequest.get_json is _werkzeugs_get_json
            and WerkzeugRequest.get_data is _werkzeugs_get_data
            and (content := json_body.load_json(self, force, silent)) is not json_body.UNREAD
        ):
            return content
        return super().get_json(force, silent, cache)

    @property
    def last_event_id(self) -> str | None:
        """The id of the last server-sent event that the browser got before it connected again; None at first."""
        sent = self.headers.get("Last-Event-ID")
        # Sent as UTF-8, unlike other headers.
        return None if sent is None else sent.encode("latin-1", "replace").decode("utf-8", "replace")

    def pieces(self) -> AsyncIterator[bytes]:
        """Iterate over the body as it comes, in a coroutine function: `async for piece in request.pieces()`.

        The client is not asked for more than is taken. Use this or another way of reading the body, not both.

        Raises:
            RequestEntityTooLarge: If the body is longer than `max_content_length`.
            ClientDisconnected: If the client leaves before its end.
        """
        return pieces_of(self)

    def is_disconnected(self) -> Result:
        """Return whether the client has left. Coroutine functions await it, others call it without `await`.

        Only ASGI servers tell. Under others the result is False.
        """
        client = self._client
        if client is None:
            client = self._client = client_of(self)
        return client.is_disconnected()

    @classmethod
    def _set_flags(cls) -> None:
        """Set the flags for what the class has not overridden."""
        certain = not unwatched(cls, "werkzeug")
        for flag, stock in _STOCK.items():
            cls.set_flag(flag, (certain or flag == "_has_headers_of_environ") and still_has(cls, stock))
        cls.set_flag("_assigns_at_once", bool(own_of_constructor(cls)))

    def __init__(self, environ: WSGIEnvironment, populate_request: bool = True, shallow: bool = False) -> None:
        if self._assigns_at_once or WerkzeugRequest.__init__ is not _werkzeugs_init:
            # The constructor or what it assigns is overridden.
            super().__init__(environ, populate_request, shallow)
            return
        self.environ = environ
        self._environ_at_start = copied = environ.copy()
        if "werkzeug.request" in copied:
            # Otherwise each request of an environ would hold the one before it.
            del copied["werkzeug.request"]
        if shallow:
            self.shallow = True
        elif populate_request:
            environ["werkzeug.request"] = self

    method = FromEnviron(read_method, of_scope=method_of_scope)
    scheme = FromEnviron(read_scheme, is_in_brief=True)
    #: The address of the server: a host and a port, or a Unix socket's path and None.
    server: FromEnviron[tuple[str, int | None] | None] = FromEnviron(_get_server)
    root_path = FromEnviron(read_root_path, is_in_brief=True)
    path = FromEnviron(read_path, of_scope=path_of_scope)
    query_string = FromEnviron(read_query_string, is_in_brief=True)
    #: The headers received with the request.
    headers: FromEnviron[Headers] = FromEnviron(read_headers, copy="_environ_at_end", of_scope=headers_of_scope)
    remote_addr = FromEnviron(read_remote_addr)

    def _keep_environ(self) -> None:
        """Keep a copy of the environ for later reads, because the server may reuse it for another request."""
        environ = self.environ
        if self._environ_at_end is None:
            self._environ_at_end = environ.copy()
        if self._environ_at_start is None:
            self._environ_at_start = self._environ_at_end
        headers = self.__dict__.get("headers")
        if isinstance(headers, WerkzeugEnvironHeaders) and headers.environ is environ:
            headers.environ = self._environ_at_end

    @Form
    def form(self) -> ImmutableMultiDict[str]:
        """The fields of the form in the body. Files are in `files`."""
        self._load_form_data()
        own = self.__dict__
        return own["form"] if "form" in own and self._has_plain_form else self.form

    @cached_property
    def host(self) -> str:
        """The host that the request is for, with the port unless it is the standard one of the scheme.

        It is an empty string if the Host header is missing or malformed.

        Raises:
            SecurityError: If the host is not one of `trusted_hosts`.
        """
        environ = self.environ if self._scope is None else brief_environ_of(self)
        if self._has_host_of_environ and self._environ_at_end is None and "HTTP_HOST" in environ:
            kept, start = vars(self), self._environ_at_start
            headers = kept.get("headers")
            scheme = kept.get("scheme") or (environ if start is None else start).get("wsgi.url_scheme")
            if scheme == environ.get("wsgi.url_scheme") and (headers is None or are_of(headers, self, environ)):
                host = hosts.read_host(environ, self.trusted_hosts)
                # If another thread answered the request meanwhile, the server may have reused the environ.
                if self._environ_at_end is None:
                    return host
        return super().host

    if not t.TYPE_CHECKING:
        locals().update((function.__name__, cached_property(function)) for function in SHOWN)
        locals().update(faster_properties())
        args, cookies = Args(args), ReceivedCookies()

    _first_cookie = first_cookie

    @property
    def endpoint(self) -> str | None:
        """The endpoint of the rule that matched; None if no rule matched."""
        rule = self.url_rule
        if rule is None:
            return None
        endpoint: str | None = rule.endpoint
        return endpoint

    @property
    def blueprint(self) -> str | None:
        """The registered name of the current blueprint; None for an endpoint of the app itself."""
        endpoint = self.endpoint
        return None if endpoint is None or "." not in endpoint else endpoint.rpartition(".")[0]

    @property
    def blueprints(self) -> list[str]:
        """The names of the current blueprint and of the blueprints around it, innermost first."""
        if self._has_endpoint_of_rule:
            # The same result as below.
            rule = self.url_rule
            endpoint = None if rule is None else rule.endpoint
            return [] if endpoint is None or "." not in endpoint else [*blueprints_of(endpoint)]
        name = self.blueprint
        return [] if name is None else split_blueprint_path(name)

    def _load_form_data(self) -> None:
        own = self.__dict__
        if "form" in own or not (self._has_plain_forms and load_form(self)):
            super()._load_form_data()
        files = own.get("files", _NO_FILES)
        if files or type(files) not in _PLAIN_FILES:
            # There are files to close, or there may be later.
            self.closes_nothing = False
        context = current_value(None)
        if context is not None and context.app.debug:
            explain_missing_files(self)

    def on_json_loading_failed(self, e: ValueError | None) -> t.Any:
        """Raise a 400 for a body that is not the expected JSON, with the reason in debug mode only."""
        try:
            return super().on_json_loading_failed(e)
        except BadRequest as error:
            context = current_value(None)
            is_debugged = context is not None and context.app.debug
            del context  # the traceback refers to this frame, and the context to `g`
            if is_debugged:
                raise
            raise BadRequest from error


for _flag, _names in _FLAGS.items():
    _STOCK[_flag].update(attributes(Request, _names))
Request._set_flags()
