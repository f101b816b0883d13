"""The command new, which makes a small application with tests."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from string import Template
from typing import Final

import click

from tuile.keys.secret import new_key

_TEMPLATES: Final = Path(__file__).parent / "new_project"

# Which file of the application is made from which template.
_FILES: Final = {
    "app.py": "app.py.txt",
    "templates/index.html": "templates/index.html.txt",
    "static/style.css": "static/style.css.txt",
    "tests/test_app.py": "tests/test_app.py.txt",
    "instance/config.py": "instance_config.py.txt",
    "pyproject.toml": "pyproject.toml.txt",
    "requirements.txt": "requirements.txt.txt",
    "README.md": "README.md.txt",
    ".gitignore": "gitignore.txt",
}
# What only the owner may read.
_SECRET: Final = frozenset({"instance/config.py"})

_is_name = re.compile(r"[A-Za-z][A-Za-z0-9_-]*").fullmatch


@click.command("new", short_help="Make a small application with tests.")
@click.argument("folder", metavar="NAME", type=click.Path(path_type=Path))
def new_command(folder: Path) -> None:
    """Make a folder NAME with a small application: a page, a cookie, a session, and tests of them.

    Its SECRET_KEY is new, and in a file that git ignores. Nothing that exists is changed: a folder of that name must
    be empty.
    """
    name = folder.resolve().name
    if not _is_name(name):
        raise click.UsageError(
            f"{name!r} cannot be the name of an application: it begins with a letter, and has only letters, digits,"
            " '-' and '_'. Write: tuile new my-shop"
        )
    try:
        _make(folder, {"name": name, "key": new_key(), "test_key": new_key()})
    except OSError as error:
        raise click.ClickException(f"Cannot write {error.filename}: {error.strerror}") from None
    click.echo(f"Made {len(_FILES)} files in {folder}:\n")
    for file in _FILES:
        click.echo(f"    {file}")
    click.echo(_next_steps(folder))


def _make(folder: Path, values: dict[str, str]) -> None:
    """Write the files of an application.

    Raises:
        click.ClickException: If there is something in the folder.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise click.ClickException(f"{folder} exists and is not an empty folder. Nothing was changed.")
    for file, template in _FILES.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        text = Template((_TEMPLATES / template).read_text(encoding="utf-8")).substitute(values)
        mode = 0o600 if file in _SECRET else 0o666  # less what the umask takes away
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "w", encoding="utf-8") as opened:
            opened.write(text)


def _next_steps(folder: Path) -> str:
    change = "" if folder.resolve() == Path.cwd() else f"    cd {shlex.quote(str(folder))}\n"
    return f"""
Next:

{change}    python3 -m venv .venv
    .venv/bin/pip install -r requirements.txt
    .venv/bin/pytest
    .venv/bin/tuile run --debug
"""
