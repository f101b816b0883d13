"""The test client of an application, and the builder of its WSGI environs.

Cookies are matched by Werkzeug's client, by domain and path only, unless the client imitates a browser; then
`client_jar` keeps them.
"""

from __future__ import annotations

import importlib.metadata
import time
from contextlib import ExitStack, contextmanager
from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any

import werkzeug.test
from werkzeug.datastructures import Headers
from werkzeug.wrappers import Request as WerkzeugRequest

from tuile.http.cookies import dump_cookie
from tuile.wrappers.plain_response import Closing

from ..invalidation import as_defined
from .calling import call_app
from .client_cookies import add_cookies, host_and_path, host_and_path_of_request, read_set_cookie
from .response_class import response_class_of_tests
from .simple_environ import (
    is_simple_host,
    locate,
    redirect_environ,
    request_of,
    say_where_from,
    simple_environ,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment
    from werkzeug.test import Cookie, TestResponse

    from tuile.app import Flask
    from tuile.sessions import SessionMixin

    from .browser import Browser
    from .client_jar import ClientJar
    from .sockets import ClientWebSocket


@cache
def _get_werkzeug_version() -> str:
    return importlib.metadata.version("werkzeug")


class EnvironBuilder(werkzeug.test.EnvironBuilder):
    """A Werkzeug EnvironBuilder that takes its defaults from an application.

    Args:
        app: The application. Its SERVER_NAME, APPLICATION_ROOT and PREFERRED_URL_SCHEME complete the URL, and its JSON
            provider serializes `json`.
        path: The path, or a whole URL.
        base_url: Scheme, host and root of the application, instead of the configuration.
        subdomain: A subdomain of SERVER_NAME.
        url_scheme: The scheme, instead of PREFERRED_URL_SCHEME.
        args: Passed to Werkzeug's EnvironBuilder.
        kwargs: Passed to Werkzeug's EnvironBuilder, such as `method`, `query_string`, `data` and `json`.

    Raises:
        TypeError: If `base_url` is combined with `subdomain` or `url_scheme`.
    """

    app: Flask

    def __init__(
        self,
        app: Flask,
        path: str = "/",
        base_url: str | None = None,
        subdomain: str | None = None,
        url_scheme: str | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        if base_url is None:
            base_url, path = locate(app, path, subdomain, url_scheme)
        elif subdomain or url_scheme:
            raise TypeError('Cannot pass "subdomain" or "url_scheme" with "base_url".')
        # Set first: Werkzeug's constructor calls json_dumps.
        self.app = app
        super().__init__(path, base_url, *args, **kwargs)

    def json_dumps(self, obj: object, **kwargs: object) -> str:
        """Serialize `obj` with the application's JSON provider."""
        return self.app.json.dumps(obj, **kwargs)


_stock_builder = EnvironBuilder
_stock_parts = EnvironBuilder.__init__, EnvironBuilder.json_dumps


def environ_without_builder(
    builder_class: type, app: Flask, args: tuple[object, ...], kwargs: Mapping[str, object]
) -> WSGIEnvironment | None:
    """Return the environ that a builder makes of these arguments; None where it has to be asked."""
    if builder_class is not _stock_builder or len(args) > 1:
        return None
    if (EnvironBuilder.__init__, EnvironBuilder.json_dumps) != _stock_parts:
        return None
    return simple_environ(app, args[0] if args else "/", kwargs)


class FlaskClient(werkzeug.test.Client):
    """A client that calls the application directly and keeps its cookies.

    In a ``with`` block, the contexts of the last request stay active, so that ``request``, ``session`` and ``g`` can
    be inspected after the response::

        with app.test_client() as client:
            client.get("/?page=2")
            assert request.args["page"] == "2"

    `environ_base` has the defaults for the environ of every request. Change it freely.

    A client made by ``app.test_client(browser="chromium")`` keeps and sends cookies as that browser does, as if the
    user had typed the URL of each request. Its `browser` has the clock, the verdicts and the rest of the browser's
    interface.
    """

    application: Flask
    _jar: ClientJar | None = None
    # What is called instead of the application: its ASGI side, for an asynchronous client.
    _served: WSGIApplication | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        browser = kwargs.pop("browser", None)
        if len(args) > 1:
            args = (args[0], response_class_of_tests(args[1]), *args[2:])
        super().__init__(*args, **kwargs)
        if browser is not None:
            from .client_jar import ClientJar  # noqa: PLC0415 - few tests need it, and it loads the public suffix list

            self._jar = ClientJar(browser, self.application, use_cookies=self._cookies is not None)
        self.preserve_context = False
        #: Contexts that the application preserved in the current request.
        self._new_contexts: list[AbstractContextManager[object]] = []
        #: The contexts of the last request, entered again.
        self._context_stack = ExitStack()
        self.environ_base: dict[str, object] = {
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_USER_AGENT": f"Werkzeug/{_get_werkzeug_version()}",
        }

    @property
    def browser(self) -> Browser | None:
        """The `tuile.testing.Browser` whose cookies the client uses; None if it does not imitate a browser."""
        return None if self._jar is None else self._jar.browser

    @contextmanager
    def session_transaction(self, *args: object, **kwargs: object) -> Iterator[SessionMixin]:
        """Open the session of this client's cookies, and save it at the end of the block.

        ::

            with client.session_transaction() as session:
                session["user_id"] = 5

        An error in the block leaves the session unchanged.

        Args:
            args: Passed to ``app.test_request_context``, for a session that depends on host or path.
            kwargs: Passed to ``app.test_request_context``.

        Raises:
            TypeError: If the client has no cookies.
            RuntimeError: If the application cannot open a session, usually because it has no SECRET_KEY.
            ValueError: If the client's browser drops the cookie.
        """
        if self._cookies is None:
            raise TypeError("Cookies are disabled. Create a client with 'use_cookies=True'.")

        app = self.application
        context = app.test_request_context(*args, **kwargs)
        request = context.request
        self._add_cookies_to_wsgi(request.environ)
        with context:
            session = app.session_interface.open_session(app, request)
        if session is None:
            raise RuntimeError("Session backend did not open a session.")

        yield session

        if app.session_interface.is_null_session(session):
            return
        response = app.response_class()
        with context:
            app.session_interface.save_session(app, session, response)
        if self._jar is None:
            lines = response.headers.getlist("Set-Cookie")
            self._update_cookies_from_response(*host_and_path_of_request(app, request), lines)
            return
        if dropped := self._jar.receive(request.environ, response.headers).problems:
            raise ValueError(f"The session is not saved. {dropped}")

    def set_cookie(
        self,
        key: str,
        value: str = "",
        *,
        domain: str = "localhost",
        origin_only: bool = True,
        path: str = "/",
        **kwargs: Any,
    ) -> None:
        """Store a cookie as if a response had set it.

        Args:
            key: The name.
            value: The value.
            domain: The host that the cookie is sent to.
            origin_only: Whether hosts below the domain do not get the cookie.
            path: The path that the cookie is sent to, with all paths below it.
            kwargs: Further attributes, as for ``Response.set_cookie``.

        Raises:
            TypeError: If the client has no cookies.
            ValueError: If the client's browser drops the cookie.
        """
        if self._jar is not None:
            self._jar.keep(key, value, domain=domain, origin_only=origin_only, path=path, **kwargs)
            return
        if self._cookies is None:
            raise TypeError("Cookies are disabled. Create a client with 'use_cookies=True'.")
        line = dump_cookie(key, value, domain=domain, path=path, now=time.time(), **kwargs)
        if (cookie := read_set_cookie(domain, "/", line)) is not None:
            cookie.origin_only = origin_only
            self._keep(cookie)

    def get_cookie(self, key: str, domain: str = "localhost", path: str = "/") -> Cookie | None:
        """Return the cookie with this name, domain and path, or None."""
        return super().get_cookie(key, domain, path) if self._jar is None else self._jar.find(key, domain, path)

    def delete_cookie(self, key: str, *, domain: str = "localhost", path: str = "/") -> None:
        """Delete the cookie with this name, domain and path, if there is one."""
        if self._jar is None:
            super().delete_cookie(key, domain=domain, path=path)
        else:
            self._jar.forget(key, domain, path)

    def _add_cookies_to_wsgi(self, environ: WSGIEnvironment) -> None:
        if self._jar is not None:
            self._jar.send(environ)
        elif self._cookies is None or not add_cookies(self._cookies, environ):
            super()._add_cookies_to_wsgi(environ)

    def run_wsgi_app(self, environ: WSGIEnvironment, buffered: bool = False) -> tuple[Iterable[bytes], str, Headers]:
        """Call the application with an environ; send cookies, and store those of the response."""
        say_where_from(environ, self.application.config.get("CSRF"))
        if self._jar is None and self._served is None and werkzeug.test.Client.run_wsgi_app is not _stock_run:
            body, status, headers = super().run_wsgi_app(environ, buffered)
        elif self._jar is None:
            self._add_cookies_to_wsgi(environ)
            body, status, headers = call_app(self._served or self.application, environ, buffered)
            pairs = headers._list if type(headers) is Headers else headers
            lines = [value for name, value in pairs if name.lower() == "set-cookie"]
            if lines or not is_simple_host(environ.get("HTTP_HOST")):
                self._update_cookies_from_response(*host_and_path(environ), lines)
        else:
            self._add_cookies_to_wsgi(environ)
            body, status, headers = call_app(self._served or self.application, environ, buffered)
            self._jar.receive(environ, headers)
        # The application may have answered with a list, where tests may look for what a response object returns.
        return body if buffered or hasattr(body, "close") else Closing(body), status, headers

    def _update_cookies_from_response(self, server_name: str, path: str, headers: list[str]) -> None:
        if self._cookies is None:
            return
        for line in headers:
            if (cookie := read_set_cookie(server_name, path, line)) is not None:
                self._keep(cookie)

    def _keep(self, cookie: Cookie) -> None:
        if self._cookies is None:
            return
        if cookie._should_delete:
            self._cookies.pop(cookie._storage_key, None)
        else:
            self._cookies[cookie._storage_key] = cookie

    def _copy_environ(self, other: WSGIEnvironment) -> WSGIEnvironment:
        environ = self.environ_base | other
        if self.preserve_context:
            environ["werkzeug.debug.preserve_context"] = self._new_contexts.append
        return environ

    def _request_from_builder_args(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> WerkzeugRequest:
        environ_base = self._copy_environ(kwargs.pop("environ_base", None) or {})
        options = {**kwargs, "environ_base": environ_base}
        environ = environ_without_builder(EnvironBuilder, self.application, args, options)
        if environ is not None:
            return request_of(EnvironBuilder.request_class, environ)
        try:
            builder = EnvironBuilder(self.application, *args, environ_base=environ_base, **kwargs)
        except TypeError as error:
            from tuile.mistakes import explain  # noqa: PLC0415 - with the first error

            explain(error, self.application)
            raise
        try:
            return builder.get_request()
        finally:
            builder.close()

    def _request_from(self, source: object) -> WerkzeugRequest | None:
        """Build a request from a builder, an environ or a request; return None for anything else.

        The object is not modified, so that it can be used again.
        """
        if isinstance(source, werkzeug.test.EnvironBuilder):
            builder = copy(source)
            builder.environ_base = self._copy_environ(dict(builder.environ_base or {}))
            return builder.get_request()
        if isinstance(source, dict):
            return EnvironBuilder.from_environ(
                source, app=self.application, environ_base=self._copy_environ({})
            ).get_request()
        if isinstance(source, WerkzeugRequest):
            request = copy(source)
            request.environ = self._copy_environ(request.environ)
            return request
        return None

    def resolve_redirect(self, response: TestResponse, buffered: bool = False) -> TestResponse:
        """Send the request that a redirect asks for."""
        environ = redirect_environ(response, self._copy_environ({})) if type(self).open is _stock_open else None
        if environ is None:
            return super().resolve_redirect(response, buffered)
        return self.open(request_of(EnvironBuilder.request_class, environ), buffered=buffered)

    def open(
        self,
        *args: object,
        buffered: bool = False,
        follow_redirects: bool = False,
        **kwargs: object,
    ) -> TestResponse:
        """Send a request and return the response.

        Args:
            args: The arguments of EnvironBuilder after `app`; or a single builder, environ or request.
            buffered: Read the whole body at once and close it.
            follow_redirects: Follow redirects; ``response.history`` has the responses before the last one.
            kwargs: The keyword arguments of EnvironBuilder.
        """
        request = self._request_from(args[0]) if args and type(args[0]) is not str else None
        if request is None:
            request = self._request_from_builder_args(args, kwargs)

        # The preserved contexts must end before those of this request begin.
        if getattr(self._context_stack, "_exit_callbacks", True):
            self._context_stack.close()
        response = super().open(request, buffered=buffered, follow_redirects=follow_redirects)
        setattr(response, _JSON_MODULE, self.application.json)

        for context in self._new_contexts:
            self._context_stack.enter_context(context)
        self._new_contexts.clear()
        return response

    def websocket(self, path: str, **options: Any) -> ClientWebSocket:
        """Return a WebSocket to be opened by `with`; see `ClientWebSocket` for the options."""
        from .sockets import ClientWebSocket  # noqa: PLC0415 - it needs asyncio

        return ClientWebSocket(self, path, **options)

    def __enter__(self) -> FlaskClient:  # noqa: PYI034 - Flask's signature
        if self.preserve_context:
            raise RuntimeError("Cannot nest client invocations")
        self.preserve_context = True
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.preserve_context = False
        self._context_stack.close()


# Declared as a module of Werkzeug's.
_JSON_MODULE = "json_module"
_stock_run, _stock_open = as_defined(werkzeug.test.Client, "run_wsgi_app"), FlaskClient.open
