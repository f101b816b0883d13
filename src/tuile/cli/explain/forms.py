"""The forms of what `tuile explain` is given: each is a function that explains a text, or returns None.

To add a form, write a function and put it into `FORMS`, before those that would take its texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from tuile.user_agent.set_cookie import split_set_cookie
from tuile.user_agent.sites import canonicalize_host, is_ip, parse_address
from tuile.user_agent.verdicts import decode_octets

from .curl_output import looks_like_curl, read_curl
from .recorded import explain_recorded
from .responses import Exchange, Responses, Unreadable

if TYPE_CHECKING:
    from datetime import datetime

    import click

#: The longest input, in octets.
MOST_OCTETS = 4_000_000
_DEFAULT_URL = "https://example.com/"
_field = re.compile(r"(?i)[<\s]*set-cookie2?[ \t]*:").match


class Options(NamedTuple):
    """The options of the command."""

    ctx: click.Context
    url: str | None
    top_level: str | None
    initiator: str | None
    date: datetime | None
    insecure: bool = False
    sources: bool = False
    inspector: str | None = None


class Explanation(Protocol):
    """What a form returns."""

    def text(self) -> str:
        """Return the explanation for a terminal."""
        ...

    def data(self) -> object:
        """Return the explanation as JSON data."""
        ...


Form: TypeAlias = Callable[[str, Options], "Explanation | None"]


def explain_url(text: str, options: Options) -> Explanation | None:
    """Request a URL now, and explain the cookies of the response."""
    url = text.strip()
    if not re.match(r"(?i)https?://\S+$", url):
        return None
    from .requesting import request_url  # noqa: PLC0415 - only this form needs a client

    return _explained([request_url(decode_octets(url), insecure=options.insecure)], options)


def explain_curl(text: str, options: Options) -> Explanation | None:
    """Explain what `curl -v` or `curl -i` printed."""
    if not looks_like_curl(text):
        return None
    return _explained(read_curl(text, options.url or _DEFAULT_URL), options)


def explain_lines(text: str, options: Options) -> Explanation | None:
    """Explain Set-Cookie lines, with or without the name of the field."""
    lines = [line.strip("\r") for line in text.strip("\r\n").split("\n")]
    lines = [line for line in lines if line.strip()]
    fields = [line for line in lines if _field(line)]
    if not fields and (len(lines) != 1 or "=" not in lines[0]):
        return None
    values = [line[found.end() :].strip() for line in fields if (found := _field(line))] or lines
    exchange = Exchange(options.url or _url_for(values), "GET", 200, tuple(values), is_assumed=not options.url)
    return _explained([exchange], options)


#: The forms, in the order in which they are tried.
FORMS: list[Form] = [explain_recorded, explain_url, explain_curl, explain_lines]


def _explained(exchanges: list[Exchange], options: Options) -> Explanation:
    for name, url in (("--url", options.url), ("--top-level", options.top_level), ("--from", options.initiator)):
        if url is not None and url != "null":
            try:
                parse_address(url)
            except ValueError as error:
                raise Unreadable(f"{name}: {error}") from None
    return Responses(
        exchanges,
        top_level=options.top_level,
        initiator=options.initiator,
        date=options.date,
        sources=options.sources,
    )


def _url_for(values: list[str]) -> str:
    """Return the URL that is assumed for lines without one: of the first Domain that is a host."""
    for value in values:
        host = canonicalize_host(decode_octets(split_set_cookie(value).last("domain") or "").removeprefix("."))
        if host and ":" not in host and not is_ip(host):
            return f"https://{host}/"
    return _DEFAULT_URL


__all__ = ["FORMS", "MOST_OCTETS", "Exchange", "Explanation", "Form", "Options", "Unreadable"]
