"""Send the requests of a test browser and store the cookies of the responses.

A network is shared by all tabs of a browser.
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
from tuile.cookie.calls import Calls
from tuile.ctx.sent_cookies import TOLD
from tuile.user_agent.cures import RESPONSE
from tuile.user_agent.dates import EARLIEST, LATEST
from tuile.user_agent.jar import Jar
from tuile.user_agent.sending import WITHOUT_CREDENTIALS, Withheld
from tuile.user_agent.sites import TYPED, Context, parse_address

from .clock import Clock
from .hosts import Hosts

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from _typeshed.wsgi import WSGIApplication

    from tuile.asgi.protocol import AsgiApp
    from tuile.ctx.cookies import Cookies
    from tuile.user_agent.cures import Call
    from tuile.user_agent.rules import Api
    from tuile.user_agent.sites import PublicSuffix
    from tuile.user_agent.verdicts import Verdict

    from .outgoing import OutgoingRequest

MOST_REDIRECTS = 20  # Chromium's, Firefox's and the fetch standard's


class Verdicts(list["Verdict"]):
    """The verdicts on Set-Cookie lines, in order. As text, one per line."""

    def __str__(self) -> str:
        return "\n".join(map(str, self))

    def of(self, name: str) -> Verdicts:
        """Return the verdicts on cookies of this name."""
        return Verdicts(verdict for verdict in self if verdict.name == name)

    @property
    def problems(self) -> Verdicts:
        """The verdicts that have a cure: those on lines that did not do what they seem to mean."""
        return Verdicts(verdict for verdict in self if verdict.cure)


class WithheldCookies(list[Withheld]):
    """Cookies that a request did not send, in the order of their creation. As text, one per line."""

    def __str__(self) -> str:
        return "\n".join(map(str, self))

    def of(self, name: str) -> WithheldCookies:
        """Return the cookies of this name."""
        return WithheldCookies(withheld for withheld in self if withheld.name == name)


class BrowserResponse(TestResponse):
    """The final response to a browser: Werkzeug's TestResponse with ``text``, ``json``, ``status_code`` and the rest.

    ``request`` is the request that was sent: ``response.request.cookies``.
    """

    #: The URL of the response.
    url: str
    #: The redirects before it.
    history: tuple[BrowserResponse, ...]  # pyright: ignore[reportIncompatibleVariableOverride] # only read
    #: The verdicts on the cookies of this response and of the redirects before it.
    verdicts: Verdicts
    #: The cookies of the site that this request did not send, with the reasons.
    withheld: WithheldCookies
    #: The request, with where it came from.
    outgoing: OutgoingRequest

    @property
    def json(self) -> t.Any:
        """The body parsed as JSON; None if it has another content type."""
        return self.get_json()


class Network:
    """The applications, and everything that the tabs of one browser share."""

    def __init__(
        self,
        apps: WSGIApplication | Mapping[str, WSGIApplication],
        profile: str,
        public_suffixes: PublicSuffix | None,
        protocol: str = "wsgi",
    ) -> None:
        if protocol not in {"wsgi", "asgi"}:
            raise ValueError(f"The protocol of a test browser is 'wsgi' or 'asgi', not {protocol!r}.")
        self.hosts = Hosts(apps)
        self._is_asgi = protocol == "asgi"
        self.clock = Clock()
        self.jar = Jar(profile, public_suffixes)
        # Dates in a response follow the server's clock, which may differ from the browser's: see `receive`.
        self._read_date = self.jar.profile.read_date
        self._server_is_behind = timedelta()
        self.jar.profile = replace(self.jar.profile, read_date=self._browser_date)
        self.verdicts = Verdicts()
        self.restarts = 0
        self.headers = {"User-Agent": f"Mozilla/5.0 (tuile.testing.Browser, as {self.jar.profile.name})"}

    def _by_protocol(self, app: WSGIApplication) -> WSGIApplication:
        """Return what answers a request: the application, or its ASGI side."""
        if not self._is_asgi:
            return app
        from tuile.process_loop import process_loop  # noqa: PLC0415 - it needs asyncio

        from .asgi_call import AsgiServed  # noqa: PLC0415 - as well

        return AsgiServed(t.cast("AsgiApp", app), process_loop())

    def cookie_header(self, url: str, *, api: Api = "http", method: str = "GET", context: Context = TYPED) -> str:
        """Return the cookies that a request sends, or that a script reads."""
        return self.jar.cookie_header(url, now=self.clock.now(), api=api, method=method, context=context)

    def withheld(self, outgoing: OutgoingRequest) -> WithheldCookies:
        """Return the cookies of the site that a request does not send."""
        jar, now = self.jar, self.clock.now()
        if outgoing.has_credentials():
            return WithheldCookies(
                jar.withheld(outgoing.url, now=now, method=outgoing.method, context=outgoing.context())
            )
        site = jar.sites.registrable(parse_address(outgoing.url).host)
        mine = [cookie for cookie in jar.cookies(now) if jar.sites.registrable(cookie.domain) == site]
        return WithheldCookies(Withheld(cookie, (WITHOUT_CREDENTIALS,), jar.profile.called) for cookie in mine)

    def receive(
        self,
        url: str,
        lines: Iterable[str | bytes],
        *,
        api: Api = "http",
        context: Context = TYPED,
        date: datetime | None = None,
        written_by: Callable[[str], Call] = lambda _: RESPONSE,
    ) -> Verdicts:
        """Store the cookies that a response or a script sets, and record the verdicts.

        Browsers read ``Expires`` relative to the server's clock, which the ``Date`` of the response tells (Chromium:
        ParseExpiration in net/cookies/canonical_cookie.cc; Firefox: CookieParser.cpp). So a cookie with a lifetime of
        an hour lasts an hour even if the browser's clock was advanced.

        Args:
            url: The URL of the response, or of the page that runs the script.
            lines: The Set-Cookie lines.
            api: ``http`` or ``script``.
            context: Where the request came from.
            date: The Date of the response. None: the server's clock is the clock of the process.
            written_by: A function that returns the call that wrote a line.
        """
        now = self.clock.now()
        if api == "script":
            self._server_is_behind = timedelta()
        else:
            self._server_is_behind = self.clock.ahead if date is None else now - date
        received = self.jar.receive(url, lines, now=now, api=api, context=context, written_by=written_by)
        verdicts = Verdicts(received)
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

    def dumps_for(self, url: str) -> t.Callable[[object], str]:
        """Return the function that serializes JSON for a URL: the application's own, if it has one."""
        app = self.hosts.app_for(url)
        return app.json.dumps if isinstance(app, Flask) else json.dumps

    def send(self, outgoing: OutgoingRequest) -> BrowserResponse:
        """Send a request and follow redirects.

        Raises:
            ClientRedirectError: After 20 redirects.
            LookupError: If no application answers for the host.
        """
        verdicts = Verdicts()
        history: list[BrowserResponse] = []
        following: OutgoingRequest | None = outgoing
        while following is not None:
            outgoing = following
            if len(history) > MOST_REDIRECTS:
                raise ClientRedirectError(f"More than {MOST_REDIRECTS} redirects, the last one to {outgoing.url}.")
            response = self._send_one(outgoing, verdicts)
            response.history = tuple(history)
            history.append(response)
            following = outgoing.redirected(response.status_code, response.headers.get("Location", ""))
        return history[-1]

    def _send_one(self, outgoing: OutgoingRequest, verdicts: Verdicts) -> BrowserResponse:
        app = self.hosts.app_for(outgoing.url)
        withheld = self.withheld(outgoing)
        context, with_cookies = outgoing.context(), outgoing.has_credentials()
        cookie = self.cookie_header(outgoing.url, method=outgoing.method, context=context) if with_cookies else ""
        environ = outgoing.environ(self.jar.sites, cookie, self.headers)
        told: list[Cookies] = []
        body, status, headers = run_wsgi_app(self._by_protocol(app), {**environ, TOLD: told}, buffered=True)
        # The application has consumed its own body; this one is for the test.
        request = Request({**environ, "wsgi.input": BytesIO(outgoing.body)})
        response = BrowserResponse(body, status, headers, request=request)
        if isinstance(app, Flask):
            vars(response)["json_module"] = app.json
        response.url, response.outgoing, response.withheld = outgoing.url, outgoing, withheld
        if with_cookies:
            lines = headers.getlist("Set-Cookie")
            calls = Calls(app, told[-1] if told else None) if isinstance(app, Flask) else lambda _: RESPONSE
            verdicts += self.receive(outgoing.url, lines, context=context, date=response.date, written_by=calls)
        response.verdicts = Verdicts(verdicts)
        return response
