"""Adapters that are bound by hand: the answers are those of Werkzeug's, in every detail."""

from __future__ import annotations

import random
import warnings
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from markupsafe import Markup
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import Gone
from werkzeug.routing import BaseConverter, BuildError, MapAdapter, ValidationError
from werkzeug.routing import Map as WerkzeugMap
from werkzeug.routing import Rule as WerkzeugRule
from werkzeug.routing.matcher import StateMachineMatcher

import tuile
from tests.beside_flask import make_environ, outcome, same

if TYPE_CHECKING:
    from collections.abc import Callable

RULES: list[tuple[str, str, dict[str, Any]]] = [
    ("/", "index", {}),
    ("/about", "about", {}),
    ("/pages/", "pages", {"defaults": {"page": 1}}),
    ("/pages/<int:page>", "pages", {}),
    ("/users/<int:number>/<name>", "user", {}),
    ("/files/<path:name>", "file", {}),
    ("/tags/", "tags", {}),
    ("/members", "members", {"methods": ["GET", "POST"]}),
    ("/members/<int:member>", "members", {"methods": ["PUT"]}),
    ("/own/<own:value>", "own", {}),
    ("/old", "old", {"redirect_to": "/about"}),
    ("/<a>/x", "x", {}),
]
PATHS = [
    *("/", "", "/about", "about", "//about", "/about/", "/pages/", "/pages", "/pages/1", "/pages/2", "/old", "/tags"),
    *("/users/5/ada", "/users/5/a%20b", "/users/-5/ada", "/users/5", "/files/a/b", "/files/a//b", "/files/"),
    *("/tags/", "/members", "/members/7", "/own/1", "/own/refused", "/own/not found", "/k\u00f6ln/x", "/a b/x"),
    *("/nothing/here", "/a|b/x", "/pages/x"),
]  # fmt: skip
HOSTS = [
    *("example.com", "Example.COM", "example.com:80", "example.com:8000", "sub.example.com", "other.org", "", "a..b"),
    *("[::1]", "x" * 64 + ".com", "b\u00fccher.example", "exa mple", "example.com:x"),
]  # fmt: skip


VALUES: list[Any] = [
    *(None, {}, {"number": 5, "name": "a b"}, {"name": "a/b", "q": "x"}, {"page": 1}, {"page": 2, "q": None}),
    *({"value": ["a", "b"]}, {"member": 7}, {5: "no text"}, {"value": 5}, {"_external": True, "name": ""}),
]  # fmt: skip


class _Own(BaseConverter):
    def to_python(self, value: str) -> Any:
        if value == "refused":
            raise ValueError(value)
        return [value]

    def to_url(self, value: Any) -> str:
        return "-".join(value)


def _view(**_: Any) -> str:
    return ""


def an_app(lib: Any, **options: Any) -> Any:
    app = lib.Flask("adapters", static_folder=None, **options)
    app.url_map.converters["own"] = _Own
    for rule, endpoint, given in RULES:
        app.add_url_rule(rule, endpoint, _view, **given)
    return app


def shown(asked: Any) -> Any:
    """Return an outcome in a form to compare: rules by their text, errors with what they say."""
    kind, value = asked[0], asked[1:]
    if kind != "returned":
        error = value[0] if isinstance(value[0], BaseException) else None
        methods = getattr(error, "valid_methods", None)
        return (kind, str(value), sorted(methods) if methods else None, getattr(error, "new_url", None))
    found = value[0]
    if isinstance(found, MapAdapter):
        return {name: text for name, text in vars(found).items() if name != "map"}
    if isinstance(found, tuple):
        return [str(part) if isinstance(part, WerkzeugRule) else part for part in found]
    return found


def caught(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Return the outcome of a call, and the warnings with the module that they are attributed to."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        found = outcome(function, *args, **options)
    return found, [(str(one.message), one.category) for one in seen]


@pytest.mark.parametrize("seed", range(20))
def test_bound_by_hand_they_match_and_build_as_in_flask(seed: int) -> None:
    def program(lib: Any) -> list[Any]:
        choose = random.Random(seed)
        app = an_app(
            lib, **choose.choice(({}, {"subdomain_matching": True}, {"host_matching": True, "static_host": None}))
        )
        if choose.random() < 0.2:
            app.url_map.default_subdomain = "sub"
        found: list[Any] = []
        for _ in range(25):
            options: dict[str, Any] = {
                "script_name": choose.choice((None, "/", "/app", "app/", "")),
                "url_scheme": choose.choice(("http", "https", "", "ftp", "ws")),
                "default_method": choose.choice(("GET", "POST", "get", "PUT")),
                "path_info": choose.choice((None, *PATHS)),
            }
            if choose.random() < 0.3:
                options["subdomain"] = choose.choice((None, "", "sub", "www"))
            bound, _ = caught(app.url_map.bind, choose.choice(HOSTS[: choose.choice((1, 20))]), **options)
            found.append((options, shown(bound)))
            if bound[0] != "returned":
                continue
            adapter = bound[1]
            for _ in range(8):
                asked = {
                    "method": choose.choice((None, "GET", "post", "PUT", "--", "")),
                    "return_rule": choose.choice((True, False)),
                    "query_args": choose.choice((None, "a=b", {"c": "d"})),
                    "websocket": choose.choice((None, None, None, False, True)),
                }
                path = choose.choice((None, *PATHS))
                found.append((path, asked, shown(outcome(adapter.match, path, **asked))))
                found.append(outcome(adapter.test, path, asked["method"]))
                found.append(shown(outcome(adapter.allowed_methods, path)))
                given = choose.choice((None, "", "sub", "x.y")), asked["query_args"]
                found.append(
                    outcome(
                        adapter.make_redirect_url, choose.choice(("/a", "b/c", "//d", "?e#f", "")), given[1], given[0]
                    )
                )
                found.append(shown(outcome(adapter.test, path, asked["method"])))
                found.append(sorted(adapter.allowed_methods("/members")))
            for _ in range(12):
                values = choose.choice(VALUES)
                asked = {
                    "method": choose.choice((None, None, "GET", "PUT")),
                    "force_external": choose.random() < 0.5,
                    "append_unknown": choose.random() < 0.8,
                    "url_scheme": choose.choice((None, None, "https", "", "wss", "ftp")),
                }
                endpoint = choose.choice([*(row[1] for row in RULES), "missing"])
                found.append((endpoint, str(values), asked, shown(outcome(adapter.build, endpoint, values, **asked))))
        return found

    same(program)


@pytest.mark.parametrize("seed", range(12))
def test_bound_to_environs_they_are_as_in_flask(seed: int) -> None:
    def program(lib: Any) -> list[Any]:
        choose = random.Random(seed)
        app = an_app(
            lib, **choose.choice(({}, {"subdomain_matching": True}, {"host_matching": True, "static_host": None}))
        )
        found: list[Any] = []
        for _ in range(40):
            environ = make_environ("/about", HTTP_HOST=choose.choice(HOSTS))
            environ["SCRIPT_NAME"] = choose.choice(("", "/app", "/k\xc3\xb6ln"))
            environ["wsgi.url_scheme"] = choose.choice(("http", "https"))
            if choose.random() < 0.1:
                environ.update(HTTP_CONNECTION="Upgrade", HTTP_UPGRADE="websocket")
            if choose.random() < 0.1:
                del environ[choose.choice(("HTTP_HOST", "PATH_INFO", "QUERY_STRING"))]
            name, subdomain = choose.choice((None, *HOSTS)), choose.choice((None, None, "", "sub"))
            given = lib.Request(environ) if choose.random() < 0.2 else environ
            bound, warned = caught(app.url_map.bind_to_environ, given, name, subdomain)
            found.append((name, subdomain, shown(bound), warned))
            if bound[0] == "returned":
                found.append(shown(outcome(bound[1].match)))
        return found

    same(program)


def test_a_warning_names_who_has_called() -> None:
    def program(lib: Any) -> list[Any]:
        app, found = an_app(lib), []
        for host in ("other.org", "exa_mple..org"):
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("ignore")
                warnings.filterwarnings("always", module=__name__.replace(".", r"\."))
                app.url_map.bind_to_environ(make_environ("/", HTTP_HOST=host), server_name="example.com")
            found.append([str(one.message) for one in seen])
        return found

    same(program)


PATCHED: dict[str, tuple[type, str, Callable[..., Any]]] = {
    "build": (MapAdapter, "build", lambda *_, **__: "/patched"),
    "_partial_build": (MapAdapter, "_partial_build", lambda *_, **__: ("", "/patched", False)),
    "get_host": (MapAdapter, "get_host", lambda *_: "patched.org"),
    "suitable_for": (WerkzeugRule, "suitable_for", lambda *_: False),
    "Rule.build": (WerkzeugRule, "build", lambda *_: ("", "/patched")),
    "match": (MapAdapter, "match", lambda *_, **__: ("patched", {})),
    "test": (MapAdapter, "test", lambda *_: "patched"),
    "allowed_methods": (MapAdapter, "allowed_methods", lambda *_: ["PATCHED"]),
    "make_redirect_url": (MapAdapter, "make_redirect_url", lambda *_, **__: "patched"),
    "get_default_redirect": (MapAdapter, "get_default_redirect", lambda *_: "patched"),
    "encode_query_args": (MapAdapter, "encode_query_args", lambda *_: "patched"),
    "StateMachineMatcher.match": (
        StateMachineMatcher,
        "match",
        lambda *_: (WerkzeugRule("/x", endpoint="patched"), {}),
    ),
    "bind": (WerkzeugMap, "bind", lambda url_map, *_, **__: MapAdapter(url_map, "p.org", "/", "", "http", "/", "GET")),
}


@pytest.mark.parametrize("name", PATCHED)
def test_what_is_patched_in_werkzeug_is_called_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def program(lib: Any) -> list[Any]:
        app = an_app(lib)
        adapter, found = app.url_map.bind("example.com"), []

        def ask() -> None:
            for one in (adapter, app.url_map.bind("example.org")):
                found.append(shown(outcome(one.build, "user", {"number": 5, "name": "ada"})))
                found.append(shown(outcome(one.build, "about", force_external=True)))
                found.append(shown(outcome(one.build, "missing")))
                found.append(shown(outcome(one.build, "members", {"member": 5}, "PUT")))
                found.append(shown(outcome(one.build, "members", {"member": 5}, "POST")))
                for path in ("/users/5/ada", "/tags", "/users", "/pages/1"):
                    found.append(shown(outcome(one.match, path)))
                    found.append(shown(outcome(one.match, path, "POST", query_args={"a": "b c"})))
                    found.append((outcome(one.test, path), outcome(one.test, path, "PUT")))
                    found.append(outcome(one.allowed_methods, path)[:2])

        ask()
        with monkeypatch.context() as patched:
            patched.setattr(*PATCHED[name])
            ask()
        ask()
        return found

    same(program)


# What is patched on the class that an object says it has, and what the patch returns.
PATCHED_ON_TYPES: dict[str, tuple[str, str, Callable[..., Any]]] = {
    "build": ("adapter", "build", lambda *_, **__: "patched"),
    "match": ("adapter", "match", lambda *_, **__: ("patched", {})),
    "get_host": ("adapter", "get_host", lambda *_: "patched.org"),
    "get_default_redirect": ("adapter", "get_default_redirect", lambda *_: "patched"),
    "make_redirect_url": ("adapter", "make_redirect_url", lambda *_, **__: "patched"),
    "_partial_build": ("adapter", "_partial_build", lambda *_: ("", "/patched", False)),
    "Rule.build": ("rule", "build", lambda *_: ("", "/patched")),
    "Rule.suitable_for": ("rule", "suitable_for", lambda *_: False),
}


@pytest.mark.parametrize("name", PATCHED_ON_TYPES)
def test_what_is_patched_on_the_class_of_an_object_is_called_at_once(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whose, method, function = PATCHED_ON_TYPES[name]

    def program(lib: Any) -> list[Any]:
        app = an_app(lib)
        adapter, found = app.url_map.bind("example.com"), []
        patched_one = adapter if whose == "adapter" else next(app.url_map.iter_rules())

        def ask() -> None:
            for endpoint, values in (("user", {"number": 5, "name": "ada"}), ("pages", {"page": 2}), ("missing", {})):
                found.append(shown(outcome(adapter.build, endpoint, values)))
                found.append(shown(outcome(adapter.build, endpoint, values, force_external=True)))
            found.extend(shown(outcome(adapter.match, path)) for path in ("/users/5/ada", "/tags", "/pages/1", "/no"))

        ask()
        with monkeypatch.context() as patched:
            patched.setattr(type(patched_one), method, function)
            ask()
        ask()
        return found

    same(program)


ON_ONE: dict[str, Callable[[Any, Any, Any], object]] = {
    "match of an adapter": lambda adapter, *_: setattr(adapter, "match", lambda *_, **__: ("patched", {})),
    "get_host of an adapter": lambda adapter, *_: setattr(adapter, "get_host", lambda _: "patched.org"),
    "test of an adapter": lambda adapter, *_: setattr(adapter, "test", lambda *_: "patched"),
    "make_redirect_url of an adapter": lambda adapter, *_: setattr(
        adapter, "make_redirect_url", lambda *_, **__: "patched"
    ),
    "build of a rule": lambda _, rule, __: setattr(rule, "build", lambda *_: ("", "/patched")),
    "suitable_for of a rule": lambda _, rule, __: setattr(rule, "suitable_for", lambda *_: False),
    "methods of a rule": lambda _, rule, __: rule.methods.add("PATCH"),
    "websocket of a rule": lambda _, rule, __: setattr(rule, "websocket", True),
    "default_method": lambda adapter, *_: setattr(adapter, "default_method", "PUT"),
    "subdomain": lambda adapter, *_: setattr(adapter, "subdomain", "sub"),
    "url_scheme": lambda adapter, *_: setattr(adapter, "url_scheme", "wss"),
    "path_info": lambda adapter, *_: setattr(adapter, "path_info", "/tags"),
    "default_subdomain": lambda *given: setattr(given[2], "default_subdomain", "sub"),
    "redirect_defaults": lambda *given: setattr(given[2], "redirect_defaults", False),
    "merge_slashes": lambda *given: setattr(given[2], "merge_slashes", False),
    "another rule": lambda *given: given[2].add(WerkzeugRule("/more", endpoint="user")),
}


@pytest.mark.parametrize("warm", [0, 3, 60])
@pytest.mark.parametrize("change", ON_ONE)
def test_what_is_changed_on_one_object_counts_at_once(change: str, warm: int) -> None:
    def program(lib: Any) -> list[Any]:
        app = an_app(lib)
        adapter, found = app.url_map.bind("example.com", path_info="/about"), []
        rule = next(app.url_map.iter_rules("user"))

        def ask(endpoint: str, path: str) -> None:
            found.append(shown(outcome(adapter.build, endpoint, {"number": 5, "name": "ada"})))
            found.append(shown(outcome(adapter.build, endpoint, {"number": 5, "name": "a"}, force_external=True)))
            found.append(shown(outcome(adapter.build, endpoint, {"number": 5})))
            found.append(shown(outcome(adapter.build, endpoint, {"number": 5, "name": "x"}, "POST")))
            found.append(shown(outcome(adapter.match, path)))
            found.append(shown(outcome(adapter.match, path, "DELETE")))
            found.append(
                (outcome(adapter.test, path), outcome(adapter.test), outcome(adapter.allowed_methods, path)[:2])
            )
            with app.test_request_context("/about"):
                found.append(outcome(lib.url_for, endpoint, number=5, name="ada"))

        asked = [
            ("user", "/users/5/ada"),
            ("members", "/members/5"),
            ("about", "//about"),
            ("tags", "/tags"),
            ("x", "/a|b/x"),
        ]
        for _ in range(warm):
            for one in asked:
                ask(*one)
        ON_ONE[change](adapter, rule, app.url_map)
        for _ in range(2):
            for one in asked:
                ask(*one)
        return found

    same(program)


@pytest.mark.parametrize("methods", [["GET"], ["POST"], None])
@pytest.mark.parametrize("count", [1, 2])
def test_a_converter_that_refuses_is_asked_as_often_as_by_werkzeug(methods: Any, count: int) -> None:
    def program(lib: Any) -> Any:
        asked: list[Any] = []

        class Refusing(BaseConverter):
            def to_url(self, value: Any) -> str:
                asked.append(value)
                if value == "no":
                    raise ValidationError
                return super().to_url(value)

        app = lib.Flask("refusing", static_folder=None)
        app.url_map.converters["refusing"] = Refusing
        for number in range(count):
            app.url_map.add(WerkzeugRule(f"/{number}/<refusing:value>", endpoint="index", methods=methods))
        adapter = app.url_map.bind("example.com")
        found = [outcome(adapter.build, "index", {"value": "yes"}) for _ in range(30)]
        for method in (None, "GET", "POST"):
            found.append((str(outcome(adapter.build, "index", {"value": "no"}, method)), asked.copy()))
            asked.clear()
        return found

    same(program)


def test_a_map_of_an_applications_class_has_werkzeugs_adapters() -> None:
    class Own(type(tuile.Flask("own").url_map)):  # type: ignore[misc]
        def update(self) -> None:
            super().update()

    assert type(Own().bind("example.com")) is MapAdapter


def test_an_error_says_what_was_asked_for() -> None:
    def program(lib: Any) -> Any:
        adapter = an_app(lib).url_map.bind("example.com")
        with pytest.raises(BuildError) as raised:
            adapter.build("missing", method="PUT")
        error = raised.value
        return str(error), error.endpoint, error.values, error.method, error.adapter is adapter, type(adapter).__name__

    same(program)


def _origin(error: BaseException) -> tuple[Any, ...]:
    return repr(error.__cause__), repr(error.__context__), error.__suppress_context__


def test_an_error_that_a_converter_raises_keeps_what_it_was_raised_from() -> None:
    class Refusing(BaseConverter):
        def to_python(self, value: str) -> Any:
            try:
                return dict[str, Any]()[value]
            except KeyError as error:
                if value == "by_cause":
                    raise Gone from error
                raise Gone  # noqa: B904 - what is tested

    def program(lib: Any) -> list[Any]:
        app = lib.Flask("causes", static_folder=None)
        app.url_map.converters["refusing"] = Refusing
        app.add_url_rule("/<refusing:value>", "index", _view)
        adapter, found = app.url_map.bind("example.com"), []
        for path in ("/by_cause", "/by_context"):
            with pytest.raises(Gone) as caught:
                adapter.match(path)
            found.append(_origin(caught.value))
            try:
                raise LookupError(path)
            except LookupError:
                with pytest.raises(Gone) as caught:
                    adapter.match(path)
            found.append(_origin(caught.value))
        return found

    same(program)


_NAMES: list[Any] = ["a", "b c", "\u00fc", "a&b", "", 5, None, b"x\xff", ("t",), Markup("m&m"), "\udc80", 1.5]
_GIVEN: list[Any] = [
    *("x", "a b", "\u00fc&=+", "", None, 5, True, 1.5, 1e100, b"\xff b", ["x", None, "y z"], ("t", 5), {"s"}),
    *([], [[1]], {"k": 1}, Markup("<b>"), "\udc80", datetime(2027, 1, 2, 3, 4, tzinfo=timezone.utc)),
    *(object, "/a?b:c", range(2)),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_queries_of_redirects_are_encoded_as_by_werkzeug(seed: int) -> None:
    def program(lib: Any) -> Any:
        choose = random.Random(seed)
        app = lib.Flask("queries", static_folder=None)
        app.add_url_rule("/tags/", "tags")
        adapter = app.url_map.bind("example.com", "/root")
        found = []
        for _ in range(12):
            query: Any = {choose.choice(_NAMES): choose.choice(_GIVEN) for _ in range(choose.randrange(4))}
            query = choose.choice([query, query, query, MultiDict(), list(query.items()), "a=b c", None])
            found.append(outcome(adapter.encode_query_args, query))
            found.append(outcome(adapter.make_redirect_url, "/a b", query))
            found.append(outcome(adapter.match, "/tags", query_args=query))
        return found

    same(program)
