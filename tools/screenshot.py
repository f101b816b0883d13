"""`make screenshot`: docs/images/verdict.png, the cookie example after a cookie that browsers drop, for the README."""

from __future__ import annotations

import shutil
import sys
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright
from werkzeug.serving import make_server

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from examples.cookies.app import app  # noqa: E402 - found by the line above

PICTURE = ROOT / "docs" / "images" / "verdict.png"
SIZE = {"width": 1100, "height": 560}


def main() -> None:
    """Press the button in a Chromium, and take the picture."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    with sync_playwright() as playwright:
        # From the system: Playwright's own is not installed.
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": SIZE["width"], "height": SIZE["height"]}, color_scheme="light")
        page.goto(base)
        for button in ("Eat a tuile", "A cookie that browsers drop"):
            page.get_by_role("button", name=button).click()
            page.wait_for_load_state()
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=PICTURE)
        browser.close()
    server.shutdown()


if __name__ == "__main__":
    main()
