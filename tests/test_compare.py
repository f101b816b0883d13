"""The comparison of whole applications: what it sends, what it considers equal, and whether its list is valid."""

from __future__ import annotations

import re

import pytest

from tests.upstream.compare import Application, Request, in_one_piece, keep_cookies, read_plan, without_what_varies

APPS, SERVERS, REASONS = read_plan()


def test_a_request_is_written_with_its_body_and_the_cookies_kept() -> None:
    request = Request("POST /path?a=b", {"X-Custom": "1"}, form="a=%C3%A9")
    assert request.written(80, {"one": "1", "two": "2"}) == (
        b"POST /path?a=b HTTP/1.1\r\nHost: 127.0.0.1:80\r\nUser-Agent: compare\r\nAccept: */*\r\nX-Custom: 1\r\n"
        b"Cookie: one=1; two=2\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 8\r\n"
        b"Connection: close\r\n\r\na=%C3%A9"
    )
    assert b"Cookie: mine\r\n" in Request("GET /", {"Cookie": "mine"}).written(80, {"one": "1"})


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        (b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n5\r\nabc", b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n5\r\nabc"),
        (b"H\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"H\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (b"H\r\ntransfer-encoding: chunked\r\n\r\n3\r\na\r\n\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", b"a\r\n0123456789"),
    ],
)
def test_chunks_are_put_together(answer: bytes, whole: bytes) -> None:
    assert in_one_piece(answer).endswith(whole)
    assert in_one_piece(answer).partition(b"\r\n\r\n")[0] == answer.partition(b"\r\n\r\n")[0]


def test_cookies_are_kept_replaced_and_deleted() -> None:
    cookies = {"old": "1", "gone": "2", "expired": "3"}
    keep_cookies(
        b"HTTP/1.1 200 OK\r\nSet-Cookie: new=a=b; Path=/\r\nset-cookie: old=4\r\n"
        b"Set-Cookie: gone=; Max-Age=0; Path=/\r\n"
        b"Set-Cookie: expired=; Expires=Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\nSet-Cookie: body=1\r\n",
        cookies,
    )
    assert cookies == {"old": "4", "new": "a=b"}


def test_what_varies_is_replaced_and_nothing_else() -> None:
    varying = [(re.compile(r"(?im)^(Date): .*$"), r"\1: (when)")]
    answer = b"HTTP/1.1 200 OK\r\ndate: today\r\nX-Date: today\r\n\r\n\xe9"
    assert without_what_varies(answer, varying) == "HTTP/1.1 200 OK\ndate: (when)\nX-Date: today\n\n\u00e9"


@pytest.mark.parametrize("app", APPS, ids=lambda app: app.name)
def test_what_is_said_to_vary_is_not_much(app: Application) -> None:
    # An answer without any of it stays as it is.
    answer = b'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nSet-Cookie: a=b; Path=/\r\nETag: "x"\r\n\r\n<p>hello</p>'
    assert without_what_varies(answer, app.varying) == answer.decode().replace("\r\n", "\n")


def test_every_listed_difference_names_a_request_and_a_server_and_says_why() -> None:
    asked = {(app.name, server.name, request.label) for app in APPS for server in SERVERS for request in app.requests}
    assert set(REASONS) <= asked
    assert all(len(reason) > 10 for reason in REASONS.values())


def test_no_request_stands_for_two_answers_that_are_listed() -> None:
    # A request may be asked again, in another state; a difference is listed by its text, so that must be the only one.
    for app in APPS:
        labels = [request.label for request in app.requests]
        assert all(labels.count(label) == 1 for name, _, label in REASONS if name == app.name)


def test_both_sides_are_served_in_the_same_way() -> None:
    for server in SERVERS:
        for app in APPS:
            flask, tuile = server.filled(app, 80, on_tuile=False), server.filled(app, 80, on_tuile=True)
            assert tuile[0] == "tuile"
            assert tuile[2:] == flask or tuile[1:] == flask[1:]
