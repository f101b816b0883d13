"""The applications in Flask, behind a2wsgi."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

import flask
from a2wsgi import WSGIMiddleware

from benchmarks.peers import flask_interface


def hello() -> Any:
    return WSGIMiddleware(flask_interface.hello(flask))
