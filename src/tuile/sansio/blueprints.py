"""Record registrations for an application that does not exist yet, and apply them."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, TypeVar

from .. import typing as ft
from ..flask_names import offer_flasks_names
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
    from ..blueprints import Blueprint as WholeBlueprint

DeferredSetupFunction = Callable[["BlueprintSetupState"], None]
T_template_filter = TypeVar("T_template_filter", bound=ft.TemplateFilterCallable)
T_template_global = TypeVar("T_template_global", bound=ft.TemplateGlobalCallable)
T_template_test = TypeVar("T_template_test", bound=ft.TemplateTestCallable)
_Hook = TypeVar("_Hook", bound=Callable[..., Any])


def _below(prefix: str, path: str) -> str:
    """Join a URL prefix and a path with exactly one slash."""
    return f"{prefix.rstrip('/')}/{path.lstrip('/')}"


class BlueprintSetupState:
    """One registration of a blueprint. Recorded functions receive it as their argument.

    Attributes:
        app: The application.
        blueprint: The blueprint.
        options: The keyword arguments of `register_blueprint`.
        first_registration: Whether the blueprint is registered on this application for the first time.
    """

    def __init__(self, blueprint: WholeBlueprint, app: Flask, options: Any, first_registration: bool) -> None:
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
            rule = _below(self.url_prefix, rule) if rule else self.url_prefix
        if endpoint is None:
            endpoint = _endpoint_from_view_func(view_func)
        options.setdefault("subdomain", self.subdomain)
        defaults = {**self.url_defaults, **options.pop("defaults", {})}
        full_name = f"{self.name_prefix}.{self.name}.{endpoint}".lstrip(".")
        self.app.add_url_rule(rule, full_name, view_func, defaults=defaults, **options)


class Blueprint(Scaffold):
    """A scaffold that records what it cannot do before there is an application."""

    deferred_functions: list[DeferredSetupFunction]

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

    def _record_hook(self, registry: str, f: _Hook) -> _Hook:
        """Record a hook that the application runs for all requests."""

        def register(state: BlueprintSetupState) -> None:
            getattr(state.app, registry).setdefault(None, []).append(f)

        self.record_once(register)
        return f

    def _record_for_templates(self, table: str, f: Callable[..., Any], name: str | None) -> None:
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
        **options: Any,
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
    def app_template_filter(self, name: str | None = None) -> Callable[[T_template_filter], T_template_filter]:
        """Decorate a function as a filter for all templates, by default under its own name."""

        def decorator(f: T_template_filter) -> T_template_filter:
            self.add_app_template_filter(f, name=name)
            return f

        return decorator

    @setupmethod
    def add_app_template_filter(self, f: ft.TemplateFilterCallable, name: str | None = None) -> None:
        """Add a filter for all templates, by default under the name of the function."""
        self._record_for_templates("filters", f, name)

    @setupmethod
    def app_template_test(self, name: str | None = None) -> Callable[[T_template_test], T_template_test]:
        """Decorate a function as a test for all templates, by default under its own name."""

        def decorator(f: T_template_test) -> T_template_test:
            self.add_app_template_test(f, name=name)
            return f

        return decorator

    @setupmethod
    def add_app_template_test(self, f: ft.TemplateTestCallable, name: str | None = None) -> None:
        """Add a test for all templates, by default under the name of the function."""
        self._record_for_templates("tests", f, name)

    @setupmethod
    def app_template_global(self, name: str | None = None) -> Callable[[T_template_global], T_template_global]:
        """Decorate a function as a global of all templates, by default under its own name."""

        def decorator(f: T_template_global) -> T_template_global:
            self.add_app_template_global(f, name=name)
            return f

        return decorator

    @setupmethod
    def add_app_template_global(self, f: ft.TemplateGlobalCallable, name: str | None = None) -> None:
        """Add a global for all templates, by default under the name of the function."""
        self._record_for_templates("globals", f, name)

    @setupmethod
    def before_app_request(self, f: T_before_request) -> T_before_request:
        """Register `f` like `before_request`, for all requests of the application."""
        return self._record_hook("before_request_funcs", f)

    @setupmethod
    def after_app_request(self, f: T_after_request) -> T_after_request:
        """Register `f` like `after_request`, for all requests of the application."""
        return self._record_hook("after_request_funcs", f)

    @setupmethod
    def teardown_app_request(self, f: T_teardown) -> T_teardown:
        """Register `f` like `teardown_request`, for all requests of the application."""
        return self._record_hook("teardown_request_funcs", f)

    @setupmethod
    def app_context_processor(self, f: T_template_context_processor) -> T_template_context_processor:
        """Register `f` like `context_processor`, for all templates of the application."""
        return self._record_hook("template_context_processors", f)

    @setupmethod
    def app_url_value_preprocessor(self, f: T_url_value_preprocessor) -> T_url_value_preprocessor:
        """Register `f` like `url_value_preprocessor`, for all requests of the application."""
        return self._record_hook("url_value_preprocessors", f)

    @setupmethod
    def app_url_defaults(self, f: T_url_defaults) -> T_url_defaults:
        """Register `f` like `url_defaults`, for all URLs that the application builds."""
        return self._record_hook("url_default_functions", f)

    @setupmethod
    def app_errorhandler(self, code: type[Exception] | int) -> Callable[[T_error_handler], T_error_handler]:
        """Register a handler like `errorhandler`, for all requests of the application."""

        def decorator(f: T_error_handler) -> T_error_handler:
            def register(state: BlueprintSetupState) -> None:
                state.app.errorhandler(code)(f)

            self.record_once(register)
            return f

        return decorator


offer_flasks_names(__name__)
