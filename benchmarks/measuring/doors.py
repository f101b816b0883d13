"""How an application is asked, and how asking it is timed: through WSGI, through ASGI, or as a plain call.

What must live here: the loops that are timed, as short as they can be, and the same for every peer of a door. What must
not: what is asked for, who is asked, statistics.
"""

from __future__ import annotations

import asyncio
import io
from abc import ABC, abstractmethod
from time import perf_counter
from typing import TYPE_CHECKING, Any

from benchmarks.measuring.asgi_server import Exchange, Lifespan
from benchmarks.measuring.asking import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.measuring.asking import Ask
    from benchmarks.measuring.call import Call


class Door(ABC):
    """One application behind its interface, ready to be asked."""

    # What is read before and after; the process's own time instead leaves other processes out.
    clock = staticmethod(perf_counter)

    @abstractmethod
    def ask(self, ask: Ask) -> Answer:
        """The answer to one request."""

    @abstractmethod
    def time(self, ask: Ask, count: int) -> float:
        """Seconds for `count` requests, each with a fresh environ or scope."""

    def close(self) -> None:  # noqa: B027 - most doors have nothing to close
        """Let go of what opening took."""


class Wsgi(Door):
    """A WSGI callable, asked as a server asks it: fresh environ, body iterated and closed."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def ask(self, ask: Ask) -> Answer:
        """The answer to one request."""
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> object:
            started[:] = [status, list(headers)]
            return _write

        chunks = self.app(ask.environ(), start_response)
        try:
            body = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        return Answer(int(started[0][:3]), started[1], body)

    def time(self, ask: Ask, count: int) -> float:
        """Seconds for `count` requests, each with a fresh environ."""
        app, clock = self.app, self.clock
        copy = ask.environ().copy
        content = ask.body
        start_response = _start_response
        start = clock()
        for _ in range(count):
            environ = copy()
            environ["wsgi.input"] = io.BytesIO(content)
            chunks = app(environ, start_response)
            for _chunk in chunks:
                pass
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        return clock() - start


class Asgi(Door):
    """An ASGI callable, asked from within a running event loop after its lifespan has started."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self._loop = asyncio.new_event_loop()
        self._lifespan = Lifespan(app)
        self._loop.run_until_complete(self._lifespan.start())

    def ask(self, ask: Ask) -> Answer:
        """The answer to one request."""
        answer = Answer(0)

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = [(name.decode(), value.decode()) for name, value in message.get("headers", ())]
            elif message["type"] == "http.response.body":
                answer.body += message.get("body", b"")
            await exchange.send(message)

        exchange = Exchange(ask.messages())
        self._loop.run_until_complete(self.app(ask.scope(), exchange.receive, send))
        return answer

    def time(self, ask: Ask, count: int) -> float:
        """Seconds for `count` requests, each with a fresh scope."""
        return self._loop.run_until_complete(self._time(ask, count))

    async def _time(self, ask: Ask, count: int) -> float:
        app, clock = self.app, self.clock
        scope = ask.scope()
        copy = scope.copy
        headers = scope["headers"]
        messages = ask.messages()
        start = clock()
        for _ in range(count):
            fresh = copy()
            fresh["headers"] = headers.copy()
            fresh["state"] = {}
            exchange = Exchange(messages.copy())
            await app(fresh, exchange.receive, exchange.send)
        return clock() - start

    def close(self) -> None:
        """Shut the application's lifespan down, and the loop."""
        self._loop.run_until_complete(self._lifespan.stop())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


class Direct(Door):
    """A function that is called as it is, within its context; its result, as text, is the answer's body."""

    def __init__(self, call: Call) -> None:
        self.call = call

    def ask(self, ask: Ask) -> Answer:
        """The function's result as an answer."""
        with self.call.context():
            return Answer(200, body=str(self.call.function()).encode())

    def time(self, ask: Ask, count: int) -> float:
        """Seconds for `count` calls."""
        function, clock = self.call.function, self.clock
        with self.call.context():
            start = clock()
            for _ in range(count):
                function()
            return clock() - start


def _write(data: bytes) -> None:
    pass


def _start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Callable[[bytes], None]:
    return _write
