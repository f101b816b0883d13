"""The logger of an application."""

from __future__ import annotations

import io
import logging
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import jinja2
import pytest

from tests.beside_flask import make_app, make_environ, same, send
from tuile import Flask
from tuile.logging import create_logger, default_handler, has_level_handler, wsgi_errors_stream

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def above() -> logging.Logger:
    """Return the parent of the application's logger, without handlers on it or above it.

    It replaces the root logger, on which pytest has handlers.
    """
    return logging.getLogger("pastry")


@pytest.fixture(autouse=True)
def unconfigured(above: logging.Logger) -> Iterator[None]:
    above.propagate = False
    yield
    for logger in (above, logging.getLogger("pastry.app")):
        logger.handlers = []
        logger.setLevel(logging.NOTSET)
        logger.propagate = True


@pytest.fixture
def app() -> Flask:
    return Flask("pastry.app", root_path=".")


def test_the_logger_has_the_applications_name_and_the_default_handler(app: Flask) -> None:
    assert app.logger is logging.getLogger("pastry.app")
    assert app.logger.level == logging.NOTSET
    assert app.logger.handlers == [default_handler]
    assert create_logger(app).handlers == [default_handler]


def test_in_debug_mode_everything_is_logged_unless_a_level_was_set(app: Flask) -> None:
    app.debug = True
    assert app.logger.level == logging.DEBUG
    assert app.logger.handlers == [default_handler]
    app.logger.setLevel(logging.ERROR)
    assert create_logger(app).level == logging.ERROR


def test_a_handler_that_somebody_configured_is_enough(app: Flask, above: logging.Logger) -> None:
    above.addHandler(logging.StreamHandler())
    assert app.logger.handlers == []


def test_a_handler_that_does_not_take_the_loggers_level_is_not_enough(app: Flask, above: logging.Logger) -> None:
    handler = logging.StreamHandler()
    handler.setLevel(logging.ERROR)
    above.addHandler(handler)
    assert app.logger.handlers == [default_handler]


def test_a_handler_above_counts_only_as_far_as_records_travel(above: logging.Logger) -> None:
    logger = logging.getLogger("pastry.app")
    assert not has_level_handler(logger)
    above.addHandler(handler := logging.StreamHandler())
    assert has_level_handler(logger)
    logger.propagate = False
    assert not has_level_handler(logger)
    logger.propagate = True
    handler.setLevel(logging.CRITICAL)
    assert not has_level_handler(logger)


def test_a_request_logs_to_the_servers_stream(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    server, console = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", console)
    with app.test_request_context(errors_stream=server):
        app.logger.warning("in a request")
    with app.app_context():
        app.logger.warning("in an application")
    wsgi_errors_stream.write("by hand")
    assert "in a request" in server.getvalue()
    assert "application" not in server.getvalue()
    assert "in an application" in console.getvalue()
    assert console.getvalue().endswith("by hand")


def test_a_line_says_when_how_bad_and_where(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", console := io.StringIO())
    app.logger.error("out of flour")
    date, _, rest = console.getvalue().partition("] ")
    assert date.startswith("[20")
    assert rest == "ERROR in test_logging: out of flour\n"


def test_an_exception_in_a_view_is_logged_with_its_path(app: Flask) -> None:
    app.add_url_rule("/", "divide", lambda: str(1 // 0))
    stream = io.StringIO()
    assert app.test_client().get("/", errors_stream=stream).status_code == 500
    assert "Exception on / [GET]" in stream.getvalue()
    assert "ZeroDivisionError" in stream.getvalue()


def logged_by(lib: Any) -> list[tuple[object, ...]]:
    """Return what the default format, and formats that name the place, show of what an application logs."""
    app = make_app(lib, EXPLAIN_TEMPLATE_LOADING=True)
    places: list[tuple[object, ...]] = []

    class Keeps(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            # Not the level of what is shown in debug mode alone, which needs no handler.
            text = record.getMessage().partition("\n")[0]
            error = record.exc_info and record.exc_info[0]
            places.append((record.name, record.levelname, record.module, record.filename, record.funcName, text, error))

    @app.route("/<how>")
    def page(how: str) -> str:
        if how == "template":
            with suppress(jinja2.TemplateNotFound):
                lib.render_template("missing.html")
        raise ValueError(how)

    @app.after_request
    def fail(response: Any) -> Any:
        if lib.request.path == "/finalizing":
            raise KeyError("finalizing")
        return response

    handler, was_disabled = Keeps(), app.logger.disabled
    app.logger.addHandler(handler)
    app.logger.setLevel(logging.INFO)
    app.logger.disabled = False  # it is of the name of the app, which other tests disable
    try:
        for path in ("/view", "/template", "/finalizing"):
            assert send(app, make_environ(path)).code == 500
    finally:
        app.logger.removeHandler(handler)
        app.logger.setLevel(logging.NOTSET)
        app.logger.disabled = was_disabled
    return places


def test_a_line_of_the_log_names_the_module_and_the_function_that_flask_logs_in() -> None:
    places = same(logged_by)
    assert [module for _, _, module, *_ in places] == ["app", "debughelpers", "app", "app", "app"]
    assert {function for *_, function, _, _ in places} == {
        "log_exception",
        "finalize_request",
        "explain_template_loading_attempts",
    }
