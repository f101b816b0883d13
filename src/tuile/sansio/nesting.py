"""Compute names, prefixes, options and commands of blueprints that are registered on an app or in another blueprint."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from click import Group

    from .blueprints import Blueprint, BlueprintSetupState

    class HasCommands(Protocol):
        """An app or a blueprint of a class with IO, also of other frameworks."""

        @property
        def cli(self) -> Group:
            """The group of its commands."""
            ...


def join_prefix(prefix: str, path: str) -> str:
    """Join a URL prefix and a path with exactly one slash."""
    return f"{prefix.rstrip('/')}/{path.lstrip('/')}"


def scope_key(name: str, scope: str | None) -> str:
    """Return the key of a scope of the blueprint `name` in the application's registries."""
    return name if scope is None else f"{name}.{scope}"


def nested_options(
    state: BlueprintSetupState, name: str, blueprint: Blueprint, options: dict[str, Any]
) -> dict[str, object]:
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
        merged["url_prefix"] = reduce(join_prefix, prefixes)
    return merged


def add_commands(commands: Group, own: Group, name: str | None) -> None:
    """Add the commands of a blueprint to the application's: as a group of this name, or one by one."""
    if name is None:
        commands.commands.update(own.commands)
        return
    own.name = name
    commands.add_command(own)
