"""Applications with an `app_context` of their own answer as on Flask, whatever it does."""

from __future__ import annotations

import contextvars
import re
from typing import Any

import pytest

import tuile
from tests.beside_flask import SIGNALS, make_app, make_environ, outcome, part, same, send


def _tagged(lib: Any, app: Any, context: Any, calls: list[str]) -> Any:
    context.g.tag = len(calls)
    return context


def _with_another_namespace(lib: Any, app: Any, context: Any, calls: list[str]) -> Any:
    context.g = type("Namespace", (), {"tag": "another", "get": lambda self, name, default=None: "another"})()
    return context


def _pushed_by_another_method(lib: Any, app: Any, context: Any, calls: list[str]) -> Any:
    push, pop = context.push, context.pop

    def pushed() -> None:
        calls.append("pushed")
        push()

    def popped(*args: Any) -> None:
        calls.append(f"popped {len(args)}")
        pop(*args)

    context.push, context.pop = pushed, popped
    return context


def _of_a_subclass(lib: Any, app: Any, context: Any, calls: list[str]) -> Any:
    class Own(part(lib, "ctx").AppContext):  # type: ignore[misc]
        def push(self) -> None:
            calls.append("push")
            super().push()

        def pop(self, *args: Any) -> None:
            calls.append("pop")
            super().pop(*args)

    return Own(app)


def _of_another_app(lib: Any, app: Any, context: Any, calls: list[str]) -> Any:
    other = lib.Flask("other")
    other.secret_key = "other"
    return lib.Flask.app_context(other)


def _failing_at_times(lib: Any, app: Any, context: Any, calls: list[str]) -> Any:
    if len(calls) % 3 == 2:
        raise ValueError(f"no context {len(calls)}")
    return context


def _refusing(lib: Any, app: Any, context: Any, calls: list[str]) -> Any:
    lib.abort(403)


def _asking(lib: Any, app: Any, context: Any, calls: list[str]) -> Any:
    calls.append(f"{lib.has_request_context()} {lib.has_app_context()}")
    return context


def _hooking(lib: Any, app: Any, context: Any, calls: list[str]) -> Any:
    # Registered while a request is entered.
    if len(calls) == 1:
        app.teardown_appcontext_funcs.append(lambda error: calls.append(f"torn down {error!r} {lib.g.get('tag')}"))
    return context


def _without_a_context(lib: Any, app: Any, context: Any, calls: list[str]) -> Any:
    return None


OWN = [
    _tagged, _with_another_namespace, _pushed_by_another_method, _of_a_subclass, _of_another_app, _failing_at_times,
    _refusing, _asking, _hooking, _without_a_context,
]  # fmt: skip


@pytest.mark.parametrize("config", [{}, {"SERVER_NAME": "localhost"}, {"PROPAGATE_EXCEPTIONS": True}], ids=str)
@pytest.mark.parametrize("registered", ["nothing", "functions", "signals"])
@pytest.mark.parametrize("own", OWN, ids=lambda own: own.__name__)
def test_an_app_context_of_its_own_is_entered_and_left_as_on_flask(own: Any, registered: str, config: Any) -> None:
    def program(lib: Any) -> Any:
        calls: list[str] = []

        class Own(lib.Flask):  # type: ignore[misc]
            def app_context(self) -> Any:
                calls.append("made")
                return own(lib, self, super().app_context(), calls)

        app = Own("own", static_folder=None)
        app.logger.disabled = True
        app.config.update(config)
        app.secret_key = "key"

        def note(*args: Any, **kwargs: Any) -> None:
            tag = lib.g.get("tag") if lib.has_app_context() else None
            calls.append(f"{lib.has_request_context()} {tag} {kwargs.get('exc')!r}")

        if registered == "functions":
            app.teardown_request(lambda error: calls.append(f"request ends {error!r} {lib.g.get('tag')}"))
            app.teardown_appcontext(lambda error: calls.append(f"ends {error!r} {lib.has_request_context()}"))
        elif registered == "signals":
            lib.appcontext_pushed.connect(note)
            lib.appcontext_tearing_down.connect(note)
            lib.appcontext_popped.connect(note)
        try:
            found = [*_answers(lib, app, calls), lib.has_app_context(), calls]
            # Errors may show where something is in memory.
            return re.sub(r"0x[0-9a-f]+", "0x", repr(found))
        finally:
            for signal in (lib.appcontext_pushed, lib.appcontext_tearing_down, lib.appcontext_popped):
                signal.disconnect(note)

    same(program)


def _answers(lib: Any, app: Any, calls: list[str]) -> list[Any]:
    def view() -> Any:
        lib.session["n"] = 1
        calls.append(f"view {lib.current_app.name} {lib.g.get('tag')} {lib.globals.app_ctx.g.get('tag')}")
        return f"{lib.request.path} {lib.url_for('view')}"

    def fail() -> Any:
        raise LookupError("no view")

    app.add_url_rule("/", "view", view)
    app.add_url_rule("/fail", "fail", fail)
    app.add_url_rule("/stream", "stream", lambda: lib.stream_with_context(f"{lib.g.get('tag')} " for _ in range(2)))
    paths = ["/", "/", "/fail", "/", "/missing", "/stream", "/"]
    answers = [outcome(send, app, make_environ(path)) for path in paths]

    def keep() -> Any:
        with app.test_client() as client:
            client.get("/")
            return lib.request.path, lib.g.get("tag")

    return [*answers, outcome(keep)]


def test_an_app_with_an_app_context_of_its_own_has_the_fast_path() -> None:
    class Own(tuile.Flask):
        def app_context(self) -> Any:
            return super().app_context()

    app = Own("own")
    app.add_url_rule("/", "index", lambda: "text")
    assert [send(app, make_environ("/")).body for _ in range(3)] == [b"text"] * 3
    assert app._current_plan().fast


def enter_another(lib: Any, app: Any, log: list[Any]) -> None:
    if not log or log[-1] != "within":
        log.append("within")
        with app.app_context():
            log.append(("inner", "a" in lib.g))
        with app.test_request_context("/other"):
            log.append(lib.request.path)


HEARD: dict[str, Any] = {
    "nothing": lambda lib, app, log: None,
    "looks": lambda lib, app, log: log.append((lib.has_request_context(), lib.has_app_context(), lib.current_app.name)),
    "sets g": lambda lib, app, log: setattr(lib.g, "a", 1),
    "keeps the context": lambda lib, app, log: log.append(lib.globals.app_ctx._get_current_object()) or log.pop(),
    "counts its pushes": lambda lib, app, log: log.append(len(lib.globals.app_ctx._cv_tokens)),
    "reads the request": lambda lib, app, log: log.append(lib.request.path),
    "builds a URL": lambda lib, app, log: log.append(lib.url_for("view")),
    "fails": lambda lib, app, log: log.append(1 / 0),
    "aborts": lambda lib, app, log: lib.abort(418),
    "leaves": lambda lib, app, log: raise_exit(),
    "enters another": enter_another,
    "leaves the context": lambda lib, app, log: lib.globals.app_ctx.pop(),
    "enters it once more": lambda lib, app, log: log or (log.append("once more"), lib.globals.app_ctx.push()),
    "stays in another": lambda lib, app, log: log or (log.append("another"), app.app_context().push()),
    "stays in another app's": lambda lib, app, log: lib.Flask("other").app_context().push(),
    "stays in another request": lambda lib, app, log: (
        log or (log.append("request"), app.test_request_context("/other").push())
    ),
    "sets the variable": lambda lib, app, log: lib.globals._cv_app.set(lib.Flask("other").app_context()),
    "replaces a step": lambda lib, app, log: setattr(app, "make_response", lambda rv: lib.Response(f"own {rv}")),
    "teardown": lambda lib, app, log: app.teardown_appcontext_funcs.append(lambda error: log.append("teardown")),
}


def raise_exit() -> None:
    raise SystemExit(3)


@pytest.mark.parametrize("also", ["", "all", "after", "session", "hosts", "name", "error"])
@pytest.mark.parametrize("does", HEARD)
def test_receivers_of_the_app_context_hear_what_they_hear_on_flask(does: str, also: str) -> None:  # noqa: C901 - cases
    def program(lib: Any) -> Any:  # noqa: C901 - as above
        more: Any = {"hosts": {"TRUSTED_HOSTS": ["example.org"]}, "name": {"SERVER_NAME": "localhost"}}.get(also, {})
        app = make_app(lib, SECRET_KEY="k" * 32, PROPAGATE_EXCEPTIONS=also == "all", **more)
        app.logger.disabled = True
        log: list[Any] = []

        def hear(sender: Any, **values: Any) -> None:
            HEARD[does](lib, app, log)

        def note(sender: Any, **values: Any) -> None:
            log.append((sorted(values), lib.has_app_context(), lib.has_request_context()))

        def view() -> Any:
            name = lib.current_app.name if lib.has_app_context() else None
            log.append((name, lib.request.path))
            log.append((sorted(lib.g), lib.request.path, len(lib.globals.app_ctx._cv_tokens)))
            if also == "session":
                lib.session["a"] = 1
            if also == "error":
                raise ValueError("wrong")
            return "text"

        app.add_url_rule("/", "view", view)
        lib.appcontext_pushed.connect(hear, app)
        if also == "all":
            for name in SIGNALS:
                getattr(lib, name).connect(note, app)
        if also == "after":
            app.after_request(lambda response: (response.headers.set("X-One", "1"), response)[1])
        found = []
        for path in ("/", "/", "/missing", "/"):
            context = contextvars.copy_context()
            found.append(context.run(ended, send, app, make_environ(path)))
            found.append(context.run(lib.has_app_context))
        return found, log

    same(program)


def ended(function: Any, *given: Any) -> Any:
    try:
        kind, *rest = outcome(function, *given)
    except SystemExit as error:
        return "left", error.code
    # The text of some errors has addresses.
    return [kind, *rest] if kind == "returned" else [kind, rest[0]]
