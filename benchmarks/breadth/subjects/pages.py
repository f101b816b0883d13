"""Whole pages and a small API, as applications have them."""

from __future__ import annotations

import functools
import sqlite3
from typing import Any

from benchmarks.breadth.registry import Subject, ask, f
from benchmarks.content import SECRET_KEY

SUBJECT = Subject("pages", SECRET_KEY=SECRET_KEY)
_ITEM = '{"name": "pen", "price": 2.5}'


@SUBJECT.app_of(
    ("API: list", ask("/api/items")),
    ("API: one", ask("/api/items/3")),
    ("API: missing", ask("/api/items/999")),
    ("API: created", ask("/api/items", "POST", _ITEM, "application/json")),
    ("API: changed", ask("/api/items/3", "PUT", _ITEM, "application/json")),
    ("API: deleted", ask("/api/items/4", "DELETE")),
    ("API: not allowed", ask("/api/items/4", "PATCH")),
    ("API: searched", ask("/api/items?q=item&limit=5")),
    ("API: wrong JSON", ask("/api/items", "POST", "{", "application/json")),
    ("API: preflight", ask("/api/items", "OPTIONS", Origin="https://example.com")),
)
def _(app: Any) -> None:
    items = {number: {"id": number, "name": f"item {number}", "price": number * 1.5} for number in range(10)}
    api = f.Blueprint("api", "api", url_prefix="/api")

    @api.get("/items")  # type: ignore[untyped-decorator]
    def listed() -> Any:
        q, limit = f.request.args.get("q", ""), f.request.args.get("limit", 20, type=int)
        return [item for item in items.values() if q in str(item["name"])][:limit]

    @api.get("/items/<int:number>")  # type: ignore[untyped-decorator]
    def one(number: int) -> Any:
        return items[number] if number in items else f.abort(404)

    @api.post("/items")  # type: ignore[untyped-decorator]
    def create() -> Any:
        item = {**f.request.get_json(), "id": 10}
        return item, 201, {"Location": f.url_for(".one", number=10)}

    @api.put("/items/<int:number>")  # type: ignore[untyped-decorator]
    def change(number: int) -> Any:
        items[number].update(f.request.get_json())
        return items[number]

    @api.delete("/items/<int:number>")  # type: ignore[untyped-decorator]
    def delete(number: int) -> Any:
        items.get(number)
        return "", 204

    @api.errorhandler(404)  # type: ignore[untyped-decorator]
    @api.errorhandler(400)  # type: ignore[untyped-decorator]
    def failed(error: Any) -> Any:
        return {"error": error.name}, error.code

    @api.after_request  # type: ignore[untyped-decorator]
    def allow(response: Any) -> Any:
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    app.register_blueprint(api)


@SUBJECT.app_of(
    ("notes: list", ask("/")),
    ("notes: one", ask("/items/3")),
    ("notes: the form", ask("/login")),
    ("notes: private, not logged in", ask("/private")),
    ("notes: posted", ask("/login", "POST", "name=ada&password=secret", "application/x-www-form-urlencoded")),
)
def _notes(app: Any) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, title TEXT, text TEXT)")
    database.executemany(
        "INSERT INTO note VALUES (?, ?, ?)", [(n, f"Note {n}", f"What note {n} says. " * 5) for n in range(10)]
    )
    database.row_factory = sqlite3.Row

    @app.before_request  # type: ignore[untyped-decorator]
    def load() -> None:
        f.g.user = f.session.get("user")

    app.teardown_appcontext(lambda error: f.g.pop("db", None))

    def private(view: Any) -> Any:
        @functools.wraps(view)
        def checked(**values: Any) -> Any:
            return f.redirect(f.url_for("login")) if f.g.user is None else view(**values)

        return checked

    @app.get("/")  # type: ignore[untyped-decorator]
    def index() -> Any:
        return f.render_template("breadth/notes.html", notes=database.execute("SELECT * FROM note").fetchall())

    @app.get("/items/<int:number>")  # type: ignore[untyped-decorator]
    def item(number: int) -> Any:
        note = database.execute("SELECT * FROM note WHERE id = ?", (number,)).fetchone()
        return f.render_template("breadth/inherits.html", title=note["title"], text=note["text"])

    @app.route("/login", methods=["GET", "POST"])  # type: ignore[untyped-decorator]
    def login() -> Any:
        if f.request.method == "POST":
            f.session.clear()
            f.session["user"] = f.request.form["name"]
            return f.redirect(f.url_for("index"))
        return f.render_template("breadth/imports.html")

    @app.get("/private")  # type: ignore[untyped-decorator]
    @private
    def secret() -> Any:
        return f.render_template("breadth/inherits.html", title=f.g.user, text="only you")


for _name, _path in {"list": "/", "private page": "/private"}.items():
    SUBJECT.app(
        f"notes: {_name}, logged in", _path,
        login=ask("/login", "POST", "name=ada", "application/x-www-form-urlencoded"),
    )(_notes)  # fmt: skip


@SUBJECT.app("health check behind production settings", "/health", TRUSTED_HOSTS=["127.0.0.1"])
def _(app: Any) -> None:
    app.add_url_rule("/health", "health", lambda: {"status": "ok"})
