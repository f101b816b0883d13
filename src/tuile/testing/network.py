"""What a test browser's tabs share: the applications, the jar, the clock, and what became of each cookie. Floor 6.

Here lives sending: one request and the redirects after it, with their cookies. What must not: how a request looks
(`asking`), pages and tabs (`browser`), and the rules for cookies (`tuile.user_agent.jar`).
"""

from __future__ import annotations

import json
import typing as t
from dataclasses import replace
from datetime import datetime, timedelta
from io import BytesIO

from werkzeug.test import ClientRedirectError, TestResponse, run_wsgi_app
from werkzeug.wrappers import Request

from tuile.app import Flask
from tuile.user_agent.dates import EARLIEST, LATEST
from tuile.user_agent.jar import Jar
from tuile.user_agent.sites import TYPED, Context

from .clock import Clock
from .hosts import Hosts

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from _typeshed.wsgi import WSGIApplication

    from tuile.user_agent.rules import Api
    from tuile.user_agent.sites import PublicSuffix
    from tuile.user_agent.verdicts import Verdict

    from .asking import Ask

MOST_REDIRECTS = 20  # Chromium's, Firefox's and the fetch standard's


class Verdicts(list["Verdict"]):
    """What became of Set-Cookie lines, in their order. As text: one a line."""

    def __str__(self) -> str:
        return "\n".join(map(str, self))

    def of(self, name: str) -> Verdicts:
        """Those on cookies of this name."""
        return Verdicts(verdict for verdict in self if verdict.name == name)

    @property
    def problems(self) -> Verdicts:
        """Those with a cure: what did not come out as the line seems to mean it."""
        return Verdicts(verdict for verdict in self if verdict.cure)


class BrowserResponse(TestResponse):
    """What a browser got in the end: Werkzeug's TestResponse, with ``text``, ``json``, ``status_code`` and the rest.

    ``history`` has the redirects before it, ``request`` what was sent: ``response.request.cookies``.
    """

    #: The address that answered.
    url: str
    #: What became of the cookies in this answer and in the redirects before it.
    verdicts: Verdicts
    #: The request, with from where it was made.
    asked: Ask

    @property
    def json(self) -> t.Any:
        """The body read as JSON; None when it is of another type."""
        return self.get_json()


class Network:
    """The applications, and all that the tabs of one browser have in common."""

    def __init__(
        self,
        apps: WSGIApplication | Mapping[str, WSGIApplication],
        profile: str,
        public_suffixes: PublicSuffix | None,
    ) -> None:
        self.hosts = Hosts(apps)
        self.clock = Clock()
        self.jar = Jar(profile, public_suffixes)
        # A response says its dates by the server's clock, which need not be the browser's: see `receive`.
        self._read_date = self.jar.profile.read_date
        self._server_is_behind = timedelta()
        self.jar.profile = replace(self.jar.profile, read_date=self._browser_date)
        self.verdicts = Verdicts()
        self.restarts = 0
        self.headers = {"User-Agent": f"Mozilla/5.0 (tuile.testing.Browser, as {self.jar.profile.name})"}

    def cookie_header(self, url: str, *, api: Api = "http", method: str = "GET", context: Context = TYPED) -> str:
        """The cookies for a request, or those that a script sees."""
        return self.jar.cookie_header(url, now=self.clock.now(), api=api, method=method, context=context)

    def receive(
        self,
        url: str,
        lines: Iterable[str | bytes],
        *,
        api: Api = "http",
        context: Context = TYPED,
        date: datetime | None = None,
    ) -> Verdicts:
        """Take what a response or a script sets, and note what became of it.

        Browsers read ``Expires`` by the clock of the server, which the ``Date`` of the response tells (Chromium:
        ParseExpiration in net/cookies/canonical_cookie.cc; Firefox: CookieParser.cpp). So a cookie that is to live
        for an hour does so although the browser's clock was put forward.

        date
            the Date of the response; without one the server's clock is that of the process
        """
        now = self.clock.now()
        if api == "script":
            self._server_is_behind = timedelta()
        else:
            self._server_is_behind = self.clock.ahead if date is None else now - date
        verdicts = Verdicts(self.jar.receive(url, lines, now=now, api=api, context=context))
        self.verdicts += verdicts
        return verdicts

    def _browser_date(self, text: str) -> datetime | None:
        moment = self._read_date(text)
        if moment is None:
            return None
        try:
            return moment + self._server_is_behind
        except OverflowError:
            return LATEST if self._server_is_behind > timedelta() else EARLIEST

    def dumps_for(self, url: str) -> t.Callable[[t.Any], str]:
        """What writes JSON for an address: the application's own, where it has one."""
        app = self.hosts.app_for(url)
        return app.json.dumps if isinstance(app, Flask) else json.dumps

    def send(self, ask: Ask) -> BrowserResponse:
        """Send a request, and those that redirects ask for.

        Raises ClientRedirectError after 20 redirects, LookupError for a host that no application answers for.
        """
        verdicts = Verdicts()
        history: list[BrowserResponse] = []
        following: Ask | None = ask
        while following is not None:
            ask = following
            if len(history) > MOST_REDIRECTS:
                raise ClientRedirectError(f"More than {MOST_REDIRECTS} redirects; the last leads to {ask.url}.")
            response = self._send_one(ask, verdicts)
            response.history = tuple(history)
            history.append(response)
            following = ask.redirected(response.status_code, response.headers.get("Location", ""))
        return history[-1]

    def _send_one(self, ask: Ask, verdicts: Verdicts) -> BrowserResponse:
        app = self.hosts.app_for(ask.url)
        context, with_cookies = ask.context(), ask.has_credentials()
        cookie = self.cookie_header(ask.url, method=ask.method, context=context) if with_cookies else ""
        environ = ask.environ(self.jar.sites, cookie, self.headers)
        body, status, headers = run_wsgi_app(app, environ, buffered=True)
        # The application has read the body of its own; a test may read this one.
        request = Request({**environ, "wsgi.input": BytesIO(ask.body)})
        response = BrowserResponse(body, status, headers, request=request)
        if isinstance(app, Flask):
            response.json_module = app.json  # type: ignore[assignment]  # Werkzeug: a module; both have loads
        response.url, response.asked = ask.url, ask
        if with_cookies:
            lines = headers.getlist("Set-Cookie")
            verdicts += self.receive(ask.url, lines, context=context, date=response.date)
        response.verdicts = Verdicts(verdicts)
        return response
