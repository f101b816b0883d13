"""One error, and what can be found out about it: the application, the rule, the line of the user's own code."""

from __future__ import annotations

import linecache
import traceback
import typing as t
from functools import lru_cache
from pathlib import Path

if t.TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator, Mapping

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
        step, found = self.error.__traceback__, None
        while step is not None:
            if not _is_of_a_library(step.tb_frame.f_code.co_filename):
                found = step
            step = step.tb_next
        if found is None:
            return ""
        frame = found.tb_frame
        return linecache.getline(frame.f_code.co_filename, found.tb_lineno, frame.f_globals).strip()

    def is_raised_by_user(self) -> bool:
        """Return whether the innermost frame is the user's own code."""
        frames = list(traceback.walk_tb(self.error.__traceback__))
        return bool(frames) and not _is_of_a_library(frames[-1][0].f_code.co_filename)

    def functions(self) -> Iterator[str]:
        """Yield the names of the functions in which the error was, the innermost first."""
        for frame, _ in reversed(list(traceback.walk_tb(self.error.__traceback__))):
            yield frame.f_code.co_name


@lru_cache(maxsize=1024)
def _is_of_a_library(filename: str) -> bool:
    return any(folder in filename for folder in _LIBRARIES)


def says(text: str) -> Hint:
    """Return a function that fills the groups of the match into a text."""
    return lambda mistake: text.format(*mistake.match.groups())
