"""Server-sent events of asynchronous generators, in the task of their request: comments, sessions, and how they end."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tuile
from tests.asgi.driver import Server, make_scope, run
from tests.test_event_streams import KEEP_ALIVE, QuickLoop
from tuile.asgi.event_stream import EventStream
from tuile.event_streams.body import AsyncEventBody

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

COMMENT = b":\n\n"
HEADERS = [("Content-Type", "text/event-stream")]


class Client:
    """A server with one slow client, which checks that only one message is sent at a time.

    Args:
        slowness: How long the client takes for each message, in seconds.
        fails_at: Which of the pieces the server cannot send.
        error: What it raises then.
    """

    def __init__(self, slowness: float = 0, fails_at: int | None = None, error: type[Exception] = OSError) -> None:
        self.slowness = slowness
        self.fails_at = fails_at
        self.error = error
        self.got: list[tuple[float, bytes]] = []
        self.is_complete = self.is_sending = False
        self.left: asyncio.Event | None = None

    async def receive(self) -> Any:
        self.left = asyncio.Event()
        await self.left.wait()
        return {"type": "http.disconnect"}

    def leave(self) -> None:
        """Leave, if the application listens."""
        if self.left is not None:
            self.left.set()

    async def send(self, message: Any) -> None:
        assert not self.is_sending, "two messages at the same time"
        self.is_sending = True
        if message["type"] == "http.response.body":
            if len(self.got) == self.fails_at:
                self.is_sending = False
                raise self.error
            self.got.append((asyncio.get_running_loop().time(), message["body"]))
            self.is_complete = not message["more_body"]
        await asyncio.sleep(self.slowness)
        self.is_sending = False

    @property
    def text(self) -> str:
        """What was received, without comments."""
        return b"".join(body for _, body in self.got if body != COMMENT).decode()


def octets(event: object) -> bytes:
    return f"{event};".encode()


def stream_of(events: Any, client: Client, keep_alive: float | None = KEEP_ALIVE) -> Any:
    """Return what sends events to a client."""
    body = AsyncEventBody(events, octets, keep_alive)
    return EventStream(body, "GET", "1.1", client.receive, client.send).carry_on("200 OK", HEADERS, body)


def on_quick_loop(main: Any) -> None:
    loop = QuickLoop()
    try:
        loop.run_until_complete(main())
        assert not asyncio.all_tasks(loop)
    finally:
        loop.close()


@given(st.lists(st.integers(0, 11), max_size=6), st.integers(0, 5))
def test_comments_come_when_they_are_due_and_never_within_an_event(waits: list[int], slowness: int) -> None:
    client = Client(slowness)

    async def events() -> AsyncIterator[str]:
        for wait in waits:
            await asyncio.sleep(wait)
            yield "x"

    on_quick_loop(lambda: stream_of(events(), client))
    assert client.is_complete
    assert client.text == "x;" * len(waits)
    last = 0.0
    for at, piece in client.got[1:]:
        # Nothing for as long as this, but for the time that the client takes.
        assert at - last <= KEEP_ALIVE + 2 * slowness
        assert piece != COMMENT or at - last >= KEEP_ALIVE
        last = at


def test_many_events_need_one_timer() -> None:
    timers: list[asyncio.TimerHandle] = []
    client = Client()

    async def events() -> AsyncIterator[str]:
        for _ in range(200):
            await asyncio.sleep(0)
            yield "x"

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        make = loop.call_at

        def call_at(*args: Any, **named: Any) -> asyncio.TimerHandle:
            timers.append(make(*args, **named))
            return timers[-1]

        loop.call_at = call_at
        await stream_of(events(), client)

    on_quick_loop(main)
    assert [timer.cancelled() for timer in timers] == [True]


@pytest.mark.parametrize("waits_s", [0, 0.002])
def test_the_generator_runs_in_one_task_and_context_and_is_closed_when_the_client_leaves(waits_s: float) -> None:
    steps: list[object] = []
    app = tuile.Flask("events", static_folder=None)

    async def endless() -> AsyncIterator[str]:
        steps.append(asyncio.current_task())
        try:
            while True:
                await asyncio.sleep(waits_s)
                yield "x"
        finally:
            steps.append(asyncio.current_task())

    @app.get("/")
    async def events() -> Any:
        return tuile.sse(endless())

    async def main() -> None:
        await Server(make_scope(), leaves_after=5).ask(app)
        await Server(make_scope(), leaves_after=5).ask(app)

    run(main)
    assert len(steps) == 4
    assert steps[0] is steps[1]
    assert steps[2] is steps[3]


@pytest.mark.parametrize("fails_at", [0, 1, 3])
def test_a_server_that_tells_by_an_error_that_the_client_left_ends_the_stream(fails_at: int) -> None:
    steps: list[str] = []
    client = Client(fails_at=fails_at)

    async def events() -> AsyncIterator[str]:
        try:
            while True:
                # So that there are comments in between.
                await asyncio.sleep(3)
                yield "x"
        finally:
            steps.append("closed")

    on_quick_loop(lambda: stream_of(events(), client))
    assert len(client.got) == fails_at
    # A generator that has not begun has nothing to close.
    assert steps == (["closed"] if fails_at else [])
    assert not client.is_complete


@pytest.mark.parametrize("slowness", [0, 4])
@pytest.mark.parametrize("ends_at", [1, 5, 6.5, 30])
@pytest.mark.parametrize("goes_on", [False, True])
def test_the_end_of_the_session_ends_the_stream_and_not_the_message(
    slowness: int, ends_at: float, goes_on: bool
) -> None:
    client, steps = Client(slowness), []

    async def events() -> AsyncIterator[str]:
        try:
            for number in range(100):
                try:
                    await asyncio.sleep(7)
                except asyncio.CancelledError:
                    steps.append("cancelled")
                    if not goes_on:
                        raise
                yield str(number)
        finally:
            steps.append("closed")

    async def main() -> None:
        body = AsyncEventBody(events(), octets, KEEP_ALIVE)
        asyncio.get_running_loop().call_later(ends_at, body.end_session)
        stream = EventStream(body, "GET", "1.1", client.receive, client.send)
        await stream.carry_on("200 OK", HEADERS, body)
        assert asyncio.get_running_loop().time() <= ends_at + 3 * slowness + 1

    on_quick_loop(main)
    assert client.is_complete
    assert steps[-1:] == ["closed"] or not steps
    assert client.text == "".join(f"{number};" for number in range(client.text.count(";")))


@pytest.mark.parametrize("after", [0, 1, 2, 3, 10])
def test_a_request_that_is_cancelled_closes_its_generator(after: float) -> None:
    client, steps = Client(slowness=1.5), []

    async def events() -> AsyncIterator[str]:
        try:
            while True:
                await asyncio.sleep(5)
                yield "x"
        except asyncio.CancelledError:
            steps.append("cancelled")
            raise
        finally:
            steps.append("closed")

    async def main() -> None:
        task = asyncio.ensure_future(stream_of(events(), client))
        await asyncio.sleep(after)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.get_running_loop().time() == after

    on_quick_loop(main)
    assert steps in ([], ["closed"], ["cancelled", "closed"])


def test_an_event_that_is_none_closes_the_generator_and_cuts_the_stream() -> None:
    steps: list[str] = []
    app = tuile.Flask("events", static_folder=None)

    async def wrong() -> AsyncIterator[object]:
        try:
            yield "x"
            yield None
        finally:
            steps.append("closed")

    @app.get("/")
    async def events() -> Any:
        return tuile.sse(wrong())

    async def main() -> None:
        # The first request of an app takes a worker.
        for _ in range(2):
            server = Server(make_scope())
            with pytest.raises(TypeError, match="None is no event"):
                await server.ask(app)
            assert server.bodies == [COMMENT, b"data: x\n\n"]
            assert not server.is_complete

    run(main)
    assert steps == ["closed", "closed"]


def test_what_a_generator_raises_when_its_client_has_left_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    client = Client()

    async def events() -> AsyncIterator[str]:
        yield "x"
        try:
            await asyncio.sleep(1000)
        finally:
            raise ZeroDivisionError

    async def main() -> None:
        task = asyncio.ensure_future(stream_of(events(), client))
        await asyncio.sleep(1)
        assert client.left is not None
        client.left.set()
        await task

    with caplog.at_level(logging.ERROR, "tuile.sse"):
        on_quick_loop(main)
    assert [record.getMessage() for record in caplog.records] == [
        "A generator of events failed when its client had left"
    ]


@pytest.mark.parametrize("error", [ZeroDivisionError, ConnectionError])
@pytest.mark.parametrize("how", ["client had left", "session had been ended"])
@pytest.mark.parametrize("slowness", [0, 4])
def test_what_nobody_waits_for_fails_in_the_log_alone(
    caplog: pytest.LogCaptureFixture, error: type[Exception], how: str, slowness: int
) -> None:
    """The generator fails where it is cancelled, or where it is closed after an event."""
    client = Client(slowness)

    async def events() -> AsyncIterator[str]:
        try:
            for _ in range(3):
                await asyncio.sleep(0)
                yield "x"
            await asyncio.sleep(1000)
        finally:
            raise error

    async def main() -> None:
        loop = asyncio.get_running_loop()
        body = AsyncEventBody(events(), octets, KEEP_ALIVE)
        stream = EventStream(body, "GET", "1.1", client.receive, client.send)
        loop.call_later(10, lambda: client.leave() if how == "client had left" else body.end_session())
        await stream.carry_on("200 OK", HEADERS, body)

    with caplog.at_level(logging.ERROR, "tuile.sse"):
        on_quick_loop(main)
    (record,) = caplog.records
    assert record.getMessage() == f"A generator of events failed when its {how}"
    assert record.exc_info is not None
    assert record.exc_info[0] is error
    assert client.is_complete is (how != "client had left")


@pytest.mark.parametrize("leaves_at", [1, 3, 8])
@pytest.mark.parametrize("ends_at", [2, 3, 8])
@pytest.mark.parametrize("fails_at", [None, 1])
def test_a_generator_that_cleans_up_is_not_cancelled_again(leaves_at: int, ends_at: int, fails_at: int | None) -> None:
    steps: list[str] = []
    client = Client(fails_at=fails_at)

    async def events() -> AsyncIterator[str]:
        try:
            await asyncio.sleep(1000)
            yield "x"
        finally:
            await asyncio.sleep(20)
            steps.append("cleaned")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        body = AsyncEventBody(events(), octets, KEEP_ALIVE)
        loop.call_later(leaves_at, client.leave)
        loop.call_later(ends_at, body.end_session)
        await EventStream(body, "GET", "1.1", client.receive, client.send).carry_on("200 OK", HEADERS, body)
        # What was asked for here is taken back, on Pythons that count it.
        assert getattr(asyncio.current_task(), "cancelling", int)() == 0

    on_quick_loop(main)
    assert steps == ["cleaned"]


def test_an_error_of_the_server_in_a_comment_is_the_error_of_the_request() -> None:
    steps: list[float] = []
    client = Client(fails_at=1, error=ZeroDivisionError)

    async def events() -> AsyncIterator[str]:
        try:
            await asyncio.sleep(1000)
            yield "x"
        finally:
            steps.append(asyncio.get_running_loop().time())

    with pytest.raises(ZeroDivisionError):
        on_quick_loop(lambda: stream_of(events(), client))
    assert steps == [KEEP_ALIVE]


@pytest.mark.parametrize("how", ["cancelled", "left"])
def test_a_comment_that_is_sent_when_the_generator_has_ended_ends_with_the_request(how: str) -> None:
    client = Client(slowness=4)

    async def events() -> AsyncIterator[str]:
        await asyncio.sleep(KEEP_ALIVE + 1)
        for _ in ():
            yield "x"

    async def main() -> None:
        task = asyncio.ensure_future(stream_of(events(), client))
        # The headers and the first comment take four seconds each.
        await asyncio.sleep(8 + KEEP_ALIVE + 2)
        if how == "left":
            client.leave()
        else:
            task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() is (how == "cancelled")
        assert asyncio.all_tasks() == {asyncio.current_task()}

    on_quick_loop(main)
    assert [body for _, body in client.got] == [COMMENT, COMMENT]


@pytest.mark.parametrize("keep_alive", [1e-300, 1e-9])
def test_comments_that_are_always_due_are_sent_one_at_a_time(keep_alive: float) -> None:
    client = Client(slowness=0.001)

    async def events() -> AsyncIterator[str]:
        for _ in range(3):
            await asyncio.sleep(0.005)
            yield "x"

    run(lambda: stream_of(events(), client, keep_alive))
    assert client.text == "x;" * 3
    assert client.is_complete


def test_a_stream_that_has_ended_leaves_nothing_to_the_garbage_collector() -> None:
    bodies: list[weakref.ref[Any]] = []
    app = tuile.Flask("events", static_folder=None)

    async def one() -> AsyncIterator[str]:
        yield "x"

    @app.get("/")
    async def events() -> Any:
        response = tuile.sse(one())
        bodies.append(weakref.ref(response.response))
        return response

    async def main() -> None:
        await Server(make_scope()).ask(app)
        gc.disable()
        try:
            await Server(make_scope()).ask(app)
            await asyncio.sleep(0)
            assert bodies[-1]() is None
        finally:
            gc.enable()

    run(main)


def test_a_generator_with_a_timeout_of_its_own_goes_on_while_comments_are_sent() -> None:
    client = Client(slowness=1)

    async def events() -> AsyncIterator[str]:
        for _ in range(3):
            try:
                await asyncio.wait_for(asyncio.sleep(1000), 9)
            except asyncio.TimeoutError:
                yield "late"

    on_quick_loop(lambda: stream_of(events(), client))
    assert client.text == "late;" * 3
    assert client.is_complete
    assert sum(body == COMMENT for _, body in client.got) > 6


def test_a_length_that_was_announced_is_kept_to() -> None:
    app = tuile.Flask("events", static_folder=None)

    async def numbers() -> AsyncIterator[str]:
        for _ in range(9):
            yield "x"

    @app.get("/")
    async def events() -> Any:
        return tuile.sse(numbers(), headers={"Content-Length": "12"})

    async def main() -> Any:
        await Server(make_scope()).ask(app)
        return await Server(make_scope()).ask(app)

    assert run(main).body == b":\n\ndata: x\n\n"
