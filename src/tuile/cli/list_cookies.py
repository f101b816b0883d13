"""The command cookies, which lists the cookies that an application has declared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from tuile.cookie.declared import life
from tuile.cookie.findings import FLAGS
from tuile.ctx.cookie_defaults import are_secure, host_name, is_https
from tuile.globals import current_app
from tuile.sessions.interface import cookie_attributes

from .script import with_appcontext

if TYPE_CHECKING:
    from tuile.app import Flask
    from tuile.cookie.declared import DeclaredCookie


@click.command("cookies", short_help="List the cookies that the app declares.")
@click.option("--json", "as_json", is_flag=True, help="Print all details as a JSON array.")
@with_appcontext
def cookies_command(as_json: bool) -> None:
    """List the declared cookies and the session's: purpose, lifetime, attributes, and where each is declared.

    This is what a privacy page needs. Cookies that are set without a declaration are not listed.
    """
    rows = [_declared_row(current_app, cookie) for _, cookie in sorted(current_app.declared_cookies.items())]
    rows.extend(_session_row(current_app))
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif not rows:
        click.echo("No cookies are declared. Write: theme = app.cookie('theme', default='light', purpose='...')")
    for row in () if as_json else rows:
        click.echo(click.style(row["name"], bold=True))
        for heading, text in (
            ("Purpose", row["purpose"] or "(none given)"),
            ("Life", row["life"]),
            ("Attributes", _attributes(row)),
            ("Declared", row["declared_at"]),
        ):
            click.echo(f"  {heading:<12}{text}")


def _declared_row(app: Flask, cookie: DeclaredCookie[object]) -> dict[str, object]:
    """Return the row of a declared cookie, as `COOKIE_DEFAULTS` has it for the `PREFERRED_URL_SCHEME`."""
    row: dict[str, object] = cookie.describe()
    if cookie._secure is None and are_secure(app) and is_https(app):
        attributes = cookie.attributes.attributes
        row.update(secure=True, name=host_name(cookie.name, attributes.path, str(attributes.domain or ""), secure=True))
    return row


def _session_row(app: Flask) -> list[dict[str, object]]:
    """Return the row of the session cookie; an empty list if there is no key to sign it."""
    if not app.secret_key:
        return []
    interface = app.session_interface
    lasting = int(app.permanent_session_lifetime.total_seconds())
    return [
        {
            "name": interface.get_cookie_name(app),
            "purpose": "Keeps the user's data between requests, such as who is logged in.",
            "max_age": None,
            "life": f"{life(None)}, or {life(lasting)} where session.permanent is set",
            **cookie_attributes(interface, app)._asdict(),
            "protection": "encrypted" if app.config.get("SESSION_ENCRYPT") else "signed",
            "type": "session",
            "choices": None,
            "declared_at": "configuration, SESSION_COOKIE_...",
        }
    ]


def _attributes(row: dict[str, object]) -> str:
    parts = [f"Path={row['path']}"]
    if row["domain"]:
        parts.append(f"Domain={row['domain']}")
    parts.extend(word for flag, word in FLAGS.items() if row[flag])
    if row["samesite"]:
        parts.append(f"SameSite={row['samesite']}")
    if row["protection"]:
        parts.append(str(row["protection"]))
    return ", ".join(parts)
