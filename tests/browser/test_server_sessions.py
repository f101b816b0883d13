"""Sessions on the server in a real Chromium: two browsers of one user, a renewed id, and cookies of attackers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

import tuile
from examples.devices.app import app as devices
from tuile import session
from tuile.sessions.identity import new_identity
from tuile.signals import session_replayed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

    from tests.browser.conftest import NewContext, Serve
    from tuile import Flask


@pytest.fixture
def base(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The example that shows where a user is logged in, with a file of its own."""
    monkeypatch.setitem(devices.config, "SESSION_STORE", f"sqlite:///{tmp_path / 'sessions.db'}")
    yield serve(devices)
    devices._kept_store = None


def press(page: Page, label: str) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=label, exact=True).click()


def log_in(page: Page, base: str, user: str = "ada") -> None:
    page.goto(base)
    page.get_by_label("Your name").fill(user)
    press(page, "Log in")


def who(page: Page, base: str) -> Any:
    return page.request.get(f"{base}/api/me").json()["user"]


def token(context: BrowserContext) -> str:
    [cookie] = [cookie for cookie in context.cookies() if cookie.get("name") == "session"]
    return str(cookie.get("value"))


def plant(context: BrowserContext, base: str, value: str) -> None:
    context.add_cookies([{"name": "session", "value": value, "url": base}])


def test_login_and_logout(page: Page, context: BrowserContext, base: str) -> None:
    page.goto(base)
    assert context.cookies() == []
    log_in(page, base)
    [cookie] = context.cookies()
    assert (cookie.get("httpOnly"), cookie.get("sameSite"), who(page, base)) == (True, "Lax", "ada")
    assert page.evaluate("document.cookie") == ""
    press(page, "Log out here")
    assert context.cookies() == []
    assert who(page, base) is None


def test_one_browser_is_logged_out_from_the_other(page: Page, new_context: NewContext, base: str) -> None:
    phone = new_context(user_agent="Mozilla/5.0 (iPhone) Safari/600").new_page()
    log_in(phone, base)
    log_in(page, base)
    assert page.locator("tbody tr").count() == 2
    [here] = page.locator("tbody tr[aria-current]").all()
    assert "this one" in here.inner_text()
    assert "127.0.0.1" in here.inner_text()
    press(page, "Log out Safari on iPhone")
    assert page.locator("tbody tr").count() == 1
    # Its next request is nobody's.
    assert who(phone, base) is None
    phone.reload()
    assert phone.get_by_label("Your name").is_visible()
    assert who(page, base) == "ada"


@pytest.mark.parametrize(("label", "left"), [("Log out everywhere else", "ada"), ("Log out everywhere", None)])
def test_all_others_are_logged_out(
    page: Page, new_context: NewContext, base: str, label: str, left: str | None
) -> None:
    others = [new_context().new_page() for _ in range(2)]
    for each in (*others, page):
        log_in(each, base)
    press(page, label)
    assert [who(each, base) for each in others] == [None, None]
    assert who(page, base) == left


def test_a_tampered_cookie_is_nobody(page: Page, context: BrowserContext, base: str) -> None:
    log_in(page, base)
    good = token(context)
    handle, _, secret = good.partition(".")
    other = new_identity()
    for bad in (
        f"{handle}.{other.secret}",
        f"{other.handle}.{secret}",
        f"{handle}.{secret[::-1]}",
        f"{secret}.{handle}",
        good[:-1],
        f"{good}x",
        handle,
        f"epoch.{handle}",
        f"moved.{handle}",
    ):
        plant(context, base, bad)
        assert who(page, base) is None
        page.goto(base)
        assert page.get_by_label("Your name").is_visible()
    plant(context, base, good)
    assert who(page, base) == "ada"


def test_an_id_that_an_attacker_plants_is_not_that_of_the_victim(
    page: Page, context: BrowserContext, new_context: NewContext, base: str
) -> None:
    attacker = new_context()
    attacker_page = attacker.new_page()
    log_in(attacker_page, base, "mallory")
    ended = token(attacker)
    press(attacker_page, "Log out here")
    # One that nobody issued, and one that was ended.
    for planted in (new_identity().token, ended):
        context.clear_cookies()
        plant(context, base, planted)
        log_in(page, base)
        assert who(page, base) == "ada"
        assert token(context).partition(".")[0] != planted.partition(".")[0]
        attacker.clear_cookies()
        plant(attacker, base, planted)
        assert who(attacker_page, base) != "ada"


def test_a_replayed_cookie_is_nobody_after_the_logout(
    page: Page, context: BrowserContext, new_context: NewContext, base: str
) -> None:
    log_in(page, base)
    stolen = token(context)
    thief = new_context()
    plant(thief, base, stolen)
    thief_page = thief.new_page()
    assert who(thief_page, base) == "ada"
    press(page, "Log out here")
    assert who(thief_page, base) is None
    # The former cookie is worth nothing after the next login either.
    log_in(page, base)
    plant(thief, base, stolen)
    assert who(thief_page, base) is None


# --- a renewed id -----------------------------------------------------------------------------------------------------


@pytest.fixture
def app() -> Flask:
    """An application that gives a session a new secret with each request."""
    app = tuile.Flask("renewing", static_folder=None)
    app.config.update(SESSION_STORE="memory", SESSION_RENEW=0.001, SESSION_GRACE=30)
    together = threading.Barrier(3, timeout=120)

    @app.get("/")
    def index() -> str:
        return "<title>page</title>"

    @app.get("/login")
    def log_in() -> str:
        session["_user_id"] = "ada"
        return "welcome"

    @app.get("/together/<name>")
    def at_once(name: str) -> dict[str, Any]:
        user = session.get("_user_id")
        together.wait()
        return {"user": user, "name": name}

    @app.get("/who")
    def who() -> dict[str, Any]:
        return {"user": session.get("_user_id")}

    return app


THREE = """names => Promise.all(names.map(name => fetch(`/together/${name}`).then(answer => answer.json())))"""


def test_three_requests_while_the_id_is_renewed_are_all_authenticated(
    page: Page, context: BrowserContext, app: Flask, serve: Serve
) -> None:
    base = serve(app)
    page.goto(f"{base}/login")
    page.goto(base)
    seen = {token(context)}
    for _ in range(5):
        answers = page.evaluate(THREE, ["a", "b", "c"])
        assert [answer["user"] for answer in answers] == ["ada"] * 3
        # Whichever answer came last, the browser has a cookie that is good.
        assert who_is(page) == "ada"
        seen.add(token(context))
    assert len(seen) > 3
    assert len({one.partition(".")[0] for one in seen}) == 1
    assert len(app.sessions.of("ada")) == 1


def who_is(page: Page) -> Any:
    return page.evaluate("fetch('/who').then(answer => answer.json())")["user"]


def test_a_secret_that_was_renewed_is_a_replay_after_the_grace(
    page: Page, context: BrowserContext, new_context: NewContext, app: Flask, serve: Serve
) -> None:
    app.config["SESSION_GRACE"] = 0
    base = serve(app)
    page.goto(f"{base}/login")
    stolen = token(context)
    page.goto(base)
    for _ in range(2):  # sets the next secret, and sends it
        assert who_is(page) == "ada"
    assert token(context) != stolen
    replayed: list[Any] = []

    def note(_: Any, **about: Any) -> None:
        replayed.append(about["user"])

    thief = new_context()
    plant(thief, base, stolen)
    thief_page = thief.new_page()
    thief_page.goto(base)
    with session_replayed.connected_to(note):
        assert who_is(thief_page) is None
    assert replayed == ["ada"]
    # Nobody knows who of the two is the thief, so both are logged out.
    assert who_is(page) is None
