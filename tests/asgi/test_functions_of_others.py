"""Functions of other blueprints and handlers of other errors have no part in a request, and cost it no thread."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import NotFound
from werkzeug.test import create_environ

import tuile
from tests.asgi.driver import ask, run
from tests.asgi.test_both_protocols import by_asgi, by_wsgi
from tuile.asgi.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterable

KINDS = ("before_request", "after_request", "teardown_request", "url_value_preprocessor", "app_errorhandler")
#: What may be registered: the kind of a function, and whether it is a coroutine function.
REGISTERED = [(kind, awaits) for kind in KINDS for awaits in (False, True) if not (awaits and kind.startswith("url"))]
ERRORS: dict[str, Any] = {"403": 403, "404": 404, "405": 405, "KeyError": KeyError, "Exception": Exception}
PATHS = ["/", "/abort", "/key", "/redirect", "/moves", "/outer", "/inner", "/outer/inner", "/nothing", "/other/"]


class Program:
    """An application with blueprints, functions in some of them, and handlers of errors.

    Args:
        registered: The functions: the number of their blueprint, their kind, and whether they are coroutine functions.
        handled: The errors with a handler of the app, and whether it is a coroutine function.
    """

    def __init__(self, registered: Iterable[tuple[int, tuple[str, bool]]], handled: dict[str, bool]) -> None:
        self.trace: list[str] = []
        self.app = app = tuile.Flask("others", static_folder=None)
        outer, inner, other = (tuile.Blueprint(name, "others") for name in ("outer", "inner", "other"))
        for number, (kind, awaits) in registered:
            self.register((app, outer, inner, other)[number], kind, awaits=awaits)
        for name, awaits in handled.items():
            app.register_error_handler(ERRORS[name], self.noting(f"handler of {name}", awaits, "handled"))
        for path, view in (("/", self.hello), ("/abort", self.abort), ("/key", self.key), ("/redirect", self.redirect)):
            app.add_url_rule(path, f"app{path[1:]}", view)
        app.add_url_rule("/moves", "moves", self.moves)
        outer.add_url_rule("/outer", "outer", self.hello)
        outer.add_url_rule("/outer/abort", "abort", self.abort)
        inner.add_url_rule("/inner", "inner", self.hello)
        outer.register_blueprint(inner, url_prefix="/outer")
        other.add_url_rule("/other/", "other", self.hello)
        for blueprint in (outer, other):
            app.register_blueprint(blueprint)

    def register(self, on: Any, kind: str, *, awaits: bool) -> None:
        """Register one function."""
        word = f"{kind} of {on.name}"
        if kind == "app_errorhandler":
            on.errorhandler(403)(self.noting(word, awaits, "handled"))
        elif kind == "after_request":

            def after(response: Any) -> Any:
                self.trace.append(word)
                response.headers[f"X-{on.name}"] = "seen"
                return response

            on.after_request(awaited(after) if awaits else after)
        else:
            getattr(on, kind)(self.noting(word, awaits))

    def noting(self, word: str, awaits: bool, result: Any = None) -> Any:
        """Return a function that notes its call."""

        def note(*args: object) -> Any:
            self.trace.append(f"{word} for {tuile.request.path}")
            return result

        return awaited(note) if awaits else note

    async def hello(self) -> str:
        """Answer."""
        self.trace.append("view")
        await asyncio.sleep(0)
        return "Hello"

    async def abort(self) -> str:
        """Refuse."""
        tuile.abort(403)

    async def key(self) -> str:
        """Fail."""
        missing: dict[str, str] = {}
        return missing["missing"]

    async def redirect(self) -> Any:
        """Redirect by an error of its own."""
        tuile.abort(tuile.redirect("/"))

    async def moves(self) -> str:
        """Let the request seem to be another blueprint's."""
        (rule,) = self.app.url_map.iter_rules("outer.outer")
        tuile.request.url_rule = rule
        return "moved"


def awaited(function: Any) -> Any:
    """Return a function as a coroutine function."""

    async def call(*args: object) -> Any:
        await asyncio.sleep(0)
        return function(*args)

    return call


@settings(deadline=None, max_examples=60)
@given(
    registered=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(REGISTERED)), max_size=4),
    handled=st.dictionaries(st.sampled_from(sorted(ERRORS)), st.booleans(), max_size=2),
    requests=st.lists(
        st.tuples(st.sampled_from([*PATHS, "/outer/abort"]), st.sampled_from(["GET", "OPTIONS", "POST"])),
        min_size=1,
        max_size=5,
    ),
)
def test_the_same_functions_run_by_either_protocol(
    registered: list[tuple[int, tuple[str, bool]]], handled: dict[str, bool], requests: list[tuple[str, str]]
) -> None:
    observed = []
    loop = asyncio.new_event_loop()
    for send in (by_wsgi, partial(by_asgi, loop=loop)):
        program = Program(registered, handled)
        # The first request of an app takes a worker.
        answers = [send(program.app, create_environ(path, method=how)) for path, how in [("/", "GET"), *requests]]
        observed.append((answers, program.trace))
    loop.close()
    assert observed[0] == observed[1]


@pytest.mark.parametrize("path", ["/", "/abort", "/other/", "/nothing"])
def test_a_request_that_they_have_no_part_in_takes_no_worker(path: str) -> None:
    functions = [(number, (kind, False)) for number in (1, 2) for kind in KINDS]
    program = Program(functions, {"KeyError": False})

    async def exchange() -> int:
        await ask(program.app, "/")
        del program.trace[:]
        with mock.patch.object(Workers, "submit", side_effect=AssertionError("a worker was asked")):
            return (await ask(program.app, path)).status

    status = run(exchange)
    assert status == {"/abort": 403, "/nothing": 404}.get(path, 200)
    assert not [note for note in program.trace if note != "view"]


def test_a_function_that_is_registered_later_runs() -> None:
    program = Program([(1, ("after_request", False))], {})

    async def exchange() -> list[Any]:
        await ask(program.app, "/")
        before = await ask(program.app, "/")
        program.app.after_request_funcs.setdefault(None, []).append(lambda response: tuile.make_response("later"))
        program.app.before_request_funcs.setdefault("other", []).append(lambda: "instead")
        after = [await ask(program.app, path) for path in ("/", "/other/")]
        program.app.error_handler_spec[None][404][NotFound] = lambda error: ("not here", 404)
        return [before.text, *(answer.text for answer in after), (await ask(program.app, "/nothing")).text]

    assert run(exchange) == ["Hello", "later", "later", "later"]


@pytest.mark.parametrize("name", ["endpoint", "blueprint", "blueprints"])
def test_a_class_of_requests_with_blueprints_of_its_own_is_asked_where_its_request_is_current(name: str) -> None:
    value = {"endpoint": "other.dotted", "blueprint": "other", "blueprints": ["other"]}[name]

    def read(request: Any) -> Any:
        assert tuile.request.path == request.path
        return value

    own = type("Own", (tuile.Request,), {name: property(read)})
    observed = []
    loop = asyncio.new_event_loop()
    for send in (by_wsgi, partial(by_asgi, loop=loop)):
        program = Program([(3, (kind, False)) for kind in KINDS], {"404": True})
        program.app.request_class = own
        answers = [send(program.app, create_environ(path)) for path in ("/", "/", "/abort", "/nothing", "/outer")]
        observed.append((answers, program.trace))
    loop.close()
    assert observed[0] == observed[1]
    assert any("of other" in note for note in observed[0][1])
