"""Run one program on Flask and on Tuile and compare the results: the basis of the differential tests.

A program is a function that takes a framework's module, `flask` or `tuile`, and returns what can be observed. `same`
runs it on both, fails if the observations differ, and returns the observation.
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
from tuile.shim.table import TUILE_MODULES

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

# A value for `make_environ` that removes a key.
ABSENT: Any = object()


class Answer(NamedTuple):
    """An application's response to one request."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def code(self) -> int:
        """The status code."""
        return int(self.status.split()[0])

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


def make_environ(path: str = "/", **changes: Any) -> Environ:
    """Return a WSGI environ as a server creates it.

    Args:
        path: The value of PATH_INFO, as a server encodes it.
        changes: Keys to set, or to remove where the value is ABSENT. `wsgi_input` means `wsgi.input`, and so on.
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
    """Return the WSGI environ of a POST with a body."""
    given: Environ = {"REQUEST_METHOD": "POST", "wsgi_input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    if content_type is not None:
        given["CONTENT_TYPE"] = content_type
    return make_environ(path, **(given | changes))


def make_app(lib: Any, **config: Any) -> Flask:
    """Return an application of a framework, typed as Tuile's, with nothing registered."""
    app: Flask = lib.Flask("beside", static_folder=None)
    app.config.update(config)
    return app


def send(app: Any, environ: Environ | None = None) -> Answer:
    """Call a WSGI application as a server does, close the response, and return it."""
    started: list[tuple[str, list[tuple[str, str]]]] = []
    written: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        started.append((status, list(headers)))
        # A server owns the list, and some modify it.
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
    """Return the value of a header, with Allow sorted: it comes from a set, whose order varies."""
    return ", ".join(sorted(value.split(", "))) if name == "Allow" else value


def outcome(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call a function and return `("returned", value)` or `("raised", name of the type, text)`."""
    try:
        return "returned", function(*args, **kwargs)
    except RecursionError as error:
        # The text of Python's error depends on where it was detected.
        return "raised", type(error).__name__, ""
    except Exception as error:  # noqa: BLE001 - which one is what is compared
        return "raised", type(error).__name__, str(error)


def same(program: Callable[..., Observed], /, *args: Any) -> Observed:
    """Run a program on both frameworks, assert that the observations are equal, and return them."""
    now = time.time()
    # The same time for both: session signatures contain it.
    with mock.patch("time.time", partial(float, now)):
        theirs, ours = program(flask, *args), program(tuile, *args)
    if ours != theirs:
        raise AssertionError(describe_difference(theirs, ours))
    return ours


def describe_difference(theirs: Any, ours: Any) -> str:
    """Describe the first difference between two observations."""
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


class _Modules:
    """The names of one of Flask's modules, from the modules of Tuile that have them."""

    def __init__(self, modules: Iterable[ModuleType]) -> None:
        self._modules = list(modules)

    def __getattr__(self, name: str) -> Any:
        for module in self._modules:
            if hasattr(module, name):
                return getattr(module, name)
        raise AttributeError(name)


def part(lib: Any, name: str) -> Any:
    """Return Flask's module `flask.<name>`, or an object with the same names from Tuile."""
    if lib is flask:
        return importlib.import_module(f"flask.{name}")
    return _Modules(importlib.import_module(module) for module in TUILE_MODULES[f"flask.{name}"])


def assigned_in(function: Callable[..., Any]) -> set[str]:
    """Return the names of the attributes that a method assigns to `self`."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
