# ruff: noqa: INP001 - a folder for PYTHONPATH and not a package
"""Write down, when a Python process of a comparison ends, which Flask it had imported.

A comparison of Flask with Flask, or of Tuile with Tuile, would prove nothing. The `sitecustomize` that would have run
without this one is run.
"""

from __future__ import annotations

import atexit
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def testify() -> None:
    """Write which Flask this process has imported, if it has one."""
    flask, folder = sys.modules.get("flask"), os.environ.get("TUILE_PROVE_WITNESS")
    if flask is None or not folder:
        return
    which = "tuile" if type(flask).__module__.startswith("tuile.") else "flask"
    try:
        with open(os.path.join(folder, f"{os.getpid()}.txt"), "w", encoding="utf-8") as file:
            file.write(f"{which}\n{getattr(flask, '__file__', '')}\n")
    except OSError:
        pass


def run_next_sitecustomize() -> None:
    """Import the `sitecustomize` that comes after this one on `sys.path`, if there is one."""
    others = [entry for entry in sys.path if os.path.abspath(entry) != HERE]
    before, this = list(sys.path), sys.modules.pop("sitecustomize", None)
    sys.path[:] = others
    try:
        __import__("sitecustomize")
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        if sys.path == others:
            sys.path[:] = before
        if this is not None:
            sys.modules.setdefault("sitecustomize", this)


atexit.register(testify)
run_next_sitecustomize()
