"""The commands that start an inspector and ask it: `tuile run --inspect`, `tuile explain 5`, `tuile routes --cost`."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.inspector.traps import make_app
from tuile.cli import ScriptInfo, cli, run_command
from tuile.cli.inspecting import ADDRESS
from tuile.inspector.server import Inspector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

    from tuile import Flask


@pytest.fixture
def inspector() -> Iterator[Inspector]:
    app = make_app()
    with Inspector(app) as started:
        client = app.test_client()
        client.get("/set")
        client.get("/traps")
        client.get("/")
        yield started


def ask(*words: str, address: str | None = None) -> Result:
    env = {ADDRESS: address} if address else {ADDRESS: None}
    return CliRunner().invoke(cli, words, obj=ScriptInfo(create_app=make_app), env=env)


def test_run_inspect_prints_the_address_and_records(monkeypatch: pytest.MonkeyPatch) -> None:
    app, answers = make_app(), []

    def serve(_host: str, _port: int, served: Flask, **_: object) -> None:
        assert not served.plan.enters
        served.test_client().get("/set")
        answers.append(ask("explain", "1", address=os.environ["_TUILE_INSPECTOR_ADDRESS"]))

    monkeypatch.setattr("tuile.cli.run_simple", serve)
    result = CliRunner().invoke(run_command, ["--inspect"], obj=ScriptInfo("shop:app", create_app=lambda: app))
    assert result.exit_code == 0, result.output
    assert " * Inspector: http://127.0.0.1:" in result.output
    assert "Request 1: GET /set" in answers[0].output
    assert app.plan.enters


def test_the_process_that_only_reloads_records_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    app, kept = make_app(), []
    monkeypatch.setattr("tuile.cli.run_simple", lambda *_, **__: kept.append("wsgi_app" in vars(app)))
    words = ["--inspect", "--reload"]
    result = CliRunner().invoke(run_command, words, obj=ScriptInfo("shop:app", create_app=lambda: app))
    assert "Inspector" in result.output
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    result = CliRunner().invoke(run_command, words, obj=ScriptInfo("shop:app", create_app=lambda: app))
    assert "Inspector" not in result.output
    assert kept == [False, True]


def test_explain_prints_a_recorded_request(inspector: Inspector) -> None:
    by_option = ask("explain", "2", "--inspector", inspector.address)
    by_variable = ask("explain", "2", address=inspector.address)
    assert by_option.output == by_variable.output
    assert "Request 2: GET /traps" in by_option.output
    assert "SameSite=None and not Secure" in by_option.output
    data = json.loads(ask("explain", "2", "--json", address=inspector.address).output)
    assert data["title"] == "GET /traps"
    assert [line["name"] for line in data["lines"]] == ["cart", "track", "basket", "__Host-id"]


def test_routes_cost_prints_the_time_of_endpoints(inspector: Inspector) -> None:
    result = ask("routes", "--cost", address=inspector.address)
    assert result.exit_code == 0
    for word in ("hooks ms", "template ms", "set_theme", "traps", "no fast path"):
        assert word in result.output


def test_routes_cost_needs_no_application(inspector: Inspector) -> None:
    def fail() -> Flask:
        raise AssertionError("it is not loaded")

    words = ["routes", "--cost", "--inspector", inspector.address]
    assert CliRunner().invoke(cli, words, obj=ScriptInfo(create_app=fail)).exit_code == 0


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("", "'tuile run --inspect' prints its address"),
        ("http://evil.example:80/token/", "is http://127.0.0.1:PORT/TOKEN/"),
        ("https://127.0.0.1:80/token/", "is http://127.0.0.1:PORT/TOKEN/"),
        ("http://127.0.0.1:99999/token/", "is http://127.0.0.1:PORT/TOKEN/"),
        ("http://127.0.0.1:1/", "is http://127.0.0.1:PORT/TOKEN/"),
        ("nonsense", "is http://127.0.0.1:PORT/TOKEN/"),
        ("http://127.0.0.1:1/token/", "No inspector answers"),
    ],
)
def test_a_wrong_address_is_explained(address: str, message: str) -> None:
    for words in (("explain", "1"), ("routes", "--cost")):
        result = ask(*words, address=address)
        assert result.exit_code != 0
        assert message in result.output


def test_a_request_that_is_not_there_and_a_wrong_token_are_explained(inspector: Inspector) -> None:
    assert "it was not recorded" in ask("explain", "99", address=inspector.address).output
    assert "needs the token" in ask("explain", "1", address=f"{inspector.address[:-4]}/").output


def test_a_number_is_a_request_and_anything_else_is_not() -> None:
    assert "Which inspector" in ask("explain", " 12 ").output
    assert "Which inspector" not in ask("explain", "12=a").output
