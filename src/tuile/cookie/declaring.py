"""The method with which applications and blueprints declare cookies."""

from __future__ import annotations

import os
import sys
import typing as t
from types import MappingProxyType

from ..invalidation import invalidate

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta

    from typing_extensions import Unpack

    from ..http.cookies import SameSite
    from .declared import DeclaredCookie, PrefixName

    class CookieOptions(t.TypedDict, total=False):
        """The options of a declared cookie, besides its name, type and default."""

        max_age: timedelta | int | None
        path: str
        domain: str | None
        secure: bool
        httponly: bool
        samesite: SameSite | None
        partitioned: bool
        prefix: PrefixName | None
        signed: bool
        encrypted: bool
        invalid: t.Literal["default", "error"]
        purpose: str
        category: str
        provider: str
        vary: bool


Value = t.TypeVar("Value")


class DeclaresCookies:
    """The part of an application or blueprint that declares cookies."""

    #: The declared cookies by name, as browsers see them.
    declared_cookies: dict[str, DeclaredCookie[t.Any]]
    # The category of each cookie that is not necessary, by its name.
    _optional_cookies: Mapping[str, str] = MappingProxyType({})

    if t.TYPE_CHECKING:

        def _check_setup_finished(self, f_name: str) -> None: ...

    @t.overload
    def cookie(
        self,
        name: str,
        *,
        default: Value,
        type: type[Value] = ...,
        choices: Iterable[Value] | None = ...,
        **options: Unpack[CookieOptions],
    ) -> DeclaredCookie[Value]: ...

    @t.overload
    def cookie(
        self,
        name: str,
        *,
        type: type[Value],
        choices: Iterable[Value] | None = ...,
        **options: Unpack[CookieOptions],
    ) -> DeclaredCookie[Value | None]: ...

    @t.overload
    def cookie(
        self, name: str, *, choices: Iterable[str] | None = ..., **options: Unpack[CookieOptions]
    ) -> DeclaredCookie[str | None]: ...

    def cookie(self, name: str, **options: t.Any) -> DeclaredCookie[t.Any]:
        """Declare a cookie, for reading, setting and deleting it. `DeclaredCookie` documents the options.

        Raises:
            ValueError: If a cookie with this name is declared already.
        """
        self._check_setup_finished("cookie")
        caller = sys._getframe(1)
        where = f"{os.path.relpath(caller.f_code.co_filename)}:{caller.f_lineno}"
        from .declared import DeclaredCookie  # noqa: PLC0415 - most applications declare no cookies

        try:
            return self._declare(DeclaredCookie(name, declared_at=where, **options))
        except TypeError as error:
            from ..mistakes import explain  # noqa: PLC0415 - with the first error

            explain(error)
            raise

    def _declare(self, cookie: DeclaredCookie[Value]) -> DeclaredCookie[Value]:
        known = self.declared_cookies.setdefault(cookie.name, cookie)
        if known is not cookie:
            raise ValueError(f"The cookie {cookie.name!r} is already declared, at {known.declared_at}.")
        if cookie.category != "necessary":
            self._optional_cookies = {**self._optional_cookies, cookie.name: cookie.category}
            invalidate()  # each response is looked at
        return cookie
