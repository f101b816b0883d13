"""Templates are found, imported, included and reloaded as by Jinja, and attributes are read as it reads them."""

from __future__ import annotations

import random
import re
from typing import Any

import jinja2
import pytest

from tests.beside_flask import make_app, outcome, same

_LEAVES = {
    "a.html": "{% macro show(x) %}<{{ x }}{{ extra }}{{ value }}>{% endmacro %}{% set kept = value %}{{ value }}",
    "b.txt": "{{ value }}{{ item }}{{ extra }}",
    "c.html": "{% for item in items %}{{ loop.index }}{{ item }}{% include 'b.txt' %}{% endfor %}",
    "d.html": "{% block one %}d{{ value }}{{ extra }}{% endblock %}{% block two %}{% endblock %}",
}
_PIECES = [
    "{% import 'a.html' as a %}{{ a.show('1') }}{{ a.kept }}",
    "{% import 'a.html' as a with context %}{{ a.show('2') }}{{ a.kept }}",
    "{% from 'a.html' import show %}{{ show(value) }}",
    "{% from 'a.html' import show, missing with context %}{{ show(missing) }}",
    "{% include 'b.txt' %}",
    "{% include 'b.txt' without context %}",
    "{% include ['none.html', 'c.html'] %}",
    "{% include 'none.html' ignore missing %}",
    "{% include 'none.html' %}",
    "{% for item in items %}{% include name_of_b %}{% set inner = item %}{% include 'c.html' %}{% endfor %}",
    "{% set value = 'set' %}{% include 'b.txt' %}",
    "{% with item = 'with' %}{% include 'b.txt' %}{% endwith %}",
    "{% block one %}{{ super() }}{% for item in items %}{% include 'b.txt' %}{% endfor %}{% endblock %}",
    "{% block two %}{{ self.one() }}{{ odd.fails }}{{ odd.key }}{{ items.count }}{% endblock %}",
    "{{ odd.key }}{{ odd.missing }}{{ none.x is defined }}{{ value.upper() }}{{ items.nothing }}{{ g.nothing }}",
    "{{ odd.wrong }}",
    "{{ odd.refused }}",
    "{% autoescape false %}{{ value }}{% include 'b.txt' %}{% endautoescape %}",
]


class _Odd:
    """Attributes and items that raise errors."""

    @property
    def fails(self) -> object:
        raise AttributeError("fails")

    @property
    def wrong(self) -> object:
        raise ValueError("wrong")

    def __getitem__(self, key: str) -> object:
        if key == "refused":
            raise RuntimeError("refused")
        if key == "missing":
            raise KeyError(key)
        return f"item {key}"


def _page(chosen: random.Random) -> str:
    extends = "{% extends 'd.html' %}" if chosen.random() < 0.4 else ""
    return extends + "".join(chosen.sample(_PIECES, chosen.randrange(1, 5)))


@pytest.mark.parametrize("seed", range(60))
def test_generated_pages_are_those_of_jinja(seed: int) -> None:
    def program(lib: Any) -> Any:
        chosen = random.Random(seed)
        app = make_app(lib)
        if seed % 3 == 0:
            app.config["TEMPLATES_AUTO_RELOAD"] = True
        if seed % 5 == 0:
            app.jinja_options = {"autoescape": chosen.choice([True, False, lambda name: name == "page.html"])}
        files = {**_LEAVES, "page.html": _page(chosen), "page.txt": _page(chosen)}
        app.jinja_loader = jinja2.DictLoader(files)
        if chosen.random() < 0.5:
            app.jinja_env.globals["extra"] = "<extra>"
        found = []
        values = {"value": "<v>", "items": ["<1>", 2], "odd": _Odd(), "name_of_b": "b.txt"}
        with app.test_request_context("/path"):
            for turn in range(3):
                for name in ("page.html", "page.txt"):
                    found.append(outcome(lib.render_template, name, **values))
                    found.append(outcome(lib.render_template, ["none.html", name], **values, extra=turn))
                    found.append(outcome(lambda n=name: "".join(lib.stream_template(n, **values))))
                files["b.txt"] += "{{ value }}"
        return [re.sub(r"0x[0-9a-f]+", "0x", str(one)).replace("tuile", "flask") for one in found]

    same(program)


def test_the_cache_and_the_globals_of_templates_are_jinjas() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.jinja_loader = jinja2.DictLoader({"a.html": "{{ one }}{{ two }}", "sub/b.html": "{% include 'c.html' %}"})
        environment: Any = app.jinja_env
        first = environment.get_template("a.html")
        found: list[Any] = [
            environment.get_template("a.html") is first,
            environment.get_template(first) is first,
            environment.get_template("a.html", None, {"one": "1"}) is first,
            environment.get_template("a.html", globals={"two": "2"}).render(),
            environment.get_template("a.html").render(),
            environment.get_or_select_template("a.html") is first,
            environment.overlay().get_template("a.html") is first,
            outcome(environment.get_template, "missing.html"),
            outcome(environment.get_template, 7),
            outcome(environment.get_template, None),
        ]
        environment.join_path = lambda template, parent: f"{parent}:{template}"
        found.append(outcome(lambda: environment.get_template("sub/b.html").render()))
        environment.cache = None
        found.append(environment.get_template("a.html") is first)
        environment.loader = None
        found.append(outcome(environment.get_template, "a.html"))
        return found

    same(program)
