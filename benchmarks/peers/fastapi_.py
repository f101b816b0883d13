"""The applications in FastAPI, as its documentation writes them."""

# mypy: disable-error-code="import-not-found, untyped-decorator"
# (FastAPI is installed where the benchmarks run, not where the types are checked.)

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Cookie, FastAPI, Form, Request, UploadFile
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.sessions import SessionMiddleware

from benchmarks.content import COOKIE_MAX_AGE_S, HELLO, SECRET_KEY, STATIC, STREAM_PIECE, STREAM_PIECES


async def _hello() -> Any:
    return PlainTextResponse(HELLO)


def hello() -> Any:
    app = FastAPI()
    app.get("/")(_hello)
    return app


def dynamic_json() -> Any:
    app = FastAPI()

    @app.get("/users/{user_id}/{name}")
    async def user(user_id: int, name: str) -> Any:
        return {"id": user_id, "name": name, "active": True, "roles": ["reader", "writer"]}

    return app


def cookie() -> Any:
    app = FastAPI()

    @app.get("/")
    async def read(theme: Annotated[str, Cookie()]) -> Any:
        response = PlainTextResponse(theme)
        response.set_cookie(
            "theme", "light", max_age=COOKIE_MAX_AGE_S, path="/", secure=True, httponly=True, samesite="lax"
        )
        return response

    return app


def session() -> Any:
    app = FastAPI()
    app.add_middleware(SessionMiddleware, secret_key=SECRET_KEY)

    @app.get("/login")
    async def login(request: Request) -> Any:
        request.session["user"] = "ada"
        request.session["count"] = 1
        return PlainTextResponse("welcome")

    @app.get("/read")
    async def read(request: Request) -> Any:
        return PlainTextResponse(request.session["user"])

    @app.get("/count")
    async def count(request: Request) -> Any:
        request.session["count"] += 1
        return PlainTextResponse(f"{request.session['user']} {request.session['count']}")

    return app


def redirect() -> Any:
    app = FastAPI()

    @app.get("/old")
    async def old() -> Any:
        return RedirectResponse("/new", status_code=302)

    return app


def form() -> Any:
    app = FastAPI()

    @app.post("/")
    async def submit(name: Annotated[str, Form()], email: Annotated[str, Form()]) -> Any:
        return PlainTextResponse(f"{name} <{email}>")

    return app


def json_post() -> Any:
    app = FastAPI()

    @app.post("/")
    async def order(request: Request) -> Any:
        data = await request.json()
        total = sum(line["price"] * line["quantity"] for line in data["lines"])
        return JSONResponse({"customer": data["customer"], "total": total})

    return app


def upload() -> Any:
    app = FastAPI()

    @app.post("/")
    async def receive(title: Annotated[str, Form()], photo: UploadFile) -> Any:
        content = await photo.read()
        return PlainTextResponse(f"{title} {len(content)}")

    return app


def blueprint() -> Any:
    admin = APIRouter(prefix="/admin")

    @admin.get("/users/{user_id}")
    async def user(user_id: int) -> Any:
        return PlainTextResponse(f"user {user_id}")

    app = FastAPI()
    app.include_router(admin)
    return app


def routes(count: int) -> Any:
    app = FastAPI()

    async def item(request: Request, item_id: int) -> Any:
        return PlainTextResponse(f"section {request.url.path.split('/')[1][7:]} item {item_id}")

    for number in range(count // 2):
        app.get(f"/section{number}")(_hello)
        app.get(f"/section{number}/{{item_id}}")(item)
    return app


def stream() -> Any:
    app = FastAPI()

    async def pieces() -> Any:
        for _ in range(STREAM_PIECES):
            yield STREAM_PIECE

    @app.get("/")
    async def index() -> Any:
        return StreamingResponse(pieces(), media_type="text/plain")

    return app


def static_file() -> Any:
    app = FastAPI()
    app.mount("/static", StaticFiles(directory=STATIC))
    return app
