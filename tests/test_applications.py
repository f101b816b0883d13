"""How two well-known applications use Flask, as small programs that come out the same on both frameworks.

One redirects to its login by an HTTP exception whose constructor never calls the base's. The other tells Werkzeug's
requests from others' by their type's text, and sends what a service answers as it is, dates and raw paths included.
"""

from __future__ import annotations

import re
from functools import partial
from threading import Lock
from typing import Any
from urllib.parse import unquote

import pytest
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, RoutingException

from tests.beside_flask import make_app, make_environ, make_post, part, same, send


def sign_in_app(lib: Any, log: list[Any], *, where: str) -> Any:  # noqa: C901 - functions of one application
    """An application of projects, each behind a login that visitors are sent to by an exception."""

    class SeeOther(HTTPException, RoutingException):
        code = 303

        def __init__(self, url: str) -> None:
            RoutingException.__init__(self, url)
            self.url = url

        def get_response(self, environ: Any = None, scope: Any = None) -> Any:
            return lib.redirect(self.url, 303)

    app = make_app(lib, SECRET_KEY="5ZfQm0n2s8yXvT3kLr7wB1cD4eG6hJ9a")
    main = lib.Blueprint("main", "beside")

    def guard() -> None:
        project = (lib.request.view_args or {}).get("project") or lib.g.get("project")
        if project is not None and project not in lib.session.get("open", []):
            raise SeeOther(lib.url_for("main.sign_in", project=project, back=lib.request.path))

    def pull(endpoint: str | None, values: dict[str, Any] | None) -> None:
        if values and "project" in values and endpoint != "main.sign_in":
            lib.g.project = values["project"]
            if where == "preprocessor":
                guard()
            values.pop("project")

    app.url_value_preprocessor(pull)
    if where == "before_request":
        main.before_request(lambda: guard() if lib.request.endpoint != "main.sign_in" else None)

    def bills(page: int) -> Any:
        if where == "view":
            guard()
        return {"project": lib.g.project, "page": page}

    def sign_in(project: str) -> Any:
        if lib.request.method == "POST":
            lib.session.setdefault("open", []).append(project)
            lib.session.modified = True
            lib.flash(f"Welcome to {project}")
            return lib.redirect(lib.request.args["back"])
        return lib.render_template_string("sign in to {{ project }}", project=project)

    main.add_url_rule("/<project>/bills/<int:page>", "bills", bills)
    main.add_url_rule("/sign-in/<project>", "sign_in", sign_in, methods=["GET", "POST"])
    app.register_blueprint(main)
    app.teardown_request(lambda error: log.append(type(error).__name__))
    return app


def noted(log: list[Any], error: Exception) -> Exception:
    """Handle an error by itself."""
    log.append(type(error).__name__)
    return error


@pytest.mark.parametrize("where", ["preprocessor", "before_request", "view"])
@pytest.mark.parametrize("handler", [None, HTTPException, Exception])
def test_redirects_to_a_login_by_an_exception_of_its_own(where: str, handler: Any) -> None:
    def program(lib: Any) -> Any:
        log: list[Any] = []
        app = sign_in_app(lib, log, where=where)
        if handler is not None:
            app.register_error_handler(handler, partial(noted, log))
        client = app.test_client()
        first = client.get("/tea/bills/2")
        seen = [first.status, sorted(first.headers), first.data]
        form = client.get(first.headers["Location"])
        done = client.post(first.headers["Location"], follow_redirects=True)
        seen += [form.data, done.status, done.data, [hop.status for hop in done.history], sorted(done.headers)]
        seen += [client.get("/coffee/bills/1").status, client.head("/coffee/bills/1").status]
        return seen, log

    seen, _ = same(program)
    assert seen[0] == "303 SEE OTHER"
    assert seen[4] == "200 OK"


def service_app(lib: Any) -> Any:
    """An application with one rule for every path, which answers in the words of a service behind it."""

    class Pattern(BaseConverter):
        part_isolating = False

        def __init__(self, map: Any, *patterns: str) -> None:
            super().__init__(map)
            self.regex = patterns[0]

    def answer(request: Any, url: str, headers: Any) -> tuple[int, dict[str, Any], Any]:
        is_werkzeug = "werkzeug" in str(type(request))
        raw = request.environ.get("RAW_URI") or request.full_path
        body = f"{request.method} {raw if is_werkzeug else unquote(raw)} {request.get_data(as_text=True)}"
        extra = {} if is_werkzeug else {"date": "Thu, 01 Jan 1970 00:00:00 GMT"}
        return 200, {"Date": "Fri, 01 Jan 2027 00:00:00 GMT", "x-id": 7, "Content-Type": "text/xml", **extra}, body

    def wrapped(callback: Any) -> Any:
        def view(**_: Any) -> Any:
            request = lib.request
            status, headers, content = callback(request, request.url, dict(request.headers))
            response = lib.Response(response=content, status=status, headers=headers)
            if request.method == "HEAD" and "content-length" in headers:
                response.headers["Content-Length"] = headers["content-length"]
            return response

        view.__name__ = callback.__name__
        return view

    app = make_app(lib, PROPAGATE_EXCEPTIONS=True)
    app.test_client_class = part(lib, "testing").FlaskClient
    app.url_map.converters["regex"] = Pattern
    methods = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
    for number, path in enumerate(['/<regex(".*"):path>', "/", '/<regex("[a-z]+"):bucket>/<regex(".+"):key>']):
        app.add_url_rule(path, f"service {number}", wrapped(answer), methods=methods, strict_slashes=False)
    app.add_url_rule("/tuple", "tuple", lambda: ("body", 201, {"Date": "x", "ETag": '"e"'}))
    return app


class Dispatcher:
    """Middleware that makes an application for each host, once, and hands it the request."""

    def __init__(self, make: Any) -> None:
        self.make = make
        self.lock = Lock()
        self.apps: dict[str, Any] = {}

    def __call__(self, environ: Any, start_response: Any) -> Any:
        host = re.split(r"[.:]", environ.get("HTTP_HOST", ""))[0]
        with self.lock:
            app = self.apps.get(host) or self.apps.setdefault(host, self.make())
        return app(environ, start_response)


PATHS = [
    "/",
    "/bucket/key",
    "/bucket/a b/c",
    "/b//c",
    "/bucket/",
    "/bucket/\xc3\xa9",
    "/tuple",
    "/%2F",
    "/x?y",
    "/a:b@c",
]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT"])
def test_a_service_answers_every_path_by_one_rule(method: str) -> None:
    def program(lib: Any) -> Any:
        app = Dispatcher(lambda: service_app(lib))
        seen = []
        for path in PATHS:
            for host in ("s3.example.com", "sqs.example.com:5000"):
                environ = make_environ(path, REQUEST_METHOD=method, HTTP_HOST=host, QUERY_STRING="a=1&b=%2F")
                environ["RAW_URI"] = path.replace(" ", "%20")
                seen.append(send(app, environ))
        seen.append(send(app, make_post(b"<xml/>", "text/xml", "/bucket/key", HTTP_HOST="s3.example.com")))
        return seen

    for answered in same(program)[:4]:
        assert [name for name, _ in answered.headers].count("Date") <= 1


def test_a_request_is_known_as_werkzeugs_by_the_text_of_its_type() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.add_url_rule("/", "x", lambda: ("werkzeug" in str(type(lib.request)) and "yes") or "no")
        return send(app).text

    assert same(program) == "yes"
