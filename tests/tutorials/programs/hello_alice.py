"""A cookie read before it is set: the first visitor is nobody, the second visit is Alice's."""

from __future__ import annotations

from tuile import Flask, Response, make_response, request

app = Flask(__name__)


@app.route("/")
def hello() -> Response:
    user = request.cookies.get("user")
    answer = make_response(f"Hello {user}")
    answer.set_cookie("user", "Alice")
    return answer


@app.route("/only-read")
def only_read() -> str:
    return f"Hello {request.cookies.get('user')}"
