"""Frozen records: dataclasses without the functions that `dataclasses` compiles for each class while it is imported."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from typing_extensions import Self, dataclass_transform
else:  # for type checkers only

    def dataclass_transform(**_: bool) -> t.Callable[[type], type]:
        """Return a decorator that does nothing."""
        return lambda cls: cls


@dataclass_transform(frozen_default=True, kw_only_default=True, eq_default=False)
class Record:
    """The base of classes whose objects have the annotated attributes, which are set by the constructor and stay.

    A subclass lists its slots: `__slots__ = tuple(vars()["__annotations__"])`, below the annotations.
    """

    __slots__: t.ClassVar[tuple[str, ...]] = ()
    _setters: t.ClassVar[tuple[tuple[str, t.Callable[[object, object], None]], ...]] = ()

    def __init_subclass__(cls) -> None:
        # Of the slots: `object.__setattr__` would look each of them up.
        cls._setters = tuple((name, getattr(cls, name).__set__) for name in cls.__slots__)

    def __init__(self, **values: object) -> None:
        # Without making a set of the names.
        if len(values) != len(self.__slots__) or not all(map(values.__contains__, self.__slots__)):
            message = f"{type(self).__name__} needs exactly these values: {', '.join(self.__slots__)}."
            raise TypeError(message)
        for name, put in self._setters:
            put(self, values[name])

    def but(self, **changes: object) -> Self:
        """Return a record with some values replaced."""
        return type(self)(**{name: getattr(self, name) for name in self.__slots__} | changes)

    def __setattr__(self, name: str, value: object) -> None:
        message = f"{type(self).__name__}.{name} cannot be changed"
        raise AttributeError(message)

    def __delattr__(self, name: str) -> None:
        self.__setattr__(name, None)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__slots__)})"
