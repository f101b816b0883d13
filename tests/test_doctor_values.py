"""`tuile doctor`: settings and rules that are written for something else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tuile import Blueprint, Flask
from tuile.cli.doctor.values import examine_values
from tuile.config import DEFAULTS


def findings(app: Flask) -> dict[str, tuple[str, str]]:
    return {one.subject: (one.id, one.reason) for one in examine_values(app)}


def test_an_application_as_it_is_made_has_none() -> None:
    assert findings(Flask("shop")) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRUSTED_HOSTS", [".example.com", "example.org:8000"]),
        ("SERVER_NAME", "example.com:8000"),
        ("SESSION_COOKIE_DOMAIN", ".example.com"),
        ("SESSION_COOKIE_DOMAIN", False),
        ("SESSION_COOKIE_PATH", "/shop"),
        ("APPLICATION_ROOT", "/shop"),
        ("PREFERRED_URL_SCHEME", "https"),
        ("PERMANENT_SESSION_LIFETIME", 3600),
        ("SEND_FILE_MAX_AGE_DEFAULT", timedelta(hours=1)),
        ("MAX_CONTENT_LENGTH", 1.5e6),
        ("SESSION_COOKIE_SECURE", 1),
        ("SESSION_TYPE", "redis"),
        ("REMEMBER_COOKIE_SECURE", True),
        ("MAIL_SERVER", "localhost"),
    ],
)
def test_values_as_they_are_meant(name: str, value: object) -> None:
    app = Flask("shop")
    app.config[name] = value
    assert findings(app) == {}


@pytest.mark.parametrize(
    ("name", "value", "finding", "said"),
    [
        ("TRUSTED_HOSTS", "example.com", "setting-type", "Write: TRUSTED_HOSTS = ['example.com']"),
        ("TRUSTED_HOSTS", ["https://example.com/"], "setting-host", "no path: 'example.com'"),
        ("SERVER_NAME", "https://example.com", "setting-host", "no path: 'example.com'"),
        ("SERVER_NAME", "example.com/shop", "setting-host", "no path: 'example.com'"),
        ("SESSION_COOKIE_DOMAIN", "http://example.com", "setting-host", "no path: 'example.com'"),
        ("SESSION_COOKIE_PATH", "shop", "setting-path", "'/shop'"),
        ("APPLICATION_ROOT", "shop", "setting-path", "'/shop'"),
        ("PREFERRED_URL_SCHEME", "https://", "setting-scheme", "'https'"),
        ("SESSION_COOKIE_SECURE", "false", "setting-type", "Write: SESSION_COOKIE_SECURE = False"),
        ("TEMPLATES_AUTO_RELOAD", "True", "setting-type", "Write: TEMPLATES_AUTO_RELOAD = True"),
        ("MAX_CONTENT_LENGTH", "16MB", "setting-type", "MAX_CONTENT_LENGTH = 16 * 1024 * 1024"),
        ("MAX_FORM_PARTS", "many", "setting-type", "MAX_FORM_PARTS = 1000"),
        ("PERMANENT_SESSION_LIFETIME", "1 day", "setting-type", "timedelta(days=1)"),
        ("ASGI_WORKERS", "8", "setting-type", "ASGI_WORKERS = "),
        ("APPLICATION_ROOT", 5, "setting-type", "not str"),
        ("SESSION_COOKIE_SAME_SITE", "Lax", "setting-name", "SESSION_COOKIE_SAMESITE"),
        ("SECRETKEY", "x", "setting-name", "SECRET_KEY"),
        ("MAX_CONTENT_LENGHT", 5, "setting-name", "MAX_CONTENT_LENGTH"),
    ],
)
def test_values_that_cannot_be_meant(name: str, value: Any, finding: str, said: str) -> None:
    app = Flask("shop")
    app.config[name] = value
    identifier, reason = findings(app)[name]
    assert identifier == finding
    assert said in reason


def test_every_setting_says_of_which_type_it_is_or_lists_its_values() -> None:
    beginnings = ("bool", "list", "int", "timedelta", "seconds", "str", "'", "None")
    assert [setting.name for setting in DEFAULTS if not setting.unit.startswith(beginnings)] == []


def test_rules_of_other_frameworks() -> None:
    app, blueprint = Flask("shop"), Blueprint("b", "shop", url_prefix="/b")
    app.add_url_rule("/{name}", "braces", lambda name: name)
    app.add_url_rule("/users/:number/edit", "colon", lambda number: number)
    blueprint.add_url_rule("/{name}", "braces", lambda name: name)
    app.register_blueprint(blueprint)
    assert {subject: reason.partition("Write: ")[2] for subject, (_, reason) in findings(app).items()} == {
        "the rule '/{name}'": "'/<name>'",
        "the rule '/users/:number/edit'": "'/users/<number>/edit'",
        "the rule '/b/{name}'": "'/b/<name>'",
    }


def test_rules_that_look_like_them() -> None:
    app = Flask("shop")
    app.add_url_rule("/<x>", "x", lambda x: x)
    app.add_url_rule("/:batch", "batch", lambda: "")
    app.add_url_rule("/{literally}/<name>", "literally", lambda name: name)
    app.add_url_rule("/of-c/{key}", "of C", view_func=dict)
    app.add_url_rule("/later/{name}", "later")
    assert findings(app) == {}
