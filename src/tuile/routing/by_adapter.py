"""Build the URL of an endpoint as an adapter does, without calling it if the result is certain to be the same."""

from __future__ import annotations

import typing as t

from werkzeug.routing import MapAdapter

from .adapter import Adapter, werkzeugs_build
from .building import address, first_path, unsuitable
from .map import Map
from .writing import UNSUITABLE

if t.TYPE_CHECKING:
    from .rule import Written
    from .writing import Values


def build(
    adapter: MapAdapter,
    endpoint: str,
    values: Values,
    method: str | None,
    scheme: str | None,
    external: bool,
    *,
    refused: bool = False,
) -> str:
    """Return the result of `adapter.build`, which is called only if the result is uncertain.

    Args:
        adapter: The adapter of the request or the application.
        endpoint: The name of the endpoint.
        values: The variable parts and the values for the query; None stands for a value that is not given.
        method: The method whose rule is used, if there are several; None for the adapter's own, then any.
        scheme: The scheme of an external URL, instead of the adapter's.
        external: Whether the URL begins with a scheme and a host.
        refused: Whether the endpoint's only rule was tried, and one of its converters rejected a value.

    Raises:
        BuildError: If no rule takes the values.
    """
    path = _written(adapter, endpoint, values, method, refused=refused)
    if path is None:
        if type(adapter) is Adapter and "build" not in vars(adapter):
            # Its own method would only try once more.
            write = super(Adapter, adapter).build
        else:
            write = adapter.build
        url: str = write(endpoint, values, method=method, url_scheme=scheme, force_external=external)
        return url
    domain = ""
    if path.__class__ is tuple:
        domain, path = path
    return address(adapter, domain, path, scheme, external)


def _written(adapter: MapAdapter, endpoint: str, values: Values, method: str | None, *, refused: bool) -> Written:
    """Return the result of the first rule that accepts the values; None if uncertain.

    Raises:
        BuildError: If no rule takes the values.
    """
    url_map = adapter.map if type(adapter) is Adapter else None
    if type(url_map) is not Map or MapAdapter.build is not werkzeugs_build or "build" in vars(adapter):
        return None
    if url_map._remap:
        url_map.update()
    rules = url_map._rules_by_endpoint.get(endpoint, ())
    host = adapter.server_name if url_map.host_matching else None
    path = first_path(rules, values, method, adapter.default_method, host, refused=refused)
    if path is UNSUITABLE:
        raise unsuitable(adapter, endpoint, values, method)
    return path
