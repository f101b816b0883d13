"""Read what `curl -v`, `curl -i` and `curl -iv` print: requests and responses, as far as they matter to cookies."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from tuile.user_agent.sites import parse_address
from tuile.user_agent.verdicts import decode_octets

from .responses import Exchange, Unreadable

if TYPE_CHECKING:
    from datetime import datetime

_request_line = re.compile(r"([A-Z]{2,20}) (\S+) HTTP/[0-9.]+$").match
_status_line = re.compile(r"HTTP/[0-9.]+ ([0-9]{3})(?: |$)").match
_header = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}):[ \t]*(.*)$").match
_command = re.compile(r"""[$#%>]?\s*curl\s.{0,2000}?(https?://[^\s'"]+)""").match
_new_connection = re.compile(r"\s*Trying |Connected to ").match
_encrypted = re.compile(r"SSL connection using|TLSv1|ALPN|port 443\b|:scheme: https|https:").search
_MOST_EXCHANGES = 50
_REDIRECTS = frozenset((301, 302, 303, 307, 308))


def looks_like_curl(text: str) -> bool:
    """Return whether a text has a response as curl prints it."""
    return any(_status_line(line.removeprefix("< ")) for line in text.split("\n"))


def read_curl(text: str, url: str) -> list[Exchange]:
    """Return the exchanges of a text that `looks_like_curl`.

    Args:
        text: What curl printed, one character per octet.
        url: The URL of a response whose request is not in the text.

    Raises:
        Unreadable: If there are too many of them.
    """
    lines = [line.rstrip("\r") for line in text.split("\n")]
    reader = _Reader(url)
    if any(line.startswith("< ") and _status_line(line[2:]) for line in lines):
        _read_marked(lines, reader)
    else:
        _read_plain(lines, reader)
    reader.end_response()
    return reader.exchanges


def _read_marked(lines: list[str], reader: _Reader) -> None:
    """Read the output of `curl -v`. Lines without a mark are bodies, or headers that `-i` repeats."""
    for line in lines:
        mark, rest = line[:1], line[2:]
        if line[1:2] not in {"", " "}:
            mark = ""
        if mark == "*":
            reader.remark(rest)
        elif mark == ">":
            reader.request(rest)
        elif mark == "<":
            reader.response(rest)
        if not reader.exchanges and (found := _command(line)):
            reader.command(decode_octets(found[1]))


def _read_plain(lines: list[str], reader: _Reader) -> None:
    """Read the output of `curl -i`: headers, an empty line, a body."""
    in_headers, before = False, ""
    for line in lines:
        if not before and _status_line(line):
            in_headers = True
        if in_headers:
            reader.response(line)
            in_headers = bool(line)
        elif found := _command(line):
            reader.command(decode_octets(found[1]))
            line = ""  # noqa: PLW2901 - a status line may follow it
        before = line


class _Reader:
    """Collect requests and responses.

    Attributes:
        exchanges: The complete ones.
    """

    def __init__(self, url: str) -> None:
        self.exchanges: list[Exchange] = []
        self._url = url
        self._scheme: str | None = None  # of the connection, or of the command
        self._request: tuple[str, str] | None = None
        self._request_headers: dict[str, str] = {}
        self._status: int | None = None
        self._headers: list[tuple[str, str]] = []
        self._redirect: str | None = None  # where the last response redirects to

    def command(self, url: str) -> None:
        """Read the URL of a command line."""
        self._url, self._scheme = url, urlsplit(url).scheme

    def remark(self, text: str) -> None:
        """Read what curl says about the connection."""
        if _new_connection(text):
            self.end_response()
            self._request = None
            self._scheme = "https" if _encrypted(text) or (self._scheme == "https" and "Connected" in text) else "http"
        elif _encrypted(text):
            self._scheme = "https"

    def request(self, text: str) -> None:
        """Read a line of a request."""
        found = _request_line(text)
        if found:
            self.end_response()
            self._request, self._request_headers = (found[1], found[2]), {}
        elif self._request is not None and (header := _header(text)):
            self._request_headers.setdefault(header[1].lower(), header[2].strip())

    def response(self, text: str) -> None:
        """Read a line of a response."""
        found = _status_line(text)
        if found:
            self.end_response()
            self._status, self._headers = int(found[1]), []
        elif self._status is not None and (header := _header(text)):
            self._headers.append((header[1].lower(), header[2].strip()))

    def end_response(self) -> None:
        """Add the response that was read, if there is one.

        Raises:
            Unreadable: If there are too many.
        """
        status, self._status = self._status, None
        if status is None or (self._request is not None and self._request[0] == "CONNECT"):
            return
        lines = tuple(value for name, value in self._headers if name == "set-cookie")
        if status < 200 and not lines:
            return
        if len(self.exchanges) >= _MOST_EXCHANGES:
            raise Unreadable(f"There are more than {_MOST_EXCHANGES} responses in this text.")
        method, url = self._place()
        cookies = None if self._request is None else self._request_headers.get("cookie", "")
        origin = self._request_headers.get("origin", "null")
        headers = dict(self._headers)
        self.exchanges.append(
            Exchange(
                url,
                method,
                status,
                lines,
                cookies,
                origin,
                _date(headers.get("date", "")),
                redirected=self._redirect is not None,
            )
        )
        if status >= 200:
            self._redirect = _joined(url, headers.get("location", "")) if status in _REDIRECTS else None

    def _place(self) -> tuple[str, str]:
        """Return the method and the URL of the request, as far as the text says them."""
        known = self._redirect or self._url
        if self._request is None:
            return "GET", known
        method, target = self._request
        if target.startswith(("http://", "https://")):  # what a proxy is asked for
            return method, decode_octets(target)
        host = self._request_headers.get("host") or urlsplit(known).netloc
        scheme = urlsplit(self._redirect).scheme if self._redirect else self._scheme or urlsplit(known).scheme
        return method, decode_octets(f"{scheme}://{host}{target if target.startswith('/') else '/'}")


def _joined(base: str, target: str) -> str | None:
    """Return where a Location leads; None if that is not a URL."""
    if not target:
        return None
    try:
        url = urljoin(base, decode_octets(target))
        parse_address(url)
    except ValueError:
        return None
    return url


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo is not None else None
