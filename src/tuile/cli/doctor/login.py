"""What the first login would do: write a session into its cookie, as a browser over HTTPS would get it.

Nothing is stored, and no view or hook is called.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from tuile.cookie.calls import SessionSettings
from tuile.cookie.checks import _SESSION_CURES, _sites
from tuile.cookie.findings import correction_of
from tuile.ctx.app_context import value_with_request
from tuile.sessions import SecureCookieSessionInterface
from tuile.sessions.interface import NullSession, cookie_attributes
from tuile.sessions.startup import check_session_settings
from tuile.user_agent.browsers import PROFILES
from tuile.user_agent.cures import Refused
from tuile.user_agent.rules import judge, make_request
from tuile.user_agent.sites import Context

from .report import FAILS, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuile.app import Flask
    from tuile.user_agent.verdicts import StoredCookie


class DroppedSession(Exception):
    """Browsers drop the cookie of the session."""


def host_of(app: Flask) -> str:
    """Return a host that the application answers to, and to which `SESSION_COOKIE_DOMAIN` belongs if there is one."""
    named = (app.config.get("SERVER_NAME"), *(app.config.get("TRUSTED_HOSTS") or ()))
    hosts = [host.lstrip(".") for host in named if isinstance(host, str) and host.strip(".")]
    domain: object = app.config.get("SESSION_COOKIE_DOMAIN")
    if isinstance(domain, str) and (domain := domain.lstrip(".").lower()):
        fitting = [host for host in hosts if f".{host.lower().partition(':')[0]}".endswith(f".{domain}")]
        # Without a list of hosts, every host is one.
        hosts = fitting or hosts or [domain]
    return hosts[0] if hosts else "app.example"


def session_cookie(app: Flask) -> StoredCookie:
    """Return the session cookie as a browser stores it that has got it over HTTPS.

    Raises:
        DroppedSession: If browsers drop it.
        Exception: Whatever the interface, or writing the line, may raise.
    """
    url = f"https://{host_of(app)}/"
    context = app.test_request_context("/", base_url=url)
    # An interface that opens the session at the start of each request, maybe in a database, has nothing to open.
    context._opened_session = NullSession()
    with context:
        interface, response = app.session_interface, app.response_class()
        session = interface.open_session(app, value_with_request().request) if _keeps_cookies(app) else None
        if session is not None and not interface.is_null_session(session):
            session["_doctor"] = "a login"
            interface.save_session(app, session, response)
        else:
            attributes = cookie_attributes(interface, app)._asdict()
            response.set_cookie(interface.get_cookie_name(app), "a login", **attributes)
    circumstances = make_request(
        url,
        now=datetime.now(timezone.utc),
        api="http",
        context=Context(),
        sites=_sites(),
        profile=PROFILES["chromium"],
    )
    line = response.headers["Set-Cookie"]
    try:
        return judge(line, circumstances)[0]
    except Refused as refused:
        correction = correction_of(line, circumstances, SessionSettings(config=app.config))
        note = correction.explain(refused, circumstances.profile)
        raise DroppedSession(note._replace(cure=_SESSION_CURES.get(note.rule, note.cure))) from None


def _keeps_cookies(app: Flask) -> bool:
    """Return whether Tuile's own methods write a session into its cookie, so that trying it does nothing else."""
    cls, own = type(app.session_interface), SecureCookieSessionInterface
    return (
        issubclass(cls, own)
        and cls.open_session is own.open_session
        and cls.save_session is own.save_session
        and app.config.get("SESSION_STORE") is None
    )


def examine_login(app: Flask) -> Iterator[Finding]:
    """Yield what would make the first login an error, or its cookie one that browsers drop."""
    try:
        check_session_settings(app, app.session_interface)
    except (RuntimeError, TypeError, ValueError):
        return  # reported as what it is
    try:
        session_cookie(app)
    except DroppedSession as dropped:
        yield Finding(FAILS, "the session cookie", f"is dropped by browsers: {dropped}", id="session-cookie")
    except Exception as error:  # noqa: BLE001 - of the interface, which may be an extension's
        yield Finding(FAILS, "the session", f"cannot be saved, so nobody can log in: {error}", id="session-save")
