"""The namespace behind `g`.

Floor 2, one request. What must live here: attributes that can also be read as a mapping is. What must
not: how long they live (`context`).
"""

from __future__ import annotations

import typing as t

from .app_context import current

_sentinel: t.Any = object()


class _AppCtxGlobals:
    """The namespace behind `g`: attributes kept for as long as an app context lives."""

    # Attribute access is the object's own; these tell type checkers that any name may be there.
    if t.TYPE_CHECKING:

        def __getattr__(self, name: str) -> t.Any: ...

        def __setattr__(self, name: str, value: t.Any) -> None: ...

        def __delattr__(self, name: str) -> None: ...

    def get(self, name: str, default: t.Any | None = None) -> t.Any:
        """Return the attribute `name`, or `default` when it is not set."""
        return self.__dict__.get(name, default)

    def pop(self, name: str, default: t.Any = _sentinel) -> t.Any:
        """Remove the attribute `name` and return it; without a `default`, a missing one is a KeyError."""
        if default is _sentinel:
            return self.__dict__.pop(name)
        return self.__dict__.pop(name, default)

    def setdefault(self, name: str, default: t.Any = None) -> t.Any:
        """Return the attribute `name`, setting it to `default` first when it is missing."""
        return self.__dict__.setdefault(name, default)

    def __contains__(self, item: str) -> bool:
        return item in self.__dict__

    def __iter__(self) -> t.Iterator[str]:
        return iter(self.__dict__)

    def __repr__(self) -> str:
        value = current.get(None)
        return object.__repr__(self) if value is None else f"<flask.g of '{value.app.name}'>"
