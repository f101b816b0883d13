"""What the quickstart says from cookies to middleware, on the programs `quickstart_*`."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest
from markupsafe import escape
from werkzeug.middleware.proxy_fix import ProxyFix

from tests.tutorials.programs import (
    quickstart_cookies,
    quickstart_errors,
    quickstart_flashing,
    quickstart_json,
    quickstart_logging,
    quickstart_middleware,
    quickstart_responses,
    quickstart_sessions,
)
from tuile import Flask, Response, render_template_string, request, session

if TYPE_CHECKING:
    from tuile.testing import FlaskClient

# --- Cookies ----------------------------------------------------------------------------------------------------------


def test_the_cookies_of_a_request_are_all_that_the_client_sends() -> None:
    client = quickstart_cookies.app.test_client()
    client.set_cookie("username", "Ada")
    client.set_cookie("theme", "dark")
    with client:
        client.get("/")
        assert isinstance(request.cookies, Mapping)
        assert request.cookies.to_dict() == {"username": "Ada", "theme": "dark"}


def test_a_missing_cookie_is_none_by_get_and_an_error_by_brackets() -> None:
    client = quickstart_cookies.app.test_client()
    assert client.get("/").text == "username: None"
    assert client.get("/must-have").status_code == 400
    client.set_cookie("username", "Ada")
    assert client.get("/must-have").text == "username: Ada"


def test_a_cookie_is_stored_on_the_response_of_a_template() -> None:
    client = quickstart_cookies.app.test_client()
    answer = client.get("/store")
    assert answer.text == "Stored, Ada."
    assert "username=Ada; Path=/" in answer.headers.getlist("Set-Cookie")
    assert client.get("/").text == "username: Ada"


def test_a_cookie_can_be_set_before_the_response_exists() -> None:
    client = quickstart_cookies.app.test_client()
    assert client.get("/").headers.getlist("Set-Cookie") == ["language=fr; Path=/"]
    assert client.get("/").headers.getlist("Set-Cookie") == []


def test_a_cookie_set_before_the_response_goes_out_with_an_error_page_too() -> None:
    answer = quickstart_cookies.app.test_client().get("/nowhere")
    assert answer.status_code == 404
    assert answer.headers.getlist("Set-Cookie") == ["language=fr; Path=/"]


# --- Redirects and errors ---------------------------------------------------------------------------------------------


def test_a_redirect_names_the_other_address() -> None:
    answer = quickstart_errors.app.test_client().get("/")
    assert answer.status_code == 302
    assert answer.location == "/login"


def test_abort_ends_the_view_at_once() -> None:
    quickstart_errors.reached.clear()
    assert quickstart_errors.app.test_client().get("/login").status_code == 401
    assert quickstart_errors.reached == ["before abort"]


def test_the_redirect_leads_to_the_closed_door() -> None:
    answer = quickstart_errors.app.test_client().get("/", follow_redirects=True)
    assert answer.request.path == "/login"
    assert answer.status_code == 401


def test_without_a_handler_an_error_has_a_plain_page() -> None:
    answer = quickstart_errors.app.test_client().get("/login")
    assert answer.mimetype == "text/html"
    assert "<title>401 Unauthorized</title>" in answer.text
    assert "<h1>Unauthorized</h1>" in answer.text


def test_a_handler_makes_the_page_and_says_the_status() -> None:
    answer = quickstart_errors.app.test_client().get("/nowhere")
    assert answer.status == "404 NOT FOUND"
    assert "There is no such page here" in answer.text


def test_a_handler_that_says_no_status_answers_200() -> None:
    app = Flask(__name__)
    app.register_error_handler(404, lambda error: "all went well")
    answer = app.test_client().get("/nowhere")
    assert (answer.status_code, answer.text) == (200, "all went well")


# --- Responses --------------------------------------------------------------------------------------------------------


@pytest.fixture
def responses() -> FlaskClient:
    return quickstart_responses.app.test_client()


def test_a_string_is_html_and_all_is_well(responses: FlaskClient) -> None:
    answer = responses.get("/text")
    assert (answer.status, answer.content_type) == ("200 OK", "text/html; charset=utf-8")
    assert answer.text == "<p>hello</p>"


def test_a_dictionary_is_json(responses: FlaskClient) -> None:
    answer = responses.get("/dict")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.json == {"numbers": [1, 2, 3]}


def test_a_response_is_sent_as_it_is(responses: FlaskClient) -> None:
    answer = responses.get("/response")
    assert (answer.status_code, answer.mimetype, answer.text) == (418, "text/plain", "teapot")


@pytest.mark.parametrize(
    ("address", "status", "kinds"),
    [
        ("/with-status", 201, []),
        ("/with-header-dict", 200, ["dict"]),
        ("/with-header-list", 200, ["list", "again"]),
        ("/with-both", 202, ["both"]),
    ],
)
def test_a_tuple_adds_status_and_headers(responses: FlaskClient, address: str, status: int, kinds: list[str]) -> None:
    answer = responses.get(address)
    assert answer.status_code == status
    assert answer.headers.getlist("X-Kind") == kinds
    assert answer.mimetype == "text/html"


def test_a_tuple_overrides_the_status_of_a_response_and_keeps_its_headers(responses: FlaskClient) -> None:
    answer = responses.get("/response-with-status")
    assert (answer.status_code, answer.text) == (203, "replaced")
    assert (answer.headers["X-Kept"], answer.headers["X-Kind"]) == ("yes", "added")


def test_anything_else_is_taken_for_a_wsgi_application(responses: FlaskClient) -> None:
    answer = responses.get("/wsgi")
    assert (answer.status, answer.mimetype) == ("299 Fine", "text/plain")
    assert (answer.text, answer.headers["X-Path"]) == ("from another application", "/wsgi")


def test_a_made_response_is_modified_and_returned(responses: FlaskClient) -> None:
    answer = responses.get("/nowhere")
    assert (answer.status_code, answer.text) == (404, "nothing here")
    assert answer.headers["X-Something"] == "A value"


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_a_view_answers_json_with_a_dictionary() -> None:
    client = quickstart_json.app.test_client()
    answer = client.get("/me")
    assert answer.mimetype == "application/json"
    assert answer.json == {"username": "ada", "theme": "dark", "image": "/pictures/ada.png"}
    assert client.get("/pictures/ada.png").text == "the picture of ada"


def test_jsonify_answers_with_a_list() -> None:
    answer = quickstart_json.app.test_client().get("/users")
    assert answer.mimetype == "application/json"
    assert answer.json == [{"username": "ada", "theme": "dark"}, {"username": "grace", "theme": "light"}]


# --- Sessions ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def visitor() -> FlaskClient:
    return quickstart_sessions.app.test_client()


def test_nobody_is_logged_in_at_first(visitor: FlaskClient) -> None:
    answer = visitor.get("/")
    assert answer.text == "You are not logged in"
    assert "Set-Cookie" not in answer.headers


def test_login_asks_for_a_name(visitor: FlaskClient) -> None:
    assert 'name="username"' in visitor.get("/login").text


def test_a_session_remembers_from_one_request_to_the_next(visitor: FlaskClient) -> None:
    answer = visitor.post("/login", data={"username": "Ada"})
    assert (answer.status_code, answer.location) == (302, "/")
    assert [visitor.get("/").text for _ in range(2)] == ["Logged in as Ada", "Logged in as Ada"]


def test_a_login_without_a_name_is_a_bad_request(visitor: FlaskClient) -> None:
    assert visitor.post("/login").status_code == 400


def test_logout_forgets(visitor: FlaskClient) -> None:
    visitor.post("/login", data={"username": "Ada"})
    answer = visitor.get("/logout", follow_redirects=True)
    assert answer.text == "You are not logged in"
    assert visitor.get_cookie("session") is None


def test_logging_out_twice_is_no_error(visitor: FlaskClient) -> None:
    assert visitor.get("/logout").status_code == visitor.get("/logout").status_code == 302


def test_escape_makes_a_name_harmless(visitor: FlaskClient) -> None:
    name = "<script>alert('!')</script>"
    visitor.post("/login", data={"username": name})
    assert visitor.get("/").text == f"Logged in as {escape(name)}"
    assert "<script>" not in visitor.get("/").text


def session_cookie(visitor: FlaskClient) -> str:
    cookie = visitor.get_cookie("session")
    assert cookie is not None
    return cookie.value


def test_the_user_can_look_at_the_session(visitor: FlaskClient) -> None:
    visitor.post("/login", data={"username": "Ada"})
    payload = session_cookie(visitor).partition(".")[0]
    found = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert set(found) == {"username", "_created", "_handle"}
    assert found["username"] == "Ada"


def test_the_user_cannot_modify_the_session(visitor: FlaskClient) -> None:
    visitor.post("/login", data={"username": "Ada"})
    _, _, signature = session_cookie(visitor).partition(".")
    forged = base64.urlsafe_b64encode(b'{"username":"root"}').decode().rstrip("=")
    visitor.set_cookie("session", f"{forged}.{signature}")
    answer = visitor.get("/")
    assert (answer.status_code, answer.text) == (200, "You are not logged in")


def test_another_key_does_not_open_the_session(visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor.post("/login", data={"username": "Ada"})
    monkeypatch.setitem(quickstart_sessions.app.config, "SECRET_KEY", b"another key")
    assert visitor.get("/").text == "You are not logged in"


def test_a_session_needs_a_secret_key() -> None:
    app = Flask(__name__)
    app.testing = True

    @app.route("/")
    def index() -> str:
        session["username"] = "Ada"
        return "never reached"

    with pytest.raises(RuntimeError, match="secret key"):
        app.test_client().get("/")


def test_the_session_cookie_is_kept_from_scripts(visitor: FlaskClient) -> None:
    [line] = visitor.post("/login", data={"username": "Ada"}).headers.getlist("Set-Cookie")
    assert "HttpOnly" in line.split("; ")


def test_values_that_are_too_large_for_a_cookie_are_warned_of(visitor: FlaskClient) -> None:
    incompressible = "".join(chr(0x4E00 + (number * 7919) % 20000) for number in range(5000))
    with pytest.warns(UserWarning, match="The 'session' cookie is too large"):
        visitor.post("/login", data={"username": incompressible})


# --- Flashing ---------------------------------------------------------------------------------------------------------


def test_a_message_is_shown_by_the_next_request_and_only_the_next() -> None:
    client = quickstart_flashing.app.test_client()
    assert "<li>" not in client.get("/").text
    assert client.get("/save").location == "/"
    assert client.get("/").text.count("<li>Saved.</li>") == 1
    assert "Saved." not in client.get("/").text


def test_several_messages_are_shown_in_order_and_escaped() -> None:
    client = quickstart_flashing.app.test_client()
    client.post("/save", data={"message": "one"})
    client.post("/save", data={"message": "<two>"})
    text = client.get("/").text
    assert text.index("<li>one</li>") < text.index("<li>&lt;two&gt;</li>")


# --- Logging and middleware -------------------------------------------------------------------------------------------


def test_a_logger_is_ready(caplog: pytest.LogCaptureFixture) -> None:
    app = quickstart_logging.app
    assert isinstance(app.logger, logging.Logger)
    with caplog.at_level(logging.DEBUG, logger=app.logger.name):
        app.test_client().get("/")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("DEBUG", "a value for finding errors"),
        ("WARNING", "careful: 42 apples"),
        ("ERROR", "something went wrong"),
    ]


def test_middleware_wraps_the_application_from_outside() -> None:
    app = quickstart_middleware.app
    assert isinstance(app, Flask)
    assert isinstance(app.wsgi_app, ProxyFix)
    proxied = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    assert app.test_client().get("/", headers=proxied).json == {"client": "203.0.113.9", "scheme": "https"}
    assert app.test_client().get("/").json == {"client": "127.0.0.1", "scheme": "http"}


def test_templates_know_the_request_and_the_session() -> None:
    with quickstart_sessions.app.test_request_context("/", headers={"Cookie": "theme=dark"}):
        session["username"] = "Ada"
        assert render_template_string("{{ session.username }}, {{ request.cookies.theme }}") == "Ada, dark"


def test_a_made_response_is_tuiles_own() -> None:
    app = quickstart_responses.app
    with app.app_context():
        assert type(app.make_response("text")) is Response
