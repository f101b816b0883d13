"""CSRF against a real Chromium: what a page of another origin can send, and what a site sends to itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import tuile

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Serve

SUBMIT = "<script>document.forms[0].submit()</script>"
# Pages of an attacker; TARGET is the URL of the view. Each makes the browser send a request with the user's cookies.
ATTACKS = {
    "a form": f"<form method=post action=TARGET></form>{SUBMIT}",
    "a form as plain text": f"<form method=post enctype=text/plain action=TARGET></form>{SUBMIT}",
    "a form without a Referer": (
        f"<meta name=referrer content=no-referrer><form method=post action=TARGET></form>{SUBMIT}"
    ),
    "a form in a sandboxed frame": (
        "<iframe sandbox='allow-forms allow-scripts' srcdoc='<form method=post action=TARGET></form>"
        "<script>document.forms[0].submit()</script>'></iframe>"
    ),
    "a form by way of a redirect": f"<form method=post action=/redirect></form>{SUBMIT}",
    "fetch": "<script>fetch('TARGET', {method: 'POST', mode: 'no-cors', credentials: 'include'})</script>",
    "fetch without a Referer": (
        "<script>fetch('TARGET', {method: 'POST', mode: 'no-cors', credentials: 'include',"
        " referrerPolicy: 'no-referrer'})</script>"
    ),
    "a beacon": "<script>navigator.sendBeacon('TARGET')</script>",
}


def make_site(mode: str, seen: list[int]) -> tuile.Flask:
    app = tuile.Flask("site")
    app.config.update(SECRET_KEY="5e83a7d1f6094bc2c1f0b6e2d94a7385", CSRF=mode)

    @app.get("/")
    def page() -> str:
        tuile.session["visited"] = True
        field = "<input name=csrf_token value='{{ csrf_token() }}'>" if mode == "token" else ""
        return tuile.render_template_string(f"<form method=post action=/change>{field}<button>Go</button></form>")

    @app.post("/change")
    def change() -> str:
        return "changed"

    @app.after_request
    def note(response: tuile.Response) -> tuile.Response:
        if tuile.request.method == "POST":
            seen.append(response.status_code)
        return response

    return app


def make_attacker(page: str, target: str) -> tuile.Flask:
    app = tuile.Flask("attacker")
    app.add_url_rule("/", "page", lambda: page.replace("TARGET", target))
    app.add_url_rule("/redirect", "redirect", lambda: tuile.redirect(target, 307), methods=["POST"])
    return app


def wait(page: Page, seen: list[int]) -> None:
    for _ in range(200):
        if seen:
            return
        page.wait_for_timeout(25)


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("mode", ["fetch", "token"])
def test_another_site_cannot_make_the_browser_change_anything(page: Page, serve: Serve, attack: str, mode: str) -> None:
    seen: list[int] = []
    site = serve(make_site(mode, seen))
    page.goto(f"{site}/")
    attacker = serve(make_attacker(ATTACKS[attack], f"{site}/change"))
    # Another port is the same site, for which SameSite is no protection; another host is another one.
    for address in (attacker, attacker.replace("127.0.0.1", "localhost")):
        seen.clear()
        page.goto(f"{address}/")
        wait(page, seen)
        assert seen == [403]


@pytest.mark.parametrize("mode", ["fetch", "token"])
def test_a_site_may_send_to_itself(page: Page, serve: Serve, mode: str) -> None:
    seen: list[int] = []
    site = serve(make_site(mode, seen))
    page.goto(f"{site}/")
    page.click("button")
    assert page.inner_text("body") == "changed"
    page.goto(f"{site}/")
    script: Any = """async () => {
        const field = document.querySelector("[name=csrf_token]");
        const headers = field ? {"X-CSRFToken": field.value} : {};
        return (await fetch("/change", {method: "POST", headers})).status;
    }"""
    assert page.evaluate(script) == 200
