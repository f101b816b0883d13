"""A test client that behaves like a browser, with tabs and frames."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from urllib.parse import urlencode, urlsplit

from tuile.hints import KnowsOtherNames
from tuile.user_agent.sites import TYPED, Context, parse_address

from .network import Network
from .outgoing import OutgoingRequest, absolute_url, encode_body

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from _typeshed.wsgi import WSGIApplication

    from tuile.user_agent.jar import Jar
    from tuile.user_agent.sites import PublicSuffix
    from tuile.user_agent.verdicts import StoredCookie

    from .clock import Clock
    from .network import BrowserResponse, Verdicts
    from .outgoing import Credentials, Mode

_NO_PAGE = "No page is open. Open one first: browser.visit('https://example.com/')."
_NO_CONTENT = frozenset((204, 205))  # the open page stays open


class Window:
    """A window that shows a page: a tab, or a frame within a page."""

    def __init__(self, network: Network, above: tuple[str, ...] = ()) -> None:
        self._network = network
        self._above = above  # the pages around it, outermost first
        self._response: BrowserResponse | None = None
        self._restarts = network.restarts

    @property
    def response(self) -> BrowserResponse | None:
        """The response that the open page came from; None before the first page and after a restart."""
        return self._response if self._restarts == self._network.restarts else None

    @property
    def url(self) -> str:
        """The URL of the open page, after redirects; empty if no page is open."""
        return self.response.url if self.response is not None else ""

    @property
    def document_cookie(self) -> str:
        """The value of `document.cookie` for a script on the page. Assigning to it sets one cookie.

        Raises:
            RuntimeError: If no page is open.
        """
        return self._network.cookie_header(self._page(), api="script", context=self._script_context())

    @document_cookie.setter
    def document_cookie(self, line: str) -> None:
        self._network.receive(self._page(), [line], api="script", context=self._script_context())

    def click(self, url: str) -> BrowserResponse:
        """Follow a link on the page.

        Args:
            url: The target of the link, which may be relative.

        Raises:
            RuntimeError: If no page is open.
        """
        page = self._page()
        return self._open(self._navigation(absolute_url(url, page), page))

    def submit(
        self,
        url: str,
        data: Mapping[str, object] | None = None,
        *,
        method: str = "POST",
        from_site: str | None = None,
    ) -> BrowserResponse:
        """Submit a form.

        Args:
            url: The `action` of the form.
            data: The form fields. A file is ``(file, name)``; several values for one field are a list.
            method: ``POST`` or ``GET``.
            from_site: The URL of the page with the form; ``"null"`` for a sandboxed page. None: the open page, or a
                page of the same origin if none is open.

        Raises:
            ValueError: If the method is neither GET nor POST.
        """
        method = method.upper()
        if method not in {"GET", "POST"}:
            raise ValueError(f"A form sends GET or POST, not {method}. Use fetch(url, method={method!r}).")
        action = absolute_url(url, self.url)
        outgoing = self._navigation(action, self._sender(action, from_site))
        if method == "GET":
            query = urlencode(data or {}, doseq=True)
            return self._open(replace(outgoing, url=urlsplit(action)._replace(query=query).geturl()))
        body, content_type = encode_body(data or {})
        return self._open(
            replace(
                outgoing, method="POST", body=body, content_type=content_type or "application/x-www-form-urlencoded"
            )
        )

    def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        data: object = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        credentials: Credentials = "same-origin",
        mode: Mode = "cors",
        from_site: str | None = None,
    ) -> BrowserResponse:
        """Request a URL from the page, as `fetch()` in a script does. The page stays open.

        The response is returned as it is: CORS is not enforced and no preflight request is sent.

        Args:
            url: The URL, which may be relative.
            method: The method.
            data: The body, as Werkzeug's test client takes it.
            json: A value to send as JSON instead.
            headers: Headers, besides those that browsers send.
            credentials: When cookies are sent and stored: ``include``, ``omit``, or ``same-origin`` for requests to
                the origin of the page.
            mode: ``no-cors`` with ``credentials="include"`` imitates an image or a script of another site.
            from_site: The URL of the page that makes the request, in a tab of its own. None: the open page, or a page
                of the same origin if none is open.
        """
        address = absolute_url(url, self.url)
        page = self._sender(address, from_site)
        # A page with an opaque origin is a site of its own, to which no cookie belongs.
        pages = (*(self._above if from_site is None else ()), page)
        body, content_type = encode_body(data, json, self._network.dumps_for(address))
        outgoing = OutgoingRequest(
            address,
            method.upper(),
            body,
            content_type,
            mode=mode,
            destination="empty",
            credentials=credentials,
            initiator=page,
            top_level_url=pages[0],
            cross_site_ancestor=self._has_other_site(pages),
            headers=dict(headers or {}),
        )
        return self._network.send(outgoing)

    def frame(self, url: str, *, inside: str | Sequence[str] | None = None) -> Frame:
        """Open a frame.

        Args:
            url: The URL of the frame, which may be relative to the page around it.
            inside: The URL of the page around the frame, or of several nested pages, outermost first. No application
                needs to serve them. None: the open page.

        Raises:
            RuntimeError: If `inside` is None and no page is open.
        """
        if inside is None:
            above = (*self._above, self._page())
        else:
            above = tuple(map(absolute_url, [inside] if isinstance(inside, str) else inside))
        frame = Frame(self._network, above)
        frame._open(frame._navigation(absolute_url(url, above[-1]), above[-1]))
        return frame

    def reload(self) -> BrowserResponse:
        """Request the open page again, in the same way and from the same site.

        Raises:
            RuntimeError: If no page is open.
        """
        if self.response is None:
            raise RuntimeError(_NO_PAGE)
        return self._open(replace(self.response.outgoing, redirects=()))

    def _page(self) -> str:
        if self.response is None:
            raise RuntimeError(_NO_PAGE)
        return self.url

    def _sender(self, url: str, from_site: str | None) -> str:
        """Return the URL of the page that makes a request."""
        if from_site is None:
            return self.url or url
        return from_site if from_site == "null" else absolute_url(from_site)

    def _navigation(self, url: str, initiator: str | None) -> OutgoingRequest:
        if not self._above:
            return OutgoingRequest(url, initiator=initiator)
        return OutgoingRequest(
            url,
            destination="iframe",
            initiator=initiator,
            top_level_url=self._above[0],
            cross_site_ancestor=self._has_other_site(self._above),
        )

    def _open(self, outgoing: OutgoingRequest) -> BrowserResponse:
        response = self._network.send(outgoing)
        disposition = response.headers.get("Content-Disposition", "")
        if response.status_code not in _NO_CONTENT and not disposition.lower().startswith("attachment"):
            self._response, self._restarts = response, self._network.restarts
        return response

    def _script_context(self) -> Context:
        if not self._above:
            return TYPED
        return Context(top_level_site=self._above[0], cross_site_ancestor=self._has_other_site(self._above))

    def _has_other_site(self, pages: tuple[str, ...]) -> bool:
        """Return whether one of the nested pages belongs to another site than the outermost one."""
        jar, (top, *others) = self._network.jar, pages
        if top == "null":
            return bool(others)
        schemeful = jar.profile.schemeful
        return any(not jar.sites.same(parse_address(top), url, schemeful=schemeful) for url in others)


class Frame(Window):
    """A frame within a page, with the cookies that it has there. Open one with ``browser.frame()``."""

    def __repr__(self) -> str:
        return f"<Frame {self.url} in {' in '.join(reversed(self._above))}>"


class Tab(Window, KnowsOtherNames):
    """A tab of a browser. Open one with ``browser.tab()``."""

    _other_names: t.ClassVar[Mapping[str, str]] = {
        "get": "browser.visit('/page'), or browser.fetch('/page') as a script does",
        "open": "browser.visit('/page')",
        "goto": "browser.visit('/page')",
        "post": "browser.submit('/page', {'field': 'value'}), or browser.fetch('/page', method='POST')",
        "put": "browser.fetch('/page', method='PUT')",
        "patch": "browser.fetch('/page', method='PATCH')",
        "delete": "browser.fetch('/page', method='DELETE')",
        "set_cookie": "browser.document_cookie = 'name=value', as a script sets it",
        "get_cookie": "browser.cookie('name')",
        "text": "browser.response.text",
        "page": "browser.response.text",
        "content": "browser.response.text",
        "status_code": "browser.response.status_code",
        "refresh": "browser.reload()",
        "close": "browser.restart(), which ends the session of the browser",
        "quit": "browser.restart(), which ends the session of the browser",
    }

    def visit(self, url: str, *, from_site: str | None = None) -> BrowserResponse:
        """Open a page in the tab.

        Args:
            url: The URL, absolute or relative to the open page.
            from_site: The URL of a page whose link the user follows; ``"null"`` for a sandboxed page. No application
                needs to serve it. None: the user typed the URL.

        Raises:
            ValueError: If the URL is not absolute and no page is open.
        """
        address = absolute_url(url, self.url)
        return self._open(self._navigation(address, None if from_site is None else self._sender(address, from_site)))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url or 'without a page'}>"


class Browser(Tab):
    """A browser that sends its requests to the application under test. It is also its own first tab.

    ::

        browser = Browser(app)
        browser.submit("https://shop.example/login", {"name": "Ada"})
        browser.visit("https://shop.example/account", from_site="https://evil.example/")
        print(browser.verdicts)

    Scripts, images and styles of a page are not loaded. Caches, CORS, Content-Security-Policy, Referrer-Policy and
    HSTS are not implemented.

    Args:
        apps: A WSGI application that answers for every host, or a mapping such as ``{"shop.example": shop,
            "*.pay.example": pay}``. ``"host:port"`` is for one port only, ``"*"`` for all other hosts.
        profile: The browser to imitate: ``chromium``, ``firefox``, ``safari``, or ``rfc6265bis`` for the text of the
            standard.
        public_suffixes: As for `tuile.user_agent.jar.Jar`.
        protocol: ``asgi`` to send the requests as an ASGI server does, to ASGI applications; ``wsgi`` otherwise.

    Raises:
        ValueError: If there is no such profile, or no such protocol.
        ImportError: If the public suffix list is not installed. ``pip install "tuile[testing]"`` installs it.
    """

    def __init__(
        self,
        apps: WSGIApplication | Mapping[str, WSGIApplication],
        profile: str = "chromium",
        *,
        public_suffixes: PublicSuffix | None = None,
        protocol: str = "wsgi",
    ) -> None:
        super().__init__(Network(apps, profile, public_suffixes, protocol))

    @property
    def clock(self) -> Clock:
        """The browser's clock: ``browser.clock.advance(days=1)``.

        It follows the clock of the process. The application still reads the clock of the process, so what it checks
        itself, such as the age of a signature, does not change.
        """
        return self._network.clock

    @property
    def jar(self) -> Jar:
        """The jar that all tabs share."""
        return self._network.jar

    @property
    def cookies(self) -> list[StoredCookie]:
        """The cookies stored now, in the order of their creation."""
        return self.jar.cookies(self.clock.now())

    def cookie(self, name: str) -> StoredCookie | None:
        """Return the newest cookie of this name, for any host and path; None if there is none."""
        return next((cookie for cookie in reversed(self.cookies) if cookie.name == name), None)

    @property
    def verdicts(self) -> Verdicts:
        """The verdicts on all cookies set or deleted so far, in order. Print it for a report."""
        return self._network.verdicts

    @property
    def headers(self) -> dict[str, str]:
        """The headers sent with every request, such as Accept-Language. Change them freely."""
        return self._network.headers

    def tab(self) -> Tab:
        """Open another tab, which shares the cookies."""
        return Tab(self._network)

    def restart(self) -> None:
        """Close the browser and start it again, without its tabs and session cookies."""
        self.jar.end_session()
        self._network.restarts += 1
