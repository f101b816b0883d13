"""How many references `sys.getrefcount` counts for an object that nothing else refers to."""

from __future__ import annotations

import sys
from types import SimpleNamespace


def _count_references(value: object) -> int:
    return sys.getrefcount(value)


def _count_all() -> tuple[int, int, int]:
    value, owner = object(), SimpleNamespace(value=object())
    return sys.getrefcount(value), _count_references(value), sys.getrefcount(owner.value)


#: The results of `sys.getrefcount` for an object that only a local variable refers to; for a parameter, given by such a
#: variable; and for an object that only an attribute refers to. They depend on the interpreter: from CPython 3.14 on,
#: what is passed by a variable borrows its reference.
REFERENCES, REFERENCES_PASSED, REFERENCES_OF_ATTRIBUTE = _count_all()
