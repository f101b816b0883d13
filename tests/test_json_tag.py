"""Tagged JSON: the types that sessions can hold, and the same text as Flask's."""

from __future__ import annotations

import json
from collections import OrderedDict
from datetime import datetime, timezone
from enum import IntEnum
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import flask.json.tag as theirs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

import tuile
from tests.beside_flask import outcome
from tests.costs import entered
from tuile.ctx.app_context import current
from tuile.json import tag as ours
from tuile.json.provider import DefaultJSONProvider
from tuile.json.tag import JSONTag, TagDict, TaggedJSONSerializer, TagTuple


class Shout(str):
    """A str with an `__html__` method, which another tag applies to."""

    __slots__ = ()

    def __html__(self) -> str:
        return self.upper()


class Colour(IntEnum):
    RED = 1


# Keys that look like tags, or nearly.
keys = st.text(max_size=3) | st.sampled_from([" t", " t__", " di", " di__", " b", " d", " m", " u", " x", ""])
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.uuids()
    | st.builds(Markup, st.text())
    | st.datetimes(timezones=st.none() | st.just(timezone.utc)).map(lambda moment: moment.replace(microsecond=0))
)
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(keys, inner, max_size=1)
        | st.dictionaries(keys, inner, max_size=4)
        | st.dictionaries(keys, inner, max_size=2).map(OrderedDict)
    ),
    max_leaves=20,
)


def comparable(value: Any) -> Any:
    """Return the value with its types written out, so that 1 and True, and Markup and str, differ."""
    if isinstance(value, dict):
        return dict, [(key, comparable(inner)) for key, inner in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), [comparable(inner) for inner in value]
    return type(value), value


@given(tree=trees)
def test_text_is_flasks_byte_for_byte_and_read_alike(tree: Any) -> None:
    text = TaggedJSONSerializer().dumps(tree)
    assert text == theirs.TaggedJSONSerializer().dumps(tree)
    assert comparable(TaggedJSONSerializer().loads(text)) == comparable(theirs.TaggedJSONSerializer().loads(text))


@given(tree=trees)
def test_tagging_and_untagging_give_the_objects_that_flasks_do(tree: Any) -> None:
    tagged = TaggedJSONSerializer().tag(tree)
    assert comparable(tagged) == comparable(theirs.TaggedJSONSerializer().tag(tree))
    scanned = TaggedJSONSerializer()._untag_scan(tagged)
    assert comparable(scanned) == comparable(theirs.TaggedJSONSerializer()._untag_scan(tagged))


@pytest.mark.parametrize(
    "value",
    [
        {" t": (1, 2, 3)},
        {" t__": b"a"},
        {" di": " di"},
        {" di": {" t": []}},
        {"x": (1, 2, 3), "y": 4},
        [(1, 2, 3), ()],
        b"\xff",
        Markup("<html>"),
        UUID(int=5),
        datetime(2020, 2, 3, 4, 5, 6, tzinfo=timezone.utc),
        {},
        None,
    ],
    ids=repr,
)
def test_what_goes_in_comes_back(value: Any) -> None:
    serializer = TaggedJSONSerializer()
    assert comparable(serializer.loads(serializer.dumps(value))) == comparable(value)


@pytest.mark.parametrize("value", [{1: 2}, {None: (1,)}, {1: 2, "a": 3}, [Colour.RED], {"a": Shout("b")}, Shout("c")])
def test_unusual_keys_and_subclasses_are_written_as_in_flask(value: Any) -> None:
    assert TaggedJSONSerializer().dumps(value) == theirs.TaggedJSONSerializer().dumps(value)


def test_tagging_returns_new_containers() -> None:
    inner: list[Any] = [1]
    outer = {"a": inner, "b": 2}
    tagged = TaggedJSONSerializer().tag(outer)
    assert tagged == outer
    assert tagged is not outer
    assert tagged["a"] is not inner


def test_a_key_can_be_registered_once_unless_forced() -> None:
    class Own(JSONTag):
        key = " d"

    serializer = TaggedJSONSerializer()
    with pytest.raises(KeyError, match="Tag ' d' is already registered"):
        serializer.register(Own)
    serializer.register(Own, force=True, index=0)
    assert isinstance(serializer.tags[" d"], Own)
    assert isinstance(serializer.order[0], Own)
    assert serializer.tags[" d"].serializer is serializer


def test_a_tag_is_put_where_it_is_asked_to_be() -> None:
    class First(JSONTag):
        key = " 1"

    class Second(JSONTag):
        key = ""

    serializer = TaggedJSONSerializer()
    serializer.register(First, index=-1)
    assert isinstance(serializer.order[-2], First)
    serializer.register(Second)
    assert isinstance(serializer.order[-1], Second)
    assert "" not in serializer.tags


class TagOrderedDict(JSONTag):
    __slots__ = ()
    key = " od"

    def check(self, value: Any) -> bool:
        return isinstance(value, OrderedDict)

    def to_json(self, value: Any) -> Any:
        return [[key, self.serializer.tag(inner)] for key, inner in value.items()]

    def to_python(self, value: Any) -> Any:
        return OrderedDict(value)


def test_an_own_tag_is_asked_before_the_general_ones() -> None:
    serializer = TaggedJSONSerializer()
    serializer.register(TagOrderedDict, index=0)
    value = {"a": OrderedDict(b=(1,)), "c": 2}
    assert serializer.dumps(value) == '{"a":{" od":[["b",{" t":[1]}]]},"c":2}'
    assert comparable(serializer.loads(serializer.dumps(value))) == comparable(value)


def test_an_own_tag_may_take_plain_numbers_and_text() -> None:
    class TagInt(JSONTag):
        __slots__ = ()
        key = " i"

        def check(self, value: Any) -> bool:
            return type(value) is int

        def to_json(self, value: Any) -> Any:
            return hex(value)

        def to_python(self, value: Any) -> Any:
            return int(value, 16)

    serializer = TaggedJSONSerializer()
    serializer.register(TagInt)
    assert serializer.dumps({"a": 10, "b": [11, (12,)]}) == (
        '{"a":{" i":"0xa"},"b":[{" i":"0xb"},{" t":[{" i":"0xc"}]}]}'
    )
    assert serializer.loads(serializer.dumps([10])) == [10]


def test_tags_taken_out_of_the_order_are_not_asked() -> None:
    serializer = TaggedJSONSerializer()
    serializer.order = [tag for tag in serializer.order if not isinstance(tag, ours.PassDict)]
    assert serializer.tag({"a": (1,)}) == {"a": (1,)}


def test_a_subclass_may_tag_scalars_itself() -> None:
    class Own(TaggedJSONSerializer):
        __slots__ = ()

        def tag(self, value: Any) -> Any:
            return "nothing" if value is None else super().tag(value)

    assert Own().dumps({"a": None, "b": [None, 1]}) == '{"a":"nothing","b":["nothing",1]}'


def test_a_subclass_chooses_the_tags_to_begin_with() -> None:
    class Own(TaggedJSONSerializer):
        __slots__ = ()
        default_tags = [TagDict, TagTuple]

    assert list(Own().tags) == [" di", " t"]
    assert Own().tag((b"x",)) == {" t": [b"x"]}


def test_a_tag_has_to_say_what_it_does() -> None:
    tag = JSONTag(TaggedJSONSerializer())
    for method in (tag.check, tag.to_json, tag.to_python):
        with pytest.raises(NotImplementedError):
            method(None)


def test_the_current_applications_provider_writes_and_reads() -> None:
    class App:
        def _current_plan(self) -> Any:
            return SimpleNamespace(write_json=None)

    app: Any = App()
    app.json = DefaultJSONProvider(app)
    context: Any = SimpleNamespace(app=app)
    token = current.set(context)
    try:
        assert TaggedJSONSerializer().dumps({"b": 1, "a": "é"}) == '{"a":"\\u00e9","b":1}'
        app.json.sort_keys = app.json.ensure_ascii = False
        assert TaggedJSONSerializer().dumps({"b": 1, "a": "é"}) == '{"b":1,"a":"é"}'
        app.json.loads = lambda _: {" t": [1]}
        assert TaggedJSONSerializer().loads("") == (1,)
    finally:
        current.reset(token)


def test_a_flat_session_is_tagged_in_one_function_and_untagged_in_two() -> None:
    serializer = TaggedJSONSerializer()
    value = {"user_id": 1, "name": "a", "seen": [1.5, None, True]}

    def names(method: Any) -> list[str]:
        # Up to Python 3.11 a comprehension is a function of its own.
        return [code.co_name for code in entered(lambda: method(value)) if not code.co_name.startswith("<")]

    assert names(serializer.tag) == ["tag", "tag"]
    assert names(serializer._untag_scan) == ["_untag_scan", "_untag_scan", "untag"]


class _AppWithProvider:
    def __init__(self) -> None:
        this: Any = self
        self.json = DefaultJSONProvider(this)


@given(tree=trees, separators=st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")]), is_escaped=st.booleans())
def test_text_is_read_as_in_flask_by_an_applications_provider(
    tree: Any, separators: tuple[str, str], is_escaped: bool
) -> None:
    text = json.dumps(json.loads(theirs.TaggedJSONSerializer().dumps(tree)), separators=separators)
    if is_escaped:
        text = text.replace('{" ', '{"\\u0020')
    app = _AppWithProvider()
    token = current.set(SimpleNamespace(app=app))  # type: ignore[arg-type] # what is read of a context
    try:
        found = TaggedJSONSerializer().loads(text)
    finally:
        current.reset(token)
    assert comparable(found) == comparable(theirs.TaggedJSONSerializer().loads(text))


def test_a_key_that_is_put_among_the_tags_by_hand_is_one() -> None:
    app = _AppWithProvider()
    serializer = TaggedJSONSerializer()
    serializer.tags["own"] = serializer.tags[" t"]
    token = current.set(SimpleNamespace(app=app))  # type: ignore[arg-type] # what is read of a context
    try:
        assert serializer.loads('{"a":{"own":[1]}}') == {"a": (1,)}
    finally:
        current.reset(token)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":{" t":[1,{" t":[2]}]}}', '{"a":{" u":"no uuid"}}', '{"a":{" u":"no uuid"},"a":1}', '{"a":{" d":5}}',
        '{"a":{" b":"%%%"}}', '{"a":{" di__":1}}', '{" di":{" t__":[1]}}', '{" t":[1]}', '{" t":{"x":1}}', '{" t":5}',
        '{"a":{" t":[1]}} ', ' {"a":{" t":[1]}}', '{"a":{" t":[1]}}x', '{"a":{" t":[1]', '[{" m":"<b>"},{" x":1}]',
        '{"a":{" t":[1],"b":2}}', '{" ":1}', '"{\\" t\\":1}"', '{"a":' * 50_000 + '{" t":[1]}' + "}" * 50_000,
        '{"a":{" d":"Fri, 02 Jan 2026 00:00:00 GMT"},"n":NaN}',
    ],
)  # fmt: skip
def test_tagged_text_of_strangers_is_read_as_in_flask(text: str) -> None:
    app = _AppWithProvider()
    token = current.set(SimpleNamespace(app=app))  # type: ignore[arg-type] # what is read of a context
    try:
        ours = outcome(TaggedJSONSerializer().loads, text)
    finally:
        current.reset(token)
    expected = outcome(theirs.TaggedJSONSerializer().loads, text)
    # An error for text that is nested too deeply is a ValueError as well.
    assert repr(ours) == repr(expected) or (expected[1] == "RecursionError" and ours[0] == "raised")


def test_a_patched_untag_counts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    serializer = TaggedJSONSerializer()
    app = tuile.Flask("tagged")
    with app.app_context():
        text = serializer.dumps({"a": (1, 2)})
        assert serializer.loads(text) == {"a": (1, 2)}
        monkeypatch.setattr(TaggedJSONSerializer, "untag", lambda self, value: sorted(value))
        assert serializer.loads(text) == ["a"]
