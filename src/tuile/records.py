"""Frozen records: dataclasses without the functions that `dataclasses` compiles for each class while it is imported."""

from __future__ import annotations

import typing as t
from itertools import repeat
from types import MemberDescriptorType

if t.TYPE_CHECKING:
    from typing_extensions import Self, dataclass_transform
else:  # for type checkers only

    def dataclass_transform(**_: bool) -> t.Callable[[type], type]:
        """Return a decorator that does nothing."""
        return lambda cls: cls


_put = MemberDescriptorType.__set__


@dataclass_transform(frozen_default=True, kw_only_default=True, eq_default=False)
class Record:
    """The base of classes whose objects have the annotated attributes, which are set by the constructor and stay.

    A subclass lists its slots: `__slots__ = tuple(vars()["__annotations__"])`, below the annotations.
    """

    __slots__: t.ClassVar[tuple[str, ...]] = ()
    _slots: t.ClassVar[tuple[MemberDescriptorType, ...]] = ()

    def __init_subclass__(cls) -> None:
        # `object.__setattr__` would look each of them up.
        cls._slots = tuple(getattr(cls, name) for name in cls.__slots__)

    def __init__(self, **values: object) -> None:
        # Without making a set of the names.
        if len(values) != len(self.__slots__) or not all(map(values.__contains__, self.__slots__)):
            message = f"{type(self).__name__} needs exactly these values: {', '.join(self.__slots__)}."
            raise TypeError(message)
        # A loop of calls would take five times as long. None of them returns anything.
        any(map(_put, self._slots, repeat(self), map(values.__getitem__, self.__slots__)))

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
