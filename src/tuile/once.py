"""A property that is computed on first read."""

from __future__ import annotations

import typing as t

Value = t.TypeVar("Value")


class once(t.Generic[Value]):  # noqa: N801 - used as a decorator, like `property`
    """A method whose result becomes an ordinary attribute of the instance on first read.

    Unlike Werkzeug's `cached_property` it has no `__set__`. So later reads are plain attribute lookups, and assigning
    the attribute prevents the computation.
    """

    def __init__(self, compute: t.Callable[[t.Any], Value]) -> None:
        self.compute = compute
        self.name = compute.__name__
        self.owner: type | None = None
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.owner = owner

    @t.overload
    def __get__(self, instance: None, owner: type | None = None) -> once[Value]: ...

    @t.overload
    def __get__(self, instance: object, owner: type | None = None) -> Value: ...

    def __get__(self, instance: object | None, owner: type | None = None) -> once[Value] | Value:
        if instance is None:
            return self
        value = self.compute(instance)
        if type(instance) is self.owner:
            setattr(instance, self.name, value)
            return value
        cls = kind = type(instance)
        for kind in cls.__mro__:
            if self.name in kind.__dict__:
                break
        if kind.__dict__.get(self.name) is self:
            setattr(instance, self.name, value)
        else:
            # A subclass has a property of that name that calls this one by `super()`.
            vars(instance)[self.name] = value
        return value
