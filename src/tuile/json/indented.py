"""Write JSON with an indentation of two spaces, as `json.dumps` does with `indent=2`, which has no C code for it."""

from __future__ import annotations

import typing as t
from json import encoder as _encoder
from math import isfinite

if t.TYPE_CHECKING:
    from collections.abc import Callable

# What is nested more deeply may contain itself.
_DEEPEST = 40


class _Unusual(Exception):
    """There is something that `json.dumps` has to write or to refuse."""


def indented(obj: object, *, ensure_ascii: bool, sort_keys: bool) -> str | None:
    """Return an object as indented JSON text.

    Args:
        obj: The object.
        ensure_ascii: Whether to escape characters beyond ASCII.
        sort_keys: Whether to sort the keys of objects.

    Returns:
        None if `json.dumps` has to write it: it contains other types than exactly those of JSON, keys that are no
        text, numbers that are not finite, or is nested too deeply.
    """
    quote = _encoder.encode_basestring_ascii if ensure_ascii else _encoder.encode_basestring
    try:
        return _written(obj, quote, sort_keys, "\n", 0)
    except (_Unusual, TypeError):
        # Such as for keys that cannot be sorted.
        return None


def _written(obj: object, quote: Callable[[str], str], sort_keys: bool, line: str, depth: int) -> str:
    kind = type(obj)
    if isinstance(obj, str) and kind is str:
        return quote(obj)
    if kind is int or (isinstance(obj, float) and kind is float and isfinite(obj)):
        return repr(obj)
    if isinstance(obj, list) and kind is list:
        inner = _inner(line, depth)
        parts = [_written(one, quote, sort_keys, inner, depth + 1) for one in obj]
        return f"[{inner}{f',{inner}'.join(parts)}{line}]" if parts else "[]"
    if isinstance(obj, dict) and kind is dict:
        inner = _inner(line, depth)
        parts = []
        for key, value in sorted(obj.items()) if sort_keys else obj.items():
            if type(key) is not str:
                raise _Unusual
            parts.append(f"{quote(key)}: {_written(value, quote, sort_keys, inner, depth + 1)}")
        return f"{{{inner}{f',{inner}'.join(parts)}{line}}}" if parts else "{}"
    if obj is None:
        return "null"
    if kind is bool:
        return "true" if obj else "false"
    raise _Unusual


def _inner(line: str, depth: int) -> str:
    """Return the line break and the indentation of what is inside."""
    if depth > _DEEPEST:
        raise _Unusual
    return f"{line}  "
