"""Contexts by hand, the test client, configuration: what suites, commands and workers do."""

from __future__ import annotations

import io
from typing import Any

from benchmarks.breadth.registry import Subject, f
from benchmarks.content import SECRET_KEY


def _register(app: Any) -> None:
    app.add_url_rule("/", "view", lambda: "text")
    app.add_url_rule("/json", "json", lambda: {"got": f.request.get_json()["a"]}, methods=["POST"])
    app.add_url_rule("/form", "form", lambda: f.request.form["a"], methods=["POST"])
    app.add_url_rule("/file", "file", lambda: f.request.files["a"].filename, methods=["POST"])
    app.add_url_rule("/old", "old", lambda: f.redirect("/"))

    @app.get("/session")  # type: ignore[untyped-decorator]
    def count() -> Any:
        f.session["n"] = f.session.get("n", 0) + 1
        return "counted"


SUBJECT = Subject("contexts", _register, SECRET_KEY=SECRET_KEY, TESTING=True)


def _call(name: str) -> Any:
    """List a call outside any context; the decorated function makes it from the app."""
    return SUBJECT.call(name, "none")


@_call("app_context()")
def _(app: Any) -> Any:
    def call() -> Any:
        with app.app_context():
            pass

    return call


@_call("app_context(), current_app and g")
def _(app: Any) -> Any:
    def call() -> Any:
        with app.app_context():
            f.g.value = f.current_app.name
            return f.g.value

    return call


@_call("app_context() within app_context()")
def _(app: Any) -> Any:
    def call() -> Any:
        with app.app_context(), app.app_context():
            return f.current_app.name

    return call


@_call("app_context(), a teardown function")
def _(app: Any) -> Any:
    app.teardown_appcontext(lambda error: None)

    def call() -> Any:
        with app.app_context():
            return f.current_app.name

    return call


def _with_url(app: Any) -> Any:
    def call() -> Any:
        with app.app_context():
            return f.url_for("view")

    return call


SUBJECT.call("app_context(), a URL with SERVER_NAME", "none", SERVER_NAME="example.com")(_with_url)


@_call("app_context() left by an error")
def _(app: Any) -> Any:
    def call() -> Any:
        try:
            with app.app_context():
                raise ValueError
        except ValueError:
            return "left"

    return call


@_call("app_context() within a request")
def _(app: Any) -> Any:
    def call() -> Any:
        with app.test_request_context("/"):
            with app.app_context():
                f.g.value = 1
            return f.request.path

    return call


@_call("test_request_context()")
def _(app: Any) -> Any:
    def call() -> Any:
        with app.test_request_context():
            pass

    return call


@_call("test_request_context() of a path and query")
def _(app: Any) -> Any:
    def call() -> Any:
        with app.test_request_context("/?a=1", method="GET", headers={"X-One": "1"}):
            return f.request.args["a"]

    return call


@_call("test_request_context() with a form")
def _(app: Any) -> Any:
    def call() -> Any:
        with app.test_request_context("/form", method="POST", data={"a": "1"}):
            return f.request.form["a"]

    return call


@_call("test_request_context(), preprocess_request()")
def _(app: Any) -> Any:
    def call() -> Any:
        with app.test_request_context("/"):
            app.preprocess_request()
            return app.dispatch_request()

    return call


@_call("request_context() of an environ")
def _(app: Any) -> Any:
    from werkzeug.test import create_environ  # noqa: PLC0415 - outside the call

    environ = create_environ("/")

    def call() -> Any:
        with app.request_context(environ.copy()):
            return f.request.path

    return call


def _client(name: str, use: Any) -> None:
    @_call(f"test client: {name}")
    def _(app: Any) -> Any:
        client = app.test_client()
        return lambda: use(client)


_client("GET", lambda client: client.get("/").text)
_client("GET with a query", lambda client: client.get("/", query_string={"a": 1, "b": "two"}).status_code)
_client("POST of JSON", lambda client: client.post("/json", json={"a": 1}).json)
_client("POST of a form", lambda client: client.post("/form", data={"a": "1"}).text)
_client("404", lambda client: client.get("/missing").status_code)
_client("session", lambda client: client.get("/session").text)
_client("redirect followed", lambda client: client.get("/old", follow_redirects=True).text)
_client("upload of a file", lambda client: client.post("/file", data={"a": (io.BytesIO(b"x"), "a.txt")}).text)
_client("https by base_url", lambda client: client.get("/", base_url="https://example.com").text)
_client("name and password", lambda client: client.get("/", auth=("name", "password")).text)
_client("with headers", lambda client: client.get("/", headers={"X-One": "1"}).headers["Content-Type"])


_client("GET of a path with escapes and Unicode", lambda client: client.get("/caf%C3%A9 ü?q=ü").status_code)
_client("GET with a query of lists", lambda client: client.get("/", query_string={"tag": ["a", "ü"], "n": 1}).text)


@_call("test client: made and used once")
def _(app: Any) -> Any:
    return lambda: app.test_client().get("/").text


@_call("test client: within with")
def _(app: Any) -> Any:
    def call() -> Any:
        with app.test_client() as client:
            client.get("/")
            return f.request.path

    return call


@_call("test client: session_transaction")
def _(app: Any) -> Any:
    client = app.test_client()

    def call() -> Any:
        with client.session_transaction() as session:
            session["n"] = 1

    return call


@_call("an application of 10 routes made")
def _(app: Any) -> Any:
    def call() -> Any:
        made = f.Flask("made")
        for number in range(10):
            made.add_url_rule(f"/{number}/<int:item>", f"route{number}", lambda item: "")
        return len(made.view_functions)

    return call


@_call("an application of 10 routes made, one request")
def _(app: Any) -> Any:
    def call() -> Any:
        made = f.Flask("made")
        for number in range(10):
            made.add_url_rule(f"/{number}/<int:item>", f"route{number}", lambda item: str(item))
        return made.test_client().get("/7/42").text

    return call


@_call("command run by test_cli_runner")
def _(app: Any) -> Any:
    @app.cli.command("greet")  # type: ignore[untyped-decorator]
    def greet() -> None:
        import click  # noqa: PLC0415 - as commands do

        click.echo(f.current_app.name)

    runner = app.test_cli_runner()
    return lambda: runner.invoke(args=["greet"]).output


SUBJECT.call("current_app.name read")(lambda: f.current_app.name)
SUBJECT.call("request.method read")(lambda: f.request.method)
SUBJECT.call("g.get of a missing name")(lambda: f.g.get("missing"))
SUBJECT.call("name in g")(lambda: "missing" in f.g)
SUBJECT.call("getattr of a missing name of g")(lambda: getattr(f.g, "_database", None))
SUBJECT.call("has_request_context() outside a request", "app")(lambda: f.has_request_context())
SUBJECT.call("has_request_context()")(lambda: f.has_request_context())
SUBJECT.call("jsonify as a call")(lambda: f.jsonify(a=1).get_data(as_text=True))
