"""What a peer gives for work that is a plain call.

What must live here: that one class, apart from the doors, so that a peer's module loads nothing else with it.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager


class Call:
    """A function without arguments, and what makes the context that must be around it."""

    def __init__(
        self, function: Callable[[], object], context: Callable[[], AbstractContextManager[object]] = nullcontext
    ) -> None:
        self.function = function
        self.context = context
