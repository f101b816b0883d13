"""The signals of an application.

Each is sent by the module that performs the event. Senders check ``signal.receivers`` first, so that a signal without
receivers costs nothing. The fast path, which would check six of them for each request, checks `heard` before.
"""

from __future__ import annotations

import typing as t
from inspect import CO_COROUTINE, iscoroutinefunction
from types import FunctionType
from weakref import ref

from blinker import NamedSignal, Namespace, Signal
from blinker.base import ANY_ID

from .flask_names import offer_flasks_names
from .invalidation import as_defined, invalidate

if t.TYPE_CHECKING:
    from collections.abc import Callable

    Wrapper: t.TypeAlias = Callable[..., Callable[..., object]]

# A namespace of its own, so that an application's signal "request-started" is a different one.
_signals = Namespace()

_stock_send, _stock_receivers_for = as_defined(Signal, "send"), as_defined(Signal, "receivers_for")

_set_item = dict.__setitem__  # `super()` would take most of the time

#: The names of the signals that have ever had a receiver. None is removed: then the receivers are looked at.
heard: set[str] = set()


def _hear(name: str) -> None:
    """Record that a signal has a receiver."""
    if name not in heard:
        heard.add(name)
        # A plan may rely on it that a request is not heard.
        invalidate()


# What stands among the receivers of a signal whose `send` was replaced. No sender is connected with it.
_SEND = "send"


def _ignore(sender: object, **values: object) -> None:
    """Receive nothing: a signal with a `send` of its own is sent by that."""


class _Receivers(dict[t.Any, t.Any]):
    """The receivers of a signal, which is `heard` before it has the first."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __setitem__(self, key: object, receiver: object) -> None:
        if self._name not in heard:
            _hear(self._name)
        _set_item(self, key, receiver)


class _Signal(NamedSignal):
    """A signal that is `heard` from when its receivers or its method `send` are replaced, as a test does."""

    def __setattr__(self, name: str, value: object) -> None:
        # The constructor sets the name last.
        if name == "receivers" and hasattr(self, "name"):
            _hear(self.name)
        super().__setattr__(name, value)
        if name == "send":
            # For those who look whether anyone hears it.
            self.receivers[_SEND] = _ignore

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if name == "send":
            self.receivers.pop(_SEND, None)

    def __reduce__(self) -> tuple[object, ...]:
        # Unpickled and copied as one of blinker's, whose name this class has.
        return NamedSignal.__new__, (NamedSignal,), vars(self)


# The repr of a signal shows them.
_Signal.__name__ = _Signal.__qualname__ = NamedSignal.__name__
_Signal.__module__ = NamedSignal.__module__


def _signal(name: str) -> NamedSignal:
    # Of this class from the start: the attributes of an object whose class was changed are read slowly on CPython 3.11.
    signal = _signals[name] = _Signal(name)
    object.__setattr__(signal, "receivers", _Receivers(name))
    return signal


# What is sent in place of a signal, by its name.
_instead: dict[str | None, NamedSignal] = {}


def send_instead(signal: NamedSignal, other: NamedSignal) -> None:
    """Send something else in place of a signal from now on: what a test has put into the module of Flask that sends it.

    Args:
        signal: The signal.
        other: What has a method `send`, such as a mock; the signal itself, to send it again.
    """
    if other is not signal:
        _instead[signal.name] = other
        signal.receivers[_SEND] = _ignore
    elif _instead.pop(signal.name, None) is not None and "send" not in vars(signal):
        signal.receivers.pop(_SEND, None)


def send_signal(signal: Signal, sender: object, wrapper: Wrapper, /, **values: object) -> None:
    """Send a signal, as its method does.

    Args:
        signal: The signal.
        sender: The application.
        wrapper: Makes a function of a receiver that is a coroutine function.
        values: What the receivers are given.
    """
    kind, own = type(signal), vars(signal)
    if _instead or kind.send is not _stock_send or "send" in own:
        _instead.get(own.get("name"), signal).send(sender, _async_wrapper=wrapper, **values)
    elif signal.is_muted:
        return
    elif kind.receivers_for is not _stock_receivers_for or "receivers_for" in own:
        for one in signal.receivers_for(sender):
            _call(one, sender, wrapper, values)
    else:
        # What the generator `receivers_for` does. Each receiver is looked up when its turn comes: one before it may
        # have disconnected it.
        by_sender, receivers = signal._by_sender, signal.receivers
        everyones = by_sender[ANY_ID]
        for number in everyones | by_sender[id(sender)] if id(sender) in by_sender else everyones.copy():
            known = receivers.get(number)
            receiver = known() if isinstance(known, ref) else known
            if receiver is None:
                if known is not None:
                    signal._disconnect(number, ANY_ID)
                continue
            # Most are plain functions, without attributes that may mark them.
            if type(receiver) is FunctionType and not (receiver.__code__.co_flags & CO_COROUTINE or receiver.__dict__):
                receiver(sender, **values)
            else:
                _call(receiver, sender, wrapper, values)


def _call(receiver: Callable[..., object], sender: object, wrapper: Wrapper, values: dict[str, object]) -> None:
    """Call a receiver that may be a coroutine function."""
    if iscoroutinefunction(receiver):
        receiver = wrapper(receiver)
    receiver(sender, **values)


before_render_template = _signal("before-render-template")
template_rendered = _signal("template-rendered")
request_started = _signal("request-started")
request_finished = _signal("request-finished")
request_tearing_down = _signal("request-tearing-down")
got_request_exception = _signal("got-request-exception")
appcontext_pushed = _signal("appcontext-pushed")
appcontext_tearing_down = _signal("appcontext-tearing-down")
appcontext_popped = _signal("appcontext-popped")
message_flashed = _signal("message-flashed")

# Not Flask's: what happens to sessions on the server. Each has the arguments `handle` and `user`.
#: A request and another one have changed the same key, and one change is lost; with `keys`.
session_conflict = _signal("session-conflict")
#: What a request changed was not saved, because the session had ended meanwhile.
session_gone = _signal("session-gone")
#: A secret was used that had been replaced: the cookie may have been stolen.
session_replayed = _signal("session-replayed")

# Not Flask's either, but Quart's: those of requests, for WebSockets.
websocket_started = _signal("websocket-started")
websocket_finished = _signal("websocket-finished")
websocket_tearing_down = _signal("websocket-tearing-down")
got_websocket_exception = _signal("got-websocket-exception")


#: The signals of a request that is answered without an error.
OF_REQUESTS = frozenset(
    signal.name
    for signal in (
        request_started,
        request_finished,
        request_tearing_down,
        appcontext_pushed,
        appcontext_tearing_down,
        appcontext_popped,
    )
)


def is_end_heard() -> bool:
    """Return whether the end of a request or of its app context has a receiver."""
    return bool(request_tearing_down.receivers or appcontext_tearing_down.receivers or appcontext_popped.receivers)


offer_flasks_names(__name__)
