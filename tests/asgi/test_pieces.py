"""Bodies that coroutine functions read as they come."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest

import tuile
from tests.asgi.driver import Server, make_scope, run

KIB = 1024


def counting_app(**config: Any) -> tuple[tuile.Flask, list[int]]:
    app, seen = tuile.Flask("pieces", static_folder=None), []
    app.config.update(config)

    @app.post("/")
    async def view() -> str:
        total = 0
        async for piece in tuile.request.pieces():
            seen.append(len(piece))
            total += len(piece)
        return str(total)

    return app, seen


def ask_with(app: Any, pieces: list[bytes], *, announced: bool, **kwargs: Any) -> tuple[Any, Server]:
    length = str(sum(map(len, pieces))).encode()
    headers = [(b"content-length", length) if announced else (b"transfer-encoding", b"chunked")]
    server = Server(make_scope("/", "POST", headers=headers), pieces, **kwargs)
    return run(lambda: server.ask(app)), server


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("count", [0, 1, 3, 40])
@pytest.mark.parametrize("spool", [0, 100 * KIB, 64 * KIB * KIB])
def test_all_of_a_body_is_read(announced: bool, count: int, spool: int) -> None:
    app, _ = counting_app(ASGI_SPOOL=spool)
    answer, _ = ask_with(app, [b"x" * 10_000] * count, announced=announced)
    assert answer.text == str(count * 10_000)


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_the_limit_is_refused(announced: bool) -> None:
    app, seen = counting_app(MAX_CONTENT_LENGTH=250_000)
    answer, _ = ask_with(app, [b"x" * 10_000] * 40, announced=announced)
    assert answer.status == 413
    assert sum(seen) <= 250_000


def test_the_client_is_not_asked_for_more_than_is_taken() -> None:
    app, received = tuile.Flask("slow", static_folder=None), []
    app.config["ASGI_SPOOL"] = 0
    server = Server(make_scope("/", "POST", headers=[(b"transfer-encoding", b"chunked")]), [b"x" * KIB] * 2000)

    @app.post("/")
    async def view() -> str:
        taken = 0
        async for piece in tuile.request.pieces():
            taken += len(piece)
            received.append(server.received * KIB - taken)
            await asyncio.sleep(0)
        return str(taken)

    assert run(lambda: server.ask(app)).text == str(2000 * KIB)
    assert max(received) <= 128 * KIB


def test_a_client_that_leaves_ends_the_body() -> None:
    app, errors = tuile.Flask("left", static_folder=None), []
    server = Server(
        make_scope("/", "POST", headers=[(b"transfer-encoding", b"chunked")]), [b"x" * 70_000] * 3, is_complete=False
    )

    @app.post("/")
    async def view() -> str:
        try:
            async for _ in tuile.request.pieces():
                if not server.incoming:
                    server.left.set()
        except Exception as error:
            errors.append(type(error).__name__)
            raise
        return "all"

    app.config["ASGI_SPOOL"] = 0

    async def main() -> None:
        await app(server.scope, server.receive, server.send)

    run(main)
    assert errors == ["ClientDisconnected"]


def test_under_wsgi_it_reads_the_servers_stream() -> None:
    app, _ = counting_app()
    client = app.test_client()
    assert client.post("/", data=b"x" * 200_000).text == "200000"
    assert client.post("/").text == "0"
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    answer = client.post("/", input_stream=io.BufferedReader(io.BytesIO(b"y" * 70_000)), environ_overrides=chunked)
    assert answer.text == "70000"


def test_a_body_that_was_read_is_one_piece() -> None:
    app = tuile.Flask("read", static_folder=None)

    @app.post("/")
    async def view() -> str:
        tuile.request.get_data()
        return str([piece async for piece in tuile.request.pieces()])

    answer, _ = ask_with(app, [b"ab", b"c"], announced=True)
    assert answer.text == "[b'abc']"
