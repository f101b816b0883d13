"""Keys: the key ring, signed and encrypted tokens, and the keys of an application."""

from __future__ import annotations

import typing as t
from functools import cache

from ..lazy import late_modules

if t.TYPE_CHECKING:
    from ..sansio.app import App
    from . import app_keys
    from .ring import KeyRing
else:
    (app_keys,) = late_modules(__name__, ".app_keys")


class AppKeyRing:
    """The attribute `keyring` of an app. It can be replaced by assignment.

    The error without a key is an `AttributeError`, too: `mock.create_autospec`, `inspect.getmembers` and others that
    read all attributes of an app take no other.
    """

    @t.overload
    def __get__(self, app: None, owner: type | None = None) -> AppKeyRing: ...

    @t.overload
    def __get__(self, app: App, owner: type | None = None) -> KeyRing: ...

    def __get__(self, app: App | None, owner: type | None = None) -> AppKeyRing | KeyRing:
        if app is None:
            return self
        try:
            return app_keys.ring_of(app)
        except (RuntimeError, TypeError, ValueError) as error:
            kind = _attribute_error(t.cast("t.Hashable", type(error)))
            arguments = error.args
        # Here, so that its context does not hold the first, whose frames know the key.
        raise kind(*arguments)


@cache
def _attribute_error(kind: type[Exception]) -> type[Exception]:
    """Return a class of errors with the name of another that are also `AttributeError`s."""
    bases = t.cast("tuple[type, ...]", (kind, AttributeError))
    return t.cast("type[Exception]", type(kind.__name__, bases, {"__module__": kind.__module__}))
