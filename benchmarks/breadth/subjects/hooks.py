"""Functions around a request: hooks, teardown, signals, values of the URL."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.breadth.registry import Subject, f


def _register(app: Any) -> None:
    app.add_url_rule("/", "view", lambda: "text")
    app.add_url_rule("/g", "g", lambda: str(f.g.start))
    app.add_url_rule("/json", "json", lambda: {"id": 1})


SUBJECT = Subject("hooks", _register)
application = SUBJECT.app


def _nothing(*arguments: Any) -> None: ...


def _same(response: Any) -> Any:
    return response


def _several(count: int, *names: str) -> Any:
    def register(app: Any) -> None:
        for _ in range(count):
            for name in names:
                getattr(app, name)(_same if name == "after_request" else _nothing)

    return register


application("1 before_request")(_several(1, "before_request"))
application("3 before_request")(_several(3, "before_request"))
application("1 after_request")(_several(1, "after_request"))
application("3 before and 3 after")(_several(3, "before_request", "after_request"))
application("3 before and 3 after, JSON", "/json")(_several(3, "before_request", "after_request"))
application("20 before and 20 after")(_several(20, "before_request", "after_request"))
application("1 teardown_request")(_several(1, "teardown_request"))
application("5 teardown_request")(_several(5, "teardown_request"))
application("20 teardown_request")(_several(20, "teardown_request"))
application("1 teardown_appcontext")(_several(1, "teardown_appcontext"))
application("5 teardown_appcontext")(_several(5, "teardown_appcontext"))
application("20 teardown_appcontext")(_several(20, "teardown_appcontext"))
application("one of each")(_several(1, "before_request", "after_request", "teardown_request", "teardown_appcontext"))


@application("before_request that answers")
def _(app: Any) -> None:
    app.before_request(lambda: "stopped")


@application("OPTIONS answered by before_request", method="OPTIONS")
def _(app: Any) -> None:
    app.before_request(lambda: app.make_default_options_response() if f.request.method == "OPTIONS" else None)


@application("before_request that aborts with 403")
def _(app: Any) -> None:
    app.before_request(lambda: f.abort(403))


@application("a timer in g", "/g", varies=r"[\d.]+(e-\d+)?")
def _(app: Any) -> None:
    @app.before_request  # type: ignore[untyped-decorator]
    def start() -> None:
        f.g.start = time.perf_counter()

    @app.after_request  # type: ignore[untyped-decorator]
    def stop(response: Any) -> Any:
        response.headers["Server-Timing"] = f"app;dur={time.perf_counter() - f.g.start}"
        return response


@application("security headers on each response")
def _(app: Any) -> None:
    @app.after_request  # type: ignore[untyped-decorator]
    def add(response: Any) -> Any:
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        return response


@application("a user loaded by each request")
def _(app: Any) -> None:
    @app.before_request  # type: ignore[untyped-decorator]
    def load() -> None:
        f.g.user = f.request.cookies.get("user")


@application("a connection in g, closed by teardown", "/data")
def _(app: Any) -> None:
    def connection() -> Any:
        if "db" not in f.g:
            f.g.db = object()
        return f.g.db

    @app.teardown_appcontext  # type: ignore[untyped-decorator]
    def close(error: Any) -> None:
        f.g.pop("db", None)

    app.add_url_rule("/data", "data", lambda: str(connection() is connection()))


@application("hooks of a blueprint", "/admin/")
def _(app: Any) -> None:
    admin = f.Blueprint("admin", "admin", url_prefix="/admin")
    admin.before_request(_nothing)
    admin.after_request(_same)
    admin.teardown_request(_nothing)
    admin.add_url_rule("/", "page", lambda: "text")
    app.register_blueprint(admin)


@application("url_value_preprocessor", "/de/page")
def _(app: Any) -> None:
    @app.url_value_preprocessor  # type: ignore[untyped-decorator]
    def take(endpoint: Any, values: Any) -> None:
        f.g.language = values.pop("language", None) if values else None

    app.add_url_rule("/<language>/page", "page", lambda: str(f.g.language))


def _connected(*names: str) -> Any:
    def register(app: Any) -> None:
        def receive(sender: Any, **values: Any) -> None: ...

        app.extensions["receiver"] = receive
        for name in names:
            getattr(f, name).connect(receive, app)

    return register


application("request_started and request_finished received")(_connected("request_started", "request_finished"))
application("appcontext_pushed received")(_connected("appcontext_pushed"))
_ALL = ("request_started", "request_finished", "request_tearing_down", "appcontext_pushed", "appcontext_tearing_down")
application("all signals of a request received")(_connected(*_ALL, "appcontext_popped"))
