"""Read the ``FLASK_*`` environment variables that both the application and the command line need.

Variables that click reads (``FLASK_APP``, ``FLASK_RUN_PORT``, ...) are not read here.
"""

from __future__ import annotations

import os

_OFF = frozenset({"0", "false", "no"})


def get_debug_flag() -> bool:
    """Return whether ``FLASK_DEBUG`` enables debug mode.

    It does unless it is unset, empty, or one of ``0``, ``false`` and ``no`` in any case.
    """
    value = os.environ.get("FLASK_DEBUG", "")
    return value != "" and value.lower() not in _OFF


def get_load_dotenv(default: bool = True) -> bool:
    """Return whether ``.env`` and ``.flaskenv`` may be loaded.

    ``FLASK_SKIP_DOTENV`` forbids it with any value except ``0``, ``false`` and ``no``. If it is unset or empty,
    `default` is returned.
    """
    value = os.environ.get("FLASK_SKIP_DOTENV", "")
    return value.lower() in _OFF if value else default
