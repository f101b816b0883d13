"""An application with streams, uploads, and views that wait for each other."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response, jsonify, request, stream_with_context

app = Flask(__name__, static_folder=None)
app.config["ASGI_WORKERS"] = 8
events: list[Any] = []
together = threading.Barrier(8, timeout=20)


@app.get("/endless")
def endless() -> Response:
    thread = threading.get_ident()

    def pieces() -> Iterator[str]:
        try:
            while True:
                yield "x" * 1000
        finally:
            events.append([request.args["n"], threading.get_ident() == thread])

    return Response(stream_with_context(pieces()))


@app.get("/fails")
def fails() -> Response:
    def pieces() -> Iterator[str]:
        yield "x" * 1000
        raise ValueError("in the middle")

    return Response(pieces())


@app.post("/count")
def count() -> str:
    total = 0
    while piece := request.stream.read(64 * 1024):
        total += len(piece)
    return str(total)


@app.get("/together")
def wait_for_the_others() -> str:
    return str(together.wait())


@app.get("/loop")
async def loop() -> str:
    await asyncio.sleep(0)
    return str(id(asyncio.get_running_loop()))


@app.get("/events")
def tell() -> Any:
    return jsonify(events)


@app.get("/repeated")
def repeated() -> Any:
    return jsonify(request.headers.get("X-Some"), request.headers.get("X-User"))


@app.get("/cookies")
def cookies() -> Any:
    return jsonify(request.host, request.cookies)
