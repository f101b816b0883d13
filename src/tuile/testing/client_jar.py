"""Keep the cookies of Flask's test client in the jar of a browser."""

from __future__ import annotations

import typing as t

from werkzeug.http import parse_date
from werkzeug.test import Cookie
from werkzeug.wsgi import get_current_url

from tuile.http.cookies import dump_cookie, parse_cookie
from tuile.user_agent.sites import TYPED, Context

from .browser import Browser

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment
    from werkzeug.datastructures import Headers

    from tuile.user_agent.verdicts import StoredCookie

    from .network import Verdicts


class ClientJar:
    """The cookie jar of a client.

    Args:
        browser: The name of a profile, or a Browser to share.
        app: The application of the client.
        use_cookies: Whether the client has cookies.

    Raises:
        TypeError: If the client has no cookies.
        ValueError: If there is no such profile.
    """

    def __init__(self, browser: str | Browser, app: WSGIApplication, *, use_cookies: bool) -> None:
        if not use_cookies:
            raise TypeError("Cookies are disabled. Create a client with 'use_cookies=True' to give it a browser.")
        self.browser = browser if isinstance(browser, Browser) else Browser(app, browser)

    def send(self, environ: WSGIEnvironment) -> None:
        """Add the cookies that a browser sends if the user typed the URL of the request."""
        header = self.browser._network.cookie_header(get_current_url(environ), method=environ["REQUEST_METHOD"])
        environ.pop("HTTP_COOKIE", None)
        if header:
            environ["HTTP_COOKIE"] = header

    def receive(self, environ: WSGIEnvironment, headers: Headers) -> Verdicts:
        """Store the cookies of a response."""
        date = parse_date(headers.get("Date"))
        return self.browser._network.receive(get_current_url(environ), headers.getlist("Set-Cookie"), date=date)

    def find(self, key: str, domain: str, path: str) -> Cookie | None:
        """Return the cookie as Werkzeug's client returns it, or None."""
        found = self._all(key, domain, path)
        if not found:
            return None
        # If there are several, prefer the one that a visit to the site itself sends.
        cookie = min(found, key=lambda cookie: (cookie.partition is not None, not cookie.host_only))
        return Cookie(
            key=cookie.name,
            value=cookie.value,
            decoded_key=key,
            decoded_value=parse_cookie(f"{cookie.name}={cookie.value}")[0][1],
            expires=cookie.expires,
            max_age=None,
            domain=cookie.domain,
            origin_only=cookie.host_only,
            path=cookie.path,
            secure=cookie.secure,
            http_only=cookie.httponly,
            same_site=None if cookie.samesite == "Default" else cookie.samesite,
        )

    def keep(self, key: str, value: str, *, domain: str, origin_only: bool, path: str, **attributes: t.Any) -> None:
        """Store a cookie as if a response over https had set it.

        Raises:
            ValueError: If the browser drops the cookie. The message is the verdict.
        """
        host = domain.removeprefix(".")
        now = self.browser.clock.now()
        line = dump_cookie(
            key, value, domain=None if origin_only else host, path=path, now=now.timestamp(), max_size=0, **attributes
        )
        verdicts = self.browser._network.receive(f"https://{host}/", [line], date=now)
        if verdicts.problems:
            raise ValueError(str(verdicts))

    def forget(self, key: str, domain: str, path: str) -> None:
        """Delete a cookie, whatever attributes protect it."""
        for cookie in self._all(key, domain, path):
            scope = "" if cookie.host_only else f"; Domain={cookie.domain}"
            context = TYPED
            if cookie.partition is not None:
                scope += "; Partitioned"
                context = Context(top_level_site=cookie.partition[0], cross_site_ancestor=cookie.partition[1])
            line = f"{cookie.name}=; Max-Age=0; Path={cookie.path}{scope}; Secure; HttpOnly; SameSite=None"
            host = f"[{cookie.domain}]" if ":" in cookie.domain else cookie.domain
            self.browser._network.receive(f"https://{host}/", [line], context=context)

    def _all(self, key: str, domain: str, path: str) -> list[StoredCookie]:
        host = domain.removeprefix(".").lower()
        return [
            cookie
            for cookie in self.browser.cookies
            if cookie.domain == host and cookie.path == path and _decoded(cookie.name) == key
        ]


def _decoded(name: str) -> str:
    return parse_cookie(f"{name}=")[0][0] if name else ""
