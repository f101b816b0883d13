"""WebSockets on the four ASGI servers, with a client of another project."""

from __future__ import annotations

import json
import socket
import struct
import sys
import time
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from tests.doors.serving import Server, serve
from tests.doors.test_asgi_servers import ASGI_SERVERS
from tests.doors.test_servers import SERVERS

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("websockets")

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect


@pytest.fixture(scope="module", params=ASGI_SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if request.param.startswith("gunicorn") and (3, 12) <= sys.version_info < (3, 13, 6):
        pytest.skip("this CPython's event loop breaks where gunicorn writes to a client that left (cpython#136234)")
    command, packages = SERVERS[request.param]
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed; make test installs it")
    command = [part.replace("shop:app", "sockets:app") for part in command]
    with serve(command, tmp_path_factory.mktemp("log") / "output.txt") as started:
        yield started


def name_of(request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.params["server"]).partition(" ")[0]


def open_at(server: Server, path: str, **options: Any) -> Any:
    return connect(f"ws://127.0.0.1:{server.port}{path}", open_timeout=120, close_timeout=120, **options)


def close_of(server: Server, path: str, *messages: str | bytes, **options: Any) -> tuple[int, str]:
    """Send messages, and return how the server closes the WebSocket."""
    with open_at(server, path, **options) as client:
        for message in messages:
            client.send(message)
        with pytest.raises(ConnectionClosed) as raised:
            while True:
                client.recv(20)
        frame = raised.value.rcvd
        assert frame is not None, "no close frame"
        return frame.code, frame.reason


def until_ended(server: Server, name: str, count: int) -> None:
    give_up = time.monotonic() + 30
    while json.loads(server.ask("/ends").body).count(name) < count and time.monotonic() < give_up:
        time.sleep(0.05)
    assert json.loads(server.ask("/ends").body).count(name) >= count


@pytest.mark.parametrize("path", ["/echo", "/sync"])
def test_messages_come_back(server: Server, path: str) -> None:
    with open_at(server, path) as client:
        for message in ("a", b"b", "", b"", "ä🎈", b"\xff" * 90_000, "x" * 90_000):
            client.send(message)
            assert client.recv(20) == message
        for number in range(200):
            client.send(str(number))
        assert [client.recv(20) for _ in range(200)] == [str(number) for number in range(200)]
    until_ended(server, path[1:], 1)


def test_the_handshake_has_headers_and_cookies(server: Server, request: pytest.FixtureRequest) -> None:
    with open_at(server, "/accept", subprotocols=["a", "b"]) as client:
        assert client.subprotocol == "b"
        assert client.recv(20) == "a,b"
        headers = client.response.headers
    is_sent = name_of(request) != "granian"
    assert ("X-Accepted" in headers) is is_sent
    assert ("session=" in headers.get("Set-Cookie", "")) is is_sent


def test_a_refused_handshake_has_its_status(server: Server, request: pytest.FixtureRequest) -> None:
    denies = name_of(request) != "gunicorn"
    for path, status in (("/refused", 401), ("/nothing", 404), ("/ends", 400)):
        with pytest.raises(InvalidStatus) as raised:
            open_at(server, path)
        assert raised.value.response.status_code == (status if denies else 403)
    assert server.ask("/echo").status == 400


def test_each_end_has_its_code(server: Server) -> None:
    assert close_of(server, "/returns") == (1000, "")
    assert close_of(server, "/fails") == (1011, "Internal Server Error")
    assert server.log.read_text(encoding="utf-8").count("KeyError: 'oops'") == 1
    assert close_of(server, "/close") == (4401, "log in")
    assert close_of(server, "/json", "no json") == (1007, "Bad Request")
    assert close_of(server, "/echo", b"x" * 100_001)[0] == 1009


def test_a_receive_with_a_timeout_loses_nothing(server: Server) -> None:
    with open_at(server, "/timeouts") as client:
        for number in range(10):
            client.send(str(number))
            time.sleep(0.004)
        assert client.recv(30) == "0,1,2,3,4,5,6,7,8,9"


@pytest.mark.parametrize("name", ["sends", "waits", "echo", "sync"])
def test_a_client_that_is_lost_ends_the_view(server: Server, name: str) -> None:
    before = json.loads(server.ask("/ends").body).count(name)
    for _ in range(3):
        client = open_at(server, f"/{name}")
        if name in {"echo", "sync"}:
            client.send("a")
            client.recv(20)
        # Without a close frame, as when a computer is switched off, but for the reset.
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with suppress(OSError):
            client.socket.shutdown(socket.SHUT_RDWR)
        client.socket.close()
    until_ended(server, name, before + 3)


def test_a_session_that_is_ended_ends_its_websockets(server: Server) -> None:
    cookie = server.ask("/login", "POST").headers["Set-Cookie"].partition(";")[0]
    with open_at(server, "/user", additional_headers={"Cookie": cookie}) as client:
        assert client.recv(20) == "me"
        assert server.ask("/logout", "POST").text == "out"
        with pytest.raises(ConnectionClosed) as raised:
            client.recv(20)
        assert raised.value.rcvd is not None
        assert (raised.value.rcvd.code, raised.value.rcvd.reason) == (1008, "The session has ended.")


def test_another_site_cannot_use_the_session(server: Server) -> None:
    cookie = server.ask("/login", "POST").headers["Set-Cookie"].partition(";")[0]
    with pytest.raises(InvalidStatus) as raised:
        open_at(server, "/user", additional_headers={"Cookie": cookie}, origin="https://evil.example")
    assert raised.value.response.status_code == 403
    origin = f"http://127.0.0.1:{server.port}"
    with open_at(server, "/user", additional_headers={"Cookie": cookie}, origin=origin) as client:
        assert client.recv(20) == "me"


@pytest.mark.parametrize(
    "frame",
    [
        b"\x81\x82\x00\x00\x00\x00\xff\xfe",  # text that is not UTF-8
        b"\xf1\x80\x00\x00\x00\x00",  # reserved bits
        b"\x81\x01a",  # without a mask
        b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00",  # a length of 8 EiB
        b"\x89\xfe\x00\x80\x00\x00\x00\x00" + bytes(128),  # a ping that is too long
        b"\x88\x81\x00\x00\x00\x00\x03",  # half of a close code
    ],
)
def test_a_frame_that_breaks_the_protocol_ends_only_its_connection(server: Server, frame: bytes) -> None:
    before = json.loads(server.ask("/ends").body).count("echo")
    client = open_at(server, "/echo")
    client.send("a")
    client.recv(20)
    client.socket.sendall(frame)
    with suppress(OSError):
        client.socket.shutdown(socket.SHUT_WR)
    until_ended(server, "echo", before + 1)
    client.socket.close()
    with open_at(server, "/echo") as other:
        other.send("still there")
        assert other.recv(20) == "still there"
