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


def test_a_record_is_made_of_a_mapping_that_may_change_afterwards() -> None:
    given = {"y": 2, "x": 1}
    point = Point.of(given)
    given["x"] = 5
    assert (type(point), point.x, point.y) == (Point, 1, 2)
    assert not hasattr(point, "__dict__")
    for values in ({"x": 1}, {"x": 1, "z": 2}, {"x": 1, "y": 2, "z": 3}, {}):
        with pytest.raises(TypeError, match=r"^Point needs exactly these values: x, y\.$"):
            Point.of(values)
