"""The pytest plugin that shows the requests of a failed test."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SUITE = """
import asyncio

import pytest

from tests.inspector.traps import app
from tuile.testing import Browser


@pytest.fixture
def visited():
    browser = Browser(app)
    browser.visit("http://127.0.0.1:5000/traps")
    browser.visit("http://127.0.0.1:5000/api")
    return browser


def test_passes():
    assert app.test_client().get("/set").status_code == 200
    assert "wsgi_app" in vars(app)


def test_client():
    assert app.test_client().get("/set").text == "wrong"


def test_browser(visited):
    assert visited.cookie("track")


def test_asynchronous():
    async def play():
        client = app.async_test_client()
        assert (await client.get("/api")).json == {"theme": "dark"}

    asyncio.run(play())


def test_without_requests():
    assert "wsgi_app" not in vars(app)
    assert False
"""
SHOWN = "Requests, as recorded by Tuile"


def run(folder: Path, *words: str) -> str:
    (folder / "test_suite.py").write_text(SUITE, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("words", [(), ("-n", "1")], ids=["here", "in a worker"])
def test_a_failed_test_shows_its_requests(tmp_path: Path, words: tuple[str, ...]) -> None:
    output = run(tmp_path, "-p", "tuile.testing.report", *words)
    assert "4 failed, 1 passed" in output
    assert output.count(f"- {SHOWN}") == 3
    assert "GET /set: 200, text/html, 3 bytes" in output
    assert "Sets cookie 'theme'" in output
    assert "set one request ago, never came back: dropped because it is SameSite=None and not Secure" in output
    assert "Protocol:       ASGI" in output


def test_without_the_plugin_nothing_is_recorded(tmp_path: Path) -> None:
    output = run(tmp_path)
    assert SHOWN not in output
    # The test that looks whether its requests are recorded fails as well.
    assert "5 failed" in output
