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
    # The class of an object while it is filled, which lets attributes be set; the class itself if the layout differs.
    _filled: t.ClassVar[type[t.Any]]
    # Sets the attributes to the values of a dict, once a second object is made.
    _fill: t.ClassVar[t.Callable[[t.Any, t.Mapping[str, object]], None] | None] = None
    _is_known: t.ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        if cls.__setattr__ is not Record.__setattr__:
            return
        cls._filled, cls._fill, cls._is_known = cls, None, False
        if cls.__bases__ == (Record,) and "__slots__" in vars(cls):
            # Both: Python has one function for setting and deleting.
            plain = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
            cls._filled = type(cls.__name__, (Record,), {"__slots__": cls.__slots__, **plain})

    def __new__(cls, **values: object) -> Self:
        """Create a record; see `of`."""
        return cls.of(values)

    @classmethod
    def of(cls, values: t.Mapping[str, object]) -> Self:
        """Create a record with the values of all attributes, by their names.

        Raises:
            TypeError: If one is missing, or there is another one.
        """
        record: t.Any = object.__new__(cls._filled)
        fill = cls._fill or cls._filler()
        try:
            fill(record, values)
        except KeyError:
            values = {}
        if len(values) != len(cls.__slots__):
            message = f"{cls.__name__} needs exactly these values: {', '.join(cls.__slots__)}."
            raise TypeError(message)
        object.__setattr__(record, "__class__", cls)
        return t.cast("Self", record)

    @classmethod
    def _filler(cls) -> t.Callable[[t.Any, t.Mapping[str, object]], None]:
        """Return a function that sets the attributes; for the second object, one that is compiled for the class."""
        if not cls._is_known or cls._filled is cls:
            cls._is_known = True
            return cls._fill_by_names
        # Statements take a twentieth of what calls of `setattr` do. The names are those of the class.
        lines = [f"    record.{name} = values[{name!r}]" for name in cls.__slots__]
        names: dict[str, t.Any] = {}
        exec("\n".join(["def fill(record, values):", *lines]), names)  # noqa: S102 - see above
        cls._fill = staticmethod(names["fill"])
        return t.cast("t.Callable[[t.Any, t.Mapping[str, object]], None]", names["fill"])

    @classmethod
    def _fill_by_names(cls, record: object, values: t.Mapping[str, object]) -> None:
        for name in cls.__slots__:
            object.__setattr__(record, name, values[name])

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
