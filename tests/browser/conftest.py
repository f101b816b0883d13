"""The harness of the browser tests: a real headless Chromium, and applications served to it on this machine.

Fixtures:
- `serve(application)` serves a WSGI application on a free port until the test ends; its base URL.
- `page`: a page in a browser context of its own, so without cookies from any other test.
- `context`: that browser context (its cookies, more pages); `new_context(**options)` makes further ones, as another
  person's browser or one with JavaScript off.
- `browser`: the Chromium behind them, one per test file.

Without a Chromium every test here is skipped, and says so; with CI=true it fails instead.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from playwright.sync_api import sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed.wsgi import WSGIApplication
    from playwright.sync_api import Browser, BrowserContext, Page

# Debian's names for it, then the ones other systems use.
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# root needs --no-sandbox; the others keep the browser from calling home, which a closed network answers with delays.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 100_000
SERVER_STOP_S = 100.0
STOP_POLL_S = 0.02  # how often the served thread looks whether it is to stop; the default of half a second is per test


class NewContext(Protocol):
    """The type of the fixture `new_context`: playwright's `Browser.new_context` with other defaults."""

    def __call__(self, **options: Any) -> BrowserContext: ...


class Serve(Protocol):
    """The type of the fixture `serve`."""

    def __call__(self, application: WSGIApplication) -> str: ...


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder and run them last: they are the slowest.

    `-m "not browser"` leaves them out.
    """
    here = f"{Path(__file__).parent}{os.sep}"
    of_browsers = {item for item in items if str(item.path).startswith(here)}
    for item in of_browsers:
        item.add_marker(pytest.mark.browser)
    items.sort(key=of_browsers.__contains__)


def assert_set_since(before: float, moment: float) -> None:
    """Assert that a cookie was set after a moment, in seconds since 1970: expiry has no fractions of a second."""
    assert before - 1 <= moment <= time.time() + 1


def find_executable(names: tuple[str, ...]) -> str | None:
    """Return the path of the first program that there is, or None."""
    return next(filter(None, map(shutil.which, names)), None)


def find_chromium() -> str:
    """Return the path of Chromium. Without one, skip the test, or fail it in CI."""
    executable = find_executable(CHROMIUM_NAMES)
    if executable:
        return executable
    message = "NO CHROMIUM on this machine: browser tests need one (`make chromium` installs it where it can)"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


# Per file, not per session: as long as playwright is started, an event loop counts as running in the main thread, and a
# test elsewhere that calls asyncio.run() would fail. A start takes about half a second.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start a headless Chromium for the tests of one file."""
    executable = find_chromium()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def new_context(browser: Browser) -> Iterator[NewContext]:
    """Return a function that creates browser contexts, which are closed when the test ends."""
    made: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()


@pytest.fixture
def context(new_context: NewContext) -> BrowserContext:
    """Return a browser context for this test only."""
    return new_context()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """Return a page for this test only."""
    return context.new_page()


class QuietHandler(WSGIRequestHandler):
    """A request handler that logs only errors, since pytest shows everything that a test prints."""

    def log(self, type: str, message: str, *args: Any) -> None:
        """Log errors only."""
        if type == "error":
            logging.getLogger(__name__).error(message, *args)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that serves a WSGI application on a free port of 127.0.0.1 and returns its base URL."""
    stops = []

    def start(application: WSGIApplication) -> str:
        server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=QuietHandler)
        thread = threading.Thread(target=server.serve_forever, args=(STOP_POLL_S,), daemon=True)
        thread.start()

        def stop() -> None:
            server.shutdown()
            thread.join(SERVER_STOP_S)
            server.server_close()
            assert not thread.is_alive(), f"the server did not stop within {SERVER_STOP_S} s"

        stops.append(stop)
        return f"http://127.0.0.1:{server.port}"

    yield start
    for stop in stops:
        stop()
