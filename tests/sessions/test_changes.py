"""The three-way merge of sessions, on texts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuile.sessions.changes import Add, Append, Change, Changes, Drop, Put, Resolved, Several, merge, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuile.sessions.changes import KeyChange

ABSENT: Any = object()
NAN = float("nan")
TAGGED = {" t": ["message", "hello"]}


def text_of(value: Any) -> str | None:
    return None if value is ABSENT else json.dumps(value, separators=(",", ":"))


def put(value: Any, base: Any = ABSENT, assigned: bool = True) -> Put:
    text = text_of(value)
    assert text is not None
    return Put(text, text_of(base), assigned)


def inside(value: Any, base: Any) -> Put:
    return put(value, base, assigned=False)


def append(*items: Any, seen: Any = ()) -> Append:
    return Append(tuple(json.dumps(item, separators=(",", ":")) for item in items), json.dumps([*seen, *items]))


def add(number: float, seen: float = 0) -> Add:
    return Add(number, json.dumps(seen + number))


def doubled(text: str | None) -> str:
    return str(2 * int(text or 0))


# The change of one request, the value that another has saved meanwhile, the result, and whether it is a conflict.
ROWS: list[tuple[str, KeyChange, Any, Any, bool]] = [
    ("nothing was there", put(1), ABSENT, 1, False),
    ("nothing else changed", put(1, 0), 0, 1, False),
    ("both assigned: the later wins", put(1, 0), 2, 1, True),
    ("both created: the later wins", put(1), 2, 1, True),
    ("both assigned the same", put(1, 0), 1, 1, False),
    ("1 and true differ", put(1, 0), True, 1, True),
    ("1 and 1.0 differ", put(1, 0), 1.0, 1, True),
    ("text and number differ", put("1", 0), 1, "1", True),
    ("assigned and dropped", put(2, 1), ABSENT, 2, False),
    ("dropped and assigned", Drop("1"), 2, ABSENT, False),
    ("dropped and not changed", Drop("1"), 1, ABSENT, False),
    ("dropped by both", Drop("1"), ABSENT, ABSENT, False),
    ("both added", add(1, 5), 6, 7, False),
    ("added to nothing", add(1), ABSENT, 1, False),
    ("added a float", add(0.5, 5), 6, 6.5, False),
    ("added to true", add(1, 5), True, 6, True),
    ("added to text", add(1, 5), "x", 6, True),
    ("added beyond floats", Add(0.5, "0.5"), 10**400, 0.5, True),
    ("both appended", append("x", seen=["a"]), ["a", "y"], ["a", "y", "x"], False),
    ("appended to nothing", append("x", 1), ABSENT, ["x", 1], False),
    ("appended to an empty list", append("x"), [], ["x"], False),
    ("appended nothing", append(), ABSENT, [], False),
    ("appended to a number", append("x"), 1, ["x"], True),
    ("appended tagged values", append(TAGGED), [TAGGED], [TAGGED, TAGGED], False),
    ("appended to a tuple", append("x"), TAGGED, ["x"], True),
    ("changed by a function, nothing else", Change(doubled, "5", "10"), 5, 10, False),
    ("changed by a function, and assigned", Change(doubled, "5", "10"), 7, 14, False),
    ("changed by a function, and dropped", Change(doubled, "5", "10"), ABSENT, 0, False),
    ("took what it saw, then appended", Several((Drop('["a"]'), append("m"))), ["a", "y"], ["y", "m"], False),
    ("added, then appended to it", Several((add(1), append("m", seen=[]))), ABSENT, ["m"], True),
    ("both lists grew", inside(["a", "x"], ["a"]), ["a", "y"], ["a", "y", "x"], False),
    ("both lists grew alike", inside(["a", "x"], ["a"]), ["a", "x"], ["a", "x", "x"], False),
    ("both created lists", put(["x"]), ["y"], ["y", "x"], False),
    ("one list grew, the other shrank", inside(["a", "b", "x"], ["a", "b"]), ["b"], ["b", "x"], False),
    ("one list grew, the other was emptied", inside(["a", "x"], ["a"]), [], ["x"], False),
    ("one list was emptied, the other grew", put([], ["a"]), ["a", "y"], ["y"], False),
    ("one list was emptied, the other shrank", put([], ["a", "b"]), ["b"], [], False),
    ("one list was emptied, the other replaced", put([], ["a"]), ["z"], ["z"], False),
    ("one list was popped, the other grew", Drop('["a"]'), ["a", "y"], ["y"], False),
    ("one list was popped, the other grew by the same", Drop('["a"]'), ["a", "a"], ["a"], False),
    ("one list was popped, the other shrank", Drop('["a","b"]'), ["b"], ABSENT, False),
    ("one list was popped, the other replaced by text", Drop('["a"]'), "z", ABSENT, False),
    ("neither grew nor took all", inside(["b"], ["a", "b"]), ["a", "b", "c"], ["b"], True),
    ("both shrank alike", inside(["b"], ["a", "b"]), ["b"], ["b"], False),
    ("a list and a dictionary", put(["a"], []), {"a": 1}, ["a"], True),
    ("a list for a dictionary, and its change", put(["a"], {"p": 1}), {"p": 2}, ["a"], True),
    ("lists for a dictionary", put(["a"], {"p": 1}), ["b"], ["a"], True),
    ("1 in a list is not true", inside([1, "x"], [1]), [True], [True, "x"], False),
    ("two keys inside", inside({"p": 2}, {"p": 1}), {"p": 1, "q": 1}, {"p": 2, "q": 1}, False),
    ("both created dictionaries", put({"p": 1}), {"q": 1}, {"p": 1, "q": 1}, False),
    ("one key inside", inside({"p": 2}, {"p": 1}), {"p": 3}, {"p": 2}, True),
    ("dropped inside, and changed", inside({}, {"p": 1}), {"p": 2}, {}, False),
    ("changed inside, and dropped inside", inside({"p": 2}, {"p": 1}), {}, {"p": 2}, False),
    ("changed inside, and the whole dropped", inside({"p": 2}, {"p": 1}), ABSENT, ABSENT, False),
    ("appended inside, and the whole dropped", inside(["a", "x"], ["a"]), ABSENT, ABSENT, False),
    ("assigned, and the whole dropped", put({"p": 2}, {"p": 1}), ABSENT, {"p": 2}, False),
    (
        "deeper inside",
        inside({"c": {"d": {"p": 1}, "l": [1, 2]}}, {"c": {"l": [1]}}),
        {"c": {"l": [1, 3], "e": 1}},
        {"c": {"d": {"p": 1}, "l": [1, 3, 2], "e": 1}},
        False,
    ),
    ("popped inside, and grew", inside({}, {"l": ["a"]}), {"l": ["a", "y"]}, {"l": ["y"]}, False),
    ("changed deeper, and dropped", inside({"c": {"p": 2}}, {"c": {"p": 1}}), {}, {}, False),
    ("the order of keys does not count", put({"a": 1, "b": 2}, {}), {"b": 2, "a": 1}, {"a": 1, "b": 2}, False),
    ("tagged values are whole", put(TAGGED, {" t": []}), {" t": ["message", "bye"]}, TAGGED, True),
    ("a tagged value for a dictionary", inside(TAGGED, {"p": 1}), {"p": 2}, TAGGED, True),
    ("tagged values in lists", inside([TAGGED, TAGGED], [TAGGED]), [TAGGED, 1], [TAGGED, 1, TAGGED], False),
    (
        "what is left does not become a tagged value",
        inside({" t": 1, "b": 1}, {" t": 1, "a": 1, "b": 1}),
        {" t": 1, "a": 1},
        {" t": 1, "b": 1},
        True,
    ),
    ("NaN is the same as NaN", inside([NAN, 1], [NAN]), [NAN, 2], [NAN, 2, 1], False),
]


@pytest.mark.parametrize(
    ("change", "theirs", "result", "conflict"), [row[1:] for row in ROWS], ids=[r[0] for r in ROWS]
)
def test_a_change_is_merged_with_what_is_there(change: KeyChange, theirs: Any, result: Any, conflict: bool) -> None:
    text, lost = resolve(change, text_of(theirs))
    assert (None if text is None else canonical(text)) == (None if result is ABSENT else canonical(text_of(result)))
    assert lost is conflict


def canonical(text: str | None) -> str:
    assert text is not None
    return json.dumps(json.loads(text), sort_keys=True)


def test_a_function_is_called_only_for_another_value() -> None:
    assert resolve(Change(lambda text: "called", "1", "kept"), "1") == Resolved("kept")
    assert resolve(Change(lambda text: "called", "1", "kept"), "2") == Resolved("called")


def test_a_value_that_is_nested_too_deeply_is_whole() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    assert resolve(Put("[1]", "[]"), deep) == Resolved("[1]", conflict=True)
    assert resolve(Put(deep, "[]"), "[1]") == Resolved(deep, conflict=True)
    assert resolve(Drop("[]"), deep) == Resolved(None, conflict=True)


def test_what_is_no_json_is_overwritten() -> None:
    assert resolve(Put("[1]", "[]"), "[nonsense") == Resolved("[1]", conflict=True)
    assert resolve(add(1), "nonsense") == Resolved("1", conflict=True)


def test_keys_are_independent() -> None:
    merged = merge({"y": "2"}, Changes(by_key={"x": put(1)}))
    assert merged == ({"x": "1", "y": "2"}, ())


def test_clearing_takes_keys_that_were_never_seen() -> None:
    assert merge({"z": "1"}, Changes(cleared=True)) == ({}, ())
    assert merge({"z": "1"}, Changes(cleared=True, by_key={"user": put("ada")})) == ({"user": '"ada"'}, ())


def test_the_keys_in_conflict_are_named() -> None:
    merged = merge({"x": "2", "y": "2"}, Changes(by_key={"x": put(1, 0), "y": put(1, 2), "z": Drop("1")}))
    assert merged == ({"x": "1", "y": "1"}, ("x",))


def test_nothing_changed_is_false() -> None:
    assert not Changes()
    assert Changes(cleared=True)
    assert Changes(by_key={"x": Drop("1")})


# --- requests at random -----------------------------------------------------------------------------------------------

Values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", " t", " di"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), Values, max_size=5), st.data())
def test_requests_that_change_different_keys_lose_nothing(base: dict[str, Any], data: st.DataObject) -> None:
    keys = data.draw(st.lists(st.text(max_size=3), unique=True, max_size=6))
    values = [data.draw(Values) for _ in keys]
    now: Mapping[str, str] = {key: str(text_of(value)) for key, value in base.items()}
    expected = {**now, **{key: str(text_of(value)) for key, value in zip(keys, values, strict=True)}}
    for key, value in zip(keys, values, strict=True):  # each has read the base
        now, conflicts = merge(now, Changes(by_key={key: put(value, base.get(key, ABSENT))}))
        assert conflicts == ()
    assert now == expected


@given(st.integers(), st.lists(st.integers()))
def test_numbers_that_are_added_sum_up(start: int, numbers: list[int]) -> None:
    now: Mapping[str, str] = {"n": str(start)}
    for number in numbers:
        now, conflicts = merge(now, Changes(by_key={"n": Add(number, str(start + number))}))
        assert conflicts == ()
    assert json.loads(now["n"]) == start + sum(numbers)


@given(st.lists(Values, max_size=3), st.lists(st.lists(Values, max_size=3), max_size=5), st.booleans())
def test_what_is_appended_is_kept_in_the_order_of_saves(
    start: list[Any], added: list[list[Any]], by_hand: bool
) -> None:
    now: Mapping[str, str] = {"l": str(text_of(start))}
    for items in added:
        change = inside([*start, *items], start) if by_hand and items else append(*items, seen=start)
        now, conflicts = merge(now, Changes(by_key={"l": change}))
        assert conflicts == ()
    assert canonical(now["l"]) == canonical(text_of(start + [item for items in added for item in items]))


@given(Values, Values, Values, st.booleans())
def test_a_change_without_another_is_what_it_is(base: Any, mine: Any, other: Any, assigned: bool) -> None:
    """Merging with an unchanged value gives mine; every merge gives JSON that merges again."""
    change = put(mine, base, assigned)
    assert resolve(change, text_of(base)) == Resolved(change.text)
    text, _ = resolve(change, text_of(other))
    if text is not None:
        assert resolve(Put(change.text, text), text) == Resolved(change.text)
