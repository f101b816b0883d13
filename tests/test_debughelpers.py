"""Explanations for developers in debug mode."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING

import pytest
from jinja2 import TemplateNotFound

from tuile import Blueprint, Flask, render_template, request
from tuile.debughelpers import DebugFilesKeyError, FormDataRoutingRedirect, UnexpectedUnicodeError

if TYPE_CHECKING:
    from pathlib import Path

    from tuile.testing import FlaskClient


@pytest.fixture
def app(app: Flask) -> Flask:
    app.debug = True

    @app.route("/upload", methods=["POST"])
    def upload() -> str:
        return str(request.files["photo"].filename)

    @app.route("/folder/", methods=["GET", "POST"])
    def folder() -> str:
        return "folder"

    return app


def test_a_file_sent_as_a_plain_field_is_explained(app: Flask, client: FlaskClient) -> None:
    with pytest.raises(DebugFilesKeyError) as caught:
        client.post("/upload", data={"photo": "me.jpg"})
    assert str(caught.value) == (
        "You tried to access the file 'photo' in the request.files dictionary but it does not exist. The mimetype"
        " for the request is 'application/x-www-form-urlencoded' instead of 'multipart/form-data' which means that"
        ' no file contents were transmitted. To fix this error you should provide enctype="multipart/form-data" in'
        " your form.\n\nThe browser instead transmitted some file names. This was submitted: 'me.jpg'"
    )
    assert isinstance(caught.value, KeyError)


def test_a_file_that_was_not_sent_at_all_is_a_bad_request(app: Flask, client: FlaskClient) -> None:
    app.testing = False
    app.config["TRAP_BAD_REQUEST_ERRORS"] = False
    assert client.post("/upload", data={"other": "x"}).status_code == 400


def test_a_file_that_was_sent_is_not_in_the_way(app: Flask, client: FlaskClient) -> None:
    response = client.post("/upload", data={"photo": (io.BytesIO(b"x"), "me.jpg")})
    assert response.text == "me.jpg"


def test_the_files_keep_the_name_of_their_class(app: Flask) -> None:
    with app.test_request_context("/upload", method="POST", data={"photo": "me.jpg"}):
        kind = type(request.files)
        assert (kind.__name__, kind.__module__) == ("ImmutableMultiDict", "werkzeug.datastructures.structures")


def test_a_redirect_that_would_lose_a_form_is_an_error(app: Flask, client: FlaskClient) -> None:
    app.url_map.redirect_defaults = False
    with app.test_request_context("/folder?x=1", method="POST"):
        routed = request.routing_exception
        assert routed is not None
        routed.code = 301
        message = str(FormDataRoutingRedirect(request._get_current_object()))  # type: ignore[attr-defined] # a proxy
    assert message == (
        "A request was sent to 'http://localhost/folder?x=1', but routing issued a redirect to the canonical URL"
        " 'http://localhost/folder/?x=1'. The URL was defined with a trailing slash. Flask will redirect to the URL"
        " with a trailing slash if it was accessed without one. Send requests to the canonical URL, or use 307 or"
        " 308 for routing redirects. Otherwise, browsers will drop form data.\n\nThis exception is only raised in"
        " debug mode."
    )


def test_an_error_about_unicode_is_caught_as_either_kind() -> None:
    with pytest.raises(UnicodeError):
        raise UnexpectedUnicodeError
    with pytest.raises(AssertionError):
        raise UnexpectedUnicodeError


# Where a template was looked for


@pytest.fixture
def searched(app: Flask, tmp_path: Path) -> Flask:
    """Return an application with two blueprints; `both.html` is in both, `one.html` in one of them."""
    app.config["EXPLAIN_TEMPLATE_LOADING"] = True
    app.template_folder = None
    for name, files in (("first", ["both.html", "one.html"]), ("second", ["both.html"])):
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).write_text(name, "utf-8")
        part = Blueprint(name, __name__, template_folder=str(tmp_path / name), url_prefix=f"/{name}")
        part.add_url_rule("/<page>", "show", render_template_named)
        app.register_blueprint(part)
    return app


def render_template_named(page: str) -> str:
    return render_template(page)


def test_the_log_says_who_had_the_template(
    searched: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with caplog.at_level(logging.INFO):
        assert client.get("/first/one.html").text == "first"
    lines = caplog.messages[-1].splitlines()
    assert lines == [
        "Locating template 'one.html':",
        f"    1: trying loader of blueprint 'first' ({__name__})",
        "       class: jinja2.loaders.FileSystemLoader",
        "       encoding: 'utf-8'",
        "       followlinks: False",
        "       searchpath:",
        f"         - {tmp_path / 'first'}",
        f"       -> found ({str(tmp_path / 'first' / 'one.html')!r})",
        f"    2: trying loader of blueprint 'second' ({__name__})",
        "       class: jinja2.loaders.FileSystemLoader",
        "       encoding: 'utf-8'",
        "       followlinks: False",
        "       searchpath:",
        f"         - {tmp_path / 'second'}",
        "       -> no match",
    ]


def test_the_log_warns_of_a_template_found_twice_and_the_first_one_is_taken(
    searched: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert client.get("/second/both.html").text == "first"
    assert caplog.messages[-1].splitlines()[-4:] == [
        "Warning: multiple loaders returned a match for the template.",
        "  The template was looked up from an endpoint that belongs to the blueprint 'second'.",
        "  Maybe you did not place a template in the right folder?",
        "  See https://flask.palletsprojects.com/blueprints/#templates",
    ]


def test_the_log_says_that_nobody_had_the_template(searched: Flask, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), searched.app_context(), pytest.raises(TemplateNotFound):
        render_template("nowhere.html")
    assert caplog.messages[-1].splitlines()[-1] == "Error: the template could not be found."


def test_the_log_names_the_application(app: Flask, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    app.config["EXPLAIN_TEMPLATE_LOADING"] = True
    app.template_folder = str(tmp_path)
    with caplog.at_level(logging.INFO), app.app_context(), pytest.raises(TemplateNotFound):
        render_template("nowhere.html")
    assert "    1: trying loader of application 'tests'" in caplog.messages[-1].splitlines()
