"""Convert typed values to and from the text of a cookie.

JSON is percent-encoded, so that scripts can read it with `JSON.parse(decodeURIComponent(value))`.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import types
import typing as t
from enum import Enum
from urllib.parse import quote, unquote

if t.TYPE_CHECKING:
    from _typeshed import DataclassInstance

_T = t.TypeVar("_T")

_MOST_DIGITS = 300


class Codec(t.NamedTuple):
    """How values of one type are converted."""

    write: t.Callable[[t.Any], str]  # raises TypeError for a value of another type
    read: t.Callable[[str], object]  # raises ValueError for text that is not such a value


def codec_of(kind: object) -> Codec:
    """Return the codec of a type.

    Args:
        kind: `str`, `int`, `float`, `bool`, an Enum whose values are str or int, a dataclass, or `dict`, `list` or
            `object` for JSON.

    Raises:
        TypeError: If it is another type.
    """
    if isinstance(kind, type):
        if kind in _PLAIN:
            return _PLAIN[kind]
        if issubclass(kind, Enum):
            return _enum_codec(kind)
        if kind in {dict, list, object} or dataclasses.is_dataclass(kind):
            return _json_codec(kind)
    raise TypeError(
        f"A cookie cannot be of type {kind!r}. Give str, int, float, bool, an Enum, a dataclass, or dict, list or"
        " object for JSON."
    )


def _of_type(kind: type[_T], value: object) -> _T:
    # In Python, True is an int, and would be read back as 1.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"The cookie's value is of type {kind.__name__}, not {type(value).__name__}: {value!r}.")
    return value


_is_int = re.compile(rf"[+-]?[0-9]{{1,{_MOST_DIGITS}}}").fullmatch
_is_float = re.compile(
    rf"[+-]?[0-9]{{1,{_MOST_DIGITS}}}(\.[0-9]{{1,{_MOST_DIGITS}}})?([eE][+-]?[0-9]{{1,4}})?"
).fullmatch
_BOOLS = {"1": True, "0": False, "true": True, "false": False}


def _read_int(text: str) -> int:
    if not _is_int(text):
        raise ValueError(text)
    return int(text)


def _read_float(text: str) -> float:
    number = float(text) if _is_float(text) else math.inf
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _write_float(value: float) -> str:
    number = float(value if type(value) is int else _of_type(float, value))
    if not math.isfinite(number):
        raise TypeError(f"The cookie's value is a number, not {value!r}.")
    return repr(number)


def _read_bool(text: str) -> bool:
    value = _BOOLS.get(text.lower())
    if value is None:
        raise ValueError(text)
    return value


_PLAIN: dict[type, Codec] = {
    str: Codec(lambda value: str.__str__(_of_type(str, value)), str),
    int: Codec(lambda value: str(int(_of_type(int, value))), _read_int),
    float: Codec(_write_float, _read_float),
    bool: Codec(lambda value: "1" if _of_type(bool, value) else "0", _read_bool),
}


def _enum_codec(kind: type[Enum]) -> Codec:
    members = {str(member.value): member for member in kind}
    if len(members) < len(kind) or not all(type(member.value) in {str, int} for member in kind):
        raise TypeError(f"The values of {kind.__name__} are not all of type str or int, and different as text.")

    def read(text: str) -> Enum:
        if text not in members:
            raise ValueError(text)
        return members[text]

    return Codec(lambda value: str(_of_type(kind, value).value), read)


# --- JSON -------------------------------------------------------------------------------------------------------------


def _json_codec(kind: type) -> Codec:
    _check_hints(kind, set())

    def write(value: object) -> str:
        plain = _to_json(_of_type(kind, value) if kind is not object else value)
        return quote(
            json.dumps(plain, separators=(",", ":"), ensure_ascii=False, allow_nan=False), safe="{}[]:!*()'/@$&+?"
        )

    def read(text: str) -> object:
        try:
            return _from_json(kind, json.loads(unquote(text, errors="strict"), parse_constant=_reject_constant))
        except RecursionError:
            raise ValueError(text) from None

    return Codec(write, read)


def _check_hints(kind: object, known: set[type]) -> None:
    """Resolve the type hints of a dataclass and of nested ones, so that reading a value cannot fail.

    Raises:
        TypeError: If a type hint cannot be resolved.
    """
    for argument in t.get_args(kind):
        _check_hints(argument, known)
    if not isinstance(kind, type) or not dataclasses.is_dataclass(kind) or kind in known:
        return
    known.add(kind)
    try:
        hints = t.get_type_hints(kind)
    except Exception as error:
        raise TypeError(
            f"The type hints of {kind.__qualname__} cannot be resolved: {error}. The types must be defined or imported"
            " at the top of the module, before the cookie is declared, and not only for type checkers."
        ) from error
    for field in dataclasses.fields(kind):
        _check_hints(hints[field.name], known)


def _reject_constant(constant: str) -> t.NoReturn:
    raise ValueError(constant)


def _to_json(value: object) -> object:
    """Convert a value to types that JSON has."""
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: _to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_json(item) for item in value]
    return value


def _from_json(kind: object, found: object) -> object:
    """Convert JSON from a client to a value of a type.

    Raises:
        ValueError: If it is not such a value.
    """
    if kind is t.Any or kind is object:
        return found
    origin, arguments = t.get_origin(kind), t.get_args(kind)
    if origin in {t.Union, types.UnionType}:
        return _one_of(arguments, found)
    if origin is t.Literal:
        return _checked(found in arguments, found)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _dataclass(kind, found)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(found)
    if origin is dict and isinstance(found, dict):
        return {_from_json(arguments[0], key): _from_json(arguments[1], item) for key, item in found.items()}
    if origin is list and isinstance(found, list):
        return [_from_json(arguments[0], item) for item in found]
    if kind is float and type(found) is int:
        return float(found)
    return _checked(type(found) is (type(None) if kind is None else origin or kind), found)


def _checked(is_valid: bool, found: object) -> object:
    """Return the value, or raise a ValueError if it is not valid."""
    if not is_valid:
        raise ValueError(found)
    return found


def _one_of(kinds: tuple[object, ...], found: object) -> object:
    for kind in kinds:
        try:
            return _from_json(kind, found)
        except ValueError:
            continue
    raise ValueError(found)


def _dataclass(kind: type[DataclassInstance], found: object) -> object:
    hints = t.get_type_hints(kind)
    names = {field.name for field in dataclasses.fields(kind) if field.init}
    if not isinstance(found, dict) or not names.issuperset(found):
        raise ValueError(found)
    try:
        return kind(**{name: _from_json(hints[name], item) for name, item in found.items()})
    except TypeError as error:  # a field is missing
        raise ValueError(str(error)) from None
