"""Scopes become environs, hostile ones too; WSGI headers become those of ASGI."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.asgi.driver import Server, make_scope, run, send
from tests.asgi.websocket_driver import Client
from tests.asgi.websocket_driver import make_scope as make_websocket_scope
from tuile import Flask, request, url_for, websocket
from tuile.asgi.scopes import (
    BadScope,
    brief_environ_of,
    content_length,
    environ_of,
    handshake_environ_of,
    handshake_of,
    sent_headers,
    status_code,
)
from tuile.sessions import SecureCookieSessionInterface


def make_app() -> Flask:
    app = Flask("scopes", static_folder=None)

    @app.route("/", defaults={"path": ""})
    @app.route("/<path:path>")
    def tell(path: str) -> dict[str, Any]:
        return {
            "path": request.path,
            "root_path": request.root_path,
            "url": request.url,
            "link": url_for("tell", path="x"),
            "cookies": request.cookies.to_dict(),
            "headers": dict(request.headers),
        }

    return app


def test_the_keys_of_wsgi_are_there() -> None:
    scope = make_scope("/a b/ü", "POST", headers=[(b"content-type", b"text/plain"), (b"x-one", b"1")], query=b"q=1")
    environ = environ_of({**scope, "raw_path": b"/a%20b/%C3%BC"})
    assert environ["REQUEST_METHOD"] == "POST"
    assert environ["PATH_INFO"] == "/a b/ü".encode().decode("latin-1")
    assert environ["QUERY_STRING"] == "q=1"
    assert environ["CONTENT_TYPE"] == "text/plain"
    assert environ["HTTP_X_ONE"] == "1"
    assert environ["HTTP_HOST"] == "localhost"
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("127.0.0.1", "80")
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("127.0.0.1", "50000")
    assert environ["RAW_URI"] == environ["REQUEST_URI"] == "/a%20b/%C3%BC?q=1"
    assert environ["asgi.scope"]["type"] == "http"


@pytest.mark.parametrize(
    ("root_path", "path", "expected"),
    [
        ("/api", "/api/x", ("/api", "/x")),
        ("/api/", "/api/x", ("/api", "/x")),
        ("api", "/api/x", ("/api", "/x")),
        ("/api", "/x", ("/api", "/x")),
        ("/api", "/api", ("/api", "")),
        ("/ap", "/api/x", ("/ap", "/api/x")),
        ("", "/x", ("", "/x")),
        (None, "/x", ("", "/x")),
        ("/ü", "/ü/x", ("/Ã¼", "/x")),
    ],
)
def test_the_root_path_is_cut_off_once_and_at_a_slash(
    root_path: str | None, path: str, expected: tuple[str, str]
) -> None:
    environ = environ_of(make_scope(path, root_path=root_path))
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == expected


@pytest.mark.parametrize("path", ["/api/x", "/x"])
def test_urls_have_the_root_path_once(path: str) -> None:
    told: Any = json.loads(send(make_app(), path, root_path="/api").body)
    assert told["path"] == "/x"
    assert told["link"] == "/api/x"
    assert told["url"] == "http://localhost/api/x"


@pytest.mark.parametrize(
    ("raw_path", "path", "root_path", "expected"),
    [
        (b"/%ff", "/\ufffd", "", "/\xff"),
        (b"/%ff?x=%ff", "/\ufffd", "", "/\xff"),
        (b"/%ff", "/api/\ufffd", "/api", "/\xff"),
        (b"/%EF%BF%BD", "/\ufffd", "", "/ï¿½"),
        (b"/other", "/\ufffd", "", "/ï¿½"),
        (None, "/\ufffd", "", "/ï¿½"),
        (b"/api/x", "/x", "", "/x"),
    ],
)
def test_octets_that_servers_replace_are_taken_from_the_raw_path(
    raw_path: bytes | None, path: str, root_path: str, expected: str
) -> None:
    assert environ_of(make_scope(path, raw_path=raw_path, root_path=root_path))["PATH_INFO"] == expected


def test_the_parts_of_a_cookie_header_are_joined_by_semicolons_and_others_by_commas() -> None:
    headers = [(b"cookie", b"a=1"), (b"x-forwarded-for", b"1.1.1.1"), (b"cookie", b"b=2"), (b"x-forwarded-for", b"::1")]
    told: Any = json.loads(send(make_app(), headers=headers).body)
    assert told["cookies"] == {"a": "1", "b": "2"}
    assert told["headers"]["X-Forwarded-For"] == "1.1.1.1,::1"


@pytest.mark.parametrize("name", [b"x_user", b"X_User", b":path", b"", b"x user", b"x\xff", b"x\0", b"x\r\ny", b"x:"])
def test_a_header_whose_name_could_be_taken_for_another_is_dropped(name: bytes) -> None:
    environ = environ_of(make_scope(headers=[(name, b"1")]))
    assert [key for key in environ if key.startswith("HTTP_")] == ["HTTP_HOST"]


def test_names_in_capitals_are_the_same_names() -> None:
    environ = environ_of(make_scope(headers=[(b"Content-Type", b"a/b"), (b"X-Some", b"1"), (b"COOKIE", b"a=1")]))
    assert (environ["CONTENT_TYPE"], environ["HTTP_X_SOME"], environ["HTTP_COOKIE"]) == ("a/b", "1", "a=1")


@pytest.mark.parametrize(
    "headers",
    [
        [(b"host", b"a"), (b"host", b"a")],
        [(b"host", b"a"), (b"Host", b"b")],
        [(b"content-length", b"1"), (b"content-length", b"2")],
        [(b"content-type", b"a/b"), (b"content-type", b"c/d")],
    ],
)
def test_headers_that_contradict_each_other_are_a_bad_request(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(BadScope):
        environ_of(make_scope(headers=headers))
    answer = send(make_app(), headers=headers)
    assert answer.status == 400
    assert b"<title>400 Bad Request</title>" in answer.body


def test_a_path_that_is_no_text_is_a_bad_request() -> None:
    assert send(make_app(), "/\ud800").status == 400


def test_a_repeated_length_counts_once() -> None:
    assert content_length(environ_of(make_scope(headers=[(b"content-length", b"3")] * 2))) == 3


@pytest.mark.parametrize("text", [b"", b"x", b"-1", b"+1", "٣".encode(), b"9" * 19, b"1,1"])
def test_a_length_that_is_no_number_is_not_one(text: bytes) -> None:
    assert content_length(environ_of(make_scope(headers=[(b"content-length", text)]))) is None


def test_the_authority_of_http_2_is_the_host_if_there_is_no_other() -> None:
    scope = make_scope(http_version="2")
    scope["headers"] = [(b":authority", b"example.com"), (b":method", b"GET")]
    environ = environ_of(scope)
    assert environ["HTTP_HOST"] == "example.com"
    assert environ["SERVER_PROTOCOL"] == "HTTP/2"
    scope["headers"].insert(0, (b"host", b"other.example"))
    assert environ_of(scope)["HTTP_HOST"] == "other.example"


def test_a_unix_socket_has_no_port_and_no_client() -> None:
    environ = environ_of(make_scope(server=("/run/app.sock", None), client=None))
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("/run/app.sock", "")
    assert "REMOTE_ADDR" not in environ
    assert environ_of(make_scope(server=None, scheme="https"))["SERVER_PORT"] == "443"


OCTETS = st.binary(max_size=12)
TEXT = st.text(max_size=12)


@given(
    path=TEXT,
    raw_path=st.none() | OCTETS,
    root_path=TEXT,
    query=OCTETS,
    headers=st.lists(st.tuples(st.sampled_from([b"host", b"cookie", b"content-length", b"x-y"]) | OCTETS, OCTETS)),
)
def test_any_scope_is_an_environ_or_a_bad_request(
    path: str, raw_path: bytes | None, root_path: str, query: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    scope = make_scope(path, headers=headers, query=query, raw_path=raw_path, root_path=root_path)
    try:
        environ = environ_of(scope)
    except BadScope:
        return
    for key, value in environ.items():
        if "." not in key:
            assert type(value) is str
            value.encode("latin-1")


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("is_awaited", [False, True])
@pytest.mark.parametrize("query", [{}, {"query_string": None}, {"query_string": b""}])
def test_a_request_without_a_query_is_one_with_an_empty_query(
    query: dict[str, Any], is_awaited: bool, fails: bool
) -> None:
    app = Flask("scopes", static_folder=None)
    ended: list[str] = []

    def view() -> str:
        return f"{request.args.to_dict()} {request.query_string!r} {request.url} {1 // (not fails)}"

    async def awaited() -> str:
        return view()

    app.get("/")(awaited if is_awaited else view)
    app.teardown_request(lambda _: ended.append(request.environ["QUERY_STRING"]))
    scope = make_scope()
    del scope["query_string"]
    answer = run(lambda: Server({**scope, **query}).ask(app))
    assert (answer.status, ended) == (500 if fails else 200, [""])
    assert fails or answer.text == "{} b'' http://localhost/ 1"


def test_headers_are_sent_in_lower_case_and_as_latin_1() -> None:
    assert sent_headers([("X-Some", "ü"), ("Set-Cookie", "a=1")], "1.1") == [
        (b"x-some", b"\xfc"),
        (b"set-cookie", b"a=1"),
    ]


def test_what_concerns_the_connection_is_the_servers_affair() -> None:
    headers = [("Connection", "close"), ("Transfer-Encoding", "chunked"), ("Keep-Alive", "1"), ("X", "1")]
    assert [name for name, _ in sent_headers(headers, "1.1")] == [b"connection", b"keep-alive", b"x"]
    assert [name for name, _ in sent_headers(headers, "2")] == [b"x"]


@pytest.mark.parametrize(
    "header", [("X", "a\r\nB: c"), ("X", "a\0"), ("X\r\nY", "a"), ("X: Y", "a"), ("", "a"), ("X", "€")]
)
def test_a_header_that_would_be_two_is_not_sent(header: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"header|latin-1"):
        sent_headers([header], "1.1")


def test_names_that_are_remembered_are_bounded() -> None:
    from tuile.asgi import scopes  # noqa: PLC0415 - its state

    for number in range(2 * scopes._MOST_NAMES):
        sent_headers([(f"X-{number}", "1")], "1.1")
    assert len(scopes._sent_names) <= scopes._MOST_NAMES


def test_a_status_begins_with_three_digits() -> None:
    assert status_code("404 NOT FOUND") == 404
    for status in ("", "OK", "1", "٣٣٣", "2000 X"):
        with pytest.raises(ValueError, match="three digits"):
            status_code(status)


HANDSHAKE_HEADERS = [
    (b"cookie", b"a=b"),
    (b"cookie", b"c=\xe9"),
    (b"host", b"other.example"),
    (b"Host", b"capital.example"),
    (b"upgrade", b"websocket"),
    (b"connection", b"Upgrade"),
    (b"sec-websocket-key", b"x3JJHMbDL1EzLkh9GBhXDw=="),
    (b"sec-websocket-protocol", b"chat"),
    (b"origin", b"http://localhost"),
    (b"x-own", b"1"),
    (b"x_own", b"2"),
    (b"content-length", b"0"),
    (b"content-length", b"1"),
    (b":authority", b"authority.example"),
    (b"transfer-encoding", b"chunked"),
]


@given(
    st.sampled_from(["/ws", "/a b", "/\xfc", "//", "/\ufffd", ""]),
    st.sampled_from(["", "/root", "/"]),
    st.sampled_from(["ws", "wss", "http", "https", "", "other"]),
    st.sampled_from([b"", b"q=\xe9", b"a=1&b=2"]),
    st.lists(st.sampled_from(HANDSHAKE_HEADERS), max_size=6),
    st.booleans(),
)
def test_a_brief_environ_of_a_handshake_is_part_of_the_whole_one(
    path: str, root: str, scheme: str, query: bytes, headers: list[tuple[bytes, bytes]], has_host: bool
) -> None:
    headers = [*([(b"host", b"localhost")] if has_host else []), *headers]
    scope = make_websocket_scope(path, headers=headers, root_path=root, scheme=scheme, query_string=query)
    scope["headers"] = headers
    found = handshake_of(scope)
    if found is None:
        return
    # It raises nothing.
    brief, whole = brief_environ_of(scope), handshake_environ_of(scope)
    assert brief.items() <= whole.items()
    assert set(whole) & {"HTTP_COOKIE", "HTTP_HOST"} <= set(brief)
    assert found == (whole["HTTP_HOST"], whole["PATH_INFO"])


def test_the_environ_of_a_handshake_is_made_when_it_is_read() -> None:
    app = Flask("handshake", static_folder=None)
    found: dict[str, Any] = {}

    @app.websocket("/ws/<name>")
    async def view(name: str) -> None:
        await websocket.accept(headers=[("x-one", "1")])
        found.update(made=["environ" in vars(websocket._get_current_object())])  # type: ignore[attr-defined] # a proxy
        found.update(url=websocket.url, path=websocket.path, cookies=websocket.cookies.to_dict(), name=name)
        found.update(environ=websocket.environ, headers=dict(websocket.headers), request=request.environ)

    scope = make_websocket_scope("/ws/ada", headers=[(b"cookie", b"a=b"), (b"x-own", b"1")], query_string=b"q=1")

    for _ in range(2):
        run(lambda: opened(app, scope))
    assert found["made"] == [False]
    assert found["url"] == "ws://localhost/ws/ada?q=1"
    assert found["path"] == "/ws/ada"
    assert found["name"] == "ada"
    assert found["cookies"] == {"a": "b"}
    assert found["headers"]["X-Own"] == "1"
    assert found["environ"] is found["request"]
    whole = handshake_environ_of(scope)
    kept = {name: value for name, value in found["environ"].items() if name not in {"wsgi.input", "werkzeug.request"}}
    assert kept == {name: value for name, value in whole.items() if name != "wsgi.input"}
    assert found["environ"]["wsgi.input"].read() == b""


def test_the_view_of_a_handshake_is_that_of_an_environ_which_was_changed() -> None:
    app = Flask("handshake", static_folder=None)
    seen: list[str] = []

    class Rewriting(SecureCookieSessionInterface):
        def open_session(self, app: Any, request: Any) -> Any:
            request.environ["PATH_INFO"] = "/new"
            return super().open_session(app, request)

    app.session_interface = Rewriting()

    @app.websocket("/old")
    @app.websocket("/new")
    async def view() -> None:
        seen.append(websocket.url_rule.rule)  # type: ignore[union-attr] # it was found
        await websocket.accept()

    for _ in range(3):
        run(lambda: opened(app, make_websocket_scope("/old")))
    assert seen == ["/new"] * 3


async def opened(app: Flask, scope: Any) -> None:
    """Open a WebSocket until the application has closed it."""
    async with Client(app, scope):
        pass
