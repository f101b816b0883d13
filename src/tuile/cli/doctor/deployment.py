"""Examine whether an application is safe to deploy: `tuile doctor --deploy`, as Django's `check --deploy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

from tuile.csrf import csrf_mode
from tuile.ctx.cookie_defaults import PREFIX, are_secure

from .advisories import examine_versions
from .login import host_of, session_cookie
from .report import ADVICE, NOTE, UNSAFE, Finding
from .stores import examine_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuile.app import Flask
    from tuile.user_agent.verdicts import StoredCookie

# The header, the id of its finding, and why it should be there.
_HEADERS = (
    (
        "Strict-Transport-Security",
        "hsts",
        "lets browsers use HTTPS only: max-age=31536000, once all of the site is served over it",
    ),
    ("X-Content-Type-Options", "nosniff", "keeps browsers from taking an upload for a script: nosniff"),
    ("Referrer-Policy", "referrer-policy", "keeps addresses from other sites: strict-origin-when-cross-origin"),
    (
        "Cross-Origin-Opener-Policy",
        "coop",
        "keeps windows of other sites from reaching this one: same-origin, or same-origin-allow-popups",
    ),
)
#: The findings that are worse for an application that is deployed.
WORSE = frozenset({"secret-key-weak"})
_LONG_ENOUGH_S = 180 * 86_400
_MOST_LAYERS = 20


def examine_deployment(app: Flask) -> Iterator[Finding]:
    """Yield what should be mended or better before an application is deployed."""
    yield from _examine_modes(app)
    yield from _examine_session_cookie(app)
    yield from _examine_other_cookies(app)
    yield from _examine_requests(app)
    yield from _examine_proxies(app)
    yield from examine_store(app)
    yield from examine_versions()
    yield from _examine_headers(app)


# --- settings ---------------------------------------------------------------------------------------------------------


def _examine_modes(app: Flask) -> Iterator[Finding]:
    if app.debug or app.config.get("DEBUG"):
        reason = "is on: its debugger runs code for anyone who finds it. Unset FLASK_DEBUG, and do not run with --debug"
        yield Finding(UNSAFE, "DEBUG", reason, id="debug")
    if app.config.get("TESTING"):
        yield Finding(UNSAFE, "TESTING", "is on: errors reach the server instead of error handlers", id="testing")
    if app.config.get("PROPAGATE_EXCEPTIONS"):
        reason = "is on: errors reach the server instead of becoming a page with status 500"
        yield Finding(ADVICE, "PROPAGATE_EXCEPTIONS", reason, id="propagate-exceptions")
    for name in ("EXPLAIN_TEMPLATE_LOADING", "TEMPLATES_AUTO_RELOAD", "TRAP_HTTP_EXCEPTIONS"):
        if app.config.get(name):
            reason = "is on, which is meant for development"
            yield Finding(ADVICE, name, reason, id=name.lower().replace("_", "-"))


# --- cookies ----------------------------------------------------------------------------------------------------------


def _examine_session_cookie(app: Flask) -> Iterator[Finding]:
    try:
        cookie = session_cookie(app)
    except Exception:  # noqa: BLE001 - reported without this option as well
        return
    if not cookie.secure:
        reason = "is sent over plain HTTP as well. Set SESSION_COOKIE_SECURE = True, or COOKIE_DEFAULTS = 'secure'"
        yield Finding(UNSAFE, "the session cookie", reason, id="session-cookie-secure")
    if not cookie.httponly:
        reason = "can be read by scripts, so one of an attacker can send it away. Set SESSION_COOKIE_HTTPONLY = True"
        yield Finding(UNSAFE, "the session cookie", reason, id="session-cookie-httponly")
    if cookie.samesite == "Default":
        reason = "has no SameSite, which only Chromium takes for Lax. Set SESSION_COOKIE_SAMESITE = 'Lax'"
        kind = ADVICE if _checks_csrf(app) else UNSAFE
        yield Finding(kind, "the session cookie", reason, id="session-cookie-samesite")
    elif cookie.samesite == "None" and not _checks_csrf(app):
        reason = "is sent with requests of all other sites, and nothing checks them. Set CSRF = 'fetch'"
        yield Finding(UNSAFE, "the session cookie", reason, id="session-cookie-samesite")
    yield from _examine_hosts_of(cookie)


def _examine_hosts_of(cookie: StoredCookie) -> Iterator[Finding]:
    if not cookie.host_only:
        reason = f"is sent to every host below {cookie.domain}. Leave out SESSION_COOKIE_DOMAIN if one host is enough"
        yield Finding(ADVICE, "the session cookie", reason, id="session-cookie-domain")
    elif not cookie.name.lower().startswith(PREFIX.lower()):
        reason = (
            f"can be planted by other hosts of the domain. Set COOKIE_DEFAULTS = 'secure', which names it"
            f" {PREFIX}{cookie.name} over HTTPS; sessions under the former name are moved"
        )
        yield Finding(ADVICE, "the session cookie", reason, id="session-cookie-name")


def _examine_other_cookies(app: Flask) -> Iterator[Finding]:
    if are_secure(app):
        return
    plain = sorted(cookie.name for cookie in app.declared_cookies.values() if cookie._secure is False)
    if plain:
        reason = "are sent over plain HTTP as well. Declare them with secure=True, or set COOKIE_DEFAULTS = 'secure'"
        yield Finding(ADVICE, f"the cookies {', '.join(plain)}", reason, id="cookie-secure")


def examine_cookie_defaults(app: Flask) -> Iterator[Finding]:
    """Yield what `COOKIE_DEFAULTS` changes for an application."""
    try:
        if not are_secure(app):
            return
        cookie, plain, setting = session_cookie(app), app.config["SESSION_COOKIE_NAME"], app.config["COOKIE_DEFAULTS"]
    except Exception:  # noqa: BLE001 - reported as what it is
        return
    lines = ["cookies without SameSite are Lax", "over HTTPS cookies are Secure"]
    if cookie.name != plain:
        read = "is not read" if setting == "strict" else "is moved to it ('strict' would not read it)"
        lines.append(f"the session is in {cookie.name} over HTTPS, and one in {plain} {read}")
    elif not plain.lower().startswith("__"):
        lines.append(
            f"the session keeps the name {plain}, because of its Domain, its Path or its interface, so other hosts of"
            " the domain can plant one"
        )
    declared = app.declared_cookies.values()
    names = sorted(one.name for one in declared if one._secure is None and _is_plain(one.attributes))
    if names:
        lines.append(f"{', '.join(names)}: read and set with {PREFIX} over HTTPS")
    yield Finding(NOTE, "COOKIE_DEFAULTS", f"is {setting!r}: {'; '.join(lines)}", id="cookie-defaults")


def _is_plain(attributes: object) -> bool:
    return getattr(attributes, "path", None) == "/" and not getattr(attributes, "domain", None)


# --- requests ---------------------------------------------------------------------------------------------------------


def _checks_csrf(app: Flask) -> bool:
    """Return whether requests from other sites are checked, by the setting or by Flask-WTF."""
    return csrf_mode(app) is not None or "csrf" in app.extensions


def _examine_requests(app: Flask) -> Iterator[Finding]:
    if not _checks_csrf(app):
        reason = "is off: nothing refuses requests that other sites make browsers send. Set CSRF = 'fetch'"
        yield Finding(ADVICE, "CSRF", reason, id="csrf")
    if not app.config.get("TRUSTED_HOSTS"):
        reason = (
            "is not set, so a link in a mail, or a redirect, can lead to whatever host a request has named. List the"
            " hosts of the site"
        )
        yield Finding(ADVICE, "TRUSTED_HOSTS", reason, id="trusted-hosts")
    if app.config.get("MAX_CONTENT_LENGTH") is None:
        reason = "is not set, so a request can send any number of bytes, unless the server in front refuses them"
        yield Finding(ADVICE, "MAX_CONTENT_LENGTH", reason, id="max-content-length")
    if app.config.get("PREFERRED_URL_SCHEME") != "https":
        reason = "is 'http', so URLs that are made outside of requests, as for mails, are not HTTPS"
        yield Finding(ADVICE, "PREFERRED_URL_SCHEME", reason, id="preferred-url-scheme")


def _examine_proxies(app: Flask) -> Iterator[Finding]:
    layer: object = app.wsgi_app
    for _ in range(_MOST_LAYERS):
        if isinstance(layer, ProxyFix):
            yield from _examine_proxy_fix(layer)
            return
        layer = next((vars(layer)[name] for name in _INNER if name in getattr(layer, "__dict__", {})), None)
    reason = (
        "is not used. Behind a proxy that ends TLS, request.is_secure is False, request.remote_addr is the proxy's, and"
        " URLs have its host. Without a proxy this is right: silence it"
    )
    yield Finding(ADVICE, "ProxyFix", reason, id="proxy-fix")


# The names under which middleware keeps the application that it wraps.
_INNER = ("app", "wsgi_app", "application", "_app", "wrapped")


def _examine_proxy_fix(fix: ProxyFix) -> Iterator[Finding]:
    counts = {name: getattr(fix, name) for name in ("x_for", "x_proto", "x_host", "x_port", "x_prefix")}
    if not fix.x_proto:
        reason = "does not read X-Forwarded-Proto (x_proto=1), so requests seem to come by plain HTTP"
        yield Finding(ADVICE, "ProxyFix", reason, id="proxy-fix")
    if len({count for count in counts.values() if count}) > 1:
        listed = ", ".join(f"{name}={count}" for name, count in counts.items() if count)
        reason = (
            f"trusts different numbers of proxies ({listed}). With one that is too high, clients can forge the header"
        )
        yield Finding(ADVICE, "ProxyFix", reason, id="proxy-fix-numbers")


def _examine_headers(app: Flask) -> Iterator[Finding]:
    """Yield the headers that a page lacks. One request is made within the process, for a page that does not exist."""
    try:
        client = app.test_client(use_cookies=False)
        headers = client.get("/tuile-doctor/is-not-here", base_url=f"https://{host_of(app)}").headers
    except Exception as error:  # noqa: BLE001 - of a hook, an error handler, or with TESTING the error itself
        yield Finding(NOTE, "the headers", f"were not examined: a request raised {type(error).__name__}", id="headers")
        return
    for name, finding, why in _HEADERS:
        if name not in headers:
            reason = f"is not sent by the application; if the server in front does not add it either, do. It {why}"
            yield Finding(ADVICE, name, reason, id=finding)
    age = headers.get("Strict-Transport-Security", "").lower().partition("max-age=")[2].partition(";")[0].strip(' "')
    if age.isascii() and age.isdecimal() and len(age) < 12 and int(age) < _LONG_ENOUGH_S:
        reason = f"lasts {int(age)} seconds. Browsers should know it for half a year at least: max-age=31536000"
        yield Finding(ADVICE, "Strict-Transport-Security", reason, id="hsts-short")
