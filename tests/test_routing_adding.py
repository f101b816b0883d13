"""Maps and rules that are made with fewer calls: in the end they are as Werkzeug makes them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.routing import BaseConverter, EndpointPrefix, Subdomain, Submount
from werkzeug.routing import Map as WerkzeugMap
from werkzeug.routing import Rule as WerkzeugRule

import tuile
from tests.beside_flask import same
from tuile.routing.map import Map
from tuile.routing.rule import EndpointRules, Rule

thorough = settings(derandomize=True, deadline=None, database=None, max_examples=300)

_texts = st.sampled_from(
    ["/", "/a", "a", "", "/a/", "/<name>", "/<int:n>/<path:p>", "/<none:x>", "//a", "/<x>/<x>", "/<"]
)
_of_rule = st.fixed_dictionaries(
    {},
    optional={
        "defaults": st.sampled_from([None, {}, {"name": "a"}, {"other": 1}]),
        "subdomain": st.sampled_from([None, "", "www", "<sub>"]),
        "methods": st.sampled_from([None, ["get"], ["POST", "put"], "GET", {"HEAD"}, [1]]),
        "build_only": st.booleans(),
        "endpoint": st.sampled_from(["x", "y", None, ("a", 1)]),
        "strict_slashes": st.sampled_from([None, True, False]),
        "merge_slashes": st.sampled_from([None, True, False]),
        "redirect_to": st.sampled_from([None, "/b"]),
        "alias": st.booleans(),
        "host": st.sampled_from([None, "example.com"]),
        "websocket": st.booleans(),
        "unknown": st.none(),
    },
)
_of_map = st.fixed_dictionaries(
    {},
    optional={
        "default_subdomain": st.sampled_from(["", "www"]),
        "strict_slashes": st.booleans(),
        "merge_slashes": st.booleans(),
        "redirect_defaults": st.booleans(),
        "converters": st.sampled_from([None, {"none": BaseConverter}]),
        "sort_parameters": st.booleans(),
        "host_matching": st.booleans(),
        "unknown": st.none(),
    },
)
_OWN = {"_added", "_domains", "_index", "_plain_hosts", "_patterns", "_revision", "_revision_lock", "_websockets"}


def outcome(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Return what a call returns, or its error."""
    try:
        return function(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - to be compared
        return type(error).__name__, str(error)


def state_of_rule(rule: Any) -> dict[str, Any]:
    """Return the attributes that a rule has of Werkzeug's, in a form to compare."""
    state = {name: value for name, value in vars(rule).items() if name in vars(WerkzeugRule("/"))}
    state["_converters"] = {name: type(value) for name, value in rule._converters.items()}
    state["map"] = rule.map is not None
    return state


@thorough
@given(text=_texts, kwargs=_of_rule)
def test_a_rule_has_the_attributes_that_werkzeug_gives_it(text: str, kwargs: dict[str, Any]) -> None:
    theirs, ours = outcome(WerkzeugRule, text, **kwargs), outcome(Rule, text, **kwargs)
    if isinstance(theirs, tuple):
        assert ours == theirs
    else:
        assert state_of_rule(ours) == state_of_rule(theirs)


@thorough
@given(kwargs=_of_map)
def test_a_map_has_the_attributes_that_werkzeug_gives_it(kwargs: dict[str, Any]) -> None:
    theirs, ours = outcome(WerkzeugMap, **kwargs), outcome(Map, **kwargs)
    if isinstance(theirs, tuple):
        assert ours == theirs
        return
    assert set(vars(ours)) - _OWN == set(vars(theirs))
    for name in set(vars(theirs)) - {"_matcher", "_remap_lock"}:
        assert vars(ours)[name] == vars(theirs)[name]
    assert ours.merge_slashes == theirs.merge_slashes
    assert type(ours._remap_lock) is type(Map.lock_class())


@thorough
@given(
    of_map=_of_map.filter(lambda given: "unknown" not in given), rules=st.lists(st.tuples(_texts, _of_rule), max_size=5)
)
def test_rules_are_added_as_werkzeug_adds_them(of_map: dict[str, Any], rules: list[tuple[str, Any]]) -> None:
    seen = []
    for map_class, rule_class in ((WerkzeugMap, WerkzeugRule), (Map, Rule)):
        url_map, found = map_class(**of_map), []
        for text, kwargs in rules:
            made = outcome(rule_class, text, **kwargs)
            if isinstance(made, WerkzeugRule):
                # Twice: a rule can be bound once only.
                found += [outcome(url_map.add, made), outcome(url_map.add, made)[0], state_of_rule(made)]
        found.append([rule.rule for rule in url_map.iter_rules()])
        found.append({name: [rule.rule for rule in some] for name, some in url_map._rules_by_endpoint.items()})
        for path in ("/", "/a", "/a/", "//a", "/1/x/y", "/b c"):
            answer = outcome(url_map.bind("example.com").match, path)
            found.append(str(answer))
        seen.append(found)
    assert seen[0] == seen[1]


def test_the_rules_of_an_endpoint_are_noticed_however_they_were_added() -> None:
    url_map = Map()
    url_map.add(Rule("/a", endpoint="a"))
    url_map.add(Submount("/below", [Rule("/b", endpoint="a"), Rule("/c", endpoint="c")]))
    url_map.add(EndpointPrefix("of.", [Subdomain("www", [Rule("/d", endpoint="d")])]))
    url_map.add(WerkzeugRule("/e", endpoint="e"))
    assert {name: len(rules) for name, rules in url_map._rules_by_endpoint.items()} == {
        "a": 2,
        "c": 1,
        "of.d": 1,
        "e": 1,
    }
    assert all(type(rules) is EndpointRules for rules in url_map._rules_by_endpoint.values())


def test_a_rule_of_an_unknown_converter_is_not_added() -> None:
    url_map = Map()
    with pytest.raises(LookupError, match="does not exist"):
        url_map.add(Rule("/<missing:x>", endpoint="a"))
    assert not url_map._rules_by_endpoint


@pytest.mark.parametrize(("owner", "name"), [(WerkzeugMap, "__init__"), (WerkzeugRule, "__init__")])
def test_a_wrapped_constructor_is_given_the_object_itself(owner: type, name: str) -> None:
    seen: list[object] = []
    stock = getattr(owner, name)

    def wrapped(self: object, *args: Any, **kwargs: Any) -> None:
        seen.append(self)
        stock(self, *args, **kwargs)

    with mock.patch.object(owner, name, wrapped):
        made = Map() if owner is WerkzeugMap else Rule("/")
    assert seen == [made]
    assert seen[0] is made


def test_a_wrapped_add_is_called() -> None:
    seen: list[object] = []
    stock = WerkzeugMap.add

    def wrapped(self: Any, rulefactory: Any) -> None:
        seen.append(self)
        stock(self, rulefactory)

    app = tuile.Flask(__name__)
    with mock.patch.object(WerkzeugMap, "add", wrapped):
        app.add_url_rule("/", "index", lambda: "index")
    assert seen == [app.url_map]
    assert app.test_client().get("/").text == "index"


@pytest.mark.parametrize("where", ["the class of maps", "one rule", "the class of rules"])
def test_what_is_set_on_a_class_or_a_rule_decides_as_on_flask(where: str) -> None:
    class Low(BaseConverter):
        regex = "[a-z]+"

    def program(lib: Any) -> Any:
        map_class, rule_class = lib.Flask.url_map_class, lib.Flask.url_rule_class

        def get_rules(self: Any, url_map: Any) -> Any:
            yield self
            yield rule_class("/more", endpoint="more")

        with mock.patch.object(map_class, "default_converters", {**map_class.default_converters, "low": Low}):
            url_map = map_class() if where == "the class of maps" else map_class(converters={"low": Low})
        rule = rule_class("/<low:x>", endpoint="one")
        if where == "one rule":
            rule.get_rules = get_rules.__get__(rule)
        if where == "the class of rules":
            with mock.patch.object(rule_class, "get_rules", get_rules):
                url_map.add(rule)
        else:
            url_map.add(rule)
        return [item.rule for item in url_map.iter_rules()], sorted(url_map.converters)

    same(program)


def test_a_rule_that_is_changed_after_a_request_is_found_anew() -> None:
    app = tuile.Flask(__name__)
    app.add_url_rule("/a/", "index", lambda: "index")
    client = app.test_client()
    assert client.get("/a").status_code == 308
    (rule,) = app.url_map._rules_by_endpoint["index"]
    rule.strict_slashes = False
    assert client.get("/a").text == "index"
    rule.rule, rule.is_branch = "/b", False
    rule.refresh()
    with app.test_request_context():
        assert tuile.url_for("index") == "/b"


def test_a_subclass_sets_its_attributes_by_its_own_methods() -> None:
    class Noting(Rule):
        names: list[str]

        def __setattr__(self, name: str, value: object) -> None:
            with suppress(AttributeError):
                self.names.append(name)
            super().__setattr__(name, value)

    Noting.names = []
    made = Noting("/", endpoint="x")
    assert "endpoint" in made.names
    assert "rule" in made.names
