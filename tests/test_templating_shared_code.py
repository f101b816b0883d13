"""The code of template files that applications share: what they have in common, and what keeps it apart."""

from __future__ import annotations

import gc
import weakref
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import flask
import jinja2
import pytest
from jinja2.compiler import CodeGenerator as JinjaCodeGenerator

import tuile
from tuile.templating import shared_code
from tuile.templating.jinja import Environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE = """{% extends "base.html" %}
{% block body %}
  {% for item in items -%}
    {{ loop.index }} {{ item.name|title }} {{ item.price|money }} {% if item.more is defined %}more{% endif %}
  {% endfor %}
  {{ "a<b"|shout }} {{ missing }} {{ "<i>" }} {{ ("é" * 3)|truncate(2) }} {{ {"a": 1}|tojson }}
{% endblock %}
"""
# Without constants that a filter of the application is called for when it is compiled.
NAMES = PAGE.replace('"a<b"|shout', "title|shout").replace('{"a": 1}|tojson', "items|tojson")
BASE = "<title>{{ title }}</title>{% block body %}{% endblock %}"
VALUES: dict[str, Any] = {"items": [{"name": "an <apple>", "price": 2}, {"name": "b", "price": 3.5}], "title": "<t>"}


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    shared_code._kept.clear()
    yield
    shared_code._kept.clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.html").write_text(PAGE)
    (tmp_path / "templates" / "base.html").write_text(BASE)
    return tmp_path


def make(framework: Any, folder: Path, change: Callable[[Any], object] = lambda app: None) -> Any:
    app = framework.Flask("shared", root_path=str(folder))
    app.add_template_filter(lambda value: f"{value:.2f}", "money")
    app.add_template_filter(str.upper, "shout")
    change(app)
    return app


def rendered(app: Any, framework: Any, name: str = "page.html") -> str:
    with app.test_request_context():
        try:
            text: str = framework.render_template(name, **VALUES)
        except Exception as error:  # noqa: BLE001 - compared
            return repr(error)
        return text


def test_a_file_is_compiled_once_for_all_applications(folder: Path) -> None:
    (folder / "templates" / "page.html").write_text(NAMES)
    first = rendered(make(tuile, folder), tuile)
    kept = [code for code, _ in shared_code._kept.values()]
    assert rendered(make(tuile, folder), tuile) == first == rendered(make(flask, folder), flask)
    assert [code for code, _ in shared_code._kept.values()] == kept
    assert len(kept) == 2


def test_what_a_filter_of_the_application_returned_for_a_constant_is_not_kept(folder: Path) -> None:
    rendered(make(tuile, folder), tuile)
    assert [key[1] for key in shared_code._kept] == ["base.html"]
    for number in range(3):
        change = with_filter(partial("{1}{0}".format, number), "shout")
        assert rendered(make(tuile, folder, change), tuile) == rendered(make(flask, folder, change), flask)


def test_a_file_that_changed_is_compiled_again(folder: Path) -> None:
    page = folder / "templates" / "page.html"
    for text in ("one {{ title }}", "two {{ title|upper }}", "one {{ title }}", "{% broken", "two {{ title|upper }}"):
        page.write_text(text)
        assert rendered(make(tuile, folder), tuile) == rendered(make(flask, folder), flask)


def options(**given: Any) -> Callable[[Any], None]:
    def change(app: Any) -> None:
        app.jinja_options = {**app.jinja_options, **given}

    return change


def with_filter(function: Any, name: str = "money") -> Callable[[Any], object]:
    return lambda app: app.add_template_filter(function, name)


def without_filter(app: Any) -> None:
    del app.jinja_env.filters["title"]


def with_policy(app: Any) -> None:
    app.jinja_env.policies["truncate.leeway"] = 0


def with_own_escaping(app: Any) -> None:
    app.select_jinja_autoescape = lambda filename: False


def with_own_compile(app: Any) -> None:
    compile_as_before = app.jinja_env.compile
    app.jinja_env.compile = lambda source, *rest: compile_as_before(source.replace("more", "less"), *rest)


def with_own_loader(app: Any) -> None:
    app.jinja_loader = jinja2.DictLoader({"page.html": "{{ title }} of a dictionary", "base.html": BASE})


@jinja2.pass_context
def of_context(context: Any, value: object) -> str:
    return f"{value} of {context['title']}"


@jinja2.pass_eval_context
def of_eval_context(context: Any, value: object) -> str:
    return f"{value} {context.autoescape}"


@jinja2.pass_environment
def of_environment(environment: Any, value: object) -> str:
    return f"{value} {environment.trim_blocks}"


CHANGES: list[Callable[[Any], object]] = [
    options(trim_blocks=True, lstrip_blocks=True),
    options(keep_trailing_newline=True),
    options(newline_sequence="\r\n"),
    options(variable_start_string="{=", variable_end_string="=}"),
    options(line_statement_prefix="%"),
    options(undefined=jinja2.StrictUndefined),
    options(undefined=jinja2.DebugUndefined),
    options(undefined=type("Own", (jinja2.Undefined,), {"__str__": lambda self: "own"})),
    options(finalize=lambda value: f"({value})"),
    options(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"]),
    options(autoescape=False),
    options(autoescape=lambda name: name == "base.html"),
    options(optimized=False),
    options(bytecode_cache=jinja2.MemcachedBytecodeCache(mock.Mock(get=lambda key: None))),
    with_filter(of_context),
    with_filter(of_eval_context),
    with_filter(of_environment),
    with_filter(lambda value: f"!{value}", "title"),
    with_filter(lambda value, *_: f"!{value}", "truncate"),
    lambda app: app.add_template_test(lambda value: True, "defined"),
    lambda app: app.add_template_global("given", "missing"),
    lambda app: app.jinja_env.globals.update(missing="given"),
    without_filter,
    with_policy,
    with_own_escaping,
    with_own_compile,
    with_own_loader,
]


@pytest.mark.parametrize("change", CHANGES, ids=range(len(CHANGES)))
@pytest.mark.parametrize("page", [PAGE, NAMES], ids=["constants", "names"])
def test_applications_that_differ_share_no_code(folder: Path, change: Callable[[Any], object], page: str) -> None:
    (folder / "templates" / "page.html").write_text(page)
    usual = rendered(make(flask, folder), flask)
    for kept_first in (True, False):
        shared_code._kept.clear()
        for changed in (kept_first, not kept_first, kept_first):
            expected = usual if not changed else rendered(make(flask, folder, change), flask)
            app = make(tuile, folder, change) if changed else make(tuile, folder)
            assert rendered(app, tuile) == expected


def test_a_patched_generator_is_asked_again(folder: Path) -> None:
    def patched(framework: Any) -> str:
        def visit(self: Any, node: Any, frame: Any) -> None:
            self.writeline("yield 'patched'")

        with mock.patch.object(JinjaCodeGenerator, "visit_Output", visit):
            return rendered(make(framework, folder), framework, "base.html")

    before = rendered(make(tuile, folder), tuile, "base.html")
    assert patched(tuile) == patched(flask) != before
    assert rendered(make(tuile, folder), tuile, "base.html") == before


def test_no_application_is_kept_alive(folder: Path) -> None:
    app = make(tuile, folder)
    rendered(app, tuile)
    gone = weakref.ref(app), weakref.ref(app.jinja_env)
    del app
    gc.collect()
    assert [one() for one in gone] == [None, None]
    assert shared_code._kept


def test_so_many_are_kept_and_no_long_ones(folder: Path) -> None:
    environment: Any = make(tuile, folder).jinja_env
    assert type(environment) is Environment
    for number in range(shared_code._MOST_KEPT + 20):
        shared_code.code_of_file(environment, f"{number} {{{{ a }}}}", "page.html", None)
    shared_code.code_of_file(environment, "x" * (shared_code._LONGEST_KEPT + 1), "page.html", None)
    assert len(shared_code._kept) == shared_code._MOST_KEPT
    assert all(len(str(key[0])) < 100 for key in shared_code._kept)


def test_the_places_of_errors_are_those_of_the_file(folder: Path) -> None:
    (folder / "templates" / "page.html").write_text("\n\n{{ 1 // zero }}")
    for _ in range(2):
        with make(tuile, folder).app_context(), pytest.raises(ZeroDivisionError) as caught:
            tuile.render_template("page.html", zero=0)
        last = caught.traceback[-1]
        assert (Path(last.path).name, last.lineno + 1) == ("page.html", 3)
