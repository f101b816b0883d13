"""Invalidate plans when a class, an object or a setting that they depend on changes.

The assumptions about an app are its plan (`dispatch.plan`). A plan is valid while `epoch` is the object with which it
was made. Every change that could make a plan stale calls `invalidate`, which replaces that object and does nothing
else: it costs the same with one app and with thousands.

The order makes this correct without a lock. A change is made first, and then the epoch moves. A planner reads the epoch
first, and then everything else. So a plan that may have missed a change has an old epoch.
"""

from __future__ import annotations

import sys
import typing as t
from abc import ABCMeta
from operator import attrgetter
from threading import RLock
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, MethodType, ModuleType, WrapperDescriptorType

#: Plans are valid while this is the object with which they were made. It is compared by identity and not a counter: two
#: threads that count could write the same number. A plan keeps its epoch alive, so no address is reused either.
epoch: object = object()
#: The same for what plans say by classes alone, which other changes leave as it is.
classes: object = object()

# Held while the flags of classes are set, so that the last flags set reflect every change.
_SETTING_FLAGS = RLock()


def invalidate() -> None:
    """Make every plan stale. Call it after the change, never before."""
    global epoch  # noqa: PLW0603 - the one thing that all plans depend on
    epoch = object()


def move_classes() -> None:
    """Make stale what plans say by classes alone. Call it after the change, and before `invalidate`."""
    global classes  # noqa: PLW0603 - as above
    classes = object()


class Watched(type(t.Protocol)):  # type: ignore[misc] # a class that is not known to type checkers
    """The metaclass of classes whose attributes a plan depends on: setting or deleting one moves the epoch.

    A class can also have flags for what it has overridden: `_set_flags` sets them, with `set_flag`. It is called when
    the class is created, and again for it and its subclasses when one of their attributes changes: by a test's patch,
    a monitoring agent or an extension.

    The base is the metaclass of `typing.Protocol`, which is an `ABCMeta`, only so that a watched class can be combined
    with protocols and abstract classes.
    """

    if t.TYPE_CHECKING:
        # pyright finds the `__dict__` of `type`, which is read-only, even in instances of a class with a metaclass.
        __dict__: t.Any  # pyright: ignore[reportGeneralTypeIssues] # declared as final

    # As for any class that is not abstract; `WatchedAbstract` has the others.
    __instancecheck__ = type.__instancecheck__
    __subclasscheck__ = type.__subclasscheck__

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, object], /, **kwargs: object) -> Watched:
        """Create a class, with `WatchedAbstract` as its metaclass if one of its bases is abstract."""
        kind = mcs
        if mcs is Watched and any(_is_abstract(base) for one in bases for base in one.__mro__):
            kind = WatchedAbstract
        if "__module__" not in namespace:
            # Made by a call of `type`: Python would take the module of the function that calls it, which is `abc`.
            module = sys._getframe(1).f_globals.get("__name__")
            namespace = namespace if module is None else {**namespace, "__module__": module}
        made: Watched = super().__new__(kind, name, bases, namespace, **kwargs)
        return made

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, object], **kwargs: object) -> None:
        super().__init__(name, bases, namespace, **kwargs)
        if not any(_is_abstract(base) for base in cls.__mro__):
            # Without an abstract base class, `abstractmethod` has no effect.
            cls.set_flag("__abstractmethods__", frozenset())
        cls._set_flags()

    def _set_flags(cls) -> None:
        """Set the flags of this class; see `set_flag`."""

    def set_flag(cls, name: str, value: object) -> None:
        """Set an attribute without moving the epoch, if the value differs."""
        if vars(cls).get(name, invalidate) != value:
            type.__setattr__(cls, name, value)

    def __setattr__(cls, name: str, value: object) -> None:
        super().__setattr__(name, value)
        cls._changed()

    def __delattr__(cls, name: str) -> None:
        super().__delattr__(name)
        cls._changed()

    def _changed(cls) -> None:
        with _SETTING_FLAGS:
            cls._set_flags_below()
        move_classes()
        invalidate()

    def _set_flags_below(cls) -> None:
        cls._set_flags()
        for subclass in cls.__subclasses__():
            subclass._set_flags_below()


class WatchedAbstract(Watched):
    """The metaclass of watched classes with an abstract class or a protocol among their bases."""

    __instancecheck__ = type(t.Protocol).__instancecheck__
    __subclasscheck__ = type(t.Protocol).__subclasscheck__


def _is_abstract(base: type) -> bool:
    return isinstance(base, ABCMeta) and not isinstance(base, Watched)


def set_flags_again(cls: Watched) -> None:
    """Set the flags of a class and its subclasses again, after a change that the metaclass does not see."""
    with _SETTING_FLAGS:
        cls._set_flags_below()


def unwatched(cls: type, known: str = "") -> list[type]:
    """Return those of a class and its bases whose changes are not detected.

    Args:
        cls: The class.
        known: A package whose classes need not be watched, because their relevant attributes are compared whenever a
            plan is made; none by default.
    """
    return [
        kind
        for kind in cls.__mro__
        if not (isinstance(kind, Watched) or kind in _UNCHANGEABLE or kind.__module__.partition(".")[0] == known)
    ]


_ABSENT = object()
_PACKAGE = __name__.partition(".")[0]
# The types of functions and methods that are written in C.
_OF_PYTHON: tuple[type, ...] = (BuiltinFunctionType, MethodDescriptorType, WrapperDescriptorType)
_UNCHANGEABLE: frozenset[object] = frozenset({object, t.Generic, t.Protocol})


class Replaceable:
    """A method, inherited from `base`, that sets `flag` to False on an object whose method is replaced.

    The object's own dictionary has the same information, but reading it creates it, which is slow on CPython 3.11.
    """

    def __init__(self, base: type, flag: str) -> None:
        self.base = base
        self.flag = flag
        self.name = self._key = ""

    @property  # type: ignore[misc] # an attribute that can be set, on other objects
    def __class__(self) -> type:  # pyright: ignore[reportIncompatibleMethodOverride] # as above
        """The class of functions: `mock.patch` with `autospec` looks for functions in a class."""
        return FunctionType

    def __getattr__(self, name: str) -> object:
        """Return an attribute of the function, such as its code or defaults."""
        if name.startswith("_") and not name.startswith("__"):
            raise AttributeError(name)
        return getattr(getattr(self.base, self.name), name)

    def __call__(self, *args: object, **kwargs: object) -> object:
        """Call the method as a function: `mock` checks whether it is callable."""
        return getattr(self.base, self.name)(*args, **kwargs)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        # Not the name itself: `super()` in a subclass must not find the object's own attribute.
        self._key = f"own {name}"

    def stock(self) -> object:
        """Return the inherited method."""
        return attribute(self.base, self.name)

    def __get__(self, instance: object, owner: type | None = None) -> t.Any:
        if instance is None:
            if owner is None:
                raise TypeError("__get__(None, None) is invalid")
            return getattr(self.base, self.name)
        own = instance.__dict__.get(self._key)
        return MethodType(getattr(self.base, self.name), instance) if own is None else own

    def __set__(self, instance: object, value: object) -> None:
        instance.__dict__[self._key] = value
        setattr(instance, self.flag, False)

    def __delete__(self, instance: object) -> None:
        try:
            del instance.__dict__[self._key]
        except KeyError:
            raise AttributeError(self.name) from None


def attribute(cls: type, name: str) -> object:
    """Return the attribute of a class, its own or inherited, without calling descriptors."""
    for kind in cls.__mro__:
        # Most have no such attribute, which takes half as long to see in this way.
        if name in kind.__dict__:
            # Another thread may take it away meanwhile.
            found: object = kind.__dict__.get(name, _ABSENT)
            if found is not _ABSENT:
                return found.stock() if type(found) is Replaceable else found
    return None


def has(cls: type, name: str, value: object) -> bool:
    """Return whether `attribute` returns this object."""
    try:
        # Much faster, and the same for functions.
        found = getattr(cls, name, None)
    except Exception:  # noqa: BLE001 - a descriptor may raise any error
        found = _ABSENT
    return found is value or attribute(cls, name) is value


def as_defined(owner: type | ModuleType, name: str) -> object:
    """Return an attribute as its package defined it, to compare with later; if it was replaced, what equals nothing.

    Monitoring agents wrap methods of Werkzeug and Jinja before the application imports Tuile, or before Tuile imports
    them when they are first needed. So what an attribute is when Tuile is imported says nothing yet.

    Args:
        owner: A class or a module of a dependency, or a class that is derived from one.
        name: The attribute's name.
    """
    for home in owner.__mro__ if isinstance(owner, type) else (owner,):
        found: object = vars(home).get(name, _ABSENT)
        if found is not _ABSENT:
            module = home.__module__ if isinstance(home, type) else home.__name__
            if type(found) is Replaceable:
                return found.stock()
            return found if _is_defined_in(module, found) else object()
    return None


def _is_defined_in(module: str, found: object) -> bool:
    # Types are compared, because a wrapper may claim to be an instance of the function's class.
    if type(found) is classmethod or type(found) is staticmethod:
        found = found.__func__
    elif issubclass(type(found), property):
        found = getattr(found, "fget", None)
    package = _package_of(module)
    if package == _PACKAGE:
        return True
    if type(found) is FunctionType:
        # Not its `__module__`, which `functools.wraps` copies.
        defined_in: object = found.__globals__.get("__name__")
        return defined_in == module or _package_of(str(defined_in)) == package
    if callable(found):
        return type(found) in _OF_PYTHON or issubclass(type(found), type)
    return _package_of(type(found).__module__) in {package, "builtins", "functools"}


def _package_of(module: str) -> str:
    return module.partition(".")[0]


def without_replaced(cls: type) -> None:
    """Remove from a class the methods that it has in place of those that were replaced before in a dependency's class.

    Args:
        cls: A class that is derived from one of a dependency, and does the same in fewer steps.
    """
    base: type = cls.__mro__[1]
    for name in list(vars(cls)):
        if hasattr(base, name) and as_defined(base, name) is not attribute(base, name):
            delattr(cls, name)


def is_method_of(function: object, method: object) -> bool:
    """Return whether a method is this function, bound by Python; a wrapper may only have it as its `__func__`."""
    return type(method) is MethodType and method.__func__ is function


def attributes(cls: type, names: t.Iterable[str]) -> dict[str, object]:
    """Return these attributes of a class as they were defined, to compare with later."""
    return {name: as_defined(cls, name) for name in names}


class Stock:
    """Attributes of one class of a dependency as they were defined, to compare with what they are now.

    Args:
        kind: The class.
        names: The names of the attributes, at least two.

    Attributes:
        read: Returns what a class has of them.
        stock: What it returned when they were defined.
    """

    def __init__(self, kind: type, *names: str) -> None:
        self.read: t.Callable[[type], tuple[object, ...]] = attrgetter(*names)
        self.stock = tuple(as_defined(kind, name) for name in names)

    def is_in(self, kind: type) -> bool:
        """Return whether a class has all of them."""
        try:
            return self.read(kind) == self.stock
        except Exception:  # noqa: BLE001 - as in `has`
            return False


def replaced(cls: type, stock: t.Mapping[str, object]) -> list[str]:
    """Return the names of the attributes that differ from what `attributes` found, in the same order."""
    try:
        # As `has`, which need not be called for most.
        changed = [name for name, value in stock.items() if getattr(cls, name, None) is not value]
    except Exception:  # noqa: BLE001 - as there
        changed = list(stock)
    return [name for name in changed if not has(cls, name, stock[name])] if changed else changed


def still_has(cls: type, stock: t.Mapping[str, object]) -> bool:
    """Return whether a class still has what `attributes` found; False for an empty mapping."""
    return bool(stock) and not replaced(cls, stock)
