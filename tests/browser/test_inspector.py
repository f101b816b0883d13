"""The inspector beside real applications in a real Chromium."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from examples.cookies.app import app as example
from tests.inspector.test_conversations import TRAPS
from tests.tutorials.programs import hello_alice
from tuile import Flask, Response, make_response
from tuile.inspector.server import Inspector

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Locator, Page

    from tests.browser.conftest import NewContext, Serve

# Word for word from the tutorial, "Setting and reading cookies in Flask - Step-by-Step Execution".
EXECUTION_TABLE = [
    ["Step", "Action", "Request Cookies", "Read Cookie 'user'", "Set Cookie 'user'", "Response Content"],
    ["1", "Client sends first request", "{}", "None", "Set 'user'='Alice'", "Hello None"],
    ["2", "Client stores cookie 'user'='Alice'", "{}", "N/A", "N/A", "N/A"],
    ["3", "Client sends second request with cookie", "{'user': 'Alice'}", "Alice", "Set 'user'='Alice'", "Hello Alice"],
]
VARIABLE_TRACKER = [
    ["Variable", "Start", "After Step 1", "After Step 2", "After Step 3"],
    ["request.cookies", "{}", "{}", "{}", "{'user': 'Alice'}"],
    ["user", "None", "None", "None", "Alice"],
    ["response cookie 'user'", "None", "Alice", "Alice", "Alice"],
]


def cells(table: Locator) -> list[list[str]]:
    """Return the texts of a table's cells."""
    rows = table.locator("tr").all()
    return [[cell.inner_text().strip() for cell in row.locator("th, td").all()] for row in rows]


@pytest.fixture
def inspected_example() -> Iterator[Inspector]:
    with Inspector(example) as inspector:
        yield inspector


def test_the_tutorials_program_gives_the_tutorials_tables(serve: Serve, page: Page) -> None:
    with Inspector(hello_alice.app) as inspector:
        base = serve(hello_alice.app)
        for text in ("Hello None", "Hello Alice"):
            page.goto(base)
            assert page.inner_text("body") == text
        page.goto(f"{inspector.address}cookies")
        page.click("main >> text=user")
        assert cells(page.locator("#execution")) == EXECUTION_TABLE
        assert cells(page.locator("#tracker")) == VARIABLE_TRACKER


def twenty_steps(page: Page, base: str) -> None:
    """Use the cookie example as a visitor does."""
    paths = ["/", "/set-cookie", "/set-path-cookie", "/", "/set-long-lasting-cookie", "/update-cookie", "/api/cookies"]
    paths += ["/set-path-cookie/below", "/missing", "/moved", "/members", "/api/me", "/"]
    for path in paths:
        page.goto(f"{base}{path}")
    page.fill("form[action$='/login'] input[name=username]", "Ada")
    page.click("form[action$='/login'] button")
    page.goto(f"{base}/members")
    page.fill("form[action$='/flash'] input[name=message]", "Good plums")
    page.click("form[action$='/flash'] button")
    page.fill("form[action$='/set-any-cookie'] input[name=name]", "fruit")
    page.fill("form[action$='/set-any-cookie'] input[name=value]", "two plums")
    page.click("form[action$='/set-any-cookie'] button")
    page.evaluate("fetch('/api/cookies')")
    page.click("form[action$='/logout'] button")
    page.goto(f"{base}/delete-cookies")
    page.goto(base)


def test_a_flow_of_twenty_steps_becomes_a_test_that_passes(
    serve: Serve, page: Page, inspected_example: Inspector, tmp_path: Path
) -> None:
    twenty_steps(page, serve(example))
    page.goto(inspected_example.address)
    boxes = page.locator("input[name=request]")
    assert boxes.count() >= 20
    for box in boxes.all():
        box.check()
    answer = page.request.get(f"{inspected_example.address}test?{chosen(page)}")
    file = tmp_path / "test_flow.py"
    file.write_text(answer.text(), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(file)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{answer.text()}\n{result.stdout}"
    assert "session_keys(browser) == ['_flashes'" not in answer.text()
    assert "'username'" in answer.text()


def chosen(page: Page) -> str:
    """Return the query that the form sends."""
    query: str = page.evaluate("new URLSearchParams(new FormData(document.querySelector('aside form'))).toString()")
    return query


@pytest.mark.parametrize("trap", [name for name, trap in TRAPS.items() if trap[0].startswith("http://127.0.0.1")])
def test_each_dropped_cookie_is_explained_on_the_page(serve: Serve, page: Page, trap: str) -> None:
    _, line, reason, _ = TRAPS[trap]
    app = Flask(__name__)

    @app.get("/set")
    def set_trap() -> Response:
        response = make_response("set")
        response.headers._list.append(("Set-Cookie", line))
        return response

    @app.get("/")
    def index() -> str:
        return "index"

    with Inspector(app) as inspector:
        base = serve(app)
        page.goto(f"{base}/set")
        page.goto(base)
        page.goto(base)
        last = next(found for found in reversed(inspector.ring.all()) if found.path == "/")
        # Chromium did what the page says.
        assert [one.name for one in last.cookies] == []
        page.goto(f"{inspector.address}requests/{last.id}")
        assert reason in (page.locator(".warning").text_content() or "")
        assert "What to do" in page.locator(".warning .cure").first.evaluate(
            "e => getComputedStyle(e, '::before').content"
        )
        page.goto(f"{inspector.address}requests/1")
        assert reason in page.inner_text("main")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_the_window_and_break_no_rule(
    serve: Serve, new_context: NewContext, inspected_example: Inspector, width: int, scheme: str
) -> None:
    visitor = new_context().new_page()
    base = serve(example)
    for path in ("/set-cookie", "/", "/api/me"):
        visitor.goto(base + path)
    errors: list[str] = []
    page = new_context(viewport={"width": width, "height": 844}, color_scheme=scheme).new_page()
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    for path in ("", "requests/1", "cookies", "cookies/1/cookie_name", "costs"):
        page.goto(f"{inspected_example.address}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert errors == []


def test_new_requests_appear_by_themselves(serve: Serve, new_context: NewContext, inspected_example: Inspector) -> None:
    page, visitor = new_context().new_page(), new_context().new_page()
    page.goto(inspected_example.address)
    page.wait_for_selector("#live:text-is('live')")
    visitor.goto(f"{serve(example)}/api/me")
    page.wait_for_selector("ol.requests li:has-text('/api/me')")


def test_it_works_without_javascript(serve: Serve, new_context: NewContext, inspected_example: Inspector) -> None:
    new_context().new_page().goto(f"{serve(example)}/set-cookie")
    page = new_context(java_script_enabled=False).new_page()
    page.goto(inspected_example.address)
    page.click("ol.requests a:has-text('/set-cookie')")
    assert "cookie_value" in page.inner_text("table.steps")
    page.goto(inspected_example.address)
    page.check("ol.requests li:has-text('/set-cookie') input")
    page.click("text=Make a test")
    assert "def test_the_recorded_requests" in page.inner_text("body")
    page.goto(inspected_example.address)
    page.click("text=Forget all requests")
    assert "No requests yet" in page.inner_text("body")


def test_the_applications_own_page_cannot_read_it(serve: Serve, page: Page, inspected_example: Inspector) -> None:
    page.goto(f"{serve(example)}/api/me")
    outcome = page.evaluate(
        "address => fetch(address, {mode: 'no-cors'}).then(answer => answer.type, error => 'refused')",
        inspected_example.address,
    )
    assert outcome == "refused"
    frame = page.evaluate(
        """address => new Promise(resolve => {
            const frame = document.createElement('iframe');
            frame.onload = () => resolve(frame.contentDocument === null);
            frame.src = address;
            document.body.append(frame);
        })""",
        inspected_example.address,
    )
    assert frame is True
