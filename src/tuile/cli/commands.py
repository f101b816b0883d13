"""The commands run, shell, routes and secret, and the ``--version`` option."""

from __future__ import annotations

import os
import platform
import sys
import tokenize
import traceback
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from tuile.asgi import for_development
from tuile.globals import current_app
from tuile.keys.secret import new_key
from tuile.packages import installed_version
from tuile.shim.table import INTERFACE

from .inspecting import ask_inspector, inspector_option
from .option_types import CertParamType, SeparatedPathType, _validate_key
from .options import _debug_option, app_argument
from .script import pass_script_info, with_appcontext

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from typing import NoReturn

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from werkzeug.routing import Rule

    from tuile.app import Flask

    from .script import ScriptInfo


def get_version(ctx: click.Context, param: click.Parameter, value: object) -> None:  # noqa: ARG001 - click's signature of a callback
    """Print the versions that belong in a bug report, and exit."""
    if not value or ctx.resilient_parsing:
        return
    click.echo(
        f"Python {platform.python_version()}\n"
        f"Tuile {installed_version('tuile') or '(not installed, run from its source)'}\n"
        f"Flask {INTERFACE} (interface)\n"
        f"Werkzeug {installed_version('werkzeug')}",
        color=ctx.color,
    )
    ctx.exit()


version_option = click.Option(
    ["--version"],
    help="Show the versions of Python, Tuile and Werkzeug.",
    expose_value=False,
    callback=get_version,
    is_flag=True,
    is_eager=True,
)


def show_server_banner(debug: bool, app_import_path: str | None) -> None:
    """Print which application is served and whether debug mode is on, but not again after a reload."""
    from tuile import cli  # noqa: PLC0415 - it imports this module

    if cli.is_running_from_reloader():
        return
    if app_import_path is not None:
        click.echo(f" * Serving Flask app '{app_import_path}'")
    if debug is not None:
        click.echo(f" * Debug mode: {'on' if debug else 'off'}")


def explain_ignored_run() -> None:
    """Explain why ``app.run()`` did nothing while a command was loading the application."""
    from tuile import cli  # noqa: PLC0415 - it imports this module

    if cli.is_running_from_reloader():
        return
    click.secho(
        " * Ignoring a call to 'app.run()' that would block the current 'flask' CLI command.\n"
        "   Only call 'app.run()' in an 'if __name__ == \"__main__\"' guard.",
        fg="red",
    )


def _app_that_raises(error: Exception) -> WSGIApplication:
    loading = error.__traceback__

    def broken(environ: WSGIEnvironment, start_response: StartResponse) -> NoReturn:  # noqa: ARG001 - the WSGI signature
        # Without a copy, each request would add its frames to the same traceback.
        raise error.with_traceback(loading)

    return broken


@click.command("run", short_help="Run a development server.")
@app_argument
@click.option("--host", "-h", default="127.0.0.1", help="The interface to bind to.")
@click.option("--port", "-p", default=5000, help="The port to bind to.")
@click.option(
    "--cert",
    type=CertParamType(),
    help="Specify a certificate file to use HTTPS.",
    is_eager=True,
)
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, resolve_path=True),
    callback=_validate_key,
    expose_value=False,
    help="The key file to use when specifying a certificate.",
)
@click.option(
    "--reload/--no-reload",
    default=None,
    help="Restart when a source file changes. On by default in debug mode.",
)
@click.option(
    "--debugger/--no-debugger",
    default=None,
    help="Show a debugger for an exception. On by default in debug mode.",
)
@click.option(
    "--with-threads/--without-threads",
    default=True,
    help="Enable or disable multithreading.",
)
@click.option(
    "--extra-files",
    default=None,
    type=SeparatedPathType(),
    help=f"More files that cause a restart when they change, separated by {os.pathsep!r}.",
)
@click.option(
    "--exclude-patterns",
    default=None,
    type=SeparatedPathType(),
    help=f"Files that cause no restart when they change, as fnmatch patterns separated by {os.pathsep!r}.",
)
@click.option("--inspect", is_flag=True, help="Show what each request does, on a page that only this machine can see.")
@pass_script_info
def run_command(
    info: ScriptInfo,
    *,
    host: str,
    port: int,
    reload: bool | None,
    debugger: bool | None,
    with_threads: bool,
    cert: ssl.SSLContext | tuple[str, str | None] | Literal["adhoc"] | None,
    extra_files: list[str] | None,
    exclude_patterns: list[str] | None,
    inspect: bool,
) -> None:
    """Run a development server.

    APP is the application, as for '--app'.

    Do not use it in production: it is built neither for load nor for hostile clients. With
    '--debug' it restarts when a source file changes and shows a debugger.
    """
    from tuile import cli  # noqa: PLC0415 - it imports this module

    app: WSGIApplication
    try:
        app = info.load_app()
        _check_settings(app)
    except Exception as error:
        if not cli.is_running_from_reloader():
            raise
        # The reloader must keep running until the file is fixed. Until then, each request shows the error.
        traceback.print_exc()
        app = _app_that_raises(error)

    debug = cli.get_debug_flag()
    cli.show_server_banner(debug, info.app_import_path)
    reloads = debug if reload is None else reload
    inspected: AbstractContextManager[object] = nullcontext()
    if inspect:
        from .inspecting import start_inspector  # noqa: PLC0415 - only with this option

        inspected = start_inspector(app, info, reloads=reloads)
    elif debug:
        _mention_inspector()
    uses_debugger = debug if debugger is None else debugger
    debugging: AbstractContextManager[None] = nullcontext()
    if uses_debugger:
        from tuile.debugger import folding_libraries  # noqa: PLC0415 - only with a debugger

        debugging = folding_libraries()
    with inspected, debugging:
        cli.run_simple(
            host,
            port,
            _with_websockets(app),
            use_reloader=reloads,
            use_debugger=uses_debugger,
            threaded=with_threads,
            ssl_context=cert,
            extra_files=extra_files,
            exclude_patterns=exclude_patterns,
        )


def _mention_inspector() -> None:
    """Say how to see what happens to cookies, once, and not to those who have silenced the banner."""
    from tuile import cli  # noqa: PLC0415 - it imports this module

    if cli.show_server_banner is show_server_banner and not cli.is_running_from_reloader():
        click.echo(" * Inspector: add --inspect to see what each request does with cookies and the session")


def _with_websockets(app: WSGIApplication) -> WSGIApplication:
    """Return what the development server calls, so that it serves the WebSockets of an application as well."""
    called, hint = for_development(app)
    if hint:
        click.echo(f" * {hint}")
    return called


def _check_settings(app: Flask) -> None:
    """Check the settings before the first request does."""
    try:
        app._check_settings()
    except (RuntimeError, TypeError, ValueError) as error:
        raise click.ClickException(str(error)) from None


# So that "tuile run --debug" works as well as "tuile --debug run".
run_command.params.insert(0, _debug_option)


@click.command("shell", short_help="Run a shell in the app context.")
@with_appcontext
def shell_command() -> None:
    """Open an interactive Python shell inside the application's context.

    It has the names that the application's shell context processors return, and whatever
    PYTHONSTARTUP defines.
    """
    import code  # noqa: PLC0415 - only this command needs it

    names: dict[str, object] = {}
    startup = os.environ.get("PYTHONSTARTUP")
    if startup and Path(startup).is_file():
        with tokenize.open(startup) as file:
            program = compile(file.read(), startup, "exec", dont_inherit=True)
        exec(program, names)  # noqa: S102 - the user's own file
    names.update(current_app.make_shell_context())

    _complete_from(names)
    code.interact(
        banner=(
            f"Python {sys.version} on {sys.platform}\n"
            f"App: {current_app.import_name}\n"
            f"Instance: {current_app.instance_path}"
        ),
        local=names,
    )


def _complete_from(names: dict[str, object]) -> None:
    """Enable tab completion of `names` with the interpreter's hook for interactive sessions."""
    hook = getattr(sys, "__interactivehook__", None)
    if hook is None:  # python -I, or removed by a sitecustomize
        return
    try:
        import readline  # noqa: PLC0415 - missing on Windows
        import rlcompleter  # noqa: PLC0415 - needs readline
    except ImportError:
        pass
    else:
        # By default it completes from __main__, which is this program.
        readline.set_completer(rlcompleter.Completer(names).complete)
    hook()


@click.command("routes", short_help="Show the routes for the app.")
@click.option(
    "--sort",
    "-s",
    type=click.Choice(("endpoint", "methods", "domain", "rule", "match")),
    default="endpoint",
    help="Sort by this column, or by 'match': the order in which rules are tried.",
)
@click.option("--all-methods", is_flag=True, help="Show HEAD and OPTIONS methods.")
@click.option("--cost", is_flag=True, help="Show what requests to each endpoint spent their time on; see --inspector.")
@inspector_option
def routes_command(sort: str, all_methods: bool, cost: bool, inspector: str | None) -> None:
    """List every route with its endpoint and its methods.

    With '--cost', list the endpoints that a running 'tuile run --inspect' has recorded instead, with
    the time in hooks, view, template, session and framework, and why there is no fast path.
    """
    if cost:
        click.echo(ask_inspector(inspector, "costs.txt"), nl=False)
    else:
        _list_routes(sort, all_methods=all_methods)


@with_appcontext
def _list_routes(sort: str, *, all_methods: bool) -> None:
    """Print the routes of the application."""
    rules = list(current_app.url_map.iter_rules())
    if not rules:
        click.echo("No routes were registered.")
        return

    table = _route_columns(rules, all_methods, host_matching=current_app.url_map.host_matching)
    order: Iterable[int] = range(len(rules))
    if sort in table:  # not for "match", nor for "domain" if no rule has one
        order = sorted(order, key=table[sort][1].__getitem__)

    columns = [
        [heading, "-" * max(map(len, (heading, *cells))), *(cells[index] for index in order)]
        for heading, cells in table.values()
    ]
    widths = [len(column[1]) for column in columns]
    for row in zip(*columns, strict=True):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells))


def _route_columns(rules: list[Rule], all_methods: bool, *, host_matching: bool) -> dict[str, tuple[str, list[str]]]:
    """Map each value of ``--sort`` to the heading and the cells of its column."""
    hidden = frozenset() if all_methods else frozenset({"HEAD", "OPTIONS"})
    domains = [(rule.host if host_matching else rule.subdomain) or "" for rule in rules]
    table = {
        "endpoint": ("Endpoint", [str(rule.endpoint) for rule in rules]),
        "methods": (
            "Methods",
            [", ".join(sorted((rule.methods or frozenset()) - hidden)) for rule in rules],
        ),
    }
    if any(domains):
        table["domain"] = ("Host" if host_matching else "Subdomain", domains)
    table["rule"] = ("Rule", [rule.rule for rule in rules])
    return table


@click.command("secret", short_help="Print a new SECRET_KEY.")
def secret_command() -> None:
    """Print a random SECRET_KEY: 256 bits, as 64 hexadecimal digits.

    Keep it out of version control, and use a different one for each installation.
    """
    click.echo(new_key())
