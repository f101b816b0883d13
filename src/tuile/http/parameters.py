"""The fields of a query or a form: Werkzeug's `ImmutableMultiDict`, with fewer steps."""

from __future__ import annotations

import typing as t

from werkzeug.datastructures import ImmutableMultiDict as WerkzeugImmutableMultiDict
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequestKeyError

from ..invalidation import without_replaced

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Value = t.TypeVar("Value")

_new_multidict = MultiDict.__new__
_fill = t.cast("Callable[[object, dict[str, list[object]]], None]", dict.update)
_get = t.cast("Callable[[object, object], list[object] | None]", dict.get)


class ImmutableMultiDict(WerkzeugImmutableMultiDict[str, Value]):
    """Several values for each name, in the order in which they were sent."""

    # For type checkers, the methods are Werkzeug's.
    if not t.TYPE_CHECKING:

        def __getitem__(self, key: str) -> Value:
            values = _get(self, key)
            if values:
                return values[0]
            raise BadRequestKeyError(key)

        def get(self, key: str, default: object = None, type: Callable[[Value], object] | None = None) -> object:
            """Return the first value of a name, converted if that is wanted, or a default."""
            values = _get(self, key)
            if not values:
                return default
            if type is None:
                return values[0]
            try:
                return type(values[0])
            except (ValueError, TypeError):
                return default

        def getlist(self, key: str, type: Callable[[Value], object] | None = None) -> list[object]:
            """Return the values of a name."""
            if type is not None:
                return super().getlist(key, type)
            values = _get(self, key)
            return [] if values is None else list(values)

        def items(self, multi: bool = False) -> Iterator[tuple[str, Value]]:
            """Iterate over the names and their first values, or over all values."""
            if multi:
                return iter([(key, value) for key, values in dict.items(self) for value in values])
            return iter([(key, values[0]) for key, values in dict.items(self)])

        def lists(self) -> Iterator[tuple[str, list[Value]]]:
            """Iterate over the names and their values."""
            return iter([(key, list(values)) for key, values in dict.items(self)])

        def values(self) -> Iterator[Value]:
            """Iterate over the first values."""
            return iter([values[0] for values in dict.values(self)])

        def to_dict(self, flat: bool = True) -> dict[str, object]:
            """Return a dictionary with the first values, or with all of them."""
            if flat:
                return {key: values[0] for key, values in dict.items(self)}
            return {key: list(values) for key, values in dict.items(self)}

        def copy(self) -> MultiDict[str, Value]:
            """Return a copy that can be changed."""
            made: MultiDict[str, Value] = _new_multidict(MultiDict)
            _fill(made, {key: list(values) for key, values in dict.items(self)})
            return made

        def __reduce_ex__(self, protocol: object) -> tuple[object, ...]:
            return WerkzeugImmutableMultiDict, (list(self.items(multi=True)),)


# Werkzeug shows the name of the class.
ImmutableMultiDict.__name__ = ImmutableMultiDict.__qualname__ = WerkzeugImmutableMultiDict.__name__
ImmutableMultiDict.__module__ = WerkzeugImmutableMultiDict.__module__
# Methods that security agents wrapped before are called.
without_replaced(ImmutableMultiDict)
