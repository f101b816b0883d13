#!/usr/bin/env python3
"""What one request through an ASGI callable costs, for Tuile and for other frameworks, in one interleaved run.

Every peer answers the same works within one process and one event loop, without a server. CPU time is counted, of all
threads. Requests come 32 at once, as they do where threads are worth something. Each round asks every peer once; the
medians of the rounds are printed, and the ratios to the bare callable within a round.

Usage: `python benchmarks/asgi.py [--rounds N] [--works echo ...] [--here]`; with `--here` only peers that are installed
are measured, without making the environment of the benchmarks.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.measuring import environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

HELLO = "Hello, World!"
PIECES = 100
MESSAGES = 1000
AT_ONCE = 32
HEADERS = [
    (b"host", b"127.0.0.1:8000"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0"),
    (b"accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    (b"accept-language", b"en-GB,en;q=0.9"),
    (b"accept-encoding", b"gzip, deflate, br, zstd"),
    (b"connection", b"keep-alive"),
    (b"cookie", b"consent=yes; theme=dark; lang=en-GB"),
]
#: The works, and how many requests of each are asked for in a round.
WORKS = {"sync": 320, "async": 1600, "json": 1600, "cookie": 640, "stream": 32, "astream": 32, "open": 320, "echo": 32}
#: Of how many parts they consist, each of which is told.
PARTS = {"stream": PIECES, "astream": PIECES, "echo": MESSAGES}
TITLES = {
    "sync": "hello, a synchronous view",
    "async": "hello, an `async def` view",
    "json": "JSON, an `async def` view",
    "cookie": "one cookie read and one set, an `async def` view",
    "stream": "a piece of a generator",
    "astream": "a piece of an asynchronous generator",
    "open": "a WebSocket that is opened, and closed by the client",
    "echo": "a message of a WebSocket, and its echo",
}


def pieces() -> Iterator[bytes]:
    """Yield the pieces of a stream."""
    for _ in range(PIECES):
        yield b"x" * 100


async def async_pieces() -> AsyncIterator[bytes]:
    """Yield the pieces of a stream."""
    for _ in range(PIECES):
        yield b"x" * 100


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """Answer as little as possible by hand."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
        return
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", b"13")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if scope["path"] in {"/stream", "/astream"}:
        for piece in pieces():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"Hello, World!", "more_body": False})


def make_interface(lib: Any, *, awaits: bool) -> Any:  # noqa: C901 - an application with its views
    """Return the application for a library with Flask's interface."""
    app = lib.Flask("works", static_folder=None) if hasattr(lib, "Flask") else lib.Quart("works", static_folder=None)
    app.get("/sync")(lambda: HELLO)

    def hello() -> Any:
        return HELLO

    def json() -> Any:
        return {"id": 42, "name": "ada", "active": True, "roles": ["reader", "writer"]}

    def stream() -> Any:
        return lib.Response(pieces())

    def astream() -> Any:
        return lib.Response(async_pieces())

    async def set_cookie() -> Any:
        response = lib.Response(lib.request.cookies["theme"])
        response.set_cookie("theme", "light", max_age=3600, secure=True, httponly=True, samesite="Lax")
        return response

    def set_cookie_too() -> Any:
        response = lib.Response(lib.request.cookies["theme"])
        response.set_cookie("theme", "light", max_age=3600, secure=True, httponly=True, samesite="Lax")
        return response

    def awaited(view: Callable[[], Any]) -> Any:
        async def call() -> Any:
            return view()

        return call if awaits else view

    for name, view in (("async", hello), ("json", json), ("astream", astream if awaits else stream)):
        app.add_url_rule(f"/{name}", name, awaited(view))
    app.add_url_rule("/cookie", "cookie", set_cookie if awaits else set_cookie_too)
    app.add_url_rule("/stream", "stream", stream)

    async def echo() -> None:
        while True:
            await lib.websocket.send(await lib.websocket.receive())

    async def echo_each() -> None:
        async for message in lib.websocket:
            await lib.websocket.send(message)

    if awaits:
        # As the documentation of each writes it.
        app.websocket("/echo")(echo if lib.__name__ == "quart" else echo_each)
    return app


def tuile_app() -> Any:
    """Return the application in Tuile."""
    import tuile  # noqa: PLC0415 - each peer where it is made

    return make_interface(tuile, awaits=True)


def quart_app() -> Any:
    """Return the application in Quart."""
    import quart  # noqa: PLC0415 - each peer where it is made

    return make_interface(quart, awaits=True)


def a2wsgi_app() -> Any:
    """Return the application in Flask, behind a2wsgi; its views are synchronous."""
    import flask  # noqa: PLC0415 - each peer where it is made
    from a2wsgi import WSGIMiddleware  # noqa: PLC0415

    return WSGIMiddleware(make_interface(flask, awaits=False))


def starlette_app() -> Any:
    """Return the application in Starlette."""
    from starlette.applications import Starlette  # noqa: PLC0415 - each peer where it is made
    from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse  # noqa: PLC0415
    from starlette.routing import Route, WebSocketRoute  # noqa: PLC0415

    async def awaited(request: Any) -> Any:
        return PlainTextResponse(HELLO)

    async def json(request: Any) -> Any:
        return JSONResponse({"id": 42, "name": "ada", "active": True, "roles": ["reader", "writer"]})

    async def cookie(request: Any) -> Any:
        response = PlainTextResponse(request.cookies["theme"])
        response.set_cookie("theme", "light", max_age=3600, secure=True, httponly=True, samesite="lax")
        return response

    views: dict[str, Any] = {
        "sync": lambda request: PlainTextResponse(HELLO),
        "async": awaited,
        "json": json,
        "cookie": cookie,
        "stream": lambda request: StreamingResponse(pieces()),
        "astream": lambda request: StreamingResponse(async_pieces()),
    }

    async def echo(websocket: Any) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)

    routes: list[Any] = [Route(f"/{name}", view) for name, view in views.items()]
    return Starlette(routes=[*routes, WebSocketRoute("/echo", echo)])


def blacksheep_app() -> Any:
    """Return the application in BlackSheep, which is compiled."""
    from blacksheep import Application, Cookie, Response, StreamedContent, json, text  # noqa: PLC0415
    from blacksheep.cookies import CookieSameSiteMode  # noqa: PLC0415
    from blacksheep.server.routing import Router  # noqa: PLC0415

    router = Router()  # type: ignore[no-untyped-call] # it has types where the benchmarks run
    app = Application(router=router)

    async def hello() -> Any:
        return text(HELLO)

    async def user() -> Any:
        return json({"id": 42, "name": "ada", "active": True, "roles": ["reader", "writer"]})

    async def cookie(request: Any) -> Any:
        response = text(request.cookies["theme"])
        response.set_cookie(
            Cookie("theme", "light", max_age=3600, secure=True, http_only=True, same_site=CookieSameSiteMode.LAX)
        )
        return response

    async def stream() -> Any:
        return Response(200, content=StreamedContent(b"text/plain", async_pieces))

    for name, view in (("async", hello), ("json", user), ("cookie", cookie), ("astream", stream)):
        router.add("GET", f"/{name}", view)
    return app


PEERS: dict[str, Callable[[], Any]] = {
    "bare": lambda: bare,
    "Tuile": tuile_app,
    "Starlette": starlette_app,
    "Quart": quart_app,
    "a2wsgi(Flask)": a2wsgi_app,
    "BlackSheep": blacksheep_app,
}


async def echo(app: Any, messages: int) -> tuple[int, bytes]:
    """Open a WebSocket, send a message after each echo, and return what came back."""
    incoming: asyncio.Queue[Any] = asyncio.Queue()
    received = []

    async def send(message: Any) -> None:
        if message["type"] == "websocket.send":
            received.append(message["text"])
        if message["type"] == "websocket.close":
            return
        more = len(received) < messages
        left = {"type": "websocket.disconnect", "code": 1000}
        incoming.put_nowait({"type": "websocket.receive", "text": HELLO} if more else left)

    incoming.put_nowait({"type": "websocket.connect"})
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": "/echo",
        "raw_path": b"/echo",
        "query_string": b"",
        "root_path": "",
        "headers": HEADERS,
        "subprotocols": [],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
    }
    await app(scope, incoming.get, send)
    return 200, "".join(received).encode()


async def ask(app: Any, path: str) -> tuple[int, bytes]:
    """Send a request, and return the status and the body."""
    if path in {"/echo", "/open"}:
        return await echo(app, MESSAGES if path == "/echo" else 0)
    status, body, is_read = 0, b"", False

    async def receive() -> Any:
        nonlocal is_read
        if is_read:
            await asyncio.Event().wait()
        is_read = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status, body
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            body += message.get("body", b"")

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": HEADERS,
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
    }
    await app(scope, receive, send)
    return status, body


async def cost_us(app: Any, path: str, count: int) -> float:
    """Return the CPU time of one request in microseconds, of `count` that come some at once."""

    async def several() -> None:
        for _ in range(count // AT_ONCE):
            await ask(app, path)

    started = time.process_time()
    await asyncio.gather(*(several() for _ in range(AT_ONCE)))
    return (time.process_time() - started) / count * 1e6


def is_right(work: str, answer: tuple[int, bytes]) -> bool:
    """Return whether an answer is the one to a work."""
    status, body = answer
    if work in {"echo", "open"}:
        return body == HELLO.encode() * (MESSAGES if work == "echo" else 0)
    if work in {"stream", "astream"}:
        return status == 200 and body.startswith(b"x" * 100 * PIECES)
    return status == 200 and bool(body)


#: What a peer is not asked for: synchronous views and generators would block the loop of BlackSheep, and WSGI has no
#: WebSockets.
LACKS = {"BlackSheep": ("sync", "stream", "open", "echo"), "a2wsgi(Flask)": ("open", "echo")}


def make_apps(names: Iterable[str] = tuple(PEERS)) -> dict[str, Any]:
    """Return the applications of the peers that are installed."""
    apps: dict[str, Any] = {}
    for name in names:
        try:
            apps[name] = PEERS[name]()
        except ImportError as missing:
            print(f"{name} is left out: {missing}", file=sys.stderr)
    return apps


async def measure(rounds: int, works: Iterable[str] = tuple(WORKS)) -> dict[str, dict[str, list[float]]]:
    """Return the costs of each work by peer."""
    apps = make_apps()
    for name in set(apps) & {"BlackSheep"}:
        await apps[name].start()
    found: dict[str, dict[str, list[float]]] = {
        work: {name: [] for name in apps if work not in LACKS.get(name, ())} for work in works
    }
    for work in works:
        for name in found[work]:
            app = apps[name]
            if not all([is_right(work, await ask(app, f"/{work}")) for _ in range(30)]):
                raise SystemExit(f"{name} gives a wrong answer to {work!r}")
    for _ in range(rounds):
        for work in works:
            for name in found[work]:
                cost = await cost_us(apps[name], f"/{work}", WORKS[work])
                found[work][name].append(cost / PARTS.get(work, 1))
    return found


def table(found: dict[str, dict[str, list[float]]]) -> str:
    """Return the medians in a Markdown table."""
    lines = [f"| CPU in µs | {' | '.join(PEERS)} |", f"| --- |{' ---: |' * len(PEERS)}"]
    for work, of_peers in found.items():
        cells = [f"{statistics.median(of_peers[name]):.3g}" if of_peers.get(name) else "-" for name in PEERS]
        lines.append(f"| {TITLES[work]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=11, help="default: %(default)s")
    parser.add_argument("--works", nargs="+", choices=list(WORKS), default=list(WORKS), help="default: all")
    parser.add_argument("--here", action="store_true", help="measure what is installed here")
    options = parser.parse_args()
    if not options.here:
        environment.enter()
    logging.disable(logging.WARNING)
    print(table(asyncio.run(measure(options.rounds, options.works))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
