"""The fast path while something changes during a request: by the view, by threads, by requests inside requests."""

from __future__ import annotations

import sys
import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

import tuile
from tests.beside_flask import SIGNALS, make_app, make_environ, make_post, outcome, part, same, send
from tests.costs import as_in_a_new_process
from tests.fresh import observe
from tests.test_fast_path import ANSWERS, fail, passing
from tuile.ctx.app_context import current

if TYPE_CHECKING:
    from collections.abc import Callable


def noted(log: list[Any], word: str, result: Any) -> Any:
    """The result, after a note in the log."""
    log.append(word)
    return result


def replace(owner: str, name: str) -> Callable[[Any, Any, list[str]], None]:
    """A change that has a method note that it is called."""

    def change(lib: Any, app: Any, log: list[str]) -> None:
        target = {"app": app, "class": lib.Flask, "response": lib.Response}[owner]
        original = getattr(target, name)

        def called(*arguments: Any, **named: Any) -> Any:
            return noted(log, name, original(*arguments, **named))

        setattr(target, name, called)

    return change


def connect(name: str) -> Callable[[Any, Any, list[str]], None]:
    def change(lib: Any, app: Any, log: list[str]) -> None:
        getattr(part(lib, "signals"), name).connect(lambda *_, **__: log.append(name), app, weak=False)

    return change


def set_setting(name: str, value: Any, on: str = "object") -> Callable[[Any, Any, list[str]], None]:
    """A change of what JSON is written by, on the app's provider or on a class of its own."""

    def change(lib: Any, app: Any, log: list[str]) -> None:
        if on == "class":
            # An own one, since the stock class is everybody's.
            app.json = type("Own", (type(app.json),), {})(app)
            _ = outcome(send, app, make_environ("/json"))
        setattr(type(app.json) if on == "class" else app.json, name, value)

    return change


def wrap(lib: Any, app: Any, log: list[str]) -> None:
    """Middleware, put around an application that is answering."""
    inner = app.wsgi_app

    def middleware(*arguments: Any) -> Any:
        return noted(log, "middleware", inner(*arguments))

    app.wsgi_app = middleware


def enter_half(lib: Any, app: Any, log: list[str]) -> None:
    """One of Flask's two context variables, set and reset by itself."""
    variable = part(lib, "globals")._cv_app
    token = variable.set(app.app_context())
    lib.g.own = "own"
    variable.reset(token)
    log.append(str("own" in lib.g))


CHANGES: dict[str, Callable[[Any, Any, list[str]], Any]] = {
    **{name: replace("app", name) for name in ("finalize_request", "make_response", "process_response")},
    **{
        f"class {name}": replace("class", name)
        for name in ("finalize_request", "do_teardown_request", "handle_exception")
    },
    **{f"response {name}": replace("response", name) for name in ("__call__", "get_wsgi_headers", "close")},
    **{name: connect(name) for name in SIGNALS if name != "got_request_exception"},
    "after": lambda lib, app, log: app.after_request_funcs.setdefault(None, []).append(
        lambda response: noted(log, "after", response)
    ),
    "teardown": lambda lib, app, log: app.teardown_request_funcs.setdefault(None, []).append(
        lambda error: log.append("teardown")
    ),
    "teardown of the app": lambda lib, app, log: app.teardown_appcontext_funcs.append(lambda error: log.append("left")),
    "other class": lambda lib, app, log: setattr(
        app, "response_class", type("Own", (lib.Response,), {"default_status": 203})
    ),
    "close": lambda lib, app, log: setattr(
        lib.request._get_current_object(), "close", lambda: log.append(f"closed {lib.request.path}")
    ),
    "files": lambda lib, app, log: log.append(str(lib.request.files.get("f"))),
    "trusted": lambda lib, app, log: app.config.update(TRUSTED_HOSTS=["example.com"]),
    "JSON as it comes": set_setting("sort_keys", value=False),
    "JSON beyond ASCII": set_setting("ensure_ascii", value=False, on="class"),
    "JSON of anything": set_setting("default", lambda o: type(o).__name__),
    "JSON of anything by a method": set_setting("default", lambda provider, o: type(provider).__name__, on="class"),
    "computed setting": set_setting("sort_keys", property(lambda provider: not vars(provider)), on="class"),
    "JSON in lines": set_setting("compact", value=False),
    "JSON of a type": set_setting("mimetype", "application/problem+json"),
    "JSON of a common type": set_setting("mimetype", "text/plain", on="class"),
    "debug": lambda lib, app, log: setattr(app, "debug", True),
    "debug by setting": lambda lib, app, log: app.config.update(DEBUG=True),
    "middleware": wrap,
    "half": enter_half,
    "other rule": lambda lib, app, log: setattr(lib.request, "url_rule", next(app.url_map.iter_rules("other"))),
    "own endpoint": lambda lib, app, log: app.view_functions.update(index=lambda: noted(log, "new", "new")),
    "own context": lambda lib, app, log: log.append(lib.copy_current_request_context(lambda: lib.request.path)()),
    "nested": lambda lib, app, log: log.append(app.test_client().get("/other").text),
}


@pytest.mark.parametrize("change", sorted(CHANGES))
@pytest.mark.parametrize("answer", ["text", "dict", "no JSON", "ValueError", "404"])
@pytest.mark.parametrize("by", ["view", "hook"])
def test_what_a_request_changes_has_its_effect_as_on_flask(change: str, answer: str, by: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        log: list[Any] = []
        app.logger.disabled = True

        def make_change(where: str) -> None:
            if by == where and lib.request.path == "/":
                CHANGES[change](lib, app, log)

        def index() -> Any:
            make_change("view")
            return ANSWERS[answer](lib)

        if by == "hook":
            app.before_request(lambda: make_change("hook"))
        app.add_url_rule("/", "index", index, methods=["GET", "POST"])
        app.add_url_rule("/json", "json", lambda: {"json": 1})
        app.add_url_rule("/other", "other", lambda: "other")
        watched = {(owner, name): owner.__dict__.get(name) for owner in (lib.Flask, lib.Response) for name in METHODS}
        body = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nfile\r\n--x--\r\n'
        try:
            answers = [outcome(send, app, make_environ("/other"))]
            answers += [outcome(send, app, make_post(body, "multipart/form-data; boundary=x")) for _ in range(2)]
            answers.append(outcome(send, app, make_environ("/other")))
        finally:
            for (owner, name), original in watched.items():
                if original is not None:
                    setattr(owner, name, original)
                elif name in owner.__dict__:
                    delattr(owner, name)
        assert current.get(None) is None
        return answers, log

    same(program)


METHODS = (
    "finalize_request",
    "do_teardown_request",
    "handle_exception",
    "__call__",
    "__init__",
    "get_wsgi_headers",
    "close",
)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_what_is_no_exception_leaves_nothing_behind(error: type[BaseException]) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        log: list[Any] = []
        app.add_url_rule("/", "index", lambda: fail(error("out")))
        app.teardown_request(lambda raised: log.append(type(raised).__name__))
        with pytest.raises(error):
            send(app)
        assert current.get(None) is None
        return log

    assert same(program) == [error.__name__]


def test_a_start_response_that_fails_leaves_nothing_behind() -> None:
    app = make_app(tuile)
    app.add_url_rule("/", "index", lambda: "text")
    with pytest.raises(OSError, match="gone"):
        app(make_environ(), lambda *_: fail(OSError("gone")))
    assert current.get(None) is None


def test_a_view_that_enters_an_app_context_and_stays_there_is_told_as_on_flask() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        kept: list[Any] = []

        def index() -> str:
            kept.append(app.app_context())
            kept[-1].push()
            return "text"

        app.add_url_rule("/", "index", index)
        raised = outcome(send, app)
        return raised[:2]

    assert same(program) == ("raised", "AssertionError")


def test_requests_inside_a_context_and_inside_each_other() -> None:
    def program(lib: Any) -> Any:
        inner, outer = make_app(lib), make_app(lib)
        inner.add_url_rule("/", "index", lambda: lib.current_app.name + lib.request.path)
        outer.add_url_rule(
            "/out", "out", lambda: send(inner).text + lib.request.path + send(outer, make_environ("/in")).text
        )
        outer.add_url_rule("/in", "in", lambda: lib.request.path)
        answers = [send(outer, make_environ("/out")).text]
        with outer.app_context():
            answers += [send(outer, make_environ("/out")).text, lib.current_app.name]
        with outer.test_request_context("/around"):
            answers += [send(outer, make_environ("/out")).text, lib.request.path]
        return answers

    same(program)


def test_many_threads_get_their_own_answers_while_a_step_comes_and_goes() -> None:
    app = make_app(tuile)
    app.add_url_rule("/<int:n>", "number", lambda n: str(n + tuile.request.view_args["n"]))  # type: ignore[index] # there
    send(app, make_environ("/1"))
    wrong: list[Any] = []
    over, disturbed = threading.Event(), threading.Event()

    def ask(first: int) -> None:
        # Not all of them before anything has changed.
        disturbed.wait(100)
        for n in range(first, first + 500):
            answer = outcome(send, app, make_environ(f"/{n}"))
            if answer[0] != "returned" or answer[1].text != str(2 * n):
                wrong.append(answer)

    def disturb() -> None:
        while not over.is_set():
            for owner, name in (
                (app, "finalize_request"),
                (tuile.Response, "__call__"),
                (tuile.Flask, "make_response"),
            ):
                with passing(owner, name):
                    pass
            disturbed.set()

    asking = [threading.Thread(target=ask, args=(1000 * number,)) for number in range(8)]
    disturbing = threading.Thread(target=disturb)
    for thread in (*asking, disturbing):
        thread.start()
    for thread in asking:
        thread.join()
    over.set()
    disturbing.join()
    assert wrong == []
    assert disturbed.is_set()
    assert app.plan.fast


@pytest.mark.parametrize("status", [101, 204, 304])
def test_a_status_without_a_body_by_default_sends_none(status: int) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.response_class = type("Own", (lib.Response,), {"default_status": status})
        app.add_url_rule("/", "index", lambda: "text")
        app.add_url_rule("/json", "json", dict)
        return [send(app, make_environ(path)) for path in ("/", "/json", "/")]

    assert {answer.body for answer in same(program)} == {b""}


def test_a_view_that_leaves_its_own_context_is_told_as_on_flask() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        started: list[str] = []
        app.add_url_rule("/", "index", lambda: part(lib, "globals").request_ctx.pop() or "text")
        raised = outcome(lambda: app(make_environ(), lambda status, headers: started.append(status)))  # type: ignore[call-overload]
        return raised[0], started

    assert same(program) == ("raised", [])


def test_a_view_that_stays_in_another_request_writes_to_its_session() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, SECRET_KEY="a key for these tests alone")
        started: list[Any] = []

        def index() -> str:
            app.test_request_context("/other").push()
            lib.session["x"] = 1
            return "text"

        app.add_url_rule("/", "index", index)

        def send_it() -> Any:
            return app(make_environ(), lambda status, headers: started.append(dict(headers)))  # type: ignore[call-overload]

        # In a copy, because the view's context stays.
        raised = outcome(copy_context().run, send_it)
        return raised[:2], [sorted(headers) for headers in started]

    assert "Set-Cookie" in same(program)[1][0]


def test_methods_of_one_object_are_called_as_on_flask() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        log: list[str] = []

        def index() -> Any:
            response = lib.make_response("text")
            response.__call__ = lambda *_: noted(log, "called", [])
            return response

        class Own(lib.Request):  # type: ignore[misc] # the framework's
            def __new__(cls, *_: Any, **__: Any) -> Any:
                log.append("made")
                return super().__new__(cls)

        app.request_class = Own
        app.add_url_rule("/", "index", index)
        app.add_url_rule("/json", "json", lambda: {"a": 1})
        provider: Any = app.json
        provider._prepare_response_obj = lambda *_: noted(log, "prepared", "own")
        return [send(app, make_environ(path)) for path in ("/", "/json", "/", "/json")], log

    same(program)


def test_what_was_put_on_an_object_and_taken_off_again_is_forgotten() -> None:
    app = make_app(tuile)
    app.session_interface = type(app.session_interface)()
    app.add_url_rule("/", "index", dict)
    send(app)

    def assumptions() -> tuple[object, ...]:
        plan = app.plan
        return plan.fast, plan.quiet, plan.json_start, plan.opens_lazily, plan.saves_plainly

    whole = assumptions()
    for owner, name in ((app.session_interface, "save_session"), (app.json, "response"), (app, "make_response")):
        with passing(owner, name):
            assert assumptions() != whole
        assert assumptions() == whole
        assert app.json.responds_plainly


def test_a_step_that_comes_and_goes_never_leaves_a_request_without_a_class() -> None:
    app = make_app(tuile)
    app.add_url_rule("/", "index", lambda: "text")
    send(app)
    before = sys.getswitchinterval()
    over = threading.Event()

    def disturb() -> None:
        while not over.is_set():
            with passing(app, "do_teardown_request"):
                pass

    disturbing = threading.Thread(target=disturb)
    sys.setswitchinterval(1e-6)
    try:
        disturbing.start()
        assert {send(app).body for _ in range(3000)} == {b"text"}
    finally:
        over.set()
        disturbing.join()
        sys.setswitchinterval(before)


@pytest.mark.parametrize("name", ["request_finished", "request_tearing_down", "appcontext_popped"])
def test_the_first_receiver_of_a_process_may_come_within_a_request(name: str) -> None:
    program = f"""
        from flask import Flask, {name}
        app, seen = Flask("demo"), []
        hear = lambda *_, **__: seen.append("heard")

        @app.route("/")
        def view():
            return "text"

        @app.route("/first")
        def first():
            {name}.connect(hear)
            return "text"

        client = app.test_client()
        for path in ("/", "/", "/first", "/first", "/"):
            client.get(path)
            seen.append(path)
    """
    assert (
        observe(program, shim=False)
        == observe(program)
        == ["/", "/", "heard", "/first", "heard", "/first", "heard", "/"]
    )


def test_the_first_receiver_of_a_process_may_come_between_requests() -> None:
    program = """
        from flask import Flask, request_started, appcontext_pushed
        app, seen = Flask("demo"), []
        app.add_url_rule("/", "index", lambda: "text")
        client = app.test_client()
        for signal in (None, None, request_started, appcontext_pushed):
            if signal is not None:
                signal.connect(lambda *_, name=signal.name, **__: seen.append(name), weak=False)
            client.get("/")
        seen.append(app.plan.is_plain)
    """
    assert observe(program) == ["request-started", "appcontext-pushed", "request-started", False]


@pytest.mark.parametrize("name", SIGNALS)
def test_receivers_of_a_signal_that_are_replaced_are_called(name: str) -> None:
    def program(lib: Any) -> Any:
        app, log = make_app(lib), list[Any]()
        app.add_url_rule("/", view_func=lambda: "hello")
        signal = getattr(part(lib, "signals"), name)

        def receive(sender: Any, **values: Any) -> None:
            log.append((sender is app, sorted(values)))

        with as_in_a_new_process(), mock.patch.object(signal, "receivers", {}):
            signal.connect(receive, app)
            answers = [send(app, make_environ("/")), repr(signal).partition(" at ")[0]]
            signal.disconnect(receive, app)
            answers.append(send(app, make_environ("/")))
        return [*answers, log, send(app, make_environ("/"))]

    same(program)
