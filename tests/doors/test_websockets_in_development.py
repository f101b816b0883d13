"""WebSockets on the development server, with a client of another project."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.doors.serving import SITE, Server, serve
from tests.fresh import clean_environment
from tuile import Flask
from tuile.asgi import for_development

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("websockets")

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

COMMANDS = {
    "tuile run": ["tuile", "--app", "sockets", "run", "--port", "{port}"],
    "with the debugger and the reloader": ["tuile", "--app", "sockets", "--debug", "run", "--port", "{port}"],
}


@pytest.fixture(scope="module", params=COMMANDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(COMMANDS[request.param], tmp_path_factory.mktemp("log") / "output.txt") as started:
        yield started


def open_at(server: Server, path: str, **options: Any) -> Any:
    return connect(f"ws://127.0.0.1:{server.port}{path}", open_timeout=120, close_timeout=120, **options)


def close_of(server: Server, path: str, *messages: str | bytes) -> tuple[int, str]:
    with open_at(server, path) as client:
        for message in messages:
            client.send(message)
        with pytest.raises(ConnectionClosed) as raised:
            while True:
                client.recv(20)
        frame = raised.value.rcvd
        assert frame is not None, "no close frame"
        return frame.code, frame.reason


def until_ended(server: Server, name: str, count: int) -> None:
    give_up = time.monotonic() + 20
    while json.loads(server.ask("/ends").body).count(name) < count and time.monotonic() < give_up:
        time.sleep(0.05)
    assert json.loads(server.ask("/ends").body).count(name) >= count


@pytest.mark.parametrize("path", ["/echo", "/sync"])
def test_messages_come_back(server: Server, path: str) -> None:
    with open_at(server, path) as client:
        for message in ("a", b"b", "", b"", "ä🎈", b"\xff" * 90_000, "x" * 90_000):
            client.send(message)
            assert client.recv(20) == message
        # In fragments.
        client.send(["a", "b", "c"])
        assert client.recv(20) == "abc"
        for number in range(100):
            client.send(str(number))
        assert [client.recv(20) for _ in range(100)] == [str(number) for number in range(100)]
    until_ended(server, path[1:], 1)


def test_the_handshake_has_headers_and_cookies(server: Server) -> None:
    with open_at(server, "/accept", subprotocols=["a", "b"]) as client:
        assert client.subprotocol == "b"
        assert client.recv(20) == "a,b"
        assert client.response.headers["X-Accepted"] == "yes"
        assert "session=" in client.response.headers["Set-Cookie"]


def test_a_refused_handshake_has_its_status(server: Server) -> None:
    for path, status in (("/refused", 401), ("/nothing", 404), ("/ends", 400)):
        with pytest.raises(InvalidStatus) as raised:
            open_at(server, path)
        assert raised.value.response.status_code == status
    assert server.ask("/echo").status == 400


def test_each_end_has_its_code(server: Server) -> None:
    assert close_of(server, "/returns") == (1000, "")
    assert close_of(server, "/fails") == (1011, "Internal Server Error")
    assert close_of(server, "/close") == (4401, "log in")
    assert close_of(server, "/json", "no JSON")[0] == 1007
    assert close_of(server, "/echo", "x" * 200_000)[0] == 1009


def test_a_view_ends_when_its_client_leaves(server: Server) -> None:
    before = json.loads(server.ask("/ends").body).count("echo")
    client = open_at(server, "/echo")
    client.send("a")
    client.recv(20)
    # The client has a thread that reads, so that `close` alone would close nothing.
    client.socket.shutdown(socket.SHUT_RDWR)
    client.socket.close()
    until_ended(server, "echo", before + 1)


def test_a_session_that_is_ended_ends_its_websockets(server: Server) -> None:
    cookie = server.ask("/login", "POST").headers["Set-Cookie"].partition(";")[0]
    with open_at(server, "/user", additional_headers={"Cookie": cookie}) as client:
        assert client.recv(20) == "me"
        assert server.ask("/logout", "POST").text == "out"
        with pytest.raises(ConnectionClosed) as raised:
            client.recv(20)
        assert raised.value.rcvd is not None
        assert raised.value.rcvd.code == 1008


def test_an_application_without_websockets_is_served_as_it_is() -> None:
    app = Flask(__name__)
    assert for_development(app) == (app, "")
    assert for_development(app.wsgi_app) == (app.wsgi_app, "")


def test_without_the_package_the_developer_is_told() -> None:
    program = (
        "import sys; sys.modules['websockets'] = None\n"
        "from sockets import app\nfrom tuile.asgi import for_development\n"
        "called, hint = for_development(app)\nprint(called is app, hint)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=SITE, env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert "True This application has WebSockets" in done.stdout, done.stderr
    assert "pip install websockets" in done.stdout
