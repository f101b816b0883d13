"""Translate between ASGI and WSGI: a scope becomes an environ, the start of a WSGI response becomes a message.

Pure functions of their arguments. The sources are the ASGI specification (HTTP & WebSocket message format 2.5) and
PEP 3333.
"""

from __future__ import annotations

import re
import sys
import typing as t
from io import BytesIO
from urllib.parse import unquote_to_bytes

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import WSGIEnvironment

    from .protocol import HeaderPairs, Scope

# A field name (RFC 9110 section 5.6.2), without the underscore: WSGI has the same key for `X_User` and `X-User`, so one
# could be taken for the other. WSGI servers drop it too.
_RECEIVED_NAME = re.compile(rb"[!#$%&'*+.^`|~0-9A-Za-z-]+")
_SENT_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Names of an environ for the headers of most requests. It does not grow: clients choose the names of headers.
_KEYS: dict[bytes, str] = {
    name: f"HTTP_{name.decode().upper().replace('-', '_')}"
    for name in (
        *(b"accept", b"accept-encoding", b"accept-language", b"authorization", b"cache-control", b"connection"),
        *(b"cookie", b"dnt", b"expect", b"forwarded", b"host", b"if-match", b"if-modified-since", b"if-none-match"),
        *(b"if-range", b"if-unmodified-since", b"origin", b"pragma", b"priority", b"range", b"referer"),
        *(b"sec-ch-ua", b"sec-ch-ua-mobile", b"sec-ch-ua-platform", b"sec-fetch-dest", b"sec-fetch-mode"),
        *(b"sec-fetch-site", b"sec-fetch-user", b"te", b"transfer-encoding", b"upgrade", b"user-agent"),
        *(b"upgrade-insecure-requests", b"x-csrf-token", b"x-forwarded-for", b"x-forwarded-host"),
        *(b"x-forwarded-proto", b"x-real-ip", b"x-request-id", b"x-requested-with"),
    )
} | {b"content-length": "CONTENT_LENGTH", b"content-type": "CONTENT_TYPE"}
#: The headers that have no part in finding the view of a request.
PLAIN_HEADERS = frozenset(_KEYS) - {
    *(b"content-length", b"content-type", b"cookie", b"expect", b"host", b"transfer-encoding", b"upgrade")
}
# Those that have.
_FINDING = frozenset(_KEYS) - PLAIN_HEADERS
# Those that say which part of a file to send, if any.
_OF_FILES = frozenset(
    {b"if-match", b"if-modified-since", b"if-none-match", b"if-range", b"if-unmodified-since", b"range"}
)
# The same of the handshake of a WebSocket.
_PLAIN_IN_HANDSHAKES = PLAIN_HEADERS | {
    *(b"upgrade", b"sec-websocket-extensions", b"sec-websocket-key", b"sec-websocket-protocol"),
    b"sec-websocket-version",
}
# Headers of which a request has only one (RFC 9110 section 5.3).
_SINGLE = frozenset({"CONTENT_LENGTH", "CONTENT_TYPE"})
# Names of sent headers as bytes in lower case; at most `_MOST_NAMES`, because an app may choose any name.
_sent_names: dict[str, bytes] = {}
_MOST_NAMES = 256
# The codes of status lines; at most `_MOST_NAMES`, because an app may choose any text.
_codes: dict[str, int] = {}
#: The Content-Length headers of short bodies.
MOST_KNOWN = 512
SENT_LENGTHS = tuple((b"content-length", b"%d" % length) for length in range(MOST_KNOWN))
#: What concerns one connection only: no response of HTTP/2 may have it (RFC 9113 section 8.2.2), and how a body is
#: transferred is the server's decision everywhere.
OF_CONNECTION = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"trailer", b"transfer-encoding", b"upgrade"}
)
_TRANSFER = frozenset({b"transfer-encoding"})


# The URL schemes of handshakes.
_CLOSED: t.Final = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
# What every environ has. Nobody can tell here whether there are other processes, and yes is the careful answer.
_FIXED: dict[str, object] = {
    "wsgi.version": (1, 0),
    "wsgi.input_terminated": True,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}


class BadScope(ValueError):
    """A request that has more than one meaning, which is answered with 400."""


def environ_of(scope: Scope) -> WSGIEnvironment:
    """Return the WSGI environ for an HTTP scope, without `wsgi.input`.

    Raises:
        BadScope: If headers contradict each other, or if the path is not text.
    """
    http_version = scope.get("http_version", "1.1")
    root, path = _paths(scope)
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": root,
        "PATH_INFO": path,
        "QUERY_STRING": (scope.get("query_string") or b"").decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{http_version}",
        "wsgi.url_scheme": scope.get("scheme") or "http",
        "wsgi.errors": sys.stderr,
        "asgi.scope": scope,
        **_FIXED,
    }
    _add_addresses(scope, environ)
    raw_path = scope.get("raw_path")
    if raw_path:
        query = environ["QUERY_STRING"]
        raw = raw_path.partition(b"?")[0].decode("latin-1")
        environ["RAW_URI"] = environ["REQUEST_URI"] = f"{raw}?{query}" if query else raw
    _add_headers(scope["headers"], environ)
    return environ


def brief_environ_of(scope: Scope) -> WSGIEnvironment:
    """Return an environ with the method, the URL and the cookies of a request.

    It is one that `brief_headers` accepts, or a WebSocket whose handshake `handshake_of` accepts. The keys are the same
    as in `environ_of`.
    """
    root, path = scope.get("root_path"), scope["path"]
    if root or not path.isascii():
        root, path = _paths(scope)
    is_http = scope["type"] == "http"
    scheme = scope.get("scheme")
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope["method"] if is_http else "GET",
        "SCRIPT_NAME": root or "",
        "PATH_INFO": path,
        "QUERY_STRING": (scope.get("query_string") or b"").decode("latin-1"),
        "wsgi.url_scheme": (scheme or "http") if is_http else _CLOSED.get(scheme or "ws", "http"),
        "asgi.scope": scope,
    }
    # As in `brief_headers`, faster than a dictionary.
    for name, value in scope["headers"]:
        if name == b"host":
            environ["HTTP_HOST"] = value.decode("latin-1")
        elif name == b"cookie":
            text, key = value.decode("latin-1"), "HTTP_COOKIE"
            environ[key] = _joined(key, environ[key], text) if key in environ else text
    return environ


def path_in_environ(scope: Scope) -> str | None:
    """Return the path of a request below its root path as an environ has it; None if it is not text."""
    try:
        return _paths(scope)[1]
    except BadScope:
        return None


def file_environ_of(scope: Scope) -> WSGIEnvironment:
    """Return an environ with what says how to send a file, of a request that `brief_headers` accepts."""
    environ: WSGIEnvironment = {"REQUEST_METHOD": scope["method"]}
    for name, value in scope["headers"]:
        if name in _OF_FILES:
            key, text = _KEYS[name], value.decode("latin-1")
            environ[key] = _joined(key, environ[key], text) if key in environ else text
    return environ


def handshake_environ_of(scope: Scope) -> WSGIEnvironment:
    """Return the WSGI environ for the handshake of a WebSocket.

    Raises:
        BadScope: If headers contradict each other, or if the path is not text.
    """
    scheme = _CLOSED.get(scope.get("scheme") or "ws", "http")
    environ = environ_of({**scope, "method": "GET", "scheme": scheme})
    # Not every server passes these on, and HTTP/2 has neither (RFC 8441).
    environ.update({"HTTP_CONNECTION": "Upgrade", "HTTP_UPGRADE": "websocket"})
    environ.update({"asgi.scope": scope, "wsgi.input": BytesIO()})
    return environ


def handshake_of(scope: Scope) -> tuple[str, str] | None:
    """Return the host and the path of the handshake of a WebSocket; None if only the whole environ tells its view.

    If it returns them, the handshake is no bad request.
    """
    path: str | None = scope["path"]
    if scope.get("root_path") or not scope["path"].isascii():
        path = path_in_environ(scope)
    host: bytes | None = None
    has_cookie = False
    for name, value in scope["headers"]:
        if name in _PLAIN_IN_HANDSHAKES:
            continue
        if name == b"host" and host is None:
            host = value
        elif name == b"cookie" and not has_cookie:
            has_cookie = True
        elif not is_own_header(name):
            return None
    return None if host is None or path is None else (host.decode("latin-1"), path)


def is_own_header(name: bytes) -> bool:
    """Return whether a header has no part in finding a view, by a name of which this module knows nothing."""
    # Those of other letters may be written in another case, and pseudo-headers begin with a colon.
    return name.islower() and name not in _FINDING and name[:1] != b":"


def _paths(scope: Scope) -> tuple[str, str]:
    """Return SCRIPT_NAME and PATH_INFO: octets as characters of Latin-1, as PEP 3333 has them."""
    path: str = scope["path"]
    root: str = scope.get("root_path") or ""
    if not root and path.isascii():
        return "", path
    root = root.rstrip("/")
    if root and not root.startswith("/"):
        root = f"/{root}"
    try:
        octets, prefix = path.encode(), root.encode()
    except UnicodeEncodeError:
        raise BadScope("The path of the request is not text.") from None
    if "\ufffd" in path:
        octets = _undamaged(scope.get("raw_path"), path, prefix) or octets
    # Some servers leave the prefix out of the path, which the specification has in it.
    if prefix and octets.startswith(prefix) and octets[len(prefix) : len(prefix) + 1] in {b"", b"/"}:
        octets = octets[len(prefix) :]
    return prefix.decode("latin-1"), octets.decode("latin-1")


def _undamaged(raw_path: bytes | None, path: str, prefix: bytes) -> bytes | None:
    """Return the octets of a path that were no UTF-8, which servers replace; None if `raw_path` is of another path."""
    if not raw_path:
        return None
    octets = unquote_to_bytes(raw_path.partition(b"?")[0])
    for candidate in (octets, prefix + octets):
        if candidate.decode("utf-8", "replace") == path:
            return candidate
    return None


def _add_addresses(scope: Scope, environ: WSGIEnvironment) -> None:
    server = scope.get("server")
    if server:
        environ["SERVER_NAME"] = server[0]
        # A Unix socket has no port.
        environ["SERVER_PORT"] = "" if server[1] is None else str(server[1])
    else:
        environ["SERVER_NAME"] = "localhost"
        environ["SERVER_PORT"] = "443" if environ["wsgi.url_scheme"] == "https" else "80"
    client = scope.get("client")
    if client:
        environ["REMOTE_ADDR"] = client[0]
        environ["REMOTE_PORT"] = str(client[1])


def _add_headers(headers: Iterable[tuple[bytes, bytes]], environ: WSGIEnvironment) -> None:
    authority: bytes | None = None
    for name, value in headers:
        key = _KEYS.get(name) or _key(name)
        if key is None:
            if name == b":authority":
                authority = value
            continue
        text = value.decode("latin-1")
        environ[key] = _joined(key, environ[key], text) if key in environ else text
    if authority is not None:
        environ.setdefault("HTTP_HOST", authority.decode("latin-1"))


def _key(name: bytes) -> str | None:
    """Return the key of a header; None if it has none."""
    # Pseudo-headers (RFC 9113 section 8.3) begin with a colon, which is in no name.
    if _RECEIVED_NAME.fullmatch(name) is None:
        return None
    lower = name.lower()
    return _KEYS.get(lower) or f"HTTP_{lower.decode('ascii').upper().replace('-', '_')}"


def _joined(key: str, before: str, text: str) -> str:
    """Return the value of a header that was sent more than once."""
    if key == "HTTP_COOKIE":
        # HTTP/2 may send the parts of one header apart (RFC 9113 section 8.2.3).
        return f"{before}; {text}"
    if key == "HTTP_HOST":
        raise BadScope("The request has more than one Host header.")
    if key not in _SINGLE:
        return f"{before},{text}"
    if before != text:
        raise BadScope("The request has contradictory Content-Length or Content-Type headers.")
    return before


def content_length(environ: WSGIEnvironment) -> int | None:
    """Return the length of the body in bytes; None if it is not announced, or not by a number."""
    text = environ.get("CONTENT_LENGTH", "")
    # Longer numbers are absurd, and refused where the body is read.
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def sent_headers(headers: Iterable[tuple[str, str]], http_version: str) -> HeaderPairs:
    """Return the headers of a response as ASGI has them.

    Raises:
        ValueError: If a name or a value would end its line, or is not text in Latin-1.
    """
    dropped = _TRANSFER if http_version.startswith("1") else OF_CONNECTION
    pairs = []
    for name, value in headers:
        lower = _sent_names.get(name) or sent_name(name)
        if lower in dropped:
            continue
        if "\n" in value or "\r" in value or "\0" in value:
            raise ValueError(f"The value of the response's header {name!r} has a line break or a NUL.")
        pairs.append((lower, value.encode() if value.isascii() else value.encode("latin-1")))
    return pairs


def sent_length(length: int) -> tuple[bytes, bytes]:
    """Return the Content-Length header of a body of so many bytes as ASGI has it."""
    return b"content-length", b"%d" % length


def announced_length(headers: Iterable[tuple[str, str]]) -> int | None:
    """Return the Content-Length of a response in bytes; None without one."""
    for name, value in headers:
        if name.lower() == "content-length" and value.isascii() and value.isdigit():
            return int(value)
    return None


def sent_name(name: str) -> bytes:
    """Return the name of a header of a response as ASGI has it.

    Raises:
        ValueError: If it is no name.
    """
    known = _sent_names.get(name)
    if known is not None:
        return known
    if _SENT_NAME.fullmatch(name) is None:
        raise ValueError(f"{name!r} cannot be the name of a header.")
    lower = name.lower().encode("ascii")
    if len(_sent_names) < _MOST_NAMES:
        _sent_names[name] = lower
    return lower


def status_code(status: str) -> int:
    """Return the code of a status line such as `404 NOT FOUND`.

    Raises:
        ValueError: If it does not begin with three digits.
    """
    known = _codes.get(status)
    if known is not None:
        return known
    code = status.partition(" ")[0]
    if len(code) != 3 or not (code.isascii() and code.isdigit()):
        raise ValueError(f"A status begins with a code of three digits, not as {status!r}.")
    number = int(code)
    if len(_codes) < _MOST_NAMES:
        _codes[status] = number
    return number
