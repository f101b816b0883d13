"""The applications in Quart: Flask's interface with asynchronous views, over ASGI."""

# mypy: disable-error-code="import-not-found, untyped-decorator"
# (Quart is installed where the benchmarks run, not where the types are checked.)

from __future__ import annotations

from typing import Any

import quart

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


def _new() -> Any:
    return quart.Quart("benchmarks", root_path=ASSETS)


def hello() -> Any:
    app = _new()

    @app.get("/")
    async def index() -> Any:
        return HELLO

    return app


def dynamic_json() -> Any:
    app = _new()

    @app.get("/users/<int:user_id>/<name>")
    async def user(user_id: int, name: str) -> Any:
        return {"id": user_id, "name": name, "active": True, "roles": ["reader", "writer"]}

    return app


def cookie() -> Any:
    app = _new()

    @app.get("/")
    async def theme() -> Any:
        response = await quart.make_response(quart.request.cookies["theme"])
        response.set_cookie(
            "theme", "light", max_age=COOKIE_MAX_AGE_S, path="/", secure=True, httponly=True, samesite="Lax"
        )
        return response

    return app


def fifty_cookies() -> Any:
    app = _new()

    @app.get("/")
    async def index() -> Any:
        return quart.request.cookies["cookie_49"]

    return app


def session() -> Any:
    app = _new()
    app.secret_key = SECRET_KEY

    @app.get("/login")
    async def login() -> Any:
        quart.session["user"] = "ada"
        quart.session["count"] = 1
        return "welcome"

    @app.get("/read")
    async def read() -> Any:
        return quart.session["user"]

    @app.get("/count")
    async def count() -> Any:
        quart.session["count"] += 1
        return f"{quart.session['user']} {quart.session['count']}"

    return app


def redirect() -> Any:
    app = _new()

    @app.get("/old")
    async def old() -> Any:
        return quart.redirect("/new")

    return app


def template() -> Any:
    app = _new()

    @app.get("/")
    async def page() -> Any:
        return await quart.render_template("page.html", **PAGE)

    return app


def template_string() -> Any:
    app = _new()

    @app.get("/")
    async def page() -> Any:
        return await quart.render_template_string(PAGE_SOURCE, **PAGE)

    return app


def form() -> Any:
    app = _new()

    @app.post("/")
    async def submit() -> Any:
        fields = await quart.request.form
        return f"{fields['name']} <{fields['email']}>"

    return app


def json_post() -> Any:
    app = _new()

    @app.post("/")
    async def order() -> Any:
        data = await quart.request.get_json()
        total = sum(line["price"] * line["quantity"] for line in data["lines"])
        return {"customer": data["customer"], "total": total}

    return app


def upload() -> Any:
    app = _new()

    @app.post("/")
    async def photo() -> Any:
        files = await quart.request.files
        fields = await quart.request.form
        return f"{fields['title']} {len(files['photo'].read())}"

    return app


def hooks() -> Any:
    app = hello()

    async def before() -> None:
        pass

    async def after(response: Any) -> Any:
        return response

    for _ in range(3):
        app.before_request(before)
        app.after_request(after)
    return app


def blueprint() -> Any:
    app = _new()
    admin = quart.Blueprint("admin", "benchmarks.admin", url_prefix="/admin", root_path=ASSETS)

    @admin.get("/users/<int:user_id>")
    async def user(user_id: int) -> Any:
        return f"user {user_id}"

    app.register_blueprint(admin)
    return app


def routes(count: int) -> Any:
    app = _new()

    async def section() -> Any:
        return quart.request.path

    async def item(item_id: int) -> Any:
        return f"section {quart.request.path.split('/')[1][7:]} item {item_id}"

    for number in range(count // 2):
        app.add_url_rule(f"/section{number}", f"section{number}", section)
        app.add_url_rule(f"/section{number}/<int:item_id>", f"item{number}", item)
    return app


def stream() -> Any:
    app = _new()

    async def pieces() -> Any:
        for _ in range(STREAM_PIECES):
            yield STREAM_PIECE

    @app.get("/")
    async def index() -> Any:
        return pieces()

    return app


def static_file() -> Any:
    return _new()
