"""The command prove, which compares Flask and Tuile by an application's own tests or by recorded requests."""

from __future__ import annotations

import json
import os
import shlex
import sys
from typing import TYPE_CHECKING

import click

from .exec_command import find_program

if TYPE_CHECKING:
    from tuile.proving.reports import Report


@click.command(
    "prove",
    short_help="Compare Flask and Tuile by the app's tests or by requests.",
    context_settings={"allow_interspersed_args": False},
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.option(
    "--requests", "har", type=click.Path(exists=True, dir_okay=False), help="Replay the requests of this HAR file."
)
@click.option("--app", "app", metavar="IMPORT", help="The application that answers them, as for 'tuile run'.")
@click.option("--host", metavar="HOST", help="Replay the requests to this host. Default: the one with the most.")
@click.option("--setup", metavar="COMMAND", help="Run this before each side's turn, to begin with the same data.")
@click.option("--repeats", type=click.IntRange(1, 100), default=3, show_default=True, help="How often each side runs.")
@click.option(
    "--times", type=click.IntRange(1, 10_000), default=20, show_default=True,
    help="How often a GET is called for its time, in each turn.",
)  # fmt: skip
@click.option(
    "--timeout", type=click.FloatRange(0.1), metavar="SECONDS",
    help="How long one run of the tests may take (default: 1800), or one request (default: 30).",
)  # fmt: skip
@click.option("--html", type=click.Path(dir_okay=False), help="Also write the report as HTML.")
@click.option("--json", "as_json", type=click.Path(dir_okay=False), help="Also write the report as JSON.")
@click.pass_context
def prove_command(
    ctx: click.Context, command: tuple[str, ...], *, har: str | None, app: str | None, host: str | None,
    setup: str | None, repeats: int, times: int, timeout: float | None, html: str | None, as_json: str | None,
) -> None:  # fmt: skip
    """Run an application on Flask and on Tuile, each in processes of its own, and report what differs.

    With a COMMAND, it runs the application's own tests, and compares them test by test. A
    command will do if it writes JUnit XML; for others than pytest, {junit} stands for the file:

    \b
        tuile prove -- pytest -q
        tuile prove -- python runner.py --junit {junit}

    With '--requests', it replays the requests that a browser or the inspector has exported,
    and compares status, headers, cookies and bodies, and the time of each endpoint:

    \b
        tuile prove --requests recorded.har --app shop:create_app

    The real Flask must be installed beside Tuile. The exit code is 0 if nothing differs, 1 if
    something does, and 2 if there was nothing to compare.
    """  # noqa: D301 - click wants the character
    from tuile.proving.sides import CannotCompare  # noqa: PLC0415 - only this command needs it

    if bool(command) == bool(har):
        raise click.UsageError("Give a test command, as in 'tuile prove -- pytest', or --requests FILE.")
    made_by = shlex.join(["tuile", "prove", *_arguments(ctx)])
    try:
        report = (
            _suite(command, repeats, timeout, made_by)
            if har is None
            else _requests(ctx, har, app, host, setup, repeats, times, timeout, made_by)
        )
    except CannotCompare as error:
        click.secho(f"Error: {error}", err=True, fg="red")
        ctx.exit(2)
    _write(report, html, as_json)
    ctx.exit(1 if report.differences else 0)


def _arguments(ctx: click.Context) -> list[str]:
    """Return the arguments as they were typed."""
    words = sys.argv[1:]
    return words[words.index("prove") + 1 :] if "prove" in words else list(ctx.params.get("command") or ())


def _suite(command: tuple[str, ...], repeats: int, timeout: float | None, made_by: str) -> Report:
    from tuile.proving.suites import prove_suite  # noqa: PLC0415 - only this command needs it

    return prove_suite(
        find_program(command),
        called=shlex.join(command),
        repeats=repeats,
        timeout_s=timeout or 1800,
        made_by=made_by,
        tell=_tell,
    )


def _requests(
    ctx: click.Context, har: str, app: str | None, host: str | None, setup: str | None, repeats: int, times: int,
    timeout: float | None, made_by: str,
) -> Report:  # fmt: skip
    from tuile.proving.replaying import prove_requests  # noqa: PLC0415 - only this command needs it
    from tuile.proving.turns import Replay  # noqa: PLC0415 - as above

    from .script import ScriptInfo  # noqa: PLC0415 - as above

    info = ctx.find_object(ScriptInfo)
    app = app or (info.app_import_path if info is not None else None) or os.environ.get("FLASK_APP")
    replay = Replay(
        har=har,
        app=app,
        host=host,
        setup=setup,
        repeats=repeats,
        times=times,
        timeout_s=timeout or 30,
    )
    return prove_requests(replay, made_by=made_by, tell=_tell)


def _tell(text: str) -> None:
    click.echo(text, err=True)


def _write(report: Report, html: str | None, as_json: str | None) -> None:
    from tuile.proving.reports import as_data, as_html, as_text  # noqa: PLC0415 - only this command needs it

    click.echo(as_text(report), nl=False)
    for path, text in (
        (html, html and as_html(report)),
        (as_json, as_json and json.dumps(as_data(report), indent=2) + "\n"),
    ):
        if path is not None:
            try:
                with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
                    file.write(text or "")
            except OSError as error:
                message = f"{path} cannot be written: {error.strerror}."
                raise click.ClickException(message) from None
