"""Contexts: how they are entered, what they carry, and how they are left, as on Flask in every order."""

from __future__ import annotations

import asyncio
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from contextvars import copy_context
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
from greenlet import greenlet  # type: ignore[import-untyped] # its stubs are a package of their own
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.routing import Rule

import tuile
from tests.beside_flask import Environ, make_app, make_environ, outcome, part, same, send
from tuile.ctx.app_context import current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tuile import Flask


@pytest.fixture(autouse=True)
def _nothing_stays_current() -> Iterator[None]:
    assert current.get(None) is None
    yield
    left = current.get(None)
    current.set(None) if left is not None else None
    assert left is None


class Diary:
    """What happens to the contexts of some apps, in order, with what is current at each moment."""

    def __init__(self, lib: Any) -> None:
        self.lib = lib
        self.entries: list[Any] = []

    def note(self, event: str, *details: Any) -> None:
        self.entries.append((event, *details, self.snapshot()))

    def snapshot(self) -> Any:
        lib = self.lib
        app = lib.current_app.import_name if lib.current_app else None
        request = lib.request.path if lib.request else None
        kept = dict(vars(lib.g._get_current_object())) if lib.g else None
        return app, request, kept, lib.has_app_context(), lib.has_request_context()

    def follow(self, app: Flask) -> Flask:
        """Note every hook and signal of an app."""
        name = app.import_name

        def noter(event: str) -> Callable[..., None]:
            def note(error: BaseException | None = None) -> None:
                self.note(f"{name} {event}", type(error).__name__)

            return note

        app.teardown_request(noter("teardown_request"))
        app.teardown_appcontext(noter("teardown_appcontext"))
        for signal in ("appcontext_pushed", "appcontext_tearing_down", "appcontext_popped", "request_tearing_down"):

            def receive(sender: Any, signal: str = signal, exc: Any = None, **extra: Any) -> None:
                self.note(f"{name} {signal}", type(exc).__name__, sorted(extra))
                if signal == "appcontext_pushed":
                    # What else is current then has a test of its own.
                    self.entries[-1] = self.entries[-1][:-1]

            getattr(self.lib, signal).connect(receive, app, weak=False)
        return app


def make_apps(lib: Any, diary: Diary) -> dict[str, Flask]:
    apps = {}
    for name in ("one", "two"):
        apps[name] = diary.follow(lib.Flask(name, static_folder=None))
        apps[name].secret_key = name
    return apps


# Any order in which contexts can be entered and left, the last one first.

Command = tuple[Any, ...]
COMMANDS: list[Command] = [
    ("app", "one"),
    ("app", "two"),
    ("request", "one", "/a"),
    ("request", "one", "/b"),
    ("request", "two", "/c"),
    ("again", 0),
    ("again", -1),
    ("again", -2),
    ("copy", -1),
    ("keep", "k"),
    ("keep", "l"),
    ("pop",),
    ("pop",),
    ("pop", None),
    ("pop", ValueError("given")),
]


class Walk:
    """Commands carried out one after another; each method is one kind of command."""

    def __init__(self, lib: Any) -> None:
        self.lib = lib
        self.diary = Diary(lib)
        self.apps = make_apps(lib, self.diary)
        self.made: list[Any] = []
        self.stack: list[Any] = []

    def enter(self, context: Any) -> None:
        self.made.append(context)
        context.push()
        self.stack.append(context)

    def app(self, name: str) -> None:
        self.enter(self.apps[name].app_context())

    def request(self, name: str, path: str) -> None:
        self.enter(self.apps[name].test_request_context(path))

    def again(self, index: int) -> None:
        if -len(self.made) <= index < len(self.made):
            self.enter(self.made[index])

    def copy(self, index: int) -> None:
        if self.made and hasattr(self.made[index], "copy"):
            self.enter(self.made[index].copy())

    def keep(self, name: str) -> None:
        if self.stack:
            setattr(self.lib.g, name, len(self.diary.entries))

    def pop(self, *error: Any) -> None:
        if self.stack:
            self.stack.pop().pop(*error)

    def leave(self, index: int) -> None:
        if -len(self.stack) <= index < len(self.stack):
            self.stack.pop(index).pop(None)


def perform(lib: Any, commands: list[Command]) -> Any:
    walk = Walk(lib)
    for kind, *arguments in [*commands, *[("pop",)] * len(commands)]:
        walk.diary.note("before", kind)
        getattr(walk, kind)(*arguments)
    assert not walk.stack
    walk.diary.note("after")
    return walk.diary.entries


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(COMMANDS), min_size=1, max_size=12))
def test_contexts_nest_in_any_way_as_on_flask(commands: list[Command]) -> None:
    same(perform, commands)


def perform_until_it_fails(lib: Any, commands: list[Command]) -> Any:
    """As `perform`, up to the first mistake; what is current after one is nobody's business."""
    walk = Walk(lib)

    def carry_out() -> Any:
        for kind, *arguments in [*commands, *[("pop",)] * len(commands)]:
            walk.diary.note("before", kind)
            how, *error = outcome(getattr(walk, kind), *arguments)
            if how == "raised":
                return error[0], walk.diary.entries
        walk.diary.note("after")
        return "", walk.diary.entries

    return copy_context().run(carry_out)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.lists(st.sampled_from([*COMMANDS, *[("leave", index) for index in range(-3, 3)]]), min_size=2, max_size=10))
def test_contexts_are_left_in_any_order_as_on_flask(commands: list[Command]) -> None:
    same(perform_until_it_fails, commands)


@pytest.mark.parametrize(
    "commands",
    [
        [("app", "one"), ("request", "one", "/a"), ("keep", "k"), ("pop",), ("pop",)],
        [("request", "one", "/a"), ("keep", "k"), ("request", "one", "/b"), ("keep", "l"), ("pop",), ("pop",)],
        [("request", "one", "/a"), ("keep", "k"), ("request", "two", "/c"), ("keep", "l"), ("pop",), ("pop",)],
        [("request", "one", "/a"), ("keep", "k"), ("app", "one"), ("keep", "l"), ("pop",), ("pop",)],
        [("request", "one", "/a"), ("again", 0), ("keep", "k"), ("pop",), ("pop",)],
        [("request", "one", "/a"), ("pop",), ("again", 0), ("keep", "k"), ("pop",)],
        [("app", "one"), ("app", "two"), ("request", "one", "/a"), ("again", 0), ("pop",), ("pop",), ("pop",)],
        [("request", "one", "/a"), ("copy", -1), ("keep", "k"), ("pop",), ("pop",)],
    ],
    ids=lambda commands: " ".join(str(command[0]) for command in commands),
)
def test_a_nesting_that_people_use_goes_as_on_flask(commands: list[Command]) -> None:
    same(perform, commands)


def test_a_request_shares_g_with_its_own_apps_context_only() -> None:
    def program(lib: Any) -> Any:
        diary = Diary(lib)
        apps = make_apps(lib, diary)
        with apps["one"].app_context():
            lib.g.shared = "yes"
            with apps["one"].test_request_context("/a"):
                diary.note("same app")
            with apps["two"].test_request_context("/c"):
                diary.note("another app")
            with apps["one"].app_context():
                diary.note("a second context")
            diary.note("outside again")
        return [entry for entry in diary.entries if len(entry) == 2]

    kept = [entry[1][2] for entry in same(program)]
    assert kept == [{"shared": "yes"}, {}, {}, {"shared": "yes"}]


# What is wrong, and what it says.


@pytest.mark.parametrize(
    ("entered", "popped"),
    [
        ([("app", "one"), ("app", "two")], 0),
        ([("app", "one"), ("app", "one")], 0),
        ([("request", "one", "/a"), ("request", "one", "/b")], 0),
        ([("request", "one", "/a"), ("request", "two", "/c")], 0),
        ([("request", "one", "/a"), ("app", "one"), ("request", "one", "/b")], 0),
        ([("request", "one", "/a"), ("app", "two"), ("request", "two", "/c")], 0),
    ],
)
def test_leaving_the_wrong_context_says_which_was_current(entered: list[Command], popped: int) -> None:
    def program(lib: Any) -> Any:
        diary = Diary(lib)
        apps = make_apps(lib, diary)
        contexts = []
        for kind, name, *path in entered:
            context: Any = apps[name].app_context() if kind == "app" else apps[name].test_request_context(*path)
            context.push()
            contexts.append(context)

        def leave() -> None:
            contexts[popped].pop()

        how, kind, text = outcome(leave)
        texts.append(text)
        return how, kind

    def isolated(lib: Any) -> Any:
        # In a context of its own, for what is left current after the mistake.
        return in_thread(program, lib)

    texts: list[str] = []
    same(isolated)
    # Where both are wrong Tuile names the request and Flask the app context.
    theirs, ours = (re.sub(r"0x\w+|flask\.ctx|tuile\.ctx\.app_context", "", text) for text in texts)
    assert theirs.startswith("Popped wrong ")
    assert ours == theirs or ours.startswith("Popped wrong request context. (<RequestContext 'http://localhost/")


def in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """A call's result, run where nothing is current and nothing it leaves is seen."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result()


@pytest.mark.parametrize("kind", ["app", "request"])
def test_leaving_a_context_that_was_not_entered_is_a_lookup_error(kind: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        context: Any = app.app_context() if kind == "app" else app.test_request_context()
        never = outcome(context.pop)[:2]
        context.push()
        context.pop()
        return never, outcome(context.pop)[:2]

    assert same(program) == (("raised", "LookupError"), ("raised", "LookupError"))


def test_an_app_context_may_be_left_before_the_request_inside_it() -> None:
    def program(lib: Any) -> Any:
        diary = Diary(lib)
        app = make_apps(lib, diary)["one"]
        app_context, request_context = app.app_context(), app.test_request_context("/a")
        app_context.push()
        request_context.push()
        app_context.pop()
        diary.note("app context left")
        request_context.pop()
        diary.note("request left")
        return diary.entries

    in_thread(same, program)


def test_a_request_whose_app_context_was_left_may_have_another_inside() -> None:
    def program(lib: Any) -> Any:
        commands = [("app", "one"), ("request", "one", "/a"), ("leave", -2), ("request", "one", "/b")]
        return perform_until_it_fails(lib, commands)

    assert same(program)[0] == ""


def test_a_teardown_that_raises_leaves_nothing_current() -> None:
    def program(lib: Any) -> Any:
        observed: list[Any] = []
        for where in ("teardown_request", "teardown_appcontext"):
            for enter in ("request", "app", "client", "client keeping its context"):
                app = make_app(lib, TESTING=True)
                calls: list[str] = []

                def fail(error: BaseException | None, calls: list[str] = calls) -> None:
                    calls.append(type(error).__name__)
                    raise ZeroDivisionError("in a teardown")

                def also(error: BaseException | None, calls: list[str] = calls) -> None:
                    calls.append("also")

                # What others do after one has failed is a difference, and has its own test.
                getattr(app, where)(fail)
                if where == "teardown_request":
                    app.teardown_appcontext(also)
                observed.append((where, enter, outcome(ENTERING[enter], app), tuple(calls), lib.has_app_context()))
        return observed

    assert all(not entry[4] for entry in same(program))


def enter_request(app: Flask) -> None:
    with app.test_request_context():
        pass


def enter_app(app: Flask) -> None:
    with app.app_context():
        pass


def use_client(app: Flask) -> None:
    app.test_client().get("/")


def use_keeping_client(app: Flask) -> None:
    with app.test_client() as client:
        client.get("/")


ENTERING: dict[str, Callable[[Flask], None]] = {
    "request": enter_request,
    "app": enter_app,
    "client": use_client,
    "client keeping its context": use_keeping_client,
}


# Teardown: how often, in which order, with which error, and what is current then.


def make_followed(lib: Any, diary: Diary, **config: Any) -> Flask:
    app = diary.follow(make_app(lib, **config))

    @app.route("/")
    def show() -> str:
        diary.note("view")
        return "shown"

    @app.route("/broken")
    def fail() -> str:
        raise ZeroDivisionError("in a view")

    @app.route("/handled")
    def fail_softly() -> str:
        raise LookupError("in a view")

    @app.errorhandler(LookupError)
    def handle(error: LookupError) -> tuple[str, int]:
        return "handled", 400

    @app.route("/leave")
    def leave() -> str:
        raise SystemExit(3)

    @app.route("/stream")
    def stream() -> Any:
        def generate() -> Iterator[str]:
            diary.note("streaming")
            yield lib.request.path
            diary.note("streamed")

        return lib.Response(lib.stream_with_context(generate()))

    return app


@pytest.mark.parametrize("path", ["/", "/broken", "/handled", "/leave", "/stream", "/nowhere"])
@pytest.mark.parametrize("config", [{}, {"TESTING": True}, {"DEBUG": True}, {"PROPAGATE_EXCEPTIONS": False}], ids=str)
@pytest.mark.parametrize("outside", ["", "app context", "request", "another app's request"])
def test_a_request_is_torn_down_as_on_flask(path: str, config: dict[str, bool], outside: str) -> None:
    def program(lib: Any) -> Any:
        diary = Diary(lib)
        app = make_followed(lib, diary, **config)
        app.logger.disabled = True
        around: Any = {
            "": None,
            "app context": app.app_context,
            "request": lambda: app.test_request_context("/outer"),
            "another app's request": lambda: lib.Flask("other").test_request_context("/other"),
        }[outside]

        def request() -> Any:
            try:
                return send(app, make_environ(path))
            except SystemExit as error:
                return "left", error.code

        if around is None:
            answers = [outcome(request), outcome(request)]
        else:
            with around():
                lib.g.outer = True
                answers = [outcome(request), outcome(request)]
                diary.note("before the outer context is left")
        diary.note("end")
        return answers, diary.entries

    same(program)


@pytest.mark.parametrize("ignore", [True, False])
def test_an_error_that_should_be_ignored_is_not_told_to_the_teardown(ignore: bool) -> None:
    def program(lib: Any) -> Any:
        class Own(lib.Flask):  # type: ignore[misc] # a class of either framework
            def should_ignore_error(self, error: BaseException | None) -> bool:
                return ignore and isinstance(error, ZeroDivisionError)

        diary = Diary(lib)
        app = diary.follow(Own("own"))
        app.testing = True
        app.add_url_rule("/", "fail", lambda: str(1 / 0))
        return outcome(send, app), [entry[:2] for entry in diary.entries]

    same(program)


def test_the_error_of_a_with_block_reaches_the_teardown() -> None:
    def program(lib: Any) -> Any:
        diary = Diary(lib)
        app = make_followed(lib, diary)
        for enter in (app.app_context, app.test_request_context):
            with pytest.raises(KeyError):
                with enter():
                    raise KeyError("in the block")
        try:
            raise ValueError("being handled")
        except ValueError:
            # A pop without an argument takes the error that is being handled.
            context = app.test_request_context()
            context.push()
            context.pop()
            context.push()
            context.pop(None)
        return diary.entries

    assert any(entry[:2] == ("beside teardown_request", "ValueError") for entry in same(program))


def test_teardown_functions_run_in_reverse_order_blueprints_first() -> None:
    def program(lib: Any) -> Any:
        calls: list[str] = []
        app = make_app(lib)
        parent, child = lib.Blueprint("parent", "beside"), lib.Blueprint("child", "beside")
        for name, owner in (("app", app), ("parent", parent), ("child", child)):
            for number in (1, 2):
                owner.teardown_request(lambda error, name=name, number=number: calls.append(f"{name} {number}"))
        child.teardown_app_request(lambda error: calls.append("app by child"))
        app.teardown_appcontext(lambda error: calls.append("context 1"))
        app.teardown_appcontext(lambda error: calls.append("context 2"))
        child.route("/")(lambda: "x")
        parent.register_blueprint(child)
        app.register_blueprint(parent)
        send(app)
        return calls

    same(program)


def test_each_step_that_the_app_overrides_is_asked_when_a_context_is_left() -> None:
    def program(lib: Any) -> Any:
        calls: list[Any] = []

        class Own(lib.Flask):  # type: ignore[misc] # a class of either framework
            def do_teardown_request(self, *arguments: Any, **named: Any) -> None:
                calls.append(("request", len(arguments), lib.request.path))
                super().do_teardown_request(*arguments, **named)

            def do_teardown_appcontext(self, *arguments: Any, **named: Any) -> None:
                calls.append(("app", len(arguments), lib.has_request_context()))
                super().do_teardown_appcontext(*arguments, **named)

            def app_context(self) -> Any:
                calls.append("app_context")
                return super().app_context()

            def create_url_adapter(self, request: Any) -> Any:
                calls.append(("adapter", request is not None))
                return super().create_url_adapter(request)

        app = Own("own")
        app.add_url_rule("/", "show", lambda: "shown")
        send(app)
        send(app)
        with app.app_context():
            send(app)
        # When exactly an adapter is made outside a request is not part of the interface.
        return [call for call in calls if call != ("adapter", False)]

    assert same(program).count("app_context") == 3


def test_a_request_context_of_ones_own_matches_every_request() -> None:
    def program(lib: Any) -> Any:
        calls: list[str] = []

        class Context(part(lib, "ctx").RequestContext):  # type: ignore[misc] # a class of either framework
            def match_request(self) -> None:
                calls.append("match")
                super().match_request()
                self.request.view_args["n"] = 5

        class Own(lib.Flask):  # type: ignore[misc] # a class of either framework
            def request_context(self, environ: Environ) -> Any:
                return Context(self, environ)

        app = Own("own")
        app.add_url_rule("/<int:n>", "show", show_number)
        return [send(app, make_environ("/1")) for _ in range(3)], calls

    assert same(program)[1] == ["match"] * 3


def show_number(n: int) -> str:
    return str(n)


# Contexts that outlive the request.


@pytest.mark.parametrize("outside", [False, True])
def test_a_client_keeps_the_contexts_of_its_last_request(outside: bool) -> None:
    def program(lib: Any) -> Any:
        diary = Diary(lib)
        app = diary.follow(make_app(lib, SECRET_KEY="key"))

        @app.route("/<name>")
        def show(name: str) -> str:
            lib.g.name = name
            lib.session["name"] = name
            return name

        def use() -> None:
            with app.test_client() as client:
                for name in ("first", "second"):
                    client.get(f"/{name}")
                    diary.note("kept", lib.session["name"], lib.request.view_args)
                diary.note("end of the block")

        if outside:
            with app.app_context():
                lib.g.outer = True
                use()
                diary.note("outside")
        else:
            use()
        diary.note("end")
        return diary.entries

    same(program)


def test_a_context_that_the_debugger_keeps_can_be_entered_again() -> None:
    def program(lib: Any) -> Any:
        diary = Diary(lib)
        app = make_followed(lib, diary, DEBUG=True)
        kept: list[Any] = []
        environ = make_environ("/broken", **{"werkzeug.debug.preserve_context": kept.append})
        answer = outcome(send, app, environ)
        diary.note("after the request", [type(context).__name__ for context in kept])
        for _ in range(2):
            for context in kept:
                context.push()
            diary.note("again")
            for context in reversed(kept):
                context.pop()
        return answer, diary.entries

    same(program)


@pytest.mark.parametrize("how", ["generator", "decorated", "iterator", "nested in an app context"])
@pytest.mark.parametrize("consumed", ["all", "one part", "nothing"])
def test_a_stream_keeps_its_context_until_it_is_closed(how: str, consumed: str) -> None:
    def program(lib: Any) -> Any:
        diary = Diary(lib)
        app = make_followed(lib, diary, SECRET_KEY="key")

        def generate() -> Iterator[str]:
            try:
                diary.note("start")
                yield lib.request.args["a"]
                lib.g.streamed = True
                diary.note("between")
                yield str(lib.session.get("s"))
            finally:
                diary.note("closed")

        @app.route("/own")
        def stream_own() -> Any:
            lib.session["s"] = 1
            lib.g.view = True
            if how == "decorated":
                return lib.Response(lib.stream_with_context(generate)())
            return lib.Response(lib.stream_with_context(iter(list("ab")) if how == "iterator" else generate()))

        outside: Any = app.app_context() if how.startswith("nested") else nullcontext()
        with outside:
            parts: Any = app.wsgi_app(make_environ("/own", QUERY_STRING="a=1"), make_writer)
            diary.note("returned")
            read = list(islice(parts, {"all": None, "one part": 1, "nothing": 0}[consumed]))
            if consumed != "one part":
                # Between two chunks Flask's context stays current: a difference, which has its own tests.
                diary.note("read")
            parts.close()
            diary.note("after close")
        return read, diary.entries

    same(program)


def make_writer(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
    """What a server calls `start_response`, and forgets."""
    return lambda part: None


def test_a_stream_may_be_consumed_within_its_request_and_in_another_thread() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)

        def generate() -> Iterator[str]:
            yield lib.request.path
            yield lib.request.path

        with app.test_request_context("/a"):
            within = list(lib.stream_with_context(generate()))
            elsewhere = in_thread(list, lib.stream_with_context(generate()))
            with app.test_request_context("/b"):
                inner = lib.stream_with_context(generate())
            after = list(inner)
            still = lib.request.path
        return within, elsewhere, after, still

    assert same(program)[2] == ["/b", "/b"]


# Threads, greenlets, tasks.


@pytest.mark.parametrize("outside", [False, True])
def test_a_copy_of_the_request_works_in_a_thread_and_in_a_greenlet(outside: bool) -> None:
    def program(lib: Any) -> Any:
        diary = Diary(lib)
        app = diary.follow(make_app(lib, SECRET_KEY="key"))

        @app.route("/<name>")
        def show(name: str) -> str:
            lib.g.view = True
            lib.session["name"] = name

            def do_work(more: str) -> str:
                """Work on."""
                diary.note("working")
                lib.session[more] = True
                return f"{lib.request.path} {more} {lib.session['name']}"

            do_work.__name__ = "work"
            work = lib.copy_current_request_context(do_work)
            assert (work.__name__, work.__doc__) == ("work", "Work on.")
            results = [in_thread(work, "thread"), greenlet(work).switch("greenlet"), work("here"), work("again")]
            diary.note("view", sorted(lib.session))
            return " ".join(results)

        if outside:
            with app.app_context():
                return send(app, make_environ("/x")), diary.entries
        return send(app, make_environ("/x")), diary.entries

    same(program)


def test_a_coroutine_function_runs_with_the_copied_request() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)

        async def work() -> str:
            await asyncio.sleep(0)
            return str(lib.request.path)

        with app.test_request_context("/a"):
            copied = lib.copy_current_request_context(work)
            return copied(), in_thread(copied)

    assert same(program) == ("/a", "/a")


def test_threads_and_tasks_do_not_see_each_others_requests() -> None:
    app = tuile.Flask("isolated")
    barrier = threading.Barrier(4)

    def in_a_thread(number: int) -> list[Any]:
        before = tuile.has_app_context()
        with app.test_request_context(f"/{number}"):
            tuile.g.number = number
            barrier.wait(100)
            inside = (tuile.request.path, tuile.g.number)
            barrier.wait(100)
        return [before, inside, tuile.has_app_context()]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(in_a_thread, range(4))) == [[False, (f"/{n}", n), False] for n in range(4)]

    async def in_a_task(number: int, outer: str | None) -> None:
        assert (tuile.request.path if tuile.has_request_context() else None) == outer
        with app.test_request_context(f"/{number}"):
            await asyncio.sleep(0)
            assert tuile.request.path == f"/{number}"
            await asyncio.sleep(0)
        assert (tuile.request.path if tuile.has_request_context() else None) == outer

    async def run_tasks(outer: str | None) -> None:
        await asyncio.gather(*[in_a_task(number, outer) for number in range(5)])

    asyncio.run(run_tasks(None))
    with app.test_request_context("/outer"):
        # A task begins with what is current where it is made.
        asyncio.run(run_tasks("/outer"))
        assert tuile.request.path == "/outer"


def test_a_greenlet_begins_with_nothing_current() -> None:
    app = tuile.Flask("isolated")

    def look() -> bool:
        return tuile.has_request_context()

    with app.test_request_context():
        assert greenlet(look).switch() is False
        assert tuile.has_request_context() is True


def test_a_receiver_of_appcontext_pushed_is_called_before_the_request_is_current() -> None:
    def program(lib: Any) -> Any:
        app, seen = make_app(lib), []
        app.add_url_rule("/", "show", lambda: lib.g.user)

        def receive(sender: Any, **extra: Any) -> None:
            lib.g.user = "known"
            seen.append((lib.current_app.name, lib.has_request_context()))

        with lib.appcontext_pushed.connected_to(receive, app):
            return send(app), send(app), seen

    assert same(program)[0].text == "known"


# The functions that ask for the current context.


@pytest.mark.parametrize("name", ["after_this_request", "copy_current_request_context", "stream_with_context"])
def test_what_needs_a_request_says_so(name: str) -> None:
    def program(lib: Any) -> Any:
        def generate() -> Iterator[str]:
            yield "x"

        function = getattr(lib, name)
        observed = [outcome(function, generate() if name == "stream_with_context" else generate)]
        with make_app(lib).app_context():
            observed.append(outcome(function, generate() if name == "stream_with_context" else generate))
        return observed

    assert same(program)[0][2].startswith(f"'{name}' can only be used when a request context is active")


def test_after_this_request_changes_one_response_only() -> None:
    def program(lib: Any) -> Any:
        calls: list[str] = []
        app = make_app(lib)

        @app.after_request
        def everywhere(response: Any) -> Any:
            calls.append("after_request")
            response.headers.add("X-All", "1")
            # Too late: those of this request have been called.
            lib.after_this_request(lambda response: calls.append("never"))
            return response

        @app.route("/")
        def show() -> str:
            def add_more(response: Any) -> Any:
                calls.append("from within")
                return response

            def add(response: Any) -> Any:
                calls.append("first")
                response.headers.add("X-This", "1")
                assert lib.after_this_request(add_more) is add_more
                return response

            async def replace(response: Any) -> Any:
                calls.append("second")
                return lib.Response("replaced", headers=response.headers)

            lib.after_this_request(add)
            lib.after_this_request(replace)
            return "shown"

        app.add_url_rule("/plain", "plain", lambda: "plain")
        return send(app), send(app, make_environ("/plain")), calls

    assert same(program)[0].body == b"replaced"


def test_what_a_test_does_to_the_functions_after_this_request_counts() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        with app.test_request_context():
            context = part(lib, "globals").request_ctx

            def tag(response: Any) -> Any:
                response.headers["X-Tag"] = "1"
                return response

            context._after_request_functions.append(tag)
            first = app.process_response(lib.Response("x")).headers.get("X-Tag")
            context._after_request_functions = []
            return first, app.process_response(lib.Response("x")).headers.get("X-Tag")

    assert same(program) == ("1", None)


# g


def test_g_is_a_namespace_and_reads_as_a_mapping() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        with app.app_context():
            g = lib.g
            observed: list[Any] = ["a" in g, g.get("a"), g.get("a", 5), g.setdefault("a", 1), g.setdefault("a", 2)]
            g.b = 2
            observed += [sorted(g), "b" in g, g.pop("b"), g.pop("b", None), outcome(g.pop, "b"), g.setdefault("n")]
            g.get_like = g.get
            del g.get_like
            observed += [outcome(delattr, g, "missing")[:2], outcome(getattr, g, "missing")[:2]]
            observed += [repr(g), hasattr(g, "missing"), getattr(g, "missing", "default"), bool(g), sorted(vars(g))]
            g.__dict__["direct"] = True
            observed.append(g.direct)
            inner = g._get_current_object()
        observed.append(type(inner).__name__)
        return observed

    same(program)


def test_g_says_nothing_of_an_app_outside_a_context() -> None:
    app = tuile.Flask("outside")
    with app.app_context():
        inner = tuile.g._get_current_object()
        assert repr(inner) == "<flask.g of 'outside'>"
    assert repr(inner).startswith("<tuile.")


def test_a_missing_attribute_of_g_is_named() -> None:
    def program(lib: Any) -> Any:
        with make_app(lib).app_context():
            return outcome(lambda: lib.g.user)[2], outcome(lambda: delattr(lib.g, "user"))[2]

    for text in program(tuile):
        assert "user" in text


def test_the_class_of_g_can_be_replaced() -> None:
    def program(lib: Any) -> Any:
        class Kept(part(lib, "ctx")._AppCtxGlobals):  # type: ignore[misc] # a class of either framework
            def __getattr__(self, name: str) -> Any:
                if name.startswith("auto_"):
                    return name
                raise AttributeError(name)

            @property
            def computed(self) -> str:
                return "computed"

        class Own(lib.Flask):  # type: ignore[misc] # a class of either framework
            app_ctx_globals_class = Kept

        app = Own("own")
        observed = []
        for enter in (app.app_context, app.test_request_context):
            with enter():
                lib.g.set = 1
                names = ("auto_a", "computed", "set", "missing")
                observed.append([outcome(getattr, lib.g, name)[:2] for name in names])
        setattr(app, "app_ctx_globals_class", dict)  # noqa: B010 - it may be anything
        with app.test_request_context():
            lib.g["x"] = 1
            observed.append([("returned", lib.g["x"])])
        return observed

    same(program)


# The session, and what else a request context has.


def test_a_request_context_has_what_extensions_read() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, SECRET_KEY="key", SERVER_NAME="example.org")
        app.add_url_rule("/<n>", "show", show_number)
        context = app.test_request_context("/5")
        observed: list[Any] = [context.request.path, context.flashes, context.request.url_rule]
        observed += [context.url_adapter is not None, repr(context)]
        with context:
            observed += [
                dict(context.session),
                dict(context._session or {}),
                context.request.view_args,
                context.app is app,
            ]
            lib.flash("hello")
            observed += [context.flashes, lib.get_flashed_messages(), context.flashes]
            adapter: Any = context.url_adapter
            observed += [adapter.match(), adapter.build("show", {"n": 1}), app.url_for("show", n=2)]
            copied = context.copy()
            observed += [copied.request is context.request, copied.session is context.session, type(copied).__name__]
            with app.app_context() as inner:
                observed += [inner.app is app, not list(inner.g), inner.url_adapter is not None, dict(lib.session)]
        return observed

    same(program)


def test_the_session_is_not_opened_again_when_a_context_is_entered_again() -> None:
    def program(lib: Any) -> Any:
        opened: list[str] = []

        class Interface(part(lib, "sessions").SessionInterface):  # type: ignore[misc] # a class of either framework
            def open_session(self, app: Any, request: Any) -> Any:
                opened.append(f"{request.path} {lib.request.path} {lib.current_app.name}")
                return part(lib, "sessions").SecureCookieSession({"opened": len(opened)})

            def save_session(self, app: Any, session: Any, response: Any) -> None:
                opened.append(f"saved {dict(session)}")

        app = make_app(lib)
        app.session_interface = Interface()
        app.route("/")(lambda: "nothing read")
        context = app.test_request_context("/a")
        with context:
            pass
        with context:
            first = dict(lib.session)
        return first, opened, send(app), opened

    assert same(program)[1][0] == "/a /a beside"


def test_matching_sees_the_session_and_the_request() -> None:
    def program(lib: Any) -> Any:
        from werkzeug.routing import BaseConverter  # noqa: PLC0415 - beside the one class that needs it

        class FromSession(BaseConverter):
            def to_python(self, value: str) -> str:
                return f"{value} {lib.session.get('who')} {lib.request.method}"

        app = make_app(lib, SECRET_KEY="key")
        app.url_map.converters["own"] = FromSession
        app.add_url_rule("/login", "login", lambda: lib.session.update(who="me") or "in")
        app.add_url_rule("/<own:x>", "show", lambda x: x)
        client = app.test_client()
        return [client.get(path).text for path in ("/a", "/login", "/a", "/a")]

    assert same(program) == ["a None GET", "in", "a me GET", "a me GET"]


def test_a_bad_host_is_kept_until_the_request_is_dispatched() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, TRUSTED_HOSTS=["good.example"])
        app.route("/")(lambda: "shown")
        with app.test_request_context("/", base_url="http://bad.example"):
            error = type(lib.request.routing_exception).__name__
            built = outcome(lambda: part(lib, "globals").request_ctx.url_adapter)
        hosts = ["good.example", "bad.example", "good.example:8000"]
        return error, built, [send(app, make_environ(HTTP_HOST=host)) for host in hosts]

    same(program)


def test_a_context_with_a_request_and_a_session_of_ones_own() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        request = lib.Request(make_environ("/given"))
        session = part(lib, "sessions").SecureCookieSession({"given": True})
        context = part(lib, "ctx").RequestContext(app, make_environ("/other"), request=request, session=session)
        with context:
            return lib.request.path, dict(lib.session), lib.request._get_current_object() is request

    assert same(program) == ("/given", {"given": True}, True)


def _assign_adapter(app: Any, context: Any) -> None:
    context.url_adapter = app.url_map.bind("elsewhere", path_info="/other")


def _change_path(_: Any, context: Any) -> None:
    context.url_adapter.path_info = "other"
    context.request.environ["PATH_INFO"] = "/other"


def changed_settings(app: Any) -> set[str]:
    """Return the names of settings that are none by default and were set."""
    return {name for name in ("SERVER_NAME", "TRUSTED_HOSTS") if app.config[name] is not None}


#: What happens in a request before its context is copied.
_BEFORE_COPYING: dict[str, Callable[[Any, Any], object]] = {
    "nothing": lambda app, context: None,
    "its adapter is read": lambda app, context: context.url_adapter,
    "its adapter is assigned": _assign_adapter,
    "its path is changed": _change_path,
    "a rule is added": lambda app, context: app.url_map.add(Rule("/users/7", endpoint="other")),
    "the server has a name": lambda app, context: app.config.update(SERVER_NAME="example.com"),
    "hosts are trusted": lambda app, context: app.config.update(TRUSTED_HOSTS=["example.com"]),
}


@pytest.mark.parametrize("serves", [False, True])
@pytest.mark.parametrize("path", ["/users/7", "/missing"])
@pytest.mark.parametrize("change", _BEFORE_COPYING)
def test_a_copy_is_matched_as_in_flask_whatever_the_adapter_of_the_original_is(
    change: str, path: str, serves: bool
) -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("copied", static_folder=None)
        app.add_url_rule("/users/<int:n>", "user", str)
        app.add_url_rule("/other", "other", str)
        if serves:
            app.test_client().get("/other")
        with app.test_request_context(path) as context:
            _BEFORE_COPYING[change](app, context)

            def look() -> Any:
                request = lib.request
                found = request.endpoint, request.view_args, str(request.url_rule), str(request.routing_exception)
                return found, outcome(lib.url_for, "other"), outcome(lib.url_for, "other", _external=True)

            copied = outcome(lambda: lib.copy_current_request_context(look)())  # noqa: PLW0108 - the first call as well
            # The differences say that these settings apply to this request already.
            return copied, None if changed_settings(app) else look()

    same(program)


@pytest.mark.parametrize("serves", [False, True])
def test_a_copy_asks_the_step_that_makes_adapters(serves: bool) -> None:
    def program(lib: Any) -> Any:
        made: list[Any] = []

        class App(lib.Flask):  # type: ignore[misc]
            def create_url_adapter(self, request: Any) -> Any:
                made.append(request is not None)
                return super().create_url_adapter(request)

        app = App("copied", static_folder=None)
        app.add_url_rule("/", "view", str)
        if serves:
            app.test_client().get("/")
        with app.test_request_context("/") as context:
            made.clear()
            with context.copy():
                return made, lib.request.endpoint

    same(program)
