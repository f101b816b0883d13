"""The cookie example in a real Chromium, operated as by a visitor."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from examples.cookies.app import app
from tests.browser.conftest import assert_set_since

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

    from tests.browser.conftest import NewContext, Serve


@pytest.fixture
def base(serve: Serve) -> str:
    return serve(app)


@pytest.fixture
def example(page: Page, base: str) -> Page:
    """Open the page of the example."""
    page.goto(base)
    return page


def table(page: Page) -> dict[str, str]:
    """Return the table of cookies that the server received."""
    rows = page.locator("tbody tr").all()
    return {row.locator("th").inner_text(): row.locator("td").inner_text() for row in rows}


def headers(page: Page, name: str) -> list[str]:
    """Return the headers of this name that the page shows."""
    codes = page.locator(".exchange code", has=page.locator("b", has_text=f"{name}:")).all()
    texts = [code.inner_text() for code in codes]
    return [text.removeprefix(f"{name}: ") for text in texts if text.startswith(f"{name}:")]


def press(page: Page, label: str) -> None:
    """Click the link or button of this name, and wait for the next page."""
    with page.expect_navigation():
        page.get_by_role("link", name=label, exact=True).or_(page.get_by_role("button", name=label, exact=True)).click()


def test_the_first_visit_shows_no_cookies(example: Page) -> None:
    assert example.get_by_text("None yet.").is_visible()
    assert headers(example, "Cookie") == headers(example, "Set-Cookie") == []
    assert "The page’s script sees: none." in example.inner_text("#seen-by-script")


def test_a_session_cookie_is_set_then_read(example: Page) -> None:
    press(example, "Session cookie")
    assert headers(example, "Set-Cookie") == ["cookie_name=cookie_value; Path=/"]
    assert table(example) == {}
    press(example, "Read the cookies again")
    assert headers(example, "Cookie") == ["cookie_name=cookie_value"]
    assert table(example) == {"cookie_name": "cookie_value"}


def test_update(example: Page) -> None:
    press(example, "Session cookie")
    press(example, "Update")
    press(example, "Read the cookies again")
    assert table(example) == {"cookie_name": "updated_value"}


@pytest.mark.parametrize(
    ("label", "name", "seconds"),
    [("15-second cookie", "expiring_cookie_name", 15), ("400-day cookie", "long_cookie_name", 400 * 86400)],
)
def test_an_age_is_kept(example: Page, context: BrowserContext, label: str, name: str, seconds: int) -> None:
    before = time.time()
    press(example, label)
    [cookie] = context.cookies()
    assert cookie.get("name") == name
    assert_set_since(before, cookie.get("expires", 0) - seconds)


def test_the_path_cookie_comes_where_the_page_says(example: Page, base: str) -> None:
    press(example, "Path cookie")
    comes = {}
    for link in ("/set-path-cookie/", "/set-path-cookie/anything", "/set-path-cookie-alternate", "/"):
        press(example, link)
        assert example.url == f"{base}{link}"
        comes[link] = "path_cookie_name" in table(example)
    assert comes == {
        "/set-path-cookie/": True,
        "/set-path-cookie/anything": True,
        "/set-path-cookie-alternate": False,
        "/": False,
    }


def test_the_cookie_that_stands_in_the_form_comes_back_from_the_server(example: Page) -> None:
    value = example.input_value("[name=value]")
    assert {";", ",", '"', " "} <= set(value)
    assert not value.isascii()
    press(example, "Set on the server")
    assert table(example) == {"flavor": value}


def test_a_cookie_of_the_pages_script_is_read_by_the_server(example: Page) -> None:
    example.fill("[name=name]", "made here")
    example.fill("[name=value]", "crisp, “thin” and brûlée")
    press(example, "Set with JavaScript")
    assert table(example) == {"made here": "crisp, “thin” and brûlée"}
    assert headers(example, "Cookie") == ["made here=crisp, “thin” and brûlée"]


def test_a_name_that_no_browser_keeps_is_explained(example: Page, context: BrowserContext) -> None:
    example.fill("[name=name]", "semi;colon")
    press(example, "Set on the server")
    assert example.locator(".flash.error").is_visible()
    assert all(cookie.get("name") == "session" for cookie in context.cookies())


def test_delete_takes_all_away_the_path_cookie_too(example: Page, context: BrowserContext) -> None:
    for label in ("Session cookie", "15-second cookie", "400-day cookie", "Path cookie", "Dark", "Set on the server"):
        press(example, label)
    assert len(context.cookies()) == 6
    press(example, "Delete all cookies")
    assert context.cookies() == []
    press(example, "Read the cookies again")
    assert table(example) == {}


def test_login_survives_and_logout_ends_it(example: Page, context: BrowserContext, base: str) -> None:
    example.get_by_label("Your name").fill("Ada 🍪")
    press(example, "Log in")
    assert example.inner_text(".flash") == "Welcome, Ada 🍪."
    assert (
        len(headers(example, "Set-Cookie")) == 1
    )  # the login's; the message is taken out of the session on the server
    example.goto(base)
    assert example.locator(".flash").count() == 0
    assert example.get_by_text("You are logged in as Ada 🍪.").is_visible()
    assert "The page’s script sees: none." in example.inner_text("#seen-by-script")
    [before] = context.cookies()
    press(example, "Log out")
    assert example.inner_text(".flash") == "You are logged out."
    example.goto(base)
    assert example.get_by_label("Your name").is_visible()
    context.add_cookies([{"name": "session", "value": before.get("value", ""), "url": base}])
    example.goto(base)  # the session has ended on the server: a copy of its cookie is worth nothing
    assert example.get_by_label("Your name").is_visible()


def test_a_tampered_session_is_nobody(example: Page, context: BrowserContext, base: str) -> None:
    example.get_by_label("Your name").fill("Ada")
    press(example, "Log in")
    [session] = context.cookies()
    context.add_cookies([{"name": "session", "value": "x" + session.get("value", ""), "url": base}])
    example.goto(base)
    assert example.get_by_label("Your name").is_visible()


def test_a_flashed_message_is_shown_once(example: Page, base: str) -> None:
    example.get_by_label("Message").fill("crisp")
    press(example, "Flash it")
    assert example.inner_text(".flash") == "crisp"
    example.goto(base)
    assert example.locator(".flash").count() == 0


def test_members_only(example: Page, base: str) -> None:
    press(example, "401 unless logged in")
    assert example.inner_text("h1") == "Unauthorized"
    press(example, "Back to the cookies")
    assert example.url == f"{base}/"
    example.get_by_label("Your name").fill("Ada")
    press(example, "Log in")
    press(example, "401 unless logged in")
    assert "you may see the members' page" in example.inner_text(".flash")


def test_a_404_of_its_own(example: Page) -> None:
    with example.expect_response("**/no-such-page") as answer:
        press(example, "Our own 404")
    assert answer.value.status == 404
    assert "There is nothing at /no-such-page" in example.inner_text("main")


def test_a_redirect(example: Page) -> None:
    press(example, "A redirect")
    assert example.inner_text(".flash") == "You asked for /moved and were sent here."
    assert example.inner_text(".exchange >> nth=0").split("\n")[1] == "GET /moved"


def test_an_action_leaves_the_visitor_at_its_button_with_what_it_did(new_context: NewContext, base: str) -> None:
    page = new_context(viewport={"width": 390, "height": 800}).new_page()
    page.goto(base)
    for button, section in (
        ("Eat a tuile", "own"),
        ("Signed cookie", "own"),
        ("400-day cookie", "set"),
        ("Set on the server", "any"),
        ("Delete all cookies", "delete"),
        ("Flash it", "session"),
        ("Dark", "theme"),
    ):
        press(page, button)
        assert page.evaluate("location.hash") == f"#{section}"
        assert page.locator(f"#{section} .outcome").is_visible()
        assert page.locator(".outcome").count() == 1
        box = page.get_by_role("button", name=button, exact=True).or_(page.get_by_role("link", name=button, exact=True))
        top = (box.bounding_box() or {"y": -1})["y"]
        assert 0 <= top < 800, button


def test_messages_are_shown_where_the_button_was(example: Page) -> None:
    example.get_by_label("Message").fill("crisp")
    press(example, "Flash it")
    assert example.locator("#session .flash").inner_text() == "crisp"
    press(example, "A redirect")
    assert example.locator("main > .flash").count() == 1


@pytest.mark.parametrize("button", ["A cookie that browsers drop", "Set on the server"])
def test_a_cookie_that_the_browser_drops_is_explained(example: Page, context: BrowserContext, button: str) -> None:
    example.fill("#any-cookie [name=name]", "__Host-x")
    press(example, button)
    assert context.cookies() == []
    verdict = example.locator(".outcome .verdict").inner_text()
    assert "Chromium ignores the cookie '__Host-x': its name begins with __Host-, and Secure is missing" in verdict
    assert "Write: response.set_cookie('__Host-x', ..., secure=True" in verdict
    assert verdict.endswith("Firefox and Safari do the same.")


def test_the_cookies_of_tuile_are_read_again(example: Page, context: BrowserContext) -> None:
    for _ in range(2):
        press(example, "Eat a tuile")
    press(example, "Signed cookie")
    press(example, "Encrypted cookie")
    press(example, "Read the cookies again")
    own = example.inner_text("#own")
    assert "You ate 2." in own
    assert "The server reads: three tuiles." in own
    assert "The server reads: almonds, sugar, egg whites." in own
    values = {cookie.get("name"): cookie.get("value", "") for cookie in context.cookies()}
    assert "almonds" not in values["recipe"]


def test_a_tampered_cookie_of_tuile_is_read_as_missing(example: Page, context: BrowserContext, base: str) -> None:
    context.add_cookies(
        [
            {"name": "receipt", "value": "ten tuiles", "url": base},
            {"name": "crumbs", "value": "many", "url": base},
        ]
    )
    example.goto(base)
    assert "You ate 0." in example.inner_text("#own")
    assert "The server reads: nothing." in example.inner_text("#own")


def test_sessions_are_listed_and_another_one_is_ended(new_context: NewContext, base: str) -> None:
    pages = [new_context().new_page() for _ in range(2)]
    for page in pages:
        page.goto(base)
        page.get_by_label("Your name").fill("Zoë 🍪")
        press(page, "Log in")
    first, second = pages
    assert second.locator(".sessions li").count() == 2
    press(second, "End it")
    assert second.locator(".sessions li").count() == 1
    first.goto(base)
    assert first.get_by_label("Your name").is_visible()


def test_a_name_with_letters_of_other_scripts_is_shown_as_it_was_typed(example: Page) -> None:
    example.fill("#any-cookie [name=name]", "crème")
    press(example, "Set on the server")
    if example.locator(".flash.error").count():  # a name that may not be set is explained
        assert "crème" in example.inner_text(".flash.error")
    else:
        assert headers(example, "Set-Cookie")[0].startswith("crème=")


def test_json(example: Page, base: str) -> None:
    press(example, "Session cookie")
    answer = example.goto(f"{base}/api/cookies")
    assert answer is not None
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"cookie_name": "cookie_value"}


@pytest.mark.parametrize(("wish", "chosen"), [("light", "Dark"), ("dark", "Light")])
def test_the_theme_follows_the_system_until_it_is_chosen(
    new_context: NewContext, base: str, wish: str, chosen: str
) -> None:
    page = new_context(color_scheme=wish).new_page()

    def background() -> str:
        colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return colour

    page.goto(base)
    by_wish = background()
    press(page, chosen)
    assert page.get_by_role("button", name=chosen, pressed=True).is_visible()
    assert background() != by_wish
    press(page, "Auto")
    assert background() == by_wish


def test_nothing_sticks_out_sideways(example: Page) -> None:
    for label in ("Session cookie", "400-day cookie", "Path cookie", "Set on the server"):
        press(example, label)
    example.get_by_label("Your name").fill("A" * 50)
    press(example, "Log in")
    for width in (320, 360, 390, 768, 1280):
        example.set_viewport_size({"width": width, "height": 800})
        assert example.evaluate("document.documentElement.scrollWidth") == width


def test_it_works_without_javascript(new_context: NewContext, base: str) -> None:
    page = new_context(java_script_enabled=False).new_page()
    page.goto(base)
    assert not page.get_by_text("Set with JavaScript").is_visible()
    press(page, "Set on the server")
    assert list(table(page)) == ["flavor"]
    press(page, "Delete all cookies")
    press(page, "Read the cookies again")
    assert table(page) == {}


def test_every_field_has_a_label_and_every_text_enough_contrast(new_context: NewContext, base: str) -> None:
    for wish in ("light", "dark"):
        page = new_context(color_scheme=wish).new_page()
        page.goto(base)
        assert page.locator("input:not(label input)").count() == 0
        assert page.evaluate(POOREST_CONTRAST) >= 4.5


# WCAG 2.2 (1.4.3): the ratio of the luminances of each text and of what is painted behind it; 4.5 is level AA.
POOREST_CONTRAST = """() => {
  const channels = colour => colour.match(/[\\d.]+/g).map(Number);
  const luminance = colour => {
    const [r, g, b] = channels(colour).slice(0, 3)
      .map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      if (channels(colour)[3] !== 0) return colour;
    }
  };
  const texts = [...document.querySelectorAll("body *")].filter(
    e => e.checkVisibility() && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
  return Math.min(...texts.map(e => {
    const [a, b] = [luminance(getComputedStyle(e).color), luminance(behind(e))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }));
}"""


def test_nothing_is_asked_of_another_site_and_nothing_fails(page: Page, base: str) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(base)
    press(page, "Set on the server")
    assert len(asked) >= 4
    assert [url for url in asked if not url.startswith(f"{base}/")] == []
    assert complaints == []
