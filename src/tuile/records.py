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
    # For each slot its name and what sets it, which `object.__setattr__` would look up.
    _setters: t.ClassVar[tuple[tuple[str, t.Callable[[object, object], None]], ...]] = ()

    def __init_subclass__(cls) -> None:
        cls._setters = tuple((name, getattr(cls, name).__set__) for name in cls.__slots__)

    def __new__(cls, **values: object) -> Self:
        """Create a record; see `of`."""
        return cls.of(values)

    @classmethod
    def of(cls, values: t.Mapping[str, object]) -> Self:
        """Create a record with the values of all attributes, by their names.

        Python takes twice as long to pass many of them as keywords.

        Raises:
            TypeError: If one is missing, or there is another one.
        """
        record = object.__new__(cls)
        try:
            for name, put in cls._setters:
                put(record, values[name])
        except KeyError:
            values = {}
        if len(values) != len(cls._setters):
            message = f"{cls.__name__} needs exactly these values: {', '.join(cls.__slots__)}."
            raise TypeError(message)
        return record

    def but(self, **changes: object) -> Self:
        """Return a record with some values replaced."""
        return self.of({name: getattr(self, name) for name in self.__slots__} | changes)

    def __setattr__(self, name: str, value: object) -> None:
        message = f"{type(self).__name__}.{name} cannot be changed"
        raise AttributeError(message)

    def __delattr__(self, name: str) -> None:
        self.__setattr__(name, None)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__slots__)})"
