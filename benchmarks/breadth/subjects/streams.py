"""Answers in pieces, and asynchronous views."""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks.breadth.registry import Subject, f

SUBJECT = Subject("streams")
view = SUBJECT.view


@view("generator of 1")
def _() -> Any:
    return (part for part in ("all",))


@view("generator of 20")
def _() -> Any:
    return (f"part {number}\n" for number in range(20))


@view("generator of 1,000", per_block=3)
def _() -> Any:
    return ("x" * 100 for number in range(1000))


@view("generator of bytes in a Response")
def _() -> Any:
    return f.Response((b"part\n" for _ in range(20)), mimetype="text/plain")


@view("server-sent events")
def _() -> Any:
    return f.Response((f"data: {n}\n\n" for n in range(5)), mimetype="text/event-stream")


@view("iterator of a list")
def _() -> Any:
    return iter(["a", "b", "c"])


@view("stream_with_context of 1")
def _() -> Any:
    return f.Response(f.stream_with_context(f.request.path for _ in range(1)))


@view("stream_with_context of 20")
def _() -> Any:
    return f.Response(f.stream_with_context(f.request.path for _ in range(20)))


@view("stream_with_context as a decorator")
def _() -> Any:
    @f.stream_with_context  # type: ignore[untyped-decorator]
    def parts() -> Any:
        yield "hello "
        yield f.request.args.get("name", "you")

    return parts()


@view("call_on_close")
def _() -> Any:
    response = f.make_response("text")
    response.call_on_close(int)
    return response


@view("asynchronous view")
async def _() -> Any:
    return "text"


@view("asynchronous view that waits")
async def _() -> Any:
    await asyncio.sleep(0)
    return {"path": f.request.path}


@SUBJECT.app("asynchronous before_request")
def _(app: Any) -> None:
    async def before() -> None: ...

    app.before_request(before)
    app.add_url_rule("/", "view", lambda: "text")


@SUBJECT.app("asynchronous method view")
def _(app: Any) -> None:
    class Page(f.views.MethodView):
        async def get(self) -> Any:
            return "text"

    app.add_url_rule("/", view_func=Page.as_view("page"))


@view("async_to_sync in a view")
def _() -> Any:
    async def fetch() -> str:
        return "text"

    return f.current_app.async_to_sync(fetch)()


@view("copy_current_request_context")
def _() -> Any:
    return f.copy_current_request_context(lambda: f.request.path)()
