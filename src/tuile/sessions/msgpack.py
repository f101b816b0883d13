"""Read msgpack, the format in which Flask-Session stores sessions (https://github.com/msgpack/msgpack/blob/master/spec.md).

Only what that library writes is read: maps with text as keys, lists, text, octets, numbers, booleans, None and moments.
"""

from __future__ import annotations

import struct
import typing as t
from datetime import datetime, timedelta, timezone

#: How deep values may be nested.
MOST_NESTED: t.Final = 100

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MOMENT = 0xFF  # the type -1 of extensions
# Numbers, by their first octet.
_NUMBERS = {
    0xCA: ">f",
    0xCB: ">d",
    0xCC: ">B",
    0xCD: ">H",
    0xCE: ">I",
    0xCF: ">Q",
    0xD0: ">b",
    0xD1: ">h",
    0xD2: ">i",
    0xD3: ">q",
}
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
# What is followed by a length of 1, 2 or 4 octets: what it is, and the format of the length.
_SIZED = {
    0xC4: ("octets", ">B"),
    0xC5: ("octets", ">H"),
    0xC6: ("octets", ">I"),
    0xC7: ("extension", ">B"),
    0xC8: ("extension", ">H"),
    0xC9: ("extension", ">I"),
    0xD9: ("text", ">B"),
    0xDA: ("text", ">H"),
    0xDB: ("text", ">I"),
    0xDC: ("list", ">H"),
    0xDD: ("list", ">I"),
    0xDE: ("map", ">H"),
    0xDF: ("map", ">I"),
}
# Extensions of a fixed length.
_EXTENSIONS = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}


def loads(raw: bytes) -> object:
    """Return the value in octets.

    Raises:
        ValueError: If this is no msgpack, or has something else than the types above.
    """
    reader = _Reader(raw)
    value = reader.value(0)
    if reader.at != len(raw):
        message = "There is something behind the value."
        raise ValueError(message)
    return value


class _Reader:
    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at = 0

    def take(self, length: int) -> bytes:
        start, self.at = self.at, self.at + length
        if self.at > len(self.raw):
            message = "The value is incomplete."
            raise ValueError(message)
        return self.raw[start : self.at]

    def number(self, form: str) -> int:
        number: int = struct.unpack(form, self.take(struct.calcsize(form)))[0]  # or a float
        return number

    def value(self, depth: int) -> object:
        if depth > MOST_NESTED:
            message = "The value is nested too deeply."
            raise ValueError(message)
        first = self.take(1)[0]
        if first < 0x80:
            return first
        if first >= 0xE0:
            return first - 0x100
        if first in _CONSTANTS:
            return _CONSTANTS[first]
        if first in _NUMBERS:
            return self.number(_NUMBERS[first])
        if first in _EXTENSIONS:
            return self.sized("extension", _EXTENSIONS[first], depth)
        if first in _SIZED:
            kind, form = _SIZED[first]
            return self.sized(kind, self.number(form), depth)
        if first < 0xC0:
            kind = "map" if first < 0x90 else "list" if first < 0xA0 else "text"
            return self.sized(kind, first & (0x1F if kind == "text" else 0x0F), depth)
        message = f"There is nothing that begins with {first:#x}."
        raise ValueError(message)

    def sized(self, kind: str, size: int, depth: int) -> object:
        if kind == "octets":
            return self.take(size)
        if kind == "text":
            return self.take(size).decode()
        if kind == "extension":
            return _moment(self.take(1)[0], self.take(size))
        # Each item takes an octet at least, so a false size ends where the octets do.
        if kind == "list":
            return [self.value(depth + 1) for _ in range(size)]
        found: dict[str, object] = {}
        for _ in range(size):
            key = self.value(depth + 1)
            if not isinstance(key, str):
                message = "A key is not text."
                raise ValueError(message)  # noqa: TRY004 - what was read is no msgpack of ours
            found[key] = self.value(depth + 1)
        return found


def _moment(kind: int, raw: bytes) -> datetime:
    if kind == _MOMENT and len(raw) == 4:
        seconds, nanoseconds = struct.unpack(">I", raw)[0], 0
    elif kind == _MOMENT and len(raw) == 8:
        both = struct.unpack(">Q", raw)[0]
        seconds, nanoseconds = both & (2**34 - 1), both >> 34
    elif kind == _MOMENT and len(raw) == 12:
        nanoseconds, seconds = struct.unpack(">Iq", raw)
    else:
        message = "There is a value of an unknown type."
        raise ValueError(message)
    try:
        return _EPOCH + timedelta(seconds=seconds, microseconds=nanoseconds // 1000)
    except OverflowError:
        message = "There is a moment beyond all calendars."
        raise ValueError(message) from None
