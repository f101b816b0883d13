"""What is registered for the start and the end of serving. It needs no asyncio."""

from __future__ import annotations

import typing as t

_Function: t.TypeAlias = t.Callable[..., object]


class ServingHooks:
    """The functions that are registered for the start and the end of serving."""

    def __init__(self) -> None:
        self.before: list[_Function] = []
        self.after: list[_Function] = []
        self.around: list[_Function] = []
