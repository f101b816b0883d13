"""Bodies of responses that are asynchronous iterables: an event loop awaits their pieces, a thread waits for them."""

from __future__ import annotations

import typing as t

from werkzeug.wrappers import Response as WerkzeugResponse
from werkzeug.wsgi import ClosingIterator

if t.TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator

    from .response import Response

#: Returns the pieces of an asynchronous iterable for the thread that calls it, and can be closed.
_iterate: Callable[[AsyncIterable[object]], Iterator[object]] | None = None
# As they are defined: nothing of the application's is called by them, but for what is registered.
_close, _iter_encoded = WerkzeugResponse.close, WerkzeugResponse.iter_encoded


def iterate_by(iterate: Callable[[AsyncIterable[object]], Iterator[object]]) -> None:
    """Set how a thread waits for the pieces of an asynchronous iterable: a layer above this one knows."""
    global _iterate  # noqa: PLW0603 - set once
    _iterate = iterate


class AsyncBody:
    """A body that is an asynchronous iterable, and that threads can iterate over as well."""

    def __init__(self, pieces: AsyncIterable[object]) -> None:
        self._pieces = pieces
        self._iterator: Iterator[object] | None = None

    def __aiter__(self) -> AsyncIterator[object]:
        return aiter(self._pieces)

    def __iter__(self) -> Iterator[object]:
        if _iterate is None:
            raise TypeError("Nothing iterates over an asynchronous iterable in a thread.")
        self._iterator = _iterate(self._pieces)
        return self._iterator

    def close(self) -> None:
        """Close the generator if a thread has begun to iterate over it."""
        close = getattr(self._iterator, "close", None)
        if close is not None:
            close()


class AsyncParts(ClosingIterator):
    """The parts of a response with such a body, as a server gets them."""

    def __init__(self, response: Response, body: AsyncIterable[object]) -> None:
        super().__init__(response.iter_encoded(), response.close)
        self.body = body
        self._response = response

    def close_quietly(self) -> bool:
        """Close the response if no function of the application's is called by it; return whether that was done.

        Nothing has iterated over these parts: the body was awaited.
        """
        response, kind = self._response, type(self._response)
        own: object = response.response
        if (
            kind.close is not _close
            or kind.iter_encoded is not _iter_encoded
            or "close" in vars(response)
            or "iter_encoded" in vars(response)
            or response._on_close
            or not (type(own) is AsyncBody or getattr(type(own), "is_of_events", False))
            # A thread has iterated over it.
            or getattr(own, "_iterator", None) is not None
        ):
            return False
        self.close()
        return True


def prepare(response: Response) -> bool:
    """Return whether the body of a response is an asynchronous iterable, and let threads iterate over it."""
    body: object = response.response
    if not hasattr(type(body), "__aiter__"):
        return False
    if not hasattr(type(body), "__iter__"):
        response.response = t.cast("t.Iterable[bytes]", AsyncBody(t.cast("AsyncIterable[object]", body)))
    return True
