"""An unmodified Flask application on popular servers, each started by `tuile exec`."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.doors.serving import Server, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

BIND = "127.0.0.1:{port}"
GUNICORN = ["tuile", "exec", "gunicorn", "--bind", BIND, "--workers", "1", "--no-control-socket", "shop:app"]

#: {name: (command, packages)}
SERVERS: dict[str, tuple[list[str], list[str]]] = {
    "tuile run": (["tuile", "--app", "shop", "run", "--port", "{port}"], []),
    "flask run": (["tuile", "exec", "flask", "--app", "shop", "run", "--port", "{port}"], []),
    "gunicorn sync": (GUNICORN, ["gunicorn"]),
    "gunicorn gthread": ([*GUNICORN, "--threads", "4"], ["gunicorn"]),
    "gunicorn gevent": ([*GUNICORN, "--worker-class", "gevent"], ["gunicorn", "gevent"]),
    "gevent": (["tuile", "exec", "shop_gevent.py", "{port}"], ["gevent"]),
    "granian": (
        ["tuile", "exec", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", "{port}", "shop:app"],
        ["granian"],
    ),
    "waitress": (["tuile", "exec", "waitress-serve", f"--listen={BIND}", "shop:app"], ["waitress"]),
    "uvicorn": (
        ["tuile", "exec", "uvicorn", "--interface", "wsgi", "--port", "{port}", "shop:app"],
        ["uvicorn", "a2wsgi"],
    ),
    "uvicorn ASGI": (["tuile", "exec", "uvicorn", "--port", "{port}", "shop:app"], ["uvicorn"]),
    "granian ASGI": (
        ["tuile", "exec", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", "{port}", "shop:app"],
        ["granian"],
    ),
    "hypercorn ASGI": (["tuile", "exec", "hypercorn", "--bind", BIND, "asgi:shop:app"], ["hypercorn"]),
    "gunicorn ASGI": ([*GUNICORN, "--worker-class", "asgi"], ["gunicorn"]),
    "asgi_app": (["tuile", "exec", "hypercorn", "--bind", BIND, "shop:app.asgi_app"], ["hypercorn"]),
    "a2wsgi": (["tuile", "exec", "uvicorn", "--port", "{port}", "shop_asgi:app"], ["uvicorn", "a2wsgi"]),
}


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    command, packages = SERVERS[request.param]
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed; make test installs it")
    with serve(command, tmp_path_factory.mktemp("log") / "output.txt") as started:
        yield started


def test_the_application_runs_on_tuile(server: Server) -> None:
    told = json.loads(server.ask("/where").body)
    assert told["flask"] == "FlaskModule"
    assert told["host"] == f"127.0.0.1:{server.port}"
    assert told["scheme"] == "http"
    assert told["address"] == "127.0.0.1"


def test_text_and_variable_parts_are_answered(server: Server) -> None:
    answer = server.ask("/hello/J%C3%B6rg")
    assert (answer.status, answer.text) == (200, "hello Jörg")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers.get_all("Content-Length") == ["11"]


def test_head_has_the_headers_and_no_body(server: Server) -> None:
    answer = server.ask("/hello/you", "HEAD")
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "9")


def test_a_large_body_comes_and_goes_whole(server: Server) -> None:
    body = bytes(range(256)) * 4096
    answer = server.ask("/echo", "POST", body, {"Content-Type": "application/octet-stream"})
    assert answer.body == body
    assert answer.headers["X-Length"] == str(len(body))


def test_a_form_with_a_file_is_read(server: Server) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="f.txt"\r\n\r\nhello\r\n--x--\r\n'
    )
    answer = server.ask("/form", "POST", body, {"Content-Type": "multipart/form-data; boundary=x"})
    assert json.loads(answer.body) == {"form": {"a": "1"}, "files": {"f": ["f.txt", 5]}}


def test_a_stream_keeps_its_request(server: Server) -> None:
    assert server.ask("/stream?to=3").text == "0 of /stream\n1 of /stream\n2 of /stream\n"


def test_a_session_is_kept_in_the_cookie(server: Server) -> None:
    first = server.ask("/basket/pear", "POST")
    assert (first.status, first.headers["Location"]) == (303, "/basket/")
    set_cookies = first.headers.get_all("Set-Cookie") or []
    assert [line.partition("=")[0] for line in set_cookies] == ["last", "shop"]
    sent = "; ".join(line.partition(";")[0] for line in set_cookies)
    second = server.ask("/basket/", headers={"Cookie": sent})
    assert json.loads(second.body) == {"things": ["pear"], "where": f"http://127.0.0.1:{server.port}/basket/"}
    assert second.headers["Vary"] == "Cookie"
    assert SimpleCookie(set_cookies[0])["last"]["samesite"] == "Lax"


def test_errors_are_answered(server: Server) -> None:
    assert server.ask("/nothing").status == 404
    assert server.ask("/where", "DELETE").status == 405
    assert server.ask("/broken").status == 500
    teapot = server.ask("/teapot")
    assert (teapot.status, "short and stout" in teapot.text) == (418, True)


def test_each_request_is_torn_down(server: Server) -> None:
    path = "/hello/the-one-to-look-for"
    server.ask(path)
    server.ask("/stream?to=1")
    # A stream ends for its reader a moment before its request does.
    give_up = time.monotonic() + 2
    torn_down = json.loads(server.ask("/torn-down").body)
    while "/stream" not in torn_down and time.monotonic() < give_up:
        torn_down = json.loads(server.ask("/torn-down").body)
    assert "/stream" in torn_down
    assert torn_down.count(path) == 1


def test_requests_at_the_same_time_do_not_mix(server: Server) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda number: server.ask(f"/stream?to=5&n={number}").text, range(16))
        names = pool.map(lambda number: server.ask(f"/hello/{number}").text, range(16))
        assert set(answers) == {"".join(f"{number} of /stream\n" for number in range(5))}
        assert list(names) == [f"hello {number}" for number in range(16)]
