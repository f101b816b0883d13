"""Examine how the application is started: whether it also runs on Tuile without the command ``tuile``.

The commands of ``tuile`` install the shim before the application is loaded. With plain ``python``, ``pytest`` and
``gunicorn``, the first ``import tuile`` installs it, so the order of imports matters.
"""

from __future__ import annotations

import ast
import os
import sys
from typing import TYPE_CHECKING

from tuile.real_flask import VARIABLE, shim_is_wanted
from tuile.shim import installed_finder

from .report import FAILS, NOTE, Finding
from .sources import files_to_read

if TYPE_CHECKING:
    from collections.abc import Iterator


def examine_start() -> Iterator[Finding]:
    """Yield what changes if the loaded application is started without `tuile`."""
    if VARIABLE in os.environ and not shim_is_wanted():
        reason = (
            "is set, so only 'tuile run' and 'tuile exec' make 'import flask' mean Tuile, and 'import tuile' does not"
        )
        yield Finding(NOTE, f"{VARIABLE}={os.environ[VARIABLE]}", reason)
    finder = installed_finder()
    if finder is None or finder.first_import is None:
        return
    importer, tuile_came_first = finder.first_import
    if tuile_came_first:
        return
    where = getattr(sys.modules.get(importer), "__file__", None) or ""
    cure = "Start it with 'tuile run' or 'tuile exec', or let 'import tuile' be its first line."
    if any(_imports_tuile(file) for _, file in files_to_read()):
        reason = (
            "imports Flask before anything has imported Tuile. Started by plain python, pytest or gunicorn, it gets"
            f" Flask itself, which does not see the application. {cure}"
        )
        yield Finding(FAILS, importer, reason, where)
    else:
        reason = (
            f"nothing in the application imports it, so by plain python, pytest or gunicorn it runs on Flask. {cure}"
        )
        yield Finding(NOTE, "tuile", reason, where)


def _imports_tuile(file: str) -> bool:
    """Return whether a source file imports Tuile anywhere."""
    try:
        with open(file, encoding="utf-8") as source:
            text = source.read()
        tree = ast.parse(text) if "tuile" in text else None
    except (OSError, SyntaxError, ValueError):
        return False
    for node in ast.walk(tree) if tree is not None else ():
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        if any(name.partition(".")[0] == "tuile" for name in names):
            return True
    return False
