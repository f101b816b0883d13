"""Files through ASGI: the same answers as through WSGI, short ones in one message, and none that blocks the loop."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tuile
from tests import beside_flask
from tests.asgi.driver import Server, make_scope, run, send, until
from tuile import Flask, Response, request, send_file
from tuile.asgi.files import _MOST_AT_ONCE as MOST
from tuile.wrappers.read_file import PIECE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = 1_700_000_000
NAMES = {
    "empty.txt": 0,
    "short.css": 700,
    "edge.js": PIECE,
    "over.js": PIECE + 1,
    "most.bin": MOST,
    "long.bin": MOST + 1,
}
NAMES["longer.bin"] = 3 * MOST - 5
CONDITIONS: dict[bytes, list[bytes]] = {
    b"range": [b"bytes=0-9", b"bytes=5-", b"bytes=-7", b"bytes=0-0,2-3", b"bytes=9999999-", b"bytes=9-1", b"lines=1-2"],
    b"if-none-match": [b"*", b'"a"', b'W/"b", "c"', b"", b"\xff"],
    b"if-match": [b"*", b'"a"', b""],
    b"if-modified-since": [b"Tue, 14 Nov 2023 22:13:20 GMT", b"Mon, 01 Jan 2001 00:00:00 GMT", b"never", b"\xe4"],
    b"if-unmodified-since": [b"Mon, 01 Jan 2001 00:00:00 GMT"],
    b"if-range": [b'"a"', b"Tue, 14 Nov 2023 22:13:20 GMT", b"Mon, 01 Jan 2001 00:00:00 GMT"],
}
HEADERS = st.lists(
    st.sampled_from([(name, value) for name, values in CONDITIONS.items() for value in values]), max_size=3
)


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more" * 1000)


def replace_by_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replace_by_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("other.txt"))


CHANGES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda path: None,
    "vanishes": lambda path: path.unlink(),
    "shrinks": shrink,
    "is emptied": lambda path: os.truncate(path, 0),
    "grows": grow,
    "becomes a directory": replace_by_directory,
    "becomes a link": replace_by_link,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("static")
    (folder / "other.txt").write_bytes(b"another file")
    os.mkfifo(folder / "pipe")
    return folder


def restore(folder: Path) -> None:
    """Make the files anew."""
    for name, size in NAMES.items():
        path = folder / name
        with contextlib.suppress(OSError):
            path.rmdir()
        if path.is_symlink() or not path.exists() or path.stat().st_size != size:
            path.unlink(missing_ok=True)
            path.write_bytes(bytes(range(256)) * (size // 256) + b"e" * (size % 256))
        os.utime(path, (NOW, NOW))


def make_app(folder: Path, change: str = "nothing", *, after_headers: bool = False) -> Flask:
    """Return an application whose files change before they are opened, or before they are read."""
    app = Flask("app", static_folder=str(folder), static_url_path="/static")
    app.get("/first")(lambda: "x")

    def send_changed(name: str) -> Any:
        if not after_headers:
            CHANGES[change](folder / name)
            with contextlib.suppress(FileNotFoundError):
                os.utime(folder / name, (NOW, NOW))
        response = send_file(folder / name, conditional="plain" not in request.args)
        if after_headers:
            CHANGES[change](folder / name)
        return response

    @app.get("/sync/<name>")
    def sync(name: str) -> Any:
        return send_changed(name)

    @app.get("/async/<name>")
    async def awaited(name: str) -> Any:
        return send_changed(name)

    @app.get("/memory/<int:size>")
    def memory(size: int) -> Any:
        return send_file(io.BytesIO(b"m" * size), "text/plain", etag="a", last_modified=NOW)

    return app


def through_asgi(app: Flask, scope: Any) -> tuple[Any, ...]:
    """Return the answer of an ASGI server, or the class of the error."""

    async def main() -> tuple[Any, ...]:
        await Server(make_scope("/first")).ask(app)
        server = Server(scope)
        try:
            answer = await server.ask(app)
        except (RuntimeError, OSError, AssertionError) as error:
            # What was sent before it depends on the size of the pieces.
            return (type(error), str(error) if isinstance(error, OSError) else "")
        pairs = [(name.decode(), value.decode("latin-1")) for name, value in answer.headers]
        return answer.status, pairs, answer.body

    found: tuple[Any, ...] = run(main)
    return found


def through_wsgi(app: Flask, scope: Any) -> tuple[Any, ...]:
    """Return the answer of a WSGI server, which adds what ASGI servers are told."""
    given = {
        f"HTTP_{name.decode().upper().replace('-', '_')}": value.decode("latin-1") for name, value in scope["headers"]
    }
    environ = beside_flask.make_environ(
        scope["path"], QUERY_STRING=scope["query_string"].decode(), REQUEST_METHOD=scope["method"]
    )
    beside_flask.send(app, beside_flask.make_environ("/first"))
    try:
        answer = beside_flask.send(app, environ | given)
    except OSError as error:
        return type(error), str(error)
    status = int(answer.status[:3])
    lengths = [int(value) for name, value in answer.headers if name == "Content-Length"]
    body = answer.body
    if lengths and scope["method"] != "HEAD" and status != 304:
        if len(body) < lengths[0]:
            return RuntimeError, ""
        # Of a file that has grown.
        body = body[: lengths[0]]
    return status, [(name.lower(), value) for name, value in answer.headers], body


def same(folder: Path, scope: Any, change: str = "nothing", *, after_headers: bool = False) -> tuple[Any, ...]:
    """Return the answer through ASGI, after a comparison with that through WSGI."""
    with mock.patch("time.time", return_value=float(NOW)):
        restore(folder)
        asgi = through_asgi(make_app(folder, change, after_headers=after_headers), scope)
        restore(folder)
        wsgi = through_wsgi(make_app(folder, change, after_headers=after_headers), scope)
    assert asgi == wsgi
    return asgi


@settings(derandomize=True, deadline=None, database=None, max_examples=120)
@given(
    st.sampled_from(["/static/", "/sync/", "/memory/"]),
    st.sampled_from([*NAMES, "none", "a/../short.css", "%2e%2e", "\0", "pipe/x"]),
    st.sampled_from(["GET", "HEAD"]),
    HEADERS,
    st.booleans(),
)
def test_both_doors_give_the_same_answer(
    folder: Path, start: str, name: str, method: str, headers: list[tuple[bytes, bytes]], is_plain: bool
) -> None:
    path = start + (str(NAMES.get(name, 9)) if start == "/memory/" else name)
    unique = list(dict(headers).items())
    same(folder, make_scope(path, method, headers=unique, query=b"plain" if is_plain else b""))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", ["empty.txt", "short.css", "over.js", "long.bin"])
@pytest.mark.parametrize("after_headers", [False, True])
def test_files_that_change_while_they_are_sent(folder: Path, name: str, change: str, after_headers: bool) -> None:
    for headers in ([], [(b"range", b"bytes=600-650")], [(b"range", b"bytes=-40")]):
        same(folder, make_scope(f"/sync/{name}", headers=headers), change, after_headers=after_headers)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "headers", [[], [(b"range", b"bytes=3-80")], [(b"if-modified-since", b"Tue, 14 Nov 2023 22:13:20 GMT")]]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_coroutine_function_sends_the_same_file(folder: Path, name: str, headers: Any, method: str) -> None:
    restore(folder)
    with mock.patch("time.time", return_value=float(NOW)):
        awaited = through_asgi(make_app(folder), make_scope(f"/async/{name}", method, headers=headers))
    assert awaited == same(folder, make_scope(f"/sync/{name}", method, headers=headers))


@pytest.mark.parametrize(
    ("name", "messages"), [("short.css", 1), ("over.js", 1), ("most.bin", 1), ("long.bin", 2), ("longer.bin", 3)]
)
def test_short_files_are_sent_in_one_message(folder: Path, name: str, messages: int) -> None:
    restore(folder)
    for path in (f"/static/{name}", f"/async/{name}"):
        answer = send(make_app(folder), path)
        assert [len(piece) for piece in answer.pieces if piece] == [
            min(MOST, NAMES[name] - start) for start in range(0, NAMES[name], MOST)
        ]
        assert len([piece for piece in answer.pieces if piece]) == messages


def test_the_environ_of_a_static_file_is_not_made(folder: Path) -> None:
    restore(folder)
    app = make_app(folder)

    async def main() -> list[int]:
        await Server(make_scope("/first")).ask(app)
        with mock.patch("tuile.wrappers.environ._make", side_effect=ZeroDivisionError):
            headers = [(b"range", b"bytes=3-80")]
            answers = [await Server(make_scope("/static/short.css", headers=more)).ask(app) for more in ([], headers)]
        return [answer.status for answer in answers]

    assert run(main) == [200, 206]


def test_a_pipe_is_sent_as_it_is_written(folder: Path) -> None:
    reading, writing = os.pipe()
    app = Flask("app", static_folder=None)

    @app.get("/")
    def view() -> Any:
        response = send_file(open(reading, "rb", buffering=0), "text/plain")  # noqa: SIM115 - the response closes it
        response.headers["Content-Length"] = "6"
        return response

    async def main() -> Any:
        server = Server(make_scope("/"))
        task = asyncio.create_task(server.ask(app))
        os.write(writing, b"abc")
        await until(lambda: server.bodies == [b"abc"])
        os.write(writing, b"def")
        os.close(writing)
        return await task

    assert run(main).body == b"abcdef"


@pytest.mark.parametrize("leaves_after", [1, 2])
def test_a_client_that_leaves_in_the_middle_ends_a_long_file(folder: Path, leaves_after: int) -> None:
    restore(folder)
    os.truncate(folder / "longer.bin", 40 * MOST)
    app = make_app(folder)
    opened: list[Any] = []

    def keep(*args: Any, **kwargs: Any) -> Any:
        response = send_file(*args, **kwargs)
        opened.append(response.response)
        return response

    app.get("/kept", endpoint="kept")(lambda: keep(folder / "longer.bin"))

    async def main() -> int:
        server = Server(make_scope("/kept"), leaves_after=leaves_after, takes=0.001)
        await server.ask(app)
        return len(server.bodies)

    assert run(main) < 30
    assert opened[0].file.closed
    (folder / "longer.bin").unlink()


def test_a_slow_disk_does_not_block_the_loop(folder: Path) -> None:
    restore(folder)
    app = make_app(folder)
    is_read = asyncio.Event()

    async def main() -> int:
        loop = asyncio.get_running_loop()
        stat = os.stat

        def slow(path: Any, *args: Any, **kwargs: Any) -> Any:
            if str(path).endswith("short.css"):
                # It goes on once the loop has answered.
                asyncio.run_coroutine_threadsafe(is_read.wait(), loop).result(20)
            return stat(path, *args, **kwargs)

        await Server(make_scope("/first")).ask(app)
        with mock.patch("os.stat", slow):
            task = asyncio.create_task(Server(make_scope("/static/short.css")).ask(app))
            assert (await Server(make_scope("/first")).ask(app)).body == b"x"
            is_read.set()
            return (await task).status

    assert run(main) == 200


def test_functions_on_close_are_called_for_head_as_well() -> None:
    def program(lib: Any) -> Any:
        app = beside_flask.make_app(lib)
        closed: list[str] = []

        @app.get("/")
        def view() -> Any:
            response = lib.send_file(__file__)
            response.call_on_close(lambda: closed.append("closed"))
            return response

        client = app.test_client()
        for method in ("HEAD", "GET"):
            client.open("/", method=method, buffered=True).close()
        return closed

    assert beside_flask.same(program) == ["closed"]


def test_a_response_that_is_sent_twice_is_empty_the_second_time(folder: Path) -> None:
    restore(folder)
    app = make_app(folder)
    kept: list[Response] = []

    @app.get("/kept")
    def view() -> Any:
        if not kept:
            kept.append(send_file(folder / "short.css"))
        return kept[0]

    async def main() -> None:
        await Server(make_scope("/first")).ask(app)
        assert len((await Server(make_scope("/kept")).ask(app)).body) == 700
        with pytest.raises(RuntimeError, match="700 bytes before"):
            await Server(make_scope("/kept")).ask(app)

    run(main)


def test_a_class_with_conditions_of_its_own_gets_the_whole_environ(folder: Path) -> None:
    seen: list[Any] = []

    class Own(tuile.Response):
        def make_conditional(self, request_or_environ: Any, *args: Any, **kwargs: Any) -> Any:
            seen.append(request_or_environ["HTTP_USER_AGENT"])
            return super().make_conditional(request_or_environ, *args, **kwargs)

    restore(folder)
    app = make_app(folder)
    app.response_class = Own
    answer = send(app, "/static/short.css", headers=[(b"user-agent", b"me")])
    assert (answer.status, seen) == (200, ["me"])
