"""The limit: the WSGI callable that a server could call with no framework at all, written by hand for each work."""

from __future__ import annotations

import json
import os
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from benchmarks.content import (
    COOKIE_MAX_AGE_S,
    HELLO,
    PAGE,
    PAGE_SOURCE,
    STATIC,
    STREAM_PIECE,
    STREAM_PIECES,
    TEMPLATES,
)
from benchmarks.measuring.call import Call

if TYPE_CHECKING:
    from collections.abc import Iterable

_TEXT = "text/html; charset=utf-8"


def _answer(
    start_response: Any, body: bytes, status: str = "200 OK", type_: str = _TEXT, *more: tuple[str, str]
) -> Iterable[bytes]:
    start_response(status, [("Content-Type", type_), ("Content-Length", str(len(body))), *more])
    return [body]


def hello() -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        if environ["PATH_INFO"] != "/":
            return _answer(start_response, b"Not Found", "404 Not Found")
        if environ["REQUEST_METHOD"] != "GET":
            return _answer(start_response, b"Method Not Allowed", "405 Method Not Allowed", _TEXT, ("Allow", "GET"))
        body = HELLO.encode()
        start_response("200 OK", [("Content-Type", _TEXT), ("Content-Length", str(len(body)))])
        return [body]

    return app


def dynamic_json() -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        _, _, user_id, name = environ["PATH_INFO"].split("/")
        user = {"id": int(user_id), "name": name, "active": True, "roles": ["reader", "writer"]}
        return _answer(start_response, json.dumps(user).encode(), "200 OK", "application/json")

    return app


def _read_cookies(header: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in header.split("; "))


def cookie() -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        theme = _read_cookies(environ["HTTP_COOKIE"])["theme"]
        line = f"theme=light; Max-Age={COOKIE_MAX_AGE_S}; Path=/; Secure; HttpOnly; SameSite=Lax"
        return _answer(start_response, theme.encode(), "200 OK", _TEXT, ("Set-Cookie", line))

    return app


def fifty_cookies() -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        return _answer(start_response, _read_cookies(environ["HTTP_COOKIE"])["cookie_49"].encode())

    return app


def parse_cookies(header: str) -> Call:
    return Call(lambda: SimpleCookie(header)["cookie_49"].value)


def redirect() -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        return _answer(start_response, b"Redirecting", "302 Found", _TEXT, ("Location", "/new"))

    return app


def template() -> Any:
    from jinja2 import Environment, FileSystemLoader

    page = Environment(autoescape=True, loader=FileSystemLoader(TEMPLATES)).get_template("page.html")
    return _render(page)


def template_string() -> Any:
    from jinja2 import Environment

    return _render(Environment(autoescape=True).from_string(PAGE_SOURCE))


def _render(template: Any) -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        return _answer(start_response, template.render(**PAGE).encode())

    return app


def form() -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        fields = parse_qs(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode())
        return _answer(start_response, f"{fields['name'][0]} <{fields['email'][0]}>".encode())

    return app


def json_post() -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        data = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        total = sum(line["price"] * line["quantity"] for line in data["lines"])
        body = json.dumps({"customer": data["customer"], "total": total}).encode()
        return _answer(start_response, body, "200 OK", "application/json")

    return app


def stream() -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", _TEXT)])
        return (STREAM_PIECE.encode() for _ in range(STREAM_PIECES))

    return app


def static_file() -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        file = open(os.path.join(STATIC, environ["PATH_INFO"].removeprefix("/static/")), "rb")  # noqa: SIM115 - the server closes it
        start_response("200 OK", [("Content-Type", "text/css")])
        return environ["wsgi.file_wrapper"](file)

    return app
