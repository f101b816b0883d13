"""What a tutorial on setting, updating, reading and deleting says, on the program `read_set_update_delete`."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from werkzeug.datastructures import ImmutableMultiDict

from tests.tutorials.programs.read_set_update_delete import app
from tuile import request

if TYPE_CHECKING:
    from tuile.testing import FlaskClient

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture
def client() -> FlaskClient:
    return app.test_client()


def received(client: FlaskClient, address: str = "/") -> dict[str, str]:
    """The cookies that a request to this address carries."""
    with client:
        client.get(address)
        return request.cookies.to_dict()


def attributes(client: FlaskClient, address: str) -> dict[str, str]:
    """The attributes of the one cookie that this address sets."""
    [line] = client.get(address).headers.getlist("Set-Cookie")
    return dict(part.partition("=")[::2] for part in line.split("; ")[1:])


def test_the_first_visit_shows_no_cookies(client: FlaskClient) -> None:
    assert client.get("/").text == "<h1>Cookies:</h1>\n<p>ImmutableMultiDict([])</p>"


def test_the_page_shows_the_cookies_of_the_request_as_text(client: FlaskClient) -> None:
    client.get("/set-cookie")
    shown = "ImmutableMultiDict([(&#39;cookie_name&#39;, &#39;cookie_value&#39;)])"
    assert client.get("/").text == f"<h1>Cookies:</h1>\n<p>{shown}</p>"


def test_a_cookie_is_shown_from_the_second_request_on(client: FlaskClient) -> None:
    assert "cookie_value" not in client.get("/set-cookie").text
    assert "cookie_value" in client.get("/set-cookie").text


def test_the_cookies_of_a_request_cannot_be_changed(client: FlaskClient) -> None:
    client.get("/set-cookie")
    with client:
        client.get("/")
        assert isinstance(request.cookies, ImmutableMultiDict)
        with pytest.raises(TypeError, match="immutable"):
            request.cookies["cookie_name"] = "changed"
        assert request.cookies["cookie_name"] == "cookie_value"


def test_a_cookie_is_read_by_get_and_by_brackets(client: FlaskClient) -> None:
    client.get("/set-cookie")
    with client:
        client.get("/")
        assert request.cookies.get("cookie_name") == request.cookies["cookie_name"] == "cookie_value"
        assert request.cookies.get("no_such_cookie") is None
        with pytest.raises(KeyError):
            request.cookies["no_such_cookie"]


def test_a_cookie_without_an_age_is_a_session_cookie(client: FlaskClient) -> None:
    assert attributes(client, "/set-cookie") == {"Path": "/"}


def test_one_response_sets_as_many_cookies_as_one_likes(client: FlaskClient) -> None:
    lines = client.get("/set-many").headers.getlist("Set-Cookie")
    assert lines == [f"number_{number}={number}; Path=/" for number in range(5)]
    assert received(client) == {f"number_{number}": str(number) for number in range(5)}


def test_setting_again_updates(client: FlaskClient) -> None:
    client.get("/set-cookie")
    client.get("/update-cookie")
    assert received(client) == {"cookie_name": "another_value"}


def test_an_expiring_cookie_says_its_seconds(client: FlaskClient) -> None:
    assert attributes(client, "/set-expiring-cookie")["Max-Age"] == "15"
    assert received(client) == {"expiring_cookie_name": "expiring_cookie_value"}


def test_a_timedelta_becomes_seconds(client: FlaskClient) -> None:
    assert attributes(client, "/set-long-lasting-cookie")["Max-Age"] == str(400 * 24 * 60 * 60)
    assert received(client) == {"long_cookie_name": "long_cookie_value"}


def test_expires_takes_a_date(client: FlaskClient) -> None:
    sent = attributes(client, "/set-dated-cookie")
    assert set(sent) == {"Expires", "Path"}
    in_two_days = time.time() + 2 * 24 * 60 * 60
    assert abs(parsedate_to_datetime(sent["Expires"]).timestamp() - in_two_days) < 5
    assert received(client) == {"dated_cookie_name": "dated_cookie_value"}


@pytest.mark.parametrize("address", ["/set-path-cookie", "/set-path-cookie/", "/set-path-cookie/anything"])
def test_a_path_cookie_comes_under_its_path(client: FlaskClient, address: str) -> None:
    client.get("/set-path-cookie")
    assert received(client, address) == {"path_cookie_name": "path_cookie_value"}


@pytest.mark.parametrize("address", ["/", "/set-path-cookie-alternate", "/set-cookie"])
def test_a_path_cookie_stays_away_from_other_paths(client: FlaskClient, address: str) -> None:
    client.get("/set-path-cookie")
    assert received(client, address) == {}


def test_a_path_cookie_names_its_path(client: FlaskClient) -> None:
    assert attributes(client, "/set-path-cookie") == {"Path": "/set-path-cookie"}


def test_without_a_path_a_cookie_comes_everywhere(client: FlaskClient) -> None:
    client.get("/set-cookie")
    for address in ("/", "/set-path-cookie/deep", "/set-path-cookie-alternate"):
        assert received(client, address) == {"cookie_name": "cookie_value"}


def test_deleting_takes_the_cookies_away(client: FlaskClient) -> None:
    for address in ("/set-cookie", "/set-expiring-cookie", "/set-long-lasting-cookie"):
        client.get(address)
    assert len(received(client)) == 3
    lines = client.get("/delete-cookies").headers.getlist("Set-Cookie")
    names = ["cookie_name", "path_cookie_name", "expiring_cookie_name", "long_cookie_name"]
    assert lines == [f"{name}=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/" for name in names]
    assert received(client) == {}


def test_deleting_without_the_path_leaves_the_path_cookie(client: FlaskClient) -> None:
    client.get("/set-path-cookie")
    client.get("/delete-cookies")
    assert received(client, "/set-path-cookie") == {"path_cookie_name": "path_cookie_value"}


def test_deleting_with_the_path_takes_the_path_cookie_away(client: FlaskClient) -> None:
    client.get("/set-path-cookie")
    client.get("/delete-path-cookie")
    assert received(client, "/set-path-cookie/") == {}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_the_program_runs_from_the_command_line_with_the_reloader() -> None:
    port = free_port()
    command = [sys.executable, "-m", "tuile", "--app", "read_set_update_delete", "run", "--reload", "--port", str(port)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=PROGRAMS, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as server:
        try:
            first = answer_of(f"http://localhost:{port}/set-cookie", server)
        finally:
            # The reloader's child is in the same new process group, and must go as well.
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)
            output = server.communicate(timeout=120)[0].decode()
    assert re.search(r"<h1>Cookies:</h1>", first)
    assert f"Running on http://127.0.0.1:{port}" in output


def answer_of(address: str, server: subprocess.Popen[bytes]) -> str:
    """The body of the page, as soon as the server listens."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(OSError), urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - http, our own
            text: str = answer.read().decode()
            return text
        time.sleep(0.05)
    pytest.fail(f"no answer from {address}")
