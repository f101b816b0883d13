"""Detect changes of the settings that plans depend on, while reading and writing settings is as fast as for any dict.

A config is a plain dict until a plan is made from it. Then `watch` gives it a class whose methods notice the next
write, whatever it is. They remember the settings that plans depend on, give the config its own class back and move the
epoch to an `Unsettled`. Further writes are those of a plain dict again. The next use of a plan calls `settle`, which
watches the config again and compares: if nothing has changed that plans depend on, the epoch before goes on.

The order makes this correct. A config is watched before its settings are compared, so a write is either seen by the
comparison or noticed.
"""

from __future__ import annotations

import typing as t
from threading import RLock
from types import CodeType, GetSetDescriptorType
from weakref import ref

from . import invalidation
from .invalidation import invalidate

#: The settings that plans depend on. Security settings are not among them: they are read at each request.
PLANNED = ("COOKIE_CHECKS", "COOKIE_UNDECLARED", "DEBUG", "SERVER_NAME", "TESTING")
_WRITING = frozenset({"__delitem__", "__ior__", "__setitem__", "clear", "pop", "popitem", "setdefault", "update"})
_ABSENT = object()
# Held while the class of a config and the epoch change, which belong together.
_CHANGING = RLock()
# Reading the attribute of a watched config says the class that it had before.
_class = t.cast("GetSetDescriptorType", vars(object)["__class__"])


class Unsettled:
    """An epoch in which settings were written.

    Attributes:
        before: The epoch before it.
        written: The configs that were written, and what their settings were before.
    """

    __slots__ = ("before", "written")

    def __init__(self) -> None:
        self.before: object = None
        self.written: list[tuple[ref[Settings], tuple[object, ...]]] = []


class Settings(dict[str, t.Any]):
    """A dict whose changes can be detected."""

    #: The class of such a dict while it is watched, in the dict of each class that was; None if it cannot be.
    _watching: t.ClassVar[type[Settings] | None]


def planned_in(config: dict[str, object]) -> tuple[object, ...]:
    """Return the settings that plans depend on."""
    return tuple([dict.get(config, name, _ABSENT) for name in PLANNED])


def are_as_before(config: dict[str, object], before: tuple[object, ...]) -> bool:
    """Return whether these settings are still the same objects."""
    return all(now is then for now, then in zip(planned_in(config), before, strict=True))


def can_be_watched(config: object) -> bool:
    """Return whether all changes of a config can be detected."""
    return (
        isinstance(config, Settings)
        and _WRITING.isdisjoint(vars(config))
        and ("_own" in vars(type(config)) or _watching_class(type(config)) is not None)
    )


def watch(config: object) -> None:
    """Have the next write of a config be noticed, if it can be watched."""
    if isinstance(config, Settings) and can_be_watched(config) and "_own" not in vars(kind := type(config)):
        _class.__set__(config, _watching_class(kind))


def settle() -> None:
    """End an epoch in which settings were written: the one before goes on if plans do not depend on what changed."""
    with _CHANGING:
        epoch = invalidation.epoch
        if type(epoch) is not Unsettled:
            return
        is_same = True
        for reference, before in epoch.written:
            config = reference()
            if config is not None:
                watch(config)
                is_same = is_same and "_own" in vars(type(config)) and are_as_before(config, before)
        if not is_same:
            invalidate()
        elif invalidation.epoch is epoch:
            invalidation.epoch = epoch.before


def _notice(config: Settings) -> None:
    """Give a watched config its own class back, and remember what its settings are."""
    with _CHANGING:
        own = vars(type(config)).get("_own")
        if own is None:
            return
        record, epoch = (ref(config), planned_in(config)), invalidation.epoch
        if type(epoch) is Unsettled:
            epoch.written.append(record)
        else:
            unsettled = Unsettled()
            unsettled.written.append(record)
            # No other thread runs between these two lines, as nothing is called: what moves the epoch is not lost.
            unsettled.before = invalidation.epoch
            invalidation.epoch = unsettled
        _class.__set__(config, own)


def _watching_class(kind: type[Settings]) -> type[Settings] | None:
    """Return the class for watched configs of a class; None if methods of the class could change them unnoticed."""
    found = vars(kind).get("_watching", _ABSENT)
    if found is _ABSENT:
        found = _new_watching_class(kind) if type(kind) is type and not any(map(_may_write, kind.__mro__)) else None
        kind._watching = found
    return t.cast("type[Settings] | None", found)


def _new_watching_class(kind: type[Settings]) -> type[Settings]:
    methods: dict[str, object] = {name: _noticing(name) for name in (*_WRITING, "__reduce_ex__")}
    named = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    shown = {"__slots__": (), "_own": kind, "__class__": property(lambda _: kind)}
    return type(kind.__name__, (kind,), {**methods, **named, **shown})


def _noticing(name: str) -> t.Callable[..., object]:
    """Return a method that gives the config its own class back, and then calls the method of this class.

    Pickling needs it as well, as the class for watched configs cannot be imported.
    """

    def method(self: Settings, /, *args: object, **kwargs: object) -> object:
        kind = type(self)
        try:
            _notice(self)
            result: object = getattr(self, name)(*args, **kwargs)
        except Exception:
            _end(self, kind)
            del self, args, kwargs  # tracebacks show local variables
            raise
        _end(self, kind)
        return result

    method.__name__ = name
    return method


def _end(config: Settings, kind: type[Settings]) -> None:
    """End a write. Another thread may have watched the config again meanwhile and compared half of the change."""
    if type(config) is kind:
        invalidate()


def _may_write(kind: type) -> bool:
    """Return whether a class, which others wrote, may have methods that write a config in another way than others."""
    is_ours = kind.__module__.partition(".")[0] == __name__.partition(".")[0]
    if is_ours or kind.__module__ == "builtins":
        return False
    if "__init_subclass__" in vars(kind) or not _WRITING.isdisjoint(vars(kind)):
        return True
    functions = [getattr(found, "__func__", getattr(found, "fget", found)) for found in vars(kind).values()]
    return any(_names_writing(code) for code in (getattr(one, "__code__", None) for one in functions) if code)


def _names_writing(code: CodeType) -> bool:
    """Return whether code calls a method of a base class by which settings are written, as far as can be seen."""
    names = {*code.co_names, *code.co_freevars}
    return (
        not names.isdisjoint({"__delitem__", "__ior__", "__setitem__"})
        or not (names.isdisjoint(_WRITING) or names.isdisjoint({"Config", "dict", "super"}))
        or any(_names_writing(constant) for constant in code.co_consts if isinstance(constant, CodeType))
    )
