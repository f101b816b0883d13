"""Bind a map outside requests, as an application with a `SERVER_NAME` does for each of its contexts."""

from __future__ import annotations

import typing as t

from werkzeug.routing import Map as WerkzeugMap
from werkzeug.routing import MapAdapter

from ..invalidation import as_defined
from .adapter import Adapter

if t.TYPE_CHECKING:
    from .map import Map

_bind, _constructor = as_defined(WerkzeugMap, "bind"), as_defined(MapAdapter, "__init__")


class AdapterState(dict[str, object]):
    """The attributes of an adapter that is made when it is first read."""


#: The name of the server, the root, the scheme and the attributes of the adapter that was made of them; or nothing yet.
Made = list[tuple[object, object, object, AdapterState]]


def state_again(made: Made, config: t.Mapping[str, object]) -> AdapterState | None:
    """Return the attributes of the adapter of these settings if it was made before; None to make it."""
    for name, root, scheme, state in made:
        if (
            name is config["SERVER_NAME"]
            and root is config["APPLICATION_ROOT"]
            and scheme is config["PREFERRED_URL_SCHEME"]
            and WerkzeugMap.bind is _bind
            and MapAdapter.__init__ is _constructor
        ):
            return state
    return None


def adapter_of(state: AdapterState) -> Adapter:
    """Return an adapter with these attributes: what the constructor does, without calling it."""
    adapter: Adapter = object.__new__(Adapter)
    adapter.__dict__.update(state)
    return adapter


def adapter_again(made: Made, config: t.Mapping[str, object]) -> Adapter | None:
    """Return the adapter of these settings if it was made before; None to make it."""
    state = state_again(made, config)
    return None if state is None else adapter_of(state)


def adapter_outside(
    url_map: Map, made: Made, server_name: object, script_name: object, scheme: str
) -> MapAdapter | None:
    """Return what `bind` would outside a request for a host that is certainly accepted, or None to ask it.

    Args:
        url_map: The map.
        made: What was made before, as long as the map is as it was.
        server_name: The configured `SERVER_NAME`.
        script_name: The configured `APPLICATION_ROOT`.
        scheme: The configured `PREFERRED_URL_SCHEME`.
    """
    if WerkzeugMap.bind is not _bind:
        return None
    if type(server_name) is not str or type(script_name) is not str or not url_map._accepts(server_name):
        return None
    subdomain = None if url_map.host_matching else url_map.default_subdomain
    adapter = Adapter(url_map, server_name.lower(), script_name, subdomain, scheme, "/", "GET", None)
    if MapAdapter.__init__ is _constructor:
        made[:] = [(server_name, script_name, scheme, AdapterState(vars(adapter)))]
    return adapter
