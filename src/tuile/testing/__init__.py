"""Test clients for applications: a plain client, a browser, and a runner for commands.

`Browser` and `FlaskCliRunner` are imported on first use: most tests need neither the public suffix list nor click.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ..flask_names import offer_flasks_names
from .client import EnvironBuilder, FlaskClient, _get_werkzeug_version, environ_without_builder

if TYPE_CHECKING:
    from .async_client import AsyncClient, StreamedResponse, TestApp
    from .browser import Browser, Frame, Tab
    from .network import BrowserResponse, Verdicts, WithheldCookies
    from .runner import FlaskCliRunner
    from .sockets import ClientWebSocket, WebSocketRefused

__all__ = [
    "AsyncClient",
    "Browser",
    "BrowserResponse",
    "ClientWebSocket",
    "EnvironBuilder",
    "FlaskCliRunner",
    "FlaskClient",
    "Frame",
    "StreamedResponse",
    "Tab",
    "TestApp",
    "Verdicts",
    "WebSocketRefused",
    "WithheldCookies",
    "_get_werkzeug_version",
    "environ_without_builder",
]

_LATER = {
    "AsyncClient": ".async_client",
    "StreamedResponse": ".async_client",
    "TestApp": ".async_client",
    "Browser": ".browser",
    "BrowserResponse": ".network",
    "ClientWebSocket": ".sockets",
    "FlaskCliRunner": ".runner",
    "Frame": ".browser",
    "Tab": ".browser",
    "Verdicts": ".network",
    "WebSocketRefused": ".sockets",
    "WithheldCookies": ".network",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_LATER[name], __name__), name)
    return found


offer_flasks_names(__name__)
