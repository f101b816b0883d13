"""Count the machine instructions of one warm request, by kind of request, with valgrind's callgrind.

Every row runs in one process, in blocks of requests between two dumps, so that starting Python, importing and warming
up are in no figure. A block ends where the program calls `os.getppid`, which nothing else calls. A row is the median of
its blocks.

Usage: `python benchmarks/instructions.py [--source SRC] [--json FILE]`; SRC is the folder to import tuile from.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REQUESTS = 50
BLOCKS = 4
WARM_UP_REQUESTS = 300
_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _environ(path: str, cookie: str | None = None) -> dict[str, Any]:
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8000",
        "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "HTTP_ACCEPT_ENCODING": "gzip, deflate, br, zstd",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if cookie is not None:
        environ["HTTP_COOKIE"] = cookie
    return environ


def _make_app(**settings: Any) -> Any:
    import tuile  # noqa: PLC0415 - in the measured process only

    app = tuile.Flask("instructions", static_folder=None)
    app.config.update(settings)

    @app.get("/")
    def hello() -> str:
        return "Hello, World!"

    @app.get("/users/<int:user_id>/<name>")
    def user(user_id: int, name: str) -> dict[str, Any]:
        return {"id": user_id, "name": name, "active": True, "roles": ["reader", "writer"]}

    @app.get("/cookie")
    def cookie() -> Any:
        response = tuile.make_response(tuile.request.cookies["theme"])
        response.set_cookie("theme", "light", max_age=3600, secure=True, httponly=True, samesite="Lax")
        return response

    @app.get("/read")
    def read() -> str:
        return str(tuile.session["count"])

    @app.get("/write")
    def write() -> str:
        tuile.session["count"] = tuile.session.get("count", 0) + 1
        return str(tuile.session["count"])

    @app.get("/build")
    def build() -> str:
        return tuile.url_for("user", user_id=42, name="ada")

    return app


def _with_hooks() -> Any:
    app = _make_app()
    for _ in range(3):
        app.before_request(lambda: None)
        app.after_request(lambda response: response)
    return app


def _session_cookie(app: Any) -> str:
    sent: list[tuple[str, str]] = []
    list(app(_environ("/write"), lambda _status, headers: sent.extend(headers)))
    return next(value for name, value in sent if name == "Set-Cookie").partition(";")[0]


def _rows() -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Yield the name of each row, the application and the environ to call it with."""
    plain, keyed = _make_app(), _make_app(SECRET_KEY="a key of enough characters 0123456789")
    cookie = _session_cookie(keyed)
    yield "hello", plain, _environ("/")
    yield "JSON", plain, _environ("/users/42/ada")
    yield "cookie", plain, _environ("/cookie", "consent=yes; theme=dark; lang=en-GB")
    yield "session read", keyed, _environ("/read", cookie)
    yield "session read and write", keyed, _environ("/write", cookie)
    yield "404", plain, _environ("/no/such/page")
    yield "hooks 3+3", _with_hooks(), _environ("/")
    yield "url_for", plain, _environ("/build")
    yield "session key, no cookie", keyed, _environ("/")
    yield "hello by a step of its own", _by_steps(), _environ("/")
    yield "hello with TRUSTED_HOSTS", _make_app(TRUSTED_HOSTS=["127.0.0.1"]), _environ("/")


def _by_steps() -> Any:
    app = _make_app()
    original = app.full_dispatch_request
    app.full_dispatch_request = lambda: original()  # noqa: PLW0108 - a function of the app's own
    return app


def _ask(app: Callable[..., Any], environ: dict[str, Any], times: int) -> None:
    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None: ...

    for _ in range(times):
        for _part in app(environ.copy(), start_response):
            pass


def _run(only: list[str]) -> None:
    """Send the requests: what valgrind runs."""
    import gc  # noqa: PLC0415 - in the measured process only

    names = []
    gc.disable()
    rows = [row for row in _rows() if not only or row[0] in only]
    for name, app, environ in rows:
        names.append(name)
        _ask(app, environ, WARM_UP_REQUESTS)
    for _, app, environ in rows:
        _ask(app, environ, 20)
        for _ in range(BLOCKS):
            os.getppid()
            _ask(app, environ, REQUESTS)
        os.getppid()
    print(json.dumps(names))


def measure(source: str, only: list[str] | None = None) -> dict[str, int]:
    """Return the instructions of one warm request by row, of the package in a folder.

    Args:
        source: The folder to import tuile from.
        only: The rows to measure; all by default.

    Raises:
        RuntimeError: valgrind is not installed, or could not run this Python.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise RuntimeError("valgrind is not installed")
    with tempfile.TemporaryDirectory() as folder:
        command = [valgrind, "--tool=callgrind", "--dump-before=os_getppid", f"--callgrind-out-file={folder}/out"]
        environment = {**os.environ, "PYTHONPATH": source, "PYTHONHASHSEED": "0"}
        done = subprocess.run(
            [*command, sys.executable, os.path.abspath(__file__), "--run", *(f"--only={row}" for row in only or ())],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        names = json.loads(done.stdout)
        totals = {}
        for file in os.listdir(folder):
            number = re.fullmatch(r"out\.(\d+)", file)
            if number:
                with open(os.path.join(folder, file), encoding="utf-8", errors="replace") as dump:
                    found = re.search(r"^(?:summary|totals): (\d+)", dump.read(), re.MULTILINE)
                totals[int(number[1])] = int(found[1]) if found else 0
    # The dump before the n-th call of `getppid` has what was executed since the one before.
    blocks = [totals[number] for number in sorted(totals)]
    per_row = BLOCKS + 1
    if len(blocks) < per_row * len(names):
        raise RuntimeError(f"valgrind wrote {len(blocks)} dumps, not {per_row * len(names)}: it cannot see os_getppid")
    return {
        name: round(statistics.median(blocks[row * per_row + 1 : (row + 1) * per_row]) / REQUESTS)
        for row, name in enumerate(names)
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", action="append", help="the folder to import tuile from; twice to compare")
    parser.add_argument("--only", action="append", help="a row to measure; all by default")
    parser.add_argument("--json", help="write the figures to this file")
    parser.add_argument("--run", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        _run(options.only or [])
        return
    sources = options.source or [os.path.join(_ROOT, "src")]
    figures = [measure(os.path.abspath(source), options.only) for source in sources]
    print(f"{'instructions per warm request':32}" + "".join(f"{os.path.relpath(source):>24}" for source in sources))
    for name, first in figures[0].items():
        others = "".join(f"{each[name]:>15,} ({each[name] / first:.3f})" for each in figures[1:])
        print(f"{name:32}{first:>24,}{others}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(figures[-1], file, indent=2)


if __name__ == "__main__":
    main()
