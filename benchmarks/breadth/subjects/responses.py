"""Responses: how they are made, their headers, their bodies and what is asked of them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import json
import os
from typing import Any

from werkzeug.datastructures import WWWAuthenticate

from benchmarks.breadth.registry import Subject, f
from benchmarks.content import STATIC

SUBJECT = Subject("responses")
_STYLE = os.path.join(STATIC, "style.css")
_DAY = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.timezone.utc)


def _with(name: str, change: Any, path: str = "/", **keywords: Any) -> None:
    """List a view that makes a response, changes it, and returns what the change returns or the response."""

    def view_() -> Any:
        response = f.make_response("text")
        return change(response) or response

    SUBJECT.view(name, path, **keywords)(view_)


def _with_challenge(response: Any) -> None:
    response.www_authenticate = WWWAuthenticate("basic", {"realm": "app"})


def _with_whole_location(response: Any) -> None:
    response.autocorrect_location_header = True
    response.location = "/a"


_with("www_authenticate, Basic", _with_challenge)
_with("add_etag, make_conditional", lambda r: r.add_etag() or r.make_conditional(f.request))
_with(
    "conditional range of a text",
    lambda r: r.make_conditional(f.request, accept_ranges=True, complete_length=4),
    Range="bytes=0-1",
)
_with("20 headers", lambda r: r.headers.update({f"X-{n}": str(n) for n in range(20)}))
_with("autocorrect_location_header", _with_whole_location)
_with("response.stream written", lambda r: r.stream.write(b"more") and None)


@dataclasses.dataclass
class _Item:
    name: str
    price: float
    tags: list[str]


class _Plain(f.json.provider.JSONProvider):  # type: ignore[misc, name-defined]
    def dumps(self, value: Any, **options: Any) -> str:
        return json.dumps(value, separators=(",", ":"))

    def loads(self, text: Any, **options: Any) -> Any:
        return json.loads(text)


_with("JSON of 10 dataclasses", lambda r: {"items": [_Item(f"n{n}", 1.5, ["a"]) for n in range(10)]})


@SUBJECT.app("JSON provider of the app's own")
def _(app: Any) -> None:
    app.json = _Plain(app)
    app.add_url_rule("/", "view", lambda: {"b": 1, "a": [1, 2]})


_with("redirect with a flash", lambda r: f.flash("saved") or f.redirect("/"), SECRET_KEY="k" * 32)

_with(
    "cookie with all attributes",
    lambda r: r.set_cookie(
        "a", "b", max_age=60, expires=_DAY, path="/x", domain="example.com", secure=True, httponly=True,
        samesite="Strict",
    ),
)  # fmt: skip
_with("cookie with a quoted value", lambda r: r.set_cookie("a", 'b "c"; d, e'))

_with("send_file of BytesIO", lambda r: f.send_file(io.BytesIO(b"x" * 100), mimetype="text/plain"))
_with("send_file, range not satisfiable", lambda r: f.send_file(_STYLE), Range="bytes=100000-")
_with("send_file of an open file", lambda r: f.send_file(open(_STYLE, "rb"), mimetype="text/css"))  # noqa: SIM115


def _line(number: int) -> str:
    return json.dumps({"n": number}) + "\n"


class _Pieces:
    def __init__(self) -> None:
        self.left = 3

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise StopIteration
        return b"piece"

    def close(self) -> None:
        self.left = 0


_with("iterator with close", lambda r: f.Response(_Pieces(), mimetype="text/plain"))
_with("NDJSON of 10 lines", lambda r: f.Response(map(_line, range(10)), mimetype="application/x-ndjson"))
