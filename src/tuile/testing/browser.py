"""A test client that is a browser. Floor 6, the edges.

What must live here: the browser, its tabs and frames, and from where each request is made. What must not: how a request
looks (`asking`), how it is sent (`network`), and what a cookie is kept or sent for (`tuile.user_agent.jar`).
"""

from __future__ import annotations

import typing as t
from dataclasses import replace
from urllib.parse import urlencode, urlsplit

from tuile.user_agent.sites import TYPED, Context, address_of

from .asking import Ask, encoded, settled
from .network import Network

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from _typeshed.wsgi import WSGIApplication

    from tuile.user_agent.jar import Jar
    from tuile.user_agent.sites import PublicSuffix
    from tuile.user_agent.verdicts import StoredCookie

    from .asking import Credentials, Mode
    from .clock import Clock
    from .network import BrowserResponse, Verdicts

_NO_PAGE = "No page is open. Open one first: browser.visit('https://example.com/')."
_NO_CONTENT = frozenset((204, 205))  # the page that is there stays


class Window:
    """What shows a page: a tab, or a frame within a page."""

    def __init__(self, network: Network, above: tuple[str, ...] = ()) -> None:
        self._network = network
        self._above = above  # the pages it is in, the one in the address bar first
        self._response: BrowserResponse | None = None
        self._restarts = network.restarts

    @property
    def response(self) -> BrowserResponse | None:
        """The page that is open; None before the first and after a restart."""
        return self._response if self._restarts == self._network.restarts else None

    @property
    def url(self) -> str:
        """The address of the page that is open, after redirects; empty when there is none."""
        return self.response.url if self.response is not None else ""

    @property
    def document_cookie(self) -> str:
        """What a script on the page reads from `document.cookie`; assigning sets one cookie, as there.

        Raises RuntimeError when no page is open.
        """
        return self._network.cookie_header(self._page(), api="script", context=self._script_context())

    @document_cookie.setter
    def document_cookie(self, line: str) -> None:
        self._network.receive(self._page(), [line], api="script", context=self._script_context())

    def click(self, url: str) -> BrowserResponse:
        """Follow a link on the page.

        url
            what the link says, so it may be relative

        Raises RuntimeError when no page is open.
        """
        page = self._page()
        return self._open(self._navigation(settled(url, page), page))

    def submit(
        self,
        url: str,
        data: Mapping[str, t.Any] | None = None,
        *,
        method: str = "POST",
        from_site: str | None = None,
    ) -> BrowserResponse:
        """Send a form.

        url
            the form's `action`
        data
            its fields; a file is ``(file, name)``, and several values of one field a list
        method
            ``POST`` or ``GET``, as a form has it
        from_site
            the address of the page that the form is on, ``"null"`` for a sandboxed one. None: the page that is open,
            or without one a page of the same origin.

        Raises ValueError for another method.
        """
        method = method.upper()
        if method not in {"GET", "POST"}:
            raise ValueError(f"A form sends GET or POST, not {method}. Use fetch(url, method={method!r}).")
        action = settled(url, self.url)
        ask = self._navigation(action, self._sender(action, from_site))
        if method == "GET":
            query = urlencode(data or {}, doseq=True)
            return self._open(replace(ask, url=urlsplit(action)._replace(query=query).geturl()))
        body, content_type = encoded(data or {})
        return self._open(
            replace(ask, method="POST", body=body, content_type=content_type or "application/x-www-form-urlencoded")
        )

    def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        data: t.Any = None,
        json: t.Any = None,
        headers: Mapping[str, str] | None = None,
        credentials: Credentials = "same-origin",
        mode: Mode = "cors",
        from_site: str | None = None,
    ) -> BrowserResponse:
        """Request something for the page, as `fetch()` in its script does. The page stays.

        The answer is given as it came: what CORS keeps from scripts is not kept back, and no preflight is sent.

        data, json
            the body, as Werkzeug's test client takes it
        headers
            besides those that browsers send
        credentials
            when cookies are sent and kept: ``include``, ``omit``, or within the page's origin alone
        mode
            ``no-cors`` as for an image or a script of another site, with ``credentials="include"``
        from_site
            the address of the page that asks, alone in its tab. None: the page that is open, or without one a page of
            the same origin.
        """
        address = settled(url, self.url)
        page = self._sender(address, from_site)
        # A page without an origin is its own site in the address bar, and no cookie is of it.
        way = (*(self._above if from_site is None else ()), page)
        body, content_type = encoded(data, json, self._network.dumps_for(address))
        ask = Ask(
            address,
            method.upper(),
            body,
            content_type,
            mode=mode,
            destination="empty",
            credentials=credentials,
            initiator=page,
            top=way[0],
            crossed=self._is_crossed(way),
            headers=dict(headers or {}),
        )
        return self._network.send(ask)

    def frame(self, url: str, *, inside: str | Sequence[str] | None = None) -> Frame:
        """Open a frame.

        inside
            the address of the page that it is in, or of several that are in one another, the one in the address bar
            first; no application has to answer for them. None: the page that is open.

        Raises RuntimeError when that is none.
        """
        if inside is None:
            above = (*self._above, self._page())
        else:
            above = tuple(map(settled, [inside] if isinstance(inside, str) else inside))
        frame = Frame(self._network, above)
        frame._open(frame._navigation(settled(url, above[-1]), above[-1]))
        return frame

    def reload(self) -> BrowserResponse:
        """Request the page again: in the same way, and as from the same site.

        Raises RuntimeError when no page is open.
        """
        if self.response is None:
            raise RuntimeError(_NO_PAGE)
        return self._open(replace(self.response.asked, hops=()))

    def _page(self) -> str:
        if self.response is None:
            raise RuntimeError(_NO_PAGE)
        return self.url

    def _sender(self, url: str, from_site: str | None) -> str:
        """The page that makes a request."""
        if from_site is None:
            return self.url or url
        return from_site if from_site == "null" else settled(from_site)

    def _navigation(self, url: str, initiator: str | None) -> Ask:
        if not self._above:
            return Ask(url, initiator=initiator)
        return Ask(
            url,
            destination="iframe",
            initiator=initiator,
            top=self._above[0],
            crossed=self._is_crossed(self._above),
        )

    def _open(self, ask: Ask) -> BrowserResponse:
        response = self._network.send(ask)
        disposition = response.headers.get("Content-Disposition", "")
        if response.status_code not in _NO_CONTENT and not disposition.lower().startswith("attachment"):
            self._response, self._restarts = response, self._network.restarts
        return response

    def _script_context(self) -> Context:
        if not self._above:
            return TYPED
        return Context(top_level_site=self._above[0], cross_site_ancestor=self._is_crossed(self._above))

    def _is_crossed(self, way: tuple[str, ...]) -> bool:
        """Whether among pages in one another there is one of another site than the first."""
        jar, (top, *others) = self._network.jar, way
        if top == "null":
            return bool(others)
        schemeful = jar.profile.schemeful
        return any(not jar.sites.same(address_of(top), url, schemeful=schemeful) for url in others)


class Frame(Window):
    """A frame within a page, with the cookies that it has there. Open one with ``browser.frame``."""

    def __repr__(self) -> str:
        return f"<Frame {self.url} in {' in '.join(reversed(self._above))}>"


class Tab(Window):
    """A tab of a browser. Open one with ``browser.tab()``."""

    def visit(self, url: str, *, from_site: str | None = None) -> BrowserResponse:
        """Open a page in the tab.

        url
            absolute, or relative to the page that is open
        from_site
            the address of a page with a link that is followed, ``"null"`` for a sandboxed one; no application has to
            answer for it. None: the user typed the address.

        Raises ValueError for what is no address of a page.
        """
        address = settled(url, self.url)
        return self._open(self._navigation(address, None if from_site is None else self._sender(address, from_site)))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url or 'without a page'}>"


class Browser(Tab):
    """A browser whose internet is the application under test. It is used as its first tab.

    ::

        browser = Browser(app)
        browser.submit("https://shop.example/login", {"name": "Ada"})
        browser.visit("https://shop.example/account", from_site="https://evil.example/")
        print(browser.verdicts)

    apps
        a WSGI application that answers for every host; or a mapping, ``{"shop.example": shop, "*.pay.example": pay}``.
        ``"host:port"`` is for one port alone, ``"*"`` for all other hosts.
    profile
        whose cookies: ``chromium``, ``firefox``, ``safari``, or ``rfc6265bis`` for the text of the standard
    public_suffixes
        as for `tuile.user_agent.jar.Jar`

    Scripts, images and styles of a page are not looked at, and neither are caches, CORS, Content-Security-Policy,
    Referrer-Policy, or HSTS.

    Raises ValueError for a profile that there is not, ImportError without the public suffix list, which
    ``pip install "tuile[testing]"`` brings.
    """

    def __init__(
        self,
        apps: WSGIApplication | Mapping[str, WSGIApplication],
        profile: str = "chromium",
        *,
        public_suffixes: PublicSuffix | None = None,
    ) -> None:
        super().__init__(Network(apps, profile, public_suffixes))

    @property
    def clock(self) -> Clock:
        """The browser's clock: ``browser.clock.advance(days=1)``.

        It goes with that of the process. The application goes on reading that one: what it checks itself, such as
        the age of a signature, does not grow older.
        """
        return self._network.clock

    @property
    def jar(self) -> Jar:
        """The jar that all tabs share."""
        return self._network.jar

    @property
    def cookies(self) -> list[StoredCookie]:
        """The cookies that are kept now, in the order of their creation."""
        return self.jar.cookies(self.clock.now())

    def cookie(self, name: str) -> StoredCookie | None:
        """The cookie of this name; of several, for other hosts or paths, the one made last. None: there is none."""
        return next((cookie for cookie in reversed(self.cookies) if cookie.name == name), None)

    @property
    def verdicts(self) -> Verdicts:
        """What became of every cookie that was set or deleted, in order. To look at it: ``print(browser.verdicts)``."""
        return self._network.verdicts

    @property
    def headers(self) -> dict[str, str]:
        """Headers that are sent with every request, such as Accept-Language; change it at will."""
        return self._network.headers

    def tab(self) -> Tab:
        """Open a further tab. It has the same cookies."""
        return Tab(self._network)

    def restart(self) -> None:
        """Close the browser and start it again: tabs and session cookies go, the others stay."""
        self.jar.end_session()
        self._network.restarts += 1
