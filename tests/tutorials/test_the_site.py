"""What a short introduction says, on the program `the_site`: set, get, and the server it starts itself."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import werkzeug.serving

from tests.tutorials.programs.the_site import app

if TYPE_CHECKING:
    import pytest

PROGRAM = Path(__file__).parent / "programs" / "the_site.py"


def test_before_it_is_set_the_cookie_is_none() -> None:
    assert app.test_client().get("/getcookie").text == "The Site : None"


def test_setting_answers_and_getting_reads_it_back() -> None:
    client = app.test_client()
    assert client.get("/setcookie").text == "The Cookie has been set"
    assert client.get("/getcookie").text == "The Site : tuile.example"


def test_the_third_argument_is_how_long_a_cookie_lives() -> None:
    [line] = app.test_client().get("/setcookie").headers.getlist("Set-Cookie")
    assert line.startswith("Name=tuile.example; ")
    assert "Max-Age=3600" in line.split("; ")


def test_every_client_has_its_own_cookies() -> None:
    one, other = app.test_client(), app.test_client()
    one.get("/setcookie")
    assert one.get("/getcookie").text == "The Site : tuile.example"
    assert other.get("/getcookie").text == "The Site : None"


def test_the_program_serves_itself_on_the_host_and_port_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[Any, ...]] = []
    monkeypatch.setattr(werkzeug.serving, "run_simple", lambda *arguments, **options: started.append(arguments))
    names = runpy.run_path(str(PROGRAM), run_name="__main__")
    assert started == [("localhost", 5000, names["app"])]
