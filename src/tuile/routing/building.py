"""The URL of an endpoint, written down without Werkzeug's adapter where its answer is certain.

Floor 1, text and bytes. What must live here: how a rule is put into words once, and a URL made of those words
and the values. What must not: which adapter is the right one, defaults of the application, errors. None says
that only Werkzeug's `MapAdapter.build` may answer: for other hosts and subdomains, websockets, converters and
rules of somebody's own, values that no rule takes, and everything that ends in an error with its suggestions.
"""

from __future__ import annotations

import re
import typing as t
from urllib.parse import quote

from werkzeug.routing import BaseConverter, IntegerConverter, MapAdapter, Rule, ValidationError

from .map import Map

Values = t.Mapping[str, t.Any]
# A variable part: its name, the types whose values it only writes down, the converter for all others, and the
# text up to the next one.
Part = tuple[str, frozenset[type], BaseConverter, str]
# A rule: the arguments that must be given, its defaults, what comes before the first variable part, those parts.
Plan = tuple[frozenset[str], Values, str, tuple[Part, ...]]
# Takes the values and returns path and query, or None where one of them has to be quoted or converted.
Write = t.Callable[[Values], str | None]
# What to do with values of certain names, in a certain order: the rules of the endpoint and how many they were,
# the first that takes the values and what Werkzeug had compiled for it, and what writes them down.
Shape = tuple[list[Rule], int, Rule, t.Any, Write]

_SECURE = frozenset({"https", "wss"})
# What `quote` leaves as it is in a path (WHATWG URL, path percent-encode set), and `urlencode` in a query.
_SAFE_IN_PATH = "!$&'()*+,/:;=@"
_keeps_in_path = re.compile(r"[A-Za-z0-9_.\-~!$&'()*+,/:;=@]*").fullmatch
_keeps_in_query = re.compile(r"[A-Za-z0-9_.\-~!$'()*,/:;?@]*").fullmatch

# What neither of them quotes.
_keeps_anywhere = re.compile(r"[A-Za-z0-9_.\-~!$'()*,/:;@]*").fullmatch
_SHAPES_KEPT = 2048
# Python that tells a value that only needs to be written down.
_IS_NUMBER = "type(v{0} := values[{1!r}]) is int"
_IS_PLAIN = (
    "(type(v{0} := values[{1!r}]) is str and (v{0}.isalnum() and v{0}.isascii() or keeps(v{0})) or type(v{0}) is int)"
)

_TEXT: frozenset[type] = frozenset({str, int})
_NUMBER: frozenset[type] = frozenset({int})
_NOTHING: frozenset[type] = frozenset()
_UNPLANNED: t.Any = object()
_werkzeugs_build = MapAdapter.build


def build(
    adapter: t.Any, endpoint: str, values: Values, method: str | None, scheme: str | None, external: bool
) -> str | None:
    """Return what `adapter.build` would, or None to ask it.

    Parameters:
        values: the variable parts and what goes into the query; None stands for a value that is not given.
        method: which rule of several, by the method it answers; None for the adapter's own, then any.
        scheme: instead of the adapter's, in an external URL.
        external: whether the URL begins with a scheme and a host.
    """
    path = known_path(adapter, endpoint, values, method)
    if path is None:
        # That may be because all of this is Werkzeug's to answer, or because nothing is known yet.
        url_map = adapter.map if type(adapter) is MapAdapter else None
        if type(url_map) is not Map or adapter.subdomain != "" or MapAdapter.build is not _werkzeugs_build:
            return None
        path = _thorough(adapter, endpoint, values, method)
        if path is None:
            return None
    root = adapter.script_name
    if not external:
        return path if root == "/" else root[:-1].rstrip("/") + path
    if scheme is None:
        scheme = adapter.url_scheme
    if scheme:
        scheme = "https:" if scheme in _SECURE else "http:"
    return f"{scheme or ''}//{adapter.server_name}{root[:-1]}{path}"


def known_path(adapter: t.Any, endpoint: str, values: Values, method: str | None) -> str | None:
    """Return path and query, with one slash before them, where it is known which rule takes values of these names.

    Parameters:
        method: None for the adapter's own.
    """
    url_map = adapter.map if type(adapter) is MapAdapter else None
    if type(url_map) is not Map or adapter.subdomain != "" or MapAdapter.build is not _werkzeugs_build:
        return None
    shape: Shape | None = url_map.shapes.get((endpoint, *values))
    if shape is None:
        return None
    rules, count, rule, compiled, write = shape
    if (
        url_map._rules_by_endpoint.get(endpoint) is rules
        and len(rules) == count
        and rule._build_unknown is compiled
        and (adapter.default_method if method is None else method) in (rule.methods or ())
    ):
        return write(values)
    return None


def _thorough(adapter: MapAdapter, endpoint: str, values: Values, method: str | None) -> str | None:
    """Return path and query, rule by rule and value by value, with one slash before it; None where not certain."""
    url_map = t.cast("Map", adapter.map)
    if url_map._remap:
        url_map.update()
    if url_map.host_matching:
        return None
    for value in values.values():
        if value is None:
            values = {name: value for name, value in values.items() if value is not None}
            break
    rules = url_map._rules_by_endpoint.get(endpoint, [])
    path = _path(url_map.plans, rules, values, adapter.default_method if method is None else method)
    if path is None and method is None:
        path = _path(url_map.plans, rules, values, None)
    if path is None:
        return None
    # `url_for` looks for what is known before it has looked at a leading dot.
    if len(url_map.shapes) < _SHAPES_KEPT and not url_map.sort_parameters and endpoint[:1] != ".":
        _note_shape(url_map, endpoint, values, rules)
    return "/" + path.lstrip("/")


def _note_shape(url_map: Map, endpoint: str, values: Values, rules: list[Rule]) -> None:
    """Remember which rule takes values of these names, where that does not depend on the values."""
    for rule in rules:
        plan = url_map.plans.get(rule._build_unknown)
        if plan is None or plan[1] or rule.methods is None:
            return
        if plan[0] <= values.keys():
            write = _writer(plan, tuple(values))
            if write is not None:
                given = (endpoint, *values)
                url_map.shapes[given] = (rules, len(rules), rule, rule._build_unknown, write)
            return


def _writer(plan: Plan, names: tuple[str, ...]) -> Write | None:
    """Compile a plan for values of these names, given in this order; None where they always need a converter."""
    required, _, text, parts = plan
    # A path that begins with a value may begin with a slash too many.
    if text[:1] != "/" or text[1:2] == "/" or (text == "/" and parts):
        return None
    conditions = []
    for name, kept, _, following in parts:
        if kept is _NOTHING:
            return None
        place = names.index(name)
        conditions.append((_IS_NUMBER if kept is _NUMBER else _IS_PLAIN).format(place, name))
        text += f"{{v{place}}}{following}"
    sign = "?"
    for place, name in enumerate(names):
        if name not in required:
            if not _keeps_in_query(name):
                return None
            conditions.append(_IS_PLAIN.format(place, name))
            text += f"{sign}{name}={{v{place}}}"
            sign = "&"
    source = f"lambda values: f{text!r} if {' and '.join(conditions) or True} else None"
    write: Write = eval(source, {"keeps": _keeps_anywhere})  # noqa: S307 - made here, of quoted text
    return write


def _path(plans: dict[t.Any, Plan | None], rules: t.Iterable[Rule], values: Values, method: str | None) -> str | None:
    """Return the path and query by the first of an endpoint's rules that takes the values; None if not certain."""
    for rule in rules:
        # Werkzeug makes it anew when a rule is changed, so that what is kept under it is never old.
        compiled = rule._build_unknown
        plan = plans.get(compiled, _UNPLANNED)
        if plan is _UNPLANNED:
            plan = plans[compiled] = _plan(rule)
        if plan is None:
            return None
        if method is not None and rule.methods is not None and method not in rule.methods:
            continue
        required, defaults, _, _ = plan
        if not required <= values.keys():
            continue
        if any(name in values and value != values[name] for name, value in defaults.items()):
            continue
        return _written(rule, plan, values)
    return None


def _written(rule: Rule, plan: Plan, values: Values) -> str | None:
    """Return the path and query with these values; None where a converter refuses one or gives no plain text."""
    required, defaults, path, parts = plan
    try:
        query = _query(rule, required, defaults, values)
        for name, kept, converter, following in parts:
            value = values[name]
            kind = type(value)
            if kind not in kept or not (kind is int or _keeps_in_path(value)):
                value = converter.to_url(value)
                if type(value) is not str:
                    return None
            path += f"{value}{following}"
    except ValidationError:
        # The next rule may take it; that is rare.
        return None
    return path + query


def _query(rule: Rule, required: frozenset[str], defaults: Values, values: Values) -> str:
    """Return the query with the values that are not the rule's arguments, with its question mark; or nothing."""
    others = {name: value for name, value in values.items() if name not in required and name not in defaults}
    if not others:
        return ""
    pairs = []
    if not rule.map.sort_parameters:
        for name, value in others.items():
            kind = type(value)
            if not (kind is int or (kind is str and _keeps_in_query(value))) or not _keeps_in_query(name):
                break
            pairs.append(f"{name}={value}")
        else:
            return "?" + "&".join(pairs)
    encoded: str = rule._encode_query_vars(others)
    return f"?{encoded}" if encoded else ""


def _plan(rule: Rule) -> Plan | None:
    """Put a rule into words; None for one that only Werkzeug may build."""
    if type(rule) is not Rule or rule.websocket or rule.subdomain or rule.host:
        return None
    defaults = rule.defaults or {}
    start = ""
    parts: list[Part] = []
    # Before the `|` is the subdomain, which is empty here.
    for is_variable, text in rule._trace[1:]:
        if is_variable and text not in defaults:
            converter = rule._converters[text]
            parts.append((text, _kept(converter), converter, ""))
            continue
        piece = rule._converters[text].to_url(defaults[text]) if is_variable else quote(text, safe=_SAFE_IN_PATH)
        if parts:
            name, kept, converter, following = parts[-1]
            parts[-1] = (name, kept, converter, following + piece)
        else:
            start += piece
    return frozenset(rule.arguments) - defaults.keys(), defaults, start, tuple(parts)


def _kept(converter: BaseConverter) -> frozenset[type]:
    """Return the types whose values a converter writes down as they are, text only where nothing is to be quoted."""
    if "to_url" in vars(converter):
        return _NOTHING
    if type(converter).to_url is BaseConverter.to_url:
        return _TEXT
    return _NUMBER if type(converter) is IntegerConverter and not converter.fixed_digits else _NOTHING
