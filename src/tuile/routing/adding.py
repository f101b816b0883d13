"""Make maps and add rules to them without a call for each attribute that is set."""

from __future__ import annotations

import typing as t
from threading import RLock

from werkzeug.routing import Map as WerkzeugMap
from werkzeug.routing import Rule as WerkzeugRule

from ..invalidation import as_defined
from .rule import EndpointRules, NoticedRules, Rule, RulesByEndpoint, adopt

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.routing import RuleFactory

    from .map import Map

_stock_constructor, _stock_add = as_defined(WerkzeugMap, "__init__"), as_defined(WerkzeugMap, "add")
_stock_get_rules = as_defined(WerkzeugRule, "get_rules")


class _Unwatched(WerkzeugMap):
    """A map with Werkzeug's attributes alone."""

    lock_class = staticmethod(RLock)  # type: ignore[assignment] # as that of `Map`


_unwatched: Callable[..., WerkzeugMap] = _Unwatched


def initial_state(args: tuple[object, ...], kwargs: dict[str, object]) -> dict[str, object] | None:
    """Return the attributes that Werkzeug's constructor gives a map without rules; None if it was replaced."""
    if WerkzeugMap.__init__ is not _stock_constructor:
        return None
    state: dict[str, object] = _unwatched(None, *args, **kwargs).__dict__
    state["_rules_by_endpoint"] = RulesByEndpoint()
    return state


def add_rules(url_map: Map, factory: RuleFactory, add: Callable[[RuleFactory], None]) -> None:
    """Bind a rule, or the rules of a factory, to a map. The caller has the map forget what it knew.

    Args:
        url_map: The map.
        factory: The rule or the factory.
        add: Werkzeug's method of the map.
    """
    by_endpoint = url_map._rules_by_endpoint
    adopt(factory)
    if (
        type(factory) is not Rule
        or getattr(factory.get_rules, "__func__", None) is not _stock_get_rules
        or WerkzeugMap.add is not _stock_add
        or type(by_endpoint) is not RulesByEndpoint
    ):
        noticed = NoticedRules(factory)
        add(noticed)
        for endpoint in noticed.endpoints:
            rules = by_endpoint[endpoint]
            if type(rules) is list:
                by_endpoint[endpoint] = EndpointRules(rules)
        return
    # What Werkzeug's method does for a rule.
    factory.bind(url_map)
    if not factory.build_only:
        url_map._matcher.add(factory)
    if factory.endpoint in by_endpoint:
        by_endpoint[factory.endpoint].append(factory)
    else:
        only: EndpointRules = list.__new__(EndpointRules)
        list.append(only, factory)
        only.link = None
        dict.__setitem__(by_endpoint, factory.endpoint, only)
    url_map.__dict__["_remap"] = True
