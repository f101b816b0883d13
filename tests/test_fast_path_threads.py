"""Whatever another thread replaces while a request is answered, and at whichever line: the answer is the right one.

What is replaced does the same as what was there, so that there is one right answer.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

import tuile
from tests.beside_flask import make_environ, send
from tuile import invalidation
from tuile.ctx.request_context import RequestContext
from tuile.dispatch.plan import plan_of
from tuile.dispatch.planner import Planner
from tuile.json.provider import DefaultJSONProvider
from tuile.sessions import SecureCookieSessionInterface

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

MODULES = (
    "dispatch/_generated.py",
    "dispatch/inlined.py",
    "dispatch/inlined_response.py",
    "dispatch/steps.py",
    "globals.py",
    "ctx/request_context.py",
    "wrappers/request.py",
    "wrappers/response.py",
    "sessions/signed.py",
    "json/tag.py",
    "routing/building.py",
    "routing/writing.py",
    "routing/search.py",
    "urls.py",
)
# The lines of a request in these modules are fewer.
MANY = 1000


class Stepping(tuile.Flask):
    """Has no fast path: a step that it takes the place of is its own."""

    def request_context(self, environ: Any) -> Any:
        return super().request_context(environ)


def plain(app: tuile.Flask) -> None: ...


def with_hooks(app: tuile.Flask) -> None:
    app.before_request(lambda: None)
    app.after_request(lambda response: response)
    app.teardown_request(lambda error: None)


def with_session(app: tuile.Flask) -> None:
    app.secret_key = "a key of enough characters 0123456789"

    @app.after_request
    def count(response: tuile.Response) -> tuile.Response:
        tuile.session["count"] = 1
        return response


KINDS = {"plain": plain, "hooks": with_hooks, "session": with_session}


def make_app(cls: type[tuile.Flask], kind: str) -> tuile.Flask:
    app = cls("threads")
    KINDS[kind](app)

    @app.get("/text/<int:number>")
    def text(number: int) -> str:
        return f"{number} {tuile.request.path} {tuile.url_for('text', number=number, q='a')}"

    @app.get("/json/<int:number>")
    def json(number: int) -> dict[str, Any]:
        return {"n": number, "path": tuile.request.path}

    for number in range(4):
        ask(app, number)
    return app


def ask(app: tuile.Flask, number: int) -> None:
    kind = ("text", "json")[number % 2]
    expected = (f"{number} /text/{number} /text/{number}?q=a", f'{{"n":{number},"path":"/json/{number}"}}\n')[
        number % 2
    ]
    status, headers, body = send(app, make_environ(f"/{kind}/{number}"))
    assert (status, body) == ("200 OK", expected.encode())
    assert dict(headers)["Content-Length"] == str(len(expected))
    cookie = dict(headers).get("Set-Cookie")
    assert (cookie is None) is (app.secret_key is None)


def passing_on(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments, **named: original(*arguments, **named)  # noqa: PLW0108 - a function, to become a method


REPLACED: dict[str, Callable[[Any], Any]] = {
    "finalize_request": lambda app: app,
    "preprocess_request": type,
    "do_teardown_request": lambda app: app,
    "create_url_adapter": lambda app: app,
    "inject_url_defaults": lambda app: app,
    "url_for": type,
    "__call__": lambda app: tuile.Response,
    "__init__": lambda app: tuile.Response,
    "get_wsgi_headers": lambda app: tuile.Response,
    "set_cookie": lambda app: tuile.Response,
    "pop": lambda app: RequestContext,
    "dumps": lambda app: DefaultJSONProvider,
    "save_session": lambda app: SecureCookieSessionInterface,
    "get_cookie_path": lambda app: SecureCookieSessionInterface,
}


def replace(stack: contextlib.ExitStack, app: tuile.Flask, name: str) -> None:
    """Replace what is taken for granted by what does the same."""
    owner = REPLACED[name](app)
    stack.enter_context(mock.patch.object(owner, name, passing_on(getattr(owner, name))))


def plan_anew(app: tuile.Flask) -> None:
    """Forget that the last plans did not last, and have a plan that was used already."""
    app._planner = Planner(app)
    vars(app)["_plan"] = app.plan


class BeforeLine:
    """Does something once, as another thread might, before the n-th line of a request is executed."""

    def __init__(self, line: int, action: Callable[[], object], modules: tuple[str, ...] = MODULES) -> None:
        self.line = line
        self.action = action
        self.modules = modules
        self.lines = 0
        self.where = ""

    def trace(self, frame: Any, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.endswith(self.modules):
            return None
        if event == "line":
            self.lines += 1
            if self.lines == self.line:
                self.where = f"{frame.f_code.co_name}:{frame.f_lineno}"
                self.action()
        return self.trace

    def __enter__(self) -> Self:
        self.before = sys.gettrace()
        sys.settrace(self.trace)
        return self

    def __exit__(self, *given: object) -> None:
        sys.settrace(self.before)


@pytest.mark.parametrize("number", [2, 3], ids=["text", "json"])
@pytest.mark.parametrize("way", ["replaced", "taken back"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cls", [tuile.Flask, Stepping], ids=["fast", "steps"])
def test_a_change_by_another_thread_may_come_before_any_line(
    cls: type[tuile.Flask], kind: str, way: str, number: int
) -> None:
    failures = []
    app = make_app(cls, kind)
    for turn, name in enumerate(REPLACED):
        # Each change comes before every fourth line, and so each line has some of the changes.
        for line in range(1 + turn % 4, MANY, 4):
            with contextlib.ExitStack() as stack:
                change: Callable[[], object] = functools.partial(replace, stack, app, name)
                plan_anew(app)
                if way == "taken back":
                    change()
                    change = stack.close
                with BeforeLine(line, change) as moment:
                    try:
                        ask(app, number)
                    except Exception as error:  # noqa: BLE001 - all are wrong
                        failures.append((name, moment.where, repr(error)))
            if moment.lines < line:
                break
        assert 10 < line < MANY - 4
    assert failures == []
    assert app.plan.fast is (cls is tuile.Flask)


@pytest.mark.parametrize("name", ["finalize_request", "do_teardown_request", "__init__", "dumps", "save_session"])
def test_a_change_may_come_before_any_line_of_planning(name: str) -> None:
    app = make_app(tuile.Flask, "plain")
    for line in range(1, MANY):
        app._planner = Planner(app)
        invalidation.move_classes()
        invalidation.invalidate()
        with contextlib.ExitStack() as stack:
            change = functools.partial(replace, stack, app, name)
            with BeforeLine(line, change, ("dispatch/classes.py", "dispatch/plan.py", "dispatch/planner.py")) as moment:
                plan = app._planner.for_request(app)
            if moment.lines < line:
                break
            # Either it was seen, or the plan is stale.
            now = plan_of(app)
            seen = [
                getattr(plan, field) == getattr(now, field) for field in ("fast", "quiet", "text_start", "refusals")
            ]
            assert all(seen) or plan.epoch is not invalidation.epoch
            ask(app, 2)
    assert 30 < line < MANY - 1


@pytest.mark.parametrize("kind", KINDS)
def test_many_threads_get_their_answers_while_everything_is_replaced_and_taken_back(kind: str) -> None:
    app = make_app(tuile.Flask, kind)
    ended = threading.Event()

    def change() -> int:
        rounds = 0
        while not ended.is_set():
            with contextlib.ExitStack() as stack:
                for name in REPLACED:
                    replace(stack, app, name)
                rounds += 1
        return rounds

    def work(thread: int) -> None:
        for number in range(100):
            ask(app, thread * 1000 + number)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(9) as pool:
            changing = pool.submit(change)
            try:
                list(pool.map(work, range(8)))
            finally:
                ended.set()
            assert changing.result() > 0
    finally:
        sys.setswitchinterval(interval)
    assert app.plan.fast
    assert app.plan.text_start is not None
