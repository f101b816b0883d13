"""Generate the function that writes the URLs of an endpoint, once it is used often.

The code depends only on the rules; names and values of the query, which clients may choose, are data. What it assumes
about converters is compared by the link that it belongs to.
"""

from __future__ import annotations

import typing as t
from uuid import UUID

from werkzeug.routing import (
    AnyConverter,
    BaseConverter,
    FloatConverter,
    IntegerConverter,
    PathConverter,
    UnicodeConverter,
    UUIDConverter,
    ValidationError,
)

from ..invalidation import as_defined
from .kept_texts import uuid_text, uuid_texts
from .quoting import path_text, path_texts, plain_text, quote_path
from .writing import REFUSED, UNSUITABLE, compiled_url, pieces_of

if t.TYPE_CHECKING:
    from .rule import Rule

Added = t.Callable[..., object]
#: Werkzeug's converters and their methods, unless these were replaced before.
STOCK: dict[type[BaseConverter], object] = {
    kind: as_defined(kind, "to_url")
    for kind in (
        AnyConverter,
        BaseConverter,
        FloatConverter,
        IntegerConverter,
        PathConverter,
        UUIDConverter,
        UnicodeConverter,
    )
    if kind.to_url.__module__ == BaseConverter.__module__
}
_NUMBERS: dict[type[BaseConverter], type] = {IntegerConverter: int, FloatConverter: float}


def generated(
    rules: list[tuple[Rule, Added]], method: str | None, allowing: list[tuple[Rule, bool]]
) -> t.Callable[[dict[str, object]], object] | None:
    """Return the function for the URLs of an endpoint; None if it can have none.

    Args:
        rules: Its rules in order, each with what adds the query and the options to its URLs.
        method: The method by which they were chosen; None if all have the same.
        allowing: The rules with methods, and whether each has this one.
    """
    found = [_function(rule, added) for rule, added in rules]
    functions = [function for function in found if function is not None]
    if len(functions) < len(found):
        return None
    if len(functions) == 1 and method is None:
        return functions[0]
    names: dict[str, object] = {"method": method, "unsuitable": UNSUITABLE}
    lines = ["def build(values):"]
    for number, (rule, allows) in enumerate(allowing):
        names[f"allowing{number}"] = rule
        has_not = "not in" if allows else "in"
        lines += [f"    if method {has_not} allowing{number}.methods:", "        return None"]
    for number, ((rule, _), function) in enumerate(zip(rules, functions, strict=True)):
        # A set of methods that was changed in place is no longer the same for all rules.
        count = None if rule.methods is None else len(rule.methods)
        names |= {f"rule{number}": rule, f"write{number}": function}
        if count is not None and method is None:
            lines += [f"    if len(rule{number}.methods) != {count}:", "        return None"]
    for number in range(len(functions)):
        lines += [f"    url = write{number}(values)", "    if url is not unsuitable:", "        return url"]
    source = "\n".join([*lines, "    return unsuitable", ""])
    return compiled_url(f"URL of {rules[0][0].endpoint!r}", source, names)


def _function(rule: Rule, added: Added) -> t.Callable[[dict[str, object]], object] | None:
    """Return the function for the URLs of one rule."""
    defaults = rule.defaults or {}
    domain, path = pieces_of(rule, defaults)
    texts = [text for part in (domain, path) for _, text in part]
    if any(type(text) is not str or "{" in text or "}" in text for text in texts) or any(text for _, text in domain):
        return None
    source = _Source(rule, added)
    variables = [text for is_variable, text in path if is_variable]
    for name in variables:
        source.add(name)
    url = "".join(f"{{{source.results[text]}}}" if is_variable else text for is_variable, text in path)
    if len(url) < 2 or url[0] != "/" or url[1] == "/":
        return None
    first = variables[0] if path[0] == (False, "/") else None
    is_number = first is not None and type(rule._converters[first]) in _NUMBERS and first in source.natural
    result = f"f{url!r}"
    if first is not None and not is_number:
        # A value at the start may begin with slashes, or be nothing.
        text = source.results[first]
        result = f"'/' + f{url!r}.lstrip('/')"
        if first in source.natural:
            result = f"f{url!r} if {text}.isalnum() or {text}[:1] not in '/' else {result}"
    lines = [*source.head(defaults), *source.conversions()]
    count = "count" if defaults else str(len(variables))
    more = "count + 1" if defaults else str(len(variables) + 1)
    lines += [f"    if len(values) == {count}:", f"        return {result}"]
    lines += [f"    if len(values) == {more} and '_external' in values:"]
    lines += [
        f"        return {result}, None, None, values['_external'], ''",
        f"    return added(values, {result})",
        "",
    ]
    return compiled_url(f"URL of {rule.rule!r}", "\n".join(lines), source.names)


class _Source:
    """The lines of a generated function."""

    def __init__(self, rule: Rule, added: Added) -> None:
        #: What the lines refer to.
        self.names: dict[str, object] = {
            "UUID": UUID,
            "ValidationError": ValidationError,
            "added": added,
            "kept": path_texts,
            "path_text": path_text,
            "plain_text": plain_text,
            "quote_path": quote_path,
            "refused": REFUSED,
            "unsuitable": UNSUITABLE,
            "uuid_text": uuid_text,
            "uuid_texts": uuid_texts,
        }
        #: What stands in the URL for each variable.
        self.results: dict[str, str] = {}
        #: The conditions under which a variable has a value of its converter's own type.
        self.natural: dict[str, str] = {}
        self._rule = rule
        self._quick: list[str] = []
        self._others: list[str] = []

    def add(self, name: str) -> None:
        """Add the conversion of a variable."""
        converter = self._rule._converters[name]
        number = len(self.results)
        value, text, own = f"v{number}", f"p{number}", f"converter{number}"
        self.names[own] = converter
        called = f"{text} = {own}.to_url({value})"
        kind, self.results[name] = type(converter), text
        is_stock = "to_url" not in vars(converter) and STOCK.get(kind) is kind.to_url
        if kind in _NUMBERS:
            # Attributes of converters may be set on the class or on the object.
            number_type: object = getattr(converter, "num_convert", None)
            if is_stock and number_type is _NUMBERS[kind] and not getattr(converter, "fixed_digits", True):
                self.results[name] = f"{value}!s"
                self.natural[name] = f"type({value}) is {_NUMBERS[kind].__name__}"
                self._others.append(f"{value} = {_NUMBERS[kind].__name__}({value})")
                return
        elif is_stock and kind is AnyConverter:
            self.natural[name] = f"type({value}) is str and {value} in {own}.items"
            self._quick.append(f"{text} = {value}")
            self._others.append(called)
            return
        elif is_stock and kind is UUIDConverter:
            self.natural[name] = f"type({value}) is UUID"
            self._quick.append(f"{text} = uuid_texts.get({value}.int) or uuid_text({value})")
            self._others.append(f"{text} = plain_text({value})")
            return
        elif is_stock:
            self.natural[name] = f"type({value}) is str"
            plain = f"{value}.isalnum() and {value}.isascii()"
            self._quick.append(f"{text} = {value} if {plain} else kept.get({value}) or quote_path({value})")
            self._others.append(f"{text} = path_text({value})")
            return
        self._quick.append(called)
        self._others.append(called)

    def head(self, defaults: t.Mapping[str, object]) -> list[str]:
        """Return the lines that take the values, and compare those that the rule has defaults for."""
        lines = ["def build(values):"]
        if self.results:
            lines += ["    try:"]
            lines += [f"        v{number} = values[{name!r}]" for number, name in enumerate(self.results)]
            lines += ["    except KeyError:", "        return unsuitable"]
        if not defaults:
            return lines
        self.names["defaults"] = defaults
        lines += [f"    count = {len(self.results)}"]
        lines += [f"    if len(defaults) != {len(defaults)}:", "        return None"]
        for name in defaults:
            lines += [f"    if {name!r} in values:", "        count += 1", f"        value = values[{name!r}]"]
            # A default that was taken away meanwhile is left to Werkzeug.
            lines += ["        if value is not None:", f"            if {name!r} not in defaults:"]
            lines += ["                return None", f"            if defaults[{name!r}] != value:"]
            lines += ["                return unsuitable"]
        return lines

    def conversions(self) -> list[str]:
        """Return the lines that convert the values, in order."""
        if not self.results:
            return []
        missing = f"if {' or '.join(f'v{number} is None' for number in range(len(self.results)))}:"
        if len(self.natural) == len(self.results):
            lines = [f"    if {' and '.join(self.natural.values())}:"]
            lines += [f"        {line}" for line in self._quick or ["pass"]]
            lines += ["    else:", f"        {missing}", "            return unsuitable", "        try:"]
            lines += [f"            {line}" for line in self._others]
            return [*lines, "        except ValidationError:", "            return refused"]
        # A converter of the application's is asked for nothing that the rule does not take.
        lines = [f"    {missing}", "        return unsuitable", "    try:"]
        indent = "        "
        if self.natural:
            lines += [f"        if {' and '.join(self.natural.values())}:"]
            lines += [f"            {line}" for line in self._quick]
            lines += ["        else:"]
            indent = "            "
        lines += [f"{indent}{line}" for line in self._others]
        return [*lines, "    except ValidationError:", "        return refused"]
