"""The example with server-sent events: examples/events."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from examples.events import app as example
from tests.asgi.driver import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tuile.testing import AsyncClient

SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(autouse=True)
def _with_an_empty_board(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example, "board", example.Board())


async def texts(client: AsyncClient, last: str | None = None) -> AsyncIterator[str]:
    """Yield the texts that a page gets."""
    headers = {} if last is None else {"Last-Event-ID": last}
    async with client.stream("/events", headers=headers) as response:
        async for piece in response:
            for line in piece.decode().splitlines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))["text"]


async def write(client: AsyncClient, text: str) -> int:
    answer = await client.post("/messages", data={"text": text}, headers=SAME_SITE)
    return answer.status_code


async def first(client: AsyncClient, count: int, last: str | None = None) -> list[str]:
    got: list[str] = []
    stream = texts(client, last)
    try:
        async for text in stream:
            got.append(text)
            if len(got) == count:
                break
    finally:
        await stream.aclose()  # type: ignore[attr-defined]
    return got


def test_two_browsers_see_what_each_of_them_writes() -> None:
    async def main() -> None:
        one, other = example.app.async_test_client(), example.app.async_test_client()
        reading = [asyncio.ensure_future(first(client, 2)) for client in (one, other)]
        assert await write(one, "from one") == 204
        assert await write(other, "from the other") == 204
        # Wakes the generators, which are closed then.
        seen = asyncio.gather(*reading)
        while not seen.done():
            example.board.write("more")
            await asyncio.sleep(0.05)
        assert await seen == [["from one", "from the other"]] * 2

    run(main)


def test_a_browser_that_connects_again_gets_what_it_has_missed() -> None:
    for text in ("a", "b", "c"):
        example.board.write(text)
    for last, expected in (("1", ["b", "c"]), ("0", ["a", "b", "c"]), ("x", ["a", "b", "c"]), ("9", ["a", "b", "c"])):
        stream = example.messages_after(int(last) if last.isdecimal() else 0)
        assert [json.loads(json.dumps(next(stream).data))["text"] for _ in expected] == expected


@pytest.mark.parametrize("last", ["x", "-1", "9" * 5000, "٣", "1e3", ""])
def test_what_is_no_number_is_no_error(last: str) -> None:
    response = example.app.test_client().get("/events", headers={"Last-Event-ID": last.encode().decode("latin-1")})
    assert response.status_code == 200
    response.close()


def test_a_message_of_another_site_is_refused_and_an_empty_one_too() -> None:
    client = example.app.test_client()
    assert client.post("/messages", data={"text": "x"}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.post("/messages", data={"text": " "}, headers=SAME_SITE).status_code == 400
    assert client.post("/messages", headers=SAME_SITE).status_code == 400
    assert example.board.number == 0
