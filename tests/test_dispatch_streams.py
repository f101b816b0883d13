"""Bodies in pieces: iterators of every kind are sent as Flask sends them, with few calls for each piece."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.wrappers import Response as WerkzeugResponse

import tuile
from tests.beside_flask import make_app, make_environ, outcome, same, send
from tests.costs import entered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Text(str):
    """A text of a class of its own."""

    __slots__ = ()


PIECES: list[Any] = ["a", b"b", "\xe9\u20ac\U0001f600", "", b"", Text("own"), bytearray(b"array"), memoryview(b"view")]


class Pieces:
    """An iterator with a `close`."""

    def __init__(self, log: list[str]) -> None:
        self._rest = iter(PIECES)
        self._log = log

    def __iter__(self) -> Pieces:
        return self

    def __next__(self) -> Any:
        return next(self._rest)

    def close(self) -> None:
        self._log.append("closed")


def generate(log: list[str], end: BaseException | None = None) -> Iterator[Any]:
    try:
        yield from PIECES
        if end is not None:
            raise end
    finally:
        log.append("closed")


def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
    return lambda part: None


def note_start(started: list[Any], status: str, headers: list[Any], exc_info: Any = None) -> Callable[[bytes], object]:
    started.append((status, headers))
    return start(status, headers)


ITERATORS: dict[str, Callable[[list[str]], Any]] = {
    "generator": generate,
    "expression": lambda log: (piece for piece in PIECES),
    "empty": lambda log: (piece for piece in PIECES[:0]),
    "list": lambda log: iter(PIECES),
    "tuple": lambda log: iter(tuple(PIECES)),
    "set": lambda log: iter({"one"}),
    "dict": lambda log: iter({"one": 1}),
    "keys": lambda log: reversed(["one", "two"]),
    "map": lambda log: map(str.upper, "abc"),
    "filter": lambda log: filter(None, PIECES),
    "chain": lambda log: itertools.chain(["a"], generate(log)),
    "slice": lambda log: itertools.islice(generate(log), 3),
    "zip": lambda log: zip("ab", "cd", strict=True),
    "numbers": lambda log: iter([1, "a", None]),
    "text": lambda log: iter("text"),
    "own": Pieces,
    "raises": lambda log: generate(log, ValueError("in the middle")),
    "raises to pass": lambda log: generate(log, RuntimeError("StopIteration")),
    "leaves": lambda log: generate(log, GeneratorExit()),
    "surrogate": lambda log: (text for text in ("a", "\ud800")),
}


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    "how", ["returned", "response", "typed", "status", "passed through", "closes", "tuple", "headers"]
)
@pytest.mark.parametrize("name", ITERATORS)
def test_every_iterator_is_sent_as_on_flask(name: str, how: str, method: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        log: list[str] = []

        def view() -> Any:
            pieces = ITERATORS[name](log)
            if how == "returned":
                return pieces
            if how == "tuple":
                return pieces, 201, {"X-One": "1"}
            response = lib.Response(
                pieces,
                mimetype="text/event-stream" if how == "typed" else None,
                status=404 if how == "status" else None,
                direct_passthrough=how == "passed through",
                headers={"X-One": "1", "Location": "/\xfc?a=b c"} if how == "headers" else None,
            )
            if how == "closes":
                response.call_on_close(lambda: log.append("on close"))
            return response

        app.add_url_rule("/", "view", view, methods=["GET", "POST"])
        app.teardown_request(lambda error: log.append(f"teardown {error}"))
        found = []
        for _ in range(3):
            started: list[Any] = []
            parts = app(make_environ(REQUEST_METHOD=method), partial(note_start, started))
            read: list[Any] = []
            found.append((ended(read.extend, parts), started, read, hasattr(parts, "close")))
            getattr(parts, "close", int)()
            log.append("end")
            # A later request is served without teardown functions.
            app.teardown_request_funcs.clear()
        return found, log

    same(program)


def ended(function: Callable[..., Any], *arguments: Any) -> Any:
    """The outcome of a call, which may end the program."""
    try:
        return outcome(function, *arguments)
    except BaseException as error:  # noqa: BLE001 - compared
        return type(error).__name__


@pytest.mark.parametrize("name", ["close", "iter_encoded"])
@pytest.mark.parametrize("whose", ["werkzeug's", "subclass", "object"])
def test_a_replaced_method_of_the_response_is_called(name: str, whose: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        log: list[str] = []
        original = getattr(WerkzeugResponse, name)

        def replaced(response: Any) -> Any:
            log.append(name)
            return original(response)

        class Own(lib.Response):  # type: ignore[misc] # the framework's
            pass

        def view() -> Any:
            response = (Own if whose == "subclass" else lib.Response)(generate(log))
            if whose == "object":
                setattr(response, name, lambda: replaced(response))
            return response

        if whose == "subclass":
            setattr(Own, name, replaced)
            app.response_class = Own
        app.add_url_rule("/", "view", view)
        app.add_url_rule("/alone", "alone", lambda: generate(log))
        with monkeypatch.context() as patch:
            for _ in range(2):
                send(app)
                send(app, make_environ("/alone"))
                log.append("end")
                if whose == "werkzeug's":
                    patch.setattr(WerkzeugResponse, name, replaced)
        return log

    same(program)


def test_a_function_registered_after_the_response_was_sent_is_called_at_its_close() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        log: list[str] = []
        kept: list[Any] = []

        def view() -> Any:
            kept.append(lib.Response(generate(log)))
            return kept[-1]

        app.add_url_rule("/", "view", view)
        parts: Any = app(make_environ(), start)
        kept[0].call_on_close(lambda: log.append("late"))
        kept[0].response = Pieces(log)
        parts.close()
        return log

    assert same(program) == ["closed", "late"]


@pytest.mark.parametrize("wrap", [lambda pieces: pieces, tuile.Response])
def test_a_piece_takes_one_call_besides_the_generator(wrap: Any) -> None:
    app = make_app(tuile)
    count = 50
    app.add_url_rule("/", "view", lambda: wrap(b"piece" for _ in range(count)))
    for _ in range(3):
        send(app)
    parts = app(make_environ(), start)
    names = [code.co_name for code in entered(lambda: list(parts))]
    # Once more for the end.
    assert names.count("encoded") == names.count("<genexpr>") == count + 1
    assert len(names) <= 2 * count + 3
