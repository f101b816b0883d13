"""The example's own tests, as its author would write them for Flask."""

import re

import pytest
from app import create_app, fill


@pytest.fixture
def app():
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": "sqlite:///:memory:"})
    with app.app_context():
        fill()
        yield app


@pytest.fixture
def client(app):
    return app.test_client()


def token(page):
    return re.search(r'name="csrf_token" type="hidden" value="([^"]+)"', page.text)[1]


def login(client, password="engine", **fields):
    data = {"name": "ada", "password": password, "csrf_token": token(client.get("/login")), **fields}
    return client.post("/login", data=data)


def test_the_notes_need_a_login(client):
    response = client.get("/")
    assert response.status_code == 302
    assert response.location == "/login?next=%2F"


def test_a_login_leads_to_the_notes(client):
    assert login(client).location == "/"
    assert "None yet." in client.get("/").text


def test_a_wrong_password_is_refused(client):
    assert "Wrong name or password." in login(client, "wrong").text
    assert client.get("/").status_code == 302


def test_a_form_without_a_token_is_refused(client):
    response = client.post("/login", data={"name": "ada", "password": "engine"})
    assert response.status_code == 400
    assert "The CSRF token is missing." in response.text


def test_a_note_is_saved_and_shown(client):
    login(client)
    data = {"title": "Plan <b>", "text": "Sell the boat", "csrf_token": token(client.get("/new"))}
    response = client.post("/new", data=data, follow_redirects=True)
    assert "Saved." in response.text
    assert "Plan &lt;b&gt;" in response.text
    assert "Sell the boat" in client.get("/notes/1").text
    assert client.get("/notes.json").json == [{"id": 1, "title": "Plan <b>", "text": "Sell the boat"}]
    assert client.get("/notes/2").status_code == 404


def test_a_note_needs_a_title(client):
    login(client)
    response = client.post("/new", data={"title": "", "csrf_token": token(client.get("/new"))})
    assert "This field is required." in response.text


def test_who_stays_logged_in_gets_a_cookie(client):
    response = login(client, remember="y")
    assert client.get_cookie("remember_token") is not None
    assert "SameSite=Lax" in response.headers.getlist("Set-Cookie")[0]
    client.delete_cookie("session")
    assert client.get("/").status_code == 200


def test_a_logout_ends_the_login(client):
    login(client, remember="y")
    page = client.get("/")
    client.post("/logout", data={"csrf_token": re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]})
    assert client.get_cookie("remember_token") is None
    assert client.get("/").status_code == 302


def test_the_reset_command_makes_the_database(app):
    assert app.test_cli_runner().invoke(args=["reset"]).exit_code == 0


@pytest.mark.parametrize("path", ["/about", "/health"])
def test_public_pages_need_no_login(client, path):
    assert client.get(path).status_code == 200
