"""The fast path remembers the rules of paths without variables: until something changes, for plain requests only."""

from __future__ import annotations

import linecache
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.exceptions import abort
from werkzeug.routing import BaseConverter, ValidationError, converters

import tuile
from tests.beside_flask import ABSENT, make_app, make_environ, outcome, same, send

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHANGES: dict[str, Callable[[Any], object]] = {
    "another view": lambda app: app.view_functions.update(it=lambda: "another"),
    "a view to await": lambda app: app.view_functions.update(it=awaited),
    "no view": lambda app: app.view_functions.clear(),
    "methods": lambda app: setattr(rule_of(app), "methods", {"POST", "OPTIONS"}),
    "methods in place": lambda app: rule_of(app).methods.discard("GET"),
    "defaults": lambda app: setattr(rule_of(app), "defaults", {"n": 1}),
    "redirect_to": lambda app: setattr(rule_of(app), "redirect_to", "/elsewhere"),
    "endpoint": lambda app: setattr(rule_of(app), "endpoint", "other"),
    "websocket": lambda app: setattr(rule_of(app), "websocket", True),
    "a heavier rule": lambda app: add(app, "/it", "other"),
    "a rule for the same endpoint": lambda app: add(app, "/it/<n>", "it", defaults={"n": 1}),
    "another map": lambda app: setattr(app, "url_map", type(app.url_map)()),
    "host matching": lambda app: setattr(app.url_map, "host_matching", True),
    "subdomains": lambda app: setattr(app.url_map, "default_subdomain", "www"),
    "a bind of its own": lambda app: setattr(app.url_map, "bind_to_environ", lambda *_, **__: abort(403)),
    "name of the server, by the way": lambda app: app.config.setdefault("SERVER_NAME", app.config.pop("SERVER_NAME")),
    "trusted": lambda app: app.config.update(TRUSTED_HOSTS=["other.example"]),
    "ensure_sync": lambda app: setattr(app, "ensure_sync", lambda function: lambda **_: "synchronous"),
}
REQUESTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "POST": {"REQUEST_METHOD": "POST"},
    "HEAD": {"REQUEST_METHOD": "HEAD"},
    "OPTIONS": {"REQUEST_METHOD": "OPTIONS"},
    "small letters": {"REQUEST_METHOD": "get"},
    "other host": {"HTTP_HOST": "other.example"},
    "no host": {"HTTP_HOST": ABSENT},
    "host that is none": {"HTTP_HOST": "two..dots"},
    "host with a port that is none": {"HTTP_HOST": "localhost:x"},
    "other scheme": {"wsgi_url_scheme": "https"},
    "unknown scheme": {"wsgi_url_scheme": "gopher"},
    "scheme of websockets": {"wsgi_url_scheme": "ws"},
    "upgrade": {"HTTP_UPGRADE": "websocket", "HTTP_CONNECTION": "upgrade"},
    "HTTP/2": {"HTTP_UPGRADE": "h2c", "HTTP_CONNECTION": "Upgrade, HTTP2-Settings"},
}


async def awaited() -> str:
    return "awaited"


def rule_of(app: Any) -> Any:
    return next(rule for rule in app.url_map.iter_rules() if rule.endpoint == "it")


def add(app: Any, path: str, endpoint: str, **options: Any) -> None:
    """Add a rule after the first request, which the decorators refuse."""
    rule = app.url_rule_class(path, endpoint=endpoint, methods={"GET"}, **options)
    rule.provide_automatic_options = False
    app.url_map.add(rule)


def environ_of(request: str) -> dict[str, Any]:
    return make_environ("/it", **REQUESTS[request])


def warm_app(lib: Any) -> Any:
    app = make_app(lib)
    app.add_url_rule("/it", "it", lambda **arguments: f"it {arguments} {lib.request.endpoint} {lib.request.view_args}")
    app.add_url_rule("/it", "posted", lambda: "posted", methods=["GET", "POST"])
    app.add_url_rule("/other", "other", lambda **arguments: "other")
    for _ in range(10):
        send(app, environ_of("POST"))
        send(app, environ_of("plain"))
    return app


def test_a_path_is_remembered() -> None:
    # What the tests below are about.
    assert "/it" in warm_app(tuile).plan.static_routes


@pytest.mark.parametrize("request_", REQUESTS)
def test_only_the_path_of_a_plain_request_decides(request_: str) -> None:
    def program(lib: Any) -> Any:
        app = warm_app(lib)
        return [outcome(send, app, environ_of(request_)) for _ in range(3)]

    same(program)


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_remembered_is_forgotten_with_a_change(change: str) -> None:
    def program(lib: Any) -> Any:
        app = warm_app(lib)
        CHANGES[change](app)
        return [outcome(send, app, environ_of(request)) for request in ("plain", "POST", "plain")]

    same(program)


PATHS_OF_BLUEPRINT = ("/of/it", "/of/with/name", "/of/streamed", "/of/it")


def of_blueprint(lib: Any) -> Any:
    app = make_app(lib)
    blueprint = lib.Blueprint("of", __name__)
    blueprint.add_url_rule("/it", "it", lambda **arguments: f"it {arguments}")
    blueprint.add_url_rule("/with/<name>", "with", lambda **arguments: f"with {arguments}")
    blueprint.add_url_rule("/streamed", "streamed", lambda **_: streamed(lib))
    app.register_blueprint(blueprint, url_prefix="/of")
    for _ in range(10):
        send(app, make_environ("/of/it"))
        send(app, make_environ("/of/with/name"))
        send(app, make_environ("/of/streamed"))
    return app


def streamed(lib: Any) -> Any:
    def pieces() -> Iterator[str]:
        yield f"{lib.request.view_args}"

    return lib.stream_with_context(pieces())


def test_the_paths_of_blueprints_are_remembered() -> None:
    plan = of_blueprint(tuile).plan
    assert "/of/it" in plan.static_routes
    assert plan.variable_routes


def test_defaults_that_a_rule_of_a_blueprint_gets_count_at_once() -> None:
    def program(lib: Any) -> Any:
        app = of_blueprint(lib)
        for rule in app.url_map.iter_rules():
            if rule.defaults is not None:
                rule.defaults["more"] = 1
        return [outcome(send, app, make_environ(path)) for path in PATHS_OF_BLUEPRINT]

    same(program)


@pytest.mark.parametrize("settings", [tuile.config.Config, dict])
def test_a_name_of_the_server_that_is_none_counts_from_the_next_request_on(settings: Any) -> None:
    app = warm_app(tuile)
    app.config = dict(app.config) if settings is dict else app.config
    for _ in range(20):
        send(app, environ_of("plain"))
    app.config["SERVER_NAME"] = "two..dots"
    # Flask lets a LookupError out.
    assert send(app, environ_of("plain")).code == 400


def test_what_clients_send_is_not_remembered() -> None:
    app = warm_app(tuile)
    add(app, "/of/<name>", "other")
    for _ in range(20):
        send(app, make_environ("/it"))
    for number in range(50):
        for path in (f"/of/{number}", f"/missing/{number}", "/it", f"//it{number}"):
            send(app, make_environ(path, HTTP_HOST=f"host{number}.example"))
    assert set(app.plan.static_routes) == {"/it"}


# --- paths with variables ---------------------------------------------------------------------------------------------


def shout(text: str) -> str:
    return text.upper()


def converter_of(app: Any, name: str) -> Any:
    rule = next(rule for rule in app.url_map.iter_rules() if rule.endpoint == "of")
    return rule._converters[name]


VARIABLE_CHANGES: dict[str, Callable[[Any], object]] = {
    "another view": lambda app: app.view_functions.update(of=lambda n, name: f"another {n} {name}"),
    "a view to await": lambda app: app.view_functions.update(of=awaited),
    "to_python of text": lambda app: setattr(converter_of(app, "name"), "to_python", shout),
    "to_python of a number": lambda app: setattr(converter_of(app, "n"), "to_python", lambda text: f"n{text}"),
    "least number": lambda app: setattr(converter_of(app, "n"), "min", 9),
    "another converter": lambda app: app.url_map._rules_by_endpoint["of"][0]._converters.update(
        n=converter_of(app, "name")
    ),
    "methods in place": lambda app: app.url_map._rules_by_endpoint["of"][0].methods.discard("GET"),
    "methods of the first in place": lambda app: app.url_map._rules_by_endpoint["put"][0].methods.add("GET"),
    "a static rule": lambda app: add(app, "/of/7/x", "other"),
    "a static part": lambda app: add(app, "/of/7/<name>", "one"),
    "a lighter converter": lambda app: add(app, "/of/<any('7', '8'):n>/<name>", "other"),
    "trusted": lambda app: app.config.update(TRUSTED_HOSTS=["other.example"]),
}
PATHS = (
    "/of/7/x", "/of/07/x", "/of/x/x", "/of/7", "/of/7/", "/of/7/x/", "/of//x", "//of/7/x", "of/7/x", "/of/7/\xc3\xa9",
    "/of/\xd9\xa3/x", f"/of/{'9' * 5000}/x", "/of/-7/x", "/of/7/x%2Fy", "/of/7/ ", "/x/of/7/x", "/word/1.5",
    "/word/1,5", "/word/x", "/file/a/b", "/7", "/x", "", "/", "x", "x/of/7/x", "/other", "/other/", "//z", "/of/word/x",
)  # fmt: skip


def variable_app(lib: Any) -> Any:
    app = make_app(lib)

    def view(**arguments: Any) -> str:
        return f"{lib.request.endpoint} {arguments!r} {lib.request.view_args!r}"

    rules = {
        "any": "/<any('', 'a'):n>/z",
        "put": "/of/<int:n>/<name>",
        "of": "/of/<int:n>/<name>",
        "text": "/of/<word>/<name>",
        "word": "/word/<float:n>",
        "page": "/<page>",
    }
    for endpoint, rule in rules.items():
        app.add_url_rule(rule, endpoint, view, methods=["PUT"] if endpoint == "put" else ["GET", "PUT"])
    for endpoint in ("other", "one", "file"):
        app.add_url_rule("/file/<path:n>" if endpoint == "file" else f"/{endpoint}/", endpoint, view)
    for _ in range(10):
        for path in ("/of/word/x", "/of/7/x", "/word/1.5", "/page", "/file/a/b", "/a/z"):
            send(app, make_environ(path))
            send(app, make_environ(path, REQUEST_METHOD="PUT"))
    return app


def test_functions_are_made_for_variables() -> None:
    routes = variable_app(tuile).plan.variable_routes
    assert {first: {count: len(made) for count, made in each.items()} for first, each in routes.items()} == {
        "of": {4: 3},
        "word": {3: 1},
        "file": {None: 1},
        None: {2: 1, 3: 1},
    }


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "POST", "get"])
def test_a_route_of_its_own_matches_as_flask_does(method: str) -> None:
    def program(lib: Any) -> Any:
        app = variable_app(lib)
        return [outcome(send, app, make_environ(path, REQUEST_METHOD=method)) for path in PATHS]

    same(program)


@pytest.mark.parametrize("request_", REQUESTS)
def test_only_the_path_of_a_plain_request_decides_about_variables(request_: str) -> None:
    def program(lib: Any) -> Any:
        app = variable_app(lib)
        return [outcome(send, app, make_environ(path, **REQUESTS[request_])) for path in ("/of/7/x", "/x")]

    same(program)


@pytest.mark.parametrize("change", VARIABLE_CHANGES)
def test_a_route_of_its_own_counts_until_something_changes(change: str) -> None:
    def program(lib: Any) -> Any:
        app = variable_app(lib)
        VARIABLE_CHANGES[change](app)
        return [
            outcome(send, app, make_environ(path, REQUEST_METHOD=method))
            for path in ("/of/7/x", "/of/8/y")
            for method in ("GET", "PUT")
        ]

    same(program)


@pytest.mark.parametrize("kind", ["IntegerConverter", "BaseConverter"])
def test_a_patched_converter_of_werkzeug_counts_at_once(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cls = getattr(converters, kind)
    original = cls.to_python

    def program(lib: Any) -> Any:
        app = variable_app(lib)
        with monkeypatch.context() as patched:
            patched.setattr(cls, "to_python", lambda converter, text: (kind, original(converter, text)))
            return [outcome(send, app, make_environ(path)) for path in ("/of/7/x", "/page")]

    same(program)


def test_a_traceback_shows_the_function_of_a_route() -> None:
    app = variable_app(tuile)
    (match, *_) = app.plan.variable_routes[None][2]
    linecache.lazycache(match.__code__.co_filename, match.__globals__)
    assert linecache.getline(match.__code__.co_filename, 1) == "def match(parts, method):\n"


def test_a_converter_is_called_as_often_as_on_flask_whatever_the_request_is() -> None:
    paths = ("/a/one", "/a/xone", "/a/yone", "/b/one", "/b/xone", "/c/one", "/c/one/", "/c/xone", "/a/one/two")
    kinds: list[dict[str, Any]] = [
        {},
        {"HTTP_HOST": "a_b.com"},
        {"HTTP_HOST": "evil/.."},
        {"REQUEST_METHOD": "POST"},
        {"REQUEST_METHOD": "OPTIONS"},
        {"HTTP_UPGRADE": "websocket", "HTTP_CONNECTION": "upgrade"},
    ]

    def program(lib: Any) -> Any:
        called: list[str] = []

        class Upper(BaseConverter):
            def to_python(self, value: str) -> str:
                called.append(value)
                if value.startswith("x"):
                    raise ValidationError
                if value.startswith("y"):
                    raise KeyError(value)
                return value.upper()

        class Later(BaseConverter):
            weight = 50

            def to_python(self, value: str) -> str:
                called.append(f"later {value}")
                return value

        app = make_app(lib)
        app.url_map.converters.update(upper=Upper, later=Later)
        app.add_url_rule("/a/<upper:v>", "a", lambda v: v)
        app.add_url_rule("/b/<upper:v>", "b", lambda v: v, methods=["POST"])
        app.add_url_rule("/b/<later:v>", "later", lambda v: f"later {v}")
        app.add_url_rule("/c/<upper:v>/", "c", lambda v: v)
        answers = []
        for _ in range(3):
            for path in paths:
                for kind in kinds:
                    called.append(f"{path} {kind}")
                    answers.append(outcome(send, app, make_environ(path, **kind)))
        return called, answers

    same(program)
