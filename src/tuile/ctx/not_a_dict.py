"""What to write instead, for code that takes the cookies of a request for a dict or for a response."""

from __future__ import annotations

import typing as t

# What dicts and other frameworks have.
_INSTEAD = {
    "add": "cookies.set(name, value)",
    "clear": "for name in list(cookies): cookies.delete(name)",
    "delete_cookie": "cookies.delete(name)",
    "expire": "cookies.delete(name)",
    "pop": "value = cookies.get(name), then cookies.delete(name)",
    "put": "cookies.set(name, value)",
    "remove": "cookies.delete(name)",
    "set_cookie": "cookies.set(name, value)",
    "setdefault": "if name not in cookies: cookies.set(name, value)",
    "secure": "cookies.set(name, value, secure=True)",
    "update": "cookies.set(name, value), once for each name",
}


class NotADict:
    """Errors that say how cookies are set and deleted."""

    if not t.TYPE_CHECKING:
        # Type checkers report these uses as mistakes.

        def __setitem__(self, name: str, value: object) -> t.NoReturn:
            raise TypeError(
                "Cookies are set by a method, which takes their attributes as well."
                f" Write: cookies.set({name!r}, {value if isinstance(value, str) else str(value)!r})"
            )

        def __delitem__(self, name: str) -> t.NoReturn:
            raise TypeError(f"Cookies are deleted by a method. Write: cookies.delete({name!r})")

        def __getattr__(self, name: str) -> t.NoReturn:
            message = f"{type(self).__name__!r} object has no attribute {name!r}"
            instead = _INSTEAD.get(name)
            raise AttributeError(message if instead is None else f"{message}. Write: {instead}", name=name, obj=self)
