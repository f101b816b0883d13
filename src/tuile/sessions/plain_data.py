"""Read the content of a session that another library has stored: msgpack, JSON, or a pickle of plain data."""

from __future__ import annotations

import json
import typing as t
from datetime import datetime

from . import msgpack, plain_pickle

#: How many values a session may have: one object that is in many places would be written as many times.
_MOST_VALUES = 200_000
_MOST_NESTED = msgpack.MOST_NESTED
_PLAIN = (str, bytes, int, float, bool, type(None), datetime)

T = t.TypeVar("T")


def content_in(raw: bytes) -> dict[str, object]:
    """Return the content of a session.

    Raises:
        ValueError: If it is not a dictionary of plain data in one of these formats.
    """
    for loads in (msgpack.loads, json.loads, plain_pickle.loads):
        try:
            value: object = loads(raw)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return plain_content(value)
    message = "It is neither msgpack nor JSON nor a pickle of plain data."
    raise ValueError(message)


def plain_content(value: object) -> dict[str, object]:
    """Return a copy of a dictionary that has only plain data in it.

    Raises:
        ValueError: If there is anything else, or too much.
    """
    if type(value) is not dict or not all(type(key) is str for key in value):
        message = "It is not a dictionary with text as keys."
        raise ValueError(message)
    return t.cast("dict[str, object]", _Copy().of(value, 0))


class _Copy:
    def __init__(self) -> None:
        self._left = _MOST_VALUES

    def of(self, value: object, depth: int) -> object:
        self._left -= 1
        if self._left < 0 or depth > _MOST_NESTED:
            message = "There are too many values in it, or they are nested too deeply."
            raise ValueError(message)
        if type(value) in _PLAIN:
            return value
        if type(value) is bytearray:
            return bytes(value)
        if type(value) is dict:
            if not all(type(key) in {str, int, float, bool, type(None)} for key in value):
                message = "There is a key in it that JSON does not have."
                raise ValueError(message)
            return {key: self.of(one, depth + 1) for key, one in value.items()}
        if isinstance(value, (list, set, frozenset)):
            return [self.of(one, depth + 1) for one in value]
        if type(value) is tuple:
            return tuple([self.of(one, depth + 1) for one in value])
        message = f"There is a {type(value).__name__} in it."
        raise ValueError(message)
