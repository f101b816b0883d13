"""The signals of an application.

Each is sent by the module that performs the event. Senders check ``signal.receivers`` first, so that a signal without
receivers costs nothing.
"""

from __future__ import annotations

from blinker import Namespace

from .flask_names import offer_flasks_names

# A namespace of its own, so that an application's signal "request-started" is a different one.
_signals = Namespace()

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
