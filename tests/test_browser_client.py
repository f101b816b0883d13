from __future__ import annotations

from datetime import datetime, timedelta, timezone
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import ClientRedirectError

from tuile import Flask, jsonify, make_response, redirect, request, session
from tuile.json.provider import DefaultJSONProvider
from tuile.testing import Browser, BrowserResponse, FlaskClient
from tuile.testing.clock import Clock
from tuile.testing.hosts import Hosts
from tuile.testing.outgoing import OutgoingRequest, absolute_url, origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from werkzeug.test import TestResponse

SHOP = "https://shop.example"
EVIL = "https://evil.example/"


def show(path: str = "") -> Any:
    """Return what was received."""
    return jsonify(
        host=request.host,
        path=request.path,
        method=request.method,
        query=request.args,
        form=request.form,
        cookies=request.cookies,
        headers=dict(request.headers),
    )


def site(**lines: str | list[str]) -> Flask:
    """Return an application that answers `/NAME` with Set-Cookie lines, and everything else with what it received."""
    app = Flask("site")
    # The lines are wrong on purpose, and the browser is to say so.
    app.config.update(TESTING=True, SECRET_KEY="key of the tests", COOKIE_CHECKS="off")

    def answering(some: list[str]) -> Callable[[], Any]:
        def answer() -> Any:
            response = make_response(show())
            for line in some:
                response.headers.add("Set-Cookie", line)
            return response

        return answer

    methods = ["GET", "POST", "PUT"]
    for name, some in lines.items():
        view = answering([some] if isinstance(some, str) else some)
        app.add_url_rule(f"/{name}", name, view, methods=methods)

    @app.route("/to/<int:status>", methods=methods)
    def to(status: int) -> Any:
        return redirect(request.args["url"], status)

    app.add_url_rule("/", "show", show, methods=methods, defaults={"path": ""})
    app.add_url_rule("/<path:path>", "show", show, methods=methods)
    return app


def sent(response: BrowserResponse) -> dict[str, str]:
    """Return the cookies sent with the request."""
    return dict(response.request.cookies)


# --- what the tutorials get wrong -------------------------------------------------------------------------------------


def test_a_delete_that_forgets_the_path_leaves_the_cookie_there() -> None:
    browser = Browser(site(set="theme=dark; Path=/account", unset="theme=; Max-Age=0; Path=/"))
    browser.visit(f"{SHOP}/set")
    browser.visit(f"{SHOP}/unset")
    assert browser.cookie("theme") is not None
    assert sent(browser.visit(f"{SHOP}/account")) == {"theme": "dark"}
    assert str(browser.verdicts[-1]) == (
        "Chromium has nothing to delete: the cookie 'theme' does not exist for this domain and path, "
        "but for path='/account' (rfc6265bis 3.1). Write: response.delete_cookie('theme', path='/account')."
    )


def test_a_delete_with_the_path_takes_the_cookie_away() -> None:
    browser = Browser(site(set="theme=dark; Path=/account", unset="theme=; Max-Age=0; Path=/account"))
    browser.visit(f"{SHOP}/set")
    assert browser.visit(f"{SHOP}/unset").verdicts[0].deleted
    assert browser.cookies == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("__Host-id=1; Secure; Path=/; Domain=shop.example", "Domain is set"),
        ("__Host-id=1; Secure", "Path is missing"),
        ("__Secure-id=1", "Secure is missing"),
        ("id=1; SameSite=None", "it is SameSite=None and not Secure"),
        (f"id={'x' * 5000}", "name and value have 5002 octets, and 4096 is the limit"),
        ("id=1; Domain=example", "Domain=example is a public suffix"),
        ("id=1; Domain=other.example", "Domain=other.example does not cover shop.example"),
        ("id=1; Partitioned", "it is Partitioned and not Secure"),
    ],
)
def test_a_dropped_cookie_is_not_there_and_the_verdict_says_why_and_what_to_write(line: str, said: str) -> None:
    browser = Browser(site(set=line))
    response = browser.visit(f"{SHOP}/set")
    assert browser.cookies == []
    assert sent(browser.visit(SHOP)) == {}
    (verdict,) = response.verdicts
    assert said in verdict.reason
    assert verdict.cure
    assert browser.verdicts.problems == [verdict]
    assert str(browser.verdicts) == str(verdict)


@pytest.mark.parametrize(
    ("url", "profile", "kept"),
    [
        ("http://shop.example/set", "chromium", False),
        ("https://shop.example/set", "chromium", True),
        ("http://localhost:5000/set", "chromium", True),
        ("http://127.0.0.1:5000/set", "firefox", True),
        ("http://localhost:5000/set", "safari", False),
        ("http://localhost:5000/set", "rfc6265bis", False),
    ],
)
def test_a_secure_cookie_wants_https_or_a_browser_that_trusts_this_machine(url: str, profile: str, kept: bool) -> None:
    browser = Browser(site(set="id=1; Secure"), profile)
    browser.visit(url)
    assert bool(browser.cookies) is kept
    assert bool(sent(browser.visit(url))) is kept


# --- SameSite ---------------------------------------------------------------------------------------------------------

LINES = ["strict=1; SameSite=Strict", "lax=1; SameSite=Lax", "none=1; SameSite=None; Secure", "default=1"]
EVERY = {"strict", "lax", "none", "default"}


@pytest.fixture
def browser() -> Browser:
    """Return a browser that has visited the shop and left it."""
    browser = Browser(site(set=LINES))
    browser.visit(f"{SHOP}/set")
    browser.visit("https://elsewhere.example/")
    return browser


def test_a_typed_address_gets_every_cookie(browser: Browser) -> None:
    assert set(sent(browser.visit(SHOP))) == EVERY


def test_a_link_of_another_site_withholds_strict(browser: Browser) -> None:
    assert set(sent(browser.visit(SHOP, from_site=EVIL))) == EVERY - {"strict"}
    assert set(sent(browser.reload())) == EVERY - {"strict"}
    assert set(sent(browser.click("/account"))) == EVERY


def test_a_link_of_a_host_of_the_same_site_gets_every_cookie(browser: Browser) -> None:
    assert set(sent(browser.visit(SHOP, from_site="https://help.shop.example/"))) == EVERY
    assert set(sent(browser.visit(SHOP, from_site="http://shop.example/"))) == EVERY - {"strict"}


def test_a_form_of_another_site_gets_what_is_for_every_site(browser: Browser) -> None:
    response = browser.submit(f"{SHOP}/pay", {"to": "evil"}, from_site=EVIL)
    # Chromium sends a cookie without SameSite for two minutes.
    assert set(sent(response)) == {"none", "default"}
    assert response.json["form"] == {"to": "evil"}
    browser.clock.advance(minutes=3)
    assert set(sent(browser.submit(f"{SHOP}/pay", from_site=EVIL))) == {"none"}
    assert set(sent(browser.submit(f"{SHOP}/pay", from_site="null"))) == {"none"}
    assert set(sent(browser.submit(f"{SHOP}/pay", from_site=EVIL, method="GET"))) == EVERY - {"strict"}


def test_the_form_of_the_open_page_is_cross_site_when_the_page_is(browser: Browser) -> None:
    browser.clock.advance(minutes=3)
    assert set(sent(browser.submit(f"{SHOP}/pay"))) == {"none"}
    assert browser.url == f"{SHOP}/pay"
    assert set(sent(browser.submit("/pay"))) == EVERY


def test_a_form_without_a_page_is_on_one_of_its_own_origin(browser: Browser) -> None:
    assert set(sent(browser.tab().submit(f"{SHOP}/pay"))) == EVERY


def test_an_image_in_another_site_gets_what_is_for_every_site(browser: Browser) -> None:
    response = browser.fetch(f"{SHOP}/pixel", from_site=EVIL, mode="no-cors", credentials="include")
    assert set(sent(response)) == {"none"}
    assert browser.url == "https://elsewhere.example/"


@pytest.mark.parametrize(("profile", "expect"), [("firefox", set()), ("safari", set()), ("rfc6265bis", {"none"})])
def test_other_browsers_keep_third_parties_apart(profile: str, expect: set[str]) -> None:
    browser = Browser(site(set=LINES), profile)
    browser.visit(f"{SHOP}/set")
    assert set(sent(browser.fetch(SHOP, from_site=EVIL, credentials="include"))) == expect


def test_a_lax_cookie_in_the_answer_to_another_sites_fetch_is_dropped() -> None:
    browser = Browser(site(set="id=1; SameSite=Lax"))
    response = browser.fetch(f"{SHOP}/set", from_site=EVIL, credentials="include")
    assert "answers a request from another site" in response.verdicts[0].reason
    assert browser.cookies == []


# --- redirects --------------------------------------------------------------------------------------------------------


def test_cookies_of_redirects_are_kept_on_the_way() -> None:
    app = site()

    @app.post("/login")
    def login() -> Any:
        session["name"] = request.form["name"]
        return redirect("/account")

    @app.get("/account")
    def account() -> Any:
        return session["name"]

    browser = Browser(app)
    response = browser.submit(f"{SHOP}/login", {"name": "Ada"})
    assert response.text == "Ada"
    assert [earlier.status_code for earlier in response.history] == [302]
    assert [verdict.name for verdict in response.verdicts] == ["session"]
    assert browser.url == f"{SHOP}/account"


@pytest.mark.parametrize(
    ("method", "status", "becomes"),
    [
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("POST", 303, "GET"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
        ("PUT", 302, "PUT"),
        ("PUT", 303, "GET"),
    ],
)
def test_a_redirect_changes_the_method_as_browsers_do(method: str, status: int, becomes: str) -> None:
    response = Browser(site()).fetch(f"{SHOP}/to/{status}?url=/there", method=method, data={"a": "1"})
    assert (response.json["method"], response.json["path"]) == (becomes, "/there")
    assert response.json["form"] == ({"a": "1"} if becomes == method else {})
    assert ("Content-Type" in response.json["headers"]) is (becomes == method)


def test_a_redirect_without_a_place_and_one_to_an_application_are_answers() -> None:
    app = site()
    app.add_url_rule("/nowhere", "nowhere", lambda: ("", 302))
    app.add_url_rule("/mail", "mail", lambda: redirect("mailto:ada@shop.example"))
    app.add_url_rule("/choices", "choices", lambda: ("", 300, {"Location": "/"}))
    browser = Browser(app)
    assert [browser.visit(f"{SHOP}/{path}").status_code for path in ("nowhere", "mail", "choices")] == [302, 302, 300]


def test_redirects_in_a_circle_are_an_error() -> None:
    app = site()
    app.add_url_rule("/circle", "circle", lambda: redirect("/circle"))
    with pytest.raises(ClientRedirectError, match=r"More than 20 redirects, the last one to https://shop\.example/c"):
        Browser(app).visit(f"{SHOP}/circle")


def test_twenty_redirects_are_followed() -> None:
    app = site()
    app.add_url_rule("/down/<int:n>", "down", lambda n: redirect(f"/down/{n - 1}") if n else "there")
    response = Browser(app).visit(f"{SHOP}/down/20")
    assert response.text == "there"
    assert len(response.history) == 20


def test_a_location_beyond_ascii_is_asked_for_as_octets() -> None:
    def octets(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("302 Found", [("Location", f"{SHOP}/caf\xc3\xa9?a=%20")])
        return []

    response = Browser({"octets.example": octets, "*": site()}).visit("https://octets.example/")
    assert response.json["path"] == "/café"
    assert response.json["query"] == {"a": " "}


@pytest.mark.parametrize(("profile", "strict"), [("chromium", True), ("safari", False)])
def test_a_redirect_by_another_site_counts_where_browsers_count_it(profile: str, strict: bool) -> None:
    browser = Browser(site(set="strict=1; SameSite=Strict"), profile)
    browser.visit(f"{SHOP}/set")
    response = browser.click(f"https://pay.example/to/302?url={SHOP}/back")
    assert [earlier.request.host for earlier in response.history] == ["pay.example"]
    assert (sent(response) == {"strict": "1"}) is strict


def test_a_link_of_another_site_stays_one_through_redirects() -> None:
    browser = Browser(site(set="strict=1; SameSite=Strict"))
    browser.visit(f"{SHOP}/set")
    assert sent(browser.visit(f"{SHOP}/to/302?url=/account", from_site=EVIL)) == {}


# --- time and sessions ------------------------------------------------------------------------------------------------


def test_a_cookie_is_gone_when_its_time_is_over() -> None:
    browser = Browser(site(set="offer=1; Max-Age=3600"))
    browser.visit(f"{SHOP}/set")
    browser.clock.advance(minutes=59)
    assert sent(browser.visit(SHOP)) == {"offer": "1"}
    browser.clock.advance(minutes=2)
    assert sent(browser.visit(SHOP)) == {}


def test_no_cookie_lives_for_more_than_400_days() -> None:
    browser = Browser(site(set=f"theme=dark; Max-Age={10 * 365 * 86_400}"))
    browser.visit(f"{SHOP}/set")
    assert "limits its lifetime to 400 days" in str(browser.verdicts)
    browser.clock.advance(days=399)
    assert browser.cookie("theme") is not None
    browser.clock.advance(days=2)
    assert browser.cookie("theme") is None


def test_a_restart_ends_what_has_no_lifetime_and_closes_the_page() -> None:
    browser = Browser(site(set=["basket=1", "theme=dark; Max-Age=3600"]))
    browser.visit(f"{SHOP}/set")
    browser.restart()
    assert [cookie.name for cookie in browser.cookies] == ["theme"]
    assert browser.url == ""
    assert browser.response is None
    with pytest.raises(RuntimeError, match="No page is open"):
        browser.reload()


def test_a_date_counts_from_when_the_server_says_it() -> None:
    app = site()
    app.config["PERMANENT_SESSION_LIFETIME"] = timedelta(days=31)

    @app.get("/visit")
    def visit() -> str:
        session.permanent = True
        session["visits"] = session.get("visits", 0) + 1
        return str(session["visits"])

    browser = Browser(app)
    # The session has an Expires by the server's clock, and each visit renews it.
    for expected in ("1", "2", "3"):
        assert browser.visit(f"{SHOP}/visit").text == expected
        browser.clock.advance(days=20)
    browser.clock.advance(days=12)
    assert browser.visit(f"{SHOP}/visit").text == "1"


def test_the_date_of_a_response_is_the_servers_clock() -> None:
    lines = {"Date": "Thu, 01 Jan 2015 00:00:00 GMT", "Set-Cookie": "a=1; Expires=Thu, 01 Jan 2015 01:00:00 GMT"}
    app = site()
    app.add_url_rule("/slow", "slow", lambda: ("", lines))
    browser = Browser(app)
    browser.visit(f"{SHOP}/slow")
    cookie = browser.cookie("a")
    assert cookie is not None
    assert cookie.expires is not None
    assert abs(cookie.expires - browser.clock.now() - timedelta(hours=1)) < timedelta(seconds=5)
    browser.document_cookie = "b=1; Expires=Thu, 01 Jan 2015 01:00:00 GMT"
    assert browser.cookie("b") is None


@pytest.mark.parametrize("date", ["Sun, 03 Jan 9999 00:00:00 GMT", "Tue, 01 Jan 1980 00:00:00 GMT", "soon"])
def test_a_date_that_cannot_be_reckoned_with_does_no_harm(date: str) -> None:
    lines = {"Date": date, "Set-Cookie": "a=1; Expires=Fri, 31 Dec 9999 23:59:59 GMT"}
    app = site()
    app.add_url_rule("/odd", "odd", lambda: ("", lines))
    browser = Browser(app)
    browser.visit(f"{SHOP}/odd")
    assert browser.cookie("a") is not None
    lines["Set-Cookie"] = "a=1; Expires=Mon, 01 Jan 1601 00:00:00 GMT"
    browser.visit(f"{SHOP}/odd")
    assert browser.cookie("a") is None


def test_the_clock_goes_with_the_process_and_never_back() -> None:
    clock = Clock()
    assert abs(clock.now() - datetime.now(timezone.utc)) < timedelta(seconds=5)
    clock.advance(days=1, hours=1, minutes=1, seconds=1, weeks=1)
    ahead = clock.now() - datetime.now(timezone.utc)
    assert abs(ahead - timedelta(days=8, hours=1, minutes=1, seconds=1)) < timedelta(seconds=5)
    with pytest.raises(ValueError, match="cannot go back by 1 day"):
        clock.advance(days=-1)
    assert f"{clock.now():%Y-%m-%d}" in repr(clock)


# --- scripts ----------------------------------------------------------------------------------------------------------


def test_a_script_sees_what_is_not_http_only() -> None:
    browser = Browser(site(set=["id=1; HttpOnly", "theme=dark", "there=1; Path=/there"]))
    browser.visit(f"{SHOP}/set")
    assert browser.document_cookie == "theme=dark"
    browser.click("/there")
    assert browser.document_cookie == "there=1; theme=dark"
    assert sent(browser.reload()) == {"id": "1", "theme": "dark", "there": "1"}


def test_a_script_sets_cookies_and_no_http_only_ones() -> None:
    browser = Browser(site(set="id=1; HttpOnly"))
    browser.visit(f"{SHOP}/set")
    browser.document_cookie = "consent=yes; Max-Age=60"
    browser.document_cookie = "id=2"
    browser.document_cookie = "other=1; HttpOnly"
    assert sent(browser.click("/")) == {"id": "1", "consent": "yes"}
    assert [verdict.name for verdict in browser.verdicts.problems] == ["id", "other"]
    assert browser.verdicts.of("consent")[0].kept


def test_a_script_needs_a_page() -> None:
    browser = Browser(site())
    with pytest.raises(RuntimeError, match=r"No page is open. Open one first: browser\.visit"):
        browser.document_cookie = "a=1"
    with pytest.raises(RuntimeError, match="No page is open"):
        assert browser.document_cookie
    with pytest.raises(RuntimeError, match="No page is open"):
        browser.click("/")
    with pytest.raises(RuntimeError, match="No page is open"):
        browser.frame("/")


# --- frames and tabs --------------------------------------------------------------------------------------------------

CHAT = "https://chat.example"
TOP = "https://top.example/"


def test_a_partitioned_cookie_is_there_only_within_the_same_top_site() -> None:
    browser = Browser(site(set="id=1; Secure; SameSite=None; Partitioned"))
    frame = browser.frame(f"{CHAT}/set", inside=TOP)
    assert frame.document_cookie == "id=1"
    assert sent(frame.click("/")) == {"id": "1"}
    assert sent(frame.fetch("/")) == {"id": "1"}
    assert browser.frame(CHAT, inside="https://shop.top.example/page").document_cookie == "id=1"
    assert browser.frame(CHAT, inside="https://other.example/").document_cookie == ""
    assert sent(browser.visit(CHAT)) == {}


@pytest.mark.parametrize(
    ("profile", "within", "at_home"),
    [("chromium", True, True), ("rfc6265bis", True, True), ("firefox", True, False), ("safari", False, False)],
)
def test_a_third_partys_cookie_without_partitioned(profile: str, within: bool, at_home: bool) -> None:
    browser = Browser(site(set="id=1; Secure; SameSite=None"), profile)
    frame = browser.frame(f"{CHAT}/set", inside=TOP)
    assert bool(sent(frame.click("/"))) is within
    assert bool(sent(browser.visit(CHAT))) is at_home


def test_a_frame_of_the_same_site_has_the_sites_cookies() -> None:
    browser = Browser(site(set=LINES))
    browser.visit(f"{SHOP}/set")
    frame = browser.frame("/inner")
    assert set(sent(frame.response)) == EVERY if frame.response else False
    assert set(sent(frame.submit("/pay", {}))) == EVERY
    assert repr(frame) == f"<Frame {SHOP}/pay in {SHOP}/set>"


def test_with_another_site_in_between_a_frame_is_cross_site() -> None:
    browser = Browser(site(set=LINES))
    browser.visit(f"{SHOP}/set")
    frame = browser.frame(SHOP, inside=[SHOP, CHAT])
    assert frame.response is not None
    assert set(sent(frame.response)) == {"none"}
    nested = browser.frame(CHAT).frame(SHOP)
    assert nested.response is not None
    assert set(sent(nested.response)) == {"none"}
    assert set(sent(nested.fetch("/", credentials="include"))) == {"none"}
    assert nested.document_cookie == "none=1"


def test_a_page_without_an_origin_gets_no_strict_cookie() -> None:
    browser = Browser(site(set=LINES))
    browser.visit(f"{SHOP}/set")
    response = browser.fetch(SHOP, from_site="null", credentials="include")
    assert set(sent(response)) == {"none"}
    assert response.json["headers"]["Origin"] == "null"


def test_tabs_share_the_jar_and_not_the_page() -> None:
    browser = Browser(site(set="id=1"))
    browser.visit(f"{SHOP}/set")
    tab = browser.tab()
    assert tab.url == ""
    assert sent(tab.visit(SHOP)) == {"id": "1"}
    assert (browser.url, tab.url) == (f"{SHOP}/set", f"{SHOP}/")
    assert (repr(browser), repr(tab)) == (f"<Browser {SHOP}/set>", f"<Tab {SHOP}/>")
    browser.restart()
    assert tab.response is None
    assert repr(tab) == "<Tab without a page>"
    assert sent(tab.visit(SHOP)) == {}
    assert tab.url == f"{SHOP}/"


def test_an_answer_without_a_page_leaves_the_page() -> None:
    app = site()
    app.add_url_rule("/saved", "saved", lambda: ("", 204, {"Set-Cookie": "saved=1"}))
    app.add_url_rule("/file", "file", lambda: ("x", {"Content-Disposition": "attachment; filename=x"}))
    browser = Browser(app)
    browser.visit(SHOP)
    assert browser.click("/saved").status_code == 204
    assert browser.click("/file").text == "x"
    assert browser.url == f"{SHOP}/"
    assert browser.document_cookie == "saved=1"


# --- several applications ---------------------------------------------------------------------------------------------


def test_each_host_has_its_application_and_a_chain_goes_through_them() -> None:
    shop, pay = Flask("shop"), Flask("pay")
    shop.config["TESTING"] = pay.config["TESTING"] = True

    @shop.get("/buy")
    def buy() -> Any:
        response = redirect("https://pay.example/")
        response.set_cookie("order", "7", samesite="Lax")
        return response

    @pay.get("/")
    def paid() -> Any:
        response = redirect(f"{SHOP}/thanks")
        response.set_cookie("customer", "3")
        return response

    @shop.get("/thanks")
    def thanks() -> Any:
        return dict(request.cookies)

    browser = Browser({"shop.example": shop, "pay.example": pay})
    response = browser.visit(f"{SHOP}/buy")
    assert response.json == {"order": "7"}
    assert [(cookie.name, cookie.domain) for cookie in browser.cookies] == [
        ("order", "shop.example"),
        ("customer", "pay.example"),
    ]


def test_the_most_exact_host_answers() -> None:
    names = ["*", "*.example", "*.shop.example", "www.shop.example", "www.shop.example:8443", "[::1]:80"]
    apps: dict[str, Any] = {name: (lambda environ, start_response, name=name: [name]) for name in names}
    hosts = Hosts(apps)
    urls = {
        "http://other.test/": "*",
        "http://shop.example/": "*.example",
        "http://x.y.shop.example/": "*.shop.example",
        "https://WWW.shop.example/": "www.shop.example",
        "https://www.shop.example:8443/": "www.shop.example:8443",
        "http://[::1]/": "[::1]:80",
    }
    assert {url: next(name for name in names if apps[name] is hosts.app_for(url)) for url in urls} == urls


def test_a_host_without_an_application_is_an_error_that_names_those_with_one() -> None:
    browser = Browser({"shop.example": site(), "PAY.example": site()})
    browser.visit("https://pay.example/")
    with pytest.raises(LookupError, match=r"'other\.example' \(port 443\). Known hosts: 'shop.example', 'pay.ex"):
        browser.visit("https://other.example/")


def test_applications_that_cannot_be_are_errors() -> None:
    with pytest.raises(ValueError, match="No application was given"):
        Browser({})
    with pytest.raises(TypeError, match=r"The application for 'a\.example' must be a WSGI callable, not str"):
        Browser({"a.example": "app"})  # type: ignore[dict-item]  # the mistake
    with pytest.raises(ValueError, match=r"'https://a\.example' is not a host"):
        Browser({"https://a.example": site()})
    with pytest.raises(ValueError, match="is not a host"):
        Browser({"*.a.example:80": site()})
    with pytest.raises(ValueError, match="Unknown profile 'opera'"):
        Browser(site(), "opera")


def test_a_host_may_be_written_in_any_way() -> None:
    app = site()
    for name in ("Bücher.example", "*.Example", "xn--bcher-kva.example:443"):
        assert Browser({name: app}).visit("https://bücher.example/").json["host"] == "xn--bcher-kva.example"
    assert Browser({"[0::1]": app}).visit("http://[::1]/").status_code == 200


# --- requests as browsers send them -----------------------------------------------------------------------------------


def fetch_headers(response: BrowserResponse) -> dict[str, str]:
    names = ("Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Fetch-User", "Origin", "Referer")
    headers = response.json["headers"]
    return {name.removeprefix("Sec-Fetch-"): headers[name] for name in names if name in headers}


def test_a_navigation_says_from_where_it_comes() -> None:
    browser = Browser(site())
    typed = {"Site": "none", "Mode": "navigate", "Dest": "document", "User": "?1"}
    assert fetch_headers(browser.visit(f"{SHOP}/a?b#c")) == typed
    same = {**typed, "Site": "same-origin", "Referer": f"{SHOP}/a?b"}
    assert fetch_headers(browser.click("/d")) == same
    below = {**typed, "Site": "same-site", "Referer": f"{SHOP}/"}
    assert fetch_headers(browser.click("https://www.shop.example/")) == below
    across = {**typed, "Site": "cross-site", "Referer": EVIL}
    assert fetch_headers(browser.visit(SHOP, from_site=f"{EVIL}attack?x")) == across
    assert fetch_headers(browser.visit(SHOP, from_site="null")) == {**typed, "Site": "cross-site"}


def test_a_form_and_a_fetch_have_an_origin() -> None:
    browser = Browser(site())
    browser.visit(SHOP)
    assert fetch_headers(browser.submit("/pay"))["Origin"] == SHOP
    assert fetch_headers(browser.submit(f"{SHOP}/pay", from_site=EVIL))["Origin"] == "https://evil.example"
    assert "Origin" not in fetch_headers(browser.fetch("/x"))
    assert fetch_headers(browser.fetch("/x", method="POST"))["Origin"] == SHOP
    cors = fetch_headers(browser.fetch("https://api.example/"))
    assert cors == {"Site": "cross-site", "Mode": "cors", "Dest": "empty", "Origin": SHOP, "Referer": f"{SHOP}/"}


def test_an_insecure_address_learns_little() -> None:
    browser = Browser(site())
    browser.visit(SHOP)
    assert fetch_headers(browser.submit("http://shop.example/pay")) == {"Origin": "null"}


def test_a_form_that_is_redirected_across_origins_has_no_origin() -> None:
    browser = Browser(site())
    response = browser.submit(f"{SHOP}/to/307?url=https://pay.example/", from_site=EVIL)
    assert fetch_headers(response)["Origin"] == "null"
    assert fetch_headers(response)["Site"] == "cross-site"
    browser.visit(SHOP)
    back = browser.click(f"https://pay.example/to/302?url={SHOP}/")
    assert fetch_headers(back)["Site"] == "cross-site"


def test_a_fetch_has_cookies_within_its_origin_unless_told_otherwise() -> None:
    browser = Browser(site(set="id=1; Domain=shop.example"))
    browser.visit(f"{SHOP}/set")
    assert sent(browser.fetch("/x")) == {"id": "1"}
    assert sent(browser.fetch("https://www.shop.example/x")) == {}
    assert sent(browser.fetch("https://www.shop.example/x", credentials="include")) == {"id": "1"}
    assert sent(browser.fetch("/x", credentials="omit")) == {}
    away_and_back = f"/to/302?url=https://www.shop.example/to/302?url={SHOP}/x"
    assert sent(browser.fetch(away_and_back)) == {}
    assert browser.fetch("https://www.shop.example/set").verdicts == []


def test_bodies_and_headers_are_sent() -> None:
    browser = Browser(site())
    browser.headers["Accept-Language"] = "de"
    response = browser.fetch(SHOP, method="PUT", json={"a": [1]}, headers={"X-Token": "t", "user-agent": "Mine"})
    assert response.request.get_json() == {"a": [1]}
    headers = response.json["headers"]
    assert (headers["X-Token"], headers["User-Agent"], headers["Accept-Language"]) == ("t", "Mine", "de")
    uploaded = browser.submit(SHOP, {"note": "ü", "file": (BytesIO(b"text"), "note.txt")})
    assert uploaded.json["form"] == {"note": "ü"}
    with uploaded.request as received:
        assert received.files["file"].read() == b"text"
    empty = browser.submit(SHOP)
    assert empty.json["headers"]["Content-Type"] == "application/x-www-form-urlencoded"
    assert browser.submit(f"{SHOP}/?old=1", {"q": ["a b", "c"]}, method="get").url == f"{SHOP}/?q=a+b&q=c"
    with pytest.raises(TypeError, match="Give data or json, not both"):
        browser.fetch(SHOP, method="POST", data="x", json={})
    with pytest.raises(ValueError, match=r"A form sends GET or POST, not PUT. Use fetch\(url, method='PUT'\)"):
        browser.submit(SHOP, method="PUT")


def test_a_secret_header_does_not_follow_to_another_origin() -> None:
    browser = Browser(site())
    headers = {"Authorization": "Bearer 1"}
    there = browser.fetch(f"{SHOP}/to/302?url=/x", headers=headers)
    assert there.json["headers"]["Authorization"] == "Bearer 1"
    away = browser.fetch(f"{SHOP}/to/302?url=https://pay.example/", headers=headers)
    assert "Authorization" not in away.json["headers"]


def test_a_port_is_part_of_the_origin_and_not_of_the_site() -> None:
    browser = Browser(site(set="strict=1; SameSite=Strict"))
    browser.visit("http://localhost:5000/set")
    response = browser.visit("http://localhost:8000/", from_site="http://localhost:5000/")
    assert sent(response) == {"strict": "1"}
    assert fetch_headers(response)["Site"] == "same-site"
    assert response.json["host"] == "localhost:8000"


@pytest.mark.parametrize("url", ["/login", "shop.example/login", "ftp://shop.example/", "https://", "https://a b/"])
def test_what_is_no_address_is_an_error(url: str) -> None:
    browser = Browser(site())
    with pytest.raises(ValueError, match=r"is not an absolute URL\. Use one"):
        browser.visit(url)
    with pytest.raises(ValueError, match=r"is not an absolute URL\. Use one"):
        browser.visit(SHOP, from_site=url)


def test_an_address_is_settled_as_browsers_do() -> None:
    assert absolute_url("HTTPS://User:Pass@Shop.Example:443?a#b") == "https://shop.example/?a#b"
    assert absolute_url("../b", "https://shop.example:8443/x/y") == "https://shop.example:8443/b"
    assert absolute_url("//pay.example", "http://shop.example/") == "http://pay.example/"
    assert origin("http://[::0001]:80/x") == "http://[::1]"
    assert origin("null") == "null"
    assert OutgoingRequest(SHOP, credentials="same-origin", initiator="null").has_credentials() is False


def test_a_path_arrives_as_it_is_written() -> None:
    def empty(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [])
        return []

    browser = Browser(empty)
    paths = ["//x/y?a=//b", "/a%2Fb?%C3%BC=%20", "/a:b", "/a;b?c?d", "/caf%C3%A9"]
    requests = [browser.visit(f"{SHOP}{path}#part").request for path in paths]
    assert [request.environ["REQUEST_URI"] for request in requests] == paths
    arrived = [request.environ["PATH_INFO"].encode("latin-1").decode() for request in requests]
    assert arrived == ["//x/y", "/a/b", "/a:b", "/a;b", "/café"]
    assert browser.visit(f"{SHOP}/ü x?ö#ä").url == f"{SHOP}/%C3%BC%20x?%C3%B6#%C3%A4"


@given(st.text(st.characters(max_codepoint=255)))
def test_whatever_a_location_says_is_followed_or_the_answer(location: str) -> None:
    following = OutgoingRequest(f"{SHOP}/a").redirected(302, location)
    if following is not None:
        assert following.url.isascii()
        assert absolute_url(following.url) == following.url


def test_the_applications_json_reads_and_writes() -> None:
    class Provider(DefaultJSONProvider):
        def dumps(self, obj: Any, **kwargs: Any) -> str:
            return '"written by the application"'

        def loads(self, s: Any, **kwargs: Any) -> Any:
            return "read by the application"

    app = site()
    browser = Browser({"plain.example": app.wsgi_app, "*": app})
    assert browser.visit(SHOP).json["path"] == "/"
    app.json = Provider(app)
    response = browser.fetch(SHOP, method="POST", json={})
    assert response.json == "read by the application"
    assert response.request.get_json() == "written by the application"
    assert browser.fetch("https://plain.example/", method="POST", json={}).request.get_json() == {}


# --- behind Flask's client --------------------------------------------------------------------------------------------


def cookies_of(response: TestResponse) -> Any:
    """Return the cookies that the application received."""
    shown: Any = response.json
    return shown["cookies"]


def test_flasks_client_with_a_browser_keeps_cookies_as_it_does() -> None:
    app = site(set=["secure=1; Secure", "none=1; SameSite=None", "short=1; Max-Age=60"])
    client = app.test_client(browser="chromium")
    assert type(client) is FlaskClient
    assert client.browser is not None
    client.get("/set", base_url="http://shop.example")
    assert cookies_of(client.get("/", base_url="http://shop.example")) == {"short": "1"}
    assert cookies_of(client.get("/", base_url="http://other.example")) == {}
    assert [verdict.name for verdict in client.browser.verdicts.problems] == ["secure", "none"]
    client.browser.clock.advance(minutes=2)
    assert cookies_of(client.get("/", base_url="http://shop.example")) == {}


def test_flasks_client_without_a_browser_keeps_everything() -> None:
    client = site(set=["secure=1; Secure", "none=1; SameSite=None"]).test_client()
    client.get("/set")
    assert client.browser is None
    assert cookies_of(client.get("/")) == {"secure": "1", "none": "1"}


def test_flasks_client_and_its_browser_have_one_jar() -> None:
    app = site(set=["strict=1; SameSite=Strict", "lax=1; SameSite=Lax"])
    client = app.test_client(browser="chromium")
    client.get("/set")
    assert client.browser is not None
    assert sent(client.browser.visit("http://localhost/", from_site=EVIL)) == {"lax": "1"}
    other = app.test_client(browser=client.browser)
    assert cookies_of(other.get("/")) == {"strict": "1", "lax": "1"}


def test_cookies_are_set_looked_up_and_deleted_by_flasks_client() -> None:
    client = site().test_client(browser="chromium")
    client.set_cookie("my theme", "dark; blue", path="/account", max_age=60)
    cookie = client.get_cookie("my theme", path="/account")
    assert cookie is not None
    assert (cookie.decoded_key, cookie.decoded_value, cookie.origin_only) == ("my theme", "dark; blue", True)
    assert cookie.same_site is None
    assert cookie.expires is not None
    assert client.get_cookie("my theme") is None
    assert cookies_of(client.get("/account")) == {"my theme": "dark; blue"}
    assert cookies_of(client.get("/")) == {}
    client.delete_cookie("my theme", path="/account")
    client.delete_cookie("never there")
    assert cookies_of(client.get("/account")) == {}


def test_flasks_client_deletes_whatever_guards_a_cookie() -> None:
    lines = ["__Host-Http-a=1; Secure; HttpOnly; Path=/", "b=1; Domain=shop.example; Path=/", "c=1; Path=/"]
    app = site(set=lines, part="d=1; Secure; SameSite=None; Partitioned; Path=/")
    client = app.test_client(browser="chromium")
    assert client.browser is not None
    client.browser.visit(f"{SHOP}/set")
    client.browser.frame(f"{SHOP}/part", inside=TOP)
    found = [client.get_cookie(name, domain="shop.example") for name in ("__Host-Http-a", "b", "c", "d")]
    assert [cookie.origin_only if cookie else None for cookie in found] == [True, False, True, True]
    for name in ("__Host-Http-a", "b", "c", "d"):
        client.delete_cookie(name, domain=".shop.example")
    assert client.browser.cookies == []


def test_flasks_client_sets_for_a_domain_and_says_what_would_be_dropped() -> None:
    client = site().test_client(browser="chromium")
    client.set_cookie("a", "1", domain="shop.example", origin_only=False)
    assert cookies_of(client.get("/", base_url="https://www.shop.example")) == {"a": "1"}
    with pytest.raises(ValueError, match="ignores the cookie 'b': it is SameSite=None and not Secure"):
        client.set_cookie("b", samesite="None")
    client.set_cookie("a", max_age=0, domain="shop.example", origin_only=False)
    assert client.get_cookie("a", "shop.example") is None


def test_a_session_transaction_goes_through_the_jar() -> None:
    app = site()
    app.add_url_rule("/who", "who", lambda: session.get("name", "nobody"))
    client = app.test_client(browser="chromium")
    with client.session_transaction() as opened:
        opened["name"] = "Ada"
    assert client.get("/who").text == "Ada"
    with client.session_transaction() as opened:
        assert opened["name"] == "Ada"
        opened.clear()
    assert client.get("/who").text == "nobody"


def test_a_session_that_the_browser_drops_is_an_error() -> None:
    app = site()
    app.config["SESSION_COOKIE_SECURE"] = True
    client = app.test_client(browser="safari")
    with pytest.raises(
        ValueError, match=r"The session is not saved. Safari ignores the cookie 'session': it is Secure"
    ):
        with client.session_transaction() as opened:
            opened["name"] = "Ada"
    with client.session_transaction(base_url="https://localhost") as opened:
        opened["name"] = "Ada"


def test_redirects_and_contexts_of_flasks_client_work_with_a_browser() -> None:
    app = site(set="id=1")
    app.add_url_rule("/go", "go", lambda: ("", 302, {"Location": "/", "Set-Cookie": "went=1"}))
    with app.test_client(browser="chromium") as client:
        response = client.get("/go", follow_redirects=True)
        assert cookies_of(response) == {"went": "1"}
        assert request.path == "/"


def test_a_client_without_cookies_cannot_have_a_browser() -> None:
    with pytest.raises(TypeError, match="Cookies are disabled"):
        site().test_client(use_cookies=False, browser="chromium")
    with pytest.raises(ValueError, match="Unknown profile 'opera'"):
        site().test_client(browser="opera")
