"""Measure requests with sessions on the server, beside Flask with Flask-Session, in one process and interleaved.

    make bench-sessions

Each number is of one whole request in process: the session is read and written, only read, or not touched though its
cookie came. Minima and medians of many short turns, one framework after the other, so that a busy machine slows both
down. A Redis is started for the measurement.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.stores.servers import redis_server

CONTENT = {
    "_user_id": "ada",
    "csrf": "0123456789abcdef" * 2,
    "theme": "dark",
    "lang": "en",
    "n": 5,
    "basket": [1, 2, 3],
}
TURNS, EACH = 60, 10


class Caller:
    """Send requests to an application, with the cookie of its session."""

    def __init__(self, framework: Any, configure: Callable[[Any], None]) -> None:
        app = framework.Flask("measured", static_folder=None)
        configure(app)
        session = framework.session

        def write() -> str:
            session["n"] = session["n"] + 1
            return "written"

        app.add_url_rule("/begin", "begin", lambda: str(session.update(CONTENT)))
        app.add_url_rule("/write", "write", write)
        app.add_url_rule("/read", "read", lambda: str(session["n"]))
        app.add_url_rule("/nothing", "nothing", lambda: "nothing")
        self.app = app
        self.headers: list[tuple[str, str]] = []
        self.cookie = ""
        self.call("/begin")
        self.cookie = next(value for name, value in self.headers if name == "Set-Cookie").partition(";")[0]

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Any:
        """Take the status and the headers."""
        assert status.startswith("200"), status
        self.headers = headers

    def call(self, path: str, cookie: bool = True) -> None:
        """Send one request."""
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "SCRIPT_NAME": "",
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "localhost",
            "wsgi.url_scheme": "http",
            "wsgi.input": None,
            "wsgi.errors": sys.stderr,
        }
        if cookie and self.cookie:
            environ["HTTP_COOKIE"] = self.cookie
        body = self.app(environ, self.start)
        for _ in body:
            pass
        if hasattr(body, "close"):
            body.close()


def turn(caller: Caller, path: str, cookie: bool = True) -> float:
    """Return the microseconds of one request, over a short turn."""
    began = time.perf_counter()
    for _ in range(EACH):
        caller.call(path, cookie)
    return (time.perf_counter() - began) / EACH * 1e6


def measured(callers: dict[str, Caller], path: str) -> dict[str, list[float]]:
    """Return the turns of each caller, taken one after the other."""
    found: dict[str, list[float]] = {name: [] for name in callers}
    for _ in range(TURNS):
        for name, caller in callers.items():
            found[name].append(turn(caller, path))
    return found


def main() -> None:
    """Print a table for each store that can be measured here."""
    argparse.ArgumentParser(description="Measure sessions on the server beside Flask-Session.").parse_args()
    flask, tuile = import_module("flask"), import_module("tuile")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        url = servers.enter_context(redis_server(folder))
        cache = import_module("cachelib.file").FileSystemCache(f"{folder}/files", threshold=0)
        redis = import_module("redis").Redis.from_url(url)

        def theirs(**config: Any) -> Callable[[Any], None]:
            def configure(app: Any) -> None:
                app.config.update(config)
                import_module("flask_session").Session(app)

            return configure

        def ours(store: str) -> Callable[[Any], None]:
            return lambda app: app.config.update(SESSION_STORE=store, SESSION_TIMEOUT=30)

        kinds = {
            "Redis": (theirs(SESSION_TYPE="redis", SESSION_REDIS=redis), ours(url)),
            "files, SQLite": (
                theirs(SESSION_TYPE="cachelib", SESSION_CACHELIB=cache),
                ours(f"sqlite:///{folder}/sessions.db"),
            ),
        }
        for kind, (their_way, our_way) in kinds.items():
            callers = {"Flask-Session": Caller(flask, their_way), "Tuile": Caller(tuile, our_way)}
            print(f"{kind:<16}{'Flask-Session µs: min, median':>32}{'Tuile µs':>18}{'ratio':>14}")
            for path, what in (("/write", "read and written"), ("/read", "read"), ("/nothing", "not touched")):
                turns = measured(callers, path)
                (a, b), (c, d) = ((min(one), statistics.median(one)) for one in turns.values())
                print(f"  {what:<30}{a:8.0f}{b:8.0f}{c:10.0f}{d:8.0f}{a / c:10.1f}{b / d:6.1f}")
            one = callers["Tuile"]
            without = min(turn(one, "/nothing", cookie=False) for _ in range(TURNS))
            with_it = min(turn(one, "/nothing") for _ in range(TURNS))
            print(f"  not touched, with a cookie: {with_it / without:.2f} times the same request without one")


if __name__ == "__main__":
    main()
