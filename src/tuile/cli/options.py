"""The options ``--env-file``, ``--app`` and ``--debug`` of every FlaskGroup."""

from __future__ import annotations

import os

import click
from click.core import ParameterSource

from .script import ScriptInfo


def _load_env_file(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    from tuile import cli  # noqa: PLC0415 - it imports this module

    if value is not None:
        try:
            import dotenv  # noqa: F401, PLC0415 - optional; only its presence matters
        except ImportError:
            raise click.BadParameter(
                "python-dotenv must be installed to load an env file.", ctx=ctx, param=param
            ) from None

    load_defaults = ctx.ensure_object(ScriptInfo).load_dotenv_defaults
    if value is not None or load_defaults:
        cli.load_dotenv(value, load_defaults=load_defaults)
    return value


def _remember_app(ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None:
        ctx.ensure_object(ScriptInfo).app_import_path = value
    return value


def _remember_app_argument(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    info = ctx.ensure_object(ScriptInfo)
    if info.create_app is not None:
        raise click.UsageError(f"This command has an application of its own: leave out {value!r}.", ctx)
    if value.endswith(".py") and not os.path.exists(value):
        raise click.BadParameter(f"there is no file {value!r} here.", ctx, param)
    return _remember_app(ctx, param, value)


def _export_debug(ctx: click.Context, param: click.Parameter, value: bool) -> bool | None:
    source = ctx.get_parameter_source(param.name or "")
    if source in {ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP}:
        # The option was not given, so a variable in the environment must keep its value.
        return None
    # Through the environment: a factory may read it before there is an application.
    os.environ["FLASK_DEBUG"] = "1" if value else "0"
    return value


# Eager and first, so that the file can set every other option.
_env_file_option = click.Option(
    ["-e", "--env-file"],
    type=click.Path(exists=True, dir_okay=False),
    help=(
        "Set environment variables from this file. It overrides '.env' and '.flaskenv', and"
        " is overruled by variables that are set already. Needs python-dotenv."
    ),
    is_eager=True,
    expose_value=False,
    callback=_load_env_file,
)

# Eager and before --help, which is eager too and lists the application's commands.
_app_option = click.Option(
    ["-A", "--app"],
    metavar="IMPORT",
    help=(
        "The Flask application or factory function to load, in the form 'module:name', where"
        " the module is a dotted name or a file. The name may be left out when it is 'app',"
        " 'application', 'create_app' or 'make_app'. A factory can be given arguments:"
        " 'name(args)'."
    ),
    is_eager=True,
    expose_value=False,
    callback=_remember_app,
)

#: The application as an argument, for the commands that serve it.
app_argument = click.argument(
    "app", required=False, metavar="[APP]", callback=_remember_app_argument, expose_value=False
)

_debug_option = click.Option(
    ["--debug/--no-debug"],
    help="Set debug mode.",
    expose_value=False,
    callback=_export_debug,
)
