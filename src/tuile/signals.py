"""The signals of an application.

Each is sent by the module that performs the event. Senders check ``signal.receivers`` first, so that a signal without
receivers costs nothing.
"""

from __future__ import annotations

import typing as t
from inspect import CO_COROUTINE, iscoroutinefunction
from types import FunctionType

from blinker import Namespace, Signal

from .flask_names import offer_flasks_names

if t.TYPE_CHECKING:
    from collections.abc import Callable

    Wrapper: t.TypeAlias = Callable[..., Callable[..., object]]

# A namespace of its own, so that an application's signal "request-started" is a different one.
_signals = Namespace()

_stock_send = Signal.send


def send_signal(signal: Signal, sender: object, wrapper: Wrapper, /, **values: object) -> None:
    """Send a signal, as its method does.

    Args:
        signal: The signal.
        sender: The application.
        wrapper: Makes a function of a receiver that is a coroutine function.
        values: What the receivers are given.
    """
    if type(signal).send is not _stock_send or "send" in vars(signal):
        signal.send(sender, _async_wrapper=wrapper, **values)
    elif not signal.is_muted:
        for receiver in signal.receivers_for(sender):
            # Most are plain functions, without attributes that may mark them.
            if type(receiver) is FunctionType and not (receiver.__code__.co_flags & CO_COROUTINE or receiver.__dict__):
                receiver(sender, **values)
            elif iscoroutinefunction(receiver):
                wrapper(receiver)(sender, **values)
            else:
                receiver(sender, **values)


before_render_template = _signals.signal("before-render-template")
template_rendered = _signals.signal("template-rendered")
request_started = _signals.signal("request-started")
request_finished = _signals.signal("request-finished")
request_tearing_down = _signals.signal("request-tearing-down")
got_request_exception = _signals.signal("got-request-exception")
appcontext_pushed = _signals.signal("appcontext-pushed")
appcontext_tearing_down = _signals.signal("appcontext-tearing-down")
appcontext_popped = _signals.signal("appcontext-popped")
message_flashed = _signals.signal("message-flashed")

# Not Flask's: what happens to sessions on the server. Each has the arguments `handle` and `user`.
#: A request and another one have changed the same key, and one change is lost; with `keys`.
session_conflict = _signals.signal("session-conflict")
#: What a request changed was not saved, because the session had ended meanwhile.
session_gone = _signals.signal("session-gone")
#: A secret was used that had been replaced: the cookie may have been stolen.
session_replayed = _signals.signal("session-replayed")

# Not Flask's either, but Quart's: those of requests, for WebSockets.
websocket_started = _signals.signal("websocket-started")
websocket_finished = _signals.signal("websocket-finished")
websocket_tearing_down = _signals.signal("websocket-tearing-down")
got_websocket_exception = _signals.signal("got-websocket-exception")

offer_flasks_names(__name__)
