"""The command settings, which prints every setting: its value or default, and where it is set. Secrets are masked."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

import click

from tuile.config import _HIDDEN, DEFAULTS

from .finding import NoAppException
from .script import ScriptInfo, pass_script_info
from .setting_sources import recorded_sources

if TYPE_CHECKING:
    from collections.abc import Mapping

_KNOWN = {row.name: row for row in DEFAULTS}
_MOST_SHOWN = 120  # characters of a value
_is_secret = re.compile(
    r"(^|_)(KEYS?|SECRETS?|PASS|PASSWD|PASSWORDS?|PWD|TOKENS?|SALT|CREDENTIALS?|DSN)(_|$)", re.IGNORECASE
).search
_password_of_url = re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]*(?=@)")


class Row(NamedTuple):
    """A setting as it is shown."""

    name: str
    value: str
    default: str | None
    source: str | None
    type: str | None
    meaning: str | None
    note: str | None


@click.command("settings", short_help="Print every setting, its default, and where it is set.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--json", "as_json", is_flag=True, help="Print all details as a JSON array.")
@pass_script_info
def settings_command(info: ScriptInfo, names: tuple[str, ...], as_json: bool) -> None:
    """Print the settings of the application: what is set, by which file and line, and the defaults of the others.

    With names, only these are printed, with what they mean. Without an application the defaults are printed. Keys,
    passwords and tokens are not.
    """
    with recorded_sources() as sources_of:
        try:
            app = info.load_app()
        except NoAppException:
            if info.app_import_path:
                raise
            rows = _rows({}, {})
        else:
            rows = _rows(app.config, sources_of(app.config))
    if names:
        known = {row.name: row for row in rows}
        for name in names:
            if name.upper() not in known:
                raise click.UsageError(_unknown(name.upper()))
        rows = [known[name.upper()] for name in names]
    if as_json:
        click.echo(json.dumps([row._asdict() for row in rows], indent=2))
    elif names:
        click.echo("\n".join(map(_in_detail, rows)))
    else:
        click.echo("\n".join(_table(rows)))


def _rows(config: Mapping[str, object], sources: Mapping[str, str]) -> list[Row]:
    """Return all settings, the known ones in the order of the table of defaults."""
    rows = []
    for name, known in _KNOWN.items():
        value, source = config.get(name, known.value), sources.get(name)
        if source is None and (value != known.value or type(value) is not type(known.value)):
            source = "the application's class"
        if name == "DEBUG" and not sources.get(name):  # the command line sets it too
            source = "FLASK_DEBUG or --debug" if value else None
        shown, default = _masked(name, value), _masked(name, known.value)
        rows.append(Row(name, shown, default, source, known.unit, known.meaning, None))
    others = sorted(set(config) - set(_KNOWN))
    return [
        *rows,
        *(
            Row(name, _masked(name, config[name]), None, sources.get(name, ""), None, None, _note(name))
            for name in others
        ),
    ]


def _masked(name: str, value: object) -> str:
    """Return a value as text, without what is secret in it."""
    text = ""
    with suppress(Exception):  # an object of the user, whose repr may raise
        text = repr(_without_secrets(name, value))
    if not text:
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


class _Hidden:
    def __repr__(self) -> str:
        return "(hidden)"


def _without_secrets(name: str, value: object) -> object:
    if value is None or isinstance(value, bool):
        return value
    if name == "SESSION_STORE":
        return _password_of_url.sub(r"\1:...", value) if isinstance(value, str) else _Hidden()
    if name in _HIDDEN or (name not in _KNOWN and _is_secret(name)):
        return _Hidden()
    if isinstance(value, str):
        return _password_of_url.sub(r"\1:...", value)
    if type(value) is dict:
        return {key: _without_secrets(str(key), one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_secrets("", one) for one in value]
    return value


def _note(name: str) -> str | None:
    """Return what looks wrong about a name that is not in the table."""
    near = get_close_matches(name, _KNOWN, n=1, cutoff=0.9)
    return f"nothing in Tuile reads it; {near[0]} is similar" if near else None


def _unknown(name: str) -> str:
    near = get_close_matches(name, _KNOWN, n=1, cutoff=0.6)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"There is no setting {name}, and the application has none of this name.{hint}"


def _in_detail(row: Row) -> str:
    lines = [f"{click.style(row.name, bold=True)} = {row.value}"]
    for heading, text in (
        ("Set in", row.source),
        ("Default", row.default),
        ("Type", row.type),
        ("Meaning", row.meaning),
        ("Note", row.note),
    ):
        if text:
            lines.append(f"  {heading:<9}{text}")
    return "\n".join(lines)


def _table(rows: list[Row]) -> list[str]:
    """Return the lines of the two lists."""
    are_set = [row for row in rows if row.source is not None]
    others = [row for row in rows if row.source is None]
    width = max(len(row.name) for row in rows)
    lines = []
    if are_set:
        lines.append("Set:")
        for row in are_set:
            lines.append(f"  {row.name:<{width}}  {row.value}")
            where = row.source + (f" ({row.note})" if row.note else "") if row.source else row.note
            lines += [f"  {'':<{width}}    {where}"] if where else []
        lines.append("")
    lines.append("Defaults:")
    lines += [f"  {row.name:<{width}}  {row.value}" for row in others]
    lines += ["", "`tuile settings NAME` says what a setting means."]
    return lines
