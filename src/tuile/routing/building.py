"""Build the URL of an endpoint without Werkzeug's adapter if the result is certain to be the same.

For each rule a function that writes its path is generated when the first URL of that rule is built. The code depends on
the rule alone: names and values of the query, which clients may choose, are only data.
"""

from __future__ import annotations

import typing as t
from urllib.parse import quote, quote_plus

from werkzeug.routing import BaseConverter, BuildError, FloatConverter, IntegerConverter, MapAdapter, ValidationError
from werkzeug.routing import Rule as WerkzeugRule

from .map import Map
from .rule import Rule, guard_of

Values = t.Mapping[str, t.Any]
# Takes the values and returns path and query, with one slash before them. `_UNSUITABLE` means that the rule does not
# take these values, and None that only Werkzeug can tell.
Write = t.Callable[[Values], t.Any]
# The builder that Werkzeug compiled for the rule, the rule's defaults and arguments, and the generated function.
Writer = tuple[object, object, set[str], Write]

_SECURE = frozenset({"https", "wss"})
# The characters that `quote` leaves unchanged in a path (WHATWG URL, path percent-encode set), `urlencode` in a query.
_KEPT_IN_PATH = "!$&'()*+,/:;=@"
_KEPT_IN_QUERY = "!$'()*,/:;?@"
# The encoding of each octet.
_IN_PATH = [quote(bytes((octet,)), safe=_KEPT_IN_PATH) for octet in range(256)]
_IN_QUERY = [quote_plus(bytes((octet,)), safe=_KEPT_IN_QUERY) for octet in range(256)]
_UNSUITABLE: t.Any = object()
_werkzeugs_build = MapAdapter.build


def build(
    adapter: MapAdapter, endpoint: str, values: Values, method: str | None, scheme: str | None, external: bool
) -> str | None:
    """Return the result of `adapter.build`, or None if it must be called.

    Args:
        adapter: The adapter of the request or the application.
        endpoint: The name of the endpoint.
        values: The variable parts and the values for the query; None stands for a value that is not given.
        method: The method whose rule is used, if there are several; None for the adapter's own, then any.
        scheme: The scheme of an external URL, instead of the adapter's.
        external: Whether the URL begins with a scheme and a host.

    Raises:
        BuildError: If no rule takes the values.
    """
    path = path_of(adapter, endpoint, values, method)
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


def path_of(adapter: MapAdapter, endpoint: str, values: Values, method: str | None) -> str | None:
    """Return path and query, with one slash before them, by the first rule that takes the values; None if not certain.

    Args:
        adapter: The adapter of the request or the application.
        endpoint: The name of the endpoint.
        values: As for `build`.
        method: As for `build`.

    Raises:
        BuildError: If no rule takes the values.
    """
    url_map = adapter.map if type(adapter) is MapAdapter else None
    if (
        type(url_map) is not Map
        or adapter.subdomain != ""
        or url_map.host_matching
        or MapAdapter.build is not _werkzeugs_build
    ):
        return None
    if url_map._remap:
        url_map.update()
    rules = url_map._rules_by_endpoint.get(endpoint, ())
    wanted: str | None = adapter.default_method if method is None else method
    while True:
        for rule in rules:
            writer = rule.__dict__.get("_writer")
            if (
                writer is None
                or writer[0] is not rule._build_unknown
                or writer[1] is not rule.defaults
                or writer[2] is not rule.arguments
            ):
                writer = rule.__dict__["_writer"] = _writer(rule)
            methods = rule.methods
            if wanted is None or methods is None or wanted in methods:
                path: str = writer[3](values)
                if path is not _UNSUITABLE:
                    return path
        if wanted is None or method is not None:
            given = {name: value for name, value in values.items() if value is not None}
            raise BuildError(endpoint, given, method, adapter)
        wanted = None


def _path_text(value: object) -> str:
    """Return the result of `BaseConverter.to_url`."""
    return "".join(map(_IN_PATH.__getitem__, str(value).encode()))


def _query_text(value: object) -> str:
    """Encode a name or a value as `urlencode` does."""
    return "".join(map(_IN_QUERY.__getitem__, value if isinstance(value, bytes) else str(value).encode()))


def _query(values: Values, known: t.Container[str]) -> str:
    """Return the query for the values that are not variables of the rule, with its question mark, or ""."""
    pairs = []
    for name, value in values.items():
        if name in known or value is None:
            continue
        key = name if name.isascii() and name.isalnum() else _query_text(name)
        kind = type(value)
        if kind is str:
            pairs.append(f"{key}={value if value.isascii() and value.isalnum() else _query_text(value)}")
        elif kind is int or kind is bool:
            pairs.append(f"{key}={value}")
        elif isinstance(value, (list, tuple, set)):
            pairs += [f"{key}={_query_text(item)}" for item in value if item is not None]
        else:
            pairs.append(f"{key}={_query_text(value)}")
    return f"?{'&'.join(pairs)}" if pairs else ""


def _sorted_query(rule: WerkzeugRule, values: Values, known: t.Container[str]) -> str:
    """Return the query with sorted parameters, encoded by Werkzeug."""
    others = {name: value for name, value in values.items() if name not in known and value is not None}
    encoded: str = rule._encode_query_vars(others) if others else ""
    return f"?{encoded}" if encoded else ""


def _writer(rule: WerkzeugRule) -> Writer:
    """Return the function that writes the URLs of a rule, and the values it depends on."""
    defaults = rule.defaults or {}
    path = _Path()
    is_ours = type(rule) in {Rule, WerkzeugRule} and not (rule.websocket or rule.subdomain or rule.host)
    if is_ours:
        # Before the `|` is the subdomain, which is empty here.
        for is_variable, text in rule._trace[1:]:
            if not is_variable:
                path.add_text(quote(text, safe=_KEPT_IN_PATH))
            elif text in defaults:
                path.add_text(rule._converters[text].to_url(defaults[text]))
            else:
                path.add_variable(text, rule._converters[text])
    if not (is_ours and path.is_plain):
        return rule._build_unknown, rule.defaults, rule.arguments, _left_to_werkzeug
    required = sorted(rule.arguments - {str(name) for name in defaults})
    names = {
        **path.names,
        "ValidationError": ValidationError,
        "converters": rule._converters,
        "defaults": defaults,
        "expected": dict(rule._converters),
        "known": frozenset({*map(str, defaults), *rule.arguments}),
        "path_text": _path_text,
        "query_of": _query,
        "rule": rule,
        "sorted_query": _sorted_query,
        "unsuitable": _UNSUITABLE,
    }
    source = "\n".join([*_head(required, defaults, path), *path.result(), ""])
    return rule._build_unknown, rule.defaults, rule.arguments, _compiled(f"URL of {rule.rule!r}", source, names)


def _left_to_werkzeug(values: Values) -> None:
    """Write nothing."""


def _head(required: list[str], defaults: Values, path: _Path) -> list[str]:
    """Return the lines that decide whether the rule takes the values, and that build the query."""
    lines = ["def build(values):"]
    if required:
        lines += ["    try:", *(f"        {path.local(name)} = values[{name!r}]" for name in required)]
        lines += ["    except KeyError:", "        return unsuitable"]
        lines += [f"    if {' or '.join(f'{path.local(name)} is None' for name in required)}:"]
        lines += ["        return unsuitable"]
    if defaults:
        lines += ["    for name, value in defaults.items():"]
        lines += ["        if values.get(name) is not None and value != values[name]:"]
        lines += ["            return unsuitable"]
    lines += [f"    if {' or '.join(['converters != expected', *path.checks])}:", "        return None"]
    lines += ["    query = ''", f"    if len(values) > {len(required)}:"]
    lines += ["        if rule.map.sort_parameters:", "            query = sorted_query(rule, values, known)"]
    return [*lines, "        else:", "            query = query_of(values, known)"]


class _Path:
    """The path of one rule, as lines of Python."""

    def __init__(self) -> None:
        #: The names that the lines use.
        self.names: dict[str, object] = {}
        #: Conditions under which the converters would do something different from the lines.
        self.checks: list[str] = []
        #: False for a path that is not only text.
        self.is_plain = True
        self._locals: dict[str, str] = {}
        # Whether a piece is the name of a local variable, and that name or the text.
        self._pieces: list[tuple[bool, str]] = []
        self._steps: list[str] = []
        self._calls_converters = False

    def local(self, name: str) -> str:
        """Return the local variable for the value of a variable part."""
        return self._locals.setdefault(name, f"v{len(self._locals)}")

    def add_text(self, text: str) -> None:
        """Add a part that is always the same."""
        if type(text) is not str:
            self.is_plain = False
        elif self._pieces and not self._pieces[-1][0]:
            self._pieces[-1] = (False, self._pieces[-1][1] + text)
        else:
            self._pieces.append((False, text))

    def add_variable(self, name: str, converter: BaseConverter) -> None:
        """Add a part whose value is given by name."""
        value = self.local(name)
        number = value[1:]
        self._pieces.append((True, f"p{number}"))
        guard = guard_of(converter, "to_url")
        expression = None if guard is None else _inlined(converter, value)
        if guard is None or expression is None:
            # Looked up each time: the converter may change as it likes.
            self._calls_converters = True
            expression = f"converters[{name!r}].to_url({value})"
        else:
            kind, stock, now, then = guard
            self.names |= {f"kind{number}": kind, f"stock{number}": stock, f"now{number}": now, f"then{number}": then}
            self.checks += [f"kind{number}.to_url is not stock{number}", f"now{number} != then{number}"]
        self._steps.append(f"p{number} = {expression}")

    def result(self) -> list[str]:
        """Return the lines that build the path from the local variables, and return it with the query."""
        lines = [f"    {step}" for step in self._steps]
        if self._calls_converters:
            lines = ["    try:", *(f"    {line}" for line in lines), "    except ValidationError:"]
            lines += ["        return unsuitable"]
            # Like Werkzeug's builder, which refuses anything but text.
            items = [text if is_variable else repr(text) for is_variable, text in self._pieces]
            url = f"''.join(({', '.join(items)}, query))"
        else:
            # The text has no braces: they are quoted.
            texts = [f"{{{text}}}" if is_variable else text for is_variable, text in self._pieces]
            url = "f" + repr("".join(texts) + "{query}")
        first = self._pieces[0][1]
        # A value, or a rule that keeps its slashes, may produce several slashes.
        is_certain = first[:1] == "/" and first[1:2] != "/" and (len(first) > 1 or len(self._pieces) == 1)
        return [*lines, f"    return {url}" if is_certain else f"    return '/' + {url}.lstrip('/')"]


def _inlined(converter: BaseConverter, value: str) -> str | None:
    """Return a Python expression that does what one of Werkzeug's own converters does; None to call it."""
    if type(converter).to_url is BaseConverter.to_url:
        return f"{value} if type({value}) is str and {value}.isascii() and {value}.isalnum() else path_text({value})"
    if isinstance(converter, (IntegerConverter, FloatConverter)):
        number = "int" if isinstance(converter, IntegerConverter) else "float"
        digits = f".zfill({converter.fixed_digits})" if converter.fixed_digits else ""
        return f"str({number}({value})){digits}"
    return None


class _Source:
    """A loader from which `linecache` gets the lines of generated code, to show them in tracebacks."""

    def __init__(self, source: str) -> None:
        self._source = source

    def get_source(self, name: str) -> str:
        """Return the source."""
        return self._source


def _compiled(title: str, source: str, names: dict[str, t.Any]) -> Write:
    """Return the function that some generated source defines."""
    scope = {"__name__": title, "__loader__": _Source(source), **names}
    exec(compile(source, title, "exec"), scope)  # noqa: S102 - made of a rule, every text in it quoted
    write: Write = scope["build"]
    return write
