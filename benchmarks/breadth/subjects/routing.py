"""Which rule answers a path."""

from __future__ import annotations

from typing import Any

from werkzeug.routing import BaseConverter

from benchmarks.breadth.registry import Subject, ask, f

SUBJECT = Subject("routing")
view = SUBJECT.view


@view("a variable", "/users/ada", rule="/users/<name>")
def _(name: str) -> Any:
    return name


@view("an int", "/users/42", rule="/users/<int:user_id>")
def _(user_id: int) -> Any:
    return str(user_id)


@view("an int and a variable", "/users/42/ada", rule="/users/<int:user_id>/<name>")
def _(user_id: int, name: str) -> Any:
    return {"id": user_id, "name": name, "active": True, "roles": ["reader", "writer"]}


@view("a float", "/at/1.5", rule="/at/<float:degree>")
def _(degree: float) -> Any:
    return str(degree)


@view("a path", "/files/a/b/c.txt", rule="/files/<path:name>")
def _(name: str) -> Any:
    return name


@view("a UUID", "/orders/12345678-1234-5678-1234-567812345678", rule="/orders/<uuid:order>")
def _(order: Any) -> Any:
    return str(order)


@view("any of three words", "/de/about", rule="/<any(de, en, fr):language>/about")
def _(language: str) -> Any:
    return language


@view("a variable with escapes and unicode", "/wiki/K%C3%B6ln%20am%20Rhein", rule="/wiki/<title>")
def _(title: str) -> Any:
    return title


@view("a variable inside a segment", "/file.v3.txt", rule="/file.v<int:version>.txt")
def _(version: int) -> Any:
    return str(version)


@view("five variables", "/1/2/3/four/five", rule="/<int:a>/<int:b>/<int:c>/<d>/<e>")
def _(**values: Any) -> Any:
    return "".join(map(str, values.values()))


class _List(BaseConverter):
    def to_python(self, value: str) -> Any:
        return value.split("+")

    def to_url(self, value: Any) -> str:
        return "+".join(value)


@SUBJECT.app("a converter of the application's", "/tags/a+b+c")
def _(app: Any) -> None:
    app.url_map.converters["list"] = _List
    app.add_url_rule("/tags/<list:tags>", "view", lambda tags: str(len(tags)))


@SUBJECT.app("defaults", "/archive")
def _(app: Any) -> None:
    app.add_url_rule("/archive", "view", lambda page: str(page), defaults={"page": 1})


@SUBJECT.app_of(
    ("GET of two methods", ask("/item")),
    ("PUT", ask("/item", "PUT")),
    ("DELETE", ask("/item", "DELETE")),
    ("OPTIONS", ask("/item", "OPTIONS")),
    ("405", ask("/item", "PATCH")),
    ("404", ask("/missing")),
    ("404 below a rule", ask("/item/more/and/more")),
    ("404 of a scanner", ask("/wp-admin/setup-config.php?step=1")),
    ("slash redirect", ask("/folder")),
    ("slash redirect of an IPv6 host", ask("/folder", Host="[::1]:8000")),
    ("slash redirect of a host with a dot at its end", ask("/folder", Host="example.com.")),
    ("slash redirect with a query", ask("/folder?page=2&q=a+b")),
    ("merged slashes", ask("//a//b")),
    ("redirect_to", ask("/old")),
    ("strict_slashes off", ask("/loose/7/")),
)
def _(app: Any) -> None:
    app.add_url_rule("/item", "get", lambda: "got")
    app.add_url_rule("/item", "put", lambda: "put", methods=["PUT"])
    app.add_url_rule("/item", "delete", lambda: ("", 204), methods=["DELETE"])
    app.add_url_rule("/folder/", "folder", lambda: "folder")
    app.add_url_rule("/a/b", "merged", lambda: "merged")
    app.add_url_rule("/old", "old", redirect_to="/item")
    app.add_url_rule("/loose/<int:number>", "loose", lambda number: str(number), strict_slashes=False)


@SUBJECT.app_of(("rule 900 of 1,000", ask("/section450/7")), ("404 beside 1,000 rules", ask("/section450/seven/x")))
def _(app: Any) -> None:
    for number in range(500):
        app.add_url_rule(f"/section{number}", f"section{number}", lambda: "section")
        app.add_url_rule(f"/section{number}/<int:item>", f"item{number}", lambda item: str(item))


@SUBJECT.app("blueprint", "/admin/users/7")
def _(app: Any) -> None:
    admin = f.Blueprint("admin", "benchmarks.admin", url_prefix="/admin")
    admin.add_url_rule("/users/<int:user_id>", "user", lambda user_id: str(user_id))
    app.register_blueprint(admin)


@SUBJECT.app("nested blueprints", "/api/v1/users/7")
def _(app: Any) -> None:
    api, v1 = f.Blueprint("api", "api", url_prefix="/api"), f.Blueprint("v1", "v1", url_prefix="/v1")
    v1.add_url_rule("/users/<int:user_id>", "user", lambda user_id: f"{f.request.blueprint} {user_id}")
    api.register_blueprint(v1)
    app.register_blueprint(api)


@SUBJECT.app("method view", "/things/3")
def _(app: Any) -> None:
    class Things(f.views.MethodView):
        def get(self, thing: int) -> Any:
            return str(thing)

    app.add_url_rule("/things/<int:thing>", view_func=Things.as_view("things"))


@SUBJECT.app("view class", "/page")
def _(app: Any) -> None:
    class Page(f.views.View):
        init_every_request = False

        def dispatch_request(self) -> Any:
            return "page"

    app.add_url_rule("/page", view_func=Page.as_view("page"))


def _tenants(app: Any) -> None:
    app.add_url_rule("/", "tenant", lambda name: name, subdomain="<name>")
    app.add_url_rule("/", "index", lambda: "index")


def _by_subdomain(name: str, **options: Any) -> Any:
    return f.Flask(name, subdomain_matching=True, **options)


SUBJECT.app("subdomain", make=_by_subdomain, SERVER_NAME="example.com", Host="ada.example.com")(_tenants)
SUBJECT.app("subdomain app, main host", make=_by_subdomain, SERVER_NAME="example.com", Host="example.com")(_tenants)


def _by_host(name: str, **options: Any) -> Any:
    return f.Flask(name, host_matching=True, static_host="static.example.com", **options)


@SUBJECT.app("host matching", make=_by_host, Host="api.example.com")
def _(app: Any) -> None:
    app.add_url_rule("/", "api", lambda: "api", host="api.example.com")
    app.add_url_rule("/", "www", lambda: "www", host="www.example.com")
