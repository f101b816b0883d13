"""What a short introduction says, on the program `the_site`: set, get, and the server it starts itself."""

from __future__ import annotations

import runpy
import subprocess
import sys
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
    monkeypatch.delenv("FLASK_RUN_FROM_CLI", raising=False)
    monkeypatch.setattr(werkzeug.serving, "run_simple", lambda *arguments, **options: started.append(arguments))
    names = runpy.run_path(str(PROGRAM), run_name="__main__")
    assert started == [("localhost", 5000, names["app"])]


def test_a_program_that_always_serves_itself_can_be_served_from_the_command_line(tmp_path: Path) -> None:
    guarded = PROGRAM.read_text(encoding="utf-8")
    typed_in = guarded.replace('if __name__ == "__main__":\n    app.run', "app.run")
    assert typed_in != guarded
    (tmp_path / "app.py").write_text(typed_in, encoding="utf-8")
    command = [sys.executable, "-m", "tuile", "routes"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "/setcookie" in done.stdout
    assert "Running on" not in done.stdout + done.stderr
