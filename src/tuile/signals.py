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

offer_flasks_names(__name__)
