"""`is_safe_redirect` against a real Chromium: a target that is accepted is read as this host by its URL parser."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

import tuile
from tests.hostile_urls import HOSTILE, PIECES, SAFE

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Serve

BASES = ["https://shop.example/account/login", "http://shop.example/", "http://localhost:5000/a/b"]
READ = """([base, targets]) => targets.map((target) => {
    try {
        const url = new URL(target, base);
        return [url.protocol, url.host, url.username + url.password, url.pathname];
    } catch { return null; }
})"""


def generated(number: int) -> list[str]:
    """Return texts that are made of the parts of URLs: the same ones at each run."""
    random_ = random.Random(20261128)
    starts = ["", "", "/", "https://", "https://shop.example", "http://localhost:5000", "http://shop.example", "//"]
    return [random_.choice(starts) + "".join(random_.choices(PIECES, k=random_.randrange(7))) for _ in range(number)]


def has_surrogates(url: str) -> bool:
    """Return whether a text cannot be sent to the browser."""
    return any("\ud800" <= one <= "\udfff" for one in url)


@pytest.mark.parametrize("base", BASES)
def test_what_is_accepted_leads_to_this_host_in_chromium(page: Page, base: str) -> None:
    app = tuile.Flask(__name__)
    targets = [
        url for url in (*SAFE, *HOSTILE, *generated(20_000)) if not any("\ud800" <= one <= "\udfff" for one in url)
    ]
    accepted, sent = [], []
    with app.test_request_context(base):
        for url in targets:
            if tuile.is_safe_redirect(url):
                accepted.append(url)
                sent.append(tuile.redirect(url).headers["Location"])
        host = tuile.request.host
    assert len(accepted) > 2000
    page.goto("about:blank")
    # As the text itself, and as the header that a redirect to it sends.
    for written in (accepted, sent):
        read: Any = page.evaluate(READ, [base, written])
        for url, parts in zip(accepted, read, strict=True):
            assert parts is not None, url
            scheme, where, user, path = parts
            assert scheme in {base.partition("/")[0], "https:"}, url
            assert (where, user) == (host, ""), url
            assert not path.startswith("//"), url


def test_a_browser_that_follows_the_redirect_stays(page: Page, serve: Serve) -> None:
    app = tuile.Flask(__name__)

    @app.get("/go")
    def go() -> Any:
        target = tuile.request.args["next"]
        return tuile.redirect(target if tuile.is_safe_redirect(target) else "/refused")

    app.add_url_rule("/<path:path>", "any", lambda path: path)
    app.add_url_rule("/", "root", lambda: "")
    site = serve(app)
    for url in (*SAFE, *HOSTILE):
        # What stays on the page would redirect again and again.
        if has_surrogates(url) or url.startswith("#"):
            continue
        page.goto(f"{site}/go?next={quote(url, safe='')}")
        assert page.url.startswith(f"{site}/"), url
