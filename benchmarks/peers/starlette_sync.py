"""The applications in Starlette with synchronous views, which run in its threads."""

# mypy: disable-error-code="import-not-found"
# (Starlette is installed where the benchmarks run, not where the types are checked.)

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from benchmarks.content import HELLO


def hello() -> Any:
    def index(request: Any) -> Any:
        return HTMLResponse(HELLO)

    return Starlette(routes=[Route("/", index)])
