"""What a fresh process says about one framework: the benchmarks start this file by its path, once per figure.

    fresh.py import MODULE                       seconds to import it, and resident memory after that
    fresh.py requests MODULE DOOR COUNT GIVEN    resident memory after so many requests for "hello"
    fresh.py routes MODULE DOOR COUNT GIVEN      seconds from making an application with so many routes to an answer

MODULE is under benchmarks/peers for the last two, DOOR is wsgi or asgi, GIVEN the package its functions take, or "-".
Prints one JSON object, empty where there is no figure. What must live here: as few imports as can be, because each
counts.
"""

from __future__ import annotations

import io
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# Python looks first beside this file; everything here is imported from the project's root.
sys.path[0] = __file__.rpartition("/benchmarks/")[0]

_HEADERS = {"host": "127.0.0.1:8000", "user-agent": "fresh", "accept": "*/*", "accept-encoding": "gzip"}


def resident_kb() -> int:
    """The process's resident memory in kilobytes, 0 where the system does not tell."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
    except OSError:
        return 0


def import_(module: str) -> dict[str, float]:
    """Seconds and memory of importing a module into an interpreter that has imported nothing else."""
    start = perf_counter()
    __import__(module)
    return {"seconds": perf_counter() - start, "resident_kb": resident_kb()}


def requests(module: str, door: str, count: str, given: str) -> dict[str, float]:
    """Memory after answering "hello" so often."""
    make = _factory(module, "hello", given)
    if make is None:
        return {}
    asking(door)(make(), "/", int(count))
    return {"resident_kb": resident_kb()}


def routes(module: str, door: str, count: str, given: str) -> dict[str, float]:
    """Seconds from making the application, its module imported already, to its first answer."""
    make = _factory(module, "routes", given)
    if make is None:
        return {}
    ask = asking(door)
    start = perf_counter()
    ask(make(int(count)), f"/section{int(count) // 4}/42", 1)
    return {"seconds": perf_counter() - start}


def _factory(module: str, key: str, given: str) -> Callable[..., Any] | None:
    peer = getattr(__import__(f"benchmarks.peers.{module}"), "peers")  # noqa: B009 - a namespace package has no types
    function = getattr(getattr(peer, module), key, None)
    if function is None or given == "-":
        return function
    return lambda *arguments: function(__import__(given), *arguments)


def asking(door: str) -> Callable[[Any, str, int], None]:
    """What asks an application so often for a path; asyncio is imported for those alone that need it."""
    if door == "wsgi":
        return _ask_wsgi
    import asyncio  # noqa: PLC0415 - counts

    return lambda app, path, count: asyncio.run(_ask_asgi(app, path, count))


def _ask_wsgi(app: Any, path: str, count: int) -> None:
    base = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in _HEADERS.items()},
    }
    statuses = set()

    def start_response(status: str, headers: object, exc_info: object = None) -> None:
        statuses.add(status[:3])

    for _ in range(count):
        chunks = app(base.copy(), start_response)
        assert b"".join(chunks)
        if hasattr(chunks, "close"):
            chunks.close()
    assert statuses == {"200"}


async def _ask_asgi(app: Any, path: str, count: int) -> None:
    from benchmarks.measuring.asgi_server import Exchange, Lifespan  # noqa: PLC0415 - counts

    lifespan = Lifespan(app)
    await lifespan.start()
    base = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 51234),
        "scheme": "http",
        "root_path": "",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
    }
    request = {"type": "http.request", "body": b"", "more_body": False}
    statuses = set()

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.add(message["status"])
        await exchange.send(message)

    for _ in range(count):
        headers = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
        exchange = Exchange([request])
        await app({**base, "headers": headers, "state": {}}, exchange.receive, send)
    assert statuses == {200}
    await lifespan.stop()


if __name__ == "__main__":
    figures: dict[str, Callable[..., dict[str, float]]] = {"import": import_, "requests": requests, "routes": routes}
    figure = figures[sys.argv[1]]
    print(repr(figure(*sys.argv[2:])).replace("'", '"'))
