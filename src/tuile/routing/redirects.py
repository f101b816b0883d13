"""Redirects of the URL map: to the right path, to the URL of defaults, and to where a rule says."""

from __future__ import annotations

import typing as t
from urllib.parse import urljoin

from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.routing import MapAdapter, RequestRedirect
from werkzeug.routing.exceptions import RequestPath

from ..lazy import lazy_pattern
from .quoting import path_text
from .search import Elsewhere, Moved

if t.TYPE_CHECKING:
    import re

#: What no header can hold.
LINE_ENDS = frozenset("\r\n")
# A variable in the text of `redirect_to`.
_variable = lazy_pattern("<([^>]+)>")


def redirection(adapter: MapAdapter, found: Moved | Elsewhere) -> HTTPException:
    """Return the redirect that Werkzeug's adapter raises, or the refusal of what no header can hold.

    Raises:
        Exception: Whatever a converter or a function for `redirect_to` raises, except HTTP exceptions.
    """
    try:
        url = _target(adapter, found)
    except HTTPException as refusal:
        return refusal.with_traceback(None)
    if not LINE_ENDS.isdisjoint(url):
        return BadRequest()
    return moved_to(url, found.path) if isinstance(found, Moved) else RequestRedirect(url)


def moved_to(url: str, path: str) -> RequestRedirect:
    """Return the redirect to a URL whose path is right with one more slash, or with fewer."""
    redirect = RequestRedirect(url)
    # As Werkzeug raises it; a debugger shows it.
    redirect.__context__ = RequestPath(path)
    redirect.__suppress_context__ = True
    return redirect


def _target(adapter: MapAdapter, found: Moved | Elsewhere) -> str:
    """Return where a redirect leads to."""
    query = adapter.query_args or {}
    if isinstance(found, Moved):
        return adapter.make_redirect_url(path_text(found.path), query)
    rule, arguments = found.rule, found.arguments
    if adapter.map.redirect_defaults:
        url = adapter.get_default_redirect(rule, adapter.default_method.upper(), arguments, query)
        if url is not None:
            return url
    if isinstance(rule.redirect_to, str):

        def value_of(match: re.Match[str]) -> str:
            return rule._converters[match[1]].to_url(arguments[match[1]])

        target = _variable.sub(value_of, rule.redirect_to)
    else:
        target = t.cast("t.Callable[..., str]", rule.redirect_to)(adapter, **arguments)
    host = f"{adapter.subdomain}.{adapter.server_name}" if adapter.subdomain else adapter.server_name
    return urljoin(f"{adapter.url_scheme or 'http'}://{host}{adapter.script_name}", target)
