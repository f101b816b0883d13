"""Bodies of unknown length, and of a length that is none: nothing of them is lost without a word."""

from __future__ import annotations

import gc
import io
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import LimitedStream

import tuile
from tests.beside_flask import make_environ, send
from tuile.http.bodies import BoundedStream

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 100
BOUNDARY = "----b"


def in_pieces(size: int) -> Callable[[Any], bytes]:
    def read(request: Any) -> bytes:
        body = b""
        while piece := request.stream.read(size):
            body += piece
        return body

    return read


READERS: dict[str, Callable[[Any], Any]] = {
    "get_data": lambda request: request.get_data(),
    "data": lambda request: request.data,
    "form": lambda request: request.form.to_dict(),
    "files": lambda request: request.files["f"].read(),
    "json": lambda request: request.get_json(),
    "silent json": lambda request: request.get_json(silent=True),
    "values": lambda request: request.values.to_dict(),
    "stream.read": lambda request: request.stream.read(),
    "stream.readline": lambda request: b"".join(iter(request.stream.readline, b"")),
    "lines": lambda request: b"".join(request.stream),
    "bytes": in_pieces(1),
    "odd pieces": in_pieces(7),
    "a piece of the limit": in_pieces(LIMIT),
    "a larger piece": in_pieces(LIMIT + 50),
}


def body_for(reader: str, size: int) -> tuple[str, bytes]:
    if reader in {"form", "values"}:
        return "application/x-www-form-urlencoded", b"a=" + b"x" * (size - 2)
    if "json" in reader:
        return "application/json", b'"' + b"x" * (size - 2) + b'"'
    if reader == "files":
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'.encode()
        tail = f"\r\n--{BOUNDARY}--".encode()
        return f"multipart/form-data; boundary={BOUNDARY}", head + b"x" * (size - len(head) - len(tail)) + tail
    return "text/plain", b"x" * size


class Unseekable(io.RawIOBase):
    """A server's stream: it gives a part of what is asked for, and no `readinto`."""

    def __init__(self, body: bytes) -> None:
        self._body = io.BytesIO(body)

    def read(self, size: int = -1) -> bytes:
        return self._body.read(min(size, 33) if size >= 0 else -1)

    readinto: Any = property()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("stream", [io.BytesIO, Unseekable])
@pytest.mark.parametrize("reader", READERS)
def test_a_chunked_body_is_taken_whole_or_refused(reader: str, stream: Callable[[bytes], Any]) -> None:
    app = tuile.Flask("bodies", static_folder=None)
    limit = 200 if reader == "files" else LIMIT
    app.config["MAX_CONTENT_LENGTH"] = limit
    seen: list[Any] = []

    @app.post("/")
    def read() -> str:
        seen.append(READERS[reader](tuile.request))
        return "read"

    for size, code in ((limit - 1, 200), (limit, 200), (limit + 1, 413), (limit * 50, 413)):
        kind, body = body_for(reader, size)
        environ = make_environ(REQUEST_METHOD="POST", CONTENT_TYPE=kind, HTTP_TRANSFER_ENCODING="chunked")
        environ["wsgi.input"] = stream(body)
        environ["wsgi.input_terminated"] = True
        seen.clear()
        assert (send(app, environ).code, len(seen)) == (code, code == 200)
        if code == 200:
            assert seen[0]
    # The file that Werkzeug had begun to write when the body was refused.
    gc.collect()


@pytest.mark.parametrize(
    ("length", "code"),
    [
        *[
            ("-1", 400),
            ("+3", 400),
            ("3.0", 400),
            ("1_0", 400),
            ("3, 3", 400),
            ("x", 400),
            ("\u0663", 400),
            ("0x3", 400),
        ],
        *[("9" * 30, 413), ("9" * 5000, 413), ("", 200), ("0", 200), ("3", 200), (" 3 ", 200), ("0003", 200)],
    ],
    ids=lambda value: str(value)[:9],
)
def test_a_content_length_that_is_none_is_refused(length: str, code: int) -> None:
    app = tuile.Flask("lengths", static_folder=None)
    app.add_url_rule("/", "read", lambda: tuile.request.get_data() or "nothing", methods=["POST"])
    app.add_url_rule("/unread", "unread", lambda: "not read", methods=["POST"])
    environ = make_environ(REQUEST_METHOD="POST", CONTENT_LENGTH=length)
    environ["wsgi.input"] = io.BytesIO(b"abc")
    assert send(app, environ).code == code
    assert send(app, {**environ, "PATH_INFO": "/unread"}).code == 200


def test_a_chunked_body_that_the_server_does_not_end_needs_a_length() -> None:
    app = tuile.Flask("chunked", static_folder=None)
    app.add_url_rule("/", view_func=lambda: tuile.request.get_data() or "nothing", methods=["POST"])
    environ = make_environ(REQUEST_METHOD="POST", HTTP_TRANSFER_ENCODING="chunked", CONTENT_LENGTH="3")
    environ["wsgi.input"] = io.BytesIO(b"abc")
    assert send(app, environ).code == 411


class Breaking(io.RawIOBase):
    """A server's stream whose client leaves after a part of the body."""

    def __init__(self, error: type[Exception]) -> None:
        self._error, self._begun = error, False

    def read(self, size: int = -1) -> bytes:
        if self._begun:
            raise self._error
        self._begun = True
        return b"x" * 40

    readinto: Any = property()


@pytest.mark.parametrize("error", [OSError, ValueError])
@pytest.mark.parametrize("kind", [LimitedStream, BoundedStream])
def test_a_body_that_breaks_off_is_an_error_as_in_werkzeug(kind: Any, error: type[Exception]) -> None:
    breaking: Any = Breaking(error)
    stream = LimitedStream(breaking, LIMIT, is_max=True) if kind is LimitedStream else BoundedStream(breaking, LIMIT)
    with pytest.raises(ClientDisconnected):
        stream.read()


@pytest.mark.parametrize("size", [0, 1, LIMIT - 1, LIMIT, 70_000, 140_000])
@pytest.mark.parametrize("source", [io.BytesIO, Unseekable])
def test_a_body_is_read_at_once_after_a_part_of_it(source: Callable[[bytes], Any], size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    for begun in (0, 5, size):
        stream = BoundedStream(source(body), max(size, 1))
        start = b""
        while len(start) < min(begun, size):
            start += stream.read(min(begun, size) - len(start)) or b""
        assert start + stream.read() == body
        assert stream.read() == b""
