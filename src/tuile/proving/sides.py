"""The two sides of a comparison: Flask and Tuile, each with an environment for its processes."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import typing as t
from datetime import datetime, timezone

from .. import shim
from ..packages import installed_version

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FLASK, TUILE = "flask", "tuile"
SIDES = (FLASK, TUILE)
CALLED = {FLASK: "Flask", TUILE: "Tuile"}

#: The variable that tells the application's own code which side it runs on.
SIDE = "TUILE_PROVE_SIDE"
_WITNESS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "witness")
_ASK_S = 60
_ASK = """
import json, platform, sys
import flask
from importlib.metadata import version
print(json.dumps({"file": flask.__file__, "flask": version("flask"), "werkzeug": version("werkzeug"),
                  "python": platform.python_version(), "is_tuile": type(flask).__module__.startswith("tuile.")}))
"""


class CannotCompare(Exception):
    """There is nothing to compare. The message says why, and what to do."""


class Facts(t.NamedTuple):
    """What is compared, and on which machine."""

    flask: str
    flask_file: str
    werkzeug: str
    python: str
    tuile: str
    machine: str
    when: str

    def lines(self) -> dict[str, str]:
        """Return the facts for a report."""
        return {
            "Flask": f"{self.flask} with Werkzeug {self.werkzeug}, {self.flask_file}",
            "Tuile": self.tuile,
            "Python": self.python,
            "Machine": self.machine,
            "Date": self.when,
        }


def environment(side: str, witness: str | None, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for the processes of a side.

    Args:
        side: `FLASK` or `TUILE`.
        witness: The folder in which processes write which Flask they had; None: they need not.
        base: The environment to begin with; by default that of this process.
    """
    environ = dict(os.environ if base is None else base)
    entries = [entry for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry and entry != shim.START]
    if witness is not None:
        entries.insert(0, _WITNESS)
        environ["TUILE_PROVE_WITNESS"] = witness
    environ["PYTHONPATH"] = os.pathsep.join(entries)
    if side == TUILE:
        shim.reach_children(environ)
        environ.pop(shim.VARIABLE, None)
    else:
        environ[shim.VARIABLE] = "0"
        if not entries:
            del environ["PYTHONPATH"]
    environ.pop("FLASK_RUN_FROM_CLI", None)
    environ.setdefault("PYTHONHASHSEED", "0")  # sets have one order on both sides
    environ[SIDE] = side
    return environ


def find_facts(interpreter: str) -> Facts:
    """Return what is compared.

    Args:
        interpreter: The Python that runs the application.

    Raises:
        CannotCompare: If it has no Flask of its own.
    """
    found = _ask(interpreter, FLASK)
    if found is None or found["is_tuile"]:
        raise CannotCompare(
            f"Flask itself is not installed for {interpreter}, so there is nothing to compare Tuile with."
            f" Run: {interpreter} -m pip install flask=={shim.INTERFACE}"
        )
    tuile = _ask(interpreter, TUILE)
    if tuile is None or not tuile["is_tuile"]:
        raise CannotCompare(
            f"{interpreter} cannot import Tuile where it imports Flask. Run: {interpreter} -m pip install tuile"
        )
    return Facts(
        flask=str(found["flask"]),
        flask_file=os.path.dirname(str(found["file"])),
        werkzeug=str(found["werkzeug"]),
        python=str(found["python"]),
        tuile=installed_version("tuile") or "from its source",
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        when=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _ask(interpreter: str, side: str) -> dict[str, object] | None:
    """Return what a side imports as Flask; None if it cannot."""
    try:
        result = subprocess.run(  # noqa: S603 - the interpreter of the user's command
            [interpreter, "-c", _ASK],
            env=environment(side, None),
            capture_output=True,
            timeout=_ASK_S,
            check=False,
        )
        found = json.loads(result.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None
    return found if isinstance(found, dict) else None


def interpreter_of(command: Sequence[str]) -> str:
    """Return the Python that a command runs on, as far as its first line says it; this one otherwise."""
    program = command[0]
    if os.path.basename(program).startswith(("python", "pypy")):
        return program
    try:
        with open(program, "rb") as file:
            first = file.readline(1000)
    except OSError:
        return sys.executable
    if not first.startswith(b"#!"):
        return sys.executable
    words = first[2:].decode("utf-8", "replace").split()
    if words and os.path.basename(words[0]) == "env":
        words = [found for word in words[1:] if not word.startswith("-") and (found := shutil.which(word))]
    return words[0] if words and "python" in os.path.basename(words[0]) and os.path.exists(words[0]) else sys.executable


def check_witnesses(folders: Mapping[str, str]) -> None:
    """Check that each side has run what it is named after.

    Args:
        folders: The folder in which the processes of each side wrote.

    Raises:
        CannotCompare: If they have not.
    """
    for side, folder in folders.items():
        seen: set[str] = set()
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                seen.add(file.readline().strip())
        if not seen:
            raise CannotCompare(
                f"No process on the side of {CALLED[side]} has imported Flask, so nothing was compared. An application"
                " is compared if it says 'import flask' or 'from flask import ...', not 'tuile'."
            )
        if seen != {side}:
            others = ", ".join(CALLED.get(which, which) for which in sorted(seen - {side}))
            raise CannotCompare(
                f"A process on the side of {CALLED[side]} has run on {others}, so nothing was compared. Is the shim"
                " installed by the tests, by a conftest.py, or by '-p tuile.testing.shim'?"
            )
