"""What public reports say goes wrong on ASGI servers, as an application: see `test_asgi_servers`."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from contextvars import ContextVar
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuile import Blueprint, Flask, Response, has_app_context, jsonify, request, stream_with_context, websocket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

app = Flask(__name__, static_folder=None)
app.config.update(ASGI_WORKERS=8, MAX_CONTENT_LENGTH=1000)
members: Any = import_module("members")
socks: Any = import_module("socks") if find_spec("flask_sock") else None
MEMBERS = {"/enter", "/me", "/me/async", "/me/nothing", "/leave"}
#: What happened, told by `/events`.
events: list[Any] = []


async def served(scope: Any, receive: Any, send: Any) -> None:
    """Call the application as a server does, and note what it leaves behind."""
    before = has_app_context()
    called = members.app if scope.get("path") in MEMBERS else app
    if socks is not None and scope.get("path", "").startswith("/sock/"):
        called = socks.app
    try:
        await called(scope, receive, send)
    finally:
        if before or has_app_context():
            events.append(["left behind", scope.get("path")])
        if scope.get("path", "").startswith("/endless/"):
            events.append(["returned", scope["path"]])


@app.get("/events")
def tell() -> Any:
    return jsonify(events)


# --- one loop ---------------------------------------------------------------------------------------------------------


class Client:
    """A connection that works only on the loop that it was made on."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self.lock = reader, writer, asyncio.Lock()

    async def ask(self, text: str) -> str:
        async with self.lock:
            self.writer.write(f"{text}\n".encode())
            await self.writer.drain()
            return (await self.reader.readline()).decode().strip()


clients: list[Client] = []
loops: dict[str, int] = {}
port = 0


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line)
    writer.close()


@app.while_serving
async def serve_echo() -> AsyncIterator[None]:
    global port  # noqa: PLW0603 - the views connect to it
    loops["serving"] = id(asyncio.get_running_loop())
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield
    for client in clients:
        client.writer.close()
    server.close()


@app.get("/client/<text>")
async def ask_client(text: str) -> str:
    if not clients:
        clients.append(Client(*await asyncio.open_connection("127.0.0.1", port)))
    loops["view"] = id(asyncio.get_running_loop())
    return await clients[0].ask(text)


hooked = Blueprint("hooked", __name__)


@hooked.before_request
async def note_loop() -> None:
    loops["hook"] = id(asyncio.get_running_loop())


@hooked.get("/hooked")
def after_a_coroutine() -> str:
    return "in a thread"


@app.websocket("/loops")
async def tell_loops() -> None:
    loops["websocket"] = id(asyncio.get_running_loop())
    await websocket.send_json(loops)


# --- bodies -----------------------------------------------------------------------------------------------------------


def most_memory() -> int:
    """Return the largest amount of memory that this process has had, in KiB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def drain() -> int:
    request.max_content_length = 2**40
    total = 0
    while piece := request.stream.read(64 * 1024):
        total += len(piece)
    return total


@app.get("/memory")
def memory() -> str:
    return str(most_memory())


@app.post("/upload/sync")
def upload() -> str:
    return str(drain())


@app.post("/upload/async")
async def upload_awaited() -> str:
    request.max_content_length = 2**40
    count = 0
    async for piece in request.pieces():
        count += len(piece)
    return str(count)


@app.post("/limit/<limit>")
def limited(limit: str) -> str:
    if limit != "app":
        request.max_content_length = int(limit)
    return str(len(request.get_data()))


# --- streams ----------------------------------------------------------------------------------------------------------


@app.get("/endless/sync/<name>")
def endless(name: str) -> Response:
    thread = threading.get_ident()

    def pieces() -> Iterator[str]:
        try:
            while True:
                yield "x" * 1000
        finally:
            events.append(["closed", request.path, threading.get_ident() == thread])

    return Response(stream_with_context(pieces()))


@app.get("/endless/async/<name>")
async def endless_async(name: str) -> Response:
    thread = threading.get_ident()

    async def pieces() -> AsyncIterator[str]:
        try:
            while True:
                # It never waits, and some servers' `send` never does.
                yield "x" * 1000
        finally:
            events.append(["closed", request.path, threading.get_ident() == thread])

    return Response(stream_with_context(pieces()))


next_may_end = threading.Event()


@app.get("/waiting/<name>")
def waiting(name: str) -> Response:
    thread = threading.get_ident()

    def pieces() -> Iterator[str]:
        try:
            yield "x" * 1000
            next_may_end.wait(100)
            events.append(["next ended", request.path])
            yield "y"
            events.append(["went on", request.path])
        finally:
            events.append(["closed", request.path, threading.get_ident() == thread])

    return Response(stream_with_context(pieces()))


@app.post("/waiting")
async def let_it_end() -> str:
    next_may_end.set()
    return ""


@app.get("/asks/sync/<name>")
def asks(name: str) -> str:
    give_up = time.monotonic() + 20
    while not request.is_disconnected() and time.monotonic() < give_up:
        time.sleep(0.01)
    events.append(["asked", request.path, request.is_disconnected()])
    return ""


@app.get("/asks/async/<name>")
async def asks_on_loop(name: str) -> str:
    give_up = time.monotonic() + 20
    while not await request.is_disconnected() and time.monotonic() < give_up:  # noqa: ASYNC110 - it sets no event
        await asyncio.sleep(0.01)
    events.append(["asked", request.path, await request.is_disconnected()])
    return ""


@app.get("/pauses/<name>")
def pauses(name: str) -> Response:
    def pieces() -> Iterator[str]:
        yield "x" * 1000
        try:
            while True:
                # A queue that stays empty would wait like this.
                time.sleep(0.05)
                yield ""
        finally:
            events.append(["closed", request.path])

    return Response(stream_with_context(pieces()))


@app.get("/large")
def large() -> Response:
    return Response(b"x" * 10_000_000)


# --- threads ----------------------------------------------------------------------------------------------------------

together = threading.Barrier(8, timeout=120)


@app.get("/together")
def wait_for_the_others() -> str:
    return str(together.wait())


may_end = threading.Event()


@app.post("/background/<int:count>")
def start_tasks(count: int) -> str:
    name = request.args.get("name")

    def work() -> None:
        may_end.wait(100)
        events.append(["worked", name])

    for _ in range(count):
        app.add_background_task(work)
    return "started"


@app.post("/background/begin")
def let_tasks_wait() -> str:
    may_end.clear()
    return ""


@app.post("/background/end")
def end_tasks() -> str:
    may_end.set()
    return ""


@app.get("/hello")
def hello() -> str:
    return "hello"


# --- variables, threads and connections of a request ------------------------------------------------------------------

variable: ContextVar[str] = ContextVar("variable", default="unset")
variables = Blueprint("variables", __name__)


@variables.before_request
def set_variable() -> None:
    events.extend([] if variable.get() == "unset" else [["not unset", variable.get()]])
    variable.set(request.args["n"])


@variables.after_request
def add_variable(response: Any) -> Any:
    response.headers["X-After"] = variable.get()
    return response


@variables.teardown_request
def note_variable(_: BaseException | None) -> None:
    if variable.get() != request.args["n"]:
        events.append(["lost in teardown", request.args["n"]])


@variables.get("/variable")
async def read_variable() -> str:
    await asyncio.sleep(0.001)
    return variable.get()


@variables.get("/variable/sync")
def read_variable_in_a_thread() -> str:
    return variable.get()


local = threading.local()
database = Blueprint("database", __name__)


@database.before_request
def start() -> None:
    local.threads = {threading.get_ident()}


@database.teardown_request
def disconnect(_: BaseException | None) -> None:
    # As in Flask, a stream has this twice: before its first piece and after its last.
    local.threads.add(threading.get_ident())
    connection = local.__dict__.pop("connection", None)
    if connection is not None:
        connection.close()
    if len(local.threads) != 1:
        events.append(["threads", len(local.threads)])


def query(number: str) -> str:
    local.threads.add(threading.get_ident())
    if not hasattr(local, "connection"):
        local.connection = sqlite3.connect(":memory:")
    ((found,),) = local.connection.execute("select ?", (number,)).fetchall()
    return str(found)


@database.get("/database/view/<number>")
def from_view(number: str) -> str:
    return query(number)


@database.get("/database/async/<number>")
async def from_coroutine(number: str) -> str:
    # Functions before and after it may share a connection, so all of them are called in one thread.
    await asyncio.sleep(0.001)
    return number


@database.get("/database/stream/<number>")
def from_stream(number: str) -> Response:
    def pieces() -> Iterator[str]:
        for digit in number:
            yield query(digit)
            time.sleep(0.001)

    return Response(stream_with_context(pieces()))


@app.get("/tokens/<number>")
async def tokens(number: str) -> Response:
    await asyncio.sleep(0)

    async def pieces() -> AsyncIterator[str]:
        for _ in range(3):
            await asyncio.sleep(0)
            yield request.path

    return Response(stream_with_context(pieces()))


# --- scopes -----------------------------------------------------------------------------------------------------------


@app.get("/cookies")
def cookies() -> Any:
    return jsonify(request.cookies, request.headers.get("X-Some"))


@app.get("/user")
def user() -> Any:
    return jsonify([request.headers.get("X-User")])


@app.get("/fails")
def fails() -> Response:
    def pieces() -> Iterator[str]:
        yield "x" * 1000
        raise ConnectionAbortedError("in the middle, on purpose")

    return Response(pieces())


for blueprint in (hooked, variables, database):
    app.register_blueprint(blueprint)
