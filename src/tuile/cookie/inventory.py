"""List the cookies of an application: the declared ones, the session's, and those of its extensions.

What sets others is found by `undeclared`.
"""

from __future__ import annotations

import typing as t
from datetime import timedelta

from ..ctx.cookie_defaults import are_secure, host_name, is_https, prefixed
from ..sessions.interface import cookie_attributes
from ..user_agent.set_cookie import split_set_cookie
from ..user_agent.verdicts import decode_octets
from .consent import _deletes
from .declared import NECESSARY, life

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..app import Flask
    from .declared import DeclaredCookie, Value

    Row: t.TypeAlias = dict[str, object]


class _OfExtension(t.NamedTuple):
    """A cookie of an extension: the name of its setting and the default, and the settings of its attributes."""

    provider: str
    name: tuple[str, str]
    purpose: str
    max_age: tuple[str, int | None]
    settings: str  # what the names of the settings for Domain, Path, Secure, HttpOnly and SameSite begin with
    httponly: bool = True


_YEAR_S = 365 * 86_400
_FLASK_LOGIN = (
    _OfExtension(
        "Flask-Login",
        ("REMEMBER_COOKIE_NAME", "remember_token"),
        "Keeps you logged in after the browser is closed, if you have asked for it.",
        ("REMEMBER_COOKIE_DURATION", _YEAR_S),
        "REMEMBER_COOKIE_",
    ),
)
_JWT = tuple(
    _OfExtension("Flask-JWT-Extended", name, purpose, ("", None), "JWT_COOKIE_", httponly)
    for name, purpose, httponly in (
        (("JWT_ACCESS_COOKIE_NAME", "access_token_cookie"), "Says who is logged in.", True),
        (("JWT_REFRESH_COOKIE_NAME", "refresh_token_cookie"), "Renews the login.", True),
        (("JWT_ACCESS_CSRF_COOKIE_NAME", "csrf_access_token"), "Protects forms against other sites.", False),
        (("JWT_REFRESH_CSRF_COOKIE_NAME", "csrf_refresh_token"), "Protects forms against other sites.", False),
    )
)


def list_cookies(app: Flask) -> list[Row]:
    """Return what a privacy page says about each cookie of an application, as JSON data."""
    rows = [_declared_row(app, cookie) for _, cookie in sorted(app.declared_cookies.items())]
    if app._optional_cookies and app.consent._answer is None:
        rows.append(_declared_row(app, app.consent.cookie))
    rows.extend(_session_rows(app))
    known = {str(row["name"]) for row in rows}
    rows.extend(row for row in _extension_rows(app) if row["name"] not in known)
    return rows


def undeclared(app: Flask, set_cookie_lines: Iterable[str]) -> list[str]:
    """Return the names that a response's Set-Cookie lines set, and that `list_cookies` does not know."""
    known: set[str] | None = None
    found = dict[str, None]()
    for line in set_cookie_lines:
        parts = split_set_cookie(line)
        name = decode_octets(parts.name)
        if _deletes(parts) or name in app.declared_cookies:
            continue
        if known is None:
            known = {written for row in list_cookies(app) for written in (str(row["name"]), prefixed(str(row["name"])))}
        if name not in known:
            found[name] = None
    return list(found)


def _declared_row(app: Flask, cookie: DeclaredCookie[Value]) -> Row:
    """Return the row of a declared cookie, as `COOKIE_DEFAULTS` has it for the `PREFERRED_URL_SCHEME`."""
    row: Row = cookie.describe()
    if cookie._secure is None and are_secure(app) and is_https(app):
        attributes = cookie.attributes.attributes
        row.update(secure=True, name=host_name(cookie.name, attributes.path, str(attributes.domain or ""), secure=True))
    return row


def _session_rows(app: Flask) -> Iterator[Row]:
    """Yield the row of the session's cookie, if there is a key to sign it."""
    if not app.secret_key:
        return
    interface = app.session_interface
    lasting = int(app.permanent_session_lifetime.total_seconds())
    yield {
        "name": interface.get_cookie_name(app),
        "purpose": "Keeps the user's data between requests, such as who is logged in.",
        "category": NECESSARY,
        "provider": "",
        "max_age": None,
        "life": f"{life(None)}, or {life(lasting)} where session.permanent is set",
        **cookie_attributes(interface, app)._asdict(),
        "protection": "encrypted" if app.config.get("SESSION_ENCRYPT") else "signed",
        "type": "session",
        "choices": None,
        "declared_at": "configuration, SESSION_COOKIE_...",
    }


def _extension_rows(app: Flask) -> Iterator[Row]:
    """Yield the rows of the cookies that the application's extensions set."""
    config, found = app.config, list[_OfExtension]()
    if hasattr(app, "login_manager"):
        found.extend(_FLASK_LOGIN)
    locations: object = config.get("JWT_TOKEN_LOCATION") or ()
    if "flask-jwt-extended" in app.extensions and "cookies" in (
        locations if isinstance(locations, (str, list, tuple, set, frozenset)) else ()
    ):
        found.extend(_JWT)
    for cookie in found:
        max_age = _seconds(config.get(cookie.max_age[0], cookie.max_age[1]))
        yield {
            "name": str(config.get(*cookie.name)),
            "purpose": cookie.purpose,
            "category": NECESSARY,
            "provider": cookie.provider,
            "max_age": max_age,
            "life": life(max_age),
            **_attributes(config, cookie),
            "protection": "signed",
            "type": "str",
            "choices": None,
            "declared_at": f"configuration, {cookie.settings}...",
        }


def _attributes(config: Mapping[str, object], cookie: _OfExtension) -> Row:
    start = cookie.settings
    return {
        "path": config.get(f"{start}PATH") or "/",
        "domain": config.get(f"{start}DOMAIN"),
        "secure": bool(config.get(f"{start}SECURE")),
        "httponly": bool(config.get(f"{start}HTTPONLY", cookie.httponly)),
        "samesite": config.get(f"{start}SAMESITE"),
        "partitioned": False,
    }


def _seconds(lifetime: object) -> int | None:
    if isinstance(lifetime, timedelta):
        return int(lifetime.total_seconds())
    return int(lifetime) if isinstance(lifetime, (int, float)) else None
