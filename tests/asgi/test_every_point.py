"""Requests that end at any point: at each place where one is suspended, and at each message.

A request of each kind is cancelled where it is suspended for the first time, then another one for the second time, and
so on. The same with clients that leave before or after each message. Afterwards nothing is left over.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import tuile
from tests.asgi.driver import CancelledAt, Server, ask, make_scope, run, until
from tuile import Flask, Response, g, request
from tuile.ctx.app_context import current_value

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_BODY = [b"a" * 1000, b"b" * 1000]
_LENGTH = (b"content-length", b"2000")
_MOST_POINTS = 60
#: The path, the method, more headers and the version of HTTP of each kind of request.
KINDS: list[tuple[str, str, list[tuple[bytes, bytes]], str]] = [
    ("/text", "GET", [], "1.1"),
    ("/atext", "GET", [], "1.1"),
    ("/atext", "GET", [], "2"),
    ("/text", "GET", [], "2"),
    ("/read", "POST", [], "2"),
    ("/aread", "POST", [], "2"),
    ("/read", "POST", [_LENGTH], "1.1"),
    ("/aread", "POST", [_LENGTH], "1.1"),
    ("/read", "POST", [(b"transfer-encoding", b"chunked")], "1.1"),
    ("/read", "POST", [(b"content-length", b"100000")], "1.1"),
    ("/aread", "POST", [(b"content-length", b"100000")], "1.1"),
    ("/pieces", "POST", [], "2"),
    ("/asks", "POST", [], "2"),
    ("/aasks", "GET", [], "1.1"),
    ("/error", "GET", [], "1.1"),
    ("/aerror", "POST", [], "2"),
    ("/file", "GET", [], "1.1"),
    ("/read_in_stream", "POST", [], "2"),
    ("/stream", "GET", [], "1.1"),
    ("/astream", "GET", [], "1.1"),
    ("/missing", "GET", [], "2"),
]


class Counts:
    """What was begun and what was ended."""

    def __init__(self) -> None:
        self.begun = self.ended = self.opened = self.closed = 0


def _make_app(kind: str, counts: Counts, path: str) -> Flask:
    app = Flask("points", static_folder=None)
    app.logger.disabled = True

    @app.teardown_request
    def end(error: BaseException | None) -> None:
        counts.ended += 1

    if kind != "none":

        def first() -> None:
            counts.begun += 1
            g.user = "ada"

        async def afirst() -> None:
            await asyncio.sleep(0)
            first()

        app.before_request(first if kind == "sync" else afirst)

    def pieces() -> Iterator[bytes]:
        counts.opened += 1
        try:
            for _ in range(4):
                yield b"x" * 50_000
        finally:
            counts.closed += 1

    async def apieces() -> AsyncIterator[bytes]:
        for piece in pieces():
            await asyncio.sleep(0)
            yield piece

    def read_in_stream() -> Response:
        body = request.stream

        def read() -> Iterator[bytes]:
            while piece := body.read(700):
                yield piece

        return Response(read())

    async def read_pieces() -> str:
        return str(sum([len(piece) async for piece in request.pieces()]))

    async def aasks() -> str:
        return str(await request.is_disconnected())

    def error() -> str:
        raise ValueError("no")

    views: dict[str, Any] = {
        "/text": lambda: "text",
        "/read": lambda: str(len(request.get_data())),
        "/asks": lambda: str(request.is_disconnected()),
        "/error": error,
        "/file": lambda: tuile.send_file(path),
        "/stream": lambda: Response(pieces()),
        "/astream": lambda: Response(apieces()),
        "/read_in_stream": read_in_stream,
        "/pieces": read_pieces,
        "/aasks": aasks,
    }
    for name, view in views.items():
        app.add_url_rule(name, name[1:], view, methods=["GET", "POST"])
        if name in {"/text", "/read", "/error"}:

            async def call(view: Any = view) -> Any:
                await asyncio.sleep(0)
                return view()

            app.add_url_rule(f"/a{name[1:]}", f"a{name[1:]}", call, methods=["GET", "POST"])
    return app


class _Slow(Server):
    """A server whose every call is suspended, and whose client may leave at each."""

    def __init__(self, *args: Any, leaves_at: int = 0, by_error: bool = False) -> None:
        super().__init__(*args)
        self.leaves_at, self.by_error, self.count = leaves_at, by_error, 0

    def _count(self) -> None:
        self.count += 1
        if self.count == self.leaves_at:
            self.left.set()

    async def receive(self) -> Any:
        self._count()
        await asyncio.sleep(0)
        message = await super().receive()
        if self.by_error and message["type"] == "http.disconnect":
            raise OSError("gone")
        return message

    async def send(self, message: Any) -> None:
        self._count()
        await asyncio.sleep(0)
        if self.left.is_set():
            if self.by_error:
                raise OSError("gone")
            return
        await super().send(message)


async def _awaited(cancelled: CancelledAt) -> None:
    await cancelled


async def _check_nothing_is_left(app: Flask, counts: Counts, hooks: str) -> None:
    service = app._asgi_service
    assert service is not None
    workers = service.workers
    await until(lambda: not workers.jobs)
    assert (workers.busy, workers.lent, workers.streaming) == (0, 0, set())
    assert len(workers.threads) <= workers.count
    assert current_value(None) is None
    # This one, and the one that waits for it.
    assert len(asyncio.all_tasks()) == 2
    if hooks != "none":
        assert counts.begun <= counts.ended
    assert counts.opened == counts.closed
    ended = counts.ended
    assert (await ask(app, "/text")).text == "text"
    assert counts.ended == ended + 1


@pytest.fixture(scope="module")
def long_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("files") / "long.bin"
    path.write_bytes(b"x" * 600_000)
    return str(path)


def _server(kind: tuple[str, str, list[tuple[bytes, bytes]], str], **leaving: Any) -> _Slow:
    path, method, headers, version = kind
    pieces = [] if method == "GET" else [b"x" * 50_000] * 2 if (b"content-length", b"100000") in headers else _BODY
    return _Slow(make_scope(path, method, headers=headers, http_version=version), pieces, **leaving)


@pytest.mark.parametrize("hooks", ["none", "sync", "async"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind[0][1:]}-{kind[3]}-{len(kind[2])}")
def test_a_request_is_cancelled_wherever_it_is_suspended(kind: Any, hooks: str, long_file: str) -> None:
    async def main() -> None:
        counts = Counts()
        app = _make_app(hooks, counts, long_file)
        await ask(app, "/text")
        served: Any = app
        for number in range(1, _MOST_POINTS):
            server, before = _server(kind), counts.ended
            cancelled = CancelledAt(served(server.scope, server.receive, server.send), number)
            task = asyncio.create_task(_awaited(cancelled))
            await asyncio.wait([task])
            await _check_nothing_is_left(app, counts, hooks)
            # One for the request that asks whether all is well.
            assert counts.ended - before <= 2
            if not task.cancelled():
                error = task.exception()
                assert error is None or "error" in kind[0], error
                if error is None and cancelled.waits < number:
                    assert server.is_complete
                    break

    run(main)


@pytest.mark.parametrize("by_error", [False, True])
@pytest.mark.parametrize("hooks", ["none", "sync", "async"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind[0][1:]}-{kind[3]}-{len(kind[2])}")
def test_a_client_leaves_at_each_message(kind: Any, hooks: str, by_error: bool, long_file: str) -> None:
    async def main() -> None:
        counts = Counts()
        app = _make_app(hooks, counts, long_file)
        await ask(app, "/text")
        served: Any = app
        for number in range(1, _MOST_POINTS):
            server, before = _server(kind, leaves_at=number, by_error=by_error), counts.ended
            await asyncio.wait_for(served(server.scope, server.receive, server.send), 100)
            assert not server.is_receiving
            await _check_nothing_is_left(app, counts, hooks)
            assert counts.ended - before <= 2
            if not server.left.is_set():
                assert server.is_complete
                break
        else:
            raise AssertionError("it never ends")

    run(main)
