"""A body that a coroutine function reads is read as if the environ was made first."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tuile
from tests.asgi.driver import Server, make_scope
from tests.beside_flask import outcome

FORM = b"application/x-www-form-urlencoded"
PARTS = (
    b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    b'--b\r\nContent-Disposition: form-data; name="f"; filename="n.txt"\r\n\r\nfile\r\n--b--\r\n'
)
BODIES = [b"", b'{"a": [1, 2]}', b"a=1&b=%C3%A4&a=2", b"\xff", b"{", PARTS, b"x" * 300]
TYPES = [
    *(None, b"application/json", b"application/json; charset=utf-8", b"Application/JSON", b"application/x+json", FORM),
    *(FORM + b"; charset=utf-8", b"multipart/form-data; boundary=b", b"multipart/form-data", b"text/plain", b""),
]
#: What is done with the request.
DOES: dict[str, Any] = {
    "json": lambda request: request.json,
    "get_json": lambda request: request.get_json(),
    "get_json force": lambda request: request.get_json(force=True),
    "get_json silent": lambda request: request.get_json(silent=True),
    "get_json again": lambda request: request.get_json(cache=False),
    "data": lambda request: request.data,
    "get_data": lambda request: request.get_data(),
    "get_data once": lambda request: request.get_data(cache=False),
    "get_data text": lambda request: request.get_data(as_text=True),
    "get_data parsed": lambda request: request.get_data(parse_form_data=True),
    "form": lambda request: list(request.form.items(multi=True)),
    "files": lambda request: [(name, file.filename, file.read()) for name, file in request.files.items()],
    "values": lambda request: list(request.values.items(multi=True)),
    "stream": lambda request: request.stream.read(),
    "some": lambda request: request.stream.read(3),
    "type of stream": lambda request: type(request.stream).__name__,
    "same stream": lambda request: request.stream is request.environ["wsgi.input"],
    "no stream": lambda request: delattr(request, "stream"),
    "input": lambda request: request.environ["wsgi.input"].read(),
    "some input": lambda request: request.environ["wsgi.input"].read(2),
    "touched": lambda request: bool(request.environ),
    "another input": lambda request: request.environ.update(CONTENT_TYPE="application/json", CONTENT_LENGTH="2"),
    "headers": lambda request: request.headers.get("Content-Type"),
    "other headers": lambda request: setattr(request, "headers", {"Content-Type": "application/json"}),
    "mimetype": lambda request: (request.mimetype, request.is_json),
    "content_length": lambda request: request.content_length,
    "limit": lambda request: setattr(request, "max_content_length", 5),
    "no limit": lambda request: setattr(request, "max_content_length", None),
    "few parts": lambda request: setattr(request, "max_form_parts", 1),
    "little memory": lambda request: setattr(request, "max_form_memory_size", 1),
}
Sent = tuple[bytes, "bytes | None", str]


def make_app(order: list[str], limit: int | None, *, early: bool = False) -> Any:
    """An application that tells what comes of these, with the environ made first if that is wanted."""
    app = tuile.Flask("bodies", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=limit, PROPAGATE_EXCEPTIONS=False)

    async def view() -> Any:
        request = tuile.request._get_current_object()  # type: ignore[attr-defined]
        if early:
            assert request.environ
        return repr([outcome(DOES[name], request) for name in order])

    def synchronous() -> Any:
        request = tuile.request._get_current_object()  # type: ignore[attr-defined]
        if early:
            assert request.environ
        return repr([outcome(DOES[name], request) for name in order])

    app.add_url_rule("/it", "it", view, methods=["GET", "POST"])
    app.add_url_rule("/sync", "sync", synchronous, methods=["GET", "POST"])
    return app


def request_of(sent: Sent, path: str) -> Server:
    """Return a request as a server has it."""
    body, its_type, length = sent
    headers = [] if its_type is None else [(b"content-type", its_type)]
    if length == "known":
        headers.append((b"content-length", str(len(body)).encode()))
    elif length == "chunked":
        headers.append((b"transfer-encoding", b"chunked"))
    version = "2" if length == "unknown" else "1.1"
    return Server(make_scope(path, "POST", headers=headers, http_version=version), [body[:4], body[4:]])


async def answers_of(app: Any, requests: list[Sent], path: str = "/it") -> list[Any]:
    """Send requests, after one that makes the app ready."""
    await Server(make_scope("/it")).ask(app)
    found: list[Any] = []
    for sent in requests:
        try:
            found.append(await request_of(sent, path).ask(app))
        except Exception as error:  # noqa: BLE001 - it is compared
            found.append(repr(error))
    return found


REQUESTS = st.lists(
    st.tuples(st.sampled_from(BODIES), st.sampled_from(TYPES), st.sampled_from(["known", "chunked", "unknown"])),
    min_size=1,
    max_size=5,
)


@settings(deadline=None, max_examples=150)
@given(
    requests=REQUESTS,
    order=st.lists(st.sampled_from(sorted(DOES)), min_size=1, max_size=5),
    limit=st.sampled_from([None, 5, 16, 1000]),
    path=st.sampled_from(["/it", "/sync"]),
)
def test_it_is_that_of_the_environ(requests: Any, order: list[str], limit: int | None, path: str) -> None:
    expected = asyncio.run(answers_of(make_app(order, limit, early=True), requests, path))
    assert asyncio.run(answers_of(make_app(order, limit), requests, path)) == expected


@pytest.mark.parametrize("then", ["", "data", "form", "get_json silent", "stream", "input", "same stream", "touched"])
@pytest.mark.parametrize("first", DOES)
def test_each_alone_and_before_others(first: str, then: str) -> None:
    requests = [(body, its_type, "known") for body in BODIES[:6] for its_type in TYPES]
    order = [first, then] if then else [first]
    expected = asyncio.run(answers_of(make_app(order, None, early=True), requests))
    assert asyncio.run(answers_of(make_app(order, None), requests)) == expected


@pytest.mark.parametrize("name", ["get_json", "data", "form", "get_json silent"])
def test_no_environ_is_made(name: str) -> None:
    app = tuile.Flask("bodies", static_folder=None)

    @app.route("/it", methods=["GET", "POST"])
    async def view() -> str:
        request = tuile.request._get_current_object()  # type: ignore[attr-defined]
        outcome(DOES[name], request)
        return str("environ" in vars(request))

    its_type = FORM if name == "form" else b"application/json"
    answers = asyncio.run(answers_of(app, [(b"{}", its_type, "known")] * 2))
    assert [answer.text for answer in answers] == ["False", "False"]
