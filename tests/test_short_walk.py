"""The short walk answers as the steps do and as Flask does: generated applications, nested requests, many at once."""

from __future__ import annotations

import contextlib
import functools
import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

import flask
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as WerkzeugResponse

import tuile
from tests.beside_flask import Environ, describe_difference, make_app, make_environ, part, sort_methods
from tuile.context import current

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuile import Flask


class Stepping(tuile.Flask):
    """An application that walks by the steps, because it has one of its own."""

    def dispatch_request(self) -> Any:
        return super().dispatch_request()


class Walk(NamedTuple):
    """A framework's module and the class of its applications."""

    lib: Any
    app_class: Any
    short: bool


WALKS = [Walk(flask, flask.Flask, False), Walk(tuile, tuile.Flask, True), Walk(tuile, Stepping, False)]

Log = list[Any]


def fail(error: BaseException) -> Any:
    raise error


def steadied(name: str, value: str) -> str:
    """A header's value without what differs from run to run: the clock of `datetime` is read by each framework."""
    return re.sub("Expires=[^;]*", "Expires=then", sort_methods(name, value))


def visit(app: Any, environ: Environ, log: Log) -> Any:
    """What a server gets for one request, the exception included; what happens meanwhile is logged."""
    written: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        log.append(("start", status, [(name, steadied(name, value)) for name, value in headers]))
        headers.append(("X-Server", "owns the list"))
        return written.append

    error: BaseException | None = None
    try:
        parts = app(environ, start_response)
        try:
            written.extend(parts)
        finally:
            if hasattr(parts, "close"):
                parts.close()
    except BaseException as raised:  # noqa: BLE001 - which one is what is compared
        error = raised
    assert current.get(None) is None
    return b"".join(written), type(error).__name__, str(error), environ.get("werkzeug.request")


# What views answer

ANSWERS: dict[str, Callable[[Any, Log], Any]] = {
    "text": lambda lib, log: "text",
    "empty": lambda lib, log: "",
    "umlaut": lambda lib, log: "größer ≠ kleiner",
    "surrogate": lambda lib, log: "half \udc80",
    "bytes": lambda lib, log: b"\x00\xff",
    "bytearray": lambda lib, log: bytearray(b"array"),
    "markup": lambda lib, log: Markup("<b>"),
    "dict": lambda lib, log: {"b": [1, None], "a": "é"},
    "list": lambda lib, log: [3, {"x": "\udc80"}],
    "no json": lambda lib, log: {"a": object()},
    "mixed keys": lambda lib, log: {"a": 1, 2: 3},
    "own dict": lambda lib, log: type("Own", (dict,), {})(a=1),
    "status": lambda lib, log: ("made", 201),
    "status line": lambda lib, log: ("made", "299 Own Words"),
    "headers": lambda lib, log: ("text", {"X-A": "1", "Content-Type": "text/plain"}),
    "all three": lambda lib, log: ({"a": 1}, 202, [("X-A", "1"), ("X-A", "2")]),
    "four": lambda lib, log: ("a", 200, {}, "b"),
    "no content": lambda lib, log: ("", 204),
    "generator": lambda lib, log: (text for text in ("a", "b")),
    "response": lambda lib, log: lib.Response("made", 203, {"X-A": "1"}),
    "own response": lambda lib, log: lib.current_app.response_class("own"),
    "closing": lambda lib, log: closing(lib.current_app.response_class("closing"), log),
    "foreign": lambda lib, log: WerkzeugResponse("foreign", 206, mimetype="text/css"),
    "moved": lambda lib, log: lib.redirect("/text"),
    "none": lambda lib, log: None,
    "number": lambda lib, log: 7,
    "refusal": lambda lib, log: NotFound(),
    "callable": lambda lib, log: answer_by_wsgi,
    "rendered": lambda lib, log: lib.render_template_string("{{ request.path }} {{ g.get('a') }}"),
    "abort": lambda lib, log: lib.abort(404),
    "abort by response": lambda lib, log: lib.abort(lib.Response("aborted", 409)),
    "value error": lambda lib, log: fail(ValueError("value")),
    "lookup error": lambda lib, log: fail(LookupError("lookup")),
    "no field": lambda lib, log: lib.request.form["missing"],
    "no cookie": lambda lib, log: lib.request.cookies["missing"],
    "exit": lambda lib, log: fail(SystemExit(3)),
    "interrupt": lambda lib, log: fail(KeyboardInterrupt("now")),
    "generator exit": lambda lib, log: fail(GeneratorExit("end")),
}


def closing(response: Any, log: Log) -> Any:
    response.call_on_close(lambda: log.append(("closed", current.get(None))))
    return response


def answer_by_wsgi(environ: Environ, start_response: Any) -> list[bytes]:
    start_response("218 By WSGI", [("Content-Type", "text/own")])
    return [b"by ", b"WSGI"]


# What views do before that


def see_request(lib: Any, log: Log) -> None:
    request = lib.request
    log.append((request.method, request.path, request.url, request.endpoint, request.blueprint, request.view_args))
    log.append((str(request.url_rule), request.remote_addr, request.host, sorted(request.cookies.items())))


def see_contexts(lib: Any, log: Log) -> None:
    log.append((lib.current_app.name, lib.has_request_context(), lib.has_app_context(), lib.g.get("a")))
    lib.g.a = 1
    context = part(lib, "globals").request_ctx
    log.append((context.url_adapter.server_name, context.flashes, part(lib, "globals").app_ctx.app.name))


def register_after(lib: Any, log: Log) -> None:
    @lib.after_this_request
    def mark(response: Any) -> Any:
        log.append(("after this", response.status))
        response.headers["X-After-This"] = "1"
        return response


def write_session(lib: Any, log: Log) -> None:
    lib.session["seen"] = lib.session.get("seen", 0) + 1


def keep_session(lib: Any, log: Log) -> None:
    lib.session.permanent = True


ACTS: dict[str, Callable[[Any, Log], Any]] = {
    "nothing": lambda lib, log: None,
    "request": see_request,
    "contexts": see_contexts,
    "after": register_after,
    "session read": lambda lib, log: log.append(sorted(lib.session.items())),
    "session written": write_session,
    "session kept": keep_session,
    "flash": lambda lib, log: lib.flash("message"),
    "flashed": lambda lib, log: log.append(lib.get_flashed_messages()),
    "url": lambda lib, log: log.append((lib.url_for("warm"), lib.url_for("warm", _external=True, a="é"))),
    "cookies": lambda lib, log: log.append(lib.request.cookies.get("a")),
    "environ": lambda lib, log: lib.request.environ.update(REQUEST_METHOD="HEAD"),
    "other method": lambda lib, log: setattr(lib.request, "method", "HEAD"),
    "config": lambda lib, log: lib.current_app.config.update(SESSION_COOKIE_NAME="other"),
}

# Where a view is, and the paths on which it is asked for

PLACES = {
    "/{0}": ["/{0}", "/{0}/", "//{0}", "/{0}/x"],
    "/part/{0}": ["/part/{0}"],
    "/{0}/<int:n>": ["/{0}/7", "/{0}/-7", "/{0}/x", "/{0}/7/"],
    "/part/{0}/<name>": ["/part/{0}/a", "/part/{0}/Ã¼", "/part/{0}/\xff", "/part/{0}/a/b"],
    "/{0}/slash/": ["/{0}/slash/", "/{0}/slash"],
}


class Visit(NamedTuple):
    """One request: where the view is, what it does and answers, and how it is asked."""

    place: str
    path: str
    act: str
    answer: str
    environ: Environ
    cookie: str | None


def visits() -> st.SearchStrategy[Visit]:
    environ = st.fixed_dictionaries(
        {},
        optional={
            "REQUEST_METHOD": st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "DELETE", "get", "head", "options"]),
            "HTTP_HOST": st.sampled_from(["localhost", "other.example", "other.example:8080", "bad host", ""]),
            "QUERY_STRING": st.just("a=%C3%A9"),
            "SCRIPT_NAME": st.just("/prefix"),
            "wsgi_url_scheme": st.just("https"),
        },
    )
    wheres = [(place, path) for place, paths in PLACES.items() for path in paths]
    # What is plain comes often: it is what the short walk is for.
    where = st.sampled_from([("/{0}", "/{0}"), ("/{0}/<int:n>", "/{0}/7")]) | st.sampled_from(wheres)
    act = st.just("nothing") | st.sampled_from(sorted(ACTS))
    answer = st.sampled_from(["text", "dict", "own response"]) | st.sampled_from(sorted(ANSWERS))
    cookie = st.none() | st.sampled_from(["a=1", "session=bad", "signed", "a=1; signed"])
    return st.builds(
        lambda where, act, answer, environ, cookie: Visit(*where, act, answer, environ, cookie),
        where,
        act,
        answer,
        st.just({}) | environ,
        cookie,
    )


# The application around them

HOOKS = ["before_request", "after_request", "teardown_request", "teardown_appcontext", "url_value_preprocessor"]
SIGNALS = ["request_started", "request_finished", "request_tearing_down", "got_request_exception"]
SIGNALS += ["appcontext_pushed", "appcontext_tearing_down", "appcontext_popped"]
RESPONSES: list[dict[str, Any]] = [{"default_mimetype": "text/plain"}, {"default_mimetype": "application/x-own"}]
RESPONSES += [{"default_status": 201}, {"automatically_set_content_length": False}]
JSONS: list[dict[str, Any]] = [{"sort_keys": False}, {"compact": False}, {"compact": True}, {"ensure_ascii": False}]
JSONS += [{"mimetype": "application/vnd.api+json"}, {"mimetype": "text/plain"}, {"default": None}]
CONFIGS = {
    "SECRET_KEY": st.sampled_from([None, "a secret for tests"]),
    "TESTING": st.booleans(),
    "DEBUG": st.booleans(),
    "PROPAGATE_EXCEPTIONS": st.sampled_from([None, True, False]),
    "SESSION_REFRESH_EACH_REQUEST": st.booleans(),
    "TRAP_HTTP_EXCEPTIONS": st.booleans(),
    "TRUSTED_HOSTS": st.sampled_from([None, None, ["localhost"]]),
    "COOKIE_CHECKS": st.sampled_from([None, "off", "warn"]),
    "SESSION_COOKIE_NAME": st.sampled_from(["session", "sess\xfcon", "a"]),
}
Around = dict[str, Any]

PLAIN: Around = {"config": {}, "hooks": {}, "of part": False, "signals": [], "handlers": {}, "response": {}, "json": {}}


def few(values: Any) -> st.SearchStrategy[Any]:
    return st.just({}) | values


AROUND = st.fixed_dictionaries(
    {
        "config": few(st.fixed_dictionaries({}, optional=CONFIGS)),
        "hooks": few(
            st.dictionaries(st.sampled_from(HOOKS), st.sampled_from(["passes", "passes", "answers", "raises"]))
        ),
        "of part": st.booleans(),
        "signals": st.just([]) | st.lists(st.sampled_from(SIGNALS), unique=True),
        "handlers": few(
            st.dictionaries(
                st.sampled_from([404, 405, 500, ValueError, Exception]), st.sampled_from(["answers", "raises", "json"])
            )
        ),
        "response": few(st.sampled_from(RESPONSES)),
        "json": few(st.sampled_from(JSONS)),
    }
)


def make_hook(name: str, kind: str, log: Log) -> Callable[..., Any]:
    def hook(*given: Any) -> Any:
        log.append((name, *[getattr(value, "status", type(value).__name__) for value in given]))
        if kind == "raises":
            raise ValueError(name)
        if name == "after_request":
            return WerkzeugResponse("other", 207) if kind == "answers" else given[0]
        return f"answered by {name}" if kind == "answers" else None

    return hook


def make_handler(kind: str, log: Log) -> Callable[..., Any]:
    def handler(error: Exception) -> Any:
        log.append(("handler", type(error).__name__, type(getattr(error, "original_exception", None)).__name__))
        if kind == "raises":
            raise LookupError("of a handler")
        return {"handled": str(error)} if kind == "json" else "handled"

    return handler


def build(walk: Walk, around: Around, plan: list[Visit], log: Log) -> Any:
    app = walk.app_class("beside", static_folder=None)
    app.logger.disabled = True
    app.config.update(around["config"])
    blueprint = walk.lib.Blueprint("part", "part", url_prefix="/part")
    target = blueprint if around["of part"] else app
    for name, kind in around["hooks"].items():
        # The app context is torn down for the whole application.
        owner = app if name == "teardown_appcontext" else target
        getattr(owner, name)(make_hook(name, kind, log))
    for what, kind in around["handlers"].items():
        target.register_error_handler(what, make_handler(kind, log))
    if around["response"]:
        app.response_class = type("Own", (walk.lib.Response,), around["response"])
    for name, value in around["json"].items():
        setattr(app.json, name, value)
    app.add_url_rule("/warm", "warm", lambda: "warm")
    for index, one in enumerate(plan):
        view = functools.partial(run_view, walk.lib, one, log)
        place = one.place.format(f"v{index}")
        owner = blueprint if place.startswith("/part/") else app
        owner.add_url_rule(place.removeprefix("/part"), f"v{index}", view, methods=["GET", "POST"])
    app.register_blueprint(blueprint)
    return app


def run_view(lib: Any, one: Visit, log: Log, **arguments: Any) -> Any:
    log.append(("view", arguments))
    ACTS[one.act](lib, log)
    return ANSWERS[one.answer](lib, log)


def request_of(lib: Any, app: Any, index: int, one: Visit) -> Environ:
    environ = make_environ(one.path.format(f"v{index}"), **one.environ)
    if one.cookie is not None:
        signer = part(lib, "sessions").SecureCookieSessionInterface().get_signing_serializer(app)
        value = "unsigned" if signer is None else signer.dumps({"_permanent": True, "seen": 7})
        environ["HTTP_COOKIE"] = one.cookie.replace("signed", f"session={value}")
    return environ


def observe(walk: Walk, around: Around, plan: list[Visit]) -> Log:
    """Everything that a server and the functions of the application see of a few requests."""
    log: Log = []
    app = build(walk, around, plan, log)
    with contextlib.ExitStack() as stack:
        for name in around["signals"]:
            receiver = functools.partial(note_signal, log, name)
            stack.enter_context(getattr(part(walk.lib, "signals"), name).connected_to(receiver, app))
        log.append(visit(app, make_environ("/warm"), log))
        for index, one in enumerate(plan):
            if walk.lib is tuile:
                assert app.walks_short is (walk.short and app.config["TRUSTED_HOSTS"] is None)
            log.append(visit(app, request_of(walk.lib, app, index, one), log))
    return log


def note_signal(log: Log, name: str, sender: Any, **given: Any) -> None:
    given.pop("_async_wrapper", None)
    log.append((name, sender.name, sorted(given), *[getattr(v, "status", type(v).__name__) for v in given.values()]))


def all_the_same(program: Callable[[Walk], Any]) -> Any:
    """Run a program for Flask, for the short walk and for the steps, at one moment; return what was observed."""
    now = time.time()
    with mock.patch("time.time", functools.partial(float, now)):
        theirs, ours, stepped = [program(walk) for walk in WALKS]
    if ours != stepped:
        raise AssertionError("the walks differ, steps first: " + describe_difference(stepped, ours))
    if ours != theirs:
        raise AssertionError(describe_difference(theirs, ours))
    return ours


@settings(max_examples=300)
@given(AROUND, st.lists(visits(), min_size=1, max_size=4))
@pytest.mark.filterwarnings("ignore::tuile.cookie_checks.CookieWarning")
def test_both_walks_answer_as_flask_does(around: Around, plan: list[Visit]) -> None:
    all_the_same(lambda walk: observe(walk, around, plan))


@pytest.mark.parametrize("answer", sorted(ANSWERS))
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_each_answer_is_sent_as_on_flask(answer: str, method: str) -> None:
    around = PLAIN | {"config": {"SECRET_KEY": "key"}}
    plan = [Visit("/{0}", "/{0}", act, answer, {"REQUEST_METHOD": method}, None) for act in sorted(ACTS)]
    all_the_same(lambda walk: observe(walk, around, plan))


@pytest.mark.parametrize("code", [204, 304, 101, 200, 404, 599])
@pytest.mark.parametrize("answer", ["text", "dict", "own response", "empty"])
def test_a_class_of_responses_may_have_a_status_without_a_body(code: int, answer: str) -> None:
    around = PLAIN | {"response": {"default_status": code}}
    plan = [Visit("/{0}", "/{0}", "nothing", answer, {"REQUEST_METHOD": method}, None) for method in ("GET", "HEAD")]
    all_the_same(lambda walk: observe(walk, around, plan))


def warmed(walk: Walk, app: Flask) -> Flask:
    visit(app, make_environ("/warm"), [])
    assert walk.lib is flask or app.walks_short is walk.short
    return app


def make(walk: Walk, **config: Any) -> Any:
    app = make_app(walk.lib, **config) if walk.app_class is walk.lib.Flask else walk.app_class("beside")
    app.config.update(config)
    app.logger.disabled = True
    app.add_url_rule("/warm", "warm", lambda: "warm")
    return app
