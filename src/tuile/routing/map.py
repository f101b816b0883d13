"""Which rule answers a path: Werkzeug's map, with an index in front of it.

Floor 1, text and bytes. Werkzeug's `Map` parses rules and decides every doubtful case; the index here
answers only when it is certain that Werkzeug would say the same, and says None otherwise. What must
live here: the index and how it is built from bound rules. What must not: requests, contexts,
redirects, errors; those belong to Werkzeug's `MapAdapter`.
"""

from __future__ import annotations

import re
import typing as t
from collections import Counter
from threading import Lock
from types import FunctionType

from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import BaseConverter, IntegerConverter, MapAdapter, Rule, RuleFactory
from werkzeug.routing import Map as WerkzeugMap

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.routing.matcher import State

Found = tuple[Rule, dict[str, t.Any]] | tuple[None, HTTPException]
Convert = t.Callable[[str], t.Any]
# The view's arguments: the name, the place of the value among those in the path, the conversion if there is one.
Arguments = tuple[tuple[str, int, Convert | None], ...]

# What a map can be told after rules were added and that the index has taken for granted.
_KNOBS = frozenset({"host_matching", "sort_parameters", "default_subdomain", "redirect_defaults", "_matcher"})
# What binds a map to a request, when it is replaced on one map.
_BINDING = frozenset({"bind", "bind_to_environ"})
_HOSTS_KEPT = 256
_SCHEMES = frozenset({"http", "https"})
# How Werkzeug names the groups of a rule's pattern: this and the number of the converter.
_GROUP = "__werkzeug_"


# One rule at the end of a path: whether it is certain or only Werkzeug may answer for it, the view's arguments
# with their conversions, the defaults. Plain tuples, which unpack in a third of the time of named ones.
Answer = tuple[Rule, bool, Arguments, t.Mapping[str, t.Any] | None]
# One variable part of a path: how it is tested, the groups of a match that have the values (None: the part itself is
# the value), whether it takes all that is left of the path, and the node it leads to.
Edge = tuple[t.Callable[[str], t.Any], tuple[int, ...] | None, bool, "Node"]
# What the patterns of `<name>` and `<int:name>` come to for text without a slash, 0.12 -> 0.03 µs on CPython 3.11
# (timeit). `\\d` is what `isdecimal` says; others are matched as they are.
_TESTS: dict[str, t.Callable[[str], t.Any]] = {
    rf"(?P<{_GROUP}0>[^/]{{1,}})\Z": len,
    rf"(?P<{_GROUP}0>\d+)\Z": str.isdecimal,
}


class Node:
    """A place between two slashes: the parts that may follow, and the rules that end here."""

    __slots__ = ("answers", "certain", "edges", "ends", "static")

    def __init__(self) -> None:
        self.static: dict[str, Node] = {}
        self.edges: list[Edge] = []
        self.answers: list[Answer] = []
        # Whether any rule ends here or one slash further on, one for websockets too.
        self.ends = False
        # False where a variable part is of a kind that the walk does not follow.
        self.certain = True


class Index:
    """The rules of one map as a dictionary of static paths and a tree of the others.

    It reproduces the first descent of Werkzeug's matcher (static before variable, variables by
    weight). A path on which that descent fails is not decided here.
    """

    __slots__ = ("knows_all", "root", "static")

    def __init__(self, root: Node, static: dict[str, list[Answer]], knows_all: bool) -> None:
        self.root = root
        self.static = static
        # Whether no other rules, for a subdomain that is matched, may answer what these do not.
        self.knows_all = knows_all

    def walk(self, path: str, values: list[str]) -> list[Answer] | None:
        """Follow a path with variable parts, as the server gave it (latin-1), to its rules; its values are appended."""
        parts = _parts(path)
        if parts is None:
            return None
        node = self.root
        for position, part in enumerate(parts):
            following = node.static.get(part)
            if following is not None:
                node = following
                continue
            if not node.certain:
                return None
            for test, groups, final, following in node.edges:  # noqa: B007 - read after the loop
                matched = test("/".join(parts[position:]) if final else part)
                if matched:
                    break
            else:
                return None
            if groups is None:
                values.append(part)
            else:
                values += [matched[group] for group in groups]
            node = following
            if final:
                break
        return node.answers

    def misses(self, path: str) -> bool:
        """Answer whether there is certainly no rule for a path, nor for it with other slashes, whatever the method."""
        parts = _parts(path)
        return self.knows_all and parts is not None and "" not in parts[:-1] and _misses(self.root, parts, 0)


def _parts(path: str) -> list[str] | None:
    """Return what stands between the slashes of a path (latin-1), as text (UTF-8); None where only Werkzeug knows."""
    parts = (path if path.isascii() else _decoded(path)).split("/")
    return None if parts.pop(0) or not parts or (not parts[0] and len(parts) > 1) else parts


def _misses(node: Node, parts: list[str], position: int) -> bool:
    """Answer whether no way from a node along these parts, from a position on, leads to where a rule ends.

    It goes every way that Werkzeug's matcher might go, to the end of the path and to one slash more or less.
    """
    if node.ends and position >= len(parts) - (not parts[-1]):
        return False
    if position == len(parts):
        return True
    part = parts[position]
    following = node.static.get(part)
    if not node.certain or (following is not None and not _misses(following, parts, position + 1)):
        return False
    for test, _, final, following in node.edges:
        if final:
            if test("/".join(parts[position:])):
                return False
        elif test(part) and not _misses(following, parts, position + 1):
            return False
    return True


class Map(WerkzeugMap):
    """Werkzeug's URL map with `find`, which answers certain hits without an adapter."""

    _index: Index | None = None

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        # Host header -> (scheme, SERVER_NAME) -> the name that Werkzeug bound such a request with.
        self._hosts: dict[str | None, dict[tuple[str, str | None], str]] = {}
        # Counted so that an index that was built while a rule came in is not kept.
        self._revision = 0
        # What `url_building` has put into words, by what Werkzeug compiled for the rule.
        self.plans: dict[t.Any, t.Any] = {}
        # What it has found out for values of certain names, by endpoint and names.
        self.shapes: dict[tuple[str, ...], t.Any] = {}
        self._revision_lock = Lock()
        super().__init__(*args, **kwargs)

    def __setattr__(self, name: str, value: t.Any) -> None:
        super().__setattr__(name, value)
        if name in _KNOBS and "_revision_lock" in self.__dict__:
            self._forget_index()
        elif name in _BINDING:
            # It wants to be asked each time, and is where no host is known.
            self._hosts.clear()

    def add(self, rulefactory: RuleFactory) -> None:
        """Bind a rule (or a factory's rules) to this map."""
        super().add(rulefactory)
        self._forget_index()

    def _forget_index(self) -> None:
        with self._revision_lock:
            self._revision += 1
            self._index = None
            self.shapes = {}

    def find(self, environ: WSGIEnvironment) -> Found | None:
        """Return the rule and the view's arguments for a request, None and its refusal, or None to ask a `MapAdapter`.

        None alone says nothing about the request: it may still match, redirect or fail.
        """
        index = self._index
        if index is None:
            index = self._build_index()
        if (
            environ.get("HTTP_HOST") not in self._hosts
            or environ.get("wsgi.url_scheme") not in _SCHEMES
            or "HTTP_UPGRADE" in environ
        ):
            return None
        path = environ.get("PATH_INFO", "")
        values: list[str] = []
        answers = index.static.get(path)
        if answers is None:
            answers = index.walk(path, values)
            if not answers:
                return (None, NotFound()) if index.misses(path) else None
        method = environ["REQUEST_METHOD"]
        for rule, certain, arguments, defaults in answers:
            methods = rule.methods
            if methods is None or method in methods:
                if not certain or (methods is None and not method.isupper()):
                    return None
                if not arguments:
                    return rule, dict(defaults) if defaults else {}
                return _converted(rule, arguments, values, defaults)
        return None

    def accept_host(self, environ: WSGIEnvironment, server_name: str | None, adapter: MapAdapter) -> None:
        """Note that Werkzeug could bind a request with this Host header, so that it need not be asked again.

        Parameters:
            server_name: the configured `SERVER_NAME`.
            adapter: what Werkzeug made of the request.
        """
        if not _BINDING.isdisjoint(self.__dict__):
            return
        if len(self._hosts) >= _HOSTS_KEPT:
            self._hosts.clear()
        bound = self._hosts.setdefault(environ.get("HTTP_HOST"), {})
        if len(bound) < _HOSTS_KEPT:
            bound[environ["wsgi.url_scheme"], server_name] = adapter.server_name

    def adapter_for(self, environ: WSGIEnvironment, server_name: str | None) -> MapAdapter | None:
        """Return what `bind_to_environ` would for a host that is known, or None to ask it."""
        host = environ.get("HTTP_HOST")
        scheme = environ.get("wsgi.url_scheme", "")
        name = self._hosts.get(host, {}).get((scheme, server_name))
        if name is None or host is None or "HTTP_UPGRADE" in environ:
            return None
        script_name, path_info = environ.get("SCRIPT_NAME"), environ.get("PATH_INFO")
        query = environ.get("QUERY_STRING")
        if script_name is None or path_info is None or query is None:
            return None
        if not (path_info.isascii() and script_name.isascii() and query.isascii()):
            script_name, path_info, query = (
                text.encode("latin1").decode(errors="replace") for text in (script_name, path_info, query)
            )
        method = environ["REQUEST_METHOD"]
        return MapAdapter(self, name, script_name, self.default_subdomain or "", scheme, path_info, method, query)

    def _build_index(self) -> Index:
        revision = self._revision
        self.update()
        domain = None
        if not self.host_matching and not self.default_subdomain:
            domain = self._matcher._root.static.get("")
        builder = _IndexBuilder(self)
        start = None if domain is None else domain.static.get("")
        if start is None:
            root = Node()
            root.certain = False
        else:
            root = builder.copy(start, "")
        index = Index(root, builder.static, knows_all=not self._matcher._root.dynamic)
        with self._revision_lock:
            if revision == self._revision:
                self._index = index
        return index


class _IndexBuilder:
    """Copies the states of Werkzeug's matcher into nodes."""

    def __init__(self, url_map: Map) -> None:
        self.static: dict[str, list[Answer]] = {}
        # How many rules with defaults there are for an endpoint and its arguments: one of them may be the
        # URL that another one redirects to.
        self._with_defaults = Counter(_purpose(rule) for rule in url_map._rules if rule.defaults)

    def copy(self, state: State, path: str | None) -> Node:
        """Copy one state and what follows it; `path` is what leads there, None below a variable part."""
        node = Node()
        node.answers = [self._answer(rule) for rule in state.rules if not rule.websocket]
        slashed = state.static.get("")
        node.ends = bool(state.rules or (slashed is not None and slashed.rules))
        # Werkzeug reads several slashes at the start of a path as one.
        if path is not None and node.answers and path[:2] != "//":
            self.static[path.encode().decode("latin1")] = node.answers
        for part, following in state.static.items():
            node.static[part] = self.copy(following, None if path is None else f"{path}/{part}")
        for rule_part, following in state.dynamic:
            try:
                pattern = re.compile(rule_part.content)
            except re.error:
                # For Werkzeug to say when somebody asks for a URL like this.
                pattern = None
            if pattern is None or rule_part.suffixed:
                node.certain = False
                break
            test = _TESTS.get(rule_part.content)
            edge = (pattern.match, _groups(pattern)) if test is None or rule_part.final else (test, None)
            node.edges.append((*edge, rule_part.final, self.copy(following, None)))
        return node

    def _answer(self, rule: Rule) -> Answer:
        rivals = self._with_defaults[_purpose(rule)] - bool(rule.defaults)
        certain = not (rule.alias or rule.redirect_to is not None or rivals)
        converters = enumerate(rule._converters.items())
        arguments = tuple((name, place, _conversion(converter)) for place, (name, converter) in converters)
        return rule, certain, arguments, rule.defaults


def _purpose(rule: Rule) -> tuple[t.Any, frozenset[str]]:
    return rule.endpoint, frozenset(rule.arguments)


def _decoded(path: str) -> str:
    """Return a path of the server (latin-1) as text (UTF-8); nothing matches one that is not UTF-8."""
    try:
        return path.encode("latin1").decode()
    except UnicodeError:
        return ""


def _converted(
    rule: Rule, arguments: Arguments, values: t.Sequence[str], defaults: t.Mapping[str, t.Any] | None
) -> Found | None:
    """Return the rule with the view's arguments, or what `find` says where a converter refuses a value."""
    found: dict[str, t.Any] = {}
    try:
        for name, place, convert in arguments:
            found[name] = values[place] if convert is None else convert(values[place])
    except ValueError:
        return None
    except HTTPException as refusal:
        return None, refusal
    if defaults:
        found.update(defaults)
    return rule, found


def _groups(pattern: re.Pattern[str]) -> tuple[int, ...]:
    """Return the numbers of the groups that hold converter values, in the order of the converters."""
    numbered = [
        (int(name.removeprefix(_GROUP)), index) for name, index in pattern.groupindex.items() if name.startswith(_GROUP)
    ]
    return tuple(index for _, index in sorted(numbered))


def _conversion(converter: BaseConverter) -> Convert | None:
    """Return how a converter turns text into a value; None when it keeps the text."""
    if type(converter).to_python is BaseConverter.to_python and "to_python" not in converter.__dict__:
        return None
    if type(converter) is IntegerConverter and "to_python" not in converter.__dict__:
        unbounded = converter.min is None and converter.max is None and not converter.fixed_digits
        if unbounded:
            return int
    return converter.to_python


def _bind(url_map: Map, environ: WSGIEnvironment, server_name: str | None, subdomain: str | None) -> MapAdapter:
    return url_map.bind_to_environ(environ, server_name=server_name, subdomain=subdomain)


#: `bind_to_environ`, in another's name: Werkzeug warns its caller when a host is not below `SERVER_NAME`, and people
#: filter that warning by Flask's module.
bind_as_flask = FunctionType(_bind.__code__, {"__name__": "flask.app"})
