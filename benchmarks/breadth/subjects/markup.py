"""Templates from strings and files: macros, filters, tests, globals, context, autoescape, streams."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jinja2

from benchmarks.breadth.registry import Subject, f
from benchmarks.content import SECRET_KEY


def _register(app: Any) -> None:
    app.add_url_rule("/items/<int:n>", "item", lambda n: "")
    app.add_url_rule("/about", "about", lambda: "")


SUBJECT = Subject("markup", _register, SECRET_KEY=SECRET_KEY)
_ITEMS = [{"id": n, "name": f"<name {n}>", "price": n * 1.5, "tags": ["a", "b"]} for n in range(10)]
_USER = SimpleNamespace(name="Ada & co", email="ada@example.com")


def _text(name: str, source: str, **keywords: Any) -> None:
    """List a view that renders a string, with some items and a user."""
    values = {"items": _ITEMS, "user": _USER, "n": 3, "text": "A long <b>text</b> of words"}
    SUBJECT.view(name, **keywords)(lambda: f.render_template_string(source, **values))


_text("attribute of undefined, 500", "{{ missing.name }}", PROPAGATE_EXCEPTIONS=False)
_text(
    "macro and caller",
    "{% macro box(title) %}<h1>{{ title }}</h1>{{ caller() }}{% endmacro %}"
    "{% call box('x') %}inner {{ user.name }}{% endcall %}",
)
_text("filter: groupby", "{% for key, group in items|groupby('tags') %}{{ key }} {{ group|length }}{% endfor %}")
_text("filter: truncate and wordwrap", "{{ text|truncate(12) }} {{ text|wordwrap(10) }} {{ text|wordcount }}")
_text(
    "url_for with values",
    "{% for item in items %}<a href='{{ url_for('item', n=item.id) }}'>{{ item.id }}</a>{% endfor %}",
)


SUBJECT.view("template missing, 500", PROPAGATE_EXCEPTIONS=False)(lambda: f.render_template("missing.html"))
SUBJECT.view("stream_template_string")(
    lambda: f.stream_template_string("{% for i in items %}{{ i.id }}{% endfor %}", items=_ITEMS)
)


def _prepared(name: str, prepare: Any, source: str, **keywords: Any) -> None:
    @SUBJECT.app(name, **keywords)
    def _(app: Any) -> None:
        prepare(app)
        app.add_url_rule("/", "view", lambda: f.render_template_string(source, items=_ITEMS, user=_USER, n=3))


def _filters(app: Any) -> None:
    app.template_filter("money")(lambda value: f"{value:.2f} €")
    app.template_filter()(_shout)


def _shout(value: str) -> str:
    return value.upper() + "!"


_prepared(
    "own filters", _filters, "{{ n|money }} {% for item in items %}{{ item.price|money }}{% endfor %} {{ 'a'|_shout }}"
)


def _translated(app: Any) -> None:
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_null_translations(newstyle=True)


def _blank(value: Any) -> Any:
    return "" if value is None else value


def _in_memory(app: Any) -> None:
    app.jinja_loader = jinja2.DictLoader({"a.html": "<b>{% block a %}{% endblock %}"})


def _received(app: Any) -> None:
    def receive(sender: Any, **values: Any) -> None: ...

    app.extensions["receiver"] = receive
    f.template_rendered.connect(receive, app)


_prepared("the i18n extension", _translated, "{% trans name=user.name %}Hello {{ name }}{% endtrans %} {{ _('Save') }}")
_prepared(
    "a finalize of the app's own",
    lambda app: setattr(app, "jinja_options", {**app.jinja_options, "finalize": _blank}),
    "{{ n }} {{ none }} {{ user.name }}",
)
_prepared("a DictLoader", _in_memory, "{% extends 'a.html' %}{% block a %}{{ user.name }}{% endblock %}")
_prepared("template_rendered received", _received, "{{ n }}")
