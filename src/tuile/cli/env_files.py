"""Environment variables from ``.env`` and ``.flaskenv``. Floor 6, the edges.

Here live the order in which the files count and the tip for a missing python-dotenv, which
reads them. Whether they are wanted is answered by ``tuile.environment``.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

_DEFAULT_FILES = (".flaskenv", ".env")  # a later one overrules an earlier one


def load_dotenv(path: str | os.PathLike[str] | None = None, load_defaults: bool = True) -> bool:
    """Set environment variables from env files; answer whether any file held one.

    What is in the environment already stays. Then the file at `path` counts, then ``.env``,
    then ``.flaskenv``; these two are searched upwards from the current directory and left out
    when `load_defaults` is false. A `path` that is no file is passed over.

    Without python-dotenv nothing is loaded, and a tip is printed if there is a file to load.
    """
    try:
        import dotenv  # noqa: PLC0415 - optional, and only needed here
    except ImportError:
        if path or any(Path(name).is_file() for name in _DEFAULT_FILES):
            click.secho(
                " * Tip: There are .env files present. Install python-dotenv to use them.",
                fg="yellow",
                err=True,
            )
        return False

    files: list[str | os.PathLike[str]] = []
    if load_defaults:
        # An empty string is dotenv's word for "there is none".
        files.extend(filter(None, (dotenv.find_dotenv(n, usecwd=True) for n in _DEFAULT_FILES)))
    if path is not None and Path(path).is_file():
        files.append(path)

    values: dict[str, str | None] = {}
    for file in files:
        values.update(dotenv.dotenv_values(file, encoding="utf-8"))
    for key, value in values.items():
        if value is not None:  # a key without "="
            os.environ.setdefault(key, value)
    return bool(values)
