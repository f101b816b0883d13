"""What type checkers see of every name that `tuile` exports. Checked against the built wheel by `make typing`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import blinker
from typing_extensions import assert_type
from werkzeug.wrappers import Response as BaseResponse

import tuile

app = tuile.Flask(__name__)
blueprint = tuile.Blueprint("shop", __name__, url_prefix="/shop")

assert_type(app, tuile.Flask)
assert_type(blueprint, tuile.Blueprint)
assert_type(app.config, tuile.Config)
assert_type(app.config.get_namespace("SESSION_"), dict[str, Any])
assert_type(app.debug, bool)

# The proxies are what they stand for, so that an editor completes their attributes.
assert_type(tuile.current_app, tuile.Flask)
assert_type(tuile.request, tuile.Request)
assert_type(tuile.request.method, str)
assert_type(tuile.request.args["q"], str)
assert_type(tuile.request.cookies["theme"], str)
assert_type(tuile.request.endpoint, str | None)
assert_type(tuile.request.blueprints, list[str])
assert_type(tuile.websocket.path, str)
assert_type(tuile.websocket.requested_subprotocols, list[str])
assert_type(tuile.websocket.receive(), Any)
assert_type(tuile.has_websocket_context(), bool)
assert_type(tuile.session.permanent, bool)
assert_type(tuile.session.modified, bool)
assert_type(tuile.cookies["theme"], str)
assert_type(tuile.cookies.get("theme"), str | None)
assert_type(tuile.cookies.signed["user"], str)
assert_type(tuile.g.get("user"), Any)

assert_type(tuile.make_response("text", 404), tuile.Response)
assert_type(tuile.jsonify(a=1), tuile.Response)
assert_type(tuile.redirect("/"), BaseResponse)
assert_type(tuile.is_safe_redirect(tuile.request.args.get("next")), bool)
assert_type(tuile.url_for("static", filename="style.css"), str)
assert_type(tuile.send_file("a.txt"), tuile.Response)
assert_type(tuile.send_from_directory("static", "a.txt"), tuile.Response)
assert_type(tuile.render_template("page.html", a=1), str)
assert_type(tuile.render_template_string("{{ a }}", a=1), str)
assert_type(tuile.stream_template("page.html"), Iterator[str])
assert_type(tuile.stream_template_string("{{ a }}"), Iterator[str])
assert_type(tuile.get_template_attribute("page.html", "macro"), Any)
assert_type(tuile.has_app_context(), bool)
assert_type(tuile.has_request_context(), bool)
assert_type(tuile.json.dumps({"a": 1}), str)
assert_type(tuile.json.loads("{}"), Any)
assert_type(tuile.get_flashed_messages(), list[str] | list[tuple[str, str]])
assert_type(tuile.flash("saved"), None)

for signal in (
    tuile.appcontext_popped,
    tuile.appcontext_pushed,
    tuile.appcontext_tearing_down,
    tuile.before_render_template,
    tuile.got_request_exception,
    tuile.got_websocket_exception,
    tuile.message_flashed,
    tuile.request_finished,
    tuile.request_started,
    tuile.request_tearing_down,
    tuile.template_rendered,
    tuile.websocket_finished,
    tuile.websocket_started,
    tuile.websocket_tearing_down,
):
    assert_type(signal, blinker.NamedSignal)


def refuse() -> NoReturn:
    tuile.abort(404)


def background(text: str) -> int:
    return len(text)


assert_type(tuile.copy_current_request_context(background)("text"), int)
assert_type(tuile.copy_current_websocket_context(background)("text"), int)


@tuile.after_this_request
def add_header(response: tuile.Response) -> tuile.Response:
    response.set_cookie("theme", "dark", max_age=60, secure=True, httponly=True, samesite="Lax")
    assert_type(response.status_code, int)
    return response


def chunks() -> Iterator[str]:
    yield "a"


assert_type(tuile.stream_with_context(chunks()), Iterator[str])
assert_type(tuile.sse(chunks()), tuile.Response)
assert_type(tuile.ServerSentEvent("text", id="1").id, str | None)
assert_type(tuile.request.last_event_id, str | None)


def headers_of(response: tuile.Response) -> Mapping[str, str]:
    return dict(response.headers)
