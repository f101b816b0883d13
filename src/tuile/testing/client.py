"""Sending requests to an application in a test. Floor 6, the edges.

Here live the builder of environs that knows the application's configuration and the client
that ``app.test_client()`` makes. The cookies it keeps are matched by Werkzeug's client, by
domain and path alone; asked for a browser, it has them kept by that one's jar (``client_jar``).
"""

from __future__ import annotations

import importlib.metadata
import time
from contextlib import ExitStack, contextmanager
from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import werkzeug.test
from werkzeug.test import Cookie
from werkzeug.wrappers import Request as WerkzeugRequest

from tuile.http.cookies import dump_cookie, parse_cookie

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager
    from types import TracebackType

    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.datastructures import Headers
    from werkzeug.test import TestResponse

    from tuile.app import Flask
    from tuile.sessions import SessionMixin

    from .browser import Browser
    from .client_jar import ClientJar


@cache
def _get_werkzeug_version() -> str:
    return importlib.metadata.version("werkzeug")


class EnvironBuilder(werkzeug.test.EnvironBuilder):
    """A Werkzeug EnvironBuilder that takes what is not given from the application.

    app
        its SERVER_NAME, APPLICATION_ROOT and PREFERRED_URL_SCHEME fill the URL, and its JSON
        provider writes `json`
    path
        the path, or a whole URL
    base_url
        scheme, host and root of the application, instead of the configuration
    subdomain
        goes before SERVER_NAME
    url_scheme
        instead of PREFERRED_URL_SCHEME
    args, kwargs
        passed to Werkzeug's EnvironBuilder, such as `method`, `query_string`, `data`, `json`

    Raises TypeError when `base_url` meets `subdomain` or `url_scheme`, which are parts of it.
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
            base_url, path = _locate(app, path, subdomain, url_scheme)
        elif subdomain or url_scheme:
            raise TypeError('Cannot pass "subdomain" or "url_scheme" with "base_url".')
        # First, since Werkzeug's constructor calls json_dumps.
        self.app = app
        super().__init__(path, base_url, *args, **kwargs)

    def json_dumps(self, obj: Any, **kwargs: Any) -> str:
        """Write `obj` as the application would."""
        return self.app.json.dumps(obj, **kwargs)


def _locate(app: Flask, path: str, subdomain: str | None, url_scheme: str | None) -> tuple[str, str]:
    """Split `path` into a base URL and a path with its query, by the app's configuration.

    What `path` brings itself, scheme or host, is not overruled.
    """
    url = urlsplit(path)
    host = url.netloc
    if not host:
        host = app.config.get("SERVER_NAME") or "localhost"
        if subdomain:
            host = f"{subdomain}.{host}"
    scheme = url.scheme or (app.config["PREFERRED_URL_SCHEME"] if url_scheme is None else url_scheme)
    root = app.config["APPLICATION_ROOT"].lstrip("/")
    return f"{scheme}://{host}/{root}", f"{url.path}?{url.query}" if url.query else url.path


class FlaskClient(werkzeug.test.Client):
    """A client that calls the application directly and keeps its cookies.

    In a ``with`` block the contexts of the last request stay, so that ``request``, ``session``
    and ``g`` can be looked at after the response has come::

        with app.test_client() as client:
            client.get("/?page=2")
            assert request.args["page"] == "2"

    `environ_base` holds what every request's environ starts with; change it at will.

    A client made by ``app.test_client(browser="chromium")`` keeps and sends cookies as that browser
    does, each request being one whose address the user typed. Its `browser` has the clock, the
    verdicts and everything else that the interface of this class has no place for.
    """

    application: Flask
    _jar: ClientJar | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        browser = kwargs.pop("browser", None)
        super().__init__(*args, **kwargs)
        if browser is not None:
            from .client_jar import ClientJar  # noqa: PLC0415 - few tests want it, and it reads a long list

            self._jar = ClientJar(browser, self.application, use_cookies=self._cookies is not None)
        self.preserve_context = False
        #: Contexts that the application has left behind in the request under way.
        self._new_contexts: list[AbstractContextManager[Any]] = []
        #: Those of the last request, entered again.
        self._context_stack = ExitStack()
        self.environ_base: dict[str, Any] = {
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_USER_AGENT": f"Werkzeug/{_get_werkzeug_version()}",
        }

    @property
    def browser(self) -> Browser | None:
        """The `tuile.testing.Browser` whose cookies these are; None for a client with a lax jar."""
        return None if self._jar is None else self._jar.browser

    @contextmanager
    def session_transaction(self, *args: Any, **kwargs: Any) -> Iterator[SessionMixin]:
        """Open the session this client's cookies name, and save it at the end of the block.

        ::

            with client.session_transaction() as session:
                session["user_id"] = 5

        The arguments are those of ``app.test_request_context``, for a session that depends on
        host or path. An error in the block leaves the session as it was.

        Raises TypeError for a client without cookies, RuntimeError when the application has
        no session to open, mostly for want of a SECRET_KEY, ValueError when the client's browser
        drops the cookie.
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
            self._update_cookies_from_response(
                request.host.partition(":")[0], request.path, response.headers.getlist("Set-Cookie")
            )
            return
        dropped = self._jar.receive(request.environ, response.headers).problems
        if dropped:
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
        """Keep a cookie as if a response had set it.

        domain, origin_only
            send it to this host alone, or with `origin_only` False to those below it as well
        path
            send it to URLs below this path
        kwargs
            the other attributes, as for ``Response.set_cookie``

        Raises TypeError for a client without cookies, ValueError when its browser drops the cookie.
        """
        if self._jar is not None:
            self._jar.keep(key, value, domain=domain, origin_only=origin_only, path=path, **kwargs)
            return
        if self._cookies is None:
            raise TypeError("Cookies are disabled. Create a client with 'use_cookies=True'.")
        line = dump_cookie(key, value, domain=domain, path=path, now=time.time(), **kwargs)
        cookie = _read_set_cookie(domain, "/", line)
        if cookie is not None:
            cookie.origin_only = origin_only
            self._keep(cookie)

    def get_cookie(self, key: str, domain: str = "localhost", path: str = "/") -> Cookie | None:
        """Look up a cookie by its name, and the domain and path that it is for."""
        return super().get_cookie(key, domain, path) if self._jar is None else self._jar.find(key, domain, path)

    def delete_cookie(self, key: str, *, domain: str = "localhost", path: str = "/") -> None:
        """Take away a cookie by its name, and the domain and path that it is for, if it is there."""
        if self._jar is None:
            super().delete_cookie(key, domain=domain, path=path)
        else:
            self._jar.forget(key, domain, path)

    def _add_cookies_to_wsgi(self, environ: WSGIEnvironment) -> None:
        if self._jar is None:
            super()._add_cookies_to_wsgi(environ)
        else:
            self._jar.send(environ)

    def run_wsgi_app(self, environ: WSGIEnvironment, buffered: bool = False) -> tuple[Iterable[bytes], str, Headers]:
        """Call the application with an environ, sending and keeping cookies."""
        if self._jar is None:
            return super().run_wsgi_app(environ, buffered)
        self._add_cookies_to_wsgi(environ)
        body, status, headers = werkzeug.test.run_wsgi_app(self.application, environ, buffered)
        self._jar.receive(environ, headers)
        return body, status, headers

    def _update_cookies_from_response(self, server_name: str, path: str, headers: list[str]) -> None:
        if self._cookies is None:
            return
        for line in headers:
            cookie = _read_set_cookie(server_name, path, line)
            if cookie is not None:
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
        builder = EnvironBuilder(self.application, *args, environ_base=environ_base, **kwargs)
        try:
            return builder.get_request()
        finally:
            builder.close()

    def _request_from(self, source: object) -> WerkzeugRequest | None:
        """Make a request of a builder, an environ or a request; None for anything else.

        The given object stays as it is, for the next call.
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

    def open(
        self,
        *args: Any,
        buffered: bool = False,
        follow_redirects: bool = False,
        **kwargs: Any,
    ) -> TestResponse:
        """Send a request and return the response.

        args, kwargs
            those of EnvironBuilder after its `app`; or a single builder, environ or request
        buffered
            read the whole body at once and close it
        follow_redirects
            send further requests until the answer is no redirect; ``response.history`` has
            the ones before
        """
        request = self._request_from(args[0]) if args else None
        if request is None:
            request = self._request_from_builder_args(args, kwargs)

        # The contexts kept so far end here, not under those of this request.
        self._context_stack.close()
        response = super().open(request, buffered=buffered, follow_redirects=follow_redirects)
        response.json_module = self.application.json  # type: ignore[assignment]  # Werkzeug: a module; both have loads

        for context in self._new_contexts:
            self._context_stack.enter_context(context)
        self._new_contexts.clear()
        return response

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


def _read_set_cookie(server_name: str, path: str, line: str) -> Cookie | None:
    """The cookie of a Set-Cookie line as Werkzeug's client keeps it; None for one without a name."""
    pair, separator, attributes = line.partition(";")
    pairs = parse_cookie(pair)
    if not pairs:
        return None
    name, _, value = pair.partition("=")
    # Werkzeug reads the attributes, and this room the name: Werkzeug's own reading knows none with a space.
    cookie = Cookie._from_response_header(server_name, path, f"name={value}{separator}{attributes}")
    cookie.key = name.strip(" \t")
    cookie.decoded_key, cookie.decoded_value = pairs[0]
    return cookie
