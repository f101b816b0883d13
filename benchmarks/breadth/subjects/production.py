"""The settings and middleware of an application behind a proxy."""

from __future__ import annotations

import logging
from typing import Any

from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from benchmarks.breadth.registry import Subject, f
from benchmarks.content import SECRET_KEY


def _register(app: Any) -> None:
    app.add_url_rule("/", "view", lambda: "text")
    app.add_url_rule("/user/<int:number>", "user", lambda number: {"id": number})
    app.add_url_rule("/url", "url", lambda: f.url_for("user", number=1, _external=True))
    app.add_url_rule("/old", "old", lambda: f.redirect(f.url_for("user", number=1)))
    app.add_url_rule("/log", "log", lambda: (f.current_app.logger.debug("asked"), "text")[1])


SUBJECT = Subject("production", _register)
application = SUBJECT.app
_FORWARDED = {
    "X_Forwarded_For": "203.0.113.7",
    "X_Forwarded_Proto": "https",
    "X_Forwarded_Host": "example.com",
    "X_Forwarded_Prefix": "/app",
}


def _nothing(app: Any) -> None: ...


def _proxied(app: Any) -> None:
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1)


application("TRUSTED_HOSTS", TRUSTED_HOSTS=["127.0.0.1"])(_nothing)
application("TRUSTED_HOSTS, JSON", "/user/7", TRUSTED_HOSTS=["127.0.0.1"])(_nothing)
application("TRUSTED_HOSTS with a subdomain", TRUSTED_HOSTS=[".example.com"], Host="www.example.com")(_nothing)
application("TRUSTED_HOSTS, refused", TRUSTED_HOSTS=["example.com"])(_nothing)
application("TRUSTED_HOSTS, redirect to url_for", "/old", TRUSTED_HOSTS=["127.0.0.1"])(_nothing)
application("SERVER_NAME", SERVER_NAME="127.0.0.1:8000")(_nothing)
application("SERVER_NAME, external URL", "/url", SERVER_NAME="127.0.0.1:8000", PREFERRED_URL_SCHEME="https")(_nothing)
application("SERVER_NAME of another host", SERVER_NAME="example.com")(_nothing)
application("MAX_CONTENT_LENGTH", MAX_CONTENT_LENGTH=1_000_000)(_nothing)
application("APPLICATION_ROOT", APPLICATION_ROOT="/app")(_nothing)
application("ProxyFix", **_FORWARDED)(_proxied)
application("ProxyFix, external URL", "/url", **_FORWARDED)(_proxied)
application("TESTING", TESTING=True, COOKIE_CHECKS="off")(_nothing)
application("DEBUG", DEBUG=True, COOKIE_CHECKS="off")(_nothing)
application("app.logger, level not on", "/log")(lambda app: app.logger.setLevel(logging.WARNING))
application("a host that nobody knows", Host="host-1234.example.org")(_nothing)


@application("mounted by DispatcherMiddleware", "/api/user/7")
def _(app: Any) -> Any:
    return DispatcherMiddleware(lambda environ, start_response: [], {"/api": app})


@application(
    "all of them", "/user/7", TRUSTED_HOSTS=[".example.com"], SERVER_NAME="example.com", MAX_CONTENT_LENGTH=1_000_000,
    SECRET_KEY=SECRET_KEY, SESSION_COOKIE_SECURE=True, SESSION_COOKIE_SAMESITE="Lax", **_FORWARDED,
)  # fmt: skip
def _(app: Any) -> None:
    _proxied(app)

    @app.after_request  # type: ignore[untyped-decorator]
    def secure(response: Any) -> Any:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
        return response
