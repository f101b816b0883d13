"""What a blueprint records: functions to call once there is an application.

Floor 4 (what is registered).

Lives here: `Recording`, the part of a blueprint that takes down what is for the application
to do, and `BlueprintSetupState`, which is one replay on one application.
Does not live here: the replay's order and what nests in what (blueprints), the registries
(scaffold).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, TypeVar

from .. import typing as ft
from .scaffold import (
    Scaffold,
    T_after_request,
    T_before_request,
    T_error_handler,
    T_teardown,
    T_template_context_processor,
    T_url_defaults,
    T_url_value_preprocessor,
    _endpoint_from_view_func,
    setupmethod,
)

if TYPE_CHECKING:
    from ..app import Flask
    from ..blueprints import Blueprint

DeferredSetupFunction = Callable[["BlueprintSetupState"], None]
T_template_filter = TypeVar("T_template_filter", bound=ft.TemplateFilterCallable)
T_template_global = TypeVar("T_template_global", bound=ft.TemplateGlobalCallable)
T_template_test = TypeVar("T_template_test", bound=ft.TemplateTestCallable)
_Hook = TypeVar("_Hook", bound=Callable[..., Any])


def _below(prefix: str, path: str) -> str:
    """The URL path `path` below `prefix`, with one slash where they meet."""
    return f"{prefix.rstrip('/')}/{path.lstrip('/')}"


class BlueprintSetupState:
    """One registration of a blueprint: what recorded functions receive.

    app: the application that is registered on.
    blueprint: the blueprint that is registered.
    options: the keyword arguments of `register_blueprint`.
    first_registration: whether the application did not know this blueprint before.
    """

    def __init__(self, blueprint: Blueprint, app: Flask, options: Any, first_registration: bool) -> None:
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
        """Add a rule to the application, with the blueprint's prefixes and defaults."""
        if self.url_prefix is not None:
            # An empty rule is the prefix as it is, without a slash behind.
            rule = _below(self.url_prefix, rule) if rule else self.url_prefix
        if endpoint is None:
            endpoint = _endpoint_from_view_func(view_func)
        options.setdefault("subdomain", self.subdomain)
        defaults = {**self.url_defaults, **options.pop("defaults", {})}
        full_name = f"{self.name_prefix}.{self.name}.{endpoint}".lstrip(".")
        self.app.add_url_rule(rule, full_name, view_func, defaults=defaults, **options)


class Recording(Scaffold):
    """A scaffold that takes down what it cannot do before there is an application."""

    deferred_functions: list[DeferredSetupFunction]

    @setupmethod
    def record(self, func: DeferredSetupFunction) -> None:
        """Call `func(state)` at each registration of this blueprint."""
        self.deferred_functions.append(func)

    @setupmethod
    def record_once(self, func: DeferredSetupFunction) -> None:
        """Call `func(state)` at an application's first registration of this blueprint."""

        def once(state: BlueprintSetupState) -> None:
            if state.first_registration:
                func(state)

        self.record(update_wrapper(once, func))

    def _record_hook(self, registry: str, f: _Hook) -> _Hook:
        """Put `f` among the hooks that the application runs for every request."""

        def register(state: BlueprintSetupState) -> None:
            getattr(state.app, registry).setdefault(None, []).append(f)

        self.record_once(register)
        return f

    def _record_for_templates(self, table: str, f: Callable[..., Any], name: str | None) -> None:
        """Put `f` in a table of the application's template environment."""

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
        **options: Any,
    ) -> None:
        """Record a rule; the blueprint's prefix goes before it, its name before the endpoint.

        Raises ValueError when the endpoint's or the view's name has a dot in it.
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

    # Registering on the whole application

    @setupmethod
    def app_template_filter(self, name: str | None = None) -> Callable[[T_template_filter], T_template_filter]:
        """Decorate a filter for every template; it has the function's name by default."""

        def decorator(f: T_template_filter) -> T_template_filter:
            self.add_app_template_filter(f, name=name)
            return f

        return decorator

    @setupmethod
    def add_app_template_filter(self, f: ft.TemplateFilterCallable, name: str | None = None) -> None:
        """Add a filter for every template; it has the function's name by default."""
        self._record_for_templates("filters", f, name)

    @setupmethod
    def app_template_test(self, name: str | None = None) -> Callable[[T_template_test], T_template_test]:
        """Decorate a test for every template; it has the function's name by default."""

        def decorator(f: T_template_test) -> T_template_test:
            self.add_app_template_test(f, name=name)
            return f

        return decorator

    @setupmethod
    def add_app_template_test(self, f: ft.TemplateTestCallable, name: str | None = None) -> None:
        """Add a test for every template; it has the function's name by default."""
        self._record_for_templates("tests", f, name)

    @setupmethod
    def app_template_global(self, name: str | None = None) -> Callable[[T_template_global], T_template_global]:
        """Decorate a global of every template; it has the function's name by default."""

        def decorator(f: T_template_global) -> T_template_global:
            self.add_app_template_global(f, name=name)
            return f

        return decorator

    @setupmethod
    def add_app_template_global(self, f: ft.TemplateGlobalCallable, name: str | None = None) -> None:
        """Add a global to every template; it has the function's name by default."""
        self._record_for_templates("globals", f, name)

    @setupmethod
    def before_app_request(self, f: T_before_request) -> T_before_request:
        """As `before_request`, for every request of the application."""
        return self._record_hook("before_request_funcs", f)

    @setupmethod
    def after_app_request(self, f: T_after_request) -> T_after_request:
        """As `after_request`, for every request of the application."""
        return self._record_hook("after_request_funcs", f)

    @setupmethod
    def teardown_app_request(self, f: T_teardown) -> T_teardown:
        """As `teardown_request`, for every request of the application."""
        return self._record_hook("teardown_request_funcs", f)

    @setupmethod
    def app_context_processor(self, f: T_template_context_processor) -> T_template_context_processor:
        """As `context_processor`, for every template of the application."""
        return self._record_hook("template_context_processors", f)

    @setupmethod
    def app_url_value_preprocessor(self, f: T_url_value_preprocessor) -> T_url_value_preprocessor:
        """As `url_value_preprocessor`, for every request of the application."""
        return self._record_hook("url_value_preprocessors", f)

    @setupmethod
    def app_url_defaults(self, f: T_url_defaults) -> T_url_defaults:
        """As `url_defaults`, for every URL that the application builds."""
        return self._record_hook("url_default_functions", f)

    @setupmethod
    def app_errorhandler(self, code: type[Exception] | int) -> Callable[[T_error_handler], T_error_handler]:
        """As `errorhandler`, for every request of the application."""

        def decorator(f: T_error_handler) -> T_error_handler:
            def register(state: BlueprintSetupState) -> None:
                state.app.errorhandler(code)(f)

            self.record_once(register)
            return f

        return decorator
