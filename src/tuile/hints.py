"""Hints on errors: what to write instead, without changing the text of an error that other programs may compare."""

from __future__ import annotations


def add_hint(error: BaseException, text: str) -> None:
    """Add a text to an error, which Python shows below it (PEP 678; from CPython 3.11 on)."""
    notes: list[str] = getattr(error, "__notes__", [])
    if text not in notes:
        # Set like this on CPython 3.10 as well, where debuggers may show it.
        vars(error)["__notes__"] = [*notes, text]
