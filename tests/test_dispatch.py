"""The steps of a request: each can be replaced at any time, and all behave as on Flask."""

from __future__ import annotations

import asyncio
import functools
import io
import logging
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from werkzeug.datastructures import Headers
from werkzeug.exceptions import (
    BadRequest,
    BadRequestKeyError,
    HTTPException,
    InternalServerError,
    MethodNotAllowed,
    NotFound,
    Unauthorized,
    default_exceptions,
)
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response as WerkzeugResponse

import tuile
from tests.beside_flask import SIGNALS, Environ, make_app, make_environ, make_post, outcome, part, same, send
from tuile.dispatch import steps
from tuile.lazy import late_modules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tuile import Flask


class OwnError(Exception):
    """An error class of the application."""


class OwnNotFound(NotFound):
    """A subclass of NotFound."""

    description = "own"


class Teapot(HTTPException):
    """An HTTP error with a custom status."""

    code = 418


def fail(error: BaseException | type[BaseException]) -> Any:
    raise error


def register_views(lib: Any, app: Flask) -> Flask:
    """Register a route for each kind of response and of failure."""
    views: dict[str, Callable[[], Any]] = {
        "text": lambda: "text",
        "json": lambda: {"a": 1},
        "stream": lambda: iter(["a", "b"]),
        "none": lambda: None,
        "error": lambda: fail(OwnError("own")),
        "lookup": lambda: fail(KeyError("key")),
        "abort": lambda: lib.abort(403),
        "own404": lambda: fail(OwnNotFound()),
        "returned": NotFound,
        "badkey": lambda: lib.request.form["missing"],
        "moved": lambda: lib.redirect("/text"),
        "abortresponse": lambda: lib.abort(lib.Response("aborted", 409)),
    }
    for name, view in views.items():
        app.add_url_rule(f"/{name}", name, view)
    app.add_url_rule("/slash/", "slash", views["text"])
    app.add_url_rule("/put", "put", views["text"], methods=["PUT"])
    return app


PATHS = ["text", "json", "stream", "none", "error", "lookup", "abort", "own404", "returned", "badkey", "moved"]
PATHS += ["abortresponse", "slash", "slash/", "put", "nowhere"]


# Those on which every step is taken.
STEP_PATHS = ["text", "error", "lookup", "abort", "nowhere", "slash", "put", "badkey"]


def visit_all(app: Flask, method: str = "GET", paths: list[str] = PATHS) -> list[Any]:
    return [outcome(send, app, make_environ(f"/{path}", REQUEST_METHOD=method)) for path in paths]


# Every step, replaced in every way, at any time.

STEPS = [
    "wsgi_app",
    "request_context",
    "create_url_adapter",
    "full_dispatch_request",
    "preprocess_request",
    "dispatch_request",
    "raise_routing_exception",
    "make_default_options_response",
    "finalize_request",
    "make_response",
    "process_response",
    "ensure_sync",
    "handle_user_exception",
    "trap_http_exception",
    "handle_http_exception",
    "_find_error_handler",
    "handle_exception",
    "log_exception",
    "should_ignore_error",
    "do_teardown_request",
    "do_teardown_appcontext",
]
# Who is given the replacement, and when: before the first request, after it, or for a while.
WAYS = ["subclass", "subclass later", "base later", "instance", "instance later", "class for a while"]


def register_hooks(app: Flask) -> None:
    app.before_request(lambda: None)
    app.after_request(lambda response: response)
    app.teardown_request(lambda error: None)
    app.teardown_appcontext(lambda error: None)
    app.register_error_handler(OwnError, lambda error: ("handled", 400))


class Replacing:
    """An app with one step replaced by one that records its calls."""

    def __init__(self, lib: Any, step: str, way: str) -> None:
        self.step = step
        self.calls: list[int] = []
        self.base = type("Base", (lib.Flask,), {})
        self.cls = type("Own", (self.base,), {})
        if way == "subclass":
            self.replace(self.cls)
        self.app: Flask = self.cls("own", static_folder=None)
        self.app.logger.disabled = True
        register_views(lib, self.app)
        if way == "instance":
            self.replace(self.app)

    def wrap(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def replacement(*arguments: Any, **named: Any) -> Any:
            # When an adapter is made outside a request is not part of the interface.
            if self.step != "create_url_adapter" or arguments[-1] is not None:
                self.calls.append(len(named))
            return original(*arguments, **named)

        return replacement

    def replace(self, owner: Any) -> None:
        setattr(owner, self.step, self.wrap(getattr(owner, self.step)))

    def replace_later(self, way: str) -> None:
        owners = {"subclass later": self.cls, "base later": self.base, "instance later": self.app}
        if way in owners:
            self.replace(owners[way])

    def visit(self) -> list[Any]:
        answers = [visit_all(self.app, method, STEP_PATHS) for method in ("GET", "OPTIONS")]
        return [answers, self.calls.copy()]


@pytest.mark.parametrize(
    ("way", "hooks"), [*[(way, False) for way in WAYS], ("instance later", True), ("class for a while", True)]
)
@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_was_replaced_is_called_as_on_flask(step: str, way: str, hooks: bool) -> None:
    def program(lib: Any) -> Any:
        replacing = Replacing(lib, step, way)
        if hooks:
            register_hooks(replacing.app)
        before = visit_all(replacing.app, "GET", STEP_PATHS) if " " in way else []
        replacing.replace_later(way)
        if way != "class for a while":
            return before, replacing.visit(), replacing.visit()
        with mock.patch.object(lib.Flask, step, replacing.wrap(getattr(lib.Flask, step))):
            during = replacing.visit()
        return before, during, replacing.visit()

    during = same(program)[1]
    assert len(during[1]) > 0


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_is_wrapped_and_unwrapped_leaves_no_trace(step: str) -> None:
    app = register_views(tuile, make_app(tuile))
    app.logger.disabled = True
    before = visit_all(app)
    calls: list[str] = []
    original = getattr(tuile.Flask, step)

    def replacement(*arguments: Any, **named: Any) -> Any:
        calls.append(step)
        return original(*arguments, **named)

    for _ in range(2):
        with mock.patch.object(tuile.Flask, step, replacement):
            visit_all(app, "OPTIONS")
            visit_all(app)
        number = len(calls)
        assert number > 0
        assert visit_all(app) == before
        assert len(calls) == number


def test_a_step_may_answer_in_place_of_the_rest() -> None:
    def program(lib: Any) -> Any:
        answers: dict[str, Any] = {
            "preprocess_request": lambda self: "early",
            "dispatch_request": lambda self: ("dispatched", 201),
            "full_dispatch_request": lambda self: lib.Response("full"),
            "make_response": lambda self, rv: lib.Response(f"made of {type(rv).__name__}"),
            "process_response": lambda self, response: lib.Response("processed"),
            "finalize_request": lambda self, rv, from_error_handler=False: lib.Response("final"),
            "handle_user_exception": lambda self, e: f"user {e!r}",
            "handle_http_exception": lambda self, e: f"http {e!r}",
            "handle_exception": lambda self, e: lib.Response(f"any {e!r}", 500),
            "trap_http_exception": lambda self, e: True,
            "_find_error_handler": lambda self, e, blueprints: lambda error: f"found for {error!r}",
            "ensure_sync": lambda self, func: lambda *arguments, **named: f"ran {func.__name__}",
            "make_default_options_response": lambda self: lib.Response("options"),
            "raise_routing_exception": lambda self, request: fail(Teapot()),
            "create_url_adapter": lambda self, request: None,
        }
        observed = {}
        for step, answer in answers.items():
            app: Flask = type("Own", (lib.Flask,), {step: answer})("own", static_folder=None)
            app.logger.disabled = True
            observed[step] = visit_all(register_views(lib, app))
        return observed

    same(program)


def test_the_wsgi_app_can_be_wrapped_by_middleware() -> None:
    def program(lib: Any) -> Any:
        app = register_views(lib, make_app(lib))
        inner = app.wsgi_app

        def middleware(environ: Environ, start_response: Any) -> Any:
            environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix("/prefix")
            environ["SCRIPT_NAME"] = "/prefix"

            def start(status: str, headers: Any, exc_info: Any = None) -> Any:
                return start_response(f"{status} indeed", [*headers, ("X-Middle", "1")], exc_info)

            return inner(environ, start)

        app.wsgi_app = middleware  # type: ignore[method-assign] # as Flask's documentation says to
        return send(app, make_environ("/prefix/text")), app.test_client().get("/prefix/moved").location

    same(program)


# What is registered, however it came there.


class CallableObject:
    """A callable that is not a function and not hashable."""

    __hash__ = None  # type: ignore[assignment] # on purpose

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def __eq__(self, other: object) -> bool:
        raise AssertionError("a view is not compared when it is called")

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self.answer

    def method(self, *arguments: Any, **named: Any) -> Any:
        return self.answer

    async def coroutine_method(self, *arguments: Any, **named: Any) -> Any:
        await asyncio.sleep(0)
        return self.answer


async def answer_later(*arguments: Any, answer: Any = "later", **named: Any) -> Any:
    await asyncio.sleep(0)
    return answer


CALLABLES: dict[str, Callable[[Any], Callable[..., Any]]] = {
    "function": lambda answer: lambda *arguments, **named: answer,
    "partial": lambda answer: functools.partial(lambda *arguments, **named: arguments[0], answer),
    "bound method": lambda answer: CallableObject(answer).method,
    "callable object": CallableObject,
    "built-in": lambda answer: {"k": answer}.copy if isinstance(answer, str) else (lambda *arguments: answer),
    "coroutine function": lambda answer: functools.partial(answer_later, answer=answer),
    "coroutine method": lambda answer: CallableObject(answer).coroutine_method,
    "class": lambda answer: type("View", (), {"__new__": lambda cls, *arguments, **named: answer}),
}


@pytest.mark.parametrize("kind", CALLABLES)
def test_whatever_can_be_called_can_be_a_view_or_a_hook(kind: str) -> None:
    def program(lib: Any) -> Any:
        make = CALLABLES[kind]
        observed: list[Any] = []
        for later in (False, True):
            app = register_views(lib, make_app(lib))
            if later:
                observed.append(send(app, make_environ("/text")))
            app.view_functions["text"] = make("replaced")
            observed.append([send(app, make_environ("/text")) for _ in range(2)])
            app.before_request_funcs.setdefault(None, []).append(make(None))
            observed.append([send(app, make_environ("/text")) for _ in range(2)])
            app.after_request_funcs.setdefault(None, []).append(make(lib.Response("after")))
            observed.append([send(app, make_environ("/text")) for _ in range(2)])
            app.teardown_request_funcs.setdefault(None, []).append(make(None))
            app.teardown_appcontext_funcs.append(make(None))
            app.error_handler_spec[None][404][NotFound] = make(("handled", 410))
            observed.append([send(app, make_environ("/nowhere")) for _ in range(2)])
            app.before_request_funcs[None] = [make("before")]
            app.after_request_funcs = {}
            observed.append([send(app, make_environ("/text")) for _ in range(2)])
        return observed

    same(program)


def test_registries_are_looked_at_as_they_are() -> None:
    def program(lib: Any) -> Any:
        app = register_views(lib, make_app(lib))
        blueprint = lib.Blueprint("bp", "beside", url_prefix="/bp")
        blueprint.add_url_rule("/x", "x", lambda: "x")
        app.register_blueprint(blueprint)
        calls: list[Any] = []

        def tagged(name: str, answer: Any = None) -> Callable[..., Any]:
            def function(*arguments: Any) -> Any:
                calls.append((name, lib.request.path))
                return arguments[0] if name.startswith("after") else answer

            return function

        observed = []
        changes: list[Callable[[], Any]] = [
            lambda: None,
            lambda: app.before_request_funcs.update({None: [tagged("before")], "bp": [tagged("before bp")]}),
            lambda: app.after_request_funcs.update({None: [tagged("after")], "bp": [tagged("after bp")]}),
            lambda: app.teardown_request_funcs.update({None: [tagged("down")], "bp": [tagged("down bp")]}),
            lambda: app.teardown_appcontext_funcs.extend([lambda error: calls.append("app 1")]),
            lambda: app.url_value_preprocessors.update({None: [tagged("values")], "bp": [tagged("values bp")]}),
            lambda: app.before_request_funcs[None].insert(0, tagged("first")),
            lambda: app.before_request_funcs[None].clear(),  # noqa: PLW0108 - looked up when it is called
            lambda: setattr(app, "before_request_funcs", {"bp": [tagged("new dict")]}),
            lambda: app.before_request_funcs.setdefault(None, []).append(tagged("answer", "answered")),
            lambda: app.before_request_funcs.pop(None),
            lambda: app.error_handler_spec[None][404].update({NotFound: lambda error: ("own", 404)}),
            lambda: app.error_handler_spec[None][404].clear(),  # noqa: PLW0108 - looked up when it is called
            lambda: app.view_functions.update(text=lambda: "new view"),
            lambda: app.view_functions.pop("text"),
            app.teardown_appcontext_funcs.clear,
        ]
        for change in changes:
            change()
            observed.append([outcome(send, app, make_environ(path)) for path in ("/text", "/bp/x", "/nowhere")])
            observed.append(calls.copy())
            calls.clear()
        return observed

    same(program)


def test_a_hook_that_registers_another_during_the_request_goes_as_on_flask() -> None:
    def program(lib: Any) -> Any:
        app = register_views(lib, make_app(lib))
        calls: list[str] = []

        def add_more(*arguments: Any) -> Any:
            calls.append("first")
            app.before_request_funcs[None].append(lambda: calls.append("second"))
            app.teardown_request_funcs.setdefault(None, []).append(lambda error: calls.append("down"))

        app.before_request_funcs[None] = [add_more]
        return send(app, make_environ("/text")), send(app, make_environ("/text")), calls

    same(program)


# What a view may return.


class OwnDict(dict[str, Any]):
    """A subclass of dict."""


class OwnText(str):
    """A subclass of str."""

    __slots__ = ()


class OwnTuple(tuple[Any, ...]):
    """A subclass of tuple."""

    __slots__ = ()


def wsgi_callable(environ: Environ, start_response: Any) -> list[bytes]:
    start_response("206 Part", [("X-Wsgi", environ["PATH_INFO"]), ("Content-Type", "a/b")])
    return [b"wsgi"]


class WsgiObject:
    """A WSGI application that is not a function."""

    __call__ = staticmethod(wsgi_callable)


def generate() -> Iterator[str]:
    yield "gene"
    yield "rated"


def make_object(lib: Any) -> object:
    return object()


def make_generator(lib: Any) -> Iterator[str]:
    return generate()


BODIES: dict[str, Callable[[Any], Any]] = {
    "text": lambda lib: "grüße",
    "empty": lambda lib: "",
    "bytes": lambda lib: b"\xff",
    "bytearray": lambda lib: bytearray(b"array"),
    "memoryview": lambda lib: memoryview(b"view"),
    "own text": lambda lib: OwnText("own"),
    "markup": lambda lib: Markup("<b>"),
    "dict": lambda lib: {"a": [1, None]},
    "own dict": lambda lib: OwnDict(a=1),
    "list": lambda lib: [1, "a"],
    "set": lambda lib: {1},
    "generator": make_generator,
    "iterator": lambda lib: iter([b"a", "b"]),
    "map": lambda lib: map(str, range(3)),
    "file": lambda lib: io.BytesIO(b"file"),
    "response": lambda lib: lib.Response("response", 203, {"X-A": "1"}),
    "Werkzeug's response": lambda lib: WerkzeugResponse("foreign", 203, {"X-A": "1"}),
    "exception": lambda lib: NotFound("returned"),
    "exception with a response": lambda lib: HTTPException(response=lib.Response("inner", 444)),
    "own exception": lambda lib: Teapot("tea"),
    "405": lambda lib: MethodNotAllowed(["GET", "PUT"]),
    "401": lambda lib: Unauthorized(www_authenticate=None),
    "redirect": lambda lib: RequestRedirect("http://localhost/there"),
    "exception without a code": lambda lib: HTTPException("nothing"),
    "wsgi callable": lambda lib: wsgi_callable,
    "wsgi object": lambda lib: WsgiObject(),
    "a callable that is no wsgi": lambda lib: lambda: "x",
    "an exception class": lambda lib: NotFound,
    "none": lambda lib: None,
    "number": lambda lib: 5,
    "true": lambda lib: True,
    "object": make_object,
    "nested tuple": lambda lib: (("a", 201), 202),
}
SHAPES: dict[str, Callable[[Any], Any]] = {
    "plain": lambda body: body,
    "status": lambda body: (body, 201),
    "status text": lambda body: (body, "202 Own"),
    "status bytes": lambda body: (body, b"202 Own"),
    "status float": lambda body: (body, 201.5),
    "status none": lambda body: (body, None),
    "headers dict": lambda body: (body, {"X-B": "2", "Content-Type": "text/own"}),
    "headers list": lambda body: (body, [("X-B", "1"), ("X-B", "2")]),
    "headers Headers": lambda body: (body, Headers({"X-B": "2"})),
    "headers tuple": lambda body: (body, (("X-B", "2"),)),
    "headers empty": lambda body: (body, {}),
    "headers of lists": lambda body: (body, {"X-B": ["1", "2"]}),
    "both": lambda body: (body, 201, {"X-B": "2"}),
    "both empty": lambda body: (body, None, None),
    "both text": lambda body: (body, "299 Own", [("Content-Length", "3")]),
    "wrong order": lambda body: (body, {"X-B": "2"}, 201),
    "own tuple": lambda body: OwnTuple((body, 201)),
    "single": lambda body: (body,),
    "none at all": lambda body: (),
    "four": lambda body: (body, 200, {}, "x"),
    "list of two": lambda body: [body, 201],
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.filterwarnings("ignore:coroutine")
def test_what_a_view_returns_is_sent_as_on_flask(body: str, shape: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, TESTING=True)
        seen: list[Any] = []
        app.add_url_rule("/", "view", lambda: SHAPES[shape](BODIES[body](lib)))

        @app.after_request
        def look(response: Any) -> Any:
            seen.append((type(response) is lib.Response, response.status, list(response.headers)))
            return response

        answers = [normalise(outcome(send, app, make_environ(REQUEST_METHOD=method))) for method in ("GET", "HEAD")]
        return answers, seen

    same(program)


def normalise(observed: Any) -> Any:
    """Return an outcome without memory addresses in its text."""
    how, *what = observed
    return (how, what[0], what[1].partition(" at 0x")[0]) if how == "raised" else observed


def test_another_class_of_responses_is_what_becomes_of_answers() -> None:
    def program(lib: Any) -> Any:
        class Own(lib.Response):  # type: ignore[misc] # a class of either framework
            default_mimetype = "application/own"
            default_status = 299

        class Other(lib.Response):  # type: ignore[misc] # a class of either framework
            pass

        app = make_app(lib, TESTING=True)
        app.response_class = Own
        bodies: dict[str, Callable[[Any], Any]] = {
            **BODIES,
            "other class": lambda lib: Other("other"),
            "own class": lambda lib: Own("own"),
        }
        observed = []
        for name, make in bodies.items():
            if name == "object":
                continue
            app.view_functions.clear()
            with app.test_request_context():
                made = outcome(app.make_response, make(lib))
                if made[0] == "returned":
                    made = (type(made[1]) is Own, made[1].status, list(made[1].headers), made[1].get_data())
                observed.append((name, normalise(made) if made[0] == "raised" else made))
        return observed

    same(program)


@pytest.mark.parametrize("code", sorted(default_exceptions))
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_every_error_page_is_sent_as_on_flask(code: int, method: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        seen: list[Any] = []
        app.add_url_rule("/", "view", lambda: lib.abort(code, "with <a> reason"), methods=["GET", "POST"])
        app.add_url_rule("/plain", "plain", lambda: lib.abort(code), methods=["GET", "POST"])

        @app.after_request
        def look(response: Any) -> Any:
            seen.append((response.status, list(response.headers), response.mimetype))
            return response

        return [send(app, make_environ(path, REQUEST_METHOD=method)) for path in ("/", "/plain")], seen

    assert same(program)[0][0].code == code


# Error handlers: which one of several answers.

KEYS: list[Any] = [
    404,
    403,
    418,
    500,
    NotFound,
    OwnNotFound,
    HTTPException,
    InternalServerError,
    OwnError,
    KeyError,
    LookupError,
    Exception,
    Teapot,
    BadRequest,
    BadRequestKeyError,
]
RAISED: list[Callable[[], BaseException]] = [
    NotFound,
    OwnNotFound,
    Teapot,
    OwnError,
    lambda: KeyError("k"),
    lambda: IndexError("i"),
    lambda: BadRequestKeyError({}, "k"),
    InternalServerError,
    lambda: HTTPException("no code"),
]


@settings(derandomize=True, deadline=None, max_examples=150)
@given(
    st.lists(
        st.tuples(st.sampled_from(["app", "parent", "child", "child for all"]), st.sampled_from(KEYS)), max_size=8
    ),
    st.sampled_from([{}, {"TRAP_HTTP_EXCEPTIONS": True}, {"TRAP_BAD_REQUEST_ERRORS": True}, {"DEBUG": True}]),
    st.booleans(),
)
def test_the_handler_that_answers_is_flasks(
    registered: list[tuple[str, Any]], config: dict[str, bool], handlers_fail: bool
) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, **config)
        app.logger.disabled = True
        parent, child = lib.Blueprint("parent", "beside"), lib.Blueprint("child", "beside")
        owners: dict[str, Any] = {
            "app": app.register_error_handler,
            "parent": parent.register_error_handler,
            "child": child.register_error_handler,
            "child for all": lambda key, handler: child.app_errorhandler(key)(handler),
        }
        for number, (scope, key) in enumerate(registered):

            def handle(error: Any, number: int = number, key: Any = key) -> Any:
                if handlers_fail and number == 0:
                    raise OwnError("in a handler")
                original = getattr(error, "original_exception", None)
                return f"{number} {key} {type(error).__name__} {type(original).__name__}"

            owners[scope](key, handle)
        for name, owner in (("app", app), ("parent", parent), ("child", child)):
            for index, make in enumerate(RAISED):
                owner.add_url_rule(f"/{name}/{index}", f"view{index}", lambda make=make: fail(make()))
        parent.register_blueprint(child)
        app.register_blueprint(parent)
        paths = [f"/{name}/{index}" for name in ("app", "parent", "child") for index in range(len(RAISED))]
        return [outcome(send, app, make_environ(path)) for path in [*paths, "/nowhere"]]

    same(program)


@pytest.mark.parametrize("key", [404, "404", 600, 0, NotFound, NotFound(), object, KeyError, "KeyError", None, 418.0])
def test_a_wrong_key_of_an_error_handler_is_explained_as_on_flask(key: Any) -> None:
    def program(lib: Any) -> Any:
        app, blueprint = make_app(lib), lib.Blueprint("bp", "beside")
        observed = [outcome(owner.register_error_handler, key, str) for owner in (app, blueprint)]
        return [(*made[:2], str(made[-1]).partition(" at 0x")[0]) for made in observed]

    same(program)


# Hooks and signals, in order.


def make_diary(lib: Any, app: Flask, diary: list[Any]) -> None:
    """Record every hook and signal of an app with a nested blueprint."""
    parent, child = lib.Blueprint("parent", "beside", url_prefix="/p"), lib.Blueprint("child", "beside")
    owners: dict[str, Any] = {"app": app, "parent": parent, "child": child}
    for name, owner in owners.items():
        owner.before_request(functools.partial(note, diary, f"before {name}"))
        owner.after_request(functools.partial(note_response, diary, f"after {name}"))
        owner.teardown_request(functools.partial(note_error, diary, f"teardown {name}"))
        owner.url_value_preprocessor(functools.partial(note_values, diary, f"values {name}"))
        owner.add_url_rule(f"/{name}", "view", functools.partial(note_view, diary, name))
        owner.add_url_rule(f"/{name}/fails", "fails", lambda: fail(OwnError("x")))
    child.before_app_request(functools.partial(note, diary, "before all"))
    child.after_app_request(functools.partial(note_response, diary, "after all"))
    app.teardown_appcontext(functools.partial(note_error, diary, "teardown context"))
    parent.register_blueprint(child)
    app.register_blueprint(parent)
    for signal in SIGNALS:

        def receive(sender: Any, signal: str = signal, **extra: Any) -> None:
            diary.append((signal, sender is app, sorted(extra), type(extra.get("exc")).__name__))

        getattr(lib, signal).connect(receive, app, weak=False)


def note(diary: list[Any], what: str) -> None:
    diary.append(what)


def note_view(diary: list[Any], name: str) -> str:
    diary.append("view")
    return name


def note_response(diary: list[Any], what: str, response: Any) -> Any:
    diary.append((what, response.status))
    return response


def note_error(diary: list[Any], what: str, error: Any) -> None:
    diary.append((what, type(error).__name__))


def note_values(diary: list[Any], what: str, endpoint: str | None, values: Any) -> None:
    diary.append((what, endpoint, values))


@pytest.mark.parametrize("config", [{}, {"TESTING": True}], ids=str)
def test_hooks_and_signals_come_in_flasks_order(config: dict[str, bool]) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, **config)
        app.logger.disabled = True
        diary: list[Any] = []
        make_diary(lib, app, diary)
        paths = ["/app", "/p/parent", "/p/child", "/app/fails", "/p/child/fails", "/nowhere", "/app/"]
        answers = [
            outcome(send, app, make_environ(path, REQUEST_METHOD=method))
            for path, method in product(paths, ["GET", "OPTIONS", "POST"])
        ]
        return diary, answers

    assert len(same(program)[0]) > 200


@pytest.mark.parametrize("where", ["request_started", "request_finished", "got_request_exception"])
def test_a_receiver_that_raises_or_waits_goes_as_on_flask(where: str) -> None:
    def program(lib: Any) -> Any:
        observed = []
        for receiver in (fail_receiving, wait_receiving):
            app = make_app(lib)
            app.logger.disabled = True
            app.add_url_rule("/", "view", lambda: "x")
            app.add_url_rule("/fails", "fails", lambda: fail(OwnError("x")))
            with getattr(lib, where).connected_to(receiver, app):
                observed.append([outcome(send, app, make_environ(path)) for path in ("/", "/fails")])
            observed.append(lib.has_app_context())
        return observed

    same(program)


def fail_receiving(sender: Any, **extra: Any) -> None:
    raise OwnError("in a receiver")


async def wait_receiving(sender: Any, **extra: Any) -> None:
    await asyncio.sleep(0)


@pytest.mark.parametrize("hook", ["before_request", "after_request", "teardown_request", "teardown_appcontext"])
@pytest.mark.parametrize("config", [{}, {"TESTING": True}, {"DEBUG": True}], ids=str)
def test_a_hook_that_raises_goes_as_on_flask(hook: str, config: dict[str, bool]) -> None:
    def program(lib: Any) -> Any:
        observed: list[Any] = []
        for error in (OwnError("hook"), NotFound("hook"), KeyError("hook")):
            app = register_views(lib, make_app(lib, **config))
            app.logger.disabled = True
            getattr(app, hook)(lambda *arguments, error=error: fail(error))
            app.register_error_handler(KeyError, lambda error: ("handled", 400))
            app.register_error_handler(500, lambda error: (f"own 500 {type(error.original_exception).__name__}", 500))
            observed.append([outcome(send, app, make_environ(f"/{path}")) for path in ("text", "error", "nowhere")])
            observed.append(lib.has_app_context())
        return observed

    same(program)


# Exceptions that nobody handled.


@pytest.mark.parametrize("propagate", [None, True, False])
@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("testing", [False, True])
def test_an_exception_is_propagated_trapped_or_answered_as_on_flask(
    propagate: bool | None, debug: bool, testing: bool
) -> None:
    def program(lib: Any) -> Any:
        observed = []
        for trap_http, trap_bad in product([False, True], [None, False, True]):
            app = register_views(lib, make_app(lib, DEBUG=debug, TESTING=testing, PROPAGATE_EXCEPTIONS=propagate))
            app.config.update(TRAP_HTTP_EXCEPTIONS=trap_http, TRAP_BAD_REQUEST_ERRORS=trap_bad)
            app.logger.disabled = True
            observed.append(visit_all(app))
            observed.append(send_or_raise(app, make_environ("/text", REQUEST_METHOD="POST")))
        return observed

    same(program)


def send_or_raise(app: Flask, environ: Environ) -> Any:
    """Return the response, or the exceptions that were raised, first one first."""
    try:
        return send(app, environ)
    except Exception as error:  # noqa: BLE001 - which one is what is compared
        chain = []
        found: BaseException | None = error
        while found is not None:
            chain.append((type(found).__name__, str(found), found.__suppress_context__))
            found = found.__cause__ or found.__context__
        return chain


def test_exceptions_keep_their_chain_and_their_traceback() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, TESTING=True)

        def chained() -> Any:
            try:
                raise KeyError("first")
            except KeyError as error:
                raise OwnError("second") from error

        def handler_fails(error: Any) -> Any:
            raise LookupError("in the handler")

        app.add_url_rule("/chained", "chained", chained)
        app.add_url_rule("/handled", "handled", lambda: fail(ValueError("handled")))
        app.register_error_handler(ValueError, handler_fails)
        chains = [send_or_raise(app, make_environ(path)) for path in ("/chained", "/handled")]
        try:
            send(app, make_environ("/chained"))
        except OwnError as error:
            trace, names = error.__traceback__, []
            while trace is not None:
                names.append(trace.tb_frame.f_code.co_name)
                trace = trace.tb_next
            assert names[-1] == "chained"
        return chains

    same(program)


class Keeping(logging.Handler):
    """A log handler that keeps the messages."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        raised = record.exc_info[0] if record.exc_info else None
        self.kept.append((record.name, record.levelname, record.getMessage(), raised and raised.__name__))


def test_an_exception_is_logged_once_with_the_request_it_came_from() -> None:
    def program(lib: Any) -> Any:
        app = register_views(lib, lib.Flask("logs", static_folder=None))
        handler = Keeping()
        app.logger.handlers[:] = [handler]
        app.logger.propagate = False
        for path in ("/error", "/100%25s", "/none", "/text"):
            send(app, make_environ(path))
        app.after_request_funcs[None] = [lambda response: fail(OwnError("finalizing"))]
        send(app, make_environ("/error"))
        return handler.kept

    assert same(program)[0] == ("logs", "ERROR", "Exception on /error [GET]", "OwnError")


def test_what_is_not_an_exception_passes_through() -> None:
    def program(lib: Any) -> Any:
        observed: list[Any] = []
        for error in (SystemExit(1), KeyboardInterrupt(), GeneratorExit()):
            app = make_app(lib)
            app.add_url_rule("/", "view", lambda error=error: fail(error))
            app.teardown_request(lambda error: observed.append(type(error).__name__))
            try:
                send(app)
            except BaseException as caught:  # noqa: BLE001 - which one is what is compared
                observed.append((type(caught).__name__, lib.has_app_context()))
        return observed

    same(program)


def test_an_error_while_a_500_is_made_is_logged_and_the_500_is_sent() -> None:
    def program(lib: Any) -> Any:
        app = register_views(lib, make_app(lib))
        app.logger.disabled = True
        app.after_request(lambda response: fail(OwnError("after")))
        app.register_error_handler(500, lambda error: (f"own {error.original_exception}", 500))
        return send(app, make_environ("/error")), send(app, make_environ("/text"))

    same(program)


# Async


def test_coroutine_functions_can_be_views_hooks_and_handlers() -> None:
    def program(lib: Any) -> Any:
        calls: list[str] = []
        app = make_app(lib, SECRET_KEY="key")

        async def view(name: str) -> Any:
            await asyncio.sleep(0)
            lib.session["seen"] = True
            lib.g.order = [*lib.g.order, "view"]
            if name == "bad":
                raise OwnError(name)
            return f"{name} {lib.g.order} {lib.request.path}", 201

        async def before() -> None:
            lib.g.order = ["before"]

        async def after(response: Any) -> Any:
            response.headers["X-Order"] = " ".join(lib.g.order)
            return response

        async def teardown(error: Any) -> None:
            calls.append(type(error).__name__)

        async def handle(error: Any) -> Any:
            return f"handled {error}", 400

        app.add_url_rule("/<name>", "view", view)
        app.before_request(before)
        app.after_request(after)
        app.teardown_request(teardown)
        app.teardown_appcontext(teardown)
        app.register_error_handler(OwnError, handle)
        app.register_error_handler(404, handle)
        return [send(app, make_environ(path)) for path in ("/a", "/bad", "/a/b", "/a")], calls

    assert same(program)[0][0].code == 201


def test_without_asgiref_a_coroutine_function_is_refused_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asgiref", None)
    monkeypatch.setitem(sys.modules, "asgiref.sync", None)
    for name in ("async_calls", "calling_thread", "event_loops"):
        # As in a process in which no coroutine function was called yet.
        monkeypatch.delitem(sys.modules, f"tuile.dispatch.{name}", raising=False)
    monkeypatch.setattr(steps, "async_calls", late_modules(steps.__name__, ".async_calls")[0])

    def program(lib: Any) -> Any:
        app = make_app(lib, TESTING=True)
        app.add_url_rule("/", "view", answer_later)
        return outcome(send, app), outcome(app.ensure_sync, answer_later), outcome(app.async_to_sync, answer_later)

    text = "Async views on a WSGI server need the 'async' extra of Tuile: pip install \"tuile[async]\"."
    assert program(tuile) == (("raised", "RuntimeError", text),) * 3


def test_an_apps_own_way_of_running_coroutines_is_used() -> None:
    def program(lib: Any) -> Any:
        class Own(lib.Flask):  # type: ignore[misc] # a class of either framework
            def async_to_sync(self, func: Any) -> Any:
                return lambda *arguments, **named: f"own {asyncio.run(func(*arguments, **named))}"

        app: Flask = Own("own", static_folder=None)
        app.add_url_rule("/", "view", answer_later)
        app.add_url_rule("/sync", "sync", lambda: "sync")
        return send(app), send(app), send(app, make_environ("/sync"))

    same(program)


# OPTIONS, HEAD and redirects


def test_options_and_head_are_answered_as_on_flask() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        view = lambda: f"{lib.request.method}"  # noqa: E731 - one view under many names
        app.add_url_rule("/get", "get", view)
        app.add_url_rule("/post", "post", view, methods=["POST", "PATCH"])
        app.add_url_rule("/own", "own", view, methods=["OPTIONS", "GET"])
        app.add_url_rule("/off", "off", view, provide_automatic_options=False)
        app.add_url_rule("/on", "on", view, methods=["OPTIONS"], provide_automatic_options=True)
        app.add_url_rule("/<int:n>", "n", lambda n: str(n), methods=["get"])  # noqa: PLW0108 - a view's argument has a name
        app.add_url_rule("/two", "two", view, methods=["DELETE"])
        app.add_url_rule("/two", "two_too", view, methods=["PUT"])
        app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
        app.add_url_rule("/configured", "configured", view)
        paths = ["get", "post", "own", "off", "on", "5", "two", "configured", "x"]
        methods = ["GET", "HEAD", "POST", "OPTIONS", "PUT", "get", "BREW", ""]
        return [send(app, make_environ(f"/{path}", REQUEST_METHOD=method)) for path, method in product(paths, methods)]

    same(program)


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_redirects_of_routing_are_sent_as_on_flask(method: str, debug: bool) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, DEBUG=debug)
        app.add_url_rule("/slash/", "slash", lambda: "x", methods=["GET", "POST"])
        app.add_url_rule("/old", "old", redirect_to="/slash/", methods=["GET", "POST"])
        app.add_url_rule("/page/", "page", lambda n: str(n), defaults={"n": 1}, methods=["GET", "POST"])  # noqa: PLW0108 - see above
        app.add_url_rule("/page/<int:n>", "page", methods=["GET", "POST"])
        app.add_url_rule("/ü/", "umlaut", lambda: "x", methods=["GET", "POST"])
        paths = ["/slash", "//slash//", "/old", "/page/1", "/\xc3\xbc", "/slash?x"]
        return [send_or_raise(app, make_environ(path, QUERY_STRING="a=%2f&b", REQUEST_METHOD=method)) for path in paths]

    same(program)


# What is kept from one request for the next

REQUEST_PARTS: dict[str, st.SearchStrategy[Any]] = {
    "path": st.sampled_from(["/show", "/show/5", "/post", "/slash", "/sub", "/nowhere", "/show/\xc3\xbc"]),
    "REQUEST_METHOD": st.sampled_from(["GET", "HEAD", "POST", "OPTIONS"]),
    "HTTP_HOST": st.sampled_from(
        ["localhost", "a.example", "api.a.example", "A.example:80", "b.example:8000", "", " "]
    ),
    "SERVER_NAME": st.sampled_from(["localhost", "server.example", "a b"]),
    "SERVER_PORT": st.sampled_from(["80", "443", "8000"]),
    "SCRIPT_NAME": st.sampled_from(["", "/app", "/\xc3\xbc/"]),
    "QUERY_STRING": st.sampled_from(["", "a=1", "b=%2f&b"]),
    "wsgi.url_scheme": st.sampled_from(["http", "https"]),
    "HTTP_CONNECTION": st.sampled_from(["upgrade"]),
    "HTTP_UPGRADE": st.sampled_from(["websocket"]),
}
CHANGES: dict[str, Callable[[Any, Flask], Any]] = {
    "nothing": lambda lib, app: None,
    "server name": lambda lib, app: app.config.update(SERVER_NAME="a.example"),
    "another server name": lambda lib, app: app.config.update(SERVER_NAME="b.example:8000"),
    "no server name": lambda lib, app: app.config.update(SERVER_NAME=None),
    "trusted hosts": lambda lib, app: app.config.update(TRUSTED_HOSTS=["a.example"]),
    "all hosts": lambda lib, app: app.config.update(TRUSTED_HOSTS=None),
    "subdomains": lambda lib, app: setattr(app, "subdomain_matching", True),
    "no subdomains": lambda lib, app: setattr(app, "subdomain_matching", False),
    "default subdomain": lambda lib, app: setattr(app.url_map, "default_subdomain", "api"),
    "no default subdomain": lambda lib, app: setattr(app.url_map, "default_subdomain", ""),
    "another rule": lambda lib, app: add_late(app, "/nowhere"),
    "a rule for a subdomain": lambda lib, app: add_late(app, "/sub", subdomain="api"),
    "another map": lambda lib, app: setattr(app, "url_map", make_late_map(lib)),
    "no strict slashes": lambda lib, app: setattr(app.url_map, "strict_slashes", False),
    "request class": lambda lib, app: setattr(app, "request_class", make_trusting(lib)),
    "first request class": lambda lib, app: setattr(app, "request_class", lib.Request),
    "view": lambda lib, app: app.view_functions.update(show=lambda **arguments: "another view"),
}


def add_late(app: Flask, rule: str, **options: Any) -> None:
    app._got_first_request = False
    app.add_url_rule(rule, f"late{len(app.view_functions)}", lambda: "late", **options)


def make_late_map(lib: Any) -> Any:
    app = lib.Flask("late", static_folder=None)
    app.add_url_rule("/show", "show", lambda: "never asked")
    return app.url_map


def make_trusting(lib: Any) -> Any:
    return type("Trusting", (lib.Request,), {"trusted_hosts": ["a.example"]})


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(CHANGES)) | st.just("nothing"), st.fixed_dictionaries({}, optional=REQUEST_PARTS)
        ),
        min_size=2,
        max_size=8,
    )
)
@pytest.mark.filterwarnings("ignore:Current server name")
def test_what_is_known_of_one_request_does_not_show_in_the_next(steps: list[tuple[str, Environ]]) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.logger.disabled = True

        def show(n: int = 0) -> Any:
            request, adapter = lib.request, part(lib, "globals").request_ctx.url_adapter
            return {
                "request": [n, request.url, request.host, request.root_path, request.method, request.args],
                "urls": [lib.url_for("show", n=n, _external=external) for external in (False, True)],
                "adapter": [adapter.server_name, adapter.script_name, adapter.subdomain, adapter.url_scheme],
                "more": [adapter.path_info, adapter.default_method, str(adapter.query_args), adapter.websocket],
                "allowed": sorted(adapter.allowed_methods()),
            }

        app.add_url_rule("/show", "show", show)
        app.add_url_rule("/show/<int:n>", "show", show)
        app.add_url_rule("/post", "post", show, methods=["POST"])
        app.add_url_rule("/slash/", "slash", show)
        answers = []
        for change, changes in steps:
            CHANGES[change](lib, app)
            answers.append(outcome(send, app, make_environ(**{"path": "/show", **changes})))
        return answers

    same(program)


# One app inside itself, and many threads


def test_a_view_may_call_the_app_again() -> None:
    def program(lib: Any) -> Any:
        calls: list[Any] = []
        app = make_app(lib, SECRET_KEY="key")
        app.teardown_request(lambda error: calls.append(("request", lib.request.path)))
        app.teardown_appcontext(lambda error: calls.append(("context", lib.g.get("depth"))))

        def view(depth: int) -> str:
            lib.g.depth = depth
            lib.session[str(depth)] = True
            inner = app.test_client().get(f"/{depth - 1}").text if depth else ""
            return f"{lib.request.path} {lib.g.depth} {sorted(lib.session)} [{inner}]"

        app.add_url_rule("/<int:depth>", "view", view)
        return send(app, make_environ("/3")), calls, lib.has_app_context()

    assert "/0 0" in same(program)[0].text


def test_threads_do_not_mix_up_their_requests() -> None:
    app = make_app(tuile, SECRET_KEY="key")
    app.add_url_rule("/", "warm", lambda: "warm")
    ready = threading.Barrier(8)

    @app.before_request
    def remember() -> None:
        tuile.g.token = tuile.request.args.get("token")

    @app.after_request
    def repeat(response: tuile.Response) -> tuile.Response:
        response.headers["X-Token"] = tuile.g.token
        return response

    @app.route("/<kind>/<int:number>", methods=["GET", "POST"])
    def show(kind: str, number: int) -> Any:
        tuile.session["token"] = tuile.g.token
        if number % 7 == 0:
            tuile.abort(404, tuile.g.token)
        body = tuile.request.get_data(as_text=True)
        return {"kind": kind, "number": number, "token": tuile.request.args["token"], "body": body}

    def work(thread: int) -> int:
        ready.wait(100)
        for number in range(200):
            token = f"{thread}-{number}"
            environ = make_post(token.encode(), path=f"/kind{thread}/{number}", QUERY_STRING=f"token={token}")
            answer = send(app, environ)
            assert dict(answer.headers)["X-Token"] == token
            if number % 7 == 0:
                assert answer.code == 404
                assert f"<p>{token}</p>" in answer.text
            else:
                expected = f'"body":"{token}","kind":"kind{thread}","number":{number},"token":"{token}"'
                assert answer.text.strip() == f"{{{expected}}}"
        return 200

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == 1600


def test_a_session_interface_decides_what_is_a_null_session() -> None:
    def program(lib: Any) -> Any:
        class Own(part(lib, "sessions").SecureCookieSessionInterface):  # type: ignore[misc] # of either framework
            def is_null_session(self, obj: object) -> bool:
                return True

        app = make_app(lib, SECRET_KEY="key")
        app.session_interface = Own()
        app.add_url_rule("/", "view", lambda: lib.session.update(a=1) or "set")
        return send(app)

    assert "Set-Cookie" not in dict(same(program).headers)


@pytest.mark.parametrize(
    ("cls", "name", "value"),
    [
        (BadRequestKeyError, "show_exception", True),
        (BadRequestKeyError, "_description", "Own."),
        (BadRequestKeyError, "description", property(lambda error: f"Own, {error.args}")),
        (BadRequestKeyError, "description", "Own."),
        (BadRequestKeyError, "code", 422),
        (BadRequest, "description", "Own."),
        (BadRequest, "name", "Own"),
    ],
)
def test_a_missing_key_has_the_page_that_its_class_gives_it(
    cls: Any, name: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)

        class OwnKeyError(BadRequestKeyError):
            """With the same page."""

        @app.route("/")
        def view() -> Any:
            if lib.request.args.get("how") == "own":
                raise OwnKeyError("<k>")
            error = BadRequestKeyError("<k>")
            if (told := lib.request.args.get("told")) is not None:
                error.description = told
            if "shown" in lib.request.args:
                error.show_exception = True
            if "response" in lib.request.args:
                error.response = lib.Response("own")
            raise error if "how" in lib.request.args else BadRequestKeyError(lib.request.args["missing"])

        queries = ["", "?how=own", "?how=1", "?how=1&told=<b>", "?how=1&shown=1", "?how=1&response=1", ""]
        environs = [make_environ("/", QUERY_STRING=query[1:]) for query in queries]
        before = [outcome(send, app, dict(environ)) for environ in environs * 2]
        with monkeypatch.context() as patched:
            patched.setattr(cls, name, value)
            during = [outcome(send, app, dict(environ)) for environ in environs]
        return [*before, *during, *[outcome(send, app, dict(environ)) for environ in environs]]

    same(program)


@pytest.mark.parametrize(
    ("cls", "name", "value"),
    [
        (NotFound, "description", "Nothing here."),
        (NotFound, "code", 410),
        (NotFound, "name", "Gone"),
        (NotFound, "get_description", lambda error, *_: "<p>own</p>"),
        (NotFound, "get_headers", lambda error, *_: [("Content-Type", "text/plain"), ("X-Own", "1")]),
        (NotFound, "get_body", lambda error, *_: "own"),
        (HTTPException, "get_body", lambda error, *_: "own"),
        (HTTPException, "get_description", lambda error, *_: "<p>own</p>"),
        (HTTPException, "name", property(lambda error: "Own")),
        (HTTPException, "get_headers", lambda error, *_: [("Content-Type", "text/plain")]),
    ],
    ids=lambda given: given if isinstance(given, str) else getattr(given, "__name__", ""),
)
def test_an_error_class_that_is_patched_between_requests_has_another_page_at_once(
    cls: Any, name: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        before = [outcome(send, app, make_environ("/missing")) for _ in range(20)]
        with monkeypatch.context() as patched:
            patched.setattr(cls, name, value)
            during = [outcome(send, app, make_environ("/missing")) for _ in range(2)]
        return [*before, *during, outcome(send, app, make_environ("/missing"))]

    same(program)
