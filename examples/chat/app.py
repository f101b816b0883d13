"""A chat: log in with two browsers, and write to each other. It has one room, which is gone when the server stops.

Start it with `uvicorn examples.chat.app:app`.
"""

from __future__ import annotations

import asyncio

from werkzeug import Response

from tuile import Flask, abort, redirect, render_template, request, session, url_for, websocket

app = Flask(__name__)
# The room is in the memory of one process, and so may the sessions be.
app.config["SESSION_STORE"] = "memory"
app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
# Other sites cannot post a form to this one. They cannot open its WebSocket in a visitor's name either, see below.
app.config["CSRF"] = "fetch"

#: What each open page has still to be told.
room: set[asyncio.Queue[dict[str, str]]] = set()


def tell(kind: str, user: str, text: str = "") -> None:
    """Tell all pages. A page that is far behind misses it."""
    for queue in room:
        if not queue.full():
            queue.put_nowait({"kind": kind, "user": user, "text": text})


@app.get("/")
def index() -> str:
    return render_template("chat.html", user=session.get("_user_id"))


@app.post("/login")
def login() -> Response:
    session["_user_id"] = request.form["user"] or abort(400)
    return redirect(url_for("index"))


@app.post("/logout")
def logout() -> Response:
    # The WebSockets of this session are closed, those in other tabs included.
    session.end()
    return redirect(url_for("index"))


@app.websocket("/chat")
async def chat() -> None:
    # Reading the session refuses a handshake that another site made the browser send.
    user = session.get("_user_id") or abort(401)
    await websocket.accept()
    queue: asyncio.Queue[dict[str, str]] = asyncio.Queue(100)
    room.add(queue)
    sending = asyncio.create_task(send_from(queue))
    tell("joined", user)
    try:
        async for message in websocket:
            tell("said", user, str(message)[:1000])
    finally:
        sending.cancel()
        room.discard(queue)
        tell("left", user)


async def send_from(queue: asyncio.Queue[dict[str, str]]) -> None:
    while True:
        await websocket.send_json(await queue.get())
