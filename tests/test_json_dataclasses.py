"""The JSON of dataclasses: the dict of an instance is the one of `dataclasses.asdict`, whatever its fields hold."""

from __future__ import annotations

import collections
import copy
import dataclasses
import datetime as dt
import decimal
import enum
import threading
import uuid
from typing import Any, ClassVar, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.beside_flask import outcome, same
from tuile.json import dataclass_values
from tuile.json.dataclass_values import as_dict


class Pair(NamedTuple):
    left: Any
    right: Any


class Colour(enum.Enum):
    RED = 1


class Text(str):
    __slots__ = ()


class Zone(dt.tzinfo):
    """A time zone that is copied."""

    def utcoffset(self, _: Any) -> dt.timedelta:
        return dt.timedelta(hours=1)


class Counted:
    """Counts how often it was copied."""

    copies = 0

    def __deepcopy__(self, _: Any) -> str:
        type(self).copies += 1
        return "copied"


@dataclasses.dataclass
class Item:
    value: Any
    other: Any = None
    kind: ClassVar[str] = "item"
    given: dataclasses.InitVar[Any] = None


@dataclasses.dataclass(frozen=True)
class Frozen:
    value: Any


@dataclasses.dataclass
class Listed(list):  # type: ignore[type-arg]
    value: Any = 1


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=st.just(dt.timezone.utc)),
    st.datetimes(timezones=st.builds(Zone)),
    st.uuids(),
    st.decimals(allow_nan=False),
    st.sampled_from([Colour.RED, Text("text"), Item, Listed(2), frozenset({1})]),
)
HASHABLE = st.one_of(st.text(max_size=2), st.integers(), st.tuples(st.integers(), st.text(max_size=1)), st.none())
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.builds(Pair, inner, inner),
        st.builds(Item, inner, inner),
        st.builds(Frozen, inner),
        st.dictionaries(HASHABLE, inner, max_size=3),
        st.builds(collections.OrderedDict, st.dictionaries(HASHABLE, inner, max_size=2)),
        st.builds(lambda given: collections.deque([given]), inner),
    ),
    max_leaves=12,
)


def kinds_in(value: Any) -> Any:
    """Return the types of a value and of what it holds."""
    if isinstance(value, dict):
        return type(value), [(kinds_in(key), kinds_in(each)) for key, each in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), [kinds_in(each) for each in value]
    return type(value)


@given(VALUES, VALUES)
def test_an_instance_becomes_the_dict_of_the_standard_library(value: Any, other: Any) -> None:
    item = Item(value, other)
    ours, theirs = as_dict(item), dataclasses.asdict(item)
    assert ours == theirs
    assert kinds_in(ours) == kinds_in(theirs)


@given(VALUES)
def test_its_json_is_that_of_flask(value: Any) -> None:
    def program(framework: Any) -> Any:
        app = framework.Flask("made")
        return [outcome(app.json.dumps, [Item(value), value]), outcome(app.json.dumps, Item([value, {"a": value}]))]

    same(program)


def test_lists_and_dicts_are_copies() -> None:
    held: Any = {"a": [1, {"b": 2}], "c": ([3],)}
    made: Any = as_dict(Item(held))["value"]
    made["a"][1]["b"] = made["c"][0][0] = 0
    made["a"].append(1)
    made["d"] = 1
    assert held == {"a": [1, {"b": 2}], "c": ([3],)}


def test_other_values_are_copied_once_by_their_own_methods() -> None:
    Counted.copies = 0
    assert as_dict(Item(Counted(), [Counted(), (Counted(),)])) == {"value": "copied", "other": ["copied", ("copied",)]}
    assert Counted.copies == 3


def test_each_field_is_read_once() -> None:
    reads = []

    class Reading(Item):
        def __getattribute__(self, name: str) -> Any:
            reads.append(name)
            return super().__getattribute__(name)

    made = Reading(1, 2)
    reads.clear()
    dataclasses.asdict(made)
    theirs = reads.copy()
    reads.clear()
    as_dict(made)
    assert reads == theirs


def test_errors_are_those_of_the_standard_library() -> None:
    missing = Item(1)
    del missing.value
    for bad in (missing, Item(threading.Lock()), Item([Item({1: threading.Lock()})])):
        with pytest.raises((AttributeError, TypeError)) as theirs:
            dataclasses.asdict(bad)
        with pytest.raises(type(theirs.value)) as ours:
            as_dict(bad)
        assert str(ours.value) == str(theirs.value)
        assert ours.value.__context__ is None
    kind: Any = Item
    with pytest.raises(TypeError, match="should be called on dataclass instances"):
        as_dict(kind)


def test_an_instance_that_holds_itself_is_refused() -> None:
    for wrap in (lambda one: one, lambda one: [one], lambda one: {"a": (one,)}):
        circle = Item(None)
        circle.value = wrap(circle)
        with pytest.raises(RecursionError) as error:
            as_dict(circle)
        assert error.value.__context__ is None


def test_an_attribute_of_a_class_without_fields_of_its_own_is_followed() -> None:
    class Plain:
        pass

    @dataclasses.dataclass
    class Later(Item):
        more: Any = dataclasses.field(default_factory=list)

    later = Later(Plain, 2)
    later.unknown = 1  # type: ignore[attr-defined]
    assert as_dict(later) == dataclasses.asdict(later) == {"value": Plain, "other": 2, "more": []}


def test_without_the_functions_of_the_standard_library_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    item = Item([1], uuid.UUID(int=1))
    for name in ("_copy_any", "_FIELD"):
        with monkeypatch.context() as patch:
            patch.setattr(dataclass_values, name, None)
            assert as_dict(item) == dataclasses.asdict(item)


def test_a_function_that_replaces_the_one_of_the_standard_library_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    # As in Flask, which calls it by its name.
    assert as_dict(Item(1)) == {"value": 1, "other": None}
    monkeypatch.setattr(dataclasses, "asdict", lambda one: {"own": one.value})
    assert as_dict(Item(1)) == {"own": 1}


def test_what_need_not_be_copied_does_not_change() -> None:
    for value in (1, 1.5, "a", True, None, dt.date(2026, 1, 2), uuid.UUID(int=7), decimal.Decimal(1)):
        made = copy.deepcopy(value)
        assert made == value
        assert type(made) is type(value)
