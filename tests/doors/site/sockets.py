"""An application with WebSockets, for the ASGI servers."""

from __future__ import annotations

import asyncio
import threading

from tuile import Flask, Response, abort, jsonify, session, websocket

app = Flask(__name__)
app.config.update(
    SECRET_KEY="6a1f0c9e5b7d4e2f8a3b05d7c1e94b26",
    SESSION_STORE="memory",
    SESSION_CHECK_EVERY=1,
    WEBSOCKET_GRACE=0.5,
    WEBSOCKET_MAX_SIZE=100_000,
)
ends: list[str] = []


@app.route("/ends")
def all_ends() -> Response:
    return jsonify(ends)


@app.route("/threads")
def threads() -> str:
    return str(threading.active_count())


@app.route("/login", methods=["POST"])
def login() -> str:
    session["_user_id"] = "me"
    return "in"


@app.route("/logout", methods=["POST"])
def logout() -> str:
    app.sessions.end_all("me")
    return "out"


@app.websocket("/echo")
async def echo() -> None:
    try:
        async for message in websocket:
            await websocket.send(message)
    finally:
        ends.append("echo")


@app.websocket("/sync")
def echo_in_a_thread() -> None:
    try:
        for message in websocket:
            websocket.send(message)
    finally:
        ends.append("sync")


@app.websocket("/accept")
async def accept() -> None:
    session["in"] = "yes"
    await websocket.accept({"X-Accepted": "yes"}, "b")
    await websocket.send(",".join(websocket.requested_subprotocols))


@app.websocket("/refused")
async def refused() -> None:
    abort(401)


@app.websocket("/close")
async def close() -> None:
    await websocket.close(4401, "log in")


@app.websocket("/returns")
async def returns() -> None:
    await websocket.accept()


@app.websocket("/fails")
async def fails() -> None:
    await websocket.accept()
    raise KeyError("oops")


@app.websocket("/json")
async def read_json() -> None:
    await websocket.send_json(await websocket.receive_json())


@app.websocket("/timeouts")
async def timeouts() -> None:
    got: list[str] = []
    while len(got) < 10:
        try:
            got.append(await asyncio.wait_for(websocket.receive(), 0.001))
        except asyncio.TimeoutError:
            continue
    await websocket.send(",".join(got))


@app.websocket("/sends")
async def sends() -> None:
    try:
        while True:
            await websocket.send("x" * 1000)
    finally:
        ends.append("sends")


@app.websocket("/waits")
async def waits() -> None:
    await websocket.accept()
    try:
        await asyncio.Event().wait()
    finally:
        ends.append("waits")


@app.websocket("/user")
async def user() -> None:
    await websocket.send(session.get("_user_id", "nobody"))
    await websocket.receive()
