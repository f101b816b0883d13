"""The command group sessions: list and end server-side sessions, remove expired ones, and check the store."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from tuile.globals import current_app
from tuile.sessions.stores import StoreUnavailable
from tuile.user_agent.tables import printable

from .groups import AppGroup

if TYPE_CHECKING:
    from collections.abc import Iterator

sessions_group = AppGroup("sessions", short_help="List and end sessions that are kept on the server.")


@contextmanager
def _errors_as_messages() -> Iterator[None]:
    """Report errors of the settings and the store as one-line messages instead of tracebacks."""
    try:
        yield
    except (RuntimeError, TypeError, ValueError, StoreUnavailable) as error:
        raise click.ClickException(str(error)) from None


@sessions_group.command("list")
@click.argument("user")
def list_command(user: str) -> None:
    """List the sessions of a user: handle, beginning, last use, end, address, device."""
    with _errors_as_messages():
        entries = current_app.sessions.of(user)
    for entry in entries:
        moments = (f"{moment:%Y-%m-%d %H:%M}" for moment in (entry.created, entry.seen, entry.expires))
        # Clients write these.
        client = map(printable, (entry.address or "-", entry.device or "-"))
        click.echo("  ".join([entry.handle, *moments, *client]))
    click.echo(f"{len(entries)} {'session' if len(entries) == 1 else 'sessions'} of {user!r}.", err=True)


@sessions_group.command("end")
@click.argument("handle", required=False)
@click.option("--user", help="End all sessions of this user.")
def end_command(handle: str | None, user: str | None) -> None:
    """End the session with a handle, or all sessions of a user. The browsers are logged out with their next request."""
    if (handle is None) == (user is None):
        raise click.UsageError("Give either a handle, as 'list' shows it, or --user.")
    with _errors_as_messages():
        ended = current_app.sessions.end_all(user) if handle is None else int(current_app.sessions.end(handle))
    if handle is not None and not ended:
        raise click.ClickException(f"There is no session {handle!r}.")
    click.echo(f"{ended} {'session' if ended == 1 else 'sessions'} ended.")


@sessions_group.command("sweep")
def sweep_command() -> None:
    """Remove all expired sessions. Each new session removes two of them, so this is seldom needed."""
    swept, limit = 0, 500
    with _errors_as_messages():
        while True:
            some = current_app.sessions.sweep(limit)
            swept += some
            if some < limit:
                break
    click.echo(f"{swept} {'session' if swept == 1 else 'sessions'} removed.")


@sessions_group.command("check")
def check_command() -> None:
    """Show where sessions are kept, and whether the store answers."""
    with _errors_as_messages():
        where = current_app.sessions.describe()
        current_app.sessions.check()
    click.echo(f"The store answers: {where}.")
