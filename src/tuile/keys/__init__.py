"""Keys: the key ring, signed and encrypted tokens, and the keys of an application."""

from __future__ import annotations

import typing as t

from ..lazy import late_modules

if t.TYPE_CHECKING:
    from ..sansio.app import App
    from . import app_keys
    from .ring import KeyRing
else:
    (app_keys,) = late_modules(__name__, ".app_keys")


class AppKeyRing:
    """The attribute `keyring` of an app. It can be replaced by assignment."""

    @t.overload
    def __get__(self, app: None, owner: type | None = None) -> AppKeyRing: ...

    @t.overload
    def __get__(self, app: App, owner: type | None = None) -> KeyRing: ...

    def __get__(self, app: App | None, owner: type | None = None) -> AppKeyRing | KeyRing:
        return self if app is None else app_keys.ring_of(app)
