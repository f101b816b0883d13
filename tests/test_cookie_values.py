"""The text of typed cookie values, and which texts of clients are accepted."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Any, Literal, Optional
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuile.cookie.values import codec_of

quick = settings(derandomize=True, deadline=None, database=None, max_examples=200)


class Theme(Enum):
    LIGHT = "light"
    DARK = "dark"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


@dataclass
class Size:
    width: int
    height: float = 1.0


@dataclass
class Settings:
    theme: Theme = Theme.LIGHT
    size: Optional[Size] = None  # noqa: UP045 - both spellings are read
    names: list[str] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)
    order: Literal["up", "down"] | None = None
    other: Any = None


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (str, "any; text é", "any; text é"),
        (int, -5, "-5"),
        (float, 1.5, "1.5"),
        (float, 2, "2.0"),
        (bool, True, "1"),
        (bool, False, "0"),
        (Theme, Theme.DARK, "dark"),
        (Level, Level.HIGH, "2"),
        (dict, {"a": [1, None]}, "{%22a%22:[1%2Cnull]}"),
        (list, ["é;"], "[%22%C3%A9%3B%22]"),
        (object, "x", "%22x%22"),
        (Size, Size(3), "{%22width%22:3%2C%22height%22:1.0}"),
        (
            Settings,
            Settings(Theme.DARK, Size(1, 2.0), ["a"], {"b": 1}, "up", [1]),
            (
                "{%22theme%22:%22dark%22%2C%22size%22:{%22width%22:1%2C%22height%22:2.0}%2C%22names%22:[%22a%22]%2C"
                "%22marks%22:{%22b%22:1}%2C%22order%22:%22up%22%2C%22other%22:[1]}"
            ),
        ),
    ],
)
def test_a_value_is_written_and_comes_back(kind: Any, value: Any, text: str) -> None:
    codec = codec_of(kind)
    assert codec.write(value) == text
    assert codec.read(text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *((int, text) for text in ("", "x", "1.0", " 1", "1_0", "\u0661", "1" * 301, "--1")),
        *((float, text) for text in ("", "nan", "inf", "1e9999", "1_0", ".", " 1")),
        *((bool, text) for text in ("", "yes", "2", "on")),
        *((Theme, text) for text in ("", "blue", "Theme.DARK")),
        (Level, "3"),
        *((dict, text) for text in ("", "[]", "{", "null", "%ff", "NaN", "{" * 5000, "[" * 100_000)),
        (list, "{}"),
        *((object, text) for text in ("", "NaN", "Infinity")),
        *((Size, text) for text in ("{}", "[]", '{"width":"1"}', '{"width":true}', '{"width":1,"more":1}', "1")),
        *((Settings, text) for text in ('{"theme":"blue"}', '{"theme":[]}', '{"size":{}}', '{"names":[1]}')),
        *((Settings, text) for text in ('{"names":{}}', '{"marks":{"a":"1"}}', '{"order":"left"}', '{"size":1}')),
    ],
)
def test_what_a_client_makes_up_is_no_value(kind: Any, text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        codec_of(kind).read(text)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (str, 1),
        (str, None),
        (int, True),
        (int, "1"),
        (float, "1"),
        (float, float("nan")),
        (bool, 1),
        (Theme, "dark"),
        (dict, []),
        (Size, {"width": 1}),
        (object, {1, 2}),
        (object, b""),
    ],
)
def test_a_value_of_another_type_is_an_error(kind: Any, value: Any) -> None:
    with pytest.raises(TypeError):
        codec_of(kind).write(value)


def test_a_type_that_no_cookie_can_be_is_an_error() -> None:
    class Mixed(Enum):
        ONE = 1
        TEXT = "1"

    for kind in (bytes, set, None, "str", Mixed, Size(1)):
        with pytest.raises(TypeError, match=r"^(A cookie cannot be of type|The values of Mixed are not)"):
            codec_of(kind)


@quick
@given(json_values)
def test_json_comes_back_the_same_and_needs_no_quotes(value: Any) -> None:
    codec = codec_of(object)
    text = codec.write(value)
    assert codec.read(text) == value
    assert re.fullmatch(r"[!#-+\--:<-\[\]-~]*", text)  # cookie-octets, so that scripts can read it
    assert json.loads(unquote(text)) == value


@quick
@given(st.sampled_from([str, int, float, bool, Theme, Level, dict, list, object, Size, Settings]), st.text())
def test_a_client_can_only_send_a_value_or_a_value_error(kind: Any, text: str) -> None:
    try:
        value = codec_of(kind).read(text)
    except ValueError:
        return
    assert codec_of(kind).read(codec_of(kind).write(value)) == value


@quick
@given(json_values)
def test_json_of_any_shape_is_a_dataclass_or_a_value_error(value: Any) -> None:
    text = codec_of(object).write({"theme": value, "size": value, "names": value, "marks": value, "order": value})
    with pytest.raises(ValueError, match=r".*"):
        codec_of(Settings).read(text)
