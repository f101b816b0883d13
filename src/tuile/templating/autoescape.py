"""Which functions for `autoescape` depend on the name of a template alone."""

from __future__ import annotations

from types import MethodType

#: Those functions: what they return may be kept. `sansio.app`, which is in a higher layer, adds its method.
plain_escapes: set[object] = set()


def is_plain(escape: object) -> bool:
    """Return whether a value of `autoescape` is a method of an application that depends on the name alone."""
    return type(escape) is MethodType and escape.__func__ in plain_escapes
