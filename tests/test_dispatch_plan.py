"""The plan of an app: each change that could make it untrue is noticed, at the same cost with any number of apps."""

from __future__ import annotations

import copy
import gc
import subprocess
import sys
import weakref
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from werkzeug.routing import Map as WerkzeugMap
from werkzeug.routing import MapAdapter, Rule
from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wrappers import Response as WerkzeugResponse

import tuile
from tests.beside_flask import make_app, make_environ, outcome, part, same, send
from tests.costs import entered
from tuile import invalidation
from tuile.ctx.request_context import RequestContext
from tuile.dispatch.plan import NOTHING, plan_of
from tuile.dispatch.planner import Planner
from tuile.dispatch.step_names import STEPS
from tuile.json.provider import DefaultJSONProvider, JSONProvider
from tuile.sessions import SecureCookieSessionInterface, SessionInterface

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "a key of enough characters 0123456789"


def warm(app: Any, *paths: str) -> Any:
    """Ask until the plan is kept."""
    for path in paths or ("/",):
        for _ in range(Planner.PROVEN + 2):
            outcome(send, app, make_environ(path))
    return app


def text_app(lib: Any, **config: Any) -> Any:
    app = make_app(lib, **config)
    app.add_url_rule("/", "index", lambda: "text")
    app.add_url_rule("/json", "json", lambda: {"b": 1, "a": [2]})
    return warm(app, "/", "/json")


@pytest.fixture
def app() -> Any:
    return text_app(tuile)


# --- what the findings were -------------------------------------------------------------------------------------------

TRUSTED: dict[str, Callable[[Any], Any]] = {
    "assignment": lambda config: config.__setitem__("TRUSTED_HOSTS", ["other.example"]),
    "update": lambda config: config.update(TRUSTED_HOSTS=["other.example"]),
    "or": lambda config: config.__ior__({"TRUSTED_HOSTS": ["other.example"]}),
    "setdefault": lambda config: (config.pop("TRUSTED_HOSTS"), config.setdefault("TRUSTED_HOSTS", ["other.example"])),
    "del": lambda config: (config.__delitem__("TRUSTED_HOSTS"), config.setdefault("TRUSTED_HOSTS", ["other.example"])),
    "clear": lambda config: (
        kept := dict(config),
        config.clear(),
        config.update(kept, TRUSTED_HOSTS=["other.example"]),
    ),
    "unnoticed": lambda config: dict.__setitem__(config, "TRUSTED_HOSTS", ["other.example"]),
}


@pytest.mark.parametrize("way", TRUSTED)
def test_trusted_hosts_are_read_however_they_were_set(way: str) -> None:
    def program(lib: Any) -> Any:
        app = text_app(lib)
        TRUSTED[way](app.config)
        return [send(app, make_environ(HTTP_HOST=host)).code for host in ("example.com", "other.example")]

    assert same(program) == [400, 200]


def test_a_list_of_trusted_hosts_that_is_changed_in_place_counts() -> None:
    def program(lib: Any) -> Any:
        hosts = ["example.com"]
        app = warm(text_app(lib, TRUSTED_HOSTS=hosts))
        codes = [send(app, make_environ(HTTP_HOST=host)).code for host in ("example.com", "other.example")]
        hosts[:] = ["other.example"]
        return codes + [send(app, make_environ(HTTP_HOST=host)).code for host in ("example.com", "other.example")]

    assert same(program) == [200, 400, 400, 200]


def test_a_missing_setting_fails_as_on_flask() -> None:
    def program(lib: Any) -> Any:
        app = text_app(lib)
        del app.config["TRUSTED_HOSTS"]
        return outcome(send, app)[:2]

    assert same(program) == ("raised", "KeyError")


JSON_SETTINGS: dict[str, Callable[[Any], Any]] = {
    "set": lambda config: config.__setitem__("DEBUG", True),
    "setdefault": lambda config: (config.pop("DEBUG"), config.setdefault("DEBUG", True)),
    "update": lambda config: config.update({"DEBUG": True}),
    "or": lambda config: config.__ior__({"DEBUG": True}),
    "clear": lambda config: (kept := dict(config), config.clear(), config.update(kept, DEBUG=True)),
    "popitem": lambda config: (
        kept := dict(config),
        [config.popitem() for _ in range(len(config))],
        config.update(kept, DEBUG=True),
    ),
}


@pytest.mark.parametrize("way", JSON_SETTINGS)
def test_debug_mode_counts_however_it_was_set(way: str) -> None:
    def program(lib: Any) -> Any:
        app = text_app(lib, COOKIE_CHECKS="off") if lib is tuile else text_app(lib)
        JSON_SETTINGS[way](app.config)
        return send(app, make_environ("/json")).body

    assert b"\n  " in same(program)


@pytest.mark.parametrize("way", ["__delitem__", "pop"])
def test_a_setting_that_is_taken_out_moves_the_epoch(way: str) -> None:
    app = text_app(tuile, TESTING=True)
    epoch = invalidation.epoch
    getattr(app.config, way)("TESTING")
    assert invalidation.epoch is not epoch


def test_other_settings_move_nothing(app: Any) -> None:
    epoch = invalidation.epoch
    app.config.update(OWN=1, TRUSTED_HOSTS=None, SECRET_KEY=KEY)
    app.config["DEBUG"] = app.config["DEBUG"]
    app.config.setdefault("TESTING", True)
    assert invalidation.epoch is epoch


def test_debug_as_an_attribute_of_the_class_counts() -> None:
    def program(lib: Any) -> Any:
        class Always(lib.Flask):  # type: ignore[misc] # the framework's
            debug = True

        class Computed(lib.Flask):  # type: ignore[misc] # the framework's
            @property
            def debug(self) -> bool:
                return True

        answers = []
        for cls in (Always, Computed):
            app = cls("own")
            app.add_url_rule("/json", "json", lambda: {"a": 1})
            answers.append(send(warm(app, "/json"), make_environ("/json")).body)
        later: Any = type("Later", (lib.Flask,), {})
        app = later("later")
        app.add_url_rule("/json", "json", lambda: {"a": 1})
        warm(app, "/json")
        later.debug = True
        answers.append(send(app, make_environ("/json")).body)
        return answers

    assert same(program) == [b'{\n  "a": 1\n}\n'] * 3


def test_ensure_sync_that_is_replaced_within_a_request_is_asked_in_it() -> None:
    def program(lib: Any, where: str) -> Any:
        app: Any = None
        log: list[str] = []

        def own(function: Any) -> Any:
            log.append("asked")
            return lambda *arguments, **named: function(*arguments, **named)  # noqa: PLW0108 - another function

        def replace() -> None:
            if lib.request.args.get("replace"):
                if where == "object":
                    app.ensure_sync = own
                else:
                    type(app).ensure_sync = lambda self, function: own(function)

        def last() -> None:
            log.append("last")

        app = type("Own", (lib.Flask,), {})("own")
        app.before_request(replace)
        app.before_request(last)
        app.after_request(lambda response: response)
        app.add_url_rule("/", "index", lambda: "text")
        warm(app)
        log.clear()
        send(app, make_environ(QUERY_STRING="replace=1"))
        return log

    for where in ("object", "class"):
        assert same(program, where) == ["asked", "last", "asked", "asked"]


def test_is_null_session_that_is_replaced_is_asked() -> None:
    def program(lib: Any, where: str) -> Any:
        app = make_app(lib, SECRET_KEY=KEY)
        app.add_url_rule("/", "index", lambda: "text")
        interface = app.session_interface = part(lib, "sessions").SecureCookieSessionInterface()
        warm(app)
        owner = interface if where == "object" else type(interface)
        log: list[str] = []
        original = owner.is_null_session

        def own(*arguments: Any) -> bool:
            log.append("asked")
            return bool(original(*arguments))

        with mock.patch.object(owner, "is_null_session", own):
            send(app)
        return log

    for where in ("object", "class"):
        assert same(program, where) == ["asked"]


def test_another_class_of_an_app_counts_at_once() -> None:
    def program(lib: Any) -> Any:
        class Sub(lib.Flask):  # type: ignore[misc] # the framework's
            def dispatch_request(self) -> Any:
                return f"own {super().dispatch_request()}"

        app = text_app(lib)
        app.__class__ = Sub
        return send(app).body

    assert same(program) == b"own text"


def test_another_class_that_was_set_behind_its_back_counts_at_the_next_request(app: Any) -> None:
    class Sub(tuile.Flask):
        def dispatch_request(self) -> Any:
            return "own " + super().dispatch_request()  # type: ignore[operator] # a text

    # The plan is made with the class there: making one moves the epoch.
    plan = warm(app).plan
    object.__setattr__(app, "__class__", Sub)
    assert plan.epoch is invalidation.epoch
    assert send(app).body == b"own text"


def test_what_is_put_into_the_dictionary_of_an_app_counts_from_the_next_move_on(app: Any) -> None:
    vars(app)["dispatch_request"] = lambda: "own"
    invalidation.invalidate()
    assert send(app).body == b"own"


@pytest.mark.parametrize(
    "name",
    ["dispatch_request", "make_response", "do_teardown_request", "ensure_sync", "create_url_adapter", "wsgi_app"],
)
@pytest.mark.parametrize("had", [False, True])
def test_a_plain_mixin_that_gets_a_step_later_counts(name: str, had: bool) -> None:
    def program(lib: Any) -> Any:
        log: list[str] = []

        def step(word: str) -> Any:
            def called(self: Any, *arguments: Any, **named: Any) -> Any:
                log.append(word)
                return getattr(lib.Flask, name)(self, *arguments, **named)

            return called

        mixin: Any = type("Mixin", (), {name: step("first")} if had else {})
        app = type("Own", (mixin, lib.Flask), {})("own")
        app.add_url_rule("/", "index", lambda: "text")
        warm(app)
        setattr(mixin, name, step("later"))
        log.append("set")
        assert send(app).body == b"text"
        delattr(mixin, name)
        log.append("deleted")
        assert send(app).body == b"text"
        return log[log.index("set") :][:2], log[log.index("deleted") :]

    assert same(program) == (["set", "later"], ["deleted"])


def test_a_plain_mixin_that_gets_a_step_within_a_request_counts_in_it() -> None:
    def program(lib: Any) -> Any:
        log: list[str] = []
        mixin: Any = type("Mixin", (), {})

        def made(self: Any, value: Any) -> Any:
            log.append("made")
            return lib.Response(value)

        def index() -> str:
            mixin.do_teardown_request = lambda self, exc=None: log.append("teardown")
            mixin.make_response = made
            return "text"

        app = type("Own", (mixin, lib.Flask), {})("own")
        app.add_url_rule("/", "index", index)
        app.add_url_rule("/other", "other", lambda: "other")
        warm(app, "/other")
        send(app)
        return log

    assert same(program) == ["made", "teardown"]


@pytest.mark.parametrize("of", ["Request", "Response"])
def test_a_plain_mixin_of_requests_and_responses_that_gets_a_method_later_counts(of: str) -> None:
    def program(lib: Any) -> Any:
        class Mixin: ...

        app = make_app(lib)
        own = type("Own", (Mixin, getattr(lib, of)), {})
        setattr(app, f"{of.lower()}_class", own)
        app.add_url_rule("/", "index", lambda: "text")
        warm(app)
        log: list[str] = []
        name = "close" if of == "Request" else "get_wsgi_headers"
        original = getattr(own, name)

        def called(self: Any, *arguments: Any) -> Any:
            log.append(name)
            return original(self, *arguments)

        setattr(Mixin, name, called)
        send(app)
        return log

    assert len(same(program)) == 1


PATCHED: list[tuple[type, str]] = [
    (WerkzeugResponse, "__call__"),
    (WerkzeugResponse, "__init__"),
    (WerkzeugResponse, "get_wsgi_headers"),
    (WerkzeugResponse, "get_wsgi_response"),
    (WerkzeugResponse, "get_app_iter"),
    (WerkzeugResponse, "close"),
    (WerkzeugRequest, "__init__"),
    (WerkzeugRequest, "close"),
    (MapAdapter, "match"),
    (WerkzeugMap, "bind_to_environ"),
]


@pytest.mark.parametrize(("cls", "name"), PATCHED, ids=[f"{cls.__name__}.{name}" for cls, name in PATCHED])
@pytest.mark.parametrize("when", ["before the first request", "before a move"])
def test_a_patch_of_werkzeug_counts(cls: type, name: str, when: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.add_url_rule("/", "index", lambda: "text")
        if when == "before a move":
            warm(app)
        log: list[str] = []
        original = getattr(cls, name)

        def called(*arguments: Any, **named: Any) -> Any:
            log.append(name)
            return original(*arguments, **named)

        with mock.patch.object(cls, name, called):
            if when == "before a move":
                # Any change of a class or an app that plans depend on.
                lib.Response.own = 1
                del lib.Response.own
            send(app)
        return name in log

    try:
        assert same(program) is True
    finally:
        # For the tests that follow: the flags of the classes are as they were.
        invalidation.invalidate()
        send(text_app(tuile))


def test_a_plan_that_is_made_for_the_curious_sees_a_patch_of_werkzeug_too(app: Any) -> None:
    for cls, name in ((WerkzeugResponse, "close"), (WerkzeugRequest, "close"), (MapAdapter, "match")):
        with mock.patch.object(cls, name):
            plan = plan_of(app)
            assert (plan.text_start if cls is WerkzeugResponse else plan.request_class) is None
        assert plan_of(app).fast


@pytest.mark.parametrize("hooks", [False, True])
def test_a_class_of_responses_that_comes_during_requests_gets_its_own_constructor_and_type(  # noqa: C901 - line by line
    hooks: bool,
) -> None:
    """At whichever line it comes: a response of the class has its type, and was made by its constructor."""
    made: list[Any] = []
    app = make_app(tuile)
    app.add_url_rule("/", "index", lambda: "text")
    app.add_url_rule("/json", "json", lambda: {"b": 1, "a": [2]})
    passed: list[Any] = []
    if hooks:
        app.after_request(lambda response: [passed.append(response), response][1])  # type: ignore[func-returns-value]

    class Own(tuile.Response):
        default_mimetype = "text/plain"

        def __init__(self, *arguments: Any, **named: Any) -> None:
            made.append(self)
            super().__init__(*arguments, **named)

    for path in ("/", "/json"):
        line = 0
        while True:
            line += 1
            app.response_class = tuile.Response
            warm(app, path)
            made.clear()
            passed.clear()
            seen = 0

            def trace(frame: Any, event: str, _argument: Any) -> Any:
                nonlocal seen
                if "tuile" not in frame.f_code.co_filename:
                    return None
                if event == "line":
                    seen += 1
                    if seen == line:  # noqa: B023 - called within the loop
                        app.response_class = Own
                return trace

            before = sys.gettrace()
            sys.settrace(trace)
            try:
                answer = send(app, make_environ(path))
            finally:
                sys.settrace(before)
            if seen < line:
                break
            kind = dict(answer.headers)["Content-Type"]
            plain = "text/plain; charset=utf-8" if path == "/" else "application/json"
            stock = "text/html; charset=utf-8" if path == "/" else "application/json"
            assert kind == (plain if made else stock), line
            assert all(response in made for response in passed if type(response) is Own), line
        assert line > 10


# --- what it costs ----------------------------------------------------------------------------------------------------


CHANGES: dict[str, Callable[[Any], object]] = {
    "class": lambda app: setattr(app.request_class, "own", 1),
    "provider": lambda app: setattr(app.json, "sort_keys", False),
    "setting": lambda app: app.config.update(DEBUG=True),
    "interface": lambda app: setattr(app.session_interface, "salt", "own"),
    "app": lambda app: setattr(app, "response_class", tuile.Response),
}


def test_a_change_costs_the_same_with_one_app_and_with_thousands() -> None:
    def changed(change: str) -> int:
        app = text_app(tuile)
        app.request_class = type("Own", (tuile.Request,), {})
        app.session_interface = SecureCookieSessionInterface()
        send(app)
        return len(entered(lambda: CHANGES[change](app)))

    alone = {change: changed(change) for change in CHANGES}
    live = []
    for _ in range(10_000 // 50):
        live += [tuile.Flask("one", static_folder=None) for _ in range(50)]
    for one in live[:100]:
        send(one)
    assert {change: changed(change) for change in CHANGES} == alone
    assert len(live) == 10_000


def test_an_app_that_nobody_holds_is_gone() -> None:
    app = text_app(tuile)
    gone = weakref.ref(app)
    del app
    gc.collect()
    assert gone() is None


class Planned(Exception):
    """A plan was made."""


def plans_made(app: Any, requests: int, change: Callable[[], object]) -> int:
    """How many plans are made for an app while each request changes something."""
    made = 0

    def counted(of: Any) -> Any:
        nonlocal made
        made += 1
        return plan_of(of)

    with mock.patch("tuile.dispatch.planner.plan_of", counted):
        for _ in range(requests):
            assert send(app).body == b"text"
            change()
    return made


def test_what_moves_the_epoch_in_every_request_does_not_plan_in_every_request(app: Any) -> None:
    first = plans_made(app, 200, invalidation.invalidate)
    assert first <= Planner.PATIENCE + 3
    # Then one in 128, 256, ... 4,096 requests.
    assert plans_made(app, 3000, invalidation.invalidate) <= 6
    # And it ends when that does.
    assert plans_made(app, Planner.LONGEST + 100, lambda: None) == 1
    assert app._plan.epoch is invalidation.epoch
    assert app._planner.pause == Planner.SHORTEST


def test_an_app_without_a_plan_answers_as_one_with_a_plan() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, SECRET_KEY=KEY)
        app.add_url_rule("/", "index", lambda: "text")
        app.add_url_rule("/json", "json", lambda: {"b": 1, "a": [2]})
        app.add_url_rule("/count", "count", lambda: str(lib.session.setdefault("n", lib.url_for("index"))))
        app.after_request(lambda response: response)
        answers = []
        for number in range(60):
            lib.Request.own = number
            answers += [send(app, make_environ(path)) for path in ("/", "/json", "/count", "/missing")]
        del lib.Request.own
        return answers

    assert {answer.code for answer in same(program)} == {200, 404}


def test_an_interface_that_keeps_something_in_each_request_moves_nothing() -> None:
    class Own(SecureCookieSessionInterface):
        last = 0

        def open_session(self, app: Any, request: Any) -> Any:
            self.last += 1
            return super().open_session(app, request)

    app = text_app(tuile, SECRET_KEY=KEY)
    app.session_interface = Own()
    send(app)
    epoch = invalidation.epoch
    send(app)
    assert app.session_interface.last == 2
    assert invalidation.epoch is epoch


# --- the plan itself --------------------------------------------------------------------------------------------------


def test_a_plan_says_why_there_is_no_fast_path() -> None:
    class Mixin: ...

    class Own(Mixin, tuile.Flask): ...

    class Blind(tuile.Flask):
        def __setattr__(self, name: str, value: object) -> None:
            object.__setattr__(self, name, value)

    class Sessions(SessionInterface):
        def open_session(self, app: Any, request: Any) -> None: ...

    apps = {name: text_app(tuile) for name in ("stock", "interface", "sync", "context", "subdomain", "text", "checks")}
    apps["interface"].session_interface = Sessions()
    apps["sync"].ensure_sync = lambda function: function
    apps["context"].request_context = lambda environ: None
    apps["subdomain"].subdomain_matching = True
    apps["text"].response_class = type("Own", (tuile.Response,), {"__init__": lambda *_, **__: None})
    apps["checks"].config["COOKIE_CHECKS"] = "warn"
    own = f"{apps['text'].response_class.__module__}.Own"
    why = {name: (app.plan.refusals, app.plan.slower) for name, app in apps.items()}
    assert why == {
        "stock": ((), ()),
        "interface": (
            (),
            (f"{Sessions.__module__}.{Sessions.__qualname__} opens the session at the start of each request",),
        ),
        "sync": ((), ("ensure_sync is overridden",)),
        "context": (("request_context is overridden",), ()),
        "subdomain": ((), ("subdomain_matching is on, so the URL map is asked about each request",)),
        "text": ((), (f"{own} has methods of its own, so each response is made and asked",)),
        "checks": ((), ("COOKIE_CHECKS, COOKIE_UNDECLARED or app.consent looks at each response",)),
    }
    assert "Mixin" in Own("own").plan.refusals[0]
    assert Blind("blind").plan.refusals == ("__setattr__ is overridden",)
    for app in (Own("own"), Blind("blind")):
        assert not app.plan.fast
    # What is compared at each request may be taken for granted, and nothing where a change goes unnoticed.
    assert Own("own").plan.text_start
    assert Blind("blind").plan.text_start is None


def test_no_unwatched_base_of_tuiles_has_a_method_that_a_plan_depends_on() -> None:
    names = {name for group in STEPS.values() for name in group}
    assert [cls for cls in invalidation.unwatched(tuile.Flask) if names & vars(cls).keys()] == []


def test_an_app_has_its_fast_path_under_the_shim_too() -> None:
    program = (
        "import tuile.shim; tuile.shim.install()\n"
        "from flask import Flask\n"
        "print(Flask.__module__, Flask('app').plan.fast, Flask('app').plan.refusals)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=1)[1] == "True ()\n"


def test_a_plan_is_frozen_and_its_fields_imply_each_other(app: Any) -> None:
    with pytest.raises(AttributeError):
        app.plan.fast = False
    changes: tuple[Callable[[], object], ...] = (
        lambda: setattr(app.json, "compact", False),
        lambda: setattr(app.json, "dumps", lambda *_, **__: "1"),
        lambda: setattr(app, "json", JSONProvider(app)),
        lambda: setattr(app, "response_class", type("Own", (tuile.Response,), {"close": lambda _: None})),
    )
    for change in changes:
        plan = app.plan
        assert plan.json_start is None or plan.write_json is not None
        assert not plan.quiet or plan.text_start is not None
        assert plan.fast == (not plan.refusals)
        change()
    assert app.plan.json_start is None
    assert not NOTHING.fast


def test_planning_changes_nothing_and_raises_nothing(app: Any) -> None:
    app.config["COOKIE_CHECKS"] = "wrong"
    epoch, before = invalidation.epoch, dict(vars(app))
    first, second = plan_of(app), plan_of(app)
    assert (first.fast, first.refusals, first.slower) == (second.fast, second.refusals, second.slower)
    assert first.checks_cookies
    assert (invalidation.epoch, vars(app)) == (epoch, before)


WATCHED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "step of the class": (type, "make_response"),
    "any attribute of the class": (type, "own"),
    "step": (lambda app: app, "make_response"),
    "class of requests": (lambda app: app.request_class, "own"),
    "class of responses": (lambda app: app.response_class, "own"),
    "class of contexts": (lambda app: RequestContext, "own"),
    "class of interfaces": (lambda app: type(app.session_interface), "own"),
    "class of providers": (lambda app: DefaultJSONProvider, "own"),
    "interface": (lambda app: app.session_interface, "get_cookie_name"),
    "provider": (lambda app: app.json, "sort_keys"),
    "json": (lambda app: app, "json"),
    "request_class": (lambda app: app, "request_class"),
    "url_map": (lambda app: app, "url_map"),
    "config": (lambda app: app, "config"),
}


@pytest.fixture
def own() -> Any:
    app = type("Own", (tuile.Flask,), {})("own")
    app.session_interface = SecureCookieSessionInterface()
    app.add_url_rule("/", "index", lambda: "text")
    return warm(app)


@pytest.mark.parametrize("what", WATCHED)
def test_each_change_moves_the_epoch_after_it_was_made(own: Any, what: str) -> None:
    find, name = WATCHED[what]
    owner = find(own)
    plan = own.plan
    with mock.patch.object(owner, name, getattr(owner, name, None), create=True):
        assert plan.epoch is not invalidation.epoch
        plan = own.plan
        assert plan.epoch is invalidation.epoch
    assert plan.epoch is not invalidation.epoch


ORDERED: dict[str, tuple[Callable[[Any], object], Callable[[Any], bool]]] = {
    "app": (lambda app: setattr(app, "make_response", lambda value: value), lambda plan: not plan.quiet),
    "class": (lambda app: setattr(type(app), "make_response", lambda self, value: value), lambda plan: not plan.quiet),
    "config": (lambda app: app.config.update(COOKIE_CHECKS="warn"), lambda plan: plan.checks_cookies),
    "provider": (lambda app: setattr(app.json, "compact", False), lambda plan: plan.json_start is None),
    "interface": (lambda app: setattr(app.session_interface, "salt", "own"), lambda plan: not plan.opens_lazily),
}


@pytest.mark.parametrize("what", ORDERED)
def test_a_plan_that_is_made_as_soon_as_the_epoch_moves_has_seen_the_change(own: Any, what: str) -> None:
    change, has_seen = ORDERED[what]
    move, plans = invalidation.invalidate, []

    def moved() -> None:
        move()
        plans.append(plan_of(own))

    with (
        mock.patch("tuile.invalidation.invalidate", moved),
        mock.patch("tuile.watched_settings.invalidate", moved),
        mock.patch("tuile.json.provider.invalidate", moved),
        mock.patch("tuile.sessions.interface.invalidate", moved),
    ):
        change(own)
    assert plans
    assert has_seen(plans[-1])


def test_every_epoch_is_another() -> None:
    seen = []
    for _ in range(1000):
        invalidation.invalidate()
        seen.append(invalidation.epoch)
    assert len({id(epoch) for epoch in seen}) == 1000


# --- Copies of an application -----------------------------------------------------------------------------------------


def _of(lib: Any, name: str, attributes: dict[str, Any]) -> Any:
    owners = {"Json": "json.provider", "Sessions": "sessions", "Globals": "ctx"}
    kinds = {"Json": "DefaultJSONProvider", "Sessions": "SecureCookieSessionInterface", "Globals": "_AppCtxGlobals"}
    base = getattr(part(lib, owners[name]), kinds[name]) if name in owners else getattr(lib, name)
    return type(name, (base,), attributes)


def _in_place_of_wsgi(environ: Any, start_response: Any) -> Any:
    start_response("299 OWN", [])
    return [b"own"]


def _ignore(request: Any, value: object) -> None:
    """Set nothing."""


CHANGES_OF_COPY: dict[str, Callable[[Any, Any], Any]] = {
    "response_class": lambda lib, copied: _of(lib, "Response", {"default_mimetype": "x/y"}),
    "request_class": lambda lib, copied: _of(lib, "Request", {"path": property(lambda _: "/own", _ignore)}),
    "json": lambda lib, copied: _of(lib, "Json", {"dumps": lambda *_, **__: "own"})(copied),
    "session_interface": lambda lib, copied: _of(lib, "Sessions", {"get_cookie_name": lambda *_: "own"})(),
    "app_ctx_globals_class": lambda lib, copied: _of(lib, "Globals", {"own": 7}),
    "wsgi_app": lambda lib, copied: _in_place_of_wsgi,
    "before_request_funcs": lambda lib, copied: {None: [lambda: "own"]},
    "after_request_funcs": lambda lib, copied: {None: [lambda response: lib.Response("own")]},
    "view_functions": lambda lib, copied: dict.fromkeys(copied.view_functions, lambda: "own"),
    "dispatch_request": lambda lib, copied: lambda: "own",
    "make_response": lambda lib, copied: lambda value: lib.Response("own"),
    "ensure_sync": lambda lib, copied: lambda function: lambda **_: "own",
    "url_map": lambda lib, copied: WerkzeugMap([Rule("/", endpoint="json")]),
    "config": lambda lib, copied: part(lib, "config").Config(".", copied.config | {"SECRET_KEY": KEY}),
    "__class__": lambda lib, copied: _of(lib, "Flask", {"dispatch_request": lambda _: "own"}),
    "name": lambda lib, copied: "own",
}  # fmt: skip


def ask_copies(lib: Any, name: str, first: str, asked_before: int, ask_one: Callable[..., Any]) -> list[Any]:
    """Change an attribute of a copy of an application, and send requests to both."""
    app = make_app(lib, SECRET_KEY="a key for these tests alone")
    asked: list[Any] = []

    def index() -> str:
        lib.session["a"] = 1
        here = lib.current_app._get_current_object() is asked[-1]
        return f"{lib.request.path} {lib.current_app.name} {here} {getattr(lib.g, 'own', 0)}"

    app.add_url_rule("/", "index", index)
    app.add_url_rule("/json", "json", lambda: {"a": 1})
    app.add_url_rule("/error", "error", lambda: lib.abort(410))

    def ask(one: Any) -> list[Any]:
        asked.append(one)
        return [outcome(ask_one, one, make_environ(path)) for path in ("/", "/json", "/error", "/none")]

    for _ in range(asked_before):
        ask(app)
    copied = copy.copy(app)
    seen = ask(copied) if asked_before > 1 else []
    setattr(copied, name, CHANGES_OF_COPY[name](lib, copied))
    order = [app, copied] if first == "app" else [copied, app]
    for one in (*order, *order, copy.copy(copied), *order):
        seen += ask(one)
    return seen


@pytest.mark.parametrize("name", CHANGES_OF_COPY)
@pytest.mark.parametrize("first", ["app", "copy"])
@pytest.mark.parametrize("asked_before", [0, 1, 5])
def test_a_copy_of_an_application_has_a_plan_of_its_own(name: str, first: str, asked_before: int) -> None:
    same(ask_copies, name, first, asked_before, send)


NAMES = ("colour", "testing", "debug", "secret_key", "config", "json", "response_class", "name", "jinja_env", "noted")


@pytest.mark.parametrize("when", ["at once", "later"])
@pytest.mark.parametrize("place", ["before", "after", "nowhere"])
def test_attributes_of_an_app_are_set_by_every_class_that_has_a_say(place: str, when: str) -> None:
    def program(lib: Any) -> Any:
        noted: list[str] = []

        def note(self: Any, name: str, value: object) -> None:
            if name in NAMES:
                noted.append(name)
            super(mixin, self).__setattr__(name, value)

        mixin: Any = type("Mixin", (), {})
        bases = (*[mixin] * (place == "before"), lib.Flask, *[mixin] * (place == "after"))
        kind = type(lib.Flask)("Own", bases, {"computed": property(lambda self: 1)})
        app = kind("own") if when == "later" else None
        setattr(mixin, "__setattr__", note)  # noqa: B010 - mypy does not take it otherwise
        return [_set_and_read(lib, app or kind("own"), name) for name in (*NAMES, "computed", "missing ü")], noted

    same(program)


@pytest.mark.parametrize("way", ["no word of subclasses", "other bases", "patched scaffold", "patched app"])
def test_a_class_that_sets_attributes_has_a_say_however_it_came_there(way: str) -> None:
    def program(lib: Any) -> Any:
        noted: list[str] = []

        def note(self: Any, name: str, value: object) -> None:
            if name in NAMES:
                noted.append(name)
            object.__setattr__(self, name, value)

        mixin: Any = type("Mixin", (), {"__setattr__": note})
        silent = type("Silent", (), {"__init_subclass__": classmethod(lambda cls, **_: None)})
        if way == "no word of subclasses":
            _set_and_read(lib, type(lib.Flask)("Own", (silent, lib.Flask, mixin), {})("own"), "colour")
        elif way == "other bases":
            kind: Any = type(lib.Flask)("Own", (lib.Flask,), {})
            app = kind("own")
            kind.__bases__ = (lib.Flask, mixin)
            _set_and_read(lib, app, "colour")
            kind.__bases__ = (lib.Flask,)
            _set_and_read(lib, app, "noted")
        else:
            home = "sansio.scaffold.Scaffold" if way == "patched scaffold" else "sansio.app.App"
            module, _, name = home.rpartition(".")
            app = lib.Flask("own")
            with mock.patch.object(getattr(part(lib, module), name), "__setattr__", note):
                _set_and_read(lib, app, "colour")
            _set_and_read(lib, app, "noted")
        return noted

    same(program)


def _set_and_read(lib: Any, app: Any, name: str) -> Any:
    values: dict[str, Any] = {"config": lib.Config("", app.config), "json": app.json, "response_class": lib.Response}
    put = outcome(setattr, app, name, values.get(name, True))[:2]
    found = getattr(app, name, None)
    kind = "a class" if isinstance(found, type) else type(found).__name__
    return put, kind, name in vars(app), app.config["TESTING"], app.config["DEBUG"]


@pytest.mark.parametrize("settings", [{}, {"SERVER_NAME": "example.com"}])
def test_few_app_contexts_make_no_plan_and_many_make_one(settings: Any) -> None:
    app = tuile.Flask("contexts")
    left: list[Any] = []
    app.config.update(settings)
    app.teardown_appcontext(left.append)

    def enter() -> None:
        with app.app_context():
            assert tuile.current_app.name == "contexts"

    for _ in range(Planner.CONTEXTS):
        enter()
    assert app._planner.plan is NOTHING
    # A change: they are counted anew.
    app.config["DEBUG"] = True
    for _ in range(Planner.CONTEXTS):
        enter()
    assert app._planner.plan is NOTHING
    enter()
    enter()
    assert app._plan is app._planner.plan is not NOTHING
    assert app._plan.epoch is invalidation.epoch
    assert left == [None] * (2 * Planner.CONTEXTS + 2)


def plan_late(monkeypatch: pytest.MonkeyPatch) -> int:
    """Have plans made as in applications; return how often one is asked for before that."""
    monkeypatch.setattr(Planner, "WAITS", 24)
    return Planner.WAITS


def test_contexts_of_an_app_that_serves_nothing_make_no_plan_before_they_are_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits = plan_late(monkeypatch)
    app = make_app(tuile)
    app.add_url_rule("/<name>", "index", lambda name: name)

    def enter() -> str:
        with app.test_request_context("/a"):
            return tuile.url_for("index", **(tuile.request.view_args or {}))

    assert [enter(), enter()] == ["/a", "/a"]
    assert app._planner.plan is NOTHING
    # They are counted anew after a change.
    invalidation.invalidate()
    assert [enter(), enter()] == ["/a", "/a"]
    assert app._planner.plan is NOTHING
    assert {enter() for _ in range(waits)} == {"/a"}
    assert app._planner.plan is not NOTHING


def test_a_request_makes_a_plan_at_once_and_contexts_after_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    plan_late(monkeypatch)
    app = make_app(tuile)
    app.add_url_rule("/", "index", lambda: "text")
    with app.test_request_context("/"):
        assert app._planner.plan is NOTHING
    assert send(app).text == "text"
    assert app._planner.plan is not NOTHING
    invalidation.invalidate()
    with app.test_request_context("/"):
        assert app._planner.plan.epoch is invalidation.epoch


@pytest.mark.parametrize("settings", [{}, {"SERVER_NAME": "example.com"}, {"APPLICATION_ROOT": "/below"}])
def test_contexts_before_and_after_a_plan_is_made_are_as_on_flask(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]
) -> None:
    plan_late(monkeypatch)

    def program(lib: Any) -> Any:
        app = make_app(lib, SECRET_KEY=KEY, **settings)
        seen: list[object] = []
        app.teardown_request(lambda error: seen.append(("request", repr(error))))
        app.teardown_appcontext(lambda error: seen.append(("app", repr(error), "kept" in lib.g)))
        app.add_url_rule("/<int:number>", "item", lambda number: f"{number}")
        for number in range(16):
            with app.test_request_context(f"/{number}?q=a", method=("GET", "POST")[number % 2]) as context:
                lib.g.kept = number
                lib.session["number"] = number
                seen.append((lib.request.view_args, lib.request.endpoint, repr(lib.request.routing_exception)))
                seen.append((lib.request.args.to_dict(), dict(lib.session), lib.url_for("item", number=number)))
                seen.append(lib.url_for("item", number=1, _external=True, _scheme="https"))
                seen.append(outcome(lib.url_for, "none"))
                seen.append((lib.jsonify(a=1).get_data(), app.make_response("text").status_code))
                seen.append(app.full_dispatch_request().get_data() if number % 3 == 0 else None)
                if number % 5 == 0:
                    with app.app_context(), context.copy():
                        seen.append(("kept" in lib.g, lib.request.path))
        return seen

    same(program)


@pytest.mark.parametrize(
    "name", ["before_request_funcs", "url_value_preprocessors", "after_request_funcs", "teardown_request_funcs"]
)
def test_a_class_may_have_a_registry_of_its_own(name: str) -> None:
    def program(lib: Any) -> Any:
        seen: list[object] = []

        class Own(lib.Flask):  # type: ignore[misc] # the framework's
            pass

        app = Own("own", static_folder=None)
        app.add_url_rule("/", "index", lambda: "text")
        send(app)

        def noted(*arguments: Any) -> Any:
            seen.append(len(arguments))
            return arguments[0] if name.startswith("after") else None

        setattr(Own, name, property(lambda app: {None: [noted]}, lambda app, value: None))
        return send(app), seen, send(app), seen

    same(program)


def test_a_plan_does_not_fail_where_a_descriptor_of_the_settings_does() -> None:
    class Failing:
        def __get__(self, instance: object, owner: type) -> Any:
            raise LookupError

    class Settings(tuile.Config):
        popitem = Failing()

    class Own(tuile.Flask):
        config_class = Settings

    app = Own("own", static_folder=None)
    app.add_url_rule("/", "index", lambda: "text")
    assert send(app).text == "text"
    assert app.plan.hosts == ()
