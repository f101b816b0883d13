"""Generate functions that write the URLs of a rule, when its first URL is built.

The code depends only on the rule; names and values of the query, which clients may choose, are data.
"""

from __future__ import annotations

import ast
import typing as t
from threading import Lock
from urllib.parse import quote

from werkzeug.routing import BaseConverter, IntegerConverter, PathConverter, UnicodeConverter, ValidationError
from werkzeug.routing import Rule as WerkzeugRule

from ..invalidation import as_defined
from .options import OPTIONS
from .quoting import KEPT_IN_PATH, path_text, query_of
from .rule import Converters, Rule, Write, Written
from .source import compiled

Values = t.Mapping[str, object]
# Names of variables and texts; whether it is a name.
Pieces = list[tuple[bool, str]]

#: How many URLs of a rule are written before a function is generated for it.
USES_BEFORE_GENERATING = 24
#: What a function returns instead of a URL: the rule does not accept the values; a converter rejected one; the values
#: have options among them.
UNSUITABLE = object()
REFUSED = object()
HAS_OPTIONS = object()
# Before CPython 3.11.8, two threads in `ast.parse` may disturb each other (python/cpython#106905).
_parsing = Lock()
# The `to_url` of Werkzeug's own converters that quote a text, unless it was replaced before.
_QUOTING: dict[type, object] = {
    kind: as_defined(kind, "to_url") for kind in (BaseConverter, PathConverter, UnicodeConverter)
}
_int_to_url = as_defined(IntegerConverter, "to_url")


def writer_of(rule: WerkzeugRule) -> Write:
    """Return a function that writes the URLs of a rule in its present state."""
    if type(rule) not in {Rule, WerkzeugRule}:
        return left_to_werkzeug
    defaults = rule.defaults or {}
    lines = _Lines(rule)
    parts = pieces_of(rule, defaults)
    if any(type(text) is not str or "{" in text or "}" in text for part in parts for _, text in part):
        return left_to_werkzeug
    domain, path = (
        [f"{{{lines.convert(text)}}}" if is_variable else text for is_variable, text in part] for part in parts
    )
    url = "".join(path)
    # A value at the start, or a rule with merge_slashes=False, may produce several slashes.
    is_certain = url == "/" or (url[0] == "/" and url[1] not in "/{")
    result = f"f{url + '{query}'!r}" if is_certain else f"'/' + f{url + '{query}'!r}.lstrip('/')"
    if domain:
        result = f"f{''.join(domain)!r}, {result}"
    source = "\n".join([*lines.head(defaults), *lines.conversions(), f"    return {result}", ""])
    return compiled_url(f"URL of {rule.rule!r}", source, lines.names)


def left_to_werkzeug(values: Values, with_options: bool | None = None) -> None:
    """Write nothing."""


class Interpreter:
    """Writes the URLs of a rule without generated code, which takes as long to make as a hundred URLs.

    A rule that is used more often is left to the generated function.
    """

    def __init__(self, rule: WerkzeugRule, generated: t.Callable[[], Write]) -> None:
        self._defaults = rule.defaults or {}
        self._domain, self._path = pieces_of(rule, self._defaults)
        self._generated = generated
        self._known = frozenset({*map(str, self._defaults), *rule.arguments})
        self._accepts_options = accepts_options(rule)
        self._others = self._known | OPTIONS
        self._required = [name for name in rule.arguments if name not in self._defaults]
        self._rule = rule
        self._uses = 0
        self._write: Write | None = None

    def __call__(self, values: Values, with_options: bool | None = None) -> Written:
        """Return what the generated function would."""
        self._uses += 1
        if self._uses > USES_BEFORE_GENERATING:
            if self._write is None:
                self._write = self._generated()
            return self._write(values, with_options)
        if not self._accepts_options and with_options is not False:
            return None
        if not self._suits(values):
            return UNSUITABLE
        query: str | None = ""
        if with_options is not None and len(values) != len(self._required):
            count = len(self._required) + sum(name in values for name in self._defaults)
            others = self._others if with_options else self._known
            is_sorted = self._rule.map.sort_parameters
            query = _sorted_query(self._rule, values, others, count) if is_sorted else query_of(values, others, count)
            if query is None:
                return HAS_OPTIONS
        try:
            domain, path = self._texts(self._domain, values), self._texts(self._path, values)
        except ValidationError:
            return REFUSED
        url = f"/{''.join([*path, query or '']).lstrip('/')}"
        return (domain[0] if len(domain) == 1 else "".join(domain), url) if domain else url

    def _suits(self, values: Values) -> bool:
        """Return whether the rule takes the values."""
        if any(values.get(name) is None for name in self._required):
            return False
        for name, value in self._defaults.items():
            given = values.get(name)
            if given is not None and value != given:
                return False
        return True

    def _texts(self, pieces: Pieces, values: Values) -> list[str]:
        converters = self._rule._converters
        return [converters[text].to_url(values[text]) if is_variable else text for is_variable, text in pieces]


def pieces_of(rule: WerkzeugRule, defaults: Values) -> tuple[Pieces, Pieces]:
    """Return what domain and path consist of: names of variables and texts."""
    # Before the `|` is the subdomain or the host.
    domain: Pieces = []
    path: Pieces = []
    part = domain
    for is_variable, text in rule._trace:
        if part is domain and text == "|":
            part = path
        elif is_variable and text not in defaults:
            part.append((True, text))
        else:
            fixed = rule._converters[text].to_url(defaults[text]) if is_variable else quote(text, safe=KEPT_IN_PATH)
            if type(fixed) is str and part and not part[-1][0]:
                part[-1] = (False, part[-1][1] + fixed)
            else:
                part.append((False, fixed))
    return domain, path


def accepts_options(rule: WerkzeugRule) -> bool:
    """Return whether `url_for` takes no value of a rule for an option, nor its endpoint for a relative name."""
    endpoint = rule.endpoint
    names = {*(rule.defaults or ()), *rule.arguments}
    return OPTIONS.isdisjoint(names) and isinstance(endpoint, str) and not endpoint.startswith(".")


class _Lines:
    """The lines of a generated function that check and convert the values."""

    def __init__(self, rule: WerkzeugRule) -> None:
        #: The names that the lines use.
        self.names: dict[str, object] = {
            "ValidationError": ValidationError,
            "converters": rule._converters,
            "has_options": HAS_OPTIONS,
            "path_text": path_text,
            "query_of": query_of,
            "refused": REFUSED,
            "rule": rule,
            "sorted_query": _sorted_query,
            "unsuitable": UNSUITABLE,
            "url_map": rule.map,
        }
        self._rule = rule
        self._locals: dict[str, str] = {}
        self._steps: list[str] = []

    def _local(self, name: str) -> str:
        """Return the local variable for the value of a variable part."""
        return self._locals.setdefault(name, f"v{len(self._locals)}")

    def convert(self, name: str) -> str:
        """Add the conversion of a value to text, and return the local variable for it."""
        value, converter = self._local(name), self._rule._converters[name]
        result = f"p{value[1:]}"
        kind, number = type(converter), value[1:]
        # The method is looked up each time, because it may be replaced. A rule that is not ours does not notice when
        # the converter itself is.
        is_told = type(self._rule._converters) is Converters
        called = f"converter{number}.to_url" if is_told else f"converters[{name!r}].to_url"
        self.names[f"converter{number}"] = converter
        is_text = kind in _QUOTING and kind.to_url is _QUOTING[kind]
        is_int = kind is IntegerConverter and kind.to_url is _int_to_url and kind.num_convert is int
        if not (is_text or is_int) or "to_url" in vars(converter) or (is_int and "fixed_digits" not in vars(converter)):
            self._steps.append(f"{result} = {called}({value})")
            return result
        self.names |= {f"own{number}": vars(converter), f"kind{number}": kind, f"stock{number}": kind.to_url}
        changed = "" if is_told else f"converters[{name!r}] is not converter{number} or "
        changed += f"kind{number}.to_url is not stock{number}"
        self._steps += [f"if {changed} or 'to_url' in own{number}:", f"    {result} = {called}({value})"]
        if is_text:
            self._steps += [
                f"elif type({value}) is str and {value}.isalnum() and {value}.isascii():",
                f"    {result} = {value}",
                "else:",
                f"    {result} = path_text({value})",
            ]
        else:
            stock = f"kind{number}.num_convert is int and 'num_convert' not in own{number}"
            self._steps += [
                f"elif type({value}) is int and {stock} and not own{number}['fixed_digits']:",
                f"    {result} = str({value})",
                "else:",
                f"    {result} = {called}({value})",
            ]
        return result

    def head(self, defaults: Values) -> list[str]:
        """Return the lines that check whether the rule accepts the values, and that build the query."""
        rule = self._rule
        known = {*map(str, defaults), *rule.arguments}
        required = sorted(rule.arguments - {str(name) for name in defaults})
        lines = ["def build(values, with_options=None):"]
        if not accepts_options(rule):
            lines += ["    if with_options is not False:", "        return None"]
        if required:
            # Faster than raising an exception.
            lines += [f"    if len(values) < {len(required)}:", "        return unsuitable"]
        if required:
            lines += ["    try:", *(f"        {self._local(name)} = values[{name!r}]" for name in required)]
            lines += ["    except KeyError:", "        return unsuitable"]
            lines += [f"    if {' or '.join(f'{self._local(name)} is None' for name in required)}:"]
            lines += ["        return unsuitable"]
        count = str(len(required))
        if defaults:
            count = "count"
            lines += [f"    count = {len(required)}", *self._compare(defaults)]
        self.names |= {"known": frozenset(known), "others": frozenset(known) | OPTIONS}
        lines += ["    query = ''", f"    if with_options is not None and len(values) != {count}:"]
        given = f"values, others if with_options else known, {count}"
        lines += ["        if url_map.sort_parameters:", f"            query = sorted_query(rule, {given})"]
        lines += ["        else:", f"            query = query_of({given})"]
        return [*lines, "        if query is None:", "            return has_options"]

    def _compare(self, defaults: Values) -> list[str]:
        """Return the lines that compare given values with the rule's defaults, and count them."""
        self.names["defaults"] = defaults
        lines = [f"    if len(defaults) != {len(defaults)}:", "        return None"]
        for name in defaults:
            lines += [f"    if {name!r} in values:", "        count += 1", f"        given = values[{name!r}]"]
            lines += [
                "        if given is not None:",
                "            try:",
                f"                default = defaults[{name!r}]",
            ]
            lines += ["            except KeyError:", "                return None"]
            lines += ["            if default != given:", "                return unsuitable"]
        return lines

    def conversions(self) -> list[str]:
        """Return the lines that convert the values."""
        if not self._steps:
            return []
        lines = ["    try:", *(f"        {step}" for step in self._steps)]
        return [*lines, "    except ValidationError:", "        return refused"]


class _OnlyText(ast.NodeTransformer):
    """Have f-strings join texts and refuse anything else, as the builders do that Werkzeug compiles."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        """Join the values themselves instead of formatted ones, except for those that are to be converted."""
        values = [
            piece.value if isinstance(piece, ast.FormattedValue) and piece.conversion == -1 else piece
            for piece in node.values
        ]
        if len(values) == 1 and not isinstance(values[0], ast.FormattedValue):
            return values[0]
        return ast.copy_location(ast.JoinedStr(values), node)


def _sorted_query(rule: WerkzeugRule, values: Values, others: t.Container[str], count: int) -> str | None:
    """Return what `query_of` does, with sorted parameters, encoded by Werkzeug."""
    if sum(name in others for name in values) != count:
        return None
    unknown = {name: value for name, value in values.items() if name not in others and value is not None}
    encoded: str = rule._encode_query_vars(unknown) if unknown else ""
    return f"?{encoded}" if encoded else ""


def compiled_url(title: str, source: str, names: dict[str, object]) -> Write:
    """Return the function that some generated source defines."""
    with _parsing:
        parsed = ast.parse(source, title)
    tree = _OnlyText().visit(parsed)
    return t.cast("Write", compiled("build", title, source, names, tree))
