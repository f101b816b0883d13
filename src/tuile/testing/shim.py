"""A pytest plugin: the tests of a Flask application, or of an extension, run on Tuile. Floor 6, the edges.

    pytest -p tuile.testing.shim

Nothing but putting the stand-in in place lives here. pytest imports a plugin that is named with ``-p``,
on its command line or in ``addopts``, before those that installed packages bring and before every
``conftest.py``, so that all of them get Tuile when they import Flask. The processes that tests start, and
the workers of pytest-xdist, get it as well.
"""

from __future__ import annotations

import importlib.metadata

from tuile import shim

shim.install(children=True)


def pytest_report_header() -> str:
    """Say at the head of pytest's report what is being tested."""
    try:
        version = importlib.metadata.version("tuile")
    except importlib.metadata.PackageNotFoundError:
        version = "(from its source)"
    return f"flask: Tuile {version}, the interface of Flask {shim.INTERFACE}"
