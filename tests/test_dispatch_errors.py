"""Errors with a description or a response of their own, and their handlers: the answers are Flask's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from werkzeug.exceptions import BadRequest, HTTPException, NotFound, SecurityError

from tests.beside_flask import make_app, make_environ, outcome, same, send

# Each makes what `abort` is given.
RESPONSES: list[Any] = [
    lambda lib: lib.make_response("text", 418),
    lambda lib: lib.jsonify(a=1),
    lambda lib: (lib.jsonify(a=1), 401),
    lambda lib: lib.make_response(b"\xff", {"X-One": "1"}),
    lambda lib: lib.make_response("moved", 302, {"Location": "/\xfc?a=b c"}),
    lambda lib: lib.make_response("", 204),
    lambda lib: lib.make_response("same", 304, {"ETag": '"a"'}),
    lambda lib: lib.Response(part for part in ["a", "b"]),
    lambda lib: lib.Response(["a", "b"], direct_passthrough=True),
    lambda lib: closing(lib.make_response("closed")),
    lambda lib: lib.redirect("/there"),
]
DESCRIPTIONS = st.text(max_size=20) | st.sampled_from(
    [
        "plain",
        "a & <b>",
        "two\nlines",
        "",
        "\r\nX: 1",
        "caf\xe9",
        "\ud800",
        "\x00",
        "</p>\n",
        Markup("<b>x</b>"),
        7,
        None,
    ]
)
SETTINGS = [{}, {"TRAP_HTTP_EXCEPTIONS": True}, {"TRAP_BAD_REQUEST_ERRORS": True}, {"DEBUG": True}, {"TESTING": True}]
HANDLERS: list[Any] = [HTTPException, BadRequest, SecurityError, NotFound, 400, 403, 404, 500, Exception, ValueError]
ANSWERS: dict[str, Any] = {
    "text": lambda lib, error: f"handled {error}",
    "tuple": lambda lib, error: (f"handled {error}", 418),
    "JSON": lambda lib, error: ({"error": str(error)}, getattr(error, "code", 500)),
    "itself": lambda lib, error: error,
    "response": lambda lib, error: error.get_response(),
    "raised again": lambda lib, error: _raise(),
    "another": lambda lib, error: lib.abort(409, "another"),
    "cookie": lambda lib, error: (lib.g.setdefault("a", 1), lib.session.update(a=1), "session")[2],
}
many = settings(
    derandomize=True, deadline=None, database=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow]
)


def closing(response: Any) -> Any:
    response.call_on_close(lambda: None)
    return response


def _raise() -> Any:
    raise  # noqa: PLE0704 - in a handler, which is called while the error is handled


def answers(lib: Any, app: Any, environs: list[Any]) -> Any:
    app.logger.disabled = True
    return [outcome(send, app, dict(environ)) for environ in environs * 3]


@many
@given(
    st.sampled_from([400, 401, 403, 404, 405, 409, 413, 418, 429, 500, 503]), DESCRIPTIONS, st.sampled_from(SETTINGS)
)
def test_the_page_of_an_error_with_a_description(code: int, description: Any, config: dict[str, Any]) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, **config)
        app.add_url_rule("/plain", "plain", lambda: lib.abort(code))
        app.add_url_rule("/", "view", lambda: lib.abort(code, description))
        paths = [make_environ(path, REQUEST_METHOD=method) for path in ("/", "/plain") for method in ("GET", "HEAD")]
        return answers(lib, app, paths)

    same(program)


@pytest.mark.parametrize("kept", [False, True], ids=["", "kept"])
@pytest.mark.parametrize("after", ["", "after_request", "session", "request_finished"])
@pytest.mark.parametrize("number", range(len(RESPONSES)))
def test_a_response_that_is_raised(number: int, after: str, kept: bool) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, SECRET_KEY="k" * 32)
        held: list[Any] = []

        def view() -> Any:
            if after == "session":
                lib.session["a"] = lib.session.get("a", 0) + 1
            given = held[0] if kept and held else RESPONSES[number](lib)
            held[:] = [given] if kept else []
            lib.abort(given if not isinstance(given, tuple) else lib.make_response(given))

        app.add_url_rule("/", "view", view)
        if after == "after_request":
            app.after_request(lambda response: (response.headers.add("X-Status", response.status), response)[1])
        if after == "request_finished":
            seen = lib.request_finished.connect(
                lambda sender, response: response.headers.add("X", "1"), app, weak=False
            )
            assert seen
        times = 1 if kept and number == 7 else 2
        return answers(lib, app, [make_environ("/", REQUEST_METHOD=method) for method in ("GET", "HEAD")][:times])

    same(program)


@many
@given(
    st.dictionaries(st.sampled_from(HANDLERS), st.sampled_from(sorted(ANSWERS)), max_size=3),
    st.sampled_from(SETTINGS),
    st.sampled_from([{}, {"HTTP_COOKIE": "session=x"}, {"REQUEST_METHOD": "HEAD"}, {"REQUEST_METHOD": "POST"}]),
)
def test_handlers_of_errors_without_and_with_a_view(
    handlers: dict[Any, str], config: dict[str, Any], more: dict[str, str]
) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, SECRET_KEY="k" * 32, TRUSTED_HOSTS=["example.com", "localhost"], **config)
        for error, name in handlers.items():
            app.register_error_handler(error, lambda e, name=name: ANSWERS[name](lib, e))
        app.add_url_rule("/", "view", lambda: lib.abort(403, "no & <no>"))
        app.add_url_rule("/wrong", "wrong", lambda: str(1 / 0))
        app.add_url_rule("/key", "key", lambda: lib.request.args["missing"])
        app.add_url_rule("/post", "post", lambda: "", methods=["PUT"])
        environs = [make_environ(path, **more) for path in ("/", "/wrong", "/key", "/post", "/missing")]
        environs.append(make_environ("/", HTTP_HOST="attacker.example", **more))
        environs.append(make_environ("/missing", HTTP_HOST="a<b>.example", **more))
        return answers(lib, app, environs)

    same(program)


@pytest.mark.parametrize("name", ["_find_error_handler", "handle_http_exception", "trap_http_exception"])
@pytest.mark.parametrize("on", ["class", "object"])
def test_a_step_that_looks_for_handlers_is_asked_where_there_are_none(name: str, on: str) -> None:
    def program(lib: Any) -> Any:
        class Own(lib.Flask):  # type: ignore[misc]
            pass

        app, asked = Own("demo"), []
        stock = getattr(Own if on == "class" else app, name)

        def ask(*arguments: Any) -> Any:
            asked.append((name, repr(arguments[-1])))
            return stock(*arguments)

        setattr(Own if on == "class" else app, name, ask)
        app.add_url_rule("/key", "key", lambda: dict[str, str]()["missing"])
        app.add_url_rule("/abort", "abort", lambda: lib.abort(403))
        app.add_url_rule("/form", "form", lambda: lib.request.args["missing"])
        answers = [send(app, make_environ(path)) for path in ("/key", "/abort", "/form", "/none", "/key")]
        return answers, asked

    same(program)


@pytest.mark.parametrize("how", ["class", "object", "later", "not"])
@pytest.mark.parametrize("handled", [True, False])
@pytest.mark.parametrize("heard", ["nothing", "teardown", "signal", "during"])
def test_an_error_that_nothing_handles_is_told_at_the_end(  # noqa: C901 - each case is one line
    how: str, handled: bool, heard: str
) -> None:
    def program(lib: Any) -> Any:  # noqa: C901 - as above
        log: list[Any] = []

        def should_ignore(*given: Any) -> bool:
            log.append(("ignore?", repr(given[-1])))
            return len(log) % 2 == 0

        kind = type("Own", (lib.Flask,), {"should_ignore_error": should_ignore} if how == "class" else {})
        app = kind("beside", static_folder=None)
        app.logger.disabled = True

        def tell(error: Any) -> None:
            log.append(("teardown", repr(error)))

        def hear(sender: Any, exc: Any = None, **more: Any) -> None:
            log.append(("signal", repr(exc)))

        def fail() -> Any:
            if heard == "during":
                app._got_first_request = False
                app.teardown_request(tell)
                app.teardown_appcontext(tell)
                app._got_first_request = True
            raise ValueError("wrong")

        app.add_url_rule("/", "view", fail)
        if handled:
            app.register_error_handler(500, lambda error: (str(error.original_exception), 500))
        if heard == "teardown":
            app.teardown_request(tell)
        if heard == "signal":
            lib.request_tearing_down.connect(hear, app)
        if how == "object":
            app.should_ignore_error = should_ignore
        found = []
        for number in range(4):
            if number == 2 and how == "later":
                app.should_ignore_error = should_ignore
            environ = make_environ("/")
            found.append((outcome(send, app, environ), environ["werkzeug.request"], lib.has_request_context()))
        return found, log

    same(program)
