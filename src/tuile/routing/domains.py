"""The indexes of a map whose rules depend on the subdomain or the host: one for each domain that has rules of its own.

Werkzeug's matcher takes the domain as the first part of the path. The rules of a fixed domain have an index, and so
have those of a domain with variables, whose values come before those of the path.
"""

from __future__ import annotations

import re
import typing as t

from .index import Index, groups_of

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from .map import Map

#: Where a request is matched: the index, the values of the domain's variables, and the domain.
Place = tuple[Index, tuple[str, ...], str]
# How many hosts are remembered.
_MOST_HOSTS = 256


class Domains:
    """The indexes of one map, as long as its rules stay as they are.

    Args:
        url_map: The map, in order.
        index: The index of the rules without a domain, which knows about all rules.
    """

    def __init__(self, url_map: Map, index: Index) -> None:
        self._map = url_map
        self._index = index
        # By the domain, or by the place of the variable part that it matches.
        self._indexes: dict[str | int, Index] = {}
        # By host, scheme and the server's name.
        self._places: dict[tuple[object, ...], Place] = {}

    def place(self, environ: WSGIEnvironment, server_name: str | None) -> Place | None:
        """Return where a request is matched; None to leave it to Werkzeug."""
        key = environ.get("HTTP_HOST"), environ.get("wsgi.url_scheme"), server_name
        place = self._places.get(key)
        if place is None:
            parts = self._map._host_parts(environ, server_name, by_subdomain=True)
            if parts is None:
                return None
            name, subdomain = parts
            place = self._place_of(name if subdomain is None else subdomain)
            if place is not None:
                if len(self._places) >= _MOST_HOSTS:
                    self._places.clear()
                self._places[key] = place
        return place

    def _place_of(self, domain: str) -> Place | None:
        """Return where a domain is matched: by the rules of the fixed one, else of the first whose variables match."""
        root = self._map._matcher._root
        found = root.static.get(domain)
        number: str | int = domain
        values: tuple[str, ...] = ()
        knows_all = True
        for place, (part, state) in enumerate(list(root.dynamic)):
            try:
                match = None if part.final or part.suffixed else re.compile(part.content).match(domain)
            except re.error:
                return None
            if part.final or part.suffixed:
                return None
            if match is not None and found is None:
                found, number = state, place
                values = tuple(match[group] for group in groups_of(match.re))
            elif match is not None or found is not root.static.get(domain):
                # The rules of several domains may match, and the index has those of the first.
                knows_all = False
        if found is None:
            return None
        index = self._indexes.get(number)
        if index is None:
            index = self._indexes[number] = self._index.within(found, domain, knows_all=knows_all)
        return index, values, domain


def place_in(url_map: Map, index: Index, environ: WSGIEnvironment, server_name: str | None) -> Place | None:
    """Return where a request is matched if the subdomain or the host counts; None to leave it to Werkzeug."""
    known = url_map._domains
    if known is None:
        known = Domains(url_map, index)
        with url_map._revision_lock:
            if index is url_map._index:
                url_map._domains = known
    return known.place(environ, server_name)
