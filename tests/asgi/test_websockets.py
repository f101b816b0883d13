"""WebSockets: the handshake, the hooks, messages, ends, and what hostile clients do."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest

from tests.asgi.driver import ask, run, until
from tests.asgi.driver import send as ask_once
from tests.asgi.websocket_driver import Client
from tuile import (
    Blueprint,
    Flask,
    Request,
    abort,
    cookies,
    copy_current_websocket_context,
    current_app,
    g,
    got_websocket_exception,
    has_request_context,
    has_websocket_context,
    jsonify,
    request,
    session,
    url_for,
    websocket,
    websocket_finished,
    websocket_started,
    websocket_tearing_down,
)
from tuile.csrf import csrf_exempt
from tuile.exceptions import BadMessage, WebSocketDisconnect
from tuile.sessions import SecureCookieSessionInterface

if TYPE_CHECKING:
    from collections.abc import Callable

SAME = (b"origin", b"http://localhost")
FOREIGN = (b"origin", b"https://evil.example")


def make_app(**settings: object) -> Flask:
    app = Flask(__name__)
    app.config.update(SECRET_KEY="6a1f0c9e5b7d4e2f8a3b05d7c1e94b26", WEBSOCKET_GRACE=0.05, **settings)
    return app


def talk(app: Flask, conversation: Callable[[Client], Any], **kwargs: Any) -> Client:
    """Open a WebSocket, do what `conversation` does, and return the client."""

    async def main() -> Client:
        async with Client(app, **kwargs) as client:
            await conversation(client)
        return client

    found: Client = run(main)
    return found


def denied(app: Flask, **kwargs: Any) -> Client:
    async def wait(client: Client) -> None:
        await client.until_denied()

    return talk(app, wait, **kwargs)


def cookie_of(app: Flask, **values: object) -> tuple[bytes, bytes]:
    with app.test_client() as client, client.session_transaction() as opened:
        opened.update(values)
    made = client.get_cookie("session")
    assert made is not None
    return b"cookie", f"session={made.value}".encode()


@pytest.fixture(params=["async", "sync"])
def echo(request: pytest.FixtureRequest) -> Flask:
    app = make_app()
    if request.param == "async":

        @app.websocket("/ws")
        async def view() -> None:
            async for message in websocket:
                await websocket.send(message)
    else:

        @app.websocket("/ws")
        def view_in_thread() -> None:
            for message in websocket:
                websocket.send(message)

    return app


# --- messages ---------------------------------------------------------------------------------------------------------


def test_text_and_bytes_come_back_as_they_were_sent(echo: Flask) -> None:
    async def conversation(client: Client) -> None:
        for message in ("hello", b"bytes", "", b"", "Jörg 🎈", b"\xff\x00" * 1000):
            client.send(message)
            assert await client.receive() == message

    client = talk(echo, conversation)
    assert client.accepted is not None
    assert client.closed is None


def test_a_view_that_returns_closes_with_1000() -> None:
    app = make_app()

    @app.websocket("/ws")
    async def view() -> None:
        await websocket.send("one")

    @app.websocket("/sync")
    def sync_view() -> None:
        websocket.send("one")

    async def conversation(client: Client) -> None:
        assert await client.receive() == "one"
        assert await client.until_closed() == (1000, "")

    talk(app, conversation)
    talk(app, conversation, path="/sync")


def test_json_is_sent_and_received() -> None:
    app = make_app()

    @app.websocket("/ws")
    async def view() -> None:
        await websocket.send_json({"got": await websocket.receive_json()})
        await websocket.send_json(a=1)
        await websocket.send_json(1, 2)
        with pytest.raises(TypeError, match="not both"):
            await websocket.send_json(1, a=1)

    async def conversation(client: Client) -> None:
        client.send('{"b": [1, 2]}')
        assert [await client.receive() for _ in range(3)] == [
            '{"got": {"b": [1, 2]}}',
            '{"a": 1}',
            "[1, 2]",
        ]

    talk(app, conversation)


@pytest.mark.parametrize("message", ["", "{", "no", b"\xff\xfe", "[" * 100_000, '{"a":NaN'])
def test_a_message_that_is_no_json_ends_with_1007_and_no_error_in_the_log(
    message: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()

    @app.websocket("/ws")
    async def view() -> None:
        await websocket.receive_json()

    async def conversation(client: Client) -> None:
        client.send(message)
        assert await client.until_closed() == (1007, "Bad Request")

    talk(app, conversation)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_a_view_may_go_on_after_a_message_that_is_no_json() -> None:
    app = make_app()

    @app.websocket("/ws")
    async def view() -> None:
        try:
            await websocket.receive_json()
        except ValueError as error:
            await websocket.send(type(error).__name__)
        await websocket.send_json(await websocket.receive_json())

    async def conversation(client: Client) -> None:
        client.send("{")
        assert await client.receive() == BadMessage.__name__
        client.send("{}")
        assert await client.receive() == "{}"

    talk(app, conversation)


def test_only_text_and_bytes_are_sent() -> None:
    app = make_app()

    @app.websocket("/ws")
    async def view() -> None:
        for wrong, error in ((1, TypeError), (None, TypeError), ({}, TypeError), ("\ud800", ValueError)):
            with pytest.raises(error):
                await websocket.send(wrong)  # type: ignore[arg-type] # what is tested
        await websocket.send(bytearray(b"a"))  # type: ignore[arg-type] # it is taken all the same
        await websocket.send("done")

    async def conversation(client: Client) -> None:
        assert [await client.receive(), await client.receive()] == [b"a", "done"]

    talk(app, conversation)


def test_tasks_send_and_receive_at_the_same_time() -> None:
    app = make_app()

    @app.websocket("/ws")
    async def view() -> None:
        queue: asyncio.Queue[str] = asyncio.Queue()

        async def send() -> None:
            while True:
                await websocket.send(f"{await queue.get()} of {websocket.path}")

        sending = asyncio.create_task(send())
        try:
            async for message in websocket:
                queue.put_nowait(message)
        finally:
            sending.cancel()
            await asyncio.wait([sending])

    async def conversation(client: Client) -> None:
        for number in range(100):
            client.send(str(number))
        assert [await client.receive() for _ in range(100)] == [f"{number} of /ws" for number in range(100)]

    talk(app, conversation)


def test_several_tasks_may_receive_and_each_message_gets_to_one() -> None:
    app = make_app()
    got: list[str] = []

    @app.websocket("/ws")
    async def view() -> None:
        async def take() -> None:
            async for message in websocket:
                got.append(message)
                await asyncio.sleep(0)

        tasks = [asyncio.create_task(take()) for _ in range(5)]
        await asyncio.sleep(0)
        tasks[2].cancel()
        await asyncio.wait(tasks)

    async def conversation(client: Client) -> None:
        for number in range(50):
            client.send(str(number))
            if number % 7 == 0:
                await asyncio.sleep(0.001)
        await until(lambda: len(got) == 50)

    talk(app, conversation)
    assert sorted(got, key=int) == [str(number) for number in range(50)]


def test_a_receive_with_a_timeout_loses_no_message() -> None:
    app = make_app()

    @app.websocket("/ws")
    async def view() -> None:
        got: list[str] = []
        while len(got) < 20:
            try:
                got.append(await asyncio.wait_for(websocket.receive(), 0.001))
            except asyncio.TimeoutError:
                continue
        await websocket.send(",".join(got))

    async def conversation(client: Client) -> None:
        for number in range(20):
            client.send(str(number))
            await asyncio.sleep(0.002)
        assert await client.receive() == ",".join(map(str, range(20)))

    talk(app, conversation)


def test_a_view_that_yields_sends_what_it_yields() -> None:
    app = make_app()
    ends: list[str] = []

    @app.websocket("/ws/<int:count>")
    async def view(count: int) -> Any:
        try:
            for number in range(count):
                yield {"number": number} if number else "first"
        finally:
            ends.append(websocket.path)

    async def conversation(client: Client) -> None:
        assert [await client.receive(), await client.receive()] == ["first", '{"number": 1}']

    talk(app, conversation, path="/ws/2")
    talk(app, conversation, path="/ws/1000000")
    assert ends == ["/ws/2", "/ws/1000000"]


# --- the handshake ----------------------------------------------------------------------------------------------------


def test_a_websocket_has_the_attributes_of_its_request() -> None:
    app = make_app()
    found: dict[str, object] = {}

    @app.websocket("/room/<name>")
    async def view(name: str) -> None:
        found.update(
            name=name,
            path=websocket.path,
            args=dict(websocket.args),
            header=websocket.headers["X-One"],
            cookie=websocket.cookies["c"],
            of_cookies=cookies["c"],
            host=websocket.host,
            url=websocket.url,
            scheme=websocket.scheme,
            endpoint=websocket.endpoint,
            view_args=websocket.view_args,
            secure=websocket.is_secure,
            address=websocket.remote_addr,
            same=request.path,
            app=current_app.name,
            method=request.method,
            type=websocket.scope["type"],
        )

    async def conversation(client: Client) -> None:
        await client.until_denied()

    headers = [(b"x-one", b"1"), (b"cookie", b"c=2"), (b"host", b"example.com")]
    talk(app, conversation, path="/room/Jörg", query_string=b"a=1", scheme="wss", headers=headers)
    assert found == {
        "name": "Jörg",
        "path": "/room/Jörg",
        "args": {"a": "1"},
        "header": "1",
        "cookie": "2",
        "of_cookies": "2",
        "host": "example.com",
        "url": "wss://example.com/room/Jörg?a=1",
        "scheme": "wss",
        "endpoint": "view",
        "view_args": {"name": "Jörg"},
        "secure": True,
        "address": "127.0.0.1",
        "same": "/room/Jörg",
        "app": __name__,
        "method": "GET",
        "type": "websocket",
    }


def test_accept_sends_headers_and_a_subprotocol() -> None:
    app = make_app()

    @app.websocket("/ws")
    async def view() -> None:
        assert websocket.requested_subprotocols == ["chat.v1", "chat.v2"]
        with pytest.raises(ValueError, match="did not ask"):
            await websocket.accept(subprotocol="other")
        with pytest.raises(ValueError, match="line break"):
            await websocket.accept(headers={"X-A": "b\r\nSet-Cookie: c=d"})
        with pytest.raises(ValueError, match="not a header"):
            await websocket.accept(headers={"Sec-WebSocket-Protocol": "chat.v1"})
        await websocket.accept(headers={"X-A": "b"}, subprotocol="chat.v2")
        await websocket.accept()
        with pytest.raises(RuntimeError, match="over"):
            await websocket.accept(headers={"X-A": "b"})

    async def conversation(client: Client) -> None:
        await client.until_closed()

    client = talk(app, conversation, subprotocols=["chat.v1, chat.v2"], scope=None)
    assert client.accepted == {
        "type": "websocket.accept",
        "subprotocol": "chat.v2",
        "headers": [(b"x-a", b"b")],
    }


@pytest.fixture(autouse=True)
def _split_subprotocols(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the driver compare with what a client asks for, however the server splits it."""
    check = Client._check_accept

    def split(self: Client, message: Any) -> None:
        self.scope["subprotocols"] = [
            part.strip() for one in self.scope["subprotocols"] for part in one.split(",") if part
        ]
        check(self, message)

    monkeypatch.setattr(Client, "_check_accept", split)


def test_the_session_is_saved_with_the_handshake(echo: Flask) -> None:
    @echo.before_websocket
    def remember() -> None:
        session["visits"] = session.get("visits", 0) + 1
        cookies.set("other", "1")

    async def conversation(client: Client) -> None:
        await client.until_accepted()

    client = talk(echo, conversation, headers=[cookie_of(echo, visits=4)])
    assert client.accepted is not None
    lines = [value.decode() for name, value in client.accepted["headers"] if name == b"set-cookie"]
    assert sorted(line.partition("=")[0] for line in lines) == ["other", "session"]
    value = next(line for line in lines if line.startswith("session=")).partition(";")[0]
    with echo.test_request_context(headers={"Cookie": value}):
        assert session["visits"] == 5


@pytest.mark.parametrize("mode", ["testing", "production"])
def test_a_change_of_the_session_after_the_handshake_is_told(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    app = make_app(TESTING=mode == "testing")
    told: list[str] = []

    @app.websocket("/ws")
    async def view() -> None:
        await websocket.accept()
        changes: list[Callable[[], None]] = [lambda: session.update(a=1), lambda: cookies.set("a", "b")]
        for change in changes:
            try:
                change()
            except RuntimeError as error:
                told.append(str(error))

    async def conversation(client: Client) -> None:
        await client.until_closed()

    talk(app, conversation)
    messages = told if mode == "testing" else [record.getMessage() for record in caplog.records]
    assert len(messages) == 2
    assert all("handshake of the WebSocket '/ws' was over" in message for message in messages)
    assert "The session was changed ('a')" in messages[0]


def test_an_interface_that_opens_sessions_early_is_asked_in_a_worker() -> None:
    threads: list[int] = []

    class Interface(SecureCookieSessionInterface):
        def open_session(self, app: Flask, request: Any) -> Any:
            threads.append(threading.get_ident())
            return super().open_session(app, request)

        def save_session(self, app: Flask, session: Any, response: Any) -> None:
            threads.append(threading.get_ident())
            super().save_session(app, session, response)

    app = make_app()
    app.session_interface = Interface()

    @app.websocket("/ws")
    async def view() -> None:
        session["a"] = 1
        await websocket.accept()

    async def conversation(client: Client) -> None:
        await client.until_closed()

    client = talk(app, conversation)
    assert client.accepted is not None
    assert [name for name, _ in client.accepted["headers"]] == [b"set-cookie"]
    assert len(threads) == 2
    assert threading.get_ident() not in threads


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_an_http_error_before_the_handshake_is_the_answer() -> None:
    app = make_app()

    @app.errorhandler(403)
    def forbidden(error: Exception) -> Any:
        return jsonify(error="no"), 403

    @app.websocket("/no")
    async def no() -> None:
        session["a"] = 1
        abort(403)

    @app.websocket("/response")
    def with_response() -> Any:
        return "not today", 418, {"X-Tea": "yes"}

    client = denied(app, path="/no")
    assert client.denial is not None
    assert (client.denial["status"], client.body) == (403, b'{"error":"no"}\n')
    assert any(name == b"set-cookie" for name, _ in client.denial["headers"])
    client = denied(app, path="/response")
    assert client.denial is not None
    assert client.denial["status"] == 418
    assert (b"x-tea", b"yes") in client.denial["headers"]
    assert client.body == b"not today"


def test_without_the_extension_the_handshake_is_closed() -> None:
    app = make_app()

    @app.websocket("/no")
    async def no() -> None:
        abort(401)

    async def conversation(client: Client) -> None:
        assert await client.until_closed() == (1000, "")
        assert client.accepted is None

    talk(app, conversation, path="/no", can_deny=False)
    talk(app, conversation, path="/nothing", can_deny=False)


def test_wrong_urls_are_refused() -> None:
    app = make_app()
    app.add_url_rule("/page", view_func=lambda: "page", endpoint="page")

    @app.websocket("/ws/")
    async def view() -> None:
        await websocket.send("a")

    assert [denied(app, path=path).denial["status"] for path in ("/none", "/page", "/ws")] == [404, 400, 308]  # type: ignore[index] # it is there


def test_a_page_is_no_websocket_and_the_other_way_round() -> None:
    app = make_app()
    called: list[str] = []

    @app.websocket("/ws")
    async def view() -> None:
        called.append("ws")

    assert ask_once(app, "/ws").status == 400
    answer = app.test_client().get("/ws")
    assert answer.status_code == 400
    handshake = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    answer = app.test_client().get("/ws", headers=handshake)
    assert answer.status_code == 400
    assert "ASGI" in answer.text
    assert called == []


def test_a_rule_for_websockets_of_wsgi_servers_is_still_called() -> None:
    # flask-sock takes the socket from the environ.
    app = make_app()
    app.add_url_rule("/ws", view_func=lambda: "its own", endpoint="own", websocket=True)
    handshake = {"Connection": "Upgrade", "Upgrade": "websocket"}
    assert app.test_client().get("/ws", headers=handshake).text == "its own"


def test_a_view_that_neither_accepts_nor_answers_refuses() -> None:
    app = make_app()

    @app.websocket("/ws")
    async def view() -> None:
        return

    assert denied(app).denial["status"] == 403  # type: ignore[index] # it is there


def test_a_code_before_the_handshake_gets_to_the_browser() -> None:
    app = make_app()

    @app.websocket("/ws")
    async def view() -> None:
        await websocket.close(4401, "log in first")
        await websocket.close(4402)
        with pytest.raises(WebSocketDisconnect) as raised:
            await websocket.send("a")
        assert (raised.value.code, raised.value.reason) == (4401, "log in first")
        with pytest.raises(WebSocketDisconnect):
            await websocket.receive()

    async def conversation(client: Client) -> None:
        assert await client.until_closed() == (4401, "log in first")
        assert client.accepted is not None

    talk(app, conversation)


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [
        (999, "", ValueError),
        (1005, "", ValueError),
        (1006, "", ValueError),
        (1015, "", ValueError),
        (2000, "", ValueError),
        (5000, "", ValueError),
        ("1000", "", TypeError),
        (1000, b"", TypeError),
        (1000, "a" * 124, ValueError),
        (1000, "ä" * 62, ValueError),
        (1000, "\ud800", ValueError),
    ],
)
def test_what_no_close_frame_can_have_is_an_error(code: Any, reason: Any, error: type[Exception]) -> None:
    app = make_app()

    @app.websocket("/ws")
    async def view() -> None:
        with pytest.raises(error):
            await websocket.close(code, reason)
        await websocket.close(4000, "ä" * 61)

    async def conversation(client: Client) -> None:
        assert await client.until_closed() == (4000, "ä" * 61)

    talk(app, conversation)


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["async", "sync"])
def test_an_error_closes_with_1011_and_is_logged_once(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    app = make_app()

    @app.websocket("/async")
    async def view() -> None:
        await websocket.send("a")
        raise KeyError("oops")

    @app.websocket("/sync")
    def sync_view() -> None:
        websocket.send("a")
        raise KeyError("oops")

    async def conversation(client: Client) -> None:
        assert await client.until_closed() == (1011, "Internal Server Error")

    talk(app, conversation, path=f"/{kind}")
    assert [record.getMessage() for record in caplog.records] == [f"Exception on websocket /{kind}"]
    assert caplog.records[0].exc_info is not None


def test_an_error_before_the_handshake_is_500(caplog: pytest.LogCaptureFixture) -> None:
    app = make_app()

    @app.websocket("/ws")
    async def view() -> None:
        raise KeyError("oops")

    assert denied(app).denial["status"] == 500  # type: ignore[index] # it is there
    assert len(caplog.records) == 1


def test_an_error_is_raised_in_tests_after_the_close() -> None:
    app = make_app(TESTING=True)

    @app.websocket("/ws")
    async def view() -> None:
        await websocket.send("a")
        raise KeyError("oops")

    async def main() -> None:
        client = Client(app)
        with pytest.raises(KeyError, match="oops"):
            async with client:
                assert await client.until_closed() == (1011, "Internal Server Error")

    run(main)


@pytest.mark.parametrize(("status", "code"), [(400, 1008), (403, 1008), (404, 1008), (503, 1011)])
def test_an_http_error_after_the_handshake_closes(status: int, code: int) -> None:
    app = make_app()

    @app.websocket("/ws")
    async def view() -> None:
        await websocket.accept()
        abort(status)

    async def conversation(client: Client) -> None:
        assert (await client.until_closed())[0] == code

    talk(app, conversation)


def test_handlers_of_errors_may_close_as_they_like() -> None:
    app = make_app()

    class Oops(Exception):
        pass

    @app.errorhandler(Oops)
    async def oops(error: Oops) -> str:
        await websocket.close(4000, "oops")
        return ""

    @app.websocket("/ws")
    async def view() -> None:
        await websocket.accept()
        raise Oops

    async def conversation(client: Client) -> None:
        assert await client.until_closed() == (4000, "oops")

    talk(app, conversation)


# --- hooks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["async", "sync"])
def test_hooks_run_in_their_order_with_one_context(kind: str) -> None:
    app = make_app()
    order: list[str] = []
    variable: ContextVar[str] = ContextVar("variable", default="none")
    blueprint = Blueprint("bp", __name__, url_prefix="/bp")

    def note(name: str) -> None:
        assert has_websocket_context()
        assert has_request_context()
        assert g.setdefault("n", name)
        order.append(f"{name}:{variable.get()}")

    @app.before_request
    def never() -> None:
        order.append("before_request")

    @app.before_websocket
    def before_app() -> None:
        variable.set("set")
        note("before app")

    @blueprint.before_websocket
    async def before_blueprint() -> None:
        note("before blueprint")

    @blueprint.before_app_websocket
    def before_all() -> None:
        note("before all")

    @blueprint.after_websocket
    def after_blueprint(response: object) -> None:
        note("after blueprint")

    @app.after_websocket
    async def after_app(response: object) -> None:
        assert response is None
        note("after app")

    @blueprint.teardown_websocket
    def teardown_blueprint(error: object) -> None:
        note("teardown blueprint")

    @app.teardown_websocket
    async def teardown_app(error: object) -> None:
        assert error is None
        note("teardown app")

    @app.teardown_appcontext
    def teardown_context(error: object) -> None:
        order.append(f"teardown context {g.n}")

    @blueprint.websocket("/async")
    async def view() -> None:
        note("view")
        variable.set("by view")
        assert url_for(".view") == "ws://localhost/bp/async"
        await websocket.send("a")

    @blueprint.websocket("/sync")
    def sync_view() -> None:
        note("view")
        variable.set("by view")
        websocket.send("a")

    app.register_blueprint(blueprint)
    senders: list[str] = []
    with (
        websocket_started.connected_to(lambda _, **__: senders.append("started"), app),
        websocket_finished.connected_to(lambda _, response: senders.append(f"finished {response}"), app),
        websocket_tearing_down.connected_to(lambda _, exc: senders.append(f"down {exc}"), app),
    ):

        async def conversation(client: Client) -> None:
            await client.until_closed()

        talk(app, conversation, path=f"/bp/{kind}")
    assert order == [
        "before app:set",
        "before all:set",
        "before blueprint:set",
        "view:set",
        "after blueprint:by view",
        "after app:by view",
        "teardown blueprint:by view",
        "teardown app:by view",
        "teardown context before app",
    ]
    assert senders == ["started", "finished None", "down None"]


def test_a_hook_may_refuse() -> None:
    app = make_app()

    @app.before_websocket
    def refuse() -> Any:
        return "log in", 401

    @app.after_websocket
    def change(response: Any) -> Any:
        response.headers["X-After"] = "yes"
        return response

    @app.websocket("/ws")
    async def view() -> None:
        raise AssertionError

    client = denied(app)
    assert client.denial is not None
    assert (client.denial["status"], client.body) == (401, b"log in")
    assert (b"x-after", b"yes") in client.denial["headers"]


def test_teardown_functions_get_the_error_and_the_signal_as_well(caplog: pytest.LogCaptureFixture) -> None:
    app = make_app()
    seen: list[object] = []

    @app.teardown_websocket
    def teardown(error: BaseException | None) -> None:
        seen.append(error)

    @app.websocket("/ws")
    async def view() -> None:
        raise KeyError("oops")

    with got_websocket_exception.connected_to(lambda _, exception: seen.append(exception), app):
        denied(app)
    assert [repr(error) for error in seen] == ["KeyError('oops')"] * 2


def test_an_error_in_a_teardown_function_still_closes() -> None:
    app = make_app()

    @app.teardown_websocket
    def teardown(error: object) -> None:
        raise KeyError("oops")

    @app.websocket("/ws")
    async def view() -> None:
        await websocket.accept()

    async def main() -> None:
        client = Client(app)
        with pytest.raises(KeyError, match="oops"):
            async with client:
                assert (await client.until_closed())[0] in {1000, 1011}

    run(main)


def test_nested_blueprints_and_endpoints() -> None:
    app = make_app()
    outer, inner = Blueprint("outer", __name__, url_prefix="/o"), Blueprint("inner", __name__, url_prefix="/i")

    async def view() -> None:
        await websocket.send(f"{websocket.endpoint} {websocket.blueprints}")

    inner.add_websocket("/<int:n>", "ws", lambda n: view())
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    app.register_blueprint(outer, name="again", url_prefix="/again")

    async def conversation(client: Client) -> None:
        assert await client.receive() == "outer.inner.ws ['outer.inner', 'outer']"

    talk(app, conversation, path="/o/i/1")
    with app.test_request_context():
        assert url_for("outer.inner.ws", n=2) == "ws://localhost/o/i/2"
        assert url_for("again.inner.ws", n=2, _scheme="https") == "wss://localhost/again/i/2"
    assert app.test_client().get("/o/i/1", headers={"Connection": "upgrade", "Upgrade": "websocket"}).status_code == 400


def test_registering_checks_what_it_is_given() -> None:
    app = make_app()
    with pytest.raises(TypeError, match="GET"):
        app.websocket("/ws", methods=["POST"])(lambda: None)
    app.websocket("/a", endpoint="ws")(lambda: None)
    with pytest.raises(AssertionError, match="ws"):
        app.websocket("/b", endpoint="ws")(lambda: None)
    blueprint = Blueprint("bp", __name__)
    with pytest.raises(ValueError, match="dot"):
        blueprint.add_websocket("/", "a.b", lambda: None)
    app.register_blueprint(blueprint)
    with pytest.raises(AssertionError, match="before_websocket"):
        blueprint.before_websocket(lambda: None)
    app.test_client().get("/")
    with pytest.raises(AssertionError, match="websocket"):
        app.websocket("/late")


def test_the_proxy_says_where_it_can_be_used() -> None:
    app = make_app()
    assert not has_websocket_context()
    with pytest.raises(RuntimeError, match="context of a WebSocket"):
        websocket.path  # noqa: B018 - reading it raises
    with app.test_request_context():
        assert not has_websocket_context()
        with pytest.raises(RuntimeError, match="context of a WebSocket"):
            websocket.path  # noqa: B018 - as above
        with pytest.raises(RuntimeError, match="copy_current_websocket_context"):
            copy_current_websocket_context(lambda: None)


def test_threads_and_tasks_get_the_context_by_a_copy() -> None:
    app = make_app()
    seen: list[str] = []

    @app.websocket("/ws")
    async def view() -> None:
        @copy_current_websocket_context
        def in_thread() -> None:
            seen.append(f"{websocket.path} {session.get('a')}")
            websocket.send("from a thread")

        @copy_current_websocket_context
        async def in_task() -> None:
            seen.append(websocket.path)

        await websocket.accept()
        thread = threading.Thread(target=in_thread)
        thread.start()
        await asyncio.get_running_loop().run_in_executor(None, thread.join)
        await in_task()
        await websocket.send("done")

    async def conversation(client: Client) -> None:
        # The view is cancelled when the client leaves.
        assert [await client.receive(), await client.receive()] == ["from a thread", "done"]

    talk(app, conversation)
    assert seen == ["/ws None", "/ws"]


def test_a_request_class_of_the_app_is_used() -> None:
    app = make_app()

    class WithUser(Request):
        @property
        def user(self) -> str:
            return self.args["user"]

    app.request_class = WithUser

    @app.websocket("/ws")
    async def view() -> None:
        await websocket.send(request.user)  # type: ignore[attr-defined] # of the class above

    async def conversation(client: Client) -> None:
        assert await client.receive() == "me"

    talk(app, conversation, query_string=b"user=me")


# --- where a handshake comes from -------------------------------------------------------------------------------------


def make_origin_app(**settings: object) -> Flask:
    app = make_app(**settings)

    @app.websocket("/reads")
    async def reads() -> None:
        await websocket.send(str(session.get("user")))

    @app.websocket("/cookies")
    async def reads_cookies() -> None:
        await websocket.send(websocket.cookies.get("session", ""))

    @app.websocket("/later")
    async def later() -> None:
        await websocket.accept()
        await websocket.send(str(session.get("user")))

    @app.websocket("/public")
    async def public() -> None:
        await websocket.send("public")

    @app.websocket("/exempt")
    @csrf_exempt
    async def exempt() -> None:
        await websocket.send(str(session.get("user")))

    return app


@pytest.mark.parametrize("path", ["/reads", "/cookies"])
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:81", "http://localhost.evil", "x"]
)
def test_another_site_gets_nothing_that_depends_on_cookies(path: str, origin: str) -> None:
    app = make_origin_app()
    headers = [cookie_of(app, user="me"), (b"origin", origin.encode())]
    assert denied(app, path=path, headers=headers).denial["status"] == 403  # type: ignore[index] # it is there


@pytest.mark.parametrize("origin", [None, b"http://localhost", b"https://localhost", b"https://friend.example"])
def test_the_same_site_trusted_sites_and_programs_get_it(origin: bytes | None) -> None:
    app = make_origin_app(CSRF_TRUSTED_ORIGINS=["https://friend.example"])
    headers = [cookie_of(app, user="me")] + ([] if origin is None else [(b"origin", origin)])

    async def conversation(client: Client) -> None:
        assert await client.receive() == "me"

    talk(app, conversation, path="/reads", headers=headers)


def test_another_site_may_open_what_needs_no_cookies() -> None:
    app = make_origin_app()
    headers = [cookie_of(app, user="me"), FOREIGN]

    async def conversation(client: Client) -> None:
        assert await client.receive() == "public"

    async def with_user(client: Client) -> None:
        assert await client.receive() == "me"

    async def without_cookies(client: Client) -> None:
        assert await client.receive() == "None"

    async def is_closed(client: Client) -> None:
        assert await client.until_closed() == (1008, "Forbidden")

    talk(app, conversation, path="/public", headers=headers)
    talk(app, with_user, path="/exempt", headers=headers)
    talk(app, without_cookies, path="/reads", headers=[FOREIGN])
    talk(app, is_closed, path="/later", headers=headers)


def test_the_setting_csrf_refuses_all_handshakes_of_other_sites() -> None:
    app = make_origin_app(CSRF="fetch")
    assert denied(app, path="/public", headers=[FOREIGN]).denial["status"] == 403  # type: ignore[index] # it is there


# --- ends -------------------------------------------------------------------------------------------------------------


def test_a_view_that_waits_for_a_message_is_told_that_the_client_has_left(echo: Flask) -> None:
    seen: list[object] = []

    @echo.teardown_websocket
    def teardown(error: object) -> None:
        seen.append(error)

    async def conversation(client: Client) -> None:
        client.send("a")
        await client.receive()
        client.leave(1001, "bye")
        await client.task  # type: ignore[misc] # it is there

    talk(echo, conversation)
    assert seen == [None]


def test_receive_and_send_raise_the_code_of_the_client() -> None:
    app = make_app()
    seen: list[tuple[int, str]] = []

    @app.websocket("/ws")
    async def view() -> None:
        for use in (websocket.receive, websocket.receive, lambda: websocket.send("a")):
            try:
                await use()
            except WebSocketDisconnect as error:
                seen.append((error.code, error.reason))

    async def conversation(client: Client) -> None:
        await client.until_accepted()
        client.leave(4000, "done")

    talk(app, conversation)
    assert seen == [(4000, "done")] * 3


@pytest.mark.parametrize("is_raising", [True, False])
def test_a_view_that_only_sends_ends_when_the_client_leaves(is_raising: bool, caplog: pytest.LogCaptureFixture) -> None:
    app = make_app()
    ends: list[str] = []

    @app.websocket("/async")
    async def view() -> None:
        try:
            while True:
                await websocket.send("x")
        finally:
            ends.append("async")

    @app.websocket("/sync")
    def sync_view() -> None:
        try:
            while True:
                websocket.send("x")
        finally:
            ends.append("sync")

    async def conversation(client: Client) -> None:
        await client.receive()
        client.leave()
        await client.task  # type: ignore[misc] # it is there

    for path in ("/async", "/sync"):
        talk(app, conversation, path=path, is_raising=is_raising)
    assert ends == ["async", "sync"]
    assert caplog.records == []


def test_a_view_that_waits_for_something_else_is_cancelled() -> None:
    app = make_app()
    ends: list[str] = []

    @app.websocket("/never")
    async def never() -> None:
        await websocket.accept()
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("never received")

    @app.websocket("/once")
    async def once() -> None:
        await websocket.receive()
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("received once")

    async def conversation(client: Client) -> None:
        await client.until_accepted()
        client.send("a")
        client.leave()
        await client.task  # type: ignore[misc] # it is there

    talk(app, conversation, path="/never")
    talk(app, conversation, path="/once")
    assert ends == ["never received", "received once"]


def test_a_view_may_finish_what_it_does_with_the_last_message() -> None:
    app = make_app()
    app.config["WEBSOCKET_GRACE"] = 30
    done: list[str] = []

    @app.websocket("/ws")
    async def view() -> None:
        async for message in websocket:
            await asyncio.sleep(0.3)  # longer than it takes to notice that the client has left
            done.append(message)

    async def conversation(client: Client) -> None:
        for message in "abc":
            client.send(message)
        client.leave()
        await client.task  # type: ignore[misc] # it is there

    talk(app, conversation)
    assert done == ["a", "b", "c"]


def test_a_view_that_is_cancelled_may_wait_while_it_cleans_up() -> None:
    app = make_app()
    done: list[str] = []

    @app.websocket("/ws")
    async def view() -> None:
        done.append(str(await websocket.receive()))
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.7)  # longer than it takes to look at the WebSocket again
            done.append("cleaned up")

    async def conversation(client: Client) -> None:
        client.send("a")
        client.leave()
        await client.task  # type: ignore[misc] # it is there

    talk(app, conversation)
    assert done == ["a", "cleaned up"]


def test_a_client_that_leaves_before_the_handshake_is_over() -> None:
    app = make_app()
    seen: list[object] = []

    @app.websocket("/ws")
    async def view() -> None:
        try:
            await websocket.receive()
        except WebSocketDisconnect as error:
            seen.append(error.code)

    async def main() -> None:
        client = Client(app)
        client.incoming.put_nowait({"type": "websocket.disconnect", "code": 1006})
        client.has_left = True
        await app(client.scope, client._receive, client._send)
        async with Client(app) as client:
            client.leave(1006)

    run(main)
    assert seen == [1006]


def test_a_server_that_stops_cancels_and_the_teardown_runs() -> None:
    app = make_app()
    seen: list[str] = []

    @app.teardown_websocket
    def teardown(error: object) -> None:
        seen.append("teardown")

    @app.websocket("/async")
    async def view() -> None:
        await websocket.accept()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    @app.websocket("/sync")
    def sync_view() -> None:
        try:
            websocket.receive()
        except WebSocketDisconnect as error:
            seen.append(f"ended {error.code}")

    async def main() -> None:
        for path in ("/async", "/sync"):
            client = Client(app, path=path)
            client.incoming.put_nowait({"type": "websocket.connect"})
            task = client.task = asyncio.get_running_loop().create_task(
                client.app(client.scope, client._receive, client._send)
            )
            await client.until_accepted()
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    run(main)
    assert seen == ["cancelled", "teardown", "ended 1001", "teardown"]


# --- hostile clients --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", ["a" * 1001, "ä" * 501, "🎈" * 251, b"a" * 1001])
def test_a_message_that_is_too_large_closes_with_1009(message: str | bytes, echo: Flask) -> None:
    echo.config["WEBSOCKET_MAX_SIZE"] = 1000

    async def conversation(client: Client) -> None:
        allowed = message[:-1] if len(message) == 1001 else "ä" * 500
        client.send(allowed)
        assert await client.receive() == allowed
        client.send(message)
        assert await client.until_closed() == (1009, "A message has at most 1000 bytes.")

    talk(echo, conversation)


def test_a_flood_is_not_kept_in_memory() -> None:
    app = make_app()
    go_on = asyncio.Event

    @app.websocket("/ws")
    async def view() -> None:
        await websocket.accept()
        g.event = go_on()
        app.extensions["event"] = g.event
        await g.event.wait()
        count = 0
        while await websocket.receive() != "end":
            count += 1
        await websocket.send(str(count))

    async def conversation(client: Client) -> None:
        await client.until_accepted()
        for _ in range(1000):
            client.send("x" * 100)
        client.send("end")
        await until(lambda: client.incoming.qsize() < 1001)
        await asyncio.sleep(0.3)
        assert client.incoming.qsize() >= 1001 - 65
        app.extensions["event"].set()
        assert await client.receive() == "1000"

    talk(app, conversation)


def test_a_slow_client_holds_the_sender_back() -> None:
    app = make_app()
    sent: list[int] = []

    @app.websocket("/ws")
    async def view() -> None:
        for number in range(1000):
            await websocket.send("x")
            sent.append(number)

    async def conversation(client: Client) -> None:
        client.blocks_sends = asyncio.Event()
        await asyncio.sleep(0.05)
        assert sent == []
        client.blocks_sends.set()
        await client.until_closed()

    talk(app, conversation)
    assert len(sent) == 1000


@pytest.mark.parametrize(
    "scope",
    [
        {"headers": [(b"host", b"a"), (b"host", b"b")]},
        {"path": "/\ud800"},
    ],
)
def test_a_handshake_with_more_than_one_meaning_is_refused(scope: dict[str, Any], echo: Flask) -> None:
    assert denied(echo, **scope).denial["status"] == 400  # type: ignore[index] # it is there


def test_a_host_that_is_not_trusted_is_refused(echo: Flask) -> None:
    echo.config["TRUSTED_HOSTS"] = ["example.com"]
    assert denied(echo).denial["status"] == 400  # type: ignore[index] # it is there


def test_threads_for_synchronous_views_are_limited() -> None:
    app = make_app(ASGI_STREAM_WORKERS=2)

    @app.websocket("/ws")
    def view() -> None:
        for message in websocket:
            websocket.send(message)

    app.add_url_rule("/", view_func=lambda: "page", endpoint="page")

    async def main() -> None:
        async with Client(app) as one, Client(app) as two:
            for client in (one, two):
                client.send("a")
                assert await client.receive() == "a"
            async with Client(app) as three:
                assert await three.until_denied() == 503
            assert (await ask(app)).status == 200
        async with Client(app) as four:
            four.send("a")
            assert await four.receive() == "a"

    run(main)


def test_an_open_websocket_holds_no_thread() -> None:
    app = make_app(ASGI_WORKERS=1, ASGI_STREAM_WORKERS=0)

    @app.websocket("/ws")
    async def view() -> None:
        async for message in websocket:
            await websocket.send(message)

    app.add_url_rule("/", view_func=lambda: "page", endpoint="page")

    async def main() -> None:
        clients = [Client(app) for _ in range(20)]
        for client in clients:
            await client.__aenter__()
            client.send("a")
            assert await client.receive() == "a"
        assert (await ask(app)).status == 200
        for client in clients:
            await client.__aexit__(None)

    run(main)
