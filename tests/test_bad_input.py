"""Malformed requests get Flask's status or a clearer 4xx, never a 500. What they cost is in `test_growth`.

Programming errors get Flask's messages.
"""

from __future__ import annotations

import functools
import io
from typing import TYPE_CHECKING, Any

import flask
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tuile
from tests.beside_flask import ABSENT, Answer, Environ, make_app, make_environ, make_post, outcome, same, send

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tuile import Flask

URLENCODED = "application/x-www-form-urlencoded"


def make_reading_app(lib: Any, **config: Any) -> Flask:
    """Return an app that reads everything a request may contain and reports it."""
    app = make_app(lib, SECRET_KEY="key", **config)
    app.logger.disabled = True
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]

    def describe_path(rest: str = "") -> Any:
        return {"rest": rest, "path": lib.request.path, "args": lib.request.args.to_dict(flat=False)}

    def describe_url(rest: str = "") -> Any:
        request = lib.request
        return {"url": request.url, "host": request.host, "root": request.url_root, "base": request.base_url}

    def describe_form(rest: str = "") -> Any:
        request = lib.request
        files = {name: [file.filename for file in request.files.getlist(name)] for name in request.files}
        return {"form": request.form.to_dict(flat=False), "files": files}

    def go(rest: str = "") -> Any:
        return lib.redirect(lib.request.args.get("to", "/"))

    def set_header(rest: str = "") -> Any:
        return "set", 200, {"X-Given": lib.request.args.get("value", "")}

    views: dict[str, Callable[..., Any]] = {
        "path": describe_path,
        "url": describe_url,
        "form": describe_form,
        "json": lambda rest="": {"json": lib.request.get_json()},
        "silent": lambda rest="": {"json": lib.request.get_json(force=True, silent=True)},
        "data": lambda rest="": lib.request.get_data()[:50],
        "stream": lambda rest="": lib.request.stream.read(50),
        "cookies": lambda rest="": {"cookies": len(lib.request.cookies), "b": lib.request.cookies.get("b")},
        "session": lambda rest="": {"session": dict(lib.session)},
        "key": lambda rest="": lib.request.form["missing"] + lib.request.args["missing"],
        "header": set_header,
        "go": go,
        "nothing": lambda rest="": "nothing read",
    }
    for name, view in views.items():
        app.add_url_rule(f"/{name}", name, view, methods=methods)
        app.add_url_rule(f"/{name}/<path:rest>", name, view, methods=methods)
    app.add_url_rule("/int/<int:n>", "int", lambda n: str(n), methods=methods)  # noqa: PLW0108 - a view's argument has a name
    return app


def keep_app(lib: Any, config: dict[str, Any]) -> Flask:
    """Return one app per configuration, shared by all requests to show that none affects another."""
    return _keep_app(lib, tuple(config.items()))


@functools.cache
def _keep_app(lib: Any, config: tuple[tuple[str, Any], ...]) -> Flask:
    return make_reading_app(lib, **dict(config))


def multipart(body: bytes, boundary: str = "x", **changes: Any) -> Environ:
    return make_post(body, f"multipart/form-data; boundary={boundary}", "/form", **changes)


PART = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue\r\n--x--\r\n'

# Requests that are wrong somehow. Each is made anew for each app.
REQUESTS: dict[str, Callable[[], Environ]] = {
    "percent without digits": lambda: make_environ("/path/%zz", QUERY_STRING="%zz=%&a=%1"),
    "path that is not UTF-8": lambda: make_environ("/path/\xff\xfe\xc3"),
    "overlong UTF-8": lambda: make_environ("/path/\xc0\xaf"),
    "surrogate in UTF-8": lambda: make_environ("/path/\xed\xa0\x80"),
    "path beyond latin-1": lambda: make_environ("/path/\u2603"),
    "NUL in the path": lambda: make_environ("/path/a\x00b"),
    "only NUL": lambda: make_environ("\x00"),
    "line break in the path": lambda: make_environ("/path/a\r\nX-Evil: 1"),
    "dots in the path": lambda: make_environ("/path/../../etc/passwd"),
    "backslashes in the path": lambda: make_environ("\\path\\x"),
    "no slash": lambda: make_environ("path"),
    "an empty path": lambda: make_environ(""),
    "many slashes": lambda: make_environ("/" * 5000),
    "an asterisk": lambda: make_environ("*", REQUEST_METHOD="OPTIONS"),
    "an absolute URL as the path": lambda: make_environ("http://evil.example/path"),
    "a long path": lambda: make_environ("/path/" + "a" * 100_000),
    "a deep path": lambda: make_environ("/path" + "/a" * 20_000),
    "a long number": lambda: make_environ("/int/" + "9" * 4000),
    "a number beyond Python's limit": lambda: make_environ("/int/" + "9" * 5000),
    "digits of another script": lambda: make_environ("/int/\xd9\xa3"),
    "query that is not UTF-8": lambda: make_environ("/path", QUERY_STRING="a=\xff&b=%ff&%c3=%28"),
    "query beyond latin-1": lambda: make_environ("/path", QUERY_STRING="a=\u2603"),
    "query of ampersands": lambda: make_environ("/path", QUERY_STRING="&" * 100_000),
    "query of many fields": lambda: make_environ("/path", QUERY_STRING="a&" * 5000),
    "query with NUL and breaks": lambda: make_environ("/path", QUERY_STRING="a=%00&b=%0d%0aX:1"),
    "length that is no number": lambda: make_post(b"a=1", URLENCODED, "/form", CONTENT_LENGTH="three"),
    "negative length": lambda: make_post(b"a=1", URLENCODED, "/form", CONTENT_LENGTH="-1"),
    "huge length": lambda: make_post(b"a=1", URLENCODED, "/form", CONTENT_LENGTH="9" * 30),
    "length beyond Python's limit": lambda: make_post(b"a=1", URLENCODED, "/form", CONTENT_LENGTH="9" * 5000),
    "length longer than the body": lambda: make_post(b"a=1", URLENCODED, "/form", CONTENT_LENGTH="30"),
    "length shorter than the body": lambda: make_post(b"a=1&b=2", URLENCODED, "/form", CONTENT_LENGTH="3"),
    "length with underscores": lambda: make_post(b"a=1", URLENCODED, "/form", CONTENT_LENGTH="0_3"),
    "length with a sign": lambda: make_post(b"a=1", URLENCODED, "/form", CONTENT_LENGTH="+3"),
    "two lengths": lambda: make_post(b"a=1", URLENCODED, "/form", CONTENT_LENGTH="3, 3"),
    "empty length": lambda: make_post(b"a=1", URLENCODED, "/form", CONTENT_LENGTH=""),
    "no length": lambda: make_post(b"a=1", URLENCODED, "/form", CONTENT_LENGTH=ABSENT),
    "chunked": lambda: make_post(
        b"a=1", URLENCODED, "/form", CONTENT_LENGTH=ABSENT, HTTP_TRANSFER_ENCODING="chunked", wsgi_input_terminated=True
    ),
    "chunked and a length": lambda: make_post(b"a=1", URLENCODED, "/form", HTTP_TRANSFER_ENCODING="chunked"),
    "unknown transfer encoding": lambda: make_post(b"a=1", URLENCODED, "/form", HTTP_TRANSFER_ENCODING="own"),
    "length without a body": lambda: make_post(b"", None, "/data", CONTENT_LENGTH="5"),
    "a body that breaks off": lambda: make_post(b"", None, "/data", CONTENT_LENGTH="5", wsgi_input=Broken()),
    "no input": lambda: make_post(b"", URLENCODED, "/form", wsgi_input=ABSENT),
    "no JSON": lambda: make_post(b"{", "application/json", "/json"),
    "JSON of nothing": lambda: make_post(b"", "application/json", "/json"),
    "JSON that is not UTF-8": lambda: make_post(b'"\xff\xfe"', "application/json", "/json"),
    "JSON with a lone surrogate": lambda: make_post(rb'"\ud800"', "application/json", "/json"),
    "JSON with NaN": lambda: make_post(b"[NaN, Infinity]", "application/json", "/json"),
    "JSON nested deeply": lambda: make_post(b"[" * 900 + b"]" * 900, "application/json", "/json"),
    "JSON with a long number": lambda: make_post(b"9" * 5000, "application/json", "/json"),
    "JSON of another type": lambda: make_post(b"{}", "text/plain", "/json"),
    "JSON without a type": lambda: make_post(b"{}", None, "/json"),
    "JSON with a bad type": lambda: make_post(b"{}", "application/json;;;=;", "/json"),
    "bad JSON, silently": lambda: make_post(b"{", "application/json", "/silent"),
    "unknown content type": lambda: make_post(b"a=1", "x/y", "/form"),
    "content type that is none": lambda: make_post(b"a=1", ";;;", "/form"),
    "content type with controls": lambda: make_post(b"a=1", "text/\x00\x01", "/form"),
    "content type without an end": lambda: make_post(b"a=1", 'a/b; c="', "/form"),
    "unknown charset": lambda: make_post(b"a=1", f"{URLENCODED}; charset=nothing", "/form"),
    "form that is not UTF-8": lambda: make_post(b"a=\xff&b=%ff&%", URLENCODED, "/form"),
    "form of ampersands": lambda: make_post(b"&" * 100_000, URLENCODED, "/form"),
    "form that is too large": lambda: make_post(b"a=" + b"b" * 600_000, URLENCODED, "/form"),
    "multipart without a boundary": lambda: make_post(PART, "multipart/form-data", "/form"),
    "multipart with an empty boundary": lambda: multipart(PART, ""),
    "multipart with a long boundary": lambda: multipart(PART, "x" * 5000),
    "multipart with a bad boundary": lambda: multipart(PART, "\xff\x00"),
    "multipart with another boundary": lambda: multipart(PART, "y"),
    "multipart that breaks off": lambda: multipart(PART[:-12]),
    "multipart without headers": lambda: multipart(b"--x\r\n\r\nvalue\r\n--x--\r\n"),
    "multipart without a name": lambda: multipart(PART.replace(b'; name="a"', b"")),
    "multipart with a bad header": lambda: multipart(PART.replace(b"Content-D", b": Content\xff-D")),
    "multipart without a colon": lambda: multipart(PART.replace(b"Content-Disposition:", b"Content-Disposition")),
    "multipart with a file of no name": lambda: multipart(PART.replace(b'name="a"', b'name="a"; filename=""')),
    "multipart with an evil file name": lambda: multipart(
        PART.replace(b'name="a"', b'name="a"; filename="../../x\x00\r\n"')
    ),
    "multipart with a bad length": lambda: multipart(PART.replace(b"\r\n\r\n", b"\r\nContent-Length: x\r\n\r\n", 1)),
    "multipart with a bad charset": lambda: multipart(
        PART.replace(b"\r\n\r\n", b"\r\nContent-Type: text/plain; charset=x\r\n\r\n", 1)
    ),
    "multipart with long headers": lambda: multipart(
        PART.replace(b"Content-D", b"X: " + b"y" * 9000 + b"\r\nContent-D")
    ),
    "multipart with many parts": lambda: multipart(PART[:-7] * 1200 + b"--x--\r\n"),
    "multipart with a large field": lambda: multipart(PART.replace(b"value", b"v" * 600_000)),
    "multipart of nothing": lambda: multipart(b""),
    "multipart of other bytes": lambda: multipart(b"\x00\xff" * 2000),
    "missing form key": lambda: make_post(b"a=1", URLENCODED, "/key"),
    "unknown method": lambda: make_environ("/nothing", REQUEST_METHOD="BREW"),
    "method in small letters": lambda: make_environ("/nothing", REQUEST_METHOD="get"),
    "empty method": lambda: make_environ("/nothing", REQUEST_METHOD=""),
    "method with a space": lambda: make_environ("/nothing", REQUEST_METHOD="GET /"),
    "method with a break": lambda: make_environ("/nothing", REQUEST_METHOD="GET\r\nX: 1"),
    "method that is not ASCII": lambda: make_environ("/nothing", REQUEST_METHOD="G\xcbT"),
    "long method": lambda: make_environ("/nothing", REQUEST_METHOD="X" * 50_000),
    "TRACE": lambda: make_environ("/nothing", REQUEST_METHOD="TRACE"),
    "CONNECT": lambda: make_environ("example.org:443", REQUEST_METHOD="CONNECT"),
    "no cookies but semicolons": lambda: make_environ("/cookies", HTTP_COOKIE=";" * 1000),
    "cookie beyond ASCII": lambda: make_environ("/cookies", HTTP_COOKIE="a=\xff; b=2"),
    "cookie with controls": lambda: make_environ("/cookies", HTTP_COOKIE="a=\x00\x01; b=2"),
    "bad session": lambda: make_environ("/session", HTTP_COOKIE="session=.eJx.bad.bad"),
    "session that is not base64": lambda: make_environ("/session", HTTP_COOKIE="session=\xff\xfe"),
    "session of dots": lambda: make_environ("/session", HTTP_COOKIE="session=" + "." * 1000),
    "break in a redirect": lambda: make_environ("/go", QUERY_STRING="to=/a%0d%0aX-Evil:%201"),
    "NUL in a redirect": lambda: make_environ("/go", QUERY_STRING="to=/a%00b"),
    "markup in a redirect": lambda: make_environ("/go", QUERY_STRING="to=%22%3E%3Cscript%3E"),
    "broken host in a redirect": lambda: make_environ("/go", QUERY_STRING="to=http://[::1"),
    "break in a header": lambda: make_environ("/header", QUERY_STRING="value=a%0d%0aX-Evil:%201"),
    "line feed in a header": lambda: make_environ("/header", QUERY_STRING="value=a%0aX"),
    "header beyond latin-1": lambda: make_environ("/header", QUERY_STRING="value=%E2%98%83"),
    "bad range": lambda: make_environ("/nothing", HTTP_RANGE="bytes=9-1,-,x"),
    "bad dates": lambda: make_environ("/nothing", HTTP_IF_MODIFIED_SINCE="\xff", HTTP_DATE="yesterday"),
    "bad credentials": lambda: make_environ("/nothing", HTTP_AUTHORIZATION="Basic ====\xff"),
    "bad accept": lambda: make_environ("/nothing", HTTP_ACCEPT=";q=x,,*/*;q=nan," * 50),
    "websocket": lambda: make_environ("/nothing", HTTP_CONNECTION="upgrade", HTTP_UPGRADE="websocket"),
    "bad forwarding": lambda: make_environ("/url", HTTP_X_FORWARDED_HOST="\r\n", HTTP_X_FORWARDED_PORT="x"),
}


class Broken(io.RawIOBase):
    """A request body whose client has disconnected."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        raise OSError("the connection is gone")


HOSTS = ["", " ", "a b", "a\x00b", "\x8a", "\xff.example", "a..b", ".", "..", "-", "a_b", "a" * 64, "a." * 130 + "b"]
HOSTS += [
    "x" * 10_000,
    "a:b",
    "a:",
    ":80",
    "a:99999",
    "a:-1",
    "a:0",
    "a:80:80",
    "[::1]",
    "[::1",
    "::1",
    "[::1]:x",
    "[x]",
]
HOSTS += [
    "a/b",
    "a\\b",
    "a?b",
    "a#b",
    "user@host",
    "a\r\nX: 1",
    "a,b",
    "xn--",
    "xn--\xff",
    "xn--" + "a" * 80,
    "A.B",
    "127.1",
]
HOSTS += [
    "\u2603",
    "bücher.example",
    "localhost.",
    "%00",
    "<script>",
    "a;b",
    '"a"',
    "*",
    "1.2.3.4.5",
    "a.b:443",
    "a.b:80",
]

MISSING = ["REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "SERVER_NAME", "SERVER_PORT", "HTTP_HOST"]
MISSING += ["SERVER_PROTOCOL", "REMOTE_ADDR", "wsgi.url_scheme", "wsgi.input", "wsgi.errors", "wsgi.version"]


def sent_or_raised(app: Any, make: Callable[[], Environ]) -> Any:
    """Return the response, or the type of the exception."""
    how, *what = outcome(send, app, make())
    return (how, *what) if how == "returned" else (how, what[0])


def as_good(theirs: Any, ours: Any) -> bool:
    """Return whether an outcome is Flask's, or an answer where Flask fails."""
    has_failed = theirs[0] == "raised" or theirs[1].code == 500
    return bool(ours == theirs or (has_failed and ours[0] == "returned" and ours[1].code < 500))


def assert_no_line_breaks(answer: Answer) -> None:
    for text in (answer.status, *(part for pair in answer.headers for part in pair)):
        assert "\r" not in text
        assert "\n" not in text


@pytest.fixture(params=[False, True], ids=["production", "debug"])
def debug(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


# Text that no server hands over: Flask lets the server have the exception, Tuile may answer it.
BEYOND_BYTES = "query beyond latin-1"


def test_a_query_that_is_no_bytes_does_not_reach_the_view() -> None:
    app = make_reading_app(tuile)
    answer = sent_or_raised(app, REQUESTS[BEYOND_BYTES])
    assert answer == ("raised", "UnicodeEncodeError") or answer[1].code == 500


# Requests of whose body nobody can tell where it ends. Flask reads an empty one.
ENDLESS = {
    "chunked and a length": 411,
    "huge length": 413,
    "length beyond Python's limit": 413,
    **dict.fromkeys(("length that is no number", "negative length", "two lengths"), 400),
    **dict.fromkeys(("length with underscores", "length with a sign"), 400),
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_body_without_a_known_end_is_refused(kind: str) -> None:
    app = keep_app(tuile, {"PROPAGATE_EXCEPTIONS": False})
    for _ in range(2):
        assert send(app, REQUESTS[kind]()).code == ENDLESS[kind]


# What a view cannot read on Flask.
UNREADABLE = {"query that is not UTF-8"}


@pytest.mark.parametrize("kind", sorted(REQUESTS.keys() - {BEYOND_BYTES} - ENDLESS.keys() - UNREADABLE))
@pytest.mark.filterwarnings("ignore:The session")
def test_a_malformed_request_is_answered_as_on_flask(kind: str, debug: bool) -> None:
    def program(lib: Any) -> Any:
        app = keep_app(lib, {"DEBUG": debug, "PROPAGATE_EXCEPTIONS": False})
        cold = sent_or_raised(app, REQUESTS[kind])
        send(app, make_environ("/nothing"))
        # What is cached for a path or a host by now changes nothing.
        return cold, sent_or_raised(app, REQUESTS[kind]), sent_or_raised(app, REQUESTS[kind])

    for how, answer in same(program):
        if how == "returned":
            assert_no_line_breaks(answer)


@pytest.mark.parametrize("kind", [kind for kind in REQUESTS if kind != BEYOND_BYTES])
def test_a_view_that_reads_nothing_is_not_disturbed(kind: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.logger.disabled = True
        app.before_request(lambda: "not read")
        return sent_or_raised(app, REQUESTS[kind])

    same(program)


@pytest.mark.parametrize("host", HOSTS)
def test_a_bad_host_is_answered_as_on_flask(host: str, debug: bool) -> None:
    def program(lib: Any) -> Any:
        observed = []
        for config in ({}, {"SERVER_NAME": "example.org"}, {"TRUSTED_HOSTS": ("a.b", ".example")}):
            app = keep_app(lib, {"DEBUG": debug, "PROPAGATE_EXCEPTIONS": False, **config})
            observed += [
                sent_or_raised(app, functools.partial(make_environ, path, HTTP_HOST=host))
                for path in ("/url", "/url", "/nowhere", "/int/5")
            ]
            # A host that was accepted before does not make another one acceptable.
            send(app, make_environ("/url", HTTP_HOST="a.b"))
            observed.append(sent_or_raised(app, lambda: make_environ("/url", HTTP_HOST=host)))
            observed.append(sent_or_raised(app, lambda: make_environ("/url", HTTP_HOST=host, wsgi_url_scheme="https")))
        return observed

    for theirs, ours in zip(program(flask), program(tuile), strict=True):
        assert as_good(theirs, ours)
        # Text that no server hands over may end in an error; bytes never do.
        assert ours[0] == "returned" or not host.isascii()
        assert ours[0] != "returned" or ours[1].code in {200, 400, 404}


@pytest.mark.parametrize("missing", MISSING)
def test_an_environ_without_a_key_is_answered_as_on_flask_or_better(missing: str) -> None:
    def program(lib: Any) -> Any:
        app = make_reading_app(lib)
        changes = {missing.replace("wsgi.", "wsgi_"): ABSENT}
        observed = [sent_or_raised(app, lambda: make_environ("/url", **changes))]
        send(app, make_environ("/url"))
        observed.append(sent_or_raised(app, lambda: make_environ("/url", **changes)))
        observed.append(sent_or_raised(app, lambda: make_post(b"a=1", URLENCODED, "/form", **changes)))
        return observed

    for theirs, ours in zip(program(flask), program(tuile), strict=True):
        # What a server must give, Flask needs at once and Tuile when it is read.
        assert ours == theirs or (theirs[0] == "raised" and ours[0] == "returned")


@settings(derandomize=True, deadline=None, max_examples=100)
@given(
    st.sampled_from(
        ["/path", "/form", "/json", "/url", "/cookies", "/session", "/data", "/nothing", "/nowhere", "/go"]
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "REQUEST_METHOD": st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS", "X"]),
            "QUERY_STRING": st.text(st.characters(max_codepoint=255), max_size=20),
            "HTTP_HOST": st.text(st.characters(max_codepoint=255), max_size=12),
            "CONTENT_TYPE": st.text(st.characters(max_codepoint=255), max_size=30)
            | st.sampled_from(["application/json", URLENCODED, "multipart/form-data; boundary=x"]),
            "CONTENT_LENGTH": st.sampled_from(["0", "3", "", " 3"]),
            "HTTP_COOKIE": st.sampled_from(["session=x", "a", "=", "session=.x.y.z", "a=1;b=2"]),
            "HTTP_TRANSFER_ENCODING": st.just("x"),
            "HTTP_X_ANY": st.text(st.characters(max_codepoint=255), max_size=5),
            "wsgi.input_terminated": st.booleans(),
        },
    ),
    st.binary(max_size=40) | st.just(PART) | st.just(b'{"a": 1}'),
)
def test_any_request_is_answered_as_on_flask(path: str, changes: Environ, body: bytes) -> None:
    def program(lib: Any) -> Any:
        app = keep_app(lib, {})
        return sent_or_raised(app, lambda: make_environ(path) | changes | {"wsgi.input": io.BytesIO(body)})

    assert as_good(program(flask), program(tuile))


def test_a_cookie_header_of_a_million_characters_is_read() -> None:
    app = make_reading_app(tuile)
    for header in (
        "a=" + "x" * 1_000_000 + "; b=2",
        ";" * 1_000_000 + "b=2",
        "a=1;" * 250_000 + "b=2",
        '"' * 1_000_000 + ";b=2",
        "a=" + "\\" * 1_000_000 + ";b=2",
        " " * 1_000_000 + "b=2",
        "=" * 1_000_000 + ";b=2",
        'a="' + "\\0" * 400_000 + '";b=2',
        ",".join(["a=1"] * 200_000) + ";b=2",
    ):
        for path in ("/cookies", "/session"):
            how, answer = sent_or_raised(app, functools.partial(make_environ, path, HTTP_COOKIE=header))
            assert (how, answer.code) == ("returned", 200)
            assert path == "/session" or '"b":"2"' in answer.text


@pytest.mark.parametrize("size", [100_000])
def test_json_that_nests_too_deeply_is_a_bad_request(size: int, debug: bool) -> None:
    app = make_reading_app(tuile, DEBUG=debug, PROPAGATE_EXCEPTIONS=False)
    assert send(app, make_post(b"[" * size, "application/json", "/json")).code == 400


def test_hostile_hosts_do_not_fill_the_memory() -> None:
    app = make_reading_app(tuile)
    for number in range(3000):
        send(app, make_environ("/nothing", HTTP_HOST=f"host{number}.example"))
    kept = [value for value in vars(app.url_map).values() if isinstance(value, (set, dict, list))]
    assert all(len(value) < 2000 for value in kept)


def test_a_body_that_is_not_read_is_not_waited_for() -> None:
    class Waiting(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            raise AssertionError("nobody asked for the body")

    app = make_reading_app(tuile)
    for path in ("/nothing", "/nowhere", "/session", "/url"):
        environ = make_post(b"", URLENCODED, path, CONTENT_LENGTH="1000000", wsgi_input=Waiting())
        assert send(app, environ).code in {200, 404}


def test_a_text_that_would_break_out_of_a_header_is_refused() -> None:
    def program(lib: Any) -> Any:
        response = lib.Response("x")
        observed = []
        for text in ("a\r\nb", "a\nb", "a\rb"):
            observed += [
                outcome(response.headers.add, "X", text),
                outcome(response.headers.set, "X", text),
                outcome(setattr, response, "location", text),
                outcome(setattr, response, "mimetype", text),
                outcome(setattr, response, "content_type", text),
                outcome(lib.Response, "x", 200, {"X": text}),
                outcome(lib.Response, "x", mimetype=text),
                outcome(lib.Response, "x", content_type=text),
                outcome(response.headers.update, {"X": text}),
                outcome(response.headers.extend, [("X", text)]),
                outcome(response.headers.__setitem__, 0, ("X", text)),
            ]
        return observed

    assert all(how == "raised" for how, *_ in same(program))


# Mistakes of the programmer


def send_answer(app: Flask, answer: Any) -> Any:
    app.add_url_rule("/", "index", lambda: answer)
    return send(app)


def returned_nothing(lib: Any, app: Flask) -> Any:
    return send_answer(app, None)


def returned_tuple(lib: Any, app: Flask) -> Any:
    return send_answer(app, ("a", 200, {}, "b"))


def returned_number(lib: Any, app: Flask) -> Any:
    return send_answer(app, 5)


def returned_bad_headers(lib: Any, app: Flask) -> Any:
    return send_answer(app, ("a", {"X": "b\r\nc"}))


def returned_bad_status(lib: Any, app: Flask) -> Any:
    return send_answer(app, ("a", ""))


def asked_for_too_much(lib: Any, app: Flask) -> Any:
    def index(needed: str) -> str:
        return needed

    app.add_url_rule("/", "index", index)
    return send(app)


def used_one_endpoint_twice(lib: Any, app: Flask) -> Any:
    app.add_url_rule("/a", "index", str)
    return app.add_url_rule("/b", "index", repr)


def set_up_late(lib: Any, app: Flask) -> Any:
    send(app)
    return app.add_url_rule("/late", "late", str)


def set_up_a_blueprint_late(lib: Any, app: Flask) -> Any:
    blueprint = lib.Blueprint("bp", "beside")
    app.register_blueprint(blueprint)
    return blueprint.add_url_rule("/late", "late", str)


def gave_a_blueprint_a_dot(lib: Any, app: Flask) -> Any:
    return lib.Blueprint("a.b", "beside")


def gave_a_blueprint_no_name(lib: Any, app: Flask) -> Any:
    return lib.Blueprint("", "beside")


def gave_an_endpoint_a_dot(lib: Any, app: Flask) -> Any:
    return lib.Blueprint("a", "beside").add_url_rule("/", "a.b", str)


def registered_a_blueprint_twice(lib: Any, app: Flask) -> Any:
    blueprint = lib.Blueprint("bp", "beside")
    app.register_blueprint(blueprint)
    return app.register_blueprint(blueprint)


def nested_a_blueprint_in_itself(lib: Any, app: Flask) -> Any:
    blueprint = lib.Blueprint("bp", "beside")
    return blueprint.register_blueprint(blueprint)


def left_out_the_view(lib: Any, app: Flask) -> Any:
    app.testing = True
    app.add_url_rule("/", "index")
    return send(app)


def used_the_session_without_a_key(lib: Any, app: Flask) -> Any:
    app.add_url_rule("/", "index", lambda: lib.session.update(a=1) or "x")
    return send(app)


def gave_methods_as_text(lib: Any, app: Flask) -> Any:
    return app.add_url_rule("/", "index", str, methods="POST")


def handled_an_unknown_code(lib: Any, app: Flask) -> Any:
    return app.register_error_handler(999, str)


def handled_an_instance(lib: Any, app: Flask) -> Any:
    return app.register_error_handler(KeyError("x"), str)  # type: ignore[arg-type] # the mistake


def used_json_outside(lib: Any, app: Flask) -> Any:
    return lib.jsonify(a=1)


def aborted_with_an_unknown_code(lib: Any, app: Flask) -> Any:
    return lib.abort(999)


def nested_clients(lib: Any, app: Flask) -> Iterator[None]:
    with app.test_client() as client, client:
        return iter(())


def built_without_a_server_name(lib: Any, app: Flask) -> Any:
    with app.app_context():
        return lib.url_for("index")


def built_an_unknown_url(lib: Any, app: Flask) -> Any:
    app.add_url_rule("/", "index", str)
    with app.test_request_context():
        return lib.url_for("idnex")


def built_with_a_scheme_but_not_external(lib: Any, app: Flask) -> Any:
    app.add_url_rule("/", "index", str)
    with app.test_request_context():
        return lib.url_for("index", _scheme="https", _external=False)


MISTAKES: list[Callable[[Any, Flask], Any]] = [
    returned_nothing,
    returned_tuple,
    returned_number,
    returned_bad_headers,
    returned_bad_status,
    asked_for_too_much,
    used_one_endpoint_twice,
    set_up_late,
    set_up_a_blueprint_late,
    gave_a_blueprint_a_dot,
    gave_a_blueprint_no_name,
    gave_an_endpoint_a_dot,
    registered_a_blueprint_twice,
    nested_a_blueprint_in_itself,
    left_out_the_view,
    used_the_session_without_a_key,
    gave_methods_as_text,
    handled_an_unknown_code,
    handled_an_instance,
    used_json_outside,
    aborted_with_an_unknown_code,
    nested_clients,
    built_without_a_server_name,
    built_an_unknown_url,
    built_with_a_scheme_but_not_external,
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_a_mistake_is_explained_as_on_flask(mistake: Callable[[Any, Flask], Any]) -> None:
    def program(lib: Any) -> Any:
        return outcome(mistake, lib, make_app(lib, TESTING=True))

    how, kind, text = same(program)
    assert how == "raised"
    assert text or kind == "KeyError"


OUTSIDE = ["abort", "flash", "get_flashed_messages", "jsonify", "make_response", "redirect", "render_template_string"]
OUTSIDE += ["stream_template_string", "url_for", "get_template_attribute", "render_template"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_work_outside_a_context_is_explained_as_on_flask(name: str) -> None:
    arguments: dict[str, tuple[Any, ...]] = {"abort": (404,), "get_flashed_messages": ()}
    arguments["get_template_attribute"] = ("t", "a")

    def program(lib: Any) -> Any:
        how, *what = outcome(getattr(lib, name), *arguments.get(name, ("x",)))
        return (how, *what) if how == "raised" else (how, type(what[0]).__name__)

    same(program)
