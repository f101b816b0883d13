"""The applications in Bottle, as its documentation writes them."""

# mypy: disable-error-code="import-not-found, untyped-decorator"
# (Bottle is installed where the benchmarks run, not where the types are checked.)

from __future__ import annotations

from typing import Any

import bottle

from benchmarks.content import (
    COOKIE_MAX_AGE_S,
    HELLO,
    PAGE,
    SECRET_KEY,
    STATIC,
    STREAM_PIECE,
    STREAM_PIECES,
    TEMPLATES,
)
from benchmarks.measuring.call import Call


def hello() -> Any:
    app = bottle.Bottle()

    @app.get("/")
    def index() -> Any:
        return HELLO

    return app


def dynamic_json() -> Any:
    app = bottle.Bottle()

    @app.get("/users/<user_id:int>/<name>")
    def user(user_id: int, name: str) -> Any:
        return {"id": user_id, "name": name, "active": True, "roles": ["reader", "writer"]}

    return app


def cookie() -> Any:
    app = bottle.Bottle()

    @app.get("/")
    def theme() -> Any:
        bottle.response.set_cookie(
            "theme", "light", max_age=COOKIE_MAX_AGE_S, path="/", secure=True, httponly=True, samesite="lax"
        )
        return bottle.request.get_cookie("theme")

    return app


def fifty_cookies() -> Any:
    app = bottle.Bottle()

    @app.get("/")
    def index() -> Any:
        return bottle.request.get_cookie("cookie_49")

    return app


def parse_cookies(header: str) -> Call:
    environ = {"HTTP_COOKIE": header}
    return Call(lambda: bottle.BaseRequest(environ.copy()).get_cookie("cookie_49"))


def session() -> Any:
    """Bottle has signed cookies instead of a session."""
    app = bottle.Bottle()

    def save(user: str, count: int) -> None:
        value = {"user": user, "count": count}
        bottle.response.set_cookie("session", value, secret=SECRET_KEY, httponly=True, path="/")

    @app.get("/login")
    def login() -> Any:
        save("ada", 1)
        return "welcome"

    @app.get("/read")
    def read() -> Any:
        return bottle.request.get_cookie("session", secret=SECRET_KEY)["user"]

    @app.get("/count")
    def count() -> Any:
        session = bottle.request.get_cookie("session", secret=SECRET_KEY)
        session["count"] += 1
        save(**session)
        return f"{session['user']} {session['count']}"

    return app


def redirect() -> Any:
    app = bottle.Bottle()

    @app.get("/old")
    def old() -> Any:
        bottle.redirect("/new", 302)

    return app


def url_for_arguments() -> Call:
    app = bottle.Bottle()
    app.route("/users/<user_id:int>/<name>", name="user", callback=lambda user_id, name: "")
    return Call(lambda: app.get_url("user", user_id=42, name="ada", tab="posts"))


def template() -> Any:
    app = bottle.Bottle()
    lookup = [TEMPLATES]

    @app.get("/")
    def page() -> Any:
        settings = {"autoescape": True}
        return bottle.jinja2_template("page.html", template_lookup=lookup, template_settings=settings, **PAGE)

    return app


def form() -> Any:
    app = bottle.Bottle()

    @app.post("/")
    def submit() -> Any:
        fields = bottle.request.forms
        return f"{fields.name} <{fields.email}>"

    return app


def json_post() -> Any:
    app = bottle.Bottle()

    @app.post("/")
    def order() -> Any:
        data = bottle.request.json
        total = sum(line["price"] * line["quantity"] for line in data["lines"])
        return {"customer": data["customer"], "total": total}

    return app


def upload() -> Any:
    app = bottle.Bottle()

    @app.post("/")
    def photo() -> Any:
        content = bottle.request.files["photo"].file.read()
        return f"{bottle.request.forms.title} {len(content)}"

    return app


def hooks() -> Any:
    app = hello()
    for _ in range(3):
        app.add_hook("before_request", lambda: None)
        app.add_hook("after_request", lambda: None)
    return app


def routes(count: int) -> Any:
    app = bottle.Bottle()

    def section() -> Any:
        return bottle.request.path

    def item(item_id: int) -> Any:
        return f"section {bottle.request.path.split('/')[1][7:]} item {item_id}"

    for number in range(count // 2):
        app.route(f"/section{number}", callback=section)
        app.route(f"/section{number}/<item_id:int>", callback=item)
    return app


def stream() -> Any:
    app = bottle.Bottle()

    @app.get("/")
    def pieces() -> Any:
        return (STREAM_PIECE.encode() for _ in range(STREAM_PIECES))

    return app


def static_file() -> Any:
    app = bottle.Bottle()

    @app.get("/static/<name:path>")
    def static(name: str) -> Any:
        return bottle.static_file(name, root=STATIC)

    return app
