"""WebSockets of the test client, from plain tests."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from tuile import Flask, Response, abort, session, websocket
from tuile.exceptions import WebSocketDisconnect
from tuile.testing import WebSocketRefused


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.config.update(SECRET_KEY="6a1f0c9e5b7d4e2f8a3b05d7c1e94b26", TESTING=True)
    rooms: dict[str, asyncio.Queue[str]] = {}

    @app.websocket("/echo")
    async def echo() -> None:
        async for message in websocket:
            await websocket.send(message)

    @app.websocket("/sync")
    def sync() -> None:
        websocket.send_json({"path": websocket.path, "name": websocket.args.get("name")})
        websocket.send_json(websocket.receive_json())

    @app.websocket("/session")
    async def with_session() -> None:
        session["count"] = session.get("count", 0) + 1
        await websocket.accept(headers={"X-Count": str(session["count"])}, subprotocol="b")
        await websocket.close(4001, "enough")

    @app.websocket("/refused")
    async def refused() -> Any:
        session["seen"] = True
        abort(Response("no", 401, {"X-Why": "because"}))

    @app.websocket("/broken")
    async def broken() -> None:
        if "late" in websocket.args:
            await websocket.accept()
        raise KeyError("oops")

    @app.websocket("/endless")
    async def endless() -> None:
        while True:
            await websocket.send("x" * 100)

    @app.websocket("/silent")
    async def silent() -> None:
        await websocket.accept()
        await asyncio.Event().wait()

    @app.websocket("/pair/<name>")
    async def pair(name: str) -> None:
        await websocket.accept()
        queue = rooms.setdefault("room", asyncio.Queue())
        if name == "taker":
            await websocket.send(await queue.get())
        else:
            queue.put_nowait("hello")

    app.add_url_rule("/count", view_func=lambda: str(session.get("count")), endpoint="count")
    app.add_url_rule("/seen", view_func=lambda: str(session.get("seen")), endpoint="seen")
    return app


def test_messages_go_there_and_back(app: Flask) -> None:
    with app.test_client().websocket("/echo") as socket:
        for message in ("a", b"b", "", "ö"):
            socket.send(message)
            assert socket.receive() == message
        with pytest.raises(TypeError, match="int"):
            socket.send(1)  # type: ignore[arg-type] # what is tested
        socket.close()
    with app.test_client().websocket("/sync", query_string={"name": "me"}) as socket:
        assert socket.receive_json() == {"path": "/sync", "name": "me"}
        socket.send_json([1])
        assert list(socket) == ["[1]"]
        assert (socket.close_code, socket.close_reason) == (1000, "")


def test_cookies_come_and_go_with_the_handshake(app: Flask) -> None:
    client = app.test_client()
    for count in (1, 2):
        with client.websocket("/session", subprotocols=["a", "b"]) as socket:
            assert socket.headers["X-Count"] == str(count)
            assert socket.subprotocol == "b"
            for use in (socket.receive, socket.receive, lambda: socket.send("a")):
                with pytest.raises(WebSocketDisconnect) as raised:
                    use()
                assert (raised.value.code, raised.value.reason) == (4001, "enough")
        assert client.get("/count").text == str(count)


def test_a_client_with_a_browser_keeps_them_too(app: Flask) -> None:
    client = app.test_client(browser="chromium")
    with client.websocket("/session", subprotocols=["b"]) as socket:
        assert socket.headers["X-Count"] == "1"
    assert client.get("/count").text == "1"


def test_a_refused_handshake_raises_with_the_response(app: Flask) -> None:
    client = app.test_client()
    with pytest.raises(WebSocketRefused) as raised:
        with client.websocket("/refused"):
            raise AssertionError
    assert raised.value.status_code == 401
    assert (raised.value.response.text, raised.value.response.headers["X-Why"]) == ("no", "because")
    assert client.get("/seen").text == "True"
    with pytest.raises(WebSocketRefused, match="404"):
        client.websocket("/nothing").__enter__()


@pytest.mark.parametrize("url", ["/broken", "/broken?late=1"])
def test_an_error_of_the_view_is_raised_in_the_test(app: Flask, url: str) -> None:
    with pytest.raises(KeyError, match="oops"):
        with app.test_client().websocket(url) as socket:
            socket.receive()
    with pytest.raises(KeyError, match="oops"):
        with app.test_client().websocket(url):
            pass


def test_a_view_that_never_ends_ends_with_the_test(app: Flask) -> None:
    with app.test_client().websocket("/endless") as socket:
        assert socket.receive() == "x" * 100
    with app.test_client().websocket("/silent", timeout=40) as socket:
        socket._timeout = 0.01
        with pytest.raises(TimeoutError, match="nothing"):
            socket.receive()
        socket._timeout = 40


def test_two_websockets_of_an_app_share_an_event_loop(app: Flask) -> None:
    with app.test_client().websocket("/pair/taker") as taker:
        with app.test_client().websocket("/pair/giver"):
            pass
        assert taker.receive() == "hello"


def test_nothing_is_left_behind(app: Flask) -> None:
    # Not how many: threads of other tests may end meanwhile.
    before = set(threading.enumerate())
    started: list[str] = []
    app.before_serving(lambda: started.append("start"))
    app.after_serving(lambda: started.append("stop"))
    with app.test_client().websocket("/echo") as socket:
        socket.send("a")
        socket.receive()
        assert not before.issuperset(threading.enumerate())
    assert before.issuperset(threading.enumerate())
    assert started == ["start", "stop"]
