"""Headers of requests, in the forms that the parsers of Werkzeug and Flask give them."""

from __future__ import annotations

from typing import Any

from benchmarks.breadth.registry import Subject, f

SUBJECT = Subject("headers")
_BROWSER = {
    "User_Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept_Language": "de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7",
    "Accept_Encoding": "gzip, deflate, br, zstd",
    "Referer": "https://example.com/list?page=2",
    "Cache_Control": "max-age=0",
}


def _read(name: str, read: Any, path: str = "/", **keywords: Any) -> None:
    SUBJECT.view(name, path, **keywords)(lambda **values: str(read(f.request)))


_read("access_route of three", lambda r: r.access_route[0], X_Forwarded_For="1.2.3.4, 5.6.7.8, 9.10.11.12")
_read(
    "mimetype and mimetype_params",
    lambda r: (r.mimetype, r.mimetype_params),
    body="x",
    type="text/plain; charset=utf-8; format=flowed",
)
_read(
    "accept_mimetypes of a browser, best_match",
    lambda r: r.accept_mimetypes.best_match(["application/json", "text/html"]),
    **_BROWSER,
)
_read(
    "accept_html and accept_json",
    lambda r: (r.accept_mimetypes.accept_html, r.accept_mimetypes.accept_json),
    **_BROWSER,
)
_read("cache_control of the request", lambda r: r.cache_control.max_age, **_BROWSER)
_read("range", lambda r: r.range.ranges, Range="bytes=0-99")
_read(
    "authorization, Digest",
    lambda r: r.authorization.username,
    Authorization='Digest username="ada", realm="x", nonce="n", uri="/", response="r"',
)
_read("headers as a dict", lambda r: dict(r.headers)["X-One"], X_One="1")
_read("args.get, type fails", lambda r: r.args.get("page", 1, type=int), "/?page=two")
_read("cookies, quoted value", lambda r: r.cookies["a"], cookies='a="b, c\\073 d"')
_read("stream by lines", lambda r: list(r.stream), body="a\nb\nc\n", type="text/plain")
_read("hello of a browser", lambda r: "hello", **_BROWSER)
