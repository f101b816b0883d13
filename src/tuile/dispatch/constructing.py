"""Why contexts and requests have to be made by their constructors, one sentence for each reason."""

from __future__ import annotations

import typing as t
from inspect import isclass

from werkzeug.routing import Map as WerkzeugMap
from werkzeug.routing import MapAdapter
from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wrappers import Response as WerkzeugResponse

from ..ctx.request_context import RequestContext
from ..invalidation import Watched, attributes, replaced, unwatched
from ..routing.binding import BINDING
from ..routing.map import Map
from ..wrappers.environ import own_of_constructor
from ..wrappers.request import Request

if t.TYPE_CHECKING:
    from .planner import Planned

# The methods of contexts whose results are computed inline.
_CONTEXT = attributes(RequestContext, ("__init__", "__new__", "match_request", "pop", "push", "request"))
#: What a class of requests must have of `Request` for contexts and requests to be made without their constructors.
REQUEST = attributes(
    Request, ("__del__", "__new__", "__setattr__", "host", "method", "routing_exception", "url_rule", "view_args")
)
_CONSTRUCTOR = attributes(Request, ("__init__",))
#: Patches of Werkzeug's classes are not detected, so the classes are compared whenever a plan is made.
WERKZEUG: dict[type, dict[str, object]] = {
    MapAdapter: attributes(MapAdapter, ("match",)),
    WerkzeugMap: attributes(WerkzeugMap, ("bind", "bind_to_environ")),
    WerkzeugRequest: attributes(WerkzeugRequest, ("__init__", "_load_form_data", "close")),
    WerkzeugResponse: attributes(WerkzeugResponse, ("__call__", "__init__", "_clean_status", "close", "data", "status"))
    | attributes(WerkzeugResponse, ("get_app_iter", "get_wsgi_headers", "get_wsgi_response", "iter_encoded"))
    | attributes(WerkzeugResponse, ("response", "set_data", "status_code")),
}


def refusals_of_map(app: Planned) -> list[str]:
    """Return the reasons why an app's URL map must match the URL of each request by Werkzeug's adapter."""
    url_map = app.__dict__.get("url_map")
    if type(url_map) is not Map:
        return [f"the URL map is a {name_of(type(url_map))}, so Werkzeug's adapter matches"]
    if BINDING.isdisjoint(vars(url_map)):
        return []
    own = " and ".join(sorted(BINDING.intersection(vars(url_map))))
    return [f"the URL map has its own {own}, so Werkzeug's adapter matches"]


def refusals_of_classes(cls: object) -> list[str]:
    """Return the reasons why contexts and requests of a class must be created by their constructors."""
    found = []
    for kind in (MapAdapter, WerkzeugMap):
        found += [f"Werkzeug's {kind.__name__}.{name} is replaced" for name in replaced(kind, WERKZEUG[kind])]
    found += [f"RequestContext.{name} is replaced" for name in replaced(RequestContext, _CONTEXT)]
    if not (isclass(cls) and isinstance(cls, Watched) and issubclass(cls, Request)) or unwatched(cls, "werkzeug"):
        found.append(f"{name_of(cls)}, or a class that it is derived from, cannot tell when it changes")
    else:
        found += [f"{name_of(cls)} has its own {name}" for name in replaced(cls, REQUEST)]
        if cls.trusted_hosts is not None:
            found.append(f"{name_of(cls)} has hosts to trust")
    names = replaced(WerkzeugRequest, WERKZEUG[WerkzeugRequest])
    return found + [f"Werkzeug's Request.{name} is replaced" for name in names]


def own_constructor(cls: type[Request]) -> tuple[str, ...]:
    """Return the reasons why the constructor of requests must be called."""
    names = [*replaced(cls, _CONSTRUCTOR), *own_of_constructor(cls)]
    return tuple(f"{name_of(cls)} has its own {name}" for name in names)


def name_of(value: object) -> str:
    """Return the full name of a class, or of the class of an object."""
    cls = value if isclass(value) else type(value)
    return f"{cls.__module__}.{cls.__qualname__}"
