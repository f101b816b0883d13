"""Errors and their pages."""

from __future__ import annotations

from typing import Any

from werkzeug.exceptions import HTTPException

from benchmarks.breadth.registry import Subject, f

SUBJECT = Subject("errors")
view = SUBJECT.view


class _AppError(Exception): ...


class _NotEnough(_AppError): ...


@view("abort(404)")
def _() -> Any:
    f.abort(404)


@view("abort(403, text)")
def _() -> Any:
    f.abort(403, "You may not.")


@view("abort(405)")
def _() -> Any:
    f.abort(405)


@view("abort of a response")
def _() -> Any:
    f.abort(f.make_response("teapot", 418))


@view("get_or_404 of a dict", "/?id=7")
def _() -> Any:
    return {}.get(f.request.args["id"]) or f.abort(404)


@view("an exception, 500", PROPAGATE_EXCEPTIONS=False)
def _() -> Any:
    raise ValueError("wrong")


def _handled(error: Any, handler: Any, fail: Any) -> Any:
    def register(app: Any) -> None:
        app.register_error_handler(error, handler)
        app.add_url_rule("/", "view", fail)

    return register


def _raise(error: Exception) -> Any:
    def fail() -> Any:
        raise type(error)(*error.args)

    return fail


application = SUBJECT.app
application("404 with a handler", "/missing")(_handled(404, lambda error: ("my page", 404), lambda: ""))
application("404 with a template", "/missing")(
    _handled(404, lambda error: (f.render_template("breadth/plain.html", title="Not here"), 404), lambda: "")
)
application("404 as JSON", "/missing")(
    _handled(HTTPException, lambda error: ({"error": error.description}, error.code), lambda: "")
)


def _as_json(error: Any) -> Any:
    response = error.get_response()
    response.data = f.json.dumps({"code": error.code, "name": error.name, "description": error.description})
    response.content_type = "application/json"
    return response


application("404 as JSON, by the error's response", "/missing")(_handled(HTTPException, _as_json, lambda: ""))
application("409 as JSON, by the error's response")(_handled(HTTPException, _as_json, lambda: f.abort(409)))
application("own exception with a handler")(
    _handled(_AppError, lambda error: ({"error": str(error)}, 400), _raise(_AppError("wrong")))
)
application("own exception, handler of its base")(
    _handled(_AppError, lambda error: (str(error), 409), _raise(_NotEnough("too little")))
)
application("500 with a handler", PROPAGATE_EXCEPTIONS=False)(
    _handled(500, lambda error: ("my page", 500), _raise(ValueError("wrong")))
)
application("any exception with a handler")(
    _handled(Exception, lambda error: ("my page", 500), _raise(ValueError("wrong")))
)


@application("handler of a blueprint", "/admin/")
def _(app: Any) -> None:
    admin = f.Blueprint("admin", "admin", url_prefix="/admin")
    admin.register_error_handler(_AppError, lambda error: ("of the blueprint", 400))
    admin.add_url_rule("/", "page", _raise(_AppError("wrong")))
    app.register_blueprint(admin)


@application("404 with a before_request", "/missing")
def _(app: Any) -> None:
    app.before_request(lambda: None)
