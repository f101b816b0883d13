"""Find the rule for the path of a WebSocket, by an index of the rules for WebSockets."""

from __future__ import annotations

import typing as t

from .binding import SCHEMES
from .index import converted, split_path

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from .index import Found
    from .map import Map

# That of each handshake.
_METHOD = "GET"


def find_websocket(url_map: Map, environ: WSGIEnvironment, server_name: str | None) -> Found | None:
    """Return the rule and the view's arguments for a handshake; None if a `MapAdapter` must be asked.

    It does what `Map.find` does for other requests, but leaves whatever is not a plain hit to the adapter.

    Args:
        url_map: The map, whose rules match neither on the host nor on the subdomain.
        environ: The WSGI environ of the handshake.
        server_name: The configured `SERVER_NAME`.

    Raises:
        Exception: Whatever a converter raises, except `ValidationError` and HTTP exceptions.
    """
    if (
        environ["REQUEST_METHOD"] != _METHOD
        or environ.get("wsgi.url_scheme") not in SCHEMES
        or (environ.get("HTTP_HOST") not in url_map._plain_hosts and not url_map._accepts_host_of(environ))
        or (server_name is not None and not url_map._accepts(server_name))
    ):
        return None
    return find_by_path(url_map, environ.get("PATH_INFO") or "")


def find_by_path(url_map: Map, path: str) -> Found | None:
    """Return what `find_websocket` does for a handshake to any host that the map accepts.

    Args:
        url_map: The map.
        path: The path as an environ has it.
    """
    index = url_map._websockets or url_map._build_index("_websockets")
    values: list[str] = []
    answers = index.static.get(path)
    if answers is None:
        parts = split_path(path)
        node = None if parts is None else index.walk(path, parts, values)
        answers = [] if node is None else node.answers
    for rule, certain, arguments, guards, rules in answers:
        if rule.methods is not None and _METHOD not in rule.methods:
            continue
        # Others may have been changed unnoticed.
        if not certain or rule._converters != guards[0]:
            return None
        for kind, stock, attributes, before in guards[1]:
            if kind.to_python is not stock or attributes != before:
                return None
        if not arguments:
            return rule, dict(rule.defaults) if rule.defaults else {}
        return converted(rule, arguments, values, rules, _METHOD)
    return None
