"""The application's logger.

Floor 3 (what a view reaches for).

Lives here: making the logger, and the handler it has when nobody configured one.
Does not live here: what is logged, which each room says for itself.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, TextIO, cast

from werkzeug.local import LocalProxy

from .ctx.app_context import current

if TYPE_CHECKING:
    from .app import Flask


def _errors_stream() -> TextIO:
    """Where the server wants errors of the current request, `sys.stderr` outside requests."""
    context = current.get(None)
    if context is None or context.request is None:
        return sys.stderr
    return cast("TextIO", context.request.environ["wsgi.errors"])


# For a handler of one's own; in file and dict configuration: ext://flask.logging.wsgi_errors_stream
wsgi_errors_stream = cast("TextIO", LocalProxy(_errors_stream))

default_handler = logging.StreamHandler(wsgi_errors_stream)
default_handler.setFormatter(logging.Formatter("[%(asctime)s] %(levelname)s in %(module)s: %(message)s"))


def has_level_handler(logger: logging.Logger) -> bool:
    """Whether a handler, the logger's or one above it, takes records of its effective level."""
    level = logger.getEffectiveLevel()
    link: logging.Logger | None = logger
    while link is not None:
        if any(handler.level <= level for handler in link.handlers):
            return True
        link = link.parent if link.propagate else None
    return False


def create_logger(app: Flask) -> logging.Logger:
    """The logger named after the application, ready to use.

    In debug mode it takes everything unless its level was set. Where no handler would take its
    records, `default_handler` does.
    """
    logger = logging.getLogger(app.name)
    if app.debug and not logger.level:
        logger.setLevel(logging.DEBUG)
    if not has_level_handler(logger):
        logger.addHandler(default_handler)
    return logger
