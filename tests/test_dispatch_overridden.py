"""Applications with one step of their own: it is called as on Flask, and the fast path stays for the rest."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
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
