"""Requests without a view: their responses are Flask's, whatever was changed before, and whoever looks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import MapAdapter, RequestRedirect
from werkzeug.wrappers import Response as WerkzeugResponse

import tuile
from tests.beside_flask import make_app, make_environ, outcome, same, send

if TYPE_CHECKING:
    from collections.abc import Callable

PATHS = ["/item", "/item/", "/folder", "/folder/", "//folder", "/a//b", "/old", "/users/7", "/users/7/", "/users/x"]
PATHS += ["/missing", "/item/more", "", "/", "/loose", "/loose/", "/post", "/post/", "/m\xc3\xbcll", "/m\xc3\xbcll/"]
PATHS += ["/page/1/", "/page", "/any", "/any/x", "/static/missing.css", "/files/a/b", "/files/a/b/", "/\xff"]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get", "options", "--"]


def register(app: Any) -> None:
    app.add_url_rule("/item", "get", lambda: "got")
    app.add_url_rule("/item", "put", lambda: "put", methods=["PUT"])
    app.add_url_rule("/folder/", "folder", lambda: "folder")
    app.add_url_rule("/post", "post", lambda: "post", methods=["POST"])
    app.add_url_rule("/post/", "posts", lambda: "posts")
    app.add_url_rule("/a/b", "merged", lambda: "merged")
    app.add_url_rule("/old", "old", redirect_to="/item")
    app.add_url_rule("/loose/", "loose", lambda: "loose", strict_slashes=False)
    app.add_url_rule("/users/<int:number>/", "user", str, methods=["GET", "DELETE"])
    app.add_url_rule("/m\xfcll/", "unicode", lambda: "m\xfcll")
    app.add_url_rule("/page/", "page", str, defaults={"page": 1})
    app.add_url_rule("/page/<int:page>/", "page")
    app.add_url_rule("/any", "any", lambda: "any", methods=["GET", "OPTIONS"], provide_automatic_options=False)
    app.add_url_rule("/<word>", "word", lambda word: word, methods=["BREW"])
    app.add_url_rule("/files/<path:name>/", "files", lambda name: name)


def answers_of(lib: Any, change: Callable[[Any, Any], Any], asked: list[tuple[str, str, dict[str, Any]]]) -> Any:
    app = make_app(lib)
    register(app)
    app.logger.disabled = True
    requests = [make_environ(path, REQUEST_METHOD=method, **more) for path, method, more in asked]
    first = [outcome(send, app, dict(environ)) for environ in requests * 2]
    change(lib, app)
    return first, [outcome(send, app, dict(environ)) for environ in requests * 2]


HEADERS = st.sampled_from(
    [{}, {}, {"QUERY_STRING": "a=1&b=\xfc"}, {"QUERY_STRING": "a=b c"}, {"SCRIPT_NAME": "/app"}]
    + [{"HTTP_HOST": host} for host in ("EXAMPLE.com:80", "example.com:8080", "b\xfccher.example", "..", "[::1]:80")]
    + [{"wsgi.url_scheme": "https", "HTTP_HOST": "example.com:443"}, {"HTTP_COOKIE": "session=x"}]
    + [{"HTTP_UPGRADE": "websocket"}, {"SCRIPT_NAME": "/a//b/"}]
)


@settings(
    derandomize=True, deadline=None, database=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow]
)
@given(
    st.lists(st.tuples(st.sampled_from(PATHS), st.sampled_from(METHODS), HEADERS), min_size=1, max_size=8),
    st.sampled_from([{}, {"SERVER_NAME": "example.org:5000"}, {"TRAP_HTTP_EXCEPTIONS": True}, {"DEBUG": True}]),
)
def test_requests_without_a_view_are_answered_as_on_flask(asked: Any, config: dict[str, Any]) -> None:
    same(lambda lib: answers_of(lib, lambda lib, app: app.config.update(config), asked))


def by_attribute(owner: Any, name: str, value: Any) -> Callable[[Any, Any], None]:
    return lambda lib, app: setattr(app if owner is None else owner, name, value)


def handle(lib: Any, app: Any, error: Any) -> None:
    app.error_handler_spec[None][getattr(error, "code", None)][error] = lambda e: (f"handled {e}", 418)


def methods_changed(lib: Any, app: Any) -> None:
    for rule in app.url_map.iter_rules():
        if rule.methods and "PUT" in rule.methods:
            rule.methods.add("PATCH")
            rule.methods.discard("PUT")


def methods_assigned(lib: Any, app: Any) -> None:
    for rule in app.url_map.iter_rules():
        if rule.endpoint in {"get", "posts"}:
            rule.methods = {"DELETE", "OPTIONS"}


def loosened(lib: Any, app: Any) -> None:
    for rule in app.url_map.iter_rules():
        rule.strict_slashes = False


def connected(name: str) -> Callable[[Any, Any], None]:
    def connect(lib: Any, app: Any) -> None:
        def receive(sender: Any, **more: Any) -> None:
            lib.current_app.config.setdefault("SEEN", []).append(name)
            if "response" in more:
                more["response"].headers["X-Seen"] = type(more["response"].response).__name__

        getattr(lib, name).connect(receive, app, weak=False)

    return connect


def change_adapter(lib: Any, app: Any) -> None:
    lib.globals.request_ctx.url_adapter.path_info = "folder"


def change_map(lib: Any, app: Any) -> None:
    app.url_map = type(app.url_map)([type(next(app.url_map.iter_rules()))("/item", endpoint="other")])


# What a function does before it answers OPTIONS.
BEFORE_OPTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "nothing": lambda lib, app: None,
    "adapter": lambda lib, app: lib.globals.request_ctx.url_adapter,
    "changed adapter": change_adapter,
    "url_for": lambda lib, app: lib.url_for("item"),
    "url_for and a map": lambda lib, app: (lib.url_for("item"), change_map(lib, app)),  # type: ignore[func-returns-value]
    "SERVER_NAME": lambda lib, app: app.config.update(SERVER_NAME="example.com"),
    "TRUSTED_HOSTS": lambda lib, app: app.config.update(TRUSTED_HOSTS=["localhost"]),
}


def answering_options(before: Callable[[Any, Any], Any]) -> Callable[[Any, Any], None]:
    """Return a change by which a function before the view answers OPTIONS."""

    def change(lib: Any, app: Any) -> None:
        def answer() -> Any:
            if lib.request.method != "OPTIONS":
                return None
            before(lib, app)
            return app.make_default_options_response()

        app.before_request_funcs.setdefault(None, []).append(answer)

    return change


CHANGES: dict[str, Callable[[Any, Any], Any]] = {
    "handler of 404": lambda lib, app: handle(lib, app, NotFound),
    "handler of 405": lambda lib, app: handle(lib, app, MethodNotAllowed),
    "handler of all": lambda lib, app: handle(lib, app, HTTPException),
    "handler of redirects": lambda lib, app: handle(lib, app, RequestRedirect),
    "handler of another error": lambda lib, app: handle(lib, app, ValueError),
    "before": lambda lib, app: app.before_request_funcs.setdefault(None, []).append(lambda: None),
    "before that answers": lambda lib, app: app.before_request_funcs.setdefault(None, []).append(lambda: "before"),
    "after": lambda lib, app: app.after_request_funcs.setdefault(None, []).append(
        lambda response: response.headers.add("X-After", str(response.is_streamed)) or response
    ),
    "teardown": lambda lib, app: app.teardown_request_funcs.setdefault(None, []).append(
        lambda error: app.config.update(MAX_CONTENT_LENGTH=len(repr(lib.request.routing_exception)))
    ),
    "preprocessor": lambda lib, app: app.url_value_preprocessors.setdefault(None, []).append(lambda *_: None),
    "request_started": connected("request_started"),
    "request_finished": connected("request_finished"),
    "methods changed": methods_changed,
    "methods assigned": methods_assigned,
    "no strict slashes": loosened,
    "a rule more": lambda lib, app: app.url_map.add(type(next(app.url_map.iter_rules()))("/<word>/", endpoint="word")),
    "own OPTIONS": by_attribute(None, "make_default_options_response", lambda: "own"),
    "own handling": by_attribute(None, "handle_http_exception", lambda error: ("own", 599)),
    "own handling of all": by_attribute(None, "handle_user_exception", lambda error: (str(error), 599)),
    "own raising": by_attribute(None, "raise_routing_exception", lambda request: "own"),
    "trapping": by_attribute(None, "trap_http_exception", lambda error: True),
    "no response class": lambda lib, app: setattr(
        app, "response_class", type("Own", (lib.Response,), {"default_mimetype": "text/plain"})
    ),
    "subclass": lambda lib, app: setattr(
        app, "__class__", type("Own", (lib.Flask,), {"dispatch_request": lambda self: "own"})
    ),
    "other subdomain": by_attribute(None, "subdomain_matching", True),
    **{f"OPTIONS answered after: {name}": answering_options(before) for name, before in BEFORE_OPTIONS.items()},
}


@pytest.mark.parametrize("change", sorted(CHANGES))
def test_what_is_changed_between_requests_counts(change: str) -> None:
    asked: list[tuple[str, str, dict[str, Any]]] = [
        (path, method, {}) for path in PATHS for method in ("GET", "HEAD", "PUT", "PATCH", "OPTIONS")
    ]
    same(lambda lib: answers_of(lib, CHANGES[change], asked))


@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [
        (NotFound, "description", "Nothing here."),
        (NotFound, "code", 410),
        (MethodNotAllowed, "description", "Not so."),
        (HTTPException, "get_body", lambda self, environ=None, scope=None: "own"),
        (HTTPException, "get_headers", lambda self, environ=None, scope=None: [("X-Own", "1")]),
        (RequestRedirect, "code", 307),
        (RequestRedirect, "get_response", lambda self, environ=None, scope=None: tuile.Response("own")),
        (MapAdapter, "allowed_methods", lambda self, path_info=None: ["OWN"]),
        (MapAdapter, "make_redirect_url", lambda self, *args, **named: "http://own/"),
    ],
)
def test_a_patched_class_of_werkzeug_counts(owner: type, name: str, value: Any) -> None:
    asked: list[tuple[str, str, dict[str, Any]]] = [
        (path, method, {}) for path in ("/item", "/folder", "/missing") for method in ("GET", "PATCH", "OPTIONS")
    ]

    def program(lib: Any) -> Any:
        app = make_app(lib)
        register(app)
        requests = [make_environ(path, REQUEST_METHOD=method) for path, method, _ in asked]
        first = [outcome(send, app, dict(environ)) for environ in requests * 2]
        with mock.patch.object(owner, name, value):
            patched = [outcome(send, app, dict(environ)) for environ in requests]
        return first, patched, [outcome(send, app, dict(environ)) for environ in requests]

    same(program)


def test_no_step_is_entered_where_nobody_looks() -> None:
    app = make_app(tuile)
    register(app)
    requests = [
        ("/not/there", "GET"),
        ("/item", "PATCH"),
        ("/folder", "GET"),
        ("/users/7", "GET"),
        ("/item", "OPTIONS"),
    ]
    for path, method in requests * 2:
        send(app, make_environ(path, REQUEST_METHOD=method))
    entered: set[str] = set()
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, arg: entered.add(frame.f_code.co_name))
    try:
        for path, method in requests:
            send(app, make_environ(path, REQUEST_METHOD=method))
    finally:
        sys.setprofile(before)
    assert "parts_without_view" in entered
    assert entered.isdisjoint({"full_dispatch_request", "finalize_request", "adapter_for", "descend"})


def test_what_clients_send_is_not_remembered() -> None:
    app = make_app(tuile)
    register(app)
    for number in range(50):
        for method in ("PATCH", "OPTIONS", f"M{number}"):
            send(app, make_environ(f"/users/{number}/", REQUEST_METHOD=method))
            send(app, make_environ(f"/x{number}", REQUEST_METHOD=method))
            send(app, make_environ("/item", REQUEST_METHOD=method))
    index = app.url_map._index
    assert index is not None
    assert set(index.allowed) == {"/item"}


class _OwnResponse(WerkzeugResponse):
    default_mimetype = "text/plain"


def closing(seen: list[str]) -> Any:
    response = WerkzeugResponse(iter([b"a", b"b"]), 202)
    response.call_on_close(lambda: seen.append("closed"))
    return response


def with_own_method() -> Any:
    response = WerkzeugResponse("own")
    response.get_wsgi_headers = lambda environ: response.headers  # type: ignore[method-assign]
    return response


def with_cookie(seen: list[str]) -> Any:
    response = WerkzeugResponse("x")
    response.set_cookie("a", "1")
    return response


def kept(seen: list[str]) -> Any:
    if not KEPT:
        KEPT.append(WerkzeugResponse("kept"))
    return KEPT[0]


KEPT: list[Any] = []
# What a view or a handler returns: made anew each time, kept elsewhere, or of another class.
FOREIGN: dict[str, Callable[[Any], Any]] = {
    "text": lambda seen: WerkzeugResponse("text", 203, {"X-A": "1"}),
    "no content": lambda seen: WerkzeugResponse(status=204),
    "not modified": lambda seen: WerkzeugResponse("text", 304),
    "location": lambda seen: WerkzeugResponse("text", 302, {"Location": "/ü"}),
    "generator": lambda seen: WerkzeugResponse(iter(["a", "\xfc"])),
    "closing": closing,
    "passed through": lambda seen: WerkzeugResponse([b"a"], direct_passthrough=True),
    "cookie": with_cookie,
    "kept": kept,
    "own class": lambda seen: _OwnResponse("own"),
    "own method": lambda seen: with_own_method(),
    "own header": lambda seen: WerkzeugResponse("x", headers=[("X-A", "1"), ("x-a", "2"), ("Content-Length", "1")]),
}


def of_werkzeug(lib: Any, name: str, change: str) -> Any:
    KEPT.clear()
    app, seen = make_app(lib, SECRET_KEY="key"), list[str]()
    make = FOREIGN[name]

    class Error(HTTPException):
        code = 418

        def get_response(self, environ: Any = None, scope: Any = None) -> Any:
            return make(seen)

    def fail() -> Any:
        raise Error

    def touch() -> Any:
        lib.session["a"] = 1
        return make(seen)

    app.add_url_rule("/", "view", lambda: make(seen))
    app.add_url_rule("/fail", "fail", fail)
    app.add_url_rule("/touch", "touch", touch)
    if change == "handler":
        app.register_error_handler(HTTPException, lambda error: error.get_response())
    elif change == "handler of 404":
        app.register_error_handler(404, lambda error: make(seen))
    elif change == "after":
        app.after_request(lambda response: response.headers.add("X-After", type(response).__name__) or response)
    elif change == "own class":
        app.response_class = type("Own", (lib.Response,), {"default_mimetype": "text/plain"})
    elif change == "force_type":
        app.response_class = type("Own", (lib.Response,), {"force_type": classmethod(lambda *_: lib.Response("own"))})
    asked: list[tuple[str, str, dict[str, Any]]] = [
        (path, method, more)
        # What was kept is a copy where a cookie is added to it, as docs/differences.md says.
        for path in (("/", "/missing") if name == "kept" else ("/", "/fail", "/touch", "/missing"))
        for method in ("GET", "HEAD")
        for more in ({}, {"HTTP_COOKIE": "session=x; a=1"})
    ]
    answers = [
        outcome(send, app, make_environ(path, REQUEST_METHOD=method, **more)) for path, method, more in asked * 2
    ]
    return answers, seen, [(type(kept).__name__, list(kept.headers)) for kept in KEPT]


@pytest.mark.parametrize("change", ["nothing", "handler", "handler of 404", "after", "own class", "force_type"])
@pytest.mark.parametrize("name", FOREIGN)
def test_a_response_of_werkzeugs_is_sent_as_on_flask(name: str, change: str) -> None:
    same(lambda lib: of_werkzeug(lib, name, change))


@pytest.mark.parametrize("owner", [WerkzeugResponse, tuile.Response])
def test_a_patched_conversion_of_responses_is_called(owner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    app = tuile.Flask("own")
    app.add_url_rule("/", "view", lambda: WerkzeugResponse("foreign"))
    client = app.test_client()
    assert [client.get("/").text for _ in range(2)] == ["foreign"] * 2
    monkeypatch.setattr(owner, "force_type", classmethod(lambda *_: tuile.Response("patched")))
    assert [client.get("/").text for _ in range(2)] == ["patched"] * 2
