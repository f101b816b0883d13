"""Headers that a coroutine function reads are those of the environ, which is not made for it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tuile
from tests.asgi.driver import Server, make_scope
from tests.beside_flask import outcome

#: What is read of a request.
READ: dict[str, Any] = {
    "user_agent": lambda request: request.user_agent.string,
    "accept_mimetypes": lambda request: list(request.accept_mimetypes),
    "accept_encodings": lambda request: list(request.accept_encodings),
    "accept_languages": lambda request: list(request.accept_languages),
    "accept_charsets": lambda request: list(request.accept_charsets),
    "authorization": lambda request: request.authorization and vars(request.authorization),
    "if_modified_since": lambda request: request.if_modified_since,
    "if_none_match": lambda request: request.if_none_match.to_header(),
    "if_range": lambda request: request.if_range.to_header(),
    "range": lambda request: request.range and request.range.to_header(),
    "cache_control": lambda request: dict(request.cache_control),
    "content_type": lambda request: request.content_type,
    "content_length": lambda request: request.content_length,
    "mimetype": lambda request: (request.mimetype, request.mimetype_params, request.is_json),
    "referrer": lambda request: request.referrer,
    "origin": lambda request: request.origin,
    "date": lambda request: request.date,
    "access_route": lambda request: list(request.access_route),
    "max_forwards": lambda request: request.max_forwards,
    "pragma": lambda request: list(request.pragma),
    "cookies": lambda request: list(request.cookies.items(multi=True)),
    "host": lambda request: request.host,
    "url": lambda request: request.url,
    "method": lambda request: request.method,
    "path": lambda request: (request.path, request.full_path, request.root_path, request.script_root),
}
NAMES = [
    *(b"user-agent", b"accept", b"accept-encoding", b"accept-language", b"accept-charset", b"authorization"),
    *(b"if-modified-since", b"if-none-match", b"if-range", b"range", b"cache-control", b"content-type", b"referer"),
    *(b"origin", b"date", b"x-forwarded-for", b"max-forwards", b"pragma", b"cookie", b"x-own", b"x_own", b"te"),
    *(b"Accept", b"x own", b"x-\xe9", b"", b":path", b"content-length", b"transfer-encoding", b"upgrade", b"expect"),
    *(b"content_type", b"http-cookie"),
]
VALUES = [
    *(
        b"",
        b"a",
        b"text/html; charset=utf-8",
        b"a=1; b=2",
        b"a=1",
        b"Basic YTpi",
        b"Bearer x",
        b'"tag"',
        b'W/"tag", "b"',
    ),
    *(b"Sun, 06 Nov 1994 08:49:37 GMT", b"bytes=0-5", b"max-age=0, no-cache", b"1.2.3.4, 5.6.7.8", b"3", b"0"),
    *(b"application/json", b"en;q=0.5, de", "käse".encode(), b"\xff\x80", b" x ", b"a;b,c"),
]


def make_app(order: list[str]) -> Any:
    """An application that tells what it reads, in that order; `environ` makes the environ first."""
    app = tuile.Flask("headers", static_folder=None)
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.route("/it", methods=["GET", "POST"])
    async def view() -> Any:
        seen: list[Any] = []
        for name in order:
            request = tuile.request._get_current_object()  # type: ignore[attr-defined]
            if name == "environ":
                seen.append(bool(request.environ))
            else:
                seen.append((name, outcome(READ[name], request)))
        return repr([each for each in seen if each is not True])

    return app


async def answers_of(order: list[str], requests: list[list[tuple[bytes, bytes]]]) -> list[Any]:
    """Send requests with these headers, after one that makes the app ready."""
    app = make_app(order)
    await Server(make_scope("/it")).ask(app)
    return [await Server(make_scope("/it", headers=headers)).ask(app) for headers in requests]


@settings(deadline=None, max_examples=60)
@given(
    requests=st.lists(
        st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=6), min_size=1, max_size=6
    ),
    order=st.permutations(sorted(READ)).map(lambda names: names[:6]),
    place=st.integers(0, 6),
)
def test_they_are_those_of_the_environ(requests: Any, order: list[str], place: int) -> None:
    expected = asyncio.run(answers_of(["environ", *order], requests))
    assert asyncio.run(answers_of(order, requests)) == expected
    assert asyncio.run(answers_of([*order[:place], "environ", *order[place:]], requests)) == expected


@pytest.mark.parametrize("name", READ)
def test_each_alone(name: str) -> None:
    requests = [
        [(octets, value), (b"accept", b"a/b"), (octets, value)][: 2 + (octets[:1] in b"acx")]
        for octets in NAMES
        for value in VALUES
    ]
    assert asyncio.run(answers_of([name], requests)) == asyncio.run(answers_of(["environ", name], requests))


@pytest.mark.parametrize("root", ["", "/", "/r", "r", None])
@pytest.mark.parametrize("path", ["/it", "/r/it", "//it", "/r//it", "/\xe4/it", "/r/\xe4", "it", ""])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "get", "OPTIONS"])
def test_the_method_and_the_path_are_those_of_the_environ(method: str, path: str, root: str | None) -> None:
    async def answer_of(order: list[str]) -> Any:
        app = make_app(order)

        async def rest(rest: str) -> Any:
            return await app.view_functions["view"]()

        app.add_url_rule("/<path:rest>", "rest", rest, methods=["GET", "POST"])
        await Server(make_scope("/it")).ask(app)
        return await Server(make_scope(path, method, root_path=root)).ask(app)

    order = ["method", "path", "url"]
    assert asyncio.run(answer_of(order)) == asyncio.run(answer_of(["environ", *order]))


def test_no_environ_is_made() -> None:
    app = tuile.Flask("headers", static_folder=None)
    made = []

    @app.get("/it")
    async def view() -> str:
        request = tuile.request._get_current_object()  # type: ignore[attr-defined]
        text = f"{request.user_agent} {request.accept_mimetypes} {request.cookies} {request.if_none_match}"
        made.append("environ" in vars(request))
        return text

    async def main() -> None:
        for _ in range(3):
            await Server(make_scope("/it", headers=[(b"user-agent", b"me"), (b"cookie", b"a=b")])).ask(app)

    asyncio.run(main())
    assert made[-1] is False
