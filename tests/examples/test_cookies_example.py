"""The example that people play with: examples/cookies."""

from __future__ import annotations

import importlib
import json
import re
import sys
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from examples.cookies.app import app, redirected

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from tuile.testing import FlaskClient

EXAMPLE = Path(__file__).parents[2] / "examples" / "cookies"


@pytest.fixture
def client() -> FlaskClient:
    return app.test_client()


@pytest.fixture
def bare_client() -> FlaskClient:
    """A client without a cookie jar: the test says what its Cookie header is."""
    return app.test_client(use_cookies=False)


def cookies_received(answer: TestResponse) -> dict[str, str]:
    """The page's table of cookies."""
    rows = re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td>', answer.text, re.DOTALL)
    return {unescape(name): unescape(value) for name, value in rows}


def lines_shown(answer: TestResponse, header: str) -> list[str]:
    """The headers of this name that the page shows, one entry per line."""
    return [unescape(line) for line in re.findall(rf"<b>{header}:</b> (.*?)</code>", answer.text, re.DOTALL)]


# --- Reading ----------------------------------------------------------------------------------------------------------


def test_the_first_visit_has_no_cookies_and_gets_none(client: FlaskClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert "None yet." in answer.text
    assert lines_shown(answer, "Cookie") == lines_shown(answer, "Set-Cookie") == []
    assert "Set-Cookie" not in answer.headers


def test_the_page_shows_the_header_and_each_cookie(bare_client: FlaskClient) -> None:
    answer = bare_client.get("/", headers={"Cookie": 'a=1; b="two words"; c=<script>'})
    assert lines_shown(answer, "Cookie") == ['a=1; b="two words"; c=<script>']
    assert cookies_received(answer) == {"a": "1", "b": "two words", "c": "<script>"}


def test_the_page_shows_a_non_ascii_header_as_the_browser_wrote_it(bare_client: FlaskClient) -> None:
    header = "name=crème"
    answer = bare_client.get("/", environ_overrides={"HTTP_COOKIE": header.encode().decode("latin-1")})
    assert lines_shown(answer, "Cookie") == [header]
    assert cookies_received(answer) == {"name": "crème"}


def test_the_page_shows_two_cookies_of_one_name(bare_client: FlaskClient) -> None:
    text = bare_client.get("/", headers={"Cookie": "a=1; a=2"}).text
    assert "<td>1</td>" in text
    assert "<td>2</td>" in text


# --- Setting ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "name", "value", "attribute"),
    [
        ("/set-cookie", "cookie_name", "cookie_value", "Path=/"),
        ("/set-path-cookie", "path_cookie_name", "path_cookie_value", "Path=/set-path-cookie"),
        ("/set-expiring-cookie", "expiring_cookie_name", "expiring_cookie_value", "Max-Age=15"),
        ("/set-long-lasting-cookie", "long_cookie_name", "long_cookie_value", "Max-Age=34560000"),
        ("/update-cookie", "cookie_name", "updated_value", "Path=/"),
    ],
)
def test_an_address_sets_its_cookie_and_shows_it_from_the_next_request_on(
    client: FlaskClient, address: str, name: str, value: str, attribute: str
) -> None:
    first = client.get(address)
    [line] = first.headers.getlist("Set-Cookie")
    assert line.startswith(f"{name}={value}; ")
    assert attribute in line.split("; ")
    assert lines_shown(first, "Set-Cookie") == [line]
    assert cookies_received(first) == {}
    assert cookies_received(client.get(address)) == {name: value}


def test_a_session_cookie_has_no_age(client: FlaskClient) -> None:
    assert client.get("/set-cookie").headers.getlist("Set-Cookie") == ["cookie_name=cookie_value; Path=/"]


def test_updating_replaces_the_value(client: FlaskClient) -> None:
    client.get("/set-cookie")
    client.get("/update-cookie")
    assert cookies_received(client.get("/")) == {"cookie_name": "updated_value"}


@pytest.mark.parametrize(
    ("address", "comes"),
    [
        ("/set-path-cookie", True),
        ("/set-path-cookie/", True),
        ("/set-path-cookie/x", True),
        ("/set-path-cookie/x/y", True),
        ("/set-path-cookie-alternate", False),
        ("/", False),
        ("/set-cookie", False),
    ],
)
def test_the_path_cookie_comes_only_under_its_path(client: FlaskClient, address: str, comes: bool) -> None:
    client.get("/set-path-cookie")
    answer = client.get(address)
    assert answer.status_code == 200
    assert ("path_cookie_name" in cookies_received(answer)) is comes


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("plain", "value"),
        ("chocolate type", "dark"),
        ("punctuation", "a, b; c=\"d\" 'e' \\f/ %3B"),
        ("letters", "crème brûlée, ßøþ, 饼干, 🍪"),
        ("spaces", "  two before, two behind  "),
        ("empty", ""),
    ],
)
def test_any_value_comes_back_as_it_was_typed(client: FlaskClient, name: str, value: str) -> None:
    answer = client.post("/set-any-cookie", data={"name": name, "value": value})
    assert answer.status_code == 302
    assert len(answer.headers.getlist("Set-Cookie")) == 1
    assert client.get("/api/cookies").json == {name: value}


@pytest.mark.parametrize("name", ["semi;colon", "new\nline", "is=equal"])
def test_a_name_that_no_cookie_can_have_is_explained(client: FlaskClient, name: str) -> None:
    client.post("/set-any-cookie", data={"name": name, "value": "x"})
    answer = client.get("/")
    assert 'class="flash error"' in answer.text
    assert set(cookies_received(answer)) == {"session"}  # the message's


def test_a_form_without_a_name_is_a_bad_request(client: FlaskClient) -> None:
    assert client.post("/set-any-cookie", data={"value": "x"}).status_code == 400


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_is_kept_in_a_cookie(client: FlaskClient, theme: str) -> None:
    [line] = client.post("/theme", data={"theme": theme}).headers.getlist("Set-Cookie")
    assert line.startswith(f"theme={theme}; ")
    assert {"Max-Age=31536000", "SameSite=Lax"} <= set(line.split("; "))
    assert f'data-theme="{theme}"' in client.get("/").text
    client.post("/theme", data={"theme": "auto"})
    assert client.get_cookie("theme") is None
    assert 'data-theme="auto"' in client.get("/").text


# --- Deleting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_deleting_takes_every_cookie_away(client: FlaskClient, method: str) -> None:
    for address in ("set-cookie", "set-path-cookie", "set-expiring-cookie", "set-long-lasting-cookie"):
        client.get(f"/{address}")
    client.post("/set-any-cookie", data={"name": "of my own", "value": "x"})
    client.post("/theme", data={"theme": "dark"})
    client.post("/login", data={"username": "Ada"})
    assert len(cookies_received(client.get("/set-path-cookie/"))) == 7
    answer = client.open("/delete-cookies", method=method)
    assert answer.status_code == 200
    assert lines_shown(answer, "Set-Cookie") == answer.headers.getlist("Set-Cookie")
    assert cookies_received(client.get("/set-path-cookie/")) == {}


def test_deleting_names_the_path_of_the_path_cookie(client: FlaskClient) -> None:
    lines = client.get("/delete-cookies").headers.getlist("Set-Cookie")
    [line] = [line for line in lines if line.startswith("path_cookie_name=; ")]
    assert {"Max-Age=0", "Path=/set-path-cookie"} <= set(line.split("; "))


def test_the_page_says_what_a_tutorial_forgets(client: FlaskClient) -> None:
    assert "forgets the path" in " ".join(client.get("/").text.split())


@pytest.mark.parametrize("header", ["größe=1; a=2", "{x}=1", "=nameless", '"quoted"=1', "\u00e9=1"])
def test_deleting_survives_odd_names(bare_client: FlaskClient, header: str) -> None:
    raw = header.encode().decode("latin-1")
    assert bare_client.get("/delete-cookies", environ_overrides={"HTTP_COOKIE": raw}).status_code == 200


# --- The session ------------------------------------------------------------------------------------------------------


def test_login_is_remembered_and_welcomed_once(client: FlaskClient) -> None:
    answer = client.post("/login", data={"username": "Ada <b>"}, follow_redirects=True)
    assert "Welcome, Ada &lt;b&gt;." in answer.text
    again = client.get("/").text
    assert "Welcome" not in again
    assert "You are logged in as <strong>Ada &lt;b&gt;</strong>" in again


def test_the_session_cookie_is_kept_from_scripts_and_other_sites(client: FlaskClient) -> None:
    [line] = client.post("/login", data={"username": "Ada"}).headers.getlist("Set-Cookie")
    assert line.startswith("session=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(line.split("; "))


def test_logout_forgets_the_name(client: FlaskClient) -> None:
    client.post("/login", data={"username": "Ada"})
    answer = client.post("/logout", follow_redirects=True)
    assert "You are logged out." in answer.text
    assert 'name="username"' in answer.text
    assert client.get("/api/me").json == {"username": None, "theme": None}


def test_a_tampered_session_is_nobody(client: FlaskClient) -> None:
    client.post("/login", data={"username": "Ada"})
    cookie = client.get_cookie("session")
    assert cookie is not None
    client.set_cookie("session", "x" + cookie.value)
    assert client.get("/members").status_code == 401


def test_a_flashed_message_is_shown_once(client: FlaskClient) -> None:
    client.post("/flash", data={"message": "<i>crisp</i>"})
    assert "&lt;i&gt;crisp&lt;/i&gt;" in client.get("/").text
    assert "crisp" not in client.get("/").text


def test_the_page_shows_the_headers_of_the_redirect_and_its_own(client: FlaskClient) -> None:
    first = client.post("/login", data={"username": "Ada"})
    second = client.get(first.location)
    assert lines_shown(second, "Set-Cookie") == [
        *first.headers.getlist("Set-Cookie"),
        *second.headers.getlist("Set-Cookie"),
    ]
    # The page takes the message out of the session, which is on the server: the cookie stays as it is.
    assert len(lines_shown(second, "Set-Cookie")) == 1
    assert "POST /login" in second.text
    assert "302 FOUND" in second.text


def test_the_headers_of_a_redirect_are_shown_once_and_to_who_has_the_ticket(client: FlaskClient) -> None:
    location = client.post("/login", data={"username": "Ada"}).location
    assert "POST /login" not in client.get("/").text
    assert "POST /login" not in client.get("/?after=guess").text
    assert "POST /login" in client.get(location).text
    assert "POST /login" not in client.get(location).text


def test_redirects_that_nobody_follows_are_not_kept_for_ever(client: FlaskClient) -> None:
    for _ in range(120):
        client.get("/moved")
    assert len(redirected) <= 100


# --- Redirects, errors, JSON ------------------------------------------------------------------------------------------


def test_a_redirect_leads_to_the_page(client: FlaskClient) -> None:
    assert client.get("/moved").status_code == 302
    answer = client.get("/moved", follow_redirects=True)
    assert answer.request.path == "/"
    assert "You asked for /moved and were sent here." in answer.text


def test_members_only(client: FlaskClient) -> None:
    answer = client.get("/members")
    assert answer.status_code == 401
    assert "Only members may see this page." in answer.text
    client.post("/login", data={"username": "Ada"})
    assert "you may see the members&#39; page" in client.get("/members", follow_redirects=True).text


def test_a_page_of_our_own_for_what_is_not_there(client: FlaskClient) -> None:
    answer = client.get("/no-such-page")
    assert answer.status_code == 404
    assert "There is nothing at <code>/no-such-page</code>" in answer.text


@pytest.mark.parametrize(("method", "address", "status"), [("POST", "/", 405), ("POST", "/login", 400)])
def test_other_errors_have_a_page_too(client: FlaskClient, method: str, address: str, status: int) -> None:
    answer = client.open(address, method=method)
    assert answer.status_code == status
    assert "Back to the cookies" in answer.text


def test_the_api_answers_json(client: FlaskClient) -> None:
    client.set_cookie("theme", "dark")
    client.post("/login", data={"username": "Ada"})
    with client:
        everything = client.get("/api/cookies")
    assert everything.mimetype == "application/json"
    cookies = json.loads(everything.text)
    assert set(cookies) == {"theme", "session"}
    assert cookies["theme"] == "dark"
    assert client.get("/api/cookies/theme").json == {"name": "theme", "value": "dark"}
    assert client.get("/api/cookies/none").json == {"name": "none", "value": None}
    assert client.get("/api/me").json == {"username": "Ada", "theme": "dark"}


# --- The files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "mimetypes"),
    [
        ("style.css", {"text/css"}),
        ("page.js", {"text/javascript", "application/javascript"}),
        ("tuile.svg", {"image/svg+xml"}),
    ],
)
def test_the_static_files_are_served(client: FlaskClient, name: str, mimetypes: set[str]) -> None:
    with client.get(f"/static/{name}") as answer:
        assert answer.status_code == 200
        assert answer.mimetype in mimetypes
        assert answer.data == (EXAMPLE / "static" / name).read_bytes()


def test_nothing_comes_from_another_site() -> None:
    files = [*EXAMPLE.glob("templates/*"), *EXAMPLE.glob("static/*.css"), *EXAMPLE.glob("static/*.js")]
    assert len(files) >= 5
    assert [path.name for path in files if re.search(r"(https?:)?//[a-z]", path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(("given", "stays"), [("a key from outside", True), ("", False)])
def test_the_secret_key_comes_from_outside_or_is_made_up(
    monkeypatch: pytest.MonkeyPatch, given: str, stays: bool
) -> None:
    monkeypatch.setenv("TUILE_EXAMPLE_SECRET_KEY", given)
    keys = [example_loaded_again(monkeypatch)["app"].secret_key for _ in range(2)]
    assert keys == [given] * 2 if stays else len(set(keys)) == 2
    assert all(len(key) >= 16 for key in keys)


def example_loaded_again(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.delitem(sys.modules, "examples.cookies.app", raising=False)
    return vars(importlib.import_module("examples.cookies.app"))
