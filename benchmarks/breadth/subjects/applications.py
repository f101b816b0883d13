"""Middleware, extensions, factories and small whole applications."""

from __future__ import annotations

import functools
from typing import Any

from itsdangerous import URLSafeTimedSerializer
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from benchmarks.breadth.registry import Subject, ask, f
from benchmarks.content import SECRET_KEY

SUBJECT = Subject("applications", SECRET_KEY=SECRET_KEY)
application = SUBJECT.app


def _hello(app: Any) -> Any:
    app.add_url_rule("/", "index", lambda: f.request.url)
    app.add_url_rule(
        "/links", "links", lambda: f.url_for("index", _external=True) + f.request.host + str(f.request.remote_addr)
    )
    return app


@application("DispatcherMiddleware, the mounted one", "/api/links")
def _(app: Any) -> None:
    other = _hello(f.Flask("other"))
    _hello(app).wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/api": other})


def _items(app: Any) -> None:
    store: dict[int, dict[str, Any]] = {n: {"id": n, "name": f"item {n}", "done": n % 2 == 0} for n in range(1, 26)}

    @app.get("/api/items")  # type: ignore[untyped-decorator]
    def items() -> Any:
        page, size = f.request.args.get("page", 1, type=int), f.request.args.get("size", 10, type=int)
        found = list(store.values())[(page - 1) * size : page * size]
        links = {"self": f.url_for("items", page=page, size=size), "next": f.url_for("items", page=page + 1, size=size)}
        return f.jsonify(items=found, total=len(store), links=links)

    @app.get("/api/items/<int:n>")  # type: ignore[untyped-decorator]
    def item(n: int) -> Any:
        return store[n] if n in store else f.abort(404, f"There is no item {n}.")

    @app.post("/api/items")  # type: ignore[untyped-decorator]
    def create() -> Any:
        got = f.request.get_json()
        if not got or "name" not in got:
            return f.jsonify(error="name is required"), 400
        response = f.jsonify(id=26, name=got["name"])
        response.status_code = 201
        response.headers["Location"] = f.url_for("item", n=26)
        return response

    @app.errorhandler(404)  # type: ignore[untyped-decorator]
    def missing(error: Any) -> Any:
        return f.jsonify(error=error.description), 404

    @app.after_request  # type: ignore[untyped-decorator]
    def headers(response: Any) -> Any:
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response


_JSON: dict[str, Any] = {"type": "application/json"}
SUBJECT.app_of(
    ("CRUD, a page", ask("/api/items?page=2&size=5")), ("CRUD, one", ask("/api/items/7")),
    ("CRUD, made", ask("/api/items", body='{"name": "x"}', **_JSON)),
    ("CRUD, wrong JSON", ask("/api/items", body="{", **_JSON)),
)(_items)  # fmt: skip


@application("a token of itsdangerous read", "/t")
def _(app: Any) -> None:
    serializer = URLSafeTimedSerializer(SECRET_KEY, salt="confirm")
    token = serializer.dumps({"user": 7})
    app.add_url_rule("/t", "t", lambda: serializer.loads(token, max_age=1e9))


class _Cache:
    """An extension as they are written: init_app, app.extensions, a decorator."""

    def __init__(self, app: Any) -> None:
        app.extensions["cache"] = {}
        app.teardown_appcontext(lambda error: None)

    @staticmethod
    def cached(function: Any) -> Any:
        @functools.wraps(function)
        def wrapped(**values: Any) -> Any:
            kept = f.current_app.extensions["cache"]
            key = f.request.full_path
            if key not in kept:
                kept[key] = function(**values)
            return kept[key]

        return wrapped


@application("an extension that caches views", "/items/7?a=1")
def _(app: Any) -> None:
    _Cache(app)
    app.add_url_rule("/items/<int:n>", "item", _Cache.cached(lambda n: {"id": n}))


@application("sitemap.xml")
def _(app: Any) -> None:
    app.add_url_rule("/a", "a", lambda: "")
    app.add_url_rule(
        "/",
        "map",
        lambda: f.Response(
            "<urlset>"
            + "".join(
                f"<url><loc>{f.url_for(rule.endpoint, _external=True)}</loc></url>"
                for rule in app.url_map.iter_rules()
                if "GET" in (rule.methods or ()) and not rule.arguments
            )
            + "</urlset>",
            mimetype="application/xml",
        ),
    )
