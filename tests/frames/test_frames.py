"""The number of Python functions that one warm request enters, which is exact where times are noisy.

Every "call" event of `sys.setprofile` counts, including the view, `start_response`, and each resumption of a
generator. A request that exceeds its budget fails with a list of the functions entered.
"""

# mypy: disable-error-code="untyped-decorator"
# (The applications are made with the one framework or the other, so that their decorators are Any.)

from __future__ import annotations

import gc
import io
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import flask
import pytest

import tuile
from tests.costs import as_in_a_new_process

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

# Enough for every cache and every inline cache of the interpreter to have settled.
# More than the URLs of a rule that are written before a function is generated for it.
WARM_UP_REQUESTS = 30

HEADERS = {
    "HTTP_HOST": "127.0.0.1:8000",
    "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0",
    "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "HTTP_ACCEPT_LANGUAGE": "en-GB,en;q=0.9",
    "HTTP_ACCEPT_ENCODING": "gzip, deflate, br, zstd",
    "HTTP_CONNECTION": "keep-alive",
}


def environ_for(path: str, cookie: str | None = None) -> dict[str, Any]:
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **HEADERS,
    }
    if cookie is not None:
        environ["HTTP_COOKIE"] = cookie
    return environ


class Client:
    """Call an application as a server does, and keep the arguments of `start_response`."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.status = ""
        self.headers: list[tuple[str, str]] = []

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Any:
        self.status = status
        self.headers = headers

    def get(self, environ: dict[str, Any]) -> bytes:
        body = b""
        chunks = self.app(environ, self.start_response)
        for chunk in chunks:
            body += chunk
        if hasattr(chunks, "close"):
            chunks.close()
        return body

    def cookies(self) -> str:
        return "; ".join(value.partition(";")[0] for name, value in self.headers if name == "Set-Cookie")

    def functions_entered(self, environ: dict[str, Any]) -> list[str]:
        """Return the functions that a request enters, in order, without `get` itself."""
        entered: list[str] = []

        def record(frame: FrameType, event: str, _argument: object) -> None:
            if event == "call":
                code = frame.f_code
                name = getattr(code, "co_qualname", code.co_name)  # co_qualname is new in 3.11
                entered.append(f"{frame.f_globals.get('__name__')}.{name}")

        # A collection within the request would enter finalisers that are not the request's.
        gc.collect()
        gc.disable()
        previous = sys.getprofile()
        with as_in_a_new_process():
            sys.setprofile(record)
            try:
                self.get(environ)
            finally:
                sys.setprofile(previous)
                gc.enable()
        return entered[1:]  # the first is `get`


@dataclass(frozen=True)
class Work:
    """One kind of request: its budget, application, path and expected body."""

    name: str
    budget: int
    make_app: Callable[[Any], Any]
    path: str = "/"
    cookie: str | None = None
    login: str | None = None
    status: str = "200 OK"
    body: bytes | None = None

    def prepared(self, framework: Any) -> tuple[Client, dict[str, Any]]:
        """Return a warm client and an environ, after checking the response."""
        client = Client(self.make_app(framework))
        cookie = self.cookie
        if self.login is not None:
            client.get(environ_for(self.login))
            cookie = client.cookies()
        environ = environ_for(self.path, cookie)
        for _ in range(WARM_UP_REQUESTS):
            client.get(environ.copy())
        body = client.get(environ.copy())
        assert client.status == self.status
        assert self.body is None or body == self.body
        return client, environ


def hello_app(framework: Any) -> Any:
    app = framework.Flask("frames")

    @app.get("/")
    def hello() -> str:
        return "Hello, World!"

    return app


def json_app(framework: Any) -> Any:
    app = framework.Flask("frames")

    @app.get("/users/<int:user_id>/<name>")
    def user(user_id: int, name: str) -> dict[str, Any]:
        return {"id": user_id, "name": name}

    return app


def cookie_app(framework: Any) -> Any:
    app = framework.Flask("frames")

    @app.get("/")
    def theme() -> Any:
        response = framework.make_response(framework.request.cookies["theme"])
        response.set_cookie("theme", "light", max_age=3600, secure=True, httponly=True, samesite="Lax")
        return response

    return app


def session_app(framework: Any) -> Any:
    app = framework.Flask("frames")
    app.secret_key = "a key for tests"

    @app.get("/login")
    def login() -> str:
        framework.session["count"] = 1
        return "welcome"

    @app.get("/count")
    def count() -> str:
        framework.session["count"] += 1
        return str(framework.session["count"])

    return app


def stored_session_app(framework: Any) -> Any:
    app = framework.Flask("frames")
    app.config["SESSION_STORE"] = "memory"

    @app.get("/login")
    def login() -> str:
        framework.session.update(_user_id="ada", theme="dark", count=1, basket=[1, 2, 3])
        return "welcome"

    @app.get("/count")
    def count() -> str:
        framework.session["count"] = framework.session["count"] + 1
        return "counted"

    @app.get("/read")
    def read() -> str:
        theme: str = framework.session["theme"]
        return theme

    @app.get("/nothing")
    def nothing() -> str:
        return "nothing"

    return app


WORKS = (
    Work("hello", 5, hello_app, body=b"Hello, World!"),
    Work("json", 9, json_app, path="/users/42/ada", body=b'{"id":42,"name":"ada"}\n'),
    Work("cookie read and set", 15, cookie_app, cookie="consent=yes; theme=dark; lang=en-GB", body=b"dark"),
    Work("signed session read and written", 41, session_app, path="/count", login="/login", body=b"2"),
    Work("stored session read and written", 40, stored_session_app, path="/count", login="/login", body=b"counted"),
    Work("stored session read", 26, stored_session_app, path="/read", login="/login", body=b"dark"),
    Work("stored session not touched", 7, stored_session_app, path="/nothing", login="/login", body=b"nothing"),
    Work("404", 31, hello_app, path="/no/such/page", status="404 NOT FOUND"),
)
every_work = pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)


def check_budget(name: str, budget: int, entered: list[str]) -> None:
    """Fail with a list of the functions entered if there are more than the budget allows."""
    if len(entered) > budget:
        listed = "\n".join(f"{number:>3} {function}" for number, function in enumerate(entered, 1))
        pytest.fail(f"{name}: {len(entered)} entered, budget {budget}\n{listed}", pytrace=False)


# Under a profile function, CPython 3.10 holds one more reference to what a call is given, and the fast path, which
# counts them, then computes what it would leave out.
@pytest.mark.skipif(sys.version_info < (3, 11), reason="under CPython 3.10's profiler a request enters more functions")
@every_work
def test_a_warm_request_stays_within_its_budget_of_functions_entered(work: Work) -> None:
    client, environ = work.prepared(tuile)
    check_budget(work.name, work.budget, client.functions_entered(environ))


@every_work
def test_every_warm_request_enters_the_same_functions(work: Work) -> None:
    client, environ = work.prepared(tuile)
    first = client.functions_entered(environ.copy())
    for _ in range(5):
        assert client.functions_entered(environ.copy()) == first


def test_the_view_and_start_response_are_counted() -> None:
    client, environ = WORKS[0].prepared(tuile)
    own = [name for name in client.functions_entered(environ) if name.startswith(__name__)]
    assert [name.rpartition(".")[2] for name in own] == ["hello", "start_response"]


def test_the_counter_counts_because_flasks_hello_enters_at_least_a_hundred() -> None:
    client, environ = WORKS[0].prepared(flask)
    assert len(client.functions_entered(environ)) >= 100


def test_a_generator_counts_each_time_it_is_resumed() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        yield b"one"
        yield b"two"

    # The start, and once after each of the two pieces, and start_response within the first.
    assert len(Client(app).functions_entered(environ_for("/"))) == 4
