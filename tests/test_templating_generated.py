"""Generated templates, of all statements and hostile values, do what they do in an environment of Jinja's."""

from __future__ import annotations

import itertools
import random
import re
import traceback
from typing import TYPE_CHECKING, Any

import jinja2
import jinja2.ext
import pytest
from jinja2.nativetypes import NativeEnvironment
from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedEnvironment
from markupsafe import Markup

import tuile
from tuile.templating import jinja as templating

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# A longer run: change these. A few hundred templates take some seconds.
FIRST, COUNT, GROUPS = 0, 60, 4
# Longer templates take too long.
LONGEST = 4000
READ: list[str] = []


class _Odd:
    """An object that notes what is asked of it, and answers by functions, or not at all."""

    def __init__(self, **answers: Callable[..., Any]) -> None:
        self._answers = answers

    def _answer(self, kind: str, key: object, otherwise: Exception) -> Any:
        READ.append(f"{kind} {key}")
        if kind not in self._answers:
            raise otherwise
        return self._answers[kind](key)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._answer("attribute", name, AttributeError(name))

    def __getitem__(self, key: object) -> Any:
        return self._answer("item", key, KeyError(key))

    def __str__(self) -> str:
        READ.append("str")
        answer: str = self._answers.get("str", "<odd {}>".format)("&")
        return answer


class _Html:
    def __html__(self) -> str:
        READ.append("html")
        return "<i>html</i>"


class _NoHtml:
    @property
    def __html__(self) -> str:
        raise AttributeError("html")

    def __str__(self) -> str:
        return "<no html>"


class _Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "<text>"


class _Marked(str):
    __slots__ = ()

    def __html__(self) -> str:
        return "<marked>"


class _Mark(Markup):
    __slots__ = ()

    def __html__(self) -> Any:
        return "<mark>"


class _Number(int):
    def __str__(self) -> str:
        return "<number>"


class _Missing(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return f"<missing {key}>"


class _Attributes(dict[str, object]):
    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        return f"<attribute {name}>"


class _Methods:
    name = "<name>"

    @jinja2.pass_context
    def of_context(self, context: Any, *args: object, **kwargs: object) -> str:
        return f"<{_shown(context)} {args} {sorted(kwargs)}>"

    def plain(self, *args: object, **kwargs: object) -> str:
        return f"<plain {args} {sorted(kwargs)}>"

    @classmethod
    def of_class(cls, *args: object, **kwargs: object) -> str:
        return f"<class {args} {sorted(kwargs)}>"

    @jinja2.pass_eval_context
    def __call__(self, context: Any, *args: object, **kwargs: object) -> str:
        return Markup("<safe>") if context.autoescape else f"<unsafe {args} {sorted(kwargs)}>"


def _raises(error: type[Exception]) -> Callable[..., Any]:
    def raises(*args: object, **kwargs: object) -> Any:
        raise error("<raised>")

    return raises


@jinja2.pass_context
def _of_context(context: Any, *args: object, **kwargs: object) -> str:
    return f"<{_shown(context)} {context.name} {context.eval_ctx.autoescape} {len(args)} {sorted(kwargs)}>"


def _shown(context: Any) -> list[tuple[str, str]]:
    return sorted((name, str(value)[:40]) for name, value in context.get_all().items() if name in TARGETS)


def _function(*args: object, **kwargs: object) -> str:
    return f"<{[str(one) for one in args]} {sorted(kwargs)}>"


TARGETS = ["item", "x", "inner", "_p", "names", "get", "read", "context", "t_1"]
SAFE: dict[str, Any] = {
    "a": "a & <b>", "b": Markup("<i>&amp;</i>"), "x": 7, "truth": True, "real": 1.5, "nothing": None, "item": "<item>",
    "rows": [{"name": "<n>", "items": 1, "sub": {"name": "'"}}, {"name": 2}, _Missing(name="<i>"), _Attributes(x="&")],
    "odd": _Odd(), "attributes": _Odd(attribute="<{}>".format), "items": _Odd(item="<{}>".format), "html": _Html(),
    "no_html": _NoHtml(), "text": _Text("&"), "marked": _Marked("&"), "mark": _Mark("&"), "number": _Number(3),
    "text_of": _Odd(str=_Marked), "methods": _Methods(), "klass": _Methods, "keys": {"get": "<", "name": Markup("<b>")},
    "many": ["<", 1, Markup("&amp;")], "empty": [], "function": _function, "of_context": _of_context,
    # Names that the code of templates has for itself.
    "names": "<names>", "read": "<read>", "get": "<get>", "joins": 1, "invoke": _function, "context": "<context>",
    "environment": "<e>", "escape": _function, "is_usual": 0, "exact_dict": "<d>", "t_1": "<t>", "l_0_a": "<l>",
    "_p": "<p>", "absent": "<absent>", "Context": "<C>", "Macro": "<M>", "globals": "<g>", "_loop_vars": {"a": 1},
    "show": _function, "inner": _function,
}  # fmt: skip
HOSTILE: dict[str, Any] = {
    "stops": _raises(StopIteration), "fails": _raises(ValueError), "has_no": _raises(AttributeError),
    "attribute_fails": _Odd(attribute=_raises(ValueError)), "item_fails": _Odd(item=_raises(ValueError)),
    "item_stops": _Odd(item=_raises(StopIteration), str=_raises(KeyError)), "no_index": _Odd(item=_raises(IndexError)),
    "own": {"_loop_vars": {"a": 1}, "caller": _function}, "wrong": {1: 2}, "big": 10**30, "bytes": b"<b>",
    "strict": jinja2.StrictUndefined(name="strict"), "none_of": jinja2.Undefined(name="none_of"),
}  # fmt: skip
FILES = {
    "part": "[{{ a }}{{ item }}{{ rows[0].name }}{{ of_context() }}{{ x }}]",
    "broken": "\n\n{{ 1 // 0 }}",
    "macros": "{% macro show(given) %}<{{ given }}{{ a }}{{ given.name }}{{ x }}>{% endmacro %}{% set v = '<v>' %}",
    "base": "B<{% block part %}base{{ a }}{% endblock %}{% for item in rows %}{% block names scoped %}{{ item.name }}"
    "{% endblock %}{% endfor %}{% block get %}{% endblock %}>",
    "middle": "{% set x = 5 %}{% extends 'base' %}{% block part %}{{ super() }}{{ x }}{% endblock %}",
}
# What a rule may be; `$rule` stands for another one.
RULES = {
    "page": ["$body", "$body", "{% extends 'base' %}$body", "{% extends 'middle' %}$body",
             "{% if $e %}{% extends 'base' %}{% endif %}$body"],
    "body": ["$statement", "$statement\n$statement", "$statement<b>\n $statement$statement"],
    "statement": [
        "{{ $e }}", "{{ $e }}", "{{ $e }}", "{{\n$e\n\n~ $e }}", "{% do $e %}", "{{ of_context($arguments) }}",
        "{% for item in $iterable %}$loop$body$break{% else %}$body{% endfor %}",
        "{% for item in $iterable if $e %}$loop$body{% endfor %}",
        "{% for item in $iterable recursive %}$body{{ loop([1]) if loop.depth < 3 }}{% endfor %}",
        "{% if $e %}$body{% elif $e %}$body{% else %}$body{% endif %}",
        "{% if $name %}$body{% elif not $name and ($name or $name) %}$body{% else %}$body{% endif %}",
        "{% set $target = $e %}$body", "{% set $target, $target = $e, $e %}$body",
        "{% set $target %}$body{% endset %}{{ $target }}", "{% set $target | $filter %}$body{% endset %}{{ $target }}",
        "{% set ns = namespace(v=$e) %}{% set ns.v = $e %}{{ ns.v }}$body",
        "{% set x = namespace(v=$e) %}{% for item in rows %}{% set x.v, x.w = $e, x.v %}{{ x.w }}{% endfor %}",
        "{% set $target = namespace(name=$e) %}{% set $target.name = $target.$attribute %}$body",
        "{% with $target = $e %}$body{% endwith %}",
        "{% macro $macro($parameters) %}{{ given }}$special$body{% endmacro %}{{ $macro($arguments) }}$e",
        "{% call(inner) $called($arguments) %}$body{{ inner }}{% endcall %}",
        "{% filter $filter %}$body{% endfilter %}",
        "{% include 'part' %}", "{% include 'none' ignore missing %}", "{% include ['none', 'part'] %}$body",
        "{% include 'part' without context %}", "{% include $e ignore missing %}", "{% include 'broken' %}",
        "{% import 'macros' as inner %}{{ inner.show($e) }}$body", "{% from 'macros' import other %}{{ other }}",
        "{% from 'macros' import show as inner, v as x with context %}{{ inner($e) }}$body",
        "{% block $block %}$body{% endblock %}", "{% block $block scoped %}$body{{ super() }}{% endblock %}",
        "{% autoescape $e %}$body{% endautoescape %}", "{% autoescape false %}$body{% endautoescape %}",
        "{% trans a=a, n=$e %}<{{ a }}{{ n }}>{% endtrans %}", "{{ _('<>') }}$body",
    ],
    "iterable": ["rows", "rows", "[1, 2]", "'ab'", "many", "empty", "undefined", "$e"],
    "loop": [
        "", "{{ loop.index }}{{ loop.last }}", "{{ loop.changed(item) }}", "{{ loop.nextitem }}", "{{ loop }}",
        "{{ loop.index }}", "{{ loop.index0 }}{% if loop.first %}<{% endif %}", "{{ loop.cycle('a', $e) }}",
        "{{ loop.length }}{{ loop.index }}", "{% if not loop.last %},{% endif %}{{ loop.first }}",
        "{{ loop.revindex }}",
        "{% for x in many %}{{ loop.index }}{{ x }}{% endfor %}{{ loop.index0 }}", "{{ loop|first }}{{ loop.index }}",
        "{% macro own() %}{{ loop.index }}{% endmacro %}{{ own() }}", "{{ loop.cycle(*many) }}{{ loop.cycle() }}",
        "{% for x in rows %}{{ loop.depth }}{{ x }}{% else %}{{ loop.index }}{% endfor %}{{ loop.previtem }}",
        "{% with loop = $e %}{{ loop.index }}{% endwith %}{{ loop.first }}", "{{ loop['index'] }}{{ loop.index }}",
        "{% call(inner) show(loop.index) %}{{ loop.first }}{% endcall %}",
    ],
    "break": ["", "", "{% break %}", "{% if loop.index == 2 %}{% continue %}{% endif %}"],
    "macro": ["show", "_own", "names"],
    "parameters": ["", "given", "given, x=$e", "x, names=x", "given, caller=none", "given='<'"],
    "special": ["", "", "{{ varargs }}{{ kwargs }}", "{{ caller(1) }}"],
    "target": TARGETS,
    "block": ["part", "names", "get", "other"],
    "e": ["$name", "$name", "$name", "$e.$attribute", "$e.$attribute", "$name.$attribute", "$e['$attribute']",
          "$e[$e]", "$e[:1]", "$e[0]", "$name[1]", "$name[-1]", "not $name", "$name ~ $name ~ $e",
          "$called($arguments)", "$called($arguments)", "($e|$filter)",
          "($e|$filter)", "($e if $e else $e)", "($e if $e)", "($e $operator $e)", "($e is $test)", "[$e, $e]"],
    "operator": ["~", "==", "and", "or", "in", "+"],
    "arguments": ["", "", "$e", "$e, $e", "$keyword=$e", "$e, $keyword=$e", "given=$e, class=$e", "*many",
                  "**rows[0]", "$e, **rows[0]", "**$name", "caller=$name", "$e, $e, $e"],
    "keyword": ["a", "b", "class", "given", "x", "_loop_vars", "caller", "\ufb01eld", "_loop_var\u017f"],
    "called": ["function", "of_context", "methods", "methods.plain", "methods.of_context", "methods.of_class"],
    "attribute": ["name", "items", "get", "sub", "plain", "first", "missing", "x", "__class__", "_p", "upper"],
    "filter": ["upper", "default('<d>')", "default('<d>', true)", "safe", "e", "string", "list", "first", "join('<')",
               "tojson", "replace('a', '<')", "forceescape", "own", "of_context", "escaped", "lower",
               "title", "d", "default(1.5)", "default(2, false)", "default($e)", "round", "round(1)", "trim",
               "round(1, 'floor')", "trim('a')", "replace('a', 'b', 1)", "capitalize",
               "int", "last", "join", "join(', ')", "format($name)", "format($e, $e)"],
    "test": ["defined", "not defined", "none", "string", "mapping", "callable", "escaped", "iterable", "eq(1)", "own",
             "undefined", "odd", "even", "divisibleby 3", "divisibleby(x)", "not none"],
    "name": [*SAFE, *SAFE, "rows[0]", "rows[2]", "'<&>'", "(3)", "none", "true", "undefined", "loop", "item"],
}  # fmt: skip
# More of each rule, for environments of other classes too.
MORE = {
    "filter": [
        "map('upper')", "map(attribute='$attribute')", "map(attribute='$attribute', default=$e)", "map('$fname')",
        "map(attribute='sub.name')", "map('own', $e)", "map('default', 'x')", "map('of_context')", "map('escaped')",
        "map('replace', 'a', '<')", "map('attr', '$attribute')", "map(attribute='$attribute')|join('<')",
        "select", "select('$tname')", "reject('$tname')", "select($e)", "selectattr('$attribute')",
        "selectattr('$attribute', '$tname')", "selectattr('$attribute', 'eq', $e)", "rejectattr('$attribute')|list",
        "sort", "sort(attribute='$attribute')", "sort(reverse=$e)", "sort(true)", "sort(attribute='name,items')",
        "sum", "sum('$attribute')", "sum(start=$e)", "groupby('$attribute')", "groupby('$attribute', default=$e)|list",
        "min", "max(attribute='$attribute')", "unique", "unique(attribute='$attribute')", "batch(2)|list",
        "slice(2)|list", "length", "count", "abs", "wordcount", "dictsort", "items", "reverse", "xmlattr", "striptags",
        "urlize", "truncate(3)", "wordwrap(3)", "center(9)", "indent", "float", "attr('$attribute')", "urlencode",
        "e|safe", "map('$fname')|join(', ')", "map('format', $e)|list",
    ],
    "statement": [
        "{% set ns = namespace($arguments) %}{% if $e %}{% set ns.name = $e %}{% endif %}{{ ns.name }}{{ ns.missing }}",
        "{% for a, b in [[1, '<'], ['&', 3]] %}{{ a }}{{ b }}$loop$body{% endfor %}{{ a }}",
        "{% for k, v in rows[0].items() %}$loop{{ k }}{{ v }}{% endfor %}",
        "{% for k, v in keys|items %}$loop{{ k }}{{ v }}{% endfor %}",
        "{% for item in rows if loop.index %}{{ loop.index }}{% endfor %}",
        "{% for item in rows if item.$attribute is $test %}$loop{{ item }}{% endfor %}",
        ("{% for item in $iterable recursive %}$loop{{ item }}{% if item.sub and loop.depth < 3 %}{{ loop(item.sub) }}"
        "{% endif %}{% endfor %}"),
        "{% for item in rows %}{% set $target = $e %}{{ $target }}$body{% endfor %}{{ $target }}",
        "{% set $target = $e if $e %}{{ $target }}",
        "{% set $target %}{% for item in rows %}$loop$body{% endfor %}{% endset %}{{ $target|$filter }}",
        ("{% macro $macro($parameters) %}{% for item in rows %}$loop$body{% endfor %}{% if caller %}"
        "{{ caller($arguments) }}{% endif %}{% endmacro %}{% call($parameters) $macro($arguments) %}"
        "$body{% endcall %}"),
        "{% macro $macro(given) %}{{ given }}{% endmacro %}{{ rows|map($macro)|list }}",
        ("{% autoescape not $e %}{% for item in rows %}$loop$body{% endfor %}{% macro $macro(x) %}{{ x }}{{ a }}"
        "{% endmacro %}{{ $macro($e) }}{% endautoescape %}{{ $macro($e) }}"),
        "{% autoescape true %}{{ a }}{{ $e|$filter }}{{ a ~ b }}$body{% endautoescape %}",
        "{% raw %}{{ <a> }}{% endraw %}$e", "{# $e #}{{ $e|$filter|$filter }}", "{{ rows|$filter|$filter }}",
        "{{ many|$filter|$filter }}", "{{ keys|$filter }}", "{{ rows|$filter }}", "{{ $e|$filter }}",
        "{% filter $filter %}{% for item in rows %}{{ item }}$loop{% endfor %}{% endfilter %}",
        "{% with a = $e, b = a %}{{ a }}{{ b }}$body{% endwith %}{{ a }}{{ b }}",
        "{% for item in rows %}{% include 'part' %}{% endfor %}", "{% import $e as m %}{{ m }}",
        "{% import 'macros' as m with context %}{{ m.v }}{{ m.show($e) }}{{ m.nope }}{{ m }}",
        "{% block $block required %}{% endblock %}",
        "{% block $block %}{% set x = $e %}{{ super.super() }}{{ self.part() }}$body{% endblock %}{{ x }}",
        "{% if $e is $test %}{{ a }}{% endif %}", "{{ $name.$attribute is defined }}{{ $name.missing.$attribute }}",
        "{{ ($name.$attribute|default($e)).$attribute }}", "{{ $name.missing|d|$filter }}",
        "{% set a = a ~ $e %}{{ a }}",
        "{% for item in loop %}{{ item }}{% endfor %}", "{{ 'a%s<%s>'|format($e, $e) }}",
        "{{ ('<%s>'|safe)|format($e) }}", "{{ '%(a)s'|format(a=$e) }}", "{{ $e|format(**rows[0]) }}",
        "{% trans count=many|length %}<{{ count }}>{% pluralize %}{{ count }}s{% endtrans %}",
        "{% trans trimmed a=$e %} <b> {{ a }} {% endtrans %}",
    ],
    "e": [
        "(-$e)", "{'name': $e, $e: 1}", "($e, $e)", "$name[$e:$e]", "$e['a']", "($e < $e < $e)", "($e ~ $e ~ 1.0)",
        "dict($arguments)", "range(3)", "cycler($e, $e)", "joiner($e)", "namespace($arguments)", "self.$block()",
        "(loop.index if loop)", "rows[0]['sub']['name']", "rows|first", "varargs", "kwargs", "caller",
    ],
    "fname": ["upper", "title", "trim", "safe", "e", "int", "list", "length", "own", "of_context", "escaped", "tojson",
              "first", "default", "nope", "abs", "round", "join", "sort", "sum", "map", "urlencode"],
    "tname": ["defined", "none", "string", "odd", "mapping", "own", "nope", "number", "true", "escaped", "lower", "in"],
    "test": ["in $e", "in(many)", "sameas($e)", "lt(3)", "gt(1.5)", "ne($e)", "number", "float", "boolean", "true",
             "sequence", "lower", "filter", "test", "eq $e", "divisibleby 0", "odd", "even"],
    "operator": ["-", "/", "//", "%", "<", ">", "!=", ">=", "not in"],
    "iterable": ["rows[0]", "rows|selectattr('name')", "rows|groupby('name')", "range(3)", "many|map('string')",
                 "rows[0].items()", "loop", "[[1, 2], [3]]", "{'a': 1}", "rows|batch(2)"],
}  # fmt: skip
ALL = {rule: [*RULES.get(rule, []), *MORE.get(rule, [])] for rule in {**RULES, **MORE}}
# What they are where they should end.
ENDS = {"e": ["$name"], "statement": ["{{ $e }}"], "arguments": [""]}


def _made(
    choose: Callable[[list[str]], str], rule: str, depth: int, names: list[str], rules: dict[str, list[str]]
) -> str:
    choices = names if rule == "name" else ENDS.get(rule, rules[rule]) if depth <= 0 else rules[rule]
    return re.sub(r"\$([a-z]+)", lambda found: _made(choose, found[1], depth - 1, names, rules), choose(choices))


def _files(seed: int, rules: dict[str, list[str]] = RULES) -> dict[str, str]:
    """Return templates, most of them of values that raise no errors."""
    source = random.Random(seed)
    hostile = [*HOSTILE, "self", "super", "caller"] if seed % 4 == 0 else []
    page = _made(source.choice, "page", 5, [*RULES["name"], *hostile], rules)
    # A block is defined once.
    numbers = itertools.count()
    seen: set[str] = set()

    def block(found: re.Match[str]) -> str:
        name = f"b{next(numbers)}" if found[1] in seen else found[1]
        seen.add(name)
        return f"{{% block {name} "

    page = re.sub(r"{% block (\w+) ", block, page)
    return {**FILES, "page.html": page, "page.txt": page}


@jinja2.pass_context
def _finalized(context: Any, value: object) -> object:
    return Markup("<none>") if value is None and context.eval_ctx.autoescape else value


class _Noting(jinja2.Undefined):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        READ.append("undefined")
        super().__init__(*args, **kwargs)


def _options(seed: int) -> dict[str, Any]:
    one_of = random.Random(seed).choice
    undefined = [jinja2.Undefined, jinja2.ChainableUndefined, jinja2.DebugUndefined, jinja2.StrictUndefined, _Noting]
    return {
        "autoescape": one_of([True, True, False, jinja2.select_autoescape(), lambda name: "yes", lambda name: None]),
        "undefined": one_of(undefined),
        "finalize": one_of([None, None, None, _finalized, lambda value: f"<{value}>", lambda value: [value]]),
        "optimized": one_of([True, True, True, False]),
        "trim_blocks": one_of([True, False]),
        "extensions": ["jinja2.ext.do", "jinja2.ext.loopcontrols", "jinja2.ext.i18n"],
    }


@jinja2.pass_eval_context
def _escaped(context: Any, value: object) -> str:
    return Markup("<e>") if context.autoescape else f"<{value}>"


def _prepared(environment: jinja2.Environment, files: dict[str, str], seed: int) -> jinja2.Environment:
    environment.loader = jinja2.FunctionLoader(lambda name: (files[name], f"/{name}", None) if name in files else None)
    environment.filters.update(own=_function, of_context=_of_context, escaped=_escaped)
    environment.tests.update(own=lambda value: value == 1)
    environment.globals.update(a="<global>", rows=SAFE["rows"], of_context=_of_context)
    install: Any = environment
    install.install_null_translations(newstyle=bool(seed % 2))
    return environment


def _plain(found: object) -> str:
    return re.sub(r"0x[0-9a-f]+|(?<=line )\d+(?=\))", "N", str(found))


def _outcome(call: Callable[[], object]) -> Any:
    """Return the text or the error, with the lines of templates in its traceback, and what was asked of the values."""
    READ.clear()
    try:
        return _plain(call()), list(READ)
    except RecursionError:
        # How deep it got depends on how many functions it takes.
        return RecursionError
    except Exception as error:  # noqa: BLE001 - of any kind
        lines = [(line.filename, line.lineno, line.name) for line in traceback.extract_tb(error.__traceback__)]
        return type(error), _plain(error), [line for line in lines if line[0].startswith("/page")], list(READ)


def _ways(environment: jinja2.Environment, name: str) -> Iterator[Callable[[], object]]:
    values = {**SAFE, **HOSTILE}
    if isinstance(environment, templating.Environment):
        yield lambda: templating.render(environment.get_template(name), values)
    else:
        yield lambda: environment.get_template(name).render(values)
    yield lambda: [str(piece) for piece in environment.get_template(name).generate(values)]


@pytest.mark.parametrize("group", range(GROUPS))
def test_generated_templates_do_what_they_do_in_an_environment_of_jinjas(group: int) -> None:
    app = tuile.Flask("app")
    for seed in range(FIRST + group * COUNT, FIRST + (group + 1) * COUNT):
        files, options = _files(seed), _options(seed)
        theirs = _prepared(jinja2.Environment(**options), files, seed)  # noqa: S701 - it is among the options
        ours = _prepared(templating.Environment(app, **options), files, seed)
        for name in ("page.html", "page.txt"):
            for jinjas, tuiles in zip(_ways(theirs, name), _ways(ours, name), strict=True):
                assert _outcome(tuiles) == _outcome(jinjas), f"seed {seed}: {files[name]}"


def _noting(base: type[jinja2.Environment]) -> type[jinja2.Environment]:
    """Return a class of environments that notes what is read by its methods."""

    class Noting(base):  # type: ignore[misc, valid-type] # of either
        def getitem(self, obj: Any, argument: Any) -> Any:
            READ.append(f"getitem {argument}")
            return super().getitem(obj, argument)

        def getattr(self, obj: Any, attribute: str) -> Any:
            READ.append(f"getattr {attribute}")
            return super().getattr(obj, attribute)

    return Noting


def _beside(base: type[jinja2.Environment]) -> type[jinja2.Environment]:
    return type(base.__name__, (base, templating.Environment), {})


class _Kept(jinja2.BytecodeCache):
    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Any) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Any) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


KINDS: dict[str, tuple[type[jinja2.Environment], type[jinja2.Environment]]] = {
    "plain": (jinja2.Environment, templating.Environment),
    "sandboxed": (SandboxedEnvironment, _beside(SandboxedEnvironment)),
    "immutable": (ImmutableSandboxedEnvironment, _beside(ImmutableSandboxedEnvironment)),
    "native": (NativeEnvironment, _beside(NativeEnvironment)),
    "noting": (_noting(jinja2.Environment), _noting(templating.Environment)),
    "kept": (jinja2.Environment, templating.Environment),
    "overlay": (jinja2.Environment, templating.Environment),
}


def _pair(kind: str, files: dict[str, str], seed: int) -> list[Any]:
    app, options = tuile.Flask("app"), _options(seed)
    theirs, ours = KINDS[kind]
    made: list[Any] = []
    for make in (theirs, lambda **given: ours(app, **given)):  # type: ignore[arg-type] # Tuile's takes the app first
        if kind == "kept":
            options["bytecode_cache"] = _Kept()
        environment = _prepared(make(**options), files, seed)
        if kind == "overlay":
            environment.get_template("part")
            kinds = [jinja2.ChainableUndefined, jinja2.Undefined]
            environment = environment.overlay(autoescape=seed % 3 > 0, undefined=kinds[seed % 2], trim_blocks=True)
        made.append(environment)
    return made


def _said(outcome: Any) -> Any:
    # Pieces that follow one another are one piece in the code of Tuile.
    if isinstance(outcome, tuple) and "sequence item" in str(outcome[1]):
        return outcome[0]
    return outcome


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_generated_templates_of_more_rules_do_it_in_environments_of_any_class(kind: str) -> None:
    for seed in range(FIRST, FIRST + COUNT // 2):
        files = _files(seed, ALL)
        if len(files["page.html"]) > LONGEST:
            continue
        theirs, ours = _pair(kind, files, seed)
        for name in ("page.html", "page.txt"):
            for jinjas, tuiles in zip(_ways(theirs, name), _ways(ours, name), strict=True):
                assert _said(_outcome(tuiles)) == _said(_outcome(jinjas)), f"seed {seed}: {files[name]}"
