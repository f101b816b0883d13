"""Errors: codes, descriptions, handlers of classes, codes and blueprints."""

from __future__ import annotations

from typing import Any

from werkzeug import exceptions
from werkzeug.exceptions import HTTPException

from benchmarks.breadth.registry import Subject, f

SUBJECT = Subject("failures")
view = SUBJECT.view
application = SUBJECT.app

view("abort(404, description=)")(lambda: f.abort(404, description="No <such> thing"))


def _raise(error: Any) -> Any:
    raise error() if isinstance(error, type) else error


view("raise RequestedRangeNotSatisfiable")(lambda: _raise(exceptions.RequestedRangeNotSatisfiable(100)))


class _ApiError(Exception):
    status = 400

    def __init__(self, message: str, status: int | None = None, payload: Any = None) -> None:
        super().__init__()
        self.message, self.status, self.payload = message, status or self.status, payload

    def to_dict(self) -> dict[str, Any]:
        return {**(self.payload or {}), "message": self.message}


def _handled(name: str, errors: dict[Any, Any], fail: Any, path: str = "/", **keywords: Any) -> None:
    def register(app: Any) -> None:
        for error, handler in errors.items():
            app.register_error_handler(error, handler)
        app.add_url_rule("/", "view", fail)
        app.add_url_rule("/items/<int:n>", "item", lambda n: "x")

    application(name, path, **keywords)(register)


def _api(error: Any) -> Any:
    return f.jsonify(error.to_dict()), error.status


def _problem(error: Any) -> Any:
    return f.jsonify(type="about:blank", title=error.name, status=error.code, detail=error.description), error.code


def _accepted(error: Any) -> Any:
    best = f.request.accept_mimetypes.best_match(["text/html", "application/json"])
    return ({"error": "missing"}, 404) if best == "application/json" else ("<p>missing", 404)


def _as_text(error: Any) -> Any:
    return f.jsonify(error=str(error)), 404


_BOTH = {HTTPException: _problem, Exception: lambda error: ({"error": "internal"}, 500)}
_handled("API exception with a payload", {_ApiError: _api}, lambda: _raise(_ApiError("wrong", 422, {"field": "name"})))
_handled("404 by jsonify(error=str(error))", {404: _as_text}, lambda: "", "/missing")
_handled("HTTPException and Exception, 405", _BOTH, lambda: "", "/", method="POST")
_handled("400 of a missing key handled", {400: _problem}, lambda: f.request.form["a"])
_handled("handler that returns get_response()", {404: lambda error: error.get_response()}, lambda: "", "/missing")
_handled("handler that raises another error", {ValueError: lambda error: f.abort(400)}, lambda: _raise(ValueError("x")))
_handled("handler that decides by Accept", {404: _accepted}, lambda: "", "/x", Accept="application/json")


@application("handler of a parent blueprint", "/a/b/x")
def _(app: Any) -> None:
    outer, inner = f.Blueprint("a", "a", url_prefix="/a"), f.Blueprint("b", "b", url_prefix="/b")
    outer.register_error_handler(_ApiError, _api)
    inner.add_url_rule("/x", "x", lambda: _raise(_ApiError("wrong")))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)


@application("exception propagated and caught by middleware", TESTING=True)
def _(app: Any) -> Any:
    app.add_url_rule("/", "view", lambda: _raise(ValueError("x")))

    def middleware(environ: Any, start_response: Any) -> Any:
        try:
            return app(environ, start_response)
        except ValueError:
            start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
            return [b"failed"]

    return middleware
