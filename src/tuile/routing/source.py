"""Compile source that is generated from a rule, so that tracebacks and debuggers show it."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    import ast


class _Source:
    """A loader from which `linecache` gets the lines of generated code."""

    def __init__(self, source: str) -> None:
        self._source = source

    def get_source(self, name: str) -> str:
        """Return the source."""
        return self._source


def compiled(
    function: str, title: str, source: str, names: t.Mapping[str, object], tree: ast.Module | None = None
) -> object:
    """Return the function that some generated source defines.

    Args:
        function: Its name.
        title: The name of the file that tracebacks show.
        source: The source, in which every text of the rule is quoted.
        names: The names that it uses.
        tree: What to compile, where it is not the source as it is.
    """
    scope: dict[str, object] = {"__name__": title, "__loader__": _Source(source), **names}
    exec(compile(source if tree is None else tree, title, "exec"), scope)  # noqa: S102 - made of a rule, every text in it quoted
    return scope[function]
