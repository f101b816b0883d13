"""The answers to requests that no rule matches: refusals and redirects that the index knows without a search."""

from __future__ import annotations

import typing as t

from werkzeug.routing import MapAdapter

from ..invalidation import as_defined
from .index import split_path
from .quoting import path_text
from .redirects import LINE_ENDS, moved_to
from .search import Moved, methods_passed, refusal_of, union

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.exceptions import HTTPException
    from werkzeug.routing import RequestRedirect
    from werkzeug.routing import Rule as WerkzeugRule

    from .index import Allowed, Index
    from .map import Map

_make_redirect_url, _get_host = (as_defined(MapAdapter, name) for name in ("make_redirect_url", "get_host"))
_PORTS = {"http": ":80", "https": ":443"}


def allowed_for(url_map: Map, index: Index, path: str) -> Allowed | None:
    """Return with which methods a path is answered, if it has no variables; None if only Werkzeug can tell.

    It is searched once for each such path, and again when the methods of one of the rules were changed.
    """
    known = index.allowed.get(path)
    if known is not None:
        for methods, before in known[0]:
            if methods != before:
                break
        else:
            return known
    if path not in index.static or not path.isascii() or index.has_foreign:
        return None
    found = methods_passed(url_map, url_map._patterns, index.domain, path)
    if found is None:
        return None
    passed, slashed = found
    different = {id(methods): methods for methods in passed}.values()
    known = (
        tuple((methods, frozenset(methods)) for methods in different),
        tuple(slashed),
        list(union(passed)),
        tuple(passed),
    )
    index.allowed[path] = known
    return known


def refusal_for(url_map: Map, index: Index, path: str, method: str) -> HTTPException | None:
    """Return the refusal of a method for a path that the index has found rules for, none with it; None to search."""
    known = allowed_for(url_map, index, path)
    if known is None:
        return None if path in index.static else _refusal_beside(url_map, index, path)
    different, slashed, _, passed = known
    for methods, _ in different:
        if method in methods:
            return None
    for methods in slashed:
        if method in methods:
            return None
    return refusal_of(passed)


def _refusal_beside(url_map: Map, index: Index, path: str) -> HTTPException | None:
    """Return the refusal of any method for a path with variables that other rules do not match; None to search."""
    rules = _rules_alone(index, split_path(path) or [])
    passed = [rule.methods for rule in rules if rule.methods is not None and not rule.websocket]
    if not passed or len(passed) < len(rules):
        return None
    # As in `search`: Werkzeug looks a second time.
    return refusal_of(passed * 2 if url_map._matcher.merge_slashes else passed)


def _rules_alone(index: Index, parts: list[str]) -> list[WerkzeugRule]:
    """Return the rules that a path ends at; nothing if others may match, also with one slash more or less."""
    node = index.root
    if index.has_foreign or not index.knows_all or "" in parts:
        return []
    for position, part in enumerate(parts):
        following = index._reach(node, part) if part in node.static else None
        is_final = False
        for test, _, final, other in node.edges:
            if test("/".join(parts[position:]) if final else part):
                if following is not None:
                    return []
                following, is_final = other, final
        if following is None or not node.certain:
            return []
        node = following
        if is_final:
            break
    return node.answers[0][4] if node.answers and node.certain and not node.slashed else []


def redirect_for(
    url_map: Map, rules: list[WerkzeugRule], path: str, method: str, environ: WSGIEnvironment, server_name: str | None
) -> RequestRedirect | None:
    """Return the redirect to a path with one more slash; None to search.

    Args:
        url_map: The map, which accepts the host of the request and the server's name.
        rules: The rules that the other path ends at. Werkzeug's matcher comes there before anywhere else.
        path: The path.
        method: The method, in capitals.
        environ: The WSGI environ of the request.
        server_name: The configured `SERVER_NAME`.
    """
    found = moved_for(rules, path, method)
    if found is None:
        return None
    path = found.path
    url = _url_of(url_map, path_text(path), environ, server_name)
    return None if url is None else moved_to(url, path)


def moved_for(rules: list[WerkzeugRule], path: str, method: str) -> Moved | None:
    """Return where a path with one more slash leads to, for an ASCII path; None to search.

    Args:
        rules: The rules that the other path ends at. Werkzeug's matcher comes there before anywhere else.
        path: The path.
        method: The method, in capitals.
    """
    for rule in rules:
        if rule.methods is None or method in rule.methods:
            return None if rule.websocket or not rule.strict_slashes or not path.isascii() else Moved(f"{path}/")
    return None


def _url_of(url_map: Map, path: str, environ: WSGIEnvironment, server_name: str | None) -> str | None:
    """Return what `MapAdapter.make_redirect_url` does for an encoded path; None to ask it."""
    name = environ.get("HTTP_HOST") if server_name is None else server_name
    script_name, query, scheme = environ.get("SCRIPT_NAME"), environ.get("QUERY_STRING"), environ["wsgi.url_scheme"]
    if name is None or "HTTP_HOST" not in environ or script_name is None or query is None:
        return None
    if MapAdapter.make_redirect_url is not _make_redirect_url or MapAdapter.get_host is not _get_host:
        return None
    if not (script_name.isascii() and query.isascii() and LINE_ENDS.isdisjoint(query)):
        return None
    host = name.lower().removesuffix(_PORTS[scheme])
    if url_map.default_subdomain:
        host = f"{url_map.default_subdomain}.{host}"
    root = script_name.strip("/")
    if root:
        if not LINE_ENDS.isdisjoint(root):
            return None
        root = f"/{root}"
    url = f"{scheme}://{host}{root}/{path.lstrip('/')}"
    return f"{url}?{query}" if query else url
