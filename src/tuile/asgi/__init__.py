"""The ASGI side of an application: any Flask app on an ASGI server, unmodified.

Only the class in this module is imported with the application. The rest needs asyncio and is imported with the first
scope.
"""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from ..app import Flask
    from .protocol import Receive, Scope, Send


class ServesAsgi:
    """The part of `Flask` that ASGI servers call."""

    async def asgi_app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope of ASGI: a request of HTTP, or the lifespan of the server.

        Wrap this attribute, not the app, with ASGI middleware: `app.asgi_app = Middleware(app.asgi_app)`. Requests run
        through `wsgi_app` and its middleware as well.
        """
        from .service import service_of  # noqa: PLC0415 - it needs asyncio

        await service_of(t.cast("Flask", self)).serve(scope, receive, send)
