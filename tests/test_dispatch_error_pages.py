"""The pages of errors are Werkzeug's, whatever their classes and they themselves have of their own."""

from __future__ import annotations

import sys
from typing import Any

import flask
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from werkzeug import exceptions
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Response

import tuile
from tests.beside_flask import make_app, make_environ, outcome, same, send
from tuile.dispatch import error_pages

many = settings(
    derandomize=True, deadline=None, database=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow]
)
STOCK = [
    exceptions.BadRequest,
    exceptions.BadRequestKeyError,
    exceptions.Unauthorized,
    exceptions.NotFound,
    exceptions.MethodNotAllowed,
    exceptions.RequestedRangeNotSatisfiable,
    exceptions.TooManyRequests,
    exceptions.InternalServerError,
    exceptions.ServiceUnavailable,
    HTTPException,
]
TEXTS: list[Any] = [
    "plain",
    "a & <b>'\"",
    "two\nlines",
    "",
    "caf\xe9",
    "\ud800",
    Markup("<b>x</b>"),
    7,
    None,
    {"a": "<"},
    ["a\n"],
]


def _app() -> Any:
    """Return the current application, of whichever framework."""
    return flask.current_app if flask.has_app_context() else tuile.current_app


class _Descriptor:
    def __get__(self, instance: object, owner: type) -> str:
        return "of a descriptor"


# What a class may have of its own.
CLASS: dict[str, list[Any]] = {
    "code": [400, 418, 599, 200, 204, 304, None, "404", property(lambda self: 402)],
    "description": [*TEXTS, property(lambda self: "computed"), _Descriptor()],
    "name": ["Own", "Own <name>", "A\nB", "\ud800", 7, property(lambda self: "Own <name>")],
    "get_body": [
        lambda self, environ=None, scope=None: "own body",
        lambda self, environ=None, scope=None: b"bytes",
        lambda self, environ=None, scope=None: ["a", "b"],
        lambda self, environ=None, scope=None: f"{sorted(environ)} {scope}",
        lambda self: "too few arguments",
    ],
    "get_response": [
        lambda self, environ=None, scope=None: Response("own", 418, {"X-Own": "1"}),
        lambda self, environ=None: _app().response_class("of the app", 402, [("Location", "/ü")]),
        lambda self, environ=None: _app().make_response(({"error": self.description}, self.code)),
        lambda self, environ: lambda environ, start_response: [b"x", start_response("200 OK", [("X-Own", "1")])][:1],
        lambda self, environ: 1 // 0,
    ],
    "get_description": [lambda self, environ=None, scope=None: "<i>own</i>"],
    "get_headers": [
        *(
            lambda self, environ=None, scope=None, pairs=pairs: pairs
            for pairs in (
                [("Content-Type", "text/plain"), ("X-Own", "1")],
                [("content-type", "application/json"), ("Location", "/ü"), ("X-Own", "1")],
                [("Content-Type", "text/plain"), ("Content-Type", "text/html")],
                [("Content-Type", "text/plain"), ("Content-Length", "3")],
                {"Content-Type": "text/plain", "X-Own": 1},
                [("X-Own", "a\nb")],
                [],
            )
        ),
        lambda self: [],
    ],
    "response": [None],
    "__getattribute__": [lambda self, name: "own" if name == "description" else object.__getattribute__(self, name)],
    "__str__": [lambda self: "own"],
    "payload": [1],
}
# What an error may have of its own.
OWN: dict[str, list[Any]] = {
    "code": [409, None],
    "description": TEXTS,
    "name": ["ignored"],
    "get_body": [lambda environ=None, scope=None: "own body"],
    "get_headers": [lambda environ=None, scope=None: [("X-Own", "1")]],
    "payload": [{"a": 1}],
    "valid_methods": [["GET"], ["GET", "A\n"], (), [], None, ("PUT",), ("GET", "PUT"), {"GET"}, [1]],
    "retry_after": [0, 7, None, "soon", True],
    "www_authenticate": [
        None, (), [WWWAuthenticate("basic", {"realm": "x"})], (WWWAuthenticate("basic", {"realm": "x y"}),),
        ("a", "b\r\nc"), (WWWAuthenticate("digest", {"realm": "x", "nonce": "1"}), "Bearer"), ("\xe9",), (7,), "text",
    ],
    "show_exception": [True],
    "original_exception": [ValueError("x")],
}  # fmt: skip


def some(table: dict[str, list[Any]]) -> Any:
    pairs = [(name, value) for name, values in table.items() for value in values]
    return st.lists(st.sampled_from(pairs), max_size=3).map(dict)


@many
@given(
    st.sampled_from(STOCK),
    st.none() | some(CLASS),
    st.lists(some(OWN), min_size=1, max_size=3),
    st.sampled_from(["", "after", "own class", "debug"]),
)
def test_the_page_of_any_error(kind: Any, derived: Any, owned: Any, change: str) -> None:
    def program(lib: Any) -> Any:
        app: Any = make_app(lib, DEBUG=change == "debug", PROPAGATE_EXCEPTIONS=False, COOKIE_CHECKS="off")
        app.logger.disabled = True
        if change == "own class":
            app.response_class = type("Own", (lib.Response,), {"default_mimetype": "text/plain"})
        seen: list[Any] = []

        def note(response: Any) -> Any:
            seen.append((response.status, list(response.headers), response.is_sequence, response.is_streamed))
            return response

        if change == "after":
            app.after_request(note)
        cls = kind if derived is None else type("Own", (kind,), dict(derived))

        def view(number: int) -> Any:
            error = cls()
            for name, value in owned[number % len(owned)].items():
                try:
                    setattr(error, name, value)
                except AttributeError:
                    vars(error)[name] = value
            raise error

        app.add_url_rule("/<int:number>", "view", view)
        environs = [
            make_environ(f"/{number}", REQUEST_METHOD=method) for number in range(5) for method in ("GET", "HEAD")
        ]
        return [outcome(send, app, environ) for environ in environs], seen

    same(program)


@pytest.mark.parametrize("name", ["get_response", "get_body", "get_headers", "get_description", "name", "description"])
def test_what_is_patched_on_a_class_counts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values: dict[str, Any] = {
        "get_body": lambda self, environ=None, scope=None: "patched",
        "get_headers": lambda self, environ=None, scope=None: [("X-Patched", "1")],
        "get_description": lambda self, environ=None, scope=None: "patched",
        "name": "patched",
        "description": "patched",
        "get_response": lambda self, environ=None, scope=None: Response("patched", 418),
    }

    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.add_url_rule("/", "view", lambda: lib.abort(409))
        before = [outcome(send, app, make_environ()) for _ in range(3)]
        with monkeypatch.context() as patch:
            patch.setattr(exceptions.Conflict, name, values[name], raising=False)
            during = [outcome(send, app, make_environ()) for _ in range(2)]
        return before, during, outcome(send, app, make_environ())

    same(program)


def test_classes_that_are_made_in_functions_are_not_all_kept() -> None:
    app = make_app(tuile)

    def view() -> Any:
        raise type("Own", (HTTPException,), {"code": 409, "description": "own"})

    app.add_url_rule("/", "view", view)
    for _ in range(600):
        send(app, make_environ())
    assert len(error_pages._kept) <= 256


def test_pages_of_own_classes_are_written_once() -> None:
    app = make_app(tuile)
    own = type("Own", (HTTPException,), {"code": 409, "description": "own"})

    def view() -> Any:
        raise own

    app.add_url_rule("/", "view", view)
    for _ in range(3):
        send(app, make_environ())
    entered: set[str] = set()
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, arg: entered.add(frame.f_code.co_name))
    try:
        assert send(app, make_environ())
    finally:
        sys.setprofile(before)
    assert "usual_page" in entered
    assert entered.isdisjoint({"get_body", "get_description", "finalize_request"})


def _abort(lib: Any) -> Any:
    lib.abort(401)


def _forget_the_error(lib: Any) -> None:
    lib.request.routing_exception = None
    lib.request.url_rule = lib.current_app.url_map._rules_by_endpoint["item"][0]
    lib.request.view_args = {}


def _handle(lib: Any) -> None:
    # Too late for the checks of setup functions, so as they would write it.
    lib.current_app.error_handler_spec[None][404][NotFound] = lambda error: (f"late {error}", 404)


BEFORE: dict[str, Any] = {
    "none": lambda lib: None,
    "answers": lambda lib: ("stopped", 299),
    "aborts": _abort,
    "fails": lambda lib: 1 / 0,
    "forgets": _forget_the_error,
    "handles": _handle,
    "reads": lambda lib: lib.g.setdefault("seen", str(lib.request.routing_exception)) and None,
}
AFTER: dict[str, Any] = {
    "header": lambda lib, response: response.headers.add("X-Own", "1"),
    "read": lambda lib, response: response.headers.add("X-Read", str(len(response.get_data()))),
    "changed": lambda lib, response: response.set_data("changed"),
    "iterated": lambda lib, response: response.headers.add("X-Body", str(list(response.response))),
    "half": lambda lib, response: response.headers.add("X-Next", str(next(iter(response.response), None))),
    "wrapped": lambda lib, response: setattr(response, "response", (part + b"!" for part in response.response)),
    "closed": lambda lib, response: response.call_on_close(lambda: None),
    "status": lambda lib, response: setattr(response, "status_code", 204),
    "shown": lambda lib, response: response.headers.add("X-Kind", f"{response.is_streamed} {response.content_length}"),
    "session": lambda lib, response: lib.session.update(a=1),
    "late": lambda lib, response: lib.current_app.after_request_funcs.clear(),
}


@many
@given(
    st.lists(st.sampled_from(sorted(BEFORE)), max_size=2),
    st.lists(st.sampled_from(sorted(AFTER)), max_size=2),
    st.sampled_from([None, 404, 405, HTTPException, Exception]),
    st.sampled_from([{}, {"TRAP_HTTP_EXCEPTIONS": True}, {"TRAP_BAD_REQUEST_ERRORS": True}, {"DEBUG": True}]),
    st.lists(
        st.tuples(
            st.sampled_from(["/missing", "/item", "/folder", "/fails", "/aborts"]),
            st.sampled_from(["GET", "HEAD", "POST", "OPTIONS"]),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_errors_with_functions_around_them(before: Any, after: Any, handled: Any, config: Any, asked: Any) -> None:
    def program(lib: Any) -> Any:
        app: Any = make_app(lib, SECRET_KEY="k", PROPAGATE_EXCEPTIONS=False, COOKIE_CHECKS="off", **config)
        app.logger.disabled = True
        app.add_url_rule("/item", "item", lambda: "item")
        app.add_url_rule("/folder/", "folder", lambda: "folder")
        app.add_url_rule("/fails", "fails", lambda: 1 / 0)
        app.add_url_rule("/aborts", "aborts", lambda: lib.abort(409, "two words"))
        for name in before:
            app.before_request(lambda name=name: BEFORE[name](lib))

        def changing(name: str) -> Any:
            def change(response: Any) -> Any:
                AFTER[name](lib, response)
                return response

            return change

        for name in after:
            app.after_request(changing(name))
        if handled is not None:
            app.register_error_handler(handled, lambda error: (f"handled {error}", 418))
        environs = [make_environ(path, REQUEST_METHOD=method) for path, method in asked]
        return [outcome(send, app, dict(environ)) for environ in environs * 2]

    same(program)
