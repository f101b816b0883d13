"""The moments of a request and of an application that other code can listen to.

Floor 1, text and bytes.

Here live the ten signal objects and the namespace that made them. Sending them does not: each is sent by the
room in which its moment happens, guarded by ``if signal.receivers`` so that a signal nobody listens to is free.
"""

from __future__ import annotations

from blinker import Namespace

# A name in blinker is unique per namespace, so an application's own "request-started" never meets this one.
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
