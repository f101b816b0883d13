"""The command exec, which runs any program with Tuile in place of Flask.

This module finds and starts the program. ``tuile.shim`` makes its interpreter import Tuile.
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

# Options that keep an interpreter from finding the shim, and why.
_UNREACHABLE = {
    "E": "ignores PYTHONPATH",
    "I": "ignores PYTHONPATH",
    "S": "does not run sitecustomize",
}
# Options that take a value, and options that end the interpreter's own options.
_WITH_VALUE = "WX"
_LAST = "cm"


class _NotFound(click.ClickException):
    """There is no such program. The exit code is that of shells, env and nohup."""

    exit_code = 127


class _NotExecutable(click.ClickException):
    """The program cannot be executed."""

    exit_code = 126


@click.command(
    "exec",
    short_help="Run any program on Tuile.",
    context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True},
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
def exec_command(command: tuple[str, ...]) -> None:
    """Run a program, and the Python programs it starts, with Tuile where they import Flask.

    COMMAND is a program with its arguments, the path of a Python script, or '-m' and a module:

    \b
        tuile exec gunicorn app:app
        tuile exec pytest -x
        tuile exec celery --app tasks worker
        tuile exec script.py
        tuile exec -m package.module

    The program is searched in the directory of this Python, then on PATH. It replaces
    this process, so signals reach it and the exit code is its own.
    """  # noqa: D301 - click wants the character
    start(find_program(command))


def find_program(command: Sequence[str]) -> list[str]:
    """Return the command with the path of its program.

    Raises:
        ClickException: If there is no such program, or it cannot be executed. The exit code is a shell's.
    """
    name, *arguments = command
    if name == "-m":
        return [sys.executable, *command]
    if name.startswith("-"):
        raise click.NoSuchOption(name)
    # First in this interpreter's directory: `.venv/bin/tuile exec gunicorn` means that environment's gunicorn.
    found = name if os.path.dirname(name) else shutil.which(name, path=_scripts_dir()) or shutil.which(name)
    if name.endswith(".py") and os.path.isfile(name) and not (found and os.access(found, os.X_OK)):
        return [sys.executable, name, *arguments]
    if found is None:
        raise _NotFound(
            f"Program {name!r} was found neither in {_scripts_dir()} nor on PATH."
            f" If it is a module, use 'tuile exec -m {name}'."
        )
    if not os.path.exists(found):
        raise _NotFound(f"File {name!r} does not exist.")
    if os.path.isdir(found) or not os.access(found, os.X_OK):
        raise _NotExecutable(f"{name!r} is not an executable file.")
    return [found, *arguments]


def start(command: Sequence[str]) -> NoReturn:
    """Replace this process by the program, with an environment in which it finds the shim."""
    reason = _why_unreachable(command)
    if reason is not None:
        click.secho(
            f"Warning: {' '.join(command[:2])} {reason}, so this program gets Flask and not Tuile.",
            err=True,
            fg="yellow",
        )
    environ = dict(os.environ)
    shim.reach_children(environ)
    # Meant for this process only: it turns the program's own app.run() into a no-op.
    environ.pop("FLASK_RUN_FROM_CLI", None)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        if os.name == "nt":  # exec would start a second process and end this one at once
            sys.exit(subprocess.run(command, env=environ, check=False).returncode)  # noqa: S603 - the user's own command
        # The path is also its argv[0], from which an interpreter finds its environment.
        os.execve(command[0], list(command), environ)  # noqa: S606 - as above
    except OSError as error:
        raise _NotExecutable(f"{command[0]!r} cannot be started: {error.strerror}.") from None


def _scripts_dir() -> str:
    return os.path.dirname(sys.executable)


def _why_unreachable(command: Sequence[str]) -> str | None:
    """Return why an interpreter started by this command ignores the shim; None if it does not."""
    if not os.path.basename(command[0]).startswith(("python", "pypy")):
        return None
    arguments = iter(command[1:])
    for argument in arguments:
        if not argument.startswith("-") or argument == "-":
            return None
        for position, letter in enumerate(argument[1:], 2):
            if letter in _UNREACHABLE:
                return _UNREACHABLE[letter]
            if letter in _LAST:
                return None
            if letter in _WITH_VALUE:
                if position == len(argument):
                    next(arguments, None)
                break
    return None
