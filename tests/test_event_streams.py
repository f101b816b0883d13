"""Server-sent events: their lines, read by the algorithm of the standard, and the streams that send them."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tuile
from tests.asgi.driver import Server, make_scope, run, send, until
from tuile import Flask, ServerSentEvent, request, session, sse, stream_with_context
from tuile.event_streams.producers import AwaitedProducer
from tuile.http.server_sent_events import encode_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


class Dispatched(NamedTuple):
    """An event as a page gets it."""

    event: str
    data: str
    last_id: str


class EventSource:
    """The algorithm of https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation."""

    def __init__(self, stream: bytes) -> None:
        self.dispatched: list[Dispatched] = []
        self.retry: int | None = None
        self.comments: list[str] = []
        self.data = self.event = self.id_buffer = self.last_id = ""
        text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
        *lines, rest = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        assert rest == "", "the stream ends within a line"
        for line in lines:
            self.process(line)

    def process(self, line: str) -> None:
        if not line:
            self.dispatch()
        elif line.startswith(":"):
            self.comments.append(line[1:])
        else:
            field, colon, value = line.partition(":")
            self.field(field, value.removeprefix(" ") if colon else "")

    def field(self, name: str, value: str) -> None:
        if name == "event":
            self.event = value
        elif name == "data":
            self.data += f"{value}\n"
        elif name == "id" and "\0" not in value:
            self.id_buffer = value
        elif name == "retry" and value and all("0" <= letter <= "9" for letter in value):
            self.retry = int(value)

    def dispatch(self) -> None:
        self.last_id = self.id_buffer
        if self.data:
            self.dispatched.append(Dispatched(self.event or "message", self.data.removesuffix("\n"), self.last_id))
        self.data = self.event = ""


LINE_ENDS = st.sampled_from(["\n", "\r", "\r\n", "\n\n", "\r\r\n", "\u2028", "\x0b", "\x85", "\0"])
WORDS = st.sampled_from(["data: x", "id: 1", ":", " ", "event", "retry: 5", "\ufeff", "", "é", "😀", "{}"])
ANY_TEXT = st.lists(st.one_of(LINE_ENDS, WORDS, st.text(max_size=5)), max_size=6).map("".join)
ONE_LINE = ANY_TEXT.map(lambda text: text.replace("\n", "").replace("\r", ""))
EVENTS = st.builds(
    ServerSentEvent,
    st.one_of(st.none(), ANY_TEXT, st.integers(), st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=2)),
    st.one_of(st.none(), ONE_LINE),
    st.one_of(st.none(), ONE_LINE.map(lambda text: text.replace("\0", ""))),
    st.one_of(st.none(), st.integers(0, 10**9)),
    st.one_of(st.none(), ANY_TEXT),
)


def normalized(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


@given(st.lists(EVENTS, max_size=5))
def test_a_browser_reads_what_was_sent(events: list[ServerSentEvent]) -> None:
    source = EventSource(b"".join(encode_event(event, json.dumps) for event in events))
    last_id, expected, retry = "", [], None
    for event in events:
        last_id = last_id if event.id is None else event.id
        retry = retry if event.retry is None else event.retry
        if event.data is not None:
            text = event.data if isinstance(event.data, str) else json.dumps(event.data)
            expected.append(Dispatched(event.event or "message", normalized(text), last_id))
    assert source.dispatched == expected
    assert source.retry == retry
    assert source.last_id == last_id


class _Text(str):
    __slots__ = ()


@given(st.text(alphabet="ab \r\n\0:é\ud800\u2028{", max_size=6))
def test_a_text_is_an_event_with_this_data(text: str) -> None:
    sent = encode_event(text, json.dumps)
    assert sent == encode_event(ServerSentEvent(text), json.dumps) == encode_event(_Text(text), json.dumps)


@given(st.text(alphabet=st.characters()), st.text(alphabet=st.characters()))
def test_any_id_and_name_is_sent_as_it_is_or_refused(name: str, key: str) -> None:
    try:
        event = ServerSentEvent("x", event=name, id=key)
    except ValueError:
        assert set(name + key) & set("\r\n\0")
        return
    sent = encode_event(event, json.dumps)
    sent.decode()
    assert sent.count(b"\n") == 4 - (not name)


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        ({"event": "a\nb"}, ValueError, "event"),
        ({"event": "a\rb"}, ValueError, "event"),
        ({"id": "1\n2"}, ValueError, "id"),
        ({"id": "1\0"}, ValueError, "NUL"),
        ({"id": 5}, TypeError, "id='5'"),
        ({"event": 5}, TypeError, "event='5'"),
        ({"retry": "5"}, TypeError, "milliseconds"),
        ({"retry": True}, TypeError, "milliseconds"),
        ({"retry": -1}, ValueError, "at least 0"),
        ({"comment": 5}, TypeError, "comment"),
        ({"data": b"x"}, TypeError, r"data\.decode\(\)"),
    ],
)
def test_a_wrong_attribute_is_an_error_where_the_event_is_made(
    arguments: dict[str, object], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        ServerSentEvent(**arguments)  # type: ignore[arg-type]


def test_half_a_surrogate_pair_does_not_end_the_stream() -> None:
    assert encode_event("a\ud800b", json.dumps).decode() == "data: a\ufffdb\n\n"


def make_app(events: Callable[[], object], **options: object) -> Flask:
    app = Flask(__name__)

    @app.get("/events")
    def view() -> tuile.Response:
        return sse(events(), **options)  # type: ignore[arg-type]

    return app


SENT = [{"number": 1}, "two\nlines", ServerSentEvent("three", event="last", id="3")]
GOT = [Dispatched("message", '{"number": 1}', ""), Dispatched("message", "two\nlines", ""), ("last", "three", "3")]


def sync_events() -> Iterator[object]:
    yield from SENT


async def async_events() -> AsyncIterator[object]:
    for event in SENT:
        yield event
        await asyncio.sleep(0)


KINDS: dict[str, tuple[Callable[[], object], dict[str, object]]] = {
    "list": (lambda: SENT, {}),
    "generator": (sync_events, {}),
    "iterator": (lambda: iter(SENT), {}),
    "inline": (sync_events, {"keep_alive": None}),
    "asynchronous": (async_events, {}),
    "asynchronous without comments": (async_events, {"keep_alive": None}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("protocol", ["WSGI", "ASGI"])
def test_the_events_are_the_same_for_every_kind_and_protocol(kind: str, protocol: str) -> None:
    events, options = KINDS[kind]
    app = make_app(events, **options)
    if protocol == "WSGI":
        response = app.test_client().get("/events")
        headers, body = {name.lower(): value for name, value in response.headers}, response.data
    else:
        answer = send(app, "/events")
        headers, body = {name.decode(): value.decode() for name, value in answer.headers}, answer.body
    assert EventSource(body).dispatched == GOT
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["cache-control"] == "no-cache"
    assert headers["x-accel-buffering"] == "no"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "list"])
def test_the_headers_are_sent_before_the_first_event(kind: str) -> None:
    events, options = KINDS[kind]
    response = make_app(events, **options).test_client().get("/events", buffered=False)
    assert next(iter(response.response)) == b":\n\n"
    response.close()


async def native(body: object) -> bytes:
    return b"".join([piece async for piece in body.__aiter__()])  # type: ignore[attr-defined]


def test_an_asynchronous_body_can_be_awaited() -> None:
    app = make_app(async_events)

    async def main() -> bytes:
        with app.app_context():
            return await native(sse(async_events()).response)

    assert EventSource(run(main)).dispatched == GOT


@pytest.mark.parametrize("protocol", ["WSGI", "ASGI"])
@pytest.mark.parametrize("is_async", [False, True])
def test_comments_are_sent_while_there_is_no_event(protocol: str, is_async: bool) -> None:
    released = threading.Event()

    def silent() -> Iterator[str]:
        released.wait(100)
        yield "at last"

    async def silent_async() -> AsyncIterator[str]:
        await until(released.is_set)
        yield "at last"

    app = make_app(silent_async if is_async else silent, keep_alive=0.01)
    if protocol == "WSGI":
        pieces = iter(app.test_client().get("/events", buffered=False).response)
        assert [next(pieces) for _ in range(4)] == [b":\n\n"] * 4
        released.set()
        rest = b"".join(pieces).decode()  # type: ignore[arg-type]
    else:

        async def main() -> bytes:
            server = Server(make_scope("/events"))
            asking = asyncio.ensure_future(server.ask(app))
            await until(lambda: len(b"".join(server.bodies)) >= 9)
            released.set()
            return (await asking).body

        rest = run(main).decode()
    assert rest.endswith("data: at last\n\n")


class QuickLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer as soon as nothing else is to be done."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        waiting: Any = self
        if not waiting._ready and waiting._scheduled:
            self.now = max(self.now, min(timer.when() for timer in waiting._scheduled))
        super()._run_once()  # type: ignore[misc] # of every loop of asyncio


def octets(event: object) -> bytes:
    return str(event).encode()


# Never a multiple of a wait, and exact as a float.
KEEP_ALIVE = 2 + 1 / 64


@given(st.lists(st.integers(0, 11), max_size=6), st.integers(0, 3))
def test_comments_come_when_they_are_due(waits: list[int], slowness: int) -> None:
    loop = QuickLoop()
    got: list[tuple[float, bytes]] = []

    async def events() -> AsyncIterator[str]:
        for wait in waits:
            await asyncio.sleep(wait)
            yield "x"

    async def main() -> None:
        producer = AwaitedProducer(events(), octets)
        while (piece := await producer.next_piece(KEEP_ALIVE)) is not None:
            got.append((loop.now, piece))
            # As a slow client.
            await asyncio.sleep(slowness)
        await producer.end()

    loop.run_until_complete(main())
    loop.close()
    assert [piece for _, piece in got if piece != b":\n\n"] == [b"x"] * len(waits)
    # A comment ends a wait of this length, and nothing comes later.
    ready = 0.0
    for at, piece in got:
        assert at - ready == KEEP_ALIVE if piece == b":\n\n" else at - ready < KEEP_ALIVE
        ready = at + slowness


def test_many_events_need_few_timers() -> None:
    loop = QuickLoop()
    timers: list[asyncio.TimerHandle] = []

    def call_at(*args: Any, **kwargs: Any) -> asyncio.TimerHandle:
        timers.append(asyncio.SelectorEventLoop.call_at(loop, *args, **kwargs))
        return timers[-1]

    vars(loop)["call_at"] = call_at

    async def events() -> AsyncIterator[str]:
        for _ in range(200):
            await asyncio.sleep(0)
            yield "x"

    async def main() -> None:
        producer = AwaitedProducer(events(), octets)
        while await producer.next_piece(KEEP_ALIVE) is not None:
            pass
        await producer.end()

    loop.run_until_complete(main())
    loop.close()
    # None is left.
    assert [timer.cancelled() for timer in timers] == [True]


@pytest.mark.parametrize("protocol", ["WSGI", "ASGI"])
@pytest.mark.parametrize("is_async", [False, True])
def test_the_generator_is_closed_when_the_client_leaves(protocol: str, is_async: bool) -> None:
    closed: list[str] = []

    def endless() -> Iterator[str]:
        try:
            while True:
                yield "x"
        finally:
            closed.append(threading.current_thread().name)

    async def endless_async() -> AsyncIterator[str]:
        try:
            while True:
                yield "x"
        finally:
            closed.append(asyncio.current_task().get_name())  # type: ignore[union-attr]

    app = make_app(endless_async if is_async else endless)
    if protocol == "WSGI":
        response = app.test_client().get("/events", buffered=False)
        pieces = iter(response.response)
        assert [next(pieces) for _ in range(3)] == [b":\n\n", b"data: x\n\n", b"data: x\n\n"]
        response.close()
        while not closed:
            time.sleep(0.001)
    else:

        async def main() -> None:
            await Server(make_scope("/events"), leaves_after=3).ask(app)
            await until(lambda: closed)

        run(main)
    assert len(closed) == 1


def test_a_waiting_asynchronous_generator_is_closed_when_the_client_leaves() -> None:
    steps: list[str] = []

    async def silent() -> AsyncIterator[str]:
        yield "x"
        try:
            await asyncio.sleep(1000)
        finally:
            steps.append("closed")

    app = make_app(silent)

    async def main() -> None:
        await Server(make_scope("/events"), leaves_after=2).ask(app)
        await until(lambda: steps)

    run(main)
    assert steps == ["closed"]


@pytest.mark.parametrize("protocol", ["WSGI", "ASGI"])
def test_a_generator_that_goes_on_after_it_was_cancelled_is_closed(protocol: str) -> None:
    steps: list[str] = []

    async def stubborn() -> AsyncIterator[str]:
        yield "x"
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            steps.append("cancelled")
        try:
            yield "not sent"
        finally:
            steps.append("closed")

    app = make_app(stubborn, keep_alive=0.01)
    if protocol == "WSGI":
        response = app.test_client().get("/events", buffered=False)
        pieces = iter(response.response)
        assert [next(pieces) for _ in range(3)] == [b":\n\n", b"data: x\n\n", b":\n\n"]
        response.close()
        while len(steps) < 2:
            time.sleep(0.001)
    else:

        async def main() -> None:
            await Server(make_scope("/events"), leaves_after=3).ask(app)
            await until(lambda: len(steps) == 2)

        run(main)
    assert steps == ["cancelled", "closed"]


def test_an_awaited_body_closes_its_generator_in_the_task_that_made_the_events() -> None:
    tasks: list[object] = []

    async def silent() -> AsyncIterator[str]:
        tasks.append(asyncio.current_task())
        try:
            yield "x"
            await asyncio.sleep(1000)
        finally:
            tasks.append(asyncio.current_task())

    async def main() -> None:
        body = sse(silent()).response.__aiter__()  # type: ignore[union-attr]
        assert [await anext(body) for _ in range(2)] == [b":\n\n", b"data: x\n\n"]
        await body.aclose()

    run(main)
    assert len(tasks) == 2
    assert tasks[0] is tasks[1]


@pytest.mark.parametrize("turns", range(6))
def test_the_error_of_a_generator_that_has_just_ended_is_raised(turns: int) -> None:
    async def events() -> AsyncIterator[str]:
        yield "x"
        raise ZeroDivisionError

    async def main() -> None:
        got = []
        body: Any = sse(events()).response
        with pytest.raises(ZeroDivisionError):
            async for piece in body:
                got.append(piece)
                for _ in range(turns):
                    await asyncio.sleep(0)
        assert got == [b":\n\n", b"data: x\n\n"]

    run(main)


def test_a_stream_that_is_never_read_makes_no_event() -> None:
    made: list[int] = []

    def events() -> Iterator[int]:
        made.append(1)
        yield 1

    async def async_ones() -> AsyncIterator[int]:
        made.append(1)
        yield 1

    for function in (events, async_ones):
        assert make_app(function).test_client().head("/events").status_code == 200
    assert made == []


@pytest.mark.parametrize("kind", ["generator", "inline", "asynchronous"])
def test_an_error_in_a_generator_cuts_the_stream(kind: str) -> None:
    def failing() -> Iterator[str]:
        yield "x"
        raise ZeroDivisionError

    async def failing_async() -> AsyncIterator[str]:
        yield "x"
        raise ZeroDivisionError

    app = make_app(failing_async if kind == "asynchronous" else failing, **KINDS[kind][1])
    response = app.test_client().get("/events", buffered=False)
    with pytest.raises(ZeroDivisionError):
        b"".join(response.response)  # type: ignore[arg-type]
    with pytest.raises(ZeroDivisionError):
        send(app, "/events")


def test_no_more_than_one_event_is_made_ahead() -> None:
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    pieces = iter(make_app(numbers).test_client().get("/events", buffered=False).response)
    for _ in range(4):
        next(pieces)
    time.sleep(0.05)
    assert len(made) <= 4


def test_the_request_is_current_in_a_generator_with_context_only() -> None:
    def paths() -> Iterator[str]:
        yield request.path

    assert EventSource(make_app(lambda: stream_with_context(paths())).test_client().get("/events").data).dispatched == [
        Dispatched("message", "/events", "")
    ]
    with pytest.raises(RuntimeError, match="request context"):
        _ = make_app(paths).test_client().get("/events").data


def test_the_last_id_comes_from_the_browser() -> None:
    app = Flask(__name__)

    @app.get("/events")
    def view() -> tuile.Response:
        return sse([str(request.last_event_id)])

    client = app.test_client()
    assert client.get("/events").text == "data: None\n\n"
    assert client.get("/events", headers={"Last-Event-ID": "7"}).text == "data: 7\n\n"
    # Browsers send UTF-8.
    sent = "é😀".encode().decode("latin-1")
    assert client.get("/events", headers={"Last-Event-ID": sent}).text == "data: é😀\n\n"
    assert client.get("/events", headers={"Last-Event-ID": "\xff"}).text == "data: \ufffd\n\n"


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ("text", r"sse\(\['text'\]\)"),
        ({"a": 1}, r"sse\(\[\{'a': 1\}\]\)"),
        (ServerSentEvent("x"), "not one event"),
        (sync_events, r"Call it: sse\(sync_events\(\)\)"),
        (async_events, r"Call it: sse\(async_events\(\)\)"),
        (5, "not int"),
        (None, "not NoneType"),
    ],
)
def test_what_is_no_iterable_of_events_is_refused(events: object, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        sse(events)  # type: ignore[arg-type]


@pytest.mark.parametrize("keep_alive", [float("inf"), 1e10, 1e300])
@pytest.mark.parametrize("generator", [sync_events, async_events])
def test_keep_alive_may_be_longer_than_threads_can_wait(generator: Any, keep_alive: float) -> None:
    answer = make_app(generator, keep_alive=keep_alive).test_client().get("/events")
    assert answer.status_code == 200
    assert answer.data == make_app(generator).test_client().get("/events").data


@pytest.mark.parametrize("keep_alive", [0, -1])
def test_keep_alive_is_positive(keep_alive: float) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        sse([], keep_alive=keep_alive)


def test_headers_and_status_can_be_added() -> None:
    response = sse([], headers={"X-Own": "1", "Cache-Control": "no-store"}, status=201)
    assert response.status_code == 201
    assert (response.headers["X-Own"], response.headers["Cache-Control"]) == ("1", "no-store")


# --- sessions ---------------------------------------------------------------------------------------------------------


def with_sessions(*, keep_alive: float | None = 3600.0) -> tuple[Flask, list[str]]:  # noqa: C901 - an application with its views
    """Return an application with a stream that never ends, and what happens in its generator."""
    app, steps = Flask(__name__), list[str]()
    app.config.update(SECRET_KEY="6a1f0c9e5b7d4e2f8a3b05d7c1e94b26", SESSION_STORE="memory", SESSION_CHECK_EVERY=3600)

    def events() -> Iterator[str]:
        try:
            while True:
                yield "x"
                time.sleep(0.01)
        finally:
            steps.append("closed")

    async def async_silence() -> AsyncIterator[str]:
        try:
            yield "x"
            await asyncio.sleep(1000)
        finally:
            steps.append("closed")

    async def async_reader() -> AsyncIterator[str]:
        try:
            yield session["_user_id"]
            await asyncio.sleep(1000)
        finally:
            steps.append("closed")

    @app.post("/login")
    def login() -> str:
        session["_user_id"] = "me"
        return ""

    @app.get("/anonymous")
    def anonymous() -> tuile.Response:
        return sse(events(), keep_alive=keep_alive)

    @app.get("/generator")
    def generator() -> tuile.Response:
        assert session["_user_id"] == "me"
        return sse(events(), keep_alive=keep_alive)

    @app.get("/sync-view")
    def sync_view() -> tuile.Response:
        assert session["_user_id"] == "me"
        return sse(async_silence(), keep_alive=keep_alive)

    @app.get("/async-view")
    async def async_view() -> tuile.Response:
        assert session["_user_id"] == "me"
        return sse(async_silence(), keep_alive=keep_alive)

    @app.get("/in-generator")
    async def in_generator() -> tuile.Response:
        return sse(stream_with_context(async_reader()), keep_alive=keep_alive)

    return app, steps


STREAMS = {
    "a generator": ("/generator", {}),
    "a generator without comments": ("/generator", {"keep_alive": None}),
    "an asynchronous generator": ("/async-view", {}),
    "an asynchronous generator without comments": ("/async-view", {"keep_alive": None}),
    "an asynchronous generator of a synchronous view": ("/sync-view", {}),
    "a generator that reads the session itself": ("/in-generator", {}),
}


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize("protocol", ["WSGI", "ASGI"])
def test_a_stream_ends_when_its_session_is_ended(kind: str, protocol: str) -> None:
    path, options = STREAMS[kind]
    app, steps = with_sessions(**options)
    client = app.test_client()
    client.post("/login")
    cookie = client.get_cookie("session")
    assert cookie is not None
    sent = (b"cookie", f"session={cookie.value}".encode())
    if protocol == "WSGI":
        response = client.get(path, buffered=False)
        pieces = iter(response.response)
        assert [next(pieces), next(pieces)][0] == b":\n\n"
        app.sessions.end_all("me")
        for _ in pieces:
            pass
        response.close()
    else:

        async def main() -> None:
            server = Server(make_scope(path, headers=[sent]))
            asking = asyncio.ensure_future(server.ask(app))
            await until(lambda: len(server.bodies) >= 2)
            app.sessions.end_all("me")
            assert (await asking).status == 200

        run(main)
    while not steps:
        time.sleep(0.001)
    assert steps == ["closed"]


@pytest.mark.parametrize("protocol", ["WSGI", "ASGI"])
def test_a_stream_that_read_no_session_goes_on(protocol: str) -> None:
    app, steps = with_sessions()
    client = app.test_client()
    client.post("/login")
    if protocol == "WSGI":
        response = client.get("/anonymous", buffered=False)
        pieces = iter(response.response)
        next(pieces)
        app.sessions.end_all("me")
        assert [next(pieces) for _ in range(3)] == [b"data: x\n\n"] * 3
        response.close()
    else:

        async def main() -> None:
            server = Server(make_scope("/anonymous"), leaves_after=5)
            asking = asyncio.ensure_future(server.ask(app))
            await until(lambda: len(server.bodies) >= 2)
            app.sessions.end_all("me")
            await asking

        run(main)
    while not steps:
        time.sleep(0.001)
