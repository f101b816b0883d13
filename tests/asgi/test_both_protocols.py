"""Generated applications answer the same by WSGI and by ASGI, and call the same functions in the same order."""

from __future__ import annotations

import asyncio
import sys
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tuile
from tests.asgi.driver import Server, make_scope
from tests.beside_flask import make_environ, outcome, send, sort_methods
from tests.test_dispatch_plan import CHANGES_OF_COPY, ask_copies
from tests.test_fast_path import ANSWERS, DOES, PARTS, REQUESTS, Program, by_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.beside_flask import Environ


def scope_of(environ: Environ) -> Any:
    """Return the scope that a server would make of the request in an environ."""
    headers = [
        (key[5:].replace("_", "-").lower().encode(), value.encode("latin-1"))
        for key, value in environ.items()
        if key.startswith("HTTP_")
    ]
    return make_scope(
        environ["PATH_INFO"].encode("latin-1").decode(),
        environ["REQUEST_METHOD"],
        headers=headers,
        query=environ["QUERY_STRING"].encode("latin-1"),
        server=(environ["SERVER_NAME"], int(environ["SERVER_PORT"])),
    )


def by_wsgi(app: Any, environ: Environ) -> Any:
    """Return the response as a client sees it."""
    status, headers, body = send(app, environ)
    return int(status[:3]), [(name.lower(), value) for name, value in headers], body


def by_asgi(app: Any, environ: Environ, loop: asyncio.AbstractEventLoop | None = None) -> Any:
    """Return the response as a client sees it; every message is checked.

    Args:
        app: The application.
        environ: The environ of the request by WSGI.
        loop: The event loop of the server; one of this request alone by default, where a worker has to match it.
    """

    async def main() -> Any:
        answer = await Server(scope_of(environ)).ask(app)
        headers = [
            (name.decode(), sort_methods(name.decode().title(), value.decode("latin-1")))
            for name, value in answer.headers
        ]
        return answer.status, headers, answer.body

    return asyncio.run(main()) if loop is None else loop.run_until_complete(main())


CONFIG: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "SECRET_KEY": st.just("a key for these tests alone"),
        "PROPAGATE_EXCEPTIONS": st.just(True),
        "MAX_CONTENT_LENGTH": st.just(3),
    },
)


@settings(deadline=None, max_examples=100)
@given(
    parts=st.frozensets(st.sampled_from(PARTS), max_size=4),
    does=st.sampled_from(DOES),
    answer=st.sampled_from(sorted(ANSWERS)),
    config=CONFIG,
    requests=st.lists(REQUESTS, min_size=1, max_size=3),
    has_fast_path=st.booleans(),
)
def test_generated_applications_do_the_same(
    parts: frozenset[str], does: str, answer: str, config: dict[str, Any], requests: Any, has_fast_path: bool
) -> None:
    observed = []
    loop = asyncio.new_event_loop()
    with closing(loop), mock.patch("time.time", return_value=1_700_000_000.0):
        for ask in (by_wsgi, by_asgi, partial(by_asgi, loop=loop)):
            program = Program(tuile, tuile.Flask if has_fast_path else by_steps(tuile), parts, does, answer, config)
            with mock.patch("tests.test_fast_path.send", ask):
                # The first request of an application is not matched on the event loop.
                observed.append(program.run(parts, [*requests, *requests]))
    assert observed[1] == observed[0]
    assert observed[2] == observed[0]


class Raw:
    """A WSGI application of generated pieces, and what happens to it."""

    def __init__(self, start: str, pieces: list[bytes], length: int | None, fails: bool) -> None:
        self.start, self.pieces, self.length, self.fails = start, pieces, length, fails
        self.log: list[str] = []

    def __call__(self, environ: Any, start_response: Callable[..., Any]) -> Any:
        self.log.append(environ["PATH_INFO"])
        headers = [] if self.length is None else [("Content-Length", str(self.length))]
        if self.start == "first":
            start_response("200 OK", headers)
        if self.start == "list":
            start_response("200 OK", headers)
            return self.pieces
        return Pieces(self.generate(start_response, headers), self.log)

    def generate(self, start_response: Callable[..., Any], headers: Any) -> Iterator[bytes]:
        if self.start == "late":
            start_response("200 OK", headers)
        yield from self.pieces
        self.log.append("end")
        if self.fails:
            raise ValueError("on purpose")


class Pieces:
    """An iterable with a `close`."""

    def __init__(self, pieces: Iterator[bytes], log: list[str]) -> None:
        self.pieces, self.log = pieces, log

    def __iter__(self) -> Iterator[bytes]:
        return self.pieces

    def close(self) -> None:
        self.log.append("closed")


@settings(deadline=None, max_examples=100)
@given(
    start=st.sampled_from(["first", "late", "list"]),
    pieces=st.lists(st.binary(max_size=5) | st.sampled_from([b"x" * 40_000, b"y" * 100_000]), max_size=6),
    announced=st.booleans(),
    fails=st.booleans(),
)
def test_any_pieces_of_middleware_arrive(start: str, pieces: list[bytes], announced: bool, fails: bool) -> None:
    observed = []
    for ask in (by_wsgi, by_asgi):
        app = tuile.Flask("raw", static_folder=None)
        raw = Raw(start, list(pieces), sum(map(len, pieces)) if announced else None, fails)
        app.wsgi_app = raw  # type: ignore[method-assign] # as people do
        observed.append((outcome(ask, app, make_environ("/x")), raw.log))
    assert observed[1] == observed[0]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_process_makes_its_own_threads() -> None:
    from tests.fresh import observe  # noqa: PLC0415 - for this test alone

    program = """
        import asyncio, os, sys, warnings
        # There are other threads, but the child does not need them.
        warnings.simplefilter("ignore", DeprecationWarning)
        sys.path.insert(0, ".")
        from tests.asgi.driver import ask
        from tuile import Flask
        app = Flask("forked", static_folder=None)
        app.get("/")(lambda: str(os.getpid()))
        async def main():
            return (await ask(app)).text
        mine = asyncio.run(main())
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.write(writer, asyncio.run(main()).encode())
            os._exit(0)
        os.waitpid(child, 0)
        seen = [mine == str(os.getpid()), os.read(reader, 100).decode() == str(child)]
    """
    assert observe(program) == [True, True]


@pytest.mark.parametrize("name", CHANGES_OF_COPY)
@pytest.mark.parametrize("first", ["app", "copy"])
def test_a_copy_of_an_application_is_asked_itself(name: str, first: str) -> None:
    with mock.patch("time.time", return_value=1_700_000_000.0), closing(asyncio.new_event_loop()) as loop:
        for warm in (0, 1, 5):
            by_one = ask_copies(tuile, name, first, warm, partial(by_asgi, loop=loop))
            assert by_one == ask_copies(tuile, name, first, warm, by_wsgi)


@pytest.mark.parametrize("name", ["method", "path", "query_string", "headers", "remote_addr", "shallow", "environ"])
@pytest.mark.parametrize("how", ["setter", "slot", "mixin"])
def test_what_a_request_class_has_of_the_names_of_the_constructor_is_assigned(name: str, how: str) -> None:
    own: dict[str, object] = {"__slots__": (name,)}
    if how == "setter":
        own = {name: property(lambda self: vars(self)["own"], lambda self, value: vars(self).update(own=value))}
    bases = (type("Mixin", (), {name: None}), tuile.Request) if how == "mixin" else (tuile.Request,)
    app = tuile.Flask("app", static_folder=None)
    app.request_class = type("Own", bases, {} if how == "mixin" else own)
    names = ("method", "path", "query_string", "headers", "shallow", "url", "args", "cookies")
    app.add_url_rule("/a/", "a", lambda: [str(outcome(getattr, tuile.request, one)) for one in names])
    with closing(asyncio.new_event_loop()) as loop:
        for path in ("/a/", "/a", "/none", "/a/"):
            environ = make_environ(path, QUERY_STRING="x=1", HTTP_COOKIE="a=1")
            assert by_asgi(app, environ, loop) == by_wsgi(app, environ)
