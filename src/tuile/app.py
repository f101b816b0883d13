"""The application object: Flask's public interface, assembled from the other modules.

The steps of a request are in `dispatch.steps`.
"""

from __future__ import annotations

import os
import sys
import typing as t
import weakref
from contextlib import nullcontext

from werkzeug.datastructures import ImmutableDict

from .asgi import ServesAsgi, for_development
from .config import DEFAULT_CONFIG
from .ctx.app_context import current_request
from .dispatch.plan import NOTHING, take_stock
from .dispatch.planner import Planner
from .dispatch.steps import Dispatcher
from .environment import get_debug_flag, get_load_dotenv
from .flask_names import offer_flasks_names
from .globals import g
from .keys import AppKeyRing
from .lazy import late_modules
from .once import once
from .patched import in_place_of
from .real_flask import warn_if_flask_is_imported
from .resources import HasResources
from .sansio import app as sansio_app
from .sessions import RefusesSessions, SecureCookieSessionInterface, SessionInterface
from .templating import create_environment, gather_context
from .urls import UrlBuilding
from .wrappers.request import Request
from .wrappers.response import Response

if t.TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from datetime import timedelta
    from types import TracebackType

    from click import Group

    from . import testing
    from .asgi.service import Service
    from .cookie.consent import Consent
    from .ctx.request_context import RequestContext
    from .sessions.settings import Kept as KeptStore
    from .sessions.signer import KeptSerializer, KeptSigner
    from .sessions.users import Sessions
    from .templating.jinja import Environment
    from .testing import AsyncClient, FlaskClient, FlaskCliRunner, TestApp
else:
    (testing,) = late_modules(__name__, ".testing")


def _make_timedelta(value: timedelta | int | None) -> timedelta | None:
    """Return a time span, which may be given in seconds; both of Flask's modules have a function of this name."""
    return sansio_app._make_timedelta(value)


class Flask(UrlBuilding, RefusesSessions, HasResources, ServesAsgi, Dispatcher):
    """A WSGI application on which views, hooks and settings are registered.

    Args:
        import_name: The name of the application's module or package, usually `__name__`. Templates, static files and
            the instance folder are found by it.
        static_url_path: The URL prefix of the static files; by default the name of their folder.
        static_folder: The folder of the static files, relative to `root_path`; None for no static files.
        static_host: The host of the static files; required with `host_matching`.
        host_matching: Whether rules match on the host.
        subdomain_matching: Whether rules match on the subdomain of `SERVER_NAME`.
        template_folder: The folder of the templates, relative to `root_path`.
        instance_path: The absolute path of the folder for files of this installation.
        instance_relative_config: Whether configuration files are relative to the instance folder.
        root_path: The folder of the application's files. Required only if it cannot be found by `import_name`.
    """

    request_class: type[Request] = Request
    response_class: type[Response] = Response
    session_interface: SessionInterface = SecureCookieSessionInterface()
    default_config: t.Mapping[str, object] = ImmutableDict(DEFAULT_CONFIG)

    _sender = "flask.app.send_from_directory"

    # Declared by two of the bases.
    _asgi_service: Service | None

    #: The `KeyRing` of `SECRET_KEY` and `SECRET_KEY_FALLBACKS`, for everything that is signed or encrypted.
    keyring = AppKeyRing()

    # Caches of `sessions.signer` and `sessions.settings`.
    _kept_signer: KeptSigner | None = None
    _kept_serializer: KeptSerializer | None = None
    _kept_store: KeptStore | None = None
    # The weaker kinds of session that were read and logged, see `sessions.kinds`.
    _reported_kinds: frozenset[str] = frozenset()
    # False in a subclass that overrides `secret_key`.
    _keeps_secret_in_config: t.ClassVar[bool] = True

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        cls._keeps_secret_in_config = cls.secret_key is Flask.secret_key

    def __init__(
        self,
        import_name: str,
        static_url_path: str | None = None,
        static_folder: str | os.PathLike[str] | None = "static",
        static_host: str | None = None,
        host_matching: bool = False,
        subdomain_matching: bool = False,
        template_folder: str | os.PathLike[str] | None = "templates",
        instance_path: str | None = None,
        instance_relative_config: bool = False,
        root_path: str | None = None,
    ) -> None:
        super().__init__(
            import_name,
            static_url_path,
            static_folder,
            static_host,
            host_matching,
            subdomain_matching,
            template_folder,
            instance_path,
            instance_relative_config,
            root_path,
        )
        if "flask" in sys.modules:
            warn_if_flask_is_imported(stacklevel=2)
        # A plan reads `__dict__`, which ends CPython's fastest access to attributes. With an ordinary dictionary it
        # still has the second fastest. Set here, so that every app has its attributes in the same order.
        own = dict(self.__dict__)
        own.update(_synchronous={}, _planner=Planner(self), _plan=NOTHING, _asgi_service=None)
        # A subclass may have a `__setattr__` that keeps attributes elsewhere, or refuses this one.
        object.__setattr__(self, "__dict__", own)
        if self.has_static_folder:
            self._serve_static_folder(static_host, host_matching)

    def _serve_static_folder(self, static_host: str | None, host_matching: bool) -> None:
        if bool(static_host) != host_matching:
            message = "Invalid static_host/host_matching combination"
            raise AssertionError(message)
        # A weak reference, so that the view does not keep the app alive.
        app = weakref.ref(self)

        def send_static_file(**arguments: str) -> Response:
            return t.cast("Flask", app()).send_static_file(**arguments)

        self.add_url_rule(
            f"{self.static_url_path}/<path:filename>", endpoint="static", host=static_host, view_func=send_static_file
        )

    @once
    def sessions(self) -> Sessions:
        """The sessions that are kept on the server, by user: list them, and end them."""
        from .sessions.users import Sessions  # noqa: PLC0415 - only with SESSION_STORE

        return Sessions(self)

    @once
    def consent(self) -> Consent:
        """Which categories of cookies the visitor has agreed to."""
        from .cookie.consent import Consent  # noqa: PLC0415 - only with optional cookies

        return Consent(self)

    def undeclared_cookies(self, set_cookie_lines: Iterable[str]) -> list[str]:
        """Return the names that Set-Cookie lines of a response set although neither the app nor an extension says so.

        Args:
            set_cookie_lines: Such as ``response.headers.getlist("Set-Cookie")``.
        """
        from .cookie.inventory import undeclared  # noqa: PLC0415 - for tests and the inspector

        return undeclared(self, set_cookie_lines)

    # Commands and files

    def _new_group(self) -> Group:
        from . import cli  # noqa: PLC0415 - serving requests does not need click

        group: Group = in_place_of("flask.app.cli", cli).AppGroup()
        return group

    def open_instance_resource(self, resource: str, mode: str = "rb", encoding: str | None = "utf-8") -> t.IO[t.Any]:
        """Open a file of the instance folder. `encoding` applies to text modes."""
        path = os.path.join(self.instance_path, resource)
        return open(path, mode) if "b" in mode else open(path, mode, encoding=encoding)

    # Templates

    def create_jinja_environment(self) -> Environment:
        """Return a new Jinja environment, from `jinja_options` and the configuration."""
        return create_environment(self)

    def update_template_context(self, context: dict[str, t.Any]) -> None:
        """Add the results of the context processors to the context of a template. Its own values take precedence."""
        gather_context(self, context)

    def make_shell_context(self) -> dict[str, t.Any]:
        """Return the initial names of a shell: the application, `g`, and those of the context processors."""
        names: dict[str, object] = {"app": self, "g": g}
        for processor in self.shell_context_processors:
            names.update(processor())
        return names

    # Contexts, and running the app

    def test_request_context(self, *args: t.Any, **kwargs: t.Any) -> RequestContext:
        """Return a request context for a test. The arguments are those of the test client's `open`."""
        if not self._is_tested:  # to set an attribute makes plans stale
            self._is_tested = True
        environ = testing.environ_without_builder(testing.EnvironBuilder, self, args, kwargs)
        if environ is not None:
            return self.request_context(environ)
        builder = testing.EnvironBuilder(self, *args, **kwargs)
        try:
            return self.request_context(builder.get_environ())
        finally:
            builder.close()

    def test_client(self, use_cookies: bool = True, **kwargs: object) -> FlaskClient:
        """Return a client that sends requests to this application without a server."""
        if not self._is_tested:  # to set an attribute makes plans stale
            self._is_tested = True
        client_class = self.test_client_class or testing.FlaskClient
        return client_class(self, self.response_class, use_cookies=use_cookies, **kwargs)

    def async_test_client(self, use_cookies: bool = True, **kwargs: object) -> AsyncClient:
        """Return a client for tests that are coroutine functions. It calls the application as ASGI servers do.

        Args:
            use_cookies: Whether it keeps cookies.
            kwargs: As for `test_client`.
        """
        from .testing import AsyncClient  # noqa: PLC0415 - for tests

        return AsyncClient(self.test_client(use_cookies, **kwargs))

    def test_app(self) -> TestApp:
        """Return this application to be started and stopped around a test: ``async with app.test_app() as test_app``.

        `before_serving` functions run at the start of the block, `after_serving` functions at its end.
        """
        from .testing import TestApp  # noqa: PLC0415 - for tests

        return TestApp(self)

    def test_cli_runner(self, **kwargs: object) -> FlaskCliRunner:
        """Return a runner for this application's commands."""
        from .testing import FlaskCliRunner  # noqa: PLC0415 - for tests

        runner_class = self.test_cli_runner_class or FlaskCliRunner
        return runner_class(self, **kwargs)

    # Here and not with the other steps, because the format of logs shows the name of the module: "ERROR in app".

    def log_exception(self, exc_info: tuple[type, BaseException, TracebackType] | tuple[None, None, None]) -> None:
        """Log an exception that becomes a 500, with the request it came from."""
        request = current_request()
        self.logger.error("Exception on %s [%s]", request.path, request.method, exc_info=exc_info)

    def _log_failed_finalizing(self, error: Exception) -> None:
        """Log an exception that the steps after an error handler have raised."""

        # A format with `%(funcName)s`, and services that group records by it, show this name, which is Flask's.
        def finalize_request() -> None:
            self.logger.error("Request finalizing failed with an error while handling an error", exc_info=error)

        finalize_request()

    def run(
        self,
        host: str | None = None,
        port: int | None = None,
        debug: bool | None = None,
        load_dotenv: bool = True,
        **options: t.Any,
    ) -> None:
        """Run a development server. Not for production.

        Args:
            host: The host to listen on; by default that of `SERVER_NAME`, or 127.0.0.1.
            port: The port to listen on; by default that of `SERVER_NAME`, or 5000.
            debug: Whether to use debug mode, with the debugger and the reloader.
            load_dotenv: Whether to read `.env` and `.flaskenv` first.
            options: As for Werkzeug's `run_simple`.
        """
        from . import cli as own_cli  # noqa: PLC0415 - for development

        cli = in_place_of("flask.app.cli", own_cli)
        if os.environ.get("FLASK_RUN_FROM_CLI") == "true":
            cli.explain_ignored_run()
            return
        if get_load_dotenv(load_dotenv):
            cli.load_dotenv()
            if "FLASK_DEBUG" in os.environ:
                self.debug = get_debug_flag()
        if debug is not None:
            self.debug = bool(debug)
        self._check_settings()
        named_host, _, named_port = (self.config.get("SERVER_NAME") or "").partition(":")
        port = int(port) if port is not None else int(named_port or 5000)
        options = {"use_reloader": self.debug, "use_debugger": self.debug, "threaded": True, **options}
        cli.show_server_banner(self.debug, self.name)
        from werkzeug.serving import run_simple  # noqa: PLC0415 - for development

        called, hint = for_development(self)
        if hint:
            print(f" * {hint}")  # noqa: T201 - as the banner
        debugging: AbstractContextManager[None] = nullcontext()
        if options["use_debugger"]:
            from .debugger import folding_libraries  # noqa: PLC0415 - for development

            debugging = folding_libraries()
        try:
            with debugging:
                run_simple(host or named_host or "127.0.0.1", port, called, **options)
        finally:
            # In an interactive session, the app can be changed and run again.
            self._got_first_request = False


take_stock(Flask)

offer_flasks_names(__name__)
