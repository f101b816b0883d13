"""How a request ends: every teardown function once, and what they do to the response is sent."""

from __future__ import annotations

import gc
import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tuile
from tests.beside_flask import Environ, make_app, make_environ, outcome, part, same, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuile import Flask


def by_server(app: Flask) -> None:
    send(app, make_environ("/"))


def by_test_request(app: Flask) -> None:
    with app.test_request_context("/"):
        pass


def by_app_context(app: Flask) -> None:
    with app.app_context():
        pass


def by_server_within_app_context(app: Flask) -> None:
    with app.app_context():
        send(app, make_environ("/"))


def by_keeping_client(app: Flask) -> None:
    with app.test_client() as client:
        client.get("/")


WAYS = [by_server, by_test_request, by_app_context, by_server_within_app_context, by_keeping_client]
ways = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


@ways
@pytest.mark.parametrize("touched", [False, True], ids=["", "app_ctx touched"])
@pytest.mark.parametrize("times", [1, 2])
def test_teardown_functions_run_once_though_one_enters_the_context_again(
    way: Callable[[Flask], None], touched: bool, times: int
) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        calls: list[Any] = []

        @app.route("/")
        def show() -> str:
            if touched:
                part(lib, "globals").app_ctx.anything = 1
            lib.g.kept = "kept"
            return "shown"

        def enter_again(error: BaseException | None) -> None:
            calls.append("first")
            for _ in range(times):
                with part(lib, "globals").app_ctx._get_current_object():
                    calls.append((lib.current_app.name, lib.g.get("kept")))

        app.teardown_appcontext(lambda error: calls.append("second"))
        app.teardown_appcontext(enter_again)
        way(app)
        return calls, lib.has_app_context(), lib.has_request_context()

    same(program)


@pytest.mark.parametrize("way", WAYS[:-1], ids=lambda way: way.__name__)
def test_a_teardown_request_function_may_enter_the_request_again(way: Callable[[Flask], None]) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        calls: list[Any] = []
        app.add_url_rule("/", "show", lambda: "shown")

        def enter_again(error: BaseException | None) -> None:
            with part(lib, "globals").request_ctx._get_current_object():
                calls.append(lib.request.path)

        app.teardown_request(enter_again)
        app.teardown_appcontext(lambda error: calls.append("app"))
        way(app)
        return calls, lib.has_app_context(), lib.has_request_context()

    same(program)


@ways
@pytest.mark.parametrize("kind", ["teardown_request", "teardown_appcontext"])
@pytest.mark.parametrize("stepwise", [False, True])
def test_all_teardown_functions_run_and_the_first_error_is_raised(
    way: Callable[[Flask], None], kind: str, stepwise: bool, caplog: pytest.LogCaptureFixture
) -> None:
    # Of its own name: the logger is its name's, and others disable theirs.
    app = tuile.Flask("teardown", static_folder=None)
    if stepwise:
        app.__class__ = type("Own", (tuile.Flask,), {"full_dispatch_request": tuile.Flask.full_dispatch_request})
    app.add_url_rule("/", "show", lambda: "shown")
    calls: list[Any] = []

    def make(name: str) -> Callable[[BaseException | None], None]:
        def fail(error: BaseException | None) -> None:
            calls.append(name)
            if name != "fine":
                raise LookupError(name)

        return fail

    for name in ("third", "fine", "second", "first"):
        getattr(app, kind)(make(name))
    app.teardown_appcontext(lambda error: calls.append("app"))
    expected = ["first", "second", "fine", "third"]
    if kind == "teardown_request" and way is by_app_context:
        expected = []
    with caplog.at_level(logging.ERROR):
        came = outcome(way, app)
    assert came == (("raised", "LookupError", "first") if expected else ("returned", None))
    assert [name for name in calls if name != "app"] == expected
    assert calls.count("app") == 1
    told = [record for record in caplog.records if "teardown" in record.getMessage()]
    logged = [str(record.exc_info[1]) for record in told if record.exc_info]
    assert logged == [name for name in expected if name in {"second", "third"}]
    assert not tuile.has_app_context()
    assert not tuile.has_request_context()


def test_what_is_no_exception_stops_the_teardown_at_once() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        calls: list[Any] = []
        app.teardown_appcontext(lambda error: calls.append("not reached"))

        def leave(error: BaseException | None) -> None:
            calls.append("leaving")
            raise SystemExit(3)

        app.teardown_appcontext(leave)
        with pytest.raises(SystemExit):
            by_app_context(app)
        return calls, lib.has_app_context()

    same(program)


@pytest.mark.parametrize("signal", ["request_tearing_down", "appcontext_tearing_down"])
def test_the_signal_is_sent_though_a_function_has_failed(signal: str) -> None:
    app, heard = make_app(tuile), []

    def fail(error: BaseException | None) -> None:
        raise LookupError("in a teardown")

    app.teardown_request(fail)
    app.teardown_appcontext(fail)
    with getattr(tuile, signal).connected_to(lambda sender, exc: heard.append(exc), app):
        assert outcome(by_test_request, app) == ("raised", "LookupError", "in a teardown")
    assert heard == [None]


def test_files_of_a_request_are_closed_though_a_teardown_function_has_failed() -> None:
    app, closed = make_app(tuile), []

    class Own(tuile.Request):
        def close(self) -> None:
            closed.append(True)

    def fail(error: BaseException | None) -> None:
        raise LookupError("in a teardown")

    app.request_class = Own
    app.teardown_request(fail)
    assert outcome(by_server, app)[0] == "raised"
    assert closed == [True]


# What is done to the response while it is on its way.


def call_on_close(response: Any, calls: list[Any]) -> None:
    response.call_on_close(lambda: calls.append("closed"))


def append_to_body(response: Any, calls: list[Any]) -> None:
    response.response.append(b" and more")


def replace_body(response: Any, calls: list[Any]) -> None:
    response.response = [b"other"]


def make_body_an_iterator(response: Any, calls: list[Any]) -> None:
    response.response = iter([b"a", b"b"])


def add_header(response: Any, calls: list[Any]) -> None:
    response.headers["X-Late"] = "yes"


def nothing(response: Any, calls: list[Any]) -> None:
    calls.append("nothing")


CHANGES = [call_on_close, append_to_body, replace_body, make_body_an_iterator, add_header, nothing]
changes = pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)


@changes
@pytest.mark.parametrize(
    "when", ["teardown_request", "teardown_appcontext", "request_tearing_down", "appcontext_popped"]
)
@pytest.mark.parametrize("got", ["returned", "after_request", "shared"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_is_done_to_the_response_at_the_end_is_sent_as_on_flask(
    change: Callable[..., None], when: str, got: str, method: str
) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        calls: list[Any] = []
        shared = lib.Response("shared")
        kept: list[Any] = []

        @app.route("/")
        def show() -> Any:
            if got == "shared":
                kept[:] = [shared]
                return shared
            if got == "returned":
                kept[:] = [lib.make_response("made")]
                return kept[0]
            return "text"

        if got == "after_request":

            @app.after_request
            def keep(response: Any) -> Any:
                kept[:] = [response]
                return response

        def at_end(*args: Any, **kwargs: Any) -> None:
            change(kept[0], calls)

        if when.startswith("teardown"):
            getattr(app, when)(at_end)
        else:
            getattr(lib, when).connect(at_end, app, weak=False)
        environ: Environ = make_environ("/", REQUEST_METHOD=method)
        return send(app, environ), calls

    same(program)


# What a teardown function of the app context may do, in the context that is left.
DEEDS: dict[str, Callable[[Any], Any]] = {
    "g read": lambda lib: lib.g.get("kept"),
    "g written": lambda lib: setattr(lib.g, "kept", "by teardown"),
    "app_ctx": lambda lib: (part(lib, "globals").app_ctx.app.name, part(lib, "globals").app_ctx.g.get("kept")),
    "the same app_ctx": lambda lib: (
        part(lib, "globals").app_ctx._get_current_object() is part(lib, "globals").app_ctx._get_current_object()
    ),
    "pushes": lambda lib: len(part(lib, "globals").app_ctx._cv_tokens),
    "current_app": lambda lib: lib.current_app.name,
    "has": lambda lib: (lib.has_app_context(), lib.has_request_context()),
    "request": lambda lib: lib.request.path,
    "session": lambda lib: lib.session.get("a"),
    "adapter": lambda lib: getattr(part(lib, "globals").app_ctx.url_adapter, "server_name", None),
    "url_for": lambda lib: lib.url_for("show"),
    "another app": lambda lib: by_app_context(make_app(lib)),
    "test request": lambda lib: by_test_request(lib.current_app),
    "app context": lambda lib: by_app_context(lib.current_app),
    "render": lambda lib: lib.render_template_string("{{ g.kept }}{{ request }}"),
    "cv": lambda lib: (
        part(lib, "globals")._cv_app.get(None) is not None,
        part(lib, "globals")._cv_request.get(None) is None,
    ),
}


@pytest.mark.parametrize("way", WAYS[:2], ids=lambda way: way.__name__)
@pytest.mark.parametrize("touched", ["", "g", "app_ctx"])
@pytest.mark.parametrize("settings", [{}, {"SERVER_NAME": "example.com"}], ids=["", "SERVER_NAME"])
def test_teardown_functions_of_the_app_context_find_the_app_and_no_request(  # noqa: C901 - one program
    way: Callable[[Flask], None], touched: str, settings: dict[str, Any]
) -> None:
    def program(lib: Any, names: list[str]) -> Any:
        app = make_app(lib, **settings)
        found: list[Any] = []
        depth: list[int] = []

        @app.before_request
        def touch() -> None:
            if touched == "g":
                lib.g.kept = "kept"
            elif touched == "app_ctx":
                part(lib, "globals").app_ctx.g.kept = "kept"

        app.add_url_rule("/", "show", lambda: "shown")

        @app.teardown_appcontext
        def tear_down(error: BaseException | None) -> None:
            # The contexts that a deed enters are left as well.
            if depth:
                return
            depth.append(1)
            found.extend(outcome(DEEDS[name], lib) for name in names)
            depth.pop()

        for _ in range(2):
            way(app)
        return found, lib.has_app_context(), lib.has_request_context()

    for first in DEEDS:
        for second in ("g read", "app_ctx", "pushes", "has"):
            same(program, [first, second])


# A request that nobody has read when it is left.

KEEPING: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda lib: None,
    "the context": lambda lib: part(lib, "globals").request_ctx._get_current_object(),
    "the request": lambda lib: SimpleNamespace(request=lib.request._get_current_object()),
    "the app context": lambda lib: part(lib, "globals").app_ctx._get_current_object(),
}
AT_END: dict[str, Callable[[Any, list[Any]], object]] = {
    "nothing": lambda lib, seen: None,
    "reads": lambda lib, seen: seen.append((lib.request.path, lib.request.blueprints, lib.request.endpoint)),
    "asks": lambda lib, seen: seen.append((lib.has_request_context(), lib.has_app_context(), bool(lib.request))),
    "reads g": lambda lib, seen: seen.append(lib.g.get("n")),
    "reads the session": lambda lib, seen: seen.append(dict(lib.session)),
    "assigns another": lambda lib, seen: setattr(
        part(lib, "globals").request_ctx, "request", lib.Request(make_environ("/other"))
    ),
    "raises": lambda lib, seen: next(iter(())),
}


def _closing(lib: Any, seen: list[Any]) -> Any:
    class Closing(lib.Request):  # type: ignore[misc]
        def close(self) -> None:
            seen.append(("closed", self.path))
            super().close()

    return Closing


def _with_blueprints(lib: Any, seen: list[Any]) -> Any:
    class Named(lib.Request):  # type: ignore[misc]
        @property
        def blueprints(self) -> list[str]:
            return ["other"]

    return Named


CLASSES: dict[str, Callable[[Any, list[Any]], Any]] = {
    "stock": lambda lib, seen: lib.Request,
    "closing": _closing,
    "named": _with_blueprints,
}


def _with_functions_at_end(lib: Any, ends: list[tuple[str, str]], keep: Callable[[], object], seen: list[Any]) -> Flask:
    """Return an app with functions of it, of blueprints and of app contexts, and views that read no request."""
    app = make_app(lib, PROPAGATE_EXCEPTIONS=False)
    app.logger.disabled = True
    pages, other = lib.Blueprint("pages", "pages"), lib.Blueprint("other", "other")

    def view() -> str:
        keep()
        return "text"

    def fails() -> str:
        raise KeyError

    for where, what in ends:

        def at_end(error: BaseException | None, where: str = where, what: str = what) -> None:
            seen.append((where, what, type(error).__name__))
            if len(ends) == 1:
                AT_END[what](lib, seen)
            else:
                # Functions after one that fails run here.
                seen.append(outcome(AT_END[what], lib, seen))

        register = {"app": app.teardown_request, "pages": pages.teardown_request, "other": other.teardown_request}
        register.get(where, app.teardown_appcontext)(at_end)
    app.add_url_rule("/", "view", view)
    pages.add_url_rule("/", "view", view)
    pages.add_url_rule("/fails", "fails", fails)
    app.register_blueprint(pages, url_prefix="/pages")
    app.register_blueprint(other)
    return app


@given(
    kind=st.sampled_from(list(CLASSES)),
    path=st.sampled_from(["/", "/pages/", "/pages/fails", "/missing"]),
    keeps=st.sampled_from(list(KEEPING)),
    ends=st.lists(
        st.tuples(st.sampled_from(["app", "pages", "other", "app context"]), st.sampled_from(list(AT_END))), max_size=3
    ),
)
@settings(max_examples=200, deadline=None)
def test_a_request_that_nobody_has_read_is_left_as_on_flask(
    kind: str, path: str, keeps: str, ends: list[tuple[str, str]]
) -> None:
    # Where a function fails, the request is closed here all the same.
    assume(kind != "closing" or all(what != "raises" for _, what in ends))

    def program(lib: Any) -> Any:
        seen: list[Any] = []
        kept: list[Any] = []
        app = _with_functions_at_end(lib, ends, lambda: kept.append(KEEPING[keeps](lib)), seen)
        app.request_class = CLASSES[kind](lib, seen)
        for _ in range(3):
            environ = make_environ(path)
            seen.append(outcome(send, app, environ))
            if all(what != "assigns another" for _, what in ends):
                # Otherwise that one is taken from its environ, which is another.
                seen.append(environ.get("werkzeug.request", "absent"))
            seen.append((lib.has_request_context(), lib.has_app_context()))
            # As a server that uses it again.
            environ.update(PATH_INFO="/used-again", REQUEST_METHOD="PUT")
            if kept and (request := getattr(kept.pop(), "request", None)) is not None:
                seen.append((request.path, request.method))
        return seen

    same(program)


@pytest.mark.parametrize("names", [[], ["teardown_request"], ["before_request", "teardown_appcontext"]])
def test_each_request_of_a_class_with_a_finalizer_is_made_and_finalized(names: list[str]) -> None:
    def program(lib: Any) -> Any:
        seen: list[str] = []
        app = make_app(lib)
        app.request_class = type("Finalized", (lib.Request,), {"__del__": lambda _: seen.append("finalized")})
        app.add_url_rule("/", "view", lambda: "text")
        for name in names:
            getattr(app, name)(lambda *_: seen.append("hook"))
        for path in ("/", "/", "/missing", "/"):
            send(app, make_environ(path))
            gc.collect()
            seen.append("answered")
        return seen

    same(program)
