"""The quickstart on responses: everything that a view may return."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuile import Flask, Response, make_response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

app = Flask(__name__)


@app.route("/text")
def text() -> str:
    return "<p>hello</p>"


@app.route("/dict")
def dictionary() -> dict[str, list[int]]:
    return {"numbers": [1, 2, 3]}


@app.route("/response")
def response() -> Response:
    return Response("teapot", status=418, mimetype="text/plain")


@app.route("/with-status")
def with_status() -> tuple[str, int]:
    return "made", 201


@app.route("/with-header-dict")
def with_header_dict() -> tuple[str, dict[str, str]]:
    return "text", {"X-Kind": "dict"}


@app.route("/with-header-list")
def with_header_list() -> tuple[str, list[tuple[str, str]]]:
    return "text", [("X-Kind", "list"), ("X-Kind", "again")]


@app.route("/with-both")
def with_both() -> tuple[str, int, dict[str, str]]:
    return "text", 202, {"X-Kind": "both"}


@app.route("/response-with-status")
def response_with_status() -> tuple[Response, int, dict[str, str]]:
    return Response("replaced", status=200, headers={"X-Kept": "yes"}), 203, {"X-Kind": "added"}


@app.route("/wsgi")
def wsgi() -> WSGIApplication:
    def other_application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("299 Fine", [("Content-Type", "text/plain"), ("X-Path", environ["PATH_INFO"])])
        return [b"from another ", b"application"]

    return other_application


@app.errorhandler(404)
def not_found(error: Exception) -> Response:
    answer = make_response("nothing here", 404)
    answer.headers["X-Something"] = "A value"
    return answer
