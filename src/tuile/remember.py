"""Remember what a function returned, bounded by bytes, where clients choose the arguments."""

from __future__ import annotations

import typing as t
from functools import lru_cache, wraps

#: Longer texts are computed each time: how many are remembered then bounds how many bytes are.
LONGEST = 256

Value = t.TypeVar("Value")


def remembers_short(count: int) -> t.Callable[[t.Callable[[str], Value]], t.Callable[[str], Value]]:
    """Decorate a function of one text, to remember its results for short texts.

    Args:
        count: how many results are remembered. The one that was used least recently goes first.
    """

    def decorate(function: t.Callable[[str], Value]) -> t.Callable[[str], Value]:
        remembered = lru_cache(maxsize=count)(function)

        @wraps(function)
        def call(text: str) -> Value:
            return remembered(text) if len(text) <= LONGEST else function(text)

        return call

    return decorate
