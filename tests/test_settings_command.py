"""`tuile settings`: every setting, where it is set, and no secret."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from tuile.cli import ScriptInfo, cli
from tuile.cli.setting_sources import recorded_sources
from tuile.config import DEFAULTS, Config

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "2f9c1e7ab04d5638c1e7ab04d563"
PROGRAM = f"""
import json
from tuile import Flask

class Base:
    SESSION_COOKIE_SAMESITE = "Lax"

app = Flask(__name__)
app.config["CSRF"] = "fetch"
app.config.update(COOKIE_DEFAULTS="secure", MAIL_PASSWORD="{SECRET}")
app.config.setdefault("CSRF", "off")
app.config.setdefault("MAIL", {{"SERVER": "localhost", "PASSWORD": "{SECRET}"}})
app.config |= {{"SESSION_SECRET_TOKEN": ["{SECRET}"]}}
app.secret_key = "{SECRET}"
app.config.from_object(Base)
app.config.from_pyfile("settings.py")
app.config.from_envvar("SHOP_SETTINGS")
app.config.from_file("settings.json", json.load)
app.config.from_prefixed_env("SHOP")
app.config.from_mapping(DATABASE_URL="postgresql://ada:{SECRET}@db.example/shop")
app.config["SESSION_STORE"] = "redis://:{SECRET}@localhost/0"
app.config["SESSION_IDLE"] = None
app.config["SESSION_COOKIE_SAMSITE"] = "Lax"
"""


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    (tmp_path / "listed_shop.py").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "settings.py").write_text("MAX_FORM_PARTS = 7\n", encoding="utf-8")
    (tmp_path / "other.py").write_text("MAX_COOKIE_SIZE = 8\n", encoding="utf-8")
    (tmp_path / "settings.json").write_text('{"SERVER_NAME": "shop.example"}', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "listed_shop", raising=False)
    monkeypatch.setenv("SHOP_SETTINGS", str(tmp_path / "other.py"))
    monkeypatch.setenv("SHOP_MAX_CONTENT_LENGTH", "1000")
    result = CliRunner().invoke(cli, ["--app", "listed_shop", "settings", "--json"])
    assert result.exit_code == 0, result.output
    assert SECRET not in result.output
    assert SECRET not in CliRunner().invoke(cli, ["--app", "listed_shop", "settings"]).output
    return {row["name"]: row for row in json.loads(result.output)}


def test_every_setting_is_listed_with_its_default(rows: dict[str, dict[str, Any]]) -> None:
    for known in DEFAULTS:
        assert rows[known.name]["default"] == repr(known.value)
        assert rows[known.name]["meaning"] == known.meaning


@pytest.mark.parametrize(
    ("name", "value", "source"),
    [
        ("CSRF", "'fetch'", "listed_shop.py:9"),
        ("COOKIE_DEFAULTS", "'secure'", "listed_shop.py:10"),
        ("MAIL_PASSWORD", "(hidden)", "listed_shop.py:10"),
        ("MAIL", "{'SERVER': 'localhost', 'PASSWORD': (hidden)}", "listed_shop.py:12"),
        ("SESSION_SECRET_TOKEN", "(hidden)", "listed_shop.py:13"),
        ("SECRET_KEY", "(hidden)", "listed_shop.py:14"),
        ("SESSION_COOKIE_SAMESITE", "'Lax'", "Base, loaded in listed_shop.py:15"),
        ("MAX_FORM_PARTS", "7", "settings.py, loaded in listed_shop.py:16"),
        ("MAX_COOKIE_SIZE", "8", "other.py, which SHOP_SETTINGS names, loaded in listed_shop.py:17"),
        ("SERVER_NAME", "'shop.example'", "settings.json, loaded in listed_shop.py:18"),
        ("MAX_CONTENT_LENGTH", "1000", "the environment: SHOP_MAX_CONTENT_LENGTH"),
        ("DATABASE_URL", "'postgresql://ada:...@db.example/shop'", "listed_shop.py:20"),
        ("SESSION_STORE", "'redis://:...@localhost/0'", "listed_shop.py:21"),
        ("SESSION_IDLE", "None", "listed_shop.py:22"),
        ("TESTING", "False", None),
        ("DEBUG", "False", None),
    ],
)
def test_a_setting_is_shown_with_the_place_that_set_it(
    name: str, value: str, source: str | None, rows: dict[str, dict[str, Any]]
) -> None:
    assert (rows[name]["value"], rows[name]["source"]) == (value, source)


def test_a_name_that_nothing_reads_is_noted(rows: dict[str, dict[str, Any]]) -> None:
    assert rows["SESSION_COOKIE_SAMSITE"]["note"] == "nothing in Tuile reads it; SESSION_COOKIE_SAMESITE is similar"
    assert rows["MAIL"]["note"] is None


def test_the_config_is_as_before_when_the_command_has_ended() -> None:
    before = dict(vars(Config))
    with recorded_sources():
        assert dict(vars(Config)) != before
    assert dict(vars(Config)) == before


def test_without_an_application_the_defaults_are_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["settings"])
    assert result.exit_code == 0
    assert result.output.startswith("Defaults:\n  DEBUG ")
    assert all(f"  {known.name} " in result.output for known in DEFAULTS)


def test_a_named_setting_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    output = CliRunner().invoke(cli, ["settings", "max_form_parts"]).output
    assert output.startswith("MAX_FORM_PARTS = 1000\n")
    assert "answered with 413" in output


def test_a_misspelt_name_gets_the_right_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["settings", "SESSION_IDL"])
    assert result.exit_code == 2
    assert "There is no setting SESSION_IDL" in result.output
    assert "Did you mean SESSION_IDLE?" in result.output


def test_an_application_that_cannot_be_found_is_an_error() -> None:
    assert CliRunner().invoke(cli, ["--app", "there_is_none", "settings"]).exit_code == 2


class Shy:
    def __repr__(self) -> str:
        raise RuntimeError(SECRET)


@pytest.mark.parametrize("value", [Shy(), "x" * 1000, [Shy()], {"a": Shy()}], ids=["raises", "long", "list", "dict"])
def test_a_value_that_is_hard_to_print_is_printed(value: object) -> None:
    def create_app() -> Any:
        from tuile import Flask  # noqa: PLC0415

        app = Flask("shop")
        app.config["ODD"] = value
        return app

    result = CliRunner().invoke(cli, ["settings"], obj=ScriptInfo(create_app=create_app))
    assert result.exit_code == 0, result.output
    assert SECRET not in result.output
    assert max(map(len, result.output.splitlines())) < 200
