"""Click groups whose commands have access to the application."""

from __future__ import annotations

import importlib.metadata
import os
import traceback
from typing import TYPE_CHECKING, Any, cast

import click

from tuile.ctx.functions import has_app_context
from tuile.globals import app_ctx

from .commands import routes_command, run_command, shell_command, version_option
from .finding import NoAppException
from .options import _app_option, _debug_option, _env_file_option
from .script import ScriptInfo, with_appcontext

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuile.app import Flask

_PLUGIN_GROUPS = ("flask.commands", "tuile.commands")


class AppGroup(click.Group):
    """A click group whose commands run in the application's context."""

    def command(  # type: ignore[override]  # click's overloads also know the bare decorator
        self, *args: Any, **kwargs: Any
    ) -> Callable[[Callable[..., object]], click.Command]:
        """Register a function as a command, wrapped in `with_appcontext`.

        ``with_appcontext=False`` leaves the function unwrapped. Other arguments are click's.
        """
        wrap = kwargs.pop("with_appcontext", True)
        register = cast("Callable[[Callable[..., object]], click.Command]", super().command(*args, **kwargs))

        def decorate(f: Callable[..., object]) -> click.Command:
            return register(with_appcontext(f) if wrap else f)

        return decorate

    def group(  # type: ignore[override]  # as above
        self, *args: Any, **kwargs: object
    ) -> Callable[[Callable[..., object]], click.Group]:
        """Register a function as a group, an AppGroup unless ``cls`` is given."""
        kwargs.setdefault("cls", AppGroup)
        return cast("Callable[[Callable[..., object]], click.Group]", super().group(*args, **kwargs))


class FlaskGroup(AppGroup):
    """A group that loads an application and adds the application's commands to its own.

    The ``tuile`` command is one. Use another one for a script of your own project: ``FlaskGroup(name="wiki",
    create_app=create_app)``.

    Args:
        add_default_commands: Whether to add run, shell and routes.
        create_app: A function without arguments that returns the application. ``--app`` is ignored if it is given.
        add_version_option: Whether to add ``--version``.
        load_dotenv: Whether to load ``.env`` and ``.flaskenv``; see `load_dotenv`.
        set_debug_flag: Whether ``--debug`` and ``FLASK_DEBUG`` set ``app.debug``.
        extra: Passed to click.Group. Every option can be set by a ``FLASK_...`` variable, unless ``context_settings``
            has another prefix.
    """

    def __init__(
        self,
        add_default_commands: bool = True,
        create_app: Callable[..., Flask] | None = None,
        add_version_option: bool = True,
        load_dotenv: bool = True,
        set_debug_flag: bool = True,
        **extra: Any,
    ) -> None:
        # These options have callbacks of their own, so that users can set the group's callback.
        params = [*(extra.pop("params", None) or ()), _env_file_option, _app_option, _debug_option]
        if add_version_option:
            params.append(version_option)
        extra.setdefault("context_settings", {}).setdefault("auto_envvar_prefix", "FLASK")
        super().__init__(params=params, **extra)

        self.create_app = create_app
        self.load_dotenv = load_dotenv
        self.set_debug_flag = set_debug_flag
        self._loaded_plugin_commands = False
        if add_default_commands:
            for command in (run_command, shell_command, routes_command):
                self.add_command(command)

    def _load_plugin_commands(self) -> None:
        if self._loaded_plugin_commands:
            return
        for group in _PLUGIN_GROUPS:
            for entry_point in importlib.metadata.entry_points(group=group):
                self.add_command(entry_point.load(), entry_point.name)
        self._loaded_plugin_commands = True

    def get_command(  # pyright: ignore[reportIncompatibleMethodOverride] # `name` as in Flask; click says `cmd_name`
        self, ctx: click.Context, name: str
    ) -> click.Command | None:
        """Return a command: the group's own, a plugin's, or the application's.

        The first two need no application. For the third, the application's context is entered, so that callbacks of
        parameters can use it.
        """
        self._load_plugin_commands()
        command = super().get_command(ctx, name)
        if command is not None:
            return command

        try:
            app = ctx.ensure_object(ScriptInfo).load_app()
        except NoAppException as error:
            _echo_in_red(f"Error: {error.format_message()}")
            return None
        if not has_app_context() or app_ctx.app is not app:
            ctx.with_resource(app.app_context())
        return app.cli.get_command(ctx, name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted.

        If the application cannot be loaded, print the reason and leave out its commands.
        """
        self._load_plugin_commands()
        names = set(super().list_commands(ctx))
        try:
            names.update(ctx.ensure_object(ScriptInfo).load_app().cli.list_commands(ctx))
        except NoAppException as error:
            _echo_in_red(f"Error: {error.format_message()}")
        except Exception:  # noqa: BLE001 - help is printed whatever the user's module raises
            _echo_in_red(traceback.format_exc())
        return sorted(names)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: object,
    ) -> click.Context:
        """Parse `args` into a context, with a ScriptInfo unless one is given."""
        # Makes app.run() a no-op: without the usual guard at the end of a module, it would serve
        # during the import, and the command would never run.
        os.environ["FLASK_RUN_FROM_CLI"] = "true"
        if "obj" not in extra and "obj" not in self.context_settings:
            extra["obj"] = ScriptInfo(
                create_app=self.create_app,
                set_debug_flag=self.set_debug_flag,
                load_dotenv_defaults=self.load_dotenv,
            )
        return super().make_context(info_name, args, parent=parent, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse `args`. Without arguments or with ``--help``, load the application's options first.

        click prints the help before it reads environment variables, so the list would lack the application's commands.
        """
        bare = not args and self.no_args_is_help
        if bare or (len(args) == 1 and args[0] in self.get_help_option_names(ctx)):
            for option in (_env_file_option, _app_option):
                option.handle_parse_result(ctx, {}, [])
        try:
            return super().parse_args(ctx, args)
        except BaseException:
            # Listing the commands has entered the application's context, and click closes only contexts
            # that it passes on.
            ctx.close()
            raise


def _echo_in_red(text: str) -> None:
    click.secho(f"{text}\n", err=True, fg="red")
