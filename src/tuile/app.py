"""The application object: Flask's public interface, assembled from the other modules.

The steps of a request are in `dispatch.steps`.
"""

from __future__ import annotations

import os
import sys
import typing as t
import weakref
from datetime import timedelta
from functools import cached_property

from werkzeug.datastructures import ImmutableDict
from werkzeug.exceptions import Aborter
from werkzeug.utils import redirect

from .config import DEFAULT_CONFIG, Config, ConfigAttribute
from .ctx.namespace import _AppCtxGlobals
from .dispatch.plan import NOTHING, take_stock
from .dispatch.planner import Planner
from .dispatch.steps import Dispatcher
from .environment import get_debug_flag, get_load_dotenv
from .flask_names import offer_flasks_names
from .globals import g
from .json.provider import DefaultJSONProvider, JSONProvider
from .keys.app_keys import KeptKeys, RingOfApp, check_keys
from .logging import create_logger
from .packages import find_package
from .real_flask import warn_of_both
from .routing.map import Map
from .routing.rule import Rule
from .sansio.scaffold import _endpoint_from_view_func, setupmethod
from .sessions import RefusesSessions, SecureCookieSessionInterface, SessionInterface
from .templating import create_environment, gather_context
from .urls import UrlBuilding
from .wrappers.request import Request
from .wrappers.response import Response

if t.TYPE_CHECKING:
    import logging

    from werkzeug.wrappers import Response as WerkzeugResponse

    from . import typing as ft
    from .blueprints import Blueprint
    from .ctx.request_context import RequestContext
    from .sessions.signer import KeptSigner
    from .templating.jinja import DispatchingJinjaLoader, Environment
    from .testing import FlaskClient, FlaskCliRunner

    T_shell_context_processor = t.TypeVar("T_shell_context_processor", bound=ft.ShellContextProcessorCallable)
    T_teardown = t.TypeVar("T_teardown", bound=ft.TeardownCallable)
    T_template_filter = t.TypeVar("T_template_filter", bound=ft.TemplateFilterCallable)
    T_template_global = t.TypeVar("T_template_global", bound=ft.TemplateGlobalCallable)
    T_template_test = t.TypeVar("T_template_test", bound=ft.TemplateTestCallable)


class _Lifetime(ConfigAttribute[timedelta]):
    """A setting that is a time span and may be given in seconds."""

    def __get__(self, obj: t.Any, owner: type | None = None) -> t.Any:
        if obj is None:
            return self
        value = obj.config[self.__name__]
        return value if value is None or isinstance(value, timedelta) else timedelta(seconds=value)


class _EnvironmentClass:
    """The class of Jinja environments, imported on first use."""

    def __get__(self, instance: object, owner: type | None = None) -> type[Environment]:
        from .templating.jinja import Environment  # noqa: PLC0415 - apps without templates do not need Jinja

        return Environment


class Flask(UrlBuilding, RefusesSessions, Dispatcher):
    """A WSGI application on which views, hooks and settings are registered.

    Args:
        import_name: The name of the application's module or package, usually `__name__`. Templates, static files and
            the instance folder are found by it.
        static_url_path: The URL prefix of the static files; by default the name of their folder.
        static_folder: The folder of the static files, relative to `root_path`. None: there are none.
        static_host: The host of the static files; required with `host_matching`.
        host_matching: Whether rules match on the host.
        subdomain_matching: Whether rules match on the subdomain of `SERVER_NAME`.
        template_folder: The folder of the templates, relative to `root_path`.
        instance_path: The absolute path of the folder for files of this installation.
        instance_relative_config: Whether configuration files are relative to the instance folder.
        root_path: The folder of the application's files, if it cannot be found by `import_name`.
    """

    request_class: type[Request] = Request
    response_class: type[Response] = Response
    session_interface: SessionInterface = SecureCookieSessionInterface()
    aborter_class = Aborter
    app_ctx_globals_class = _AppCtxGlobals
    config_class = Config
    default_config: t.Mapping[str, t.Any] = ImmutableDict(DEFAULT_CONFIG)
    jinja_environment: t.Any = _EnvironmentClass()
    jinja_options: dict[str, t.Any] = {}
    json_provider_class: type[JSONProvider] = DefaultJSONProvider
    url_rule_class = Rule
    url_map_class = Map
    test_client_class: type[FlaskClient] | None = None
    test_cli_runner_class: type[FlaskCliRunner] | None = None

    testing = ConfigAttribute[bool]("TESTING")
    secret_key = ConfigAttribute[str | bytes | None]("SECRET_KEY")
    permanent_session_lifetime = _Lifetime("PERMANENT_SESSION_LIFETIME")

    #: The `KeyRing` of `SECRET_KEY` and `SECRET_KEY_FALLBACKS`, for everything that is signed or encrypted.
    keyring = RingOfApp()

    # What `keys.app_keys` and sessions keep on an app, and the ids of the keys that were logged.
    _kept_keys: KeptKeys | None = None
    _kept_signer: KeptSigner | None = None
    _told_of_keys: frozenset[str] = frozenset()
    # The kinds of session, other than the one that is written, that were logged.
    _told_of_kinds: frozenset[str] = frozenset()
    # False in a subclass that overrides `secret_key`.
    _keeps_secret_in_config: t.ClassVar[bool] = True

    def __init_subclass__(cls, **kwargs: t.Any) -> None:
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
        super().__init__(import_name, static_folder, static_url_path, template_folder, root_path)
        if "flask" in sys.modules:
            warn_of_both(stacklevel=2)
        if instance_path is None:
            instance_path = self.auto_find_instance_path()
        elif not os.path.isabs(instance_path):
            message = "If an instance path is provided it must be absolute. A relative path was given instead."
            raise ValueError(message)
        self.instance_path = instance_path
        self.config = self.make_config(instance_relative_config)
        self.aborter = self.make_aborter()
        self.json = self.json_provider_class(self)
        self.url_build_error_handlers: list[t.Callable[[Exception, str, dict[str, t.Any]], str]] = []
        self.teardown_appcontext_funcs = []
        self.shell_context_processors: list[ft.ShellContextProcessorCallable] = []
        self.blueprints: dict[str, Blueprint] = {}
        self.extensions: dict[str, t.Any] = {}
        self.url_map = self.url_map_class(host_matching=host_matching)
        self.subdomain_matching = subdomain_matching
        self._got_first_request = False
        self._synchronous = {}
        self._planner = Planner()
        # In its place from the start: CPython finds an attribute faster where all apps have it in one place.
        self._plan = NOTHING
        # A plan looks into the dictionary, and CPython reads attributes fast from one that it did not split by itself.
        self.__dict__ = dict(self.__dict__)
        if self.has_static_folder:
            self._serve_static_folder(static_host, host_matching)

    def _serve_static_folder(self, static_host: str | None, host_matching: bool) -> None:
        if bool(static_host) != host_matching:
            message = "Invalid static_host/host_matching combination"
            raise AssertionError(message)
        # A weak reference, so that the view does not keep the app alive.
        app = weakref.ref(self)

        def send_static_file(**arguments: t.Any) -> Response:
            return t.cast("Flask", app()).send_static_file(**arguments)

        self.add_url_rule(
            f"{self.static_url_path}/<path:filename>", endpoint="static", host=static_host, view_func=send_static_file
        )

    def _check_setup_finished(self, f_name: str) -> None:
        if self._got_first_request:
            message = (
                f"The setup method '{f_name}' can no longer be called on the application. It has already handled its"
                " first request, any changes will not be applied consistently.\nMake sure all imports, decorators,"
                " functions, etc. needed to set up the application are done before running it."
            )
            raise AssertionError(message)

    # What the app is and where its files are

    @cached_property
    def name(self) -> str:  # type: ignore[override] # Scaffold declares it as an attribute, and so it is used
        """The name of the application: its import name, or the name of the main program."""
        if self.import_name != "__main__":
            return self.import_name
        program = getattr(sys.modules["__main__"], "__file__", None)
        return "__main__" if program is None else os.path.splitext(os.path.basename(program))[0]

    @cached_property
    def logger(self) -> logging.Logger:
        """The logger named after the application."""
        return create_logger(self)

    @property
    def debug(self) -> bool:
        """Whether debug mode is on (`DEBUG`)."""
        debug: bool = self.config["DEBUG"]
        return debug

    @debug.setter
    def debug(self, value: bool) -> None:
        self.config["DEBUG"] = value
        # An environment that is made later looks for itself.
        if self.config["TEMPLATES_AUTO_RELOAD"] is None and "jinja_env" in self.__dict__:
            self.jinja_env.auto_reload = value

    def make_config(self, instance_relative: bool = False) -> Config:
        """Return the initial configuration: the defaults, and the debug flag of the environment."""
        defaults = dict(self.default_config)
        defaults["DEBUG"] = get_debug_flag()
        return self.config_class(self.instance_path if instance_relative else self.root_path, defaults)

    def make_aborter(self) -> Aborter:
        """Return the object that `abort` calls."""
        return self.aborter_class()

    def auto_find_instance_path(self) -> str:
        """Return the default instance folder: next to the package, or below the prefix it is installed under."""
        prefix, package_path = find_package(self.import_name)
        if prefix is None:
            return os.path.join(package_path, "instance")
        return os.path.join(prefix, "var", f"{self.name}-instance")

    def open_instance_resource(self, resource: str, mode: str = "rb", encoding: str | None = "utf-8") -> t.IO[t.Any]:
        """Open a file of the instance folder. `encoding` applies to text modes."""
        path = os.path.join(self.instance_path, resource)
        return open(path, mode) if "b" in mode else open(path, mode, encoding=encoding)

    # Templates

    @cached_property
    def jinja_env(self) -> Environment:
        """The Jinja environment, created on first use."""
        return self.create_jinja_environment()

    def create_jinja_environment(self) -> Environment:
        """Return a new Jinja environment, from `jinja_options` and the configuration."""
        return create_environment(self)

    def create_global_jinja_loader(self) -> DispatchingJinjaLoader:
        """Return a loader for the templates of the application and its blueprints."""
        from .templating.jinja import DispatchingJinjaLoader  # noqa: PLC0415 - apps without templates do not need Jinja

        return DispatchingJinjaLoader(self)

    def select_jinja_autoescape(self, filename: str | None) -> bool:
        """Return whether a template of this name escapes its values. Templates from strings do."""
        return filename is None or filename.endswith((".html", ".htm", ".xml", ".xhtml", ".svg"))

    def update_template_context(self, context: dict[str, t.Any]) -> None:
        """Add the results of the context processors to the context of a template. Its own values take precedence."""
        gather_context(self, context)

    @setupmethod
    def template_filter(self, name: str | None = None) -> t.Callable[[T_template_filter], T_template_filter]:
        """Decorate a function as a template filter, by default under its own name."""
        return _registered_by(self.add_template_filter, name)

    @setupmethod
    def add_template_filter(self, f: ft.TemplateFilterCallable, name: str | None = None) -> None:
        """Add a template filter, by default under the name of the function."""
        self.jinja_env.filters[name or f.__name__] = f

    @setupmethod
    def template_test(self, name: str | None = None) -> t.Callable[[T_template_test], T_template_test]:
        """Decorate a function as a template test, by default under its own name."""
        return _registered_by(self.add_template_test, name)

    @setupmethod
    def add_template_test(self, f: ft.TemplateTestCallable, name: str | None = None) -> None:
        """Add a template test, by default under the name of the function."""
        self.jinja_env.tests[name or f.__name__] = f

    @setupmethod
    def template_global(self, name: str | None = None) -> t.Callable[[T_template_global], T_template_global]:
        """Decorate a function as a template global, by default under its own name."""
        return _registered_by(self.add_template_global, name)

    @setupmethod
    def add_template_global(self, f: ft.TemplateGlobalCallable, name: str | None = None) -> None:
        """Add a template global, by default under the name of the function."""
        self.jinja_env.globals[name or f.__name__] = f

    # Rules, blueprints and the end of a context

    @setupmethod
    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: ft.RouteCallable | None = None,
        provide_automatic_options: bool | None = None,
        **options: t.Any,
    ) -> None:
        """Add a rule, with the view for the URLs that it matches.

        Args:
            rule: The path of the URL with its variable parts, such as `/user/<int:number>`.
            endpoint: The name for building URLs; by default the name of the view.
            view_func: The view. It can also be added later with `endpoint`.
            provide_automatic_options: Whether OPTIONS is answered without the view.
            options: As for Werkzeug's `Rule`. `methods` is a list of names, by default only GET.

        Raises:
            AssertionError: If another view has this endpoint.
            TypeError: If `methods` is a string.
        """
        if endpoint is None:
            endpoint = _endpoint_from_view_func(view_func)
        methods = options.pop("methods", None)
        if methods is None:
            methods = getattr(view_func, "methods", None) or ("GET",)
        if isinstance(methods, str):
            message = 'Allowed methods must be a list of strings, for example: @app.route(..., methods=["POST"])'
            raise TypeError(message)
        allowed = {method.upper() for method in methods}
        required = set(getattr(view_func, "required_methods", ()))
        if provide_automatic_options is None:
            provide_automatic_options = getattr(view_func, "provide_automatic_options", None)
        if provide_automatic_options is None:
            provide_automatic_options = "OPTIONS" not in allowed and self.config["PROVIDE_AUTOMATIC_OPTIONS"]
            if provide_automatic_options:
                required.add("OPTIONS")
        bound = self.url_rule_class(rule, methods=allowed | required, endpoint=endpoint, **options)
        bound.provide_automatic_options = bool(provide_automatic_options)  # read by the dispatch
        self.url_map.add(bound)
        if view_func is not None:
            known = self.view_functions.get(endpoint)
            if known is not None and known != view_func:
                message = f"View function mapping is overwriting an existing endpoint function: {endpoint}"
                raise AssertionError(message)
            self.view_functions[endpoint] = view_func

    @setupmethod
    def register_blueprint(self, blueprint: Blueprint, **options: t.Any) -> None:
        """Register a blueprint. The options override the blueprint's own."""
        blueprint.register(self, options)

    def iter_blueprints(self) -> t.ValuesView[Blueprint]:
        """Return the blueprints in the order of their registration."""
        return self.blueprints.values()

    @setupmethod
    def teardown_appcontext(self, f: T_teardown) -> T_teardown:
        """Call `f` with an exception or None when an app context ends."""
        self.teardown_appcontext_funcs.append(f)
        return f

    @setupmethod
    def shell_context_processor(self, f: T_shell_context_processor) -> T_shell_context_processor:
        """Add the dict that `f` returns to the names of `tuile shell`."""
        self.shell_context_processors.append(f)
        return f

    def make_shell_context(self) -> dict[str, t.Any]:
        """Return the initial names of a shell: the application, `g`, and those of the context processors."""
        names: dict[str, t.Any] = {"app": self, "g": g}
        for processor in self.shell_context_processors:
            names.update(processor())
        return names

    # URLs: `url_for` and its kin are those of `UrlBuilding`

    def redirect(self, location: str, code: int = 302) -> WerkzeugResponse:
        """Return a response that redirects the client to another URL."""
        return redirect(location, code=code, Response=self.response_class)

    # Contexts, and running the app

    def test_request_context(self, *args: t.Any, **kwargs: t.Any) -> RequestContext:
        """Return a request context for a test. The arguments are those of the test client's `open`."""
        from .testing import EnvironBuilder  # noqa: PLC0415 - for tests

        builder = EnvironBuilder(self, *args, **kwargs)
        try:
            return self.request_context(builder.get_environ())
        finally:
            builder.close()

    def test_client(self, use_cookies: bool = True, **kwargs: t.Any) -> FlaskClient:
        """Return a client that sends requests to this application without a server."""
        from .testing import FlaskClient  # noqa: PLC0415 - for tests

        client_class = self.test_client_class or FlaskClient
        return client_class(self, self.response_class, use_cookies=use_cookies, **kwargs)

    def test_cli_runner(self, **kwargs: t.Any) -> FlaskCliRunner:
        """Return a runner for this application's commands."""
        from .testing import FlaskCliRunner  # noqa: PLC0415 - for tests

        runner_class = self.test_cli_runner_class or FlaskCliRunner
        return runner_class(self, **kwargs)

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
        from . import cli  # noqa: PLC0415 - for development

        if os.environ.get("FLASK_RUN_FROM_CLI") == "true":
            cli.explain_ignored_run()
            return
        if get_load_dotenv(load_dotenv):
            cli.load_dotenv()
            if "FLASK_DEBUG" in os.environ:
                self.debug = get_debug_flag()
        if debug is not None:
            self.debug = bool(debug)
        check_keys(self)
        named_host, _, named_port = (self.config.get("SERVER_NAME") or "").partition(":")
        port = int(port) if port is not None else int(named_port or 5000)
        options = {"use_reloader": self.debug, "use_debugger": self.debug, "threaded": True, **options}
        cli.show_server_banner(self.debug, self.name)
        from werkzeug.serving import run_simple  # noqa: PLC0415 - for development

        try:
            run_simple(host or named_host or "127.0.0.1", port, self, **options)
        finally:
            # In an interactive session, the app can be changed and run again.
            self._got_first_request = False


take_stock(Flask, "debug")

Function = t.TypeVar("Function", bound=t.Callable[..., t.Any])


def _registered_by(register: t.Callable[..., None], name: str | None) -> t.Callable[[Function], Function]:
    def decorator(function: Function) -> Function:
        register(function, name=name)
        return function

    return decorator


offer_flasks_names(__name__)
