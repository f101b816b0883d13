"""The command explain: what browsers do with cookies, by which rule, and what to write instead.

What is given may have several forms. Each form is one function in `forms.FORMS`.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import click

from tuile.cli.inspecting import inspector_option

from .forms import FORMS, MOST_OCTETS, Options, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable

    from .forms import Explanation

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def _read_date(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    """Read a date as in a header, or in ISO format."""
    if value is None:
        return None
    readers: tuple[Callable[[str], datetime], ...] = (datetime.fromisoformat, parsedate_to_datetime)
    for reader in readers:
        try:
            found = reader(value)
            return found.replace(tzinfo=found.tzinfo or timezone.utc).astimezone(timezone.utc)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    raise click.BadParameter(f"{value!r} is not a date. Write one such as 2026-11-28 or 2026-11-28T12:00:00+00:00.")


@click.command("explain", short_help="Say what browsers do with a cookie, and why.")
@click.argument("given", required=False, metavar="[WHAT]")
@click.option(
    "--url", metavar="URL", help="The URL of the response that sets the cookie. Default: https://example.com/."
)
@click.option(
    "--top-level",
    metavar="URL",
    help="The page in the address bar, if the request comes from a frame, an image or fetch().",
)
@click.option("--from", "initiator", metavar="URL", help="The page that made the request, such as that of a link.")
@click.option(
    "--date", callback=_read_date, metavar="DATE", help="When the response arrived. Default: its Date, or now."
)
@click.option("--insecure", is_flag=True, help="Accept any certificate, when a URL is requested.")
@click.option("--sources", is_flag=True, help="Name the source of each difference between browsers.")
@inspector_option
@click.option("--json", "as_json", is_flag=True, help="Print the explanation as JSON.")
@click.pass_context
def explain_command(
    ctx: click.Context, given: str | None, *, url: str | None, top_level: str | None, initiator: str | None,
    date: datetime | None, insecure: bool, sources: bool, inspector: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Say what Chromium, Firefox, Safari and the standard do with a cookie, by which rule, and what to write.

    WHAT is a Set-Cookie line, a URL that is requested now, what curl printed, or the number
    of a request that 'tuile run --inspect' has recorded. '-', or nothing where something is
    piped in, is read from the standard input:

    \b
        tuile explain "sid=1; SameSite=None"
        tuile explain http://localhost:5000/login
        curl -v https://example.com/ 2>&1 | tuile explain
        tuile explain 5

    A URL is requested once, with GET; redirects are not followed. The text is printed as it
    was given, with the values of the cookies.
    """  # noqa: D301 - click wants the character
    text = _stdin(asked=given == "-") if given in {None, "-"} else os.fsencode(given or "").decode("latin-1")
    options = Options(ctx, url, top_level, initiator, date, insecure=insecure, sources=sources, inspector=inspector)
    explanation: Explanation | None = None
    try:
        for form in FORMS:
            explanation = form(text, options)
            if explanation is not None:
                break
    except Unreadable as error:
        raise click.ClickException(str(error)) from None
    if explanation is None:
        raise click.ClickException(
            "This is neither a Set-Cookie line, a URL, the number of a request, nor what curl printed. Write, for"
            ' example: tuile explain "sid=1; SameSite=None"'
        )
    if as_json:
        import json  # noqa: PLC0415 - only for this option

        click.echo(json.dumps(explanation.data(), indent=2))
    else:
        click.echo(explanation.text())


def _stdin(*, asked: bool) -> str:
    """Return the standard input, one character per octet.

    Args:
        asked: Whether the user has written "-", and so may type.
    """
    if sys.stdin is None or (sys.stdin.isatty() and not asked):
        raise click.UsageError("What is to be explained? Give a Set-Cookie line or a URL, or pipe curl's output.")
    if sys.stdin.isatty():
        click.echo("Paste the lines, then end with Ctrl-D.", err=True)
    octets: bytes = sys.stdin.buffer.read(MOST_OCTETS + 1)
    if len(octets) > MOST_OCTETS:
        raise click.ClickException(f"The input is larger than {MOST_OCTETS // 1_000_000} MB.")
    if octets[:2] in _UTF_16:  # PowerShell's pipes
        octets = octets.decode("utf-16", "replace").encode()
    return octets.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
