"""The asynchronous test client, which sends requests to the ASGI side of an application on the test's event loop."""

from __future__ import annotations

import asyncio
import threading
import typing as t
from contextlib import asynccontextmanager, suppress
from contextvars import copy_context
from functools import partial

from .asgi_call import AsgiServed, ServerLifespan

if t.TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from types import TracebackType

    from typing_extensions import Self
    from werkzeug.datastructures import Headers
    from werkzeug.test import Cookie, TestResponse

    from tuile.app import Flask
    from tuile.sessions import SessionMixin

    from .client import FlaskClient

Value = t.TypeVar("Value")
_END = object()


class AsyncClient:
    """A client for tests that are coroutine functions: `app.async_test_client()`.

    ::

        async with app.async_test_client() as client:
            response = await client.post("/login", data={"name": "Ada"})
            assert response.json == {"name": "Ada"}

    The methods take the arguments of the synchronous client's, and cookies are kept as there. The application runs on
    the event loop of the test, so that both can use the same queues and connections. In an ``async with`` block,
    `before_serving` and `after_serving` functions run as well; without it, the first request runs those for the start.

    Args:
        client: A synchronous client of the application.
    """

    def __init__(self, client: FlaskClient) -> None:
        self._client = client
        self._lifespan: ServerLifespan | None = None

    @property
    def application(self) -> Flask:
        """The application."""
        return self._client.application

    async def open(self, *args: object, **kwargs: object) -> TestResponse:
        """Send a request and return the response, with its whole body.

        Args:
            args: As for the synchronous client.
            kwargs: As for the synchronous client: `method`, `data`, `json`, `headers`, `follow_redirects`, ...
        """
        kwargs["buffered"] = True
        return await self._in_thread(partial(self._sender(), *args, **kwargs))

    async def get(self, *args: object, **kwargs: object) -> TestResponse:
        """Send a GET request."""
        return await self.open(*args, **kwargs, method="GET")

    async def post(self, *args: object, **kwargs: object) -> TestResponse:
        """Send a POST request."""
        return await self.open(*args, **kwargs, method="POST")

    async def put(self, *args: object, **kwargs: object) -> TestResponse:
        """Send a PUT request."""
        return await self.open(*args, **kwargs, method="PUT")

    async def patch(self, *args: object, **kwargs: object) -> TestResponse:
        """Send a PATCH request."""
        return await self.open(*args, **kwargs, method="PATCH")

    async def delete(self, *args: object, **kwargs: object) -> TestResponse:
        """Send a DELETE request."""
        return await self.open(*args, **kwargs, method="DELETE")

    async def head(self, *args: object, **kwargs: object) -> TestResponse:
        """Send a HEAD request."""
        return await self.open(*args, **kwargs, method="HEAD")

    async def options(self, *args: object, **kwargs: object) -> TestResponse:
        """Send an OPTIONS request."""
        return await self.open(*args, **kwargs, method="OPTIONS")

    @asynccontextmanager
    async def stream(self, *args: object, **kwargs: object) -> AsyncIterator[StreamedResponse]:
        """Send a request and read the body of its response piece by piece. At the end of the block the client leaves.

        ::

            async with client.stream("/events") as response:
                async for piece in response:
                    break

        Args:
            args: As for `open`.
            kwargs: As for `open`.
        """
        response = await self._in_thread(partial(self._sender(), *args, **kwargs))
        try:
            yield StreamedResponse(response, self._in_thread)
        finally:
            await self._in_thread(response.close)

    @asynccontextmanager
    async def session_transaction(self, *args: object, **kwargs: object) -> AsyncIterator[SessionMixin]:
        """Open the session of this client's cookies, and save it at the end of the block.

        Args:
            args: As for the synchronous client.
            kwargs: As for the synchronous client.
        """
        with self._client.session_transaction(*args, **kwargs) as session:
            yield session

    def set_cookie(self, key: str, value: str = "", **kwargs: object) -> None:
        """Store a cookie, with the arguments of the synchronous client's method."""
        t.cast("Callable[..., None]", self._client.set_cookie)(key, value, **kwargs)

    def get_cookie(self, key: str, domain: str = "localhost", path: str = "/") -> Cookie | None:
        """Return the cookie with this name, domain and path, or None."""
        return self._client.get_cookie(key, domain, path)

    def delete_cookie(self, key: str, *, domain: str = "localhost", path: str = "/") -> None:
        """Delete the cookie with this name, domain and path, if there is one."""
        self._client.delete_cookie(key, domain=domain, path=path)

    async def __aenter__(self) -> Self:
        if self._lifespan is not None:
            raise RuntimeError("The application of this client has been started.")
        lifespan = ServerLifespan(self.application)
        await lifespan.start()
        self._lifespan = lifespan
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, tb: TracebackType | None
    ) -> None:
        lifespan, self._lifespan = self._lifespan, None
        if lifespan is not None:
            await lifespan.stop()

    def _sender(self) -> Callable[..., TestResponse]:
        """Return the function that sends a request to the application on the running event loop."""
        loop, served = asyncio.get_running_loop(), self._client._served
        if not isinstance(served, AsgiServed) or served.loop is not loop:
            self._client._served = AsgiServed(self.application, loop)
        return self._client.open

    async def _in_thread(self, function: Callable[[], Value]) -> Value:
        """Call a function in a thread of its own: any number of requests may wait at the same time."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Value] = loop.create_future()

        def settle(result: Value | None, error: BaseException | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(t.cast("Value", result))

        def work() -> None:
            result, failure = None, None
            try:
                result = function()
            except BaseException as error:  # noqa: BLE001 - the test gets it
                failure = error
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(settle, result, failure)

        threading.Thread(target=copy_context().run, args=(work,), name="tuile-test-client", daemon=True).start()
        return await future


class StreamedResponse:
    """A response whose body is read piece by piece, with ``async for``."""

    def __init__(
        self, response: TestResponse, in_thread: Callable[[Callable[[], object]], t.Awaitable[object]]
    ) -> None:
        self._in_thread = in_thread
        self._pieces: Iterator[bytes] = response.iter_encoded()
        #: The status, as in `status_code` of other responses.
        self.status_code: int = response.status_code
        #: The headers.
        self.headers: Headers = response.headers

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await self._in_thread(partial(next, self._pieces, _END))) is not _END:
            yield t.cast("bytes", piece)


class TestApp:
    """An application that is started and stopped around a test: `async with app.test_app() as test_app`.

    Args:
        app: The application.
    """

    #: For pytest: this is no class of tests.
    __test__ = False

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._lifespan: ServerLifespan | None = None

    def test_client(self, use_cookies: bool = True, **kwargs: object) -> AsyncClient:
        """Return an asynchronous client of the application."""
        return self.app.async_test_client(use_cookies, **kwargs)

    async def startup(self) -> None:
        """Run what is to run before the first request.

        Raises:
            RuntimeError: If it fails.
        """
        self._lifespan = ServerLifespan(self.app)
        await self._lifespan.start()

    async def shutdown(self) -> None:
        """Wait for background tasks, and run what is to run after the last request.

        Raises:
            RuntimeError: If it fails.
        """
        lifespan, self._lifespan = self._lifespan, None
        if lifespan is not None:
            await lifespan.stop()

    async def __aenter__(self) -> Self:
        await self.startup()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.shutdown()
