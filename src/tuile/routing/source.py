"""Compile source that is generated from a rule, so that tracebacks and debuggers show it."""

from __future__ import annotations

import typing as t


class _Source:
    """A loader from which `linecache` gets the lines of generated code."""

    def __init__(self, source: str) -> None:
        self._source = source

    def get_source(self, name: str) -> str:
        """Return the source."""
        return self._source


def compiled(function: str, title: str, source: str, names: dict[str, t.Any]) -> t.Any:
    """Return the function that some generated source defines.

    Args:
        function: Its name.
        title: The name of the file that tracebacks show.
        source: The source, in which every text of the rule is quoted.
        names: The names that it uses.
    """
    scope = {"__name__": title, "__loader__": _Source(source), **names}
    exec(compile(source, title, "exec"), scope)  # noqa: S102 - made of a rule, every text in it quoted
    return scope[function]
