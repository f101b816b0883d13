"""The texts of rules are parsed once: each rule is still what Werkzeug makes of its own text and converters."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.routing import BaseConverter
from werkzeug.routing import Map as WerkzeugMap
from werkzeug.routing import Rule as WerkzeugRule

from tests.test_routing_adding import outcome, state_of_rule
from tuile.remember import LONGEST
from tuile.routing import parsing
from tuile.routing.map import Map
from tuile.routing.rule import Rule

thorough = settings(derandomize=True, deadline=None, database=None, max_examples=300)


class _Told(BaseConverter):
    """A converter that says of itself what its arguments are."""

    def __init__(self, url_map: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(url_map)
        self.regex = kwargs.pop("regex", "[^/]+")
        self.weight = kwargs.pop("weight", 100)
        self.part_isolating = kwargs.pop("isolating", True)
        self.args = args, kwargs


class _Refused(BaseConverter):
    def __init__(self, url_map: Any, *args: Any, **kwargs: Any) -> None:
        raise ValueError("refused")


_pieces = st.sampled_from(
    [
        "/", "//", "a", ".", "a.b", "(", "<x>", "<y>", "<int:n>", "<int(min=1):m>", "<path:p>", "<any(a,b):k>",
        "<uuid:u>", "<string(length=2):two>", "<told:t>", "<told(regex='[a/]+'):t>", "<told(weight=True):t>",
        "<told(weight=1.0):t>", "<told(weight=1):t>", "<told(isolating=0):t>", "<told(isolating=False):t>",
        "<told(1, 'b', c=2):t>", "<refused:r>", "<missing:r>", "<", "<int(:n>", "ü", " ",
    ]
)  # fmt: skip
_texts = st.lists(_pieces, max_size=5).map(lambda pieces: "/" + "".join(pieces))
_options = st.fixed_dictionaries(
    {},
    optional={
        "subdomain": st.sampled_from(["", "www", "<sub>", "<told:sub>.x", "<missing:sub>"]),
        "host": st.sampled_from(["a.example", "<h>.example"]),
        "defaults": st.sampled_from([{"x": 1}, {"n": 2}]),
        "merge_slashes": st.booleans(),
        "strict_slashes": st.booleans(),
    },
)
_CONVERTERS = {"told": _Told, "refused": _Refused}


def _state(made: Any) -> dict[str, Any]:
    said = {
        name: (type(one), type(one.weight), type(one.part_isolating), getattr(one, "args", None))
        for name, one in made._converters.items()
    }
    return {**state_of_rule(made), "said": said, "weights": [repr(part.weight) for part in made._parts]}


@thorough
@given(texts=st.lists(st.tuples(_texts, _options), min_size=1, max_size=4), host_matching=st.booleans())
def test_a_rule_is_parsed_as_by_werkzeug(texts: list[tuple[str, dict[str, Any]]], host_matching: bool) -> None:
    seen = []
    for map_class, rule_class in ((WerkzeugMap, WerkzeugRule), (Map, Rule)):
        url_map, found = map_class(converters=_CONVERTERS, host_matching=host_matching), []
        for text, options in texts:
            made = rule_class(text, endpoint="e", **options)
            error = outcome(made.bind, url_map)
            found += [error, _state(made)]
            if error is None:
                values = dict.fromkeys(made.arguments, 1)
                found += [outcome(made.build, values), outcome(made.refresh), _state(made)]
        seen.append(found)
    assert seen[0] == seen[1]


def _bound(text: str, **options: Any) -> Any:
    url_map = Map(converters=_CONVERTERS)
    made = Rule(text, endpoint="e", **options)
    url_map.add(made)
    return made


def test_two_rules_of_one_text_share_nothing_that_changes() -> None:
    one = _bound("/a/<told(1, c=2):t>/b")
    one._trace.append((False, "changed"))
    one._parts.clear()
    one.arguments.add("other")
    one._converters["t"].args[1]["c"] = 3
    other = _bound("/a/<told(1, c=2):t>/b")
    assert one._converters["t"] is not other._converters["t"]
    assert other._converters["t"].args == ((1,), {"c": 2})
    assert _state(other) == _state(_bound("/a/<told(1, c=2):t>/b"))
    assert other.arguments == {"t"}


def test_a_converter_is_asked_each_time_and_may_answer_otherwise() -> None:
    patterns = iter(["[a-z]+", "[0-9]+", "[0-9]+/[0-9]+"])

    class Changing(BaseConverter):
        part_isolating = False

        @property
        def regex(self) -> str:  # type: ignore[override]
            return next(patterns)

    found = []
    for path in ("/abc", "/123", "/1/2"):
        url_map = Map(converters={"changing": Changing})
        url_map.add(Rule("/<changing:x>", endpoint="e"))
        found.append(outcome(url_map.bind("example.com").match, path)[0])
    assert found == ["e", "e", "e"]


def test_a_converter_of_another_map_has_its_own_pattern() -> None:
    class Letters(BaseConverter):
        regex = "[a-z]+"

    class Digits(BaseConverter):
        regex = "[0-9]+"

    for kind, path in ((Letters, "/abc"), (Digits, "/123"), (Letters, "/abc")):
        url_map = Map(converters={"kind": kind})
        url_map.add(Rule("/<kind:x>", endpoint="e"))
        assert url_map.bind("example.com").match(path) == ("e", {"x": path[1:]})


@pytest.mark.parametrize("name", ["_parse_rule", "compile", "bind"])
def test_a_method_of_werkzeugs_that_is_wrapped_is_called(name: str) -> None:
    seen: list[object] = []
    stock = getattr(WerkzeugRule, name)

    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(self)
        return stock(self, *args, **kwargs)

    with mock.patch.object(WerkzeugRule, name, wrapped):
        made = _bound("/a/<x>")
    assert seen
    assert all(one is made for one in seen)
    assert made.map.bind("example.com").match("/a/b") == ("e", {"x": "b"})


def test_a_subclass_that_parses_by_itself_is_asked() -> None:
    class Own(Rule):
        def _parse_rule(self, rule: str) -> Any:
            return super()._parse_rule(rule.replace("{", "<").replace("}", ">"))

    url_map = Map()
    url_map.add(Own("/a/{x}", endpoint="e"))
    assert url_map.bind("example.com").match("/a/b") == ("e", {"x": "b"})


def test_long_texts_and_texts_of_another_type_are_not_remembered() -> None:
    class Text(str):
        __slots__ = ()

    before = parsing._parse_once.cache_info().currsize
    for text in (Text("/of another type"), "/" + "x" * LONGEST, Text("/<x>/of another type")):
        assert _bound(text).rule == text
    assert parsing._parse_once.cache_info().currsize == before


def test_a_rule_that_is_bound_again_writes_its_new_urls() -> None:
    made = _bound("/a/<x>")
    assert made.build({"x": "b"}) == ("", "/a/b")
    made.rule = "/c/<x>"
    made.refresh()
    assert made.build({"x": "b"}) == ("", "/c/b")
    with pytest.raises(RuntimeError, match="already bound"):
        made.bind(Map())


def test_what_the_constructor_sets_itself_cannot_be_given() -> None:
    for name in sorted({*vars(Rule("/")), "unknown"} - {"_listed", "_text", "_write"}):
        theirs, ours = (outcome(kind, "/a", **{name: None}) for kind in (WerkzeugRule, Rule))
        assert isinstance(ours, tuple) is isinstance(theirs, tuple), name
        if isinstance(theirs, tuple):
            assert ours == theirs
        else:
            assert state_of_rule(ours) == state_of_rule(theirs)
            assert list(vars(ours))[3:] == list(vars(theirs))


def test_the_methods_of_a_rule_have_the_order_of_werkzeugs() -> None:
    names = ["GET", "put", "Delete", "PATCH", "options", "X-1", "x-2", "head"]
    for count in range(len(names) + 1):
        for kind in (list, set, tuple, frozenset, iter):
            theirs, ours = (made("/", methods=kind(names[:count])).methods or () for made in (WerkzeugRule, Rule))
            assert list(ours) == list(theirs)


def test_a_builder_that_was_taken_before_a_change_builds_the_old_url() -> None:
    found = []
    for map_class, rule_class in ((WerkzeugMap, WerkzeugRule), (Map, Rule)):
        made = rule_class("/a/<x>", endpoint="e")
        map_class().add(made)
        before = made._build_unknown
        made.rule = "/b/<x>"
        made.refresh()
        found.append([before(x="1", q="2"), made._build_unknown(x="1", q="2"), made._build(x="1"), before(x="3")])
    assert found[0] == found[1]


def test_a_method_or_an_attribute_of_one_rule_is_found_as_on_werkzeugs() -> None:
    def attempts(map_class: Any, rule_class: Any) -> list[Any]:
        def with_own_parser() -> Any:
            made = rule_class("/{x}", endpoint="e")
            made._parse_rule = lambda text: rule_class._parse_rule(made, text.replace("{", "<").replace("}", ">"))
            url_map = map_class([made])
            return url_map.bind("a").match("/b")

        def with_own_builder() -> Any:
            made = rule_class("/<x>", endpoint="e")
            compiled = made._compile_builder
            made._compile_builder = lambda unknown=True: compiled(unknown)
            return map_class([made]).bind("a").build("e", {"x": 1, "y": 2})

        def without(name: str) -> Any:
            made = rule_class("/a", endpoint="e")
            delattr(made, name)
            return map_class([made]).bind("a").match("/a")

        names = sorted(vars(WerkzeugRule("/")))
        tried = [outcome(rule_class("/").compile), outcome(with_own_parser), outcome(with_own_builder)]
        return tried + [outcome(without, name) for name in names]

    theirs = attempts(WerkzeugMap, WerkzeugRule)
    assert attempts(Map, Rule) == theirs
    assert theirs[1] == ("e", {"x": "b"})


def test_a_parser_that_replaces_that_of_the_class_is_asked() -> None:
    stock = Rule._parse_rule
    with mock.patch.object(Rule, "_parse_rule", lambda self, text: stock(self, text.upper())):
        made = _bound("/a")
    assert made.map.bind("a").match("/A") == ("e", {})


def test_a_subclass_may_set_attributes_before_the_constructor_is_called() -> None:
    class Own(Rule):
        def __init__(self, text: str, **options: Any) -> None:
            self.mark = "set"
            super().__init__(text, **options)

    made = Own("/a/<x>", endpoint="e")
    Map().add(made)
    assert (made.mark, made.build({"x": 1})) == ("set", ("", "/a/1"))
    empty: Any = made.empty()
    assert (empty.mark, empty.rule) == ("set", "/a/<x>")


def test_a_class_beside_a_rule_or_a_map_is_told_of_subclasses() -> None:
    told: list[object] = []

    class Mixin:
        def __init_subclass__(cls, label: str, **options: Any) -> None:
            super().__init_subclass__(**options)
            told.append(label)

    class Own(Rule, Mixin, label="rule"):
        pass

    class OwnMap(Map, Mixin, label="map"):
        pass

    assert told == ["rule", "map"]
    OwnMap([made := Own("/a", endpoint="e")])
    assert made.build({}) == ("", "/a")


def test_a_pattern_of_a_whole_table_is_not_remembered() -> None:
    before = parsing._parse_once.cache_info().currsize
    url_map = Map(converters={"told": _Told})
    with mock.patch.object(_Told, "__init__", BaseConverter.__init__):
        for number in range(3):
            _Told.regex = "|".join(f"{number}-{each}" for each in range(1000))
            url_map.add(Rule(f"/{number}/<told:x>", endpoint="e"))
    del _Told.regex
    assert parsing._parse_once.cache_info().currsize == before
    assert url_map.bind("a").match("/2/2-999") == ("e", {"x": "2-999"})
