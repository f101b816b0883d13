"""What templates have written out for filters, tests and loops does what Jinja's functions do, also when replaced."""

from __future__ import annotations

import re
from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import filters
from jinja2.nodes import EvalContext
from jinja2.runtime import LoopContext, Undefined, markup_join
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

import tuile
from tests.beside_flask import make_app, outcome, same
from tuile.templating.loops import looped
from tuile.templating.written_out import joined, markup_joined, titled

_texts = st.one_of(st.text(), st.text("aB1ß -('<[{\t\n.'"))
_values = st.one_of(_texts, st.builds(Markup, _texts), st.integers(), st.none(), st.booleans(), st.floats())


@given(_texts)
def test_titles_are_those_of_the_filter(text: str) -> None:
    assert titled(text) == filters.do_title(text)


@given(st.lists(_values).map(tuple))
def test_values_are_joined_as_by_jinja(values: tuple[Any, ...]) -> None:
    assert (markup_joined(values), type(markup_joined(values))) == (markup_join(values), type(markup_join(values)))


@given(st.one_of(st.lists(_values), st.lists(_texts), st.lists(_texts).map(tuple)), _texts, st.booleans())
def test_lists_are_joined_as_by_the_filter(values: Any, between: str, escapes: bool) -> None:
    context = EvalContext(jinja2.Environment(autoescape=escapes))  # noqa: S701 - both
    join: Any = filters.do_join
    ours, theirs = joined(context, values, between), join(context, values, between)
    assert (ours, type(ours)) == (theirs, type(theirs))


_READS = [
    "index",
    "index0",
    "first",
    "last",
    "length",
    "revindex",
    "previtem",
    "nextitem",
    "depth",
    "__class__.__name__",
]


@given(st.lists(st.sampled_from([*_READS, "next", "cycle"]), max_size=12), st.sampled_from([3, 0, 1]), st.booleans())
def test_a_loop_says_of_itself_what_jinjas_says(reads: list[str], size: int, is_sized: bool) -> None:
    def observed(begin: Any) -> list[object]:
        items = [f"item {number}" for number in range(size)]
        found: list[object] = []
        for item, loop in begin(items if is_sized else iter(items), Undefined):
            found.append(item)
            for read in reads:
                if read == "next":
                    found.append(str(next(loop, ["end"])[0]))
                elif read == "cycle":
                    found.append(loop.cycle("a", "b"))
                elif "." in read:
                    found.append(type(loop).__name__)
                else:
                    found.append(str(getattr(loop, read)))
                found.append(repr(loop))
        return found

    assert observed(looped) == observed(LoopContext)


def test_filters_and_tests_that_are_replaced_later_are_called() -> None:
    sources = [
        "{{ text|upper }}{{ text|title }}{{ text|default('x') }}{{ missing|default('x') }}{{ '%s'|format(text) }}",
        "{{ missing is defined }}{{ 3 is odd }}{{ number is odd }}{{ text|replace('a', 'b') }}{{ [text]|join(',') }}",
        "{{ text|safe }}{{ number|round(1) }}{{ [text]|first }}{{ text|trim }}{{ number|int }}{{ [1]|list }}",
    ]

    def program(lib: Any) -> list[object]:
        app = make_app(lib)
        app.jinja_loader = jinja2.DictLoader({f"{n}.html": source for n, source in enumerate(sources)})

        def rendered() -> list[object]:
            with app.app_context():
                names = [f"{number}.html" for number in range(len(sources))]
                return [outcome(lib.render_template, name, text="a <b>", number=3.14159) for name in names]

        found = [rendered()]
        for name in [*app.jinja_env.filters]:
            app.jinja_env.filters[name] = lambda *args, name=name: f"[{name} {args[-1]}]"
        app.jinja_env.tests.update(defined=lambda value: f"<{value!r}>", odd=lambda value: "odd")
        return [*found, rendered()]

    same(program)


@pytest.mark.parametrize("what", ["getitem", "getattr", "undefined"])
def test_an_environment_whose_methods_are_replaced_later_is_asked(what: str) -> None:
    source = (
        "{% for row in rows %}{{ loop.index }}{{ row['name'] }}{{ row.name }}{{ row[0] }}{{ loop.cycle('a', 'b') }}"
        "{% if nothing %}{% endif %}{{ nothing|default('d') }}{{ nothing is defined }}{% endfor %}"
    )

    def program(lib: Any) -> list[object]:
        app = make_app(lib)
        app.jinja_loader = jinja2.DictLoader({"page.html": source})
        noted: list[object] = []

        def rendered() -> object:
            with app.app_context():
                return outcome(lib.render_template, "page.html", rows=[{"name": "n"}, ["first"], "text"])

        found = [rendered()]
        before: Any = getattr(app.jinja_env, what)

        def replaced(*args: object, **values: object) -> object:
            noted.append((str(args[1:]), sorted(values)))
            return before(*args, **values)

        setattr(app.jinja_env, what, replaced)
        return [*found, rendered(), noted]

    same(program)


def test_a_loop_is_written_piece_by_piece_where_it_is_streamed() -> None:
    def program(lib: Any) -> list[object]:
        app = make_app(lib)
        source = "<{% for row in rows %}{{ loop.index }}{{ row }}{% for n in 'ab' %}{{ n }}{% endfor %}{% endfor %}>"
        app.jinja_loader = jinja2.DictLoader({"page.html": source})
        with app.app_context():
            pieces = list(lib.stream_template("page.html", rows=["x", "<y>"]))
            return [pieces, lib.render_template("page.html", rows=["x", "<y>"])]

    assert same(program)[1] == "<1xab2&lt;y&gt;ab>"


def test_what_is_included_without_the_context_stands_where_jinja_writes_it() -> None:
    def program(lib: Any) -> list[str]:
        app = make_app(lib)
        page = "{% for x in 'ab' %}<{% for y in 'cd' %}({% include 'part.html' without context %}){{ y }}{% endfor %}"
        files = {"part.html": "[part]", "page.html": page + "{% include 'part.html' without context %}>{% endfor %}"}
        app.jinja_loader = jinja2.DictLoader(files)
        with app.app_context():
            return [lib.render_template("page.html"), *lib.stream_template("page.html")]

    assert same(program)[0].startswith("<([part])c(")


@pytest.mark.parametrize("call", ["{{ loop(x) }}", "{% set text = loop(x) %}{{ text }}"])
def test_recursive_loops_go_as_deep_as_in_jinja(call: str) -> None:
    def program(lib: Any) -> str:
        tree: list[object] = []
        for _ in range(170):
            tree = [tree]
        with make_app(lib).app_context():
            source = f"{{% for x in tree recursive %}}<{{{{ loop.depth }}}}{call}>{{% endfor %}}"
            text: str = lib.render_template_string(source, tree=tree)
            return text

    assert same(program).endswith("<170>" + ">" * 169)


def test_a_constant_is_read_once_where_a_loop_is_written_twice() -> None:
    def program(lib: Any) -> list[object]:
        app = make_app(lib)
        read: list[object] = []

        class Noted(app.jinja_environment):  # type: ignore[name-defined,misc] # of either framework
            def getitem(self, obj: Any, argument: Any) -> Any:
                read.append(obj)
                return super().getitem(obj, argument)

        app.jinja_environment = Noted
        with app.app_context():
            source = "{% for row in rows %}{{ row }}{{ 'ab'[0] }}{{ none[row] }}{% endfor %}"
            return [lib.render_template_string(source, rows=[1, 2]), read]

    assert same(program)[1] == ["ab", None, None]


@pytest.mark.parametrize("kind", [jinja2.Environment, SandboxedEnvironment])
def test_code_runs_in_other_environments_than_the_one_that_has_compiled_it(kind: type[jinja2.Environment]) -> None:
    class Hidden:
        shown, _private = "<shown>", "<private>"

    source = """{% macro show(given) %}<{{ given }}>{% endmacro %}{% block part %}{{ show(text)|upper }}{% endblock %}
        {% for row in rows %}{{ loop.index }}{{ row.text|default("none") }}{{ row["text"] }}{{ hidden.shown }}
        {{ hidden._private }}{{ url_for("page") }}{{ loop.last }}{{ row.missing }}{{ rows[0] }}{% endfor %}"""

    def program(lib: Any) -> str:
        environment = kind(autoescape=True)
        template = jinja2.Template.from_code(environment, make_app(lib).jinja_env.compile(source), {})
        rows = [{"text": "<a>"}, {}]
        return template.render(text="&", rows=rows, hidden=Hidden(), url_for=lambda name: f"<{name}>")

    assert ("&lt;private&gt;" in same(program)) is (kind is jinja2.Environment)


def test_a_filter_of_a_constant_is_called_once_where_a_loop_is_written_twice() -> None:
    def program(lib: Any) -> list[object]:
        app = make_app(lib)
        called: list[object] = []

        def noted(value: object) -> object:
            called.append(value)
            return value

        app.add_template_filter(noted)
        source = "{% for row in rows %}{{ 'constant'|noted }}{{ row|noted }}{% endfor %}"
        app.jinja_loader = jinja2.DictLoader({"page.html": source})
        with app.app_context():
            return [lib.render_template("page.html", rows=[1, 2]), called]

    same(program)


@pytest.mark.parametrize(
    ("before", "inside", "after"),
    [
        ("{% for x in rows %}{{ x|upper }}", "{{ loop.last }}", "{% endfor %}"),
        ("{% for x in rows %}{{ loop.index }}", "{{ x|default('none') }}", "{% endfor %}"),
        ("url_for('page', n=", "1", ")"),
        ("loop.cycle(1, ", "2", ")"),
        ("url_for('page', n=loop.cycle(", "2", "))"),
        ("loop.cycle(url_for('page', n=", "2", "), 1)"),
        ("'%s'|format(", "x.y", ")"),
        ("(", "x", ")|default('none')|upper"),
    ],
)
def test_code_grows_no_faster_than_its_source(before: str, inside: str, after: str) -> None:
    environment = make_app(tuile).jinja_env

    def size(depth: int) -> int:
        source = before * depth + inside + after * depth
        if not source.startswith("{"):
            source = "{% for row in rows %}{{ " + source + " }}{% endfor %}"
        return len(environment.compile(source, raw=True))

    assert size(12) < 4 * size(4)


@pytest.mark.parametrize("function", ["render_template", "stream_template"])
def test_loops_inside_loops_write_the_same_whole_and_in_pieces(function: str) -> None:
    source = (
        "{% for a in rows %}{{ loop.index }}{% for b in rows %}{{ loop.last }}{% for c in rows if c %}"
        "{{ loop.cycle(a, loop.cycle(b, c)) }}{% else %}none{% endfor %}{% endfor %}"
        "{{ loop.cycle('x', 'y') }}{% endfor %}"
        "{% for a in rows %}{% block part scoped %}{% for b in a %}{% for c in rows %}{{ c }}{% endfor %}{% endfor %}"
        "{% endblock %}{% for b in rows %}{{ loop.first }}{% endfor %}{% endfor %}"
    )

    def program(lib: Any) -> str:
        app = make_app(lib)
        app.jinja_loader = jinja2.DictLoader({"page.html": source})
        with app.app_context():
            return "".join(getattr(lib, function)("page.html", rows=["x", "<y>", ""]))

    assert "&lt;y&gt;" in same(program)


@pytest.mark.parametrize(
    ("before", "inside", "after"),
    [
        ("", "x", ".items"),
        ("", "x", "['a'].name"),
        ("", "x", "|upper"),
        ("", "x", "|default('none')"),
        ("", "x", ".get('a')"),
        ("url_for(", "x", ")"),
        ("x(a=", "x", ")"),
        ("('%s'|format(x)) ~ (", "x", ")"),
        ("(x is defined and ", "x", ")"),
        ("(x if x else ", "x", ")"),
        ("[", "x", "]|join(',')"),
    ],
)
def test_expressions_are_nested_as_deep_as_in_jinja(before: str, inside: str, after: str) -> None:
    class Anything:
        items = property(lambda self: self)
        get = property(lambda self: self)

        def __getitem__(self, name: str) -> Anything:
            return self

        def __call__(self, *args: object, **keywords: object) -> Anything:
            return self

        def __str__(self) -> str:
            return "<a>"

    ours = make_app(tuile).jinja_env
    jinjas = jinja2.Environment(autoescape=True)

    def rendered(environment: jinja2.Environment, depth: int) -> object:
        source = "{{ " + before * depth + inside + after * depth + " }}"
        return outcome(lambda: environment.from_string(source, {"url_for": Anything()}).render(x=Anything()))

    for depth in (31, 61, 98):
        theirs = rendered(jinjas, depth)
        if "Error" in str(theirs):
            break
        assert rendered(ours, depth) == theirs
    assert depth >= 61


_SIGNATURES = ["", "a", "a, b='<d>'", "a='x', b=a, c=missing", "a, caller=none", "kwargs", "a, a2='<'"]
_BODIES = [
    "{{ a }}|{{ b }}",
    "{{ kwargs }}",
    "{{ varargs }}",
    "{{ caller() if caller else '<none>' }}",
    "<i>{{ a }}</i>{{ b }}",
]
_ARGUMENTS = st.lists(
    st.sampled_from(["1", "'<x>'", "a='<y>'", "b=2", "c=3", "a2='z'", "caller=text", "missing", "*[1, 2]", "kwargs=1"]),
    max_size=4,
    unique_by=lambda one: one.partition("=")[0],
).map(lambda given: ", ".join(sorted(given, key=lambda one: ("=" in one, one.startswith("*")))))


@given(
    st.sampled_from(_SIGNATURES),
    st.lists(st.sampled_from(_BODIES), min_size=1, max_size=3, unique=True).map("".join),
    _ARGUMENTS,
    st.sampled_from(
        ["{{ show(%s) }}", "{{ show(%s) ~ '<' }}", "{%% call show(%s) %%}<b>{{ text }}</b>{%% endcall %%}"]
    ),
    st.sampled_from([True, False]),
)
def test_calls_of_macros_write_what_they_do_in_jinja(
    signature: str, body: str, arguments: str, call: str, escapes: bool
) -> None:
    source = "{% macro show(" + signature + ") %}" + body + "{% endmacro %}" + call % arguments
    app = make_app(tuile)
    app.jinja_options = {"autoescape": escapes}

    def rendered(environment: jinja2.Environment) -> str:
        shown = outcome(lambda: environment.from_string(source).render(text="<t>"))
        return re.sub("at 0x[0-9a-f]+", "at ...", str(shown))

    assert rendered(app.jinja_env) == rendered(jinja2.Environment(autoescape=escapes)), source  # noqa: S701 - both


class _Html:
    def __html__(self) -> str:
        return "<html>"


@pytest.mark.parametrize("escapes", [True, False])
@pytest.mark.parametrize("function", ["render_template", "stream_template"])
def test_what_calls_return_is_written_as_by_jinja(function: str, escapes: bool) -> None:
    def stops() -> None:
        raise StopIteration

    @jinja2.pass_context
    def of_context(context: Any) -> str:
        return f"<{context.name}>"

    returned: list[Any] = [
        "<s>",
        Markup("<m>"),
        1,
        2.5,
        None,
        True,
        _Html(),
        [Markup("<l>"), "<l>"],
        Undefined(name="u"),
    ]
    base = (
        "{% block part %}<p>{{ text() }}</p>{% endblock %}{{ self.part() }}"
        "{% for one in parts %}{% block row scoped %}{{ one() }}{% endblock %}{{ loop.index }}{% endfor %}"
    )
    child = (
        "{% extends 'base' %}{% block part %}{{ super() }}{{ super()|upper }}{{ super() ~ '<' }}{% endblock %}"
        "{% block row %}{{ super() }}<{{ one() }}>{{ stops() }}{{ of_context() }}{{ range(2) }}{{ klass('<') }}"
        "{% endblock %}"
    )

    def program(lib: Any) -> object:
        app = make_app(lib)
        app.jinja_options = {"autoescape": escapes}
        app.jinja_loader = jinja2.DictLoader({"base": base, "child": child, "wrong": "{{ super() }}{{ nobody() }}"})
        given = {
            "text": lambda: "<text>",
            "parts": [lambda value=value: value for value in returned],
            "stops": stops,
            "of_context": of_context,
            "klass": str,
        }
        with app.app_context():
            render = getattr(lib, function)
            return [outcome(lambda name=name: "".join(render(name, **given))) for name in ("child", "wrong")]

    same(program)


@pytest.mark.parametrize("use", ["{{ f() }}", "{{ f() ~ '<' }}", "{{ f()|length }}", "{% set t = f() %}{{ t }}"])
@pytest.mark.parametrize("given", ["super", "self.other", "show", "self.__class__"])
@pytest.mark.parametrize("endings", [(".txt", ".html"), (".html", ".txt"), (".html", ".html"), (".txt", ".txt")])
def test_what_another_template_calls_is_escaped_as_by_jinja(use: str, given: str, endings: tuple[str, str]) -> None:
    inside, outside = endings
    child = (
        "{% extends base %}{% macro show() %}{{ text }}{% endmacro %}{% block other %}{{ text }}{% endblock %}"
        "{% block part %}{% import user as user %}{{ user.use(%s) }}{% endblock %}"
    )
    templates = {
        f"base{inside}": "{% block part %}{{ text }}{% endblock %}{% block other %}{% endblock %}",
        f"child{inside}": child.replace("%s", given),
        f"user{outside}": "{% macro use(f) %}" + use + "{% endmacro %}",
    }

    def program(lib: Any) -> object:
        app = make_app(lib)
        app.jinja_loader = jinja2.DictLoader(templates)
        values = {"text": "<t>", "base": f"base{inside}", "user": f"user{outside}"}
        with app.app_context():
            return outcome(lambda: lib.render_template(f"child{inside}", **values))

    same(program)


_MACRO_THAT_CHANGES_ESCAPING = (
    "{% macro show() %}{% for _ in [1] %}{% autoescape THEN %}{{ text }}{% break %}{% endautoescape %}{% endfor %}"
    "{% endmacro %}"
)


@pytest.mark.parametrize("then", ["true", "false", "other"])
@pytest.mark.parametrize("escapes", [True, False])
def test_whether_a_macro_is_escaped_is_decided_before_it_is_called(then: str, escapes: bool) -> None:
    source = (
        _MACRO_THAT_CHANGES_ESCAPING.replace("THEN", then) + "{{ show() }}{{ show() }}{{ show() ~ '<' }}{{ show() }}"
    )

    def program(lib: Any) -> object:
        app = make_app(lib)
        app.jinja_options = {"autoescape": escapes, "extensions": ["jinja2.ext.loopcontrols"]}
        with app.app_context():
            return [lib.render_template_string(source, text="<t>", other=other) for other in (True, False)]

    same(program)


@pytest.mark.parametrize("kind", ["__html__", "__str__"])
def test_what_stops_when_it_is_written_is_an_error_as_in_jinja(kind: str) -> None:
    def stops(self: object) -> str:
        raise StopIteration

    def program(lib: Any) -> object:
        app = make_app(lib)
        made = type("Stops", (), {kind: stops})()
        with app.app_context():
            return outcome(lambda: lib.render_template_string("a{{ make() }}b", make=lambda: made))

    same(program)


_INNER = ["{% for b in [1, 2] %}{{ b }}{% endfor %}", "{% for b in [1] %}{% set w = b %}{{ see('v') }}{% endfor %}"]


@given(
    st.lists(
        st.sampled_from(
            ["{% set v = a %}", "{% set w %}{{ a }}{% endset %}", "{{ see('v') }}", "{{ see('w') }}", *_INNER]
        ),
        max_size=5,
    ).map("".join),
    st.sampled_from(
        [
            "{% for a in [1, 2] %}BODY{% endfor %}",
            "{% for c in [3] %}{% for a in [4] %}BODY{% endfor %}BODY{% endfor %}",
        ]
    ),
)
def test_functions_see_the_variables_of_loops_that_they_see_in_jinja(body: str, loops: str) -> None:
    source = loops.replace("BODY", body)
    app = make_app(tuile)
    see = jinja2.pass_context(lambda context, name: str(context.get(name)))

    def rendered(environment: jinja2.Environment) -> str:
        template = environment.from_string(source)
        return template.render(see=see) + "".join(template.generate(see=see))

    assert rendered(app.jinja_env) == rendered(jinja2.Environment(autoescape=True)), source


def test_functions_that_want_a_context_are_given_what_jinja_gives() -> None:
    @jinja2.pass_context
    def shown(context: Any, *args: object, **keywords: object) -> str:
        names = sorted(name for name in context.get_all() if name in {"x", "y", "z", "rows"})
        return f"<{names} {[context.get(name) for name in names]} {args} {keywords} {context.name}>"

    @jinja2.pass_eval_context
    def evaluated(evaluation: Any, *args: object) -> str:
        return f"{evaluation.autoescape} {args}"

    @jinja2.pass_environment
    def surrounded(environment: Any) -> str:
        return type(environment).__name__

    @jinja2.pass_context
    def stops(context: Any) -> str:
        raise StopIteration

    class Holder:
        @jinja2.pass_context
        def method(self, context: Any) -> str:
            return f"<{context.name}>"

        @jinja2.pass_context
        def __call__(self, context: Any) -> str:
            return f"called <{context.name}>"

    source = (
        "{% set x = 1 %}{{ shown(1, k='<') }}{% for y in rows %}{% set z = y %}{{ shown(y) }}{{ shown(k=y)|upper }}"
        "{% for y in rows %}{{ shown() }}{% endfor %}{% endfor %}{{ evaluated(1) }}{{ surrounded() }}{{ stops() }}"
        "{{ holder.method() }}{{ holder() }}{% block part %}{% set y = 3 %}{{ shown() }}{% endblock %}"
        "{% macro m(x) %}{{ shown(x) }}{{ caller() if caller }}{% endmacro %}{{ m(5) }}{% call m(6) %}{{ shown(7) }}"
        "{% endcall %}{{ _('%(a)s<b>', a='<a>') }}{{ ngettext('%(num)s one', '%(num)s many', rows|length) }}"
        "{% trans n=rows|length %}{{ n }} row{% pluralize %}{{ n }} <rows>{% endtrans %}"
    )

    def program(lib: Any) -> object:
        app = make_app(lib)
        app.jinja_env.add_extension("jinja2.ext.i18n")
        add = getattr(app.jinja_env, "install_gettext_callables")  # noqa: B009 - an extension's
        add(lambda text: text, lambda one, many, number: one if number == 1 else many, newstyle=True)
        app.jinja_loader = jinja2.DictLoader({"page.html": source})
        given = {"shown": shown, "evaluated": evaluated, "surrounded": surrounded, "stops": stops, "holder": Holder()}
        with app.app_context():
            return outcome(lambda: lib.render_template("page.html", rows=["<r>", 2], **given))

    assert "&lt;" in str(same(program))


class _Plain:
    name = ""

    @property
    def broken(self) -> str:
        raise AttributeError("inside")


class _WithItems(_Plain):
    def __getitem__(self, key: object) -> object:
        if key == "wrong":
            raise ZeroDivisionError
        if key == "missing":
            raise KeyError
        return f"<{key}>"


class _Meta(type):
    def __getitem__(cls, key: object) -> str:
        return f"of the class {key}"


class _Of(metaclass=_Meta):
    pass


class _Generic:
    def __class_getitem__(cls, key: object) -> str:
        return f"generic {key}"


_OBJECTS = {
    "plain": _Plain(),
    "items": _WithItems(),
    "keys": {"name": "<n>"},
    "klass": _Of,
    "of": _Of(),
    "generic": _Generic,
    "generics": _Generic(),
    "listed": list,
    "text": "x",
    "none": None,
    "number": 1,
}
_KINDS = [jinja2.Undefined, jinja2.StrictUndefined, jinja2.ChainableUndefined, jinja2.DebugUndefined]
_READ = st.builds(
    "{}{}".format,
    st.sampled_from([*_OBJECTS, "nobody"]),
    st.sampled_from(["", ".name", ".missing", ".broken", ".wrong", ".items", ".name.missing", "['missing']"]),
)
_USES = [
    "{{ %s }}",
    "{{ (%s) ~ '' }}",
    "{%% if %s %%}yes{%% else %%}no{%% endif %%}",
    "{%% if not (%s) %%}no{%% endif %%}",
    "{{ 'yes' if %s }}",
    "{{ %s or 'or' }}",
    "{{ (%s and 'and')|string }}",
    "{{ %s|default('<default>') }}",
    "{{ %s|default('<default>', true) }}",
    "{%% if %s is defined %%}defined{%% endif %%}",
    "{%% if (%s) is undefined %%}undefined{%% endif %%}",
    "{%% for one in [1] if %s %%}one{%% endfor %%}",
    "{%% set s = %s %%}{{ s }}{{ s is defined }}",
    "{%% macro m(a) %%}{{ a }}{{ a.b }}{{ 'y' if a }}{%% endmacro %%}{{ m(%s) }}",
]


@given(_READ, st.sampled_from(_USES), st.sampled_from(_KINDS), st.booleans())
def test_what_is_missing_is_what_it_is_in_jinja(read: str, use: str, undefined: Any, escapes: bool) -> None:
    app = make_app(tuile)
    app.jinja_options = {"autoescape": escapes, "undefined": undefined}
    jinjas = jinja2.Environment(autoescape=escapes, undefined=undefined)  # noqa: S701 - both

    def rendered(environment: jinja2.Environment) -> object:
        return outcome(lambda: environment.from_string(use % read).render(_OBJECTS))

    assert str(rendered(app.jinja_env)) == str(rendered(jinjas)), use % read
