"""A browser's jar behind the interface of Flask's test client. Floor 6, the edges.

Here lives the translation: URLs of environs, and Werkzeug's `Cookie` for what `get_cookie` gives. What must not:
sending requests (`client`), the rules for cookies (`tuile.user_agent.jar`).
"""

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
    """The jar of a client.

    asked
        the browser's profile, or a Browser to share

    Raises TypeError for a client without cookies, ValueError for a profile that there is not.
    """

    def __init__(self, asked: str | Browser, app: WSGIApplication, *, use_cookies: bool) -> None:
        if not use_cookies:
            raise TypeError("Cookies are disabled. Create a client with 'use_cookies=True' to give it a browser.")
        self.browser = asked if isinstance(asked, Browser) else Browser(app, asked)

    def send(self, environ: WSGIEnvironment) -> None:
        """Put the cookies into the request that a browser would send with it, as if the user had typed the address."""
        header = self.browser._network.cookie_header(get_current_url(environ), method=environ["REQUEST_METHOD"])
        environ.pop("HTTP_COOKIE", None)
        if header:
            environ["HTTP_COOKIE"] = header

    def receive(self, environ: WSGIEnvironment, headers: Headers) -> Verdicts:
        """Take the cookies of a response."""
        date = parse_date(headers.get("Date"))
        return self.browser._network.receive(get_current_url(environ), headers.getlist("Set-Cookie"), date=date)

    def find(self, key: str, domain: str, path: str) -> Cookie | None:
        """The cookie as Werkzeug's client gives it; None when it is not there."""
        found = self._all(key, domain, path)
        if not found:
            return None
        # Of several, the one that a visit of the site itself sends.
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
        """Set a cookie as a response over https would.

        Raises ValueError, with the verdict, when the browser does not keep it.
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
        """Delete a cookie, whatever guards it."""
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
