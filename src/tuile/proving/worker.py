"""Answer requests for one side of a comparison. This file is run as a program, without Tuile on Flask's side.

It connects to the process that started it, loads the application, and calls it once for each message:

    {"environ": ..., "body": ..., "times": ...}  ->  {"status": ..., "headers": ..., "body": ..., "times_s": ...}
"""

from __future__ import annotations

import io
import os
import sys
import time
import traceback
from multiprocessing.connection import Client

# Instead of `typing.TYPE_CHECKING`: a side imports what the application imports.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from typing import TypedDict

    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

    class Question(TypedDict):
        """One request: the text of its environ, its body, and how often the application is called."""

        environ: dict[str, str]
        body: bytes
        times: int

    class Reply(TypedDict):
        """The response of the first call, and the times of all calls."""

        endpoint: str
        status: str
        headers: list[tuple[str, str]]
        body: bytes
        times_s: list[float]


LONGEST_BODY = 50_000_000


def load(name: str) -> WSGIApplication:
    """Load an application as `flask run` does."""
    from flask.cli import ScriptInfo, load_dotenv  # noqa: PLC0415 - after the connection, so that errors reach it

    if os.environ.get("FLASK_SKIP_DOTENV") not in {"1", "true"}:
        load_dotenv()
    sys.path.insert(0, os.getcwd())
    app: WSGIApplication = ScriptInfo(app_import_path=name or None).load_app()
    return app


def answer(app: WSGIApplication, message: Question) -> Reply:
    """Call the application once, and again for its time if that is wanted."""
    environ, body = message["environ"], message["body"]
    found: Reply = {
        "endpoint": endpoint_of(app, environ, body),
        "status": "",
        "headers": [],
        "body": b"",
        "times_s": [],
    }
    for number in range(message["times"]):
        given = fresh(environ, body)
        start = time.perf_counter()
        status, headers, chunks = call(app, given)
        found["times_s"].append(time.perf_counter() - start)
        if number == 0:
            found["status"], found["headers"], found["body"] = status, headers, chunks
    return found


def fresh(environ: dict[str, str], body: bytes) -> WSGIEnvironment:
    """Return an environ for one call."""
    return {
        **environ,
        "wsgi.version": (1, 0),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def call(app: WSGIApplication, environ: WSGIEnvironment) -> tuple[str, list[tuple[str, str]], bytes]:
    """Call the application as a server does, and read the whole body."""
    started: list[tuple[str, list[tuple[str, str]]]] = []
    written: list[bytes] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], _exc_info: object = None
    ) -> Callable[[bytes], object]:
        started.append((status, headers))
        return written.append

    iterable = app(environ, start_response)
    length = 0
    try:
        for chunk in iterable:
            written.append(chunk)
            length += len(chunk)
            if length > LONGEST_BODY:
                break
    finally:
        close = getattr(iterable, "close", None)
        if close is not None:
            close()
    status, headers = started[-1]
    return status, [(str(name), str(value)) for name, value in headers], b"".join(written)


def endpoint_of(app: WSGIApplication, environ: dict[str, str], body: bytes) -> str:
    """Return the rule that answers a request, or its path if the application has none to show."""
    try:
        rule, _ = vars(app)["url_map"].bind_to_environ(fresh(environ, body)).match(return_rule=True)
    except Exception:  # noqa: BLE001 - no rule, a redirect, or no Flask application
        return environ["PATH_INFO"] if not hasattr(app, "url_map") else "(no rule)"
    return str(rule.rule)


def serve(connection: Connection) -> None:
    """Answer messages until there are no more."""
    try:
        app = load(os.environ.get("TUILE_PROVE_APP", ""))
    except BaseException:  # noqa: BLE001 - whatever the application's module raises, click's errors too
        connection.send({"error": traceback.format_exc()})
        return
    connection.send({"is_tuile": type(sys.modules["flask"]).__module__.startswith("tuile.")})
    while True:
        try:
            message = connection.recv()
        except EOFError:
            return
        try:
            connection.send(answer(app, message))
        except Exception:  # noqa: BLE001 - whatever the application raises
            connection.send({"error": traceback.format_exc()})


if __name__ == "__main__":
    # Not this file's folder, whose modules are Tuile's.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != os.path.dirname(os.path.abspath(__file__))]
    with Client(
        os.environ.pop("TUILE_PROVE_ADDRESS"), authkey=bytes.fromhex(os.environ.pop("TUILE_PROVE_KEY"))
    ) as _one:
        serve(_one)
