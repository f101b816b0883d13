"""What a test of an application needs: clients and a runner of commands. Floor 6, the edges.

Here lives only the list of names: ``client`` sends requests, ``browser`` sends them as a browser
does, ``runner`` invokes commands. The latter two are imported when they are asked for: most tests
need neither click nor the list of public suffixes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .client import EnvironBuilder, FlaskClient, _get_werkzeug_version

if TYPE_CHECKING:
    from .browser import Browser, Frame, Tab
    from .network import BrowserResponse, Verdicts
    from .runner import FlaskCliRunner

__all__ = [
    "Browser",
    "BrowserResponse",
    "EnvironBuilder",
    "FlaskCliRunner",
    "FlaskClient",
    "Frame",
    "Tab",
    "Verdicts",
    "_get_werkzeug_version",
]

_LATER = {
    "Browser": ".browser",
    "BrowserResponse": ".network",
    "FlaskCliRunner": ".runner",
    "Frame": ".browser",
    "Tab": ".browser",
    "Verdicts": ".network",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_LATER[name], __name__), name)
    return found
