"""The body of a request in pieces as they come, for coroutine functions."""

from __future__ import annotations

import typing as t
from io import BytesIO

from werkzeug.exceptions import RequestEntityTooLarge

if t.TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .request import Request

# How many bytes a piece has at most that is not received as such.
_MOST = 64 * 1024


class _Exchange(t.Protocol):
    """What receives the body of a request on an event loop."""

    async def next_piece_awaited(self) -> bytes:
        """Return the next piece of the body; empty at its end."""
        raise NotImplementedError


async def pieces_of(request: Request) -> AsyncIterator[bytes]:
    """Yield the body of a request; see `Request.pieces`."""
    kept: bytes | None = getattr(request, "_cached_data", None)
    if kept is not None:
        if kept:
            yield kept
        return
    limit = request.max_content_length
    # Reading the attribute checks the announced length.
    stream = request.stream
    exchange: _Exchange | None = request.environ.get("tuile.exchange")
    is_there = type(request.environ.get("wsgi.input")) is BytesIO
    count = 0
    while True:
        if is_there:
            piece = stream.read(_MOST)
        elif exchange is not None:
            piece = await exchange.next_piece_awaited()
        else:
            from asyncio import to_thread  # noqa: PLC0415 - most applications need no asyncio

            # The server's stream waits for the client.
            piece = await to_thread(stream.read, _MOST)
        count += len(piece)
        if limit is not None and count > limit:
            raise RequestEntityTooLarge
        if not piece:
            return
        yield piece
