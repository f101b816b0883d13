"""URLs of endpoints with several methods, subdomains and hosts, below a root, and outside of requests."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.routing import BaseConverter, MapAdapter, ValidationError

import tuile
from tests.beside_flask import make_app, make_environ, outcome, same

if TYPE_CHECKING:
    from collections.abc import Callable


class Picky(BaseConverter):
    def to_url(self, value: Any) -> str:
        if value == "no":
            raise ValidationError
        if value == "raise":
            raise KeyError(value)
        return f"picked-{value}"


# The endpoint, the rule, and its options.
RULES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("about", "/about", {}),
    ("item", "/items/<name>", {}),
    ("users", "/users/", {"methods": ["GET"], "defaults": {"user": None}}),
    ("users", "/users/", {"methods": ["POST"]}),
    ("users", "/users/<int:user>", {"methods": ["GET", "PUT", "DELETE"]}),
    ("two", "/two", {"methods": ["GET"]}),
    ("two", "/two/new", {"methods": ["POST"]}),
    ("three", "/three/<name>", {"methods": ["GET"]}),
    ("three", "/three/<name>/<int:n>", {"methods": ["POST"]}),
    ("three", "/three", {"methods": ["PUT"]}),
    ("picky", "/picky/<picky:name>", {"methods": ["GET"]}),
    ("picky", "/picky", {"methods": ["POST"]}),
    ("bp.page", "/bp/page", {"methods": ["GET"]}),
    ("bp.page", "/bp/page/<int:n>", {"methods": ["POST"]}),
    ("bp.socket", "/bp/socket", {"websocket": True}),
    ("chat", "/chat/<name>", {"websocket": True}),
    ("feed", "/feed/<int:n>", {"websocket": True, "defaults": {"user": 7}}),
    ("any_kind", "/any-kind", {"websocket": True}),
    ("any_kind", "/any-kind", {}),
)
DOMAINS: tuple[tuple[str, str, str], ...] = (
    ("fixed", "/fixed", "api"),
    ("tenant", "/t/<int:n>", "<name>"),
    ("odd", "/odd/<name>", "<picky:where>"),
    ("both", "/both", "one"),
    ("both", "/both/<n>", "two"),
)
ENDPOINTS = (
    "about",
    "item",
    "users",
    "two",
    "three",
    "picky",
    "bp.page",
    ".page",
    "bp.socket",
    ".socket",
    "chat",
    "feed",
    "any_kind",
    "missing",
    *(one for one, *_ in DOMAINS),
)
VALUES: dict[str, tuple[Any, ...]] = {
    "name": ("ada", "a b", "no", "raise", None, "x/y", 7),
    "user": (7, "8", None, "x"),
    "n": (3, "4", "x", None),
    "where": ("here", "no"),
    "q": ("a", "a b", ["x", "y"], None),
    "_anchor": ("top", "a b", None),
    "_method": ("GET", "POST", "PUT", "get", "PATCH", None, 5),
    "_scheme": ("https", "http", "ftp", "", None),
    "_external": (True, False, None),
}


def an_app(lib: Any, kind: str) -> Any:
    options: dict[str, dict[str, Any]] = {
        "subdomains": {"subdomain_matching": True},
        "hosts": {"host_matching": True, "static_host": "localhost"},
    }
    app = lib.Flask("beside", root_path=".", **options.get(kind, {}))
    app.url_map.converters["picky"] = Picky
    views: dict[str, Callable[..., str]] = {}
    blueprint = lib.Blueprint("bp", __name__)
    for endpoint, rule, given in RULES:
        view = views.setdefault(endpoint, lambda **_: "")
        place, name = (blueprint, endpoint[3:]) if endpoint.startswith("bp.") else (app, endpoint)
        place.add_url_rule(rule, name, view, **given)
    app.register_blueprint(blueprint)
    for endpoint, rule, domain in DOMAINS:
        where: dict[str, Any] = {"host": f"{domain}.localhost"} if kind == "hosts" else {"subdomain": domain}
        app.add_url_rule(rule, endpoint, views.setdefault(endpoint, lambda **_: ""), **where)
    if kind in {"subdomains", "named", "root"}:
        app.config["SERVER_NAME"] = "localhost"
    if kind == "root":
        app.config["APPLICATION_ROOT"] = "/root"
    return app


def some_values(choose: random.Random) -> dict[str, Any]:
    names = choose.sample(list(VALUES), choose.randrange(5))
    return {name: choose.choice(VALUES[name]) for name in names}


def some_context(choose: random.Random, app: Any) -> Any:
    if app.config["SERVER_NAME"] is not None and choose.random() < 0.3:
        return app.app_context()
    environ = make_environ(
        choose.choice(("/about", "/bp/page", "/two")),
        REQUEST_METHOD=choose.choice(("GET", "POST", "PUT", "HEAD", "get", "X")),
        SCRIPT_NAME=choose.choice(("", "", "/app", "/a b/")),
        HTTP_HOST=choose.choice(
            ("localhost", "localhost", "api.localhost", "ada.localhost", "other.example", "localhost:80")
        ),
        wsgi_url_scheme=choose.choice(("http", "https")),
    )
    return app.request_context(environ)


@pytest.mark.filterwarnings("ignore:Current server name")
@pytest.mark.parametrize("kind", ["plain", "named", "root", "subdomains", "hosts"])
@pytest.mark.parametrize("seed", range(6))
def test_urls_are_those_of_flask(kind: str, seed: int) -> None:
    def program(lib: Any) -> Any:
        choose = random.Random(seed)
        app = an_app(lib, kind)
        found: list[Any] = []
        asked = [(choose.choice(ENDPOINTS), some_values(choose)) for _ in range(60)]
        for _ in range(12):
            with some_context(choose, app):
                for endpoint, values in choose.sample(asked, 30):
                    url_for = lib.url_for if choose.random() < 0.8 else lib.current_app.url_for
                    found.append((endpoint, str(values), outcome(url_for, endpoint, **values)))
                # Often enough for generated functions.
                for method in (None, "POST"):
                    found += [outcome(lib.url_for, "three", name=f"n{n}", n=n, _method=method) for n in range(30)]
                    found += [outcome(lib.url_for, "tenant", name=f"n{n}", n=n, _external=True) for n in range(30)]
        return found

    same(program)


CHANGES: dict[str, Callable[[Any, Any], object]] = {
    "methods in place": lambda app, _: rule_of(app, "/two").methods.remove("GET"),
    "more methods in place": lambda app, _: rule_of(app, "/two/new").methods.add("GET"),
    "another method in place": lambda app, _: (
        rule_of(app, "/two").methods.remove("GET"), rule_of(app, "/two").methods.add("POST")
    ),
    "methods": lambda app, _: setattr(rule_of(app, "/two"), "methods", {"PUT"}),
    "no methods": lambda app, _: setattr(rule_of(app, "/two/new"), "methods", None),
    "scheme": lambda _, adapter: setattr(adapter, "url_scheme", "https"),
    "host": lambda _, adapter: setattr(adapter, "server_name", "other.example"),
    "root": lambda _, adapter: setattr(adapter, "script_name", "/elsewhere/"),
    "subdomain": lambda _, adapter: setattr(adapter, "subdomain", "api"),
    "default method": lambda _, adapter: setattr(adapter, "default_method", "POST"),
    "build": lambda _, adapter: setattr(adapter, "build", lambda endpoint, *_, **__: f"built {endpoint}"),
    "default": lambda app, _: app.url_defaults(lambda _, values: values.setdefault("lang", "de")),
    "handler": lambda app, _: app.url_build_error_handlers.append(lambda *_: "handled"),
    "host matching": lambda app, _: setattr(app.url_map, "host_matching", True),
    "sorted": lambda app, _: setattr(app.url_map, "sort_parameters", True),
    "inject": lambda app, _: setattr(app, "inject_url_defaults", lambda _, values: values.update(injected=1)),
}  # fmt: skip


OF_ADAPTER = {"scheme", "host", "root", "subdomain", "default method", "build"}


def rule_of(app: Any, text: str) -> Any:
    return next(rule for rule in app.url_map.iter_rules() if rule.rule == text)


@pytest.mark.parametrize("kind", ["plain", "root", "subdomains", "hosts"])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("root", ["", "/app", None])
def test_changes_count_at_once(kind: str, change: str, root: str | None) -> None:
    def program(lib: Any) -> Any:
        app = an_app(lib, kind)
        app._got_first_request = False
        inside = app.request_context(make_environ("/about", SCRIPT_NAME=root or ""))
        found = []

        def ask() -> None:
            for endpoint in ("about", "two", "two", "fixed", "users", "missing"):
                found.append(outcome(lib.url_for, endpoint))
                found.append(outcome(lib.url_for, endpoint, _external=True, q="a"))
                found.append(outcome(lib.url_for, endpoint, _method="POST"))
            found.append(outcome(lib.url_for, "tenant", name="x", n=3))

        with inside if root is not None or app.config["SERVER_NAME"] is None else app.app_context():
            for _ in range(2):
                ask()
            context = lib.globals.request_ctx if lib.has_request_context() else lib.globals.app_ctx
            # Below a root URLs need no adapter until somebody asks for it.
            asks = root != "/app" or change in OF_ADAPTER
            CHANGES[change](app, context.url_adapter if asks else None)
            for _ in range(2):
                ask()
        return found

    same(program)


def test_a_patched_adapter_counts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def program(lib: Any) -> Any:
        app = an_app(lib, "plain")
        with app.request_context(make_environ("/about", SCRIPT_NAME="/app")), monkeypatch.context() as patched:
            found = [lib.url_for("about") for _ in range(3)]
            patched.setattr(MapAdapter, "build", lambda _, endpoint, *__, **___: f"patched {endpoint}")
            return [*found, lib.url_for("about")]

    same(program)


def test_methods_that_clients_choose_are_not_remembered() -> None:
    app = an_app(tuile, "plain")
    counts = []
    for number in range(300):
        with app.request_context(make_environ("/about", REQUEST_METHOD=f"M{number}")):
            assert tuile.url_for("two") == "/two"
            outcome(tuile.url_for, "two", _method=f"M{number}")
            counts.append(len(app.plan.links))
    assert max(counts) < 10


@pytest.mark.usefixtures("plans_at_once")
def test_an_app_without_rules_for_these_needs_no_adapter() -> None:
    app = make_app(tuile)
    app.add_url_rule("/two", "two", lambda: "", methods=["GET"])
    app.add_url_rule("/two/new", "two", app.view_functions["two"], methods=["POST"])
    app.add_url_rule("/fixed", "fixed", lambda: "", subdomain="api")
    with app.test_request_context() as context:
        assert [tuile.url_for("two"), tuile.url_for("two", _method="POST")] == ["/two", "/two/new"]
        assert tuile.url_for("fixed") == "http://api.localhost/fixed"
        assert context._adapter is False


ROOTS = ("/", "/app", "/app/", "app", "//app", "/a b", "/a%20b", "/a?b#c", "/\xc3\xa4", "/\xff", "/app//", " ", "")
HOSTS = (
    "localhost",
    "LOCALHOST:80",
    "localhost:443",
    "localhost:8000",
    "[::1]:5000",
    "a b",
    "",
    "xn--bcher-kva.example",
)


@pytest.mark.filterwarnings("ignore:Current server name")
@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("name", [None, "localhost", "Other.example:443"])
@pytest.mark.parametrize("trusted", [None, ["localhost", "[::1]"]])
def test_urls_below_a_root_are_those_of_its_adapter(root: str, name: str | None, trusted: list[str] | None) -> None:
    def program(lib: Any) -> Any:
        app = an_app(lib, "plain")
        app.config.update(SERVER_NAME=name, TRUSTED_HOSTS=trusted)
        choose, found = random.Random(f"{root} {name} {trusted}"), list[Any]()

        def ask() -> None:
            for values in ({}, {"q": ["a", "b c"]}, {"_anchor": "x y"}, {"_scheme": "https"}, {"_external": True}):
                for endpoint in ("about", "two", "three", "users", "fixed", "missing", ".page", "item"):
                    found.append(outcome(lib.url_for, endpoint, **values))
                    found.append(outcome(app.url_for, endpoint, name="a", _method="POST", **values))

        def ask_inside(environ: dict[str, Any]) -> None:
            with app.request_context(environ) as context:
                ask()
                found.append(None if context.url_adapter is None else context.url_adapter.script_name)
                ask()
                if context.url_adapter is not None:
                    context.url_adapter = app.url_map.bind("bound.example", "/bound")
                    ask()

        for host in choose.sample(HOSTS, 2):
            for scheme in choose.sample(("http", "https", "ws"), 2):
                environ = make_environ("/bp/page", SCRIPT_NAME=root, HTTP_HOST=host, wsgi_url_scheme=scheme)
                found.append(outcome(ask_inside, environ))
        return found

    same(program)


@pytest.mark.usefixtures("plans_at_once")
def test_no_adapter_is_made_for_urls_below_a_root() -> None:
    app = an_app(tuile, "plain")
    with app.test_request_context("/about", environ_overrides={"SCRIPT_NAME": "/app"}) as context:
        assert tuile.url_for("item", name="a") == "/app/items/a"
        assert tuile.url_for("item", name="a", _external=True) == "http://localhost/app/items/a"
        assert context._adapter is False
        assert context.url_adapter.script_name == "/app/"
        assert tuile.url_for("item", name="a") == "/app/items/a"
