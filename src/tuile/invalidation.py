"""Noticing that a class, or one object, has got something else in the place of what it was made with.

Floor 1, text and bytes. What must live here: how a replacement is noticed when it is made, so that nobody
has to look for one at each request. What must not: what follows from it.

A class of the kind `Watched` has a class method `look`, which notes what others may take for granted of the
class. It is called when the class is made, and again for it and its subclasses whenever one of their
attributes is set or deleted: by a test's patch, a monitoring agent, an extension. Of a dict of the kind
`WatchedSettings` those are told who have asked for a name by `when_set`.
"""

from __future__ import annotations

import typing as t
from abc import ABCMeta
from threading import RLock
from types import FunctionType, MethodType

#: Held while notes are taken, so that those taken last have seen every change.
NOTING = RLock()

_listeners: list[t.Callable[[], None]] = []
_setting_listeners: dict[str, list[t.Callable[[object], None]]] = {}


def announce() -> None:
    """Tell the listeners that something they take for granted was changed."""
    for listener in _listeners:
        listener()


def when_changed(listener: t.Callable[[], None]) -> None:
    """Have a function called after any watched class was changed."""
    _listeners.append(listener)


class Watched(type(t.Protocol)):  # type: ignore[misc] # a class that is not known to type checkers
    """The kind of class that looks at itself again when it is changed.

    It is derived from the kind of `typing.Protocol`, which is an `ABCMeta`, only so that a watched class can be
    combined with protocols and abstract ones.
    """

    # As for any class that is not abstract; see `WatchedAbstract`.
    __instancecheck__ = type.__instancecheck__
    __subclasscheck__ = type.__subclasscheck__

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, t.Any], /, **kwargs: t.Any) -> Watched:
        """Make a class, of the kind for abstract ones if one of its bases is abstract."""
        kind = mcs
        if mcs is Watched and any(_is_abstract(base) for one in bases for base in one.__mro__):
            kind = WatchedAbstract
        made: Watched = super().__new__(kind, name, bases, namespace, **kwargs)
        return made

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, t.Any], **kwargs: t.Any) -> None:
        super().__init__(name, bases, namespace, **kwargs)
        if not any(_is_abstract(base) for base in cls.__mro__):
            # Without an abstract class among its bases, what is marked as abstract means nothing.
            cls.note("__abstractmethods__", frozenset())
        cls.look()

    def look(cls) -> None:
        """Note what others may take for granted of this class, with `note`."""

    def note(cls, name: str, value: object) -> None:
        """Set an attribute without looking again."""
        type.__setattr__(cls, name, value)

    def __setattr__(cls, name: str, value: t.Any) -> None:
        super().__setattr__(name, value)
        cls._changed()

    def __delattr__(cls, name: str) -> None:
        super().__delattr__(name)
        cls._changed()

    def _changed(cls) -> None:
        with NOTING:
            cls._look_below()
            announce()

    def _look_below(cls) -> None:
        cls.look()
        subclasses: list[t.Any] = type.__subclasses__(cls)
        for subclass in subclasses:
            subclass._look_below()


class WatchedAbstract(Watched):
    """The kind of a watched class with an abstract class, or a protocol, among its bases: it can `register` others."""

    __instancecheck__ = type(t.Protocol).__instancecheck__
    __subclasscheck__ = type(t.Protocol).__subclasscheck__


def _is_abstract(base: type) -> bool:
    return isinstance(base, ABCMeta) and not isinstance(base, Watched)


class Replaceable:
    """A method, inherited from `base`, that sets `flag` to False on an object that gets another in its place.

    An object's own dictionary would tell the same, but asking for it makes it: 2,000 instructions on CPython 3.11.
    """

    def __init__(self, base: type, flag: str) -> None:
        self.base = base
        self.flag = flag
        self.name = self._key = ""

    @property  # type: ignore[misc] # an attribute that can be set, on other objects
    def __class__(self) -> type:
        """What it stands for: `mock.patch` with `autospec` looks for functions in a class."""
        return FunctionType

    def __getattr__(self, name: str) -> t.Any:
        """Answer what is asked of a function: its code, its defaults."""
        if name.startswith("_") and not name.startswith("__"):
            raise AttributeError(name)
        return getattr(getattr(self.base, self.name), name)

    def __call__(self, *args: t.Any, **kwargs: t.Any) -> t.Any:
        """Call the method as a function: `mock` asks whether it can be called."""
        return getattr(self.base, self.name)(*args, **kwargs)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        # Not the name itself: what a subclass's `super()` asks for is never the object's own.
        self._key = f"own {name}"

    def stock(self) -> object:
        """Return the method as it was inherited."""
        return attribute(self.base, self.name)

    def __get__(self, instance: t.Any, owner: type | None = None) -> t.Any:
        if instance is None:
            if owner is None:
                raise TypeError("__get__(None, None) is invalid")
            return getattr(self.base, self.name)
        own = instance.__dict__.get(self._key)
        return MethodType(getattr(self.base, self.name), instance) if own is None else own

    def __set__(self, instance: t.Any, value: t.Any) -> None:
        instance.__dict__[self._key] = value
        setattr(instance, self.flag, False)

    def __delete__(self, instance: t.Any) -> None:
        try:
            del instance.__dict__[self._key]
        except KeyError:
            raise AttributeError(self.name) from None


def attribute(cls: type, name: str) -> object:
    """Return what a class has under a name, its own or inherited, without asking a descriptor to answer for it."""
    for kind in cls.__mro__:
        if name in vars(kind):
            found: object = vars(kind)[name]
            return found.stock() if type(found) is Replaceable else found
    return None


def attributes(cls: type, names: t.Iterable[str]) -> dict[str, object]:
    """Return what a class has under these names, to be compared with later."""
    return {name: attribute(cls, name) for name in names}


def still_has(cls: type, stock: t.Mapping[str, object]) -> bool:
    """Answer whether a class has what `attributes` found; nothing is certain of an empty mapping."""
    return bool(stock) and all(attribute(cls, name) is value for name, value in stock.items())


def when_set(listener: t.Callable[[object], None], names: t.Iterable[str]) -> None:
    """Have a function called with the dict after one of these names may have been set or deleted in it."""
    for name in names:
        _setting_listeners.setdefault(name, []).append(listener)


class WatchedSettings(dict[str, t.Any]):
    """A dict that tells when something was set or deleted. Reading it is as fast as reading any dict.

    The other ways to take something out of a dict tell nobody: settings are not taken out.
    """

    def _tell(self, names: t.Iterable[str]) -> Exception | None:
        """Tell the listeners of names; return what one of them raised, without the frames that show the settings."""
        told = {id(listener): listener for name in names for listener in _setting_listeners.get(name, ())}
        try:
            for listener in told.values():
                listener(self)
        except Exception as error:  # noqa: BLE001 - whatever a listener finds wrong
            return error.with_traceback(None)
        return None

    def __setitem__(self, name: str, value: t.Any) -> None:
        super().__setitem__(name, value)
        if name in _setting_listeners:
            error = self._tell((name,))
            if error is not None:
                del self, value  # what raises shows its variables
                raise error

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        error = self._tell((name,))
        if error is not None:
            del self
            raise error

    def __ior__(self, other: t.Any) -> t.Any:  # type: ignore[misc] # Config | dict is a dict
        try:
            self.update(other)
        except ValueError:
            del self, other
            raise
        return self

    def update(self, *args: t.Any, **kwargs: t.Any) -> None:
        """Take over what is given, as any dict does."""
        given = dict(*args, **kwargs)
        super().update(given)
        error = self._tell(given)
        if error is not None:
            del self, given, args, kwargs  # what raises shows its variables
            raise error
