"""The applications in Litestar, as its documentation writes them."""

# mypy: disable-error-code="import-not-found, untyped-decorator"
# (Litestar is installed where the benchmarks run, not where the types are checked.)

from __future__ import annotations

from typing import Any

from litestar import Litestar, Request, Response, Router, get, post
from litestar.datastructures import Cookie
from litestar.response import Redirect, Stream
from litestar.static_files import create_static_files_router

from benchmarks.content import COOKIE_MAX_AGE_S, HELLO, STATIC, STREAM_PIECE, STREAM_PIECES


def _new(*handlers: Any) -> Any:
    return Litestar(list(handlers), openapi_config=None, logging_config=None)


@get("/", media_type="text/plain")
async def _hello() -> str:
    return HELLO


def hello() -> Any:
    return _new(_hello)


def dynamic_json() -> Any:
    @get("/users/{user_id:int}/{name:str}")
    async def user(user_id: int, name: str) -> dict[str, Any]:
        return {"id": user_id, "name": name, "active": True, "roles": ["reader", "writer"]}

    return _new(user)


def cookie() -> Any:
    @get("/")
    async def theme(request: Request[Any, Any, Any]) -> Response[str]:
        light = Cookie(
            "theme", value="light", max_age=COOKIE_MAX_AGE_S, path="/", secure=True, httponly=True, samesite="lax"
        )
        return Response(request.cookies["theme"], media_type="text/plain", cookies=[light])

    return _new(theme)


def fifty_cookies() -> Any:
    @get("/", media_type="text/plain")
    async def index(request: Request[Any, Any, Any]) -> str:
        return str(request.cookies["cookie_49"])

    return _new(index)


def redirect() -> Any:
    @get("/old")
    async def old() -> Redirect:
        return Redirect("/new", status_code=302)

    return _new(old)


def form() -> Any:
    @post("/", status_code=200, media_type="text/plain")
    async def submit(request: Request[Any, Any, Any]) -> str:
        fields = await request.form()
        return f"{fields['name']} <{fields['email']}>"

    return _new(submit)


def json_post() -> Any:
    @post("/", status_code=200)
    async def order(data: dict[str, Any]) -> dict[str, Any]:
        total = sum(line["price"] * line["quantity"] for line in data["lines"])
        return {"customer": data["customer"], "total": total}

    return _new(order)


def upload() -> Any:
    @post("/", status_code=200, media_type="text/plain")
    async def photo(request: Request[Any, Any, Any]) -> str:
        fields = await request.form()
        content = await fields["photo"].read()
        return f"{fields['title']} {len(content)}"

    return _new(photo)


def blueprint() -> Any:
    @get("/users/{user_id:int}", media_type="text/plain")
    async def user(user_id: int) -> str:
        return f"user {user_id}"

    return _new(Router("/admin", route_handlers=[user]))


def routes(count: int) -> Any:
    handlers = []
    for number in range(count // 2):
        handlers.append(get(f"/section{number}", media_type="text/plain")(_section))
        handlers.append(get(f"/section{number}/{{item_id:int}}", media_type="text/plain")(_item))
    return _new(*handlers)


async def _section(request: Request[Any, Any, Any]) -> str:
    return str(request.url.path)


async def _item(request: Request[Any, Any, Any], item_id: int) -> str:
    return f"section {request.url.path.split('/')[1][7:]} item {item_id}"


def stream() -> Any:
    async def pieces() -> Any:
        for _ in range(STREAM_PIECES):
            yield STREAM_PIECE

    @get("/")
    async def index() -> Stream:
        return Stream(pieces(), media_type="text/plain")

    return _new(index)


def static_file() -> Any:
    return _new(create_static_files_router(path="/static", directories=[STATIC]))
