"""A pytest plugin that runs the tests of a Flask application or extension on Tuile.

    pytest -p tuile.testing.shim

pytest imports a plugin that is named with ``-p``, on the command line or in ``addopts``, before the plugins of
installed packages and before every ``conftest.py``. So all of them get Tuile when they import Flask, and so do child
processes, such as the workers of pytest-xdist.
"""

from __future__ import annotations

import importlib.metadata

from tuile import shim

shim.install(children=True)


def pytest_report_header() -> str:
    """Name the framework under test in the header of pytest's report."""
    try:
        version = importlib.metadata.version("tuile")
    except importlib.metadata.PackageNotFoundError:
        version = "(from its source)"
    return f"flask: Tuile {version}, the interface of Flask {shim.INTERFACE}"
