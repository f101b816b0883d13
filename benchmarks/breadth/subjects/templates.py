"""Pages from Jinja templates. Jinja's own time is most of several of them."""

from __future__ import annotations

from typing import Any

from benchmarks.breadth.registry import Subject, f
from benchmarks.content import PAGE, PAGE_SOURCE, SECRET_KEY


def _register(app: Any) -> None:
    app.add_url_rule("/index", "index", lambda: "")
    app.add_url_rule("/items/<int:number>", "item", lambda number: "")
    app.add_url_rule("/named/<name>", "named", lambda name: "")


SUBJECT = Subject("templates", _register, SECRET_KEY=SECRET_KEY)
view = SUBJECT.view
_ROWS = [{"id": number, "name": f"name {number}", "price": number * 1.5} for number in range(100)]
_TEXT = "It was the best of times, it was the worst of times"


@view("one line")
def _() -> Any:
    return f.render_template("breadth/plain.html", title="Books")


@view("small page")
def _() -> Any:
    return f.render_template("page.html", **PAGE)


@view("inheritance, include, links, flashes")
def _() -> Any:
    return f.render_template("breadth/inherits.html", title="Books & more", text=_TEXT)


@view("include in a loop of 10")
def _() -> Any:
    return f.render_template("breadth/includes.html", title="Books", items=[f"item {n}" for n in range(10)])


@view("macros imported")
def _() -> Any:
    return f.render_template("breadth/imports.html")


@view("20 links")
def _() -> Any:
    return f.render_template("breadth/links.html")


@view("20 links to names with spaces")
def _() -> Any:
    return f.render_template("breadth/names.html", names=[f"a name {n}" for n in range(20)])


@view("filters and tojson")
def _() -> Any:
    return f.render_template(
        "breadth/filters.html", text=_TEXT, number=3.14159, items=["a", "b", "c"], data={"a": [1, 2], "b": "<x>"}
    )


@view("table of 100 rows", per_block=5)
def _() -> Any:
    return f.render_template("breadth/table.html", rows=_ROWS)


@view("request, session, g and config in a template")
def _() -> Any:
    return f.render_template("breadth/context.html")


@view("auto-reload", TEMPLATES_AUTO_RELOAD=True)
def _() -> Any:
    return f.render_template("breadth/inherits.html", title="Books", text=_TEXT)


@view("streamed")
def _() -> Any:
    return f.stream_template("page.html", **PAGE)


@view("streamed, inheritance")
def _() -> Any:
    return f.stream_template("breadth/inherits.html", title="Books", text=_TEXT)


@view("render_template_string")
def _() -> Any:
    return f.render_template_string(PAGE_SOURCE, **PAGE)


@view("render_template_string, one line")
def _() -> Any:
    return f.render_template_string("Hello {{ name }}", name="<Ada>")


@view("a list of names to choose from")
def _() -> Any:
    return f.render_template(["breadth/missing.html", "breadth/plain.html"], title="Books")


@SUBJECT.app("three context processors")
def _(app: Any) -> None:
    for number in range(3):
        app.context_processor(lambda number=number: {f"value{number}": number})
    app.add_url_rule("/", "view", lambda: f.render_template("breadth/plain.html", title="Books"))


@SUBJECT.app("a filter and a global of the application's")
def _(app: Any) -> None:
    app.add_template_filter(lambda text: text[::-1], "backwards")
    app.add_template_global(lambda: 42, "answer")
    app.add_url_rule("/", "view", lambda: f.render_template_string("{{ 'abc'|backwards }} {{ answer() }}"))


@SUBJECT.app("templates of a blueprint", "/admin/")
def _(app: Any) -> None:
    admin = f.Blueprint("admin", "admin", url_prefix="/admin", template_folder="templates")
    admin.add_url_rule("/", "page", lambda: f.render_template("breadth/plain.html", title="Books"))
    app.register_blueprint(admin)


@SUBJECT.call("render_template outside a request", "app", SERVER_NAME="example.com")
def _() -> Any:
    return f.render_template("breadth/links.html")


@SUBJECT.call("get_template_attribute")
def _() -> Any:
    return f.get_template_attribute("breadth/macros.html", "field")("name")


@view("jinja_env.from_string")
def _() -> Any:
    return f.current_app.jinja_env.from_string("Hello {{ name }}!").render(name="Ada")
