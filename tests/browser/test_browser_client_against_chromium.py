"""The test client `tuile.testing.Browser` and a real Chromium agree about whole visits.

One application, served to Chromium and passed to the client, records each request. Both visit the same pages, follow
the same links and submit the same forms; then the cookies, and the headers that tell where a request comes from, must
be equal. The hosts are below `localhost`: they resolve to this machine, count as secure, and are sites of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlsplit

import pytest
from markupsafe import Markup

from tests.browser.conftest import QuietHandler
from tuile import Flask, make_response, redirect, request
from tuile.testing import Browser

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.conftest import Serve
    from tuile import Response

NOTED = ("Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Fetch-User", "Origin", "Referer", "Cookie")
PAGE = Markup("""<!doctype html><link rel="icon" href="data:,"><a href="{to}">link</a>
<form action="{to}" method="post"><input name="field" value="1"><button>send</button></form>""")
FRAMING = Markup('<!doctype html><link rel="icon" href="data:,"><iframe src="{to}"></iframe>')

Log = list[dict[str, str]]


def recording(log: Log, lines: list[str]) -> Flask:
    """Return the application: `/set` sets cookies, `/page` has a link and a form, `/to/STATUS` redirects."""
    app = Flask("recording")
    app.config["COOKIE_CHECKS"] = "off"

    @app.before_request
    def note() -> None:
        found = {"method": request.method, "url": request.url, "form": request.form.get("field", "")}
        log.append({**found, **{name: request.headers[name] for name in NOTED if name in request.headers}})

    @app.route("/set", methods=["GET", "POST"])
    def setting() -> Any:
        response = make_response(PAGE.format(to="/"))
        for line in lines:
            response.headers.add("Set-Cookie", line)
        return response

    @app.route("/to/<int:status>", methods=["GET", "POST"])
    def to(status: int) -> Any:
        return redirect(request.args["url"], status)

    @app.route("/partitioned")
    def partitioned() -> Any:
        return PAGE.format(to="/"), {"Set-Cookie": "apart=1; Path=/; Secure; SameSite=None; Partitioned"}

    @app.route("/framing")
    def framing() -> Any:
        return FRAMING.format(to=request.args["to"])

    @app.route("/", methods=["GET", "POST"])
    @app.route("/<path:path>", methods=["GET", "POST"])
    def page(path: str = "") -> Any:
        return PAGE.format(to=request.args.get("to", "/"))

    return app


class Visitor(Protocol):
    """The actions that both can perform."""

    def typed(self, url: str) -> None: ...
    def link(self, page: str, url: str) -> None: ...
    def form(self, page: str, url: str) -> None: ...
    def fetch(self, url: str, credentials: str) -> None: ...
    def frame(self, page: str, url: str) -> None: ...
    def script(self, line: str) -> str: ...


def holding(page: str, url: str) -> str:
    """Return the URL of a page with a link and a form for a URL."""
    return f"{page}?to={quote(url, safe='')}"


class InChromium:
    """A visitor with a real browser."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def typed(self, url: str) -> None:
        self.page.goto(url)

    def link(self, page: str, url: str) -> None:
        self.page.goto(holding(page, url))
        with self.page.expect_navigation():
            self.page.get_by_role("link").click()

    def form(self, page: str, url: str) -> None:
        self.page.goto(holding(page, url))
        with self.page.expect_navigation():
            self.page.get_by_role("button").click()

    def fetch(self, url: str, credentials: str) -> None:
        self.page.evaluate(
            "([url, credentials]) => fetch(url, {credentials, method: 'POST', body: new URLSearchParams({field: 2})})"
            ".catch(() => 0).then(() => 0)",
            [url, credentials],
        )

    def frame(self, page: str, url: str) -> None:
        self.page.goto(holding(page, url))

    def script(self, line: str) -> str:
        seen: str = self.page.evaluate("line => { document.cookie = line; return document.cookie; }", line)
        return seen


class InClient:
    """A visitor with the test client."""

    def __init__(self, app: Flask) -> None:
        self.browser = Browser(app)

    def typed(self, url: str) -> None:
        self.browser.visit(url)

    def link(self, page: str, url: str) -> None:
        self.browser.visit(holding(page, url))
        self.browser.click(url)

    def form(self, page: str, url: str) -> None:
        self.browser.visit(holding(page, url))
        self.browser.submit(url, {"field": "1"})

    def fetch(self, url: str, credentials: str) -> None:
        assert credentials in {"include", "same-origin"}
        if credentials == "include":
            self.browser.fetch(url, method="POST", data={"field": "2"}, credentials="include")
        else:
            self.browser.fetch(url, method="POST", data={"field": "2"})

    def frame(self, page: str, url: str) -> None:
        self.browser.visit(holding(page, url))
        self.browser.frame(url)

    def script(self, line: str) -> str:
        self.browser.document_cookie = line
        return self.browser.document_cookie


# --- what is done in both ---------------------------------------------------------------------------------------------

LINES = [
    "strict=1; SameSite=Strict; Path=/",
    "lax=1; SameSite=Lax; Path=/",
    "none=1; SameSite=None; Secure; Path=/",
    "default=1; Path=/",
    "hidden=1; HttpOnly; Path=/; Max-Age=60",
    "__Host-a=1; Secure; Path=/",
    "__Host-b=1; Secure; Path=/; Domain=shop.localhost",
    "insecure=1; SameSite=None; Path=/",
    f"long={'x' * 5000}; Path=/",
    "below=1; Path=/below",
]


def by_links(visitor: Visitor, shop: str, evil: str) -> None:
    visitor.typed(f"{shop}/set")
    visitor.link(f"{shop}/page", f"{shop}/below/x?a=b")
    visitor.link(f"{shop}/page", shop.replace("shop.", "www.shop."))
    visitor.link(f"{evil}/page", f"{shop}/below")
    visitor.typed(f"{shop}/below/")


def by_forms(visitor: Visitor, shop: str, evil: str) -> None:
    visitor.typed(f"{shop}/set")
    visitor.form(f"{shop}/page", f"{shop}/pay")
    visitor.form(f"{evil}/page", f"{shop}/pay")
    visitor.form(f"{evil}/page", f"{shop}/set")


def by_redirects(visitor: Visitor, shop: str, evil: str) -> None:
    visitor.typed(f"{shop}/set")
    for status in (301, 302, 303, 307, 308):
        visitor.form(f"{shop}/page", f"{shop}/to/{status}?url=/there/{status}")
    visitor.form(f"{shop}/page", f"{evil}/to/307?url={shop}/back")
    visitor.link(f"{shop}/page", f"{evil}/to/302?url={shop}/back")
    visitor.link(f"{evil}/page", f"{shop}/to/302?url={shop}/back")
    visitor.typed(f"{evil}/to/302?url={shop}/back")


def by_fetches(visitor: Visitor, shop: str, evil: str) -> None:
    visitor.typed(f"{shop}/set")
    visitor.fetch(f"{shop}/api", "same-origin")
    other = shop.replace("shop.", "api.shop.")
    visitor.fetch(f"{other}/api", "same-origin")
    visitor.fetch(f"{other}/set", "include")
    visitor.fetch(f"{other}/api", "include")
    visitor.fetch(f"{evil}/api", "same-origin")


def by_frames(visitor: Visitor, shop: str, evil: str) -> None:
    visitor.typed(f"{shop}/set")
    visitor.frame(f"{shop}/framing", f"{shop}/framed")
    visitor.frame(f"{shop}/framing", shop.replace("shop.", "www.shop."))
    visitor.frame(f"{evil}/framing", f"{evil}/partitioned")
    visitor.frame(f"{evil}/framing", f"{shop}/partitioned")
    visitor.frame(f"{evil}/framing", f"{shop}/framed")
    visitor.typed(f"{shop}/")


def by_scripts(visitor: Visitor, shop: str, evil: str) -> None:
    visitor.typed(f"{shop}/set")
    seen = [visitor.script(line) for line in ("mine=1", "hidden=2", "new=1; HttpOnly", "__Host-a=2; Secure; Path=/")]
    visitor.link(f"{shop}/page", f"{shop}/seen?{quote(seen[-1])}")
    visitor.link(f"{evil}/page", f"{shop}/below/x")
    visitor.typed(f"{shop}/seen?{quote(visitor.script('below=2; Path=/below'))}")


@pytest.mark.parametrize("do", [by_links, by_forms, by_redirects, by_fetches, by_scripts, by_frames])
def test_the_client_sends_what_chromium_sends(
    do: Callable[[Visitor, str, str], None], page: Page, serve: Serve
) -> None:
    # The fixtures' Chromium is incognito, where third parties have none but partitioned cookies.
    lines = [line for line in LINES if do is not by_frames or not line.startswith("none=1")]
    theirs: Log = []
    ours: Log = []
    port = urlsplit(serve(recording(theirs, lines))).port
    shop, evil = f"http://shop.localhost:{port}", f"http://evil.localhost:{port}"
    do(InChromium(page), shop, evil)
    do(InClient(recording(ours, lines)), shop, evil)
    assert len(theirs) > 1
    assert ours == theirs


def test_chromium_reads_a_date_by_the_servers_clock_as_the_client_does(
    page: Page, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    date = "Thu, 01 Jan 2015 00:00:00 GMT"
    lines = ["soon=1; Expires=Thu, 01 Jan 2015 01:00:00 GMT", "over=1; Expires=Wed, 31 Dec 2014 23:00:00 GMT"]
    theirs: Log = []
    ours: Log = []
    monkeypatch.setattr(QuietHandler, "date_time_string", lambda *_: date)
    base = serve(recording(theirs, lines))
    app = recording(ours, lines)

    @app.after_request
    def dated(response: Response) -> Response:
        response.headers["Date"] = date
        return response

    for visitor in (InChromium(page), InClient(app)):
        visitor.typed(f"{base}/set")
        visitor.typed(f"{base}/")
    assert theirs[1]["Cookie"] == "soon=1"
    assert ours == theirs
