"""A session is saved with any answer as Flask saves it, whether or not a response object is needed for it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from werkzeug import exceptions
from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response as WerkzeugResponse

from tests.beside_flask import make_app, make_environ, outcome, same, send

SHARED = {"X-Shared": "1"}


def _raise(error: Exception) -> None:
    raise error


def _with(response: Any, **headers: str) -> Any:
    for name, value in headers.items():
        response.headers[name.replace("_", "-")] = value
    return response


def _setting(response: Any, *names: str) -> Any:
    for name in names:
        response.set_cookie(name, "1")
    return response


def _deleting(response: Any, name: str) -> Any:
    response.delete_cookie(name)
    return response


def _without_dates(answer: Any) -> Any:
    """Return an answer without when a cookie expires, which both frameworks ask another clock for."""
    if answer[0] != "returned":
        return answer
    headers = [
        (name, re.sub(r"Expires=(?!Thu, 01 Jan 1970)[^;]+", "Expires=later", value))
        for name, value in answer[1].headers
    ]
    return answer[1].status, headers, answer[1].body


def _hearing(response: Any) -> Any:
    """Return a response with a `set_cookie` of its own."""
    set_cookie = response.set_cookie

    def heard(name: str, *args: Any, **kwargs: Any) -> None:
        response.headers["X-Heard"] = name
        set_cookie(name, *args, **kwargs)

    response.set_cookie = heard
    return response


ANSWERS: dict[str, Any] = {
    "text": lambda lib, app: "text",
    "JSON": lambda lib, app: {"a": 1},
    "jsonify": lambda lib, app: lib.jsonify(a=1),
    "redirect": lambda lib, app: lib.redirect("/ü"),
    "made": lambda lib, app: lib.make_response("made", 201),
    "stream": lambda lib, app: (piece for piece in "ab"),
    "stream and headers": lambda lib, app: ((piece for piece in "ab"), 202, {"X-Own": "1"}),
    "tuple": lambda lib, app: ("text", 201, {"X-Own": "1", "Content-Type": "text/plain"}),
    "tuple of JSON": lambda lib, app: ({"a": 1}, 400),
    "tuple of a response": lambda lib, app: (lib.jsonify(a=1), 400, {"X-Own": "1"}),
    "tuple, 204": lambda lib, app: ("", 204),
    "tuple, 304": lambda lib, app: ("", 304),
    "tuple with a cookie": lambda lib, app: ("text", {"Set-Cookie": "a=b; Path=/"}),
    "tuple that varies": lambda lib, app: ("text", {"vary": "Accept"}),
    "tuple of the wrong length": lambda lib, app: ("text", 200, {}, 1),
    "nothing": lambda lib, app: None,
    "Vary: Cookie": lambda lib, app: _with(lib.Response("x"), Vary="Accept, cookie"),
    "Cache-Control": lambda lib, app: _with(lib.Response("x"), Cache_Control="no-store, max-age=0"),
    "Expires": lambda lib, app: _with(lib.Response("x"), Expires="0", cdn_cache_control="no-store"),
    "other headers": lambda lib, app: _with(lib.Response("x"), ETag='"a"', x_own="1", Link="</a>; rel=next"),
    "a cookie": lambda lib, app: _setting(lib.Response("x"), "a", "b"),
    "a cookie deleted": lambda lib, app: _deleting(lib.Response("x"), "a"),
    "set_cookie of its own": lambda lib, app: _hearing(lib.Response("x")),
    "shared headers": lambda lib, app: lib.Response("x", headers=Headers(SHARED)),
    "Werkzeug's": lambda lib, app: WerkzeugResponse("x", mimetype="text/plain"),
    "abort": lambda lib, app: lib.abort(403),
    "abort with text": lambda lib, app: lib.abort(401, "who <are> you"),
    "abort with a response": lambda lib, app: lib.abort(lib.make_response("x", 402)),
    "an error with Allow": lambda lib, app: _raise(exceptions.MethodNotAllowed(["GET"])),
    "another error": lambda lib, app: _raise(ValueError("x")),
    "an application": lambda lib, app: exceptions.NotFound("application"),
}
ACTS: dict[str, Any] = {
    "nothing": lambda session: None,
    "read": lambda session: session.get("n"),
    "written": lambda session: session.update(n=session.get("n", 0) + 1),
    "written anew": lambda session: session.__setitem__("m", [1, {"a": (2,)}]),
    "permanent": lambda session: session.__setattr__("permanent", True),
    "emptied": lambda session: session.clear(),
    "one taken out": lambda session: session.pop("n", None),
    "impossible": lambda session: session.__setitem__("m", object()),
}
SETTINGS: list[dict[str, Any]] = [
    {},
    {"SESSION_REFRESH_EACH_REQUEST": False, "SESSION_COOKIE_SAMESITE": "Lax", "SESSION_COOKIE_SECURE": True},
    {"SECRET_KEY": None},
    {"SESSION_COOKIE_PATH": "/p", "SESSION_COOKIE_DOMAIN": "a.example", "MAX_COOKIE_SIZE": 30},
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("settings", SETTINGS, ids=range(len(SETTINGS)))
@pytest.mark.parametrize("begins", [{}, {"n": 1}, {"n": 1, "_permanent": True}], ids=["empty", "begun", "permanent"])
def test_a_session_is_saved_with_any_answer(settings: dict[str, Any], begins: dict[str, Any]) -> None:
    def program(lib: Any) -> list[Any]:
        app: Any = make_app(lib, SECRET_KEY="k" * 40, PROPAGATE_EXCEPTIONS=False, COOKIE_CHECKS="off")
        app.config.update(settings)
        app.logger.disabled = True
        app.add_url_rule("/begin", "begin", lambda: lib.session.update(begins) or "begun")

        def view(act: str, answer: str) -> Any:
            ACTS[act](lib.session)
            return ANSWERS[answer](lib, app)

        app.add_url_rule("/<act>/<answer>", "view", view)
        found = []
        begun = outcome(send, app, make_environ("/begin"))
        lines = [value for name, value in begun[1].headers if name == "Set-Cookie"]
        cookie = {"HTTP_COOKIE": f"a=b; {lines[0].partition(';')[0]}"} if lines else {}
        for answer in ANSWERS:
            for act in ACTS:
                for method in ("GET", "HEAD"):
                    environ = make_environ(f"/{act}/{answer}", REQUEST_METHOD=method, **cookie)
                    found.append((act, answer, _without_dates(outcome(send, app, environ))))
        return found

    same(program)
