"""Measure requests with sessions on the server, beside Flask with Flask-Session, in one process and interleaved.

    make bench-sessions [ARGS="redis sqlite --turns 20 --markdown docs/performance.md"]

Each number is of one whole request in process: the session is read and written, only read, or not touched though its
cookie came. Minima and medians of many short turns, one framework after the other, so that a busy machine slows both
down: at least `--turns`, and as many as there is time for. Redis and PostgreSQL are started for the measurement;
PostgreSQL waits for the disk, as it does by default.

A request waits for such a server, and the core of the one that waits may fall asleep meanwhile. To wake it takes as
long as all the rest on some machines, virtual ones above all, and both sides wait for it alike. So requests to servers
are measured a second time with all cores awake: on each there is a process that never waits, of the policy SCHED_IDLE,
which gives the core to anything else at once. `--asleep` leaves this out; other systems than Linux always do.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, nullcontext
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / "benchmarks")]

from measuring.report import provenance, write_section

from tests.stores.servers import postgres_server, redis_server

CONTENT = {
    "_user_id": "ada",
    "csrf": "0123456789abcdef" * 2,
    "theme": "dark",
    "lang": "en",
    "n": 5,
    "basket": [1, 2, 3],
}
#: How long a turn takes at least, in seconds.
TURN_S = 0.0005


class Kind(NamedTuple):
    """A kind of store: what both sides are configured with, and the ratios to reach.

    Attributes:
        theirs: Configures Flask-Session.
        ours: The settings of Tuile.
        goals: The least ratio for each path, by minima and by medians; None for none.
        waits: Whether requests wait for a server.
    """

    theirs: Callable[[Any], None]
    ours: dict[str, Any]
    goals: dict[str, tuple[float | None, float | None]]
    waits: bool = False


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
        #: How many requests make a turn.
        self.each: dict[str, int] = {}

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

    def turn(self, path: str, cookie: bool = True) -> float:
        """Return the microseconds of one request, over a short turn."""
        each = self.each.get(path)
        if each is None:
            for _ in range(5):
                self.call(path, cookie)
            began = time.perf_counter()
            self.call(path, cookie)
            each = self.each[path] = max(int(TURN_S / (time.perf_counter() - began)), 1)
        began = time.perf_counter()
        for _ in range(each):
            self.call(path, cookie)
        return (time.perf_counter() - began) / each * 1e6


@contextmanager
def awake() -> Iterator[None]:
    """Keep all cores awake, with processes that run when nothing else does."""
    code = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])})\nwhile os.getppid() == int(sys.argv[2]): pass"
    idle = os.sched_param(0)
    with ExitStack() as running:
        for core in os.sched_getaffinity(0):
            spinning = subprocess.Popen([sys.executable, "-c", code, str(core), str(os.getpid())])
            running.callback(spinning.wait)
            running.callback(spinning.kill)
            os.sched_setscheduler(spinning.pid, os.SCHED_IDLE, idle)
        yield


def measured(callers: list[Caller], path: str, turns: int, seconds: float) -> list[list[float]]:
    """Return the turns of each caller, taken one after the other."""
    found: list[list[float]] = [[] for _ in callers]
    until = time.perf_counter() + seconds
    while len(found[0]) < turns or time.perf_counter() < until:
        for caller, times in zip(callers, found, strict=True):
            times.append(caller.turn(path))
    return found


def flask_session(**config: Any) -> Callable[[Any], None]:
    """Return what sets up Flask-Session with these settings."""

    def configure(app: Any) -> None:
        app.config.update(config)
        import_module("flask_session").Session(app)

    return configure


def with_sqlalchemy(url: str) -> Callable[[Any], None]:
    """Return what sets up Flask-Session with a database."""

    def configure(app: Any) -> None:
        app.config.update(SQLALCHEMY_DATABASE_URI=url)
        database = import_module("flask_sqlalchemy").SQLAlchemy(app)
        flask_session(SESSION_TYPE="sqlalchemy", SESSION_SQLALCHEMY=database)(app)

    return configure


def kinds_of(names: list[str], folder: str, servers: ExitStack) -> dict[str, Kind]:
    """Return what is measured, and start the servers that it needs."""
    kinds: dict[str, Kind] = {}
    if "redis" in names:
        url = servers.enter_context(redis_server(folder))
        theirs = flask_session(SESSION_TYPE="redis", SESSION_REDIS=import_module("redis").Redis.from_url(url))
        kinds["Redis"] = Kind(theirs, {"SESSION_STORE": url}, {"/write": (3, 2.5), "/read": (6, None)}, waits=True)
    if "sqlite" in names:
        theirs = with_sqlalchemy(f"sqlite:///{folder}/theirs.db")
        ours = {"SESSION_STORE": f"sqlite:///{folder}/ours.db"}
        kinds["SQLite"] = Kind(theirs, ours, {"/read": (50, 50)})
        theirs = with_sqlalchemy(f"sqlite:///{folder}/theirs-too.db")
        ours = {"SESSION_STORE": f"sqlite:///{folder}/durable.db", "SESSION_DURABLE": "machine"}
        kinds["SQLite, each save waits for the disk"] = Kind(theirs, ours, {"/write": (4, 4)})
    if "postgres" in names:
        url = servers.enter_context(postgres_server(fsync=True))
        theirs = with_sqlalchemy(url.replace("postgresql:", "postgresql+psycopg:"))
        kinds["PostgreSQL"] = Kind(theirs, {"SESSION_STORE": url}, {"/read": (10, 10)}, waits=True)
        ours = {"SESSION_STORE": url, "SESSION_DURABLE": "machine", "SESSION_KEY_PREFIX": "durable:"}
        kinds["PostgreSQL, each save waits for the disk"] = Kind(theirs, ours, {"/write": (2.5, 2.5)}, waits=True)
    return kinds


def callers_of(kind: Kind) -> list[Caller]:
    """Return what sends requests to either side."""
    flask, tuile = import_module("flask"), import_module("tuile")
    config = {**kind.ours, "SESSION_TIMEOUT": 30}
    return [Caller(flask, kind.theirs), Caller(tuile, lambda app: app.config.update(config))]


def table_of(kind: Kind, callers: list[Caller], turns: int, seconds: float) -> list[str]:
    """Measure a kind of store, and return the rows of its table."""
    rows = []
    for path, what in (("/write", "read and written"), ("/read", "read"), ("/nothing", "not touched")):
        theirs, ours = measured(callers, path, turns, seconds)
        cells = [f"{pick(times):,.0f}" for times in (theirs, ours) for pick in (min, statistics.median)]
        ratios = []
        for pick, goal in zip((min, statistics.median), kind.goals.get(path, (None, None)), strict=True):
            ratio = pick(theirs) / pick(ours)
            missed = "" if goal is None else f" (≥ {goal:g})" if ratio >= goal else f" (**not ≥ {goal:g}**)"
            ratios.append(f"{ratio:.1f}{missed}")
        rows.append(f"| {what} | {' | '.join((*cells, *ratios))} |")
    ours = callers[1]
    pairs = [(ours.turn("/nothing", cookie=False), ours.turn("/nothing")) for _ in range(20 * turns)]
    without, with_it = (min(times) for times in zip(*pairs, strict=True))
    rows.append(f"\nNot touched, with a cookie: {with_it / without:.2f} times the same request without one (≤ 1.1).")
    return rows


def main() -> None:
    """Print a table for each store."""
    parser = argparse.ArgumentParser(description="Measure sessions on the server beside Flask-Session.")
    parser.add_argument("stores", nargs="*", default=["redis", "sqlite", "postgres"], metavar="STORE")
    parser.add_argument("--turns", type=int, default=60, help="the least number of turns")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each kind of request is measured at least")
    parser.add_argument("--asleep", action="store_true", help="do not measure with all cores awake as well")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the tables into this document")
    given = parser.parse_args()
    head = "| request | Flask-Session µs: min | median | Tuile µs: min | median | ratio by minima | by medians |"
    section = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        for name, kind in kinds_of(given.stores, folder, servers).items():
            callers = callers_of(kind)
            can_be_awake = kind.waits and not given.asleep and hasattr(os, "SCHED_IDLE")
            for how, keeping in (("", nullcontext), (", all cores awake", awake))[: 1 + can_be_awake]:
                with keeping():
                    rows = table_of(kind, callers, given.turns, given.seconds)
                section.append("\n".join([f"**{name}{how}**", "", head, "| --- |" + " ---: |" * 6, *rows, ""]))
                print(section[-1], flush=True)
    if given.markdown is not None:
        packages = ("flask", "flask-session", "redis", "flask-sqlalchemy", "sqlalchemy", "psycopg")
        heading = "## Sessions on the server\n\nOne request in process (`make bench-sessions`), in microseconds."
        about = provenance({name: version(name) for name in packages})
        write_section(given.markdown, "sessions", "\n\n".join([heading, about, *section]))


if __name__ == "__main__":
    main()
