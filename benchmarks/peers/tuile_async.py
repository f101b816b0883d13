"""The applications in Tuile with coroutine functions as views, for ASGI servers."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

import tuile
from benchmarks.content import ASSETS, COOKIE_MAX_AGE_S, HELLO


def hello() -> Any:
    app = tuile.Flask("benchmarks", root_path=ASSETS)

    @app.get("/")
    async def index() -> str:
        return HELLO

    return app


def cookie() -> Any:
    app = tuile.Flask("benchmarks", root_path=ASSETS)

    @app.get("/")
    async def theme() -> Any:
        response = tuile.make_response(tuile.request.cookies["theme"])
        response.set_cookie(
            "theme", "light", max_age=COOKIE_MAX_AGE_S, path="/", secure=True, httponly=True, samesite="Lax"
        )
        return response

    return app
