"""Load environment variables from `.env` and `.flaskenv` with python-dotenv, unless other users can write to them."""

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
    """Set environment variables from env files, and return whether any file had one.

    Variables that are already set are kept. Otherwise the file at `path` comes first, then `.env`, then `.flaskenv`.
    The latter two are searched for from the current directory upwards, and left out if `load_defaults` is false. A
    `path` that does not exist is ignored.

    A file that belongs to another user, or that every user may write to, is refused with a message: anyone who can
    write to it can run code as the user who starts the application. Files of root are accepted.

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
        # dotenv returns an empty string if there is none.
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
    """Open a file, or print why it is refused."""
    # The open file is checked, because the path may lead to another file by now.
    with open(path, encoding="utf-8") as stream:
        why = _why_refused(os.fstat(stream.fileno()), os.lstat(path))
        if why is None:
            yield stream
            return
    click.secho(f" * Refused to read {os.fspath(path)}: {why}.", fg="red", err=True)


def _why_refused(file: os.stat_result, link: os.stat_result) -> str | None:
    """Return why a file is not trusted, or None. `link` is the status of the path itself, which may be a symlink."""
    if not hasattr(os, "geteuid"):  # pragma: no cover - Windows, where modes and owners have another meaning
        return None
    trusted = {0, os.geteuid()}
    for found, what in ((file, "it"), (link, "the link to it")):
        if found.st_uid not in trusted:
            return f"{what} belongs to another user (uid {found.st_uid}); if it is yours, chown it"
    if file.st_mode & stat.S_IWOTH:
        return "every user may write to it; chmod o-w it"
    return None
