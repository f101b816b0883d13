"""The registries of functions tell when they fill, and otherwise are what Flask's are."""

from __future__ import annotations

import copy
import pickle
from collections import defaultdict
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from werkzeug.routing import BaseConverter

import tuile
from tests.beside_flask import same
from tuile import invalidation
from tuile.ctx.app_context import current_value
from tuile.sansio.registries import Registry, is_empty

if TYPE_CHECKING:
    from collections.abc import Callable

FILLING: dict[str, Callable[[Any, Any], object]] = {
    "item": lambda registry, f: registry.__setitem__(None, [f]),
    "missing item": lambda registry, f: registry[None].append(f),
    "setdefault": lambda registry, f: registry.setdefault(None, []).append(f),
    "update": lambda registry, f: registry.update({None: [f]}),
    "or": lambda registry, f: registry.__ior__({None: [f]}),
}
NAMES = ["before_request_funcs", "after_request_funcs", "teardown_request_funcs", "url_value_preprocessors"]


@pytest.mark.parametrize("way", FILLING)
def test_a_registry_that_fills_makes_plans_stale(way: str) -> None:
    registry: Registry[object, object] = Registry(list)
    assert is_empty(registry)
    before = invalidation.epoch
    FILLING[way](registry, print)
    assert invalidation.epoch is not before
    assert not is_empty(registry)
    before = invalidation.epoch
    registry[None].append(len)
    registry.setdefault(None, []).append(len)
    assert invalidation.epoch is before


def test_it_looks_like_an_ordinary_one() -> None:
    registry: Registry[object, object] = Registry(list)
    registry[None].append(1)
    assert repr(registry) == repr(defaultdict(list, {None: [1]}))
    assert registry == {None: [1]}
    unpickled = pickle.loads(pickle.dumps(registry))  # noqa: S301 - its own
    for copied in (copy.copy(registry), copy.deepcopy(registry), registry.copy(), unpickled):
        assert copied == registry
        assert copied["other"] == []


@pytest.mark.parametrize("way", FILLING)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("when", ["between", "in the view", "in a converter", "a dictionary of its own"])
def test_functions_are_called_that_are_registered_at_any_time(name: str, way: str, when: str) -> None:
    def program(lib: Any) -> list[object]:
        app = lib.Flask("registries")
        seen: list[object] = []

        def function(*args: object) -> object:
            seen.append([name, len(args)])
            return args[0] if name == "after_request_funcs" else None

        def fill(now: str) -> str:
            if now == when and "full" not in seen:
                seen.append("full")
                FILLING[way](getattr(app, name), function)
            return now

        class Converter(BaseConverter):
            def to_python(self, value: str) -> str:
                return fill(value)

        app.url_map.converters["own"] = Converter
        app.add_url_rule("/", "index", lambda: "index")
        app.add_url_rule("/filling", "filling", lambda: fill("in the view"))
        app.add_url_rule("/<own:value>", "value", lambda value: value)
        if when == "a dictionary of its own":
            setattr(app, name, defaultdict(list))
        client = app.test_client()
        ask = ["/", "/x"] * 25 + ["/filling", "/in a converter", "/", "/x", "/filling"]
        seen += [client.get(path).text for path in ask[:50]]
        fill("between")
        fill("a dictionary of its own")
        for path in ask[50:]:
            seen.append(client.get(path).text)
        return seen

    same(program)


@pytest.mark.parametrize("name", NAMES)
def test_a_class_may_get_a_property_for_a_registry(name: str) -> None:
    def program(lib: Any) -> list[object]:
        app = lib.Flask("registries")
        app.add_url_rule("/", "index", lambda: "index")
        seen: list[object] = []

        def function(*args: object) -> object:
            seen.append(lib.request.path)
            return args[0] if name == "after_request_funcs" else None

        client = app.test_client()
        seen += [client.get("/").text for _ in range(3)]
        with mock.patch.object(lib.Flask, name, property(lambda _: {None: [function]}), create=True):
            seen += [client.get("/").text for _ in range(3)]
        return [*seen, client.get("/").text]

    same(program)


@pytest.mark.parametrize("name", ["routing_exception", "url_rule", "view_args"])
def test_a_request_class_may_have_a_property_for_what_matching_sets(name: str) -> None:
    def program(lib: Any) -> list[object]:
        seen: list[object] = []

        def keep(self: Any, value: object) -> None:
            seen.append(str(value))
            vars(self)["own"] = value

        app = lib.Flask("registries")
        app.request_class = type("Request", (lib.Request,), {name: property(lambda self: vars(self).get("own"), keep)})
        app.add_url_rule("/<int:number>", "number", lambda number: f"{number}")
        client = app.test_client()
        for path in ["/1", "/none", "/none/", "/2"] * 4:
            response = client.get(path)
            seen.append([path, response.status, response.text])
        return seen

    same(program)


def test_a_request_is_made_only_where_it_is_read() -> None:
    app = tuile.Flask("lazily")
    found: list[object] = []

    @app.get("/")
    def unread() -> str:
        found.append(vars(current_value(None))["_request"])
        return "unread"

    @app.get("/read/<int:number>")
    def read(number: int) -> str:
        return (
            f"{tuile.request.path} {tuile.request.endpoint} {tuile.request.view_args} {tuile.request.method} {number}"
        )

    environ = tuile.testing.EnvironBuilder(app, "/").get_environ()
    client = app.test_client()
    for _ in range(30):
        assert list(app(environ.copy(), lambda _status, _headers, _error=None: print)) == [b"unread"]
        assert client.get("/read/7").text == "/read/7 read {'number': 7} GET 7"
    assert found[-1] is None


def test_a_context_that_is_kept_has_its_request_and_environ_after_the_response() -> None:
    def program(lib: Any) -> list[object]:
        app = lib.Flask("kept")
        kept: list[Any] = []
        seen: list[object] = []

        def keep() -> str:
            kept.append(lib.globals.request_ctx._get_current_object())
            return "kept"

        app.add_url_rule("/", "keep", keep)
        for number in range(40):
            environ = lib.testing.EnvironBuilder(app, "/", query_string={"n": str(number)}).get_environ()
            list(app(environ, lambda *_: None))
            seen.append(environ["werkzeug.request"])
            # As uWSGI reuses it.
            environ.update(QUERY_STRING="n=other", PATH_INFO="/other")
        return [*seen, *((one.request.args["n"], one.request.path, str(one.request.url_rule)) for one in kept)]

    same(program)
