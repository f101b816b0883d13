"""Inspect an application: record its requests, and serve the pages about them on a port of this machine."""

from __future__ import annotations

import os
import secrets
import threading
import typing as t
from socket import AF_INET, SOCK_STREAM, socket

from .generated_tests import origin_of
from .recorder import Recorder
from .records import Ring
from .site import Site

if t.TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

    from ..app import Flask

_HOST = "127.0.0.1"
_POLL_S = 0.1


class Inspector:
    """Records the requests of an application and serves the pages about them, until it is closed.

    Args:
        app: The application.
        address: The address that `new_address` has returned; None for a new one.
        import_path: What the command line loaded the application by, for tests that are made of requests.
    """

    def __init__(self, app: Flask, address: str | None = None, import_path: str | None = None) -> None:
        from werkzeug.serving import make_server  # noqa: PLC0415 - for development

        #: Where the pages are. Everyone who knows it can read them on this machine.
        self.address = address or new_address()
        _, _, place, token, _ = self.address.split("/", 4)
        self.ring = Ring()
        self._site = Site(app, self.ring, token, origin_of(app, import_path))
        port = int(place.rpartition(":")[2])
        self._server: BaseWSGIServer = make_server(
            _HOST, port, self._site, threaded=True, request_handler=_quiet_handler()
        )
        self._recorder = Recorder(app, self.ring)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="tuile-inspector", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop recording and serving."""
        self._recorder.close()
        self._site.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Inspector:  # noqa: PYI034 - typing_extensions is for type checkers only
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def new_address() -> str:
    """Return an address on a free port of this machine, with a random token."""
    with socket(AF_INET, SOCK_STREAM) as free:
        free.bind((_HOST, 0))
        port = free.getsockname()[1]
    return f"http://{_HOST}:{port}/{secrets.token_urlsafe(24)}/"


def inherited_address() -> str:
    """Return the address for this process and those that a reloader starts after it: the same after each reload."""
    address = os.environ.get(_INHERITED)
    if address is None:
        address = os.environ[_INHERITED] = new_address()
    return address


_INHERITED = "_TUILE_INSPECTOR_ADDRESS"


def _quiet_handler() -> type:
    from werkzeug.serving import WSGIRequestHandler  # noqa: PLC0415 - for development

    class QuietHandler(WSGIRequestHandler):
        """Logs errors only: the log is about the application."""

        def log(self, type: str, message: str, *args: object) -> None:
            if type == "error":
                super().log(type, message, *args)

    return QuietHandler
