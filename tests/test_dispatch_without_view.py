"""Errors of the URL map and their handlers, with functions around them: the answers are Flask's."""

from __future__ import annotations

import functools
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

import tuile
from tests.beside_flask import make_app, make_environ, outcome, same, send

HELD: dict[Any, Any] = {}


def held(lib: Any, status: Any) -> Any:
    """Return one response, in one tuple, for all requests."""
    return HELD.setdefault((lib, status), (lib.make_response("held"), status))


def touched(lib: Any) -> Any:
    lib.session["a"] = lib.session.get("a", 0) + 1
    return lib.jsonify(a=1), 404


ANSWERS: dict[str, Any] = {
    "text": lambda lib, error: f"handled {error}",
    "tuple": lambda lib, error: (str(error), 404),
    "JSON": lambda lib, error: (lib.jsonify(code=error.code, name=error.name, description=error.description), 404),
    "JSON of a list": lambda lib, error: lib.jsonify([error.code]),
    "made": lambda lib, error: lib.make_response(lib.jsonify({"error": "x"}), error.code),
    "no status": lambda lib, error: (lib.jsonify(), 999),
    "status True": lambda lib, error: (lib.jsonify(1, 2), True),
    "held": lambda lib, error: held(lib, 404),
    "held, with text": lambda lib, error: held(lib, "404 GONE"),
    "itself": lambda lib, error: error,
    "its response": lambda lib, error: error.get_response(),
    "what is raised": lambda lib, error: (repr(sys.exc_info()[1]), 404),
    "raised again": lambda lib, error: (_ for _ in ()).throw(error),
    "another error": lambda lib, error: lib.abort(409, "another"),
    "wrong": lambda lib, error: str(1 / 0),
    "none": lambda lib, error: None,
    "session": lambda lib, error: touched(lib),
    "stream": lambda lib, error: (part for part in ("a", b"b")),
}
HANDLERS: list[Any] = [HTTPException, NotFound, MethodNotAllowed, 404, 405, 409, 500, Exception, ZeroDivisionError]
SETTINGS = [{}, {}, {"TRAP_HTTP_EXCEPTIONS": True}, {"TRAP_BAD_REQUEST_ERRORS": True}, {"DEBUG": True}]
REQUESTS = [("/missing", {}), ("/post", {}), ("/missing", {"REQUEST_METHOD": "HEAD"}), ("/redirect", {})]
REQUESTS += [("/missing", {"HTTP_COOKIE": "session=x"}), ("/missing", {"HTTP_HOST": "a b"})]
REQUESTS += [("/missing", {"HTTP_UPGRADE": upgrade, "HTTP_CONNECTION": "upgrade"}) for upgrade in ("h2c", "WebSocket")]


def around(lib: Any, app: Any, functions: list[str]) -> None:
    if "before" in functions:
        app.before_request(lambda: None)
    if "answers" in functions:
        app.before_request(lambda: lib.request.routing_exception)
    if "removes" in functions:
        app.before_request(lambda: setattr(lib.request, "routing_exception", None))
    if "after" in functions:
        app.after_request(lambda response: (response.headers.set("X-Status", response.status), response)[1])
    if "teardown" in functions:
        app.teardown_request(lambda error: None)


@settings(
    derandomize=True, deadline=None, database=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow]
)
@given(
    st.dictionaries(st.sampled_from(HANDLERS), st.sampled_from(sorted(ANSWERS)), max_size=3),
    st.lists(st.sampled_from(["before", "answers", "removes", "after", "teardown"]), max_size=2),
    st.sampled_from(SETTINGS),
)
def test_errors_of_the_map_are_handled_as_on_flask(
    handlers: dict[Any, str], functions: list[str], config: dict[str, Any]
) -> None:
    def program(lib: Any) -> Any:
        HELD.clear()
        app = make_app(lib, SECRET_KEY="k" * 32, PROPAGATE_EXCEPTIONS=False, **config)
        app.logger.disabled = True
        for error, name in handlers.items():
            app.register_error_handler(error, lambda e, name=name: ANSWERS[name](lib, e))
        around(lib, app, functions)
        app.add_url_rule("/post", "post", lambda: "", methods=["PUT"])
        app.add_url_rule("/redirect/", "redirect", lambda: "")
        return [outcome(send, app, make_environ(path, **more)) for path, more in REQUESTS * 2]

    same(program)


@pytest.mark.parametrize("name", ["blueprint", "blueprints", "endpoint"])
def test_a_request_may_say_that_it_belongs_to_a_blueprint(name: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        blueprint = lib.Blueprint("of", __name__)
        blueprint.register_error_handler(404, lambda error: ("of the blueprint", 404))
        app.register_blueprint(blueprint)
        app.register_error_handler(404, lambda error: ("of the app", 404))
        told = {"blueprint": "of", "blueprints": ["of"], "endpoint": "of.missing"}[name]
        app.request_class = type("Own", (lib.Request,), {name: told})
        return [outcome(send, app, make_environ("/missing")) for _ in range(3)]

    same(program)


BEFORE_OPTIONS: dict[str, Any] = {
    "nothing": lambda lib, app: None,
    "answers": lambda lib, app: app.make_default_options_response(),
    "answers by method": lambda lib, app: ("", 204) if lib.request.method == "OPTIONS" else None,
    "builds a URL": lambda lib, app: lib.g.setdefault("url", lib.url_for("view", _external=True)) and None,
    "reads the adapter": lambda lib, app: lib.g.setdefault("a", lib.globals.request_ctx.url_adapter.path_info) and None,
    "another adapter": lambda lib, app: setattr(
        lib.globals.request_ctx, "url_adapter", app.url_map.bind("localhost", path_info="/other")
    ),
    "another rule": lambda lib, app: setattr(lib.request, "url_rule", next(iter(app.url_map.iter_rules("other")))),
    "no rule": lambda lib, app: setattr(lib.request, "url_rule", None),
    "another method": lambda lib, app: setattr(lib.request, "method", "GET"),
    "an error": lambda lib, app: setattr(lib.request, "routing_exception", NotFound("set")),
    "fails": lambda lib, app: 1 / 0,
    "aborts": lambda lib, app: lib.abort(401),
    "session": lambda lib, app: lib.session.update(a=1),
}
AROUND = ["before_request", "after_request", "teardown_request", "url_value_preprocessor"]


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("does", BEFORE_OPTIONS)
def test_options_with_functions_around_them(does: str, around: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, SECRET_KEY="k" * 32, PROPAGATE_EXCEPTIONS=False)
        app.logger.disabled = True
        app.add_url_rule("/", "view", lambda: "text", methods=["GET", "PUT"])
        app.add_url_rule("/", "post", lambda: "text", methods=["POST"])
        app.add_url_rule("/other", "other", lambda: "other", methods=["DELETE"])
        app.add_url_rule("/own", "own", lambda: "own", methods=["OPTIONS"])
        app.add_url_rule("/off", "off", lambda: "off", provide_automatic_options=False)
        app.add_url_rule("/<int:number>", "number", str)
        app.before_request(lambda: BEFORE_OPTIONS[does](lib, app))
        if around == "after_request":
            app.after_request(lambda response: (response.headers.add("X-Length", response.content_length), response)[1])
        elif around != "before_request":
            getattr(app, around)(lambda *given: None)
        paths = ["/", "/other", "/own", "/off", "/7", "/missing"]
        environs = [make_environ(path, REQUEST_METHOD="OPTIONS") for path in paths * 2]
        return [outcome(send, app, environ) for environ in environs]

    same(program)


async def awaited() -> str:
    return "awaited"


def marked() -> str:
    return "marked"


marked.kind = "own"  # type: ignore[attr-defined] # it has an attribute, which may mark it
VIEWS: dict[str, Any] = {
    "function": lambda: "text",
    "coroutine": awaited,
    "marked": marked,
    "partial": functools.partial(str, "partial"),
    "built in": list,
}


@pytest.mark.parametrize("own", ["", "class", "object", "later"])
@pytest.mark.parametrize("name", VIEWS)
def test_a_view_that_functions_have_kept_from_being_called(name: str, own: str) -> None:
    def program(lib: Any) -> Any:
        log: list[str] = []

        def ensure_sync(*given: Any) -> Any:
            log.append(getattr(given[-1], "__name__", "none"))
            return lib.Flask.ensure_sync(app, given[-1])

        kind = type("Own", (lib.Flask,), {"ensure_sync": ensure_sync} if own == "class" else {})
        app = kind("beside", static_folder=None)
        app.add_url_rule("/", "view", VIEWS[name])
        closed = [True]
        app.before_request(lambda: ("closed", 503) if closed else None)
        if own == "object":
            app.ensure_sync = ensure_sync
        found = [send(app) for _ in range(3)]
        closed.clear()
        if own == "later":
            app.ensure_sync = ensure_sync
        found += [send(app) for _ in range(3)]
        return found, log

    same(program)


def test_the_environ_of_a_handled_error_is_not_kept() -> None:
    app = tuile.Flask(__name__)
    requests: list[Any] = []
    app.register_error_handler(404, lambda error: (tuile.jsonify(error=str(error)), 404))
    for _ in range(2):
        environ = make_environ("/missing")
        app.teardown_request_funcs.clear()
        send(app, environ)
        requests.append(environ["werkzeug.request"])
    assert requests == [None, None]


def test_a_response_that_is_held_in_a_tuple_keeps_visitors_apart() -> None:
    """One visitor's session is saved on it, and another one's request has none."""
    app = tuile.Flask(__name__)
    app.secret_key = "k" * 32
    pair = (app.response_class("held"), 200)

    @app.get("/<who>")
    def view(who: str) -> Any:
        if who == "ada":
            tuile.session["who"] = who
        return pair

    for who, count in (("eve", 0), ("ada", 1), ("eve", 0), ("ada", 1), ("eve", 0)):
        answer = send(app, make_environ(f"/{who}"))
        assert [name for name, _ in answer.headers].count("Set-Cookie") == count
