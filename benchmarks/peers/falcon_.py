"""The applications in Falcon, as its documentation writes them."""

# mypy: disable-error-code="import-not-found"
# (Falcon is installed where the benchmarks run, not where the types are checked.)

from __future__ import annotations

from typing import Any

import falcon

from benchmarks.content import COOKIE_MAX_AGE_S, HELLO, STATIC, STREAM_PIECE, STREAM_PIECES
from benchmarks.measuring.call import Call


class _Hello:
    def on_get(self, req: Any, resp: Any) -> None:
        resp.content_type = falcon.MEDIA_TEXT
        resp.text = HELLO


def hello() -> Any:
    app = falcon.App()
    app.add_route("/", _Hello())
    return app


def dynamic_json() -> Any:
    class User:
        def on_get(self, req: Any, resp: Any, user_id: int, name: str) -> None:
            resp.media = {"id": user_id, "name": name, "active": True, "roles": ["reader", "writer"]}

    app = falcon.App()
    app.add_route("/users/{user_id:int}/{name}", User())
    return app


def cookie() -> Any:
    class Theme:
        def on_get(self, req: Any, resp: Any) -> None:
            resp.content_type = falcon.MEDIA_TEXT
            resp.text = req.cookies["theme"]
            resp.set_cookie(
                "theme", "light", max_age=COOKIE_MAX_AGE_S, path="/", secure=True, http_only=True, same_site="Lax"
            )

    app = falcon.App()
    app.add_route("/", Theme())
    return app


def fifty_cookies() -> Any:
    class Index:
        def on_get(self, req: Any, resp: Any) -> None:
            resp.content_type = falcon.MEDIA_TEXT
            resp.text = req.cookies["cookie_49"]

    app = falcon.App()
    app.add_route("/", Index())
    return app


def parse_cookies(header: str) -> Call:
    from falcon.request_helpers import _parse_cookie_header as parse_cookie_header

    return Call(lambda: parse_cookie_header(header)["cookie_49"][0])


def redirect() -> Any:
    class Old:
        def on_get(self, req: Any, resp: Any) -> None:
            raise falcon.HTTPFound("/new")

    app = falcon.App()
    app.add_route("/old", Old())
    return app


def form() -> Any:
    class Submit:
        def on_post(self, req: Any, resp: Any) -> None:
            fields = req.get_media()
            resp.content_type = falcon.MEDIA_TEXT
            resp.text = f"{fields['name']} <{fields['email']}>"

    app = falcon.App()
    app.add_route("/", Submit())
    return app


def json_post() -> Any:
    class Order:
        def on_post(self, req: Any, resp: Any) -> None:
            data = req.get_media()
            total = sum(line["price"] * line["quantity"] for line in data["lines"])
            resp.media = {"customer": data["customer"], "total": total}

    app = falcon.App()
    app.add_route("/", Order())
    return app


def upload() -> Any:
    class Photo:
        def on_post(self, req: Any, resp: Any) -> None:
            title, size = "", 0
            for part in req.get_media():
                if part.name == "photo":
                    size = len(part.stream.read())
                else:
                    title = part.text
            resp.content_type = falcon.MEDIA_TEXT
            resp.text = f"{title} {size}"

    app = falcon.App()
    app.add_route("/", Photo())
    return app


def hooks() -> Any:
    class Middleware:
        def process_request(self, req: Any, resp: Any) -> None:
            pass

        def process_response(self, req: Any, resp: Any, resource: Any, req_succeeded: bool) -> None:
            pass

    app = falcon.App(middleware=[Middleware(), Middleware(), Middleware()])
    app.add_route("/", _Hello())
    return app


def routes(count: int) -> Any:
    class Section:
        def on_get(self, req: Any, resp: Any) -> None:
            resp.text = req.path

    class Item:
        def on_get(self, req: Any, resp: Any, item_id: int) -> None:
            resp.content_type = falcon.MEDIA_TEXT
            resp.text = f"section {req.path.split('/')[1][7:]} item {item_id}"

    app = falcon.App()
    for number in range(count // 2):
        app.add_route(f"/section{number}", Section())
        app.add_route(f"/section{number}/{{item_id:int}}", Item())
    return app


def stream() -> Any:
    class Pieces:
        def on_get(self, req: Any, resp: Any) -> None:
            resp.content_type = falcon.MEDIA_TEXT
            resp.stream = (STREAM_PIECE.encode() for _ in range(STREAM_PIECES))

    app = falcon.App()
    app.add_route("/", Pieces())
    return app


def static_file() -> Any:
    app = falcon.App()
    app.add_static_route("/static", STATIC)
    return app
