"""The programs of tutorials in a real Chromium, as their readers type them in."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.browser.conftest import CHROMIUM_FLAGS, assert_set_since, find_chromium
from tests.tutorials.programs import (
    flavors,
    hello_alice,
    quickstart_cookies,
    quickstart_errors,
    quickstart_flashing,
    quickstart_sessions,
    read_set_update_delete,
    the_site,
)
from tuile import Flask, Response, jsonify, request

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page

    from tests.browser.conftest import Serve

# Values that the syntax of cookies does not allow, and some that it does.
VALUES = [
    "plain",
    "two words",
    "  spaces around  ",
    'say "cookie"',
    '"quoted"',
    "a, b, c",
    "a; b; c",
    "a=b&c=d",
    "back\\slash",
    "100 % %3B",
    "crème brûlée",
    "饼干",
    "🍪 and 👩‍🍳",
    '{"json": ["v, w"]}',
    "",
]


def received(page: Page, address: str) -> dict[str, str]:
    """Return the cookies that the server received at this URL, which returns them as JSON."""
    answer = page.goto(address)
    assert answer is not None
    cookies: dict[str, str] = answer.json()
    return cookies


def shown(page: Page, address: str) -> str:
    """Return the text of the page at this URL."""
    page.goto(address)
    return page.inner_text("body")


def kept(context: BrowserContext, name: str) -> dict[str, Any]:
    """Return what the browser stores about the cookie of this name."""
    [cookie] = [cookie for cookie in context.cookies() if cookie.get("name") == name]
    return dict(cookie)


def echo() -> Flask:
    """Return an application that sets a given cookie, and shows the cookies it received."""
    app = Flask(__name__)

    @app.route("/")
    @app.route("/<path:anything>")
    def tell(**_: str) -> Response:
        answer = jsonify(request.cookies.to_dict())
        if "name" in request.args:
            answer.set_cookie(request.args["name"], request.args["value"])
        return answer

    return app


# --- Reading and setting ----------------------------------------------------------------------------------------------


def test_a_cookie_that_was_set_comes_back(serve: Serve, page: Page) -> None:
    base = serve(flavors.app)
    assert received(page, f"{base}/") == {}
    page.goto(f"{base}/cookies")
    assert received(page, f"{base}/") == {"flavor": "chocolate chip"}


def test_several_cookies_come_back_and_a_name_may_hold_a_space(serve: Serve, page: Page) -> None:
    base = serve(flavors.app)
    page.goto(f"{base}/cookies")
    page.goto(f"{base}/cookies/more")
    assert received(page, f"{base}/") == {"flavor": "chocolate chip", "chocolate type": "dark", "chewy": "yes"}


def test_the_first_visit_is_nobodys_and_the_second_is_alices(serve: Serve, page: Page) -> None:
    base = serve(hello_alice.app)
    assert [shown(page, base) for _ in range(3)] == ["Hello None", "Hello Alice", "Hello Alice"]
    assert shown(page, f"{base}/only-read") == "Hello Alice"


def test_set_then_get(serve: Serve, page: Page) -> None:
    base = serve(the_site.app)
    assert shown(page, f"{base}/getcookie") == "The Site : None"
    assert shown(page, f"{base}/setcookie") == "The Cookie has been set"
    assert shown(page, f"{base}/getcookie") == "The Site : tuile.example"


def test_a_page_shows_a_cookie_from_the_second_visit_on(serve: Serve, page: Page) -> None:
    base = serve(read_set_update_delete.app)
    assert "ImmutableMultiDict([])" in shown(page, f"{base}/set-cookie")
    assert "('cookie_name', 'cookie_value')" in shown(page, f"{base}/set-cookie")
    assert "('cookie_name', 'cookie_value')" in shown(page, base)


def test_setting_again_updates(serve: Serve, page: Page, context: BrowserContext) -> None:
    base = serve(read_set_update_delete.app)
    page.goto(f"{base}/set-cookie")
    page.goto(f"{base}/update-cookie")
    assert "('cookie_name', 'another_value')" in shown(page, base)
    assert len(context.cookies()) == 1


def test_a_cookie_can_be_set_before_the_response_exists(serve: Serve, page: Page) -> None:
    base = serve(quickstart_cookies.app)
    page.goto(f"{base}/nowhere")
    page.goto(f"{base}/store")
    assert {cookie.get("name") for cookie in page.context.cookies()} == {"language", "username"}
    assert shown(page, base) == "username: Ada"


def test_values_come_back_from_the_browser_as_they_were_set(serve: Serve, page: Page) -> None:
    base = serve(echo())
    for number, value in enumerate(VALUES):
        page.goto(f"{base}/?name=number_{number}&value={quote(value)}")
    assert received(page, base) == {f"number_{number}": value for number, value in enumerate(VALUES)}


# --- From the script's side -------------------------------------------------------------------------------------------


def test_cookies_of_a_script_reach_the_server(serve: Serve, page: Page, context: BrowserContext) -> None:
    base = serve(flavors.app)
    page.goto(f"{base}/page-with-a-script")
    everywhere = {"plain": "one", "dated": "two", "spoken": "chocolate chip, crème"}
    assert received(page, f"{base}/") == everywhere
    assert kept(context, "plain")["expires"] == -1
    assert kept(context, "dated")["expires"] > time.time()
    assert kept(context, "placed")["path"] == "/cookies"
    with page.expect_request("**/cookies/get") as asked:
        page.goto(f"{base}/cookies/get")
    assert "placed=three" in asked.value.all_headers()["cookie"].split("; ")


def test_a_script_sees_the_cookies_of_the_server(serve: Serve, page: Page) -> None:
    base = serve(read_set_update_delete.app)
    page.goto(f"{base}/set-cookie")
    assert page.evaluate("document.cookie") == "cookie_name=cookie_value"


def test_an_httponly_cookie_is_hidden_from_scripts_and_not_from_the_server(serve: Serve, page: Page) -> None:
    app = echo()

    @app.route("/hidden")
    def hidden() -> Response:
        answer = Response("<!doctype html><title>hidden</title>")
        answer.set_cookie("hidden", "yes", httponly=True)
        answer.set_cookie("seen", "yes")
        return answer

    base = serve(app)
    page.goto(f"{base}/hidden")
    assert page.evaluate("document.cookie") == "seen=yes"
    page.evaluate("document.cookie = 'hidden=overwritten'")
    assert received(page, base) == {"hidden": "yes", "seen": "yes"}


# --- Expiry -----------------------------------------------------------------------------------------------------------


def test_an_expired_cookie_is_not_sent_any_more(serve: Serve, page: Page) -> None:
    base = serve(flavors.app)
    page.goto(f"{base}/cookies/more")
    flavor = None
    while flavor is None:  # it may have expired before a slow machine asks again
        page.goto(f"{base}/cookies/for-a-second")
        flavor = received(page, f"{base}/").get("flavor")
    assert flavor == "chocolate chip"
    page.wait_for_timeout(1300)
    assert received(page, f"{base}/") == {"chocolate type": "dark", "chewy": "yes"}


def test_an_expiring_cookie_says_when(serve: Serve, page: Page, context: BrowserContext) -> None:
    base = serve(read_set_update_delete.app)
    before = time.time()
    page.goto(f"{base}/set-expiring-cookie")
    assert_set_since(before, kept(context, "expiring_cookie_name")["expires"] - 15)


def test_chromium_keeps_a_cookie_for_400_days(serve: Serve, page: Page, context: BrowserContext) -> None:
    base = serve(read_set_update_delete.app)
    before = time.time()
    page.goto(f"{base}/set-long-lasting-cookie")
    assert_set_since(before, kept(context, "long_cookie_name")["expires"] - 400 * 86400)
    assert "long_cookie_value" in shown(page, base)


def test_an_expires_date_is_kept(serve: Serve, page: Page, context: BrowserContext) -> None:
    base = serve(read_set_update_delete.app)
    before = time.time()
    page.goto(f"{base}/set-dated-cookie")
    assert_set_since(before, kept(context, "dated_cookie_name")["expires"] - 2 * 86400)


def test_closing_the_browser_ends_session_cookies_only(serve: Serve, browser: Browser, tmp_path: Path) -> None:
    base = serve(read_set_update_delete.app)
    executable = find_chromium()
    for visit in ("before", "after"):
        profile = browser.browser_type.launch_persistent_context(
            tmp_path, executable_path=executable, args=CHROMIUM_FLAGS
        )
        page = profile.new_page()
        if visit == "before":
            page.goto(f"{base}/set-cookie")
            page.goto(f"{base}/set-long-lasting-cookie")
            assert kept(profile, "cookie_name")["expires"] == -1
        else:
            text = shown(page, base)
            assert "long_cookie_value" in text
            assert "cookie_value')" not in text.replace("long_cookie_value", "")
        profile.close()


# --- Paths and deletion -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "comes"),
    [
        ("/set-path-cookie", True),
        ("/set-path-cookie/", True),
        ("/set-path-cookie/x", True),
        ("/set-path-cookie-alternate", False),
        ("/", False),
    ],
)
def test_a_path_cookie_comes_only_under_its_path(serve: Serve, page: Page, address: str, comes: bool) -> None:
    base = serve(read_set_update_delete.app)
    page.goto(f"{base}/set-path-cookie")
    assert ("path_cookie_value" in shown(page, f"{base}{address}")) is comes


def test_deletion_takes_the_cookies_away(serve: Serve, page: Page, context: BrowserContext) -> None:
    base = serve(read_set_update_delete.app)
    for address in ("set-cookie", "set-expiring-cookie", "set-long-lasting-cookie"):
        page.goto(f"{base}/{address}")
    assert len(context.cookies()) == 3
    page.goto(f"{base}/delete-cookies")
    assert context.cookies() == []
    assert "ImmutableMultiDict([])" in shown(page, base)


def test_deletion_without_the_path_leaves_the_path_cookie(serve: Serve, page: Page) -> None:
    base = serve(read_set_update_delete.app)
    page.goto(f"{base}/set-path-cookie")
    page.goto(f"{base}/delete-cookies")
    assert "path_cookie_value" in shown(page, f"{base}/set-path-cookie/")


def test_deletion_with_the_path_takes_the_path_cookie_away(serve: Serve, page: Page, context: BrowserContext) -> None:
    base = serve(read_set_update_delete.app)
    page.goto(f"{base}/set-path-cookie")
    page.goto(f"{base}/delete-path-cookie")
    assert context.cookies() == []
    assert "path_cookie_value" not in shown(page, f"{base}/set-path-cookie/")


# --- Sessions and messages --------------------------------------------------------------------------------------------


def log_in(page: Page, base: str, name: str) -> None:
    page.goto(f"{base}/login")
    page.fill("[name=username]", name)
    with page.expect_navigation():
        page.click("[type=submit]")


def test_a_session_survives_until_logout(serve: Serve, page: Page, context: BrowserContext) -> None:
    base = serve(quickstart_sessions.app)
    assert shown(page, base) == "You are not logged in"
    log_in(page, base, "Ada <i>Löve</i> 🍪")
    assert page.url == f"{base}/"
    assert page.inner_text("body") == "Logged in as Ada <i>Löve</i> 🍪"
    assert shown(page, base) == "Logged in as Ada <i>Löve</i> 🍪"
    assert shown(page, f"{base}/logout") == "You are not logged in"
    assert context.cookies() == []


def test_a_session_is_hidden_from_scripts(serve: Serve, page: Page, context: BrowserContext) -> None:
    base = serve(quickstart_sessions.app)
    log_in(page, base, "Ada")
    assert page.evaluate("document.cookie") == ""
    assert kept(context, "session")["httpOnly"] is True


def test_a_tampered_session_does_not_survive(serve: Serve, page: Page, context: BrowserContext) -> None:
    base = serve(quickstart_sessions.app)
    log_in(page, base, "Ada")
    genuine = kept(context, "session")["value"]
    payload, _, signature = genuine.partition(".")
    content = json.loads(base64.urlsafe_b64decode(payload + "=="))
    # Beside what `regenerate` adds. Readable, but
    assert {key: value for key, value in content.items() if key not in {"_created", "_handle"}} == {"username": "Ada"}
    forged = base64.urlsafe_b64encode(b'{"username":"root"}').decode().rstrip("=")
    context.add_cookies([{"name": "session", "value": f"{forged}.{signature}", "url": base}])
    assert shown(page, base) == "You are not logged in"
    context.add_cookies([{"name": "session", "value": genuine, "url": base}])
    assert shown(page, base) == "Logged in as Ada"


def test_a_flashed_message_is_shown_once(serve: Serve, page: Page) -> None:
    base = serve(quickstart_flashing.app)
    assert "Saved." in shown(page, f"{base}/save")
    assert page.url == f"{base}/"
    assert "Saved." not in shown(page, base)


# --- Redirects and errors ---------------------------------------------------------------------------------------------


def test_a_redirect_leads_to_a_401_page(serve: Serve, page: Page) -> None:
    base = serve(quickstart_errors.app)
    answer = page.goto(base)
    assert answer is not None
    assert answer.status == 401
    assert page.url == f"{base}/login"
    assert page.inner_text("h1") == "Unauthorized"


def test_a_404_page_of_its_own(serve: Serve, page: Page) -> None:
    base = serve(quickstart_errors.app)
    answer = page.goto(f"{base}/nowhere")
    assert answer is not None
    assert answer.status == 404
    assert page.inner_text("h1") == "There is no such page here"
