"""The test client, contexts by hand, and what is called outside requests, in other uses."""

from __future__ import annotations

import io
from typing import Any

from benchmarks.breadth.registry import Subject, f
from benchmarks.content import SECRET_KEY


def _uploaded() -> Any:
    return str([(file.filename, len(file.read())) for file in f.request.files.getlist("a")])


def _with_cookie() -> Any:
    response = f.make_response("set")
    response.set_cookie("a", "b")
    return response


def _logged_in() -> Any:
    f.session["user_id"] = 7
    return f.redirect("/me")


def _register(app: Any) -> None:
    app.add_url_rule("/", "view", lambda: "text")
    app.add_url_rule("/json", "json", lambda: f.request.get_json(), methods=["POST"])
    app.add_url_rule("/old", "old", lambda: f.redirect("/older"))
    app.add_url_rule("/older", "older", lambda: f.redirect(f.url_for("view")))
    app.add_url_rule("/cookie", "cookie", lambda: f.request.cookies.get("a", "none"))
    app.add_url_rule("/set", "set", _with_cookie)
    app.add_url_rule("/user/<int:n>", "user", lambda n: {"id": n})
    app.add_url_rule("/me", "me", lambda: str(f.session.get("user_id")))
    app.add_url_rule("/login", "login", _logged_in, methods=["POST"])
    app.add_url_rule("/upload", "upload", _uploaded, methods=["POST"])


SUBJECT = Subject("clients", _register, SECRET_KEY=SECRET_KEY, TESTING=True)


def _client(name: str, use: Any, **keywords: Any) -> None:
    def made(app: Any) -> Any:
        client = app.test_client()
        return lambda: use(client)

    SUBJECT.call(f"client: {name}", "none", **keywords)(made)


def _file(name: str) -> Any:
    return io.BytesIO(b"abc"), f"{name}.txt"


_JSON = {"Content-Type": "application/json"}
_client("POST of text", lambda client: client.post("/json", data='{"a": 1}', headers=_JSON).text)
_client("upload of two files", lambda client: client.post("/upload", data={"a": [_file("a"), _file("b")]}).text)
_client("two redirects followed", lambda c: str(len(c.get("/old", follow_redirects=True).history)))
_client("login and the next page", lambda c: c.post("/login", data={"a": 1}, follow_redirects=True).text)
_client("cookie kept from the answer", lambda c: (c.get("/set"), c.get("/cookie").text)[1])
_client("a session begun before", lambda c: _begun(c))
_client("a cookie put in by hand", lambda c: (c.set_cookie("a", "b"), c.get("/cookie").text)[1])


def _begin(client: Any) -> None:
    with client.session_transaction() as session:
        session["user_id"] = 7


def _begun(client: Any) -> Any:
    _begin(client)
    return client.get("/me").text


@SUBJECT.call("client: what tests read of responses", "none")
def _read(app: Any) -> Any:
    client = app.test_client()
    responses = [client.get(path) for path in ("/", "/old", "/user/7", "/set")]
    return lambda: str([_facts(response) for response in responses])


def _facts(response: Any) -> Any:
    headers = response.headers.get("Cache-Control"), response.headers.getlist("Set-Cookie")
    body = response.json if response.is_json else response.text
    return response.status_code, response.content_type, response.mimetype, response.location, headers, body


def _app(name: str, use: Any, **keywords: Any) -> None:
    SUBJECT.call(name, "none", **keywords)(lambda app: lambda: use(app))


def _within(name: str, use: Any, *arguments: Any, settings: dict[str, Any] | None = None, **options: Any) -> None:
    def called(app: Any) -> Any:
        with app.test_request_context(*arguments, **options):
            return use()

    _app(f"test_request_context: {name}", called, **(settings or {}))


_within("endpoint and view_args", lambda: f"{f.request.endpoint} {f.request.view_args}", "/user/7")
_within("url_for, external", lambda: f.url_for("user", n=7, _external=True))


def _aborted() -> Any:
    try:
        f.abort(404)
    except Exception as error:  # noqa: BLE001 - Werkzeug's
        return str(error)


def _in_app(name: str, use: Any, **settings: Any) -> None:
    def called(app: Any) -> Any:
        with app.app_context():
            return use()

    _app(f"app_context: {name}", called, **settings)


_in_app("current_app.config", lambda: str(f.current_app.config["TESTING"]))
_in_app("a connection in g", lambda: str(f.g.setdefault("db", 1)))
_in_app("render_template, a mail", lambda: f.render_template("breadth/plain.html", title="x"))
_in_app("url_for, external", lambda: f.url_for("user", n=7, _external=True), SERVER_NAME="example.com")
_in_app("open_resource", lambda: str(len(f.current_app.open_resource("static/style.css").read())))
_app("config.get_namespace", lambda app: str(app.config.get_namespace("SESSION_COOKIE_")))
_app("iter_rules", lambda app: str(len([rule.endpoint for rule in app.url_map.iter_rules()])))
_app("a whole small application, made and asked", lambda app: _whole())


def _whole() -> Any:
    app = f.Flask("made")
    app.config.from_mapping(SECRET_KEY="k" * 32, TESTING=True)
    app.before_request(lambda: None)
    app.errorhandler(404)(lambda error: ({"error": "missing"}, 404))
    app.get("/items/<int:n>")(lambda n: {"id": n})
    client = app.test_client()
    return client.get("/items/7").text + client.get("/x").text


def _call(name: str, use: Any, path: str = "/user/7", **settings: Any) -> None:
    SUBJECT.call(f"call: {name}", path=path, per_block=100, **settings)(use)


_call("session.get", lambda: str(f.session.get("a")))
_call("g set", lambda: setattr(f.g, "a", 1))
_call("redirect", lambda: f.redirect("/").status)
_call("abort(404) caught", lambda: _aborted())
_call("flask.json.dumps", lambda: f.json.dumps({"a": [1, 2], "b": None}))
_call("copy_current_request_context", lambda: f.copy_current_request_context(lambda: f.request.path)())
_call("the objects behind the proxies", lambda: str([_itself(name) for name in ("current_app", "request", "g")]))


def _itself(name: str) -> Any:
    return type(getattr(f, name)._get_current_object()).__name__
