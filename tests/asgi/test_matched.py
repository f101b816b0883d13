"""Requests that are matched on the event loop and answered by a worker: the answers are those of the whole way."""

from __future__ import annotations

import asyncio
import io
import threading
import weakref
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import NotFound

import tuile
from tests.asgi.driver import ask, make_scope, run
from tests.asgi.test_prepared_responses import BODIES, CHANGES, NAMES, VALUES, Own, quick
from tuile import Blueprint, Flask, Response, g, redirect, request, session
from tuile.asgi.matched import MatchedExchange

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# With it, only the whole environ tells the view of a request.
_WHOLE = [(b"X-Whole", b"1")]


def make_app(folder: Path, change: Callable[[Flask], object], *, awaits: bool = False) -> Flask:
    """Return an app with a view for each kind of answer, which are coroutine functions if they are to be awaited."""
    app = Flask("matched", static_folder=str(folder), static_url_path="/static")
    app.secret_key = "6a1f0c9e5b7d4e2f8a3b05d7c1e94b26"
    app.logger.disabled = True
    (folder / "small.css").write_text("a{}" * 10)
    (folder / "large.css").write_bytes(b"x" * 200_000)
    (folder / "empty.css").write_bytes(b"")
    answers: dict[str, Callable[[], Any]] = {
        "text": lambda: "text",
        "page": lambda: Response("<p>page</p>", mimetype="text/html"),
        "tuple": lambda: ("made", 201, {"X-One": "1"}),
        "empty": lambda: ("", 204),
        "unchanged": lambda: Response(status=304),
        "redirect": lambda: redirect("/text"),
        "abort": lambda: tuile.abort(418),
        "error": lambda: 1 / 0,
        "key": lambda: request.args["none"],
        "denied": lambda: tuile.abort(Response("denied", 403)),
        "json": lambda: tuile.jsonify(a=1),
        "pieces": lambda: Response([b"one", b"two"]),
        "stream": lambda: Response(piece for piece in ("one", "two")),
        "iterator": lambda: iter(["one", "two"]),
        "file": lambda: tuile.send_file(io.BytesIO(b"y" * 100_000), "text/plain"),
        "latin": lambda: Response("x", headers={"X-Name": "J\xfcrgen"}),
        "url": lambda: request.args.get("q", "") + request.url + str(request.remote_addr),
        "session": lambda: str(session.setdefault("count", 1)),
        "none": lambda: None,
    }
    for name, answer in answers.items():
        app.add_url_rule(f"/{name}", name, as_awaited(answer) if awaits else answer)
    app.add_url_rule("/only", "only", lambda: "posted", methods=["POST"])
    app.add_url_rule("/branch/", "branch", lambda: "branch")
    app.add_url_rule("/missing", "missing")
    blue = Blueprint("blue", __name__, url_prefix="/blue")
    blue.get("/")(lambda: tuile.abort(404))
    blue.get("/awaited")(awaited)
    app.register_blueprint(blue)
    app.get("/awaited/<int:number>")(awaited)
    change(app)
    return app


def as_awaited(view: Callable[[], Any]) -> Callable[[], Any]:
    """Return a coroutine function that does the same."""

    async def call() -> Any:
        return view()

    return call


async def awaited(number: int = 0) -> Any:
    return f"{number} {request.method}"


PATHS = [
    *(
        "/text",
        "/page",
        "/tuple",
        "/empty",
        "/unchanged",
        "/redirect",
        "/abort",
        "/error",
        "/key",
        "/denied",
        "/json",
        "/pieces",
    ),
    *("/stream", "/iterator", "/file", "/latin", "/url", "/session", "/none", "/only", "/branch", "/branch/", "/blue/"),
    *("/static/small.css", "/static/large.css", "/static/empty.css", "/static/none.css", "/static/../x", "/nowhere"),
    *("/blue/awaited", "/awaited/3", "/awaited/x", "//text", "/missing"),
]


def _by_hooks(app: Flask) -> None:
    app.before_request(lambda: None)

    @app.after_request
    def after(response: Response) -> Response:
        response.headers["X-After"] = f"{request.endpoint} {request.method}"
        return response

    app.teardown_request(lambda error: None)


def _by_handlers(app: Flask) -> None:
    app.register_error_handler(NotFound, lambda error: (f"not {request.path}", 404))
    app.register_error_handler(ZeroDivisionError, lambda error: "divided")
    app.register_error_handler(500, lambda error: ("failed", 500))


def _by_values(app: Flask) -> None:
    app.url_value_preprocessor(lambda endpoint, values: None)


def _by_late_changes(app: Flask) -> None:
    @app.after_request
    def keep(response: Response) -> Response:
        g.response = response
        return response

    @app.teardown_request
    def change(error: object) -> None:
        response = g.pop("response", None)
        if response is not None:
            response.headers["X-Late"] = "1"
            response.status_code = 299
            if type(response.response) is list:
                response.response.append(b"late")
            response.call_on_close(lambda: None)


CHANGES_OF_APPS: list[Callable[[Flask], object]] = [
    lambda app: None,
    _by_hooks,
    _by_handlers,
    _by_values,
    _by_late_changes,
    lambda app: app.config.update(TRUSTED_HOSTS=["localhost"]),
    lambda app: app.config.update(TRUSTED_HOSTS=["other.example"]),
    lambda app: app.config.update(TRAP_HTTP_EXCEPTIONS=True),
    lambda app: app.config.update(DEBUG=True, TRAP_BAD_REQUEST_ERRORS=True),
    lambda app: app.teardown_appcontext(lambda error: None),
    lambda app: app.config.update(SERVER_NAME="localhost", CSRF="fetch"),
    lambda app: app.before_request(lambda: "first" if request.path == "/nowhere" else None),
    lambda app: setattr(app, "response_class", Own),
    lambda app: setattr(app, "make_default_options_response", app.make_default_options_response),
]


def answers_of(app: Flask, path: str, method: str, headers: list[tuple[bytes, bytes]]) -> list[Any]:
    """Return the start and the body of the response to a request, or the error."""
    messages: list[Any] = []
    is_read = False

    async def receive() -> Any:
        nonlocal is_read
        if is_read:
            await asyncio.Event().wait()
        is_read = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    async def main() -> list[Any]:
        nonlocal is_read
        served: Any = app
        for each in ("/text", path, path):
            messages.clear()
            is_read = False
            try:
                await served(make_scope(each, method, headers=headers), receive, send)
            except Exception as error:  # noqa: BLE001 - compared
                return [repr(error)]
        return [*messages[:1], b"".join(message["body"] for message in messages[1:])]

    found: list[Any] = run(main)
    return found


@pytest.mark.parametrize("change", range(len(CHANGES_OF_APPS)))
def test_each_answer_is_that_of_the_whole_way(change: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Cookies and signatures say when they were made.
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.0)
    matched = 0
    run_matched = MatchedExchange.run

    def counted(exchange: MatchedExchange) -> None:
        nonlocal matched
        matched += 1
        run_matched(exchange)

    monkeypatch.setattr(MatchedExchange, "run", counted)
    app = make_app(tmp_path, CHANGES_OF_APPS[change])
    for path in PATHS:
        for method in ("GET", "HEAD", "OPTIONS", "POST"):
            for more in ([], [(b"cookie", b"a=b; session=x")]):
                short = answers_of(app, path, method, more)
                matched_before = matched
                assert answers_of(app, path, method, [*more, *_WHOLE]) == short, (path, method)
                if "awaited" not in path:
                    assert matched == matched_before, "the comparison takes the same way"
    assert matched


@pytest.mark.parametrize("change", range(len(CHANGES_OF_APPS)))
def test_each_answer_of_a_view_that_is_awaited_is_the_same(
    change: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.0)
    app, awaits = (make_app(tmp_path, CHANGES_OF_APPS[change], awaits=each) for each in (False, True))
    for path in PATHS:
        for method in ("GET", "HEAD", "OPTIONS", "POST"):
            whole = answers_of(app, path, method, _WHOLE)
            assert answers_of(awaits, path, method, []) == whole, (path, method)
            assert answers_of(awaits, path, method, _WHOLE) == whole, (path, method)


def test_what_runs_after_a_view_that_was_awaited_is_in_its_context() -> None:
    app = Flask("after", static_folder=None)
    seen: list[Any] = []
    variable: ContextVar[str] = ContextVar("variable", default="unset")

    @app.get("/")
    async def view() -> str:
        variable.set("by the view")
        tuile.g.name = "ada"
        if request.args:
            raise LookupError("no")
        return "done"

    @app.after_request
    def after(response: Response) -> Response:
        seen.append((variable.get(), tuile.g.name, request.path, threading.current_thread() is threading.main_thread()))
        variable.set("by a function")
        return response

    @app.teardown_request
    def teardown(error: BaseException | None) -> None:
        seen.append((variable.get(), type(error)))

    @app.errorhandler(LookupError)
    def handle(error: LookupError) -> str:
        seen.append(variable.get())
        return repr(error)

    async def main() -> list[bytes]:
        answers = [await ask(app), await ask(app), await ask(app, query=b"q=1")]
        seen.append(variable.get())
        return [answer.body for answer in answers]

    assert run(main) == [b"done", b"done", b"LookupError('no')"]
    after_view = ("by the view", "ada", "/", False), ("by a function", type(None))
    assert seen == [*after_view, *after_view, "by the view", *after_view, "by a function"]


def test_a_view_that_was_awaited_and_is_cancelled_is_torn_down() -> None:
    app = Flask("cancelled", static_folder=None)
    torn: list[Any] = []
    begun = asyncio.Event()

    @app.get("/")
    async def view() -> str:
        if request.args:
            begun.set()
            await asyncio.Event().wait()
        return "done"

    app.teardown_request(lambda error: torn.append(type(error)))

    async def main() -> None:
        await ask(app)
        task = asyncio.create_task(ask(app, query=b"q=1"))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)
    assert torn == [type(None), asyncio.CancelledError]


@quick
@given(
    st.sampled_from(["GET", "HEAD"]),
    st.sampled_from([200, 201, 204, 301, 304, 404, 500, "299 Odd", "099 Low"]),
    st.sampled_from(BODIES),
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=3),
    st.sampled_from(CHANGES),
    st.booleans(),
)
def test_each_response_is_sent_as_on_the_whole_way(
    method: str, status: Any, body: Any, headers: list[tuple[str, str]], change: Any, is_own: bool
) -> None:
    app = Flask(__name__, static_folder=None)
    app.secret_key = "6a1f0c9e5b7d4e2f8a3b05d7c1e94b26"
    app.logger.disabled = True
    app.get("/text")(lambda: "x")

    @app.get("/")
    def view() -> Any:
        response = (Own if is_own and len(headers) == 1 else Response)(body(), status)
        # As code that is not careful does.
        response.headers._list += headers
        change(response)
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: 1_700_000_000.0)
        assert answers_of(app, "/", method, []) == answers_of(app, "/", method, _WHOLE)


def test_an_error_that_is_kept_does_not_keep_what_g_has() -> None:
    app = Flask(__name__, static_folder=None)
    errors, made = [], []

    class Held:
        pass

    @app.errorhandler(ZeroDivisionError)
    def handle(error: ZeroDivisionError) -> str:
        errors.append(error)
        return "kept"

    @app.get("/")
    def view() -> str:
        g.held = Held()
        made.append(weakref.ref(g.held))
        raise ZeroDivisionError

    async def main() -> None:
        for _ in range(3):
            assert (await ask(app, "/")).text == "kept"

    run(main)
    assert len(errors) == 3
    assert [ref() for ref in made[1:]] == [None, None]
