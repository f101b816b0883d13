"""The error for a URL that no rule can be written for: what it says, and the rule that it suggests, are Werkzeug's."""

from __future__ import annotations

import copy
import pickle
import random
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from werkzeug.routing import BuildError as WerkzeugBuildError
from werkzeug.routing import Map, Rule

from tests.beside_flask import outcome, same
from tests.test_url_links import VALUES, an_app, some_context
from tuile.routing.build_errors import build_error

if TYPE_CHECKING:
    from collections.abc import Callable


class Named:
    """An endpoint that is no text."""

    def __init__(self, name: Any) -> None:
        self.name = name

    def __str__(self) -> Any:
        return self.name

    def __repr__(self) -> str:
        return "named"


class Text(str):
    """A text of a class of its own."""

    __slots__ = ()

    def count(self, *_: Any) -> int:
        return 0


def _a_name(choose: random.Random) -> Any:
    letters = choose.choice(("ab", "abcdef._", "aé漢😀", "a"))
    name = "".join(choose.choices(letters, k=choose.choice((0, 1, 3, 8, 12, 60, 199, 200, 260))))
    return choose.choice((*[name] * 8, Text(name), Named(name), Named(Text(name)), ("a", name), None, len(name)))


def _near(choose: random.Random, name: Any) -> Any:
    """Return a name that is like another one."""
    if type(name) is not str or not name:
        return name
    at = choose.randrange(len(name))
    return choose.choice((name, name[:at] + name[at + 1 :], name[:at] + "z" + name[at:], name[::-1], name.upper()))


@pytest.mark.parametrize("seed", range(60))
def test_the_rule_that_is_suggested_is_werkzeugs(seed: int) -> None:
    choose = random.Random(seed)
    names = [_a_name(choose) for _ in range(choose.choice((0, 1, 2, 10, 40)))]
    url_map = Map()
    for number, name in enumerate(names):
        for extra in range(choose.choice((1, 1, 2))):
            text = choose.choice((f"/{number}/{extra}", f"/{number}/{extra}/<a>", f"/{number}/{extra}/<a>/<b>"))
            methods = choose.choice((None, ["GET"], ["POST", "PUT"], []))
            url_map.add(Rule(text, endpoint=_near(choose, name), methods=methods))
    adapter = url_map.bind("example.com")
    for _ in range(10):
        endpoint = _near(choose, choose.choice(names)) if names and choose.random() < 0.7 else _a_name(choose)
        values = dict.fromkeys(choose.sample(["a", "b", "c"], choose.randrange(4)), 1)
        method = choose.choice((None, "GET", "POST", "get"))
        for of in (adapter, None):
            theirs = WerkzeugBuildError(endpoint, values, method, of)
            ours = build_error(endpoint, values, method, of)
            assert ours.suggested is theirs.suggested
            assert str(ours) == str(theirs)
            assert (ours.args, vars(ours).keys()) == (theirs.args, vars(theirs).keys())


def _said(found: tuple[Any, ...]) -> Any:
    return str(found)


@pytest.mark.filterwarnings("ignore:Current server name")
@pytest.mark.parametrize("kind", ["plain", "named", "root", "subdomains", "hosts"])
@pytest.mark.parametrize("seed", range(4))
def test_values_that_no_rule_takes_are_refused_as_in_flask(kind: str, seed: int) -> None:
    """Whatever is missing, often enough for generated functions, and with functions that handle errors."""

    def program(lib: Any) -> Any:
        choose = random.Random(seed)
        app = an_app(lib, kind)
        handled: list[Any] = []
        found: list[Any] = []
        endpoints = (
            "item",
            "about",
            "users",
            "two",
            "three",
            "picky",
            "chat",
            "feed",
            "fixed",
            "tenant",
            "missing",
            "odd",
        )
        for step in range(8):
            if step == 6:

                def handle(error: Any, endpoint: str, values: dict[str, Any]) -> str:
                    handled.append((type(error).__name__, error.args, endpoint, dict(values)))
                    return "/handled"

                app.url_build_error_handlers.append(handle)
            with some_context(choose, app):
                for _ in range(40):
                    endpoint = choose.choice(endpoints)
                    names = choose.sample(list(VALUES), choose.randrange(4))
                    values = {name: choose.choice(VALUES[name]) for name in names}
                    url_for = choose.choice((lib.url_for, lib.current_app.url_for))
                    found.append((endpoint, str(values), outcome(url_for, endpoint, **values)))
                adapter = app.url_map.bind("localhost")
                found += [_said(outcome(adapter.build, endpoint, {"q": None, "n": 1})) for endpoint in endpoints]
                found += [outcome(lib.url_for, "item") for _ in range(30)]
                found += [outcome(lib.url_for, "item", name=None, q=1) for _ in range(30)]
        return found, handled

    same(program)


def _made(error: Any, *_: Any) -> None:
    vars(error).update(endpoint="patched", values={}, method=None, adapter=None)


# The method, what replaces it, and whether it is one of the application.
PATCHES: dict[str, tuple[Callable[..., Any], bool]] = {
    "closest_rule": (lambda *_: None, False),
    "__init__": (_made, False),
    "__str__": (lambda *_: "patched", False),
    "handle_url_build_error": (lambda *_: "/handled", True),
    "inject_url_defaults": (lambda _, values: values.update(name="x"), True),
}


@pytest.mark.parametrize("name", PATCHES)
def test_what_is_patched_is_called_at_once(name: str) -> None:
    replacement, is_of_app = PATCHES[name]

    def program(lib: Any) -> Any:
        app = an_app(lib, "plain")
        with app.test_request_context("/about"):
            asked: list[tuple[str, dict[str, Any]]] = [
                ("item", {}),
                ("missing", {}),
                ("about", {"_method": "POST"}),
                ("item", {"name": None}),
            ]
            found = [outcome(lib.url_for, endpoint, **values) for endpoint, values in asked for _ in range(30)]
            with mock.patch.object(app if is_of_app else WerkzeugBuildError, name, replacement):
                found += [outcome(lib.url_for, endpoint, **values) for endpoint, values in asked]
            return found + [outcome(lib.url_for, endpoint, **values) for endpoint, values in asked]

    same(program)


def test_it_is_an_error_as_werkzeugs() -> None:
    def program(lib: Any) -> Any:
        app = an_app(lib, "plain")
        with app.test_request_context("/about"), pytest.raises(WerkzeugBuildError) as raised:
            lib.url_for("item", q=1, _method="PUT")
        error: Any = raised.value
        copied = copy.copy(error)
        kind, adapter = type(error), error.adapter
        # A map cannot be pickled.
        error.adapter = None
        read = pickle.loads(pickle.dumps(error))  # noqa: S301 - made right here
        error.adapter = adapter
        return [
            type(read) is WerkzeugBuildError, str(read), read.args, vars(read),
            isinstance(error, LookupError), kind.__name__, kind.__qualname__, kind.__module__, repr(error), str(copied),
            error.args, copied.args, error.suggested is copied.suggested, error.adapter.url_scheme,
        ]  # fmt: skip

    same(program)
