"""Streams of events on popular servers, whose sessions are ended while they are open."""

from __future__ import annotations

import http.client
import json
import sys
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.doors.serving import Server, serve
from tests.doors.test_asgi_servers import ASGI_SERVERS
from tests.doors.test_servers import SERVERS
from tuile import Flask

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", params=[*ASGI_SERVERS, "tuile run", "gunicorn gthread", "waitress"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if request.param == "gunicorn ASGI" and (3, 12) <= sys.version_info < (3, 13, 6):
        pytest.skip("this CPython's event loop breaks where gunicorn writes to a client that left (cpython#136234)")
    command, packages = SERVERS[request.param]
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed; make test installs it")
    command = ["news" if part == "shop" else part.replace("shop:app", "news:app") for part in command]
    with serve(command, tmp_path_factory.mktemp("log") / "output.txt") as started:
        yield started


@pytest.mark.parametrize("kind", ["generator", "asynchronous"])
@pytest.mark.parametrize("where", ["in this process", "in another process"])
def test_a_stream_ends_when_its_session_is_ended(server: Server, kind: str, where: str) -> None:
    answer = server.ask("/login", "POST")
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    before = json.loads(server.ask("/ends").body).count(kind)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    try:
        connection.request("GET", f"/{kind}", headers={"Cookie": cookie})
        response = connection.getresponse()
        assert [response.readline() for _ in range(4)] == [b":\n", b"\n", b"data: first\n", b"\n"]
        if where == "in this process":
            assert server.ask("/logout", "POST", headers={"Cookie": cookie}).text == "out"
        else:
            other = Flask(__name__)
            other.config["SESSION_STORE"] = answer.text
            other.sessions.end_all("me")
        response.read()
    finally:
        connection.close()
    give_up = time.monotonic() + 20
    while json.loads(server.ask("/ends").body).count(kind) == before and time.monotonic() < give_up:
        time.sleep(0.05)
    assert json.loads(server.ask("/ends").body).count(kind) == before + 1
