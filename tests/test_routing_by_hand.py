# ruff: noqa: E501 - the values fill their lines
"""Rules of Werkzeug's own class, which a map is given by hand: URLs and answers are Flask's, and so are later changes."""

from __future__ import annotations

import copy
import random
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from werkzeug.routing import EndpointPrefix, Rule, Subdomain, Submount

from tests.beside_flask import make_environ, outcome, same, send
from tests.test_url_links import RULES, Picky, some_context, some_values

if TYPE_CHECKING:
    from collections.abc import Callable


class OwnRule(Rule):
    """A rule of a class of the application's."""

    def build(self, values: Any, append_unknown: bool = True) -> Any:
        found = super().build(values, append_unknown)
        return None if found is None else (found[0], f"{found[1]}#own")


# How a rule is given to a map.
WAYS: dict[str, Callable[[Any, Any], object]] = {
    "alone": lambda url_map, rule: url_map.add(rule),
    "submount": lambda url_map, rule: url_map.add(Submount("/below", [rule])),
    "several": lambda url_map, rule: url_map.add(Submount("/", [rule, Rule("/beside", endpoint="beside")])),
    "subdomain": lambda url_map, rule: url_map.add(Subdomain("api", [rule])),
    "prefix": lambda url_map, rule: url_map.add(EndpointPrefix("", [rule])),
}
PATHS = (
    "/about",
    "/items/a%20b",
    "/users/7",
    "/users/",
    "/two",
    "/two/new",
    "/three/x/5",
    "/chat/x",
    "/below/about",
    "/no",
)
# What is changed of a rule that was used.
CHANGES: dict[str, Callable[[Any], object]] = {
    "methods": lambda rule: setattr(rule, "methods", {"POST"}),
    "methods in place": lambda rule: rule.methods and rule.methods.add("PUT"),
    "defaults": lambda rule: setattr(rule, "defaults", {"n": 3}),
    "websocket": lambda rule: setattr(rule, "websocket", True),
    "redirect_to": lambda rule: setattr(rule, "redirect_to", "/about"),
    "endpoint": lambda rule: setattr(rule, "endpoint", "about"),
    "converters": lambda rule: rule._converters.update(name=Picky(rule.map)),
    "refresh": lambda rule: rule.refresh(),
}  # fmt: skip


def _an_app(lib: Any, choose: random.Random, kind: str) -> tuple[Any, list[Any]]:
    options: dict[str, Any] = {"subdomain_matching": True} if kind == "subdomains" else {}
    app = lib.Flask("by_hand", static_folder=None, **options)
    app.url_map.converters["picky"] = Picky
    if kind in {"subdomains", "named"}:
        app.config["SERVER_NAME"] = "localhost"
    made = []
    for endpoint, text, given in RULES:
        way = choose.choice([*WAYS, "route"])
        if way == "route":
            app.add_url_rule(text, endpoint, None, **given)
        else:
            rule = choice_of_class(choose)(text, endpoint=endpoint, **given)
            WAYS[way](app.url_map, rule)
            if rule.map is not None:
                made.append(rule)
        app.view_functions[endpoint] = lambda **values: str(sorted(values.items()))
    return app, made


def choice_of_class(choose: random.Random) -> Any:
    """Return Werkzeug's class, or seldom another one."""
    return Rule if choose.random() < 0.9 else OwnRule


def _ask(lib: Any, app: Any, choose: random.Random) -> list[Any]:
    found: list[Any] = []
    with some_context(choose, app):
        for _ in range(25):
            endpoint, values = choose.choice(RULES)[0], some_values(choose)
            url_for = choose.choice((lib.url_for, lib.current_app.url_for))
            found.append((endpoint, str(values), outcome(url_for, endpoint, **values)))
        found += [outcome(lib.url_for, "item", name=f"n{number}", q=number) for number in range(30)]
        found += [outcome(lib.url_for, "chat", name=f"n {number}") for number in range(30)]
        adapter = app.url_map.bind("localhost")
        found += [outcome(adapter.build, endpoint, {"name": "x"})[:2] for endpoint, *_ in RULES]
    for path in PATHS:
        found.append(
            send(app, make_environ(path, REQUEST_METHOD=choose.choice(("GET", "GET", "POST", "OPTIONS")))).status
        )
    return found


@pytest.mark.filterwarnings("ignore:Current server name")
@pytest.mark.parametrize("kind", ["plain", "named", "subdomains"])
@pytest.mark.parametrize("seed", range(6))
def test_what_they_lead_to_is_as_in_flask_and_so_are_changes(kind: str, seed: int) -> None:
    def program(lib: Any) -> Any:
        choose = random.Random(seed)
        app, made = _an_app(lib, choose, kind)
        app.config["PROPAGATE_EXCEPTIONS"] = False
        found = _ask(lib, app, choose)
        for change in choose.sample(list(CHANGES), 3):
            with_error = outcome(CHANGES[change], choose.choice(made))
            found += [change, with_error[:2] if with_error[0] != "returned" else "", *_ask(lib, app, choose)]
        return found

    same(program)


PATCHES: dict[str, tuple[str, Callable[..., Any]]] = {
    "build": ("build", lambda *_: ("", "/patched")),
    "suitable_for": ("suitable_for", lambda *_: False),
    "get_converter": ("get_converter", lambda rule, *_: Picky(rule.map)),
    "get_rules": ("get_rules", lambda rule, _: iter((rule, Rule("/more", endpoint="more")))),
}


@pytest.mark.parametrize("of_class", [True, False])
@pytest.mark.parametrize("patch", PATCHES)
def test_what_is_patched_before_they_are_given_counts(patch: str, of_class: bool) -> None:
    name, function = PATCHES[patch]

    def program(lib: Any) -> Any:
        app = lib.Flask("patched", static_folder=None)
        rule = Rule("/items/<name>", endpoint="item")
        if not of_class:
            setattr(rule, name, function.__get__(rule))
        with mock.patch.object(Rule, name, function) if of_class else mock.patch.object(rule, "note", 1, create=True):
            given = outcome(app.url_map.add, rule)
            adapter = app.url_map.bind("localhost")
            return [
                given,
                [one.rule for one in app.url_map.iter_rules()],
                outcome(adapter.build, "item", {"name": "x"}),
            ]

    same(program)


def test_they_stay_what_a_program_can_ask_them() -> None:
    def program(lib: Any) -> Any:
        app = lib.Flask("kept", static_folder=None)
        rule = Rule("/items/<int:number>", endpoint="item", methods=["GET"])
        equal = Rule("/items/<int:number>", endpoint="item", methods=["GET"])
        app.url_map.add(rule)
        again = outcome(app.url_map.add, rule)
        other = lib.Flask("other", static_folder=None)
        other.url_map.add(rule.empty())
        copied = copy.copy(rule)
        return [
            isinstance(rule, Rule), repr(rule), str(rule), type(rule).__name__, rule == equal, rule == copied, again[:2],
            rule.map is app.url_map, next(app.url_map.iter_rules()) is rule, copied.build({"number": 5}),
            [str(one) for one in other.url_map.iter_rules()], rule.build_compare_key(),
            rule.provides_defaults_for(equal), rule.suitable_for({"number": 1}, "GET"), rule.get_empty_kwargs()["methods"],
        ]  # fmt: skip

    same(program)
