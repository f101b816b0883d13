"""The dict that `dataclasses.asdict` makes of an instance, without asking of each number and text how it is copied."""

from __future__ import annotations

import dataclasses
import typing as t
import uuid
from datetime import date, datetime, timezone

if t.TYPE_CHECKING:
    from _typeshed import DataclassInstance

_Value: t.TypeAlias = t.Any
# What does not change, and need not be copied.
_FIXED: frozenset[type] = frozenset({str, int, float, bool, type(None), date, uuid.UUID})
# Of the standard library: what copies any value, and what marks a field that is no `ClassVar`. Not in typeshed,
# so fetched by name; None if a later Python has others.
_copy_any: t.Callable[[object, type], object] | None
_copy_any = getattr(dataclasses, "_asdict_inner", None)
_FIELD: t.Final = getattr(dataclasses, "_FIELD", None)
_asdict = dataclasses.asdict


def as_dict(obj: DataclassInstance) -> dict[str, object]:
    """Return what `dataclasses.asdict` does.

    Raises:
        TypeError: If it is a dataclass itself rather than an instance.
    """
    is_known = _copy_any is not None and _FIELD is not None and dataclasses.asdict is _asdict
    if not is_known or not hasattr(type(obj), "__dataclass_fields__"):
        return dataclasses.asdict(obj)
    try:
        return _of_instance(obj)
    except RecursionError:
        # As below, with the error that this raises.
        pass
    return dataclasses.asdict(obj)


def _of_instance(obj: _Value) -> dict[str, object]:
    found = {}
    for field in obj.__dataclass_fields__.values():
        if field._field_type is _FIELD:
            name = field.name
            value = getattr(obj, name)
            found[name] = value if type(value) in _FIXED else _copied(value)
    return found


def _copied(value: _Value) -> object:
    kind = type(value)
    if kind is list:
        return [each if type(each) in _FIXED else _copied(each) for each in value]
    if kind is dict:
        return {
            key if type(key) in _FIXED else _copied(key): each if type(each) in _FIXED else _copied(each)
            for key, each in value.items()
        }
    if kind is tuple:
        return tuple([each if type(each) in _FIXED else _copied(each) for each in value])
    if kind is datetime and (value.tzinfo is None or type(value.tzinfo) is timezone):
        return value
    if hasattr(kind, "__dataclass_fields__"):
        return _of_instance(value)
    return t.cast("t.Callable[[object, type], object]", _copy_any)(value, dict)
