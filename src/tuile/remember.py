"""Cache the results of functions whose arguments come from clients, within a limit in bytes."""

from __future__ import annotations

import typing as t
from functools import lru_cache, wraps

#: Results for longer texts are not remembered, so that a limit on their number also limits their size.
LONGEST = 256

Value = t.TypeVar("Value")


def remembers_short(count: int) -> t.Callable[[t.Callable[[str], Value]], t.Callable[[str], Value]]:
    """Decorate a function of one text so that it remembers its results for short texts.

    Args:
        count: How many results are remembered. The least recently used one is forgotten first.
    """

    def decorate(function: t.Callable[[str], Value]) -> t.Callable[[str], Value]:
        remembered = lru_cache(maxsize=count)(function)

        @wraps(function)
        def call(text: str) -> Value:
            return remembered(text) if len(text) <= LONGEST else function(text)

        return call

    return decorate
