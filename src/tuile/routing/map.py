"""Find the rule for a path: Werkzeug's URL map with an index for fast matching.

Werkzeug's `Map` parses rules and handles everything that the index does not support.
"""

from __future__ import annotations

import typing as t
from itertools import chain
from threading import RLock

from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import MapAdapter, RuleFactory
from werkzeug.routing import Rule as WerkzeugRule

from ..invalidation import invalidate
from ..lazy import late_modules
from . import adding
from .adapter import werkzeugs_build
from .binding import BINDING, SCHEMES, Binding, is_for_websocket
from .index import Found, Index, converted, split_path
from .matcher import Matcher
from .route import Routes, add_route, matched_by
from .rule import EndpointRules, RulesByEndpoint

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from . import domains, redirects, refusals, search
    from .search import Moved, Patterns
else:
    domains, redirects, refusals, search = late_modules(__name__, ".domains", ".redirects", ".refusals", ".search")

# The attributes of a map that the index depends on and that may be set after rules were added.
_KNOBS = frozenset({"host_matching", "sort_parameters", "default_subdomain", "redirect_defaults", "_matcher"})
# How often adapters match a rule before a function is generated for it, which takes as long as a hundred matches.
_USES_BEFORE_GENERATING = 32
_set = object.__setattr__  # `super()` would take most of the time


class Map(Binding):
    """Werkzeug's URL map with `find`, which matches most requests without an adapter."""

    #: Held while rules are added and sorted. It is reentrant because a converter's constructor may use the map.
    lock_class = staticmethod(RLock)  # type: ignore[assignment] # Werkzeug says Lock; RLock is a function

    # The tests of variable parts, which `search` fills.
    _patterns: Patterns
    _added: int
    # Counts changes, so that an index that was built during a change is not kept.
    _revision: int
    _index: Index | None = None
    # That of the rules for WebSockets, if one was opened.
    _websockets: Index | None = None
    # The indexes of subdomains and hosts, if one was needed.
    _domains: domains.Domains | None = None

    def __init__(self, rules: t.Iterable[RuleFactory] | None = None, *args: t.Any, **kwargs: t.Any) -> None:
        # None of these is looked at by `__setattr__`. The first is of `Binding`, whose constructor is not called.
        self.__dict__.update(_plain_hosts={}, _patterns={}, _added=0, _revision=0, _revision_lock=RLock())
        is_stock = type(self) is Map and "default_converters" not in vars(Map)
        state = adding.initial_state(args, kwargs) if is_stock else None
        if state is None:
            super().__init__(None, *args, **kwargs)
            self._matcher = Matcher(self.merge_slashes)
        else:
            state["_matcher"] = Matcher(t.cast("Matcher", state["_matcher"]).merge_slashes)
            self.__dict__.update(state)
        for rule in rules or ():
            self.add(rule)

    def __setattr__(self, name: str, value: object) -> None:
        if name == "_rules_by_endpoint" and type(value) is dict:
            value = RulesByEndpoint(value)
        _set(self, name, value)
        if name in _KNOBS and "_revision_lock" in self.__dict__:
            self._forget_index()
        elif name == "_rules_by_endpoint":
            invalidate()
        elif name in BINDING:
            # The replaced method must be called for each request, so no host may be known.
            self._plain_hosts.clear()
            invalidate()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if name in BINDING:
            invalidate()

    @property
    def _rules(self) -> list[WerkzeugRule]:
        # The copy is needed because another thread may add an endpoint.
        return [*chain.from_iterable(list(self._rules_by_endpoint.values()))]

    def add(self, rulefactory: RuleFactory) -> None:
        """Bind a rule, or the rules of a factory, to this map. Requests may be running."""
        with self._remap_lock:
            self.__dict__["_added"] += 1
            adding.add_rules(self, rulefactory, super().add)
        self._forget_index()

    def update(self) -> None:
        """Sort the rules for matching and building if some were added."""
        if not self._remap:
            return
        with self._remap_lock:
            while self._remap:
                added = self._added
                self._matcher.update()
                by_endpoint = self._rules_by_endpoint
                # Without pairs: thousands of new objects would have the garbage collector look at all rules.
                for endpoint in list(by_endpoint):
                    rules = by_endpoint.get(endpoint, [])
                    if len(rules) > 1:
                        # As in `_Matcher.update`.
                        count = len(rules)
                        ordered = EndpointRules(sorted(rules[:count], key=lambda rule: rule.build_compare_key()))
                        self._rules_by_endpoint[endpoint] = ordered
                        ordered += rules[count:]
                self._remap = False
                if added != self._added:
                    # The lock is reentrant: this thread itself has added another rule meanwhile.
                    self._remap = True

    def _forget_index(self) -> None:
        state = self.__dict__  # to be set without `__setattr__`, which takes longer than all the rest
        with self._revision_lock:
            state["_revision"] += 1
            state["_index"] = state["_websockets"] = state["_domains"] = None
        # Plans remember what was found.
        invalidate()

    def find(  # noqa: C901 - each request calls it
        self, environ: WSGIEnvironment, server_name: str | None = None, matches_hosts: bool = False
    ) -> Found | None:
        """Return the rule and the view's arguments for a request, or None and the HTTP error, or None if uncertain.

        If the result is None, a `MapAdapter` must be asked: the request may still match, redirect or fail.

        Args:
            environ: The WSGI environ of the request.
            server_name: The configured `SERVER_NAME`.
            matches_hosts: Whether rules match on the host, or on the subdomain of `server_name`.

        Raises:
            Exception: Whatever a converter raises, except `ValidationError` and HTTP exceptions.
        """
        index = self._index
        if index is None:
            index = self._build_index()
        values: list[str] = []
        if matches_hosts:
            place = domains.place_in(self, index, environ, server_name)
            if place is None:
                return None
            index, values = place[0], [*place[1]]
        hosts = self._plain_hosts
        if (
            (environ.get("HTTP_HOST") not in hosts and not self._accepts_host_of(environ))
            or (server_name is not None and server_name not in hosts and not self._accepts(server_name))
            or environ.get("wsgi.url_scheme") not in SCHEMES
            or ("HTTP_UPGRADE" in environ and is_for_websocket(environ))
        ):
            return None
        path = environ.get("PATH_INFO") or ""
        answers = index.static.get(path)
        if answers is None:
            if (parts := split_path(path)) is None:
                return None if matches_hosts else self._searched(environ, server_name)
            node = index.walk(path, parts, values)
            answers = [] if node is None else node.answers
            if not answers:
                slashed = [] if node is None else node.slashed
                if not slashed and index.misses(parts):
                    return None, NotFound()
                return None if matches_hosts else self._redirected(slashed, environ, server_name)
        method = environ["REQUEST_METHOD"]
        for rule, certain, arguments, guards, rules in answers:
            methods = rule.methods
            if methods is None or method in methods:
                if not certain and (certain is False or not self._is_certain(rule)):
                    return None if matches_hosts else self._searched(environ, server_name)
                if methods is None and not method.isupper():
                    return None
                if not arguments:
                    return rule, dict(rule.defaults) if rule.defaults else {}
                if rule._converters != guards[0]:
                    return None
                for kind, stock, attributes, before in guards[1]:
                    if kind.to_python is not stock or attributes != before:
                        return None
                return converted(rule, arguments, values, rules, method)
        refusal = refusals.refusal_for(self, index, path, method) if method.isupper() else None
        if refusal is not None:
            return None, refusal
        return None if matches_hosts else self._searched(environ, server_name)

    def find_path(self, path: str, method: str) -> Found | Moved | None:  # noqa: C901 - as above
        """Return what `find` does, for a path as an adapter has it and a host that is accepted, or `Moved`."""
        if path[:1] != "/" or not (method.isupper() or method == "--"):
            return None
        if not path.isascii():
            try:
                # As a server gives it.
                path = path.encode().decode("latin1")
            except UnicodeError:
                return None
        index = self._index or self._build_index()
        values: list[str] = []
        answers = index.static.get(path)
        if answers is None:
            matched = matched_by(index.routes, path, method) if index.routes else None
            if matched is not None:
                found, given, error = matched
                return (None, t.cast("HTTPException", error)) if found is None else (found, given)
            if (parts := split_path(path)) is None:
                return None
            node = index.walk(path, parts, values)
            answers = [] if node is None else node.answers
            if not answers:
                if node is not None and node.slashed:
                    return refusals.moved_for(node.slashed, path, method)
                return (None, NotFound()) if index.misses(parts) else None
        for rule, certain, arguments, guards, rules in answers:
            methods = rule.methods
            if methods is None or method in methods:
                if not certain:
                    if certain is False and arguments:
                        self._note_use(index, path, rule)
                    return None
                if not arguments:
                    return rule, dict(rule.defaults) if rule.defaults else {}
                if rule._converters != guards[0]:
                    return None
                for kind, stock, attributes, before in guards[1]:
                    if kind.to_python is not stock or attributes != before:
                        return None
                self._note_use(index, path, rule)
                return converted(rule, arguments, values, rules, method)
        refusal = refusals.refusal_for(self, index, path, method)
        return None if refusal is None else (None, refusal)

    def _note_use(self, index: Index, path: str, rule: WerkzeugRule) -> None:
        """Count that an adapter has matched a rule with variables, and add the function of one that often is."""
        index.uses[id(rule)] = uses = index.uses.get(id(rule), 0) + 1
        if uses == _USES_BEFORE_GENERATING:
            add_route(index.routes, index, path, rule, None)

    def _redirected(
        self, slashed: list[WerkzeugRule], environ: WSGIEnvironment, server_name: str | None
    ) -> Found | None:
        """Return the redirect to a path with one more slash, where some rules end; else what a search finds."""
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO") or ""
        redirect = None
        if slashed and method.isupper() and path.isascii():
            redirect = refusals.redirect_for(self, slashed, path, method, environ, server_name)
        return self._searched(environ, server_name) if redirect is None else (None, redirect)

    def _searched(self, environ: WSGIEnvironment, server_name: str | None) -> Found | None:
        """Return what `find` does, for a request that the index leaves."""
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO")
        if self.host_matching or not method.isupper() or path is None:
            return None
        if not path.isascii():
            try:
                path = path.encode("latin1").decode(errors="replace")
            except UnicodeError:
                return None
        path = f"/{path.lstrip('/')}" if path else ""
        adapters: list[MapAdapter] = []

        def can_redirect(rule: WerkzeugRule) -> bool:
            # A function is given the adapter of the request.
            adapter = None if callable(rule.redirect_to) else self.adapter_for(environ, server_name)
            if adapter is not None:
                adapters.append(adapter)
            return adapter is not None

        found = search.search(self, self._patterns, self.default_subdomain or "", path, method, can_redirect)
        if isinstance(found, (search.Moved, search.Elsewhere)):
            adapter = adapters[0] if adapters else self.adapter_for(environ, server_name)
            return None if adapter is None else (None, redirects.redirection(adapter, found))
        if found is search.UNSURE:
            return None
        return (None, found) if isinstance(found, HTTPException) else t.cast("Found", found)

    def _is_certain(self, rule: WerkzeugRule) -> bool:
        """Return whether a match is certain for a rule whose changes are not detected."""
        return not (
            rule.alias
            or rule.websocket
            or rule.redirect_to is not None
            or any(
                other is not rule and other.defaults and other.arguments == rule.arguments
                for other in self._rules_by_endpoint.get(rule.endpoint, ())
            )
        )

    def answers_always(self, path: str, rule: WerkzeugRule) -> bool:
        """Return whether `find` answers a path with this rule and no arguments for each of its methods.

        It does until the epoch moves, or the rule gets defaults: those of a blueprint are an empty dict, which may be
        filled. There are at most as many such paths as there are rules.
        """
        index = self._index
        answers = None if index is None else index.static.get(path)
        if not answers:
            return False
        first, certain, _, _, _ = answers[0]
        return first is rule and certain is True and rule.methods is not None and not rule.defaults

    def add_route(self, routes: Routes, path: str, rule: WerkzeugRule, view: object) -> None:
        """Add a function that does what `find` does for a rule with variables, until the epoch moves, if it can."""
        index = self._index
        if index is not None:
            add_route(routes, index, path, rule, view)

    def _build_index(self, name: str = "_index") -> Index:
        """Return an index, and keep it as the attribute of this name unless the map was changed meanwhile."""
        revision = self._revision
        self.update()
        index = Index(self, websockets=name == "_websockets")
        with self._revision_lock:
            if revision == self._revision:
                setattr(self, name, index)
            if revision != self._revision:
                # The lock is reentrant: this thread itself may have added a rule between these lines.
                setattr(self, name, None)
        return index


def builds_at_root(url_map: Map | None) -> bool:
    """Return whether URLs have neither a subdomain by default nor sorted parameters, and Werkzeug builds the others."""
    if url_map is None or url_map.default_subdomain or url_map.sort_parameters:
        return False
    return MapAdapter.build is werkzeugs_build
