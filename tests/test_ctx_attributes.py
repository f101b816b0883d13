"""What extensions can see of the contexts and of `g`: the same names, answers and texts as on Flask."""

from __future__ import annotations

import copy
import pickle
import re
import threading
from functools import partialmethod
from typing import TYPE_CHECKING, Any
from unittest import mock

import flask
import pytest

import tuile
from tests.beside_flask import make_app, make_environ, outcome, part, same, send

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tuile import Flask

# Flask's private names that extensions are known to use.
PRIVATE = ("_cv_tokens", "_session", "_after_request_functions", "__enter__", "__exit__")
# What Flask 3.2 will have, on a context that is both.
NAMES_TO_COME = ("session", "request", "g", "app", "url_adapter", "flashes", "has_request", "from_environ", "copy")


def in_view(lib: Any, app: Flask, look: Callable[[], Any]) -> Any:
    seen: list[Any] = []
    app.add_url_rule("/", "look", lambda: [seen.append(look())])  # type: ignore[func-returns-value] # [None] is sent
    send(app, make_environ("/"))
    return seen


def in_view_within_app_context(lib: Any, app: Flask, look: Callable[[], Any]) -> Any:
    with app.app_context():
        return in_view(lib, app, look)


def in_view_within_request(lib: Any, app: Flask, look: Callable[[], Any]) -> Any:
    with lib.Flask("other").test_request_context("/outer"):
        return in_view(lib, app, look)


def in_test_request(lib: Any, app: Flask, look: Callable[[], Any]) -> Any:
    with app.test_request_context("/"):
        return look()


def in_app_context(lib: Any, app: Flask, look: Callable[[], Any]) -> Any:
    with app.app_context():
        return look()


def in_app_context_within_request(lib: Any, app: Flask, look: Callable[[], Any]) -> Any:
    with app.test_request_context("/"), app.app_context():
        return look()


def in_command(lib: Any, app: Flask, look: Callable[[], Any]) -> Any:
    seen: list[Any] = []

    @app.cli.command("look")
    def command() -> None:
        seen.append(look())

    assert app.test_cli_runner().invoke(args=["look"]).exit_code == 0
    return seen


def in_teardown(lib: Any, app: Flask, look: Callable[[], Any]) -> Any:
    seen: list[Any] = []
    app.teardown_request(lambda error: seen.append(look()))
    app.teardown_appcontext(lambda error: seen.append(look()))
    send(app, make_environ("/"))
    return seen


def outside(lib: Any, app: Flask, look: Callable[[], Any]) -> Any:
    return look()


PLACES = [
    in_view,
    in_view_within_app_context,
    in_view_within_request,
    in_test_request,
    in_app_context,
    in_app_context_within_request,
    in_command,
    in_teardown,
    outside,
]
places = pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)


def all_names() -> list[str]:
    """Every public name that a context of either framework has, with what may come and what is private and used."""
    names = set(PRIVATE) | set(NAMES_TO_COME)
    for lib in (flask, tuile):
        app = make_app(lib)
        with app.test_request_context():
            for name in ("app_ctx", "request_ctx"):
                found = getattr(part(lib, "globals"), name)._get_current_object()
                names.update(name for name in dir(found) if not name.startswith("_"))
    return sorted(names - {"look"})


@places
@pytest.mark.parametrize("name", ["app_ctx", "request_ctx"])
def test_a_context_has_the_attributes_that_flasks_has(place: Callable[..., Any], name: str) -> None:
    names = all_names()

    def program(lib: Any) -> Any:
        def look() -> Any:
            proxy = getattr(part(lib, "globals"), name)
            found = outcome(proxy._get_current_object)
            asked = [proxy] if found[0] == "raised" else [proxy, found[1]]
            return [
                [(attribute, outcome(hasattr, context, attribute)) for attribute in names] for context in asked
            ], found[0] == "raised" or type(found[1]).__name__

        return place(lib, make_app(lib, SECRET_KEY="key"), look)

    same(program)


def test_app_ctx_has_no_session_as_on_flask_3_1() -> None:
    def program(lib: Any) -> Any:
        def look() -> Any:
            context = part(lib, "globals").app_ctx
            return hasattr(context, "session"), hasattr(context._get_current_object(), "session")

        return [place(lib, make_app(lib, SECRET_KEY="key"), look) for place in PLACES[:-1]]

    assert (True, True) not in same(program)


@places
def test_a_context_and_g_are_written_as_on_flask(place: Callable[..., Any]) -> None:
    def program(lib: Any) -> Any:
        def look() -> Any:
            variables = part(lib, "globals")
            texts = [outcome(repr, getattr(variables, name)) for name in ("app_ctx", "request_ctx", "g")]
            return [re.sub(r"0x\w+|(flask|tuile)\.[\w.]*ctx[\w.]*", "", str(text)) for text in texts]

        return place(lib, make_app(lib), look)

    same(program)


# What is put on a context is what the proxies stand for.


@places
def test_a_request_put_on_the_context_is_the_one_that_proxies_stand_for(place: Callable[..., Any]) -> None:
    def program(lib: Any) -> Any:
        def look() -> Any:
            context = part(lib, "globals").request_ctx
            other = lib.Request(make_environ("/other", QUERY_STRING="a=b"))

            def put() -> None:
                context.request = other

            return outcome(put), outcome(lambda: (lib.request.path, lib.request.args["a"], context.request is other))

        return place(lib, make_app(lib), look)

    same(program)


@places
def test_a_g_put_on_the_context_is_the_one_that_the_proxy_stands_for(place: Callable[..., Any]) -> None:
    def program(lib: Any) -> Any:
        def look() -> Any:
            def put() -> Any:
                context, other = part(lib, "globals").app_ctx, lib.Flask.app_ctx_globals_class()
                lib.g.before = 1
                other.colour = "red"
                context.g = other
                lib.g.size = 5
                rendered = lib.render_template_string("{{ g.colour }} {{ g.size }} {{ g.before }}")
                return lib.g.colour, other.size, "before" in lib.g, rendered, context.g is other

            return outcome(put)

        return place(lib, make_app(lib), look)

    same(program)


def use_g(lib: Any, how: str, context: Any) -> Any:
    """Use `g` in one way."""
    if how == "read":
        return outcome(getattr, lib.g, "missing")[:2]
    if how == "set":
        lib.g.kept = 1
    elif how == "has":
        return "kept" in lib.g, lib.g.get("kept")
    elif how == "context":
        context.g.kept = 2
    return None


def change_g(lib: Any, app: Flask, context: Any, then: str) -> Any:
    """Change the namespace of a context, and tell what that did."""
    if then.startswith("delete"):
        del context.g
        # What the error says differs.
        found = [outcome(lambda: context.g)[:1], outcome(lambda: lib.g.kept)[:1], hasattr(context, "g")]
        if then == "delete twice":
            found.append(outcome(lambda: delattr(context, "g"))[:1])
        context.g = lib.Flask.app_ctx_globals_class()
        return found
    if then == "patch":
        with mock.patch.object(context, "g", mock.Mock(spec=["kept"], kept=5)):
            return lib.g.kept, "kept" in vars(context)
    if then == "put":
        before, context.g = context.g, lib.Flask.app_ctx_globals_class()
        return list(before), lib.g is before
    if then == "class":
        app.app_ctx_globals_class = type("Other", (lib.Flask.app_ctx_globals_class,), {"kept": "of the class"})
    return None


@pytest.mark.parametrize("first", ["read", "set", "has", "context", "nothing"])
@pytest.mark.parametrize("then", ["delete", "delete twice", "patch", "put", "class", "nothing"])
def test_the_namespace_of_an_app_context_is_the_same_whenever_it_is_made(first: str, then: str) -> None:
    def program(lib: Any) -> Any:
        app, observed = make_app(lib), []
        for _ in range(3):
            with app.app_context() as context:
                observed += [use_g(lib, first, context), change_g(lib, app, context, then)]
                observed += [use_g(lib, how, context) for how in ("has", "set", "has", "context", "has")]
                observed += [sorted(lib.g), context.g == lib.g._get_current_object()]
            # It lives as long as the context, also when that was left.
            observed.append(sorted(context.g))
        return observed

    # The class is asked for when a context is made, and may not be replaced before `g` is used for the first time.
    if then == "class" and first == "nothing":
        return
    same(program)


def test_a_namespace_of_an_own_class_is_made_with_its_context() -> None:
    def program(lib: Any) -> Any:
        made: list[str] = []

        def note(self: Any) -> None:
            made.append("patched")

        class Namespace(lib.Flask.app_ctx_globals_class):  # type: ignore[misc] # one of two frameworks'
            def __init__(self) -> None:
                made.append("namespace")

            def __bool__(self) -> bool:
                raise AssertionError

        app = make_app(lib)
        with app.app_context():
            pass
        app.app_ctx_globals_class = Namespace
        for _ in range(20):
            with app.app_context():
                made.append("entered")
                lib.g.x = 1
                made.append(str("x" in lib.g))
        with mock.patch.object(lib.Flask.app_ctx_globals_class, "__init__", note):
            del app.app_ctx_globals_class
            for _ in range(3):
                with app.app_context():
                    made.append("entered")
        return made

    same(program)


def make_context(app: Any, kind: Any) -> Any:
    """Make an app context of this class."""
    return kind(app)


@pytest.mark.parametrize("own", ["property", "attribute", "constructor"])
def test_a_class_of_app_contexts_may_have_a_g_of_its_own(own: str) -> None:
    def program(lib: Any) -> Any:
        calls: list[str] = []
        base = part(lib, "ctx").AppContext

        def read(context: Any) -> Any:
            calls.append("read")
            return context.other

        def put(context: Any, value: Any) -> None:
            calls.append("put")
            context.other = value

        def construct(context: Any, app: Any) -> None:
            base.__init__(context, app)
            context.g.built = True

        ways: dict[str, dict[str, Any]] = {
            "property": {"g": property(read, put)},
            "attribute": {"g": None},
            "constructor": {"__init__": construct},
        }
        kind = type("Context", (base,), ways[own])
        app = type("App", (lib.Flask,), {"app_context": partialmethod(make_context, kind)})("own")
        observed: list[Any] = []
        for first in ("read", "set", "has", "context"):
            with app.app_context() as context:
                observed += [use_g(lib, how, context) for how in (first, "set", "has", "context", "has")]
                observed += [sorted(lib.g), context.g == lib.g._get_current_object(), "g" in lib.g]
        return observed, bool(calls)

    same(program)


@pytest.mark.parametrize("first", ["read", "set", "has", "context", "nothing"])
def test_a_copy_of_an_app_context_shares_its_namespace(first: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        observed: list[Any] = []
        for deleted in (False, True):
            for _ in range(20):
                context = app.app_context()
                if deleted:
                    del context.g
                copied = copy.copy(context)
                if deleted:
                    observed.append(hasattr(copied, "g"))
                    continue
                with copied:
                    observed.append(use_g(lib, first, copied))
                with context:
                    observed += [use_g(lib, how, context) for how in ("has", "set")]
                observed += [sorted(copied.g), copied.g is context.g]
        return observed

    same(program)


def test_threads_that_share_an_app_context_share_its_namespace() -> None:
    app = tuile.Flask("shared")
    with app.app_context():
        pass
    for _ in range(20):
        context, barrier = app.app_context(), threading.Barrier(4)

        def use(number: int, context: Any = context, barrier: threading.Barrier = barrier) -> None:
            with context:
                barrier.wait()
                setattr(tuile.g, f"of_{number}", number)
                barrier.wait()

        threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(context.g) == ["of_0", "of_1", "of_2", "of_3"]


@places
@pytest.mark.parametrize("name", ["app_ctx", "request_ctx"])
def test_an_adapter_put_on_the_context_builds_the_urls(place: Callable[..., Any], name: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.add_url_rule("/shown", "show", lambda: "")

        def look() -> Any:
            def put() -> Any:
                getattr(part(lib, "globals"), name).url_adapter = app.url_map.bind("put.example", "/below")
                return lib.url_for("show"), lib.url_for("show", _external=True)

            return outcome(put)

        return place(lib, app, look)

    same(program)


@places
def test_other_attributes_put_on_a_context_are_taken_or_refused_as_on_flask(place: Callable[..., Any]) -> None:
    def program(lib: Any) -> Any:
        def look() -> Any:
            variables = part(lib, "globals")
            observed = []
            for name in ("app_ctx", "request_ctx"):
                context = getattr(variables, name)
                for attribute, value in {"session": {}, "flashes": [("a", "b")], "anything": 5}.items():
                    put = outcome(setattr, context, attribute, value)[:2]
                    observed.append((put, outcome(lambda c=context, a=attribute: getattr(c, a))[:1]))
            return observed, outcome(lambda: lib.get_flashed_messages(with_categories=True))[:2]

        return place(lib, make_app(lib, SECRET_KEY="key"), look)

    same(program)


def test_a_context_that_was_not_entered_has_no_session_yet() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, SECRET_KEY="key")
        context = app.test_request_context("/")
        observed: list[Any] = [context._session, outcome(lambda: context.session), context._cv_tokens]
        copied = context.copy()
        observed.append(copied._session)
        with context:
            observed += [dict(context.session), len(context._cv_tokens)]
            context.session["a"] = 1
            with context:
                observed.append(len(context._cv_tokens))
            app_context: Any = part(lib, "globals").app_ctx
            observed += [len(app_context._cv_tokens), dict(context.copy()._session or {})]
        observed += [len(context._cv_tokens), dict(context.session)]
        return observed

    same(program)


# `g`.


class Subclass:
    """Made for each framework: what a subclass of Flask's namespace may do."""

    def __new__(cls, lib: Any) -> Any:
        class Namespace(lib.Flask.app_ctx_globals_class):  # type: ignore[misc] # one of two frameworks'
            log: list[Any] = []

            def __getattr__(self, name: str) -> Any:
                self.log.append(("get", name))
                return super().__getattr__(name)

            def __setattr__(self, name: str, value: Any) -> None:
                self.log.append(("set", name))
                super().__setattr__(name, value)

            def __delattr__(self, name: str) -> None:
                self.log.append(("delete", name))
                super().__delattr__(name)

        return Namespace


def test_a_subclass_of_the_namespace_can_ask_the_base() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.app_ctx_globals_class = Subclass(lib)
        with app.app_context():
            lib.g.a = 1
            observed = [lib.g.a, outcome(lambda: lib.g.b), outcome(delattr, lib.g, "c"), dict(vars(lib.g))]
            del lib.g.a
            return observed, list(lib.g), lib.g.log

    same(program)


def test_a_property_of_a_namespace_is_set_as_on_flask() -> None:
    def program(lib: Any) -> Any:
        class Namespace(lib.Flask.app_ctx_globals_class):  # type: ignore[misc] # one of two frameworks'
            @property
            def user(self) -> str:
                return "of the property"

            @property
            def broken(self) -> str:
                raise AttributeError("of the property")

        app = make_app(lib)
        app.app_ctx_globals_class = Namespace
        with app.app_context():
            lib.g.user = "put"
            observed = [lib.g.user, vars(lib.g), outcome(lambda: lib.g.broken)]
            lib.g.broken = "put"
            return [*observed, outcome(lambda: lib.g.broken), outcome(delattr, lib.g, "user"), list(lib.g)]

    same(program)


@pytest.mark.parametrize("name", ["missing", "a.b", "", "__missing__", "ä"])
def test_what_is_not_in_g_is_told_as_on_flask(name: str) -> None:
    def program(lib: Any) -> Any:
        def tell(error: AttributeError) -> Any:
            return str(error), error.args, error.name, error.obj is None

        observed: list[Any] = []
        app = make_app(lib)
        with app.app_context():
            for namespace in (lib.g, lib.g._get_current_object()):
                for act in (getattr, delattr):
                    with pytest.raises(AttributeError) as raised:
                        act(namespace, name)
                    # The proxy of Flask adds to the error what Python knows; what is said stays the same.
                    observed.append(tell(raised.value)[:2])
                observed += [outcome(namespace.pop, name), outcome(namespace.get, name), hasattr(namespace, name)]
        return observed

    same(program)


def test_a_namespace_can_be_pickled_and_copied_as_on_flask() -> None:
    def program(lib: Any) -> Any:
        namespace: Any = lib.Flask.app_ctx_globals_class()
        namespace.a = [1]
        again = pickle.loads(pickle.dumps(namespace))  # noqa: S301 - made one line above
        return vars(again), type(again).__name__, sorted(name for name in dir(namespace) if name[:2] != "__")

    same(program)


@pytest.fixture(autouse=True)
def _nothing_stays_current() -> Iterator[None]:
    yield
    assert not tuile.has_app_context()
    assert not flask.has_app_context()


class Countless:
    """What makes the objects of a class false."""

    def __len__(self) -> int:
        return 0


@pytest.mark.parametrize("place", [in_view, in_view_within_app_context, in_view_within_request, in_test_request])
def test_a_request_may_be_false(place: Callable[..., Any]) -> None:
    def program(lib: Any) -> object:
        app = make_app(lib, SECRET_KEY="k", request_class=None)
        app.request_class = type("Request", (Countless, lib.Request), {})

        def look() -> object:
            context = lib.globals.request_ctx
            texts = lib.render_template_string("{{ request.path }}"), lib.request.path, context.copy().request.path
            return texts, lib.has_request_context(), lib.session.get("a"), context.request is lib.request

        return place(lib, app, lambda: outcome(look))

    same(program)


@pytest.mark.parametrize("kind", ["property", "setter of attributes"])
def test_a_subclass_may_keep_the_request_itself(kind: str) -> None:
    def program(lib: Any) -> object:
        class Property(part(lib, "ctx").RequestContext):  # type: ignore[misc]
            @property
            def request(self) -> Any:
                return vars(self)["own"]

            @request.setter
            def request(self, request: Any) -> None:
                self.__dict__["own"] = request

        class Setting(part(lib, "ctx").RequestContext):  # type: ignore[misc]
            def __setattr__(self, name: str, value: Any) -> None:
                if name == "request":
                    value.is_marked = True
                super().__setattr__(name, value)

        app = make_app(lib, SECRET_KEY="k")
        context_class = Property if kind == "property" else Setting
        app.request_context = lambda environ: context_class(app, environ)  # type: ignore[method-assign]
        app.add_url_rule(
            "/", "index", lambda: [lib.request.path, lib.session.get("a"), hasattr(lib.request, "is_marked")]
        )
        return [send(app) for _ in range(4)]

    same(program)


@pytest.mark.parametrize("is_read", [False, True])
@pytest.mark.parametrize("by_proxy", [False, True])
@pytest.mark.parametrize("place", [in_view, in_view_within_app_context, in_test_request])
def test_another_request_can_be_patched_in_for_a_while(
    place: Callable[..., Any], by_proxy: bool, is_read: bool
) -> None:
    def program(lib: Any) -> object:
        app = make_app(lib)

        def look() -> object:
            proxy = lib.globals.request_ctx
            context = proxy._get_current_object()
            seen: list[object] = [lib.request.path] if is_read else []
            with mock.patch.object(proxy if by_proxy else context, "request", lib.Request(make_environ("/fake/1"))):
                seen.append(lib.request.path)
            seen.append(outcome(lambda: lib.request.path))
            request = context.request
            del context.request
            seen += [hasattr(context, "request"), lib.has_request_context()]
            context.request = request
            return seen

        return place(lib, app, look)

    same(program)
