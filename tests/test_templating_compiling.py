"""The code of templates does what Jinja's does, for generated templates, and for what is replaced meanwhile."""

from __future__ import annotations

import itertools
import re
import traceback
from contextlib import ExitStack
from types import MethodType
from typing import Any
from unittest import mock

import jinja2
import jinja2.ext
import jinja2.nativetypes
import jinja2.sandbox
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from tests.beside_flask import make_app, outcome, same
from tests.fresh import observe_both


class _Thing:
    name = "<thing>"

    def method(self, *args: object, **kwargs: object) -> str:
        return f"{args} & {kwargs}"

    @property
    def broken(self) -> str:
        raise AttributeError("inside")

    def __getitem__(self, key: object) -> str:
        if isinstance(key, int):
            # Or iterating over it, which `list` and `in` do, would have no end.
            raise IndexError
        return f"item <{key}>"


class _Items(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return f"missing {key}"


def _stops() -> None:
    raise StopIteration


@jinja2.pass_context
def _of_context(context: Any, *args: object) -> str:
    names = {"text", "item", "inner", "given"}
    return f"{sorted((k, str(v)) for k, v in context.get_all().items() if k in names)} {args}"


VALUES: dict[str, Any] = {
    "text": "a & <b>",
    "mark": Markup("<i>&amp;</i>"),
    "number": 7,
    "truth": True,
    "real": 1.5,
    "nothing": None,
    "rows": [{"name": "<n>", "items": 1, "sub": {"name": "'"}}, {"name": 2}, _Items(name="<i>")],
    "thing": _Thing(),
    "keys": {"method": "shadowed", "get": "<", "name": Markup("<b>")},
    "stops": _stops,
    "of_context": _of_context,
    "klass": type("Sub", (str,), {"__html__": lambda self: "<sub>"})("&"),
}
_names = st.sampled_from([*VALUES, "missing", "url_for", "loop", "item", "show", "g"])
_attributes = st.sampled_from(["name", "items", "get", "sub", "method", "broken", "index", "length", "missing"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    calls = [
        "()",
        "({0})",
        "({0}, {0})",
        "(a={0})",
        "('item', number={0})",
        "(*[{0}])",
        "(**{{'a': {0}}})",
        "('static', filename={0}, class='x')",
        "(endpoint='item', number={0})",
    ]
    return st.one_of(
        st.builds("{}.{}".format, inner, _attributes),
        st.builds("{}[{!r}]".format, inner, _attributes),
        st.builds(lambda one, call, other: one + call.format(other), inner, st.sampled_from(calls), inner),
        st.builds(
            "url_for{}".format,
            st.builds(lambda call, other: call.format(other), st.sampled_from(calls), inner),
        ),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("({} if {})".format, inner, inner),
        st.builds("{}|{}".format, inner, st.sampled_from(["upper", "default('<')", "safe", "e", "string", "list"])),
        st.builds("({} {} {})".format, inner, st.sampled_from(["~", "==", "and", "or", "in", "+"]), inner),
        st.builds("{} is {}".format, inner, st.sampled_from(["defined", "none", "string", "mapping"])),
        st.builds("[{}, {}]".format, inner, inner),
    )


_expressions = st.recursive(
    st.one_of(_names, st.sampled_from(["'<&>'", "3", "2.5", "none", "true"])), _grown, max_leaves=4
)
_output = st.builds("{{{{ {} }}}}".format, _expressions)


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{}<{}>".format, inner, inner),
        st.builds("{{% for item in {} %}}{}{{% endfor %}}".format, st.sampled_from(["rows", "[1, 2]", "'ab'"]), inner),
        st.builds("{{% for item in rows %}}{{{{ loop.index }}}}{}{{% else %}}{}{{% endfor %}}".format, inner, inner),
        st.builds("{{% if {} %}}{}{{% elif {} %}}{}{{% endif %}}".format, _expressions, inner, _expressions, inner),
        st.builds("{{% set inner = {} %}}{}{{{{ of_context() }}}}".format, _expressions, inner),
        st.builds("{{% set inner %}}{}{{% endset %}}{{{{ inner }}}}".format, inner),
        st.builds(
            "{{% macro show(given, other={}) %}}{}{{{{ given }}}}{{{{ other }}}}{{% endmacro %}}"
            "{{{{ show({}) }}}}{{{{ show(other=1, given={}) }}}}{{{{ show(1, 2, 3) }}}}".format,
            _expressions,
            inner,
            _expressions,
            _expressions,
        ),
        st.builds(
            "{{% macro show(given) %}}{{{{ caller({}) }}}}{{{{ varargs }}}}{{{{ kwargs }}}}{{% endmacro %}}"
            "{{% call(inner) show({}, 1, a=2) %}}{}{{{{ inner }}}}{{% endcall %}}".format,
            _expressions,
            _expressions,
            inner,
        ),
        st.builds("{{% with inner = {} %}}{}{{% endwith %}}".format, _expressions, inner),
        st.builds("{{% autoescape {} %}}{}{{% endautoescape %}}".format, st.sampled_from(["false", "text"]), inner),
        st.builds("{{% filter upper %}}{}{{% endfilter %}}".format, inner),
        st.builds("{{% block part %}}{}{{{{ of_context({}) }}}}{{% endblock %}}".format, inner, _names),
        st.builds("{}{{% include 'part.html' %}}".format, inner),
        st.builds("{{% from 'macros.html' import show %}}{}{{{{ show({}) }}}}".format, inner, _expressions),
    )


_templates = st.recursive(_output, _nested, max_leaves=6)
FILES = {
    "part.html": "[{{ text }}{{ item }}{{ rows[0].name }}{{ url_for('item', number=number) }}{{ of_context() }}]",
    "macros.html": "{% macro show(given) %}<{{ given }}{{ text }}{{ given.name }}>{% endmacro %}",
}


def _app(lib: Any, source: str) -> Any:
    app = make_app(lib)
    app.add_url_rule("/items/<int:number>", "item", lambda number: "")
    app.jinja_loader = jinja2.DictLoader({**FILES, "page.html": source, "page.txt": source})
    return app


def _plain(found: object) -> str:
    return re.sub(r"0x[0-9a-f]+", "0x", str(found)).replace("tuile", "flask").replace("UrlBuilding.", "Flask.")


@given(_templates)
@settings(max_examples=250, deadline=None)
def test_generated_templates_write_what_jinja_writes(source: str) -> None:
    def program(lib: Any) -> Any:
        app = _app(lib, source)
        found = []
        with app.test_request_context("/path"):
            for name in ("page.html", "page.txt"):
                found += [outcome(lib.render_template, name, **VALUES) for _ in range(2)]
                found.append(outcome(lambda n=name: [str(piece) for piece in lib.stream_template(n, **VALUES)]))
        return [_plain(one) for one in found]

    same(program)


_PAGE = "{{ row.name }}{{ row.sub.name }}{{ url_for('item', number=3) }}{{ text }}{{ show() }}{{ number }}"


def _other_getattr(obj: Any, attribute: str) -> str:
    return f"<{attribute} of {type(obj).__name__}>"


class _OtherContext(jinja2.runtime.Context):
    def resolve_or_missing(self, key: str) -> Any:
        return key.upper() if key == "text" else super().resolve_or_missing(key)

    def call(self, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        return f"<called with {args} {sorted(kwargs)}>"


def _replace_getattr(app: Any) -> None:
    app.jinja_env.getattr = _other_getattr


def _replace_context(app: Any) -> None:
    app.jinja_env.context_class = _OtherContext


def _replace_link(app: Any) -> None:
    app.jinja_env.globals["url_for"] = lambda *args, **kwargs: f"<other {args} {kwargs}>"


def _add_processor(app: Any) -> None:
    app.context_processor(lambda: {"url_for": lambda *args, **kwargs: f"<processed {args} {kwargs}>", "number": True})


def _replace_undefined(app: Any) -> None:
    app.jinja_env.undefined = jinja2.ChainableUndefined


def _add_defaults(app: Any) -> None:
    app.url_defaults(lambda endpoint, values: values.setdefault("q", "<&>"))


REPLACED = [_replace_getattr, _replace_context, _replace_link, _add_processor, _replace_undefined, _add_defaults]


@pytest.mark.parametrize("replace", REPLACED)
@pytest.mark.parametrize("is_before", [True, False])
def test_what_is_replaced_is_used_from_then_on(replace: Any, is_before: bool) -> None:
    def program(lib: Any) -> Any:
        app = _app(lib, _PAGE)
        values = {"row": {"name": "<n>"}, "text": "&", "show": lambda: "<shown>", "number": 5}
        found = []
        if is_before:
            replace(app)
        with app.test_request_context("/path"):
            found.append(outcome(lib.render_template, "page.html", **values))
            if not is_before:
                app._got_first_request = False
                replace(app)
            found.append(outcome(lib.render_template, "page.html", **values))
            found.append(outcome(lib.render_template_string, _PAGE, **values))
        return [_plain(one) for one in found]

    same(program)


def test_code_that_is_kept_in_files_is_jinjas(tmp_path: Any) -> None:
    def program(lib: Any) -> Any:
        app = _app(lib, _PAGE)
        app.jinja_env.compile_templates(str(tmp_path / lib.__name__), zip=None)
        files = sorted((tmp_path / lib.__name__).iterdir())
        return [file.read_text() for file in files]

    same(program)


def test_another_release_of_jinja_writes_all_of_its_code() -> None:
    source = "{{ a.b }}{% for x in y %}{{ url_for('x', z=x) }}{% include 'other' %}{% endfor %}"

    def program(lib: Any) -> Any:
        with mock.patch("tuile.templating.compiling._IS_KNOWN", new=False):
            return _app(lib, _PAGE).jinja_env.compile(source, raw=True)

    same(program)


def test_a_generator_derived_from_that_of_an_environment_writes_what_it_would_on_flask() -> None:
    def program(lib: Any) -> Any:
        app = _app(lib, "{{ row.name }}{{ url_for('item', number=3) }}{% if text %}{{ text }}{% endif %}")
        stock: Any = app.jinja_env.code_generator_class

        class Generator(stock):  # type: ignore[misc]
            def _output_child_pre(self, node: Any, frame: Any, finalize: Any) -> None:
                self.write("escape(")
                super()._output_child_pre(node, frame, finalize)

            def _output_child_post(self, node: Any, frame: Any, finalize: Any) -> None:
                super()._output_child_post(node, frame, finalize)
                self.write(")")

        app.jinja_env.code_generator_class = Generator
        with app.test_request_context("/path"):
            return lib.render_template("page.html", row={"name": "<n>"}, text="&")

    same(program)


class _Themed(jinja2.Environment):
    def get_template(self, name: Any, parent: str | None = None, globals: Any = None) -> Any:
        return super().get_template(f"themed/{name}", parent, globals)

    def getattr(self, obj: Any, attribute: str) -> Any:
        return f"<{super().getattr(obj, attribute)}>"


_MIXED = [
    *(jinja2.sandbox.SandboxedEnvironment, jinja2.sandbox.ImmutableSandboxedEnvironment),
    *(jinja2.nativetypes.NativeEnvironment, _Themed),
]


@pytest.mark.parametrize("mixed", _MIXED)
@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("is_derived", [True, False])
def test_an_environment_has_what_the_other_classes_that_it_derives_from_define(
    mixed: type[jinja2.Environment], is_first: bool, is_derived: bool
) -> None:
    sources = ["{{ rows.append(1) }}", "{{ text.__class__.__mro__|length }}", "{{ rows }}", "{{ row.name }}{{ text }}"]

    def program(lib: Any) -> Any:
        own = lib.templating.Environment
        kind: Any = type("Mixed", (mixed, own) if is_first else (own, mixed), {})
        app = _app(lib, "page")
        app.jinja_loader.mapping["themed/page.html"] = "themed"
        app.jinja_environment = type("Derived", (kind,), {}) if is_derived else kind
        with app.test_request_context("/path"):
            return [
                outcome(lib.render_template, "page.html"),
                *(
                    _plain(outcome(lib.render_template_string, source, rows=[{}], text="<", row={"name": "&"}))
                    for source in sources
                ),
            ]

    same(program)


def test_templates_of_another_generator_are_compiled_by_it() -> None:
    class Generator(jinja2.compiler.CodeGenerator):
        def visit_TemplateData(self, node: Any, frame: Any) -> None:  # noqa: N802 - Jinja's name
            super().visit_TemplateData(node, frame)

    def program(lib: Any) -> Any:
        app = _app(lib, _PAGE)
        app.jinja_env.code_generator_class = Generator
        return app.jinja_env.compile("{{ a.b }}{{ url_for('x') }}", raw=True)

    same(program)


def _counts(lib: Any, replaced: dict[type, str]) -> Any:
    """Render twice, the second time with methods replaced by ones that count."""
    app = _app(lib, _PAGE)
    counted: list[str] = []

    def counting(kind: type, name: str) -> Any:
        stock = getattr(kind, name)

        def counts(self: Any, *args: Any, **kwargs: Any) -> Any:
            counted.append(name)
            return stock(self, *args, **kwargs)

        return mock.patch.object(kind, name, counts)

    values: dict[str, Any] = {"row": {"sub": {}}, "show": str}
    with app.test_request_context("/path"):
        found = [lib.render_template("page.html", **values), lib.render_template_string(_PAGE, **values)]
        with ExitStack() as stack:
            for kind, name in replaced.items():
                stack.enter_context(counting(kind, name))
            found += [lib.render_template_string(_PAGE, **values) for _ in range(2)]
            found += [lib.render_template("page.html", **values), "".join(lib.stream_template("page.html", **values))]
        found += [lib.render_template("page.html", **values), "".join(lib.stream_template("page.html", **values))]
    return found, counted


_REPLACED_OF_JINJA = [
    *("render", "generate", "_load_template", "get_template", "get_or_select_template", "from_string", "compile"),
    *("parse", "_parse", "_tokenize", "preprocess", "iter_extensions", "_generate", "_compile"),
]


@pytest.mark.parametrize("name", _REPLACED_OF_JINJA)
def test_methods_of_jinja_that_are_replaced_are_called(name: str) -> None:
    kind = jinja2.Template if hasattr(jinja2.Template, name) else jinja2.Environment

    def program(lib: Any) -> Any:
        return _counts(lib, {kind: name})

    same(program)


def test_methods_of_jinja_that_were_replaced_before_the_first_template_are_called() -> None:
    program = f"""
        import jinja2
        from flask import Flask, render_template, render_template_string, stream_template

        counted = []

        def count(kind, name):
            stock = vars(kind)[name]

            def counts(*args, **kwargs):
                counted.append(name)
                return stock(*args, **kwargs)

            setattr(kind, name, counts)

        for name in {[name for name in _REPLACED_OF_JINJA if name != "parse"]}:
            count(jinja2.Template if hasattr(jinja2.Template, name) else jinja2.Environment, name)
        app = Flask("app")
        app.jinja_loader = jinja2.DictLoader({{"page": "{{{{ 1 }}}}"}})
        with app.app_context():
            for _ in range(2):
                render_template("page"), "".join(stream_template("page")), render_template_string("{{{{ 1|upper }}}}")
        seen = sorted([name, counted.count(name)] for name in set(counted))
    """
    assert len(observe_both(program)) == len(_REPLACED_OF_JINJA) - 1


def _extensions_that_count() -> list[type[jinja2.ext.Extension]]:
    numbers = itertools.count()

    class Preprocessing(jinja2.ext.Extension):
        def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
            return f"{source}{next(numbers)}"

    class Filtering(jinja2.ext.Extension):
        def filter_stream(self, stream: Any) -> Any:
            return (jinja2.lexer.Token(one.lineno, one.type, f"{one.value}{next(numbers)}") for one in stream)

    class Parsing(jinja2.ext.Extension):
        tags = {"tick"}

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            return jinja2.nodes.Output([jinja2.nodes.TemplateData(f"{next(numbers)}")], lineno=line)

    return [Preprocessing, Filtering, Parsing]


def test_a_source_is_compiled_each_time_if_an_extension_may_make_something_else_of_it() -> None:
    def program(lib: Any) -> Any:
        found = []
        for extension in _extensions_that_count():
            app = make_app(lib)
            source = "{% tick %}text" if extension.tags else "text"
            with app.test_request_context("/path"):
                app.jinja_env.extensions.clear()
                found.append(outcome(lib.render_template_string, source))
                app.jinja_env.add_extension(extension)
                found += [outcome(lib.render_template_string, source) for _ in range(3)]
        return [_plain(one) for one in found]

    same(program)


@pytest.mark.parametrize("name", ["preprocess", "_parse", "_tokenize"])
def test_a_source_is_compiled_each_time_if_a_method_may_make_something_else_of_it(name: str) -> None:
    def program(lib: Any) -> Any:
        numbers = itertools.count()
        stock = getattr(jinja2.Environment, name)

        def counting(self: Any, source: str, *args: Any, **kwargs: Any) -> Any:
            return stock(self, f"{source}{next(numbers)}", *args, **kwargs)

        of_class, of_object = make_app(lib), make_app(lib)
        of_class.jinja_environment = type("Own", (lib.templating.Environment,), {name: counting})
        found = []
        for app in (of_class, of_object):
            with app.test_request_context("/path"):
                found.append(lib.render_template_string("text"))
                if app is of_object:
                    setattr(app.jinja_env, name, MethodType(counting, app.jinja_env))
                found += [lib.render_template_string("text") for _ in range(3)]
        return found

    same(program)


def test_a_source_is_compiled_each_time_by_a_generator_of_the_applications_own() -> None:
    def program(lib: Any) -> Any:
        numbers = itertools.count()

        class Generator(jinja2.compiler.CodeGenerator):
            def _output_const_repr(self, group: Any) -> str:
                return repr(f"{''.join(group)}{next(numbers)}")

        app: Any = make_app(lib)
        app.jinja_env.code_generator_class = Generator
        with app.test_request_context("/path"):
            return [lib.render_template_string("text") for _ in range(3)]

    same(program)


@pytest.mark.parametrize("name", ["visit_Getattr", "visit_Call", "visit_Include", "enter_frame", "_output_child_pre"])
def test_methods_of_the_code_generator_that_are_replaced_are_called_for_what_is_compiled_then(name: str) -> None:
    def program(lib: Any) -> Any:
        app = _app(lib, _PAGE + "{% include 'part.html' %}")
        stock = getattr(jinja2.compiler.CodeGenerator, name)
        counting = mock.Mock()

        def counts(self: Any, *args: Any, **kwargs: Any) -> Any:
            counting()
            return stock(self, *args, **kwargs)

        with mock.patch.object(jinja2.compiler.CodeGenerator, name, counts), app.test_request_context("/path"):
            return _plain(outcome(lib.render_template, "page.html", **VALUES)), counting.call_count

    same(program)


def test_errors_show_the_lines_of_templates() -> None:
    def program(lib: Any) -> Any:
        app = _app(lib, "line 1\n{% include 'broken.html' %}")
        app.jinja_loader.mapping["broken.html"] = "\n\n{{ 1 // zero }}"
        found = []
        with app.test_request_context("/path"):
            for call in (lib.render_template, lambda *a, **k: "".join(lib.stream_template(*a, **k))):
                with pytest.raises(ZeroDivisionError) as raised:
                    call("page.html", zero=0)
                lines = traceback.extract_tb(raised.value.__traceback__)
                found.append([(line.lineno, line.name) for line in lines if not line.filename.endswith(".py")])
        return found

    same(program)


def test_many_templates_are_evicted_in_the_order_of_use() -> None:
    def program(lib: Any) -> Any:
        app = _app(lib, "page")
        loaded: list[str] = []
        app.jinja_options = {"cache_size": 4}

        def load(name: str) -> str:
            loaded.append(name)
            return name

        app.jinja_loader = jinja2.FunctionLoader(load)
        with app.test_request_context("/path"):
            for name in "ababcadaeabcdaefaa":
                lib.render_template(name)
        return loaded[-6:]

    same(program)


_MACROS = (
    "{% macro alone() %}<{{ text }}>{% endmacro %}"
    "{% macro two(a, b='&') %}{{ a }}-{{ b }}{% endmacro %}"
    "{% macro rest(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}"
    "{% macro calling(a) %}{{ a }}{{ caller(a) }}{% endmacro %}"
    "{% macro may_call(a, caller=none) %}{{ a }}{{ caller }}{% endmacro %}"
)


class _NeverEqual:
    def __eq__(self, other: object) -> bool:
        raise ValueError("compared")

    __hash__ = object.__hash__

    def __str__(self) -> str:
        return "<never equal>"


_CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    (("<1>",), {}),
    (("<1>", 2), {}),
    ((1, 2, 3), {}),
    ((), {"a": "<a>"}),
    ((), {"b": "<b>", "a": Markup("<a>")}),
    ((1,), {"a": 2}),
    ((1,), {"b": 2, "c": 3}),
    ((1,), {"caller": lambda *args: f"<{args}>"}),
    ((), {"c": 1}),
    ((), {"a": _NeverEqual()}),
    ((_NeverEqual(),), {"b": _NeverEqual()}),
]


@pytest.mark.parametrize("name", ["alone", "two", "rest", "calling", "may_call"])
def test_macros_take_the_arguments_that_they_take_on_flask(name: str) -> None:
    def program(lib: Any) -> Any:
        app = _app(lib, _MACROS)
        context = jinja2.nodes.EvalContext(app.jinja_env, None)
        found = []
        with app.test_request_context("/path"):
            for file in ("page.html", "page.txt"):
                macro = lib.get_template_attribute(file, name)
                found += [repr(macro), type(macro).__module__, isinstance(macro, jinja2.runtime.Macro)]
                for args, kwargs in _CALLS:
                    for escapes in (True, False):
                        context.autoescape = escapes
                        found.append(outcome(macro, context, *args, **kwargs))
                    found += [outcome(macro, *args, **kwargs), type(outcome(macro, *args, **kwargs)[1])]
                    called = f"{{% from '{file}' import {name} %}}{{{{ {name}(*args, **kwargs) }}}}"
                    found.append(outcome(lib.render_template_string, called, args=args, kwargs=kwargs))
        return [_plain(one) for one in found]

    same(program)


def test_macros_are_given_undefined_values_that_may_not_be_compared() -> None:
    source = (
        "{% macro m(a, b='&') %}{{ a|default('<a>') }}{{ b is defined }}{% endmacro %}{{ m(a=no) }}{{ m(1, b=no) }}"
    )

    def program(lib: Any) -> Any:
        app = _app(lib, source)
        app.jinja_env.undefined = jinja2.StrictUndefined
        with app.test_request_context("/path"):
            return outcome(lib.render_template, "page.html")

    assert same(program) == ("returned", "&lt;a&gt;True1False")


@pytest.mark.parametrize("name", ["page.html", "page.txt"])
def test_a_macro_may_return_something_else_than_a_text(name: str) -> None:
    source = "{% macro m() %}{% include 'one' without context %}{% endmacro %}{{ m() }}"

    def program(lib: Any) -> Any:
        app = _app(lib, source)
        app.jinja_loader.mapping["one"] = "<1>"
        with app.test_request_context("/path"):
            # Jinja writes the generator itself.
            return _plain(outcome(lib.render_template, name))

    same(program)


def test_links_in_templates_are_those_of_url_for() -> None:
    calls = [
        "'item', number=7", "'item', number='7'", "'item', number=none", "'item', number=missing", "'item'",
        "'item', number=text", "'item', number=7, q='a b&c', class='<'", "'item', number=7, _external=true",
        "'item', number=7, _anchor='x y'", "'item', number=7, _scheme='https'", "'item', number=7, _method='POST'",
        "'missing'", "'.item', number=1", "'static', filename='a b.css'", "text, number=1", "'item', self=1, number=2",
        "'item', number=7, q=[1, 2]", "'item', number=7, q=url_for('item', number=8)", "'item', 7",
        "endpoint='item', number=7", "'item', number=7, endpoint='x'", "'two', a='/', b=1", "'two', a='x'",
    ]  # fmt: skip
    source = "{{ url_for(CALL) }}{% for i in [1, 2] %}{{ url_for(CALL) }}{{ i }}{% endfor %}"

    def program(lib: Any) -> Any:
        found = []
        for config in ({}, {"SERVER_NAME": "example.com"}, {"APPLICATION_ROOT": "/app"}):
            app = make_app(lib, **config)
            app.add_url_rule("/items/<int:number>", "item", lambda number: "")
            app.add_url_rule("/two/<path:a>/<int:b>", "two", lambda a, b: "")
            app.jinja_loader = jinja2.DictLoader({f"{n}.html": source.replace("CALL", c) for n, c in enumerate(calls)})
            other = make_app(lib)
            for context in (app.test_request_context("/path"), app.test_request_context("/", base_url="https://h/x"),
                            app.app_context()):  # fmt: skip
                with context:
                    for number in range(len(calls)):
                        page = app.jinja_env.get_template(f"{number}.html")
                        found.append(outcome(page.render, text="item"))
                        with other.test_request_context("/other"):
                            found.append(outcome(page.render, text="item"))
            app.url_defaults(lambda endpoint, values: values.setdefault("default", 1))
            with app.test_request_context("/path"):
                found.append(outcome(app.jinja_env.get_template("0.html").render))
        return [_plain(one) for one in found]

    same(program)


def test_names_are_looked_up_where_they_are_used() -> None:
    sources = [
        "{% for i in [1] %}{{ x }}{% set x = 2 %}{{ x }}{% endfor %}{{ x }}",
        "{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% set x = 2 %}{{ m() }}{{ x }}",
        "{% set x = 3 %}{% macro m() %}{{ x }}{{ y }}{% endmacro %}{% set y = 4 %}{{ m() }}",
        "{% from 'set.html' import x with context %}{% for i in [1] %}{{ x }}{{ y }}{% endfor %}",
        "{% if true %}{% set x = 5 %}{% endif %}{% for i in [1] %}{{ x }}{% include 'show.html' %}{% endfor %}",
        "{% extends 'blocks.html' %}{% set x=6 %}{% block a %}{% for i in 'a' %}{{x}}{{y}}{% endfor %}{% endblock %}",
        "{% for i in [1] recursive %}{{ x }}{{ loop([]) }}{% endfor %}{% with x = 1 %}{{ x }}{% endwith %}{{ x }}",
    ]
    files = {"set.html": "{% set x = 'set' %}", "show.html": "[{{ x }}{% for i in [1] %}{{ x }}{% endfor %}]",
             "blocks.html": "{% set y = 7 %}{% block a scoped %}{{ y }}{% endblock %}{{ x }}"}  # fmt: skip

    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.jinja_loader = jinja2.DictLoader(files)
        with app.test_request_context("/path"):
            return [
                outcome(lib.render_template_string, source, **values)
                for source in sources
                for values in ({}, {"x": 1}, {"x": 1, "y": "<"})
            ]

    same(program)


def test_pieces_are_joined_only_where_nobody_sees_them() -> None:
    source = (
        "{% extends 'base.html' %}{% block a %}x{{ 1 }}y{{ super() }}{% include 'part.html' %}{% endblock %}"
        "{% block b %}{% for i in 'ab' %}{{ i }}{{ self.a() }}{% endfor %}{% endblock %}"
    )
    base = (
        "<{% block a %}a{{ 2 }}{% endblock %}{% for i in 'ab' %}{% block b scoped %}{{ i }}{% endblock %}{% endfor %}>"
    )

    def program(lib: Any) -> Any:
        app = _app(lib, source)
        app.jinja_loader.mapping["base.html"] = base
        found = []
        with app.test_request_context("/path"):
            for _ in range(2):
                page = app.jinja_env.get_template("page.html")
                found += [lib.render_template("page.html", **VALUES), page.render(VALUES)]
                found += [str(piece) for piece in lib.stream_template("page.html", **VALUES)]
                found += [str(piece) for piece in page.root_render_func(page.new_context(VALUES))]
                found += list(page.stream(VALUES)), [str(page.make_module(VALUES))]
                app.jinja_env.concat = "|".join
        return found

    same(program)


class _Counting:
    read: list[str]

    def __init__(self) -> None:
        self.read = []

    @property
    def value(self) -> str:
        self.read.append("value")
        return "<value>"

    @property
    def broken(self) -> str:
        self.read.append("broken")
        raise AttributeError("inside")

    def __getattr__(self, name: str) -> str:
        self.read.append(f"attribute {name}")
        if name == "failing":
            raise ValueError(name)
        raise AttributeError(name)

    def __getitem__(self, name: str) -> str:
        self.read.append(f"item {name}")
        if name == "none":
            raise KeyError(name)
        return f"<{name}>"


def test_attributes_are_read_once_and_items_where_there_is_none() -> None:
    def program(lib: Any) -> Any:
        found: list[Any] = []
        for name in ("value", "broken", "other", "none", "failing", "items", "get"):
            app = _app(lib, f"{{{{ given.{name} }}}}{{% if given.{name} %}}yes{{% endif %}}")
            for replaced in (False, True):
                if replaced:
                    app.jinja_env.getattr = lambda obj, name: f"other {name}"
                with app.test_request_context("/path"):
                    given = _Counting()
                    found.append((outcome(lib.render_template, "page.html", given=given), given.read))
                    found.append(_plain(outcome(lib.render_template, "page.html", given={})))
        return found

    same(program)


@pytest.mark.parametrize("ending", ["html", "txt"])
def test_calls_take_keywords_and_arguments_from_dicts_and_lists_as_on_flask(ending: str) -> None:
    calls = ["*args", "*number", "**kwargs", "**own", "**wrong", "**number", "a=1, **kwargs", "1, *args, **own"]
    called = ["show", "of_context", "shown", "klass", "url_for"]
    wrap = ["{}", "{{% for i in [1] %}}{}{{% endfor %}}", "{{% block b %}}{}{{% endblock %}}"]
    values = {
        "args": [1, "<"],
        "kwargs": {"a": "<", "class": 2},
        "own": {"_loop_vars": {"text": 1}, "_block_vars": {"text": 2}},
        "wrong": {1: 2},
        "show": lambda *args, **kwargs: f"{args} {kwargs}",
        "klass": dict,
    }

    macro = "{% macro shown(a, b) %}{{ a }}{{ b }}{% endmacro %}"
    sources = [
        around.format(f"{macro}{{{{ {function}({call}) }}}}")
        for around in wrap
        for function in called
        for call in calls
    ]

    def program(lib: Any) -> Any:
        app = _app(lib, "page")
        app.jinja_loader.mapping = {f"{number}.{ending}": source for number, source in enumerate(sources)}
        with app.test_request_context("/path"):
            return [
                _plain(outcome(lib.render_template, name, **{**VALUES, **values})) for name in app.jinja_loader.mapping
            ]

    same(program)


class _Marked(str):
    __slots__ = ()

    def __html__(self) -> str:
        return "<marked>"


class _ReturnsMarked:
    def __str__(self) -> str:
        return _Marked("plain")


def test_what_a_value_is_written_as_may_be_of_a_class_of_its_own() -> None:
    def program(lib: Any) -> Any:
        app = _app(lib, "{{ given }}{% autoescape text %}{{ given }}{% endautoescape %}")
        with app.test_request_context("/path"):
            return [
                lib.render_template(name, given=given, text=True)
                for name in ("page.html", "page.txt")
                for given in (_ReturnsMarked(), _Marked("&"), type("S", (str,), {"__str__": lambda _: "<s>"})("&"))
            ]

    same(program)


def test_a_filter_of_constants_is_called_as_often_as_on_flask() -> None:
    sources = ["{{ text.join(1|count) }}", "{{ show(caller=1|count) }}", "{{ (1|count).name }}", "{{ show(1|count) }}"]

    def program(lib: Any) -> Any:
        app = _app(lib, "page")
        # What it returns cannot be written in the code.
        counting = mock.Mock(return_value=object())
        app.jinja_env.filters["count"] = lambda value: counting()
        with app.test_request_context("/path"):
            for source in sources:
                outcome(app.jinja_env.from_string, source)
        return counting.call_count

    same(program)
