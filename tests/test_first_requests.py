"""The first ten requests of an app are answered as on Flask, whatever changes between them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from unittest import mock

import flask
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tuile
from tuile.dispatch.planner import Planner

PATHS = ["/", "/json", "/item/7", "/item/x", "/login", "/who", "/form", "/none", "/fail", "/abort", "/go", "/dir"]
PATHS += ["/flash", "/page", "/url", "/bp/", "/static/none.txt", "/tuple", "/late"]
CHANGES = ["before", "after", "teardown", "config", "handler", "patch", "patch class", "late rule", "json", "processor"]
ROOT = str(Path(__file__).parent)
# When a session was signed, and the signature.
SIGNED_AT = re.compile(r"\.[\w-]{6}\.[\w-]{27}(?=;)")
Steps = list[tuple[str, str]]


def make_app(fw: Any) -> Any:
    app = type("App", (fw.Flask,), {})("tests", root_path=ROOT)
    app.config.update(TESTING=True, SECRET_KEY="0123456789abcdef-of-tests", PROPAGATE_EXCEPTIONS=False)
    app.log = []

    def add(rule: str, view: Any, **options: Any) -> None:
        app.add_url_rule(rule, rule.split("<", maxsplit=1)[0].strip("/") or "index", view, **options)

    def login() -> str:
        fw.session["user"] = fw.request.method
        return "in"

    def flash() -> str:
        fw.flash("hello")
        return repr(fw.get_flashed_messages())

    add("/", lambda: "hello")
    add("/json", lambda: {"b": 1, "a": [None]})
    add("/item/<int:n>", lambda n: f"<{n}>")
    add("/login", login, methods=["GET", "POST"])
    add("/who", lambda: fw.session.get("user", "nobody"))
    add("/form", lambda: fw.request.form.get("a", "empty"), methods=["GET", "POST"])
    add("/fail", lambda: 1 // 0)
    add("/abort", lambda: fw.abort(403))
    add("/go", lambda: fw.redirect(fw.url_for("index")))
    add("/dir/", lambda: "dir")
    add("/flash", flash)
    add("/page", lambda: fw.render_template_string("{{ request.path }} {{ g.get('x') }} {{ added }}"))
    add("/url", lambda: fw.url_for("item", n=3, q="a b"))
    add("/tuple", lambda: ("made", 201, {"X-Own": "1"}))
    blueprint = fw.Blueprint("bp", "tests", url_prefix="/bp", root_path=ROOT)
    blueprint.add_url_rule("/", "index", lambda: fw.url_for(".index"))
    blueprint.after_request(lambda response: (response.headers.add("X-Blueprint", "1"), response)[1])
    app.register_blueprint(blueprint)
    return app


def set_attributes(owner: object, **values: object) -> None:
    for name, value in values.items():
        setattr(owner, name, value)


def add_late(app: Any, register: Any) -> None:
    # Both refuse it after the first request, with the same words.
    try:
        register()
    except AssertionError as error:
        app.log.append(str(error).partition("\n")[0])


def wrapped(log: list[str], original: Any, mark: str) -> Any:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        log.append(mark)
        return original(*args, **kwargs)

    return wrapper


def patch_class(app: Any, patches: list[Any]) -> None:
    cls = type(app)
    patch = mock.patch.object(cls, "dispatch_request", wrapped(app.log, cls.dispatch_request, "dispatched"))
    patch.start()
    patches.append(patch)


def change(fw: Any, app: Any, name: str, patches: list[Any]) -> None:
    log = app.log

    def marked(response: Any) -> Any:
        response.headers["X-After"] = str(len(log))
        return response

    def handle() -> None:
        app.register_error_handler(403, lambda error: (f"handled {error.code}", 418))

    changes: dict[str, Any] = {
        "before": lambda: app.before_request_funcs[None].append(lambda: log.append(fw.request.endpoint)),
        "after": lambda: app.after_request_funcs[None].append(marked),
        "teardown": lambda: app.teardown_request_funcs[None].append(lambda error: log.append(repr(error))),
        "config": lambda: app.config.update(SESSION_COOKIE_NAME=f"s{len(log)}", TESTING=not app.testing),
        "handler": lambda: add_late(app, handle),
        "patch": lambda: setattr(app, "make_response", wrapped(log, app.make_response, "made")),
        "patch class": lambda: patch_class(app, patches),
        "late rule": lambda: add_late(app, lambda: app.add_url_rule("/late", "late", lambda: "late")),
        "json": lambda: set_attributes(app.json, sort_keys=False, compact=False),
        "processor": lambda: app.template_context_processors[None].append(lambda: {"added": len(log)}),
    }
    changes[name]()


def answers(fw: Any, steps: Steps) -> list[object]:
    app = make_app(fw)
    client = app.test_client()
    patches: list[Any] = []
    found: list[object] = []
    try:
        for changed, path in steps:
            if changed:
                change(fw, app, changed, patches)
            method = "POST" if path == "/form" else "GET"
            answer = client.open(path, method=method, data={"a": "b"} if method == "POST" else None)
            headers = sorted((name, SIGNED_AT.sub("", value)) for name, value in answer.headers.items())
            found.append((answer.status, answer.data, headers, list(app.log)))
    finally:
        for patch in patches:
            patch.stop()
    return found


ten = st.lists(st.tuples(st.sampled_from(["", "", *CHANGES]), st.sampled_from(PATHS)), min_size=1, max_size=10)


@pytest.mark.parametrize("first", PATHS)
def test_each_first_request_is_answered_as_on_flask(first: str) -> None:
    steps: Steps = [("", first), ("", first), *((name, first) for name in CHANGES)]
    assert answers(tuile, steps) == answers(flask, steps)


@settings(max_examples=40)
@given(steps=ten)
def test_the_first_ten_requests_are_answered_as_on_flask(steps: Steps) -> None:
    assert answers(tuile, steps) == answers(flask, steps)


@settings(max_examples=40)
@given(steps=ten)
def test_they_are_answered_as_on_flask_without_a_plan(steps: Steps) -> None:
    with (
        mock.patch.object(Planner, "PATIENCE", 0),
        mock.patch.object(Planner, "_renewed", lambda self, app: self.made(app)),
    ):
        assert answers(tuile, steps) == answers(flask, steps)
