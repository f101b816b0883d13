"""Environment variables from ``.env`` and ``.flaskenv``.

Here live the order in which the files count, which files are refused, and the tip for a missing python-dotenv, which
reads them. Whether they are wanted is answered by ``tuile.environment``.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import TextIOWrapper

_DEFAULT_FILES = (".flaskenv", ".env")  # a later one overrules an earlier one


def load_dotenv(path: str | os.PathLike[str] | None = None, load_defaults: bool = True) -> bool:
    """Set environment variables from env files; answer whether any file held one.

    What is in the environment already stays. Then the file at `path` counts, then ``.env``,
    then ``.flaskenv``; these two are searched upwards from the current directory and left out
    when `load_defaults` is false. A `path` that is no file is passed over.

    A file of another user, or one that every user may write to, is refused with a message: whoever
    writes to it runs code as the one who starts the application. A file of root's is read.

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
        for stream in _opened(file):
            values.update(dotenv.dotenv_values(stream=stream))
    for key, value in values.items():
        if value is not None:  # a key without "="
            os.environ.setdefault(key, value)
    return bool(values)


def _opened(path: str | os.PathLike[str]) -> Iterator[TextIOWrapper]:
    """Open a file, once; or tell why it is refused, and do not."""
    # What is read is what was looked at: the open file, and not what may have taken its place.
    with open(path, encoding="utf-8") as stream:
        why = _why_refused(os.fstat(stream.fileno()), os.lstat(path))
        if why is None:
            yield stream
            return
    click.secho(f" * Refused to read {os.fspath(path)}: {why}.", fg="red", err=True)


def _why_refused(file: os.stat_result, link: os.stat_result) -> str | None:
    """Say why a file is not to be trusted; None for one that is. Of two results the second is that of a link to it."""
    if not hasattr(os, "geteuid"):  # pragma: no cover - Windows, where modes and owners mean other things
        return None
    trusted = {0, os.geteuid()}
    for found, what in ((file, "it"), (link, "the link to it")):
        if found.st_uid not in trusted:
            return f"{what} belongs to another user (uid {found.st_uid}); if it is yours, chown it"
    if file.st_mode & stat.S_IWOTH:
        return "every user may write to it; chmod o-w it"
    return None
