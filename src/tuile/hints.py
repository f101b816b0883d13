"""Hints on errors: what to write instead, without changing the text of an error that other programs may compare."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Mapping


def add_hint(error: BaseException, text: str) -> None:
    """Add a text to an error, which Python shows below it (PEP 678; from CPython 3.11 on)."""
    notes: list[str] = getattr(error, "__notes__", [])
    if text not in notes:
        # Set like this on CPython 3.10 as well, where debuggers may show it.
        vars(error)["__notes__"] = [*notes, text]


class KnowsOtherNames:
    """The base of a class whose attributes have other names in other libraries; using one of those is told."""

    #: What to write instead of a name that the class does not have.
    _other_names: t.ClassVar[Mapping[str, str]] = {}

    if not t.TYPE_CHECKING:  # type checkers know which attributes there are

        def __getattr__(self, name):  # noqa: ANN001, ANN204 - as above
            error = AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
            if name in self._other_names:
                add_hint(error, f"Write: {self._other_names[name]}")
            raise error
