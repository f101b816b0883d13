"""One error, and what can be found out about it: the application, the rule, the line of the user's own code."""

from __future__ import annotations

import linecache
import traceback
import typing as t
from pathlib import Path

if t.TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator, Mapping
    from types import FrameType

    from werkzeug.routing import Rule

    from ..sansio.app import App

    Hint = Callable[["Mistake"], str | None]

# Frames of files with one of these in their path are not the user's: Tuile's, installed packages', Python's own.
_LIBRARIES = (
    str(Path(__file__).parents[1]),
    "site-packages",
    "dist-packages",
    str(Path(linecache.__file__).parent),
)


class Mistake(t.NamedTuple):
    """An error whose text a pattern has matched.

    Attributes:
        error: The error.
        match: The match in the name of its class and its text.
        app: The application, if there is one.
        rule: The rule that matched the request, if there is a request.
    """

    error: BaseException
    match: re.Match[str]
    app: App | None
    rule: Rule | None

    @property
    def config(self) -> Mapping[str, object]:
        """The settings of the application; empty if there is none."""
        return {} if self.app is None else self.app.config

    def setting(self, *names: str) -> tuple[str, object] | None:
        """Return the first of these settings that is text, with its name."""
        return next(((name, self.config[name]) for name in names if isinstance(self.config.get(name), str)), None)

    def line(self) -> str:
        """Return the innermost line of the user's own code that the error came through, or ""."""
        found = ""
        for frame, number in traceback.walk_tb(self.error.__traceback__):
            if not _is_of_a_library(frame):
                found = linecache.getline(frame.f_code.co_filename, number, frame.f_globals)
        return found.strip()

    def is_raised_by_user(self) -> bool:
        """Return whether the innermost frame is the user's own code."""
        frames = list(traceback.walk_tb(self.error.__traceback__))
        return bool(frames) and not _is_of_a_library(frames[-1][0])

    def functions(self) -> Iterator[str]:
        """Yield the names of the functions in which the error was, the innermost first."""
        for frame, _ in reversed(list(traceback.walk_tb(self.error.__traceback__))):
            yield frame.f_code.co_name


def _is_of_a_library(frame: FrameType) -> bool:
    return any(folder in frame.f_code.co_filename for folder in _LIBRARIES)


def says(text: str) -> Hint:
    """Return a function that fills the groups of the match into a text."""
    return lambda mistake: text.format(*mistake.match.groups())
