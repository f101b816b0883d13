"""Frozen records."""

from __future__ import annotations

import pytest

from tuile.records import Record


class Point(Record):
    x: int
    y: int

    __slots__ = tuple(vars()["__annotations__"])


def test_a_record_has_the_values_that_it_was_given() -> None:
    point = Point(x=1, y=2)
    assert (point.x, point.y) == (1, 2)
    assert repr(point) == "Point(x=1, y=2)"
    moved = point.but(y=3)
    assert (moved.x, moved.y, point.y) == (1, 3, 2)


@pytest.mark.parametrize("values", [{"x": 1}, {"x": 1, "y": 2, "z": 3}, {}])
def test_a_record_needs_all_its_values_and_no_others(values: dict[str, int]) -> None:
    with pytest.raises(TypeError, match=r"^Point needs exactly these values: x, y\.$"):
        Point(**values)


def test_a_record_cannot_be_changed() -> None:
    point = Point(x=1, y=2)
    with pytest.raises(AttributeError, match=r"^Point\.x cannot be changed$"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match=r"^Point\.y cannot be changed$"):
        del point.y
    with pytest.raises(AttributeError):
        point.z = 3
    assert point.x == 1


def test_two_records_are_two() -> None:
    assert Point(x=1, y=2) != Point(x=1, y=2)


def test_a_class_derived_from_a_record_has_its_values() -> None:
    class Named(Point):
        """The same values."""

    named = Named(y=2, x=1)
    assert (named.x, named.y, type(named.but(x=3))) == (1, 2, Named)


def test_all_objects_of_a_class_are_alike_however_they_were_filled() -> None:
    class Four(Record):
        a: int
        b: int
        c: int
        d: int

        __slots__ = tuple(vars()["__annotations__"])

    for number in range(4):
        record = Four(d=4, c=3, b=2, a=number)
        assert type(record) is Four
        assert (record.a, record.b, record.c, record.d) == (number, 2, 3, 4)
        assert not hasattr(record, "__dict__")
        with pytest.raises(AttributeError, match=r"^Four\.a cannot be changed$"):
            record.a = 1  # type: ignore[misc]
        with pytest.raises(AttributeError, match=r"^Four\.a cannot be changed$"):
            del record.a
        for values in ({"a": 1}, {"a": 1, "b": 2, "c": 3, "e": 4}, {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}, {}):
            with pytest.raises(TypeError, match=r"^Four needs exactly these values: a, b, c, d\.$"):
                Four.of(values)
    given = {"a": 1, "b": 2, "c": 3, "d": 4}
    record = Four.of(given)
    given["a"] = 5
    assert record.a == 1
