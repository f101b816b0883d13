"""What templates write, call and read: the same as on Flask with Jinja's own functions."""

from __future__ import annotations

import re
from typing import Any

import jinja2
import pytest
from markupsafe import Markup

from tests.beside_flask import make_app, outcome, same


class _Html:
    def __html__(self) -> str:
        return "<i>html</i>"


class _Calling:
    def __call__(self, value: object = "none") -> str:
        return f"called & {value}"


class _Stopping(dict[str, object]):
    def __getitem__(self, key: str) -> object:
        return f"item {key}"


def _stops() -> object:
    raise StopIteration


@jinja2.pass_context
def _of_context(context: Any, *args: object) -> str:
    return f"{sorted(set(context.get_all()) & {'value', 'item', 'inner'})} {args}"


@jinja2.pass_environment
def _of_environment(environment: Any) -> str:
    return str(environment.autoescape is not None)


VALUES: list[Any] = [
    "a & <b>",
    "",
    Markup("<b>bold</b>"),
    7,
    True,
    1.5,
    float("inf"),
    None,
    _Html(),
    b"<bytes>",
    ["<", Markup("&")],
    {"name": "<n>", "items": "shadowed", "a": {"b": "&"}},
    _Stopping(name="x"),
    type("Sub", (str,), {"__str__": lambda self: "<sub>"})("x"),
    type("Number", (int,), {"__str__": lambda self: "<number>"})(3),
    "\x00\u2028é\U0001f600",
]
SOURCES = [
    "{{ value }}",
    "{{ value ~ '<' }}{{ '<' ~ value }}",
    "{% set block %}{{ value }}<hr>{% endset %}{{ block }}{{ block|length }}",
    (
        "{% macro show(given) %}<p>{{ given }}{{ caller() if caller }}</p>{% endmacro %}"
        "{{ show(value) }}{{ show(show(value)) }}{% call show(value) %}{{ value }}{% endcall %}"
    ),
    "{% autoescape false %}{{ value }}{{ html }}{% endautoescape %}{{ html }}",
    (
        "{{ value|e }}{{ value|safe }}{{ value|string|upper }}{{ [value, value]|join(', ') }}"
        "{{ value|string|replace('<', value|string) }}"
    ),
    "{% filter upper %}{{ value }}<{% endfilter %}",
    ("{{ value.name }}{{ value['name'] }}{{ value.missing }}{{ value.items }}{{ value.a.b }}{{ value.__class__ }}"),
    (
        "{% for item in [1, 2] %}{{ of_context(item) }}{{ calling(item) }}{{ loop.index }}"
        "{% set inner = item %}{{ of_context() }}{% endfor %}"
    ),
    ("{{ of_environment() }}{{ calling() }}{{ stops() }}{{ stops() is defined }}{{ str(value) }}{{ html.__html__() }}"),
    (
        "{% include 'part.html' %}{% include 'part.html' without context %}{% for item in 'ab' %}"
        "{% include 'part.html' %}{% endfor %}"
    ),
    (
        "{% import 'macros.html' as m %}{{ m.show(value) }}"
        "{% from 'macros.html' import show with context %}{{ show(value) }}{{ m.where }}"
    ),
    "{% extends 'base.html' %}{% block body %}{{ super() }}{{ self.title() }}{{ value }}{% endblock %}",
    "{{ missing.attribute }}",
    ("{{ range(3)|list }}{{ dict(a=value) }}{{ cycler(value).next() }}{{ joiner('<')() }}{{ namespace(a=value).a }}"),
    "{{ value.startswith('a') }}",
    "{{ url_for('missing') }}",
]
FILES = {
    "part.html": "[{{ value }}{{ item }}{{ g }}{{ of_context() }}]",
    "macros.html": (
        "{% macro show(given) %}<{{ given }}{{ value }}{{ request.path }}>{% endmacro %}{% set where = value %}"
    ),
    "base.html": (
        "<title>{% block title %}{{ value }}{% endblock %}</title>{% block body %}base {{ value }}{% endblock %}"
    ),
}


@pytest.mark.parametrize("number", range(len(SOURCES)))
@pytest.mark.parametrize("finalize", [False, True], ids=["", "finalize"])
def test_templates_write_what_jinja_writes(number: int, finalize: bool) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.jinja_loader = jinja2.DictLoader({**FILES, "page.html": SOURCES[number], "plain.txt": SOURCES[number]})
        if finalize:
            app.jinja_env.finalize = lambda value: "nothing" if value is None else value
        app.jinja_env.globals.update(
            of_context=_of_context,
            of_environment=_of_environment,
            calling=_Calling(),
            stops=_stops,
            html=_Html(),
            str=str,
        )
        found = []
        with app.test_request_context("/path"):
            for value in VALUES:
                for name in ("page.html", "plain.txt"):
                    found.append(outcome(lib.render_template, name, value=value))
                    found.append(outcome(lambda n=name, v=value: "".join(lib.stream_template(n, value=v))))
                    found.append(
                        outcome(lambda n=name, v=value: str(app.jinja_env.get_template(n).make_module({"value": v})))
                    )
        return [re.sub(r"0x[0-9a-f]+", "0x", str(one)).replace("tuile", "flask") for one in found]

    same(program)
