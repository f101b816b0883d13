"""Streams and copies of a context of which nothing is registered to hear: they see what they see on Flask."""

from __future__ import annotations

import contextvars
import threading
from typing import TYPE_CHECKING, Any

import pytest

import tuile
from tests.beside_flask import make_app, make_environ, outcome, same, send
from tests.costs import entered
from tuile.ctx.app_context import current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def look_at_request(lib: Any) -> list[Any]:
    return [lib.request.path, lib.request.args.to_dict(), lib.request.endpoint, lib.request.view_args]


def look_at_app(lib: Any) -> list[Any]:
    app = lib.current_app._get_current_object()
    return [app.name, lib.has_app_context(), lib.has_request_context(), lib.globals.app_ctx.app is app]


def look_at_g(lib: Any) -> list[Any]:
    lib.g.count = lib.g.get("count", 0) + 1
    return [lib.g.count, sorted(lib.g), lib.globals.app_ctx.g is lib.g._get_current_object()]


def look_at_session(lib: Any) -> list[Any]:
    return [dict(lib.session), lib.session.modified]


def build(lib: Any) -> list[Any]:
    return [lib.url_for("item", number=2), lib.url_for("item", number=3, _external=True)]


def enter_others(lib: Any) -> list[Any]:
    app = lib.current_app._get_current_object()
    with app.app_context():
        inner = look_at_request(lib), "count" in lib.g
    with app.test_request_context("/other"):
        other = look_at_request(lib)
    return [inner, other, look_at_request(lib)]


def enter_again(lib: Any) -> list[Any]:
    context = lib.globals.request_ctx._get_current_object()
    with context:
        inside = look_at_request(lib), lib.g.get("count")
    return [inside, look_at_request(lib)]


def copy_there(lib: Any) -> list[Any]:
    return [lib.copy_current_request_context(lambda: [*look_at_request(lib), dict(lib.session)])()]


LOOKS: list[Callable[[Any], list[Any]]] = [
    look_at_request, look_at_app, look_at_g, look_at_session, build, enter_others, enter_again, copy_there,
]  # fmt: skip


def read_adapter(lib: Any, log: list[Any]) -> None:
    log.append(lib.globals.request_ctx.url_adapter.server_name)


CHANGES: dict[str, Callable[[Any, Any, list[Any]], None]] = {
    "nothing": lambda lib, app, log: None,
    "teardown": lambda lib, app, log: app.teardown_request(lambda error: log.append("teardown")),
    "app teardown": lambda lib, app, log: app.teardown_appcontext(lambda error: log.append("app teardown")),
    "preprocessor": lambda lib, app, log: app.url_value_preprocessor(lambda endpoint, values: values.clear()),
    "session": lambda lib, app, log: app.before_request(lambda: lib.session.update(name="set")),
    "reads session": lambda lib, app, log: app.before_request(lambda: log.append(dict(lib.session))),
    "g": lambda lib, app, log: app.before_request(lambda: setattr(lib.g, "before", 1)),
    "after": lambda lib, app, log: app.after_request(lambda response: response),
    "other rule": lambda lib, app, log: app.before_request(lambda: setattr(lib.request, "view_args", {"own": 1})),
    "app context": lambda lib, app, log: app.before_request(lambda: log.append(lib.globals.app_ctx.app.name)),
    "adapter": lambda lib, app, log: app.before_request(lambda: read_adapter(lib, log)),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("look", LOOKS, ids=[look.__name__ for look in LOOKS])
def test_a_chunk_sees_what_it_sees_on_flask(look: Callable[[Any], list[Any]], change: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, SECRET_KEY="key")
        log: list[Any] = []
        seen: list[Any] = []

        def chunks() -> Iterator[str]:
            seen.append(look(lib))
            yield "one"
            seen.append(look(lib))
            yield "two"

        def view(**arguments: Any) -> Any:
            lib.g.made = 1
            return lib.Response(lib.stream_with_context(chunks()))

        app.add_url_rule("/", "view", view)
        app.add_url_rule("/<int:number>", "item", view)
        app.add_url_rule("/other", "other", view)
        CHANGES[change](lib, app, log)
        texts = [
            contextvars.Context().run(lambda path=path: send(app, make_environ(path, QUERY_STRING="a=1")).text)  # type: ignore[misc]
            for path in ("/", "/7", "/", "/8", "/other")
        ]
        return texts, seen, [entry for entry in log if not str(entry).endswith("teardown")]

    same(program)


@pytest.mark.parametrize("signal", ["appcontext_pushed", "appcontext_popped", "request_tearing_down"])
def test_a_receiver_that_comes_during_a_stream_hears_its_end(signal: str) -> None:
    app = make_app(tuile)
    log: list[str] = []

    def receive(sender: Any, **values: Any) -> None:
        log.append(tuile.current_app.name if tuile.has_app_context() else "no app")

    def chunks() -> Iterator[str]:
        yield "one"
        getattr(tuile, signal).connect(receive, app)
        yield "two"

    app.add_url_rule("/", "view", lambda: tuile.Response(tuile.stream_with_context(chunks())))
    assert send(app).text == "onetwo"
    assert bool(log) is (signal != "appcontext_pushed")
    assert current.get(None) is None


@pytest.mark.parametrize("registers", ["teardown_request", "teardown_appcontext"])
def test_a_teardown_function_that_comes_during_a_stream_gets_its_error(registers: str) -> None:
    app = make_app(tuile)
    log: list[Any] = []
    register = getattr(app, registers)

    def chunks() -> Iterator[str]:
        yield "one"
        app._got_first_request = False
        register(lambda error: log.append((type(error).__name__, tuile.current_app.name)))
        app._got_first_request = True
        raise ValueError("in the middle")

    app.add_url_rule("/", "view", lambda: tuile.Response(tuile.stream_with_context(chunks())))
    send_twice = [outcome(send, app)[:2] for _ in range(1)]
    assert send_twice == [("raised", "ValueError")]
    assert log == [("ValueError", "beside")]
    assert current.get(None) is None


@pytest.mark.parametrize("when", ["never", "before", "after", "in the copy", "both"])
@pytest.mark.parametrize("where", ["view", "thread"])
@pytest.mark.parametrize("does", ["reads", "writes", "sets a cookie", "nothing"])
def test_a_copy_shares_the_session_and_the_cookies(  # noqa: C901 - each case is one line
    when: str, where: str, does: str
) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, SECRET_KEY="key")
        log: list[Any] = []

        def use() -> None:
            log.append((lib.request.path, lib.request.view_args, "own" in lib.g))
            if does == "writes":
                lib.session["from"] = "the copy"
            elif does == "reads" or when in {"in the copy", "both"}:
                log.append(dict(lib.session))
            elif does == "sets a cookie":
                lib.after_this_request(lambda response: response)

        def view(number: int) -> str:
            lib.g.own = 1
            if when in {"before", "both"}:
                lib.session["view"] = "before"
            copied = lib.copy_current_request_context(use)
            if when in {"after", "both"}:
                lib.session["more"] = "after"
            if where == "thread":
                thread = threading.Thread(target=copied)
                thread.start()
                thread.join()
            else:
                copied()
            copied()
            return str(dict(lib.session)) if when != "never" else "text"

        app.add_url_rule("/<int:number>", "view", view)
        answers = [send(app, make_environ("/7")) for _ in range(3)]
        return answers, log

    same(program)


@pytest.mark.skipif(not hasattr(tuile, "cookies"), reason="needs cookies")
@pytest.mark.parametrize("first", ["the request", "the copy"])
def test_a_cookie_set_in_a_copy_is_sent_with_the_response(first: str) -> None:
    app = make_app(tuile)

    def view() -> str:
        if first == "the request":
            tuile.cookies.set("one", "1")
        tuile.copy_current_request_context(lambda: tuile.cookies.set("two", "2"))()
        tuile.cookies.set("three", "3")
        return "text"

    app.add_url_rule("/", "view", view)
    names = [value.partition("=")[0] for name, value in send(app).headers if name == "Set-Cookie"]
    assert names == (["one"] if first == "the request" else []) + ["two", "three"]


@pytest.mark.parametrize("kind", ["function", "annotated", "lambda", "method", "partial", "object"])
def test_a_wrapped_function_has_the_attributes_it_has_on_flask(kind: str) -> None:
    def program(lib: Any) -> Any:
        import functools  # noqa: PLC0415 - for one case

        app = make_app(lib)

        def function() -> str:
            """Return a text."""
            return "text"

        def annotated(a: int = 1, *, b: str = "b") -> str:
            return f"{a} {b}"

        class Own:
            def method(self) -> str:
                return "method"

            def __call__(self) -> str:
                return "called"

        annotated.mark = "own"  # type: ignore[attr-defined] # an attribute of a function
        given: Any = {
            "function": function,
            "annotated": annotated,
            "lambda": lambda: "lambda",
            "method": Own().method,
            "partial": functools.partial(annotated, 2),
            "object": Own(),
        }[kind]
        with app.test_request_context():
            wrapper = lib.copy_current_request_context(given)
            names = ["__name__", "__qualname__", "__doc__", "__annotations__", "mark"]
            if hasattr(given, "__name__"):
                # Others have the module of the framework.
                names.append("__module__")
            found = [
                getattr(wrapper, name, "missing") for name in names if name != "__annotations__" or hasattr(given, name)
            ]
            return wrapper(), found, wrapper.__wrapped__ is given

    same(program)


def test_a_stream_enters_few_functions_besides_its_generator() -> None:

    app = make_app(tuile)
    count = 40
    app.add_url_rule("/", "view", lambda: tuile.Response(tuile.stream_with_context(b"piece" for _ in range(count))))
    for _ in range(3):
        send(app)
    parts: Any = app(make_environ(), lambda status, headers, exc_info=None: lambda part: None)
    names = entered(lambda: list(parts))
    parts.close()
    # The stream and its encoding for each piece, and what enters and leaves the request once.
    assert len(names) <= 3 * (count + 1) + 20


# What a generator does between two of its pieces, which the end of its request has to notice.
MEANWHILE: dict[str, Callable[[Any, Any, list[Any]], object]] = {
    "nothing": lambda lib, app, seen: None,
    "an error": lambda lib, app, seen: 1 / 0,
    "a teardown function": lambda lib, app, seen: app.teardown_request_funcs.setdefault(None, []).append(seen.append),
    "one of the app context": lambda lib, app, seen: app.teardown_appcontext_funcs.append(seen.append),
    "a step of its own": lambda lib, app, seen: setattr(app, "do_teardown_request", lambda *_: seen.append("own")),
    "an attribute of g": lambda lib, app, seen: setattr(lib.g, "name", 1),
    **{
        name: lambda lib, app, seen, name=name: getattr(lib, name).connect(  # type: ignore[misc]
            lambda *_, **__: seen.append((name, lib.has_request_context())), app, weak=False
        )
        for name in ("request_tearing_down", "appcontext_tearing_down", "appcontext_popped", "appcontext_pushed")
    },
}


@pytest.mark.parametrize("what", MEANWHILE)
def test_the_end_of_a_stream_notices_what_came_between_its_pieces(what: str) -> None:
    def program(lib: Any) -> Any:
        seen: list[Any] = []
        app = make_app(lib)

        def pieces() -> Iterator[str]:
            seen.append(lib.request.path)
            yield "a"
            MEANWHILE[what](lib, app, seen)
            yield "b"
            seen.append(lib.request.args["x"])

        app.add_url_rule("/", "view", lambda: lib.Response(lib.stream_with_context(pieces())))
        answers = [outcome(send, app, make_environ("/", QUERY_STRING="x=1")) for _ in range(3)]
        return answers, [repr(one) for one in seen]

    same(program)
