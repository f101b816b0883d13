"""One server-sent event and its lines.

The source is https://html.spec.whatwg.org/multipage/server-sent-events.html, sections "Parsing an event stream" and
"Interpreting an event stream", read on 2026-11-28.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

if t.TYPE_CHECKING:
    from collections.abc import Callable

# The ends of a line: these and no others, unlike those of `str.splitlines`.
_LINE_ENDS = re.compile("\r\n|\r|\n")
_SURROGATES = re.compile("[\ud800-\udfff]")
#: Nothing for the client: it keeps the connection open, and makes servers send the headers.
COMMENT = b":\n\n"


@dataclass(frozen=True)
class ServerSentEvent:
    """One event of a stream that `sse` sends.

    Attributes:
        data: The text of the event, which may have several lines. Other values are sent as JSON. With None, the
            browser is told the rest but gets no event.
        event: The name that a page listens for by `addEventListener`; without one it is `message`.
        id: What the browser sends as `Last-Event-ID` when it connects again after this event.
        retry: After how many milliseconds the browser connects again when the connection is lost.
        comment: A text that browsers ignore.

    Raises:
        TypeError: If an attribute is of another type.
        ValueError: If `event` or `id` has a line break, with which it could contain other events, `id` has a NUL, which
            browsers do not accept, or `retry` is negative.
    """

    data: object = None
    event: str | None = None
    id: str | None = None
    retry: int | None = None
    comment: str | None = None

    def __post_init__(self) -> None:
        _check_line("event", self.event, "\r\n")
        _check_line("id", self.id, "\r\n\0")
        if self.comment is not None and not isinstance(self.comment, str):
            raise TypeError(f"The comment of a server-sent event is a str, not {self.comment!r}.")
        if self.retry is not None:
            if type(self.retry) is not int:
                raise TypeError(f"The retry of a server-sent event is an int of milliseconds, not {self.retry!r}.")
            if self.retry < 0:
                raise ValueError(f"The retry of a server-sent event is at least 0 milliseconds, not {self.retry}.")
        if isinstance(self.data, (bytes, bytearray, memoryview)):
            raise TypeError(
                f"The data of a server-sent event is text, not {type(self.data).__name__}. Decode it: data.decode()."
            )


def _check_line(name: str, value: object, forbidden: str) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise TypeError(f"The {name} of a server-sent event is a str, not {value!r}. Write: {name}={str(value)!r}.")
    if any(character in value for character in forbidden):
        raise ValueError(
            f"The {name} of a server-sent event is one line without NUL, not {value!r}. Send long texts as data."
        )


def _event_of(data: object) -> ServerSentEvent:
    if data is None:
        raise TypeError("None is no event. Leave it out, or send a comment: ServerSentEvent(comment='').")
    return ServerSentEvent(data)


def encode_event(event: object, dumps: Callable[[object], str]) -> bytes:
    """Return the lines of an event, with the empty line at its end.

    Args:
        event: A `ServerSentEvent`, or the data of one.
        dumps: Writes JSON.

    Raises:
        TypeError: If it is no event, or has data that is not JSON.
    """
    if type(event) is str and "\n" not in event and "\r" not in event and event.isascii():
        return f"data: {event}\n\n".encode()
    if not isinstance(event, ServerSentEvent):
        event = _event_of(event)
    lines = []
    if event.comment is not None:
        lines += [f": {line}" for line in _LINE_ENDS.split(event.comment)]
    if event.event:
        lines.append(f"event: {event.event}")
    if event.id is not None:
        lines.append(f"id: {event.id}")
    if event.retry is not None:
        lines.append(f"retry: {event.retry}")
    if event.data is not None:
        data = event.data if isinstance(event.data, str) else dumps(event.data)
        lines += [f"data: {line}" for line in _LINE_ENDS.split(data)]
    text = "\n".join(lines) + "\n\n"
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half of a pair, which JSON of a client may contain. Browsers send the same character for it.
        return _SURROGATES.sub("\ufffd", text).encode()
