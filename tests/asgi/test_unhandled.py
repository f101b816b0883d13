"""Errors of a view on the event loop that nothing handles: they are logged there, unless something may block."""

from __future__ import annotations

import asyncio
import gc
import io
import logging
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.exceptions import HTTPException

from tests.asgi.driver import Server, ask, make_scope, run
from tests.asgi.test_long_bodies import cut, scope_of
from tuile import Flask, got_request_exception, request, session
from tuile.asgi.service import service_of
from tuile.asgi.unhandled import logs_quickly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Mine(Exception):
    """An error of the application."""


class _Slow(logging.StreamHandler[Any]):
    """May do anything."""


class _WithUser(logging.Formatter):
    """May do anything as well."""


@pytest.fixture
def make_failing() -> Iterator[Callable[..., tuple[Flask, io.StringIO, list[bool]]]]:
    """Return what makes an app whose view fails, with what it logs and whether a worker has a part in that."""
    made: list[Flask] = []

    def make(
        change: Callable[[Flask], object] = lambda app: None, error: BaseException | None = None
    ) -> tuple[Flask, io.StringIO, list[bool]]:
        app, by_worker = Flask(f"failing{len(made)}", static_folder=None), []
        thread = threading.get_ident()

        class Log(io.StringIO):
            def write(self, text: str) -> int:
                by_worker.append(threading.get_ident() != thread)
                return super().write(text)

        log = Log()
        app.secret_key = "6a1f0c9e5b7d4e2f8a3b05d7c1e94b26"
        handler = logging.StreamHandler(log)
        handler.setFormatter(logging.Formatter("%(levelname)s in %(module)s.%(funcName)s: %(message)s"))
        app.logger.handlers[:], app.logger.propagate = [handler], False
        app.get("/text")(lambda: "x")

        @app.route("/", methods=["GET", "POST"])
        async def view() -> str:
            await asyncio.sleep(0)
            raise error or Mine(request.path)

        change(app)
        made.append(app)
        return app, log, by_worker

    yield make
    for app in made:
        app.logger.handlers.clear()
        app.logger.filters.clear()


def _answers(app: Flask, **kwargs: Any) -> Any:
    async def main() -> Any:
        await ask(app, "/text")
        return await ask(app, "/", **kwargs)

    return run(main)


_COOKIE = [(b"cookie", b"a=b")]


@pytest.mark.parametrize("headers", [[], _COOKIE])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_it_is_logged_once_and_answered_on_the_loop(make_failing: Any, headers: Any, method: str) -> None:
    app, log, by_worker = make_failing()
    answer = _answers(app, headers=headers, method=method)
    expected = app.test_client().open("/", method=method, headers={"Cookie": "a=b"} if headers else {})
    assert answer.status == 500
    assert answer.body == expected.data
    assert [(name.decode().title(), value.decode()) for name, value in answer.headers] == list(expected.headers)
    first, second = log.getvalue().split("ERROR")[1:]
    assert first.startswith(f" in app.log_exception: Exception on / [{method}]\nTraceback")
    assert first.count("Traceback") == 1
    assert first.endswith("Mine: /\n")
    assert second.splitlines()[0] == first.splitlines()[0]
    assert by_worker[0] is False


def _handles_500(app: Flask) -> None:
    app.register_error_handler(500, lambda error: (f"{type(error.original_exception).__name__}", 500))


def _handles_all(app: Flask) -> None:
    app.register_error_handler(Exception, lambda error: (f"handled {error!r}", 418))


def _ends(app: Flask) -> None:
    ended: list[Any] = []
    app.teardown_request(ended.append)
    vars(app).update(ended=ended)


def _changes_after(app: Flask) -> None:
    app.after_request(lambda response: (response.headers.update({"X-After": "1"}), response)[1])


def _logs_slowly(app: Flask) -> None:
    app.logger.addHandler(_Slow(io.StringIO()))


def _filters(app: Flask) -> None:
    app.logger.addFilter(lambda record: True)


def _filters_for_handler(app: Flask) -> None:
    app.logger.handlers[0].addFilter(lambda record: True)


def _formats(app: Flask) -> None:
    app.logger.handlers[0].setFormatter(_WithUser("%(message)s"))


def _logs_itself(app: Flask) -> None:
    app.log_exception = lambda exc_info: app.logger.error("own %s", exc_info[1])  # type: ignore[method-assign]


def _logs_through_class(app: Flask) -> None:
    class Own(type(app)):  # type: ignore[misc]
        def log_exception(self, exc_info: Any) -> None:
            self.logger.error("own %s", exc_info[1])

    app.__class__ = Own


def _answers_itself(app: Flask) -> None:
    app.handle_exception = lambda e: app.response_class("mine", 503)  # type: ignore[method-assign]


def _is_heard(app: Flask) -> None:
    heard: list[BaseException] = []

    def hear(_: object, exception: BaseException) -> None:
        heard.append(exception)

    got_request_exception.connect(hear, app)
    vars(app).update(heard=heard, keep=hear)


def _propagates(app: Flask) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = True


_CHANGES = [
    *(_handles_500, _handles_all, _ends, _changes_after, _logs_slowly, _logs_itself, _logs_through_class),
    *(_answers_itself, _is_heard, _propagates, _filters, _filters_for_handler, _formats),
]


@pytest.mark.parametrize("change", _CHANGES)
@pytest.mark.parametrize("early", [False, True])
def test_what_may_block_has_its_part_in_a_worker(make_failing: Any, change: Any, early: bool) -> None:
    app, log, by_worker = make_failing(change if early else lambda app: None)

    async def main() -> Any:
        await ask(app, "/text")
        if not early:
            await ask(app, "/")
            log.truncate(0)
            by_worker.clear()
            app._got_first_request = False
            change(app)
            app._got_first_request = True
        try:
            return await ask(app, "/")
        except Mine as error:
            return repr(error)

    answer = run(main)
    assert by_worker in ([], [True])
    if change is _propagates:
        assert answer == "Mine('/')"
        return
    expected = app.test_client().get("/")
    assert (answer.status, answer.body) == (expected.status_code, expected.data)
    assert answer.header(b"x-after") == (b"1" if "X-After" in expected.headers else None)
    for name in ("ended", "heard"):
        assert [type(error) for error in getattr(app, name, [Mine, Mine])[-2:]] in ([Mine, Mine], [type, type])


class _Teapot(HTTPException):
    code = 418
    description = "tea"


@pytest.mark.parametrize("error", [KeyError("a"), _Teapot(), RuntimeError("x" * 3000), UnicodeError(), Mine("\udcff")])
def test_each_kind_of_error_is_answered_as_under_wsgi(make_failing: Any, error: BaseException) -> None:
    app, log, _ = make_failing(error=error)
    answer = _answers(app)
    on_loop = log.getvalue()
    expected = app.test_client().get("/")
    assert (answer.status, answer.body) == (expected.status_code, expected.data)
    assert [line.count("Traceback") for line in on_loop.split("ERROR")[1:]] in ([], [1])


def test_the_session_is_saved(make_failing: Any) -> None:
    made: tuple[Flask, io.StringIO, list[bool]] = make_failing()
    app, _, by_worker = made

    @app.get("/store")
    async def store() -> str:
        session["a"] = 1
        raise Mine

    async def main() -> Any:
        await ask(app, "/text")
        return await ask(app, "/store")

    answer = run(main)
    assert answer.status == 500
    assert answer.header(b"set-cookie").startswith(b"session=")
    assert by_worker == [False]


def test_a_long_body_and_a_page_that_fails(make_failing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    app, log, _ = make_failing()

    async def main() -> None:
        await ask(app, "/text")
        before = service_of(app).memory.left
        server = Server(scope_of(300_000), cut(b"x" * 300_000, 60_000))
        assert (await server.ask(app)).status == 500
        assert service_of(app).memory.left == before
        monkeypatch.setattr("tuile.dispatch.errors.InternalServerError", lambda **kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await Server(make_scope("/")).ask(app)
        assert service_of(app).plan_for_loop() is not None

    run(main)
    assert log.getvalue().count("Traceback") == 2


def test_nothing_is_kept(make_failing: Any) -> None:
    made: tuple[Flask, io.StringIO, list[bool]] = make_failing()
    app = made[0]
    kept: list[weakref.ref[Any]] = []

    @app.get("/keep")
    async def keep() -> str:
        kept.append(weakref.ref(request._get_current_object()))  # type: ignore[attr-defined]
        raise Mine

    async def main() -> None:
        await ask(app, "/text")
        gc.collect()
        gc.disable()
        try:
            for _ in range(3):
                await ask(app, "/keep")
                assert kept[-1]() is None
        finally:
            gc.enable()

    run(main)


def test_whether_a_record_is_written_at_once() -> None:
    logger = logging.Logger("alone")  # noqa: LOG001 - not for others
    assert logs_quickly(logger)
    logger.addHandler(logging.StreamHandler())
    logger.addHandler(logging.NullHandler())
    assert logs_quickly(logger)
    slow = _Slow()
    slow.setLevel(logging.CRITICAL)
    logger.addHandler(slow)
    assert logs_quickly(logger)
    slow.setLevel(logging.ERROR)
    assert not logs_quickly(logger)
    logger.removeHandler(slow)
    all_pass = logging.Filter()
    for filtered in (logger, logger.handlers[0]):
        filtered.addFilter(all_pass)
        assert not logs_quickly(logger)
        filtered.removeFilter(all_pass)
    for formatter, is_quick in ((logging.Formatter(), True), (_WithUser(), False), (None, True)):
        logger.handlers[0].setFormatter(formatter)
        assert logs_quickly(logger) is is_quick
    logger.addHandler(slow)
    child = logging.Logger("child")  # noqa: LOG001
    child.parent = logger
    assert not logs_quickly(child)
    child.propagate = False
    assert logs_quickly(child)
    assert not logs_quickly(type("Own", (logging.Logger,), {})("own"))
    assert not logs_quickly(None)
