"""Blueprints: registrations that are recorded and applied to an application later."""

from __future__ import annotations

import typing as t

from .flask_names import offer_flasks_names
from .resources import HasResources
from .sansio.blueprints import Blueprint as SansioBlueprint
from .sansio.blueprints import BlueprintSetupState, DeferredSetupFunction
from .sansio.scaffold import _sentinel

if t.TYPE_CHECKING:
    import os

    from .sansio.app import App


__all__ = ["Blueprint", "BlueprintSetupState", "DeferredSetupFunction"]


class Blueprint(HasResources, SansioBlueprint):
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

    def __init__(
        self,
        name: str,
        import_name: str,
        static_folder: str | os.PathLike[str] | None = None,
        static_url_path: str | None = None,
        template_folder: str | os.PathLike[str] | None = None,
        url_prefix: str | None = None,
        subdomain: str | None = None,
        url_defaults: dict[str, t.Any] | None = None,
        root_path: str | None = None,
        cli_group: str | None = _sentinel,  # type: ignore[assignment] # None means something
    ) -> None:
        super().__init__(
            name,
            import_name,
            static_folder,
            static_url_path,
            template_folder,
            url_prefix,
            subdomain,
            url_defaults,
            root_path,
            cli_group,
        )

    def open_resource(self, resource: str, mode: str = "rb", encoding: str | None = "utf-8") -> t.IO[t.Any]:
        """Open a file below the blueprint's root path, as an application does; text is UTF-8 by default."""
        return super().open_resource(resource, mode, encoding)

    def _register_commands(self, app: App, name: str, options: dict[str, t.Any]) -> None:
        """Add the blueprint's commands to those of `app`."""
        # A group that was never used has no commands, and creating it would import click.
        if "cli" not in vars(self) and type(self).cli is HasResources.cli:
            return
        super()._register_commands(app, name, options)


offer_flasks_names(__name__)
