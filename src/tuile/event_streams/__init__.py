"""Server-sent events: a response that sends one event after another for as long as the browser listens."""

from __future__ import annotations

import typing as t
from collections.abc import AsyncIterable, Iterable, Mapping

from .. import json
from ..ctx.app_context import current_value
from ..http.server_sent_events import ServerSentEvent, encode_event
from .body import AsyncEventBody, EventBody, InlineEventBody

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from ..wrappers.response import Response

__all__ = ["ServerSentEvent", "sse"]

#: After how many seconds without an event a comment is sent. Proxies close connections that are silent for a minute.
KEEP_ALIVE = 15.0
# A year, which is as good as never.
_LONGEST = 366 * 86_400.0


def sse(
    events: Iterable[object] | AsyncIterable[object],
    *,
    keep_alive: float | None = KEEP_ALIVE,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a response that sends events to an `EventSource` in a page.

    ::

        @app.get("/events")
        def events():
            def numbers():
                for number in range(10):
                    yield {"number": number}
                    time.sleep(1)

            return sse(numbers())

    Args:
        events: An iterable of events, or an asynchronous one; usually a generator. An event is a str, a
            `ServerSentEvent`, or any other value, which is sent as JSON. Each is sent at once. The generator is closed
            when the client leaves: an asynchronous one at once, another one when its next event comes.
        keep_alive: After how many seconds without an event a comment is sent, which browsers ignore. It keeps proxies
            from closing the connection, and shows that the client left. A generator without `async` runs in a thread of
            its own for it; with None it runs in the thread that sends the response, and nothing is sent in between.
        status: The status code.
        headers: More headers.

    Raises:
        TypeError: If `events` is not iterable, or is one text.
        ValueError: If `keep_alive` is not positive.
    """
    if keep_alive is not None:
        keep_alive = _seconds_to_wait(keep_alive)
    value = current_value(None)
    app = None if value is None or value._app_ctx_is_left else value.app
    dumps: Callable[[object], str] = json.dumps if app is None else app.json.dumps

    def encode(event: object) -> bytes:
        return encode_event(event, dumps)

    body: object
    if isinstance(events, AsyncIterable):
        body = AsyncEventBody(events, encode, keep_alive)
    elif isinstance(events, (str, bytes, Mapping, ServerSentEvent)) or not isinstance(events, Iterable):
        raise TypeError(_why_not_events(events))
    elif isinstance(events, (list, tuple)):
        body = b"".join(map(encode, events))
    elif keep_alive is None:
        body = InlineEventBody(events, encode)
    else:
        body = EventBody(events, encode, keep_alive)
    response_class: type[Response]
    if app is None:
        from ..wrappers.response import Response as response_class  # noqa: N813, PLC0415 - without an app only
    else:
        response_class = app.response_class
    response = response_class(t.cast("Iterable[bytes]", body), status, mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-cache"
    # nginx would collect the events.
    response.headers["X-Accel-Buffering"] = "no"
    for name, text in (headers or {}).items():
        response.headers[name] = text
    return response


def _seconds_to_wait(keep_alive: float) -> float:
    if not keep_alive > 0:
        raise ValueError(f"keep_alive is a number of seconds, more than 0, or None; not {keep_alive!r}.")
    # Threads cannot wait for any number of seconds.
    return min(keep_alive, _LONGEST)


def _why_not_events(events: object) -> str:
    if callable(events):
        name = getattr(events, "__name__", "events")
        return f"sse() takes an iterable of events, not the function {name!r}. Call it: sse({name}())."
    if isinstance(events, (str, bytes, Mapping, ServerSentEvent)):
        return f"sse() takes an iterable of events, not one event. Write: sse([{events!r}])."
    return f"sse() takes an iterable of events, not {type(events).__name__}."
