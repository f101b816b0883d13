"""The stored form of the content of a session."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuile.json.tag import TaggedJSONSerializer
from tuile.sessions.changes import Add, Append, Changes, Drop, Put, lines_with, merge
from tuile.sessions.content import (
    NO_LINES,
    Content,
    as_content,
    content_in,
    key_in,
    lines_of,
    quoted_key,
    text_in,
    with_text,
    with_texts,
)
from tuile.sessions.stored import loaded_members

if TYPE_CHECKING:
    from tuile.sessions.changes import KeyChange

KEYS = st.sampled_from(['"', "\\", '\\"', "\n", "a", "a:", '"a":1', "", "é", "\ud800", " t", "x" * 300]) | st.text()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["\n", '\n"a":1\n', "\u2028"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
ENCODED = st.builds(
    lambda value, is_ascii, indent: json.dumps(value, ensure_ascii=is_ascii, indent=indent),
    VALUES, st.booleans(), st.none() | st.just(1),
)  # fmt: skip
CONTENTS = st.dictionaries(KEYS, ENCODED, max_size=12)


def read(data: Any) -> dict[str, Any]:
    return {key: json.loads(text) for key, text in data.items()}


@given(CONTENTS)
def test_what_was_written_is_read(data: dict[str, str]) -> None:
    content = as_content(data)
    assert read(content) == read(data)
    assert list(content) == list(data)
    assert len(content) == len(data)
    assert bool(content) == bool(data)
    assert content.lines.count("\n") == len(data) + 1
    content.lines.encode()
    assert hash(content) == hash(as_content(dict(reversed(data.items()))))
    found = content_in(content.lines)
    assert found == content
    for key in data:
        assert text_in(content.lines, key) == content[key]
        assert key_in(quoted_key(key)) == key
    plain = {key: text for key, text in data.items() if text.isascii() and "\n" not in text}
    assert as_content(plain) == plain
    assert lines_of(as_content(plain)) == lines_of(plain)


@given(CONTENTS, CONTENTS, st.booleans(), st.booleans())
def test_values_are_put_in_place_of_others_as_they_are_merged(
    data: dict[str, str], new: dict[str, str], cleared: bool, is_base: bool
) -> None:
    now = as_content(data)
    new |= dict.fromkeys(list(data)[:2], "1")
    changes = Changes(cleared, {key: Put(text, now.get(key) if is_base else "0") for key, text in new.items()})
    lines = lines_with(now, changes)
    if lines is not None:
        assert not cleared
        assert Content(lines) == merge(now, changes).data
        assert merge(now, changes).conflicts == ()
    assert lines_with(now, Changes(by_key={"a": Put("1", now.get("a"))})) is not None or now.get("a") == "1"
    assert lines_with(now, Changes(by_key={"a": Drop(now.get("a"))})) is None


@given(CONTENTS, KEYS, ENCODED | st.none())
def test_one_text_is_replaced_and_no_other(data: dict[str, str], key: str, text: str | None) -> None:
    expected = {one: value for one, value in {**data, key: text}.items() if value is not None}
    assert read(Content(with_text(lines_of(data), key, text))) == read(expected)
    assert read(with_texts(as_content(data), {key: text})) == read(expected)
    assert text_in(lines_of(data), key) == as_content(data).get(key)


@given(CONTENTS, st.dictionaries(KEYS, ENCODED | st.none(), max_size=12))
def test_several_texts_are_replaced(data: dict[str, str], texts: dict[str, str | None]) -> None:
    expected = {one: value for one, value in {**data, **texts}.items() if value is not None}
    assert read(with_texts(as_content(data), texts)) == read(expected)
    assert read(with_texts(data, texts)) == read(expected)


@given(CONTENTS, CONTENTS, st.booleans(), st.data())
def test_a_stored_content_is_merged_as_a_dictionary_is(
    base: dict[str, str], now: dict[str, str], cleared: bool, data: st.DataObject
) -> None:
    base, now = dict(as_content(base)), dict(as_content({**base, **now}))
    changes: dict[str, KeyChange] = {}
    for key in data.draw(st.lists(st.sampled_from([*base, *now, "new"]), unique=True, max_size=10)):
        text = data.draw(ENCODED)
        changes[key] = data.draw(
            st.sampled_from([
                Put(text, base.get(key)), Put(text, base.get(key), assigned=False), Drop(base.get(key)), Add(1, "1"),
                Append((text,), f"[{text}]"),
            ])
        )  # fmt: skip
    one, conflicts = merge(as_content(now), Changes(cleared, changes))
    other, others_conflicts = merge(now, Changes(cleared, changes))
    assert (read(one), conflicts) == (read(other), others_conflicts)


@given(st.dictionaries(KEYS, VALUES, max_size=8))
def test_all_values_are_read_at_once_as_they_are_one_by_one(values: dict[str, Any]) -> None:
    serializer = TaggedJSONSerializer()
    content = as_content({key: serializer.dumps(value) for key, value in values.items()})
    expected = {key: serializer.loads(text) for key, text in content.items()}
    assert expected == {key: serializer.loads(serializer.dumps(value)) for key, value in values.items()}
    assert loaded_members(serializer, content.lines[1:-1].replace("\n", ",")) == expected


@pytest.mark.parametrize("key", [" t", " b", " di", " x"])
def test_a_key_that_looks_like_a_tag_is_none(key: str) -> None:
    serializer = TaggedJSONSerializer()
    content = as_content({key: serializer.dumps([1])})
    assert loaded_members(serializer, content.lines[1:-1]) == {key: [1]}


@pytest.mark.parametrize("stored", [None, b"", "", "{}", "[]", '{"a":"1"}', "a\n1", "\na:1\n", 7])
def test_what_no_store_has_written_is_no_content(stored: object) -> None:
    assert content_in(stored) is None


@given(st.text() | st.text().map(lambda text: f'\n"{text}\n'))
def test_stored_text_that_was_damaged_is_read_without_an_error(text: str) -> None:
    content = Content(text)
    assert dict(content) == dict(content.items())
    assert text_in(text, "a") in (None, *content.values()) or '"a":' in text
    loaded_members(TaggedJSONSerializer(), text)


def test_a_content_shows_no_values() -> None:
    content = as_content({"password": '"secret"'})
    assert repr(content) == "<Content with 1 keys>"
    assert content == {"password": '"secret"'}
    assert content != {"password": '"other"'}
    assert as_content({}).lines == NO_LINES
