"""The asynchronous test client, the application started around a test, and a browser through the ASGI side."""

from __future__ import annotations

import asyncio
import threading
from itertools import count
from typing import TYPE_CHECKING

import pytest

from tests.asgi.driver import run
from tuile import Flask, Response, flash, get_flashed_messages, redirect, request, session, sse
from tuile.testing import Browser

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.secret_key = "k" * 32

    @app.route("/echo/<name>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def echo(name: str) -> dict[str, object]:
        return {
            "method": request.method,
            "name": name,
            "args": request.args.to_dict(),
            "form": request.form.to_dict(),
            "json": request.get_json(silent=True),
            "header": request.headers.get("X-Own"),
            "cookies": dict(request.cookies),
            "url": request.url,
            "protocol": "ASGI" if "asgi.scope" in request.environ else "WSGI",
            "address": request.remote_addr,
        }

    @app.post("/login")
    def login() -> Response:
        session["name"] = request.form["name"]
        flash("Hello")
        return redirect("/me")  # type: ignore[return-value]

    @app.get("/me")
    async def me() -> str:
        return f"{session.get('name')} {get_flashed_messages()}"

    @app.get("/broken")
    def broken() -> str:
        raise ZeroDivisionError

    return app


def test_every_method_sends_what_the_synchronous_client_sends(app: Flask) -> None:
    async def main() -> list[object]:
        client = app.async_test_client()
        client.set_cookie("theme", "dark")
        answers = [
            await client.get("/echo/é?x=1&y=%20", headers={"X-Own": "1"}),
            await client.post("/echo/a", data={"a": "1", "b": "é"}),
            await client.put("/echo/a", json={"a": [1]}),
            await client.patch("/echo/a", base_url="https://shop.example/"),
            await client.delete("/echo/a"),
            await client.open("/echo/a", method="GET", environ_base={"REMOTE_ADDR": "192.0.2.1"}),
        ]
        return [answer.json for answer in answers]

    client = app.test_client()
    client.set_cookie("theme", "dark")
    expected = [
        client.get("/echo/é?x=1&y=%20", headers={"X-Own": "1"}).json,
        client.post("/echo/a", data={"a": "1", "b": "é"}).json,
        client.put("/echo/a", json={"a": [1]}).json,
        client.patch("/echo/a", base_url="https://shop.example/").json,
        client.delete("/echo/a").json,
        client.open("/echo/a", method="GET", environ_base={"REMOTE_ADDR": "192.0.2.1"}).json,
    ]
    assert run(main) == [{**(answer or {}), "protocol": "ASGI"} for answer in expected]


def test_heads_options_and_missing_pages_are_answered(app: Flask) -> None:
    async def main() -> tuple[object, ...]:
        client = app.async_test_client()
        head, options, missing = await client.head("/me"), await client.options("/me"), await client.get("/nothing")
        return head.data, head.status, options.headers["Allow"].split(", ").sort(), missing.status

    assert run(main) == (b"", "200 OK", None, "404 Not Found")


def test_cookies_sessions_and_redirects_are_those_of_the_synchronous_client(app: Flask) -> None:
    async def main() -> None:
        client = app.async_test_client()
        answer = await client.post("/login", data={"name": "Ada"}, follow_redirects=True)
        assert answer.text == "Ada ['Hello']"
        assert [step.status_code for step in answer.history] == [302]
        assert (await client.get("/me")).text == "Ada []"
        assert client.get_cookie("session") is not None
        async with client.session_transaction() as saved:
            saved["name"] = "Grace"
        assert (await client.get("/me")).text == "Grace []"
        client.delete_cookie("session")
        assert (await client.get("/me")).text == "None []"

    run(main)


def test_an_error_is_raised_in_a_test_and_a_page_otherwise(app: Flask) -> None:
    async def main() -> int:
        status = (await app.async_test_client().get("/broken")).status_code
        app.testing = True
        with pytest.raises(ZeroDivisionError):
            await app.async_test_client().get("/broken")
        return status

    assert run(main) == 500


def test_the_application_runs_on_the_loop_of_the_test() -> None:
    app = Flask(__name__)
    queue: asyncio.Queue[str] = asyncio.Queue()

    @app.get("/wait")
    async def wait() -> str:
        return await queue.get()

    @app.get("/put")
    async def put() -> str:
        await queue.put("from the other request")
        return ""

    async def main() -> str:
        client = app.async_test_client()
        waiting = asyncio.ensure_future(client.get("/wait"))
        await client.get("/put")
        return (await waiting).text

    assert run(main) == "from the other request"


def test_many_requests_wait_at_the_same_time() -> None:
    app = Flask(__name__)
    arrived: list[int] = []
    all_there = asyncio.Event()

    @app.get("/")
    async def view() -> str:
        arrived.append(1)
        if len(arrived) == 40:
            all_there.set()
        await all_there.wait()
        return "together"

    async def main() -> set[str]:
        client = app.async_test_client()
        return {answer.text for answer in await asyncio.gather(*(client.get("/") for _ in range(40)))}

    assert run(main) == {"together"}


@pytest.mark.parametrize("is_async", [False, True])
def test_an_endless_stream_is_read_and_left(is_async: bool) -> None:
    app = Flask(__name__)
    closed = threading.Event()

    def numbers() -> Iterator[int]:
        try:
            yield from count()
        finally:
            closed.set()

    async def async_numbers() -> AsyncIterator[int]:
        for number in numbers():
            yield number

    @app.get("/")
    def view() -> Response:
        return sse(async_numbers() if is_async else numbers())

    async def main() -> None:
        got = b""
        async with app.async_test_client().stream("/") as response:
            assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-cache")
            async for piece in response:
                got += piece
                if b"data: 5\n\n" in got:
                    break
        if not is_async:
            await asyncio.to_thread(closed.wait, 30)
        assert got.startswith(b":\n\ndata: 0\n\ndata: 1\n\n")

    run(main)


def with_lifespan() -> tuple[Flask, list[str]]:
    app, steps = Flask(__name__), []

    @app.before_serving
    async def before() -> None:
        steps.append("before")

    @app.after_serving
    def after() -> None:
        steps.append("after")

    @app.get("/")
    def view() -> str:
        steps.append("view")
        app.add_background_task(steps.append, "task")
        return "text"

    return app, steps


@pytest.mark.parametrize("how", ["test_app", "client"])
def test_the_lifespan_runs_around_the_block(how: str) -> None:
    app, steps = with_lifespan()

    async def main() -> None:
        if how == "test_app":
            async with app.test_app() as test_app:
                assert steps == ["before"]
                assert (await test_app.test_client().get("/")).text == "text"
        else:
            async with app.async_test_client() as client:
                assert steps == ["before"]
                assert (await client.get("/")).text == "text"

    run(main)
    assert steps == ["before", "view", "task", "after"]


def test_an_application_can_be_started_again() -> None:
    app, steps = with_lifespan()

    async def main() -> None:
        for _ in range(2):
            async with app.test_app() as test_app:
                await test_app.test_client().get("/")

    run(main)
    assert steps == ["before", "view", "task", "after"] * 2


def test_a_failing_start_fails_the_test() -> None:
    app = Flask(__name__)

    @app.before_serving
    def before() -> None:
        raise LookupError("no database")

    async def main() -> None:
        with pytest.raises(RuntimeError, match="startup of the application failed: LookupError: no database"):
            async with app.test_app():
                pytest.fail("it was started")

    run(main)


def test_a_browser_calls_the_asgi_side(app: Flask) -> None:
    for protocol in ("wsgi", "asgi"):
        browser = Browser(app, protocol=protocol)
        assert browser.submit("https://shop.example/login", {"name": "Ada"}).text == "Ada ['Hello']"
        assert browser.visit("/me").text == "Ada []"
        assert browser.visit("/echo/a").json["protocol"] == protocol.upper()
        assert browser.cookie("session") is not None
    with pytest.raises(ValueError, match="'wsgi' or 'asgi', not 'http'"):
        Browser(app, protocol="http")
