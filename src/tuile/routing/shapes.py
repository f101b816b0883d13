"""What the names of the values say that `url_for` is given for an endpoint: which are for the query, which are options.

It is found out once for the names that a program gives.
"""

from __future__ import annotations

import typing as t

from .quoting import query_keys
from .rule import EndpointRules
from .writing import OPTIONS

if t.TYPE_CHECKING:
    from werkzeug.routing import Rule

# A client may choose names if a program passes on what it was sent. So there are at most so many shapes for an
# endpoint, and each has at most so many characters in its names.
_MOST_SHAPES = 16
_LONGEST = 256


class Shape:
    """What is known about some names of values."""

    __slots__ = ("anchor", "external", "has_options", "method", "query", "scheme")

    def __init__(self, names: tuple[str, ...], variables: t.Container[str]) -> None:
        #: The names that belong to the query, each with how it stands there.
        self.query = query_keys((name for name in names if name not in OPTIONS), variables)
        self.has_options = not OPTIONS.isdisjoint(names)
        #: Whether each option was given.
        self.anchor = "_anchor" in names
        self.method = "_method" in names
        self.scheme = "_scheme" in names
        self.external = "_external" in names


def add_shape(rules: list[Rule], names: tuple[str, ...]) -> None:
    """Add the shape of names that were given for an endpoint, if it has a single rule and not too many."""
    if type(rules) is not EndpointRules or rules.expected < 0:
        return
    shapes = rules.shapes
    if len(shapes) < _MOST_SHAPES and len("".join(names)) <= _LONGEST:
        variables = rules[0].arguments
        if variables.issubset(names) and all(type(name) is str for name in names):
            shapes[names] = Shape(names, variables)
