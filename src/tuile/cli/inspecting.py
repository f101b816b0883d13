"""What the command line does with the inspector: start it beside a development server, and ask one that runs."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from .script import ScriptInfo

#: The variable of the environment with the address of the inspector, for the commands that ask it.
ADDRESS = "TUILE_INSPECTOR"
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
_TIMEOUT_S = 10

#: The option of the commands that ask an inspector.
inspector_option = click.option(
    "--inspector",
    envvar=ADDRESS,
    metavar="ADDRESS",
    help=f"The address that 'tuile run --inspect' has printed. Default: the variable {ADDRESS}.",
)


def start_inspector(app: object, info: ScriptInfo, *, reloads: bool) -> AbstractContextManager[object]:
    """Inspect an application until the context ends, and print where to see it.

    Args:
        app: The application.
        info: How it was loaded.
        reloads: Whether the server restarts in other processes, so that this one serves nothing itself.
    """
    from tuile import cli  # noqa: PLC0415 - it imports this module
    from tuile.app import Flask  # noqa: PLC0415 - as above
    from tuile.inspector.server import Inspector, inherited_address  # noqa: PLC0415 - only with this option

    address = inherited_address()
    if not cli.is_running_from_reloader():
        click.echo(f" * Inspector: {address}")
        click.echo(
            "   Only this machine can see it, and only at this address. It keeps the last 200 requests in memory."
        )
    if isinstance(app, Flask) and (cli.is_running_from_reloader() or not reloads):
        return Inspector(app, address, info.app_import_path)
    return nullcontext()


def ask_inspector(address: str | None, page: str) -> str:
    """Return a page of a running inspector, as text.

    Args:
        address: Its address; None if it was not given.
        page: The part of the URL behind the address.

    Raises:
        click.ClickException: If there is no such inspector or no such page.
    """
    if not address:
        raise click.UsageError(
            f"Which inspector? 'tuile run --inspect' prints its address: give it with --inspector, or as {ADDRESS}."
        )
    from http.client import HTTPConnection, HTTPException  # noqa: PLC0415 - only to ask

    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme != "http" or parts.hostname not in _LOCAL or port is None or not parts.path.strip("/"):
        raise click.UsageError(f"The address of an inspector is http://127.0.0.1:PORT/TOKEN/, not {address!r}.")
    connection = HTTPConnection(parts.hostname, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", f"/{parts.path.strip('/')}/{page}")
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace")
    except (OSError, HTTPException) as error:
        raise click.ClickException(f"No inspector answers at {address}: {error}.") from None
    finally:
        connection.close()
    if response.status != 200:
        raise click.ClickException(f"The inspector answers {response.status}: {text.strip()}")
    return text
