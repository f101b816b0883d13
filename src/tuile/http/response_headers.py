"""The headers of a response: Werkzeug's `Headers`, with fewer steps for names that are texts, and texts and integers.

Other values, parameters, positions and slices are left to Werkzeug's methods.
"""

from __future__ import annotations

import typing as t

from werkzeug.datastructures import Headers as WerkzeugHeaders

from ..invalidation import without_replaced

_MISSING: t.Final = object()
#: Bodies of fewer octets are short: their Content-Length headers are kept.
SHORT = 2048
#: The Content-Length headers of short bodies, each made when it is first needed: all at once slow the import.
LENGTHS: list[tuple[str, str] | None] = [None] * SHORT


def new_length(length: int) -> tuple[str, str]:
    """Return a Content-Length header, which is kept if it is one of a short body."""
    header = ("Content-Length", str(length))
    if length < SHORT:
        LENGTHS[length] = header
    return header


def _set(headers: WerkzeugHeaders, key: str, value: str) -> None:
    """Set a header whose name is ASCII; it replaces those with this name."""
    pairs, length, lower = headers._list, len(key), None
    for pair in pairs:
        name = pair[0]
        if len(name) == length and (name == key or name.lower() == (lower or (lower := key.lower()))):
            _replace(headers, pair, key, value)
            return
    pairs.append((key, value))


def _replace(headers: WerkzeugHeaders, pair: tuple[str, str], key: str, value: str) -> None:
    """Set a header where the first one with its name stands, which is ASCII; there is only one afterwards."""
    pairs, length, lower = headers._list, len(key), None
    place = pairs.index(pair)
    for name, _ in pairs[place + 1 :]:
        if len(name) == length and (name == key or name.lower() == (lower or (lower := key.lower()))):
            # All but one are removed.
            WerkzeugHeaders.set(headers, key, value)
            return
    pairs[place] = (key, value)


def _set_each(headers: WerkzeugHeaders, items: dict[str, str | int]) -> None:
    """Set headers, comparing each with the names that there are instead of with each header."""
    pairs = headers._list
    present = {name.lower() for name, _ in pairs}
    for key, value in items.items():
        lower = key.lower()
        if lower in present:
            headers.set(key, value)
        else:
            pairs.append((key, value if type(value) is str else str(value)))
            present.add(lower)


class Headers(WerkzeugHeaders):
    """The headers of a response, in the order in which they are sent."""

    # For type checkers, the methods are Werkzeug's. Names are compared by their lengths first, which lower case changes
    # only for text that is not ASCII.
    if not t.TYPE_CHECKING:
        __hash__ = None

        def __reduce__(self) -> tuple[object, ...]:
            return _headers_of, (self._list,)

        def __eq__(self, other: object) -> bool:
            if other.__class__ not in HEADERS_CLASSES:
                return NotImplemented
            mine, theirs = ({(pair[0].lower(), *pair[1:]) for pair in one._list} for one in (self, other))
            return mine == theirs

        def get(self, key: str, default: object = None, type: object = None) -> object:
            """Return the first value of a header, or the default.

            Args:
                key: The name, in upper or lower case.
                default: What to return if there is no such header, or `type` raises a ValueError.
                type: Converts the value.
            """
            if type is not None or key.__class__ is not str or not key.isascii():
                return super().get(key, default, type)
            length, lower = len(key), None
            for name, value in self._list:
                if len(name) == length and (name == key or name.lower() == (lower or (lower := key.lower()))):
                    return value
            return default

        def __getitem__(self, key: object) -> object:
            if type(key) is str and key.isascii():
                length, lower = len(key), None
                for name, value in self._list:
                    if len(name) == length and (name == key or name.lower() == (lower or (lower := key.lower()))):
                        return value
            return super().__getitem__(key)

        def __contains__(self, key: object) -> bool:
            if type(key) is not str or not key.isascii():
                return super().__contains__(key)
            length, lower = len(key), None
            for name, _ in self._list:
                if len(name) == length and (name == key or name.lower() == (lower or (lower := key.lower()))):
                    return True
            return False

        def __setitem__(self, key: object, value: object) -> None:
            if type(key) is str and type(value) is str and "\n" not in value and "\r" not in value and key.isascii():
                # As `_set`, without its call.
                pairs, length, lower = self._list, len(key), None
                for pair in pairs:
                    name = pair[0]
                    if len(name) == length and (name == key or name.lower() == (lower or (lower := key.lower()))):
                        _replace(self, pair, key, value)
                        return
                pairs.append((key, value))
            elif type(value) is int and type(key) is str and key.isascii():
                _set(self, key, str(value))
            else:
                super().__setitem__(key, value)

        def set(self, key: str, value: object, /, **kwargs: object) -> None:
            """Set a header; it replaces those with this name.

            Args:
                key: The name.
                value: The value.
                kwargs: Parameters to add to the value.

            Raises:
                ValueError: If the value has a line break.
            """
            if type(value) is int and not kwargs:
                value = str(value)
            if kwargs or type(key) is not str or type(value) is not str or not key.isascii():
                super().set(key, value, **kwargs)
            elif "\n" in value or "\r" in value:
                super().set(key, value)
            else:
                _set(self, key, value)

        def add(self, key: str, value: object, /, **kwargs: object) -> None:
            """Add a header, beside those with this name.

            Args:
                key: The name.
                value: The value.
                kwargs: Parameters to add to the value.

            Raises:
                ValueError: If the value has a line break.
            """
            if type(value) is int and not kwargs:
                value = str(value)
            if kwargs or type(value) is not str or "\n" in value or "\r" in value:
                super().add(key, value, **kwargs)
            else:
                self._list.append((key, value))

        def setdefault(self, key: str, default: object) -> str:
            """Return the first value of a header, which is set if there is none."""
            value = self.get(key, _MISSING)
            if value is not _MISSING:
                return value
            self.set(key, default)
            return self._get_key(key)

        def update(self, arg: object = None, /, **kwargs: object) -> None:
            """Set each header of a mapping, of pairs, or of the keywords."""
            if type(arg) is dict and type(self) is Headers and not kwargs:
                for key, value in arg.items():
                    if type(key) is not str or not (
                        type(value) is int or (type(value) is str and "\n" not in value and "\r" not in value)
                    ):
                        break
                else:
                    _set_each(self, arg)
                    return
            super().update(arg, **kwargs)


def _headers_of(pairs: list[tuple[str, str]]) -> Headers:
    """Return headers that are unpickled or copied."""
    made = Headers()
    made._list = pairs
    return made


# Tools may show it.
Headers.__module__ = WerkzeugHeaders.__module__
# Methods that security agents wrapped before are called.
without_replaced(Headers)

#: The classes whose `_list` may be read and extended without their methods.
HEADERS_CLASSES: t.Final[frozenset[object]] = frozenset({Headers, WerkzeugHeaders})
