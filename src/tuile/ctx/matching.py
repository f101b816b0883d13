"""The URL adapter of a request context, and how it finds the rule for its request where the fast path has not."""

from __future__ import annotations

import typing as t
from functools import cache

from werkzeug.exceptions import BadRequest, HTTPException

from ..invalidation import Watched
from ..lazy import late_modules
from ..routing.adapter import Adapter
from ..routing.map import Map
from .app_context import environ_of, new

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.routing import MapAdapter, Rule

    from ..app import Flask
    from ..dispatch.plan import Plan
    from ..routing import answers
    from ..routing.index import Found
    from ..url_links import Address
    from ..wrappers.request import Request

    Arguments: t.TypeAlias = dict[str, t.Any]
else:
    (answers,) = late_modules(__name__, "..routing.answers")


_NEEDS_ASGI = "WebSockets need an ASGI server, and this one has called the application by WSGI."


@cache
def _attributes() -> frozenset[str]:
    """Return the names of the attributes that an adapter is made with."""
    return frozenset(vars(Map().bind("")))


class Matching(metaclass=Watched):
    """The part of a request context that matches the URL."""

    app: Flask
    # The request, unless it is yet to be made: many requests are answered without one. Then these say how.
    _request: Request | None = None
    _plan: Plan | None = None
    _environ: WSGIEnvironment
    # What the fast path has found.
    _refusal: HTTPException | None = None
    _rule: Rule | None = None
    _arguments: Arguments | None = None

    # The URL adapter, once it was read or assigned; False before.
    _adapter: MapAdapter | t.Literal[False] | None = False
    # The map whose URLs begin at the root of the host and need no adapter (`url_links`). False: ask the adapter.
    _root: Map | t.Literal[False] | None = None
    # The plan by whose links URLs are written, as long as they begin at the root of the host.
    _links_by: Plan | None = None
    # What URLs are made with where the adapter says it.
    _address: Address | None = None
    # What stands before external URLs, with the scheme and without, if URLs begin at the root of the host.
    _origin: tuple[str, str] | None = None

    # Reading a property is a call. What runs for each request reads `_request` first, and calls `_make_request` itself.
    @property
    def request(self) -> Request:
        """The request. The fast path leaves it to be made when it is first read."""
        return self._make_request() if self._request is None else self._request

    @request.setter
    def request(self, request: Request) -> None:
        self._request = request

    @request.deleter
    def request(self) -> None:
        self._request = self._plan = None

    def _make_request(self) -> Request:
        """Make the request, as its constructor would have made it at the start."""
        plan = self._plan
        if plan is None:
            return self._given_request()
        request = new(plan.request_class)
        if self._request is not None:
            # Another thread has made it meanwhile. None runs from here on.
            return self._request
        request.environ = environ = self._environ
        request.json_module = self.app.json
        rule = self._rule
        if rule is not None:
            request.url_rule, request.view_args = rule, self._arguments
            if plan.runs_before:
                # It is compared after these functions, and setting it is cheaper than computing it.
                request.method = environ["REQUEST_METHOD"]
        elif self._refusal is not None:
            request.routing_exception = self._refusal
        self._request = environ["werkzeug.request"] = request
        return request

    def _given_request(self) -> Request:
        """Return the request of a context that need not make it."""
        if self._request is not None:
            return self._request
        if type(self).request is not Matching.request:
            # A subclass has a property of its own.
            return self.request
        raise AttributeError(f"{type(self).__name__!r} object has no attribute 'request'")

    def _refuse(self, error: HTTPException) -> None:
        """Keep the error of matching for the dispatch."""
        if self._request is None:
            self._refusal = error
        else:
            self._request.routing_exception = error

    @property
    def url_adapter(self) -> MapAdapter | None:
        """Werkzeug's adapter for this request; None if the host is refused."""
        adapter = self._adapter
        if adapter is False:
            adapter = self.url_adapter = self._make_adapter()
        return adapter

    @url_adapter.setter
    def url_adapter(self, adapter: MapAdapter | None) -> None:
        self._adapter = adapter
        # It may be changed from now on.
        self._root = False
        self._links_by = self._address = None

    def _make_adapter(self) -> MapAdapter | None:
        """Return Werkzeug's adapter for this request; None if the host is refused."""
        url_map = self._root or (None if self._address is None else t.cast("Map", self._address.adapter.map))
        if url_map:
            # URLs were built before, so this request belongs to the map of then.
            adapter = url_map.adapter_for(environ_of(self.request), self.app.config["SERVER_NAME"])
            if adapter is not None:
                return adapter
        try:
            return self.app.create_url_adapter(self.request)
        except HTTPException as error:
            self.request.routing_exception = error
            return None

    def match_request(self) -> None:
        """Find the rule for this request with Werkzeug's adapter, or keep its error for the dispatch."""
        adapter = self.url_adapter
        if adapter is None:
            return
        rule, found = answers.answer_of(adapter)
        if rule is None:
            self.request.routing_exception = t.cast("HTTPException", found)
        elif rule.websocket and self._needs_asgi(rule.endpoint):
            self.request.routing_exception = BadRequest(_NEEDS_ASGI)
        else:
            self.request.url_rule, self.request.view_args = rule, t.cast("Arguments", found)

    def _needs_asgi(self, endpoint: str) -> bool:
        """Return whether an endpoint is a view for the WebSockets of ASGI, and the request is not one of these."""
        is_one = getattr(self.request, "is_websocket", False)
        return not is_one and endpoint in vars(self.app).get("_websocket_endpoints", ())

    def _match_by_map(self) -> None:
        """Find the rule by the map, for an app that needs no adapter."""
        # Of its own copy, for a stream: the server may use the environ for another request by then.
        app, url_map = self.app, self.app.url_map
        matches_hosts = bool(app.subdomain_matching or url_map.host_matching)
        request = self._make_request() if self._request is None else self._request
        self._take(url_map.find(environ_of(request), app.config["SERVER_NAME"], matches_hosts))

    def _take(self, found: Found | None) -> None:
        """Take over what the map has found by itself; if that is nothing certain, ask Werkzeug's adapter."""
        request = self._make_request() if self._request is None else self._request
        if found is None:
            self._match_by_adapter()
        elif found[0] is None:
            request.routing_exception = found[1]
        else:
            request.url_rule, request.view_args = found

    def _finds_by_adapter(self) -> bool:
        """Match by the map if the adapter has what the map reads from the environ; return whether there is a rule."""
        request = self._make_request() if self._request is None else self._request
        adapter, url_map, environ = self.url_adapter, self.app.url_map, environ_of(request)
        if (
            type(adapter) is not Adapter
            or type(self).match_request is not Matching.match_request
            or self.app._current_plan().request_class is None
            or adapter.map is not url_map
            or type(url_map) is not Map
            or url_map.host_matching
            or vars(adapter).keys() != _attributes()
            or adapter.websocket
            or adapter.subdomain != (url_map.default_subdomain or "")
            or adapter.default_method != environ.get("REQUEST_METHOD")
            or adapter.path_info != environ.get("PATH_INFO")
            or not adapter.path_info.isascii()
        ):
            return False
        found = url_map.find(environ, self.app.config["SERVER_NAME"])
        if found is None or found[0] is None:
            # Redirects depend on the other attributes of the adapter.
            return False
        request.url_rule, request.view_args = found
        return True

    def _match_by_adapter(self) -> None:
        """Find the rule by Werkzeug's adapter, unless there is none because it refuses the host."""
        if self.url_adapter is not None:
            self.match_request()
