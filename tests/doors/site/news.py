"""An application with streams of events whose sessions are in a file."""

from __future__ import annotations

import asyncio
import queue
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tuile import Flask, Response, jsonify, session, sse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

app = Flask(__name__)
FOLDER = tempfile.mkdtemp()
app.config.update(
    SECRET_KEY="6a1f0c9e5b7d4e2f8a3b05d7c1e94b26",
    SESSION_STORE=f"sqlite:///{Path(FOLDER) / 'sessions.db'}",
    SESSION_CHECK_EVERY=1,
)
ends: list[str] = []


@app.get("/ends")
def all_ends() -> Response:
    return jsonify(ends)


@app.post("/login")
def login() -> str:
    session["_user_id"] = "me"
    return str(app.config["SESSION_STORE"])


@app.post("/logout")
def logout() -> str:
    session.end()
    return "out"


def generator() -> Iterator[str]:
    never: queue.Queue[str] = queue.Queue()
    yield "first"
    try:
        while True:
            try:
                yield never.get(timeout=0.2)
            except queue.Empty:
                yield ""
    finally:
        ends.append("generator")


async def asynchronous() -> AsyncIterator[str]:
    yield "first"
    try:
        await asyncio.Event().wait()
    finally:
        ends.append("asynchronous")


@app.get("/generator")
def by_generator() -> Response:
    assert session["_user_id"] == "me"
    return sse(generator())


@app.get("/asynchronous")
async def by_asynchronous() -> Response:
    assert session["_user_id"] == "me"
    return sse(asynchronous())
