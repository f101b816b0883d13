"""Registration, configuration, templates and the look-up of error handlers of an application.

`App` does nothing with requests: the steps are in `dispatch`, and `app.Flask` is both.
"""

from __future__ import annotations

import os
import sys
import typing as t
from datetime import timedelta
from functools import cached_property

from werkzeug.exceptions import Aborter, BadRequest, BadRequestKeyError, HTTPException
from werkzeug.routing import BuildError

from .. import patched
from ..config import Config, ConfigAttribute
from ..ctx.namespace import _AppCtxGlobals
from ..environment import get_debug_flag
from ..flask_names import offer_flasks_names
from ..invalidation import Watched
from ..json.provider import DefaultJSONProvider, JSONProvider
from ..lazy import late_modules
from ..packages import NOT_ASKED, find_located, find_package, locate
from ..routing.map import Map
from ..routing.rule import Rule, scopes_of
from ..templating.autoescape import plain_escapes
from .scaffold import _endpoint_from_view_func, setupmethod
from .websockets import AppWebSockets

if t.TYPE_CHECKING:
    import logging

    from werkzeug.wrappers import Response as WerkzeugResponse

    from .. import logging as app_logging
    from .. import typing as ft
    from ..http import locations
    from ..keys.app_keys import CachedKeys
    from ..templating.jinja import DispatchingJinjaLoader, Environment
    from ..testing import FlaskClient, FlaskCliRunner
    from ..wrappers.response import Response
    from . import type_vars
    from .blueprints import Blueprint
else:
    # Most requests log nothing.
    app_logging, ft, locations, type_vars = late_modules(
        __name__, "..logging as app_logging", "..typing as ft", "..http.locations", ".type_vars"
    )

_stock_find_package = find_package


def _make_timedelta(value: timedelta | int | None) -> timedelta | None:
    """Return a time span, which may be given in seconds."""
    return value if value is None or isinstance(value, timedelta) else timedelta(seconds=value)


class _Lifetime(ConfigAttribute[timedelta]):
    """A setting that is a time span and may be given in seconds."""

    def __get__(self, obj: t.Any, owner: type | None = None) -> t.Any:
        if obj is None:
            return self
        # As `_make_timedelta`, without its call in each request that saves a session.
        value = obj.config[self.__name__]
        return value if value is None or isinstance(value, timedelta) else timedelta(seconds=value)


class _EnvironmentClass:
    """The class of Jinja environments, imported on first use."""

    def __get__(self, instance: object, owner: type | None = None) -> type[Environment]:
        from ..templating.jinja import Environment  # noqa: PLC0415 - apps without templates do not need Jinja

        return Environment


def create_logger(app: App) -> logging.Logger:
    """Create the logger of an application: by this name, because tests patch it in Flask's module."""
    return app_logging.create_logger_as_defined(app)


class App(AppWebSockets, metaclass=Watched):
    """The part of `Flask` that does not handle requests. `Flask` documents the arguments."""

    default_config: t.Mapping[str, object]
    response_class: type[Response]
    aborter_class = Aborter
    app_ctx_globals_class = _AppCtxGlobals
    config_class = Config
    jinja_environment: t.Any = _EnvironmentClass()
    jinja_options: dict[str, t.Any] = {}
    json_provider_class: type[JSONProvider] = DefaultJSONProvider
    url_rule_class = Rule
    url_map_class = Map
    test_client_class: type[FlaskClient] | None = None
    test_cli_runner_class: type[FlaskCliRunner] | None = None

    if t.TYPE_CHECKING:
        url_build_error_handlers: list[t.Callable[[Exception, str, dict[str, object]], str]]
        teardown_appcontext_funcs: list[ft.TeardownCallable]
        shell_context_processors: list[ft.ShellContextProcessorCallable]
        blueprints: dict[str, Blueprint]
        extensions: dict[str, t.Any]
        subdomain_matching: bool
        _got_first_request: bool

    testing = ConfigAttribute[bool]("TESTING")
    secret_key = ConfigAttribute[str | bytes | None]("SECRET_KEY")
    permanent_session_lifetime = _Lifetime("PERMANENT_SESSION_LIFETIME")

    # The cache of `keys.app_keys`, and the ids of the weak keys that were reported.
    _cached_keys: CachedKeys | None = None
    _reported_keys: frozenset[str] = frozenset()
    _is_tested = False

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
        if instance_path is None:
            instance_path = self.auto_find_instance_path()
        elif not os.path.isabs(instance_path):
            message = "If an instance path is provided it must be absolute. A relative path was given instead."
            raise ValueError(message)
        self.__dict__.pop("_located", None)
        self.instance_path = instance_path
        self.config = self.make_config(instance_relative_config)
        self.aborter = self.make_aborter()
        self.json = self.json_provider_class(self)
        self._set_initial_attributes(
            {
                "url_build_error_handlers": [],
                "teardown_appcontext_funcs": [],
                "shell_context_processors": [],
                "blueprints": {},
                "extensions": {},
            }
        )
        self.url_map = self.url_map_class(host_matching=host_matching)
        self._set_initial_attributes({"subdomain_matching": subdomain_matching, "_got_first_request": False})

    def _check_setup_finished(self, f_name: str) -> None:
        if self._got_first_request:
            message = (
                f"The setup method '{f_name}' can no longer be called on the application. It has already handled its"
                " first request, any changes will not be applied consistently.\nMake sure all imports, decorators,"
                " functions, etc. needed to set up the application are done before running it."
            )
            raise AssertionError(message)

    # Name, logger, settings and folders

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
        # An environment that is created later reads the settings itself.
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

    def _locate(self, import_name: str) -> str:
        root_path, spec = locate(import_name)
        if spec is not NOT_ASKED:
            # For `auto_find_instance_path`; not as an argument, because that method may be overridden.
            self.__dict__["_located"] = import_name, spec
        return root_path

    def auto_find_instance_path(self) -> str:
        """Return the default instance folder: next to the package, or below the prefix it is installed under."""
        import_name = self.import_name
        located, spec = self.__dict__.pop("_located", (None, NOT_ASKED))
        is_known = located is import_name and find_package is _stock_find_package
        prefix, package_path = find_located(import_name, spec) if is_known else find_package(import_name)
        if prefix is None:
            return os.path.join(package_path, "instance")
        return os.path.join(prefix, "var", f"{self.name}-instance")

    # Templates

    @cached_property
    def jinja_env(self) -> Environment:
        """The Jinja environment, created on first use."""
        return self.create_jinja_environment()

    def create_jinja_environment(self) -> Environment:
        """Return a new Jinja environment."""
        raise NotImplementedError

    def create_global_jinja_loader(self) -> DispatchingJinjaLoader:
        """Return a loader for the templates of the application and its blueprints."""
        from ..templating.jinja import DispatchingJinjaLoader  # noqa: PLC0415 - apps without templates do not need Jinja

        return patched.in_place_of("flask.sansio.app.DispatchingJinjaLoader", DispatchingJinjaLoader)(self)

    def select_jinja_autoescape(self, filename: str | None) -> bool:
        """Return whether a template of this name escapes its values. Templates from strings do."""
        return filename is None or filename.endswith((".html", ".htm", ".xml", ".xhtml", ".svg"))

    @setupmethod
    def template_filter(
        self, name: str | None = None
    ) -> t.Callable[[type_vars.T_template_filter], type_vars.T_template_filter]:
        """Decorate a function as a template filter, by default under its own name."""
        return _registered_by(self.add_template_filter, name)

    @setupmethod
    def add_template_filter(self, f: ft.TemplateFilterCallable, name: str | None = None) -> None:
        """Add a template filter, by default under the name of the function."""
        self.jinja_env.filters[name or f.__name__] = f

    @setupmethod
    def template_test(
        self, name: str | None = None
    ) -> t.Callable[[type_vars.T_template_test], type_vars.T_template_test]:
        """Decorate a function as a template test, by default under its own name."""
        return _registered_by(self.add_template_test, name)

    @setupmethod
    def add_template_test(self, f: ft.TemplateTestCallable, name: str | None = None) -> None:
        """Add a template test, by default under the name of the function."""
        self.jinja_env.tests[name or f.__name__] = f

    @setupmethod
    def template_global(
        self, name: str | None = None
    ) -> t.Callable[[type_vars.T_template_global], type_vars.T_template_global]:
        """Decorate a function as a template global, by default under its own name."""
        return _registered_by(self.add_template_global, name)

    @setupmethod
    def add_template_global(self, f: ft.TemplateGlobalCallable, name: str | None = None) -> None:
        """Add a template global, by default under the name of the function."""
        self.jinja_env.globals[name or f.__name__] = f

    # Rules, blueprints, and hooks of contexts and shells

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
        required: set[str] = set(getattr(view_func, "required_methods", ()))
        if provide_automatic_options is None:
            provide_automatic_options = getattr(view_func, "provide_automatic_options", None)
        if provide_automatic_options is None:
            provide_automatic_options = "OPTIONS" not in allowed and self.config["PROVIDE_AUTOMATIC_OPTIONS"]
            if provide_automatic_options:
                required.add("OPTIONS")
        bound = self.url_rule_class(rule, methods=allowed | required, endpoint=endpoint, **options)
        bound.provide_automatic_options = bool(provide_automatic_options)  # read by `dispatch_request`
        self.url_map.add(bound)
        if view_func is not None:
            known = self.view_functions.get(endpoint)
            if known is not None and known != view_func:
                message = f"View function mapping is overwriting an existing endpoint function: {endpoint}"
                raise AssertionError(message)
            self.view_functions[endpoint] = view_func

    @setupmethod
    def register_blueprint(self, blueprint: Blueprint, **options: object) -> None:
        """Register a blueprint. The options override the blueprint's own."""
        blueprint.register(self, options)

    def iter_blueprints(self) -> t.ValuesView[Blueprint]:
        """Return the blueprints in the order of their registration."""
        return self.blueprints.values()

    @setupmethod
    def teardown_appcontext(self, f: type_vars.T_teardown) -> type_vars.T_teardown:
        """Call `f` with an exception or None when an app context ends."""
        self.teardown_appcontext_funcs.append(f)
        return f

    @setupmethod
    def shell_context_processor(self, f: type_vars.T_shell_context_processor) -> type_vars.T_shell_context_processor:
        """Add the dict that `f` returns to the names of `tuile shell`."""
        self.shell_context_processors.append(f)
        return f

    # Errors

    def _find_error_handler(self, e: Exception, blueprints: list[str]) -> ft.ErrorHandlerCallable | None:
        """Return the handler for an exception: by code before by class, a blueprint's before the app's."""
        registered = self.error_handler_spec
        if not registered:
            return None
        kind = type(e)
        code = kind.code if issubclass(kind, HTTPException) else None
        for wanted in (None,) if code is None else (code, None):
            for scope in (*blueprints, None) if blueprints else (None,):
                by_code = registered.get(scope)
                handlers = by_code.get(wanted) if by_code else None
                if not handlers:
                    continue
                for cls in kind.__mro__:
                    handler = handlers.get(cls)
                    if handler is not None:
                        return handler
        return None

    def trap_http_exception(self, e: Exception) -> bool:
        """Return whether an HTTP exception is handled like any other exception (`TRAP_HTTP_EXCEPTIONS` and others)."""
        if self.config["TRAP_HTTP_EXCEPTIONS"]:
            return True
        trap_bad_request = self.config["TRAP_BAD_REQUEST_ERRORS"]
        if trap_bad_request is None and isinstance(e, BadRequestKeyError) and self.debug:
            return True
        return bool(trap_bad_request) and isinstance(e, BadRequest)

    def should_ignore_error(self, error: BaseException | None) -> bool:
        """Return whether to hide an error from the teardown functions; by default False."""
        return False

    # URLs

    def redirect(self, location: str, code: int = 302) -> WerkzeugResponse:
        """Return a response that redirects the client to another URL."""
        if patched.names and (make := patched.names.get("flask.sansio.app._wz_redirect")) is not None:
            made: WerkzeugResponse = make(location, code=code, Response=self.response_class)
            return made
        return locations.redirection(location, code, self.response_class)

    def inject_url_defaults(self, endpoint: str, values: dict[str, object]) -> None:
        """Call the `url_defaults` functions of the app and of the endpoint's blueprints, which add to the values."""
        functions = self.url_default_functions
        if not functions:
            return
        for scope in reversed(scopes_of(endpoint)):
            for complete in functions.get(scope, ()):
                complete(endpoint, values)

    def handle_url_build_error(self, error: BuildError, endpoint: str, values: dict[str, object]) -> str:
        """Return the first URL that an `url_build_error_handlers` function returns, or raise the last error."""
        for handler in self.url_build_error_handlers:
            try:
                url = handler(error, endpoint, values)
            except BuildError as raised:
                # Kept, because Python deletes the name at the end of the except clause.
                error = raised
            else:
                if url is not None:
                    return url
        if error is sys.exc_info()[1]:
            raise  # noqa: PLE0704 - called while it is handled
        raise error


def _registered_by(
    register: t.Callable[..., None], name: str | None
) -> t.Callable[[type_vars.Function], type_vars.Function]:
    def decorator(function: type_vars.Function) -> type_vars.Function:
        register(function, name=name)
        return function

    return decorator


plain_escapes.add(App.select_jinja_autoescape)
offer_flasks_names(__name__)
