"""Rules and views: converters, methods, blueprints, hosts, class-based views."""

from __future__ import annotations

import datetime as dt
import functools
from typing import Any

from werkzeug.routing import BaseConverter, ValidationError

from benchmarks.breadth.registry import Subject, ask, f


class _Date(BaseConverter):
    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> Any:
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            raise ValidationError from None

    def to_url(self, value: Any) -> str:
        return value.isoformat()


def _register(app: Any) -> None:
    app.url_map.converters.update(date=_Date)


SUBJECT = Subject("rules", _register)


def _values(name: str, path: str, rule: str, **keywords: Any) -> None:
    SUBJECT.view(name, path, rule=rule, **keywords)(lambda **values: str(sorted(values.items())))


_values("path and more", "/files/a/b/c/edit", "/files/<path:name>/edit")
_values("UUID, wrong, 404", "/a/1234", "/a/<uuid:n>")
_values("own converter, a date", "/on/2026-01-02", "/on/<date:day>")


@SUBJECT.app_of(
    ("the path at the end", ask("/x/a/b")),
    ("the catch-all", ask("/no/such/page")),
)
def _(app: Any) -> None:
    app.add_url_rule("/x/<int:n>", "int", lambda n: f"int {n}")
    app.add_url_rule("/x/<name>", "text", lambda name: f"text {name}")
    app.add_url_rule("/x/<path:name>", "path", lambda name: f"path {name}")
    app.add_url_rule("/", "all", lambda path="": f"all {path}")
    app.add_url_rule("/<path:path>", "all")


@SUBJECT.app_of(
    ("defaults by a redirect", ask("/pages/1")),
    ("alias", ask("/alias")),
    ("redirect_to of a function", ask("/from/7")),
)
def _(app: Any) -> None:
    app.add_url_rule("/pages/", "pages", defaults={"page": 1})
    app.add_url_rule("/pages/<int:page>", "pages", lambda page: str(page))
    app.add_url_rule("/main", "main", lambda: "main")
    app.add_url_rule("/alias", "main", alias=True)
    app.add_url_rule("/from/<int:n>", "from", redirect_to=lambda adapter, n: f"both/{n}")


def _language() -> Any:
    blueprint = f.Blueprint("site", "site", url_prefix="/<lang>")

    @blueprint.url_value_preprocessor  # type: ignore[untyped-decorator]
    def take(endpoint: Any, values: Any) -> None:
        f.g.lang = values.pop("lang")

    @blueprint.url_defaults  # type: ignore[untyped-decorator]
    def add(endpoint: Any, values: Any) -> None:
        values.setdefault("lang", f.g.lang)

    blueprint.add_url_rule("/", "index", lambda: f.url_for("site.about"))
    blueprint.add_url_rule("/about", "about", lambda: f.g.lang + f.url_for(".index"))
    return blueprint


@SUBJECT.app("a language by a blueprint's prefix", "/de/")
def _(app: Any) -> None:
    app.register_blueprint(_language())


@SUBJECT.app("three nested blueprints with hooks", "/a/b/c/x")
def _(app: Any) -> None:
    made = [f.Blueprint(name, name, url_prefix=f"/{name}") for name in "abc"]
    for blueprint in made:
        blueprint.before_request(lambda: None)
        blueprint.after_request(lambda response: response)
    made[2].add_url_rule("/x", "x", lambda: f"{f.request.blueprints} {f.url_for('.x')}")
    made[1].register_blueprint(made[2])
    made[0].register_blueprint(made[1])
    app.register_blueprint(made[0])


def _subdomains(name: str, **options: Any) -> Any:
    return f.Flask(name, subdomain_matching=True, **options)


@SUBJECT.app(
    "a blueprint of a subdomain", "/items/3", make=_subdomains, SERVER_NAME="example.com", Host="api.example.com"
)
def _(app: Any) -> None:
    blueprint = f.Blueprint("api", "api", subdomain="api")
    blueprint.add_url_rule("/items/<int:n>", "item", lambda n: f.url_for(".item", n=n))
    app.register_blueprint(blueprint)


class _Items(f.views.MethodView):  # type: ignore[misc, name-defined]
    init_every_request = False

    def get(self, n: int | None) -> Any:
        return [] if n is None else {"id": n}

    def post(self) -> Any:
        return {"id": 3, **f.request.get_json()}, 201, {"Location": f.url_for("item", n=3)}


_POSTED: dict[str, Any] = {"body": '{"name": "c"}', "type": "application/json"}


@SUBJECT.app_of(
    ("MethodView, POST", ask("/items/", **_POSTED)),
    ("MethodView, 405", ask("/items/1", "POST")),
)
def _(app: Any) -> None:
    items = _Items.as_view("items")
    app.add_url_rule("/items/", defaults={"n": None}, view_func=items, methods=["GET"])
    app.add_url_rule("/items/", view_func=items, methods=["POST"])
    app.add_url_rule("/items/<int:n>", "item", view_func=items, methods=["GET"])


def _checked(function: Any) -> Any:
    @functools.wraps(function)
    def checked(*values: Any, **named: Any) -> Any:
        if f.request.headers.get("X-Token") != "abc":
            return {"error": "no"}, 401
        return function(*values, **named)

    return checked


@SUBJECT.app("View with decorators and arguments", X_Token="abc")
def _(app: Any) -> None:
    class Page(f.views.View):  # type: ignore[misc, name-defined]
        decorators = (_checked,)

        def __init__(self, text: str) -> None:
            self.text = text

        def dispatch_request(self) -> Any:
            return self.text

    app.add_url_rule("/", view_func=Page.as_view("page", "hello"))
