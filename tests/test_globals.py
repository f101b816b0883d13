"""The proxies behave like Flask's, bound and unbound."""

from __future__ import annotations

import copy
import operator
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from contextvars import ContextVar, Token, copy_context
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

import flask
import pytest
import werkzeug.local

import tuile
from tests.beside_flask import make_app, outcome, part, same, send
from tests.costs import entered
from tuile.ctx.app_context import current
from tuile.local import LocalProxy

if TYPE_CHECKING:
    from collections.abc import Callable

# The proxies of `flask.globals`, by what has to be current for them.
OF_APP = ["current_app", "g", "app_ctx"]
OF_REQUEST = ["request", "session", "request_ctx"]
NAMES = [*OF_APP, *OF_REQUEST]


def proxy(lib: Any, name: str) -> Any:
    return getattr(part(lib, "globals"), name)


def plain(value: Any) -> Any:
    """Return a result without memory addresses and module names, for comparison."""
    if isinstance(value, (str, int, float, bytes, type(None), bool)):
        return value
    if isinstance(value, (list, tuple, set, dict)):
        return value
    return type(value).__name__


def set_and_read(it: Any) -> Any:
    it.given = 1
    return [it.given, vars(it).get("given")]


def set_and_delete(it: Any) -> Any:
    it.given = 1
    del it.given
    return hasattr(it, "given")


def keep_privately(it: Any) -> Any:
    it._kept = 1
    found = [it._kept, hasattr(it, "_kept"), getattr(it, "_get_kept", 2), vars(it).get("_kept")]
    del it._kept
    return [*found, hasattr(it, "_kept")]


class Anything:
    """An object whose comparisons return what is no bool, as those of columns do."""

    def __eq__(self, other: object) -> Any:
        return ["equal"]

    def __ne__(self, other: object) -> Any:
        return ["unequal"]

    __hash__ = None  # type: ignore[assignment]


OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "attribute": lambda it: it.nothing_has_this,
    "getattr with default": lambda it: getattr(it, "nothing_has_this", "default"),
    "hasattr": lambda it: hasattr(it, "nothing_has_this"),
    "setattr": lambda it: setattr(it, "given", 1),
    "setattr and read": set_and_read,
    "names with one underscore": keep_privately,
    "key of a dict": lambda it: {it: 1}[it._get_current_object()],
    "delattr": lambda it: delattr(it, "nothing_has_this"),
    "getitem": lambda it: it["k"],
    "setitem": lambda it: operator.setitem(it, "k", 1),
    "delitem": lambda it: operator.delitem(it, "k"),
    "contains": lambda it: "k" in it,
    "attribute with an underscore": lambda it: it._nothing_has_this,
    "hasattr with an underscore": lambda it: hasattr(it, "_nothing_has_this"),
    "attribute with two underscores": lambda it: it.__nothing_has_this,
    "a single underscore": lambda it: getattr(it, "_", "default"),
    "two underscores": lambda it: getattr(it, "__", "default"),
    "module": lambda it: it.__module__,
    "isinstance": lambda it: [isinstance(it, kind) for kind in (dict, str, object)],
    "equal": lambda it: (it == 1, it != 1, it == it._get_current_object(), it != it._get_current_object()),
    "hash of another": lambda it: hash(it) == hash(it._get_current_object()),
    "finder": lambda it: type(it._get_current_object).__name__,
    "len": len,
    "iter": lambda it: list(iter(it)),
    "bool": bool,
    "not": operator.not_,
    "equal to itself": lambda it: it == it._get_current_object(),
    "unequal to itself": lambda it: it != it._get_current_object(),
    "equal to None": lambda it: it == None,  # noqa: E711 - the operator is what is tested
    "equal to anything": lambda it: [it == Anything(), it != Anything(), Anything() == it],
    "equal to a proxy": lambda it: [it == it, it != it],  # noqa: PLR0124 - the operators are what is tested
    "format with a width": lambda it: format(it, "5"),
    "delattr of what was set": set_and_delete,
    "hash": lambda it: hash(it) == hash(it._get_current_object()),
    "call": lambda it: it(),
    "add": lambda it: it + 1,
    "right or": lambda it: {"x": 1} | it,
    "less": lambda it: it < it,  # noqa: PLR0124 - the operator is what is tested
    "class": lambda it: it.__class__.__name__,
    "isinstance of the proxy": lambda it: isinstance(it, werkzeug.local.LocalProxy),
    "type": lambda it: type(it).__name__,
    "vars": lambda it: "app" in vars(it),
    "dir": lambda it: "__class__" in dir(it),
    "copy": lambda it: type(copy.copy(it)).__name__,
    "the object": lambda it: type(it._get_current_object()).__name__,
    "with": lambda it: it.__enter__ is not None,
    "next": next,
    "reversed": lambda it: list(reversed(it)),
    "int": int,
    "bytes": bytes,
    "format": lambda it: format(it, "")[:1],
    "callable": callable,
    "repr": lambda it: repr(it).partition(" at 0x")[0].replace("tuile.ctx.app_context", "flask.ctx"),
    "str": lambda it: str(it).partition(" at 0x")[0].replace("tuile.ctx.app_context", "flask.ctx"),
}


def make_bound_app(lib: Any) -> Any:
    return make_app(lib, SECRET_KEY="key", SERVER_NAME="localhost")


@pytest.mark.parametrize("name", NAMES)
def test_iterating_over_an_unbound_proxy_says_what_is_missing(name: str) -> None:
    with pytest.raises((TypeError, RuntimeError)) as raised:
        list(proxy(tuile, name))
    # From CPython 3.14 on, Python passes the error on that Werkzeug's proxy raises when `__iter__` is looked up.
    own: BaseException | None = raised.value if sys.version_info >= (3, 14) else raised.value.__cause__
    assert type(own) is RuntimeError
    assert "Working outside of" in str(own)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("name", NAMES)
def test_an_operation_on_an_unbound_proxy_goes_as_on_flask(name: str, operation: str) -> None:
    same(lambda lib: outcome(lambda: plain(OPERATIONS[operation](proxy(lib, name)))))


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name not in {"attribute", "delattr", "call"}])
@pytest.mark.parametrize("name", NAMES)
def test_an_operation_on_a_bound_proxy_goes_as_on_flask(name: str, operation: str) -> None:
    def program(lib: Any) -> Any:
        with make_bound_app(lib).test_request_context("/path"):
            how, *what = outcome(lambda: plain(OPERATIONS[operation](proxy(lib, name))))
        # Python names the type in its own words when an operation is not there.
        return (how, *what) if how == "returned" else (how, what[0])

    same(program)


@pytest.mark.parametrize("key", ["kept", "missing", 1, (), [], None])
@pytest.mark.parametrize("secret", [None, "key"])
def test_a_key_in_the_session_is_an_access_as_on_flask(key: Any, secret: str | None) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, SECRET_KEY=secret)
        seen: list[Any] = []

        def view() -> str:
            seen.append(outcome(lambda: key in lib.session))
            return "seen"

        app.add_url_rule("/", "view", view)
        client = app.test_client()
        answers = [client.get("/")]
        if secret:
            with client.session_transaction() as session:
                session["kept"] = [1]
            answers.append(client.get("/"))
        return seen, [answer.headers.getlist("Vary") for answer in answers]

    same(program)


@pytest.mark.parametrize("name", OF_REQUEST)
def test_a_proxy_of_the_request_is_unbound_in_an_app_context(name: str) -> None:
    def program(lib: Any) -> Any:
        with make_bound_app(lib).app_context():
            return [
                outcome(lambda function=function: plain(function(proxy(lib, name))))
                for key, function in OPERATIONS.items()
            ]

    same(program)


@pytest.mark.parametrize("name", NAMES)
def test_a_proxy_goes_as_on_flask_when_the_app_context_was_left_before_the_request(name: str) -> None:
    def program(lib: Any) -> Any:
        app = make_bound_app(lib)
        app_context = app.app_context()
        app_context.push()
        request_context = app.test_request_context("/path")
        request_context.push()
        app_context.pop()
        found = {key: outcome(lambda f=f: plain(f(proxy(lib, name)))) for key, f in OPERATIONS.items()}
        current_left = outcome(request_context.pop)[0]
        return {
            key: (how, *what) if how == "returned" else (how, what[0]) for key, (how, *what) in found.items()
        }, current_left

    same(program)


def test_an_unbound_websocket_is_of_the_class_of_proxies() -> None:
    assert not isinstance(tuile.websocket, dict)
    assert isinstance(tuile.websocket, LocalProxy)
    with pytest.raises(RuntimeError, match="Working outside of the context of a WebSocket"):
        tuile.websocket.accept  # noqa: B018 - reading it is what fails


@pytest.mark.parametrize("name", NAMES)
def test_an_unbound_proxy_says_what_is_missing(name: str) -> None:
    def program(lib: Any) -> Any:
        return [outcome(getattr, proxy(lib, name), attribute) for attribute in ("x", "name", "_get_current_object")][:2]

    (raised, kind, text), _ = same(program)
    assert (raised, kind) == ("raised", "RuntimeError")
    outside = "application" if name in OF_APP else "request"
    assert text.startswith(f"Working outside of {outside} context.\n\nThis typically means")


def test_the_cookies_proxy_says_what_is_missing() -> None:
    with pytest.raises(RuntimeError, match="Working outside of request context"):
        tuile.cookies.get("a")
    with tuile.Flask("x").app_context(), pytest.raises(RuntimeError, match="Working outside of request context"):
        tuile.cookies["a"]
    assert repr(tuile.cookies) == "<LocalProxy unbound>"


@pytest.mark.parametrize("name", [*NAMES, "cookies"])
def test_every_proxy_is_werkzeugs(name: str) -> None:
    assert isinstance(getattr(tuile.globals, name), werkzeug.local.LocalProxy)
    assert type(getattr(tuile.globals, name)).__name__ == "LocalProxy"


def test_what_a_proxy_stands_for_changes_with_the_context() -> None:
    def program(lib: Any) -> Any:
        first, second = make_bound_app(lib), lib.Flask("second")
        observed = []

        def look() -> None:
            observed.append((lib.current_app.name, lib.request.path if lib.request else None, lib.g.get("n")))

        with first.test_request_context("/first"):
            lib.g.n = 1
            look()
            with second.app_context():
                look()
                with second.test_request_context("/second"):
                    look()
            look()
        return observed

    same(program)


def test_a_proxy_passes_for_what_it_stands_for() -> None:
    def program(lib: Any) -> Any:
        app = make_bound_app(lib)
        with app.test_request_context("/path", json={"a": 1}):
            request, g, session = lib.request, lib.g, lib.session
            session["k"] = 1
            session.update(m=2)
            g.n = [1]
            g.n += [2]
            request.added = "yes"
            del session["m"]
            return (
                isinstance(request, lib.Request),
                isinstance(lib.current_app, lib.Flask),
                isinstance(session, dict),
                lib.current_app == app,
                {lib.current_app: 1}[app],
                request._get_current_object().added,
                list(session),
                session | {"z": 1},
                session.modified,
                g.n,
                request.json,
                [key for key in session],  # noqa: C416 - iteration is what is tested
                callable(lib.current_app),
            )

    same(program)


def test_the_documentation_of_a_bound_proxy_is_that_of_the_object() -> None:
    def program(lib: Any) -> Any:
        with make_bound_app(lib).test_request_context():
            proxies = [proxy(lib, name) for name in NAMES]
            return [it.__doc__ == it._get_current_object().__doc__ for it in proxies]

    assert all(same(program))


def test_a_method_read_from_a_proxy_belongs_to_the_request_it_was_read_in() -> None:
    app = tuile.Flask("x")
    with app.test_request_context("/first?a=1"):
        get = tuile.request.args.get
    with app.test_request_context("/second?a=2"):
        assert (get("a"), tuile.request.args.get("a")) == ("1", "2")


def test_the_app_context_behind_its_proxy_can_be_entered() -> None:
    def program(lib: Any) -> Any:
        app = make_bound_app(lib)
        with app.test_request_context():
            lib.g.n = 1
            app_ctx, request_ctx = proxy(lib, "app_ctx"), proxy(lib, "request_ctx")
            with app_ctx:
                inner = lib.g.n
            with request_ctx:
                again = lib.request.path
            return (
                inner,
                again,
                app_ctx.app is app,
                app_ctx.g.n,
                request_ctx.app is app,
                request_ctx.session is not None,
            )

    same(program)


def test_a_subclass_and_in_place_operators_work_on_a_proxy_of_ones_own() -> None:
    kept: dict[str, Any] = {"value": [1]}
    mine: Any = LocalProxy(lambda: kept["value"])
    mine += [2]
    assert kept["value"] == [1, 2]
    assert mine == [1, 2]
    assert isinstance(mine, LocalProxy)


# An attribute that is not there. Python asks a proxy twice, and what is behind it is asked once.


class Failing:
    """An object that counts attempts to compute its attributes, which all fail."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    @property
    def broken(self) -> Any:
        self.asked.append("broken")
        raise AttributeError("broken by itself")

    @property
    def _broken(self) -> Any:
        self.asked.append("_broken")
        raise AttributeError("broken by itself")

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        raise AttributeError(f"no {name}")


def failing_app(lib: Any) -> tuple[Any, Failing]:
    """Return an app whose session is such an object, and the object."""
    behind = Failing()

    class Interface(part(lib, "sessions").SessionInterface):  # type: ignore[misc] # of either framework
        def open_session(self, app: Any, request: Any) -> Any:
            return behind

        def save_session(self, app: Any, session: Any, response: Any) -> None: ...

    app = make_app(lib)
    app.session_interface = Interface()
    return app, behind


@pytest.mark.parametrize("name", ["broken", "_broken", "nothing", "_nothing", "__nothing__", "accessed_x"])
@pytest.mark.parametrize("ask", [getattr, hasattr, lambda it, name: getattr(it, name, "default")])
def test_what_fails_is_computed_as_often_as_on_flask(ask: Callable[[Any, str], Any], name: str) -> None:
    def program(lib: Any) -> Any:
        app, behind = failing_app(lib)
        with app.test_request_context():
            before = len(behind.asked)
            answers = [outcome(lambda: ask(lib.session, name)) for _ in range(2)]
            return answers, behind.asked[before:]

    same(program)


def test_the_error_is_the_objects_own() -> None:
    error = AttributeError("of the object")

    class Fails:
        @property
        def broken(self) -> Any:
            raise error

    app: Any = tuile.Flask("x")
    app.request_class = type("FailingRequest", (Fails, tuile.Request), {})
    with app.test_request_context():
        for _ in range(2):
            with pytest.raises(AttributeError) as raised:
                _ = proxy(tuile, "request").broken
            assert raised.value is error
            assert raised.value.__context__ is None


def test_errors_of_several_proxies_and_threads_are_not_mixed_up() -> None:
    def look(mine: Any, other: Any) -> None:
        for turn in range(2000):
            name = f"name{turn % 7}"
            for it in (mine, other, mine):
                with pytest.raises(AttributeError, match=f"no {name}$"):
                    getattr(it, name)

    proxies = [LocalProxy(Failing) for _ in range(3)]
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(look, proxies[n % 3], proxies[(n + 1) % 3]) for n in range(8)]:
            done.result()


def test_a_failure_while_failing_is_another_one() -> None:
    class Outer:
        @property
        def broken(self) -> Any:
            if hasattr(inner, "broken") or hasattr(inner, "_other"):
                raise AssertionError
            raise AttributeError("of the outer one")

    inner: Any = LocalProxy(Failing)
    outer: Any = LocalProxy(Outer)
    with pytest.raises(AttributeError, match="of the outer one"):
        _ = outer.broken


def test_what_was_found_missing_is_found_when_it_is_there() -> None:
    kept = SimpleNamespace()
    mine: Any = LocalProxy(lambda: kept)
    with pytest.raises(AttributeError):
        # Asked past Python's second question.
        LocalProxy.__getattribute__(mine, "late")
    kept.late = kept._late = 1
    assert (mine.late, mine.__getattr__("_late"), mine._late, mine.__getattr__("late")) == (1, 1, 1, 1)
    del kept.late
    with pytest.raises(AttributeError):
        mine.__getattr__("late")


def test_nothing_is_kept_of_an_error() -> None:
    class Thing: ...

    def fails(thing: Thing) -> None:
        assert not hasattr(mine, "nothing")
        del thing

    mine: Any = LocalProxy(Failing)
    thing = Thing()
    gone = weakref.ref(thing)
    fails(thing)
    del thing
    assert gone() is None


@pytest.mark.parametrize("name", ["request", "session", "g", "current_app", "app_ctx", "request_ctx"])
def test_a_name_with_an_underscore_is_read_in_one_call(name: str) -> None:
    mine = proxy(tuile, name)
    with make_bound_app(tuile).test_request_context():
        mine._kept = 1
        assert len(entered(lambda: mine._kept)) == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_class_of_a_proxy_makes_others_as_on_flask(name: str) -> None:
    """`type(request)` has one proxy alone, and nobody sees it."""

    def program(lib: Any) -> Any:
        mine = proxy(lib, name)
        kept = SimpleNamespace(path="kept", name="kept")

        class Named(type(mine)):  # type: ignore[misc]
            @property
            def own(self) -> str:
                return "own"

        class Asking(type(mine)):  # type: ignore[misc]
            def __getattribute__(self, name: str) -> Any:
                return "asked" if name == "asked" else object.__getattribute__(self, name)

        others = (type(mine)(lambda: kept), Named(lambda: kept), Asking(lambda: kept))
        found = []
        for other in others:
            other.path += " by it"
            with make_bound_app(lib).test_request_context("/of-the-request"):
                found += [outcome(partial(getattr, other, key)) for key in ("path", "name", "nothing", "asked", "own")]
                found += [other._get_current_object() is kept, isinstance(other, SimpleNamespace)]
                found += [outcome(partial(getattr, mine, key)) for key in ("path", "nothing_either")]
        return found

    same(program)


def _derived(mine: Any, calls: list[object]) -> list[Any]:
    """Return the class of a proxy, and classes that derive from it and call its methods."""

    class Asking(type(mine)):  # type: ignore[misc]
        def __getattribute__(self, name: str) -> Any:
            return "asked" if name == "asked" else super().__getattribute__(name)

        def __getattr__(self, name: str) -> Any:
            return name if name == "fallback" else super().__getattr__(name)

        def __getitem__(self, key: str) -> Any:
            return "own", key

        def __contains__(self, key: str) -> bool:
            return True

    class Below(Asking):
        def __setattr__(self, name: str, value: object) -> None:
            calls.append(name)
            super().__setattr__(name, value)

    class Told:
        def __init_subclass__(cls, flag: str = "", **options: object) -> None:
            super().__init_subclass__(**options)
            calls.append((cls.__name__, flag))

    class First(type(mine), Told, flag="first"):  # type: ignore[misc]
        pass

    class Last(Told, type(mine), flag="last"):  # type: ignore[misc]
        __slots__ = ("extra",)

    return [type(mine), Asking, Below, First, Last]


@pytest.mark.parametrize("is_bound", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_classes_derived_from_that_of_a_proxy_inherit_as_on_flask(name: str, is_bound: bool) -> None:
    """What they call by `super()` is about their own proxies, never about the one of the request."""

    def program(lib: Any) -> Any:
        mine = proxy(lib, name)
        calls: list[object] = []
        found: list[Any] = []
        kept = SimpleNamespace(path="kept", name="kept", modified="kept", app="kept")
        variable: ContextVar[str] = ContextVar("variable")
        kinds = _derived(mine, calls)
        with make_bound_app(lib).test_request_context("/of-the-request") if is_bound else nullcontext():
            for kind in kinds:
                other, unbound = kind(lambda: kept), kind(variable, unbound_message="unbound")
                names = ("path", "name", "modified", "app", "args", "get", "asked", "fallback", "nothing")
                found += [(kind.__name__, key, outcome(getattr, other, key)) for key in names]
                found += [outcome(function, other) for function in (operator.itemgetter("key"), repr, str, bool)]
                found += [outcome(operator.contains, other, "key"), outcome(setattr, other, "path", "set"), kept.path]
                found += [outcome(getattr, unbound, "path"), bool(unbound), repr(unbound), outcome(kind, 5)]
                found += [isinstance(other, type(mine)), isinstance(other, SimpleNamespace)]
        return found, calls

    same(program)


def test_a_proxy_goes_on_when_its_public_name_is_patched() -> None:
    def program(lib: Any) -> Any:
        mine, module = lib.request, part(lib, "globals")
        with make_bound_app(lib).test_request_context("/path"), mock.patch.object(module, "request", SimpleNamespace()):
            names = ("path", "nothing", "__class__", "_get_current_object", "__wrapped__")
            found = [outcome(lambda name: repr(getattr(mine, name))[:7], name) for name in names]
        found.append(outcome(lambda: mine.path))
        return found

    same(program)


# The two context variables, as views of one.


def describe(lib: Any) -> Any:
    variables = part(lib, "globals")
    app_context, request_context = variables._cv_app.get(None), variables._cv_request.get(None)
    return (
        app_context and app_context.app.name,
        request_context and request_context.request.path,
        lib.has_app_context(),
        lib.has_request_context(),
        bool(lib.current_app),
        bool(lib.request),
    )


def test_the_variables_hold_the_current_contexts() -> None:
    def program(lib: Any) -> Any:
        variables = part(lib, "globals")
        app, other = make_bound_app(lib), lib.Flask("other")
        observed = [describe(lib), outcome(variables._cv_app.get)[:2], outcome(variables._cv_request.get)[:2]]
        observed.append((variables._cv_app.get("default"), variables._cv_request.get("default")))
        with app.app_context() as app_context:
            observed += [describe(lib), variables._cv_app.get() is app_context]
            with app.test_request_context("/a") as request_context:
                observed += [describe(lib), variables._cv_request.get() is request_context]
                observed += [variables._cv_app.get() is app_context]
                with other.app_context():
                    observed += [describe(lib), variables._cv_request.get() is request_context]
            observed += [describe(lib)]
        with app.test_request_context("/b"):
            # Asked for twice, it is the same.
            observed += [variables._cv_app.get() is variables._cv_app.get(), variables._cv_app.get().app is app]
        return observed

    same(program)


def test_a_context_can_be_set_and_reset_as_some_tests_do() -> None:
    def program(lib: Any) -> Any:
        variables = part(lib, "globals")
        app = make_bound_app(lib)
        app_context, request_context = app.app_context(), app.test_request_context("/a")
        observed = [describe(lib)]
        app_token = variables._cv_app.set(app_context)
        observed.append(describe(lib))
        request_token = variables._cv_request.set(request_context)
        observed.append(describe(lib))
        variables._cv_request.reset(request_token)
        observed.append(describe(lib))
        variables._cv_app.reset(app_token)
        observed.append(describe(lib))
        return observed, isinstance(app_token, Token)

    same(program)


def test_contexts_that_were_set_can_be_reset_in_either_order() -> None:
    def program(lib: Any) -> Any:
        variables = part(lib, "globals")
        app = make_bound_app(lib)
        app_token = variables._cv_app.set(app.app_context())
        request_token = variables._cv_request.set(app.test_request_context("/a"))
        variables._cv_app.reset(app_token)
        between = describe(lib)
        variables._cv_request.reset(request_token)
        return between, describe(lib)

    # In a context of its own, for what may be left behind.
    copy_context().run(same, program)


def test_a_request_can_be_set_without_an_app() -> None:
    def program(lib: Any) -> Any:
        variables = part(lib, "globals")
        token = variables._cv_request.set(make_bound_app(lib).test_request_context("/a"))
        path = lib.request.path
        variables._cv_request.reset(token)
        return path, describe(lib)

    same(program)


def test_the_variables_that_old_extensions_import_have_flasks_names() -> None:
    for name in ("_cv_app", "_cv_request"):
        assert getattr(tuile.globals, name).name == getattr(flask.globals, name).name
    assert current.get(None) is None


_PATCHES: dict[str, tuple[str, Any]] = {
    "a patched __getattr__": ("__getattr__", lambda self, name: f"found {name}"),
    "a patched attribute of the class": ("", property(lambda self: "of the class")),
    "a patched __contains__": ("__contains__", lambda self, item: True),
    "a patched __getattribute__": ("__getattribute__", lambda self, name: f"got {name}"),
}
_SUBCLASSES: dict[str, dict[str, Any]] = {
    "a subclass with __getattr__": {"__getattr__": lambda self, name: f"made of {name}"},
    "a subclass with a property that fails": {"": property(lambda self: self.nothing)},
}


def _looked(g: Any, name: str) -> Any:
    """Return what can be seen of an attribute that may be missing."""
    found = outcome(hasattr, g, name), outcome(getattr, g, name, "default"), outcome(lambda: name in g)
    try:
        return found, getattr(g, name)
    except AttributeError as error:
        cause = type(error.__cause__).__name__, error.__suppress_context__
        return found, (error.args, error.name, type(error.obj).__name__, cause)
    except RuntimeError as error:
        return found, str(error)


@pytest.mark.parametrize("case", ["missing", "set and deleted", "set", "outside", *_PATCHES, *_SUBCLASSES])
@pytest.mark.parametrize("name", ["missed", "_missed", "__missed"])
@pytest.mark.parametrize("asked_before", [False, True], ids=["", "asked before"])
def test_what_g_lacks_is_said_as_on_flask(case: str, name: str, asked_before: bool) -> None:
    def program(lib: Any) -> Any:
        app, g = make_app(lib), lib.g
        kind: Any = part(lib, "ctx")._AppCtxGlobals
        seen: list[Any] = []

        def look_twice(context: Any) -> None:
            with context:
                if case.startswith("set"):
                    setattr(g, name, 1)
                if case == "set and deleted":
                    delattr(g, name)
                seen.extend([_looked(g, name), _looked(g, name)])

        if asked_before:
            look_twice(app.app_context())
        if case == "outside":
            return _looked(g, name)
        if case in _SUBCLASSES:
            app.app_ctx_globals_class = type(
                "Own", (kind,), {key or name: value for key, value in _SUBCLASSES[case].items()}
            )
        patched, value = _PATCHES.get(case, ("", None))
        with mock.patch.object(kind, patched or name, value, create=True) if case in _PATCHES else nullcontext():
            look_twice(app.app_context())
            look_twice(app.test_request_context("/"))
        look_twice(app.app_context())
        return seen

    same(program)


@pytest.mark.parametrize("proxy", ["request", "session", "g", "current_app"])
@pytest.mark.parametrize(
    "name", ["_private", "__private", "_LocalProxy__wrapped", "_get_current_object", "_is_protocol"]
)
def test_private_names_are_the_objects_as_on_flask(proxy: str, name: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.secret_key = "key of the test"
        found = getattr(lib, proxy)
        seen = [outcome(hasattr, found, name) if name != "_is_protocol" else None]
        with app.test_request_context("/"):
            for _ in range(2):
                own = outcome(getattr, found, name)
                seen.append(own if own[0] == "raised" and proxy != "request" else own[0])
                if name in {"_private", "__private"}:
                    setattr(found, name, 1)
        return seen

    same(program)


def test_no_request_is_made_to_tell_that_there_is_one() -> None:
    app = make_app(tuile)

    @app.route("/")
    def view() -> str:
        context = tuile.globals.request_ctx
        assert tuile.has_request_context()
        assert context.app is app
        return str(context._request is None)

    send(app)  # the first request is matched by its request
    assert [send(app).text for _ in range(2)] == ["True", "True"]


@pytest.mark.parametrize("opened", ["first", "before", "set", "none"])
def test_the_session_itself_is_the_one_of_the_request_and_notes_that_it_was_accessed(opened: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.secret_key = None if opened == "none" else "k" * 32
        seen: list[Any] = []

        @app.route("/")
        def index() -> str:
            if opened == "before":
                lib.session.get("a")
            elif opened == "set":
                part(lib, "globals").request_ctx.session = part(lib, "sessions").SecureCookieSession({"b": 2})
            find = lib.session._get_current_object
            found = find()
            if opened != "set":
                seen.append(type(found).__name__)
            found.accessed = False
            seen.extend([find() is found, found == lib.session, find().accessed, dict(found), found.modified])
            return "x"

        response = app.test_client().get("/")
        return [*seen, response.data, list(response.headers), outcome(lib.session._get_current_object)]

    same(program)
