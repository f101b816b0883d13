"""The setting `COOKIE_DEFAULTS`: with ``"secure"``, cookies that are set without certain attributes get safer ones.

SameSite is Lax, and over HTTPS cookies are Secure. The session and what `cookies` sets also get a name that begins with
``__Host-`` over HTTPS, which browsers accept only from the host itself (RFC 6265bis, section 4.1.3.2).

A session that came under the name without the prefix, as it had before the setting, is moved to the new name. Other
hosts of the site can set a cookie with that name too, so ``"strict"`` does not read it.
"""

from __future__ import annotations

import typing as t

from .app_context import current_value

if t.TYPE_CHECKING:
    from ..http.cookies import SameSite
    from ..sansio.app import App

PREFIX: t.Final = "__Host-"
# What a name begins with that has a prefix already, in lower case; `__Host-Http-` is among them.
_PREFIXES = ("__host-", "__secure-", "__http-")
_SETTINGS = ("secure", "strict")


def are_secure(app: App) -> bool:
    """Return whether `COOKIE_DEFAULTS` is ``"secure"`` or ``"strict"``.

    Raises:
        ValueError: If it has another value than those or None.
    """
    setting: object = app.config.get("COOKIE_DEFAULTS")
    if setting is None:
        return False
    if setting not in _SETTINGS:
        message = f"COOKIE_DEFAULTS must be 'secure', 'strict' or None (Flask's defaults), not {setting!r}."
        raise ValueError(message)
    return True


def is_https(app: App) -> bool:
    """Return whether the current request came by HTTPS; outside of one, whether `PREFERRED_URL_SCHEME` says so."""
    context = current_value(None)
    if context is None or context.request is None:
        return bool(app.config.get("PREFERRED_URL_SCHEME") == "https")
    return bool(context.request.is_secure)


def with_defaults(app: App, secure: bool, samesite: SameSite | None, partitioned: bool) -> tuple[bool, SameSite | None]:
    """Return Secure and SameSite of a cookie, with the defaults in place of False and None.

    A partitioned cookie gets no SameSite: it is for frames within other sites, where Lax cookies are not sent.
    """
    if not are_secure(app):
        return secure, samesite
    return secure or is_https(app), "Lax" if samesite is None and not partitioned else samesite


def prefixed(name: str) -> str:
    """Return the name of a cookie with ``__Host-``, unless it has a prefix already."""
    return name if name.lower().startswith(_PREFIXES) else f"{PREFIX}{name}"


def host_name(name: str, path: str | None, domain: str | None, secure: bool) -> str:
    """Return the name of a cookie with ``__Host-`` if its attributes allow it: Secure, Path=/ and no Domain."""
    return prefixed(name) if secure and path == "/" and not domain and isinstance(name, str) else name


def former_session_name(app: App, name: str) -> str | None:
    """Return the name without the prefix that the session cookie had before `COOKIE_DEFAULTS`; None to read no other.

    Args:
        app: The application.
        name: The name that the cookie has for the current request.
    """
    plain = app.config["SESSION_COOKIE_NAME"]
    is_read = app.config.get("COOKIE_DEFAULTS") == "secure" and name != plain and name == prefixed(plain)
    return plain if is_read else None
