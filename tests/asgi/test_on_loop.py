"""Coroutine functions as views run on the server's loop, and do there what they do in a worker and under WSGI."""

from __future__ import annotations

import asyncio
import sys
import threading
from inspect import iscoroutinefunction
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tuile
from tests.asgi.driver import ask, make_scope, run
from tests.asgi.test_both_protocols import CONFIG, by_asgi, by_wsgi
from tests.test_fast_path import ANSWERS, DOES, PARTS, REQUESTS, Program
from tuile.asgi.loop_path import brief_headers
from tuile.asgi.scopes import brief_environ_of, environ_of
from tuile.asgi.service import Service
from tuile.sessions.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable


def host_of(scope: Any) -> str | None:
    """The host that `brief_headers` finds; None if the whole environ is needed."""
    service: Any = SimpleNamespace(hosts={}, text_of_host=lambda plan, octets: octets.decode("latin-1"))
    plan: Any = None
    return brief_headers(service, plan, scope)[0]


class Awaiting(Program):
    """A generated application with coroutine functions: its view, and the functions of these parts."""

    def __init__(self, *args: Any, awaited: frozenset[str]) -> None:
        self.awaited = awaited
        super().__init__(*args)

    def seen(self, word: str, result: Any = None) -> Callable[..., Any]:
        """A function that notes its call, which may be a coroutine function."""
        function = super().seen(word, result)
        if word not in self.awaited:
            return function

        async def awaited(*arguments: Any, **named: Any) -> Any:
            await asyncio.sleep(0)
            return function(*arguments, **named)

        return awaited

    async def view(self, **arguments: Any) -> Any:
        """Wait, and do what the other program's does."""
        await asyncio.sleep(0)
        return super().view(**arguments)


class Worker(tuile.Flask):
    """Its requests take a worker whole, because a step is overridden."""

    def dispatch_request(self) -> Any:
        """Do the same."""
        return super().dispatch_request()


Worker.__name__ = "Flask"
#: Those that `ensure_sync` is called with.
AWAITABLE = [part for part in PARTS if part.startswith(("before", "after", "teardown", "handler"))] + ["after this"]


@settings(deadline=None, max_examples=80)
@given(
    parts=st.frozensets(st.sampled_from(PARTS), max_size=4),
    awaited=st.frozensets(st.sampled_from(AWAITABLE)),
    does=st.sampled_from(DOES),
    answer=st.sampled_from(sorted(ANSWERS)),
    config=CONFIG,
    requests=st.lists(REQUESTS, min_size=1, max_size=3),
)
def test_generated_applications_do_the_same_each_way(
    parts: frozenset[str], awaited: frozenset[str], does: str, answer: str, config: dict[str, Any], requests: Any
) -> None:
    observed = []
    # The first request of an app takes a worker.
    requests = [{"path": "/missing"}, *requests]
    with mock.patch("time.time", return_value=1_700_000_000.0):
        for ask, kind in ((by_wsgi, tuile.Flask), (by_asgi, Worker), (by_asgi, tuile.Flask)):
            program = Awaiting(tuile, kind, parts, does, answer, config, awaited=awaited)
            with mock.patch("tests.test_fast_path.send", ask):
                observed.append(program.run(parts, requests))
    assert observed[1] == observed[0]
    assert observed[2] == observed[0]


@pytest.mark.parametrize("answer", sorted(ANSWERS))
@pytest.mark.parametrize("part", AWAITABLE)
def test_a_function_that_has_to_be_awaited_alone_does_the_same_each_way(part: str, answer: str) -> None:
    parts = frozenset() if part == "after this" else frozenset({part})
    does = "after this request" if part == "after this" else "nothing"
    observed = []
    for send, kind in ((by_wsgi, tuile.Flask), (by_asgi, tuile.Flask)):
        program = Awaiting(tuile, kind, parts, does, answer, {}, awaited=frozenset({part}))
        with mock.patch("tests.test_fast_path.send", send), mock.patch("time.time", return_value=1_700_000_000.0):
            observed.append(program.run(parts, [{"path": "/missing"}, {"path": "/it"}, {"path": "/of/7/x"}]))
    assert observed[0] == observed[1]


@pytest.mark.parametrize(
    ("parts", "awaited"),
    [
        ((), ()),
        (("before",), ()),
        (("before",), ("before",)),
        (("after", "teardown"), ()),
        (("before", "after"), ("before", "after")),
        (("before", "teardown"), ("before",)),
        (("handler of ValueError",), ()),
    ],
)
def test_these_run_on_the_loop(parts: tuple[str, ...], awaited: tuple[str, ...]) -> None:
    program = Awaiting(tuile, tuile.Flask, frozenset(parts), "nothing", "text", {}, awaited=frozenset(awaited))
    assert iscoroutinefunction(program.view)
    whole = []

    async def counted(self: Service, scope: Any, *given: Any, in_worker: bool = False) -> None:
        whole.append(scope["path"])
        await serve_http(self, scope, *given, in_worker=in_worker)

    serve_http = Service.serve_http
    with mock.patch.object(Service, "serve_http", counted), mock.patch("tests.test_fast_path.send", by_asgi):
        program.run(frozenset(), [{"path": "/missing"}, {"path": "/it"}, {"path": "/of/7/x"}, {"path": "/blue/it"}])
    assert whole == ["/missing"]


def test_a_session_in_a_store_is_read_and_saved_in_a_worker_once_an_endpoint_is_known_to_use_it() -> None:
    app = tuile.Flask("stored", static_folder=None)
    app.secret_key = "a key for these tests alone"
    store = Recording()
    app.config["SESSION_STORE"] = store

    @app.get("/")
    async def view() -> str:
        await asyncio.sleep(0)
        tuile.session["n"] = tuile.session.get("n", 0) + 1
        return str(tuile.session["n"])

    @app.get("/maybe")
    async def maybe() -> str:
        return str(tuile.session["n"]) if tuile.request.args else "untouched"

    async def main() -> None:
        await ask(app, "/missing")
        answer = await ask(app)
        cookie = (answer.header(b"set-cookie") or b"").partition(b";")[0]
        await ask(app, headers=[(b"cookie", cookie)])
        await ask(app, "/maybe", query=b"x", headers=[(b"cookie", cookie)])
        store.threads.clear()
        assert (await ask(app, headers=[(b"cookie", cookie)])).text == "3"
        assert len(store.threads) > 1
        assert threading.get_ident() not in store.threads
        # Opened in advance, and then not read: as if it had not been opened.
        answer = await ask(app, "/maybe", headers=[(b"cookie", cookie)])
        assert (answer.text, answer.header(b"vary"), answer.header(b"set-cookie")) == ("untouched", None, None)

    run(main)


class Recording(MemoryStore):
    """A store that knows which threads have asked it."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[int] = []

    def ask(self, operation: Any) -> Any:
        """Answer, and note the thread."""
        self.threads.append(threading.get_ident())
        return super().ask(operation)


def test_the_keys_of_an_environ_that_tell_the_view_are_those_of_the_whole_one() -> None:
    headers = [(b"host", b"a.example"), (b"cookie", b"a=1"), (b"accept", b"*/*"), (b"x-own", b"1")]
    for scope in (
        make_scope("/x", headers=headers, query=b"a=b"),
        make_scope("/x", "HEAD", headers=headers[:1]),
        make_scope("/x", headers=headers, scheme="https"),
        make_scope("/x", "POST", headers=[*headers, (b"content-length", b"3"), (b"content-type", b"text/plain")]),
        make_scope("/x", headers=[*headers, (b"cf-ray", b"1"), (b"traceparent", b"00-1"), (b"x_own", b"1")]),
        make_scope("/api/x", headers=headers, root_path="/api"),
        make_scope("/\u00e9", headers=headers),
    ):
        assert host_of(scope) == "a.example"
        brief, whole = brief_environ_of(scope), environ_of(scope)
        assert brief == {key: whole[key] for key in brief}
        assert {"HTTP_COOKIE", "HTTP_HOST", "HTTP_UPGRADE"} & whole.keys() <= brief.keys()


@pytest.mark.parametrize(
    "more",
    [
        {"headers": [(b"host", b"a"), (b"host", b"b")]},
        {"headers": [(b"host", b"a"), (b"Cookie", b"a=1")]},
        {"headers": [(b"host", b"a"), (b"content-length", b"3"), (b"content-length", b"3")]},
        {"headers": [(b"host", b"a"), (b"content-type", b"text/plain"), (b"content-type", b"text/html")]},
        {"headers": [(b"host", b"a"), (b"expect", b"100-continue")]},
        {"headers": [(b"host", b"a"), (b"Own", b"1")]},
        {"headers": [(b"host", b"a"), (b"transfer-encoding", b"gzip, chunked")]},
        {"headers": [(b"host", b"a"), (b"transfer-encoding", b"chunked"), (b"content-length", b"3")]},
        {"headers": [(b"host", b"a"), (b"content-length", b"3"), (b"transfer-encoding", b"chunked")]},
        {"headers": [(b"host", b"a"), (b"upgrade", b"websocket")]},
        {"headers": [(b":authority", b"a")]},
    ],
)
def test_other_requests_need_the_whole_environ(more: dict[str, Any]) -> None:
    scope: Any = {**make_scope(), **more}
    assert host_of(scope) is None


@pytest.mark.parametrize("name", ["host", "url", "path", "args", "cookies", "method", "full_path", "host_url"])
def test_the_environ_is_not_made_for_what_the_brief_one_tells(name: str) -> None:
    app = tuile.Flask("brief", static_folder=None)
    seen: list[Any] = []

    @app.get("/x")
    async def view() -> str:
        request: Any = tuile.request._get_current_object()  # type: ignore[attr-defined] # of the proxy
        seen.append([getattr(request, name), "environ" in vars(request)])
        return ""

    async def main() -> None:
        for _ in range(2):
            await ask(app, "/x", query=b"a=1", headers=[(b"host", b"shop.example:8000"), (b"cookie", b"a=1")])

    run(main)
    # The first request of an app takes a worker.
    (whole, _), (brief, is_made) = seen
    assert (brief, is_made) == (whole, False)


def test_a_request_of_a_coroutine_function_enters_two_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    # As in a process in which no other test has connected a receiver.
    monkeypatch.setattr("tuile.asgi._generated.heard", frozenset())
    app = tuile.Flask("short", static_folder=None)

    @app.get("/")
    async def hello() -> str:
        return "Hello"

    source = str(Path(tuile.__file__).parent)
    entered: list[str] = []

    def note(frame: Any, event: str, arg: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(source):
            entered.append(frame.f_code.co_name)

    async def main() -> None:
        # Until the app has its plan.
        for _ in range(50):
            await ask(app)
        sys.setprofile(note)
        try:
            answer = await ask(app)
        finally:
            sys.setprofile(None)
        assert answer.text == "Hello"

    run(main)
    assert entered == ["__call__", "serve_scope"]


def test_a_path_whose_view_becomes_a_coroutine_function_is_not_sent_to_a_worker_for_ever() -> None:
    app = tuile.Flask("changed", static_folder=None)
    app.get("/", endpoint="view")(lambda: threading.current_thread().name)

    async def on_loop() -> str:
        return threading.current_thread().name

    async def main() -> list[str]:
        names = [(await ask(app)).text for _ in range(3)]
        app.view_functions["view"] = on_loop
        # A setting that plans depend on: without it the path is sent to a worker as before, which awaits the view.
        app.debug = True
        return [*names, (await ask(app)).text, (await ask(app)).text]

    names = run(main)
    assert all("worker" in name for name in names[:3])
    assert names[4] == threading.current_thread().name


COOKIES = [
    *([], [b""], [b"a=1"], [b"a=1; b=2; a=3"], [b"a=1", b"b=2"], [b'a="x\\073y"; b=%20'], [b"a=\xe4\xf6"]),
    *(["a=日".encode()], [b";;a"], [b"=a; a"], [b"a=1;b=2" * 40], [b"session=x.y"]),
]


@pytest.mark.parametrize("sent", COOKIES)
@pytest.mark.parametrize("name", [b"cookie", b"Cookie"])
def test_cookies_are_the_same_whether_the_environ_was_made_or_not(sent: list[bytes], name: bytes) -> None:
    app = tuile.Flask(__name__)
    found: dict[str, object] = {}

    def read() -> list[object]:
        cookies = tuile.request.cookies
        return [cookies.get("a"), cookies.get("b", "-"), sorted(cookies.items(multi=True)), type(cookies)]

    @app.get("/lazy")
    async def lazy() -> str:
        first = tuile.request._first_cookie("a")
        found["lazy"] = [first, *read(), tuile.request.environ.get("HTTP_COOKIE")]
        return ""

    @app.get("/made")
    async def made() -> str:
        header = tuile.request.environ.get("HTTP_COOKIE")
        found["made"] = [tuile.request.cookies.get("a"), *read(), header]
        return ""

    async def main() -> None:
        for _ in range(2):
            for path in ("/lazy", "/made"):
                await ask(app, path, headers=[(b"host", b"localhost"), *((name, one) for one in sent)])

    run(main)
    assert found["lazy"] == found["made"]


@pytest.mark.parametrize("query", [b"", b"q=tea&q=2&e=", b"%FF=\xff", "ä=ö".encode(), b"a=b;c=%C3%A4+%zz"])
def test_arguments_and_urls_of_endpoints_need_no_environ(query: bytes) -> None:
    app = tuile.Flask("brief", static_folder=None)
    app.get("/text")(lambda: "x")
    made = []

    @app.get("/<name>")
    async def view(name: str) -> str:
        pairs = [*tuile.request.args.items(multi=True)]
        urls = [tuile.url_for("view", name="n"), tuile.url_for("view", name="n", q="ä", _external=True)]
        made.append("environ" in vars(tuile.request))
        return f"{pairs} {urls}"

    async def main() -> list[str]:
        found = []
        await ask(app, "/text")
        for more in ([], [(b"X-Whole", b"1")]):
            headers = [(b"host", b"a.example:80"), *more]
            # The first one finds out how the URLs are written.
            await ask(app, "/x", query=query, headers=headers)
            made.clear()
            found.append((await ask(app, "/x", query=query, headers=headers)).text)
            assert made == [bool(more)]
        return found

    short, whole = run(main)
    assert short == whole
