"""What public reports say goes wrong on ASGI servers, and what else servers have to do with, on four of them.

Each number is a check, with the reports and its tests. Those of other files are there because they need no server.

1. Extensions run unmodified (pallets/flask#4661):
   test_four_extensions_answer_as_under_wsgi
2. There is one loop (GoogleCloudPlatform/cloud-sql-python-connector#1168):
   test_a_client_of_the_first_request_works_in_the_next
   test_all_coroutine_functions_share_one_loop
3. No upload is in memory (Kludex/uvicorn#371):
   test_an_upload_is_not_in_memory
   one that nobody reads: asgi/test_requests
4. A request may set its limit (pallets/quart#477):
   test_a_view_sets_the_limit_of_its_request
5. Streams end with their client (falconry/falcon#2015, emmett-framework/granian#286):
   test_an_endless_stream_is_closed_when_its_client_leaves
6. A generator that never waits lets others run (Kludex/starlette#1775):
   test_a_generator_that_never_waits_lets_others_run
7. Clients that leave take no worker with them (abersheeran/a2wsgi#48):
   test_clients_that_leave_take_no_worker_with_them
8. Views run at the same time (django/asgiref#218):
   test_synchronous_views_run_at_the_same_time
9. Background tasks take no worker (Kludex/starlette#1724):
   test_background_tasks_delay_no_view
10. Context variables go through (fastapi/fastapi#953, Kludex/starlette#1258, hynek/structlog#491):
   test_a_context_variable_is_seen_in_the_whole_request_and_not_in_the_next
11. One thread for a request (mfreeborn/fastapi-sqlalchemy#45, brockamer/findajob#486):
   test_a_connection_stays_in_the_thread_of_its_request
12. Contexts are left where they were entered (emmett-framework/granian#80):
   test_no_token_gets_to_another_context
13. Cookie headers are joined (emmett-framework/granian#539, #717):
   test_repeated_headers_are_joined
   by HTTP/2: test_asgi_http2
14. A prefix counts once (django/asgiref#424, Kludex/starlette#1336, getsentry/sentry-python#6577):
   test_a_prefix_is_in_urls_once
   other forms: asgi/test_scopes
15. Refusals arrive (Kludex/starlette#1362, Kludex/uvicorn#811, fastapi/fastapi#572):
   test_websockets: test_a_refused_handshake_has_its_status
   test_each_end_has_its_code
16. A task outlives its client (Kludex/starlette#1438):
   test_a_background_task_outlives_its_client
17. A generator is closed after its `next` (Screenly/Anthias#3074):
   test_a_generator_is_closed_after_the_piece_that_it_makes
18. Subprotocols are split (emmett-framework/granian#815):
   test_websockets: test_the_handshake_has_headers_and_cookies
19. Each end has its code, and one line in the log (Kludex/uvicorn#2795):
   test_websockets: test_each_end_has_its_code
20. The right protocol is guessed (fastapi/fastapi#809, Kludex/uvicorn#607):
   test_servers
   test_hypercorn_without_a_prefix_takes_the_wsgi_side
   test_granian_says_which_interface_to_choose
21. Flask-Sock runs unmodified (miguelgrinberg/flask-sock#58):
   test_websockets_of_flask_sock_are_served
22. A generator is closed before the call returns (litestar-org/litestar#4394):
   test_an_endless_stream_is_closed_when_its_client_leaves
   errors and cancelled requests: asgi/test_async_streams
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from tests.doors.serving import Server, serve
from tests.doors.test_servers import SERVERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytest.importorskip("websockets")

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

ASGI_SERVERS = [name for name in SERVERS if name.endswith(" ASGI")]
EXTENSIONS = [name for name in ("flask_login", "flask_session", "flask_sqlalchemy", "flask_wtf") if not find_spec(name)]
pytestmark = pytest.mark.skipif(bool(EXTENSIONS), reason=f"{', '.join(EXTENSIONS)} is not installed")
#: How each server is told that a proxy serves the application below a prefix.
PREFIXES = {
    "uvicorn ASGI": ["--root-path", "/api"],
    "granian ASGI": ["--url-path-prefix", "/api"],
    "hypercorn ASGI": ["--root-path", "/api"],
    "gunicorn ASGI": ["--root-path", "/api"],
}


def command_of(name: str, target: str) -> list[str]:
    """Return the command of a server, or skip the test."""
    if name.startswith("gunicorn ASGI") and (3, 12) <= sys.version_info < (3, 13, 6):
        pytest.skip("this CPython's event loop breaks where gunicorn writes to a client that left (cpython#136234)")
    command, packages = SERVERS[name]
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed; make test installs it")
    return [part.replace("shop:app", target) for part in command]


@pytest.fixture(scope="module", params=ASGI_SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("log") / "output.txt"
    with serve(command_of(request.param, "reports:served"), log) as started:
        yield started


def events_of(server: Server, *kinds: str) -> list[Any]:
    return [event for event in json.loads(server.ask("/events").body) if event[0] in kinds]


def wait_for(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up, "it does not happen"
        time.sleep(0.02)


def leave_after(server: Server, path: str, size: int) -> None:
    """Read the first bytes of a response, and go."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    connection.request("GET", path)
    assert len(connection.getresponse().read(size)) == size
    connection.close()


# --- extensions -------------------------------------------------------------------------------------------------------


def visit(server: Server) -> list[Any]:
    """Use the application of members, and return what a client sees, without what differs each time."""
    cookies: dict[str, str] = {}
    seen: list[Any] = []

    def ask(path: str, method: str = "GET", form: dict[str, str] | None = None) -> str:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer = server.ask(path, method, None if form is None else urlencode(form), headers)
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            cookies[name] = value
        lines = [
            f"{name.lower()}: {re.sub('session=[^;]+', 'session=ID', re.sub('Expires=[^;]+', 'Expires=SOON', value))}"
            for name, value in answer.headers.items()
            if name.lower() not in {"connection", "date", "keep-alive", "server", "transfer-encoding", "via"}
        ]
        seen.append([answer.status, lines, re.sub(r'value="[\w.-]{60,}"', 'value="TOKEN"', answer.text)])
        return answer.text

    ask("/me")
    page = ask("/enter")
    (token,) = re.findall(r'value="([\w.-]{60,})"', page)
    ask("/enter", "POST", {"csrf_token": token, "name": ""})
    ask("/enter", "POST", {"csrf_token": "forged", "name": "ada"})
    ask("/enter", "POST", {"csrf_token": token, "name": "ada"})
    for path in ("/me", "/me", "/me/async", "/me/nothing"):
        ask(path)
    ask("/leave", "POST")
    ask("/me")
    ask("/me/async", "HEAD")
    return seen


@pytest.fixture(scope="module")
def seen_under_wsgi(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    log = tmp_path_factory.mktemp("log") / "output.txt"
    with serve(command_of("gunicorn gthread", "members:app"), log) as started:
        return visit(started)


def test_four_extensions_answer_as_under_wsgi(server: Server, seen_under_wsgi: list[Any]) -> None:
    seen = visit(server)
    for one, other in zip(seen, seen_under_wsgi, strict=True):
        assert one == other
    assert [status for status, _, _ in seen] == [302, 200, 200, 200, 302, 200, 200, 200, 404, 302, 302, 302]
    assert json.loads(seen[6][2]) == {"name": "ada", "visits": 2, "told": []}


# --- the event loop ---------------------------------------------------------------------------------------------------


def test_a_client_of_the_first_request_works_in_the_next(server: Server) -> None:
    texts = [str(number) for number in range(100)]
    assert server.ask("/client/first").text == "first"
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda text: server.ask(f"/client/{text}").text, texts)) == texts


def test_all_coroutine_functions_share_one_loop(server: Server) -> None:
    assert server.ask("/client/x").text == "x"
    assert server.ask("/hooked").text == "in a thread"
    with connect(f"ws://127.0.0.1:{server.port}/loops", open_timeout=120, close_timeout=120) as client:
        loops = json.loads(client.recv(20))
    assert sorted(loops) == ["hook", "serving", "view", "websocket"]
    assert len(set(loops.values())) == 1


def test_a_generator_that_never_waits_lets_others_run(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    connection.request("GET", "/endless/async/others")
    response = connection.getresponse()
    try:
        for number in range(10):
            response.read(1000)
            assert server.ask(f"/client/{number}").text == str(number)
            assert server.ask("/hello").text == "hello"
    finally:
        connection.close()


# --- bodies -----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells the memory of a process")
@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("chunked", [False, True])
def test_an_upload_is_not_in_memory(server: Server, chunked: bool, kind: str) -> None:
    pieces, piece = 1024, bytes(256 * 1024)
    headers = {} if chunked else {"Content-Length": str(pieces * len(piece))}
    before = int(server.ask("/memory").text)
    answer = server.ask(f"/upload/{kind}", "POST", iter([piece] * pieces), headers)
    assert answer.text == str(pieces * len(piece))
    # It is 256 MiB.
    assert int(server.ask("/memory").text) - before < 16 * 1024


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("limit", "status"), [("2000", 200), ("10", 413), ("app", 413)])
def test_a_view_sets_the_limit_of_its_request(server: Server, limit: str, status: int, chunked: bool) -> None:
    body = iter([b"x" * 100] * 15) if chunked else b"x" * 1500
    answer = server.ask(f"/limit/{limit}", "POST", body)
    assert answer.status == status
    assert status != 200 or answer.text == "1500"


# --- clients that leave -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_an_endless_stream_is_closed_when_its_client_leaves(server: Server, kind: str) -> None:
    paths = [f"/endless/{kind}/{number}" for number in range(3)]
    for path in paths:
        leave_after(server, path, 3000)
    wait_for(lambda: {path for _, path in events_of(server, "returned")} >= set(paths))
    told = [event for event in events_of(server, "closed", "returned") if event[1] in paths]
    for path in paths:
        # Closed before the server gets control back, in its own thread, with its request.
        assert [event for event in told if event[1] == path] == [["closed", path, True], ["returned", path]]


def test_clients_that_leave_take_no_worker_with_them(server: Server) -> None:
    for _ in range(40):
        leave_after(server, "/large", 1000)
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(lambda _: server.ask("/together").text, range(8))) == list("01234567")


def test_a_generator_is_closed_after_the_piece_that_it_makes(server: Server) -> None:
    path = "/waiting/x"
    leave_after(server, path, 1000)
    # The server has time to notice that the client has left, while the generator waits.
    time.sleep(0.2)
    assert events_of(server, "next ended") == []
    server.ask("/waiting", "POST")
    wait_for(lambda: any(event[1] == path for event in events_of(server, "closed")))
    told = [event for event in events_of(server, "next ended", "went on", "closed") if event[1] == path]
    assert told == [["next ended", path], ["closed", path, True]]


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_view_learns_that_its_client_has_left(server: Server, kind: str) -> None:
    path = f"/asks/{kind}/x"
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        # The view begins to ask meanwhile.
        assert server.ask("/hello").text == "hello"
        time.sleep(0.05)
    wait_for(lambda: ["asked", path, True] in events_of(server, "asked"))


def test_a_generator_that_yields_nothing_for_a_while_is_closed(server: Server) -> None:
    leave_after(server, "/pauses/x", 1000)
    wait_for(lambda: ["closed", "/pauses/x"] in events_of(server, "closed"))


def test_a_background_task_outlives_its_client(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as line:
        line.sendall(b"POST /background/1?name=left HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        assert line.recv(1000).startswith(b"HTTP/1.1 200")
    assert server.ask("/hello").text == "hello"
    server.ask("/background/end", "POST")
    wait_for(lambda: ["worked", "left"] in events_of(server, "worked"))


# --- threads ----------------------------------------------------------------------------------------------------------


def test_synchronous_views_run_at_the_same_time(server: Server) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(lambda _: server.ask("/together").text, range(8))) == list("01234567")


def test_background_tasks_delay_no_view(server: Server) -> None:
    before = len(events_of(server, "worked"))
    server.ask("/background/begin", "POST")
    assert server.ask("/background/100?name=many", "POST").text == "started"
    for _ in range(20):
        assert server.ask("/hello").text == "hello"
    # None has ended meanwhile.
    assert len(events_of(server, "worked")) == before
    server.ask("/background/end", "POST")
    wait_for(lambda: len(events_of(server, "worked")) == before + 100)


@pytest.mark.parametrize("path", ["/variable", "/variable/sync"])
def test_a_context_variable_is_seen_in_the_whole_request_and_not_in_the_next(server: Server, path: str) -> None:
    def ask(number: int) -> tuple[str, str | None]:
        answer = server.ask(f"{path}?n={number}")
        return answer.text, answer.headers["X-After"]

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(60))) == [(str(number), str(number)) for number in range(60)]
    assert events_of(server, "not unset", "lost in teardown") == []


def test_a_connection_stays_in_the_thread_of_its_request(server: Server) -> None:
    paths = [f"/database/{kind}/{number}" for number in range(100, 140) for kind in ("view", "async", "stream")]
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(server.ask, paths))
    assert [(answer.status, answer.text) for answer in answers] == [(200, path.rpartition("/")[2]) for path in paths]
    assert events_of(server, "threads") == []


def test_no_token_gets_to_another_context(server: Server) -> None:
    paths = [f"/tokens/{number}" for number in range(200)]
    with ThreadPoolExecutor(16) as pool:
        assert [answer.text for answer in pool.map(server.ask, paths)] == [path * 3 for path in paths]
    assert events_of(server, "left behind") == []


# --- scopes -----------------------------------------------------------------------------------------------------------


def test_repeated_headers_are_joined(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as line:
        lines = ["Host: x", "Cookie: a=1", "Cookie: b=2", "X-Some: 1", "X-Some: 2", "Connection: close"]
        line.sendall("\r\n".join(["GET /cookies HTTP/1.1", *lines, "", ""]).encode())
        received = b"".join(iter(lambda: line.recv(4096), b""))
    assert json.loads(received.partition(b"\r\n\r\n")[2]) == [{"a": "1", "b": "2"}, "1,2"]


@pytest.mark.parametrize("name", PREFIXES)
def test_a_prefix_is_in_urls_once(name: str, tmp_path: Path) -> None:
    # Some proxies cut the prefix off. uvicorn expects that, and adds it to every path.
    paths = ["/root"] if name == "uvicorn ASGI" else ["/api/root", "/root"]
    with serve([*command_of(name, "small:app"), *PREFIXES[name]], tmp_path / "output.txt") as server:
        for path in paths:
            url = f"http://127.0.0.1:{server.port}/api/root"
            assert json.loads(server.ask(path).body) == ["/root", "/api", "/api/root", url]


def test_hypercorn_without_a_prefix_takes_the_wsgi_side(tmp_path: Path) -> None:
    command = [part.removeprefix("asgi:") for part in command_of("hypercorn ASGI", "shop:app")]
    with serve(command, tmp_path / "output.txt") as server:
        assert server.ask("/hello/you").text == "hello you"


def test_granian_says_which_interface_to_choose(tmp_path: Path) -> None:
    # Its default is RSGI.
    command = ["tuile", "exec", "granian", "--host", "127.0.0.1", "--port", "{port}", "small:app"]
    log = tmp_path / "output.txt"
    with suppress(AssertionError), serve(command, log):
        pass
    assert "granian --interface asgi" in log.read_text(encoding="utf-8")


# --- Flask-Sock -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not find_spec("flask_sock"), reason="Flask-Sock is not installed; make venv installs it")
def test_websockets_of_flask_sock_are_served(server: Server) -> None:
    def open_at(path: str, **options: Any) -> Any:
        return connect(f"ws://127.0.0.1:{server.port}/sock{path}", open_timeout=100, close_timeout=100, **options)

    def end_of(client: Any) -> tuple[int, str]:
        with pytest.raises(ConnectionClosed) as raised:
            client.recv(20)
        assert raised.value.rcvd is not None
        return raised.value.rcvd.code, raised.value.rcvd.reason

    with open_at("/echo") as client:
        for message in ("a", b"b", "", b"", "ä🎈", b"\xff" * 90_000, "x" * 200_000, "y" * 125, "z" * 126):
            client.send(message)
            assert client.recv(20) == message
        for number in range(100):
            client.send(str(number))
        assert [client.recv(20) for _ in range(100)] == [str(number) for number in range(100)]
    with open_at("/hello/ada?q=1", subprotocols=["a", "b"]) as client:
        assert client.subprotocol == "b"
        assert client.recv(20) == "ada 1 None b"
        assert end_of(client) == (1000, "")
    with open_at("/close") as client:
        assert end_of(client) == (4001, "bye")
    with open_at("/fails") as client:
        assert end_of(client)[0] == 1011
    client = open_at("/echo")
    # Without a close frame.
    client.socket.shutdown(socket.SHUT_RDWR)
    client.close()
    wait_for(lambda: json.loads(server.ask("/sock/ends").body) == ["echo", "echo"])


# --- what else servers have to do with --------------------------------------------------------------------------------


def test_nothing_of_this_was_an_error(server: Server) -> None:
    # Tokens of other contexts, generators that run already, connections of other threads, loops that are closed.
    log = server.log.read_text(encoding="utf-8").replace("RuntimeError: on purpose", "")
    for name in ("ValueError:", "ProgrammingError:", "RuntimeError:"):
        assert name not in log


def test_a_stream_that_fails_does_not_look_whole(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
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


def test_headers_with_an_underscore_are_dropped(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as connection:
        lines = ["GET /user HTTP/1.1", "Host: x", "X_User: root", "Connection: close"]
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        received = b"".join(iter(lambda: connection.recv(4096), b""))
    assert json.loads(received.partition(b"\r\n\r\n")[2]) == [None]


def test_a_websocket_is_refused(server: Server) -> None:
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    # The URL is one for requests (400), without an answer in HTTP (403), or the server knows no WebSockets (200).
    assert server.ask("/hello", headers=headers).status in {200, 400, 403}


def test_the_server_stops_when_it_is_told_to(server: Server) -> None:
    # The last test of each server.
    server.ask("/hello")
    server.process.terminate()
    server.process.wait(100)
