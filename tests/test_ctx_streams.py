"""Streams with the request's context: what is current between two chunks, and what becomes of one that is left."""

from __future__ import annotations

import gc
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from greenlet import greenlet  # type: ignore[import-untyped] # its stubs are a package of their own

import tuile
from tests.beside_flask import make_app, make_environ, outcome, same, send
from tests.fresh import observe
from tuile.ctx.app_context import current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tuile import Flask


@pytest.fixture(autouse=True)
def _nothing_stays_current() -> Iterator[None]:
    yield
    gc.collect()
    assert current.get(None) is None


def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
    return lambda part: None


class Streaming:
    """An application with a stream of three chunks, and what happened in it."""

    def __init__(self, lib: Any = tuile) -> None:
        self.events: list[Any] = []
        self.app: Flask = make_app(lib, SECRET_KEY="key")
        self.app.add_url_rule("/stream", "stream", self.stream)
        self.app.add_url_rule("/template", "template", self.template)
        self.app.add_url_rule("/plain", "plain", lambda: f"{lib.request.path} {'who' in lib.g}")
        self.app.teardown_request(lambda error: self.events.append(("request", type(error).__name__)))
        self.app.teardown_appcontext(lambda error: self.events.append(("app", type(error).__name__)))
        self.lib = lib

    def chunks(self) -> Iterator[str]:
        lib = self.lib
        try:
            for number in range(3):
                yield f"{number} {lib.request.args['who']} {lib.g.who};"
        finally:
            self.events.append(("closed", lib.request.args["who"] if lib.has_request_context() else None))

    def stream(self) -> Any:
        self.lib.g.who = self.lib.request.args["who"]
        return self.lib.Response(self.lib.stream_with_context(self.chunks()))

    def template(self) -> Any:
        self.lib.g.who = self.lib.request.args["who"]
        chunks = self.chunks()
        source = "{% for chunk in chunks %}{{ chunk }}{% endfor %}"
        return self.lib.Response(self.lib.stream_template_string(source, chunks=chunks))

    def ask(self, who: str, path: str = "/stream") -> Any:
        return self.app(make_environ(path, QUERY_STRING=f"who={who}"), start)


def whole(who: str) -> bytes:
    return "".join(f"{number} {who} {who};" for number in range(3)).encode()


@pytest.mark.parametrize("path", ["/stream", "/template"])
def test_a_stream_that_is_left_is_not_the_next_visitors(path: str) -> None:
    streaming = Streaming()
    parts = streaming.ask("one", path)
    assert next(iter(parts))
    assert not tuile.has_request_context()
    assert not tuile.has_app_context()
    # The server forgets to close it, or is late; the next request comes.
    assert send(streaming.app, make_environ("/plain")).text == "/plain False"
    before = list(streaming.events)
    parts.close()
    assert streaming.events[len(before) :][-2:] == [("request", "GeneratorExit"), ("app", "GeneratorExit")]
    assert not tuile.has_request_context()


def test_closing_leaves_the_context_and_tears_it_down_once() -> None:
    streaming = Streaming()
    parts = streaming.ask("one")
    next(iter(parts))
    ended = list(streaming.events)
    for _ in range(2):
        parts.close()
    assert streaming.events[len(ended) :] == [
        ("closed", "one"),
        ("request", "GeneratorExit"),
        ("app", "GeneratorExit"),
    ]


def test_a_stream_that_is_forgotten_is_torn_down_when_it_is_collected() -> None:
    streaming = Streaming()
    parts = streaming.ask("one")
    next(iter(parts))
    ended = len(streaming.events)
    with streaming.app.test_request_context("/other"):
        # Whatever thread and whatever request the collector runs in.
        del parts
        gc.collect()
        assert streaming.events[ended:] == [("closed", "one"), ("request", "GeneratorExit"), ("app", "GeneratorExit")]
        assert tuile.request.path == "/other"


def test_many_streams_take_turns_in_one_thread() -> None:
    streaming = Streaming()
    running = {who: iter(streaming.ask(who)) for who in "abc"}
    read: dict[str, bytes] = dict.fromkeys(running, b"")
    for _ in range(3):
        for who, parts in running.items():
            read[who] += next(parts)
            assert not tuile.has_app_context()
    assert read == {who: whole(who) for who in "abc"}


def test_each_chunk_may_be_asked_for_in_another_thread() -> None:
    streaming = Streaming()
    parts = iter(streaming.ask("one"))

    def step() -> bytes | None:
        piece: bytes | None = next(parts, None)
        assert not tuile.has_request_context()
        return piece

    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        read = [pool.submit(step).result() for pool in (first, second, first, second)]
    assert b"".join(piece for piece in read if piece) == whole("one")
    assert streaming.events[-2:] == [("request", "NoneType"), ("app", "NoneType")]


def test_a_stream_may_be_closed_in_another_thread() -> None:
    streaming = Streaming()
    parts = streaming.ask("one")
    next(iter(parts))
    thread = threading.Thread(target=parts.close)
    thread.start()
    thread.join()
    assert streaming.events[-3:] == [("closed", "one"), ("request", "GeneratorExit"), ("app", "GeneratorExit")]


def test_a_chunk_may_wait_in_a_greenlet_while_others_are_served() -> None:
    streaming = Streaming()
    main = greenlet.getcurrent()
    app = streaming.app

    @app.route("/waiting")
    def wait() -> Any:
        def chunks() -> Iterator[str]:
            for _ in range(2):
                main.switch()
                yield tuile.request.args["who"]

        return tuile.Response(tuile.stream_with_context(chunks()))

    read: dict[str, list[bytes]] = {}

    def serve(who: str) -> None:
        read[who] = list(app(make_environ("/waiting", QUERY_STRING=f"who={who}"), start))

    running = [greenlet(serve) for _ in "ab"]
    for one, who in zip(running, "ab", strict=True):
        one.switch(who)
        assert not tuile.has_request_context()
    while not all(one.dead for one in running):
        for one in running:
            if not one.dead:
                one.switch()
    assert read == {"a": [b"a", b"a"], "b": [b"b", b"b"]}


def test_a_first_chunk_read_in_the_view_does_not_end_the_request_early() -> None:
    streaming = Streaming()

    @streaming.app.route("/peeking")
    def peek() -> Any:
        tuile.g.who = "one"
        parts = tuile.stream_with_context(streaming.chunks())
        first = next(parts)
        assert tuile.request.path == "/peeking"

        def all_parts() -> Iterator[str]:
            yield first
            yield from parts

        return tuile.Response(all_parts())

    parts = streaming.app(make_environ("/peeking", QUERY_STRING="who=one"), start)
    # The request has returned; its end waits for the stream.
    assert streaming.events == []
    assert not tuile.has_request_context()
    assert b"".join(parts) == whole("one")
    assert streaming.events == [("closed", "one"), ("request", "NoneType"), ("app", "NoneType")]


def test_what_a_chunk_raises_reaches_the_server_and_the_teardown() -> None:
    def program(lib: Any) -> Any:
        streaming = Streaming(lib)

        @streaming.app.route("/broken")
        def broken() -> Any:
            def chunks() -> Iterator[str]:
                yield "begun"
                raise LookupError("in a chunk")

            return lib.Response(lib.stream_with_context(chunks()))

        with pytest.raises(LookupError):
            send(streaming.app, make_environ("/broken"))
        return streaming.events, lib.has_request_context()

    same(program)


def test_values_and_errors_can_be_sent_into_a_stream() -> None:
    def program(lib: Any) -> Any:
        app, got = make_app(lib), []

        def chunks() -> Any:
            got.append((yield "a"))
            try:
                yield "b"
            except LookupError as error:
                got.append(str(error))
                yield "c"

        with app.test_request_context("/"):
            stream: Any = lib.stream_with_context(chunks())
            return next(stream), stream.send("sent"), stream.throw(LookupError("thrown")), list(stream), got

    same(program)


def test_a_stream_is_a_generator_and_a_file_is_closed() -> None:
    def program(lib: Any) -> Any:
        class File:
            closed = 0

            def __iter__(self) -> Iterator[str]:
                return self

            def __next__(self) -> str:
                return "line"

            def close(self) -> None:
                File.closed += 1

        app = make_app(lib)
        with app.test_request_context("/"):
            stream: Any = lib.stream_with_context(File())
            read = [next(stream), next(stream)]
            stream.close()
        # Flask closes it twice.
        return read, File.closed > 0, type(stream).__name__

    same(program)


# What is changed too late.


def change_session(lib: Any) -> None:
    lib.session["late"] = 1


def change_permanent(lib: Any) -> None:
    lib.session.permanent = True


def pop_from_session(lib: Any) -> None:
    lib.session.pop("early")


def clear_session(lib: Any) -> None:
    lib.session.clear()


def flash(lib: Any) -> None:
    lib.flash("late")


def set_cookie(lib: Any) -> None:
    lib.cookies.set("late", "1")


def delete_cookie(lib: Any) -> None:
    lib.cookies.delete("late")


def set_signed_cookie(lib: Any) -> None:
    lib.cookies.signed.set("late", "1")


def register_function(lib: Any) -> None:
    lib.after_this_request(lambda response: response)


WRITES = [
    *(change_session, change_permanent, pop_from_session, clear_session, flash),
    *(set_cookie, delete_cookie, set_signed_cookie, register_function),
]
writes = pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__)


def make_writing_app(write: Callable[[Any], None], touched: bool = True, **config: Any) -> Flask:
    app = tuile.Flask("writing", static_folder=None)
    app.config.update(SECRET_KEY="5f2d8c1b9a7e4630b1c8d2e6f4a09375", **config)

    def use_early() -> None:
        if touched:
            tuile.session["early"] = 1
            tuile.cookies.set("early", "1")

    def chunks() -> Iterator[str]:
        yield "begun "
        write(tuile)
        yield "ended"

    @app.route("/stream")
    def stream() -> Any:
        use_early()
        return tuile.Response(tuile.stream_with_context(chunks()))

    @app.route("/in-time")
    def write_in_time() -> str:
        use_early()
        write(tuile)
        return "written"

    return app


@writes
@pytest.mark.parametrize("config", [{"TESTING": True}, {"DEBUG": True}], ids=str)
@pytest.mark.parametrize("touched", [False, True], ids=["first touched late", "touched before"])
def test_what_is_written_too_late_is_an_error_in_tests_and_in_debug_mode(
    write: Callable[[Any], None], config: dict[str, Any], touched: bool
) -> None:
    app = make_writing_app(write, touched, COOKIE_CHECKS="off", **config)
    if write is pop_from_session and not touched:
        return
    with pytest.raises(RuntimeError, match=r"GET '/stream' had already been sent") as raised:
        send(app, make_environ("/stream"))
    assert "before the view returns" in str(raised.value)
    assert any(entry.name == write.__name__ for entry in raised.traceback)


@writes
def test_what_is_written_too_late_is_logged_otherwise(
    write: Callable[[Any], None], caplog: pytest.LogCaptureFixture
) -> None:
    app = make_writing_app(write)
    with caplog.at_level(logging.WARNING):
        assert send(app, make_environ("/stream")).text == "begun ended"
    told = [record.getMessage() for record in caplog.records if "had already been sent" in record.getMessage()]
    assert len(told) == 1
    assert "GET '/stream'" in told[0]


@writes
def test_what_is_written_in_time_is_no_error(write: Callable[[Any], None]) -> None:
    app = make_writing_app(write, TESTING=True, COOKIE_CHECKS="off")
    assert send(app, make_environ("/in-time")).text == "written"


def test_what_is_only_read_in_a_stream_is_no_error() -> None:
    def read(lib: Any) -> None:
        assert [*lib.session, *lib.cookies, lib.get_flashed_messages(), *lib.cookies.signed]

    app = make_writing_app(read, TESTING=True, COOKIE_CHECKS="off")
    assert send(app, make_environ("/stream")).text == "begun ended"


def test_the_message_names_what_was_changed_and_shows_no_value(caplog: pytest.LogCaptureFixture) -> None:
    def change(lib: Any) -> None:
        lib.session["cart"] = "a secret"

    with caplog.at_level(logging.WARNING):
        send(make_writing_app(change), make_environ("/stream"))
    assert "'cart'" in caplog.text
    assert "a secret" not in caplog.text


@pytest.mark.parametrize("testing", [False, True])
def test_a_session_of_its_own_kind_is_compared_at_the_end(testing: bool, caplog: pytest.LogCaptureFixture) -> None:
    class Own(dict[str, Any], tuile.sessions.SessionMixin):
        pass

    class Interface(tuile.sessions.SessionInterface):
        def open_session(self, app: Any, request: Any) -> Any:
            return Own()

        def save_session(self, app: Any, session: Any, response: Any) -> None:
            pass

    app = make_writing_app(change_session, TESTING=testing, COOKIE_CHECKS="off")
    app.session_interface = Interface()
    if testing:
        with pytest.raises(RuntimeError, match="'late'"):
            send(app, make_environ("/stream"))
    else:
        with caplog.at_level(logging.WARNING):
            send(app, make_environ("/stream"))
        assert "'late'" in caplog.text


def test_a_copied_context_that_writes_after_the_answer_is_told() -> None:
    app = make_writing_app(change_session, TESTING=True, COOKIE_CHECKS="off")
    later: list[Callable[[], None]] = []

    @app.route("/copy")
    def copy() -> str:
        later.append(tuile.copy_current_request_context(lambda: change_session(tuile)))
        later[0]()
        return "answered"

    assert send(app, make_environ("/copy")).text == "answered"
    with pytest.raises(RuntimeError, match="The session was changed"):
        later[0]()


def test_a_client_that_keeps_the_context_may_change_the_session_it_looks_at() -> None:
    app = make_writing_app(change_session, TESTING=True, COOKIE_CHECKS="off")
    with app.test_client() as client:
        client.get("/in-time")
        tuile.session["looked at"] = 1
        with pytest.raises(RuntimeError, match="had already been sent"):
            client.get("/stream").get_data()


def test_a_session_whose_changes_somebody_else_follows_still_tells_him() -> None:
    app = make_writing_app(change_session)
    heard: list[Any] = []
    app.before_request(lambda: setattr(tuile.session, "on_update", heard.append))
    send(app, make_environ("/stream"))
    assert len(heard) == 2  # the early change and the late one


def test_a_late_change_is_an_error_in_the_tests_of_an_app_that_imports_tuile() -> None:
    program = """
        import os
        os.environ.pop("TUILE_SHIM", None)
        {install}
        from tuile import Flask, session, stream_with_context

        app = Flask(__name__)
        app.config.update(TESTING=True, SECRET_KEY="5b7e2c9a41d8f36072c4e1a9b8d65f30")

        @app.get("/")
        def stream():
            def chunks():
                yield "a"
                session["late"] = 1
                yield "b"
            return stream_with_context(chunks())

        try:
            seen = app.test_client().get("/").text
        except RuntimeError as error:
            seen = str(error)
    """
    assert "had already been sent" in observe(program.format(install=""), shim=False)
    # A suite that was written for Flask, and is run as it is, has not asked for it.
    assert observe(program.format(install="import tuile.shim; tuile.shim.install()"), shim=False) == "ab"


# --- how a stream ends ------------------------------------------------------------------------------------------------


def ending(lib: Any, how: str, log: list[Any]) -> Any:
    """A generator that ends in one way."""
    try:
        yield f"first {lib.request.path}"
        if how == "raises":
            raise ValueError("in the stream")
        yield "second"
    finally:
        log.append(("closed", lib.has_request_context(), lib.has_app_context()))
        if how == "close raises":
            raise LookupError("in close")


@pytest.mark.parametrize("fails", ["", "teardown_request", "teardown_appcontext"])
@pytest.mark.parametrize("how", ["ends", "raises", "close raises", "broken off", "close raises, broken off"])
def test_the_teardown_functions_of_a_stream_get_its_error(how: str, fails: str) -> None:
    app = make_app(tuile)
    log: list[Any] = []

    def noting(name: str) -> Any:
        def note(error: Any) -> None:
            log.append((name, type(error).__name__))
            # They ran for the response as well, which was no part of the stream.
            if name == fails and log[0][0] == "closed":
                raise RuntimeError("in teardown")

        return note

    app.logger.disabled = True
    app.teardown_request(noting("teardown_request"))
    app.teardown_appcontext(noting("teardown_appcontext"))
    stream = ending(tuile, how.partition(",")[0], log)
    app.add_url_rule("/", "view", lambda: tuile.Response(tuile.stream_with_context(stream)))

    def ask() -> list[bytes]:
        parts: Any = app(make_environ(), start)
        log.clear()
        try:
            return [next(iter(parts))] if "broken off" in how else list(parts)
        finally:
            parts.close()

    result = outcome(ask)
    assert current.get(None) is None
    error = {"ends": "NoneType", "broken off": "NoneType", "raises": "ValueError"}.get(how, "LookupError")
    assert log[0] == ("closed", True, True)
    assert [entry[0] for entry in log[1:]] == ["teardown_request", "teardown_appcontext"]
    if how in {"ends", "raises"}:
        assert log[1] == ("teardown_request", error)
        first = "RuntimeError" if fails == "teardown_request" else error
        assert log[2] == ("teardown_appcontext", first)
    if how == "ends":
        assert result[0] == ("raised" if fails else "returned")
    elif how == "raises":
        assert result[1] == ("RuntimeError" if fails else "ValueError")


def test_what_a_server_iterates_over_can_be_read_in_any_way() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        log: list[str] = []

        def generate() -> Any:
            try:
                yield "a"
                yield b"b"
                yield "\xe9"
            finally:
                log.append("closed")

        def view() -> Any:
            response = lib.Response(generate())
            response.call_on_close(lambda: log.append("on close"))
            return response

        app.add_url_rule("/", "view", view)
        found: list[Any] = []
        for read in (
            list,
            next,
            lambda parts: (next(parts), *parts),
            lambda parts: b"".join(iter(parts)),
            lambda _: (),
        ):
            parts: Any = app(make_environ(), start)
            found.append(read(parts))
            parts.close()
            parts.close()
            found.append(outcome(next, parts))
            found.append(list(log))
        return found

    same(program)
