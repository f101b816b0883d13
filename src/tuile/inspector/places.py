"""Find the line of the user's that did something: the first frame outside of Tuile and of installed packages."""

from __future__ import annotations

import os
import sys
import sysconfig
import typing as t
from pathlib import Path

if t.TYPE_CHECKING:
    from types import CodeType, FrameType

    from jinja2 import Template


class Place(t.NamedTuple):
    """A line of the user's code."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    def shown(self) -> Place:
        """Return the line as it is shown: as it is."""
        return self


class KeptPlace(t.NamedTuple):
    """A line as it is kept until it is shown: the code that ran, the line, and the template that it was made of."""

    code: CodeType
    line: int
    template: Template | None

    def shown(self) -> Place:
        """Return the line as it is shown."""
        code = self.code
        if self.template is not None:
            return Place(_short(code.co_filename), self.template.get_corresponding_lineno(self.line), "template")
        return Place(_short(code.co_filename), self.line, getattr(code, "co_qualname", code.co_name))


_TUILE = str(Path(__file__).resolve().parent.parent) + os.sep
_LIBRARIES = tuple(
    {
        os.path.realpath(path) + os.sep
        for name in ("stdlib", "platstdlib", "purelib", "platlib")
        if (path := sysconfig.get_path(name))
    }
)
# Where Tuile's own code reads for the user: everything else of it reads for itself.
_FOR_THE_USER = tuple(
    _TUILE + part.replace("/", os.sep)
    for part in (
        "globals.py",
        "helpers.py",
        "templating/",
        "ctx/cookies.py",
        "ctx/functions.py",
        "cookie/",
        "inspector/",
    )
)
#: The code of the functions at which a request begins; frames beyond them belong to the server or to a test.
beginnings: dict[int, CodeType] = {}
# By their ids, because Python calculates the hash of code each time. What a file is, for a bounded number of files.
_known: dict[str, str] = {}
_MOST_FILES = 4096
_MOST_FRAMES = 60


def place_of(frame: FrameType | None) -> tuple[bool, Place | KeptPlace | None]:
    """Return whether a call was made by or for the user, and the line of the user's that led to it.

    Args:
        frame: The frame that called.

    Returns:
        Whether Tuile did not call for itself; and the line, or that of an extension if no code of the user is running.
    """
    extension: Place | None = None
    for _ in range(_MOST_FRAMES):
        if frame is None:
            break
        code = frame.f_code
        kind = _known.get(code.co_filename) or _kind_of(code.co_filename)
        if kind == "user":
            return True, _place(frame)
        if kind == "own":
            return extension is not None, extension
        if id(code) in beginnings:
            break
        if kind == "library":
            if "__jinja_template__" in frame.f_globals:
                return True, _place(frame)
            name = str(frame.f_globals.get("__name__", ""))
            if extension is None and name.partition(".")[0] not in {"werkzeug", "jinja2", "blinker", *_STDLIB}:
                extension = Place(name, frame.f_lineno, frame.f_code.co_name)
        frame = frame.f_back
    return True, extension


def place_of_error(error: BaseException) -> Place | None:
    """Return the innermost line of the user's that an error came from."""
    found, step = None, error.__traceback__
    while step is not None:
        if _kind_of(step.tb_frame.f_code.co_filename) == "user":
            code = step.tb_frame.f_code
            found = Place(_short(code.co_filename), step.tb_lineno, code.co_name)
        step = step.tb_next
    return found


def _place(frame: FrameType) -> KeptPlace:
    return KeptPlace(frame.f_code, frame.f_lineno, frame.f_globals.get("__jinja_template__"))


def _kind_of(file: str) -> str:
    """Return ``user``, ``library``, ``passing`` for what reads for the user, or ``own`` for the rest of Tuile."""
    kind = _known.get(file)
    if kind is None:
        kind = _find_kind(os.path.realpath(file) if not file.startswith("<") else file)
        if len(_known) < _MOST_FILES:
            _known[file] = kind
    return kind


def _find_kind(file: str) -> str:
    if file.startswith(_TUILE):
        return "passing" if file.startswith(_FOR_THE_USER) else "own"
    if file.startswith(("<template>", "<frozen")) or file.startswith(_LIBRARIES):
        return "library"
    return "user"


def _short(file: str) -> str:
    """Return a path relative to the current directory, if it is below it."""
    try:
        here = os.getcwd() + os.sep
    except OSError:
        return file
    return file.removeprefix(here)


_STDLIB = sys.stdlib_module_names
