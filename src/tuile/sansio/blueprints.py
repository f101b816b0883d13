"""Record registrations for an application that does not exist yet, and apply them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, cast

from ..flask_names import offer_flasks_names
from ..lazy import late_modules
from .scaffold import _endpoint_from_view_func, _sentinel, setupmethod
from .websockets import BlueprintWebSockets, merge_websocket_hooks

if TYPE_CHECKING:
    import os

    from .. import typing as ft
    from . import nesting, type_vars
    from .app import App
else:
    ft, nesting, type_vars = late_modules(__name__, "..typing as ft", ".nesting", ".type_vars")

DeferredSetupFunction = Callable[["BlueprintSetupState"], None]


class BlueprintSetupState:
    """One registration of a blueprint. Recorded functions receive it as their argument.

    Attributes:
        app: The application.
        blueprint: The blueprint.
        options: The keyword arguments of `register_blueprint`.
        first_registration: Whether the blueprint is registered on this application for the first time.
    """

    def __init__(self, blueprint: Blueprint, app: App, options: Any, first_registration: bool) -> None:
        self.app = app
        self.blueprint = blueprint
        self.options = options
        self.first_registration = first_registration

        subdomain = options.get("subdomain")
        self.subdomain: str | None = blueprint.subdomain if subdomain is None else subdomain
        url_prefix = options.get("url_prefix")
        self.url_prefix: str | None = blueprint.url_prefix if url_prefix is None else url_prefix
        self.name: str = options.get("name", blueprint.name)
        self.name_prefix: str = options.get("name_prefix", "")
        self.url_defaults: dict[str, Any] = {
            **blueprint.url_values_defaults,
            **dict(options.get("url_defaults", ())),
        }

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: ft.RouteCallable | None = None,
        **options: Any,
    ) -> None:
        """Add a rule to the application, with the prefixes and defaults of the blueprint."""
        if self.url_prefix is not None:
            # An empty rule stands for the prefix itself, without a trailing slash.
            rule = nesting.join_prefix(self.url_prefix, rule) if rule else self.url_prefix
        if endpoint is None:
            endpoint = _endpoint_from_view_func(view_func)
        options.setdefault("subdomain", self.subdomain)
        defaults = {**self.url_defaults, **options.pop("defaults", {})}
        full_name = f"{self.name_prefix}.{self.name}.{endpoint}".lstrip(".")
        self.app.add_url_rule(rule, full_name, view_func, defaults=defaults, **options)


class Blueprint(BlueprintWebSockets):
    """A part of an application, defined before or without the application.

    Args:
        name: The prefix of the endpoints. It must not be empty or contain a dot.
        import_name: As for `Scaffold`.
        static_folder: As for `Scaffold`. Without a URL prefix, the application's static route comes first.
        static_url_path: As for `Scaffold`.
        template_folder: As for `Scaffold`. The application's own templates take precedence.
        url_prefix: The prefix of the rules.
        subdomain: The subdomain of rules that do not name one.
        url_defaults: Default values for all rules.
        root_path: As for `Scaffold`.
        cli_group: The name of the group of the blueprint's commands; by default the name of the blueprint. None adds
            them to the application's commands.

    Raises:
        ValueError: If the name is empty or contains a dot.
    """

    _got_registered_once = False

    def __init__(
        self,
        name: str,
        import_name: str,
        static_folder: str | os.PathLike[str] | None = None,
        static_url_path: str | None = None,
        template_folder: str | os.PathLike[str] | None = None,
        url_prefix: str | None = None,
        subdomain: str | None = None,
        url_defaults: dict[str, Any] | None = None,
        root_path: str | None = None,
        cli_group: str | None = cast("None", _sentinel),
    ) -> None:
        super().__init__(
            import_name=import_name,
            static_folder=static_folder,
            static_url_path=static_url_path,
            template_folder=template_folder,
            root_path=root_path,
        )
        if not name:
            raise ValueError("'name' may not be empty.")
        if "." in name:
            raise ValueError("'name' may not contain a dot '.' character.")
        self.name = name
        self.url_prefix = url_prefix
        self.subdomain = subdomain
        self.deferred_functions: list[DeferredSetupFunction] = []
        self.url_values_defaults = {} if url_defaults is None else url_defaults
        self.cli_group = cli_group
        self._blueprints: list[tuple[Blueprint, dict[str, object]]] = []

    def _check_setup_finished(self, f_name: str) -> None:
        """Raise an AssertionError if the blueprint has been registered already."""
        if self._got_registered_once:
            raise AssertionError(
                f"The setup method '{f_name}' can no longer be called on the blueprint"
                f" '{self.name}'. It has already been registered at least once, any changes"
                " will not be applied consistently.\n"
                "Make sure all imports, decorators, functions, etc. needed to set up the"
                " blueprint are done before registering it."
            )

    @setupmethod
    def record(self, func: DeferredSetupFunction) -> None:
        """Call `func(state)` whenever this blueprint is registered."""
        self.deferred_functions.append(func)

    @setupmethod
    def record_once(self, func: DeferredSetupFunction) -> None:
        """Call `func(state)` when this blueprint is registered on an application for the first time."""

        def once(state: BlueprintSetupState) -> None:
            if state.first_registration:
                func(state)

        self.record(update_wrapper(once, func))

    def _record_hook(self, registry: str, f: type_vars.Function) -> type_vars.Function:
        """Record a hook that the application runs for all requests."""

        def register(state: BlueprintSetupState) -> None:
            getattr(state.app, registry).setdefault(None, []).append(f)

        self.record_once(register)
        return f

    def _record_for_templates(self, table: str, f: Callable[..., object], name: str | None) -> None:
        """Record a function for a table of the application's template environment."""

        def register(state: BlueprintSetupState) -> None:
            getattr(state.app.jinja_env, table)[name or f.__name__] = f

        self.record_once(register)

    @setupmethod
    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: ft.RouteCallable | None = None,
        provide_automatic_options: bool | None = None,
        **options: object,
    ) -> None:
        """Record a rule. The blueprint's prefix is added to the rule, its name to the endpoint.

        Raises:
            ValueError: If the name of the endpoint or of the view contains a dot.
        """
        if endpoint and "." in endpoint:
            raise ValueError("'endpoint' may not contain a dot '.' character.")
        if view_func and "." in getattr(view_func, "__name__", ""):
            raise ValueError("'view_func' name may not contain a dot '.' character.")

        def register(state: BlueprintSetupState) -> None:
            state.add_url_rule(
                rule,
                endpoint,
                view_func,
                provide_automatic_options=provide_automatic_options,
                **options,
            )

        self.record(register)

    # Registration for the whole application

    @setupmethod
    def app_template_filter(
        self, name: str | None = None
    ) -> Callable[[type_vars.T_template_filter], type_vars.T_template_filter]:
        """Decorate a function as a filter for all templates, by default under its own name."""

        def decorator(f: type_vars.T_template_filter) -> type_vars.T_template_filter:
            self.add_app_template_filter(f, name=name)
            return f

        return decorator

    @setupmethod
    def add_app_template_filter(self, f: ft.TemplateFilterCallable, name: str | None = None) -> None:
        """Add a filter for all templates, by default under the name of the function."""
        self._record_for_templates("filters", f, name)

    @setupmethod
    def app_template_test(
        self, name: str | None = None
    ) -> Callable[[type_vars.T_template_test], type_vars.T_template_test]:
        """Decorate a function as a test for all templates, by default under its own name."""

        def decorator(f: type_vars.T_template_test) -> type_vars.T_template_test:
            self.add_app_template_test(f, name=name)
            return f

        return decorator

    @setupmethod
    def add_app_template_test(self, f: ft.TemplateTestCallable, name: str | None = None) -> None:
        """Add a test for all templates, by default under the name of the function."""
        self._record_for_templates("tests", f, name)

    @setupmethod
    def app_template_global(
        self, name: str | None = None
    ) -> Callable[[type_vars.T_template_global], type_vars.T_template_global]:
        """Decorate a function as a global of all templates, by default under its own name."""

        def decorator(f: type_vars.T_template_global) -> type_vars.T_template_global:
            self.add_app_template_global(f, name=name)
            return f

        return decorator

    @setupmethod
    def add_app_template_global(self, f: ft.TemplateGlobalCallable, name: str | None = None) -> None:
        """Add a global for all templates, by default under the name of the function."""
        self._record_for_templates("globals", f, name)

    @setupmethod
    def before_app_request(self, f: type_vars.T_before_request) -> type_vars.T_before_request:
        """Register `f` like `before_request`, for all requests of the application."""
        return self._record_hook("before_request_funcs", f)

    @setupmethod
    def after_app_request(self, f: type_vars.T_after_request) -> type_vars.T_after_request:
        """Register `f` like `after_request`, for all requests of the application."""
        return self._record_hook("after_request_funcs", f)

    @setupmethod
    def teardown_app_request(self, f: type_vars.T_teardown) -> type_vars.T_teardown:
        """Register `f` like `teardown_request`, for all requests of the application."""
        return self._record_hook("teardown_request_funcs", f)

    @setupmethod
    def app_context_processor(
        self, f: type_vars.T_template_context_processor
    ) -> type_vars.T_template_context_processor:
        """Register `f` like `context_processor`, for all templates of the application."""
        return self._record_hook("template_context_processors", f)

    @setupmethod
    def app_url_value_preprocessor(self, f: type_vars.T_url_value_preprocessor) -> type_vars.T_url_value_preprocessor:
        """Register `f` like `url_value_preprocessor`, for all requests of the application."""
        return self._record_hook("url_value_preprocessors", f)

    @setupmethod
    def app_url_defaults(self, f: type_vars.T_url_defaults) -> type_vars.T_url_defaults:
        """Register `f` like `url_defaults`, for all URLs that the application builds."""
        return self._record_hook("url_default_functions", f)

    @setupmethod
    def app_errorhandler(
        self, code: type[Exception] | int
    ) -> Callable[[type_vars.T_error_handler], type_vars.T_error_handler]:
        """Register a handler like `errorhandler`, for all requests of the application."""

        def decorator(f: type_vars.T_error_handler) -> type_vars.T_error_handler:
            def register(state: BlueprintSetupState) -> None:
                state.app.errorhandler(code)(f)

            self.record_once(register)
            return f

        return decorator

    # Registration

    def make_setup_state(
        self, app: App, options: dict[str, object], first_registration: bool = False
    ) -> BlueprintSetupState:
        """Return the object that recorded functions receive. Override it to pass them more."""
        return BlueprintSetupState(self, app, options, first_registration)

    @setupmethod
    def register_blueprint(self, blueprint: Blueprint, **options: object) -> None:
        """Nest a blueprint, which is registered whenever this one is, below its prefixes.

        Args:
            blueprint: The blueprint to nest.
            options: Override the options of the nested blueprint. With `name`, a blueprint can be nested several times.

        Raises:
            ValueError: If the blueprint is this one.
        """
        if blueprint is self:
            raise ValueError("Cannot register a blueprint on itself")
        self._blueprints.append((blueprint, options))

    def register(self, app: App, options: dict[str, object]) -> None:
        """Apply everything recorded to `app`. Called by `Flask.register_blueprint`.

        Raises:
            ValueError: If the application has a blueprint of this name.
        """
        name = self._claim_name(app, options)
        first = all(known is not self for known in app.blueprints.values())
        app.blueprints[name] = self
        self._got_registered_once = True
        state = self.make_setup_state(app, options, first)
        if self.has_static_folder:
            state.add_url_rule(
                f"{self.static_url_path}/<path:filename>",
                view_func=self.send_static_file,  # type: ignore[attr-defined] # of the subclass
                endpoint="static",
            )
        self._merge_blueprint_funcs(app, name)
        for deferred in self.deferred_functions:
            deferred(state)
        self._register_commands(app, name, options)
        for blueprint, nested in self._blueprints:
            blueprint.register(app, nesting.nested_options(state, name, blueprint, nested))

    def _claim_name(self, app: App, options: dict[str, object]) -> str:
        """Return the dotted name of this registration, which must be unique in `app`."""
        own_name = options.get("name", self.name)
        name = f"{options.get('name_prefix', '')}.{own_name}".lstrip(".")
        holder = app.blueprints.get(name)
        if holder is not None:
            which = "this" if holder is self else "a different"
            where = "" if own_name == name else f" '{name}'"
            raise ValueError(
                f"The name '{own_name}' is already registered for {which} blueprint{where}."
                " Use 'name=' to provide a unique name."
            )
        return name

    def _merge_blueprint_funcs(self, app: App, name: str) -> None:
        """Copy hooks and error handlers to the registries of `app`, under `name`."""
        app.view_functions.update(self.view_functions)
        for cookie in self.declared_cookies.values():
            app._declare(cookie)
        for scope, handlers in self.error_handler_spec.items():
            app.error_handler_spec[nesting.scope_key(name, scope)] = defaultdict(
                dict, {code: dict(by_class) for code, by_class in handlers.items()}
            )
        _extend(app.before_request_funcs, self.before_request_funcs, name)
        _extend(app.after_request_funcs, self.after_request_funcs, name)
        _extend(app.teardown_request_funcs, self.teardown_request_funcs, name)
        _extend(app.url_default_functions, self.url_default_functions, name)
        _extend(app.url_value_preprocessors, self.url_value_preprocessors, name)
        _extend(app.template_context_processors, self.template_context_processors, name)
        merge_websocket_hooks(app, self, name)

    def _register_commands(self, app: App, name: str, options: dict[str, object]) -> None:
        """Add the blueprint's commands to those of `app`. Both are `cli` of subclasses, also of other frameworks."""
        own = cast("nesting.HasCommands", self).cli
        if own.commands:
            group = cast("str | None", options.get("cli_group", self.cli_group))
            nesting.add_commands(cast("nesting.HasCommands", app).cli, own, name if group is _sentinel else group)


def _extend(
    apps: dict[ft.AppOrBlueprintKey, list[type_vars.Entry]],
    own: dict[ft.AppOrBlueprintKey, list[type_vars.Entry]],
    name: str,
) -> None:
    """Add the functions of the blueprint `name` to one of the application's registries."""
    for scope, functions in own.items():
        apps.setdefault(nesting.scope_key(name, scope), []).extend(functions)


offer_flasks_names(__name__)
