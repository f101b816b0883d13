"""A pytest plugin: from its import on, Werkzeug's Request, Response and TestResponse are Tuile's.

Flask's classes differ from Werkzeug's in a few documented settings (HTML instead of plain text, ...), and so do ours.
Werkzeug's tests expect Werkzeug's settings, so what is put in are subclasses with those settings back and nothing else.

The sans-IO classes are not replaced: Tuile's classes build on them, and their tests run as they are.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import werkzeug.debug
import werkzeug.test
import werkzeug.testapp
import werkzeug.wrappers

from tuile.wrappers.request import Request as TuileRequest
from tuile.wrappers.response import Response as TuileResponse

if TYPE_CHECKING:
    from types import ModuleType

WerkzeugRequest = werkzeug.wrappers.Request
WerkzeugResponse = werkzeug.wrappers.Response
WerkzeugTestResponse = werkzeug.test.TestResponse


class Request(TuileRequest):
    """Tuile's, with Werkzeug's message for bad JSON, which Flask keeps to itself outside debug mode."""

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        """As Werkzeug does it."""
        return WerkzeugRequest.on_json_loading_failed(self, e)


class Response(TuileResponse):
    """Tuile's, plain text unless told otherwise."""

    default_mimetype: str | None = WerkzeugResponse.default_mimetype


# Werkzeug's test response is its Response and a few attributes more. Ours stands between those two.
class TestResponse(WerkzeugTestResponse, Response):  # type: ignore[misc] # both inherit default_mimetype, typed apart
    """What the test client answers with."""

    __test__ = False


IN_THE_PLACE_OF: dict[type, type] = {
    WerkzeugRequest: Request,
    WerkzeugResponse: Response,
    WerkzeugTestResponse: TestResponse,
}


def replace_in(module: ModuleType) -> None:
    """Put our classes behind every name in a module that means one of Werkzeug's."""
    for name, value in list(vars(module).items()):
        if isinstance(value, type) and value in IN_THE_PLACE_OF:
            setattr(module, name, IN_THE_PLACE_OF[value])


for _name in list(sys.modules):
    if _name == "werkzeug" or _name.startswith("werkzeug."):
        replace_in(importlib.import_module(_name))
