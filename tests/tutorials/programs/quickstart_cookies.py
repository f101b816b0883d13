"""The quickstart on cookies: reading, storing, and setting one before there is a response."""

from __future__ import annotations

from tuile import Flask, Response, after_this_request, make_response, render_template_string, request

app = Flask(__name__)


@app.route("/")
def read() -> str:
    return f"username: {request.cookies.get('username')}"


@app.route("/must-have")
def must_have() -> str:
    return f"username: {request.cookies['username']}"


@app.route("/store")
def store() -> Response:
    answer = make_response(render_template_string("Stored, {{ name }}.", name="Ada"))
    answer.set_cookie("username", "Ada")
    return answer


@app.before_request
def remember_the_language() -> None:
    if "language" in request.cookies:
        return

    @after_this_request
    def set_language(response: Response) -> Response:
        response.set_cookie("language", "fr")
        return response
