"""Rendering templates."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from unittest import mock

import jinja2
import jinja2.ext
import jinja2.parser
import jinja2.runtime
import pytest
from markupsafe import Markup

from tests.beside_flask import make_app, outcome, same
from tuile import (
    Blueprint,
    Flask,
    before_render_template,
    flash,
    g,
    get_template_attribute,
    render_template,
    render_template_string,
    request,
    session,
    stream_template,
    stream_template_string,
    template_rendered,
)
from tuile.templating import DispatchingJinjaLoader, Environment, folding
from tuile.templating.compiling import CodeGenerator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tuile.testing import FlaskClient

FILES = {
    "hello.html": "Hello {{ name }}!",
    "plain.txt": "{{ markup }}",
    "markup.html": "{{ markup }}",
    "macros.html": "{% macro greet(name) %}Hello {{ name }}{% endmacro %}{% set answer = 42 %}",
    "imported.html": "{% macro where() %}{{ request.path }} {{ g.colour }} {{ session.user }}{% endmacro %}",
    "importing.html": '{% from "imported.html" import where %}{{ where() }}',
}


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    (tmp_path / "templates").mkdir()
    for name, source in FILES.items():
        (tmp_path / "templates" / name).write_text(source, "utf-8")
    application = Flask("pages", root_path=str(tmp_path))
    application.config.update(TESTING=True, SECRET_KEY="a secret for tests")
    return application


RENDERERS: list[Callable[[], str]] = [
    lambda: render_template("hello.html", name="you"),
    lambda: render_template_string("Hello {{ name }}!", name="you"),
    lambda: "".join(stream_template("hello.html", name="you")),
    lambda: "".join(stream_template_string("Hello {{ name }}!", name="you")),
]


@pytest.mark.parametrize("render", RENDERERS)
def test_a_template_renders_in_a_request_and_outside_of_it(app: Flask, render: Callable[[], str]) -> None:
    with app.app_context():
        assert render() == "Hello you!"
    with app.test_request_context():
        assert render() == "Hello you!"


@pytest.mark.parametrize("render", RENDERERS)
def test_a_template_needs_an_application(render: Callable[[], str]) -> None:
    with pytest.raises(RuntimeError, match="Working outside of application context"):
        render()


@pytest.mark.parametrize("render", RENDERERS)
def test_listeners_hear_before_and_after_with_the_template_and_its_values(
    app: Flask, render: Callable[[], str]
) -> None:
    heard: list[tuple[str, str | None, str]] = []

    def before(sender: Flask, template: jinja2.Template, context: dict[str, Any], **extra: Any) -> None:
        assert sender is app
        heard.append(("before", template.name, context["name"]))
        context["name"] = "everyone"

    def after(sender: Flask, template: jinja2.Template, context: dict[str, Any], **extra: Any) -> None:
        assert sender is app
        heard.append(("after", template.name, context["name"]))

    with before_render_template.connected_to(before, app), template_rendered.connected_to(after, app):
        with app.app_context():
            assert render() == "Hello everyone!"
    assert [(when, name) for when, _, name in heard] == [("before", "you"), ("after", "everyone")]
    assert {template for _, template, _ in heard} <= {"hello.html", None}


def test_the_first_template_that_exists_is_taken(app: Flask) -> None:
    with app.app_context():
        assert render_template(["no.html", "hello.html"], name="you") == "Hello you!"
        assert "".join(stream_template(["no.html", "hello.html"], name="you")) == "Hello you!"
        assert render_template(app.jinja_env.get_template("hello.html"), name="you") == "Hello you!"
        with pytest.raises(jinja2.TemplatesNotFound):
            render_template(["no.html", "nor_this.html"])
        with pytest.raises(jinja2.TemplateNotFound, match=r"no\.html"):
            render_template("no.html")


def test_html_is_escaped_and_text_is_not(app: Flask) -> None:
    with app.app_context():
        assert render_template("markup.html", markup="<b>") == "&lt;b&gt;"
        assert render_template("plain.txt", markup="<b>") == "<b>"
        assert render_template_string("{{ markup }}", markup="<b>") == "&lt;b&gt;"


# A stream


def test_a_stream_is_rendered_while_it_is_sent_and_still_has_its_request(app: Flask, client: FlaskClient) -> None:
    rendered: list[int] = []

    def number(value: int) -> int:
        rendered.append(value)
        return value

    @app.route("/page")
    def page() -> Any:
        g.numbers = range(20)
        source = "{% for n in g.numbers %}{{ number(n) }} {% endfor %}{{ request.path }}"
        stream = stream_template_string(source, number=number)
        assert rendered == []
        return stream

    with client.get("/page") as response:
        assert response.is_streamed
        assert len(rendered) < 20
        assert response.get_data().endswith(b"18 19 /page")
    assert rendered == list(range(20))


def test_a_streams_values_are_gathered_when_it_is_made(app: Flask) -> None:
    asked: list[str] = []

    def processor() -> dict[str, Any]:
        asked.append("asked")
        return {}

    app.context_processor(processor)
    with app.app_context():
        stream_template("hello.html")
        assert asked == ["asked"]


# What a template can read


def test_the_usual_names_are_there_in_a_request(app: Flask) -> None:
    source = "{{ request.path }} {{ g.colour }} {{ session.user }} {{ config.TESTING }} {{ url_for('index') }}"
    app.add_url_rule("/start", "index")
    with app.test_request_context("/here"):
        g.colour = "green"
        session["user"] = "ada"
        assert render_template_string(source) == "/here green ada True /start"


def test_the_usual_names_are_there_in_an_imported_template(app: Flask) -> None:
    with app.test_request_context("/here"):
        g.colour = "green"
        session["user"] = "ada"
        assert render_template("importing.html") == "/here green ada"


def test_outside_of_a_request_there_is_g_and_no_request(app: Flask) -> None:
    with app.app_context():
        g.colour = "green"
        assert render_template_string("{{ g.colour }} {{ 'some' if request else 'no' }} request") == "green no request"


def test_request_and_g_are_handed_over_without_their_proxies(app: Flask) -> None:
    seen: dict[str, Any] = {}

    def keep(**values: Any) -> str:
        seen.update(values)
        return ""

    with app.test_request_context():
        render_template_string("{{ keep(request=request, g=g, session=session) }}", keep=keep)
        assert type(seen["request"]) is app.request_class
        assert type(seen["g"]) is app.app_ctx_globals_class
        # Handing the session itself over would count as reading it.
        assert seen["session"] is session


def test_a_template_that_does_not_read_the_session_does_not_touch_it(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/", "index", lambda: render_template("hello.html"))
    assert "Cookie" not in client.get("/").vary


def test_flashed_messages_can_be_read_from_a_template(app: Flask) -> None:
    with app.test_request_context():
        flash("hello", "info")
        assert render_template_string("{{ get_flashed_messages(true) }}", x=1) == "[(&#39;info&#39;, &#39;hello&#39;)]"


def test_the_applications_json_is_used_in_templates(app: Flask) -> None:
    class Provider(app.json_provider_class):  # type: ignore[name-defined,misc] # the application's own class
        def dumps(self, value: Any, **options: Any) -> str:
            return '"own"'

    app.json = Provider(app)
    with app.app_context():
        assert render_template_string("{{ 1|tojson }}") == '"own"'


def test_globals_that_change_between_renderings_are_seen(app: Flask) -> None:
    app.jinja_env.globals["colour"] = "red"
    template = app.jinja_env.from_string("{{ colour }} {{ name }}")
    with app.app_context():
        assert render_template(template, name="x") == "red x"
        app.jinja_env.globals["colour"] = "green"
        assert render_template(template, name="x") == "green x"
        # A template's own come before the environment's, and a value before both.
        template.globals["colour"] = "blue"
        assert render_template(template, name="x") == "blue x"
        assert render_template(template, colour="given") == "given "
        assert app.jinja_env.globals["colour"] == "green"


def test_a_context_says_which_names_are_global_as_jinjas_own_does(app: Flask) -> None:
    source = "{% set own = 1 %}{{ given }}"
    template = app.jinja_env.from_string(source, globals={"more": 1})
    plain = jinja2.Template.new_context
    for arguments in ({}, {"vars": {"given": 1, "more": 2}}, {"shared": True}, {"vars": {"a": 1}, "locals": {"b": 2}}):
        ours, theirs = template.new_context(**arguments), plain(template, **arguments)
        assert (ours.parent, list(ours.parent), ours.globals_keys) == (
            theirs.parent,
            list(theirs.parent),
            theirs.globals_keys,
        )
        assert (ours.name, ours.blocks, ours.vars) == (theirs.name, theirs.blocks, theirs.vars)
    with pytest.raises(TypeError, match="keywords must be strings"):
        template.new_context({1: 2})  # type: ignore[dict-item] # that it is refused is the subject


def test_a_context_class_of_its_own_is_used(app: Flask) -> None:
    class Shouting(jinja2.runtime.Context):
        def resolve_or_missing(self, key: str) -> Any:
            value = super().resolve_or_missing(key)
            return value.upper() if isinstance(value, str) else value

    app.jinja_env.context_class = Shouting
    with app.app_context():
        assert render_template_string("{{ name }}", name="you") == "YOU"


# One source again and again

STRINGS: list[Callable[..., str]] = [
    render_template_string,
    lambda source, **values: "".join(stream_template_string(source, **values)),
]


@pytest.fixture
def compiled(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of sources that Jinja compiles during the test."""
    sources: list[str] = []
    parser = jinja2.parser.Parser

    def recording(environment: jinja2.Environment, source: str, *args: Any) -> jinja2.parser.Parser:
        sources.append(source)
        return parser(environment, source, *args)

    # Not a method of the environment: what replaced one is called for each template.
    monkeypatch.setattr("jinja2.environment.Parser", recording)
    return sources


@pytest.mark.parametrize("render", STRINGS)
def test_a_source_is_compiled_for_once_and_then_to_be_kept(
    app: Flask, compiled: list[str], render: Callable[..., str]
) -> None:
    with app.app_context():
        assert [render("{{ n }}", n=number) for number in range(4)] == ["0", "1", "2", "3"]
    assert compiled == ["{{ n }}"] * 2


def _own_autoescape(app: Flask) -> None:
    app.jinja_options = {**app.jinja_options, "autoescape": lambda name: name is None}


def _own_extension(app: Flask) -> None:
    class Extension(jinja2.ext.Extension):
        pass

    app.jinja_env.add_extension(Extension)


@pytest.mark.parametrize(
    ("prepare", "sources", "by_tuile"),
    [
        (None, ["{{ n }} 1", "{{ n }} 2", "{{ n }} 3"], 0),
        (None, ["{{ n }}"] * 4, 1),
        (None, ["x" * 40_000 + "{{ n }}"] * 3, 0),
        (_own_autoescape, ["{{ n }}"] * 3, 0),
        (_own_extension, ["{{ n }}"] * 3, 0),
    ],
    ids=["another each time", "the same", "a long one", "autoescape of the app's own", "an extension of the app's own"],
)
def test_what_is_run_once_is_compiled_by_jinjas_generator(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[Flask], None] | None,
    sources: list[str],
    by_tuile: int,
) -> None:
    if prepare is not None:
        prepare(app)
    made: list[object] = []
    init = CodeGenerator.__init__

    def counting(self: CodeGenerator, *args: Any, **kwargs: Any) -> None:
        made.append(self)
        init(self, *args, **kwargs)

    monkeypatch.setattr(CodeGenerator, "__init__", counting)
    with app.app_context():
        for source in sources:
            assert render_template_string(source, n="<b>").replace("x", "").startswith("&lt;b&gt;")
    assert len(made) == by_tuile


FINALIZED = [
    "{{ n }}",
    "a{{ n.real }}{{ n['x'] }}{{ n|string }}{{ n|string|upper }}{{ n is odd }}",
    "{{ 1 }}{{ n }}",
    "{{ none }}{{ n or 'a' }}{{ 'a' or n }}{{ 'x' if true else n }}{{ not n }}",
    "{{ 'a'|upper }}{{ ['a'][0] }}{{ 'a' ~ n }}{{ 1 < n }}{{ 2 < 1 < n }}{{ (1, n) }}",
    "{% for x in [1, n] %}{{ x }}{{ loop.index }}{% endfor %}{% set y %}{{ n }}{{ 3 }}{% endset %}{{ y }}",
    "{% macro m(x=1) %}{{ x }}{{ 'c' }}{% endmacro %}{{ m() }}{{ m(n) }}{{ range(n)|length }}",
    "{% filter upper %}a{{ n }}{% endfilter %}{{ 'f%s'|format(1) }}{{ missing }}{{ missing|default('d') }}",
    "{% block one %}{{ n }}{{ 'b' }}{% endblock %}{{ self.one() }}",
]


@pytest.mark.parametrize("source", FINALIZED)
def test_finalize_is_called_for_what_it_is_called_for_on_flask(source: str) -> None:
    def program(lib: Any) -> list[object]:
        app = make_app(lib)
        calls: list[object] = []

        def finalize(value: object) -> object:
            calls.append(str(value))
            return "" if value is None else f"{value}{len(calls)}"

        app.jinja_options = {**app.jinja_options, "finalize": finalize}
        with app.app_context():
            return [lib.render_template_string(source, n=number) for number in range(5)] + calls

    assert same(program)


def test_code_with_finalize_is_kept_unless_it_was_called_for_constants(app: Flask, compiled: list[str]) -> None:
    app.jinja_options = {**app.jinja_options, "finalize": lambda value: "" if value is None else value}
    with app.app_context():
        for _ in range(6):
            assert render_template_string("a{{ n.x }}{{ n|upper }}", n="b") == "aB"
        # The second time it is also looked at.
        assert len(compiled) == 3
        with mock.patch.object(folding, "finalizes_constants", wraps=folding.finalizes_constants) as looked_for:
            for _ in range(6):
                render_template_string("{{ 1 }}")
        assert len(compiled) > 9
        assert looked_for.call_count == 1


IMPURE = {
    "a filter of a constant": "{{ 'now'|clock }}",
    "a filter of constants": "{{ ['now', 1]|clock }}",
    "a filter of a filter": "{{ 'now'|upper|clock }}",
    "a test of a constant": "{{ 1 is odd_call }}",
    "a filter in a branch": "{% if true %}{{ 'a'|clock(2) }}{% endif %}",
    "a filter of a name": "{{ name|clock }}",
}


@pytest.mark.parametrize("source", IMPURE.values(), ids=IMPURE)
def test_a_filter_of_constants_is_called_as_often_as_on_flask(source: str) -> None:
    def program(lib: Any) -> list[str]:
        calls: list[object] = []
        app = make_app(lib)

        def clock(value: object, *_: object) -> int:
            calls.append(value)
            return len(calls)

        app.jinja_env.filters["clock"] = clock
        app.jinja_env.tests["odd_call"] = lambda value: clock(value) % 2 == 1
        with app.app_context():
            return [lib.render_template_string(source, name="n") for _ in range(3)]

    assert len(set(same(program))) > 1


FOLDED = [
    "{{ 'a'|shown }}",
    "{{ 'a'|shown|shown }}",
    "{{ ('a'|shown) ~ ('b'|shown) }}",
    "{{ 'a'|shown('b'|shown) }}",
    "{{ 'a'|shown|upper }}{{ '<b>'|marked }}",
    "{% if 'a'|shown == 'a1' %}yes{% else %}{{ 'b'|shown }}{% endif %}",
    "{% for n in ['a'|shown, 'b'|shown] %}{{ n }}{{ 'c'|shown }}{% endfor %}",
    "{{ ('a' if true else name)|shown }}",
    "{{ ('a'|shown) if true else name }}",
    "{{ name or ('a'|shown) }}",
    "{% autoescape false %}{{ '<a>'|shown }}{{ 'b'|escaping }}{% endautoescape %}{{ '<a>'|shown }}{{ 'b'|escaping }}",
    "{% autoescape name %}{{ '<a>'|shown }}{% endautoescape %}",
    "{% filter shown %}text{% endfilter %}",
    "{% set x = 'a'|shown %}{{ x }}{{ x|shown }}",
    "{{ 'a'|listed }}{{ 'a'|listed|first }}",
    "{{ 'a'|failing }}",
    "{% if false %}{{ 'a'|failing }}{% endif %}{{ 'a'|shown }}",
    "{{ 'a'|failing|default('b') }}{{ 'a'|shown }}",
    "{{ 'a' is noted }}{{ 'a'|shown is noted }}",
    "{{ 'a'|of_environment }}{{ 'a'|of_context }}",
    "{{ {'b': 'a'|shown}|tojson }}",
    "{{ 'a'|nothing }}{{ 'a'|number }}",
    "{% block one %}{{ 'a'|shown }}{% endblock %}{{ self.one() }}",
    "{% macro m(x='a'|shown) %}{{ x }}{% endmacro %}{{ m() }}{{ m('b') }}",
    "{{ 'a'|shown(*['b'], **{'c': 'd'}) }}",
]


@pytest.mark.parametrize("steady", [1, 3, 100], ids=["changing", "changing at times", "steady"])
@pytest.mark.parametrize("source", FOLDED)
def test_what_filters_of_constants_return_is_as_on_flask(source: str, steady: int) -> None:
    def program(lib: Any) -> list[Any]:
        calls: list[object] = []
        app = make_app(lib)

        def shown(value: object, *others: object, **named: object) -> str:
            calls.append(("shown", value, others, named))
            return f"{value}{len(calls) // steady}"

        def failing(value: object) -> str:
            calls.append("failing")
            if len(calls) % 2:
                message = "not now"
                raise ValueError(message)
            return "done"

        def noted(value: object) -> bool:
            calls.append("noted")
            return len(calls) // steady % 2 == 0

        def counted(value: Any) -> Any:
            calls.append(value)
            return len(calls) // steady

        filters = app.jinja_env.filters
        filters.update(shown=shown, failing=failing, marked=lambda value: Markup(shown(value)))  # noqa: S704 - the subject
        filters.update(listed=lambda value: [counted(value), True, 1.0], nothing=lambda value: counted(value) and None)
        filters.update(number=lambda value: (counted(value) % 2 == 0) or 1)
        filters["of_environment"] = jinja2.pass_environment(lambda env, value: shown(value, env.autoescape is True))
        filters["of_context"] = jinja2.pass_context(lambda context, value: shown(value, context.name))
        filters["escaping"] = jinja2.pass_eval_context(lambda context, value: shown(value, context.autoescape))
        app.jinja_env.tests["noted"] = noted
        with app.test_request_context():
            return [
                (outcome(lib.render_template_string, source, name=name), calls.copy()) for name in ["", "n", "n"] * 3
            ]

    same(program)


def test_a_source_whose_filters_of_constants_return_the_same_is_compiled_once(app: Flask, compiled: list[str]) -> None:
    calls: list[str] = []

    def backwards(text: str) -> str:
        calls.append(text)
        return text[::-1]

    app.jinja_env.filters["backwards"] = backwards
    with app.app_context():
        for _ in range(5):
            assert render_template_string("{{ 'abc'|backwards }}") == "cba"
    assert calls == ["abc"] * 5
    assert len(compiled) == 2


def test_a_filter_of_a_constant_that_is_replaced_is_called(app: Flask) -> None:
    with app.app_context():
        found = []
        for number in range(3):
            app.jinja_env.filters["backwards"] = lambda text, number=number: f"{text}{number}"
            found += [render_template_string("{{ 'abc'|backwards }}") for _ in range(2)]
    assert found == ["abc0", "abc0", "abc1", "abc1", "abc2", "abc2"]


@pytest.mark.parametrize("source", ["{{ 'a'|upper }}", "{{ n|clock }}", "{{ 'this is'|length }}{{ 3 is odd }}"])
def test_a_source_with_filters_is_compiled_once(app: Flask, compiled: list[str], source: str) -> None:
    app.jinja_env.filters["clock"] = str
    with app.app_context():
        for number in range(4):
            render_template_string(source, n=number)
    assert len(compiled) == 2


def _sandboxed(app: Flask) -> None:
    app.jinja_env = app.jinja_env.overlay(autoescape=False)


CHANGES: dict[str, Callable[[Flask], object]] = {
    "a filter": lambda app: app.jinja_env.filters.update(upper=lambda text: "new"),
    "a filter that takes the context": lambda app: app.jinja_env.filters.update(
        upper=jinja2.pass_context(lambda context, text: context["name"])
    ),
    "no such filter": lambda app: app.jinja_env.filters.pop("upper"),
    "a test": lambda app: app.jinja_env.tests.update(string=lambda value: False),
    "the filters": lambda app: setattr(app.jinja_env, "filters", {"upper": lambda text: "new", "e": str}),
    "a global": lambda app: app.jinja_env.globals.update(where="new"),
    "the globals": lambda app: setattr(app.jinja_env, "globals", {"where": "new"}),
    "an option": lambda app: setattr(app.jinja_env, "variable_start_string", "[["),
    "escaping": lambda app: setattr(app.jinja_env, "autoescape", False),
    "what escaping depends on": lambda app: setattr(app, "escapes", False),
    "what is undefined": lambda app: setattr(app.jinja_env, "undefined", jinja2.DebugUndefined),
    "finalize": lambda app: setattr(app.jinja_env, "finalize", lambda value: "new"),
    "an extension": lambda app: app.jinja_env.add_extension(Rewriting),
    "an overlay": _sandboxed,
    "another environment": lambda app: setattr(app, "jinja_env", jinja2.Environment(autoescape=False)),  # noqa: S701 - noticed
}


class Rewriting(jinja2.ext.Extension):
    """An extension that changes every source before it is compiled."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return "rewritten " + source


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_the_environment_is_noticed(change: Callable[[Flask], object], tmp_path: Path) -> None:
    source = "{{ '<b>' }} {{ 'a'|upper }} {{ 1 if 'a' is string else 2 }} {{ where }} {{ missing }} {{ name|upper }}"

    def render(app: Any) -> str:
        try:
            return render_template_string(source, name="<i>")
        except jinja2.TemplateError as error:
            return repr(error)

    class Own(Flask):
        escapes = True

        def select_jinja_autoescape(self, filename: str | None) -> bool:
            return self.escapes

    def renderings(*, warm: bool) -> list[str]:
        kind = Own if change is CHANGES["what escaping depends on"] else Flask
        application = kind("changing", root_path=str(tmp_path))
        with application.app_context():
            before = [render(application), render(application)] if warm else []
            change(application)
            return [*before, render(application)]

    first, second, changed = renderings(warm=True)
    assert first == second
    assert changed != first
    assert [changed] == renderings(warm=False)


def test_a_template_of_a_source_starts_afresh_each_time(app: Flask, compiled: list[str]) -> None:
    seen: list[jinja2.Template] = []

    def before(sender: Flask, template: jinja2.Template, **extra: Any) -> None:
        seen.append(template)
        template.globals.setdefault("first", len(seen))

    with before_render_template.connected_to(before, app), app.app_context():
        assert [render_template_string("{{ first }}") for _ in range(3)] == ["1", "2", "3"]
    assert len(set(map(id, seen))) == 3
    assert len(compiled) == 2


def test_an_overlay_and_its_environment_keep_their_own(app: Flask) -> None:
    environment = app.jinja_env
    with app.app_context():
        assert render_template_string("{{ '<b>' }}") == "&lt;b&gt;"
        overlay = environment.overlay(autoescape=False)
        app.jinja_env = overlay
        assert render_template_string("{{ '<b>' }}") == "<b>"
        app.jinja_env = environment
        assert render_template_string("{{ '<b>' }}") == "&lt;b&gt;"


def test_no_more_sources_are_kept_than_have_room(
    app: Flask, compiled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tuile.templating.folding._SOURCES_KEPT", 2)
    with app.app_context():
        for source in "aabbacc":
            render_template_string(source)
        assert compiled == [*"aabbcc"]
        # The one that was used longest ago has gone.
        render_template_string("a")
        assert compiled == [*"aabbcc"]
        render_template_string("b")
        assert compiled == [*"aabbccb"]


def test_an_error_in_a_source_is_raised_each_time(app: Flask) -> None:
    with app.app_context():
        for _ in range(2):
            with pytest.raises(jinja2.TemplateSyntaxError):
                render_template_string("{{")


@pytest.mark.parametrize(
    "source",
    ["{{", "{{ 'a'|seen }}{{ n|missing }}", "{{ 'a'|seen }}{{ n is missing }}", "{% if n is odd %}{{ 'a'|seen }}{{"],
)
@pytest.mark.parametrize("is_extended", [False, True])
def test_an_error_in_a_source_is_the_only_one_and_calls_nothing_twice(source: str, is_extended: bool) -> None:
    def program(package: Any) -> list[object]:
        app = package.Flask("pages")
        calls: list[str] = []
        seen: list[object] = []

        class Extension(jinja2.ext.Extension):
            def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
                calls.append("preprocess")
                return source

        app.jinja_env.filters["seen"] = calls.append
        if is_extended:
            app.jinja_env.add_extension(Extension)
        with app.app_context():
            for _ in range(3):
                calls.clear()
                with pytest.raises(jinja2.TemplateSyntaxError) as raised:
                    app.jinja_env.from_string(source)
                error = raised.value
                seen.append((str(error), error.source, error.lineno, error.__context__, error.__cause__, *calls))
        return seen

    same(program)


def test_an_extension_that_refuses_a_source_once_has_refused_it(app: Flask) -> None:
    class Extension(jinja2.ext.Extension):
        refuses = True

        def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
            self.refuses = not self.refuses
            return source if self.refuses else "{{"

    app.jinja_env.add_extension(Extension)
    with app.app_context():
        for _ in range(2):
            with pytest.raises(jinja2.TemplateSyntaxError):
                render_template_string("x")
            assert render_template_string("x") == "x"


@pytest.mark.parametrize("name", ["from_string", "compile"])
def test_an_environment_that_makes_templates_its_own_way_is_always_asked(app: Flask, name: str) -> None:
    asked: list[str] = []

    class Own(Environment):
        pass

    def own(self: Environment, source: str, *args: Any, **kwargs: Any) -> Any:
        asked.append(source)
        return getattr(super(Own, self), name)(source, *args, **kwargs)

    setattr(Own, name, own)
    app.jinja_environment = Own
    with app.app_context():
        assert [render_template_string("x") for _ in range(2)] == ["x", "x"]
    assert asked == ["x", "x"]


def test_templates_of_the_environment_are_those_of_flask() -> None:
    class Own(jinja2.Template):
        pass

    def program(framework: Any) -> Any:
        app = framework.Flask("pages")
        app.add_template_filter(lambda text: text[::-1], "turned")
        env = app.jinja_env
        parsed = env.parse("{{ name }} parsed")
        found = []

        def make(source: Any, *args: Any, **kwargs: Any) -> Any:
            template = env.from_string(source, *args, **kwargs)
            shown = template.name, template.filename, isinstance(template, Own), sorted(template.blocks)
            return shown, template.render(name="<b>"), template.globals.get("more"), template.is_up_to_date

        for turn in range(6):
            for source in (
                "{{ name }}{{ more }}",
                "{{ 'ab'|turned }}{% block x %}{% endblock %}",
                "{{",
                parsed,
                5,
                None,
            ):
                found.append(outcome(make, source))
                found.append(outcome(make, source, {"more": turn}))
                found.append(outcome(make, source, None, Own))
            if turn == 1:
                env.filters["turned"] = str.upper
            if turn == 2:
                env.autoescape = False
            if turn == 3:
                env.globals["more"] = "global"
            if turn == 4:
                env = env.overlay(trim_blocks=True)
        first, second = env.from_string("x"), env.from_string("x")
        first.globals["own"] = 1
        return found, first is second, "own" in second.globals

    same(program)


def test_threads_render_one_source_at_once(app: Flask) -> None:
    def render(number: int) -> bool:
        with app.app_context():
            return all(
                render_template_string("{{ n }}" + "x" * (turn % 5), n=number) == str(number) + "x" * (turn % 5)
                for turn in range(20)
            )

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(render, range(20)))


# Context processors


def test_a_given_value_wins_over_what_is_always_there(app: Flask) -> None:
    with app.test_request_context("/here"):
        assert render_template_string("{{ request }} {{ g }}", request=1, g=None) == "1 None"
        assert render_template_string("{{ request.path }}") == "/here"


def test_without_its_default_processor_an_app_hands_nothing_over(app: Flask) -> None:
    app.template_context_processors[None].clear()
    with app.test_request_context("/here"):
        # The proxies of the environment are still there.
        assert render_template_string("{{ request.path }}") == "/here"
        assert render_template_string("{{ keep(request) }}", keep=lambda value: value is request) == "True"


def test_processors_run_in_order_and_given_values_win(app: Flask) -> None:
    app.context_processor(lambda: {"a": "first", "b": "first", "c": "first"})
    app.context_processor(lambda: {"b": "second", "c": "second", "request": "replaced"})
    with app.test_request_context():
        source = "{{ a }} {{ b }} {{ c }} {{ request }}"
        assert render_template_string(source, c="given") == "first second given replaced"
        assert render_template_string("{{ request }}", request="given") == "given"


def test_a_nested_blueprints_values_win_over_its_parents(app: Flask, client: FlaskClient) -> None:
    parent, child = Blueprint("parent", __name__), Blueprint("child", __name__)
    app.context_processor(lambda: {"a": "app", "b": "app", "c": "app"})
    parent.context_processor(lambda: {"b": "parent", "c": "parent"})
    child.context_processor(lambda: {"c": "child"})
    child.add_url_rule("/", "page", lambda: render_template_string("{{ a }} {{ b }} {{ c }}"))
    parent.register_blueprint(child)
    app.register_blueprint(parent)
    assert client.get("/").text == "app parent child"


def test_an_asynchronous_processor_is_waited_for(app: Flask) -> None:
    @app.context_processor
    async def values() -> dict[str, Any]:
        return {"name": "async"}

    with app.app_context():
        assert render_template("hello.html") == "Hello async!"


def test_reading_the_processors_does_not_grow_their_registry(app: Flask, client: FlaskClient) -> None:
    part = Blueprint("part", __name__)
    part.add_url_rule("/", "page", lambda: render_template("hello.html"))
    app.register_blueprint(part)
    del app.template_context_processors["part"]
    assert client.get("/").text == "Hello !"
    assert list(app.template_context_processors) == [None]


def test_the_values_dict_is_the_one_that_the_application_is_given(app: Flask) -> None:
    class Own(Flask):
        def update_template_context(self, context: dict[str, Any]) -> None:
            super().update_template_context(context)
            context["name"] = "own " + context["name"]

    app.__class__ = Own
    with app.app_context():
        assert render_template("hello.html", name="you") == "Hello own you!"


# The environment


def test_the_room_gives_the_classes_of_the_jinja_room() -> None:
    from tuile import templating  # noqa: PLC0415 - the lazy import is the subject
    from tuile.templating import jinja  # noqa: PLC0415 - the lazy import is the subject

    assert templating.Environment is jinja.Environment
    assert templating.DispatchingJinjaLoader is jinja.DispatchingJinjaLoader
    assert issubclass(Environment, jinja2.Environment)
    with pytest.raises(AttributeError, match="has no attribute 'Enviroment'"):
        templating.Enviroment  # noqa: B018 - a misspelt name


def test_the_environment_follows_options_and_configuration(app: Flask) -> None:
    assert app.jinja_env.app is app
    assert app.jinja_env.autoescape == app.select_jinja_autoescape
    assert app.jinja_env.auto_reload is False

    other = Flask("other", root_path=app.root_path)
    other.debug = True
    assert other.jinja_env.auto_reload is True

    configured = Flask("configured", root_path=app.root_path)
    configured.debug = True
    configured.config["TEMPLATES_AUTO_RELOAD"] = False
    configured.jinja_options = {"autoescape": False, "trim_blocks": True, "extensions": ["jinja2.ext.do"]}
    assert configured.jinja_env.auto_reload is False
    assert configured.jinja_env.autoescape is False
    assert configured.jinja_env.trim_blocks is True
    assert configured.jinja_options.keys() == {"autoescape", "trim_blocks", "extensions"}


def test_a_loader_among_the_options_takes_the_place_of_the_dispatching_one(app: Flask) -> None:
    class Own(Flask):
        def create_global_jinja_loader(self) -> DispatchingJinjaLoader:
            raise AssertionError("nobody needs it")

    app.__class__ = Own
    app.jinja_options = {"loader": jinja2.DictLoader({"a.html": "from a dict"})}
    with app.app_context():
        assert render_template("a.html") == "from a dict"


def test_a_subclass_of_the_environment_is_used(app: Flask) -> None:
    class OwnEnvironment(Environment):
        pass

    class Own(Flask):
        jinja_environment = OwnEnvironment

    assert type(Own("own", root_path=".").jinja_env) is OwnEnvironment
    app.jinja_environment = OwnEnvironment
    assert type(app.jinja_env) is OwnEnvironment
    assert Flask.jinja_environment is Environment


def test_the_applications_templates_come_before_the_blueprints(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    for name in ("hello.html", "own.html"):
        (tmp_path / "part" / name).write_text("the blueprint's", "utf-8")
    app.register_blueprint(Blueprint("part", __name__, template_folder=str(tmp_path / "part")))
    app.register_blueprint(Blueprint("bare", __name__))
    with app.app_context():
        assert render_template("hello.html", name="you") == "Hello you!"
        assert render_template("own.html") == "the blueprint's"
    assert sorted(app.jinja_env.list_templates()) == sorted([*FILES, "own.html"])


def test_an_overridden_loader_iteration_decides_where_templates_come_from(app: Flask) -> None:
    class Themed(DispatchingJinjaLoader):
        def _iter_loaders(self, template: str) -> Any:
            yield self.app, jinja2.DictLoader({"hello.html": "themed " + template})
            yield from super()._iter_loaders(template)

    class Own(Flask):
        def create_global_jinja_loader(self) -> DispatchingJinjaLoader:
            return Themed(self)

    app.__class__ = Own
    with app.app_context():
        assert render_template("hello.html") == "themed hello.html"
        assert render_template("plain.txt", markup="x") == "x"


def test_a_macro_or_a_variable_can_be_used_from_python(app: Flask) -> None:
    with app.app_context():
        assert get_template_attribute("macros.html", "greet")("you") == "Hello you"
        assert get_template_attribute("macros.html", "answer") == 42
        with pytest.raises(AttributeError):
            get_template_attribute("macros.html", "missing")
    with pytest.raises(RuntimeError, match="Working outside of application context"):
        get_template_attribute("macros.html", "greet")


def test_a_request_is_seen_by_the_template_that_is_rendered_in_it_alone(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/<name>", "page", lambda name: render_template_string("{{ request.path }}"))
    assert [client.get(path).text for path in ("/a", "/b")] == ["/a", "/b"]
    assert not bool(request)


def test_the_classes_of_an_environment_serve_jinjas_own() -> None:
    def program(lib: Any) -> list[object]:
        ours = make_app(lib).jinja_env

        class Environment(jinja2.Environment):
            template_class = ours.template_class
            context_class = ours.context_class
            code_generator_class = ours.code_generator_class

        source = "{{ x }}{{ x|join }}{% for y in x %}{{ loop.index }}{{ y|upper }}{% endfor %}"
        whole = "{% autoescape false %}" + source + "{% endautoescape %}" + source
        return [Environment(autoescape=escapes).from_string(whole).render(x="<a") for escapes in (True, False)]

    same(program)
