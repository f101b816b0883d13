"""Jinja's filters of sequences do in templates what Jinja's functions do, for any values and arguments."""

from __future__ import annotations

import re
from typing import Any

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

import tuile
from tests.beside_flask import make_app, outcome


class _Thing:
    def __init__(self, name: object, size: object) -> None:
        self.name = name
        self.size = size

    @property
    def broken(self) -> str:
        raise AttributeError("inside")

    @property
    def wrong(self) -> str:
        raise KeyError("inside")

    def __repr__(self) -> str:
        return f"thing {self.name}"


class _Item(_Thing):
    def __getitem__(self, key: object) -> str:
        if key == "size" or isinstance(key, int):
            # Numbers are asked one after the other, until this, by whatever iterates.
            raise IndexError
        return f"item <{key}>"


class _Keys(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return f"missing {key}"


def _later_item(later: object, key: object) -> str:
    if isinstance(key, int):
        raise IndexError
    return f"later {key}"


class _Later(_Thing):
    """One whose class has items from the first look at it on."""

    @property
    def changing(self) -> str:
        setattr(type(self), "__getitem__", _later_item)  # noqa: B010 - for type checkers
        return "first"


VALUES: dict[str, Any] = {
    "things": [_Thing("b", 2), _Thing("<A>", 1), _Thing("a", None), _Thing("B", 2)],
    "dicts": [{"name": "b", "size": 2, "items": 3}, {"name": "<A>", "size": 1.5}, {"name": "a", "size": 1}],
    "mixed": [_Item("c", 1), {"name": "d"}, _Keys(size=2), _Thing("e", 5), None, 7, "text", int, list, ("x",)],
    "texts": ["b", "A", "c", Markup("<i>"), "a", ""],
    "plain": ["b", "A", "a", "B"],
    "numbers": [3, 1, 2.5, 0, True],
    "real": [float("nan"), 1.0, float("nan"), 0.5],
    "pairs": [("b", 1), ("a", 2)],
    "nothing": [],
    "none": None,
    "later": [_Later("x", 1), _Later("y", 2)],
    "lists": [[3, 1], [], [2]],
    "end": iter([]),
}
_names = ["'name'", "'size'", "'items'", "'broken'", "'wrong'", "'missing'", "'name.upper'", "'name,size'", "'0'", "0",
          "'changing'", "none", "''"]  # fmt: skip
_tests = ["'odd'", "'defined'", "'none'", "'string'", "'equalto', 'b'", "'==', 2", "'gt', 1", "'in', [1, 'a']",
          "'missing'", "3", "'filter'", "'own'", "'in_context'", "'sameas'"]  # fmt: skip
_filters = ["'upper'", "'length'", "'default', 'x'", "'round', method='floor'", "'missing'", "'own'", "'in_context'",
            "3", "", "'join', '-'", "'first'", "'map', 'upper'", "'string'", "'title'"]  # fmt: skip
_calls = st.one_of(
    st.sampled_from(_names).map("map(attribute={})".format),
    st.tuples(st.sampled_from(_names), st.sampled_from(["'x'", "none"])).map(
        "map(attribute={0[0]}, default={0[1]})".format
    ),
    st.sampled_from(_filters).map("map({})".format),
    st.tuples(st.sampled_from(["select", "reject"]), st.sampled_from(["", *_tests])).map("{0[0]}({0[1]})".format),
    st.tuples(st.sampled_from(["selectattr", "rejectattr"]), st.sampled_from([*_names, ""])).map(
        "{0[0]}({0[1]})".format
    ),
    st.tuples(st.sampled_from(["selectattr", "rejectattr"]), st.sampled_from(_names), st.sampled_from(_tests)).map(
        "{0[0]}({0[1]}, {0[2]})".format
    ),
    st.tuples(
        st.sampled_from(["sort", "min", "max", "sum", "groupby"]),
        st.lists(
            st.one_of(
                st.sampled_from(_names).map("attribute={}".format),
                st.sampled_from(["reverse=true", "case_sensitive=true", "start=1", "default='x'", "wrong=1"]),
            ),
            max_size=2,
            unique_by=lambda one: one.partition("=")[0],
        ).map(", ".join),
    ).map("{0[0]}({0[1]})".format),
    st.sampled_from(["groupby('name')", "sum('size')", "sort(true)", "join(', ')", "list", "first", "unique", "join"]),
)  # fmt: skip


def _environment(jinjas: bool, **options: Any) -> jinja2.Environment:
    if jinjas:
        environment = jinja2.Environment(autoescape=options.get("autoescape", True))
    else:
        app = make_app(tuile)
        app.jinja_options = options
        environment = app.jinja_env
    environment.filters["own"] = lambda value, *args: f"own {value}"
    environment.tests["own"] = lambda value: value in ("a", 1)

    @jinja2.pass_context
    def in_context(context: Any, value: object) -> str:
        return f"{value} {'things' in context}"

    environment.filters["in_context"] = environment.tests["in_context"] = in_context
    return environment


def _rendered(environment: jinja2.Environment, source: str) -> object:
    if hasattr(_Later, "__getitem__"):
        del _Later.__getitem__
    shown = outcome(lambda: environment.from_string(source).render({**VALUES, "end": iter([])}))
    return re.sub("at 0x[0-9a-f]+", "at ...", str(shown))


@settings(deadline=None, max_examples=400)
@given(
    st.sampled_from([*VALUES]), st.lists(_calls, min_size=1, max_size=3), st.booleans(), st.sampled_from(["", "|list"])
)
def test_filters_of_sequences_are_jinjas(name: str, calls: list[str], escapes: bool, end: str) -> None:
    source = "{{ " + "|".join([name, *calls]) + end + " }}"
    theirs, ours = (_rendered(_environment(jinjas, autoescape=escapes), source) for jinjas in (True, False))
    assert ours == theirs, source


_SOURCE = (
    "{{ things|map(attribute='name')|list }}{{ dicts|selectattr('size', 'gt', 1)|list }}{{ plain|map('upper')|list }}"
    "{{ dicts|sort(attribute='name')|list }}{{ dicts|sum(attribute='size') }}{{ numbers|max }}"
    "{% for group in dicts|groupby('name') %}{{ group.grouper }}{{ group.list|length }}{% endfor %}"
)


@pytest.mark.parametrize("name", ["map", "selectattr", "sort", "sum", "groupby", "max", "upper"])
def test_filters_that_are_replaced_later_are_called(name: str) -> None:
    def program(environment: jinja2.Environment) -> list[object]:
        template = environment.from_string(_SOURCE)
        before = template.render(VALUES)
        environment.filters[name] = lambda *args, **keywords: ["replaced"]
        return [before, outcome(lambda: template.render(VALUES))]

    assert program(_environment(False)) == program(_environment(True))


@pytest.mark.parametrize("name", ["getitem", "call_filter", "call_test"])
def test_methods_of_an_environment_that_are_replaced_later_are_called(name: str) -> None:
    def program(environment: jinja2.Environment) -> list[object]:
        template = environment.from_string(_SOURCE)
        called = []
        stock = getattr(environment, name)

        def replacement(*args: Any, **keywords: Any) -> Any:
            called.append(args[1] if name == "getitem" else args[0])
            return stock(*args, **keywords)

        setattr(environment, name, replacement)
        return [template.render(VALUES), called]

    assert program(_environment(False)) == program(_environment(True))


def test_a_filter_that_is_replaced_while_it_is_mapped_is_called_from_then_on() -> None:
    def program(environment: jinja2.Environment) -> str:
        def replace() -> str:
            environment.filters["own"] = lambda value: "replaced"
            return ""

        environment.globals["replace"] = replace
        source = "{% for text in plain|map('own') %}{{ text }}{{ replace() }}{% endfor %}"
        return environment.from_string(source).render(VALUES)

    assert program(_environment(False)) == program(_environment(True))
