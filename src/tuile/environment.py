"""What the ``FLASK_*`` environment variables say. Floor 1, text and bytes.

Here live the readers of switches that both the application and the command line
need. Values that click reads for itself (``FLASK_APP``, ``FLASK_RUN_PORT``, ...)
and the loading of env files do not live here.
"""

from __future__ import annotations

import os

_OFF = frozenset({"0", "false", "no"})


def get_debug_flag() -> bool:
    """Answer whether ``FLASK_DEBUG`` asks for debug mode.

    An unset or empty variable means no; so do ``0``, ``false`` and ``no`` in any case.
    """
    value = os.environ.get("FLASK_DEBUG", "")
    return value != "" and value.lower() not in _OFF


def get_load_dotenv(default: bool = True) -> bool:
    """Answer whether ``.env`` and ``.flaskenv`` may be loaded.

    ``FLASK_SKIP_DOTENV`` decides: any value but ``0``, ``false`` and ``no`` forbids it.
    An unset or empty variable leaves the answer to `default`.
    """
    value = os.environ.get("FLASK_SKIP_DOTENV", "")
    return value.lower() in _OFF if value else default
