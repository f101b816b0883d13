"""The view of a WebSocket runs in the task of the server: what is cancelled, and which variables it sees."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import sys
import threading
import weakref
from contextvars import Context, ContextVar
from typing import TYPE_CHECKING, Any

import pytest

from tests.asgi.driver import run
from tests.asgi.websocket_driver import Client
from tuile import (
    Flask,
    current_app,
    has_app_context,
    has_websocket_context,
    request,
    session,
    websocket,
    websocket_tearing_down,
)
from tuile.exceptions import WebSocketDisconnect

if TYPE_CHECKING:
    from collections.abc import Callable


def make_app(**settings: object) -> Flask:
    app = Flask(__name__)
    app.config.update(SECRET_KEY="6a1f0c9e5b7d4e2f8a3b05d7c1e94b26", WEBSOCKET_GRACE=0.05, **settings)
    return app


def serve(app: Flask, conversation: Callable[[Client], Any], **kwargs: Any) -> tuple[Client, int, bool]:
    """Serve one WebSocket within a task that goes on afterwards, as that of a middleware does.

    Returns:
        The client, how often the task was told to end, and whether it was cancelled later on.
    """

    async def main() -> tuple[Client, int, bool]:
        client = Client(app, **kwargs)
        ended: list[tuple[int, bool]] = []

        async def of_server() -> None:
            await app(client.scope, client._receive, client._send)
            assert not has_websocket_context()
            task = asyncio.current_task()
            count = getattr(task, "cancelling", int)()
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                ended.append((count, True))
            else:
                ended.append((count, False))

        client.incoming.put_nowait({"type": "websocket.connect"})
        client.task = asyncio.get_running_loop().create_task(of_server())
        await conversation(client)
        await client.task
        return (client, *ended[0])

    found: tuple[Client, int, bool] = run(main)
    return found


async def leave(client: Client) -> None:
    await client.until_accepted()
    client.leave()


@pytest.mark.parametrize("is_raising", [False, True])
@pytest.mark.parametrize("end", ["waits", "swallows", "swallows and fails", "sends", "sends and fails", "in time"])
def test_the_task_of_the_server_goes_on_after_the_client_has_left(end: str, is_raising: bool) -> None:
    app = make_app()
    app.config["PROPAGATE_EXCEPTIONS"] = False
    seen: list[str] = []

    @app.teardown_websocket
    def teardown(error: object) -> None:
        seen.append(type(error).__name__)

    @app.websocket("/ws")
    async def view() -> None:
        await websocket.accept()
        try:
            if end.startswith("sends"):
                while True:
                    await websocket.send("a")
            elif end == "in time" and sys.version_info >= (3, 11):
                async with asyncio.timeout(100):
                    await asyncio.Event().wait()
            else:
                await asyncio.Event().wait()
        except WebSocketDisconnect:
            seen.append("told")
            if end.endswith("fails"):
                raise ZeroDivisionError from None
        except asyncio.CancelledError:
            seen.append("cancelled")
            if end.endswith("fails"):
                raise ZeroDivisionError from None
            if end != "swallows":
                raise

    client, count, is_cancelled = serve(app, leave, is_raising=is_raising)
    assert (count, is_cancelled) == (0, False)
    assert client.closed is None
    assert seen[-1] == ("ZeroDivisionError" if end.endswith("fails") else "NoneType")
    assert len(seen) == 2


def test_a_view_that_cancels_itself_is_an_error() -> None:
    app = make_app()

    @app.websocket("/ws")
    async def view() -> None:
        await websocket.accept()
        raise asyncio.CancelledError

    async def main() -> None:
        client = Client(app)
        client.incoming.put_nowait({"type": "websocket.connect"})
        task = client.task = asyncio.get_running_loop().create_task(
            client.app(client.scope, client._receive, client._send)
        )
        assert await client.until_closed() == (1011, "Internal Server Error")
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tasks do not tell how often they were cancelled")
def test_a_server_that_stops_is_obeyed_by_a_view_that_does_not() -> None:
    app = make_app()

    @app.websocket("/ws")
    async def view() -> None:
        await websocket.accept()
        for _ in range(2):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.05)

    async def main() -> None:
        client = Client(app)
        client.incoming.put_nowait({"type": "websocket.connect"})
        task = client.task = asyncio.get_running_loop().create_task(
            client.app(client.scope, client._receive, client._send)
        )
        await client.until_accepted()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert client.closed is None

    run(main)


def test_a_client_that_leaves_before_the_view_begins_gets_none() -> None:
    app = make_app()
    seen: list[str] = []

    @app.before_websocket
    async def before() -> None:
        await websocket.accept()
        await asyncio.sleep(0.5)

    @app.websocket("/ws")
    async def view() -> None:
        seen.append("view")

    _, count, is_cancelled = serve(app, leave)
    assert (seen, count, is_cancelled) == ([], 0, False)


@pytest.mark.parametrize("in_worker", [False, True])
@pytest.mark.parametrize("is_generator", [False, True])
def test_steps_and_view_share_their_variables(in_worker: bool, is_generator: bool) -> None:
    app = make_app()
    variable: ContextVar[str] = ContextVar("variable", default="")
    seen: list[str] = []

    def note(what: str) -> None:
        seen.append(f"{variable.get()} {has_websocket_context()}")
        variable.set(what)

    if in_worker:
        app.before_websocket(lambda: note("before"))
        app.teardown_websocket(lambda error: note("teardown"))

    @app.errorhandler(ZeroDivisionError)
    def handle(error: object) -> Any:
        note("handler")

    async def view() -> None:
        note("view")
        await websocket.send("a")
        await asyncio.sleep(0)
        note("later")
        raise ZeroDivisionError

    async def generate() -> Any:
        note("view")
        yield "a"
        await asyncio.sleep(0)
        note("later")
        raise ZeroDivisionError

    app.add_websocket("/ws", "view", generate if is_generator else view)

    async def outside() -> list[str]:
        client = Client(app)
        client.incoming.put_nowait({"type": "websocket.connect"})
        found: list[str] = []

        async def of_server() -> None:
            variable.set("server")
            await app(client.scope, client._receive, client._send)
            found.append(f"{variable.get()} {has_websocket_context()}")

        task = client.task = asyncio.get_running_loop().create_task(of_server())
        assert await client.until_closed() == (1000, "")
        await task
        return found

    assert run(outside) == ["teardown False" if in_worker else "handler False"]
    expected = ["server True", "view True", "later True"]
    assert seen == (["server True", "before True", *expected[1:], "handler True"] if in_worker else expected)


@pytest.mark.parametrize("touches", [False, True])
def test_tasks_that_accept_at_the_same_time_wait_for_one_another(touches: bool) -> None:
    app = make_app()
    order: list[str] = []

    @app.websocket("/ws")
    async def view() -> None:
        if touches:
            session["a"] = 1

        async def accept(name: str) -> None:
            try:
                await websocket.accept()
            except asyncio.CancelledError:
                order.append(f"{name} cancelled")
                raise
            order.append(name)

        tasks = [asyncio.create_task(accept(name)) for name in "abc"]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.wait(tasks)
        await websocket.send("done")

    async def conversation(client: Client) -> None:
        accepted = await client.until_accepted()
        assert any(name == b"set-cookie" for name, _ in accepted["headers"]) is touches
        assert await client.receive() == "done"
        client.leave()

    serve(app, conversation)
    assert sorted(order) in (["a cancelled", "b", "c"], ["a", "b", "c"])


@pytest.mark.parametrize("steps", list(itertools.product([False, True], repeat=2)))
def test_a_handshake_that_the_server_takes_slowly(steps: tuple[bool, bool]) -> None:
    cancels, touches = steps
    app = make_app()
    order: list[str] = []

    @app.websocket("/ws")
    async def view() -> None:
        if touches:
            session["a"] = 1
        first = asyncio.create_task(websocket.accept())
        await asyncio.sleep(0.1)
        if cancels:
            first.cancel()
        second = asyncio.create_task(websocket.send("done"))
        await asyncio.wait([first, second])
        order.append("sent")

    async def conversation(client: Client) -> None:
        client.blocks_sends = asyncio.Event()
        await asyncio.sleep(0.3)
        client.blocks_sends.set()
        assert await client.receive() == "done"
        client.leave()

    serve(app, conversation)
    assert order == ["sent"]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_function_that_is_registered_while_a_websocket_is_open_is_called_in_a_worker(is_async: bool) -> None:
    app = make_app()
    seen: list[object] = []

    def note(*args: object) -> None:
        seen.append((websocket.path, threading.current_thread() is threading.main_thread()))

    async def note_on_loop(*args: object) -> None:
        note()

    @app.websocket("/ws")
    async def view() -> None:
        await websocket.send("a")
        for name in ("after_websocket_funcs", "teardown_websocket_funcs"):
            getattr(app, name).setdefault(None, []).append(note_on_loop if is_async else note)

    app._got_first_request = True
    for _ in range(2):
        seen.clear()
        assert not serve(app, lambda client: client.until_closed())[2]
        assert seen[:2] == [("/ws", is_async)] * 2


@pytest.mark.parametrize(
    "change", ["after_websocket_funcs", "teardown_websocket_funcs", "teardown_appcontext_funcs", "signal", "patch"]
)
def test_what_is_to_hear_of_the_end_may_be_set_while_a_websocket_is_open(change: str) -> None:
    app = make_app()
    seen: list[bool] = []

    def note(*args: object, **kwargs: object) -> None:
        seen.append(threading.current_thread() is threading.main_thread())

    @app.websocket("/ws")
    async def view() -> None:
        await websocket.send("a")
        if change == "signal":
            websocket_tearing_down.connect(note, app)
        elif change == "patch":
            app.do_teardown_appcontext = note  # type: ignore[method-assign] # what extensions do
        elif change == "teardown_appcontext_funcs":
            app.teardown_appcontext_funcs.append(note)
        else:
            getattr(app, change).setdefault(None, []).append(note)

    app._got_first_request = True
    for times in (1, 2):
        assert not serve(app, lambda client: client.until_closed())[2]
        # Once for each that was registered, and always in a worker.
        assert seen == [False] * (1 if change in {"signal", "patch"} else times)
        seen.clear()


@pytest.mark.parametrize("in_worker", [False, True])
def test_a_context_that_a_view_has_left_entered_ends_with_it(in_worker: bool) -> None:
    app, other = make_app(), make_app()
    seen: list[object] = []
    if in_worker:
        app.teardown_websocket(lambda error: seen.append(websocket.path))

    @app.websocket("/ws")
    async def view() -> None:
        await websocket.send("a")
        other.app_context().push()
        other.test_request_context("/other").push()

    app._got_first_request = True
    # `serve` looks whether a context is still entered.
    client, _, _ = serve(app, lambda client: client.until_closed())
    assert client.closed == {"type": "websocket.close", "code": 1000, "reason": ""}
    assert seen == (["/ws"] if in_worker else [])


def test_a_websocket_inside_a_context_leaves_it_as_it_was() -> None:
    app, other = make_app(), make_app()

    @app.websocket("/ws")
    async def view() -> None:
        await websocket.send(f"{current_app == app} {websocket.path}")

    app._got_first_request = True

    async def main() -> object:
        client = Client(app)
        client.incoming.put_nowait({"type": "websocket.connect"})
        with other.test_request_context("/outside"):
            await app(client.scope, client._receive, client._send)
            assert current_app == other
            assert request.path == "/outside"
        assert not has_app_context()
        return [(await client.outgoing.get()).get("text") for _ in range(2)]

    assert run(main) == [None, "True /ws"]


def test_tasks_that_wait_for_the_handshake_may_be_cancelled() -> None:
    app = make_app()
    told: list[str] = []

    @app.websocket("/ws")
    async def view() -> None:
        async def accept(name: str) -> None:
            await websocket.accept()
            told.append(name)

        tasks = [asyncio.create_task(accept(name)) for name in "abc"]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.wait(tasks)
        await websocket.send("done")

    async def converse(client: Client) -> None:
        client.blocks_sends = asyncio.Event()
        asyncio.get_running_loop().call_later(0.02, client.blocks_sends.set)
        await client.until_closed()

    app._got_first_request = True
    serve(app, converse)
    assert told == ["a", "c"]


def test_the_proxy_finds_the_websocket_inside_another_context() -> None:
    app, other = make_app(), make_app()

    @app.websocket("/ws")
    async def view() -> None:
        with other.app_context():
            await websocket.send(websocket.path)
            with other.test_request_context("/other"), pytest.raises(RuntimeError, match="WebSocket"):
                str(websocket.path)
        await websocket.send(websocket.path)

    async def converse(client: Client) -> None:
        assert [await client.receive(), await client.receive()] == ["/ws", "/ws"]
        await client.until_closed()

    serve(app, converse)


@pytest.mark.parametrize("way", ["leaves", "returns", "refuses"])
def test_a_websocket_that_has_ended_is_freed_at_once(way: str) -> None:
    app = make_app()
    seen: list[weakref.ref[Any]] = []

    @app.websocket("/ws")
    async def view() -> Any:
        found: Any = websocket
        seen.extend(map(weakref.ref, (found._get_current_object(), found._connection)))
        if way == "refuses":
            return "No.", 403
        await websocket.send("a")
        async for _ in websocket if way == "leaves" else no_messages():
            pass
        return None

    async def no_messages() -> Any:
        for nothing in list[str]():
            yield nothing

    async def main() -> list[object]:
        for _ in range(2):
            client = Client(app)
            client.incoming.put_nowait({"type": "websocket.connect"})
            if way == "leaves":
                client.leave()
            await app(client.scope, client._receive, client._send)
            await asyncio.sleep(0)
        found = [one() for one in seen[2:]]
        seen.clear()
        return found

    gc.collect()
    gc.disable()
    try:
        assert run(main) == [None, None]
    finally:
        gc.enable()


def test_a_websocket_that_nobody_serves_to_its_end_leaves_other_contexts_alone() -> None:
    app, other = make_app(), make_app()

    @app.websocket("/ws")
    async def view() -> None:
        await websocket.send("a")
        await asyncio.Event().wait()

    app._got_first_request = True

    async def main() -> None:
        client = Client(app)
        client.incoming.put_nowait({"type": "websocket.connect"})
        serving: Any = app(client.scope, client._receive, client._send)
        # The view waits, and its context is entered here.
        with contextlib.suppress(StopIteration):
            while client.accepted is None or client.outgoing.qsize() < 2:
                serving.send(None)
        assert websocket.path == "/ws"

        def close() -> None:
            with other.test_request_context("/other"):
                with contextlib.suppress(RuntimeError, GeneratorExit):
                    serving.close()
                assert request.path == "/other"
            assert not has_app_context()

        Context().run(close)

    run(main)
