"""How the URLs of an endpoint are written: decided once, by a link, which holds while its rules stay as they are."""

from __future__ import annotations

import typing as t
from datetime import date, datetime
from functools import partial
from uuid import UUID

from ..patched import names
from . import writing
from .building import WebSocketScheme, write_of
from .kept_texts import moment_text, moment_texts, uuid_text, uuid_texts
from .link_source import STOCK, generated
from .options import OPTIONS
from .quoting import fragment_text, fragment_texts, query_text, query_texts, quote_query
from .rule import EndpointRules, Guard, Rule, Write, Written, guard_of
from .writing import REFUSED, UNSUITABLE, Interpreter, accepts_options, writer_of

if t.TYPE_CHECKING:
    from werkzeug.routing import BaseConverter
    from werkzeug.routing import Rule as WerkzeugRule

    from .map import Map

#: A path and query with options of `url_for`: anchor, scheme and externality; and with the rule's subdomain or host.
WithOptions = tuple["str | None", object, object, object, str]
Values = t.Mapping[str, object]
#: Returns path and query, with the options if there are any; None if only the adapter can tell; `REFUSED`; or
#: `UNSUITABLE` if certainly no rule takes the values.
WriteLink = t.Callable[[dict[str, object]], Written]
# A client may choose names if a program passes on what it was sent. So many are remembered for a rule, of so many
# characters.
_MOST_NAMES = 64
_LONGEST_NAME = 128


class Query:
    """Adds to the URLs of a rule what belongs to the query.

    Args:
        rule: The rule, if it is the only one of its endpoint.
        variables: The names that do not belong to the query.
        text: The URL without a query, if it is always the same.
    """

    __slots__ = ("_keys", "_rule", "text")

    def __init__(self, rule: Rule | None, variables: t.Iterable[str], text: str | None) -> None:
        self._rule = rule
        self.text: Written = text
        # How each name stands in the query, with the `=`; "" for variables, None for options.
        self._keys: dict[str, str | None] = dict.fromkeys(OPTIONS) | dict.fromkeys(variables, "")

    def added(  # noqa: C901 - calls of its own would cost as much as what they would do
        self, values: Values, url: str | None = None
    ) -> Written:
        """Return a URL with its query and anchor; and with the other options if there are some among the values.

        Returns:
            `UNSUITABLE` if the rule, which is alone, does not have the method; None if another one may have it.
        """
        if url is None:
            url = self.text
        keys, before = self._keys, "?"
        anchor = scheme = external = None
        for name in values:
            text = value = values[name]
            try:
                key = keys[name]
            except KeyError:
                key = self._key(name)
            if not key:
                if key is None:
                    if name == "_external":
                        external = value
                    elif name == "_anchor":
                        anchor = value
                    elif name == "_scheme":
                        scheme = value
                    elif value is not None and not self._allows(value):
                        return None if self._rule is None else UNSUITABLE
                continue
            if type(value) is str:
                if not (value.isalnum() and value.isascii()):
                    text = query_texts.get(value) or quote_query(value)
            elif (kind := type(value)) is int or kind is bool:
                pass  # their texts need no quoting
            elif value is None:
                continue
            elif kind is float:
                text = str(value)
                if "+" in text:
                    text = text.replace("+", "%2B")
            elif isinstance(value, (list, tuple, set)):
                text = _items_in_query(key, value)
                if text:
                    url = f"{url}{before}{text}"
                    before = "&"
                continue
            else:
                text = text_in_query(value)
            url = f"{url}{before}{key}{text}"
            before = "&"
        if scheme is None and external is None:
            if anchor is None:
                return url
            if type(anchor) is str and anchor in fragment_texts and not names:
                return f"{url}#{fragment_texts[anchor]}"
            return f"{url}#{fragment_text(anchor)}"
        return url, anchor, scheme, external, ""

    def _allows(self, method: object) -> bool:
        """Return whether the rule is the only one of its endpoint, and has a method."""
        rule = self._rule
        return rule is not None and (rule.methods is None or method in rule.methods)

    def _key(self, name: str) -> str:
        """Return how a name stands in the query, and remember it."""
        key = f"{query_text(name)}="
        if len(self._keys) < _MOST_NAMES and len(name) <= _LONGEST_NAME and type(name) is str:
            self._keys[name] = key
        return key


def _items_in_query(key: str, items: t.Iterable[object]) -> str:
    """Return how several values stand in a query, each with the name."""
    texts = [
        item if type(item) is str and item.isalnum() and item.isascii() else text_in_query(item)
        for item in items
        if item is not None
    ]
    return f"{key}{f'&{key}'.join(texts)}" if texts else ""


def text_in_query(value: object) -> str:
    """Return how a value stands in a query. Of some types is known what has to be quoted."""
    kind = type(value)
    if kind is str:
        return query_text(value)
    if isinstance(value, date) and (kind is date or (kind is datetime and t.cast("datetime", value).tzinfo is None)):
        return moment_texts.get(value) or moment_text(value)
    if kind is int or kind is bool:
        return str(value)
    if isinstance(value, UUID) and kind is UUID:
        return uuid_texts.get(value.int) or uuid_text(value)
    return query_text(value)


class Link:
    """How the URLs of an endpoint are written.

    Attributes:
        method: The method by which rules were chosen; None if all have the same.
        text: The URL without values; None if that is uncertain.
        write: Writes the URL for some values, which is path and query.
    """

    __slots__ = ("_allowing", "_by_host", "_guards", "_rules", "_uses", "method", "text", "write")

    def __init__(self, rules: EndpointRules, method: str | None = None, *, alone: bool = False) -> None:
        """Make it.

        Args:
            rules: The rules of the endpoint, in order.
            method: The method of the request, whose rules are tried first; None if all rules have the same.
            alone: Whether other rules are not tried.
        """
        some = t.cast("list[Rule]", rules)
        self.method = method
        # The rules with methods, and whether each has this one.
        self._allowing = [
            (rule, method in rule.methods) for rule in some if method is not None and rule.methods is not None
        ]
        others = [rule for rule, allows in self._allowing if not allows]
        some = [rule for rule in some if all(rule is not other for other in others)] + ([] if alone else others)
        only = some[0] if len(some) == 1 and (alone or method is None) else None
        self._rules = tuple(
            (rule, _writer(rule), Query(rule if alone else only, _variables(rule), rule._text)) for rule in some
        )
        self._by_host = some[0].map.host_matching
        self._guards = _guards(self._rules)
        self._uses = 0
        first = self._rules[0][2]
        is_fixed = only is not None and first.text is not None and method is None
        self.write: WriteLink = first.added if is_fixed else self._with_domain if _has_domain(some[0]) else self._first
        if some[0].websocket:
            self.write = self._of_websocket
        self.text: Written = first.text if is_fixed else self._text()

    def _text(self) -> Written:
        """Return the URL without values."""
        if not all(_is_stock(converter) for rule, _, _ in self._rules for converter in rule._converters.values()):
            return None
        if _has_domain(self._rules[0][0]) or self._rules[0][0].websocket:
            return self.write({})
        for _, write_path, _ in self._rules:
            path = write_path({}, None)
            if path is not UNSUITABLE:
                # Methods that change in place are compared when it is written.
                return path if type(path) is str and self.method is None else None
        return UNSUITABLE

    def holds(self) -> bool:
        """Return whether the converters are as they were."""
        return self._guards == _guards(self._rules) and self._by_host is self._rules[0][0].map.host_matching

    def chooses(self) -> bool:
        """Return whether one of the rules has the method."""
        return any(allows for _, allows in self._allowing)

    def _first(self, values: dict[str, object]) -> Written:
        """Write a URL without generated code, which takes as long to make as a hundred URLs."""
        self._uses += 1
        if self._uses == writing.USES_BEFORE_GENERATING + 1:
            write = generated([(rule, query.added) for rule, _, query in self._rules], self.method, self._allowing)
            if write is not None:
                self.write = write
                return write(values)
        for rule, allows in self._allowing:
            if _allows(rule, t.cast("str", self.method)) is not allows:
                return None
        for rule, write_path, query in self._rules:
            path = write_path(values, None)
            if path is UNSUITABLE:
                continue
            if type(path) is not str:
                return path if path is REFUSED else None
            is_whole = len(values) == len(rule.arguments) and not rule.defaults
            return path if is_whole else query.added(values, path)
        return UNSUITABLE

    def _with_domain(self, values: dict[str, object]) -> Written:
        """Write a URL of a rule for a subdomain or a host."""
        rule, write_path, query = self._rules[0]
        found = write_path(values, None)
        if type(found) is not tuple:
            return found if found is REFUSED or found is UNSUITABLE else None
        domain, path = found
        if len(values) == len(rule.arguments) and not rule.defaults:
            return path, None, None, None, domain
        written = query.added(values, path)
        if type(written) is str:
            return written, None, None, None, domain
        return (*written[:4], domain) if type(written) is tuple else written

    def _of_websocket(self, values: dict[str, object]) -> Written:
        """Write a URL of a rule for WebSockets, which always has a scheme and a host."""
        rule, write_path, query = self._rules[0]
        path = write_path(values, None)
        if type(path) is not str:
            return path if path is REFUSED or path is UNSUITABLE else None
        is_whole = len(values) == len(rule.arguments) and not rule.defaults
        written = path if is_whole else query.added(values, path)
        if type(written) is not tuple:
            return (written, None, WebSocketScheme(None), True, "") if type(written) is str else written
        url, anchor, scheme, external, _ = written
        if scheme is not None and external is not None and not external:
            return None
        return url, anchor, WebSocketScheme(scheme), True, ""


def _writer(rule: Rule) -> Write:
    """Return what writes path and query of a rule."""
    if rule.websocket:
        return Interpreter(rule, partial(writer_of, rule))
    return rule._write or write_of(rule)


def _has_domain(rule: Rule) -> bool:
    """Return whether a rule is for a subdomain, or for a host where these are matched."""
    return bool(rule.host if rule.map.host_matching else rule.subdomain)


def _variables(rule: Rule) -> set[str]:
    return {*map(str, rule.defaults or ()), *rule.arguments}


def _guards(rules: t.Iterable[tuple[Rule, object, object]]) -> list[Guard | type[BaseConverter] | None]:
    """Return the state of the converters that generated code depends on."""
    found: list[Guard | type[BaseConverter] | None] = []
    for rule, _, _ in rules:
        for converter in rule._converters.values():
            kind = type(converter)
            found.append((guard_of(converter, "to_url") or kind) if kind in STOCK else kind)
            found.append(t.cast("type[BaseConverter]", getattr(kind, "num_convert", None)))
    return found


def link_of(url_map: Map, endpoint: str, method: str | None = None, *, alone: bool = False) -> Link | None:
    """Return the link of an endpoint; None if it has none, or an adapter has to build its URLs.

    Args:
        url_map: The map.
        endpoint: The endpoint.
        method: The method that decides between rules with different methods; None for a link that does for all.
        alone: Whether rules without the method are not tried.
    """
    if url_map._remap:
        # The rules of an endpoint are not in order yet.
        url_map.update()
    rules = url_map._rules_by_endpoint.get(endpoint)
    if type(rules) is not EndpointRules or not rules or url_map.sort_parameters:
        return None
    link = rules.link
    if link is not None and link.holds():
        return link
    differ = any(rule.methods != rules[0].methods for rule in rules)
    if differ and (method is None or (alone and not any(_allows(rule, method) for rule in rules))):
        return None
    if not all(_can_be_written(rule, alone=len(rules) == 1) for rule in rules):
        return None
    for rule in t.cast("list[Rule]", rules):
        if rule._listed is not rules:
            rule._listed = rules
    if differ:
        return Link(rules, method, alone=alone)
    rules.link = link = Link(rules)
    return link


def _can_be_written(rule: WerkzeugRule, *, alone: bool) -> bool:
    """Return whether a link can write the URLs of a rule, which may be the only one of its endpoint."""
    if type(rule) is not Rule or not accepts_options(rule) or "build" in vars(rule) or "suitable_for" in vars(rule):
        return False
    if rule.websocket and (_has_domain(rule) or rule.map.host_matching or not alone):
        return False
    # Of several rules the host may decide, and a converter that is asked must not be asked again.
    return alone or not (_has_domain(rule) or not all(map(_is_stock, rule._converters.values())))


def _allows(rule: WerkzeugRule, method: str) -> bool:
    return rule.methods is None or method in rule.methods


def _is_stock(converter: BaseConverter) -> bool:
    return STOCK.get(type(converter)) is type(converter).to_url and "to_url" not in vars(converter)
