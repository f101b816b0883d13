"""The fast path remembers the rules of paths without variables: until something changes, for plain requests only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.exceptions import abort

import tuile
from tests.beside_flask import ABSENT, make_app, make_environ, outcome, same, send

if TYPE_CHECKING:
    from collections.abc import Callable

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
