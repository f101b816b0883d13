"""Read recorded requests from a HAR 1.2 file, as browsers and the inspector export them."""

from __future__ import annotations

import base64
import json
import os
import re
import typing as t
from collections import Counter
from urllib.parse import quote_plus, urlsplit

from .sides import CannotCompare

#: The largest file that is read, in octets, and the most requests that are replayed.
MOST_OCTETS = 300_000_000
MOST_REQUESTS = 10_000
#: Headers that are made anew, or that mean nothing to an application.
_NOT_REPLAYED = frozenset(("host", "content-length", "cookie", "connection", "transfer-encoding", "keep-alive", "te"))
_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}").fullmatch
_boundary = re.compile(r'(?i)boundary="?([^";]+)"?').search


class Recorded(t.NamedTuple):
    """One recorded request, with what is known about its response.

    Attributes:
        method: The method.
        url: The absolute URL, without a fragment.
        headers: The header fields to send, without cookies.
        cookies: The cookies that were sent, by name.
        body: The body.
        status: The status of the recorded response; 0 if it is not known.
        page: The body of the recorded response, if it is HTML and was recorded.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    cookies: dict[str, str]
    body: bytes
    status: int
    page: str


class Recording(t.NamedTuple):
    """The requests of a file to one host, and what was left out."""

    requests: list[Recorded]
    host: str
    left_out: dict[str, int]  # how many, by the reason


def read_har(path: str, host: str | None = None) -> Recording:
    """Return the requests of a file.

    Args:
        path: The file.
        host: The host, with its port, whose requests are wanted. None: the one with the most.

    Raises:
        CannotCompare: If it is not a HAR file, or has no requests to the host.
    """
    entries = _entries(path)
    left_out: Counter[str] = Counter()
    found: list[Recorded] = []
    for entry in entries:
        try:
            found.append(_recorded(entry))
        except _LeftOut as reason:
            left_out[str(reason)] += 1
    hosts = Counter(urlsplit(one.url).netloc.lower() for one in found)
    if not hosts:
        raise CannotCompare(f"{path} has no requests that can be replayed. {_said(left_out)}".rstrip())
    wanted = hosts.most_common(1)[0][0] if host is None else host.lower()
    if wanted not in hosts:
        raise CannotCompare(f"{path} has no requests to {wanted}, but to {', '.join(sorted(hosts)[:10])}.")
    for other, count in hosts.items():
        if other != wanted:
            left_out[f"they are to {other}"] += count
    chosen = [one for one in found if urlsplit(one.url).netloc.lower() == wanted]
    if len(chosen) > MOST_REQUESTS:
        left_out[f"there are more than {MOST_REQUESTS}"] = len(chosen) - MOST_REQUESTS
    return Recording(chosen[:MOST_REQUESTS], wanted, dict(left_out))


class _LeftOut(Exception):
    """A request cannot be replayed. The message says why."""


def _said(left_out: Counter[str]) -> str:
    return "; ".join(f"{count} left out: {reason}" for reason, count in left_out.items())


def _entries(path: str) -> list[object]:
    try:
        if os.path.getsize(path) > MOST_OCTETS:
            raise CannotCompare(f"{path} is larger than {MOST_OCTETS // 1_000_000} MB. Record fewer requests.")
        with open(path, "rb") as file:
            octets = file.read()
    except OSError as error:
        raise CannotCompare(f"{path} cannot be read: {error.strerror}.") from None
    encoding = json.detect_encoding(octets)  # UTF-8, UTF-16 or UTF-32, with or without a mark
    try:
        read = json.loads(octets.decode(encoding, "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise CannotCompare(f"{path} is not a HAR file: {error}.") from None
    log = read.get("log") if isinstance(read, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise CannotCompare(f"{path} is not a HAR file: it has no list log.entries.")
    return entries


def _recorded(entry: object) -> Recorded:
    """Return the request of one entry.

    Raises:
        _LeftOut: If it cannot be replayed.
    """
    request = _dict(_dict(entry).get("request"))
    method, url = request.get("method"), request.get("url")
    if not isinstance(method, str) or not isinstance(url, str) or not _token(method):
        raise _LeftOut("they have no method or no URL")
    url = _url(url)
    pairs = _pairs(request.get("headers"))
    headers = tuple(
        (name, value) for name, value in pairs if _token(name) and name.lower() not in _NOT_REPLAYED and _clean(value)
    )
    fields = [value for name, value in pairs if name.lower() == "cookie"]
    cookies = _cookies("; ".join(fields)) if fields else dict(_pairs(request.get("cookies")))
    response = _dict(_dict(entry).get("response"))
    status = response.get("status")
    return Recorded(
        method=method,
        url=url,
        headers=headers,
        cookies={name: value for name, value in cookies.items() if _clean(name + value) and ";" not in name + value},
        body=_body(_dict(request.get("postData")), {name.lower(): value for name, value in headers}),
        status=status if isinstance(status, int) and 100 <= status < 600 else 0,
        page=_page(_dict(response.get("content"))),
    )


def _cookies(header: str) -> dict[str, str]:
    """Return the cookies of a header, with the values as they were sent."""
    pairs = (pair.strip().partition("=") for pair in header.split(";"))
    return {name: value for name, equals, value in pairs if equals and name}


def _url(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _LeftOut("their URL is malformed") from None
    if parts.scheme not in {"http", "https"}:
        raise _LeftOut(f"their URL begins with {parts.scheme[:10]}:" if parts.scheme else "their URL is not absolute")
    if not parts.hostname or port == 0 or not _clean(url):
        raise _LeftOut("their URL is malformed")
    return parts._replace(fragment="", netloc=parts.netloc.rpartition("@")[2]).geturl()


def _body(posted: dict[str, object], headers: dict[str, str]) -> bytes:
    """Return the body: its text, in base64 or not, or what its parameters make."""
    text = posted.get("text")
    if isinstance(text, str) and text:
        if posted.get("encoding", posted.get("_encoding")) == "base64":
            return _base64(text)
        return text.encode("utf-8", "surrogatepass")
    params = _pairs(posted.get("params"))
    if not params:
        return b""
    kind = headers.get("content-type", str(posted.get("mimeType", "")))
    found = _boundary(kind)
    if found is None:
        return "&".join(f"{_plus(name)}={_plus(value)}" for name, value in params).encode()
    parts = []
    for one in t.cast("list[object]", posted.get("params")):
        param = _dict(one)
        name, file = str(param.get("name", "")), param.get("fileName")
        head = f'Content-Disposition: form-data; name="{_quoted(name)}"'
        if isinstance(file, str):
            kind = str(param.get("contentType") or "application/octet-stream")
            head += f'; filename="{_quoted(file)}"\r\nContent-Type: {kind if _clean(kind) else "text/plain"}'
        parts.append(f"--{found[1]}\r\n{head}\r\n\r\n{param.get('value') or ''}\r\n")
    return f"{''.join(parts)}--{found[1]}--\r\n".encode("utf-8", "surrogatepass")


def _plus(text: str) -> str:
    return quote_plus(text, errors="replace")


def _quoted(text: str) -> str:
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _page(content: dict[str, object]) -> str:
    text = content.get("text")
    if not isinstance(text, str) or "html" not in str(content.get("mimeType", "")):
        return ""
    return _base64(text).decode("utf-8", "replace") if content.get("encoding") == "base64" else text


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except ValueError:
        raise _LeftOut("their base64 is malformed") from None


def _dict(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _pairs(value: object) -> list[tuple[str, str]]:
    """Return the pairs of a list of objects with a name and a value."""
    found = []
    for one in value if isinstance(value, list) else ():
        name, text = _dict(one).get("name"), _dict(one).get("value")
        if isinstance(name, str) and isinstance(text, str):
            found.append((name, text))
    return found


def _clean(text: str) -> bool:
    return not any(character in text for character in "\r\n\x00")
