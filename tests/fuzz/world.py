"""One program, running on one framework: what its functions share, and what is observed of them."""

from __future__ import annotations

import gc
import logging
import re
import warnings
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from copy import deepcopy
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from werkzeug.wrappers import Response as WerkzeugResponse

from tests.beside_flask import part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import tzinfo

Step = dict[str, Any]
Program = list[Step]

SITE = Path(__file__).parent / "site"
NAME = "fuzzed"
# Functions that have functions called, which have others called: a teardown that enters a context has itself called.
DEEPEST = 3
# How many actions one step may have: receivers of signals that send signals would take hours.
MOST_ACTIONS = 60

_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
_MODULE = re.compile(r"\b(?:flask|tuile)\.[a-z_.]+(?=\.[A-Z_])")
_MISSING = object()


class World:
    """A program's application on one framework, and everything seen so far."""

    def __init__(self, lib: Any) -> None:
        self.lib = lib
        self.app: Any = None
        self.blueprints: dict[str, Any] = {}
        self.events: list[Any] = []
        self.jar: dict[str, str] = {}
        self.depth = self.threads = self.actions = 0
        self.kept: dict[str, Any] = {}
        self.receivers: dict[str, list[Callable[..., None]]] = {}
        self._undo: list[tuple[Any, str, Any]] = []

    def note(self, word: str, value: Any = None) -> Any:
        """Remember that something happened, with what is to be compared of it."""
        self.events.append((word, describe(value)))

    def module(self, name: str) -> Any:
        """The framework's module of that name."""
        return part(self.lib, name)

    def set_attribute(self, owner: Any, name: str, value: Any) -> None:
        """Set an attribute; on what other applications have too, until the program ends."""
        if isinstance(owner, (type, self.module("sessions").SessionInterface)):
            self._undo.append((owner, name, vars(owner).get(name, _MISSING)))
        setattr(owner, name, value)

    def restore(self) -> list[Any]:
        """Take back what was set on classes; what that came to where it failed."""
        failed = []
        while self._undo:
            owner, name, before = self._undo.pop()
            try:
                if before is not _MISSING:
                    setattr(owner, name, before)
                elif name in vars(owner):
                    delattr(owner, name)
            except Exception as error:  # noqa: BLE001 - which one is what is compared
                failed.append([getattr(owner, "__name__", type(owner).__name__), name, describe(error)])
        return failed


def clean(text: str) -> str:
    """A text without addresses of objects and without the framework's modules."""
    return _MODULE.sub("", _ADDRESS.sub("0x", text))


def describe(value: Any, depth: int = 0) -> Any:
    """What is compared of a value."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return clean(str(value))
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if isinstance(value, BaseException):
        return ("raised", type(value).__name__, "" if isinstance(value, RecursionError) else clean(str(value)))
    if depth < DEEPEST:
        if isinstance(value, WerkzeugResponse):
            return ("response", value.status, sorted(value.headers))
        if isinstance(value, dict):
            return {clean(str(key)): describe(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [describe(item, depth + 1) for item in value]
    return _describe_object(value)


def _describe_object(value: Any) -> str:
    try:
        return f"{type(value).__name__}: {clean(repr(value))}"
    except Exception as error:  # noqa: BLE001 - a repr may fail as well
        return f"{type(value).__name__}: {type(error).__name__}: {clean(str(error))}"


class _IsDatetime(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


@contextmanager
def _clocks_at(now: float) -> Iterator[None]:
    """Stop the clocks of the modules that have taken `datetime` or `time` from their modules."""

    class Stopped(datetime, metaclass=_IsDatetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override] # of the usual class
            return datetime.fromtimestamp(now, tz)

    with ExitStack() as patches:
        for module in ("flask.sessions", "werkzeug.http", "tuile.sessions.plain", "tuile.sessions.interface"):
            patches.enter_context(mock.patch(f"{module}.datetime", Stopped))
        patches.enter_context(mock.patch("werkzeug.utils.time", partial(float, now)))
        yield


class _Records(logging.Handler):
    """Log records become events."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.world.note("logged", [record.levelname, record.getMessage(), error])


def run_program(lib: Any, program: Program, run_step: Callable[[World, Step], Any], now: float) -> list[Step]:
    """Run a program on a framework; what was observed, step by step.

    now: the time that it is meanwhile; sessions are signed with the second.
    """
    try:
        # A copy, because applications change the values that they are given.
        return copy_context().run(_run_program, lib, deepcopy(program), run_step, now)
    finally:
        if any(word in repr(program) for word in ("'clear'", "'pop'", "'popitem'", "'del'", "pop'")):
            # An application without its settings is not to be looked at when the next program patches a class.
            gc.collect()


def _run_program(lib: Any, program: Program, run_step: Callable[[World, Step], Any], now: float) -> list[Step]:
    world = World(lib)
    observed: list[Step] = []
    handler = _Records(world)
    root = logging.getLogger()
    before, root.handlers = root.handlers, [handler]

    def show(message: Any, category: type[Warning], *_: Any, **__: Any) -> None:
        # When an object that nobody has closed is collected is not the framework's choice.
        if category is not ResourceWarning:
            world.note("warned", [category.__name__, str(message)])

    try:
        with (
            mock.patch("time.time", partial(float, now)),
            _clocks_at(now),
            # Both frameworks are wanted here; elsewhere an error says which module has imported Flask itself.
            mock.patch("tuile.dispatch.errors.hint_about", return_value=None),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("always")
            warnings.showwarning = show
            for step in program:
                world.events, world.actions = [], 0
                seen = run_step(world, step)
                observed.append({**seen, "events": world.events, "context": _contexts_left(world)})
    finally:
        observed.append({"outcome": world.restore(), "events": []})
        root.handlers = before
        _reset(world)
    return observed


def _contexts_left(world: World) -> tuple[bool, bool]:
    return world.lib.has_request_context(), world.lib.has_app_context()


def _reset(world: World) -> None:
    """Put back what the process keeps: loggers and receivers of signals."""
    logger = logging.getLogger(NAME)
    logger.handlers.clear()
    logger.setLevel(logging.NOTSET)
    signals = world.module("signals")
    for name in SIGNALS:
        getattr(signals, name)._clear_state()


SIGNALS = (
    "request_started",
    "request_finished",
    "request_tearing_down",
    "got_request_exception",
    "appcontext_pushed",
    "appcontext_tearing_down",
    "appcontext_popped",
    "template_rendered",
    "before_render_template",
    "message_flashed",
)
