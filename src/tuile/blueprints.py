"""Blueprints: registrations that are recorded and applied to an application later."""

from __future__ import annotations

from collections import defaultdict
from functools import reduce
from typing import IO, TYPE_CHECKING, Any, AnyStr

from .flask_names import offer_flasks_names
from .sansio.blueprints import Blueprint as SansioBlueprint
from .sansio.blueprints import BlueprintSetupState, DeferredSetupFunction, _below
from .sansio.scaffold import Scaffold, _sentinel, setupmethod

if TYPE_CHECKING:
    import os

    from .app import Flask

__all__ = ["Blueprint", "BlueprintSetupState", "DeferredSetupFunction"]


class Blueprint(SansioBlueprint):
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
        cli_group: The name of the group of the blueprint's commands; by default the name of the blueprint. None: they
            are added to the application's commands.

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
        cli_group: str | None = _sentinel,  # type: ignore[assignment] # None means something
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
        self._blueprints: list[tuple[Blueprint, dict[str, Any]]] = []

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

    def open_resource(self, resource: str, mode: str = "rb", encoding: str | None = "utf-8") -> IO[AnyStr]:
        """Open a file below the blueprint's root path, as `Scaffold` does; text is UTF-8 by default."""
        return super().open_resource(resource, mode, encoding)

    # Registration

    def make_setup_state(
        self, app: Flask, options: dict[str, Any], first_registration: bool = False
    ) -> BlueprintSetupState:
        """Return the object that recorded functions receive. Override it to pass them more."""
        return BlueprintSetupState(self, app, options, first_registration)

    @setupmethod
    def register_blueprint(self, blueprint: Blueprint, **options: Any) -> None:
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

    def register(self, app: Flask, options: dict[str, Any]) -> None:
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
                view_func=self.send_static_file,
                endpoint="static",
            )
        self._merge_blueprint_funcs(app, name)
        for deferred in self.deferred_functions:
            deferred(state)
        self._hand_over_commands(app, name, options)
        for blueprint, nested in self._blueprints:
            blueprint.register(app, _nested_options(state, name, blueprint, nested))

    def _claim_name(self, app: Flask, options: dict[str, Any]) -> str:
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

    def _merge_blueprint_funcs(self, app: Flask, name: str) -> None:
        """Copy hooks and error handlers to the registries of `app`, under `name`."""
        app.view_functions.update(self.view_functions)
        for cookie in self.declared_cookies.values():
            app._declare(cookie)
        for scope, handlers in self.error_handler_spec.items():
            app.error_handler_spec[_scoped(name, scope)] = defaultdict(
                dict, {code: dict(by_class) for code, by_class in handlers.items()}
            )
        registries: list[tuple[dict[Any, list[Any]], dict[Any, list[Any]]]] = [
            (self.before_request_funcs, app.before_request_funcs),
            (self.after_request_funcs, app.after_request_funcs),
            (self.teardown_request_funcs, app.teardown_request_funcs),
            (self.url_default_functions, app.url_default_functions),
            (self.url_value_preprocessors, app.url_value_preprocessors),
            (self.template_context_processors, app.template_context_processors),
        ]
        for own, apps in registries:
            for scope, functions in own.items():
                apps.setdefault(_scoped(name, scope), []).extend(functions)

    def _hand_over_commands(self, app: Flask, name: str, options: dict[str, Any]) -> None:
        """Add the blueprint's commands to those of `app`."""
        # A group that was never used has no commands, and creating it would import click.
        if "cli" not in vars(self) and type(self).cli is Scaffold.cli:
            return
        if not self.cli.commands:
            return
        group = options.get("cli_group", self.cli_group)
        if group is None:
            app.cli.commands.update(self.cli.commands)
            return
        self.cli.name = name if group is _sentinel else group
        app.cli.add_command(self.cli)


def _scoped(name: str, scope: str | None) -> str:
    """Return the key of a scope of the blueprint `name` in the application's registries."""
    return name if scope is None else f"{name}.{scope}"


def _nested_options(
    state: BlueprintSetupState, name: str, blueprint: Blueprint, options: dict[str, Any]
) -> dict[str, Any]:
    """Return the options for registering a blueprint that is nested in the one of `state`."""
    subdomain = options.get("subdomain")
    if subdomain is None:
        subdomain = blueprint.subdomain
    url_prefix = options.get("url_prefix")
    if url_prefix is None:
        url_prefix = blueprint.url_prefix

    merged = {**options, "name_prefix": name}
    domains = [part for part in (subdomain, state.subdomain) if part is not None]
    if domains:
        merged["subdomain"] = ".".join(domains)
    prefixes = [part for part in (state.url_prefix, url_prefix) if part is not None]
    if prefixes:
        merged["url_prefix"] = reduce(_below, prefixes)
    return merged


offer_flasks_names(__name__)
