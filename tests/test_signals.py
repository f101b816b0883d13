"""Signals are sent as by blinker, without its generator."""

from __future__ import annotations

import random
import weakref
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any
from unittest import mock

import blinker
import pytest

import tuile
from tuile.signals import send_signal


class _Gone: ...


class _Receivers:
    """Receivers of every kind, and what they were called with."""

    def __init__(self, signal: Any, senders: list[Any], chance: random.Random) -> None:
        self.signal, self.senders, self.chance = signal, senders, chance
        self.calls: list[Any] = []
        self.kept: list[Any] = []
        for number in range(chance.randrange(5)):
            self._connect(number)

    def _connect(self, number: int) -> None:
        kind = self.chance.choice(
            ["function", "method", "coroutine", "object", "strong", "dead", "disconnects", "connects"]
        )
        sender = self.chance.choice([blinker.ANY, *self.senders])
        receiver = getattr(self, f"_{kind}", self._function)(number)
        self.kept.append(receiver)
        self.signal.connect(receiver, sender, weak=kind != "strong")
        if kind == "dead":
            number_of_it = next(reversed(self.signal.receivers))
            self.signal.receivers[number_of_it] = weakref.ref(_Gone())

    def _function(self, number: int) -> Any:
        def receive(sender: Any, **values: Any) -> None:
            self.calls.append((number, sender.name, values))

        return receive

    def _method(self, number: int) -> Any:
        def receive(this: Any, sender: Any, **values: Any) -> None:
            self.calls.append((number, type(this).__name__, sender.name, values))

        owner = type("Owner", (), {"receive": receive})()
        self.kept.append(owner)
        return owner.receive

    def _coroutine(self, number: int) -> Any:
        async def receive(sender: Any, **values: Any) -> None:
            self.calls.append((number, "awaited", sender.name, values))

        return receive

    def _object(self, number: int) -> Any:
        return type("Caller", (), {"__call__": lambda this, sender, **values: self.calls.append((number, values))})()

    def _disconnects(self, number: int) -> Any:
        def receive(sender: Any, **values: Any) -> None:
            self.calls.append((number, "disconnects"))
            for other in self.kept:
                if other is not receive and callable(other):
                    self.signal.disconnect(other)

        return receive

    def _connects(self, number: int) -> Any:
        def receive(sender: Any, **values: Any) -> None:
            self.calls.append((number, "connects"))
            self.kept.append(self._function(number + 100))
            self.signal.connect(self.kept[-1], sender)

        return receive


def _awaited(function: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        coroutine = function(*args, **kwargs)
        with pytest.raises(StopIteration):
            coroutine.send(None)

    return call


def _by_blinker(signal: Any, sender: Any, **values: Any) -> None:
    signal.send(sender, _async_wrapper=_awaited, **values)


def _by_tuile(signal: Any, sender: Any, **values: Any) -> None:
    send_signal(signal, sender, _awaited, **values)


def _observed(send: Any, seed: int) -> Any:
    chance = random.Random(seed)
    # With an order that is not that of addresses.
    signal: Any = blinker.Namespace().signal("a signal")
    signal.set_class = _Ordered
    signal._by_sender.default_factory = _Ordered
    senders = [SimpleNamespace(name=f"sender {number}") for number in range(2)]
    receivers = _Receivers(signal, senders, chance)
    with ExitStack() as stack:
        if chance.random() < 0.2:
            stack.enter_context(signal.muted())
        if chance.random() < 0.3:
            # Kept, because the number of a receiver is its address.
            receivers.kept.append(receivers._function(50))
            stack.enter_context(signal.connected_to(receivers.kept[-1], senders[0]))
        for sender in (*senders, SimpleNamespace(name="another")):
            send(signal, sender, a=1)
            send(signal, sender)
    return receivers.calls, len(signal.receivers)


class _Ordered(dict[Any, None]):
    """A set in the order in which its elements were added."""

    def add(self, element: Any) -> None:
        self[element] = None

    def discard(self, element: Any) -> None:
        self.pop(element, None)


@pytest.mark.parametrize("start", range(0, 400, 100))
def test_receivers_are_called_as_by_blinker(start: int) -> None:
    for seed in range(start, start + 100):
        assert _observed(_by_tuile, seed) == _observed(_by_blinker, seed)


@pytest.mark.parametrize("name", ["send", "receivers_for"])
@pytest.mark.parametrize("owner", [tuile.request_started, blinker.Signal], ids=["of a signal", "of the class"])
def test_a_patched_method_is_called(name: str, owner: Any) -> None:
    app = tuile.Flask(__name__)
    calls: list[Any] = []

    def instead(*args: Any, **values: Any) -> list[Any]:
        calls.append(values)
        return []

    def receive(sender: Any, **values: Any) -> None:
        calls.append("received")

    with tuile.request_started.connected_to(receive, app), mock.patch.object(owner, name, instead):
        send_signal(tuile.request_started, app, app.ensure_sync)
    assert len(calls) == 1
    assert calls != ["received"]


@pytest.mark.parametrize("is_testing", [False, True])
def test_a_response_in_a_test_is_what_it_is_otherwise(is_testing: bool) -> None:
    app = tuile.Flask(__name__)
    app.config.update(TESTING=is_testing, SECRET_KEY="a key that is long enough for a test")
    app.add_url_rule("/text", "text", lambda: "text")
    app.add_url_rule("/json", "json", lambda: {"a": [1, None]})
    app.add_url_rule("/bytes", "bytes", lambda: b"bytes")
    app.add_url_rule("/session", "session", lambda: str(tuile.session.setdefault("a", 1)))
    client = app.test_client()
    answers = []
    for path in ("/text", "/json", "/bytes", "/session", "/text", "/json", "/session") * 3:
        response = client.get(path)
        answers.append((response.status, sorted(name for name, _ in response.headers), response.data))
    assert [one[2] for one in answers[:4]] == [b"text", b'{"a":[1,null]}\n', b"bytes", b"1"]
    assert answers[:7] != answers[7:14]
    assert answers[7:14] == answers[14:]
    seen: list[Any] = []

    def see(response: Any) -> Any:
        seen.append(response.data)
        return response

    # As a test may: the method is for the time before the first request.
    app.after_request_funcs.setdefault(None, []).append(see)
    assert client.get("/text").data == b"text"
    assert seen == [b"text"]
