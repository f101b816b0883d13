"""The command cookies, which lists the cookies that an application and its extensions have declared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from tuile.cookie.findings import FLAGS
from tuile.cookie.inventory import list_cookies
from tuile.globals import current_app

from .script import with_appcontext

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.command("cookies", short_help="List the cookies that the app declares.")
@click.option("--json", "as_json", is_flag=True, help="Print all details as a JSON array.")
@click.option("--html", "as_html", is_flag=True, help="Print a table for a privacy page.")
@with_appcontext
def cookies_command(as_json: bool, as_html: bool) -> None:
    """List the declared cookies, the session's, and those of extensions: what a privacy page needs.

    That is purpose, category, lifetime, provider, attributes, and where each is declared. Cookies that are set without
    a declaration are not listed; in tests, the setting COOKIE_UNDECLARED finds them.
    """
    rows = list_cookies(current_app)
    if as_json or as_html:
        click.echo("\n".join(_html(rows)) if as_html else json.dumps(rows, indent=2))
        return
    if not rows:
        click.echo("No cookies are declared. Write: theme = app.cookie('theme', default='light', purpose='...')")
    for row in rows:
        click.echo(click.style(str(row["name"]), bold=True))
        for heading, text in (
            ("Purpose", row["purpose"] or "(none given)"),
            ("Category", row["category"]),
            ("Life", row["life"]),
            ("Set by", row["provider"] or "this site"),
            ("Attributes", _attributes(row)),
            ("Declared", row["declared_at"]),
        ):
            click.echo(f"  {heading:<12}{text}")


_HEADINGS = ("Cookie", "What it is for", "Stored", "Set by", "Protection")


def _html(rows: list[dict[str, object]]) -> Iterator[str]:
    """Yield the lines of a table for a privacy page, with the necessary cookies first."""
    from markupsafe import escape  # noqa: PLC0415 - only for this option

    categories = dict.fromkeys(str(row["category"]) for row in rows)
    headings = "".join(f'<th scope="col">{heading}</th>' for heading in _HEADINGS)
    yield '<table class="cookies">'
    yield f"  <thead><tr>{headings}</tr></thead>"
    for category in sorted(categories, key=lambda name: name != "necessary"):
        yield "  <tbody>"
        heading = escape(category.replace("_", " ").replace("-", " ").capitalize())
        yield f'    <tr><th scope="rowgroup" colspan="{len(_HEADINGS)}">{heading}</th></tr>'
        for row in rows:
            if row["category"] == category:
                cells = (row["purpose"], row["life"], row["provider"] or "this site", _protection(row))
                shown = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
                yield f'    <tr><th scope="row"><code>{escape(row["name"])}</code></th>{shown}</tr>'
        yield "  </tbody>"
    yield "</table>"


def _protection(row: dict[str, object]) -> str:
    """Return what protects a cookie, in words for visitors."""
    said = {"httponly": "hidden from scripts (HttpOnly)", "secure": "sent over HTTPS only (Secure)"}
    found = [text for flag, text in said.items() if row[flag]]
    return ", ".join([*found, *([str(row["protection"])] if row["protection"] else [])]) or "none"


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
