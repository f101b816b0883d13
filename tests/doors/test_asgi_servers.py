"""ASGI servers: clients that leave, streams that fail, uploads, threads and the event loop."""

from __future__ import annotations

import http.client
import json
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from tests.doors.serving import Server, serve
from tests.doors.test_servers import SERVERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ASGI_SERVERS = [name for name in SERVERS if name.endswith(" ASGI")]


@pytest.fixture(scope="module", params=ASGI_SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if request.param.startswith("gunicorn") and (3, 12) <= sys.version_info < (3, 13, 6):
        pytest.skip("this CPython's event loop breaks where gunicorn writes to a client that left (cpython#136234)")
    command, packages = SERVERS[request.param]
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed; make test installs it")
    command = [part.replace("shop:app", "busy:app") for part in command]
    with serve(command, tmp_path_factory.mktemp("log") / "output.txt") as started:
        yield started


def events_of(server: Server) -> Any:
    return json.loads(server.ask("/events").body)


def test_a_stream_is_closed_in_its_thread_when_its_client_leaves(server: Server) -> None:
    for number in range(3):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", f"/endless?n={number}")
        assert connection.getresponse().read(3000) == b"x" * 3000
        connection.close()
    give_up = time.monotonic() + 20
    while len(events_of(server)) < 3 and time.monotonic() < give_up:
        time.sleep(0.05)
    assert sorted(events_of(server)) == [[str(number), True] for number in range(3)]


def test_a_stream_that_fails_does_not_look_whole(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("GET", "/fails")
        with pytest.raises((http.client.HTTPException, OSError)):
            # Some servers find the error before they have sent the start: then they say 500.
            response = connection.getresponse()
            response.read()
            if response.status == 500:
                raise http.client.HTTPException
    finally:
        connection.close()


@pytest.mark.parametrize("chunked", [False, True])
def test_an_upload_is_read_in_pieces(server: Server, chunked: bool) -> None:
    pieces, piece = 64, bytes(256 * 1024)
    headers = {} if chunked else {"Content-Length": str(pieces * len(piece))}
    answer = server.ask("/count", "POST", iter([piece] * pieces), headers)
    assert answer.text == str(pieces * len(piece))


def test_synchronous_views_run_at_the_same_time(server: Server) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: server.ask("/together").text, range(8)))
    assert sorted(answers) == list("01234567")


def test_asynchronous_views_share_one_loop(server: Server) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(lambda _: server.ask("/loop").text, range(12)))) == 1


def test_headers_with_an_underscore_are_dropped_and_repeated_ones_joined(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        lines = ["GET /repeated HTTP/1.1", "Host: x", "X_User: root", "X-Some: 1", "X-Some: 2", "Connection: close"]
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        received = b"".join(iter(lambda: connection.recv(4096), b""))
    assert json.loads(received.partition(b"\r\n\r\n")[2]) == ["1,2", None]


def test_a_websocket_is_refused(server: Server) -> None:
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    # The URL is one for requests (400), without an answer in HTTP (403), or the server knows no WebSockets (200).
    assert server.ask("/loop", headers=headers).status in {200, 400, 403}


def test_granian_says_which_interface_to_choose(tmp_path: Path) -> None:
    # Its default is RSGI.
    command = ["tuile", "exec", "granian", "--host", "127.0.0.1", "--port", "{port}", "busy:app"]
    log = tmp_path / "output.txt"
    with suppress(AssertionError), serve(command, log):
        pass
    assert "granian --interface asgi" in log.read_text(encoding="utf-8")


def test_the_server_stops_when_it_is_told_to(server: Server) -> None:
    # The last test of each server.
    server.ask("/loop")
    server.process.terminate()
    server.process.wait(20)
