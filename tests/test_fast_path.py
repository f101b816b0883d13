"""The fast path: what it sends and whom it tells is what the steps do, and what Flask does."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.wrappers import Response as WerkzeugResponse

import tuile
from tests.beside_flask import SIGNALS, make_app, make_environ, outcome, part, same, send
from tuile.ctx.app_context import current
from tuile.ctx.request_context import RequestContext
from tuile.dispatch import fast_path, steps
from tuile.dispatch.step_names import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# What may be registered beside the view: one word each.
PARTS = (
    "before",
    "before answers",
    "before fails",
    "prepare",
    "after",
    "after replaces",
    "after fails",
    "teardown",
    "teardown of the app",
    "handler of 404",
    "handler of ValueError",
    "handler that fails",
    "cookie checks",
    "other class",
    "other JSON",
    *SIGNALS,
)
DOES = ("nothing", "reads session", "writes session", "after this request", "flashes", "reads cookies", "reads request")
ANSWERS: dict[str, Callable[[Any], Any]] = {
    "text": lambda lib: "text",
    "no text": lambda lib: "",
    "more than ASCII": lambda lib: "h\xe9 \N{SNOWMAN}",
    "half a character": lambda lib: "\udc80",
    "text of its own kind": lambda lib: type("Own", (str,), {})("<b>"),
    "bytes": lambda lib: b"bytes",
    "dict": lambda lib: {"b": 1, "a": [None, "\xe9"]},
    "list": lambda lib: [1, 2],
    "no JSON": lambda lib: {"a": object()},
    "status": lambda lib: ("made", 201),
    "headers": lambda lib: ("text", {"Content-Type": "text/plain", "X-Own": "1"}),
    "pieces": lambda lib: iter(["a", "b"]),
    "response": lambda lib: lib.make_response("text", 202),
    "foreign response": lambda lib: WerkzeugResponse("foreign"),
    "nothing": lambda lib: None,
    "number": lambda lib: 7,
    "ValueError": lambda lib: fail(ValueError("own")),
    "404": lambda lib: lib.abort(404),
    "302": lambda lib: lib.redirect("/elsewhere"),
    "missing field": lambda lib: lib.request.form["missing"],
}
REQUESTS = st.fixed_dictionaries(
    {
        "path": st.sampled_from(
            ["/it", "/it", "/it", "/of/7/x", "/of/x/x", "/blue/it", "/missing", "/slash", "/slash/", ""]
        )
    },
    optional={
        "REQUEST_METHOD": st.sampled_from(["HEAD", "POST", "OPTIONS", "DELETE", "get", "options"]),
        "HTTP_COOKIE": st.sampled_from(["a=1", "session=forged", "a=1; session="]),
        "HTTP_HOST": st.sampled_from(["example.com", "127.0.0.1:8000"]),
    },
)


def fail(error: BaseException) -> Any:
    raise error


def passing(owner: Any, name: str) -> Any:
    """A patch that puts a function in a method's place which does the same."""
    original = getattr(owner, name)

    def called(*arguments: Any, **named: Any) -> Any:
        return original(*arguments, **named)

    return mock.patch.object(owner, name, called)


def by_steps(lib: Any) -> Any:
    """A class of applications that have no fast path, because they have a step that it takes the place of."""

    class BySteps(lib.Flask):  # type: ignore[misc] # the framework's
        def request_context(self, environ: Any) -> Any:
            return super().request_context(environ)

    BySteps.__name__ = lib.Flask.__name__
    return BySteps


class Program:
    """One generated application on one framework, with what all its functions have seen."""

    def __init__(self, lib: Any, app_class: Any, parts: frozenset[str], does: str, answer: str, config: Any) -> None:
        self.lib = lib
        self.log: list[Any] = []
        self.does, self.answer = does, answer
        self.app = app = app_class("beside", static_folder=None)
        app.logger.disabled = True
        app.config.update(config, COOKIE_CHECKS="off")
        blue = lib.Blueprint("blue", "beside", url_prefix="/blue")
        app.add_url_rule("/it", "it", self.view)
        app.add_url_rule("/of/<int:n>/<name>", "of", self.view)
        app.add_url_rule("/slash/", "slash", self.view)
        blue.add_url_rule("/it", "it", self.view)
        for word in sorted(parts):
            self.register(word)
        app.register_blueprint(blue)

    def seen(self, word: str, result: Any = None) -> Callable[..., Any]:
        """A function that notes that it was called and with what, and returns a result or raises it."""

        def function(*arguments: Any, **named: Any) -> Any:
            error = named.get("exc") or named.get("exception")
            self.log.append((word, [type(each).__name__ for each in arguments[-1:]], type(error).__name__))
            if isinstance(result, Exception):
                raise result
            return result(*arguments) if callable(result) else result

        return function

    def register(self, word: str) -> None:
        """Register what a word of `PARTS` stands for."""
        app, lib = self.app, self.lib
        hooks: dict[str, Callable[[], Any]] = {
            "before": lambda: app.before_request(self.seen(word)),
            "before answers": lambda: app.before_request(self.seen(word, lambda: "early" if self.log else None)),
            "before fails": lambda: app.before_request(self.seen(word, ValueError("before"))),
            "prepare": lambda: app.url_value_preprocessor(self.seen(word)),
            "after": lambda: app.after_request(self.seen(word, lambda response: response)),
            "after replaces": lambda: app.after_request(self.seen(word, lambda response: app.response_class("other"))),
            "after fails": lambda: app.after_request(self.seen(word, ValueError("after"))),
            "teardown": lambda: app.teardown_request(self.seen(word)),
            "teardown of the app": lambda: app.teardown_appcontext(self.seen(word)),
            "handler of 404": lambda: app.register_error_handler(404, self.seen(word, lambda error: {"error": "none"})),
            "handler of ValueError": lambda: app.register_error_handler(
                ValueError, self.seen(word, lambda error: "caught")
            ),
            "handler that fails": lambda: app.register_error_handler(500, self.seen(word, KeyError("handler"))),
            "cookie checks": lambda: app.config.update(MAX_COOKIE_SIZE=0),
            "other class": lambda: setattr(
                app, "response_class", type("Own", (lib.Response,), {"default_mimetype": "text/plain"})
            ),
            "other JSON": lambda: vars(app.json).update(sort_keys=False, mimetype="application/own"),
        }
        if word in hooks:
            hooks[word]()

    def view(self, **arguments: Any) -> Any:
        """Do something, then answer."""
        lib = self.lib
        self.log.append(("view", arguments, lib.request.endpoint, lib.request.method, lib.request.path))
        if self.does == "reads session":
            self.log.append(lib.session.get("n"))
        elif self.does == "writes session":
            lib.session["n"] = 1
        elif self.does == "after this request":
            lib.after_this_request(self.seen("after this", lambda response: response))
        elif self.does == "flashes":
            lib.flash("message")
        elif self.does == "reads cookies":
            self.log.append(dict(lib.request.cookies))
        elif self.does == "reads request":
            self.log.append([str(lib.request.url_rule), lib.request.url, lib.url_for("it"), lib.current_app.name])
        return ANSWERS[self.answer](lib)

    def run(self, parts: frozenset[str], requests: list[dict[str, Any]]) -> Any:
        """Send the requests with the signals connected; what came back, and what was seen."""
        with ExitStack() as connected:
            for name in parts & set(SIGNALS):
                signal = getattr(part(self.lib, "signals"), name)
                connected.enter_context(signal.connected_to(self.seen(name), self.app))
            answers = []
            for request in requests:
                answers.append(outcome(send, self.app, make_environ(**request)))
                self.log.append("next")
                assert current.get(None) is None
        return answers, self.log


@settings(deadline=None, max_examples=150)
@given(
    st.frozensets(st.sampled_from(PARTS), max_size=4),
    st.sampled_from(DOES),
    st.sampled_from(sorted(ANSWERS)),
    st.fixed_dictionaries(
        {},
        optional={
            "SECRET_KEY": st.just("a key for these tests alone"),
            "PROPAGATE_EXCEPTIONS": st.just(True),
            "SESSION_REFRESH_EACH_REQUEST": st.just(False),
        },
    ),
    st.lists(REQUESTS, min_size=1, max_size=3),
)
def test_the_fast_path_its_source_and_the_steps_do_what_flask_does(
    parts: frozenset[str], does: str, answer: str, config: dict[str, Any], requests: list[dict[str, Any]]
) -> None:
    def program(lib: Any) -> Any:
        return Program(lib, lib.Flask, parts, does, answer, config).run(parts, requests)

    observed = same(program)
    stepwise = Program(tuile, by_steps(tuile), parts, does, answer, config)
    with mock.patch("time.time", return_value=1_700_000_000.0):
        expected = stepwise.run(parts, requests)
        fast = Program(tuile, tuile.Flask, parts, does, answer, config)
        assert fast.run(parts, requests) == expected
        source = Program(tuile, tuile.Flask, parts, does, answer, config)
        with mock.patch.multiple(steps, serve_wsgi=fast_path.serve, serve_plainly=fast_path.serve):
            assert source.run(parts, requests) == expected
    assert not stepwise.app.plan.fast
    # Otherwise it was the steps twice, and nothing was compared.
    assert fast.app.plan.fast
    assert len(observed[0]) == len(requests)


# --- replaced between two requests ------------------------------------------------------------------------------------


@pytest.fixture
def app() -> Iterator[Any]:
    """An application that has answered a request by the fast path."""
    app = make_app(tuile)
    app.add_url_rule("/", "index", lambda: "text")
    assert send(app).body == b"text"
    assert app.plan.fast
    yield app
    assert send(app).body == b"text"
    assert app.plan.fast


# What a plan has lost while a step is overridden.
LOST = {
    "adapter": "skips_adapter",
    "app context": "skips_app_context",
    "serving": "fast",
    "around": "dispatches",
    "before": "calls_view",
    "without a view": "answers_alone",
    "handling": "handles_errors",
    "after": "quiet",
    "entry": "enters",
    "urls": "builds_urls",
}


# The groups without which the steps serve each request.
STEPWISE = {"serving"}


@pytest.mark.parametrize(("group", "step"), [(group, step) for group in LOST for step in STEPS[group]])
@pytest.mark.parametrize("where", ["class", "object"])
def test_a_replaced_step_costs_what_it_must_until_it_is_taken_back(app: Any, group: str, step: str, where: str) -> None:
    owner = tuile.Flask if where == "class" else app
    whole = app.plan
    assert getattr(whole, LOST[group])
    with passing(owner, step):
        assert not getattr(app.plan, LOST[group])
        assert (app.plan.fast, app.plan.text_start) == (group not in STEPWISE, whole.text_start)
        assert send(app).body == b"text"
    assert getattr(app.plan, LOST[group])


@pytest.mark.parametrize(
    "step", ["dispatch_request", "finalize_request", "full_dispatch_request", "make_response", "preprocess_request"]
)
def test_a_step_overridden_by_one_that_calls_it_keeps_the_fast_path_and_is_called(step: str) -> None:
    calls = []

    def called(self: Any, *arguments: Any, **named: Any) -> Any:
        calls.append(step)
        return getattr(tuile.Flask, step)(self, *arguments, **named)

    app = type("Own", (tuile.Flask,), {step: called})("own")
    app.add_url_rule("/", "index", lambda: "text")
    assert [send(app).body for _ in range(20)] == [b"text"] * 20
    assert app.plan.fast
    assert calls == [step] * 20


def test_a_replaced_wsgi_app_is_called_until_it_is_taken_back(app: Any) -> None:
    for owner in (tuile.Flask, app):
        with mock.patch.object(owner, "wsgi_app", return_value=[b"replaced"]):
            assert app({}, None) == [b"replaced"]
        assert send(app).body == b"text"


def test_a_wsgi_app_of_a_subclass_is_called_at_every_request() -> None:
    class Own(tuile.Flask):
        def wsgi_app(self, environ: Any, start_response: Any) -> Any:
            return [b"own: ", *super().wsgi_app(environ, start_response)]

    app = Own("own")
    app.add_url_rule("/", "index", lambda: "text")
    assert [send(app).body for _ in range(3)] == [b"own: text"] * 3


@pytest.mark.parametrize("name", ["__init__", "match_request", "pop", "push"])
def test_a_replaced_method_of_the_context_refuses_it(app: Any, name: str) -> None:
    with passing(RequestContext, name):
        assert not app.plan.fast
    assert app.plan.fast


@pytest.mark.parametrize("name", ["__init__", "__call__", "get_wsgi_headers", "get_wsgi_response", "iter_encoded"])
def test_a_replaced_method_of_responses_is_called_for_text(app: Any, name: str) -> None:
    original = getattr(tuile.Response, name)
    called = []

    def noted(*arguments: Any, **named: Any) -> Any:
        called.append(name)
        return original(*arguments, **named)

    with mock.patch.object(tuile.Response, name, noted):
        assert send(app).body == b"text"
    assert called


def test_trusted_hosts_are_read_at_each_request_and_keep_it(app: Any) -> None:
    epoch = app.plan.epoch
    app.config["TRUSTED_HOSTS"] = ["example.com"]
    for _ in range(12):
        assert send(app).code == 400
        assert send(app, make_environ(HTTP_HOST="example.com")).body == b"text"
    assert app.plan.fast
    assert app.plan.epoch is epoch
    app.config["TRUSTED_HOSTS"] = None


def test_a_json_provider_with_methods_of_its_own_is_asked(app: Any) -> None:
    made = make_app(tuile)
    made.add_url_rule("/", "index", lambda: {"a": 1})
    assert send(made).body == b'{"a":1}\n'
    with mock.patch.object(made.json, "dumps", return_value="dumped"):
        assert send(made).body == b"dumped\n"
    made = make_app(tuile)
    made.add_url_rule("/", "index", lambda: {"a": 1})
    with mock.patch.object(made.json, "response", return_value=tuile.Response("responded")):
        assert send(made).body == b"responded"
