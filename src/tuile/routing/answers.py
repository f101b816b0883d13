"""Match the path that an adapter is bound to, as Werkzeug's adapter does."""

from __future__ import annotations

import typing as t

from werkzeug.exceptions import BadRequest, HTTPException, NotFound
from werkzeug.routing import MapAdapter, RequestRedirect

from .adapter import Adapter, werkzeugs_allowed, werkzeugs_match
from .binding import FOREIGN_SUBDOMAIN
from .index import split_path
from .map import Map
from .redirects import redirection
from .refusals import allowed_for
from .search import UNSURE, Elsewhere, Moved, methods_passed, search, union

if t.TYPE_CHECKING:
    from .index import Found

_LINE_ENDS = frozenset("\r\n")


def answer_of(adapter: MapAdapter) -> Found:
    """Return the rule and the view's arguments for the request of an adapter, or None and the refusal.

    Raises:
        Exception: Whatever a converter or a rule's `redirect_to` raises, except HTTP exceptions.
    """
    if adapter.subdomain == FOREIGN_SUBDOMAIN:
        # A rule with a variable subdomain would match it.
        return None, NotFound()
    found = _searched(adapter)
    if found is not None:
        return found
    if type(adapter) is Adapter and "match" not in vars(adapter):
        # Its own method would only search once more.
        match = super(Adapter, adapter).match
    else:
        match = adapter.match
    try:
        rule, arguments = match(return_rule=True)
    except HTTPException as error:
        if isinstance(error, RequestRedirect) and not _LINE_ENDS.isdisjoint(error.new_url):
            # No header can hold them.
            error = BadRequest()
        # Without the frames it came through, which hold the request that has it now.
        if error.__suppress_context__ and error.__context__ is not None:
            error.__context__.__traceback__ = None
        return None, error.with_traceback(None)
    return rule, t.cast("dict[str, t.Any]", arguments)


def allowed_methods(adapter: MapAdapter) -> t.Collection[str]:
    """Return the methods with which a rule matches the path of an adapter, as `adapter.allowed_methods` does."""
    if MapAdapter.allowed_methods is werkzeugs_allowed and "allowed_methods" not in vars(adapter):
        found = _searched(adapter, "--")
        if found is not None:
            return getattr(found[1], "valid_methods", None) or []
    return list(adapter.allowed_methods())


def methods_for(url_map: Map, path: str | None) -> list[str] | None:
    """Return the methods that a path is answered with, as `MapAdapter.allowed_methods` does; None to ask it."""
    index = url_map._index
    if (
        index is None
        or url_map.host_matching
        or not path
        or not path.isascii()
        or split_path(path) is None
        or MapAdapter.allowed_methods is not werkzeugs_allowed
    ):
        return None
    known = allowed_for(url_map, index, path)
    if known is not None:
        return known[2].copy()
    found = methods_passed(url_map, url_map._patterns, url_map.default_subdomain or "", path)
    if found is None:
        return None
    return list(union(found[0]))


def is_plain_list(methods: t.Iterable[str]) -> bool:
    """Return whether methods are different names of capitals, which no header quotes."""
    found = list(methods)
    for method in found:
        if type(method) is not str or not method:
            return False
    text = "".join(found)
    return text.isalpha() and text.isascii() and text.isupper() and len(set(found)) == len(found)


def _always(_: object) -> bool:
    return True


def _searched(adapter: MapAdapter, method: str | None = None) -> Found | None:
    """Return what `adapter.match` would come to, with its own or another method; None to ask it."""
    url_map = adapter.map
    if (
        type(adapter) is not Adapter
        or type(url_map) is not Map
        or adapter.websocket
        or MapAdapter.match is not werkzeugs_match
        or "match" in vars(adapter)
    ):
        return None
    url_map.update()
    domain = adapter.server_name if url_map.host_matching or adapter.subdomain is None else adapter.subdomain
    path = adapter.path_info
    path = f"/{path.lstrip('/')}" if path else ""
    found = search(url_map, url_map._patterns, domain, path, (method or adapter.default_method).upper(), _always)
    if isinstance(found, (Moved, Elsewhere)):
        return None, redirection(adapter, found)
    if found is UNSURE:
        return None
    return (None, found) if isinstance(found, HTTPException) else t.cast("Found", found)
