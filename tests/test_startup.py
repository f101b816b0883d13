"""Settings that are wrong are an error before the first answer, and not where they are read."""

from __future__ import annotations

import logging
import math
from datetime import timedelta
from typing import Any

import pytest

import tuile
from tests.beside_flask import make_environ, send
from tuile.cli.doctor.application import examine_application
from tuile.startup import check_settings
from tuile.testing import WebSocketRefused

NO_DURATIONS = ["", "30", -1, True, [], {}, b"1", math.nan, math.inf, 1e308, 2**70, timedelta(-1), timedelta.max]
DURATIONS = [
    "ASGI_SHUTDOWN_TIMEOUT",
    "BACKGROUND_TASK_SHUTDOWN_TIMEOUT",
    "SESSION_CHECK_EVERY",
    "SESSION_EPOCH_AGE",
    "WEBSOCKET_GRACE",
]
NO_NUMBERS = ["", "8", -1, 2.5, True, [], b"1", math.nan, timedelta(1)]
NUMBERS = ["ASGI_SPOOL", "ASGI_STREAM_WORKERS", "ASGI_WORKERS", "BACKGROUND_TASK_THREADS", "WEBSOCKET_MAX_SIZE"]
WRONG: dict[str, list[Any]] = {
    "COOKIE_CHECKS": ["loud", []],
    "COOKIE_UNDECLARED": ["loud", {}],
    "CSRF_TRUSTED_ORIGINS": ["https://example.com", ["example.com"]],
    "CONSENT_LIFETIME": [None, "1 year", True, math.nan, math.inf],
    "CONSENT_COOKIE_NAME": [None, 7],
    "SESSION_OVERFLOW": [[]],
    "SESSION_DIGEST": [["sha256"]],
    **dict.fromkeys(DURATIONS, NO_DURATIONS),
    **dict.fromkeys(NUMBERS, NO_NUMBERS),
}
OF_STORES: dict[str, list[Any]] = {
    "PERMANENT_SESSION_LIFETIME": [None, 0, *NO_DURATIONS],
    "SESSION_IDLE": [0, *NO_DURATIONS],
    "SESSION_MAX_PER_USER": [2**70],
}
OF_SERVERS: dict[str, list[Any]] = {
    "SESSION_KEY_PREFIX": [0, False, b"x", ["x"]],
    "SESSION_TIMEOUT": [0, 1e9, *NO_DURATIONS],
}


def app_with(**config: Any) -> Any:
    app = tuile.Flask("app", static_folder=None)
    app.config.update(config)
    # What uses CSRF_TRUSTED_ORIGINS and CONSENT_LIFETIME.
    app.add_websocket("/socket", "socket", lambda: None)
    assert not app.consent.categories
    app.add_url_rule("/", "view", lambda: "text")
    return app


def are_named_before_the_first_answer(name: str, values: list[Any], **config: Any) -> None:
    for value in values:
        app = app_with(**config, **{name: value})
        for _ in range(2):
            with pytest.raises((TypeError, ValueError), match=name):
                send(app, make_environ())


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_setting_is_an_error_before_the_first_answer(name: str) -> None:
    are_named_before_the_first_answer(name, WRONG[name])


@pytest.mark.parametrize("name", OF_STORES)
def test_a_wrong_setting_of_a_store_is_one_too(name: str) -> None:
    are_named_before_the_first_answer(name, OF_STORES[name], SESSION_STORE="memory")


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", "postgresql://127.0.0.1:1/name"])
@pytest.mark.parametrize("name", OF_SERVERS)
def test_a_wrong_setting_of_a_server_is_one_too(url: str, name: str) -> None:
    pytest.importorskip("redis" if url.startswith("redis") else "psycopg")
    are_named_before_the_first_answer(name, OF_SERVERS[name], SESSION_STORE=url)


@pytest.mark.parametrize("name", WRONG)
def test_the_doctor_tells_of_it(name: str) -> None:
    for value in WRONG[name]:
        found = list(examine_application(app_with(**{name: value})))
        assert any(name in f"{one.subject} {one.reason}" for one in found)


@pytest.mark.parametrize("value", [0, 0.5, 7, timedelta(0), timedelta(seconds=7), None])
def test_durations_may_be_written_in_each_way(value: Any) -> None:
    app = app_with(**dict.fromkeys(DURATIONS, value))
    check_settings(app, app.session_interface)


def test_no_limit_is_none() -> None:
    app = app_with(WEBSOCKET_MAX_SIZE=None, ASGI_WORKERS=None)
    check_settings(app, app.session_interface)


def test_a_function_that_answers_for_consent_needs_no_cookie() -> None:
    app = app_with(CONSENT_LIFETIME=None)
    app.consent(lambda category: True)
    check_settings(app, app.session_interface)


@pytest.mark.parametrize("grace", [0, timedelta(0), None])
def test_a_websocket_ends_with_its_client(grace: Any, caplog: pytest.LogCaptureFixture) -> None:
    app = app_with(WEBSOCKET_GRACE=grace)

    async def echo() -> None:
        async for message in tuile.websocket:
            await tuile.websocket.send(message)

    app.add_websocket("/ws", "ws", echo)
    with caplog.at_level(logging.ERROR), app.test_client().websocket("/ws") as socket:
        socket.send("a")
        assert socket.receive() == "a"
    assert not caplog.records


def test_the_path_of_a_websocket_begins_no_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    app = app_with(PROPAGATE_EXCEPTIONS=False)

    async def fails(name: str) -> None:
        raise ZeroDivisionError(name)

    app.add_websocket("/<name>", "ws", fails)
    with pytest.raises(WebSocketRefused), app.test_client().websocket("/a%0aERROR%20forged"):
        pass
    assert [record.getMessage() for record in caplog.records] == [r"Exception on websocket /a\nERROR forged"]


def test_a_handshake_is_no_way_past_the_check() -> None:
    app = app_with(WEBSOCKET_GRACE="long")
    app.add_websocket("/ws", "ws", lambda: None)
    with pytest.raises((TypeError, WebSocketRefused)), app.test_client().websocket("/ws"):
        pass


@pytest.mark.parametrize("origins", ["", "https://a.example, https://b.example", ["a.example"]])
def test_settings_of_the_same_names_may_be_for_something_else(origins: Any) -> None:
    app = tuile.Flask("app", static_folder=None)
    app.config.update(CSRF_TRUSTED_ORIGINS=origins, CONSENT_LIFETIME="1 year", CONSENT_COOKIE_NAME=None)
    app.add_url_rule("/", "view", lambda: "text")
    assert send(app, make_environ()).text == "text"
    assert not [one for one in examine_application(app) if one.id == "settings"]
    assert "consent" not in vars(app)


def test_an_optional_cookie_uses_the_settings_for_consent() -> None:
    app = tuile.Flask("app", static_folder=None)
    app.config["CONSENT_LIFETIME"] = "1 year"
    app.cookie("seen", category="statistics")
    with pytest.raises(TypeError, match="CONSENT_LIFETIME"):
        send(app, make_environ())
