"""A user stays logged in when an application moves from Flask to Tuile, and back."""

from __future__ import annotations

import http.cookiejar
import json
import sys
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.doors.serving import Server, serve

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """Run the shop twice with the same secret key: on Flask and on Tuile."""
    log = tmp_path_factory.mktemp("log")
    options = ["--app", "shop", "run", "--port", "{port}"]
    with (
        serve([sys.executable, "-m", "flask", *options], log / "flask.txt") as on_flask,
        serve(["tuile", *options], log / "tuile.txt") as on_tuile,
    ):
        yield {"module": on_flask, "FlaskModule": on_tuile}


class Browser:
    """A client that keeps cookies by host and ignores ports, so that both servers get the same cookies."""

    def __init__(self) -> None:
        self.jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def open(self, server: Server, path: str, *, post: bool = False) -> Any:
        """Open a page, follow redirects, and return its JSON."""
        url = f"http://127.0.0.1:{server.port}{path}"
        with self._opener.open(urllib.request.Request(url, data=b"" if post else None), timeout=120) as answer:
            return json.loads(answer.read())

    def cookie(self, name: str) -> http.cookiejar.Cookie:
        """Return the stored cookie of this name."""
        return next(cookie for cookie in self.jar if cookie.name == name)


def test_the_two_servers_are_what_they_are_said_to_be(servers: dict[str, Server]) -> None:
    assert {json.loads(server.ask("/where").body)["flask"]: server for server in servers.values()} == servers


@pytest.mark.parametrize("first", ["module", "FlaskModule"])
def test_a_session_goes_over_and_comes_back(servers: dict[str, Server], first: str) -> None:
    browser = Browser()
    here, there = servers[first], next(server for name, server in servers.items() if name != first)
    things = ["pear", "prune d'Ente", "ナシ", "x" * 300]
    for number, thing in enumerate(things):
        server = here if number % 2 == 0 else there
        browser.open(server, f"/basket/{quote(thing)}", post=True)
        for asked in (here, there):
            assert browser.open(asked, "/basket/")["things"] == things[: number + 1]


@pytest.mark.parametrize("first", ["module", "FlaskModule"])
def test_a_session_that_lasts_is_renewed_by_the_other(servers: dict[str, Server], first: str) -> None:
    browser = Browser()
    here, there = servers[first], next(server for name, server in servers.items() if name != first)
    browser.open(here, "/basket/for%20long", post=True)
    expires = browser.cookie("shop").expires
    assert expires is not None
    browser.cookie("shop").expires = expires - 1000
    assert browser.open(there, "/basket/")["things"] == ["for long"]
    renewed = browser.cookie("shop").expires
    assert renewed is not None
    assert renewed >= expires


def test_the_same_session_becomes_the_same_cookie_on_both(servers: dict[str, Server]) -> None:
    cookies = []
    for server in servers.values():
        browser = Browser()
        browser.open(server, "/basket/pear", post=True)
        # What it says, and not when and so with which signature.
        payload, time, signature = str(browser.cookie("shop").value).split(".")
        cookies.append((payload, len(time), len(signature)))
    assert cookies[0] == cookies[1]
