"""How a request context finds the rule for its request, where the fast path has not found it."""

from __future__ import annotations

import typing as t

from ..invalidation import Watched
from ..routing.answers import answer_of

if t.TYPE_CHECKING:
    from werkzeug.exceptions import HTTPException
    from werkzeug.routing import MapAdapter

    from ..routing.map import Found
    from ..wrappers.request import Request


class Matching(metaclass=Watched):
    """The part of a request context that matches the URL."""

    request: Request

    if t.TYPE_CHECKING:

        @property
        def url_adapter(self) -> MapAdapter | None:
            """Werkzeug's adapter for this request; None when the request's host is refused."""

    def match_request(self) -> None:
        """Find the rule for this request with Werkzeug's adapter, or keep its error for the dispatch."""
        adapter = self.url_adapter
        if adapter is None:
            return
        rule, found = answer_of(adapter)
        if rule is None:
            self.request.routing_exception = t.cast("HTTPException", found)
        else:
            self.request.url_rule, self.request.view_args = rule, t.cast("dict[str, t.Any]", found)

    def _take(self, found: Found | None) -> None:
        """Take over what the map has found by itself; if that is nothing certain, ask Werkzeug's adapter."""
        if found is None:
            self._match_by_adapter()
        elif found[0] is None:
            self.request.routing_exception = found[1]
        else:
            self.request.url_rule, self.request.view_args = found

    def _match_by_adapter(self) -> None:
        """Find the rule by Werkzeug's adapter, unless there is none because it refuses the host."""
        if self.url_adapter is not None:
            self.match_request()
