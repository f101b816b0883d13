"""The applications in BlackSheep, as its documentation writes them."""

# mypy: disable-error-code="import-not-found, untyped-decorator"
# (BlackSheep is installed where the benchmarks run, not where the types are checked.)

from __future__ import annotations

from typing import Any

from blacksheep import (
    Application,
    Cookie,
    FromJSON,
    Request,
    Response,
    StreamedContent,
    json,
    text,
)
from blacksheep import (
    redirect as go,
)
from blacksheep.cookies import CookieSameSiteMode
from blacksheep.server.routing import Router

from benchmarks.content import COOKIE_MAX_AGE_S, HELLO, SECRET_KEY, STATIC, STREAM_PIECE, STREAM_PIECES


def _new() -> Any:
    return Application(router=Router())  # the default router is the process's


def hello() -> Any:
    app = _new()

    @app.router.get("/")
    async def index() -> Response:
        return text(HELLO)

    return app


def dynamic_json() -> Any:
    app = _new()

    @app.router.get("/users/{user_id}/{name}")
    async def user(user_id: int, name: str) -> Response:
        return json({"id": user_id, "name": name, "active": True, "roles": ["reader", "writer"]})

    return app


def cookie() -> Any:
    app = _new()

    @app.router.get("/")
    async def theme(request: Request) -> Response:
        response = text(request.cookies["theme"])
        response.set_cookie(
            Cookie(
                "theme",
                "light",
                max_age=COOKIE_MAX_AGE_S,
                path="/",
                secure=True,
                http_only=True,
                same_site=CookieSameSiteMode.LAX,
            )
        )
        return response

    return app


def fifty_cookies() -> Any:
    app = _new()

    @app.router.get("/")
    async def index(request: Request) -> Response:
        return text(request.cookies["cookie_49"])

    return app


def session() -> Any:
    app = _new()
    app.use_sessions(SECRET_KEY)

    @app.router.get("/login")
    async def login(request: Request) -> Response:
        request.session["user"] = "ada"
        request.session["count"] = 1
        return text("welcome")

    @app.router.get("/read")
    async def read(request: Request) -> Response:
        return text(request.session["user"])

    @app.router.get("/count")
    async def count(request: Request) -> Response:
        request.session["count"] += 1
        return text(f"{request.session['user']} {request.session['count']}")

    return app


def redirect() -> Any:
    app = _new()

    @app.router.get("/old")
    async def old() -> Response:
        return go("/new")

    return app


def form() -> Any:
    app = _new()

    @app.router.post("/")
    async def submit(request: Request) -> Response:
        fields = await request.form()
        return text(f"{fields['name']} <{fields['email']}>")

    return app


def json_post() -> Any:
    app = _new()

    @app.router.post("/")
    async def order(data: FromJSON[dict]) -> Response:
        content = data.value
        total = sum(line["price"] * line["quantity"] for line in content["lines"])
        return json({"customer": content["customer"], "total": total})

    return app


def routes(count: int) -> Any:
    app = _new()

    async def section(request: Request) -> Response:
        return text(request.path)

    async def item(request: Request, item_id: int) -> Response:
        return text(f"section {request.path.split('/')[1][7:]} item {item_id}")

    for number in range(count // 2):
        app.router.add_get(f"/section{number}", section)
        app.router.add_get(f"/section{number}/{{item_id}}", item)
    return app


def stream() -> Any:
    app = _new()

    async def pieces() -> Any:
        for _ in range(STREAM_PIECES):
            yield STREAM_PIECE.encode()

    @app.router.get("/")
    async def index() -> Response:
        return Response(200, content=StreamedContent(b"text/plain", pieces))

    return app


def static_file() -> Any:
    app = _new()
    app.serve_files(STATIC, root_path="static")
    return app
