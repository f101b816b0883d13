"""Applications with one step of their own: it is called as on Flask, and the fast path stays for the rest."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tuile
from tests.beside_flask import make_environ, outcome, same, send
from tuile.json.provider import DefaultJSONProvider

LATE_STEPS = ("ensure_sync", "do_teardown_request", "do_teardown_appcontext")
STEPS = (*LATE_STEPS, "create_url_adapter", "app_context")


def overridden(lib: Any, step: str, calls: list[Any]) -> Any:
    """Return an application whose class has a step of its own, which notes its calls."""

    def own(self: Any, *args: Any, **kwargs: Any) -> Any:
        shown = tuple(getattr(arg, "__name__", None) or repr(type(arg).__name__) for arg in args)
        calls.append((step, shown, lib.has_request_context()))
        return getattr(super(cls, self), step)(*args, **kwargs)

    cls = type("Own", (lib.Flask,), {step: own})
    return cls("overridden", static_folder=None)


def registered(lib: Any, app: Any, calls: list[Any]) -> None:
    def noting(name: str, result: Any = None) -> Any:
        def function(*args: Any) -> Any:
            calls.append(name)
            return args[0] if result == "first" else result

        function.__name__ = name
        return function

    app.before_request(noting("before"))
    app.after_request(noting("after", "first"))
    app.teardown_request(noting("teardown"))
    app.teardown_appcontext(noting("teardown_app"))


@pytest.mark.parametrize("hooks", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_an_overridden_step_is_called_as_often_as_on_flask(step: str, hooks: bool) -> None:
    def program(lib: Any) -> Any:
        calls: list[Any] = []
        app = overridden(lib, step, calls)
        app.config["PROPAGATE_EXCEPTIONS"] = False
        app.logger.disabled = True
        if hooks:
            registered(lib, app, calls)
        app.add_url_rule("/", "text", lambda: "text")
        app.add_url_rule("/json", "json", lambda: {"a": 1})
        app.add_url_rule("/stream", "stream", lambda: iter(["a", "b"]))
        app.add_url_rule("/fail", "fail", lambda: 1 / 0)
        answers = [
            send(app, make_environ(path)) for _ in range(4) for path in ("/", "/json", "/stream", "/fail", "/no")
        ]
        return answers, calls

    same(program)


@pytest.mark.parametrize("step", LATE_STEPS)
def test_one_of_these_steps_does_not_cost_the_fast_path(step: str) -> None:
    app = overridden(tuile, step, [])
    app.add_url_rule("/", "text", lambda: "text")
    send(app)
    assert app.plan.fast
    assert f"{step} is overridden" in app.plan.slower


@pytest.mark.parametrize("step", LATE_STEPS)
def test_a_step_that_is_patched_between_and_during_requests_counts_at_once(step: str) -> None:
    def program(lib: Any) -> Any:
        calls: list[Any] = []
        app = lib.Flask("patched", static_folder=None)
        registered(lib, app, calls)

        def patch() -> str:
            stock = getattr(lib.Flask, step)

            def own(*args: Any, **kwargs: Any) -> Any:
                calls.append((step, len(args)))
                return stock(app, *args, **kwargs)

            setattr(app, step, own)
            return "patched"

        def unpatch() -> str:
            delattr(app, step)
            return "as before"

        app.add_url_rule("/", "text", lambda: "text")
        app.add_url_rule("/patch", "patch", patch)
        app.add_url_rule("/unpatch", "unpatch", unpatch)
        paths = ("/", "/", "/patch", "/", "/", "/unpatch", "/", "/patch", "/")
        return [(send(app, make_environ(path)), calls.copy()) for path in paths]

    same(program)


def test_a_teardown_function_that_replaces_ensure_sync_is_noticed_by_the_next_one() -> None:
    def program(lib: Any) -> Any:
        calls: list[Any] = []
        app = lib.Flask("patched", static_folder=None)

        def own(function: Any) -> Any:
            calls.append(("ensure_sync", function.__name__))
            return function

        def last(error: Any) -> None:
            calls.append("last")

        def replacing(error: Any) -> None:
            calls.append("replacing")
            app.ensure_sync = own

        app.teardown_request(last)
        app.teardown_request(replacing)
        app.teardown_appcontext(last)
        app.add_url_rule("/", "view", lambda: "text")
        seen = []
        for _ in range(3):
            send(app)
            seen.append(calls.copy())
            app.__dict__.pop("ensure_sync", None)
            app.config["TESTING"] = not app.config["TESTING"]
        return seen

    same(program)


def test_a_teardown_function_that_fails_does_not_stop_the_others() -> None:
    def program(lib: Any) -> Any:
        calls: list[str] = []
        app = lib.Flask("failing", static_folder=None)

        @app.teardown_request  # type: ignore[untyped-decorator]
        def first(error: Any) -> None:
            calls.append("first")

        @app.teardown_request  # type: ignore[untyped-decorator]
        def second(error: Any) -> None:
            calls.append("second")
            if lib.request.path == "/fail":
                raise ValueError("second")

        app.add_url_rule("/", "view", lambda: "text")
        app.add_url_rule("/fail", "fail", lambda: "text")
        return [outcome(send, app, make_environ(path)) for path in ("/", "/", "/fail", "/", "/fail")]

    same(program)


# --- app contexts -----------------------------------------------------------------------------------------------------


def test_an_app_context_is_torn_down_whatever_is_registered_meanwhile() -> None:
    def program(lib: Any) -> Any:
        calls: list[str] = []
        app = lib.Flask("contexts", static_folder=None)
        with app.app_context():
            pass
        with app.app_context():
            # Registered within the context that it ends.
            app.teardown_appcontext(lambda error: calls.append(f"ended with {error!r}"))
        with app.app_context(), app.app_context():
            lib.g.value = 1
        context = app.app_context()
        context.push()
        context.push()
        context.pop()
        inside = lib.has_app_context()
        context.pop()
        found = [outcome(context.pop), outcome(app.app_context().pop)]

        def failing() -> None:
            with app.app_context():
                raise ValueError("within")

        found.append(outcome(failing))
        return calls, inside, lib.has_app_context(), [one[:2] for one in found]

    same(program)


def test_app_contexts_of_two_applications_that_are_left_in_the_wrong_order_are_refused() -> None:
    def program(lib: Any) -> Any:
        one, other = (
            lib.Flask("one", static_folder=None).app_context(),
            lib.Flask("other", static_folder=None).app_context(),
        )
        one.push()
        other.push()
        refused = outcome(one.pop)[1]
        while lib.has_app_context():
            outcome(lib.globals.app_ctx.pop)
        return refused

    same(program)


# --- a request that is entered again ----------------------------------------------------------------------------------


def test_a_stream_with_the_context_sees_the_request_as_on_flask() -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("streams", static_folder=None)
        seen: list[Any] = []

        def parts() -> Any:
            seen.append((lib.request.endpoint, lib.request.view_args, str(lib.request.url_rule), lib.g.get("value")))
            yield lib.url_for("item", number=8)
            yield lib.request.url
            yield str(lib.request.view_args)

        def view(number: int) -> Any:
            lib.g.value = number
            lib.request.view_args.pop("number")
            return lib.Response(lib.stream_with_context(parts()))

        app.add_url_rule("/items/<int:number>", "item", view)

        @app.errorhandler(404)  # type: ignore[untyped-decorator]
        def missing(error: Any) -> Any:
            return lib.Response(lib.stream_with_context(str(lib.request.routing_exception) for _ in range(2))), 404

        environs = [make_environ(path) for path in ("/items/7", "/items/7", "/missing", "/items/seven")]
        return [send(app, environ) for environ in environs], seen

    same(program)


def test_a_rule_that_is_added_before_the_stream_begins_counts() -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("streams", static_folder=None)

        def view(name: str) -> Any:
            if "static" not in app.view_functions:
                app.view_functions["static"] = view
                rule = app.url_rule_class("/static", endpoint="static", methods={"GET"}, defaults={"name": "s"})
                app.url_map.add(rule)
            return lib.Response(lib.stream_with_context(str(lib.request.endpoint) for _ in range(2)))

        app.add_url_rule("/<name>", "variable", view)
        return [send(app, make_environ("/static")) for _ in range(3)]

    same(program)


def test_an_environ_that_the_server_has_emptied_is_not_read_by_a_stream() -> None:
    app = tuile.Flask("streams", static_folder=None)
    app.add_url_rule(
        "/items/<int:number>", "item",
        lambda number: tuile.Response(tuile.stream_with_context(str(tuile.request.view_args) for _ in range(1))),
    )  # fmt: skip
    environ = make_environ("/items/7")
    body = app(environ, lambda status, headers, exc_info=None: lambda data: None)
    environ.clear()
    assert b"".join(body) == b"{'number': 7}"


# --- JSON of types that JSON does not have ----------------------------------------------------------------------------


class OwnDate(date):
    def timetuple(self) -> Any:
        return datetime(2000, 1, 1).timetuple()  # noqa: DTZ001 - what Werkzeug asks


class OwnUUID(UUID):
    def __str__(self) -> str:
        return "own"


VALUES = st.one_of(
    st.dates(),
    st.datetimes(),
    st.datetimes(
        timezones=st.sampled_from([timezone.utc, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(0))])
    ),
    st.uuids(),
    st.decimals(allow_nan=False),
    st.builds(lambda value: OwnDate(value.year, value.month, value.day), st.dates()),
    st.just(OwnUUID(int=7)),
)


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_json_of_dates_uuids_and_decimals_is_flasks(value: Any) -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("json", static_folder=None)
        return outcome(app.json.dumps, {"value": value})

    same(program)


def test_a_default_of_ones_own_is_asked_for_dates() -> None:
    app = tuile.Flask("json", static_folder=None)

    class Own(DefaultJSONProvider):
        @staticmethod
        def default(value: Any) -> Any:
            return value.isoformat() if isinstance(value, date) else DefaultJSONProvider.default(value)

    app.json = Own(app)
    assert app.json.dumps([date(2026, 1, 2), Decimal("1.5")]) == '["2026-01-02", "1.5"]'


# --- own adapters, app contexts and constructors of requests ----------------------------------------------------------


def changed_adapter(name: str, value: Any) -> Any:
    """An application whose adapters differ in one attribute."""

    def make(lib: Any) -> Any:
        class Own(lib.Flask):  # type: ignore[misc] # the framework's
            def create_url_adapter(self, request: Any) -> Any:
                adapter = super().create_url_adapter(request)
                if request is not None and adapter is not None:
                    setattr(adapter, name, value)
                return adapter

        return Own("own", static_folder=None)

    return make


def own_request(**methods: Any) -> Any:
    """An application with a class of requests whose constructor calls a function afterwards."""

    def make(lib: Any) -> Any:
        class Request(lib.Request):  # type: ignore[misc] # the framework's
            def __init__(self, environ: Any, *args: Any, **kwargs: Any) -> None:
                super().__init__(environ, *args, **kwargs)
                for name, value in methods.items():
                    setattr(self, name, value(self) if callable(value) else value)

        app = lib.Flask("own", static_folder=None)
        app.request_class = Request
        return app

    return make


def other_environ(lib: Any) -> Any:
    """An application whose requests have an environ of their own."""

    class Request(lib.Request):  # type: ignore[misc] # the framework's
        def __init__(self, environ: Any, *args: Any, **kwargs: Any) -> None:
            super().__init__({**environ, "PATH_INFO": "/json"}, *args, **kwargs)

    app = lib.Flask("own", static_folder=None)
    app.request_class = Request
    return app


def fails_at_times(lib: Any) -> Any:
    """An application whose requests cannot always be made."""
    app = own_request(tag=lambda request: request.args["n"] and fail_at(lib, request))(lib)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    return app


def fail_at(lib: Any, request: Any) -> str:
    if request.args["n"] == "2":
        lib.abort(403)
    return str(request.args["n"])


def own_context(lib: Any) -> Any:
    """An application whose app contexts have more."""

    class Own(lib.Flask):  # type: ignore[misc] # the framework's
        def app_context(self) -> Any:
            context = super().app_context()
            context.g.tag = "of the context"
            return context

    return Own("own", static_folder=None)


def own_context_that_fails(lib: Any) -> Any:
    class Own(lib.Flask):  # type: ignore[misc] # the framework's
        def app_context(self) -> Any:
            raise ValueError("no context")

    app = Own("own", static_folder=None)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    return app


MAKERS: dict[str, Any] = {
    "path": changed_adapter("path_info", "/json"),
    "path of the slash": changed_adapter("path_info", "/slash"),
    "path beyond ASCII": changed_adapter("path_info", "/\xe9"),
    "method": changed_adapter("default_method", "POST"),
    "subdomain": changed_adapter("subdomain", "www"),
    "script": changed_adapter("script_name", "/app/"),
    "server": changed_adapter("server_name", "other.example"),
    "query": changed_adapter("query_args", "q=own"),
    "websocket": changed_adapter("websocket", value=True),
    "match": changed_adapter("match", lambda *args, **kwargs: fail(LookupError("own match"))),
    "request with a tag": own_request(tag="own"),
    "request with a method": own_request(method="POST"),
    "request with a path": own_request(path="/json"),
    "request with hosts": own_request(trusted_hosts=lambda request: ["localhost"]),
    "request with other hosts": own_request(trusted_hosts=lambda request: ["example.com"]),
    "request with a rule": own_request(view_args=lambda request: {"n": 1}),
    "request with an error": own_request(routing_exception=lambda request: LookupError("own error")),
    "request with an environ": other_environ,
    "request that fails": fails_at_times,
    "context": own_context,
    "context that fails": own_context_that_fails,
}


def fail(error: BaseException) -> Any:
    raise error


@pytest.mark.parametrize("config", [{}, {"TRUSTED_HOSTS": ["localhost"]}, {"SERVER_NAME": "localhost"}], ids=str)
@pytest.mark.parametrize("name", MAKERS)
def test_what_a_class_of_its_own_changes_has_its_effect_as_on_flask(name: str, config: Any) -> None:
    def program(lib: Any) -> Any:
        app = MAKERS[name](lib)
        app.logger.disabled = True
        app.config.update(config)
        seen: list[Any] = []

        def view(**values: Any) -> Any:
            request = lib.request
            found = getattr(request, "tag", None), request.method, request.path, values, lib.g.get("tag")
            seen.append((*found, outcome(lib.url_for, "json", q=1), outcome(lib.url_for, "view", _external=True)))
            return str(request.url_rule)

        app.add_url_rule("/", "view", view)
        app.add_url_rule("/", "post", view, methods=["POST"])
        app.add_url_rule("/json", "json", lambda: {"path": lib.request.path})
        app.add_url_rule("/slash/", "slash", view)
        app.add_url_rule("/<int:n>", "number", view)
        app.add_url_rule("/", "sub", view, subdomain="www")
        asked = [
            (path, {**changes, "QUERY_STRING": f"n={n}"})
            for n, path in enumerate(["/", "/7", "/slash", "/no", "/json", "/", "//7", "/\xc3\xa9"])
            for changes in ({}, {"REQUEST_METHOD": "POST"}, {"HTTP_HOST": "example.com"}, {"REQUEST_METHOD": "OPTIONS"})
        ]
        answers = [outcome(send, app, make_environ(path, **changes)) for path, changes in asked]

        def enter() -> Any:
            with app.test_request_context("/7") as context:
                return context.request.view_args

        if name != "match" and "fails" not in name:
            # Where it cannot be entered, Flask leaves the half of it.
            answers.append(outcome(enter))
        assert not lib.has_request_context()
        # Errors may show where something is in memory.
        return re.sub(r"0x[0-9a-f]+", "0x", repr(answers)), seen

    same(program)


@pytest.mark.parametrize("where", ["class", "object"])
def test_an_own_app_context_that_comes_and_goes_during_requests_is_called_as_on_flask(where: str) -> None:
    step = "app_context"

    def program(lib: Any) -> Any:
        class Own(lib.Flask):  # type: ignore[misc] # the framework's
            pass

        app, calls = Own("own", static_folder=None), []
        owner = Own if where == "class" else app

        def view() -> str:
            if step in vars(owner):
                delattr(owner, step)
            else:
                original = getattr(owner, step)

                def called(*args: Any) -> Any:
                    calls.append(lib.has_request_context())
                    return original(*args)

                setattr(owner, step, called)
            return lib.url_for("view", q=len(calls))  # type: ignore[no-any-return] # the framework's

        app.add_url_rule("/", "view", view)
        return [send(app).text for _ in range(40)], calls

    same(program)


def test_a_constructor_that_comes_and_goes_is_called_as_on_flask() -> None:
    def program(lib: Any) -> Any:
        class Request(lib.Request):  # type: ignore[misc] # the framework's
            tag = "none"

        app = lib.Flask("own", static_folder=None)
        app.request_class = Request

        def own(self: Any, environ: Any, *args: Any, **kwargs: Any) -> None:
            lib.Request.__init__(self, environ, *args, **kwargs)
            self.tag = f"own {self.path}"

        def view() -> str:
            if "__init__" in vars(Request):
                del Request.__init__
            else:
                setattr(Request, "__init__", own)  # noqa: B010 - for type checkers
            return str(lib.request.tag)

        app.add_url_rule("/", "view", view)
        return [send(app).text for _ in range(40)]

    assert same(program) == ["none", "own /"] * 20


@pytest.mark.parametrize("step", ["create_url_adapter", "app_context"])
def test_an_overridden_step_costs_no_adapter_of_werkzeugs(step: str) -> None:
    app = overridden(tuile, step, [])
    app.add_url_rule("/", "text", lambda: "text")
    for _ in range(20):
        send(app)
    with mock.patch.object(type(app.url_map), "bind_to_environ", side_effect=AssertionError):
        assert send(app).text == "text"


def missing() -> Any:
    raise KeyError("missing")


def with_error(request: Any, adapter: Any) -> Any:
    if request:
        request.routing_exception = KeyError("own")
    return adapter


# What `create_url_adapter` does for a request, or None for the app context, beside calling super.
ADAPTING: dict[str, Any] = {
    "nothing": lambda lib, request, adapter: adapter,
    "not found": lambda lib, request, adapter: lib.abort(404) if request else adapter,
    "a failure": lambda lib, request, adapter: missing() if request else adapter,
    "a failure of the app context": lambda lib, request, adapter: adapter if request else missing(),
    "none": lambda lib, request, adapter: None,
    "one for the app context": lambda lib, request, adapter: adapter or lib.current_app.url_map.bind("own.example"),
    "another map": lambda lib, request, adapter: request and type(adapter.map)().bind("own.example"),
    "an error": lambda lib, request, adapter: with_error(request, adapter),
}


@pytest.mark.parametrize("kind", ADAPTING)
@pytest.mark.parametrize("hooked", [False, True])
def test_an_adapter_of_the_app_is_made_as_often_and_used_as_on_flask(kind: str, hooked: bool) -> None:
    def program(lib: Any) -> list[object]:
        log: list[object] = []

        class Own(lib.Flask):  # type: ignore[misc] # the framework's
            is_changed = False

            def create_url_adapter(self, request: Any) -> Any:
                if kind != "a failure of the app context":
                    # Which is looked for twice if it fails.
                    log.append(("made", request is not None, lib.has_app_context(), lib.has_request_context()))
                adapter = super().create_url_adapter(request)
                return ADAPTING[kind](lib, request, adapter) if self.is_changed else adapter

        app = Own("own", static_folder=None)
        app.testing, app.logger.disabled = False, True
        app.config["SERVER_NAME"] = "own.example"
        app.teardown_appcontext(lambda error: log.append(("left", repr(error))))
        if hooked:
            app.before_request(lambda: log.append("before"))
            app.after_request(lambda response: log.extend(["after"]) or response)  # type: ignore[func-returns-value,redundant-expr]

        def view(name: str = "") -> Any:
            context = lib.globals.app_ctx._get_current_object()
            log.append((len(context._cv_tokens), context.url_adapter is None, lib.request.url_rule is None))
            return {"name": name, "url": lib.url_for("view", name="a b"), "out": lib.url_for("view", _external=True)}

        app.add_url_rule("/", "view", view, methods=["GET", "POST"])
        app.add_url_rule("/<name>/", "view", view)
        for changes in [False] * 4 + [True] * 3 + [False]:
            app.is_changed = changes
            for path in ("/", "/name/", "/name", "/missing/too", "//name/"):
                for method in ("GET", "POST", "OPTIONS"):
                    environ = make_environ(path, REQUEST_METHOD=method, HTTP_HOST="own.example")
                    log.append(re.sub("0x[0-9a-f]+", "", repr(outcome(send, app, environ))))
        return log

    same(program)
