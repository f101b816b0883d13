"""What is told about the cookies of a client: what came, what was kept, what came back, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tutorials.programs import hello_alice
from tuile import Flask, Response, cookies, make_response, request, session
from tuile.inspector.conversations import Chapter, profile_of, tell
from tuile.inspector.recorder import Recorder
from tuile.inspector.records import Ring
from tuile.inspector.stories import names_of, story_of
from tuile.inspector.tables import sheet_of
from tuile.inspector.text import write_costs, write_sheet, write_story, write_table
from tuile.testing import Browser

if TYPE_CHECKING:
    from collections.abc import Callable

# Set-Cookie lines that browsers drop or do not send back, where they are set, and a part of what is said.
TRAPS = {
    "another domain": ("http://127.0.0.1:5000/", "trap=1; Domain=example.com", "does not cover 127.0.0.1", "drop"),
    "SameSite=None alone": ("http://127.0.0.1:5000/", "trap=1; SameSite=None", "not Secure", "drop"),
    "a prefix": ("https://shop.example/", "__Host-trap=1; Path=/shop; Secure", "begins with __Host-", "drop"),
    "too large": ("http://127.0.0.1:5000/", f"trap={'x' * 5000}", "5004 octets", "drop"),
    "Secure over http": ("http://shop.example/", "trap=1; Secure", "not a secure connection", "drop"),
    "a public suffix": ("https://shop.co.uk/", "trap=1; Domain=co.uk", "public suffix", "drop"),
    "a control character": ("http://127.0.0.1:5000/", "trap=a\x01b", "control character", "drop"),
    "another path": ("http://127.0.0.1:5000/", "trap=1; Path=/admin", "paths below /admin", "keep"),
}


def play(app: Flask, visit: Callable[[Browser], object], profile: str = "chromium") -> list[Chapter]:
    """Return what is told about the requests that a browser makes."""
    ring = Ring()
    recorder = Recorder(app, ring)
    try:
        visit(Browser(app, profile))
    finally:
        recorder.close()
    return list(tell(ring.all(), app.config).values())


@pytest.fixture
def trap_app() -> Flask:
    app = Flask(__name__)

    @app.get("/")
    def index() -> str:
        return "index"

    return app


@pytest.mark.parametrize("trap", TRAPS)
def test_a_cookie_that_does_not_come_back_is_explained(trap_app: Flask, trap: str) -> None:
    url, line, reason, _ = TRAPS[trap]

    @trap_app.get("/set")
    def set_trap() -> Response:
        response = make_response("set")
        response.headers._list.append(("Set-Cookie", line))
        return response

    def visit(browser: Browser) -> None:
        browser.visit(f"{url}set")
        browser.visit(url)
        browser.visit(url)

    first, second, third = play(trap_app, visit)
    name = line.partition("=")[0]
    (missing,) = second.missing
    assert missing.name == name
    assert reason in missing.text
    assert missing.text.startswith("set one request ago, ")
    assert third.missing[0].text.startswith("set two requests ago, ")
    assert ("never came back: dropped because" in missing.text) == (TRAPS[trap][3] == "drop")
    assert missing.cure
    assert first.fates[0].outcome == third.missing[0].text
    text = write_sheet(sheet_of(second))
    assert missing.cure[1:] in text
    (report,) = sheet_of(first).lines
    assert report.is_lost == (TRAPS[trap][3] == "drop")
    assert bool(report.chrome_says) == report.is_lost


def test_the_tables_of_the_tutorial_come_out() -> None:
    ring = Ring()
    recorder = Recorder(hello_alice.app, ring)
    client = hello_alice.app.test_client()
    assert [client.get("/").text for _ in range(2)] == ["Hello None", "Hello Alice"]
    recorder.close()
    story = story_of(tell(ring.all()).values(), "user", 1)
    assert [step[:6] for step in story.steps] == [
        (1, "Client sends first request", "{}", "None", "Set 'user'='Alice'", "Hello None"),
        (2, "Client stores cookie 'user'='Alice'", "{}", "N/A", "N/A", "N/A"),
        (
            3,
            "Client sends second request with cookie",
            "{'user': 'Alice'}",
            "Alice",
            "Set 'user'='Alice'",
            "Hello Alice",
        ),
    ]
    assert story.variables == [
        ("request.cookies", ["{}", "{}", "{}", "{'user': 'Alice'}"]),
        ("user", ["None", "None", "None", "Alice"]),
        ("response cookie 'user'", ["None", "Alice", "Alice", "Alice"]),
    ]
    assert "After Step 3" in write_story(story)


def test_of_two_cookies_with_one_name_it_says_which_one_counts(trap_app: Flask) -> None:
    @trap_app.get("/set")
    def set_both() -> Response:
        response = make_response("set")
        response.set_cookie("size", "small")
        response.set_cookie("size", "large", path="/shop")
        return response

    @trap_app.get("/shop/")
    def shop() -> str:
        return request.cookies["size"]

    def visit(browser: Browser) -> None:
        browser.visit("http://127.0.0.1:5000/set")
        assert browser.visit("http://127.0.0.1:5000/shop/").text == "large"

    _, second = play(trap_app, visit)
    first, other = second.received
    assert (str(first.value), first.counts) == ("large", True)
    assert "the first of 2 with this name (it is for /shop)" in first.note
    assert (str(other.value), other.counts) == ("small", False)
    assert "(it is for /)" in other.note


def test_a_deletion_that_misses_is_told(trap_app: Flask) -> None:
    @trap_app.get("/set")
    def set_cookie() -> Response:
        response = make_response("set")
        response.set_cookie("a", "1", path="/")
        response.set_cookie("b", "1")
        return response

    @trap_app.get("/delete")
    def delete() -> Response:
        response = make_response("deleted")
        response.delete_cookie("a", path="/delete")
        response.delete_cookie("b")
        return response

    def visit(browser: Browser) -> None:
        for path in ("set", "delete", ""):
            browser.visit(f"http://127.0.0.1:5000/{path}")

    _, second, third = play(trap_app, visit)
    missed, deleted = second.fates
    assert "still brought it" in missed.outcome
    assert missed.came_back is True
    assert deleted.outcome == f"request {third.found.id} came without it"
    assert second.missing == []
    assert [row.kind for row in sheet_of(second).rows if row.action == "Afterwards: a"] == ["lost"]


def test_a_cookie_that_expired_meanwhile_is_told(trap_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1_700_000_000.0, 1_700_000_100.0])
    monkeypatch.setattr("tuile.inspector.records.time", lambda: next(times))

    @trap_app.get("/set")
    def set_cookie() -> Response:
        response = make_response("set")
        response.set_cookie("short", "1", max_age=60)
        return response

    def visit(browser: Browser) -> None:
        browser.visit("http://127.0.0.1:5000/set")
        browser.clock.advance(seconds=100)
        browser.visit("http://127.0.0.1:5000/")

    monkeypatch.setattr("time.time", lambda: 1_700_000_000.0)
    _, second = play(trap_app, visit)
    assert [one.text for one in second.missing] == [
        "set one request ago, not sent: it expired 40 s before this request"
    ]


def test_the_cure_is_in_the_words_of_the_call(trap_app: Flask) -> None:
    trap_app.secret_key = "0f3c9b1e7a5d48e2b6c1d0e9f8a7b6c5"
    trap_app.config["SESSION_COOKIE_SAMESITE"] = "None"

    @trap_app.get("/set")
    def set_cookies() -> str:
        cookies.set("trap", "1", samesite="None")
        session["a"] = 1
        return ""

    def visit(browser: Browser) -> None:
        browser.visit("http://127.0.0.1:5000/set")

    (first,) = play(trap_app, visit)
    cures = {report.name: report.cure for report in sheet_of(first).lines}
    assert cures["trap"].startswith("write: cookies.set('trap', ...")
    assert "SESSION_COOKIE_SECURE" in cures["session"]


def test_each_client_has_its_own_cookies(trap_app: Flask) -> None:
    @trap_app.get("/set")
    def set_cookie() -> Response:
        response = make_response("set")
        response.set_cookie("a", "1")
        return response

    ring = Ring()
    recorder = Recorder(trap_app, ring)
    for agent in ("one", "two"):
        client = trap_app.test_client(use_cookies=False)
        client.get("/set" if agent == "one" else "/", headers={"User-Agent": agent})
    recorder.close()
    first, second = tell(ring.all()).values()
    assert (first.client, second.client) == (1, 2)
    assert second.missing == []
    assert names_of([first, second]) == [(1, "a")]


@pytest.mark.parametrize(
    ("agent", "profile"),
    [
        ("Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36", "chromium"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", "firefox"),
        ("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/26.0 Safari/605.1.15", "safari"),
        ("Mozilla/5.0 (tuile.testing.Browser, as firefox)", "firefox"),
        ("Mozilla/5.0 (tuile.testing.Browser, as nonsense)", "chromium"),
        ("curl/8.0", "chromium"),
        ("", "chromium"),
    ],
)
def test_a_browser_is_known_by_its_user_agent(agent: str, profile: str) -> None:
    assert profile_of(agent) == profile


def test_a_host_that_no_browser_sends_has_no_verdicts(trap_app: Flask) -> None:
    @trap_app.get("/set")
    def set_cookie() -> Response:
        response = make_response("set")
        response.set_cookie("a", "1")
        return response

    ring = Ring()
    recorder = Recorder(trap_app, ring)
    client = trap_app.test_client(use_cookies=False)
    for host in ("bad host", "[::1", "", "a..b"):
        client.get("/set", headers={"Host": host})
    recorder.close()
    for chapter in tell(ring.all()).values():
        write_sheet(sheet_of(chapter))


def test_a_table_wraps_and_hides_control_characters() -> None:
    table = write_table(("Name", "Value"), [("a", "x" * 500), ("b\x1b[31m", "")])
    assert max(map(len, table.splitlines())) <= 120
    assert "\x1b" not in table
    assert "\\x1b" in table


def test_costs_name_each_endpoint_and_why_it_has_no_fast_path(trap_app: Flask) -> None:
    @trap_app.get("/written")
    def written() -> str:
        cookies.set("a", "1")
        return ""

    ring = Ring()
    recorder = Recorder(trap_app, ring)
    client = trap_app.test_client()
    for path in ("/", "/", "/written", "/missing"):
        client.get(path)
    recorder.close()
    text = write_costs(ring.all())
    assert "index: answered by the fast path" in text
    assert "written: cookies are written with `cookies`" in text
    assert "(no endpoint): answered by the fast path" in text
    assert write_costs([]) == "No requests were recorded yet.\n"
