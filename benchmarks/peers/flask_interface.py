"""The applications in Flask's interface. Flask and Tuile run this very code; `f` is the one package or the other."""

# mypy: disable-error-code="untyped-decorator"
# (`f` is Any, and so are its decorators.)

from __future__ import annotations

from typing import Any

from benchmarks.content import (
    ASSETS,
    COOKIE_MAX_AGE_S,
    HELLO,
    PAGE,
    PAGE_SOURCE,
    SECRET_KEY,
    STREAM_PIECE,
    STREAM_PIECES,
)
from benchmarks.measuring.call import Call
from benchmarks.peers.blog import blog as blog  # noqa: PLC0414 - one more of them


def _new(f: Any) -> Any:
    return f.Flask("benchmarks", root_path=ASSETS)


def hello(f: Any) -> Any:
    app = _new(f)

    @app.get("/")
    def index() -> Any:
        return HELLO

    return app


def dynamic_json(f: Any) -> Any:
    app = _new(f)

    @app.get("/users/<int:user_id>/<name>")
    def user(user_id: int, name: str) -> Any:
        return {"id": user_id, "name": name, "active": True, "roles": ["reader", "writer"]}

    return app


def cookie(f: Any) -> Any:
    app = _new(f)

    @app.get("/")
    def theme() -> Any:
        response = f.make_response(f.request.cookies["theme"])
        response.set_cookie(
            "theme", "light", max_age=COOKIE_MAX_AGE_S, path="/", secure=True, httponly=True, samesite="Lax"
        )
        return response

    return app


def fifty_cookies(f: Any) -> Any:
    app = _new(f)

    @app.get("/")
    def index() -> Any:
        return f.request.cookies["cookie_49"]

    return app


def parse_cookies(f: Any, header: str) -> Call:
    environ = {"HTTP_COOKIE": header}
    # Reading them from a new request is the parser, reached as an application reaches it.
    return Call(lambda: f.Request(environ).cookies["cookie_49"])


def session(f: Any) -> Any:
    app = _new(f)
    app.secret_key = SECRET_KEY

    @app.get("/login")
    def login() -> Any:
        f.session["user"] = "ada"
        f.session["count"] = 1
        return "welcome"

    @app.get("/read")
    def read() -> Any:
        return f.session["user"]

    @app.get("/count")
    def count() -> Any:
        f.session["count"] += 1
        return f"{f.session['user']} {f.session['count']}"

    return app


def redirect(f: Any) -> Any:
    app = _new(f)

    @app.get("/old")
    def old() -> Any:
        return f.redirect("/new")

    return app


def _call_url_for(f: Any, endpoint: str, **values: Any) -> Call:
    app = _new(f)
    app.add_url_rule("/about", "about", lambda: "")
    app.add_url_rule("/users/<int:user_id>/<name>", "user", lambda user_id, name: "")
    url_for = f.url_for
    return Call(
        lambda: url_for(endpoint, **values),
        lambda: app.test_request_context("/about", base_url="http://127.0.0.1:8000"),
    )


def url_for_static(f: Any) -> Call:
    return _call_url_for(f, "about")


def url_for_arguments(f: Any) -> Call:
    return _call_url_for(f, "user", user_id=42, name="ada", tab="posts")


def url_for_external(f: Any) -> Call:
    return _call_url_for(f, "user", user_id=42, name="ada", _external=True)


def proxy(f: Any) -> Call:
    app = _new(f)
    request = f.request
    return Call(lambda: request.method, lambda: app.test_request_context("/"))


def template(f: Any) -> Any:
    app = _new(f)

    @app.get("/")
    def page() -> Any:
        return f.render_template("page.html", **PAGE)

    return app


def template_string(f: Any) -> Any:
    app = _new(f)

    @app.get("/")
    def page() -> Any:
        return f.render_template_string(PAGE_SOURCE, **PAGE)

    return app


def form(f: Any) -> Any:
    app = _new(f)

    @app.post("/")
    def submit() -> Any:
        return f"{f.request.form['name']} <{f.request.form['email']}>"

    return app


def json_post(f: Any) -> Any:
    app = _new(f)

    @app.post("/")
    def order() -> Any:
        data = f.request.get_json()
        total = sum(line["price"] * line["quantity"] for line in data["lines"])
        return {"customer": data["customer"], "total": total}

    return app


def upload(f: Any) -> Any:
    app = _new(f)

    @app.post("/")
    def photo() -> Any:
        content = f.request.files["photo"].read()
        return f"{f.request.form['title']} {len(content)}"

    return app


def hooks(f: Any) -> Any:
    app = hello(f)

    def before() -> None:
        pass

    def after(response: Any) -> Any:
        return response

    for _ in range(3):
        app.before_request(before)
        app.after_request(after)
    return app


def blueprint(f: Any) -> Any:
    app = _new(f)
    admin = f.Blueprint("admin", "benchmarks.admin", url_prefix="/admin", root_path=ASSETS)

    @admin.get("/users/<int:user_id>")
    def user(user_id: int) -> Any:
        return f"user {user_id}"

    app.register_blueprint(admin)
    return app


def routes(f: Any, count: int) -> Any:
    app = _new(f)

    def section() -> Any:
        return f.request.path

    def item(item_id: int) -> Any:
        return f"section {f.request.path.split('/')[1][7:]} item {item_id}"

    for number in range(count // 2):
        app.add_url_rule(f"/section{number}", f"section{number}", section)
        app.add_url_rule(f"/section{number}/<int:item_id>", f"item{number}", item)
    return app


def stream(f: Any) -> Any:
    app = _new(f)

    @app.get("/")
    def pieces() -> Any:
        return (STREAM_PIECE for _ in range(STREAM_PIECES))

    return app


def static_file(f: Any) -> Any:
    return _new(f)
