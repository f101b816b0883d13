"""Two people in two browsers use the chat of `examples/chat`, on uvicorn."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.doors.serving import serve as serve_by

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from tests.browser.conftest import NewContext

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    for package in ("uvicorn", "websockets"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed; make test installs it")
    with serve_by(["uvicorn", "--port", "{port}", "examples.chat.app:app"], tmp_path / "log.txt", ROOT) as server:
        yield f"http://127.0.0.1:{server.port}"


def log_in(page: Page, url: str, name: str) -> None:
    page.goto(url)
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#status")).to_have_text("Connected")


def test_two_people_write_to_each_other_and_one_logs_out(url: str, new_context: NewContext) -> None:
    context = new_context()
    ada, other_tab, bob = context.new_page(), context.new_page(), new_context().new_page()
    log_in(ada, url, "ada")
    other_tab.goto(url)
    expect(other_tab.locator("#status")).to_have_text("Connected")
    log_in(bob, url, "bob")
    bob.get_by_label("Message").fill("hello <b>ada</b>")
    bob.get_by_role("button", name="Send").click()
    for page in (ada, other_tab, bob):
        expect(page.locator("li.said")).to_have_text(["bob: hello <b>ada</b>"])
    ada.get_by_role("button", name="Log out ada").click()
    expect(ada.get_by_label("Your name")).to_be_visible()
    expect(other_tab.locator("#status")).to_have_text("The session has ended.")
    expect(bob.locator("#status")).to_have_text("Connected")


def test_a_page_of_another_site_cannot_open_it(url: str, new_context: NewContext) -> None:
    page = new_context().new_page()
    log_in(page, url, "ada")
    script = """url => new Promise(resolve => {
        const socket = new WebSocket(url);
        socket.onopen = () => resolve("open");
        socket.onclose = event => resolve(`closed ${event.code}`);
    })"""
    assert page.evaluate(script, f"{url.replace('http', 'ws')}/chat") == "open"
    page.goto("data:text/html,<p>another site")
    assert page.evaluate(script, f"{url.replace('http', 'ws')}/chat") == "closed 1006"
