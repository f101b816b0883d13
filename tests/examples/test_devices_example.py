"""The example that shows where a user is logged in: examples/devices."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import pytest

from examples.devices.app import app, device

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tuile.testing import FlaskClient

PHONE = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"
DESK = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(app.config, "SESSION_STORE", f"sqlite:///{tmp_path / 'sessions.db'}")
    yield
    app._kept_store = None


def browser(agent: str, address: str = "192.0.2.1") -> FlaskClient:
    client = app.test_client()
    client.environ_base.update(HTTP_USER_AGENT=agent, REMOTE_ADDR=address, HTTP_SEC_FETCH_SITE="same-origin")
    return client


def log_in(client: FlaskClient, user: str = "ada") -> FlaskClient:
    assert client.post("/login", data={"user": user}).status_code == 302
    return client


def rows(client: FlaskClient) -> list[tuple[str, str, bool]]:
    """Device, address and whether it is marked, of each row of the page."""
    found = re.findall(
        r"<tr( aria-current=\"true\")?>\s*<th scope=\"row\".*?>(.*?)</th>\s*<td>(.*?)</td>", client.get("/").text
    )
    return [(unescape(re.sub(" <b>.*", "", name)), address, bool(mark)) for mark, name, address in found]


def handle(client: FlaskClient) -> str:
    cookie = client.get_cookie("session")
    assert cookie is not None
    return cookie.value.partition(".")[0]


def who(client: FlaskClient) -> str | None:
    found: dict[str, str | None] = client.get("/api/me").get_json()
    return found["user"]


def test_a_visitor_is_asked_to_log_in_and_gets_no_cookie() -> None:
    answer = browser(PHONE).get("/")
    assert "Log in" in answer.text
    assert "Set-Cookie" not in answer.headers


def test_each_device_is_listed_and_the_current_one_is_marked() -> None:
    phone, desk = log_in(browser(PHONE, "192.0.2.1")), log_in(browser(DESK, "192.0.2.2"))
    log_in(browser(DESK), "bob")
    phone_row, desk_row = ("Chrome on Android", "192.0.2.1"), ("Firefox on Windows", "192.0.2.2")
    assert sorted(rows(desk)) == [(*phone_row, False), (*desk_row, True)]
    assert sorted(rows(phone)) == [(*phone_row, True), (*desk_row, False)]


def test_one_is_ended_from_the_other() -> None:
    phone, desk = log_in(browser(PHONE)), log_in(browser(DESK))
    assert desk.post("/end", data={"handle": handle(phone)}).status_code == 302
    assert (who(phone), who(desk)) == (None, "ada")
    assert len(rows(desk)) == 1


def test_the_others_are_ended() -> None:
    phone, desk = log_in(browser(PHONE)), log_in(browser(DESK))
    assert "Logged out elsewhere: 1." in desk.post("/end-others", follow_redirects=True).text
    assert (who(phone), who(desk)) == (None, "ada")


def test_all_are_ended() -> None:
    phone, desk, other = log_in(browser(PHONE)), log_in(browser(DESK)), log_in(browser(DESK), "bob")
    desk.post("/end-all")
    assert (who(phone), who(desk), who(other)) == (None, None, "bob")


def test_nobody_ends_the_session_of_somebody_else() -> None:
    ada, bob = log_in(browser(PHONE)), log_in(browser(DESK), "bob")
    assert bob.post("/end", data={"handle": handle(ada)}).status_code == 404
    assert browser(DESK).post("/end", data={"handle": handle(ada)}).status_code == 401
    assert [browser(DESK).post(path).status_code for path in ("/end-others", "/end-all")] == [401, 401]
    assert who(ada) == "ada"


def test_another_site_cannot_post_here() -> None:
    phone = log_in(browser(PHONE))
    answer = phone.post("/end-all", headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert who(phone) == "ada"


def test_a_logout_ends_the_session_for_copies_of_the_cookie_too() -> None:
    phone, thief = log_in(browser(PHONE)), browser(DESK)
    cookie = phone.get_cookie("session")
    assert cookie is not None
    thief.set_cookie("session", cookie.value)
    assert who(thief) == "ada"
    phone.post("/logout")
    assert who(thief) is None
    assert phone.get_cookie("session") is None


def test_the_name_of_a_device_is_text() -> None:
    hostile = "<script>alert(1)</script>"
    assert f'title="{hostile}"' not in log_in(browser(hostile)).get("/").text
    assert device(hostile) == device("") == "A browser"
    assert device("curl/8.0") == "curl"
