"""``tuile exec``: any program, with Tuile in Flask's place. Floor 6, the edges.

Here lives how the program is found and started. What its interpreter does first, so that Flask is
Tuile from then on, lives in ``tuile.shim``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import click

from tuile import shim

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

# Options of the interpreter with which it does not look where the stand-in is waiting, and why.
_DEAF = {
    "E": "ignores PYTHONPATH",
    "I": "ignores PYTHONPATH",
    "S": "does not run sitecustomize",
}
# Options that take a value, and those after which the program's own arguments come.
_WITH_VALUE = "WX"
_LAST = "cm"


class _NotFound(click.ClickException):
    """There is no such program. The exit code is what a shell, env and nohup say then."""

    exit_code = 127


class _NotExecutable(click.ClickException):
    """What there is cannot be executed."""

    exit_code = 126


@click.command(
    "exec",
    short_help="Run any program on Tuile.",
    context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True},
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
def exec_command(command: tuple[str, ...]) -> None:
    r"""Run a program, and the Python programs it starts, with Tuile where they import Flask.

    COMMAND is a program with its arguments, the path of a Python script, or '-m' and a module:

    \b
        tuile exec gunicorn app:app
        tuile exec pytest -x
        tuile exec celery --app tasks worker
        tuile exec script.py
        tuile exec -m package.module

    The program is looked for beside the Python that Tuile is installed in, then on PATH. It takes the
    place of this process, so signals and the exit code are its own.
    """
    start(find_program(command))


def find_program(command: Sequence[str]) -> list[str]:
    """Return a command with the path of its program in front.

    Raises a ClickException with the exit code of a shell when there is none.
    """
    name, *arguments = command
    if name == "-m":
        return [sys.executable, *command]
    if name.startswith("-"):
        raise click.NoSuchOption(name)
    # Beside this interpreter first: `.venv/bin/tuile exec gunicorn` means the gunicorn of that environment.
    found = name if os.path.dirname(name) else shutil.which(name, path=_beside()) or shutil.which(name)
    if name.endswith(".py") and os.path.isfile(name) and not (found and os.access(found, os.X_OK)):
        return [sys.executable, name, *arguments]
    if found is None:
        raise _NotFound(
            f"There is no program {name!r}, neither in {_beside()} nor on PATH."
            f" If it is a module, say 'tuile exec -m {name}'."
        )
    if not os.path.exists(found):
        raise _NotFound(f"There is no file {name!r}.")
    if os.path.isdir(found) or not os.access(found, os.X_OK):
        raise _NotExecutable(f"{name!r} is not a program: the system does not let it be executed.")
    return [found, *arguments]


def start(command: Sequence[str]) -> NoReturn:
    """Become the program, with an environment in which its interpreter finds the stand-in."""
    reason = _why_deaf(command)
    if reason is not None:
        click.secho(
            f"Warning: {' '.join(command[:2])} {reason}, so this program gets Flask itself and not Tuile.",
            err=True,
            fg="yellow",
        )
    environ = dict(os.environ)
    shim.reach_children(environ)
    # Set for this command line alone: with it, the program's own app.run() would do nothing.
    environ.pop("FLASK_RUN_FROM_CLI", None)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        if os.name == "nt":  # where exec starts a second process and ends this one at once
            sys.exit(subprocess.run(command, env=environ, check=False).returncode)  # noqa: S603 - the user's own command
        # The path is also its argv[0]: by that an interpreter finds its environment.
        os.execve(command[0], list(command), environ)  # noqa: S606 - as above
    except OSError as error:
        raise _NotExecutable(f"{command[0]!r} cannot be started: {error.strerror}.") from None


def _beside() -> str:
    return os.path.dirname(sys.executable)


def _why_deaf(command: Sequence[str]) -> str | None:
    """Say why an interpreter started like this never sees the stand-in; None for one that does."""
    if not os.path.basename(command[0]).startswith(("python", "pypy")):
        return None
    arguments = iter(command[1:])
    for argument in arguments:
        if not argument.startswith("-") or argument == "-":
            return None
        for position, letter in enumerate(argument[1:], 2):
            if letter in _DEAF:
                return _DEAF[letter]
            if letter in _LAST:
                return None
            if letter in _WITH_VALUE:
                if position == len(argument):
                    next(arguments, None)
                break
    return None
