"""The registries of the functions around views, which tell when they are no longer empty."""

from __future__ import annotations

import typing as t
from collections import defaultdict

from ..invalidation import invalidate

_Scope = t.TypeVar("_Scope")
_Function = t.TypeVar("_Function")


class Registry(defaultdict[_Scope, list[_Function]]):
    """A `defaultdict` of lists of functions by scope. Plans rely on one that is empty, and are stale when it fills.

    The lists may change as they like: a scope without functions counts as well.
    """

    def __repr__(self) -> str:
        return f"defaultdict({self.default_factory!r}, {dict(self)!r})"


def is_empty(registry: object) -> bool:
    """Return whether a registry is empty, and tells when it is no longer."""
    return type(registry) is Registry and not registry


def _telling(name: str) -> t.Callable[..., object]:
    """Return a method that may fill a registry, and tells so. `defaultdict` sets a missing scope by `__setitem__`."""
    change = getattr(defaultdict, name)

    def method(self: Registry[object, object], /, *args: object, **kwargs: object) -> object:
        was_empty = not self
        result = change(self, *args, **kwargs)
        if was_empty:
            invalidate()
        return result

    method.__name__, method.__doc__ = name, change.__doc__
    method.__qualname__ = f"Registry.{name}"
    return method


for _name in ("__ior__", "__setitem__", "setdefault", "update"):
    setattr(Registry, _name, _telling(_name))
