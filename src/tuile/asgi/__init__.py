"""The ASGI side of an application: any Flask app on an ASGI server, unmodified.

Only the class in this module is imported with the application. The rest needs asyncio and is imported with the first
scope.
"""

from __future__ import annotations

import threading
import typing as t
from importlib.util import find_spec

from ..invalidation import Watched
from ..once import once
from ..sansio.scaffold import setupmethod

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed.wsgi import WSGIApplication

    from ..app import Flask
    from .background import BackgroundTasks
    from .hooks import ServingHooks
    from .protocol import Receive, Scope, Send
    from .service import Service

    P = t.ParamSpec("P")
    AnyFunction = t.TypeVar("AnyFunction", bound=Callable[..., object])


# Two threads may add the first tasks of an app.
_making_tasks = threading.Lock()
# `service.service_of`, from the first scope on.
_service_of: Callable[[ServesAsgi], Service] | None = None


def _import_service() -> Callable[[ServesAsgi], Service]:
    global _service_of  # noqa: PLW0603 - asyncio is imported when it is needed
    from .service import service_of  # noqa: PLC0415 - it needs asyncio

    _service_of = t.cast("Callable[[ServesAsgi], Service]", service_of)
    return _service_of


def for_development(app: WSGIApplication) -> tuple[WSGIApplication, str]:
    """Return what Werkzeug's development server calls for an application, so that it serves WebSockets too.

    Returns:
        The WSGI application, and what to tell the developer; empty for nothing.
    """
    if not getattr(app, "__dict__", {}).get("_websocket_endpoints"):
        return app, ""
    if find_spec("websockets") is None:
        return app, "This application has WebSockets. To serve them here as well: pip install websockets"
    from .websockets.development import with_websockets  # noqa: PLC0415 - it needs asyncio

    return with_websockets(t.cast("Flask", app)), ""


class ServesAsgi(metaclass=Watched):
    """The part of `Flask` that ASGI servers call."""

    # What the requests share on the event loop that was used last.
    _asgi_service: Service | None

    async def asgi_app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope of ASGI: a request of HTTP, or the lifespan of the server.

        Wrap this attribute, not the app, with ASGI middleware: `app.asgi_app = Middleware(app.asgi_app)`. Requests run
        through `wsgi_app` and its middleware as well.
        """
        service = self._asgi_service
        if service is None or service.app is not self:
            service = (_service_of or _import_service())(self)
        await service.enter(t.cast("Flask", self), service, scope, receive, send)

    def __rsgi_init__(self, loop: object) -> None:
        """Refuse the default protocol of granian.

        Raises:
            RuntimeError: Always. Requests would fail without an explanation.
        """
        raise RuntimeError(
            "A Flask app is no RSGI application, which granian expects by default:"
            " start it by `granian --interface asgi` or `granian --interface wsgi`."
        )

    @setupmethod
    def before_serving(self, f: AnyFunction) -> AnyFunction:
        """Call `f`, which may be a coroutine function, in an app context before an ASGI server's first request.

        If it fails, the server does not start.
        """
        self._serving_hooks.before.append(f)
        return f

    @setupmethod
    def after_serving(self, f: AnyFunction) -> AnyFunction:
        """Call `f`, which may be a coroutine function, in an app context when an ASGI server stops."""
        self._serving_hooks.after.append(f)
        return f

    @setupmethod
    def while_serving(self, f: AnyFunction) -> AnyFunction:
        """Call the generator function `f`, which may be asynchronous, when an ASGI server starts.

        What comes after its `yield` runs when the server stops, in the reverse order of the starts.
        """
        self._serving_hooks.around.append(f)
        return f

    def add_background_task(self, f: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call `f` in an app context, without letting the response wait for it.

        A coroutine function runs on the event loop of the ASGI server, or of the process; any other function in one of
        `BACKGROUND_TASK_THREADS` threads. There is no request: give the function what it needs of it. What it raises is
        logged. A server that stops waits for it `BACKGROUND_TASK_SHUTDOWN_TIMEOUT` seconds.

        Args:
            f: The function.
            args: Its arguments.
            kwargs: Its arguments.

        Raises:
            TypeError: If `f` is not callable, such as a coroutine.
        """
        self._background_tasks.start(f, args, kwargs)

    @once
    def _background_tasks(self) -> BackgroundTasks:
        from .background import BackgroundTasks  # noqa: PLC0415 - it needs asyncio

        with _making_tasks:
            made: BackgroundTasks | None = vars(self).get("_background_tasks")
            if made is None:
                made = BackgroundTasks(t.cast("Flask", self))
                # Here, because another thread may ask before this method returns.
                vars(self)["_background_tasks"] = made
            return made

    @once
    def _serving_hooks(self) -> ServingHooks:
        from .hooks import ServingHooks  # noqa: PLC0415 - few applications have any

        return ServingHooks()
