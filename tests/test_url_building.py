# ruff: noqa: C901, E501 - one program with its functions; the values fill their lines
"""URLs of adapters, errors that functions handle, values that functions complete, and URLs outside of requests."""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.datastructures import MultiDict
from werkzeug.routing import BuildError, IntegerConverter, Map, MapAdapter, Rule

import tuile
from tests.beside_flask import make_environ, outcome, same, send
from tests.test_routing_links import EXAMPLES, RULES, make
from tests.test_url_links import an_app, some_context, some_values
from tuile.globals import request_ctx

if TYPE_CHECKING:
    from collections.abc import Callable

ENDPOINTS = (*RULES, "pages", "posts", "missing", ".text", "", None, 5)


def _shown(found: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return an outcome without the addresses of objects."""
    return found if "object at 0x" not in str(found) else found[:2]


def _some(choose: random.Random) -> dict[str, Any]:
    names = choose.sample(["a", "b", "c", "q r", "ü", "self"], choose.randrange(4))
    return {name: choose.choice(EXAMPLES) for name in names}


# --- adapters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_adapters_and_rules_build_what_werkzeugs_do(seed: int) -> None:
    def program(lib: Any) -> list[Any]:
        choose = random.Random(seed)
        app = make(lib)
        adapter = app.url_map.bind("example.com", script_name=choose.choice(("/", "/app")))
        found = []
        for _ in range(150):
            endpoint, values = choose.choice(ENDPOINTS), _some(choose)
            given: Any = (
                MultiDict({name: [value] for name, value in values.items()}) if choose.random() < 0.2 else values
            )
            options: dict[str, Any] = {}
            if choose.random() < 0.3:
                options = {
                    "append_unknown": choose.random() < 0.5,
                    "method": choose.choice((None, "GET", "POST")),
                    "force_external": choose.random() < 0.5,
                    "url_scheme": choose.choice((None, "https", "")),
                }
            asked = [_shown(outcome(adapter.build, endpoint, given, **options)) for _ in range(2)]
            found.append((endpoint, str(values), asked))
            for rule in app.url_map._rules_by_endpoint.get(endpoint, ()):
                for unknown in (True, False):
                    found.append(_shown(outcome(rule.build, values, unknown)))
                    found.append(_shown(outcome(rule.build, {**values, 5: "no text"}, unknown))[:2])
        return found

    same(program)


PATCHES: dict[str, Callable[[Any], object]] = {
    "Rule.build": lambda patched: patched.setattr(Rule, "build", lambda *_: ("", "/patched")),
    "MapAdapter.build": lambda patched: patched.setattr(MapAdapter, "build", lambda *_, **__: "/patched"),
    "Map.bind": lambda patched: patched.setattr(Map, "bind", lambda *_, **__: MapAdapter(_[0], "p.org", "/", "", "http", "/", "GET")),
    "to_url": lambda patched: patched.setattr(IntegerConverter, "to_url", lambda _, value: f"int{value}"),
}  # fmt: skip


@pytest.mark.parametrize("patch", PATCHES)
def test_what_is_patched_is_called_at_once(patch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def program(lib: Any) -> list[Any]:
        app = make(lib, SERVER_NAME="example.com")
        found: list[Any] = []

        def ask() -> None:
            with app.app_context() as context:
                for adapter in (context.url_adapter, app.url_map.bind("example.org")):
                    found.append(outcome(adapter.build, "int", {"a": 5}))
                    found.append(outcome(adapter.build, "two", {"a": 5, "b": "x", "q": "y"}))
                if patch != "Rule.build":
                    # `url_for` asks no rule.
                    found.append(outcome(lib.url_for, "int", a=5))

        ask()
        with monkeypatch.context() as patched:
            PATCHES[patch](patched)
            ask()
        ask()
        return found

    same(program)


NAMES = [
    "example.com", "Example.COM", "example.com:80", "example.com:8443", "localhost", "bücher.example", "xn--bcher-kva.example",
    "a..b", ".example.com", "example.com.", "x" * 64 + ".example", "127.0.0.1:5000", "[::1]:80", "exa mple.com", "", "a_b.example",
    "-a.example", "example.com:x", "example.com:99999", "\u0130.example", 5,
]  # fmt: skip


@pytest.mark.parametrize("root", ["/", "/app", "/app/", "", "app", None])
def test_the_adapter_outside_of_requests_is_as_bound_by_werkzeug(root: str | None) -> None:
    def program(lib: Any) -> list[Any]:
        found = []
        for kind in ("plain", "subdomains", "hosts"):
            for name in NAMES:
                app = an_app(lib, kind)
                for scheme in ("http", "https", "", "ftp"):
                    app.config.update(SERVER_NAME=name, APPLICATION_ROOT=root, PREFERRED_URL_SCHEME=scheme)
                    for _ in range(2):
                        made = outcome(app.create_url_adapter, None)
                        shown = made[1:]
                        if made[0] == "returned":
                            shown = {key: value for key, value in vars(made[1]).items() if key != "map"}
                            shown["type"] = isinstance(made[1], MapAdapter) and made[1].map is app.url_map
                        found.append((kind, name, shown))
        return found

    same(program)


# --- errors and completed values --------------------------------------------------------------------------------------


def _note(seen: list[Any], answer: Any) -> Callable[[Any, str, dict[str, Any]], Any]:
    def handle(error: Any, endpoint: str, values: dict[str, Any]) -> Any:
        active = sys.exc_info()[1]
        seen.append((type(error).__name__, endpoint, str(values), active is error, error.method, str(error.values)))
        seen.append((error.args, type(error.adapter).__name__, error.__traceback__ is not None, error.__context__))
        values["noted"] = 1
        if answer == "same":
            raise error
        if answer == "other":
            raise BuildError("other", {}, "PUT")
        if answer == "key":
            raise KeyError(endpoint)
        return answer

    return handle


@pytest.mark.filterwarnings("ignore:Current server name")
@pytest.mark.parametrize("kind", ["plain", "named", "root", "subdomains", "hosts"])
@pytest.mark.parametrize("seed", range(4))
def test_functions_handle_errors_as_in_flask(kind: str, seed: int) -> None:
    def program(lib: Any) -> list[Any]:
        choose = random.Random(seed)
        app = an_app(lib, kind)
        seen: list[Any] = []
        for answer in choose.sample([None, None, "/elsewhere", "", "same", "other", "key"], 3):
            app.url_build_error_handlers.append(_note(seen, answer))
        if choose.random() < 0.3:
            app.url_defaults(lambda _, values: values.setdefault("lang", "de"))
        for _ in range(6):
            with some_context(choose, app):
                for _ in range(25):
                    endpoint = choose.choice(
                        ("missing", "missing", ".missing", "bp.", "item", "users", "three", "picky", "fixed")
                    )
                    values = some_values(choose)
                    url_for = lib.url_for if choose.random() < 0.8 else app.url_for
                    seen.append((endpoint, str(values), outcome(url_for, endpoint, **values)))
        return seen

    same(program)


def test_an_error_is_handled_once_its_functions_are_there() -> None:
    def program(lib: Any) -> list[Any]:
        app = an_app(lib, "plain")
        found = []
        with app.test_request_context():
            for answer in (None, "/first", None):
                found += [outcome(lib.url_for, "missing", _external=external) for external in (None, True, False)]
                app.url_build_error_handlers[:] = [] if answer is None else [lambda *_: "/first"]
            app.handle_url_build_error = lambda error, endpoint, values: f"own {endpoint} {values}"
            found += [outcome(lib.url_for, "missing"), outcome(app.url_for, "item")]
            del app.handle_url_build_error
            found.append(outcome(lib.url_for, "missing", _scheme="https", _external=False))
            app.add_url_rule("/missing", "missing")
            found.append(outcome(lib.url_for, "missing"))
        return found

    same(program)


@pytest.mark.parametrize("seed", range(6))
def test_functions_complete_values_as_in_flask(seed: int) -> None:
    def program(lib: Any) -> list[Any]:
        choose = random.Random(seed)
        app = lib.Flask("completed", static_folder=None)
        calls: list[Any] = []

        def complete(place: str) -> Callable[[str, dict[str, Any]], None]:
            added: dict[str, Any] = choose.choice(
                [{"lang": "de"}, {"_anchor": "x"}, {"lang": "a b", "q": 1}, {"_external": True}, {"name": place}, {}]
            )

            def function(endpoint: str, values: dict[str, Any]) -> None:
                calls.append((place, endpoint, str(values)))
                for name, value in added.items():
                    values.setdefault(name, value)
                if choose.random() < 0.05:
                    assert lib.globals.request_ctx.url_adapter is not None
                if choose.random() < 0.02:
                    app.url_default_functions[None].reverse()

            return function

        outer, inner = (
            lib.Blueprint("outer", "outer", url_prefix="/<lang>"),
            lib.Blueprint("inner", "inner", url_prefix="/in"),
        )
        for blueprint in (outer, inner):
            blueprint.add_url_rule("/page/<name>", "page")
            blueprint.add_url_rule("/list", "list")
            for _ in range(choose.randrange(3)):
                blueprint.url_defaults(complete(blueprint.name))
        outer.register_blueprint(inner)
        app.register_blueprint(outer)
        app.add_url_rule("/items/<name>", "item")
        app.add_url_rule("/<lang>/", "home")
        for _ in range(choose.randrange(3)):
            app.url_defaults(complete("app"))
        names = [
            "outer.page",
            "outer.list",
            "outer.inner.page",
            "outer.inner.list",
            "item",
            "home",
            ".page",
            "missing",
            ".",
        ]
        found: list[Any] = []
        for _ in range(6):
            environ = make_environ(
                choose.choice(("/de/list", "/de/in/list", "/de/")), SCRIPT_NAME=choose.choice(("", "", "/app"))
            )
            with app.request_context(environ):
                for _ in range(20):
                    options = choose.sample(
                        [
                            ("_anchor", "y"),
                            ("_external", True),
                            ("_scheme", "https"),
                            ("name", "ada"),
                            ("lang", "en"),
                            ("q", "z"),
                        ],
                        choose.randrange(3),
                    )
                    endpoint = choose.choice(names)
                    found.append(
                        (
                            endpoint,
                            options,
                            outcome(choose.choice((lib.url_for, app.url_for)), endpoint, **dict(options)),
                        )
                    )
        values: dict[str, Any] = {"given": 1}
        found += [outcome(app.inject_url_defaults, name, values) for name in names]
        return [found, calls, str(values)]

    same(program)


@pytest.mark.parametrize("kind", ["named", "root", "subdomains", "hosts"])
def test_schemes_outside_of_requests_are_flasks(kind: str) -> None:
    def program(lib: Any) -> list[Any]:
        app = an_app(lib, kind)
        if kind == "hosts":
            app.config["SERVER_NAME"] = "localhost"
        found = []
        schemes = [None, "https", "http", "ws", "wss", "", "ftp", 5, *(f"s{number}" for number in range(20)), "https"]
        with app.app_context() as context:
            for number in range(2):
                for scheme in schemes:
                    for external in (None, True, False, 0, 1):
                        for endpoint, values in (
                            ("about", {}),
                            ("item", {"name": "a b"}),
                            ("fixed", {}),
                            ("tenant", {"name": "x", "n": 1}),
                        ):
                            options: dict[str, Any] = {"_scheme": scheme, "_external": external}
                            found.append(outcome(lib.url_for, endpoint, **values, **options))
                            found.append(outcome(lib.url_for, endpoint, **values, _external=external, _anchor="x y"))
                if number == 0:
                    context.url_adapter.url_scheme = "https"
        return found

    same(program)


# --- trusted hosts ----------------------------------------------------------------------------------------------------

HOSTS = [
    "example.com",
    "www.example.com",
    "Example.COM",
    "example.com:80",
    "example.com:8080",
    "evil.example",
    "a..b",
    "",
]
TRUSTED: list[Any] = [None, ["example.com"], [".example.com"], ("localhost", ".example.com"), [], "example.com"]


@pytest.mark.parametrize("trusted", TRUSTED, ids=str)
@pytest.mark.parametrize("kind", ["plain", "named", "subdomains", "hosts"])
@pytest.mark.filterwarnings("ignore:Current server name")
def test_urls_of_requests_from_trusted_hosts_are_flasks(kind: str, trusted: Any) -> None:
    def program(lib: Any) -> list[Any]:
        choose = random.Random(5)
        app = an_app(lib, kind)
        app.config.update(TRUSTED_HOSTS=trusted, PROPAGATE_EXCEPTIONS=False)
        app.logger.disabled = True
        found: list[Any] = []

        def links(where: str) -> list[Any]:
            asked: list[tuple[str, dict[str, Any]]] = [
                ("about", {}),
                ("item", {"name": "a b", "_external": True}),
                ("users", {"_method": "POST"}),
                ("three", {"name": "x"}),
                ("fixed", {}),
            ]
            shown = [where, *(outcome(lib.url_for, endpoint, **values) for endpoint, values in asked)]
            if choose.random() < 0.3:
                adapter = lib.globals.request_ctx.url_adapter
                shown.append(adapter and {name: value for name, value in vars(adapter).items() if name != "map"})
                shown.append(outcome(lib.url_for, "item", name="x", _scheme="https"))
            return shown

        @app.before_request  # type: ignore[untyped-decorator]
        def before() -> None:
            if choose.random() < 0.2:
                lib.request.trusted_hosts = app.config["TRUSTED_HOSTS"]
            if choose.random() < 0.5:
                found.append(links("before"))

        @app.errorhandler(Exception)  # type: ignore[untyped-decorator]
        def handle(error: Exception) -> Any:
            found.append(links("handler"))
            return type(error).__name__, getattr(error, "code", 500)

        def view() -> Any:
            found.append(links("view"))
            return lib.redirect(lib.url_for("item", name="ada"))

        app.add_url_rule("/view", "view", view)
        for _ in range(30):
            app.config["TRUSTED_HOSTS"] = trusted
            environ = make_environ(
                choose.choice(("/view", "/missing")), HTTP_HOST=choose.choice(HOSTS), SCRIPT_NAME=choose.choice(("", "", "/app")),
                wsgi_url_scheme=choose.choice(("http", "https")), REQUEST_METHOD=choose.choice(("GET", "GET", "POST")),
            )  # fmt: skip
            found.append(outcome(send, app, environ))
        return found

    same(program)


def test_a_request_from_a_trusted_host_needs_no_adapter() -> None:
    app = tuile.Flask("trusted", static_folder=None)
    app.config["TRUSTED_HOSTS"] = ["localhost"]
    seen = []

    @app.route("/<name>")
    def view(name: str) -> str:
        url = tuile.url_for("view", name="x", _external=True)
        seen.append(request_ctx._adapter)
        return url

    for _ in range(3):
        assert send(app, make_environ("/a")).text == "http://localhost/x"
    assert seen[1:] == [False, False]
