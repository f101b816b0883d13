"""Demonstrate on Flask and on Tuile every difference that docs/differences.md lists.

A demonstration is a function that takes a framework's module and returns what can be observed. It is registered under
a heading of the page, with the expected results on both frameworks. Every heading must have one.
"""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import importlib
import io
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import flask
import pytest
from click.testing import CliRunner
from itsdangerous import TimestampSigner, base64_encode
from werkzeug.debug import DebuggedApplication
from werkzeug.routing import MapAdapter, UnicodeConverter

import tuile
from tests.asgi.driver import Server, make_scope
from tests.beside_flask import make_environ, make_post, outcome, part, send
from tests.fresh import observe

if TYPE_CHECKING:
    from collections.abc import Callable

    Demonstration = Callable[[Any], Any]

PAGE = Path(__file__).resolve().parent.parent / "docs" / "differences.md"
HEADINGS = re.findall(r"^### (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

# heading -> what is observed, on Flask and on Tuile
DEMONSTRATIONS: dict[str, list[tuple[Demonstration, Any, Any]]] = {}


def shown(heading: str, on_flask: Any, on_tuile: Any) -> Callable[[Demonstration], Demonstration]:
    """Register a demonstration under a heading of the page, with the expected result on each framework."""

    def register(demonstration: Demonstration) -> Demonstration:
        DEMONSTRATIONS.setdefault(heading, []).append((demonstration, on_flask, on_tuile))
        return demonstration

    return register


def make_app(lib: Any, view: Callable[[], Any], **config: Any) -> Any:
    """Return an application with one view, which propagates unhandled errors."""
    app = lib.Flask("differences", static_folder=None)
    app.config.update({"PROPAGATE_EXCEPTIONS": True, **config})
    app.add_url_rule("/", "view", view)
    return app


def lines_set(answer: Any) -> list[str]:
    """Return the Set-Cookie lines of a response."""
    return [value for name, value in answer.headers if name == "Set-Cookie"]


def line_of(lib: Any, *args: Any, **kwargs: Any) -> str:
    """Return the line that sets a cookie, without `Expires`, or the type of the error."""
    response = lib.Response()
    try:
        response.set_cookie(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - which one is what is compared
        return type(error).__name__
    line: str = response.headers["Set-Cookie"]
    return re.sub(r" Expires=[^;]+ GMT;", "", line)


REFUSED = "CookieSyntaxError"
BAD_NAMES = ("", "a;b", "a=b", "a\tb", " a")


@shown("A cookie name that browsers would read otherwise is an error", [True] * 5, [False] * 5)
def _(lib: Any) -> Any:
    return [line_of(lib, name, "v") == f"{name}=v; Path=/" for name in BAD_NAMES]


@shown("A cookie name that browsers would read otherwise is an error", "ValueError", REFUSED)
def _(lib: Any) -> Any:
    return line_of(lib, "a\rb", "v")


@shown(
    "A path or domain that would end its attribute is an error",
    ["a=v; Path=/x%3By", "a=v; Domain=x.com; Secure; Path=/"],
    [REFUSED, REFUSED],
)
def _(lib: Any) -> Any:
    return [line_of(lib, "a", "v", path="/x;y"), line_of(lib, "a", "v", domain="x.com; Secure")]


@shown("Text for `expires` that would end its attribute is an error", "a=v; Expires=x; Secure; Path=/", REFUSED)
def _(lib: Any) -> Any:
    return line_of(lib, "a", "v", expires="x; Secure")


def answer_with(lib: Any, **config: Any) -> Any:
    """Set a cookie that browsers drop and return the result."""
    app = make_app(lib, lambda: ("text", {"Set-Cookie": "a=1; SameSite=None"}), **config)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            send(app, make_environ())
        except ValueError as error:
            return type(error).__name__
    return [warning.category.__name__ for warning in caught]


@shown(
    "Cookies that browsers will drop are errors in tests",
    [[], [], [], []],
    ["CookieCheckError", ["CookieWarning"], [], []],
)
def _(lib: Any) -> Any:
    modes: list[dict[str, Any]] = [{"TESTING": True}, {"DEBUG": True}, {}, {"TESTING": True, "COOKIE_CHECKS": "off"}]
    return [answer_with(lib, **mode) for mode in modes]


@shown("There is a setting `COOKIE_CHECKS`", False, True)
def _(lib: Any) -> Any:
    return "COOKIE_CHECKS" in lib.Flask("differences").config


@shown("The warning about a large cookie points at the line that set it", "werkzeug.sansio.response", __name__)
def module_of_the_warning_about_size(lib: Any) -> str:
    def view() -> Any:
        response = lib.make_response("text")
        response.set_cookie("a", "x" * 5000)
        return response

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", "The 'a' cookie is too large", UserWarning)
        send(make_app(lib, view), make_environ())
    (warning,) = caught
    names = {module.__file__: name for name, module in list(sys.modules.items()) if getattr(module, "__file__", None)}
    return names[warning.filename]


@shown("Setting a cookie again replaces its line", ["a=1", "a=2", "a=3", "b=4"], ["a=3", "b=4"])
def _(lib: Any) -> Any:
    response = lib.Response()
    response.headers.add("Set-Cookie", "a=1; Path=/")
    for name, value in (("a", "2"), ("a", "3"), ("b", "4")):
        response.set_cookie(name, value)
    return [line.partition(";")[0] for line in response.headers.getlist("Set-Cookie")]


@shown(
    "`max_age` is a whole number of seconds",
    ["a=v; Max-Age=1.9; Path=/", "a=v; Max-Age; Path=/"],
    ["a=v; Max-Age=1; Path=/", "TypeError"],
)
def _(lib: Any) -> Any:
    return [line_of(lib, "a", "v", max_age=age) for age in (1.9, True)]


@shown(
    "A flag of a cookie is sent if it is true",
    ["a=v; Secure=1; Path=/", "a=v; Secure=0; Path=/", "a=v; HttpOnly=; Path=/"],
    ["a=v; Secure; Path=/", "a=v; Path=/", "a=v; Path=/"],
)
def _(lib: Any) -> Any:
    given: list[dict[str, Any]] = [{"secure": 1}, {"secure": 0}, {"httponly": ""}]
    return [line_of(lib, "a", "v", **flags) for flags in given]


@shown(
    "Control characters U+001A to U+001F in a value are escaped",
    'a="\\031\x1a\x1f\\177"; Path=/',
    'a="\\031\\032\\037\\177"; Path=/',
)
def _(lib: Any) -> Any:
    return line_of(lib, "a", "\x19\x1a\x1f\x7f")


@shown(
    "Errors of `set_cookie` have other types",
    ["UnicodeError", "UnicodeEncodeError", "AttributeError"],
    [REFUSED, REFUSED, "TypeError"],
)
def _(lib: Any) -> Any:
    return [
        # From Python 3.13 on the codec raises its subclass.
        line_of(lib, "a", "v", domain=f"{'x' * 64}.com").replace("Encode", ""),
        line_of(lib, "a", "\ud800"),
        line_of(lib, "a", "v", samesite=True),
    ]


@shown("Errors of `set_cookie` have other types", False, True)
def _(lib: Any) -> Any:
    # Which of the three Flask raises is the machine's C library's business.
    error = line_of(lib, "a", "v", expires=1e18)
    assert error in {"OSError", "OverflowError", "ValueError", REFUSED}
    return error == REFUSED


def cookies_read(lib: Any, header: str) -> Any:
    """Return the cookies that a view reads from a Cookie header."""
    app = make_app(lib, lambda: dict(lib.request.cookies))
    return json.loads(send(app, make_environ(HTTP_COOKIE=header)).body)


@shown("One malformed cookie does not affect the others", {"b": "2"}, {"a": '{"k":"v, w"}', "c d": "1", "b": "2"})
def _(lib: Any) -> Any:
    return cookies_read(lib, 'a={"k":"v, w"}; c d=1; b=2')


@shown(
    "A cookie ends at its semicolon, whatever quotes say",
    {"lang": "en; session=SECRET; z="},
    {"lang": '"en', "session": "SECRET", "z": '"'},
)
def _(lib: Any) -> Any:
    return cookies_read(lib, 'lang="en; session=SECRET; z="')


@shown("The bytes of a cookie are read as UTF-8", {"a": "Ã©", "b": "ÿ"}, {"a": "é", "b": "\ufffd"})
def _(lib: Any) -> Any:
    return cookies_read(lib, "a=é".encode().decode("latin-1") + "; b=\xff")


@shown("The built-in session is opened when it is first touched", [1, 1], [0, 1])
def _(lib: Any) -> Any:
    interface: Any = part(lib, "sessions").SecureCookieSessionInterface

    class Own(interface):  # type: ignore[misc] # of whichever framework
        pass

    counts = []
    for chosen in (interface, Own):
        opened: list[Any] = []

        class Counted(interface.session_class):  # type: ignore[misc] # of whichever framework
            def __init__(self, *arguments: Any, opened: list[Any] = opened) -> None:
                super().__init__(*arguments)
                opened.append(self)

        app = make_app(lib, lambda: "", SECRET_KEY="a key")
        app.session_interface = chosen()
        with mock.patch.object(interface, "session_class", Counted):
            send(app)
        counts.append(len(opened))
    return counts


@shown("`SECRET_KEY_FALLBACKS` as one text is a `TypeError`", "returned", "raised")
def _(lib: Any) -> Any:
    app = make_app(lib, lambda: str(lib.session.get("user")), SECRET_KEY="new", SECRET_KEY_FALLBACKS="old")
    return outcome(send, app)[0]


@shown("A key that is neither text nor bytes is an error before the first answer", "returned", "raised")
def _(lib: Any) -> Any:
    return outcome(send, make_app(lib, lambda: "no session", SECRET_KEY=12345))[0]


@shown("`repr(app.config)` shows no key", True, False)
def _(lib: Any) -> Any:
    app = lib.Flask("differences")
    app.config.update(SECRET_KEY="the key", SECRET_KEY_FALLBACKS=["the key before"])
    return "the key" in repr(app.config)


@shown("An empty key in `SECRET_KEY_FALLBACKS` reads nothing", "{'user': 'admin'}", "{}")
def _(lib: Any) -> Any:
    app = make_app(lib, lambda: str(dict(lib.session)), SECRET_KEY="new", SECRET_KEY_FALLBACKS=[""], TESTING=True)
    signer = TimestampSigner("", salt="cookie-session", key_derivation="hmac", digest_method=hashlib.sha1)
    token = signer.sign(b"eyJ1c2VyIjoiYWRtaW4ifQ").decode()
    return send(app, make_environ(HTTP_COOKIE=f"session={token}")).text


def signed_by_flask(text: bytes, seconds_ago: int = 0) -> str:
    """The token of a session whose payload is a text, under the key that `make_app` is given below."""
    signer = TimestampSigner("a key", salt="cookie-session", key_derivation="hmac", digest_method=hashlib.sha1)
    with mock.patch.object(TimestampSigner, "get_timestamp", return_value=int(time.time()) - seconds_ago):
        return signer.sign(text).decode()


@shown("The clocks of two machines may differ by a minute", "{}", "{'a': 1}")
def _(lib: Any) -> Any:
    app = make_app(lib, lambda: str(dict(lib.session)), SECRET_KEY="a key")
    return send(app, make_environ(HTTP_COOKIE=f"session={signed_by_flask(b'eyJhIjoxfQ', seconds_ago=-50)}")).text


@shown("Of several session cookies the first valid one counts", "{}", "{'a': 1}")
def _(lib: Any) -> Any:
    app = make_app(lib, lambda: str(dict(lib.session)), SECRET_KEY="a key")
    return send(app, make_environ(HTTP_COOKIE=f"session=planted; session={signed_by_flask(b'eyJhIjoxfQ')}")).text


@shown("A session of more than 256 KiB is neither written nor read", [200, 1], [500, 0])
def _(lib: Any) -> Any:
    def write() -> str:
        lib.session["a"] = "a" * 300_000
        return ""

    app = make_app(lib, write, SECRET_KEY="a key", PROPAGATE_EXCEPTIONS=False)
    app.logger.disabled = True
    reader = make_app(lib, lambda: str(len(lib.session)), SECRET_KEY="a key")
    payload = b"." + base64_encode(zlib.compress(b'{"a":"%s"}' % (b"a" * 300_000)))
    answer = send(reader, make_environ(HTTP_COOKIE=f"session={signed_by_flask(payload)}"))
    return [send(app, make_environ()).code, int(answer.text)]


@shown("A permanent session is not renewed on a response for shared caches", True, False)
def _(lib: Any) -> Any:
    app = make_app(lib, lambda: ("", {"Cache-Control": "public"}), SECRET_KEY="a key")
    payload = base64_encode(b'{"_permanent":true}')
    answer = send(app, make_environ(HTTP_COOKIE=f"session={signed_by_flask(payload)}"))
    return any(name == "Set-Cookie" for name, _ in answer.headers)


@shown("Every line of `Vary` is kept", ["Origin, Cookie"], ["Origin, Cookie", "Accept-Language"])
def _(lib: Any) -> Any:
    def view() -> Any:
        lib.session["user"] = "ann"
        return "", [("Vary", "Origin"), ("Vary", "Accept-Language")]

    answer = send(make_app(lib, view, SECRET_KEY="a key"), make_environ())
    return [value for name, value in answer.headers if name == "Vary"]


_OF_KEYS = ["SECRET_KEY_RETIRED", "SESSION_DIGEST", "SESSION_ENCRYPT", "SESSION_READS"]
_OUR_SETTINGS = [*_OF_KEYS, "SESSION_ABSOLUTE", "SESSION_STORE", "SESSION_USER_KEY"]


@shown("There are more settings", [], _OUR_SETTINGS)
def _(lib: Any) -> Any:
    ours = _OUR_SETTINGS
    return [name for name in lib.Flask("differences").config if name in ours]


@shown("A change inside a value of the session is saved", [[1], False, [1]], [[1], True, [1, 2]])
def _(lib: Any) -> Any:
    def view() -> Any:
        basket = lib.session.get("basket")
        if basket is None:
            lib.session["basket"] = [1]
            return []
        before = list(basket)
        if len(basket) < 2:
            basket.append(2)
        return [before, lib.session.modified]

    client = make_app(lib, view, SECRET_KEY="k").test_client()
    client.get("/")
    before, modified = client.get("/").json
    return [before, modified, client.get("/").json[0]]


@shown("Sessions have more methods", [False] * 5, [True] * 5)
def _(lib: Any) -> Any:
    return [hasattr(lib.sessions.SessionMixin, name) for name in ("add", "append", "change", "end", "seen")]


@shown("A signed session that cannot be read is an empty session", 500, 200)
def _(lib: Any) -> Any:
    app = make_app(lib, lambda: str(dict(lib.session)), SECRET_KEY="a key", PROPAGATE_EXCEPTIONS=False)
    app.logger.disabled = True
    signer = TimestampSigner("a key", salt="cookie-session", key_derivation="hmac", digest_method=hashlib.sha1)
    token = signer.sign(b"bm90IEpTT04").decode()  # "not JSON"
    return send(app, make_environ(HTTP_COOKIE=f"session={token}")).code


@shown("All teardown functions run, whatever one of them raises", ["first"], ["first", "second"])
def run_teardown_functions(lib: Any) -> Any:
    app = make_app(lib, lambda: "")
    calls = []

    def fail(error: BaseException | None) -> None:
        calls.append("first")
        raise LookupError("in a teardown")

    app.teardown_appcontext(lambda error: calls.append("second"))
    app.teardown_appcontext(fail)
    with pytest.raises(LookupError):
        send(app, make_environ())
    return calls


@shown("A request that outlives its answer keeps its headers", "the next visitor's", "its own")
def read_headers_late(lib: Any) -> Any:
    requests: list[Any] = []

    def hold() -> str:
        requests.append(lib.request._get_current_object())
        return "held"

    app = make_app(lib, hold)
    environ = make_environ(HTTP_X_WHO="its own")
    send(app, environ)
    environ["HTTP_X_WHO"] = "the next visitor's"
    return requests[0].headers["X-Who"]


@shown("A stream's context is current only while a chunk is made", "/", None)
def look_between_chunks(lib: Any) -> Any:
    app = make_app(lib, lambda: lib.Response(lib.stream_with_context(iter("abc"))))

    def read_one() -> Any:
        parts: Any = app(make_environ(), lambda status, headers, exc_info=None: None)
        next(iter(parts))
        return lib.request.path if lib.has_request_context() else None

    # In context variables of its own, for what stays current on Flask.
    return contextvars.copy_context().run(read_one)


@shown("A change that comes too late is an error in tests", "", "RuntimeError")
def change_the_session_too_late(lib: Any) -> Any:
    def chunks() -> Any:
        yield "begun"
        lib.session["late"] = 1

    view = lambda: lib.Response(lib.stream_with_context(chunks()))  # noqa: E731 - a view
    app = make_app(lib, view, SECRET_KEY="5f2d8c1b9a7e4630b1c8d2e6f4a09375", TESTING=True)
    how, *raised = outcome(send, app, make_environ())
    return raised[0] if how == "raised" else ""


@shown(
    "A response that is returned again does not carry another visitor's cookies", ["session", "session"], ["session"]
)
def return_one_response_twice(lib: Any) -> Any:
    shared = lib.Response("shared")

    def view() -> Any:
        if "who" in lib.request.args:
            lib.session["who"] = lib.request.args["who"]
        return shared

    app = make_app(lib, view, SECRET_KEY="5f2d8c1b9a7e4630b1c8d2e6f4a09375")
    answers = [send(app, make_environ(QUERY_STRING=query)) for query in ("who=one", "")]
    return [line.partition("=")[0] for answer in answers for line in lines_set(answer)]


@shown("Flashed messages of other categories wait", [["an error"], []], [["an error"], ["a hint"]])
def read_one_category(lib: Any) -> Any:
    app = lib.Flask("differences", static_folder=None)
    app.secret_key = "5f2d8c1b9a7e4630b1c8d2e6f4a09375"

    def flash() -> str:
        lib.flash("an error", "error")
        lib.flash("a hint", "hint")
        return ""

    def read(category: str) -> Any:
        return lib.jsonify(lib.get_flashed_messages(category_filter=[category]))

    app.add_url_rule("/flash", "flash", flash)
    app.add_url_rule("/<category>", "read", read)
    client = app.test_client()
    client.get("/flash")
    return [client.get(f"/{category}").json for category in ("error", "hint")]


@shown('`vars(app_context)` has no `"g"`', [True, True, True, True], [False, True, True, False])
def _(lib: Any) -> Any:
    with lib.Flask("own").app_context() as context:
        lib.g.colour = "red"
        found = ["g" in vars(context), hasattr(context, "g"), context.g.colour == "red"]
        context.g = None
        return [*found, context.g is None]


@shown('`vars(app_context)` has no `"g"`', False, True)
def is_namespace_of_replaced_class(lib: Any) -> bool:
    app = lib.Flask("own")
    for _ in range(40):
        with app.app_context():
            pass
    context = app.app_context()
    app.app_ctx_globals_class = type("Other", (lib.Flask.app_ctx_globals_class,), {})
    return isinstance(context.g, app.app_ctx_globals_class)


@shown("What a request says is read from the environ when it is first asked for", "127.0.0.1", "192.0.2.1")
def _(lib: Any) -> Any:
    app = make_app(lib, lambda: lib.request.remote_addr)

    @app.before_request  # type: ignore[untyped-decorator] # of whichever framework
    def change() -> None:
        lib.request.environ["REMOTE_ADDR"] = "192.0.2.1"

    return send(app).text


@shown('`environ["werkzeug.request"]` is set when the request is first read', True, False)
def _(lib: Any) -> Any:
    app, environ, found = make_app(lib, lambda: "text"), make_environ("/"), list[bool]()
    send(app)

    def start_response(*_: Any) -> Any:
        found.append("werkzeug.request" in environ)

    list(app(environ, start_response))
    assert environ["werkzeug.request"] is None
    return found[0]


@shown("A session that could not be opened is not saved", 2, 1)
def _(lib: Any) -> Any:
    class Failing(part(lib, "sessions").SecureCookieSessionInterface):  # type: ignore[misc] # the framework's
        def open_session(self, app: Any, request: Any) -> Any:
            raise ValueError

    app = make_app(lib, lambda: "text", PROPAGATE_EXCEPTIONS=False)
    app.session_interface = Failing()
    with mock.patch.object(app.logger, "error") as errors:
        assert send(app).code == 500
    return len(errors.mock_calls)


@shown("A setting that is missing is an error where it is read", "KeyError", "200 OK")
def _(lib: Any) -> Any:
    app = make_app(lib, lambda: "text")
    send(app)
    del app.config["SECRET_KEY"]
    how, *rest = outcome(send, app)
    return rest[0].status if how == "returned" else rest[0]


OVERRIDDEN = "Some methods are overridden in a subclass, not patched"


def calls(owner: Any, name: str, app: Any) -> int:
    """Count the calls of a method, patched on its class, in a warm request."""
    send(app)
    original = getattr(owner, name)
    counted = []

    def count(*args: Any, **kwargs: Any) -> Any:
        counted.append(name)
        return original(*args, **kwargs)

    with mock.patch.object(owner, name, count):
        send(app)
    return len(counted)


@shown(OVERRIDDEN, {1}, {0})
def _(lib: Any) -> Any:
    contexts = part(lib, "ctx")
    app, json_app = make_app(lib, lambda: "text"), make_app(lib, dict)
    return {
        calls(contexts.AppContext, "__init__", app),
        calls(contexts.AppContext, "push", app),
        calls(contexts.AppContext, "pop", app),
        calls(MapAdapter, "match", app),
        calls(json, "dumps", json_app),
    }


@shown(OVERRIDDEN, "/own", "/x")
def _(lib: Any) -> Any:
    app = make_app(lib, lambda: "text")
    app.add_url_rule("/<a>", "page")
    with app.test_request_context():
        for _ in range(30):
            lib.url_for("page", a="x")
        with mock.patch.object(UnicodeConverter, "to_url", return_value="own"):
            return lib.url_for("page", a="x")


@shown(OVERRIDDEN, {1}, {1})
def _(lib: Any) -> Any:
    app = make_app(lib, lambda: "text")
    steps = ("wsgi_app", "request_context", "full_dispatch_request", "preprocess_request", "dispatch_request")
    later = ("finalize_request", "make_response", "process_response", "do_teardown_request", "do_teardown_appcontext")
    sending = ("__init__", "__call__", "get_wsgi_response", "get_wsgi_headers", "get_app_iter", "iter_encoded", "close")
    return {
        *(calls(owner, step, app) for owner in (lib.Flask, app) for step in (*steps, *later)),
        *(calls(part(lib, "ctx").RequestContext, name, app) for name in ("__init__", "push", "pop")),
        *(calls(lib.Request, name, app) for name in ("__init__", "close")),
        *(calls(lib.Response, name, app) for name in sending),
    }


@shown("Not every name of Flask's modules has an effect when a test replaces it", ["made", True], ["made", False])
def _(lib: Any) -> Any:
    program = f"""
        {"import tuile.shim; tuile.shim.install()" if lib is tuile else ""}
        from unittest import mock
        import flask

        app = flask.Flask("patched", static_folder=None)
        with app.test_request_context():
            with mock.patch("flask.helpers.current_app", new=mock.MagicMock()) as other:
                other.make_response.return_value = "made"
                seen = [flask.make_response("x")]
            with mock.patch("flask.helpers.session", new=mock.MagicMock()) as session:
                try:
                    flask.flash("hello")
                except RuntimeError:
                    pass
            seen.append(session.__setitem__.called)
    """
    return observe(program, shim=False)


@shown(OVERRIDDEN, "mine=", "mine=")
def _(lib: Any) -> Any:
    app = make_app(lib, lambda: lib.session.update(a=1) or "", SECRET_KEY="a key")
    app.session_interface = part(lib, "sessions").SecureCookieSessionInterface()
    app.session_interface.get_cookie_name = lambda app: "mine"
    return lines_set(send(app))[0].partition("=")[0] + "="


SUBCLASSES = "Headers, `args`, `form`, URL adapters and rules are of subclasses of Werkzeug's classes"


@shown(SUBCLASSES, [True] * 8, [False] * 7 + [True])
def exact_classes(lib: Any) -> list[bool]:
    from werkzeug import datastructures, routing  # noqa: PLC0415

    app = lib.Flask("classes")
    of_cookies = []

    def view() -> str:
        of_cookies.append(type(lib.request.cookies))
        return ""

    app.add_url_rule("/", view_func=view)
    send(app)
    send(app, make_environ(HTTP_COOKIE="c=3"))
    with app.test_request_context("/?a=1", method="POST", data={"b": "2"}):
        request, response = lib.request, lib.Response("text")
        rule = routing.Rule("/by-hand", endpoint="by hand")
        app.url_map.add(rule)
        return [
            type(request.args) is datastructures.ImmutableMultiDict,
            type(request.form) is datastructures.ImmutableMultiDict,
            type(request.headers) is datastructures.EnvironHeaders,
            type(response.headers) is datastructures.Headers,
            type(app.create_url_adapter(request)) is routing.MapAdapter,
            type(rule) is routing.Rule,
            *[kind is datastructures.ImmutableMultiDict for kind in of_cookies],
        ]


METACLASS = "`Flask`, `Request`, `Response`, `RequestContext`, `JSONProvider` and `SessionInterface` have a metaclass"


def with_metaclass(lib: Any) -> list[Any]:
    return [
        lib.Flask,
        lib.Request,
        lib.Response,
        part(lib, "ctx").RequestContext,
        part(lib, "json.provider").JSONProvider,
        part(lib, "sessions").SessionInterface,
    ]


@shown(METACLASS, [True] * 6, [False] * 6)
def _(lib: Any) -> Any:
    class Own(type):
        pass

    return [outcome(Own, "Sub", (base,), {})[0] == "returned" for base in with_metaclass(lib)]


@shown(METACLASS, ["returned"] * 6, ["returned"] * 6)
def _(lib: Any) -> Any:
    return [outcome(type("Own", (type(base),), {}), "Sub", (base,), {})[0] for base in with_metaclass(lib)]


@shown("There is one context variable", [True, True], [False, False])
def _(lib: Any) -> Any:
    names = part(lib, "globals")
    return [isinstance(variable, contextvars.ContextVar) for variable in (names._cv_app, names._cv_request)]


@shown("There is one context variable", "http://localhost/", "http://example.com/")
def _(lib: Any) -> Any:
    app = lib.Flask(__name__)

    def index() -> str:
        app.config["SERVER_NAME"] = "example.com"
        url: str = lib.url_for("index", _external=True)
        return url

    app.add_url_rule("/", view_func=index)
    return app.test_client().get("/").text


@shown(
    "There is one context variable",
    ["_AppCtxGlobals", "warned", "pushed"],
    ["Own", "pushed", "warned"],
)
def _(lib: Any) -> Any:
    """What is made at first use: `g`, of the class of that moment, and the adapter, which warns of a foreign host."""
    app = lib.Flask(__name__, subdomain_matching=True)
    app.config["SERVER_NAME"] = "example.com"
    seen = []

    def index() -> str:
        app.app_ctx_globals_class = type("Own", (app.app_ctx_globals_class,), {})
        return type(lib.g._get_current_object()).__name__

    app.add_url_rule("/", view_func=index)

    def pushed(sender: Any) -> None:
        seen.append("pushed")

    kind = app.test_client().get("/", base_url="http://example.com").text
    with lib.appcontext_pushed.connected_to(pushed, app), mock.patch.object(warnings, "warn") as warn:
        warn.side_effect = lambda *_, **__: seen.append("warned")
        app.test_client().get("/", base_url="http://other.test")
    return [kind, *seen]


def modules_after_import(lib: Any) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after importing a framework."""
    program = f"import sys, {lib.__name__}; print(*sys.modules)"
    command = [sys.executable, "-W", "ignore", "-c", program]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


@shown("`import tuile` does not import Jinja and click", {"cli", "click", "jinja2"}, set())
def _(lib: Any) -> Any:
    heavy = {"click": "click", "jinja2": "jinja2", f"{lib.__name__}.cli": "cli"}
    return {name for module, name in heavy.items() if module in modules_after_import(lib)}


@shown("After `import tuile`, `import flask` means Tuile", "flask", "tuile")
def _(lib: Any) -> Any:
    return Path(observe(f"import {lib.__name__}, flask; seen = flask.__file__", shim=False)).parent.name


@shown("There is no `tuile.__version__`", "returned", "raised")
def _(lib: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Flask's, which says that it goes
        return outcome(getattr, lib, "__version__")[0]


@shown("Cookies whose name has a space are kept", ("raised", "StopIteration"), ("returned", "a b=1"))
def _(lib: Any) -> Any:
    def view() -> Any:
        response = lib.make_response(lib.request.headers.get("Cookie", ""))
        response.set_cookie("a b", "1")
        return response

    client = make_app(lib, view).test_client()
    return outcome(lambda: [client.get("/").text, client.get("/").text][1])[:2]


@shown("`base_url` with `subdomain` or `url_scheme` is a `TypeError`", "AssertionError", "TypeError")
def _(lib: Any) -> Any:
    client = make_app(lib, lambda: "").test_client()
    return outcome(client.get, "/", base_url="http://localhost", subdomain="a")[1]


@shown("The command is `tuile`", (False, "Flask 3.1.3"), (True, "Tuile"))
def _(lib: Any) -> Any:
    cli = importlib.import_module(f"{lib.__name__}.cli").cli
    told = make_app(lib, lambda: "").test_cli_runner().invoke(cli, ["--version"])
    return "secret" in cli.commands, re.findall("Tuile|Flask 3.1.3", told.output)[0]


@shown("In debug mode a line names the inspector", [2, 2], [2, 3])
def lines_of_the_banner(lib: Any) -> list[int]:
    cli, lines = importlib.import_module(f"{lib.__name__}.cli"), []
    info = cli.ScriptInfo("shop:app", create_app=lambda: make_app(lib, lambda: ""))
    for words in (["--no-debug"], ["--debug"]):
        with mock.patch.dict(os.environ), mock.patch.object(cli, "run_simple") as served:
            told = CliRunner().invoke(cli.cli, [*words, "run"], obj=info)
        assert served.call_count == 1, told.output
        assert told.output.startswith(
            f" * Serving Flask app 'shop:app'\n * Debug mode: {'on' if words == ['--debug'] else 'off'}\n"
        )
        lines.append(told.output.count("\n"))
    return lines


@shown("The debugger folds the frames of libraries", False, True)
def folds_frames(lib: Any) -> bool:
    def view() -> str:
        raise LookupError

    pages = []

    def serve(host: str, port: int, app: Any, **options: Any) -> None:
        debugged = DebuggedApplication(app, evalex=options["use_debugger"], pin_security=False)
        environ = make_environ() | {"wsgi.errors": io.StringIO()}
        pages.append(b"".join(debugged(environ, lambda *_: lambda _: None)))

    with mock.patch("werkzeug.serving.run_simple", serve), mock.patch(f"{lib.__name__}.cli.show_server_banner"):
        make_app(lib, view).run(debug=True, load_dotenv=False)
    (page,) = pages
    assert b"LookupError" in page
    return b"<details" in page


@shown("An env file that others may write to is refused", True, False)
def _(lib: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "some.env"
        path.write_text("TUILE_TEST_OF_DIFFERENCES=1\n", encoding="utf-8")
        path.chmod(0o666)
        try:
            return importlib.import_module(f"{lib.__name__}.cli").load_dotenv(path, load_defaults=False)
        finally:
            os.environ.pop("TUILE_TEST_OF_DIFFERENCES", None)


@shown("`--cert` keeps the case of an import path", "raised", "returned")
def _(lib: Any) -> Any:
    certs = type(sys)("certs")
    certs.Context = ssl.create_default_context()  # type: ignore[attr-defined] # a module made here
    convert = importlib.import_module(f"{lib.__name__}.cli").CertParamType().convert
    with mock.patch.dict(sys.modules, certs=certs):
        return outcome(convert, "certs.Context", None, None)[0]


@shown("A form is the same wherever its body is cut", "x\r", "xx")
def cut_before_the_last_hyphen(lib: Any) -> Any:
    head = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
    end = b"\r\n--b-"
    body = head + b"x" * (64 * 1024 - len(head) - len(end)) + end + b"-\r\n"
    app = make_app(lib, lambda: "")
    app.add_url_rule("/", "post", lambda: lib.request.form["a"][-2:], methods=["POST"])
    content_type = "multipart/form-data; boundary=b"
    environ = make_environ(
        REQUEST_METHOD="POST", CONTENT_TYPE=content_type, CONTENT_LENGTH=str(len(body)), wsgi_input=io.BytesIO(body)
    )
    return send(app, environ).text


@shown("A body is taken whole or refused", [200, 200, 200], [413, 400, 411])
def _(lib: Any) -> Any:
    app = make_app(lib, lambda: f"{len(lib.request.get_data())}", MAX_CONTENT_LENGTH=10)
    changes: list[dict[str, Any]] = [
        {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True},
        {"CONTENT_LENGTH": "ten"},
        {"HTTP_TRANSFER_ENCODING": "chunked"},
    ]
    return [send(app, {**make_environ(), "wsgi.input": io.BytesIO(b"x" * 20), **change}).code for change in changes]


@shown(
    "What a client sends does not make reading the request fail",
    [
        # From CPython 3.13 on, Werkzeug's own fallback for such a name works.
        *("UnicodeDecodeError", "UnicodeError" if sys.version_info < (3, 13) else "http://xn--strae-oqa.de/"),
        # From CPython 3.14 on, a year that is too large is none for the standard library.
        *("ValueError", "RecursionError", "OverflowError" if sys.version_info < (3, 14) else None),
        *["ValueError"] * 4,
    ],
    [
        *({"a": "\ufffd"}, "http://xn--strae-oqa.de/", "http://localhost/[::1/", "BadRequest", None),
        *('"a\ufffdb"', None, None, 400),
    ],
)
def read_malformed_requests(lib: Any) -> Any:
    def read(how: Callable[[Any], Any], **changes: Any) -> Any:
        seen = outcome(lambda: how(lib.Request(make_environ(**changes))))
        return seen[1]

    app = make_app(lib, str)
    app.add_url_rule("/slash/", "slash", str)
    deep: dict[str, Any] = {"wsgi_input": io.BytesIO(b"[" * 100_000), "CONTENT_LENGTH": "100000"}
    far = "Sun, 06 Nov 9999999999 08:49:37 GMT"
    with app.app_context():
        broken_off = outcome(send, app, make_environ("/slash", QUERY_STRING="a\r\nb"))[1]
        return [
            read(lambda request: request.args.to_dict(), QUERY_STRING="a=\xff"),
            read(lambda request: request.url, HTTP_HOST="xn--strae-oqa.de"),
            read(lambda request: request.url, SCRIPT_NAME="[::1"),
            read(lambda request: request.get_json(force=True), **deep),
            read(lambda request: request.date, HTTP_DATE=far),
            read(lambda request: request.if_range.to_header(), HTTP_IF_RANGE='a"b'),
            read(lambda request: request.authorization, HTTP_AUTHORIZATION="Basic \xff"),
            read(lambda request: request.accept_charsets.best_match(["utf-8"]), HTTP_ACCEPT_CHARSET="\0"),
            broken_off if isinstance(broken_off, str) else broken_off.code,
        ]


@shown("A host that is not below `SERVER_NAME` is no subdomain", "<invalid>", 404)
def _(lib: Any) -> Any:
    app = lib.Flask("differences", static_folder=None, subdomain_matching=True)
    app.config["SERVER_NAME"] = "example.org"
    app.add_url_rule("/", "page", lambda user: user, subdomain="<user>")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = send(app, make_environ(HTTP_HOST="other.org"))
    return answer.text if answer.code == 200 else answer.code


@shown("Event loops and threads of asynchronous functions are used again", [None, None], [None, "of another request"])
def _(lib: Any) -> Any:
    local = threading.local()
    seen = []

    async def view() -> str:
        seen.append(getattr(local, "value", None))
        local.value = "of another request"
        return "text"

    app = make_app(lib, view)
    for _ in range(2):
        send(app)
    return seen


def ask_by_asgi(lib: Any, *views: Any, **scope: Any) -> Any:
    """Return the statuses and bodies that an ASGI server gets, or the type of its error: of each view, asked twice."""
    app = lib.Flask("differences", static_folder=None)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    for number, view in enumerate(views):
        app.add_url_rule(f"/{number}", str(number), view)

    async def main() -> list[Any]:
        found: list[Any] = []
        for number in [*range(len(views))] * 2:
            try:
                answer = await Server(make_scope(f"/{number}", **scope)).ask(app)
                found.append((answer.status, answer.text))
            except Exception as error:  # noqa: BLE001 - which one is what is compared
                found.append(type(error).__name__)
        return found

    return asyncio.run(main())


NO_ASGI = ["TypeError"] * 2


@shown("An `async def` view runs in the thread of the event loop", NO_ASGI, [(200, "False"), (200, "True")])
def _(lib: Any) -> Any:
    main_thread = threading.get_ident()
    seen: list[bool] = []

    async def view() -> str:
        seen.append(threading.get_ident() == main_thread)
        # The first request of an application takes a worker, but its coroutine functions run on the loop as well.
        return str(len(seen) == 2 and all(seen))

    return ask_by_asgi(lib, view)


@shown("Asynchronous generators are streamed", NO_ASGI, [(200, "ab")] * 2)
def _(lib: Any) -> Any:
    async def pieces() -> Any:
        yield "a"
        yield "b"

    async def view() -> Any:
        return pieces()

    return ask_by_asgi(lib, view)


@shown("Asynchronous generators are streamed", "TypeError", b"a")
def _(lib: Any) -> Any:
    async def pieces() -> Any:
        yield "a"

    async def view() -> Any:
        return pieces()

    app = make_app(lib, view)
    try:
        return send(app).body
    except TypeError as error:
        return type(error).__name__


@shown("Headers with an underscore in their name are dropped", NO_ASGI, [(200, "None")] * 2)
def _(lib: Any) -> Any:
    return ask_by_asgi(lib, lambda: str(lib.request.headers.get("X-User")), headers=[(b"x_user", b"root")])


@shown("The reason phrase of a status is not sent", NO_ASGI, [(200, "x")] * 2)
def _(lib: Any) -> Any:
    return ask_by_asgi(lib, lambda: ("x", "200 Fine"))


@shown("An error in the middle of a stream ends the connection", NO_ASGI, ["ZeroDivisionError"] * 2)
def _(lib: Any) -> Any:
    def pieces() -> Any:
        yield "a"
        yield str(1 // 0)

    return ask_by_asgi(lib, lambda: lib.Response(pieces()))


@shown("A `StopIteration` from what `url_for` calls is an error in a template", "[]", "RuntimeError")
def _(lib: Any) -> str:
    def stops(endpoint: str, values: dict[str, object]) -> None:
        raise StopIteration

    app = lib.Flask("shop")
    app.url_defaults(stops)
    with app.test_request_context():
        # The first time, Tuile compiles it as Jinja does.
        found = [outcome(lib.render_template_string, "[{{ url_for('static', filename='x') }}]") for _ in range(2)]
    return str(found[1][1])


@shown("A form's files are made when they are read", [True, True], [False, True])
def _(lib: Any) -> list[bool]:
    app, found = lib.Flask("shop"), list[bool]()

    def view() -> str:
        for name in ("form", "files"):
            getattr(lib.request, name)
            found.append("files" in vars(lib.request._get_current_object()))
        return "text"

    app.add_url_rule("/", "view", view, methods=["POST"])
    send(app, make_post(b"a=1", "application/x-www-form-urlencoded"))
    return found


@shown("`type(request).__getattribute__` takes a name alone", "returned", "raised")
def _(lib: Any) -> str:
    kind: Any = type(lib.request)
    assert object.__getattribute__(lib.request, "_get_current_object") is not None
    return str(outcome(kind.__getattribute__, lib.request, "_get_current_object")[0])


@shown(
    "To delete what a request has not read yet is an `AttributeError`",
    ["KeyError", "None", "KeyError"],
    ["AttributeError", "None", "AttributeError"],
)
def _(lib: Any) -> list[str]:
    request = lib.Request(make_environ("/", QUERY_STRING="a=1"))
    found = [outcome(delattr, request, "args")]
    assert request.args["a"] == "1"
    found += [outcome(delattr, request, "args"), outcome(delattr, request, "args")]
    return [str(one[1]) for one in found]


@shown("The error for a name that `g` does not have has no context", ("KeyError", True), ("NoneType", True))
def _(lib: Any) -> tuple[str, bool]:
    with lib.Flask("shop").app_context(), pytest.raises(AttributeError) as raised:
        _ = lib.g.missing
    return type(raised.value.__context__).__name__, raised.value.__suppress_context__


@shown("`@app.route` without parentheses is an error", "nothing", "TypeError")
def _(lib: Any) -> str:
    found = outcome(lambda: lib.Flask("shop").route(lambda: "text"))
    return "nothing" if found[0] == "returned" else str(found[1])


@shown("Messages name the command and the extra that there are", "flask --app", "tuile --app")
def _(lib: Any) -> str:
    script = importlib.import_module(f"{lib.__name__}.cli").ScriptInfo()
    with mock.patch(f"{lib.__name__}.cli.locate_app", return_value=None):
        error = outcome(script.load_app)
    return "tuile --app" if "'tuile --app'" in str(error) else "flask --app"


@pytest.mark.parametrize("heading", HEADINGS)
def test_a_listed_difference_is_as_the_page_says(heading: str) -> None:
    demonstrations = DEMONSTRATIONS.get(heading, [])
    assert demonstrations, f"demonstrate {heading!r}"
    for demonstration, on_flask, on_tuile in demonstrations:
        assert demonstration(flask) == on_flask
        assert demonstration(tuile) == on_tuile


def test_every_demonstration_has_its_heading() -> None:
    assert [heading for heading in DEMONSTRATIONS if heading not in HEADINGS] == []
