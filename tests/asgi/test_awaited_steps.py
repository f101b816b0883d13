"""Coroutine functions around a view, awaited on the event loop: the same answers in the same order as under WSGI."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException, NotFound

from tests.asgi.driver import CancelledAt, Server, ask, make_scope, run
from tuile import Blueprint, Flask, Response, abort, after_this_request, current_app, g, request, session
from tuile.ctx.app_context import current_value

if TYPE_CHECKING:
    from collections.abc import Callable

_seen: contextvars.ContextVar[str] = contextvars.ContextVar("seen", default="")
# What a function does, and whether it is a coroutine function.
_BEFORE = ["nothing", "answers", "aborts", "raises", "adds", "opens", "leaves"]
_AFTER = ["nothing", "adds", "replaces", "shares", "aborts", "raises", "opens"]
_HANDLED: list[Any] = [404, ValueError, HTTPException, Exception, 500]
_HANDLER = ["text", "page", "same", "raises", "aborts"]
_VIEWS = ["text", "dict", "response", "tuple", "aborts", "raises", "stream", "none", "late", "session"]


def _act(trace: list[str], what: str, name: str, response: Any = None) -> Any:
    """Do what a function before or after a view does."""
    trace.append(f"{name} {what} {_seen.get()!r} {request.path} {g.get('by')}")
    g.by = name
    _seen.set(f"{_seen.get()}{name[:1]}")
    if what == "answers":
        return f"by {name}"
    if what == "aborts":
        abort(404)
    if what == "raises":
        raise ValueError(name)
    if what == "adds":
        target = response if response is not None else g
        if response is not None:
            target.headers.add("X-By", name)
    if what == "opens":
        session[name] = True
    if what == "replaces":
        return Response(f"replaced by {name}", 203)
    if what == "shares":
        return current_app.extensions["shared"]
    return response


def _answer(trace: list[str], what: str) -> Any:
    trace.append(f"view {what} {_seen.get()!r} {g.get('by')}")
    if what == "late":

        @after_this_request
        def late(response: Response) -> Response:
            trace.append("late")
            return response

    if what == "session":
        session["view"] = session.get("view", 0) + 1
    answers: dict[str, Callable[[], Any]] = {
        "dict": lambda: {"a": 1},
        "response": lambda: Response("response", 201),
        "tuple": lambda: ("tuple", 202, {"X-View": "1"}),
        "aborts": lambda: abort(404),
        "raises": lambda: 1 // 0 if request.args else int("x"),
        "stream": lambda: Response(iter(["a", "b"])),
        "none": lambda: None,
    }
    return answers.get(what, lambda: what)()


def _handle(trace: list[str], what: str, error: BaseException) -> Any:
    trace.append(f"handles {error!r} {error.__context__!r}")
    if what == "raises":
        raise KeyError("in a handler")
    if what == "aborts":
        abort(418)
    return {"page": NotFound(), "same": error if isinstance(error, HTTPException) else "same"}.get(what, (what, 499))


def _both(function: Callable[..., Any], *, awaits: bool, pauses: bool) -> Callable[..., Any]:
    if not awaits:
        return function

    async def call(*args: Any, **kwargs: Any) -> Any:
        if pauses:
            await asyncio.sleep(0)
        return function(*args, **kwargs)

    return call


_FUNCTIONS = st.tuples(st.booleans(), st.booleans())


@st.composite
def _apps(draw: st.DrawFn) -> tuple[Any, ...]:
    mostly = st.sampled_from([True, True, True, False])
    pauses = draw(st.booleans())
    before = draw(st.lists(st.tuples(st.sampled_from(_BEFORE), mostly, st.booleans()), max_size=3))
    after = draw(st.lists(st.tuples(st.sampled_from(_AFTER), mostly, st.booleans()), max_size=3))
    handlers = draw(st.lists(st.tuples(st.sampled_from(_HANDLED), st.sampled_from(_HANDLER), mostly), max_size=2))
    ends = draw(st.sampled_from([None, None, False, True]))
    return pauses, before, after, handlers, ends, draw(st.sampled_from(_VIEWS)), draw(mostly)


def _make(made: tuple[Any, ...], trace: list[str]) -> Flask:
    pauses, before, after, handlers, ends, view, awaits_view = made
    app = Flask("steps", static_folder=None)
    app.secret_key = "6a1f0c9e5b7d4e2f8a3b05d7c1e94b26"
    app.logger.disabled = True
    app.extensions["shared"] = Response("shared")
    blueprint = Blueprint("part", __name__)
    for number, (what, awaits, is_of_part) in enumerate(before):
        function = _both(lambda w=what, n=f"b{number}": _act(trace, w, n), awaits=awaits, pauses=pauses)
        (blueprint if is_of_part else app).before_request(function)
    for number, (what, awaits, is_of_part) in enumerate(after):
        function = _both(lambda r, w=what, n=f"a{number}": _act(trace, w, n, r), awaits=awaits, pauses=pauses)
        (blueprint if is_of_part else app).after_request(function)
    for kind, what, awaits in handlers:
        app.register_error_handler(
            kind, _both(lambda error, w=what: _handle(trace, w, error), awaits=awaits, pauses=pauses)
        )
    if ends is not None:
        app.teardown_request(_both(lambda error: trace.append(f"end {error!r}"), awaits=ends, pauses=pauses))
    blueprint.get("/")(_both(lambda: _answer(trace, view), awaits=awaits_view, pauses=pauses))
    app.register_blueprint(blueprint)
    return app


async def _by_asgi(made: tuple[Any, ...], cookies: list[tuple[bytes, bytes]]) -> list[Any]:
    trace: list[str] = []
    app = _make(made, trace)
    found: list[Any] = []
    for _ in range(2):
        _seen.set("")
        try:
            answer = await ask(app, headers=cookies)
        except Exception as error:  # noqa: BLE001 - compared
            found += [repr(error), current_value(None), _seen.get()]
            continue
        found += [answer.status, sorted(answer.headers), answer.body, current_value(None), _seen.get()]
    return [found, trace]


def _by_wsgi(made: tuple[Any, ...], cookies: list[tuple[bytes, bytes]]) -> list[Any]:
    trace: list[str] = []
    client = _make(made, trace).test_client(use_cookies=False)
    found: list[Any] = []
    for _ in range(2):
        _seen.set("")
        try:
            answer = client.get("/", headers=[(name.decode(), value.decode()) for name, value in cookies])
        except Exception as error:  # noqa: BLE001 - compared
            found += [repr(error), current_value(None), _seen.get()]
            continue
        headers = sorted((name.lower().encode(), value.encode()) for name, value in answer.headers)
        found += [answer.status_code, headers, answer.data, current_value(None), _seen.get()]
    return [found, trace]


@given(made=_apps(), cookies=st.sampled_from([[], [(b"cookie", b"theme=dark; session=no")]]))
def test_functions_run_as_under_wsgi(made: tuple[Any, ...], cookies: list[tuple[bytes, bytes]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: 1_700_000_000.0)
        under_wsgi = _by_wsgi(made, cookies)
        under_asgi = run(lambda: _by_asgi(made, cookies))
    assert under_asgi == under_wsgi


def _awaiting(threads: set[int], **settings: Any) -> Flask:
    """Return an app that needs no worker for a coroutine function."""
    app = Flask("awaiting", static_folder=None)
    app.config.update(settings)

    @app.before_request
    async def first() -> None:
        threads.add(threading.get_ident())

    @app.after_request
    async def last(response: Response) -> Response:
        threads.add(threading.get_ident())
        return response

    @app.errorhandler(404)
    async def missing(error: Exception) -> Any:
        threads.add(threading.get_ident())
        return "missing", 404

    @app.get("/")
    async def view() -> str:
        threads.add(threading.get_ident())
        return "view" if request.args else abort(404)

    return app


def test_no_worker_is_needed() -> None:
    threads: set[int] = set()
    app = _awaiting(threads)

    async def main() -> None:
        for query, status in ((b"a=1", 200), (b"", 404), (b"a=1", 200), (b"", 404)):
            assert (await ask(app, query=query)).status == status
        service = app._asgi_service
        assert service is not None
        # The first request is never on the loop as a whole.
        assert len(service.workers.threads) <= 1
        threads.clear()
        started = service.workers._started
        assert (await ask(app, query=b"a=1")).status == 200
        assert (await ask(app)).status == 404
        assert service.workers._started == started

    run(main)
    assert threads == {threading.get_ident()}


def test_what_is_replaced_by_a_function_counts_for_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Flask("replaced", static_folder=None)
    called: list[str] = []
    stock = app.ensure_sync

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        called.append(function.__name__)
        return stock(function)

    @app.before_request
    async def first() -> None:
        monkeypatch.setattr(app, "ensure_sync", counted)

    @app.before_request
    async def second() -> None:
        called.append("run")

    @app.get("/")
    async def view() -> str:
        return "view"

    @app.get("/sync")
    def warm() -> str:
        return ""

    async def main() -> None:
        app.before_request_funcs[None].clear()
        await ask(app, "/sync")
        app.before_request_funcs[None] += [first, second]
        assert (await ask(app)).text == "view"

    run(main)
    assert called == ["second", "run", "view"]


@pytest.mark.parametrize("name", ["handle_user_exception", "handle_http_exception", "trap_http_exception"])
@pytest.mark.parametrize("raises", ["view", "before"])
@pytest.mark.parametrize("is_of_class", [True, False])
def test_what_handles_errors_may_be_replaced(name: str, raises: str, is_of_class: bool) -> None:
    """Some extensions replace these methods on an app."""
    called: list[str] = []

    def counted(*args: Any) -> Any:
        called.append(name)
        return getattr(Flask, name)(*args) if is_of_class else stock(*args)

    kind: type[Flask] = type("Counting", (Flask,), {name: counted}) if is_of_class else Flask
    app = kind("handling", static_folder=None)
    stock = getattr(app, name)
    if not is_of_class:
        setattr(app, name, counted)

    @app.before_request
    async def first() -> None:
        if raises == "before":
            abort(404)

    @app.errorhandler(404)
    async def missing(error: Exception) -> Any:
        return "missing", 404

    @app.get("/")
    async def view() -> str:
        abort(404)

    async def main() -> None:
        # The first request is never on the loop as a whole.
        for _ in range(2):
            called.clear()
            assert (await ask(app)).text == "missing"
            assert called == [name]

    run(main)


@pytest.mark.parametrize("place", range(1, 8))
@pytest.mark.parametrize("path", ["/", "/?a=1"])
def test_a_cancelled_request_leaves_its_context(place: int, path: str) -> None:
    async def main() -> None:
        app = _awaiting(set())
        ended: list[BaseException | None] = []

        async def pause(*args: Any) -> Any:
            await asyncio.sleep(0)
            return args[0] if args else None

        app.before_request(pause)
        app.after_request(pause)
        await ask(app)
        server = Server(make_scope(query=b"a=1" if "a" in path else b""))
        served: Any = app
        cancelled = CancelledAt(served(server.scope, server.receive, server.send), place)

        async def serve() -> Any:
            try:
                await cancelled
            finally:
                ended.append(sys.exc_info()[1])
                assert current_value(None) is None

        task = asyncio.create_task(serve())
        await asyncio.wait([task])
        assert task.cancelled() == (cancelled.waits >= place)
        assert (await ask(app, query=b"a=1")).text == "view"

    run(main)
