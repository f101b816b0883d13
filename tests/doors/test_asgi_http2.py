"""HTTP/2 through hypercorn: hosts in pseudo-headers, bodies without a length, cookies in several headers."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from tests.doors.serving import serve
from tests.doors.test_servers import SERVERS

pytest.importorskip("hypercorn", reason="hypercorn is not installed; make test installs it")

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.doors.serving import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    command = [part.replace("shop:app", "small:app") for part in SERVERS["hypercorn ASGI"][0]]
    with serve(command, tmp_path_factory.mktemp("log") / "output.txt") as started:
        yield started


def ask(server: Server, method: str, path: str, headers: list[tuple[str, str]], body: bytes = b"") -> tuple[str, bytes]:
    """Send one request by HTTP/2 without TLS, and return the status and the body."""
    # Cookies in one header are what is normalised.
    config = H2Configuration(normalize_outbound_headers=False)
    connection, status, received = H2Connection(config), "", b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as line:
        connection.initiate_connection()
        pseudo = [(":method", method), (":scheme", "http"), (":authority", "shop.example"), (":path", path)]
        connection.send_headers(1, [*pseudo, *headers], end_stream=not body)
        for start in range(0, len(body), 10_000):
            connection.send_data(1, body[start : start + 10_000], end_stream=start + 10_000 >= len(body))
        while True:
            line.sendall(connection.data_to_send())
            for event in connection.receive_data(line.recv(65_536)):
                if isinstance(event, ResponseReceived):
                    status = dict(event.headers)[b":status"].decode()
                elif isinstance(event, DataReceived):
                    received += event.data
                elif isinstance(event, StreamEnded | StreamReset):
                    return status, received


def test_the_authority_is_the_host_and_cookies_are_joined(server: Server) -> None:
    status, body = ask(server, "GET", "/cookies", [("cookie", "a=1"), ("cookie", "b=2")])
    assert (status, json.loads(body)) == ("200", ["shop.example", {"a": "1", "b": "2"}])


def test_a_body_needs_no_length(server: Server) -> None:
    assert ask(server, "POST", "/count", [], b"x" * 50_000) == ("200", b"50000")
