"""`url_for` with values of every sort. Each is a call, so that nothing but building the URL is measured."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from functools import partial
from typing import Any

from markupsafe import Markup

from benchmarks.breadth.registry import Subject, f
from benchmarks.breadth.subjects.routing import _List


def _register(app: Any) -> None:
    app.url_map.converters["list"] = _List
    for rule, endpoint in {
        "/": "index",
        "/about": "about",
        "/users/<int:user_id>/<name>": "user",
        "/items/<name>": "item",
        "/numbers/<int:number>": "number",
        "/at/<float:degree>": "degree",
        "/files/<path:name>": "file",
        "/orders/<uuid:order>": "order",
        "/<any(de, en):language>/home": "home",
        "/tags/<list:tags>": "tags",
        "/page/<int:page>": "page",
    }.items():
        app.add_url_rule(rule, endpoint, lambda **values: "")
    app.add_url_rule("/pages/", "pages", defaults={"page": 1})
    app.add_url_rule("/pages/<int:page>", "pages", lambda page: "")
    app.add_url_rule("/members", "members", methods=["GET", "POST"])
    app.add_url_rule("/members/<int:member>", "members", methods=["GET", "PUT", "DELETE"])
    admin = f.Blueprint("admin", "admin", url_prefix="/admin")
    admin.add_url_rule("/", "index", lambda: f.url_for(".user", user_id=7))
    admin.add_url_rule("/users/<int:user_id>", "user", lambda user_id: "")
    app.register_blueprint(admin)


SUBJECT = Subject("urls", _register)
# So many that what the first URL of a request makes does not count.
call = partial(SUBJECT.call, per_block=100)

# Each by its name: the endpoint and the values.
_VALUES: dict[str, tuple[str, dict[str, Any]]] = {
    "without values": ("about", {}),
    "int and text": ("user", {"user_id": 42, "name": "ada"}),
    "query": ("about", {"tab": "posts"}),
    "int as text": ("number", {"number": "42"}),
    "a space": ("item", {"name": "a b"}),
    "unicode": ("item", {"name": "Köln"}),
    "plus and ampersand": ("item", {"name": "a+b&c"}),
    "an e-mail address": ("item", {"name": "ada@example.com"}),
    "a space in the query": ("about", {"q": "flask web"}),
    "unicode in the query": ("about", {"q": "café"}),
    "next=/a?b": ("about", {"next": "/a?b=c&d"}),
    "an int in the query": ("about", {"page": 3}),
    "a float in the query": ("about", {"x": 1.5}),
    "a bool in the query": ("about", {"on": True}),
    "a list in the query": ("about", {"tag": ["a", "b"]}),
    "None in the query": ("about", {"tag": None, "page": 2}),
    "a datetime in the query": ("about", {"since": dt.datetime(2026, 1, 2, 3, 4, 5)}),  # noqa: DTZ001 - as users do
    "Markup": ("item", {"name": Markup("ada")}),
    "float": ("degree", {"degree": 1.5}),
    "path": ("file", {"name": "a/b/c.txt"}),
    "path with a space": ("file", {"name": "my files/c d.txt"}),
    "UUID": ("order", {"order": uuid.UUID("12345678-1234-5678-1234-567812345678")}),
    "any": ("home", {"language": "de"}),
    "a converter of the application's": ("tags", {"tags": ["a", "b"]}),
    "defaults": ("pages", {"page": 1}),
    "beside defaults": ("pages", {"page": 2}),
    "static": ("static", {"filename": "style.css"}),
    "static with a space": ("static", {"filename": "my style.css"}),
    "a blueprint's endpoint": ("admin.user", {"user_id": 7}),
    "_anchor": ("about", {"_anchor": "part-2"}),
    "_external": ("user", {"user_id": 42, "name": "ada", "_external": True}),
    "_external and _scheme": ("about", {"_external": True, "_scheme": "https"}),
    "_method": ("about", {"_method": "GET"}),
    "rules of several methods": ("members", {"member": 7}),
    "five values in the query": ("about", {"a": 1, "b": "2", "c": "three", "d": 4, "e": "5"}),
}
for _name, (_endpoint, _given) in _VALUES.items():
    call(_name)(lambda endpoint=_endpoint, given=_given: f.url_for(endpoint, **given))

_numbers = itertools.cycle(range(10_000))


@call("ints that vary", varies=r"\d+")
def _() -> Any:
    return f.url_for("number", number=next(_numbers))


@call("names that vary", varies=r"\d+")
def _() -> Any:
    return f.url_for("item", name=f"item{next(_numbers)}")


@call("names that vary, with a space", varies=r"\d+")
def _() -> Any:
    return f.url_for("item", name=f"item {next(_numbers)}")


@call("outside a request", "app", SERVER_NAME="example.com")
def _() -> Any:
    return f.url_for("user", user_id=42, name="ada")


@call("outside a request, static", "app", SERVER_NAME="example.com", PREFERRED_URL_SCHEME="https")
def _() -> Any:
    return f.url_for("static", filename="style.css")


@call(".name within a blueprint", path="/admin/")
def _() -> Any:
    return f.url_for(".user", user_id=7)


@call("url_for of the current app")
def _() -> Any:
    return f.current_app.url_for("user", user_id=42, name="ada")


@call("BuildError", varies="Did you.*")
def _() -> Any:
    try:
        return f.url_for("missing")
    except Exception as error:  # noqa: BLE001 - Werkzeug's, which both raise
        return type(error).__name__


@call("the adapter's build")
def _() -> Any:
    return f.globals.request_ctx.url_adapter.build("user", {"user_id": 42, "name": "ada"})


@call("the adapter's match")
def _() -> Any:
    return str(f.globals.request_ctx.url_adapter.match("/users/42/ada"))


@SUBJECT.app("a function for build errors", "/links")
def _(app: Any) -> None:
    app.url_build_error_handlers.append(lambda error, endpoint, values: f"/elsewhere/{endpoint}")
    app.add_url_rule("/links", "links", lambda: "".join(f.url_for(f"missing{number}") for number in range(5)))


@SUBJECT.app("url_defaults of a language", "/links")
def _(app: Any) -> None:
    @app.url_defaults  # type: ignore[untyped-decorator]
    def add(endpoint: str, values: dict[str, Any]) -> None:
        values.setdefault("lang", "de")

    app.add_url_rule("/links", "links", lambda: f.url_for("about"))


@SUBJECT.view("request with one url_for", "/links")
def _() -> Any:
    return f.url_for("user", user_id=42, name="ada")


@SUBJECT.view("request with 20 url_for", "/links")
def _() -> Any:
    return "".join(f.url_for("number", number=number) for number in range(20))
