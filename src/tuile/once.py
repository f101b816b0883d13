"""A value that is computed when it is first read.

Floor 1, text and bytes. What must live here: the descriptor with which requests and contexts put off
what most views never ask for. What must not: anything that knows what is computed.
"""

from __future__ import annotations

import typing as t

Value = t.TypeVar("Value")


class once(t.Generic[Value]):  # noqa: N801 - it is used like a decorator, as `property` is
    """A method whose result becomes an ordinary attribute of the object at the first read.

    Unlike Werkzeug's `cached_property` it defines no `__set__`, so that a later read is a plain
    attribute look-up and an assignment before the first read simply wins.
    """

    def __init__(self, compute: t.Callable[[t.Any], Value]) -> None:
        self.compute = compute
        self.name = compute.__name__
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @t.overload
    def __get__(self, instance: None, owner: type | None = None) -> once[Value]: ...

    @t.overload
    def __get__(self, instance: object, owner: type | None = None) -> Value: ...

    def __get__(self, instance: object | None, owner: type | None = None) -> once[Value] | Value:
        if instance is None:
            return self
        value = self.compute(instance)
        setattr(instance, self.name, value)
        return value
