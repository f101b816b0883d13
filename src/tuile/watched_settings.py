"""A dict of settings that tells when one changes that plans depend on (`dispatch.plan`)."""

from __future__ import annotations

import typing as t
from operator import is_not

from . import invalidation
from .invalidation import invalidate

#: The settings that plans depend on. Security settings are not among them: they are read at each request.
PLANNED_SETTINGS = frozenset({"COOKIE_CHECKS", "COOKIE_UNDECLARED", "DEBUG", "SERVER_NAME", "TESTING"})
_ABSENT = object()
_contains, _get, _pop, _set_default = dict.__contains__, dict.get, dict.pop, dict.setdefault
_del_item, _set_item, _set_items = dict.__delitem__, dict.__setitem__, dict.update


class WatchedSettings(dict[str, t.Any]):
    """A dict that moves the epoch when a setting that plans depend on changes. Reading is as fast as for any dict.

    What sets or removes one setting is written out: nearly all are set so. `_moving` makes the other methods, which
    compare all settings that plans depend on.
    """

    def __setitem__(self, key: str, value: object) -> None:
        try:
            if key not in PLANNED_SETTINGS:
                _set_item(self, key, value)
                return
            if _get(self, key, _ABSENT) is value:
                return
            _set_item(self, key, value)
        except Exception:
            del self, key, value  # tracebacks show local variables
            raise
        invalidate()

    def __delitem__(self, key: str) -> None:
        try:
            is_planned = key in PLANNED_SETTINGS
            _del_item(self, key)
        except Exception:
            del self, key
            raise
        if is_planned:
            invalidate()

    # Declared as those of dict. Wrong arguments are for dict to refuse.
    if not t.TYPE_CHECKING:

        def pop(self, key: object = _ABSENT, default: object = _ABSENT, /, *more: object, **names: object) -> object:
            """Remove a setting and return it, or the default if it is missing."""
            try:
                if key is _ABSENT or more or names:
                    return _pop(self, *(() if key is _ABSENT else (key, default, *more)), **names)
                found = _pop(self, key, _ABSENT)
                if found is _ABSENT:
                    return _pop(self, key) if default is _ABSENT else default
            except Exception:
                del self, key, default, more, names
                raise
            if key in PLANNED_SETTINGS:
                invalidate()
            return found

        def setdefault(
            self, key: object = _ABSENT, default: object = None, /, *more: object, **names: object
        ) -> object:
            """Return a setting, which is set to the default first if it is missing."""
            try:
                if key is _ABSENT or more or names:
                    return _set_default(self, *(() if key is _ABSENT else (key, default, *more)), **names)
                if key not in PLANNED_SETTINGS:
                    return _set_default(self, key, default)
                epoch, moves = invalidation.epoch, not _contains(self, key)
                found = _set_default(self, key, default)
            except Exception:
                del self, key, default, more, names
                raise
            # Another thread may have removed it meanwhile, as in `_moving`.
            if moves or epoch is not invalidation.epoch:
                invalidate()
            return found

    def update(self, /, *args: object, **kwargs: object) -> None:
        """Set the items of a mapping, or of pairs, and then the keyword arguments."""
        given: dict[str, object] = kwargs
        try:
            if args:
                if len(args) != 1 or type(args[0]) is not dict:
                    _update_by_any(self, *args, **kwargs)
                    return
                given = {**args[0], **kwargs} if kwargs else args[0]
            # Most are none that plans depend on.
            if not PLANNED_SETTINGS.isdisjoint(given):
                # In one step: another thread may change what is given.
                given = given.copy()
                for name in given:
                    if name in PLANNED_SETTINGS and _get(self, name, _ABSENT) is not given[name]:
                        _set_items(self, given)
                        invalidate()
                        return
                # They are what they are: set again, they could undo what another thread sets meanwhile, unnoticed.
                given = {name: value for name, value in given.items() if name not in PLANNED_SETTINGS}
            _set_items(self, given)
        except Exception:
            del self, args, kwargs, given  # tracebacks show local variables
            raise

    def __ior__(self, other: t.Any) -> t.Any:  # type: ignore[misc] # Config | dict is a dict
        try:
            WatchedSettings.update(self, other)
        except Exception:
            del self, other  # tracebacks show local variables
            raise
        return self


def _moving(name: str) -> t.Callable[..., object]:
    """Return a dict method that also moves the epoch if a setting that plans depend on may have changed.

    What is as it was before may have been set by another thread meanwhile, and set back. Then the epoch has moved, or
    will: a plan that the other thread's change is part of must not stay valid.
    """
    change = getattr(dict, name)

    def method(self: WatchedSettings, /, *args: object, **kwargs: object) -> object:
        before: list[object] = []
        epoch = invalidation.epoch
        try:
            before = [_get(self, key, _ABSENT) for key in PLANNED_SETTINGS]
            result = change(self, *args, **kwargs)
        except Exception:
            # Some of the settings may have been set.
            invalidate()
            del self, args, kwargs  # tracebacks show local variables
            raise
        after = [_get(self, key, _ABSENT) for key in PLANNED_SETTINGS]
        if epoch is not invalidation.epoch or any(map(is_not, before, after)):
            invalidate()
        return result

    method.__name__, method.__doc__ = name, change.__doc__
    method.__qualname__ = f"WatchedSettings.{name}"
    return method


_update_by_any = _moving("update")
for _name in ("clear", "popitem"):
    setattr(WatchedSettings, _name, _moving(_name))
