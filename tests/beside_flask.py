"""One program, run on Flask and on Tuile: what the differential tests are made of.

A program is a function of a framework's module, `flask` or `tuile`, and returns what can be observed of it. `same` runs
it on both and fails where the observations differ; then the test may look at the observation itself.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import io
import textwrap
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from unittest import mock

import flask

import tuile
from tuile.shim.table import ROOMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

    from tuile import Flask

Observed = TypeVar("Observed")
Environ = dict[str, Any]

# The signals of a request and of its app context.
SIGNALS = (
    "request_started",
    "request_finished",
    "request_tearing_down",
    "got_request_exception",
    "appcontext_pushed",
    "appcontext_tearing_down",
    "appcontext_popped",
)

# A value for `make_environ` that takes a key out.
ABSENT: Any = object()


class Answer(NamedTuple):
    """What an application answered one request with."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def code(self) -> int:
        """The number that the status begins with."""
        return int(self.status.split()[0])

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


def make_environ(path: str = "/", **changes: Any) -> Environ:
    """A WSGI environ as a server makes it; `path` is the text of PATH_INFO, already as the server gives it.

    changes: keys to set, or to take out where the value is ABSENT; `wsgi_input` stands for `wsgi.input`, and so on.
    """
    environ: Environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for key, value in changes.items():
        name = key.replace("wsgi_", "wsgi.", 1) if key.startswith("wsgi_") else key
        environ[name] = value
    return {key: value for key, value in environ.items() if value is not ABSENT}


def make_post(body: bytes, content_type: str | None = None, path: str = "/", **changes: Any) -> Environ:
    """A WSGI environ of a POST with its body."""
    given: Environ = {"REQUEST_METHOD": "POST", "wsgi_input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    if content_type is not None:
        given["CONTENT_TYPE"] = content_type
    return make_environ(path, **(given | changes))


def make_app(lib: Any, **config: Any) -> Flask:
    """An application of a framework, typed as ours, with nothing registered."""
    app: Flask = lib.Flask("beside", static_folder=None)
    app.config.update(config)
    return app


def send(app: Any, environ: Environ | None = None) -> Answer:
    """What a WSGI application answers, called as a server calls it and closed as a server closes it."""
    started: list[tuple[str, list[tuple[str, str]]]] = []
    written: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        started.append((status, list(headers)))
        # A server owns the list that it is given, and some write into it.
        headers.append(("X-Server", "was here"))
        return written.append

    parts = app(make_environ() if environ is None else environ, start_response)
    try:
        written.extend(parts)
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
    status, headers = started[-1]
    return Answer(status, [(name, sort_methods(name, value)) for name, value in headers], b"".join(written))


def sort_methods(name: str, value: str) -> str:
    """A header's value; that of Allow comes from a set, in an order that differs from run to run."""
    return ", ".join(sorted(value.split(", "))) if name == "Allow" else value


def outcome(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """What a call comes to: `("returned", value)`, or `("raised", type's name, text)`."""
    try:
        return "returned", function(*args, **kwargs)
    except RecursionError as error:
        # Python says in which words it was when it noticed.
        return "raised", type(error).__name__, ""
    except Exception as error:  # noqa: BLE001 - which one is what is compared
        return "raised", type(error).__name__, str(error)


def same(program: Callable[..., Observed], /, *args: Any) -> Observed:
    """Run a program on both frameworks and return what was observed, which must be equal."""
    now = time.time()
    # At one moment for both: sessions are signed with the second.
    with mock.patch("time.time", partial(float, now)):
        theirs, ours = program(flask, *args), program(tuile, *args)
    if ours != theirs:
        raise AssertionError(describe_difference(theirs, ours))
    return ours


def describe_difference(theirs: Any, ours: Any) -> str:
    """Where two observations differ first, and how."""
    where = ""
    while True:
        keys: Iterable[Any] = ()
        if isinstance(theirs, dict) and isinstance(ours, dict) and theirs.keys() == ours.keys():
            keys = theirs
        elif isinstance(theirs, (list, tuple)) and isinstance(ours, (list, tuple)) and len(theirs) == len(ours):
            keys = range(len(theirs))
        differing = next((key for key in keys if theirs[key] != ours[key]), None)
        if differing is None:
            return f"at {where or 'the top'}:\non Flask: {theirs!r}\non Tuile: {ours!r}"
        where += f"[{differing!r}]"
        theirs, ours = theirs[differing], ours[differing]


class _Rooms:
    """The names that one of Flask's modules has, in Tuile's rooms."""

    def __init__(self, modules: Iterable[ModuleType]) -> None:
        self._modules = list(modules)

    def __getattr__(self, name: str) -> Any:
        for module in self._modules:
            if hasattr(module, name):
                return getattr(module, name)
        raise AttributeError(name)


def part(lib: Any, name: str) -> Any:
    """Flask's module `flask.<name>`, or the rooms of Tuile that have its names."""
    if lib is flask:
        return importlib.import_module(f"flask.{name}")
    return _Rooms(importlib.import_module(room) for room in ROOMS[f"flask.{name}"])


def assigned_in(function: Callable[..., Any]) -> set[str]:
    """The names of the attributes that a method assigns to its `self`."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
