"""A board: what one browser writes appears in all others at once, by server-sent events.

Start it with `tuile run examples/events/app.py`, and open it in two windows.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from tuile import Flask, Response, ServerSentEvent, abort, render_template, request, sse

if TYPE_CHECKING:
    from collections.abc import Iterator

app = Flask(__name__)
# Other sites cannot post to this one.
app.config["CSRF"] = "fetch"


class Message(NamedTuple):
    number: int
    text: str


class Board:
    """The last messages, in this process. With several processes, a database or Redis would keep them."""

    def __init__(self) -> None:
        self.messages: deque[Message] = deque(maxlen=100)
        self.number = 0
        self.changed = threading.Condition()

    def write(self, text: str) -> None:
        with self.changed:
            self.number += 1
            self.messages.append(Message(self.number, text))
            self.changed.notify_all()

    def wait_after(self, last: int, timeout: float) -> list[Message]:
        """Return the messages after number `last` as soon as there is one, or none after `timeout` seconds."""
        with self.changed:
            self.changed.wait_for(lambda: self.number > last, timeout)
            return [message for message in self.messages if message.number > last]


board = Board()


@app.get("/")
def index() -> str:
    return render_template("board.html")


@app.post("/messages")
def write() -> tuple[str, int]:
    board.write(request.form["text"].strip()[:500] or abort(400))
    return "", 204


@app.get("/events")
def events() -> Response:
    # What the browser got last, when it connects again.
    last = request.last_event_id or ""
    return sse(messages_after(int(last) if last.isdecimal() and len(last) < 10 else 0))


def messages_after(last: int) -> Iterator[ServerSentEvent]:
    if last > board.number:
        # The server was started again, and counts from 1.
        last = 0
    while True:
        new = board.wait_after(last, timeout=5)
        for message in new:
            last = message.number
            yield ServerSentEvent({"text": message.text}, id=str(last))
        if not new:
            # Sent so that a client that left is noticed.
            yield ServerSentEvent(comment="still here")
