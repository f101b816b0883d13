"""A request that somebody still holds when its server has taken the environ back and used it for another one.

uWSGI does so by default: it empties the dictionary and fills it for the next request.
"""

from __future__ import annotations

import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

import tuile
from tests.beside_flask import Environ, make_app, make_environ, outcome, part, same
from tuile.wrappers import request as request_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tuile import Flask

# What Flask has computed before the view begins, or computes of that alone.
FIXED = (
    *("method", "scheme", "is_secure", "server", "root_path", "path", "full_path", "script_root", "query_string"),
    *("args", "remote_addr", "host", "host_url", "root_url", "base_url", "url", "endpoint", "blueprint", "view_args"),
)
SESSION_COOKIE = "eyJ3aG8iOiJvbmUifQ.ZVPzAA.not-a-signature"


def environ_of(who: str, path: str, **changes: Any) -> Environ:
    return make_environ(
        path,
        QUERY_STRING=f"who={who}",
        SCRIPT_NAME=f"/mount-{who}",
        REMOTE_ADDR=f"10.0.0.{len(who)}",
        SERVER_NAME=f"{who}.server",
        SERVER_PORT=f"80{len(who)}",
        HTTP_HOST=f"{who}.example:80{len(who)}",
        HTTP_COOKIE=f"who={who}",
        HTTP_X_WHO=who,
        wsgi_url_scheme="https" if who == "one" else "http",
        **changes,
    )


class Server:
    """A server with one environ: emptied after each answer, and filled for the next request."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.environ: Environ = {}
        self.parts: Any = None

    def ask(self, environ: Environ) -> None:
        self.environ.update(environ)
        self.parts = self.app(self.environ, lambda status, headers, exc_info=None: None)

    def read(self) -> list[bytes]:
        return list(self.parts)

    def finish(self) -> None:
        close = getattr(self.parts, "close", None)
        if close is not None:
            close()
        self.parts = None
        self.environ.clear()

    def two_requests(self, path: str) -> None:
        self.ask(environ_of("one", path))
        self.read()
        self.finish()
        # The next visitor's, whose request is not answered yet.
        self.environ.update(environ_of("another", "/next", REQUEST_METHOD="POST"))


def look(lib: Any, request: Any) -> Any:
    """What is read of a request, each attribute for the first time."""
    return [(name, outcome(getattr, request, name)) for name in FIXED]


def look_at_proxy(lib: Any) -> Any:
    return [*look(lib, lib.request), lib.url_for("show", n=1), lib.url_for("show", n=1, _external=True)]


# Who may hold a request: each is called in the view and returns what reads the request later.


def copied_context(lib: Any) -> Callable[[], Any]:
    return lib.copy_current_request_context(lambda: look_at_proxy(lib))  # type: ignore[no-any-return] # it wraps it


def request_object(lib: Any) -> Callable[[], Any]:
    request = lib.request._get_current_object()
    return lambda: look(lib, request)


def request_of_context(lib: Any) -> Callable[[], Any]:
    request = part(lib, "globals").request_ctx.request
    return lambda: look(lib, request)


def context_object(lib: Any) -> Callable[[], Any]:
    context = part(lib, "globals").request_ctx._get_current_object()

    def read() -> Any:
        with context:
            return look_at_proxy(lib)

    return read


def adapter_of_context(lib: Any) -> Callable[[], Any]:
    context = part(lib, "globals").request_ctx._get_current_object()
    return lambda: (context.url_adapter.build("show", {"n": 1}, force_external=True), context.url_adapter.path_info)


def request_kept_in_g(lib: Any) -> Callable[[], Any]:
    lib.g.request = lib.request._get_current_object()
    namespace = lib.g._get_current_object()
    return lambda: look(lib, namespace.request)


def context_variables(lib: Any) -> Callable[[], Any]:
    variables = copy_context()
    return lambda: variables.run(look_at_proxy, lib)


def method_of_request(lib: Any) -> Callable[[], Any]:
    read = lib.request.get_json  # bound to the request, which nothing else holds
    return lambda: look(lib, read.__self__)


HOLDERS = [
    copied_context,
    request_object,
    request_of_context,
    context_object,
    adapter_of_context,
    request_kept_in_g,
    context_variables,
    method_of_request,
]
holders = pytest.mark.parametrize("hold", HOLDERS, ids=lambda hold: hold.__name__)


def plain(lib: Any, app: Flask) -> None:
    pass


def with_teardown(lib: Any, app: Flask) -> None:
    app.teardown_appcontext(lambda error: None)


def with_hooks(lib: Any, app: Flask) -> None:
    app.before_request(lambda: None)
    app.after_request(lambda response: response)


def with_key(lib: Any, app: Flask) -> None:
    app.secret_key = "key"


def with_trusted_hosts(lib: Any, app: Flask) -> None:
    app.config["TRUSTED_HOSTS"] = ["one.example"]


def with_own_request_class(lib: Any, app: Flask) -> None:
    class Own(lib.Request):  # type: ignore[misc] # one of two frameworks'
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.own = True

    app.request_class = Own


def with_own_step(lib: Any, app: Flask) -> None:
    class Own(type(app)):  # type: ignore[misc] # one of two frameworks'
        def full_dispatch_request(self) -> Any:
            return super().full_dispatch_request()

    app.__class__ = Own


def with_host_matching(lib: Any, app: Flask) -> None:
    app.config["SERVER_NAME"] = "one.example:803"


KINDS = [
    plain,
    with_teardown,
    with_hooks,
    with_key,
    with_trusted_hosts,
    with_own_request_class,
    with_own_step,
    with_host_matching,
]
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def make_holding_app(lib: Any, kind: Callable[..., None], hold: Callable[[Any], Callable[[], Any]]) -> Any:
    app = make_app(lib)
    app.logger.disabled = True
    kind(lib, app)
    held: list[Callable[[], Any]] = []

    @app.route("/show/<int:n>")
    def show(n: int) -> Any:
        held.append(hold(lib))
        return {5: "text", 6: {"a": 1}, 7: lib.Response("text"), 8: iter(["a", "b"])}.get(n, "text")

    @app.route("/broken")
    def broken() -> Any:
        held.append(hold(lib))
        raise LookupError("in a view")

    @app.route("/gone")
    def gone() -> Any:
        held.append(hold(lib))
        lib.abort(410)

    @app.errorhandler(404)
    def missing(error: Exception) -> Any:
        held.append(hold(lib))
        return "missing", 404

    return app, held


@kinds
@holders
@pytest.mark.parametrize("path", ["/show/5", "/show/6", "/show/7", "/show/8", "/broken", "/gone", "/nowhere"])
def test_a_request_that_is_held_stays_what_it_was(
    kind: Callable[..., None], hold: Callable[[Any], Callable[[], Any]], path: str
) -> None:
    def program(lib: Any) -> Any:
        app, held = make_holding_app(lib, kind, hold)
        server = Server(app)
        server.two_requests(path)
        return [read() for read in held]

    same(program)


@holders
def test_a_thread_reads_its_own_request(hold: Callable[[Any], Callable[[], Any]]) -> None:
    def program(lib: Any) -> Any:
        app, held = make_holding_app(lib, plain, hold)
        server = Server(app)
        seen: list[Any] = []
        server.two_requests("/show/5")
        thread = threading.Thread(target=lambda: seen.extend(read() for read in held))
        thread.start()
        thread.join()
        return seen

    same(program)


@kinds
def test_what_was_read_in_time_stays_and_the_rest_is_the_same_request(kind: Callable[..., None]) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        kind(lib, app)
        held: list[Any] = []

        @app.route("/show/<int:n>")
        def show(n: int) -> str:
            held.append(lib.request._get_current_object())
            return f"{lib.request.path} {lib.request.args['who']}"

        Server(app).two_requests("/show/5")
        return look(lib, held[0])

    same(program)


def test_a_stream_reads_its_own_request() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, SECRET_KEY="key")
        seen: list[Any] = []

        @app.route("/show/<int:n>")
        def show(n: int) -> Any:
            def generate() -> Iterator[str]:
                yield "begun"
                seen.append(look_at_proxy(lib))

            return lib.Response(lib.stream_with_context(generate()))

        server = Server(app)
        server.ask(environ_of("one", "/show/5"))
        # While it is sent, a careless middleware writes into what it believes to be its own.
        server.environ["PATH_INFO"] = "/changed"
        server.read()
        server.finish()
        return seen

    same(program)


@kinds
@pytest.mark.parametrize("early", [False, True])
def test_headers_and_cookies_are_never_the_next_visitors(kind: Callable[..., None], early: bool) -> None:
    app = make_app(tuile)
    kind(tuile, app)
    held: list[Any] = []

    @app.route("/show/<int:n>")
    def show(n: int) -> str:
        request: Any = tuile.request
        held.append(request._get_current_object())
        return request.headers["X-Who"] if early else "late"

    Server(app).two_requests("/show/5")
    assert (held[0].headers["X-Who"], held[0].cookies["who"], dict(held[0].args)) == ("one", "one", {"who": "one"})
    # The dictionary itself is the server's, as on Flask.
    assert held[0].environ["HTTP_X_WHO"] == "another"


@kinds
def test_cookies_that_are_held_are_those_of_their_request(kind: Callable[..., None]) -> None:
    app = make_app(tuile)
    kind(tuile, app)
    held: list[Any] = []

    @app.route("/show/<int:n>")
    def show(n: int) -> str:
        cookies: Any = tuile.cookies
        held.append(cookies._get_current_object())
        return "shown"

    Server(app).two_requests("/show/5")
    assert dict(held[0]) == {"who": "one"}


def test_a_request_made_by_hand_keeps_what_its_environ_said() -> None:
    def program(lib: Any) -> Any:
        environ = environ_of("one", "/by/hand")
        request = lib.Request(environ)
        environ.update(environ_of("another", "/next", REQUEST_METHOD="POST"))
        # The headers are a view of the environ, which is seen to change.
        return [*look(lib, request)[:6], request.headers["X-Who"], request.remote_addr, request.args["who"]]

    same(program)


def test_a_session_that_is_first_touched_late_is_the_visitors_own() -> None:
    app = make_app(tuile, SECRET_KEY="key")
    held: list[Any] = []

    @app.route("/login")
    def login() -> str:
        tuile.session["who"] = "one"
        return "in"

    @app.route("/")
    def show() -> str:
        held.append(part(tuile, "globals").request_ctx._get_current_object())
        return "shown"

    client = app.test_client()
    client.get("/login")
    cookie = client.get_cookie("session")
    assert cookie is not None
    server = Server(app)
    server.ask(make_environ("/", HTTP_COOKIE=f"session={cookie.value}"))
    server.finish()
    assert dict(held[0].session) == {"who": "one"}


# What nobody holds is not computed.


def set_cookie() -> str:
    tuile.cookies.set("a", "b")
    return tuile.request.cookies.get("b", "none")


def ask(app: Any, path: str, query: str = "") -> None:
    """Send a request whose answer is of no interest."""
    list(app(make_environ(path, QUERY_STRING=query), lambda status, headers, exc_info=None: None))


def make_ordinary_app(kind: Callable[..., None] = plain) -> Flask:
    app = make_app(tuile, SECRET_KEY="key")
    kind(tuile, app)
    shared = tuile.Response("made before")
    views: dict[str, Callable[..., Any]] = {
        "/text": lambda: "text",
        "/json": lambda: {"a": 1},
        "/response": lambda: tuile.Response("text"),
        "/shared": lambda: shared,
        "/tuple": lambda: ("text", 201, {"X-A": "b"}),
        "/session": lambda: str(tuile.session.setdefault("a", 1)),
        "/redirect": lambda: tuile.redirect("/text"),
        "/url": lambda: tuile.url_for("/user", name="a"),
        "/user/<name>": lambda name: f"{name} {tuile.request.path} {tuile.request.args} {tuile.request.headers}",
        "/cookie": set_cookie,
        "/g": lambda: tuile.g.setdefault("a", "b"),
        "/form": lambda: dict(tuile.request.form),
        "/template": lambda: tuile.render_template_string("{{ request.path }}"),
        "/abort": lambda: tuile.abort(403),
        "/app_ctx": lambda: str(len(vars(part(tuile, "globals").app_ctx._get_current_object()))),
    }
    for rule, view in views.items():
        app.add_url_rule(rule, rule.partition("/<")[0], view, methods=["GET", "POST"])
    return app


@pytest.mark.parametrize(
    "path",
    [
        *("/text", "/json", "/response", "/shared", "/tuple", "/session", "/redirect", "/url", "/user/a?b=c"),
        *("/cookie", "/g", "/form", "/template", "/nowhere", "/app_ctx"),
    ],
)
@pytest.mark.parametrize("kind", [plain, with_hooks], ids=lambda kind: kind.__name__)
def test_nothing_is_kept_of_a_request_that_nobody_holds(path: str, kind: Callable[..., None]) -> None:
    app = make_ordinary_app(kind)
    path, _, query = path.partition("?")
    ask(app, path, query)
    with mock.patch.object(request_module.Request, "_keep_environ") as keep:
        for _ in range(3):
            ask(app, path, query)
    assert keep.call_count == 0


def test_the_copy_does_not_hold_the_request() -> None:
    held: list[Any] = []
    app = make_app(tuile)

    @app.route("/")
    def show() -> str:
        request: Any = tuile.request
        held.append(request._get_current_object())
        return "shown"

    ask(app, "/")
    assert held[0] not in held[0]._environ_at_end.values()
