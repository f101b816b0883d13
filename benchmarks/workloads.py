"""The work that every peer is asked for, as data: the request, the right answer, and what Tuile wants to reach.

The application that does it is the function of the same key in each module of benchmarks/peers.
"""

from __future__ import annotations

import json
import os
import random
from urllib.parse import urlencode

from benchmarks.content import BLOG_PASSWORD, COOKIE_MAX_AGE_S, HELLO, STATIC, STREAM_PIECE, STREAM_PIECES, TEMPLATES
from benchmarks.measuring.asking import Ask
from benchmarks.measuring.workload import Goal, Workload

with open(os.path.join(TEMPLATES, "page.expected.html"), "rb") as _file:
    _PAGE_BODY = _file.read()
with open(os.path.join(STATIC, "style.css"), "rb") as _file:
    _STYLE = _file.read()

_FORM = b"name=Ada+Lovelace&email=ada%40example.org&message=" + b"How+do+you+do%3F+" * 8
_ORDER = {"customer": "Ada", "lines": [{"name": f"book {n}", "price": 7 + n, "quantity": n} for n in range(1, 6)]}
_PHOTO = random.Random(1).randbytes(1024 * 1024)  # noqa: S311 - any bytes that are the same each time
_BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
_MULTIPART = (
    (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="title"\r\n\r\nholiday\r\n'
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="photo"; filename="photo.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    ).encode()
    + _PHOTO
    + f"\r\n--{_BOUNDARY}--\r\n".encode()
)
_THREE_COOKIES = "consent=yes; theme=dark; lang=en-GB"
_FIFTY_COOKIES = "; ".join(f"cookie_{number}=value-{number}" for number in range(50))


def _post(path: str, content_type: str, body: bytes) -> Ask:
    return Ask("POST", path, (("Content-Type", content_type),), body)


def routes_workload(count: int, *goals: Goal) -> Workload:
    """One of `count` routes: half of them static, half with an integer, asked for the one in the middle."""
    return Workload(
        f"{count:,} routes",
        key="routes",
        arguments=(count,),
        ask=Ask(path=f"/section{count // 4}/42"),
        body=f"section {count // 4} item 42".encode(),
        goals=goals,
    )


WORKLOADS = (
    Workload(
        "hello",
        key="hello",
        ask=Ask(),
        body=HELLO.encode(),
        goals=(Goal("Flask", times=20), Goal("Falcon", times=1)),
    ),
    Workload(
        "dynamic route, JSON",
        key="dynamic_json",
        ask=Ask(path="/users/42/ada"),
        body={"id": 42, "name": "ada", "active": True, "roles": ["reader", "writer"]},
        goals=(Goal("Flask", times=14), Goal("Falcon", times=1)),
    ),
    Workload(
        "one cookie of three read, one set",
        key="cookie",
        ask=Ask().with_cookies(_THREE_COOKIES),
        body=b"dark",
        set_cookie=f"theme=light; Max-Age={COOKIE_MAX_AGE_S}; Path=/; Secure; HttpOnly; SameSite=Lax",
        goals=(Goal("Flask", times=13), Goal("Falcon", times=1.5)),
    ),
    Workload(
        "request with 50 cookies, one read",
        key="fifty_cookies",
        ask=Ask().with_cookies(_FIFTY_COOKIES),
        body=b"value-49",
    ),
    Workload(
        "50 cookies parsed (call)",
        key="parse_cookies",
        arguments=(_FIFTY_COOKIES,),
        ask=Ask(),
        body=b"value-49",
        direct=True,
        goals=(Goal(at_most_us=12),),
        note="The parser alone, as each framework has it; bare is the standard library's `SimpleCookie`.",
    ),
    Workload(
        "signed session read",
        key="session",
        ask=Ask(path="/read"),
        login=Ask(path="/login"),
        body=b"ada",
        goals=(Goal("Flask", times=9),),
    ),
    Workload(
        "signed session read and written",
        key="session",
        ask=Ask(path="/count"),
        login=Ask(path="/login"),
        body=b"ada 2",
        goals=(Goal("Flask", times=10),),
    ),
    Workload("404", key="hello", ask=Ask(path="/no/such/page"), status=404, goals=(Goal("Flask", times=6),)),
    Workload("405", key="hello", ask=Ask("POST"), status=405),
    Workload("redirect", key="redirect", ask=Ask(path="/old"), status=302, location="/new"),
    Workload("url_for, static (call)", key="url_for_static", ask=Ask(), body=b"/about", direct=True),
    Workload(
        "url_for, arguments (call)",
        key="url_for_arguments",
        ask=Ask(),
        body=b"/users/42/ada?tab=posts",
        direct=True,
        goals=(Goal("Flask", times=6),),
    ),
    Workload(
        "url_for, external (call)",
        key="url_for_external",
        ask=Ask(),
        body=b"http://127.0.0.1:8000/users/42/ada",
        direct=True,
    ),
    Workload(
        "request.method through the proxy (call)",
        key="proxy",
        ask=Ask(),
        body=b"GET",
        direct=True,
        goals=(Goal(at_most_us=0.35),),
    ),
    Workload(
        "render_template, small page",
        key="template",
        ask=Ask(),
        body=_PAGE_BODY,
        goals=(Goal("bare", extra_us=3),),
        note="bare is a WSGI callable that renders the same page with Jinja alone: Jinja's own time.",
    ),
    Workload(
        "render_template_string, same source again",
        key="template_string",
        ask=Ask(),
        body=_PAGE_BODY,
        goals=(Goal("Flask", times=15),),
        note="bare compiles the template once.",
    ),
    Workload(
        "form POST",
        key="form",
        ask=_post("/", "application/x-www-form-urlencoded", _FORM),
        body=b"Ada Lovelace <ada@example.org>",
    ),
    Workload(
        "JSON POST",
        key="json_post",
        ask=_post("/", "application/json", json.dumps(_ORDER).encode()),
        body={"customer": "Ada", "total": 160},
    ),
    Workload(
        "1 MB multipart upload",
        key="upload",
        ask=_post("/", f"multipart/form-data; boundary={_BOUNDARY}", _MULTIPART),
        body=b"holiday 1048576",
    ),
    Workload(
        "3 before and 3 after hooks", key="hooks", ask=Ask(), body=HELLO.encode(), goals=(Goal("Flask", times=14),)
    ),
    Workload("blueprint route", key="blueprint", ask=Ask(path="/admin/users/42"), body=b"user 42"),
    routes_workload(10),
    routes_workload(1_000),
    routes_workload(10_000, Goal(of="10 routes", at_most_times=1.15)),
    Workload("streamed response, 20 pieces", key="stream", ask=Ask(), body=(STREAM_PIECE * STREAM_PIECES).encode()),
    Workload("static file", key="static_file", ask=Ask(path="/static/style.css"), body=_STYLE),
)

_FORM_TYPE = "application/x-www-form-urlencoded"
_LOGIN = _post("/auth/login", _FORM_TYPE, urlencode({"name": "ada", "password": BLOG_PASSWORD}).encode())
# What is served only: a whole application, whose answers are compared between Flask and Tuile.
BLOG = (
    Workload("blog: all notes, a visitor", key="blog", ask=Ask()),
    Workload("blog: all notes, logged in", key="blog", ask=Ask(), login=_LOGIN, holds=b"<span>ada</span>"),
    Workload("blog: one note", key="blog", ask=Ask(path="/7")),
    Workload("blog: the form to log in", key="blog", ask=Ask(path="/auth/login")),
    Workload(
        "blog: a note is written",
        key="blog",
        ask=_post("/write", _FORM_TYPE, b"title=A+new+note&text=" + b"What+it+says.+" * 10),
        status=302,
        location="/",
        login=_LOGIN,
    ),
)
