"""The applications in Starlette, as its documentation writes them."""

# mypy: disable-error-code="import-not-found"
# (Starlette is installed where the benchmarks run, not where the types are checked.)

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

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


async def _hello(request: Any) -> Any:
    return PlainTextResponse(HELLO)


def hello() -> Any:
    return Starlette(routes=[Route("/", _hello)])


def dynamic_json() -> Any:
    async def user(request: Any) -> Any:
        user_id, name = request.path_params["user_id"], request.path_params["name"]
        return JSONResponse({"id": user_id, "name": name, "active": True, "roles": ["reader", "writer"]})

    return Starlette(routes=[Route("/users/{user_id:int}/{name}", user)])


def cookie() -> Any:
    async def theme(request: Any) -> Any:
        response = PlainTextResponse(request.cookies["theme"])
        response.set_cookie(
            "theme", "light", max_age=COOKIE_MAX_AGE_S, path="/", secure=True, httponly=True, samesite="lax"
        )
        return response

    return Starlette(routes=[Route("/", theme)])


def fifty_cookies() -> Any:
    async def index(request: Any) -> Any:
        return PlainTextResponse(request.cookies["cookie_49"])

    return Starlette(routes=[Route("/", index)])


def parse_cookies(header: str) -> Call:
    return Call(lambda: cookie_parser(header)["cookie_49"])


def session() -> Any:
    async def login(request: Any) -> Any:
        request.session["user"] = "ada"
        request.session["count"] = 1
        return PlainTextResponse("welcome")

    async def read(request: Any) -> Any:
        return PlainTextResponse(request.session["user"])

    async def count(request: Any) -> Any:
        request.session["count"] += 1
        return PlainTextResponse(f"{request.session['user']} {request.session['count']}")

    routes = [Route("/login", login), Route("/read", read), Route("/count", count)]
    return Starlette(routes=routes, middleware=[Middleware(SessionMiddleware, secret_key=SECRET_KEY)])


def redirect() -> Any:
    async def old(request: Any) -> Any:
        return RedirectResponse("/new", status_code=302)

    return Starlette(routes=[Route("/old", old)])


def template() -> Any:
    templates = Jinja2Templates(TEMPLATES)

    async def page(request: Any) -> Any:
        return templates.TemplateResponse(request, "page.html", dict(PAGE))

    return Starlette(routes=[Route("/", page)])


def form() -> Any:
    async def submit(request: Any) -> Any:
        fields = await request.form()
        return PlainTextResponse(f"{fields['name']} <{fields['email']}>")

    return Starlette(routes=[Route("/", submit, methods=["POST"])])


def json_post() -> Any:
    async def order(request: Any) -> Any:
        data = await request.json()
        total = sum(line["price"] * line["quantity"] for line in data["lines"])
        return JSONResponse({"customer": data["customer"], "total": total})

    return Starlette(routes=[Route("/", order, methods=["POST"])])


def upload() -> Any:
    async def photo(request: Any) -> Any:
        async with request.form() as fields:
            content = await fields["photo"].read()
            return PlainTextResponse(f"{fields['title']} {len(content)}")

    return Starlette(routes=[Route("/", photo, methods=["POST"])])


def hooks() -> Any:
    class DoNothing:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            async def send_on(message: Any) -> None:
                await send(message)

            await self.app(scope, receive, send_on)

    return Starlette(routes=[Route("/", _hello)], middleware=[Middleware(DoNothing)] * 3)


def blueprint() -> Any:
    async def user(request: Any) -> Any:
        return PlainTextResponse(f"user {request.path_params['user_id']}")

    return Starlette(routes=[Mount("/admin", routes=[Route("/users/{user_id:int}", user)])])


def routes(count: int) -> Any:
    async def item(request: Any) -> Any:
        return PlainTextResponse(f"section {request.url.path.split('/')[1][7:]} item {request.path_params['item_id']}")

    routes = []
    for number in range(count // 2):
        routes.append(Route(f"/section{number}", _hello))
        routes.append(Route(f"/section{number}/{{item_id:int}}", item))
    return Starlette(routes=routes)


def stream() -> Any:
    async def pieces() -> Any:
        for _ in range(STREAM_PIECES):
            yield STREAM_PIECE

    async def index(request: Any) -> Any:
        return StreamingResponse(pieces(), media_type="text/plain")

    return Starlette(routes=[Route("/", index)])


def static_file() -> Any:
    return Starlette(routes=[Mount("/static", StaticFiles(directory=STATIC))])
