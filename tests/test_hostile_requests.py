"""Whatever a client sends, reading any attribute of the request gives a value or a 4xx, and nothing else."""

from __future__ import annotations

import io
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

import tuile
from tests.beside_flask import Environ, make_environ, make_post, send

if TYPE_CHECKING:
    from collections.abc import Callable

# Of a host that is not below SERVER_NAME.
pytestmark = pytest.mark.filterwarnings("ignore:Current server name")

URLENCODED = "application/x-www-form-urlencoded"
DIGITS = "9" * 5000
# Methods that are not for reading.
NOT_READ = {"application", "from_values", "look", "make_form_data_parser", "note", "on_json_loading_failed", "close"}
ATTRIBUTES = sorted({name for kind in tuile.Request.__mro__ for name in vars(kind) if name[0] != "_"} - NOT_READ)


def read(request: Any, name: str) -> None:
    """Read an attribute and show it, or call what is a method without arguments."""
    value = getattr(request, name)
    if name in {"get_data", "get_json"}:
        value = value()
    str(value), repr(value), bool(value)


def read_headers(request: Any) -> None:
    request.accept_mimetypes.best_match(["text/html", "a/b"])
    for accepted in (request.accept_languages, request.accept_charsets, request.accept_encodings):
        str(accepted.best), accepted.best_match(["en", "utf-8", "gzip"])
    if request.range:
        request.range.range_for_length(10), request.range.make_content_range(10), request.range.to_header()
    if request.authorization:
        str(request.authorization.username), request.authorization.to_header()
    str((request.if_range.to_header(), request.cache_control.max_age, request.cache_control.max_stale))


def read_values(request: Any) -> None:
    for kind in (int, float, str):
        for values in (request.args, request.form, request.values, request.cookies):
            assert all(values.get(name, type=kind) is not Ellipsis for name in values)
    tuile.jsonify(request.args.to_dict(flat=False), dict(tuile.cookies), dict(tuile.session))


READERS: dict[str, Callable[[Any], object]] = {
    **{name: lambda request, name=name: read(request, name) for name in ATTRIBUTES},  # type: ignore[misc] # bound at once
    "JSON of any type": lambda request: request.get_json(force=True),
    "JSON, silently": lambda request: request.get_json(force=True, silent=True),
    "text": lambda request: request.get_data(as_text=True),
    "headers read": read_headers,
    "values read": read_values,
    "URLs": lambda request: (
        tuile.url_for("every", **request.args),
        tuile.url_for("every", _external=True, _anchor=request.path),
        tuile.redirect(request.url),
        repr(tuile.globals.request_ctx),
    ),
    "conditional": lambda request: tuile.Response("text").make_conditional(request, True, 4),
    "a file": lambda request: tuile.send_file(io.BytesIO(b"abc"), "text/plain", etag="x", last_modified=1.0),
}
# What went wrong in the view that reads everything.
errors: list[str] = []


def read_everything() -> str:
    for name, reader in READERS.items():
        try:
            reader(tuile.request._get_current_object())  # type: ignore[attr-defined] # a proxy
        except HTTPException as error:
            if not 400 <= (error.code or 0) < 500:
                errors.append(f"{name}: {error!r}")
        except Exception as error:  # noqa: BLE001 - any type at all
            errors.append(f"{name}: {error!r}"[:200])
    return "read"


def make_app(static: str, **options: Any) -> tuile.Flask:
    app = tuile.Flask("hostile", static_folder=static, static_url_path="/static", **options)
    app.secret_key = "0d9f1c6be37a5e2481f7c4a96b3d8e52"
    app.config.update(PROPAGATE_EXCEPTIONS=True, COOKIE_CHECKS="off")
    methods = ["GET", "POST"]
    app.add_url_rule("/every", "every", read_everything, methods=methods)
    app.add_url_rule("/slash/", "slash", lambda: "slash", methods=methods)
    for kind in ("int", "float", "uuid", "path", "string"):
        app.add_url_rule(f"/{kind}/<{kind}:value>", kind, lambda value: f"{value}"[:9], methods=methods)
    return app


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    folder = tmp_path_factory.mktemp("static")
    (folder / "file.txt").write_text("text of a file")
    plain = make_app(str(folder))
    named = make_app(str(folder), subdomain_matching=True)
    named.config["SERVER_NAME"] = "localhost"
    trusting = make_app(str(folder))
    trusting.config.update(TRUSTED_HOSTS=["localhost", ".example"], DEBUG=True)
    return [plain, named, trusting, ProxyFix(plain.wsgi_app, 1, 1, 1, 1, 1)]


def ask(apps: list[Any], make: Callable[[], Environ]) -> None:
    errors.clear()
    for app in apps:
        assert send(app, make()).code < 500
    assert not errors


# Every one goes into every header below.
TEXTS = ["", " ", "\x00", "\xff\xfe", "\xc3", ";", "=", ",", '"', 'a;b="', "-", "-1", "%", "%zz", "[", "]", "//", "?"]
TEXTS += ["#", "a/../b", "\x7f", "\xb2", DIGITS, "A" * 300, "8" * 30, "a b", "/\xff", "/a\x00", "x, y, z", "1" * 400]
# Hosts, and what a proxy says of them.
TEXTS += ["xn--", "xn--\xff", "xn--a.b", "xn--0", "xn--a\xe9", "xn--zca.xn--", ".xn--", "xn--strae-oqa.example", "a..b"]
TEXTS += ["[::1", "[::1]:99999", "[::1]:", "[v1.x]", "[]", "[fe80::1%25eth0]", "[::1]x", "user@host", "a:b@c:1", "a:-1"]
TEXTS += [f"a:{DIGITS}", "a:99999", ":", "a:b:c", f"{'a' * 70}.b", "0x7f.1", "https,https", "127.0.0.1, x", "80,"]
# Ranges and numbers.
TEXTS += ["bytes=", "bytes=-", "bytes=-0", f"bytes={DIGITS}-", f"bytes=0-{DIGITS}", "bytes=1-0", "bytes=\xb2-"]
TEXTS += ["bytes=0-1,\xb2-3", "bytes= 1 - 2", "bytes=--1", "bytes=+1-2", "bytes=1_0-2_0", "=0-1", "bytes=0-1,5-"]
TEXTS += [f"max-age={DIGITS}", "max-age=x, max-stale, no-cache=\xff", "max-age=\xb2"]
# Credentials.
TEXTS += ["Basic", "Basic ", "Basic =", "Basic \xff", "Basic Og==", "Basic /w==", "Digest", "Digest x", 'Digest a="']
TEXTS += [
    "Digest \xff=\xff,==",
    "Bearer \x00",
    "Basic a=b",
    "Digest username*=utf-8''%ff",
    "Digest username*=none''%ff",
]
# Media types and their parameters.
TEXTS += ["a*=", "x; a*=idna''xn--", "x; a*0*=utf-16''%ff; a*1=b", f"text/html;q={DIGITS}", "text/html;q=\xb2"]
TEXTS += [
    "text/html;q=nan",
    "*/*;q=-1",
    "*;q=1e999",
    "text/",
    "*/x",
    "text/html;a;b=c;",
    'text/html;charset="',
    "a+json",
]
TEXTS += ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\xff"]
TEXTS += ["multipart/form-data; boundary*=utf-16''%ff", f"multipart/form-data; boundary={'x' * 300}"]
TEXTS += ["application/json; charset=none", "application/json; charset=idna", f"{URLENCODED}; charset=\x00"]
# Dates and entity tags.
TEXTS += ["Thu, 99 Xxx 99999 99:99:99 GMT", "Sun, 06 Nov 1994 08:49:37 +99999", "Sun, 06 Nov 0000 08:49:37 GMT"]
TEXTS += ["Sun, 06 Nov 9999999999 08:49:37 GMT", "1 Jan 1 0:0:0 -2400", "1 Jan 9999 23:59:59 -2359"]
TEXTS += ["1 Jan 1 0:0:0 +2359", f"1 Jan {DIGITS} 0:0:0", 'W/"', "W/", "*", '"a', '"a", W/"b', '\xff"']

READ_TOGETHER = [
    *("HTTP_RANGE", "HTTP_IF_RANGE", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE", "HTTP_IF_MATCH"),
    *("HTTP_IF_NONE_MATCH", "HTTP_AUTHORIZATION", "HTTP_ACCEPT", "HTTP_ACCEPT_LANGUAGE", "HTTP_ACCEPT_CHARSET"),
    *("HTTP_ACCEPT_ENCODING", "CONTENT_TYPE", "HTTP_COOKIE", "HTTP_CACHE_CONTROL", "HTTP_PRAGMA", "HTTP_DATE"),
    *("HTTP_MAX_FORWARDS", "HTTP_CONTENT_MD5", "HTTP_CONTENT_ENCODING", "HTTP_REFERER", "HTTP_ORIGIN", "QUERY_STRING"),
    *("HTTP_USER_AGENT", "HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "HTTP_ACCESS_CONTROL_REQUEST_METHOD", "REMOTE_USER"),
]
# What decides whether the others are read.
READ_ALONE = ["HTTP_HOST", "CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING", "HTTP_UPGRADE", "SCRIPT_NAME"]
READ_ALONE += [f"HTTP_X_FORWARDED_{what}" for what in ("FOR", "PROTO", "HOST", "PORT", "PREFIX")]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text[:40]))
def test_malformed_text_in_any_header_is_a_value_or_refused(apps: list[Any], text: str) -> None:
    together = dict.fromkeys(READ_TOGETHER, text)
    ask(apps[:1], lambda: make_environ("/every", **together))
    ask(apps[:1], lambda: make_post(b"a=1&b=%ff", URLENCODED, "/every", **together))
    ask(apps[:1], lambda: make_environ("/every", HTTP_RANGE="bytes=0-1", HTTP_IF_RANGE=text))
    ask(apps[:1], lambda: make_environ("/static/file.txt", HTTP_RANGE="bytes=0-1", HTTP_IF_RANGE=text))
    for key in ("HTTP_RANGE", "HTTP_IF_MODIFIED_SINCE"):
        ask(apps[:1], lambda key=key: make_environ("/static/file.txt", **{key: text}))  # type: ignore[misc] # bound at once
    for key in READ_ALONE:
        ask(apps[3:] if "FORWARDED" in key else apps, lambda key=key: make_environ("/every", **{key: text}))  # type: ignore[misc]
        ask(apps[:2], lambda key=key: make_environ("/slash", **{key: text}))  # type: ignore[misc]


@pytest.mark.parametrize("text", [*TEXTS, "a\r\nb"], ids=lambda text: repr(text[:40]))
def test_malformed_text_in_a_path_or_query_is_a_value_or_refused(apps: list[Any], text: str) -> None:
    for prefix in ("/int/", "/float/", "/uuid/", "/path/", "/string/", "/slash", "/static/", "/every/", ""):
        ask(apps[:2], lambda prefix=prefix: make_environ(f"{prefix}{text}"))  # type: ignore[misc] # bound at once
    ask(apps[:2], lambda: make_environ("/slash", QUERY_STRING=text))
    ask(apps[:1], lambda: make_post(b"", URLENCODED, "/every", QUERY_STRING=f"a={text}"))


PART = b'--x\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n\r\nvalue\r\n--x--\r\n'
# Parts of a multipart body, and what they are replaced by.
BREAKS: list[tuple[bytes, bytes]] = [
    *((b"--x\r\n", b"--x"), (b"--x--\r\n", b""), (b'name="a"', b"name*=utf-16''%ff"), (b'name="a"', b'name="\xff"')),
    *((b'"f"', b'"\xff\x00"'), (b'filename="f"', b"filename*=idna''xn--"), (b"form-data", b""), (b"\r\n", b"\n")),
    *((b"Content-Disposition: ", b""), (b"\r\n", b"\r"), (b"Content", b"\xff\xfe"), (b"Content", b" Content")),
    *((b"value", b"\r\n--x"), (b"value", b"v" * 600_000), (b": form", b":" * 20_000), (PART[:-5], PART[:-5] * 1200)),
    *(
        (b"\r\n\r\n", b"\r\n" + line + b"\r\n\r\n")
        for line in (
            b"Content-Length: " + DIGITS.encode(),
            b"Content-Transfer-Encoding: base64",
            *(b"Content-Type: text/plain; charset=" + name for name in (b"none", b"idna", b"utf-16", b"hex", b"\x00")),
        )
    ),
]
BODIES = {
    "arrays": b"[" * 100_000,
    "closed arrays": b"[" * 100_000 + b"]" * 100_000,
    "objects": b'{"a":' * 100_000,
    "an integer": DIGITS.encode(),
    "a float": b"1e99999",
    "NUL": b"\x00",
    "UTF-16": "{}".encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "no UTF-8": b'"\xff"',
    "half a pair": rb'"\ud800"',
    "nothing": b"",
    "ampersands": b"&" * 5000,
    "many fields": b"a=1&" * 5000,
    "a field of digits": b"a=" + DIGITS.encode(),
    "equal signs": b"=\xff&%ff=%00",
    **{f"multipart {new[:20]!r} for {old!r}": PART.replace(old, new) for old, new in BREAKS},
    **{
        f"field {new[:20]!r} for {old!r}": PART.replace(b'; filename="f"', b"").replace(old, new) for old, new in BREAKS
    },
}


# Werkzeug leaves the file of a part that breaks off to the garbage collector.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <function SpooledTemporaryFile:pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning")
@pytest.mark.parametrize("what", BODIES)
def test_a_malformed_body_of_any_type_is_a_value_or_refused(apps: list[Any], what: str) -> None:
    kinds = ["multipart/form-data; boundary=x"]
    if not what.startswith(("multipart", "field")):
        kinds += ["application/json", "application/json; charset=utf-16", URLENCODED, "text/plain"]
    for kind in kinds:
        ask([apps[0], apps[2]], lambda kind=kind: make_post(BODIES[what], kind, "/every"))  # type: ignore[misc] # bound at once


octets = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=20)
pieces = st.lists(st.sampled_from(TEXTS) | octets, max_size=4).map("".join)


@settings(derandomize=True, deadline=None, database=None, max_examples=60)
@given(
    headers=st.dictionaries(st.sampled_from([*READ_TOGETHER, *READ_ALONE]), pieces, max_size=6),
    path=st.just("/every") | pieces.map("/int/{}".format) | pieces.map("/{}".format),
    body=st.binary(max_size=30) | st.sampled_from([PART, b"{}", b"a=1"]),
)
def test_any_request_is_read_or_refused(apps: list[Any], headers: dict[str, str], path: str, body: bytes) -> None:
    ask(apps, lambda: make_post(body, None, path, **headers))


# --- what the values are ----------------------------------------------------------------------------------------------


def request_of(**changes: Any) -> tuile.Request:
    return tuile.Request(make_environ("/a", **changes))


def test_bytes_of_the_query_that_are_not_utf8_are_replaced() -> None:
    request = request_of(QUERY_STRING="a=\xff&b=%ff&\xc3=1")
    assert request.args.to_dict() == {"a": "\ufffd", "b": "%FF", "\ufffd": "1"}
    assert request.full_path == "/a?a=\ufffd&b=%ff&\ufffd=1"
    assert request.query_string == b"a=\xff&b=%ff&\xc3=1"


@pytest.mark.parametrize("host", ["xn--", "xn--strae-oqa.example", "xn--zca.xn--:81", "a.xn--0"])
def test_a_host_that_has_no_unicode_form_stays_as_it_is_in_urls(host: str) -> None:
    request = request_of(HTTP_HOST=host, QUERY_STRING="b=1", SCRIPT_NAME="/root")
    assert request.url == f"http://{host}/root/a?b=1"
    assert request.base_url == f"http://{host}/root/a"
    assert request.root_url == request.url_root == f"http://{host}/root/"
    assert request.host_url == f"http://{host}/"


def test_a_prefix_without_a_slash_is_no_part_of_the_host_where_it_cannot_be() -> None:
    assert request_of(SCRIPT_NAME="[::1").url == "http://localhost/[::1/a"


def test_malformed_dates_and_credentials_are_ignored() -> None:
    far = "Sun, 06 Nov 9999999999 08:49:37 GMT"
    request = request_of(
        HTTP_DATE=far, HTTP_IF_MODIFIED_SINCE=far, HTTP_IF_UNMODIFIED_SINCE=far, HTTP_AUTHORIZATION="Basic \xff"
    )
    dates: list[datetime | None] = [request.date, request.if_modified_since, request.if_unmodified_since]
    assert dates == [None, None, None]
    assert request.authorization is None


def test_wellformed_dates_and_credentials_are_read() -> None:
    date = "Sun, 06 Nov 1994 08:49:37 GMT"
    request = request_of(
        HTTP_DATE=date, HTTP_IF_MODIFIED_SINCE=date, HTTP_IF_RANGE=date, HTTP_AUTHORIZATION="Basic YTpi"
    )
    moment = datetime(1994, 11, 6, 8, 49, 37, tzinfo=timezone.utc)
    assert request.date == request.if_modified_since == request.if_range.date == moment
    assert request.authorization is not None
    assert (request.authorization.username, request.authorization.password) == ("a", "b")
    assert request_of(HTTP_IF_RANGE='"tag"').if_range.etag == "tag"


@pytest.mark.parametrize("text", ["Sun, 06 Nov 9999999999 08:49:37 GMT", 'a"b', '"'])
def test_a_malformed_if_range_is_met_by_nothing(apps: list[Any], text: str) -> None:
    answer = send(apps[0], make_environ("/static/file.txt", HTTP_RANGE="bytes=0-1", HTTP_IF_RANGE=text))
    assert (answer.code, answer.body) == (200, b"text of a file")
    assert request_of(HTTP_IF_RANGE=text).if_range.to_header()


def test_a_date_beyond_all_calendars_does_not_make_a_file_unmodified(apps: list[Any]) -> None:
    far = "Sun, 06 Nov 9999999999 08:49:37 GMT"
    assert send(apps[0], make_environ("/static/file.txt", HTTP_IF_MODIFIED_SINCE=far)).code == 200
    ranged = make_environ("/static/file.txt", HTTP_IF_UNMODIFIED_SINCE=far, HTTP_RANGE="bytes=0-3")
    assert send(apps[0], ranged).body == b"text"


def test_json_that_is_nested_too_deeply_is_a_400_and_an_error_of_either_type() -> None:
    app = tuile.Flask("nested", static_folder=None)
    app.add_url_rule("/", view_func=lambda: {"json": tuile.request.get_json()}, methods=["POST"])
    assert send(app, make_post(b"[" * 100_000, "application/json")).code == 400
    for error in (ValueError, RecursionError):
        with app.app_context(), pytest.raises(error):
            tuile.json.loads("[" * 100_000)


def test_a_redirect_to_a_query_with_line_ends_is_a_400(apps: list[Any]) -> None:
    assert send(apps[0], make_environ("/slash", QUERY_STRING="a\r\nX: 1")).code == 400
    assert send(apps[0], make_environ("/slash", QUERY_STRING="a%0d%0aX: 1")).code == 308
