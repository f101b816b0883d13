"""Explain a request that an inspector has recorded: ``tuile explain 5``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tuile.cli.inspecting import ask_inspector

if TYPE_CHECKING:
    from .forms import Options


class Recorded:
    """A recorded request.

    Args:
        number: Its id.
        inspector: The address of the inspector; None if it was not given.
    """

    def __init__(self, number: int, inspector: str | None) -> None:
        self._number = number
        self._inspector = inspector

    def text(self) -> str:
        """Return its tables for a terminal."""
        return ask_inspector(self._inspector, f"requests/{self._number}.txt")

    def data(self) -> object:
        """Return it as JSON data."""
        found: object = json.loads(ask_inspector(self._inspector, f"requests/{self._number}.json"))
        return found


def explain_recorded(text: str, options: Options) -> Recorded | None:
    """Explain a recorded request by its id."""
    number = text.strip()
    return (
        Recorded(int(number), options.inspector)
        if number.isascii() and number.isdecimal() and len(number) < 12
        else None
    )
