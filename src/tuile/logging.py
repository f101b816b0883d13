"""The logger of an application."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, TextIO, cast

from werkzeug.local import LocalProxy

from .ctx.app_context import current_value
from .flask_names import offer_flasks_names

if TYPE_CHECKING:
    from .sansio.app import App


def _errors_stream() -> TextIO:
    """Return the server's error stream for the current request, `sys.stderr` outside of requests."""
    context = current_value(None)
    if context is None or context.request is None:
        return sys.stderr
    # The environ of a request that has a scope has this one, and need not be made for it.
    has_scope = getattr(context.request, "_scope", None) is not None
    return sys.stderr if has_scope else cast("TextIO", context.request.environ["wsgi.errors"])


# For custom handlers. In a file or dict configuration: ext://flask.logging.wsgi_errors_stream
wsgi_errors_stream = cast("TextIO", LocalProxy(_errors_stream))

default_handler = logging.StreamHandler(wsgi_errors_stream)
default_handler.setFormatter(logging.Formatter("[%(asctime)s] %(levelname)s in %(module)s: %(message)s"))


def has_level_handler(logger: logging.Logger) -> bool:
    """Return whether the logger, or one above it, has a handler for its effective level."""
    level = logger.getEffectiveLevel()
    link: logging.Logger | None = logger
    while link is not None:
        if any(handler.level <= level for handler in link.handlers):
            return True
        link = link.parent if link.propagate else None
    return False


def create_logger(app: App) -> logging.Logger:
    """Return the logger named after the application.

    In debug mode its level is DEBUG unless a level was set. If no handler would take its records, `default_handler` is
    added.
    """
    logger = logging.getLogger(app.name)
    if app.debug and not logger.level:
        logger.setLevel(logging.DEBUG)
    if not has_level_handler(logger):
        logger.addHandler(default_handler)
    return logger


#: What applications call, as Flask's class calls what it has imported: patches of `create_logger` here do not reach it.
create_logger_as_defined = create_logger

offer_flasks_names(__name__)
