"""The limit of the other door: the ASGI callable that a server could call with no framework at all."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.content import COOKIE_MAX_AGE_S, HELLO

_TEXT = b"text/html; charset=utf-8"


async def _answer(send: Any, body: bytes, status: int = 200, type_: bytes = _TEXT, *more: tuple[bytes, bytes]) -> None:
    headers = [(b"content-type", type_), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def hello() -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        if scope["path"] != "/":
            await _answer(send, b"Not Found", 404)
        elif scope["method"] != "GET":
            await _answer(send, b"Method Not Allowed", 405, _TEXT, (b"allow", b"GET"))
        else:
            await _answer(send, HELLO.encode())

    return app


def dynamic_json() -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        _, _, user_id, name = scope["path"].split("/")
        user = {"id": int(user_id), "name": name, "active": True, "roles": ["reader", "writer"]}
        await _answer(send, json.dumps(user).encode(), 200, b"application/json")

    return app


def cookie() -> Any:
    line = f"theme=light; Max-Age={COOKIE_MAX_AGE_S}; Path=/; Secure; HttpOnly; SameSite=Lax"

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        header = dict(scope["headers"])[b"cookie"].decode()
        cookies = dict(pair.split("=", 1) for pair in header.split("; "))
        await _answer(send, cookies["theme"].encode(), 200, _TEXT, (b"set-cookie", line.encode()))

    return app
