"""Read pickles of plain data without running any: old sessions of Flask-Session in files, and of its old versions.

A pickle is a program that may import and call whatever it names. Here `pickletools` only takes it apart, and those of
its instructions that build dictionaries, lists, tuples, sets, text, octets, numbers, booleans and None are followed;
one that does anything else is refused as a whole. `pickle` is not used.
"""

from __future__ import annotations

import pickletools
import typing as t

#: A value of any type.
Value: t.TypeAlias = t.Any

#: How many instructions a pickle may have.
_MOST_INSTRUCTIONS = 500_000

_CONSTANTS: dict[str, object] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
# Their argument is the value.
_VALUES = frozenset(
    {
        "INT",
        "BININT",
        "BININT1",
        "BININT2",
        "LONG",
        "LONG1",
        "LONG4",
        "FLOAT",
        "BINFLOAT",
        "UNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE",
        "BINUNICODE8",
        "BINBYTES",
        "SHORT_BINBYTES",
        "BINBYTES8",
        "BYTEARRAY8",
    }
)
_EMPTY: dict[str, t.Callable[[], object]] = {
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": set,
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_IGNORED = frozenset({"PROTO", "FRAME", "STOP"})
_PUTS = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_GETS = frozenset({"GET", "BINGET", "LONG_BINGET"})
# A tag on the stack.
_MARK = object()


def loads(raw: bytes) -> object:
    """Return the plain data in a pickle.

    Raises:
        ValueError: If this is no pickle, or one of anything else.
    """
    builder = _Builder()
    try:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(raw)):
            if number > _MOST_INSTRUCTIONS:
                message = "The pickle is too long."
                raise ValueError(message)
            builder.follow(opcode.name, argument)
        [value] = builder.stack
    except (IndexError, KeyError, TypeError, AttributeError, OverflowError, UnicodeError) as error:
        message = "This is no complete pickle."
        raise ValueError(message) from error
    return value


class _Builder:
    def __init__(self) -> None:
        self.stack: list[Value] = []
        self.memo: dict[int, object] = {}

    def follow(self, name: str, argument: Value) -> None:
        if name in _VALUES:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            self.stack.append(_EMPTY[name]())
        elif name == "MARK":
            self.stack.append(_MARK)
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = self.stack[-1]
        elif name in _PUTS:
            self.memo[argument] = self.stack[-1]
        elif name in _GETS:
            self.stack.append(self.memo[argument])
        elif name not in _IGNORED:
            self.collect(name)

    def collect(self, name: str) -> None:
        """Follow an instruction that takes values off the stack."""
        if name in _TUPLES:
            items = tuple(self.stack[-_TUPLES[name] :])
            del self.stack[-_TUPLES[name] :]
            self.stack.append(items)
        elif name == "APPEND":
            value = self.stack.pop()
            list.append(self.stack[-1], value)
        elif name == "SETITEM":
            value, key = self.stack.pop(), self.stack.pop()
            dict.__setitem__(self.stack[-1], key, value)
        elif name in {"APPENDS", "SETITEMS", "ADDITEMS", "TUPLE", "LIST", "DICT", "FROZENSET"}:
            self.gather(name)
        else:
            message = f"The pickle is not of plain data: {name}."
            raise ValueError(message)

    def gather(self, name: str) -> None:
        """Follow an instruction that takes all values down to a mark off the stack."""
        items: list[Value] = []
        while (value := self.stack.pop()) is not _MARK:
            items.append(value)
        items.reverse()
        if name == "APPENDS":
            list.extend(self.stack[-1], items)
        elif name == "ADDITEMS":
            set.update(self.stack[-1], items)
        elif name == "SETITEMS":
            dict.update(self.stack[-1], zip(items[::2], items[1::2], strict=True))
        elif name == "DICT":
            self.stack.append(dict(zip(items[::2], items[1::2], strict=True)))
        else:
            self.stack.append({"TUPLE": tuple, "LIST": list, "FROZENSET": frozenset}[name](items))
